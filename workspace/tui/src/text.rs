//! Text cut and padded to columns of the terminal.

use std::{collections::HashSet, ops::Range};

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
    // With target and backbone in it the detail is not all that tells it apart.
    if title.matches(" · ").count() >= 3 {
        return shorten(title, columns);
    }
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

/// A title cut to `columns` with something left of each of its parts: of `stamps · logistic regression · LeNet` all three,
/// the longest shortened first. A number is no part to be shortened.
pub fn shorten(title: &str, columns: usize) -> String {
    shorten_by(fit, title, columns)
}

fn shorten_by(cut: fn(&str, usize) -> String, title: &str, columns: usize) -> String {
    /// Columns that a part keeps.
    const PART: usize = 4;
    let parts: Vec<&str> = title.split(" · ").collect();
    let mut widths: Vec<usize> = parts.iter().map(|part| width(part)).collect();
    let shortens = |index: &usize| parts[*index].contains(char::is_alphabetic);
    let between = 3 * (parts.len() - 1);
    while widths.iter().sum::<usize>() + between > columns {
        let longest = (0..parts.len()).filter(shortens).max_by_key(|index| {
            // The first of equals is the last to go: the target, then the strategy.
            (widths[*index], *index)
        });
        match longest.filter(|index| widths[*index] > PART) {
            Some(index) => widths[index] -= 1,
            None => return cut(title, columns),
        }
    }
    let parts = parts.iter().zip(widths).map(|(part, room)| cut(part, room));
    parts.collect::<Vec<String>>().join(" · ")
}

/// Titles cut to `columns`, so that different ones stay different where that can be: their ends are cut, else their
/// middles, else their beginnings.
pub fn apart<'a>(titles: impl Iterator<Item = &'a str>, columns: usize) -> Vec<String> {
    let titles: Vec<&str> = titles.collect();
    if titles.iter().all(|title| width(title) <= columns) {
        return titles.into_iter().map(str::to_owned).collect();
    }
    let count = |titles: &mut dyn Iterator<Item = &str>| titles.collect::<HashSet<&str>>().len();
    let different = count(&mut titles.iter().copied());
    let cuts: [fn(&str, usize) -> String; 3] = [fit, without_middle, end_of];
    let by = |cut| {
        (titles
            .iter()
            .map(move |title| shorten_by(cut, title, columns)))
        .collect()
    };
    let mut cut: Vec<Vec<String>> = cuts.into_iter().map(by).collect();
    let told = cut
        .iter()
        .position(|cut| count(&mut cut.iter().map(String::as_str)) == different);
    cut.swap_remove(told.unwrap_or(0))
}

/// The text cut to `columns` in its middle.
fn without_middle(text: &str, columns: usize) -> String {
    if width(text) <= columns || columns < 3 {
        return fit(text, columns);
    }
    let end = end_of(text, (columns - 1) / 2 + 1);
    let head = fit(text, columns + 1 - width(&end));
    head + end.trim_start_matches('…')
}

/// A text, or as much of its end as has room.
pub fn end_of(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut end = text;
    while width(end) >= columns.max(1) {
        let mut characters = end.chars();
        characters.next();
        end = characters.as_str();
    }
    format!("…{end}")
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
    use proptest::prelude::*;

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
        let several = "stamps · frozen backbone · LeNet · pool1";
        check(several, 33, "stamps · frozen … · LeNet · pool1");
        assert_eq!(pad_title("a · b", 7), "a · b  ");
    }

    #[test]
    fn of_a_long_name_the_end_is_shown() {
        let check = |text: &str, columns, expected: &str| {
            let found = end_of(text, columns);
            assert_eq!(found, expected);
            assert!(width(&found) <= columns.max(1), "{found}");
        };
        check("cat/a.png", 9, "cat/a.png");
        check("cat/a.png", 8, "…t/a.png");
        // Characters of two columns are shown whole or not.
        check("猫/猫猫.png", 9, "…猫猫.png");
        check("猫/猫猫.png", 8, "…猫.png");
        check("猫/猫猫.png", 2, "…g");
        check("ab", 0, "…");
    }

    #[test]
    fn of_every_part_something_stays() {
        let check = |title: &str, columns: usize, expected: &str| {
            assert_eq!(shorten(title, columns), expected, "{title} in {columns}");
        };
        let title = "stamps · logistic regression · LeNet · gap";
        check(title, 42, title);
        check(title, 35, "stamps · logistic re… · LeNet · gap");
        check(title, 30, "stamps · logist… · LeNet · gap");
        check("a strategy · LeNet · 1,000", 20, "a st… · LeN… · 1,000");
        check("a strategy · LeNet · 1,000", 10, "a strateg…");
        check("frozen backbone", 9, "frozen b…");
    }

    #[test]
    fn different_titles_stay_different() {
        let check = |titles: [&str; 2], columns: usize, expected: [&str; 2]| {
            let found = apart(titles.into_iter(), columns);
            assert_eq!(found, expected, "{titles:?} in {columns}");
        };
        check(["head", "head"], 3, ["he…", "he…"]);
        check(["logistic", "ridge"], 6, ["logis…", "ridge"]);
        check(
            ["logistic on some", "logistic on all"],
            11,
            ["logis… some", "logis…n all"],
        );
        check(
            ["logistic · a", "logistic · b"],
            9,
            ["logi… · a", "logi… · b"],
        );
        check(["abcdefghi1", "abcdefghi2"], 2, ["…1", "…2"]);
    }

    proptest! {
        #[test]
        fn nothing_takes_more_columns_than_there_are(
            titles in prop::collection::vec("[a-z数0-9,]{0,12}( · [a-z数0-9,]{1,9}){0,3}", 1..4),
            columns in 1..40_usize,
        ) {
            for cut in apart(titles.iter().map(String::as_str), columns) {
                prop_assert!(width(&cut) <= columns, "{cut} in {columns}");
            }
        }
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
