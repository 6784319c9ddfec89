//! Stratified folds: every class is spread over all of them.

use crate::method::Samples;
use fastrand::Rng;

/// In which fold each sample is held out.
pub struct Folds {
    /// The number of folds, at least 2.
    pub count: usize,
    /// One for each sample; `None` for those that are never held out.
    of: Vec<Option<usize>>,
}

/// Samples picked out of others.
pub struct Picked {
    features: Vec<f32>,
    labels: Vec<u32>,
}

impl Folds {
    /// As many folds as wished, or as many as the smallest class with two samples or more has. The only sample of a class
    /// is never held out: nothing could be learnt of its class without it. Nothing when every class is like that.
    pub fn of(samples: &Samples<'_>, wished: usize, seed: u64) -> Option<Self> {
        let counts = samples.per_class();
        let smallest = counts.iter().filter(|&&count| count > 1).min()?;
        let count = wished.min(*smallest);
        let mut random = Rng::with_seed(seed);
        let mut order: Vec<usize> = (0..samples.count()).collect();
        random.shuffle(&mut order);
        let mut of = vec![None; samples.count()];
        // Classes are dealt one after the other, each going on where the one before ended, so that folds differ by one
        // sample at most.
        order.sort_by_key(|&sample| samples.labels[sample]);
        let dealt = order
            .into_iter()
            .filter(|&sample| counts[samples.labels[sample] as usize] > 1);
        for (place, sample) in dealt.enumerate() {
            of[sample] = Some(place % count);
        }
        Some(Folds { count, of })
    }

    /// How many classes have a sample that is never held out.
    pub fn single(&self) -> usize {
        self.of.iter().filter(|fold| fold.is_none()).count()
    }

    /// How many samples are held out once.
    pub fn held_out(&self) -> usize {
        self.of.len() - self.single()
    }

    /// The samples to learn from, and those held out.
    pub fn split(&self, samples: &Samples<'_>, fold: usize) -> (Picked, Picked) {
        let pick = |held_out: bool| {
            let rows = samples.rows().zip(&self.of);
            let rows = rows.filter(|(_, of)| (**of == Some(fold)) == held_out);
            let mut picked = Picked {
                features: Vec::new(),
                labels: Vec::new(),
            };
            for ((row, label), _) in rows {
                picked.features.extend_from_slice(row);
                picked.labels.push(label as u32);
            }
            picked
        };
        (pick(false), pick(true))
    }
}

impl Picked {
    /// These, of as many features and classes as the samples that they were picked from.
    pub fn of<'a>(&'a self, all: &Samples<'_>) -> Samples<'a> {
        Samples {
            features: &self.features,
            dimensions: all.dimensions,
            labels: &self.labels,
            classes: all.classes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_spread_and_single_samples_kept() {
        // Samples of each class, folds wished; folds, samples held out.
        let cases = [
            (&[50, 50][..], 5, Some((5, 100))),
            (&[7, 9, 11], 5, Some((5, 27))),
            (&[3, 90], 5, Some((3, 93))),
            (&[2, 8, 1], 10, Some((2, 10))),
            (&[1, 4, 1], 5, Some((4, 4))),
            (&[1, 1, 1], 5, None),
        ];
        for (counts, wished, expected) in cases {
            let labels: Vec<u32> = (0..)
                .zip(counts)
                .flat_map(|(class, &count)| vec![class; count])
                .collect();
            let features: Vec<f32> = (0..labels.len()).map(|x| x as f32).collect();
            let samples = Samples {
                features: &features,
                dimensions: 1,
                labels: &labels,
                classes: counts.len(),
            };
            let folds = Folds::of(&samples, wished, 7);
            let found = folds.as_ref().map(|folds| (folds.count, folds.held_out()));
            assert_eq!(found, expected, "{counts:?}");
            let Some(folds) = folds else { continue };
            let mut seen = Vec::new();
            for fold in 0..folds.count {
                let (learnt, held_out) = folds.split(&samples, fold);
                let (learnt, held_out) = (learnt.of(&samples), held_out.of(&samples));
                assert_eq!(learnt.count() + held_out.count(), samples.count());
                assert!(learnt.per_class().iter().all(|&count| count > 0));
                for (class, &count) in counts.iter().enumerate().filter(|(_, n)| **n > 1) {
                    let within = held_out.per_class()[class];
                    let even = count / folds.count..=count.div_ceil(folds.count);
                    assert!(even.contains(&within), "{within} of {count}");
                }
                seen.extend_from_slice(held_out.features);
            }
            seen.sort_unstable_by(f32::total_cmp);
            seen.dedup();
            assert_eq!(seen.len(), folds.held_out());
        }
    }
}
