//! `arrays`, `csv` and `idx` through the tables that the host uses, on files made by the tests.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(missing_docs, reason = "nobody else uses what stands here")]

mod any_bytes;
mod arrays;
mod csv;
mod groups;
mod identity;
mod idx;
mod labels;
mod other_files;
mod remarks;
mod targets;
mod write;

use serde_json::{Map, Value, json};
use std::path::PathBuf;
use tempfile::TempDir;
use topwork_plugin_arrays::PLUGIN;
use topwork_sdk::Error;
use topwork_sdk::drive::{DrivenDataset, Driver, TestHost};

/// A folder of files.
pub struct Place(TempDir);

impl Place {
    pub fn empty() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Opens a dataset; parameters that end with `file` or are `folder` are paths in this place.
    pub fn open(&self, id: &str, parameters: Value) -> Result<DrivenDataset, Error> {
        self.opened_by(&TestHost::new(), id, parameters)
    }

    fn opened_by(
        &self,
        host: &TestHost,
        id: &str,
        parameters: Value,
    ) -> Result<DrivenDataset, Error> {
        let mut resolved = Map::new();
        for (name, value) in parameters.as_object().unwrap() {
            let is_path = name.ends_with("file") || name == "folder";
            let value = match value.as_str().filter(|_| is_path) {
                Some(path) => json!(self.path(path)),
                None => value.clone(),
            };
            resolved.insert(name.clone(), value);
        }
        Driver::new(&PLUGIN, host).dataset(id, &Value::Object(resolved))
    }

    pub fn told(&self, error: &Error) -> String {
        let hint = error.hint().map(|hint| format!("\n  hint: {hint}"));
        let text = format!("{:?}: {error}{}", error.kind(), hint.unwrap_or_default());
        text.replace(&self.0.path().display().to_string(), "[here]")
    }

    /// All there is and what was said about it, or why it cannot be read.
    pub fn heard(&self, id: &str, parameters: Value) -> String {
        let host = TestHost::new();
        match self.opened_by(&host, id, parameters) {
            Ok(dataset) => {
                let lines = host.lines().join("\n");
                let text = format!("{}\n{lines}", all(&dataset));
                text.trim_end()
                    .replace(&self.0.path().display().to_string(), "[here]")
            }
            Err(error) => self.told(&error),
        }
    }

    /// The message of a dataset that cannot be opened or whose first sample cannot be read.
    pub fn refused(&self, id: &str, parameters: Value) -> String {
        let opened = self.open(id, parameters.clone());
        let error = opened.and_then(|dataset| dataset.read::<f32>("train", &[0]));
        match error {
            Err(error) => self.told(&error),
            Ok(_) => panic!("{parameters} was accepted"),
        }
    }
}

/// All there is: the shape, then for each split and sample its class and numbers.
pub fn all(dataset: &DrivenDataset) -> String {
    let description = dataset.description();
    let mut lines = vec![format!(
        "{:?} {}",
        description.shape,
        description.classes.join(" ")
    )];
    for split in &description.splits {
        let labels = dataset.labels(&split.name).unwrap();
        assert_eq!(labels.len() as u64, split.len);
        for (index, label) in (0..).zip(labels) {
            let numbers: Vec<f32> = dataset.read(&split.name, &[index]).unwrap();
            let numbers: Vec<String> = numbers.iter().map(f32::to_string).collect();
            let class = &description.classes[label as usize];
            lines.push(format!("{} {class}: {}", split.name, numbers.join(" ")));
        }
    }
    lines.join("\n")
}
