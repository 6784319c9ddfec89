//! The engine against arrays written down from PyTorch, which `bench/reference/reference.py` makes.

use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use serde_json::Value as Json;

use crate::layers::tests::engine;
use crate::network::LayerWeights;
use crate::optimizer::{Moments, sum_of_squares, update};
use crate::program::Training;
use crate::{
    Blueprint, Compute, Network, NumberLoss, Optimizer, Part, Schedule, ScheduleShape, Stream,
    TrainSettings, Trainer,
};

/// A file of arrays, and what is said about them.
struct Reference {
    bytes: Vec<u8>,
    about: Json,
}

impl Reference {
    fn read(name: &str) -> Self {
        let bytes = read(&format!("{name}.safetensors"));
        let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
        let metadata = metadata.metadata().clone().unwrap();
        let about = metadata.get("cases").or(metadata.get("case")).unwrap();
        let about = serde_json::from_str(about).unwrap();
        Self { bytes, about }
    }

    fn cases(&self) -> impl Iterator<Item = (&str, &Json)> {
        let cases = self.about.as_array().unwrap().iter();
        cases.map(|case| (case["name"].as_str().unwrap(), case))
    }

    fn numbers(&self, name: &str) -> Option<Vec<f32>> {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        let tensor = file.tensor(name).ok()?;
        assert_eq!(tensor.dtype(), Dtype::F32, "{name}");
        let values = tensor.data().as_chunks::<4>().0.iter();
        Some(values.map(|&value| f32::from_le_bytes(value)).collect())
    }

    fn labels(&self, name: &str) -> Vec<u32> {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        let tensor = file.tensor(name).unwrap();
        let values = tensor.data().as_chunks::<8>().0.iter();
        values
            .map(|&value| i64::from_le_bytes(value) as u32)
            .collect()
    }

    /// A network with the weights under `prefix`.
    fn network(&self, blueprint: &Json, prefix: &str) -> Network {
        let blueprint = Blueprint::parse(&blueprint.to_string()).unwrap();
        let mut network = Network::init(&blueprint, &mut Stream::new(0, "init"));
        for weight in network.weights_mut() {
            let values = self.numbers(&format!("{prefix}{}", weight.name));
            let values = values.unwrap_or_else(|| panic!("{prefix}{}", weight.name));
            assert_eq!(values.len(), weight.values.len(), "{}", weight.name);
            weight.values = values.into();
        }
        network
    }

    /// The state of `network` against the arrays under `prefix`.
    fn compare_weights(&self, network: &Network, prefix: &str) {
        for weight in network.weights() {
            let name = format!("{prefix}{}", weight.name);
            let expected = self.numbers(&name).unwrap_or_else(|| panic!("{name}"));
            compare(&name, &weight.values, &expected);
        }
    }
}

fn read(name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench/reference");
    std::fs::read(root.join(name)).unwrap()
}

/// Within 1e-4 of the largest magnitude, or of 1.
fn compare(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1f32, |most, x| most.max(x.abs()));
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (found - expected).abs() <= 1e-4 * scale,
            "{what}[{index}] is {found}, expected {expected}"
        );
    }
}

fn number(value: &Json) -> f32 {
    value.as_f64().unwrap() as f32
}

#[test]
fn every_operation_and_its_gradients_equal_pytorch() {
    compare_layers("ops", 45);
}

#[test]
fn every_other_layer_and_its_gradients_equal_pytorch() {
    compare_layers("layers", 63);
}

