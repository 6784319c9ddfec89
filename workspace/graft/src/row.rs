//! One row with one seed: fitted, with folds once for each, and tried on its test examples.

use std::collections::BTreeMap;

use topwork_engine::Network;
use topwork_measure::{PrincipalComponents, Truth};
use topwork_schema::Row;

use crate::{
    Fold, GraftError, Tools,
    backbone::Trunk,
    data::{Draw, SplitName, TaskExamples, passed},
    error::out_of_order,
    features::Features,
    joined::{Tested, joined, mean_scores},
    model::{self, Model},
    proof::Proof,
    strategies::{Fit, Fitted, Stock},
};

/// A row to be fitted and measured.
pub struct RowTask<'a> {
    /// What all tasks work with.
    pub tools: &'a Tools<'a>,
    /// The target.
    pub task: &'a TaskExamples,
    /// The target's further test sets.
    pub further: &'a [TaskExamples],
    /// The row.
    pub row: &'a Row,
    /// The seed.
    pub seed: u64,
    /// Its examples, fold by fold.
    pub draws: &'a [Draw],
    /// The features of its frozen trunk at each of its cuts, in their order; none where its trunk learns.
    pub features: &'a [&'a Features],
    /// The backbone with the source's weights, where it was trained.
    pub trained: Option<&'a Network>,
}

/// What a row makes. Its figures are computed from the scores and labels of the examples it was measured on.
pub struct MeasuredRow {
    /// The fits for all folds together; what was saved went to [`crate::Services::keep_model`].
    pub fitted: Fitted,
    /// The examples it was measured on, with their scores.
    pub tested: Tested,
    /// Their positions in the dataset's split.
    pub positions: Vec<u64>,
    /// What is true of them.
    pub truth: Truth,
    /// What tells these examples from others.
    pub test_set: String,
    /// Scores of all examples of each further test set: with folds the means of what was fitted for each.
    pub further: Vec<Vec<f32>>,
    /// Estimates of how well its features suit the target, by their ids: the means over the fits.
    pub transferability: BTreeMap<String, f64>,
    /// Training samples used; with folds the fewest that one fit has used.
    pub train_samples: u64,
    /// Wall-clock seconds that its features took.
    pub extract_seconds: f64,
}

