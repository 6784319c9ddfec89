//! `csv`: a sample per line, its numbers and its label.

use crate::labels::Labels;
use crate::numbers::{Array, Kind, Order};
use crate::samples::{
    Files, Form, FromFiles, Layout, Part, Samples, split_properties, wrong_label,
};
use crate::unpack::Unpacked;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use topwork_sdk::Error;

/// The component.
pub type Csv = FromFiles<Parameters>;

/// What the user says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Parameters {
    file: Option<PathBuf>,
    train_file: Option<PathBuf>,
    test_file: Option<PathBuf>,
    label: Option<Column>,
    header: Option<bool>,
    #[serde(default = "comma")]
    separator: String,
    shape: Option<[usize; 3]>,
    #[serde(default = "one")]
    scale: f64,
    #[serde(default)]
    class_names: Vec<String>,
    test_fraction: Option<f64>,
    #[serde(default)]
    split_seed: u64,
}

/// A column of the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Column {
    Position(usize),
    Name(String),
}

fn comma() -> String {
    ",".to_owned()
}

fn one() -> f64 {
    1.0
}

impl Files for Parameters {
    const ID: &str = "csv";
    const ABOUT: &str =
        "a sample per line of a CSV file, plain or gzipped: its numbers and its label";
    const SCHEMA: &str = concat!(
        r#"{
    "type": "object",
    "properties": {
        "file": {
            "type": "string",
            "format": "path",
            "description": "the file"
        },
        "train-file": {
            "type": "string",
            "format": "path",
            "description": "in place of `file`: the training samples"
        },
        "test-file": {
            "type": "string",
            "format": "path",
            "description": "the test samples"
        },
        "label": {
            "type": ["string", "integer"],
            "minimum": 0,
            "description": "column of the label: its name, or its position counted from 0; by default the last"
        },
        "header": {
            "type": "boolean",
            "description": "whether the first line names the columns; by default it does when `label` is a name"
        },
        "separator": {
            "enum": [",", ";", "\t", " "],
            "default": ",",
            "description": "what stands between the columns"
        },
        "shape": {
            "type": "array",
            "items": { "type": "integer", "minimum": 1 },
            "minItems": 3,
            "maxItems": 3,
            "description": "channels, height and width of a sample; by default [numbers, 1, 1]"
        },
        "scale": {
            "type": "number",
            "exclusiveMinimum": 0,
            "default": 1.0,
            "description": "numbers are divided by this"
        },
        "class-names": {
            "type": "array",
            "items": { "type": "string", "minLength": 1 },
            "uniqueItems": true,
            "default": [],
            "description": "the classes in the order wanted; labels that are integers are positions among them"
        },
        "#,
        split_properties!(),
        r#"
    },
    "additionalProperties": false
}"#
    );

    fn check(&self) -> Result<(), Error> {
        self.files()?;
        if let (Some(Column::Name(name)), Some(false)) = (&self.label, self.header) {
            let message = format!("`label` is the name {name:?}, but `header` is false");
            return Err(Error::parameters(message).with_hint("without names, give its position"));
        }
        Ok(())
    }

    fn read(&self) -> Result<Samples, Error> {
        let mut parts = Vec::new();
        let mut labels = Vec::new();
        for (path, is_test) in self.files()? {
            let bytes = Unpacked::whole(path)?;
            let table = self
                .table(&bytes)
                .map_err(|problem| problem.in_file(path))?;
            labels.extend(table.labels);
            let samples = Array::new(table.shape.to_vec(), Kind::F32, Order::Little, table.bytes)
                .map_err(|problem| {
                Error::data(format!("`{}` has {problem}", path.display()))
            })?;
            parts.push(Part::new(path, samples, is_test)?);
        }
        let labels = Labels::from_texts(&labels, &self.class_names)
            .map_err(|problem| wrong_label(&parts, &problem))?;
        let form = Form {
            layout: Layout::Chw,
            scale: Some(self.scale),
            test_fraction: self.test_fraction,
            split_seed: self.split_seed,
        };
        Samples::new(parts, labels, form)
    }
}

