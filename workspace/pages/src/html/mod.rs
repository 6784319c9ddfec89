//! One self-contained page: no network, light and dark, to be read with eyes, ears and keys.

mod charts;
mod table;

use topwork_measure::{TargetKind, thousands};

use topwork_results::Results;

use crate::{
    ClassFeatures, Page, PageError, Report, pictures,
    text::{lines_before, lines_below, over_targets, pairs, reference_lines},
};

/// The page.
pub const PAGE: Page = Page {
    id: "html",
    about: "one self-contained page with pictures",
    extension: "html",
    write,
};

/// More confusion matrices than this are left to `results.json`.
const MATRICES: usize = 60;

/// Columns of a heat map of features: of more those that are evenly spaced.
const FEATURES: usize = 256;

/// Features of the second heat map: those that separate the classes best.
const BEST: usize = 32;

/// Classes of a heat map.
const CLASSES: usize = 40;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("page.js");

fn write(report: &Report, _: Option<usize>) -> Result<String, PageError> {
    let first = report.tables.first();
    let name = escaped(&first.name);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<title>{name}: run {}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{name}</h1>\n<p>Run {0}, {}.</p>\n<button type=\"button\" id=\"theme\" hidden>Dark colours</button>\n</header>\n<main>\n",
        escaped(&first.run),
        escaped(&first.status),
    );
    for results in report.tables.each() {
        page.push_str(&list(&lines_before(results)));
        let mut section = |heading: &str, content: &str| {
            let heading = match results.heading() {
                Some(of_table) => format!("{heading}: {}", escaped(&of_table)),
                None => heading.to_owned(),
            };
            section(&mut page, &heading, content);
        };
        section(
            "Comparison",
            &(table::comparison(results) + &list(&lines_below(results))),
        );
        section("Pairs", &pairs_of(results));
        section("Curves", &charts::curves(results));
        section("Confusion", &confusions(results));
        section("Predicted and true numbers", &against(results));
        section("Labels", &table::labels(results));
        section("Reliability", &charts::reliability(results));
        if let [heading, lines @ ..] = reference_lines(results).as_slice() {
            section(
                "Elsewhere",
                &format!(
                    "<p>{}</p>{}",
                    escaped(&heading.replace("figures", "Figures")),
                    list(lines)
                ),
            );
        }
    }
    section(
        &mut page,
        "All targets",
        &list(&over_targets(&report.tables)),
    );
    section(&mut page, "Features", &features(&report.features));
    section(&mut page, "Settings", &settings(report));
    page.push_str(&format!(
        "</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    ));
    Ok(page)
}

/// A section with a heading; what is empty has none.
fn section(page: &mut String, heading: &str, content: &str) {
    if content.is_empty() {
        return;
    }
    // A name of a target may hold anything; an id no white space.
    let id: String = (heading.to_lowercase().chars())
        .map(|c| if c.is_alphanumeric() { c } else { '-' })
        .collect();
    page.push_str(&format!(
        "<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{heading}</h2>\n{content}\n</section>\n"
    ));
}

fn list(lines: &[String]) -> String {
    let items = lines
        .iter()
        .map(|line| format!("<li>{}</li>", escaped(line)));
    match lines.is_empty() {
        true => String::new(),
        false => format!("<ul class=\"notes\">{}</ul>\n", items.collect::<String>()),
    }
}

fn pairs_of(results: &Results) -> String {
    let Some((heading, pairs)) = pairs::in_words(results) else {
        return String::new();
    };
    let rows = pairs.iter().map(|[names, difference, p, holm, verdict]| {
        format!(
            "<tr><th scope=\"row\">{}</th><td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"words\">{}</td></tr>",
            escaped(names),
            escaped(difference),
            escaped(p),
            escaped(holm),
            escaped(verdict)
        )
    });
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"pairs\"><table><caption>{}</caption><thead><tr><th scope=\"col\">pair</th><th scope=\"col\" class=\"number\">difference</th><th scope=\"col\" class=\"number\">p</th><th scope=\"col\" class=\"number\">p with Holm’s correction</th><th scope=\"col\">verdict</th></tr></thead><tbody>{}</tbody></table></div>",
        escaped(&heading),
        rows.collect::<String>()
    )
}

