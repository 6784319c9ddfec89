//! Targets of numbers, from the file to the page. The expected figures are scikit-learn's on the same files: `StandardScaler`, then
//! `Ridge(1.0)`, `KNeighborsRegressor(10)` and `DummyRegressor()`.

use std::path::Path;

use topwork_testkit::Project;

/// The shipped experiment with its files in a project.
fn project() -> (Project, String) {
    let project = Project::new();
    let shipped = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../experiments"));
    let read = |name: &str| std::fs::read_to_string(shipped.join(name)).unwrap();
    for name in ["diabetes/train.csv", "diabetes/test.csv"] {
        project.write(name, &read(name));
    }
    let text = read("diabetes.toml");
    project.write("diabetes.toml", &text);
    (project, text)
}

#[test]
fn heads_agree_with_scikit_learn_on_diabetes() {
    let (project, _) = project();
    let run = project.topwork(&["run", "diabetes.toml", "--ui", "none"]);
    assert_eq!(run.code, 0, "{}", run.snapshot());
    let results = project.results(1);
    let rows = [
        [
            0.519_962_441_446_717,
            52.636_534_804_517_64,
            43.101_987_480_407_23,
        ],
        [
            0.459_184_974_119_353_9,
            55.869_406_313_274_65,
            45.139_325_842_696_63,
        ],
        [
            -0.011_146_747_572_479_132,
            76.393_564_815_018_66,
            64.263_838_049_463_67,
        ],
    ];
    for (row, expected) in rows.iter().enumerate() {
        let row = &results["strategies"][row];
        for (id, expected) in ["r2", "rmse", "mae"].iter().zip(expected) {
            let found = row["figures"][id]["mean"].as_f64().unwrap();
            let near = (found - expected).abs() < 1e-6 * expected.abs().max(1.0);
            assert!(near, "{} {id}: {found}, {expected}", row["name"]);
        }
        let r2 = &row["figures"]["r2"];
        assert_eq!(r2["interval-by"], "bootstrap", "{r2}");
        // No example is correct or wrong, and no class is taken for another.
        assert!(row["seeds"][0].get("correct").is_none());
        assert!(row["confusion"].is_null());
    }
    assert_eq!(results["targets"], "numbers");
    // Ridge and the mean are told apart by the bootstrap.
    let pairs = results["pairs"].as_array().unwrap();
    let told = pairs
        .iter()
        .find(|pair| pair["b"] == "mean" && pair["a"] == "ridge");
    assert!(told.is_some(), "{pairs:?}");
    let folder = project.run_folder(1).join("predictions");
    let files = std::fs::read_dir(folder).unwrap();
    for file in files {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(text.starts_with("example,true,predicted\n0,151,"), "{text}");
        assert_eq!(text.lines().count(), 90);
    }
    let again = project.topwork(&[
        "predict",
        "1",
        "--row",
        "ridge",
        "--split",
        "test",
        "--output",
        "again.csv",
    ]);
    assert_eq!(again.code, 0, "{}", again.snapshot());
    let again = std::fs::read_to_string(project.path().join("again.csv")).unwrap();
    assert!(
        again.starts_with("example,true,predicted\n0,151,"),
        "{again}"
    );
}

#[test]
fn what_is_of_classes_alone_is_refused() {
    let (project, text) = project();
    let check = |from: &str, to: &str, expected: &[&str]| {
        assert!(text.contains(from), "{from}");
        project.write("wrong.toml", &text.replacen(from, to, 1));
        let found = project.topwork(&["check", "wrong.toml"]);
        assert_eq!(found.code, 2, "{}", found.snapshot());
        for expected in expected {
            assert!(found.stderr.contains(expected), "{}", found.stderr);
        }
    };
    check(
        "head = { use = \"mean\" }",
        "head = { use = \"lda\" }",
        &[
            "`lda` is fitted to classes alone, and the target has numbers",
            "wrong.toml:",
            "`ridge`, `knn`, `mean`",
        ],
    );
    check(
        "head = { use = \"mean\" }",
        "head = { use = \"mean\" }\ncalibrate = true",
        &["`strategy[2].calibrate`: it is of classes alone"],
    );
    check(
        "[target]",
        "[target]\nmetrics = [\"accuracy\"]",
        &[
            "the figure `accuracy` is not one of numbers",
            "`r2`, `rmse`, `mae`",
        ],
    );
}

#[test]
fn numbers_that_cannot_be_predicted_are_refused_by_line() {
    let (project, _) = project();
    let check = |train: &str, expected: &str| {
        project.write("diabetes/train.csv", train);
        let found = project.topwork(&["check", "diabetes.toml"]);
        assert_ne!(found.code, 0, "{}", found.snapshot());
        assert!(found.stderr.contains(expected), "{}", found.stderr);
    };
    let line = |number: &str| format!("{}{number}\n", "0.5,".repeat(10));
    let header = "age,sex,bmi,bp,s1,s2,s3,s4,s5,s6,progression\n";
    check(
        &format!("{header}{}{}", line("3"), line("nan")),
        "line 3: label NaN, expected a finite number",
    );
    check(
        &format!("{header}{}{}", line("3"), line("old")),
        "line 3: label \"old\", expected a finite number",
    );
    check(
        &format!("{header}{}{}", line("3"), line("1e300")),
        "expected a finite number",
    );
    check(
        &format!("{header}{}{}", line("3"), line("3")),
        "every number to be predicted is 3",
    );
}
