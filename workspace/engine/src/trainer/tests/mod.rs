mod blocks;
mod learning;
mod numbers;
mod stored;
mod transformer;

use super::*;
use crate::Optimizer;
use crate::example_networks::{HEAD, LENET, blueprint, labels, network, numbers};
use crate::network::Network;

fn settings(optimizer: Optimizer, learning_rate: f32) -> TrainSettings {
    TrainSettings::new(optimizer, learning_rate)
}

fn part(network: Network, trained: bool) -> Part {
    match trained {
        true => Part::trained(network),
        false => Part::frozen(network),
    }
}

fn trainer(compute: &Compute, parts: Vec<Part>, settings: TrainSettings) -> Trainer<'_> {
    Trainer::new(compute, parts, settings, Stream::new(1, "dropout")).unwrap()
}

fn sgd(momentum: f32) -> Optimizer {
    let nesterov = false;
    Optimizer::Sgd { momentum, nesterov }
}

fn digests(parts: &[Part]) -> Vec<String> {
    parts.iter().map(|part| part.network.digest()).collect()
}

/// LeNet and a head after a few steps on random images, the last batch smaller than the others.
fn lenet_after_steps(
    threads: usize,
    optimizer: Optimizer,
    fused: bool,
) -> (Vec<Step>, Vec<Network>) {
    let compute = Compute::new(threads).unwrap();
    let networks = [network(LENET, 1), network(HEAD, 2)];
    let parts = networks.map(Part::trained);
    let mut trainer = trainer(&compute, parts.into(), settings(optimizer, 1e-2));
    if !fused {
        trainer = trainer.without_fusion();
    }
    let steps = [37, 64, 5].map(|samples| {
        let images = numbers(samples * 784, samples as u64);
        let labels = labels(samples, 5, samples as u64);
        trainer.step(&images, &labels).unwrap()
    });
    let parts = trainer.parts().iter();
    (
        steps.to_vec(),
        parts.map(|part| part.network.clone()).collect(),
    )
}

/// The same, with the weights' digests.
fn train_lenet(threads: usize, optimizer: Optimizer, fused: bool) -> (Vec<Step>, Vec<String>) {
    let (steps, networks) = lenet_after_steps(threads, optimizer, fused);
    (steps, networks.iter().map(Network::digest).collect())
}

#[test]
fn one_seed_gives_the_same_bits_on_any_number_of_threads() {
    for optimizer in [Optimizer::ADAM, sgd(0.9)] {
        let alone = train_lenet(1, optimizer, true);
        for threads in [2, 4] {
            assert_eq!(
                train_lenet(threads, optimizer, true),
                alone,
                "{threads} threads"
            );
        }
    }
}

/// The same bits forward; the gradient of a convolution's weights is added up in another order where pooling
/// is known to follow.
#[test]
fn fused_operations_train_as_single_ones() {
    let [fused, single] = [true, false].map(|fused| lenet_after_steps(2, sgd(0.9), fused));
    assert_eq!(fused.0[0], single.0[0]);
    let weights = |networks: &[Network]| -> Vec<f32> {
        let weights = networks.iter().flat_map(Network::weights);
        weights.flat_map(|weight| weight.values.to_vec()).collect()
    };
    for (fused, single) in weights(&fused.1).iter().zip(weights(&single.1)) {
        assert!((fused - single).abs() < 1e-6, "{fused} {single}");
    }
}