/// Every case of a file, of which there are `least` or more.
fn compare_layers(file: &str, least: usize) {
    let reference = Reference::read(file);
    let compute = Compute::new(2).unwrap();
    let mut count = 0;
    for (case, about) in reference.cases() {
        let array = |name: &str| reference.numbers(&format!("{case}/{name}"));
        let network = reference.network(&about["blueprint"], &format!("{case}/weights/"));
        let (input, output) = (array("input").unwrap(), array("output").unwrap());
        let factors = array("output-gradient").unwrap();
        let trained = about["mode"] == "train";
        if !trained {
            let mut found = vec![0.0; output.len()];
            network.forward(&compute, &input, &mut found).unwrap();
            compare(case, &found, &output);
        }
        let has_norm = network.weights().any(|array| !array.learned);
        let has_dropout = case.starts_with("dropout");
        for fuse in [true, false] {
            // Frozen layers give no gradient of their own weights; without batch normalisation and
            // dropout, both modes compute the same.
            for learns in [trained, trained || !(has_norm || has_dropout)] {
                let training = Training {
                    learns: &vec![learns; network.layers().len()],
                    input: true,
                };
                let (found, gradients) = engine(&network, &input, &factors, training, fuse);
                compare(case, &found, &output);
                let mut gradients = &gradients[..];
                let layers = network.layers().iter().filter(|_| learns);
                let names = layers.flat_map(LayerWeights::learned);
                let names = names.map(|weight| weight.name.as_str()).chain(["input"]);
                for name in names {
                    let expected = array(&format!("gradients/{name}")).unwrap();
                    let (own, rest) = gradients.split_at(expected.len());
                    gradients = rest;
                    let own: Vec<f32> = own.iter().map(|&gradient| gradient as f32).collect();
                    compare(&format!("{case}: gradient of {name}"), &own, &expected);
                }
                assert!(gradients.is_empty(), "{case}");
            }
        }
        count += 1;
    }
    assert!(count >= least);
}

/// Losses through a trainer of a linear layer that hands the logits through: its bias learns the sum of the
/// gradients of the logits.
#[test]
fn losses_with_smoothing_and_class_weights_equal_pytorch() {
    let reference = Reference::read("losses");
    let compute = Compute::new(1).unwrap();
    for (case, about) in reference.cases() {
        let logits = reference.numbers(&format!("{case}/logits")).unwrap();
        let labels = reference.labels(&format!("{case}/labels"));
        let classes = logits.len() / labels.len();
        let json = format!(
            r#"{{"format": 1, "input": [{classes}], "layers": [{{"name": "through", "op": "linear", "units": {classes}}}]}}"#
        );
        let blueprint = Blueprint::parse(&json).unwrap();
        let mut network = Network::init(&blueprint, &mut Stream::new(0, "init"));
        let identity = (0..classes * classes).map(|at| f32::from(at % (classes + 1) == 0));
        let start = [identity.collect::<Vec<f32>>(), vec![0.0; classes]];
        for (weight, values) in network.weights_mut().zip(start) {
            weight.values = values.into();
        }
        let weights = about["class_weights"].as_array();
        let settings = TrainSettings {
            label_smoothing: number(&about["label_smoothing"]),
            class_weights: weights.map(|weights| weights.iter().map(number).collect()),
            ..TrainSettings::new(
                Optimizer::Sgd {
                    momentum: 0.0,
                    nesterov: false,
                },
                1.0,
            )
        };
        let dropout = Stream::new(0, "dropout");
        let mut trainer =
            Trainer::new(&compute, vec![Part::trained(network)], settings, dropout).unwrap();
        let step = trainer.step(&logits, &labels).unwrap();
        compare(
            case,
            &[step.loss],
            &reference.numbers(&format!("{case}/loss")).unwrap(),
        );
        let gradient = reference
            .numbers(&format!("{case}/gradients/logits"))
            .unwrap();
        let mut expected = vec![0.0; classes];
        for row in gradient.chunks_exact(classes) {
            expected
                .iter_mut()
                .zip(row)
                .for_each(|(sum, gradient)| *sum -= gradient);
        }
        let bias = trainer.parts()[0].network.weights().nth(1).unwrap();
        compare(case, &bias.values, &expected);
    }
}

