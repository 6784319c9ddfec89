//! What a page is made from.

use thiserror::Error;
use topwork_results::{Results, Tables};

/// All there is to be written of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// The figures, a table for each target.
    pub tables: Tables,
    /// The experiment as resolved, in TOML; `None` where it could not be read.
    pub experiment: Option<String>,
    /// What the run was made of and with, name and value: versions, machine, digests.
    pub facts: Vec<(String, String)>,
    /// What features are like in each class, trunk by trunk.
    pub features: Vec<ClassFeatures>,
}

/// The mean feature vector of each class, of some test examples of one trunk.
#[derive(Clone, Debug)]
pub struct ClassFeatures {
    /// Which trunk, in a few words.
    pub trunk: String,
    /// Names of the classes, in the order of the labels.
    pub classes: Vec<String>,
    /// The dimensions kept of each vector, ascending.
    pub dimensions: Vec<u32>,
    /// Length of a whole vector.
    pub dim: usize,
    /// Examples that the means are of.
    pub examples: usize,
    /// Examples whose features were extracted.
    pub extracted: usize,
    /// `classes × dimensions`, row-major; NaN where a class has no examples.
    pub means: Vec<f64>,
    /// The F statistic of every dimension: how well it alone tells the classes apart.
    pub separation: Vec<f64>,
}

impl ClassFeatures {
    /// The mean of one class in one of the dimensions kept.
    pub fn mean(&self, class: usize, dimension: usize) -> f64 {
        let at = class * self.dimensions.len() + dimension;
        self.means.get(at).copied().unwrap_or(f64::NAN)
    }

    /// The dimensions kept, by their places, those that separate the classes best first.
    pub fn by_separation(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.dimensions.len().min(self.separation.len())).collect();
        order.sort_by(|a, b| self.separation[*b].total_cmp(&self.separation[*a]));
        order
    }
}

impl Report {
    /// A report of nothing but the figures.
    pub fn of(results: Results) -> Self {
        Self {
            tables: Tables::only(results),
            experiment: None,
            facts: Vec::new(),
            features: Vec::new(),
        }
    }
}

/// Why a page could not be written.
#[derive(Debug, Error)]
pub enum PageError {
    /// The figures do not fit the format.
    #[error("the results cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}
