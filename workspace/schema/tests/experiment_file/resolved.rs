//! The files that are written into run folders: the experiment as resolved and the plan. What
//! earlier versions wrote is what is written now, so a run begun by one goes on with another.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use topwork_measure::TargetKind;
use topwork_schema::{
    Catalog, ComponentKind, CutChoice, CutEntry, Description, Draft, Extractor, LayerEntry, Plan,
    Plans, PluginEntry, Pool, UseKind, WantedNormalise, json_schema,
};

use crate::{
    catalog::{EXTRACTED, SMALL, described, entry},
    training::DETAILED,
};

/// Cuts of every form, the other keys that no shipped experiment has, and what only some
/// strategies may say.
const EVERY_FORM: &str = r#"name = "every \"form\""
about = "cuts, samples, settings"
seeds = [3, 1]

[backbone]
use = "lenet"

[source]
dataset = { use = "mnist", folder = "digits", classes = [0, "1"] }
head = { use = "mlp", hidden = [500], deep = { rate = 0.5, on = true, words = ["a", "b"] } }

[source.train]
epochs = 3
batch-size = 7
optimizer = "sgd"
learning-rate = 1
weight-decay = 1e-4
schedule = "one-cycle"
class-weights = [1, 2.5]
clip-norm = 5
augment = { shift = 1, rotate = 10.5, flip = true, crop = 2 }

[target]
dataset = { use = "mnist", classes = [5, 6], normalise = { mean = [0.5], std = [0.25] } }
cut = [1, { at = 4, l2 = true }, { at = "block7", pool = "gap" }, { join = [1, "block7"], pool = "gap", l2 = true }, { use = "ends", n = 2, pool = "gmp", pca = 3 }]

[[strategy]]
name = "frozen"
kind = "frozen-backbone"
head = { use = "mlp" }
train = { epochs = 1, class-weights = "balanced" }
train-samples = [9, 5]
test-samples = 8
weights = "random"

[[strategy]]
name = "fine-tuned"
kind = "fine-tune"
head = { use = "mlp" }
cut = { at = "features", pool = "flatten" }
train = { epochs = 9, optimizer = "adamw", schedule = "step", step-every = 2, validation = 0.25, patience = 1, augment = { shift = 0 } }
learning-rate-multipliers = { "..=2" = "none", head = 2, "*" = 0.5 }
unfreeze-after = 2

[[strategy]]
name = "from scratch"
kind = "from-scratch"
head = { use = "mlp" }
cut = ["pool1", 6]
train-samples = 10
train = { epochs = 2, warm-up = 0.5, label-smoothing = 0.1 }

[[reference]]
strategy = "frozen"
accuracy = 1

[plugins.mnist]
sha256 = "0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef"
"#;

fn root() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    folder.canonicalize().unwrap()
}

/// Plugins that have whatever an experiment names, and backbones that can be cut wherever it says.
fn catalog(draft: &Draft) -> Catalog {
    let shapes = ["circle", "square", "triangle", "cross", "ring"];
    let mut catalog = Catalog::default();
    for used in draft.uses() {
        let id = (used.component.rsplit('/').next()).unwrap_or(&used.component);
        let coloured = used.parameters.get("size").is_some() || id.contains("efficientnet");
        let channels = if coloured { 3 } else { 1 };
        let (kind, description) = match used.kind {
            UseKind::Backbone if id == "hog" => {
                let cuts = ["gradients", "cells", "hog"];
                (ComponentKind::Extractor, extractor(&cuts))
            }
            UseKind::Backbone if id == "identity" => {
                (ComponentKind::Extractor, extractor(&["features"]))
            }
            UseKind::Backbone => (ComponentKind::Backbone, network(channels)),
            UseKind::Cut => (ComponentKind::CutRule, Description::Cuts(choices())),
            UseKind::Dataset => {
                let splits = [("train".to_owned(), 6000), ("test".to_owned(), 1000)];
                let targets = match used.parameters.get("targets") {
                    Some(word) if word == "multilabel" => TargetKind::Multilabel,
                    Some(_) => TargetKind::Numbers,
                    None => TargetKind::Classes,
                };
                let digits = (0..10).map(|digit| digit.to_string());
                let dataset = Description::Dataset {
                    classes: match targets {
                        TargetKind::Classes => digits.chain(shapes.map(str::to_owned)).collect(),
                        TargetKind::Numbers | TargetKind::Multilabel => vec!["age".to_owned()],
                    },
                    shape: [channels, 28, 28],
                    splits: splits.to_vec(),
                    targets,
                };
                (ComponentKind::Dataset, dataset)
            }
            UseKind::Head => {
                let kind = match id {
                    "logistic-regression"
                    | "linear-svm"
                    | "nearest-centroid"
                    | "knn"
                    | "ridge"
                    | "random-forest"
                    | "mean" => ComponentKind::ClassifierHead,
                    _ => ComponentKind::NetworkHead,
                };
                (kind, Description::Head)
            }
        };
        if !catalog.components.iter().any(|known| known.id == id) {
            let schema = json!({
                "properties": { "folder": { "type": "string", "format": "path" } },
                "additionalProperties": true,
            });
            catalog.components.push(entry(kind, id, schema));
            catalog.plugins.push(PluginEntry {
                id: id.to_owned(),
                path: format!("/plugins/lib{id}.so"),
                sha256: "0123456789abcdef".repeat(4),
            });
        }
        catalog
            .described
            .push(described(used.kind, id, used.parameters, description));
    }
    catalog
}

