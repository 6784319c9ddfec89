//! What a strategy chooses on its training samples: the values written, held against the head and against
//! the keys of `train`.

use serde_json::{Map, Value};
use topwork_measure::TargetKind;
use topwork_nearest::choices;

use super::Check;
use crate::components::Wanted;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::keys::{self, Kind};
use crate::plan::{CutPoint, Strategy};
use crate::rules;
use crate::select::{Lists, MOST_CANDIDATES, MOST_VALUES, Select, SelectOn};
use crate::shape;
use crate::strategies::StrategyKind;
use crate::tree::{self, Entry, Node};
use crate::words::Component;
use crate::written::{Written, WrittenStrategy, WrittenTrain, WrittenUse};

/// What to do about a value beside those that are chosen from.
const REMOVE_ONE: &str = "remove it here, or among the values that are chosen from";

/// Keys with the nodes of their values.
type Listed = Vec<(Entry, Vec<Node>)>;

/// The figure that rows are ranked by: what candidates are judged by where nothing else is written.
pub(super) fn ranked_by(written: &Written, targets: TargetKind) -> String {
    let target = written.target.as_ref().and_then(|of| of.plain.as_ref());
    let named = target.and_then(|target| target.rank_by.as_ref().or(target.metrics.first()));
    named.map_or(targets.ranks().id, String::as_str).to_owned()
}

impl Check<'_> {
    /// The head without the parameters that are chosen, and what is chosen; `None` when something of it is
    /// wrong.
    pub(super) fn select(
        &mut self,
        written: &WrittenStrategy,
        ranked_by: &str,
    ) -> Option<(Component, Select)> {
        let node = written.node.get("select")?;
        let path = shape::join(&written.path, "select");
        // What is wrong with the table in itself has been told.
        if !shape::accepts(&Kind::Table(&keys::SELECT), node) {
            return None;
        }
        let kind = written.kind.as_ref().map(|kind| kind.value);
        let head = written.head.as_ref()?;
        let on = judged_on(node.get("on")?, &path, &mut self.diagnostics)?;
        if let Some(refused) = kind.and_then(|kind| refused(kind, node, &path)) {
            self.diagnostics.push(refused);
            return None;
        }
        let schema = self.components.head_schema(&head.component.value);
        let of_head = |key: &str| {
            let property =
                schema.and_then(|schema| schema.get("properties")?.get(key)?.get("type"));
            property.is_some_and(|of| of == "integer")
        };
        let of_train = |key: &str| {
            let key = keys::TRAIN.key(key);
            key.is_some_and(|key| matches!(key.kind, Kind::Integer { .. }))
        };
        let diagnostics = &mut self.diagnostics;
        if let (Some(own), Some(_)) = (written.node.entry("cut"), node.get("cut")) {
            let message = format!("`{}.cut` has no effect: `{path}` chooses it", written.path);
            let both = Diagnostic::new(message, Some(own.key_span.clone())).label("has no effect");
            diagnostics.push(both.hint(REMOVE_ONE.to_owned()));
            return None;
        }
        let heads = lists(
            node.get("head"),
            &format!("{path}.head"),
            of_head,
            diagnostics,
        );
        let trains = lists(
            node.get("train"),
            &format!("{path}.train"),
            of_train,
            diagnostics,
        );
        let (heads, trains) = (heads?, trains?);
        not_too_many(&heads, &trains, node, &path, diagnostics)?;
        let beside = |listed: &Listed, table: &Node, at: &str, diagnostics: &mut Diagnostics| {
            let mut fine = true;
            for (entry, _) in listed {
                if let Some(both) = table.entry(&entry.key) {
                    let key = &entry.key;
                    let message = format!("`{at}.{key}` has no effect: `{path}` chooses it");
                    let both = Diagnostic::new(message, Some(both.key_span.clone()));
                    diagnostics.push(both.label("has no effect").hint(REMOVE_ONE.to_owned()));
                    fine = false;
                }
            }
            fine
        };
        let mut fine = beside(&heads, &head.node, &head.path, diagnostics);
        if let Some(train) = &written.train {
            fine &= beside(&trains, &train.node, &train.path, diagnostics);
            fine &= trained(&trains, train, &format!("{path}.train"), diagnostics);
        }
        let mut component = self.chosen_head(head, &heads, kind)?;
        for (entry, _) in &heads {
            component.parameters.shift_remove(&entry.key);
        }
        let by = node.get("by").and_then(Node::text).unwrap_or(ranked_by);
        fine.then(|| {
            let select = Select {
                on,
                by: by.to_owned(),
                // Filled in with the rows, which need the backbone.
                cuts: Vec::new(),
                head: values(heads),
                train: values(trains),
            };
            (component, select)
        })
    }

    /// The head with the first value of every list, when it takes that, and each other value in place of the
    /// first.
    fn chosen_head(
        &mut self,
        head: &WrittenUse,
        lists: &Listed,
        kind: Option<StrategyKind>,
    ) -> Option<Component> {
        let mut first = head.clone();
        for (entry, values) in lists {
            set(&mut first, entry, &values[0]);
        }
        let wanted = Wanted::StrategyHead(kind);
        let found = self
            .components
            .find(&first, wanted, &mut self.diagnostics)?;
        for (entry, values) in lists {
            for value in &values[1..] {
                let mut other = first.clone();
                set(&mut other, entry, value);
                self.components
                    .find(&other, wanted, &mut self.diagnostics)?;
            }
        }
        Some(found.component)
    }
}

