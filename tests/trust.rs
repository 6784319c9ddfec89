//! Which plugins are opened at all, and for which experiment.

use std::fs;

use topwork_testkit::Project;

use crate::small::experiment;

#[test]
fn a_plugin_of_another_abi_is_skipped_with_both_versions() {
    let mut project = Project::new();
    project.install("misbehave_abi2");
    project.write("small.toml", &experiment(""));
    insta::assert_snapshot!(
        "abi2_run",
        project.topwork(&["run", "small.toml"]).snapshot()
    );
    insta::assert_snapshot!(
        "abi2_list",
        project.topwork(&["plugins", "list"]).snapshot()
    );
}

#[test]
fn a_file_that_is_no_library_is_skipped() {
    let mut project = Project::new();
    let plugin = project.install("misbehave");
    fs::write(&plugin, "not a library").unwrap();
    let output = project.topwork(&["plugins", "list"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    assert!(
        output
            .stderr
            .contains("skipped `[PROJECT]/plugins/libtopwork_plugin_misbehave.[LIBRARY]`"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_plugin_changed_after_the_run_was_made_is_refused() {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("small.toml", &experiment(""));
    assert_eq!(
        project.topwork(&["run", "small.toml", "--ui", "none"]).code,
        0
    );
    let folder = project.run_folder(1);
    let manifest = folder.join("manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let digest = text
        .split("\"plugins\": [")
        .nth(1)
        .unwrap()
        .split("\"sha256\": \"")
        .nth(1)
        .unwrap()[..64]
        .to_owned();
    fs::write(&manifest, text.replacen(&digest, &"0".repeat(64), 1)).unwrap();
    fs::remove_file(folder.join("events.jsonl")).unwrap();
    let code = project
        .command(&["supervise", folder.to_str().unwrap()])
        .status()
        .unwrap()
        .code();
    assert_eq!(code, Some(3));
    let shown = project.topwork(&["runs", "show", "1"]);
    assert!(
        shown
            .stderr
            .contains("has changed since the run was created"),
        "{}",
        shown.snapshot()
    );
}

/// The digest that `plugins show` gives of the installed `misbehave`.
fn shown_pin(project: &Project) -> String {
    let output = project
        .command(&["plugins", "show", "misbehave-network"])
        .output()
        .unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    let start = shown.find("[plugins.misbehave]").unwrap();
    shown[start..]
        .lines()
        .take(2)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn a_pinned_plugin_is_used_only_as_it_was() {
    let mut project = Project::new();
    let plugin = project.install("misbehave");
    let text = format!("{}\n{}\n", experiment(""), shown_pin(&project));
    project.write("small.toml", &text);
    let output = project.topwork(&["run", "small.toml", "--ui", "none"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    let resolved = fs::read_to_string(project.run_folder(1).join("experiment.toml")).unwrap();
    assert!(
        resolved.contains("[plugins.misbehave]\nsha256 = "),
        "{resolved}"
    );
    // Bytes behind the end of a library change nothing but its digest.
    let mut bytes = fs::read(&plugin).unwrap();
    bytes.push(0);
    fs::write(&plugin, bytes).unwrap();
    insta::assert_snapshot!(
        "pinned_to_another",
        project.topwork(&["check", "small.toml"]).snapshot()
    );
    assert_eq!(project.topwork(&["run", "small.toml"]).code, 3);
}

#[test]
fn an_experiment_cannot_say_where_a_plugin_lies() {
    let mut project = Project::new();
    let plugin = project.install("misbehave");
    let elsewhere = project.path().join("libtopwork_plugin_elsewhere.so");
    fs::copy(&plugin, &elsewhere).unwrap();
    fs::remove_file(&plugin).unwrap();
    for name in [
        "./libtopwork_plugin_elsewhere.so",
        "libtopwork_plugin_elsewhere.so",
        elsewhere.to_str().unwrap(),
    ] {
        let text = experiment("").replace("use = \"misbehave\"", &format!("use = {name:?}"));
        project.write("small.toml", &text);
        let output = project.topwork(&["check", "small.toml"]);
        assert_eq!(output.code, 2, "{}", output.snapshot());
        assert!(
            output.stderr.contains("there is no dataset"),
            "{}",
            output.stderr
        );
    }
    for (key, value) in [("path", "x.so"), ("plugin-dir", "plugins")] {
        let text = experiment("") + &format!("\n[plugins.misbehave]\n{key} = {value:?}\n");
        project.write("small.toml", &text);
        let output = project.topwork(&["check", "small.toml"]);
        assert_eq!(output.code, 2, "{}", output.snapshot());
        let unknown = format!("unknown key `plugins.misbehave.{key}`");
        assert!(output.stderr.contains(&unknown), "{}", output.stderr);
    }
}

#[cfg(unix)]
#[test]
fn what_anybody_may_write_to_is_not_loaded() {
    use std::os::unix::fs::PermissionsExt;
    let mut project = Project::new();
    let plugin = project.install("misbehave");
    let folder = plugin.parent().unwrap();
    for (path, what, mode) in [(folder, "folder", 0o777), (plugin.as_path(), "file", 0o646)] {
        let before = fs::metadata(path).unwrap().permissions();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let output = project.topwork(&["plugins", "list"]);
        assert!(
            !output.stdout.contains("misbehave"),
            "{}",
            output.snapshot()
        );
        let told = format!(
            "anybody may write to this {what}, so what it holds cannot be trusted; `chmod o-w` it"
        );
        assert!(output.stderr.contains(&told), "{}", output.stderr);
        fs::set_permissions(path, before).unwrap();
        let output = project.topwork(&["plugins", "list"]);
        assert!(output.stdout.contains("misbehave"), "{}", output.snapshot());
    }
}
