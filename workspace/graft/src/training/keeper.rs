//! When checkpoints of a training are written, and which one it goes on from.

use std::time::{Duration, Instant};

use topwork_engine::Trainer;
use topwork_host::Level;

use super::state::TrainingState;
use crate::{GraftError, Services};

/// At the end of an epoch, a checkpoint must be worth what it costs: the last one is so many
/// times older than it took to write, which keeps it below 2 % of the time.
const WORTH: u32 = 50;

/// What a checkpoint is thought to cost before one was written, about what it takes for half a
/// million weights: trainings of a few seconds need none, they are done again as fast.
const FIRST_COST: Duration = Duration::from_millis(50);

/// Keeps checkpoints of one training.
pub struct Keeper<'a> {
    every: Duration,
    services: &'a dyn Services,
    /// What the training is recognised by.
    training: String,
    /// When this session began, and what earlier ones took.
    begun: Instant,
    earlier: f64,
    /// The last checkpoint, and the epoch and the examples of it that it holds.
    last: Last,
    place: (usize, usize),
}

/// When the last checkpoint was written, and what it took.
struct Last {
    at: Instant,
    cost: Duration,
}

impl Last {
    /// Whether another one is worth what it is thought to cost.
    fn is_old(&self, now: Instant) -> bool {
        now.duration_since(self.at) >= self.cost * WORTH
    }
}

impl<'a> Keeper<'a> {
    /// For the training at work.
    pub fn new(services: &'a dyn Services, training: String) -> Self {
        Self {
            every: services.checkpoint_every(),
            services,
            training,
            begun: Instant::now(),
            earlier: 0.0,
            last: Last {
                at: Instant::now(),
                cost: FIRST_COST,
            },
            place: (1, 0),
        }
    }

    /// The newest state that `read` can go on from; `read` also gets what the training is
    /// recognised by. Says which it is, which ones are damaged, and again what the epochs came
    /// to that the event stream has lost.
    pub fn find<'t>(
        &mut self,
        batch_size: usize,
        mut read: impl FnMut(&[u8], &str) -> Result<(TrainingState, Trainer<'t>), String>,
    ) -> Result<Option<(TrainingState, Trainer<'t>)>, GraftError> {
        let mut newest = None;
        self.services.checkpoints(&mut |payload| {
            newest = Some(read(payload, &self.training)?);
            Ok(())
        })?;
        let Some((state, trainer)) = newest else {
            return Ok(None);
        };
        self.earlier = state.seconds;
        self.place = (state.epoch, state.done);
        let place = match state.done.div_ceil(batch_size) {
            0 => format!("after epoch {}", state.epoch - 1),
            step => format!("from epoch {}, step {step}", state.epoch),
        };
        let fold =
            (self.services.fold()).map_or(String::new(), |fold| format!(" with fold {fold}"));
        let text = format!("goes on{fold} {place}");
        self.services.log(Level::Info, "topwork", text)?;
        self.services.epochs_before(&state.figures)?;
        Ok(Some((state, trainer)))
    }

    /// Between two steps: keeps a checkpoint when it is time to.
    pub fn step(
        &mut self,
        state: &mut TrainingState,
        trainer: &Trainer<'_>,
    ) -> Result<(), GraftError> {
        match self.last.at.elapsed() >= self.every {
            true => self.keep(state, trainer),
            false => Ok(()),
        }
    }

    /// At the end of an epoch: keeps a checkpoint unless the last one is too young.
    pub fn epoch_ended(
        &mut self,
        state: &mut TrainingState,
        trainer: &Trainer<'_>,
    ) -> Result<(), GraftError> {
        match self.last.is_old(Instant::now()) {
            true => self.keep(state, trainer),
            false => Ok(()),
        }
    }

    /// Keeps a checkpoint, unless the last one holds this very place.
    pub fn keep(
        &mut self,
        state: &mut TrainingState,
        trainer: &Trainer<'_>,
    ) -> Result<(), GraftError> {
        let place = (state.epoch, state.done);
        if self.place == place {
            return Ok(());
        }
        let begun = Instant::now();
        state.seconds = self.earlier + self.begun.elapsed().as_secs_f64();
        let bytes =
            state
                .to_bytes(&self.training, trainer)
                .map_err(|reason| GraftError::System {
                    action: "keep a checkpoint",
                    reason,
                })?;
        self.services.keep_checkpoint(&bytes)?;
        self.last = Last {
            at: Instant::now(),
            cost: begun.elapsed(),
        };
        self.place = place;
        Ok(())
    }

    /// Wall-clock time that earlier sessions have spent on what is gone on from.
    pub fn earlier(&self) -> f64 {
        self.earlier
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_at_epoch_ends_cost_two_per_cent_at_most() {
        let at = Instant::now();
        let check = |cost: u64, age: u64, expected: bool| {
            let cost = Duration::from_millis(cost);
            let now = at + Duration::from_millis(age);
            assert_eq!(Last { at, cost }.is_old(now), expected, "{cost:?} {age}");
        };
        check(0, 0, true);
        check(10, 499, false);
        check(10, 500, true);
        check(2_000, 99_999, false);
        check(2_000, 100_000, true);
    }
}
