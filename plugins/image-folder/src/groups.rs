//! Which images belong together, by their paths.

use regex::Regex;
use topwork_sdk::Error;

/// The group of every image: what the pattern's first parentheses match in its path, or where it has none, all it matches.
pub fn of<'a>(pattern: &Regex, paths: impl Iterator<Item = &'a str>) -> Result<Vec<String>, Error> {
    let groups = paths.map(|path| {
        let found = pattern.captures(path).and_then(|captures| {
            let matched = match captures.len() {
                1 => captures.get(0),
                _ => captures.iter().skip(1).flatten().next(),
            };
            Some(matched?.as_str().to_owned())
        });
        match found.filter(|group| !group.is_empty()) {
            Some(group) => Ok(group),
            None => Err(Error::data(format!(
                "`groups`: the pattern {:?} finds no group in `{path}`",
                pattern.as_str()
            ))
            .with_hint("it must find one in the path of every image; `exclude` leaves images out")),
        }
    });
    groups.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_finds_groups_in_paths() {
        let check = |pattern: &str, path: &str, expected: Result<&str, &str>| {
            let found = of(&Regex::new(pattern).unwrap(), [path].into_iter());
            let found = found.map(|mut groups| groups.remove(0));
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(
                found.map_err(|error| error.to_string()),
                expected,
                "{pattern}"
            );
        };
        check("^[^/]+/([^/]+)/", "cat/p1/a.png", Ok("p1"));
        check("p[0-9]+", "cat/p12-a.png", Ok("p12"));
        check("(a)|(b)", "b.png", Ok("b"));
        let message = "`groups`: the pattern \"p[0-9]+\" finds no group in `cat/a.png`";
        check("p[0-9]+", "cat/a.png", Err(message));
        check(
            "x*",
            "y",
            Err("`groups`: the pattern \"x*\" finds no group in `y`"),
        );
    }
}
