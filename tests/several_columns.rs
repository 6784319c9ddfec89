//! Several numbers of an example, and several labels, from the file to predictions. The expected figures are scikit-learn's on the
//! same data.

use std::fmt::Write as _;

use topwork_testkit::Project;

/// Chins, situps and jumps, then weight, waist and pulse of 20 people: scikit-learn's `load_linnerud`.
const LINNERUD: [[u32; 6]; 20] = [
    [5, 162, 60, 191, 36, 50],
    [2, 110, 60, 189, 37, 52],
    [12, 101, 101, 193, 38, 58],
    [12, 105, 37, 162, 35, 62],
    [13, 155, 58, 189, 35, 46],
    [4, 101, 42, 182, 36, 56],
    [8, 101, 38, 211, 38, 56],
    [6, 125, 40, 167, 34, 60],
    [15, 200, 40, 176, 31, 74],
    [17, 251, 250, 154, 33, 56],
    [17, 120, 38, 169, 34, 50],
    [13, 210, 115, 166, 33, 52],
    [14, 215, 105, 154, 34, 64],
    [1, 50, 50, 247, 46, 50],
    [6, 70, 31, 193, 36, 46],
    [12, 210, 120, 202, 37, 62],
    [4, 60, 25, 176, 37, 54],
    [11, 230, 80, 157, 32, 52],
    [15, 225, 73, 156, 33, 54],
    [2, 110, 43, 138, 33, 68],
];

/// An experiment on tables with these strategies.
pub(crate) fn experiment(features: usize, targets: &str, labels: &str, strategies: &str) -> String {
    format!(
        r#"
name  = "columns"
seeds = [1]

[backbone]
use   = "identity"
shape = [{features}]

[target]
cut     = "features"
dataset = {{ use = "csv", train-file = "train.csv", test-file = "test.csv", targets = "{targets}", label = {labels} }}
{strategies}"#
    )
}

/// A row of a head that is fitted at once.
pub(crate) fn closed(name: &str, head: &str) -> String {
    format!("\n[[strategy]]\nname = \"{name}\"\nkind = \"feature-classifier\"\nhead = {head}\n")
}

pub(crate) fn near(found: &serde_json::Value, expected: f64, within: f64, what: &str) {
    let found = found.as_f64().unwrap_or(f64::NAN);
    assert!(
        (found - expected).abs() <= within * expected.abs().max(1.0),
        "{what}: {found}, {expected}"
    );
}

/// What `predict` says of the test examples of run 1, which is to the bit what the run has kept.
fn predicted_again(project: &Project, row: &str) -> String {
    let again = project.topwork(&[
        "predict",
        "1",
        "--row",
        row,
        "--split",
        "test",
        "--output",
        "again.csv",
    ]);
    assert_eq!(again.code, 0, "{}", again.snapshot());
    let again = std::fs::read_to_string(project.path().join("again.csv")).unwrap();
    let kept = std::fs::read_dir(project.run_folder(1).join("predictions")).unwrap();
    let same = kept
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .any(|kept| kept == again);
    assert!(same, "{row}: {again}");
    again
}

