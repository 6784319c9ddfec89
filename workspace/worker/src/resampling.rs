//! Figures that have no closed form, on resamples of the test examples: the same ones for all rows measured on them.

use std::collections::{BTreeMap, HashMap};

use topwork_events::{Judging, Outcome, Resampled, RunPlan};
use topwork_measure::{
    Estimate, Figure, Resamples, ScoresFor, Statistic, Targets, bootstrap_difference,
};
use topwork_results::Families;

/// The seed of the draws: the same for every run, so that equal predictions have equal intervals.
const SEED: u64 = 0;

/// Statistics that are taken of the same draws at once: those of a thousand rows have no room beside
/// each other.
const TOGETHER: usize = 64;

/// A figure of a row with a seed.
type Key = (usize, u64, &'static str);

/// What figures come to on every resample.
#[derive(Default)]
pub struct Resampling {
    replicates: HashMap<Key, Vec<f64>>,
    /// Statistics that are not taken yet.
    waiting: Vec<(Key, Statistic)>,
}

impl Resampling {
    /// The figures shown of such outcomes that have no closed form.
    pub fn figures(judging: &Judging, first: &Outcome) -> Vec<&'static Figure> {
        let shown = judging.shown(&first.confusion.of_classes()).into_iter();
        shown.filter(|figure| figure.bits.is_none()).collect()
    }

    /// The draws of examples of which this is true.
    pub fn draws(truth: Targets<'_>) -> Resamples {
        Resamples::new(&truth.strata_of_resamples(), SEED)
    }

    /// The figures among these that an outcome has and that are not known on resamples.
    pub fn wanted(&self, outcome: &Outcome, figures: &[&'static Figure]) -> Vec<&'static Figure> {
        let unknown = |figure: &&Figure| {
            let key = (outcome.row, outcome.seed, figure.id);
            outcome.figures.contains_key(figure.id) && !self.replicates.contains_key(&key)
        };
        figures.iter().copied().filter(unknown).collect()
    }

    /// Takes these figures of a row's scores on all resamples, or lets them wait for others of the same examples.
    pub fn add(
        &mut self,
        draws: &Resamples,
        outcome: &Outcome,
        figures: &[&'static Figure],
        (scores, truth): (&ScoresFor<'_>, Targets<'_>),
    ) {
        for figure in figures {
            if let Some(statistic) = scores.statistic(figure, truth) {
                let key = (outcome.row, outcome.seed, figure.id);
                self.waiting.push((key, statistic));
            }
        }
        if self.waiting.len() >= TOGETHER {
            self.take(draws);
        }
    }

    /// Takes all that waits.
    pub fn take(&mut self, draws: &Resamples) {
        let (keys, statistics): (Vec<_>, Vec<_>) = self.waiting.drain(..).unzip();
        let taken = draws.replicates(&statistics).unwrap_or_default();
        self.replicates.extend(keys.into_iter().zip(taken));
    }

    /// How sure these figures are, of all rows among the outcomes, and by the figure that ranks the differences of rows that are set
    /// against each other.
    pub fn told(
        &self,
        plan: &RunPlan,
        judging: &Judging,
        outcomes: &[&Outcome],
        figures: &[&'static Figure],
    ) -> Vec<Resampled> {
        let mut rows: BTreeMap<usize, Vec<&Outcome>> = BTreeMap::new();
        for outcome in outcomes {
            rows.entry(outcome.row).or_default().push(outcome);
        }
        let mut told = Vec::new();
        let mut tell = |row, against, figure: &Figure, estimate: Option<(u64, Estimate)>| {
            told.extend(estimate.map(|(seeds, estimate)| Resampled {
                row,
                against,
                figure: figure.id.to_owned(),
                seeds,
                estimate,
            }));
        };
        for (row, of_row) in &mut rows {
            of_row.sort_by_key(|outcome| outcome.seed);
            for figure in figures {
                tell(*row, None, figure, self.mean(of_row, figure));
            }
        }
        let (families, ranked_by) = (Families::of(plan), judging.ranked_by());
        if ranked_by.bits.is_none() {
            for (row, of_row) in &rows {
                for other in families.with(*row) {
                    if let Some(of_other) = rows.get(&other).filter(|_| other > *row) {
                        let difference = self.difference(of_row, of_other, ranked_by);
                        tell(*row, Some(other), ranked_by, difference);
                    }
                }
            }
        }
        told
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
