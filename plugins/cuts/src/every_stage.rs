//! `every-stage`: where the map of activations is about to change its size.

use crate::candidates;
use topwork_sdk::{Component, CutBackbone, CutPlace, CutRule, Error, Host, NoParameters, RuleCut};

/// Cuts behind the last cut point of every stage. A stage is a run of cut points whose activations have the same height and
/// width; vectors are a stage of their own, but for one that is the flattened map before it. What is squeezed to one position
/// while larger maps follow lies beside the way (squeeze-and-excitation) and is no stage.
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
        let last_map = places.iter().rposition(|place| positions(place) > 1);
        let places: Vec<&CutPlace> = (places.into_iter().enumerate())
            .filter(|(index, place)| Some(*index) > last_map || positions(place) > 1)
            .map(|(_, place)| place)
            .collect();
        // Flattening changes the form alone, so a flattened map is still of its stage.
        let mut sizes: Vec<Option<(usize, usize)>> = Vec::new();
        for place in &places {
            sizes.push(match *place.shape {
                _ if place.op.eq_ignore_ascii_case("flatten") => sizes.last().copied().flatten(),
                [_, height, width] => Some((height, width)),
                _ => None,
            });
        }
        let ends = (places.iter().enumerate())
            .filter(|(index, _)| sizes.get(index + 1) != Some(&sizes[*index]));
        Ok(ends.map(|(_, place)| place.chosen()).collect())
    }
}

/// Height × width; 1 for a vector.
fn positions(place: &CutPlace) -> usize {
    place.shape.get(1..).map_or(1, |map| map.iter().product())
}
