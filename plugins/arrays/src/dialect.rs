//! How a table of text is written: what separates its columns, whether its first line names them, where the label stands.
//!
//! What the user does not say is found in the first lines, where they allow one reading only.

use crate::labels::{MISSING, is_number};
use crate::problem::Problem;
use csv::StringRecord;
use topwork_sdk::{Column, Level, position_of};

/// So many lines are looked at.
const LOOKED_AT: usize = 50;

/// Names that mean the label, whatever their case.
const LABEL_NAMES: [&str; 4] = ["label", "labels", "class", "target"];

/// What the user says.
pub struct Wanted<'a> {
    pub separator: Option<u8>,
    pub header: Option<bool>,
    /// The first column of labels, counted without the column that is left out.
    pub label: Option<&'a Column>,
    /// The position of a column that is neither a number nor the label.
    pub left_out: Option<usize>,
}

impl Wanted<'_> {
    /// The position of a column of the file among those that are not left out.
    pub fn without(&self, column: usize) -> usize {
        column - usize::from(self.left_out.is_some_and(|left_out| left_out < column))
    }

    /// A column's position in the file.
    pub fn in_file(&self, column: usize) -> usize {
        column + usize::from(self.left_out.is_some_and(|left_out| left_out <= column))
    }
}

/// Takes a cell out of a line.
pub fn without(record: &StringRecord, column: Option<usize>) -> (StringRecord, Option<&str>) {
    let Some(cell) = column.and_then(|column| record.get(column)) else {
        return (record.clone(), None);
    };
    let others = (record.iter().enumerate()).filter(|(other, _)| Some(*other) != column);
    let mut rest: StringRecord = others.map(|(_, text)| text).collect();
    rest.set_position(record.position().cloned());
    (rest, Some(cell))
}

/// Where the first line has a column of this name, whatever separates the columns.
pub fn position_of_groups(
    text: &[u8],
    separator: Option<u8>,
    name: &str,
) -> Result<usize, Problem> {
    let separators = separator.map_or(SEPARATORS.to_vec(), |separator| vec![separator]);
    let mut problem = None;
    for separator in separators {
        let Some(first) = reader(text, separator).records().next() else {
            continue;
        };
        let first = first.map_err(|error| unreadable(&error))?;
        match named_column(&first, "groups", name) {
            Ok(position) => return Ok(position),
            Err(found) if problem.is_none() || first.len() > 1 => problem = Some(found),
            Err(_) => {}
        }
    }
    Err(problem.unwrap_or_else(|| Problem::from("has no lines")))
}

/// What may stand between columns.
const SEPARATORS: &[u8] = b",;\t ";

/// How a table is written.
pub struct Dialect {
    /// Between the columns.
    pub separator: u8,
    /// Whether the first line names the columns.
    pub has_header: bool,
    /// How many columns count: every line may end with a separator and nothing after it.
    pub columns: usize,
    /// The column of the label, the first of several.
    pub label: usize,
    /// What was found, for the user.
    pub remarks: Vec<(Level, String)>,
}

/// Text as CSV, by its first byte that counts: lines that begin with `#` are skipped where the first does.
pub fn reader(text: &[u8], separator: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .comment(text.starts_with(b"#").then_some(b'#'))
        .trim(csv::Trim::All)
        .from_reader(text)
}

