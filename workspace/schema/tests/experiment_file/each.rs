//! Parameters of heads with several values: the strategies they come to, and what is refused.

use std::path::Path;

use serde_json::json;
use topwork_schema::{Draft, Plan};

use crate::catalog::{SMALL, catalog};

const HEAD: &str = "head = { use = \"logistic-regression\"";

/// The small file, whose classifier has these parameters beside `use`.
fn with(parameters: &str) -> String {
    assert!(SMALL.contains(HEAD));
    SMALL.replace(HEAD, &format!("{HEAD}, {parameters}"))
}

fn plan(text: &str) -> Result<Plan, String> {
    let draft = Draft::read("experiment.toml", text, Path::new("/folder"));
    draft
        .check(&catalog())
        .map_err(|problems| problems.to_string())
}

/// Names of the strategies, with the parameters of those that are not the first.
fn strategies(text: &str) -> Vec<(String, serde_json::Value)> {
    let plan = plan(text).unwrap();
    // What a run folder keeps says the same.
    let again = self::plan(&plan.to_toml());
    assert_eq!(again.as_ref(), Ok(&plan), "{}", plan.to_toml());
    let strategies = plan.experiment.strategies.iter().skip(1);
    strategies
        .map(|strategy| {
            let parameters = serde_json::Value::Object(strategy.head.parameters.clone());
            (strategy.name.clone(), parameters)
        })
        .collect()
}

#[test]
fn each_value_is_a_strategy() {
    let check = |parameters: &str, expected: &[(&str, serde_json::Value)]| {
        let expected: Vec<_> = (expected.iter())
            .map(|(name, parameters)| ((*name).to_owned(), parameters.clone()))
            .collect();
        assert_eq!(strategies(&with(parameters)), expected, "{parameters}");
    };
    let of = |l2: f64, scaling: &str| json!({"l2": l2, "scaling": scaling, "max-iterations": 500});
    check(
        "l2 = { each = [0.1, 1.0, 10.0] }",
        &[
            ("feature classifier l2=0.1", of(0.1, "standard")),
            ("feature classifier l2=1.0", of(1.0, "standard")),
            ("feature classifier l2=10.0", of(10.0, "standard")),
        ],
    );
    check(
        "scaling = { each = [\"none\", \"standard\"] }, l2 = { each = [1.0, 2.0] }",
        &[
            ("feature classifier scaling=none l2=1.0", of(1.0, "none")),
            ("feature classifier scaling=none l2=2.0", of(2.0, "none")),
            (
                "feature classifier scaling=standard l2=1.0",
                of(1.0, "standard"),
            ),
            (
                "feature classifier scaling=standard l2=2.0",
                of(2.0, "standard"),
            ),
        ],
    );
}

#[test]
fn what_is_no_list_of_values_is_told_once() {
    let told = |parameters: &str| plan(&with(parameters)).unwrap_err();
    let many: Vec<String> = (1..=101).map(|value| value.to_string()).collect();
    let cases = [
        "l2 = { each = [] }".to_owned(),
        "l2 = { each = 3 }".to_owned(),
        "l2 = { each = [1, 2], count = 3 }".to_owned(),
        "l2 = { each = [1, 2, 1] }".to_owned(),
        format!("l2 = {{ each = [{}] }}", many.join(", ")),
        // Of one of them, and of all of them.
        "l2 = { each = [1, -1] }".to_owned(),
        "l2 = { each = [1, 2] }, scalin = \"none\"".to_owned(),
    ];
    let told: Vec<String> = cases.iter().map(|case| told(case)).collect();
    insta::assert_snapshot!(told.join("\n"));
}
