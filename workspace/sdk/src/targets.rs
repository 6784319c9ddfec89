//! What samples have that is to be predicted, as files say it: for datasets that read tables.

use crate::Error;
use crate::nearest::nearest;
use serde::Deserialize;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::slice;

/// What labels are: the key `targets`, which [`targets_property!`](crate::targets_property) declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Targets {
    /// Every different one is a class.
    Classes,
    /// They are numbers to be predicted.
    Numbers,
    /// A column for each of several labels: 1 for the samples that have it, 0 for others.
    Multilabel,
}

/// The keys `targets` and `label-separator` for the schema of a dataset's parameters, with a comma after them.
#[macro_export]
macro_rules! targets_property {
    () => {
        r#""targets": {"enum": ["classes", "numbers", "multilabel"], "default": "classes",
            "description": "what the labels are: classes, numbers to be predicted (ages, counts, angles), or several labels of each sample, in a column for each that has 1 or 0"},
        "label-separator": {"type": "string", "minLength": 1,
            "description": "of `targets = \"multilabel\"`: the labels of a sample are words in one column, with this between them, as `;` in `cat;dog`; an empty cell is a sample without labels"},"#
    };
}

/// A column of a table of text, as users name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(untagged)]
pub enum Column {
    /// Its position, counted from 0.
    Position(usize),
    /// Its name in the first line.
    Name(String),
}

impl fmt::Display for Column {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Column::Position(position) => write!(formatter, "{position}"),
            Column::Name(name) => write!(formatter, "{name:?}"),
        }
    }
}

/// The position of the only column of this name among those of the first line; `key` is the parameter that says it.
///
/// # Errors
///
/// [`Error::data`], without file and line, where there is none or there are several.
pub fn position_of(names: &[&str], key: &str, name: &str) -> Result<usize, Error> {
    /// More names than this are not read in a message.
    const TOLD: usize = 50;
    let mut positions = (0..).zip(names).filter(|(_, other)| **other == name);
    match (positions.next(), positions.next()) {
        (Some((position, _)), None) => Ok(position),
        (Some(_), Some(_)) => Err(Error::data(format!(
            "several columns {name:?} (`{key}`), expected one"
        ))),
        (None, _) => {
            let all = names[..names.len().min(TOLD)].join(", ");
            let error = Error::data(format!(
                "no column {name:?} (`{key}`), expected one of {all}"
            ));
            Err(match nearest(name, names.iter().copied()) {
                Some(nearest) => error.with_hint(format!("did you mean `{nearest}`?")),
                None => error,
            })
        }
    }
}

/// The key `label` of a table: one column, or where they are no classes several.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum LabelColumns {
    /// A column.
    One(Column),
    /// In this order.
    Several(Vec<Column>),
}

impl LabelColumns {
    /// The columns.
    pub fn all(&self) -> &[Column] {
        match self {
            LabelColumns::One(column) => slice::from_ref(column),
            LabelColumns::Several(columns) => columns,
        }
    }

    /// Refuses what cannot be meant, before any file is read; `separator` is the parameter `label-separator`.
    ///
    /// # Errors
    ///
    /// [`Error::parameters`] for a separator of what are no several labels, for several columns of classes or of separated words, for
    /// none, and for one that is named twice.
    pub fn check(
        label: Option<&Self>,
        targets: Targets,
        separator: Option<&str>,
    ) -> Result<(), Error> {
        if separator.is_some() && targets != Targets::Multilabel {
            return Err(Error::parameters(
                "`label-separator` stands between several labels of a sample",
            )
            .with_hint("it goes with `targets = \"multilabel\"`"));
        }
        let Some(label) = label else { return Ok(()) };
        label.check_columns(targets)?;
        match (separator, label.all()) {
            (Some(_), columns @ [_, _, ..]) => Err(Error::parameters(format!(
                "`label` names {} columns, expected the one with the words that `label-separator` stands between",
                columns.len()
            ))),
            _ => Ok(()),
        }
    }

    fn check_columns(&self, targets: Targets) -> Result<(), Error> {
        let mut seen = HashSet::new();
        match self.all() {
            [] => Err(Error::parameters("`label` names no column, expected one")),
            [_, _, ..] if targets == Targets::Classes => Err(Error::parameters(format!(
                "`label` names {} columns, expected one",
                self.all().len()
            ))
            .with_hint("several go with `targets = \"numbers\"` or `targets = \"multilabel\"`")),
            columns => match columns.iter().find(|column| !seen.insert(*column)) {
                Some(column) => Err(Error::parameters(format!(
                    "`label` names the column {column} twice"
                ))),
                None => Ok(()),
            },
        }
    }
}

