//! What a strategy says of every example it is measured on.

use std::fmt::Write;

/// Predictions of one strategy with one seed, in the order of the test examples.
pub struct Predictions<'a> {
    /// Positions of the examples in the dataset's split.
    pub positions: &'a [u64],
    /// The fold each was left out with, from 1; empty where there are none.
    pub folds: &'a [u32],
    /// True labels.
    pub labels: &'a [u32],
    /// Scores, `labels.len() × classes.len()`; the largest is the prediction.
    pub scores: &'a [f32],
    /// Names of the classes.
    pub classes: &'a [String],
}

/// The class with the largest score; the first of equals.
pub fn predicted(scores: &[f32]) -> usize {
    let mut best = 0;
    for (class, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = class;
        }
    }
    best
}

impl Predictions<'_> {
    /// One line per test example: its position, its class, the class predicted, with folds the
    /// one it was left out with, all scores.
    pub fn to_csv(&self) -> String {
        let mut text = String::from("example,class,predicted");
        if !self.folds.is_empty() {
            text.push_str(",fold");
        }
        for class in self.classes {
            // Writing to a string cannot fail.
            let _ = write!(text, ",{}", quoted(&format!("score {class}")));
        }
        text.push('\n');
        let scores = self.scores.chunks_exact(self.classes.len());
        let examples = self.positions.iter().zip(self.labels).zip(scores);
        for (index, ((position, label), scores)) in examples.enumerate() {
            let name = |class: usize| quoted(&self.classes[class]);
            let _ = write!(
                text,
                "{position},{},{}",
                name(*label as usize),
                name(predicted(scores))
            );
            if let Some(fold) = self.folds.get(index) {
                let _ = write!(text, ",{fold}");
            }
            for score in scores {
                let _ = write!(text, ",{score}");
            }
            text.push('\n');
        }
        text
    }
}

/// For every line of a file made by [`Predictions::to_csv`], whether the class predicted is the
/// true one; `None` for any other file.
pub fn right_of(csv: &[u8]) -> Option<Vec<bool>> {
    csv::Reader::from_reader(csv)
        .records()
        .map(|record| {
            let record = record.ok()?;
            Some(record.get(1)? == record.get(2)?)
        })
        .collect()
}

/// A CSV field, in quotes where it needs them (RFC 4180).
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_by_hand() {
        let predictions = Predictions {
            positions: &[3, 8],
            folds: &[],
            labels: &[0, 1],
            scores: &[0.25, 0.75, -1.0, 2.5],
            classes: &["a, b".to_owned(), "c".to_owned()],
        };
        let expected = "example,class,predicted,\"score a, b\",score c\n3,\"a, b\",c,0.25,0.75\n8,c,c,-1,2.5\n";
        assert_eq!(predictions.to_csv(), expected);
        assert_eq!(right_of(expected.as_bytes()), Some(vec![false, true]));
        let folds = Predictions {
            folds: &[2, 1],
            ..predictions
        };
        let expected = "example,class,predicted,fold,\"score a, b\",score c\n3,\"a, b\",c,2,0.25,0.75\n8,c,c,1,-1,2.5\n";
        assert_eq!(folds.to_csv(), expected);
        assert_eq!(right_of(expected.as_bytes()), Some(vec![false, true]));
        assert_eq!(right_of(b"example,class\n1,2\n"), None);
    }

    #[test]
    fn the_first_of_equal_scores_wins() {
        assert_eq!(predicted(&[0.0, 1.0, 1.0]), 1);
        assert_eq!(predicted(&[2.0]), 0);
    }
}
