//! Parameters as their schema declares them: what is left out gets its default, and a number outside its bounds is refused.
//! So a default or a bound is said once.

use crate::Error;
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};

/// Reads parameters that were written for a component with this schema: fills in the defaults of the keys left out, and checks
/// `minimum`, `maximum`, `exclusiveMinimum` and `exclusiveMaximum` of those that are numbers. Values within lists and tables
/// are the component's to check. Every [`Component`](crate::Component) is made of parameters that were read like this.
///
/// ```
/// # use serde::Deserialize;
/// # use serde_json::{Map, json};
/// #[derive(Debug, Deserialize)]
/// #[serde(deny_unknown_fields)]
/// struct Parameters {
///     bins: usize,
/// }
///
/// const SCHEMA: &str = r#"{"type": "object", "additionalProperties": false, "properties": {
///     "bins": {"type": "integer", "minimum": 1, "maximum": 64, "default": 9, "description": "bins of the histogram"}}}"#;
///
/// let parameters: Parameters = topwork_sdk::parameters(SCHEMA, Map::new()).unwrap();
/// assert_eq!(parameters.bins, 9);
/// let written = Map::from_iter([("bins".to_owned(), json!(65))]);
/// let error = topwork_sdk::parameters::<Parameters>(SCHEMA, written).unwrap_err();
/// assert_eq!(error.to_string(), "`bins` is 65, expected 1 to 64");
/// ```
///
/// # Errors
/// When the written parameters are not those of `P`, or outside their bounds.
pub fn parameters<P: DeserializeOwned>(
    schema: &str,
    mut written: Map<String, Value>,
) -> Result<P, Error> {
    // What is wrong with a schema itself the host tells.
    let schema: Value = serde_json::from_str(schema).unwrap_or_default();
    let declared = schema.get("properties").and_then(Value::as_object);
    for (key, of) in declared.into_iter().flatten() {
        if let (None, Some(default)) = (written.get(key), of.get("default")) {
            written.insert(key.clone(), default.clone());
        }
    }
    let parameters = serde_json::from_value(Value::Object(written.clone()))
        .map_err(|error| Error::parameters(without_place(&error)))?;
    for (key, of) in declared.into_iter().flatten() {
        if let Some(Value::Number(number)) = written.get(key)
            && let Some(expected) = broken(of, number)
        {
            let number = plain(number);
            return Err(Error::parameters(format!(
                "`{key}` is {number}, expected {expected}"
            )));
        }
    }
    Ok(parameters)
}

/// What is expected in place of a number that is outside the bounds of its property.
fn broken(of: &Value, number: &Number) -> Option<String> {
    let bound = |key: &str| of.get(key).and_then(Value::as_number);
    let (from, to) = (bound("minimum"), bound("maximum"));
    let (above, below) = (bound("exclusiveMinimum"), bound("exclusiveMaximum"));
    let value = number.as_f64()?;
    let holds = |bound: Option<&Number>, rule: fn(f64, f64) -> bool| {
        let bound = bound.and_then(Number::as_f64);
        bound.is_none_or(|bound| rule(value, bound))
    };
    let within = holds(from, |value, from| value >= from)
        && holds(to, |value, to| value <= to)
        && holds(above, |value, above| value > above)
        && holds(below, |value, below| value < below);
    if within {
        return None;
    }
    let [from, to, above, below] = [from, to, above, below].map(|bound| bound.map(plain));
    // A property that may be a list as well has whole numbers where it says so.
    let whole = !of["type"].to_string().contains("\"number\"");
    let mut words = match (from, above) {
        (Some(from), _) if whole && to.is_some() => from,
        (Some(from), _) if whole => format!("at least {from}"),
        (Some(from), _) => format!("a number from {from}"),
        (None, Some(above)) => format!("a number above {above}"),
        (None, None) => "a number".to_owned(),
    };
    let joined = if bound("minimum").is_some() {
        "to"
    } else {
        "and"
    };
    match (to, below) {
        (Some(to), _) if joined == "to" => words += &format!(" to {to}"),
        (Some(to), _) => words += &format!(" and at most {to}"),
        (None, Some(below)) => words += &format!(" {joined} below {below}"),
        (None, None) => {}
    }
    Some(words)
}

/// As people write it: 1 and not 1.0, 1e9 and not 1000000000.0.
fn plain(number: &Number) -> String {
    match number.as_f64().filter(|_| number.is_f64()) {
        Some(value) if value.abs() >= 1e6 => format!("{value:e}"),
        Some(value) => value.to_string(),
        None => number.to_string(),
    }
}

/// The message of a JSON error without "at line 1 column 7": the text is one that the host put together, which no user sees.
pub(crate) fn without_place(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rfind(" at line ") {
        Some(end) => message[..end].to_owned(),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bounds_are_told_in_words() {
        let cases = [
            (
                json!({"type": "integer", "minimum": 1, "maximum": 9}),
                json!(10),
                "1 to 9",
            ),
            (
                json!({"type": "integer", "minimum": 1}),
                json!(0),
                "at least 1",
            ),
            (
                json!({"type": ["integer", "array"], "minimum": 1, "maximum": 9}),
                json!(0),
                "1 to 9",
            ),
            (
                json!({"type": "number", "minimum": 0}),
                json!(-0.5),
                "a number from 0",
            ),
            (
                json!({"type": "number", "minimum": 0, "maximum": 1.5}),
                json!(2),
                "a number from 0 to 1.5",
            ),
            (
                json!({"type": "number", "minimum": 0, "exclusiveMaximum": 1}),
                json!(1),
                "a number from 0 to below 1",
            ),
            (
                json!({"type": "number", "exclusiveMinimum": 0}),
                json!(0.0),
                "a number above 0",
            ),
            (
                json!({"type": "number", "exclusiveMinimum": 0, "maximum": 1e9}),
                json!(0),
                "a number above 0 and at most 1e9",
            ),
            (
                json!({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}),
                json!(1),
                "a number above 0 and below 1",
            ),
        ];
        for (of, value, expected) in cases {
            let found = broken(&of, value.as_number().unwrap());
            assert_eq!(found.as_deref(), Some(expected), "{of}");
        }
    }
}
