//! From a plugin's description to a network.

use std::path::Path;

use topwork_engine::{Blueprint, EngineError, JoinedMaps, Network, Stream};
use topwork_host::{HostError, Plugins};
use topwork_schema::{Component, CutPoint, Dims, LayerEntry, Pool};
use topwork_sniff::reason;

use crate::{GraftError, error::engine};

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

/// What stands before a cut.
pub fn cut(network: &Network, at: &CutPoint) -> Result<Network, GraftError> {
    let cut = match at.joined.is_empty() {
        true => network.keep(at.layers),
        false => network.joined(&at.joined, joined_maps(at)),
    };
    cut.map_err(engine("cutting"))
}

/// How a cut pools each of the maps that it joins.
pub(crate) fn joined_maps(cut: &CutPoint) -> JoinedMaps {
    match cut.reduction.pool {
        Some(Pool::Gap) => JoinedMaps::Mean,
        Some(Pool::Gmp) => JoinedMaps::Max,
        Some(Pool::ClassToken) => JoinedMaps::ClassToken,
        Some(Pool::MeanTokens) => JoinedMaps::MeanTokens,
        Some(Pool::ClassMean) => JoinedMaps::ClassMean,
        // No plan joins pyramids.
        Some(Pool::Flatten | Pool::Pyramid) | None => JoinedMaps::All,
    }
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
    (1..)
        .zip(blueprint.summary())
        .map(|(number, layer)| LayerEntry {
            name: layer.name,
            op: layer.op.to_owned(),
            detail: layer.detail,
            output: layer.output.dims().to_vec(),
            dims: token_dims(blueprint, number),
            parameters: layer.parameters as u64,
            multiply_adds: layer.multiply_adds,
        })
        .collect()
}

/// How tokens lie behind so many layers of a network; nothing of other shapes, which say it themselves.
pub(crate) fn token_dims(blueprint: &Blueprint, layers: usize) -> Option<Dims> {
    let last = blueprint.layers().get(layers.checked_sub(1)?)?;
    let [count, width] = last.output.as_tokens()?;
    Some(Dims::tokens(count, width, blueprint.leading_tokens(layers)))
}

pub(crate) fn parse(json: &str, component: &str) -> Result<Blueprint, GraftError> {
    Blueprint::parse(json).map_err(|source| GraftError::Blueprint {
        component: format!("`{component}`"),
        source,
    })
}
