//! Values chosen on training samples, samples by class, and protocols: what they come to, and what is refused.

use std::path::Path;

use serde_json::{Value, json};
use topwork_schema::{
    Catalog, ComponentKind, Counted, Draft, Lists, PROTOCOLS, Plan, Select, SelectOn, Strategy,
};

use crate::catalog::{SMALL, catalog, entry};

/// The small file with these lines in its second strategy, a feature classifier.
fn with(lines: &str) -> String {
    format!("{SMALL}{lines}")
}

/// The same in its first, a network head on the frozen backbone.
fn in_first(lines: &str) -> String {
    SMALL.replace(
        "train = { epochs = 1 }\n",
        &format!("train = {{ epochs = 1 }}\n{lines}"),
    )
}

fn plan_with(text: &str, catalog: &Catalog) -> Result<Plan, Vec<String>> {
    let draft = Draft::read("experiment.toml", text, Path::new("/folder"));
    let told = |problem: &topwork_schema::Diagnostic| problem.remark();
    draft
        .check(catalog)
        .map_err(|problems| problems.iter().map(told).collect())
}

fn plan(text: &str) -> Result<Plan, Vec<String>> {
    plan_with(text, &catalog())
}

fn strategy(text: &str, index: usize) -> Strategy {
    let plan = plan(text).unwrap();
    // What a run folder keeps says the same.
    assert_eq!(
        self::plan(&plan.to_toml()).as_ref(),
        Ok(&plan),
        "{}",
        plan.to_toml()
    );
    assert_eq!(
        Plan::from_json(&plan.to_json().unwrap()),
        Some(plan.clone())
    );
    plan.experiment.strategies[index].clone()
}

fn lists(of: Value) -> Lists {
    serde_json::from_value(of).unwrap()
}

#[test]
fn values_are_chosen_as_written() {
    let check = |lines: &str, expected: Select| {
        let strategy = strategy(&with(lines), 1);
        assert_eq!(strategy.select, Some(expected), "{lines}");
    };
    check(
        "select = { on = { holdout = 0.1 }, head = { l2 = [0.1, 1] } }\n",
        Select {
            on: SelectOn::Holdout(0.1),
            by: "accuracy".to_owned(),
            cuts: Vec::new(),
            head: lists(json!({ "l2": [0.1, 1] })),
            train: Lists::default(),
        },
    );
    check(
        "select = { on = { folds = 5 }, by = \"log-loss\", head = { scaling = [\"none\", \"standard\"], l2 = { log = [1e-2, 1e2], count = 5 } } }\n",
        Select {
            on: SelectOn::Folds(5),
            by: "log-loss".to_owned(),
            cuts: Vec::new(),
            head: lists(json!({
                "scaling": ["none", "standard"],
                "l2": [0.01, 0.1, 1.0, 10.0, 100.0],
            })),
            train: Lists::default(),
        },
    );
    // Whole numbers where the parameter is one, each once; down as well as up.
    check(
        "select = { on = { folds = 2 }, head = { max-iterations = { linear = [4, 1], count = 7 } } }\n",
        Select {
            on: SelectOn::Folds(2),
            by: "accuracy".to_owned(),
            cuts: Vec::new(),
            head: lists(json!({ "max-iterations": [4, 3, 2, 1] })),
            train: Lists::default(),
        },
    );
}

#[test]
fn what_is_chosen_is_not_said_otherwise() {
    let chosen = strategy(
        &with("select = { on = { folds = 2 }, head = { l2 = [0.5, 2] } }\n"),
        1,
    );
    assert_eq!(chosen.head.parameters.get("l2"), None);
    let candidates = chosen.select.as_ref().unwrap().candidates(&[]);
    let with = chosen.with(&candidates[1]).unwrap();
    assert_eq!(
        (with.select, &with.head.parameters["l2"]),
        (None, &json!(2))
    );

    let text = in_first(
        "select = { on = { folds = 2 }, train = { learning-rate = [0.1, 0.5], batch-size = [8, 16] } }\n",
    );
    let chosen = strategy(&text, 0);
    let candidates = chosen.select.as_ref().unwrap().candidates(&[]);
    let train = chosen.with(&candidates[3]).unwrap().train.unwrap();
    assert_eq!((train.learning_rate, train.batch_size), (0.5, 16));
    assert_eq!(train.epochs, 1);
}