fn confusions(results: &Results) -> String {
    let known =
        || (results.strategies.iter()).filter_map(|row| Some((row, row.confusion.as_ref()?)));
    let count = known().count();
    let mut text = String::new();
    if count > MATRICES {
        text.push_str(&format!(
            "<p>The matrices of the first {MATRICES} of {} rows; all are in results.json.</p>",
            thousands(count as u64)
        ));
    }
    for (index, (row, confusion)) in known().take(MATRICES).enumerate() {
        let seeds = match row.seeds.len() {
            0 | 1 => String::new(),
            seeds => format!(", {seeds} seeds together"),
        };
        let title = format!("{}{seeds}", row.title);
        text.push_str(&format!(
            "<details{}><summary>{}</summary><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"confusion matrix of {1}\">{}</div></details>",
            if index == 0 { " open" } else { "" },
            escaped(&title),
            pictures::confusion(&title, confusion, &results.classes)
        ));
    }
    text
}

/// Predicted numbers against true ones, of the first seed of each row and column; nothing of classes.
fn against(results: &Results) -> String {
    let known = || {
        (results.strategies.iter())
            .flat_map(|row| row.columns.iter().map(move |column| (row, column)))
            .filter_map(|(row, column)| Some((row, column, column.against.as_ref()?)))
    };
    let count = known().count();
    if count == 0 {
        return String::new();
    }
    let mut text = String::from(
        "<p>On the dotted line the predicted number is the true one. A cell is darker the more test examples lie in it.</p>",
    );
    if count > MATRICES {
        text.push_str(&format!(
            "<p>The first {MATRICES} of {} pictures; what all show is in results.json.</p>",
            thousands(count as u64)
        ));
    }
    for (row, column, against) in known().take(MATRICES) {
        let title = match row.seeds.as_slice() {
            [first, _, ..] => format!("{}, seed {}", row.title, first.seed),
            _ => row.title.clone(),
        };
        let caption = match row.columns.as_slice() {
            [_] => title.clone(),
            _ => format!(
                "{title}, {}: {}",
                column.name,
                TargetKind::Numbers.told(&column.figures)
            ),
        };
        text.push_str(&format!(
            "<figure>{}<figcaption>{}</figcaption></figure>\n",
            pictures::against(&title, &column.name, against),
            escaped(&caption)
        ));
    }
    text
}

fn features(trunks: &[ClassFeatures]) -> String {
    trunks.iter().map(trunk).collect()
}

