//! Networks: training them, extracting features, and training a head on features.

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};
use topwork_engine::{
    Blueprint, Compute, Network, Optimizer, Part, Stream, TrainSettings, Trainer,
};
use topwork_host::Plugins;

use crate::data;
use crate::measure::{Measured, repeat};
use crate::onnx;
use crate::plugins;
use crate::settings::{self, Backbone, Extract, Train};

/// Steps through all samples, everything being trained.
pub fn train(train: &Train, folder: &Path, threads: usize, repetitions: usize) -> Result<Measured> {
    let compute = Compute::new(threads)?;
    let (trunk, head) = build(&plugins::load(threads)?, train, folder)?;
    let forward = multiply_adds(&[&trunk, &head]);
    // Backward takes twice as much, but nobody asks for the gradient of the images.
    let first = trunk.blueprint().summary()[0].multiply_adds;
    let (inputs, labels) = samples(&trunk, train, folder)?;
    let batch = train.batch * trunk.blueprint().input().elements();
    let mut trainer = trainer(&compute, vec![trunk, head], train)?;
    let mut loss = 0.0;
    let seconds = repeat(repetitions, || {
        for (inputs, labels) in inputs.chunks(batch).zip(labels.chunks(train.batch)) {
            loss = trainer.step(inputs, labels)?.loss;
        }
        Ok(())
    })?;
    Ok(Measured {
        seconds,
        items: train.samples,
        flops_per_item: Some(2.0 * (3 * forward - first) as f64),
        loss: Some(f64::from(loss)),
        ..Measured::default()
    })
}

/// The backbone's forward pass over all samples.
pub fn extract(
    extract: &Extract,
    folder: &Path,
    threads: usize,
    repetitions: usize,
) -> Result<Measured> {
    let compute = Compute::new(threads)?;
    let trunk = backbone(&plugins::load(threads)?, &extract.backbone, folder)?;
    let inputs = inputs(&trunk, extract.samples, folder)?;
    let input = extract.batch * trunk.blueprint().input().elements();
    let output = extract.batch * trunk.blueprint().output().elements();
    let mut features = vec![0.0; extract.samples * trunk.blueprint().output().elements()];
    let seconds = repeat(repetitions, || {
        for (inputs, features) in inputs.chunks(input).zip(features.chunks_mut(output)) {
            trunk.forward(&compute, inputs, features)?;
        }
        Ok(())
    })?;
    Ok(Measured {
        seconds,
        items: extract.samples,
        flops_per_item: Some(2.0 * multiply_adds(&[&trunk]) as f64),
        ..Measured::default()
    })
}

/// What the strategy frozen-backbone does: features once, then epochs of the head on them.
pub fn frozen(
    train: &Train,
    epochs: usize,
    folder: &Path,
    threads: usize,
    repetitions: usize,
) -> Result<Measured> {
    let compute = Compute::new(threads)?;
    let (trunk, head) = build(&plugins::load(threads)?, train, folder)?;
    let (inputs, labels) = samples(&trunk, train, folder)?;
    let width = trunk.blueprint().output().elements();
    let mut loss = 0.0;
    let seconds = repeat(repetitions, || {
        let mut features = vec![0.0; train.samples * width];
        trunk.forward(&compute, &inputs, &mut features)?;
        let mut trainer = trainer(&compute, vec![head.clone()], train)?;
        for _ in 0..epochs {
            let batches = features.chunks(train.batch * width);
            for (features, labels) in batches.zip(labels.chunks(train.batch)) {
                loss = trainer.step(features, labels)?.loss;
            }
        }
        Ok(())
    })?;
    Ok(Measured {
        seconds,
        items: train.samples * epochs,
        loss: Some(f64::from(loss)),
        ..Measured::default()
    })
}

/// The backbone and an `mlp` head that fits it, with random weights.
pub fn build(plugins: &Plugins, train: &Train, folder: &Path) -> Result<(Network, Network)> {
    let trunk = backbone(plugins, &train.backbone, folder)?;
    let head = plugins.network_head("mlp", &json!({"hidden": train.hidden}))?;
    let head = head.layers(trunk.blueprint().output().dims(), train.classes)?;
    let head = Network::init(&Blueprint::parse(&head)?, &mut Stream::new(1, "init/head"));
    Ok((trunk, head))
}

/// Puts networks together and trains all of them.
pub fn trainer<'a>(
    compute: &'a Compute,
    networks: Vec<Network>,
    train: &Train,
) -> Result<Trainer<'a>> {
    let parts = networks.into_iter().map(Part::trained).collect();
    let optimizer = match train.optimizer {
        settings::Optimizer::Sgd => Optimizer::Sgd {
            momentum: 0.9,
            nesterov: false,
        },
        settings::Optimizer::Adam => Optimizer::ADAM,
    };
    let settings = TrainSettings::new(optimizer, train.learning_rate);
    let dropout = Stream::new(1, "dropout");
    Ok(Trainer::new(compute, parts, settings, dropout)?)
}

fn backbone(plugins: &Plugins, backbone: &Backbone, folder: &Path) -> Result<Network> {
    if backbone.use_ == "onnx" {
        return onnx::network(backbone, folder);
    }
    let parameters = Value::Object(backbone.parameters.clone());
    let backbone = plugins.backbone(&backbone.use_, &parameters)?;
    let blueprint = Blueprint::parse(&backbone.blueprint()?)?;
    let mut stream = Stream::new(1, "init/backbone");
    Ok(Network::init(&blueprint, &mut stream))
}

fn samples(trunk: &Network, train: &Train, folder: &Path) -> Result<(Vec<f32>, Vec<u32>)> {
    let inputs = inputs(trunk, train.samples, folder)?;
    let labels = if reads_digits(trunk) {
        data::labels(&folder.join(data::TRAIN_LABELS), train.samples)?
    } else {
        let classes = train.classes as u32;
        (0..classes).cycle().take(train.samples).collect()
    };
    Ok((inputs, labels))
}

/// Digits for networks of their size, noise for the others.
fn inputs(trunk: &Network, samples: usize, folder: &Path) -> Result<Vec<f32>> {
    let count = samples * trunk.blueprint().input().elements();
    if reads_digits(trunk) {
        return data::floats(&folder.join(data::IMAGES), count);
    }
    let mut stream = Stream::new(1, "images");
    Ok((0..count).map(|_| stream.uniform(-1.0, 1.0)).collect())
}

fn reads_digits(trunk: &Network) -> bool {
    trunk.blueprint().input().dims() == [1, 28, 28]
}

fn multiply_adds(networks: &[&Network]) -> u64 {
    let layers = networks
        .iter()
        .flat_map(|network| network.blueprint().summary());
    layers.map(|layer| layer.multiply_adds).sum()
}
