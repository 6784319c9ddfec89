//! Checks the tree against the table of keys: unknown and missing keys, wrong types, values out
//! of range.

use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::keys::{Bounds, Choice, Key, Kind, Presence, Table};
use crate::tree::{Entry, Node, Value, quoted, repeated};
use topwork_nearest::{choices, listed, nearest};

/// Checks `node`, which stands at `path` (empty at the top), against `table`.
pub(crate) fn check_table(table: &Table, node: &Node, path: &str, diagnostics: &mut Diagnostics) {
    for entry in node.entries() {
        let path = join(path, &entry.key);
        match table.key(&entry.key) {
            Some(key) => check_value(&key.kind, &entry.node, &path, diagnostics),
            // Only the plugin knows its parameters; here they must just be something it can get.
            None if table.component => check_parameter(&entry.node, &path, diagnostics),
            None => diagnostics.push(unknown_key(table, entry, &path)),
        }
    }
    for key in table.keys {
        if matches!(key.presence, Presence::Required) && node.entry(key.name).is_none() {
            diagnostics.push(missing_key(key, node, path));
        }
    }
}

/// Tells of a key that is missing only where nothing else makes up for it.
pub(crate) fn missing(
    table: &Table,
    key: &str,
    node: &Node,
    path: &str,
    diagnostics: &mut Diagnostics,
) {
    if let Some(key) = table.key(key) {
        diagnostics.push(missing_key(key, node, path));
    }
}

/// `path` and `key` as one path, as one would type it.
pub(crate) fn join(path: &str, key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let key = if !key.is_empty() && key.chars().all(bare) {
        key.to_owned()
    } else {
        format!("{key:?}")
    };
    if path.is_empty() {
        key
    } else {
        format!("{path}.{key}")
    }
}

fn unknown_key(table: &Table, entry: &Entry, path: &str) -> Diagnostic {
    let names = table.keys.iter().map(|key| key.name);
    let hint = match nearest(&entry.key, names.clone()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("the keys here are {}", listed(names)),
    };
    Diagnostic::new(
        format!("unknown key `{path}`"),
        Some(entry.key_span.clone()),
    )
    .label("unknown key")
    .hint(hint)
}

fn missing_key(key: &Key, node: &Node, path: &str) -> Diagnostic {
    let name = key.name;
    let what = match (&key.kind, path.is_empty()) {
        (Kind::Table(_) | Kind::TableOrTables(_), true) => format!("table `[{name}]`"),
        (Kind::Tables { .. }, true) => format!("table `[[{name}]]`"),
        (Kind::Table(_) | Kind::Tables { .. }, false) => format!("table `{name}` in `{path}`"),
        (_, true) => format!("key `{name}`"),
        (_, false) => format!("key `{name}` in `{path}`"),
    };
    // The top of the file has no place of its own.
    let span = (!path.is_empty()).then(|| node.span.clone());
    let hint = match key.kind {
        Kind::Name => format!("`{name}`: {}", key.about),
        _ => format!("`{name}`, {}: {}", expectation(&key.kind), key.about),
    };
    Diagnostic::new(format!("missing {what}"), span).hint(hint)
}

/// Whether a value is what its kind asks for.
pub(crate) fn accepts(kind: &Kind, node: &Node) -> bool {
    let mut problems = Diagnostics::new("", "");
    check_value(kind, node, "", &mut problems);
    problems.is_empty()
}

fn accepts_any(kinds: &[Kind], node: &Node) -> bool {
    kinds.iter().any(|kind| accepts(kind, node))
}

fn check_value(kind: &Kind, node: &Node, path: &str, diagnostics: &mut Diagnostics) {
    match (kind, &node.value) {
        (Kind::Table(table), Value::Table(_)) => check_table(table, node, path, diagnostics),
        (Kind::Entries { of, .. }, Value::Table(entries)) if !entries.is_empty() => {
            for entry in entries {
                check_value(of, &entry.node, &join(path, &entry.key), diagnostics);
            }
        }
        (Kind::Tables { of, min }, Value::List(items)) if items.len() >= *min => {
            check_tables(of, items, path, diagnostics);
        }
        (Kind::TableOrTables(of), Value::Table(_)) => check_table(of, node, path, diagnostics),
        (Kind::TableOrTables(of), Value::List(items)) if !items.is_empty() => {
            check_tables(of, items, path, diagnostics);
        }
        (Kind::List { of, min, distinct }, Value::List(items)) if items.len() >= *min => {
            check_items(of, *distinct, items, path, diagnostics);
        }
        (Kind::OneOrMore(of), Value::List(items)) if !items.is_empty() => {
            check_items(of, true, items, path, diagnostics);
        }
        (Kind::OneOrMore(of), _) if same_type(of, node) => {
            check_value(of, node, path, diagnostics);
        }
        (Kind::Choice(choice), Value::Text(text)) => {
            if !choice.iter().any(|c| c.word == text) {
                diagnostics.push(not_a_choice(choice, text, node, path));
            }
        }
        (Kind::Either(kinds), _) => match kinds.iter().find(|kind| same_type(kind, node)) {
            // A wrong word may stand for something that is not a word at all.
            Some(Kind::Choice(_)) if !accepts_any(kinds, node) => {
                diagnostics.push(unexpected(&expectation(kind), node, path));
            }
            Some(kind) => check_value(kind, node, path, diagnostics),
            None => diagnostics.push(unexpected(&expectation(kind), node, path)),
        },
        (kind, _) if in_range(kind, node) => {}
        (kind, _) => {
            let mut diagnostic = unexpected(&expectation(kind), node, path);
            if let Some(hint) = how_to_write(kind, node, path) {
                diagnostic = diagnostic.hint(hint);
            }
            diagnostics.push(diagnostic);
        }
    }
}