#[test]
fn steps_on_numbers_equal_pytorch() {
    let reference = Reference::read("number-steps");
    let compute = Compute::new(1).unwrap();
    for (case, about) in reference.cases() {
        let network = reference.network(&about["blueprint"], &format!("{case}/before/"));
        let sgd = Optimizer::Sgd {
            momentum: 0.0,
            nesterov: false,
        };
        let settings = TrainSettings {
            number_loss: match about["delta"].is_null() {
                true => NumberLoss::Squared,
                false => NumberLoss::Huber {
                    delta: number(&about["delta"]),
                },
            },
            ..TrainSettings::new(sgd, 0.1)
        };
        let dropout = Stream::new(0, "dropout");
        let parts = vec![Part::trained(network)];
        let mut trainer = Trainer::new(&compute, parts, settings, dropout).unwrap();
        let read = |name: &str| reference.numbers(&format!("{case}/{name}")).unwrap();
        let (inputs, numbers) = (read("inputs"), read("numbers"));
        let batches = inputs.chunks_exact(7 * 4).zip(numbers.chunks_exact(7));
        let losses: Vec<f32> = batches
            .map(|(inputs, numbers)| trainer.step_numbers(inputs, numbers).unwrap().loss)
            .collect();
        compare(case, &losses, &read("losses"));
        let after = &trainer.parts()[0].network;
        reference.compare_weights(after, &format!("{case}/after/"));
    }
}

#[test]
fn optimizers_equal_pytorch_over_several_steps() {
    let reference = Reference::read("optimizers");
    for (case, about) in reference.cases() {
        let setting = |name: &str| number(&about[name]);
        let (beta1, beta2) = (setting("beta1"), setting("beta2"));
        let epsilon = setting("epsilon");
        let optimizer = match about["optimizer"].as_str().unwrap() {
            "sgd" => Optimizer::Sgd {
                momentum: setting("momentum"),
                nesterov: about["nesterov"].as_bool().unwrap(),
            },
            "adam" => Optimizer::Adam {
                beta1,
                beta2,
                epsilon,
            },
            "adamw" => Optimizer::AdamW {
                beta1,
                beta2,
                epsilon,
            },
            other => panic!("{other}"),
        };
        let settings = TrainSettings {
            weight_decay: setting("weight_decay"),
            clip_norm: about["clip_norm"].as_f64().map(|norm| norm as f32),
            ..TrainSettings::new(optimizer, setting("learning_rate"))
        };
        let array = |name: &str| reference.numbers(&format!("{case}/{name}")).unwrap();
        let mut values = ["a", "b"].map(|name| array(&format!("initial/{name}")));
        let mut moments = [Moments::default(), Moments::default()];
        for step in 1..=about["steps"].as_u64().unwrap() {
            let gradients = ["a", "b"].map(|name| array(&format!("{step}/gradient/{name}")));
            let squares = gradients
                .iter()
                .map(|gradient| sum_of_squares(gradient))
                .sum();
            let scale = settings.clip_scale(squares);
            for index in 0..2 {
                let (own, moments) = (&mut values[index], &mut moments[index]);
                update(
                    &settings,
                    settings.learning_rate,
                    scale,
                    moments,
                    own,
                    &gradients[index],
                );
                let name = format!("{step}/after/{}", ["a", "b"][index]);
                compare(&format!("{case} {name}"), &values[index], &array(&name));
            }
        }
    }
}

#[test]
fn schedules_equal_pytorch() {
    let cases: Vec<Json> = serde_json::from_slice(&read("schedules.json")).unwrap();
    assert!(cases.len() > 4);
    for case in cases {
        let (name, settings) = case["shape"].as_object().unwrap().iter().next().unwrap();
        let setting = |name: &str| number(&settings[name]);
        let shape = match name.as_str() {
            "constant" => ScheduleShape::Constant,
            "step" => ScheduleShape::Step {
                every: settings["every"].as_u64().unwrap(),
                factor: setting("factor"),
            },
            "cosine" => ScheduleShape::Cosine { to: setting("to") },
            "one-cycle" => ScheduleShape::OneCycle {
                rise: setting("rise"),
                start_divisor: setting("start-divisor"),
                end_divisor: setting("end-divisor"),
            },
            other => panic!("{other}"),
        };
        let schedule = Schedule {
            shape,
            warm_up: case["warm_up"].as_u64().unwrap(),
            total: case["total"].as_u64().unwrap(),
        };
        let base = number(&case["base"]);
        for (step, rate) in case["rates"].as_array().unwrap().iter().enumerate() {
            let found = schedule.rate(step as u64, base);
            let difference = (found - number(rate)).abs();
            assert!(difference <= 1e-5 * base, "{case} step {step}: {found}");
        }
    }
}

