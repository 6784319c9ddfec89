//! The states of trainings that are not over, on disk: what a run goes on from after a stop, a
//! crash or a power cut.
//!
//! A file `TASK-NNNNNNNN.checkpoint` is 8 bytes of [`MAGIC`], the format (`u32`), the length of
//! the payload (`u64`, both little-endian), the SHA-256 of format, length and payload, and the
//! payload. It appears as a whole, and is on the disk before the one before it is given up.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use topwork_keys::{Digest, Sha256};
use topwork_sniff::reason;

use crate::{
    StoreError,
    replace::{PARTIAL, replace},
};

const MAGIC: &[u8; 8] = b"topwork\0";

/// Raised when the layout of the file changes; what the payload holds is its writer's affair.
const FORMAT: u32 = 1;

/// Bytes of format and length.
const FACTS: usize = 12;

/// Bytes before the payload.
const HEADER: usize = MAGIC.len() + FACTS + 32;

/// Checkpoints that are kept of a task: should the newest be damaged, there is another.
const KEPT: usize = 2;

/// What the names of the files end with.
const EXTENSION: &str = ".checkpoint";

/// What the names of the folders of folds begin with.
const FOLD: &str = "fold-";

/// The folder of a run that holds its checkpoints. Only one process may write there.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    /// The run's folder: where that is gone, nothing is written.
    root: PathBuf,
    folder: PathBuf,
}

/// What looking for a checkpoint gave.
#[derive(Debug)]
pub struct Found<T> {
    /// What the newest usable one holds.
    pub newest: Option<T>,
    /// Newer ones that cannot be used, the newest first. Those that are damaged have been removed.
    pub unusable: Vec<Unusable>,
}

/// A checkpoint that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// Its file.
    pub path: PathBuf,
    /// Why not, for a person: `it is torn: …`.
    pub reason: String,
}

impl Checkpoints {
    /// Those in the folder `below` of the run's folder `root`; the former need not exist yet.
    pub fn at(root: impl Into<PathBuf>, below: impl AsRef<Path>) -> Self {
        let root = root.into();
        Self {
            folder: root.join(below),
            root,
        }
    }

    /// Those of one fold, where a task trains once for each.
    pub fn fold(&self, fold: u32) -> Self {
        Self::at(&self.root, self.folder.join(format!("{FOLD}{fold}")))
    }

    /// Keeps `payload` as the newest checkpoint of `task`, and gives up all but the one before.
    ///
    /// # Errors
    /// When the system refuses, because the disk is full for instance. The earlier ones are left
    /// as they were then.
    pub fn write(&self, task: &str, payload: &[u8]) -> Result<(), StoreError> {
        let earlier = self.numbers(task)?;
        let number = earlier.last().map_or(1, |last| last + 1);
        let path = self.path(task, number);
        let facts = facts(payload);
        let digest = digest(&facts, payload);
        let content: &[&[u8]] = &[MAGIC, &facts, &digest, payload];
        replace(&self.root, &[(&path, content)], "")
            .map_err(|error| StoreError::io("write", &path, &error))?;
        let outlived = earlier.len().saturating_sub(KEPT - 1);
        for number in &earlier[..outlived] {
            remove(&self.path(task, *number))?;
        }
        self.remove_partial(task)
    }

    /// The newest checkpoint of `task` that is intact and that `read` makes sense of; what `read`
    /// gives otherwise is the reason why not.
    ///
    /// # Errors
    /// When the system refuses to list the folder, or to remove a file that is damaged.
    pub fn newest<T>(
        &self,
        task: &str,
        mut read: impl FnMut(&[u8]) -> Result<T, String>,
    ) -> Result<Found<T>, StoreError> {
        self.remove_partial(task)?;
        let mut unusable = Vec::new();
        for number in self.numbers(task)?.into_iter().rev() {
            let path = self.path(task, number);
            let content = match fs::read(&path) {
                Ok(content) => content,
                // It may be readable again another time, so it stays.
                Err(error) => {
                    let reason = format!("it cannot be read: {}", reason(&error));
                    unusable.push(Unusable { path, reason });
                    continue;
                }
            };
            match payload(&content).and_then(&mut read) {
                Ok(found) => {
                    return Ok(Found {
                        newest: Some(found),
                        unusable,
                    });
                }
                Err(reason) => {
                    // It would count as one of those that are kept.
                    remove(&path)?;
                    unusable.push(Unusable { path, reason });
                }
            }
        }
        Ok(Found {
            newest: None,
            unusable,
        })
    }

