//! The layers a network is made of. A file each says everything about one: its keys and their bounds, its
//! inputs, shapes and arrays, what it costs, how it is put in words, and what it computes forward and back.
//!
//! [`LAYERS`] lists them; what reads blueprints, compiles networks, draws weights and trains them asks here
//! and knows no layer by name.

mod activation;
mod adaptive_avg_pool2d;
mod add;
mod attention;
mod avg_pool2d;
mod batch_norm;
mod channel_shuffle;
mod class_token;
mod concat;
mod conv2d;
mod dropout;
mod flatten;
mod global_avg_pool2d;
mod group_norm;
mod layer_norm;
mod linear;
mod local_response_norm;
mod max_pool2d;
mod mean_tokens;
mod multiply;
mod pad;
mod position_embedding;
mod prelu;
mod resize;
mod scale;
mod select_token;
mod slice;
mod softmax;
mod space_to_depth;
mod tokens;
mod window_attention;
mod windows;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::operation::Operation;
use crate::place::Place;
use crate::problem::Problem;
use crate::shape::Shape;

pub use activation::{
    Elu, Gelu, GeluTanh, HardSigmoid, HardSwish, LeakyRelu, Mish, Relu, Relu6, Sigmoid, Silu, Tanh,
};
pub use adaptive_avg_pool2d::AdaptiveAvgPool2d;
pub use add::Add;
pub use attention::Attention;
pub use avg_pool2d::AvgPool2d;
pub use batch_norm::BatchNorm;
pub use channel_shuffle::ChannelShuffle;
pub use class_token::ClassToken;
pub use concat::Concat;
pub use conv2d::Conv2d;
pub use dropout::Dropout;
pub use flatten::Flatten;
pub use global_avg_pool2d::GlobalAvgPool2d;
pub use group_norm::{GroupNorm, InstanceNorm};
pub use layer_norm::LayerNorm;
pub use linear::Linear;
pub use local_response_norm::LocalResponseNorm;
pub use max_pool2d::MaxPool2d;
pub use mean_tokens::MeanTokens;
pub use multiply::Multiply;
pub use pad::{Pad, PadMode};
pub use position_embedding::PositionEmbedding;
pub use prelu::Prelu;
pub use resize::{Interpolation, Resize};
pub use scale::Scale;
pub use select_token::SelectToken;
pub use slice::Slice;
pub use softmax::Softmax;
pub use space_to_depth::SpaceToDepth;
pub use tokens::Tokens;
pub use window_attention::{LOWERED, WindowAttention};
pub use windows::Pooling;

pub(crate) use activation::Pointwise;
pub(crate) use add::Sum;
pub(crate) use batch_norm::{FrozenNorm, maps};
pub(crate) use conv2d::{Bottleneck, Convolution};
pub(crate) use max_pool2d::MaxPooling;

/// Every kind of layer, in the order in which messages list them.
pub(crate) static LAYERS: &[&Kind] = &[
    &conv2d::KIND,
    &max_pool2d::KIND,
    &avg_pool2d::KIND,
    &global_avg_pool2d::KIND,
    &adaptive_avg_pool2d::KIND,
    &pad::KIND,
    &resize::KIND,
    &batch_norm::VECTORS,
    &batch_norm::MAPS,
    &layer_norm::KIND,
    &group_norm::KIND,
    &group_norm::INSTANCES,
    &local_response_norm::KIND,
    &scale::KIND,
    &dropout::KIND,
    activation::kind::<Relu>(),
    activation::kind::<Relu6>(),
    activation::kind::<Gelu>(),
    activation::kind::<Tanh>(),
    activation::kind::<Sigmoid>(),
    activation::kind::<Silu>(),
    activation::kind::<HardSigmoid>(),
    activation::kind::<HardSwish>(),
    activation::kind::<LeakyRelu>(),
    activation::kind::<GeluTanh>(),
    activation::kind::<Elu>(),
    activation::kind::<Mish>(),
    &prelu::KIND,
    &softmax::KIND,
    &flatten::KIND,
    &tokens::KIND,
    &class_token::KIND,
    &position_embedding::KIND,
    &select_token::KIND,
    &mean_tokens::KIND,
    &linear::KIND,
    &attention::KIND,
    &window_attention::KIND,
    &add::KIND,
    &multiply::KIND,
    &concat::KIND,
    &slice::KIND,
    &channel_shuffle::KIND,
    &space_to_depth::KIND,
];