fn check_tables(of: &Table, items: &[Node], path: &str, diagnostics: &mut Diagnostics) {
    for (index, item) in items.iter().enumerate() {
        let path = format!("{path}[{index}]");
        match &item.value {
            Value::Table(_) => check_table(of, item, &path, diagnostics),
            _ => diagnostics.push(unexpected("a table", item, &path)),
        }
    }
}

fn check_items(
    of: &Kind,
    distinct: bool,
    items: &[Node],
    path: &str,
    diagnostics: &mut Diagnostics,
) {
    for ((index, item), again) in items.iter().enumerate().zip(repeated(items)) {
        check_value(of, item, &format!("{path}[{index}]"), diagnostics);
        if distinct && again {
            let message = format!("`{path}` lists {} twice", item.found());
            let again = Diagnostic::new(message, Some(item.span.clone()));
            diagnostics.push(again.label("listed before"));
        }
    }
}

fn check_parameter(node: &Node, path: &str, diagnostics: &mut Diagnostics) {
    match &node.value {
        Value::Table(entries) => {
            for entry in entries {
                check_parameter(&entry.node, &join(path, &entry.key), diagnostics);
            }
        }
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                check_parameter(item, &format!("{path}[{index}]"), diagnostics);
            }
        }
        Value::Float(float) if !float.is_finite() => {
            diagnostics.push(unexpected("a finite number", node, path));
        }
        Value::Date(date) => diagnostics.push(
            unexpected("a value that fits into JSON", node, path)
                .hint(format!("put quotes round it: \"{date}\"")),
        ),
        _ => {}
    }
}

fn unexpected(expected: &str, node: &Node, path: &str) -> Diagnostic {
    let message = format!("`{path}`: expected {expected}, found {}", node.found());
    Diagnostic::new(message, Some(node.span.clone())).label(format!("expected {expected}"))
}

fn not_a_choice(choice: &[Choice], text: &str, node: &Node, path: &str) -> Diagnostic {
    let message = format!(
        "`{path}`: expected {}, found {}",
        one_of(choice),
        quoted(text)
    );
    Diagnostic::new(message, Some(node.span.clone()))
        .label("none of the choices")
        .hint(choices(text, "choices", choice.iter().map(|c| c.word)))
}

/// How to write a value of this kind, where people are likely to get the form wrong.
fn how_to_write(kind: &Kind, node: &Node, path: &str) -> Option<String> {
    let key = path.rsplit('.').next().unwrap_or(path);
    match (kind, &node.value) {
        (Kind::Number(bounds), _) if node.number().is_some_and(|n| bounds.contain_exactly(n)) => {
            let (least, most) = (f32::MIN_POSITIVE, f32::MAX);
            Some(format!(
                "numbers are computed with in single precision, which ends at {least:e} and {most:e}"
            ))
        }
        (Kind::Table(table) | Kind::TableOrTables(table), Value::Text(text))
            if table.names_a_component() =>
        {
            Some(format!("write {key} = {{ use = {text:?} }}"))
        }
        (Kind::Tables { .. }, Value::Table(_)) => Some(format!("write `[[{key}]]`")),
        (Kind::Tables { .. }, Value::List(_)) => Some(format!("add a `[[{key}]]` table")),
        (Kind::Table(_), Value::List(_)) => Some(format!("there is only one: write `[{key}]`")),
        (Kind::Name, Value::Text(_)) => {
            Some("a name has at least one visible character and stands on one line".to_owned())
        }
        (Kind::List { .. }, Value::Integer(_)) => Some(format!("write {key} = [{}]", node.found())),
        _ => None,
    }
}

