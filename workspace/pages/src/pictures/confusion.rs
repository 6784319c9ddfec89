//! A confusion matrix: a table, whose cells are shaded by how many of their class they hold.

use topwork_measure::{Confusion, percent, thousands};

use crate::html::escaped;

/// Matrices of more classes than this do not fit a page; what is confused most is listed instead.
const CLASSES: usize = 30;

/// And so many of them.
const CONFUSED: usize = 30;

/// The matrix of one row, its classes called by these names.
pub fn confusion(row: &str, confusion: &Confusion, classes: &[String]) -> String {
    let name = |class: usize| escaped(classes.get(class).map_or("", String::as_str));
    let row = escaped(row);
    let totals = confusion.of_classes();
    if confusion.classes() > CLASSES {
        let mut cells: Vec<(usize, usize, u64)> = (confusion.cells())
            .filter(|(truth, predicted, _)| truth != predicted)
            .collect();
        cells.sort_by_key(|(.., count)| std::cmp::Reverse(*count));
        let more = cells.len().saturating_sub(CONFUSED);
        let rows: String = (cells.iter().take(CONFUSED))
            .map(|(truth, predicted, count)| {
                format!(
                    "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td></tr>",
                    name(*truth),
                    name(*predicted),
                    thousands(*count),
                    thousands(totals[*truth]),
                )
            })
            .collect();
        let rest = match more {
            0 => String::new(),
            more => format!(" {} more are in results.json.", thousands(more as u64)),
        };
        return format!(
            "<table><caption>{row}: what is confused most.{rest}</caption><thead><tr><th scope=\"col\">class</th><th scope=\"col\">taken for</th><th scope=\"col\">times</th><th scope=\"col\">of</th></tr></thead><tbody>{rows}</tbody></table>"
        );
    }
    let all = 0..confusion.classes();
    let heads: String = (all.clone())
        .map(|class| format!("<th scope=\"col\">{}</th>", name(class)))
        .collect();
    let mut rows = String::new();
    for truth in all.clone() {
        rows.push_str(&format!("<tr><th scope=\"row\">{}</th>", name(truth)));
        for predicted in all.clone() {
            let count = confusion.get(truth, predicted);
            let share = count as f64 / totals[truth].max(1) as f64;
            // No more than a third of the colour, so that the number stays readable on it.
            rows.push_str(&format!(
                "<td class=\"number{}\" style=\"--share:{:.0}%\" title=\"{} taken for {}: {} of {}, {}\">{}</td>",
                if truth == predicted { " right" } else { "" },
                share.sqrt() * 33.0,
                name(truth),
                name(predicted),
                thousands(count),
                thousands(totals[truth]),
                percent(share),
                thousands(count),
            ));
        }
        rows.push_str("</tr>");
    }
    format!(
        "<table class=\"confusion\"><caption>{row}: true class downwards, predicted class across</caption><thead><tr><td></td>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )
}
