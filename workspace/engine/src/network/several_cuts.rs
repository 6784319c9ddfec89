//! Several trunks of one network, computed in one pass: what the deepest does on its way is what the others give.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Network, has_room};
use crate::compute::Compute;
use crate::error::EngineError;
use crate::program::Program;
use crate::shape::Shape;

/// A network with an output at each of several cuts. Outputs are the same bits as those of the trunks
/// that [`Network::keep`] gives, one by one.
#[derive(Clone, Debug)]
pub struct SeveralCuts {
    /// As far as the deepest cut, with a program in which every cut is to be seen.
    trunk: Network,
    /// Shapes of what the cuts give, in the order they were asked for.
    shapes: Vec<Shape>,
}

impl SeveralCuts {
    /// Cuts `network` behind its first `cuts[0]` layers, its first `cuts[1]` layers, and so on, in any order.
    ///
    /// # Errors
    /// When a cut is none [`Network::keep`] accepts, or there is none at all.
    pub fn new(network: &Network, cuts: &[usize]) -> Result<Self, EngineError> {
        let deepest = cuts.iter().copied().max().unwrap_or(0);
        let mut trunk = network.keep(deepest)?;
        let shapes: Result<Vec<Shape>, EngineError> = (cuts.iter())
            .map(|&layers| Ok(network.blueprint.keep(layers)?.output()))
            .collect();
        let program = Program::compile_to_see(&trunk.blueprint, None, true, cuts);
        trunk.program = Arc::new(program);
        Ok(Self {
            trunk,
            shapes: shapes?,
        })
    }

