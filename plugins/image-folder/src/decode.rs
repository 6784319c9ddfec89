//! From the bytes of an image file to those of a sample.
//!
//! The orientation that a camera noted is applied, colour profiles are not. What is transparent shows the background. Grey is
//! brightness as in ITU-R BT.601, with the weights and the rounding of Pillow's `convert("L")`.

use crate::listing::NO_FILE;
use crate::parameters::{Fit, Recipe};
use crate::tiff::{self, Floats, Picture};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use topwork_sdk::images::{Filter, Image, Pixels, Plane, Span, grey};
use topwork_sdk::sniff;

/// Bytes a decoder may use beside the pixels.
const BESIDE_PIXELS: u64 = 64 << 20;

/// The most bytes a pixel has while it is decoded: four channels of 16 bits.
const BYTES_PER_PIXEL: u64 = 8;

/// What became of a file.
pub struct Decoded {
    /// Channels × height × width.
    pub sample: Vec<u8>,
    /// What its numbers were taken for, where they were floats.
    pub floats: Option<Floats>,
}

/// The sample that the bytes of a file become; an `Err` says why they become none, to follow the file's name.
pub fn decode(bytes: Vec<u8>, recipe: &Recipe) -> Result<Decoded, String> {
    guarded(|| {
        let (image, floats) = upright(bytes, recipe)?;
        let sample = sample(image, recipe);
        Ok(Decoded { sample, floats })
    })
}

/// The image in the bytes of a file at its own size, in the channels of the recipe.
pub fn decode_image(bytes: Vec<u8>, recipe: &Recipe) -> Result<Image, String> {
    guarded(|| {
        let (image, _) = upright(bytes, recipe)?;
        let channels = recipe.channels;
        let plane = |channel| image.bytes.iter().skip(channel).step_by(channels);
        let pixels = (0..channels).flat_map(plane).copied().collect();
        let shape = [channels, image.height, image.width];
        Image::new(shape, Pixels::Bytes(pixels)).map_err(|error| error.to_string())
    })
}

/// Foreign bytes and foreign code: a decoder that gives up on a file must not end the run.
fn guarded<T>(decode: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let decoded = catch_unwind(AssertUnwindSafe(decode));
    decoded.unwrap_or_else(|_| Err("makes the decoder fail".to_owned()))
}

/// The image in the bytes of a file, the right way up and without transparency, and what its numbers were taken for.
fn upright(bytes: Vec<u8>, recipe: &Recipe) -> Result<(Flat, Option<Floats>), String> {
    let Picture {
        mut image,
        orientation,
        premultiplied,
        floats,
    } = picture(bytes, recipe)?;
    if let Some(orientation) = orientation {
        image.apply_orientation(orientation);
    }
    Ok((flat(image, premultiplied, recipe), floats))
}

/// The most bytes that an image may have, as a file and decoded.
pub fn most_bytes(recipe: &Recipe) -> u64 {
    let pixels = recipe.max_pixels.saturating_mul(BYTES_PER_PIXEL);
    pixels.saturating_add(BESIDE_PIXELS)
}

/// The bytes of a file; an `Err` says why it cannot be read now, which may be different next time.
pub fn read(path: &Path, recipe: &Recipe) -> Result<Vec<u8>, String> {
    let reason = |error: std::io::Error| format!("cannot be read: {error}");
    let data = std::fs::metadata(path).map_err(reason)?;
    // Before it is opened: opening a pipe waits for somebody to write.
    if !data.is_file() {
        return Err(NO_FILE.to_owned());
    }
    if data.len() > most_bytes(recipe) {
        let length = data.len();
        return Err(format!(
            "has {length} bytes, too many for an image of `max-pixels`"
        ));
    }
    std::fs::read(path).map_err(reason)
}

/// Refuses sizes that are not to be decoded.
pub fn check_size(width: u32, height: u32, recipe: &Recipe) -> Result<(), String> {
    let most = recipe.max_pixels;
    match u64::from(width) * u64::from(height) {
        0 => Err(format!("has {width} × {height} pixels")),
        count if count > most => Err(format!(
            "has {width} × {height} pixels, more than {most} (`max-pixels`)"
        )),
        _ => Ok(()),
    }
}

