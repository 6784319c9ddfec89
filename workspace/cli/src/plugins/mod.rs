//! `topwork plugins`: what is installed, new projects, and whether a plugin keeps the contract.

mod check;
mod new;

pub use check::{answer as answer_check, check};
pub use new::new;

use std::path::{Path, PathBuf};

use serde_json::Value;
use topwork_pages::Align;
use topwork_worker::ProbeAnswer;

use crate::{
    experiment::{ask, listed, request},
    failure::{Failure, WRONG_PLUGIN, WRONG_USE, warn},
    folders::{Folders, prefix},
    hints::quoted,
    output::{self, print},
};

/// Lists the components of all plugins; libraries that cannot be used go to stderr.
pub fn list(plugin_dir: &[PathBuf]) -> Result<u8, Failure> {
    let folders = Folders::find(plugin_dir);
    let answer = ask(&request(&folders, Vec::new(), Path::new(".")))?;
    let mut rows: Vec<Vec<String>> = Vec::new();
    for plugin in &answer.plugins {
        for component in &plugin.components {
            rows.push(vec![
                component.kind.words().to_owned(),
                component.id.clone(),
                format!("{} {}", plugin.id, plugin.version),
                component.about.clone(),
            ]);
        }
    }
    rows.sort();
    let columns = [
        ("kind", Align::Left),
        ("id", Align::Left),
        ("plugin", Align::Left),
        ("about", Align::Left),
    ];
    print(&output::table(&columns, rows))?;
    tell_skipped(&answer);
    Ok(0)
}

/// Refuses to go on where there is no plugin at all: without one there is no backbone, head or dataset.
pub fn are_there(answer: &ProbeAnswer, searched: &[PathBuf]) -> Result<(), Failure> {
    if !answer.plugins.is_empty() {
        return Ok(());
    }
    tell_skipped(answer);
    let binary = std::env::current_exe().ok();
    let installed = binary.as_deref().and_then(prefix);
    let prefix = installed.map_or(String::new(), |prefix| {
        format!(" --prefix {}", quoted(&prefix.to_string_lossy()))
    });
    Err(
        Failure::new(WRONG_PLUGIN, "there is no plugin that can be used").hint(format!(
            "`just install{prefix}` in a checkout of topwork installs the program with its plugins; searched {}",
            listed(searched)
        )),
    )
}

/// What of the libraries found is not used, and why.
fn tell_skipped(answer: &ProbeAnswer) {
    for plugin in &answer.plugins {
        for note in &plugin.notes {
            warn(&format!("plugin `{}`: {note}", plugin.id));
        }
    }
    for skipped in answer
        .catalogs
        .iter()
        .take(1)
        .flat_map(|catalog| &catalog.skipped)
    {
        warn(&format!("skipped `{}`: {}", skipped.path, skipped.reason));
    }
}

/// Shows one component with its parameters, or one plugin.
pub fn show(plugin_dir: &[PathBuf], id: &str) -> Result<u8, Failure> {
    let folders = Folders::find(plugin_dir);
    let answer = ask(&request(&folders, Vec::new(), Path::new(".")))?;
    let mut text = String::new();
    let mut known = Vec::new();
    for plugin in &answer.plugins {
        for component in &plugin.components {
            let full = format!("{}/{}", plugin.id, component.id);
            if [full.as_str(), component.id.as_str(), plugin.id.as_str()].contains(&id) {
                text.push_str(&format!(
                    "{full}: {}, {}\n",
                    component.kind.words(),
                    component.about
                ));
                text.push_str(&parameters(&component.schema));
                text.push_str(&format!(
                    "plugin {} {}, {}\n{}\nto have an experiment refuse any other file, add:\n\
                     [plugins.{}]\nsha256 = \"{}\"\n\n",
                    plugin.id,
                    plugin.version,
                    plugin.licence,
                    plugin.path.display(),
                    plugin.id,
                    plugin.sha256
                ));
            }
            known.push(component.id.clone());
        }
    }
    if text.is_empty() {
        known.sort();
        known.dedup();
        tell_skipped(&answer);
        return Err(
            Failure::new(WRONG_USE, format!("no plugin offers `{id}`")).hint(format!(
                "there are {}",
                known
                    .iter()
                    .map(|id| format!("`{id}`"))
                    .collect::<Vec<_>>()
                    .join(", ")
            )),
        );
    }
    print(text.trim_end())?;
    print("\n")?;
    Ok(0)
}

/// What a value may be, in one line.
fn kind(schema: &Value) -> String {
    let choices = |key: &str, word: fn(&Value) -> String| {
        let choices = schema.get(key)?.as_array()?;
        Some(choices.iter().map(word).collect::<Vec<_>>().join(" | "))
    };
    let any = || choices("enum", Value::to_string).or_else(|| choices("anyOf", kind));
    let constant = || schema.get("const").map(Value::to_string);
    let named = || schema.get("type").and_then(Value::as_str);
    any()
        .or_else(constant)
        .unwrap_or_else(|| named().unwrap_or_default().to_owned())
}

/// The parameters of a component, out of their JSON Schema.
fn parameters(schema: &Value) -> String {
    let Some(properties) = schema
        .get("properties")
        .and_then(Value::as_object)
        .filter(|all| !all.is_empty())
    else {
        return "no parameters\n".to_owned();
    };
    let rows = properties.iter().map(|(name, property)| {
        let text = |key: &str| {
            property
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let default = property
            .get("default")
            .map_or(String::new(), Value::to_string);
        vec![name.clone(), kind(property), default, text("description")]
    });
    let columns = [
        ("parameter", Align::Left),
        ("type", Align::Left),
        ("default", Align::Left),
        ("meaning", Align::Left),
    ];
    output::table(&columns, rows)
}
