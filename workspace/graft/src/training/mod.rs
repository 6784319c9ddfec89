//! Epochs over samples: schedule, validation, early stopping.

mod keeper;
mod settings;
mod standardised;
mod state;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Instant};

use topwork_engine::{
    Compute, EngineError, Network, NumberLoss, NumberStep, Part, Step, Stream, Trainer,
};
use topwork_keys::{Digest, Sha256, hexadecimal};
use topwork_measure::{EpochFigures, Targets};
use topwork_schema::Train;

use crate::{
    GraftError, Progress, Services,
    data::{Batch, Samples, each_batch, hold_out},
    evaluate,
};
use keeper::Keeper;
use state::{Best, Sums, TrainingState};

pub use standardised::Standardised;

/// Steps the loss that is shown is averaged over: one batch's loss jumps too much to read.
const LOSS_OVER: f64 = 50.0;

/// What is trained, on what, and how.
pub struct Training<'a> {
    /// The pool.
    pub compute: &'a Compute,
    /// Who hears of it and keeps checkpoints: a training that was broken off goes on from the newest.
    pub services: &'a dyn Services,
    /// How.
    pub settings: &'a Train,
    /// The inputs.
    pub samples: &'a dyn Samples,
    /// The examples to learn from; those held out for validation are drawn from them.
    pub examples: &'a [usize],
    /// What is true of all examples of the split.
    pub targets: Targets<'a>,
    /// Their groups, where examples belong together.
    pub groups: Option<&'a [u32]>,
    /// Number of classes, or of columns of numbers.
    pub classes: usize,
    /// The seed.
    pub seed: u64,
    /// `source` or `target`: names the random streams.
    pub role: &'static str,
    /// The first part stays frozen for so many epochs, then learns with these multipliers.
    pub unfreeze: Option<(usize, Vec<f32>)>,
}

/// What came out.
pub struct Trained {
    /// The parts, in their order; where numbers were learnt, the last gives them standardised.
    pub networks: Vec<Network>,
    /// How they were standardised.
    pub standardised: Option<Standardised>,
    /// Epochs trained.
    pub epochs: usize,
    /// Wall-clock seconds that earlier sessions of the run have spent on it.
    pub earlier_seconds: f64,
}

