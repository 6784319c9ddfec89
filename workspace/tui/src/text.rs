//! Text cut and padded to columns of the terminal.

use std::ops::Range;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Widget,
};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text cut to `columns`, its end told by `…` where something is missing. A number in it is
/// whole or left out: part of one reads as another.
pub fn fit(text: &str, columns: usize) -> String {
    match kept(text, columns) {
        None => text.to_owned(),
        Some(_) if columns == 0 => String::new(),
        Some(end) => format!("{}…", &text[..end]),
    }
}

/// Where the text is cut so that `…` still fits behind it; `None` when all of it fits.
fn kept(text: &str, columns: usize) -> Option<usize> {
    if width(text) <= columns {
        return None;
    }
    let mut used = 0;
    let end = text.char_indices().find_map(|(at, character)| {
        used += character.width().unwrap_or(0);
        (used + 1 > columns).then_some(at)
    });
    let end = end.unwrap_or(text.len());
    let torn = numbers(text).find(|number| number.start < end && end < number.end);
    Some(torn.map_or(end, |number| number.start))
}

/// What belongs to the number before it.
const UNITS: [&str; 9] = ["k", "M", "G", "T", "P", "E", "%", "s", "ms"];

/// Where the numbers of a text are: `20,160`, `98.93`, `00:41`, `1.2e-5`, `20.2 k`.
fn numbers(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let digit = move |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let is = move |at: usize, any: &[u8]| bytes.get(at).is_some_and(|byte| any.contains(byte));
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = (from..bytes.len()).find(|at| digit(*at))?;
        let mut end = start + 1;
        loop {
            let exponent = if is(end, b"eE") { end + 1 } else { end };
            let signed = exponent + usize::from(exponent > end && is(exponent, b"+-"));
            let parted = end + usize::from(is(end, b".,:"));
            if digit(parted) {
                end = parted + 1;
            } else if exponent > end && digit(signed) {
                end = signed + 1;
            } else {
                break;
            }
        }
        // A figure is nothing without its thousands or its unit.
        let unit = text[end..].strip_prefix(' ').map(|after| {
            let word = after.find(|c: char| !c.is_alphanumeric() && c != '%');
            &after[..word.unwrap_or(after.len())]
        });
        if let Some(unit) = unit.filter(|unit| UNITS.contains(unit)) {
            end += 1 + unit.len();
        }
        from = end;
        Some(start..end)
    })
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
        let whole = format!(" · {detail}");
        let room = columns.saturating_sub(width(&whole));
        if room >= NAME {
            return fit(name, room) + &whole;
        }
        let ends = std::iter::successors(Some(detail), |end| Some(end.split_once(" · ")?.1));
        if let Some(end) = ends.into_iter().find(|end| width(end) + 2 <= columns) {
            return format!("… {end}");
        }
    }
    fit(title, columns)
}

/// A title cut to `columns` and filled up with blanks.
pub fn pad_title(title: &str, columns: usize) -> String {
    pad(&fit_title(title, columns), columns, false)
}

/// Writes a line into row `row` of `area`. What has no room is cut as [`fit`] does: everything
/// drawn as a line goes through here, so nothing is ever cut without a sign.
pub fn line<'a>(buffer: &mut Buffer, area: Rect, row: usize, line: impl Into<Line<'a>>) {
    let Ok(row) = u16::try_from(row) else { return };
    if row < area.height {
        let place = Rect {
            y: area.y + row,
            height: 1,
            ..area
        };
        let place = place.intersection(buffer.area);
        fit_line(line.into(), usize::from(place.width)).render(place, buffer);
    }
}

/// A line of several styles cut to `columns`; blanks at its end need no room.
fn fit_line(line: Line<'_>, columns: usize) -> Line<'_> {
    if line.width() <= columns {
        return line;
    }
    let text: String = line
        .spans
        .iter()
        .map(|span| span.content.as_ref())
        .collect();
    let Some(mut left) = kept(text.trim_end(), columns) else {
        return line;
    };
    let mut spans = Vec::new();
    for span in line.spans {
        let taken = left.min(span.content.len());
        left -= taken;
        let whole = taken == span.content.len();
        spans.push(Span::styled(span.content[..taken].to_owned(), span.style));
        if !whole {
            spans.push(Span::styled(if columns > 0 { "…" } else { "" }, span.style));
            break;
        }
    }
    Line {
        spans,
        ..Line::default()
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
        assert_eq!(pad("1234", 3, true), "  …");
    }

    #[test]
    fn numbers_are_whole_or_left_out() {
        let check = |text: &str, columns: usize, expected: &str| {
            assert_eq!(fit(text, columns), expected, "{text} in {columns}");
        };
        check(
            "feature classifier, 1,000 samples",
            25,
            "feature classifier, …",
        );
        check(
            "feature classifier, 1,000 samples",
            26,
            "feature classifier, 1,000…",
        );
        check("20,160 images", 5, "…");
        check("20,160 images", 8, "20,160 …");
        check("20.2 k images", 6, "…");
        check("20.2 k images", 7, "20.2 k…");
        check("20 kilograms", 4, "20 …");
        check("98.93 % correct", 6, "…");
        check("took 42 ms", 8, "took …");
        check("took 42 s, 7", 10, "took 42 s…");
        check("at 1:02:03", 8, "at …");
        check("loss 1.25e-5 now", 11, "loss …");
        check("1×28×28", 6, "1×28×…");
        check("layer 3, cut", 8, "layer 3…");
        check("v1.2.3", 4, "v…");
    }

    #[test]
    fn lines_of_several_styles_are_cut_with_a_sign() {
        let check = |words: &[&str], columns: usize, expected: &str| {
            let line = Line::from(
                words
                    .iter()
                    .map(|word| Span::raw(*word))
                    .collect::<Vec<_>>(),
            );
            let cut = fit_line(line, columns);
            let found: String = cut.spans.iter().map(|span| span.content.as_ref()).collect();
            assert_eq!(found.trim_end(), expected, "{words:?} in {columns}");
        };
        check(&["accuracy ", " 98.93 %", "  "], 17, "accuracy  98.93 %");
        check(&["accuracy ", " 98.93 %", "  "], 16, "accuracy  …");
        check(&["accuracy ", " 98", ".93 %"], 14, "accuracy  …");
        check(&["accuracy", " 1"], 7, "accura…");
        check(&["accuracy"], 0, "");
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
        check("frozen backbone · pool1 · 1,000", 19, "… pool1 · 1,000");
        check("frozen backbone · pool1 · 1,000", 14, "… 1,000");
        check("frozen backbone · pool1 · 1,000", 6, "froze…");
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
