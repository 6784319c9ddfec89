//! From labels as they stand in files to classes.

use std::collections::BTreeSet;

/// Labels as positions in a list of classes.
#[derive(Debug, PartialEq, Eq)]
pub struct Labels {
    /// The names of the classes.
    pub classes: Vec<String>,
    /// The class of every sample.
    pub labels: Vec<u32>,
}

impl Labels {
    /// Every different number is a class, in ascending order. With `names`, a number is a position among them.
    pub fn from_integers(values: &[i64], names: &[String]) -> Result<Labels, String> {
        if names.is_empty() {
            let different: BTreeSet<i64> = values.iter().copied().collect();
            let classes: Vec<i64> = different.into_iter().collect();
            let label = |value| classes.binary_search(value).unwrap_or_default() as u32;
            return Ok(Labels {
                labels: values.iter().map(label).collect(),
                classes: classes.iter().map(i64::to_string).collect(),
            });
        }
        let label = |(sample, &value): (usize, &i64)| {
            let is_known = usize::try_from(value).is_ok_and(|value| value < names.len());
            is_known.then_some(value as u32).ok_or_else(|| {
                let (last, count) = (names.len() - 1, names.len());
                format!(
                    "label {value} of sample {sample}, expected 0 to {last} (length of `class-names`: {count})"
                )
            })
        };
        let labels: Result<Vec<u32>, String> = values.iter().enumerate().map(label).collect();
        Ok(Labels {
            labels: labels?,
            classes: names.to_vec(),
        })
    }

    /// Texts that are all integers are taken as such. Otherwise every different text is a class, in alphabetical order or that
    /// of `names`.
    pub fn from_texts(values: &[String], names: &[String]) -> Result<Labels, String> {
        let integers: Result<Vec<i64>, _> = values.iter().map(|value| value.parse()).collect();
        if let Ok(integers) = integers {
            return Labels::from_integers(&integers, names);
        }
        let classes = match names {
            [] => {
                let different: BTreeSet<String> = values.iter().cloned().collect();
                different.into_iter().collect()
            }
            names => names.to_vec(),
        };
        let label = |(sample, value): (usize, &String)| {
            let position = classes.iter().position(|class| class == value);
            position.map(|position| position as u32).ok_or_else(|| {
                let names = classes.join(", ");
                format!(
                    "label {value:?} of sample {sample}, expected one of `class-names`: {names}"
                )
            })
        };
        let labels: Result<Vec<u32>, String> = values.iter().enumerate().map(label).collect();
        Ok(Labels {
            labels: labels?,
            classes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn labels_become_classes() {
        // Labels, names, and what comes out: classes and positions.
        let cases = [
            ("3 1 3 -2", "", "-2 1 3: 2 1 2 0"),
            ("10 9 10", "", "9 10: 1 0 1"),
            ("cat dog cat 7", "", "7 cat dog: 1 2 1 0"),
            ("1 0", "a b c", "a b c: 1 0"),
            ("dog cat", "dog cat", "dog cat: 0 1"),
            (
                "1 3",
                "a b c",
                "label 3 of sample 1, expected 0 to 2 (length of `class-names`: 3)",
            ),
            (
                "-1",
                "a",
                "label -1 of sample 0, expected 0 to 0 (length of `class-names`: 1)",
            ),
            (
                "a x",
                "a b",
                "label \"x\" of sample 1, expected one of `class-names`: a, b",
            ),
        ];
        for (values, names, expected) in cases {
            let found = match Labels::from_texts(&texts(values), &texts(names)) {
                Ok(Labels { classes, labels }) => {
                    let labels: Vec<String> = labels.iter().map(u32::to_string).collect();
                    format!("{}: {}", classes.join(" "), labels.join(" "))
                }
                Err(problem) => problem,
            };
            assert_eq!(found, expected, "{values}");
        }
    }
}
