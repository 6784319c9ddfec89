//! Whole steps: of an optimizer, of LeNet, the features of EfficientNet-Lite0, and a fit of logistic regression through its
//! plugin.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use serde_json::json;
use topwork_engine::{
    Blueprint, Compute, Network, Optimizer, Part, Stream, TrainSettings, Trainer,
};
use topwork_host::{FitOptions, Options, Plugins, Silent};

const THREADS: usize = 2;

fn main() -> Result<(), Box<dyn Error>> {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    // The plugins lie beside the program, one folder above its benchmarks.
    let program = std::env::current_exe()?;
    let folder = program.parent().and_then(Path::parent);
    let folder = folder.ok_or("the program lies in no folder")?;
    let plugins = Plugins::load(Options {
        folders: vec![folder.to_owned()],
        data_folders: Vec::new(),
        cache_folder: std::env::temp_dir(),
        threads: THREADS,
        observer: Arc::new(Silent),
    });
    optimizer(&mut criterion)?;
    lenet(&mut criterion, &plugins)?;
    efficientnet(&mut criterion, &plugins)?;
    logistic_regression(&mut criterion, &plugins)?;
    criterion.final_summary();
    Ok(())
}

/// Features of photographs; the weights do not matter for the time.
fn efficientnet(criterion: &mut Criterion, plugins: &Plugins) -> Result<(), Box<dyn Error>> {
    const SAMPLES: usize = 16;
    let compute = Compute::new(THREADS)?;
    let backbone = plugins.backbone("efficientnet-lite", &json!({}))?;
    let blueprint = Blueprint::parse(&backbone.blueprint()?)?;
    let network = Network::init(&blueprint, &mut Stream::new(1, "init"));
    let images = numbers(SAMPLES * blueprint.input().elements());
    let mut features = vec![0.0; SAMPLES * blueprint.output().elements()];
    let mut group = criterion.benchmark_group("efficientnet-lite0, 224×224");
    group.throughput(Throughput::Elements(SAMPLES as u64));
    group.bench_function("gap", |bencher| {
        bencher.iter(|| network.forward(&compute, &images, &mut features));
    });
    group.finish();
    Ok(())
}

/// A million weights and a batch of one: next to nothing but the update.
fn optimizer(criterion: &mut Criterion) -> Result<(), Box<dyn Error>> {
    const SIZE: usize = 1000;
    let compute = Compute::new(THREADS)?;
    let sgd = Optimizer::Sgd {
        momentum: 0.9,
        nesterov: false,
    };
    let mut group = criterion.benchmark_group("optimizer, a million weights");
    group.throughput(Throughput::Elements((SIZE * SIZE) as u64));
    for (name, optimizer) in [("sgd", sgd), ("adam", Optimizer::ADAM)] {
        let json = format!(
            r#"{{"format": 1, "input": [{SIZE}], "layers": [{{"name": "logits", "op": "linear", "units": {SIZE}}}]}}"#
        );
        let network = Network::init(&Blueprint::parse(&json)?, &mut Stream::new(1, "init"));
        let inputs = numbers(SIZE);
        let mut trainer = trainer(&compute, vec![network], optimizer)?;
        trainer.step(&inputs, &[0])?;
        group.bench_function(name, |bencher| bencher.iter(|| trainer.step(&inputs, &[0])));
    }
    group.finish();
    Ok(())
}

/// LeNet with a head of 500 units.
fn lenet(criterion: &mut Criterion, plugins: &Plugins) -> Result<(), Box<dyn Error>> {
    const BATCH: usize = 64;
    let compute = Compute::new(THREADS)?;
    let trunk = plugins.backbone("lenet", &json!({}))?.blueprint()?;
    let trunk = Network::init(&Blueprint::parse(&trunk)?, &mut Stream::new(1, "init"));
    let width = trunk.blueprint().output().elements();
    let head = plugins.network_head("mlp", &json!({"hidden": [500]}))?;
    let head = head.layers(&[width], 5)?;
    let head = Network::init(&Blueprint::parse(&head)?, &mut Stream::new(2, "init"));
    let images = numbers(BATCH * trunk.blueprint().input().elements());
    let labels: Vec<u32> = (0..BATCH as u32).map(|index| index % 5).collect();
    let mut features = vec![0.0; BATCH * width];
    let mut group = criterion.benchmark_group("lenet, batches of 64");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("features", |bencher| {
        bencher.iter(|| trunk.forward(&compute, &images, &mut features));
    });
    let mut trainer = trainer(&compute, vec![trunk, head], Optimizer::ADAM)?;
    group.bench_function("training step", |bencher| {
        bencher.iter(|| trainer.step(&images, &labels));
    });
    group.finish();
    Ok(())
}

/// Features of which each class raises its own share, so that the fit ends.
fn logistic_regression(criterion: &mut Criterion, plugins: &Plugins) -> Result<(), Box<dyn Error>> {
    const SAMPLES: usize = 1000;
    const FEATURES: usize = 800;
    const CLASSES: usize = 5;
    let labels: Vec<u32> = (0..SAMPLES)
        .map(|sample| (sample % CLASSES) as u32)
        .collect();
    let mut features = numbers(SAMPLES * FEATURES);
    for (sample, &label) in features.chunks_exact_mut(FEATURES).zip(&labels) {
        for feature in sample.iter_mut().skip(label as usize).step_by(CLASSES) {
            *feature += 0.2;
        }
    }
    let mut classifier = plugins.classifier("logistic-regression", &json!({}))?;
    let options = FitOptions {
        seed: 1,
        threads: THREADS,
    };
    let mut fit = || classifier.fit(&features, SAMPLES, FEATURES, &labels, CLASSES, options);
    fit()?;
    let mut group = criterion.benchmark_group("logistic regression");
    group.throughput(Throughput::Elements(SAMPLES as u64));
    group.bench_function("1,000 samples of 800 features", |bencher| {
        bencher.iter(&mut fit)
    });
    group.finish();
    Ok(())
}

fn trainer(
    compute: &Compute,
    networks: Vec<Network>,
    optimizer: Optimizer,
) -> Result<Trainer<'_>, Box<dyn Error>> {
    let parts = networks.into_iter().map(Part::trained).collect();
    let settings = TrainSettings::new(optimizer, 1e-3);
    Ok(Trainer::new(
        compute,
        parts,
        settings,
        Stream::new(1, "dropout"),
    )?)
}

fn numbers(count: usize) -> Vec<f32> {
    let mut stream = Stream::new(1, "numbers");
    (0..count).map(|_| stream.uniform(-1.0, 1.0)).collect()
}