/// Mean cross-entropy of one linear layer and its gradients, by hand:
/// `dlogits = (softmax(logits) - onehot) / samples`.
fn softmax_regression(
    weights: &[f64],
    inputs: &[f32],
    labels: &[u32],
    [features, classes]: [usize; 2],
) -> (f64, Vec<f64>) {
    let mut loss = 0.0;
    let mut gradient = vec![0.0; weights.len()];
    let share = 1.0 / labels.len() as f64;
    for (input, &label) in inputs.chunks_exact(features).zip(labels) {
        let logits: Vec<f64> = (0..classes)
            .map(|class| {
                let row = &weights[class * features..(class + 1) * features];
                let products = row.iter().zip(input).map(|(w, &x)| w * f64::from(x));
                weights[classes * features + class] + products.sum::<f64>()
            })
            .collect();
        let total: f64 = logits.iter().map(|logit| logit.exp()).sum();
        loss -= share * (logits[label as usize] - total.ln());
        for class in 0..classes {
            let target = f64::from(u8::from(class == label as usize));
            let d = share * (logits[class].exp() / total - target);
            for (feature, &x) in input.iter().enumerate() {
                gradient[class * features + feature] += d * f64::from(x);
            }
            gradient[classes * features + class] += d;
        }
    }
    (loss, gradient)
}

/// The rules as PyTorch's documentation of `torch.optim.SGD` and `torch.optim.Adam` writes them, one
/// weight at a time. State is (momentum buffer or m, v).
fn step_by_hand(
    settings: &TrainSettings,
    t: i32,
    value: &mut f64,
    gradient: f64,
    state: &mut (f64, f64),
) {
    let rate = f64::from(settings.learning_rate);
    let decay = f64::from(settings.weight_decay);
    let gradient = match settings.optimizer {
        Optimizer::AdamW { .. } => {
            *value -= rate * decay * *value;
            gradient
        }
        _ => gradient + decay * *value,
    };
    match settings.optimizer {
        Optimizer::Sgd { momentum, nesterov } => {
            let momentum = f64::from(momentum);
            state.0 = match t {
                1 => gradient,
                _ => momentum * state.0 + gradient,
            };
            *value -= rate
                * if nesterov {
                    gradient + momentum * state.0
                } else {
                    state.0
                };
        }
        Optimizer::Adam {
            beta1,
            beta2,
            epsilon,
        }
        | Optimizer::AdamW {
            beta1,
            beta2,
            epsilon,
        } => {
            let (beta1, beta2) = (f64::from(beta1), f64::from(beta2));
            state.0 = beta1 * state.0 + (1.0 - beta1) * gradient;
            state.1 = beta2 * state.1 + (1.0 - beta2) * gradient * gradient;
            let m = state.0 / (1.0 - beta1.powi(t));
            let v = state.1 / (1.0 - beta2.powi(t));
            *value -= rate * m / (v.sqrt() + f64::from(epsilon));
        }
    }
}

