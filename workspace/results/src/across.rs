//! Rows of several runs in one comparison.

use std::collections::{BTreeMap, BTreeSet};

use topwork_events::{Event, Failure, Judging, Outcome, Record, RowPlan, RunPlan, RunState};

use crate::{Families, Results};

/// One of several runs.
#[derive(Clone, Debug)]
pub struct Member {
    /// What its rows are told apart by, which no other run has.
    pub label: String,
    /// What its stream says.
    pub state: RunState,
}

/// Several runs side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Across {
    /// Their rows, each titled with its run. Pairs are of different runs that may be compared; rows have ranks
    /// where all of them may be set in one order.
    pub results: Results,
    /// For each run why it may not be compared with the first one; `None` where it may.
    pub apart: Vec<Option<Apart>>,
    /// Whether rows have ranks: all runs may be compared, and have the same seeds.
    pub ranked: bool,
}

/// Why two runs may not be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Apart {
    /// One of them has measured nothing yet.
    NotMeasured,
    /// They are judged by other figures.
    Metric(&'static str, &'static str),
    /// Their rows are measured in another way: on a test split, or on folds, so many or cut elsewhere.
    Folds(Option<u32>, Option<u32>),
    /// They have no seed in common.
    Seeds(Vec<u64>, Vec<u64>),
    /// Their rows are measured on other test examples.
    TestExamples,
    /// An earlier version has told the test examples of one by their positions alone, and the data of the two is not
    /// known to be the same.
    Positions,
}

/// Sets the rows of these runs side by side. `None` where one has no plan yet, or there are none.
///
/// What is compared is what [`Results::from_state`] compares within a run, by the same tests: rows measured with the
/// same seeds on the same test examples. Figures that are no share of the examples were resampled within their
/// runs alone; pairs are told by them only where several seeds allow a t over these.
pub fn across(members: &[Member]) -> Option<Across> {
    let plans: Vec<&RunPlan> = members
        .iter()
        .map(|member| member.state.plan.as_ref())
        .collect::<Option<_>>()?;
    let first = members.first()?;
    let apart: Vec<Option<Apart>> = (members.iter().enumerate())
        .map(|(index, member)| {
            (index > 0)
                .then(|| apart(&first.state, &member.state))
                .flatten()
        })
        .collect();
    let groups = groups(members);
    let same_seeds = plans.windows(2).all(|pair| {
        let seeds = |plan: &RunPlan| plan.seeds.iter().copied().collect::<BTreeSet<u64>>();
        seeds(pair[0]) == seeds(pair[1])
    });
    let ranked = same_seeds && apart.iter().all(Option::is_none);

    let (plan, run_of) = joined(members, &plans);
    let mut records = vec![record(Event::RunStarted(plan.clone()))];
    let mut offset = 0;
    for ((member, plan), group) in members.iter().zip(&plans).zip(&groups) {
        for outcome in member.state.outcomes.iter() {
            records.push(record(Event::RowMeasured(Outcome {
                row: outcome.row + offset,
                // Rows of runs that may not be compared share no test examples.
                test_set: marked(*group, &outcome.test_set),
                ..outcome.clone()
            })));
        }
        for failure in member.state.failures.iter() {
            let row = failure.row + offset;
            records.push(record(Event::RowFailed(Failure {
                row,
                ..failure.clone()
            })));
        }
        offset += plan.rows.len();
    }
    let state = RunState::from_records(&records);
    let families = Families::across(&plan, run_of.clone());
    let mut results = Results::among(&plan, &state, &families);
    "compared".clone_into(&mut results.status);
    for (row, run) in results.strategies.iter_mut().zip(&run_of) {
        row.rank = row.rank.filter(|_| ranked);
        if let Some(test_set) = &mut row.test_set {
            let bare = test_set
                .strip_prefix(&marked(groups[*run], ""))
                .map(str::to_owned);
            *test_set = bare.unwrap_or_else(|| test_set.clone());
        }
    }
    Some(Across {
        results,
        apart,
        ranked,
    })
}

