//! Features of a frozen trunk: computed once, shared by every strategy that wants them.

mod extract;
mod near;
mod reduce;
mod transferability;

use std::{cell::RefCell, ops::Deref, rc::Rc, time::Instant};

use topwork_host::Plugins;
use topwork_keys::FeatureKey;
use topwork_keys::{Digest, Sha256, hexadecimal};
use topwork_measure::PrincipalComponents;
use topwork_schema::{CutPoint, Plan};

pub use extract::Extraction;
pub use near::{NEAR, NearFound, NearPair, near};
pub use reduce::{Activations, apply, shape};
pub use transferability::Estimated;

use crate::{
    GraftError, Held,
    answers::Answers,
    backbone::Trunk,
    data::{Draw, SplitName, TaskExamples},
    proof::Proved,
};

/// A frozen trunk with the features it gives.
pub struct Features {
    /// What is before the cut.
    pub trunk: Rc<Trunk>,
    /// Its SHA-256 when it was frozen; of an extractor that of its [`Answers`].
    pub digest: String,
    /// What an extractor answered when it was frozen.
    pub answers: Option<Rc<Answers>>,
    /// Shape of one image's features.
    pub shape: Vec<usize>,
    /// Length of one feature vector.
    pub dim: usize,
    /// Features of training examples; with folds of all examples.
    pub train: Rows,
    /// Features of test examples; with folds they are those of the training examples.
    pub test: Option<Rows>,
    /// Features of all examples of each further test set.
    pub further: Vec<Rows>,
    /// What was estimated of the features of some training examples.
    pub estimated: RefCell<Vec<Estimated>>,
    /// Whether that cost was paid before: by an earlier row or an earlier run.
    pub paid: bool,
}

/// Feature vectors of some examples.
pub struct Rows {
    /// The examples, ascending.
    pub examples: Vec<usize>,
    /// One vector after the other.
    pub values: Values,
    /// Length of a vector.
    pub dim: usize,
    /// What their extraction took, now or when the cache was filled.
    pub seconds: f64,
}

impl Rows {
    /// How far features are apart from image to image, as a share of their size: that of the feature that varies most, 0 where every
    /// image has the same. `None` for fewer than two images.
    pub fn spread(&self) -> Option<f32> {
        let mut rows = self.vectors();
        let mut bounds: Vec<(f32, f32)> = rows.next()?.iter().map(|&x| (x, x)).collect();
        if rows.len() == 0 {
            return None;
        }
        for row in rows {
            for ((least, most), &x) in bounds.iter_mut().zip(row) {
                *least = least.min(x);
                *most = most.max(x);
            }
        }
        let of = |(least, most): (f32, f32)| match most.max(-least) {
            0.0 => 0.0,
            size => (most - least) / size,
        };
        Some(bounds.into_iter().map(of).fold(0.0, f32::max))
    }
}

/// Numbers computed now, or held by somebody else.
pub enum Values {
    Computed(Vec<f32>),
    Held(Held),
}

impl Deref for Values {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match self {
            Self::Computed(values) => values,
            Self::Held(values) => values,
        }
    }
}

/// What a run knows of a trunk's identity before any weights: the part of a cache key that
/// stays the same.
#[derive(Clone, Debug)]
pub struct TrunkIdentity {
    backbone: String,
    plugin: String,
    cut: String,
    layers: u64,
}

impl TrunkIdentity {
    /// The identity of a plan's backbone with this cut.
    pub fn of(plan: &Plan, plugins: &Plugins, cut: &CutPoint) -> Self {
        let backbone = &plan.experiment.backbone;
        let plugin = plugins
            .list()
            .iter()
            .find(|plugin| plugin.id == backbone.plugin());
        Self {
            backbone: backbone.component.clone(),
            plugin: plugin.map_or(String::new(), |plugin| plugin.sha256.clone()),
            cut: cut.name.clone(),
            layers: cut.layers as u64,
        }
    }

