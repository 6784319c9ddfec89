//! Tokens, attention and norms without scales: the same bits however they are run, and after a break.

use super::*;

/// A block of a transformer behind a few places of a map.
const BLOCK: &str = r#"{"format": 1, "input": [2, 6, 6], "layers": [
    {"name": "patches", "op": "conv2d", "filters": 16, "kernel": [2, 2], "stride": [2, 2]},
    {"name": "bn", "op": "batch-norm2d", "affine": false},
    {"name": "tokens", "op": "tokens"},
    {"name": "norm1", "op": "layer-norm"},
    {"name": "attention", "op": "attention", "heads": 4},
    {"name": "scale", "op": "scale", "initial": 0.5},
    {"name": "add", "op": "add", "inputs": ["scale", "tokens"]},
    {"name": "norm2", "op": "layer-norm"},
    {"name": "fc1", "op": "linear", "units": 24},
    {"name": "act", "op": "gelu-tanh"},
    {"name": "fc2", "op": "linear", "units": 16},
    {"name": "add2", "op": "add", "inputs": ["fc2", "add"]},
    {"name": "flatten", "op": "flatten"},
    {"name": "bn2", "op": "batch-norm1d", "affine": false},
    {"name": "swish", "op": "hard-swish"},
    {"name": "logits", "op": "linear", "units": 3}]}"#;

fn batch(seed: u64) -> (Vec<f32>, Vec<u32>) {
    (numbers(21 * 72, seed), labels(21, 3, seed))
}

fn steps(trainer: &mut Trainer<'_>, seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let (images, labels) = batch(seed);
        trainer.step(&images, &labels).unwrap();
    }
}

#[test]
fn a_transformer_trains_and_computes_to_the_same_bits_however_it_is_run() {
    let run = |threads: usize, fused: bool| {
        let compute = Compute::new(threads).unwrap();
        let parts = vec![Part::trained(network(BLOCK, 1))];
        let mut trainer = trainer(&compute, parts, settings(Optimizer::ADAMW, 1e-2));
        if !fused {
            trainer = trainer.without_fusion();
        }
        steps(&mut trainer, 0..3);
        let trained = &trainer.parts()[0].network;
        let (images, _) = batch(9);
        let mut outputs = vec![0.0; 21 * 3];
        trained.forward(&compute, &images, &mut outputs).unwrap();
        let singly = images.chunks_exact(72).flat_map(|image| {
            let mut output = vec![0.0; 3];
            trained.forward(&compute, image, &mut output).unwrap();
            output
        });
        assert_eq!(singly.collect::<Vec<f32>>(), outputs, "{threads} threads");
        (digests(trainer.parts()), outputs)
    };
    let alone = run(1, true);
    assert_ne!(alone.0[0], network(BLOCK, 1).digest());
    for threads in [2, 4] {
        assert_eq!(run(threads, true), alone, "{threads} threads");
    }
    assert_eq!(run(2, false), alone, "without fusion");
}

#[test]
fn every_array_of_a_layer_learns_and_goes_on_after_a_break() {
    let compute = Compute::new(2).unwrap();
    let start = network(BLOCK, 1);
    let new = |network: Network| {
        let parts = vec![Part::trained(network)];
        trainer(&compute, parts, settings(Optimizer::ADAM, 1e-2))
    };
    let mut whole = new(start.clone());
    steps(&mut whole, 0..2);
    let mut resumed = new(whole.parts()[0].network.clone());
    resumed.restore(&whole.state().unwrap()).unwrap();
    for trainer in [&mut whole, &mut resumed] {
        steps(trainer, 2..4);
    }
    assert_eq!(digests(whole.parts()), digests(resumed.parts()));
    assert_eq!(whole.state().unwrap(), resumed.state().unwrap());
    let after = whole.parts()[0].network.weights();
    let names: Vec<&str> = start.weights().map(|array| array.name.as_str()).collect();
    assert!(
        names.contains(&"attention.qkv.weight") && !names.contains(&"bn.weight"),
        "{names:?}"
    );
    for (before, after) in start.weights().zip(after) {
        assert_ne!(before.values, after.values, "{}", before.name);
    }
}

/// A frozen norm without scales keeps its statistics; a gradient passes it all the same.
#[test]
fn a_frozen_norm_without_scales_keeps_its_statistics() {
    let compute = Compute::new(2).unwrap();
    let start = network(BLOCK, 1);
    let multipliers = (0..16).map(|layer| f32::from(layer != 1)).collect();
    let part = Part::with(start.clone(), multipliers).unwrap();
    let mut trainer = trainer(&compute, vec![part], settings(sgd(0.0), 0.1));
    steps(&mut trainer, 0..2);
    let after = trainer.parts()[0].network.weights();
    for (before, after) in start.weights().zip(after) {
        let frozen = before.name.starts_with("bn.");
        assert_eq!(before.values == after.values, frozen, "{}", before.name);
    }
}
