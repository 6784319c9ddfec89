//! Numbers as a network learns them: in standard deviations about their mean, so that its first outputs and the size of its steps
//! suit them whatever their unit is.

use topwork_engine::{EngineError, Network};

/// Mean and standard deviation of the numbers that are learnt from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standardised {
    mean: f32,
    /// Above 0.
    deviation: f32,
}

impl Standardised {
    /// Of these examples, at least one: the standard deviation is that of a population, as scikit-learn's `StandardScaler` takes
    /// it, and 1 where all numbers are the same.
    pub fn of(numbers: &[f32], examples: &[usize]) -> Self {
        let count = examples.len() as f64;
        let all = || (examples.iter()).map(|&example| f64::from(numbers[example]));
        let mean = all().sum::<f64>() / count;
        let squares: f64 = all().map(|number| (number - mean).powi(2)).sum();
        let deviation = (squares / count).sqrt() as f32;
        Self {
            mean: mean as f32,
            deviation: match deviation > 0.0 {
                true => deviation,
                false => 1.0,
            },
        }
    }

    /// The numbers of some examples, standardised.
    pub fn numbers(self, numbers: &[f32], examples: &[usize]) -> Vec<f32> {
        let standardised = |&example: &usize| {
            let from_mean = f64::from(numbers[example]) - f64::from(self.mean);
            (from_mean / f64::from(self.deviation)) as f32
        };
        examples.iter().map(standardised).collect()
    }

    /// The root of a mean of squared errors of standardised numbers, in the unit of the numbers.
    pub fn root(self, squared_error: f64) -> f64 {
        squared_error.sqrt() * f64::from(self.deviation)
    }

    /// The head that gives numbers in their own unit.
    pub fn in_unit(self, head: &Network) -> Result<Network, EngineError> {
        head.in_unit(self.deviation, self.mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_deviation_are_of_the_examples_alone() {
        let numbers = [1.0, 1000.0, 3.0, 8.0];
        let check = |examples: &[usize], mean, deviation, expected: &[f32]| {
            let found = Standardised::of(&numbers, examples);
            assert_eq!(found, Standardised { mean, deviation });
            assert_eq!(found.numbers(&numbers, &[0, 3]), expected);
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
        let found = Standardised::of(&[0.0, 20.0], &[0, 1]);
        assert_eq!(found.root(0.25), 5.0);
    }
}
