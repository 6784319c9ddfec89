//! Figures where there is little room: shortened or left out, never cut.

use topwork_measure::{Unit, percent, thousands};
use topwork_results::{Cell, Value};

use crate::text::{fit, width};

/// What stands for thousands, millions and so on.
const UNITS: [&str; 7] = ["", " k", " M", " G", " T", " P", " E"];

/// A figure as it is written, and the shorter ways to write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// The most precise first, each shorter than the one before.
    forms: Vec<String>,
    /// Words, which may be cut.
    words: bool,
}

impl Figure {
    /// A whole number: `1,234,567`, `1.2 M`, `1 M`.
    pub fn count(number: u64) -> Self {
        Self::of([thousands(number), rounded(number, 1), rounded(number, 0)])
    }

    /// A proportion: `98.93 %`, `98.9 %`, `99 %`. Only what is 0 or 1 reads as such.
    pub fn share(proportion: f64) -> Self {
        let tenths = match proportion {
            p if (0.9995..1.0).contains(&p) => 99.9,
            p if p > 0.0 && p <= 0.0005 => 0.1,
            p => p * 100.0,
        };
        let whole = match proportion {
            p if (0.995..1.0).contains(&p) => ">99 %".to_owned(),
            p if p > 0.0 && p <= 0.005 => "<1 %".to_owned(),
            p => format!("{:.0} %", p * 100.0),
        };
        Self::of([percent(proportion), format!("{tenths:.1} %"), whole])
    }

    /// A value of a figure.
    pub fn value(unit: Unit, value: f64) -> Self {
        match unit {
            Unit::Share => Self::share(value),
            Unit::Nats | Unit::Number | Unit::OfTarget => Self::loss(value),
        }
    }

    /// A mean with its spread: without room the mean alone.
    pub fn spread(unit: Unit, mean: f64, std: Option<f64>) -> Self {
        let both = std.map(|std| unit.spread(mean, std));
        Self::of(both.into_iter().chain(Self::value(unit, mean).forms))
    }

    /// A cell of the comparison: without room the value without its mark.
    pub fn cell(cell: &Cell) -> Self {
        let figure = match cell.value {
            Value::Count(count) => Self::count(count),
            Value::Figure { unit, mean, std } => Self::spread(unit, mean, std),
            _ => Self::words(cell.value.to_string()),
        };
        match cell.mark {
            Some(mark) => figure.between("", &format!(" {}", mark.sign())),
            None => figure,
        }
    }

    /// A loss: `0.0392`, `0.039`, `0.04`; what four decimals would hide as `3.1e-5`.
    pub fn loss(loss: f64) -> Self {
        let size = loss.abs();
        if size != 0.0 && !(0.001..100_000.0).contains(&size) {
            return Self::of([format!("{loss:.1e}"), format!("{loss:.0e}")]);
        }
        let digits = |digits: i32| {
            let place = size.log10().floor();
            let decimals = f64::from(digits - 1) - place.max(-9.0);
            format!("{loss:.0$}", decimals.max(0.0) as usize)
        };
        Self::of([format!("{loss:.4}"), digits(2), digits(1)])
    }

    /// A part of several: `1 of 3`, `1/3`.
    pub fn part(part: usize, all: usize) -> Self {
        Self::of([format!("{part} of {all}"), format!("{part}/{all}")])
    }

    /// Words, cut where they have no room.
    pub fn words(text: impl Into<String>) -> Self {
        Self {
            forms: vec![text.into()],
            words: true,
        }
    }

    /// With words before and after it, which go before the figure is shortened further.
    pub fn between(self, before: &str, after: &str) -> Self {
        let with = |form: &String| format!("{before}{form}{after}");
        let longest = self.forms.first().map(with);
        let shortened = self.forms.get(1).map(with);
        Self::of(longest.into_iter().chain(shortened).chain(self.forms))
    }

    /// Those of the forms that are shorter than all before them.
    fn of(forms: impl IntoIterator<Item = String>) -> Self {
        let mut kept: Vec<String> = Vec::new();
        for form in forms {
            if kept.last().is_none_or(|last| width(&form) < width(last)) {
                kept.push(form);
            }
        }
        Self {
            forms: kept,
            words: false,
        }
    }

    /// As it is written where there is room.
    pub fn whole(&self) -> &str {
        self.forms.first().map_or("", String::as_str)
    }

