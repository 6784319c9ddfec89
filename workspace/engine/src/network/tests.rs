use safetensors::Dtype;
use safetensors::tensor::TensorView;

use super::*;
use crate::example_networks::{HEAD, LENET, network, numbers};

#[test]
fn weights_start_as_in_pytorch() {
    let network = network(LENET, 1);
    assert_eq!(network.parameters(), 520 + 25_050);
    let expected = [
        ("conv1.weight", vec![20, 1, 5, 5], 25),
        ("conv1.bias", vec![20], 25),
        ("conv2.weight", vec![50, 20, 5, 5], 500),
        ("conv2.bias", vec![50], 500),
    ];
    for (weight, (name, shape, fan_in)) in network.weights().zip(expected) {
        assert_eq!((weight.name.as_str(), &weight.shape), (name, &shape));
        let bound = 1.0 / (fan_in as f32).sqrt();
        let largest = weight.values.iter().fold(0f32, |most, x| most.max(x.abs()));
        assert!(
            largest <= bound && largest > 0.8 * bound,
            "{name}: {largest}"
        );
        // Even spread within ±bound: the variance is bound²/3.
        let squares = weight.values.iter().map(|x| x * x).sum::<f32>();
        let variance = squares / weight.values.len() as f32 / (bound * bound);
        assert!((variance - 1.0 / 3.0).abs() < 0.15, "{name}: {variance}");
    }
}

#[test]
fn a_trunk_computes_what_the_whole_network_computes_on_the_way() {
    let compute = Compute::new(2).unwrap();
    let lenet = network(LENET, 1);
    let images = numbers(3 * 784, 5);
    let mut features = vec![0.0; 3 * 800];
    lenet.forward(&compute, &images, &mut features).unwrap();
    for layers in 1..=7 {
        let trunk = lenet.keep(layers).unwrap();
        let mut between = vec![0.0; 3 * trunk.blueprint().output().elements()];
        trunk.forward(&compute, &images, &mut between).unwrap();
        assert!(between.iter().any(|&x| x != 0.0));
        if layers >= 6 {
            assert_eq!(between, features);
        }
        let weights: Vec<&str> = trunk.weights().map(|weight| weight.name.as_str()).collect();
        assert_eq!(weights.len(), if layers < 4 { 2 } else { 4 });
    }
    assert_eq!(lenet.keep(7).unwrap().digest(), lenet.digest());
    assert_ne!(lenet.keep(3).unwrap().digest(), lenet.digest());
    let error = lenet.keep(8).unwrap_err().to_string();
    assert_eq!(error, "cannot keep 8 layers, expected 1 to 7");
}

#[test]
fn any_number_of_samples_goes_through_on_any_number_of_threads() {
    let lenet = network(LENET, 1);
    let images = numbers(300 * 784, 6);
    let extract = |threads: usize, images: &[f32]| {
        let compute = Compute::new(threads).unwrap();
        let mut features = vec![f32::NAN; images.len() / 784 * 800];
        lenet.forward(&compute, images, &mut features).unwrap();
        features
    };
    let all = extract(1, &images);
    assert_eq!(extract(2, &images), all);
    assert_eq!(extract(4, &images), all);
    assert_eq!(extract(2, &images[..784 * 130]), all[..800 * 130]);
    assert_eq!(extract(2, &images[784 * 7..784 * 8]), all[800 * 7..800 * 8]);
    assert_eq!(extract(2, &[]), [0.0; 0]);
}

#[test]
fn lengths_that_do_not_fit_are_refused() {
    let compute = Compute::new(1).unwrap();
    let lenet = network(LENET, 1);
    let error = |inputs: usize, outputs: usize| {
        let result = lenet.forward(&compute, &vec![0.0; inputs], &mut vec![0.0; outputs]);
        result.unwrap_err().to_string()
    };
    assert_eq!(
        error(785, 800),
        "inputs hold 785 values, expected a multiple of 784 (1×28×28)"
    );
    assert_eq!(
        error(2 * 784, 800),
        "outputs hold 800 values, expected 2 samples of 800"
    );
}

#[test]
fn the_digest_reads_names_shapes_and_every_bit() {
    let head = network(HEAD, 2);
    let digest = head.digest();
    assert_eq!(digest.len(), 64);
    assert_eq!(network(HEAD, 2).digest(), digest);
    for index in 0..4 {
        let mut other = head.clone();
        let weight = other.weights_mut().nth(index).unwrap();
        let last = Arc::make_mut(&mut weight.values).last_mut().unwrap();
        *last = f32::from_bits(last.to_bits() ^ 1);
        assert_ne!(other.digest(), digest, "one bit of weight {index}");
    }
    let renamed = network(&HEAD.replace("logits", "scores"), 2);
    assert_ne!(renamed.digest(), digest);
}

/// The digest is promised to stay the same between versions; these numbers hold it to that.
#[test]
fn the_digest_of_a_known_network_never_changes() {
    let blueprint =
        r#"{"format": 1, "input": [2], "layers": [{"name": "a", "op": "linear", "units": 1}]}"#;
    let mut known = network(blueprint, 0);
    for (weight, values) in known.weights_mut().zip([vec![1.0, -2.0], vec![0.5]]) {
        weight.values = Arc::new(values);
    }
    assert_eq!(
        known.digest(),
        "3025d50ddaef2da5e82b91efbf6bd66551bdffa62586057672fde901c88610aa"
    );
}

#[test]
fn weights_survive_the_way_through_safetensors() {
    let lenet = network(LENET, 1);
    let bytes = lenet.to_safetensors().unwrap();
    assert_eq!(lenet.to_safetensors().unwrap(), bytes);
    let mut other = network(LENET, 2);
    assert_ne!(other.digest(), lenet.digest());
    other.load_safetensors(&bytes).unwrap();
    assert_eq!(other.digest(), lenet.digest());
}

