//! Cases about what a component says of itself before it is created: its line for people and the schema of its parameters.

use super::{advise, case, expect};
use crate::subject::{Subject, Tried};
use crate::{Case, Outcome};
use serde_json::{Map, Value};
use topwork_host::Kind;

pub const CASES: &[Case] = &[
    case!(
        "component-about",
        &Kind::ALL,
        "the line about it is one short line, without a period at its end",
        about
    ),
    case!(
        "schema-valid",
        &Kind::ALL,
        "the parameters' schema is a JSON Schema of an object, complete in itself",
        valid
    ),
    case!(
        "schema-closed",
        &Kind::ALL,
        "the schema refuses parameters that it does not name",
        closed
    ),
    case!(
        "schema-described",
        &Kind::ALL,
        "every parameter has a description and a type",
        described
    ),
    case!(
        "schema-defaults",
        &Kind::ALL,
        "every default fits what is said of its parameter",
        defaults
    ),
];

fn about(subject: &Subject) -> Tried<Outcome> {
    let about = &subject.component()?.about;
    advise(!about.trim().is_empty(), || "there is none".to_owned())?;
    advise(about.chars().count() <= 100, || {
        format!("{} characters, expected at most 100", about.chars().count())
    })?;
    advise(!about.ends_with('.'), || {
        format!("`{about}` ends with a period")
    })?;
    Ok(Outcome::Ok)
}

/// A validator of the schema; what it refers to elsewhere is not fetched, and an error.
pub fn validator(schema: &Value) -> Tried<jsonschema::Validator> {
    jsonschema::meta::validate(schema)
        .map_err(|error| Outcome::Failed(format!("is no JSON Schema: {error}")))?;
    jsonschema::validator_for(schema)
        .map_err(|error| Outcome::Failed(format!("cannot be used as a JSON Schema: {error}")))
}

fn valid(subject: &Subject) -> Tried<Outcome> {
    let schema = &subject.component()?.schema;
    validator(schema)?;
    let of = schema.get("type").and_then(Value::as_str);
    expect(of == Some("object"), || {
        format!("the schema's `type` is {of:?}, expected \"object\"")
    })?;
    Ok(Outcome::Ok)
}

fn closed(subject: &Subject) -> Tried<Outcome> {
    let closed =
        subject.component()?.schema.get("additionalProperties") == Some(&Value::Bool(false));
    advise(closed, || {
        "without `\"additionalProperties\": false` a slip of the keyboard is not noticed".to_owned()
    })?;
    Ok(Outcome::Ok)
}

/// The parameters of a schema.
pub fn properties(schema: &Value) -> Map<String, Value> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.cloned().unwrap_or_default()
}

fn described(subject: &Subject) -> Tried<Outcome> {
    for (name, property) in properties(&subject.component()?.schema) {
        let text = property.get("description").and_then(Value::as_str);
        advise(text.is_some_and(|text| !text.trim().is_empty()), || {
            format!("`{name}` has no description")
        })?;
        let typed = ["type", "enum", "const", "oneOf", "anyOf"]
            .iter()
            .any(|key| property.get(key).is_some());
        advise(typed, || format!("`{name}` has no type"))?;
    }
    Ok(Outcome::Ok)
}

fn defaults(subject: &Subject) -> Tried<Outcome> {
    for (name, property) in properties(&subject.component()?.schema) {
        if let Some(default) = property.get("default") {
            let problem = validator(&property)?.validate(default).err();
            let problem = problem.map(|problem| problem.to_string());
            expect(problem.is_none(), || {
                format!(
                    "the default of `{name}` does not fit: {}",
                    problem.unwrap_or_default()
                )
            })?;
        }
    }
    Ok(Outcome::Ok)
}
