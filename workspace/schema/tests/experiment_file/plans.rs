//! Good files: what the plan says, and that it survives being written out.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::json;
use topwork_schema::{
    Cut, CutPoint, Description, Draft, Optimizer, Place, Plan, Reduction, Row, Start, StrategyKind,
    UseKind, resolve_parameters, without_paths,
};

use crate::catalog::{SMALL, catalog, described, mnist};

fn plan(text: &str, folder: &Path) -> Plan {
    Draft::read("experiment.toml", text, folder)
        .check(&catalog())
        .unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"))
}

fn crate_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn pins_are_part_of_the_resolved_experiment() {
    let digest = "0123456789ABCDEF".repeat(4);
    let text = format!("{SMALL}\n[plugins.mnist]\nsha256 = \"{digest}\"\n");
    let plan = plan(&text, &crate_folder());
    let [(plugin, pin)] = &plan.experiment.pins[..] else {
        panic!("{:?}", plan.experiment.pins);
    };
    assert_eq!(
        (plugin.as_str(), &pin.sha256),
        ("mnist", &digest.to_lowercase())
    );
    assert_eq!(self::plan(&plan.to_toml(), &crate_folder()), plan);
}

#[test]
fn the_flagship_is_a_plan() {
    let folder = crate_folder().join("../../experiments");
    let text = std::fs::read_to_string(folder.join("mnist-transfer.toml")).unwrap();
    let plan = plan(&text, &folder);
    let experiment = &plan.experiment;

    let cuts: Vec<_> = plan.cuts().into_iter().collect();
    assert_eq!(cuts, [&point("features", 7)]);
    assert_eq!(plan.source_classes, ["0", "1", "2", "3", "4"]);
    assert_eq!(plan.target_classes, ["5", "6", "7", "8", "9"]);
    assert_eq!(experiment.seeds, [1]);
    assert_eq!(experiment.backbone.component, "lenet/lenet");
    assert_eq!(experiment.backbone.plugin(), "lenet");
    assert_eq!(experiment.backbone.id(), "lenet");

    let rows: Vec<_> = experiment
        .strategies
        .iter()
        .map(|s| {
            (
                s.name.as_str(),
                s.kind,
                s.head.id(),
                s.train_samples.clone(),
                s.weights,
            )
        })
        .collect();
    let (frozen, classifier) = (
        StrategyKind::FrozenBackbone,
        StrategyKind::FeatureClassifier,
    );
    assert_eq!(
        rows,
        [
            ("frozen backbone", frozen, "mlp", vec![], Start::Source),
            (
                "feature classifier, 1,000 samples",
                classifier,
                "logistic-regression",
                vec![1000],
                Start::Source
            ),
            (
                "feature classifier",
                classifier,
                "logistic-regression",
                vec![],
                Start::Source
            ),
            (
                "frozen random backbone",
                frozen,
                "mlp",
                vec![],
                Start::Random
            ),
        ]
    );
    let figures: Vec<_> = experiment
        .references
        .iter()
        .map(|reference| (reference.strategy.as_str(), reference.figure().1))
        .collect();
    assert_eq!(
        figures,
        [
            ("source", 0.99747),
            ("frozen backbone", 0.947542),
            ("feature classifier, 1,000 samples", 0.96),
        ]
    );
}

#[test]
fn what_is_left_out_has_its_default() {
    let plan = plan(SMALL, &crate_folder());
    let experiment = plan.experiment;
    assert_eq!(experiment.seeds, [1]);
    assert_eq!(experiment.about, "");
    let train = experiment.source.unwrap().train;
    assert_eq!(
        (train.epochs, train.batch_size, train.optimizer),
        (3, 64, Optimizer::Adam)
    );
    assert_eq!(
        (train.learning_rate, train.momentum, train.weight_decay),
        (1e-3, 0.0, 0.0)
    );
    let classifier = &experiment.strategies[1];
    assert_eq!(
        (classifier.train.as_ref(), classifier.weights),
        (None, Start::Source)
    );
    assert_eq!(
        serde_json::Value::from(classifier.head.parameters.clone()),
        json!({ "l2": 1.0, "scaling": "standard", "max-iterations": 500 })
    );
}

