//! Images pass through frozen trunks, unless the features are there already. Cuts of one network are reached in one pass.

use std::{cell::RefCell, rc::Rc, time::Instant};

use topwork_engine::Network;
use topwork_host::Level;
use topwork_keys::FeatureKey;
use topwork_measure::thousands;
use topwork_tasks::TrunkId;

use super::{
    Features, Images, Rows, TrunkIdentity, Values,
    reduce::{self, Activations},
};
use crate::{
    GraftError, Progress, Tools,
    answers::Answers,
    backbone::{Backbone, Pass, Trunk},
    data::{Draw, SplitName, TaskExamples, read_ahead, read_in_turns},
    error::out_of_order,
};

/// Features that are no further apart than this share of their size differ by what single precision rounds in a deep network.
const ROUNDING: f32 = 1e-5;

/// Numbers of features that one pass may give, 1 GiB: those of all its cuts are held until their
/// rows were measured.
const MOST_TOGETHER: usize = 1 << 28;

/// The features of a target's examples, with one seed.
pub struct Extraction<'a> {
    /// What all tasks work with.
    pub tools: &'a Tools<'a>,
    /// The target.
    pub task: &'a TaskExamples,
    /// Its further test sets.
    pub further: &'a [TaskExamples],
    /// The seed.
    pub seed: u64,
    /// The backbone with the source's weights, where it was trained.
    pub trained: Option<&'a Network>,
    /// The examples whose features are wanted.
    pub examples: &'a Draw,
}

/// A trunk whose features are to be had.
struct Wanted {
    id: TrunkId,
    trunk: Trunk,
    /// Tells it from others, also before there are images.
    digest: String,
    answers: Option<Rc<Answers>>,
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

impl Extraction<'_> {
    /// The first of these trunks, and those of the others that the same images reach on their way through the same weights,
    /// as far as there is room for their features.
    pub fn in_one_pass(
        &self,
        first: &TrunkId,
        others: impl IntoIterator<Item = TrunkId>,
    ) -> Result<Vec<TrunkId>, GraftError> {
        let mut together = vec![first.clone()];
        // A joined cut has layers of its own behind those of the backbone.
        let plain = |trunk: &TrunkId| trunk.cut.joined.is_empty();
        if !matches!(self.tools.backbone, Backbone::Network(_)) || !plain(first) {
            return Ok(together);
        }
        let images = self.images();
        let numbers = |trunk: &TrunkId| -> Result<usize, GraftError> {
            let activations = self.tools.backbone.activations_at(&trunk.cut)?;
            let shape = reduce::shape(&activations, trunk.cut.reduction);
            Ok(images * shape.iter().product::<usize>())
        };
        let mut room = MOST_TOGETHER.saturating_sub(numbers(first)?);
        for trunk in others.into_iter().filter(plain) {
            let needs = numbers(&trunk)?;
            if trunk.weights == first.weights && needs <= room {
                room -= needs;
                together.push(trunk);
            }
        }
        Ok(together)
    }

    /// How many images are wanted.
    pub fn images(&self) -> usize {
        let further = self.further.iter().map(|test| test.measured().labels.len());
        self.examples.train.len() + self.examples.test.len() + further.sum::<usize>()
    }

    /// Freezes these trunks, those of one pass, and gets their features.
    pub fn run(&self, trunks: Vec<TrunkId>) -> Result<Vec<(TrunkId, Features)>, GraftError> {
        let wanted: Result<Vec<Wanted>, GraftError> =
            trunks.into_iter().map(|trunk| self.wanted(trunk)).collect();
        self.features(wanted?)
    }

    fn wanted(&self, id: TrunkId) -> Result<Wanted, GraftError> {
        let trunk = match self.tools.backbone {
            Backbone::Network(_) => {
                let kept = (self.tools).trunk_with(self.seed, id.weights, self.trained, &id.cut)?;
                Trunk::Network(Box::new(kept))
            }
            Backbone::Extractor(opaque) => Trunk::extractor(opaque, &id.cut),
        };
        let activations = trunk.activations();
        let answers = match &trunk {
            Trunk::Network(_) => None,
            Trunk::Extractor(opaque, cut) => {
                let train = &self.examples.train;
                let answers = Answers::of(opaque, *cut, self.task, train, self.seed)?;
                Some(Rc::new(answers))
            }
        };
        Ok(Wanted {
            digest: trunk.digest()?,
            answers,
            identity: TrunkIdentity::of(self.tools.plan, self.tools.plugins, &id.cut),
            shape: reduce::shape(&activations, id.cut.reduction),
            activations,
            id,
            trunk,
        })
    }

