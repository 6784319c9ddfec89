//! What a task may ask of whoever conducts it: to hear how far it is, to keep what should outlast it. Tasks compute; they
//! write no files and tell no events themselves.

use std::{ops::Deref, time::Duration};

use topwork_engine::Blueprint;
use topwork_host::Level;
use topwork_keys::FeatureKey;
use topwork_measure::EpochFigures;
use topwork_schema::Component;

use crate::model::Saved;

/// How far a task is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress<'a> {
    /// Units done.
    pub done: u64,
    /// Those of them that earlier sessions of the run have done: they say nothing of the speed.
    pub done_before: u64,
    /// Units in all.
    pub total: u64,
    /// What is counted.
    pub unit: &'a str,
    /// The epoch running; 0 outside of training.
    pub epoch: u32,
    /// Latest mean loss.
    pub loss: Option<f64>,
}

/// One of several folds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fold {
    /// Which, from 1.
    pub number: u32,
    /// How many there are.
    pub of: u32,
}

/// Why a task is to end before it is done.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct Halt {
    /// It is only broken off between two steps, and may go on from there.
    pub stopped: bool,
    /// The conductor's own reason.
    #[source]
    pub cause: Box<dyn std::error::Error + Send + Sync>,
}

/// Feature vectors that somebody else holds.
pub type Held = Box<dyn Deref<Target = [f32]> + Send + Sync>;

/// The conductor for a fit that is not the row's own: it may be stopped, but nothing is told of it, and what is left of it when the
/// run breaks off is done again.
pub(crate) struct Quiet<'a>(pub &'a dyn Services);

impl Services for Quiet<'_> {
    fn check_stop(&self) -> Result<(), Halt> {
        self.0.check_stop()
    }

    fn fold(&self) -> Option<u32> {
        self.0.fold()
    }

    fn log(&self, level: Level, from: &str, text: String) -> Result<(), Halt> {
        self.0.log(level, from, text)
    }
}

/// What the conductor does for a task. Any call may end it. Where a conductor does not say otherwise, nothing is told and nothing is
/// kept.
pub trait Services: Sync {
    /// Hears how far the task is: called at every step, the only place where a stop takes effect.
    fn step(&self, _: Progress<'_>) -> Result<(), Halt> {
        self.check_stop()
    }

    /// Hears how many candidates have been tried. Until all have, this is how far the task is, and what their fits tell of
    /// themselves is not.
    fn candidates(&self, _done: u64, _of: u64) -> Result<(), Halt> {
        self.check_stop()
    }

    /// Fails when the task is to end.
    fn check_stop(&self) -> Result<(), Halt> {
        Ok(())
    }

    /// The task goes on to a fold: what it tells from here on belongs to it.
    fn begin_fold(&self, _: Fold) -> Result<(), Halt> {
        Ok(())
    }

    /// The fold it is at, from 1, where there are any.
    fn fold(&self) -> Option<u32> {
        None
    }

    /// Hears what an epoch came to.
    fn epoch_ended(&self, _: &EpochFigures) -> Result<(), Halt> {
        Ok(())
    }

    /// Hears of all epochs before the place a training goes on from: some may have been lost.
    fn epochs_before(&self, _ended: &[EpochFigures]) -> Result<(), Halt> {
        Ok(())
    }

    /// A network that is made: `role` tells what it is for, `before` how many layers come before it.
    fn network(
        &self,
        _role: &str,
        _component: &Component,
        _before: usize,
        _: &Blueprint,
    ) -> Result<(), Halt> {
        Ok(())
    }

    /// A line for the log; `from` is a plugin's id or `topwork`.
    fn log(&self, level: Level, from: &str, text: String) -> Result<(), Halt>;

    /// How long a training may go on within an epoch without a checkpoint.
    fn checkpoint_every(&self) -> Duration {
        Duration::MAX
    }

    /// Keeps where the training at work stands.
    fn keep_checkpoint(&self, _state: &[u8]) -> Result<(), Halt> {
        Ok(())
    }

    /// Shows what was kept of the training at work, the newest first, until `read` can go on from one; what `read` gives
    /// otherwise is the reason why not.
    fn checkpoints(&self, _read: &mut dyn FnMut(&[u8]) -> Result<(), String>) -> Result<(), Halt> {
        Ok(())
    }

    /// The features with this key and the seconds they took, where somebody has them.
    fn features(&self, _: &FeatureKey) -> Result<Option<(Held, f64)>, Halt> {
        Ok(None)
    }

    /// Keeps features for others.
    fn keep_features(&self, _: &FeatureKey, _values: &[f32], _seconds: f64) -> Result<(), Halt> {
        Ok(())
    }

    /// Keeps what a row has fitted, with folds what it has fitted for one.
    fn keep_model(&self, _: Option<Fold>, _parts: Vec<Saved>) -> Result<(), Halt> {
        Ok(())
    }

    /// Whether features are kept at all: a key takes a digest of every image.
    fn keeps_features(&self) -> bool {
        false
    }

    /// Whether somebody may have features whose key differs from this one in nothing but the images. Where nobody has, these need not
    /// be read before they are passed through a trunk.
    fn may_have_features(&self, _: &FeatureKey) -> bool {
        false
    }
}
