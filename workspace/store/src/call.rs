//! Which plugin call is in progress, on disk: the only witness when the process dies in it.

use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
    path::Path,
};

use crate::StoreError;

/// Bytes of the record: long texts are cut, short ones padded with spaces, so that one
/// write replaces the whole of it.
const LENGTH: usize = 256;

/// Writes the call in progress to the run folder.
pub struct CallRecorder {
    file: File,
}

impl CallRecorder {
    /// Creates the file at `path`.
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        File::create(path)
            .map(|file| Self { file })
            .map_err(|error| StoreError::io("create", path, &error))
    }

    /// Notes that `plugin` was entered for `call`, `reading split "train"` for instance.
    /// A failure to note it must not hurt the run, so none is told.
    pub fn entered(&mut self, plugin: &str, call: &str) {
        self.replace(&format!("{plugin}\t{call}"));
    }

    /// Notes that no plugin call is in progress.
    pub fn left(&mut self) {
        self.replace("");
    }

    fn replace(&mut self, text: &str) {
        let mut record = [b' '; LENGTH];
        let length = text.floor_char_boundary(LENGTH);
        record[..length].copy_from_slice(&text.as_bytes()[..length]);
        let _ = self
            .file
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.file.write_all(&record));
    }

    /// The call in progress when the record at `path` was last written: plugin and call.
    pub fn read(path: &Path) -> Option<(String, String)> {
        let text = std::fs::read_to_string(path).ok()?;
        let (plugin, call) = text.trim_end().split_once('\t')?;
        Some((plugin.to_owned(), call.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_call_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("call");
        assert_eq!(CallRecorder::read(&path), None);
        let mut recorder = CallRecorder::create(&path).unwrap();
        recorder.entered("mnist", "reading split \"train\"");
        assert_eq!(
            CallRecorder::read(&path),
            Some(("mnist".into(), "reading split \"train\"".into()))
        );
        recorder.entered("x", &"é".repeat(400));
        let (plugin, call) = CallRecorder::read(&path).unwrap();
        assert_eq!(
            (plugin.as_str(), call.chars().all(|c| c == 'é')),
            ("x", true)
        );
        recorder.left();
        assert_eq!(CallRecorder::read(&path), None);
    }
}