    /// Removes all checkpoints of `task` and of its folds: it is over.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn remove(&self, task: &str) -> Result<(), StoreError> {
        let names = self.names()?;
        if names.is_empty() {
            // Most tasks train nothing.
            return Ok(());
        }
        for number in numbers(&names, task) {
            remove(&self.path(task, number))?;
        }
        self.remove_partial_of(&names, task)?;
        for name in names.iter().filter(|name| name.starts_with(FOLD)) {
            Self::at(&self.root, self.folder.join(name)).remove(task)?;
        }
        // Fails while another task has some.
        let _ = fs::remove_dir(&self.folder);
        Ok(())
    }

    fn path(&self, task: &str, number: u64) -> PathBuf {
        self.folder.join(format!("{task}-{number:08}{EXTENSION}"))
    }

    /// The numbers of a task's checkpoints, ascending.
    fn numbers(&self, task: &str) -> Result<Vec<u64>, StoreError> {
        Ok(numbers(&self.names()?, task))
    }

    /// Removes what a writer that died has left.
    fn remove_partial(&self, task: &str) -> Result<(), StoreError> {
        self.remove_partial_of(&self.names()?, task)
    }

    fn remove_partial_of(&self, names: &[String], task: &str) -> Result<(), StoreError> {
        for name in names {
            let of_task = name
                .strip_suffix(PARTIAL)
                .and_then(|name| number(name.strip_suffix(EXTENSION)?, task));
            if of_task.is_some() {
                remove(&self.folder.join(name))?;
            }
        }
        Ok(())
    }

    fn names(&self) -> Result<Vec<String>, StoreError> {
        let fail = |error: io::Error| StoreError::io("read", &self.folder, &error);
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(fail(error)),
        };
        entries
            .map(|entry| {
                let name = entry.map_err(fail)?.file_name();
                Ok(name.to_string_lossy().into_owned())
            })
            .collect()
    }
}

/// The numbers of a task's checkpoints among these files, ascending.
fn numbers(names: &[String], task: &str) -> Vec<u64> {
    let mut numbers: Vec<u64> = (names.iter())
        .filter_map(|name| number(name.strip_suffix(EXTENSION)?, task))
        .collect();
    numbers.sort_unstable();
    numbers
}

/// The number in `TASK-NNNNNNNN`.
fn number(name: &str, task: &str) -> Option<u64> {
    let (of, number) = name.rsplit_once('-')?;
    (of == task).then(|| number.parse().ok())?
}

/// Format and length.
fn facts(payload: &[u8]) -> [u8; FACTS] {
    let mut facts = [0; FACTS];
    facts[..4].copy_from_slice(&FORMAT.to_le_bytes());
    facts[4..].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    facts
}

fn digest(facts: &[u8], payload: &[u8]) -> [u8; 32] {
    let hash = Sha256::new().chain_update(facts).chain_update(payload);
    hash.finalize().into()
}

