//! What a run keeps for viewers to draw: it agrees with the figures, and stays small.

use std::{collections::HashMap, fs, path::Path};

use safetensors::SafeTensors;
use serde_json::Value;
use topwork_testkit::Project;

use crate::small::experiment;

/// A file of samples: its metadata, and its tensors as numbers with their shapes.
struct Sample {
    metadata: Value,
    tensors: HashMap<String, (Vec<usize>, Vec<f64>)>,
}

impl Sample {
    fn read(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let numbers = |view: &safetensors::tensor::TensorView<'_>| -> Vec<f64> {
            let size = view.dtype().bitsize() / 8;
            (view.data().chunks_exact(size))
                .map(|number| match view.dtype() {
                    safetensors::Dtype::U8 => f64::from(number[0]),
                    safetensors::Dtype::U32 => {
                        f64::from(u32::from_le_bytes(number.try_into().unwrap()))
                    }
                    safetensors::Dtype::U64 => {
                        u64::from_le_bytes(number.try_into().unwrap()) as f64
                    }
                    safetensors::Dtype::F32 => {
                        f64::from(f32::from_le_bytes(number.try_into().unwrap()))
                    }
                    other => panic!("{other:?}"),
                })
                .collect()
        };
        Self {
            metadata: serde_json::from_str(&header.metadata().as_ref().unwrap()["topwork"])
                .unwrap(),
            tensors: (tensors.tensors().into_iter())
                .map(|(name, view)| (name, (view.shape().to_vec(), numbers(&view))))
                .collect(),
        }
    }

    fn numbers(&self, name: &str) -> &[f64] {
        &self.tensors[name].1
    }

    fn shape(&self, name: &str) -> &[usize] {
        &self.tensors[name].0
    }

    fn classes(&self) -> Vec<String> {
        serde_json::from_value(self.metadata["classes"].clone()).unwrap()
    }
}

/// The lines of a CSV file by its first field.
fn predictions(path: &Path) -> HashMap<u64, Vec<String>> {
    let text = fs::read_to_string(path).unwrap();
    (text.lines().skip(1))
        .map(|line| {
            let fields: Vec<String> = line.split(',').map(str::to_owned).collect();
            (fields[0].parse().unwrap(), fields[1..].to_vec())
        })
        .collect()
}

fn project(text: &str) -> Project {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("small.toml", text);
    let output = project.topwork(&["run", "small.toml", "--ui", "none", "--no-cache"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    project
}

#[test]
fn images_agree_with_predictions_and_confusion() {
    let project = project(&experiment(""));
    let run = project.run_folder(1);
    let results = project.results(1);
    let names = ["1-frozen", "2-logistic"];
    for (name, strategy) in names.iter().zip(results["strategies"].as_array().unwrap()) {
        let images = Sample::read(&run.join(format!("samples/images-{name}-seed-1.safetensors")));
        let said = predictions(&run.join(format!("predictions/{name}-seed-1.csv")));
        let classes = images.classes();
        assert_eq!(classes, ["5", "6", "7", "8", "9"]);
        let count = images.numbers("examples").len();
        assert_eq!(images.shape("images"), [count, 1, 28, 28]);
        let mut cells = vec![vec![0_u64; 5]; 5];
        for (index, example) in images.numbers("examples").iter().enumerate() {
            let line = &said[&(*example as u64)];
            let class = |name: &str| images.numbers(name)[index] as usize;
            assert_eq!(line[0], classes[class("labels")], "{name} {example}");
            assert_eq!(line[1], classes[class("predicted")], "{name} {example}");
            let scores: Vec<f64> = (line[2..].iter())
                .map(|score| f64::from(score.parse::<f32>().unwrap()))
                .collect();
            assert_eq!(images.numbers("scores")[index * 5..][..5], scores);
            cells[class("labels")][class("predicted")] += 1;
            // The made-up images are brightest in two rows that tell their class.
            let pixels = &images.numbers("images")[index * 784..][..784];
            let stripe = (class("labels") + 5) * 2 * 28;
            assert!(
                pixels[stripe..stripe + 56]
                    .iter()
                    .all(|pixel| *pixel > 170.0)
            );
        }
        // Fifty test images: every mistake is there, and of each cell on the diagonal all up to 20.
        let mut confusion = vec![vec![0_u64; 5]; 5];
        assert_eq!(strategy["confusion"]["classes"], 5);
        for cell in strategy["confusion"]["cells"].as_array().unwrap() {
            let at = |index: usize| cell[index].as_u64().unwrap();
            confusion[at(0) as usize][at(1) as usize] = at(2);
        }
        assert_eq!(cells, confusion, "{name}");
    }
}

#[test]
fn features_are_those_of_the_trunk() {
    let project = project(
        &(experiment("")
            + "\n[[strategy]]\nname = \"random\"\nkind = \"feature-classifier\"\nweights = \"random\"\nhead = { use = \"logistic-regression\" }\n"),
    );
    let samples = project.run_folder(1).join("samples");
    let read = |weights: &str| {
        Sample::read(&samples.join(format!("features-pool2-{weights}-seed-1.safetensors")))
    };
    let (source, random) = (read("source"), read("random"));
    for sample in [&source, &random] {
        assert_eq!(sample.metadata["cut"], "pool2");
        assert_eq!(sample.metadata["dim"], 800);
        assert_eq!(sample.shape("features"), [50, 800]);
        let labels: Vec<f64> = (sample.numbers("examples").iter())
            .map(|example| example % 10.0 - 5.0)
            .collect();
        assert_eq!(
            sample.numbers("labels"),
            labels,
            "labels count from class 5"
        );
        let features = sample.numbers("features");
        assert!(features.iter().any(|value| *value > 0.0));
        assert!(features.iter().all(|value| value.is_finite()));
    }
    assert_eq!(source.numbers("examples"), random.numbers("examples"));
    assert_ne!(source.numbers("features"), random.numbers("features"));
}

#[test]
fn a_run_that_cannot_write_samples_goes_on_without() {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("small.toml", &experiment(""));
    // A file stands where the folder would be made.
    let child = project.start(&["run", "small.toml", "--ui", "none", "--no-cache"]);
    project.wait_for_run(1);
    fs::write(project.run_folder(1).join("samples"), "in the way").unwrap();
    let status = { child }.wait().unwrap();
    assert!(status.success());
    assert_eq!(project.results(1)["status"], "done");
    let events = fs::read_to_string(project.run_folder(1).join("events.jsonl")).unwrap();
    let warnings: Vec<Value> = (events.lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|event: &Value| event["level"] == "warning")
        .collect();
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    let text = warnings[0]["text"].as_str().unwrap();
    assert!(
        text.starts_with("viewers will miss a picture: cannot"),
        "{text}"
    );
}
