//! Which Python runs a plugin.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How Python is started for one plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interpreter {
    program: PathBuf,
}

/// Where Python is looked for, besides what lies beside the plugin.
struct Places<'a> {
    /// The value of `PATH`.
    path: OsString,
    /// The active environment, and the one that this program was installed in.
    environments: Vec<PathBuf>,
    /// Where environments that uv makes are kept; empty where nothing is.
    cache: &'a Path,
}

impl Interpreter {
    /// The first of these that is there: the environment `.venv` beside the plugin; where the plugin names its dependencies as PEP 723
    /// has it and `uv` is on the `PATH`, an environment with them, made once and kept below `cache`; the active environment; the one
    /// that this program was installed in; `python3` and `python` on the `PATH`. An `Err` says that there is none, or why uv made none.
    pub fn of(plugin: &Path, text: &str, cache: &Path) -> Result<Self, String> {
        let active = std::env::var_os("VIRTUAL_ENV").map(PathBuf::from);
        let own = std::env::current_exe().ok();
        let own = own.as_deref().and_then(Path::parent).and_then(Path::parent);
        // `pyvenv.cfg` tells an environment from any other folder with a `bin`.
        let own = own.filter(|folder| folder.join("pyvenv.cfg").is_file());
        let places = Places {
            path: std::env::var_os("PATH").unwrap_or_default(),
            environments: active.into_iter().chain(own.map(Path::to_owned)).collect(),
            cache,
        };
        Interpreter::among(plugin, text, &places)
    }

    fn among(plugin: &Path, text: &str, places: &Places<'_>) -> Result<Self, String> {
        let on_path = |name: &str| {
            let mut files = std::env::split_paths(&places.path).map(|folder| folder.join(name));
            files.find(|file| file.is_file())
        };
        let beside = plugin.parent().map(|folder| folder.join(".venv"));
        if let Some(program) = beside.as_deref().and_then(python_of) {
            return Ok(Interpreter { program });
        }
        let script = Script::of(text)?.filter(|_| !places.cache.as_os_str().is_empty());
        if let (Some(script), Some(uv)) = (script, on_path("uv")) {
            let program = script.environment(&uv, places.cache)?;
            return Ok(Interpreter { program });
        }
        (places.environments.iter().find_map(|of| python_of(of)))
            .or_else(|| on_path("python3"))
            .or_else(|| on_path("python"))
            .map(|program| Interpreter { program })
            .ok_or_else(|| {
                "no Python was found: neither an environment `.venv` beside the file nor `python3` on the PATH"
                    .to_owned()
            })
    }

    /// The command that runs Python.
    pub fn command(&self) -> Command {
        Command::new(&self.program)
    }

    /// What tells it from others, and from itself after it has been installed anew.
    pub fn identity(&self) -> String {
        let file = self.program.canonicalize();
        let file = file.as_deref().unwrap_or(&self.program);
        let changed = file.metadata().and_then(|metadata| metadata.modified());
        let changed = changed.ok().and_then(|at| {
            let since = at.duration_since(std::time::UNIX_EPOCH);
            since.ok().map(|since| since.as_nanos())
        });
        format!("{} {} {changed:?}", self.program.display(), file.display())
    }
}

fn python_of(environment: &Path) -> Option<PathBuf> {
    let places = ["bin/python", "bin/python3"];
    (places.into_iter())
        .map(|place| environment.join(place))
        .find(|file| file.is_file())
}

/// What the block `# /// script` of a file asks for: <https://peps.python.org/pep-0723>.
#[derive(Debug, Default, PartialEq, Eq)]
struct Script {
    dependencies: Vec<String>,
    python: Option<String>,
}

impl Script {
    fn of(text: &str) -> Result<Option<Self>, String> {
        let mut lines = text.lines().map(str::trim_end);
        if !lines.any(|line| line == "# /// script") {
            return Ok(None);
        }
        let mut block = String::new();
        for line in lines {
            match line.strip_prefix('#') {
                Some(" ///") => {
                    return block
                        .parse()
                        .map(|table| Some(Script::from_table(&table)))
                        .map_err(|error: toml::de::Error| {
                            format!("its block `# /// script` is no TOML: {}", error.message())
                        });
                }
                Some(line) => block = block + line.strip_prefix(' ').unwrap_or(line) + "\n",
                None => break,
            }
        }
        Err("its block `# /// script` has no end, expected a line `# ///`".to_owned())
    }

    fn from_table(table: &toml::Table) -> Self {
        let text = |value: &toml::Value| value.as_str().map(str::to_owned);
        let dependencies = table.get("dependencies").and_then(toml::Value::as_array);
        Script {
            dependencies: dependencies
                .into_iter()
                .flatten()
                .filter_map(text)
                .collect(),
            python: table.get("requires-python").and_then(text),
        }
    }

