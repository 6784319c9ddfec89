//! Strategies that train trunk and head together.

use serde_json::Value;
use topwork_testkit::Project;

const HEADER: &str = r#"
name = "whole"
[backbone]
use = "lenet"
[source]
dataset = { use = "misbehave", classes = [0, 1, 2, 3, 4] }
head    = { use = "mlp", hidden = [20] }
train   = { epochs = 2, batch-size = 10, learning-rate = 1e-3 }
[target]
dataset = { use = "misbehave", classes = [5, 6, 7, 8, 9] }
cut     = "features"
"#;

fn results(strategies: &str, arguments: &[&str]) -> (Value, String) {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("whole.toml", &format!("{HEADER}{strategies}"));
    let output = project.topwork(&[&["run", "whole.toml"], arguments].concat());
    assert_eq!(output.code, 0, "{}", output.snapshot());
    (project.results(1), output.stderr)
}

fn strategy(name: &str, kind: &str, more: &str) -> String {
    format!(
        "\n[[strategy]]\nname = \"{name}\"\nkind = \"{kind}\"\nhead = {{ use = \"mlp\", hidden = [20] }}\n{more}\n"
    )
}

const TRAIN: &str = "train = { epochs = 3, batch-size = 10, learning-rate = 1e-3 }";

#[test]
fn multipliers_decide_what_is_frozen_and_the_proof_follows() {
    let frozen = format!("{TRAIN}\nlearning-rate-multipliers = {{ \"1..=3\" = 0.0, \"*\" = 1.0 }}");
    let text = strategy("all", "fine-tune", TRAIN)
        + &strategy("first layers frozen", "fine-tune", &frozen)
        + &strategy("scratch", "from-scratch", TRAIN)
        + &strategy("frozen", "frozen-backbone", TRAIN);
    let (results, _) = results(&text, &[]);
    let rows = results["strategies"].as_array().unwrap();
    let intact: Vec<_> = rows
        .iter()
        .map(|row| row["frozen-intact"].clone())
        .collect();
    assert_eq!(intact, [Value::Null, true.into(), Value::Null, true.into()]);
    let parameters: Vec<_> = rows
        .iter()
        .map(|row| row["trainable-parameters"].as_u64().unwrap())
        .collect();
    let head = 800 * 20 + 20 + 20 * 5 + 5;
    let (first, second) = (20 * 25 + 20, 50 * 20 * 25 + 50);
    assert_eq!(
        parameters,
        [
            first + second + head,
            second + head,
            first + second + head,
            head
        ]
    );
    let used = serde_json::json!([
        ["conv1", 0.0],
        ["conv2", 1.0],
        ["head hidden1", 1.0],
        ["head logits", 1.0]
    ]);
    assert_eq!(rows[1]["learning-rate-multipliers"], used);
    assert_eq!(rows[2]["weights"], "random");
    let before = |row: usize| rows[row]["seeds"][0]["frozen-before"].clone();
    assert!(before(1).is_string() && before(1) == rows[1]["seeds"][0]["frozen-after"]);
}

#[test]
fn a_frozen_trunk_gives_the_same_head_on_images_and_on_features() {
    let all_frozen =
        format!("{TRAIN}\nlearning-rate-multipliers = {{ \"..=7\" = \"none\", \"head\" = 1.0 }}");
    let text =
        strategy("frozen", "frozen-backbone", TRAIN) + &strategy("tuned", "fine-tune", &all_frozen);
    let (results, _) = results(&text, &[]);
    let row = |row: usize, key: &str| results["strategies"][row][key].clone();
    assert_eq!(row(0, "confusion"), row(1, "confusion"));
    assert_eq!(
        row(0, "trainable-parameters"),
        row(1, "trainable-parameters")
    );
    assert_eq!(results["pairs"][0]["p"], 1.0);
}

#[test]
fn unfreezing_later_is_not_unfreezing_never() {
    let later = format!("{TRAIN}\nunfreeze-after = 2");
    let never = format!("{TRAIN}\nlearning-rate-multipliers = {{ \"head\" = 1.0, \"*\" = 0.0 }}");
    let text = strategy("later", "fine-tune", &later) + &strategy("never", "fine-tune", &never);
    let (results, _) = results(&text, &[]);
    assert_eq!(results["strategies"][0]["frozen-intact"], Value::Null);
    assert_eq!(results["strategies"][1]["frozen-intact"], true);
}

#[test]
fn everything_at_once_gives_the_same_bits_on_one_and_two_threads() {
    let train = "train = { epochs = 4, batch-size = 10, optimizer = \"adamw\", learning-rate = 1e-3, \
                 weight-decay = 0.01, schedule = \"cosine\", warm-up = 0.5, label-smoothing = 0.1, \
                 class-weights = \"balanced\", clip-norm = 1.0, validation = 0.2, patience = 2, \
                 augment = { shift = 2, rotate = 10, flip = true, crop = 2 } }";
    let text = strategy("tuned", "fine-tune", train);
    let (first, said) = results(&text, &["--threads", "1"]);
    let (second, _) = results(&text, &["--threads", "2"]);
    assert!(said.contains("validation loss"), "{said}");
    for key in ["confusion", "seeds", "mean", "train-samples"] {
        assert_eq!(
            first["strategies"][0][key], second["strategies"][0][key],
            "{key}"
        );
    }
}
