//! Extractor backbones as the rest of topwork sees them.

mod network;
mod onnx;

use crate::HostError;
use crate::call::{Instance, collect};
use crate::json::{LARGEST, parse_object};
use crate::library::Opened;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashSet;
use std::sync::Arc;
use topwork_abi as abi;

pub use network::ExtractorNetwork;
pub use onnx::{ExtractorModel, ModelLayout};

/// More cuts than this are taken for garbage.
const MOST_CUTS: usize = 16_384;

/// Samples that an extractor may compute at once.
const LARGEST_BATCH: usize = 65_536;

/// More numbers in a sample, or in its features, than this are taken for garbage.
const MOST_NUMBERS: usize = 1 << 30;

/// An instance of an extractor backbone with what it says of itself.
pub struct Extractor {
    instance: Instance,
    table: abi::ExtractorTable,
    info: ExtractorInfo,
    /// What keeps it from being a network, where the plugin says so.
    opaque_because: Option<String>,
}

/// What an extractor turned out to be.
pub enum ExtractorKind {
    /// A network with weights of its own, which needs its plugin no longer.
    Network(ExtractorNetwork),
    /// A plugin that computes features itself.
    Opaque(Box<Extractor>),
}

/// What an extractor takes and gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExtractorInfo {
    format: u32,
    /// The shape of one sample, `[channels, height, width]` or `[features]`.
    pub input: Vec<usize>,
    /// Where features can be taken, from the input on; at least one.
    pub cuts: Vec<ExtractorCut>,
    /// How samples must be normalised; any will do if `None`.
    #[serde(default)]
    pub normalise: Option<Normalise>,
    /// Whether features can be computed on several threads at once.
    #[serde(default)]
    pub parallel: bool,
    /// What names the files that decide the features.
    #[serde(default)]
    pub digest: Option<String>,
    /// What computes the features, with its version.
    #[serde(default)]
    pub runtime: Option<String>,
    /// How many samples are computed at once, however many are asked about: fewer cost as much as these.
    #[serde(default)]
    pub batch: Option<usize>,
}

/// A place where features can be taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtractorCut {
    /// Its name.
    pub name: String,
    /// The shape of one sample's features, `[channels, height, width]` or `[features]`.
    pub shape: Vec<usize>,
    /// What computes them, such as `Conv`.
    #[serde(default)]
    pub op: Option<String>,
    /// The sizes of one sample's features in their order, where `shape` does not say it.
    #[serde(default)]
    pub dims: Option<Vec<usize>>,
    /// Which of `dims` counts channels; none if nobody knows.
    #[serde(default)]
    pub channels: Option<usize>,
    /// Whether it is the end of a block of a residual network.
    #[serde(default)]
    pub block: bool,
}

/// How samples must be normalised before an extractor gets them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Normalise {
    /// `(x - mean) / std` with these numbers, one of each per channel.
    With {
        /// The means.
        mean: Vec<f64>,
        /// The standard deviations, above 0.
        std: Vec<f64>,
    },
    /// In a way that only the experiment can know; it must state one.
    Stated(Stated),
}

/// The word `"stated"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stated {
    /// The word.
    Stated,
}

impl Extractor {
    pub(crate) fn create(
        plugin: &Arc<Opened>,
        component: usize,
        parameters: &Value,
    ) -> Result<Extractor, HostError> {
        Self::of(Instance::create(plugin, component, parameters)?, None)
    }

    /// A network where it is one, else the extractor.
    pub(crate) fn open(
        plugin: &Arc<Opened>,
        component: usize,
        parameters: &Value,
    ) -> Result<ExtractorKind, HostError> {
        let instance = Instance::create(plugin, component, parameters)?;
        match network::ask(&instance)? {
            Ok(network) => Ok(ExtractorKind::Network(network)),
            Err(because) => Ok(ExtractorKind::Opaque(Box::new(Self::of(
                instance, because,
            )?))),
        }
    }

