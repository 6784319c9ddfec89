//! Backbones for authors.

use crate::component::component;
use crate::enter::{enter, give, instance};
use crate::{Blueprint, Component, Error, ExportedComponent};
use topwork_abi as abi;

/// A network described as layers; the host builds, trains, freezes and saves it.
pub trait Backbone: Component {
    /// The layers and the cut points, the same at every call.
    fn blueprint(&self) -> Result<Blueprint, Error>;
}

/// The component for [`export_plugin!`](crate::export_plugin).
pub const fn backbone<B: Backbone>() -> ExportedComponent {
    component::<B, B>(
        abi::Kind::BACKBONE_BLUEPRINT,
        std::ptr::from_ref(Tables::<B>::TABLE).cast(),
    )
}

struct Tables<B>(B);

impl<B: Backbone> Tables<B> {
    const TABLE: &'static abi::BackboneTable = &abi::BackboneTable {
        size: size_of::<abi::BackboneTable>(),
        network: Some(network::<B>),
    };
}

unsafe extern "C" fn network<B: Backbone>(
    pointer: abi::Instance,
    blueprint: *const abi::Sink,
    error: *const abi::Sink,
) -> abi::Status {
    let body = || {
        // SAFETY: the host hands back what `create` gave it, and no exclusive call is running.
        let backbone = unsafe { instance::<B>(pointer) }?;
        let json = backbone.blueprint()?.to_json();
        // SAFETY: the sink is valid during the call.
        unsafe { give("blueprint", blueprint, json.as_bytes()) }
    };
    // SAFETY: the sink is valid during the call.
    unsafe { enter(error, body) }
}
