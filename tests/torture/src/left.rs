//! What a run leaves behind, but for what time passed: figures, weights and predictions.

use std::{collections::BTreeMap, fs};

use serde_json::Value;
use topwork_keys::sha256;
use topwork_store::RunFolder;

/// All a run leaves but for what time passed.
#[derive(PartialEq)]
pub struct Left {
    results: Value,
    files: BTreeMap<String, String>,
}

impl Left {
    /// Of the run in `folder`, which is done.
    pub fn of(folder: &RunFolder) -> Self {
        let text = fs::read_to_string(folder.results_path()).expect("results");
        let mut results = serde_json::from_str(&text).expect("results are JSON");
        drop_times(&mut results);
        let mut files = BTreeMap::new();
        for part in ["checkpoints", "predictions"] {
            for entry in fs::read_dir(folder.path().join(part))
                .expect("a folder")
                .flatten()
            {
                if entry.path().is_file() {
                    let name = format!("{part}/{}", entry.file_name().to_string_lossy());
                    files.insert(name, sha256(&fs::read(entry.path()).expect("a file")));
                }
            }
        }
        Self { results, files }
    }

    /// Panics with what differs.
    pub fn assert_same(&self, other: &Self, what: &str) {
        assert_eq!(self.results, other.results, "{what}");
        assert_eq!(self.files, other.files, "{what}");
    }
}

fn drop_times(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for key in ["run", "seconds", "features-cached"] {
                map.shift_remove(key);
            }
            map.values_mut().for_each(drop_times);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_times),
        _ => {}
    }
}