    /// The key of the features that this trunk gives of these images.
    pub fn key(&self, weights: &str, dim: usize, images: &Images) -> FeatureKey {
        FeatureKey {
            backbone: self.backbone.clone(),
            plugin: self.plugin.clone(),
            weights: weights.to_owned(),
            cut: self.cut.clone(),
            layers: self.layers,
            images: images.sha256.clone(),
            split: images.split.name().to_owned(),
            examples: images.count,
            dim: dim as u64,
            dtype: "f32".to_owned(),
            engine: engine_kind(),
        }
    }
}

/// What a run knows of the images of some examples: the other part of a cache key.
pub struct Images {
    split: SplitName,
    count: u64,
    sha256: String,
}

impl Images {
    /// Whatever was done to them, and whatever file they came from, the digest is of what enters a trunk.
    pub fn of(
        task: &TaskExamples,
        split: SplitName,
        examples: &[usize],
    ) -> Result<Self, GraftError> {
        let sha256 = task.entering(split, examples)?;
        Ok(Self {
            sha256,
            ..Self::unread(split, examples)
        })
    }

    /// What is known of them before they are read.
    fn unread(split: SplitName, examples: &[usize]) -> Self {
        Self {
            split,
            count: examples.len() as u64,
            sha256: String::new(),
        }
    }
}

/// What gives the same bits for the same work: the engine's revision on this kind of machine.
pub fn engine_kind() -> String {
    format!("{} {}", topwork_engine::REVISION, std::env::consts::ARCH)
}

impl Features {
    /// How many layers stand before the features.
    pub fn layers(&self) -> usize {
        match &*self.trunk {
            Trunk::Network(network) => network.blueprint().layers().len(),
            Trunk::Extractor(_, cut) => cut + 1,
        }
    }

    /// What extracting the features of these examples costs: their share of the whole.
    pub fn cost(&self, draw: &Draw) -> f64 {
        let test = self.test.as_ref();
        self.train.cost(draw.train.len()) + test.map_or(0.0, |test| test.cost(draw.test.len()))
    }

    /// Features of the examples that strategies are measured on.
    pub fn tested(&self) -> &Rows {
        self.test.as_ref().unwrap_or(&self.train)
    }

    /// The same trunk with the features of a row's examples brought to their principal components,
    /// which are those of the training features alone.
    pub fn principal(
        &self,
        draw: &Draw,
        components: usize,
    ) -> Result<(Features, PrincipalComponents), GraftError> {
        let begun = Instant::now();
        let mut train = Vec::new();
        self.train.gather(&draw.train, &mut train);
        let fitted = PrincipalComponents::fit(&train, self.dim, components).ok_or_else(|| {
            let hint = "a sample or a dimension more than components is needed, and features that \
                        vary; ask for fewer, or train on more samples";
            GraftError::Experiment {
                message: format!(
                    "`pca = {components}`: {} training samples of {} features do not have so many \
                     principal components",
                    draw.train.len(),
                    self.dim
                ),
                hint: Some(hint.to_owned()),
            }
        })?;
        let rows = |rows: &Rows, examples: &[usize], from: &[f32]| Rows {
            examples: examples.to_vec(),
            values: Values::Computed(fitted.transform(from)),
            dim: components,
            seconds: rows.cost(examples.len()),
        };
        let mut test = Vec::new();
        let tested = self.tested();
        tested.gather(&draw.test, &mut test);
        let (mut of_train, of_test) = (
            rows(&self.train, &draw.train, &train),
            rows(tested, &draw.test, &test),
        );
        let further = self
            .further
            .iter()
            .map(|all| rows(all, &all.examples, &all.values));
        let further = further.collect();
        of_train.seconds += begun.elapsed().as_secs_f64();
        let features = Features {
            trunk: Rc::clone(&self.trunk),
            digest: self.digest.clone(),
            answers: self.answers.clone(),
            shape: vec![components],
            dim: components,
            train: of_train,
            test: Some(of_test),
            further,
            estimated: RefCell::default(),
            paid: self.paid,
        };
        Ok((features, fitted))
    }

