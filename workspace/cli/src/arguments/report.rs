//! `topwork report` and `topwork compare` as typed.

use std::path::PathBuf;

use clap::{
    Args,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};
use topwork_pages::{PAGES, Page};

use super::Place;

/// How reports are asked for.
pub const REPORT_EXAMPLE: &str = "\
Without -o one format goes to standard output. With it every run gets a file for every format,
DIR/ID.html and so on, each written as a whole.

Examples:
  topwork report latest
  topwork report latest --format html,latex -o pages
  topwork report 3 4 --format csv -o tables
  topwork report latest --to tensorboard logs";

/// How runs are compared.
pub const COMPARE_EXAMPLE: &str = "\
Rows of different runs are compared where the runs share their test examples, their protocol and a
seed. Where they do not, nothing is ranked, and the first setting that differs is shown below the table.

Example:
  topwork compare 3 4";

/// `topwork report`.
#[derive(Debug, Args)]
pub struct ReportArguments {
    /// The runs: numbers, ids, beginnings of ids, or `latest`
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<String>,
    /// What to write, separated by commas [default: as the name of `--output` ends, else text]
    #[arg(long, value_name = "FORMATS", value_delimiter = ',', conflicts_with = "to", value_parser = format())]
    pub format: Vec<&'static Page>,
    /// File to write one report to, such as `page.html`; or folder for a file of each run and format, created if needed
    #[arg(long, short, value_name = "PATH", conflicts_with = "to")]
    pub output: Option<PathBuf>,
    /// Write the figures, and each epoch's loss and accuracy, to this folder for `tensorboard` or `mlflow`
    #[arg(long, num_args = 2, value_names = ["TRACKER", "DIR"])]
    pub to: Vec<PathBuf>,
    #[command(flatten)]
    pub place: Place,
}

/// `topwork compare`.
#[derive(Debug, Args)]
pub struct CompareArguments {
    /// The runs: numbers, ids, beginnings of ids, or `latest`
    #[arg(required = true, num_args = 2.., value_name = "RUN")]
    pub runs: Vec<String>,
    /// Only the rows of this target, where runs have several [default: each that all of them have]
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// As JSON, for programs
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub place: Place,
}

fn format() -> impl TypedValueParser<Value = &'static Page> {
    let words = PAGES
        .iter()
        .map(|page| PossibleValue::new(page.id).help(page.about));
    PossibleValuesParser::new(words).try_map(|word: String| {
        let page = PAGES.iter().find(|page| page.id == word);
        page.ok_or("expected a format")
    })
}
