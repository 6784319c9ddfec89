//! Which files are samples of which class. Decodes no image.

use crate::list::{self, Wanted};
use crate::names::{Classes, shown, some};
use crate::parameters::{From, Selection};
use crate::passed_over::PassedOver;
use crate::remarks::Remark;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use topwork_sdk::sniff::{self, IMAGE_EXTENSIONS};
use topwork_sdk::{Error, LabelWords, Level, Targets};
use walkdir::WalkDir;

/// What was found.
pub struct Listing {
    /// The names of the classes, sorted, or of the columns of numbers, as the user orders them.
    pub classes: Vec<String>,
    /// The files that seem to be images, in the order of their names; training images first where there are two folders.
    pub files: Vec<Listed>,
    /// What cannot be a sample, though it looks like one.
    pub rejected: Vec<Rejected>,
    /// What the user should know of files and folders that are no samples.
    pub remarks: Vec<Remark>,
    /// Whether [`Listed::is_test`] was said by the user.
    pub given_splits: bool,
}

/// A file that seems to be an image.
pub struct Listed {
    /// Where it is.
    pub path: PathBuf,
    /// Its name for people: the path relative to the folder.
    pub name: String,
    /// A position in the list of classes; 0 where there are none.
    pub class: u32,
    /// The numbers to be predicted, where the labels are some.
    pub numbers: Vec<f32>,
    /// Whether it is in the split `test`.
    pub is_test: bool,
}

/// A file that is left out.
pub struct Rejected {
    /// Its name for people.
    pub name: String,
    /// The line of the list that names it.
    pub line: Option<u64>,
    /// What is wrong with it.
    pub reason: String,
}

impl Listed {
    /// The label, for people.
    pub fn label(&self, classes: &[String]) -> String {
        match &*self.numbers {
            [] => classes[self.class as usize].clone(),
            numbers => {
                let words: Vec<String> = numbers.iter().map(f32::to_string).collect();
                words.join(", ")
            }
        }
    }
}

impl Rejected {
    /// The file, for people.
    pub fn told(&self) -> String {
        match self.line {
            Some(line) => format!("`{}` (line {line})", self.name),
            None => format!("`{}`", self.name),
        }
    }
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
            From::List {
                file,
                folder,
                label,
                targets,
                separator,
            } => {
                let wanted = Wanted {
                    label: label.as_ref(),
                    targets: *targets,
                    separator: separator.as_deref(),
                };
                found.list(file, folder, wanted, selection)?
            }
        };
        if found.files.is_empty() {
            return Err(found.nothing(selection));
        }
        let mut classes: Vec<String> = found.files.iter().map(|file| file.class.clone()).collect();
        classes.sort();
        classes.dedup();
        let mut wanted = selection.classes.iter().flat_map(BTreeMap::keys);
        if let Some(name) = wanted.find(|name| !classes.contains(&shown(name.as_bytes()))) {
            return Err(
                Error::data(format!("class {name:?} has no images")).with_hint(
                    "`classes-from` names its folders; `include` and `exclude` must let them pass",
                ),
            );
        }
        found.remark_on_names();
        if !found.columns.is_empty() {
            classes = found.columns;
        }
        let number = |name: &String| classes.binary_search(name).unwrap_or_default() as u32;
        let files = found.files.into_iter().map(|file| Listed {
            class: match file.numbers.is_empty() {
                true => number(&file.class),
                false => 0,
            },
            numbers: file.numbers,
            path: file.path,
            name: file.name,
            is_test: file.is_test,
        });
        Ok(Listing {
            files: files.collect(),
            classes,
            rejected: found.rejected,
            remarks: found.remarks,
            given_splits,
        })
    }
}

/// What has been found so far; classes by name, as not all are known.
#[derive(Default)]
struct Found {
    files: Vec<Labelled>,
    rejected: Vec<Rejected>,
    classes: Classes,
    /// Of numbers to be predicted, where the labels are some.
    columns: Vec<String>,
    remarks: Vec<Remark>,
}

struct Labelled {
    path: PathBuf,
    name: String,
    /// Its name; empty where there are numbers.
    class: String,
    numbers: Vec<f32>,
    is_test: bool,
}

/// An image file below a folder.
struct Below {
    path: PathBuf,
    /// Its path relative to the root, as bytes with `/` between the parts.
    relative: Vec<u8>,
}

