//! A text file that names images and their classes, as spreadsheets and scripts write them.
//!
//! What separates columns, and which column is the path, is decided by the first line where it has names, and else by the files
//! that are there.

use crate::listing::NO_FILE;
use crate::names::{listed, path_of, shown, some};
use crate::remarks::Remark;
use csv::ByteRecord;
use std::path::{Path, PathBuf};
use topwork_sdk::{
    Column, Error, LabelColumns, Level, Targets, finite_number, indicator, position_of, sniff,
    target_number,
};
use unicode_normalization::UnicodeNormalization;

/// Names of the columns, the likeliest first.
const PATHS: [&str; 12] = [
    "path",
    "filename",
    "file",
    "filepath",
    "image",
    "imagepath",
    "imagename",
    "imagefile",
    "img",
    "imgpath",
    "imgname",
    "name",
];
const LABELS: [&str; 12] = [
    "label",
    "labels",
    "class",
    "classname",
    "labelname",
    "category",
    "categoryname",
    "target",
    "tag",
    "tags",
    "y",
    "species",
];
const SPLITS: [&str; 5] = ["split", "set", "subset", "partition", "dataset"];

/// What may separate columns, the likeliest first.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b' '];

/// So many lines decide.
const LOOKED_AT: usize = 50;

/// What a list says.
#[derive(Default)]
pub struct Table {
    /// Its lines, in their order.
    pub rows: Vec<Row>,
    /// What its columns of labels are called.
    pub labels: Vec<String>,
    /// Whether it says which images are for testing.
    pub given_splits: bool,
    /// What the user should know of it.
    pub remarks: Vec<Remark>,
}

/// A line.
pub struct Row {
    /// Its number, from 1.
    pub line: u64,
    /// The path as it is on the disk, relative to the folder.
    pub path: Vec<u8>,
    /// The file.
    pub file: PathBuf,
    /// The class, or the words of several labels, as it is written.
    pub label: Vec<u8>,
    /// Where they are numbers to be predicted, one for each column.
    pub numbers: Vec<f32>,
    /// Whether the image is in the split `test`.
    pub is_test: bool,
    /// Why it can be no sample.
    pub problem: Option<String>,
}

/// What the user says of a list.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// The columns of labels; without them they are found.
    pub label: Option<&'a LabelColumns>,
    /// What they are.
    pub targets: Targets,
    /// Between the words of several labels, where they stand in one column.
    pub separator: Option<&'a str>,
}

impl Wanted<'_> {
    fn labels(&self) -> &[Column] {
        self.label.map_or(&[], LabelColumns::all)
    }
}

/// Which column is what.
#[derive(Clone)]
struct Columns {
    path: usize,
    labels: Vec<usize>,
    split: Option<usize>,
    /// Whether the first line names them.
    header: bool,
}

/// The lines of a text as one separator divides them.
#[derive(Clone)]
struct Lines {
    records: Vec<ByteRecord>,
}

