//! Training with multipliers per layer, batch normalisation, dropout, and a break in between.

use super::*;
use crate::layers::{Dropout, LayerOp, Site};
use crate::shape::Shape;

/// A small network with everything that behaves otherwise while it is trained.
const MIXED: &str = r#"{"format": 1, "input": [2, 6, 6], "layers": [
    {"name": "conv1", "op": "conv2d", "filters": 8, "kernel": [3, 3], "padding": [1, 1], "bias": false},
    {"name": "bn1", "op": "batch-norm2d"},
    {"name": "relu1", "op": "relu"},
    {"name": "conv2", "op": "conv2d", "filters": 8, "kernel": [3, 3], "padding": [1, 1], "bias": false},
    {"name": "bn2", "op": "batch-norm2d"},
    {"name": "add", "op": "add", "inputs": ["bn2", "relu1"]},
    {"name": "relu2", "op": "relu"},
    {"name": "dropout", "op": "dropout", "rate": 0.3},
    {"name": "pool", "op": "global-avg-pool2d"},
    {"name": "flatten", "op": "flatten"},
    {"name": "bn3", "op": "batch-norm1d"},
    {"name": "logits", "op": "linear", "units": 3}]}"#;

fn mixed_batch(seed: u64) -> (Vec<f32>, Vec<u32>) {
    (numbers(24 * 72, seed), labels(24, 3, seed))
}

#[test]
fn blocks_with_batch_norm_and_dropout_train_to_the_same_bits_however_they_are_run() {
    let run = |threads: usize, fused: bool| {
        let compute = Compute::new(threads).unwrap();
        let parts = vec![Part::trained(network(MIXED, 1))];
        let mut trainer = trainer(&compute, parts, settings(Optimizer::ADAMW, 1e-2));
        if !fused {
            trainer = trainer.without_fusion();
        }
        for seed in 0..4 {
            let (images, labels) = mixed_batch(seed);
            trainer.step(&images, &labels).unwrap();
        }
        digests(trainer.parts())
    };
    let alone = run(1, true);
    for threads in [2, 4] {
        assert_eq!(run(threads, true), alone, "{threads} threads");
    }
    assert_eq!(run(2, false), alone, "without fusion");
}

/// A frozen layer keeps its weights and its statistics; what learns beside it changes.
#[test]
fn layers_learn_as_their_multipliers_say() {
    let compute = Compute::new(2).unwrap();
    let start = network(MIXED, 1);
    for frozen in [0..0, 0..3, 3..7, 1..2, 0..11, 4..12, 10..11] {
        let multipliers = (0..12).map(|layer| if frozen.contains(&layer) { 0.0 } else { 0.5 });
        let part = Part::with(start.clone(), multipliers.collect()).unwrap();
        let mut trainer = trainer(&compute, vec![part], settings(sgd(0.9), 0.1));
        for seed in 0..2 {
            let (images, labels) = mixed_batch(seed);
            trainer.step(&images, &labels).unwrap();
        }
        let after = &trainer.parts()[0].network;
        for (layer, (before, after)) in start.layers().iter().zip(after.layers()).enumerate() {
            let learns = !frozen.contains(&layer);
            let name = &start.blueprint().layers()[layer].name;
            let (first, changed): (_, Vec<bool>) = (
                before.learned().next(),
                (before.arrays.iter().zip(&after.arrays))
                    .map(|(before, after)| before.values != after.values)
                    .collect(),
            );
            let kept = before.arrays.iter().any(|array| !array.learned);
            if first.is_some() {
                assert_eq!(changed[0], learns, "{name} of {frozen:?}");
            }
            if kept {
                assert_eq!(changed[2..].contains(&true), learns, "{name} of {frozen:?}");
            }
        }
    }
}

/// With everything but the last layer frozen, training sees what evaluation gives: no batch statistics, no
/// dropout.
#[test]
fn frozen_layers_compute_as_in_evaluation() {
    let compute = Compute::new(2).unwrap();
    let (images, labels) = mixed_batch(3);
    let whole = network(MIXED, 1);
    let multipliers = (0..12).map(|layer| f32::from(layer == 11)).collect();
    let mut whole_trainer = trainer(
        &compute,
        vec![Part::with(whole.clone(), multipliers).unwrap()],
        settings(Optimizer::ADAM, 0.1),
    );
    let mut logits = vec![0.0; labels.len() * 3];
    whole.forward(&compute, &images, &mut logits).unwrap();
    let step = whole_trainer.step(&images, &labels).unwrap();
    let loss = logits.chunks_exact(3).zip(&labels).map(|(logits, &label)| {
        let total: f32 = logits.iter().map(|logit| logit.exp()).sum();
        total.ln() - logits[label as usize]
    });
    let loss = loss.sum::<f32>() / labels.len() as f32;
    assert!((step.loss - loss).abs() < 1e-5, "{} {loss}", step.loss);
}

