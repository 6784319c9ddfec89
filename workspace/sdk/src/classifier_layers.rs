//! What a fitted classifier does, said as layers, for authors.

use crate::classifier::Classifier;
use crate::enter::{enter, give, instance};
use crate::{Error, tensors};
use serde_json::{Value, json};
use topwork_abi as abi;

/// What a fitted classifier does from features to scores, as layers; a host writes them into a model file. Each method adds a
/// layer, which takes the numbers that the one before it gives. Numbers are rounded to single precision.
///
/// ```
/// use topwork_sdk::ClassifierLayers;
///
/// // Two features, standardised, and three classes.
/// let layers = ClassifierLayers::of(2)
///     .scale(&[0.5, 0.25], &[2.0, 4.0])
///     .linear(&[1.0, 0.0, 0.0, 1.0, 1.0, 1.0], &[0.0, 0.1, -0.1]);
/// ```
pub struct ClassifierLayers {
    features: usize,
    layers: Vec<Value>,
    file: tensors::Writer<'static>,
}

/// How distances are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Straight.
    Euclidean,
    /// By the angle: [`ClassifierLayers::unit_length`] stands right before, and stored rows have a length of 1 or are 0.
    Cosine,
}

/// What the vote of a neighbour counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Votes {
    /// As much as any other.
    Uniform,
    /// 1 / distance; where some are at distance 0, they alone count.
    Distance,
    /// exp(−distance / temperature), with a temperature above 0.
    Exponential(f64),
}

/// Decision trees in arrays: entry n of the first three is node n, over all trees.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trees {
    /// The first node of each tree.
    pub roots: Vec<u32>,
    /// Which number a node looks at; of a leaf its row of `leaves`.
    pub feature: Vec<u32>,
    /// The way goes to the right child where the number is greater than this.
    pub threshold: Vec<f32>,
    /// The left child, behind its parent; the right one is the next node. 0 in a leaf.
    pub child: Vec<u32>,
    /// One row of `outputs` numbers for each leaf.
    pub leaves: Vec<f32>,
    /// How many numbers a leaf has.
    pub outputs: usize,
}

impl ClassifierLayers {
    /// No layers yet, for rows of so many features.
    pub fn of(features: usize) -> Self {
        ClassifierLayers {
            features,
            layers: Vec::new(),
            file: tensors::Writer::default(),
        }
    }

    /// `(x − shift) · factor`, number by number. Of a shift with more digits than single precision the rest is taken away by a
    /// layer of its own.
    #[must_use]
    pub fn scale(mut self, shift: &[f64], factor: &[f64]) -> Self {
        let near = single(shift);
        let rest: Vec<f64> = (shift.iter().zip(&near))
            .map(|(shift, near)| shift - f64::from(*near))
            .collect();
        let factor = single(factor);
        let mut last = near;
        if rest.iter().any(|rest| *rest != 0.0) {
            let ones = vec![1.0_f32; last.len()];
            self.add(json!({"op": "scale"}))
                .array("shift", &[last.len()], &last)
                .array("factor", &[ones.len()], &ones);
            last = single(&rest);
        }
        self.add(json!({"op": "scale"}))
            .array("shift", &[last.len()], &last)
            .array("factor", &[factor.len()], &factor);
        self
    }

    /// x divided by its Euclidean length; zeros stay.
    #[must_use]
    pub fn unit_length(mut self) -> Self {
        self.add(json!({"op": "unit-length"}));
        self
    }

    /// `W x + b`: `weights` has one row for each of `biases`.
    #[must_use]
    pub fn linear(mut self, weights: &[f64], biases: &[f64]) -> Self {
        let outputs = biases.len();
        let width = weights.len() / outputs.max(1);
        self.add(json!({"op": "linear"}))
            .array("weight", &[outputs, width], &single(weights))
            .array("bias", &[outputs], &single(biases));
        self
    }

    /// For each stored row r `−½ ‖x − r‖² + b`, one of `biases` for each row; by the cosine `−1 + b` where x or r is 0.
    #[must_use]
    pub fn distances(mut self, metric: Metric, rows: &[f64], biases: &[f64]) -> Self {
        let width = rows.len() / biases.len().max(1);
        self.add(json!({"op": "distances", "metric": metric.word()}))
            .array("rows", &[biases.len(), width], &single(rows))
            .array("bias", &[biases.len()], &single(biases));
        self
    }

    /// For each stored row r `−½ Σ p (x − r)² + b`, with as many `precisions` p, none below 0, as there are numbers in `rows`.
    #[must_use]
    pub fn weighted_distances(mut self, rows: &[f64], precisions: &[f64], biases: &[f64]) -> Self {
        let width = rows.len() / biases.len().max(1);
        let shape = [biases.len(), width];
        self.add(json!({"op": "distances", "metric": "euclidean", "precision": true}))
            .array("rows", &shape, &single(rows))
            .array("precision", &shape, &single(precisions))
            .array("bias", &[biases.len()], &single(biases));
        self
    }

