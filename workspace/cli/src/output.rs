//! Data for stdout.

use std::io::{ErrorKind, IsTerminal, Write, stdout};

use topwork_report::{Align, grid};
use topwork_store::reason;

use crate::failure::{Failure, RUN_FAILED};

/// Writes data to stdout. A reader that has gone away (`| head`) is no failure.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::new(
            RUN_FAILED,
            format!("cannot write to stdout: {}", reason(&error)),
        )),
        _ => Ok(()),
    }
}

/// A table for stdout, as wide as its terminal.
pub fn table(columns: &[(&str, Align)], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let rows: Vec<_> = rows.into_iter().collect();
    grid(columns, &rows, width(), false)
}

/// A size on disk.
pub fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// Columns of the terminal that stdout is; `None` for a file or pipe, where text is not cut.
pub fn width() -> Option<usize> {
    let terminal = stdout();
    if !terminal.is_terminal() {
        return None;
    }
    terminal_size::terminal_size_of(terminal).map(|(width, _)| usize::from(width.0))
}

/// Whether stderr is a terminal that may show colours.
pub fn colours() -> bool {
    std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
