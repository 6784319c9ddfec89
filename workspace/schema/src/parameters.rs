//! Parameters of components: checked against the plugin's JSON Schema, completed with its
//! defaults, paths made absolute.

use std::ops::Range;
use std::path::Path;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::LocationSegment;
use jsonschema::{ValidationError, Validator};
use serde_json::{Map, Value, json};

use crate::catalog::{ComponentEntry, UseKind};
use crate::diagnostics::{Category, Diagnostic, Diagnostics};
use crate::keys::{self, Key, Table};
use crate::paths;
use crate::tree::{Entry, Node, quoted};
use crate::written::WrittenUse;
use topwork_nearest::{listed, nearest};

/// The parameters as the component gets them: top-level defaults of its schema filled in, and
/// every string the schema gives `"format": "path"` made absolute, relative ones taken from
/// `folder`, `~/` and variables replaced. An empty string stays empty.
///
/// Whoever creates a component named by an experiment file calls this first.
pub fn resolve_parameters(
    schema: &Value,
    parameters: &Map<String, Value>,
    folder: &Path,
) -> Map<String, Value> {
    let mut resolved = parameters.clone();
    for (name, property) in properties(schema) {
        match property.get("default") {
            Some(default) if !resolved.contains_key(name) && fits_toml(default) => {
                resolved.insert(name.clone(), default.clone());
            }
            _ => {}
        }
    }
    for (name, value) in &mut resolved {
        if let Some(property) = schema.get("properties").and_then(|all| all.get(name)) {
            each_path(property, value, &|path| {
                *path = paths::resolve(path, folder).to_string_lossy().into_owned();
            });
        }
    }
    resolved
}

/// The parameters with the last names of files and folders in place of the paths to them, as they may be told to others: where
/// they lie on a machine is nobody's business there.
pub fn without_paths(schema: &Value, parameters: &Map<String, Value>) -> Map<String, Value> {
    let mut told = Value::Object(parameters.clone());
    each_path(schema, &mut told, &|path| {
        let last = Path::new(path.as_str()).file_name();
        *path = last.map_or(String::new(), |last| last.to_string_lossy().into_owned());
    });
    match told {
        Value::Object(told) => told,
        _ => Map::new(),
    }
}

/// Whether parameters that stand in no file are what a component's schema asks for; else what is wrong
/// with the first that is not.
pub fn check_parameters(schema: &Value, parameters: &Map<String, Value>) -> Result<(), String> {
    let validator = jsonschema::validator_for(schema)
        .map_err(|error| format!("its schema is not a JSON Schema: {error}"))?;
    let parameters = Value::Object(parameters.clone());
    validator.validate(&parameters).map_err(|error| {
        let path = error.instance_path().to_string();
        let problem = match expected(error.kind()) {
            Some(expected) => format!("expected {expected}, found {}", json_text(error.instance())),
            None => error.to_string(),
        };
        match path.trim_start_matches('/') {
            "" => problem,
            name => format!("`{name}`: {problem}"),
        }
    })
}

/// Changes every string that the schema says is a path, but for empty ones.
fn each_path(schema: &Value, value: &mut Value, change: &impl Fn(&mut String)) {
    match value {
        Value::String(path) if schema.get("format") == Some(&json!("path")) && !path.is_empty() => {
            change(path);
        }
        Value::Array(items) => {
            let of = schema.get("items").unwrap_or(&Value::Null);
            items
                .iter_mut()
                .for_each(|item| each_path(of, item, change));
        }
        Value::Object(entries) => {
            for (name, value) in entries {
                let property = schema.get("properties").and_then(|all| all.get(name));
                each_path(property.unwrap_or(&Value::Null), value, change);
            }
        }
        _ => {}
    }
}

/// Whether a default can be written into an experiment file: TOML has no null and no integers
/// beyond 64 bits.
fn fits_toml(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Number(number) => number.is_i64() || number.is_f64(),
        Value::Array(items) => items.iter().all(fits_toml),
        Value::Object(entries) => entries.values().all(fits_toml),
        Value::Bool(_) | Value::String(_) => true,
    }
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
}

/// Whether the parameters of `named` are what the schema of `entry` asks for; what is wrong goes
/// to `diagnostics`.
pub(crate) fn check(
    entry: &ComponentEntry,
    named: &WrittenUse,
    folder: &Path,
    diagnostics: &mut Diagnostics,
) -> bool {
    let own = own_keys(named.kind);
    let validator = validator(entry, own).and_then(|validator| match false_default(entry) {
        Some(problem) => Err(problem),
        None => Ok(validator),
    });
    let validator = match validator {
        Ok(validator) => validator,
        Err(problem) => {
            let message = format!(
                "`{}`: the plugin `{}` is wrong: {problem}",
                named.path, entry.plugin
            );
            let span = Some(named.component.span.clone());
            diagnostics.push(Diagnostic::new(message, span).category(Category::Plugin));
            return false;
        }
    };
    let unknown = unknown_keys(entry, named);
    let mut fine = unknown.is_empty();
    for diagnostic in unknown {
        diagnostics.push(diagnostic);
    }
    let parameters = Value::Object(named.parameters.clone());
    for error in validator.iter_errors(&parameters) {
        fine = false;
        let place = Place::find(&error, named);
        diagnostics.push(explain(&error, &place, entry));
    }
    for (name, property) in properties(&entry.schema) {
        if let Some(node) = named.node.get(name) {
            let path = format!("{}.{name}", named.path);
            fine &= paths_can_be_resolved(property, node, &path, folder, diagnostics);
        }
    }
    fine
}

