//! A blueprint compiled into operations: what follows one another and can be done in one go is fused,
//! what only renames shapes disappears, and what is not trained is done in its simplest form.

use std::sync::Arc;

use crate::blueprint::{Blueprint, LayerOp, LayerSpec};
use crate::ops::{
    Activate, Add, AvgPool2d, BatchNorm1d, BatchNorm2d, Concat, Conv2d, Convolution, Dropout,
    FrozenNorm2d, Linear, MaxPool2d, Multiply, Operation, Rectifier, Windows,
};

/// The operations of a network in order. Values are numbered as in [`LayerSpec::inputs`].
pub(crate) struct Program {
    pub(crate) steps: Vec<Step>,
    /// The value that is the result; 0 where there is nothing to do.
    pub(crate) result: usize,
    /// Where the numbers of each value that was to be seen are found.
    pub(crate) seen: Vec<usize>,
}

/// One operation, where its operands come from and what becomes of them.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) operation: Arc<dyn Operation>,
    /// Layers whose weights it takes: its own, then the one fused into it.
    pub(crate) layers: Vec<usize>,
    pub(crate) inputs: Vec<usize>,
    pub(crate) output: usize,
    /// Values that no later step needs.
    pub(crate) finished: Vec<usize>,
    /// Whether the weights of its own layer learn.
    pub(crate) learns: bool,
    /// Set where it remembers the statistics of the batch.
    pub(crate) statistics: Option<Statistics>,
}

/// What is needed to bring the running statistics of a batch normalisation up to date.
#[derive(Clone, Copy)]
pub(crate) struct Statistics {
    pub(crate) momentum: f32,
    /// Places of one channel in one sample.
    pub(crate) places: usize,
}

/// What is trained.
#[derive(Clone, Copy)]
pub(crate) struct Training<'a> {
    /// One per layer.
    pub(crate) learns: &'a [bool],
    /// Whether something before the network learns, so that its input wants a gradient.
    pub(crate) input: bool,
}

struct Compiler<'a> {
    blueprint: &'a Blueprint,
    fuse: bool,
    /// One per layer.
    learns: Vec<bool>,
    /// One per value: whether anything up to it learns.
    gradient: Vec<bool>,
    /// One per value: the layers that use it.
    users: Vec<Vec<usize>>,
    /// Values whose numbers are wanted besides the result's, so that none may vanish in a fused operation.
    to_see: &'a [usize],
    /// One per value: the value that holds its numbers, once it is computed.
    held_in: Vec<Option<usize>>,
}

impl Program {
    /// For evaluation, where `training` is nothing. With `fuse`, layers may become one operation; the
    /// outputs are the same bits either way, gradients the same up to rounding.
    pub(crate) fn compile(
        blueprint: &Blueprint,
        training: Option<Training<'_>>,
        fuse: bool,
    ) -> Self {
        Self::compile_to_see(blueprint, training, fuse, &[])
    }

    /// The same, where the numbers of some values are wanted besides the result's.
    pub(crate) fn compile_to_see(
        blueprint: &Blueprint,
        training: Option<Training<'_>>,
        fuse: bool,
        to_see: &[usize],
    ) -> Self {
        let layers = blueprint.layers();
        let learns: Vec<bool> = (0..layers.len())
            .map(|layer| training.is_some_and(|training| training.learns[layer]))
            .collect();
        let mut gradient = vec![training.is_some_and(|training| training.input)];
        let mut users = vec![Vec::new(); layers.len() + 1];
        for (index, layer) in layers.iter().enumerate() {
            let weights = learns[index] && layer.parameter_shapes().0.is_some();
            gradient.push(weights || layer.inputs.iter().any(|&input| gradient[input]));
            for &input in &layer.inputs {
                users[input].push(index);
            }
        }
        let mut held_in = vec![None; layers.len() + 1];
        held_in[0] = Some(0);
        let compiler = Compiler {
            blueprint,
            fuse,
            learns,
            gradient,
            users,
            to_see,
            held_in,
        };
        compiler.run()
    }
}

