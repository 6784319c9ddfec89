//! What may be wrong and stops nothing, and what the images decide.

use std::path::PathBuf;

use topwork_schema::{
    Catalog, Component, Content, Counted, Draft, Group, Looked, Normalise, SharedImages,
    SharedPlace,
};

use crate::catalog::{SMALL, catalog};

/// The warnings, or the mistakes, one a line.
fn told(text: &str, catalog: &Catalog) -> Result<Vec<String>, Vec<String>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let draft = Draft::read("experiment.toml", text, &folder);
    let remarks = |of: topwork_schema::Diagnostics| of.iter().map(|one| one.remark()).collect();
    match draft.judge(std::slice::from_ref(catalog)) {
        Ok((_, warnings)) => Ok(remarks(warnings)),
        Err(mistakes) => Err(remarks(mistakes)),
    }
}

#[test]
fn published_weights_want_samples_as_they_learnt_them() {
    let numbers = |mean: f64, std: f64| Normalise {
        mean: vec![mean],
        std: vec![std],
    };
    let mut catalog = catalog();
    catalog.published = Some(numbers(0.5, 0.25));
    let (before, rest) = SMALL.split_once("[source]").unwrap();
    let (_, after) = rest.split_once("[target]").unwrap();
    // Any file: whether it fits is another question.
    let text = format!("{before}weights = \"Cargo.toml\"\n[target]{after}");
    let with =
        |normalise: &str| text.replace("[5, 6, 7, 8, 9]", &format!("[5, 6, 7, 8, 9]{normalise}"));
    let doubted = |text: &str| {
        let warnings = told(text, &catalog).unwrap();
        warnings
            .iter()
            .any(|one| one.contains("published weights of `lenet`"))
    };
    assert!(doubted(&text));
    assert!(doubted(&with(
        ", normalise = { mean = [0.1], std = [0.3] }"
    )));
    assert!(!doubted(&with(
        ", normalise = { mean = [0.5], std = [0.2501] }"
    )));
    assert!(
        !doubted(SMALL),
        "what is trained here takes samples as they are"
    );
}

/// One image that the source learns as the class `learnt`, and that is measured as `measured`.
fn shared(learnt: (&str, usize), measured: (&str, usize)) -> Catalog {
    let mut catalog = catalog();
    let place = |(split, class): (&str, usize), position| SharedPlace {
        dataset: 0,
        split: split.to_owned(),
        class,
        several: false,
        examples: 1,
        first: vec![vec![position]],
    };
    catalog.content = Some(Ok(Content {
        datasets: vec![Looked {
            component: Component {
                component: "mnist/mnist".to_owned(),
                parameters: serde_json::Map::new(),
            },
            numbers: (0.0, 1.0),
        }],
        shared: vec![SharedImages {
            images: 1,
            places: vec![place(learnt, 17), place(measured, 4)],
        }],
    }));
    catalog
}

#[test]
fn images_are_refused_where_they_are_learnt_and_measured() {
    let is_refused = |learnt, measured| match told(SMALL, &shared(learnt, measured)) {
        Ok(_) => false,
        Err(mistakes) => {
            let leak = mistakes
                .iter()
                .all(|one| one.contains("test 4 = train 17 of the source"));
            assert!(leak, "{mistakes:?}");
            true
        }
    };
    // The source learns 0 to 4, the target is measured on 5 to 9.
    assert!(is_refused(("train", 2), ("test", 7)));
    assert!(
        !is_refused(("train", 7), ("test", 2)),
        "the other way round"
    );
    assert!(!is_refused(("train", 2), ("test", 3)), "not measured");
    assert!(!is_refused(("train", 6), ("test", 7)), "not learnt before");
    assert!(!is_refused(("test", 2), ("test", 7)), "only measured");
    let within = told(SMALL, &shared(("train", 6), ("test", 7))).unwrap();
    assert_eq!(
        within.len(),
        2,
        "learnt and measured, with two labels: {within:?}"
    );
}

#[test]
fn groups_are_told_and_too_few_of_them_refused() {
    // Of a group its name and the classes it has examples of; the target takes 5 to 9.
    let check = |folds: &str,
                 train: &[(&str, &[usize])],
                 test: &[(&str, &[usize])],
                 expected: Result<&[&str], &str>| {
        let mut catalog = catalog();
        for (split, groups) in [("train", train), ("test", test)] {
            let group = |(name, classes): &(&str, &[usize])| Group {
                name: (*name).to_owned(),
                classes: classes.to_vec(),
            };
            catalog.counted.push(Counted {
                component: Component {
                    component: "mnist/mnist".to_owned(),
                    parameters: serde_json::Map::new(),
                },
                split: split.to_owned(),
                classes: Ok(vec![50; 10]),
                groups: Some(groups.iter().map(group).collect()),
            });
        }
        let text = SMALL.replace("[target]", &format!("[target]\n{folds}"));
        let found = match told(&text, &catalog) {
            Ok(warnings) => Ok(warnings),
            Err(mistakes) => Err(mistakes.join("\n")),
        };
        let expected = expected.map(|all| all.iter().map(|one| (*one).to_owned()).collect());
        assert_eq!(found, expected.map_err(str::to_owned));
    };
    const ALL: &[usize] = &[5, 6, 7, 8, 9];
    let four: &[(&str, &[usize])] = &[("a", ALL), ("b", ALL), ("c", ALL), ("d", ALL)];
    check("folds = 4", four, &[], Ok(&[]));
    check("folds = 4", four, four, Ok(&[]));
    check(
        "folds = 5",
        four,
        &[],
        Err(
            "`target.folds` is 5, but the examples of `mnist` are in 4 groups: every fold needs one at least, as groups stay together; use 4 folds or fewer",
        ),
    );
    check(
        "folds = 2",
        &[("a", ALL), ("other", &[0, 1])],
        &[],
        Err(
            "`target.folds` is 2, but the examples of `mnist` are in 1 group: every fold needs one at least, as groups stay together; name another source of `groups`, or measure on a split `test`",
        ),
    );
    check(
        "folds = 3",
        &[("a", &[5, 6, 7]), ("b", &[5, 6, 8, 9]), ("c", &[5, 8, 9])],
        &[],
        Ok(&[
            "`target.dataset`: the class `7` is in a single group, so that it is measured only where it was not learnt, and counts as wrong",
            "`target.dataset`: the classes `6` (2 groups), `8` (2 groups) and `9` (2 groups) are in fewer groups than the 3 folds: some folds have none",
        ]),
    );
    check("", four, &[("e", ALL)], Ok(&[]));
    check("", four, &[("e", ALL), ("a", &[1])], Ok(&[]));
    check(
        "",
        four,
        &[("b", ALL), ("e", &[5])],
        Ok(&[
            "`target.dataset`: 1 group of `mnist` has examples in both splits, `train` and `test`: `b`",
        ]),
    );
    check(
        "",
        four,
        four,
        Ok(&[
            "`target.dataset`: 4 groups of `mnist` have examples in both splits, `train` and `test`: `a`, `b`, `c`, …",
        ]),
    );
}