fn judged_on(node: &Node, path: &str, diagnostics: &mut Diagnostics) -> Option<SelectOn> {
    let (share, folds) = (node.get("holdout"), node.get("folds"));
    let problem = match (share, folds) {
        (Some(share), None) => return Some(SelectOn::Holdout(share.number()?)),
        (None, Some(folds)) => {
            return Some(SelectOn::Folds(usize::try_from(folds.integer()?).ok()?));
        }
        (None, None) => "says neither `holdout` nor `folds`",
        (Some(_), Some(_)) => "says both `holdout` and `folds`",
    };
    let message = format!("`{path}.on` {problem}");
    let wrong = Diagnostic::new(message, Some(node.span.clone()));
    diagnostics.push(wrong.hint("write on = { holdout = 0.1 } or on = { folds = 5 }".to_owned()));
    None
}

/// What a kind of strategy cannot choose.
fn refused(kind: StrategyKind, node: &Node, path: &str) -> Option<Diagnostic> {
    if kind.trains_the_trunk() {
        let message = format!("`{path}` does not go with the kind `{}`", kind.as_str());
        let refused = Diagnostic::new(message, Some(node.span.clone())).label("not here");
        return Some(
            refused.hint(
                "candidates are fitted to the features of a frozen trunk: choose with kind = \
             \"frozen-backbone\" or \"feature-classifier\""
                    .to_owned(),
            ),
        );
    }
    let train = node.get("train").filter(|_| kind.fits_a_classifier())?;
    let message = format!(
        "`{path}.train`: a `{}` is fit once and not trained",
        kind.as_str()
    );
    let refused = Diagnostic::new(message, Some(train.span.clone())).label("has no effect");
    Some(refused.hint("remove it; parameters of the classifier stand in `select.head`".to_owned()))
}

/// The lists of a table, ranges as the values they stand for; `integer` says of a key whether it takes
/// whole numbers alone.
fn lists(
    node: Option<&Node>,
    path: &str,
    integer: impl Fn(&str) -> bool,
    diagnostics: &mut Diagnostics,
) -> Option<Listed> {
    let mut all = Some(Listed::new());
    for entry in node.map_or(&[][..], Node::entries) {
        let path = shape::join(path, &entry.key);
        let values = match entry.node.value {
            tree::Value::Table(_) => match range(&entry.node, integer(&entry.key)) {
                Ok(values) => Some(values),
                Err(problem) => {
                    let message = format!("`{path}`: {problem}");
                    let wrong = Diagnostic::new(message, Some(entry.node.span.clone()));
                    diagnostics.push(wrong.hint(format!(
                        "write for example {} = {{ log = [1e-3, 1e3], count = 7 }}",
                        entry.key
                    )));
                    None
                }
            },
            _ => Some(entry.node.items().to_vec()),
        };
        if let Some(values) = &values
            && values.len() > MOST_VALUES
        {
            let message = format!(
                "`{path}`: expected at most {MOST_VALUES} values, found {}",
                values.len()
            );
            diagnostics.push(Diagnostic::new(message, Some(entry.node.span.clone())));
            all = None;
        }
        match (values, &mut all) {
            (Some(values), Some(all)) => all.push((entry.clone(), values)),
            _ => all = None,
        }
    }
    all
}

