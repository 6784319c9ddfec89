//! An extractor that is a network of topwork, with weights of its own.

use super::{Normalise, check_normalise};
use crate::call::{Instance, collect};
use crate::json::{LARGEST, parse_object};
use crate::open;
use crate::{Ending, HostError};
use serde::Deserialize;
use serde_json::Value;
use topwork_abi as abi;

/// More bytes of weights than this are taken for garbage.
const LARGEST_WEIGHTS: usize = 1 << 33;

/// A network that an extractor is.
#[derive(Clone, Debug, PartialEq)]
pub struct ExtractorNetwork {
    /// The blueprint, as JSON.
    pub blueprint: String,
    /// A safetensors file with its arrays.
    pub weights: Vec<u8>,
    /// How samples must be normalised; any will do if `None`.
    pub normalise: Option<Normalise>,
    /// What names the files that it comes from.
    pub digest: Option<String>,
}

#[derive(Deserialize)]
struct Described {
    format: u32,
    blueprint: Value,
    #[serde(default)]
    normalise: Option<Normalise>,
    #[serde(default)]
    digest: Option<String>,
}

/// The network, or why there is none where the plugin says so.
pub(super) fn ask(
    instance: &Instance,
) -> Result<Result<ExtractorNetwork, Option<String>>, HostError> {
    const CALL: &str = "giving its network";
    let table = instance.extension(abi::EXTRACTOR_NETWORK);
    if table.is_null() {
        return Ok(Err(None));
    }
    // SAFETY: the id asked for gives the table this type.
    let table = unsafe { open::table::<abi::ExtractorNetworkTable>(table) };
    let table = table.map_err(|problem| {
        let problem = format!("the table `{}` {problem}", abi::EXTRACTOR_NETWORK);
        instance.broken(CALL, problem)
    })?;
    let Some(give) = table.network else {
        return Ok(Err(None));
    };
    let ((result, weights), description) = collect(LARGEST + 1, |description| {
        collect(LARGEST_WEIGHTS, |weights| {
            // SAFETY: instance and sinks live during the call.
            instance.call(CALL, |pointer, error| unsafe {
                give(pointer, description, weights, error)
            })
        })
    });
    match result {
        Ok(()) => {}
        Err(HostError::Call {
            ending: Ending::Unsupported,
            text,
            ..
        }) => return Ok(Err(Some(text))),
        Err(error) => return Err(error),
    }
    if weights.overflowed {
        let problem = format!("more than {LARGEST_WEIGHTS} bytes of weights");
        return Err(instance.broken(CALL, problem));
    }
    let said = read(&description.bytes)
        .map_err(|problem| instance.broken(CALL, format!("the description {problem}")))?;
    Ok(Ok(ExtractorNetwork {
        blueprint: said.blueprint.to_string(),
        weights: weights.bytes,
        normalise: said.normalise,
        digest: said.digest,
    }))
}

/// Reads and checks a description; an `Err` completes "the description …".
fn read(bytes: &[u8]) -> Result<Described, String> {
    let json = parse_object(bytes)?;
    let said: Described =
        serde_json::from_value(json).map_err(|error| format!("is not one: {error}"))?;
    if said.format != 1 {
        return Err(format!("has the format {}, expected 1", said.format));
    }
    let channels = said.blueprint["input"][0].as_u64().unwrap_or(0);
    check_normalise(said.normalise.as_ref(), channels as usize)?;
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_checked() {
        let cases = [
            (r#"{"format": 1, "blueprint": {"input": [1, 8, 8]}}"#, None),
            (
                r#"{"format": 1, "blueprint": {}, "normalise": "stated", "digest": "x", "new": 2}"#,
                None,
            ),
            (
                r#"{"format": 2, "blueprint": {}}"#,
                Some("has the format 2, expected 1"),
            ),
            (
                r#"{"format": 1}"#,
                Some("is not one: missing field `blueprint`"),
            ),
            (
                r#"{"format": 1, "blueprint": {"input": [1, 8, 8]}, "normalise": {"mean": [0, 0], "std": [1]}}"#,
                Some(
                    "normalises with 2 means and 1 standard deviations, expected 1 of each, one per channel",
                ),
            ),
        ];
        for (json, problem) in cases {
            let found = read(json.as_bytes()).err();
            assert_eq!(found.as_deref(), problem, "{json}");
        }
    }
}
