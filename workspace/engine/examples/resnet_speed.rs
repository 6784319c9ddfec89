//! How fast ResNet-18 trains and evaluates on this machine, on random data.
//!
//! `cargo run --release -p topwork-engine --example resnet_speed -- [size] [batch] [threads]`, where a size
//! of 64 or more has the stem for large images.

use std::time::Instant;

use topwork_engine::{
    Blueprint, Compute, EngineError, Network, Optimizer, Part, Stream, TrainSettings, Trainer,
};

fn main() -> Result<(), EngineError> {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|text| text.parse::<usize>().ok());
    let mut next = |default| arguments.next().flatten().unwrap_or(default);
    let (size, batch, threads) = (next(32), next(32), next(2));
    let compute = Compute::new(threads)?;
    let mut stream = Stream::new(0, "example");
    let blueprint = Blueprint::parse(&resnet18(size))?;
    let summary = blueprint.summary();
    let multiply_adds: u64 = summary.iter().map(|layer| layer.multiply_adds).sum();
    println!(
        "ResNet-18, {size}×{size}, batch {batch}, {threads} threads, {multiply_adds} multiply-adds"
    );
    let network = Network::init(&blueprint, &mut stream);
    let images: Vec<f32> = (0..batch * 3 * size * size)
        .map(|_| stream.uniform(0.0, 1.0))
        .collect();
    let labels: Vec<u32> = (0..batch).map(|_| stream.below(10) as u32).collect();

    let mut logits = vec![0.0; batch * 10];
    for _ in 0..5 {
        let start = Instant::now();
        network.forward(&compute, &images, &mut logits)?;
        report("evaluation", start, batch, 2 * multiply_adds);
    }
    let settings = TrainSettings::new(
        Optimizer::Sgd {
            momentum: 0.9,
            nesterov: false,
        },
        1e-3,
    );
    let parts = vec![Part::trained(network)];
    let mut trainer = Trainer::new(&compute, parts, settings, Stream::new(0, "dropout"))?;
    for _ in 0..5 {
        let start = Instant::now();
        trainer.step(&images, &labels)?;
        report("training", start, batch, 6 * multiply_adds);
    }
    Ok(())
}

fn report(what: &str, start: Instant, batch: usize, operations: u64) {
    let seconds = start.elapsed().as_secs_f64();
    let rate = batch as f64 / seconds;
    println!(
        "{what:<12}{rate:>8.1} images/s {:>8.0} GFLOP/s",
        rate * operations as f64 / 1e9
    );
}

/// He et al., "Deep residual learning for image recognition", 2016, for ten classes.
fn resnet18(size: usize) -> String {
    let mut layers = Vec::new();
    let mut conv = |name: &str, from: &str, filters: usize, kernel: usize, stride: usize| {
        let from = match from {
            "" => String::new(),
            from => format!(r#""inputs": ["{from}"], "#),
        };
        layers.push(format!(
            r#"{{"name": "{name}", {from}"op": "conv2d", "filters": {filters}, "kernel": [{kernel}, {kernel}],
            "stride": [{stride}, {stride}], "padding": [{0}, {0}], "bias": false}},
            {{"name": "{name}.norm", "op": "batch-norm2d"}}"#,
            kernel / 2
        ));
        layers.len()
    };
    let mut last = "stem".to_owned();
    let mut plain = Vec::new();
    match size {
        64.. => {
            conv("conv1", "", 64, 7, 2);
            plain.push((1, r#"{"name": "relu", "op": "relu"}, {"name": "stem", "op": "max-pool2d", "kernel": [3, 3], "stride": [2, 2], "padding": [1, 1]}"#.to_owned()));
        }
        _ => {
            conv("conv1", "", 64, 3, 1);
            plain.push((1, r#"{"name": "stem", "op": "relu"}"#.to_owned()));
        }
    }
    for (stage, filters) in [64, 128, 256, 512].into_iter().enumerate() {
        for block in 0..2 {
            let name = format!("layer{}.{block}", stage + 1);
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let at = conv(&format!("{name}.conv1"), &last, filters, 3, stride);
            plain.push((at, format!(r#"{{"name": "{name}.relu1", "op": "relu"}}"#)));
            conv(&format!("{name}.conv2"), "", filters, 3, 1);
            let mut at = at + 1;
            let mut shortcut = last.clone();
            if stride == 2 {
                shortcut = format!("{name}.downsample.norm");
                at = conv(&format!("{name}.downsample"), &last, filters, 1, 2);
            }
            plain.push((
                at,
                format!(
                    r#"{{"name": "{name}.add", "op": "add", "inputs": ["{name}.conv2.norm", "{shortcut}"]}},
                    {{"name": "{name}.relu", "op": "relu"}}"#
                ),
            ));
            last = format!("{name}.relu");
        }
    }
    let mut all = Vec::new();
    for (index, layer) in layers.into_iter().enumerate() {
        all.push(layer);
        all.extend(
            plain
                .iter()
                .filter(|(at, _)| *at == index + 1)
                .map(|(_, text)| text.clone()),
        );
    }
    all.push(
        r#"{"name": "avgpool", "op": "global-avg-pool2d"}, {"name": "flatten", "op": "flatten"},
        {"name": "fc", "op": "linear", "units": 10}"#
            .to_owned(),
    );
    format!(
        r#"{{"format": 1, "input": [3, {size}, {size}], "layers": [{}]}}"#,
        all.join(", ")
    )
}