    /// The features of these examples that every trunk gives, reduced as its cut says.
    fn features(&self, wanted: Vec<Wanted>) -> Result<Vec<(TrunkId, Features)>, GraftError> {
        let examples = self.examples;
        let mut way = Way {
            done: 0,
            total: self.images() as u64,
        };
        let train = self.rows(
            &wanted,
            (self.task, SplitName::Train),
            &examples.train,
            &mut way,
        )?;
        for (wanted, rows) in wanted.iter().zip(&train) {
            self.remark_on_constant(&wanted.id, rows)?;
        }
        let test = match examples.test.is_empty() {
            true => (wanted.iter()).map(|_| None).collect(),
            false => {
                let test = self.rows(
                    &wanted,
                    (self.task, SplitName::Test),
                    &examples.test,
                    &mut way,
                )?;
                test.into_iter().map(Some).collect::<Vec<_>>()
            }
        };
        let mut further: Vec<Vec<Rows>> = wanted.iter().map(|_| Vec::new()).collect();
        for test in self.further {
            let all = test.measured().all();
            let rows = self.rows(&wanted, (test, SplitName::Test), &all, &mut way)?;
            further
                .iter_mut()
                .zip(rows)
                .for_each(|(further, rows)| further.push(rows));
        }
        Ok((wanted.into_iter().zip(train).zip(test).zip(further))
            .map(|(((wanted, train), test), further)| {
                let cached =
                    |rows: &Rows| rows.values.is_empty() || matches!(rows.values, Values::Held(_));
                let features = Features {
                    trunk: Rc::new(wanted.trunk),
                    digest: match &wanted.answers {
                        Some(answers) => answers.digest().to_owned(),
                        None => wanted.digest,
                    },
                    answers: wanted.answers,
                    dim: train.dim,
                    shape: wanted.shape,
                    paid: cached(&train) && test.as_ref().is_none_or(cached),
                    train,
                    test,
                    further,
                    estimated: RefCell::default(),
                };
                (wanted.id, features)
            })
            .collect())
    }

    /// Nothing can be learnt from features that are the same for every image: a layer that is never active, a wrong
    /// normalisation. What is learnt from those that are nearly the same is learnt from rounding.
    fn remark_on_constant(&self, trunk: &TrunkId, rows: &Rows) -> Result<(), GraftError> {
        let (cut, count) = (&trunk.cut.name, thousands(rows.examples.len() as u64));
        let text = match rows.spread() {
            Some(0.0) => format!(
                "the features at \"{cut}\" are the same for all {count} images: nothing can be learnt from them"
            ),
            Some(spread) if spread < ROUNDING => format!(
                "the features at \"{cut}\" differ by at most {spread:.0e} of their size among {count} images, which is rounding: \
                 figures may be others on another machine"
            ),
            _ => return Ok(()),
        };
        Ok((self.tools.services).log(Level::Warning, "topwork", text)?)
    }