    /// The share of each of `classes` in the vote of the `k` stored rows nearest to x, of all where there are fewer; of equally
    /// near ones the earlier counts. `labels` has the class of each row.
    #[must_use]
    pub fn neighbours(
        mut self,
        k: usize,
        metric: Metric,
        votes: Votes,
        rows: &[f32],
        (labels, classes): (&[u32], usize),
    ) -> Self {
        let (weights, temperature) = match votes {
            Votes::Uniform => ("uniform", None),
            Votes::Distance => ("distance", None),
            Votes::Exponential(temperature) => ("exponential", Some(temperature)),
        };
        let width = rows.len() / labels.len().max(1);
        let mut op = json!({
            "op": "neighbours", "k": k, "metric": metric.word(), "weights": weights, "classes": classes
        });
        if let Some(temperature) = temperature {
            op["temperature"] = json!(temperature);
        }
        self.add(op)
            .array("rows", &[labels.len(), width], rows)
            .array("labels", &[labels.len()], labels);
        self
    }

    /// The mean over trees of the leaf that x falls into.
    #[must_use]
    pub fn trees(mut self, trees: &Trees) -> Self {
        let nodes = trees.child.len();
        let leaves = trees.leaves.len() / trees.outputs.max(1);
        self.add(json!({"op": "trees"}))
            .array("roots", &[trees.roots.len()], &trees.roots)
            .array("feature", &[nodes], &trees.feature)
            .array("threshold", &[nodes], &trees.threshold)
            .array("child", &[nodes], &trees.child)
            .array("leaves", &[leaves, trees.outputs], &trees.leaves);
        self
    }

    /// `exp(x) / Σ exp(x)`
    #[must_use]
    pub fn softmax(mut self) -> Self {
        self.add(json!({"op": "softmax"}));
        self
    }

    /// `x − ln Σ exp(x)`
    #[must_use]
    pub fn log_softmax(mut self) -> Self {
        self.add(json!({"op": "log-softmax"}));
        self
    }

    /// The file that the contract asks for.
    ///
    /// # Errors
    /// When a layer's arrays do not have as many numbers as each other.
    pub fn finish(mut self) -> Result<Vec<u8>, Error> {
        let document = json!({
            "format": 1,
            "features": self.features,
            "layers": self.layers,
        });
        let failed = |error: tensors::TensorsError| {
            Error::failed(format!("the layers cannot be written: {error}"))
        };
        self.file.words("layers", &document).map_err(failed)?;
        self.file.finish().map_err(failed)
    }

    /// Adds a layer, whose arrays follow.
    fn add(&mut self, op: Value) -> Arrays<'_> {
        self.layers.push(op);
        Arrays {
            layer: self.layers.len() - 1,
            file: &mut self.file,
        }
    }
}

/// The place of a layer's arrays.
struct Arrays<'a> {
    layer: usize,
    file: &'a mut tensors::Writer<'static>,
}

impl Arrays<'_> {
    fn array<T: tensors::Number>(self, kind: &str, shape: &[usize], values: &[T]) -> Self {
        let name = format!("{}.{kind}", self.layer);
        self.file.array(name, shape, values);
        self
    }
}

impl Metric {
    fn word(self) -> &'static str {
        match self {
            Metric::Euclidean => "euclidean",
            Metric::Cosine => "cosine",
        }
    }
}

/// What is beyond single precision becomes its largest number.
fn single(numbers: &[f64]) -> Vec<f32> {
    let limit = f64::from(f32::MAX);
    let numbers = numbers.iter();
    numbers.map(|x| x.clamp(-limit, limit) as f32).collect()
}

/// The table of the ability.
pub(crate) struct Table<C>(C);

impl<C: Classifier> Table<C> {
    pub(crate) const TABLE: &'static abi::ClassifierLayersTable = &abi::ClassifierLayersTable {
        size: size_of::<abi::ClassifierLayersTable>(),
        layers: Some(layers::<C>),
    };
}

unsafe extern "C" fn layers<C: Classifier>(
    pointer: abi::Instance,
    layers: *const abi::Sink,
    error: *const abi::Sink,
) -> abi::Status {
    let body = || {
        // SAFETY: the host hands back what `create` gave it, and no exclusive call is running.
        let classifier = unsafe { instance::<C>(pointer) }?;
        let said = classifier.layers()?;
        let said = said.ok_or_else(|| Error::unsupported("it has no layers to say"))?;
        // SAFETY: the sink is valid during the call.
        unsafe { give("layers", layers, &said.finish()?) }
    };
    // SAFETY: the sink is valid during the call.
    unsafe { enter(error, body) }
}
