//! How the test examples are spread over the classes: what an accuracy is to be held against.

use topwork_events::is_uneven;
use topwork_measure::{majority_rate, percent, thousands};
use topwork_results::Results;

/// What always saying the most frequent class comes to, and whether classes are uneven.
pub fn classes(results: &Results) -> String {
    let counts = results.class_counts();
    let total: u64 = counts.iter().sum();
    let Some(rate) = majority_rate(&counts) else {
        return String::new();
    };
    // The first of equals.
    let most = (counts.iter().enumerate()).max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(&a.0)));
    // Runs side by side may have no classes in common.
    let Some((name, most)) =
        most.and_then(|(class, most)| Some((results.classes.get(class)?, most)))
    else {
        return String::new();
    };
    let mut text = format!(
        "most frequent class: `{name}`, {} of {} test examples, {}\n",
        thousands(*most),
        thousands(total),
        percent(rate),
    );
    if is_uneven(&counts) {
        let there = counts.iter().filter(|count| **count > 0).min();
        text.push_str(&format!(
            "! classes are uneven, the smallest has {}: accuracy alone misleads\n",
            thousands(there.copied().unwrap_or(0)),
        ));
    }
    text
}
