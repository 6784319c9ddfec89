//! Trunks that give what several cuts give, joined.

use super::{Blueprint, LayerSpec};
use crate::layers::{
    ClassToken, Concat, Flatten, GlobalAvgPool2d, LayerOp, MaxPool2d, MeanTokens, SelectToken,
};
use crate::problem::{BlueprintError, Problem};
use crate::shape::Shape;

/// What becomes of each map, or sequence of tokens, before it is joined with others. Vectors are joined as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinedMaps {
    /// The mean of each channel; of all tokens.
    Mean,
    /// The maximum of each channel; of tokens all numbers.
    Max,
    /// The class token, where there are tokens.
    ClassToken,
    /// The mean of the tokens of patches, where there are tokens.
    MeanTokens,
    /// Both of them, one behind the other.
    ClassMean,
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
                    _ => None,
                };
                if let Some((what, pool)) = pool {
                    last = joined.push(name(what), pool, vec![last]).map_err(wrong)?;
                }
            } else if self.shape_of(cut).as_tokens().is_some() {
                let class = ("class", LayerOp::from(SelectToken { index: 0 }));
                let mean = |skip| ("mean", LayerOp::from(MeanTokens { skip }));
                let pools = match maps {
                    JoinedMaps::Mean => vec![mean(0)],
                    JoinedMaps::ClassToken => vec![class],
                    JoinedMaps::MeanTokens => vec![mean(self.leading_tokens(cut))],
                    JoinedMaps::ClassMean => vec![class, mean(self.leading_tokens(cut))],
                    JoinedMaps::Max | JoinedMaps::All => Vec::new(),
                };
                if !pools.is_empty() {
                    for (what, pool) in pools {
                        let pooled = joined.push(name(what), pool, vec![cut]);
                        vectors.push(pooled.map_err(wrong)?);
                    }
                    continue;
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

    /// How many tokens stand in front of those of patches, in the output of the layer counted `number` from 1: class token
    /// and registers, for as long as layers keep all tokens.
    pub fn leading_tokens(&self, number: usize) -> usize {
        let Some(layer) = number
            .checked_sub(1)
            .and_then(|index| self.layers.get(index))
        else {
            return 0;
        };
        let before = || {
            layer
                .inputs
                .first()
                .map_or(0, |&input| self.leading_tokens(input))
        };
        match layer.op.get::<ClassToken>() {
            Some(class) => before() + 1 + class.registers,
            None if layer.input.as_tokens().map(|[count, _]| count)
                == layer.output.as_tokens().map(|[count, _]| count) =>
            {
                before()
            }
            None => 0,
        }
    }

    /// Adds a layer with these inputs and gives its number.
    pub(super) fn push(
        &mut self,
        name: String,
        op: LayerOp,
        inputs: Vec<usize>,
    ) -> Result<usize, Problem> {
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
                            _ => expected.extend(all),
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
    fn tokens_are_joined_by_what_they_are() {
        let network = network(
            r#"{"format": 1, "input": [2, 4, 4], "layers": [
                {"name": "patches", "op": "conv2d", "filters": 6, "kernel": [2, 2], "stride": [2, 2]},
                {"name": "tokens", "op": "tokens"},
                {"name": "class", "op": "class-token", "registers": 1},
                {"name": "norm", "op": "layer-norm"},
                {"name": "attention", "op": "attention", "heads": 2},
                {"name": "mean", "op": "mean-tokens", "skip": 2}]}"#,
            5,
        );
        let leading = (1..=6).map(|layer| network.blueprint().leading_tokens(layer));
        assert_eq!(leading.collect::<Vec<_>>(), [0, 0, 2, 2, 2, 0]);
        let input = numbers(32, 6);
        let compute = Compute::new(1).unwrap();
        let joined = |cuts: &[usize], maps| {
            let joined = network.joined(cuts, maps).unwrap();
            let mut found = vec![f32::NAN; joined.blueprint().output().as_features().unwrap()];
            joined.forward(&compute, &input, &mut found).unwrap();
            found
        };
        let mean = |tokens: &[f32]| -> Vec<f32> {
            let count = tokens.len() / 6;
            let of = |column: usize| tokens[column..].iter().step_by(6).sum::<f32>() / count as f32;
            (0..6).map(of).collect()
        };
        let [norm, attention] = [4, 5].map(|layers| behind(&network, layers, &input));
        let check = |found: Vec<f32>, expected: &[&[f32]]| {
            let expected = expected.concat();
            assert_eq!(found.len(), expected.len());
            let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-5;
            assert!(
                found.iter().zip(&expected).all(near),
                "{found:?} {expected:?}"
            );
        };
        let (a, b) = (&norm, &attention);
        check(joined(&[5, 4], JoinedMaps::ClassToken), &[&b[..6], &a[..6]]);
        check(
            joined(&[4, 5], JoinedMaps::ClassMean),
            &[&a[..6], &mean(&a[12..]), &b[..6], &mean(&b[12..])],
        );
        check(joined(&[4], JoinedMaps::MeanTokens), &[&mean(&a[12..])]);
        check(
            joined(&[4, 6], JoinedMaps::Mean),
            &[&mean(a), &mean(&b[12..])],
        );
        check(joined(&[4, 5], JoinedMaps::All), &[a, b]);
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
