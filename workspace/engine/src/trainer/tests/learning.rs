//! What is said to learn learns, and what is said to be frozen keeps every bit.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;
use crate::example_networks::blocks;
use crate::layers::tests::lived_in;

/// What one layer has: weight, bias, running mean, running variance.
fn arrays(network: &Network) -> Vec<(&str, Vec<Arc<Vec<f32>>>)> {
    let names = network.blueprint().layers().iter();
    let names = names.map(|layer| layer.name.as_str());
    let values = network.layers().iter().map(|layer| {
        let own = layer.arrays.iter().map(|weight| Arc::clone(&weight.values));
        own.collect()
    });
    names.zip(values).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::with_cases(256) })]

    /// Two steps, with other multipliers at the second.
    #[test]
    fn layers_learn_where_they_are_said_to_and_nowhere_else(
        kinds in proptest::collection::vec(0u8..10, 1..4),
        learns in proptest::collection::vec(any::<bool>(), 96),
        frozen_below in [0usize..24, 0usize..24],
        optimizer in proptest::sample::select(vec![
            sgd(0.0), sgd(0.9), Optimizer::Sgd { momentum: 0.9, nesterov: true }, Optimizer::ADAM, Optimizer::ADAMW,
        ]),
        weight_decay in proptest::sample::select(vec![0.0, 0.01]),
        clip_norm in proptest::option::of(Just(1.0)),
        fused: bool, seed in 0u64..1000,
    ) {
        let blueprint = blocks(&kinds);
        let layers = blueprint.layers().len();
        let multipliers = |step: usize| -> Vec<f32> {
            let mut multipliers: Vec<f32> =
                learns[48 * step..][..layers].iter().map(|&learns| f32::from(learns) * 0.5).collect();
            multipliers[..frozen_below[step].min(layers)].fill(0.0);
            multipliers
        };
        let rate = match optimizer {
            Optimizer::Sgd { .. } => 1.0,
            _ => 0.05,
        };
        let settings = TrainSettings { weight_decay, clip_norm, ..settings(optimizer, rate) };
        let compute = Compute::new(2).unwrap();
        let network = lived_in(&blueprint, seed);
        let mut trainer = trainer(&compute, vec![Part::trained(network)], settings);
        if !fused {
            trainer = trainer.without_fusion();
        }
        for step in 0..2 {
            if trainer.set_multipliers(0, multipliers(step)).is_err() {
                continue;
            }
            let before = trainer.parts()[0].network.clone();
            let (images, labels) = (numbers(12 * 98, seed), labels(12, 4, seed));
            trainer.step(&images, &labels).unwrap();
            let part = &trainer.parts()[0];
            let pairs = arrays(&before).into_iter().zip(arrays(&part.network));
            for (((name, before), (_, after)), &multiplier) in pairs.zip(part.multipliers()) {
                for (array, (before, after)) in before.iter().zip(&after).enumerate() {
                    prop_assert_eq!(
                        before != after, multiplier > 0.0,
                        "layer {}, array {}, in {:?}", name, array, part.network.blueprint()
                    );
                }
            }
        }
    }
}
