//! Predicted numbers against true ones, counted into the cells of a grid: what a picture of them needs, whatever their number.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::interval::Interval;

/// Cells along each side of the grid, and bars of the residuals.
const CELLS: usize = 24;

/// Predicted numbers against true ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Against {
    /// From the least to the greatest number of both, true and predicted: the ends of both axes.
    pub range: Interval,
    /// How many examples are in each cell: a row for each stripe of predicted numbers from the least on, in it a cell for each
    /// stripe of true ones.
    pub cells: Vec<Vec<u64>>,
    /// From the least to the greatest residual, predicted less true.
    pub residual_range: Interval,
    /// How many residuals are in each of so many equal stripes.
    pub residuals: Vec<u64>,
}

impl Against {
    /// Of as many predicted numbers as true ones, all finite; `None` of none.
    pub fn of(truth: &[f32], predicted: &[f32]) -> Option<Self> {
        let residuals: Vec<f64> = (truth.iter().zip(predicted))
            .map(|(truth, predicted)| f64::from(*predicted) - f64::from(*truth))
            .collect();
        let range = ends(truth.iter().chain(predicted).copied().map(f64::from))?;
        let residual_range = ends(residuals.iter().copied())?;
        let mut cells = vec![vec![0; CELLS]; CELLS];
        for (truth, predicted) in truth.iter().zip(predicted) {
            cells[stripe(range, f64::from(*predicted))][stripe(range, f64::from(*truth))] += 1;
        }
        let mut counts = vec![0; CELLS];
        for residual in residuals {
            counts[stripe(residual_range, residual)] += 1;
        }
        Some(Self {
            range,
            cells,
            residual_range,
            residuals: counts,
        })
    }
}

fn ends(numbers: impl Iterator<Item = f64>) -> Option<Interval> {
    numbers.fold(None, |ends, number| {
        let Interval { low, high } = ends.unwrap_or(Interval {
            low: number,
            high: number,
        });
        Some(Interval {
            low: low.min(number),
            high: high.max(number),
        })
    })
}

/// The stripe that a number of the range is in; where all are equal the first.
fn stripe(Interval { low, high }: Interval, number: f64) -> usize {
    let share = match high > low {
        true => (number - low) / (high - low),
        false => 0.0,
    };
    // The greatest number belongs to the last stripe.
    ((share * CELLS as f64) as usize).min(CELLS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_in_one_cell_and_one_bar() {
        let truth = [0.0, 24.0, 12.0];
        let against = Against::of(&truth, &[0.0, 24.0, 18.5]).unwrap();
        let Interval { low, high } = against.range;
        assert_eq!((low, high), (0.0, 24.0));
        let found: Vec<(usize, usize)> = (0..CELLS)
            .flat_map(|row| (0..CELLS).map(move |column| (row, column)))
            .filter(|&(row, column)| against.cells[row][column] == 1)
            .collect();
        assert_eq!(found, [(0, 0), (18, 12), (23, 23)]);
        assert_eq!(against.residuals.iter().sum::<u64>(), 3);
        assert_eq!((against.residuals[0], against.residuals[23]), (2, 1));
    }

    #[test]
    fn equal_numbers_have_a_picture_and_none_have_not() {
        assert_eq!(Against::of(&[], &[]), None);
        let against = Against::of(&[3.0, 3.0], &[3.0, 3.0]).unwrap();
        assert_eq!((against.cells[0][0], against.residuals[0]), (2, 2));
    }
}
