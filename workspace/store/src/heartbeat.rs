//! The sign of life that a supervisor gives every second, for those who cannot ask it: viewers
//! on other machines that see the same folder.

use std::{fs, io, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    RunFolder, StoreError,
    clock::{milliseconds, now},
};

/// A process on another machine whose last sign of life is older is taken for dead, milliseconds: thirty beats, so that a busy file
/// server does not kill anybody.
pub(crate) const SIGN_OF_LIFE: u64 = 30_000;

/// One sign of life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Heartbeat {
    /// When it was given, milliseconds since the Unix epoch: by the clock of the folder, where that can be seen.
    pub at: u64,
    /// How many there were before it.
    pub beats: u64,
}

impl RunFolder {
    /// Gives a sign of life. Called once a second by the supervisor.
    pub fn beat(&self) -> Result<(), StoreError> {
        let path = self.heartbeat_path();
        let beats = self.heartbeat().map_or(0, |last| last.beats + 1);
        let beat = Heartbeat { at: now(), beats };
        replace(&path, &serde_json::json!(beat).to_string())
            .map_err(|error| StoreError::io("write", path, &error))
    }

    /// The latest sign of life; `None` where there is none.
    pub fn heartbeat(&self) -> Option<Heartbeat> {
        let path = self.heartbeat_path();
        let mut beat: Heartbeat = serde_json::from_str(&fs::read_to_string(&path).ok()?).ok()?;
        // A supervisor whose clock is ahead would keep a dead run alive, one whose clock is behind would bury a live one.
        if let Ok(written) = fs::metadata(&path).and_then(|file| file.modified()) {
            beat.at = milliseconds(written);
        }
        Some(beat)
    }

    fn heartbeat_path(&self) -> std::path::PathBuf {
        self.own().join("heartbeat")
    }
}

/// A reader finds the old content or the new one. Not forced to the disk: after a power cut
/// nobody asks how the heart beat before it.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let partial = path.with_extension("partial");
    fs::write(&partial, text)?;
    fs::rename(&partial, path)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn every_beat_is_told_from_the_one_before() {
        let temp = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(temp.path());
        assert_eq!(folder.heartbeat(), None);
        let begun = now();
        for beats in 0..3 {
            folder.beat().unwrap();
            let beat = folder.heartbeat().unwrap();
            assert_eq!(beat.beats, beats);
            // The clock of file times ticks a few milliseconds late.
            assert!((begun - 100..=now()).contains(&beat.at));
        }
        // Of a supervisor whose clock is decades behind.
        let path = temp.path().join("heartbeat");
        fs::write(&path, r#"{"at": 1, "beats": 7}"#).unwrap();
        assert!(folder.heartbeat().unwrap().at >= begun - 100);
        let earlier = SystemTime::now() - Duration::from_secs(3600);
        (fs::File::options().write(true).open(&path).unwrap())
            .set_modified(earlier)
            .unwrap();
        assert_eq!(folder.heartbeat().unwrap().at, milliseconds(earlier));
        fs::write(temp.path().join("heartbeat"), "{").unwrap();
        assert_eq!(folder.heartbeat(), None, "a torn one is none");
    }
}
