//! What a run folder keeps of a plan: the experiment as a file in which nothing is left to
//! defaults, for people, and the plan itself, so that nobody has to check that file again. Both
//! are what serde makes of it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use toml_edit::{ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value};

use crate::file_form::train_to_file;
use std::collections::BTreeMap;

use crate::pairs::{Pair, Plans};
use crate::plan::Plan;

/// Version of the layout of a plan as JSON.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Versioned<P> {
    format: u32,
    plan: P,
}

impl Plan {
    /// The plan as JSON, which [`Plan::from_json`] reads.
    ///
    /// # Errors
    ///
    /// A path that is not UTF-8, which no plan of a checked experiment has.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let (format, plan) = (FORMAT, self);
        serde_json::to_string(&Versioned { format, plan })
    }

    /// The plan that was written so; `None` when this version reads no such text.
    pub fn from_json(text: &str) -> Option<Plan> {
        let found: Versioned<Json> = serde_json::from_str(text).ok()?;
        (found.format == FORMAT).then(|| serde_json::from_value(found.plan).ok())?
    }

    /// The experiment as a file with all defaults filled in, full component ids and absolute
    /// paths; reading and checking it gives this plan again.
    pub fn to_toml(&self) -> String {
        render(&self.file_form())
    }

    /// The experiment's tables as they stand in a file.
    fn file_form(&self) -> Map<String, Json> {
        // It fails for paths that are not UTF-8, which no experiment has that was checked.
        let Ok(Json::Object(mut experiment)) = serde_json::to_value(&self.experiment) else {
            return Map::new();
        };
        for (key, within) in [("backbone-weights", "weights"), ("backbone-name", "name")] {
            if let Some(value) = experiment.shift_remove(key)
                && let Some(Json::Object(backbone)) = experiment.get_mut("backbone")
            {
                backbone.insert(within.to_owned(), value);
            }
        }
        if let Some(input) = experiment.shift_remove("backbone-input")
            && let Some(Json::Object(backbone)) = experiment.get_mut("backbone")
        {
            let shape = backbone.shift_remove("input");
            let shape = shape.map(|shape| ("shape".to_owned(), shape));
            let input = match input {
                Json::Object(input) => shape.into_iter().chain(input).collect(),
                input => input,
            };
            backbone.insert("input".to_owned(), input);
        }
        entries(&mut experiment, "plugins");
        if let Some(Json::Object(source)) = experiment.get_mut("source") {
            train(source);
        }
        if let Some(Json::Object(target)) = experiment.get_mut("target") {
            cuts(target);
            for test in target
                .get_mut("test")
                .and_then(Json::as_array_mut)
                .into_iter()
                .flatten()
            {
                if let Some(test) = test.as_object_mut() {
                    entries(test, "class-map");
                }
            }
        }
        if let Some(Json::Array(tables)) = experiment.get_mut("strategy") {
            let tables = tables.iter_mut().filter_map(Json::as_object_mut);
            for (strategy, table) in self.experiment.strategies.iter().zip(tables) {
                train(table);
                if let (Some(select), Some(Json::Object(train))) =
                    (&strategy.select, table.get_mut("train"))
                {
                    train.retain(|key, _| !select.train.keys().any(|chosen| chosen == key));
                }
                cuts(table);
                if let Some(Json::Object(select)) = table.get_mut("select") {
                    cuts(select);
                }
                one_or_more(table, "train-samples");
                one_or_more(table, "train-per-class");
                entries(table, "learning-rate-multipliers");
                // It has no choice.
                if strategy.kind.begins_at_random() {
                    table.shift_remove("weights");
                }
            }
        }
        experiment
    }
}

