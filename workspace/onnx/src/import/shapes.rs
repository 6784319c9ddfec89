//! The shapes of tensors for one image, by the rules of the operators that networks of images have.

use super::graph::{Graph, Node};

/// Operators whose output has the shape of their first input.
const SAME: &[&str] = &[
    "Abs",
    "BatchNormalization",
    "Cast",
    "Ceil",
    "Celu",
    "Clip",
    "Dropout",
    "Elu",
    "Erf",
    "Exp",
    "Floor",
    "Gelu",
    "GroupNormalization",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "InstanceNormalization",
    "LRN",
    "LayerNormalization",
    "LeakyRelu",
    "Log",
    "LogSoftmax",
    "LpNormalization",
    "MeanVarianceNormalization",
    "Mish",
    "Neg",
    "PRelu",
    "Reciprocal",
    "Relu",
    "Selu",
    "Sigmoid",
    "Sign",
    "Softmax",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Swish",
    "Tanh",
    "ThresholdedRelu",
];

/// Operators of tensors that broadcast.
const BROADCAST: &[&str] = &[
    "Add", "Div", "Equal", "Greater", "Less", "Max", "Min", "Mod", "Mul", "Pow", "Sub", "Sum",
];

/// The shapes of a node's outputs, the first ones as far as they are known.
pub(super) fn outputs(node: &Node, graph: &Graph) -> Vec<Vec<usize>> {
    let mut shapes: Vec<Vec<usize>> = first(node, graph).into_iter().collect();
    // What is larger is no network of images; nor is it counted further, so that no product leaves its type.
    let counted = |shape: &Vec<usize>| {
        let count = (shape.iter()).try_fold(1usize, |count, size| count.checked_mul(*size));
        count.is_some_and(|count| (1..=LARGEST).contains(&count))
    };
    let known = shapes.iter().take_while(|shape| counted(shape)).count();
    shapes.truncate(known);
    shapes
}

/// Numbers of the largest tensor that is followed.
const LARGEST: usize = 1 << 28;

