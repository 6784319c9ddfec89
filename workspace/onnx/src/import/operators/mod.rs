//! The layers that a node becomes, a table of operators: those of ONNX and those that [`patterns`](super::patterns) write.
//! Each gives the value of the node's first output, or why there is no layer for it, as the rest of a sentence that begins
//! with the operator.

mod activations;
mod arithmetic;
mod attention;
mod convolution;
mod linear;
mod normalisation;
mod pooling;
mod rearranging;
mod resizing;
mod tokens;

use super::graph::Node;
use super::lower::{Lowering, Value};

type Write = fn(&mut Lowering<'_>, &Node) -> Result<Value, String>;

pub(super) const OPERATORS: &[(&str, Write)] = &[
    ("Add", arithmetic::sum),
    ("AveragePool", pooling::average),
    ("BatchNormalization", normalisation::batch),
    ("Cast", rearranging::cast),
    ("Concat", rearranging::concat),
    ("Conv", convolution::conv),
    ("Div", arithmetic::quotient),
    ("Dropout", rearranging::dropout),
    ("Elu", activations::elu),
    ("Flatten", rearranging::reshape),
    ("Gather", tokens::gather),
    ("Gemm", linear::gemm),
    ("GlobalAveragePool", pooling::global_average),
    ("GroupNormalization", normalisation::group),
    ("Identity", rearranging::same),
    ("InstanceNormalization", normalisation::instance),
    ("LRN", normalisation::local_response),
    ("LayerNormalization", normalisation::layer),
    ("LeakyRelu", activations::leaky_relu),
    ("MatMul", linear::product),
    ("MaxPool", pooling::max),
    ("Mul", arithmetic::product),
    ("PRelu", activations::prelu),
    ("Pad", rearranging::pad),
    ("Pow", arithmetic::power),
    ("ReduceMean", pooling::mean),
    ("Reshape", rearranging::reshape),
    ("Resize", resizing::resize),
    ("Slice", rearranging::slice),
    ("Squeeze", rearranging::reshape),
    ("Sub", arithmetic::difference),
    ("Sum", arithmetic::sum),
    ("Transpose", rearranging::transpose),
    ("Unsqueeze", rearranging::reshape),
    ("topwork.affine", arithmetic::affine),
    ("topwork.attention", attention::of_heads),
    ("topwork.channel-shuffle", rearranging::channel_shuffle),
    ("topwork.gelu", activations::plain),
    ("topwork.gelu-tanh", activations::plain),
    ("topwork.hard-sigmoid", activations::plain),
    ("topwork.hard-swish", activations::plain),
    ("topwork.linear", linear::product),
    ("topwork.mish", activations::plain),
    ("topwork.relu", activations::plain),
    ("topwork.relu6", activations::plain),
    ("topwork.sigmoid", activations::plain),
    ("topwork.silu", activations::plain),
    ("topwork.space-to-depth", rearranging::space_to_depth),
    ("topwork.split", rearranging::slice),
    ("topwork.tanh", activations::plain),
    ("topwork.window-attention", attention::in_windows),
];
