//! Text and data for stdout, and the characters a person is shown.

use std::{
    borrow::Cow,
    io::{ErrorKind, IsTerminal, Write, stdout},
    sync::OnceLock,
    time::Duration,
};

use topwork_measure::{seconds, thousands};
use topwork_pages::{Align, grid};
use topwork_sniff::reason;

use crate::failure::{Failure, RUN_FAILED};

/// Who wants ASCII.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ascii {
    /// Nobody.
    No,
    /// The user says so, whatever reads it.
    Asked,
    /// The terminal cannot show more; a file or pipe can hold it.
    OnTerminals,
}

static CHARACTERS: OnceLock<Ascii> = OnceLock::new();

/// Whether tables are written in full whatever the terminal's width.
static WIDE: OnceLock<bool> = OnceLock::new();

/// Decides once for this process how wide tables may get.
pub fn choose_width(wide: bool) {
    let _ = WIDE.set(wide);
}

/// Decides once for this process which characters people are shown.
pub fn choose_characters(asked: bool) {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let _ = CHARACTERS.set(match (asked, shows_utf8(variable)) {
        (true, _) => Ascii::Asked,
        (false, true) => Ascii::No,
        (false, false) => Ascii::OnTerminals,
    });
}

/// Whether a terminal shows UTF-8, as far as the environment tells. Where no locale is set, as in most containers, it is
/// taken to; the console of Linux lacks the characters that charts are drawn with.
fn shows_utf8(variable: impl Fn(&str) -> String) -> bool {
    if variable("TERM") == "linux" {
        return false;
    }
    // The first that is set counts, as `setlocale` has it.
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(variable);
    let locale = locale.into_iter().find(|locale| !locale.is_empty());
    locale.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

/// Whether people who look at this stream are to see ASCII only.
pub fn is_ascii(stream: &impl IsTerminal) -> bool {
    match CHARACTERS.get() {
        Some(Ascii::Asked) => true,
        Some(Ascii::OnTerminals) => stream.is_terminal(),
        Some(Ascii::No) | None => false,
    }
}

/// Text as people who look at this stream are to see it.
pub fn shown<'a>(text: &'a str, stream: &impl IsTerminal) -> Cow<'a, str> {
    match is_ascii(stream) {
        true => Cow::Owned(topwork_tui::ascii(text)),
        false => Cow::Borrowed(text),
    }
}

/// Writes text for people to stdout.
pub fn print(text: &str) -> Result<(), Failure> {
    data(&shown(text, &stdout()))
}

/// Writes data to stdout as it is. A reader that has gone away (`| head`) is no failure.
pub fn data(text: &str) -> Result<(), Failure> {
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

/// How long ago something was, in days where hours would be many.
pub fn age(time: Duration) -> String {
    const DAY: u64 = 24 * 3600;
    match time.as_secs() / DAY {
        0 | 1 => seconds(time.as_secs_f64()),
        days => format!("{} days", thousands(days)),
    }
}

/// Columns of the terminal that stdout is; `None` for a file or pipe, where text is not cut, and where the user wants it so.
pub fn width() -> Option<usize> {
    let terminal = stdout();
    if !terminal.is_terminal() || WIDE.get().is_some_and(|wide| *wide) {
        return None;
    }
    terminal_size::terminal_size_of(terminal).map(|(width, _)| usize::from(width.0))
}

/// Whether stderr is a terminal that may show colours.
pub fn colours() -> bool {
    std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_tells_whether_a_terminal_shows_utf8() {
        let check = |set: &[(&str, &str)], expected| {
            let variable = |name: &str| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map_or(String::new(), |(_, value)| (*value).to_owned())
            };
            assert_eq!(shows_utf8(variable), expected, "{set:?}");
        };
        check(&[], true);
        check(&[("LANG", "de_DE.UTF-8")], true);
        check(&[("LANG", "C.utf8")], true);
        check(&[("LANG", "C")], false);
        check(&[("LANG", "POSIX")], false);
        check(
            &[("LC_ALL", "en_US.ISO-8859-1"), ("LANG", "C.UTF-8")],
            false,
        );
        check(&[("LC_ALL", ""), ("LANG", "C.UTF-8")], true);
        check(&[("LC_CTYPE", "C"), ("LANG", "C.UTF-8")], false);
        check(&[("TERM", "linux"), ("LANG", "C.UTF-8")], false);
    }
}