fn paths_can_be_resolved(
    schema: &Value,
    node: &Node,
    path: &str,
    folder: &Path,
    diagnostics: &mut Diagnostics,
) -> bool {
    let mut fine = true;
    if let (Some(written), Some("path")) =
        (node.text(), schema.get("format").and_then(Value::as_str))
        && let Some(problem) = paths::problem(written, folder)
    {
        fine = false;
        let message = format!("`{path}`: {problem}");
        diagnostics.push(Diagnostic::new(message, Some(node.span.clone())));
    }
    for (index, item) in node.items().iter().enumerate() {
        let path = format!("{path}[{index}]");
        let of = schema.get("items").unwrap_or(&Value::Null);
        fine &= paths_can_be_resolved(of, item, &path, folder, diagnostics);
    }
    for Entry { key, node, .. } in node.entries() {
        let path = format!("{path}.{key}");
        let of = schema.get("properties").and_then(|all| all.get(key));
        let of = of.unwrap_or(&Value::Null);
        fine &= paths_can_be_resolved(of, node, &path, folder, diagnostics);
    }
    fine
}

/// A default that its own parameter does not allow: it would be the user's to answer for.
fn false_default(entry: &ComponentEntry) -> Option<String> {
    properties(&entry.schema).find_map(|(name, property)| {
        let default = property.get("default").filter(|value| fits_toml(value))?;
        // A part of a schema that does not stand alone is only checked as part of the whole.
        let allowed = jsonschema::validator_for(property).ok()?.is_valid(default);
        (!allowed).then(|| {
            format!(
                "`{}` gives the parameter `{name}` the default {default}, which its schema forbids",
                entry.id
            )
        })
    })
}

/// The key of `[backbone]` that may be a parameter, too.
const SHAPE: &str = "input";

/// The keys of the file that stand beside a component's parameters.
fn own_keys(kind: UseKind) -> &'static Table {
    match kind {
        UseKind::Backbone => &keys::BACKBONE,
        UseKind::Cut => &keys::CUT,
        UseKind::Dataset => &keys::DATASET,
        UseKind::Head => &keys::HEAD,
    }
}

fn validator(entry: &ComponentEntry, own: &Table) -> Result<Validator, String> {
    let mut schema = entry.schema.clone();
    // Backbones that are built for any shape called their parameter for it so before the file had a key of that name, which
    // has room for both.
    let is_reserved = |key: &&Key| !(key.name == SHAPE && own.title == keys::BACKBONE.title);
    let mut taken = properties(&entry.schema).filter_map(|(name, _)| own.key(name));
    if let Some(taken) = taken.find(is_reserved) {
        return Err(format!(
            "it gives `{}` a parameter with the reserved name `{}`",
            entry.id, taken.name
        ));
    }
    if is_closed(&schema)
        && let Value::Object(schema) = &mut schema
    {
        // `unknown_keys` says it better.
        schema.insert("additionalProperties".to_owned(), Value::Bool(true));
    }
    jsonschema::validator_for(&schema)
        .map_err(|error| format!("the schema of `{}` is not a JSON Schema: {error}", entry.id))
}

/// Whether a component takes no parameters but those its schema lists. A schema made of parts may
/// name them anywhere, so it must say itself which others it takes; for a plain one an unknown key
/// is a slip unless it says otherwise.
fn is_closed(schema: &Value) -> bool {
    let parts = [
        "$ref",
        "allOf",
        "anyOf",
        "oneOf",
        "if",
        "patternProperties",
        "unevaluatedProperties",
    ];
    let plain = !parts.iter().any(|part| schema.get(part).is_some());
    plain
        && matches!(
            schema.get("additionalProperties"),
            None | Some(Value::Bool(false))
        )
}

fn unknown_keys(entry: &ComponentEntry, named: &WrittenUse) -> Vec<Diagnostic> {
    if !is_closed(&entry.schema) {
        return Vec::new();
    }
    let own = own_keys(named.kind).keys.iter().map(|key| key.name);
    let parameters = properties(&entry.schema).map(|(name, _)| name.as_str());
    let legal: Vec<&str> = own.chain(parameters).collect();
    let written = named.node.entries().iter();
    let unknown = written.filter(|entry| !legal.contains(&entry.key.as_str()));
    let explained = unknown.map(|Entry { key, key_span, .. }| {
        let message = format!(
            "unknown key `{}.{key}`: `{}` has no such parameter",
            named.path, entry.id
        );
        let hint = match nearest(key, legal.iter().copied()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("the keys here are {}", listed(legal.iter().copied())),
        };
        Diagnostic::new(message, Some(key_span.clone()))
            .label("unknown key")
            .hint(hint)
    });
    explained.collect()
}

