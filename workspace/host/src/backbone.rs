//! Backbones as the rest of topwork sees them.

use crate::HostError;
use crate::call::{Instance, collect};
use crate::json::{LARGEST, parse_object};
use crate::library::Opened;
use serde_json::Value;
use std::sync::Arc;
use topwork_abi as abi;

/// An instance of a backbone.
pub struct Backbone {
    instance: Instance,
    table: abi::BackboneTable,
}

impl Backbone {
    pub(crate) fn create(
        plugin: &Arc<Opened>,
        component: usize,
        parameters: &Value,
    ) -> Result<Backbone, HostError> {
        let instance = Instance::create(plugin, component, parameters)?;
        // SAFETY: this is a component of the kind with this table.
        let table = unsafe { instance.table() }?;
        Ok(Backbone { instance, table })
    }

    /// The blueprint: a JSON object of limited size and depth, without control characters. What it means is not checked here.
    pub fn blueprint(&self) -> Result<String, HostError> {
        blueprint(
            &self.instance,
            "describing its network",
            |instance, sink, error| match self.table.network {
                // SAFETY: instance and sinks live during the call.
                Some(network) => unsafe { network(instance, sink, error) },
                None => abi::Status::UNSUPPORTED,
            },
        )
    }
}

/// A call that writes a blueprint.
pub(crate) fn blueprint(
    instance: &Instance,
    call: &str,
    function: impl FnOnce(abi::Instance, *const abi::Sink, *const abi::Sink) -> abi::Status,
) -> Result<String, HostError> {
    let (result, written) = collect(LARGEST + 1, |sink| {
        instance.call(call, |pointer, error| function(pointer, sink, error))
    });
    result?;
    if written.overflowed {
        let problem = format!("the blueprint has more than {LARGEST} bytes of JSON");
        return Err(instance.broken(call, problem));
    }
    parse_object(&written.bytes)
        .map_err(|problem| instance.broken(call, format!("the blueprint {problem}")))?;
    String::from_utf8(written.bytes)
        .map_err(|_| instance.broken(call, "the blueprint is not UTF-8"))
}
