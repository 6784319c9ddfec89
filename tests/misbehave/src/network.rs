//! The backbone: one convolution with pooling for images of 28 × 28, or text that is no blueprint.

use crate::{At, Fault, Parameters, SCHEMA, Trouble};
use topwork_sdk::{
    Backbone, Blueprint, Component, Error, ExportedComponent, Host, Layer, abi, backbone,
};

struct Network(Trouble);

/// The sdk's component with its function exchanged, for blueprints that the sdk would not write.
pub const fn component() -> ExportedComponent {
    let mut component = *backbone::<Network>().table();
    component.table = (&raw const TABLE).cast();
    // SAFETY: the table is one of a backbone, and its function may be called; what that writes is another matter.
    unsafe { ExportedComponent::from_table(component) }
}

static TABLE: abi::BackboneTable = abi::BackboneTable {
    size: size_of::<abi::BackboneTable>(),
    network: Some(write_blueprint),
};

impl Component for Network {
    const ID: &str = "misbehave";
    const ABOUT: &str = "a small network that goes wrong on request";
    const SCHEMA: &str = SCHEMA;
    type Parameters = Parameters;

    fn create(host: Host, parameters: Parameters) -> Result<Self, Error> {
        Trouble::new(host, parameters).map(Network)
    }
}

impl Backbone for Network {
    fn blueprint(&self) -> Result<Blueprint, Error> {
        self.0.strike(At::Work)?;
        let convolution = if self.0.is(Fault::ControlName) {
            "conv\u{1b}[8m"
        } else {
            "conv"
        };
        Ok(Blueprint::new(&[1, 28, 28])
            .layer(convolution, Layer::conv2d(4, [5, 5]))
            .layer("relu", Layer::Relu)
            .layer("pool", Layer::max_pool2d([4, 4]))
            .layer("flatten", Layer::Flatten)
            .cut("features"))
    }
}

unsafe extern "C" fn write_blueprint(
    instance: abi::Instance,
    blueprint: *const abi::Sink,
    error: *const abi::Sink,
) -> abi::Status {
    // SAFETY: the sdk gives a backbone this table.
    let sdk_table = unsafe {
        &*backbone::<Network>()
            .table()
            .table
            .cast::<abi::BackboneTable>()
    };
    // SAFETY: the sdk's instance of a backbone is the backbone, and this call asks for shared access only.
    let fault = unsafe { &*instance.cast::<Network>() }.0.parameters.fault;
    let bytes = match (fault, sdk_table.network) {
        (Fault::BadUtf8, _) => b"{\"format\": 1, \"input\": [\"\xff\"]}".to_vec(),
        (Fault::NotJson, _) => b"{\"format\": 1,".to_vec(),
        (Fault::JsonList, _) => b"[1, 2]".to_vec(),
        (Fault::DeepJson, _) => [b"{\"a\":".repeat(100_000), b"1".to_vec()].concat(),
        (Fault::HugeJson, _) => format!("{{\"a\": \"{}\"}}", "a".repeat(2 << 20)).into_bytes(),
        // SAFETY: handed through as it came.
        (_, Some(network)) => return unsafe { network(instance, blueprint, error) },
        (_, None) => return abi::Status::UNSUPPORTED,
    };
    // SAFETY: the host's sink is valid during this call.
    unsafe { ((*blueprint).write)((*blueprint).context, bytes.as_ptr(), bytes.len()) };
    abi::Status::OK
}
