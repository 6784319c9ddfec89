//! Markdown with tables, as GitHub and most others render it.

use topwork_results::{Align, Results, columns};

use crate::{
    Page, PageError, Report,
    text::{capitalised, lines_before, lines_below, over_targets, pairs, reference_lines},
};

/// The page.
pub const PAGE: Page = Page {
    id: "markdown",
    about: "Markdown with tables, for GitHub",
    extension: "md",
    write,
};

fn write(report: &Report, _: Option<usize>) -> Result<String, PageError> {
    let first = report.tables.first();
    let mut text = format!(
        "# {}\n\nRun {}, {}.\n",
        escaped(&first.name),
        escaped(&first.run),
        escaped(&first.status)
    );
    for results in report.tables.each() {
        if let Some(heading) = results.heading() {
            text.push_str(&format!("\n## {}\n", escaped(&capitalised(&heading))));
        }
        of_target(&mut text, results);
    }
    if let [heading, lines @ ..] = over_targets(&report.tables).as_slice() {
        text.push_str(&format!("\n## All targets\n\n{}\n", escaped(heading)));
        text.push_str(&list(lines));
    }
    Ok(text)
}

fn of_target(text: &mut String, results: &Results) {
    let deep = match results.heading() {
        Some(_) => "###",
        None => "##",
    };
    text.push_str(&list(&lines_before(results)));
    let shown = columns(results);
    let headings: Vec<(&str, Align)> = (shown.iter())
        .map(|column| (column.heading(), column.align))
        .collect();
    let rows = results.strategies.iter().map(|row| {
        let cells = shown.iter().map(|column| column.cell(row, row.rank));
        cells.map(|cell| cell.to_string()).collect()
    });
    text.push_str(&table(&headings, rows));
    text.push_str(&list(&lines_below(results)));
    if let Some((heading, pairs)) = pairs::in_words(results) {
        text.push_str(&format!("\n{deep} Pairs\n\n{}\n", escaped(&heading)));
        let headings = [
            ("pair", Align::Left),
            ("difference", Align::Right),
            ("p", Align::Right),
            ("p (Holm)", Align::Right),
            ("", Align::Left),
        ];
        text.push_str(&table(&headings, pairs.into_iter().map(Vec::from)));
    }
    if let [heading, lines @ ..] = reference_lines(results).as_slice() {
        text.push_str(&format!("\n{deep} Elsewhere\n\n{}\n", escaped(heading)));
        text.push_str(&list(lines));
    }
}

fn list(lines: &[String]) -> String {
    let items = lines.iter().map(|line| format!("- {}\n", escaped(line)));
    match lines.is_empty() {
        true => String::new(),
        false => format!("\n{}", items.collect::<String>()),
    }
}

fn table(headings: &[(&str, Align)], rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let names = headings.iter().map(|(name, _)| cell(name)).collect();
    let rules = headings.iter().map(|(_, align)| match align {
        Align::Left => ":--".to_owned(),
        Align::Right => "--:".to_owned(),
    });
    let mut text = format!("\n{}{}", line(names), line(rules.collect()));
    for row in rows {
        text.push_str(&line(row.iter().map(|text| cell(text)).collect()));
    }
    text
}

/// A line end would end the row.
fn cell(text: &str) -> String {
    escaped(&text.replace(['\r', '\n'], " "))
}

/// What Markdown would take for a mark of its own stands for itself after a backslash; `<` and `&` could begin
/// HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' | '#' | '~' | '$' => {
                escaped.push('\\');
                escaped.push(c);
            }
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn marks_stand_for_themselves() {
        let check = |text: &str, expected: &str| assert_eq!(cell(text), expected);
        check("a | b", "a \\| b");
        check("two\nlines", "two lines");
        check("1,000 *", "1,000 \\*");
        check("p < 0.0001 & <b>", "p &lt; 0.0001 &amp; &lt;b&gt;");
        check("`file_name`", "\\`file\\_name\\`");
    }

    proptest! {
        #[test]
        fn every_row_has_as_many_cells(cells in prop::collection::vec("[|\\\\\n*a]{0,6}", 3)) {
            let headings = [("a", Align::Left), ("b", Align::Right), ("c|", Align::Left)];
            let text = table(&headings, std::iter::once(cells));
            for line in text.trim_start().lines() {
                // Pipes that no backslash takes.
                let mut pipes = 0;
                let mut chars = line.chars();
                while let Some(c) = chars.next() {
                    match c {
                        '\\' => { chars.next(); }
                        '|' => pipes += 1,
                        _ => {}
                    }
                }
                prop_assert_eq!(pipes, 4, "{}", line);
            }
        }
    }
}
