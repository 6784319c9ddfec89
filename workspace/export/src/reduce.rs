//! What is done with activations at a cut before the head gets them: pooling, unit length, principal components.

use topwork_schema::{Dims, Pool, Reduction, plain_map, pyramid_cells};

use crate::{
    ExportError,
    graph::{Builder, Op, Setting},
};

/// A tensor with the sizes of one sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Activations {
    /// Its name.
    pub name: String,
    /// Sizes of one sample in their order.
    pub sizes: Vec<usize>,
    /// Which of them counts channels, if anybody knows.
    pub channels: Option<usize>,
    /// Of tokens, how many are none of patches.
    pub leading: usize,
}

impl Activations {
    fn numbers(&self) -> usize {
        self.sizes.iter().product()
    }

    /// Channels, height and width. What has no channels that anybody knows is never pooled.
    fn map(&self) -> [usize; 3] {
        let dims = Dims {
            sizes: self.sizes.clone(),
            channels: self.channels,
            leading: Some(self.leading),
        };
        dims.map().unwrap_or_else(|| plain_map(&self.sizes))
    }

    /// The tensor as N × channels × height × width.
    fn channels_first(&self, builder: &mut Builder) -> String {
        let [channels, height, width] = self.map();
        let map = [0, channels as i64, height as i64, width as i64];
        match self.channels {
            Some(at) if self.sizes.iter().take(at).any(|size| *size != 1) => {
                let outer: usize = self.sizes[..at].iter().product();
                let inner: usize = self.sizes[at + 1..].iter().product();
                let split = [0, outer as i64, channels as i64, inner as i64];
                let x = builder.reshape("split", &self.name, &split);
                let x = builder.node(
                    Op("Transpose", 1),
                    "channels-first",
                    &[&x],
                    &[("perm", Setting::Ints(&[0, 2, 1, 3]))],
                );
                builder.reshape("map", &x, &map)
            }
            _ if self.sizes == [channels, height, width] => self.name.clone(),
            _ => builder.reshape("map", &self.name, &map),
        }
    }

    /// The tensor as N × numbers.
    pub fn row(&self, builder: &mut Builder) -> String {
        match self.sizes.as_slice() {
            [_] => self.name.clone(),
            _ => builder.reshape("row", &self.name, &[0, self.numbers() as i64]),
        }
    }
}

/// Writes pooling and unit length; gives what comes out.
pub fn write(builder: &mut Builder, x: Activations, reduction: Reduction) -> Activations {
    let [channels, height, width] = x.map();
    let row = |name: String, numbers: usize| Activations {
        name,
        sizes: vec![numbers],
        channels: None,
        leading: 0,
    };
    let pooled = match reduction.pool {
        Some(pool) if pool.is_of_tokens() && x.sizes.len() == 1 => x,
        Some(pool) if pool.is_of_tokens() => {
            let map = x.channels_first(builder);
            let mut some = |name: &str, places: std::ops::Range<usize>| {
                let places: Vec<i64> = places.map(|place| place as i64).collect();
                let places = builder.integers("token.places", &[places.len()], &places);
                let axis = ("axis", Setting::Int(2));
                let tokens = builder.node(Op("Gather", 1), name, &[&map, &places], &[axis]);
                builder.node(Op("GlobalAveragePool", 1), "tokens.mean", &[&tokens], &[])
            };
            let class = (pool != Pool::MeanTokens).then(|| some("class-token", 0..1));
            let mean = (pool != Pool::ClassToken).then(|| some("patches", x.leading..height));
            let parts: Vec<String> = [class, mean].into_iter().flatten().collect();
            let numbers = channels * parts.len();
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            let axis = ("axis", Setting::Int(1));
            let joined = builder.node(Op("Concat", 4), "tokens", &parts, &[axis]);
            row(
                builder.reshape("pool", &joined, &[0, numbers as i64]),
                numbers,
            )
        }
        Some(pool @ (Pool::Gap | Pool::Gmp)) => {
            let map = x.channels_first(builder);
            let op = match pool {
                Pool::Gap => "GlobalAveragePool",
                _ => "GlobalMaxPool",
            };
            let pooled = builder.node(Op(op, 1), "pooled", &[&map], &[]);
            let pooled = builder.reshape("pool", &pooled, &[0, channels as i64]);
            row(pooled, channels)
        }
        Some(Pool::Pyramid) => {
            let map = x.channels_first(builder);
            let cells: Vec<String> = pyramid_cells(height, width)
                .map(|(rows, columns)| {
                    let mut cell = map.clone();
                    for (axis, range) in [(2, rows), (3, columns)] {
                        let places: Vec<i64> = range.map(|place| place as i64).collect();
                        let places = builder.integers("cell.places", &[places.len()], &places);
                        let axis = ("axis", Setting::Int(axis));
                        cell = builder.node(Op("Gather", 1), "cell", &[&cell, &places], &[axis]);
                    }
                    builder.node(Op("GlobalMaxPool", 1), "cell.max", &[&cell], &[])
                })
                .collect();
            let numbers = channels * cells.len();
            let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
            let axis = ("axis", Setting::Int(2));
            let cells = builder.node(Op("Concat", 4), "cells", &cells, &[axis]);
            let pooled = builder.reshape("pyramid", &cells, &[0, numbers as i64]);
            row(pooled, numbers)
        }
        Some(Pool::Flatten | Pool::ClassToken | Pool::MeanTokens | Pool::ClassMean) => {
            row(x.row(builder), x.numbers())
        }
        // Lengths are those of vectors.
        None if reduction.l2 => row(x.row(builder), x.numbers()),
        None => x,
    };
    match reduction.l2 {
        true => {
            let numbers = pooled.numbers();
            row(unit_length(builder, &pooled.name, numbers), numbers)
        }
        false => pooled,
    }
}

