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
fn rows_are_measured_on_other_numbers() {
    let (project, text) = project();
    // Without the networks, whose last digits depend on the processor.
    let (closed_forms, _) = text
        .split_once("[[strategy]]\nname  = \"one layer\"")
        .unwrap();
    project.write("diabetes.toml", closed_forms);
    let run = project.topwork(&["run", "diabetes.toml", "--ui", "none"]);
    assert_eq!(run.code, 0, "{}", run.snapshot());
    let data = |targets: &str| {
        format!(
            "use = \"csv\"\nsplit = \"test\"\ntrain-file = \"diabetes/train.csv\"\ntest-file = \"diabetes/test.csv\"\nlabel = \"progression\"\ntargets = \"{targets}\"\n"
        )
    };
    project.write("data.toml", &data("numbers"));
    let on_data = ["evaluate", "1", "--dataset", "data.toml"];
    let table = project.topwork(&on_data);
    insta::assert_snapshot!(
        "numbers_evaluated",
        topwork_testkit::without_widths(&table.snapshot())
    );
    let json = project.topwork(&[&on_data[..], &["--json"]].concat());
    let evaluated: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    let results = project.results(1);
    // The same examples, read as the split of another dataset.
    for row in 0..3 {
        for figure in ["r2", "rmse", "mae"] {
            let of = |all: &serde_json::Value| all["strategies"][row]["figures"][figure].clone();
            let there = of(&evaluated);
            assert!(there["interval"].is_array(), "row {row}, {figure}: {there}");
            for key in ["mean", "interval", "interval-by"] {
                assert_eq!(there[key], of(&results)[key], "row {row}, {figure}, {key}");
            }
        }
    }
    assert_eq!(evaluated["pairs"], results["pairs"]);
    let one = project.topwork(&[&on_data[..], &["--row", "ridge", "--metric", "mae"]].concat());
    let without = ["nearest neighbours", "correct"];
    let alone = one.code == 0 && without.iter().all(|word| !one.stdout.contains(word));
    assert!(alone, "{}", one.snapshot());
    let output = ["--row", "ridge", "--output", "there.csv"];
    let line = [&["predict", "1", "--dataset", "data.toml"], &output[..]].concat();
    let predicted = project.topwork(&line);
    assert_eq!(predicted.code, 0, "{}", predicted.snapshot());
    let there = std::fs::read_to_string(project.path().join("there.csv")).unwrap();
    assert!(
        there.starts_with("example,true,predicted\n0,151,"),
        "{there}"
    );

    let page = project.topwork(&["report", "1", "--format", "html"]);
    assert_eq!(page.code, 0, "{}", page.snapshot());
    let drawn = page.stdout.matches("<svg class=\"picture\"").count();
    assert!(
        drawn >= 3 && page.stdout.contains("predicted progression against true"),
        "{drawn}"
    );
    assert!(!page.stdout.contains(">Confusion<"));

    let refused = |line: &[&str], expected: &str| {
        let output = project.topwork(line);
        assert_ne!(output.code, 0, "{}", output.snapshot());
        assert!(output.stderr.contains(expected), "{}", output.stderr);
    };
    let metric = [&on_data[..], &["--metric", "accuracy"]].concat();
    refused(
        &metric,
        "the figure `accuracy` is not one of numbers, which this run predicts",
    );
    project.write("data.toml", &data("classes"));
    refused(
        &on_data,
        "the dataset has classes, and the run predicts numbers",
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
            "`ridge`, `knn`, `random-forest`, `mean`",
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
        "line 3: label \"nan\" of column \"progression\", expected a finite number",
    );
    check(
        &format!("{header}{}{}", line("3"), line("old")),
        "line 3: label \"old\" of column \"progression\", expected a finite number",
    );
    check(
        &format!("{header}{}{}", line("3"), line("1e300")),
        "label \"1e300\" of column \"progression\", expected at most 3.4e38",
    );
    check(
        &format!("{header}{}{}", line("3"), line("3")),
        "every number to be predicted is 3",
    );
}

/// Pictures of a bright stripe, and where it is: a line for each.
fn stripes(count: usize) -> String {
    let line = |index: usize| {
        let left = index * 7 % 25;
        let pixel = |place: usize| match (left..left + 3).contains(&(place % 28)) {
            true => (155 + (index * 31 + place * 17) % 100).to_string(),
            false => "0".to_owned(),
        };
        let pixels: Vec<String> = (0..28 * 28).map(pixel).collect();
        format!("{},{}\n", pixels.join(","), left as f32 * 4.5 - 30.0)
    };
    (0..count).map(line).collect()
}

#[test]
fn heads_of_numbers_come_out_as_files_that_prove_themselves() {
    let project = Project::new();
    project.write("train.csv", &stripes(60));
    project.write("test.csv", &stripes(25));
    let mut text = "name = \"stripes\"\n[backbone]\nuse = \"lenet\"\n[target]\ncut = \"pool1\"\ndataset = { use = \"csv\", train-file = \"train.csv\", test-file = \"test.csv\", shape = [1, 28, 28], scale = 255, header = false, targets = \"numbers\" }\n".to_owned();
    let heads = [
        "ridge",
        "knn",
        "knn\", weights = \"distance",
        "random-forest",
        "mean",
    ];
    for (number, head) in heads.iter().enumerate() {
        text.push_str(&format!(
            "[[strategy]]\nname = \"{number}\"\nkind = \"feature-classifier\"\nweights = \"random\"\nhead = {{ use = \"{head}\" }}\n"
        ));
    }
    let network = heads.len();
    text.push_str(&format!(
        "[[strategy]]\nname = \"{network}\"\nkind = \"frozen-backbone\"\nweights = \"random\"\nhead = {{ use = \"mlp\" }}\ntrain = {{ epochs = 2, batch-size = 16 }}\n"
    ));
    project.write("stripes.toml", &text);
    let run = project.topwork(&["run", "stripes.toml", "--ui", "none"]);
    assert_eq!(run.code, 0, "{}", run.snapshot());
    for (number, head) in heads.iter().chain(&["mlp"]).enumerate() {
        let row = number.to_string();
        let export = ["export", "1", "--row", &row, "-o", "model.onnx"];
        let exported = project.topwork(&export);
        let said = exported.snapshot();
        assert_eq!(exported.code, 0, "{head}: {said}");
        let proved = "rten: 25 of 25 test images have the same number to 1e-5 of the largest";
        assert!(said.contains(proved), "{head}: {said}");
        let file = std::fs::read(project.path().join("model.onnx")).unwrap();
        let has = |words: &[u8]| file.windows(words.len()).any(|part| part == words);
        assert!(has(b"numbers") && !has(b"ArgMax"), "{head}");
    }
}
