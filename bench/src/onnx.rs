//! Networks of others, from the file in the ONNX format that the peers compute, too.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use prost::Message;
use topwork_engine::{Blueprint, Network, Stream};
use topwork_onnx::{Folder, Wanted, import, message::Model};

use crate::settings::Backbone;

/// Where the file of a backbone's `model` for images of its `input` lies, as `onnx_file` in peers.py has it, and that input.
pub fn file(backbone: &Backbone, folder: &Path) -> Result<(PathBuf, [usize; 3])> {
    let parameter = |name: &str| {
        let found = backbone.parameters.get(name);
        found.with_context(|| format!("the backbone has no `{name}`"))
    };
    let input: [usize; 3] = serde_json::from_value(parameter("input")?.clone())?;
    let model = parameter("model")?.as_str().context("`model` is no text")?;
    let model = model.rsplit('/').next().unwrap_or(model);
    let path = folder.join(format!("onnx/{model}-{}.onnx", input[1]));
    Ok((path, input))
}

/// The network in that file.
pub fn network(backbone: &Backbone, folder: &Path) -> Result<Network> {
    let (path, input) = file(backbone, folder)?;
    let bytes = std::fs::read(&path);
    let bytes = bytes.with_context(|| format!("{}; compare.py has it written", path.display()))?;
    let wanted = Wanted {
        input: Some(input),
        ..Wanted::default()
    };
    let beside = Folder(folder.join("onnx"));
    let imported = import(&Model::decode(&*bytes)?, &beside, &wanted)?;
    let blueprint = Blueprint::parse(&imported.blueprint)?;
    let mut network = Network::init(&blueprint, &mut Stream::new(1, "init/backbone"));
    let mut arrays = imported.arrays;
    let values = network.arrays().map(|array| {
        let found = arrays.iter_mut().find(|found| found.name == array.name);
        let found = found.with_context(|| format!("the file has no `{}`", array.name))?;
        Ok(std::mem::take(&mut found.numbers))
    });
    let values: Result<Vec<Vec<f32>>> = values.collect();
    network.set_weights(values?)?;
    Ok(network)
}
