//! The order of work: what a plan comes to, stage by stage.

use topwork_events::{StageKind, StagePlan};
use topwork_schema::{Plan, Strategy, StrategyKind, Weights};

/// One stage of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// What is done.
    pub work: Work,
    /// The seed it is done with; none for what does not depend on one.
    pub seed: Option<u64>,
    /// For a person.
    pub title: String,
}

/// What a stage does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Reads labels, draws nothing yet.
    Data,
    /// Trains the backbone on the source task.
    Source,
    /// Passes the target's images through the trunk with these weights.
    Extract(Weights),
    /// Fits and evaluates the strategy at this position of the file.
    Strategy(usize),
}

impl Stage {
    /// The stage as viewers are told of it.
    pub fn plan(&self) -> StagePlan {
        let kind = match self.work {
            Work::Data => StageKind::Data,
            Work::Source => StageKind::Source,
            Work::Extract(_) => StageKind::Extract,
            Work::Strategy(_) => StageKind::Strategy,
        };
        StagePlan {
            kind,
            title: self.title.clone(),
            seed: self.seed,
            row: match self.work {
                Work::Strategy(row) => Some(row),
                Work::Data | Work::Source | Work::Extract(_) => None,
            },
        }
    }
}

/// Whether a strategy works on features of a frozen trunk, which others can share.
pub fn on_features(strategy: &Strategy) -> bool {
    match strategy.kind {
        StrategyKind::FrozenBackbone | StrategyKind::FeatureClassifier => true,
        StrategyKind::FineTune | StrategyKind::FromScratch => false,
    }
}

/// The stages of a plan, in the order they run: features are extracted just before the first
/// strategy that needs them, once for all strategies with the same weights.
pub fn stages(plan: &Plan) -> Vec<Stage> {
    let experiment = &plan.experiment;
    let mut stages = vec![Stage {
        work: Work::Data,
        seed: None,
        title: "read data".to_owned(),
    }];
    for &seed in &experiment.seeds {
        let mut push = |work, title: String| {
            stages.push(Stage {
                work,
                seed: Some(seed),
                title,
            })
        };
        if experiment.source.is_some() {
            push(Work::Source, "source".to_owned());
        }
        let mut extracted = Vec::new();
        for (row, strategy) in experiment.strategies.iter().enumerate() {
            if on_features(strategy) && !extracted.contains(&strategy.weights) {
                extracted.push(strategy.weights);
                let title = match strategy.weights {
                    Weights::Source => "extract features",
                    Weights::Random => "extract random features",
                };
                push(Work::Extract(strategy.weights), title.to_owned());
            }
            push(Work::Strategy(row), strategy.name.clone());
        }
    }
    stages
}
