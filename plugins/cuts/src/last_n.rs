//! `last-n`: the last places before the output, one cut each.

use crate::candidates;
use serde::Deserialize;
use topwork_sdk::{Component, CutBackbone, CutRule, Error, Host, RuleCut};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Parameters {
    n: usize,
    of: Of,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Of {
    CutPoints,
    Layers,
}

/// Cuts behind each of the last `n` cut points or layers, from the input on.
pub(crate) struct LastN(Parameters);

impl Component for LastN {
    const ID: &str = "last-n";
    const ABOUT: &str = "a cut behind each of the last n cut points, or layers, of a backbone";
    const SCHEMA: &str = r#"{"type": "object", "properties": {
        "n": {"type": "integer", "description": "how many cuts; the last one drops nothing", "minimum": 1,
            "maximum": 1000, "default": 3},
        "of": {"enum": ["cut-points", "layers"],
            "description": "what is counted: the cut points that the backbone declares, or all of its layers",
            "default": "cut-points"}
    }, "additionalProperties": false}"#;
    type Parameters = Parameters;

    fn create(_: Host, parameters: Parameters) -> Result<Self, Error> {
        Ok(LastN(parameters))
    }
}

impl CutRule for LastN {
    fn cuts(&self, backbone: &CutBackbone) -> Result<Vec<RuleCut>, Error> {
        let (places, what) = match self.0.of {
            Of::CutPoints => (candidates(&backbone.places), "cut points"),
            Of::Layers => (backbone.places.iter().collect(), "layers"),
        };
        let Some(first) = places.len().checked_sub(self.0.n) else {
            return Err(Error::parameters(format!(
                "`n` is {}, but the backbone has {} {what}",
                self.0.n,
                places.len()
            )));
        };
        Ok(places[first..].iter().map(|place| place.chosen()).collect())
    }
}
