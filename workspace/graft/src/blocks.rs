//! Where the blocks of a transformer end: at sums of tokens and of what a block makes of them.

use std::collections::HashSet;

use topwork_engine::Blueprint;

/// For each layer whether a block ends behind it.
pub(crate) fn ends(blueprint: &Blueprint) -> Vec<bool> {
    let layers = blueprint.layers();
    let mut with_attention = vec![false; layers.len()];
    let mut without = vec![false; layers.len()];
    for (place, layer) in layers.iter().enumerate() {
        let (Some(_), &[a, b]) = (layer.output.as_tokens(), layer.inputs.as_slice()) else {
            continue;
        };
        if layer.op.name() != "add" {
            continue;
        }
        // What comes later is made of what was there before.
        let made = branch(blueprint, a.min(b), a.max(b));
        if made.contains("attention") {
            with_attention[place] = true;
        } else if made.contains("linear") {
            without[place] = true;
        }
    }
    // Where attention and what follows it are summed at once, those sums are all there are.
    match without.contains(&true) {
        true => without,
        false => with_attention,
    }
}

/// The kinds of the layers from one up to another, counted from 1; none where the other needs something from before.
fn branch(blueprint: &Blueprint, from: usize, to: usize) -> HashSet<&'static str> {
    let mut kinds = HashSet::new();
    let mut seen = HashSet::new();
    let mut open = vec![to];
    while let Some(number) = open.pop() {
        if number == from || !seen.insert(number) {
            continue;
        }
        let layer = number.checked_sub(1).filter(|_| number > from);
        let Some(layer) = layer.and_then(|place| blueprint.layers().get(place)) else {
            return HashSet::new();
        };
        kinds.insert(layer.op.name());
        open.extend(&layer.inputs);
    }
    kinds
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// The layers of `text` behind which a block ends, one a line: name, kind, and what it gets where that is not the one before.
    fn check(text: &str, expected: &[&str]) {
        let layers = text.split('\n').map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let keys = match words[1] {
                "conv2d" => r#", "filters": 3, "kernel": [1, 1]"#,
                "attention" => r#", "heads": 1"#,
                "linear" => r#", "units": 3"#,
                _ => "",
            };
            let inputs = match &words[2..] {
                [] => String::new(),
                names => format!(r#", "inputs": ["{}"]"#, names.join(r#"", ""#)),
            };
            format!(
                r#"{{"name": "{}", "op": "{}"{keys}{inputs}}}"#,
                words[0], words[1]
            )
        });
        let layers: Vec<String> = layers.collect();
        let json = format!(
            r#"{{"format": 1, "input": [3, 4, 4], "layers": [{}], "cuts": []}}"#,
            layers.join(", ")
        );
        let blueprint = Blueprint::parse(&json).unwrap();
        let ends = ends(&blueprint).into_iter();
        let found = blueprint.layers().iter().zip(ends);
        let found: Vec<&str> = found
            .filter(|(_, ends)| *ends)
            .map(|(layer, _)| &*layer.name)
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn blocks_end_at_their_last_sum() {
        check(
            "t tokens\na attention\ns add t a\nl linear\ng gelu\nm linear\nu add s m\nb attention\nv add b u\nn linear\nw add n v",
            &["u", "w"],
        );
        // Both at once, in turn and side by side.
        check(
            "t tokens\na attention\nl linear\ns add t l\nb attention\nv add s b",
            &["s", "v"],
        );
        check(
            "t tokens\nn layer-norm\na attention n\nl linear n\nb add a l\ns add t b",
            &["s"],
        );
        check("c conv2d\nd conv2d\ns add c d", &[]);
        check("t tokens\ng gelu\ns add t g", &[]);
    }
}
