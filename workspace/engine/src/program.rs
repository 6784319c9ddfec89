//! A blueprint compiled into operations: what stands side by side and can be done in one go is fused,
//! and what only renames shapes disappears.

use std::sync::Arc;

use crate::blueprint::{Blueprint, LayerOp, LayerSpec};
use crate::ops::{Conv2d, Convolution, Linear, MaxPool2d, Operation, Relu, Windows};

/// The operations of a network in order.
pub(crate) struct Program {
    pub(crate) steps: Vec<Step>,
}

/// One operation and the layer its weights belong to.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) operation: Arc<dyn Operation>,
    /// Which of the layers with weights, counted from 0 in the blueprint's order.
    pub(crate) weights: Option<usize>,
}

impl Program {
    /// With `fuse`, neighbouring layers may become one operation; the results are the same either way.
    pub(crate) fn compile(blueprint: &Blueprint, fuse: bool) -> Self {
        let mut steps = Vec::new();
        let mut layers_with_weights = 0..;
        let mut rest = blueprint.layers();
        while let Some((layer, behind)) = rest.split_first() {
            let can_fuse = if fuse { behind } else { &[] };
            let (operation, fused) = compile_layer(layer, can_fuse);
            rest = &behind[fused..];
            if let Some(operation) = operation {
                steps.push(Step {
                    operation,
                    weights: layer
                        .parameter_shapes()
                        .and_then(|_| layers_with_weights.next()),
                });
            }
        }
        Self { steps }
    }
}

/// The operation for `layer` and how many of the layers behind it are part of it.
fn compile_layer(layer: &LayerSpec, behind: &[LayerSpec]) -> (Option<Arc<dyn Operation>>, usize) {
    let relu = matches!(behind.first(), Some(next) if next.op == LayerOp::Relu);
    match layer.op {
        LayerOp::Conv2d {
            filters,
            kernel,
            stride,
            padding,
        } => {
            let ([channels, height, width], [_, map_height, map_width]) = images(layer);
            let pool = behind.get(usize::from(relu)).and_then(windows);
            let conv = Conv2d {
                channels,
                image: [height, width],
                filters,
                kernel,
                stride,
                padding,
                map: [map_height, map_width],
            };
            let fused = usize::from(relu) + usize::from(pool.is_some());
            (Some(Arc::new(Convolution { conv, relu, pool })), fused)
        }
        LayerOp::Linear { units } => {
            let features = layer.input.elements();
            let linear = Linear {
                features,
                units,
                relu,
            };
            (Some(Arc::new(linear)), usize::from(relu))
        }
        LayerOp::MaxPool2d { .. } => {
            let operation = windows(layer).map(|windows| -> Arc<dyn Operation> {
                Arc::new(MaxPool2d {
                    channels: layer.input.dims()[0],
                    windows,
                })
            });
            (operation, 0)
        }
        LayerOp::Relu => {
            let elements = layer.input.elements();
            (Some(Arc::new(Relu { elements })), 0)
        }
        LayerOp::Flatten => (None, 0),
    }
}

/// The windows of a max pooling layer; nothing for other layers.
fn windows(layer: &LayerSpec) -> Option<Windows> {
    let LayerOp::MaxPool2d { kernel, stride } = layer.op else {
        return None;
    };
    let ([_, height, width], [_, rows, columns]) = images(layer);
    Some(Windows {
        image: [height, width],
        kernel,
        stride,
        count: [rows, columns],
    })
}

/// Input and output of a layer on images, which a checked blueprint has made sure of.
fn images(layer: &LayerSpec) -> ([usize; 3], [usize; 3]) {
    let flat = |elements| [1, 1, elements];
    (
        layer
            .input
            .as_image()
            .unwrap_or(flat(layer.input.elements())),
        layer
            .output
            .as_image()
            .unwrap_or(flat(layer.output.elements())),
    )
}
