//! Steps on numbers.

use super::*;
use crate::{Blueprint, NumberLoss};

const INPUTS: [f32; 12] = [
    0.5, -1.0, 2.0, 1.5, 0.25, -0.75, -2.0, 1.0, 0.5, 0.0, -0.5, 1.25,
];
/// Near and far from what the network says, on either side.
const NUMBERS: [f32; 4] = [0.4, -3.0, 5.0, -0.2];

fn linear(units: usize) -> Network {
    let json = format!(
        r#"{{"format": 1, "input": [3], "layers": [{{"name": "out", "op": "linear", "units": {units}}}]}}"#
    );
    let blueprint = Blueprint::parse(&json).unwrap();
    Network::init(&blueprint, &mut Stream::new(3, "init"))
}

fn values(network: &Network) -> Vec<f64> {
    let values = network.weights().flat_map(|weight| weight.values.to_vec());
    values.map(f64::from).collect()
}

/// The loss of `linear(1)` with these weights, in double precision.
fn by_definition(loss: NumberLoss, weights: &[f64]) -> f64 {
    let rows = INPUTS.chunks_exact(3).zip(NUMBERS);
    let losses = rows.map(|(inputs, number)| {
        let products = inputs.iter().zip(weights).map(|(&x, w)| f64::from(x) * w);
        let error = (products.sum::<f64>() + weights[3] - f64::from(number)).abs();
        match loss {
            NumberLoss::Squared => error * error,
            NumberLoss::Huber { delta } if error <= f64::from(delta) => 0.5 * error * error,
            NumberLoss::Huber { delta } => f64::from(delta) * (error - 0.5 * f64::from(delta)),
        }
    });
    losses.sum::<f64>() / NUMBERS.len() as f64
}

#[test]
fn gradients_are_finite_differences() {
    let compute = Compute::new(1).unwrap();
    for number_loss in [
        NumberLoss::Squared,
        NumberLoss::Huber { delta: 1.0 },
        NumberLoss::Huber { delta: 0.3 },
        NumberLoss::Huber { delta: 100.0 },
    ] {
        let network = linear(1);
        let before = values(&network);
        let settings = TrainSettings {
            number_loss,
            ..settings(sgd(0.0), 1.0)
        };
        let mut trainer = trainer(&compute, vec![Part::trained(network)], settings);
        let step = trainer.step_numbers(&INPUTS, &NUMBERS).unwrap();
        let near = |found: f64, expected: f64| {
            let within = 1e-4 * expected.abs().max(0.1);
            assert!(
                (found - expected).abs() < within,
                "{number_loss:?}: {found}, {expected}"
            );
        };
        near(f64::from(step.loss), by_definition(number_loss, &before));
        near(
            step.squared_error,
            by_definition(NumberLoss::Squared, &before),
        );
        let after = values(&trainer.parts()[0].network);
        for (place, (before_step, after_step)) in before.iter().zip(&after).enumerate() {
            const STEP: f64 = 1e-5;
            let moved = |by: f64| {
                let mut weights = before.clone();
                weights[place] += by;
                by_definition(number_loss, &weights)
            };
            near(
                before_step - after_step,
                (moved(STEP) - moved(-STEP)) / (2.0 * STEP),
            );
        }
    }
}

#[test]
fn what_is_no_step_on_numbers_is_refused() {
    let compute = Compute::new(1).unwrap();
    let refused = |network, loss, numbers: &[f32]| {
        let settings = TrainSettings {
            number_loss: loss,
            ..settings(sgd(0.0), 1.0)
        };
        let dropout = Stream::new(1, "dropout");
        let trainer = Trainer::new(&compute, vec![Part::trained(network)], settings, dropout);
        let stepped = trainer.and_then(|mut trainer| trainer.step_numbers(&INPUTS, numbers));
        stepped.unwrap_err().to_string()
    };
    let squared = NumberLoss::Squared;
    let check = |found: String, expected: &str| assert!(found.contains(expected), "{found}");
    check(
        refused(linear(2), squared, &NUMBERS),
        "2 outputs of each sample, expected one number",
    );
    check(refused(linear(1), squared, &NUMBERS[1..]), "3 labels");
    check(refused(linear(1), squared, &[f32::NAN; 4]), "NaN");
    check(
        refused(linear(1), NumberLoss::Huber { delta: 0.0 }, &NUMBERS),
        "a number above 0",
    );
}

#[test]
fn outputs_are_brought_to_the_unit_of_the_numbers() {
    let compute = Compute::new(1).unwrap();
    let network = linear(1);
    let all = network.in_unit(7.5, 100.0).unwrap();
    let given = |network: &Network| {
        let mut outputs = vec![0.0; 4];
        network.forward(&compute, &INPUTS, &mut outputs).unwrap();
        outputs
    };
    for (plain, brought) in given(&network).iter().zip(given(&all)) {
        assert!(
            (plain * 7.5 + 100.0 - brought).abs() < 1e-4,
            "{plain} {brought}"
        );
    }
    // Its weights are those of any network: written, and read by the same blueprint.
    let blueprint = network.blueprint().in_unit().unwrap();
    let mut read = Network::init(&blueprint, &mut Stream::new(9, "other"));
    read.load_safetensors(&all.to_safetensors().unwrap())
        .unwrap();
    assert_eq!(given(&read), given(&all));
    let refused = linear(2).in_unit(1.0, 0.0).unwrap_err().to_string();
    assert!(refused.contains("expected one number"), "{refused}");
}