/// Reads a list whose paths are relative to `folder`.
pub fn read(list: &Path, folder: &Path, wanted: Wanted<'_>) -> Result<Table, Error> {
    let name = list.display();
    let text = std::fs::read(list)
        .map_err(|error| Error::data(format!("cannot open `{name}`: {error}")))?;
    let text = plain(&text)
        .map_err(|(problem, hint)| Error::data(format!("`{name}` {problem}")).with_hint(hint))?;
    let Some((lines, columns)) = understood(text, folder, wanted).map_err(|problem| {
        Error::data(format!("`{name}`, line 1: {problem}"))
            .with_hint(problem.hint().unwrap_or("columns are separated by commas, semicolons or tabs; a first line may name them: path, label, split"))
    })?
    else {
        return Ok(Table::default());
    };
    let told = lines.told(&columns);
    let mut rows = Vec::new();
    for record in lines.records.iter().skip(columns.header.into()) {
        let line = record.position().map_or(0, csv::Position::line);
        let wrong = |problem: String| Error::data(format!("`{name}`, line {line}: {problem}"));
        let (expected, found) = (lines.records[0].len(), record.len());
        if found != expected {
            let problem =
                format!("expected {expected} columns as in the lines above, found {found}");
            return Err(wrong(problem));
        }
        let cell = |column: usize, name: &str| match record.get(column) {
            None | Some(b"") => Err(wrong(format!("the {name} is empty"))),
            Some(cell) => Ok(cell),
        };
        let path = cell(columns.path, "path")?;
        let (mut label, mut numbers) = (Vec::new(), Vec::new());
        for (&place, column) in columns.labels.iter().zip(&told) {
            if wanted.targets == Targets::Classes || wanted.separator.is_some() {
                label = match wanted.separator {
                    None => cell(place, "label")?.to_vec(),
                    // A sample may have none.
                    Some(_) => record.get(place).unwrap_or_default().to_vec(),
                };
                if std::str::from_utf8(&label).is_err() {
                    let shown = shown(&label);
                    return Err(wrong(format!("the label `{shown}` is not UTF-8")));
                }
            } else {
                let text = String::from_utf8_lossy(record.get(place).unwrap_or_default());
                let number = target_number(
                    &text,
                    column,
                    match wanted.targets {
                        Targets::Multilabel => indicator,
                        _ => finite_number,
                    },
                );
                numbers.push(number.map_err(|error| wrong(error.to_string()))?);
            }
        }
        let is_test = match columns.split {
            None => false,
            Some(column) => match &*cell(column, "split")?.to_ascii_lowercase() {
                b"train" | b"training" => false,
                b"test" | b"testing" => true,
                _ => {
                    let split = String::from_utf8_lossy(&record[column]);
                    return Err(wrong(format!("split {split:?}, expected train or test")));
                }
            },
        };
        let (path, problem) = located(folder, path);
        rows.push(Row {
            line,
            file: folder.join(path_of(&path)),
            path,
            label,
            numbers,
            is_test,
            problem,
        });
    }
    if let [first, others @ ..] = &mut *rows
        && !columns.header
        && let Some(problem) = &mut first.problem
        && others.iter().any(|row| row.problem.is_none())
    {
        problem.push_str("; if this line names the columns, call them path, label and split");
    }
    Ok(Table {
        rows,
        labels: (told.into_iter())
            .map(|column| match column {
                Column::Name(name) => name,
                Column::Position(_) if columns.labels.len() == 1 => "label".to_owned(),
                Column::Position(position) => position.to_string(),
            })
            .collect(),
        given_splits: columns.split.is_some(),
        remarks: lines.unused(&columns, list).into_iter().collect(),
    })
}

/// The text without a mark of its encoding; an `Err` says what it is that is no list, to follow its name, and what to do.
fn plain(text: &[u8]) -> Result<&[u8], (String, &'static str)> {
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        return Err(("is UTF-16".to_owned(), "save it as UTF-8"));
    }
    match sniff::kind(&text[..text.len().min(sniff::WANTED)]) {
        None | Some(sniff::Kind::Text) => Ok(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)),
        Some(kind) => {
            let hint = kind
                .hint()
                .unwrap_or("a list is text: programs for spreadsheets save it as CSV");
            Err((format!("is {kind}"), hint))
        }
    }
}

/// What divides the text best into lines of known columns; `None` for a text without lines, an `Err` says what is wrong with the
/// first.
fn understood(
    text: &[u8],
    folder: &Path,
    wanted: Wanted<'_>,
) -> Result<Option<(Lines, Columns)>, Error> {
    let mut best: Option<(usize, Lines, Columns)> = None;
    let mut problem: Option<(usize, Error)> = None;
    for separator in SEPARATORS {
        let lines = Lines::of(text, separator).map_err(Error::data)?;
        let Some(first) = lines.records.first() else {
            return Ok(None);
        };
        match lines.columns(folder, wanted) {
            Ok(choices) => {
                for columns in choices {
                    let there = lines.there(&columns, folder);
                    let enough = separator != b' ' || there > 0;
                    if enough && best.as_ref().is_none_or(|(most, ..)| there > *most) {
                        best = Some((there, lines.clone(), columns));
                    }
                }
            }
            // The separator that finds most columns is likely the one that was meant.
            Err(text)
                if separator != b' '
                    && problem.as_ref().is_none_or(|(most, _)| first.len() > *most) =>
            {
                problem = Some((first.len(), text));
            }
            Err(_) => {}
        }
    }
    match (best, problem) {
        (Some((_, lines, columns)), _) => Ok(Some((lines, columns))),
        (None, Some((_, problem))) => Err(problem),
        (None, None) => Ok(None),
    }
}

