//! What stands in a cell: a value, and in which words it is said.

use std::fmt;

use topwork_events::Proved;
use topwork_measure::{Interval, Unit, mean_count, seconds, thousands};

/// A value with what is to be known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The value.
    pub value: Value,
    /// What is to be known of it.
    pub mark: Option<Mark>,
}

/// A value as it is, in no words yet.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing is to be said.
    Blank,
    /// It is not known, or there is no such thing.
    Missing,
    /// The row is measured, and has no such figure.
    NotAvailable,
    /// Words.
    Text(String),
    /// A place in an order, from 1.
    Rank(usize),
    /// A whole number.
    Count(u64),
    /// So many of the same examples with every seed.
    Part {
        /// With all seeds together.
        sum: u64,
        /// Seeds.
        seeds: u64,
        /// Examples with one seed.
        of: u64,
    },
    /// A figure.
    Figure {
        /// Of what it is.
        unit: Unit,
        /// Its mean.
        mean: f64,
        /// Its standard deviation, where there are several.
        std: Option<f64>,
    },
    /// Where a figure lies.
    Range {
        /// Of what it is.
        unit: Unit,
        /// From where to where.
        interval: Interval,
    },
    /// A time span.
    Seconds(f64),
    /// Whether what was frozen stayed as it was, and what says so, where it is known.
    Frozen {
        /// Whether it did.
        intact: bool,
        /// What was looked at.
        proved: Option<Proved>,
    },
}

/// What is to be known of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Some seeds are missing: the row failed with them.
    Failed,
    /// It was there already; what it took is told again.
    Reused,
    /// The fit ended before it converged.
    Unconverged,
}

impl From<Value> for Cell {
    fn from(value: Value) -> Self {
        Self { value, mark: None }
    }
}

impl From<Option<Value>> for Cell {
    fn from(value: Option<Value>) -> Self {
        value.unwrap_or(Value::Missing).into()
    }
}

impl Mark {
    /// As it stands behind a value.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Failed => "✗",
            Self::Reused => "*",
            Self::Unconverged => "!",
        }
    }
}

impl Value {
    /// What rows are put in order by; `None` where that is not a number.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Blank
            | Self::Missing
            | Self::NotAvailable
            | Self::Text(_)
            | Self::Frozen { .. } => None,
            Self::Rank(rank) => Some(*rank as f64),
            Self::Count(count) => Some(*count as f64),
            Self::Part { sum, .. } => Some(*sum as f64),
            Self::Figure { mean, .. } => Some(*mean),
            Self::Range { interval, .. } => Some(interval.low),
            Self::Seconds(seconds) => Some(*seconds),
        }
    }
}

/// As a person reads it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blank => Ok(()),
            Self::Missing => f.write_str("–"),
            Self::NotAvailable => f.write_str("n/a"),
            Self::Text(text) => f.write_str(text),
            Self::Rank(rank) => write!(f, "{rank}"),
            Self::Count(count) => f.write_str(&thousands(*count)),
            Self::Part { sum, seeds, of } => {
                write!(f, "{}/{}", mean_count(*sum, *seeds), thousands(*of))
            }
            Self::Figure { unit, mean, std } => f.write_str(&match std {
                Some(std) => unit.spread(*mean, *std),
                None => unit.text(*mean),
            }),
            Self::Range { unit, interval } => f.write_str(&unit.range(*interval)),
            Self::Seconds(span) => f.write_str(&seconds(*span)),
            Self::Frozen { intact: false, .. } => f.write_str("✗ CHANGED"),
            Self::Frozen { proved, .. } => match proved {
                Some(Proved::Weights { frozen, of }) if frozen < of => {
                    write!(f, "❄ ✓ {} of {}", thousands(*frozen), thousands(*of))
                }
                Some(Proved::Answers { images }) => write!(f, "◎ ✓ {images} images"),
                Some(Proved::Weights { .. }) | None => f.write_str("❄ ✓"),
            },
        }
    }
}

/// The value, and behind it its mark.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)?;
        match self.mark {
            Some(mark) => write!(f, " {}", mark.sign()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_words() {
        let check = |value: Value, words: &str| assert_eq!(value.to_string(), words);
        let part = |sum, seeds| Value::Part {
            sum,
            seeds,
            of: 4861,
        };
        let unit = Unit::Share;
        let (mean, interval) = (
            0.871,
            Interval {
                low: 0.8,
                high: 0.9,
            },
        );
        check(Value::Missing, "–");
        check(Value::Rank(1000), "1000");
        check(Value::Count(1000), "1,000");
        check(part(4796, 1), "4,796/4,861");
        check(part(9593, 2), "4796.5/4,861");
        check(
            Value::Figure {
                unit,
                mean,
                std: None,
            },
            "87.10 %",
        );
        check(
            Value::Figure {
                unit,
                mean,
                std: Some(0.023),
            },
            "87.10 ± 2.30 %",
        );
        check(Value::Range { unit, interval }, "80.00 – 90.00 %");
        check(Value::Seconds(0.0421), "42 ms");
        let frozen = |intact, proved| Value::Frozen { intact, proved };
        let weights = |frozen| Some(Proved::Weights { frozen, of: 25_570 });
        let answers = Some(Proved::Answers { images: 16 });
        check(frozen(true, None), "❄ ✓");
        check(frozen(true, weights(25_570)), "❄ ✓");
        check(frozen(true, weights(520)), "❄ ✓ 520 of 25,570");
        check(frozen(true, answers), "◎ ✓ 16 images");
        check(frozen(false, answers), "✗ CHANGED");
        let mark = Some(Mark::Failed);
        let cell = Cell {
            value: Value::Count(3),
            mark,
        };
        assert_eq!(cell.to_string(), "3 ✗");
    }
}
