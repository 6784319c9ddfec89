//! From labels as they stand in files to classes, or to numbers.

use crate::npy::Content;
use crate::numbers::Array;
use std::collections::{BTreeMap, BTreeSet};
use topwork_sdk::{Error, Host, Level, Targets};

/// What tables write where a value is missing.
pub const MISSING: [&str; 9] = ["", "?", "NA", "N/A", "nan", "NaN", "null", "NULL", "None"];

/// The labels of one file as they stand there.
pub struct Column {
    /// Whose they are, for people.
    pub name: String,
    /// A label for every sample.
    pub values: Values,
    /// The line of every label, where the file has lines.
    pub lines: Vec<u64>,
}

/// Labels of one kind.
pub enum Values {
    /// Numbers, exact also where they are wider than 53 bits.
    Integers(Vec<i128>),
    /// Words; they may stand for numbers, as in files of text.
    Words(Vec<String>),
}

impl Column {
    /// The labels in an array, one for each of the `count` samples of `samples`: a list of integers or words, or one-hot.
    pub fn from_array(
        name: String,
        content: Content,
        count: usize,
        samples: &str,
        host: Host,
    ) -> Result<Column, Error> {
        let shape = content.shape().to_vec();
        let is_list = is_list(&shape, count);
        let column = |values| Column {
            name: name.clone(),
            values,
            lines: Vec::new(),
        };
        match (content, &*shape) {
            (Content::Words(_, words), _) if is_list => {
                let words = words.iter().map(|word| word.trim().to_owned());
                Ok(column(Values::Words(words.collect())))
            }
            (Content::Numbers(array), _) if is_list => {
                let integer = |sample| {
                    array.integer(sample).ok_or_else(|| {
                        let label = array.number(sample);
                        let most = array.kind().exact_to();
                        let expected = match label.fract() == 0.0 && label.abs() >= most {
                            true => format!("expected less than {most}, from where on these floats skip integers"),
                            false => "expected an integer".to_owned(),
                        };
                        told(&name, &[], sample, &label.to_string(), &expected)
                    })
                };
                let integers: Result<Vec<i128>, Error> = (0..count).map(integer).collect();
                Ok(column(Values::Integers(integers?)))
            }
            (Content::Numbers(array), &[rows, classes]) if rows == count && classes > 1 => {
                let labels = one_hot(&array, classes).map_err(|(sample, found)| {
                    let message = format!(
                        "{name} holds {classes} numbers for every sample, but is not one-hot: {found} for sample {sample}, expected a single 1"
                    );
                    Error::data(message).with_hint(
                        "every sample has one class: of scores, save the place of the largest, `a.argmax(axis=1)`",
                    )
                })?;
                host.log_once(
                    Level::Info,
                    &format!(
                        "{name}: one-hot, {count} × {classes}; the place of the 1 is the label"
                    ),
                );
                Ok(column(Values::Integers(labels)))
            }
            _ => Err(Error::data(format!(
                "{name} has the shape {shape:?}, expected {count} labels, one for each sample of {samples}"
            ))),
        }
    }

    fn told(&self, sample: usize, label: &str, expected: &str) -> Error {
        told(&self.name, &self.lines, sample, label, expected)
    }

    /// The labels as integers, if all are.
    fn integers(&self) -> Option<Vec<i128>> {
        match &self.values {
            Values::Integers(integers) => Some(integers.clone()),
            Values::Words(words) => words.iter().map(|word| whole(word)).collect(),
        }
    }
}

/// Whether an array of this shape is a list of so many. Some write a column of labels as a table of one column, or a row.
pub fn is_list(shape: &[usize], count: usize) -> bool {
    let len: usize = shape.iter().product();
    len == count && shape.iter().filter(|&&size| size != 1).count() <= 1
}

/// A wrong label with its place.
fn told(name: &str, lines: &[u64], sample: usize, label: &str, expected: &str) -> Error {
    Error::data(match lines.get(sample) {
        Some(line) => format!("{name}, line {line}: label {label}, {expected}"),
        None => format!("{name}: label {label} of sample {sample}, {expected}"),
    })
}

