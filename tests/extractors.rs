//! An extractor is taken for frozen when it answers the same to images of the run: alone and in a batch, before a strategy and
//! after it.

use topwork_testkit::Project;

fn experiment(fault: &str, strategy: &str) -> String {
    format!(
        r#"name = "extractor"
seeds = [1]

[backbone]
use   = "misbehave-extractor"
fault = "{fault}"

[target]
dataset = {{ use = "misbehave", classes = [5, 6, 7, 8, 9] }}
cut     = "rows"

[[strategy]]
name = "first"
{strategy}
"#
    )
}

const STRATEGIES: [&str; 2] = [
    "kind = \"feature-classifier\"\nhead = { use = \"lda\" }",
    "kind = \"frozen-backbone\"\nhead = { use = \"linear\" }\ntrain = { epochs = 1, batch-size = 10, optimizer = \"sgd\", learning-rate = 0.05 }",
];

/// Exit code and what is said.
fn outcome(fault: &str, strategy: &str) -> (Project, i32, String) {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("extractor.toml", &experiment(fault, strategy));
    let output = project.topwork(&["run", "extractor.toml", "--ui", "none"]);
    (project, output.code, output.stderr)
}

#[test]
fn an_extractor_without_a_fault_is_frozen() {
    for strategy in STRATEGIES {
        let (project, code, said) = outcome("none", strategy);
        assert_eq!(code, 0, "{said}");
        let results = project.results(1);
        assert_eq!(results["strategies"][0]["frozen-intact"], true, "{results}");
    }
}

#[test]
fn an_extractor_that_is_not_frozen_is_found_out() {
    let told = [
        (
            "batch-statistics",
            "error: the extractor `misbehave/misbehave-extractor` is not frozen: at \"rows\" 16 of 16 images of this run have other features alone than together\n",
        ),
        (
            "drift",
            "error: the extractor `misbehave/misbehave-extractor` is not frozen: at \"rows\" 16 of 16 images of this run have other features after `first` than when it was frozen\n",
        ),
    ];
    for (fault, message) in told {
        for strategy in STRATEGIES {
            let (_, code, said) = outcome(fault, strategy);
            assert_eq!(code, 3, "{fault}: {said}");
            assert!(said.starts_with(message), "{fault}: {said}");
            assert!(
                said.contains("`topwork plugins check` tries more"),
                "{said}"
            );
        }
    }
}