    /// Python of an environment with these packages, which uv makes where it is not there yet. Not `uv run`: Python would be the child
    /// of uv, and live on where this program is killed.
    fn environment(&self, uv: &Path, cache: &Path) -> Result<PathBuf, String> {
        let wanted = format!("{:?} {:?}", self.python, self.dependencies);
        let name = topwork_keys::sha256(wanted.as_bytes());
        let kept = cache.join("python/environments");
        let place = kept.join(&name[..16]);
        if let Some(python) = python_of(&place) {
            return Ok(python);
        }
        let failed =
            |error: std::io::Error| format!("no environment could be made for it: {error}");
        std::fs::create_dir_all(&kept).map_err(failed)?;
        // Under another name until all is there, as several processes may be at it.
        let made = tempfile::tempdir_in(&kept).map_err(failed)?;
        let environment = made.path().join("environment");
        let mut venv = Command::new(uv);
        venv.args(["venv", "--quiet", "--relocatable"]);
        if let Some(python) = &self.python {
            venv.args(["--python", python]);
        }
        ask(venv.arg(&environment))?;
        let python = python_of(&environment).ok_or("uv has made an environment without Python")?;
        let mut install = Command::new(uv);
        install.args(["pip", "install", "--quiet", "--python"]);
        ask(install.arg(python).arg("numpy").args(&self.dependencies))?;
        // Where another process was first, its environment is as good.
        let _ = std::fs::rename(&environment, &place);
        python_of(&place).ok_or_else(|| format!("`{}` cannot be put in place", place.display()))
    }
}

/// Runs uv; an `Err` has what it said last.
fn ask(uv: &mut Command) -> Result<(), String> {
    let done = uv.stdin(Stdio::null()).output();
    let done = done.map_err(|error| format!("uv cannot be started: {error}"))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    let said: Vec<&str> = said.split_whitespace().collect();
    Err(format!(
        "uv could not install what its block `# /// script` asks for: {}",
        said.join(" ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_a_script_asks_for_is_read_as_pep_723_has_it() {
        let script = |dependencies: &[&str], python: Option<&str>| {
            Ok(Some(Script {
                dependencies: dependencies.iter().map(|&of| of.to_owned()).collect(),
                python: python.map(str::to_owned),
            }))
        };
        let no_end = "its block `# /// script` has no end, expected a line `# ///`";
        let cases = [
            ("", Ok(None)),
            ("import numpy\n", Ok(None)),
            ("# /// script\n# ///\n", script(&[], None)),
            (
                "\"\"\"A plugin.\"\"\"\n# /// script\n# requires-python = \">=3.11\"\n# dependencies = [\n#   \"timm\",\n#   \"torch>2\",\n# ]\n# ///\nimport timm\n",
                script(&["timm", "torch>2"], Some(">=3.11")),
            ),
            (
                "# /// script\n# dependencies = []\nimport numpy\n",
                Err(no_end.to_owned()),
            ),
            ("# /// script\n", Err(no_end.to_owned())),
        ];
        for (text, expected) in cases {
            assert_eq!(Script::of(text), expected, "{text}");
        }
        let broken = Script::of("# /// script\n# dependencies = [\n# ///\n").unwrap_err();
        assert!(
            broken.starts_with("its block `# /// script` is no TOML: "),
            "{broken}"
        );
    }

    /// Makes what it is asked for, and notes every call.
    const UV: &str = r#"#!/bin/sh
echo "$@" >> "$0.log"
case $1 in
venv) for folder; do :; done; mkdir -p "$folder/bin"; touch "$folder/bin/python" ;;
pip) case "$*" in *nothing-like-it*) echo "no  such package" >&2; exit 1 ;; esac ;;
esac
"#;

    #[cfg(unix)]
    #[test]
    fn the_nearest_python_is_taken() {
        use std::os::unix::fs::PermissionsExt;

        let root = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            path
        };
        let plugin = file("plugins/topwork_plugin_a.py", "");
        let cache = root.path().join("cache");
        let active = root.path().join("active");
        let asks = "# /// script\n# dependencies = [\"timm\"]\n# ///\n";
        let find = |text: &str, environments: &[&Path], cache: &Path| {
            let places = Places {
                path: OsString::from(root.path().join("bin")),
                environments: environments.iter().map(|&of| of.to_owned()).collect(),
                cache,
            };
            Interpreter::among(&plugin, text, &places).map(|found| found.program)
        };
        let check = |text: &str, environments: &[&Path], cache: &Path, expected: Option<&Path>| {
            let found = find(text, environments, cache).ok();
            assert_eq!(found.as_deref(), expected, "{text}");
        };
        check("", &[], &cache, None);
        let python = file("bin/python", "");
        check("", &[], &cache, Some(&python));
        let python3 = file("bin/python3", "");
        check(asks, &[], &cache, Some(&python3));
        let of_active = file("active/bin/python", "");
        check(asks, &[&active], &cache, Some(&of_active));

        let uv = file("bin/uv", UV);
        fs::set_permissions(&uv, PermissionsExt::from_mode(0o755)).unwrap();
        check("", &[&active], &cache, Some(&of_active));
        // Where nothing may be kept, nothing is installed.
        check(asks, &[&active], Path::new(""), Some(&of_active));
        let made = find(asks, &[&active], &cache).unwrap();
        assert!(made.starts_with(cache.join("python/environments")) && made.is_file());
        check(asks, &[&active], &cache, Some(&made));
        let log = fs::read_to_string(root.path().join("bin/uv.log")).unwrap();
        let calls: Vec<&str> = log.lines().collect();
        assert!(
            matches!(calls[..], [venv, install]
            if venv.starts_with("venv --quiet --relocatable ") && install.ends_with("bin/python numpy timm")),
            "{log}"
        );
        let refused = find(&asks.replace("timm", "nothing-like-it"), &[], &cache);
        let expected =
            "uv could not install what its block `# /// script` asks for: no such package";
        assert_eq!(refused, Err(expected.to_owned()));
        let left = fs::read_dir(cache.join("python/environments"))
            .unwrap()
            .count();
        assert_eq!(left, 1);

        let beside = file("plugins/.venv/bin/python", "");
        check(asks, &[&active], &cache, Some(&beside));
    }
}
