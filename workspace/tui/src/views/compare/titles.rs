//! What rows of one target are called side by side.

use topwork_events::RowPlan;
use topwork_results::RowResult;

use crate::text::apart;

/// The strategy, the backbone where there are several, and what tells the row from others of these.
fn parts(row: &RowResult) -> [&str; 3] {
    let backbone = row.backbone.as_deref().unwrap_or_default();
    let rest = row.title.strip_prefix(&row.name).unwrap_or_default();
    let after =
        |rest: &'_ str, part: &str| rest.strip_prefix(" · ")?.strip_prefix(part).map(str::len);
    let detail = match after(rest, backbone) {
        Some(left) if !backbone.is_empty() => &rest[rest.len() - left..],
        _ => rest,
    };
    let detail = detail.strip_prefix(" · ").unwrap_or(detail);
    [&row.name, backbone, detail]
}

/// Names of rows in at most so many columns: of their titles what tells them apart.
pub fn labels(rows: &[&RowResult], columns: usize) -> Vec<String> {
    let all: Vec<[&str; 3]> = rows.iter().map(|row| parts(row)).collect();
    labels_of(&all, columns)
}

/// The same of rows that are planned.
pub fn labels_of_planned(rows: &[&RowPlan], columns: usize) -> Vec<String> {
    let all: Vec<[&str; 3]> = (rows.iter())
        .map(|row| {
            let [backbone, detail] = [&row.backbone, &row.detail];
            let [backbone, detail] = [backbone, detail].map(|part| part.as_deref());
            [
                &row.name,
                backbone.unwrap_or_default(),
                detail.unwrap_or_default(),
            ]
        })
        .collect();
    labels_of(&all, columns)
}

fn labels_of(all: &[[&str; 3]], columns: usize) -> Vec<String> {
    let differs = |at: usize| all.windows(2).any(|pair| pair[0][at] != pair[1][at]);
    let told: Vec<usize> = (0..3).filter(|at| differs(*at)).collect();
    let label = |of: &[&str; 3]| {
        let parts: Vec<&str> = match told.as_slice() {
            [] => of.to_vec(),
            told => told.iter().map(|at| of[*at]).collect(),
        };
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        parts.collect::<Vec<&str>>().join(" · ")
    };
    let labels: Vec<String> = all.iter().map(label).collect();
    apart(labels.iter().map(String::as_str), columns)
}
