//! Which Python runs a plugin.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How Python is started for one plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interpreter {
    program: PathBuf,
    /// What comes in front of Python's own arguments.
    arguments: Vec<OsString>,
}

impl Interpreter {
    /// The first of these that is there: the environment `.venv` beside the plugin; `uv` on the `PATH`, where the plugin names its
    /// dependencies as PEP 723 has it; the active environment; the one that this program was installed in; `python3` and `python` on the
    /// `PATH`. An `Err` says that there is none.
    pub fn of(plugin: &Path, text: &str) -> Result<Self, String> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let active = std::env::var_os("VIRTUAL_ENV").map(PathBuf::from);
        let own = std::env::current_exe().ok();
        let own = own.as_deref().and_then(Path::parent).and_then(Path::parent);
        // `pyvenv.cfg` tells an environment from any other folder with a `bin`.
        let own = own.filter(|folder| folder.join("pyvenv.cfg").is_file());
        let environments: Vec<&Path> = active.as_deref().into_iter().chain(own).collect();
        Interpreter::among(plugin, text, &path, &environments)
    }

    fn among(
        plugin: &Path,
        text: &str,
        path: &OsString,
        environments: &[&Path],
    ) -> Result<Self, String> {
        let plain = |program: PathBuf| Interpreter {
            program,
            arguments: Vec::new(),
        };
        let on_path = |name: &str| {
            let mut files = std::env::split_paths(path).map(|folder| folder.join(name));
            files.find(|file| file.is_file())
        };
        let beside = plugin.parent().map(|folder| folder.join(".venv"));
        if let Some(python) = beside.as_deref().and_then(python_of) {
            return Ok(plain(python));
        }
        let script = Script::of(text)?;
        if let (Some(script), Some(uv)) = (script, on_path("uv")) {
            return Ok(Interpreter {
                program: uv,
                arguments: script.arguments(),
            });
        }
        (environments.iter().find_map(|of| python_of(of)))
            .or_else(|| on_path("python3"))
            .or_else(|| on_path("python"))
            .map(plain)
            .ok_or_else(|| {
                "no Python was found: neither an environment `.venv` beside the file nor `python3` on the PATH"
                    .to_owned()
            })
    }

    /// The command that runs Python.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command
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
        format!(
            "{} {:?} {} {changed:?}",
            self.program.display(),
            self.arguments,
            file.display()
        )
    }
}

fn python_of(environment: &Path) -> Option<PathBuf> {
    let places = ["bin/python", "Scripts/python.exe"];
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

    /// For `uv`: an environment with these packages, made once and kept by it.
    fn arguments(&self) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = ["run", "--quiet", "--no-project"]
            .map(OsString::from)
            .into();
        let mut add = |option: &str, value: &str| arguments.extend([option.into(), value.into()]);
        if let Some(python) = &self.python {
            add("--python", python);
        }
        add("--with", "numpy");
        for dependency in &self.dependencies {
            add("--with", dependency);
        }
        arguments.push("python".into());
        arguments
    }
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

    #[test]
    fn the_nearest_python_is_taken() {
        let root = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "").unwrap();
            path
        };
        let plugin = file("plugins/topwork_plugin_a.py");
        let path = OsString::from(root.path().join("bin"));
        let active = root.path().join("active");
        let asks = "# /// script\n# dependencies = [\"timm\"]\n# ///\n";
        let check = |text: &str, active: Option<&Path>, expected: Option<&Path>, with: &str| {
            let active: Vec<&Path> = active.into_iter().collect();
            let found = Interpreter::among(&plugin, text, &path, &active).ok();
            assert_eq!(found.as_ref().map(|found| &*found.program), expected);
            let arguments = found.map(|found| found.arguments).unwrap_or_default();
            assert_eq!(arguments.join(&OsString::from(" ")), *with);
        };
        check("", None, None, "");
        let python = file("bin/python");
        check("", None, Some(&python), "");
        let python3 = file("bin/python3");
        check(asks, None, Some(&python3), "");
        let of_active = file("active/bin/python");
        check(asks, Some(&active), Some(&of_active), "");
        let uv = file("bin/uv");
        check(
            asks,
            Some(&active),
            Some(&uv),
            "run --quiet --no-project --with numpy --with timm python",
        );
        check("", Some(&active), Some(&of_active), "");
        let beside = file("plugins/.venv/bin/python");
        check(asks, Some(&active), Some(&beside), "");
    }
}
