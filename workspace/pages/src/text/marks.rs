//! The legend of the table.

use std::collections::BTreeSet;

use topwork_results::Results;

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
    text.push_str("95 %: Wilson interval over the test examples");
    text.push_str(if measured().any(|strategy| strategy.seeds.len() > 1) {
        "; mean ± standard deviation over seeds\n"
    } else {
        "\n"
    });
    let folds = measured().find_map(|strategy| {
        let folds = strategy.seeds.first().map_or(0, |seed| seed.folds.len());
        (folds > 0).then_some(folds)
    });
    if let Some(folds) = folds {
        text.push_str(&format!(
            "{folds} folds: every example is classified once, by what was fitted on the other {}; over the folds: mean ± standard deviation\n\
             the interval is somewhat too narrow: it takes no account of the training samples that the fits share\n",
            match folds - 1 {
                1 => "fold".to_owned(),
                others => format!("{others} folds"),
            }
        ));
    }
    if measured().any(|strategy| strategy.without_duplicates.is_some()) {
        text.push_str(
            "no duplicates: the accuracy without the test examples whose image was learnt from, too\n",
        );
    }
    if measured().any(|strategy| strategy.frozen_intact == Some(true)) {
        text.push_str(
            "❄ ✓: all that was frozen has the same SHA-256 after the strategy as before\n",
        );
    }
    if measured().any(|strategy| strategy.features_cached == Some(true)) {
        text.push_str(
            "*: the features were there already; what extracting them took is told again\n",
        );
    }
    if measured().any(|strategy| {
        strategy
            .seeds
            .iter()
            .any(|seed| seed.converged == Some(false))
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