fn first(node: &Node, graph: &Graph) -> Option<Vec<usize>> {
    let op = node.op.as_str();
    let input = graph.shape(node.input(0)?)?;
    if SAME.contains(&op) {
        return Some(input.to_vec());
    }
    if BROADCAST.contains(&op) {
        let mut shape = input.to_vec();
        for position in 1..node.inputs.len() {
            shape = broadcast(&shape, graph.shape(node.input(position)?)?)?;
        }
        return Some(shape);
    }
    match op {
        "Conv" => {
            let weight = graph.shape(node.input(1)?)?;
            let windows = Windows::of(node, input, weight.get(2..)?)?;
            let mut shape = vec![*input.first()?, *weight.first()?];
            shape.extend(windows.count(input.get(2..)?)?);
            Some(shape)
        }
        "MaxPool" | "AveragePool" => {
            let kernel = node.ints("kernel_shape")?.iter();
            let kernel: Option<Vec<usize>> =
                kernel.map(|&side| usize::try_from(side).ok()).collect();
            let windows = Windows::of(node, input, &kernel?)?;
            let mut shape = input.get(..2)?.to_vec();
            shape.extend(windows.count(input.get(2..)?)?);
            Some(shape)
        }
        "GlobalAveragePool" | "GlobalMaxPool" => {
            let mut shape = input.get(..2)?.to_vec();
            shape.resize(input.len(), 1);
            Some(shape)
        }
        "Flatten" => {
            let axis = node.int("axis").unwrap_or(1);
            let rank = input.len() as i64;
            let axis = if axis < 0 {
                axis.saturating_add(rank)
            } else {
                axis
            };
            let axis = usize::try_from(axis).ok()?;
            let (before, behind) = (input.get(..axis)?, input.get(axis..)?);
            Some(vec![before.iter().product(), behind.iter().product()])
        }
        "Reshape" => {
            let wanted = graph.constant_of(node, 1)?;
            let allow_zero = node.int("allowzero") == Some(1);
            reshaped(input, wanted.as_integers()?, allow_zero)
        }
        "Squeeze" => {
            let dropped = match graph.settings(node, "axes", 1) {
                Some(listed) => axes(&listed, input.len())?,
                None => (0..input.len()).filter(|&axis| input[axis] == 1).collect(),
            };
            if dropped.iter().any(|&axis| input[axis] != 1) {
                return None;
            }
            let kept = (0..input.len()).filter(|axis| !dropped.contains(axis));
            Some(kept.map(|axis| input[axis]).collect())
        }
        "Unsqueeze" => {
            let listed = graph.settings(node, "axes", 1)?;
            let rank = input.len().checked_add(listed.len())?;
            let added = axes(&listed, rank)?;
            let mut sizes = input.iter();
            let shape = (0..rank).map(|axis| match added.contains(&axis) {
                true => Some(1),
                false => sizes.next().copied(),
            });
            shape.collect()
        }
        "Transpose" => {
            let order: Vec<i64> = match node.ints("perm") {
                Some(order) => order.to_vec(),
                None => (0..input.len() as i64).rev().collect(),
            };
            let order = axes(&order, input.len())?;
            (order.len() == input.len()).then(|| order.iter().map(|&axis| input[axis]).collect())
        }
        "Concat" => {
            let mut shape = input.to_vec();
            let [axis] = axes(&[node.int("axis")?], shape.len())?[..] else {
                return None;
            };
            for position in 1..node.inputs.len() {
                let other = graph.shape(node.input(position)?)?;
                if other.len() != shape.len() {
                    return None;
                }
                for (place, (size, other)) in shape.iter_mut().zip(other).enumerate() {
                    match place == axis {
                        true => *size = size.checked_add(*other)?,
                        false if size == other => {}
                        false => return None,
                    }
                }
            }
            Some(shape)
        }
        "Slice" | "topwork.split" => {
            let starts = graph.settings(node, "starts", 1)?;
            let ends = graph.settings(node, "ends", 2)?;
            let of_axes = graph.settings(node, "axes", 3);
            let steps = graph.settings(node, "steps", 4);
            let windows = sliced(input, &starts, &ends, of_axes.as_deref(), steps.as_deref())?;
            let mut shape = input.to_vec();
            for (axis, places) in windows {
                shape[axis] = places.len();
            }
            Some(shape)
        }
        "Gather" => {
            let indices = graph.shape(node.input(1)?)?;
            let [axis] = axes(&[node.int("axis").unwrap_or(0)], input.len())?[..] else {
                return None;
            };
            let mut shape = input.to_vec();
            shape.splice(axis..=axis, indices.iter().copied());
            Some(shape)
        }
        "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin" | "ReduceL2" | "ReduceProd" => {
            let over = reduced(node, graph)?;
            let keep = node.int("keepdims") != Some(0);
            let sizes = (0..input.len()).filter(|axis| keep || !over.contains(axis));
            Some(
                sizes
                    .map(|axis| if over.contains(&axis) { 1 } else { input[axis] })
                    .collect(),
            )
        }
        "Pad" => {
            let rank = input.len();
            let pads = padding(node, graph)?;
            let padded = |axis: usize| {
                let added = pads[axis].checked_add(pads[axis + rank])?;
                usize::try_from((input[axis] as i64).checked_add(added)?).ok()
            };
            (0..rank).map(padded).collect()
        }
        "MatMul" => {
            let other = graph.shape(node.input(1)?)?;
            let (&[.., rows, inner], &[.., depth, columns]) = (input, other) else {
                return None;
            };
            if inner != depth {
                return None;
            }
            let (a, b) = (&input[..input.len() - 2], &other[..other.len() - 2]);
            let mut shape = broadcast(a, b)?;
            shape.extend([rows, columns]);
            Some(shape)
        }
        "Gemm" => {
            let other = graph.shape(node.input(1)?)?;
            let (&[a, b], &[c, d]) = (input, other) else {
                return None;
            };
            let (rows, inner) = if node.int("transA") == Some(1) {
                (b, a)
            } else {
                (a, b)
            };
            let (depth, columns) = if node.int("transB") == Some(1) {
                (d, c)
            } else {
                (c, d)
            };
            (inner == depth).then_some(vec![rows, columns])
        }
        // Sizes, or what those there are are multiplied by; of some axes alone they are not read.
        "Resize" if !node.has("axes") => match graph.constant_of(node, 3) {
            Some(sizes)
                if node.text("keep_aspect_ratio_policy").unwrap_or("stretch") == "stretch" =>
            {
                let sizes = sizes.as_integers()?.iter();
                let sizes = sizes.map(|&size| usize::try_from(size).ok());
                sizes
                    .collect::<Option<Vec<usize>>>()
                    .filter(|sizes| sizes.len() == input.len())
            }
            Some(_) => None,
            None => {
                let scales = graph.constant_of(node, 2)?.as_floats()?;
                let scaled = input.iter().zip(scales);
                let scaled = scaled.map(|(&size, &scale)| (size as f32 * scale).floor() as usize);
                (scales.len() == input.len()).then(|| scaled.collect())
            }
        },
        "Attention" => {
            let value = graph.shape(node.input(2)?)?;
            let (&[batch, heads, tokens, _], &[.., width]) = (input, value) else {
                return None;
            };
            Some(vec![batch, heads, tokens, width])
        }
        "Expand" => {
            let wanted = graph.constant_of(node, 1)?.as_integers()?.iter();
            let wanted: Option<Vec<usize>> =
                wanted.map(|&size| usize::try_from(size).ok()).collect();
            broadcast(input, &wanted?)
        }
        _ => None,
    }
}