#[test]
fn optimizers_follow_their_formulas() {
    let sizes @ [features, classes] = [6, 3];
    let layers = [format!(r#""op": "linear", "units": {classes}"#)];
    let start = Network::init(&blueprint("[6]", &layers), &mut Stream::new(4, "init"));
    let compute = Compute::new(2).unwrap();
    for optimizer in [
        sgd(0.0),
        sgd(0.9),
        Optimizer::Sgd {
            momentum: 0.8,
            nesterov: true,
        },
        Optimizer::ADAM,
        Optimizer::ADAMW,
        Optimizer::Adam {
            beta1: 0.5,
            beta2: 0.9,
            epsilon: 1e-3,
        },
    ] {
        for weight_decay in [0.0, 0.1] {
            let settings = TrainSettings {
                weight_decay,
                ..settings(optimizer, 0.05)
            };
            let parts = vec![part(start.clone(), true)];
            let mut trainer = trainer(&compute, parts, settings.clone());
            let weights = |network: &Network| -> Vec<f64> {
                let values = network.weights().flat_map(|weight| weight.values.to_vec());
                values.map(f64::from).collect()
            };
            let mut expected = weights(&start);
            let mut state = vec![(0.0, 0.0); expected.len()];
            for t in 1..=6 {
                let samples = 4 + t as usize;
                let inputs = numbers(samples * features, t as u64);
                let labels = labels(samples, classes, t as u64);
                let (loss, gradient) = softmax_regression(&expected, &inputs, &labels, sizes);
                for ((value, gradient), state) in expected.iter_mut().zip(gradient).zip(&mut state)
                {
                    step_by_hand(&settings, t, value, gradient, state);
                }
                let step = trainer.step(&inputs, &labels).unwrap();
                assert!((f64::from(step.loss) - loss).abs() < 1e-5, "{settings:?}");
            }
            let found = weights(&trainer.into_parts()[0].network);
            for (found, expected) in found.iter().zip(&expected) {
                assert!(
                    (found - expected).abs() < 2e-5,
                    "{found} {expected} {settings:?}"
                );
            }
        }
    }
}

/// Frozen parts keep every bit wherever they stand; what is trained around them changes.
#[test]
fn frozen_means_frozen() {
    let compute = Compute::new(2).unwrap();
    let trunk = network(LENET, 1);
    let head = network(HEAD, 2);
    let layers = [r#""op": "relu""#, r#""op": "linear", "units": 5"#].map(str::to_owned);
    let last = Network::init(&blueprint("[5]", &layers), &mut Stream::new(3, "init"));
    for trained in [
        [false, true, true],
        [false, false, true],
        [true, false, true],
        [true, false, false],
        [false, true, false],
    ] {
        let networks = [trunk.clone(), head.clone(), last.clone()];
        let parts = networks.into_iter().zip(trained);
        let parts: Vec<Part> = parts
            .map(|(network, trained)| part(network, trained))
            .collect();
        let before = digests(&parts);
        let settings = settings(Optimizer::ADAM, 1e-3);
        let mut trainer = trainer(&compute, parts, settings);
        for seed in 0..2 {
            trainer
                .step(&numbers(8 * 784, seed), &labels(8, 5, seed))
                .unwrap();
        }
        let after = digests(&trainer.into_parts());
        for index in 0..3 {
            let changed = before[index] != after[index];
            assert_eq!(changed, trained[index], "part {index} of {trained:?}");
        }
    }
    // The networks handed in are copies: training shares nothing with their owner.
    assert_eq!(trunk.digest(), network(LENET, 1).digest());
}

/// A frozen trunk in front changes nothing for the head: training on features extracted once is the same.
#[test]
fn a_head_learns_the_same_from_a_frozen_trunk_and_from_its_features() {
    let compute = Compute::new(2).unwrap();
    let trunk = network(LENET, 1);
    let images = numbers(64 * 784, 3);
    let labels = labels(64, 5, 3);
    let mut features = vec![0.0; 64 * 800];
    trunk.forward(&compute, &images, &mut features).unwrap();
    let run = |parts: Vec<Part>, inputs: &[f32]| {
        let settings = settings(Optimizer::ADAM, 1e-3);
        let mut trainer = trainer(&compute, parts, settings);
        for _ in 0..3 {
            trainer.step(inputs, &labels).unwrap();
        }
        digests(trainer.parts()).pop()
    };
    let whole = run(
        vec![part(trunk.clone(), false), part(network(HEAD, 2), true)],
        &images,
    );
    assert_eq!(whole, run(vec![part(network(HEAD, 2), true)], &features));
}

/// Two moons, which no straight line divides.
#[test]
fn a_small_network_learns_what_a_line_cannot_divide() {
    let mut stream = Stream::new(9, "moons");
    let (mut points, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..400 {
        let angle = stream.uniform(0.0, std::f32::consts::PI);
        let upper = stream.below(2) == 0;
        let (x, y) = match upper {
            true => (angle.cos(), angle.sin()),
            false => (1.0 - angle.cos(), 0.5 - angle.sin()),
        };
        points.extend([x + stream.uniform(-0.1, 0.1), y + stream.uniform(-0.1, 0.1)]);
        labels.push(u32::from(upper));
    }
    let compute = Compute::new(2).unwrap();
    let layers = [
        r#""op": "linear", "units": 16"#,
        r#""op": "relu""#,
        r#""op": "linear", "units": 2"#,
    ]
    .map(str::to_owned);
    let start = Network::init(&blueprint("[2]", &layers), &mut Stream::new(9, "init"));
    for optimizer in [settings(Optimizer::ADAM, 0.01), settings(sgd(0.9), 0.1)] {
        let mut trainer = trainer(&compute, vec![part(start.clone(), true)], optimizer);
        let mut last = None;
        for _ in 0..60 {
            for (points, labels) in points.chunks(2 * 50).zip(labels.chunks(50)) {
                trainer.step(points, labels).unwrap();
            }
            last = Some(trainer.step(&points, &labels).unwrap());
        }
        let Step { loss, correct } = last.unwrap();
        assert!(
            correct >= 395 && loss < 0.1,
            "{correct} of 400, loss {loss}"
        );
    }
}

#[test]
fn mistakes_end_in_a_sentence() {
    let compute = Compute::new(1).unwrap();
    let trunk = || network(LENET, 1);
    let head = || network(HEAD, 2);
    let good = settings(Optimizer::ADAM, 1e-3);
    let mut lines = Vec::new();
    let mut tell = |error: EngineError| {
        lines.push(error.to_string());
        lines.extend(error.hint().map(|hint| format!("  hint: {hint}")));
    };
    for (parts, settings) in [
        (vec![], good.clone()),
        (
            vec![part(trunk(), false), part(head(), false)],
            good.clone(),
        ),
        (vec![part(head(), true), part(trunk(), true)], good.clone()),
        (
            vec![part(trunk().keep(3).unwrap(), false), part(head(), true)],
            good.clone(),
        ),
        (vec![part(trunk().keep(3).unwrap(), true)], good.clone()),
        (
            vec![part(head(), true)],
            TrainSettings {
                learning_rate: -0.1,
                ..good.clone()
            },
        ),
        (
            vec![part(head(), true)],
            TrainSettings {
                learning_rate: f32::NAN,
                ..good.clone()
            },
        ),
        (
            vec![part(head(), true)],
            TrainSettings {
                weight_decay: f32::INFINITY,
                ..good.clone()
            },
        ),
        (vec![part(head(), true)], settings(sgd(1.0), 0.1)),
        (
            vec![part(head(), true)],
            settings(
                Optimizer::Adam {
                    beta1: -0.5,
                    beta2: 0.9,
                    epsilon: 1e-8,
                },
                0.1,
            ),
        ),
        (
            vec![part(head(), true)],
            settings(
                Optimizer::Adam {
                    beta1: 0.9,
                    beta2: 0.9,
                    epsilon: 0.0,
                },
                0.1,
            ),
        ),
    ] {
        let dropout = Stream::new(1, "dropout");
        tell(Trainer::new(&compute, parts, settings, dropout).unwrap_err());
    }
    let mut trainer = trainer(&compute, vec![part(head(), true)], good);
    let before = digests(trainer.parts());
    let features = numbers(2 * 800, 1);
    for (inputs, labels) in [
        (&features[..799], &[0, 1][..]),
        (&[], &[]),
        (&features, &[0, 1, 2]),
        (&features, &[0, 5]),
        (&[f32::NAN; 1600], &[0, 1]),
        (&[f32::INFINITY; 800], &[0]),
    ] {
        tell(trainer.step(inputs, labels).unwrap_err());
    }
    assert_eq!(
        digests(trainer.parts()),
        before,
        "a failed step changes nothing"
    );
    trainer.step(&features, &[0, 4]).unwrap();
    assert_ne!(digests(trainer.parts()), before);
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_rate_far_too_high_is_stopped_with_its_step() {
    let compute = Compute::new(1).unwrap();
    let parts = vec![part(network(HEAD, 2), true)];
    let settings = settings(sgd(0.0), 1e30);
    let mut trainer = trainer(&compute, parts, settings);
    let (features, labels) = (numbers(4 * 800, 1), labels(4, 5, 1));
    let first = trainer.step(&features, &labels).unwrap();
    // Random logits over five classes: the loss starts near ln 5.
    assert!((first.loss - 5f32.ln()).abs() < 0.2);
    let error = (0..20).find_map(|_| trainer.step(&features, &labels).err());
    let Some(EngineError::Diverged { loss, step, .. }) = error else {
        panic!("{error:?}");
    };
    assert!(!loss.is_finite() && step > 1);
}