    /// The most precise form that fits; nothing where none does.
    pub fn within(&self, columns: usize) -> Option<String> {
        let fitting = self.forms.iter().find(|form| width(form) <= columns);
        match (fitting, self.words && columns >= 2) {
            (Some(form), _) => Some(form.clone()),
            (None, true) => Some(fit(self.whole(), columns)),
            (None, false) => None,
        }
    }

    /// The columns its most precise form below `columns` takes; 1 for the sign that it is left
    /// out.
    pub fn below(&self, columns: usize) -> usize {
        let mut widths = self.forms.iter().map(|form| width(form));
        widths.find(|width| *width < columns).unwrap_or(1)
    }
}

/// A whole number with a unit and so many decimals.
fn rounded(number: u64, decimals: usize) -> String {
    let mut value = number as f64;
    let mut unit = 0;
    // What rounds up to a thousand of one unit is one of the next.
    let longest = format!("{:.decimals$}", 999.0).len();
    while unit + 1 < UNITS.len() && format!("{value:.decimals$}").len() > longest {
        value /= 1000.0;
        unit += 1;
    }
    match unit {
        0 => thousands(number),
        _ => format!("{value:.decimals$}{}", UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn figures_are_shortened() {
        let check = |figure: Figure, expected: &[&str]| assert_eq!(figure.forms, expected);
        check(Figure::count(720), &["720"]);
        check(Figure::count(1_234), &["1,234", "1 k"]);
        check(Figure::count(20_160), &["20,160", "20 k"]);
        check(Figure::count(1_234_567), &["1,234,567", "1.2 M", "1 M"]);
        check(Figure::count(999_960), &["999,960", "1.0 M", "1 M"]);
        check(Figure::share(0.98934), &["98.93 %", "98.9 %", "99 %"]);
        check(Figure::share(0.99999), &["99.99 %", "99.9 %", ">99 %"]);
        check(Figure::share(0.00001), &["0.01 %", "0.1 %", "<1 %"]);
        check(Figure::share(1.0), &["100.00 %", "100.0 %", "100 %"]);
        check(
            Figure::spread(Unit::Share, 0.9673, Some(0.0002)),
            &["96.73 ± 0.02 %", "96.73 %", "96.7 %", "97 %"],
        );
        check(Figure::loss(0.0392), &["0.0392", "0.039", "0.04"]);
        check(Figure::loss(1.5949), &["1.5949", "1.6", "2"]);
        check(Figure::loss(27.31), &["27.3100", "27"]);
        check(Figure::loss(0.000_031), &["3.1e-5", "3e-5"]);
        check(Figure::loss(0.0), &["0.0000"]);
        check(
            Figure::count(20_160).between("", " images"),
            &["20,160 images", "20 k images", "20,160", "20 k"],
        );
        assert_eq!(
            Figure::words("features").within(5).as_deref(),
            Some("feat…")
        );
        assert_eq!(Figure::count(20_160).within(3), None);
        assert_eq!(Figure::count(20_160).below(6), 4);
    }

    /// What a label says, and by how much it may differ from what it stands for.
    fn said(label: &str) -> (f64, f64) {
        let number: String = (label.chars())
            .filter(|c| c.is_ascii_digit() || *c == '.')
            .collect();
        let decimals = number.split_once('.').map_or(0, |(_, after)| after.len());
        let unit = UNITS
            .iter()
            .rposition(|unit| !unit.is_empty() && label.contains(unit));
        let times = 1000_f64.powi(unit.unwrap_or(0) as i32);
        let half = 0.5 * 10_f64.powi(-(decimals as i32));
        (number.parse::<f64>().unwrap() * times, half * times)
    }

    proptest! {
        #[test]
        fn no_count_is_cut(number: u64, shift in 0..64_u32, columns in 0..40_usize) {
            let number = number >> shift;
            let figure = Figure::count(number).between("", " images");
            if let Some(label) = figure.within(columns) {
                prop_assert!(width(&label) <= columns, "{label}");
                let (value, half) = said(&label);
                let error = (value - number as f64).abs();
                prop_assert!(error <= half * 1.001 + number as f64 * 1e-12, "{number} as {label}");
            }
        }

        #[test]
        fn no_share_is_cut(share in 0.0..=1.0_f64, columns in 0..20_usize) {
            if let Some(label) = Figure::share(share).within(columns) {
                prop_assert!(width(&label) <= columns, "{label}");
                let (value, half) = said(&label);
                // Next to 0 and to 1 a label stays on its side, by up to a unit of its last digit.
                let error = (value - share * 100.0).abs();
                prop_assert!(error <= 2.0 * half + 1e-9, "{share} as {label}");
            }
        }
    }
}
