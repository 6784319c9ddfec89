//! What is measured: `workloads.json`, the one place where both sides' settings stand.

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Map, Value};

const WORKLOADS: &str = include_str!("../workloads.json");

/// One workload. Keys that only the other side or the table needs are passed over.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// Timed repetitions of one process.
    pub repetitions: usize,
    #[serde(flatten)]
    pub kind: Kind,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Kind {
    /// `items` products of `size` × `size` matrices.
    Matmul {
        size: usize,
        items: usize,
    },
    /// Training steps on whole networks.
    Train(Train),
    /// Forward passes of a backbone.
    Extract(Extract),
    /// Epochs of a head on a trunk that is not trained.
    Frozen {
        #[serde(flatten)]
        train: Train,
        epochs: usize,
    },
    LogisticRegression(Fit),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Train {
    pub backbone: Backbone,
    /// Units of the head's hidden layers.
    pub hidden: Vec<usize>,
    pub classes: usize,
    pub samples: usize,
    pub batch: usize,
    pub optimizer: Optimizer,
    pub learning_rate: f32,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Extract {
    pub backbone: Backbone,
    pub samples: usize,
    pub batch: usize,
}

impl Kind {
    /// The backbone, where there is one.
    pub fn backbone(&self) -> Option<&Backbone> {
        match self {
            Self::Train(train) | Self::Frozen { train, .. } => Some(&train.backbone),
            Self::Extract(extract) => Some(&extract.backbone),
            Self::Matmul { .. } | Self::LogisticRegression(_) => None,
        }
    }
}

impl Extract {
    /// With another number of images at a time, images of another size, or another number of them.
    ///
    /// # Errors
    ///
    /// Another size of a backbone that does not say in `input` which it has.
    pub fn with(
        mut self,
        batch: Option<usize>,
        side: Option<usize>,
        samples: Option<usize>,
    ) -> Result<Self> {
        self.batch = batch.unwrap_or(self.batch);
        self.samples = samples.unwrap_or(self.samples);
        if let Some(side) = side {
            let input = self.backbone.parameters.get_mut("input");
            let input = input.and_then(Value::as_array_mut);
            let sides = input.context("`--side` needs a backbone with an `input`")?;
            sides.iter_mut().skip(1).for_each(|of| *of = side.into());
        }
        Ok(self)
    }
}

/// A component and its parameters, or the `model` whose file, in the ONNX format, `peers.py` has written.
#[derive(Clone, Debug, Deserialize)]
pub struct Backbone {
    #[serde(rename = "use")]
    pub use_: String,
    #[serde(flatten)]
    pub parameters: Map<String, Value>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Optimizer {
    /// With momentum 0.9.
    Sgd,
    Adam,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Fit {
    pub samples: usize,
    pub l2: f64,
    pub tolerance: f64,
    pub iterations: u64,
}

/// All workloads, in the order of the file.
pub fn workloads() -> Result<Vec<(String, Settings)>> {
    let file: Map<String, Value> = serde_json::from_str(WORKLOADS).context("workloads.json")?;
    file.into_iter()
        .map(|(name, value)| {
            let settings =
                Settings::deserialize(value).with_context(|| format!("workload {name}"))?;
            Ok((name, settings))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_workload_of_the_file_can_be_read_and_ends() {
        for (name, settings) in workloads().unwrap() {
            assert!(settings.repetitions > 0, "{name}");
            if let Kind::Train(train) | Kind::Frozen { train, .. } = settings.kind {
                assert_eq!(train.samples % train.batch, 0, "{name}");
            }
        }
    }
}
