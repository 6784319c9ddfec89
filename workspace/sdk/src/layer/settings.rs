//! Settings of layers that have several.

use serde::{Serialize, Serializer};

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
#[serde(rename_all = "kebab-case")]
pub struct Pool2d {
    kernel: [usize; 2],
    stride: [usize; 2],
    #[serde(skip_serializing_if = "is_default")]
    padding: [usize; 2],
    #[serde(skip_serializing_if = "is_one_each")]
    dilation: [usize; 2],
    #[serde(skip_serializing_if = "is_false")]
    ceil_mode: bool,
    #[serde(skip_serializing_if = "is_true")]
    count_include_pad: bool,
}

impl Pool2d {
    /// Windows side by side, no padding.
    pub const fn new(kernel: [usize; 2]) -> Self {
        Pool2d {
            kernel,
            stride: kernel,
            padding: [0, 0],
            dilation: [1, 1],
            ceil_mode: false,
            count_include_pad: true,
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

    /// The distance between neighbouring numbers of a window, of max pooling alone.
    #[must_use]
    pub const fn dilation(mut self, dilation: [usize; 2]) -> Self {
        self.dilation = dilation;
        self
    }

    /// A last window that reaches beyond the padding counts as well.
    #[must_use]
    pub const fn ceil_mode(mut self) -> Self {
        self.ceil_mode = true;
        self
    }

    /// A mean is that of the image's own numbers, without the zeros of the padding; of average pooling alone.
    #[must_use]
    pub const fn without_counting_padding(mut self) -> Self {
        self.count_include_pad = false;
        self
    }
}

/// Rows and columns added around a map.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Pad {
    /// Rows above, columns on the left, rows below, columns on the right.
    #[serde(serialize_with = "as_pair_where_it_is_one")]
    pub padding: [usize; 4],
    /// What is put there.
    #[serde(flatten)]
    pub mode: PadMode,
}

/// What is put into added rows and columns.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "mode", rename_all = "kebab-case")]
pub enum PadMode {
    /// One and the same number.
    Constant {
        /// Usually 0.
        #[serde(skip_serializing_if = "is_default")]
        value: f64,
    },
    /// The map as in a mirror that stands on its outermost numbers.
    Reflect,
    /// The outermost numbers again and again.
    Replicate,
}

/// Where the numbers of a resized map come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interpolation {
    /// Each is one of the input.
    Nearest,
    /// Each is a mean of the four around its place.
    Bilinear,
}

/// The settings of a local response normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LocalResponseNorm {
    /// Channels taken together.
    pub size: usize,
    /// What the mean square is multiplied by.
    pub alpha: f64,
    /// The exponent.
    pub beta: f64,
    /// Added to the mean square.
    pub k: f64,
}

impl LocalResponseNorm {
    /// PyTorch's defaults for so many channels.
    pub const fn new(size: usize) -> Self {
        LocalResponseNorm {
            size,
            alpha: 1e-4,
            beta: 0.75,
            k: 1.0,
        }
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

pub(super) fn is_true(truth: &bool) -> bool {
    *truth
}

pub(super) fn is_usual_epsilon(epsilon: &f64) -> bool {
    *epsilon == BatchNorm::USUAL.epsilon
}

fn is_usual_momentum(momentum: &f64) -> bool {
    *momentum == BatchNorm::USUAL.momentum
}

pub(super) fn is_false(truth: &bool) -> bool {
    !truth
}

/// Nothing, in numbers.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
