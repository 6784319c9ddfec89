//! Writes a checked experiment as an experiment file in which nothing is left to defaults.

use serde_json::{Map, Value as Json};
use toml_edit::{
    Array, ArrayOfTables, DocumentMut, Formatted, InlineTable, Item, Table, Value, value,
};

use crate::plan::{
    Component, Cut, DatasetUse, Experiment, Place, Plan, Reduction, Reference, Source, Strategy,
    StrategyKind, Target,
};
use crate::training::{Augment, ClassWeights, Optimizer, Schedule, Train};

impl Plan {
    /// The experiment as a file with all defaults filled in, full component ids and absolute
    /// paths; reading and checking it gives this plan again.
    pub fn to_toml(&self) -> String {
        self.experiment.to_toml()
    }
}

impl Experiment {
    /// See [`Plan::to_toml`].
    pub fn to_toml(&self) -> String {
        let mut document = DocumentMut::new();
        document["name"] = value(&self.name);
        document["about"] = value(&self.about);
        let seeds: Array = self.seeds.iter().copied().map(integer).collect();
        document["seeds"] = value(seeds);
        document["backbone"] = Item::Table(self.backbone_table());
        if let Some(source) = &self.source {
            document["source"] = Item::Table(source_table(source));
        }
        document["target"] = Item::Table(target_table(&self.target));
        let strategies: ArrayOfTables = self.strategies.iter().map(strategy_table).collect();
        document["strategy"] = Item::ArrayOfTables(strategies);
        if !self.references.is_empty() {
            let references: ArrayOfTables = self.references.iter().map(reference_table).collect();
            document["reference"] = Item::ArrayOfTables(references);
        }
        if !self.pins.is_empty() {
            let mut plugins = Table::new();
            plugins.set_implicit(true);
            for pin in &self.pins {
                let mut plugin = Table::new();
                plugin["sha256"] = value(&pin.sha256);
                plugins[&pin.plugin] = Item::Table(plugin);
            }
            document["plugins"] = Item::Table(plugins);
        }
        document.to_string()
    }

    fn backbone_table(&self) -> Table {
        let mut table = component(&self.backbone).into_table();
        if let Some(weights) = &self.backbone_weights {
            table["weights"] = value(weights.to_string_lossy().into_owned());
        }
        table
    }
}

fn source_table(source: &Source) -> Table {
    let mut table = Table::new();
    table["dataset"] = value(dataset(&source.dataset));
    table["head"] = value(component(&source.head));
    table["train"] = value(train(&source.train));
    table
}

fn target_table(target: &Target) -> Table {
    let mut table = Table::new();
    table["dataset"] = value(dataset(&target.dataset));
    table["cut"] = value(one_or_more(target.cuts.iter().map(cut)));
    if let Some(folds) = target.folds {
        table["folds"] = value(integer(folds as u64));
    }
    table
}

fn strategy_table(strategy: &Strategy) -> Table {
    let mut table = Table::new();
    table["name"] = value(&strategy.name);
    table["kind"] = value(strategy.kind.as_str());
    table["head"] = value(component(&strategy.head));
    if let Some(training) = &strategy.train {
        table["train"] = value(train(training));
    }
    if !strategy.cuts.is_empty() {
        table["cut"] = value(one_or_more(strategy.cuts.iter().map(cut)));
    }
    if !strategy.train_samples.is_empty() {
        let samples = strategy.train_samples.iter();
        table["train-samples"] = value(one_or_more(samples.map(|n| integer(*n as u64))));
    }
    if let Some(samples) = strategy.test_samples {
        table["test-samples"] = value(integer(samples as u64));
    }
    if strategy.kind != StrategyKind::FromScratch {
        table["weights"] = value(strategy.weights.as_str());
    }
    if !strategy.multipliers.is_empty() {
        let multipliers = strategy.multipliers.iter();
        let multipliers: InlineTable = multipliers
            .map(|(pattern, multiplier)| (pattern.to_string(), Value::from(*multiplier)))
            .collect();
        table["learning-rate-multipliers"] = value(multipliers);
    }
    if let Some(epochs) = strategy.unfreeze_after {
        table["unfreeze-after"] = value(integer(epochs as u64));
    }
    table
}

fn reference_table(reference: &Reference) -> Table {
    let mut table = Table::new();
    table["strategy"] = value(&reference.strategy);
    table["accuracy"] = value(reference.accuracy);
    table["note"] = value(&reference.note);
    table
}

fn component(component: &Component) -> InlineTable {
    let mut table = InlineTable::new();
    table.insert("use", component.component.as_str().into());
    table.extend(object(&component.parameters));
    table
}

