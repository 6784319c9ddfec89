//! Models with what they give, computed as networks: for `bench/operators.py`.
//!
//! `operators FOLDER…`: each folder has `model.onnx`, and as tensors of ONNX `image.pb`, all images of a batch, and
//! `expected.pb`. Told is a line for each: its name, `right`, `wrong` with the largest difference as a share of the largest
//! number, `refused` with the reason, or `broken` where what the importer made is no network.

use std::error::Error;
use std::fmt::Display;
use std::path::Path;

use bytes::Bytes;
use prost::Message;
use topwork_engine::{Blueprint, Compute, Network, Stream};
use topwork_onnx::message::{Model, Node, Tensor};
use topwork_onnx::{Folder, Imported, Wanted, import};

/// How far numbers may be off, as a share of the largest.
const ROUNDING: f32 = 1e-5;

fn main() -> Result<(), Box<dyn Error>> {
    let compute = Compute::new(2)?;
    for folder in std::env::args_os().skip(1) {
        let folder = Path::new(&folder);
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        println!("{name}\t{}", told(folder, &compute)?);
    }
    Ok(())
}

fn told(folder: &Path, compute: &Compute) -> Result<String, Box<dyn Error>> {
    let read = |name: &str| std::fs::read(folder.join(name)).map(Bytes::from);
    let model = Model::decode(read("model.onnx")?)?;
    let beside = Folder(folder.to_owned());
    let array = |name: &str| -> Result<_, Box<dyn Error>> {
        Ok(Tensor::decode(read(name)?)?.array(&beside)?)
    };
    let imported = match import(&model, &beside, &Wanted::default()) {
        Ok(imported) if is_tested_left_out(&imported, &model) => {
            let reason = import(&with_weights_behind(model), &beside, &Wanted::default());
            let reason = reason.err().map(|reason| reason.to_string());
            return Ok(format!("refused\t{}", reason.unwrap_or_default()));
        }
        Ok(imported) => imported,
        Err(reason) => return Ok(format!("refused\t{reason}")),
    };
    let network = match network(&imported) {
        Ok(network) => network,
        Err(reason) => return Ok(format!("broken\t{reason}")),
    };
    let (image, expected) = (array("image.pb")?, array("expected.pb")?);
    let numbers = |array: &topwork_onnx::Array| {
        let floats = array.as_floats().map(<[f32]>::to_vec);
        floats.ok_or("whole numbers instead of floating-point ones")
    };
    let (image, numbers) = (numbers(&image)?, numbers(&expected)?);
    let blueprint = network.blueprint();
    let samples = image.len() / blueprint.input().elements();
    let shape = blueprint.output();
    if samples * shape.elements() != numbers.len() {
        return Ok(format!(
            "wrong\tgives {shape}, expected {:?} of {samples}",
            expected.shape
        ));
    }
    let mut found = vec![0.0; numbers.len()];
    network.forward(compute, &image, &mut found)?;
    if let (Some([channels, height, width]), &[_, h, w, c]) =
        (shape.as_image(), expected.shape.as_slice())
        && [h, w, c] == [height, width, channels]
        && [h, w, c] != [channels, height, width]
    {
        found = channels_last(&found, channels, height * width);
    }
    let most = numbers.iter().fold(0.0f32, |most, x| most.max(x.abs()));
    let worst = (found.iter().zip(&numbers)).fold(0.0, |worst: f32, (a, b)| match a == b {
        true => worst,
        // Of NaN, which no comparison finds.
        false if (a - b).is_nan() => f32::INFINITY,
        false => worst.max((a - b).abs()),
    });
    let share = worst / most.max(f32::MIN_POSITIVE);
    let verdict = if share <= ROUNDING { "right" } else { "wrong" };
    Ok(format!("{verdict}\t{share:.1e}"))
}

/// Whether the last node is behind the end of the network and a layer of its own is asked for.
fn is_tested_left_out(imported: &Imported, model: &Model) -> bool {
    let nodes = model.graph.iter().flat_map(|graph| &graph.node);
    let last = nodes.last().map(|node| node.op_type.as_str());
    imported.left_out.last().map(String::as_str) == last && last.is_some()
}

/// The model with weights behind its end, so that nothing before them is left out.
fn with_weights_behind(mut model: Model) -> Model {
    if let Some(graph) = &mut model.graph
        && let Some(end) = graph.output.first_mut()
    {
        let weights = Tensor {
            dims: vec![2],
            data_type: 1,
            name: "weights".to_owned(),
            raw_data: Bytes::from_static(&[0; 8]),
            ..Tensor::default()
        };
        graph.initializer.push(weights);
        graph.node.push(Node {
            op_type: "Mul".to_owned(),
            input: vec![end.name.clone(), "weights".to_owned()],
            output: vec!["behind".to_owned()],
            ..Node::default()
        });
        end.name = "behind".to_owned();
    }
    model
}

fn network(imported: &Imported) -> Result<Network, String> {
    let words = |error: &dyn Display| error.to_string();
    let blueprint = Blueprint::parse(&imported.blueprint).map_err(|error| words(&error))?;
    let mut weights = topwork_tensors::Writer::default();
    for array in &imported.arrays {
        weights.array(array.name.as_str(), &array.shape, &array.numbers);
    }
    let weights = weights.finish().map_err(|error| words(&error))?;
    let mut network = Network::init(&blueprint, &mut Stream::new(0, "init/backbone"));
    let loaded = network.load_safetensors(&weights);
    loaded.map_err(|error| words(&error))?;
    Ok(network)
}

/// Samples of channels × places as places × channels.
fn channels_last(numbers: &[f32], channels: usize, places: usize) -> Vec<f32> {
    let samples = numbers.chunks_exact(channels * places);
    let turned = samples.flat_map(|sample| {
        (0..places).flat_map(move |place| sample[place..].iter().step_by(places))
    });
    turned.copied().collect()
}
