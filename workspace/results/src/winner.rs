//! The best row of a table in a sentence: by how much, and which others it can be told apart from.

use std::collections::HashMap;

use topwork_measure::{Figure, thousands};

use crate::{FigureResult, PairResult, Results, RowResult, Verdict};

/// The best of the rows that may be set in one order, and how it stands to the others.
#[derive(Clone, Debug)]
pub struct Winner<'a> {
    /// The row.
    pub row: &'a RowResult,
    /// The figure that ranks.
    pub figure: &'static Figure,
    /// What the row has of it.
    pub value: &'a FigureResult,
    /// The next best of the same protocol, with the pair of the two as it is told; `None` for a row without others.
    second: Option<(&'a RowResult, Option<&'a PairResult>)>,
    /// The others it may be set in one order with, the best first, and what the tests say of each.
    others: Vec<(&'a RowResult, Verdict)>,
}

impl Results {
    /// The best row with what is known of its lead; `None` before a row is measured.
    pub fn winner(&self) -> Option<Winner<'_>> {
        let row = self.best()?;
        let figure = self.ranked_by();
        let value = row.figure(figure)?;
        let pairs: HashMap<&str, &PairResult> = (self.pairs.iter())
            .filter_map(|pair| match row.title.as_str() {
                title if title == pair.a => Some((pair.b.as_str(), pair)),
                title if title == pair.b => Some((pair.a.as_str(), pair)),
                _ => None,
            })
            .collect();
        let ranked = self.strategies.iter().zip(self.ranks());
        let mut others: Vec<(usize, &RowResult)> = ranked
            .filter(|(other, _)| other.title != row.title && other.protocol == row.protocol)
            .filter_map(|(other, rank)| Some((rank?, other)))
            .collect();
        others.sort_by_key(|(rank, _)| *rank);
        let second = others.first().map(|(_, second)| *second);
        let pair = |other: &RowResult| pairs.get(other.title.as_str()).copied();
        Some(Winner {
            row,
            figure,
            value,
            second: second.map(|second| (second, pair(second))),
            others: (others.into_iter())
                .map(|(_, other)| {
                    let verdict = pair(other).map_or(Verdict::Unmarked, PairResult::verdict);
                    (other, verdict)
                })
                .collect(),
        })
    }
}

