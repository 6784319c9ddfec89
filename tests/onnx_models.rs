//! Backbones out of ONNX files, through the real binary. The file is written here, so that nothing has to be fetched.

use std::fs;

use serde_json::Value;
use topwork_testkit::{Attribute, OnnxFile, Project};

/// Two convolutions on 28×28 pixels, each with ReLU and max pooling. Their filters are made-up numbers: enough to tell digits
/// apart.
fn model() -> Vec<u8> {
    let made_up = |count: u32| -> Vec<f32> {
        let mixed = (0..count).map(|i| (i + 1).wrapping_mul(2_654_435_761) >> 8);
        mixed
            .map(|bits| 0.2 * (bits as f32 / (1 << 23) as f32 - 1.0))
            .collect()
    };
    let halve = [
        ("kernel_shape", Attribute::Ints(&[2, 2])),
        ("strides", Attribute::Ints(&[2, 2])),
    ];
    let five = [("kernel_shape", Attribute::Ints(&[5, 5]))];
    OnnxFile::default()
        .input(
            "image",
            OnnxFile::FLOAT,
            &[None, Some(1), Some(28), Some(28)],
        )
        .weights("filters1", &[6, 1, 5, 5], &made_up(150))
        .weights("filters2", &[12, 6, 5, 5], &made_up(1800))
        .node("Conv", &["image", "filters1"], "conv1", &five)
        .node("Relu", &["conv1"], "relu1", &[])
        .node("MaxPool", &["relu1"], "pool1", &halve)
        .node("Conv", &["pool1", "filters2"], "conv2", &five)
        .node("Relu", &["conv2"], "relu2", &[])
        .node("MaxPool", &["relu2"], "pool2", &halve)
        .node(
            "Flatten",
            &["pool2"],
            "features",
            &[("axis", Attribute::Int(1))],
        )
        .ending_at("features")
}

const EXPERIMENT: &str = r#"name = "onnx"
seeds = [1]

[backbone]
use     = "onnx"
file    = "models/small.onnx"
runtime = "rten"

[target]
dataset = { use = "mnist", normalise = { mean = [0.1307], std = [0.3081] } }
cut     = ["pool1", "features"]

[[strategy]]
name          = "classifier"
kind          = "feature-classifier"
head          = { use = "logistic-regression" }
train-samples = 500
test-samples  = 1000

[[strategy]]
name          = "frozen"
kind          = "frozen-backbone"
head          = { use = "mlp", hidden = [32] }
train         = { epochs = 12, batch-size = 25, optimizer = "adam", learning-rate = 1e-3 }
train-samples = 500
test-samples  = 1000
"#;

fn project(experiment: &str) -> Project {
    let project = Project::new();
    project.write("onnx.toml", experiment);
    let folder = project.path().join("models");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("small.onnx"), model()).unwrap();
    project
}

