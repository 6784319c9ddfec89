//! A fitted row put to use: from images to features, from features to scores, with the bits that the run has computed.

use topwork_engine::{Compute, Network};
use topwork_host::Scores;
use topwork_measure::{PrincipalComponents, TargetKind};
use topwork_schema::{CutPoint, Normalise, Row, Start};
use topwork_tensors::File;

use crate::{
    GraftError, Tools,
    backbone::{Backbone, Pass, Trunk},
    data::normalise,
    error::{engine, out_of_order},
    features::{Activations, apply, shape},
    heads::FittedHead,
    model::{Model, STATE},
    network::{head_blueprint, initialised},
    strategies::{pooling, scores_of, tempered},
};

/// Images read and classified at once where trunk and head were trained together.
const BLOCK: usize = 512;

/// From images to the features a head gets.
pub struct FeaturePass<'a> {
    compute: &'a Compute,
    /// Channels, height and width of an image.
    input: [usize; 3],
    normalise: Option<Normalise>,
    /// Where the trunk ends, and all that is done with its activations.
    cut: CutPoint,
    way: Way,
    components: Option<PrincipalComponents>,
    /// Length of a feature vector.
    dim: usize,
    /// What tells the trunk from others.
    digest: String,
}

/// From an image to activations, and from these to a vector. The engine pools a trunk that learns, [`apply`] the features of one
/// that is frozen; the last bits differ.
enum Way {
    Frozen(Pass, Activations, CutPoint),
    Learnt(Box<Network>, Option<Network>),
}

/// A fitted row: its trunk, its head and what is between.
pub struct Predictor<'a> {
    /// As far as its head.
    pub features: FeaturePass<'a>,
    head: Head,
    temperature: Option<f64>,
    classes: usize,
    targets: TargetKind,
}

/// What turns a feature vector into scores.
pub enum Head {
    /// Layers.
    Network(Box<Network>),
    /// A plugin's head.
    Fitted(FittedHead),
}

/// Reads a part of a fitted model by name and extension; `None` where it was not kept.
pub type ReadPart<'a> = &'a dyn Fn(&str, &str) -> Option<Vec<u8>>;

impl<'a> FeaturePass<'a> {
    /// That of a frozen trunk: a network with its weights, or an extractor.
    ///
    /// # Errors
    ///
    /// Where images of this shape are none for the trunk.
    pub fn new(
        compute: &'a Compute,
        trunk: Trunk,
        cut: &CutPoint,
        input: [usize; 3],
        normalise: Option<Normalise>,
    ) -> Result<Self, GraftError> {
        let (activations, digest) = (trunk.activations(), trunk.digest()?);
        Ok(Self {
            compute,
            input,
            normalise,
            dim: shape(&activations, cut.reduction).iter().product(),
            cut: cut.clone(),
            way: Way::Frozen(Pass::through(&[&trunk])?, activations, cut.unfitted()),
            components: None,
            digest,
        })
    }

    /// That of a row with one seed, and with folds of one of these: what its head gets. `trained` is the backbone with the source's
    /// weights, where it was trained.
    ///
    /// # Errors
    ///
    /// Where a part was not kept, or where the trunk is not the one that the head was fitted to.
    pub fn open(
        tools: &Tools<'a>,
        row: &Row,
        model: &Model,
        trained: Option<&Network>,
        read: ReadPart<'_>,
    ) -> Result<Self, GraftError> {
        let plan = tools.plan;
        let strategy = plan.strategy(row);
        let missing = |what: &str| not_kept(model, what);
        let part = |name: &str| read(name, "safetensors");
        // Its own: a row that chooses its cut has no other.
        let cut = &model.cut;
        let pass = if strategy.kind.trains_the_trunk() {
            let mut trunk = tools.trunk_with(model.seed, Start::Random, trained, cut)?;
            let weights = part("trunk").ok_or_else(|| missing("its trunk"))?;
            trunk
                .load_safetensors(&weights)
                .map_err(engine("reading a trunk"))?;
            let activations = trunk.blueprint().output();
            let pooled = pooling(trunk.blueprint(), cut)?;
            let features = pooled
                .as_ref()
                .map_or(activations, |pooled| pooled.output());
            FeaturePass {
                compute: tools.compute,
                input: model.input,
                normalise: model.normalise.clone(),
                dim: features.elements(),
                components: None,
                digest: trunk.digest(),
                cut: cut.clone(),
                way: Way::Learnt(
                    Box::new(trunk),
                    pooled.map(|pooled| initialised(&pooled, model.seed, "pool")),
                ),
            }
        } else {
            let trunk = match tools.backbone {
                Backbone::Network(_) => {
                    let weights = strategy.weights;
                    let kept = tools.trunk_with(model.seed, weights, trained, cut)?;
                    Trunk::Network(Box::new(kept))
                }
                Backbone::Extractor(opaque) => Trunk::extractor(opaque, cut),
            };
            let (input, normalise) = (model.input, model.normalise.clone());
            let mut pass = FeaturePass::new(tools.compute, trunk, cut, input, normalise)?;
            if cut.reduction.pca.is_some() {
                let components = part("components");
                let components =
                    components.ok_or_else(|| missing("what its principal components are"))?;
                let fitted = components_of(&components)?;
                pass.dim = fitted.components();
                pass.components = Some(fitted);
            }
            pass
        };
        // The digest of an extractor covers its plugin, which may only have been built anew: whoever opens it compares those.
        if let (Some(expected), Backbone::Network(_)) = (&model.trunk, tools.backbone)
            && *expected != pass.digest
        {
            return Err(GraftError::Experiment {
                message: format!(
                    "`{}`: the trunk is not the one its head was fitted to: SHA-256 {}, expected {expected}",
                    model.title, pass.digest
                ),
                hint: None,
            });
        }
        Ok(pass)
    }