impl Winner<'_> {
    /// What it comes to: `accuracy 99.24 %, 95 % interval 98.95 – 99.45 %`.
    pub fn figure(&self) -> String {
        let unit = self.figure.unit;
        let value = match self.value.std {
            Some(std) => unit.spread(self.value.mean, std),
            None => unit.text(self.value.mean),
        };
        let interval = (self.value.interval).map_or(String::new(), |interval| {
            format!(", 95 % interval {}", unit.range(interval))
        });
        format!("{} {value}{interval}", self.figure.name)
    }

    /// Its lead over the next best row: `+0.31 points (+0.05 to +0.57) on frozen backbone, the second`.
    pub fn lead(&self) -> Option<String> {
        let (second, pair) = self.second?;
        let told = pair.and_then(|pair| {
            let (difference, interval) = pair.difference.zip(pair.interval)?;
            let (difference, interval) = match pair.a == self.row.title {
                true => (difference, interval),
                false => (-difference, -interval),
            };
            Some(self.figure.unit.difference(difference, interval))
        });
        let alone = || {
            let other = second.figure(self.figure)?.mean;
            Some(self.figure.unit.difference_alone(self.value.mean - other))
        };
        Some(format!("{} on {}", told.or_else(alone)?, second.title))
    }

    /// Which others it can be told apart from, for that it is the best of them says less; `None` where there are none.
    pub fn standing(&self) -> Option<String> {
        let count = |wanted: &[Verdict]| {
            let found = self.others.iter();
            found
                .filter(|(_, verdict)| wanted.contains(verdict))
                .count()
        };
        let all = self.others.len();
        let (apart, unasked) = (count(&[Verdict::Apart]), count(&[Verdict::Unmarked]));
        let number = |count: usize| thousands(count as u64);
        if all == 0 {
            return None;
        }
        let mut parts = Vec::new();
        match (apart, all) {
            (0, _) => {}
            (1, 1) => parts.push("told apart from it".to_owned()),
            (apart, all) if apart == all => {
                parts.push(format!("told apart from all {} others", number(all)));
            }
            _ => parts.push(format!(
                "told apart from {} of {} others",
                number(apart),
                number(all)
            )),
        }
        for (verdicts, words) in [
            (
                &[Verdict::Alike, Verdict::Chance][..],
                "not told apart from",
            ),
            (&[Verdict::Equivalent], "as good, within the margin, as"),
        ] {
            let names: Vec<&str> = (self.others.iter())
                .filter(|(_, verdict)| verdicts.contains(verdict))
                .map(|(other, _)| other.title.as_str())
                .collect();
            match names.as_slice() {
                [] => {}
                [one] => parts.push(format!("{words} {one}")),
                [first, others @ ..] => {
                    parts.push(format!("{words} {first} and {} more", number(others.len())));
                }
            }
        }
        match (unasked, unasked == all) {
            (0, _) => {}
            (_, true) => parts.push("no other row of its family to be told apart from".to_owned()),
            (unasked, false) => {
                parts.push(format!(
                    "not asked of {} of other families",
                    number(unasked)
                ));
            }
        }
        Some(parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use topwork_events::{Agreement, Event, Outcome, Record, RowPlan, RunPlan, RunState};

    use super::*;

    /// Three rows of one run with so many of 4,861 right, and pairs of which one alone is right.
    fn results(correct: &[u64], pairs: &[(usize, usize, u64, u64)]) -> Results {
        let rows = ["frozen", "classifier", "random"].map(|name| RowPlan {
            name: name.to_owned(),
            kind: "frozen-backbone".to_owned(),
            cut: "features".to_owned(),
            ..RowPlan::default()
        });
        let plan = RunPlan {
            seeds: vec![1],
            rows: rows.to_vec(),
            ..RunPlan::default()
        };
        let outcomes = correct.iter().enumerate().map(|(row, correct)| {
            Event::RowMeasured(Outcome {
                row,
                seed: 1,
                correct: *correct,
                total: 4861,
                test_set: "one".to_owned(),
                ..Outcome::default()
            })
        });
        let pairs = pairs.iter().map(|(a, b, only_a, only_b)| {
            Event::Compared(Agreement {
                a: *a,
                b: *b,
                seed: 1,
                only_a: *only_a,
                only_b: *only_b,
            })
        });
        let events = std::iter::once(Event::RunStarted(plan));
        let records: Vec<Record> = (events.chain(outcomes).chain(pairs))
            .map(|event| Record::new(1, event))
            .collect();
        Results::from_state(&RunState::from_records(&records)).unwrap()
    }

    #[test]
    fn a_lead_is_said_with_what_it_is_worth() {
        // Of the lead its beginning, up to the sign at which its interval begins.
        let check = |results: Results, lead: Option<&str>, standing: Option<&str>| {
            let winner = results.winner().unwrap();
            assert_eq!(winner.row.name, "frozen");
            let expected = "accuracy 98.66 %, 95 % interval 98.30 – 98.95 %";
            assert_eq!(winner.figure(), expected);
            assert_eq!(winner.standing().as_deref(), standing);
            let found = winner.lead();
            assert_eq!(found.is_some(), lead.is_some(), "{found:?}");
            if let Some((found, lead)) = found.zip(lead) {
                assert!(found.starts_with(lead), "{found}");
                assert!(found.ends_with(") on classifier"), "{found}");
            }
        };
        check(results(&[4796], &[]), None, None);
        let near = "+0.12 points (-";
        let far = "+0.41 points (+";
        let lead = |only_a, only_b| results(&[4796, 4790], &[(0, 1, only_a, only_b)]);
        check(
            lead(36, 30),
            Some(near),
            Some("not told apart from classifier"),
        );
        check(lead(26, 6), Some(far), Some("told apart from it"));
        check(
            results(&[4796, 4790, 4600], &[(0, 1, 36, 30), (0, 2, 200, 4)]),
            Some(near),
            Some("told apart from 1 of 2 others; not told apart from classifier"),
        );
        check(
            results(&[4796, 4790, 4789], &[(0, 1, 36, 30), (0, 2, 37, 30)]),
            Some(near),
            Some("not told apart from classifier and 1 more"),
        );
    }

    #[test]
    fn before_a_row_is_measured_nothing_has_won() {
        assert!(results(&[], &[]).winner().is_none());
    }
}