#[test]
fn a_cut_is_named_after_what_it_keeps() {
    let cases = [
        ("\"pool2\"", Place::Name("pool2".to_owned()), 6, "pool2"),
        ("6", Place::Layers(6), 6, "pool2"),
        ("1", Place::Layers(1), 1, "layer 1"),
        ("4", Place::Layers(4), 4, "layer 4"),
    ];
    for (written, place, layers, name) in cases {
        let reduction = Reduction::default();
        let plan = plan(&SMALL.replace("\"features\"", written), &crate_folder());
        assert_eq!(plan.experiment.target.cuts, [Cut { place, reduction }]);
        assert_eq!(plan.cuts(), [&point(name, layers)], "cut = {written}");
    }
}

#[test]
fn cuts_and_numbers_of_samples_make_rows() {
    let rows = |cut: &str, keys: &str| -> Vec<String> {
        let text = SMALL
            .replace("\"features\"", cut)
            .replace("kind = \"frozen", &format!("{keys}\nkind = \"frozen"));
        let plan = plan(&text, &crate_folder());
        let again = self::plan(&plan.to_toml(), &crate_folder());
        assert_eq!(again, plan, "{}", plan.to_toml());
        let row = |row: &Row| {
            let samples = row
                .train_samples
                .map_or("all".to_owned(), |n| n.to_string());
            format!("{} ({} {samples})", plan.title(row), row.cut.layers)
        };
        plan.rows.iter().map(row).collect()
    };
    let classifier = "feature classifier (7 all)";
    let cases: [(&str, &str, &[&str]); 4] = [
        ("\"features\"", "", &["frozen backbone (7 all)", classifier]),
        (
            "[\"features\"]",
            "train-samples = [9]",
            &["frozen backbone (7 9)", classifier],
        ),
        (
            "7",
            "cut = [\"pool1\", 4]\ntrain-samples = [9, 5]",
            &[
                "frozen backbone · pool1 · 9 (3 9)",
                "frozen backbone · pool1 · 5 (3 5)",
                "frozen backbone · layer 4 · 9 (4 9)",
                "frozen backbone · layer 4 · 5 (4 5)",
                classifier,
            ],
        ),
        (
            "[\"pool2\", 1]",
            "cut = 7",
            &[
                "frozen backbone (7 all)",
                "feature classifier · pool2 (6 all)",
                "feature classifier · layer 1 (1 all)",
            ],
        ),
    ];
    for (cut, keys, expected) in cases {
        assert_eq!(rows(cut, keys), expected, "cut = {cut}\n{keys}");
    }
}

fn point(name: &str, layers: usize) -> CutPoint {
    let name = name.to_owned();
    CutPoint {
        name,
        layers,
        joined: Vec::new(),
        reduction: Reduction::default(),
    }
}

#[test]
fn classes_keep_their_order_and_mix_names_and_indices() {
    let cases = [
        ("classes = [7, \"5\", 6]", vec![7, 5, 6]),
        ("", (0..10).collect()),
    ];
    for (written, expected) in cases {
        let text = SMALL
            .replace("classes = [5, 6, 7, 8, 9]", written)
            .replace("\"mnist\",  }", "\"mnist\" }");
        let plan = plan(&text, &crate_folder());
        assert_eq!(plan.experiment.target.dataset.classes, expected);
        let names: Vec<String> = expected.iter().map(usize::to_string).collect();
        assert_eq!(plan.target_classes, names);
    }
}

#[test]
fn folds_need_no_test_split() {
    let source = SMALL.find("[source]").unwrap()..SMALL.find("[target]").unwrap();
    let mut text = SMALL
        .replace("kind =", "weights = \"random\"\nkind =")
        .replace("\"features\"", "\"features\"\nfolds = 5");
    text.replace_range(source, "");
    let mut catalog = catalog();
    for described in &mut catalog.described {
        if let Ok(Description::Dataset { splits, .. }) = &mut described.outcome {
            splits.retain(|(name, _)| name == "train");
        }
    }
    let read = |text: &str| Draft::read("experiment.toml", text, &crate_folder()).check(&catalog);
    let plan = read(&text).unwrap();
    assert_eq!(plan.experiment.target.folds, Some(5));
    assert_eq!(read(&plan.to_toml()).unwrap(), plan);
}

