//! `every-stage`: where the map of activations is about to change its size.

use crate::candidates;
use topwork_sdk::{Component, CutBackbone, CutPlace, CutRule, Error, Host, NoParameters, RuleCut};

/// Cuts behind the last cut point of every stage. A stage is a run of cut points whose activations have the same height and
/// width; vectors are a stage of their own, but for one that is the flattened map before it. What is squeezed to one position
/// while larger maps follow lies beside the way (squeeze-and-excitation) and is no stage. Tokens do not change their number from
/// block to block, so there is a cut behind every block of them. What nobody knows the channels of, attention for example, is
/// left out.
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

/// What tells one stage from the next.
#[derive(Clone, Copy)]
enum Size {
    /// Height and width.
    Map(usize, usize),
    /// How many tokens.
    Tokens(usize),
    Vector,
}

impl Size {
    fn of(place: &CutPlace) -> Size {
        let others: Vec<usize> = match (&place.dims, place.channels) {
            (Some(dims), Some(channels)) => {
                let dims = dims.iter().enumerate();
                let others = dims.filter(|(axis, _)| *axis != channels);
                others.map(|(_, size)| *size).collect()
            }
            _ => place.shape.get(1..).unwrap_or_default().to_vec(),
        };
        match others[..] {
            [height, width] => Size::Map(height, width),
            [] => Size::Vector,
            _ => Size::Tokens(others.iter().product()),
        }
    }

    /// Height × width, or how many tokens there are; 1 for a vector.
    fn positions(self) -> usize {
        match self {
            Size::Map(height, width) => height * width,
            Size::Tokens(tokens) => tokens,
            Size::Vector => 1,
        }
    }

    /// Whether both are of one stage. The pixels of a map that become tokens are still of it.
    fn continues(self, before: Size) -> bool {
        match (self, before) {
            (Size::Map(a, b), Size::Map(c, d)) => (a, b) == (c, d),
            (Size::Tokens(_), Size::Tokens(_) | Size::Map(..))
            | (Size::Map(..), Size::Tokens(_)) => self.positions() == before.positions(),
            (Size::Vector, Size::Vector) => true,
            _ => false,
        }
    }
}

impl CutRule for EveryStage {
    fn cuts(&self, backbone: &CutBackbone) -> Result<Vec<RuleCut>, Error> {
        let places = candidates(&backbone.places);
        let known = |place: &&CutPlace| place.dims.is_none() || place.channels.is_some();
        let places: Vec<&CutPlace> = places.into_iter().filter(known).collect();
        let large = |place: &&CutPlace| Size::of(place).positions() > 1;
        let last_map = places.iter().rposition(large);
        let places: Vec<&CutPlace> = (places.into_iter().enumerate())
            .filter(|(index, place)| Some(*index) > last_map || large(place))
            .map(|(_, place)| place)
            .collect();
        if places.is_empty() {
            return Err(Error::parameters(
                "nothing tells which axis of the backbone's tensors counts channels: list the cuts by name",
            ));
        }
        // Flattening changes the form alone, so a flattened map is still of its stage.
        let mut sizes: Vec<Size> = Vec::new();
        for place in &places {
            sizes.push(match sizes.last() {
                Some(before) if place.op.eq_ignore_ascii_case("flatten") => *before,
                _ => Size::of(place),
            });
        }
        let ends = (places.iter().enumerate()).filter(|(index, place)| {
            let last = match sizes.get(index + 1) {
                Some(next) => !next.continues(sizes[*index]),
                None => true,
            };
            last || (place.block && matches!(sizes[*index], Size::Tokens(_)))
        });
        Ok(ends.map(|(_, place)| place.chosen()).collect())
    }
}
