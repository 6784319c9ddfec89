//! The proof that an extractor is frozen: what it says of itself and what it answers to some images of this run. Nobody can
//! look into it; what it does with the very images that heads learn from is all there is to see.
//!
//! Answers are compared to the bit, alone as in a batch: the contract of extractors promises both.

use topwork_engine::Stream;
use topwork_keys::{Digest, Sha256, hexadecimal};

use crate::{
    GraftError,
    backbone::Opaque,
    data::{SplitName, TaskExamples},
};

/// Images that are asked about, where there are so many: a statistic of sixteen images is not that of one.
const IMAGES: usize = 16;

/// So many of them are asked about alone, too, before and after each row: little beside the hundreds whose features are extracted.
/// Where every question costs a whole batch, fewer are.
fn asked_alone(opaque: &Opaque) -> usize {
    match opaque.batch() {
        Some(batch) => (IMAGES / batch).max(2),
        None => IMAGES,
    }
}

/// Images, and what an extractor answered to them when it was frozen.
pub struct Answers {
    opaque: Opaque,
    cut: usize,
    images: Vec<f32>,
    count: usize,
    /// Features, `count × numbers`.
    features: Vec<f32>,
    digest: String,
}

impl Answers {
    /// Asks an extractor, cut here, about some of these training examples, drawn by the stream `proof/images`. An error when a
    /// batch changes what it answers.
    pub fn of(
        opaque: &Opaque,
        cut: usize,
        task: &TaskExamples,
        train: &[usize],
        seed: u64,
    ) -> Result<Self, GraftError> {
        let mut drawn = train.to_vec();
        Stream::new(seed, "proof/images").shuffle(&mut drawn);
        drawn.truncate(IMAGES);
        let mut images = Vec::new();
        task.read(SplitName::Train, &drawn, &mut images)?;
        let features = alone_as_together(opaque, cut, &images, drawn.len())?;
        Ok(Self {
            digest: digest(&opaque.identity()?, cut, &images, &features),
            opaque: opaque.clone(),
            cut,
            images,
            count: drawn.len(),
            features,
        })
    }

    /// How many images it was asked about.
    pub fn images(&self) -> u64 {
        self.count as u64
    }

    /// SHA-256 over what it said of itself when it was frozen, the images and its answers.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Asks again, after a strategy, and gives the digest. An error when anything it says is not what it was.
    pub fn again(&self, strategy: &str) -> Result<String, GraftError> {
        let since = format!("after `{strategy}` than when it was frozen");
        let identity = self.opaque.identity()?;
        let features = alone_as_together(&self.opaque, self.cut, &self.images, self.count)?;
        let changed = differing(&self.features, &features, self.count);
        if changed > 0 {
            let count = self.count;
            let problem =
                format!("{changed} of {count} images of this run have other features {since}");
            return Err(not_frozen(&self.opaque, self.cut, problem));
        }
        let digest = digest(&identity, self.cut, &self.images, &features);
        if digest != self.digest {
            let problem = format!("it describes itself otherwise {since}");
            return Err(not_frozen(&self.opaque, self.cut, problem));
        }
        Ok(digest)
    }
}

/// The features of images, asked about together; an error unless those asked about alone are given the same.
fn alone_as_together(
    opaque: &Opaque,
    cut: usize,
    samples: &[f32],
    count: usize,
) -> Result<Vec<f32>, GraftError> {
    let numbers = opaque.numbers(cut);
    let count_alone = asked_alone(opaque).min(count);
    let mut together = vec![0.0; count * numbers];
    let mut alone = vec![0.0; count_alone * numbers];
    // No image, no answer.
    let each = (samples.len() / count.max(1)).max(1);
    for (image, features) in (samples.chunks_exact(each)).zip(alone.chunks_exact_mut(numbers)) {
        opaque.ask(cut, image, features)?;
    }
    if count > 0 {
        opaque.ask(cut, samples, &mut together)?;
    }
    match differing(&alone, &together[..alone.len()], count_alone) {
        0 => Ok(together),
        changed => {
            let problem = format!(
                "{changed} of {count_alone} images of this run have other features alone than together"
            );
            Err(not_frozen(opaque, cut, problem))
        }
    }
}

fn digest(identity: &str, cut: usize, images: &[f32], features: &[f32]) -> String {
    let mut hash = Sha256::new();
    hash.update(identity);
    hash.update((cut as u64).to_le_bytes());
    for number in images.iter().chain(features) {
        hash.update(number.to_le_bytes());
    }
    hexadecimal(&hash.finalize())
}

/// Of how many images not all features are the same bits.
fn differing(left: &[f32], right: &[f32], count: usize) -> usize {
    let numbers = (left.len() / count.max(1)).max(1);
    let same = |left: &[f32], right: &[f32]| {
        (left.iter().zip(right)).all(|(left, right)| left.to_bits() == right.to_bits())
    };
    (left.chunks_exact(numbers).zip(right.chunks_exact(numbers)))
        .filter(|(left, right)| !same(left, right))
        .count()
}

fn not_frozen(opaque: &Opaque, cut: usize, problem: String) -> GraftError {
    GraftError::NotFrozen {
        extractor: opaque.name().to_owned(),
        cut: opaque.cut_name(cut),
        problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sampleswith_other_bits_are_counted() {
        let cases: [(&[f32], &[f32], usize, usize); 6] = [
            (&[1.0, 2.0, 3.0, 4.0], &[1.0, 2.0, 3.0, 4.0], 2, 0),
            (&[1.0, 2.0, 3.0, 4.0], &[1.0, 2.5, 3.0, 4.0], 2, 1),
            (&[1.0, 2.0, 3.0, 4.0], &[0.0, 0.0, 3.0, 4.5], 2, 2),
            (&[1.0, 2.0, 3.0, 4.0], &[0.0, 2.0, 3.0, 4.5], 4, 2),
            (&[0.0], &[-0.0], 1, 1),
            (&[], &[], 0, 0),
        ];
        for (left, right, count, expected) in cases {
            assert_eq!(
                differing(left, right, count),
                expected,
                "{left:?} {right:?}"
            );
        }
    }

    #[test]
    fn a_digest_covers_all_that_is_asked_and_answered() {
        let all = [
            digest("a", 0, &[1.0], &[2.0]),
            digest("b", 0, &[1.0], &[2.0]),
            digest("a", 1, &[1.0], &[2.0]),
            digest("a", 0, &[1.5], &[2.0]),
            digest("a", 0, &[1.0], &[2.5]),
        ];
        for (first, digest) in all.iter().enumerate() {
            assert!(!all[first + 1..].contains(digest));
        }
    }
}