#[test]
fn all_weights_that_do_not_fit_are_listed() {
    let mut lenet = network(LENET, 1);
    let before = lenet.digest();
    let smaller = LENET.replace(r#""filters": 20"#, r#""filters": 10"#);
    let renamed = smaller.replace(r#""name": "conv2""#, r#""name": "convolution2""#);
    let mut lines = Vec::new();
    for json in [HEAD, &renamed] {
        let bytes = network(json, 3).to_safetensors().unwrap();
        lines.push(lenet.load_safetensors(&bytes).unwrap_err().to_string());
    }
    let halves = TensorView::new(Dtype::F16, vec![20], &[0; 40]).unwrap();
    let bytes = safetensors::serialize([("conv1.bias", halves)], None).unwrap();
    lines.push(lenet.load_safetensors(&bytes).unwrap_err().to_string());
    lines.push(lenet.load_safetensors(&[1, 2, 3]).unwrap_err().to_string());
    assert_eq!(lenet.digest(), before, "a failed load changes nothing");
    insta::assert_snapshot!(lines.join("\n"));
}

/// A convolution and a norm under names of a published file, one of them exact.
const RENAMED: &str = r#"{"format": 1, "input": [1, 2, 2], "layers": [
    {"name": "stem.conv", "op": "conv2d", "filters": 2, "kernel": [1, 1]},
    {"name": "stem.norm", "op": "batch-norm2d"}],
    "weights": {"ignore": ["*.tracked", "_fc.*"],
        "rename": [["_conv_stem.*", "stem.conv.*"], ["bn0.*", "stem.norm.*"]]}}"#;

fn entry(name: &str, shape: &[usize]) -> TensorEntry {
    TensorEntry {
        name: name.to_owned(),
        shape: shape.to_vec(),
        unusable: None,
    }
}

fn published() -> Vec<TensorEntry> {
    vec![
        entry("_fc.weight", &[1000, 2]),
        entry("_conv_stem.weight", &[2, 1, 1, 1]),
        entry("stem.conv.bias", &[2]),
        entry("bn0.tracked", &[]),
    ]
    .into_iter()
    .chain(
        ["weight", "bias", "running_mean", "running_var"]
            .map(|kind| entry(&format!("bn0.{kind}"), &[2])),
    )
    .collect()
}

#[test]
fn the_same_weights_are_found_under_other_names() {
    let network = network(RENAMED, 1);
    let mut tensors = published();
    let assignment = network.assign(&tensors).unwrap();
    // A dense layer's weight is that of a convolution of one place.
    tensors[1].shape = vec![2];
    tensors[2].shape = vec![2, 1, 1];
    assert_eq!(network.assign(&tensors).unwrap(), assignment);
    assert_eq!(assignment.taken, [1, 2, 4, 5, 6, 7]);
    assert_eq!(assignment.ignored, [0, 3]);
}

#[test]
fn a_wrong_assignment_tells_what_is_near() {
    let network = network(RENAMED, 1);
    let refused = |change: &dyn Fn(&mut Vec<TensorEntry>)| {
        let mut tensors = published();
        change(&mut tensors);
        network.assign(&tensors).unwrap_err().to_string()
    };
    let messages = [
        refused(&|tensors| tensors[1].name = "conv_stem.weight".to_owned()),
        refused(&|tensors| tensors[1].shape = vec![2, 1, 3, 3]),
        refused(&|tensors| tensors[4].unusable = Some("of type I64, expected F32".to_owned())),
        refused(&|tensors| tensors.push(entry("_conv_stem.bias", &[2]))),
        refused(&|tensors| tensors.truncate(2)),
        refused(&|tensors| {
            tensors.extend((0..30).map(|index| entry(&format!("more{index}"), &[1])))
        }),
    ];
    insta::assert_snapshot!(messages.join("\n"));
}

/// What was made of the weights for a forward pass never outlives them, nor does a clone see those of another.
#[test]
fn new_weights_are_those_that_count() {
    // By matrices, by Winograd's algorithm and with nothing prepared.
    let convolutions = r#"{"format": 1, "input": [3, 8, 8], "layers": [
        {"name": "plain", "op": "conv2d", "filters": 32, "kernel": [3, 3], "padding": [1, 1]},
        {"name": "norm", "op": "batch-norm2d"},
        {"name": "winograd", "op": "conv2d", "filters": 32, "kernel": [3, 3], "padding": [1, 1]},
        {"name": "depthwise", "op": "conv2d", "filters": 32, "kernel": [3, 3], "groups": 32}]}"#;
    let compute = Compute::new(2).unwrap();
    let images = numbers(2 * 3 * 64, 4);
    let outputs = |network: &Network| {
        let mut outputs = vec![0.0; 2 * 32 * 36];
        network.forward(&compute, &images, &mut outputs).unwrap();
        outputs
    };
    let mut changed = network(convolutions, 1);
    let kept = changed.clone();
    let before = outputs(&changed);
    assert_eq!(outputs(&changed), before);
    let other = network(convolutions, 2);
    let values = other.weights().map(|weight| weight.values.to_vec());
    changed.set_weights(values.collect()).unwrap();
    assert_eq!(outputs(&changed), outputs(&other));
    assert_eq!(outputs(&kept), before);
    for index in 0..changed.weights().count() {
        let before = outputs(&changed);
        let weight = changed.weights_mut().nth(index).unwrap();
        Arc::make_mut(&mut weight.values)[0] += 0.5;
        assert_ne!(outputs(&changed), before, "array {index}");
    }
}
