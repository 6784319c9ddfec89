//! From the experiment file's settings of a training to the engine's.

use topwork_engine::{NumberLoss, Optimizer, Schedule, ScheduleShape, TrainSettings};
use topwork_measure::{TargetKind, Targets};
use topwork_schema::{
    ClassWeights, Loss, Optimizer as OptimizerName, Schedule as ScheduleName, Train,
};

/// The engine's settings: what the file gives in epochs becomes steps.
pub fn settings(train: &Train, targets: Targets<'_>, steps_per_epoch: u64) -> TrainSettings {
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
        ScheduleName::Constant => ScheduleShape::Constant,
        ScheduleName::Step { every, factor } => ScheduleShape::Step {
            every: every as u64 * steps_per_epoch,
            factor: factor as f32,
        },
        ScheduleName::Cosine => ScheduleShape::Cosine { to: 0.0 },
        ScheduleName::OneCycle => ScheduleShape::ONE_CYCLE,
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
        number_loss: number_loss(train, targets),
        ..TrainSettings::new(optimizer, train.learning_rate as f32)
    }
}

/// The loss of numbers, or of several labels.
pub fn number_loss(train: &Train, targets: Targets<'_>) -> NumberLoss {
    if targets.kind() == TargetKind::Multilabel {
        return NumberLoss::BinaryCrossEntropy;
    }
    match train.loss.unwrap_or_default() {
        Loss::Squared => NumberLoss::Squared,
        Loss::Huber => NumberLoss::Huber {
            delta: train.huber_delta.unwrap_or(1.0) as f32,
        },
    }
}

/// What a training is recognised by. Checkpoints of classes were written before there was a loss to be chosen: without one
/// nothing is said of it.
pub fn recognised(train: &Train) -> String {
    format!("{train:?}").replace(", loss: None, huber_delta: None", "")
}

/// The weight of each class in the loss. Balanced as in scikit-learn: samples over classes
/// times samples of the class.
pub fn class_weights(
    train: &Train,
    examples: &[usize],
    targets: Targets<'_>,
    classes: usize,
) -> Option<Vec<f32>> {
    match train.class_weights.as_ref()? {
        ClassWeights::Listed(weights) => {
            Some(weights.iter().map(|weight| *weight as f32).collect())
        }
        ClassWeights::Balanced => {
            let labels = targets.classes();
            let mut counts = vec![0_usize; classes];
            for &example in examples {
                counts[labels[example] as usize] += 1;
            }
            let all = examples.len() as f32 / classes as f32;
            Some(
                counts
                    .iter()
                    .map(|count| all / (*count).max(1) as f32)
                    .collect(),
            )
        }
    }
}
