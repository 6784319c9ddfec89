//! What the file must say whatever components are installed: names, which keys go together, where
//! the backbone's weights come from.

mod strategies;
mod training;

pub(crate) use training::check as train_table;

use std::{collections::HashSet, path::Path};

use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::keys;
use crate::paths;
use crate::refusal::Refusal;
use crate::tree::{Node, Value};
use crate::view::Located;
use crate::written::{Written, WrittenBackbone, WrittenFile, WrittenReference};
use topwork_nearest::choices;

/// The name that stands for the source task beside the strategies.
const SOURCE: &str = "source";

/// Checks what the tables say together. `root` is the whole file, `folder` what its paths are
/// relative to.
pub(crate) fn check(file: &WrittenFile, root: &Node, folder: &Path, diagnostics: &mut Diagnostics) {
    let written = &file.first;
    names(written, diagnostics);
    for strategy in &written.strategies {
        strategies::check(strategy, diagnostics);
    }
    let source_train = written.source.as_ref().and_then(|s| s.train.as_ref());
    let strategy_trains = written.strategies.iter().filter_map(|s| s.train.as_ref());
    for train in source_train.into_iter().chain(strategy_trains) {
        training::check(train, diagnostics);
    }
    for pair in file.pairs() {
        folds(&pair.written, diagnostics);
    }
    cuts(file, diagnostics);
    for backbone in &file.backbones {
        weights(
            backbone,
            file.backbones.len() > 1,
            root,
            folder,
            diagnostics,
        );
    }
    references(file, root, diagnostics);
}

fn names(written: &Written, diagnostics: &mut Diagnostics) {
    let mut seen: HashSet<&str> = HashSet::new();
    for strategy in &written.strategies {
        let Some(name) = &strategy.name else {
            continue;
        };
        let span = Some(name.span.clone());
        let path = &strategy.path;
        if name.value == SOURCE {
            let message = format!("`{path}.name`: the name \"source\" is reserved");
            let reserved = Diagnostic::new(message, span).label("reserved");
            diagnostics
                .push(reserved.hint("it stands for the source task in `[[reference]]`".to_owned()));
        } else if seen.contains(&name.value.as_str()) {
            let message = format!("`{path}.name`: the name {:?} is taken", name.value);
            let taken = Diagnostic::new(message, span).label("another strategy has this name");
            diagnostics.push(
                taken.hint("every strategy is a row of its own and needs its own name".to_owned()),
            );
        }
        seen.insert(&name.value);
    }
}

/// With folds every example is measured once: none are drawn for it.
fn folds(written: &Written, diagnostics: &mut Diagnostics) {
    let Some(target) = &written.target else {
        return;
    };
    let Some(folds) = &target.folds else {
        return;
    };
    for strategy in &written.strategies {
        Refusal {
            key: "test-samples",
            problem: format!(
                " does not go with `{}.folds` ({}): every strategy is measured on all examples, \
                 each in the fold that is left out",
                target.path, folds.value
            ),
            label: "not here",
            hint: "remove it, or remove `folds` to measure on the split `test`",
        }
        .push(&strategy.path, &strategy.node, diagnostics);
    }
}

fn weights(
    backbone: &WrittenBackbone,
    several: bool,
    root: &Node,
    folder: &Path,
    diagnostics: &mut Diagnostics,
) {
    let path = &backbone.path;
    if let Some(weights) = &backbone.weights {
        let span = Some(weights.span.clone());
        let file = paths::resolve(&weights.value, folder);
        if let Some(problem) = paths::problem(&weights.value, folder) {
            let message = format!("`{path}.weights`: {problem}");
            diagnostics.push(Diagnostic::new(message, span.clone()));
        } else if !file.is_file() {
            let message = format!("`{path}.weights`: there is no file `{}`", file.display());
            let missing = Diagnostic::new(message, span.clone()).label("not found");
            diagnostics.push(missing.hint("paths are relative to the experiment file".to_owned()));
        } else if file.to_str().is_none() {
            let message = format!(
                "`{path}.weights`: the path `{}` is not UTF-8",
                file.display()
            );
            diagnostics.push(Diagnostic::new(message, span.clone()));
        }
        if !several && root.get(SOURCE).is_some() {
            let message = "`source` and `backbone.weights` both give the backbone its weights";
            let both = Diagnostic::new(message, span).label("trained already");
            diagnostics.push(both.hint(
                "remove `weights` to train on the source, or `[source]` to use the file".to_owned(),
            ));
        }
    }
}

