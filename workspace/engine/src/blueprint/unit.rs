//! Networks of one output that give it in the unit of what is predicted.

use super::Blueprint;
use crate::layers::Linear;
use crate::problem::{BlueprintError, Problem};

/// The last layer, whose weight is the standard deviation of the numbers and whose bias is their mean. The blank tells it from
/// layers of any head: names of these have none.
const NAME: &str = "in unit";

impl Blueprint {
    /// The same layers with one behind them that brings the output from standard deviations about the mean to the
    /// unit of the numbers, `y = deviation · x + mean`.
    ///
    /// # Errors
    /// When the output is not one number.
    pub fn in_unit(&self) -> Result<Self, BlueprintError> {
        let wrong = |problem| BlueprintError::new(vec![problem]);
        if self.output().as_features() != Some(1) {
            let gives = self.output();
            return Err(wrong(Problem::new(format!(
                "the last layer gives {gives}, expected one number"
            ))));
        }
        let mut all = self.clone();
        let linear = Linear {
            units: 1,
            bias: true,
        };
        all.push(NAME.to_owned(), linear.into(), vec![self.layers.len()])
            .map_err(wrong)?;
        Ok(all)
    }
}