    /// Channels, height and width of an image.
    pub fn input(&self) -> [usize; 3] {
        self.input
    }

    /// Where the trunk ends, and what is done with its activations.
    pub fn cut(&self) -> &CutPoint {
        &self.cut
    }

    /// Length of a feature vector.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Whether another gives the same features: the same trunk cut at the same place, and nothing fitted behind it.
    pub fn gives_what(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
            || (&self.digest, &self.cut) == (&other.digest, &other.cut)
                && self.components.is_none()
                && other.components.is_none()
    }

    /// SHA-256 that tells the trunk from others: of a network that of its weights and buffers.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What is done with an image before it enters the trunk.
    pub fn normalises(&self) -> Option<&Normalise> {
        self.normalise.as_ref()
    }

    /// A trunk that has learnt together with its head.
    pub fn learnt(&self) -> Option<&Network> {
        match &self.way {
            Way::Learnt(trunk, _) => Some(trunk),
            Way::Frozen(..) => None,
        }
    }

    /// The principal components that features are brought to.
    pub fn components(&self) -> Option<&PrincipalComponents> {
        self.components.as_ref()
    }

    /// How many images are best passed through at once.
    pub fn block(&self) -> usize {
        let image = self.input.iter().product();
        match &self.way {
            Way::Frozen(pass, activations, _) => {
                let numbers = activations.numbers().max(image);
                pass.block(numbers, self.compute.threads())
            }
            Way::Learnt(..) => BLOCK,
        }
    }

    /// Fills `features` (`images × dim`) with those of images as a dataset has them, `images × channels × height × width`, which are
    /// normalised on the way.
    pub fn run(&self, images: &mut [f32], features: &mut Vec<f32>) -> Result<(), GraftError> {
        let image: usize = self.input.iter().product();
        let count = images.len() / image.max(1);
        if let Some(settings) = &self.normalise {
            normalise(images, self.input, settings);
        }
        match &self.way {
            Way::Frozen(pass, activations, cut) => {
                let reduction = cut.reduction;
                let dim: usize = shape(activations, reduction).iter().product();
                features.resize(count * dim, 0.0);
                if reduction.is_none() {
                    pass.forward(self.compute, images, &mut [features])?;
                } else {
                    let mut unreduced = vec![0.0; count * activations.numbers()];
                    pass.forward(self.compute, images, &mut [&mut unreduced])?;
                    apply(activations, reduction, &unreduced, features);
                }
            }
            Way::Learnt(trunk, pooling) => {
                forward(self.compute, trunk, images, features)?;
                if let Some(pooling) = pooling {
                    let activations = std::mem::take(features);
                    forward(self.compute, pooling, &activations, features)?;
                }
            }
        }
        if let Some(components) = &self.components {
            *features = components.transform(features);
        }
        Ok(())
    }
}