fn picture(bytes: Vec<u8>, recipe: &Recipe) -> Result<Picture, String> {
    if bytes.is_empty() {
        return Err("is empty".to_owned());
    }
    if tiff::is_tiff(&bytes) {
        return tiff::read(bytes, recipe);
    }
    let reader = ImageReader::new(Cursor::new(&bytes)).with_guessed_format();
    let mut reader = reader.map_err(|error| format!("cannot be read: {error}"))?;
    let format = reader.format().filter(|format| FORMATS.contains(format));
    let format = format.ok_or_else(|| no_image(&bytes))?;
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(most_bytes(recipe));
    reader.limits(limits);
    // Some end with a line break.
    let wrong = |error: ImageError| {
        let text = error.to_string().replace('\n', " ");
        format!("cannot be decoded: {}", text.trim())
    };
    let mut decoder = reader.into_decoder().map_err(wrong)?;
    let (width, height) = decoder.dimensions();
    check_size(width, height, recipe)?;
    // A damaged note about the orientation does not make the pixels worse.
    let orientation: Option<Orientation> = decoder.orientation().ok();
    let mut image = DynamicImage::from_decoder(decoder).map_err(wrong)?;
    if format == ImageFormat::Jpeg && !is_whole_jpeg(&bytes) {
        return Err("ends in the middle of the image".to_owned());
    }
    if format == ImageFormat::Bmp {
        image = opaque_if_nothing_is_seen(image);
    }
    Ok(Picture {
        image,
        orientation,
        premultiplied: false,
        floats: None,
    })
}

/// The formats that are read; TIFF has a reader of its own.
const FORMATS: [ImageFormat; 5] = [
    ImageFormat::Png,
    ImageFormat::Jpeg,
    ImageFormat::WebP,
    ImageFormat::Gif,
    ImageFormat::Bmp,
];

/// What bytes are that are no image, to follow the file's name.
fn no_image(bytes: &[u8]) -> String {
    match sniff::kind(bytes) {
        Some(sniff::Kind::Picture) => {
            "is a picture of a kind that is not read, such as HEIC and AVIF: save it as PNG or JPEG"
                .to_owned()
        }
        Some(kind) => match kind.hint() {
            Some(hint) => format!("is {kind} ({hint})"),
            None => format!("is {kind}"),
        },
        None => "is no image of a known format".to_owned(),
    }
}

/// A bitmap whose every pixel has the opacity 0 is one whose program left these bytes alone: Windows and browsers show it opaque.
fn opaque_if_nothing_is_seen(image: DynamicImage) -> DynamicImage {
    match image {
        DynamicImage::ImageRgba8(image) if image.pixels().all(|pixel| pixel.0[3] == 0) => {
            DynamicImage::ImageRgba8(image).into_rgb8().into()
        }
        image => image,
    }
}

/// Whether a JPEG goes on to its end marker: the decoder makes up what is missing, and half a grey image is worse than none.
pub fn is_whole_jpeg(bytes: &[u8]) -> bool {
    // Behind the marker that begins the image.
    let mut position = 2;
    loop {
        let Some(&[0xff, marker]) = bytes.get(position..position + 2) else {
            // Neither a marker nor the end: pixels, or padding between markers.
            match bytes.get(position..) {
                Some([_, _, ..]) => position += 1,
                _ => return false,
            }
            continue;
        };
        position += match marker {
            0xd9 => return true,
            // Within pixels: a byte 255, a restart, padding.
            0x00 | 0x01 | 0xd0..=0xd8 => 2,
            0xff => 1,
            // Everything else says how long it is, and may hold an image of its own, such as a small copy.
            _ => match bytes.get(position + 2..position + 4) {
                Some(&[high, low]) => 2 + usize::from(u16::from_be_bytes([high, low])),
                _ => return false,
            },
        };
    }
}

/// An image without transparency, in the channels wanted.
struct Flat {
    width: usize,
    height: usize,
    /// Channels next to each other, row by row.
    bytes: Vec<u8>,
}

