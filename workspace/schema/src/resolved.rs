//! A checked experiment as an experiment file in which nothing is left to defaults: what serde
//! makes of it, laid out for people.

use serde_json::{Map, Value as Json};
use toml_edit::{ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value};

use crate::plan::{Plan, StrategyKind};

impl Plan {
    /// The experiment as a file with all defaults filled in, full component ids and absolute
    /// paths; reading and checking it gives this plan again.
    pub fn to_toml(&self) -> String {
        // It fails for paths that are not UTF-8, which no experiment has that was checked.
        let Ok(Json::Object(mut experiment)) = serde_json::to_value(&self.experiment) else {
            return String::new();
        };
        if let Some(weights) = experiment.shift_remove("backbone-weights")
            && let Some(Json::Object(backbone)) = experiment.get_mut("backbone")
        {
            backbone.insert("weights".to_owned(), weights);
        }
        if let Some(Json::Array(tables)) = experiment.get_mut("strategy") {
            for (strategy, table) in self.experiment.strategies.iter().zip(tables) {
                if strategy.kind == StrategyKind::FromScratch
                    && let Some(table) = table.as_object_mut()
                {
                    table.shift_remove("weights");
                }
            }
        }
        let mut document = DocumentMut::new();
        for (key, json) in &experiment {
            let Some(value) = value(json) else {
                continue;
            };
            document[key] = match value {
                Value::InlineTable(plugins) if key == "plugins" => {
                    let mut table = Table::new();
                    table.set_implicit(true);
                    table.extend(plugins.into_iter().map(|(id, plugin)| (id, header(plugin))));
                    Item::Table(table)
                }
                Value::Array(all) if all.iter().all(Value::is_inline_table) => {
                    let tables = all
                        .into_iter()
                        .filter_map(|item| header(item).into_table().ok());
                    Item::ArrayOfTables(tables.collect::<ArrayOfTables>())
                }
                value => header(value),
            };
        }
        document.to_string()
    }
}

/// A table under a header of its own, any other value as it is.
fn header(value: Value) -> Item {
    match value {
        Value::InlineTable(table) => Item::Table(table.into_table()),
        value => Item::Value(value),
    }
}

fn table(entries: &Map<String, Json>) -> InlineTable {
    (entries.iter())
        .filter_map(|(key, json)| Some((key, value(json)?)))
        .collect()
}

/// `None` for null: TOML has no word for it, and leaves out what there is not.
fn value(json: &Json) -> Option<Value> {
    Some(match json {
        Json::Null => return None,
        Json::Bool(boolean) => (*boolean).into(),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => integer.into(),
            None => number.as_f64()?.into(),
        },
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => Value::Array(items.iter().filter_map(value).collect()),
        Json::Object(entries) => Value::InlineTable(table(entries)),
    })
}
