//! Numbers and several labels through Python: datasets that have them, and scikit-learn's estimators that learn them.

use std::fs;

use libtest_mimic::Failed;
use topwork_testkit::Project;

use crate::{Python, copy};

/// What scikit-learn says by itself: R² of a ridge and of support vectors, then the mean average precision of logistic regressions.
const REFERENCE: &str = r#"
import numpy as np
from topwork_plugin_tabular import made
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import average_precision_score, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

def of(estimator, targets, method):
    (x, y), (u, v) = made("train", targets), made("test", targets)
    fitted = [make_pipeline(StandardScaler(), estimator()).fit(x.astype(float), column) for column in y.T]
    given = [getattr(one, method)(u.astype(float)) for one in fitted]
    return v, np.stack([one if one.ndim == 1 else one[:, 1] for one in given], axis=1)

print(r2_score(*of(Ridge, "numbers", "predict")), r2_score(*of(lambda: SVR(C=10), "numbers", "predict")))
print(average_precision_score(*of(LogisticRegression, "multilabel", "predict_proba")))
"#;

fn experiment(targets: &str, head: &str, rows: &[(&str, &str, &str)]) -> String {
    let mut text = format!(
        "name = \"columns\"\nseeds = [1]\n[backbone]\nuse = \"identity\"\nshape = [6]\n[target]\ncut = \"features\"\n\
         dataset = {{ use = \"tabular\", targets = \"{targets}\" }}\n"
    );
    for (name, estimator, arguments) in rows {
        text += &format!(
            "[[strategy]]\nname = \"{name}\"\nkind = \"feature-classifier\"\n\
             head = {{ use = \"{head}\", estimator = \"{estimator}\", arguments = {{ {arguments} }} }}\n"
        );
    }
    text
}

pub fn columns(python: &Python) -> Result<(), Failed> {
    let project = Project::new();
    copy(&project, "tests/python/topwork_plugin_tabular.py");
    copy(&project, "examples/python/topwork_plugin_sklearn.py");
    let said = python.run(&project, &["-c", REFERENCE])?;
    let expected: Vec<f64> = said
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    let numbers = [
        ("ridge", "sklearn.linear_model.Ridge", ""),
        ("support vectors", "sklearn.svm.SVR", "C = 10"),
    ];
    let labels = [("logistic", "sklearn.linear_model.LogisticRegression", "")];
    let cases: [(&str, &str, &[_], &str); 2] = [
        ("numbers", "sklearn-regressor", &numbers, "r2"),
        ("multilabel", "sklearn", &labels, "map"),
    ];
    let mut found = Vec::new();
    for (number, (targets, head, rows, id)) in (1..).zip(cases) {
        project.write("columns.toml", &experiment(targets, head, rows));
        let arguments = ["run", "columns.toml", "--plugin-dir", ".", "--ui", "none"];
        let run = python.topwork(&project, &arguments);
        assert_eq!(run.code, 0, "{}", run.snapshot());
        let results = project.results(number);
        let means = results["strategies"].as_array().into_iter().flatten();
        found.extend(means.filter_map(|row| row["figures"][id]["mean"].as_f64()));
        // What is kept of a fit gives the same numbers.
        let arguments = [
            "predict",
            &number.to_string(),
            "--split",
            "test",
            "--output",
            "again.csv",
            "--plugin-dir",
            ".",
        ];
        let again = python.topwork(&project, &arguments);
        assert_eq!(again.code, 0, "{}", again.snapshot());
        let again = fs::read(project.path().join("again.csv"))?;
        let kept = fs::read_dir(project.run_folder(number).join("predictions"))?;
        let kept: Vec<Vec<u8>> = kept
            .map(|file| fs::read(file?.path()))
            .collect::<Result<_, _>>()?;
        assert!(kept.contains(&again), "{}", String::from_utf8_lossy(&again));
    }
    assert_eq!(found.len(), expected.len(), "{found:?} {said}");
    for (found, expected) in found.iter().zip(&expected) {
        // Numbers pass in single precision.
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }

    let wrong = |head: &str, estimator: &str, said: &str| {
        project.write(
            "wrong.toml",
            &experiment("numbers", head, &[("wrong", estimator, "")]),
        );
        let run = python.topwork(&project, &["check", "wrong.toml", "--plugin-dir", "."]);
        assert_eq!(run.code, 2, "{}", run.snapshot());
        assert!(run.stderr.contains(said), "{}", run.snapshot());
    };
    wrong(
        "sklearn",
        "sklearn.svm.SVC",
        "`sklearn` is fitted to classes alone",
    );
    wrong(
        "sklearn-regressor",
        "sklearn.svm.SVC",
        "which is no regressor",
    );

    let check = [
        "plugins",
        "check",
        "topwork_plugin_tabular.py",
        "--with",
        "{}",
    ];
    let check = python.topwork(&project, &check);
    assert_eq!(check.code, 0, "{}", check.snapshot());
    Ok(())
}
