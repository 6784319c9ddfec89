//! What the host does for a plugin.

use crate::{Sink, Status, Text};
use core::ffi::c_void;

/// Services of the host. Lives until the process ends; any function may be called on any thread, also from threads that the
/// plugin started, and takes `context` as its first argument.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct HostServices {
    /// The bytes of this table that the host filled.
    pub size: usize,
    /// The host's own, handed back unchanged.
    pub context: *mut c_void,
    /// Records a line in the run's log.
    pub log: unsafe extern "C" fn(context: *mut c_void, level: Level, text: Text),
    /// Says that `done` of `total` steps of the present call are made; `total` is 0 when it is not known. `text` says what
    /// the steps are. The host shows it, so that people see a long call live. A call of a run that has told of no progress, nor logged a
    /// line, for the limit the user has set (ten minutes, if nothing is said) is ended, and the process with it. A look at
    /// plugins (opening, `create` and what describes an instance) has a limit of a minute, which progress does not extend.
    pub progress: unsafe extern "C" fn(context: *mut c_void, done: u64, total: u64, text: Text),
    /// Whether the call should end soon with [`Status::STOPPED`]. Cheap enough to ask at every iteration.
    pub should_stop: unsafe extern "C" fn(context: *mut c_void) -> bool,
    /// How many threads a call may keep busy, at least 1.
    pub threads: unsafe extern "C" fn(context: *mut c_void) -> usize,
    /// Finds a data file by its path relative to a data folder (`/` between the parts, no `..`), and writes the absolute path of
    /// the first match to `path`. When no folder has it: [`Status::BAD_DATA`], and the error names the folders searched.
    pub find_data: unsafe extern "C" fn(
        context: *mut c_void,
        relative: Text,
        path: *const Sink,
        error: *const Sink,
    ) -> Status,
    /// The absolute path of a folder for files that can be made again. It may not exist yet. Valid until the process ends.
    pub cache_folder: unsafe extern "C" fn(context: *mut c_void) -> Text,
}

// SAFETY: the table is read-only, and the host promises that its functions may be called on any thread.
unsafe impl Sync for HostServices {}
// SAFETY: as above.
unsafe impl Send for HostServices {}

/// How important a line of the log is.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(pub u32);

impl Level {
    /// Something went wrong.
    pub const ERROR: Level = Level(1);
    /// Something may be wrong.
    pub const WARNING: Level = Level(2);
    /// Worth knowing.
    pub const INFO: Level = Level(3);
    /// For the author of the plugin.
    pub const DEBUG: Level = Level(4);
}
