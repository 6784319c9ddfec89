//! What an extractor computes, as a model file in the ONNX format.

use super::Extractor;
use crate::call::collect;
use crate::json::{LARGEST, parse_object};
use crate::open;
use crate::{Ending, HostError};
use serde::Deserialize;
use topwork_abi as abi;

/// More bytes than one file of the format can have.
const LARGEST_MODEL: usize = i32::MAX as usize;

/// A model file that computes the features at a cut from normalised samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtractorModel {
    /// The file, with all of its weights within.
    pub file: Vec<u8>,
    /// The tensor that takes samples.
    pub input: String,
    /// The order of the dimensions of a sample.
    pub layout: ModelLayout,
    /// The tensor that holds the features.
    pub output: String,
    /// How many samples it takes at once, where that is not any number.
    pub batch: Option<usize>,
}

/// The order of the dimensions of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelLayout {
    /// Channels, height, width.
    Nchw,
    /// Height, width, channels.
    Nhwc,
}

#[derive(Deserialize)]
struct Described {
    format: u32,
    input: String,
    layout: ModelLayout,
    output: String,
    #[serde(default)]
    batch: Option<usize>,
}

impl Extractor {
    /// A model file that computes the features at the cut with this position; `None` where the plugin gives none.
    ///
    /// # Errors
    ///
    /// Whatever the plugin fails with; a model of more than 2 GiB, or a description that is none.
    pub fn onnx(&self, cut: usize) -> Result<Option<ExtractorModel>, HostError> {
        let Some(place) = self.info.cuts.get(cut) else {
            let problem = format!("there is no cut {cut} of {}", self.info.cuts.len());
            return Err(self.instance.request("giving its model file", problem));
        };
        let call = format!("giving its model file up to \"{}\"", place.name);
        let table = self.instance.extension(abi::EXTRACTOR_ONNX);
        if table.is_null() {
            return Ok(None);
        }
        // SAFETY: the id asked for gives the table this type.
        let table = unsafe { open::table::<abi::ExtractorOnnxTable>(table) };
        let table = table.map_err(|problem| {
            let problem = format!("the table `{}` {problem}", abi::EXTRACTOR_ONNX);
            self.instance.broken(&call, problem)
        })?;
        let Some(give) = table.model else {
            return Ok(None);
        };
        let ((result, file), description) = collect(LARGEST + 1, |description| {
            collect(LARGEST_MODEL, |model| {
                // SAFETY: instance and sinks live during the call.
                self.instance.call(&call, |instance, error| unsafe {
                    give(instance, cut, description, model, error)
                })
            })
        });
        match result {
            Ok(()) => {}
            Err(HostError::Call {
                ending: Ending::Unsupported,
                ..
            }) => return Ok(None),
            Err(error) => return Err(error),
        }
        if file.overflowed {
            let problem = format!(
                "a model of more than {LARGEST_MODEL} bytes, which one ONNX file cannot have"
            );
            return Err(self.instance.broken(&call, problem));
        }
        let said = read(&description.bytes).map_err(|problem| {
            (self.instance).broken(&call, format!("the description {problem}"))
        })?;
        Ok(Some(ExtractorModel {
            file: file.bytes,
            input: said.input,
            layout: said.layout,
            output: said.output,
            batch: said.batch,
        }))
    }
}

/// Reads and checks a description; an `Err` completes "the description …".
fn read(bytes: &[u8]) -> Result<Described, String> {
    let json = parse_object(bytes)?;
    let said: Described =
        serde_json::from_value(json).map_err(|error| format!("is not one: {error}"))?;
    match said {
        Described {
            format: 1, batch, ..
        } if batch != Some(0) => Ok(said),
        Described { format: 1, .. } => Err("has a batch of 0, expected 1 or more".to_owned()),
        Described { format, .. } => Err(format!("has the format {format}, expected 1")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_checked() {
        let cases = [
            (
                r#"{"format": 1, "input": "x", "layout": "nchw", "output": "y"}"#,
                None,
            ),
            (
                r#"{"format": 1, "input": "x", "layout": "nhwc", "output": "y", "batch": 1, "new": 2}"#,
                None,
            ),
            (
                r#"{"format": 1, "input": "x", "layout": "nchw", "output": "y", "batch": 0}"#,
                Some("has a batch of 0, expected 1 or more"),
            ),
            (
                r#"{"format": 2, "input": "x", "layout": "nchw", "output": "y"}"#,
                Some("has the format 2, expected 1"),
            ),
            (
                r#"{"format": 1, "input": "x", "layout": "chw", "output": "y"}"#,
                Some("is not one: unknown variant `chw`, expected `nchw` or `nhwc`"),
            ),
            (
                r#"{"format": 1, "input": "x", "layout": "nchw"}"#,
                Some("is not one: missing field `output`"),
            ),
        ];
        for (json, problem) in cases {
            let found = read(json.as_bytes()).err();
            assert_eq!(found.as_deref(), problem, "{json}");
        }
    }
}