/// The places of the ones in a table of zeros and ones; the error is a row that is none of these, and what it holds.
fn one_hot(array: &Array, classes: usize) -> Result<Vec<i128>, (usize, String)> {
    const SHOWN: usize = 10;
    let row = |sample: usize| {
        let numbers = (0..classes).map(|class| array.number(sample * classes + class));
        let ones: Vec<usize> = (numbers.clone().enumerate())
            .filter_map(|(class, number)| (number == 1.0).then_some(class))
            .collect();
        let zeros = numbers.clone().filter(|number| *number == 0.0).count();
        match *ones {
            [one] if zeros == classes - 1 => Ok(one as i128),
            _ => {
                let shown: Vec<String> = numbers.take(SHOWN).map(|n| n.to_string()).collect();
                let more = if classes > SHOWN { ", …" } else { "" };
                Err((sample, shown.join(", ") + more))
            }
        }
    };
    (0..array.len() / classes).map(row).collect()
}

/// An integer as text; programs that read a column with a hole write `3` as `3.0`.
fn whole(text: &str) -> Option<i128> {
    let digits = match text.split_once('.') {
        Some((digits, zeros)) if zeros.bytes().all(|byte| byte == b'0') => digits,
        Some(_) => return None,
        None => text,
    };
    digits.parse().ok()
}

/// Whether a text is a number of any kind. Words such as `nan` and `infinity` are none here.
pub fn is_number(text: &str) -> bool {
    let begins = text.trim_start_matches(['+', '-', '.']);
    begins.starts_with(|c: char| c.is_ascii_digit()) && text.parse::<f64>().is_ok()
}

/// Labels as positions in a list of classes.
#[derive(Debug, PartialEq)]
pub struct Labels {
    /// The names of the classes.
    pub classes: Vec<String>,
    /// The class of every sample, file after file; of numbers 0.
    pub labels: Vec<u32>,
    /// The numbers, samples × columns, where they are to be predicted, or 1 and 0 for several labels: then `classes` are the names of
    /// their columns.
    pub numbers: Option<Vec<f32>>,
    /// What the user says they are.
    pub targets: Targets,
}

impl Labels {
    /// Every different label is a class. Where all are integers, also as texts, they are in ascending order, or with `names`
    /// positions among them; words are in alphabetical order, or that of `names`. What looks like a mistake and may be meant is
    /// told to the host.
    pub fn new(columns: &[Column], names: &[String], host: Host) -> Result<Labels, Error> {
        let integers: Option<Vec<Vec<i128>>> = columns.iter().map(Column::integers).collect();
        match integers {
            Some(integers) => Labels::from_integers(columns, &integers, names, host),
            None => Labels::from_words(columns, names, host),
        }
    }

    fn from_integers(
        columns: &[Column],
        integers: &[Vec<i128>],
        names: &[String],
        host: Host,
    ) -> Result<Labels, Error> {
        let all = integers.iter().flatten();
        if names.is_empty() {
            let different: BTreeSet<i128> = all.clone().copied().collect();
            let classes: Vec<i128> = different.into_iter().collect();
            if classes.len() > 3 && classes[..2] == [-1, 0] {
                let count = all.clone().filter(|label| **label == -1).count();
                host.log_once(
                    Level::Warning,
                    &format!(
                        "{}: label -1 ({count} samples) is a class like any other; where it means none, leave these samples out",
                        names_of(columns)
                    ),
                );
            }
            let label = |value| classes.binary_search(value).unwrap_or_default() as u32;
            return Ok(Labels {
                labels: all.map(label).collect(),
                classes: classes.iter().map(i128::to_string).collect(),
                numbers: None,
                targets: Targets::Classes,
            });
        }
        let mut labels = Vec::new();
        for (column, integers) in columns.iter().zip(integers) {
            for (sample, &value) in integers.iter().enumerate() {
                let known = usize::try_from(value)
                    .ok()
                    .filter(|value| *value < names.len());
                let Some(known) = known else {
                    let (last, count) = (names.len() - 1, names.len());
                    let expected =
                        format!("expected 0 to {last} (length of `class-names`: {count})");
                    return Err(column.told(sample, &value.to_string(), &expected));
                };
                labels.push(known as u32);
            }
        }
        Ok(Labels {
            labels,
            classes: names.to_vec(),
            numbers: None,
            targets: Targets::Classes,
        })
    }

