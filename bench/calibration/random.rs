//! Draws of the simulations: a stream for every draw, so that threads may take them in any order.

use std::sync::LazyLock;

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use statrs::distribution::{ContinuousCDF, Normal};

pub struct Random {
    words: ChaCha8Rng,
}

const CELLS: usize = 1 << 14;
/// The normal quantile at the ends of so many cells of the same probability. Between them it is nearly a
/// line, to 1e-5, but for the outermost cells.
static QUANTILES: LazyLock<Vec<f64>> = LazyLock::new(|| {
    let quantile = |cell| Normal::standard().inverse_cdf(cell as f64 / CELLS as f64);
    (0..=CELLS).map(quantile).collect()
});
/// Of the outermost cells, on either side.
const CURVED: usize = 64;

impl Random {
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut words = ChaCha8Rng::seed_from_u64(seed);
        words.set_stream(stream);
        Self { words }
    }

    /// Uniform between 0 and 1, never 0.
    pub fn uniform(&mut self) -> f64 {
        ((self.words.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// Standard normal, by the inverse of its distribution function: the simulations take billions.
    pub fn normal(&mut self) -> f64 {
        let uniform = self.uniform();
        let place = uniform * CELLS as f64;
        let cell = place as usize;
        if (CURVED..CELLS - CURVED).contains(&cell) {
            let (low, high) = (QUANTILES[cell], QUANTILES[cell + 1]);
            low + (place - cell as f64) * (high - low)
        } else {
            // Never infinite: 0 is not drawn, and 1 is drawn as the number below it.
            Normal::standard().inverse_cdf(uniform.min(1.0 - f64::EPSILON))
        }
    }

    pub fn normals(&mut self, count: usize) -> Vec<f64> {
        (0..count).map(|_| self.normal()).collect()
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = (self.uniform() * (last + 1) as f64) as usize;
            items.swap(last, other.min(last));
        }
    }
}