fn network(channels: usize) -> Description {
    let names = [
        "in", "block7", "pool1", "block15", "gap", "last", "features", "block3",
    ];
    backbone(channels, &names, None)
}

fn extractor(cuts: &[&str]) -> Description {
    let extractor = Extractor {
        normalise: WantedNormalise::Any,
        digest: Some("12ab".to_owned()),
        runtime: None,
        network: false,
    };
    backbone(1, cuts, Some(extractor))
}

fn backbone(channels: usize, names: &[&str], extractor: Option<Extractor>) -> Description {
    let layer = |name: &&str| LayerEntry {
        name: (*name).to_owned(),
        op: "conv2d".to_owned(),
        detail: String::new(),
        output: vec![8, 4, 4],
        dims: None,
        parameters: 1,
        multiply_adds: 1,
    };
    let cuts = names.iter().zip(1..).map(|(name, layers)| CutEntry {
        name: (*name).to_owned(),
        layers,
    });
    Description::Backbone {
        input: vec![channels, 28, 28],
        layers: names.iter().map(layer).collect(),
        // The first has no name of its own.
        cuts: cuts.skip(usize::from(extractor.is_none())).collect(),
        extractor,
        opaque_because: None,
    }
}

fn choices() -> Vec<CutChoice> {
    let choice = |name: &str, layers, pool| CutChoice {
        name: name.to_owned(),
        layers,
        pool,
    };
    vec![choice("early", 2, Some(Pool::Gmp)), choice("late", 6, None)]
}

fn plan(text: &str, folder: &Path) -> Plan {
    plans(text, folder).only().unwrap().clone()
}

fn plans(text: &str, folder: &Path) -> Plans {
    let draft = Draft::read("experiment.toml", text, folder);
    let catalogs = vec![catalog(&draft); draft.asks().len()];
    let judged = draft.judge(&catalogs);
    judged
        .unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"))
        .0
}

/// Every experiment of this project with the folder it lies in, and those made for tests.
fn experiments() -> Vec<(String, String, PathBuf)> {
    let root = root();
    let mut found = Vec::new();
    for folder in [
        "experiments",
        "examples/c-hog",
        "examples/c-shapes",
        "fuzz/seeds/experiment",
    ] {
        let folder = root.join(folder);
        let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "toml")
            })
            .collect();
        files.sort();
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            // Any file will do that is there.
            let text = text
                .replace(
                    "../data/fetched/efficientnet-lite0.safetensors",
                    "../Cargo.toml",
                )
                .replace(
                    "../data/fetched/efficientnet-lite1.safetensors",
                    "../Cargo.toml",
                )
                .replace(
                    "../data/fetched/efficientnet-lite2.safetensors",
                    "../Cargo.toml",
                )
                .replace("w.safetensors", "every-table.toml");
            let name = file.strip_prefix(&root).unwrap().display().to_string();
            found.push((name, text, folder.clone()));
        }
    }
    let here = root.join("experiments");
    for (name, text) in [
        ("small", SMALL),
        ("extracted", EXTRACTED),
        ("detailed", DETAILED),
        ("every form", EVERY_FORM),
    ] {
        found.push((name.to_owned(), text.to_owned(), here.clone()));
    }
    let judged = SMALL.replace(
        "cut = \"features\"",
        "cut = \"features\"\nmetrics = [\"accuracy\", \"ece\"]\nrank-by = \"macro-f1\"\n\
         compare-to = \"frozen backbone\"\nequivalent-within = 0.5\ntransferability = [\"log-me\", \"h-score\"]",
    ) + "calibrate = true\n\n[[reference]]\nstrategy = \"source\"\nmetric = \"mcc\"\nvalue = -0.25\n";
    found.push(("judged".to_owned(), judged, here.clone()));
    let input = SMALL.replace(
        "use = \"lenet\"",
        "use = \"lenet\"\ninput = { shape = [1, 28, 28], resize = 32, normalise = { mean = [0.5], std = [0.25] } }",
    );
    found.push(("input".to_owned(), input, here.clone()));
    let published = SMALL.replace(
        "kind = \"feature-classifier\"\nhead = { use = \"logistic-regression\" }",
        "protocol = \"simclr-logistic@1\"",
    );
    let further = SMALL.replacen(
        "[[strategy]]",
        "[[target.test]]\nname = \"others\"\ndataset = { use = \"mnist\", classes = [1, 5] }\nsplit = \"train\"\nclass-map = { 1 = \"7\" }\n\n[[strategy]]",
        1,
    );
    found.push(("further".to_owned(), further, here.clone()));
    found.push(("published".to_owned(), published, here));
    found
}

