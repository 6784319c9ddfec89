//! Backbones in Python: extractors.

use crate::instance::{Instance, read};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::OnceLock;
use topwork_sdk::{Component, Error, Extraction, Extractor, Host, NoParameters, Normalise};

/// An object with `describe` and `features`.
pub struct Backbone {
    instance: Instance,
    described: OnceLock<Described>,
}

/// What `describe` gives.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    input: Vec<usize>,
    /// From the input on.
    cuts: Vec<Cut>,
    normalise: Option<Normalised>,
    /// What else decides the features, such as the digest of a file of weights.
    digest: Option<String>,
    /// Where it computes.
    device: Option<String>,
    /// How many samples every call gets, where it matters.
    batch: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cut {
    name: String,
    /// Of one sample's features, of any rank.
    shape: Vec<usize>,
    op: Option<String>,
    /// Which of the shape's sizes counts channels; the first of three where nothing is said.
    channels: Option<usize>,
    #[serde(default)]
    block: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Normalised {
    With { mean: Vec<f64>, std: Vec<f64> },
    Word(String),
}

impl Component for Backbone {
    const ID: &str = "python-backbone";
    const ABOUT: &str = "a backbone in Python";
    const SCHEMA: &str = NoParameters::SCHEMA;
    type Parameters = Map<String, Value>;

    fn read(written: Map<String, Value>) -> Result<Self::Parameters, Error> {
        Ok(written)
    }

    fn create(host: Host, written: Self::Parameters) -> Result<Self, Error> {
        Ok(Backbone {
            instance: Instance::create(host, written)?,
            described: OnceLock::new(),
        })
    }
}

impl Backbone {
    fn described(&self) -> Result<&Described, Error> {
        if let Some(described) = self.described.get() {
            return Ok(described);
        }
        let described: Described =
            read("describe", self.instance.ask_alone("describe", json!({}))?)?;
        Ok(self.described.get_or_init(|| described))
    }
}

impl Extractor for Backbone {
    fn describe(&self) -> Result<Extraction, Error> {
        let described = self.described()?;
        let class = self.instance.class;
        let mut extraction = Extraction::new(&described.input);
        for cut in &described.cuts {
            let plain = matches!(
                (cut.shape.len(), cut.channels),
                (3, None | Some(0)) | (1, None)
            );
            extraction = match plain {
                true => extraction.cut(&cut.name, &cut.shape),
                false => extraction
                    .cut(&cut.name, &[cut.shape.iter().product()])
                    .laid_out(&cut.shape, cut.channels),
            };
            if let Some(op) = &cut.op {
                extraction = extraction.computed_by(op);
            }
            if cut.block {
                extraction = extraction.ends_block();
            }
        }
        extraction = match &described.normalise {
            Some(Normalised::With { mean, std }) => extraction.normalise(Normalise::With {
                mean: mean.clone(),
                std: std.clone(),
            }),
            Some(Normalised::Word(word)) if word == "stated" => {
                extraction.normalise(Normalise::Stated)
            }
            Some(Normalised::Word(word)) => {
                return Err(Error::failed(format!(
                    "`describe` gave normalise = {word:?}, expected \"stated\" or mean and std"
                )));
            }
            None => extraction,
        };
        if let Some(batch) = described.batch {
            extraction = extraction.batch(batch);
        }
        let device = described.device.as_deref().unwrap_or("cpu");
        let mut digest = format!("{} on {device}", class.digest);
        if let Some(of_its_own) = &described.digest {
            digest += " with ";
            digest += of_its_own;
        }
        if let Some(batch) = described.batch {
            digest += &format!(" by {batch}");
        }
        let mut runtime = class.runtime.clone();
        if let Some(device) = &described.device {
            runtime += &format!(" on {device}");
        }
        Ok(extraction
            .digest(topwork_keys::sha256(digest.as_bytes()))
            .runtime(runtime))
    }

    fn forward(&self, cut: usize, samples: &[f32], features: &mut [f32]) -> Result<(), Error> {
        let described = self.described()?;
        let cut = (described.cuts.get(cut))
            .ok_or_else(|| Error::failed(format!("there is no cut {cut}")))?;
        let each: usize = described.input.iter().product();
        let mut shape = vec![samples.len() / each.max(1)];
        shape.extend(&described.input);
        let mut turn = self.instance.turn()?;
        let samples = turn.array(samples, &shape)?;
        let arguments = json!({
            "cut": cut.name,
            "samples": samples,
            "shape": cut.shape,
            "batch": described.batch,
            "output": turn.output(),
        });
        self.instance.ask(&mut turn, "features", arguments)?;
        turn.written(features)
    }
}
