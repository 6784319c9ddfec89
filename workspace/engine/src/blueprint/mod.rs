//! Blueprints: the layers of a network and the places where it may be cut, checked before use.

mod parse;
mod problem;

use crate::shape::{Shape, by};

pub use problem::{BlueprintError, Problem};

/// The layers of a network in order, with every shape worked out, and its named cut points.
///
/// Only [`Blueprint::parse`] and [`Blueprint::keep`] make one, so a blueprint in hand is a valid one.
#[derive(Clone, Debug, PartialEq)]
pub struct Blueprint {
    input: Shape,
    layers: Vec<LayerSpec>,
    cuts: Vec<CutPoint>,
}

/// One layer: its name, what it computes, and the shape of what it gives.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerSpec {
    /// Unique within the blueprint; its weights are called `NAME.weight` and `NAME.bias`.
    pub name: String,
    /// What the layer computes.
    pub op: LayerOp,
    /// Shape of one sample that enters the layer.
    pub input: Shape,
    /// Shape of one sample that leaves the layer.
    pub output: Shape,
}

/// What a layer computes. Pairs are height, then width.
#[derive(Clone, Debug, PartialEq)]
pub enum LayerOp {
    /// Cross-correlation with a bias per filter, `conv2d` in PyTorch.
    Conv2d {
        /// Output channels.
        filters: usize,
        /// Size of the window.
        kernel: [usize; 2],
        /// Distance between neighbouring windows.
        stride: [usize; 2],
        /// Rows and columns of zeros added on each side.
        padding: [usize; 2],
    },
    /// The largest value of every window; windows that would leave the image are dropped.
    MaxPool2d {
        /// Size of the window.
        kernel: [usize; 2],
        /// Distance between neighbouring windows.
        stride: [usize; 2],
    },
    /// `max(x, 0)`.
    Relu,
    /// Channels × height × width read as one flat vector.
    Flatten,
    /// `y = W x + b`.
    Linear {
        /// Values in the output.
        units: usize,
    },
}

/// A named place where the network may be cut; a cut keeps every layer up to and including `after`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutPoint {
    /// Name the experiment file uses.
    pub name: String,
    /// Name of the last layer kept.
    pub after: String,
}

/// What one layer amounts to, for people and for tables.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerSummary {
    /// The layer's name.
    pub name: String,
    /// Its kind as written in the blueprint, such as `conv2d`.
    pub op: &'static str,
    /// Its settings in words, such as `20 filters 5×5`; empty where there is nothing to say.
    pub detail: String,
    /// Shape of one sample that leaves the layer.
    pub output: Shape,
    /// Weights and biases.
    pub parameters: usize,
    /// Multiply-add pairs for one sample.
    pub multiply_adds: u64,
}

impl Blueprint {
    /// Reads and checks a blueprint in format 1, shapes included.
    ///
    /// # Errors
    /// All problems found, in the order of the text.
    pub fn parse(json: &str) -> Result<Self, BlueprintError> {
        parse::parse(json)
    }

    /// Shape of one sample that enters the network.
    pub fn input(&self) -> Shape {
        self.input
    }

    /// The layers in order; never empty.
    pub fn layers(&self) -> &[LayerSpec] {
        &self.layers
    }

    /// The named cut points in the order written.
    pub fn cuts(&self) -> &[CutPoint] {
        &self.cuts
    }

    /// Shape of one sample that leaves the network.
    pub fn output(&self) -> Shape {
        self.layers.last().map_or(self.input, |layer| layer.output)
    }

    /// The trunk: the first `layers` layers with the cut points that lie within them.
    ///
    /// # Errors
    /// When `layers` is 0 or more than there are.
    pub fn keep(&self, layers: usize) -> Result<Self, BlueprintError> {
        if layers == 0 || layers > self.layers.len() {
            return Err(BlueprintError::new(vec![Problem::new(format!(
                "cannot keep {layers} layers, expected 1 to {}",
                self.layers.len()
            ))]));
        }
        let kept = &self.layers[..layers];
        let cuts = self.cuts.iter();
        let cuts = cuts.filter(|cut| kept.iter().any(|layer| layer.name == cut.after));
        Ok(Self {
            input: self.input,
            layers: kept.to_vec(),
            cuts: cuts.cloned().collect(),
        })
    }

    /// Number of layers kept by the cut point called `name`.
    pub fn cut(&self, name: &str) -> Option<usize> {
        let cut = self.cuts.iter().find(|cut| cut.name == name)?;
        let after = self
            .layers
            .iter()
            .position(|layer| layer.name == cut.after)?;
        Some(after + 1)
    }

