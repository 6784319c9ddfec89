//! The model as a network that topwork builds, where it has layers for all of it.

use crate::Parameters;
use crate::image::{Layout, image_input, sample_shape};
use crate::model::{digest_of, folder_of, read};
use bytes::Bytes;
use prost::Message;
use topwork_onnx::message::Model;
use topwork_onnx::{Folder, Imported, Wanted, import};
use topwork_sdk::{Error, GivenNetwork, Normalise, tensors};

/// The network, or all that keeps the model from being one.
pub fn network(parameters: &Parameters) -> Result<Result<GivenNetwork, String>, Error> {
    let path = &parameters.file;
    let shown = path.display().to_string();
    let file = std::fs::read(path)
        .map_err(|error| Error::data(format!("cannot read `{shown}`: {error}")))?;
    let (wanted, digest) = {
        let graph = read(&file, &shown)?;
        let image = image_input(&graph, &shown)?;
        let sample = sample_shape(image, parameters.layout, parameters.input, &shown)?;
        let wanted = Wanted {
            outputs: parameters.cuts.clone(),
            input: Some(sample),
            channels_last: parameters.layout == Layout::Nhwc,
        };
        (wanted, digest_of(&file, &graph, path, "engine")?)
    };
    // What the messages do not take may still be something to a runtime, which says so otherwise.
    let model = match Model::decode(Bytes::from(file)) {
        Ok(model) => model,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let imported = import(&model, &Folder(folder_of(path).to_owned()), &wanted);
    drop(model);
    let Imported {
        blueprint, arrays, ..
    } = match imported {
        Ok(imported) => imported,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let mut weights = tensors::Writer::default();
    for array in &arrays {
        weights.array(array.name.as_str(), &array.shape, &array.numbers);
    }
    let weights = weights
        .finish()
        .map_err(|error| Error::failed(format!("`{shown}`: its weights: {error}")))?;
    Ok(Ok(GivenNetwork {
        blueprint,
        weights,
        normalise: Some(Normalise::Stated),
        digest: Some(digest),
    }))
}

/// What a model is refused with, before the reasons.
pub const REFUSED: &str = "topwork has no layers for all of it";

/// What is said where the experiment asks for the engine and there is no network.
pub fn refused(parameters: &Parameters, because: &str) -> Error {
    let path = parameters.file.display();
    Error::data(format!("`{path}`: {REFUSED}: {because}"))
    .with_hint("`runtime = \"auto\"` computes it as it is, frozen; where only what comes late is to blame, name the tensors to cut at in `cuts`")
}
