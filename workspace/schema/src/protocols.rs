//! Published protocols as keys of a strategy. A strategy that names one gets its keys as if they were written;
//! what is written beside it and says something else is refused.

use std::ops::Range;

use crate::check::range;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::shape::join;
use crate::tree::{self, Entry, Node, Value};

/// A published protocol.
#[derive(Clone, Copy, Debug)]
pub struct Protocol {
    /// Its name and version in the experiment file: figures under different versions are not of one kind.
    pub id: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    /// Where its values come from, what it asks for beside these keys, and where they differ from the source.
    pub notes: &'static str,
    /// Its keys, as TOML of a strategy.
    pub keys: &'static str,
}

/// All of them.
pub const ALL: &[Protocol] = &[
    Protocol {
        id: "dinov2-knn@1",
        about: "k nearest neighbours, as DINO and DINOv2 evaluate",
        notes: "From `dinov2/eval/knn.py`: a vote of exp(cos / 0.07) by each of the 20 most similar training samples. The source \
                also reports k = 10, 100 and 200. It resizes images to 256 (bicubic), cuts out the central 224 and normalises with \
                ImageNet's mean and deviation: that is for the dataset to say.",
        keys: r#"
kind = "feature-classifier"
head = { use = "knn", k = 20, metric = "cosine", weights = "exponential", temperature = 0.07, scale = "none" }
"#,
    },
    Protocol {
        id: "simclr-logistic@1",
        about: "logistic regression, as SimCLR and DINOv2 evaluate",
        notes: "From `dinov2/eval/log_regression.py`, which has the grid of SimCLR and of Kornblith et al. 2019: 45 values of \
                C = 1 / `l2` from 1e-6 to 1e5, the smallest first, judged by the accuracy on a tenth of the training samples. The \
                tolerance is 1e-9 where the source asks for 1e-12, which a gradient in 64 bits does not always reach.",
        keys: r#"
kind = "feature-classifier"
head = { use = "logistic-regression", scale = "none", max-iterations = 1000, tolerance = 1e-9 }

[select]
on = { holdout = 0.1 }
by = "accuracy"
head = { l2 = { log = [1e6, 1e-5], count = 45 } }
"#,
    },
    Protocol {
        id: "big-vision-10shot@1",
        about: "ridge regression on 10 samples of every class, as big_vision evaluates",
        notes: "From `big_vision/evaluators/fewshot_lsr.py`: features standardised by the samples drawn, a constant feature of 100, \
                targets of 1 and -1. The source repeats it with three seeds, which `seeds` says.",
        keys: r#"
kind = "feature-classifier"
train-per-class = 10
head = { use = "ridge", l2 = 1024.0, scale = "standardise", deviation-floor = 1e-5, constant = 100.0 }
"#,
    },
    Protocol {
        id: "clip-linear@1",
        about: "the linear probe of CLIP",
        notes: "From appendix A.3 of Radford et al. 2021 and issue 39 of the repository: C = 1 / `l2` from 1e-6 to 1e6, 8 values to \
                the decade. The source goes through that grid by a binary search, on the validation split where a dataset has one; \
                here all 97 values are tried, the smallest C first, on a tenth of the training samples. It takes features before \
                the projection: that is for the cut to say.",
        keys: r#"
kind = "feature-classifier"
head = { use = "logistic-regression", scale = "none", max-iterations = 1000 }

[select]
on = { holdout = 0.1 }
by = "accuracy"
head = { l2 = { log = [1e6, 1e-6], count = 97 } }
"#,
    },
];

/// Puts the keys of their protocols into the strategies of a file.
pub(crate) fn expand(root: &mut Node, diagnostics: &mut Diagnostics) {
    let Some(strategies) = root.items_mut("strategy") else {
        return;
    };
    for (index, strategy) in strategies.iter_mut().enumerate() {
        let Some(named) = strategy.get("protocol") else {
            continue;
        };
        // Another word is told as any that is none of the choices.
        let word = named.text();
        let Some(protocol) = ALL.iter().find(|protocol| Some(protocol.id) == word) else {
            continue;
        };
        let span = named.span.clone();
        let Some(keys) = protocol.tree() else {
            continue;
        };
        let path = format!("strategy[{index}]");
        merge(strategy, &keys, (protocol.id, &span), &path, diagnostics);
    }
}

impl Protocol {
    fn tree(&self) -> Option<Node> {
        tree::parse(self.keys, &mut Diagnostics::new("", self.keys))
    }
}

