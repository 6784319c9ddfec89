//! An experiment that takes a moment: 200 made-up images, one epoch.

use topwork_testkit::Project;

/// The experiment, with `dataset` put into both dataset tables: `fault = "panic"`, say.
pub fn experiment(dataset: &str) -> String {
    let comma = if dataset.is_empty() { "" } else { ", " };
    format!(
        r#"name = "small"
seeds = [1]

[backbone]
use = "lenet"

[source]
dataset = {{ use = "misbehave", classes = [0, 1, 2, 3, 4]{comma}{dataset} }}
head    = {{ use = "mlp", hidden = [20] }}
train   = {{ epochs = 1, batch-size = 10, optimizer = "sgd", learning-rate = 0.05, momentum = 0.9 }}

[target]
dataset = {{ use = "misbehave", classes = [5, 6, 7, 8, 9]{comma}{dataset} }}
cut     = "pool2"

[[strategy]]
name  = "frozen"
kind  = "frozen-backbone"
head  = {{ use = "mlp", hidden = [20] }}
train = {{ epochs = 1, batch-size = 10, optimizer = "adam", learning-rate = 1e-3 }}

[[strategy]]
name          = "logistic"
kind          = "feature-classifier"
head          = {{ use = "logistic-regression" }}
train-samples = 50

[[reference]]
strategy = "logistic"
accuracy = 0.5
note     = "a coin with two sides"
"#
    )
}

/// The same with a third strategy whose head misbehaves.
pub fn with_classifier(parameters: &str) -> String {
    experiment("")
        + &format!(
            "\n[[strategy]]\nname = \"guess\"\nkind = \"feature-classifier\"\nhead = {{ use = \"misbehave/misbehave\", {parameters} }}\n"
        )
}

/// A project in which this experiment, `small.toml`, was run to its end.
pub fn run(text: &str) -> Project {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("small.toml", text);
    let output = project.topwork(&["run", "small.toml", "--ui", "none"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    project
}

/// A project with an experiment that would train for a long time.
pub fn endless() -> Project {
    let mut project = Project::new();
    project.install("misbehave");
    project.write(
        "small.toml",
        &experiment("").replacen("epochs = 1", "epochs = 100000", 1),
    );
    project
}