    fn of(instance: Instance, opaque_because: Option<String>) -> Result<Extractor, HostError> {
        // SAFETY: this is a component of the kind with this table.
        let table: abi::ExtractorTable = unsafe { instance.table() }?;
        let info = ask(&instance, &table)?;
        Ok(Extractor {
            instance,
            table,
            info,
            opaque_because,
        })
    }

    /// What keeps it from being a network, where it was asked for one and the plugin says so.
    pub fn opaque_because(&self) -> Option<&str> {
        self.opaque_because.as_deref()
    }

    /// What it takes and gives.
    pub fn describe(&self) -> &ExtractorInfo {
        &self.info
    }

    /// Asks it anew, for those who want to know whether it still says the same.
    pub fn describe_again(&self) -> Result<ExtractorInfo, HostError> {
        ask(&self.instance, &self.table)
    }

    /// Fills `features` with those of some samples at the cut with this position. `samples` are one after the other, at least
    /// one; `features` has room for exactly those of all of them. What comes back is finite.
    pub fn forward(
        &self,
        cut: usize,
        samples: &[f32],
        features: &mut [f32],
    ) -> Result<(), HostError> {
        let Some(place) = self.info.cuts.get(cut) else {
            let problem = format!("there is no cut {cut} of {}", self.info.cuts.len());
            return Err(self.instance.request("extracting features", problem));
        };
        let call = format!("extracting features at \"{}\"", place.name);
        let (input, output) = (numbers_of(&self.info.input), numbers_of(&place.shape));
        let count = samples.len() / input;
        if count == 0 || samples.len() != count * input || features.len() != count * output {
            let problem = format!(
                "{} numbers of samples and room for {}, expected multiples of {input} and {output}",
                samples.len(),
                features.len()
            );
            return Err(self.instance.request(&call, problem));
        }
        features.fill(0.0);
        let forward = |pointer, error: *const abi::Sink| match self.table.forward {
            // SAFETY: the lengths are those of the description, and everything lives during the call.
            Some(forward) => unsafe {
                forward(
                    pointer,
                    cut,
                    samples.as_ptr(),
                    count,
                    features.as_mut_ptr(),
                    error,
                )
            },
            None => abi::Status::UNSUPPORTED,
        };
        if self.info.parallel {
            self.instance.call_in_parallel(&call, forward)?;
        } else {
            self.instance.call(&call, forward)?;
        }
        match features.iter().position(|number| !number.is_finite()) {
            Some(at) => {
                let problem = format!(
                    "feature {} of sample {} is {}, expected a finite number",
                    at % output,
                    at / output,
                    features[at]
                );
                Err(self.instance.broken(&call, problem))
            }
            None => Ok(()),
        }
    }
}

fn numbers_of(shape: &[usize]) -> usize {
    shape.iter().product()
}

/// What an extractor says of itself.
fn ask(instance: &Instance, table: &abi::ExtractorTable) -> Result<ExtractorInfo, HostError> {
    const CALL: &str = "describing what it extracts";
    let (result, written) = collect(LARGEST + 1, |sink| {
        instance.call(CALL, |pointer, error| match table.describe {
            // SAFETY: instance and sinks live during the call.
            Some(describe) => unsafe { describe(pointer, sink, error) },
            None => abi::Status::UNSUPPORTED,
        })
    });
    result?;
    read(&written.bytes)
        .map_err(|problem| instance.broken(CALL, format!("the description {problem}")))
}