/// The values that a range stands for. They have 12 digits, so that what is 0.001 but for the last bit is
/// 0.001.
pub(crate) fn range(node: &Node, integer: bool) -> Result<Vec<Node>, String> {
    let (log, linear) = (node.get("log"), node.get("linear"));
    let (ends, is_log) = match (log, linear) {
        (Some(ends), None) => (ends, true),
        (None, Some(ends)) => (ends, false),
        (None, None) => return Err("a range has `log` or `linear`".to_owned()),
        (Some(_), Some(_)) => return Err("`log` and `linear` both give the ends".to_owned()),
    };
    let numbers: Vec<f64> = ends.items().iter().filter_map(Node::number).collect();
    let [from, to] = numbers[..] else {
        return Err(format!(
            "a range has two ends, found {}",
            ends.items().len()
        ));
    };
    let count = node
        .get("count")
        .and_then(Node::integer)
        .unwrap_or(2)
        .max(2);
    let mut values: Vec<Node> = Vec::new();
    for index in 0..count {
        let part = index as f64 / (count - 1) as f64;
        let value = match (index, is_log) {
            (0, _) => from,
            (last, _) if last + 1 == count => to,
            (_, true) => 10_f64.powf(from.log10() + part * (to.log10() - from.log10())),
            (_, false) => from + part * (to - from),
        };
        let value = match integer {
            true => tree::Value::Integer(value.round() as i64),
            false => tree::Value::Float(rounded(value)),
        };
        let span = node.span.clone();
        values.push(Node { span, value });
    }
    let again: Vec<bool> = tree::repeated(&values).collect();
    let mut again = again.into_iter();
    values.retain(|_| !again.next().unwrap_or(false));
    Ok(values)
}

fn rounded(value: f64) -> f64 {
    format!("{value:.11e}").parse().unwrap_or(value)
}

/// Refuses no lists at all, and more combinations than are tried.
fn not_too_many(
    heads: &Listed,
    trains: &Listed,
    node: &Node,
    path: &str,
    diagnostics: &mut Diagnostics,
) -> Option<()> {
    let sizes: Vec<usize> = (heads.iter().chain(trains))
        .map(|(_, values)| values.len())
        .collect();
    let span = Some(node.span.clone());
    if sizes.is_empty() && node.get("cut").is_none() {
        let nothing = Diagnostic::new(format!("`{path}` has no values to choose from"), span);
        diagnostics.push(
            nothing.hint(
                "write for example head = { l2 = { log = [1e-3, 1e3], count = 7 } }".to_owned(),
            ),
        );
        return None;
    }
    few_enough(&sizes, node, path, diagnostics)
}

/// The same where cuts are among the values, whose number is known by the backbone alone.
pub(super) fn with_cuts(
    written: &WrittenStrategy,
    strategy: &Strategy,
    among: &[CutPoint],
    diagnostics: &mut Diagnostics,
) {
    let (Some(select), Some(node)) = (&strategy.select, written.node.get("select")) else {
        return;
    };
    if !among.is_empty() {
        let lists = select.head.0.iter().chain(&select.train.0);
        let sizes = lists.map(|(_, values)| values.len());
        let sizes: Vec<usize> = std::iter::once(among.len()).chain(sizes).collect();
        few_enough(
            &sizes,
            node,
            &shape::join(&written.path, "select"),
            diagnostics,
        );
    }
}

