//! From the file that a plugin writes to checked layers.

use serde::Deserialize;
use topwork_tensors::{File, Number};

use crate::{Layer, Metric, ScoringError, ScoringLayers, Trees, Votes};

/// The key of the words in the file.
const WORDS: &str = "layers";

/// Numbers in a row beyond which a file is taken for garbage.
const WIDEST: usize = 1 << 28;

#[derive(Deserialize)]
struct Document {
    format: u32,
    features: usize,
    layers: Vec<Op>,
}

/// A layer without its arrays.
#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
enum Op {
    Scale,
    UnitLength,
    Linear,
    Distances {
        metric: Metric,
        #[serde(default)]
        precision: bool,
    },
    Neighbours {
        k: usize,
        metric: Metric,
        weights: Weights,
        #[serde(default)]
        temperature: Option<f64>,
        classes: usize,
    },
    Trees,
    Softmax,
    LogSoftmax,
}

/// The word for what votes count.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Weights {
    Uniform,
    Distance,
    Exponential,
}

impl Weights {
    fn votes(self, temperature: Option<f64>) -> Result<Votes, String> {
        match (self, temperature) {
            (Weights::Uniform, _) => Ok(Votes::Uniform),
            (Weights::Distance, _) => Ok(Votes::Distance),
            (Weights::Exponential, None) => {
                Err("the weights exponential without a `temperature`".to_owned())
            }
            (Weights::Exponential, Some(wide)) => match wide as f32 {
                temperature if temperature > 0.0 && temperature.is_finite() => {
                    Ok(Votes::Exponential { temperature })
                }
                _ => Err(format!(
                    "the temperature is {wide}, expected a number above 0"
                )),
            },
        }
    }
}

impl Op {
    fn metric(&self) -> Option<Metric> {
        match self {
            Op::Distances { metric, .. } | Op::Neighbours { metric, .. } => Some(*metric),
            _ => None,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Op::Scale => "scale",
            Op::UnitLength => "unit-length",
            Op::Linear => "linear",
            Op::Distances { .. } => "distances",
            Op::Neighbours { .. } => "neighbours",
            Op::Trees => "trees",
            Op::Softmax => "softmax",
            Op::LogSoftmax => "log-softmax",
        }
    }
}

impl ScoringLayers {
    /// Reads and checks the layers of a classifier that was fitted to so many features and classes.
    ///
    /// # Errors
    /// When the file is not one, or its layers do not lead from the features to as many finite scores.
    pub fn read(bytes: &[u8], features: usize, classes: usize) -> Result<Self, ScoringError> {
        let file = File::read(bytes)?;
        let document: Document = file.words(WORDS)?;
        if document.format != 1 {
            return Err(ScoringError::Format(document.format));
        }
        let mut layers = Vec::with_capacity(document.layers.len());
        let mut width = document.features;
        for (layer, op) in document.layers.iter().enumerate() {
            let arrays = Arrays { file: &file, layer };
            let read = match (op.metric(), layers.last()) {
                (Some(Metric::Cosine), last) if last != Some(&Layer::UnitLength) => {
                    Err("the metric cosine, expected `unit-length` right before it".to_owned())
                }
                _ => arrays.layer(op, width),
            };
            let read = read.map_err(|problem| ScoringError::Layer {
                layer,
                op: op.name(),
                problem,
            })?;
            width = read.outputs(width);
            layers.push(read);
        }
        let (found, expected) = ((document.features, width), (features, classes));
        if found != expected {
            return Err(ScoringError::Ends { found, expected });
        }
        Ok(Self {
            features,
            classes,
            layers,
        })
    }
}

/// The arrays of one layer.
struct Arrays<'a> {
    file: &'a File<'a>,
    layer: usize,
}

