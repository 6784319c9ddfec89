//! The wheel: packed, installed into an environment that has nothing, and used from another folder.

use std::{fs, path::Path, process::Command};

use libtest_mimic::Failed;
use topwork_testkit::Project;

use crate::{Python, examples::SMALL, root};

pub fn installed(python: &Python) -> Result<(), Failed> {
    let project = Project::new();
    let built = project.command(&[]);
    let built = Path::new(built.get_program())
        .parent()
        .ok_or("no folder")?
        .display()
        .to_string();
    let script = root().join("scripts/wheel.py").display().to_string();
    python.run(&project, &[&script, "--from", &built, "--to", "wheel"])?;
    python.run(&project, &["-m", "venv", "fresh"])?;
    let wheel = fs::read_dir(project.path().join("wheel"))?
        .flatten()
        .next()
        .ok_or("no wheel")?
        .path();
    let fresh = project.path().join("fresh/bin");
    let run = |program: &str, arguments: &[&str]| -> Result<String, Failed> {
        let done = Command::new(fresh.join(program))
            .args(arguments)
            .current_dir(project.path().join("elsewhere"))
            .env_clear()
            .env("HOME", project.path().join("elsewhere"))
            .env("PATH", "/usr/bin:/bin")
            .output()?;
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        let error = String::from_utf8_lossy(&done.stderr);
        assert!(
            done.status.success(),
            "{program} {arguments:?}: {said}{error}"
        );
        Ok(said)
    };
    fs::create_dir(project.path().join("elsewhere"))?;
    run(
        "pip",
        &[
            "install",
            "--no-index",
            "--quiet",
            &wheel.display().to_string(),
        ],
    )?;
    project.write("elsewhere/small.toml", SMALL);
    let table = run("topwork", &["run", "small.toml", "--ui", "plain"])?;
    assert!(table.contains("control"), "{table}");
    run(
        "topwork",
        &[
            "plugins", "new", "mine", "--lang", "python", "--kind", "cut",
        ],
    )?;
    // The environment's own Python is the one that is asked; it has no NumPy.
    let listed = Command::new(fresh.join("topwork"))
        .args(["plugins", "list", "--plugin-dir", "mine"])
        .current_dir(project.path().join("elsewhere"))
        .env_clear()
        .env("HOME", project.path().join("elsewhere"))
        .output()?;
    let said = String::from_utf8_lossy(&listed.stderr);
    assert!(
        said.contains("fresh/bin/python has no NumPy")
            || said.contains("fresh/bin/python3 has no NumPy"),
        "{said}"
    );
    run("pip", &["uninstall", "--yes", "--quiet", "topwork"])?;
    assert!(!fresh.join("topwork").exists());
    assert!(!project.path().join("fresh/lib/topwork/plugins").exists());
    Ok(())
}