/// The names of all kinds of layers as blueprints write them.
pub fn names() -> impl Iterator<Item = &'static str> {
    LAYERS.iter().map(|kind| kind.name)
}

/// A kind of layer, as blueprints write it.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// Its own keys, in the order in which messages list them.
    pub(crate) keys: &'static [&'static str],
    /// How many inputs it takes: at least, and at most.
    pub(crate) inputs: (usize, usize),
    /// Reads its keys; nothing where one is wrong, which is reported.
    pub(crate) read: fn(&mut Place<'_, '_>) -> Option<LayerOp>,
}

/// What a layer of a blueprint computes. Semantics are PyTorch's.
pub(crate) trait Layer: Any + Same + fmt::Debug + Send + Sync {
    fn kind(&self) -> &'static Kind;

    /// The settings in words; those that have their default stay unsaid.
    fn detail(&self) -> String {
        String::new()
    }

    /// Shape of one sample that leaves the layer when these enter it, as many as its kind takes.
    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem>;

    /// The arrays it keeps where the first input has this shape, in the order in which they are stored.
    fn arrays(&self, _input: Shape) -> Vec<Array> {
        Vec::new()
    }

    /// Multiply-add pairs for one sample.
    fn multiply_adds(&self, _input: Shape, _output: Shape) -> u64 {
        0
    }

    /// What computes it at this site; nothing where it passes on the numbers of its input.
    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>>;
}

/// Where a layer stands in a network that is compiled.
pub(crate) struct Site<'a> {
    /// Shapes of one sample of each input.
    pub(crate) inputs: &'a [Shape],
    /// Shape of one sample that leaves the layer.
    pub(crate) output: Shape,
    /// Whether the layer is trained.
    pub(crate) learns: bool,
}

/// An array that a layer keeps.
pub(crate) struct Array {
    /// Its name within the layer, such as `weight`.
    pub(crate) name: &'static str,
    /// PyTorch's layout.
    pub(crate) shape: Vec<usize>,
    /// Whether it is learned by gradient; else it is a running statistic or a constant.
    pub(crate) learned: bool,
    pub(crate) start: Start,
}

/// The first values of an array.
#[derive(Clone, Copy)]
pub(crate) enum Start {
    /// All the same.
    Constant(f32),
    /// Uniform between the negative of a bound and the bound.
    Within(f32),
}

impl Array {
    /// A weight of `[units, inputs of one unit…]`, and a bias where there is one; both start as in PyTorch,
    /// uniform in ±1/√(fan-in), where fan-in is the number of inputs of one unit. Source:
    /// `Linear.reset_parameters` in `torch/nn/modules/linear.py` and `_ConvNd.reset_parameters` in
    /// `torch/nn/modules/conv.py`, whose `kaiming_uniform_(a=√5)` comes to the same bound.
    fn weight_and_bias(shape: Vec<usize>, bias: bool) -> Vec<Self> {
        let (units, fan_in) = (shape[0], shape[1..].iter().product::<usize>());
        let array = |name, shape| Self {
            name,
            shape,
            learned: true,
            start: Start::Within(1.0 / (fan_in as f32).sqrt()),
        };
        let weight = array("weight", shape);
        let bias = bias.then(|| array("bias", vec![units]));
        [Some(weight), bias].into_iter().flatten().collect()
    }

    /// Learned tokens of `1×count×width`, as transformers keep them. They start uniform with a standard deviation of 0.02;
    /// timm draws positions from a normal distribution of that deviation.
    fn tokens(name: &'static str, count: usize, width: usize) -> Self {
        Self {
            name,
            shape: vec![1, count, width],
            learned: true,
            start: Start::Within(0.02 * 1.732_050_8),
        }
    }

