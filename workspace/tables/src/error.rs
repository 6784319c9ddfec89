//! Why a table could not be written.

use crate::Format;
use std::io;

/// Why a table could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The end of a file's name is that of no format.
    #[error(
        "`{name}` ends with no known format, expected one of {}",
        Format::endings()
    )]
    Ending {
        /// The name.
        name: String,
    },
    /// Columns that cannot stand in one table, or not in this format.
    #[error("{0}")]
    Columns(String),
    /// The format is not written from its beginning to its end.
    #[error("{} needs a file, expected csv, jsonl or parquet for a stream", .0.ending())]
    NeedsFile(Format),
    /// Values that are not those of the columns.
    #[error("{0}")]
    Batch(String),
    /// Infinity in JSON, which has no word for it.
    #[error(
        "row {row} has an infinite number in column `{column}`, expected finite numbers in JSON"
    )]
    Infinite {
        /// The column's name.
        column: String,
        /// Which row, counted from 0.
        row: u64,
    },
    /// The system did not let it be written.
    #[error("cannot write {place}: {source}")]
    Write {
        /// What was written, for people.
        place: String,
        /// What the system says.
        source: io::Error,
    },
}
