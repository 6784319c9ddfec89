//! Published weights of EfficientNet-Lite0: imported, they must give the features that onnxruntime gives.
//!
//! The files are large and not part of the project. They are looked for in the folder that
//! `TOPWORK_LARGE_FILES` names and in `data/fetched`, where `just fetch efficientnet-lite0` puts them;
//! tests whose files are in neither are listed as ignored.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests are tests too"
)]

use std::io::Read;
use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Value, json};
use topwork_engine::{Blueprint, Compute, Network, Stream};
use topwork_plugin_efficientnet::PLUGIN;
use topwork_sdk::drive::{Driver, TestHost};
use topwork_weights::{Match, WeightsFile, import};

const PTH: &str = "efficientnet-lite0-57934424.pth";
const ONNX: &str = "efficientnet-lite0.onnx";
const ARRAYS: &str = "efficientnet-lite0.reference.npz";

fn main() {
    let arguments = Arguments::from_args();
    let trial = |name: &str, files: &[&str], test: fn() -> Result<(), Failed>| {
        let missing = files.iter().find(|file| find(file).is_none());
        let name = match missing {
            Some(file) => format!("{name} (needs {file}; `just fetch` or TOPWORK_LARGE_FILES)"),
            None => name.to_owned(),
        };
        Trial::test(name, test).with_ignored_flag(missing.is_some())
    };
    let trials = vec![
        trial(
            "the_published_pth_gives_the_reference_features",
            &[PTH, ARRAYS],
            || check(PTH, Match::Names, 245),
        ),
        trial(
            "the_onnx_file_gives_the_reference_features",
            &[ONNX, ARRAYS],
            || check(ONNX, Match::Graph { folded: 49 }, 98),
        ),
    ];
    libtest_mimic::run(&arguments, trials).exit();
}

fn find(name: &str) -> Option<PathBuf> {
    let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/fetched");
    let named = std::env::var_os("TOPWORK_LARGE_FILES").map(PathBuf::from);
    let folders = named.into_iter().chain([fetched]);
    folders
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

fn check(name: &str, found: Match, taken: usize) -> Result<(), Failed> {
    let file = WeightsFile::read(std::fs::read(find(name).unwrap())?)?;
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let blueprint = driver
        .backbone("efficientnet-lite", &json!({}))?
        .blueprint()?;
    let network = load(&file, &blueprint, found, taken);
    // The classifier of the file as a head of its own: all other tensors are passed over.
    let head = json!({"format": 1, "input": [1280],
        "layers": [{"name": "scores", "op": "linear", "units": 1000}],
        "weights": {"ignore": ["*"], "rename": [
            ["_fc.*", "scores.*"], ["logits.w", "scores.weight"], ["logits.b", "scores.bias"]]}});
    let head = load(&file, &head, Match::Names, 2);

    let arrays = find(ARRAYS).unwrap();
    let images = array(&arrays, "image");
    let compute = Compute::new(2)?;
    let forward = |network: &Network, input: &[f32], samples: usize| {
        let mut output = vec![0.0; samples * network.blueprint().output().elements()];
        network.forward(&compute, input, &mut output).unwrap();
        output
    };
    let samples = images.len() / (3 * 224 * 224);
    let gap = forward(&network, &images, samples);
    compare("gap", &gap, &array(&arrays, "gap"), 1e-4)?;
    for cut in ["stem", "block7", "block14"] {
        let trunk = network.keep(network.blueprint().cut(cut).unwrap())?;
        let [_, height, width] = trunk.blueprint().output().as_image().unwrap();
        let map = forward(&trunk, &images, samples);
        let means = map.chunks(height * width).map(|plane| {
            let sum: f64 = plane.iter().copied().map(f64::from).sum();
            (sum / plane.len() as f64) as f32
        });
        let means: Vec<f32> = means.collect();
        compare(cut, &means, &array(&arrays, &format!("{cut}_mean")), 1e-4)?;
    }
    let logits = forward(&head, &gap, samples);
    compare("logits", &logits, &array(&arrays, "logits"), 1e-3)?;
    let first = |logits: &[f32]| {
        let best = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]));
        best.unwrap()
    };
    let found: Vec<usize> = logits.chunks(1000).map(first).collect();
    let expected: Vec<usize> = array(&arrays, "logits").chunks(1000).map(first).collect();
    assert_eq!(found, expected);
    println!("{name}: top-1 {found:?}");
    Ok(())
}

fn load(file: &WeightsFile, blueprint: &Value, found: Match, taken: usize) -> Network {
    let json = blueprint.to_string();
    let imported = import(file, &json, None).unwrap();
    assert_eq!(imported.found, found);
    assert_eq!(imported.taken, taken);
    assert_eq!(
        imported.taken + imported.ignored.len(),
        file.tensors().len()
    );
    let blueprint = Blueprint::parse(&json).unwrap();
    let mut network = Network::init(&blueprint, &mut Stream::new(1, "init"));
    network.load_safetensors(&imported.safetensors).unwrap();
    assert_eq!(network.digest(), imported.digest);
    network
}

fn compare(what: &str, found: &[f32], expected: &[f32], most: f32) -> Result<(), Failed> {
    assert_eq!(found.len(), expected.len(), "{what}");
    let differences = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    let largest = differences.fold(0.0, f32::max);
    println!("{what}: largest difference {largest:e}");
    match largest <= most {
        true => Ok(()),
        false => Err(format!("{what} is off by {largest}, expected {most} at most").into()),
    }
}

/// An array of `f32` in an archive of NumPy.
fn array(path: &Path, name: &str) -> Vec<f32> {
    let file = std::fs::File::open(path).unwrap();
    let mut archive = zip::ZipArchive::new(file).unwrap();
    let index = archive.index_for_name(&format!("{name}.npy")).unwrap();
    let compressed = archive.by_index_raw(index).unwrap();
    let mut bytes = Vec::new();
    flate2::read::DeflateDecoder::new(compressed)
        .read_to_end(&mut bytes)
        .unwrap();
    let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let (header, values) = bytes[10..].split_at(header);
    assert!(String::from_utf8_lossy(header).contains("'descr': '<f4', 'fortran_order': False"));
    let values = values.as_chunks::<4>().0.iter();
    values.map(|&value| f32::from_le_bytes(value)).collect()
}
