//! Where values lie along an axis.

use topwork_measure::Unit;

/// An axis of values with round numbers along it.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    pub low: f64,
    pub high: f64,
    pub ticks: Vec<f64>,
    /// Decimals that tell ticks apart.
    decimals: usize,
}

impl Scale {
    /// One that holds all of these values, about five round numbers apart; what is not finite is passed over. Of
    /// a share no axis leaves 0 to 1.
    pub fn of(values: impl IntoIterator<Item = f64>, unit: Unit) -> Self {
        let finite = values.into_iter().filter(|value| value.is_finite());
        let (mut low, mut high) = finite
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        // Values that are all alike lie in the middle of something.
        let least = match (unit, low.abs().max(high.abs())) {
            (Unit::Share, _) => 0.01,
            // What is small in the unit of a target may still be all there is.
            (Unit::OfTarget, largest) if largest > 0.0 => 1e-3 * largest,
            (_, _) => 1e-3 * low.abs().max(1.0),
        };
        if high - low < least {
            let middle = (low + high) / 2.0;
            (low, high) = (middle - least / 2.0, middle + least / 2.0);
        }
        let step = round_step((high - low) / 5.0);
        low = (low / step).floor() * step;
        high = (high / step).ceil() * step;
        if unit == Unit::Share {
            (low, high) = (low.max(0.0), high.min(1.0));
        }
        let count = ((high - low) / step).round() as usize;
        let ticks = (0..=count)
            .map(|tick| (low + tick as f64 * step).min(high))
            .collect();
        // A share is shown in percent.
        let shown = if unit == Unit::Share {
            step * 100.0
        } else {
            step
        };
        let decimals = (-shown.log10().floor()).clamp(0.0, 15.0) as usize;
        Self {
            low,
            high,
            ticks,
            decimals,
        }
    }

    /// From 0 at the low end to 1 at the high one.
    pub fn position(&self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// A tick in words.
    pub fn label(&self, tick: f64, unit: Unit) -> String {
        let decimals = self.decimals;
        match unit {
            Unit::Share => format!("{:.decimals$} %", tick * 100.0),
            Unit::Nats | Unit::Number | Unit::OfTarget => format!("{tick:.decimals$}"),
        }
    }
}

/// The smallest of 1, 2, 5, 10, … times a power of ten that is no less.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let factors = [1.0, 2.0, 5.0, 10.0].into_iter();
    let step = factors
        .map(|factor| factor * power)
        .find(|round| *round >= step * (1.0 - 1e-9));
    step.unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ticks_are_round() {
        let check = |values: &[f64], unit, expected: &str| {
            let scale = Scale::of(values.iter().copied(), unit);
            let labels: Vec<String> = scale
                .ticks
                .iter()
                .map(|tick| scale.label(*tick, unit))
                .collect();
            assert_eq!(labels.join(" | "), expected, "{values:?}");
        };
        check(
            &[0.52, 0.98],
            Unit::Share,
            "50 % | 60 % | 70 % | 80 % | 90 % | 100 %",
        );
        check(
            &[0.981, 0.989],
            Unit::Share,
            "98.0 % | 98.2 % | 98.4 % | 98.6 % | 98.8 % | 99.0 %",
        );
        check(&[1.0], Unit::Share, "99.4 % | 99.6 % | 99.8 % | 100.0 %");
        check(&[0.1, 2.2], Unit::Nats, "0.0 | 0.5 | 1.0 | 1.5 | 2.0 | 2.5");
        check(
            &[f64::NAN],
            Unit::Number,
            "0.0 | 0.2 | 0.4 | 0.6 | 0.8 | 1.0",
        );
        check(
            &[0.0, 4e-9],
            Unit::OfTarget,
            "0.000000000 | 0.000000001 | 0.000000002 | 0.000000003 | 0.000000004",
        );
    }

    proptest! {
        #[test]
        fn all_values_are_on_it(values in prop::collection::vec(0.0..=1.0, 1..20)) {
            let scale = Scale::of(values.iter().copied(), Unit::Share);
            prop_assert!(scale.ticks.len() >= 2 && scale.ticks.len() <= 12, "{:?}", scale);
            for value in values {
                prop_assert!(scale.low <= value + 1e-9 && value <= scale.high + 1e-9, "{:?}", scale);
            }
        }
    }
}
