//! Labels that are numbers to be predicted, or several of each sample: one for each sample, or a row of them.

use crate::labels::{self, Labels, Values, is_list};
use crate::npy::Content;
use topwork_sdk::{Error, LabelWords, Targets, check_target_numbers};

/// Refuses names of classes for what are none.
pub fn check_names(targets: Targets, class_names: &[String]) -> Result<(), Error> {
    match targets == Targets::Numbers && !class_names.is_empty() {
        true => Err(Error::parameters(
            "`class-names` does not go with `targets = \"numbers\"`: numbers have no classes",
        )),
        false => Ok(()),
    }
}

/// The numbers of one file.
pub struct Numbers {
    /// Whose they are, for people.
    pub name: String,
    /// How many each sample has.
    pub columns: usize,
    /// samples × columns, all finite
    pub values: Vec<f32>,
}

impl Numbers {
    /// The numbers in an array for the `count` samples of `samples`: a list of them, or a row for each.
    pub fn from_array(
        name: String,
        content: Content,
        (count, samples): (usize, &str),
        targets: Targets,
    ) -> Result<Numbers, Error> {
        let shape = content.shape().to_vec();
        let columns = match *shape {
            _ if is_list(&shape, count) => 1,
            [rows, columns] if rows == count && columns > 1 => columns,
            _ => {
                return Err(Error::data(format!(
                    "{name} has the shape {shape:?}, expected {count} numbers, one for each sample of {samples}, or a row for each"
                )));
            }
        };
        let Content::Numbers(array) = content else {
            return Err(Error::data(format!(
                "{name} holds words, expected numbers, as `targets` says"
            )));
        };
        let number = |place: usize| {
            let number = array.number(place);
            let single = number as f32;
            let (fits, expected) = match targets {
                Targets::Multilabel => (single == 0.0 || single == 1.0, "1 or 0"),
                _ => (single.is_finite(), "a finite number"),
            };
            match fits {
                true => Ok(single),
                false => {
                    let column = match columns {
                        1 => String::new(),
                        _ => format!(" in column {}", place % columns),
                    };
                    Err(Error::data(format!(
                        "{name}: label {number} of sample {}{column}, expected {expected}",
                        place / columns
                    )))
                }
            }
        };
        let values = (0..count * columns).map(number).collect::<Result<_, _>>()?;
        Ok(Numbers {
            name,
            columns,
            values,
        })
    }
}

impl Labels {
    /// Several labels, whose words stand in one cell of each sample with a separator between them; `wanted` are their names in the
    /// order wanted, where the user says them.
    pub fn words(
        files: &[labels::Column],
        separator: &str,
        wanted: &[String],
    ) -> Result<Labels, Error> {
        let mut words = LabelWords::default();
        let mut places = Vec::new();
        for file in files {
            let Values::Words(cells) = &file.values else {
                return Err(Error::data(format!(
                    "{} holds numbers, expected words, as `label-separator` says",
                    file.name
                )));
            };
            for (sample, cell) in cells.iter().enumerate() {
                words.add(cell, separator);
                places.push(match file.lines.get(sample) {
                    Some(line) => format!("{}, line {line}", file.name),
                    None => format!("{}, sample {sample}", file.name),
                });
            }
        }
        let (classes, numbers) = words.columns(wanted).map_err(|(sample, error)| {
            let place = places.get(sample).map_or("", String::as_str);
            let told = Error::data(format!("{place}: {error}"));
            match (wanted, error.hint()) {
                ([], _) => told,
                (_, Some(hint)) => told.with_hint(hint),
                (_, None) => told.with_hint("`class-names` says which are"),
            }
        })?;
        Ok(Labels {
            labels: vec![0; places.len()],
            classes,
            numbers: Some(numbers),
            targets: Targets::Multilabel,
        })
    }

    /// Numbers to be predicted, or 1 and 0 for several labels, whose columns have these names.
    pub fn columns(
        files: &[Numbers],
        columns: Vec<String>,
        targets: Targets,
    ) -> Result<Labels, Error> {
        let mut all = Vec::new();
        for file in files {
            if file.columns != columns.len() {
                return Err(Error::data(format!(
                    "{} has {} numbers for each sample, expected {}, as in the other file",
                    file.name,
                    file.columns,
                    columns.len()
                )));
            }
            if targets == Targets::Numbers {
                check_target_numbers(&file.name, &columns, &file.values)?;
            }
            all.extend_from_slice(&file.values);
        }
        Ok(Labels {
            labels: vec![0; all.len() / columns.len().max(1)],
            classes: columns,
            numbers: Some(all),
            targets,
        })
    }
}
