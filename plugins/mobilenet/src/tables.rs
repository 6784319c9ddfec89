//! The blocks of each network: table 2 of the first paper, tables 1 and 2 of the second.

use topwork_sdk::Layer;

/// What a network is built of.
pub struct Table {
    /// Channels of the first map.
    pub stem: usize,
    /// The activation of the first and the last layers.
    pub ends: Activation,
    /// Block by block.
    pub rows: &'static [Row],
    /// V2: channels of the last map; V3: how many times those before it.
    pub head: usize,
    /// Units of the dense layer behind the pooling, where there is one.
    pub dense: Option<usize>,
}

/// One block.
pub struct Row {
    pub kernel: usize,
    /// Channels in its middle; of V2 how many times those before it.
    pub expanded: usize,
    pub filters: usize,
    pub squeezes: bool,
    pub activation: Activation,
    pub stride: usize,
    /// The stage that timm counts it to.
    pub stage: usize,
    /// Whether it does without the convolution that widens, which the first block of each network does.
    first: bool,
}

#[derive(Clone, Copy)]
pub enum Activation {
    Relu,
    Relu6,
    HardSwish,
}

impl Activation {
    pub fn layer(self) -> Layer {
        match self {
            Activation::Relu => Layer::Relu,
            Activation::Relu6 => Layer::Relu6,
            Activation::HardSwish => Layer::HardSwish,
        }
    }
}

impl Row {
    /// Whether a convolution widens the map first.
    pub fn expands(&self) -> bool {
        !self.first
    }
}

use Activation::{HardSwish, Relu, Relu6};

const fn v2(stage: usize, expanded: usize, filters: usize, stride: usize) -> Row {
    Row {
        kernel: 3,
        expanded,
        filters,
        squeezes: false,
        activation: Relu6,
        stride,
        stage,
        first: expanded == 1,
    }
}

const fn v3(
    stage: usize,
    kernel: usize,
    [expanded, filters]: [usize; 2],
    squeezes: bool,
    activation: Activation,
    stride: usize,
) -> Row {
    Row {
        kernel,
        expanded,
        filters,
        squeezes,
        activation,
        stride,
        stage,
        first: stage == 0,
    }
}

pub const V2: Table = Table {
    stem: 32,
    ends: Relu6,
    rows: &[
        v2(0, 1, 16, 1),
        v2(1, 6, 24, 2),
        v2(1, 6, 24, 1),
        v2(2, 6, 32, 2),
        v2(2, 6, 32, 1),
        v2(2, 6, 32, 1),
        v2(3, 6, 64, 2),
        v2(3, 6, 64, 1),
        v2(3, 6, 64, 1),
        v2(3, 6, 64, 1),
        v2(4, 6, 96, 1),
        v2(4, 6, 96, 1),
        v2(4, 6, 96, 1),
        v2(5, 6, 160, 2),
        v2(5, 6, 160, 1),
        v2(5, 6, 160, 1),
        v2(6, 6, 320, 1),
    ],
    head: 1280,
    dense: None,
};

pub const V3_SMALL: Table = Table {
    stem: 16,
    ends: HardSwish,
    rows: &[
        v3(0, 3, [16, 16], true, Relu, 2),
        v3(1, 3, [72, 24], false, Relu, 2),
        v3(1, 3, [88, 24], false, Relu, 1),
        v3(2, 5, [96, 40], true, HardSwish, 2),
        v3(2, 5, [240, 40], true, HardSwish, 1),
        v3(2, 5, [240, 40], true, HardSwish, 1),
        v3(3, 5, [120, 48], true, HardSwish, 1),
        v3(3, 5, [144, 48], true, HardSwish, 1),
        v3(4, 5, [288, 96], true, HardSwish, 2),
        v3(4, 5, [576, 96], true, HardSwish, 1),
        v3(4, 5, [576, 96], true, HardSwish, 1),
    ],
    head: 6,
    dense: Some(1024),
};

pub const V3_LARGE: Table = Table {
    stem: 16,
    ends: HardSwish,
    rows: &[
        v3(0, 3, [16, 16], false, Relu, 1),
        v3(1, 3, [64, 24], false, Relu, 2),
        v3(1, 3, [72, 24], false, Relu, 1),
        v3(2, 5, [72, 40], true, Relu, 2),
        v3(2, 5, [120, 40], true, Relu, 1),
        v3(2, 5, [120, 40], true, Relu, 1),
        v3(3, 3, [240, 80], false, HardSwish, 2),
        v3(3, 3, [200, 80], false, HardSwish, 1),
        v3(3, 3, [184, 80], false, HardSwish, 1),
        v3(3, 3, [184, 80], false, HardSwish, 1),
        v3(4, 3, [480, 112], true, HardSwish, 1),
        v3(4, 3, [672, 112], true, HardSwish, 1),
        v3(5, 5, [672, 160], true, HardSwish, 2),
        v3(5, 5, [960, 160], true, HardSwish, 1),
        v3(5, 5, [960, 160], true, HardSwish, 1),
    ],
    head: 6,
    dense: Some(1280),
};
