//! How much of what classifiers save of their fits is kept.

use topwork_events::LogLevel;
use topwork_schema::StrategyKind;

use crate::{WorkerError, execute::Execution};

/// Bytes for the states of all heads of a run. Some are a few numbers; those of nearest neighbours are the training
/// features themselves, once for every row.
const ALL: u64 = 64 << 20;

impl Execution<'_> {
    /// The most bytes of one head's state.
    fn state_share(&self) -> u64 {
        let experiment = &self.plan.experiment;
        let classifiers = (self.plan.rows.iter())
            .filter(|row| self.plan.strategy(row).kind == StrategyKind::FeatureClassifier)
            .count();
        share(classifiers * experiment.seeds.len() * experiment.target.folds.unwrap_or(1))
    }

    /// Whether a state of so many bytes is kept. The first one that is not is told.
    pub fn keeps_state(&self, title: &str, bytes: usize) -> Result<bool, WorkerError> {
        let share = self.state_share();
        let keeps = bytes as u64 <= share;
        if !keeps && !self.told_of_states.replace(true) {
            let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
            self.note(
                LogLevel::Info,
                format!(
                    "the fitted head of `{title}` is not kept, nor is any other larger than {}: it takes {}, and all heads of a run share {}",
                    megabytes(share),
                    megabytes(bytes as u64),
                    megabytes(ALL)
                ),
            )?;
        }
        Ok(keeps)
    }
}

/// The most bytes of each of so many heads. All have the same share, so that it depends on neither order nor interruptions
/// which are kept.
fn share(heads: usize) -> u64 {
    ALL / (heads as u64).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_rows_have_room_and_grids_stay_small() {
        let state = |examples: u64, dimensions: u64| examples * dimensions * 4;
        // 10,000 digits with the 800 features of LeNet, two heads; six heads in five folds of 410
        // pictures.
        assert!(state(10_000, 800) <= share(2));
        assert!(state(328, 1_280) <= share(30));
        // A grid of 1,000 rows.
        assert!(state(5_000, 800) > share(1_000));
        assert!((1..5_000).all(|heads| share(heads) * heads as u64 <= ALL));
        assert_eq!(share(0), ALL);
    }
}