#[test]
fn a_row_chooses_among_cuts() {
    let text = with(
        "train-per-class = [4, 8]\nselect = { on = { folds = 2 }, cut = [\"pool1\", { at = \"pool2\", pool = \"gap\" }], head = { l2 = [1, 2] } }\n",
    );
    let chosen = strategy(&text, 1);
    let select = chosen.select.as_ref().unwrap();
    assert_eq!(select.paths(), ["cut", "head.l2"]);
    let plan = plan(&text).unwrap();
    let told: Vec<(String, String)> = (plan.rows.iter())
        .map(|row| (plan.title(row), row.cut_name()))
        .collect();
    let row = |title: &str, cut: &str| (title.to_owned(), cut.to_owned());
    assert_eq!(
        told,
        [
            row("frozen backbone", "features"),
            row("feature classifier · 4 per class", "chosen of 2"),
            row("feature classifier · 8 per class", "chosen of 2"),
        ]
    );
    let candidates: Vec<Value> = (select.candidates(plan.rows[1].cuts()).iter())
        .map(|candidate| candidate.values().into())
        .collect();
    let expected = json!([
        ["pool1", 1],
        ["pool1", 2],
        ["pool2 gap", 1],
        ["pool2 gap", 2]
    ]);
    assert_eq!(Value::from(candidates), expected);
    let names: Vec<&str> = plan.cuts().iter().map(|cut| cut.name.as_str()).collect();
    assert_eq!(names, ["features", "pool1", "pool2 gap"]);
    // A cut alone can be chosen, and no target need say one where every strategy does.
    let alone = with("select = { on = { holdout = 0.5 }, cut = [1, 3] }\n");
    assert_eq!(strategy(&alone, 1).select.unwrap().paths(), ["cut"]);
}

#[test]
fn what_cannot_be_chosen_is_said() {
    let check = |text: String, expected: &[&str]| {
        let found = plan(&text).unwrap_err();
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{found}\n{expected}");
        }
    };
    let head = |values: &str| {
        with(&format!(
            "select = {{ on = {{ folds = 2 }}, head = {values} }}\n"
        ))
    };
    let train = |values: &str| {
        in_first(&format!(
            "select = {{ on = {{ folds = 2 }}, train = {values} }}\n"
        ))
    };
    check(
        with("select = { on = {}, head = { l2 = [1, 2] } }\n"),
        &["`strategy[1].select.on` says neither `holdout` nor `folds`"],
    );
    check(
        with("select = { on = { folds = 2, holdout = 0.5 }, head = { l2 = [1, 2] } }\n"),
        &["says both `holdout` and `folds`"],
    );
    check(
        with("select = { on = { folds = 2 } }\n"),
        &["`strategy[1].select` has no values to choose from"],
    );
    check(
        with("select = { on = { split = \"validation\" }, head = { l2 = [1, 2] } }\n"),
        &["unknown key `strategy[1].select.on.split`"],
    );
    let cut = |cuts: &str| {
        with(&format!(
            "select = {{ on = {{ folds = 2 }}, cut = {cuts} }}\n"
        ))
    };
    check(
        cut("[\"pool1\", \"pool3\"]"),
        &["`strategy[1].select.cut`: `lenet` has no cut point \"pool3\""],
    );
    check(
        cut("[\"pool1\", { at = \"pool2\", join = [\"pool1\", \"pool2\"] }]"),
        &["`strategy[1].select.cut`: `at` and `join` both say where"],
    );
    check(
        cut("[{ at = \"pool1\", pools = \"gap\" }]"),
        &["`strategy[1].select.cut`: unknown key `pools`"],
    );
    check(
        cut("[\"pool1\", { at = \"pool1\" }]"),
        &["`strategy[1].select.cut`: \"pool1\" is the same cut as \"pool1\""],
    );
    check(
        with("cut = \"pool1\"\nselect = { on = { folds = 2 }, cut = [\"pool1\", \"pool2\"] }\n"),
        &["`strategy[1].cut` has no effect: `strategy[1].select` chooses it"],
    );
    check(
        with(
            "select = { on = { folds = 2 }, cut = [\"pool1\", \"pool2\"], head = { l2 = { log = [1, 2], count = 30 }, max-iterations = { linear = [1, 100], count = 10 } } }\n",
        ),
        &["expected at most 512 combinations, found 2 × 30 × 10 = 600"],
    );
    check(head("{ l2 = [1, 1] }"), &["lists 1 twice"]);
    check(
        head("{ l2 = [1, 0] }"),
        &["`strategy[1].head.l2`: expected a number above 0, found 0"],
    );
    check(
        head("{ l3 = [1, 2] }"),
        &["`logistic-regression` has no such parameter; did you mean `l2`?"],
    );
    check(
        head("{ l2 = { log = [1, 2, 3], count = 2 } }"),
        &["a range has two ends, found 3"],
    );
    check(
        head("{ l2 = { count = 2 } }"),
        &["a range has `log` or `linear`"],
    );
    check(
        head("{ l2 = { log = [0, 1], count = 2 } }"),
        &["expected a number above 0, found 0"],
    );
    check(
        head("{ l2 = { log = [1, 2], count = 201 } }"),
        &["expected an integer from 2 to 200, found 201"],
    );
    let many: Vec<String> = (1..=201).map(|value| value.to_string()).collect();
    check(
        head(&format!("{{ l2 = [{}] }}", many.join(", "))),
        &["`strategy[1].select.head.l2`: expected at most 200 values, found 201"],
    );
    check(
        head(
            "{ l2 = { log = [1, 2], count = 30 }, max-iterations = { linear = [1, 100], count = 20 } }",
        ),
        &["expected at most 512 combinations, found 30 × 20 = 600"],
    );
    check(
        SMALL.replace("\"logistic-regression\" }", "\"logistic-regression\", l2 = 3 }\nselect = { on = { folds = 2 }, head = { l2 = [1, 2] } }"),
        &["`strategy[1].head.l2` has no effect: `strategy[1].select` chooses it"],
    );
    check(
        with("select = { on = { folds = 2 }, train = { learning-rate = [1, 2] } }\n"),
        &["`strategy[1].select.train`: a `feature-classifier` is fit once and not trained"],
    );
    check(
        train("{ learning-rate = [0.1, 0] }"),
        &["`strategy[0].select.train.learning-rate[1]`: expected a number above 0, found 0"],
    );
    check(
        train("{ epochs = [1, 2] }"),
        &[
            "`strategy[0].train.epochs` has no effect",
            "`strategy[0].select.train.epochs` is not chosen here",
        ],
    );
    check(
        train("{ optimizer = [\"sgd\", \"adam\"] }"),
        &["`strategy[0].select.train.optimizer` is not chosen here: expected a key with a number"],
    );
    check(
        train("{ learning = [1, 2] }"),
        &["unknown key `strategy[0].select.train.learning`"],
    );
    check(
        train("{ warm-up = [0, 1] }"),
        &["`strategy[0].train.warm-up`: expected fewer than `epochs` (1), found 1"],
    );
    check(
        in_first("select = { on = { folds = 2 }, train = { learning-rate = [0.1, 1] } }\n")
            .replace("kind = \"frozen-backbone\"", "kind = \"fine-tune\""),
        &["`strategy[0].select` does not go with the kind `fine-tune`"],
    );
}

