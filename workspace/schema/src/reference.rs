//! What the table of keys tells others: the JSON Schema for editors and the reference page.

use serde_json::{Map, Value, json};

use crate::keys::{self, Key, Kind, Presence, Table};
use crate::protocols;
use crate::shape::expectation;
use crate::tree;

/// The JSON Schema (draft 7) of the experiment file, with which editors complete and check it.
///
/// It knows nothing of plugins: beside `use` it lets any parameter pass.
pub fn json_schema() -> Value {
    let mut schema = Map::new();
    schema.insert(
        "$schema".to_owned(),
        "http://json-schema.org/draft-07/schema#".into(),
    );
    schema.insert("title".to_owned(), "Topwork experiment".into());
    schema.extend(table_schema(&keys::EXPERIMENT));
    schema.into()
}

fn table_schema(table: &Table) -> Map<String, Value> {
    let mut properties = Map::new();
    for key in table.keys {
        let mut schema = kind_schema(&key.kind);
        schema.insert("description".to_owned(), key.about.into());
        if let Presence::Default(text) = key.presence
            && let Some(default) = tree::parse_default(text, 0..0)
        {
            schema.insert("default".to_owned(), default.to_json());
        }
        properties.insert(key.name.to_owned(), schema.into());
    }
    let required = |key: &&Key| matches!(key.presence, Presence::Required);
    let required: Vec<&str> = table
        .keys
        .iter()
        .filter(required)
        .map(|key| key.name)
        .collect();
    object(json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": table.component,
    }))
}

fn kind_schema(kind: &Kind) -> Map<String, Value> {
    object(match kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Name | Kind::Path => json!({ "type": "string", "minLength": 1 }),
        Kind::Digest => json!({ "type": "string", "pattern": "^[0-9a-fA-F]{64}$" }),
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Integer { min, max: u64::MAX } => json!({ "type": "integer", "minimum": min }),
        Kind::Integer { min, max } => {
            json!({ "type": "integer", "minimum": min, "maximum": max })
        }
        Kind::Number(bounds) => {
            let mut schema = object(json!({ "type": "number" }));
            let minimum = if bounds.above {
                "exclusiveMinimum"
            } else {
                "minimum"
            };
            if bounds.min.is_finite() {
                schema.insert(minimum.to_owned(), bounds.min.into());
            }
            if let Some(max) = bounds.max {
                let maximum = if bounds.below {
                    "exclusiveMaximum"
                } else {
                    "maximum"
                };
                schema.insert(maximum.to_owned(), max.into());
            }
            return schema;
        }
        Kind::Choice(choice) => {
            let words: Vec<&str> = choice.iter().map(|c| c.word).collect();
            json!({ "enum": words })
        }
        Kind::List { of, min, distinct } => json!({
            "type": "array",
            "items": kind_schema(of),
            "minItems": min,
            "uniqueItems": distinct,
        }),
        Kind::Entries { of, .. } => json!({
            "type": "object",
            "additionalProperties": kind_schema(of),
            "minProperties": 1,
        }),
        Kind::OneOrMore(of) => {
            let list = json!({
                "type": "array",
                "items": kind_schema(of),
                "minItems": 1,
                "uniqueItems": true,
            });
            json!({ "anyOf": [kind_schema(of), list] })
        }
        Kind::Either(kinds) => {
            json!({ "anyOf": kinds.iter().map(kind_schema).collect::<Vec<_>>() })
        }
        Kind::Table(table) => return table_schema(table),
        Kind::TableOrTables(of) => {
            let tables = json!({ "type": "array", "items": table_schema(of), "minItems": 1 });
            json!({ "anyOf": [table_schema(of), tables] })
        }
        Kind::Tables { of, min } => {
            json!({ "type": "array", "items": table_schema(of), "minItems": min })
        }
    })
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// The reference of all keys as Markdown.
pub fn reference() -> String {
    let mut page = String::from(
        "# The experiment file: all keys\n\n\
         This page is generated from the table the checks are made from.\n\
         Unknown keys are errors. Paths are relative to the file; `~/` is the home folder, `$NAME` and `${NAME}` are variables.\n",
    );
    let mut tables = vec![&keys::EXPERIMENT];
    let mut next = 0;
    while let Some(table) = tables.get(next).copied() {
        next += 1;
        page.push_str(&format!("\n## {}\n\n{}\n", table.title, table.about));
        if table.component {
            page.push_str(
                "Other keys are parameters of the component; `topwork plugins show` lists them.\n",
            );
        }
        page.push_str("\n| key | value | when left out | meaning |\n|---|---|---|---|\n");
        for key in table.keys {
            page.push_str(&row(key));
            if let Kind::Choice(choice) = &key.kind {
                for word in *choice {
                    page.push_str(&format!("| | `{}` | | {} |\n", word.word, word.about));
                }
            }
            if let Some(inner) = table_in(&key.kind)
                && !tables.iter().any(|known| known.title == inner.title)
            {
                tables.push(inner);
            }
        }
    }
    page.push_str("\n## Protocols\n\nThe keys that `protocol` of a strategy stands for.\n");
    for protocol in protocols::ALL {
        page.push_str(&format!(
            "\n### `{}`\n\n{}\n\n```toml\n{}\n```\n",
            protocol.id,
            protocol.notes,
            protocol.keys.trim()
        ));
    }
    page
}

/// The table that a value is, or that is among its parts.
fn table_in(kind: &Kind) -> Option<&'static Table> {
    match kind {
        Kind::Table(table) | Kind::TableOrTables(table) | Kind::Tables { of: table, .. } => {
            Some(table)
        }
        Kind::Entries { of, .. } | Kind::OneOrMore(of) => table_in(of),
        Kind::Either(kinds) => kinds.iter().find_map(table_in),
        _ => None,
    }
}

fn row(key: &Key) -> String {
    let left_out = match key.presence {
        Presence::Required => "must be written".to_owned(),
        Presence::Default(text) => format!("`{text}`"),
        Presence::Optional(meaning) => meaning.to_owned(),
    };
    let value = match &key.kind {
        Kind::Choice(_) => "one of".to_owned(),
        kind => expectation(kind),
    };
    format!(
        "| `{}` | {value} | {left_out} | {} |\n",
        key.name, key.about
    )
}
