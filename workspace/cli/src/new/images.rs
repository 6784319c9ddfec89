//! What a folder of images looks like from outside.

use std::{
    fs,
    path::{Path, PathBuf},
};

use topwork_sniff::reason;

use crate::failure::{Failure, WRONG_DATA};

/// Names of folders that hold images to learn from, and to be measured on.
const TRAIN: [&str; 2] = ["train", "training"];
const TEST: [&str; 5] = ["test", "testing", "val", "valid", "validation"];

/// Images whose sizes are looked at.
const LOOKED_AT: usize = 500;

/// How classes lie in a folder.
pub enum Layout {
    /// A folder for each.
    Classes(PathBuf),
    /// Such folders for each split.
    Splits {
        train: PathBuf,
        test: PathBuf,
        /// Other folders beside these, by name.
        unused: Vec<String>,
    },
}

impl Layout {
    /// That of this folder.
    pub fn of(folder: &Path) -> Result<Self, Failure> {
        let within = folders(folder).map_err(|error| {
            let message = format!("cannot read the folder `{}`: {}", folder.display(), reason(&error));
            Failure::new(WRONG_DATA, message)
                .hint("expected a folder with a folder of images for each class; docs/datasets.md has the other datasets")
        })?;
        let split = |names: &[&str]| {
            let found = names.iter().find_map(|name| {
                let is = |path: &&PathBuf| {
                    path.file_name()
                        .is_some_and(|last| last.eq_ignore_ascii_case(name))
                };
                within.iter().find(is)
            });
            found.cloned()
        };
        match (split(&TRAIN), split(&TEST)) {
            (Some(train), Some(test)) => {
                let others = within.iter().filter(|path| ![&train, &test].contains(path));
                let names = others.filter_map(|path| path.file_name());
                let unused = names.map(|name| name.to_string_lossy().into_owned());
                Ok(Self::Splits {
                    unused: unused.collect(),
                    train,
                    test,
                })
            }
            _ if within.len() >= 2 => Ok(Self::Classes(folder.to_owned())),
            _ => {
                let found = match within.as_slice() {
                    [] => "there is no folder".to_owned(),
                    [one, ..] => format!("there is the folder `{}` alone", one.display()),
                };
                Err(Failure::new(
                    WRONG_DATA,
                    format!(
                        "in `{}` {found}, expected a folder of images for each class, two or more",
                        folder.display()
                    ),
                )
                .hint(
                    "images named in a list are read too: see `image-folder` in docs/datasets.md",
                ))
            }
        }
    }

    fn folders(&self) -> Vec<&Path> {
        match self {
            Self::Classes(folder) => vec![folder],
            Self::Splits { train, test, .. } => vec![train, test],
        }
    }
}

/// Width and height of some images.
pub fn sizes(layout: &Layout) -> Vec<(u32, u32)> {
    let mut sizes = Vec::new();
    let mut left: Vec<PathBuf> = layout.folders().into_iter().map(Path::to_owned).collect();
    // A few of each folder, so that the first class is not all that is seen.
    while let Some(folder) = left.pop() {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) = entries
            .map(|entry| entry.path())
            .partition(|path| path.is_dir());
        let room = LOOKED_AT.saturating_sub(sizes.len()).min(LOOKED_AT / 10);
        sizes.extend(
            files
                .iter()
                .filter_map(|file| image::image_dimensions(file).ok())
                .take(room),
        );
        left.extend(folders);
    }
    sizes
}

/// The folders in a folder, by name, without those that are hidden.
fn folders(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_dir() && !hidden {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}
