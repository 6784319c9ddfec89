//! What `topwork plugins new` writes: a project of one plugin that builds, tests and runs an experiment at once, in Rust, C or Python,
//! with all it needs in its folder. The templates are the files in `templates/`, in which `@NAME@` stands for the plugin's id and
//! `@LIBRARY@` for the same with underscores; the Rust projects get the sources of the sdk, the C projects the headers.
//!
//! Of ours this crate knows the words of the kinds; of the others it holds the text. A kind's templates are found by its short
//! name.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use thiserror::Error;
pub use topwork_kinds::Kind;

/// What it is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Rust, with the sdk.
    Rust,
    /// C, with the header.
    C,
    /// Python, with NumPy: one file.
    Python,
}

/// A project to be written.
#[derive(Clone, Debug)]
pub struct Project<'a> {
    /// The plugin's id and the folder's name: 1 to 64 of `a-z`, `0-9` and `-`, a letter first and no hyphen last.
    pub name: &'a str,
    /// What it offers.
    pub kind: Kind,
    /// What it is written in.
    pub language: Language,
    /// The folder of the sdk; without one its sources become part of the project.
    pub sdk: Option<&'a Path>,
    /// The program that its Makefile asks where none is on `PATH`.
    pub program: Option<&'a Path>,
}

/// Why a project was not written.
#[derive(Debug, Error)]
pub enum ScaffoldError {
    /// The name is not one for a plugin.
    #[error(
        "`{0}` is no name for a plugin, expected 1 to 64 of a-z, 0-9 and -, a letter first and no hyphen last"
    )]
    Name(String),
    /// Something is there already.
    #[error("`{}` is there already", .0.display())]
    Exists(PathBuf),
    /// The folder given as that of the sdk is not.
    #[error("`{}` is not the sdk: it has no Cargo.toml", .0.display())]
    NotTheSdk(PathBuf),
    /// What is of this kind consists of layers, which topwork computes.
    #[error("{} is layers that topwork computes, so there is nothing for Python to do; with Python: backbone, dataset, classifier or cut", .0.with_article())]
    NotInPython(Kind),
    /// A file cannot be written.
    #[error("cannot write `{}`: {error}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
}

/// The sdk and the abi: path within `vendor/`, and text.
const VENDOR: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/vendor.rs"));

/// The headers for plugins in C: name, and text.
const HEADERS: [(&str, &str); 2] = [
    (
        "topwork_plugin.h",
        include_str!("../../../docs/topwork_plugin.h"),
    ),
    (
        "topwork_json.h",
        include_str!("../../../docs/topwork_json.h"),
    ),
];

/// The templates: path within `templates/`, and text.
const TEMPLATES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/templates.rs"));

impl Project<'_> {
    /// Writes the project to a folder of its name in `parent`, which must not be there yet, and gives that folder.
    pub fn write(&self, parent: &Path) -> Result<PathBuf, ScaffoldError> {
        if !is_name(self.name) {
            return Err(ScaffoldError::Name(self.name.to_owned()));
        }
        if self.language == Language::Python && self.kind == Kind::NetworkHead {
            return Err(ScaffoldError::NotInPython(self.kind));
        }
        let sdk = self.sdk.map(sdk_folder).transpose()?;
        let folder = parent.join(self.name);
        let io = |path: &Path, error| ScaffoldError::Io {
            path: path.to_owned(),
            error,
        };
        match std::fs::create_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Err(ScaffoldError::Exists(folder));
            }
            other => other.map_err(|error| io(&folder, error))?,
        }
        for (name, text) in self.files(sdk.as_deref()) {
            let path = folder.join(&name);
            let parent = path.parent().unwrap_or(&folder);
            std::fs::create_dir_all(parent).map_err(|error| io(parent, error))?;
            std::fs::write(&path, text).map_err(|error| io(&path, error))?;
        }
        Ok(folder)
    }

    /// Paths within the project, with their texts.
    fn files(&self, sdk: Option<&Path>) -> Vec<(String, String)> {
        let kind = match (self.language, self.kind) {
            // A backbone in Python computes its features itself.
            (Language::Python, Kind::Backbone) => Kind::Extractor.short(),
            (_, kind) => kind.short(),
        };
        let (language, own) = match self.language {
            Language::Rust => (
                "rust",
                vec![
                    ("Cargo.toml", "rust/Cargo.toml".to_owned()),
                    ("src/lib.rs", format!("rust/{kind}/lib.rs")),
                    ("tests/plugin.rs", format!("rust/{kind}/plugin.rs")),
                ],
            ),
            Language::C => (
                "c",
                vec![
                    ("plugin.c", format!("c/{kind}.c")),
                    ("test.c", "c/test.c".to_owned()),
                ],
            ),
            Language::Python => (
                "python",
                vec![("topwork_plugin_@LIBRARY@.py", format!("python/{kind}.py"))],
            ),
        };
        let of_all = [
            ("experiment.toml", format!("experiments/{kind}.toml")),
            (".gitignore", "gitignore".to_owned()),
            ("Makefile", format!("{language}/Makefile")),
            ("README.md", format!("{language}/README.md")),
        ];
        let templates = TEMPLATES.iter();
        let mut files: Vec<(String, String)> = templates
            .flat_map(|(path, text)| {
                let wanted = of_all
                    .iter()
                    .chain(&own)
                    .filter(move |(_, from)| from == path);
                wanted.map(|(to, _)| (self.filled(to, sdk), self.filled(text, sdk)))
            })
            .collect();
        match self.language {
            Language::Rust if sdk.is_none() => files.extend(
                (VENDOR.iter()).map(|(path, text)| (format!("vendor/{path}"), (*text).to_owned())),
            ),
            Language::Rust | Language::Python => {}
            Language::C => {
                files.extend(HEADERS.map(|(name, text)| (name.to_owned(), text.to_owned())));
            }
        }
        files
    }

    fn filled(&self, template: &str, sdk: Option<&Path>) -> String {
        let sdk = sdk.map_or("vendor/topwork-sdk".to_owned(), |sdk| {
            sdk.display().to_string()
        });
        template
            .replace("@NAME@", self.name)
            .replace("@LIBRARY@", &self.name.replace('-', "_"))
            .replace("@KIND@", self.kind.short())
            .replace("@SDK@", &sdk)
            .replace("@PROGRAM@", &in_makefile(self.program))
    }
}