/// The payload of a file, or what is wrong with the file.
fn payload(content: &[u8]) -> Result<&[u8], String> {
    let Some((header, payload)) = content.split_at_checked(HEADER) else {
        return Err(format!(
            "it is torn: it has {} bytes, expected at least {HEADER}",
            content.len()
        ));
    };
    let (magic, rest) = header.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err("it does not begin as a checkpoint does".to_owned());
    }
    let (found, written) = rest.split_at(FACTS);
    let format = found.first_chunk().map_or(0, |f| u32::from_le_bytes(*f));
    if format != FORMAT {
        return Err(format!("it is of format {format}, expected {FORMAT}"));
    }
    let expected = found.last_chunk().map_or(0, |l| u64::from_le_bytes(*l));
    if payload.len() as u64 != expected {
        return Err(format!(
            "it is torn: its payload has {} bytes, expected {expected}",
            payload.len()
        ));
    }
    match digest(found, payload) == *written {
        true => Ok(payload),
        false => Err("its content is not what was written: the SHA-256 differs".to_owned()),
    }
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::io("remove", path, &error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(payload: &[u8]) -> Result<Vec<u8>, String> {
        Ok(payload.to_vec())
    }

    fn newest(checkpoints: &Checkpoints, task: &str) -> Found<Vec<u8>> {
        checkpoints.newest(task, bytes).unwrap()
    }

    fn files(checkpoints: &Checkpoints) -> Vec<String> {
        let mut names = checkpoints.names().unwrap();
        names.sort();
        names
    }

    /// Two checkpoints of stage 3, `earlier` and `newest`.
    fn two(folder: &Path) -> Checkpoints {
        let checkpoints = Checkpoints::at(folder, "training");
        checkpoints.write("3", b"earlier").unwrap();
        checkpoints.write("3", b"newest").unwrap();
        checkpoints
    }

    #[test]
    fn the_two_newest_are_kept_and_the_newest_is_used() {
        let temp = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::at(temp.path(), "run/training");
        assert_eq!(newest(&checkpoints, "3").newest, None);
        checkpoints.remove("3").unwrap();
        for round in 0_u8..12 {
            checkpoints.write("3", &[round; 100]).unwrap();
            let found = newest(&checkpoints, "3");
            assert_eq!(found.newest, Some(vec![round; 100]));
            assert_eq!(found.unusable, []);
        }
        let kept = ["3-00000011.checkpoint", "3-00000012.checkpoint"];
        assert_eq!(files(&checkpoints), kept);
        checkpoints.write("3", b"").unwrap();
        assert_eq!(newest(&checkpoints, "3").newest, Some(Vec::new()));
        checkpoints.remove("3").unwrap();
        assert!(files(&checkpoints).is_empty());
    }

    #[test]
    fn tasks_do_not_mix() {
        let temp = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::at(temp.path(), "");
        for (task, payload) in [("1", b"one"), ("11", b"two"), ("1", b"six"), ("2", b"ten")] {
            checkpoints.write(task, payload).unwrap();
        }
        let found = |task| newest(&checkpoints, task).newest;
        assert_eq!(found("1").unwrap(), b"six");
        assert_eq!(found("11").unwrap(), b"two");
        checkpoints.remove("1").unwrap();
        assert_eq!(
            ["1", "11", "2"].map(|task| found(task).is_some()),
            [false, true, true]
        );
    }

    #[test]
    fn folds_do_not_mix_and_go_with_their_task() {
        let temp = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::at(temp.path(), "training");
        for fold in [1, 2] {
            for task in ["3", "4"] {
                let payload = [fold as u8, task.as_bytes()[0]];
                checkpoints.fold(fold).write(task, &payload).unwrap();
            }
        }
        assert_eq!(newest(&checkpoints, "3").newest, None);
        let found = |fold, task| newest(&checkpoints.fold(fold), task).newest;
        assert_eq!(found(2, "3"), Some(vec![2, b'3']));
        checkpoints.remove("3").unwrap();
        assert_eq!((found(1, "3"), found(1, "4")), (None, Some(vec![1, b'4'])));
        checkpoints.remove("4").unwrap();
        assert!(!checkpoints.folder.exists());
    }

    /// Damages the newest of two: the earlier one is used, and the damaged one told and removed.
    fn damaged(change: impl FnOnce(&mut Vec<u8>)) -> String {
        let temp = tempfile::tempdir().unwrap();
        let checkpoints = two(temp.path());
        let path = checkpoints.path("3", 2);
        let mut content = fs::read(&path).unwrap();
        change(&mut content);
        fs::write(&path, content).unwrap();
        let Found { newest, unusable } = newest(&checkpoints, "3");
        assert_eq!(newest.unwrap(), b"earlier");
        assert_eq!(unusable.len(), 1);
        assert_eq!(unusable[0].path, path);
        assert!(!path.exists());
        assert_eq!(self::newest(&checkpoints, "3").unusable, []);
        unusable[0].reason.clone()
    }

    #[test]
    fn a_damaged_one_is_told_and_the_one_before_is_used() {
        let cut = |length| damaged(|content| content.truncate(length));
        assert_eq!(cut(3), "it is torn: it has 3 bytes, expected at least 52");
        assert_eq!(cut(55), "it is torn: its payload has 3 bytes, expected 6");
        assert!(damaged(|content| content[55] ^= 1).contains("SHA-256"));
        assert!(damaged(|content| content[0] = b'T').contains("begin"));
        assert_eq!(
            damaged(|content| content[8] = 2),
            "it is of format 2, expected 1"
        );
        // What a power cut can leave of a file system that keeps lengths, but not contents.
        damaged(|content| content.fill(0));
    }

    #[test]
    fn damage_is_noticed_anywhere() {
        let temp = tempfile::tempdir().unwrap();
        let checkpoints = two(temp.path());
        let written = fs::read(checkpoints.path("3", 2)).unwrap();
        assert_eq!(payload(&written), Ok(&b"newest"[..]));
        for length in 0..written.len() {
            let reason = payload(&written[..length]).unwrap_err();
            assert!(reason.starts_with("it is torn: "), "{length}: {reason}");
        }
        let longer = [&written[..], &[0]].concat();
        assert!(payload(&longer).is_err());
        for bit in 0..written.len() * 8 {
            let mut altered = written.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(payload(&altered).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn without_an_intact_one_there_is_none() {
        let temp = tempfile::tempdir().unwrap();
        let checkpoints = two(temp.path());
        for number in [1, 2] {
            fs::write(checkpoints.path("3", number), b"nothing").unwrap();
        }
        let found = newest(&checkpoints, "3");
        assert_eq!(found.newest, None);
        let told: Vec<_> = found.unusable.into_iter().map(|one| one.path).collect();
        assert_eq!(told, [checkpoints.path("3", 2), checkpoints.path("3", 1)]);
        assert!(files(&checkpoints).is_empty());
    }

    #[test]
    fn one_that_makes_no_sense_is_not_used() {
        let temp = tempfile::tempdir().unwrap();
        let checkpoints = two(temp.path());
        let found = checkpoints.newest("3", |payload| match payload {
            b"newest" => Err("it belongs to another training".to_owned()),
            payload => bytes(payload),
        });
        let found = found.unwrap();
        assert_eq!(found.newest.unwrap(), b"earlier");
        assert_eq!(found.unusable[0].reason, "it belongs to another training");
    }

    #[test]
    fn what_a_dead_writer_left_is_ignored_and_removed() {
        let temp = tempfile::tempdir().unwrap();
        let checkpoints = two(temp.path());
        let leave = |name: &str| fs::write(checkpoints.folder.join(name), b"half").unwrap();
        leave("3-00000003.checkpoint.partial");
        leave("4-00000001.checkpoint.partial");
        assert_eq!(newest(&checkpoints, "3").newest.unwrap(), b"newest");
        let left = [
            "3-00000001.checkpoint",
            "3-00000002.checkpoint",
            "4-00000001.checkpoint.partial",
        ];
        assert_eq!(files(&checkpoints), left);
        leave("3-00000009.checkpoint.partial");
        checkpoints.write("3", b"third").unwrap();
        assert_eq!(files(&checkpoints)[0], "3-00000002.checkpoint");
        assert_eq!(files(&checkpoints).len(), 3);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_leaves_the_earlier_ones() {
        let temp = tempfile::tempdir().unwrap();
        let checkpoints = two(temp.path());
        let before = files(&checkpoints);
        let partial = checkpoints.folder.join("3-00000003.checkpoint.partial");
        std::os::unix::fs::symlink("/dev/full", &partial).unwrap();
        let error = checkpoints.write("3", b"third").unwrap_err().to_string();
        assert!(error.ends_with("the disk is full"), "{error}");
        assert_eq!(files(&checkpoints), before);
        assert_eq!(newest(&checkpoints, "3").newest.unwrap(), b"newest");
    }
}
