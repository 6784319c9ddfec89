//! Commands that are suggested, such that they work as they are printed.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

use topwork_store::RunFolder;

use crate::folders::absolute;

/// Where runs are when nothing is said: `$TOPWORK_RUNS_DIR`, or `runs` here.
fn default_runs() -> PathBuf {
    let set = std::env::var_os("TOPWORK_RUNS_DIR").filter(|folder| !folder.is_empty());
    absolute(Path::new(&set.unwrap_or_else(|| "runs".into())))
}

/// A command about a run, such as `` `topwork attach 0007-digits` ``, with the folder of runs where that is
/// not the one without a word.
pub fn about(command: &str, run: &RunFolder) -> String {
    let runs = run.path().parent().unwrap_or(run.path());
    format!("`topwork {command} {}{}`", run.id(), runs_dir(runs))
}

/// A command about all runs in a folder, such as `` `topwork runs` ``.
pub fn within(command: &str, runs: &Path) -> String {
    format!("`topwork {command}{}`", runs_dir(runs))
}

/// How what a run was at is not lost.
pub fn goes_on(run: &RunFolder) -> String {
    format!("{} goes on with what is left", about("resume", run))
}

/// ` --runs-dir FOLDER`; nothing where the folder goes without saying.
fn runs_dir(runs: &Path) -> String {
    let runs = absolute(runs);
    match runs == default_runs() {
        true => String::new(),
        false => format!(" --runs-dir {}", quoted(&here(&runs).to_string_lossy())),
    }
}

/// A path as somebody in the present folder would type it.
pub fn here(path: &Path) -> &Path {
    let here = std::env::current_dir().ok();
    (here.and_then(|here| path.strip_prefix(here).ok()))
        .filter(|rest| !rest.as_os_str().is_empty())
        .unwrap_or(path)
}

/// A word for a shell, in quotes where it needs them.
pub fn quoted(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:@%=".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => Cow::Borrowed(word),
        false => Cow::Owned(format!("'{}'", word.replace('\'', r"'\''"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suggested_command_names_the_folder_of_runs_where_it_must() {
        let check = |runs: &str, expected: &str| {
            let run = RunFolder::at(absolute(Path::new(runs)).join("0007-digits"));
            assert_eq!(about("resume", &run), expected);
        };
        check("runs", "`topwork resume 0007-digits`");
        check("./runs", "`topwork resume 0007-digits`");
        check("other", "`topwork resume 0007-digits --runs-dir other`");
        check(
            "/tmp/my runs",
            "`topwork resume 0007-digits --runs-dir '/tmp/my runs'`",
        );
        check(
            "/tmp/it's",
            r"`topwork resume 0007-digits --runs-dir '/tmp/it'\''s'`",
        );
        assert_eq!(within("runs", Path::new("runs")), "`topwork runs`");
    }
}
