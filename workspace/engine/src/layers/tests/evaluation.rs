//! Where no gradient passes, values may be laid out and added up in other ways: the results are still those of the
//! definition, and the same for a frozen part of a training, for a batch and for each of its samples alone.

use super::*;

pub(super) fn check(
    network: &Network,
    inputs: &[f32],
    expected: &[f64],
    training: Training<'_>,
    fuse: bool,
) {
    let blueprint = network.blueprint();
    let compute = Compute::new(2).unwrap();
    let evaluated = match fuse {
        true => network.clone(),
        false => network.without_fusion(),
    };
    let mut evaluation = vec![0.0; expected.len()];
    evaluated
        .forward(&compute, inputs, &mut evaluation)
        .unwrap();
    for (index, (&found, &expected)) in evaluation.iter().zip(expected).enumerate() {
        assert!(
            close(f64::from(found), expected, expected.abs()),
            "output {index} in evaluation is {found}, expected {expected} in {blueprint:?}"
        );
    }
    let frozen = Training {
        input: false,
        ..training
    };
    let (outputs, _) = engine(network, inputs, &[], frozen, fuse);
    assert_eq!(evaluation, outputs, "evaluation of {blueprint:?}");
    let sizes = [blueprint.input(), blueprint.output()].map(|shape| shape.elements());
    let each = inputs.chunks(sizes[0]).zip(evaluation.chunks(sizes[1]));
    for (sample, (input, in_batch)) in each.enumerate() {
        let mut alone = vec![f32::NAN; in_batch.len()];
        evaluated.forward(&compute, input, &mut alone).unwrap();
        assert_eq!(alone, in_batch, "sample {sample} alone in {blueprint:?}");
    }
}
