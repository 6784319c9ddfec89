//! What a run was made of and with, for the end of a report.

use topwork_measure::seconds;

use super::Loaded;
use crate::runs::date;

/// Names and values.
pub fn facts(run: &Loaded) -> Vec<(String, String)> {
    let manifest = &run.manifest;
    let machine = &manifest.machine;
    let mut facts = Facts::default();
    facts.put("experiment file", manifest.experiment.display());
    facts.put("started", date(manifest.created_at));
    if let Some(ending) = &run.state.ending {
        facts.put("took", seconds(ending.seconds));
    }
    facts.put("topwork", &manifest.version);
    if let Some(binary) = &manifest.binary {
        facts.put("program file, SHA-256", &binary.sha256);
    }
    if let Some(runtime) = &manifest.computed_by {
        facts.put("features computed by", runtime);
    }
    facts.put(
        "machine",
        format_args!(
            "{}, {} {}, {} cores, {} used",
            machine.host, machine.system, machine.architecture, machine.cores, manifest.threads
        ),
    );
    for plugin in &manifest.plugins {
        let name = format!("plugin {} {}, SHA-256", plugin.id, plugin.version);
        facts.put(&name, &plugin.sha256);
    }
    if let Some(weights) = &manifest.weights {
        facts.put(
            &format!("weights {}, SHA-256", weights.path.display()),
            &weights.sha256,
        );
    }
    if let Some(content) = &run.state.content {
        for (task, splits) in [("source", &content.source), ("target", &content.target)] {
            for split in splits {
                let name = format!(
                    "{task} data, split {}, {} examples",
                    split.split, split.examples
                );
                facts.put(&name, &split.digest);
            }
        }
    }
    for row in run.tables.tables.iter().flat_map(|table| &table.strategies) {
        if let Some(test_set) = &row.test_set {
            facts.put(&format!("test examples of {}", row.title), test_set);
        }
        for seed in &row.seeds {
            if let Some(frozen) = &seed.frozen_after {
                let intact = match seed.frozen_before.as_ref() == Some(frozen) {
                    true => "the same before and after",
                    false => "another one than before",
                };
                let name = format!("frozen in {}, seed {}, SHA-256", row.title, seed.seed);
                facts.put(&name, format_args!("{frozen}, {intact}"));
            }
        }
    }
    facts.0
}

#[derive(Default)]
struct Facts(Vec<(String, String)>);

impl Facts {
    fn put(&mut self, name: &str, value: impl std::fmt::Display) {
        self.0.push((name.to_owned(), value.to_string()));
    }
}
