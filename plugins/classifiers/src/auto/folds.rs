//! Stratified folds: every class is spread over all of them, and samples with the same features are in one, since who has
//! learnt one of them has seen the others.

use crate::method::Samples;
use fastrand::Rng;
use std::cmp::Ordering;

/// In which fold each sample is held out.
pub struct Folds {
    /// The number of folds, at least 2.
    pub count: usize,
    /// One for each sample; `None` for those that are never held out.
    of: Vec<Option<usize>>,
    /// How many classes nothing was held out of.
    single: usize,
}

/// Samples picked out of others.
pub struct Picked {
    features: Vec<f32>,
    labels: Vec<u32>,
}

impl Folds {
    /// As many folds as wished, or as many as the smallest class with two different samples or more has of those. Of a class
    /// that all would be in one fold some are never held out: nothing could be learnt of it without them. Nothing when every
    /// class is like that.
    pub fn of(samples: &Samples<'_>, wished: usize, seed: u64) -> Option<Self> {
        let same = same(samples);
        let mut random = Rng::with_seed(seed);
        let mut order: Vec<usize> = (0..samples.count()).collect();
        random.shuffle(&mut order);
        // Classes are dealt one after the other. What has the same features goes with the first of it that is dealt.
        order.sort_by_key(|&sample| samples.labels[sample]);
        let mut first_dealt = vec![true; same.len()];
        let mut different = vec![0; samples.classes];
        for &sample in &order {
            if std::mem::take(&mut first_dealt[same.group[sample]]) {
                different[samples.labels[sample] as usize] += 1;
            }
        }
        let smallest = different.iter().filter(|&&count| count > 1).min()?;
        let mut folds = Folds {
            count: wished.min(*smallest),
            of: vec![None; samples.count()],
            single: 0,
        };
        folds.deal(samples, &order, &same);
        folds.keep(samples, &same);
        Some(folds)
    }

    /// To the fold with the fewest samples of the class, of such the one with the fewest at all.
    fn deal(&mut self, samples: &Samples<'_>, order: &[usize], same: &Same) {
        let mut all = vec![0; self.count];
        let mut of_class = vec![0; self.count];
        let mut class = None;
        for &sample in order {
            if self.of[sample].is_some() {
                continue;
            }
            if class.replace(samples.labels[sample]) != Some(samples.labels[sample]) {
                of_class.fill(0);
            }
            let members = same.members(sample);
            let emptiest = (0..self.count).min_by_key(|&fold| (of_class[fold], all[fold]));
            for &member in members {
                self.of[member] = emptiest;
            }
            if let Some(fold) = emptiest {
                all[fold] += members.len();
                of_class[fold] += members.len();
            }
        }
    }

    /// Sees to it that something of every class is always left to learn from.
    fn keep(&mut self, samples: &Samples<'_>, same: &Same) {
        let mut first = vec![None; samples.classes];
        let mut spread = vec![false; samples.classes];
        for (sample, &label) in samples.labels.iter().enumerate() {
            let first = *first[label as usize].get_or_insert(sample);
            spread[label as usize] |= self.of[first] != self.of[sample];
        }
        for (first, _) in first.iter().zip(&spread).filter(|(_, spread)| !**spread) {
            for &member in first.map_or(&[][..], |first| same.members(first)) {
                self.of[member] = None;
            }
        }
        let mut held_out = vec![false; samples.classes];
        for (fold, &label) in self.of.iter().zip(samples.labels) {
            held_out[label as usize] |= fold.is_some();
        }
        self.single = held_out.iter().filter(|held_out| !**held_out).count();
    }

    /// How many classes have no sample that is ever held out.
    pub fn single(&self) -> usize {
        self.single
    }

    /// How many samples are held out once.
    pub fn held_out(&self) -> usize {
        self.of.iter().flatten().count()
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

/// Which samples have the same features.
struct Same {
    /// All samples, those of a group next to each other.
    sorted: Vec<usize>,
    /// Where each group starts in there, and the number of samples.
    starts: Vec<usize>,
    /// The group of each sample.
    group: Vec<usize>,
}

fn same(samples: &Samples<'_>) -> Same {
    let rows: Vec<&[f32]> = samples.rows().map(|(row, _)| row).collect();
    let mut sorted: Vec<usize> = (0..rows.len()).collect();
    // They are finite; only so −0 is 0.
    let compare = |a: &usize, b: &usize| {
        let by_features = rows[*a].partial_cmp(rows[*b]);
        by_features.unwrap_or(Ordering::Equal)
    };
    sorted.sort_by(compare);
    let mut same = Same {
        starts: Vec::new(),
        group: vec![0; rows.len()],
        sorted,
    };
    for (place, &sample) in same.sorted.iter().enumerate() {
        if place == 0 || compare(&same.sorted[place - 1], &sample) != Ordering::Equal {
            same.starts.push(place);
        }
        same.group[sample] = same.starts.len() - 1;
    }
    same.starts.push(rows.len());
    same
}

impl Same {
    /// The number of groups.
    fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// All samples with the features of this one, itself among them.
    fn members(&self, sample: usize) -> &[usize] {
        let group = self.group[sample];
        &self.sorted[self.starts[group]..self.starts[group + 1]]
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

    #[test]
    fn equal_samples_are_held_out_together() {
        // Labels, and what stands in the one feature; folds that can be made, samples that are never held out.
        let thrice = |count: u32| -> Vec<(u32, f32)> {
            (0..3 * count)
                .map(|n| (n / 3 % 2, (n / 3) as f32))
                .collect()
        };
        let zeros = vec![(0, 0.0), (0, -0.0), (0, 1.0), (1, 2.0), (1, 3.0)];
        let one_kind = vec![(0, 5.0), (0, 5.0), (0, 5.0), (1, 1.0), (1, 2.0), (1, 3.0)];
        let two_labels = vec![(0, 1.0), (1, 1.0), (0, 2.0), (1, 2.0), (0, 3.0), (1, 4.0)];
        // All of class 1 stands beside samples of class 0.
        let beside = vec![(0, 1.0), (1, 1.0), (0, 2.0), (0, 3.0)];
        let cases = [
            (thrice(20), 5, Some(5), 0),
            (thrice(4), 5, Some(2), 0),
            (zeros, 5, Some(2), 0),
            (one_kind, 5, Some(3), 3),
            (two_labels, 5, Some(3), 0),
            (beside, 5, Some(3), 2),
            (vec![(0, 1.0), (0, 1.0), (1, 2.0), (1, 2.0)], 5, None, 0),
        ];
        for (rows, wished, expected, kept) in cases {
            let (labels, features): (Vec<u32>, Vec<f32>) = rows.iter().copied().unzip();
            let samples = Samples {
                features: &features,
                dimensions: 1,
                labels: &labels,
                classes: 2,
            };
            let folds = Folds::of(&samples, wished, 3);
            assert_eq!(
                folds.as_ref().map(|folds| folds.count),
                expected,
                "{rows:?}"
            );
            let Some(folds) = folds else { continue };
            assert_eq!(folds.held_out(), rows.len() - kept, "{rows:?}");
            for (a, of_a) in features.iter().zip(&folds.of) {
                for (b, of_b) in features.iter().zip(&folds.of) {
                    assert!(a != b || of_a == of_b, "{rows:?}: {:?}", folds.of);
                }
            }
            for fold in 0..folds.count {
                let (learnt, _) = folds.split(&samples, fold);
                let learnt = learnt.of(&samples).per_class();
                assert!(
                    learnt.iter().all(|&count| count > 0),
                    "{rows:?}: {:?}",
                    folds.of
                );
            }
        }
    }
}