/// The same as a network: it is tuned, has random weights as a control, and its features are those of the runtime.
#[test]
fn an_onnx_file_is_a_network() {
    let engine = EXPERIMENT.replace("runtime = \"rten\"", "runtime = \"engine\"")
        + r#"
[[strategy]]
name          = "control"
kind          = "feature-classifier"
weights       = "random"
head          = { use = "logistic-regression" }
train-samples = 500
test-samples  = 1000

[[strategy]]
name          = "tuned"
kind          = "fine-tune"
cut           = "features"
head          = { use = "mlp", hidden = [32] }
train         = { epochs = 3, batch-size = 25, optimizer = "adam", learning-rate = 1e-3 }
train-samples = 500
test-samples  = 1000

[[strategy]]
name          = "joined"
kind          = "feature-classifier"
cut           = { join = ["pool1", "features"], pool = "gap" }
head          = { use = "logistic-regression" }
train-samples = 500
test-samples  = 1000
"#;
    let project = project(&engine);
    let output = project.topwork(&["run", "onnx.toml"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    project.write("rten.toml", EXPERIMENT);
    let output = project.topwork(&["run", "rten.toml"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    let accuracies = |run: usize| -> Vec<f64> {
        let rows = project.results(run)["strategies"]
            .as_array()
            .unwrap()
            .clone();
        let classifiers = rows.into_iter().filter(|row| row["name"] == "classifier");
        classifiers
            .map(|row| row["mean"].as_f64().unwrap())
            .collect()
    };
    let (engine, rten) = (accuracies(1), accuracies(2));
    assert_eq!(engine.len(), 2);
    // Other last bits may move an example that lies between two classes.
    for (engine, rten) in engine.iter().zip(&rten) {
        assert!((engine - rten).abs() <= 0.002, "{engine} and {rten}");
    }
    let rows = project.results(1)["strategies"].as_array().unwrap().clone();
    let tuned = rows.iter().find(|row| row["name"] == "tuned").unwrap();
    assert!(tuned["mean"].as_f64().unwrap() > 0.5, "{tuned}");
    assert!(rows.iter().any(|row| row["name"] == "control"));
    let joined = rows.iter().find(|row| row["name"] == "joined").unwrap();
    assert_eq!(joined["feature-dim"], 6 + 192);
}

#[test]
fn an_onnx_file_is_a_backbone() {
    let project = project(EXPERIMENT);
    let output = project.topwork(&["run", "onnx.toml"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    let results = project.results(1);
    let rows = results["strategies"].as_array().unwrap();
    let told: Vec<String> = rows
        .iter()
        .map(|row| {
            let dimensions = &row["feature-dim"];
            let intact = &row["frozen-intact"];
            format!("{} {} {dimensions} {intact}", row["name"], row["cut"])
        })
        .collect();
    assert_eq!(
        told,
        [
            "\"classifier\" \"pool1\" 864 true",
            "\"classifier\" \"features\" 192 true",
            "\"frozen\" \"pool1\" 864 true",
            "\"frozen\" \"features\" 192 true",
        ]
    );
    // Random filters with a classifier behind them: far from a tenth, which is chance.
    for row in rows {
        assert!(row["mean"].as_f64().unwrap() > 0.6, "{row}");
    }

    // Another thread count, the same predictions.
    let one = project.topwork(&["run", "onnx.toml", "--threads", "1"]);
    assert_eq!(one.code, 0, "{}", one.snapshot());
    let again = project.results(2);
    let figures = |results: &Value| -> Vec<Value> {
        let rows = results["strategies"].as_array().unwrap();
        rows.iter().map(|row| row["seeds"].clone()).collect()
    };
    assert_eq!(figures(&results), figures(&again));
}

/// The same numbers with their channels last, as tokens, and pooled by the network itself; and features that are always 0.
fn laid_out() -> Vec<u8> {
    let last = [("perm", Attribute::Ints(&[0, 2, 3, 1]))];
    OnnxFile::default()
        .input(
            "image",
            OnnxFile::FLOAT,
            &[None, Some(1), Some(28), Some(28)],
        )
        .weights(
            "filters",
            &[6, 1, 5, 5],
            &[-0.2, 0.1, 0.3, -0.1, 0.2, 0.4].repeat(25),
        )
        .weights("scale", &[6], &[1.0, 2.0, -1.0, 0.5, 1.5, -2.0])
        .weights("deep", &[], &[-1000.0])
        .integers("rows", &[3], &[1, 576, 6])
        .node("Conv", &["image", "filters"], "conv", &[])
        .node("Transpose", &["conv"], "last", &last)
        .node("Reshape", &["last", "rows"], "tokens", &[])
        .node("LayerNormalization", &["tokens", "scale"], "norm", &[])
        .node("GlobalAveragePool", &["conv"], "mean", &[])
        .node("Add", &["mean", "deep"], "shifted", &[])
        .node("Relu", &["shifted"], "never", &[])
        .of_set(17)
        .ending_at("never")
}

#[test]
fn pooling_finds_the_channels_and_the_runtime_is_told() {
    let pooled = r#"cut     = ["mean", { at = "last", pool = "gap" }, { at = "tokens", pool = "gap" }, "never"]"#;
    let experiment = EXPERIMENT.replace(r#"cut     = ["pool1", "features"]"#, pooled);
    let frozen = experiment
        .find("[[strategy]]\nname          = \"frozen\"")
        .unwrap();
    let project = project(&experiment[..frozen]);
    fs::write(project.path().join("models/small.onnx"), laid_out()).unwrap();
    let output = project.topwork(&["run", "onnx.toml"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    let results = project.results(1);
    let rows = results["strategies"].as_array().unwrap();
    let told = |row: &Value| format!("{} {} {}", row["cut"], row["feature-dim"], row["mean"]);
    let [mean, last, tokens, never] = [0, 1, 2, 3].map(|row| told(&rows[row]));
    // The means of 24×24 positions are those that the network itself takes.
    assert_eq!(last, mean.replace("mean", "last gap"));
    assert_eq!(tokens, mean.replace("mean", "tokens gap"));
    assert!(never.starts_with("\"never\" 6 "), "{never}");
    let runtime = results["computed-by"].as_str().unwrap();
    assert!(runtime.starts_with("rten "), "{runtime}");
    let run = project.run_folder(1);
    let manifest = fs::read_to_string(run.join("manifest.json")).unwrap();
    assert!(manifest.contains(runtime), "{manifest}");
    let events = fs::read_to_string(run.join("events.jsonl")).unwrap();
    for line in [
        format!("features are computed by {runtime}"),
        "the features at \\\"never\\\" are the same for all 500 images".to_owned(),
    ] {
        assert_eq!(events.matches(&line).count(), 1, "{line}");
    }
}

#[test]
fn what_is_wrong_with_an_onnx_backbone_is_told_in_its_place() {
    let damaged = |project: &Project| {
        fs::write(project.path().join("models/small.onnx"), &model()[..400]).unwrap();
    };
    let nothing = |_: &Project| {};
    let missing_file = EXPERIMENT.replace("small.onnx", "smal.onnx");
    type Change<'c> = &'c dyn Fn(&Project);
    let cases: [(&str, String, Change); 6] = [
        (
            "no normalisation",
            EXPERIMENT.replace(", normalise = { mean = [0.1307], std = [0.3081] }", ""),
            &nothing,
        ),
        (
            "no such cut",
            EXPERIMENT.replace("\"features\"]", "\"feature\"]"),
            &nothing,
        ),
        ("no such file", missing_file, &nothing),
        ("a damaged file", EXPERIMENT.to_owned(), &damaged),
        (
            "no file",
            EXPERIMENT.replace("file    = \"models/small.onnx\"\n", ""),
            &nothing,
        ),
        (
            "images of another shape",
            EXPERIMENT.replace("runtime = \"rten\"", "input = [3, 28, 28]"),
            &nothing,
        ),
    ];
    let mut told = String::new();
    for (name, experiment, change) in cases {
        let project = project(&experiment);
        change(&project);
        let output = project.topwork(&["check", "onnx.toml"]);
        told.push_str(&format!("=== {name}: {}\n", output.snapshot()));
    }
    insta::assert_snapshot!(told);
}

#[test]
fn show_lists_where_a_model_can_be_cut() {
    let project = project(EXPERIMENT);
    let file = project.path().join("models/open.onnx");
    let open = OnnxFile::default()
        .input("image", OnnxFile::FLOAT, &[None, Some(1), None, None])
        .node("Relu", &["image"], "relu", &[]);
    fs::write(file, open.ending_at("relu")).unwrap();
    fs::write(project.path().join("models/laid-out"), laid_out()).unwrap();
    let cases: [&[&str]; 9] = [
        &["show", "models/small.onnx"],
        // Without the ending, and a folder.
        &["show", "models/laid-out"],
        &["show", "models"],
        &["show", "onnx.toml"],
        &["show", "."],
        &[
            "show",
            "models/open.onnx",
            "--set",
            "input=[1, 4, 6]",
            "--json",
        ],
        &["show", "models/open.onnx"],
        &["show", "models/open.onnx", "--set", "input=[1, 4, 6]"],
        &["show", "models/none.onnx"],
    ];
    let mut told = String::new();
    for arguments in cases {
        let output = project.topwork(arguments);
        let command = arguments.join(" ");
        told.push_str(&format!("=== {command}: {}\n", output.snapshot()));
    }
    insta::assert_snapshot!(told);
}
