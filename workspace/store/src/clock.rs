//! The times of a run: by the clock of the file system that its folder lies on, since those of machines differ.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::RunFolder;

/// Clocks this close to each other, milliseconds, are taken for the same: times of files are those of a tick.
const SAME_CLOCK: u64 = 2000;

/// So long a comparison of clocks holds.
const HOLDS: Duration = Duration::from_secs(60);

/// By how much this machine's clock is behind that of a folder, milliseconds, and when that was seen.
static SEEN: Mutex<BTreeMap<PathBuf, (i64, Instant)>> = Mutex::new(BTreeMap::new());

/// Milliseconds since the Unix epoch, by this machine's clock.
pub fn now() -> u64 {
    milliseconds(SystemTime::now())
}

/// A moment as milliseconds since the Unix epoch, 0 for one before it.
pub(crate) fn milliseconds(moment: SystemTime) -> u64 {
    moment
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_millis() as u64)
}

/// By how much this machine's clock is behind that of a folder, milliseconds; 0 where nothing can be written there.
pub(crate) fn behind_that_of(folder: &Path) -> i64 {
    let trial = folder.join(format!("clock-{}.partial", std::process::id()));
    let written = fs::write(&trial, b"")
        .and_then(|()| fs::metadata(&trial))
        .and_then(|file| file.modified());
    let _ = fs::remove_file(&trial);
    written.map_or(0, |written| behind(milliseconds(written), now()))
}

/// By how much a clock is behind another, given what each says at the same moment.
fn behind(theirs: u64, ours: u64) -> i64 {
    let behind = i64::try_from(theirs)
        .unwrap_or(i64::MAX)
        .saturating_sub_unsigned(ours);
    match behind.unsigned_abs() < SAME_CLOCK {
        true => 0,
        false => behind,
    }
}

impl RunFolder {
    /// By how much this machine's clock is behind the one that the run's times are told by, milliseconds.
    pub fn clock_behind(&self) -> i64 {
        let folder = self.whole().path().to_owned();
        let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.get(&folder) {
            Some((behind, at)) if at.elapsed() < HOLDS => *behind,
            _ => {
                let behind = behind_that_of(&folder);
                seen.insert(folder, (behind, Instant::now()));
                behind
            }
        }
    }

    /// The present by the clock that the run's times are told by, milliseconds since the Unix epoch.
    pub fn now(&self) -> u64 {
        now().saturating_add_signed(self.clock_behind())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_compared() {
        let check = |theirs, ours, expected| assert_eq!(behind(theirs, ours), expected);
        check(1_000_000, 1_000_900, 0);
        check(4_600_000, 1_000_000, 3_600_000);
        check(1_000_000, 4_600_000, -3_600_000);
        check(0, u64::MAX, i64::MIN);
    }

    #[test]
    fn a_folder_tells_its_time_and_keeps_nothing_of_it() {
        let temp = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(temp.path());
        let (before, here, after) = (now(), folder.now(), now());
        assert!(
            (before..=after).contains(&here),
            "its clock is this machine's"
        );
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
        let gone = RunFolder::at(temp.path().join("gone"));
        assert_eq!(gone.clock_behind(), 0);
        assert!(!gone.path().exists());
    }
}
