//! Network heads of linear layers: a multilayer perceptron, and a single layer.

mod linear;
mod mlp;

use linear::Linear;
use mlp::Mlp;
use topwork_sdk::{Blueprint, Error, Layer, export_plugin, network_head};

export_plugin! {
    id: "mlp",
    licence: "MIT OR Apache-2.0",
    components: [network_head::<Mlp>(), network_head::<Linear>()],
}

/// The beginning of a head: features of this shape as a flat vector. One output is that of a number to be predicted.
fn flat(feature_shape: &[usize], classes: usize) -> Result<Blueprint, Error> {
    if classes == 0 {
        return Err(Error::parameters("no outputs, expected at least 1"));
    }
    let blueprint = Blueprint::new(feature_shape);
    match feature_shape.len() {
        1 => Ok(blueprint),
        3 => Ok(blueprint.layer("flatten", Layer::Flatten)),
        rank => Err(Error::parameters(format!(
            "features of {rank} dimensions, expected 1 or 3"
        ))),
    }
}
