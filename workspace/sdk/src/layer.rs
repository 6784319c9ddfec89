//! The layers that a blueprint is made of. Their arithmetic, and the defaults left out of the JSON, are PyTorch's.

use serde::{Serialize, Serializer};

/// One layer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub enum Layer {
    /// `[channels, h, w]` → `[filters, h', w']`
    Conv2d(Conv2d),
    /// Each channel brought to mean 0 and variance 1, then scaled and shifted by learned numbers.
    #[serde(rename = "batch-norm2d")]
    BatchNorm2d(BatchNorm),
    /// The same for each number of a flat vector: `[features]` → `[features]`
    #[serde(rename = "batch-norm1d")]
    BatchNorm1d(BatchNorm),
    /// The greatest number of each window: `[channels, h, w]` → `[channels, h', w']`; padding is never the greatest.
    #[serde(rename = "max-pool2d")]
    MaxPool2d(Pool2d),
    /// The mean of each window: `[channels, h, w]` → `[channels, h', w']`; padding counts as zeros.
    #[serde(rename = "avg-pool2d")]
    AvgPool2d(Pool2d),
    /// The mean of each channel: `[channels, h, w]` → `[channels, 1, 1]`
    #[serde(rename = "global-avg-pool2d")]
    GlobalAvgPool2d,
    /// `[features]` → `[units]`
    Linear {
        /// The number of outputs.
        units: usize,
        /// Whether each output has a learned number added.
        #[serde(skip_serializing_if = "is_true")]
        bias: bool,
    },
    /// `[channels, h, w]` → `[channels × h × w]`
    Flatten,
    /// In training, sets each number to 0 with this probability and scales up the others; otherwise does nothing.
    Dropout {
        /// From 0 to below 1.
        rate: f64,
    },
    /// The greater of 0 and x.
    Relu,
    /// x held between 0 and 6.
    Relu6,
    /// x · Φ(x) with the exact normal distribution function Φ.
    Gelu,
    /// The hyperbolic tangent.
    Tanh,
    /// 1 / (1 + e⁻ˣ)
    Sigmoid,
    /// x / (1 + e⁻ˣ)
    Silu,
    /// The sum of two or more inputs of one shape.
    Add,
    /// The product of two inputs of one shape; or the second has one number per channel, `[channels, 1, 1]`.
    Multiply,
    /// The channels of two or more inputs, one after the other.
    Concat,
}

impl Layer {
    /// A convolution with bias, stride 1, no padding, no dilation and one group; [`Conv2d`] has the others.
    pub const fn conv2d(filters: usize, kernel: [usize; 2]) -> Layer {
        Layer::Conv2d(Conv2d::new(filters, kernel))
    }

    /// Batch normalisation of an image's channels with the usual settings.
    pub const fn batch_norm2d() -> Layer {
        Layer::BatchNorm2d(BatchNorm::USUAL)
    }

    /// Batch normalisation of a flat vector with the usual settings.
    pub const fn batch_norm1d() -> Layer {
        Layer::BatchNorm1d(BatchNorm::USUAL)
    }

    /// Max pooling with windows side by side and no padding; [`Pool2d`] has the others.
    pub const fn max_pool2d(kernel: [usize; 2]) -> Layer {
        Layer::MaxPool2d(Pool2d::new(kernel))
    }

    /// Average pooling with windows side by side and no padding; [`Pool2d`] has the others.
    pub const fn avg_pool2d(kernel: [usize; 2]) -> Layer {
        Layer::AvgPool2d(Pool2d::new(kernel))
    }

    /// A linear layer with bias.
    pub const fn linear(units: usize) -> Layer {
        Layer::Linear { units, bias: true }
    }
}

/// The settings of a convolution; pairs are down and across.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Conv2d {
    filters: usize,
    kernel: [usize; 2],
    stride: [usize; 2],
    /// Above, on the left, below, on the right.
    #[serde(serialize_with = "as_pair_where_it_is_one")]
    padding: [usize; 4],
    #[serde(skip_serializing_if = "is_one_each")]
    dilation: [usize; 2],
    #[serde(skip_serializing_if = "is_one")]
    groups: usize,
    #[serde(skip_serializing_if = "is_true")]
    bias: bool,
}

impl Conv2d {
    /// With bias, stride 1, no padding, no dilation and one group.
    pub const fn new(filters: usize, kernel: [usize; 2]) -> Self {
        Conv2d {
            filters,
            kernel,
            stride: [1, 1],
            padding: [0; 4],
            dilation: [1, 1],
            groups: 1,
            bias: true,
        }
    }

