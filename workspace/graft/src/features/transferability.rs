//! Estimates of how well features suit a target, made without a head.

use std::collections::BTreeMap;

use topwork_measure::Transferability;

use super::Features;
use crate::data::TaskExamples;

/// Training examples, and what was estimated of their features by the estimates' ids.
pub type Estimated = (Vec<usize>, BTreeMap<String, f64>);

impl Features {
    /// The estimates with these ids of these training examples' features; what has no value is left out. Rows that learn from the same
    /// examples share them.
    pub fn estimates(
        &self,
        ids: &[String],
        task: &TaskExamples,
        examples: &[usize],
    ) -> BTreeMap<String, f64> {
        if ids.is_empty() {
            return BTreeMap::new();
        }
        let known = self.estimated.borrow();
        if let Some((_, known)) = known.iter().find(|(of, _)| of == examples) {
            return known.clone();
        }
        drop(known);
        let mut values = Vec::new();
        self.train.gather(examples, &mut values);
        let labels: Vec<u32> = (examples.iter())
            .map(|&example| task.train.labels[example])
            .collect();
        let found: BTreeMap<String, f64> = (ids.iter())
            .filter_map(|id| {
                let of = Transferability::named(id)?.of;
                Some((id.clone(), of(&values, self.dim, &labels, task.classes)?))
            })
            .collect();
        let mut known = self.estimated.borrow_mut();
        known.push((examples.to_vec(), found.clone()));
        found
    }
}