/// Reads and checks a description; an `Err` completes "the description …".
fn read(bytes: &[u8]) -> Result<ExtractorInfo, String> {
    let json = parse_object(bytes)?;
    let info: ExtractorInfo =
        serde_json::from_value(json).map_err(|error| format!("is not one: {error}"))?;
    if info.format != 1 {
        return Err(format!("has the format {}, expected 1", info.format));
    }
    check_shape(&info.input).map_err(|problem| format!("has an input {problem}"))?;
    if let Some(batch) = (info.batch).filter(|batch| !(1..=LARGEST_BATCH).contains(batch)) {
        return Err(format!(
            "has a batch of {batch}, expected 1 to {LARGEST_BATCH}"
        ));
    }
    if !(1..=MOST_CUTS).contains(&info.cuts.len()) {
        let found = info.cuts.len();
        return Err(format!("has {found} cuts, expected 1 to {MOST_CUTS}"));
    }
    let mut names = HashSet::new();
    for cut in &info.cuts {
        let name = &cut.name;
        if name.trim().is_empty() || name.contains(['\n', '\t']) {
            return Err(format!(
                "has a cut with the name {name:?}, expected visible characters on one line"
            ));
        }
        if !names.insert(name) {
            return Err(format!("has two cuts with the name {name:?}"));
        }
        check_shape(&cut.shape).map_err(|problem| format!("has a cut {name:?} {problem}"))?;
        check_dims(cut).map_err(|problem| format!("has a cut {name:?} {problem}"))?;
    }
    check_normalise(info.normalise.as_ref(), info.input[0])?;
    Ok(info)
}

fn check_normalise(normalise: Option<&Normalise>, channels: usize) -> Result<(), String> {
    if let Some(Normalise::With { mean, std }) = normalise {
        if mean.len() != channels || std.len() != channels {
            return Err(format!(
                "normalises with {} means and {} standard deviations, expected {channels} of each, one per channel",
                mean.len(),
                std.len()
            ));
        }
        if mean.iter().chain(std).any(|number| !number.is_finite()) || std.iter().any(|n| *n <= 0.0)
        {
            return Err("normalises with numbers that are not finite, or by a standard deviation that is not above 0".to_owned());
        }
    }
    Ok(())
}

/// Sizes say in another way how many numbers the shape has.
fn check_dims(cut: &ExtractorCut) -> Result<(), String> {
    let ExtractorCut {
        shape,
        dims,
        channels,
        ..
    } = cut;
    let Some(dims) = dims else {
        return match channels {
            Some(_) => Err("with `channels` but without `dims`".to_owned()),
            None => Ok(()),
        };
    };
    let numbers = dims
        .iter()
        .try_fold(1_usize, |all, size| all.checked_mul(*size));
    if dims.is_empty() || numbers != Some(numbers_of(shape)) {
        return Err(format!(
            "with the dims {dims:?}, expected as many numbers as {shape:?} has"
        ));
    }
    match channels {
        Some(channels) if *channels >= dims.len() => Err(format!(
            "with its channels at {channels} of the dims {dims:?}, expected at most {}",
            dims.len() - 1
        )),
        _ => Ok(()),
    }
}