/// The number to be predicted in a cell of a table, which `read` takes from its text or says what was expected.
///
/// # Errors
///
/// [`Error::data`] with text and column, without file and line, where it is none.
pub fn target_number(
    text: &str,
    column: &Column,
    read: impl FnOnce(&str) -> Result<f32, &'static str>,
) -> Result<f32, Error> {
    read(text)
        .map_err(|expected| Error::data(format!("label {text:?} of column {column}, {expected}")))
}

/// The finite number that a text is, with a decimal point.
///
/// # Errors
///
/// What was expected, where it is none.
pub fn finite_number(text: &str) -> Result<f32, &'static str> {
    match text.parse::<f32>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err("expected a finite number"),
    }
}

/// Whether a sample has a label, as 1 or 0.
///
/// # Errors
///
/// What was expected, where it is neither.
pub fn indicator(text: &str) -> Result<f32, &'static str> {
    match text {
        "1" | "1.0" | "true" | "True" | "TRUE" => Ok(1.0),
        "0" | "0.0" | "false" | "False" | "FALSE" => Ok(0.0),
        _ => Err("expected 1 or 0"),
    }
}

/// Labels of samples as words, `cat;dog` for a sample with two of them.
#[derive(Default)]
pub struct LabelWords {
    of_samples: Vec<Vec<String>>,
}

impl LabelWords {
    /// Takes a cell, that of the next sample. Blanks around words, and words that are empty or stand there twice, are of no account.
    pub fn add(&mut self, cell: &str, separator: &str) {
        let words = cell.split(separator).map(str::trim);
        let words = words.filter(|word| !word.is_empty()).map(str::to_owned);
        self.of_samples.push(words.collect());
    }

    /// The labels, in the order wanted or else sorted, and for every sample 1 for those that it has and 0 for others, samples ×
    /// labels. A sample has no other labels than those `wanted`, where some are.
    ///
    /// # Errors
    ///
    /// [`Error::data`], without file and line, where no sample has a label, and for a label that is not wanted, with the position of
    /// its sample.
    pub fn columns(&self, wanted: &[String]) -> Result<(Vec<String>, Vec<f32>), (usize, Error)> {
        let names: Vec<String> = match wanted {
            [] => {
                let all: BTreeSet<&String> = self.of_samples.iter().flatten().collect();
                all.into_iter().cloned().collect()
            }
            wanted => wanted.to_vec(),
        };
        if names.is_empty() {
            return Err((0, Error::data("no sample has a label")));
        }
        let places: HashMap<&str, usize> = (names.iter().map(String::as_str)).zip(0..).collect();
        let mut numbers = vec![0.0; self.of_samples.len() * names.len()];
        for (sample, words) in self.of_samples.iter().enumerate() {
            for word in words {
                match places.get(word.as_str()) {
                    Some(place) => numbers[sample * names.len() + place] = 1.0,
                    None => {
                        let error = Error::data(format!("label {word:?}, which is not wanted"));
                        let near = nearest(word, names.iter().map(String::as_str));
                        return Err((
                            sample,
                            match near {
                                Some(near) => error.with_hint(format!("did you mean `{near}`?")),
                                None => error,
                            },
                        ));
                    }
                }
            }
        }
        Ok((names, numbers))
    }
}

