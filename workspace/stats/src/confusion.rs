//! Which classes are taken for which.

/// Counts of (true class, predicted class).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    counts: Vec<u64>,
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_hand() {
        let mut confusion = Confusion::new(3);
        for (truth, predicted) in [(0, 0), (0, 1), (1, 1), (1, 1)] {
            assert!(confusion.add(truth, predicted));
        }
        assert!(!confusion.add(0, 3) && !confusion.add(3, 0));
        assert_eq!(confusion.rows(), [[1, 1, 0], [0, 2, 0], [0, 0, 0]]);
        assert_eq!((confusion.correct(), confusion.total()), (3, 4));
    }
}