fn check_shape(shape: &[usize]) -> Result<(), String> {
    let numbers = shape
        .iter()
        .try_fold(1_usize, |all, size| all.checked_mul(*size));
    let fits = numbers.is_some_and(|numbers| (1..=MOST_NUMBERS).contains(&numbers));
    if fits && matches!(shape.len(), 1 | 3) {
        return Ok(());
    }
    Err(format!(
        "of the shape {shape:?}, expected [channels, height, width] or [features] with 1 to {MOST_NUMBERS} numbers"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_checked() {
        let cases = [
            (
                r#"{"format": 1, "input": [2], "cuts": [{"name": "a", "shape": [3]}]}"#,
                None,
            ),
            (
                r#"{"format": 1, "input": [1, 2, 2], "cuts": [{"name": "a", "shape": [3]}], "normalise": {"mean": [0], "std": [1]}}"#,
                None,
            ),
            (
                r#"{"format": 1, "input": [2], "cuts": [{"name": "a", "shape": [3]}], "normalise": "stated", "new": 1}"#,
                None,
            ),
            (
                r#"{"format": 1, "input": [2], "cuts": [{"name": "a", "shape": [3], "op": "Conv"}]}"#,
                None,
            ),
            (
                r#"{"format": 1, "input": [2], "runtime": "x 1.0", "cuts": [{"name": "a", "shape": [6], "dims": [2, 3], "channels": 1, "block": true}]}"#,
                None,
            ),
            (
                r#"{"format": 1, "input": [2], "cuts": [{"name": "a", "shape": [6], "dims": [2, 2]}]}"#,
                Some("has a cut \"a\" with the dims [2, 2], expected as many numbers as [6] has"),
            ),
            (
                r#"{"format": 1, "input": [2], "cuts": [{"name": "a", "shape": [6], "dims": [2, 3], "channels": 2}]}"#,
                Some(
                    "has a cut \"a\" with its channels at 2 of the dims [2, 3], expected at most 1",
                ),
            ),
            (
                r#"{"format": 1, "input": [2], "cuts": [{"name": "a", "shape": [6], "channels": 0}]}"#,
                Some("has a cut \"a\" with `channels` but without `dims`"),
            ),
            (
                r#"{"format": 1, "input": [2]}"#,
                Some("is not one: missing field `cuts`"),
            ),
            (
                r#"{"format": 1, "input": [2], "batch": 32, "cuts": [{"name": "a", "shape": [3]}]}"#,
                None,
            ),
            (
                r#"{"format": 1, "input": [2], "batch": 0, "cuts": [{"name": "a", "shape": [3]}]}"#,
                Some("has a batch of 0, expected 1 to 65536"),
            ),
            (
                r#"{"format": 1, "input": [2], "batch": 65537, "cuts": [{"name": "a", "shape": [3]}]}"#,
                Some("has a batch of 65537, expected 1 to 65536"),
            ),
            (
                r#"{"format": 2, "input": [2], "cuts": []}"#,
                Some("has the format 2, expected 1"),
            ),
            (
                r#"{"format": 1, "input": [2], "cuts": []}"#,
                Some("has 0 cuts, expected 1 to 16384"),
            ),
            (
                r#"{"format": 1, "input": [2, 2], "cuts": []}"#,
                Some(
                    "has an input of the shape [2, 2], expected [channels, height, width] or [features] with 1 to 1073741824 numbers",
                ),
            ),
            (
                r#"{"format": 1, "input": [2], "cuts": [{"name": "a", "shape": [0]}]}"#,
                Some(
                    "has a cut \"a\" of the shape [0], expected [channels, height, width] or [features] with 1 to 1073741824 numbers",
                ),
            ),
            (
                r#"{"format": 1, "input": [2], "cuts": [{"name": "a", "shape": [4611686018427387904, 4, 4]}]}"#,
                Some(
                    "has a cut \"a\" of the shape [4611686018427387904, 4, 4], expected [channels, height, width] or [features] with 1 to 1073741824 numbers",
                ),
            ),
            (
                r#"{"format": 1, "input": [2], "cuts": [{"name": "a", "shape": [1]}, {"name": "a", "shape": [1]}]}"#,
                Some("has two cuts with the name \"a\""),
            ),
            (
                r#"{"format": 1, "input": [2], "cuts": [{"name": " ", "shape": [1]}]}"#,
                Some("has a cut with the name \" \", expected visible characters on one line"),
            ),
            (
                r#"{"format": 1, "input": [2], "cuts": [{"name": "a", "shape": [1]}], "normalise": {"mean": [0], "std": [1, 1]}}"#,
                Some(
                    "normalises with 1 means and 2 standard deviations, expected 2 of each, one per channel",
                ),
            ),
            (
                r#"{"format": 1, "input": [1], "cuts": [{"name": "a", "shape": [1]}], "normalise": {"mean": [0], "std": [0]}}"#,
                Some(
                    "normalises with numbers that are not finite, or by a standard deviation that is not above 0",
                ),
            ),
        ];
        for (json, problem) in cases {
            let found = read(json.as_bytes()).err();
            assert_eq!(found.as_deref(), problem, "{json}");
        }
    }
}
