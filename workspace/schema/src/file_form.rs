//! How the parts of a plan stand in a file, where that is not what serde makes of them by
//! themselves: keys of results hold that, and therefore it stays.
//!
//! One form serves the experiment file, the resolved one in a run folder and the plan beside it.

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

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
    classes: Vec<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    normalise: Option<Normalise>,
}

/// A list in which a single value stands as itself.
pub(crate) mod one_or_more {
    use super::*;

    pub fn serialize<T: Serialize, S: Serializer>(list: &[T], to: S) -> Result<S::Ok, S::Error> {
        match list {
            [only] => only.serialize(to),
            list => list.serialize(to),
        }
    }

    pub fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<T>, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum OneOrMore<T> {
            More(Vec<T>),
            One(T),
        }
        Ok(match OneOrMore::deserialize(from)? {
            OneOrMore::More(list) => list,
            OneOrMore::One(only) => vec![only],
        })
    }
}

/// Pairs as a table, in their order.
pub(crate) mod entries {
    use super::*;

    pub fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        pairs: &[(K, V)],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_map(pairs.iter().map(|(key, value)| (key, value)))
    }

    pub fn deserialize<'de, K, V, D>(from: D) -> Result<Vec<(K, V)>, D::Error>
    where
        K: for<'a> Deserialize<'a>,
        V: for<'a> Deserialize<'a>,
        D: Deserializer<'de>,
    {
        let table = Map::<String, Value>::deserialize(from)?;
        let pairs = table.into_iter().map(|(key, value)| {
            let pair = (
                serde_json::from_value(key.into())?,
                serde_json::from_value(value)?,
            );
            Ok(pair)
        });
        pairs
            .collect::<Result<_, serde_json::Error>>()
            .map_err(D::Error::custom)
    }
}

/// How layers are trained: what goes with a schedule stands beside its word, weights of classes
/// are a list, and momentum goes with `sgd` alone. A strategy may do without.
pub(crate) mod train {
    use super::*;
    use crate::training::{Augment, Optimizer, Train};

    pub fn serialize<T, S>(train: &T, to: S) -> Result<S::Ok, S::Error>
    where
        T: Clone + Into<Option<Train>>,
        S: Serializer,
    {
        let Some(train) = train.clone().into() else {
            return to.serialize_none();
        };
        let Value::Object(settings) = serde_json::to_value(&train).map_err(S::Error::custom)?
        else {
            return Err(S::Error::custom("settings are a table"));
        };
        let mut table = Map::new();
        for (key, value) in settings {
            match (key.as_str(), value) {
                ("momentum" | "nesterov", _) if train.optimizer != Optimizer::Sgd => {}
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
                (_, Value::Null) => {}
                (_, value) => {
                    table.insert(key, value);
                }
            }
        }
        table.serialize(to)
    }

    pub fn deserialize<'de, T: From<Train>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
        let mut table = Map::<String, Value>::deserialize(from)?;
        if let Some(schedule) = table.get("schedule").and_then(Value::as_str) {
            let of_it = format!("{schedule}-");
            let settings: Map<String, Value> = (table.iter())
                .filter_map(|(key, value)| {
                    Some((key.strip_prefix(&of_it)?.to_owned(), value.clone()))
                })
                .collect();
            if !settings.is_empty() {
                let schedule = Map::from_iter([(schedule.to_owned(), settings.into())]);
                table.insert("schedule".to_owned(), schedule.into());
            }
        }
        if let Some(weights) = table
            .get_mut("class-weights")
            .filter(|value| value.is_array())
        {
            *weights = Map::from_iter([("listed".to_owned(), weights.take())]).into();
        }
        table.entry("momentum").or_insert_with(|| 0.0.into());
        table.entry("nesterov").or_insert_with(|| false.into());
        let mut train: Train = serde_json::from_value(table.into()).map_err(D::Error::custom)?;
        train.augment = train.augment.filter(Augment::changes_anything);
        Ok(train.into())
    }
}
