//! `[[target.test]]`: what it comes to, and what is wrong with it.

use std::path::Path;

use topwork_schema::{Draft, Plan};

use crate::catalog::{SMALL, catalog};

/// The file with these further test sets.
fn plan(tests: &str) -> Result<(Plan, Vec<String>), Vec<String>> {
    let text = SMALL.replacen("[[strategy]]", &format!("{tests}\n[[strategy]]"), 1);
    let draft = Draft::read("file.toml", &text, Path::new("/"));
    let remarks = |of: topwork_schema::Diagnostics| of.iter().map(|one| one.remark()).collect();
    match draft.judge(&[catalog()]) {
        Ok((mut plans, warnings)) => Ok((plans.pairs.remove(0).plan, remarks(warnings))),
        Err(mistakes) => Err(remarks(mistakes)),
    }
}

#[test]
fn classes_are_those_of_the_target_by_name_or_by_the_map() {
    let check = |keys: &str, labels: &[Option<u32>], left_out: Option<&str>| {
        let (plan, warnings) = plan(&format!("[[target.test]]\nname = \"x\"\n{keys}")).unwrap();
        let test = &plan.experiment.target.tests[0];
        let theirs: Vec<String> = (0..10).map(|digit| digit.to_string()).collect();
        assert_eq!(test.labels(&theirs, &plan.target_classes), labels, "{keys}");
        let told = warnings.iter().find(|told| told.contains("left out"));
        assert_eq!(told.is_some(), left_out.is_some(), "{keys}: {warnings:?}");
        if let (Some(told), Some(left_out)) = (told, left_out) {
            assert!(told.contains(left_out), "{told}");
        }
    };
    let none = [None; 5];
    let five = [0, 1, 2, 3, 4].map(Some);
    check(
        "dataset = { use = \"mnist\" }",
        &[none, five].concat(),
        Some("`0`, `1`, `2`, `3`, `4` of `mnist` are left out"),
    );
    check(
        "dataset = { use = \"mnist\", classes = [7, 9] }",
        &[
            None,
            None,
            None,
            None,
            None,
            None,
            None,
            Some(2),
            None,
            Some(4),
        ],
        None,
    );
    check(
        "dataset = { use = \"mnist\", classes = [1, 2] }\nclass-map = { 1 = \"7\" }",
        &[
            None,
            Some(2),
            None,
            None,
            None,
            None,
            None,
            None,
            None,
            None,
        ],
        Some("`2` of `mnist` is left out"),
    );
}

#[test]
fn the_split_is_the_one_written_or_test() {
    let check = |keys: &str, expected: &str| {
        let text =
            format!("[[target.test]]\nname = \"x\"\ndataset = {{ use = \"mnist\" }}\n{keys}");
        let (plan, _) = plan(&text).unwrap();
        assert_eq!(plan.experiment.target.tests[0].split, expected, "{keys}");
    };
    check("", "test");
    check("split = \"train\"", "train");
}

#[test]
fn what_is_wrong_is_told() {
    let check = |tests: &str, expected: &[&str]| {
        let told = plan(tests).expect_err(tests);
        for expected in expected {
            let found = told.iter().any(|told| told.contains(expected));
            assert!(found, "{tests}: {expected}: {told:#?}");
        }
        assert_eq!(told.len(), expected.len(), "{tests}: {told:#?}");
    };
    let head = "[[target.test]]\nname = \"x\"\ndataset = { use = \"mnist\" }\n";
    check(
        &format!("{head}split = \"validation\""),
        &["has no split `validation`"],
    );
    check(
        &format!("{head}class-map = {{ ten = \"7\", 1 = \"seven\" }}"),
        &[
            "`target.test[0].class-map`: `mnist` has no class \"ten\"",
            "`target.test[0].class-map`: the target has no class \"seven\"",
        ],
    );
    check(
        "[[target.test]]\nname = \"x\"\ndataset = { use = \"mnist\", classes = [0, 1] }",
        &["no class of `mnist` is one of the target: it has `0`, `1`"],
    );
    check(
        &format!("{head}{head}"),
        &["`target.test[1].name`: the name \"x\" is taken"],
    );
    check(
        "[[target.test]]\ndataset = { use = \"mnits\" }",
        &["missing key `name`", "did you mean `mnist`?"],
    );
    check(
        &format!("{head}folds = 3"),
        &["unknown key `target.test[0].folds`"],
    );
}

#[test]
fn the_resolved_file_gives_the_same_plan() {
    let tests = "[[target.test]]\nname = \"x\"\ndataset = { use = \"mnist\", classes = [1, 5] }\nclass-map = { 1 = \"7\" }\n";
    let (plan, _) = plan(tests).unwrap();
    let text = plan.to_toml();
    let draft = Draft::read("resolved.toml", &text, Path::new("/"));
    let again = draft.check(&catalog()).map_err(|told| told.render(false));
    assert_eq!(again.unwrap(), plan, "{text}");
}
