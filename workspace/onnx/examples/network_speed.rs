//! How many images a second the engine takes through an ONNX model, on random pixels.
//!
//! `cargo run --release -p topwork-onnx --example network_speed -- FILE [batch] [threads] [rounds]`

use std::path::Path;
use std::time::Instant;

use prost::Message;
use topwork_engine::{Blueprint, Compute, Network, Stream};
use topwork_onnx::{Folder, Wanted, import, message::Model};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments
        .next()
        .ok_or("expected the path of an ONNX file")?;
    let mut next = |default: usize| match arguments.next() {
        Some(text) => text.parse(),
        None => Ok(default),
    };
    let (batch, threads, rounds) = (next(16)?, next(2)?, next(5)?);
    let file = Path::new(&file);
    let model = Model::decode(&*std::fs::read(file)?)?;
    let beside = Folder(file.parent().unwrap_or(Path::new(".")).to_owned());
    let wanted = Wanted {
        input: Some([3, 224, 224]),
        ..Wanted::default()
    };
    let imported = import(&model, &beside, &wanted)?;
    let blueprint = Blueprint::parse(&imported.blueprint)?;
    let mut stream = Stream::new(0, "example");
    let mut network = Network::init(&blueprint, &mut stream);
    let mut arrays = imported.arrays;
    let values = network.arrays().map(|array| {
        let found = arrays.iter_mut().find(|found| found.name == array.name);
        found.map(|found| std::mem::take(&mut found.numbers))
    });
    let values: Option<Vec<Vec<f32>>> = values.collect();
    network.set_weights(values.ok_or("an array of the network is not in the file")?)?;
    let compute = Compute::new(threads)?;
    let elements = blueprint.input().elements();
    let images: Vec<f32> = (0..batch * elements)
        .map(|_| stream.uniform(0.0, 1.0))
        .collect();
    let mut features = vec![0.0; batch * blueprint.output().elements()];
    for _ in 0..rounds {
        let start = Instant::now();
        network.forward(&compute, &images, &mut features)?;
        let rate = batch as f64 / start.elapsed().as_secs_f64();
        println!("{rate:.1} images/s");
    }
    Ok(())
}
