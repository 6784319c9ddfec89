//! The newest run, named by an option.

use std::ffi::OsString;

/// The command line with `--last`, wherever it stands, as the word `latest` in the place of the run.
pub fn with_latest(line: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut line: Vec<OsString> = line.collect();
    let end = line
        .iter()
        .position(|word| word == "--")
        .unwrap_or(line.len());
    let Some(last) = line[..end].iter().position(|word| word == "--last") else {
        return line;
    };
    line.remove(last);
    // Behind the command, which may have two words.
    let options = |word: &OsString| word.as_encoded_bytes().starts_with(b"-");
    let mut at = (1 + line[1..].iter().take_while(|word| options(word)).count()).min(line.len());
    let of_runs = line.get(at).is_some_and(|word| word == "runs");
    at = (at + 1 + usize::from(of_runs)).min(line.len());
    line.insert(at, "latest".into());
    line
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_newest_run_can_be_named_by_an_option() {
        let check = |line: &str, expected: &str| {
            let line = line.split(' ').map(Into::into);
            let found = super::with_latest(line);
            let found: Vec<_> = found.iter().map(|word| word.to_str().unwrap()).collect();
            assert_eq!(found.join(" "), expected);
        };
        check("topwork stop --last", "topwork stop latest");
        check("topwork stop --kill --last", "topwork stop latest --kill");
        check(
            "topwork predict photos --last",
            "topwork predict latest photos",
        );
        check(
            "topwork --ascii runs show --last",
            "topwork --ascii runs show latest",
        );
        check(
            "topwork runs rm --last --yes",
            "topwork runs rm latest --yes",
        );
        check("topwork predict 3 -- --last", "topwork predict 3 -- --last");
        check("topwork --last", "topwork latest");
    }
}
