//! What is done with activations before the head gets them, and with images before the trunk does.

use topwork_export::{Components, Exported, Images, prove};
use topwork_measure::{PrincipalComponents, Scores, TargetKind};
use topwork_schema::{Normalise, Pool, Reduction, pyramid_cells};

use crate::{PLAIN, TOLERANCE, agrees, forward, model, names, network, nothing, numbers};

const MAP: [usize; 3] = [3, 5, 6];

/// The features by their definition, in double precision.
pub(crate) fn reduced(map: &[f32], shape: [usize; 3], reduction: Reduction) -> Vec<f32> {
    let [channels, height, width] = shape;
    let plane = |channel: usize| &map[channel * height * width..][..height * width];
    let largest = |values: Vec<f32>| values.into_iter().fold(f32::MIN, f32::max);
    let mut row: Vec<f32> = match reduction.pool {
        // Tokens have a test of their own; a vector stays what it is.
        None | Some(Pool::Flatten | Pool::ClassToken | Pool::MeanTokens | Pool::ClassMean) => {
            map.to_vec()
        }
        Some(Pool::Gap) => (0..channels)
            .map(|channel| {
                let sum: f64 = plane(channel).iter().map(|x| f64::from(*x)).sum();
                (sum / (height * width) as f64) as f32
            })
            .collect(),
        Some(Pool::Gmp) => (0..channels)
            .map(|channel| largest(plane(channel).to_vec()))
            .collect(),
        Some(Pool::Pyramid) => (0..channels)
            .flat_map(|channel| {
                pyramid_cells(height, width).map(move |(rows, columns)| {
                    let rows =
                        rows.flat_map(|y| plane(channel)[y * width..][columns.clone()].to_vec());
                    largest(rows.collect())
                })
            })
            .collect(),
    };
    if reduction.l2 {
        let squares: f64 = row.iter().map(|x| f64::from(*x).powi(2)).sum();
        if squares > 0.0 {
            row.iter_mut()
                .for_each(|x| *x = (f64::from(*x) / squares.sqrt()) as f32);
        }
    }
    row
}