impl Found {
    /// All images below `folder`, by class folder or by the classes the user made up.
    fn folder(&mut self, folder: &Path, is_test: bool, selection: &Selection) -> Result<(), Error> {
        let missing = |folder: &Path| {
            let usual = "paths are relative to the experiment file";
            Error::data(format!("there is no folder `{}`", folder.display()))
                .with_hint(sniff::way_to(folder).unwrap_or_else(|| usual.to_owned()))
        };
        if !folder.is_dir() {
            return Err(missing(folder));
        }
        let mut passed = PassedOver::default();
        let Some(classes) = &selection.classes else {
            for name in folders_in(folder) {
                passed.folder(name);
            }
            for Below { path, relative } in
                self.images_below(folder, folder, selection, &mut passed)
            {
                let name = shown(&relative);
                let Some(end) = relative.iter().position(|&byte| byte == b'/') else {
                    self.reject(name, OUTSIDE);
                    continue;
                };
                let class = &relative[..end];
                passed.has_images(class);
                let place = || format!("in `{}`", folder.display());
                self.files.push(Labelled {
                    class: self.classes.name(class, place)?,
                    numbers: Vec::new(),
                    path,
                    name,
                    is_test,
                });
            }
            self.remarks.extend(passed.remarks(folder));
            return Ok(());
        };
        // By path, so that the class whose folder is nearest to a file gets it, in whatever order they are written.
        let mut claimed: BTreeMap<Vec<u8>, (usize, Labelled)> = BTreeMap::new();
        for (class, parts) in classes {
            let class = self
                .classes
                .name(class.as_bytes(), || "in `classes-from`".to_owned())?;
            for part in parts {
                let below = folder.join(part);
                if !below.is_dir() {
                    let error = missing(&below);
                    return Err(error.with_hint(format!("`classes-from.{class}` names it")));
                }
                passed.folder(part.clone().into_bytes());
                let depth = Path::new(part).components().count();
                for Below { path, relative } in
                    self.images_below(&below, folder, selection, &mut passed)
                {
                    passed.has_images(part.as_bytes());
                    if claimed.get(&relative).is_some_and(|(d, _)| *d >= depth) {
                        continue;
                    }
                    let file = Labelled {
                        class: class.clone(),
                        numbers: Vec::new(),
                        path,
                        name: shown(&relative),
                        is_test,
                    };
                    claimed.insert(relative, (depth, file));
                }
            }
        }
        self.files
            .extend(claimed.into_values().map(|(_, file)| file));
        self.remarks.extend(passed.remarks(folder));
        Ok(())
    }

