//! Hyper-parameters chosen on training examples: every candidate is fitted to some of them and judged on the others, the best is
//! then fitted to all. Test examples have no part in it.

use std::time::Instant;

use serde_json::Value;
use topwork_engine::{Part, Stream};
use topwork_host::{Classifier, FitOptions, Level, Scores};
use topwork_measure::{Figure, ScoresFor, Targets, Truth};
use topwork_schema::{Candidate, Component, Select, SelectOn, Strategy};

use super::{Fit, Fitted, Stock, calibrated::held_out, scores_of};
use crate::{
    GraftError,
    data::{folds, hold_out},
    error::out_of_order,
    features::Features,
    heads::{FittedHead, Learning},
    network::{head_blueprint, initialised},
    services::Quiet,
    training::Training,
};

/// What one fit has chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// The candidate, a place in [`Select::candidates`].
    pub chosen: usize,
    /// The training examples that candidates were judged on, split by split.
    pub judged_on: Vec<usize>,
    /// The figure of every candidate; `None` where it has none.
    pub figures: Vec<Option<f64>>,
    /// Candidates some fit of which ended before it converged, ascending.
    pub unconverged: Vec<usize>,
}

/// Training examples to fit candidates to, and those to judge them on; both ascending.
type Split = (Vec<usize>, Vec<usize>);

/// The candidates at one cut, with its features.
struct AtCut<'a> {
    /// The place of the first among all candidates.
    first: usize,
    candidates: &'a [Candidate],
    trunk: &'a Features,
}

/// What the candidates come to.
struct Tried {
    /// Of each its scores, split by split, and what they are; `None` when it could not be fitted.
    scores: Vec<Option<(Vec<f32>, Scores)>>,
    unconverged: Vec<bool>,
    /// Why the first that could not be fitted could not.
    problem: Option<GraftError>,
    /// Fits done, and all there are to do.
    done: usize,
    of: usize,
}

