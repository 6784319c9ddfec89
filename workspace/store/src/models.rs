//! The fitted models of a run: a folder for every row, seed and fold.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::folder::slug;

/// Where the parts of one fitted model lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFolder {
    folder: PathBuf,
    /// What files of earlier versions begin with, and go on with after the part's name.
    before: (PathBuf, String),
}

impl ModelFolder {
    pub(crate) fn of(run: &Path, row: usize, title: &str, seed: u64, fold: Option<u32>) -> Self {
        let row = format!("{}-{}", row + 1, slug(title));
        let (below, of_fold) = match fold {
            Some(fold) => (format!("fold-{fold}"), format!("-fold-{fold}")),
            None => Default::default(),
        };
        let name = run.join("models").join(format!("{row}-seed-{seed}"));
        Self {
            folder: if fold.is_some() {
                name.join(below)
            } else {
                name
            },
            before: (
                run.join("checkpoints").join(format!("{row}-")),
                format!("{of_fold}-seed-{seed}"),
            ),
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Where a part is kept: its name and extension, such as `head` and `safetensors`.
    pub fn part(&self, part: &str, extension: &str) -> PathBuf {
        self.folder.join(format!("{part}.{extension}"))
    }

    /// The content of a part, also where an earlier version has kept it; `None` where it is not there.
    pub fn read(&self, part: &str, extension: &str) -> Option<Vec<u8>> {
        let (begins, goes_on) = &self.before;
        let before = format!("{}{part}{goes_on}.{extension}", begins.display());
        (fs::read(self.part(part, extension)).ok()).or_else(|| fs::read(before).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RunFolder;

    #[test]
    fn parts_are_found_where_this_and_earlier_versions_keep_them() {
        let temp = tempfile::tempdir().unwrap();
        let run = RunFolder::at(temp.path());
        let check = |fold: Option<u32>, now: &str, before: &str| {
            let model = run.model(1, "Feature classifier · 1,000", 3, fold);
            assert_eq!(model.part("head", "state"), temp.path().join(now));
            assert_eq!(model.read("head", "state"), None);
            for (path, content) in [(before, "before"), (now, "now")] {
                let path = temp.path().join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, content).unwrap();
                assert_eq!(model.read("head", "state").unwrap(), content.as_bytes());
            }
        };
        check(
            None,
            "models/2-feature-classifier-1-000-seed-3/head.state",
            "checkpoints/2-feature-classifier-1-000-head-seed-3.state",
        );
        check(
            Some(2),
            "models/2-feature-classifier-1-000-seed-3/fold-2/head.state",
            "checkpoints/2-feature-classifier-1-000-head-fold-2-seed-3.state",
        );
    }
}
