//! Blueprints of plugins beside the libraries that publish weights for them.

use std::collections::BTreeMap;

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::Deserialize;
use serde_json::Value;
use topwork_engine::{Blueprint, Compute, Network, Stream};
use topwork_weights::{Match, WeightsFile, import};

/// A network of such a library.
#[derive(Deserialize)]
struct Case {
    name: String,
    /// Those of the plugin that make its blueprint.
    parameters: Value,
    /// What the library calls its weights, with their shapes.
    weights: BTreeMap<String, Vec<usize>>,
}

/// Has blueprints of these parameters take the weights of each network in a file of `bench/backbones.py` by their names, all but those
/// of the last layer, and compute the features that the library gives; gives how many networks there are.
pub fn published(file: &[u8], blueprint: impl Fn(&Value) -> String) -> usize {
    let reference = SafeTensors::deserialize(file).unwrap();
    let (_, metadata) = SafeTensors::read_metadata(file).unwrap();
    let cases = metadata
        .metadata()
        .clone()
        .unwrap()
        .remove("cases")
        .unwrap();
    let cases: Vec<Case> = serde_json::from_str(&cases).unwrap();
    let images = numbers(&reference.tensor("images").unwrap());
    let compute = Compute::new(2).unwrap();
    for Case {
        name,
        parameters,
        weights,
    } in &cases
    {
        let values = weights.iter().map(|(key, shape)| weight(key, shape));
        let bytes: Vec<Vec<u8>> = values
            .map(|values| values.iter().flat_map(|x| x.to_le_bytes()).collect())
            .collect();
        let tensors = weights.iter().zip(&bytes).map(|((key, shape), bytes)| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap();
            (key, view)
        });
        let file = safetensors::serialize(tensors, None).unwrap();
        let file = WeightsFile::read(file).unwrap();

        let json = blueprint(parameters);
        let imported = import(&file, &json, None).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(imported.found, Match::Names, "{name}");
        let last = ["weight", "bias"].len();
        assert_eq!(
            imported.ignored.len(),
            last,
            "{name}: {:?}",
            imported.ignored
        );
        assert_eq!(imported.taken + last, weights.len(), "{name}");

        let blueprint = Blueprint::parse(&json).unwrap();
        let mut network = Network::init(&blueprint, &mut Stream::new(1, "init"));
        network.load_safetensors(&imported.safetensors).unwrap();
        let expected = numbers(&reference.tensor(&format!("{name}: features")).unwrap());
        let mut found = vec![0.0; expected.len()];
        network.forward(&compute, &images, &mut found).unwrap();
        let scale = expected.iter().fold(0f32, |most, x| most.max(x.abs()));
        let apart = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
        let apart = apart.fold(0f32, f32::max) / scale;
        println!("{name}: {apart:.1e} of the largest feature apart");
        // PyTorch's own features of 32 bits are up to 2e-5 from those of 64 bits.
        assert!(
            apart <= 1e-4,
            "{name}: {apart:e} of the largest feature apart"
        );
    }
    cases.len()
}

fn numbers(tensor: &TensorView<'_>) -> Vec<f32> {
    let values = tensor.data().as_chunks::<4>().0.iter();
    values.map(|&value| f32::from_le_bytes(value)).collect()
}

/// The numbers that `bench/backbones.py` makes for a weight of this name and shape.
fn weight(name: &str, shape: &[usize]) -> Vec<f32> {
    let start = (name.bytes()).fold(0x811C_9DC5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let several = shape.iter().filter(|&&size| size != 1).count() > 1;
    let summed: usize = shape.iter().skip(1).product();
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    (0..shape.iter().product::<usize>())
        .map(|place| {
            let mut bits = start.wrapping_add((place as u32).wrapping_mul(0x9E37_79B9));
            for (shift, factor) in [(16, 0x85EB_CA6B), (13, 0xC2B2_AE35)] {
                bits = (bits ^ (bits >> shift)).wrapping_mul(factor);
            }
            let uniform = f64::from(bits ^ (bits >> 16)) / 2f64.powi(32);
            let value = if several {
                (2.0 * uniform - 1.0) * (6.0 / summed as f64).sqrt()
            } else if ends(&["running_var"]) {
                0.5 + uniform
            } else if ends(&[".weight", ".gamma", ".layer_scale"]) {
                0.8 + 0.4 * uniform
            } else {
                0.4 * (uniform - 0.5)
            };
            value as f32
        })
        .collect()
}
