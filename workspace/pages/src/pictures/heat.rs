//! A class × feature heat map.

use super::{n, picture, text};

/// How many colours there are: the classes `q0` to `q15` of the style sheet, from dark to bright.
const COLOURS: usize = 16;
const WIDTH: f64 = 1000.0;
const LABELS: f64 = 120.0;
const RIGHT: f64 = 24.0;
const ROW: f64 = 20.0;

/// What is drawn.
#[derive(Clone, Debug)]
pub struct HeatMap<'a> {
    /// What the picture shows, in sentences.
    pub alternative: String,
    /// What the rows are called.
    pub rows: Vec<String>,
    /// What the columns are called.
    pub columns: Vec<String>,
    /// What stands under the columns.
    pub axis: &'a str,
    /// The values, row-major; what is not finite stays empty.
    pub values: Vec<f64>,
    /// The values at both ends of the colours; what lies beyond has the colour of the end.
    pub scale: (f64, f64),
}

/// The picture.
pub fn heat_map(map: &HeatMap<'_>) -> String {
    let columns = map.columns.len().max(1);
    let width = (WIDTH - LABELS - RIGHT) / columns as f64;
    let (low, high) = map.scale;
    // One path for every colour: a rectangle for each of thousands of cells would be most of the page.
    let mut paths = vec![String::new(); COLOURS];
    for (row, values) in map.values.chunks(columns).enumerate() {
        for (column, value) in values
            .iter()
            .enumerate()
            .filter(|(_, value)| value.is_finite())
        {
            let share = if high > low {
                (value - low) / (high - low)
            } else {
                0.0
            };
            let colour = ((share * COLOURS as f64) as usize).min(COLOURS - 1);
            paths[colour].push_str(&format!("M{column} {row}h1v1h-1z"));
        }
    }
    let mut content = format!(
        "<g transform=\"translate({} 4) scale({} {ROW})\" shape-rendering=\"crispEdges\">",
        n(LABELS),
        // Finer than two decimals: it is multiplied by hundreds of columns.
        (width * 1e4).round() / 1e4
    );
    for (colour, path) in paths
        .iter()
        .enumerate()
        .filter(|(_, path)| !path.is_empty())
    {
        content.push_str(&format!("<path class=\"q{colour}\" d=\"{path}\"/>"));
    }
    content.push_str("</g>");
    for (row, name) in map.rows.iter().enumerate() {
        content.push_str(&text(
            LABELS - 8.0,
            4.0 + ROW * (row as f64 + 0.7),
            "end",
            &shortened(name),
        ));
    }
    let bottom = 4.0 + ROW * map.rows.len() as f64;
    let mut free = f64::NEG_INFINITY;
    for (column, name) in map.columns.iter().enumerate() {
        let at = LABELS + (column as f64 + 0.5) * width;
        let half = 3.8 * name.chars().count() as f64;
        if at - half > free {
            content.push_str(&format!(
                "<path class=\"axis\" d=\"M{} {}v4\"/>",
                n(at),
                n(bottom)
            ));
            content.push_str(&text(at, bottom + 17.0, "middle", name));
            free = at + half + 8.0;
        }
    }
    content.push_str(&text(
        (LABELS + WIDTH) / 2.0,
        bottom + 36.0,
        "middle",
        map.axis,
    ));
    // The colours from low to high.
    let step = 200.0 / COLOURS as f64;
    for colour in 0..COLOURS {
        content.push_str(&format!(
            "<path class=\"q{colour}\" d=\"M{} {}h{}v12h-{2}z\"/>",
            n(LABELS + step * colour as f64),
            n(bottom + 46.0),
            n(step)
        ));
    }
    content.push_str(&text(LABELS - 8.0, bottom + 57.0, "end", &value(low)));
    content.push_str(&text(LABELS + 208.0, bottom + 57.0, "start", &value(high)));
    picture(WIDTH, bottom + 66.0, &map.alternative, &content)
}

/// A value of a feature: three significant digits.
pub fn value(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if (0.001..1000.0).contains(&size) => {
            let decimals = (2.0 - size.log10().floor()).clamp(0.0, 5.0) as usize;
            format!("{value:.decimals$}")
        }
        _ => format!("{value:.2e}"),
    }
}

/// A name that fits beside its row.
fn shortened(name: &str) -> String {
    const MOST: usize = 16;
    match name.chars().count() > MOST {
        true => name.chars().take(MOST - 1).chain(['…']).collect(),
        false => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finite_value_has_one_colour() {
        let check = |values: &[f64], scale, expected: &[(usize, &str)]| {
            let map = HeatMap {
                alternative: "two classes".to_owned(),
                rows: vec!["a".to_owned(), "b".to_owned()],
                columns: vec!["0".to_owned(), "1".to_owned()],
                axis: "feature",
                values: values.to_vec(),
                scale,
            };
            let svg = heat_map(&map);
            for (colour, path) in expected {
                assert!(
                    svg.contains(&format!("class=\"q{colour}\" d=\"{path}\"")),
                    "{svg}"
                );
            }
            let cells = svg.matches("h1v1h-1z").count();
            assert_eq!(
                cells,
                values.iter().filter(|value| value.is_finite()).count()
            );
        };
        check(
            &[0.0, 1.0, 0.5, f64::NAN],
            (0.0, 1.0),
            &[
                (0, "M0 0h1v1h-1z"),
                (15, "M1 0h1v1h-1z"),
                (8, "M0 1h1v1h-1z"),
            ],
        );
        check(
            &[2.0; 4],
            (2.0, 2.0),
            &[(0, "M0 0h1v1h-1zM1 0h1v1h-1zM0 1h1v1h-1zM1 1h1v1h-1z")],
        );
        check(&[-5.0, 9.0, 0.0, 0.0], (0.0, 1.0), &[(15, "M1 0h1v1h-1z")]);
    }

    #[test]
    fn values_have_three_digits() {
        let check = |number: f64, expected: &str| assert_eq!(value(number), expected);
        check(0.0, "0");
        check(0.12345, "0.123");
        check(1.5, "1.50");
        check(123.4, "123");
        check(-0.00123, "-0.00123");
        check(1e6, "1.00e6");
    }
}
