//! What can happen to the dashboard, and what it asks for in return.

use crossterm::event::{KeyEvent, MouseEvent};
use topwork_events::Record;
use topwork_store::{Load, RunFolder, Standing};

use crate::jobs::{Answer, Job};

/// Everything that can happen.
#[derive(Clone, Debug)]
pub enum Event {
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse did something.
    Mouse(MouseEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has this many columns and rows from now on.
    Resize(u16, u16),
    /// It is this late: milliseconds since the Unix epoch.
    Tick(u64),
    /// A run's event stream goes on.
    Records(RunFolder, Vec<Record>),
    /// A run's worker printed these lines.
    Printed(RunFolder, Vec<String>),
    /// A run that has not said how it ended stands like this.
    Stands(RunFolder, Standing),
    /// A run's worker takes this of the machine.
    Works(RunFolder, Load),
    /// A run's files cannot be read: why.
    Unreadable(RunFolder, String),
    /// A background job has ended.
    Answered(Answer),
    /// The process was asked to suspend itself.
    SuspendAsked,
    /// The process goes on after it was suspended.
    Resumed,
    /// The process was asked to end, or its terminal is gone.
    Terminated,
    /// A thread of the dashboard panicked.
    Broken,
}

/// What is to be done outside the `App`.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Leave the dashboard; the runs go on.
    Leave,
    /// Give the terminal back and suspend the process.
    Suspend,
    /// Take the terminal again: while the process was stopped others had it.
    Retake,
    /// Tell of this run from its beginning on.
    Follow(RunFolder),
    /// Tell no more of this run.
    Unfollow(RunFolder),
    /// Work in the background.
    Job(Job),
}
