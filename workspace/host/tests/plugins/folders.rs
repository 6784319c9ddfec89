//! Which libraries are opened, which are skipped, and what is said about it.

use crate::stage::{folder_with, library, load, redact, told};
use std::path::Path;
use topwork_host::{Kind, Skipped, is_plugin_file_name};

fn plugin_file(folder: &Path, name: &str) -> std::path::PathBuf {
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    folder.join(format!("{prefix}topwork_plugin_{name}{suffix}"))
}

#[test]
fn broken_libraries_are_skipped_with_a_reason() {
    let folder = folder_with(&["misbehave", "misbehave_abi2"]);
    std::fs::write(plugin_file(folder.path(), "a_text"), "not a library").unwrap();
    std::fs::copy(
        library("misbehave"),
        plugin_file(folder.path(), "the_same_again"),
    )
    .unwrap();
    std::fs::write(folder.path().join("libother.so"), "no plugin's name").unwrap();
    std::fs::create_dir(plugin_file(folder.path(), "a_folder")).unwrap();

    let (plugins, _) = load(&[folder.path()]);
    let ids: Vec<&str> = plugins.list().iter().map(|plugin| &*plugin.id).collect();
    assert_eq!(ids, ["misbehave"]);
    let reason = |skipped: &Skipped| {
        // The system's own words about a file that is no library differ; ours come before them.
        let reason = skipped.reason.split(": ").next().unwrap_or_default();
        format!("{}: {reason}", skipped.path.display())
    };
    let reasons: Vec<String> = plugins.skipped().iter().map(reason).collect();
    insta::assert_snapshot!(redact(&reasons.join("\n"), folder.path()));
}

#[test]
fn a_library_without_the_symbol_is_skipped() {
    // A dependency's own library serves: it is one, but no plugin.
    let folder = tempfile::tempdir().unwrap();
    let dependencies = library("misbehave");
    let other = std::fs::read_dir(dependencies.parent().unwrap())
        .unwrap()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.contains("thiserror_impl") && name.ends_with(std::env::consts::DLL_SUFFIX)
        })
        .expect("the procedural macros are libraries");
    std::fs::copy(other, plugin_file(folder.path(), "macros")).unwrap();
    let (plugins, _) = load(&[folder.path()]);
    let reason = &plugins.skipped()[0].reason;
    assert!(
        reason == "does not export `topwork_plugin_entry`"
            || reason.starts_with("cannot be opened"),
        "{reason}"
    );
}

#[test]
fn missing_and_repeated_folders_do_no_harm() {
    let folder = folder_with(&["misbehave"]);
    let nowhere = folder.path().join("nowhere");
    let (plugins, _) = load(&[&nowhere, folder.path(), folder.path()]);
    assert_eq!(plugins.list().len(), 1);
    assert_eq!(plugins.skipped(), []);
}

#[test]
fn an_unknown_name_gets_the_nearest_or_the_skipped() {
    let folder = folder_with(&[
        "misbehave_abi2",
        "topwork_plugin_lenet",
        "topwork_plugin_mlp",
    ]);
    let (plugins, _) = load(&[folder.path()]);
    let cases: &[(&[Kind], &str)] = &[
        (&[Kind::Backbone], "lennet"),
        (&[Kind::Backbone], "lenet/lenett"),
        (&[Kind::Backbone], "mlp"),
        (&[Kind::Backbone], "resnet"),
        (&[Kind::Dataset], "mnist"),
        (&Kind::HEADS, "random-forest"),
    ];
    let told = |(kinds, name): &(&[Kind], &str)| told(&plugins.find(kinds, name).unwrap_err());
    let messages: Vec<String> = cases.iter().map(told).collect();
    insta::assert_snapshot!(redact(&messages.join("\n"), folder.path()));

    for name in ["lenet", "lenet/lenet"] {
        let (plugin, component) = plugins.find(&[Kind::Backbone], name).unwrap();
        assert_eq!((&*plugin.id, &*component.id), ("lenet", "lenet"));
    }
}

#[test]
fn names_of_plugin_files() {
    let cases = [
        ("libtopwork_plugin_lenet.so", true),
        ("libtopwork_plugin_lenet.dylib", true),
        ("topwork_plugin_lenet.dll", true),
        ("topwork_plugin_my_own.py", true),
        ("topwork_plugin_.py", false),
        ("my_own.py", false),
        ("libtopwork_plugin_.so", false),
        ("libtopwork_plugin_lenet.so.bak", false),
        ("libtopwork_plugin_lenet.rlib", false),
        ("libmisbehave.so", false),
        ("topwork", false),
    ];
    for (name, expected) in cases {
        assert_eq!(is_plugin_file_name(name), expected, "{name}");
    }
}