impl<'a> Compiler<'a> {
    fn run(mut self) -> Program {
        let mut steps = Vec::new();
        for index in 0..self.blueprint.layers().len() {
            if self.held_in[index + 1].is_none() {
                steps.extend(self.layer(index));
            }
        }
        let result = self.held_in.last().copied().flatten().unwrap_or(0);
        let mut needed = vec![false; self.held_in.len()];
        needed[result] = true;
        for step in steps.iter_mut().rev() {
            for &input in &step.inputs {
                if !needed[input] {
                    needed[input] = true;
                    step.finished.push(input);
                }
            }
        }
        let seen = (self.to_see.iter()).map(|&value| self.held_in[value].unwrap_or(0));
        Program {
            seen: seen.collect(),
            steps,
            result,
        }
    }

    /// The layer behind `index` that may become one with it: the only one to use its output.
    fn next(&self, index: usize) -> Option<(usize, &'a LayerSpec)> {
        match self.users[index + 1].as_slice() {
            &[next] if self.fuse && !self.to_see.contains(&(index + 1)) => {
                Some((next, &self.blueprint.layers()[next]))
            }
            _ => None,
        }
    }

    /// The rectifier behind `index`, if one may be fused, and the last layer with it.
    fn rectifier_behind(&self, index: usize) -> (Option<Rectifier>, usize) {
        let behind = self.next(index).and_then(|(next, layer)| {
            let LayerOp::Activation(activation) = layer.op else {
                return None;
            };
            Some((Rectifier::of(activation)?, next))
        });
        match behind {
            Some((rectifier, next)) => (Some(rectifier), next),
            None => (None, index),
        }
    }

    /// The sum of `index` and one other value that is known by then, and that value.
    fn sum_behind(&self, index: usize) -> Option<(usize, usize)> {
        let (next, layer) = self.next(index)?;
        let others: Vec<usize> = layer
            .inputs
            .iter()
            .copied()
            .filter(|&input| input != index + 1)
            .collect();
        match (&layer.op, others.as_slice(), layer.inputs.len()) {
            (LayerOp::Add, &[other], 2) => self.held_in[other].map(|held| (next, held)),
            _ => None,
        }
    }

