//! Windows over maps.

use topwork_engine::layers::{AvgPool2d, MaxPool2d, Pooling};

use super::ints;
use crate::graph::{Builder, Op, Setting};

/// The settings of windows.
struct Windows {
    kernel: Vec<i64>,
    stride: Vec<i64>,
    pads: Vec<i64>,
    ceil_mode: bool,
}

impl Windows {
    fn of(pooling: &Pooling) -> Self {
        let [rows, columns] = pooling.padding;
        Self {
            kernel: ints(&pooling.kernel),
            stride: ints(&pooling.stride),
            pads: ints(&[rows, columns, rows, columns]),
            ceil_mode: pooling.ceil_mode,
        }
    }

    fn settings(&self) -> Vec<(&'static str, Setting<'_>)> {
        let mut settings = vec![
            ("kernel_shape", Setting::Ints(&self.kernel)),
            ("strides", Setting::Ints(&self.stride)),
            ("pads", Setting::Ints(&self.pads)),
        ];
        if self.ceil_mode {
            settings.push(("ceil_mode", Setting::Int(1)));
        }
        settings
    }
}

pub(super) fn max(builder: &mut Builder, name: &str, x: &str, layer: &MaxPool2d) -> String {
    let windows = Windows::of(&layer.pooling);
    let dilations = ints(&layer.dilation);
    let mut settings = windows.settings();
    let dilated = layer.dilation != [1, 1];
    if dilated {
        settings.push(("dilations", Setting::Ints(&dilations)));
    }
    // Dilation and windows beyond the padding came with 10.
    let since = if dilated || windows.ceil_mode { 10 } else { 1 };
    builder.node(Op("MaxPool", since), name, &[x], &settings)
}

pub(super) fn mean(builder: &mut Builder, name: &str, x: &str, layer: &AvgPool2d) -> String {
    let windows = Windows::of(&layer.pooling);
    let mut settings = windows.settings();
    let include = i64::from(layer.count_include_pad);
    settings.push(("count_include_pad", Setting::Int(include)));
    // Windows beyond the padding came with 10.
    let since = if windows.ceil_mode { 10 } else { 7 };
    builder.node(Op("AveragePool", since), name, &[x], &settings)
}