/// Puts transparent images on the background and turns every kind of pixel into 8 bits per channel.
fn flat(image: DynamicImage, premultiplied: bool, recipe: &Recipe) -> Flat {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let (coloured, transparent) = (image.color().has_color(), image.color().has_alpha());
    // What shows through a grey image may have a colour.
    let bytes = if coloured || (transparent && recipe.channels == 3) {
        let pixels = match transparent {
            true => on_background(
                image.into_rgba8().into_raw(),
                premultiplied,
                recipe.background,
            ),
            false => image.into_rgb8().into_raw(),
        };
        match recipe.channels {
            1 => pixels
                .as_chunks()
                .0
                .iter()
                .map(|&pixel| grey(pixel))
                .collect(),
            _ => pixels,
        }
    } else {
        let pixels = match transparent {
            true => {
                let background = [grey(recipe.background)];
                on_background(
                    image.into_luma_alpha8().into_raw(),
                    premultiplied,
                    background,
                )
            }
            false => image.into_luma8().into_raw(),
        };
        match recipe.channels {
            1 => pixels,
            _ => pixels.iter().flat_map(|&grey| [grey; 3]).collect(),
        }
    };
    Flat {
        width,
        height,
        bytes,
    }
}

/// Pixels of `N` channels and their opacity over a background.
fn on_background<const N: usize>(
    pixels: Vec<u8>,
    premultiplied: bool,
    background: [u8; N],
) -> Vec<u8> {
    let mut flat = Vec::with_capacity(pixels.len() / (N + 1) * N);
    for pixel in pixels.chunks_exact(N + 1) {
        let opacity = u32::from(pixel[N]);
        let share = if premultiplied { 255 } else { opacity };
        for (&colour, behind) in pixel.iter().zip(background) {
            let mixed = u32::from(colour) * share + u32::from(behind) * (255 - opacity);
            // Colours beyond their opacity are wrong, and white at most.
            flat.push(((mixed + 127) / 255).min(255) as u8);
        }
    }
    flat
}

/// Scales an image and puts its channels one after the other, in the middle of the background.
fn sample(image: Flat, recipe: &Recipe) -> Vec<u8> {
    let (width, height) = (image.width as f64, image.height as f64);
    let (to_width, to_height) = (recipe.width as f64, recipe.height as f64);
    let (scale_x, scale_y) = (to_width / width, to_height / height);
    let all = |columns, rows| {
        (
            Span::whole(image.width, columns),
            Span::whole(image.height, rows),
        )
    };
    let (columns, rows) = match recipe.fit {
        Fit::Stretch => all(recipe.width, recipe.height),
        Fit::Pad => {
            let scale = scale_x.min(scale_y);
            let side =
                |length: f64, most: usize| ((length * scale).round() as usize).clamp(1, most);
            all(side(width, recipe.width), side(height, recipe.height))
        }
        Fit::Crop => {
            let scale = scale_x.max(scale_y);
            let middle = |length: f64, pixels: usize| {
                let part = (pixels as f64 / scale).min(length);
                let from = (length - part) / 2.0;
                Span {
                    from: from as f32,
                    to: (from + part) as f32,
                    pixels,
                }
            };
            (middle(width, recipe.width), middle(height, recipe.height))
        }
    };
    let (left, top) = (
        (recipe.width - columns.pixels) / 2,
        (recipe.height - rows.pixels) / 2,
    );
    let background = match recipe.channels {
        1 => vec![grey(recipe.background)],
        _ => recipe.background.to_vec(),
    };
    let mut sample = Vec::with_capacity(recipe.bytes());
    for (channel, colour) in background.into_iter().enumerate() {
        let begin = sample.len();
        sample.resize(begin + recipe.height * recipe.width, colour);
        let bytes = image.bytes.iter().skip(channel).step_by(recipe.channels);
        let plane = Plane {
            width: image.width,
            height: image.height,
            pixels: bytes.copied().collect(),
        };
        let scaled = plane.resized(columns, rows, Filter::Bicubic);
        let places = sample[begin..].chunks_exact_mut(recipe.width).skip(top);
        for (place, row) in places.zip(scaled.pixels.chunks_exact(scaled.width)) {
            place[left..][..row.len()].copy_from_slice(row);
        }
    }
    sample
}
