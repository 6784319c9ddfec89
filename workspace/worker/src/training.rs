//! Epochs over samples, wherever the samples come from.

use std::time::Instant;

use topwork_engine::{Compute, Optimizer, Part, Step, Stream, TrainSettings, Trainer};
use topwork_events::{EpochFigures, Event};
use topwork_schema::{Optimizer as OptimizerName, Train};

use crate::{
    WorkerError,
    emitter::{Emitter, Progress},
};

/// Steps the loss that is shown is averaged over: one batch's loss jumps too much to read.
const LOSS_OVER: f64 = 50.0;

/// Trains `parts` for the epochs of `train` on `samples` samples. `batch` puts the inputs of
/// the samples with these indices into the buffer, and their labels.
pub fn train(
    compute: &Compute,
    emitter: &Emitter,
    parts: Vec<Part>,
    train: &Train,
    samples: usize,
    shuffle: &mut Stream,
    mut batch: impl FnMut(&[usize], &mut Vec<f32>, &mut Vec<u32>) -> Result<(), WorkerError>,
) -> Result<Vec<Part>, WorkerError> {
    let fail = |source| WorkerError::Engine {
        stage: "training".to_owned(),
        source,
    };
    let mut trainer = Trainer::new(compute, parts, settings(train)).map_err(fail)?;
    let mut order: Vec<usize> = (0..samples).collect();
    let (mut inputs, mut labels) = (Vec::new(), Vec::new());
    let (epochs, total) = (train.epochs as u32, (train.epochs * samples) as u64);
    let mut shown_loss = None;
    for epoch in 1..=epochs {
        let begun = Instant::now();
        shuffle.shuffle(&mut order);
        let (mut loss_sum, mut correct, mut done) = (0.0, 0, 0);
        for indices in order.chunks(train.batch_size) {
            batch(indices, &mut inputs, &mut labels)?;
            let Step {
                loss,
                correct: hits,
            } = trainer.step(&inputs, &labels).map_err(fail)?;
            let loss = f64::from(loss);
            loss_sum += loss * indices.len() as f64;
            correct += hits;
            done += indices.len();
            let weight = 1.0 / LOSS_OVER;
            shown_loss =
                Some(shown_loss.map_or(loss, |shown: f64| shown + weight * (loss - shown)));
            let done = (epoch as usize - 1) * samples + done;
            emitter.step(Progress {
                done: done as u64,
                total,
                unit: "images",
                epoch,
                loss: shown_loss,
            })?;
        }
        let seconds = begun.elapsed().as_secs_f64();
        emitter.emit(Event::EpochEnded {
            stage: emitter.stage(),
            figures: EpochFigures {
                epoch,
                epochs,
                loss: loss_sum / samples as f64,
                accuracy: correct as f64 / samples as f64,
                per_second: samples as f64 / seconds,
                seconds,
            },
        })?;
    }
    Ok(trainer.into_parts())
}

fn settings(train: &Train) -> TrainSettings {
    TrainSettings {
        optimizer: match train.optimizer {
            OptimizerName::Sgd => Optimizer::Sgd {
                momentum: train.momentum as f32,
            },
            OptimizerName::Adam => Optimizer::ADAM,
        },
        learning_rate: train.learning_rate as f32,
        weight_decay: train.weight_decay as f32,
    }
}
