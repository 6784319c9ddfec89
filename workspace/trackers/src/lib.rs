//! A run's figures as the files that trackers of experiments read: event files of TensorBoard, the file store of
//! MLflow.
//!
//! Deliberately absent: input and output (files are given as paths and bytes), and the trackers themselves.

mod mlflow;
mod record;
mod tensorboard;

use std::path::{Path, PathBuf};

pub use mlflow::mlflow;
pub use tensorboard::tensorboard;
use topwork_events::{RunState, StageKind, StageState};
use topwork_results::Results;

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Where, below the folder of the tracker.
    pub path: PathBuf,
    /// What.
    pub content: Vec<u8>,
}

/// A run to be told.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// What its stream says.
    pub state: &'a RunState,
    /// Its figures, made from that.
    pub results: &'a Results,
    /// Its experiment, setting by setting.
    pub settings: &'a [(String, String)],
    /// The folder of the tracker, from the root: MLflow wants to be told where a run's artifacts lie.
    pub folder: &'a Path,
}

/// A way to write them.
#[derive(Clone, Copy, Debug)]
pub struct Tracker {
    /// What it is asked for by.
    pub id: &'static str,
    /// How its files are looked at, in a command; `DIR` stands for the folder.
    pub command: &'static str,
    /// The files of a run.
    pub files: fn(&Run<'_>) -> Vec<File>,
}

/// All of them.
pub const TRACKERS: &[Tracker] = &[
    Tracker {
        id: "tensorboard",
        command: "tensorboard --logdir DIR",
        files: tensorboard,
    },
    Tracker {
        id: "mlflow",
        // Without the variable newer versions refuse file stores.
        command: "MLFLOW_ALLOW_FILE_STORE=true mlflow ui --backend-store-uri DIR",
        files: mlflow,
    },
];

/// What trackers call a run of theirs: the row's place in the file, which no other row has, and its title.
fn slug(row: usize, title: &str) -> String {
    let plain = |c: char| match c.is_alphanumeric() || c == '.' {
        true => c,
        false => '-',
    };
    let plain: String = title.chars().map(plain).collect();
    let words: Vec<&str> = plain.split('-').filter(|word| !word.is_empty()).collect();
    // File names end at 255 bytes.
    let short: String = words.join("-").chars().take(60).collect();
    format!("{:02}-{short}", row + 1)
}

/// The stage that trains the source, or the row, with this seed.
fn stage(state: &RunState, row: Option<usize>, seed: u64) -> Option<&StageState> {
    let kind = match row {
        None => StageKind::Source,
        Some(_) => StageKind::Row,
    };
    state.stages.iter().find(|stage| {
        stage.plan.kind == kind && stage.plan.row == row && stage.plan.seed == Some(seed)
    })
}

/// A value of an epoch.
struct EpochValue {
    name: String,
    /// Milliseconds since the Unix epoch.
    at: u64,
    epoch: u32,
    value: f64,
}

/// The values of all epochs of a stage, in their order. When an epoch ended follows from the beginning of the stage
/// and what the epochs took.
fn epochs(stage: &StageState) -> Vec<EpochValue> {
    let mut values = Vec::new();
    let mut at = stage.started_at as f64;
    for epoch in &stage.epochs {
        at += epoch.seconds * 1000.0;
        let fold = epoch
            .fold
            .map_or(String::new(), |fold| format!("fold-{fold}-"));
        for (name, value) in [
            ("loss", Some(epoch.loss)),
            ("accuracy", epoch.accuracy),
            ("rmse", epoch.rmse),
            ("validation-loss", epoch.validation_loss),
            ("validation-accuracy", epoch.validation_accuracy),
            ("validation-rmse", epoch.validation_rmse),
        ] {
            values.extend(value.map(|value| EpochValue {
                name: format!("epoch/{fold}{name}"),
                at: at as u64,
                epoch: epoch.epoch,
                value,
            }));
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn names_are_safe_and_tell_rows_apart() {
        let check = |row, title: &str, expected: &str| assert_eq!(slug(row, title), expected);
        check(
            0,
            "frozen backbone · pool1 · 1,000",
            "01-frozen-backbone-pool1-1-000",
        );
        check(11, "../../etc/passwd", "12-..-..-etc-passwd");
        check(1, "", "02-");
        assert_eq!(slug(0, &"long".repeat(40)).chars().count(), 63);
    }
}