/// The plan of all rows, and of which run each row is.
fn joined(members: &[Member], plans: &[&RunPlan]) -> (RunPlan, Vec<usize>) {
    let mut rows = Vec::new();
    let mut run_of = Vec::new();
    let mut seeds: Vec<u64> = Vec::new();
    for (run, (member, plan)) in members.iter().zip(plans).enumerate() {
        for row in &plan.rows {
            let name = format!("{} · {}", member.label, row.name);
            rows.push(RowPlan {
                name,
                ..row.clone()
            });
            run_of.push(run);
        }
        for seed in &plan.seeds {
            if !seeds.contains(seed) {
                seeds.push(*seed);
            }
        }
    }
    let all_the_same = |same: &dyn Fn(&RunPlan) -> bool| plans.iter().all(|plan| same(plan));
    let first = plans.first();
    let judging = first.map_or_else(Judging::default, |first| Judging {
        // A strategy named is one of its own run.
        compare_to: None,
        equivalent_within: (first.judging.equivalent_within).filter(|_| {
            all_the_same(&|plan| plan.judging.equivalent_within == first.judging.equivalent_within)
        }),
        ..first.judging.clone()
    });
    let classes = first.map(|first| &first.classes);
    let classes = classes.filter(|classes| all_the_same(&|plan| plan.classes == **classes));
    let labels: Vec<&str> = members.iter().map(|member| member.label.as_str()).collect();
    let plan = RunPlan {
        format: topwork_events::FORMAT,
        run: labels.join(", "),
        name: labels.join(", "),
        seeds,
        classes: classes.cloned().unwrap_or_default(),
        rows,
        judging,
        ..RunPlan::default()
    };
    (plan, run_of)
}

/// For each run the first one that it may be compared with, which may be itself.
fn groups(members: &[Member]) -> Vec<usize> {
    let mut groups: Vec<usize> = Vec::new();
    for (index, member) in members.iter().enumerate() {
        let metric = |state: &RunState| state.plan.as_ref().map(|plan| plan.judging.ranked_by().id);
        // Pairs are told by the figure of the first run alone.
        let judged_alike = metric(&member.state) == metric(&members[0].state);
        let group = groups.iter().copied().find(|&other| {
            other == groups[other]
                && judged_alike
                && apart(&members[other].state, &member.state).is_none()
        });
        groups.push(group.unwrap_or(index));
    }
    groups
}

fn marked(group: usize, test_set: &str) -> String {
    match group {
        0 => test_set.to_owned(),
        group => format!("run {group}: {test_set}"),
    }
}

/// Why the rows of two runs may not be compared, if so.
fn apart(a: &RunState, b: &RunState) -> Option<Apart> {
    let (Some(plan_a), Some(plan_b)) = (&a.plan, &b.plan) else {
        return Some(Apart::NotMeasured);
    };
    let metrics = [plan_a, plan_b].map(|plan| plan.judging.ranked_by().id);
    if metrics[0] != metrics[1] {
        return Some(Apart::Metric(metrics[0], metrics[1]));
    }
    let [of_a, of_b] = [a, b].map(by_seed);
    if of_a.is_empty() || of_b.is_empty() {
        return Some(Apart::NotMeasured);
    }
    let folds = Apart::Folds(plan_a.folds, plan_b.folds);
    if plan_a.folds != plan_b.folds {
        return Some(folds);
    }
    let shared: Vec<(&Measured, &Measured)> = (of_a.iter())
        .filter_map(|(seed, a)| Some((a, of_b.get(seed)?)))
        .collect();
    if shared.is_empty() {
        return Some(Apart::Seeds(
            of_a.into_keys().collect(),
            of_b.into_keys().collect(),
        ));
    }
    let mut common: Vec<&str> = Vec::new();
    for (a, b) in &shared {
        match a.test_sets.intersection(&b.test_sets).next() {
            Some(test_set) => common.push(test_set),
            // What one has of positions and the other of images can only differ.
            None if a.of_positions() != b.of_positions() => return Some(Apart::Positions),
            None => return Some(Apart::TestExamples),
        }
    }
    if common.iter().any(|test_set| is_of_positions(test_set))
        && (a.data.is_none() || a.data != b.data)
    {
        return Some(Apart::Positions);
    }
    (shared.iter().any(|(a, b)| a.folds != b.folds)).then_some(folds)
}