#[test]
fn three_numbers_at_once_are_those_of_scikit_learn() {
    let project = Project::new();
    let lines = |rows: &[[u32; 6]]| {
        let mut text = String::from("chins,situps,jumps,weight,waist,pulse\n");
        for row in rows {
            writeln!(text, "{}", row.map(|number| number.to_string()).join(",")).unwrap();
        }
        text
    };
    project.write("train.csv", &lines(&LINNERUD[..15]));
    project.write("test.csv", &lines(&LINNERUD[15..]));
    let network = r#"
[[strategy]]
name  = "layer"
kind  = "frozen-backbone"
head  = { use = "linear" }
train = { epochs = 30, batch-size = 5, learning-rate = 1e-4 }
"#;
    let strategies = closed("ridge", "{ use = \"ridge\", scale = \"standardise\" }")
        + &closed("forest", "{ use = \"random-forest\" }")
        + network;
    let labels = r#"["weight", "waist", "pulse"]"#;
    let text = experiment(3, "numbers", labels, &strategies);
    project.write("columns.toml", &text);
    let run = project.topwork(&["run", "columns.toml", "--ui", "none"]);
    assert_eq!(run.code, 0, "{}", run.snapshot());
    let results = project.results(1);
    let ridge = &results["strategies"][0];
    // `StandardScaler`, then `Ridge(1.0)`; the mean over columns is `multioutput="uniform_average"`.
    for (id, expected) in [
        ("r2", -1.190_117_810_078_640_7),
        ("rmse", 15.420_606_683_845_953),
        ("mae", 12.259_338_866_201_638),
    ] {
        near(&ridge["figures"][id]["mean"], expected, 1e-6, id);
    }
    for (column, (name, r2, rmse)) in [
        ("weight", -1.527_412_623_075_545, 34.544_799_089_173_31),
        ("waist", -0.999_956_765_769_809_2, 3.046_276_315_958_865_5),
        ("pulse", -1.042_984_041_390_568, 8.670_744_645_406_687),
    ]
    .into_iter()
    .enumerate()
    {
        let column = &ridge["columns"][column];
        assert_eq!(column["name"], name);
        near(&column["figures"]["r2"], r2, 1e-6, name);
        near(&column["figures"]["rmse"], rmse, 1e-6, name);
        assert_eq!(column["against"]["cells"].as_array().unwrap().len(), 24);
    }
    assert_eq!(results["strategies"][2]["columns"][2]["name"], "pulse");
    let shown = project.topwork(&["runs", "show", "1"]);
    assert!(
        shown.stdout.contains("ridge     pulse"),
        "{}",
        shown.snapshot()
    );

    // What is predicted of files and of other tables has a column for each.
    let again = predicted_again(&project, "layer");
    let header = "example,true weight,true waist,true pulse,predicted weight,predicted waist,predicted pulse\n";
    assert!(again.starts_with(header), "{again}");

    let data = |label: &str| {
        format!("use = \"csv\"\nfile = \"test.csv\"\ntargets = \"numbers\"\nlabel = {label}\n")
    };
    project.write("other.toml", &data(labels));
    let other = [
        "evaluate",
        "1",
        "--row",
        "ridge",
        "--dataset",
        "other.toml",
        "--json",
    ];
    let evaluated = project.topwork(&other);
    assert_eq!(evaluated.code, 0, "{}", evaluated.snapshot());
    // A name that is none is told, also where nothing needs it.
    project.write(
        "other.toml",
        &(data(labels) + "class-map = { wieght = \"weight\" }\n"),
    );
    let refused = project.topwork(&other);
    let said = "there is no column of the dataset `wieght`";
    assert!(
        refused.stderr.contains(said) && refused.stderr.contains("did you mean `weight`?"),
        "{}",
        refused.snapshot()
    );
    // In another order they are the same.
    project.write("other.toml", &data(r#"["weight", "pulse", "waist"]"#));
    let again = project.topwork(&other);
    let figures = |output: &topwork_testkit::Output| {
        let results: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
        results["strategies"][0]["figures"].clone()
    };
    assert_eq!(figures(&again), figures(&evaluated));
    project.write("other.toml", &data(r#"["weight", "pulse", "jumps"]"#));
    let refused = project.topwork(&other);
    assert_ne!(refused.code, 0);
    let said = "the dataset has the numbers `weight`, `pulse`, `jumps`, and the run predicts `weight`, `waist`, `pulse`";
    assert!(refused.stderr.contains(said), "{}", refused.snapshot());
}

/// Six features, and which of four labels they come to: sums of some features and of noise, above a threshold.
fn labelled(count: usize) -> Vec<String> {
    let mut state: u64 = 12345;
    let mut draw = || {
        state = (state * 1_103_515_245 + 12345) % (1 << 31);
        (state >> 8) as f64 / f64::from(1 << 23)
    };
    let rounded = |value: f64| (value * 1000.0).round() / 1000.0;
    (0..count)
        .map(|_| {
            let x: Vec<f64> = (0..6).map(|_| rounded(draw() * 4.0 - 2.0)).collect();
            let noise: Vec<f64> = (0..4).map(|_| rounded(draw() * 2.0 - 1.0)).collect();
            let sums = [
                x[0] + x[1] + noise[0] - 0.5,
                2.0 * x[2] - x[3] + noise[1],
                x[4] - x[5] + noise[2] - 1.5,
                x[0] * 1.5 + x[4] + noise[3] + 1.0,
            ];
            let mut line = String::new();
            x.iter().for_each(|x| write!(line, "{x:.3},").unwrap());
            line + &sums.map(|sum| u8::from(sum > 0.0).to_string()).join(",")
        })
        .collect()
}

pub(crate) fn with_labels() -> Project {
    let project = Project::new();
    let lines = labelled(400);
    let text = |lines: &[String]| format!("u,v,w,x,y,z,cat,dog,cow,bee\n{}\n", lines.join("\n"));
    project.write("train.csv", &text(&lines[..300]));
    project.write("test.csv", &text(&lines[300..]));
    project
}

pub(crate) const LABELS: &str = r#"["cat", "dog", "cow", "bee"]"#;

#[test]
fn several_labels_are_those_of_scikit_learn() {
    let project = with_labels();
    let network = r#"
[[strategy]]
name  = "layer"
kind  = "frozen-backbone"
head  = { use = "linear" }
train = { epochs = 60, batch-size = 20, learning-rate = 3e-2, validation = 0.2, patience = 10 }
"#;
    let logistic =
        "{ use = \"logistic-regression\", l2 = 1.0, tolerance = 1e-8, scale = \"none\" }";
    let strategies = closed("logistic", logistic)
        + &closed("ridge", "{ use = \"ridge\", l2 = 1.0, scale = \"none\" }")
        + &closed("neighbours", "{ use = \"knn\", k = 5, scale = \"none\" }")
        + &closed("bayes", "{ use = \"naive-bayes\" }")
        + network;
    project.write(
        "columns.toml",
        &experiment(6, "multilabel", LABELS, &strategies),
    );
    let run = project.topwork(&["run", "columns.toml", "--ui", "none"]);
    assert_eq!(run.code, 0, "{}", run.snapshot());
    let results = project.results(1);
    assert_eq!(results["targets"], "multilabel");
    // `OneVsRestClassifier(LogisticRegression(C=1))`, `RidgeClassifier(1)`, `KNeighborsClassifier(5)` and
    // `OneVsRestClassifier(GaussianNB())`.
    let ids = ["map", "micro-f1", "subset-accuracy", "lrap", "macro-f1"];
    for (row, expected) in [
        [
            0.978_479_105_618_121_5,
            0.923_529_411_764_705_9,
            0.77,
            0.998_333_333_333_333_3,
            0.903_817_905_207_190_2,
        ],
        [
            0.975_794_638_361_207_7,
            0.910_714_285_714_285_7,
            0.75,
            0.998_333_333_333_333_3,
            0.887_430_393_733_339_3,
        ],
        [
            0.871_632_368_424_315_5,
            0.853_731_343_283_582_1,
            0.58,
            0.955_833_333_333_333_3,
            0.828_758_727_813_780_5,
        ],
        [
            0.961_717_674_866_162_9,
            0.893_491_124_260_355,
            0.72,
            0.980_833_333_333_333_3,
            0.878_513_224_897_727_7,
        ],
    ]
    .iter()
    .enumerate()
    {
        let row = &results["strategies"][row];
        for (id, expected) in ids.iter().zip(expected) {
            let what = format!("{} {id}", row["name"]);
            near(&row["figures"][id]["mean"], *expected, 1e-9, &what);
            assert_eq!(row["figures"][id]["interval-by"], "bootstrap", "{what}");
        }
        assert!(row["confusion"].is_null() && row["seeds"][0].get("correct").is_none());
    }
    // `precision_recall_fscore_support` and `average_precision_score` of the third label.
    let cow = &results["strategies"][0]["columns"][2];
    assert_eq!(cow["name"], "cow");
    near(
        &cow["figures"]["average-precision"],
        0.982_345_531_566_069_2,
        1e-9,
        "cow",
    );
    for (key, expected) in [
        ("precision", 0.947_368_421_052_631_6),
        ("recall", 0.75),
        ("f1", 0.837_209_302_325_581_4),
        ("support", 24.0),
    ] {
        near(&cow["label"][key], expected, 1e-12, key);
    }
    // The layer learns by the binary cross-entropy what the logistic regressions do.
    let layer = &results["strategies"][4];
    near(&layer["figures"]["map"]["mean"], 0.978, 0.01, "layer");
    assert_eq!(layer["scores"], "label-logits");
    let shown = project.topwork(&["runs", "show", "1"]);
    let line = shown
        .stdout
        .lines()
        .find(|line| line.starts_with("logistic    cow"));
    assert!(
        line.is_some_and(|line| line.contains("75.00 %")),
        "{}",
        shown.snapshot()
    );

    for row in ["logistic", "neighbours", "layer"] {
        let again = predicted_again(&project, row);
        assert!(
            again.starts_with("example,predicted,true cat,true dog,true cow,true bee,"),
            "{again}"
        );
    }
    project.write(
        "other.toml",
        &format!(
            "use = \"csv\"\nfile = \"test.csv\"\ntargets = \"multilabel\"\nlabel = {LABELS}\n"
        ),
    );
    let evaluated = project.topwork(&["evaluate", "1", "--dataset", "other.toml"]);
    assert_eq!(evaluated.code, 0, "{}", evaluated.snapshot());
    assert!(
        evaluated.stdout.contains("0.9785"),
        "{}",
        evaluated.snapshot()
    );
    // Another run beside it: its figures, and nothing of what is of classes alone.
    let run = project.topwork(&["run", "columns.toml", "--ui", "none"]);
    assert_eq!(run.code, 0, "{}", run.snapshot());
    let compared = project.topwork(&["compare", "1", "2"]);
    assert_eq!((compared.code, &*compared.stderr), (0, ""));
    assert!(
        compared.stdout.contains("0.9785"),
        "{}",
        compared.snapshot()
    );
    let page = project.topwork(&["report", "1", "--format", "html"]);
    assert_eq!(page.code, 0, "{}", page.snapshot());
    let (has, not) = ("aria-label=\"labels of logistic\"", ">Confusion<");
    assert!(page.stdout.contains(has) && !page.stdout.contains(not));
}

#[test]
fn labels_are_cut_into_folds_and_resumed() {
    let project = with_labels();
    let all = labelled(400);
    project.write(
        "all.csv",
        &format!("u,v,w,x,y,z,cat,dog,cow,bee\n{}\n", all.join("\n")),
    );
    let strategies = closed("logistic", "{ use = \"logistic-regression\" }")
        + "\n[[strategy]]\nname = \"layer\"\nkind = \"frozen-backbone\"\nhead = { use = \"linear\" }\ntrain-samples = 100\ntrain = { epochs = 3, batch-size = 20 }\n";
    let text = experiment(6, "multilabel", LABELS, &strategies)
        .replace(
            "train-file = \"train.csv\", test-file = \"test.csv\"",
            "file = \"all.csv\"",
        )
        .replace("cut     =", "folds   = 4\ncut     =");
    project.write("columns.toml", &text);
    let run = project.topwork(&["run", "columns.toml", "--ui", "none"]);
    assert_eq!(run.code, 0, "{}", run.snapshot());
    let row = &project.results(1)["strategies"][0];
    assert_eq!(row["seeds"][0]["total"], 400);
    let map = row["figures"]["map"]["mean"].as_f64().unwrap();
    assert!(map > 0.95, "{map}");
    let resumed = project.topwork(&["verify-resume", "columns.toml", "--kills", "3"]);
    assert_eq!(resumed.code, 0, "{}", resumed.snapshot());
}

#[test]
fn what_is_of_classes_alone_is_refused_for_labels() {
    let project = with_labels();
    let check = |from: &str, to: &str, expected: &str| {
        let text = experiment(
            6,
            "multilabel",
            LABELS,
            &closed("nb", "{ use = \"naive-bayes\" }"),
        );
        assert!(text.contains(from), "{from}");
        project.write("columns.toml", &text.replace(from, to));
        let found = project.topwork(&["check", "columns.toml"]);
        assert_eq!(found.code, 2, "{}", found.snapshot());
        assert!(found.stderr.contains(expected), "{}", found.snapshot());
    };
    check(
        "kind = \"feature-classifier\"",
        "kind = \"feature-classifier\"\ncalibrate = true",
        "`strategy[0].calibrate`: it is of classes alone, and the target has several labels",
    );
    check(
        "cut     =",
        "metrics = [\"accuracy\"]\ncut     =",
        "the figure `accuracy` is not one of several labels, which this target has",
    );
    check(
        "head = { use = \"naive-bayes\" }",
        "head = { use = \"linear\" }\ntrain = { epochs = 1, loss = \"huber\" }",
        "labels are learnt by their binary cross-entropy",
    );
    project.write(
        "train.csv",
        "u,v,w,x,y,z,cat,dog,cow,bee\n1,2,3,4,5,6,0,1,2,0\n",
    );
    let found = project.topwork(&["check", "columns.toml"]);
    let said = "line 2: label \"2\" of column \"cow\", expected 1 or 0";
    assert!(found.stderr.contains(said), "{}", found.snapshot());
}

/// Networks of several columns are written as files that prove themselves; heads of a plugin that are put to labels are not.
#[test]
fn networks_of_several_columns_come_out_as_files() {
    let project = Project::new();
    let mut state: u64 = 7;
    let mut draw = || {
        state = (state * 1_103_515_245 + 12345) % (1 << 31);
        (state >> 8) as f64 / f64::from(1 << 23)
    };
    let [mut numbers, mut labels] = [String::new(), String::new()];
    for _ in 0..160 {
        let (above, below) = (draw(), draw());
        let mut pixels = String::new();
        for place in 0..81 {
            let shade = if place < 40 { above } else { below };
            write!(pixels, "{:.3},", shade * (0.5 + draw() / 2.0)).unwrap();
        }
        writeln!(numbers, "{pixels}{:.3},{below:.3}", above * 90.0).unwrap();
        let has = [above > 0.5, below > 0.5].map(u8::from);
        writeln!(labels, "{pixels}{},{}", has[0], has[1]).unwrap();
    }
    project.write("numbers.csv", &numbers);
    project.write("multilabel.csv", &labels);
    let mut run = 0;
    let mut check = |targets: &str, figure: &str, row: &str, said: &str| {
        run += 1;
        project.write(
            "files.toml",
            &format!(
                r#"
name  = "files"
seeds = [1]
[backbone]
use     = "convnet"
input   = [1, 9, 9]
blocks  = 1
filters = 4
[target]
cut     = "block1"
dataset = {{ use = "csv", file = "{targets}.csv", header = false, shape = [1, 9, 9], test-fraction = 0.25, targets = "{targets}", label = [81, 82] }}
[[strategy]]
name  = "network"
kind  = "from-scratch"
head  = {{ use = "linear" }}
train = {{ epochs = 30, batch-size = 10, learning-rate = 2e-2 }}
[[strategy]]
name    = "ridge"
kind    = "feature-classifier"
weights = "random"
head    = {{ use = "ridge" }}
{further}"#,
                further = match targets {
                    "multilabel" => ["knn", "logistic-regression", "linear-svm", "naive-bayes", "lda"]
                        .map(|head| closed(head, &format!("{{ use = \"{head}\" }}")) + "weights = \"random\"\n")
                        .concat(),
                    _ => String::new(),
                },
            ),
        );
        let output = project.topwork(&["run", "files.toml", "--ui", "none"]);
        assert_eq!(output.code, 0, "{}", output.snapshot());
        let results = project.results(run);
        let value = results["strategies"][0]["figures"][figure]["mean"].as_f64();
        assert!(value.is_some_and(|value| value > 0.8), "{value:?}");
        let exported = project.topwork(&[
            "export",
            &run.to_string(),
            "--row",
            row,
            "--output",
            "model.onnx",
        ]);
        assert_eq!(exported.code, 0, "{row}: {}", exported.snapshot());
        assert!(
            exported.snapshot().contains(said),
            "{}",
            exported.snapshot()
        );
    };
    let numbers = "40 of 40 test images have the same number";
    check("numbers", "r2", "network", numbers);
    check("numbers", "r2", "ridge", numbers);
    let labels = "40 of 40 test images have the same scores";
    let rows = [
        "network",
        "ridge",
        "knn",
        "logistic-regression",
        "linear-svm",
        "naive-bayes",
        "lda",
    ];
    for row in rows {
        check("multilabel", "map", row, labels);
    }
}

/// More labels than a table has room for are said to be elsewhere.
#[test]
fn many_labels_are_not_all_told_in_the_terminal() {
    let project = Project::new();
    let names: Vec<String> = (0..12).map(|label| format!("label{label}")).collect();
    let mut text = format!("u,v,{}\n", names.join(","));
    for sample in 0..48_u32 {
        let has = (0..12).map(|label| u32::from((sample + label) % 5 < 2).to_string());
        let has = has.collect::<Vec<String>>().join(",");
        writeln!(text, "{},{},{has}", sample % 5, f64::from(sample) / 7.0).unwrap();
    }
    project.write("train.csv", &text);
    // Other samples: none is learnt from.
    project.write(
        "test.csv",
        &text
            .replace("\n0,", "\n0.5,")
            .replace("\n1,", "\n1.5,")
            .replace("\n2,", "\n2.5,")
            .replace("\n3,", "\n3.5,")
            .replace("\n4,", "\n4.5,"),
    );
    let head = closed("neighbours", "{ use = \"knn\", k = 3 }");
    let labels = format!("{names:?}");
    project.write("columns.toml", &experiment(2, "multilabel", &labels, &head));
    let run = project.topwork(&["run", "columns.toml", "--ui", "none"]);
    assert_eq!(run.code, 0, "{}", run.snapshot());
    let shown = project.topwork(&["runs", "show", "1"]).stdout;
    assert!(
        shown.contains("figures of each of the 12 labels: in the page"),
        "{shown}"
    );
    let page = project.topwork(&["report", "1", "--format", "html"]).stdout;
    assert!(page.contains(">label11<"));
}
