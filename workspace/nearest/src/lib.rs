//! Says which of the words there are a wrong one most likely stands for, the "did you mean" of every message, and lists them.
//!
//! ```
//! assert_eq!(topwork_nearest::nearest("epcohs", ["epochs", "seeds"]), Some("epochs"));
//! assert_eq!(topwork_nearest::nearest("momentum", ["epochs", "seeds"]), None);
//! ```

/// The candidate that differs in the fewest letters (left out, added, replaced or swapped with their neighbour), if it differs
/// in few enough to be meant; the first of several.
pub fn nearest<'a>(
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

/// The candidate with the most similar name, and how similar it is: from 0 to 1, by Jaro and Winkler.
///
/// For long names that somebody else has made up on another plan, such as those of tensors and files: two of them may name the
/// same thing and differ in more letters than a slip would explain.
///
/// ```
/// let names = ["blocks.0.norm", "conv_stem.weight"];
/// let (name, similarity) = topwork_nearest::most_alike("stem.conv.weight", names, |name| name).unwrap();
/// assert_eq!(name, "conv_stem.weight");
/// assert!(similarity > 0.65);
/// ```
pub fn most_alike<T>(
    written: &str,
    candidates: impl IntoIterator<Item = T>,
    name: impl Fn(&T) -> &str,
) -> Option<(T, f64)> {
    candidates
        .into_iter()
        .map(|candidate| {
            let similarity = strsim::jaro_winkler(name(&candidate), written);
            (candidate, similarity)
        })
        .max_by(|a, b| a.1.total_cmp(&b.1))
}

/// A hint that offers the nearest candidate and lists all: "did you mean `mlp`? network heads:
/// `mlp`, `linear`"; `None` without candidates.
pub fn choices<'a>(
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
pub fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
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
