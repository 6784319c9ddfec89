//! How sure figures are that have no closed form: the test examples are resampled, the same way for
//! every row measured on them.

use std::collections::BTreeMap;

use topwork_events::{Event, Key, Outcome, RunPlan};
use topwork_measure::{Figure, Scores, ScoresFor, TargetKind, Truth};

use crate::{
    WorkerError,
    execute::Execution,
    predictions::{columns_of, scores_of},
    resampling::Resampling,
};

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
            let first = outcomes.first();
            let figures = first.map_or(Vec::new(), |first| {
                Resampling::figures(&self.judging, first)
            });
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
        for outcome in outcomes {
            let wanted = self.resampling.wanted(outcome, figures);
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
            let draws = resamples.get_or_insert_with(|| Resampling::draws(truth));
            self.emitter.check_stop()?;
            (self.resampling).add(draws, outcome, &wanted, (&scores, truth));
        }
        if let Some(draws) = resamples {
            self.emitter.check_stop()?;
            self.resampling.take(&draws);
        }
        Ok(())
    }

    fn tell(
        &self,
        plan: &RunPlan,
        outcomes: &[&Outcome],
        figures: &[&'static Figure],
    ) -> Result<(), WorkerError> {
        for resampled in self.resampling.told(plan, &self.judging, outcomes, figures) {
            let key = resampled.key();
            let known = (self.emitter).look(|state| state.resampled.get(&key) == Some(&resampled));
            if !known {
                self.emitter.emit(Event::Resampled(resampled))?;
            }
        }
        Ok(())
    }
}
