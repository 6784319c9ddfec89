//! The arrays that both sides read: plain little-endian files of `f32` and `u32`, without a header.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use topwork_engine::{Compute, Stream};
use topwork_host::Dataset;

use crate::networks;
use crate::plugins;
use crate::settings::{Backbone, Optimizer, Train};

/// Numbers of one image.
const PIXELS: usize = 28 * 28;

/// Numbers of one row of features.
pub const FEATURES: usize = 800;

/// The classes 5 to 9, numbered from 0.
pub const CLASSES: usize = 5;

/// Images of 5 to 9 with their labels; features of all of them and of those held out.
pub const IMAGES: &str = "images.f32";
pub const TRAIN_FEATURES: &str = "train-features.f32";
pub const TRAIN_LABELS: &str = "train-labels.u32";
pub const TEST_FEATURES: &str = "test-features.f32";
pub const TEST_LABELS: &str = "test-labels.u32";

/// Trains LeNet on the digits 0 to 4 and writes what its first seven layers make of the digits 5 to 9.
pub fn prepare(folder: &Path, threads: usize, epochs: usize) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let plugins = plugins::load(threads)?;
    let mnist = plugins.dataset("mnist", &json!({}))?;
    let compute = Compute::new(threads)?;
    let train = Train {
        backbone: Backbone {
            use_: "lenet".to_owned(),
            parameters: serde_json::Map::new(),
        },
        hidden: vec![500],
        classes: 5,
        samples: 0,
        batch: 64,
        optimizer: Optimizer::Adam,
        learning_rate: 1e-3,
    };
    let (trunk, head) = networks::build(&plugins, &train, folder)?;
    let (images, labels) = digits(&mnist, "train", 0)?;
    let mut order: Vec<usize> = (0..labels.len()).collect();
    let mut stream = Stream::new(1, "shuffle");
    let mut trainer = networks::trainer(&compute, vec![trunk, head], &train)?;
    for _ in 0..epochs {
        stream.shuffle(&mut order);
        for batch in order.chunks(train.batch) {
            let inputs: Vec<f32> = (batch.iter())
                .flat_map(|&image| &images[image * PIXELS..][..PIXELS])
                .copied()
                .collect();
            let labels: Vec<u32> = batch.iter().map(|&image| labels[image]).collect();
            trainer.step(&inputs, &labels)?;
        }
    }
    let mut parts = trainer.into_parts().into_iter();
    let trunk = parts.next().context("training left no network")?.network;
    for (split, features_file, labels_file) in [
        ("train", TRAIN_FEATURES, TRAIN_LABELS),
        ("test", TEST_FEATURES, TEST_LABELS),
    ] {
        let (images, labels) = digits(&mnist, split, 5)?;
        let mut features = vec![0.0; labels.len() * FEATURES];
        trunk.forward(&compute, &images, &mut features)?;
        write(&folder.join(features_file), &features, f32::to_le_bytes)?;
        write(&folder.join(labels_file), &labels, u32::to_le_bytes)?;
        if split == "train" {
            write(&folder.join(IMAGES), &images, f32::to_le_bytes)?;
        }
    }
    Ok(())
}

/// Images and labels of the five digits from `first` on, labels counted from 0.
fn digits(mnist: &Dataset, split: &str, first: u32) -> Result<(Vec<f32>, Vec<u32>)> {
    let all = mnist.labels(split)?;
    let wanted = first..first + CLASSES as u32;
    let indices = (0_u64..).zip(&all);
    let (indices, labels): (Vec<u64>, Vec<u32>) = indices
        .filter(|(_, label)| wanted.contains(label))
        .map(|(index, label)| (index, label - first))
        .unzip();
    let mut images = vec![0.0; indices.len() * PIXELS];
    mnist.read(split, &indices, &mut images)?;
    Ok((images, labels))
}

/// The first `count` numbers of a file.
pub fn floats(file: &Path, count: usize) -> Result<Vec<f32>> {
    read(file, count, f32::from_le_bytes)
}

/// The first `count` labels of a file.
pub fn labels(file: &Path, count: usize) -> Result<Vec<u32>> {
    read(file, count, u32::from_le_bytes)
}

/// How many labels a file has.
pub fn count(file: &Path) -> Result<usize> {
    let bytes = std::fs::metadata(file)
        .with_context(|| missing(file))?
        .len();
    Ok(bytes as usize / 4)
}

fn read<T>(file: &Path, count: usize, convert: fn([u8; 4]) -> T) -> Result<Vec<T>> {
    ensure!(
        self::count(file)? >= count,
        "{} has fewer than {count} numbers",
        file.display()
    );
    let mut reader = BufReader::new(File::open(file)?);
    let mut numbers = Vec::with_capacity(count);
    for _ in 0..count {
        let mut bytes = [0; 4];
        reader.read_exact(&mut bytes)?;
        numbers.push(convert(bytes));
    }
    Ok(numbers)
}

/// Writes numbers, each as these bytes.
pub fn write<T: Copy>(file: &Path, numbers: &[T], convert: fn(T) -> [u8; 4]) -> Result<()> {
    let mut writer = BufWriter::new(File::create(file)?);
    for &number in numbers {
        writer.write_all(&convert(number))?;
    }
    writer.flush()?;
    Ok(())
}

fn missing(file: &Path) -> String {
    format!("{} is missing; `bench prepare` writes it", file.display())
}
