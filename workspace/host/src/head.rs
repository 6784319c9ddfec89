//! Network heads as the rest of topwork sees them.

use crate::HostError;
use crate::backbone::blueprint;
use crate::call::Instance;
use crate::library::Opened;
use serde_json::Value;
use std::sync::Arc;
use topwork_abi as abi;

/// An instance of a network head.
pub struct NetworkHead {
    instance: Instance,
    table: abi::NetworkHeadTable,
}

impl NetworkHead {
    pub(crate) fn create(
        plugin: &Arc<Opened>,
        component: usize,
        parameters: &Value,
    ) -> Result<NetworkHead, HostError> {
        let instance = Instance::create(plugin, component, parameters)?;
        // SAFETY: this is a component of the kind with this table.
        let table = unsafe { instance.table() }?;
        Ok(NetworkHead { instance, table })
    }

    /// The blueprint of the head's layers for features of this shape, `[channels, height, width]` or `[features]`, and this
    /// many classes: a JSON object as from [`Backbone::blueprint`](crate::Backbone::blueprint).
    pub fn layers(&self, feature_shape: &[usize], classes: usize) -> Result<String, HostError> {
        blueprint(
            &self.instance,
            "describing its layers",
            |instance, sink, error| match self.table.network {
                // SAFETY: instance, shape and sinks live during the call.
                Some(network) => unsafe {
                    network(
                        instance,
                        feature_shape.as_ptr(),
                        feature_shape.len(),
                        classes,
                        sink,
                        error,
                    )
                },
                None => abi::Status::UNSUPPORTED,
            },
        )
    }
}
