//! Writes one table in every format into the folder named: what `bench/reference/tables.py` reads with other programs.
#![allow(clippy::unwrap_used, reason = "an example fails by panicking")]

use std::path::Path;
use topwork_tables::{Column, Format, Kind, Values, Writer};

/// Rows; more than one batch.
const ROWS: usize = 2500;
const NUMBERS: usize = 7;
const BATCH: usize = 1000;

fn main() {
    let folder = std::env::args().nth(1).unwrap();
    // The script makes the same rows.
    let names = ["plain", "b, \"c\"", "Katze ä 猫 🐈", "two\nlines", "=1+1"];
    let path = |row: usize| format!("{}/{row}.png", names[row % names.len()]);
    let paths: Vec<String> = (0..ROWS).map(path).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let class = |row: usize| (!row.is_multiple_of(3)).then(|| names[row % names.len()]);
    let classes: Vec<Option<&str>> = (0..ROWS).map(class).collect();
    let labels: Vec<i64> = (0..ROWS)
        .map(|row| row as i64 * 4_000_000_000_000_001 - 7)
        .collect();
    let score = |row: usize| match row % 4 {
        3 => f64::NAN,
        _ => 1.0 / (row as f64 + 3.0),
    };
    let scores: Vec<f64> = (0..ROWS).map(score).collect();
    let features: Vec<f32> = (0..ROWS * NUMBERS)
        .map(|n| 1.0 / (n as f32 + 1.0) - 0.01)
        .collect();
    let columns = vec![
        Column::new("path", Kind::Text),
        Column::new("class", Kind::OptionalText),
        Column::new("label", Kind::Integer),
        Column::new("score, é", Kind::Float),
        Column::new("features", Kind::Vector(NUMBERS)),
    ];
    for format in Format::ALL {
        let path = Path::new(&folder).join(format!("table-{0}.{0}", format.ending()));
        let mut writer = Writer::create(&path, format, columns.clone()).unwrap();
        for begin in (0..ROWS).step_by(BATCH) {
            let rows = begin..(begin + BATCH).min(ROWS);
            let numbers = rows.start * NUMBERS..rows.end * NUMBERS;
            let values = [
                Values::Text(&paths[rows.clone()]),
                Values::OptionalText(&classes[rows.clone()]),
                Values::Integer(&labels[rows.clone()]),
                Values::Float(&scores[rows]),
                Values::Vector(&features[numbers]),
            ];
            writer.rows(&values).unwrap();
        }
        writer.finish().unwrap();
    }
}
