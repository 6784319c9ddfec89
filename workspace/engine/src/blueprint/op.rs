//! What a layer computes: its settings, and the shape it gives.

use super::Problem;
use crate::shape::{Shape, by};

/// What a layer computes. Pairs are height, then width; semantics are PyTorch's.
#[derive(Clone, Debug, PartialEq)]
pub enum LayerOp {
    /// Cross-correlation, `torch.nn.Conv2d`.
    Conv2d {
        /// Output channels.
        filters: usize,
        /// Size of the window.
        kernel: [usize; 2],
        /// Distance between neighbouring windows.
        stride: [usize; 2],
        /// Rows and columns of zeros added: above, on the left, below, on the right.
        padding: [usize; 4],
        /// Distance between neighbouring values of one window.
        dilation: [usize; 2],
        /// Channels and filters are divided into so many groups that do not see each other.
        groups: usize,
        /// Whether each filter has a bias.
        bias: bool,
    },
    /// The largest value of every window; windows that would leave the padded image are dropped.
    MaxPool2d {
        /// Size of the window.
        kernel: [usize; 2],
        /// Distance between neighbouring windows.
        stride: [usize; 2],
        /// Rows and columns added on each side, which never win.
        padding: [usize; 2],
    },
    /// The mean of every window, the zeros of the padding included.
    AvgPool2d {
        /// Size of the window.
        kernel: [usize; 2],
        /// Distance between neighbouring windows.
        stride: [usize; 2],
        /// Rows and columns of zeros added on each side.
        padding: [usize; 2],
    },
    /// The mean of every channel: C×H×W becomes C×1×1.
    GlobalAvgPool2d,
    /// Batch normalisation per channel, `torch.nn.BatchNorm2d`.
    BatchNorm2d {
        /// Added to the variance.
        epsilon: f32,
        /// Share of the batch's statistics in the new running ones.
        momentum: f32,
    },
    /// Batch normalisation of each number of a flat vector, `torch.nn.BatchNorm1d`.
    BatchNorm1d {
        /// Added to the variance.
        epsilon: f32,
        /// Share of the batch's statistics in the new running ones.
        momentum: f32,
    },
    /// While it is trained, sets values to zero at random and scales the others up to make good.
    Dropout {
        /// Share of values set to zero.
        rate: f32,
    },
    /// A function of each value by itself.
    Activation(Activation),
    /// Channels × height × width read as one flat vector.
    Flatten,
    /// `y = W x + b`.
    Linear {
        /// Values in the output.
        units: usize,
        /// Whether there is a `b`.
        bias: bool,
    },
    /// The sum of two or more inputs of one shape.
    Add,
    /// The product of two inputs: of one shape, or the second C×1×1.
    Multiply,
    /// Two or more inputs one behind the other, along the channels.
    Concat,
}

/// A function of each value by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// `x Φ(x)`, with the exact distribution function (Hendrycks and Gimpel, "Gaussian error linear
    /// units", 2016).
    Gelu,
    /// The hyperbolic tangent.
    Tanh,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `x · sigmoid(x)`.
    Silu,
}

impl Activation {
    /// Every activation, in the order of the blueprint's reference.
    pub const ALL: [Self; 6] = [
        Self::Relu,
        Self::Relu6,
        Self::Gelu,
        Self::Tanh,
        Self::Sigmoid,
        Self::Silu,
    ];

    /// The name as written in the blueprint.
    pub fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Relu6 => "relu6",
            Self::Gelu => "gelu",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
            Self::Silu => "silu",
        }
    }
}

