//! Which keys go with which kind of strategy.

use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::multipliers::LayerPattern;
use crate::refusal::Refusal;
use crate::shape::join;
use crate::written::WrittenStrategy;

/// Checks one strategy.
pub(super) fn check(strategy: &WrittenStrategy, diagnostics: &mut Diagnostics) {
    patterns(strategy, diagnostics);
    if strategy.node.get("train-samples").is_some() {
        Refusal {
            key: "train-per-class",
            problem: " does not go with `train-samples`: both say how many samples are drawn"
                .to_owned(),
            label: "not here",
            hint: "remove one of them",
        }
        .push(&strategy.path, &strategy.node, diagnostics);
    }
    let Some(kind) = strategy.kind.as_ref().map(|kind| kind.value) else {
        return;
    };
    let train = strategy
        .train
        .as_ref()
        .and_then(|train| train.train.as_ref());
    let mut refusals = kind.refusals(&strategy.node, train);
    if !kind.takes_multipliers() {
        refusals.extend(
            ["learning-rate-multipliers", "unfreeze-after"].map(|key| Refusal {
                key,
                problem: format!(" has no effect with the kind `{}`", kind.as_str()),
                label: "has no effect",
                hint: "remove it, or write kind = \"fine-tune\"",
            }),
        );
    }
    for refusal in refusals {
        refusal.push(&strategy.path, &strategy.node, diagnostics);
    }
    if !kind.fits_a_classifier() && !strategy.train_given {
        let message = format!("missing table `train` in `{}`", strategy.path);
        let missing = Diagnostic::new(message, Some(strategy.span.clone()));
        let what = match kind.trains_the_trunk() {
            true => "head and backbone",
            false => "its head",
        };
        diagnostics.push(missing.hint(format!(
            "`{}` trains {what}, for example with train = {{ epochs = 1 }}",
            kind.as_str()
        )));
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
