//! A catalog like the one the first-party plugins give, and files that go with it.

use serde_json::{Value, json};
use topwork_measure::TargetKind;
use topwork_schema::{
    Catalog, ComponentEntry, ComponentKind, CutChoice, CutEntry, Described, Description, Dims,
    Extractor, LayerEntry, PluginEntry, Pool, Use, UseKind, WantedNormalise,
};

/// The smallest file that says everything it must; the broken files are this one with a mistake.
pub const SMALL: &str = r#"name = "small"

[backbone]
use = "lenet"

[source]
dataset = { use = "mnist", classes = [0, 1, 2, 3, 4] }
head = { use = "mlp", hidden = [500] }
train = { epochs = 3 }

[target]
dataset = { use = "mnist", classes = [5, 6, 7, 8, 9] }
cut = "features"

[[strategy]]
name = "frozen backbone"
kind = "frozen-backbone"
head = { use = "mlp", hidden = [500] }
train = { epochs = 1 }

[[strategy]]
name = "feature classifier"
kind = "feature-classifier"
head = { use = "logistic-regression" }
"#;

fn plugin(id: &str) -> PluginEntry {
    PluginEntry {
        id: id.to_owned(),
        path: format!("/plugins/lib{id}.so"),
        sha256: "0123456789abcdef".repeat(4),
    }
}

pub fn catalog() -> Catalog {
    Catalog {
        plugins: ["lenet", "mnist", "mlp"].map(plugin).to_vec(),
        components: vec![
            entry(
                ComponentKind::Backbone,
                "lenet",
                json!({ "type": "object" }),
            ),
            entry(
                ComponentKind::Dataset,
                "mnist",
                json!({
                    "type": "object",
                    "properties": {
                        "folder": { "type": "string", "format": "path", "description": "where the four files lie" },
                    },
                    "additionalProperties": false,
                }),
            ),
            entry(
                ComponentKind::NetworkHead,
                "mlp",
                json!({
                    "type": "object",
                    "properties": {
                        "hidden": {
                            "type": "array",
                            "items": { "type": "integer", "minimum": 1 },
                            "default": [],
                            "description": "units of every hidden layer",
                        },
                    },
                }),
            ),
            entry(
                ComponentKind::ClassifierHead,
                "logistic-regression",
                json!({
                    "type": "object",
                    "properties": {
                        "l2": { "type": "number", "exclusiveMinimum": 0, "default": 1.0, "description": "strength of the penalty" },
                        "scaling": { "enum": ["standard", "none"], "default": "standard" },
                        "max-iterations": { "type": "integer", "minimum": 1, "maximum": 100_000, "default": 500 },
                    },
                }),
            ),
        ],
        skipped: Vec::new(),
        counted: Vec::new(),
        content: None,
        weights: None,
        published: None,
        described: vec![
            described(UseKind::Backbone, "lenet", json!({}), lenet()),
            described(UseKind::Dataset, "mnist", json!({}), mnist()),
            described(
                UseKind::Head,
                "mlp",
                json!({ "hidden": [500] }),
                Description::Head,
            ),
            described(
                UseKind::Head,
                "logistic-regression",
                json!({}),
                Description::Head,
            ),
        ],
    }
}

/// A component whose plugin has the same id.
pub fn entry(kind: ComponentKind, id: &str, schema: Value) -> ComponentEntry {
    ComponentEntry {
        kind,
        plugin: id.to_owned(),
        id: id.to_owned(),
        about: format!("the component {id}"),
        schema,
        numbers: matches!(id, "ridge" | "knn" | "random-forest" | "mean"),
    }
}

pub fn described(
    kind: UseKind,
    component: &str,
    parameters: Value,
    description: Description,
) -> Described {
    let component = component.to_owned();
    Described {
        of: Use {
            kind,
            component,
            parameters,
        },
        outcome: Ok(description),
    }
}

pub fn mnist() -> Description {
    Description::Dataset {
        classes: (0..10).map(|digit| digit.to_string()).collect(),
        shape: [1, 28, 28],
        splits: vec![("train".to_owned(), 60_000), ("test".to_owned(), 10_000)],
        targets: TargetKind::Classes,
    }
}

fn lenet() -> Description {
    let layer = |name: &str, op: &str, output: &[usize], parameters, multiply_adds| LayerEntry {
        name: name.to_owned(),
        op: op.to_owned(),
        detail: String::new(),
        output: output.to_vec(),
        dims: None,
        parameters,
        multiply_adds,
    };
    let cut = |name: &str, layers| CutEntry {
        name: name.to_owned(),
        layers,
    };
    Description::Backbone {
        input: vec![1, 28, 28],
        layers: vec![
            layer("conv1", "conv2d", &[20, 24, 24], 520, 288_000),
            layer("relu1", "relu", &[20, 24, 24], 0, 0),
            layer("pool1", "max-pool2d", &[20, 12, 12], 0, 0),
            layer("conv2", "conv2d", &[50, 8, 8], 25_050, 1_600_000),
            layer("relu2", "relu", &[50, 8, 8], 0, 0),
            layer("pool2", "max-pool2d", &[50, 4, 4], 0, 0),
            layer("flatten", "flatten", &[800], 0, 0),
        ],
        cuts: vec![
            cut("conv1", 2),
            cut("pool1", 3),
            cut("conv2", 5),
            cut("pool2", 6),
            cut("features", 7),
        ],
        extractor: None,
        opaque_because: None,
    }
}