impl Plans {
    /// The experiment as a file with all defaults filled in; reading and checking it gives these plans again.
    pub fn to_toml(&self) -> String {
        let pairs: Vec<(&Pair, Map<String, Json>)> = (self.pairs.iter())
            .map(|pair| (pair, pair.plan.file_form()))
            .collect();
        let [(_, first), _, ..] = pairs.as_slice() else {
            return pairs
                .first()
                .map_or(String::new(), |(_, only)| render(only));
        };
        let mut whole = first.clone();
        for (key, one) in [("backbone", false), ("target", true)] {
            let mut tables: Vec<Json> = Vec::new();
            for (pair, form) in &pairs {
                let Some(mut table) = form.get(key).cloned() else {
                    continue;
                };
                let cut = form.get("target").and_then(|target| target.get("cut"));
                if let (Some(table), Some(cut)) = (table.as_object_mut(), cut) {
                    table.shift_remove("cut");
                    if pair.own_cuts != one {
                        table.insert("cut".to_owned(), cut.clone());
                    }
                }
                match tables
                    .iter_mut()
                    .find(|known| known.get("name") == table.get("name"))
                {
                    // Another pair of the same target may be the one that uses its cuts.
                    Some(known) if known.get("cut").is_none() => *known = table,
                    Some(_) => {}
                    None => tables.push(table),
                }
            }
            whole.insert(key.to_owned(), tables.into());
        }
        if let Some(source) = pairs
            .iter()
            .find_map(|(_, form)| Some(form.get("source")?).filter(|source| !source.is_null()))
        {
            whole.insert("source".to_owned(), source.clone());
        }
        whole.insert("strategy".to_owned(), self.strategy_tables(&pairs).into());
        let mut references: Vec<Json> = Vec::new();
        for (_, form) in &pairs {
            for reference in form
                .get("reference")
                .and_then(Json::as_array)
                .into_iter()
                .flatten()
            {
                if !references.contains(reference) {
                    references.push(reference.clone());
                }
            }
        }
        if !references.is_empty() {
            whole.insert("reference".to_owned(), references.into());
        }
        render(&whole)
    }

    /// The strategies of all pairs, each with the backbones and targets it is for where these are not all.
    fn strategy_tables(&self, pairs: &[(&Pair, Map<String, Json>)]) -> Vec<Json> {
        let mut strategies: BTreeMap<usize, Json> = BTreeMap::new();
        for (pair, form) in pairs {
            let tables = form
                .get("strategy")
                .and_then(Json::as_array)
                .into_iter()
                .flatten();
            for (index, table) in pair.strategies.iter().zip(tables) {
                strategies.entry(*index).or_insert_with(|| table.clone());
            }
        }
        let names = |of: fn(&Plan) -> Option<&String>, index: Option<usize>| {
            let mut names: Vec<String> = Vec::new();
            let pairs = self
                .pairs
                .iter()
                .filter(|pair| index.is_none_or(|index| pair.strategies.contains(&index)));
            for name in pairs.filter_map(|pair| of(&pair.plan)) {
                if !names.contains(name) {
                    names.push(name.clone());
                }
            }
            names
        };
        for (index, table) in &mut strategies {
            for (key, of) in [
                (
                    "backbones",
                    (|plan: &Plan| plan.backbone.as_ref()) as fn(&Plan) -> Option<&String>,
                ),
                ("targets", |plan: &Plan| plan.target.as_ref()),
            ] {
                let some = names(of, Some(*index));
                if some.len() < names(of, None).len() {
                    table[key] = some.into();
                }
            }
        }
        strategies.into_values().collect()
    }
}

/// Tables as the text of a file.
fn render(experiment: &Map<String, Json>) -> String {
    let mut document = DocumentMut::new();
    for (key, json) in experiment {
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

fn train(table: &mut Map<String, Json>) {
    if let Some(Json::Object(train)) = table.get_mut("train") {
        *train = train_to_file(std::mem::take(train));
    }
}

fn cuts(table: &mut Map<String, Json>) {
    if let Some(Json::Array(all)) = table.get_mut("cut") {
        all.iter_mut().for_each(cut);
    }
    one_or_more(table, "cut");
}

/// A single value of a list as itself.
fn one_or_more(table: &mut Map<String, Json>, key: &str) {
    let Some(list) = table.get_mut(key) else {
        return;
    };
    if let Some([only]) = list.as_array_mut().map(Vec::as_mut_slice) {
        *list = only.take();
    }
}

/// Pairs as a table.
fn entries(table: &mut Map<String, Json>, key: &str) {
    if let Some(pairs) = table.get_mut(key) {
        let pair =
            |pair: &mut Json| Some((pair.get(0)?.as_str()?.to_owned(), pair.get_mut(1)?.take()));
        *pairs = (pairs.as_array_mut().into_iter().flatten())
            .filter_map(pair)
            .collect();
    }
}

/// A place as it is where nothing is done with the activations, and else beside what is done.
fn cut(cut: &mut Json) {
    let reduction = match cut["reduction"].take() {
        Json::Object(reduction) => reduction.into_iter(),
        _ => Map::new().into_iter(),
    };
    let mut reduction = reduction.filter(|(_, value)| *value != Json::Bool(false));
    *cut = match (cut["place"].take(), reduction.next()) {
        (Json::Object(rule), first) => rule.into_iter().chain(first).chain(reduction).collect(),
        (at, None) => at,
        (at, first) => [("at".to_owned(), at)]
            .into_iter()
            .chain(first)
            .chain(reduction)
            .collect(),
    };
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