impl Dialect {
    /// Finds out how a text is written.
    pub fn of(text: &[u8], wanted: &Wanted<'_>) -> Result<Dialect, Problem> {
        let (separator, records) = match wanted.separator {
            Some(separator) => (separator, first_lines(text, separator, wanted)?),
            None => {
                let read =
                    |separator: &u8| Ok((*separator, first_lines(text, *separator, wanted)?));
                let all: Result<Vec<_>, Problem> = SEPARATORS.iter().map(read).collect();
                chosen(all?, wanted)?
            }
        };
        let Some(first) = records.first() else {
            return Err("has no lines".into());
        };
        let mut remarks = Vec::new();
        let named = matches!(wanted.label, Some(Column::Name(_)));
        let columns = columns(&records, wanted);
        let probable = match wanted.label {
            Some(Column::Position(position)) => *position,
            _ => default_label(&records, columns, separator),
        };
        let has_header = match wanted.header {
            Some(header) => header,
            None if named => true,
            None => {
                let found = names_columns(&records, probable, separator);
                if found {
                    let found = "the first line is taken as names of the columns";
                    remarks.push((Level::Info, found.to_owned()));
                } else if first.len() > 2 && counts(first.iter().take(columns)) {
                    let suspicion = "the first line counts 0, 1, 2, … and is taken as a sample: `header = true` where it names the columns";
                    remarks.push((Level::Warning, suspicion.to_owned()));
                }
                found
            }
        };
        let label = match wanted.label {
            Some(Column::Name(name)) => named_column(first, "label", name)?,
            Some(Column::Position(position)) if *position >= columns => {
                return Err(no_position(first, wanted, *position, columns));
            }
            None if has_header => label_by_its_name(first, columns, probable)?,
            _ => probable,
        };
        if wanted.label.is_none() && label + 1 != columns {
            let place = wanted.in_file(label);
            let found = match has_header {
                true => format!("the label is column {place}, {:?}", &first[label]),
                false => format!("the label is column {place}, the only one of words"),
            };
            remarks.push((Level::Info, found));
        }
        if columns == 1 {
            let problem = "one column in each line, expected numbers and a label";
            let separator = char::from(separator);
            return Err(Problem::at_line(line_of(first), problem).with_hint(format!(
                "columns are separated by {separator:?}; `separator` says otherwise"
            )));
        }
        Ok(Dialect {
            separator,
            has_header,
            columns,
            label,
            remarks,
        })
    }
}

/// The line of a record.
pub fn line_of(record: &StringRecord) -> u64 {
    record.position().map_or(0, csv::Position::line)
}

fn first_lines(
    text: &[u8],
    separator: u8,
    wanted: &Wanted<'_>,
) -> Result<Vec<StringRecord>, Problem> {
    let mut reader = reader(text, separator);
    let records = reader.records().take(LOOKED_AT);
    let records: Result<Vec<_>, _> = records
        .map(|record| Ok(without(&record?, wanted.left_out).0))
        .collect();
    records.map_err(|error| unreadable(&error))
}

/// Why a line cannot be read at all.
pub fn unreadable(error: &csv::Error) -> Problem {
    let line = error.position().map_or(0, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => {
            Problem::at_line(line, "text that is not UTF-8").with_hint("save the file as UTF-8")
        }
        _ => Problem::at_line(line, error.to_string()),
    }
}

/// The separator with which the lines are samples, or at least a table.
fn chosen(
    all: Vec<(u8, Vec<StringRecord>)>,
    wanted: &Wanted<'_>,
) -> Result<(u8, Vec<StringRecord>), Problem> {
    let of = |fits: &dyn Fn(u8, &[StringRecord]) -> bool| -> Vec<u8> {
        let fitting = all
            .iter()
            .filter(|(separator, records)| fits(*separator, records));
        let mut found: Vec<u8> = fitting.map(|(separator, _)| *separator).collect();
        // Columns may be set apart by a space besides.
        if found.len() > 1 && (found.contains(&b';') || found.contains(&b'\t')) {
            found.retain(|separator| *separator != b' ');
        }
        found
    };
    let samples = of(&|separator, records| are_samples(records, separator, wanted));
    let separator = match &*samples {
        [separator] => *separator,
        [] => match &*of(&|_, records| is_table(records)) {
            [separator] => *separator,
            _ => b',',
        },
        several => {
            let found: Vec<String> = several
                .iter()
                .map(|byte| format!("{:?}", char::from(*byte)))
                .collect();
            let problem = format!("columns may be separated by {}", found.join(" or "));
            return Err(Problem::at_line(1, problem).with_hint("say it: `separator = \"…\"`"));
        }
    };
    let records = all.into_iter().find(|(other, _)| *other == separator);
    Ok(records.unwrap_or_default())
}

