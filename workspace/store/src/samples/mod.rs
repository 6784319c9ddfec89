//! What viewers draw but events are too small for: a sample of feature vectors and of test
//! images, in the run folder's `samples/`.
//!
//! Files are safetensors with metadata, written by the worker as a whole and never changed. A
//! run of an older version, or one that ended early, simply has none. The caps keep a run
//! folder small whatever the network and the dataset: see [`FeatureSample::BYTES`] and
//! [`ImageSample::BYTES`].

mod features;
mod images;
mod tensors;

pub use features::FeatureSample;
pub use images::ImageSample;

/// `count` of `all` positions, evenly spaced and ascending; all of them when there are no more.
/// A sample that needs no chance is the same for every seed and every strategy.
pub fn evenly_spaced(all: usize, count: usize) -> Vec<usize> {
    let count = count.min(all);
    (0..count).map(|index| index * all / count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_evenly_spaced() {
        let check = |all, count, expected: &[usize]| {
            assert_eq!(evenly_spaced(all, count), expected, "{count} of {all}");
        };
        check(10, 5, &[0, 2, 4, 6, 8]);
        check(10, 3, &[0, 3, 6]);
        check(3, 10, &[0, 1, 2]);
        check(4, 0, &[]);
        check(0, 4, &[]);
    }
}
