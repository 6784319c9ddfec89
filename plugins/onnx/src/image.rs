//! The input of a model that is its image, and the sizes that the image has.

use crate::graph::{Graph, Input};
use crate::weights::FLOAT;
use serde::Deserialize;
use topwork_sdk::Error;

/// More numbers than this in one image are a mistake of the file: 256 MiB.
const LARGEST: usize = 1 << 26;

/// The order of an input's dimensions.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Batch, channels, height, width.
    Nchw,
    /// Batch, height, width, channels.
    Nhwc,
}

impl Layout {
    /// The dimensions of a batch of one image of `[channels, height, width]`.
    pub fn batch([c, h, w]: [usize; 3], layout: Layout) -> [usize; 4] {
        match layout {
            Layout::Nchw => [1, c, h, w],
            Layout::Nhwc => [1, h, w, c],
        }
    }

    /// What to do where the sizes of an input, behind the batch, look like those of the other layout. Channels are few, sides
    /// are not: 224×224×3 read as 224 channels is the other one.
    fn seems_other(self, sizes: [Option<usize>; 3]) -> Option<&'static str> {
        const FEW: usize = 4;
        let [first, middle, last] = sizes;
        let is_side = |size: Option<usize>| size.is_none_or(|size| size > FEW);
        let is_few = |size: Option<usize>| size.is_some_and(|size| size <= FEW);
        match self {
            Layout::Nchw if is_few(last) && is_side(first) && is_side(middle) => {
                Some("state `layout = \"nhwc\"`: its channels come last")
            }
            Layout::Nhwc if is_few(first) && is_side(middle) && is_side(last) => {
                Some("leave out `layout = \"nhwc\"`: its channels come first")
            }
            _ => None,
        }
    }
}

/// The model's input that takes the image: the only one of four dimensions.
pub fn image_input<'g, 'a>(graph: &'g Graph<'a>, path: &str) -> Result<&'g Input<'a>, Error> {
    let inputs: Vec<&Input> = graph.inputs().collect();
    let images: Vec<&Input> = (inputs.iter().copied())
        .filter(|input| input.sizes.as_ref().is_some_and(|sizes| sizes.len() == 4))
        .collect();
    let image = match images[..] {
        [image] => image,
        [] => {
            let inputs: Vec<String> = inputs.iter().map(|input| shown(input)).collect();
            let takes = match &inputs[..] {
                [] => "nothing".to_owned(),
                inputs => inputs.join(", "),
            };
            return Err(Error::data(format!(
                "`{path}` takes no image: it takes {takes}, expected an input of four dimensions"
            ))
            .with_hint("topwork cuts models that take images: batch × channels × height × width"));
        }
        _ => {
            let images: Vec<String> = images.iter().map(|input| shown(input)).collect();
            return Err(Error::data(format!(
                "`{path}` takes {} images: {}, expected one",
                images.len(),
                images.join(", ")
            ))
            .with_hint("export the part of the model that takes one image"));
        }
    };
    match image.element {
        Some(FLOAT) => Ok(image),
        element => Err(Error::data(format!(
            "`{path}` takes images of {}: `{}`, expected float32",
            element.map_or("unknown elements", name_of),
            image.name
        ))
        .with_hint("export the model with a float32 input; quantised models can keep one")),
    }
}

/// The shape of one sample, `[channels, height, width]`: that of the file, and where it leaves a size open that which the
/// experiment states.
pub fn sample_shape(
    input: &Input<'_>,
    layout: Layout,
    stated: Option<[usize; 3]>,
    path: &str,
) -> Result<[usize; 3], Error> {
    let sizes = input.sizes.as_deref().unwrap_or_default();
    let &[_, a, b, c] = sizes else {
        return Err(Error::data(format!("`{path}` takes no image")));
    };
    let written = match layout {
        Layout::Nchw => [a, b, c],
        Layout::Nhwc => [c, a, b],
    };
    let other = layout.seems_other([a, b, c]);
    let mut shape = [0; 3];
    for (position, size) in shape.iter_mut().enumerate() {
        let stated = stated.map(|stated| stated[position]);
        *size = match (written[position], stated) {
            (Some(written), Some(stated)) if written != stated => {
                return Err(Error::parameters(format!(
                    "`input` states {stated} {}, but `{path}` takes {written}: {}",
                    ["channels", "rows", "columns"][position],
                    shown(input)
                ))
                .with_hint(match other {
                    Some(other) => {
                        format!("{other}; `input` is channels, height and width in either case")
                    }
                    None => "`input` is only needed where the file leaves a size open".to_owned(),
                }));
            }
            (Some(size), _) | (None, Some(size)) => size,
            (None, None) => {
                let stated = "state it as channels, height and width: `input = [3, 224, 224]`";
                return Err(Error::parameters(format!(
                    "`{path}` leaves the size of its images open: {}",
                    shown(input)
                ))
                .with_hint(match other {
                    Some(other) => format!("{other}; and {stated}"),
                    None => stated.to_owned(),
                }));
            }
        };
    }
    let numbers = shape
        .iter()
        .try_fold(1_usize, |n, &size| n.checked_mul(size));
    if numbers.is_none_or(|numbers| numbers > LARGEST) {
        return Err(Error::data(format!(
            "`{path}` takes images of {}×{}×{}, expected at most {LARGEST} numbers",
            shape[0], shape[1], shape[2]
        )));
    }
    if let Some(other) = other {
        return Err(Error::parameters(format!(
            "`{path}` seems to take its channels {}: {}",
            match layout {
                Layout::Nchw => "last",
                Layout::Nhwc => "first",
            },
            shown(input)
        ))
        .with_hint(other));
    }
    Ok(shape)
}

/// An input with what the file says of its shape.
fn shown(input: &Input<'_>) -> String {
    let shape = match &input.sizes {
        None => "of any shape".to_owned(),
        Some(sizes) if sizes.is_empty() => "of one number".to_owned(),
        Some(sizes) => {
            let sizes = sizes.iter().map(|size| match size {
                Some(size) => size.to_string(),
                None => "?".to_owned(),
            });
            sizes.collect::<Vec<_>>().join("×")
        }
    };
    format!("`{}` {shape}", input.name)
}

/// The name of an `elem_type`.
fn name_of(element: u64) -> &'static str {
    match element {
        1 => "float32",
        2 => "uint8",
        3 => "int8",
        4 => "uint16",
        5 => "int16",
        6 => "int32",
        7 => "int64",
        8 => "texts",
        9 => "truth values",
        10 => "float16",
        11 => "float64",
        16 => "bfloat16",
        _ => "unknown elements",
    }
}