/// Whether all lines have the same columns, two or more.
fn is_table(records: &[StringRecord]) -> bool {
    let columns = records.first().map_or(0, StringRecord::len);
    columns > 1 && records.iter().all(|record| record.len() == columns)
}

/// Whether all lines but for a first one of names are numbers and a label.
fn are_samples(records: &[StringRecord], separator: u8, wanted: &Wanted<'_>) -> bool {
    if !is_table(records) {
        return false;
    }
    let first = &records[0];
    let columns = columns(records, wanted);
    let label = match wanted.label {
        None => default_label(records, columns, separator),
        Some(Column::Position(position)) => *position,
        Some(Column::Name(name)) => match first.iter().position(|column| column == name) {
            Some(position) => position,
            None => return false,
        },
    };
    let names = match (wanted.header, wanted.label) {
        (Some(header), _) => header,
        (None, Some(Column::Name(_))) => true,
        (None, _) => names_columns(records, label, separator),
    };
    let body = &records[usize::from(names)..];
    !body.is_empty() && are_numbers(body, columns, label, separator)
}

/// Whether all columns but the label's hold numbers, all with the same decimal mark.
fn are_numbers(records: &[StringRecord], columns: usize, label: usize, separator: u8) -> bool {
    let mut numbers = Numbers::new(separator);
    let labels = [label];
    let cells = |record| numbered(record, columns, &labels);
    records
        .iter()
        .flat_map(cells)
        .all(|(_, text)| numbers.read(text).is_ok())
}

/// The cells of a line without those of its labels.
pub fn numbered<'a>(
    record: &'a StringRecord,
    columns: usize,
    labels: &'a [usize],
) -> impl Iterator<Item = (usize, &'a str)> {
    let cells = record.iter().take(columns).enumerate();
    cells.filter(move |(column, _)| !labels.contains(column))
}

/// Where the label stands if nobody says it: in the only column of words, or else the last.
fn default_label(records: &[StringRecord], columns: usize, separator: u8) -> usize {
    let is_word = |text: &str| {
        !MISSING.contains(&text)
            && text.parse::<f64>().is_err()
            && Numbers::new(separator).read(text).is_err()
    };
    // Of a single line nobody knows whether a word in it is the label or a mistake.
    if records.len() < 2 {
        return columns - 1;
    }
    // A name above the column is a word, too.
    let has_words = |column: &usize| {
        let mut cells = records.iter().filter_map(|record| record.get(*column));
        cells.all(is_word)
    };
    let mut of_words = (0..columns).filter(has_words);
    match (of_words.next(), of_words.next()) {
        (Some(column), None) => column,
        _ => columns - 1,
    }
}

/// How many columns count.
fn columns(records: &[StringRecord], wanted: &Wanted<'_>) -> usize {
    let columns = records.first().map_or(0, StringRecord::len);
    let ends_empty =
        |record: &StringRecord| record.len() == columns && record[columns - 1].is_empty();
    let is_wanted = matches!(wanted.label, Some(Column::Position(p)) if p + 1 == columns);
    let is_trailing = columns > 2 && !is_wanted && records.iter().all(ends_empty);
    columns - usize::from(is_trailing)
}

/// Whether the first line names the columns: words where the second has numbers.
fn names_columns(records: &[StringRecord], label: usize, separator: u8) -> bool {
    let [first, rest @ ..] = records else {
        return false;
    };
    let columns = first.len();
    if rest.is_empty() || !are_numbers(&rest[..1], columns, label, separator) {
        return false;
    }
    let mut words = 0;
    for (column, text) in numbered(first, columns, &[label]) {
        if is_number(text) || Numbers::new(separator).read(text).is_ok() {
            // Programs name columns 0, 1, 2, … where nobody does, but not that of the label.
            let label_of = |record: &StringRecord| record.get(label).map(is_number);
            return counts(numbered(first, columns, &[label]).map(|(_, text)| text))
                && label_of(first) == Some(false)
                && rest.iter().all(|record| label_of(record) == Some(true));
        }
        // A column of row numbers often has no name; what stands for a missing number is no name.
        match text {
            "" if column == 0 => {}
            text if MISSING.contains(&text) => return false,
            _ => words += 1,
        }
    }
    words > 0
}