/// One step of LeNet: the loss, every gradient by way of the weights after plain descent, and the weights
/// after Adam.
#[test]
fn a_training_step_of_lenet_equals_pytorch() {
    let reference = Reference::read("lenet-step");
    let case = &reference.about;
    let start = reference.network(&case["blueprint"], "weights/");
    let input = reference.numbers("input").unwrap();
    let labels = reference.labels("labels");
    let compute = Compute::new(2).unwrap();
    let mut logits = vec![0.0; reference.numbers("logits").unwrap().len()];
    start.forward(&compute, &input, &mut logits).unwrap();
    compare("logits", &logits, &reference.numbers("logits").unwrap());
    let adam = &case["adam"];
    let sgd_rate = number(&case["sgd"]["learning_rate"]);
    let descent = Optimizer::Sgd {
        momentum: 0.0,
        nesterov: false,
    };
    let adam_rule = Optimizer::Adam {
        beta1: number(&adam["beta1"]),
        beta2: number(&adam["beta2"]),
        epsilon: number(&adam["epsilon"]),
    };
    for (rule, rate, after) in [
        (descent, sgd_rate, "after-sgd/"),
        (adam_rule, number(&adam["learning_rate"]), "after-adam/"),
    ] {
        let parts = vec![Part::trained(start.clone())];
        let (settings, dropout) = (TrainSettings::new(rule, rate), Stream::new(0, "dropout"));
        let mut trainer = Trainer::new(&compute, parts, settings, dropout).unwrap();
        let step = trainer.step(&input, &labels).unwrap();
        compare("loss", &[step.loss], &reference.numbers("loss").unwrap());
        let network = &trainer.parts()[0].network;
        reference.compare_weights(network, after);
        if let Optimizer::Sgd { .. } = rule {
            for (before, after) in start.weights().zip(network.weights()) {
                let steps = before.values.iter().zip(after.values.iter());
                let gradient: Vec<f32> = steps.map(|(b, a)| (b - a) / rate).collect();
                let name = format!("gradients/{}", before.name);
                compare(&name, &gradient, &reference.numbers(&name).unwrap());
            }
        }
    }
}

/// A file as torchvision writes it, loaded by name: evaluation, and one step of training with batch
/// normalisation.
#[test]
fn a_small_resnet_equals_pytorch() {
    let reference = Reference::read("resnet18-tiny-outputs");
    let mut json = reference.about["blueprint"].clone();
    json["weights"] = serde_json::json!({"ignore": ["*.num_batches_tracked"]});
    let blueprint = Blueprint::parse(&json.to_string()).unwrap();
    let mut network = Network::init(&blueprint, &mut Stream::new(0, "init"));
    network
        .load_safetensors(&read("resnet18-tiny.safetensors"))
        .unwrap();
    let compute = Compute::new(2).unwrap();
    let input = reference.numbers("input").unwrap();
    let logits = reference.numbers("logits").unwrap();
    let mut found = vec![0.0; logits.len()];
    network.forward(&compute, &input, &mut found).unwrap();
    compare("logits", &found, &logits);
    let features = reference.numbers("features").unwrap();
    let trunk = network.keep(blueprint.layers().len() - 1).unwrap();
    let mut found = vec![0.0; features.len()];
    trunk.forward(&compute, &input, &mut found).unwrap();
    compare("features", &found, &features);

    let descent = Optimizer::Sgd {
        momentum: 0.0,
        nesterov: false,
    };
    let settings = TrainSettings::new(descent, 0.1);
    let dropout = Stream::new(0, "dropout");
    let mut trainer =
        Trainer::new(&compute, vec![Part::trained(network)], settings, dropout).unwrap();
    let step = trainer.step(&input, &reference.labels("labels")).unwrap();
    compare(
        "loss",
        &[step.loss],
        &reference.numbers("train/loss").unwrap(),
    );
    reference.compare_weights(&trainer.parts()[0].network, "train/after/");
}