/// Two heat maps of one trunk, and the values of the second as a table.
fn trunk(trunk: &ClassFeatures) -> String {
    let kept = trunk.dimensions.len();
    if kept == 0 || trunk.classes.is_empty() {
        return String::new();
    }
    let classes = trunk.classes.len().min(CLASSES);
    let shown: Vec<usize> = match kept {
        0..=FEATURES => (0..kept).collect(),
        _ => (0..FEATURES).map(|at| at * kept / FEATURES).collect(),
    };
    let best: Vec<usize> = trunk.by_separation().into_iter().take(BEST).collect();
    let mut sorted: Vec<f64> = trunk
        .means
        .iter()
        .copied()
        .filter(|mean| mean.is_finite())
        .collect();
    sorted.sort_by(f64::total_cmp);
    let (Some(least), Some(largest)) = (sorted.first(), sorted.last()) else {
        return String::new();
    };
    // One feature much larger than all others would leave these one colour.
    let skipped = sorted.len() / 100;
    let scale = match (sorted[skipped], sorted[sorted.len() - 1 - skipped]) {
        (low, high) if low < high => (low, high),
        _ => (*least, *largest),
    };
    let map = |columns: &[usize], axis| {
        let values = (0..classes).flat_map(|class| columns.iter().map(move |at| (class, *at)));
        pictures::heat_map(&pictures::HeatMap {
            alternative: format!(
                "Heat map of the {}: mean of {} features for each of {classes} classes, from {} to {}. {axis}",
                trunk.trunk,
                columns.len(),
                pictures::value(scale.0),
                pictures::value(scale.1)
            ),
            rows: trunk.classes[..classes].to_vec(),
            columns: columns
                .iter()
                .map(|at| trunk.dimensions[*at].to_string())
                .collect(),
            axis,
            values: values.map(|(class, at)| trunk.mean(class, at)).collect(),
            scale,
        })
    };
    let cut_short = match trunk.classes.len() - classes {
        0 => String::new(),
        more => format!(" {} more classes are left out.", thousands(more as u64)),
    };
    let heads = trunk.classes[..classes]
        .iter()
        .map(|class| format!("<th scope=\"col\">{}</th>", escaped(class)));
    let rows = best.iter().map(|at| {
        let cells = (0..classes).map(|class| {
            format!(
                "<td class=\"number\">{}</td>",
                pictures::value(trunk.mean(class, *at))
            )
        });
        let f = trunk.separation.get(*at).copied().unwrap_or(f64::NAN);
        format!(
            "<tr><th scope=\"row\">{}</th><td class=\"number\">{}</td>{}</tr>",
            trunk.dimensions[*at],
            pictures::value(f),
            cells.collect::<String>()
        )
    });
    format!(
        "<h3>{0}</h3>\n<p>Mean feature vector of each class: {1} of {2} test examples, {3} of {4} features.{cut_short} Dark is low, bright is high, as the scale below each picture says; a hundredth of the values may lie beyond either of its ends.</p>\n<figure>{5}<figcaption>{6}, in the order of the network</figcaption></figure>\n<figure>{7}<figcaption>The {8} features that separate the classes best, by the F statistic of each alone</figcaption></figure>\n<details><summary>The values of these {8} features</summary><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"mean features of the {0}\"><table><caption>Mean of each feature by class</caption><thead><tr><th scope=\"col\">feature</th><th scope=\"col\">F</th>{9}</tr></thead><tbody>{10}</tbody></table></div></details>\n",
        escaped(&trunk.trunk),
        thousands(trunk.examples as u64),
        thousands(trunk.extracted as u64),
        thousands(shown.len() as u64),
        thousands(trunk.dim as u64),
        map(&shown, "feature, in the order of the network"),
        match shown.len() == trunk.dim {
            true => "All features".to_owned(),
            false => "Evenly spaced features".to_owned(),
        },
        map(&best, "feature, those that separate the classes best first"),
        best.len(),
        heads.collect::<String>(),
        rows.collect::<String>(),
    )
}

fn settings(report: &Report) -> String {
    let mut text = String::new();
    if !report.facts.is_empty() {
        let facts = (report.facts.iter())
            .map(|(name, value)| format!("<dt>{}</dt><dd>{}</dd>", escaped(name), escaped(value)));
        text.push_str(&format!("<dl>{}</dl>\n", facts.collect::<String>()));
    }
    if let Some(experiment) = &report.experiment {
        text.push_str(&format!(
            "<h3>The experiment as resolved</h3>\n<pre tabindex=\"0\" aria-label=\"the experiment file\"><code>{}</code></pre>\n",
            escaped(experiment)
        ));
    }
    text
}

/// Text that stands for itself within an element or an attribute.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Control characters have no place in a page.
            c if c.is_control() && c != '\n' && c != '\t' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn text_is_no_markup() {
        let check = |text: &str, expected: &str| assert_eq!(escaped(text), expected);
        check(
            "<script>\"a\" & 'b'",
            "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;",
        );
        check("größer\n", "größer\n");
        check("\u{1b}[31m", "\u{fffd}[31m");
    }
}
