//! Fitted classifiers as layers.

use serde_json::json;
use topwork_engine::{Network, Stream};
use topwork_export::{Exported, Head};
use topwork_scoring::ScoringLayers;
use topwork_tensors::Writer;

use crate::{agrees, model, names, network, nothing, numbers};

const FEATURES: usize = 12;

fn trunk() -> Network {
    network(&[3, 2, 2], &[r#""op": "flatten""#], 1)
}

/// Layers in the form that plugins write them.
pub(crate) fn layers(
    document: &serde_json::Value,
    arrays: impl FnOnce(&mut Writer<'_>),
    classes: usize,
) -> ScoringLayers {
    let mut file = Writer::default();
    arrays(&mut file);
    file.words(
        "layers",
        &json!({"format": 1, "features": FEATURES, "layers": document}),
    )
    .unwrap();
    ScoringLayers::read(&file.finish().unwrap(), FEATURES, classes).unwrap()
}

fn check(head: &ScoringLayers, images: &[f32], what: &str) {
    let trunk = trunk();
    let classes = names(head.classes());
    let layers = nothing(head.classes());
    let model = Exported {
        head: Head::Classifier(head),
        ..model(&trunk, &layers, &classes)
    };
    let scores: Vec<f32> = head
        .scores(images)
        .into_iter()
        .map(|score| score as f32)
        .collect();
    agrees(&model, images, &scores, what);
}

/// Rows of numbers around 0.
fn rows(count: usize, width: usize, seed: u64) -> Vec<f32> {
    let mut stream = Stream::new(seed, "rows");
    (0..count * width)
        .map(|_| stream.uniform(-1.0, 1.0))
        .collect()
}

/// The same, with length 1.
fn directions(count: usize, width: usize, seed: u64) -> Vec<f32> {
    let rows = rows(count, width, seed);
    let units = rows.chunks_exact(width).flat_map(|row| {
        let length = row
            .iter()
            .map(|x| f64::from(*x).powi(2))
            .sum::<f64>()
            .sqrt();
        row.iter().map(move |x| (f64::from(*x) / length) as f32)
    });
    units.collect()
}

/// Images, the first of which has no direction, and the second is a stored row as well.
fn images(stored: &[f32]) -> Vec<f32> {
    let mut images = numbers(20 * FEATURES, 7);
    images[..FEATURES].fill(0.0);
    images[FEATURES..2 * FEATURES].copy_from_slice(&stored[..FEATURES]);
    images
}

#[test]
fn linear_layers_and_what_stands_around_them() {
    let (shift, factor) = (rows(1, FEATURES, 1), rows(1, FEATURES, 2));
    let (weight, bias) = (rows(4, FEATURES, 3), rows(1, 4, 4));
    for last in [None, Some("softmax"), Some("log-softmax")] {
        for unit in [false, true] {
            let mut document = vec![json!({"op": "scale"}), json!({"op": "linear"})];
            if unit {
                document.insert(0, json!({"op": "unit-length"}));
            }
            document.extend(last.map(|op| json!({"op": op})));
            let at = usize::from(unit);
            let head = layers(
                &json!(document),
                |file| {
                    file.array(format!("{at}.shift"), &[FEATURES], &shift)
                        .array(format!("{at}.factor"), &[FEATURES], &factor)
                        .array(format!("{}.weight", at + 1), &[4, FEATURES], &weight)
                        .array(format!("{}.bias", at + 1), &[4], &bias);
                },
                4,
            );
            check(&head, &images(&shift), &json!(document).to_string());
        }
    }
}

#[test]
fn distances_to_stored_rows() {
    for (metric, precision, zero_row) in [
        ("euclidean", false, false),
        ("euclidean", true, false),
        ("cosine", false, false),
        ("cosine", false, true),
    ] {
        let mut stored = match metric {
            "cosine" => directions(5, FEATURES, 5),
            _ => rows(5, FEATURES, 5),
        };
        if zero_row {
            stored[3 * FEATURES..4 * FEATURES].fill(0.0);
        }
        let precisions: Vec<f32> = rows(5, FEATURES, 6).iter().map(|x| x.abs()).collect();
        for bias in [vec![0.0; 5], rows(1, 5, 7)] {
            let document = json!([
                {"op": "unit-length"},
                {"op": "distances", "metric": metric, "precision": precision},
            ]);
            let head = layers(
                &document,
                |file| {
                    file.array("1.rows", &[5, FEATURES], &stored)
                        .array("1.bias", &[5], &bias);
                    if precision {
                        file.array("1.precision", &[5, FEATURES], &precisions);
                    }
                },
                5,
            );
            check(&head, &images(&stored), &document.to_string());
        }
    }
}

#[test]
fn what_is_far_from_all_rows_has_the_differences_between_them() {
    let mut stored = rows(5, FEATURES, 5);
    let mut precisions: Vec<f32> = rows(5, FEATURES, 6).iter().map(|x| x.abs()).collect();
    for (stored, precisions) in (stored.chunks_mut(FEATURES)).zip(precisions.chunks_mut(FEATURES)) {
        // No sample learnt from had anything but 0 here.
        (stored[0], precisions[0]) = (0.0, 1e9);
    }
    let mut images = numbers(20 * FEATURES, 7);
    images.chunks_mut(FEATURES).for_each(|image| image[0] = 3.0);
    for last in ["softmax", "log-softmax"] {
        let document = json!([
            {"op": "distances", "metric": "euclidean", "precision": true},
            {"op": last},
        ]);
        let head = layers(
            &document,
            |file| {
                file.array("0.rows", &[5, FEATURES], &stored)
                    .array("0.bias", &[5], &rows(1, 5, 7))
                    .array("0.precision", &[5, FEATURES], &precisions);
            },
            5,
        );
        check(&head, &images, last);
    }
}

#[test]
fn votes_of_the_nearest() {
    for metric in ["euclidean", "cosine"] {
        for weights in ["uniform", "distance", "exponential"] {
            // One, some, more than the spare ones, all and more than there are.
            for (k, count) in [
                (1, 40),
                (5, 40),
                (5, 200),
                (30, 40),
                (40, 40),
                (50, 40),
                (3, 4),
            ] {
                let mut stored = match metric {
                    "cosine" => directions(count, FEATURES, 8),
                    _ => rows(count, FEATURES, 8),
                };
                // Two that are the same, of different classes, and one of zeros.
                let (first, second) = stored.split_at_mut(FEATURES);
                second[..FEATURES].copy_from_slice(first);
                if count > 10 {
                    stored[9 * FEATURES..10 * FEATURES].fill(0.0);
                }
                let labels: Vec<u32> = (0..count as u32).map(|row| row % 3).collect();
                let document = json!([
                    {"op": "unit-length"},
                    {"op": "neighbours", "k": k, "metric": metric, "weights": weights,
                        "temperature": 0.07, "classes": 3},
                ]);
                let head = layers(
                    &document,
                    |file| {
                        file.array("1.rows", &[count, FEATURES], &stored).array(
                            "1.labels",
                            &[count],
                            &labels,
                        );
                    },
                    3,
                );
                let what = format!("{document} of {count}");
                check(&head, &images(&stored), &what);
            }
        }
    }
}

#[test]
fn trees() {
    // A stump, a lone leaf, and a tree whose left side is deeper.
    let nodes: [(u32, f32, u32); 11] = [
        (2, 0.5, 1),
        (0, 0.0, 0),
        (1, 0.0, 0),
        (2, 0.0, 0),
        (5, 0.25, 5),
        (7, 0.75, 7),
        (3, 0.0, 0),
        (11, 0.5, 9),
        (4, 0.0, 0),
        (5, 0.0, 0),
        (6, 0.0, 0),
    ];
    let feature = nodes.map(|(feature, ..)| feature);
    let threshold = nodes.map(|(_, threshold, _)| threshold);
    let child = nodes.map(|(.., child)| child);
    let leaves: Vec<f32> = rows(7, 3, 9).iter().map(|x| x.abs()).collect();
    for roots in [vec![0_u32], vec![3], vec![4], vec![0, 3, 4, 0]] {
        let document = json!([{"op": "trees"}]);
        let head = layers(
            &document,
            |file| {
                file.array("0.roots", &[roots.len()], &roots)
                    .array("0.feature", &[11], &feature)
                    .array("0.threshold", &[11], &threshold)
                    .array("0.child", &[11], &child)
                    .array("0.leaves", &[7, 3], &leaves);
            },
            3,
        );
        // On the threshold the way goes to the left.
        let mut images = numbers(40 * FEATURES, 7);
        images[2] = 0.5;
        check(&head, &images, &format!("{roots:?}"));
    }
}
