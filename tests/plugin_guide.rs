//! The guide for plugin authors does what it says: its blocks are written to the files that they name, its commands are run in
//! their order, in a folder far from here.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use topwork_testkit::Project;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Language and text of every code block.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in text.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => open = Some((language.to_owned(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some((_, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block that does not end");
    blocks
}

#[test]
fn the_plugin_guide_leads_to_rows_in_tables() {
    let guide = fs::read_to_string(format!("{ROOT}/docs/plugin-guide.md")).unwrap();
    let project = Project::new();
    let command = project.command(&[]);
    let programs = Path::new(command.get_program())
        .parent()
        .unwrap()
        .to_owned();
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(
        [programs.clone()]
            .into_iter()
            .chain(env::split_paths(&path)),
    );
    let path = path.unwrap();
    let target = programs.parent().unwrap().join("plugin-projects");
    // Where the commands of the guide have led so far.
    let mut folder = PathBuf::from(project.path());
    let (mut commands, mut tables) = (0, 0);
    for (language, text) in blocks(&guide) {
        if language != "sh" {
            let first = text.lines().next().unwrap();
            let name = first.trim_start_matches(['/', '#', ' ']);
            let file = project.path().join(name);
            assert!(file.exists(), "`{first}` names no file of a new project");
            fs::write(file, text).unwrap();
            continue;
        }
        for line in text.lines() {
            if let Some(to) = line.strip_prefix("cd ") {
                folder = folder.join(to).canonicalize().unwrap();
                // The versions of what is depended on are the ones at hand.
                if folder.join("Cargo.toml").exists() {
                    fs::copy(format!("{ROOT}/Cargo.lock"), folder.join("Cargo.lock")).unwrap();
                }
                continue;
            }
            let output = Command::new("sh")
                .args(["-c", line])
                .current_dir(&folder)
                .env("PATH", &path)
                .env("XDG_CACHE_HOME", project.path().join("cache"))
                .env("CARGO_TARGET_DIR", &target)
                .env("CARGO_NET_OFFLINE", "true")
                .env("NO_COLOR", "1")
                .env_remove("TOPWORK_PLUGIN_PATH")
                .env_remove("TOPWORK_RUNS_DIR")
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{line}\n{said}");
            commands += 1;
            if line == "make run" {
                assert!(said.contains("trained on") && said.contains(" %"), "{said}");
                tables += 1;
            }
            if line == "make check" {
                assert!(
                    !said.contains("warning  ") && said.contains(" ok, in "),
                    "{said}"
                );
            }
        }
    }
    assert_eq!((commands, tables), (11, 2));
}
