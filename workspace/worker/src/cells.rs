//! What a result is recognised by across runs: the same key, the same bits. So a run can take
//! over what another has measured.

use serde_json::{Value, json};
use topwork_schema::{Component, Plan, Weights};
use topwork_store::{Cells, FileDigest, KeyedCell, KeyedSource, PluginDigest, sha256};

use crate::features::engine_kind;

/// The keys of everything a plan measures: for every row and seed, and for every seed of the
/// source. A key covers what the figures depend on and nothing else: not a strategy's name, not
/// the rows beside it.
pub fn cells(plan: &Plan, plugins: &[PluginDigest], weights: Option<&FileDigest>) -> Cells {
    let experiment = &plan.experiment;
    let engine = engine_kind();
    let component = |component: &Component| {
        let plugin = plugins
            .iter()
            .find(|plugin| plugin.id == component.plugin());
        json!([component, plugin.map(|plugin| &plugin.sha256)])
    };
    let backbone = json!([component(&experiment.backbone), plan.extractor]);
    let source = experiment.source.as_ref().map(|source| {
        json!({
            "dataset": [component(&source.dataset.component), source.dataset],
            "head": component(&source.head),
            "train": source.train,
        })
    });
    let key = |seed: u64, rest: &Value| {
        let value = json!([engine, backbone, seed, rest]);
        sha256(value.to_string().as_bytes())
    };
    let mut keyed = Cells::default();
    for &seed in &experiment.seeds {
        if let Some(source) = &source {
            keyed.sources.push(KeyedSource {
                seed,
                key: key(seed, source),
            });
        }
        for (index, row) in plan.rows.iter().enumerate() {
            let strategy = plan.strategy(row);
            let begins_with = match strategy.weights {
                Weights::Random => Value::Null,
                Weights::Source => json!([weights.map(|weights| &weights.sha256), source]),
            };
            let target = &experiment.target.dataset;
            let value = json!({
                "begins-with": begins_with,
                "dataset": [component(&target.component), target],
                "folds": experiment.target.folds,
                "cut": [row.cut.layers, row.cut.reduction],
                "train-samples": row.train_samples,
                "kind": strategy.kind,
                "head": component(&strategy.head),
                "train": strategy.train,
                "test-samples": strategy.test_samples,
                "multipliers": strategy.multipliers,
                "unfreeze-after": strategy.unfreeze_after,
            });
            keyed.rows.push(KeyedCell {
                row: index,
                seed,
                key: key(seed, &value),
            });
        }
    }
    keyed
}
