//! One run's folder.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use topwork_events::{Record, RunState};

use crate::{
    Checkpoints, EventReader, EventWriter, Manifest, ModelFolder, Owner, StoreError,
    event_log::last_record,
    replace::{Content, remove_partial, replace},
};

/// Charge of a run: ends with the process at the latest.
#[derive(Debug)]
pub struct RunLock {
    _held: File,
}

/// A folder that holds a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
    /// The element whose view it is, where several processes work on the run.
    element: Option<String>,
}

/// The folder within a run's for those of its parts, where it has several backbones or targets.
const PARTS: &str = "parts";

impl RunFolder {
    /// The run in `path`, whose last part is the run's id. Nothing is read yet.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            element: None,
        }
    }

    /// The same folder as the element with this name sees it.
    pub(crate) fn element(&self, name: &str) -> Self {
        Self {
            path: self.path.clone(),
            element: Some(name.to_owned()),
        }
    }

    /// The element whose view of the run it is.
    pub fn element_name(&self) -> Option<&str> {
        self.element.as_deref()
    }

    /// Another folder, for the same element.
    fn beside(&self, path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            element: self.element.clone(),
        }
    }

    /// The run's id: the folder's name.
    pub fn id(&self) -> String {
        self.path
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the folder of a part of the run: with all that the part leaves, as if it were a run, but the events, which
    /// the run itself has. `name` is for people.
    pub fn create_part(&self, part: usize, name: &str) -> Result<Self, StoreError> {
        let folder = format!("{:03}-{}", part + 1, slug(name));
        let path = self.path.join(PARTS).join(folder);
        fs::create_dir_all(&path).map_err(|error| StoreError::io("make", &path, &error))?;
        Ok(Self::at(path))
    }

    /// The folders of the run's parts in their order; that of the run itself where it has one alone.
    pub fn parts(&self) -> Vec<Self> {
        let entries = fs::read_dir(self.path.join(PARTS))
            .into_iter()
            .flatten()
            .flatten();
        let mut parts: Vec<Self> = (entries.map(|entry| self.beside(entry.path())))
            .filter(Self::is_run)
            .collect();
        parts.sort_by_key(|folder| folder.part_of().map(|(part, _)| part));
        match parts.is_empty() {
            true => vec![self.clone()],
            false => parts,
        }
    }

    /// Which part of a run the folder is of, with the run's; `None` for that of a run.
    fn part_of(&self) -> Option<(usize, Self)> {
        let parts = self
            .path
            .parent()
            .filter(|folder| folder.ends_with(PARTS))?;
        let number: usize = self.id().split_once('-')?.0.parse().ok()?;
        Some((number.checked_sub(1)?, self.beside(parts.parent()?)))
    }

    /// The folder of the run: itself, or for that of a part the one it lies in.
    pub fn whole(&self) -> Self {
        self.part_of().map_or_else(|| self.clone(), |(_, run)| run)
    }

    /// Where it is in the folder of runs: the run's id, and behind that of a part the way to it within the run.
    pub fn place(&self) -> String {
        match self.part_of() {
            Some((_, run)) => format!("{}/{PARTS}/{}", run.id(), self.id()),
            None => self.id(),
        }
    }

    /// The run, or the part of one, with this [`place`](Self::place) in the same folder of runs.
    pub fn sibling(&self, place: &str) -> Self {
        Self::at(self.whole().path.with_file_name(place))
    }

    /// The resolved experiment.
    pub fn experiment_path(&self) -> PathBuf {
        self.path.join("experiment.toml")
    }

    /// The plan made from it; not there in runs of earlier versions.
    pub fn plan_path(&self) -> PathBuf {
        self.path.join("plan.json")
    }

    /// The event stream.
    pub fn events_path(&self) -> PathBuf {
        self.whole().path.join("events.jsonl")
    }

    /// What the worker and its plugins print.
    pub fn log_path(&self) -> PathBuf {
        self.own().join("worker.log")
    }

    /// The plugin call in progress.
    pub fn call_path(&self) -> PathBuf {
        self.own().join("call")
    }

    /// The figures.
    pub fn results_path(&self) -> PathBuf {
        self.path.join("results.json")
    }

    /// The predictions of one strategy (by its position in the file, since names may hold
    /// anything) with one seed.
    pub fn predictions_path(&self, row: usize, strategy: &str, seed: u64) -> PathBuf {
        self.path.join("predictions").join(format!(
            "{}-{}-seed-{seed}.csv",
            row + 1,
            slug(strategy)
        ))
    }

    /// Those on a further test set, given its place among these and its name.
    pub fn predictions_elsewhere_path(
        &self,
        row: usize,
        strategy: &str,
        seed: u64,
        (test, name): (usize, &str),
    ) -> PathBuf {
        let own = self.predictions_path(row, strategy, seed);
        let on = format!("-on-{}-{}.csv", test + 1, slug(name));
        let name = own
            .file_stem()
            .map(|stem| stem.to_string_lossy() + on.as_str());
        own.with_file_name(name.unwrap_or_default().as_ref())
    }

    /// The training examples that the candidates of a row were judged on.
    pub fn judged_on_path(&self, row: usize, strategy: &str, seed: u64) -> PathBuf {
        let own = self.selection_path(row, strategy, seed);
        let name = own
            .file_stem()
            .map(|stem| stem.to_string_lossy() + "-judged-on.csv");
        own.with_file_name(name.unwrap_or_default().as_ref())
    }

    /// The candidates that a row has chosen from, with their figures.
    pub fn selection_path(&self, row: usize, strategy: &str, seed: u64) -> PathBuf {
        self.path
            .join("selection")
            .join(format!("{}-{}-seed-{seed}.csv", row + 1, slug(strategy)))
    }

    /// Which examples rows with this draw learn from and are measured on.
    pub fn examples_path(&self, draw: &str) -> PathBuf {
        self.path.join("examples").join(format!("{draw}.csv"))
    }

    /// The weights called `name`, trained with `seed`.
    pub fn weights_path(&self, name: &str, seed: u64) -> PathBuf {
        self.path
            .join("checkpoints")
            .join(format!("{name}-seed-{seed}.safetensors"))
    }

    /// What a row called `title` has fitted with one seed, and with folds for one of these, counted from 1.
    pub fn model(&self, row: usize, title: &str, seed: u64, fold: Option<u32>) -> ModelFolder {
        ModelFolder::of(&self.path, row, title, seed, fold)
    }

    /// The states of trainings that are not over.
    pub fn checkpoints(&self) -> Checkpoints {
        Checkpoints::at(&self.path, "checkpoints/training")
    }

    /// Opens the event stream for appending, that of the element where it is the view of one. Its records are told by the clock of
    /// the folder: whoever reads them may be on another machine, and so may others who write.
    pub fn event_writer(&self) -> Result<EventWriter, StoreError> {
        let writer = EventWriter::open(&self.own().join("events.jsonl"))?;
        Ok(writer.by_clock(self.clock_behind()))
    }

    /// A reader from the beginning of the event stream.
    pub fn event_reader(&self) -> EventReader {
        EventReader::new(&self.events_path())
    }

    /// The last record of the event stream, found without reading those before it; `None` when there is none, or it
    /// is longer than an end record ever is.
    pub fn last_record(&self) -> Option<Record> {
        last_record(&self.events_path())
    }

    /// What the event stream says so far; for the folder of a part what it says of that.
    pub fn state(&self) -> Result<RunState, StoreError> {
        let records = self.event_reader().poll()?;
        Ok(match self.part_of() {
            Some((part, _)) => RunState::of_part(&records, part),
            None => RunState::from_records(&records),
        })
    }

    /// Removes what processes that died had begun to write. Nobody may be at work.
    pub fn tidy(&self) {
        remove_partial(&self.path);
    }

    /// Bytes its files take.
    pub fn bytes(&self) -> u64 {
        size(&self.path)
    }

    /// Whether the folder holds a run: its manifest is the first thing that is complete.
    pub fn is_run(&self) -> bool {
        self.path.join("manifest.json").is_file()
    }

    /// The manifest.
    pub fn manifest(&self) -> Result<Manifest, StoreError> {
        let damage = match self.read_json("manifest.json") {
            Err(damage @ StoreError::Damaged { .. }) => damage,
            read => return read,
        };
        // A later layout may lack what this one needs; its number stays where it is.
        let bare: Result<Format, _> = self.read_json("manifest.json");
        match bare {
            Ok(Format { format }) if format > Manifest::FORMAT => Err(self.newer(format)),
            _ => Err(damage),
        }
    }

    /// The manifest, for who is going to write to the folder: a later layout is refused.
    pub fn manifest_to_write(&self) -> Result<Manifest, StoreError> {
        let manifest = self.manifest()?;
        if manifest.format > Manifest::FORMAT {
            return Err(self.newer(manifest.format));
        }
        Ok(manifest)
    }

    fn newer(&self, format: u32) -> StoreError {
        StoreError::Newer {
            run: self.id(),
            format,
        }
    }

    /// Writes the manifest.
    pub fn write_manifest(&self, manifest: &Manifest) -> Result<(), StoreError> {
        self.write_json("manifest.json", manifest)
    }

    /// The process that looks after the run; `None` before one does.
    pub fn owner(&self) -> Option<Owner> {
        self.read_own("owner.json").ok()
    }

    /// Notes the process that looks after the run.
    pub fn write_owner(&self, owner: &Owner) -> Result<(), StoreError> {
        self.write_own("owner.json", owner)
    }

    /// Takes charge of the run for as long as the lock is held; `None` when another process
    /// has it.
    pub fn lock(&self) -> Result<Option<RunLock>, StoreError> {
        let path = self.own().join("lock");
        let file = File::create(&path).map_err(|error| StoreError::io("write", &path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(RunLock { _held: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(StoreError::io("lock", &path, &error)),
        }
    }

    /// The resolved experiment's text.
    pub fn experiment(&self) -> Result<String, StoreError> {
        let path = self.experiment_path();
        fs::read_to_string(&path).map_err(|error| StoreError::io("read", path, &error))
    }

    /// Replaces a file of the folder as a whole: a reader, or a crash, finds the old content
    /// or the new one. Missing folders on the way are made.
    pub fn write(&self, path: &Path, content: &[u8]) -> Result<(), StoreError> {
        let writer = self.element_name().unwrap_or_default();
        replace(&self.path, &[(path, &[content])], writer)
            .map_err(|error| StoreError::io("write", path, &error))
    }

    /// The same for several files of one folder, at less cost than one after the other.
    pub fn write_in(&self, folder: &Path, files: &[(PathBuf, &[u8])]) -> Result<(), StoreError> {
        let writer = self.element_name().unwrap_or_default();
        let contents: Vec<[&[u8]; 1]> = files.iter().map(|(_, content)| [*content]).collect();
        let files: Vec<Content<'_>> = (files.iter().zip(&contents))
            .map(|((path, _), content)| (path.as_path(), content.as_slice()))
            .collect();
        replace(&self.path, &files, writer).map_err(|error| StoreError::io("write", folder, &error))
    }

    fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), StoreError> {
        self.write_json_at(self.path.join(name), value)
    }

    /// Writes what a process says of itself.
    pub(crate) fn write_own(&self, name: &str, value: &impl Serialize) -> Result<(), StoreError> {
        self.write_json_at(self.own().join(name), value)
    }

    /// Reads what a process says of itself.
    pub(crate) fn read_own<T: DeserializeOwned>(&self, name: &str) -> Result<T, StoreError> {
        read_json_at(self.own().join(name))
    }

    fn write_json_at(&self, path: PathBuf, value: &impl Serialize) -> Result<(), StoreError> {
        let mut text =
            serde_json::to_string_pretty(value).map_err(|error| StoreError::Damaged {
                path: path.clone(),
                reason: error.to_string(),
            })?;
        text.push('\n');
        self.write(&path, text.as_bytes())
    }

    fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<T, StoreError> {
        read_json_at(self.path.join(name))
    }
}

fn read_json_at<T: DeserializeOwned>(path: PathBuf) -> Result<T, StoreError> {
    let text = fs::read_to_string(&path).map_err(|error| StoreError::io("read", &path, &error))?;
    serde_json::from_str(&text).map_err(|error| StoreError::Damaged {
        path,
        reason: error.to_string(),
    })
}

/// All that is sure to be in every manifest.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// Bytes of all files below `folder`. What vanishes meanwhile takes no room.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

/// A name reduced to what is safe in a file name on every system.
pub(crate) fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() == 40 {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() {
        "unnamed".to_owned()
    } else {
        slug.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_safe_file_names() {
        let check = |name: &str, expected: &str| assert_eq!(slug(name), expected, "{name}");
        check("mnist-transfer", "mnist-transfer");
        check(
            "feature classifier, 1,000 samples",
            "feature-classifier-1-000-samples",
        );
        check("../../etc", "etc");
        check("Größe ×2", "gr-e-2");
        check("...", "unnamed");
        check(
            &"long ".repeat(20),
            "long-long-long-long-long-long-long-long",
        );
    }

    #[test]
    fn only_one_process_looks_after_a_run() {
        let temp = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(temp.path());
        let lock = folder.lock().unwrap();
        assert!(lock.is_some());
        assert!(folder.lock().unwrap().is_none());
        drop(lock);
        assert!(folder.lock().unwrap().is_some());
    }

    #[test]
    fn writing_replaces_the_whole_file() {
        let temp = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(temp.path().join("0001-test"));
        let path = folder.weights_path("source", 1);
        let removed = folder.write(&path, b"nowhere").unwrap_err().to_string();
        assert!(
            removed.ends_with("the run's folder was removed"),
            "{removed}"
        );
        assert!(!folder.path().exists());
        fs::create_dir(folder.path()).unwrap();
        folder.write(&path, b"old and long").unwrap();
        folder.write(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(
            fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1,
            "no partial file stays"
        );
    }
}
