//! A table for a paper, with the package `booktabs`.

use topwork_results::{Align, Cell, Part, Results, Value, columns};

use crate::{
    Page, PageError, Report,
    text::{capitalised, lines_below, over_targets, pairs},
};

/// The page.
pub const PAGE: Page = Page {
    id: "latex",
    about: "a table for LaTeX with booktabs",
    extension: "tex",
    write,
};

/// The best row is set in bold; costs but the number of parameters stay out of a paper's table.
fn write(report: &Report, _: Option<usize>) -> Result<String, PageError> {
    let mut text = String::from(
        "% A table of topwork. It needs \\usepackage{booktabs} and, with pdfLaTeX, \\usepackage[T1]{fontenc}.\n",
    );
    for results in report.tables.each() {
        of_target(&mut text, results);
    }
    for line in over_targets(&report.tables) {
        text.push_str(&format!("% {}\n", comment(&line)));
    }
    Ok(text)
}

fn of_target(text: &mut String, results: &Results) {
    for line in lines_below(results) {
        text.push_str(&format!("% {}\n", comment(&line)));
    }
    let shown: Vec<_> = (columns(results).into_iter())
        .filter(|column| column.part != Part::Cost || column.is("parameters"))
        .collect();
    let sides: String = shown
        .iter()
        .map(|column| match column.align {
            Align::Left => 'l',
            Align::Right => 'r',
        })
        .collect();
    text.push_str(&format!(
        "\\begin{{table}}\n  \\centering\n  \\begin{{tabular}}{{@{{}}{sides}@{{}}}}\n    \\toprule\n"
    ));
    let headings = shown.iter().map(|column| escaped(column.heading()));
    text.push_str(&line(headings.collect()));
    text.push_str("    \\midrule\n");
    for row in &results.strategies {
        let cells = shown.iter().map(|column| {
            let words = words(&column.cell(row, row.rank));
            match row.rank == Some(1) && column.values_of().is_some() {
                true => format!("\\textbf{{{words}}}"),
                false => words,
            }
        });
        text.push_str(&line(cells.collect()));
    }
    let tests = pairs::in_words(results).map_or(String::new(), |(heading, _)| {
        format!(" {}.", escaped(&capitalised(&heading)))
    });
    text.push_str(&format!(
        "    \\bottomrule\n  \\end{{tabular}}\n  \\caption{{{}{}.{tests}}}\n  \\label{{tab:{}{}}}\n\\end{{table}}\n",
        escaped(&results.name),
        results.heading().map_or(String::new(), |heading| format!(": {}", escaped(&heading))),
        label(&results.run),
        [&results.target, &results.test].into_iter().flatten().map(|name| format!("-{}", label(name))).collect::<String>(),
    ));
    if let Some((_, pairs)) = pairs::in_words(results) {
        text.push_str("% The pairs:\n");
        for pair in pairs {
            text.push_str(&format!("%   {}\n", comment(&pair.join("  "))));
        }
    }
}

fn line(cells: Vec<String>) -> String {
    format!("    {} \\\\\n", cells.join(" & "))
}

/// What a cell says, without the signs of a terminal.
fn words(cell: &Cell) -> String {
    match &cell.value {
        Value::Frozen { intact: true, .. } => "intact".to_owned(),
        Value::Frozen { intact: false, .. } => "changed".to_owned(),
        _ => escaped(&cell.to_string()),
    }
}

/// Within a comment everything stands for itself but the end of the line.
fn comment(text: &str) -> String {
    text.replace(['\r', '\n'], " ")
}

/// A label may not have the characters that TeX reads as its own.
fn label(text: &str) -> String {
    let plain = |c: char| match c.is_ascii_alphanumeric() || c == '-' {
        true => c,
        false => '-',
    };
    text.chars().map(plain).collect()
}

/// Text that stands for itself. Letters beyond ASCII stay as they are, which LaTeX reads as UTF-8; signs of ours
/// that its fonts lack are set by commands.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str("\\textbackslash{}"),
            '{' | '}' | '$' | '&' | '#' | '%' | '_' => {
                escaped.push('\\');
                escaped.push(c);
            }
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '<' => escaped.push_str("\\textless{}"),
            '>' => escaped.push_str("\\textgreater{}"),
            '|' => escaped.push_str("\\textbar{}"),
            '"' => escaped.push_str("\\textquotedbl{}"),
            '`' => escaped.push_str("\\textasciigrave{}"),
            // Two in a row would become a dash, two apostrophes a quotation mark.
            '-' => escaped.push_str("-{}"),
            '\'' => escaped.push_str("'{}"),
            '–' => escaped.push_str("\\textendash{}"),
            '…' => escaped.push_str("\\dots{}"),
            '±' => escaped.push_str("\\ensuremath{\\pm}"),
            '×' => escaped.push_str("\\ensuremath{\\times}"),
            '·' => escaped.push_str("\\ensuremath{\\cdot}"),
            '≈' => escaped.push_str("\\ensuremath{\\approx}"),
            '≡' => escaped.push_str("\\ensuremath{\\equiv}"),
            '−' => escaped.push_str("\\ensuremath{-}"),
            '✗' => escaped.push_str("\\ensuremath{\\times}"),
            '\r' | '\n' | '\t' => escaped.push(' '),
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
    fn special_characters_stand_for_themselves() {
        let check = |text: &str, expected: &str| assert_eq!(escaped(text), expected);
        check("98.66 %", "98.66 \\%");
        check("a & b_c #1", "a \\& b\\_c \\#1");
        check("\\cut{x}", "\\textbackslash{}cut\\{x\\}");
        check("87.10 ± 2.30", "87.10 \\ensuremath{\\pm} 2.30");
        check("a--b", "a-{}-{}b");
        check("pool1 · 1,000", "pool1 \\ensuremath{\\cdot} 1,000");
        check("größer", "größer");
    }

    #[test]
    fn labels_are_plain() {
        let check = |text: &str, expected: &str| assert_eq!(label(text), expected);
        check("0007-mnist", "0007-mnist");
        check("a_b%{c}", "a-b--c-");
    }

    proptest! {
        /// No character of TeX's own is left without a backslash, and braces are in pairs.
        #[test]
        fn nothing_is_left_to_tex(text in "[ -~]{0,40}") {
            let escaped = escaped(&text);
            let mut depth = 0_i32;
            let mut chars = escaped.chars().peekable();
            while let Some(c) = chars.next() {
                match c {
                    '\\' => if chars.peek().is_some_and(|next| !next.is_ascii_alphabetic()) { chars.next(); },
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => prop_assert!(!"$&#%_^~".contains(c), "{}", escaped),
                }
                prop_assert!(depth >= 0);
            }
            prop_assert_eq!(depth, 0);
        }
    }
}
