//! Where the backbone's weights come from, and what a backbone that computes features itself cannot
//! do: be trained, begin at random, take weights from a file.

use super::Backbone;
use crate::catalog::LayerEntry;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::plan::{CutPoint, Start};
use crate::strategies::StrategyKind;
use crate::words::{Component, Normalise, Pool, WantedNormalise};
use crate::written::{Written, WrittenDataset, WrittenStrategy};

/// Normalisation is the same for an extractor when no number differs by more: files give three or
/// four digits.
const TOLERANCE: f64 = 1e-3;

/// Checks where the weights come from.
pub(super) fn check(written: &Written, backbone: &Backbone<'_>, diagnostics: &mut Diagnostics) {
    let Some(table) = &written.backbone else {
        return;
    };
    let id = backbone.component.id();
    if !backbone.computes_itself() {
        let brings_weights = backbone.extractor.is_some();
        match &table.source {
            Some(span) if brings_weights => diagnostics.push(
                Diagnostic::new(
                    format!("`source`: `{id}` brings trained weights, so nothing is trained first"),
                    Some(span.clone()),
                )
                .label("not here")
                .hint("remove `[source]`; strategies begin with the backbone's weights, or with random ones".to_owned()),
            ),
            None if !brings_weights && !table.weights_given => {
                untrained(written, table.span.clone(), diagnostics);
            }
            _ => {}
        }
        return;
    }
    let mut refuse = |message: String, span, label: &str, hint: &str| {
        let refused = Diagnostic::new(message, Some(span)).label(label);
        diagnostics.push(refused.hint(hint.to_owned()));
    };
    if let Some(weights) = &table.weights {
        refuse(
            format!("`backbone.weights`: `{id}` computes features itself and takes no weights"),
            weights.span.clone(),
            "not here",
            "remove it; its parameters say which file it reads",
        );
    }
    if let Some(span) = &table.source {
        refuse(
            format!("`source`: `{id}` computes features itself and cannot be trained"),
            span.clone(),
            "not here",
            "remove `[source]`, or use a backbone that is trained here",
        );
    }
    let frozen: Vec<String> = (StrategyKind::ALL.iter())
        .filter(|kind| !kind.trains_the_trunk())
        .map(|kind| format!("`{}`", kind.as_str()))
        .collect();
    for strategy in &written.strategies {
        let path = &strategy.path;
        if let Some(kind) = &strategy.kind
            && kind.value.trains_the_trunk()
        {
            refuse(
                format!("`{path}.kind`: `{id}` computes features itself and cannot be trained"),
                kind.span.clone(),
                "needs a backbone that is trained here",
                &format!("{} work on its features", frozen.join(" and ")),
            );
        } else if strategy.weights == Some(Start::Random)
            && let Some(node) = strategy.node.get("weights")
        {
            refuse(
                format!(
                    "`{path}.weights`: `{id}` computes features itself and has no random weights"
                ),
                node.span.clone(),
                "not here",
                "remove it; a control with random weights needs a backbone that is built here",
            );
        }
    }
}

fn untrained(written: &Written, span: std::ops::Range<usize>, diagnostics: &mut Diagnostics) {
    let needs = |s: &&WrittenStrategy| s.weights == Some(Start::Source);
    let Some(strategy) = written.strategies.iter().find(needs) else {
        return;
    };
    let who = match &strategy.name {
        Some(name) => format!("the strategy {:?}", name.value),
        None => format!("`{}`", strategy.path),
    };
    let message = format!("nothing trains the backbone, but {who} uses trained weights");
    diagnostics.push(
        Diagnostic::new(message, Some(span)).hint(
            "add `[source]`, or name a file of weights in `backbone.weights`, or write \
             weights = \"random\" in every strategy"
                .to_owned(),
        ),
    );
}

/// Checks that samples are normalised as the extractor wants them.
pub(super) fn normalise(
    dataset: &WrittenDataset,
    backbone: &Component,
    wanted: &WantedNormalise,
    diagnostics: &mut Diagnostics,
) {
    let id = backbone.id();
    let path = &dataset.component.path;
    let stated = dataset.normalise.as_ref();
    let (message, label, hint) = match (wanted, stated) {
        (WantedNormalise::Any, _) | (WantedNormalise::Stated, Some(_)) => return,
        // What is written and wrong has been told.
        _ if stated.is_none() && dataset.component.node.get("normalise").is_some() => return,
        (WantedNormalise::Stated, None) => (
            format!("`{path}`: `{id}` cannot know how its images are normalised"),
            "`normalise` is missing",
            {
                let Normalise { mean, std } = Normalise::imagenet();
                format!(
                    "say how the network was trained, for example normalise = {{ mean = {mean:?}, std = {std:?} }} for most networks trained on ImageNet; bytes are 0 to 1"
                )
            },
        ),
        (WantedNormalise::Exactly(exact), _) => {
            if stated.is_some_and(|stated| near(&stated.value, exact)) {
                return;
            }
            let what = match stated {
                Some(_) => "is normalised otherwise than",
                None => "is not normalised as",
            };
            (
                format!("`{path}` {what} `{id}` wants it"),
                "other samples than the network learnt from",
                format!(
                    "write normalise = {{ mean = {:?}, std = {:?} }}",
                    exact.mean, exact.std
                ),
            )
        }
    };
    let span = match stated {
        Some(stated) => stated.span.clone(),
        None => dataset.component.component.span.clone(),
    };
    diagnostics.push(Diagnostic::new(message, Some(span)).label(label).hint(hint));
}

pub(super) fn near(stated: &Normalise, exact: &Normalise) -> bool {
    let same = |a: &[f64], b: &[f64]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= TOLERANCE)
    };
    same(&stated.mean, &exact.mean) && same(&stated.std, &exact.std)
}

/// Where the trunk is trained the gradient goes through the cut: what is done to the activations
/// there must be layers.
pub(super) fn trained_cuts(
    strategy: &WrittenStrategy,
    cuts: &[CutPoint],
    layers: &[LayerEntry],
    diagnostics: &mut Diagnostics,
) {
    let Some(kind) = &strategy.kind else {
        return;
    };
    if !kind.value.trains_the_trunk() {
        return;
    }
    let of_tokens = |cut: &CutPoint| {
        let last = cut.layers.checked_sub(1).and_then(|last| layers.get(last));
        last.is_some_and(|last| last.sizes().len() == 2)
    };
    for cut in cuts {
        let reduction = cut.reduction;
        let what = match reduction.pool {
            Some(Pool::Pyramid) => "pool = \"pyramid\"",
            Some(Pool::Gmp) if of_tokens(cut) => "pool = \"gmp\" of tokens",
            _ if reduction.l2 => "l2 = true",
            _ if reduction.pca.is_some() => "pca",
            _ => continue,
        };
        let message = format!(
            "`{}`: the cut {:?} has `{what}`, which works on frozen features only",
            strategy.path, cut.name
        );
        let refused = Diagnostic::new(message, Some(kind.span.clone()));
        diagnostics.push(refused.label("trains through the cut").hint(
            "give this strategy a `cut` of its own, plain or with pool = \"gap\"".to_owned(),
        ));
    }
}