    /// The image files below a folder, with their paths relative to `root`, in the order of these. Links are followed, and what
    /// leads back to where it came from is not.
    fn images_below(
        &mut self,
        folder: &Path,
        root: &Path,
        selection: &Selection,
        passed: &mut PassedOver,
    ) -> Vec<Below> {
        let mut images = Vec::new();
        let entries = WalkDir::new(folder).follow_links(true).min_depth(1);
        for entry in entries
            .into_iter()
            .filter_entry(|entry| !is_hidden(entry.file_name()))
        {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) if error.loop_ancestor().is_some() => continue,
                Err(error) => {
                    let path = error.path().unwrap_or(folder);
                    let relative = relative(path, root);
                    if !is_hidden(path.file_name().unwrap_or_default())
                        && selection.takes(&relative)
                    {
                        let reason = error.io_error().map(ToString::to_string);
                        let reason = reason.unwrap_or_else(|| error.to_string());
                        self.reject(shown(&relative), &format!("cannot be read: {reason}"));
                    }
                    continue;
                }
            };
            if entry.file_type().is_dir() {
                continue;
            }
            let relative = relative(entry.path(), root);
            match (is_image(entry.path()), selection.takes(&relative)) {
                (true, false) => passed.excluded(&relative),
                (false, true) if entry.file_type().is_file() => passed.file(entry.path()),
                (false, _) => {}
                (true, true) if entry.file_type().is_file() => images.push(Below {
                    path: entry.into_path(),
                    relative,
                }),
                (true, true) => self.reject(shown(&relative), NO_FILE),
            }
        }
        images.sort_by(|a, b| a.relative.cmp(&b.relative));
        images
    }

    /// The files that a CSV file names; says whether it tells splits.
    fn list(
        &mut self,
        list: &Path,
        folder: &Path,
        wanted: Wanted<'_>,
        selection: &Selection,
    ) -> Result<bool, Error> {
        let table = list::read(list, folder, wanted)?;
        self.remarks.extend(table.remarks);
        if wanted.targets != Targets::Classes {
            self.columns = table.labels;
        }
        let mut words = LabelWords::default();
        for row in table.rows {
            if !selection.takes(&row.path) {
                continue;
            }
            if let (Some(separator), None) = (wanted.separator, &row.problem) {
                words.add(&String::from_utf8_lossy(&row.label), separator);
            }
            let place = || format!("line {} of `{}`", row.line, list.display());
            let class = match wanted.targets {
                Targets::Classes => self.classes.name(&row.label, place)?,
                Targets::Numbers | Targets::Multilabel => String::new(),
            };
            let name = shown(&row.path);
            match row.problem {
                None => self.files.push(Labelled {
                    path: row.file,
                    name,
                    class,
                    numbers: row.numbers,
                    is_test: row.is_test,
                }),
                Some(reason) => self.rejected.push(Rejected {
                    name,
                    line: Some(row.line),
                    reason,
                }),
            }
        }
        if wanted.separator.is_some() && !self.files.is_empty() {
            let problem = |(_, error)| Error::data(format!("`{}`: {error}", list.display()));
            let (names, numbers) = words.columns(&[]).map_err(problem)?;
            for (file, own) in self.files.iter_mut().zip(numbers.chunks_exact(names.len())) {
                file.numbers = own.to_vec();
            }
            self.columns = names;
        }
        Ok(table.given_splits)
    }

    fn reject(&mut self, name: String, reason: &str) {
        self.rejected.push(Rejected {
            name,
            line: None,
            reason: reason.to_owned(),
        });
    }

    /// Classes whose names look alike.
    fn remark_on_names(&mut self) {
        let spelled = self.classes.spelled_in_two_ways();
        if !spelled.is_empty() {
            let names = some(&spelled, 5);
            let text = format!(
                "{names} in two spellings (letters with their accents in one piece and in two): each is one class"
            );
            self.remarks.push((Level::Info, text));
        }
        let alike = self.classes.alike_but_for_case();
        if !alike.is_empty() {
            let names = some(&alike, 6);
            let text =
                format!("{names} differ in capital letters alone, and are classes of their own");
            self.remarks.push((Level::Warning, text));
        }
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
        let outside: Vec<&str> = (self.rejected.iter())
            .filter(|rejected| rejected.reason == OUTSIDE)
            .map(|rejected| &*rejected.name)
            .collect();
        let hint = if !outside.is_empty() && outside.len() == self.rejected.len() {
            format!(
                "the folders in it are the classes, and outside of them are {}",
                some(&outside, 3)
            )
        } else if let Some(first) = self.rejected.first() {
            let others = self.rejected.len() - 1;
            format!(
                "{} {}; {others} others left out",
                first.told(),
                first.reason
            )
        } else if matches!(selection.from, From::List { .. }) {
            "`include` and `exclude` must let them pass".to_owned()
        } else {
            let endings = IMAGE_EXTENSIONS
                .map(|extension| format!(".{extension}"))
                .join(" ");
            let rule = format!(
                "images end with one of {endings}, and `include` and `exclude` must let them pass"
            );
            match self.remarks.first() {
                Some((_, remark)) => format!("{remark}; {rule}"),
                None => rule,
            }
        };
        Error::data(format!("there are no images in {place}")).with_hint(hint)
    }
}

/// Why a pipe, a socket or a folder named like an image is left out.
pub const NO_FILE: &str = "is not a regular file";

/// Why an image beside the class folders is left out.
const OUTSIDE: &str = "lies in no class folder";

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// The names of the folders directly in a folder.
fn folders_in(folder: &Path) -> Vec<Vec<u8>> {
    // A folder that cannot be read is told by the walk through it.
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| !is_hidden(&entry.file_name()) && entry.path().is_dir());
    folders
        .map(|entry| entry.file_name().as_encoded_bytes().to_vec())
        .collect()
}

fn relative(path: &Path, root: &Path) -> Vec<u8> {
    let inside = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<&[u8]> = inside.iter().map(OsStr::as_encoded_bytes).collect();
    parts.join(&b'/')
}

fn is_image(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        let extension = extension.to_ascii_lowercase();
        IMAGE_EXTENSIONS.iter().any(|known| extension == *known)
    })
}
