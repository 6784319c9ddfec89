//! What a fit has found, as the plugin tells it.

use super::Classifier;
use crate::HostError;
use crate::call::collect;
use crate::json::parse_object;
use serde_json::Value;
use std::collections::BTreeMap;
use topwork_measure::Fact;

/// More facts are refused: they are lines of a screen.
const MOST_FACTS: usize = 32;

/// The longest name and the longest text, in characters.
const LONGEST: usize = 200;

/// The most bytes of JSON that these take, however they are escaped.
const LARGEST: usize = 1 << 18;

impl Classifier {
    /// What the latest fit has found; nothing where the plugin does not offer to tell.
    pub(super) fn told_facts(&self) -> Result<BTreeMap<String, Fact>, HostError> {
        let Some(tell) = self.finding.and_then(|table| table.facts) else {
            return Ok(BTreeMap::new());
        };
        let call = "telling what its fit has found";
        let (result, facts) = collect(LARGEST, |facts| {
            // SAFETY: instance and sinks live during the call.
            self.instance.call(call, |instance, error| unsafe {
                tell(instance, facts, error)
            })
        });
        result?;
        if facts.overflowed {
            let problem = format!("more than {LARGEST} bytes of facts");
            return Err(self.instance.broken(call, problem));
        }
        read(&facts.bytes).map_err(|problem| self.instance.broken(call, problem))
    }
}

/// The facts of a JSON object; an `Err` says what it is instead.
fn read(json: &[u8]) -> Result<BTreeMap<String, Fact>, String> {
    let value = parse_object(json).map_err(|problem| format!("an object that {problem}"))?;
    let Value::Object(facts) = value else {
        return Err("no JSON object".to_owned());
    };
    if facts.len() > MOST_FACTS {
        let count = facts.len();
        return Err(format!("{count} facts, expected at most {MOST_FACTS}"));
    }
    facts.into_iter().map(fact).collect()
}

fn fact((name, value): (String, Value)) -> Result<(String, Fact), String> {
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > LONGEST || !name.chars().all(known) {
        return Err(format!(
            "a fact {name:?}, expected a name of lower-case letters, digits and hyphens"
        ));
    }
    let fact = match &value {
        Value::Number(number) => number.as_f64().map(Fact::Number),
        Value::String(text) if !text.contains('\n') && text.chars().count() <= LONGEST => {
            Some(Fact::Text(text.clone()))
        }
        _ => None,
    };
    match fact {
        Some(fact) => Ok((name, fact)),
        None => Err(format!(
            "`{name}` = {}, expected a finite number or a text of one line, {LONGEST} characters at most",
            value.to_string().chars().take(LONGEST).collect::<String>()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_numbers_and_texts_by_name() {
        let check = |json: &str, expected: Result<&[(&str, Fact)], &str>| {
            let expected = expected.map_err(str::to_owned).map(|facts| {
                let facts = facts.iter().cloned();
                facts.map(|(name, fact)| (name.to_owned(), fact)).collect()
            });
            assert_eq!(read(json.as_bytes()), expected, "{json}");
        };
        check("{}", Ok(&[]));
        check(
            r#"{"support-vectors": 213, "kernel": "rbf", "loss": 0.25}"#,
            Ok(&[
                ("kernel", Fact::Text("rbf".to_owned())),
                ("loss", Fact::Number(0.25)),
                ("support-vectors", Fact::Number(213.0)),
            ]),
        );
        check("[]", Err("an object that is not a JSON object"));
        let name = "expected a name of lower-case letters, digits and hyphens";
        check(r#"{"": 1}"#, Err(&format!("a fact \"\", {name}")));
        check(r#"{"Loss": 1}"#, Err(&format!("a fact \"Loss\", {name}")));
        let value = "expected a finite number or a text of one line, 200 characters at most";
        check(r#"{"a": null}"#, Err(&format!("`a` = null, {value}")));
        check(r#"{"a": [1]}"#, Err(&format!("`a` = [1], {value}")));
        check(
            r#"{"a": "two\nlines"}"#,
            Err(&format!("`a` = \"two\\nlines\", {value}")),
        );
        let many: Vec<String> = (0..33).map(|at| format!("\"f{at}\": 1")).collect();
        check(
            &format!("{{{}}}", many.join(",")),
            Err("33 facts, expected at most 32"),
        );
    }
}
