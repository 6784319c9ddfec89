//! Blueprints: networks described as layers, written as JSON.

use serde::Serialize;

/// A chain of layers with cut points, for backbones and network heads.
///
/// Shapes are only worked out by the host, which says which layer does not fit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Blueprint {
    format: u32,
    input: Vec<usize>,
    layers: Vec<NamedLayer>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cuts: Vec<Cut>,
}

/// One layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub enum Layer {
    /// A convolution with bias: `[channels, h, w]` → `[filters, h', w']`.
    Conv2d {
        /// The number of output channels.
        filters: usize,
        /// Height and width of the kernel.
        kernel: [usize; 2],
        /// Steps down and across.
        stride: [usize; 2],
        /// Rows of zeros above and below, columns of zeros left and right.
        padding: [usize; 2],
    },
    /// The greatest number of each window: `[channels, h, w]` → `[channels, h', w']`.
    #[serde(rename = "max-pool2d")]
    MaxPool2d {
        /// Height and width of the window.
        kernel: [usize; 2],
        /// Steps down and across.
        stride: [usize; 2],
    },
    /// The greater of 0 and the number, for each.
    Relu,
    /// `[channels, h, w]` → `[channels × h × w]`.
    Flatten,
    /// A linear layer with bias: `[features]` → `[units]`.
    Linear {
        /// The number of outputs.
        units: usize,
    },
}

impl Layer {
    /// A convolution with stride 1 and no padding.
    pub const fn conv2d(filters: usize, kernel: [usize; 2]) -> Layer {
        Layer::Conv2d {
            filters,
            kernel,
            stride: [1, 1],
            padding: [0, 0],
        }
    }

    /// Max pooling with windows side by side.
    pub const fn max_pool2d(kernel: [usize; 2]) -> Layer {
        Layer::MaxPool2d {
            kernel,
            stride: kernel,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct NamedLayer {
    name: String,
    #[serde(flatten)]
    layer: Layer,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Cut {
    name: String,
    after: String,
}

impl Blueprint {
    /// A network for samples of this shape, `[channels, height, width]` or `[features]`, still without layers.
    pub fn new(input: &[usize]) -> Self {
        Blueprint {
            format: 1,
            input: input.to_vec(),
            layers: Vec::new(),
            cuts: Vec::new(),
        }
    }

    /// Appends a layer. Names are unique in a blueprint.
    #[must_use]
    pub fn layer(mut self, name: impl Into<String>, layer: Layer) -> Self {
        self.layers.push(NamedLayer {
            name: name.into(),
            layer,
        });
        self
    }

    /// Declares a cut point behind the layer added last; before the first layer there is nothing to cut, and nothing happens.
    #[must_use]
    pub fn cut(mut self, name: impl Into<String>) -> Self {
        if let Some(last) = self.layers.last() {
            self.cuts.push(Cut {
                name: name.into(),
                after: last.name.clone(),
            });
        }
        self
    }

    /// The JSON document that the host reads.
    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }
}
