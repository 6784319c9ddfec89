//! What uses finished work: `predict`, `evaluate`, `features`.

use std::path::PathBuf;

use clap::Args;
use topwork_apply::Split;
use topwork_schema::Pool;

use super::{
    Place,
    values::{Normalisation, parse_normalise, parse_set, parse_word},
};

pub const PREDICT: &str = "\
Without paths, `--split test` classifies the run's own test examples and `--dataset FILE.toml` those of
a file like
    use    = \"image-folder\"
    folder = \"new-photos\"
    size   = 224
With folds the scores of what was fitted for each are averaged, unless `--fold` names one. A file that
cannot be read is a line with an error, and the exit code is 4.

Example:
  topwork predict latest photos/ -o photos.csv
  find . -name '*.jpg' | topwork predict 7 - --row \"logistic regression\" --format jsonl
  topwork predict latest --split test";

pub const EVALUATE: &str = "\
FILE.toml names a dataset with its parameters, and if wanted a split and how its classes are called in
the run:
    use       = \"image-folder\"
    folder    = \"other-camera\"
    size      = 224
    split     = \"test\"
    class-map = { \"felis catus\" = \"cat\" }

Example:
  topwork evaluate latest --dataset other-camera.toml
  topwork evaluate 7 --dataset other-camera.toml --row \"frozen backbone\" --json";

pub const FEATURES: &str = "\
The extension of the output gives its format: .npy (labels and paths in NAME.manifest.csv), .npz,
.safetensors, .parquet, .csv or .jsonl.

Example:
  topwork features experiments/mnist-transfer.toml --split train -o digits.npz
  topwork features latest --cut pool1 --split test -o test.parquet
  topwork features latest --row \"feature classifier\" photos/ -o photos.npy
  topwork features --backbone onnx --set file=net.onnx --cut pooled photos/ -o photos.parquet";

pub const EXPORT: &str = "\
The ONNX file takes images, N × channels × height × width in 0 to 1 (bytes with --bytes), normalises
them itself and gives `class`, `scores` and `features`, or `numbers` and `features` where these are
predicted. It is run on test images of the run by rten and, where Python has it, onnxruntime; where
one image has another class, nothing is written.

Example:
  topwork export latest -o model.onnx
  topwork export 7 --row \"logistic regression\" --bytes -o model.onnx
  topwork export 7 --row \"fine-tune\" -o weights.safetensors";

/// Which fitted row of a run.
#[derive(Debug, Args)]
pub struct WhichRow {
    /// The row, by its title or its number in the table [default: the best ranked]
    #[arg(long, value_name = "TITLE")]
    pub row: Option<String>,
    /// The seed [default: the run's first]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// With folds: what was fitted without this one, from 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub fold: Option<u32>,
}

/// How the work is done.
#[derive(Debug, Args)]
pub struct How {
    /// Threads to compute with; the results do not depend on it [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Load plugins from this folder, too; repeat for several
    #[arg(long, value_name = "DIR")]
    pub plugin_dir: Vec<PathBuf>,
    #[command(flatten)]
    pub place: Place,
}

/// `topwork predict`.
#[derive(Debug, Args)]
pub struct PredictArguments {
    /// The run: its number, its id, the beginning of its id, or `latest`
    pub run: String,
    /// Image files, folders of them, or `-` for a list on standard input
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub which: WhichRow,
    /// Classify the examples of a dataset that this file describes
    #[arg(long, value_name = "FILE", conflicts_with_all = ["paths", "split"])]
    pub dataset: Option<PathBuf>,
    /// Classify examples of the run itself: `train` or `test`
    #[arg(long, value_name = "SPLIT", value_parser = parse_word::<Split>, conflicts_with = "paths")]
    pub split: Option<Split>,
    /// Write to this file instead of standard output; its extension gives the format
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The format, if the extension of the output does not give it [default: csv]
    #[arg(long, value_name = "FORMAT", value_parser = ["csv", "jsonl", "parquet"])]
    pub format: Option<String>,
    /// Print what was done as JSON on standard output at the end; needs `--output`
    #[arg(long, requires = "output")]
    pub json: bool,
    #[command(flatten)]
    pub how: How,
}

/// `topwork export`.
#[derive(Debug, Args)]
pub struct ExportArguments {
    /// The run: its number, its id, the beginning of its id, or `latest`
    pub run: String,
    #[command(flatten)]
    pub which: WhichRow,
    /// The file to write; its extension gives the format
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// The format, if the extension does not give it
    #[arg(long, value_name = "FORMAT", value_parser = ["onnx", "safetensors"])]
    pub to: Option<String>,
    /// Make the model take bytes, 0 to 255, instead of numbers from 0 to 1
    #[arg(long)]
    pub bytes: bool,
    /// How many of the run's test images, evenly spaced, to verify the file on
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub images: u32,
    /// Print what was written as JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub how: How,
}

/// `topwork evaluate`.
#[derive(Debug, Args)]
pub struct EvaluateArguments {
    /// The run: its number, its id, the beginning of its id, or `latest`
    pub run: String,
    /// The file that describes the dataset
    #[arg(long, value_name = "FILE")]
    pub dataset: PathBuf,
    /// Only this row, by its title or its number; repeat for several [default: all]
    #[arg(long = "row", value_name = "TITLE")]
    pub rows: Vec<String>,
    /// Only this seed; repeat for several [default: all]
    #[arg(long = "seed", value_name = "N")]
    pub seeds: Vec<u64>,
    /// Show this figure; repeat for several [default: those of the run]
    #[arg(long = "metric", value_name = "ID")]
    pub metrics: Vec<String>,
    /// As JSON, for programs: like results.json
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub how: How,
}

/// `topwork features`.
#[derive(Debug, Args)]
pub struct FeaturesArguments {
    /// An experiment file or a run, unless `--backbone` names a backbone; then image files, folders of
    /// them, or `-` for a list on standard input
    #[arg(value_name = "FILE|RUN|PATH")]
    pub inputs: Vec<PathBuf>,
    /// The features that this row's head is given, including principal components
    #[command(flatten)]
    pub which: WhichRow,
    /// Where to cut [default: where the experiment does; of a backbone behind its last layer]
    #[arg(long, value_name = "NAME", conflicts_with = "row")]
    pub cut: Option<String>,
    /// Use random weights, the control
    #[arg(long, conflicts_with_all = ["row", "backbone"])]
    pub random: bool,
    /// The examples: `train` or `test` [default: both, if no paths are given]
    #[arg(long, value_name = "SPLIT", value_parser = parse_word::<Split>)]
    pub split: Option<Split>,
    /// The examples of a dataset that this file describes
    #[arg(long, value_name = "FILE", conflicts_with = "split")]
    pub dataset: Option<PathBuf>,
    /// A backbone to use without an experiment
    #[arg(long, value_name = "ID", conflicts_with_all = ["row", "seed", "fold", "split"])]
    pub backbone: Option<String>,
    /// Replace one value of the experiment; with `--backbone` a parameter of it; repeat for several
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = parse_set)]
    pub sets: Vec<(String, String)>,
    /// The backbone's weights, as `topwork weights import` writes them
    #[arg(long, value_name = "FILE", requires = "backbone")]
    pub weights: Option<PathBuf>,
    /// Pool the activations: `gap` (mean of each channel), `gmp` (maximum), `pyramid` (maxima over 1 × 1, 2 × 2 and 4 × 4
    /// cells) or `flatten`
    #[arg(long, value_name = "HOW", value_parser = parse_word::<Pool>, requires = "backbone")]
    pub pool: Option<Pool>,
    /// Bring every feature vector to length one
    #[arg(long, requires = "backbone")]
    pub l2: bool,
    /// How images are normalised: `imagenet`, `none`, or means and deviations such as `0.5,0.5,0.5/0.5,0.5,0.5`
    /// [default: as the backbone says]
    #[arg(long, value_name = "HOW", value_parser = parse_normalise, requires = "backbone")]
    pub normalise: Option<Normalisation>,
    /// How an image of other proportions gets its size [default: pad]
    #[arg(long, value_name = "HOW", value_parser = ["pad", "crop", "stretch"], requires = "backbone")]
    pub fit: Option<String>,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Extract the features again, and keep none for other runs
    #[arg(long)]
    pub no_cache: bool,
    /// Print what was done as JSON on standard output at the end
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub how: How,
}
