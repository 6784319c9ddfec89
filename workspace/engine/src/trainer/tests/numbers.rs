//! Steps on numbers.

use super::*;
use crate::{Blueprint, NumberLoss};

const INPUTS: [f32; 12] = [
    0.5, -1.0, 2.0, 1.5, 0.25, -0.75, -2.0, 1.0, 0.5, 0.0, -0.5, 1.25,
];
/// Near and far from what the networks say, on either side: one for each sample, or two.
const NUMBERS: [f32; 8] = [0.4, -3.0, 5.0, -0.2, 1.4, 0.7, -2.5, 0.1];

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

/// The loss of every output of `linear(outputs)` with these weights, in double precision.
fn by_definition(loss: NumberLoss, outputs: usize, weights: &[f64]) -> Vec<f64> {
    let of_output = |output: usize| {
        let numbers = NUMBERS.iter().skip(output).step_by(outputs);
        let losses = INPUTS
            .chunks_exact(3)
            .zip(numbers)
            .map(|(inputs, &number)| {
                let of_output = &weights[output * 3..];
                let products = inputs.iter().zip(of_output).map(|(&x, w)| f64::from(x) * w);
                let bias = weights[outputs * 3 + output];
                let (output, number) = (products.sum::<f64>() + bias, f64::from(number));
                let error = (output - number).abs();
                match loss {
                    NumberLoss::Squared => error * error,
                    NumberLoss::Huber { delta } if error <= f64::from(delta) => 0.5 * error * error,
                    NumberLoss::Huber { delta } => {
                        f64::from(delta) * (error - 0.5 * f64::from(delta))
                    }
                    NumberLoss::BinaryCrossEntropy => output.exp().ln_1p() - number * output,
                }
            });
        losses.sum::<f64>() / 4.0
    };
    (0..outputs).map(of_output).collect()
}

fn mean(values: Vec<f64>) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn gradients_are_finite_differences() {
    let compute = Compute::new(1).unwrap();
    for (outputs, number_loss) in [
        (1, NumberLoss::Squared),
        (1, NumberLoss::Huber { delta: 1.0 }),
        (1, NumberLoss::Huber { delta: 0.3 }),
        (1, NumberLoss::Huber { delta: 100.0 }),
        (2, NumberLoss::Squared),
        (2, NumberLoss::Huber { delta: 0.5 }),
        (1, NumberLoss::BinaryCrossEntropy),
        (2, NumberLoss::BinaryCrossEntropy),
    ] {
        let network = linear(outputs);
        let before = values(&network);
        let settings = TrainSettings {
            number_loss,
            ..settings(sgd(0.0), 1.0)
        };
        let mut trainer = trainer(&compute, vec![Part::trained(network)], settings);
        let numbers = &NUMBERS[..4 * outputs];
        let step = trainer.step_numbers(&INPUTS, numbers).unwrap();
        let near = |found: f64, expected: f64| {
            let within = 1e-4 * expected.abs().max(0.1);
            assert!(
                (found - expected).abs() < within,
                "{outputs} {number_loss:?}: {found}, {expected}"
            );
        };
        let loss = |weights: &[f64]| mean(by_definition(number_loss, outputs, weights));
        near(f64::from(step.loss), loss(&before));
        let squared = by_definition(NumberLoss::Squared, outputs, &before);
        assert_eq!(step.squared_errors.len(), outputs);
        for (found, expected) in step.squared_errors.into_iter().zip(squared) {
            near(found, expected);
        }
        let after = values(&trainer.parts()[0].network);
        for (place, (before_step, after_step)) in before.iter().zip(&after).enumerate() {
            const STEP: f64 = 1e-5;
            let moved = |by: f64| {
                let mut weights = before.clone();
                weights[place] += by;
                loss(&weights)
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
        refused(linear(2), squared, &NUMBERS[..7]),
        "7 numbers, expected 2 for each sample, one for each output",
    );
    check(refused(linear(1), squared, &NUMBERS[..3]), "3 labels");
    check(refused(linear(2), squared, &NUMBERS[..4]), "2 labels");
    check(refused(linear(1), squared, &[f32::NAN; 4]), "NaN");
    check(
        refused(linear(1), NumberLoss::Huber { delta: 0.0 }, &NUMBERS[..4]),
        "a number above 0",
    );
}

#[test]
fn outputs_are_brought_to_the_unit_of_the_numbers() {
    let compute = Compute::new(1).unwrap();
    let network = linear(2);
    let all = network.in_unit(&[7.5, 0.5], &[100.0, -3.0]).unwrap();
    let given = |network: &Network| {
        let mut outputs = vec![0.0; 8];
        network.forward(&compute, &INPUTS, &mut outputs).unwrap();
        outputs
    };
    let brought = given(&all);
    for (plain, brought) in given(&network).chunks(2).zip(brought.chunks(2)) {
        let near = (plain[0] * 7.5 + 100.0 - brought[0]).abs() < 1e-4;
        assert!(near && (plain[1] * 0.5 - 3.0 - brought[1]).abs() < 1e-6);
    }
    // Its weights are those of any network: written, and read by the same blueprint.
    let blueprint = network.blueprint().in_unit().unwrap();
    let mut read = Network::init(&blueprint, &mut Stream::new(9, "other"));
    read.load_safetensors(&all.to_safetensors().unwrap())
        .unwrap();
    assert_eq!(given(&read), given(&all));
    assert!(network.in_unit(&[1.0], &[0.0]).is_err());
}
