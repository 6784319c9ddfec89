//! The backbone and the network head: one convolution with pooling for images of 28 × 28, one linear layer with a logit for each
//! class, or text that is no blueprint.

use crate::{At, Fault, Parameters, SCHEMA, Trouble};
use topwork_sdk::{
    Backbone, Blueprint, Component, Error, ExportedComponent, Host, Layer, NetworkHead, abi,
    backbone, network_head,
};

struct Trunk(Trouble);

struct Logits(Trouble);

/// The sdk's component with its function exchanged, for blueprints that the sdk would not write.
pub const fn backbone_component() -> ExportedComponent {
    let mut component = *backbone::<Trunk>().table();
    component.table = (&raw const BACKBONE).cast();
    // SAFETY: the table is one of a backbone, and its function may be called; what that writes is another matter.
    unsafe { ExportedComponent::from_table(component) }
}

/// The same for the head.
pub const fn head_component() -> ExportedComponent {
    let mut component = *network_head::<Logits>().table();
    component.table = (&raw const HEAD).cast();
    // SAFETY: as above, of a network head.
    unsafe { ExportedComponent::from_table(component) }
}

static BACKBONE: abi::BackboneTable = abi::BackboneTable {
    size: size_of::<abi::BackboneTable>(),
    network: Some(write_trunk),
};

static HEAD: abi::NetworkHeadTable = abi::NetworkHeadTable {
    size: size_of::<abi::NetworkHeadTable>(),
    network: Some(write_head),
};

impl Component for Trunk {
    const ID: &str = "misbehave";
    const ABOUT: &str = "a small network that goes wrong on request";
    const SCHEMA: &str = SCHEMA;
    type Parameters = Parameters;

    fn create(host: Host, parameters: Parameters) -> Result<Self, Error> {
        Trouble::new(host, parameters).map(Trunk)
    }
}

impl Backbone for Trunk {
    fn blueprint(&self) -> Result<Blueprint, Error> {
        self.0.strike(At::Work)?;
        Ok(Blueprint::new(&[1, 28, 28])
            .layer(self.0.layer_name("conv"), Layer::conv2d(4, [5, 5]))
            .layer("relu", Layer::Relu)
            .layer("pool", Layer::max_pool2d([4, 4]))
            .layer("flatten", Layer::Flatten)
            .cut("features"))
    }
}

impl Component for Logits {
    const ID: &str = "misbehave-network";
    const ABOUT: &str = "a linear layer that goes wrong on request";
    const SCHEMA: &str = SCHEMA;
    type Parameters = Parameters;

    fn create(host: Host, parameters: Parameters) -> Result<Self, Error> {
        Trouble::new(host, parameters).map(Logits)
    }
}

impl NetworkHead for Logits {
    fn layers(&self, feature_shape: &[usize], classes: usize) -> Result<Blueprint, Error> {
        self.0.strike(At::Work)?;
        let classes = match self.0.parameters.fault {
            Fault::WrongLengths => classes - 1,
            Fault::HugeCounts => 1 << 40,
            _ => classes,
        };
        let mut blueprint = Blueprint::new(feature_shape);
        if feature_shape.len() == 3 {
            blueprint = blueprint.layer("flatten", Layer::Flatten);
        }
        Ok(blueprint.layer(self.0.layer_name("logits"), Layer::linear(classes)))
    }
}

impl Trouble {
    fn layer_name(&self, name: &str) -> String {
        let hidden = if self.is(Fault::ControlName) {
            "\u{1b}[8m"
        } else {
            ""
        };
        format!("{name}{hidden}")
    }
}

/// What is written in place of a blueprint.
fn garbage(fault: Fault) -> Option<Vec<u8>> {
    Some(match fault {
        Fault::BadUtf8 => b"{\"format\": 1, \"input\": [\"\xff\"]}".to_vec(),
        Fault::NotJson => b"{\"format\": 1,".to_vec(),
        Fault::JsonList => b"[1, 2]".to_vec(),
        Fault::DeepJson => [b"{\"a\":".repeat(100_000), b"1".to_vec()].concat(),
        Fault::HugeJson => format!("{{\"a\": \"{}\"}}", "a".repeat(2 << 20)).into_bytes(),
        _ => return None,
    })
}

unsafe extern "C" fn write_trunk(
    instance: abi::Instance,
    blueprint: *const abi::Sink,
    error: *const abi::Sink,
) -> abi::Status {
    // SAFETY: the sdk's instance of a backbone is the backbone, and this call asks for shared access only.
    let fault = unsafe { &*instance.cast::<Trunk>() }.0.parameters.fault;
    if let Some(bytes) = garbage(fault) {
        // SAFETY: the host's sink is valid during this call.
        return unsafe { write(blueprint, &bytes) };
    }
    // SAFETY: the sdk gives a backbone this table.
    let table = unsafe { &*(backbone::<Trunk>().table().table).cast::<abi::BackboneTable>() };
    match table.network {
        // SAFETY: handed through as it came.
        Some(network) => unsafe { network(instance, blueprint, error) },
        None => abi::Status::UNSUPPORTED,
    }
}

unsafe extern "C" fn write_head(
    instance: abi::Instance,
    feature_shape: *const usize,
    rank: usize,
    classes: usize,
    blueprint: *const abi::Sink,
    error: *const abi::Sink,
) -> abi::Status {
    // SAFETY: the sdk's instance of a head is the head, and this call asks for shared access only.
    let fault = unsafe { &*instance.cast::<Logits>() }.0.parameters.fault;
    if let Some(bytes) = garbage(fault) {
        // SAFETY: the host's sink is valid during this call.
        return unsafe { write(blueprint, &bytes) };
    }
    // SAFETY: the sdk gives a network head this table.
    let table =
        unsafe { &*(network_head::<Logits>().table().table).cast::<abi::NetworkHeadTable>() };
    match table.network {
        // SAFETY: handed through as it came.
        Some(network) => unsafe {
            network(instance, feature_shape, rank, classes, blueprint, error)
        },
        None => abi::Status::UNSUPPORTED,
    }
}

unsafe fn write(sink: *const abi::Sink, bytes: &[u8]) -> abi::Status {
    // SAFETY: passed on.
    unsafe { ((*sink).write)((*sink).context, bytes.as_ptr(), bytes.len()) };
    abi::Status::OK
}
