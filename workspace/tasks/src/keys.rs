//! What a task's results are recognised by across runs: the same key, the same bits. So a run can take over what another
//! has made.

use serde_json::{Value, json};
use topwork_keys::sha256;
use topwork_schema::{Component, CutPoint, DatasetUse, Plan, Row, Start, TestSet};

use crate::{TrunkId, Work};

/// What results depend on besides the plan.
#[derive(Clone, Debug, Default)]
pub struct Made {
    /// What gives the same bits for the same work: the engine's revision on this kind of machine.
    pub engine: String,
    /// The plugins by id, each with the SHA-256 of its file.
    pub plugins: Vec<(String, String)>,
    /// SHA-256 of the file of weights that the experiment names.
    pub weights: Option<String>,
}

/// Gives the tasks of a plan their keys. A key covers what the bits depend on and nothing else: not a strategy's name, not
/// the rows beside it. The data itself is not in it: its digest is compared when the data is read.
pub struct Keys<'a> {
    plan: &'a Plan,
    made: &'a Made,
    backbone: Value,
    source: Option<Value>,
}

impl<'a> Keys<'a> {
    pub fn new(plan: &'a Plan, made: &'a Made) -> Self {
        let experiment = &plan.experiment;
        let backbone = component(made, &experiment.backbone);
        // Without an input keys are what they were before there was such a thing.
        let backbone = match &experiment.backbone_input {
            Some(input) => json!([backbone, plan.extractor, input]),
            None => json!([backbone, plan.extractor]),
        };
        let source = experiment.source.as_ref().map(|source| {
            json!({
                "dataset": dataset(made, &source.dataset),
                "head": component(made, &source.head),
                "train": source.train,
            })
        });
        Self {
            plan,
            made,
            backbone,
            source,
        }
    }

    /// The key of a task with this seed.
    pub fn of(&self, work: &Work, seed: Option<u64>) -> String {
        let rest = match work {
            Work::Data => {
                let source = self.plan.experiment.source.as_ref();
                let source = source.map(|source| dataset(self.made, &source.dataset));
                let mut data = vec![json!(source), self.target()];
                data.extend(self.tests());
                json!({ "data": data })
            }
            Work::Source => self.source.clone().unwrap_or_default(),
            Work::Features(trunk) => self.features(trunk),
            Work::Row(row) => self.row(&self.plan.rows[*row]),
        };
        let value = match seed {
            Some(seed) => json!([self.made.engine, self.backbone, seed, rest]),
            None => json!([self.made.engine, self.backbone, rest]),
        };
        sha256(value.to_string().as_bytes())
    }

    fn features(&self, trunk: &TrunkId) -> Value {
        json!({
            "begins-with": self.begins_with(trunk.weights),
            "dataset": self.target(),
            "features": cut(&trunk.cut),
        })
    }

    fn row(&self, row: &Row) -> Value {
        let strategy = self.plan.strategy(row);
        let mut key = json!({
            "begins-with": self.begins_with(strategy.weights),
            "dataset": self.target(),
            "folds": self.plan.experiment.target.folds,
            "cut": match row.among.as_slice() {
                [] => cut(&row.cut),
                among => json!({ "among": among.iter().map(cut).collect::<Vec<Value>>() }),
            },
            "train-samples": row.train_samples,
            "kind": strategy.kind,
            "head": component(self.made, &strategy.head),
            "train": strategy.train,
            "test-samples": strategy.test_samples,
            "multipliers": strategy.multipliers,
            "unfreeze-after": strategy.unfreeze_after,
        });
        // Rows without these keep the keys they had before there were such things.
        if strategy.calibrate {
            key["calibrate"] = Value::Bool(true);
        }
        if let Some(count) = row.train_per_class {
            key["train-per-class"] = count.into();
        }
        let estimates = &self.plan.experiment.target.transferability;
        if !estimates.is_empty() {
            key["transferability"] = json!(estimates);
        }
        if let Some(tests) = self.tests() {
            key["tests"] = tests;
        }
        if let Some(select) = &strategy.select {
            key["select"] = json!(select);
        }
        key
    }

    fn begins_with(&self, weights: Start) -> Value {
        match weights {
            Start::Random => Value::Null,
            Start::Source => json!([self.made.weights, self.source]),
        }
    }

    /// The further test sets, where there are any. What they are called changes no bits.
    fn tests(&self) -> Option<Value> {
        let tests = &self.plan.experiment.target.tests;
        let test = |test: &TestSet| {
            json!([
                dataset(self.made, &test.dataset),
                test.split,
                test.class_map
            ])
        };
        (!tests.is_empty()).then(|| tests.iter().map(test).collect())
    }

    fn target(&self) -> Value {
        dataset(self.made, &self.plan.experiment.target.dataset)
    }
}

/// A dataset with the classes that are taken of it.
fn dataset(made: &Made, used: &DatasetUse) -> Value {
    json!([component(made, &used.component), used])
}

/// A component with the digest of its plugin.
fn component(made: &Made, component: &Component) -> Value {
    let mut plugins = made.plugins.iter();
    let plugin = plugins.find(|(id, _)| id == component.plugin());
    json!([component, plugin.map(|(_, sha256)| sha256)])
}

/// What decides the features at a cut. Cuts of one place keep the keys they had before places were joined.
fn cut(cut: &CutPoint) -> Value {
    match cut.joined.as_slice() {
        [] => json!([cut.layers, cut.reduction]),
        joined => json!([joined, cut.reduction]),
    }
}