    fn from_words(columns: &[Column], names: &[String], host: Host) -> Result<Labels, Error> {
        let mut all: Vec<(&Column, usize, &str)> = Vec::new();
        for column in columns {
            let Values::Words(words) = &column.values else {
                let message = format!(
                    "{} do not agree: the labels of one are words, of the other integers",
                    names_of(columns)
                );
                return Err(Error::data(message));
            };
            all.extend(
                words
                    .iter()
                    .enumerate()
                    .map(|(sample, word)| (column, sample, &**word)),
            );
        }
        if let Some((column, sample, _)) = all.iter().find(|(_, _, word)| word.is_empty()) {
            return Err(column.told(*sample, "\"\"", "expected a word or an integer"));
        }
        let classes = match names {
            [] => {
                mixed(&all, host)?;
                let different: BTreeSet<&str> = all.iter().map(|(_, _, word)| *word).collect();
                different.into_iter().map(str::to_owned).collect()
            }
            names => names.to_vec(),
        };
        let positions: BTreeMap<&str, u32> =
            (classes.iter().map(|name| &**name)).zip(0..).collect();
        let label = |(column, sample, word): &(&Column, usize, &str)| {
            positions.get(word).copied().ok_or_else(|| {
                let expected = format!("expected one of `class-names`: {}", classes.join(", "));
                column.told(*sample, &format!("{word:?}"), &expected)
            })
        };
        let labels: Result<Vec<u32>, Error> = all.iter().map(label).collect();
        remark_on_names(&classes, columns, host);
        Ok(Labels {
            labels: labels?,
            classes,
            numbers: None,
            targets: Targets::Classes,
        })
    }
}

/// "`a.csv` and `b.csv`"
fn names_of(columns: &[Column]) -> String {
    let names: Vec<&str> = columns.iter().map(|column| &*column.name).collect();
    names.join(" and ")
}

/// Labels that are numbers but for some: refused where these are no class for sure, and told otherwise.
fn mixed(all: &[(&Column, usize, &str)], host: Host) -> Result<(), Error> {
    let (numbers, words): (Vec<_>, Vec<_>) = all.iter().partition(|(_, _, word)| is_number(word));
    let Some((column, sample, word)) = words.first() else {
        let fraction = numbers.iter().find(|(_, _, word)| whole(word).is_none());
        return match fraction {
            Some((column, sample, word)) => Err(column
                .told(*sample, word, "expected an integer or a word")
                .with_hint(
                    "`targets = \"numbers\"` predicts them as numbers; `class-names` takes them as words",
                )),
            None => Ok(()),
        };
    };
    if numbers.is_empty() {
        return Ok(());
    }
    let is_missing = |(_, _, word): &(&Column, usize, &str)| MISSING.contains(word);
    if words.iter().all(is_missing) {
        let expected = "expected a number like the other labels";
        return Err(column.told(*sample, &format!("{word:?}"), expected));
    }
    let place = match column.lines.get(*sample) {
        Some(line) => format!("line {line}"),
        None => format!("sample {sample}"),
    };
    host.log_once(
        Level::Warning,
        &format!(
            "{}: of the labels {} are numbers and {} words ({word:?}, {place}); each is a class",
            column.name,
            numbers.len(),
            words.len()
        ),
    );
    Ok(())
}

/// Tells of names that stand for nothing or for the same.
fn remark_on_names(classes: &[String], columns: &[Column], host: Host) {
    let files = names_of(columns);
    if let Some(name) = classes.iter().find(|name| MISSING.contains(&&***name)) {
        host.log_once(
            Level::Warning,
            &format!("{files}: {name:?} is a class like any other, though it often stands for a missing label"),
        );
    }
    let mut lower: BTreeMap<String, &str> = BTreeMap::new();
    for name in classes {
        if let Some(other) = lower.insert(name.to_lowercase(), name) {
            host.log_once(
                Level::Warning,
                &format!("{files}: the classes {other:?} and {name:?} differ in upper and lower case alone"),
            );
            return;
        }
    }
}
