//! Networks of which some layers learn: fused and not, their gradients are those of the definition.

use super::*;
use crate::example_networks::blocks;

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::with_cases(192) })]

    #[test]
    fn gradients_of_partly_frozen_networks_equal_finite_differences(
        kinds in proptest::collection::vec(0u8..10, 1..4),
        learns in proptest::collection::vec(any::<bool>(), 48),
        frozen_below in 0usize..24, input: bool, seed in 0u64..1000,
    ) {
        let blueprint = blocks(&kinds);
        let layers = blueprint.layers().len();
        let mut learns = learns[..layers].to_vec();
        learns[..frozen_below.min(layers - 1)].fill(false);
        learns[layers - 1] |= !input;
        let training = Training { learns: &learns, input };
        check_training(&blueprint, 3, seed, false, training);
    }
}