impl Lines {
    fn of(text: &[u8], separator: u8) -> Result<Lines, String> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(csv::Trim::All)
            .delimiter(separator)
            .from_reader(text);
        let records: Result<Vec<ByteRecord>, csv::Error> = reader.byte_records().collect();
        records
            .map(|records| Lines { records })
            .map_err(|error| error.to_string())
    }

    /// Which columns may be what.
    fn columns(&self, folder: &Path, wanted: Wanted<'_>) -> Result<Vec<Columns>, Error> {
        let first = &self.records[0];
        let named = |names: &[&str]| {
            let cells: Vec<String> = first.iter().map(plain_name).collect();
            names
                .iter()
                .find_map(|name| cells.iter().position(|cell| cell == name))
        };
        let (path, split) = (named(&PATHS), named(&SPLITS));
        let said = self.said(wanted)?;
        let by_name = wanted.labels().iter().any(|c| matches!(c, Column::Name(_)));
        let labels = match (said.is_empty(), named(&LABELS)) {
            (true, Some(label)) => vec![label],
            _ => said.clone(),
        };
        let is_named = path.is_some() || said.is_empty() && !labels.is_empty();
        let is_file = is_named && first.iter().any(|cell| located(folder, cell).1.is_none());
        if by_name || is_named && !is_file {
            let free = |column: &usize| {
                let taken = [path, split].contains(&Some(*column)) || labels.contains(column);
                !taken && !first[*column].is_empty()
            };
            let others: Vec<usize> = (0..first.len()).filter(free).collect();
            let other = |what: &str| match &*others {
                [one] => Ok(*one),
                _ => {
                    let names: Vec<String> = others
                        .iter()
                        .map(|&column| format!("`{}`", shown(&first[column])))
                        .collect();
                    match names.is_empty() {
                        true => Err(Error::data(format!("there is no column for the {what}"))),
                        false => Err(Error::data(format!(
                            "which of {} is the {what}? call it {what}{}",
                            listed(&names, 8),
                            match what {
                                "label" => ", or say it: `label = \"…\"`",
                                _ => "",
                            }
                        ))),
                    }
                }
            };
            return Ok(vec![Columns {
                path: path.map_or_else(|| other("path"), Ok)?,
                labels: match labels.is_empty() {
                    true => vec![other("label")?],
                    false => labels.clone(),
                },
                split,
                header: true,
            }]);
        }
        // A separator at the end of every line makes a column of nothing.
        let filled = |record: &ByteRecord| {
            record
                .iter()
                .rposition(|cell| !cell.is_empty())
                .map_or(0, |last| last + 1)
        };
        let widest = self.records.iter().map(filled).max().unwrap_or(0);
        let width = widest.max(first.len().min(2));
        let order = |path, labels: &[usize], split| Columns {
            path,
            labels: labels.to_vec(),
            split,
            header: false,
        };
        let others: Vec<usize> = (0..width).filter(|place| !said.contains(place)).collect();
        match *others {
            [path, label] if said.is_empty() => Ok(vec![
                order(path, &[label], None),
                order(label, &[path], None),
            ]),
            [path, label, split] if said.is_empty() => Ok(vec![
                order(path, &[label], Some(split)),
                order(label, &[path], Some(split)),
            ]),
            [path] if !said.is_empty() => Ok(vec![order(path, &said, None)]),
            [path, split] if !said.is_empty() => Ok(vec![
                order(path, &said, Some(split)),
                order(split, &said, Some(path)),
            ]),
            _ => Err(Error::data(format!(
                "expected the columns path, label and perhaps split, found {width}"
            ))),
        }
    }

    /// Where the labels stand that the user names.
    fn said(&self, wanted: Wanted<'_>) -> Result<Vec<usize>, Error> {
        let first = &self.records[0];
        let names: Vec<String> = first.iter().map(shown).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut places = Vec::new();
        for column in wanted.labels() {
            let place = match column {
                Column::Name(name) => position_of(&names, "label", name)?,
                Column::Position(place) if *place < names.len() => *place,
                Column::Position(place) => {
                    return Err(Error::data(format!(
                        "no column {place} (`label`): there are {}, counted from 0",
                        names.len()
                    )));
                }
            };
            if places.contains(&place) {
                return Err(Error::data(format!(
                    "`label` names the column {column} twice"
                )));
            }
            places.push(place);
        }
        Ok(places)
    }

    /// The columns of labels, by their names where they have some.
    fn told(&self, columns: &Columns) -> Vec<Column> {
        let told = |&place: &usize| match columns.header {
            true => Column::Name(shown(&self.records[0][place])),
            false => Column::Position(place),
        };
        columns.labels.iter().map(told).collect()
    }

    /// How many of the first files are there.
    fn there(&self, columns: &Columns, folder: &Path) -> usize {
        let records = self
            .records
            .iter()
            .skip(columns.header.into())
            .take(LOOKED_AT);
        let paths = records.filter_map(|record| record.get(columns.path));
        paths
            .filter(|path| !path.is_empty() && located(folder, path).1.is_none())
            .count()
    }

    /// The remark that some columns are not used.
    fn unused(&self, columns: &Columns, list: &Path) -> Option<Remark> {
        let used: Vec<usize> = std::iter::once(columns.path)
            .chain(columns.labels.iter().copied())
            .collect();
        let first = self.records.first().filter(|_| columns.header)?;
        let free = (0..first.len())
            .filter(|column| !used.contains(column) && columns.split != Some(*column))
            .filter(|&column| !first[column].is_empty());
        let names: Vec<String> = free.map(|column| shown(&first[column])).collect();
        let used = used
            .iter()
            .map(|&column| format!("`{}`", shown(&first[column])));
        let text = format!(
            "of `{}` the columns {} are used, not {}",
            list.display(),
            listed(&used.collect::<Vec<String>>(), 6),
            some(&names, 6)
        );
        (!names.is_empty()).then_some((Level::Info, text))
    }
}

