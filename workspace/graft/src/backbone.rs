//! The backbone of a plan: a network that the engine builds, or an extractor of a plugin. And its
//! body: what is left of it before a cut, ready to compute features.

use std::{
    ops::Deref,
    sync::Arc,
    time::{Duration, Instant},
};

use topwork_engine::{Blueprint, Compute, EngineError, Network, SeveralCuts, Stream};
use topwork_host::{
    CutPlace, Extractor, ExtractorCut, ExtractorInfo, ExtractorKind, ExtractorModel, HostError,
    Kind, Normalise, Plugins,
};
use topwork_keys::{Digest, Sha256, hexadecimal};
use topwork_schema::{Component, CutEntry, CutPoint, Dims, LayerEntry, Plan, WantedNormalise};

use crate::{
    GraftError, blocks,
    error::{engine, out_of_order},
    features::Activations,
    network::{backbone_blueprint, initialised, joined_maps, layer_entries, parse, token_dims},
};

/// What turns an image into activations.
pub enum Backbone {
    /// Layers.
    Network(Box<Layers>),
    /// A plugin that computes features itself.
    Extractor(Opaque),
}

/// A network that is built here: its blueprint, and the weights that came with it.
pub struct Layers {
    blueprint: Blueprint,
    given: Option<Given>,
}

/// What a plugin gives with a blueprint.
struct Given {
    /// The network with its weights.
    network: Network,
    normalise: WantedNormalise,
    digest: Option<String>,
}

impl Layers {
    /// The network with the weights that came with it; nothing where none did.
    pub fn given(&self) -> Option<&Network> {
        self.given.as_ref().map(|given| &given.network)
    }
}

impl Deref for Layers {
    type Target = Blueprint;

    fn deref(&self) -> &Blueprint {
        &self.blueprint
    }
}

/// An extractor and what tells it from others.
#[derive(Clone)]
pub struct Opaque {
    extractor: Arc<Extractor>,
    /// The component, as the experiment names it.
    name: String,
    /// SHA-256 of the plugin.
    plugin: String,
    /// The parameters as text.
    parameters: String,
}

impl Backbone {
    /// Opens the backbone of a plan as what it was when the plan was made: what was an extractor then, and is a network by
    /// now, has other cuts as a network.
    pub fn of_plan(plugins: &Plugins, plan: &Plan) -> Result<Self, GraftError> {
        let was_extractor = plan.extractor.as_ref().is_some_and(|of| !of.network);
        Self::opened(plugins, &plan.experiment.backbone, !was_extractor)
    }

    /// Opens the component, whichever kind it is of.
    pub fn open(plugins: &Plugins, component: &Component) -> Result<Self, GraftError> {
        Self::opened(plugins, component, true)
    }

    fn opened(
        plugins: &Plugins,
        component: &Component,
        may_be_network: bool,
    ) -> Result<Self, GraftError> {
        let (plugin, found) = plugins.find(&Kind::BACKBONES, &component.component)?;
        if found.kind == Kind::Backbone {
            let blueprint = backbone_blueprint(plugins, component)?;
            let given = None;
            return Ok(Self::Network(Box::new(Layers { blueprint, given })));
        }
        let parameters = component.parameters.clone().into();
        let id = &component.component;
        let kind = match may_be_network {
            true => plugins.network_or_extractor(id, &parameters)?,
            false => ExtractorKind::Opaque(Box::new(plugins.extractor(id, &parameters)?)),
        };
        let extractor = match kind {
            ExtractorKind::Opaque(extractor) => *extractor,
            ExtractorKind::Network(given) => {
                let blueprint = parse(&given.blueprint, &component.component)?;
                let mut network = initialised(&blueprint, 0, "backbone");
                // The plugin gave both, so they fit or it is to blame.
                let broken = |error: EngineError| HostError::Broken {
                    plugin: plugin.id.clone(),
                    call: "giving its network".to_owned(),
                    problem: format!("weights that do not fit its blueprint: {error}"),
                };
                network.load_safetensors(&given.weights).map_err(broken)?;
                let given = Some(Given {
                    network,
                    normalise: wanted(given.normalise.as_ref()),
                    digest: given.digest,
                });
                return Ok(Self::Network(Box::new(Layers { blueprint, given })));
            }
        };
        Ok(Self::Extractor(Opaque {
            extractor: Arc::new(extractor),
            name: component.component.clone(),
            plugin: plugin.sha256.clone(),
            parameters: parameters.to_string(),
        }))
    }

