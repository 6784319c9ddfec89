//! An extractor that is a network of topwork, for authors.

use crate::Error;
use crate::enter::{enter, give, instance};
use crate::extractor::{Described, Extractor, Normalise};
use serde::Serialize;
use serde_json::Value;
use topwork_abi as abi;

/// A network that topwork builds, with weights of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct GivenNetwork {
    /// The blueprint, JSON in format 1, as a [`Backbone`](crate::Backbone) gives it.
    pub blueprint: String,
    /// A safetensors file with every array of the blueprint under the name it has there.
    pub weights: Vec<u8>,
    /// How samples must be normalised; any will do if `None`.
    pub normalise: Option<Normalise>,
    /// What names the files that the network comes from.
    pub digest: Option<String>,
}

/// The table of the ability.
pub(crate) struct Table<E>(E);

impl<E: Extractor> Table<E> {
    pub(crate) const TABLE: &'static abi::ExtractorNetworkTable = &abi::ExtractorNetworkTable {
        size: size_of::<abi::ExtractorNetworkTable>(),
        network: Some(network::<E>),
    };
}

#[derive(Serialize)]
struct Said<'n> {
    format: u32,
    blueprint: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    normalise: &'n Option<Normalise>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: &'n Option<String>,
}

unsafe extern "C" fn network<E: Extractor>(
    pointer: abi::Instance,
    description: *const abi::Sink,
    weights: *const abi::Sink,
    error: *const abi::Sink,
) -> abi::Status {
    let body = || {
        // SAFETY: the host hands back what `create` gave it, and no exclusive call is running.
        let extractor = unsafe { instance::<Described<E>>(pointer) }?;
        let found = extractor.extractor.network()?;
        let found = found.ok_or_else(|| Error::unsupported("it is no network of topwork"))?;
        let wrong = |error: serde_json::Error| Error::failed(format!("its network: {error}"));
        let said = Said {
            format: 1,
            blueprint: serde_json::from_str(&found.blueprint).map_err(wrong)?,
            normalise: &found.normalise,
            digest: &found.digest,
        };
        let said = serde_json::to_vec(&said).map_err(wrong)?;
        // SAFETY: the sinks are valid during the call.
        unsafe {
            give("description", description, &said)?;
            give("weights", weights, &found.weights)
        }
    };
    // SAFETY: the sink is valid during the call.
    unsafe { enter(error, body) }
}