/// A file in which the features come from an extractor of a plugin.
pub const EXTRACTED: &str = r#"name = "extracted"

[backbone]
use = "hog"

[target]
dataset = { use = "mnist", classes = [5, 6, 7, 8, 9], normalise = { mean = [0.5], std = [0.25] } }
cut = "cells"

[[strategy]]
name = "frozen backbone"
kind = "frozen-backbone"
head = { use = "mlp", hidden = [500] }
train = { epochs = 1 }

[[strategy]]
name = "feature classifier"
kind = "feature-classifier"
head = { use = "logistic-regression" }
"#;

/// An extractor with two cut points that wants its samples so.
fn hog(normalise: WantedNormalise) -> Description {
    let layer = |name: &str, output: &[usize]| LayerEntry {
        name: name.to_owned(),
        op: "extractor".to_owned(),
        detail: String::new(),
        output: output.to_vec(),
        dims: None,
        parameters: 0,
        multiply_adds: 0,
    };
    let cut = |name: &str, layers| CutEntry {
        name: name.to_owned(),
        layers,
    };
    Description::Backbone {
        input: vec![1, 28, 28],
        layers: vec![layer("cells", &[9, 7, 7]), layer("blocks", &[1296])],
        cuts: vec![cut("cells", 1), cut("blocks", 2)],
        extractor: Some(Extractor {
            normalise,
            digest: None,
            runtime: None,
            network: false,
        }),
        opaque_because: None,
    }
}

/// An extractor whose cuts lie in other ways than maps and vectors do: channels last, tokens, attention, and the mean of a map.
fn tokens() -> Description {
    let layer =
        |name: &str, op: &str, output: &[usize], dims: Option<(&[usize], Option<usize>)>| {
            LayerEntry {
                name: name.to_owned(),
                op: op.to_owned(),
                detail: String::new(),
                output: output.to_vec(),
                dims: dims.map(|(sizes, channels)| Dims {
                    leading: None,
                    sizes: sizes.to_vec(),
                    channels,
                }),
                parameters: 0,
                multiply_adds: 0,
            }
        };
    let layers = vec![
        layer(
            "/last/Add",
            "Add",
            &[7, 7, 32],
            Some((&[7, 7, 32], Some(2))),
        ),
        layer("/last/Mean", "ReduceMean", &[32], None),
        layer("/blocks/1/Add", "Add", &[160], Some((&[5, 32], Some(1)))),
        layer(
            "/blocks/1/attention",
            "Softmax",
            &[2, 5, 5],
            Some((&[2, 5, 5], None)),
        ),
    ];
    Description::Backbone {
        input: vec![1, 28, 28],
        cuts: (layers.iter().zip(1..))
            .map(|(layer, layers)| CutEntry {
                name: layer.name.clone(),
                layers,
            })
            .collect(),
        layers,
        extractor: Some(Extractor {
            normalise: WantedNormalise::Any,
            digest: None,
            runtime: None,
            network: false,
        }),
        opaque_because: None,
    }
}

/// The catalog with that extractor.
pub fn catalog_with_tokens() -> Catalog {
    let mut catalog = catalog_with_extractor(WantedNormalise::Any);
    for described in &mut catalog.described {
        if described.of.component == "hog" {
            described.outcome = Ok(tokens());
        }
    }
    catalog
}

/// The catalog with an extractor, and with a cut rule that chooses two cuts of any backbone.
pub fn catalog_with_extractor(normalise: WantedNormalise) -> Catalog {
    let mut catalog = catalog();
    let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } } });
    catalog.components.extend([
        entry(ComponentKind::Extractor, "hog", json!({})),
        entry(ComponentKind::CutRule, "ends", schema),
    ]);
    let choice = |name: &str, layers, pool| CutChoice {
        name: name.to_owned(),
        layers,
        pool,
    };
    let choices = vec![choice("first", 1, Some(Pool::Gmp)), choice("last", 2, None)];
    catalog.described.extend([
        described(UseKind::Backbone, "hog", json!({}), hog(normalise)),
        described(
            UseKind::Cut,
            "ends",
            json!({ "n": 2 }),
            Description::Cuts(choices),
        ),
    ]);
    catalog
}