/// A cut written as a table says where in one way, and has parameters only when that is a rule.
fn cuts(file: &WrittenFile, diagnostics: &mut Diagnostics) {
    const RULE: &str = "use";
    const WAYS: [&str; 3] = ["at", "join", RULE];
    let of_targets = file.targets.iter().map(|table| (&table.path, &table.node));
    let of_backbones = file
        .backbones
        .iter()
        .map(|table| (&table.path, &table.node));
    let strategies = file.first.strategies.iter();
    let of_strategies = strategies
        .clone()
        .map(|strategy| (&strategy.path, &strategy.node));
    let selects: Vec<(String, &Node)> = strategies
        .filter_map(|strategy| {
            let select = strategy.node.get("select")?;
            Some((crate::shape::join(&strategy.path, "select"), select))
        })
        .collect();
    let of_selects = selects.iter().map(|(path, select)| (path, *select));
    for (path, table) in of_targets
        .chain(of_backbones)
        .chain(of_strategies)
        .chain(of_selects)
    {
        let Some(cut) = table.get("cut") else {
            continue;
        };
        let all = match cut.value {
            Value::List(_) => cut.items(),
            _ => std::slice::from_ref(cut),
        };
        for cut in all {
            if !matches!(cut.value, Value::Table(_)) {
                continue;
            }
            let wrong = |message: String, span, hint: String| {
                Diagnostic::new(format!("`{path}.cut`: {message}"), Some(span)).hint(hint)
            };
            let ways = WAYS
                .into_iter()
                .filter_map(|way| Some((way, cut.get(way)?)));
            match ways.collect::<Vec<_>>().as_slice() {
                [] => diagnostics.push(wrong(
                    "a cut as a table says where: expected `at`, `join` or `use`".to_owned(),
                    cut.span.clone(),
                    "write for example { at = \"features\", pool = \"gap\" }, or \
                     { use = \"every-stage\" } for a rule"
                        .to_owned(),
                )),
                [(RULE, _)] => {}
                [_] => {
                    let unknown = cut.entries().iter();
                    for entry in unknown.filter(|entry| keys::CUT.key(&entry.key).is_none()) {
                        let names = keys::CUT.keys.iter().map(|key| key.name);
                        diagnostics.push(wrong(
                            format!("unknown key `{}`", entry.key),
                            entry.key_span.clone(),
                            choices(&entry.key, "keys", names).unwrap_or_default(),
                        ));
                    }
                }
                [(first, _), .., (last, node)] => diagnostics.push(wrong(
                    format!("`{first}` and `{last}` both say where"),
                    node.span.clone(),
                    "remove one of them".to_owned(),
                )),
            }
        }
    }
}

/// What names a strategy elsewhere names one there is.
fn references(file: &WrittenFile, root: &Node, diagnostics: &mut Diagnostics) {
    let written = &file.first;
    for reference in &written.references {
        figure_from_elsewhere(reference, diagnostics);
    }
    let strategies = written.strategies.iter();
    let mut names: Vec<&str> = strategies
        .filter_map(|s| Some(s.name.as_ref()?.value.as_str()))
        .collect();
    if names.len() < written.strategies.len() {
        // The name meant may be one that could not be read.
        return;
    }
    for target in &file.targets {
        if let Some(name) = &target.compare_to {
            names_a_strategy(
                &format!("{}.compare-to", target.path),
                name,
                &names,
                diagnostics,
            );
        }
    }
    if root.get(SOURCE).is_some() {
        names.push(SOURCE);
    }
    for reference in &written.references {
        if let Some(strategy) = &reference.strategy {
            let path = format!("{}.strategy", reference.path);
            names_a_strategy(&path, strategy, &names, diagnostics);
        }
    }
}

fn names_a_strategy(
    path: &str,
    name: &Located<String>,
    known: &[&str],
    diagnostics: &mut Diagnostics,
) {
    let Located { value, span } = name;
    if known.contains(&value.as_str()) {
        return;
    }
    let message = format!("`{path}`: there is no strategy {value:?}");
    let unknown = Diagnostic::new(message, Some(span.clone())).label("unknown strategy");
    diagnostics.push(unknown.hint(choices(value, "strategies", known.iter().copied())));
}

/// It is `accuracy`, or any `metric` with its `value`.
fn figure_from_elsewhere(reference: &WrittenReference, diagnostics: &mut Diagnostics) {
    let WrittenReference { path, node, .. } = reference;
    let given = ["accuracy", "metric", "value"].map(|key| node.get(key).map(|node| &node.span));
    let (span, message) = match given {
        [Some(_), None, None] | [None, Some(_), Some(_)] => return,
        [Some(_), Some(other), _] | [Some(_), None, Some(other)] => {
            (other, "`accuracy` and another figure are both given")
        }
        [None, Some(metric), None] => (metric, "`metric` has no `value`"),
        [None, None, Some(value)] => (value, "`value` is of no `metric`"),
        [None, None, None] => (&node.span, "there is no figure"),
    };
    let wrong = Diagnostic::new(format!("`{path}`: {message}"), Some(span.clone()));
    diagnostics.push(wrong.hint(
        "write for example accuracy = 0.96, or metric = \"macro-f1\" with value = 0.91".to_owned(),
    ));
}