/// A path as the value of a variable in a Makefile; the bare name where make could not read it.
fn in_makefile(program: Option<&Path>) -> String {
    let readable = |path: &&str| !path.contains(['\n', '\\', '"', '`']);
    let path = program.and_then(Path::to_str).filter(readable);
    path.map_or("topwork".to_owned(), |path| {
        path.replace('$', "$$").replace('#', "\\#")
    })
}

/// Whether a name is an id of the ABI and makes a package of cargo's as well.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=64).contains(&name.len())
        && name.chars().all(plain)
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
}

fn sdk_folder(folder: &Path) -> Result<PathBuf, ScaffoldError> {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    match absolute.join("Cargo.toml").is_file() {
        true => Ok(absolute),
        false => Err(ScaffoldError::NotTheSdk(folder.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(name: &str) -> Project<'_> {
        Project {
            name,
            kind: Kind::Dataset,
            language: Language::Rust,
            sdk: None,
            program: None,
        }
    }

    #[test]
    fn the_makefile_names_the_program_as_make_reads_it() {
        let check = |program: Option<&str>, expected: &str| {
            assert_eq!(in_makefile(program.map(Path::new)), expected);
        };
        check(None, "topwork");
        check(Some("/opt/my programs/topwork"), "/opt/my programs/topwork");
        check(Some("/opt/$HOME/#1/topwork"), "/opt/$$HOME/\\#1/topwork");
        check(Some("/opt/`id`/topwork"), "topwork");
        check(Some("/opt/\"a\"/topwork"), "topwork");
    }

    #[test]
    fn names_are_checked() {
        let long = "a".repeat(65);
        for (name, right) in [
            ("my-plugin", true),
            ("a", true),
            ("p2", true),
            ("", false),
            ("2p", false),
            ("-a", false),
            ("a-", false),
            ("My", false),
            ("a_b", false),
            ("../a", false),
            (&long, false),
        ] {
            assert_eq!(is_name(name), right, "{name}");
        }
    }

    #[test]
    fn what_is_there_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        project("mine").write(folder.path()).unwrap();
        let error = project("mine").write(folder.path()).unwrap_err();
        let expected = format!(
            "`{}` is there already",
            folder.path().join("mine").display()
        );
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn no_placeholder_is_left_and_no_inheritance() {
        for kind in Kind::ALL {
            for language in [Language::Rust, Language::C, Language::Python] {
                let project = Project {
                    kind,
                    language,
                    ..project("my-own")
                };
                let files = project.files(None);
                if (language, kind) == (Language::Python, Kind::NetworkHead) {
                    continue;
                }
                let own = files
                    .iter()
                    .filter(|(name, _)| !name.starts_with("vendor/"));
                let expected = match language {
                    Language::Rust => 7,
                    Language::C => 8,
                    Language::Python => 3,
                };
                assert_eq!(own.count(), expected, "{kind:?}");
                for (name, text) in files {
                    let others = name.starts_with("vendor/") || name.ends_with(".py");
                    assert!(
                        others || !text.contains('@') || name == "Makefile",
                        "{kind:?}: {name}"
                    );
                    for placeholder in ["@NAME@", "@LIBRARY@", "@KIND@", "@SDK@", "@PROGRAM@"] {
                        assert!(!text.contains(placeholder), "{kind:?}: {name}");
                    }
                    let manifest = name.ends_with("Cargo.toml");
                    assert!(!manifest || !text.contains("workspace = true"), "{name}");
                }
            }
        }
    }
}