impl<'a> Predictor<'a> {
    /// What a row with one seed, and with folds for one of these, has left. `trained` is the backbone with the source's weights,
    /// where it was trained.
    ///
    /// # Errors
    ///
    /// As [`FeaturePass::open`], and where the head is not what the plugins of today can read.
    pub fn open(
        tools: &Tools<'a>,
        row: &Row,
        model: &Model,
        trained: Option<&Network>,
        read: ReadPart<'_>,
    ) -> Result<Self, GraftError> {
        let strategy = tools.plan.strategy(row);
        let (classes, targets) = (tools.plan.target_classes.len(), tools.plan.targets);
        let missing = |what: &str| not_kept(model, what);
        let pass = FeaturePass::open(tools, row, model, trained, read)?;
        let head = match strategy.train.is_none() {
            true => {
                let missing = || missing("what its classifier has learnt");
                let state = read("head", STATE).ok_or_else(missing)?;
                let head = FittedHead::load(tools.plugins, &model.head, targets, &state)?;
                Head::Fitted(head.ok_or_else(missing)?)
            }
            false => {
                let shape = pass.shape();
                let mut blueprint = head_blueprint(tools.plugins, &model.head, &shape, classes)?;
                if targets == TargetKind::Numbers {
                    blueprint = blueprint
                        .in_unit()
                        .map_err(|error| engine("reading a head")(error.into()))?;
                }
                let mut head = initialised(&blueprint, model.seed, "head");
                let weights = read("head", "safetensors").ok_or_else(|| missing("its head"))?;
                head.load_safetensors(&weights)
                    .map_err(engine("reading a head"))?;
                Head::Network(Box::new(head))
            }
        };
        Ok(Self {
            features: pass,
            head,
            temperature: model.temperature,
            classes,
            targets,
        })
    }

    /// The head.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// What the head's scores are divided by; `None` where they were not calibrated.
    pub fn temperature(&self) -> Option<f64> {
        self.temperature
    }

    /// What the head's own scores are.
    pub fn head_scores_are(&self) -> Scores {
        match &self.head {
            Head::Network(_) => scores_of(self.targets),
            Head::Fitted(head) => head.scores_are(),
        }
    }

    /// What its scores are.
    pub fn scores_are(&self) -> Scores {
        match self.temperature {
            Some(_) => Scores::Logits,
            None => self.head_scores_are(),
        }
    }

    /// Scores, `images × classes`, of features, `images × dim`.
    pub fn scores(&self, features: &[f32]) -> Result<Vec<f32>, GraftError> {
        let dim = self.features.dim;
        let count = features.len() / dim.max(1);
        let (scores, are) = match &self.head {
            Head::Network(network) => {
                let mut scores = Vec::new();
                forward(self.features.compute, network, features, &mut scores)?;
                (scores, scores_of(self.targets))
            }
            Head::Fitted(head) => {
                let scores = head.predict(features, count, dim, self.classes)?;
                (scores, head.scores_are())
            }
        };
        Ok(match self.temperature {
            Some(temperature) => tempered(&scores, are, temperature, self.classes),
            None => scores,
        })
    }
}

impl FeaturePass<'_> {
    /// The shape of what a head gets.
    fn shape(&self) -> Vec<usize> {
        match (&self.way, &self.components) {
            (_, Some(_)) => vec![self.dim],
            (Way::Frozen(_, activations, _), None) => shape(activations, self.cut.reduction),
            (Way::Learnt(trunk, pooling), None) => {
                let last = pooling.as_ref().unwrap_or(trunk);
                last.blueprint().output().dims().to_vec()
            }
        }
    }
}

fn not_kept(model: &Model, what: &str) -> GraftError {
    GraftError::Experiment {
        message: format!("`{}`: {what} was not kept", model.title),
        hint: Some(
            "classifiers whose state is large are not kept, as the run's log tells; `--row` names another row"
                .to_owned(),
        ),
    }
}

fn forward(
    compute: &Compute,
    network: &Network,
    inputs: &[f32],
    outputs: &mut Vec<f32>,
) -> Result<(), GraftError> {
    let count = inputs.len() / network.blueprint().input().elements().max(1);
    outputs.resize(count * network.blueprint().output().elements(), 0.0);
    (network.forward(compute, inputs, outputs)).map_err(engine("predicting"))
}

/// Principal components as `model::components` has written them.
fn components_of(bytes: &[u8]) -> Result<PrincipalComponents, GraftError> {
    let fail = |error: topwork_tensors::TensorsError| GraftError::System {
        action: "read principal components",
        reason: error.to_string(),
    };
    let file = File::read(bytes).map_err(fail)?;
    let [count, dim] = file.shape("basis").map_err(fail)?;
    let mean = file.values::<f64>("mean", &[dim]).map_err(fail)?;
    let basis = file.values::<f64>("basis", &[count, dim]).map_err(fail)?;
    PrincipalComponents::of(mean, basis)
        .ok_or_else(|| out_of_order("principal components of no dimension"))
}
