//! Fitting what a strategy grafts on, and trying it on test examples: a file for every kind of strategy.

mod calibrated;
mod feature_classifier;
mod fine_tune;
mod from_scratch;
mod frozen_backbone;
mod select;
mod whole_network;

pub use calibrated::Uncalibrated;
pub(crate) use calibrated::tempered;
pub use select::Chosen;
use topwork_engine::{Blueprint, Network};
use topwork_host::Scores;
use topwork_measure::{FitReport, TargetKind};
use topwork_schema::{CutPoint, Row, Strategy, StrategyKind, Train};
pub(crate) use whole_network::pooling;

use crate::{
    GraftError, Tools,
    data::{Draw, Samples, TaskExamples},
    error::{engine, out_of_order},
    evaluate,
    features::Features,
    model::Saved,
    network::head_blueprint,
    proof::Proof,
    training::{Standardised, Training},
};

/// What was fitted and what it says of the test examples.
pub struct Fitted {
    /// Parameters that were fitted.
    pub parameters: u64,
    /// What the head says of the fit.
    pub report: FitReport,
    /// Scores of the test examples, `test × classes`.
    pub scores: Vec<f32>,
    /// The same of all examples of each further test set.
    pub further: Vec<Vec<f32>>,
    /// What the scores are.
    pub scores_are: Scores,
    /// What they were before they were brought to a temperature; `None` where the strategy does not calibrate.
    pub uncalibrated: Option<Uncalibrated>,
    /// The temperature of each fit: one for each fold where there are some, none without calibration.
    pub temperatures: Vec<f64>,
    /// What each fit has chosen on its training examples; empty where nothing is chosen.
    pub selected: Vec<Chosen>,
    /// Wall-clock time of the fit.
    pub fit_seconds: f64,
    /// Wall-clock time of scoring.
    pub evaluate_seconds: f64,
    /// What can be saved.
    pub saved: Vec<Saved>,
    /// What was frozen, before and after; `None` when nothing was.
    pub proof: Option<Proof>,
    /// Multipliers really used, by layer with weights.
    pub multipliers: Option<Vec<(String, f64)>>,
}

/// What a fit works with.
#[derive(Clone, Copy)]
pub struct Fit<'a> {
    /// What all tasks work with.
    pub tools: &'a Tools<'a>,
    /// The target.
    pub task: &'a TaskExamples,
    /// Its further test sets.
    pub further: &'a [TaskExamples],
    /// The examples to use.
    pub draw: &'a Draw,
    /// The seed.
    pub seed: u64,
    /// The row.
    pub row: &'a Row,
    /// Its strategy, and of a row that chooses what it has chosen.
    pub strategy: &'a Strategy,
}

/// What a head is grafted on.
pub enum Stock<'a> {
    /// The features of a frozen trunk; of a row that chooses its cut those at each of its cuts.
    Features(&'a [&'a Features]),
    /// A trunk that learns, and where it was cut.
    Trunk(Box<Network>, &'a CutPoint),
}

impl Fit<'_> {
    /// Fits as the strategy says, what it has chosen where it chooses.
    pub fn run(&self, stock: Stock<'_>) -> Result<Fitted, GraftError> {
        match (&self.strategy.select, stock) {
            (None, stock) => self.fitted(stock),
            (Some(select), Stock::Features(trunks)) => self.selected(select, trunks),
            (Some(_), Stock::Trunk(..)) => {
                Err(out_of_order("a trunk that learns was to choose how"))
            }
        }
    }

    /// Fits as the kind of the strategy says.
    fn fitted(&self, stock: Stock<'_>) -> Result<Fitted, GraftError> {
        match (self.strategy.kind, stock) {
            (StrategyKind::FrozenBackbone, Stock::Features([trunk])) => self.frozen_backbone(trunk),
            (StrategyKind::FeatureClassifier, Stock::Features([trunk])) => {
                self.feature_classifier(trunk)
            }
            (StrategyKind::FineTune, Stock::Trunk(trunk, cut)) => self.fine_tune(*trunk, cut),
            (StrategyKind::FromScratch, Stock::Trunk(trunk, cut)) => {
                self.train_from_scratch(*trunk, cut)
            }
            _ => Err(out_of_order("a head was to be grafted on the wrong stock")),
        }
    }

    fn train_settings(&self) -> Result<&Train, GraftError> {
        self.strategy
            .train
            .as_ref()
            .ok_or_else(|| GraftError::Experiment {
                message: format!(
                    "strategy `{}` does not say how to train its head",
                    self.strategy.name
                ),
                hint: Some("add `train = { epochs = 1 }`".to_owned()),
            })
    }

    /// The head on features of this shape, `before` layers behind the image.
    fn head(&self, features: &[usize], before: usize) -> Result<Blueprint, GraftError> {
        let component = &self.strategy.head;
        let head = head_blueprint(self.tools.plugins, component, features, self.task.classes)?;
        let name = &self.strategy.name;
        (self.tools.services).network(name, component, before, &head)?;
        Ok(head)
    }

    fn training<'a>(
        &'a self,
        settings: &'a Train,
        samples: &'a dyn Samples,
        unfreeze: Option<(usize, Vec<f32>)>,
    ) -> Training<'a> {
        Training {
            compute: self.tools.compute,
            services: self.tools.services,
            settings,
            samples,
            examples: &self.draw.train,
            targets: self.task.train.targets(),
            groups: self.task.groups(),
            classes: self.task.classes,
            seed: self.seed,
            role: "target",
            unfreeze,
        }
    }

    fn scores(
        &self,
        networks: &[Network],
        samples: &dyn Samples,
        examples: &[usize],
    ) -> Result<Vec<f32>, GraftError> {
        let networks: Vec<&Network> = networks.iter().collect();
        evaluate::scores(
            self.tools.compute,
            &networks,
            samples,
            examples,
            self.task.classes,
            |_| Ok(self.tools.services.check_stop()?),
        )
    }

    /// The networks with a head that gives numbers in their own unit, where it has learnt numbers.
    fn in_unit(
        &self,
        mut networks: Vec<Network>,
        standardised: Option<Standardised>,
    ) -> Result<Vec<Network>, GraftError> {
        if let (Some(standardised), Some(head)) = (standardised, networks.last_mut()) {
            *head = standardised.in_unit(head).map_err(engine("training"))?;
        }
        Ok(networks)
    }

    fn save<'n>(
        &self,
        networks: impl IntoIterator<Item = (&'static str, &'n Network)>,
    ) -> Result<Vec<Saved>, GraftError> {
        (networks.into_iter())
            .map(|(part, network)| {
                let bytes = network.to_safetensors().map_err(engine("saving weights"))?;
                Ok(Saved {
                    part,
                    extension: "safetensors",
                    bytes,
                })
            })
            .collect()
    }
}

/// What the scores of a network head are: logits by its contract, of classes or of labels, or the numbers themselves.
pub(crate) fn scores_of(targets: TargetKind) -> Scores {
    match targets {
        TargetKind::Classes => Scores::Logits,
        TargetKind::Numbers => Scores::Numbers,
        TargetKind::Multilabel => Scores::LabelLogits,
    }
}

fn parameters(networks: &[Network]) -> u64 {
    networks
        .iter()
        .map(|network| network.parameters() as u64)
        .sum()
}
