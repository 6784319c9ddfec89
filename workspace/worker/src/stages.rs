//! The order of work: what a plan comes to, stage by stage.

use serde::{Deserialize, Serialize};
use topwork_events::{StageKind, StagePlan};
use topwork_schema::{CutPoint, Plan, Row, StrategyKind, Weights};

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Reads labels, draws nothing yet.
    Data,
    /// Trains the backbone on the source task.
    Source,
    /// Passes the target's images through this trunk.
    Extract(FrozenTrunk),
    /// Fits and evaluates the row at this position of [`Plan::rows`].
    Strategy(usize),
}

/// Which frozen trunk: rows with equal ones share its features.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FrozenTrunk {
    /// Whose weights it has.
    pub weights: Weights,
    /// Where it ends.
    pub cut: CutPoint,
}

impl FrozenTrunk {
    /// The trunk whose features a row works on; `None` where trunk and head are trained together.
    pub fn of(plan: &Plan, row: &Row) -> Option<Self> {
        let strategy = plan.strategy(row);
        match strategy.kind {
            StrategyKind::FrozenBackbone | StrategyKind::FeatureClassifier => Some(Self {
                weights: strategy.weights,
                cut: row.cut.unfitted(),
            }),
            StrategyKind::FineTune | StrategyKind::FromScratch => None,
        }
    }
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

/// The stages of a plan, in the order they run: features are extracted just before the first
/// row that needs them, once for all rows with the same trunk.
pub fn stages(plan: &Plan) -> Vec<Stage> {
    let experiment = &plan.experiment;
    let several_cuts = plan.cuts().len() > 1;
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
        for (index, row) in plan.rows.iter().enumerate() {
            if let Some(trunk) = FrozenTrunk::of(plan, row)
                && !extracted.contains(&trunk)
            {
                extracted.push(trunk.clone());
                let mut title = match trunk.weights {
                    Weights::Source => "extract features".to_owned(),
                    Weights::Random => "extract random features".to_owned(),
                };
                if several_cuts {
                    title.push_str(&format!(" · {}", row.cut.unfitted().name));
                }
                push(Work::Extract(trunk), title);
            }
            push(Work::Strategy(index), plan.title(row));
        }
    }
    stages
}
