//! Several backbones and targets in one experiment: what its parts leave is found again, taken over, and the same whenever it is
//! measured.

use std::fs;

use serde_json::Value;
use topwork_testkit::{Output, Project};

/// Two LeNets that are cut at other places, two targets of which one has folds. `more` is a further strategy.
fn experiment(more: &str) -> String {
    format!(
        r#"name = "several"
seeds = [1]

[[backbone]]
name = "early"
use  = "lenet"
cut  = "pool1"

[[backbone]]
name = "late"
use  = "lenet"
cut  = {{ at = "pool2", pool = "gap" }}

[source]
dataset = {{ use = "misbehave", classes = [0, 1, 2, 3, 4] }}
head    = {{ use = "mlp", hidden = [20] }}
train   = {{ epochs = 1, batch-size = 10, learning-rate = 1e-3 }}

[[target]]
name    = "low"
dataset = {{ use = "misbehave", classes = [5, 6, 7] }}

[[target]]
name    = "high"
dataset = {{ use = "misbehave", classes = [7, 8, 9] }}
folds   = 2

[[strategy]]
name = "logistic"
kind = "feature-classifier"
head = {{ use = "logistic-regression" }}

[[strategy]]
name      = "frozen"
kind      = "frozen-backbone"
head      = {{ use = "mlp", hidden = [20] }}
train     = {{ epochs = 1, batch-size = 10, learning-rate = 1e-3 }}
backbones = ["late"]
{more}"#
    )
}

const MORE: &str = r#"
[[strategy]]
name = "neighbours"
kind = "feature-classifier"
head = { use = "knn" }
"#;

fn done(output: Output) -> Output {
    assert_eq!(output.code, 0, "{}", output.snapshot());
    output
}

fn project() -> Project {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("several.toml", &experiment(""));
    done(project.topwork(&["run", "several.toml", "--ui", "none"]));
    project
}

/// The predictions of all parts of a run, by the names of their files without the row's number, which another strategy may shift.
fn predictions(project: &Project, run: usize) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for part in fs::read_dir(project.run_folder(run).join("parts")).unwrap() {
        let part = part.unwrap();
        for file in fs::read_dir(part.path().join("predictions")).unwrap() {
            let file = file.unwrap();
            let name = file.file_name().into_string().unwrap();
            let (_, name) = name.split_once('-').unwrap();
            let name = format!("{}/{name}", part.file_name().into_string().unwrap());
            found.push((name, fs::read_to_string(file.path()).unwrap()));
        }
    }
    found.sort();
    found
}

/// What a run has told.
fn events(project: &Project, run: usize) -> String {
    fs::read_to_string(project.run_folder(run).join("events.jsonl")).unwrap()
}

#[test]
fn a_run_takes_over_the_rows_of_parts_and_measures_what_is_new() {
    let project = project();
    let before = predictions(&project, 1);
    assert_eq!(before.len(), 6);
    project.write(
        "more.toml",
        &experiment(MORE).replace("\"several\"", "\"more\""),
    );
    let planned = done(project.topwork(&["plan", "more.toml"])).stdout;
    assert_eq!(planned.matches("done in 0001").count(), 6, "{planned}");
    done(project.topwork(&["run", "more.toml", "--resume", "--ui", "none"]));
    let said = events(&project, 2);
    let from = "from the run `0001-several`";
    assert_eq!(said.matches(from).count(), 7, "six rows and a source");
    assert!(!said.contains("\"epoch-ended\",\"stage\":1,"), "{said}");
    let after = predictions(&project, 2);
    assert_eq!(after.len(), 10);
    for known in &before {
        assert!(after.contains(known), "{}", known.0);
    }
    // Nothing is left to do: it is the same run.
    done(project.topwork(&["run", "more.toml", "--resume", "--ui", "none"]));
    assert!(!project.path().join("runs/0003-more").exists());
    // A run of one of its pairs takes over the rows of that.
    let one = experiment("")
        .replace(
            "[[backbone]]\nname = \"early\"\nuse  = \"lenet\"\ncut  = \"pool1\"\n",
            "",
        )
        .replace("backbones = [\"late\"]\n", "");
    let (head, rest) = one.split_once("[[target]]\nname    = \"high\"").unwrap();
    let (_, strategies) = rest.split_once("folds   = 2\n").unwrap();
    project.write("one.toml", &(head.to_owned() + strategies));
    done(project.topwork(&["run", "one.toml", "--resume", "--ui", "none"]));
    let said = events(&project, 3);
    assert_eq!(said.matches("took over `").count(), 2, "{said}");
}

