//! JSON from plugins: its size and depth are checked before it is parsed, its texts afterwards.

use crate::text::{clean, utf8};
use serde_json::Value;

/// Longer documents are refused: a blueprint of a thousand layers has about a tenth of this.
pub(crate) const LARGEST: usize = 1 << 20;

/// Deeper documents are refused: a blueprint needs 4 levels, a schema rarely 10.
pub(crate) const DEEPEST: usize = 32;

/// Parses a plugin's JSON object; an `Err` completes "the blueprint …".
pub(crate) fn parse_object(bytes: &[u8]) -> Result<Value, String> {
    if bytes.len() > LARGEST {
        return Err(format!(
            "has {} bytes of JSON, expected at most {LARGEST}",
            bytes.len()
        ));
    }
    let text = utf8(bytes)?;
    let depth = depth(text);
    if depth > DEEPEST {
        return Err(format!(
            "is JSON nested {depth} levels deep, expected at most {DEEPEST}"
        ));
    }
    let value: Value =
        serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))?;
    if !value.is_object() {
        return Err("is not a JSON object".to_owned());
    }
    match hidden_characters(&value) {
        Some(text) => Err(format!("has control characters in the text `{text}`")),
        None => Ok(value),
    }
}

/// How deep brackets nest. Counted before parsing, because a parser recurses; brackets inside of texts do not count.
fn depth(text: &str) -> usize {
    let (mut now, mut most) = (0_usize, 0);
    let (mut in_text, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'[' | b'{' => {
                now += 1;
                most = most.max(now);
            }
            b']' | b'}' => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// The first text, cleaned, that has control characters other than line breaks and tabs. Names of layers reach terminals.
fn hidden_characters(value: &Value) -> Option<String> {
    let hidden = |text: &str| {
        let control = |c: char| c.is_control() && c != '\n' && c != '\t';
        text.chars().any(control).then(|| clean(text))
    };
    match value {
        Value::String(text) => hidden(text),
        Value::Array(values) => values.iter().find_map(hidden_characters),
        Value::Object(entries) => entries
            .iter()
            .find_map(|(key, value)| hidden(key).or_else(|| hidden_characters(value))),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_brackets_outside_of_texts() {
        let cases = [
            ("1", 0),
            ("{}", 1),
            ("[[], [[]]]", 3),
            (r#"{"a": ["[[[["]}"#, 2),
            (r#"{"a": "\"[[["}"#, 1),
            (r#"{"a\\": [1]}"#, 2),
            ("]]]]", 0),
        ];
        for (text, expected) in cases {
            assert_eq!(depth(text), expected, "{text}");
        }
    }

    #[test]
    fn objects_are_checked_before_and_after_parsing() {
        let deep = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
        let long = |bytes: usize| format!("{{\"a\":\"{}\"}}", "b".repeat(bytes - 8));
        let cases = [
            (deep(32), None),
            (
                deep(33),
                Some("is JSON nested 33 levels deep, expected at most 32"),
            ),
            (long(LARGEST), None),
            (
                long(LARGEST + 1),
                Some("has 1048577 bytes of JSON, expected at most 1048576"),
            ),
            ("[]".to_owned(), Some("is not a JSON object")),
            (
                r#"{"\u0007": 1}"#.to_owned(),
                Some("has control characters in the text ``"),
            ),
            (r#"{"about": "two\nlines"}"#.to_owned(), None),
        ];
        for (json, expected) in cases {
            let result = parse_object(json.as_bytes());
            assert_eq!(result.err().as_deref(), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(bytes: Vec<u8>) {
            let accepted = parse_object(&bytes).is_ok();
            let as_serde = serde_json::from_slice::<Value>(&bytes).is_ok_and(|value| value.is_object());
            proptest::prop_assert!(!accepted || as_serde);
        }

        #[test]
        fn depth_is_never_less_than_the_parsers(text in "[\\[\\]{}\":, a1\\\\]{0,60}") {
            if let Ok(value) = serde_json::from_str::<Value>(&text) {
                proptest::prop_assert_eq!(depth(&text), nesting(&value));
            }
        }
    }

    fn nesting(value: &Value) -> usize {
        let inner = |values: &mut dyn Iterator<Item = &Value>| values.map(nesting).max();
        match value {
            Value::Array(values) => 1 + inner(&mut values.iter()).unwrap_or(0),
            Value::Object(entries) => 1 + inner(&mut entries.values()).unwrap_or(0),
            _ => 0,
        }
    }
}
