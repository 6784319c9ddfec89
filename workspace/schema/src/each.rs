//! A parameter of a head with several values, `{ each = [1, 5, 20] }`: a strategy for each of them, as if it were written so
//! often.

use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::tree::{self, Entry, Node, Value};

/// The key that stands for several values.
const EACH: &str = "each";

/// More strategies than this are a slip.
const MOST: usize = 100;

/// Puts a strategy for each value in the place of those with several. Copies have the place of what they are copies of.
pub(crate) fn expand(root: &mut Node, diagnostics: &mut Diagnostics) {
    let Some(strategies) = root.items_mut("strategy") else {
        return;
    };
    let written = std::mem::take(strategies);
    for (index, strategy) in written.into_iter().enumerate() {
        let path = format!("strategy[{index}].head");
        strategies.extend(copies(strategy, &path, diagnostics));
    }
}

/// A strategy, or one for each value of its head's parameters.
fn copies(strategy: Node, path: &str, diagnostics: &mut Diagnostics) -> Vec<Node> {
    let head = strategy.get("head").map_or(&[][..], Node::entries);
    let several: Vec<(String, Vec<Node>)> = (head.iter())
        .filter(|entry| entry.node.get(EACH).is_some())
        .map(|entry| (entry.key.clone(), values(entry, path, diagnostics)))
        .collect();
    // What has no values is left out, so that it is told once.
    let (none, several): (Vec<_>, Vec<_>) =
        (several.into_iter()).partition(|(_, values)| values.is_empty());
    let strategy = without(strategy, &none);
    let count = several.iter().map(|(_, values)| values.len());
    let count = count.fold(1, usize::saturating_mul);
    if count > MOST {
        let message = format!("`{path}`: {count} strategies come of it, expected {MOST} at most");
        let span = strategy.get("head").map(|head| head.span.clone());
        diagnostics.push(Diagnostic::new(message, span).hint(
            "give fewer values, or have one chosen on training samples by `select`".to_owned(),
        ));
        return vec![with(strategy, &several, &vec![0; several.len()])];
    }
    let mut copies = Vec::with_capacity(count);
    let mut at = vec![0; several.len()];
    loop {
        copies.push(with(strategy.clone(), &several, &at));
        // The last parameter changes fastest.
        let Some(next) = (0..at.len())
            .rev()
            .find(|&one| at[one] + 1 < several[one].1.len())
        else {
            return copies;
        };
        at[next] += 1;
        at[next + 1..].fill(0);
    }
}

fn without(mut strategy: Node, parameters: &[(String, Vec<Node>)]) -> Node {
    if let Some(head) = strategy.entry_mut("head")
        && let Value::Table(written) = &mut head.node.value
    {
        written.retain(|entry| parameters.iter().all(|(key, _)| *key != entry.key));
    }
    strategy
}

/// The values of a parameter, each once; none where there is no list of them.
fn values(entry: &Entry, path: &str, diagnostics: &mut Diagnostics) -> Vec<Node> {
    let path = format!("{path}.{}", entry.key);
    let mut refuse = |expected: &str, at: &Node| {
        let message = format!("`{path}`: {expected}, found {}", at.found());
        diagnostics.push(
            Diagnostic::new(message, Some(at.span.clone())).hint(format!(
                "write for example {} = {{ each = [1, 5, 20] }}",
                entry.key
            )),
        );
    };
    let each = entry.node.get(EACH);
    let listed = each.map_or(&[][..], Node::items);
    if listed.is_empty() {
        refuse(
            "expected a list of one value or more",
            each.unwrap_or(&entry.node),
        );
        return Vec::new();
    }
    if entry.node.entries().len() > 1 {
        refuse("expected `each` alone", &entry.node);
    }
    let mut values: Vec<Node> = Vec::new();
    for (value, again) in listed.iter().zip(tree::repeated(listed)) {
        match again {
            true => refuse("expected each value once", value),
            false => values.push(value.clone()),
        }
    }
    values
}

/// The strategy with these of the values, which its name says.
fn with(mut strategy: Node, several: &[(String, Vec<Node>)], at: &[usize]) -> Node {
    for ((key, values), &at) in several.iter().zip(at) {
        let value = &values[at];
        if let Some(name) = strategy.entry_mut("name")
            && let Value::Text(name) = &mut name.node.value
        {
            let value = value.to_json();
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            *name += &format!(" {key}={value}");
        }
        let head = strategy.entry_mut("head");
        if let Some(parameter) = head.and_then(|head| head.node.entry_mut(key)) {
            parameter.node = value.clone();
        }
    }
    strategy
}
