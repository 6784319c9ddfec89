//! One layer at a time, at the sizes it has in LeNet and ResNet-18: its forward pass in evaluation, and a
//! training step of it.
//!
//! A step is the forward pass, the gradients by weights and inputs, and the update of the weights. For there
//! to be a gradient by the inputs, a scale per channel that is trained stands before the layer; behind it
//! stand a global average, where it gives images, and two frozen logits. Both are small beside the layers measured here.

use std::error::Error;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use topwork_engine::{
    Blueprint, Compute, Network, Optimizer, Part, Stream, TrainSettings, Trainer,
};

const THREADS: usize = 2;

/// Name, input, batch, the layer itself.
type Case = (&'static str, [usize; 3], usize, &'static str);

const CONVOLUTIONS: &[Case] = &[
    (
        "lenet conv1",
        [1, 28, 28],
        64,
        r#""op": "conv2d", "filters": 20, "kernel": [5, 5]"#,
    ),
    (
        "lenet conv2",
        [20, 12, 12],
        64,
        r#""op": "conv2d", "filters": 50, "kernel": [5, 5]"#,
    ),
    (
        "resnet stem",
        [3, 32, 32],
        32,
        r#""op": "conv2d", "filters": 64, "kernel": [3, 3], "padding": [1, 1], "bias": false"#,
    ),
    (
        "resnet layer1",
        [64, 32, 32],
        32,
        r#""op": "conv2d", "filters": 64, "kernel": [3, 3], "padding": [1, 1], "bias": false"#,
    ),
    (
        "resnet layer2",
        [128, 16, 16],
        32,
        r#""op": "conv2d", "filters": 128, "kernel": [3, 3], "padding": [1, 1], "bias": false"#,
    ),
    (
        "resnet layer3",
        [256, 8, 8],
        32,
        r#""op": "conv2d", "filters": 256, "kernel": [3, 3], "padding": [1, 1], "bias": false"#,
    ),
    (
        "resnet layer4",
        [512, 4, 4],
        32,
        r#""op": "conv2d", "filters": 512, "kernel": [3, 3], "padding": [1, 1], "bias": false"#,
    ),
    (
        "resnet layer2, stride 2",
        [64, 32, 32],
        32,
        r#""op": "conv2d", "filters": 128, "kernel": [3, 3], "stride": [2, 2], "padding": [1, 1], "bias": false"#,
    ),
    (
        "resnet downsample",
        [64, 32, 32],
        32,
        r#""op": "conv2d", "filters": 128, "kernel": [1, 1], "stride": [2, 2], "bias": false"#,
    ),
    (
        "depthwise",
        [64, 32, 32],
        32,
        r#""op": "conv2d", "filters": 64, "kernel": [3, 3], "padding": [1, 1], "groups": 64, "bias": false"#,
    ),
    (
        "depthwise, stride 2",
        [64, 32, 32],
        32,
        r#""op": "conv2d", "filters": 64, "kernel": [3, 3], "stride": [2, 2], "padding": [1, 1], "groups": 64, "bias": false"#,
    ),
];

const OTHERS: &[Case] = &[
    (
        "linear 800 to 500",
        [800, 1, 1],
        64,
        r#""op": "flatten"}, {"name": "linear", "op": "linear", "units": 500"#,
    ),
    (
        "max pooling",
        [20, 24, 24],
        64,
        r#""op": "max-pool2d", "kernel": [2, 2], "stride": [2, 2]"#,
    ),
    (
        "average pooling",
        [20, 24, 24],
        64,
        r#""op": "avg-pool2d", "kernel": [2, 2], "stride": [2, 2]"#,
    ),
    (
        "batch normalisation",
        [64, 32, 32],
        32,
        r#""op": "batch-norm2d""#,
    ),
    ("relu", [64, 32, 32], 32, r#""op": "relu""#),
    ("gelu", [64, 32, 32], 32, r#""op": "gelu""#),
    ("tanh", [64, 32, 32], 32, r#""op": "tanh""#),
    ("sigmoid", [64, 32, 32], 32, r#""op": "sigmoid""#),
    ("silu", [64, 32, 32], 32, r#""op": "silu""#),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(700))
        .configure_from_args();
    let compute = Compute::new(THREADS)?;
    for (group, cases) in [("convolution", CONVOLUTIONS), ("layer", OTHERS)] {
        for case in cases {
            forward(&mut criterion, &compute, group, case)?;
        }
        for case in cases {
            step(&mut criterion, &compute, group, case)?;
        }
    }
    criterion.final_summary();
    Ok(())
}

fn forward(
    criterion: &mut Criterion,
    compute: &Compute,
    group: &str,
    &(name, input, batch, layer): &Case,
) -> Result<(), Box<dyn Error>> {
    let layers = format!(r#"{{"name": "measured", {layer}}}"#);
    let network = network(input, &layers)?;
    let images = numbers(batch * input.iter().product::<usize>());
    let mut output = vec![0.0; batch * network.blueprint().output().elements()];
    network.forward(compute, &images, &mut output)?;
    let mut group = criterion.benchmark_group(format!("{group} forward"));
    group.throughput(Throughput::Elements(batch as u64));
    group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
        bencher.iter(|| network.forward(compute, &images, &mut output));
    });
    group.finish();
    Ok(())
}

fn step(
    criterion: &mut Criterion,
    compute: &Compute,
    group: &str,
    &(name, input, batch, layer): &Case,
) -> Result<(), Box<dyn Error>> {
    let channels = input[0];
    let measured = network(
        input,
        &format!(
            r#"{{"name": "scale", "op": "conv2d", "filters": {channels}, "kernel": [1, 1], "groups": {channels}}},
            {{"name": "measured", {layer}}}"#
        ),
    )?;
    let output = measured.blueprint().output();
    let mean = match output.as_image() {
        Some(_) => {
            r#"{"name": "mean", "op": "global-avg-pool2d"}, {"name": "flatten", "op": "flatten"},"#
        }
        None => "",
    };
    let logits = r#"{"name": "logits", "op": "linear", "units": 2}"#;
    let head = network(output.dims(), &format!("{mean}{logits}"))?;
    let images = numbers(batch * input.iter().product::<usize>());
    let labels: Vec<u32> = (0..batch as u32).map(|index| index % 2).collect();
    let parts = vec![Part::trained(measured), Part::frozen(head)];
    let settings = TrainSettings::new(
        Optimizer::Sgd {
            momentum: 0.9,
            nesterov: false,
        },
        1e-4,
    );
    let mut trainer = Trainer::new(compute, parts, settings, Stream::new(1, "dropout"))?;
    trainer.step(&images, &labels)?;
    let mut group = criterion.benchmark_group(format!("{group} step"));
    group.throughput(Throughput::Elements(batch as u64));
    group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
        bencher.iter(|| trainer.step(&images, &labels));
    });
    group.finish();
    Ok(())
}

fn network(input: impl AsRef<[usize]>, layers: &str) -> Result<Network, Box<dyn Error>> {
    let input = input.as_ref();
    let json = format!(r#"{{"format": 1, "input": {input:?}, "layers": [{layers}]}}"#);
    let blueprint = Blueprint::parse(&json)?;
    Ok(Network::init(&blueprint, &mut Stream::new(1, "init")))
}

fn numbers(count: usize) -> Vec<f32> {
    let mut stream = Stream::new(1, "numbers");
    (0..count).map(|_| stream.uniform(-1.0, 1.0)).collect()
}
