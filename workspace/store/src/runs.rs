//! The folder all runs are in.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use crate::{RunFolder, StoreError, folder::slug};

/// How the names of folders begin that are being removed.
const REMOVED: &str = ".removed-";

/// A folder of runs, each in a folder `NUMBER-NAME`. Numbers only grow, so they sort by age;
/// the number alone, the whole id or any unique beginning of it names a run.
#[derive(Clone, Debug)]
pub struct Runs {
    folder: PathBuf,
}

impl Runs {
    /// The runs in `folder`, which need not exist yet.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes the folder of a new run of the experiment `name`.
    ///
    /// Safe when several processes do so at once, on a shared file system too: making a
    /// folder either succeeds for exactly one of them or says that it exists.
    pub fn create(&self, name: &str) -> Result<RunFolder, StoreError> {
        let fail = |path: &Path, error: &std::io::Error| StoreError::io("create", path, error);
        fs::create_dir_all(&self.folder).map_err(|error| fail(&self.folder, &error))?;
        let mut number = self.numbered()?.last().map_or(1, |(number, _)| number + 1);
        loop {
            // Claims the number itself, whatever the name: two experiments must not share one.
            let claim = self.folder.join(format!(".{number:04}.claim"));
            match fs::create_dir(&claim) {
                Ok(()) => {
                    let path = self.folder.join(format!("{number:04}-{}", slug(name)));
                    let made = match self.numbered()?.iter().any(|(taken, _)| *taken == number) {
                        true => Ok(false),
                        false => fs::create_dir(&path).map(|()| true),
                    };
                    let _ = fs::remove_dir(&claim);
                    if made.map_err(|error| fail(&path, &error))? {
                        return Ok(RunFolder::at(path));
                    }
                    number += 1;
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(fail(&claim, &error)),
            }
        }
    }

    /// All runs, the oldest first. Folders that only look like one are left out.
    pub fn list(&self) -> Result<Vec<RunFolder>, StoreError> {
        Ok(self.runs()?.into_iter().map(|(_, folder)| folder).collect())
    }

    fn runs(&self) -> Result<Vec<(u64, RunFolder)>, StoreError> {
        let mut numbered = self.numbered()?;
        numbered.retain(|(_, folder)| folder.is_run());
        Ok(numbered)
    }

    /// The run that `wanted` names: a number, an id, a unique beginning of one, or `latest`.
    pub fn find(&self, wanted: &str) -> Result<RunFolder, StoreError> {
        let runs = self.runs()?;
        let latest = runs.last().map(|(_, folder)| folder.clone());
        if wanted == "latest" {
            if let Some(latest) = latest {
                return Ok(latest);
            }
        } else {
            let number = wanted.parse::<u64>().ok();
            let exact =
                |(n, folder): &&(u64, RunFolder)| Some(*n) == number || folder.id() == wanted;
            if let Some((_, folder)) = runs.iter().find(exact) {
                return Ok(folder.clone());
            }
            let mut fitting = runs
                .iter()
                .filter(|(_, folder)| !wanted.is_empty() && folder.id().starts_with(wanted));
            if let Some((_, first)) = fitting.next() {
                let others: Vec<_> = fitting.map(|(_, folder)| folder.id()).collect();
                if others.is_empty() {
                    return Ok(first.clone());
                }
                let choices = std::iter::once(first.id()).chain(others).collect();
                return Err(StoreError::Ambiguous {
                    wanted: wanted.to_owned(),
                    choices,
                });
            }
        }
        Err(StoreError::NoSuchRun {
            wanted: wanted.to_owned(),
            folder: self.folder.clone(),
            nearest: latest.map(|folder| folder.id()),
        })
    }

    /// Removes a run with all its files, and gives the bytes that were freed. A run that
    /// somebody looks after is refused.
    pub fn remove(&self, folder: &RunFolder) -> Result<u64, StoreError> {
        let standing = folder.standing(&folder.state().unwrap_or_default());
        let live = |standing: String| StoreError::Live {
            run: folder.clone(),
            standing,
        };
        if standing.is_live() {
            return Err(live(standing.to_string()));
        }
        if let Err(newer @ StoreError::Newer { .. }) = folder.manifest_to_write() {
            return Err(newer);
        }
        // Held until the folder is gone, so that nobody takes the run up meanwhile.
        let Some(_lock) = folder.lock()? else {
            return Err(live("being taken up".to_owned()));
        };
        let bytes = folder.bytes();
        // Out of sight first: what a crash leaves is no half run, and goes the next time.
        let hidden = self.folder.join(format!("{REMOVED}{}", folder.id()));
        fs::rename(folder.path(), &hidden)
            .map_err(|error| StoreError::io("remove", folder.path(), &error))?;
        fs::remove_dir_all(&hidden).map_err(|error| StoreError::io("remove", &hidden, &error))?;
        self.sweep();
        Ok(bytes)
    }

    /// Removes what removals that were cut short have left.
    fn sweep(&self) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(REMOVED) {
                // Another process may be at it, too.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    /// The folders with a run's kind of name, in ascending order of their numbers.
    fn numbered(&self) -> Result<Vec<(u64, RunFolder)>, StoreError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(StoreError::io("read", &self.folder, &error)),
        };
        let mut runs: Vec<_> = entries
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name();
                let (number, _) = name.to_str()?.split_once('-')?;
                let number = number.parse().ok()?;
                entry
                    .path()
                    .is_dir()
                    .then(|| (number, RunFolder::at(entry.path())))
            })
            .collect();
        runs.sort_by(|a, b| (a.0, a.1.path()).cmp(&(b.0, b.1.path())));
        Ok(runs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_grow_and_names_are_found() {
        let temp = tempfile::tempdir().unwrap();
        let runs = Runs::at(temp.path().join("runs"));
        assert!(runs.list().unwrap().is_empty());
        for name in ["alpha", "beta", "Alpha two"] {
            let folder = runs.create(name).unwrap();
            fs::write(folder.path().join("manifest.json"), "{}").unwrap();
        }
        fs::create_dir(runs.folder().join("2024-photos")).unwrap();
        let ids: Vec<_> = runs.list().unwrap().iter().map(RunFolder::id).collect();
        assert_eq!(ids, ["0001-alpha", "0002-beta", "0003-alpha-two"]);
        let check = |wanted: &str, expected: &str| {
            let found = runs
                .find(wanted)
                .map_or_else(|error| error.to_string(), |folder| folder.id());
            let found = found.replace(&runs.folder().display().to_string(), "RUNS");
            assert_eq!(found, expected, "{wanted}");
        };
        check("2", "0002-beta");
        check("0003", "0003-alpha-two");
        check("0001-al", "0001-alpha");
        check("latest", "0003-alpha-two");
        check(
            "000",
            "`000` could be any of the runs `0001-alpha`, `0002-beta`, `0003-alpha-two`",
        );
        check(
            "9",
            "there is no run `9` in `RUNS`; the latest is `0003-alpha-two`",
        );
        check(
            "",
            "there is no run `` in `RUNS`; the latest is `0003-alpha-two`",
        );
    }

    #[test]
    fn simultaneous_runs_get_different_numbers() {
        let temp = tempfile::tempdir().unwrap();
        let runs = Runs::at(temp.path());
        let mut numbers: Vec<_> = std::thread::scope(|scope| {
            let runs = &runs;
            let threads: Vec<_> = (0..8)
                .map(|i| {
                    scope.spawn(move || {
                        runs.create(&format!("run-{i}")).unwrap().id()[..4].to_owned()
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        numbers.sort();
        let expected: Vec<_> = (1..=8).map(|n| format!("{n:04}")).collect();
        assert_eq!(numbers, expected);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let runs = Runs::at(file.path().join("runs"));
        let error = runs.create("x").unwrap_err().to_string();
        assert!(
            error.starts_with("cannot create `")
                && error.ends_with("a part of the path is not a folder"),
            "{error}"
        );
    }

    #[test]
    fn only_runs_nobody_looks_after_are_removed() {
        let temp = tempfile::tempdir().unwrap();
        let runs = Runs::at(temp.path());
        let ended = |name: &str, format: u32| {
            let folder = runs.create(name).unwrap();
            let manifest = format!(r#"{{ "format": {format} }}"#);
            fs::write(folder.path().join("manifest.json"), manifest).unwrap();
            folder
        };
        let names = || {
            let mut names: Vec<_> = fs::read_dir(temp.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        let refusal = |folder: &RunFolder| runs.remove(folder).unwrap_err().to_string();
        let ours = ended("ours", 1);
        let newer = ended("newer", 9);
        let taken = ended("taken", 1);
        let live = ended("live", 1);
        live.write_owner(&crate::Owner::this_process(None)).unwrap();
        live.event_writer()
            .unwrap()
            .append(topwork_events::Event::RunResumed {
                version: "0.1.0".into(),
            })
            .unwrap();
        let lock = taken.lock().unwrap().unwrap();
        assert_eq!(
            refusal(&newer),
            "the run `0002-newer` was made by a newer topwork (format 9, this one knows 2)"
        );
        assert_eq!(refusal(&taken), "the run `0003-taken` is being taken up");
        assert_eq!(refusal(&live), "the run `0004-live` is running");
        drop(lock);
        // What a removal that was cut short has left.
        fs::create_dir(temp.path().join(".removed-0000-old")).unwrap();
        assert_eq!(runs.remove(&ours).unwrap(), 15);
        runs.remove(&taken).unwrap();
        assert_eq!(names(), ["0002-newer", "0004-live"]);
    }
}
