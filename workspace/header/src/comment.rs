//! From a comment in Markdown with links to Rust items to the text of a comment in C.

use anyhow::{Result, anyhow, bail};
use std::collections::BTreeMap;

/// Lines of the header are at most this long, in characters.
pub const WIDTH: usize = 100;

/// Names in C by what comments in Rust call them.
pub type Names = BTreeMap<String, String>;

/// The comment in C, every line indented.
pub fn comment(docs: &str, names: &Names, indent: &str) -> Result<String> {
    let room = WIDTH - indent.len();
    let lines = lines(docs, names, room - 3)?;
    if let [line] = &lines[..]
        && line.chars().count() + 6 <= room
    {
        return Ok(format!("{indent}/* {line} */\n"));
    }
    let mut text = format!("{indent}/*\n");
    for line in lines {
        text.push_str(format!("{indent} * {line}").trim_end());
        text.push('\n');
    }
    text.push_str(&format!("{indent} */\n"));
    Ok(text)
}

/// The comment's lines: paragraphs and list items are wrapped, code stays as it is.
pub fn lines(docs: &str, names: &Names, width: usize) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    let mut open = String::new();
    let mut code = false;
    for line in docs.lines().chain([""]) {
        if line.starts_with("```") {
            flush(&mut lines, &mut open, names, width)?;
            code = !code;
        } else if code {
            lines.push(format!("    {line}").trim_end().to_owned());
        } else if let Some(heading) = line.strip_prefix("# ") {
            flush(&mut lines, &mut open, names, width)?;
            lines.extend([heading.to_owned(), "-".repeat(heading.chars().count())]);
        } else if line.trim().is_empty() {
            flush(&mut lines, &mut open, names, width)?;
            lines.push(String::new());
        } else {
            if line.starts_with("- ") {
                flush(&mut lines, &mut open, names, width)?;
            }
            if !open.is_empty() {
                open.push(' ');
            }
            open.push_str(line.trim());
        }
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    if let Some(line) = lines.iter().find(|line| line.contains("*/")) {
        bail!("`{line}` would end the comment");
    }
    Ok(lines)
}

/// Ends a paragraph or a list item.
fn flush(lines: &mut Vec<String>, open: &mut String, names: &Names, width: usize) -> Result<()> {
    let paragraph = plain(&std::mem::take(open), names)?;
    let hanging = if paragraph.starts_with("- ") {
        "  "
    } else {
        ""
    };
    let mut line = String::new();
    for word in paragraph.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::replace(&mut line, hanging.to_owned()));
        }
        if !line.trim().is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    Ok(())
}

/// Links become the names they have in C, and what is bold becomes plain.
fn plain(paragraph: &str, names: &Names) -> Result<String> {
    let mut text = String::new();
    let mut rest = paragraph;
    while let Some((before, link)) = rest.split_once("[`") {
        text.push_str(before);
        let (name, after) = (link.split_once("`]"))
            .ok_or_else(|| anyhow!("a link that does not end: `{paragraph}`"))?;
        let name_in_c = (names.get(name))
            .ok_or_else(|| anyhow!("a link to `{name}`, which the header does not have"))?;
        text.push_str(name_in_c);
        rest = match after.strip_prefix('(') {
            Some(target) => target.split_once(')').map_or("", |(_, rest)| rest),
            None => after,
        };
    }
    text.push_str(rest);
    // The article is that of the name in Rust.
    Ok(text
        .replace("**", "")
        .replace(" an topwork_", " a topwork_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        [
            ("Status::OK", "TOPWORK_STATUS_OK"),
            ("Text", "topwork_text"),
        ]
        .map(|(rust, c)| (rust.to_owned(), c.to_owned()))
        .into()
    }

    #[test]
    fn comments_become_plain_text() {
        let check = |docs: &str, expected: &[&str]| {
            assert_eq!(lines(docs, &names(), 40).unwrap(), expected, "{docs}");
        };
        check("One line.", &["One line."]);
        check("Any but [`Status::OK`].", &["Any but TOPWORK_STATUS_OK."]);
        check(
            "A [`Text`](crate::Text) (of `len` bytes), and words that go on for long.",
            &[
                "A topwork_text (of `len` bytes), and",
                "words that go on for long.",
            ],
        );
        check(
            "# Rules\n\n- **One.** It is\n  long enough to be wrapped somewhere.\n- Two.",
            &[
                "Rules",
                "-----",
                "",
                "- One. It is long enough to be wrapped",
                "  somewhere.",
                "- Two.",
            ],
        );
        check(
            "As JSON:\n\n```json\n{ \"a\":\n  1 }\n```\nafter it",
            &["As JSON:", "", "    { \"a\":", "      1 }", "after it"],
        );
    }

    #[test]
    fn what_would_mislead_is_refused() {
        let complaint = |docs: &str| lines(docs, &names(), 40).unwrap_err().to_string();
        assert_eq!(
            complaint("as [`Table`] says"),
            "a link to `Table`, which the header does not have"
        );
        assert_eq!(complaint("a */ b"), "`a */ b` would end the comment");
    }
}
