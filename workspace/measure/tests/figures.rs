//! The figures against scikit-learn 1.9.1: `accuracy_score`, `balanced_accuracy_score`, `f1_score`
//! (macro over the classes that occur), `matthews_corrcoef`, `cohen_kappa_score`.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use topwork_measure::FIGURES;

struct Case {
    name: &'static str,
    classes: usize,
    targets: &'static [u32],
    scores: &'static [f32],
    /// By id.
    expected: &'static [(&'static str, f64)],
}

#[test]
fn figures_are_those_of_scikit_learn() {
    for case in CASES {
        for figure in FIGURES {
            let expected = case.expected.iter().find(|(id, _)| *id == figure.id);
            let (_, expected) = expected.expect("the table has every figure");
            let found = (figure.of)(case.targets, case.scores, case.classes).unwrap();
            assert!(
                (found - expected).abs() < 1e-11,
                "{} of `{}`: {found}, expected {expected}",
                figure.id,
                case.name
            );
        }
    }
}

const CASES: &[Case] = &[
    Case {
        name: "two classes, one of them rare",
        classes: 2,
        targets: &[0, 0, 0, 0, 0, 1],
        #[rustfmt::skip]
        scores: &[
            0.9, 0.1,
            0.8, 0.2,
            0.6, 0.4,
            0.3, 0.7,
            0.55, 0.45,
            0.4, 0.6,
        ],
        expected: &[
            ("accuracy", 0.833333333333),
            ("balanced-accuracy", 0.900000000000),
            ("macro-f1", 0.777777777778),
            ("mcc", 0.632455532034),
            ("cohen-kappa", 0.571428571429),
        ],
    },
    Case {
        name: "three classes, an undecided example",
        classes: 3,
        targets: &[0, 1, 2, 1],
        #[rustfmt::skip]
        scores: &[
            0.7, 0.2, 0.1,
            0.1, 0.8, 0.1,
            0.6, 0.3, 0.1,
            0.4, 0.4, 0.2,
        ],
        expected: &[
            ("accuracy", 0.500000000000),
            ("balanced-accuracy", 0.500000000000),
            ("macro-f1", 0.388888888889),
            ("mcc", 0.387298334621),
            ("cohen-kappa", 0.272727272727),
        ],
    },
    Case {
        name: "a class that never occurs",
        classes: 3,
        targets: &[0, 2, 2, 0, 2],
        #[rustfmt::skip]
        scores: &[
            0.5, 0.3, 0.2,
            0.1, 0.2, 0.7,
            0.1, 0.6, 0.3,
            0.2, 0.1, 0.7,
            0.25, 0.25, 0.5,
        ],
        expected: &[
            ("accuracy", 0.600000000000),
            ("balanced-accuracy", 0.583333333333),
            ("macro-f1", 0.666666666667),
            ("mcc", 0.308606699924),
            ("cohen-kappa", 0.285714285714),
        ],
    },
    Case {
        name: "all wrong",
        classes: 3,
        targets: &[0, 1, 2],
        #[rustfmt::skip]
        scores: &[
            0.1, 0.8, 0.1,
            0.1, 0.1, 0.8,
            0.8, 0.1, 0.1,
        ],
        expected: &[
            ("accuracy", 0.000000000000),
            ("balanced-accuracy", 0.000000000000),
            ("macro-f1", 0.000000000000),
            ("mcc", -0.500000000000),
            ("cohen-kappa", -0.500000000000),
        ],
    },
    Case {
        name: "all right",
        classes: 3,
        targets: &[2, 1, 0, 1],
        #[rustfmt::skip]
        scores: &[
            0.1, 0.1, 0.8,
            0.2, 0.5, 0.3,
            0.9, 0.05, 0.05,
            0.3, 0.4, 0.3,
        ],
        expected: &[
            ("accuracy", 1.000000000000),
            ("balanced-accuracy", 1.000000000000),
            ("macro-f1", 1.000000000000),
            ("mcc", 1.000000000000),
            ("cohen-kappa", 1.000000000000),
        ],
    },
    Case {
        name: "twelve of four classes",
        classes: 4,
        targets: &[3, 2, 2, 3, 2, 3, 3, 0, 0, 1, 1, 3],
        #[rustfmt::skip]
        scores: &[
            0.003, 0.76, 0.156, 0.081,
            0.191, 0.11, 0.319, 0.38,
            0.315, 0.037, 0.525, 0.123,
            0.255, 0.646, 0.055, 0.044,
            0.262, 0.166, 0.47, 0.102,
            0.232, 0.525, 0.234, 0.01,
            0.088, 0.304, 0.19, 0.418,
            0.005, 0.595, 0.165, 0.234,
            0.307, 0.14, 0.379, 0.174,
            0.766, 0.049, 0.103, 0.082,
            0.398, 0.424, 0.044, 0.133,
            0.507, 0.033, 0.047, 0.414,
        ],
        expected: &[
            ("accuracy", 0.333333333333),
            ("balanced-accuracy", 0.341666666667),
            ("macro-f1", 0.309523809524),
            ("mcc", 0.147058823529),
            ("cohen-kappa", 0.135135135135),
        ],
    },
];