#[test]
fn samples_are_drawn_of_every_class() {
    let text = with("train-per-class = [1, 16]\n");
    let plan = plan(&text).unwrap();
    let titles: Vec<String> = plan.rows.iter().map(|row| plan.title(row)).collect();
    assert_eq!(
        titles,
        [
            "frozen backbone",
            "feature classifier · 1 per class",
            "feature classifier · 16 per class"
        ]
    );
    assert_eq!(strategy(&text, 1).train_per_class, [1, 16]);
    assert_eq!(
        strategy(&with("train-per-class = 4\n"), 1).train_per_class,
        [4]
    );
    let both = with("train-per-class = 4\ntrain-samples = 20\n");
    let found = self::plan(&both).unwrap_err();
    assert!(
        found[0].contains("`strategy[1].train-per-class` does not go with `train-samples`"),
        "{found:?}"
    );
}

#[test]
fn a_class_with_too_few_samples_is_named() {
    let mut catalog = catalog();
    let dataset = plan(SMALL).unwrap().experiment.target.dataset.component;
    for split in ["train", "test"] {
        let mut classes = vec![900; 10];
        classes[7] = 11;
        catalog.counted.push(Counted {
            component: dataset.clone(),
            split: split.to_owned(),
            classes: Ok(classes),
            groups: None,
        });
    }
    let check = |folds: &str, count: u64, expected: Option<&str>| {
        let text = with(&format!("train-per-class = {count}\n")).replace(
            "cut = \"features\"\n",
            &format!("cut = \"features\"\n{folds}"),
        );
        match (plan_with(&text, &catalog), expected) {
            (Ok(_), None) => {}
            (Err(found), Some(expected)) => assert_eq!(found, [expected]),
            (found, _) => panic!("{count}: {found:?}"),
        }
    };
    check("", 11, None);
    check(
        "",
        12,
        Some(
            "`strategy[1].train-per-class`: the class `7` has 11 training samples, found 12; write 11 or less",
        ),
    );
    check("folds = 5\n", 8, None);
    check(
        "folds = 5\n",
        9,
        Some(
            "`strategy[1].train-per-class`: the class `7` has 11 training samples (8 in 4 of 5 folds), found 9; write 8 or less",
        ),
    );
}

