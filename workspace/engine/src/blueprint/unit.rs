//! Networks that give numbers in the units of what is predicted.

use super::Blueprint;
use crate::layers::Linear;
use crate::problem::{BlueprintError, Problem};

/// The last layer, which has the standard deviations of the numbers on the diagonal of its weights and their means as biases. The blank tells it from
/// layers of any head: names of these have none.
const NAME: &str = "in unit";

impl Blueprint {
    /// The same layers with one behind them that brings each output from standard deviations about the mean to the
    /// unit of its numbers, `y = deviation · x + mean`.
    ///
    /// # Errors
    /// When the output is not a row of numbers.
    pub fn in_unit(&self) -> Result<Self, BlueprintError> {
        let wrong = |problem| BlueprintError::new(vec![problem]);
        let Some(units) = self.output().as_features() else {
            let gives = self.output();
            return Err(wrong(Problem::new(format!(
                "the last layer gives {gives}, expected a row of numbers"
            ))));
        };
        let mut all = self.clone();
        let linear = Linear { units, bias: true };
        all.push(NAME.to_owned(), linear.into(), vec![self.layers.len()])
            .map_err(wrong)?;
        Ok(all)
    }
}