impl Fit<'_> {
    /// Chooses, and fits what is chosen to all training examples.
    pub(super) fn selected(
        &self,
        select: &Select,
        trunks: &[&Features],
    ) -> Result<Fitted, GraftError> {
        let begun = Instant::now();
        let candidates = select.candidates(&self.row.among);
        // The cut is what changes slowest.
        let of_each = candidates.len() / trunks.len().max(1);
        let at_cuts: Vec<AtCut<'_>> = (candidates.chunks(of_each.max(1)).zip(trunks).enumerate())
            .map(|(cut, (candidates, trunk))| AtCut {
                first: cut * of_each,
                candidates,
                trunk,
            })
            .collect();
        let chosen = self.choose(select, candidates.len(), &at_cuts)?;
        let seconds = begun.elapsed().as_secs_f64();
        let strategy = self.candidate(&candidates[chosen.chosen])?;
        let fit = Fit {
            strategy: &strategy,
            ..*self
        };
        let cut = at_cuts.iter().rfind(|cut| cut.first <= chosen.chosen);
        let trunk = cut
            .ok_or_else(|| out_of_order("what was chosen is at no cut"))?
            .trunk;
        let mut fitted = fit.fitted(Stock::Features(&[trunk]))?;
        fitted.fit_seconds += seconds;
        fitted.selected = vec![chosen];
        Ok(fitted)
    }

    fn choose(
        &self,
        select: &Select,
        candidates: usize,
        at_cuts: &[AtCut<'_>],
    ) -> Result<Chosen, GraftError> {
        let splits = self.splits(select.on)?;
        let mut tried = Tried {
            scores: vec![Some((Vec::new(), Scores::default())); candidates],
            unconverged: vec![false; candidates],
            problem: None,
            done: 0,
            of: candidates * splits.len(),
        };
        self.tools.services.candidates(0, tried.of as u64)?;
        for split in &splits {
            for at_cut in at_cuts {
                match self.strategy.kind.fits_a_classifier() {
                    true => self.try_classifiers(select, at_cut, split, &mut tried)?,
                    false => self.try_networks(at_cut, split, &mut tried)?,
                }
            }
        }
        let judged: Vec<usize> = splits.iter().flat_map(|(_, held)| held).copied().collect();
        let figure = Figure::named(&select.by)
            .ok_or_else(|| out_of_order("`select.by` is no figure there is"))?;
        let truth = self.task.train.targets().of(&judged);
        let figures: Vec<Option<f64>> = (tried.scores.iter())
            .map(|of| {
                let (scores, are) = of.as_ref()?;
                ScoresFor::new(*are, scores, self.task.classes).value(figure, truth.targets())
            })
            .collect();
        let Some(chosen) = best(figure, &figures) else {
            return Err(tried.problem.unwrap_or_else(|| GraftError::Experiment {
                message: format!(
                    "`select` of strategy `{}`: no candidate has the figure `{}` on the {} training examples it is judged on",
                    self.strategy.name,
                    figure.id,
                    judged.len()
                ),
                hint: Some(format!(
                    "the head's scores do not give it, or it is not defined for these {}; `by = \"{}\"` is always given",
                    self.task.targets.word(),
                    self.task.targets.ranks().id
                )),
            }));
        };
        if let Some(problem) = tried.problem {
            let failed = tried
                .scores
                .iter()
                .filter(|scores| scores.is_none())
                .count();
            let text = format!(
                "{failed} of {candidates} candidates of `{}` could not be fitted, the first because {problem}",
                self.strategy.name
            );
            (self.tools.services).log(Level::Warning, "topwork", text)?;
        }
        let unconverged = tried.unconverged.iter().enumerate();
        Ok(Chosen {
            chosen,
            judged_on: judged,
            figures,
            unconverged: unconverged
                .filter_map(|(index, ended)| ended.then_some(index))
                .collect(),
        })
    }

    /// The classifiers of all candidates at a cut.
    fn try_classifiers(
        &self,
        select: &Select,
        &AtCut {
            first,
            candidates,
            trunk,
        }: &AtCut<'_>,
        (learnt, held): &Split,
        tried: &mut Tried,
    ) -> Result<(), GraftError> {
        let (mut features, mut asked) = (Vec::new(), Vec::new());
        trunk.train.gather(learnt, &mut features);
        trunk.train.gather(held, &mut asked);
        let data = Learnt {
            features: &features,
            truth: self.task.train.targets().of(learnt),
            dim: trunk.dim,
        };
        for (parameter, group) in grouped(select, candidates) {
            let heads: Vec<Component> = (group.iter())
                .map(|&index| Ok(self.candidate(&candidates[index])?.head))
                .collect::<Result<_, GraftError>>()?;
            self.fit_several(&heads, parameter, &data, |place, fitted| {
                let index = first + group[place];
                match fitted {
                    Ok((head, converged)) => {
                        let classes = self.task.classes;
                        let scores = head.predict(&asked, held.len(), trunk.dim, classes)?;
                        tried.put(index, scores, head.scores_are());
                        tried.unconverged[index] |= !converged;
                    }
                    Err(error) => tried.failed(index, error),
                }
                self.tell(tried)
            })?;
        }
        Ok(())
    }

    /// Fits a classifier for each of these heads, which differ in one parameter, and shows each as soon as it is fitted, with its
    /// place among them and whether it converged.
    fn fit_several(
        &self,
        heads: &[Component],
        parameter: Option<&str>,
        data: &Learnt<'_>,
        mut each: impl FnMut(usize, Result<(FittedHead, bool), GraftError>) -> Result<(), GraftError>,
    ) -> Result<(), GraftError> {
        let options = FitOptions {
            seed: self.seed,
            threads: self.tools.compute.threads(),
        };
        if let [first, _, ..] = heads
            && let Targets::Classes(labels) = data.truth.targets()
            && let Some(parameter) = parameter
            && let Some(path) = self.path(first, parameter)
        {
            let values: Vec<Value> = (heads.iter())
                .filter_map(|head| head.parameters.get(parameter).cloned())
                .collect();
            let fitted = path.fit_path(
                parameter,
                &values,
                data.features,
                labels.len(),
                data.dim,
                labels,
                self.task.classes,
                options,
            );
            match fitted.map_err(GraftError::from) {
                Ok(all) => {
                    for (place, fitted) in all.into_iter().enumerate() {
                        let converged = fitted.fit.report.converged != Some(false);
                        let head = FittedHead::Whole(Box::new(fitted.classifier));
                        each(place, Ok((head, converged)))?;
                    }
                    return Ok(());
                }
                Err(error) if error.is_stop() => return Err(error),
                // One value that cannot be fitted is no reason to give up the others: each is tried by itself.
                Err(_) => {}
            }
        }
        for (place, head) in heads.iter().enumerate() {
            self.tools.services.check_stop()?;
            let learning = Learning {
                plugins: self.tools.plugins,
                head,
                features: data.features,
                dim: data.dim,
                targets: data.truth.targets(),
                names: &self.task.names,
                options,
            };
            let fitted = learning.fit(|_| Ok(self.tools.services.check_stop()?));
            match fitted {
                Ok((head, fit)) => each(place, Ok((head, fit.report.converged != Some(false))))?,
                Err(error) if error.is_stop() => return Err(error),
                Err(error) => each(place, Err(error))?,
            }
        }
        Ok(())
    }

    /// The head, where it can be fitted for several values of this parameter at once.
    fn path(&self, head: &Component, parameter: &str) -> Option<Classifier> {
        let parameters = head.parameters.clone();
        let made = (self.tools.plugins).classifier(&head.component, &parameters.into());
        made.ok().filter(|head| {
            head.path_parameters()
                .iter()
                .any(|known| known == parameter)
        })
    }

    /// The network heads of all candidates at a cut, from the same weights and in the same order of examples as the head that is measured.
    fn try_networks(
        &self,
        &AtCut {
            first,
            candidates,
            trunk,
        }: &AtCut<'_>,
        (learnt, held): &Split,
        tried: &mut Tried,
    ) -> Result<(), GraftError> {
        let quiet = Quiet(self.tools.services);
        for (index, candidate) in (first..).zip(candidates) {
            let strategy = self.candidate(candidate)?;
            let fit = Fit {
                strategy: &strategy,
                ..*self
            };
            let scores = || {
                let (plugins, classes) = (self.tools.plugins, self.task.classes);
                let blueprint = head_blueprint(plugins, &strategy.head, &trunk.shape, classes)?;
                let head = initialised(&blueprint, self.seed, "head");
                let training = Training {
                    services: &quiet,
                    examples: learnt,
                    ..fit.training(fit.train_settings()?, &trunk.train, None)
                };
                let trained = training.run(vec![Part::trained(head)])?;
                let networks = fit.in_unit(trained.networks, trained.standardised)?;
                fit.scores(&networks, &trunk.train, held)
            };
            match scores() {
                Ok(scores) => tried.put(index, scores, scores_of(self.task.targets)),
                // A rate too high for any training to stay finite is a bad candidate, and no more.
                Err(error @ (GraftError::Engine { .. } | GraftError::Host(_)))
                    if !error.is_stop() =>
                {
                    tried.failed(index, error);
                }
                Err(error) => return Err(error),
            }
            self.tell(tried)?;
        }
        Ok(())
    }

    fn tell(&self, tried: &mut Tried) -> Result<(), GraftError> {
        tried.done += 1;
        Ok((self.tools.services).candidates(tried.done as u64, tried.of as u64)?)
    }

    fn candidate(&self, candidate: &Candidate) -> Result<Strategy, GraftError> {
        let strategy = self.strategy.with(candidate);
        strategy.ok_or_else(|| out_of_order("a candidate has values that no check lets through"))
    }

    /// How the training examples are split: the same for every strategy that learns from the same ones.
    fn splits(&self, on: SelectOn) -> Result<Vec<Split>, GraftError> {
        let targets = (self.task.train.targets(), self.task.groups());
        let splits = splits(on, targets, &self.draw.train, self.task.classes, self.seed);
        splits.map_err(|problem| GraftError::Experiment {
            message: format!("`select` of strategy `{}`: {problem}", self.strategy.name),
            hint: Some("train on more samples, or leave `select` out".to_owned()),
        })
    }
}