/// The name of a column without what people vary: capital letters, blanks, hyphens, underscores.
fn plain_name(cell: &[u8]) -> String {
    let cell = String::from_utf8_lossy(cell).to_lowercase();
    cell.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// The spelling of a path under which there is a file, and else why there is none.
fn located(folder: &Path, path: &[u8]) -> (Vec<u8>, Option<String>) {
    let look = |path: &[u8]| match std::fs::metadata(folder.join(path_of(path))) {
        Ok(data) if data.is_file() => None,
        Ok(_) => Some(NO_FILE.to_owned()),
        Err(error) => Some(format!("cannot be read: {error}")),
    };
    let Some(problem) = look(path) else {
        return (path.to_vec(), None);
    };
    // As Windows writes paths, and as another system spells letters with accents.
    let slashes: Vec<u8> = path
        .iter()
        .map(|&byte| if byte == b'\\' { b'/' } else { byte })
        .collect();
    let mut spellings = vec![slashes.clone()];
    for path in [path, &slashes] {
        if let Ok(text) = std::str::from_utf8(path) {
            spellings.push(text.nfc().collect::<String>().into_bytes());
            spellings.push(text.nfd().collect::<String>().into_bytes());
        }
    }
    match spellings.into_iter().find(|path| look(path).is_none()) {
        Some(spelling) => (spelling, None),
        None => (path.to_vec(), Some(problem)),
    }
}
