//! From a plugin's description to a network.

use std::path::Path;

use topwork_engine::{Blueprint, EngineError, Network, Stream};
use topwork_host::{HostError, Plugins};
use topwork_schema::{Component, LayerEntry};
use topwork_sniff::reason;

use crate::GraftError;

/// The backbone's blueprint.
pub fn backbone_blueprint(
    plugins: &Plugins,
    component: &Component,
) -> Result<Blueprint, GraftError> {
    let backbone = plugins.backbone(&component.component, &component.parameters.clone().into())?;
    parse(&backbone.blueprint()?, &component.component)
}

/// The blueprint of a network head on features of this shape.
pub fn head_blueprint(
    plugins: &Plugins,
    component: &Component,
    features: &[usize],
    classes: usize,
) -> Result<Blueprint, GraftError> {
    let head = plugins.network_head(&component.component, &component.parameters.clone().into())?;
    let blueprint = parse(&head.layers(features, classes)?, &component.component)?;
    let (input, output) = (blueprint.input(), blueprint.output());
    if input.dims() != features || output.dims() != [classes] {
        let problem = format!(
            "layers from {:?} to {:?}, expected {features:?} to [{classes}]",
            input.dims(),
            output.dims()
        );
        let broken = HostError::Broken {
            plugin: component.plugin().to_owned(),
            call: "describing its layers".to_owned(),
            problem,
        };
        return Err(broken.into());
    }
    Ok(blueprint)
}

/// A network with its initial weights. `role` names the random stream, so that the same role
/// starts from the same weights whatever else an experiment holds.
pub fn initialised(blueprint: &Blueprint, seed: u64, role: &str) -> Network {
    Network::init(blueprint, &mut Stream::new(seed, &format!("init/{role}")))
}

/// Puts the weights of a file into a network.
pub fn load_weights(network: &mut Network, path: &Path) -> Result<(), GraftError> {
    let fail = |reason: String, hint: Option<&str>| GraftError::Weights {
        path: path.display().to_string(),
        reason,
        hint: hint.map(str::to_owned),
    };
    let bytes = std::fs::read(path).map_err(|error| fail(reason(&error), None))?;
    network.load_safetensors(&bytes).map_err(|error| {
        let import = "`topwork weights import FILE --backbone ID` fits the weights of other \
                      programs (PyTorch, ONNX, safetensors) to a backbone";
        let kind = topwork_sniff::kind(&bytes[..bytes.len().min(topwork_sniff::WANTED)]);
        match (&error, kind) {
            (EngineError::SafeTensors(_), Some(kind)) => fail(
                format!("expected a safetensors file, and it is {kind}"),
                kind.hint().or(Some(import)),
            ),
            (EngineError::SafeTensors(_) | EngineError::Weights { .. }, _) => {
                fail(error.to_string(), Some(import))
            }
            _ => fail(error.to_string(), error.hint()),
        }
    })
}

/// The layers for tables and catalogs.
pub fn layer_entries(blueprint: &Blueprint) -> Vec<LayerEntry> {
    (blueprint.summary().into_iter())
        .map(|layer| LayerEntry {
            name: layer.name,
            op: layer.op.to_owned(),
            detail: layer.detail,
            output: layer.output.dims().to_vec(),
            dims: None,
            parameters: layer.parameters as u64,
            multiply_adds: layer.multiply_adds,
        })
        .collect()
}

pub(crate) fn parse(json: &str, component: &str) -> Result<Blueprint, GraftError> {
    Blueprint::parse(json).map_err(|source| GraftError::Blueprint {
        component: format!("`{component}`"),
        source,
    })
}