    /// Those of one split: from the cache what is there, the others in one pass.
    fn rows(
        &self,
        wanted: &[Wanted],
        (task, split): (&TaskExamples, SplitName),
        examples: &[usize],
        way: &mut Way,
    ) -> Result<Vec<Rows>, GraftError> {
        if examples.is_empty() {
            let none = |wanted: &Wanted| Rows {
                examples: Vec::new(),
                values: Values::Computed(Vec::new()),
                dim: wanted.dim(),
                seconds: 0.0,
            };
            return Ok(wanted.iter().map(none).collect());
        }
        let services = self.tools.services;
        let unread = Images::unread(split, examples);
        let images = match (wanted.iter()).any(|of| services.may_have_features(&of.key(&unread))) {
            true => Some(Images::of(task, split, examples)?),
            false => None,
        };
        let mut found = Vec::with_capacity(wanted.len());
        for wanted in wanted {
            let held = match &images {
                Some(images) => services.features(&wanted.key(images))?,
                None => None,
            };
            found.push(held.map(|(held, seconds)| (Values::Held(held), seconds)));
        }
        let missing: Vec<&Wanted> = (wanted.iter().zip(&found))
            .filter(|(_, found)| found.is_none())
            .map(|(wanted, _)| wanted)
            .collect();
        if missing.is_empty() {
            way.done += examples.len() as u64;
        } else {
            let computed = self.pass(&missing, (task, split), examples, way)?;
            // Of what has passed, which is known by now: their key tells the truth even if files have changed meanwhile.
            let images = match services.keeps_features() {
                true => Some(Images::of(task, split, examples)?),
                false => None,
            };
            let gaps = found.iter_mut().filter(|found| found.is_none());
            for ((wanted, gap), (values, seconds)) in missing.into_iter().zip(gaps).zip(computed) {
                if let Some(images) = &images {
                    services.keep_features(&wanted.key(images), &values, seconds)?;
                }
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

    /// The features that each trunk gives, with the seconds until they were there: how long images were waited for, which are read
    /// ahead, and what they took to come as far as its cut and to be reduced.
    fn pass(
        &self,
        wanted: &[&Wanted],
        (task, split): (&TaskExamples, SplitName),
        examples: &[usize],
        way: &mut Way,
    ) -> Result<Vec<(Vec<f32>, f64)>, GraftError> {
        let trunks: Vec<&Trunk> = wanted.iter().map(|wanted| &wanted.trunk).collect();
        let pass = Pass::through(&trunks)?;
        let raw: Vec<usize> = (wanted.iter())
            .map(|wanted| wanted.activations.numbers())
            .collect();
        let numbers = raw.iter().sum::<usize>().max(task.image_len());
        let size = pass.block(numbers, self.tools.compute.threads());
        let mut all: Vec<(Vec<f32>, f64)> = (wanted.iter())
            .map(|wanted| (vec![0.0; examples.len() * wanted.dim()], 0.0))
            .collect();
        let mut unreduced: Vec<Vec<f32>> = vec![Vec::new(); wanted.len()];
        let keeps = self.tools.services.keeps_features();
        let mut to_read = examples.chunks(size);
        let read = |images: &mut Vec<f32>| -> Result<bool, GraftError> {
            let Some(block) = to_read.next() else {
                return Ok(false);
            };
            task.read(split, block, images)?;
            if keeps {
                task.note_entering(split, block, images);
            }
            Ok(true)
        };
        let mut blocks = examples.chunks(size).enumerate();
        let mut waiting = Instant::now();
        let take = |images: &mut Vec<f32>| {
            let waited = waiting.elapsed();
            let (index, block) =
                (blocks.next()).ok_or_else(|| out_of_order("more images than examples"))?;
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
            let took = pass.forward(self.tools.compute, images, &mut outputs)?;
            let each = wanted.iter().zip(&mut all).zip(&unreduced).zip(took);
            for (((wanted, (values, seconds)), unreduced), took) in each {
                let begun = Instant::now();
                if wanted.reduced() {
                    let out = wanted.of_block(values, index * size, block.len());
                    let reduction = wanted.id.cut.reduction;
                    reduce::apply(&wanted.activations, reduction, unreduced, out);
                }
                *seconds += (waited + took + begun.elapsed()).as_secs_f64();
            }
            way.done += block.len() as u64;
            self.tools.services.step(Progress {
                done: way.done,
                total: way.total,
                unit: "images",
                ..Progress::default()
            })?;
            waiting = Instant::now();
            Ok(())
        };
        match pass {
            Pass::Network(_) => read_ahead(read, take)?,
            Pass::Extractor(..) => read_in_turns(read, take)?,
        }
        Ok(all)
    }
}

impl Wanted {
    /// Length of one feature vector.
    fn dim(&self) -> usize {
        self.shape.iter().product()
    }

    fn reduced(&self) -> bool {
        !self.id.cut.reduction.is_none()
    }

    fn key(&self, images: &Images) -> FeatureKey {
        self.identity.key(&self.digest, self.dim(), images)
    }

    /// The vectors of `count` examples from the `first` on.
    fn of_block<'a>(&self, values: &'a mut [f32], first: usize, count: usize) -> &'a mut [f32] {
        &mut values[first * self.dim()..(first + count) * self.dim()]
    }
}
