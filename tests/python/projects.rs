//! What `topwork plugins new --lang python` writes, and files that are no plugins.

use std::fs;

use libtest_mimic::Failed;
use topwork_testkit::Project;

use crate::Python;

pub fn new_ones(python: &Python) -> Result<(), Failed> {
    let project = Project::new();
    let kinds = [
        ("backbone", 0.85),
        ("dataset", 0.9),
        ("cut", 0.6),
        ("classifier", 0.85),
    ];
    for (number, (kind, least)) in (1..).zip(kinds) {
        let name = format!("my-{kind}");
        let made = ["plugins", "new", &name, "--lang", "python", "--kind", kind];
        let made = python.topwork(&project, &made);
        assert_eq!(made.code, 0, "{}", made.snapshot());
        let file = format!("{name}/topwork_plugin_my_{kind}.py");
        let check = python.topwork(&project, &["plugins", "check", &file]);
        assert_eq!(check.code, 0, "{}", check.snapshot());
        let worse = ["warning  ", "failed  ", "crashed  ", "hung  "];
        let told = |line: &str| worse.iter().any(|word| line.starts_with(word));
        assert!(!check.stdout.lines().any(told), "{}", check.stdout);
        let run = format!("{name}/experiment.toml");
        let run = python.topwork(
            &project,
            &["run", &run, "--plugin-dir", &name, "--ui", "none"],
        );
        assert_eq!(run.code, 0, "{}", run.snapshot());
        let results = project.results(number);
        let rows = results["strategies"].as_array().ok_or("no rows")?;
        let good = |row: &serde_json::Value| row["mean"].as_f64().is_some_and(|mean| mean > least);
        assert!(!rows.is_empty() && rows.iter().all(good), "{results}");
    }
    Ok(())
}

pub fn heads(python: &Python) -> Result<(), Failed> {
    let project = Project::new();
    let made = python.topwork(
        &project,
        &[
            "plugins", "new", "mine", "--lang", "python", "--kind", "head",
        ],
    );
    insta::assert_snapshot!("head_in_python", made.snapshot());
    Ok(())
}

/// Files that Python cannot import, or that offer nothing: each is skipped with its reason.
pub fn broken_files(python: &Python) -> Result<(), Failed> {
    let head = "class A:\n    kind = 'classifier'\n    id = 'a'\n    def fit(self): pass\n    def predict(self): pass\n";
    let cases = [
        ("empty", ""),
        ("syntax", "def f(:\n"),
        ("raises", "raise RuntimeError('on import')\n"),
        ("ends", "import os\nos._exit(7)\n"),
        ("exits", "raise SystemExit('enough')\n"),
        ("imports", "import no_such_module_anywhere\n"),
        (
            "of_no_kind",
            "class A:\n    kind = 'optimizer'\n    id = 'a'\n",
        ),
        (
            "without_id",
            "class A:\n    kind = 'cut'\n    def cuts(self): pass\n",
        ),
        (
            "with_bad_id",
            "class A:\n    kind = 'cut'\n    id = 'A b'\n    def cuts(self): pass\n",
        ),
        (
            "without_method",
            "class A:\n    kind = 'dataset'\n    id = 'a'\n    def labels(self): pass\n",
        ),
        (
            "no_dataclass",
            &format!("{head}    class Parameters: x = 1\n"),
        ),
        (
            "strange_type",
            &format!(
                "from dataclasses import dataclass\n{head}    @dataclass\n    class Parameters:\n        x: bytes = b''\n"
            ),
        ),
        ("block", "# /// script\n# dependencies = [\n# ///\n"),
        ("two", &format!("{head}class B(A): pass\n")),
    ];
    let project = Project::new();
    let folder = project.path().join("wrong");
    fs::create_dir(&folder)?;
    for (name, text) in cases {
        fs::write(folder.join(format!("topwork_plugin_{name}.py")), text)?;
    }
    let listed = python.topwork(&project, &["plugins", "list", "--plugin-dir", "wrong"]);
    assert_eq!(listed.code, 0, "{}", listed.snapshot());
    let skipped = listed
        .stderr
        .lines()
        .filter(|line| line.contains("skipped `"));
    let told: Vec<&str> = skipped.collect();
    let told = told.join("\n");
    let program = python.environment.join("bin/python").display().to_string();
    insta::assert_snapshot!("broken_files", told.replace(&program, "[PYTHON]"));
    Ok(())
}

/// What Python says of a file is kept until the file, or a module beside it, is another.
pub fn kept(python: &Python) -> Result<(), Failed> {
    let project = Project::new();
    let folder = project.path().join("mine");
    fs::create_dir(&folder)?;
    let file = folder.join("topwork_plugin_noted.py");
    let text = "import beside\nopen(__file__ + '.log', 'a').write('imported\\n')\nclass A:\n    'first'\n    kind = 'cut'\n    id = 'noted'\n    def cuts(self, backbone): return []\n";
    fs::write(&file, text)?;
    fs::write(folder.join("beside.py"), "")?;
    let log = folder.join("topwork_plugin_noted.py.log");
    let imports = || fs::read_to_string(&log).map_or(0, |text| text.lines().count());
    let list = || {
        python
            .topwork(&project, &["plugins", "list", "--plugin-dir", "mine"])
            .stdout
    };
    let check = |imported: usize, about: &str| {
        let said = list();
        assert!(said.contains(about), "{said}");
        assert_eq!(imports(), imported, "{about}");
    };
    check(1, "first");
    check(1, "first");
    fs::write(&file, text.replace("first", "second"))?;
    check(2, "second");
    fs::write(folder.join("beside.py"), "# another\n")?;
    check(3, "second");
    check(3, "second");
    Ok(())
}