#[test]
fn resolved_experiments_are_written_as_ever() {
    let root = root().display().to_string();
    let all: Vec<String> = (experiments().into_iter())
        .map(|(name, text, folder)| {
            let resolved = plans(&text, &folder).to_toml();
            format!("=== {name}\n{}", resolved.replace(&root, "[root]"))
        })
        .collect();
    insta::assert_snapshot!(all.join("\n"));
}

/// What serde makes of the parts that keys of results are made from: another text, and no run
/// takes over what an earlier one has measured.
#[test]
fn what_keys_of_results_hold_is_as_ever() {
    let plan = plan(EVERY_FORM, &root().join("experiments"));
    let experiment = &plan.experiment;
    let source = experiment.source.as_ref().unwrap();
    let mut all = vec![
        json!(experiment.backbone),
        json!(source.dataset),
        json!(source.train),
        json!(experiment.target.dataset),
    ];
    for strategy in &experiment.strategies {
        all.push(json!([strategy.kind, strategy.train, strategy.multipliers]));
    }
    all.extend(plan.rows.iter().map(|row| json!(row.cut.reduction)));
    let all: Vec<String> = all.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(
        all.join("\n")
            .replace(&root().display().to_string(), "[root]")
    );
}

/// A key that is declared and has no field in the plan would be read by nobody.
#[test]
fn every_key_arrives_in_the_resolved_experiment() {
    fn keys(schema: &Value, all: &mut Vec<String>) {
        for (key, of) in schema["properties"].as_object().into_iter().flatten() {
            all.push(key.clone());
            keys(of, all);
        }
        for part in ["items", "additionalProperties"] {
            if let Some(part) = schema.get(part) {
                keys(part, all);
            }
        }
        for part in schema["anyOf"].as_array().into_iter().flatten() {
            keys(part, all);
        }
    }
    let mut declared = Vec::new();
    keys(&json_schema(), &mut declared);
    assert!(declared.len() > 50, "{declared:?}");
    let resolved: Vec<String> = (experiments().into_iter())
        .map(|(_, text, folder)| plans(&text, &folder).to_toml())
        .collect();
    let resolved = resolved.join("\n");
    // A range is resolved to the list of its values.
    let ranges = ["log", "linear", "count"];
    declared.retain(|key| !ranges.contains(&key.as_str()));
    for key in declared {
        let written = [format!("{key} ="), format!("[{key}"), format!("[[{key}")];
        assert!(written.iter().any(|key| resolved.contains(key)), "{key}");
    }
}

#[test]
fn a_plan_of_another_layout_is_left_alone() {
    let json = plan(SMALL, &root()).to_json().unwrap();
    let newer = json.replacen("\"format\":1", "\"format\":2", 1);
    for text in [&newer, &json[..json.len() - 1], "", "{\"format\":1}"] {
        assert_eq!(Plan::from_json(text), None, "{text}");
    }
}

/// The one that was written before is in the snapshot; reading it gives the plan it was made from.
#[test]
fn a_resolved_experiment_is_the_same_experiment() {
    for (name, text, folder) in experiments() {
        let first = plans(&text, &folder);
        let resolved = first.to_toml();
        let again = plans(&resolved, Path::new("/elsewhere"));
        assert_eq!(again, first, "{name}\n{resolved}");
        for plan in first.plans() {
            let json = plan.to_json().unwrap();
            assert_eq!(
                Plan::from_json(&json).as_ref(),
                Some(plan),
                "{name}\n{json}"
            );
        }
    }
}
