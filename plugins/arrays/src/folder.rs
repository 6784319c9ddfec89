//! Files of a folder by the parts of their names that are always the same.

use crate::unpack::listed;
use std::path::{Path, PathBuf};
use topwork_sdk::{Error, Host, Level};

/// How deep files may lie: some programs unpack every file into a folder of its name, others put all into one for raw data.
const DEEPEST: usize = 3;

/// No folder of the sort has so many entries; a home folder has more.
const MOST: usize = 10_000;

/// The files in a folder of one data set: those directly in it, or where it has none of the set, those in its folders.
pub struct Folder<'a> {
    path: &'a Path,
    /// Relative to the folder; all on the same level.
    files: Vec<PathBuf>,
}

impl<'a> Folder<'a> {
    /// Looks for a level that has a file with one of these parts in its name.
    pub fn open(path: &'a Path, parts: &[&str]) -> Result<Folder<'a>, Error> {
        let wrong = |error: std::io::Error| {
            let folder = path.display();
            Error::data(format!("cannot open the folder `{folder}`: {error}"))
                .with_hint("paths are relative to the experiment file")
        };
        // The first must be readable; others may be somebody else's.
        std::fs::read_dir(path).map_err(wrong)?;
        let mut seen_files = Vec::new();
        let mut folders = vec![PathBuf::new()];
        let mut seen = 0;
        for _ in 0..DEEPEST {
            let (mut files, mut deeper) = (Vec::new(), Vec::new());
            for inner in &folders {
                let entries = std::fs::read_dir(path.join(inner));
                for entry in entries.into_iter().flatten().flatten().take(MOST - seen) {
                    seen += 1;
                    let name = entry.file_name();
                    if name.to_string_lossy().starts_with('.') || name == "__MACOSX" {
                        continue;
                    }
                    match entry.path() {
                        path if path.is_dir() => deeper.push(inner.join(name)),
                        path if path.is_file() => files.push(inner.join(name)),
                        _ => {}
                    }
                }
            }
            files.sort();
            // Of a file that is there packed and unpacked only the latter counts.
            let all = files.clone();
            files.retain(|file| {
                let name = file.to_string_lossy();
                let unpacked =
                    ends_packed(&name).map(|length| Path::new(&name[..length]).to_owned());
                !unpacked.is_some_and(|unpacked| all.contains(&unpacked))
            });
            if files.iter().any(|file| fits(file, parts)) {
                return Ok(Folder { path, files });
            }
            seen_files.extend(files);
            folders = deeper;
        }
        // None will be found, and the message says what is there.
        Ok(Folder {
            path,
            files: seen_files,
        })
    }

    /// Whether there is a file with one of these parts in its name.
    pub fn has(&self, parts: &[&str]) -> bool {
        self.files.iter().any(|file| fits(file, parts))
    }

    /// The file that the user names, or the only one with one of these parts in its name.
    pub fn wanted(
        &self,
        parameter: &str,
        written: &Option<String>,
        parts: &[&str],
        host: Host,
    ) -> Result<PathBuf, Error> {
        if let Some(name) = written {
            return Ok(self.path.join(name));
        }
        let fitting: Vec<&PathBuf> = self.files.iter().filter(|file| fits(file, parts)).collect();
        let shown = |files: &[&PathBuf]| {
            let names: Vec<String> = files
                .iter()
                .map(|file| file.display().to_string())
                .collect();
            listed(&names)
        };
        let problem = match &*fitting {
            [file] => {
                if file.components().count() > 1 {
                    let text = format!(
                        "`{}`: `{parameter}` is `{}`",
                        self.path.display(),
                        file.display()
                    );
                    host.log_once(Level::Info, &text);
                }
                return Ok(self.path.join(file));
            }
            [] => {
                let all: Vec<&PathBuf> = self.files.iter().collect();
                format!(
                    "no file whose name has `{}`; it has {}",
                    parts.join("` or `"),
                    shown(&all)
                )
            }
            several => format!("several files that may be meant: {}", shown(several)),
        };
        let message = format!("`{}` has {problem}", self.path.display());
        Err(Error::data(message).with_hint(format!("name the file: `{parameter} = \"…\"`")))
    }
}

/// Whether one of these parts is in the name of a file, whatever its case and what joins its words.
fn fits(file: &Path, parts: &[&str]) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let plain = name.to_lowercase().replace(['_', ' '], "-");
    parts.iter().any(|part| plain.contains(part))
}

/// The length of a name without the ending of a packed file.
fn ends_packed(name: &str) -> Option<usize> {
    let lower = name.to_ascii_lowercase();
    let ending = [".gz", ".zip"]
        .into_iter()
        .find(|ending| lower.ends_with(ending))?;
    Some(name.len() - ending.len())
}
