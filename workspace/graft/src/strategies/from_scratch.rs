//! `from-scratch`: trunk and head learn together from initial weights, every layer at the same rate.

use topwork_engine::Network;
use topwork_schema::CutPoint;

use super::{Fit, Fitted};
use crate::GraftError;

impl Fit<'_> {
    pub(super) fn train_from_scratch(
        &self,
        trunk: Network,
        cut: &CutPoint,
    ) -> Result<Fitted, GraftError> {
        self.whole_network(trunk, cut, |trunk, head| {
            Ok(vec![1.0; trunk.layers().len() + head.layers().len()])
        })
    }
}