/// Puts the keys of `from` into a table that does not have them, where the protocol is written.
fn merge(
    into: &mut Node,
    from: &Node,
    protocol: (&str, &Range<usize>),
    path: &str,
    diagnostics: &mut Diagnostics,
) {
    let Value::Table(entries) = &mut into.value else {
        return;
    };
    for theirs in from.entries() {
        let path = join(path, &theirs.key);
        let Some(ours) = entries.iter_mut().find(|entry| entry.key == theirs.key) else {
            entries.push(Entry {
                key: theirs.key.clone(),
                key_span: protocol.1.clone(),
                node: moved(&theirs.node, protocol.1),
            });
            continue;
        };
        let is_table = |node: &Node| matches!(node.value, Value::Table(_));
        // These say one thing together.
        let is_whole = theirs.key == "on" || theirs.node.get("count").is_some();
        if is_table(&ours.node) && is_table(&theirs.node) && !is_whole {
            merge(&mut ours.node, &theirs.node, protocol, &path, diagnostics);
        } else if !same(&theirs.key, &ours.node, &theirs.node) {
            let message = format!(
                "`{path}`: the protocol `{}` has {}, found {}",
                protocol.0,
                theirs.node.to_json(),
                ours.node.found()
            );
            let differs = Diagnostic::new(message, Some(ours.node.span.clone()));
            diagnostics.push(differs.label("another value than the protocol's").hint(
                "remove the key, or the protocol: a figure is one of the protocol only with all of \
                 its values"
                    .to_owned(),
            ));
            // The other parameters are those of another component.
            if theirs.key == "use" {
                return;
            }
        }
    }
}

/// A value and its parts where the protocol is written.
fn moved(node: &Node, span: &Range<usize>) -> Node {
    let value = match &node.value {
        Value::Table(entries) => {
            let moved = |entry: &Entry| Entry {
                key: entry.key.clone(),
                key_span: span.clone(),
                node: moved(&entry.node, span),
            };
            Value::Table(entries.iter().map(moved).collect())
        }
        Value::List(items) => Value::List(items.iter().map(|item| moved(item, span)).collect()),
        other => other.clone(),
    };
    let span = span.clone();
    Node { span, value }
}

/// Whether both say the same: as a resolved file has it, too, with full ids of components and ranges as lists.
fn same(key: &str, ours: &Node, theirs: &Node) -> bool {
    let id = |node: &Node| {
        let text = node.text()?;
        Some(text.rsplit('/').next().unwrap_or(text).to_owned())
    };
    let values = |node: &Node| match &node.value {
        Value::List(items) => Some(items.clone()),
        Value::Table(_) => range(node, false).ok(),
        _ => None,
    };
    match (ours.number(), theirs.number()) {
        (Some(ours), Some(theirs)) => return ours == theirs,
        (None, None) => {}
        _ => return false,
    }
    if key == "use" {
        return id(ours) == id(theirs);
    }
    match (values(ours), values(theirs)) {
        (Some(ours), Some(theirs)) => {
            let mut pairs = ours.iter().zip(&theirs);
            ours.len() == theirs.len() && pairs.all(|(ours, theirs)| same("", ours, theirs))
        }
        _ => ours.to_json() == theirs.to_json(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::STRATEGY;
    use crate::shape;

    #[test]
    fn every_protocol_is_made_of_keys_there_are() {
        for protocol in ALL {
            let tree = protocol.tree().unwrap();
            for entry in tree.entries() {
                let key = STRATEGY.key(&entry.key);
                let accepted = key.is_some_and(|key| shape::accepts(&key.kind, &entry.node));
                assert!(accepted, "`{}` of {}", entry.key, protocol.id);
            }
            let (name, version) = protocol.id.split_once('@').unwrap();
            assert!(!name.is_empty() && version.parse::<u32>().is_ok());
        }
    }

    #[test]
    fn what_says_the_same_is_the_same() {
        let check = |key: &str, ours: &str, theirs: &str, expected: bool| {
            let [a, b] = [ours, theirs].map(|text| tree::parse_default(text, 0..0).unwrap());
            assert_eq!(same(key, &a, &b), expected, "{ours} and {theirs}");
        };
        check("l2", "1024", "1024.0", true);
        check("l2", "1024.5", "1024.0", false);
        check("l2", "\"1024\"", "1024.0", false);
        check("use", "\"classifiers/knn\"", "\"knn\"", true);
        check("metric", "\"a/cosine\"", "\"cosine\"", false);
        check(
            "l2",
            "[1.0, 10.0, 100]",
            "{ log = [1, 100], count = 3 }",
            true,
        );
        check(
            "l2",
            "{ log = [1, 100], count = 4 }",
            "{ log = [1, 100], count = 3 }",
            false,
        );
        check(
            "l2",
            "[100.0, 10.0, 1]",
            "{ log = [1, 100], count = 3 }",
            false,
        );
        check("calibrate", "true", "true", true);
    }
}