/// Refuses numbers to be predicted of which one column is the same in all samples: nothing can be learnt of it, and no share of its
/// variance explained. `numbers` are samples × columns, `place` says for people whose they are.
///
/// # Errors
///
/// [`Error::data`] with the place, the column and its number.
pub fn check_target_numbers(place: &str, columns: &[String], numbers: &[f32]) -> Result<(), Error> {
    let count = columns.len().max(1);
    for (position, name) in columns.iter().enumerate() {
        let mut column = numbers.iter().skip(position).step_by(count);
        if let Some(first) = column.next()
            && column.all(|number| number == first)
        {
            let of = match count {
                1 => String::new(),
                _ => format!(" in `{name}`"),
            };
            return Err(Error::data(format!(
                "{place}: every number to be predicted{of} is {first}, expected at least two different ones"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn columns_are_found_by_name() {
        let check = |name: &str, expected: Result<usize, &str>| {
            let found = position_of(&["age", "chins", "jumps", "age"], "label", name);
            let found = found.map_err(|error| {
                let hint = error.hint().map(|hint| format!("; {hint}"));
                format!("{error}{}", hint.unwrap_or_default())
            });
            assert_eq!(found, expected.map_err(str::to_owned));
        };
        check("jumps", Ok(2));
        check(
            "age",
            Err("several columns \"age\" (`label`), expected one"),
        );
        check(
            "chisn",
            Err(
                "no column \"chisn\" (`label`), expected one of age, chins, jumps, age; did you mean `chins`?",
            ),
        );
        check(
            "weight",
            Err("no column \"weight\" (`label`), expected one of age, chins, jumps, age"),
        );
    }

    #[test]
    fn several_columns_are_numbers_and_different() {
        let check_separated = |label: Value, targets: Targets, separator, expected: &str| {
            let label: LabelColumns = serde_json::from_value(label).unwrap();
            let told = LabelColumns::check(Some(&label), targets, separator)
                .map_or_else(|e| e.to_string(), |()| String::new());
            assert_eq!(told, expected);
        };
        let check = |label, targets, expected| check_separated(label, targets, None, expected);
        check(json!("a"), Targets::Classes, "");
        check(json!(["a"]), Targets::Classes, "");
        check(json!(["a", 2]), Targets::Numbers, "");
        let one = "`label` names 2 columns, expected one";
        check(json!(["a", "b"]), Targets::Classes, one);
        check(
            json!([]),
            Targets::Numbers,
            "`label` names no column, expected one",
        );
        let twice = "`label` names the column \"a\" twice";
        check(json!(["a", 1, "a"]), Targets::Numbers, twice);
        check_separated(json!("a"), Targets::Multilabel, Some(";"), "");
        let none = "`label-separator` stands between several labels of a sample";
        check_separated(json!("a"), Targets::Classes, Some(";"), none);
        check_separated(json!("a"), Targets::Numbers, Some(";"), none);
        let several = "`label` names 2 columns, expected the one with the words that `label-separator` stands between";
        check_separated(json!(["a", "b"]), Targets::Multilabel, Some(";"), several);
    }

    #[test]
    fn words_are_labels() {
        let check = |cells: &[&str], wanted: &[&str], expected: Result<(&[&str], &[f32]), &str>| {
            let mut words = LabelWords::default();
            for cell in cells {
                words.add(cell, ";");
            }
            let wanted: Vec<String> = wanted.iter().map(|&name| name.to_owned()).collect();
            let found = words.columns(&wanted);
            let told = found.map_err(|(sample, error)| {
                let hint = error.hint().map(|hint| format!("; {hint}"));
                format!("{sample}: {error}{}", hint.unwrap_or_default())
            });
            let expected = expected.map(|(names, numbers)| {
                let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
                (names, numbers.to_vec())
            });
            assert_eq!(told, expected.map_err(str::to_owned), "{cells:?}");
        };
        let cells = ["dog; cat", "", "cat;;cat", "dog;"];
        check(
            &cells,
            &[],
            Ok((&["cat", "dog"], &[1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0])),
        );
        let other_order: &[f32] = &[0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0];
        let names = ["horse", "dog", "cat"];
        check(&cells, &names, Ok((&names, other_order)));
        check(&["", " ;"], &[], Err("0: no sample has a label"));
        check(
            &["cat", "cats;dog"],
            &["cat", "dog"],
            Err("1: label \"cats\", which is not wanted; did you mean `cat`?"),
        );
    }

    #[test]
    fn numbers_are_finite_and_not_all_the_same() {
        let column = Column::Name("age".to_owned());
        assert_eq!(
            target_number("-1.5e2", &column, finite_number).unwrap(),
            -150.0
        );
        for text in ["", "old", "nan", "inf", "1e300"] {
            assert_eq!(
                target_number(text, &column, finite_number)
                    .unwrap_err()
                    .to_string(),
                format!("label {text:?} of column \"age\", expected a finite number")
            );
        }
        for (text, expected) in [
            ("1", Ok(1.0)),
            ("False", Ok(0.0)),
            ("2", Err("expected 1 or 0")),
        ] {
            assert_eq!(indicator(text), expected);
        }
        let check = |names: &[&str], numbers: &[f32], expected: &str| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let told = check_target_numbers("`a.csv`", &names, numbers);
            assert_eq!(
                told.map_or_else(|e| e.to_string(), |()| String::new()),
                expected
            );
        };
        check(&["a"], &[1.0, 1.0, 2.0], "");
        check(&["a", "b"], &[1.0, 2.0, 2.0, 1.0], "");
        let all =
            "`a.csv`: every number to be predicted is 3, expected at least two different ones";
        check(&["a"], &[3.0; 2], all);
        let of_b = "`a.csv`: every number to be predicted in `b` is 2, expected at least two different ones";
        check(&["a", "b"], &[1.0, 2.0, 0.0, 2.0], of_b);
    }
}