impl Training<'_> {
    /// Trains `parts`, the output of each being the input of the next. Goes on from the newest
    /// checkpoint of the running stage that is intact and of this very training; the outcome is
    /// the same to the bit.
    pub fn run(&self, parts: Vec<Part>) -> Result<Trained, GraftError> {
        let stream = |use_: &str| Stream::new(self.seed, &format!("{use_}/{}", self.role));
        let Train {
            batch_size,
            validation,
            ..
        } = *self.settings;
        let (examples, held_out) = hold_out(
            (self.targets, self.groups),
            self.examples,
            self.classes,
            validation,
            &mut stream("validation"),
        );
        if examples.is_empty() {
            return Err(GraftError::Experiment {
                message: format!("`validation = {validation}` leaves nothing to learn from"),
                hint: Some("use a smaller share or more training samples".to_owned()),
            });
        }
        let standardised = match self.targets {
            Targets::Classes(_) | Targets::Multilabel(_) => None,
            Targets::Numbers(numbers) => Some(Standardised::of(numbers, &examples)),
        };
        let steps_per_epoch = examples.len().div_ceil(batch_size) as u64;
        let mut settings = settings::settings(self.settings, self.targets, steps_per_epoch);
        settings.class_weights =
            settings::class_weights(self.settings, &examples, self.targets, self.classes);
        let start = |parts| Trainer::new(self.compute, parts, settings.clone(), stream("dropout"));
        let mut keeper = Keeper::new(self.services, self.fingerprint(&parts));
        let found = keeper.find(batch_size, |bytes, training| {
            let (state, parts, of_trainer) =
                TrainingState::from_bytes(bytes, training, &parts, &examples)?;
            let mut trainer = start(parts).map_err(|error| error.to_string())?;
            trainer
                .restore(&of_trainer)
                .map_err(|error| error.to_string())?;
            Ok((state, trainer))
        })?;
        let (mut state, mut trainer) = match found {
            Some(found) => found,
            None => (
                TrainingState::new(examples, stream("shuffle"), stream("augment")),
                start(parts).map_err(fail)?,
            ),
        };
        let done_before = state.learnt();
        while !self.over(&state) {
            match self.epoch(
                &mut state,
                &mut trainer,
                &mut keeper,
                (&held_out, standardised.as_ref()),
                done_before,
            ) {
                Ok(()) => keeper.epoch_ended(&mut state, &trainer)?,
                Err(error) => {
                    // Anything but a stop may have come in the middle of a step.
                    if error.is_stop() {
                        keeper.keep(&mut state, &trainer)?;
                    }
                    return Err(error);
                }
            }
        }
        let networks = match state.best {
            Some(best) => best.networks,
            None => trainer
                .into_parts()
                .into_iter()
                .map(|part| part.network)
                .collect(),
        };
        Ok(Trained {
            networks,
            standardised,
            epochs: state.epoch - 1,
            earlier_seconds: keeper.earlier(),
        })
    }

    /// Whether no epoch is left, or the last ones were no better than an earlier one.
    fn over(&self, state: &TrainingState) -> bool {
        let ended = state.epoch - 1;
        ended == self.settings.epochs
            || (self.settings.patience.zip(state.best.as_ref()))
                .is_some_and(|(patience, best)| ended - best.epoch >= patience)
    }

    /// Learns from what is left of the running epoch and tries the outcome. When it fails,
    /// `state` and `trainer` stand where the last step has left them.
    fn epoch(
        &self,
        state: &mut TrainingState,
        trainer: &mut Trainer<'_>,
        keeper: &mut Keeper<'_>,
        (held_out, standardised): (&[usize], Option<&Standardised>),
        done_before: u64,
    ) -> Result<(), GraftError> {
        let Train {
            epochs, batch_size, ..
        } = *self.settings;
        if let Some((after, multipliers)) = &self.unfreeze
            && state.epoch == after + 1
            && state.done == 0
        {
            trainer
                .set_multipliers(0, multipliers.clone())
                .map_err(fail)?;
        }
        let (begun, earlier) = (Instant::now(), state.sums.seconds);
        let order = Arc::clone(&state.order);
        each_batch(
            self.samples,
            &order[state.done..],
            batch_size,
            state.vary.clone(),
            |batch| {
                let loss = self.step(trainer, batch, standardised, &mut state.sums)?;
                state.vary = batch.vary.clone();
                state.done += batch.examples.len();
                state.sums.seconds = earlier + begun.elapsed().as_secs_f64();
                let shown = state.shown_loss.unwrap_or(loss);
                state.shown_loss = Some(shown + (loss - shown) / LOSS_OVER);
                self.services.step(Progress {
                    done: state.learnt(),
                    done_before,
                    total: (epochs * order.len()) as u64,
                    unit: "images",
                    epoch: count(state.epoch),
                    loss: state.shown_loss,
                })?;
                keeper.step(state, trainer)
            },
        )?;
        drop(order);
        let networks: Vec<Network> = (trainer.parts().iter())
            .map(|part| part.network.clone())
            .collect();
        let validation = self.validate((held_out, standardised), &networks)?;
        let examples = state.order.len() as f64;
        let kind = self.targets.kind();
        let figures = EpochFigures {
            fold: self.services.fold(),
            epoch: count(state.epoch),
            epochs: count(epochs),
            loss: state.sums.loss / examples,
            accuracy: (kind.is_classes()).then(|| state.sums.correct as f64 / examples),
            rmse: standardised.map(|numbers| {
                let sums = state.sums.squares.iter();
                numbers.root(&sums.map(|sum| sum / examples).collect::<Vec<f64>>())
            }),
            validation_loss: validation.map(|(loss, _)| loss),
            validation_accuracy: validation
                .and_then(|(_, figure)| figure.filter(|_| kind.is_classes())),
            validation_rmse: validation
                .and_then(|(_, figure)| figure.filter(|_| standardised.is_some())),
            per_second: examples / state.sums.seconds,
            seconds: state.sums.seconds,
        };
        if let Some((loss, _)) = validation.filter(|_| self.settings.patience.is_some())
            && state.best.as_ref().is_none_or(|best| loss < best.loss)
        {
            state.best = Some(Best {
                loss,
                epoch: state.epoch,
                networks,
            });
        }
        state.end_epoch(figures);
        Ok(self.services.epoch_ended(&figures)?)
    }

    /// One step on a batch: its loss, which goes to the sums of the epoch with what else it tells.
    fn step(
        &self,
        trainer: &mut Trainer<'_>,
        batch: &Batch,
        standardised: Option<&Standardised>,
        sums: &mut Sums,
    ) -> Result<f64, GraftError> {
        let count = batch.examples.len() as f64;
        let loss = match (self.targets, standardised) {
            (Targets::Numbers(numbers), Some(standardised)) => {
                let numbers = standardised.numbers(numbers, &batch.examples);
                let step = trainer.step_numbers(&batch.inputs, &numbers);
                let NumberStep {
                    loss,
                    squared_errors,
                } = step.map_err(fail)?;
                sums.squares.resize(squared_errors.len(), 0.0);
                for (sum, mean) in sums.squares.iter_mut().zip(squared_errors) {
                    *sum += mean * count;
                }
                loss
            }
            (Targets::Multilabel(labels), _) => {
                let labels = labels.of(&batch.examples);
                trainer
                    .step_numbers(&batch.inputs, &labels)
                    .map_err(fail)?
                    .loss
            }
            (targets, _) => {
                let labels = targets.classes();
                let labels = batch.examples.iter().map(|&example| labels[example]);
                let labels: Vec<u32> = labels.collect();
                let Step { loss, correct } = trainer.step(&batch.inputs, &labels).map_err(fail)?;
                sums.correct += correct;
                loss
            }
        };
        let loss = f64::from(loss);
        sums.loss += loss * count;
        Ok(loss)
    }

    /// SHA-256 over all that decides what comes out of training `parts`, but for the inputs.
    fn fingerprint(&self, parts: &[Part]) -> String {
        let mut hash = Sha256::new();
        let mut add = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        add(settings::recognised(self.settings).as_bytes());
        add(format!("{:?}", self.unfreeze).as_bytes());
        add(format!("{} {} {}", self.role, self.seed, self.classes).as_bytes());
        for part in parts {
            add(format!("{:?}", part.network.blueprint()).as_bytes());
            add(format!("{:?}", part.multipliers()).as_bytes());
            add(part.network.digest().as_bytes());
        }
        let labels = self.targets.classes();
        let labelled = self.examples.iter().flat_map(|&example| {
            let label = u64::from(labels.get(example).copied().unwrap_or(0));
            [example as u64, label].map(u64::to_le_bytes)
        });
        add(&labelled.flatten().collect::<Vec<u8>>());
        if let Targets::Numbers(numbers) | Targets::Multilabel(numbers) = self.targets {
            let numbers = numbers.of(self.examples).into_iter();
            add(&numbers.flat_map(f32::to_le_bytes).collect::<Vec<u8>>());
        }
        hexadecimal(&hash.finalize())
    }

    /// Loss and accuracy on the samples held out, or of numbers loss and root of the mean squared error, of labels the loss alone; `None`
    /// without any.
    fn validate(
        &self,
        (held_out, standardised): (&[usize], Option<&Standardised>),
        networks: &[Network],
    ) -> Result<Option<(f64, Option<f64>)>, GraftError> {
        if held_out.is_empty() {
            return Ok(None);
        }
        let networks: Vec<&Network> = networks.iter().collect();
        let (compute, classes) = (self.compute, self.classes);
        let scores = evaluate::scores(compute, &networks, self.samples, held_out, classes, |_| {
            Ok(self.services.check_stop()?)
        })?;
        if let (Targets::Numbers(numbers), Some(standardised)) = (self.targets, standardised) {
            let numbers = standardised.numbers(numbers, held_out);
            let loss = settings::number_loss(self.settings, self.targets).mean(&scores, &numbers);
            let squared_errors = NumberLoss::Squared.means(&scores, &numbers, classes);
            return Ok(Some((loss, Some(standardised.root(&squared_errors)))));
        }
        if let Targets::Multilabel(labels) = self.targets {
            let labels = labels.of(held_out);
            return Ok(Some((
                NumberLoss::BinaryCrossEntropy.mean(&scores, &labels),
                None,
            )));
        }
        let labels = self.targets.classes();
        let labels = || held_out.iter().map(|&example| labels[example]);
        let correct = evaluate::correct(&scores, labels(), classes);
        let loss = evaluate::cross_entropy(&scores, labels(), classes);
        Ok(Some((loss, Some(correct as f64 / held_out.len() as f64))))
    }
}

fn fail(source: EngineError) -> GraftError {
    GraftError::Engine {
        stage: "training".to_owned(),
        source,
    }
}

/// Epochs are few enough for an event's number: the experiment file allows no more.
fn count(epochs: usize) -> u32 {
    u32::try_from(epochs).unwrap_or(u32::MAX)
}
