//! Plugins written in Python: a file becomes a plugin of the ABI whose components are the file's classes, so that the host calls and
//! checks them as it does all others.
//!
//! [`open`] starts Python, which imports the file and says what it offers, or reads what it said the last time. The first instance starts
//! one process for the file, in which all its instances live; calls take turns. Python ends with the process that has started it.
//!
//! This crate must not know the host: it sees the sdk, as any plugin does.

mod backbone;
mod classifier;
mod cut_rule;
mod dataset;
mod instance;
mod interpreter;
mod offered;
mod process;

use interpreter::Interpreter;
use offered::{Offered, OfferedComponent, OfferedKind};
use process::Process;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use topwork_sdk::{
    Error, ExportedComponent, Plugin, classifier, cut_rule, dataset_with_provenance, extractor,
    saved_classifier,
};

/// What a component is made for: the file's process, and what the class said.
pub(crate) struct Class {
    pub(crate) process: Arc<Process>,
    pub(crate) offered: OfferedComponent,
    /// The parameters' schema as text.
    pub(crate) schema: String,
    /// The digest and the words of [`Offered`].
    pub(crate) digest: String,
    pub(crate) runtime: String,
}

/// A plugin file that was opened.
pub struct OpenedFile {
    /// Its tables.
    pub plugin: &'static Plugin,
    /// The SHA-256 of its files, the version of Python and those of the packages that it imports.
    pub digest: String,
}

/// Opens a plugin file. Its id is `id`; what Python says of it is kept below `cache`, unless that is empty; its libraries may keep as many
/// threads busy.
///
/// # Errors
/// When there is no Python, the file cannot be imported, or it does not offer what a plugin should: one sentence for people.
pub fn open(path: &Path, id: &str, cache: &Path, threads: usize) -> Result<OpenedFile, String> {
    let text = std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let interpreter = Interpreter::of(&path, &String::from_utf8_lossy(&text), cache)?;
    let process = Arc::new(Process::new(path.clone(), interpreter.clone(), threads));
    let offered =
        Offered::of(&path, &interpreter, &process, cache).map_err(|error| sentence(&error))?;
    let digest = offered.digest();
    process.known_as(digest.clone());
    let components = offered.components.iter().map(|component| {
        declared(Class {
            process: Arc::clone(&process),
            offered: component.clone(),
            schema: Value::Object(component.schema.clone()).to_string(),
            digest: digest.clone(),
            runtime: offered.runtime(),
        })
    });
    let plugin = Plugin::leaked(
        id.to_owned(),
        offered.version.clone(),
        offered.licence.clone(),
        components.collect(),
    );
    Ok(OpenedFile { plugin, digest })
}

fn declared(class: Class) -> ExportedComponent {
    let OfferedComponent {
        kind,
        id,
        about,
        bytes,
        saves,
        numbers,
        ..
    } = class.offered.clone();
    let component = match (kind, numbers) {
        (OfferedKind::Backbone, _) => extractor::<backbone::Backbone>(),
        (OfferedKind::Dataset, false) => dataset_of::<false>(bytes),
        (OfferedKind::Dataset, true) => dataset_of::<true>(bytes),
        (OfferedKind::Classifier, false) => classifier_of::<false>(saves),
        (OfferedKind::Classifier, true) => classifier_of::<true>(saves),
        (OfferedKind::Cut, _) => cut_rule::<cut_rule::CutRule>(),
    };
    let schema = class.schema.clone();
    component.declared(id, about, schema, class)
}

fn dataset_of<const NUMBERS: bool>(bytes: bool) -> ExportedComponent {
    match bytes {
        true => dataset_with_provenance::<dataset::Dataset<u8, NUMBERS>>(),
        false => dataset_with_provenance::<dataset::Dataset<f32, NUMBERS>>(),
    }
}

fn classifier_of<const NUMBERS: bool>(saves: bool) -> ExportedComponent {
    match saves {
        true => saved_classifier::<classifier::Classifier<NUMBERS>>(),
        false => classifier::<classifier::Classifier<NUMBERS>>(),
    }
}

fn sentence(error: &Error) -> String {
    match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    }
}
