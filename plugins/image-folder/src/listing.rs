//! Which files are samples of which class. Opens no image.

use crate::parameters::{From, Selection};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use topwork_sdk::Error;
use walkdir::WalkDir;

/// Endings of image files, in lower case.
const EXTENSIONS: [&str; 10] = [
    "png", "jpg", "jpeg", "jpe", "jfif", "webp", "gif", "bmp", "tif", "tiff",
];

/// What was found.
pub struct Listing {
    /// The names of the classes, sorted.
    pub classes: Vec<String>,
    /// The files that seem to be images, in the order of their names; training images first where there are two folders.
    pub files: Vec<Listed>,
    /// What cannot be a sample, though it looks like one.
    pub rejected: Vec<Rejected>,
    /// Whether [`Listed::is_test`] was said by the user.
    pub given_splits: bool,
}

/// A file that seems to be an image.
pub struct Listed {
    /// Where it is.
    pub path: PathBuf,
    /// Its name for people: the path relative to the folder.
    pub name: String,
    /// A position in the list of classes.
    pub class: u32,
    /// Whether it is in the split `test`.
    pub is_test: bool,
}

/// A file that is left out.
pub struct Rejected {
    /// Its name for people.
    pub name: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Listing {
    /// Looks for the files.
    pub fn find(selection: &Selection) -> Result<Listing, Error> {
        let mut found = Found::default();
        let given_splits = match &selection.from {
            From::Folder(folder) => {
                found.folder(folder, false, selection)?;
                false
            }
            From::TwoFolders { train, test } => {
                found.folder(train, false, selection)?;
                found.folder(test, true, selection)?;
                true
            }
            From::List { file, folder } => found.list(file, folder, selection)?,
        };
        if found.files.is_empty() {
            return Err(found.nothing(selection));
        }
        let mut classes: Vec<String> = found.files.iter().map(|file| file.class.clone()).collect();
        classes.sort();
        classes.dedup();
        let mut wanted = selection.classes.iter().flat_map(BTreeMap::keys);
        if let Some(name) = wanted.find(|name| !classes.contains(name)) {
            return Err(
                Error::data(format!("class {name:?} has no images")).with_hint(
                    "`classes-from` names its folders; `include` and `exclude` must let them pass",
                ),
            );
        }
        let number = |name: &String| classes.binary_search(name).unwrap_or_default() as u32;
        let files = found.files.into_iter().map(|file| Listed {
            class: number(&file.class),
            path: file.path,
            name: file.name,
            is_test: file.is_test,
        });
        Ok(Listing {
            files: files.collect(),
            classes,
            rejected: found.rejected,
            given_splits,
        })
    }
}

/// What has been found so far; classes by name, as not all are known.
#[derive(Default)]
struct Found {
    files: Vec<Labelled>,
    rejected: Vec<Rejected>,
}

struct Labelled {
    path: PathBuf,
    name: String,
    class: String,
    is_test: bool,
}

impl Found {
    /// All images below `folder`, by class folder or by the classes the user made up.
    fn folder(&mut self, folder: &Path, is_test: bool, selection: &Selection) -> Result<(), Error> {
        let missing = |folder: &Path| {
            Error::data(format!("there is no folder `{}`", folder.display()))
                .with_hint("paths are relative to the experiment file")
        };
        if !folder.is_dir() {
            return Err(missing(folder));
        }
        let Some(classes) = &selection.classes else {
            for (path, relative) in self.images_below(folder, folder, selection) {
                match relative.split_once('/') {
                    Some((class, _)) => self.files.push(Labelled {
                        class: class.to_owned(),
                        path,
                        name: relative.clone(),
                        is_test,
                    }),
                    None => self.reject(relative, "lies in no class folder"),
                }
            }
            return Ok(());
        };
        // By path, so that the class whose folder is nearest to a file gets it, in whatever order they are written.
        let mut claimed: BTreeMap<String, (usize, Labelled)> = BTreeMap::new();
        for (class, parts) in classes {
            for part in parts {
                let below = folder.join(part);
                if !below.is_dir() {
                    let error = missing(&below);
                    return Err(error.with_hint(format!("`classes-from.{class}` names it")));
                }
                let depth = Path::new(part).components().count();
                for (path, relative) in self.images_below(&below, folder, selection) {
                    if claimed.get(&relative).is_some_and(|(d, _)| *d >= depth) {
                        continue;
                    }
                    let file = Labelled {
                        class: class.clone(),
                        path,
                        name: relative.clone(),
                        is_test,
                    };
                    claimed.insert(relative, (depth, file));
                }
            }
        }
        self.files
            .extend(claimed.into_values().map(|(_, file)| file));
        Ok(())
    }

