//! What is told of single rows.

use topwork_measure::thousands;
use topwork_results::{FailedSeed, Results, SeedResult, ordered};

/// What heads say of their fits; once where they say the same with every seed.
pub fn notes(results: &Results) -> String {
    let mut text = String::new();
    for strategy in &results.strategies {
        let title = &strategy.title;
        let same = |pair: &[SeedResult]| pair[0].fit.note == pair[1].fit.note;
        let all_the_same = strategy.seeds.windows(2).all(same);
        for seed in &strategy.seeds {
            let Some(note) = &seed.fit.note else { continue };
            if all_the_same {
                text.push_str(&format!("{title}: {note}\n"));
                break;
            }
            text.push_str(&format!("{title}, seed {}: {note}\n", seed.seed));
        }
    }
    text
}

/// How well estimates of transferability order the rows of a strategy that differ in their features.
pub fn estimates(results: &Results) -> String {
    let all = ordered(results);
    let Some(first) = all.first() else {
        return String::new();
    };
    let mut text = format!(
        "weighted \u{3c4} of what is estimated and the {}, over rows that differ in their features alone (1: the same order, -1: its reverse)\n",
        first.figure.name
    );
    for of in &all {
        text.push_str(&format!(
            "  {:+.2}  {}, {} rows of {} on {} samples\n",
            of.tau,
            of.estimate,
            of.rows,
            of.strategy,
            thousands(of.train_samples)
        ));
    }
    text
}

/// What could not be measured, and why.
pub fn failures(results: &Results) -> String {
    let several = (results.strategies.iter())
        .any(|strategy| strategy.seeds.len() + strategy.failed.len() > 1);
    let mut text = String::new();
    for strategy in &results.strategies {
        for failed in &strategy.failed {
            let seed = match several {
                true => format!(", seed {}", failed.seed),
                false => String::new(),
            };
            let FailedSeed { message, .. } = failed;
            text.push_str(&format!("✗ {}{seed}: {message}\n", strategy.name));
        }
    }
    text
}
