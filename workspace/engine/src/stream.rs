//! Named random streams: every use of chance (initial weights, shuffling, subsets) draws from its own
//! stream, so that adding one use never changes the numbers another one sees.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// A reproducible source of random numbers, named after what it is used for.
///
/// The generator is ChaCha with 8 rounds (Bernstein, "ChaCha, a variant of Salsa20", 2008), keyed with
/// `SHA-256(seed as 8 little-endian bytes ‖ name as UTF-8)`. All draws are defined here in terms of the
/// generator's raw 32- and 64-bit words, so that they depend on no other library's sampling code:
/// the same seed and name give the same draws in every version and on every machine.
#[derive(Clone, Debug)]
pub struct Stream {
    words: ChaCha8Rng,
}

impl Stream {
    /// The stream called `name` under an experiment's `seed`.
    pub fn new(seed: u64, name: &str) -> Self {
        let key = Sha256::new()
            .chain_update(seed.to_le_bytes())
            .chain_update(name.as_bytes())
            .finalize();
        Self {
            words: ChaCha8Rng::from_seed(key.into()),
        }
    }

    /// Where the stream stands: its key, and the number of the next 32-bit word as 16 little-endian bytes.
    pub fn position(&self) -> [u8; 48] {
        let mut position = [0; 48];
        position[..32].copy_from_slice(&self.words.get_seed());
        position[32..].copy_from_slice(&self.words.get_word_pos().to_le_bytes());
        position
    }

    /// The stream that stands at this [`Stream::position`].
    pub fn at(position: &[u8; 48]) -> Self {
        let (mut key, mut word) = ([0; 32], [0; 16]);
        key.copy_from_slice(&position[..32]);
        word.copy_from_slice(&position[32..]);
        let mut words = ChaCha8Rng::from_seed(key);
        words.set_word_pos(u128::from_le_bytes(word));
        Self { words }
    }

    /// A number from `low` (included) to `high` (reached only when rounding lands on it).
    ///
    /// Takes the upper 24 bits of one 32-bit word, so the distance between neighbours is
    /// `(high - low) / 2^24`.
    pub fn uniform(&mut self, low: f32, high: f32) -> f32 {
        let unit = (self.words.next_u32() >> 8) as f32 / (1u32 << 24) as f32;
        low + (high - low) * unit
    }

    /// A whole number from 0 to `n - 1`, each equally likely; 0 when `n` is 0.
    ///
    /// Multiplies a 64-bit word by `n` and rejects the few words that would favour some results
    /// (Lemire, "Fast random integer generation in an interval", 2019).
    pub fn below(&mut self, n: usize) -> usize {
        let n = n as u64;
        if n == 0 {
            return 0;
        }
        let favoured = n.wrapping_neg() % n;
        loop {
            let product = u128::from(self.words.next_u64()) * u128::from(n);
            if product as u64 >= favoured {
                return (product >> 64) as usize;
            }
        }
    }

    /// Puts `items` into a random order, each order equally likely
    /// (Fisher–Yates from the last item down; Knuth, TAOCP volume 2, algorithm P).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_the_hash_of_seed_and_name() {
        let mut direct = ChaCha8Rng::from_seed(
            Sha256::digest([&7u64.to_le_bytes()[..], b"init"].concat()).into(),
        );
        let mut stream = Stream::new(7, "init");
        assert_eq!(stream.words.next_u64(), direct.next_u64());
    }

    #[test]
    fn draws_never_change_between_versions() {
        let mut stream = Stream::new(42, "shuffle");
        let uniform = [0; 4].map(|_| stream.uniform(-1.0, 1.0).to_bits());
        let below = [10, 1, 1000, 1 << 31].map(|n| stream.below(n));
        let mut items: Vec<u8> = (0..10).collect();
        stream.shuffle(&mut items);
        // Computed by a separate implementation of ChaCha and of the draws.
        assert_eq!(uniform, [0x3e655fb8, 0xbf1041a8, 0xbeff7968, 0x3f085a3a]);
        assert_eq!(below, [2, 0, 574, 1952883551]);
        assert_eq!(items, [8, 1, 7, 2, 6, 5, 4, 9, 3, 0]);
    }

    #[test]
    fn seed_and_name_each_make_another_stream() {
        let first = |seed, name: &str| Stream::new(seed, name).words.next_u64();
        assert_ne!(first(1, "init"), first(2, "init"));
        assert_ne!(first(1, "init"), first(1, "shuffle"));
    }

    #[test]
    fn draws_stay_in_range_and_spread_evenly() {
        let mut stream = Stream::new(3, "range");
        let mut counts = [0usize; 7];
        for _ in 0..70_000 {
            counts[stream.below(7)] += 1;
            let value = stream.uniform(-0.25, 0.75);
            assert!((-0.25..=0.75).contains(&value));
        }
        // Standard deviation of each count is 93; five of them either way.
        for count in counts {
            assert!(count.abs_diff(10_000) < 465, "{counts:?}");
        }
        assert_eq!(stream.below(0), 0);
    }

    #[test]
    fn a_stream_goes_on_from_its_position() {
        let mut stream = Stream::new(3, "position");
        for draws in 0..40 {
            let mut other = Stream::at(&stream.position());
            assert_eq!(other.position(), stream.position());
            let next = |stream: &mut Stream| (stream.uniform(0.0, 1.0), stream.below(1000));
            assert_eq!(next(&mut other), next(&mut stream), "after {draws} draws");
        }
    }

    #[test]
    fn a_shuffle_keeps_every_item_and_reaches_every_order() {
        let mut stream = Stream::new(5, "orders");
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..500 {
            let mut items = [0, 1, 2, 3];
            stream.shuffle(&mut items);
            seen.insert(items);
        }
        assert_eq!(seen.len(), 24);
    }
}