    /// The layers of a network that is trained here.
    pub fn blueprint(&self) -> Result<&Blueprint, GraftError> {
        match self {
            Self::Network(blueprint) => Ok(blueprint),
            Self::Extractor(_) => Err(out_of_order("an extractor was to be trained")),
        }
    }

    /// The network with the weights that its plugin gave; nothing where it gave none.
    pub fn given(&self) -> Option<&Network> {
        match self {
            Self::Network(layers) => layers.given(),
            Self::Extractor(_) => None,
        }
    }

    /// The shape of one sample.
    pub fn input(&self) -> Vec<usize> {
        match self {
            Self::Network(blueprint) => blueprint.input().dims().to_vec(),
            Self::Extractor(opaque) => opaque.extractor.describe().input.clone(),
        }
    }

    /// The layers; the cut points of an extractor.
    pub fn layers(&self) -> Vec<LayerEntry> {
        match self {
            Self::Network(blueprint) => layer_entries(blueprint),
            Self::Extractor(opaque) => (opaque.extractor.describe().cuts.iter())
                .map(|cut| LayerEntry {
                    name: cut.name.clone(),
                    op: cut.op.clone().unwrap_or_else(|| "extractor".to_owned()),
                    detail: String::new(),
                    output: cut.shape.clone(),
                    dims: dims(cut),
                    parameters: 0,
                    multiply_adds: 0,
                })
                .collect(),
        }
    }

    /// The declared cut points.
    pub fn cuts(&self) -> Vec<CutEntry> {
        match self {
            Self::Network(blueprint) => (blueprint.cuts().iter())
                .filter_map(|cut| {
                    Some(CutEntry {
                        name: cut.name.clone(),
                        layers: blueprint.cut(&cut.name)?,
                    })
                })
                .collect(),
            Self::Extractor(opaque) => (opaque.extractor.describe().cuts.iter().enumerate())
                .map(|(index, cut)| CutEntry {
                    name: cut.name.clone(),
                    layers: index + 1,
                })
                .collect(),
        }
    }

    /// Where a cut rule can cut it.
    pub fn places(&self) -> Vec<CutPlace> {
        let cuts = self.cuts();
        let blocks: Vec<bool> = match self {
            Self::Network(blueprint) => blocks::ends(blueprint),
            Self::Extractor(opaque) => (opaque.extractor.describe().cuts.iter())
                .map(|cut| cut.block)
                .collect(),
        };
        (self.layers().into_iter().enumerate())
            .map(|(index, layer)| CutPlace {
                name: layer.name,
                op: layer.op,
                shape: layer.output,
                cut: (cuts.iter().find(|cut| cut.layers == index + 1)).map(|cut| cut.name.clone()),
                channels: layer.dims.as_ref().and_then(|dims| dims.channels),
                dims: layer.dims.map(|dims| dims.sizes),
                block: blocks.get(index).copied().unwrap_or(false),
            })
            .collect()
    }

    /// What there is to know of a backbone that a plugin gives whole: an extractor, or a network with weights of its own.
    pub fn extractor(&self) -> Option<topwork_schema::Extractor> {
        match self {
            Self::Network(layers) => {
                let given = layers.given.as_ref()?;
                Some(topwork_schema::Extractor {
                    normalise: given.normalise.clone(),
                    digest: given.digest.clone(),
                    runtime: Some("topwork".to_owned()),
                    network: true,
                })
            }
            Self::Extractor(opaque) => {
                let info = opaque.extractor.describe();
                Some(topwork_schema::Extractor {
                    normalise: wanted(info.normalise.as_ref()),
                    digest: info.digest.clone(),
                    runtime: info.runtime.clone(),
                    network: false,
                })
            }
        }
    }

    /// What keeps an extractor from being a network, where its plugin says so.
    pub fn opaque_because(&self) -> Option<&str> {
        match self {
            Self::Network(_) => None,
            Self::Extractor(opaque) => opaque.extractor.opaque_because(),
        }
    }

