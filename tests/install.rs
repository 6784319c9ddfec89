//! `just install`: what it puts below a prefix works from any folder, without the checkout, and goes again.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;
use topwork_testkit::built_library;

/// Two classifiers on what a network gives that has learnt nothing: it needs MNIST and four plugins, and takes a moment.
const SMALL: &str = r#"name = "small"

[backbone]
use = "lenet"

[target]
dataset = { use = "mnist", classes = [5, 6, 7, 8, 9] }
cut     = "features"

[[strategy]]
name          = "control"
kind          = "feature-classifier"
weights       = "random"
head          = { use = "logistic-regression" }
train-samples = 100
"#;

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap()
}

/// The script, with a folder of its own to install in and another to work in, whose user has no files yet.
struct Installed {
    folder: TempDir,
}

impl Installed {
    fn new() -> Self {
        let made = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for name in ["home", "elsewhere"] {
            fs::create_dir(made.folder.path().join(name)).unwrap();
        }
        made
    }

    fn prefix(&self) -> PathBuf {
        self.folder.path().join("my prefix")
    }

    fn elsewhere(&self, file: &str) -> PathBuf {
        self.folder.path().join("elsewhere").join(file)
    }

    fn script(&self, arguments: &[&str]) -> Output {
        let built = built_library("misbehave");
        self.command(&root().join("scripts/install.sh"))
            .arg("--prefix")
            .arg(self.prefix())
            .arg("--from")
            .arg(built.parent().unwrap())
            .args(arguments)
            .output()
            .unwrap()
    }

    fn topwork(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut command = self.command(&self.prefix().join("bin/topwork"));
        let output = command.args(arguments).output().unwrap();
        let text = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            text.replace(self.folder.path().to_str().unwrap(), "[FOLDER]")
        };
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        (output.status.code(), stdout, stderr)
    }

    /// A program in an environment with nothing of whoever runs the tests.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.folder.path().join("elsewhere"))
            .env_clear()
            .env("HOME", self.folder.path().join("home"))
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C.UTF-8");
        command
    }

    /// All files below the prefix.
    fn files(&self) -> Vec<String> {
        let mut folders = vec![self.prefix()];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.path() {
                    path if path.is_dir() => folders.push(path),
                    path => files.push(path),
                }
            }
        }
        let prefix = self.prefix();
        let name = |path: &PathBuf| path.strip_prefix(&prefix).unwrap().display().to_string();
        let mut files: Vec<String> = files.iter().map(name).collect();
        files.sort();
        files
    }
}

fn succeeded(output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn an_installed_program_works_from_any_folder() {
    let installed = Installed::new();
    succeeded(installed.script(&[]));
    let (code, listed, said) = installed.topwork(&["plugins", "list"]);
    assert_eq!((code, said.as_str()), (Some(0), ""), "{listed}");
    for plugin in fs::read_dir(root().join("plugins")).unwrap().flatten() {
        let id = plugin.file_name().into_string().unwrap();
        assert!(listed.contains(&format!(" {id} ")), "no {id}:\n{listed}");
    }
    let shipped = root().join("experiments/mnist-transfer.toml");
    fs::copy(shipped, installed.elsewhere("copy.toml")).unwrap();
    let (code, checked, said) = installed.topwork(&["check", "copy.toml"]);
    assert_eq!((code, said.as_str()), (Some(0), ""), "{checked}");
    fs::write(installed.elsewhere("small.toml"), SMALL).unwrap();
    let (code, table, said) = installed.topwork(&["run", "small.toml"]);
    assert_eq!(code, Some(0), "{table}{said}");
    let results = installed.elsewhere("runs/0001-small/results.json");
    let results: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(results).unwrap()).unwrap();
    let accuracy = results["strategies"][0]["mean"].as_f64().unwrap();
    assert!(accuracy > 0.6, "{accuracy}");
}

