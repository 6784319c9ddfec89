//! Which classes are taken for which.

/// Counts of (true class, predicted class).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    counts: Vec<u64>,
}

/// How well one class is recognised. A ratio without cases (0/0) is `None`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassScores {
    /// Correct among those predicted as this class.
    pub precision: Option<f64>,
    /// Correct among those of this class.
    pub recall: Option<f64>,
    /// Harmonic mean of precision and recall.
    pub f1: Option<f64>,
    /// Examples of this class.
    pub support: u64,
}

impl Confusion {
    /// An empty matrix for `classes` classes.
    pub fn new(classes: usize) -> Self {
        Self {
            classes,
            counts: vec![0; classes * classes],
        }
    }

    /// Counts one example. Classes outside the matrix are not counted and give `false`.
    pub fn add(&mut self, truth: usize, predicted: usize) -> bool {
        if truth >= self.classes || predicted >= self.classes {
            return false;
        }
        self.counts[truth * self.classes + predicted] += 1;
        true
    }

    /// One row per true class, one column per predicted class.
    pub fn rows(&self) -> Vec<Vec<u64>> {
        (0..self.classes)
            .map(|row| self.counts[row * self.classes..(row + 1) * self.classes].to_vec())
            .collect()
    }

    /// Examples on the diagonal.
    pub fn correct(&self) -> u64 {
        (0..self.classes)
            .map(|class| self.counts[class * self.classes + class])
            .sum()
    }

    /// All examples counted.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Precision, recall, F1 and support of every class.
    pub fn per_class(&self) -> Vec<ClassScores> {
        let ratio = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        (0..self.classes)
            .map(|class| {
                let hit = self.counts[class * self.classes + class];
                let support = (0..self.classes)
                    .map(|other| self.counts[class * self.classes + other])
                    .sum();
                let predicted = (0..self.classes)
                    .map(|other| self.counts[other * self.classes + class])
                    .sum();
                ClassScores {
                    precision: ratio(hit, predicted),
                    recall: ratio(hit, support),
                    f1: ratio(2 * hit, support + predicted),
                    support,
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_by_hand() {
        let mut confusion = Confusion::new(3);
        for (truth, predicted) in [(0, 0), (0, 1), (1, 1), (1, 1)] {
            assert!(confusion.add(truth, predicted));
        }
        assert!(!confusion.add(0, 3) && !confusion.add(3, 0));
        assert_eq!(confusion.rows(), [[1, 1, 0], [0, 2, 0], [0, 0, 0]]);
        assert_eq!((confusion.correct(), confusion.total()), (3, 4));
        let scores = confusion.per_class();
        assert_eq!(
            scores[0],
            ClassScores {
                precision: Some(1.0),
                recall: Some(0.5),
                f1: Some(2.0 / 3.0),
                support: 2
            }
        );
        assert_eq!(
            scores[1],
            ClassScores {
                precision: Some(2.0 / 3.0),
                recall: Some(1.0),
                f1: Some(0.8),
                support: 2
            }
        );
        assert_eq!(
            scores[2],
            ClassScores {
                precision: None,
                recall: None,
                f1: None,
                support: 0
            }
        );
    }
}
