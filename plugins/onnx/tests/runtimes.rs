//! What all runtimes must give, and onnxruntime by way of OpenVINO too. Tests of a runtime that is not there and of files that are not there are listed as ignored.
//!
//! onnxruntime is looked for as the plugin does (`ORT_DYLIB_PATH`), large files in the folder that `TOPWORK_LARGE_FILES` names.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod providers;
mod small;

use libtest_mimic::{Arguments, Trial};
use serde_json::{Value, json};
use small::{layers, small};
use std::io::Read;
use std::path::{Path, PathBuf};
use topwork_plugin_onnx::PLUGIN;
use topwork_sdk::drive::{DrivenExtractor, Driver, TestHost};
use topwork_sdk::{Error, ErrorKind};
use topwork_testkit::{Attribute, OnnxFile};

/// An image of 3×3 pixels.
const IMAGE: [f32; 9] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];

/// What the model makes of [`IMAGE`]. The sums of the four squares are 12, 16, 24 and 28.
const EXPECTED: [(&str, &[f32]); 5] = [
    ("conv", &[1.0, 2.0, 4.0, 5.0, -8.0, -4.0, 4.0, 8.0]),
    ("relu", &[1.0, 2.0, 4.0, 5.0, 0.0, 0.0, 4.0, 8.0]),
    ("pool", &[3.0, 3.0]),
    ("flat", &[3.0, 3.0]),
    ("logits", &[3.5, 3.0, -2.0]),
];

/// A test and its name.
type Case = (&'static str, fn(&str));

const CASES: &[Case] = &[
    ("describes_the_model", describes_the_model),
    ("computes_what_paper_gives", computes_what_paper_gives),
    ("takes_a_fixed_batch", takes_a_fixed_batch),
    (
        "takes_the_size_from_the_experiment",
        takes_the_size_from_the_experiment,
    ),
    ("takes_channels_last", takes_channels_last),
    (
        "takes_weights_listed_as_inputs",
        takes_weights_listed_as_inputs,
    ),
    (
        "takes_weights_from_other_files",
        takes_weights_from_other_files,
    ),
    ("leaves_other_inputs_alone", leaves_other_inputs_alone),
    (
        "computes_nothing_behind_the_cut",
        computes_nothing_behind_the_cut,
    ),
    (
        "gives_the_same_bits_on_any_thread",
        gives_the_same_bits_on_any_thread,
    ),
    (
        "tells_features_that_are_not_finite",
        tells_features_that_are_not_finite,
    ),
    ("flattens_what_is_no_map", flattens_what_is_no_map),
    (
        "takes_tensors_that_are_the_same",
        takes_tensors_that_are_the_same,
    ),
    ("takes_nodes_in_any_order", takes_nodes_in_any_order),
    ("tells_where_channels_are", tells_where_channels_are),
    (
        "lists_nothing_that_is_the_same_for_all",
        lists_nothing_that_is_the_same_for_all,
    ),
    ("survives_flipped_bits", survives_flipped_bits),
];

const LARGE: &[Case] = &[("efficientnet_lite0_gives_the_reference", efficientnet)];

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for runtime in ["rten", "onnxruntime", "openvino"] {
        let absent = !is_there(runtime);
        for (name, test) in CASES {
            trials.push(trial(runtime, name, *test, absent));
        }
        for (name, test) in LARGE {
            let absent = absent || large_files().is_none();
            trials.push(trial(runtime, name, *test, absent));
        }
    }
    let absent = !is_there("openvino");
    trials.push(trial(
        "openvino",
        "is_another_than_cpu",
        providers::other,
        absent,
    ));
    let absent = !is_there("onnxruntime");
    trials.push(trial(
        "onnxruntime",
        "names_providers",
        providers::names,
        absent,
    ));
    libtest_mimic::run(&arguments, trials).exit();
}

fn trial(runtime: &'static str, name: &str, test: fn(&str), absent: bool) -> Trial {
    let run = move || {
        test(runtime);
        Ok(())
    };
    Trial::test(format!("{runtime}::{name}"), run).with_ignored_flag(absent)
}