impl RowTask<'_> {
    /// Does it.
    pub fn run(&self) -> Result<MeasuredRow, GraftError> {
        let strategy = self.tools.plan.strategy(self.row);
        let cuts = self.row.cuts();
        let has_pca = cuts.iter().any(|cut| cut.reduction.pca.is_some());
        let passed = passed(self.draws);
        let mut extract_seconds: f64 = self.features.iter().map(|all| all.cost(&passed)).sum();
        let mut scores = Vec::with_capacity(self.draws.len());
        let mut further: Vec<Vec<Vec<f32>>> = Vec::with_capacity(self.draws.len());
        let mut uncalibrated = Vec::with_capacity(self.draws.len());
        let ids = &self.tools.plan.experiment.target.transferability;
        let mut estimates: Vec<BTreeMap<String, f64>> = Vec::new();
        let mut fits = Vec::with_capacity(self.draws.len());
        for (fold, draw) in folds(self.draws) {
            if let Some(fold) = fold {
                self.tools.services.begin_fold(fold)?;
            }
            let fit = Fit {
                tools: self.tools,
                task: self.task,
                further: self.further,
                draw,
                seed: self.seed,
                row: self.row,
                strategy,
            };
            // Where features are brought to their principal components, these are the fit's own.
            let mut own: Vec<Option<(Features, PrincipalComponents)>> = Vec::new();
            for (cut, features) in cuts.iter().zip(self.features) {
                let principal = (cut.reduction.pca)
                    .map(|count| features.principal(draw, count))
                    .transpose()?;
                if let Some((principal, _)) = &principal {
                    extract_seconds += principal.cost(draw) - features.cost(draw);
                }
                own.push(principal);
            }
            let trunks: Vec<&Features> = (own.iter().zip(self.features))
                .map(|(own, shared)| own.as_ref().map_or(*shared, |(principal, _)| principal))
                .collect();
            let mut fitted = match trunks.is_empty() {
                false => fit.run(Stock::Features(&trunks))?,
                true => {
                    let (weights, cut) = (strategy.weights, &self.row.cut);
                    let trunk = (self.tools).trunk_with(self.seed, weights, self.trained, cut)?;
                    fit.run(Stock::Trunk(Box::new(trunk), cut))?
                }
            };
            self.stayed_frozen(fitted.proof.as_ref())?;
            let chosen = (strategy.select.as_ref().zip(fitted.selected.first()))
                .map(|(select, fit)| select.candidates(&self.row.among).swap_remove(fit.chosen));
            let at = chosen.as_ref().and_then(|chosen| chosen.cut.as_ref());
            let at = at.and_then(|at| cuts.iter().position(|cut| cut == at));
            let at = at.unwrap_or_default();
            if let Some(features) = trunks.get(at) {
                estimates.push(features.estimates(ids, self.task, &draw.train));
            }
            let mut parts = std::mem::take(&mut fitted.saved);
            let components = own.get(at).and_then(Option::as_ref);
            let components = components.map(|(_, basis)| model::components(basis));
            parts.extend(components.transpose()?);
            let input = self.task.image_shape();
            let mut model = Model::of(
                self.tools.plan,
                (self.row, &cuts[at]),
                self.seed,
                fold,
                input,
            );
            model.frozen = fitted.proof.as_ref().map(|proof| proof.before.clone());
            model.trunk = (trunks.get(at)).and_then(|features| match &*features.trunk {
                Trunk::Network(_) => Some(features.digest.clone()),
                Trunk::Extractor(..) => None,
            });
            model
                .head
                .parameters
                .extend(chosen.into_iter().flat_map(|chosen| chosen.head));
            model.temperature = fitted.temperatures.first().copied();
            parts.push(model.describing(&parts)?);
            self.tools.services.keep_model(fold, parts)?;
            scores.push(std::mem::take(&mut fitted.scores));
            further.push(std::mem::take(&mut fitted.further));
            if let Some(of_fold) = &mut fitted.uncalibrated {
                uncalibrated.push(std::mem::take(&mut of_fold.scores));
            }
            fits.push(fitted);
        }
        // Folds may have chosen different trunks.
        let fitted = joined(fits, has_pca || cuts.len() > 1);
        let mut fitted = fitted.ok_or_else(|| out_of_order("the row has no examples"))?;
        self.stayed_frozen(fitted.proof.as_ref())?;
        let tested = Tested::new(self.draws, scores, self.task.classes);
        if let Some(all) = &mut fitted.uncalibrated {
            all.scores = Tested::new(self.draws, uncalibrated, self.task.classes).scores;
        }
        let measured = self.task.measured();
        let of_test = |test: usize| {
            let of_fits = further.iter_mut().map(|fit| std::mem::take(&mut fit[test]));
            mean_scores(&of_fits.collect::<Vec<_>>())
        };
        Ok(MeasuredRow {
            transferability: means(&estimates),
            further: (0..self.further.len()).map(of_test).collect(),
            fitted,
            positions: (tested.examples.iter())
                .map(|&example| measured.positions[example])
                .collect(),
            truth: measured.targets().of(&tested.examples),
            test_set: self.task.digest(SplitName::Test, &tested.examples)?,
            tested,
            train_samples: (self.draws.iter().map(|draw| draw.train.len() as u64))
                .min()
                .unwrap_or(0),
            extract_seconds,
        })
    }

    /// Fails when what was frozen did not stay as it was.
    fn stayed_frozen(&self, proof: Option<&Proof>) -> Result<(), GraftError> {
        let Some(changed) = proof.filter(|proof| !proof.holds()) else {
            return Ok(());
        };
        let Proof { before, after, .. } = changed.clone();
        let strategy = self.tools.plan.title(self.row);
        Err(GraftError::FrozenChanged {
            strategy,
            before,
            after,
        })
    }
}

/// The mean of each estimate that all fits have.
fn means(fits: &[BTreeMap<String, f64>]) -> BTreeMap<String, f64> {
    let ids = fits.first().into_iter().flat_map(BTreeMap::keys);
    let mean = |id: &String| {
        let values: Option<Vec<f64>> = fits.iter().map(|fit| fit.get(id).copied()).collect();
        let values = values?;
        Some((id.clone(), values.iter().sum::<f64>() / values.len() as f64))
    };
    ids.filter_map(mean).collect()
}

/// The draws of a row with the fold that each leaves out; none where there is but one draw.
fn folds(draws: &[Draw]) -> impl Iterator<Item = (Option<Fold>, &Draw)> {
    let of = u32::try_from(draws.len()).unwrap_or(u32::MAX);
    (1..).zip(draws).map(move |(number, draw)| {
        let fold = Fold { number, of };
        ((of > 1).then_some(fold), draw)
    })
}
