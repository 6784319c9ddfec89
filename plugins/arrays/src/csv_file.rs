//! `csv`: a sample per line, its numbers and its label.

use crate::dialect::{self, Dialect, Numbers, Wanted, line_of, numbered};
use crate::groups;
use crate::labels::{self, Labels, Values};
use crate::numbers::{Array, Kind, Order};
use crate::problem::Problem;
use crate::samples::{Files, Form, FromFiles, Layout, Part, Samples, split_properties};
use crate::targets::{self, check_names};
use crate::unpack::Unpacked;
use csv::StringRecord;
use serde::Deserialize;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use topwork_sdk::sniff::{self, Kind as FileKind};
use topwork_sdk::{
    Column, Error, Host, LabelColumns, Level, Targets, indicator, target_number, targets_property,
};

/// The component.
pub type Csv = FromFiles<Parameters>;

/// What the user says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Parameters {
    file: Option<PathBuf>,
    train_file: Option<PathBuf>,
    test_file: Option<PathBuf>,
    label: Option<LabelColumns>,
    groups: Option<Column>,
    header: Option<bool>,
    separator: Option<String>,
    shape: Option<[usize; 3]>,
    scale: Option<f64>,
    class_names: Vec<String>,
    targets: Targets,
    label_separator: Option<String>,
    test_fraction: Option<f64>,
    split_seed: u64,
}