fn large_files() -> Option<PathBuf> {
    std::env::var_os("TOPWORK_LARGE_FILES").map(PathBuf::from)
}

fn is_there(runtime: &str) -> bool {
    let folder = folder(&small(None, Some(3)).ending_at("logits"));
    let path = folder.path().join("model.onnx");
    attempt(&path, json!({"runtime": runtime})).is_ok()
}

/// A folder with a file `model.onnx`.
fn folder(model: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("model.onnx"), model).unwrap();
    folder
}

/// Opens a model file. Runtime `openvino` is onnxruntime with that provider.
fn attempt(path: &Path, mut parameters: Value) -> Result<DrivenExtractor, Error> {
    parameters["file"] = json!(path);
    if parameters["runtime"] == "openvino" {
        parameters["runtime"] = json!("auto");
        parameters["provider"] = json!("openvino");
    }
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    driver.extractor("onnx", &parameters)
}

fn open(path: &Path, parameters: Value) -> DrivenExtractor {
    attempt(path, parameters).unwrap()
}

/// Opens a model file with these bytes. The file is gone when it is used: it was read by then.
fn opened(model: &[u8], parameters: Value) -> DrivenExtractor {
    open(&folder(model).path().join("model.onnx"), parameters)
}

/// Compares what comes of [`IMAGE`] at every cut.
fn check(model: &DrivenExtractor) {
    for (cut, expected) in EXPECTED {
        assert_eq!(model.forward(cut, &IMAGE).unwrap(), expected, "{cut}");
    }
}

fn describes_the_model(runtime: &str) {
    let model = opened(
        &small(None, Some(3)).ending_at("logits"),
        json!({"runtime": runtime}),
    );
    let mut description = model.description().clone();
    let digest = description["digest"].take();
    let named = description["runtime"].take();
    let (name, provider) = match runtime {
        "openvino" => ("onnxruntime", " on openvino"),
        name => (name, ""),
    };
    let version = (named.as_str().unwrap())
        .strip_prefix(&format!("{name} "))
        .and_then(|rest| rest.strip_suffix(provider));
    assert!(
        version.is_some_and(|version| !version.is_empty()),
        "{named}"
    );
    assert_eq!(
        description,
        json!({
            "format": 1,
            "input": [1, 3, 3],
            "cuts": [
                {"name": "conv", "shape": [2, 2, 2], "op": "Conv"},
                {"name": "relu", "shape": [2, 2, 2], "op": "Relu"},
                {"name": "pool", "shape": [2, 1, 1], "op": "GlobalAveragePool"},
                {"name": "flat", "shape": [2], "op": "Flatten"},
                {"name": "logits", "shape": [3], "op": "Gemm"},
            ],
            "normalise": "stated",
            "parallel": true,
            "digest": null,
            "runtime": null,
        })
    );
    // The digest follows the bytes of the file.
    let same = opened(
        &small(None, Some(3)).ending_at("logits"),
        json!({"runtime": runtime}),
    );
    let other = opened(
        &small(None, Some(3)).ending_at("flat"),
        json!({"runtime": runtime}),
    );
    assert_eq!(same.description()["digest"], digest);
    assert_ne!(other.description()["digest"], digest);
    assert_eq!(digest.as_str().unwrap().len(), 64);
}

fn computes_what_paper_gives(runtime: &str) {
    let model = opened(
        &small(None, Some(3)).ending_at("logits"),
        json!({"runtime": runtime}),
    );
    check(&model);
    // Several samples at once: the second is the first doubled, in which the sums are 24, 32, 48 and 56.
    let doubled = IMAGE.map(|x| 2.0 * x);
    let features = model
        .forward("relu", &[IMAGE, doubled, IMAGE].concat())
        .unwrap();
    let [first, second] = [
        [1.0, 2.0, 4.0, 5.0, 0.0, 0.0, 4.0, 8.0],
        [2.0, 4.0, 8.0, 10.0, 4.0, 12.0, 28.0, 36.0],
    ];
    assert_eq!(features, [first, second, first].concat());
}

