//! The kinds of strategy. A file for each says what it wants and what it refuses; the checks, the
//! words of `kind` and what the worker asks come from there.

mod feature_classifier;
mod fine_tune;
mod from_scratch;
mod frozen_backbone;

use serde::{Deserialize, Serialize};

use crate::catalog::ComponentKind;
use crate::refusal::Refusal;
use crate::training::Train;
use crate::tree::Node;

/// The kinds of strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StrategyKind {
    /// A network head is trained on the frozen backbone.
    FrozenBackbone,
    /// A classifier head is fit once on the features.
    FeatureClassifier,
    /// A network head and the backbone it is grafted on are trained together.
    FineTune,
    /// The same network is trained on the target alone, from random weights.
    FromScratch,
}

/// What there is to know of a kind.
pub(crate) struct Declared {
    /// The word in the experiment file, the one serde has for it.
    pub word: &'static str,
    /// What it does, for the reference.
    pub about: &'static str,
    /// The kind of head: a network head is trained and wants `train`, a classifier head is not.
    head: ComponentKind,
    /// Whether the trunk is trained with the head: that takes a backbone of layers.
    trains_the_trunk: bool,
    /// Whether the backbone always begins at random weights; else `weights` says which.
    begins_at_random: bool,
    /// Whether layers may learn at rates of their own, and the trunk later than the head.
    takes_multipliers: bool,
    /// What it refuses of its table beyond that, given the training if that is right in itself.
    refusals: fn(&Node, Option<&Train>) -> Vec<Refusal<'static>>,
}

impl StrategyKind {
    /// All of them, in the order they are listed.
    pub const ALL: [StrategyKind; 4] = [
        StrategyKind::FrozenBackbone,
        StrategyKind::FeatureClassifier,
        StrategyKind::FineTune,
        StrategyKind::FromScratch,
    ];

    pub(crate) const fn declared(self) -> &'static Declared {
        match self {
            StrategyKind::FrozenBackbone => &frozen_backbone::KIND,
            StrategyKind::FeatureClassifier => &feature_classifier::KIND,
            StrategyKind::FineTune => &fine_tune::KIND,
            StrategyKind::FromScratch => &from_scratch::KIND,
        }
    }

    /// The kind with this word.
    pub(crate) fn of(word: &str) -> Option<StrategyKind> {
        let mut all = StrategyKind::ALL.into_iter();
        all.find(|kind| kind.as_str() == word)
    }

    /// The word in the experiment file.
    pub fn as_str(self) -> &'static str {
        self.declared().word
    }

    /// The kind of head it grafts.
    pub fn head(self) -> ComponentKind {
        self.declared().head
    }

    /// Whether its head is fit once on features, and not trained.
    pub fn fits_a_classifier(self) -> bool {
        self.head() == ComponentKind::ClassifierHead
    }

    /// Whether it trains trunk and head together, on images; else the trunk stays frozen.
    pub fn trains_the_trunk(self) -> bool {
        self.declared().trains_the_trunk
    }

    /// Whether its backbone always begins at random weights.
    pub fn begins_at_random(self) -> bool {
        self.declared().begins_at_random
    }

    /// Whether layers may learn at rates of their own, and the trunk later than the head.
    pub fn takes_multipliers(self) -> bool {
        self.declared().takes_multipliers
    }

    pub(crate) fn refusals(self, table: &Node, train: Option<&Train>) -> Vec<Refusal<'static>> {
        (self.declared().refusals)(table, train)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_the_word_that_files_have_for_it() {
        for kind in StrategyKind::ALL {
            assert_eq!(serde_json::json!(kind), kind.as_str());
            assert_eq!(StrategyKind::of(kind.as_str()), Some(kind));
        }
    }
}