    /// A number for each of `count` channels, all `value` at first.
    fn per_channel(name: &'static str, count: usize, learned: bool, value: f32) -> Self {
        Self {
            name,
            shape: vec![count],
            learned,
            start: Start::Constant(value),
        }
    }

    pub(crate) fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

/// What a layer computes: one of the structures in [`layers`](crate::layers).
#[derive(Clone)]
pub struct LayerOp(Arc<dyn Layer>);

impl LayerOp {
    /// The kind as written in the blueprint.
    pub fn name(&self) -> &'static str {
        self.0.kind().name
    }

    /// The settings, where the layer is a `T`.
    pub fn get<T: 'static>(&self) -> Option<&T> {
        let layer: &dyn Any = &*self.0;
        layer.downcast_ref()
    }

    pub(crate) fn layer(&self) -> &dyn Layer {
        &*self.0
    }

    /// Shape of one sample that leaves the layer when `inputs` enter it, one at least.
    pub(crate) fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        let (least, most) = self.0.kind().inputs;
        if (least..=most).contains(&inputs.len()) {
            return self.0.output(inputs);
        }
        let expected = match (least, most) {
            (1, 1) => "one",
            (2, 2) => "two",
            _ => "two or more",
        };
        Err(Problem::new(format!(
            "{} takes {expected} of `inputs`, but gets {}",
            self.name(),
            inputs.len()
        )))
    }
}

impl<L: Layer> From<L> for LayerOp {
    fn from(layer: L) -> Self {
        Self(Arc::new(layer))
    }
}

impl fmt::Debug for LayerOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PartialEq for LayerOp {
    fn eq(&self, other: &Self) -> bool {
        self.0.same(&*other.0)
    }
}

/// Equality between layers of any kind.
pub(crate) trait Same {
    fn same(&self, other: &dyn Any) -> bool;
}

impl<T: Any + PartialEq> Same for T {
    fn same(&self, other: &dyn Any) -> bool {
        other.downcast_ref() == Some(self)
    }
}

/// Channels, height and width of what enters a layer of this kind.
fn image(kind: &Kind, input: Shape) -> Result<[usize; 3], Problem> {
    input.as_image().ok_or_else(|| {
        Problem::new(format!(
            "{} needs channels×height×width, but gets {}",
            kind.name,
            in_words(input)
        ))
    })
}

/// Checks that a flat vector enters a layer of this kind.
fn flat(kind: &Kind, input: Shape) -> Result<(), Problem> {
    match input.as_features() {
        Some(_) => Ok(()),
        None => Err(Problem::new(format!(
            "{} needs a flat vector, but gets {}",
            kind.name,
            in_words(input)
        ))
        .hint("put a `flatten` layer before it")),
    }
}

/// Number and width of the tokens that enter a layer of this kind.
fn sequence(kind: &Kind, input: Shape) -> Result<[usize; 2], Problem> {
    input.as_tokens().ok_or_else(|| {
        Problem::new(format!(
            "{} needs tokens×width, but gets {}",
            kind.name,
            in_words(input)
        ))
        .hint("put a `tokens` layer before it")
    })
}

/// Checks that the number under this key divides `count`, of what `of` says in words.
fn check_divides(key: &str, number: usize, count: usize, of: &str) -> Result<(), Problem> {
    if count.is_multiple_of(number) {
        return Ok(());
    }
    let divides = |other: &usize| count.is_multiple_of(*other);
    // 1 does in any case, and nothing above `count`.
    let nearest = [
        (1..number.min(count + 1)).rev().find(divides),
        (number..=count).find(divides),
    ];
    let nearest: Vec<String> = nearest.iter().flatten().map(usize::to_string).collect();
    Err(Problem::new(format!(
        "`{key}` is {number}, expected a number that divides {of} {count}"
    ))
    .hint(format!("the nearest: {}", nearest.join(" and "))))
}

/// `1 group`, `2 groups`.
fn several(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}

fn in_words(shape: Shape) -> String {
    match shape.dims() {
        [_] => format!("a flat vector of {shape}"),
        [_, _] => format!("tokens of {shape}"),
        _ => shape.to_string(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