fn takes_a_fixed_batch(runtime: &str) {
    for batch in [1, 4] {
        let file = small(Some(batch), Some(3)).ending_at("logits");
        let model = opened(&file, json!({"runtime": runtime}));
        check(&model);
        assert_eq!(
            model.forward("flat", &[IMAGE; 3].concat()).unwrap(),
            [3.0; 6]
        );
    }
}

fn takes_the_size_from_the_experiment(runtime: &str) {
    let file = small(None, None).ending_at("logits");
    let parameters = |input: [usize; 3]| json!({"runtime": runtime, "input": input});
    check(&opened(&file, parameters([1, 3, 3])));
    let wide = opened(&file, parameters([1, 2, 4]));
    assert_eq!(wide.description()["cuts"][0]["shape"], json!([2, 1, 3]));
}

fn takes_channels_last(runtime: &str) {
    // Of two channels the first is dropped by a filter of weight 0, so that the model sees the second.
    let file = OnnxFile::default()
        .input("image", OnnxFile::FLOAT, &[None, Some(3), Some(3), Some(2)])
        .weights("pick", &[1, 2, 1, 1], &[0.0, 1.0])
        .node(
            "Transpose",
            &["image"],
            "first",
            &[("perm", Attribute::Ints(&[0, 3, 1, 2]))],
        )
        .node(
            "Conv",
            &["first", "pick"],
            "picked",
            &[("kernel_shape", Attribute::Ints(&[1, 1]))],
        );
    let file = layers(file, "picked").ending_at("logits");
    let model = opened(&file, json!({"runtime": runtime, "layout": "nhwc"}));
    assert_eq!(model.description()["input"], json!([2, 3, 3]));
    let sample = [IMAGE.map(|x| 100.0 - x), IMAGE].concat();
    assert_eq!(model.forward("first", &sample).unwrap(), sample);
    assert_eq!(model.forward("logits", &sample).unwrap(), [3.5, 3.0, -2.0]);
}

fn takes_weights_listed_as_inputs(runtime: &str) {
    let file = small(None, Some(3))
        .input(
            "filters",
            OnnxFile::FLOAT,
            &[Some(2), Some(1), Some(2), Some(2)],
        )
        .input("last", OnnxFile::FLOAT, &[Some(3), Some(2)]);
    check(&opened(
        &file.ending_at("logits"),
        json!({"runtime": runtime}),
    ));
}

fn takes_weights_from_other_files(runtime: &str) {
    let file = small(None, Some(3))
        .weights_in("scale", &[1, 2, 1, 1], "model.onnx.data", [4, 8])
        .node("Mul", &["relu", "scale"], "scaled", &[]);
    let folder = folder(&file.ending_at("scaled"));
    let numbers = [9.0_f32, 10.0, 0.5, 9.0].map(f32::to_le_bytes).concat();
    std::fs::write(folder.path().join("model.onnx.data"), &numbers).unwrap();
    let path = folder.path().join("model.onnx");
    let model = open(&path, json!({"runtime": runtime}));
    let features = model.forward("scaled", &IMAGE).unwrap();
    assert_eq!(features, [10.0, 20.0, 40.0, 50.0, 0.0, 0.0, 2.0, 4.0]);
    let digest = model.description()["digest"].clone();
    std::fs::write(folder.path().join("model.onnx.data"), [0; 16]).unwrap();
    let changed = open(&path, json!({"runtime": runtime}));
    assert_ne!(changed.description()["digest"], digest);
}

fn leaves_other_inputs_alone(runtime: &str) {
    let file = small(None, Some(3))
        .input("text", OnnxFile::INT64, &[None, Some(7)])
        .input("mask", OnnxFile::FLOAT, &[None, Some(3)])
        .node("Add", &["logits", "mask"], "masked", &[]);
    let model = opened(&file.ending_at("masked"), json!({"runtime": runtime}));
    check(&model);
    let cuts = model.description()["cuts"].as_array().unwrap().len();
    assert_eq!(cuts, EXPECTED.len());
}

