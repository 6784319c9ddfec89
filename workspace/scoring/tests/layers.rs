//! Files of layers: what they compute, and what is refused.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use serde_json::{Value, json};
use topwork_scoring::ScoringLayers;
use topwork_tensors::Writer;

/// An array of a file.
enum Array<'a> {
    Floats(&'a str, &'a [usize], &'a [f32]),
    Labels(&'a str, &'a [usize], &'a [u32]),
}

use Array::{Floats, Labels};

fn read(layers: &Value, arrays: &[Array<'_>]) -> Result<ScoringLayers, String> {
    let mut file = Writer::default();
    for array in arrays {
        match *array {
            Floats(name, shape, values) => file.array(name.to_owned(), shape, values),
            Labels(name, shape, values) => file.array(name.to_owned(), shape, values),
        };
    }
    file.words(
        "layers",
        &json!({"format": 1, "features": 2, "layers": layers}),
    )
    .unwrap();
    ScoringLayers::read(&file.finish().unwrap(), 2, 2).map_err(|error| error.to_string())
}

#[test]
fn layers_compute_what_their_words_say() {
    let check = |layers: Value, arrays: &[Array<'_>], expected: [f64; 2]| {
        let found = read(&layers, arrays).unwrap().scores(&[3.0, 4.0]);
        let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12;
        assert!(found.iter().zip(&expected).all(near), "{layers}: {found:?}");
    };
    check(json!([]), &[], [3.0, 4.0]);
    check(
        json!([{"op": "scale"}]),
        &[
            Floats("0.shift", &[2], &[1.0, 2.0]),
            Floats("0.factor", &[2], &[2.0, 0.5]),
        ],
        [4.0, 1.0],
    );
    check(json!([{"op": "unit-length"}]), &[], [0.6, 0.8]);
    check(
        json!([{"op": "linear"}]),
        &[
            Floats("0.weight", &[2, 2], &[1.0, 1.0, 0.0, 2.0]),
            Floats("0.bias", &[2], &[0.5, -1.0]),
        ],
        [7.5, 7.0],
    );
    let logarithm = 4.0 + (1.0 + (-1.0_f64).exp()).ln();
    check(
        json!([{"op": "log-softmax"}]),
        &[],
        [3.0 - logarithm, 4.0 - logarithm],
    );
    check(
        json!([{"op": "softmax"}]),
        &[],
        [(3.0 - logarithm).exp(), (4.0 - logarithm).exp()],
    );
    check(
        json!([{"op": "distances", "metric": "euclidean", "precision": true}]),
        &[
            Floats("0.rows", &[2, 2], &[1.0, 4.0, 3.0, 0.0]),
            Floats("0.precision", &[2, 2], &[2.0, 1.0, 1.0, 0.5]),
            Floats("0.bias", &[2], &[1.0, 0.0]),
        ],
        [1.0 - 4.0, -4.0],
    );
    check(
        json!([{"op": "unit-length"}, {"op": "distances", "metric": "cosine"}]),
        &[
            Floats("1.rows", &[2, 2], &[0.0, 1.0, 0.0, 0.0]),
            Floats("1.bias", &[2], &[0.0, 0.0]),
        ],
        [-0.2, -1.0],
    );
    let rows: &[f32] = &[3.0, 3.0, 3.0, 6.0, 9.0, 4.0];
    for (weights, expected) in [
        ("uniform", [0.5, 0.5]),
        ("distance", [2.0 / 3.0, 1.0 / 3.0]),
    ] {
        check(
            json!([{"op": "neighbours", "k": 2, "metric": "euclidean", "weights": weights, "classes": 2}]),
            &[
                Floats("0.rows", &[3, 2], rows),
                Labels("0.labels", &[3], &[0, 1, 0]),
            ],
            expected,
        );
    }
    check(
        json!([{"op": "trees"}]),
        &[
            Labels("0.roots", &[2], &[0, 3]),
            Labels("0.feature", &[4], &[1, 0, 1, 2]),
            Floats("0.threshold", &[4], &[4.0, 0.0, 0.0, 0.0]),
            Labels("0.child", &[4], &[1, 0, 0, 0]),
            Floats("0.leaves", &[3, 2], &[1.0, 0.0, 0.0, 1.0, 0.5, 0.5]),
        ],
        [0.75, 0.25],
    );
}

#[test]
fn what_is_wrong_is_told() {
    let cases: Vec<(Value, Vec<Array<'_>>, &str)> = vec![
        (
            json!([{"op": "scale"}]),
            vec![Floats("0.shift", &[2], &[1.0, 2.0])],
            "are wrong at layer 0, `scale`: tensor `0.factor` not found",
        ),
        (
            json!([{"op": "scale"}]),
            vec![
                Floats("0.shift", &[2], &[1.0, f32::NAN]),
                Floats("0.factor", &[2], &[1.0, 1.0]),
            ],
            "are wrong at layer 0, `scale`: number 1 of `shift` is NaN, expected a finite one",
        ),
        (
            json!([{"op": "linear"}]),
            vec![
                Floats("0.weight", &[3, 2], &[0.0; 6]),
                Floats("0.bias", &[3], &[0.0; 3]),
            ],
            "lead from 2 features to 3 classes, expected 2 and 2",
        ),
        (
            json!([{"op": "distances", "metric": "cosine"}]),
            vec![],
            "are wrong at layer 0, `distances`: the metric cosine, expected `unit-length` right before it",
        ),
        (
            json!([{"op": "unit-length"}, {"op": "distances", "metric": "cosine"}]),
            vec![
                Floats("1.rows", &[2, 2], &[0.0, 2.0, 0.0, 1.0]),
                Floats("1.bias", &[2], &[0.0, 0.0]),
            ],
            "are wrong at layer 1, `distances`: row 0 has the length 2, expected 1 or 0 with the metric cosine",
        ),
        (
            json!([{"op": "neighbours", "k": 0, "metric": "euclidean", "weights": "uniform", "classes": 2}]),
            vec![
                Floats("0.rows", &[1, 2], &[0.0, 0.0]),
                Labels("0.labels", &[1], &[0]),
            ],
            "are wrong at layer 0, `neighbours`: 0 neighbours that vote, expected at least 1",
        ),
        (
            json!([{"op": "neighbours", "k": 1, "metric": "euclidean", "weights": "uniform", "classes": 2}]),
            vec![
                Floats("0.rows", &[1, 2], &[0.0, 0.0]),
                Labels("0.labels", &[1], &[2]),
            ],
            "are wrong at layer 0, `neighbours`: a label is 2, expected less than 2",
        ),
        (
            json!([{"op": "neighbours", "k": 1, "metric": "euclidean", "weights": "exponential", "classes": 2}]),
            vec![
                Floats("0.rows", &[1, 2], &[0.0, 0.0]),
                Labels("0.labels", &[1], &[1]),
            ],
            "are wrong at layer 0, `neighbours`: the weights exponential without a `temperature`",
        ),
        (
            json!([{"op": "neighbours", "k": 1, "metric": "euclidean", "weights": "exponential", "temperature": 0,
                "classes": 2}]),
            vec![
                Floats("0.rows", &[1, 2], &[0.0, 0.0]),
                Labels("0.labels", &[1], &[1]),
            ],
            "are wrong at layer 0, `neighbours`: the temperature is 0, expected a number above 0",
        ),
    ];
    for (layers, arrays, expected) in &cases {
        assert_eq!(read(layers, arrays).unwrap_err(), *expected, "{layers}");
    }
    // Trees: the array that is wrong, and what is told of it.
    type Nodes<'a> = (&'a [u32], &'a [u32], &'a [u32], &'a str);
    let trees: [Nodes<'_>; 5] = [
        (
            &[3],
            &[0, 0, 0],
            &[0, 0, 0],
            "a root is 3, expected less than 3",
        ),
        (
            &[0],
            &[2, 0, 0],
            &[1, 0, 0],
            "node 0 has the feature 2, expected less than 2",
        ),
        (
            &[0],
            &[0, 5, 0],
            &[1, 0, 0],
            "node 1 has the leaf 5, expected less than 1",
        ),
        (
            &[0],
            &[0, 0, 0],
            &[2, 0, 0],
            "node 0 has the children 2 and 3, expected two of 1 to 2",
        ),
        (
            &[0],
            &[0, 0, 0],
            &[1, 1, 0],
            "node 1 has the children 1 and 2, expected two of 2 to 2",
        ),
    ];
    for (roots, feature, child, expected) in trees {
        let found = read(
            &json!([{"op": "trees"}]),
            &[
                Labels("0.roots", &[1], roots),
                Labels("0.feature", &[3], feature),
                Floats("0.threshold", &[3], &[0.0; 3]),
                Labels("0.child", &[3], child),
                Floats("0.leaves", &[1, 2], &[0.5, 0.5]),
            ],
        );
        assert_eq!(
            found.unwrap_err(),
            format!("are wrong at layer 0, `trees`: {expected}")
        );
    }
    assert!(ScoringLayers::read(b"no file", 2, 2).is_err());
}