/// A multiplier scales the step of plain descent exactly.
#[test]
fn a_multiplier_is_a_learning_rate_of_its_own() {
    let compute = Compute::new(1).unwrap();
    let run = |rate: f32, multiplier: f32| {
        let part = Part::with(network(HEAD, 2), vec![multiplier; 3]).unwrap();
        let mut trainer = trainer(&compute, vec![part], settings(sgd(0.9), rate));
        for seed in 0..3 {
            trainer
                .step(&numbers(8 * 800, seed), &labels(8, 5, seed))
                .unwrap();
        }
        digests(trainer.parts())
    };
    assert_eq!(run(0.5, 0.25), run(0.125, 1.0));
    assert_ne!(run(0.5, 0.25), run(0.5, 0.5));
}

/// With its state and its weights, a training goes on as if there had been no break.
#[test]
fn a_training_goes_on_to_the_bit() {
    let compute = Compute::new(2).unwrap();
    let mut rules = settings(Optimizer::ADAM, 0.05);
    rules.schedule = crate::Schedule {
        shape: crate::ScheduleShape::Cosine { to: 0.0 },
        warm_up: 2,
        total: 8,
    };
    let frozen_first: Vec<f32> = (0..12).map(|layer| f32::from(layer >= 3)).collect();
    let part = Part::with(network(MIXED, 1), frozen_first).unwrap();
    let mut whole = trainer(&compute, vec![part], rules.clone());
    let mut saved = None;
    for step in 0..8 {
        if step == 2 {
            whole.set_multipliers(0, vec![1.0; 12]).unwrap();
        }
        if step == 4 {
            saved = Some((whole.state().unwrap(), whole.parts()[0].network.clone()));
            assert_eq!(whole.state().unwrap(), saved.as_ref().unwrap().0);
        }
        let (images, labels) = mixed_batch(step);
        whole.step(&images, &labels).unwrap();
    }
    let (state, weights) = saved.unwrap();
    let dropout = Stream::new(99, "another stream");
    let mut resumed = Trainer::new(
        &compute,
        vec![Part::frozen(weights.clone())],
        rules.clone(),
        dropout,
    );
    assert!(resumed.is_err(), "frozen parts alone cannot be trained");
    let dropout = Stream::new(99, "another stream");
    resumed = Trainer::new(&compute, vec![Part::trained(weights)], rules, dropout);
    let mut resumed = resumed.unwrap();
    assert_eq!(resumed.learning_rate(), 0.05 / 3.0, "of a new training");
    resumed.restore(&state).unwrap();
    for step in 4..8 {
        let (images, labels) = mixed_batch(step);
        resumed.step(&images, &labels).unwrap();
    }
    assert_eq!(digests(resumed.parts()), digests(whole.parts()));
    assert_eq!(resumed.state().unwrap(), whole.state().unwrap());

    let mut other = trainer(
        &compute,
        vec![part_of_head()],
        settings(Optimizer::ADAM, 0.05),
    );
    let before = other.state().unwrap();
    let errors =
        [&state[..], &state[..20]].map(|bytes| other.restore(bytes).unwrap_err().to_string());
    assert_eq!(
        errors[0],
        "training state does not fit: `part0/multipliers` is of another type or length"
    );
    assert_eq!(
        other.state().unwrap(),
        before,
        "a failed restore changes nothing"
    );
}

fn part_of_head() -> Part {
    Part::trained(network(HEAD, 2))
}

#[test]
fn multipliers_are_checked_before_anything_changes() {
    let compute = Compute::new(1).unwrap();
    let mut trainer = trainer(
        &compute,
        vec![part_of_head()],
        settings(Optimizer::ADAM, 0.05),
    );
    let mut lines = Vec::new();
    for (part, multipliers) in [
        (1, vec![1.0; 3]),
        (0, vec![1.0; 2]),
        (0, vec![1.0, -0.5, 1.0]),
        (0, vec![0.0, 1.0, 0.0]),
    ] {
        lines.push(
            trainer
                .set_multipliers(part, multipliers)
                .unwrap_err()
                .to_string(),
        );
        assert_eq!(trainer.parts()[0].multipliers(), [1.0; 3]);
    }
    assert_eq!(
        lines,
        [
            "there is no part 1, expected 0 to 0",
            "2 learning-rate multipliers for 3 layers, expected one each",
            "learning-rate multiplier is -0.5, expected 0 or more",
            "no part with weights is to be trained, expected one or more",
        ]
    );
}

/// Dropout sets the share it says to zero, makes good for it, and is another one at every step.
#[test]
fn dropout_keeps_the_mean() {
    let mut stream = Stream::new(5, "dropout");
    let layer = LayerOp::from(Dropout { rate: 0.25 });
    let shape = Shape::features(1000);
    let site = Site {
        inputs: &[shape],
        output: shape,
        learns: true,
    };
    let operation = layer.layer().operation(&site).unwrap();
    let mut scales = vec![f32::NAN; 20_000];
    operation.draw(&mut stream, &mut scales);
    let zeros = scales.iter().filter(|&&scale| scale == 0.0).count();
    assert!(zeros.abs_diff(5000) < 250, "{zeros}");
    assert!(
        scales
            .iter()
            .all(|&scale| scale == 0.0 || scale == 1.0 / 0.75)
    );
    let first = scales.clone();
    operation.draw(&mut stream, &mut scales);
    assert_ne!(scales, first);
}