fn computes_nothing_behind_the_cut(runtime: &str) {
    let file = small(None, Some(3)).node("NoSuchOperator", &["flat"], "nothing", &[]);
    let cuts = json!({"runtime": runtime, "cuts": ["flat", "relu"]});
    let model = opened(&file.ending_at("nothing"), cuts);
    let places = model.description()["cuts"].as_array().unwrap();
    let names: Vec<&str> = places
        .iter()
        .filter_map(|cut| cut["name"].as_str())
        .collect();
    assert_eq!(names, ["relu", "flat"]);
    assert_eq!(model.forward("flat", &IMAGE).unwrap(), [3.0, 3.0]);
}

fn gives_the_same_bits_on_any_thread(runtime: &str) {
    let model = opened(
        &small(None, Some(28)).ending_at("logits"),
        json!({"runtime": runtime}),
    );
    let sample =
        |number: usize| (0..784).map(move |i| ((i * 37 + number * 101) % 255) as f32 / 7.3);
    let samples: Vec<f32> = (0..24).flat_map(sample).collect();
    for cut in ["relu", "logits"] {
        let together = model.forward(cut, &samples).unwrap();
        let size = together.len() / 24;
        std::thread::scope(|scope| {
            for part in 0..4 {
                let (model, samples, together) = (&model, &samples, &together);
                scope.spawn(move || {
                    for number in (part..24).step_by(4) {
                        let alone = &samples[number * 784..(number + 1) * 784];
                        let alone = model.forward(cut, alone).unwrap();
                        assert_eq!(alone, together[number * size..(number + 1) * size]);
                    }
                });
            }
        });
    }
}

fn tells_features_that_are_not_finite(runtime: &str) {
    let file = small(None, Some(3)).node("Log", &["conv"], "log", &[]);
    let model = opened(&file.ending_at("log"), json!({"runtime": runtime}));
    let error = model.forward("log", &IMAGE).unwrap_err();
    assert!(
        error.to_string().ends_with("gives NaN at \"log\""),
        "{error}"
    );
    assert!(error.hint().is_some());
}

fn flattens_what_is_no_map(runtime: &str) {
    let file = small(None, Some(3))
        .integers("tokens", &[3], &[1, 2, 4])
        .integers("parts", &[5], &[1, 2, 2, 2, 1])
        .integers("whole", &[2], &[8, 1])
        .node("Reshape", &["relu", "tokens"], "tokenised", &[])
        .node("Reshape", &["relu", "parts"], "parted", &[])
        .node("Reshape", &["relu", "whole"], "without batch", &[])
        .node("Shape", &["relu"], "sizes", &[])
        .node(
            "ArgMax",
            &["logits"],
            "class",
            &[("axis", Attribute::Int(1))],
        );
    let model = opened(&file.ending_at("class"), json!({"runtime": runtime}));
    let cuts = model.description()["cuts"].as_array().unwrap();
    let added: Vec<String> = cuts[5..].iter().map(Value::to_string).collect();
    assert_eq!(
        added,
        [
            r#"{"name":"tokenised","shape":[8],"op":"Reshape","dims":[2,4],"channels":0}"#,
            r#"{"name":"parted","shape":[8],"op":"Reshape","dims":[2,2,2,1],"channels":0}"#,
        ]
    );
    assert_eq!(model.forward("parted", &IMAGE).unwrap(), EXPECTED[1].1);
}

fn takes_nodes_in_any_order(runtime: &str) {
    let sizes = [None, Some(1), Some(3), Some(3)];
    let file = OnnxFile::default()
        .input("image", OnnxFile::FLOAT, &sizes)
        .node("Neg", &["double"], "out", &[])
        .node("Add", &["image", "image"], "double", &[]);
    let model = opened(&file.ending_at("out"), json!({"runtime": runtime}));
    let cuts = model.description()["cuts"].as_array().unwrap();
    let names: Vec<&str> = cuts.iter().filter_map(|cut| cut["name"].as_str()).collect();
    assert_eq!(names, ["double", "out"]);
    assert_eq!(
        model.forward("out", &IMAGE).unwrap(),
        IMAGE.map(|x| -2.0 * x)
    );
}

