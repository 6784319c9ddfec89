//! One line for every row, with raw figures.

use topwork_results::{Raw, raw};

use crate::{Page, PageError, Report};

/// The page.
pub const PAGE: Page = Page {
    id: "csv",
    about: "a line for every row, figures as raw numbers",
    extension: "csv",
    write,
};

fn write(report: &Report, _: Option<usize>) -> Result<String, PageError> {
    let tables: Vec<_> = report.tables.each().map(raw).collect();
    // Targets may be judged by other figures: a row has nothing in the columns of those.
    let mut names: Vec<&String> = Vec::new();
    for (of_table, _) in &tables {
        let mut at = 0;
        for name in of_table {
            match names.iter().position(|known| *known == name) {
                Some(known) => at = known + 1,
                None => {
                    names.insert(at, name);
                    at += 1;
                }
            }
        }
    }
    let header: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    let mut text = header.join(",") + "\r\n";
    for (of_table, rows) in &tables {
        let places: Vec<Option<usize>> = (names.iter())
            .map(|name| of_table.iter().position(|own| own == *name))
            .collect();
        for row in rows {
            let cell = |place: &Option<usize>| {
                place
                    .and_then(|at| row.get(at))
                    .map_or(String::new(), value)
            };
            let values: Vec<String> = places.iter().map(cell).collect();
            text.push_str(&values.join(","));
            text.push_str("\r\n");
        }
    }
    Ok(text)
}

/// Numbers have as many digits as it takes to read the same number again.
fn value(raw: &Raw) -> String {
    match raw {
        Raw::Empty => String::new(),
        Raw::Text(text) => quoted(text),
        Raw::Count(count) => count.to_string(),
        Raw::Number(number) => number.to_string(),
        Raw::Flag(flag) => flag.to_string(),
    }
}

/// As RFC 4180 has it: quotes where a field holds what separates fields or lines.
fn quoted(text: &str) -> String {
    match text.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_as_written() {
        let check = |raw: Raw, expected: &str| assert_eq!(value(&raw), expected);
        check(Raw::Empty, "");
        check(Raw::Count(1000), "1000");
        check(Raw::Number(0.1 + 0.2), "0.30000000000000004");
        check(Raw::Flag(true), "true");
        check(Raw::Text("plain · text".to_owned()), "plain · text");
        check(Raw::Text("1,000 \"x\"".to_owned()), "\"1,000 \"\"x\"\"\"");
        check(Raw::Text("a\nb".to_owned()), "\"a\nb\"");
    }
}
