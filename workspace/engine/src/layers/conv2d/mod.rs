//! Convolution, alone or with what follows it in one go: `y = rectify(w ⋆ x + b)`, and where no gradient passes
//! `y = activate(a (w ⋆ x + b) + c + r)`, where `a` and `c` are a frozen batch normalisation and `r` is a second input.
//! It has its channels last; see `channels_last`. Small ones with pooling behind them are done with channels first while
//! they are trained, `y = pool(rectify(w ⋆ x + b))`: most of the gradient of their map is zero, and the map never
//! written. What follows is of these.
//!
//! As in PyTorch, `⋆` is cross-correlation and `w` is `filters × channels of a group × height × width`.
//! The windows of the image are unfolded into the columns of a matrix `X` of
//! `channels·height·width × places`, so that the map is `W X` (Chellapilla, Puri and Simard, "High
//! performance convolutional neural networks for document processing", 2006). With `dY` the gradient
//! of the map, `dW = Σ dY Xᵀ`, `db = Σ dY`, and `dx` is `Wᵀ dY` folded back.
//!
//! Columns are never kept: a tile of them at a time lies in the cache of a core, and they are unfolded
//! again for the backward pass, which is cheaper than fetching them from memory.

mod backward;
mod bottleneck;
mod channels_last;
mod columns;
mod correlate;
mod sparse;

use super::activation::Pointwise;
use super::max_pool2d::Windows;
use super::windows::{count, does_not_fit, reach, read_sides, sides_in_words};
use super::{Array, Kind, Layer, Site, image};
use crate::layout::Turned;
use crate::operation::{Backward, Forward, Named, Operation};
use crate::place::Place;
use crate::problem::Problem;
use crate::rectifier::Rectifier;
use crate::shape::{Shape, by};
pub(crate) use bottleneck::Bottleneck;
use correlate::{Finish, Weight};

/// Cross-correlation, `torch.nn.Conv2d`. Pairs are height, then width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    /// Output channels.
    pub filters: usize,
    /// Size of the window.
    pub kernel: [usize; 2],
    /// Distance between neighbouring windows.
    pub stride: [usize; 2],
    /// Rows and columns of zeros added: above, on the left, below, on the right.
    pub padding: [usize; 4],
    /// Distance between neighbouring values of one window.
    pub dilation: [usize; 2],
    /// Channels and filters are divided into so many groups that do not see each other.
    pub groups: usize,
    /// Whether each filter has a bias.
    pub bias: bool,
}

pub(super) static KIND: Kind = Kind {
    name: "conv2d",
    keys: &[
        "filters", "kernel", "stride", "padding", "dilation", "groups", "bias",
    ],
    inputs: (1, 1),
    read: |place| read(place).map(Into::into),
};

fn read(place: &mut Place<'_, '_>) -> Option<Conv2d> {
    let filters = place.number("filters", None);
    let kernel = place.pair("kernel", 1, None);
    let stride = place.pair("stride", 1, Some([1, 1]));
    let padding = read_sides(place);
    let dilation = place.pair("dilation", 1, Some([1, 1]));
    let groups = place.number("groups", Some(1));
    let bias = place.flag("bias", true);
    Some(Conv2d {
        filters: filters?,
        kernel: kernel?,
        stride: stride?,
        padding: padding?,
        dilation: dilation?,
        groups: groups?,
        bias: bias?,
    })
}

impl Layer for Conv2d {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn detail(&self) -> String {
        let mut detail = format!("{} filters {}", self.filters, by(&self.kernel));
        if self.stride != [1, 1] {
            detail += &format!(", stride {}", by(&self.stride));
        }
        if self.padding != [0; 4] {
            detail += &format!(", padding {}", sides_in_words(self.padding));
        }
        if self.dilation != [1, 1] {
            detail += &format!(", dilation {}", by(&self.dilation));
        }
        if self.groups != 1 {
            detail += &format!(", {} groups", self.groups);
        }
        if !self.bias {
            detail += ", no bias";
        }
        detail
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        let [channels, height, width] = image(&KIND, inputs[0])?;
        let (filters, groups) = (self.filters, self.groups);
        if channels % groups != 0 || filters % groups != 0 {
            return Err(Problem::new(format!(
                "`groups` is {groups}, expected a number that divides both \
                 {channels} channels and {filters} filters"
            )));
        }
        let reach = reach(self.kernel, self.dilation);
        let [height, width] = count([height, width], reach, self.stride, self.padding)
            .ok_or_else(|| does_not_fit(reach, inputs[0], self.padding))?;
        Ok(Shape::image(filters, height, width))
    }

    /// A weight of `[filters, channels of a group, height, width]`.
    fn arrays(&self, input: Shape) -> Vec<Array> {
        let channels = input.dims()[0] / self.groups;
        let [height, width] = self.kernel;
        Array::weight_and_bias(vec![self.filters, channels, height, width], self.bias)
    }