    /// What its digests are of.
    pub fn proved(&self) -> Proved {
        match (&*self.trunk, &self.answers) {
            (Trunk::Network(network), _) => Proved::whole(network),
            (Trunk::Extractor(..), answers) => Proved::Answers {
                images: answers.as_ref().map_or(0, |answers| answers.images()),
            },
        }
    }

    /// Its SHA-256 as it is after a strategy. An error when an extractor is not what it was.
    pub fn digest_after(&self, strategy: &str) -> Result<String, GraftError> {
        match &self.answers {
            Some(answers) => answers.again(strategy),
            None => self.trunk.digest(),
        }
    }

    /// SHA-256 over a digest of the trunk and the features it gave.
    pub fn with_features(&self, trunk: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(trunk);
        for rows in [Some(&self.train), self.test.as_ref()]
            .into_iter()
            .flatten()
        {
            for number in rows.values.iter() {
                hash.update(number.to_le_bytes());
            }
        }
        hexadecimal(&hash.finalize())
    }
}

impl Rows {
    /// All vectors, in the order of the examples.
    pub fn vectors(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.dim.max(1))
    }

    /// The vector in this place.
    fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.dim..(row + 1) * self.dim]
    }

    fn cost(&self, examples: usize) -> f64 {
        self.seconds * examples as f64 / self.examples.len().max(1) as f64
    }

    /// The vectors of all examples, when these are exactly the ones wanted: no copy is needed.
    pub fn all_of(&self, examples: &[usize]) -> Option<&[f32]> {
        (self.examples == examples).then(|| &*self.values)
    }

    /// Copies the vectors of `examples` into `out`, which is made to fit. Examples that were
    /// not extracted are a mistake of the caller and give zeros.
    pub fn gather(&self, examples: &[usize], out: &mut Vec<f32>) {
        out.resize(examples.len() * self.dim, 0.0);
        for (example, out) in examples.iter().zip(out.chunks_exact_mut(self.dim)) {
            match self.examples.binary_search(example) {
                Ok(row) => out.copy_from_slice(&self.values[row * self.dim..(row + 1) * self.dim]),
                Err(_) => {
                    debug_assert!(false, "example {example} was not extracted");
                    out.fill(0.0);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_by_example() {
        let rows = Rows {
            examples: vec![2, 5, 9],
            values: Values::Computed(vec![2.0, 2.5, 5.0, 5.5, 9.0, 9.5]),
            dim: 2,
            seconds: 1.5,
        };
        let mut out = vec![7.0; 9];
        rows.gather(&[9, 2], &mut out);
        assert_eq!(out, [9.0, 9.5, 2.0, 2.5]);
        assert!(rows.all_of(&[2, 5]).is_none());
        assert_eq!(rows.all_of(&[2, 5, 9]).unwrap().len(), 6);
    }

    #[test]
    fn the_spread_is_that_of_the_feature_that_varies_most() {
        let check = |values: &[f32], dim: usize, expected: Option<f32>| {
            let rows = Rows {
                examples: (0..values.len() / dim).collect(),
                values: Values::Computed(values.to_vec()),
                dim,
                seconds: 0.0,
            };
            assert_eq!(rows.spread(), expected, "{values:?}");
        };
        check(&[], 2, None);
        check(&[1.0, 2.0], 2, None);
        check(&[1.0, 2.0, 1.0, 2.0], 2, Some(0.0));
        check(&[0.0, 0.0], 1, Some(0.0));
        check(&[1.0, -2.0, 1.0, -1.0], 2, Some(0.5));
        check(&[1.0, -1.0], 1, Some(2.0));
    }
}