/// What the rows of one seed are measured on.
#[derive(Default)]
struct Measured<'a> {
    test_sets: BTreeSet<&'a str>,
    /// How many examples the folds have.
    folds: BTreeSet<Vec<u64>>,
}

impl Measured<'_> {
    fn of_positions(&self) -> bool {
        self.test_sets
            .iter()
            .any(|test_set| is_of_positions(test_set))
    }
}

/// A digest of what the examples show has a mark of how it is made before a colon.
fn is_of_positions(test_set: &str) -> bool {
    !test_set.contains(':')
}

fn by_seed(state: &RunState) -> BTreeMap<u64, Measured<'_>> {
    let mut seeds: BTreeMap<u64, Measured<'_>> = BTreeMap::new();
    for outcome in state.outcomes.iter() {
        let measured = seeds.entry(outcome.seed).or_default();
        measured.test_sets.insert(&outcome.test_set);
        measured
            .folds
            .insert(outcome.folds.iter().map(|fold| fold.total).collect());
    }
    seeds
}

fn record(event: Event) -> Record {
    Record::new(1, event)
}

#[cfg(test)]
mod tests {
    use topwork_events::{FoldOutcome, Seconds, Start};
    use topwork_measure::{Bits, Confusion};

    use super::*;
    use crate::PairTest;

    /// What a small run differs in from another one.
    #[derive(Clone, Copy)]
    struct Small {
        seeds: &'static [u64],
        folds: &'static [u64],
        metric: &'static str,
        test_set: &'static str,
        data: &'static str,
        /// Of eight examples those that are right.
        right: [u8; 8],
    }

    const SMALL: Small = Small {
        seeds: &[1],
        folds: &[],
        metric: "accuracy",
        test_set: "v2:a",
        data: "d",
        right: [1, 1, 1, 1, 1, 1, 1, 0],
    };

    fn member(label: &str, small: Small) -> Member {
        let row = RowPlan {
            name: "row".to_owned(),
            kind: "frozen-backbone".to_owned(),
            cut: "pool".to_owned(),
            feature_dim: 8,
            head: "mlp".to_owned(),
            weights: Start::Source,
            ..RowPlan::default()
        };
        let plan = RunPlan {
            run: label.to_owned(),
            seeds: small.seeds.to_vec(),
            folds: (!small.folds.is_empty()).then_some(small.folds.len() as u32),
            rows: vec![row],
            judging: Judging {
                metrics: vec![small.metric.to_owned()],
                ..Judging::default()
            },
            ..RunPlan::default()
        };
        let right: Vec<bool> = small.right.iter().map(|right| *right == 1).collect();
        let correct = right.iter().filter(|right| **right).count() as u64;
        let mut records = vec![
            record(Event::RunStarted(plan)),
            record(Event::DataRead {
                digest: small.data.to_owned(),
            }),
        ];
        for &seed in small.seeds {
            records.push(record(Event::RowMeasured(Outcome {
                row: 0,
                seed,
                correct,
                total: 8,
                figures: BTreeMap::from([("accuracy".to_owned(), correct as f64 / 8.0)]),
                folds: small
                    .folds
                    .iter()
                    .map(|&total| FoldOutcome {
                        correct: total,
                        total,
                    })
                    .collect(),
                test_set: small.test_set.to_owned(),
                train_samples: 16,
                trainable_parameters: 4,
                seconds: Seconds::default(),
                features_cached: false,
                confusion: Confusion::new(2),
                fit: topwork_measure::FitReport::default(),
                right: BTreeMap::from([(
                    "accuracy".to_owned(),
                    Bits::from_bools(right.iter().copied()),
                )]),
                ..Outcome::default()
            })));
        }
        Member {
            label: label.to_owned(),
            state: RunState::from_records(&records),
        }
    }