impl Files for Parameters {
    const ID: &str = "csv";
    const ABOUT: &str =
        "a sample per line of a CSV file, plain or gzipped: its numbers and its label";
    const SCHEMA: &str = concat!(
        r#"{"type": "object", "properties": {
        "file": {"type": "string", "format": "path", "description": "the file"},
        "train-file": {"type": "string", "format": "path", "description": "in place of `file`: the training samples"},
        "test-file": {"type": "string", "format": "path", "description": "the test samples"},
        "label": {"type": ["string", "integer", "array"], "minimum": 0,
            "items": {"type": ["string", "integer"], "minimum": 0}, "minItems": 1, "uniqueItems": true,
            "description": "column of the label: its name, or its position counted from 0; by default the one that the header calls label, class or target, or else the last; with other `targets` than classes a list of columns, too"},
        "groups": {"type": ["string", "integer"], "minimum": 0,
            "description": "column that says which samples belong together (patients, series), its name or its position counted from 0; it is no number of the sample. Samples with the same value stay in one fold, and in one split where `test-fraction` draws it"},
        "header": {"type": "boolean",
            "description": "whether the first line names the columns; by default it does when `label` is a name, or when it has words where the next has numbers"},
        "separator": {"enum": [",", ";", "\t", " "],
            "description": "what stands between the columns; by default it is found in the first lines"},
        "shape": {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 3, "maxItems": 3,
            "description": "channels, height and width of a sample; by default [numbers, 1, 1]"},
        "scale": {"type": "number", "exclusiveMinimum": 0,
            "description": "numbers are divided by this; by default they are used as they are"},
        "class-names": {"type": "array", "items": {"type": "string", "minLength": 1}, "uniqueItems": true,
            "default": [],
            "description": "the classes in the order wanted; labels that are integers are positions among them"},
        "#,
        targets_property!(),
        split_properties!(),
        r#"
    }, "additionalProperties": false}"#
    );

    const NUMBERS: bool = true;

    fn check(&self) -> Result<(), Error> {
        self.files()?;
        check_names(self.targets, &self.class_names)?;
        let separator = self.label_separator.as_deref();
        LabelColumns::check(self.label.as_ref(), self.targets, separator)?;
        let labels = self.labels().iter().map(|column| ("label", column));
        let groups = self.groups.iter().map(|column| ("groups", column));
        for (key, column) in labels.chain(groups) {
            if let (Column::Name(name), Some(false)) = (column, self.header) {
                let message = format!("`{key}` is the name {name:?}, but `header` is false");
                let hint = "without names, give its position";
                return Err(Error::parameters(message).with_hint(hint));
            }
        }
        match &self.groups {
            Some(groups) if self.labels().contains(groups) => Err(Error::parameters(SAME)),
            _ => Ok(()),
        }
    }

    fn read(&self, host: Host) -> Result<Samples, Error> {
        let mut parts = Vec::new();
        let mut columns = Vec::new();
        let mut numbers = Vec::new();
        let mut named: Option<Vec<String>> = None;
        let mut groups = self.groups.as_ref().map(|_| Vec::new());
        for (path, is_test) in self.files()? {
            let bytes = Unpacked::only(path)?;
            let table = text(&bytes).and_then(|text| self.table(&text));
            let table = table.map_err(|problem| problem.in_file(path))?;
            let name = format!("`{}`", path.display());
            for (level, remark) in table.remarks {
                host.log_once(level, &format!("{name}: {remark}"));
            }
            if let Some(groups) = &mut groups {
                let place = |sample| format!("{name}, line {}: the group", table.lines[sample]);
                groups.extend(groups::checked(table.groups, place)?);
            }
            numbers.push(targets::Numbers {
                name: name.clone(),
                columns: table.label_names.len(),
                values: table.numbers,
            });
            named = named.or(Some(table.label_names));
            columns.push(labels::Column {
                name: name.clone(),
                values: Values::Words(table.labels),
                lines: table.lines,
            });
            let samples =
                Array::new(table.shape.to_vec(), Kind::F32, Order::Little, table.bytes)
                    .map_err(|problem| Problem::from(format!("has {problem}")).in_file(path))?;
            parts.push(Part::new(name, samples, is_test)?);
        }
        let labels = match (self.targets, &self.label_separator) {
            (Targets::Classes, _) => Labels::new(&columns, &self.class_names, host)?,
            (_, Some(separator)) => Labels::words(&columns, separator, &self.class_names)?,
            (targets, None) => Labels::columns(&numbers, named.unwrap_or_default(), targets)?,
        };
        let form = Form {
            layout: Layout::Chw,
            scale: self.scale,
            test_fraction: self.test_fraction,
            split_seed: self.split_seed,
        };
        Samples::new(parts, labels, groups, form, host)
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

    fn table(&self, text: &[u8]) -> Result<Table, Problem> {
        let separator = self.separator.as_ref().and_then(|text| text.bytes().next());
        let left_out = match &self.groups {
            None => None,
            Some(Column::Position(position)) => Some(*position),
            Some(Column::Name(name)) => Some(dialect::position_of_groups(text, separator, name)?),
        };
        let mut wanted = Wanted {
            separator,
            header: self.header,
            label: None,
            left_out,
        };
        let label = self.labels().first().map(|label| match label {
            Column::Position(position) => Column::Position(wanted.without(*position)),
            name => name.clone(),
        });
        wanted.label = label.as_ref();
        let mut all = self.labels().iter().chain(&self.groups);
        if all.any(|column| matches!(column, Column::Name(_))) {
            wanted.header = wanted.header.or(Some(true));
        }
        let mut dialect = Dialect::of(text, &wanted)?;
        let columns = dialect.columns;
        let mut numbers = Numbers::new(dialect.separator);
        let mut table = Table {
            remarks: std::mem::take(&mut dialect.remarks),
            ..Table::default()
        };
        let first = dialect::reader(text, dialect.separator).records().next();
        let first = match first {
            Some(Ok(first)) => dialect::without(&first, left_out).0,
            _ => StringRecord::new(),
        };
        let labels = self.label_columns(&first, &dialect, &wanted)?;
        let names = dialect.has_header.then_some(&first);
        let told = told_columns(&labels, names, &wanted);
        table.label_names = (told.iter())
            .map(|column| match column {
                Column::Name(name) => name.clone(),
                // The only one needs no number to be told from others.
                Column::Position(_) if labels.len() == 1 => "label".to_owned(),
                Column::Position(position) => position.to_string(),
            })
            .collect();
        let mut suspects = Suspects::new(columns, &labels, &wanted);
        let mut reader = dialect::reader(text, dialect.separator);
        let mut row = Vec::new();
        for record in reader.records().skip(usize::from(dialect.has_header)) {
            let record = record.map_err(|error| dialect::unreadable(&error))?;
            let line = line_of(&record);
            let (record, group) = dialect::without(&record, left_out);
            if let (Some(position), None) = (left_out, group) {
                let message = format!("no column {position} (`groups`)");
                return Err(Problem::at_line(line, message));
            }
            table.groups.extend(group.map(str::to_owned));
            let trailing = record.get(columns).is_some_and(str::is_empty);
            if record.len() != columns + usize::from(trailing) {
                let message = format!(
                    "{} columns, expected {columns} as in the lines above",
                    record.len()
                );
                return Err(Problem::at_line(line, message));
            }
            row.clear();
            for (column, text) in numbered(&record, columns, &labels) {
                let number = numbers.read(text).map_err(|expected| {
                    let column = wanted.in_file(column);
                    let message = format!("column {column}: {text:?}, {expected}");
                    let problem = Problem::at_line(line, message);
                    match table.lines.is_empty() && self.header.is_none() && !dialect.has_header {
                        true => problem
                            .with_hint("`header = true` when the first line names the columns"),
                        false => problem,
                    }
                })?;
                row.push(number);
            }
            let index = table.lines.len();
            match (self.targets, &self.label_separator) {
                (Targets::Classes, _) | (_, Some(_)) => {
                    let word = record.get(labels[0]).unwrap_or_default();
                    suspects.look(&row, word, index);
                    table.labels.push(word.to_owned());
                }
                (Targets::Numbers | Targets::Multilabel, None) => {
                    suspects.look(&row, "", index);
                    for (&place, column) in labels.iter().zip(&told) {
                        let text = record.get(place).unwrap_or_default();
                        let number = target_number(text, column, |text| match self.targets {
                            Targets::Multilabel => indicator(text),
                            _ => numbers.read(text),
                        });
                        let number = number.map_err(|error| Problem::of_line(line, &error))?;
                        table.numbers.push(number);
                    }
                }
            }
            table
                .bytes
                .extend(row.iter().flat_map(|number| number.to_le_bytes()));
            table.lines.push(line);
        }
        let width = columns - labels.len();
        let [channels, height, rows] = self.shape.unwrap_or([width, 1, 1]);
        let numbers_of_shape = channels
            .checked_mul(height)
            .and_then(|n| n.checked_mul(rows));
        if numbers_of_shape != Some(width) {
            let plural = if width == 1 { "" } else { "s" };
            return Err(Problem::from(format!(
                "has {width} number{plural} in each line, expected {channels} × {height} × {rows} (`shape`)"
            )));
        }
        if table.lines.is_empty() {
            return Err("has no lines but the names of its columns".into());
        }
        if numbers.have_commas() {
            let remark = "commas are read as decimal marks: 1,5 is one and a half";
            table.remarks.push((Level::Info, remark.to_owned()));
        }
        table
            .remarks
            .extend(suspects.remarks().map(|text| (Level::Warning, text)));
        table.shape = [table.lines.len(), channels, height, rows];
        Ok(table)
    }

    /// The columns of labels, as the user names them.
    fn labels(&self) -> &[Column] {
        self.label.as_ref().map_or(&[], LabelColumns::all)
    }

    /// Where the labels stand, counted without the groups.
    fn label_columns(
        &self,
        first: &StringRecord,
        dialect: &Dialect,
        wanted: &Wanted<'_>,
    ) -> Result<Vec<usize>, Problem> {
        let mut places = Vec::new();
        for column in self.labels() {
            let place = match column {
                Column::Position(position) if wanted.left_out == Some(*position) => {
                    return Err(Problem::at_line(line_of(first), SAME));
                }
                Column::Position(position) => wanted.without(*position),
                Column::Name(name) => dialect::named_column(first, "label", name)?,
            };
            if place >= dialect.columns {
                return Err(dialect::no_position(first, wanted, place, dialect.columns));
            }
            if places.contains(&place) {
                let message = format!("`label` names the column {column} twice");
                return Err(Problem::at_line(line_of(first), message));
            }
            places.push(place);
        }
        if places.is_empty() {
            places.push(dialect.label);
        }
        match places.len() < dialect.columns {
            true => Ok(places),
            false => Err(Problem::at_line(
                line_of(first),
                "all columns are labels (`label`), expected numbers of the sample besides",
            )),
        }
    }
}

