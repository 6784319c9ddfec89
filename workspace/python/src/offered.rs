//! What a plugin file offers. Python must import it to know, which may take seconds: so what it said is kept, and holds as long as the
//! file, the modules beside it, the interpreter and the packages stay as they are.

use crate::interpreter::Interpreter;
use crate::process::Process;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use topwork_sdk::Error;

/// What Python says of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Offered {
    pub version: String,
    pub licence: String,
    pub components: Vec<OfferedComponent>,
    /// The version of Python.
    python: String,
    executable: String,
    /// The file and the modules beside it that it imports, with their SHA-256.
    files: BTreeMap<PathBuf, String>,
    packages: Vec<Package>,
}

/// A class that is a component.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfferedComponent {
    pub kind: OfferedKind,
    pub id: String,
    pub about: String,
    pub schema: Map<String, Value>,
    /// Whether a dataset's samples are bytes.
    pub bytes: bool,
    /// Whether a classifier's fitted state can be kept.
    pub saves: bool,
    /// Whether a dataset may have numbers or several labels in place of classes, or a classifier learns them.
    pub numbers: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OfferedKind {
    Backbone,
    Dataset,
    Classifier,
    Cut,
}

impl OfferedKind {
    /// Whether an instance comes to be another by its calls.
    pub fn learns(self) -> bool {
        self == OfferedKind::Classifier
    }
}

/// A package that the plugin imports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Package {
    name: String,
    version: String,
    /// The folder that says so; its name has the version.
    place: PathBuf,
}

/// What was kept, with the interpreter that said it.
#[derive(Serialize, Deserialize)]
struct Kept {
    interpreter: String,
    offered: Offered,
}

impl Offered {
    /// What was kept of this file, else what Python says now.
    pub fn of(
        plugin: &Path,
        interpreter: &Interpreter,
        process: &Process,
        cache: &Path,
    ) -> Result<Self, Error> {
        let identity = interpreter.identity();
        let name = topwork_keys::sha256(plugin.to_string_lossy().as_bytes());
        let place = (!cache.as_os_str().is_empty())
            .then(|| cache.join("python").join(format!("{name}.json")));
        let kept = place.as_ref().and_then(|place| fs::read(place).ok());
        let kept = kept.and_then(|text| serde_json::from_slice::<Kept>(&text).ok());
        if let Some(kept) = kept
            && kept.interpreter == identity
            && kept.offered.still_holds(plugin)
        {
            return Ok(kept.offered);
        }
        let offered = process.open()?;
        if let Some(place) = place {
            let kept = Kept {
                interpreter: identity,
                offered: offered.clone(),
            };
            // Without it Python is asked again the next time, and that is all.
            let _ = keep(&place, &kept);
        }
        Ok(offered)
    }

    fn still_holds(&self, plugin: &Path) -> bool {
        let unchanged = |(path, digest): (&PathBuf, &String)| {
            fs::read(path).is_ok_and(|text| topwork_keys::sha256(&text) == *digest)
        };
        self.files.contains_key(plugin)
            && self.files.iter().all(unchanged)
            && (self.packages.iter()).all(|package| package.place.exists())
    }

    /// What tells this plugin from others, in hexadecimal: its files, the version of Python and those of the packages.
    pub fn digest(&self) -> String {
        let mut text = format!("python {}\n", self.python);
        for digest in self.files.values() {
            text += &format!("file {digest}\n");
        }
        for package in &self.packages {
            text += &format!("{} {}\n", package.name, package.version);
        }
        topwork_keys::sha256(text.as_bytes())
    }

    /// What computes, for people: Python and the packages, with their versions.
    pub fn runtime(&self) -> String {
        let packages = self.packages.iter();
        let packages = packages.map(|package| format!(", {} {}", package.name, package.version));
        format!("Python {}{}", self.python, packages.collect::<String>())
    }
}

/// Written under another name first, since several processes may be at it.
fn keep(place: &Path, kept: &Kept) -> std::io::Result<()> {
    let folder = place.parent().unwrap_or(place);
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer(&mut file, kept)?;
    file.persist(place)?;
    Ok(())
}