    #[test]
    fn runs_are_compared_where_examples_and_protocol_agree() {
        let check = |other: Small, first: Small, expected: Option<Apart>| {
            let found = across(&[member("1", first), member("2", other)]).unwrap();
            let comparable = expected.is_none();
            assert_eq!(found.apart, [None, expected]);
            assert_eq!(found.results.pairs.len(), usize::from(comparable));
            assert_eq!(found.ranked, comparable && first.seeds == other.seeds);
            let ranks = found
                .results
                .strategies
                .iter()
                .filter(|row| row.rank.is_some());
            assert_eq!(ranks.count(), if found.ranked { 2 } else { 0 });
            for row in &found.results.strategies {
                assert!(
                    !row.test_set.as_deref().unwrap_or("").starts_with("run "),
                    "{:?}",
                    row.test_set
                );
            }
        };
        check(SMALL, SMALL, None);
        check(
            Small {
                right: [0; 8],
                ..SMALL
            },
            SMALL,
            None,
        );
        check(Small { data: "e", ..SMALL }, SMALL, None);
        check(
            Small {
                seeds: &[1, 2],
                ..SMALL
            },
            SMALL,
            None,
        );
        check(
            Small {
                seeds: &[2],
                ..SMALL
            },
            SMALL,
            Some(Apart::Seeds(vec![1], vec![2])),
        );
        check(
            Small {
                seeds: &[],
                ..SMALL
            },
            SMALL,
            Some(Apart::NotMeasured),
        );
        check(
            Small {
                test_set: "v2:b",
                ..SMALL
            },
            SMALL,
            Some(Apart::TestExamples),
        );
        check(
            Small {
                metric: "macro-f1",
                ..SMALL
            },
            SMALL,
            Some(Apart::Metric("accuracy", "macro-f1")),
        );
        let folds = Small {
            folds: &[4, 4],
            ..SMALL
        };
        check(folds, SMALL, Some(Apart::Folds(None, Some(2))));
        check(folds, folds, None);
        check(
            Small {
                folds: &[3, 5],
                ..SMALL
            },
            folds,
            Some(Apart::Folds(Some(2), Some(2))),
        );
        // Positions say nothing of the images.
        let positions = Small {
            test_set: "abc",
            ..SMALL
        };
        check(positions, positions, None);
        check(
            Small {
                data: "e",
                ..positions
            },
            positions,
            Some(Apart::Positions),
        );
        check(positions, SMALL, Some(Apart::Positions));
    }

    #[test]
    fn pairs_have_the_tests_that_runs_have() {
        let (a, b) = (
            SMALL,
            Small {
                right: [1, 1, 0, 0, 0, 0, 0, 0],
                ..SMALL
            },
        );
        let found = across(&[member("1", a), member("2", b)]).unwrap();
        let pair = &found.results.pairs[0];
        assert_eq!((pair.a.as_str(), pair.b.as_str()), ("1 · row", "2 · row"));
        assert_eq!(
            (pair.test, pair.difference),
            (PairTest::McNemarMidP, Some(0.625))
        );
        // Five examples that only the first has right, none the other way: 2^-5.
        assert!(
            (pair.p - 1.0 / 32.0).abs() < 1e-12 && pair.p_holm == Some(pair.p),
            "{pair:?}"
        );
    }

    #[test]
    fn runs_that_differ_from_the_first_are_still_compared_with_each_other() {
        let other = Small {
            test_set: "v2:b",
            ..SMALL
        };
        let members = [member("1", SMALL), member("2", other), member("3", other)];
        let found = across(&members).unwrap();
        let pairs: Vec<&str> = found
            .results
            .pairs
            .iter()
            .map(|pair| pair.a.as_str())
            .collect();
        assert_eq!((pairs, found.ranked), (vec!["2 · row"], false));
        assert!(across(&[]).is_none());
    }
}
