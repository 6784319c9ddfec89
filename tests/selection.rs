//! Values chosen on training samples: nothing of the test samples has a part in it, and what is chosen is told.

use std::{collections::BTreeMap, fs};

use serde_json::{Value, json};
use topwork_testkit::Project;

use crate::small;

const EXPERIMENT: &str = r#"name = "choice"
seeds = [1, 2]

[backbone]
use = "identity"
shape = [4]

[target]
dataset = { use = "csv", train-file = "train.csv", test-file = "test.csv" }
cut = "features"

[[strategy]]
name = "held out"
kind = "feature-classifier"
head = { use = "logistic-regression" }
select = { on = { holdout = 0.25 }, by = "log-loss", head = { l2 = { log = [1e-3, 1e3], count = 7 } } }

[[strategy]]
name = "inner folds"
kind = "feature-classifier"
head = { use = "knn" }
select = { on = { folds = 3 }, head = { k = [1, 3, 9], metric = ["euclidean", "cosine"] } }

[[strategy]]
name = "network"
kind = "frozen-backbone"
head = { use = "linear" }
train = { epochs = 2, batch-size = 10, optimizer = "sgd" }
select = { on = { holdout = 0.25 }, train = { learning-rate = [1e-4, 0.1] } }
train-per-class = [8, 20]
"#;

/// Samples of three classes that overlap; the labels of the test samples are moved on by `moved`.
fn samples(count: u32, of: u32, moved: u32) -> String {
    let mut text = "a,b,c,d,label\n".to_owned();
    for sample in 0..count {
        let class = sample % 3;
        let number = |place: u32| {
            let noise = (sample + 1000 * of)
                .wrapping_mul(2_654_435_761)
                .wrapping_add(place * 40_503);
            let noise = f64::from(noise.wrapping_mul(2_246_822_519) >> 16) / 65_536.0;
            let middle = if place == class { 0.6 } else { 0.0 };
            middle + noise
        };
        let numbers: Vec<String> = (0..4)
            .map(|place| format!("{:.4}", number(place)))
            .collect();
        let label = ["p", "q", "r"][((class + moved) % 3) as usize];
        text.push_str(&format!("{},{label}\n", numbers.join(",")));
    }
    text
}

/// The files of a run that say what was chosen from.
fn chosen_from(project: &Project, run: usize) -> BTreeMap<String, String> {
    let folder = fs::read_dir(project.run_folder(run).join("selection")).unwrap();
    let read = |path: std::path::PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, fs::read_to_string(path).unwrap())
    };
    folder.map(|entry| read(entry.unwrap().path())).collect()
}

#[test]
fn test_samples_have_no_part_in_the_choice() {
    let project = Project::new();
    project.write("choice.toml", EXPERIMENT);
    project.write("train.csv", &samples(90, 0, 0));
    for (run, moved, of) in [(1, 0, 1), (2, 1, 2)] {
        project.write("test.csv", &samples(60, of, moved));
        let output = project.topwork(&["run", "choice.toml", "--ui", "none"]);
        assert_eq!(output.code, 0, "{}", output.snapshot());
        assert!(project.run_folder(run).is_dir());
    }
    let files = chosen_from(&project, 1);
    assert_eq!(files.len(), 16, "{:?}", files.keys());
    assert_eq!(files, chosen_from(&project, 2));
    let [first, second] = [1, 2].map(|run| project.results(run));
    let correct = |results: &Value| {
        let rows = results["strategies"].as_array().unwrap().iter();
        let all: Vec<Value> = rows.map(|row| row["seeds"][0]["correct"].clone()).collect();
        all
    };
    assert_ne!(correct(&first), correct(&second));

    // What is told is what the files say.
    let selected = &first["strategies"][0]["seeds"][0]["selected"];
    assert_eq!(selected["on"]["holdout"], 0.25, "{selected}");
    let figures = selected["fits"][0]["figures"].as_array().unwrap();
    let figures: Vec<f64> = figures
        .iter()
        .map(|figure| figure.as_f64().unwrap())
        .collect();
    let best = figures.iter().copied().fold(f64::INFINITY, f64::min);
    let chosen = selected["fits"][0]["chosen"].as_u64().unwrap() as usize;
    assert_eq!(
        figures.iter().position(|figure| *figure == best),
        Some(chosen)
    );
    assert_eq!(
        selected["fits"][0]["judged-on"], 24,
        "8 of each of 3 classes"
    );
    let judged = files["1-held-out-seed-1-judged-on.csv"].lines().count();
    assert_eq!(judged, 1 + 24);
    let lines = files["1-held-out-seed-1.csv"].lines().count();
    assert_eq!(lines, 1 + figures.len());

    let columns = project.topwork(&["report", "1"]);
    for told in [
        "selected on",
        "25 % held out",
        "3 inner folds",
        "chosen",
        "l2 = ",
        "k = ",
    ] {
        assert!(columns.stdout.contains(told), "{told}\n{}", columns.stdout);
    }
    // The model has the value that was chosen.
    let model = project
        .run_folder(1)
        .join("models/1-held-out-seed-1/model.json");
    let model: Value = serde_json::from_str(&fs::read_to_string(model).unwrap()).unwrap();
    assert_eq!(
        model["head"]["parameters"]["l2"],
        selected["candidates"][chosen][0]
    );
}

