//! What is asked of a run's supervisor through its folder, by those who cannot send it a signal.

use std::{fs, path::PathBuf};

use crate::{RunFolder, StoreError};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StopRequest {
    /// To end at the next step, as SIGTERM asks.
    Stop,
    /// To end at once, as a second SIGTERM asks.
    Kill,
}

impl StopRequest {
    fn word(self) -> &'static str {
        match self {
            Self::Stop => "stop\n",
            Self::Kill => "kill\n",
        }
    }
}

impl RunFolder {
    /// Asks the supervisor to end the run.
    pub fn request_stop(&self, request: StopRequest) -> Result<(), StoreError> {
        self.write(&self.request_path(), request.word().as_bytes())
    }

    /// What is asked for. A file that somebody made by hand asks to stop, whatever it holds.
    pub fn stop_requested(&self) -> Option<StopRequest> {
        let text = fs::read_to_string(self.request_path()).ok()?;
        Some(match text.trim() {
            "kill" => StopRequest::Kill,
            _ => StopRequest::Stop,
        })
    }

    /// Takes the request back: who goes on with a run has not been asked to stop.
    pub fn withdraw_stop(&self) {
        let _ = fs::remove_file(self.request_path());
    }

    fn request_path(&self) -> PathBuf {
        self.whole().path().join("stop-requested")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_until_it_is_withdrawn() {
        let temp = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(temp.path());
        assert_eq!(folder.stop_requested(), None);
        for request in [StopRequest::Stop, StopRequest::Kill] {
            folder.request_stop(request).unwrap();
            assert_eq!(folder.stop_requested(), Some(request));
        }
        fs::write(temp.path().join("stop-requested"), "").unwrap();
        assert_eq!(folder.stop_requested(), Some(StopRequest::Stop));
        folder.withdraw_stop();
        assert_eq!(folder.stop_requested(), None);
    }
}