impl LayerOp {
    /// The kind as written in the blueprint.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Conv2d { .. } => "conv2d",
            Self::MaxPool2d { .. } => "max-pool2d",
            Self::AvgPool2d { .. } => "avg-pool2d",
            Self::GlobalAvgPool2d => "global-avg-pool2d",
            Self::BatchNorm2d { .. } => "batch-norm2d",
            Self::BatchNorm1d { .. } => "batch-norm1d",
            Self::Dropout { .. } => "dropout",
            Self::Activation(activation) => activation.name(),
            Self::Flatten => "flatten",
            Self::Linear { .. } => "linear",
            Self::Add => "add",
            Self::Multiply => "multiply",
            Self::Concat => "concat",
        }
    }

    /// How many inputs a layer of this kind takes: at least, and at most.
    pub(super) fn arity(&self) -> (usize, usize) {
        match self {
            Self::Add | Self::Concat => (2, usize::MAX),
            Self::Multiply => (2, 2),
            _ => (1, 1),
        }
    }

    /// The settings in words; those that have their default stay unsaid.
    pub(super) fn detail(&self) -> String {
        match self {
            Self::Conv2d {
                filters,
                kernel,
                stride,
                padding,
                dilation,
                groups,
                bias,
            } => {
                let mut detail = format!("{filters} filters {}", by(kernel));
                if *stride != [1, 1] {
                    detail += &format!(", stride {}", by(stride));
                }
                match *padding {
                    [0, 0, 0, 0] => {}
                    [top, left, bottom, right] if [top, left] == [bottom, right] => {
                        detail += &format!(", padding {}", by(&[top, left]));
                    }
                    [top, left, bottom, right] => {
                        let (before, behind) = (by(&[top, left]), by(&[bottom, right]));
                        detail += &format!(", padding {before} before, {behind} behind");
                    }
                }
                if *dilation != [1, 1] {
                    detail += &format!(", dilation {}", by(dilation));
                }
                if *groups != 1 {
                    detail += &format!(", {groups} groups");
                }
                if !bias {
                    detail += ", no bias";
                }
                detail
            }
            Self::MaxPool2d {
                kernel,
                stride,
                padding,
            }
            | Self::AvgPool2d {
                kernel,
                stride,
                padding,
            } => {
                let mut detail = by(kernel);
                if stride != kernel {
                    detail += &format!(", stride {}", by(stride));
                }
                if *padding != [0, 0] {
                    detail += &format!(", padding {}", by(padding));
                }
                detail
            }
            Self::BatchNorm2d { epsilon, momentum } | Self::BatchNorm1d { epsilon, momentum } => {
                let mut settings = Vec::new();
                if *epsilon != BATCH_NORM.0 {
                    settings.push(format!("epsilon {epsilon}"));
                }
                if *momentum != BATCH_NORM.1 {
                    settings.push(format!("momentum {momentum}"));
                }
                settings.join(", ")
            }
            Self::Dropout { rate } => format!("rate {rate}"),
            Self::Linear { units, bias: true } => format!("{units} units"),
            Self::Linear { units, bias: false } => format!("{units} units, no bias"),
            Self::GlobalAvgPool2d
            | Self::Activation(_)
            | Self::Flatten
            | Self::Add
            | Self::Multiply
            | Self::Concat => String::new(),
        }
    }

    /// Shape of one sample that leaves this operation when `inputs` enter it, one at least.
    pub(super) fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        self.check_arity(inputs.len())?;
        let input = inputs[0];
        let image = |input: Shape| {
            let name = self.name();
            input.as_image().ok_or_else(|| {
                Problem::new(format!(
                    "{name} needs channels×height×width, but gets a flat vector of {input}"
                ))
            })
        };
        match self {
            Self::Conv2d {
                filters,
                kernel,
                stride,
                padding,
                dilation,
                groups,
                ..
            } => {
                let [channels, height, width] = image(input)?;
                if channels % groups != 0 || filters % groups != 0 {
                    return Err(Problem::new(format!(
                        "`groups` is {groups}, expected a number that divides both \
                         {channels} channels and {filters} filters"
                    )));
                }
                let reach = [0, 1].map(|axis| {
                    (kernel[axis] - 1)
                        .saturating_mul(dilation[axis])
                        .saturating_add(1)
                });
                let [height, width] = windows([height, width], reach, *stride, *padding)
                    .ok_or_else(|| does_not_fit(reach, input, *padding))?;
                Ok(Shape::image(*filters, height, width))
            }
            Self::MaxPool2d {
                kernel,
                stride,
                padding,
            }
            | Self::AvgPool2d {
                kernel,
                stride,
                padding,
            } => {
                let [channels, height, width] = image(input)?;
                // A window that lies within the padding alone would have no largest value.
                if (0..2).any(|axis| padding[axis] > kernel[axis] / 2) {
                    return Err(Problem::new(format!(
                        "`padding` is {}, expected at most half of the kernel {}",
                        by(padding),
                        by(kernel)
                    )));
                }
                let [height, width] =
                    windows([height, width], *kernel, *stride, on_each_side(*padding))
                        .ok_or_else(|| does_not_fit(*kernel, input, on_each_side(*padding)))?;
                Ok(Shape::image(channels, height, width))
            }
            Self::GlobalAvgPool2d => {
                let [channels, _, _] = image(input)?;
                Ok(Shape::image(channels, 1, 1))
            }
            Self::BatchNorm2d { .. } => image(input).map(|_| input),
            Self::BatchNorm1d { .. } => flat(self, input).map(|()| input),
            Self::Dropout { .. } | Self::Activation(_) => Ok(input),
            Self::Flatten => Ok(Shape::features(input.elements())),
            Self::Linear { units, .. } => flat(self, input).map(|()| Shape::features(*units)),
            Self::Add => match inputs.iter().find(|&&other| other != input) {
                None => Ok(input),
                Some(other) => Err(Problem::new(format!(
                    "add needs inputs of one shape, but gets {input} and {other}"
                ))),
            },
            Self::Multiply => {
                let scales = |other: Shape| {
                    input
                        .as_image()
                        .is_some_and(|[channels, _, _]| other == Shape::image(channels, 1, 1))
                };
                match inputs[1] {
                    other if other == input || scales(other) => Ok(input),
                    other => Err(Problem::new(format!(
                        "multiply needs two inputs of one shape, or a second one of channels×1×1, \
                         but gets {input} and {other}"
                    ))),
                }
            }
            Self::Concat => {
                let [mut channels, height, width] = image(input)?;
                for &other in &inputs[1..] {
                    match image(other)? {
                        [more, h, w] if [h, w] == [height, width] => {
                            channels = channels.saturating_add(more);
                        }
                        _ => {
                            return Err(Problem::new(format!(
                                "concat needs inputs of one height and width, but gets {input} and {other}"
                            )));
                        }
                    }
                }
                Ok(Shape::image(channels, height, width))
            }
        }
    }

    fn check_arity(&self, found: usize) -> Result<(), Problem> {
        let (least, most) = self.arity();
        if (least..=most).contains(&found) {
            return Ok(());
        }
        let expected = match (least, most) {
            (1, 1) => "one",
            (2, 2) => "two",
            _ => "two or more",
        };
        Err(Problem::new(format!(
            "{} takes {expected} of `inputs`, but gets {found}",
            self.name()
        )))
    }
}

