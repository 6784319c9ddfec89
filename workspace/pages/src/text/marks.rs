//! The legend of the table.

use std::collections::BTreeSet;

use topwork_events::Proved;
use topwork_measure::Needs;
use topwork_results::{IntervalBy, Results, RowResult};

/// What the marks of the table mean; only those that occur.
pub fn marks(results: &Results) -> String {
    let measured = || {
        results
            .strategies
            .iter()
            .filter(|strategy| !strategy.seeds.is_empty())
    };
    let mut text = String::new();
    if measured().next().is_none() {
        return text;
    }
    text.push_str(&intervals(results));
    if measured().any(|strategy| strategy.seeds.len() > 1) {
        text.push_str("±: sample standard deviation over seeds (n − 1): what chance in training alone changes\n");
    }
    let folds = measured().find_map(|strategy| {
        let folds = strategy.seeds.first().map_or(0, |seed| seed.folds.len());
        (folds > 0).then_some(folds)
    });
    if let Some(folds) = folds {
        text.push_str(&format!(
            "{folds} folds: every example is classified once, by what was fitted on the other {}; over the folds: mean ± standard deviation\n",
            match folds - 1 {
                1 => "fold".to_owned(),
                others => format!("{others} folds"),
            }
        ));
    }
    text.push_str(&selected(results));
    text.push_str(&not_available(results));
    if measured().any(|strategy| strategy.without_duplicates.is_some()) {
        text.push_str(
            "no duplicates: the accuracy without the test examples whose image was learnt from, too\n",
        );
    }
    // Where there are further test sets, what fits took and whether what was frozen stayed so stands in the table before.
    let told = || measured().filter(|_| results.test.is_none());
    let intact = || told().filter(|strategy| strategy.frozen_intact == Some(true));
    let answers = |row: &&RowResult| matches!(row.proved, Some(Proved::Answers { .. }));
    let partly = |row: &&RowResult| matches!(row.proved, Some(Proved::Weights { frozen, of }) if frozen < of);
    if intact().any(|row| !answers(&row)) {
        text.push_str("❄ ✓: all that was frozen has the same SHA-256 after the strategy as before");
        if intact().any(|row| partly(&row)) {
            text.push_str("; so many of the trunk's parameters, where not all");
        }
        text.push('\n');
    }
    if intact().any(|row| answers(&row)) {
        text.push_str(
            "◎ ✓: an extractor, which nobody can look into: the same file, and before and after the strategy the same answers to so many images of this run, each alone and all in one batch\n",
        );
    }
    if told().any(|strategy| strategy.features_cached == Some(true)) {
        text.push_str(
            "*: the features were there already; what extracting them took is told again\n",
        );
    }
    if told().any(|strategy| {
        strategy
            .seeds
            .iter()
            .any(|seed| seed.fit.converged == Some(false))
    }) {
        text.push_str("!: the fit ended before it converged\n");
    }
    let sets: BTreeSet<_> = measured()
        .filter_map(|strategy| strategy.test_set.as_ref())
        .collect();
    if sets.len() > 1 {
        text.push_str(
            "rows without a number were measured on other test examples and are not ranked\n",
        );
    }
    text
}

/// How intervals are made; of which figures, where they are not all made in one way.
fn intervals(results: &Results) -> String {
    let mut ways: Vec<(IntervalBy, Vec<&str>)> = Vec::new();
    for figure in results.shown() {
        let known = results
            .strategies
            .iter()
            .filter_map(|row| row.figure(figure));
        let made: BTreeSet<IntervalBy> = known.filter_map(|known| known.interval_by).collect();
        for by in made {
            match ways.iter_mut().find(|(known, _)| *known == by) {
                Some((_, figures)) => figures.push(figure.name),
                None => ways.push((by, vec![figure.name])),
            }
        }
    }
    let several = ways.len() > 1;
    (ways.into_iter())
        .map(|(by, figures)| match several {
            true => format!("95 % ({}): {}\n", figures.join(", "), by.sentence()),
            false => format!("95 %: {}\n", by.sentence()),
        })
        .collect()
}

/// What `selected on` means, and what protocols do to the ranks.
fn selected(results: &Results) -> String {
    let mut text = String::new();
    let seeds = results.strategies.iter().flat_map(|row| &row.seeds);
    let by: BTreeSet<&str> = (seeds.filter_map(|seed| seed.selected.as_ref()))
        .map(|selected| selected.by.as_str())
        .collect();
    if !by.is_empty() {
        let by: Vec<&str> = by.into_iter().collect();
        text.push_str(&format!(
            "selected on: the training samples that values were chosen on, by {}; what was chosen is fitted again to all of them. No test example has a part in it\n",
            by.join(" and ")
        ));
    }
    if results.strategies.iter().any(|row| row.protocol.is_some()) {
        text.push_str("rows are ranked among those of the same protocol\n");
    }
    text
}

/// Why rows have no such figure.
fn not_available(results: &Results) -> String {
    let mut text = String::new();
    for figure in results.shown() {
        let lacks = |row: &&RowResult| !row.seeds.is_empty() && row.figure(figure).is_none();
        if results.strategies.iter().any(|row| lacks(&row)) {
            let why = match figure.needs {
                Needs::Probabilities => {
                    "it needs probabilities, and the head does not say that its scores are such"
                }
                Needs::Numbers => "it is not defined where all true numbers are equal",
                Needs::Labels => "it is not defined where no example has a label",
                Needs::Classes | Needs::Scores => {
                    "it is not defined for these classes and scores, or the run is of a version that did not measure it"
                }
            };
            text.push_str(&format!("n/a ({}): {why}\n", figure.name));
        }
    }
    text
}