/// What classifiers are fitted to.
struct Learnt<'a> {
    /// `samples × dim`.
    features: &'a [f32],
    /// What is true of the samples.
    truth: Truth,
    dim: usize,
}

impl Tried {
    fn put(&mut self, index: usize, scores: Vec<f32>, are: Scores) {
        if let Some((all, known)) = &mut self.scores[index] {
            // What scores are is promised of all splits or of none.
            *known = match all.is_empty() {
                true => are,
                false => known.and(are),
            };
            all.extend(scores);
        }
    }

    fn failed(&mut self, index: usize, error: GraftError) {
        self.scores[index] = None;
        self.problem.get_or_insert(error);
    }
}

/// The first of the candidates with the best figure.
fn best(figure: &Figure, figures: &[Option<f64>]) -> Option<usize> {
    let known = (figures.iter().enumerate()).filter_map(|(index, value)| Some((index, (*value)?)));
    known
        .min_by(|a, b| figure.better.order(a.1, b.1))
        .map(|(index, _)| index)
}

/// The candidates that differ in one parameter of the head alone, that with the most values, in the order of these; each by itself
/// where no parameters of the head are chosen.
fn grouped<'s>(select: &'s Select, candidates: &[Candidate]) -> Vec<(Option<&'s str>, Vec<usize>)> {
    let lists = &select.head.0;
    let longest = lists.iter().map(|(_, values)| values.len()).max();
    let Some((parameter, _)) = (lists.iter()).find(|(_, values)| Some(values.len()) == longest)
    else {
        return (0..candidates.len())
            .map(|index| (None, vec![index]))
            .collect();
    };
    let mut groups: Vec<(Candidate, Vec<usize>)> = Vec::new();
    for (index, candidate) in candidates.iter().enumerate() {
        let mut rest = candidate.clone();
        rest.head.shift_remove(parameter);
        match groups.iter_mut().find(|(known, _)| *known == rest) {
            Some((_, group)) => group.push(index),
            None => groups.push((rest, vec![index])),
        }
    }
    let groups = groups.into_iter();
    groups
        .map(|(_, group)| (Some(parameter.as_str()), group))
        .collect()
}

