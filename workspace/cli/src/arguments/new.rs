//! `topwork new` as typed.

use std::path::PathBuf;

use clap::Args;

use super::values::parse_set;

pub(super) const NEW_EXPERIMENT: &str = "\
Without --backbone, the experiment cuts an EfficientNet-Lite if `just fetch` has downloaded its weights,
else a small untrained network.

Examples:
  topwork new photos
  topwork new photos --backbone models/resnet50.onnx --output photos-resnet.toml
  topwork new photos --backbone resnet --set depth=50 --weights resnet50.safetensors";

/// `topwork new`.
#[derive(Debug, Args)]
pub struct NewExperimentArguments {
    /// A folder with a folder of images for each class, or with `train` and `test` folders of such
    pub folder: PathBuf,
    /// The file to write [default: the folder's name with .toml, in the current folder]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The experiment's name [default: that of the file]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The network to cut: a model in the ONNX format, or a backbone of a plugin
    #[arg(long, value_name = "FILE.onnx|ID")]
    pub backbone: Option<String>,
    /// Weights for that backbone, as `topwork weights import` writes them
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Set a parameter of the backbone, for example `depth=50`; repeat for several
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_set)]
    pub sets: Vec<(String, String)>,
    /// Overwrite the file if it exists
    #[arg(long)]
    pub force: bool,
    /// Load plugins from this folder, too; repeat for several
    #[arg(long, value_name = "DIR")]
    pub plugin_dir: Vec<PathBuf>,
}
