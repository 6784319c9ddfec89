//! Reading one JSON object by hand: what was found, what was expected, and where.

use serde_json::{Map, Value};

use crate::problem::Problem;

pub(crate) const LARGEST_NUMBER: u64 = 1 << 20;

/// An object being read, with the words that say where it stands.
pub(crate) struct Place<'json, 'problems> {
    pub(crate) object: &'json Map<String, Value>,
    label: String,
    pub(crate) problems: &'problems mut Vec<Problem>,
}

impl<'json, 'problems> Place<'json, 'problems> {
    pub(crate) fn enter(
        value: &'json Value,
        label: String,
        problems: &'problems mut Vec<Problem>,
    ) -> Option<Self> {
        match value {
            Value::Object(object) => Some(Self {
                object,
                label,
                problems,
            }),
            other => {
                let message = format!("is {}, expected an object", shortened(other));
                problems.push(Problem::new(format!("{label} {message}")));
                None
            }
        }
    }

    pub(crate) fn report(&mut self, problem: Problem) {
        self.problems.push(problem.at(&self.label));
    }

    pub(crate) fn wrong(&mut self, key: &str, found: &Value, expected: &str) {
        self.report(Problem::new(format!(
            "`{key}` is {}, expected {expected}",
            shortened(found)
        )));
    }

    pub(crate) fn check_keys(&mut self, known: &[&str]) {
        for key in self.object.keys() {
            if !known.contains(&key.as_str()) {
                let expected = quoted(known, "or");
                let problem = Problem::new(format!("unknown key `{key}`, expected {expected}"));
                self.report(problem.nearest(key, known.iter().copied()));
            }
        }
    }

    pub(crate) fn required(&mut self, key: &str, expected: &str) -> Option<&'json Value> {
        let value = self.object.get(key);
        if value.is_none() {
            self.report(Problem::new(format!(
                "`{key}` is missing, expected {expected}"
            )));
        }
        value
    }

    pub(crate) fn list(
        &mut self,
        key: &str,
        expected: &str,
        needed: bool,
    ) -> Option<&'json [Value]> {
        if !needed && !self.object.contains_key(key) {
            return None;
        }
        let value = self.required(key, expected)?;
        match value.as_array() {
            Some(list) if !(needed && list.is_empty()) => Some(list),
            _ => {
                self.wrong(key, value, expected);
                None
            }
        }
    }

    pub(crate) fn text(&mut self, key: &str, expected: &str) -> Option<String> {
        let value = self.required(key, expected)?;
        match value.as_str() {
            Some(text) if !text.is_empty() => Some(text.to_owned()),
            _ => {
                self.wrong(key, value, expected);
                None
            }
        }
    }

    /// A whole number from 1; `default` where the key is absent.
    pub(crate) fn number(&mut self, key: &str, default: Option<usize>) -> Option<usize> {
        self.number_from(1, key, default)
    }

    /// A whole number from `least`; `default` where the key is absent.
    pub(crate) fn number_from(
        &mut self,
        least: u64,
        key: &str,
        default: Option<usize>,
    ) -> Option<usize> {
        if default.is_some() && !self.object.contains_key(key) {
            return default;
        }
        let expected = counted(least);
        let value = self.required(key, &expected)?;
        let number = whole(value, least);
        if number.is_none() {
            self.wrong(key, value, &expected);
        }
        number
    }

    pub(crate) fn flag(&mut self, key: &str, default: bool) -> Option<bool> {
        let Some(value) = self.object.get(key) else {
            return Some(default);
        };
        if value.as_bool().is_none() {
            self.wrong(key, value, "true or false");
        }
        value.as_bool()
    }

    /// A number that `fits`, `default` where the key is absent.
    pub(crate) fn fraction(
        &mut self,
        key: &str,
        default: Option<f32>,
        expected: &str,
        fits: impl Fn(f64) -> bool,
    ) -> Option<f32> {
        if default.is_some() && !self.object.contains_key(key) {
            return default;
        }
        let value = self.required(key, expected)?;
        match value.as_f64() {
            Some(number) if fits(number) => Some(number as f32),
            _ => {
                self.wrong(key, value, expected);
                None
            }
        }
    }

    /// One of a few words; the first of them where the key is absent.
    pub(crate) fn choice(&mut self, key: &str, choices: &[&'static str]) -> Option<&'static str> {
        let Some(value) = self.object.get(key) else {
            return choices.first().copied();
        };
        let found = choices.iter().find(|choice| *value == **choice);
        if found.is_none() {
            let message = format!(
                "`{key}` is {}, expected {}",
                shortened(value),
                quoted(choices, "or")
            );
            let problem = Problem::new(message);
            self.report(match value.as_str() {
                Some(text) => problem.nearest(text, choices.iter().copied()),
                None => problem,
            });
        }
        found.copied()
    }

    /// A list of texts; empty where the key is absent.
    pub(crate) fn texts(&mut self, key: &str, expected: &str) -> Option<Vec<String>> {
        let Some(value) = self.object.get(key) else {
            return Some(Vec::new());
        };
        let texts = value.as_array().and_then(|list| {
            list.iter()
                .map(|text| text.as_str().map(str::to_owned))
                .collect()
        });
        if texts.is_none() {
            self.wrong(key, value, expected);
        }
        texts
    }

    /// Height and width, each `least` or more; `default` where the key is absent.
    pub(crate) fn pair(
        &mut self,
        key: &str,
        least: u64,
        default: Option<[usize; 2]>,
    ) -> Option<[usize; 2]> {
        if default.is_some() && !self.object.contains_key(key) {
            return default;
        }
        let expected = format!("[height, width], each {}", counted(least));
        let value = self.required(key, &expected)?;
        if let Some([height, width]) = value.as_array().map(Vec::as_slice)
            && let (Some(height), Some(width)) = (whole(height, least), whole(width, least))
        {
            return Some([height, width]);
        }
        self.wrong(key, value, &expected);
        None
    }
}

pub(crate) fn counted(least: u64) -> String {
    format!("a whole number from {least} to {LARGEST_NUMBER}")
}

pub(crate) fn whole(value: &Value, least: u64) -> Option<usize> {
    let number = value.as_u64()?;
    let number = (least..=LARGEST_NUMBER)
        .contains(&number)
        .then_some(number)?;
    usize::try_from(number).ok()
}

/// "layer `conv1`", or "layer 3" while its name is unknown.
pub(crate) fn label(kind: &str, index: usize, value: &Value) -> String {
    match value.get("name").and_then(Value::as_str) {
        Some(name) if !name.is_empty() => format!("{kind} `{name}`"),
        _ => format!("{kind} {}", index + 1),
    }
}

pub(crate) fn quoted(choices: &[&str], joined_by: &str) -> String {
    let quoted: Vec<String> = choices.iter().map(|choice| format!("`{choice}`")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [most @ .., last] => format!("{} {joined_by} {last}", most.join(", ")),
    }
}

/// A value as JSON, cut where it would fill the screen.
pub(crate) fn shortened(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