    /// Fills `outputs`, one for each cut, as [`Network::forward`] does, and tells of each how long it took until it was
    /// there.
    ///
    /// # Errors
    /// When `inputs` is not a whole number of samples, or there is not an output for every cut with room for exactly as many.
    pub fn forward(
        &self,
        compute: &Compute,
        inputs: &[f32],
        outputs: &mut [&mut [f32]],
    ) -> Result<Vec<Duration>, EngineError> {
        let samples = self.trunk.samples(inputs)?;
        if outputs.len() != self.shapes.len() {
            return Err(EngineError::OutputCount {
                found: outputs.len(),
                cuts: self.shapes.len(),
            });
        }
        for (output, shape) in outputs.iter().zip(&self.shapes) {
            has_room(output, samples, *shape)?;
        }
        let (trunk, seen) = (&self.trunk, &self.trunk.program.seen);
        let mut took = vec![Duration::ZERO; outputs.len()];
        let mut rests: Vec<&mut [f32]> = outputs.iter_mut().map(|output| &mut **output).collect();
        let elements = trunk.blueprint.input().elements();
        compute.run(|| {
            for input in inputs.chunks(trunk.block() * elements) {
                let begun = Instant::now();
                let samples = input.len() / elements;
                // A value is computed where its first cut wants it, and copied for others of the same value, and from
                // the input.
                let (mut firsts, mut copies) = (BTreeMap::new(), Vec::new());
                for ((rest, shape), &value) in rests.iter_mut().zip(&self.shapes).zip(seen) {
                    let place = rest.split_off_mut(..samples * shape.elements());
                    let place = place.unwrap_or_default();
                    if value == 0 || firsts.contains_key(&value) {
                        copies.push((value, place));
                    } else {
                        firsts.insert(value, place);
                    }
                }
                let show = |value: usize, numbers: &[f32]| {
                    for (of, place) in &mut copies {
                        if *of == value {
                            place.copy_from_slice(numbers);
                        }
                    }
                    for (took, &of) in took.iter_mut().zip(seen) {
                        if of == value {
                            *took += begun.elapsed();
                        }
                    }
                };
                let place = |value: usize| firsts.remove(&value);
                trunk.run(compute.buffers(), samples, input, place, show);
            }
        });
        Ok(took)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example_networks::{HEAD, LENET, network, numbers};

    /// With all that evaluation fuses: norms, sums and rectifiers behind convolutions of every kind.
    const BLOCKS: &str = r#"{"format": 1, "input": [3, 14, 14], "layers": [
        {"name": "stem", "op": "conv2d", "filters": 32, "kernel": [3, 3], "padding": [1, 1], "bias": false},
        {"name": "norm1", "op": "batch-norm2d"},
        {"name": "rectified1", "op": "relu6"},
        {"name": "wide", "op": "conv2d", "filters": 32, "kernel": [3, 3], "padding": [1, 1]},
        {"name": "norm2", "op": "batch-norm2d"},
        {"name": "add", "op": "add", "inputs": ["norm2", "rectified1"]},
        {"name": "rectified2", "op": "relu"},
        {"name": "depthwise", "op": "conv2d", "filters": 32, "kernel": [3, 3], "padding": [1, 1], "groups": 32},
        {"name": "norm3", "op": "batch-norm2d"},
        {"name": "rectified3", "op": "silu"},
        {"name": "pointwise", "op": "conv2d", "filters": 8, "kernel": [1, 1]},
        {"name": "rectified4", "op": "relu"},
        {"name": "pooled", "op": "max-pool2d", "kernel": [2, 2]},
        {"name": "mean", "op": "global-avg-pool2d"},
        {"name": "gated", "op": "multiply", "inputs": ["pooled", "mean"]},
        {"name": "flat", "op": "flatten"},
        {"name": "scores", "op": "linear", "units": 3},
        {"name": "positive", "op": "relu"}]}"#;

    /// A network whose norms have something to do.
    fn trained(json: &str) -> Network {
        let mut network = network(json, 1);
        for (seed, weight) in (10..).zip(network.weights_mut()) {
            if weight.name.contains("norm") {
                let values = numbers(weight.values.len(), seed);
                weight.values = Arc::new(values.iter().map(|x| 1.5 + x).collect());
            }
        }
        network
    }

    /// Every place where this network can be cut.
    fn legal(network: &Network) -> Vec<usize> {
        let all = 1..=network.blueprint().layers().len();
        all.filter(|&cut| network.keep(cut).is_ok()).collect()
    }

    fn in_one_pass(network: &Network, cuts: &[usize], threads: usize, samples: usize) {
        let compute = Compute::new(threads).unwrap();
        let inputs = numbers(samples * network.blueprint().input().elements(), 5);
        let room = |cut: &usize| {
            let trunk = network.keep(*cut).unwrap();
            vec![f32::NAN; samples * trunk.blueprint().output().elements()]
        };
        let mut found: Vec<Vec<f32>> = cuts.iter().map(room).collect();
        let mut outputs: Vec<&mut [f32]> = found.iter_mut().map(Vec::as_mut_slice).collect();
        let several = SeveralCuts::new(network, cuts).unwrap();
        let took = several.forward(&compute, &inputs, &mut outputs).unwrap();
        assert_eq!(took.len(), cuts.len());
        for (a, b) in (0..cuts.len()).zip(1..cuts.len()) {
            assert!(cuts[a] > cuts[b] || took[a] <= took[b], "{cuts:?} {took:?}");
        }
        for (cut, found) in cuts.iter().zip(&found) {
            let mut alone = room(cut);
            let trunk = network.keep(*cut).unwrap();
            trunk.forward(&compute, &inputs, &mut alone).unwrap();
            assert!(found == &alone, "{cut} of {cuts:?}, {samples} samples");
        }
    }

    #[test]
    fn each_cut_gives_what_its_trunk_gives_alone() {
        let flat = r#"{"format": 1, "input": [2, 3, 3], "layers": [
            {"name": "flat", "op": "flatten"}, {"name": "scores", "op": "linear", "units": 2}]}"#;
        for json in [LENET, HEAD, BLOCKS, flat] {
            let network = trained(json);
            let cuts = legal(&network);
            for samples in [0, 1, 5, 300] {
                in_one_pass(&network, &cuts, 2, samples);
            }
            let backwards: Vec<usize> = cuts.iter().rev().copied().collect();
            in_one_pass(&network, &backwards, 3, 2);
            for &a in &cuts {
                in_one_pass(&network, &[a], 1, 2);
                for &b in &cuts {
                    in_one_pass(&network, &[a, b], 1, 2);
                }
            }
        }
    }

    #[test]
    fn cuts_and_outputs_that_do_not_fit_are_refused() {
        let lenet = network(LENET, 1);
        let refused = |cuts: &[usize]| SeveralCuts::new(&lenet, cuts).unwrap_err().to_string();
        assert_eq!(refused(&[]), "cannot keep 0 layers, expected 1 to 7");
        assert_eq!(refused(&[2, 0]), "cannot keep 0 layers, expected 1 to 7");
        assert_eq!(refused(&[8, 2]), "cannot keep 8 layers, expected 1 to 7");
        let torn = SeveralCuts::new(&trained(BLOCKS), &[4, 18]).unwrap_err();
        assert!(torn.to_string().contains("runs through a branch"), "{torn}");

        let compute = Compute::new(1).unwrap();
        let several = SeveralCuts::new(&lenet, &[7, 3]).unwrap();
        let refused = |images: usize, rooms: &[usize]| {
            let mut rooms: Vec<Vec<f32>> = rooms.iter().map(|&len| vec![0.0; len]).collect();
            let mut outputs: Vec<&mut [f32]> = rooms.iter_mut().map(Vec::as_mut_slice).collect();
            let outcome = several.forward(&compute, &vec![0.0; images], &mut outputs);
            outcome.unwrap_err().to_string()
        };
        assert_eq!(
            refused(785, &[800, 2880]),
            "inputs hold 785 values, expected a multiple of 784 (1×28×28)"
        );
        assert_eq!(
            refused(784, &[800]),
            "1 outputs for 2 cuts, expected one each"
        );
        assert_eq!(
            refused(784, &[800, 800]),
            "outputs hold 800 values, expected 1 samples of 2880 (20×12×12)"
        );
    }
}
