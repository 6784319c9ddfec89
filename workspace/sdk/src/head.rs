//! Network heads for authors.

use crate::component::component;
use crate::enter::{enter, give, instance, slice};
use crate::{Blueprint, Component, Error, ExportedComponent};
use topwork_abi as abi;

/// Layers that go on top of the features and are trained by the host.
pub trait NetworkHead: Component {
    /// The layers for features of this shape, `[channels, height, width]` or `[features]`, which is the blueprint's input too;
    /// the last one gives a logit for each of the classes. A head without a flatten layer cannot take three numbers.
    fn layers(&self, feature_shape: &[usize], classes: usize) -> Result<Blueprint, Error>;
}

/// The component for [`export_plugin!`](crate::export_plugin).
pub const fn network_head<H: NetworkHead>() -> ExportedComponent {
    component::<H, H>(
        abi::Kind::NETWORK_HEAD,
        std::ptr::from_ref(Tables::<H>::TABLE).cast(),
    )
}

struct Tables<H>(H);

impl<H: NetworkHead> Tables<H> {
    const TABLE: &'static abi::NetworkHeadTable = &abi::NetworkHeadTable {
        size: size_of::<abi::NetworkHeadTable>(),
        network: Some(network::<H>),
    };
}

unsafe extern "C" fn network<H: NetworkHead>(
    pointer: abi::Instance,
    feature_shape: *const usize,
    rank: usize,
    classes: usize,
    blueprint: *const abi::Sink,
    error: *const abi::Sink,
) -> abi::Status {
    let body = || {
        // SAFETY: the host hands back what `create` gave it, and no exclusive call is running.
        let head = unsafe { instance::<H>(pointer) }?;
        // SAFETY: the host lends the shape for this call.
        let feature_shape = unsafe { slice("feature shape", feature_shape, rank) }?;
        let json = head.layers(feature_shape, classes)?.to_json();
        // SAFETY: the sink is valid during the call.
        unsafe { give("blueprint", blueprint, json.as_bytes()) }
    };
    // SAFETY: the sink is valid during the call.
    unsafe { enter(error, body) }
}