/// Strategies that choose their cut, and one that has a row for each of the same cuts.
const CUTS: &str = r#"
[[strategy]]
name   = "each"
kind   = "feature-classifier"
head   = { use = "logistic-regression", l2 = 10.0 }
cut    = ["pool1", { at = "pool2", pool = "gap" }, { at = "pool2", pool = "gap", pca = 4 }]

[[strategy]]
name   = "chosen"
kind   = "feature-classifier"
head   = { use = "logistic-regression", l2 = 10.0 }
select = { on = { holdout = 0.3 }, cut = ["pool1", { at = "pool2", pool = "gap" }, { at = "pool2", pool = "gap", pca = 4 }] }

[[strategy]]
name   = "chosen network"
kind   = "frozen-backbone"
head   = { use = "linear" }
train  = { epochs = 2, batch-size = 10 }
select = { on = { folds = 2 }, cut = ["pool2", { at = "pool2", pool = "gap" }], head = { batch-norm = [true, false] }, train = { learning-rate = [0.001, 0.01] } }
"#;

#[test]
fn a_chosen_cut_gives_what_a_row_of_that_cut_gives() {
    let project = small::run(&format!("{}{CUTS}", small::experiment("")));
    let results = project.results(1);
    let rows = results["strategies"].as_array().unwrap();
    let chosen = rows.iter().find(|row| row["name"] == "chosen").unwrap();
    assert_eq!(chosen["cut"], "chosen of 3");
    let selected = &chosen["seeds"][0]["selected"];
    assert_eq!(selected["parameters"], json!(["cut"]));
    let candidate = selected["fits"][0]["chosen"].as_u64().unwrap() as usize;
    let cut = &selected["candidates"][candidate][0];
    let same = rows
        .iter()
        .find(|row| row["name"] == "each" && row["cut"] == *cut)
        .unwrap();
    let predictions = |row: &Value| {
        let number = 1 + rows.iter().position(|other| other == row).unwrap();
        let files = fs::read_dir(project.run_folder(1).join("predictions")).unwrap();
        let mut paths = files.map(|entry| entry.unwrap().path());
        let of_row = |path: &std::path::PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.starts_with(&format!("{number}-"))
        };
        fs::read_to_string(paths.find(of_row).unwrap()).unwrap()
    };
    assert_eq!(predictions(chosen), predictions(same));
    // What is kept is the model of the cut that was chosen: what comes out of it is what was measured.
    let model = |name: &str| {
        let path = project
            .run_folder(1)
            .join(format!("models/{name}-seed-1/model.json"));
        let text = fs::read_to_string(path).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()
    };
    assert_eq!(model("6-chosen")["cut"]["name"], *cut);
    for (row, file) in [("6", "chosen.onnx"), ("7", "network.onnx")] {
        let output = project.topwork(&["export", "1", "--row", row, "-o", file]);
        assert_eq!(output.code, 0, "{}", output.snapshot());
    }
    // Rows that are there already are found again, and the table says what was chosen.
    let again = project.topwork(&["run", "small.toml", "--resume", "--ui", "none"]);
    assert_eq!(again.code, 0, "{}", again.snapshot());
    let table = project.topwork(&["report", "1"]);
    let expected = format!("cut = {}", cut.as_str().unwrap());
    assert!(table.stdout.contains(&expected), "{}", table.stdout);
    let plan = project.topwork(&["plan", "small.toml"]);
    assert!(
        plan.stdout.contains("cut chosen from 3 candidates"),
        "{}",
        plan.stdout
    );
}
