//! Files of several backbones and targets: which pairs they come to, what is wrong with them, and that the resolved file says
//! the same.

use std::path::PathBuf;

use topwork_schema::{Catalog, Draft, Plans, WantedNormalise};

use crate::catalog::catalog_with_extractor;

const SEVERAL: &str = r#"name = "several"
seeds = [1, 2]

[[backbone]]
name = "trained"
use = "lenet"

[[backbone]]
name = "opaque"
use = "hog"
cut = [1, 2]

[source]
dataset = { use = "mnist", classes = [0, 1, 2, 3, 4] }
head = { use = "mlp", hidden = [500] }
train = { epochs = 3, batch-size = 64, optimizer = "adam", learning-rate = 1e-3 }

[[target]]
name = "some"
dataset = { use = "mnist", classes = [5, 6, 7, 8, 9] }
cut = "features"
rank-by = "macro-f1"

[[target]]
name = "two"
dataset = { use = "mnist", classes = [7, 9] }
cut = ["features", 4]
folds = 3

[[strategy]]
name = "fine-tune"
kind = "fine-tune"
head = { use = "mlp", hidden = [500] }
train = { epochs = 1 }
backbones = ["trained"]

[[strategy]]
name = "frozen"
kind = "frozen-backbone"
head = { use = "mlp", hidden = [500] }
train = { epochs = 1 }

[[strategy]]
name = "of two"
kind = "frozen-backbone"
head = { use = "mlp", hidden = [500] }
train = { epochs = 1 }
targets = ["two"]

[[reference]]
strategy = "fine-tune"
accuracy = 0.9
target = "some"
"#;

fn known() -> Catalog {
    catalog_with_extractor(WantedNormalise::Any)
}

fn read(text: &str) -> Result<Plans, String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let draft = Draft::read("experiment.toml", text, &folder);
    let catalogs = vec![known(); draft.asks().len()];
    let read = draft.judge(&catalogs).map(|(plans, _)| plans);
    read.map_err(|mistakes| mistakes.render(false))
}

#[test]
fn every_backbone_is_paired_with_every_target() {
    let plans = read(SEVERAL).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let told: Vec<String> = (plans.plans())
        .map(|plan| {
            let titles: Vec<String> = plan.rows.iter().map(|row| plan.title(row)).collect();
            let source = if plan.experiment.source.is_some() {
                "source"
            } else {
                "no source"
            };
            let references = plan.experiment.references.len();
            format!("{source}, {references} references: {}", titles.join(", "))
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
    assert_eq!(
        (plans.backbones(), plans.targets()),
        (vec!["trained", "opaque"], vec!["some", "two"])
    );
    assert_eq!((plans.strategies(), plans.only()), (3, None));
}

#[test]
fn the_resolved_file_gives_the_same_plans() {
    let plans = read(SEVERAL).unwrap();
    let text = plans.to_toml();
    let again = read(&text).unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"));
    assert_eq!(again, plans, "{text}");
    assert_eq!(again.to_toml(), text);
    // Each pair by itself is an experiment, too.
    for plan in plans.plans() {
        let alone = read(&plan.to_toml())
            .unwrap_or_else(|mistakes| panic!("{mistakes}\n{}", plan.to_toml()));
        let alone = alone.only().unwrap();
        assert_eq!(alone.experiment, plan.experiment);
        assert_eq!(alone.rows, plan.rows);
    }
}

#[test]
fn a_list_of_one_is_a_table() {
    let text = SEVERAL.replace("backbones = [\"trained\"]\n", "");
    let (before, rest) = text.split_once("[[backbone]]\nname = \"opaque\"").unwrap();
    let (_, after) = rest.split_once("[source]").unwrap();
    let one = format!("{before}[source]{after}");
    let as_table = one.replace("[[backbone]]", "[backbone]");
    let (one, as_table) = (read(&one).unwrap(), read(&as_table).unwrap());
    assert_eq!(one, as_table);
    assert!(one.backbones().is_empty());
}

#[test]
fn mistakes_are_told_once_and_where_they_are() {
    let mut told = Vec::new();
    let mut check = |from: &str, to: &str| {
        assert!(SEVERAL.contains(from), "{from}");
        let mistakes = match read(&SEVERAL.replacen(from, to, 1)) {
            Ok(_) => "no mistake".to_owned(),
            Err(mistakes) => mistakes,
        };
        told.push(format!("{from:?} -> {to:?}\n{mistakes}"));
    };
    check("name = \"opaque\"\n", "");
    check("name = \"opaque\"", "name = \"trained\"");
    check("backbones = [\"trained\"]", "backbones = [\"traind\"]");
    check("targets = [\"two\"]", "targets = [\"three\"]");
    check("target = \"some\"", "target = \"sum\"");
    check("backbones = [\"trained\"]\n", "");
    check("cut = \"features\"\n", "");
    check("cut = [1, 2]", "cut = [1, 99]");
    check("cut = \"features\"", "cut = \"featurs\"");
    check("use = \"hog\"", "use = \"hogg\"");
    check("kind = \"frozen-backbone\"", "kind = \"frozen-backbon\"");
    check("folds = 3", "folds = 3\ncompare-to = \"nobody\"");
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn one_answer_for_several_pairs_is_a_mistake_of_its_own() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mistakes = Draft::read("experiment.toml", SEVERAL, &folder).check(&known());
    let told = mistakes.unwrap_err().render(false);
    assert!(
        told.starts_with("error: the file has several backbones or targets"),
        "{told}"
    );
}