#[test]
fn rows_of_parts_are_applied_by_their_titles() {
    let project = project();
    let results = project.results(1);
    let tables = results["targets"].as_array().unwrap();
    let mut titles = Vec::new();
    for table in tables {
        for row in table["strategies"].as_array().unwrap() {
            let title = row["title"].as_str().unwrap();
            titles.push(format!("{} · {title}", table["target"].as_str().unwrap()));
        }
    }
    assert_eq!(titles.len(), 6);
    project.write("data.toml", "use = \"misbehave\"\nsplit = \"test\"\n");
    let kept = predictions(&project, 1);
    for title in &titles {
        let line = [
            "predict",
            "1",
            "--row",
            title,
            "--split",
            "test",
            "--threads",
            "1",
        ];
        let predicted = done(project.topwork(&line)).stdout;
        assert!(kept.iter().any(|(_, kept)| *kept == predicted), "{title}");
        let line = [
            "evaluate",
            "1",
            "--row",
            title,
            "--dataset",
            "data.toml",
            "--json",
        ];
        let evaluated = done(project.topwork(&line)).stdout;
        assert!(evaluated.contains("\"accuracy\""), "{title}: {evaluated}");
    }
}

#[test]
fn kills_change_nothing_that_parts_leave() {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("several.toml", &experiment(""));
    let proved = done(project.topwork(&["verify-resume", "several.toml", "--kills", "3"]));
    let said = proved.stdout;
    assert!(said.starts_with("equal to the bit"), "{said}");
    // Predictions of six rows and what four parts have learnt are among what was compared.
    let (_, files) = said.split_once("digests and ").unwrap();
    let files: usize = files.split(' ').next().unwrap().parse().unwrap();
    assert!(files > 20, "{said}");
}

#[test]
fn runs_are_compared_target_by_target() {
    let project = project();
    project.write(
        "other.toml",
        &experiment(MORE).replace("classes = [5, 6, 7]", "classes = [5, 6]"),
    );
    done(project.topwork(&["run", "other.toml", "--ui", "none"]));
    let whole = done(project.topwork(&["compare", "1", "2", "--json"]));
    let whole: Value = serde_json::from_str(&whole.stdout).unwrap();
    let of = |target: usize| &whole["targets"][target];
    let names = [0, 1].map(|target| of(target)["target"].as_str().unwrap());
    assert_eq!(names, ["low", "high"]);
    // Three rows of one run and five of the other on each target; only one target has the same examples in both.
    for target in [0, 1] {
        let rows = of(target)["results"]["strategies"].as_array().unwrap();
        assert_eq!(rows.len(), 3 + 5, "{target}");
    }
    let reason = |target: usize| of(target)["runs"][1]["not-compared-with-first"].as_str();
    let expected = "other test examples: `target.dataset.classes` is `[5, 6]`, there `[5, 6, 7]`";
    assert_eq!((reason(0), reason(1)), (Some(expected), None));
    assert_eq!(of(0)["results"]["pairs"].as_array().unwrap().len(), 0);
    assert_eq!(of(1)["results"]["pairs"].as_array().unwrap().len(), 3 * 5);

    let text = done(project.topwork(&["compare", "1", "2"]));
    assert!(text.stdout.contains("target low\n") && text.stdout.contains("target high\n"));
    let one = done(project.topwork(&["compare", "1", "2", "--target", "high"]));
    assert!(!one.stdout.contains("target low\n"), "{}", one.snapshot());
    let wrong = project.topwork(&["compare", "1", "2", "--target", "hihg"]);
    assert_eq!(wrong.code, 2);
    let told = "no target `hihg` that all runs have\nhint: did you mean `high`?";
    assert!(wrong.stderr.contains(told), "{}", wrong.snapshot());
}