#[test]
fn without_a_source_the_weights_come_from_a_file_or_by_chance() {
    let source = SMALL.find("[source]").unwrap()..SMALL.find("[target]").unwrap();
    let mut no_source = SMALL.to_owned();
    no_source.replace_range(source, "");

    let from_file = no_source.replace(
        "use = \"lenet\"",
        "use = \"lenet\"\nweights = \"Cargo.toml\"",
    );
    let experiment = plan(&from_file, &crate_folder()).experiment;
    assert_eq!(
        experiment.backbone_weights,
        Some(crate_folder().join("Cargo.toml"))
    );
    assert_eq!(experiment.source, None);

    let by_chance = no_source.replace("kind =", "weights = \"random\"\nkind =");
    let plan = plan(&by_chance, &crate_folder());
    assert!(
        plan.experiment
            .strategies
            .iter()
            .all(|s| s.weights == Start::Random)
    );
    assert!(plan.source_classes.is_empty());
}

#[test]
fn the_kind_of_a_component_and_its_full_id_tell_it_apart() {
    let text = SMALL.replace("use = \"mnist\"", "use = \"mnist/mnist\"");
    assert_eq!(plan(&text, &crate_folder()), plan(SMALL, &crate_folder()));
}

#[test]
fn paths_in_parameters_are_taken_from_the_folder() {
    let schema = json!({
        "properties": {
            "file": { "type": "string", "format": "path" },
            "files": { "type": "array", "items": { "type": "string", "format": "path" } },
            "deep": { "properties": { "file": { "format": "path" } } },
            "text": { "type": "string", "default": "a" },
            "nothing": { "default": null },
        },
    });
    let given = json!({
        "file": "a/b", "files": ["c", "/d"], "deep": { "file": "./e" }, "empty": "", "other": "f",
    });
    let resolved = resolve_parameters(&schema, given.as_object().unwrap(), Path::new("/home/x"));
    assert_eq!(
        serde_json::Value::from(resolved.clone()),
        json!({
            "file": "/home/x/a/b", "files": ["/home/x/c", "/d"], "deep": { "file": "/home/x/e" },
            "empty": "", "other": "f", "text": "a",
        })
    );
    // What others are told says nothing of where files lie.
    assert_eq!(
        serde_json::Value::from(without_paths(&schema, &resolved)),
        json!({
            "file": "b", "files": ["c", "d"], "deep": { "file": "e" },
            "empty": "", "other": "f", "text": "a",
        })
    );

    let text = SMALL.replace("use = \"mnist\"", "use = \"mnist\", folder = \"digits\"");
    let mut catalog = catalog();
    catalog.described.push(described(
        UseKind::Dataset,
        "mnist",
        json!({ "folder": "digits" }),
        mnist(),
    ));
    let draft = Draft::read("experiment.toml", &text, Path::new("/home/x"));
    let plan = draft.check(&catalog).unwrap();
    let parameters = &plan.experiment.target.dataset.component.parameters;
    assert_eq!(parameters["folder"], "/home/x/digits");
    assert!(plan.to_toml().contains("folder = \"/home/x/digits\""));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(\\PC|\n|=|\\[|\\]|\"|\\{|\\}|,|name|strategy|[0-9]){0,60}") {
        let draft = Draft::read("experiment.toml", &text, Path::new("/nowhere"));
        let mistakes = draft.check(&catalog()).unwrap_err();
        prop_assert!(!mistakes.is_empty());
        prop_assert!(!mistakes.render(true).is_empty());
        draft.uses();
    }

    #[test]
    fn no_edit_makes_it_panic(from in 0..SMALL.len(), length in 0usize..12, with in "(\\PC|\n|[0-9]|=|\\[|\\]|\"|\\{|\\}|,|\\.|-|true|nan|é|1979-05-27){0,4}") {
        let mut text = SMALL.to_owned();
        text.replace_range(from..(from + length).min(SMALL.len()), &with);
        let draft = Draft::read("experiment.toml", &text, Path::new("/nowhere"));
        match draft.check(&catalog()) {
            Ok(plan) => prop_assert!(draft.check(&catalog()).is_ok() && !plan.target_classes.is_empty()),
            Err(mistakes) => prop_assert!(!mistakes.render(false).is_empty()),
        }
    }

    #[test]
    fn a_plan_written_out_reads_as_the_same_plan(
        name in "[^\\p{Cc}]{0,12}[a-z]",
        about in any::<String>(),
        seed in 0..=i64::MAX as u64,
        epochs in 1..1000usize,
        sgd in any::<bool>(),
        learning_rate in (prop::num::f32::POSITIVE | prop::num::f32::NORMAL).prop_map(f64::from),
        momentum in 0.0..1.0f64,
        accuracy in 0.0..=1.0f64,
        hidden in prop::collection::vec(1..5000u64, 0..3),
        l2 in prop::num::f64::POSITIVE,
        samples in prop::option::of(prop::collection::hash_set(5..60_000u64, 1..4)),
        layers in prop::collection::btree_set(1..=7usize, 1..4),
        first in 0..10usize,
        random in any::<bool>(),
        folds in prop::option::of(2..=20u64),
    ) {
        let optimizer = if sgd { format!("\"sgd\", momentum = {momentum:?}") } else { "\"adam\"".to_owned() };
        // Of two folds, one is left to learn from, and the source learns the classes 0 to 4.
        let few = samples.iter().flatten().all(|samples| *samples <= 30_000);
        let folds = folds.filter(|_| few && (5..9).contains(&first)).map_or(String::new(), |folds| format!("\nfolds = {folds}"));
        let samples = samples.map_or(String::new(), |samples| format!("train-samples = {:?}\n", Vec::from_iter(samples)));
        let weights = if random { "weights = \"random\"\n" } else { "" };
        let quoted = |text: &str| toml::Value::from(text).to_string();
        let second = (first + 1) % 10;
        let text = SMALL
            .replace("name = \"small\"", &format!("name = {}\nabout = {}\nseeds = [{seed}]", quoted(&name), quoted(&about)))
            .replace("epochs = 3", &format!("epochs = {epochs}, optimizer = {optimizer}, learning-rate = {learning_rate:?}"))
            .replace("\"features\"", &format!("{:?}{folds}", Vec::from_iter(layers)))
            .replace("[5, 6, 7, 8, 9]", &format!("[{first}, {second}]"))
            .replace("\"logistic-regression\"", &format!("\"logistic-regression\", l2 = {l2:?}"))
            .replace("[500]", &format!("{hidden:?}"))
            .replace("kind = \"frozen", &format!("{samples}{weights}kind = \"frozen"))
            + &format!("[[reference]]\nstrategy = \"source\"\naccuracy = {accuracy:?}\nnote = {}\n", quoted(&about));
        let mut catalog = catalog();
        catalog.described.retain(|described| described.of.kind != UseKind::Head);
        let read = |text: &str| Draft::read("experiment.toml", text, Path::new("/home/x")).check(&catalog);
        let plan = read(&text).map_err(|mistakes| TestCaseError::fail(mistakes.to_string()))?;
        prop_assert_eq!(&plan.experiment.name, &name);
        prop_assert_eq!(plan.experiment.strategies[0].weights == Start::Random, random);
        let written = plan.to_toml();
        let again = read(&written).map_err(|mistakes| TestCaseError::fail(mistakes.to_string()))?;
        prop_assert_eq!(&plan, &again, "{}", written);
        let json = plan.to_json().unwrap();
        prop_assert_eq!(Plan::from_json(&json), Some(plan), "{}", json);
    }
}
