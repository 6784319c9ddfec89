//! Which keys go with which kind of strategy.

use super::Refusal;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::multipliers::LayerPattern;
use crate::plan::StrategyKind;
use crate::shape::join;
use crate::written::WrittenStrategy;

/// Checks one strategy.
pub(super) fn check(strategy: &WrittenStrategy, diagnostics: &mut Diagnostics) {
    patterns(strategy, diagnostics);
    let Some(kind) = strategy.kind.as_ref().map(|kind| kind.value) else {
        return;
    };
    training(strategy, kind, diagnostics);
    let mut refusals = Vec::new();
    if kind != StrategyKind::FineTune {
        refusals.extend(
            ["learning-rate-multipliers", "unfreeze-after"].map(|key| Refusal {
                key,
                problem: format!(" has no effect with the kind `{}`", kind.as_str()),
                label: "has no effect",
                hint: "remove it, or write kind = \"fine-tune\"",
            }),
        );
    }
    if kind == StrategyKind::FromScratch {
        refusals.push(Refusal {
            key: "weights",
            problem: " does not go with the kind `from-scratch`, which always begins at random \
                      weights"
                .to_owned(),
            label: "not here",
            hint: "remove it; `fine-tune` begins with the weights of the source",
        });
    }
    if let (Some(after), Some(epochs)) = (&strategy.unfreeze_after, strategy.epochs())
        && kind == StrategyKind::FineTune
        && after.value >= epochs as u64
    {
        let found = after.value;
        refusals.push(Refusal {
            key: "unfreeze-after",
            problem: format!(": expected fewer than `epochs` ({epochs}), found {found}"),
            label: "never unfrozen",
            hint: "train for more epochs; for a trunk that stays frozen, write \
                   kind = \"frozen-backbone\"",
        });
    }
    for refusal in refusals {
        refusal.push(&strategy.path, &strategy.node, diagnostics);
    }
}

/// Only layers are trained: `train` goes with a network head, not with a classifier head.
fn training(strategy: &WrittenStrategy, kind: StrategyKind, diagnostics: &mut Diagnostics) {
    let path = &strategy.path;
    match (kind, &strategy.train) {
        (StrategyKind::FeatureClassifier, Some(train)) => {
            let message = format!(
                "`{}`: a `feature-classifier` is fit once and not trained",
                train.path
            );
            let refused =
                Diagnostic::new(message, Some(train.node.span.clone())).label("has no effect");
            diagnostics.push(refused.hint(
                "remove `train`; how the classifier is fit is said by the parameters of its head"
                    .to_owned(),
            ));
        }
        (StrategyKind::FeatureClassifier, None) => {}
        (StrategyKind::FrozenBackbone, Some(train)) => {
            if let Some(augment) = train.node.get("augment") {
                let message = format!(
                    "`{}.augment`: the features of a `frozen-backbone` are extracted once, from \
                     the images as they are",
                    train.path
                );
                let refused = Diagnostic::new(message, Some(augment.span.clone()));
                diagnostics.push(
                    refused.label("has no effect").hint(
                        "remove it, or write kind = \"fine-tune\" with \
                     learning-rate-multipliers = { head = 1.0, \"*\" = 0.0 } to train the head \
                     alone on changing images"
                            .to_owned(),
                    ),
                );
            }
        }
        (StrategyKind::FineTune | StrategyKind::FromScratch, Some(_)) => {}
        (_, None) => {
            if !strategy.train_given {
                let message = format!("missing table `train` in `{path}`");
                let missing = Diagnostic::new(message, Some(strategy.span.clone()));
                let what = match kind {
                    StrategyKind::FrozenBackbone => "its head",
                    _ => "head and backbone",
                };
                diagnostics.push(missing.hint(format!(
                    "`{}` trains {what}, for example with train = {{ epochs = 1 }}",
                    kind.as_str()
                )));
            }
        }
    }
}

/// Keys of `learning-rate-multipliers` that are no pattern.
fn patterns(strategy: &WrittenStrategy, diagnostics: &mut Diagnostics) {
    const KEY: &str = "learning-rate-multipliers";
    let written = strategy.node.get(KEY);
    for entry in written.map_or(&[][..], |node| node.entries()) {
        if let Err(error) = entry.key.parse::<LayerPattern>() {
            let message = format!("`{}`: {error}", join(&strategy.path, KEY));
            let wrong = Diagnostic::new(message, Some(entry.key_span.clone()));
            diagnostics.push(
                wrong.label("no layers").hint(
                    "a key is a layer number, a range such as \"3..=7\", \"..=4\" or \"8..\", the \
                 name of a trunk layer, head, or \"*\" for all"
                        .to_owned(),
                ),
            );
        }
    }
}

impl WrittenStrategy {
    fn epochs(&self) -> Option<usize> {
        Some(self.train.as_ref()?.train.as_ref()?.epochs)
    }
}