/// Whether a value of a kind without parts is as it should be.
fn in_range(kind: &Kind, node: &Node) -> bool {
    match kind {
        Kind::Text => node.text().is_some(),
        Kind::Name => node
            .text()
            .is_some_and(|text| !text.trim().is_empty() && !text.contains(char::is_control)),
        Kind::Path => node.text().is_some_and(|text| !text.is_empty()),
        Kind::Digest => node.text().is_some_and(|text| {
            text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        }),
        Kind::Boolean => node.boolean().is_some(),
        Kind::Integer { min, max } => node
            .integer()
            .is_some_and(|integer| (*min..=*max).contains(&integer)),
        Kind::Number(bounds) => node.number().is_some_and(|number| bounds.contain(number)),
        _ => false,
    }
}

fn same_type(kind: &Kind, node: &Node) -> bool {
    match kind {
        Kind::Text | Kind::Name | Kind::Path | Kind::Digest | Kind::Choice(_) => {
            matches!(node.value, Value::Text(_))
        }
        Kind::Boolean => matches!(node.value, Value::Boolean(_)),
        Kind::Integer { .. } => matches!(node.value, Value::Integer(_)),
        Kind::Number(_) => matches!(node.value, Value::Integer(_) | Value::Float(_)),
        Kind::List { .. } | Kind::Tables { .. } => matches!(node.value, Value::List(_)),
        Kind::Table(_) | Kind::Entries { .. } => matches!(node.value, Value::Table(_)),
        Kind::TableOrTables(_) => matches!(node.value, Value::Table(_) | Value::List(_)),
        Kind::OneOrMore(of) => matches!(node.value, Value::List(_)) || same_type(of, node),
        Kind::Either(kinds) => kinds.iter().any(|kind| same_type(kind, node)),
    }
}

impl Bounds {
    /// Numbers are computed with in single precision, so they must be in range there as well:
    /// a learning rate of 1e-60 would become 0, one of 1e300 infinite.
    fn contain(&self, number: f64) -> bool {
        self.contain_exactly(number) && self.contain_exactly(f64::from(number as f32))
    }

    fn contain_exactly(&self, number: f64) -> bool {
        let high_enough = number > self.min || (number == self.min && !self.above);
        let low_enough = self
            .max
            .is_none_or(|max| number < max || (number == max && !self.below));
        number.is_finite() && high_enough && low_enough
    }
}

/// What is expected of a value, in words: "an integer of at least 1".
pub(crate) fn expectation(kind: &Kind) -> String {
    match kind {
        Kind::Text => "a string".to_owned(),
        Kind::Name => "a name".to_owned(),
        Kind::Path => "the path of a file".to_owned(),
        Kind::Digest => "64 hexadecimal digits".to_owned(),
        Kind::Boolean => "true or false".to_owned(),
        Kind::Integer { min, max: u64::MAX } => format!("an integer of at least {min}"),
        Kind::Integer { min, max } => format!("an integer from {min} to {max}"),
        Kind::Number(bounds) if bounds.min.is_infinite() => "a number".to_owned(),
        Kind::Number(bounds) => {
            let min = if bounds.above { "above" } else { "of at least" };
            let max = if bounds.below { "below" } else { "at most" };
            match bounds.max {
                Some(limit) => format!("a number {min} {} and {max} {limit}", bounds.min),
                None => format!("a number {min} {}", bounds.min),
            }
        }
        Kind::Choice(choice) => one_of(choice),
        Kind::List { of, min, .. } => {
            let item = expectation(of);
            match min {
                0 => format!("a list, each item {item}"),
                1 => format!("a list of one or more items, each {item}"),
                min => format!("a list of {min} or more items, each {item}"),
            }
        }
        Kind::OneOrMore(of) => format!("{}, or a list of them", expectation(of)),
        Kind::Either(kinds) => {
            let kinds: Vec<String> = kinds.iter().map(expectation).collect();
            kinds.join(" or ")
        }
        Kind::Table(table) | Kind::TableOrTables(table) if table.names_a_component() => {
            "a table that names a component in `use`".to_owned()
        }
        Kind::Table(_) | Kind::TableOrTables(_) => "a table".to_owned(),
        Kind::Entries { keys, of } => format!("a table from {keys} to {}", expectation(of)),
        Kind::Tables { min: 0, .. } => "a list of tables".to_owned(),
        Kind::Tables { .. } => "a list of one or more tables".to_owned(),
    }
}

/// "one of `a`, `b`", and "`a`" when there is no choice.
fn one_of(choice: &[Choice]) -> String {
    let words = listed(choice.iter().map(|c| c.word));
    match choice {
        [_] => words,
        _ => format!("one of {words}"),
    }
}