    /// The activations at a cut, before anything is done with them.
    pub fn activations_at(&self, cut: &CutPoint) -> Result<Activations, GraftError> {
        if let (Self::Network(blueprint), false) = (self, cut.joined.is_empty()) {
            let joined = blueprint.joined(&cut.joined, joined_maps(cut));
            let joined = joined.map_err(|source| engine("cutting")(source.into()))?;
            return Ok(Activations::plain(joined.output().dims()));
        }
        let layer = cut.layers.checked_sub(1);
        let layer = layer.and_then(|last| self.layers().into_iter().nth(last));
        layer
            .map(|layer| Activations {
                shape: layer.output,
                dims: layer.dims,
            })
            .ok_or_else(|| out_of_order("a cut behind the last layer"))
    }
}

fn wanted(normalise: Option<&Normalise>) -> WantedNormalise {
    match normalise {
        None => WantedNormalise::Any,
        Some(Normalise::Stated(_)) => WantedNormalise::Stated,
        Some(Normalise::With { mean, std }) => {
            WantedNormalise::Exactly(topwork_schema::Normalise {
                mean: mean.clone(),
                std: std.clone(),
            })
        }
    }
}

/// The layers before a cut with their weights, or an extractor that is asked for features there.
pub enum Trunk {
    /// Layers.
    Network(Box<Network>),
    /// An extractor, and the position of the cut among its own.
    Extractor(Opaque, usize),
}

impl Trunk {
    /// An extractor cut here.
    pub fn extractor(opaque: &Opaque, cut: &CutPoint) -> Self {
        Self::Extractor(opaque.clone(), cut.layers.saturating_sub(1))
    }

    /// The activations at the cut.
    pub fn activations(&self) -> Activations {
        match self {
            Self::Network(network) => {
                let blueprint = network.blueprint();
                Activations {
                    shape: blueprint.output().dims().to_vec(),
                    dims: token_dims(blueprint, blueprint.layers().len()),
                }
            }
            Self::Extractor(opaque, cut) => {
                let cut = opaque.extractor.describe().cuts.get(*cut);
                Activations {
                    shape: cut.map_or(Vec::new(), |cut| cut.shape.clone()),
                    dims: cut.and_then(dims),
                }
            }
        }
    }

    /// SHA-256 that tells the body from others. Of a network it covers weights and buffers. What an extractor holds nobody can
    /// see: it covers what it says of itself and its features of one image of noise, so that it is known before there are
    /// images. It is no proof that the extractor is frozen: those are [`Answers`](crate::answers::Answers).
    pub fn digest(&self) -> Result<String, GraftError> {
        let (opaque, cut) = match self {
            Self::Network(network) => return Ok(network.digest()),
            Self::Extractor(opaque, cut) => (opaque, *cut),
        };
        let numbers = opaque.extractor.describe().input.iter().product();
        let mut stream = Stream::new(0, "proof/extractor");
        let image: Vec<f32> = (0..numbers).map(|_| stream.uniform(0.0, 1.0)).collect();
        let mut features = vec![0.0; self.activations().numbers()];
        opaque.ask(cut, &image, &mut features)?;
        let mut hash = Sha256::new();
        hash.update(opaque.identity_of(opaque.extractor.describe()));
        hash.update((cut as u64).to_le_bytes());
        for number in features {
            hash.update(number.to_le_bytes());
        }
        Ok(hexadecimal(&hash.finalize()))
    }
}

/// How features lie at a cut, where their shape does not say it.
fn dims(cut: &ExtractorCut) -> Option<Dims> {
    cut.dims.as_ref().map(|sizes| Dims {
        sizes: sizes.clone(),
        channels: cut.channels,
        leading: None,
    })
}

/// The way of images to the cuts of one or several bodies.
pub enum Pass {
    /// As far as the deepest cut of one network.
    Network(SeveralCuts),
    /// An extractor, and the position of the cut among its own.
    Extractor(Opaque, usize),
}

impl Pass {
    /// To the cuts of these bodies: trunks of one network with the same weights, or a single
    /// extractor. What an extractor computes for two cuts at once need not be the same bits as for
    /// one after the other, as it may fuse what lies between.
    pub fn through(bodies: &[&Trunk]) -> Result<Self, GraftError> {
        if let [Trunk::Extractor(opaque, cut)] = bodies {
            return Ok(Self::Extractor(opaque.clone(), *cut));
        }
        let networks: Option<Vec<&Network>> = (bodies.iter())
            .map(|body| match body {
                Trunk::Network(network) => Some(&**network),
                Trunk::Extractor(..) => None,
            })
            .collect();
        let networks = networks.ok_or_else(|| out_of_order("several cuts of an extractor"))?;
        let layers = |network: &&Network| network.blueprint().layers().len();
        let cuts: Vec<usize> = networks.iter().map(layers).collect();
        let deepest = (networks.into_iter().max_by_key(layers))
            .ok_or_else(|| out_of_order("a pass to no cut"))?;
        let several = SeveralCuts::new(deepest, &cuts).map_err(engine("cutting"))?;
        Ok(Self::Network(several))
    }