    /// The operation for a layer and those fused with it; nothing where it only renames.
    fn layer(&mut self, index: usize) -> Option<Step> {
        let layer = &self.blueprint.layers()[index];
        let mut inputs: Vec<usize> = layer
            .inputs
            .iter()
            .filter_map(|&input| self.held_in[input])
            .collect();
        let learns = self.learns[index];
        let elements = layer.output.elements();
        let places = places(layer);
        let mut last = index;
        let mut layers = Vec::new();
        let mut statistics = None;
        let operation: Arc<dyn Operation> = match layer.op {
            LayerOp::Conv2d { .. } => {
                layers.push(index);
                // What is fused has no backward pass of its own but for a rectifier and pooling. So a norm or
                // a sum is fused only where no gradient comes out of it: neither of the convolution, nor of
                // the norm's own weights, nor of the other value of the sum.
                let mut norm = None;
                let mut residual = None;
                if let Some((next, spec)) = self.next(last)
                    && let LayerOp::BatchNorm2d { epsilon, .. } = spec.op
                    && !self.gradient[next + 1]
                {
                    norm = Some(epsilon);
                    layers.push(next);
                    last = next;
                }
                if let Some((next, other)) = self.sum_behind(last)
                    && !self.gradient[next + 1]
                {
                    residual = Some(other);
                    last = next;
                }
                inputs.extend(residual);
                let rectifier;
                (rectifier, last) = self.rectifier_behind(last);
                let mut convolution = Convolution {
                    conv: conv2d(layer)?,
                    norm,
                    residual: residual.is_some(),
                    rectifier,
                    pool: None,
                };
                if residual.is_none()
                    && let Some((next, spec)) = self.next(last)
                    && let Some(windows) = windows(spec)
                    && convolution.may_pool(&windows)
                {
                    convolution.pool = Some(windows);
                    last = next;
                }
                Arc::new(convolution)
            }
            LayerOp::Linear { units, .. } => {
                layers.push(index);
                let rectifier;
                (rectifier, last) = self.rectifier_behind(index);
                Arc::new(Linear {
                    features: layer.input.elements(),
                    units,
                    rectifier,
                })
            }
            LayerOp::BatchNorm2d { epsilon, momentum } => {
                layers.push(index);
                let channels = layer.input.dims()[0];
                if learns {
                    statistics = Some(Statistics { momentum, places });
                    let sum = self.sum_behind(index);
                    last = sum.map_or(last, |(next, _)| next);
                    inputs.extend(sum.map(|(_, other)| other));
                    let rectifier;
                    (rectifier, last) = self.rectifier_behind(last);
                    Arc::new(BatchNorm2d {
                        channels,
                        places,
                        epsilon,
                        residual: sum.is_some(),
                        rectifier,
                    })
                } else {
                    Arc::new(FrozenNorm2d {
                        channels,
                        places,
                        epsilon,
                    })
                }
            }
            LayerOp::BatchNorm1d { epsilon, momentum } => {
                layers.push(index);
                if learns {
                    let places = 1;
                    statistics = Some(Statistics { momentum, places });
                    Arc::new(BatchNorm1d {
                        features: elements,
                        epsilon,
                    })
                } else {
                    Arc::new(FrozenNorm2d {
                        channels: elements,
                        places: 1,
                        epsilon,
                    })
                }
            }
            LayerOp::Add => {
                let rectifier;
                (rectifier, last) = self.rectifier_behind(index);
                Arc::new(Add {
                    elements,
                    rectifier,
                })
            }
            LayerOp::MaxPool2d { .. } => Arc::new(MaxPool2d {
                channels: layer.input.dims()[0],
                windows: windows(layer)?,
            }),
            LayerOp::AvgPool2d { .. } | LayerOp::GlobalAvgPool2d => Arc::new(AvgPool2d {
                channels: layer.input.dims()[0],
                windows: mean_windows(layer)?,
            }),
            LayerOp::Dropout { rate } if learns && rate > 0.0 => {
                Arc::new(Dropout { elements, rate })
            }
            LayerOp::Activation(activation) => Arc::new(Activate {
                activation,
                elements,
            }),
            LayerOp::Multiply => {
                let second = self.blueprint.shape_of(layer.inputs[1]);
                Arc::new(Multiply {
                    elements,
                    places: elements / second.elements(),
                })
            }
            LayerOp::Concat => {
                let lengths = layer.inputs.iter();
                let lengths = lengths.map(|&input| self.blueprint.shape_of(input).elements());
                Arc::new(Concat {
                    lengths: lengths.collect(),
                })
            }
            LayerOp::Flatten | LayerOp::Dropout { .. } => {
                self.held_in[index + 1] = inputs.first().copied();
                return None;
            }
        };
        self.held_in[last + 1] = Some(last + 1);
        // What lies within a fused operation is never seen; it only must not be compiled again.
        let mut inner = index;
        while inner != last {
            self.held_in[inner + 1] = Some(last + 1);
            inner = self.users[inner + 1][0];
        }
        let has_weights = layer.parameter_shapes().0.is_some();
        Some(Step {
            operation,
            layers,
            inputs,
            output: last + 1,
            finished: Vec::new(),
            learns: learns && has_weights,
            statistics,
        })
    }
}

fn conv2d(layer: &LayerSpec) -> Option<Conv2d> {
    let LayerOp::Conv2d {
        filters,
        kernel,
        stride,
        padding,
        dilation,
        groups,
        ..
    } = layer.op
    else {
        return None;
    };
    let ([channels, height, width], [_, rows, columns]) = images(layer);
    Some(Conv2d {
        channels,
        image: [height, width],
        filters,
        kernel,
        stride,
        padding: [padding[0], padding[1]],
        dilation,
        groups,
        map: [rows, columns],
    })
}

/// The windows of a max pooling layer; nothing for other layers.
fn windows(layer: &LayerSpec) -> Option<Windows> {
    let LayerOp::MaxPool2d {
        kernel,
        stride,
        padding,
    } = layer.op
    else {
        return None;
    };
    let ([_, height, width], [_, rows, columns]) = images(layer);
    Some(Windows {
        image: [height, width],
        kernel,
        stride,
        padding,
        count: [rows, columns],
    })
}

/// The windows of average pooling: a single one as large as the image where it is global.
fn mean_windows(layer: &LayerSpec) -> Option<Windows> {
    let ([_, height, width], [_, rows, columns]) = images(layer);
    let image = [height, width];
    let (kernel, stride, padding) = match layer.op {
        LayerOp::AvgPool2d {
            kernel,
            stride,
            padding,
        } => (kernel, stride, padding),
        LayerOp::GlobalAvgPool2d => (image, image, [0, 0]),
        _ => return None,
    };
    Some(Windows {
        image,
        kernel,
        stride,
        padding,
        count: [rows, columns],
    })
}

/// Places of one channel of what enters the layer.
fn places(layer: &LayerSpec) -> usize {
    let ([_, height, width], _) = images(layer);
    height * width
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