/// Whether texts are 0, 1, 2, …, two or more.
fn counts<'a>(texts: impl Iterator<Item = &'a str>) -> bool {
    let mut count = 0;
    for text in texts {
        if text.parse() != Ok(count) {
            return false;
        }
        count += 1;
    }
    count > 1_u64
}

/// The only column of this name; `key` is the parameter that says it.
pub fn named_column(header: &StringRecord, key: &str, name: &str) -> Result<usize, Problem> {
    let names: Vec<&str> = header.iter().collect();
    position_of(&names, key, name).map_err(|error| Problem::of_line(line_of(header), &error))
}

/// There are not so many columns.
pub fn no_position(
    first: &StringRecord,
    wanted: &Wanted<'_>,
    position: usize,
    columns: usize,
) -> Problem {
    let (position, columns) = (wanted.in_file(position), wanted.in_file(columns - 1) + 1);
    let problem = format!("no column {position} (`label`): there are {columns}, counted from 0");
    Problem::at_line(line_of(first), problem)
}

/// The column that the header calls the label; the probable one where it calls none so.
fn label_by_its_name(
    header: &StringRecord,
    columns: usize,
    probable: usize,
) -> Result<usize, Problem> {
    let is_label = |name: &str| LABEL_NAMES.contains(&&*name.to_lowercase());
    let cells = header.iter().take(columns).enumerate();
    let found: Vec<usize> = (cells.filter(|(_, name)| is_label(name)))
        .map(|(column, _)| column)
        .collect();
    match *found {
        [] => Ok(probable),
        [column] => Ok(column),
        _ if found.contains(&probable) => Ok(probable),
        _ => {
            let names: Vec<&str> = found.iter().map(|column| &header[*column]).collect();
            let problem = format!("several columns may be the label: {}", names.join(", "));
            Err(Problem::at_line(line_of(header), problem).with_hint("say it: `label = \"…\"`"))
        }
    }
}

/// Reads numbers of a table, which all have the same decimal mark.
pub struct Numbers {
    /// The mark, as soon as it is known: between commas it must be a point.
    mark: Option<char>,
    /// Whether other columns than decimals may have commas.
    separator: u8,
}

impl Numbers {
    pub fn new(separator: u8) -> Numbers {
        let mark = (separator == b',').then_some('.');
        Numbers { mark, separator }
    }

    /// Whether numbers had a decimal comma.
    pub fn have_commas(&self) -> bool {
        self.separator != b',' && self.mark == Some(',')
    }

    /// The number that a text is; the error says what was expected.
    pub fn read(&mut self, text: &str) -> Result<f32, &'static str> {
        let comma = text.split_once(',');
        let is_decimal =
            |(_, decimals): (&str, &str)| decimals.starts_with(|c: char| c.is_ascii_digit());
        let number = match (comma, text.contains('.')) {
            (Some(parts), false) if self.mark != Some('.') && is_decimal(parts) => {
                self.mark = Some(',');
                text.replacen(',', ".", 1).parse()
            }
            (Some(_), true) => return Err("expected a finite number without marks of thousands"),
            (Some(_), _) => return Err("expected a finite number with a decimal point"),
            (None, true) if self.mark == Some(',') => {
                return Err("expected a finite number with a decimal comma, like those before");
            }
            (None, has_point) => {
                if has_point {
                    self.mark = Some('.');
                }
                text.parse::<f32>()
            }
        };
        match number {
            Ok(number) if number.is_finite() => Ok(number),
            Ok(_) if is_number(text) => Err("expected at most 3.4e38"),
            _ => Err("expected a finite number"),
        }
    }
}