    /// What each layer amounts to, in order.
    pub fn summary(&self) -> Vec<LayerSummary> {
        self.layers.iter().map(LayerSpec::summary).collect()
    }
}

impl LayerSpec {
    fn summary(&self) -> LayerSummary {
        LayerSummary {
            name: self.name.clone(),
            op: self.op.name(),
            detail: self.op.detail(),
            output: self.output,
            parameters: self.parameters(),
            multiply_adds: self.multiply_adds(),
        }
    }

    /// Shapes of the layer's weight and bias, if it has any. PyTorch's layout:
    /// `[filters, channels, height, width]` for a convolution, `[units, features]` for a linear layer.
    pub(crate) fn parameter_shapes(&self) -> Option<[Vec<usize>; 2]> {
        match &self.op {
            LayerOp::Conv2d {
                filters, kernel, ..
            } => {
                let channels = self.input.dims()[0];
                Some([
                    vec![*filters, channels, kernel[0], kernel[1]],
                    vec![*filters],
                ])
            }
            LayerOp::Linear { units } => Some([vec![*units, self.input.elements()], vec![*units]]),
            LayerOp::MaxPool2d { .. } | LayerOp::Relu | LayerOp::Flatten => None,
        }
    }

    fn parameters(&self) -> usize {
        let shapes = self.parameter_shapes().into_iter().flatten();
        shapes.map(|shape| shape.iter().product::<usize>()).sum()
    }

    fn multiply_adds(&self) -> u64 {
        let Some([weight, _]) = self.parameter_shapes() else {
            return 0;
        };
        let weight: u64 = weight.iter().map(|&dim| dim as u64).product();
        // Every weight of a convolution is used once at every place of the output map.
        let [_, height, width] = self.output.as_image().unwrap_or([1, 1, 1]);
        weight * height as u64 * width as u64
    }
}

impl LayerOp {
    /// The kind as written in the blueprint.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Conv2d { .. } => "conv2d",
            Self::MaxPool2d { .. } => "max-pool2d",
            Self::Relu => "relu",
            Self::Flatten => "flatten",
            Self::Linear { .. } => "linear",
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Conv2d {
                filters,
                kernel,
                stride,
                padding,
            } => {
                let mut detail = format!("{filters} filters {}", by(kernel));
                if *stride != [1, 1] {
                    detail += &format!(", stride {}", by(stride));
                }
                if *padding != [0, 0] {
                    detail += &format!(", padding {}", by(padding));
                }
                detail
            }
            Self::MaxPool2d { kernel, stride } if stride == kernel => by(kernel),
            Self::MaxPool2d { kernel, stride } => {
                format!("{}, stride {}", by(kernel), by(stride))
            }
            Self::Linear { units } => format!("{units} units"),
            Self::Relu | Self::Flatten => String::new(),
        }
    }

    /// Shape of one sample that leaves this operation when `input` enters it.
    fn output(&self, input: Shape) -> Result<Shape, Problem> {
        let image = || {
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
            } => {
                let [_, height, width] = image()?;
                let padded = [
                    height.saturating_add(padding[0].saturating_mul(2)),
                    width.saturating_add(padding[1].saturating_mul(2)),
                ];
                let [height, width] = windows(padded, *kernel, *stride).ok_or_else(|| {
                    let padding = match padding {
                        [0, 0] => String::new(),
                        padding => format!(" with padding {}", by(padding)),
                    };
                    Problem::new(format!(
                        "kernel {} does not fit into {input}{padding}",
                        by(kernel)
                    ))
                })?;
                Ok(Shape::image(*filters, height, width))
            }
            Self::MaxPool2d { kernel, stride } => {
                let [channels, height, width] = image()?;
                let [height, width] =
                    windows([height, width], *kernel, *stride).ok_or_else(|| {
                        Problem::new(format!("kernel {} does not fit into {input}", by(kernel)))
                    })?;
                Ok(Shape::image(channels, height, width))
            }
            Self::Relu => Ok(input),
            Self::Flatten => Ok(Shape::features(input.elements())),
            Self::Linear { units } => match input.as_image() {
                None => Ok(Shape::features(*units)),
                Some(_) => Err(Problem::new(format!(
                    "linear needs a flat vector, but gets {input}"
                ))
                .hint("put a `flatten` layer before it")),
            },
        }
    }
}

/// How many windows fit along height and width; nothing when not even one does.
fn windows(image: [usize; 2], kernel: [usize; 2], stride: [usize; 2]) -> Option<[usize; 2]> {
    let along = |axis: usize| Some(image[axis].checked_sub(kernel[axis])? / stride[axis] + 1);
    Some([along(0)?, along(1)?])
}

#[cfg(test)]
mod tests;