/// The heads that protocols use, with the parameters they set.
fn heads() -> Catalog {
    let mut catalog = catalog();
    let any = |names: &[&str]| {
        let properties: serde_json::Map<String, Value> = names
            .iter()
            .map(|name| ((*name).to_owned(), json!({})))
            .collect();
        json!({ "type": "object", "properties": properties })
    };
    catalog
        .components
        .retain(|entry| entry.id != "logistic-regression");
    let heads: [(&str, &[&str]); 3] = [
        (
            "logistic-regression",
            &["l2", "scale", "max-iterations", "tolerance"],
        ),
        ("knn", &["k", "metric", "weights", "temperature", "scale"]),
        ("ridge", &["l2", "scale", "deviation-floor", "constant"]),
    ];
    for (id, names) in heads {
        catalog
            .components
            .push(entry(ComponentKind::ClassifierHead, id, any(names)));
    }
    catalog
}

#[test]
fn protocols_stand_for_keys() {
    let catalog = heads();
    let start = SMALL.find("[[strategy]]").unwrap();
    for protocol in PROTOCOLS {
        let text = format!(
            "{}[[strategy]]\nname = \"a\"\nprotocol = \"{}\"\n",
            &SMALL[..start],
            protocol.id
        );
        let plan = plan_with(&text, &catalog).unwrap();
        assert_eq!(plan_with(&plan.to_toml(), &catalog).as_ref(), Ok(&plan));
        let strategy = &plan.experiment.strategies[0];
        assert_eq!(strategy.protocol.as_deref(), Some(protocol.id));
        assert!(strategy.kind.fits_a_classifier(), "{}", protocol.id);
    }
}

#[test]
fn what_contradicts_a_protocol_is_refused() {
    let catalog = heads();
    let start = SMALL.find("[[strategy]]").unwrap();
    let check = |lines: &str, expected: Option<&str>| {
        let text = format!("{}[[strategy]]\nname = \"a\"\n{lines}", &SMALL[..start]);
        match (plan_with(&text, &catalog), expected) {
            (Ok(_), None) => {}
            (Err(found), Some(expected)) => {
                assert!(
                    found.len() == 1 && found[0].starts_with(expected),
                    "{found:?}"
                );
            }
            (found, _) => panic!("{lines}: {found:?}"),
        }
    };
    let knn = "protocol = \"dinov2-knn@1\"\n";
    check(&format!("{knn}head = {{ use = \"knn\", k = 20 }}\n"), None);
    check(&format!("{knn}train-samples = 100\n"), None);
    check(
        &format!("{knn}head = {{ use = \"knn\", k = 5 }}\n"),
        Some("`strategy[0].head.k`: the protocol `dinov2-knn@1` has 20, found 5"),
    );
    check(
        &format!("{knn}head = {{ use = \"ridge\" }}\n"),
        Some(
            "`strategy[0].head.use`: the protocol `dinov2-knn@1` has \"knn\", found the string \"ridge\"",
        ),
    );
    check(
        "protocol = \"big-vision-10shot@1\"\ntrain-per-class = [10, 20]\n",
        Some(
            "`strategy[0].train-per-class`: the protocol `big-vision-10shot@1` has 10, found a list of 2",
        ),
    );
    check(
        "protocol = \"simclr-logistic@1\"\nselect = { on = { folds = 5 } }\n",
        Some(
            "`strategy[0].select.on`: the protocol `simclr-logistic@1` has {\"holdout\":0.1}, found a table",
        ),
    );
    let draft = |lines: &str| format!("{}[[strategy]]\nname = \"a\"\n{lines}", &SMALL[..start]);
    let found = plan_with(&draft("protocol = \"dinov2-knn@2\"\nkind = \"feature-classifier\"\nhead = { use = \"knn\" }\n"), &catalog).unwrap_err();
    assert!(
        found[0].contains("did you mean `dinov2-knn@1`?"),
        "{found:?}"
    );
}
