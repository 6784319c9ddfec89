//! What a row has chosen on its training samples, and from what.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use topwork_measure::Figure;

/// Hyper-parameters chosen on training samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Selection {
    /// Which training samples the candidates were judged on.
    pub on: SelectedOn,
    /// Id of the figure they were judged by.
    pub by: String,
    /// What the values are of: `head.l2`, `train.learning-rate`.
    pub parameters: Vec<String>,
    /// The values of every candidate, in the order of `parameters`.
    pub candidates: Vec<Vec<Value>>,
    /// What each fit has chosen: one, or one for each fold.
    pub fits: Vec<Chosen>,
}

/// Which training samples candidates were judged on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SelectedOn {
    /// This share of every class, held out.
    Holdout(f64),
    /// All of them, in so many folds of which each was held out once.
    Folds(u32),
}

/// What one fit has chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Chosen {
    /// The candidate chosen, from 0.
    pub chosen: usize,
    /// Training samples that candidates were judged on.
    pub judged_on: u64,
    /// The figure of every candidate; `null` where it has none.
    pub figures: Vec<Option<f64>>,
    /// Candidates, from 0, some fit of which ended before it converged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unconverged: Vec<usize>,
}

impl Selection {
    /// The figure that candidates were judged by.
    pub fn figure(&self) -> Option<&'static Figure> {
        Figure::named(&self.by)
    }

    /// The values chosen: for every parameter, in its order, one for each fit.
    pub fn chosen(&self) -> Vec<(&str, Vec<&Value>)> {
        let of = |place: usize| {
            let fits = self.fits.iter();
            let value = |fit: &Chosen| self.candidates.get(fit.chosen)?.get(place);
            fits.filter_map(value).collect()
        };
        let parameters = self.parameters.iter().enumerate();
        parameters
            .map(|(place, parameter)| (parameter.as_str(), of(place)))
            .collect()
    }

    /// The one parameter that has several values, all of them numbers, with its place.
    pub fn varied(&self) -> Option<(&str, usize)> {
        let varies = |place: &usize| {
            let mut values = self
                .candidates
                .iter()
                .map(|candidate| candidate.get(*place));
            let first = values.next();
            values.any(|value| Some(value) != first)
        };
        let mut places = (0..self.parameters.len()).filter(varies);
        let place = places.next()?;
        let numbers = (self.candidates.iter())
            .all(|candidate| candidate.get(place).is_some_and(Value::is_number));
        (numbers && places.next().is_none()).then(|| (self.parameters[place].as_str(), place))
    }
}

impl SelectedOn {
    /// As it stands in a table: `10 % held out`, `5 inner folds`.
    pub fn words(self) -> String {
        match self {
            Self::Holdout(share) => format!("{} % held out", (share * 1e4).round() / 100.0),
            Self::Folds(folds) => format!("{folds} inner folds"),
        }
    }
}

/// The most values of a parameter that are said in words.
const MOST_VALUES: usize = 3;

/// The values chosen, each once in the order of seeds and folds: `l2 = 0.1 | 1`.
pub fn chosen_words<'a>(selections: impl Iterator<Item = &'a Selection>) -> String {
    let mut all: Vec<(&str, Vec<String>)> = Vec::new();
    for (parameter, values) in selections.flat_map(Selection::chosen) {
        let name = parameter.rsplit('.').next().unwrap_or(parameter);
        let at = all.iter().position(|(known, _)| *known == name);
        let at = at.unwrap_or_else(|| {
            all.push((name, Vec::new()));
            all.len() - 1
        });
        for value in values.into_iter().map(value_words) {
            if !all[at].1.contains(&value) {
                all[at].1.push(value);
            }
        }
    }
    let parts = all.into_iter().map(|(name, mut values)| {
        if values.len() > MOST_VALUES {
            values.truncate(MOST_VALUES);
            values.push("…".to_owned());
        }
        format!("{name} = {}", values.join(" | "))
    });
    parts.collect::<Vec<String>>().join(", ")
}

/// A value of a parameter for a person: numbers with four digits.
pub fn value_words(value: &Value) -> String {
    let text = |number: f64| match number.abs() {
        size if size != 0.0 && !(1e-3..1e5).contains(&size) => {
            let text = format!("{number:.3e}");
            let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
            format!("{mantissa}e{exponent}")
        }
        size => {
            let before = if size < 1.0 {
                0
            } else {
                size.log10() as usize + 1
            };
            let digits = match size {
                size if size != 0.0 && size < 1.0 => 3 - size.log10().floor() as i32,
                _ => 4 - before.min(4) as i32,
            };
            let text = format!("{number:.*}", digits.max(0) as usize);
            match text.contains('.') {
                true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                false => text,
            }
        }
    };
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if !number.is_i64() => {
            number.as_f64().map_or_else(|| number.to_string(), text)
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_short() {
        let cases = [
            (json!(1024), "1024"),
            (json!(1024.0), "1024"),
            (json!(0.0), "0"),
            (json!(1e-5), "1e-5"),
            (json!(1778279.41004), "1.778e6"),
            (json!(0.0316227766017), "0.03162"),
            (json!(0.1), "0.1"),
            (json!(3.16227766017), "3.162"),
            (json!(56234.1325), "56234"),
            (json!(-31.6227766), "-31.62"),
            (json!("cosine"), "cosine"),
            (json!(true), "true"),
        ];
        for (value, expected) in cases {
            assert_eq!(value_words(&value), expected);
        }
    }

    #[test]
    fn what_was_chosen_is_said_once() {
        let check = |fits: &[usize], expected: &str| {
            let fit = |chosen: &usize| Chosen {
                chosen: *chosen,
                judged_on: 1,
                figures: Vec::new(),
                unconverged: Vec::new(),
            };
            let selection = Selection {
                on: SelectedOn::Folds(3),
                by: "accuracy".into(),
                parameters: vec!["head.k".into(), "train.rate".into()],
                candidates: (1..6).map(|k| vec![json!(k), json!(0.5)]).collect(),
                fits: fits.iter().map(fit).collect(),
            };
            assert_eq!(chosen_words([&selection, &selection].into_iter()), expected);
        };
        check(&[1], "k = 2, rate = 0.5");
        check(&[3, 1, 3], "k = 4 | 2, rate = 0.5");
        check(&[0, 1, 2, 3], "k = 1 | 2 | 3 | …, rate = 0.5");
    }

    #[test]
    fn one_numeric_parameter_makes_a_curve() {
        let check = |candidates: Value, expected: Option<(&str, usize)>| {
            let selection = Selection {
                on: SelectedOn::Holdout(0.1),
                by: "accuracy".into(),
                parameters: vec!["head.a".into(), "head.b".into()],
                candidates: serde_json::from_value(candidates.clone()).unwrap(),
                fits: Vec::new(),
            };
            assert_eq!(selection.varied(), expected, "{candidates}");
        };
        check(json!([[1, "x"], [2, "x"]]), Some(("head.a", 0)));
        check(json!([[1, 0.5], [1, 0.6]]), Some(("head.b", 1)));
        check(json!([[1, 0.5], [2, 0.6]]), None);
        check(json!([[1, "x"], [1, "y"]]), None);
        check(json!([[1, "x"]]), None);
    }
}
