//! `every-stage`: where the map of activations is about to change its size.

use crate::candidates;
use topwork_sdk::{Component, CutBackbone, CutRule, Error, Host, NoParameters, RuleCut};

/// Cuts behind the last cut point of every stage. A stage is a run of cut points whose activations have the same height and
/// width; vectors are a stage of their own, but for one that is the flattened map before it.
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
        // Flattening changes the form alone, so a flattened map is still of its stage.
        let mut sizes: Vec<Option<(usize, usize)>> = Vec::new();
        for place in &places {
            sizes.push(match *place.shape {
                _ if place.op == "flatten" => sizes.last().copied().flatten(),
                [_, height, width] => Some((height, width)),
                _ => None,
            });
        }
        let ends = (places.iter().enumerate())
            .filter(|(index, _)| sizes.get(index + 1) != Some(&sizes[*index]));
        Ok(ends.map(|(_, place)| place.chosen()).collect())
    }
}