/// A patch embedding, a block with one head of attention and one without, a map with its channels last.
fn tells_where_channels_are(runtime: &str) {
    let swap = [("perm", Attribute::Ints(&[0, 2, 1]))];
    let file = OnnxFile::default()
        .of_set(17)
        .input("image", OnnxFile::FLOAT, &[None, Some(1), Some(4), Some(4)])
        .weights("filters", &[3, 1, 2, 2], &[0.1; 12])
        .weights("square", &[3, 3], &[0.2; 9])
        .weights("scale", &[3], &[1.0; 3])
        .integers("rows", &[3], &[1, 3, 4])
        .node(
            "Conv",
            &["image", "filters"],
            "patches",
            &[("strides", Attribute::Ints(&[2, 2]))],
        )
        .node(
            "Transpose",
            &["patches"],
            "last",
            &[("perm", Attribute::Ints(&[0, 2, 3, 1]))],
        )
        .node("Reshape", &["patches", "rows"], "flat", &[])
        .node("Transpose", &["flat"], "tokens", &swap)
        .node("MatMul", &["tokens", "square"], "key", &[])
        .node("Transpose", &["key"], "turned", &swap)
        .node("MatMul", &["tokens", "turned"], "scores", &[])
        .node("Softmax", &["scores"], "attention", &[])
        .node("MatMul", &["attention", "key"], "attended", &[])
        .node("Add", &["tokens", "attended"], "middle", &[])
        .node("MatMul", &["middle", "square"], "learnt", &[])
        .node("Add", &["middle", "learnt"], "block", &[])
        .node("LayerNormalization", &["block", "scale"], "norm", &[]);
    let model = opened(&file.ending_at("norm"), json!({"runtime": runtime}));
    let cuts = model.description()["cuts"].as_array().unwrap();
    let told: Vec<String> = cuts
        .iter()
        .map(|cut| {
            let block = if cut["block"] == true { " block" } else { "" };
            format!(
                "{} {} {} {}{block}",
                cut["name"], cut["shape"], cut["dims"], cut["channels"]
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "\"patches\" [3,2,2] null null",
            "\"last\" [2,2,3] [2,2,3] 2",
            "\"flat\" [12] [3,4] 0",
            "\"tokens\" [12] [4,3] 1",
            "\"key\" [12] [4,3] 1",
            "\"turned\" [12] [3,4] 0",
            "\"scores\" [16] [4,4] null",
            "\"attention\" [16] [4,4] null",
            "\"attended\" [12] [4,3] 1",
            "\"middle\" [12] [4,3] 1",
            "\"learnt\" [12] [4,3] 1",
            "\"block\" [12] [4,3] 1 block",
            "\"norm\" [12] [4,3] 1",
        ]
    );
}

/// Sizes, and what is made of them alone; the mask of a Dropout that drops nothing.
fn lists_nothing_that_is_the_same_for_all(runtime: &str) {
    let file = small(None, Some(3))
        .node("Shape", &["relu"], "sizes", &[])
        .node("Cast", &["sizes"], "floats", &[("to", Attribute::Int(1))])
        .node("Unsqueeze", &["floats", "zero"], "constant", &[])
        .integers("zero", &[1], &[0])
        .node_of("Dropout", &["logits"], &["kept", "mask"], &[]);
    let model = opened(&file.ending_at("kept"), json!({"runtime": runtime}));
    let cuts = model.description()["cuts"].as_array().unwrap();
    let names: Vec<&str> = cuts.iter().filter_map(|cut| cut["name"].as_str()).collect();
    assert_eq!(names, ["conv", "relu", "pool", "flat", "logits", "kept"]);
    assert_eq!(model.forward("kept", &IMAGE).unwrap(), EXPECTED[4].1);
}

/// An optimiser makes one tensor of these.
fn takes_tensors_that_are_the_same(runtime: &str) {
    let file = small(None, Some(3))
        .node("Identity", &["relu"], "first", &[])
        .node("Identity", &["relu"], "second", &[])
        .node("Add", &["first", "second"], "sum", &[]);
    let model = opened(&file.ending_at("sum"), json!({"runtime": runtime}));
    for cut in ["relu", "first", "second"] {
        assert_eq!(model.forward(cut, &IMAGE).unwrap(), EXPECTED[1].1, "{cut}");
    }
}

fn survives_flipped_bits(runtime: &str) {
    let whole = small(None, Some(3)).ending_at("logits");
    let (mut models, mut refused) = (0, 0);
    for position in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[position] ^= 1 << (position % 8);
        let folder = folder(&bytes);
        let path = folder.path().join("model.onnx");
        match attempt(&path, json!({"runtime": runtime})) {
            // A model may be left: then it computes, or says why not.
            Ok(model) => {
                let cut = model.description()["cuts"][0]["name"].as_str().unwrap();
                let image = model.description()["input"].as_array().unwrap();
                let numbers = image.iter().filter_map(Value::as_u64).product::<u64>() as usize;
                if let Err(error) = model.forward(cut, &vec![1.0; numbers]) {
                    assert_ne!(error.kind(), ErrorKind::Panicked, "{error}");
                }
                models += 1;
            }
            Err(error) => {
                assert_ne!(error.kind(), ErrorKind::Panicked, "{error}");
                refused += 1;
            }
        }
    }
    // Weights may take any value, so many of the files are models; many are not.
    assert!(models > 20 && refused > 100, "{models} {refused}");
}