fn dataset(dataset: &DatasetUse) -> InlineTable {
    let mut table = component(&dataset.component);
    let classes: Array = dataset
        .classes
        .iter()
        .map(|class| integer(*class as u64))
        .collect();
    table.insert("classes", classes.into());
    if let Some(normalise) = &dataset.normalise {
        let mut channels = InlineTable::new();
        channels.insert("mean", numbers(&normalise.mean));
        channels.insert("std", numbers(&normalise.std));
        table.insert("normalise", channels.into());
    }
    table
}

fn train(train: &Train) -> InlineTable {
    let mut table = InlineTable::new();
    table.insert("epochs", integer(train.epochs as u64));
    table.insert("batch-size", integer(train.batch_size as u64));
    table.insert("optimizer", train.optimizer.as_str().into());
    table.insert("learning-rate", train.learning_rate.into());
    if train.optimizer == Optimizer::Sgd {
        table.insert("momentum", train.momentum.into());
        table.insert("nesterov", train.nesterov.into());
    }
    table.insert("weight-decay", train.weight_decay.into());
    table.insert("schedule", train.schedule.as_str().into());
    if let Schedule::Step { every, factor } = train.schedule {
        table.insert("step-every", integer(every as u64));
        table.insert("step-factor", factor.into());
    }
    table.insert("warm-up", train.warm_up.into());
    table.insert("label-smoothing", train.label_smoothing.into());
    match &train.class_weights {
        Some(ClassWeights::Balanced) => table.insert("class-weights", "balanced".into()),
        Some(ClassWeights::Listed(weights)) => table.insert("class-weights", numbers(weights)),
        None => None,
    };
    if let Some(norm) = train.clip_norm {
        table.insert("clip-norm", norm.into());
    }
    table.insert("validation", train.validation.into());
    if let Some(epochs) = train.patience {
        table.insert("patience", integer(epochs as u64));
    }
    if let Some(augmentation) = &train.augment {
        table.insert("augment", augment(augmentation).into());
    }
    table
}

fn augment(augment: &Augment) -> InlineTable {
    let mut table = InlineTable::new();
    table.insert("shift", integer(augment.shift as u64));
    table.insert("rotate", augment.rotate.into());
    table.insert("flip", augment.flip.into());
    table.insert("crop", integer(augment.crop as u64));
    table
}

fn cut(cut: &Cut) -> Value {
    let plain = |place: &Place| match place {
        Place::Layers(layers) => Some(integer(*layers as u64)),
        Place::Name(name) => Some(name.into()),
        Place::Rule(_) => None,
    };
    let mut table = match (plain(&cut.place), &cut.place) {
        (Some(place), _) if cut.reduction.is_none() => return place,
        (Some(place), _) => InlineTable::from_iter([("at", place)]),
        (None, Place::Rule(rule)) => component(rule),
        (None, _) => InlineTable::new(),
    };
    let Reduction { pool, l2, pca } = cut.reduction;
    if let Some(pool) = pool {
        table.insert("pool", pool.as_str().into());
    }
    if l2 {
        table.insert("l2", l2.into());
    }
    if let Some(components) = pca {
        table.insert("pca", integer(components as u64));
    }
    table.into()
}

/// A single value as itself, several as a list.
fn one_or_more(values: impl Iterator<Item = Value>) -> Value {
    let mut values: Vec<Value> = values.collect();
    match (values.pop(), values.is_empty()) {
        (Some(only), true) => only,
        (last, _) => values.into_iter().chain(last).collect::<Array>().into(),
    }
}

fn numbers(numbers: &[f64]) -> Value {
    numbers.iter().copied().collect::<Array>().into()
}

/// An integer that was read from TOML, whose integers are signed.
fn integer(integer: u64) -> Value {
    Value::Integer(Formatted::new(i64::try_from(integer).unwrap_or(i64::MAX)))
}

fn object(entries: &Map<String, Json>) -> InlineTable {
    entries
        .iter()
        .filter_map(|(key, json)| Some((key, from_json(json)?)))
        .collect()
}

/// `None` for null, which TOML has no word for and which parameters therefore never are.
fn from_json(json: &Json) -> Option<Value> {
    Some(match json {
        Json::Null => return None,
        Json::Bool(boolean) => (*boolean).into(),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => integer.into(),
            None => number.as_f64()?.into(),
        },
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => Value::Array(items.iter().filter_map(from_json).collect()),
        Json::Object(entries) => Value::InlineTable(object(entries)),
    })
}
