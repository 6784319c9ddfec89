//! Patterns of names, in which `*` stands for anything.

/// What each `*` of `pattern` stands for in `name`, as little as possible but for the last one; nothing
/// where the name does not fit.
pub(super) fn stand_ins<'name>(pattern: &str, name: &'name str) -> Option<Vec<&'name str>> {
    let mut pieces = pattern.split('*');
    let mut rest = name.strip_prefix(pieces.next()?)?;
    let mut found = Vec::new();
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty().then_some(found);
    }
    while let Some(piece) = pieces.next() {
        let start = match pieces.peek() {
            Some(_) => rest.find(piece)?,
            None => rest.strip_suffix(piece)?.len(),
        };
        found.push(&rest[..start]);
        rest = &rest[start + piece.len()..];
    }
    Some(found)
}

/// `pattern` with each `*` replaced by what it is to stand for.
pub(super) fn filled(pattern: &str, stand_ins: &[&str]) -> String {
    let mut stand_ins = stand_ins.iter();
    let mut name = String::new();
    for (index, piece) in pattern.split('*').enumerate() {
        if index > 0 {
            name.push_str(stand_ins.next().copied().unwrap_or_default());
        }
        name.push_str(piece);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        let check = |pattern: &str, name: &str, expected: Option<&[&str]>| {
            let found = stand_ins(pattern, name);
            assert_eq!(found.as_deref(), expected, "{pattern} {name}");
            if let Some(found) = found {
                assert_eq!(filled(pattern, &found), name);
            }
        };
        check("fc.*", "fc.weight", Some(&["weight"]));
        check("fc.*", "fc", None);
        check("*.tracked", "layer1.0.bn1.tracked", Some(&["layer1.0.bn1"]));
        check("*.tracked", "tracked", None);
        check("layer*.bn*.bias", "layer1.0.bn1.bias", Some(&["1.0", "1"]));
        check("layer*.bn*.bias", "layer1.0.bn1.weight", None);
        check("a*b*", "a-b-b", Some(&["-", "-b"]));
        check("a*a", "a", None);
        check("*", "", Some(&[""]));
        check("exact", "exact", Some(&[]));
        check("exact", "exactly", None);
    }

    #[test]
    fn stars_are_filled_in_their_order() {
        assert_eq!(filled("block*.conv.*", &["3", "bias"]), "block3.conv.bias");
        assert_eq!(filled("logits", &[]), "logits");
    }
}
