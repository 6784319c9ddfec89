//! The reference page of figures, made from their declarations.

use crate::{
    figure::{Better, Figure, Needs, SeedInterval, Unit},
    figures::{FIGURES, TOP_K},
};

/// All figures as Markdown.
pub fn reference() -> String {
    let mut page = "# Figures\n\nWhat `target.metrics` and `target.rank-by` may name. All but the other `top-k` are measured of every row \
        and stand in `results.json`.\n\n\
        | id | called | what it is | unit | better | needs | interval of one seed |\n\
        |---|---|---|---|---|---|---|\n"
        .to_owned();
    for figure in FIGURES.iter().chain(TOP_K) {
        page.push_str(&row(figure));
    }
    page.push_str(
        "\nA head has probabilities when it says so: network heads (softmax of their logits), `logistic-regression`, `lda`, `naive-bayes`, `knn`, \
         `random-forest`, and `auto` when it has picked one of those. Definitions agree with scikit-learn's functions of the same names where \
         there are such (`bench/reference/statistics.py` compares them), but for the words above.\n",
    );
    page
}

fn row(figure: &Figure) -> String {
    let unit = match figure.unit {
        Unit::Share => "share, shown as %",
        Unit::Nats => "nats",
        Unit::Number => "number",
        Unit::OfTarget => "that of the target",
    };
    let better = match figure.better {
        Better::Higher => "higher",
        Better::Lower => "lower",
    };
    let needs = match figure.needs {
        Needs::Classes => "the class predicted",
        Needs::Scores => "scores",
        Needs::Probabilities => "probabilities",
        Needs::Numbers => "the number predicted",
        Needs::Labels => "scores of several labels",
    };
    let interval = match figure.interval {
        Some(SeedInterval::Wilson) => "Wilson",
        Some(SeedInterval::Bootstrap) => "bootstrap",
        Some(SeedInterval::BootstrapReflected) => "bootstrap, reflected",
        None => "none",
    };
    format!(
        "| `{}` | {} | {} | {unit} | {better} | {needs} | {interval} |\n",
        figure.id, figure.name, figure.about
    )
}