/// What `Pad` adds before each axis of its input, then behind each.
pub(super) fn padding(node: &Node, graph: &Graph) -> Option<Vec<i64>> {
    let rank = graph.shape(node.input(0)?)?.len();
    let listed = graph.settings(node, "pads", 1)?;
    let over = match node.input(3) {
        Some(_) => axes(graph.constant_of(node, 3)?.as_integers()?, rank)?,
        None => (0..rank).collect(),
    };
    if listed.len() != 2 * over.len() {
        return None;
    }
    let (before, behind) = listed.split_at(over.len());
    let mut pads = vec![0; 2 * rank];
    for (axis, (before, behind)) in over.into_iter().zip(before.iter().zip(behind)) {
        pads[axis] = *before;
        pads[axis + rank] = *behind;
    }
    Some(pads)
}

/// The axes that a reduction goes over, in ascending order; all where it says none.
pub(super) fn reduced(node: &Node, graph: &Graph) -> Option<Vec<usize>> {
    let rank = graph.shape(node.input(0)?)?.len();
    let mut over = listed(node, graph, rank)?;
    over.sort_unstable();
    Some(over)
}

fn listed(node: &Node, graph: &Graph, rank: usize) -> Option<Vec<usize>> {
    match graph.settings(node, "axes", 1) {
        Some(listed) if !listed.is_empty() => axes(&listed, rank),
        Some(_) => None,
        None if node.input(1).is_some() => None,
        None if node.int("noop_with_empty_axes") == Some(1) => Some(Vec::new()),
        None => Some((0..rank).collect()),
    }
}

/// Axes counted from the front; nothing where one is not there.
pub(super) fn axes(listed: &[i64], rank: usize) -> Option<Vec<usize>> {
    let listed = listed.iter().map(|&axis| {
        let axis = if axis < 0 {
            axis.checked_add(rank as i64)?
        } else {
            axis
        };
        usize::try_from(axis).ok().filter(|axis| *axis < rank)
    });
    listed.collect()
}

/// The shape that two shapes broadcast to.
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let size = |shape: &[usize], axis: usize| {
        let axis = (axis + shape.len()).checked_sub(rank);
        axis.map_or(1, |axis| shape[axis])
    };
    let sizes = (0..rank).map(|axis| match (size(a, axis), size(b, axis)) {
        (a, b) if a == b => Some(a),
        (1, other) | (other, 1) => Some(other),
        _ => None,
    });
    sizes.collect()
}

/// The shape that `Reshape` makes: 0 keeps a size, one -1 is what is left.
pub(super) fn reshaped(input: &[usize], wanted: &[i64], allow_zero: bool) -> Option<Vec<usize>> {
    let count = (input.iter()).try_fold(1usize, |count, size| count.checked_mul(*size))?;
    let mut shape = Vec::new();
    let mut open = None;
    for (axis, &size) in wanted.iter().enumerate() {
        shape.push(match size {
            0 if !allow_zero => *input.get(axis)?,
            -1 if open.is_none() => {
                open = Some(axis);
                1
            }
            size => usize::try_from(size).ok()?,
        });
    }
    let known = (shape.iter()).try_fold(1usize, |count, size| count.checked_mul(*size))?;
    match open {
        Some(axis) if known > 0 && count % known == 0 => shape[axis] = count / known,
        None if known == count => {}
        _ => return None,
    }
    Some(shape)
}

