//! Text cut and padded to columns of the terminal.

use ratatui::{buffer::Buffer, layout::Rect, style::Style, text::Line, widgets::Widget};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text cut to `columns`, its end told by `…` where something is missing.
pub fn fit(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut fitted = String::new();
    let mut used = 0;
    for character in text.chars() {
        let next = character.width().unwrap_or(0);
        if used + next + 1 > columns {
            break;
        }
        used += next;
        fitted.push(character);
    }
    if columns > 0 {
        fitted.push('…');
    }
    fitted
}

/// The text cut to `columns` and filled up with blanks, on the left when `right` aligned.
pub fn pad(text: &str, columns: usize, right: bool) -> String {
    let fitted = fit(text, columns);
    let blanks = " ".repeat(columns.saturating_sub(width(&fitted)));
    if right {
        blanks + &fitted
    } else {
        fitted + &blanks
    }
}

/// The title of a row or a stage cut to `columns`: of `logistic regression · block7 gap` rather the name than what tells
/// the row from others of the same name.
pub fn fit_title(title: &str, columns: usize) -> String {
    /// Columns below which a name says nothing.
    const NAME: usize = 4;
    if let (true, Some((name, detail))) = (width(title) > columns, title.split_once(" · ")) {
        let detail = format!(" · {detail}");
        let room = columns.saturating_sub(width(&detail));
        if room >= NAME {
            return fit(name, room) + &detail;
        }
    }
    fit(title, columns)
}

/// A title cut to `columns` and filled up with blanks.
pub fn pad_title(title: &str, columns: usize) -> String {
    pad(&fit_title(title, columns), columns, false)
}

/// Writes a line into row `row` of `area`, cut at its right edge.
pub fn line<'a>(buffer: &mut Buffer, area: Rect, row: usize, line: impl Into<Line<'a>>) {
    let Ok(row) = u16::try_from(row) else { return };
    if row < area.height {
        let place = Rect {
            y: area.y + row,
            height: 1,
            ..area
        };
        line.into().render(place.intersection(buffer.area), buffer);
    }
}

/// Words broken into lines of at most `columns`.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        // An indented paragraph stays indented in its first line.
        let words = paragraph.trim_start();
        let mut line = " ".repeat((paragraph.len() - words.len()).min(columns / 2));
        let mut begun = false;
        for word in words.split(' ') {
            if begun && width(&line) + 1 + width(word) > columns {
                lines.push(std::mem::take(&mut line));
                begun = false;
            }
            if begun {
                line.push(' ');
            }
            begun = true;
            line.push_str(word);
            while width(&line) > columns && line.chars().count() > 1 {
                let head: String = fit_exactly(&line, columns);
                let rest = line.split_off(head.len());
                lines.push(std::mem::replace(&mut line, rest));
            }
        }
        lines.push(line);
    }
    lines
}

/// As many characters as fit into `columns`, at least one.
fn fit_exactly(text: &str, columns: usize) -> String {
    let mut used = 0;
    let fitting = text.chars().take_while(|character| {
        used += character.width().unwrap_or(0);
        used <= columns
    });
    let fitted: String = fitting.collect();
    if fitted.is_empty() {
        text.chars().take(1).collect()
    } else {
        fitted
    }
}

/// Fills the whole area with a style, leaving the symbols.
pub fn tint(buffer: &mut Buffer, area: Rect, style: Style) {
    buffer.set_style(area.intersection(buffer.area), style);
}

/// `00:41`, `1:02:03`: a clock that keeps its width while it runs.
pub fn clock(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes:02}:{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_fits() {
        let check = |text: &str, columns: usize, expected: &str| {
            assert_eq!(fit(text, columns), expected, "{text} in {columns}");
        };
        check("frozen", 6, "frozen");
        check("frozen", 5, "froz…");
        check("frozen", 1, "…");
        check("frozen", 0, "");
        check("数字の5", 4, "数…");
        assert_eq!(pad("7", 3, true), "  7");
        assert_eq!(pad("7", 3, false), "7  ");
        assert_eq!(pad("1234", 3, true), "12…");
    }

    #[test]
    fn titles_keep_what_tells_them_apart() {
        let check = |title: &str, columns: usize, expected: &str| {
            assert_eq!(fit_title(title, columns), expected, "{title} in {columns}");
        };
        check("head · gap", 10, "head · gap");
        check("frozen backbone · gap", 13, "frozen… · gap");
        check(
            "frozen backbone · pool1 · 1,000",
            22,
            "froze… · pool1 · 1,000",
        );
        check("frozen backbone · pool1 · 1,000", 19, "frozen backbone · …");
        check("feature classifier", 9, "feature …");
        assert_eq!(pad_title("a · b", 7), "a · b  ");
    }

    #[test]
    fn words_wrap() {
        let check = |text: &str, columns: usize, expected: &[&str]| {
            assert_eq!(wrap(text, columns), expected, "{text} in {columns}");
        };
        check("one two three", 7, &["one two", "three"]);
        check("abcdefgh", 3, &["abc", "def", "gh"]);
        check("a\nb", 9, &["a", "b"]);
        check("数字", 1, &["数", "字"]);
        check("  a b c", 4, &["  a", "b c"]);
        check("", 5, &[]);
    }

    #[test]
    fn clocks_run() {
        assert_eq!(clock(41_999), "00:41");
        assert_eq!(clock(3_723_000), "1:02:03");
    }
}
