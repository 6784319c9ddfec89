//! A plugin that does its worst.

use topwork_testkit::Project;

use crate::table::Table;

const EXPERIMENT: &str = r#"name = "hostile"

[backbone]
use = "lenet"

[source]
dataset = { use = "misbehave/misbehave", classes = [0, 1, 2, 3, 4] }
head    = { use = "mlp", hidden = [20] }
train   = { epochs = 1, batch-size = 10 }

[target]
dataset = { use = "misbehave/misbehave", classes = [5, 6, 7, 8, 9] }
cut     = "pool2"

[[strategy]]
name = "logistic"
kind = "feature-classifier"
head = { use = "logistic-regression" }

[[strategy]]
name = "hostile"
kind = "feature-classifier"
head = { use = "misbehave/misbehave", FAULT }
"#;

/// The fault, and the exit code it ends in.
const FAULTS: [(&str, i32); 19] = [
    ("panic", 3),
    ("abort", 3),
    ("segfault", 3),
    ("stack-overflow", 3),
    ("exit-zero", 3),
    ("exit-folder-lost", 3),
    ("hang", 3),
    ("endless-output", 3),
    ("endless-log", 3),
    ("fail", 3),
    ("nan", 3),
    ("wrong-lengths", 3),
    ("huge-counts", 0),
    ("control-characters", 0),
    ("many-lines", 0),
    ("signals", 0),
    ("streams", 0),
    ("folder", 0),
    ("rounding", 0),
];

/// Each fault in the fit of the last row: the row before must be measured all the same.
pub fn all(table: &mut Table) {
    let mut project = Project::new();
    project.install("misbehave");
    for (number, (fault, code)) in (1..).zip(FAULTS) {
        let text = EXPERIMENT.replace("FAULT", &format!("fault = {fault:?}"));
        project.write("hostile.toml", &text);
        let output =
            project.topwork(&["run", "hostile.toml", "--ui", "none", "--call-limit", "3s"]);
        assert_eq!(output.code, code, "{fault}: {}", output.snapshot());
        assert!(
            !output.snapshot().contains('\u{1b}'),
            "{fault}: {}",
            output.snapshot()
        );
        let first = &project.results(number)["strategies"][0]["seeds"][0];
        assert!(first["correct"].is_u64(), "{fault}: {first}");
        assert_eq!(
            project.topwork(&["runs", "show", &number.to_string()]).code,
            0
        );
        let lost = if code == 0 {
            "nothing"
        } else {
            "that row; the others were measured"
        };
        table.add(
            &format!("a plugin's fault: {}", fault.replace('-', " ")),
            1,
            lost,
        );
        println!("{fault}: exit code {code}");
    }
}
