//! Features of a frozen trunk, with those that the same pass gives of trunks whose turn comes later.

use topwork_events::{From, Made};
use topwork_graft::{Extraction, Features, data::needed, out_of_order};
use topwork_tasks::{TrunkId, Work};

use crate::{WorkerError, execute::Execution};

impl Execution<'_> {
    /// Freezes this trunk, that of the task at position `task`, and gets the features that rows need of it.
    pub fn extract(
        &mut self,
        seed: u64,
        task: usize,
        trunk: &TrunkId,
    ) -> Result<Made, WorkerError> {
        let examples = needed(self.plan, &self.seed.draws, trunk);
        let extraction = Extraction {
            tools: &self.tools,
            task: self.target()?,
            further: &self.data.further,
            seed,
            trained: self.seed.trained.as_ref(),
            examples: &examples,
        };
        let images = extraction.images();
        let mut with_it = None;
        if self.known(trunk).is_none() {
            let later = (self.tasks.iter().enumerate().skip(task + 1))
                .take_while(|(_, task)| task.seed == Some(seed));
            let others = later.filter_map(|(index, task)| match &task.work {
                Work::Features(other)
                    if self.is_wanted(index)
                        && needed(self.plan, &self.seed.draws, other) == examples =>
                {
                    Some(other.clone())
                }
                _ => None,
            });
            let together = extraction.in_one_pass(trunk, others)?;
            let mut extracted = extraction.run(together)?;
            let others = extracted[1..].iter();
            with_it = Some(others.filter(|(_, features)| !features.paid).count());
            self.seed.features.append(&mut extracted);
        }
        let known = self.known(trunk);
        let known = known.ok_or_else(|| out_of_order("features went before their turn"))?;
        let tested = match examples.test.is_empty() {
            true => &examples.train,
            false => &examples.test,
        };
        self.keep_feature_sample(seed, trunk, known, tested)?;
        self.compare_features(seed, trunk, known)?;
        Ok(Made::Features {
            vectors: images as u64,
            dim: known.dim as u64,
            from: match (known.paid, with_it) {
                (true, _) => From::Cache,
                (false, None) => From::EarlierPass,
                (false, Some(_)) => From::Pass,
            },
            more_cuts: with_it.unwrap_or(0) as u64,
        })
    }

    fn known(&self, wanted: &TrunkId) -> Option<&Features> {
        let mut known = (self.seed.features.iter()).filter(|(trunk, _)| trunk == wanted);
        known.next().map(|(_, known)| known)
    }
}