/// Where in the file a part of the parameters stands.
struct Place<'a> {
    path: String,
    node: &'a Node,
    span: Range<usize>,
}

impl<'a> Place<'a> {
    fn find(error: &ValidationError<'_>, named: &'a WrittenUse) -> Place<'a> {
        let mut place = Place {
            path: named.path.clone(),
            node: &named.node,
            span: named.component.span.clone(),
        };
        for segment in error.instance_path() {
            let (path, node) = match &segment {
                LocationSegment::Property(key) => {
                    (format!("{}.{key}", place.path), place.node.get(key))
                }
                LocationSegment::Index(index) => (
                    format!("{}[{index}]", place.path),
                    place.node.items().get(*index),
                ),
            };
            let Some(node) = node else {
                break;
            };
            place = Place {
                path,
                node,
                span: node.span.clone(),
            };
        }
        place
    }
}

fn explain(error: &ValidationError<'_>, place: &Place<'_>, entry: &ComponentEntry) -> Diagnostic {
    let Place { path, node, span } = place;
    let span = Some(span.clone());
    let about = about(error, entry);
    if let ValidationErrorKind::Required { property } = error.kind() {
        let name = property.as_str().unwrap_or_default();
        let message = format!(
            "missing key `{name}` in `{path}`: `{}` needs this parameter",
            entry.id
        );
        return Diagnostic::new(message, span).hint(about);
    }
    let (message, label) = match expected(error.kind()) {
        Some(expected) => (
            format!("`{path}`: expected {expected}, found {}", node.found()),
            format!("expected {expected}"),
        ),
        None => (
            format!("`{path}`: {error}"),
            format!("not accepted by `{}`", entry.id),
        ),
    };
    let mut hint = about;
    if let ValidationErrorKind::Enum { options } = error.kind()
        && let (Some(text), Some(options)) = (node.text(), options.as_array())
        && let Some(word) = nearest(text, options.iter().filter_map(Value::as_str))
    {
        hint = Some(format!("did you mean {word:?}?"));
    }
    Diagnostic::new(message, span).label(label).hint(hint)
}

/// What the schema says about the parameter that is wrong.
fn about(error: &ValidationError<'_>, entry: &ComponentEntry) -> Option<String> {
    let mut schema = &entry.schema;
    let mut name = String::new();
    for segment in error.instance_path() {
        if let LocationSegment::Property(key) = &segment {
            schema = schema.get("properties")?.get(key.as_ref())?;
            name = key.to_string();
        } else {
            break;
        }
    }
    if let ValidationErrorKind::Required { property } = error.kind() {
        name = property.as_str()?.to_owned();
        schema = schema.get("properties")?.get(&name)?;
    }
    let description = schema.get("description")?.as_str()?;
    (!name.is_empty()).then(|| format!("`{name}`: {description}"))
}

/// What the schema expects, in words, where it can be said better than by the schema itself.
fn expected(kind: &ValidationErrorKind) -> Option<String> {
    Some(match kind {
        ValidationErrorKind::Type {
            kind: TypeKind::Single(one),
        } => type_name(&one.to_string()),
        ValidationErrorKind::Type {
            kind: TypeKind::Multiple(many),
        } => {
            let names: Vec<String> = many.iter().map(|one| type_name(&one.to_string())).collect();
            names.join(" or ")
        }
        ValidationErrorKind::Minimum { limit } => format!("at least {limit}"),
        ValidationErrorKind::Maximum { limit } => format!("at most {limit}"),
        ValidationErrorKind::ExclusiveMinimum { limit } => format!("a number above {limit}"),
        ValidationErrorKind::ExclusiveMaximum { limit } => format!("a number below {limit}"),
        ValidationErrorKind::MinItems { limit } => format!("a list of at least {limit} items"),
        ValidationErrorKind::MaxItems { limit } => format!("a list of at most {limit} items"),
        ValidationErrorKind::MinLength { limit } => {
            format!("a string of at least {limit} characters")
        }
        ValidationErrorKind::MaxLength { limit } => {
            format!("a string of at most {limit} characters")
        }
        ValidationErrorKind::Constant { expected_value } => expected_value.to_string(),
        ValidationErrorKind::UniqueItems => "a list without repetitions".to_owned(),
        ValidationErrorKind::Enum { options } => {
            let options: Vec<String> = options.as_array()?.iter().map(json_text).collect();
            format!("one of {}", options.join(", "))
        }
        _ => return None,
    })
}

fn json_text(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        other => other.to_string(),
    }
}

/// The name of a JSON type as this crate's other messages have it.
fn type_name(json: &str) -> String {
    match json {
        "array" => "a list".to_owned(),
        "object" => "a table".to_owned(),
        "integer" => "an integer".to_owned(),
        "boolean" => "true or false".to_owned(),
        other => format!("a {other}"),
    }
}
