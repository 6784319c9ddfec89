//! Hiding what varies: paths, times, speeds, digests.

use std::path::Path;

use regex::Regex;

/// Replaces what varies from machine to machine and from run to run by words.
pub fn redact(text: &str, project: &Path) -> String {
    let mut text = text.replace(&project.display().to_string(), "[PROJECT]");
    let binaries = crate::project::build_folder();
    text = text.replace(&binaries.display().to_string(), "[BUILD]");
    for (pattern, word) in [
        (r"\b[0-9a-f]{64}\b", "[SHA256]"),
        (
            r"\b\d+ h \d\d min\b|\b\d+ min \d\d s\b|\b\d+(\.\d+)? m?s\b",
            "[TIME]",
        ),
        (r"\b[\d,]+ (images/s|a second)\b", "[SPEED]"),
        (r"peak memory \d+ MB", "peak memory [MEMORY]"),
        (r"\(\d+ threads?\)", "([THREADS])"),
        (r"\b\d{4}-\d\d-\d\d \d\d:\d\d\b", "[DATE]"),
        (r"\b\d+\.\d MB\b", "[SIZE]"),
        (r"lib(\w+)\.(so|dylib)", "lib$1.[LIBRARY]"),
    ] {
        text = Regex::new(pattern)
            .expect("a pattern that compiles")
            .replace_all(&text, word)
            .into_owned();
    }
    text
}

/// Takes the widths out of tables, which depend on the times in their cells: longer gaps
/// become two spaces, rules three dashes.
pub fn without_widths(text: &str) -> String {
    let text = Regex::new(" {2,}")
        .expect("a pattern that compiles")
        .replace_all(text, "  ");
    let text = Regex::new("─{3,}")
        .expect("a pattern that compiles")
        .replace_all(&text, "───");
    text.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_varies_is_hidden() {
        let check =
            |text: &str, expected: &str| assert_eq!(redact(text, Path::new("/tmp/x")), expected);
        check("took 1.2 s, 9,120 images/s", "took [TIME], [SPEED]");
        check("2 min 05 s and 42 ms", "[TIME] and [TIME]");
        check("/tmp/x/a.toml: 5 samples", "[PROJECT]/a.toml: 5 samples");
    }
}