    /// How many images are passed through at once, when each comes to so many numbers: fewer where
    /// these are many, and where an extractor takes its time and nobody could stop it in between.
    pub fn block(&self, numbers: usize, threads: usize) -> usize {
        /// Numbers of one block, 128 MiB: beside it stands the next, which is read meanwhile.
        const MOST: usize = 1 << 25;
        match self {
            Self::Network(_) => (MOST / numbers.max(1)).clamp(16, 512) / 16 * 16,
            Self::Extractor(opaque, _) => {
                let batch = opaque.batch().unwrap_or(1);
                (16 * threads).next_multiple_of(batch)
            }
        }
    }

    /// Fills the features of every body with the activations of these images, one after the
    /// other, and tells how long it took until they were there.
    pub fn forward(
        &self,
        compute: &Compute,
        images: &[f32],
        features: &mut [&mut [f32]],
    ) -> Result<Vec<Duration>, GraftError> {
        match (self, features) {
            (Self::Network(several), features) => several
                .forward(compute, images, features)
                .map_err(engine("extracting features")),
            (Self::Extractor(opaque, cut), [features]) => {
                let begun = Instant::now();
                opaque.forward(*cut, compute.threads(), images, features)?;
                Ok(vec![begun.elapsed()])
            }
            (Self::Extractor(..), _) => Err(out_of_order("several cuts of an extractor")),
        }
    }
}

impl Opaque {
    /// The component, as the experiment names it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A model file that computes the features at a cut; `None` where the plugin gives none.
    pub fn model(&self, cut: usize) -> Result<Option<ExtractorModel>, GraftError> {
        Ok(self.extractor.onnx(cut)?)
    }

    /// How many images it computes at once, however many it is asked about.
    pub fn batch(&self) -> Option<usize> {
        self.extractor.describe().batch
    }

    /// The name of a cut.
    pub fn cut_name(&self, cut: usize) -> String {
        let cuts = &self.extractor.describe().cuts;
        cuts.get(cut).map_or(String::new(), |cut| cut.name.clone())
    }

    /// How many numbers one image has at a cut.
    pub fn numbers(&self, cut: usize) -> usize {
        let cuts = &self.extractor.describe().cuts;
        cuts.get(cut).map_or(0, |cut| cut.shape.iter().product())
    }

    /// SHA-256 over the plugin, the parameters and what the extractor says of itself now.
    pub fn identity(&self) -> Result<String, GraftError> {
        Ok(self.identity_of(&self.extractor.describe_again()?))
    }

    fn identity_of(&self, description: &ExtractorInfo) -> String {
        let mut hash = Sha256::new();
        let description = format!("{description:?}");
        for part in [&self.plugin, &self.parameters, &description] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        hexadecimal(&hash.finalize())
    }

    /// Fills `features` with those of these images, in one call.
    pub fn ask(&self, cut: usize, images: &[f32], features: &mut [f32]) -> Result<(), GraftError> {
        Ok(self.extractor.forward(cut, images, features)?)
    }

    /// Fills `features` with those of these images, on as many threads as it allows.
    fn forward(
        &self,
        cut: usize,
        threads: usize,
        images: &[f32],
        features: &mut [f32],
    ) -> Result<(), GraftError> {
        let extractor = &*self.extractor;
        let info = extractor.describe();
        let input: usize = info.input.iter().product();
        let count = images.len() / input.max(1);
        let threads = threads.min(count);
        if !info.parallel || threads < 2 {
            return Ok(extractor.forward(cut, images, features)?);
        }
        let share = count.div_ceil(threads);
        let parts = images
            .chunks(share * input)
            .zip(features.chunks_mut(share * (features.len() / count)));
        std::thread::scope(|scope| {
            let parts: Vec<_> = parts
                .map(|(images, features)| {
                    scope.spawn(move || extractor.forward(cut, images, features))
                })
                .collect();
            for part in parts {
                part.join()
                    .map_err(|_| out_of_order("a thread that extracted features panicked"))??;
            }
            Ok(())
        })
    }
}
