//! `every-stage`: where the map of activations is about to change its size.

use crate::candidates;
use topwork_sdk::{Component, CutBackbone, CutRule, Error, Host, NoParameters, RuleCut};

/// Cuts behind the last cut point of every stage. A stage is a run of cut points whose activations have the same height and
/// width; vectors are a stage of their own.
pub(crate) struct EveryStage;

impl Component for EveryStage {
    const ID: &str = "every-stage";
    const ABOUT: &str = "a cut at the end of every stage: where height and width of the activations are about to change";
    const SCHEMA: &str = NoParameters::SCHEMA;
    type Parameters = NoParameters;

    fn create(_: Host, _: NoParameters) -> Result<Self, Error> {
        Ok(EveryStage)
    }
}

impl CutRule for EveryStage {
    fn cuts(&self, backbone: &CutBackbone) -> Result<Vec<RuleCut>, Error> {
        let places = candidates(&backbone.places);
        let size = |shape: &[usize]| match *shape {
            [_, height, width] => Some((height, width)),
            _ => None,
        };
        let ends = places.iter().enumerate().filter(|&(index, place)| {
            places
                .get(index + 1)
                .is_none_or(|next| size(&next.shape) != size(&place.shape))
        });
        let cut = |name: &String| RuleCut {
            name: name.clone(),
            after: name.clone(),
            pool: None,
        };
        Ok(ends.map(|(_, place)| cut(&place.name)).collect())
    }
}