    /// The image files below a folder, with their paths relative to `root` (`/` between the parts), in the order of these.
    /// Links are followed, and what leads back to where it came from is not.
    fn images_below(
        &mut self,
        folder: &Path,
        root: &Path,
        selection: &Selection,
    ) -> Vec<(PathBuf, String)> {
        let hidden = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b".");
        let mut images = Vec::new();
        let entries = WalkDir::new(folder).follow_links(true).min_depth(1);
        for entry in entries
            .into_iter()
            .filter_entry(|entry| !hidden(entry.file_name()))
        {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) if error.loop_ancestor().is_some() => continue,
                Err(error) => {
                    let path = error.path().unwrap_or(folder);
                    let relative = relative(path, root);
                    if !hidden(path.file_name().unwrap_or_default()) && selection.takes(&relative) {
                        let reason = error.io_error().map(ToString::to_string);
                        let reason = reason.unwrap_or_else(|| error.to_string());
                        self.reject(relative, &format!("cannot be read: {reason}"));
                    }
                    continue;
                }
            };
            let relative = relative(entry.path(), root);
            if entry.file_type().is_dir() || !is_image(entry.path()) || !selection.takes(&relative)
            {
                continue;
            }
            if entry.file_type().is_file() {
                images.push((entry.into_path(), relative));
            } else {
                self.reject(relative, NO_FILE);
            }
        }
        images.sort_by(|a, b| a.1.cmp(&b.1));
        images
    }

    /// The files that a CSV file names; says whether it tells splits.
    fn list(&mut self, list: &Path, folder: &Path, selection: &Selection) -> Result<bool, Error> {
        let shown = list.display();
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .trim(csv::Trim::All)
            .from_path(list)
            .map_err(|error| Error::data(format!("cannot open `{shown}`: {error}")))?;
        let mut columns = None;
        for (number, record) in reader.records().enumerate() {
            let record = record.map_err(|error| wrong_line(list, &error))?;
            let line = record.position().map_or(0, csv::Position::line);
            let wrong = |problem: String| Error::data(format!("`{shown}`, line {line}: {problem}"));
            let columns = *columns.get_or_insert(record.len());
            if !(2..=3).contains(&columns) {
                return Err(wrong(format!(
                    "expected the columns path, label and perhaps split, found {columns}"
                )));
            }
            let names = ["path", "label", "split"];
            let header = record.iter().zip(names);
            if number == 0 && header.into_iter().all(|(a, b)| a.eq_ignore_ascii_case(b)) {
                continue;
            }
            let (path, class) = (&record[0], &record[1]);
            for (text, name) in [path, class].iter().zip(names) {
                if text.is_empty() {
                    return Err(wrong(format!("the {name} is empty")));
                }
            }
            let is_test = match record.get(2) {
                None | Some("train") => false,
                Some("test") => true,
                Some(other) => {
                    return Err(wrong(format!("split {other:?}, expected train or test")));
                }
            };
            if !selection.takes(path) {
                continue;
            }
            let file = folder.join(path);
            match std::fs::metadata(&file) {
                Ok(data) if data.is_file() => self.files.push(Labelled {
                    path: file,
                    name: path.to_owned(),
                    class: class.to_owned(),
                    is_test,
                }),
                Ok(_) => self.reject(path.to_owned(), NO_FILE),
                Err(error) => self.reject(path.to_owned(), &format!("cannot be read: {error}")),
            }
        }
        Ok(columns == Some(3))
    }

    fn reject(&mut self, name: String, reason: &str) {
        self.rejected.push(Rejected {
            name,
            reason: reason.to_owned(),
        });
    }

    /// The error when there is not one image.
    fn nothing(&self, selection: &Selection) -> Error {
        let place = match &selection.from {
            From::Folder(folder) => format!("the class folders of `{}`", folder.display()),
            From::TwoFolders { train, test } => format!(
                "the class folders of `{}` and `{}`",
                train.display(),
                test.display()
            ),
            From::List { file, .. } => format!("the list `{}`", file.display()),
        };
        let error = Error::data(format!("there are no images in {place}"));
        match self.rejected.first() {
            Some(Rejected { name, reason }) => {
                let others = self.rejected.len() - 1;
                error.with_hint(format!("`{name}` {reason}; {others} others left out"))
            }
            None if matches!(selection.from, From::List { .. }) => {
                error.with_hint("`include` and `exclude` must let them pass")
            }
            None => error.with_hint(format!(
                "images end with one of {}, and `include` and `exclude` must let them pass",
                EXTENSIONS
                    .map(|extension| format!(".{extension}"))
                    .join(" ")
            )),
        }
    }
}

/// Why a pipe, a socket or a folder named like an image is left out.
pub const NO_FILE: &str = "is not a regular file";

fn relative(path: &Path, root: &Path) -> String {
    let inside = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

fn is_image(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        let extension = extension.to_ascii_lowercase();
        EXTENSIONS.iter().any(|known| extension == *known)
    })
}

fn wrong_line(list: &Path, error: &csv::Error) -> Error {
    let place = match error.position() {
        Some(position) => format!("`{}`, line {}", list.display(), position.line()),
        None => format!("`{}`", list.display()),
    };
    let problem = match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => format!("expected {expected_len} columns as in the lines above, found {len}"),
        csv::ErrorKind::Utf8 { .. } => "text that is not UTF-8".to_owned(),
        _ => error.to_string(),
    };
    Error::data(format!("{place}: {problem}"))
}
