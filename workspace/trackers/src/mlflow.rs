//! The file store of MLflow: an experiment for the run, a run of MLflow's for every row and seed.

use std::path::{Path, PathBuf};

use topwork_keys::{Digest, Sha256, hexadecimal};

use crate::{File, Run, epochs, slug, stage};

/// More characters of a value than this MLflow refuses.
const LONGEST: usize = 500;

/// The files of a run, below a folder named by a number that follows from its id: whoever writes it again replaces
/// what was there.
///
/// A figure is the metric `ID`, an epoch's value a metric `epoch/loss` and so on at the step of its number; settings of
/// the row and of the experiment are parameters; the row as in `results.json` is an artifact.
pub fn mlflow(run: &Run<'_>) -> Vec<File> {
    let results = run.results;
    let state = run.state;
    let experiment = number(&results.run);
    let folder = PathBuf::from(&experiment);
    let mut files = vec![text(
        folder.join("meta.yaml"),
        yaml(&[
            (
                "artifact_location",
                string(&run.folder.join(&folder).to_string_lossy()),
            ),
            ("creation_time", state.started_at.to_string()),
            ("experiment_id", string(&experiment)),
            ("last_update_time", state.latest_at.to_string()),
            ("lifecycle_stage", string("active")),
            ("name", string(&results.run)),
        ]),
    )];
    for (row, result) in results.strategies.iter().enumerate() {
        let name = slug(row, &result.title);
        for seed in &result.seeds {
            let stage = stage(state, Some(row), seed.seed);
            let id = identity(&format!("{}/{name}/{}", results.run, seed.seed));
            let folder = folder.join(&id);
            let artifacts = run.folder.join(&folder).join("artifacts");
            let started = stage.map_or(state.started_at, |stage| stage.started_at);
            let ended = stage
                .and_then(|stage| stage.seconds)
                .map_or(state.latest_at, |seconds| {
                    started + (seconds * 1000.0) as u64
                });
            let run_name = format!("{}, seed {}", result.title, seed.seed);
            files.push(text(
                folder.join("meta.yaml"),
                yaml(&[
                    ("artifact_uri", string(&artifacts.to_string_lossy())),
                    ("end_time", ended.to_string()),
                    ("entry_point_name", string("")),
                    ("experiment_id", string(&experiment)),
                    ("lifecycle_stage", string("active")),
                    ("run_id", string(&id)),
                    ("run_name", string(&run_name)),
                    ("run_uuid", string(&id)),
                    ("source_name", string("topwork")),
                    ("source_type", "4".to_owned()),
                    ("source_version", string("")),
                    ("start_time", started.to_string()),
                    // FINISHED
                    ("status", "3".to_owned()),
                    ("tags", "[]".to_owned()),
                    ("user_id", string("")),
                ]),
            ));
            // MLflow takes a folder for a run only where there are artifacts. Every key of a row is text, so that JSON
            // can hold it.
            let row = serde_json::to_string_pretty(result).unwrap_or_default();
            files.push(text(folder.join("artifacts/row.json"), row + "\n"));
            let mut metrics: Vec<(String, String)> = Vec::new();
            for (figure, value) in &seed.figures {
                metrics.push((figure.clone(), format!("{ended} {value} 0\n")));
            }
            for value in stage.map(epochs).unwrap_or_default() {
                let line = format!("{} {} {}\n", value.at, value.value, value.epoch);
                match metrics.iter_mut().find(|(name, _)| *name == value.name) {
                    Some((_, lines)) => lines.push_str(&line),
                    None => metrics.push((value.name, line)),
                }
            }
            files.extend(
                metrics
                    .into_iter()
                    .map(|(name, lines)| text(folder.join("metrics").join(name), lines)),
            );
            let samples = result
                .train_samples
                .map_or(String::new(), |samples| samples.to_string());
            let of_row = [
                ("row.strategy", result.name.clone()),
                ("row.kind", result.kind.clone()),
                ("row.cut", result.cut.clone()),
                ("row.head", result.head.clone()),
                ("row.train-samples", samples),
                ("row.seed", seed.seed.to_string()),
            ];
            for (name, value) in of_row {
                files.push(text(folder.join("params").join(name), shortened(&value)));
            }
            for (name, value) in run.settings {
                // Names are paths within the store.
                if let Some(path) = parameter(name) {
                    files.push(text(folder.join("params").join(path), shortened(value)));
                }
            }
            for (name, value) in [
                ("mlflow.runName", run_name.as_str()),
                ("mlflow.source.name", "topwork"),
                ("topwork.run", results.run.as_str()),
                ("topwork.status", results.status.as_str()),
                ("topwork.test-set", result.test_set.as_deref().unwrap_or("")),
            ] {
                files.push(text(folder.join("tags").join(name), value.to_owned()));
            }
        }
    }
    files
}

/// A setting's name where MLflow takes it: letters, digits, and some marks, and no way out of the folder.
fn parameter(name: &str) -> Option<PathBuf> {
    let plain = |c: char| c.is_alphanumeric() || "_-. ".contains(c);
    let fits = !name.is_empty() && name.chars().all(plain) && !name.starts_with('.');
    fits.then(|| Path::new(name).to_owned())
}

fn shortened(value: &str) -> String {
    match value.chars().count() > LONGEST {
        true => value.chars().take(LONGEST - 1).chain(['…']).collect(),
        false => value.to_owned(),
    }
}

fn text(path: PathBuf, content: String) -> File {
    File {
        path,
        content: content.into_bytes(),
    }
}

/// Lines of `key: value`.
fn yaml(entries: &[(&str, String)]) -> String {
    entries
        .iter()
        .map(|(key, value)| format!("{key}: {value}\n"))
        .collect()
}

/// Text in double quotes as YAML reads it: what JSON would escape, escaped in the same way.
fn string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// 32 hexadecimal digits, as MLflow's runs have them.
fn identity(text: &str) -> String {
    hexadecimal(&Sha256::digest(text))
        .chars()
        .take(32)
        .collect()
}

/// 18 decimal digits, as MLflow's experiments have them.
fn number(text: &str) -> String {
    let digest = Sha256::digest(text);
    let first = digest
        .iter()
        .take(8)
        .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!(
        "{}",
        100_000_000_000_000_000 + first % 900_000_000_000_000_000
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_yaml() {
        let check = |text: &str, expected: &str| assert_eq!(string(text), expected);
        check("plain: text", "\"plain: text\"");
        check("a \"b\" \\ c", "\"a \\\"b\\\" \\\\ c\"");
        check("two\nlines", "\"two\\u000alines\"");
    }

    #[test]
    fn names_stay_within_the_store() {
        let check =
            |name: &str, there: bool| assert_eq!(parameter(name).is_some(), there, "{name}");
        check("target.dataset.use", true);
        check("source.train.batch-size", true);
        check("../../etc", false);
        check(".hidden", false);
        check("a/b", false);
        check("", false);
    }

    #[test]
    fn identities_are_as_long_as_those_of_mlflow() {
        let (run, experiment) = (identity("0001-a/01-row/1"), number("0001-a"));
        assert_eq!((run.len(), experiment.len()), (32, 18));
        assert_eq!(run, identity("0001-a/01-row/1"));
        assert_ne!(number("0002-a"), experiment);
    }
}