    /// Every weight is used once at every place of the map.
    fn multiply_adds(&self, input: Shape, output: Shape) -> u64 {
        let window = input.dims()[0] / self.groups * self.kernel[0] * self.kernel[1];
        window as u64 * output.elements() as u64
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        let [channels, height, width] = site.inputs[0].as_image()?;
        let [_, rows, columns] = site.output.as_image()?;
        let conv = Sizes {
            channels,
            image: [height, width],
            filters: self.filters,
            kernel: self.kernel,
            stride: self.stride,
            padding: [self.padding[0], self.padding[1]],
            dilation: self.dilation,
            groups: self.groups,
            map: [rows, columns],
        };
        Some(Box::new(Convolution::alone(conv)))
    }
}

/// Sizes of a convolution. Pairs are height, then width.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sizes {
    pub(crate) channels: usize,
    pub(crate) image: [usize; 2],
    pub(crate) filters: usize,
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    /// Rows of zeros above and columns of zeros on the left; what is needed below and on the right follows
    /// from the size of the map.
    pub(crate) padding: [usize; 2],
    pub(crate) dilation: [usize; 2],
    pub(crate) groups: usize,
    /// Height and width of the map.
    pub(crate) map: [usize; 2],
}

impl Sizes {
    /// Of a dense layer over tokens.
    pub(super) fn of_tokens(tokens: usize, features: usize, units: usize) -> Self {
        Self {
            channels: features,
            image: [1, tokens],
            filters: units,
            kernel: [1, 1],
            stride: [1, 1],
            padding: [0, 0],
            dilation: [1, 1],
            groups: 1,
            map: [1, tokens],
        }
    }

    /// Channels that one filter sees.
    fn group_channels(&self) -> usize {
        self.channels / self.groups
    }

    fn group_filters(&self) -> usize {
        self.filters / self.groups
    }

    /// Weights of one filter for one channel.
    fn kernel_elements(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Weights of one filter, which is the height of the matrix of columns.
    fn window(&self) -> usize {
        self.group_channels() * self.kernel_elements()
    }

    /// Places of one channel of the map, which is the width of the matrix of columns.
    fn places(&self) -> usize {
        self.map[0] * self.map[1]
    }

    /// Values of one channel of the image.
    fn plane(&self) -> usize {
        self.image[0] * self.image[1]
    }

    fn image_elements(&self) -> usize {
        self.channels * self.plane()
    }

    fn map_elements(&self) -> usize {
        self.filters * self.places()
    }
}

/// What follows a convolution through which no gradient passes.
#[derive(Clone, Default)]
pub(crate) struct Frozen {
    /// The ε of a frozen batch normalisation; its weights come second.
    pub(crate) norm: Option<f32>,
    /// Whether a second input is added.
    pub(crate) residual: bool,
    /// Another activation than a rectifier.
    pub(crate) activation: Option<Pointwise>,
}

/// A convolution with what follows it.
#[derive(Clone)]
pub(crate) struct Convolution {
    pub(crate) conv: Sizes,
    pub(crate) rectifier: Option<Rectifier>,
    /// What is taken over only where no gradient passes: its form with channels last, which runs there, does it.
    pub(crate) frozen: Frozen,
    /// Windows over the map.
    pub(crate) pool: Option<Windows>,
}

impl Convolution {
    /// With nothing behind it.
    pub(super) fn alone(conv: Sizes) -> Self {
        Self {
            conv,
            rectifier: None,
            frozen: Frozen::default(),
            pool: None,
        }
    }

    /// Whether it gains by being done with the pooling behind it: whether the map of a whole image, and its columns,
    /// stay in a core's cache, and every piece of a batch may have sums for all weights.
    pub(crate) fn may_pool(&self, windows: &Windows) -> bool {
        const FEW: usize = 1 << 17;
        const FEW_WEIGHTS: usize = 1 << 15;
        let (conv, window) = (&self.conv, self.conv.window());
        let few = conv.map_elements() <= FEW && window * conv.places() <= FEW;
        few && conv.filters * window <= FEW_WEIGHTS
            && conv.has_sparse_gradient(windows)
            && windows.all_within()
    }
}

impl Operation for Convolution {
    fn output(&self) -> usize {
        match &self.pool {
            Some(windows) => self.conv.filters * windows.count_elements(),
            None => self.conv.map_elements(),
        }
    }

    fn rectifier_slot(&mut self) -> Option<&mut Option<Rectifier>> {
        Some(&mut self.rectifier)
    }

    fn noted(&self) -> usize {
        self.pool.map_or(0, |_| self.output())
    }

    fn channels_last(&self) -> Option<Turned> {
        if self.pool.is_some() {
            return None;
        }
        Some(Turned {
            operation: Box::new(channels_last::ChannelsLast::of(self)),
            gains: true,
        })
    }

    fn prepare(&self, weights: &[Named<'_>]) -> Option<Vec<f32>> {
        Some(self.conv.prepared(weights[0].of("weight")))
    }

    fn forward(&self, pass: Forward<'_>) {
        let finish = Finish {
            bias: pass.weights[0].of("bias"),
            rectifier: self.rectifier,
            pool: self.pool,
        };
        let weight = match pass.prepared {
            Some(prepared) => Weight::Prepared(prepared),
            None => Weight::Plain(pass.weights[0].of("weight")),
        };
        self.conv.correlate(
            pass.buffers,
            weight,
            pass.inputs[0],
            &finish,
            pass.output,
            pass.notes,
        );
    }

    fn backward(&self, pass: Backward<'_>) {
        self.backward_of(pass);
    }
}
