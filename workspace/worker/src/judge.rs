//! How sure figures are that have no closed form: the test examples are resampled, the same way for
//! every row measured on them.

use std::collections::{BTreeMap, HashMap};

use topwork_events::{Event, Key, Outcome, Resampled, RunPlan};
use topwork_measure::{
    Estimate, Figure, Resamples, Scores, ScoresFor, Statistic, TargetKind, Truth,
    bootstrap_difference,
};
use topwork_results::Families;

use crate::{
    WorkerError,
    execute::Execution,
    predictions::{columns_of, scores_of},
};

/// The seed of the draws: the same for every run, so that equal predictions have equal intervals.
const SEED: u64 = 0;

/// Statistics that are taken of the same draws at once: those of a thousand rows have no room beside
/// each other.
const TOGETHER: usize = 64;

/// What figures come to on every resample, by row, seed and figure.
pub type Replicates = HashMap<(usize, u64, &'static str), Vec<f64>>;

impl Execution<'_> {
    /// Says how sure the figures shown are, of all rows that are measured by now, and the
    /// differences of the rows that are set against each other. Called when a seed is done: all its
    /// rows are drawn for at once.
    pub fn judge(&mut self) -> Result<(), WorkerError> {
        if self.share.has_others() {
            // Whoever ends the run does it once, for all of them.
            return Ok(());
        }
        let (plan, outcomes) = self.emitter.look(|state| {
            let outcomes: Vec<Outcome> = state.outcomes.iter().cloned().collect();
            (state.plan.clone(), outcomes)
        });
        let Some(plan) = plan else {
            return Ok(());
        };
        let mut groups: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
        for outcome in &outcomes {
            groups.entry(&outcome.test_set).or_default().push(outcome);
        }
        for outcomes in groups.values() {
            let figures: Vec<&'static Figure> = (outcomes.first())
                .map(|first| self.judging.shown(&first.confusion.of_classes()))
                .unwrap_or_default()
                .into_iter()
                .filter(|figure| figure.bits.is_none())
                .collect();
            if !figures.is_empty() {
                self.resample(outcomes, &figures)?;
                self.tell(&plan, outcomes, &figures)?;
            }
        }
        Ok(())
    }

    /// Takes the figures on every resample of the test examples that these outcomes have in common,
    /// where that was not done before.
    fn resample(
        &mut self,
        outcomes: &[&Outcome],
        figures: &[&'static Figure],
    ) -> Result<(), WorkerError> {
        let mut resamples = None;
        let mut waiting: Vec<((usize, u64, &'static str), Statistic)> = Vec::new();
        for outcome in outcomes {
            let key = |figure: &Figure| (outcome.row, outcome.seed, figure.id);
            let wanted: Vec<&'static Figure> = (figures.iter().copied())
                .filter(|figure| outcome.figures.contains_key(figure.id))
                .filter(|figure| !self.replicates.contains_key(&key(figure)))
                .collect();
            let Some(row) = self
                .plan
                .rows
                .get(outcome.row)
                .filter(|_| !wanted.is_empty())
            else {
                continue;
            };
            let title = self.plan.title(row);
            let path = (self.folder).predictions_path(outcome.row, &title, outcome.seed);
            let bytes = std::fs::read(path).unwrap_or_default();
            // A file that has not all scores, or is not there any more, leaves its row without.
            let classes = &self.plan.target_classes;
            let are = outcome.scores.unwrap_or(Scores::Ranking);
            let read = match self.plan.targets {
                TargetKind::Classes => scores_of(&bytes, classes)
                    .map(|(labels, scores)| (Truth::Classes(labels), scores)),
                TargetKind::Numbers | TargetKind::Multilabel => columns_of(&bytes, classes, are),
            };
            let Some((truth, scores)) = read else {
                continue;
            };
            let truth = truth.targets();
            let scores = ScoresFor::new(are, &scores, classes.len());
            for figure in wanted {
                let statistic = scores.statistic(figure, truth);
                waiting.extend(statistic.map(|statistic| (key(figure), statistic)));
            }
            let draws =
                resamples.get_or_insert_with(|| Resamples::new(&truth.strata_of_resamples(), SEED));
            if waiting.len() >= TOGETHER {
                self.take(draws, &mut waiting)?;
            }
        }
        match resamples {
            Some(draws) => self.take(&draws, &mut waiting),
            None => Ok(()),
        }
    }

    fn take(
        &mut self,
        draws: &Resamples,
        waiting: &mut Vec<((usize, u64, &'static str), Statistic)>,
    ) -> Result<(), WorkerError> {
        self.emitter.check_stop()?;
        let (keys, statistics): (Vec<_>, Vec<_>) = waiting.drain(..).unzip();
        let taken = draws.replicates(&statistics).unwrap_or_default();
        self.replicates.extend(keys.into_iter().zip(taken));
        Ok(())
    }

    fn tell(
        &self,
        plan: &RunPlan,
        outcomes: &[&Outcome],
        figures: &[&'static Figure],
    ) -> Result<(), WorkerError> {
        let mut rows: BTreeMap<usize, Vec<&Outcome>> = BTreeMap::new();
        for outcome in outcomes {
            rows.entry(outcome.row).or_default().push(outcome);
        }
        let families = Families::of(plan);
        for (row, of_row) in &mut rows {
            of_row.sort_by_key(|outcome| outcome.seed);
            for figure in figures {
                self.tell_of(*row, None, figure, self.mean(of_row, figure))?;
            }
        }
        let ranked_by = self.judging.ranked_by();
        if ranked_by.bits.is_some() {
            return Ok(());
        }
        for (row, of_row) in &rows {
            for other in families.with(*row) {
                if let Some(of_other) = rows.get(&other).filter(|_| other > *row) {
                    let difference = self.difference(of_row, of_other, ranked_by);
                    self.tell_of(*row, Some(other), ranked_by, difference)?;
                }
            }
        }
        Ok(())
    }

    fn tell_of(
        &self,
        row: usize,
        against: Option<usize>,
        figure: &Figure,
        estimate: Option<(u64, Estimate)>,
    ) -> Result<(), WorkerError> {
        let Some((seeds, estimate)) = estimate else {
            return Ok(());
        };
        let resampled = Resampled {
            row,
            against,
            figure: figure.id.to_owned(),
            seeds,
            estimate,
        };
        let key = resampled.key();
        let known = (self.emitter).look(|state| state.resampled.get(&key) == Some(&resampled));
        match known {
            true => Ok(()),
            false => Ok(self.emitter.emit(Event::Resampled(resampled))?),
        }
    }

    /// A figure's mean over the seeds of a row, and how many they are.
    fn mean(&self, of_row: &[&Outcome], figure: &Figure) -> Option<(u64, Estimate)> {
        let (values, replicates) = self.of_seeds(of_row, figure)?;
        let examples = usize::try_from(of_row.first()?.total).ok()?;
        let estimate = figure.bootstrap_mean(&values, &replicates, examples)?;
        Some((values.len() as u64, estimate))
    }

    /// How much more one row has of a figure than another, over the seeds that both have.
    fn difference(
        &self,
        a: &[&Outcome],
        b: &[&Outcome],
        figure: &Figure,
    ) -> Option<(u64, Estimate)> {
        let (a, b) = (shared(a, b), shared(b, a));
        let examples = usize::try_from(a.first()?.total).ok()?;
        let (of_a, of_b) = (self.of_seeds(&a, figure)?, self.of_seeds(&b, figure)?);
        let estimate = bootstrap_difference((&of_a.0, &of_a.1), (&of_b.0, &of_b.1), examples)?;
        Some((a.len() as u64, estimate))
    }

    /// Values and replicates of every seed; `None` where one has none.
    fn of_seeds(
        &self,
        outcomes: &[&Outcome],
        figure: &Figure,
    ) -> Option<(Vec<f64>, Vec<&Vec<f64>>)> {
        let of_seed = |outcome: &&Outcome| {
            let value = outcome.figures.get(figure.id).copied()?;
            let key = (outcome.row, outcome.seed, figure.id);
            Some((value, self.replicates.get(&key)?))
        };
        let all: Vec<(f64, &Vec<f64>)> = outcomes.iter().map(of_seed).collect::<Option<_>>()?;
        (!all.is_empty()).then(|| all.into_iter().unzip())
    }
}

/// The outcomes of a row with seeds that another row has, too.
fn shared<'a>(of: &[&'a Outcome], other: &[&Outcome]) -> Vec<&'a Outcome> {
    let has = |outcome: &&&Outcome| other.iter().any(|o| o.seed == outcome.seed);
    of.iter().filter(has).copied().collect()
}
