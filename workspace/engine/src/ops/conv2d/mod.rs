//! Convolution, alone or with what follows it in one go:
//! `y = pool(rectify(a (w ⋆ x + b) + c + r))`, where `a` and `c` are a frozen batch normalisation and `r`
//! is a second input.
//!
//! As in PyTorch, `⋆` is cross-correlation and `w` is `filters × channels of a group × height × width`.
//! The windows of the image are unfolded into the columns of a matrix `X` of
//! `channels·height·width × places`, so that the map is `W X` (Chellapilla, Puri and Simard, "High
//! performance convolutional neural networks for document processing", 2006). With `dY` the gradient
//! of the map, `dW = Σ dY Xᵀ`, `db = Σ dY`, and `dx` is `Wᵀ dY` folded back.
//!
//! Windows of 3×3 over many channels need fewer multiplications; see `winograd`. Filters that see
//! one channel each do without matrices; see `depthwise`.
//!
//! Columns are never kept: a tile of them at a time lies in the cache of a core, and they are unfolded
//! again for the backward pass, which is cheaper than fetching them from memory.

mod backward;
mod columns;
mod correlate;
mod depthwise;
mod sparse;
mod winograd;

use super::max_pool2d::Windows;
use super::{Backward, Forward, Operation, Rectifier};
use crate::ops::frozen_norm2d::scales_and_shifts;
use correlate::Finish;

/// Sizes of a convolution. Pairs are height, then width.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Conv2d {
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

impl Conv2d {
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

/// A convolution with what follows it.
pub(crate) struct Convolution {
    pub(crate) conv: Conv2d,
    /// The ε of a frozen batch normalisation; its weights come second.
    pub(crate) norm: Option<f32>,
    /// Whether a second input is added.
    pub(crate) residual: bool,
    pub(crate) rectifier: Option<Rectifier>,
    /// Windows over the map.
    pub(crate) pool: Option<Windows>,
}

impl Convolution {
    /// Whether the map of a whole image is small enough to be pooled while it is in the cache.
    pub(crate) fn may_pool(&self, windows: &Windows) -> bool {
        const FEW: usize = 1 << 17;
        windows.padding == [0, 0] && self.conv.map_elements() <= FEW
    }
}

impl Operation for Convolution {
    fn output(&self) -> usize {
        match &self.pool {
            Some(windows) => self.conv.filters * windows.count_elements(),
            None => self.conv.map_elements(),
        }
    }

    fn noted(&self) -> usize {
        self.pool.map_or(0, |_| self.output())
    }

    fn forward(&self, pass: Forward<'_>) {
        let norm = match self.norm {
            Some(epsilon) => scales_and_shifts(&pass.weights[1], epsilon),
            None => Vec::new(),
        };
        let finish = Finish {
            bias: pass.weights[0].bias,
            norm: &norm,
            residual: self.residual.then(|| pass.inputs[1]),
            rectifier: self.rectifier,
            pool: self.pool,
        };
        self.conv.correlate(
            pass.buffers,
            pass.weights[0].weight,
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
