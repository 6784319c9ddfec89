//! Images pass through frozen trunks, unless the cache has what would come out. Cuts of one network
//! are reached in one pass.

use std::{rc::Rc, time::Instant};

use topwork_engine::Network;
use topwork_events::LogLevel;
use topwork_measure::thousands;
use topwork_schema::Weights;
use topwork_store::{FeatureKey, Lookup};

use crate::{
    FrozenTrunk, Stage, Work, WorkerError,
    backbone::{Backbone, Body, Pass},
    draw::{Draw, needed},
    emitter::Progress,
    execute::{Execution, engine, out_of_order},
    features::{Images, Rows, Trunk, TrunkIdentity, Values},
    reduce::{self, Activations},
    task::SplitName,
};

/// Numbers of features that one pass may give, 1 GiB: those of all its cuts are held until their
/// rows were measured.
const MOST_TOGETHER: usize = 1 << 28;

/// A trunk whose features are to be had.
struct Wanted {
    trunk: FrozenTrunk,
    body: Body,
    digest: String,
    identity: TrunkIdentity,
    /// At the cut.
    activations: Activations,
    /// Shape of the features, which is the same unless they are reduced.
    shape: Vec<usize>,
}

/// How far the images of a pass have come.
struct Way {
    done: u64,
    total: u64,
}