/// Splits training examples, ascending; else what is in the way.
fn splits(
    on: SelectOn,
    (targets, groups): (Targets<'_>, Option<&[u32]>),
    examples: &[usize],
    classes: usize,
    seed: u64,
) -> Result<Vec<Split>, String> {
    let without = |held: &[usize]| -> Vec<usize> {
        let others = examples.iter().copied();
        others
            .filter(|example| held.binary_search(example).is_err())
            .collect()
    };
    match on {
        SelectOn::Holdout(share) => {
            let mut stream = Stream::new(seed, "select/holdout");
            let (learnt, held) = match (targets, groups) {
                // At least one of every class.
                (Targets::Classes(labels), None) => {
                    held_out(labels, examples, classes, share, &mut stream)
                }
                _ => hold_out((targets, groups), examples, classes, share, &mut stream),
            };
            match (held.is_empty(), learnt.is_empty()) {
                (true, _) => Err(format!(
                    "none of the {} training examples can be held out: {}, or all are of one group",
                    examples.len(),
                    match targets {
                        Targets::Classes(_) => "no class has two",
                        Targets::Numbers(_) | Targets::Multilabel(_) => "there are too few",
                    }
                )),
                (_, true) => Err("no training example is left to learn from".to_owned()),
                _ => Ok(vec![(learnt, held)]),
            }
        }
        SelectOn::Folds(count) => {
            let mut stream = Stream::new(seed, "select/folds");
            let groups: Option<Vec<u32>> =
                groups.map(|groups| examples.iter().map(|&example| groups[example]).collect());
            let own = targets.of(examples);
            let groups = groups.as_deref();
            let cut = folds::of_targets(own.targets(), classes, groups, count, &mut stream);
            if cut.iter().any(Vec::is_empty) {
                return Err(format!(
                    "{count} folds of {} training examples: one is empty",
                    examples.len()
                ));
            }
            let split = |fold: Vec<usize>| {
                let held: Vec<usize> = fold.into_iter().map(|place| examples[place]).collect();
                (without(&held), held)
            };
            Ok(cut.into_iter().map(split).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use topwork_schema::Lists;

    use super::*;

    #[test]
    fn of_equals_the_first_is_chosen() {
        let check = |figure: &str, figures: &[Option<f64>], expected: Option<usize>| {
            let found = best(Figure::named(figure).unwrap(), figures);
            assert_eq!(found, expected, "{figure} {figures:?}");
        };
        check("accuracy", &[Some(0.5), Some(0.9), Some(0.9)], Some(1));
        check("accuracy", &[None, Some(0.1), None], Some(1));
        check("log-loss", &[Some(0.5), Some(0.2), Some(0.2)], Some(1));
        check("log-loss", &[Some(0.2), None, Some(0.2)], Some(0));
        check("accuracy", &[None, None], None);
        check("accuracy", &[], None);
    }

    #[test]
    fn candidates_are_grouped_along_the_longest_list() {
        let select = |head| Select {
            on: SelectOn::Holdout(0.1),
            by: "accuracy".into(),
            cuts: Vec::new(),
            head: serde_json::from_value::<Lists>(head).unwrap(),
            train: Lists::default(),
        };
        let check = |head, parameter: Option<&str>, expected: &[&[usize]]| {
            let select = select(head);
            let found = grouped(&select, &select.candidates(&[]));
            assert!(found.iter().all(|(of, _)| *of == parameter));
            let groups: Vec<&[usize]> = found.iter().map(|(_, group)| group.as_slice()).collect();
            assert_eq!(groups, expected);
        };
        check(json!({ "l2": [1, 2, 3] }), Some("l2"), &[&[0, 1, 2]]);
        check(json!({}), None, &[&[0]]);
        check(
            json!({ "l2": [1, 2, 3], "scale": ["a", "b"] }),
            Some("l2"),
            &[&[0, 2, 4], &[1, 3, 5]],
        );
        check(
            json!({ "scale": ["a", "b"], "l2": [1, 2, 3] }),
            Some("l2"),
            &[&[0, 1, 2], &[3, 4, 5]],
        );
    }

    #[test]
    fn what_cannot_be_split_is_said() {
        let check = |on, labels: &[u32], groups: Option<&[u32]>, expected: &str| {
            let examples: Vec<usize> = (0..labels.len()).collect();
            let targets = Targets::Classes(labels);
            let found = splits(on, (targets, groups), &examples, 3, 1).unwrap_err();
            assert!(found.contains(expected), "{found}");
        };
        check(SelectOn::Holdout(0.1), &[0, 1, 2], None, "no class has two");
        let one_group: &[u32] = &[0, 0, 0, 0];
        check(
            SelectOn::Holdout(0.5),
            &[0, 0, 1, 1],
            Some(one_group),
            "all are of one group",
        );
        check(SelectOn::Folds(5), &[0, 1, 2], None, "one is empty");
    }

    proptest! {
        #[test]
        fn splits_are_of_the_training_examples_alone(
            members in prop::collection::vec((0_u32..3, 0_u32..12), 30..120),
            share in 0.05_f64..0.6,
            count in 2_usize..6,
            with_groups: bool,
            seed: u64,
        ) {
            let (labels, groups): (Vec<u32>, Vec<u32>) = members.into_iter().unzip();
            let examples: Vec<usize> = (0..labels.len()).filter(|example| example % 4 != 3).collect();
            let groups = with_groups.then_some(groups.as_slice());
            for on in [SelectOn::Holdout(share), SelectOn::Folds(count)] {
                let of = |seed| splits(on, (Targets::Classes(&labels), groups), &examples, 3, seed);
                let Ok(found) = of(seed) else { continue };
                prop_assert_eq!(Ok(found.clone()), of(seed));
                for (learnt, held) in &found {
                    let mut both = [learnt.as_slice(), held].concat();
                    both.sort_unstable();
                    prop_assert_eq!(&both, &examples);
                    prop_assert!(learnt.is_sorted() && held.is_sorted());
                    if let Some(groups) = groups {
                        prop_assert!(!learnt.iter().any(|a| held.iter().any(|b| groups[*a] == groups[*b])));
                    }
                }
                if let SelectOn::Folds(_) = on {
                    let mut all: Vec<usize> = found.into_iter().flat_map(|(_, held)| held).collect();
                    all.sort_unstable();
                    prop_assert_eq!(&all, &examples);
                }
            }
        }
    }
}
