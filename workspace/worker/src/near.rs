//! Near duplicates: examples that are measured and whose features are nearly those of an example that is
//! learnt from.

use topwork_events::{Copy, LogLevel, Near};
use topwork_graft::{
    Features, NearFound, NearPair, Services,
    data::{Draw, SplitName},
    near,
};
use topwork_measure::{percent, thousands};
use topwork_schema::Start;
use topwork_tasks::TrunkId;

use crate::{WorkerError, execute::Execution};

/// Of so many pairs both examples are named in the results.
const MOST_PAIRS: usize = 1000;

/// Of so many in a sentence.
const NAMED: usize = 3;

impl Execution<'_> {
    /// Looks for near duplicates where the features say most about images: with the first seed, at the last cut
    /// that any row has on weights that were learnt. Identical images are left to the comparison of images.
    pub fn compare_features(
        &self,
        seed: u64,
        trunk: &TrunkId,
        features: &Features,
    ) -> Result<(), WorkerError> {
        let known = self.emitter.look(|state| state.remarked.near.is_some());
        let first = self.plan.experiment.seeds.first() == Some(&seed);
        if known || !first || self.last_trunk().as_ref() != Some(trunk) {
            return Ok(());
        }
        let task = self.target()?;
        let measured_in = match task.folds() {
            Some(_) => SplitName::Train,
            None => SplitName::Test,
        };
        let (shown, learnt) = (task.content(measured_in)?, task.content(SplitName::Train)?);
        let folds = self.seed.draws.first().filter(|draws| draws.len() > 1);
        let fold_of = folds.map(|draws| fold_of_each(draws, task.train.positions.len()));
        let counts = |a: usize, b: usize| {
            let elsewhere = (fold_of.as_ref()).is_none_or(|fold_of| fold_of[a] != fold_of[b]);
            elsewhere && shown[a] != learnt[b]
        };
        let found = near(features.tested(), &features.train, counts, || {
            Ok(self.conductor.check_stop()?)
        })?;
        let cut = &trunk.cut.name;
        let pairs = match found {
            NearFound::Pairs(pairs) => pairs,
            NearFound::Ordinary => {
                let text = format!(
                    "near duplicates cannot be told by the features at `{cut}`: those of most images \
                     are nearly the same"
                );
                return self.conductor.note(LogLevel::Info, text);
            }
            NearFound::TooMany => {
                let text = format!(
                    "near duplicates were not looked for by the features at `{cut}`: that would take \
                     long with so many"
                );
                return self.conductor.note(LogLevel::Info, text);
            }
        };
        if pairs.is_empty() {
            return Ok(());
        }
        let copy = |split: SplitName, example: usize| {
            let examples = task.examples(split);
            Copy {
                split: split.name().to_owned(),
                position: examples.positions[example],
                class: task.told(split, example),
            }
        };
        let named = |pair: &NearPair| {
            [
                copy(measured_in, pair.measured),
                copy(SplitName::Train, pair.learnt),
            ]
        };
        let near = Near {
            cut: cut.clone(),
            folds: fold_of.is_some(),
            examples: pairs.len() as u64,
            of: features.tested().examples.len() as u64,
            pairs: pairs.iter().take(MOST_PAIRS).map(named).collect(),
        };
        let mut remarked = self.emitter.look(|state| state.remarked.clone());
        remarked.remarks.push(sentence(&near));
        remarked.near = Some(near);
        self.remark(remarked)
    }

    /// The trunk with the most layers among those whose features rows work on and whose weights were learnt.
    fn last_trunk(&self) -> Option<TrunkId> {
        let rows = self.plan.rows.iter();
        let trunks = rows.flat_map(|row| TrunkId::of(self.plan, row));
        let mut learnt = trunks.filter(|trunk| trunk.weights == Start::Source);
        let first = learnt.next()?;
        Some(learnt.fold(first, |last, trunk| {
            match trunk.cut.layers > last.cut.layers {
                true => trunk,
                false => last,
            }
        }))
    }
}

/// The fold that each example is measured in.
fn fold_of_each(draws: &[Draw], examples: usize) -> Vec<usize> {
    let mut fold_of = vec![0; examples];
    for (fold, draw) in draws.iter().enumerate() {
        for example in &draw.test {
            fold_of[*example] = fold;
        }
    }
    fold_of
}

/// What near duplicates come to.
pub fn sentence(near: &Near) -> String {
    let examples = match near.folds {
        true => "examples",
        false => "test examples",
    };
    let other = match near.folds {
        true => "an example of another fold",
        false => "a training example",
    };
    let have = if near.examples == 1 { "has" } else { "have" };
    let mut named: Vec<String> = (near.pairs.iter().take(NAMED))
        .map(|pair| {
            let [measured, learnt] = pair
                .each_ref()
                .map(|copy| format!("{} {} `{}`", copy.split, copy.position, copy.class));
            format!("{measured} ~ {learnt}")
        })
        .collect();
    if near.examples > named.len() as u64 {
        named.push("…".to_owned());
    }
    format!(
        "{} of {} {examples} ({}) {have} nearly the same features at `{}` as {other} (cosine above 0.999) and \
         may be near duplicates: {}",
        thousands(near.examples),
        thousands(near.of),
        percent(near.examples as f64 / near.of.max(1) as f64),
        near.cut,
        named.join(", ")
    )
}