impl Execution<'_> {
    /// Freezes this trunk and gets the features that rows need of it; with them those of the
    /// stages to come that the same pass can give.
    pub fn extract(
        &mut self,
        seed: u64,
        trunk: &FrozenTrunk,
        later: &[Stage],
    ) -> Result<String, WorkerError> {
        let examples = needed(self.plan, &self.seed.draws, trunk);
        let mut with_it = None;
        if self.known(trunk).is_none() {
            let together = self.in_one_pass(seed, trunk, &examples, later)?;
            let wanted: Result<Vec<Wanted>, WorkerError> = (together.into_iter())
                .map(|trunk| self.wanted(seed, trunk))
                .collect();
            let mut extracted = self.features(wanted?, &examples)?;
            with_it = Some(
                extracted[1..]
                    .iter()
                    .filter(|(_, trunk)| !trunk.paid)
                    .count(),
            );
            self.seed.trunks.append(&mut extracted);
        }
        let known = self.known(trunk);
        let known = known.ok_or_else(|| out_of_order("features went before their turn"))?;
        let images = examples.train.len() + examples.test.len();
        let tested = match examples.test.is_empty() {
            true => &examples.train,
            false => &examples.test,
        };
        self.keep_feature_sample(seed, trunk, known, tested)?;
        let more =
            |count: usize| format!("{count} more {}", if count == 1 { "cut" } else { "cuts" });
        let how = match (known.paid, with_it) {
            (true, None | Some(0)) => ", from the cache".to_owned(),
            (true, Some(others)) => format!(", from the cache; {} in one pass", more(others)),
            (false, None) => ", from the same pass".to_owned(),
            (false, Some(0)) => String::new(),
            (false, Some(others)) => format!(", in one pass with {}", more(others)),
        };
        Ok(format!(
            "{} vectors of {} numbers{how}",
            thousands(images as u64),
            thousands(known.dim as u64)
        ))
    }

    fn known(&self, wanted: &FrozenTrunk) -> Option<&Trunk> {
        let trunks = self.seed.trunks.iter();
        let mut known = trunks.filter(|(trunk, _)| trunk == wanted);
        known.next().map(|(_, known)| known)
    }

    /// This trunk and those of later stages of the seed that the same images reach on their way
    /// through the same weights.
    fn in_one_pass(
        &self,
        seed: u64,
        first: &FrozenTrunk,
        examples: &Draw,
        later: &[Stage],
    ) -> Result<Vec<FrozenTrunk>, WorkerError> {
        let mut together = vec![first.clone()];
        let Backbone::Network(_) = self.backbone else {
            return Ok(together);
        };
        let images = examples.train.len() + examples.test.len();
        let numbers = |trunk: &FrozenTrunk| -> Result<usize, WorkerError> {
            let activations = self.backbone.activations_at(&trunk.cut)?;
            let shape = reduce::shape(&activations, trunk.cut.reduction);
            Ok(images * shape.iter().product::<usize>())
        };
        let mut room = MOST_TOGETHER.saturating_sub(numbers(first)?);
        for stage in later.iter().take_while(|stage| stage.seed == Some(seed)) {
            let Work::Extract(trunk) = &stage.work else {
                continue;
            };
            let needs = numbers(trunk)?;
            if trunk.weights == first.weights
                && needs <= room
                && self.is_wanted(seed, trunk)
                && needed(self.plan, &self.seed.draws, trunk) == *examples
            {
                room -= needs;
                together.push(trunk.clone());
            }
        }
        Ok(together)
    }

    fn wanted(&self, seed: u64, trunk: FrozenTrunk) -> Result<Wanted, WorkerError> {
        let body = match &self.backbone {
            Backbone::Network(_) => {
                let kept = self.trunk_with(seed, trunk.weights, trunk.cut.layers)?;
                Body::Network(Box::new(kept))
            }
            Backbone::Extractor(opaque) => Body::extractor(opaque, &trunk.cut),
        };
        let activations = body.activations();
        Ok(Wanted {
            digest: body.digest()?,
            identity: TrunkIdentity::of(self.plan, self.plugins, &trunk.cut),
            shape: reduce::shape(&activations, trunk.cut.reduction),
            activations,
            trunk,
            body,
        })
    }

    /// The first layers of the backbone with these weights.
    pub fn trunk_with(
        &self,
        seed: u64,
        weights: Weights,
        layers: usize,
    ) -> Result<Network, WorkerError> {
        let backbone = self.backbone_with(seed, weights)?;
        backbone.keep(layers).map_err(engine("cutting"))
    }

    /// The features of these examples that every trunk gives, reduced as its cut says.
    fn features(
        &self,
        wanted: Vec<Wanted>,
        examples: &Draw,
    ) -> Result<Vec<(FrozenTrunk, Trunk)>, WorkerError> {
        let mut way = Way {
            done: 0,
            total: (examples.train.len() + examples.test.len()) as u64,
        };
        let train = self.rows(&wanted, SplitName::Train, &examples.train, &mut way)?;
        for (wanted, rows) in wanted.iter().zip(&train) {
            self.remark_on_constant(&wanted.trunk, rows)?;
        }
        let test = match examples.test.is_empty() {
            true => (wanted.iter()).map(|_| None).collect(),
            false => {
                let test = self.rows(&wanted, SplitName::Test, &examples.test, &mut way)?;
                test.into_iter().map(Some).collect::<Vec<_>>()
            }
        };
        Ok((wanted.into_iter().zip(train).zip(test))
            .map(|((wanted, train), test)| {
                let cached = |rows: &Rows| matches!(rows.values, Values::Cached(_));
                let trunk = Trunk {
                    body: Rc::new(wanted.body),
                    digest: wanted.digest,
                    dim: train.dim,
                    shape: wanted.shape,
                    paid: cached(&train) && test.as_ref().is_none_or(cached),
                    train,
                    test,
                };
                (wanted.trunk, trunk)
            })
            .collect())
    }

    /// Nothing can be learnt from features that are the same for every image: a layer that is never active, a wrong
    /// normalisation.
    fn remark_on_constant(&self, trunk: &FrozenTrunk, rows: &Rows) -> Result<(), WorkerError> {
        if !rows.all_alike() {
            return Ok(());
        }
        let (cut, count) = (&trunk.cut.name, thousands(rows.examples.len() as u64));
        self.note(
            LogLevel::Warning,
            format!(
                "the features at \"{cut}\" are the same for all {count} images: nothing can be learnt from them"
            ),
        )
    }

    /// Those of one split: from the cache what is there, the others in one pass.
    fn rows(
        &self,
        wanted: &[Wanted],
        split: SplitName,
        examples: &[usize],
        way: &mut Way,
    ) -> Result<Vec<Rows>, WorkerError> {
        let images = match self.cache {
            Some(_) => Some(Images::of(self.target()?, split, examples)?),
            None => None,
        };
        let key = |wanted: &Wanted| images.as_ref().map(|images| wanted.key(images));
        let mut found = Vec::with_capacity(wanted.len());
        for wanted in wanted {
            found.push(self.cached(key(wanted))?);
        }
        let missing: Vec<&Wanted> = (wanted.iter().zip(&found))
            .filter(|(_, found)| found.is_none())
            .map(|(wanted, _)| wanted)
            .collect();
        if missing.is_empty() {
            way.done += examples.len() as u64;
        } else {
            let computed = self.pass(&missing, split, examples, way)?;
            let gaps = found.iter_mut().filter(|found| found.is_none());
            for ((wanted, gap), (values, seconds)) in missing.into_iter().zip(gaps).zip(computed) {
                self.keep(key(wanted), &values, seconds)?;
                *gap = Some((Values::Computed(values), seconds));
            }
        }
        Ok((wanted.iter().zip(found.into_iter().flatten()))
            .map(|(wanted, (values, seconds))| Rows {
                examples: examples.to_vec(),
                values,
                dim: wanted.dim(),
                seconds,
            })
            .collect())
    }

    /// The features that each trunk gives, with the seconds until they were there: what its images
    /// took to read, to come as far as its cut, and to be reduced.
    fn pass(
        &self,
        wanted: &[&Wanted],
        split: SplitName,
        examples: &[usize],
        way: &mut Way,
    ) -> Result<Vec<(Vec<f32>, f64)>, WorkerError> {
        let task = self.target()?;
        let bodies: Vec<&Body> = wanted.iter().map(|wanted| &wanted.body).collect();
        let pass = Pass::through(&bodies)?;
        let raw: Vec<usize> = (wanted.iter())
            .map(|wanted| wanted.activations.len())
            .collect();
        let numbers = raw.iter().sum::<usize>().max(task.image_len());
        let size = pass.block(numbers, self.compute.threads());
        let mut all: Vec<(Vec<f32>, f64)> = (wanted.iter())
            .map(|wanted| (vec![0.0; examples.len() * wanted.dim()], 0.0))
            .collect();
        let mut unreduced: Vec<Vec<f32>> = vec![Vec::new(); wanted.len()];
        let mut images = Vec::new();
        for (index, block) in examples.chunks(size).enumerate() {
            let begun = Instant::now();
            task.read(split, block, &mut images)?;
            let read = begun.elapsed();
            let mut outputs = Vec::with_capacity(wanted.len());
            let each = wanted.iter().zip(&mut all).zip(&mut unreduced).zip(&raw);
            for (((wanted, (values, _)), unreduced), raw) in each {
                outputs.push(match wanted.reduced() {
                    true => {
                        unreduced.resize(block.len() * raw, 0.0);
                        unreduced.as_mut_slice()
                    }
                    false => wanted.of_block(values, index * size, block.len()),
                });
            }
            let took = pass.forward(self.compute, &images, &mut outputs)?;
            let each = wanted.iter().zip(&mut all).zip(&unreduced).zip(took);
            for (((wanted, (values, seconds)), unreduced), took) in each {
                let begun = Instant::now();
                if wanted.reduced() {
                    let out = wanted.of_block(values, index * size, block.len());
                    let reduction = wanted.trunk.cut.reduction;
                    reduce::apply(&wanted.activations, reduction, unreduced, out);
                }
                *seconds += (read + took + begun.elapsed()).as_secs_f64();
            }
            way.done += block.len() as u64;
            self.emitter.step(Progress {
                done: way.done,
                total: way.total,
                unit: "images",
                ..Progress::default()
            })?;
        }
        Ok(all)
    }

    /// The features with this key, if the cache has them, and the seconds they took.
    fn cached(&self, key: Option<FeatureKey>) -> Result<Option<(Values, f64)>, WorkerError> {
        let (Some(cache), Some(key)) = (&self.cache, key) else {
            return Ok(None);
        };
        let trouble = match cache.get(&key) {
            Ok(Lookup::Hit(values, seconds)) => {
                return Ok(Some((Values::Cached(values), seconds)));
            }
            Ok(Lookup::Miss) => return Ok(None),
            Ok(Lookup::Damaged(reason)) => {
                format!("removed a damaged entry of the feature cache: {reason}")
            }
            Err(error) => format!("cannot use the feature cache: {error}"),
        };
        self.note(LogLevel::Warning, trouble)?;
        Ok(None)
    }

    /// Keeps features for other runs. A cache that cannot be written costs time, not the run.
    fn keep(
        &self,
        key: Option<FeatureKey>,
        values: &[f32],
        seconds: f64,
    ) -> Result<(), WorkerError> {
        if let (Some(cache), Some(key)) = (&self.cache, key)
            && let Err(error) = cache.put(&key, values, seconds)
        {
            let text = format!("cannot keep features for other runs: {error}");
            self.note(LogLevel::Warning, text)?;
        }
        Ok(())
    }
}

impl Wanted {
    /// Length of one feature vector.
    fn dim(&self) -> usize {
        self.shape.iter().product()
    }

    fn reduced(&self) -> bool {
        !self.trunk.cut.reduction.is_none()
    }

    fn key(&self, images: &Images) -> FeatureKey {
        self.identity.key(&self.digest, self.dim(), images)
    }

    /// The vectors of `count` examples from the `first` on.
    fn of_block<'a>(&self, values: &'a mut [f32], first: usize, count: usize) -> &'a mut [f32] {
        &mut values[first * self.dim()..(first + count) * self.dim()]
    }
}
