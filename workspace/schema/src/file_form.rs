//! How the parts of a plan stand in an experiment file, where that is not what serde makes of them
//! by themselves: keys of results hold that, and therefore it stays.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::training::{Augment, Train};
use crate::words::{Component, DatasetUse, Normalise};

/// A component: its id in `use`, its parameters beside that.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Component")]
pub(crate) struct ComponentForm {
    #[serde(rename = "use")]
    component: String,
    #[serde(flatten)]
    parameters: Map<String, Value>,
}

/// A dataset: a component, and what is taken of it.
#[derive(Serialize, Deserialize)]
#[serde(remote = "DatasetUse")]
pub(crate) struct DatasetForm {
    #[serde(flatten, with = "ComponentForm")]
    component: Component,
    /// One alone is the column of a target of numbers, which is not written.
    #[serde(default = "one_column", skip_serializing_if = "is_one_column")]
    classes: Vec<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    normalise: Option<Normalise>,
}

fn one_column() -> Vec<usize> {
    vec![0]
}

fn is_one_column(classes: &Vec<usize>) -> bool {
    *classes == one_column()
}

/// How layers are trained as a file says it: what goes with a schedule stands beside its word,
/// weights of classes are a list, and momentum goes with `sgd` alone.
pub(crate) fn train_to_file(train: Map<String, Value>) -> Map<String, Value> {
    let sgd = train.get("optimizer").is_some_and(|word| word == "sgd");
    let mut table = Map::new();
    for (key, value) in train {
        match (key.as_str(), value) {
            ("momentum" | "nesterov", _) if !sgd => {}
            ("schedule", Value::Object(schedule)) => {
                for (word, settings) in schedule {
                    table.insert(key.clone(), word.as_str().into());
                    for (name, value) in settings.as_object().into_iter().flatten() {
                        table.insert(format!("{word}-{name}"), value.clone());
                    }
                }
            }
            ("class-weights", Value::Object(listed)) => {
                table.extend(listed.into_iter().map(|(_, list)| (key.clone(), list)));
            }
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
    table
}

/// The way back; `None` when a schedule lacks what goes with it.
pub(crate) fn train_from_file(mut table: Map<String, Value>) -> Option<Train> {
    if let Some(schedule) = table.get("schedule").and_then(Value::as_str) {
        let of_it = format!("{schedule}-");
        let settings: Map<String, Value> = (table.iter())
            .filter_map(|(key, value)| Some((key.strip_prefix(&of_it)?.to_owned(), value.clone())))
            .collect();
        if !settings.is_empty() {
            let schedule = Map::from_iter([(schedule.to_owned(), settings.into())]);
            table.insert("schedule".to_owned(), schedule.into());
        }
    }
    let weights = table.get_mut("class-weights");
    if let Some(weights) = weights.filter(|value| value.is_array()) {
        *weights = Map::from_iter([("listed".to_owned(), weights.take())]).into();
    }
    let mut train: Train = serde_json::from_value(table.into()).ok()?;
    train.augment = train.augment.filter(Augment::changes_anything);
    Some(train)
}