/// Rows divided by their length; rows of zeros stay.
pub fn unit_length(builder: &mut Builder, x: &str, width: usize) -> String {
    let squares = builder.binary("Mul", "squares", x, x);
    let sum = row_sums(builder, &squares, width);
    let length = builder.node(Op("Sqrt", 6), "length", &[&sum], &[]);
    let least = builder.floats("least", &[1], &[f32::MIN_POSITIVE]);
    let length = builder.node(Op("Max", 8), "divisor", &[&length, &least], &[]);
    builder.binary("Div", "unit-length", x, &length)
}

/// The sum of every row, one column.
pub fn row_sums(builder: &mut Builder, x: &str, width: usize) -> String {
    let ones = builder.floats("ones", &[width, 1], &vec![1.0; width]);
    builder.node(Op("MatMul", 1), "sum", &[x, &ones], &[])
}

/// Principal components: `basis · (x − mean)`.
#[derive(Clone, Copy, Debug)]
pub struct Components<'a> {
    /// One number for each feature.
    pub mean: &'a [f64],
    /// components × features
    pub basis: &'a [f64],
}

/// Writes the way to principal components of rows.
pub fn components(
    builder: &mut Builder,
    x: &Activations,
    components: Components<'_>,
) -> Result<Activations, ExportError> {
    let (features, basis) = (x.numbers(), components.basis.len());
    if components.mean.len() != features || basis == 0 || basis % features != 0 {
        return Err(ExportError::Parts(format!(
            "principal components of {} features and {basis} weights do not fit {features} features",
            components.mean.len()
        )));
    }
    let count = basis / features;
    let row = x.row(builder);
    let centred = subtract(builder, "mean", &row, components.mean);
    let basis: Vec<f32> = components.basis.iter().map(|x| *x as f32).collect();
    let basis = builder.floats("basis", &[count, features], &basis);
    let zeros = builder.floats("zeros", &[count], &vec![0.0; count]);
    let transposed = [("transB", Setting::Int(1))];
    let name = builder.node(
        Op("Gemm", 7),
        "coordinates",
        &[&centred, &basis, &zeros],
        &transposed,
    );
    Ok(Activations {
        name,
        sizes: vec![count],
        channels: None,
        leading: 0,
    })
}

/// `x − mean` where the mean has more digits than single precision: what they are off by is taken away, too.
fn subtract(builder: &mut Builder, name: &str, x: &str, mean: &[f64]) -> String {
    let near: Vec<f32> = mean.iter().map(|x| *x as f32).collect();
    let rest = mean
        .iter()
        .zip(&near)
        .map(|(x, near)| (*x - f64::from(*near)) as f32);
    let rest: Vec<f32> = rest.collect();
    let mean = builder.floats(name, &[near.len()], &near);
    let centred = builder.binary("Sub", "centred", x, &mean);
    if rest.iter().all(|rest| *rest == 0.0) {
        return centred;
    }
    let rest = builder.floats(&format!("{name}.rest"), &[near.len()], &rest);
    builder.binary("Sub", "centred", &centred, &rest)
}
