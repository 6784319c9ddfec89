//! Network heads that learn numbers, from the file to predictions, against the closed form where there is one.

use std::fmt::Write as _;
use std::path::Path;

use topwork_testkit::Project;

/// Bars of 9 × 9 pixels, each with its angle from 0 to 90 degrees and whether it is steep.
fn bars(count: usize, mut chance: u64) -> [String; 2] {
    const SIDE: usize = 9;
    let mut files = [String::new(), String::new()];
    let mut draw = || {
        chance = (chance.wrapping_mul(6_364_136_223_846_793_005))
            .wrapping_add(1_442_695_040_888_963_407);
        (chance >> 40) as f64 / f64::from(1 << 24)
    };
    for _ in 0..count {
        let angle = draw() * 90.0;
        let (sin, cos) = angle.to_radians().sin_cos();
        let mut pixels = String::new();
        for place in 0..SIDE * SIDE {
            let [x, y] = [place % SIDE, place / SIDE].map(|at| at as f64 - 4.0);
            let off = (x * sin - y * cos).abs();
            // Noise, so that no image is the same as another.
            let grey = (1.5 - off).clamp(0.0, 1.0) * 0.8 + draw() * 0.2;
            write!(pixels, "{grey:.3},").unwrap();
        }
        writeln!(files[0], "{pixels}{angle:.2}").unwrap();
        let class = if angle < 45.0 { "flat" } else { "steep" };
        writeln!(files[1], "{pixels}{class}").unwrap();
    }
    files
}

const BARS: &str = r#"
name  = "bars"
seeds = [1]

[backbone]
use    = "convnet"
input  = [1, 9, 9]
blocks = 2
filters = 8

[source]
dataset = { use = "csv", train-file = "train-classes.csv", test-file = "test-classes.csv", shape = [1, 9, 9] }
head    = { use = "linear" }
train   = { epochs = 3, batch-size = 16, learning-rate = 1e-2 }

[target]
cut     = "block2"
dataset = { use = "csv", train-file = "train-angles.csv", test-file = "test-angles.csv", shape = [1, 9, 9], targets = "numbers" }

[[strategy]]
name  = "frozen"
kind  = "frozen-backbone"
head  = { use = "mlp", hidden = [16] }
train = { epochs = 20, batch-size = 16, learning-rate = 1e-2, loss = "huber", huber-delta = 0.5 }

[[strategy]]
name  = "fine-tuned"
kind  = "fine-tune"
head  = { use = "linear" }
train = { epochs = 20, batch-size = 16, learning-rate = 5e-3, validation = 0.2, patience = 5 }

[[strategy]]
name  = "from scratch"
kind  = "from-scratch"
head  = { use = "linear" }
train = { epochs = 20, batch-size = 16, learning-rate = 5e-3, loss = "squared" }

[[strategy]]
name = "ridge"
kind = "feature-classifier"
head = { use = "ridge" }

[[strategy]]
name = "mean"
kind = "feature-classifier"
head = { use = "mean" }
"#;

fn project() -> Project {
    let project = Project::new();
    for (name, count, chance) in [("train", 160, 1), ("test", 60, 2)] {
        let [angles, classes] = bars(count, chance);
        project.write(&format!("{name}-angles.csv"), &angles);
        project.write(&format!("{name}-classes.csv"), &classes);
    }
    project.write("bars.toml", BARS);
    project
}

#[test]
fn network_heads_learn_numbers_and_predict_the_bits_of_the_run() {
    let project = project();
    let run = project.topwork(&["run", "bars.toml", "--ui", "plain"]);
    assert_eq!(run.code, 0, "{}", run.snapshot());
    let told = format!("{}{}", run.stdout, run.stderr);
    let of_epoch = |row: &str| {
        let mut lines = told.lines();
        lines
            .rfind(|line| line.contains(row) && line.contains("epoch "))
            .unwrap()
    };
    for row in ["frozen", "fine-tuned", "from scratch"] {
        let line = of_epoch(row);
        assert!(
            line.contains("training RMSE") && !line.contains("accuracy"),
            "{line}"
        );
    }
    assert!(of_epoch("fine-tuned").contains("validation loss"), "{told}");
    let results = project.results(1);
    let r2 = |row: usize| {
        let row = &results["strategies"][row];
        row["figures"]["r2"]["mean"].as_f64().unwrap()
    };
    for row in 0..3 {
        assert!(r2(row) > 0.8, "row {row}: {}", r2(row));
    }
    assert!(r2(4) < 0.1, "{}", r2(4));
    // The figures are those of the predictions in their own unit.
    let rmse = results["strategies"][0]["figures"]["rmse"]["mean"]
        .as_f64()
        .unwrap();
    assert!((1.0..20.0).contains(&rmse), "{rmse}");
    let folder = project.run_folder(1).join("predictions");
    for (row, name) in ["frozen", "fine-tuned", "from scratch", "ridge"]
        .iter()
        .enumerate()
    {
        let of_run = std::fs::read_dir(&folder)
            .unwrap()
            .map(|file| file.unwrap());
        let first = |file: &std::fs::DirEntry| file.file_name().to_string_lossy().into_owned();
        let mut of_run: Vec<_> = of_run
            .filter(|file| first(file).ends_with(".csv"))
            .collect();
        of_run.sort_by_key(first);
        let expected = std::fs::read_to_string(of_run[row].path()).unwrap();
        let arguments = [
            "predict",
            "1",
            "--row",
            name,
            "--split",
            "test",
            "--output",
            "again.csv",
        ];
        let again = project.topwork(&arguments);
        assert_eq!(again.code, 0, "{}", again.snapshot());
        let again = std::fs::read_to_string(project.path().join("again.csv")).unwrap();
        assert_eq!(again, expected, "{name}");
        std::fs::remove_file(project.path().join("again.csv")).unwrap();
    }
}

