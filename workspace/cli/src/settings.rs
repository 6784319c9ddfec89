//! Settings as text: a resolved experiment, one by one, and parameters on the command line.

use serde_json::{Map, Value};

/// Parameters as `--set NAME=VALUE` gives them: values as an experiment file has them, or as JSON; what is neither is a text.
pub fn parameters(sets: &[(String, String)]) -> Map<String, Value> {
    let value = |written: &str| -> Value {
        let table = toml::from_str::<Map<String, Value>>(&format!("value = {written}")).ok();
        let value = table.and_then(|mut table| table.remove("value"));
        value
            .or_else(|| serde_json::from_str(written).ok())
            .unwrap_or_else(|| written.into())
    };
    (sets.iter())
        .map(|(name, written)| (name.clone(), value(written)))
        .collect()
}

/// The settings by their dotted paths, in the order of the file, each as it is written but for the quotes of text;
/// `None` for what is no TOML. Tables of a list have their place in it, from 1, in the path: `strategy.2.head.use`.
pub fn flat(text: &str) -> Option<Vec<(String, String)>> {
    let table: toml::Table = toml::from_str(text).ok()?;
    let mut settings = Vec::new();
    for (key, value) in &table {
        flatten(key, value, &mut settings);
    }
    Some(settings)
}

fn flatten(path: &str, value: &toml::Value, into: &mut Vec<(String, String)>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                flatten(&format!("{path}.{key}"), value, into);
            }
        }
        toml::Value::Array(list) if list.iter().any(toml::Value::is_table) => {
            for (place, value) in (1..).zip(list) {
                flatten(&format!("{path}.{place}"), value, into);
            }
        }
        toml::Value::String(text) => into.push((path.to_owned(), text.clone())),
        other => into.push((path.to_owned(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn parameters_are_what_they_are_in_a_file() {
        let check = |written: &str, expected: serde_json::Value| {
            let found = super::parameters(&[("a".to_owned(), written.to_owned())]);
            assert_eq!(found["a"], expected, "{written}");
        };
        check("1", 1.into());
        check("1e-5", 1e-5.into());
        check("[3, 32, 32]", serde_json::json!([3, 32, 32]));
        check("\"v2\"", "v2".into());
        check("v3-large", "v3-large".into());
        check("{ a = 1 }", serde_json::json!({ "a": 1 }));
        check("{\"a\": 1}", serde_json::json!({ "a": 1 }));
    }

    #[test]
    fn settings_by_their_paths() {
        let check = |text: &str, expected: &[(&str, &str)]| {
            let found = super::flat(text).unwrap();
            let found: Vec<(&str, &str)> = found
                .iter()
                .map(|(path, value)| (&**path, &**value))
                .collect();
            assert_eq!(found, expected);
        };
        check(
            "seeds = [1, 2]\nname = \"x\"",
            &[("seeds", "[1, 2]"), ("name", "x")],
        );
        check(
            "[target]\ndataset = { use = \"mnist\", classes = [5] }",
            &[
                ("target.dataset.use", "mnist"),
                ("target.dataset.classes", "[5]"),
            ],
        );
        check(
            "[[strategy]]\nname = \"a\"\n[[strategy]]\nl2 = 0.5",
            &[("strategy.1.name", "a"), ("strategy.2.l2", "0.5")],
        );
        assert_eq!(super::flat("no toml"), None);
    }
}
