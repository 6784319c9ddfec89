//! Epochs over samples: schedule, validation, early stopping.

use std::time::Instant;

use topwork_engine::{
    Compute, Network, Optimizer, Part, Schedule, Step, Stream, TrainSettings, Trainer,
};
use topwork_events::{EpochFigures, Event};
use topwork_schema::{ClassWeights, Optimizer as OptimizerName, Schedule as ScheduleName, Train};

use crate::{
    WorkerError, batches,
    draw::hold_out,
    emitter::{Emitter, Progress},
    evaluate,
    samples::Samples,
};

/// Steps the loss that is shown is averaged over: one batch's loss jumps too much to read.
const LOSS_OVER: f64 = 50.0;

/// What is trained, on what, and how.
pub struct Training<'a> {
    /// The pool.
    pub compute: &'a Compute,
    /// The worker's voice.
    pub emitter: &'a Emitter,
    /// How.
    pub settings: &'a Train,
    /// The inputs.
    pub samples: &'a dyn Samples,
    /// The examples to learn from; those held out for validation are drawn from them.
    pub examples: &'a [usize],
    /// Labels of all examples of the split.
    pub labels: &'a [u32],
    /// Number of classes.
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
    /// The parts, in their order.
    pub networks: Vec<Network>,
    /// Epochs trained.
    pub epochs: usize,
}

/// The best epoch so far, by validation loss.
struct Best {
    loss: f64,
    epoch: usize,
    networks: Vec<Network>,
}

impl Training<'_> {
    /// Trains `parts`, the output of each being the input of the next.
    pub fn run(&self, parts: Vec<Part>) -> Result<Trained, WorkerError> {
        let fail = |source| WorkerError::Engine {
            stage: "training".to_owned(),
            source,
        };
        let stream = |use_: &str| Stream::new(self.seed, &format!("{use_}/{}", self.role));
        let Train {
            epochs,
            batch_size,
            validation,
            patience,
            ..
        } = *self.settings;
        let (mut order, held_out) = hold_out(
            self.labels,
            self.examples,
            self.classes,
            validation,
            &mut stream("validation"),
        );
        if order.is_empty() {
            return Err(WorkerError::Experiment {
                message: format!("`validation = {validation}` leaves nothing to learn from"),
                hint: Some("use a smaller share or more training samples".to_owned()),
            });
        }
        let mut settings = settings(self.settings, order.len().div_ceil(batch_size) as u64);
        settings.class_weights = self.class_weights(&order);
        let (mut shuffle, mut vary) = (stream("shuffle"), stream("augment"));
        let mut trainer =
            Trainer::new(self.compute, parts, settings, stream("dropout")).map_err(fail)?;
        let total = (epochs * order.len()) as u64;
        let mut shown_loss = None;
        let mut best: Option<Best> = None;
        let mut last = 0;
        for epoch in 1..=epochs {
            if let Some((after, multipliers)) = &self.unfreeze
                && epoch == after + 1
            {
                trainer
                    .set_multipliers(0, multipliers.clone())
                    .map_err(fail)?;
            }
            let begun = Instant::now();
            shuffle.shuffle(&mut order);
            let (mut loss_sum, mut correct, mut done) = (0.0, 0, 0);
            batches::each(
                self.samples,
                self.labels,
                &order,
                batch_size,
                &mut vary,
                |batch| {
                    let Step {
                        loss,
                        correct: hits,
                    } = trainer.step(&batch.inputs, &batch.labels).map_err(fail)?;
                    let loss = f64::from(loss);
                    loss_sum += loss * batch.labels.len() as f64;
                    correct += hits;
                    done += batch.labels.len();
                    let shown = shown_loss.unwrap_or(loss);
                    shown_loss = Some(shown + (loss - shown) / LOSS_OVER);
                    self.emitter.step(Progress {
                        done: ((epoch - 1) * order.len() + done) as u64,
                        total,
                        unit: "images",
                        epoch: count(epoch),
                        loss: shown_loss,
                    })
                },
            )?;
            let seconds = begun.elapsed().as_secs_f64();
            let networks = || {
                trainer
                    .parts()
                    .iter()
                    .map(|part| part.network.clone())
                    .collect()
            };
            let validation = self.validate(&held_out, networks())?;
            self.emitter.emit(Event::EpochEnded {
                stage: self.emitter.stage(),
                figures: EpochFigures {
                    epoch: count(epoch),
                    epochs: count(epochs),
                    loss: loss_sum / order.len() as f64,
                    accuracy: correct as f64 / order.len() as f64,
                    validation_loss: validation.map(|(loss, _)| loss),
                    validation_accuracy: validation.map(|(_, accuracy)| accuracy),
                    per_second: order.len() as f64 / seconds,
                    seconds,
                },
            })?;
            last = epoch;
            let (Some(patience), Some((loss, _))) = (patience, validation) else {
                continue;
            };
            if best.as_ref().is_none_or(|best| loss < best.loss) {
                best = Some(Best {
                    loss,
                    epoch,
                    networks: networks(),
                });
            } else if best
                .as_ref()
                .is_some_and(|best| epoch - best.epoch >= patience)
            {
                break;
            }
        }
        let networks = match best {
            Some(best) => best.networks,
            None => trainer
                .into_parts()
                .into_iter()
                .map(|part| part.network)
                .collect(),
        };
        Ok(Trained {
            networks,
            epochs: last,
        })
    }

    /// Loss and accuracy on the samples held out; `None` without any.
    fn validate(
        &self,
        held_out: &[usize],
        networks: Vec<Network>,
    ) -> Result<Option<(f64, f64)>, WorkerError> {
        if held_out.is_empty() {
            return Ok(None);
        }
        let networks: Vec<&Network> = networks.iter().collect();
        let (compute, classes) = (self.compute, self.classes);
        let scores = evaluate::scores(compute, &networks, self.samples, held_out, classes, |_| {
            Ok(())
        })?;
        let labels = || held_out.iter().map(|&example| self.labels[example]);
        let correct = evaluate::correct(&scores, labels(), classes);
        let loss = evaluate::cross_entropy(&scores, labels(), classes);
        Ok(Some((loss, correct as f64 / held_out.len() as f64)))
    }

    /// The weight of each class in the loss. Balanced as in scikit-learn: samples over classes
    /// times samples of the class.
    fn class_weights(&self, examples: &[usize]) -> Option<Vec<f32>> {
        match self.settings.class_weights.as_ref()? {
            ClassWeights::Listed(weights) => {
                Some(weights.iter().map(|weight| *weight as f32).collect())
            }
            ClassWeights::Balanced => {
                let mut counts = vec![0_usize; self.classes];
                for &example in examples {
                    counts[self.labels[example] as usize] += 1;
                }
                let all = examples.len() as f32 / self.classes as f32;
                Some(
                    counts
                        .iter()
                        .map(|count| all / (*count).max(1) as f32)
                        .collect(),
                )
            }
        }
    }
}

