//! Trunks that give what several cuts give, joined.

use super::{Blueprint, LayerSpec};
use crate::layers::{Concat, Flatten, GlobalAvgPool2d, LayerOp, MaxPool2d};
use crate::problem::{BlueprintError, Problem};
use crate::shape::Shape;

/// What becomes of each map before it is joined with others. Vectors are joined as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinedMaps {
    /// The mean of each channel.
    Mean,
    /// The maximum of each channel.
    Max,
    /// All numbers, channel after channel.
    All,
}

impl Blueprint {
    /// The first layers as far as the deepest of `cuts`, each the number of layers before it, and behind them
    /// layers that join the activations there to one vector, in the order of `cuts`.
    ///
    /// # Errors
    /// When the deepest is none that [`Blueprint::keep`] accepts, or another is no layer.
    pub fn joined(&self, cuts: &[usize], maps: JoinedMaps) -> Result<Self, BlueprintError> {
        let wrong = |problem| BlueprintError::new(vec![problem]);
        let mut joined = self.keep(cuts.iter().copied().max().unwrap_or(0))?;
        if cuts.contains(&0) {
            return Err(wrong(Problem::new(
                "cannot join the network's own input, expected layers".to_owned(),
            )));
        }
        let mut vectors = Vec::new();
        for &cut in cuts {
            // A blank tells them from layers of the network wherever two cuts meet: names are looked up nowhere.
            let name = |what: &str| format!("{} {what}", self.name_of(cut));
            let mut last = cut;
            if let Some([_, height, width]) = self.shape_of(cut).as_image() {
                let pool = match maps {
                    JoinedMaps::Mean => Some(("mean", GlobalAvgPool2d.into())),
                    JoinedMaps::Max => Some(("maximum", MaxPool2d::over(height, width).into())),
                    JoinedMaps::All => None,
                };
                if let Some((what, pool)) = pool {
                    last = joined.push(name(what), pool, vec![last]).map_err(wrong)?;
                }
            }
            if joined.shape_of(last).as_features().is_none() {
                let flat = joined.push(name("flat"), Flatten.into(), vec![last]);
                last = flat.map_err(wrong)?;
            }
            vectors.push(last);
        }
        if vectors.len() > 1 {
            joined
                .push("joined".to_owned(), Concat.into(), vectors)
                .map_err(wrong)?;
        }
        Ok(joined)
    }

    /// Adds a layer with these inputs and gives its number.
    fn push(&mut self, name: String, op: LayerOp, inputs: Vec<usize>) -> Result<usize, Problem> {
        let shapes: Vec<Shape> = inputs.iter().map(|&input| self.shape_of(input)).collect();
        let output = op.output(&shapes)?;
        self.layers.push(LayerSpec {
            name,
            op,
            input: shapes.first().copied().unwrap_or(self.input),
            inputs,
            output,
        });
        Ok(self.layers.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example_networks::{LENET, network, numbers};
    use crate::{Compute, Network};

    /// What the network gives behind so many of its layers for one sample.
    fn behind(network: &Network, layers: usize, input: &[f32]) -> Vec<f32> {
        let trunk = network.keep(layers).unwrap();
        let mut output = vec![f32::NAN; trunk.blueprint().output().elements()];
        let compute = Compute::new(1).unwrap();
        trunk.forward(&compute, input, &mut output).unwrap();
        output
    }

    /// Means and maxima of the channels that the cuts give by themselves, or all their numbers, one after the other.
    #[test]
    fn a_joined_trunk_gives_what_its_cuts_give() {
        let network = network(LENET, 3);
        let compute = Compute::new(2).unwrap();
        let inputs = numbers(3 * 784, 4);
        for cuts in [&[3usize, 7][..], &[6, 1, 3], &[7, 6], &[7], &[3]] {
            for maps in [JoinedMaps::Mean, JoinedMaps::Max, JoinedMaps::All] {
                let joined = network.joined(cuts, maps).unwrap();
                let dim = joined.blueprint().output().as_features().unwrap();
                let mut found = vec![f32::NAN; 3 * dim];
                joined.forward(&compute, &inputs, &mut found).unwrap();
                for (input, found) in inputs.chunks(784).zip(found.chunks(dim)) {
                    let mut expected = Vec::new();
                    for &cut in cuts {
                        let all = behind(&network, cut, input);
                        let shape = network.blueprint().shape_of(cut);
                        let Some([channels, ..]) = shape.as_image() else {
                            expected.extend(all);
                            continue;
                        };
                        let each = all.chunks(all.len() / channels);
                        match maps {
                            JoinedMaps::Mean => expected
                                .extend(each.map(|c| c.iter().sum::<f32>() / c.len() as f32)),
                            JoinedMaps::Max => expected
                                .extend(each.map(|c| c.iter().fold(f32::MIN, |a, &b| a.max(b)))),
                            JoinedMaps::All => expected.extend(all),
                        }
                    }
                    assert_eq!(found.len(), expected.len(), "{cuts:?} {maps:?}");
                    let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-5;
                    assert!(found.iter().zip(&expected).all(near), "{cuts:?} {maps:?}");
                }
            }
        }
    }

    #[test]
    fn weights_stay_where_they_are_and_wrong_cuts_are_refused() {
        let network = network(LENET, 3);
        let joined = network.joined(&[7, 3], JoinedMaps::Mean).unwrap();
        assert_eq!(joined.digest(), network.keep(7).unwrap().digest());
        let refused = |cuts: &[usize]| {
            let error = network.joined(cuts, JoinedMaps::Mean).unwrap_err();
            error.to_string()
        };
        assert_eq!(refused(&[]), "cannot keep 0 layers, expected 1 to 7");
        assert_eq!(refused(&[3, 8]), "cannot keep 8 layers, expected 1 to 7");
        assert!(refused(&[3, 0]).contains("the network's own input"));
    }
}
