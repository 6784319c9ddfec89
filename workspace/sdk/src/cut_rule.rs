//! Cut rules for authors.

use crate::component::component;
use crate::enter::{enter, give, instance, text};
use crate::{Component, Error, ExportedComponent};
use serde::{Deserialize, Serialize};
use topwork_abi as abi;

/// Chooses where to cut a backbone that it has never seen.
pub trait CutRule: Component {
    /// The cuts, at least one, in the order of the table. An [`Error::parameters`] says why this backbone has none.
    fn cuts(&self, backbone: &CutBackbone) -> Result<Vec<RuleCut>, Error>;
}

/// A backbone as a cut rule sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutBackbone {
    /// The shape of one sample, `[channels, height, width]` or `[features]`.
    pub input: Vec<usize>,
    /// The layers of a blueprint, or the cut points of an extractor, from the input on; at least one.
    pub places: Vec<CutPlace>,
}

/// Where a backbone can be cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutPlace {
    /// Its name, unique in the backbone.
    pub name: String,
    /// What is computed there, for example `conv2d`; `extractor` where nobody knows.
    pub op: String,
    /// The shape of one sample's activations, `[channels, height, width]` or `[features]`.
    pub shape: Vec<usize>,
    /// What the backbone itself calls its cut point there, if it has one.
    #[serde(default)]
    pub cut: Option<String>,
    /// The sizes of one sample's activations in their order, where `shape` does not say it.
    #[serde(default)]
    pub dims: Option<Vec<usize>>,
    /// Which of `dims` counts channels; none if nobody knows.
    #[serde(default)]
    pub channels: Option<usize>,
    /// Whether it is the end of a block of a residual network.
    #[serde(default)]
    pub block: bool,
}

impl CutPlace {
    /// The cut behind this place, named as the backbone names it, with the activations as they are.
    pub fn chosen(&self) -> RuleCut {
        RuleCut {
            name: self.cut.as_ref().unwrap_or(&self.name).clone(),
            after: self.name.clone(),
            pool: None,
        }
    }
}

/// One cut chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleCut {
    /// Its name in the table, unique among the cuts.
    pub name: String,
    /// The name of the last place kept.
    pub after: String,
    /// What is done with the activations there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<Pool>,
}

/// From a map of activations to a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pool {
    /// The mean of each channel.
    Gap,
    /// The maximum of each channel.
    Gmp,
    /// All numbers in one row.
    Flatten,
    /// Maxima of each channel over 1 × 1, 2 × 2 and 4 × 4 cells.
    Pyramid,
}

/// The component for [`export_plugin!`](crate::export_plugin).
pub const fn cut_rule<R: CutRule>() -> ExportedComponent {
    component::<R, R>(
        abi::Kind::CUT_RULE,
        std::ptr::from_ref(Tables::<R>::TABLE).cast(),
    )
}

struct Tables<R>(R);

impl<R: CutRule> Tables<R> {
    const TABLE: &'static abi::CutRuleTable = &abi::CutRuleTable {
        size: size_of::<abi::CutRuleTable>(),
        cuts: Some(cuts::<R>),
    };
}

unsafe extern "C" fn cuts<R: CutRule>(
    pointer: abi::Instance,
    backbone: abi::Text,
    cuts: *const abi::Sink,
    error: *const abi::Sink,
) -> abi::Status {
    let body = || {
        // SAFETY: the host hands back what `create` gave it, and no exclusive call is running.
        let rule = unsafe { instance::<R>(pointer) }?;
        // SAFETY: the host lends the text for this call.
        let backbone = unsafe { text("backbone", backbone) }?;
        let backbone: CutBackbone = serde_json::from_str(backbone)
            .map_err(|error| Error::call(format!("the backbone's description: {error}")))?;
        let json = serde_json::json!({ "cuts": rule.cuts(&backbone)? }).to_string();
        // SAFETY: the sink is valid during the call.
        unsafe { give("cuts", cuts, json.as_bytes()) }
    };
    // SAFETY: the sink is valid during the call.
    unsafe { enter(error, body) }
}
