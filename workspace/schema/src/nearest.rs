//! Which legal word a misspelt one most likely stands for, and lists of words in messages.

/// The candidate that differs in the fewest letters, if it differs in few enough to be meant.
pub(crate) fn nearest<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let length = written.chars().count();
    let most = if length <= 2 { 1 } else { (length / 3).max(2) };
    let lower = written.to_lowercase();
    candidates
        .into_iter()
        .map(|word| {
            (
                strsim::damerau_levenshtein(&lower, &word.to_lowercase()),
                word,
            )
        })
        .filter(|(distance, word)| *distance <= most && *distance < word.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// A hint that offers the nearest candidate and lists all: "did you mean `mlp`? network heads:
/// `mlp`, `linear`".
pub(crate) fn choices<'a>(
    written: &str,
    what: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<String> {
    let all = listed(candidates.clone());
    if all.is_empty() {
        return None;
    }
    let all = format!("{what}: {all}");
    Some(match nearest(written, candidates) {
        Some(word) => format!("did you mean `{word}`? {all}"),
        None => all,
    })
}

/// "`a`, `b`, `c`".
pub(crate) fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_finds_its_word_and_another_word_finds_nothing() {
        let words = ["epochs", "batch-size", "optimizer", "learning-rate", "mlp"];
        let cases = [
            ("epoch", Some("epochs")),
            ("epcohs", Some("epochs")),
            ("Epochs", Some("epochs")),
            ("batch_size", Some("batch-size")),
            ("learning-rates", Some("learning-rate")),
            ("optimiser", Some("optimizer")),
            ("mpl", Some("mlp")),
            ("dropout", None),
            ("xyz", None),
            ("", None),
        ];
        for (written, expected) in cases {
            assert_eq!(nearest(written, words), expected, "{written:?}");
        }
    }
}