impl Arrays<'_> {
    fn name(&self, kind: &str) -> String {
        format!("{}.{kind}", self.layer)
    }

    fn rows(&self, kind: &str) -> Result<usize, String> {
        let [rows, _] = self.file.shape(&self.name(kind))?;
        Ok(rows)
    }

    fn length(&self, kind: &str) -> Result<usize, String> {
        let [length] = self.file.shape(&self.name(kind))?;
        Ok(length)
    }

    fn values<T: Number>(&self, kind: &str, shape: &[usize]) -> Result<Vec<T>, String> {
        Ok(self.file.values(&self.name(kind), shape)?)
    }

    fn finite(&self, kind: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
        let values: Vec<f32> = self.values(kind, shape)?;
        match values.iter().position(|value| !value.is_finite()) {
            None => Ok(values),
            Some(at) => Err(format!(
                "number {at} of `{kind}` is {}, expected a finite one",
                values[at]
            )),
        }
    }

    fn layer(&self, op: &Op, width: usize) -> Result<Layer, String> {
        if !(1..=WIDEST).contains(&width) {
            return Err(format!("it gets {width} numbers, expected 1 to {WIDEST}"));
        }
        Ok(match op {
            Op::UnitLength => Layer::UnitLength,
            Op::Softmax => Layer::Softmax,
            Op::LogSoftmax => Layer::LogSoftmax,
            Op::Scale => Layer::Scale {
                shift: self.finite("shift", &[width])?,
                factor: self.finite("factor", &[width])?,
            },
            Op::Linear => {
                let outputs = at_least_one("outputs", self.rows("weight")?)?;
                Layer::Linear {
                    weight: self.finite("weight", &[outputs, width])?,
                    bias: self.finite("bias", &[outputs])?,
                }
            }
            Op::Distances { metric, precision } => {
                let rows = at_least_one("rows", self.rows("rows")?)?;
                let of_rows = self.finite("rows", &[rows, width])?;
                Layer::Distances {
                    metric: *metric,
                    precision: match (precision, metric) {
                        (false, _) => None,
                        (true, Metric::Euclidean) => {
                            let values = self.finite("precision", &[rows, width])?;
                            if let Some(below) = values.iter().find(|value| **value < 0.0) {
                                return Err(format!("a precision is {below}, expected 0 or more"));
                            }
                            Some(values)
                        }
                        (true, Metric::Cosine) => {
                            return Err("`precision` with the metric cosine, expected it with euclidean alone".to_owned());
                        }
                    },
                    rows: directions(*metric, of_rows, width)?,
                    bias: self.finite("bias", &[rows])?,
                }
            }
            Op::Neighbours {
                k,
                metric,
                weights,
                temperature,
                classes,
            } => {
                let rows = at_least_one("rows", self.rows("rows")?)?;
                let labels: Vec<u32> = self.values("labels", &[rows])?;
                if let Some(label) = labels.iter().find(|label| **label as usize >= *classes) {
                    return Err(format!("a label is {label}, expected less than {classes}"));
                }
                Layer::Neighbours {
                    k: at_least_one("neighbours that vote", *k)?,
                    metric: *metric,
                    weights: weights.votes(*temperature)?,
                    rows: directions(*metric, self.finite("rows", &[rows, width])?, width)?,
                    labels,
                    classes: *classes,
                }
            }
            Op::Trees => Layer::Trees(self.trees(width)?),
        })
    }

    fn trees(&self, width: usize) -> Result<Trees, String> {
        let (trees, nodes) = (self.length("roots")?, self.length("child")?);
        let [leaves, outputs] = self.file.shape(&self.name("leaves"))?;
        at_least_one("trees", trees)?;
        at_least_one("outputs", outputs)?;
        let trees = Trees {
            roots: self.values("roots", &[trees])?,
            feature: self.values("feature", &[nodes])?,
            threshold: self.finite("threshold", &[nodes])?,
            child: self.values("child", &[nodes])?,
            leaves: self.finite("leaves", &[leaves, outputs])?,
            outputs,
        };
        if let Some(root) = trees.roots.iter().find(|root| **root as usize >= nodes) {
            return Err(format!("a root is {root}, expected less than {nodes}"));
        }
        let wrong = trees.child.iter().enumerate().find_map(|(node, &child)| {
            let (feature, child) = (trees.feature[node] as usize, child as usize);
            let (what, most) = match child {
                0 => ("leaf", leaves),
                // Behind its parent, so that no way goes in a circle.
                child if child <= node || child + 1 >= nodes => {
                    return Some(format!(
                        "node {node} has the children {child} and {}, expected two of {} to {}",
                        child + 1,
                        node + 1,
                        nodes.saturating_sub(1)
                    ));
                }
                _ => ("feature", width),
            };
            let problem =
                || format!("node {node} has the {what} {feature}, expected less than {most}");
            (feature >= most).then(problem)
        });
        wrong.map_or(Ok(trees), Err)
    }
}

fn at_least_one(what: &str, count: usize) -> Result<usize, String> {
    match count {
        0 => Err(format!("0 {what}, expected at least 1")),
        count => Ok(count),
    }
}

/// By the cosine rows have a length of 1, as far as single precision can say it, or are 0.
fn directions(metric: Metric, rows: Vec<f32>, width: usize) -> Result<Vec<f32>, String> {
    const TOLERANCE: f64 = 1e-4;
    if metric == Metric::Cosine {
        for (number, row) in rows.chunks_exact(width).enumerate() {
            let squares: f64 = row.iter().map(|x| f64::from(*x).powi(2)).sum();
            if squares != 0.0 && (squares - 1.0).abs() > TOLERANCE {
                return Err(format!(
                    "row {number} has the length {}, expected 1 or 0 with the metric cosine",
                    squares.sqrt()
                ));
            }
        }
    }
    Ok(rows)
}