fn efficientnet(runtime: &str) {
    let folder = large_files().unwrap();
    let path = folder.join("efficientnet-lite0.onnx");
    let model = open(&path, json!({"runtime": runtime}));
    let cuts = model.description()["cuts"].as_array().unwrap();
    let shape = |name: &str| {
        let cut = cuts.iter().find(|cut| cut["name"] == name).unwrap();
        cut["shape"].clone()
    };
    // From the table of the model's authors.
    let expected = [
        ("stem", json!([32, 112, 112])),
        ("block0", json!([16, 112, 112])),
        ("block4", json!([40, 28, 28])),
        ("block14", json!([192, 7, 7])),
        ("gap", json!([1280])),
        ("logits", json!([1000])),
    ];
    for (name, expected) in expected {
        assert_eq!(shape(name), expected, "{name}");
    }

    let reference = |name: &str| read_array(&folder, name);
    let images = reference("image");
    for cut in ["gap", "logits"] {
        let features = model.forward(cut, &images).unwrap();
        let expected = reference(cut);
        assert_eq!(features.len(), expected.len());
        let pairs = features.iter().zip(&expected);
        let difference = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!("{runtime}: {cut} differs by {difference:e} at most");
        // Logits are sums of 1,280 features.
        let tolerance = if cut == "gap" { 1e-4 } else { 1e-3 };
        assert!(difference <= tolerance, "{cut}: {difference}");
        if cut == "logits" {
            let best = |row: &[f32]| (0..1000).max_by(|&a, &b| row[a].total_cmp(&row[b]));
            for (row, expected) in features.chunks(1000).zip(expected.chunks(1000)) {
                assert_eq!(best(row), best(expected));
            }
        }
    }
    let features = model.forward("block7", &images).unwrap();
    let means = features
        .chunks(14 * 14)
        .map(|map| map.iter().sum::<f32>() / 196.0);
    let expected = reference("block7_mean");
    assert_eq!(means.len(), expected.len());
    for (mean, expected) in means.zip(expected) {
        assert!((mean - expected).abs() <= 1e-4);
    }
}

/// An array of the reference file, of 32-bit floating point numbers.
fn read_array(folder: &Path, name: &str) -> Vec<f32> {
    let path = folder.join("efficientnet-lite0.reference.npz");
    let mut archive = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    let mut entry = archive.by_name(&format!("{name}.npy")).unwrap();
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).unwrap();
    // Version 1 of the format: ten bytes, of which the last two are the length of the header that follows.
    let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let (numbers, _) = bytes[10 + header..].as_chunks();
    numbers
        .iter()
        .map(|number| f32::from_le_bytes(*number))
        .collect()
}
