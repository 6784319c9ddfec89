//! Cross-entropy with label smoothing and class weights, the losses of numbers, and the count of correct answers.

use dfdx::losses::{
    binary_cross_entropy_with_logits_loss, cross_entropy_with_logits_loss, huber_loss, mse_loss,
};
use dfdx::tensor::{AsArray, Cpu, PutTape, Tape as _, TensorFromVec};
use dfdx::tensor_ops::Backward;

use crate::compute::Buffers;
use crate::error::EngineError;
use crate::optimizer::{NumberLoss, TrainSettings};
use crate::tape::{Gradients, Tape, Value, Variable};

/// What is true of the samples of a batch.
#[derive(Clone, Copy)]
pub(super) enum Wanted<'a> {
    Classes(&'a [u32]),
    /// As many for each sample as there are outputs.
    Numbers(&'a [f32]),
}

/// The loss of a batch by dfdx's cross-entropy or its losses of numbers, and everything the tape gives for it where it
/// is finite.
pub(super) fn loss_and_gradients(
    device: &Cpu,
    buffers: &Buffers,
    mut tape: Tape,
    (outputs, samples): (&Value, usize),
    wanted: Wanted<'_>,
    settings: &TrainSettings,
) -> Result<(f32, Option<Gradients>), EngineError> {
    let each = outputs.numbers.len() / samples;
    let shape = (samples, each);
    let tensor = device.try_tensor_from_vec(outputs.numbers.to_vec(), shape)?;
    let targets = match wanted {
        Wanted::Classes(labels) => targets(labels, each, settings),
        Wanted::Numbers(numbers) => numbers.to_vec(),
    };
    let targets = device.try_tensor_from_vec(targets, shape)?;
    // From the tensor the loss is computed from, the gradient goes over to the variable that the last
    // operation knows.
    if let Some(variable) = outputs.variable.clone() {
        let (known_to_loss, buffers) = (tensor.clone(), buffers.clone());
        tape.add_backward_op(move |gradients| {
            let gradient = std::mem::take(&mut **gradients.get_or_alloc_mut(&known_to_loss)?);
            Variable::add_gradient(&variable, gradients, buffers.adopt(gradient))
        });
    }
    let taped = tensor.put_tape(tape);
    let loss = match (wanted, settings.number_loss) {
        (Wanted::Classes(_), _) => cross_entropy_with_logits_loss(taped, targets),
        (Wanted::Numbers(_), NumberLoss::Squared) => mse_loss(taped, targets),
        (Wanted::Numbers(_), NumberLoss::Huber { delta }) => huber_loss(taped, targets, delta),
        (Wanted::Numbers(_), NumberLoss::BinaryCrossEntropy) => {
            binary_cross_entropy_with_logits_loss(taped, targets)
        }
    };
    let value = loss.array();
    match value.is_finite() {
        true => Ok((value, Some(loss.try_backward()?))),
        false => Ok((value, None)),
    }
}

/// What stands in for one-hot targets, so that the plain mean over the batch is PyTorch's
/// `cross_entropy(weight = w, label_smoothing = ε)`: class `c` of a sample labelled `y` has the target
/// `w_c ((1-ε) [c = y] + ε/classes)`, and the mean is taken over `Σ w_y`.
fn targets(labels: &[u32], classes: usize, settings: &TrainSettings) -> Vec<f32> {
    let weight = |class: usize| match &settings.class_weights {
        Some(weights) => f64::from(weights[class]),
        None => 1.0,
    };
    let total: f64 = labels.iter().map(|&label| weight(label as usize)).sum();
    let share = labels.len() as f64 / total;
    let smoothing = f64::from(settings.label_smoothing);
    let mut targets = vec![0.0; labels.len() * classes];
    for (targets, &label) in targets.chunks_exact_mut(classes).zip(labels) {
        for (class, target) in targets.iter_mut().enumerate() {
            let hit = f64::from(u8::from(class == label as usize));
            let smoothed = (1.0 - smoothing) * hit + smoothing / classes as f64;
            *target = (weight(class) * smoothed * share) as f32;
        }
    }
    targets
}

/// Samples whose first largest logit is that of their label.
pub(super) fn count_correct(logits: &[f32], labels: &[u32]) -> usize {
    let classes = logits.len() / labels.len();
    let rows = logits.chunks_exact(classes).zip(labels);
    rows.filter(|(row, label)| {
        let mut best = 0;
        for (class, &logit) in row.iter().enumerate() {
            if logit > row[best] {
                best = class;
            }
        }
        best == **label as usize
    })
    .count()
}