#[test]
fn without_plugins_it_says_how_to_get_them() {
    let installed = Installed::new();
    succeeded(installed.script(&[]));
    fs::write(installed.elsewhere("small.toml"), SMALL).unwrap();
    let plugins = installed.prefix().join("lib/topwork/plugins");
    let mut told = String::new();
    let mut tell = |arguments: &[&str]| {
        let (code, stdout, stderr) = installed.topwork(arguments);
        told += &format!("{arguments:?}: exit code {code:?}\n{stdout}{stderr}\n");
    };
    fs::set_permissions(&plugins, fs::Permissions::from_mode(0o777)).unwrap();
    tell(&["plugins", "list"]);
    // What `cargo install` gives.
    fs::remove_dir_all(&plugins).unwrap();
    tell(&["check", "small.toml"]);
    insta::assert_snapshot!(told);
}

#[test]
fn what_was_installed_goes_and_nothing_else() {
    let installed = Installed::new();
    succeeded(installed.script(&[]));
    let first = installed.files();
    assert!(first.len() > 40, "{first:#?}");
    // Of another version, and the user's own.
    let (old, own) = ("lib/topwork/plugins/old.so", "bin/own");
    for file in [old, own] {
        fs::write(installed.prefix().join(file), "").unwrap();
    }
    let list = installed.prefix().join("share/topwork/installed");
    let listed = fs::read_to_string(&list).unwrap() + old + "\n";
    fs::write(&list, listed).unwrap();
    succeeded(installed.script(&[]));
    let mut expected = first.clone();
    expected.push(own.to_owned());
    expected.sort();
    assert_eq!(installed.files(), expected);
    succeeded(installed.script(&["--uninstall"]));
    assert_eq!(installed.files(), [own]);
    let again = installed.script(&["--uninstall"]);
    let said = String::from_utf8_lossy(&again.stderr);
    assert!(said.contains("nothing was installed in"), "{said}");
    assert_eq!(again.status.code(), Some(1));
}

#[test]
fn mistakes_in_how_it_is_asked_are_told() {
    let installed = Installed::new();
    let check = |arguments: &[&str], code: i32, expected: &str| {
        let output = installed.script(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
        assert_eq!(installed.files(), [""; 0], "{arguments:?}");
    };
    check(
        &["--from", "nowhere"],
        1,
        "there is no program in `nowhere`",
    );
    check(&["--prefix"], 2, "`--prefix` needs a folder");
    check(&["--perfix", "x"], 2, "`--perfix` is no option of it");
}

#[test]
fn shells_complete_what_is_typed_and_pages_tell_of_it() {
    let installed = Installed::new();
    succeeded(installed.script(&[]));
    let share = installed.prefix().join("share");
    let script = share.join("bash-completion/completions/topwork");
    let complete = |words: &str, expected: &str| {
        let source = format!(
            ". '{}'; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _topwork topwork \"${{COMP_WORDS[COMP_CWORD]}}\"; echo \"${{COMPREPLY[@]}}\"",
            script.display()
        );
        let mut bash = installed.command(Path::new("bash"));
        let output = bash.args(["-c", &source]).output().unwrap();
        assert_eq!(succeeded(output).trim_end(), expected, "{words}");
    };
    complete("topwork ru", "run runs");
    complete("topwork plugins ch", "check");
    complete("topwork run --det", "--detach");
    complete("topwork supervis", "");
    let (_, zsh, _) = installed.topwork(&["completions", "zsh"]);
    let path = share.join("zsh/site-functions/_topwork");
    assert_eq!(fs::read_to_string(path).unwrap(), zsh);
    let page = |name: &str| fs::read_to_string(share.join("man/man1").join(name)).unwrap();
    insta::assert_snapshot!("page_of_stop", page("topwork-stop.1"));
    for name in ["topwork.1", "topwork-run.1", "topwork-plugins-new.1"] {
        assert!(page(name).starts_with(".TH TOPWORK"), "{name}");
    }
    assert!(!page("topwork.1").contains("supervise"));
}
