//! The formats, and what each can hold.

use crate::{Column, Error, Kind};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Commas between fields, a first line of names, `\n` between lines (RFC 4180 but for that).
    Csv,
    /// A JSON object for every row, one on a line; vectors are lists.
    JsonLines,
    /// Apache Parquet, compressed with Snappy; a vector is a list of 32-bit floats.
    Parquet,
    /// NumPy's `.npy`: the one vector as a matrix of 32-bit floats, rows × dimensions, in C order; the rest is in a file beside.
    Npy,
    /// NumPy's `.npz`: an array for every column, of its name; text as `<U…`, as wide as the longest.
    Npz,
    /// safetensors: a tensor for every column of numbers, of its name; text is in a file beside.
    Safetensors,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 6] = [
        Format::Csv,
        Format::JsonLines,
        Format::Parquet,
        Format::Npy,
        Format::Npz,
        Format::Safetensors,
    ];

    /// The format that the end of a file's name says, in whatever case.
    ///
    /// # Errors
    /// When it is that of no format.
    pub fn of(path: &Path) -> Result<Format, Error> {
        let ending = path.extension().unwrap_or_default().to_string_lossy();
        Format::named(&ending).ok_or_else(|| Error::Ending {
            name: path.display().to_string(),
        })
    }

    /// The format whose files' names end so, in whatever case.
    pub fn named(ending: &str) -> Option<Format> {
        let known = |format: &Format| ending.eq_ignore_ascii_case(format.ending());
        Format::ALL.into_iter().find(known)
    }

    /// How names of such files end: `csv`, `jsonl`, `parquet`, `npy`, `npz`, `safetensors`.
    pub fn ending(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::JsonLines => "jsonl",
            Format::Parquet => "parquet",
            Format::Npy => "npy",
            Format::Npz => "npz",
            Format::Safetensors => "safetensors",
        }
    }

    /// Whether it is written from its beginning to its end, so that a stream can take it.
    pub fn is_streamed(self) -> bool {
        matches!(self, Format::Csv | Format::JsonLines | Format::Parquet)
    }

    /// The CSV file beside a table for what the format has no place for, `features.manifest.csv` for `features.npy`; `None` where
    /// all has a place. Rows are those of the table, in its order.
    pub fn manifest(self, path: &Path, columns: &[Column]) -> Option<PathBuf> {
        let beside = columns.iter().any(|column| self.is_beside(column.kind));
        beside.then(|| path.with_extension("manifest.csv"))
    }

    /// Whether columns of this kind go into the file beside.
    pub(crate) fn is_beside(self, kind: Kind) -> bool {
        match self {
            Format::Csv | Format::JsonLines | Format::Parquet | Format::Npz => false,
            Format::Npy => !matches!(kind, Kind::Vector(_)),
            Format::Safetensors => matches!(kind, Kind::Text | Kind::OptionalText),
        }
    }

    /// The endings, for people.
    pub(crate) fn endings() -> String {
        Format::ALL
            .map(|format| format!(".{}", format.ending()))
            .join(", ")
    }

    /// Refuses columns that the format cannot hold.
    pub(crate) fn check(self, columns: &[Column]) -> Result<(), Error> {
        let wrong = |problem: String| Err(Error::Columns(problem));
        if columns.is_empty() {
            return wrong("a table without columns, expected at least one".to_owned());
        }
        let mut names = HashSet::new();
        let mut vectors = 0;
        for Column { name, kind } in columns {
            if name.is_empty() || name.contains('\0') {
                return wrong(format!(
                    "a column of the name {name:?}, expected a name without zero bytes"
                ));
            }
            let fields = match (kind, self) {
                (Kind::Vector(0), _) => {
                    return wrong(format!(
                        "column `{name}` holds vectors of 0 numbers, expected at least 1"
                    ));
                }
                (Kind::Vector(numbers), Format::Csv) => fields(name, *numbers).collect(),
                _ => vec![name.clone()],
            };
            vectors += usize::from(matches!(kind, Kind::Vector(_)));
            for field in fields {
                if let Some(twin) = names.replace(field) {
                    return wrong(format!("two columns `{twin}`, expected different names"));
                }
            }
        }
        match self {
            Format::Npy if vectors != 1 => wrong(format!(
                "{vectors} columns of vectors, expected one: a .npy file holds one array"
            )),
            Format::Safetensors if columns.iter().all(|column| self.is_beside(column.kind)) => {
                wrong("no column of numbers, expected one: safetensors holds no text".to_owned())
            }
            Format::Safetensors if names.contains("__metadata__") => wrong(
                "a column `__metadata__`, a name that safetensors keeps for itself".to_owned(),
            ),
            _ => Ok(()),
        }
    }
}

/// The names of the columns that a vector has in CSV.
pub(crate) fn fields(name: &str, numbers: usize) -> impl Iterator<Item = String> {
    (0..numbers).map(move |number| format!("{name} {number}"))
}
