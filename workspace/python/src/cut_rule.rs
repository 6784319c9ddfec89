//! Cut rules in Python.

use crate::instance::{Instance, read};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use topwork_sdk::{Component, CutBackbone, Error, Host, NoParameters, Pool, RuleCut};

/// An object with `cuts`.
pub struct CutRule {
    instance: Instance,
}

/// One of the cuts that it gives.
#[derive(Deserialize)]
#[serde(untagged)]
enum Chosen {
    /// The name of a place.
    Place(String),
    Cut {
        name: String,
        after: String,
        pool: Option<Pool>,
    },
}

impl Component for CutRule {
    const ID: &str = "python-cut";
    const ABOUT: &str = "a cut rule in Python";
    const SCHEMA: &str = NoParameters::SCHEMA;
    type Parameters = Map<String, Value>;

    fn read(written: Map<String, Value>) -> Result<Self::Parameters, Error> {
        Ok(written)
    }

    fn create(host: Host, written: Self::Parameters) -> Result<Self, Error> {
        Ok(CutRule {
            instance: Instance::create(host, written)?,
        })
    }
}

impl topwork_sdk::CutRule for CutRule {
    fn cuts(&self, backbone: &CutBackbone) -> Result<Vec<RuleCut>, Error> {
        let arguments = json!({"backbone": backbone});
        let chosen: Vec<Chosen> = read("cuts", self.instance.ask_alone("cuts", arguments)?)?;
        let chosen = chosen.into_iter().map(|chosen| match chosen {
            Chosen::Cut { name, after, pool } => Ok(RuleCut { name, after, pool }),
            Chosen::Place(after) => {
                let mut places = backbone.places.iter();
                let place =
                    places.find(|place| place.name == after || place.cut.as_ref() == Some(&after));
                (place.map(topwork_sdk::CutPlace::chosen)).ok_or_else(|| {
                    Error::failed(format!(
                        "`cuts` gave `{after}`, which is no place of the backbone"
                    ))
                })
            }
        });
        chosen.collect()
    }
}
