//! The backbone that weights are for, and the same backbone with other parameters.

use std::path::Path;

use serde_json::{Map, Value};
use topwork_schema::Component;

use crate::{
    arguments::ImportArguments,
    experiment::{ask, request},
    failure::{Failure, RUN_FAILED},
    folders::Folders,
    settings::parameters,
};

/// A backbone as its plugin describes it.
pub struct Backbone {
    /// `plugin/component`.
    pub component: String,
    /// Its layers in JSON.
    pub blueprint: String,
    /// The JSON Schema of its parameters.
    schema: Value,
}

impl Backbone {
    /// The one of the command line.
    pub fn ask(arguments: &ImportArguments) -> Result<Self, Failure> {
        Self::with(arguments, parameters(&arguments.sets))
    }

    fn with(arguments: &ImportArguments, parameters: Map<String, Value>) -> Result<Self, Failure> {
        let folders = Folders::find(&arguments.plugin_dir);
        let mut request = request(&folders, Vec::new(), Path::new("."));
        request.blueprint = Some(Component {
            component: arguments.backbone.clone(),
            parameters,
        });
        let answer = ask(&request)?;
        let Some(found) = answer.blueprint? else {
            return Err(Failure::new(
                RUN_FAILED,
                "the look at the plugins gave no blueprint",
            ));
        };
        let named = |plugin: &str, id: &str| format!("{plugin}/{id}") == found.component;
        let schema = answer.plugins.iter().find_map(|plugin| {
            let mut own = plugin.components.iter();
            own.find(|own| named(&plugin.id, &own.id))
                .map(|own| own.schema.clone())
        });
        Ok(Self {
            component: found.component,
            blueprint: found.json,
            schema: schema.unwrap_or_default(),
        })
    }

    /// Another value of one parameter with which the layers fit, as `--set` takes it. Parameters with few
    /// values are tried: numbers from a short range, names, yes or no.
    pub fn other_setting(
        &self,
        arguments: &ImportArguments,
        fits: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let given = parameters(&arguments.sets);
        let properties = self.schema.get("properties")?.as_object()?;
        for (name, schema) in properties {
            let now = given.get(name).or_else(|| schema.get("default"));
            for value in few_values(schema)
                .into_iter()
                .filter(|value| Some(value) != now)
            {
                let mut parameters = given.clone();
                parameters.insert(name.clone(), value.clone());
                let other = Self::with(arguments, parameters);
                if other.is_ok_and(|other| fits(&other.blueprint)) {
                    let value = value.as_str().map_or(value.to_string(), str::to_owned);
                    return Some(format!("{name}={value}"));
                }
            }
        }
        None
    }
}

/// All values of a parameter, where its schema says that they are few.
fn few_values(schema: &Value) -> Vec<Value> {
    const MOST: i64 = 16;
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return values.iter().take(MOST as usize).cloned().collect();
    }
    let number = |key: &str| schema.get(key).and_then(Value::as_i64);
    match (
        schema.get("type").and_then(Value::as_str),
        number("minimum"),
        number("maximum"),
    ) {
        (Some("boolean"), ..) => vec![false.into(), true.into()],
        (Some("integer"), Some(least), Some(most)) if most.saturating_sub(least) < MOST => {
            (least..=most).map(Value::from).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_with_few_values_tell_them() {
        let check = |schema: Value, expected: Value| {
            assert_eq!(Value::from(few_values(&schema)), expected, "{schema}");
        };
        check(json!({"enum": [18, 34]}), json!([18, 34]));
        check(
            json!({"enum": ["imagenet", "small"]}),
            json!(["imagenet", "small"]),
        );
        check(json!({"type": "boolean"}), json!([false, true]));
        check(
            json!({"type": "integer", "minimum": 0, "maximum": 4}),
            json!([0, 1, 2, 3, 4]),
        );
        check(
            json!({"type": "integer", "minimum": 1, "maximum": 1024}),
            json!([]),
        );
        check(json!({"type": "integer", "minimum": 1}), json!([]));
        check(
            json!({"type": "number", "minimum": 0, "maximum": 1}),
            json!([]),
        );
    }
}