impl Parameters {
    /// The files, and whether they are for testing.
    fn files(&self) -> Result<Vec<(&Path, bool)>, Error> {
        match (&self.file, &self.train_file, &self.test_file) {
            (Some(file), None, None) => Ok(vec![(file, false)]),
            (None, Some(train), Some(test)) => Ok(vec![(train, false), (test, true)]),
            _ => Err(Error::parameters(
                "expected `file`, or `train-file` and `test-file`",
            )),
        }
    }

    fn table(&self, bytes: &[u8]) -> Result<Table, Problem> {
        let named = matches!(self.label, Some(Column::Name(_)));
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(self.header.unwrap_or(named))
            .delimiter(self.separator.bytes().next().unwrap_or(b','))
            .trim(csv::Trim::All)
            .from_reader(bytes);
        let header = reader.headers().map_err(|error| Problem::of(&error))?;
        let columns = header.len();
        let label = match &self.label {
            None => columns.checked_sub(1),
            Some(Column::Position(position)) => Some(*position).filter(|p| *p < columns),
            Some(Column::Name(name)) => header.iter().position(|column| column == name),
        };
        let Some(label) = label else {
            return Err(Problem::of_label(self.label.as_ref(), header));
        };
        let (mut numbers, mut labels) = (Vec::new(), Vec::new());
        for record in reader.records() {
            let record = record.map_err(|error| Problem::of(&error))?;
            let line = record.position().map_or(0, csv::Position::line);
            for (column, text) in record.iter().enumerate() {
                if column == label {
                    labels.push(text.to_owned());
                    continue;
                }
                match text.parse::<f32>() {
                    Ok(number) if number.is_finite() => numbers.extend(number.to_le_bytes()),
                    _ => {
                        let is_first = labels.len() <= 1 && line == 1;
                        return Err(Problem {
                            line,
                            message: format!("column {column}: {text:?}, expected a finite number"),
                            hint: is_first
                                .then_some("`header = true` when the first line names the columns"),
                        });
                    }
                }
            }
        }
        let width = columns - 1;
        let [channels, height, rows] = self.shape.unwrap_or([width, 1, 1]);
        if channels
            .checked_mul(height)
            .and_then(|n| n.checked_mul(rows))
            != Some(width)
        {
            return Err(Problem {
                line: 0,
                message: format!(
                    "{width} numbers in each line, expected {channels} × {height} × {rows} (`shape`)"
                ),
                hint: None,
            });
        }
        Ok(Table {
            shape: [labels.len(), channels, height, rows],
            bytes: numbers,
            labels,
        })
    }
}

/// What a file holds.
struct Table {
    /// Samples, channels, height, width.
    shape: [usize; 4],
    /// The numbers, as little-endian floats.
    bytes: Vec<u8>,
    labels: Vec<String>,
}

/// What is wrong with a file.
struct Problem {
    /// Counted from 1; 0 when it is not one line's.
    line: u64,
    message: String,
    hint: Option<&'static str>,
}

impl Problem {
    fn of(error: &csv::Error) -> Problem {
        let message = match error.kind() {
            csv::ErrorKind::UnequalLengths {
                expected_len, len, ..
            } => {
                format!("{len} columns, expected {expected_len} as in the lines above")
            }
            csv::ErrorKind::Utf8 { .. } => "text that is not UTF-8".to_owned(),
            _ => error.to_string(),
        };
        Problem {
            line: error.position().map_or(0, csv::Position::line),
            message,
            hint: None,
        }
    }

    fn of_label(label: Option<&Column>, header: &csv::StringRecord) -> Problem {
        let message = match label {
            None => "there are no lines".to_owned(),
            Some(Column::Position(position)) => {
                format!(
                    "no column {position} (`label`): there are {}, counted from 0",
                    header.len()
                )
            }
            Some(Column::Name(name)) => {
                let names: Vec<&str> = header.iter().take(50).collect();
                format!(
                    "no column {name:?} (`label`), expected one of {}",
                    names.join(", ")
                )
            }
        };
        Problem {
            line: u64::from(label.is_some()),
            message,
            hint: None,
        }
    }

    fn in_file(self, path: &Path) -> Error {
        let path = path.display();
        let error = Error::data(match self.line {
            0 => format!("`{path}`: {}", self.message),
            line => format!("`{path}`, line {line}: {}", self.message),
        });
        match self.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}
