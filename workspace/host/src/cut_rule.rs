//! Cut rules as the rest of topwork sees them.

use crate::HostError;
use crate::call::{Instance, collect};
use crate::json::{LARGEST, parse_object};
use crate::library::Opened;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Arc;
use topwork_abi as abi;

/// An instance of a cut rule.
pub struct CutRule {
    instance: Instance,
    table: abi::CutRuleTable,
}

/// Where a backbone can be cut: a layer, or a cut point of an extractor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutPlace {
    /// Its name.
    pub name: String,
    /// What is computed there; `extractor` where nobody knows.
    pub op: String,
    /// The shape of one sample's activations, `[channels, height, width]` or `[features]`.
    pub shape: Vec<usize>,
    /// What the backbone itself calls its cut point there, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<String>,
    /// The sizes of one sample's activations in their order, where `shape` does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dims: Option<Vec<usize>>,
    /// Which of `dims` counts channels; none if nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<usize>,
    /// Whether it is the end of a block of a residual network.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub block: bool,
}

/// A cut that a rule has chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleCut {
    /// Its name.
    pub name: String,
    /// The name of the last place kept.
    pub after: String,
    /// What is done with the activations there, if anything.
    #[serde(default)]
    pub pool: Option<RulePool>,
}

/// From a map of activations to a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RulePool {
    /// The mean of each channel.
    Gap,
    /// The maximum of each channel.
    Gmp,
    /// All numbers in one row.
    Flatten,
    /// Maxima of each channel over 1 × 1, 2 × 2 and 4 × 4 cells.
    Pyramid,
}

#[derive(Deserialize)]
struct Chosen {
    cuts: Vec<RuleCut>,
}

impl CutRule {
    pub(crate) fn create(
        plugin: &Arc<Opened>,
        component: usize,
        parameters: &Value,
    ) -> Result<CutRule, HostError> {
        let instance = Instance::create(plugin, component, parameters)?;
        // SAFETY: this is a component of the kind with this table.
        let table = unsafe { instance.table() }?;
        Ok(CutRule { instance, table })
    }

    /// The cuts it chooses for a backbone that takes samples of the shape `input` and has these places, from the input on: at
    /// least one, with unique names, each behind one of the places.
    pub fn cuts(&self, input: &[usize], places: &[CutPlace]) -> Result<Vec<RuleCut>, HostError> {
        const CALL: &str = "choosing where to cut";
        let backbone = json!({ "format": 1, "input": input, "places": places }).to_string();
        let (result, written) = collect(LARGEST + 1, |sink| {
            self.instance
                .call(CALL, |pointer, error| match self.table.cuts {
                    // SAFETY: instance, text and sinks live during the call.
                    Some(cuts) => unsafe { cuts(pointer, abi::Text::new(&backbone), sink, error) },
                    None => abi::Status::UNSUPPORTED,
                })
        });
        result?;
        read(&written.bytes, places).map_err(|problem| {
            self.instance
                .broken(CALL, format!("what it chose {problem}"))
        })
    }
}

/// Reads and checks the cuts; an `Err` completes "what it chose …".
fn read(bytes: &[u8], places: &[CutPlace]) -> Result<Vec<RuleCut>, String> {
    let json = parse_object(bytes)?;
    let Chosen { cuts } =
        serde_json::from_value(json).map_err(|error| format!("is no list of cuts: {error}"))?;
    if cuts.is_empty() {
        return Err("has no cuts, expected at least one".to_owned());
    }
    let mut names = HashSet::new();
    for RuleCut { name, after, .. } in &cuts {
        if name.trim().is_empty() || name.contains(['\n', '\t']) {
            return Err(format!(
                "has a cut with the name {name:?}, expected visible characters on one line"
            ));
        }
        if !names.insert(name) {
            return Err(format!("has two cuts with the name {name:?}"));
        }
        if !places.iter().any(|place| place.name == *after) {
            return Err(format!(
                "has the cut {name:?} after {after:?}, where the backbone has no place"
            ));
        }
    }
    Ok(cuts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_cuts_are_checked() {
        let places = [CutPlace {
            name: "conv1".to_owned(),
            op: "conv2d".to_owned(),
            shape: vec![2, 4, 4],
            cut: None,
            dims: None,
            channels: None,
            block: false,
        }];
        let cases = [
            (r#"{"cuts": [{"name": "a", "after": "conv1"}]}"#, None),
            (
                r#"{"cuts": [{"name": "a", "after": "conv1", "pool": "gap"}, {"name": "b", "after": "conv1"}]}"#,
                None,
            ),
            (
                r#"{"cuts": []}"#,
                Some("has no cuts, expected at least one"),
            ),
            (
                r#"{"cut": []}"#,
                Some("is no list of cuts: missing field `cuts`"),
            ),
            (
                r#"{"cuts": [{"name": "a", "after": "conv1", "pool": "mean"}]}"#,
                Some(
                    "is no list of cuts: unknown variant `mean`, expected one of `gap`, `gmp`, `flatten`, `pyramid`",
                ),
            ),
            (
                r#"{"cuts": [{"name": "a", "after": "conv2"}]}"#,
                Some("has the cut \"a\" after \"conv2\", where the backbone has no place"),
            ),
            (
                r#"{"cuts": [{"name": "a", "after": "conv1"}, {"name": "a", "after": "conv1"}]}"#,
                Some("has two cuts with the name \"a\""),
            ),
            (
                r#"{"cuts": [{"name": "", "after": "conv1"}]}"#,
                Some("has a cut with the name \"\", expected visible characters on one line"),
            ),
        ];
        for (json, problem) in cases {
            let found = read(json.as_bytes(), &places).err();
            assert_eq!(found.as_deref(), problem, "{json}");
        }
    }
}
