//! Decoded images on their way to a network: scaled, cropped in the middle, with as many channels as it takes.
//!
//! Bytes are scaled to the bit as Pillow 13 does it, and the part that is cropped lies where torchvision's `Resize` and `CenterCrop`
//! have it, so that weights trained elsewhere see the samples that they have learnt from. Everything here is a pure function.
//!
//! This crate must not know any of ours: plugins that decode files use it through the sdk, and the host for what they hand out.

mod channels;
mod filter;
mod geometry;
mod image;
mod resample;

pub use channels::grey;
pub use filter::Filter;
pub use geometry::{Geometry, GeometryError, Resize};
pub use image::{Image, ImageError, Pixels};
pub use resample::{Plane, Span};