/// Epochs are few enough for an event's number: the experiment file allows no more.
fn count(epochs: usize) -> u32 {
    u32::try_from(epochs).unwrap_or(u32::MAX)
}

/// The engine's settings: what the file gives in epochs becomes steps.
fn settings(train: &Train, steps_per_epoch: u64) -> TrainSettings {
    let optimizer = match train.optimizer {
        OptimizerName::Sgd => Optimizer::Sgd {
            momentum: train.momentum as f32,
            nesterov: train.nesterov,
        },
        OptimizerName::Adam => Optimizer::ADAM,
        OptimizerName::AdamW => Optimizer::ADAMW,
    };
    let total = train.epochs as u64 * steps_per_epoch;
    let shape = match train.schedule {
        ScheduleName::Constant => topwork_engine::ScheduleShape::Constant,
        ScheduleName::Step { every, factor } => topwork_engine::ScheduleShape::Step {
            every: every as u64 * steps_per_epoch,
            factor: factor as f32,
        },
        ScheduleName::Cosine => topwork_engine::ScheduleShape::Cosine { to: 0.0 },
        ScheduleName::OneCycle => topwork_engine::ScheduleShape::ONE_CYCLE,
    };
    let warm_up = (train.warm_up * steps_per_epoch as f64).round() as u64;
    TrainSettings {
        weight_decay: train.weight_decay as f32,
        schedule: Schedule {
            shape,
            warm_up,
            total,
        },
        label_smoothing: train.label_smoothing as f32,
        clip_norm: train.clip_norm.map(|norm| norm as f32),
        ..TrainSettings::new(optimizer, train.learning_rate as f32)
    }
}
