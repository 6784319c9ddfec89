//! A table of the file beside its declaration: what it says, with defaults for what it does not.

use std::ops::Range;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::keys::{Kind, Presence, Table};
use crate::shape;
use crate::tree::{self, Node};

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Located<T> {
    pub value: T,
    pub span: Range<usize>,
}

/// A table of the file with its declaration.
pub(crate) struct View<'a> {
    pub table: &'static Table,
    pub node: &'a Node,
    /// As one would type it.
    pub path: String,
}

impl<'a> View<'a> {
    pub fn new(table: &'static Table, node: &'a Node, path: String) -> Self {
        View { table, node, path }
    }

    /// The value of a key; for a key that is left out its default, standing where the table does.
    fn node(&self, key: &str) -> Option<Node> {
        if let Some(node) = self.node.get(key) {
            return Some(node.clone());
        }
        match self.table.key(key)?.presence {
            Presence::Default(text) => tree::parse_default(text, self.node.span.clone()),
            Presence::Required | Presence::Optional(_) => None,
        }
    }

    /// A value that is right in itself.
    pub fn located<T>(&self, key: &str, read: impl Fn(&Node) -> Option<T>) -> Option<Located<T>> {
        let node = self.node(key)?;
        if !shape::accepts(&self.table.key(key)?.kind, &node) {
            return None;
        }
        let value = read(&node)?;
        let span = node.span;
        Some(Located { value, span })
    }

    pub fn text(&self, key: &str) -> Option<Located<String>> {
        self.located(key, |node| node.text().map(str::to_owned))
    }

    pub fn integer(&self, key: &str) -> Option<Located<u64>> {
        self.located(key, Node::integer)
    }

    pub fn table(&self, key: &str) -> Option<View<'a>> {
        let Kind::Table(table) = self.table.key(key)?.kind else {
            return None;
        };
        let node = self.node.get(key)?;
        matches!(node.value, tree::Value::Table(_))
            .then(|| View::new(table, node, shape::join(&self.path, key)))
    }

    pub fn tables(&self, key: &str) -> impl Iterator<Item = View<'a>> {
        let of = match self.table.key(key).map(|key| &key.kind) {
            Some(Kind::Tables { of, .. } | Kind::TableOrTables(of)) => Some(*of),
            _ => None,
        };
        let path = shape::join(&self.path, key);
        let single =
            (self.node.get(key)).filter(|node| matches!(node.value, tree::Value::Table(_)));
        let items = match single {
            Some(_) => &[][..],
            None => self.node.get(key).map_or(&[][..], Node::items),
        };
        // Copies of one table have its place, and are told by that.
        let mut written = 0;
        let of_items = (items.iter().enumerate()).map({
            let path = path.clone();
            move |(at, node)| {
                let copied = at > 0 && items[at - 1].span == node.span;
                written += usize::from(at > 0 && !copied);
                (node, format!("{path}[{written}]"))
            }
        });
        (single.map(|node| (node, path)).into_iter())
            .chain(of_items)
            .filter_map(move |(node, path)| Some(View::new(of?, node, path)))
    }

    /// A value or several, without those that are wrong in themselves: the others can still be
    /// checked.
    pub fn one_or_more<T>(&self, key: &str, read: impl Fn(&Node) -> Option<T>) -> Vec<Located<T>> {
        let Some(Kind::OneOrMore(of)) = self.table.key(key).map(|key| &key.kind) else {
            return Vec::new();
        };
        let node = self.node.get(key);
        let nodes = node.map_or(&[][..], |node| match node.value {
            tree::Value::List(_) => node.items(),
            _ => std::slice::from_ref(node),
        });
        let mut values: Vec<Located<T>> = Vec::new();
        for (node, again) in nodes.iter().zip(tree::repeated(nodes)) {
            if let Some(value) = read(node).filter(|_| !again && shape::accepts(of, node)) {
                let span = node.span.clone();
                values.push(Located { value, span });
            }
        }
        values
    }

    /// The table as the type of the plan that has a field for every key, so that a key is declared
    /// and has its field, and nobody else need know of it. The check makes some of the values:
    /// `later` names them, each with what stands for it until then, null for nothing. `None` when
    /// any other value is wrong.
    pub fn plain<T: DeserializeOwned>(&self, later: Value) -> Option<T> {
        let later = match later {
            Value::Object(later) => later,
            _ => Map::new(),
        };
        let mut settings = self.settings(&later)?;
        settings.extend(later.into_iter().filter(|(_, value)| !value.is_null()));
        serde_json::from_value(settings.into()).ok()
    }

    /// The values of all keys but those of `later`, as they are; `None` when one of them is wrong.
    pub fn settings(&self, later: &Map<String, Value>) -> Option<Map<String, Value>> {
        let none = Map::new();
        let mut settings = Map::new();
        for key in self
            .table
            .keys
            .iter()
            .filter(|key| !later.contains_key(key.name))
        {
            let value: Value = match (&key.kind, self.node(key.name)) {
                (_, None) if matches!(key.presence, Presence::Required) => return None,
                (_, None) => continue,
                (Kind::Table(_), Some(_)) => self.table(key.name)?.settings(&none)?.into(),
                (Kind::Tables { .. }, Some(_)) => (self.tables(key.name))
                    .map(|view| Some(Value::Object(view.settings(&none)?)))
                    .collect::<Option<_>>()?,
                (Kind::OneOrMore(of), Some(node)) if shape::accepts(of, &node) => {
                    vec![node.to_json()].into()
                }
                (kind, Some(node)) if shape::accepts(kind, &node) => node.to_json(),
                (_, Some(_)) => return None,
            };
            settings.insert(key.name.to_owned(), value);
        }
        Some(settings)
    }
}