/// Refuses more combinations of lists of these sizes than are tried.
fn few_enough(
    sizes: &[usize],
    node: &Node,
    path: &str,
    diagnostics: &mut Diagnostics,
) -> Option<()> {
    let candidates = (sizes.iter()).fold(1_usize, |all, size| all.saturating_mul(*size));
    if candidates <= MOST_CANDIDATES {
        return Some(());
    }
    let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
    let message = format!(
        "`{path}`: expected at most {MOST_CANDIDATES} combinations, found {} = {candidates}",
        sizes.join(" × ")
    );
    diagnostics.push(
        Diagnostic::new(message, Some(node.span.clone()))
            .label("too many")
            .hint("take out values that are not worth trying".to_owned()),
    );
    None
}

/// Whether the values are what the keys of `train` take, each with the rest as it is written.
fn trained(
    lists: &Listed,
    train: &WrittenTrain,
    path: &str,
    diagnostics: &mut Diagnostics,
) -> bool {
    let mut fine = true;
    for (entry, values) in lists {
        let name = entry.key.as_str();
        let problem = match keys::TRAIN.key(name) {
            None => {
                let names = keys::TRAIN.keys.iter().map(|key| key.name);
                Some((
                    format!("unknown key `{path}.{name}`"),
                    choices(name, "keys", names),
                ))
            }
            Some(_) if name == "epochs" => Some((
                format!("`{path}.epochs` is not chosen here"),
                Some("`validation` and `patience` of `train` choose when to stop".to_owned()),
            )),
            Some(key) => match key.kind {
                Kind::Number(_) | Kind::Integer { .. } | Kind::Boolean => None,
                _ => Some((
                    format!("`{path}.{name}` is not chosen here: expected a key with a number"),
                    Some("write a strategy for each".to_owned()),
                )),
            },
        };
        if let Some((message, hint)) = problem {
            let wrong = Diagnostic::new(message, Some(entry.key_span.clone()));
            diagnostics.push(wrong.hint(hint));
            fine = false;
            continue;
        }
        for (index, value) in values.iter().enumerate() {
            let Some(key) = keys::TRAIN.key(name) else {
                continue;
            };
            if !shape::accepts(&key.kind, value) {
                let message = format!(
                    "`{path}.{name}[{index}]`: expected {}, found {}",
                    shape::expectation(&key.kind),
                    value.found()
                );
                diagnostics.push(Diagnostic::new(message, Some(value.span.clone())));
                fine = false;
            } else {
                fine &= with_the_rest(entry, value, train, diagnostics);
            }
        }
    }
    fine
}

/// Whether the table of `train` is right with this value.
fn with_the_rest(
    entry: &Entry,
    value: &Node,
    train: &WrittenTrain,
    diagnostics: &mut Diagnostics,
) -> bool {
    let Some(written) = train.train.as_ref() else {
        return true;
    };
    let mut other = train.clone();
    push(&mut other.node, entry, value);
    let candidate = Map::from_iter([(entry.key.clone(), value.to_json())]);
    other.train = crate::select::trained_with(written, &candidate);
    let mut problems = diagnostics.warnings();
    rules::train_table(&other, &mut problems);
    for problem in problems.iter() {
        let mut problem = problem.clone();
        problem.span = Some(value.span.clone());
        diagnostics.push(problem);
    }
    problems.is_empty()
}

/// The component with this value of a parameter.
fn set(head: &mut WrittenUse, entry: &Entry, value: &Node) {
    head.parameters.insert(entry.key.clone(), value.to_json());
    push(&mut head.node, entry, value);
}

/// The table with this value of a key, whatever it has been.
fn push(table: &mut Node, entry: &Entry, value: &Node) {
    if let tree::Value::Table(entries) = &mut table.value {
        entries.retain(|other| other.key != entry.key);
        entries.push(Entry {
            node: value.clone(),
            ..entry.clone()
        });
    }
}

fn values(listed: Listed) -> Lists {
    let json = |nodes: Vec<Node>| nodes.iter().map(Node::to_json).collect::<Vec<Value>>();
    Lists(
        (listed.into_iter())
            .map(|(entry, nodes)| (entry.key, json(nodes)))
            .collect(),
    )
}