#[test]
fn a_training_on_numbers_that_is_killed_goes_on_to_the_bit() {
    let project = project();
    let proved = project.topwork(&["verify-resume", "bars.toml", "--kills", "6"]);
    assert_eq!(proved.code, 0, "{}", proved.snapshot());
}

/// scikit-learn's `LinearRegression` on the same files: R², RMSE and MAE.
#[test]
fn a_linear_head_comes_to_the_least_squares() {
    let project = Project::new();
    let shipped = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../experiments"));
    for name in ["diabetes/train.csv", "diabetes/test.csv"] {
        project.write(name, &std::fs::read_to_string(shipped.join(name)).unwrap());
    }
    project.write(
        "linear.toml",
        r#"
name  = "linear"
seeds = [1]

[backbone]
use   = "identity"
shape = [10]

[target]
cut     = "features"
dataset = { use = "csv", train-file = "diabetes/train.csv", test-file = "diabetes/test.csv", label = "progression", targets = "numbers" }

[[strategy]]
name  = "linear"
kind  = "frozen-backbone"
head  = { use = "linear" }
train = { epochs = 4000, batch-size = 400, learning-rate = 0.2, schedule = "cosine" }
"#,
    );
    let run = project.topwork(&["run", "linear.toml", "--ui", "none"]);
    assert_eq!(run.code, 0, "{}", run.snapshot());
    let figures = &project.results(1)["strategies"][0]["figures"];
    for (id, expected) in [
        ("r2", 0.519_039_963_232_864_3),
        ("rmse", 52.687_085_798_747_61),
        ("mae", 43.199_938_705_906_1),
    ] {
        let found = figures[id]["mean"].as_f64().unwrap();
        assert!(
            (found - expected).abs() < 1e-3 * expected,
            "{id}: {found}, {expected}"
        );
    }
}

#[test]
fn settings_of_the_other_kind_of_target_are_refused() {
    let project = project();
    let check = |from: &str, to: &str, expected: &[&str]| {
        assert!(BARS.contains(from), "{from}");
        project.write("wrong.toml", &BARS.replacen(from, to, 1));
        let found = project.topwork(&["check", "wrong.toml"]);
        assert_eq!(found.code, 2, "{}", found.snapshot());
        for expected in expected {
            assert!(found.stderr.contains(expected), "{}", found.stderr);
        }
    };
    check(
        "epochs = 3, batch-size = 16",
        "epochs = 3, batch-size = 16, loss = \"squared\"",
        &[
            "`source.train.loss` is of numbers, and `csv` has classes",
            "wrong.toml:",
            "cross-entropy",
        ],
    );
    check(
        "loss = \"squared\"",
        "label-smoothing = 0.1",
        &[
            "`strategy[2].train.label-smoothing` is of classes alone",
            "loss = \"huber\"",
        ],
    );
    check(
        "loss = \"squared\"",
        "class-weights = \"balanced\"",
        &["`strategy[2].train.class-weights` is of classes alone"],
    );
    check(
        "loss = \"squared\"",
        "loss = \"squared\", huber-delta = 2.0",
        &["`strategy[2].train.huber-delta` goes with the loss `huber` alone"],
    );
    check(
        "loss = \"squared\"",
        "loss = \"squar\"",
        &["squared", "huber"],
    );
    check("huber-delta = 0.5", "huber-delta = 0", &["huber-delta"]);
    check(
        "name  = \"frozen\"",
        "name  = \"frozen\"\ncalibrate = true",
        &["`strategy[0].calibrate`: it is of classes alone"],
    );
}
