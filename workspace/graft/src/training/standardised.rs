//! Numbers as a network learns them: in standard deviations about their mean, so that its first outputs and the size of its steps
//! suit them whatever their unit is.

use topwork_engine::{EngineError, Network};
use topwork_measure::Columns;

/// Means and standard deviations of the numbers that are learnt from, column by column.
#[derive(Clone, Debug, PartialEq)]
pub struct Standardised {
    means: Vec<f32>,
    /// Above 0.
    deviations: Vec<f32>,
}

impl Standardised {
    /// Of these examples, at least one: the standard deviation is that of a population, as scikit-learn's `StandardScaler` takes
    /// it, and 1 where all numbers are the same.
    pub fn of(numbers: Columns<'_>, examples: &[usize]) -> Self {
        let count = examples.len() as f64;
        let (means, deviations) = (numbers.each())
            .map(|column| {
                let all = || (examples.iter()).map(|&example| f64::from(column[example]));
                let mean = all().sum::<f64>() / count;
                let squares: f64 = all().map(|number| (number - mean).powi(2)).sum();
                let deviation = (squares / count).sqrt() as f32;
                (mean as f32, if deviation > 0.0 { deviation } else { 1.0 })
            })
            .unzip();
        Self { means, deviations }
    }

    /// The numbers of some examples, standardised.
    pub fn numbers(&self, numbers: Columns<'_>, examples: &[usize]) -> Vec<f32> {
        let mut of_examples = numbers.of(examples);
        for row in of_examples.chunks_exact_mut(numbers.count) {
            let columns = self.means.iter().zip(&self.deviations);
            for (number, (&mean, &deviation)) in row.iter_mut().zip(columns) {
                let from_mean = f64::from(*number) - f64::from(mean);
                *number = (from_mean / f64::from(deviation)) as f32;
            }
        }
        of_examples
    }

    /// The root of each column's mean of squared errors of standardised numbers, in the unit of the numbers; of several columns the
    /// mean over them, as the figure has it.
    pub fn root(&self, squared_errors: &[f64]) -> f64 {
        let roots = (squared_errors.iter().zip(&self.deviations))
            .map(|(squares, deviation)| squares.sqrt() * f64::from(*deviation));
        roots.sum::<f64>() / self.deviations.len() as f64
    }

    /// The head that gives numbers in their own unit.
    pub fn in_unit(&self, head: &Network) -> Result<Network, EngineError> {
        head.in_unit(&self.deviations, &self.means)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_deviation_are_of_the_examples_alone() {
        // Beside the column that is looked at one that does not vary.
        let values = [1.0, 5.0, 1000.0, 5.0, 3.0, 5.0, 8.0, 5.0];
        let numbers = Columns {
            values: &values,
            count: 2,
        };
        let check = |examples: &[usize], mean, deviation, expected: &[f32]| {
            let found = Standardised::of(numbers, examples);
            let expected_of = Standardised {
                means: vec![mean, 5.0],
                deviations: vec![deviation, 1.0],
            };
            assert_eq!(found, expected_of);
            let expected = [expected[0], 0.0, expected[1], 0.0];
            assert_eq!(found.numbers(numbers, &[0, 3]), expected);
        };
        check(&[0, 2], 2.0, 1.0, &[-1.0, 6.0]);
        check(
            &[0, 2, 3],
            4.0,
            26_f32.sqrt() / 3_f32.sqrt(),
            &[-1.019_049_3, 1.358_732_4],
        );
        // All the same: there is nothing to divide by.
        check(&[3], 8.0, 1.0, &[-7.0, 0.0]);
    }

    #[test]
    fn errors_are_told_in_the_unit() {
        let columns = |values, count| Columns { values, count };
        let found = Standardised::of(columns(&[0.0, 20.0], 1), &[0, 1]);
        assert_eq!(found.root(&[0.25]), 5.0);
        let found = Standardised::of(columns(&[0.0, 1.0, 20.0, 5.0], 2), &[0, 1]);
        assert_eq!(found.root(&[0.25, 4.0]), (5.0 + 4.0) / 2.0);
    }
}