/// For each axis that `Slice` cuts, the places it keeps.
pub(super) fn sliced(
    shape: &[usize],
    starts: &[i64],
    ends: &[i64],
    listed: Option<&[i64]>,
    steps: Option<&[i64]>,
) -> Option<Vec<(usize, Vec<usize>)>> {
    let all: Vec<i64> = (0..starts.len() as i64).collect();
    let axes = axes(listed.unwrap_or(&all), shape.len())?;
    let ones = vec![1; starts.len()];
    let steps = steps.unwrap_or(&ones);
    if axes.len() != starts.len() || ends.len() != starts.len() || steps.len() != starts.len() {
        return None;
    }
    let mut windows = Vec::new();
    for (place, &axis) in axes.iter().enumerate() {
        if shape[axis] > LARGEST {
            return None;
        }
        let (size, step) = (shape[axis] as i64, steps[place]);
        let at = |place: i64| {
            if place < 0 {
                place.saturating_add(size)
            } else {
                place
            }
        };
        let (start, end) = (at(starts[place]), at(ends[place]));
        let places: Vec<usize> = match step {
            1.. => (start.clamp(0, size)..end.clamp(0, size))
                .step_by(usize::try_from(step).ok()?)
                .map(|place| place as usize)
                .collect(),
            // Backwards, as exporters turn lists of paddings round.
            ..0 => {
                let (start, end) = (start.clamp(-1, size - 1), end.clamp(-1, size - 1));
                let step = usize::try_from(step.checked_neg()?).ok()?;
                let backwards = (end + 1..start + 1).rev().step_by(step);
                backwards.map(|place| place as usize).collect()
            }
            0 => return None,
        };
        windows.push((axis, places));
    }
    Some(windows)
}

/// The windows of a convolution or a pooling over two axes or another number of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Windows {
    pub kernel: Vec<usize>,
    pub stride: Vec<usize>,
    pub dilation: Vec<usize>,
    /// Before each axis, then behind each.
    pub padding: Vec<usize>,
    pub ceil: bool,
    /// Whether the zeros of the padding count for a mean.
    pub counts_zeros: bool,
}

impl Windows {
    /// Those of a node on an input with this kernel; nothing where the attributes are none.
    pub fn of(node: &Node, input: &[usize], kernel: &[usize]) -> Option<Self> {
        let rank = kernel.len();
        let image = input.get(2..).filter(|image| image.len() == rank)?;
        let list = |name: &str, default: usize, length: usize| -> Option<Vec<usize>> {
            match node.ints(name) {
                Some(listed) => {
                    let listed = listed.iter().map(|&size| usize::try_from(size).ok());
                    let listed: Vec<usize> = listed.collect::<Option<_>>()?;
                    // Larger ones are no setting of a network, and products of them stay countable.
                    let fits = listed.len() == length && listed.iter().all(|size| *size <= 1 << 20);
                    fits.then_some(listed)
                }
                None => Some(vec![default; length]),
            }
        };
        let stride = list("strides", 1, rank)?;
        let dilation = list("dilations", 1, rank)?;
        if kernel.iter().any(|side| *side == 0 || *side > 1 << 20)
            || stride.iter().chain(&dilation).any(|size| *size == 0)
        {
            return None;
        }
        let padding = match node.text("auto_pad").unwrap_or("NOTSET") {
            "NOTSET" | "" => list("pads", 0, 2 * rank)?,
            "VALID" => vec![0; 2 * rank],
            auto @ ("SAME_UPPER" | "SAME_LOWER") => {
                let mut padding = vec![0; 2 * rank];
                for axis in 0..rank {
                    let count = image[axis].div_ceil(stride[axis]);
                    let reach = (kernel[axis] - 1) * dilation[axis] + 1;
                    let needed = count
                        .saturating_sub(1)
                        .checked_mul(stride[axis])?
                        .checked_add(reach)?;
                    let whole = needed.saturating_sub(image[axis]);
                    let less = whole / 2;
                    let before = if auto == "SAME_UPPER" {
                        less
                    } else {
                        whole - less
                    };
                    padding[axis] = before;
                    padding[axis + rank] = whole - before;
                }
                padding
            }
            _ => return None,
        };
        Some(Self {
            kernel: kernel.to_vec(),
            stride,
            dilation,
            padding,
            ceil: node.int("ceil_mode") == Some(1),
            counts_zeros: node.int("count_include_pad") == Some(1),
        })
    }

    /// How many windows there are along each axis of an image.
    pub fn count(&self, image: &[usize]) -> Option<Vec<usize>> {
        let rank = self.kernel.len();
        let along = |axis: usize| -> Option<usize> {
            let before = self.padding[axis];
            let padded = image
                .get(axis)?
                .checked_add(before)?
                .checked_add(self.padding[axis + rank])?;
            let reach = (self.kernel[axis] - 1) * self.dilation[axis] + 1;
            let room = padded.checked_sub(reach)?;
            let stride = self.stride[axis];
            if !self.ceil {
                return Some(room / stride + 1);
            }
            let count = room.div_ceil(stride) + 1;
            // A window that would begin in the padding behind is left out, as in PyTorch.
            Some(match (count - 1) * stride >= image[axis] + before {
                true => count - 1,
                false => count,
            })
        };
        (0..rank).map(along).collect()
    }
}
