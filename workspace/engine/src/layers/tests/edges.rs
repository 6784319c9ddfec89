//! Numbers at the edge: what is none, and ties.

use super::*;

/// A diverged network must end in a loss that is not a number, not in units that are silently off.
#[test]
fn what_is_not_a_number_stays_so() {
    let layers = [
        conv2d(1, [1, 1], [1, 1], [0, 0]),
        op(r#""relu""#),
        max_pool2d([2, 2], [2, 2]),
    ];
    let network = Network::init(
        &blueprint("[1, 2, 2]", &layers),
        &mut Stream::new(0, "init"),
    );
    let compute = Compute::new(1).unwrap();
    for place in 0..4 {
        let mut image = [0.5; 4];
        image[place] = f32::NAN;
        for network in [&network, &network.without_fusion()] {
            let mut output = [0.0];
            network.forward(&compute, &image, &mut output).unwrap();
            assert!(output[0].is_nan(), "place {place}");
        }
    }
}

/// Of equal values the first wins, as in PyTorch.
#[test]
fn a_tie_sends_its_gradient_to_the_first_value() {
    for (kernel, stride) in [([2, 2], [2, 2]), ([2, 2], [1, 1])] {
        let network = Network::init(
            &blueprint("[1, 2, 2]", &[max_pool2d(kernel, stride)]),
            &mut Stream::new(0, "init"),
        );
        let training = Training {
            learns: &[true],
            input: true,
        };
        let (_, gradients) = engine(&network, &[3.0; 4], &[7.0], training, true);
        assert_eq!(gradients, [7.0, 0.0, 0.0, 0.0]);
    }
}
