//! How a watched run hangs together with the process that watches it.

use std::{
    process::Child,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use topwork_events::RunState;
use topwork_store::RunFolder;

use super::{POLL, Viewer};

/// How often a run that somebody else has started is asked whether it is still there.
const LOOK: Duration = Duration::from_millis(500);

/// Whose run it is.
pub enum Tie {
    /// This process has started it: asking to end means the run.
    Own(Supervisor),
    /// Another has: asking to end means the viewer.
    Visit {
        /// When to look again whether it is there.
        next_look: Instant,
    },
}

/// The supervisor that this process has started.
pub struct Supervisor {
    child: Child,
    requests: u32,
    unsent: u32,
}

impl Tie {
    /// The run that `supervisor` looks after.
    pub fn own(supervisor: Child) -> Self {
        Self::Own(Supervisor {
            child: supervisor,
            requests: 0,
            unsent: 0,
        })
    }

    /// A run of another process.
    pub fn visit() -> Self {
        Self::Visit {
            next_look: Instant::now(),
        }
    }

    /// Whether nobody is left who could say more in the stream. A worker whose supervisor was
    /// killed ends at its next step and says so itself.
    pub fn is_gone(&mut self, folder: &RunFolder, state: &RunState) -> bool {
        let unowned = match self {
            Self::Own(supervisor) => {
                if matches!(supervisor.child.try_wait(), Ok(None)) {
                    return false;
                }
                folder.owner().is_none()
            }
            Self::Visit { next_look } => {
                if Instant::now() < *next_look {
                    return false;
                }
                *next_look = Instant::now() + LOOK;
                false
            }
        };
        unowned || !folder.standing(state).is_live()
    }

    /// The user asks to end. True when that is for the viewer to do.
    pub fn interrupt(&mut self, viewer: &mut dyn Viewer) -> bool {
        let Self::Own(supervisor) = self else {
            return true;
        };
        supervisor.requests += 1;
        supervisor.unsent += 1;
        viewer.say(match supervisor.requests {
            1 => "stopping at the next step; once more to kill",
            _ => "killing",
        });
        false
    }

    /// Sends requests that could not be sent before: a supervisor that has not written its name
    /// yet is not ready to hear of them.
    pub fn send(&mut self, folder: &RunFolder) {
        let Self::Own(supervisor) = self else { return };
        if supervisor.unsent == 0 || folder.owner().is_none() {
            return;
        }
        for _ in 0..std::mem::take(&mut supervisor.unsent) {
            let _ = kill_process(Pid::from_child(&supervisor.child), Signal::TERM);
            // Two at the same moment would arrive as one.
            thread::sleep(POLL);
        }
    }

    /// Waits for the supervisor, if there is one to wait for, and gives its exit code.
    pub fn end(self) -> Option<i32> {
        match self {
            Self::Own(mut supervisor) => supervisor.child.wait().ok()?.code(),
            Self::Visit { .. } => None,
        }
    }
}