fn flat(op: &LayerOp, input: Shape) -> Result<(), Problem> {
    match input.as_image() {
        None => Ok(()),
        Some(_) => Err(Problem::new(format!(
            "{} needs a flat vector, but gets {input}",
            op.name()
        ))
        .hint("put a `flatten` layer before it")),
    }
}

/// PyTorch's epsilon and momentum of batch normalisation.
pub(super) const BATCH_NORM: (f32, f32) = (1e-5, 0.1);

/// The same above and below, and the same left and right.
pub(super) fn on_each_side([rows, columns]: [usize; 2]) -> [usize; 4] {
    [rows, columns, rows, columns]
}

fn does_not_fit(kernel: [usize; 2], input: Shape, padding: [usize; 4]) -> Problem {
    let padding = match padding {
        [0, 0, 0, 0] => String::new(),
        [top, left, bottom, right] if [top, left] == [bottom, right] => {
            format!(" with padding {}", by(&[top, left]))
        }
        padding => format!(" with padding {padding:?}"),
    };
    Problem::new(format!(
        "kernel {} does not fit into {input}{padding}",
        by(&kernel)
    ))
}

/// How many windows fit along height and width; nothing when not even one does.
fn windows(
    image: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 4],
) -> Option<[usize; 2]> {
    let along = |axis: usize| {
        let padded = image[axis] + padding[axis] + padding[axis + 2];
        Some(padded.checked_sub(kernel[axis])? / stride[axis] + 1)
    };
    Some([along(0)?, along(1)?])
}
