//! How well features suit a task, estimated without training on them, and how well such estimates rank.
//!
//! All of them take `values`, `labels.len() × dims`, row-major, with one label below `classes` for each row. `None` stands for what
//! has no value: lengths that do not agree, no dimension, a label out of range, numbers that are not finite, fewer
//! than two classes with examples.

mod h_score;
mod log_me;
mod spectrum;
mod weighted_tau;

pub use h_score::{h_score, shrunk_h_score};
pub use log_me::log_me;
pub use weighted_tau::weighted_tau;

/// One such estimate. The higher, the better the features are said to suit the task.
#[derive(Debug)]
pub struct Transferability {
    /// What files call it.
    pub id: &'static str,
    /// What people call it.
    pub name: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    /// Its value, given `values`, dims, labels and the number of classes.
    pub of: fn(&[f32], usize, &[u32], usize) -> Option<f64>,
}

/// All of them.
pub static TRANSFERABILITY: [Transferability; 3] = [
    Transferability {
        id: "log-me",
        name: "LogME",
        about: "the evidence of linear models on the features, largest over their two hyper-parameters (You et al., ICML 2021), mean over classes",
        of: log_me,
    },
    Transferability {
        id: "h-score",
        name: "H-score",
        about: "how much of the features' variance is between the classes (Bao et al., ICIP 2019)",
        of: h_score,
    },
    Transferability {
        id: "shrunk-h-score",
        name: "shrunk H-score",
        about: "the same with a covariance that is shrunk after Ledoit and Wolf, for few samples of many features (Ibrahim et al., ICPR 2022)",
        of: shrunk_h_score,
    },
];

impl Transferability {
    /// The one that is called so in files.
    pub fn named(id: &str) -> Option<&'static Self> {
        TRANSFERABILITY.iter().find(|known| known.id == id)
    }
}