/// The columns of labels for people: by the names in the first line, where it has some, or else by their positions.
fn told_columns(
    labels: &[usize],
    names: Option<&StringRecord>,
    wanted: &Wanted<'_>,
) -> Vec<Column> {
    let told = |&place: &usize| {
        let name = names.and_then(|names| names.get(place));
        match name.filter(|name| !name.is_empty()) {
            Some(name) => Column::Name(name.to_owned()),
            None => Column::Position(wanted.in_file(place)),
        }
    };
    labels.iter().map(told).collect()
}

/// Why a column is refused.
const SAME: &str = "`label` and `groups` are the same column";

/// The text of a file, in UTF-8.
fn text(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Problem> {
    let expected = "text with a sample in every line";
    let wide = |read: fn([u8; 2]) -> u16| {
        let units = bytes[2..].as_chunks::<2>().0.iter().map(|pair| read(*pair));
        let text: Result<String, _> = char::decode_utf16(units).collect();
        text.map(|text| Cow::Owned(text.into_bytes())).map_err(|_| {
            Problem::from("is no sound text in UTF-16").with_hint("save the file as UTF-8")
        })
    };
    match bytes {
        [0xff, 0xfe, ..] => return wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => return wide(u16::from_be_bytes),
        _ => {}
    }
    let begin = &bytes[..bytes.len().min(sniff::WANTED)];
    match sniff::kind(begin) {
        None if begin.is_empty() || begin.contains(&0) => Err(Problem::other_file(bytes, expected)),
        None | Some(FileKind::Text) => {
            let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            Ok(Cow::Borrowed(text))
        }
        Some(_) => Err(Problem::other_file(bytes, expected)),
    }
}

/// What a file holds.
#[derive(Default)]
struct Table {
    /// Samples, channels, height, width.
    shape: [usize; 4],
    /// The numbers, as little-endian floats.
    bytes: Vec<u8>,
    /// What stands there for each sample, where they are classes or words of several labels.
    labels: Vec<String>,
    /// Where they are numbers, a row for each sample.
    numbers: Vec<f32>,
    /// What their columns are called, as many as a sample has labels.
    label_names: Vec<String>,
    /// Where there are any.
    groups: Vec<String>,
    /// The line of every label.
    lines: Vec<u64>,
    remarks: Vec<(Level, String)>,
}

/// Columns that tell more of the label than a sample may know.
struct Suspects {
    /// The position of the first number's column, if it has counted the lines so far, and from where.
    counter: Option<(usize, f32)>,
    /// For every number of last columns before the label's, whether these and the label have had a single 1 so far.
    one_hot: Vec<bool>,
    lines: usize,
}

impl Suspects {
    fn new(columns: usize, labels: &[usize], wanted: &Wanted<'_>) -> Suspects {
        // One-hot columns stand side by side, and the label of theirs is taken to be the last.
        let others = match *labels {
            [label] if label + 1 == columns => label,
            _ => 0,
        };
        let first = (0..columns).find(|column| !labels.contains(column));
        Suspects {
            counter: first.map(|first| (wanted.in_file(first), 0.0)),
            one_hot: vec![true; others],
            lines: 0,
        }
    }

    fn look(&mut self, row: &[f32], label: &str, index: usize) {
        self.lines += 1;
        let first = row.first().copied().unwrap_or(f32::NAN);
        if let Some((column, begin)) = self.counter {
            let begin = if index == 0 { first } else { begin };
            let is_counted = (begin == 0.0 || begin == 1.0) && first == begin + index as f32;
            self.counter = is_counted.then_some((column, begin));
        }
        let mut ones = match label.parse() {
            Ok(1.0_f32) => 1,
            Ok(0.0) => 0,
            _ => return self.one_hot.clear(),
        };
        for (place, number) in row.iter().rev().take(self.one_hot.len()).enumerate() {
            match number {
                1.0 => ones += 1,
                0.0 => {}
                _ => return self.one_hot.truncate(place),
            }
            self.one_hot[place] &= ones == 1;
        }
    }

    fn remarks(&self) -> impl Iterator<Item = String> {
        // In fewer lines chance looks like a rule.
        const FEWEST: usize = 8;
        let counter = self.counter.filter(|_| self.lines >= FEWEST).map(|(column, _)| {
            format!("column {column} counts the lines and is taken as a number of the sample: remove it")
        });
        let most = self
            .one_hot
            .iter()
            .rposition(|is| *is)
            .filter(|_| self.lines >= FEWEST);
        let one_hot = most.map(|others| {
            format!(
                "the last {} columns have a single 1 in every line, as one-hot labels do, but only the last is taken as the label and the others as numbers of the sample: make them one column",
                others + 2
            )
        });
        counter.into_iter().chain(one_hot)
    }
}
