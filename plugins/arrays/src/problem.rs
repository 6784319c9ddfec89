//! What is wrong with a file, found where nobody knows which file it was.

use std::fmt::Write;
use std::path::Path;
use topwork_sdk::Error;
use topwork_sdk::sniff::{self, Kind};

/// What is wrong. The message goes on where the name of the file leaves off: "is no IDX file".
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    /// Counted from 1; 0 when it is not one line's.
    line: u64,
    message: String,
    hint: Option<String>,
}

impl<T: Into<String>> From<T> for Problem {
    fn from(message: T) -> Self {
        Problem::at_line(0, message)
    }
}

impl Problem {
    /// A problem of a line of text.
    pub fn at_line(line: u64, message: impl Into<String>) -> Problem {
        Problem {
            line,
            message: message.into(),
            hint: None,
        }
    }

    /// The bytes are not those of `expected`, told by what they are.
    pub fn other_file(bytes: &[u8], expected: &str) -> Problem {
        let beginning = &bytes[..bytes.len().min(sniff::WANTED)];
        let Some(kind) = sniff::kind(beginning) else {
            return match beginning {
                [] => format!("is empty, expected {expected}").into(),
                _ => {
                    let begin = beginning[..beginning.len().min(12)].escape_ascii();
                    format!("begins with `{begin}`, expected {expected}").into()
                }
            };
        };
        let message = match kind {
            // The words say already that it is not what was expected.
            Kind::LfsPointer => format!("is {kind}"),
            Kind::Text => {
                let text = String::from_utf8_lossy(beginning);
                let line = text.trim().lines().next().unwrap_or_default();
                let begin: String = line.chars().take(40).collect();
                format!("is text that begins with {begin:?}, expected {expected}")
            }
            _ => format!("is {kind}, expected {expected}"),
        };
        let hint = kind.hint().or(match kind {
            Kind::Npy => Some("`use = \"arrays\"` reads it"),
            Kind::Text => Some("`use = \"csv\"` reads numbers in text"),
            Kind::Picture => Some("`use = \"image-folder\"` reads pictures"),
            Kind::Hdf5 | Kind::Pickle => Some("save its arrays with NumPy's `savez`"),
            _ => None,
        });
        let problem = Problem::from(message);
        match hint {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        }
    }

    /// A problem of a line that was found without knowing which one.
    pub fn of_line(line: u64, error: &Error) -> Problem {
        let problem = Problem::at_line(line, error.to_string());
        match error.hint() {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        }
    }

    /// Adds the way out.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Problem {
        self.hint = Some(hint.into());
        self
    }

    /// Puts words before the message, for a part of a file.
    pub fn within(mut self, before: &str) -> Problem {
        self.message.insert_str(0, before);
        self
    }

    /// The problem with its file.
    pub fn in_file(self, path: &Path) -> Error {
        let mut text = format!("`{}`", path.display());
        // Writing to a text does not fail.
        let _ = match self.line {
            0 => write!(text, " {}", self.message),
            line => write!(text, ", line {line}: {}", self.message),
        };
        let error = Error::data(text);
        match self.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}
