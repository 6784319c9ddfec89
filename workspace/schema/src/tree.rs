//! The parsed TOML as an owned tree in which every key and value knows where it stands.

use std::collections::HashSet;
use std::ops::Range;

use serde_json::{Map, Number};
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use crate::diagnostics::{Diagnostic, Diagnostics};

/// A value and where it stands. For a table under a `[header]` that is the header.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub span: Range<usize>,
    pub value: Value,
}

/// A TOML value.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Date(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub key: String,
    pub key_span: Range<usize>,
    pub node: Node,
}

/// Parses a document; syntax mistakes go to `diagnostics` and leave nothing to look at, since
/// what a parser guesses after them only causes mistakes nobody made.
pub(crate) fn parse(text: &str, diagnostics: &mut Diagnostics) -> Option<Node> {
    let document = match DeTable::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let at = error.span().and_then(|span| text.get(span));
            let message = match (error.message(), at) {
                ("duplicate key", Some(key)) => format!("the key `{key}` is written twice"),
                (message, _) => format!("not valid TOML: {message}"),
            };
            diagnostics.push(Diagnostic::new(message, error.span()));
            return None;
        }
    };
    let root = Node {
        span: 0..0,
        value: table(document.get_ref(), diagnostics),
    };
    Some(root)
}

/// Parses a single value that is known to be right, such as a default.
pub(crate) fn parse_default(text: &str, span: Range<usize>) -> Option<Node> {
    let mut nowhere = Diagnostics::new("", text);
    let mut parsed = node(&DeValue::parse(text).ok()?, &mut nowhere);
    parsed.span = span;
    Some(parsed)
}

fn table(entries: &DeTable<'_>, diagnostics: &mut Diagnostics) -> Value {
    let entries = entries.iter().map(|(key, value)| Entry {
        key: key.get_ref().to_string(),
        key_span: key.span(),
        node: node(value, diagnostics),
    });
    Value::Table(entries.collect())
}

fn node(value: &Spanned<DeValue<'_>>, diagnostics: &mut Diagnostics) -> Node {
    let span = value.span();
    let value = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(integer) => Value::Integer(parse_integer(integer).unwrap_or_else(|| {
            let message = format!("the integer {integer} does not fit into 64 bits");
            diagnostics.push(Diagnostic::new(message, Some(span.clone())));
            i64::MAX
        })),
        DeValue::Float(float) => Value::Float(float.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(boolean) => Value::Boolean(*boolean),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Array(items) => {
            Value::List(items.iter().map(|item| node(item, diagnostics)).collect())
        }
        DeValue::Table(entries) => table(entries, diagnostics),
    };
    Node { span, value }
}

fn parse_integer(integer: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

impl Node {
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Table(entries) => entries,
            _ => &[],
        }
    }

    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The items of a list under a key, to be changed.
    pub fn items_mut(&mut self, key: &str) -> Option<&mut Vec<Node>> {
        match &mut self.entry_mut(key)?.node.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// An entry of a table, to be changed.
    pub fn entry_mut(&mut self, key: &str) -> Option<&mut Entry> {
        match &mut self.value {
            Value::Table(entries) => entries.iter_mut().find(|entry| entry.key == key),
            _ => None,
        }
    }

    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn boolean(&self) -> Option<bool> {
        match self.value {
            Value::Boolean(boolean) => Some(boolean),
            _ => None,
        }
    }

    pub fn integer(&self) -> Option<u64> {
        match self.value {
            Value::Integer(integer) => u64::try_from(integer).ok(),
            _ => None,
        }
    }

    pub fn number(&self) -> Option<f64> {
        match self.value {
            Value::Integer(integer) => Some(integer as f64),
            Value::Float(float) => Some(float),
            _ => None,
        }
    }

    /// The value as JSON. Dates become strings and numbers JSON cannot hold become null: the
    /// reader has complained about both.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Text(text) | Value::Date(text) => text.as_str().into(),
            Value::Integer(integer) => (*integer).into(),
            Value::Float(float) => {
                Number::from_f64(*float).map_or(serde_json::Value::Null, Into::into)
            }
            Value::Boolean(boolean) => (*boolean).into(),
            Value::List(items) => items.iter().map(Node::to_json).collect(),
            Value::Table(entries) => {
                let pairs = entries.iter().map(|e| (e.key.clone(), e.node.to_json()));
                pairs.collect::<Map<_, _>>().into()
            }
        }
    }

    /// A text that two values share just when they are the same as JSON, whatever the order of
    /// their keys.
    fn identity(&self) -> String {
        match &self.value {
            // 0 and -0 are the same number.
            Value::Float(float) => {
                Number::from_f64(float + 0.0).map_or("null".to_owned(), |number| number.to_string())
            }
            Value::List(items) => {
                let items: Vec<String> = items.iter().map(Node::identity).collect();
                format!("[{}]", items.join(","))
            }
            Value::Table(entries) => {
                let mut parts: Vec<String> = (entries.iter())
                    .map(|entry| format!("{:?}:{}", entry.key, entry.node.identity()))
                    .collect();
                parts.sort_unstable();
                format!("{{{}}}", parts.join(","))
            }
            _ => self.to_json().to_string(),
        }
    }

    /// The value as a message names it: `the string "three"`, `0`, `a table`.
    pub fn found(&self) -> String {
        match &self.value {
            Value::Text(text) if text.is_empty() => "an empty string".to_owned(),
            Value::Text(text) => format!("the string {}", quoted(text)),
            Value::Integer(integer) => integer.to_string(),
            Value::Float(float) => format!("{float:?}"),
            Value::Boolean(boolean) => boolean.to_string(),
            Value::Date(date) => format!("the date {date}"),
            Value::List(items) if items.is_empty() => "an empty list".to_owned(),
            Value::List(items) => format!("a list of {}", items.len()),
            Value::Table(entries) if entries.is_empty() => "an empty table".to_owned(),
            Value::Table(_) => "a table".to_owned(),
        }
    }
}

/// For each of several values, whether one before it is the same.
pub(crate) fn repeated(items: &[Node]) -> impl Iterator<Item = bool> {
    let mut known = HashSet::new();
    (items.iter()).map(move |item| !known.insert(item.identity()))
}

/// A string in quotes, shortened where it would hide the rest of a message.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 40;
    if text.chars().count() <= LONGEST {
        return format!("{text:?}");
    }
    let start: String = text.chars().take(LONGEST).collect();
    format!("{:?}", start + "…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_is_found_whatever_its_form() {
        let check = |list: &str, expected: &[bool]| {
            let list = parse_default(list, 0..0).unwrap();
            let found: Vec<bool> = repeated(list.items()).collect();
            assert_eq!(found, expected);
            // As comparing each with all before it finds them.
            let json: Vec<_> = list.items().iter().map(Node::to_json).collect();
            let slow = json
                .iter()
                .enumerate()
                .map(|(i, item)| json[..i].contains(item));
            assert_eq!(found, slow.collect::<Vec<_>>());
        };
        check("[]", &[]);
        check("[1, 2, 1, 0x1, 1.0]", &[false, false, true, true, false]);
        check("[0.0, -0.0, nan, inf]", &[false, true, false, true]);
        check(
            r#"["1", 1, '1', "\"", '"']"#,
            &[false, false, true, false, true],
        );
        check(
            "[{ a = 1, b = [2] }, { b = [2], a = 1 }, { a = 1, b = 2 }, { a = 1 }]",
            &[false, true, false, false],
        );
        check(
            "[1979-05-27, \"1979-05-27\", [1, 2], [2, 1], [1, 2]]",
            &[false, true, false, false, true],
        );
    }
}