    /// The distance between neighbouring windows.
    #[must_use]
    pub const fn stride(mut self, stride: [usize; 2]) -> Self {
        self.stride = stride;
        self
    }

    /// Rows of zeros above and below, columns of zeros left and right.
    #[must_use]
    pub const fn padding(mut self, [rows, columns]: [usize; 2]) -> Self {
        self.padding = [rows, columns, rows, columns];
        self
    }

    /// Rows of zeros above, columns of zeros on the left, rows below and columns on the right.
    #[must_use]
    pub const fn padding_by_side(mut self, padding: [usize; 4]) -> Self {
        self.padding = padding;
        self
    }

    /// TensorFlow's padding `"SAME"` for images of this height and width: each side of the map is that of the image divided by
    /// the stride, rounded up, and of an odd number of zeros the one more stands below or on the right. Uses the stride and the
    /// dilation set so far.
    #[must_use]
    pub const fn same_padding(mut self, image: [usize; 2]) -> Self {
        let mut axis = 0;
        while axis < 2 {
            let reach = (self.kernel[axis] - 1) * self.dilation[axis] + 1;
            let map = image[axis].div_ceil(self.stride[axis]);
            let zeros =
                (map.saturating_sub(1) * self.stride[axis] + reach).saturating_sub(image[axis]);
            self.padding[axis] = zeros / 2;
            self.padding[axis + 2] = zeros - zeros / 2;
            axis += 1;
        }
        self
    }

    /// The distance between neighbouring numbers of a window.
    #[must_use]
    pub const fn dilation(mut self, dilation: [usize; 2]) -> Self {
        self.dilation = dilation;
        self
    }

    /// Channels and filters are cut into so many parts that do not see each other; as many as channels is depthwise.
    #[must_use]
    pub const fn groups(mut self, groups: usize) -> Self {
        self.groups = groups;
        self
    }

    /// No bias, as before batch normalisation, which would take it away again.
    #[must_use]
    pub const fn without_bias(mut self) -> Self {
        self.bias = false;
        self
    }
}

/// The settings of a batch normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BatchNorm {
    /// Added to the variance.
    #[serde(skip_serializing_if = "is_usual_epsilon")]
    pub epsilon: f64,
    /// The share of each batch in the running mean and variance.
    #[serde(skip_serializing_if = "is_usual_momentum")]
    pub momentum: f64,
    /// Whether each channel is scaled and shifted by learned numbers.
    #[serde(skip_serializing_if = "is_true")]
    pub affine: bool,
}

impl BatchNorm {
    /// PyTorch's defaults.
    pub const USUAL: BatchNorm = BatchNorm {
        epsilon: 1e-5,
        momentum: 0.1,
        affine: true,
    };
}

/// The settings of a pooling; pairs are down and across.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Pool2d {
    kernel: [usize; 2],
    stride: [usize; 2],
    #[serde(skip_serializing_if = "is_zero_each")]
    padding: [usize; 2],
}

impl Pool2d {
    /// Windows side by side, no padding.
    pub const fn new(kernel: [usize; 2]) -> Self {
        Pool2d {
            kernel,
            stride: kernel,
            padding: [0, 0],
        }
    }

    /// The distance between neighbouring windows.
    #[must_use]
    pub const fn stride(mut self, stride: [usize; 2]) -> Self {
        self.stride = stride;
        self
    }

    /// Rows above and below, columns left and right.
    #[must_use]
    pub const fn padding(mut self, padding: [usize; 2]) -> Self {
        self.padding = padding;
        self
    }
}

// Settings that older hosts do not know are written only where they say something.

/// Two numbers where opposite sides have the same.
fn as_pair_where_it_is_one<S: Serializer>(
    padding: &[usize; 4],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match *padding {
        [top, left, bottom, right] if [top, left] == [bottom, right] => {
            [top, left].serialize(serializer)
        }
        _ => padding.serialize(serializer),
    }
}

fn is_one(number: &usize) -> bool {
    *number == 1
}

fn is_one_each(pair: &[usize; 2]) -> bool {
    *pair == [1, 1]
}

fn is_zero_each(pair: &[usize; 2]) -> bool {
    *pair == [0, 0]
}

fn is_true(truth: &bool) -> bool {
    *truth
}

fn is_usual_epsilon(epsilon: &f64) -> bool {
    *epsilon == BatchNorm::USUAL.epsilon
}

fn is_usual_momentum(momentum: &f64) -> bool {
    *momentum == BatchNorm::USUAL.momentum
}