#[test]
fn every_reduction_is_written() {
    let pools = [
        None,
        Some(Pool::Gap),
        Some(Pool::Gmp),
        Some(Pool::Flatten),
        Some(Pool::Pyramid),
    ];
    // A map as it is, one too small for the finest grid, and a vector.
    let trunks: [&[&str]; 3] = [
        &[r#""op": "tanh""#],
        &[r#""op": "max-pool2d", "kernel": [2, 2]"#],
        &[r#""op": "flatten""#],
    ];
    for layers in trunks {
        let trunk = network(&MAP, layers, 3);
        let output = trunk.blueprint().output();
        let shape = output.as_image().unwrap_or([output.elements(), 1, 1]);
        let mut images = numbers(4 * MAP.iter().product::<usize>(), 4);
        // An image whose features are all 0 has no direction.
        images[..MAP.iter().product()].fill(0.0);
        let activations = forward(&trunk, &images);
        for pool in pools {
            for l2 in [false, true] {
                let reduction = Reduction {
                    pool,
                    l2,
                    pca: None,
                };
                let scores: Vec<f32> = (activations.chunks_exact(output.elements()))
                    .flat_map(|map| reduced(map, shape, reduction))
                    .collect();
                let width = scores.len() / 4;
                let (head, classes) = (nothing(width), names(width));
                let model = Exported {
                    reduction,
                    ..model(&trunk, &head, &classes)
                };
                agrees(
                    &model,
                    &images,
                    &scores,
                    &format!("{layers:?} {reduction:?}"),
                );
            }
        }
    }
}

/// A class token, a register and 30 patches of three numbers each.
#[test]
fn reductions_of_tokens_are_written() {
    let layers = [
        r#""op": "tokens""#,
        r#""op": "class-token", "registers": 1"#,
        r#""op": "layer-norm""#,
    ];
    let trunk = network(&MAP, &layers, 3);
    let images = numbers(4 * MAP.iter().product::<usize>(), 4);
    let activations = forward(&trunk, &images);
    let mean = |tokens: &[f32], column: usize| -> f32 {
        let values = tokens[column..].iter().step_by(3);
        let sum: f64 = values.map(|x| f64::from(*x)).sum();
        (sum / (tokens.len() / 3) as f64) as f32
    };
    let means = |tokens: &[f32]| -> Vec<f32> { (0..3).map(|at| mean(tokens, at)).collect() };
    type Of<'a> = &'a dyn Fn(&[f32]) -> Vec<f32>;
    let cases: [(Pool, Of<'_>); 4] = [
        (Pool::ClassToken, &|all| all[..3].to_vec()),
        (Pool::MeanTokens, &|all| means(&all[6..])),
        (Pool::ClassMean, &|all| {
            [all[..3].to_vec(), means(&all[6..])].concat()
        }),
        (Pool::Gap, &|all| means(all)),
    ];
    for (pool, of) in cases {
        let scores: Vec<f32> = activations.chunks_exact(32 * 3).flat_map(of).collect();
        let width = scores.len() / 4;
        let (head, classes) = (nothing(width), names(width));
        let reduction = Reduction {
            pool: Some(pool),
            ..PLAIN
        };
        let model = Exported {
            reduction,
            ..model(&trunk, &head, &classes)
        };
        agrees(&model, &images, &scores, &format!("{pool:?}"));
    }
}

#[test]
fn components_come_after_the_reduction() {
    let trunk = network(&MAP, &[r#""op": "tanh""#], 3);
    let images = numbers(20 * MAP.iter().product::<usize>(), 4);
    let reduction = Reduction {
        pool: Some(Pool::Pyramid),
        ..PLAIN
    };
    let features: Vec<f32> = (forward(&trunk, &images).chunks_exact(90))
        .flat_map(|map| reduced(map, MAP, reduction))
        .collect();
    let width = features.len() / 20;
    let fitted = PrincipalComponents::fit(&features, width, 5).unwrap();
    let scores = fitted.transform(&features);
    let (mean, basis) = (fitted.mean(), fitted.basis());
    let (head, classes) = (nothing(5), names(5));
    let whole = Exported {
        reduction,
        components: Some(Components {
            mean: &mean,
            basis: &basis,
        }),
        ..model(&trunk, &head, &classes)
    };
    agrees(&whole, &images, &scores, "principal components");
    let wrong = Exported {
        components: Some(Components {
            mean: &mean[1..],
            basis: &basis,
        }),
        ..whole
    };
    let refused = wrong.to_onnx().unwrap_err().to_string();
    assert_eq!(
        refused,
        format!(
            "principal components of {} features and {} weights do not fit {width} features",
            width - 1,
            5 * width
        )
    );
}

#[test]
fn images_are_normalised_within() {
    let trunk = network(
        &MAP,
        &[r#""op": "conv2d", "filters": 2, "kernel": [3, 3]"#],
        5,
    );
    let normalise = Normalise {
        mean: vec![0.485, 0.456, 0.406],
        std: vec![0.229, 0.224, 0.225],
    };
    let bytes: Vec<u8> = (0..2 * MAP.iter().product::<usize>())
        .map(|n| (n * 7 % 256) as u8)
        .collect();
    let images: Vec<f32> = bytes.iter().map(|byte| f32::from(*byte) / 255.0).collect();
    let normalised: Vec<f32> = (images.chunks_exact(30).enumerate())
        .flat_map(|(plane, values)| {
            let (mean, std) = (
                normalise.mean[plane % 3] as f32,
                normalise.std[plane % 3] as f32,
            );
            values.iter().map(move |x| (x - mean) / std)
        })
        .collect();
    let scores = forward(&trunk, &normalised);
    let outputs = trunk.blueprint().output().elements();
    let (head, classes) = (nothing(outputs), names(outputs));
    let numbers = Exported {
        normalise: Some(&normalise),
        ..model(&trunk, &head, &classes)
    };
    agrees(&numbers, &images, &scores, "numbers");
    let of_bytes = Exported {
        bytes: true,
        ..numbers.clone()
    };
    let file = of_bytes.to_onnx().unwrap();
    let agreement = prove(
        &file,
        Images::Bytes(&bytes),
        MAP,
        &scores,
        (TargetKind::Classes, outputs),
    )
    .unwrap();
    assert_eq!((agreement.equal, agreement.of), (2, 2));
    assert!(
        agreement.largest_relative_difference <= TOLERANCE,
        "{agreement:?}"
    );
}

#[test]
fn scores_are_brought_to_a_temperature() {
    let trunk = network(&MAP, &[r#""op": "flatten""#], 5);
    let images = numbers(3 * 90, 6);
    let classes = names(90);
    let head = nothing(90);
    let temperature = 1.7;
    for (are, logit) in [
        (Scores::Logits, f32::from as fn(f32) -> f32),
        (Scores::Ranking, f32::from),
        (Scores::Probabilities, |p: f32| p.max(f32::EPSILON).ln()),
    ] {
        let scores: Vec<f32> = (images.chunks_exact(90))
            .flat_map(|row| {
                let logits: Vec<f32> = row.iter().map(|x| logit(*x)).collect();
                let most = logits.iter().copied().fold(f32::MIN, f32::max);
                let divided = logits
                    .iter()
                    .map(|x| (f64::from(x - most) / temperature) as f32);
                divided.collect::<Vec<_>>()
            })
            .collect();
        let model = Exported {
            scores: are,
            temperature: Some(temperature),
            ..model(&trunk, &head, &classes)
        };
        agrees(&model, &images, &scores, &format!("{are:?}"));
    }
}
