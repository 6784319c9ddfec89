//! How fast LeNet trains and extracts features on this machine, on random data.
//!
//! `cargo run --release -p topwork-engine --example lenet_speed -- [threads]`

use std::time::Instant;

use topwork_engine::{
    Blueprint, Compute, EngineError, Network, Optimizer, Part, Stream, TrainSettings, Trainer,
};

const LENET: &str = r#"{"format": 1, "input": [1, 28, 28], "layers": [
    {"name": "conv1", "op": "conv2d", "filters": 20, "kernel": [5, 5]},
    {"name": "relu1", "op": "relu"},
    {"name": "pool1", "op": "max-pool2d", "kernel": [2, 2]},
    {"name": "conv2", "op": "conv2d", "filters": 50, "kernel": [5, 5]},
    {"name": "relu2", "op": "relu"},
    {"name": "pool2", "op": "max-pool2d", "kernel": [2, 2]},
    {"name": "flatten", "op": "flatten"}]}"#;
const HEAD: &str = r#"{"format": 1, "input": [800], "layers": [
    {"name": "hidden1", "op": "linear", "units": 500},
    {"name": "relu1", "op": "relu"},
    {"name": "logits", "op": "linear", "units": 5}]}"#;

const BATCH: usize = 64;
const STEPS: usize = 100;
const ROUNDS: usize = 5;

fn main() -> Result<(), EngineError> {
    let threads = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let compute = Compute::new(threads.unwrap_or(2))?;
    let mut stream = Stream::new(0, "example");
    let trunk = Network::init(&Blueprint::parse(LENET)?, &mut stream);
    let head = Network::init(&Blueprint::parse(HEAD)?, &mut stream);
    let images: Vec<f32> = (0..BATCH * STEPS * 784)
        .map(|_| stream.uniform(0.0, 1.0))
        .collect();
    let labels: Vec<u32> = (0..BATCH * STEPS).map(|_| stream.below(5) as u32).collect();
    println!("{} threads, batch {BATCH}", compute.threads());

    for frozen in [false, true] {
        let below = match frozen {
            true => Part::frozen(trunk.clone()),
            false => Part::trained(trunk.clone()),
        };
        let parts = vec![below, Part::trained(head.clone())];
        let settings = TrainSettings::new(Optimizer::ADAM, 1e-3);
        let mut trainer = Trainer::new(&compute, parts, settings, Stream::new(0, "dropout"))?;
        for _ in 0..ROUNDS {
            let start = Instant::now();
            let batches = images.chunks(BATCH * 784).zip(labels.chunks(BATCH));
            let mut loss = 0.0;
            for (images, labels) in batches {
                loss += trainer.step(images, labels)?.loss;
            }
            let what = if frozen { "head alone" } else { "training" };
            report(what, start, &format!("loss {:.4}", loss / STEPS as f32));
        }
    }
    let mut features = vec![0.0; BATCH * STEPS * 800];
    for _ in 0..ROUNDS {
        let start = Instant::now();
        trunk.forward(&compute, &images, &mut features)?;
        report("extraction", start, "");
    }
    Ok(())
}

fn report(what: &str, start: Instant, detail: &str) {
    let rate = (BATCH * STEPS) as f64 / start.elapsed().as_secs_f64();
    println!("{what:<12}{rate:>8.0} images/s  {detail}");
}
