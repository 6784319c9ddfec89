//! What samples have that is to be predicted, as files say it: for datasets that read tables.

use crate::Error;
use crate::nearest::nearest;
use serde::Deserialize;
use std::collections::HashSet;
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

/// The key `targets` for the schema of a dataset's parameters, with a comma after it.
#[macro_export]
macro_rules! targets_property {
    () => {
        r#""targets": {"enum": ["classes", "numbers", "multilabel"], "default": "classes",
            "description": "what the labels are: classes, numbers to be predicted (ages, counts, angles), or several labels of each sample, in a column for each that has 1 or 0"},"#
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

    /// Refuses what cannot be meant, before any file is read.
    ///
    /// # Errors
    ///
    /// [`Error::parameters`] for several columns of classes, for none, and for one that is named twice.
    pub fn check(&self, targets: Targets) -> Result<(), Error> {
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
        let check = |label: Value, targets: Targets, expected: &str| {
            let label: LabelColumns = serde_json::from_value(label).unwrap();
            let told = label
                .check(targets)
                .map_or_else(|e| e.to_string(), |()| String::new());
            assert_eq!(told, expected);
        };
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
