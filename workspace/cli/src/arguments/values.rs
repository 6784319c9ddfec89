//! What values on the command line look like.

use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use jiff::{Span, SpanRelativeTo};
use topwork_kinds::Kind;
use topwork_schema::Normalise;

/// A time limit, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(pub Option<Duration>);

/// `10m`, or `none`.
pub fn parse_limit(text: &str) -> Result<Limit, String> {
    match text {
        "none" => Ok(Limit(None)),
        _ => Ok(Limit(Some(parse_time(text)?))),
    }
}

/// `90s`, `1h 30m`, `30d`. A day has 24 hours, a week seven days; months and years differ in length and are refused.
pub fn parse_time(text: &str) -> Result<Duration, String> {
    let days = SpanRelativeTo::days_are_24_hours();
    let span = text.parse::<Span>().ok();
    let time = span.and_then(|span| span.to_duration(days).ok());
    let time = time.and_then(|time| Duration::try_from(time).ok());
    time.filter(|time| !time.is_zero()).ok_or_else(|| {
        "expected a length of time such as 90s, 5m, 1h 30m or 2d: ms, s, m, h, d or w behind each number"
            .to_owned()
    })
}

/// What a new plugin offers, by its short name or by the one it has in files.
pub fn kind_of_plugin() -> impl TypedValueParser<Value = Kind> {
    let words = Kind::ALL.map(|kind| {
        let word = PossibleValue::new(kind.short()).help(kind.about());
        word.alias(kind.name())
    });
    PossibleValuesParser::new(words).try_map(move |word: String| {
        let kind = Kind::ALL
            .into_iter()
            .find(|kind| [kind.short(), kind.name()].contains(&&*word));
        kind.ok_or("expected a kind of plugin")
    })
}

/// `source.train.epochs=1`.
pub fn parse_set(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((path, value)) if !path.trim().is_empty() => {
            Ok((path.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("expected PATH=VALUE, for example source.train.epochs=1".to_owned()),
    }
}

/// One of the words that stand for the values of a type in files.
pub fn parse_word<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

/// How images are normalised, if at all.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalisation(pub Option<Normalise>);

/// `imagenet`, `none`, or means and deviations by channel: `0.5,0.5,0.5/0.5,0.5,0.5`.
pub fn parse_normalise(text: &str) -> Result<Normalisation, String> {
    let expected = "expected `imagenet`, `none`, or a mean and a deviation for each channel, for example 0.5,0.5,0.5/0.25,0.25,0.25";
    let numbers = |text: &str| -> Option<Vec<f64>> {
        let numbers = text
            .split(',')
            .map(|number| number.trim().parse::<f64>().ok());
        numbers
            .map(|number| number.filter(|number| number.is_finite()))
            .collect()
    };
    match text {
        "none" => Ok(Normalisation(None)),
        "imagenet" => Ok(Normalisation(Some(Normalise::imagenet()))),
        _ => {
            let (mean, std) = text.split_once('/').ok_or(expected)?;
            let (mean, std) = numbers(mean).zip(numbers(std)).ok_or(expected)?;
            let fits = mean.len() == std.len() && std.iter().all(|std| *std > 0.0);
            fits.then_some(Normalisation(Some(Normalise { mean, std })))
                .ok_or_else(|| expected.to_owned())
        }
    }
}

/// Parameters of a component.
pub type Parameters = serde_json::Map<String, serde_json::Value>;

/// Parameters as JSON for all components, or behind `ID=` for one.
pub fn parse_with(text: &str) -> Result<(Option<String>, Parameters), String> {
    let (component, json) = match text.split_once('=') {
        Some((component, json)) if !component.contains('{') => (Some(component.trim()), json),
        _ => (None, text),
    };
    let parameters = serde_json::from_str(json).map_err(|error| {
        format!("expected a JSON object, for example {{\"bins\": 12}}: {error}")
    })?;
    Ok((component.map(str::to_owned), parameters))
}

#[cfg(test)]
mod tests {
    #[test]
    fn parameters_are_for_all_components_or_for_one() {
        let check = |text: &str, expected: Result<(Option<&str>, usize), ()>| {
            let found = super::parse_with(text).map_err(|_| ());
            let found = found.map(|(component, json)| (component, json.len()));
            let expected = expected.map(|(of, len)| (of.map(str::to_owned), len));
            assert_eq!(found, expected, "{text}");
        };
        check("{}", Ok((None, 0)));
        check(r#"{"a": "b=c"}"#, Ok((None, 1)));
        check(r#"shapes={"a": 1, "b": "="}"#, Ok((Some("shapes"), 2)));
        check("shapes=3", Err(()));
        check("shapes", Err(()));
    }

    #[test]
    fn lengths_of_time_are_read_as_people_write_them() {
        let check = |text: &str, expected: Option<u64>| {
            let found = super::parse_time(text).ok();
            assert_eq!(
                found.map(|time| time.as_millis()),
                expected.map(u128::from),
                "{text}"
            );
        };
        check("90s", Some(90_000));
        check("5m", Some(300_000));
        check("1h 30m", Some(5_400_000));
        check("250ms", Some(250));
        check("30d", Some(30 * 24 * 3_600_000));
        check("2w 1d", Some(15 * 24 * 3_600_000));
        check("1mo", None);
        check("1y", None);
        check("99999999999999d", None);
        check("0s", None);
        check("-5m", None);
        check("5", None);
        check("soon", None);
    }
}
