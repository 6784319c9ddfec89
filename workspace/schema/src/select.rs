//! Hyper-parameters that a strategy chooses on its training samples: which values, and judged on what.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::file_form::{train_from_file, train_to_file};
use crate::plan::{Cut, CutPoint, Strategy};
use crate::training::Train;

/// The most combinations that are tried.
pub(crate) const MOST_CANDIDATES: usize = 512;

/// The most values of one list.
pub(crate) const MOST_VALUES: usize = 200;

/// What a strategy chooses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Select {
    /// Which training samples candidates are judged on.
    pub on: SelectOn,
    /// Id of the figure they are judged by.
    pub by: String,
    /// The cuts, as written; the row's own cut if empty.
    #[serde(rename = "cut", default, skip_serializing_if = "Vec::is_empty")]
    pub cuts: Vec<Cut>,
    /// Values of the head's parameters.
    #[serde(default, skip_serializing_if = "Lists::is_empty")]
    pub head: Lists,
    /// Values of keys of `train`.
    #[serde(default, skip_serializing_if = "Lists::is_empty")]
    pub train: Lists,
}

/// Which training samples candidates are judged on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SelectOn {
    /// This share of every class, in `(0, 1)`, which is held out.
    Holdout(f64),
    /// All of them, in so many folds of which each is held out once; 2 or more.
    Folds(usize),
}

/// Keys with their values, in the order written; no list is empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Map<String, Value>", into = "Map<String, Value>")]
pub struct Lists(pub Vec<(String, Vec<Value>)>);

/// A value for every key that has a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Candidate {
    /// The cut, where that is chosen, too.
    pub cut: Option<CutPoint>,
    /// Parameters of the head.
    pub head: Map<String, Value>,
    /// Keys of `train`.
    pub train: Map<String, Value>,
}

impl Lists {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }
}

impl From<Map<String, Value>> for Lists {
    fn from(map: Map<String, Value>) -> Self {
        let values = |value: Value| match value {
            Value::Array(values) => values,
            single => vec![single],
        };
        Self(map.into_iter().map(|(key, of)| (key, values(of))).collect())
    }
}

impl From<Lists> for Map<String, Value> {
    fn from(lists: Lists) -> Self {
        let lists = lists.0.into_iter();
        lists.map(|(key, values)| (key, values.into())).collect()
    }
}

impl Select {
    /// Every combination of the values: the cuts `among` which is chosen (see [`Row::among`](crate::Row::among)) before the values of
    /// the head, and these before those of `train`, in the order written, the last list changing fastest.
    pub fn candidates(&self, among: &[CutPoint]) -> Vec<Candidate> {
        let cuts = among.iter().map(|cut| Candidate {
            cut: Some(cut.clone()),
            ..Candidate::default()
        });
        let mut all: Vec<Candidate> = cuts.collect();
        if all.is_empty() {
            all.push(Candidate::default());
        }
        let of_head = self.head.0.iter().map(|list| (true, list));
        for (of_head, (key, values)) in of_head.chain(self.train.0.iter().map(|list| (false, list)))
        {
            let longer = all.iter().flat_map(|candidate| {
                values.iter().map(move |value| {
                    let mut candidate = candidate.clone();
                    let part = match of_head {
                        true => &mut candidate.head,
                        false => &mut candidate.train,
                    };
                    part.insert(key.clone(), value.clone());
                    candidate
                })
            });
            all = longer.collect();
        }
        all
    }

    /// What the values of a candidate are of, as one would type it in the strategy: `head.l2`.
    pub fn paths(&self) -> Vec<String> {
        let cut = (!self.cuts.is_empty()).then(|| "cut".to_owned());
        let head = self.head.keys().map(|key| format!("head.{key}"));
        (cut.into_iter().chain(head))
            .chain(self.train.keys().map(|key| format!("train.{key}")))
            .collect()
    }
}

impl Candidate {
    /// Its values, in the order of [`Select::paths`].
    pub fn values(&self) -> Vec<Value> {
        let cut = self.cut.iter().map(|cut| cut.name.as_str().into());
        cut.chain(self.head.values().chain(self.train.values()).cloned())
            .collect()
    }
}

impl Strategy {
    /// The strategy that has these values and chooses nothing; `None` for values of `train` that no check
    /// has let through.
    pub fn with(&self, candidate: &Candidate) -> Option<Strategy> {
        let mut strategy = self.clone();
        strategy.select = None;
        (strategy.head.parameters).extend(candidate.head.clone());
        if let (Some(train), false) = (&self.train, candidate.train.is_empty()) {
            strategy.train = Some(trained_with(train, &candidate.train)?);
        }
        Some(strategy)
    }
}

/// How layers are trained with these values of keys; `None` when they are no values of these keys.
pub(crate) fn trained_with(train: &Train, values: &Map<String, Value>) -> Option<Train> {
    let Ok(Value::Object(table)) = serde_json::to_value(train) else {
        return None;
    };
    let mut table = train_to_file(table);
    // They are left out there where they have no effect.
    table.entry("momentum").or_insert_with(|| 0.0.into());
    table.entry("nesterov").or_insert_with(|| false.into());
    table.extend(values.clone());
    train_from_file(table)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn lists(of: Value) -> Lists {
        serde_json::from_value(of).unwrap()
    }

    #[test]
    fn the_last_list_changes_fastest() {
        let select = Select {
            on: SelectOn::Holdout(0.1),
            by: "accuracy".to_owned(),
            cuts: Vec::new(),
            head: lists(json!({ "l2": [1, 2], "scale": ["max", "none"] })),
            train: lists(json!({ "batch-size": [8, 16] })),
        };
        assert_eq!(
            select.paths(),
            ["head.l2", "head.scale", "train.batch-size"]
        );
        let found: Vec<Value> = (select.candidates(&[]).iter())
            .map(|candidate| candidate.values().into())
            .collect();
        let expected = json!([
            [1, "max", 8],
            [1, "max", 16],
            [1, "none", 8],
            [1, "none", 16],
            [2, "max", 8],
            [2, "max", 16],
            [2, "none", 8],
            [2, "none", 16],
        ]);
        assert_eq!(Value::from(found), expected);
        let text = serde_json::to_string(&select).unwrap();
        assert_eq!(serde_json::from_str::<Select>(&text).unwrap(), select);
    }

    proptest! {
        #[test]
        fn every_combination_is_there_once(sizes in prop::collection::vec(1_usize..5, 1..4)) {
            let of = sizes.iter().enumerate().map(|(index, size)| {
                (format!("p{index}"), (0..*size).map(Value::from).collect())
            });
            let select = Select {
                on: SelectOn::Folds(2),
                by: "accuracy".to_owned(),
                cuts: Vec::new(),
                head: Lists(of.collect()),
                train: Lists::default(),
            };
            let found: Vec<String> = select.candidates(&[]).iter().map(|c| format!("{:?}", c.values())).collect();
            prop_assert_eq!(found.len(), sizes.iter().product::<usize>());
            prop_assert!(found.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
