//! From an image file to the bytes of a sample.
//!
//! The orientation that a camera noted is applied, colour profiles are not. What is transparent shows the background. Images are
//! scaled with a bicubic filter (Catmull-Rom, a = -0.5) whose support grows when an image is made smaller, so that every pixel
//! of the file counts: R. G. Keys, "Cubic convolution interpolation for digital image processing", IEEE Transactions on
//! Acoustics, Speech, and Signal Processing 29 (6), 1981. Pillow's `BICUBIC` does the same.

use crate::listing::NO_FILE;
use crate::parameters::{Fit, Recipe};
use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Bytes a decoder may use beside the pixels.
const BESIDE_PIXELS: u64 = 64 << 20;

/// The most bytes a pixel has while it is decoded: four channels of 16 bits.
const BYTES_PER_PIXEL: u64 = 8;

/// Why a file gives no sample.
#[derive(Debug)]
pub enum Problem {
    /// It cannot be opened or read now, which may be different next time.
    File(String),
    /// It holds no image that can be used.
    Content(String),
}

impl Problem {
    /// What is wrong with the file.
    pub fn reason(&self) -> &str {
        let (Problem::File(reason) | Problem::Content(reason)) = self;
        reason
    }
}

/// The sample that a file becomes: channels × height × width.
pub fn decode(path: &Path, recipe: &Recipe) -> Result<Vec<u8>, Problem> {
    let bytes = read(path, most_bytes(recipe)).map_err(Problem::File)?;
    // Foreign bytes and foreign code: a decoder that gives up on a file must not end the run.
    catch_unwind(AssertUnwindSafe(|| sample(pixels(&bytes, recipe)?, recipe)))
        .unwrap_or_else(|_| Err("makes the decoder fail".to_owned()))
        .map_err(Problem::Content)
}

/// The most bytes that an image may have, as a file and decoded.
fn most_bytes(recipe: &Recipe) -> u64 {
    let pixels = recipe.max_pixels.saturating_mul(BYTES_PER_PIXEL);
    pixels.saturating_add(BESIDE_PIXELS)
}

/// The bytes of a file.
fn read(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let reason = |error: std::io::Error| format!("cannot be read: {error}");
    let data = std::fs::metadata(path).map_err(reason)?;
    // Before it is opened: opening a pipe waits for somebody to write.
    if !data.is_file() {
        return Err(NO_FILE.to_owned());
    }
    if data.len() > most {
        let length = data.len();
        return Err(format!(
            "has {length} bytes, too many for an image of `max-pixels`"
        ));
    }
    std::fs::read(path).map_err(reason)
}

/// The image as it is to be looked at, without transparency, in the channels wanted.
struct Flat {
    width: u32,
    height: u32,
    /// Channels next to each other, row by row.
    bytes: Vec<u8>,
}

fn pixels(bytes: &[u8], recipe: &Recipe) -> Result<Flat, String> {
    if bytes.is_empty() {
        return Err("is empty".to_owned());
    }
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut reader = reader.map_err(|error| format!("cannot be read: {error}"))?;
    let format = reader.format().ok_or("is no image of a known format")?;
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
    let count = u64::from(width) * u64::from(height);
    if count > recipe.max_pixels {
        let most = recipe.max_pixels;
        return Err(format!(
            "has {width} × {height} pixels, more than {most} (`max-pixels`)"
        ));
    }
    if count == 0 {
        return Err(format!("has {width} × {height} pixels"));
    }
    // A damaged note about the orientation does not make the pixels worse.
    let orientation = decoder.orientation().ok();
    let mut image = DynamicImage::from_decoder(decoder).map_err(wrong)?;
    if format == ImageFormat::Jpeg && !is_whole_jpeg(bytes) {
        return Err("ends in the middle of the image".to_owned());
    }
    if let Some(orientation) = orientation {
        image.apply_orientation(orientation);
    }
    Ok(flat(image, recipe))
}

/// Whether a JPEG goes on to its end marker: the decoder makes up what is missing, and half a grey image is worse than none.
fn is_whole_jpeg(bytes: &[u8]) -> bool {
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

/// Puts transparent images on the background and turns every kind of pixel into 8 bits per channel.
fn flat(image: DynamicImage, recipe: &Recipe) -> Flat {
    let (width, height) = (image.width(), image.height());
    let transparent = image.color().has_alpha();
    let grey = recipe.channels == 1;
    let bytes = match (grey, transparent) {
        (false, false) => image.into_rgb8().into_raw(),
        (true, false) => image.into_luma8().into_raw(),
        (false, true) => on_background(image.into_rgba8().into_raw(), recipe.background),
        (true, true) => {
            let background = image::Rgb(recipe.background);
            let [background] = image::Pixel::to_luma(&background).0;
            on_background(image.into_luma_alpha8().into_raw(), [background])
        }
    };
    Flat {
        width,
        height,
        bytes,
    }
}

/// Pixels of `N` channels and their opacity over a background.
fn on_background<const N: usize>(pixels: Vec<u8>, background: [u8; N]) -> Vec<u8> {
    let mut flat = Vec::with_capacity(pixels.len() / (N + 1) * N);
    for pixel in pixels.chunks_exact(N + 1) {
        let opacity = u32::from(pixel[N]);
        for (&colour, behind) in pixel.iter().zip(background) {
            let mixed = u32::from(colour) * opacity + u32::from(behind) * (255 - opacity);
            flat.push(((mixed + 127) / 255) as u8);
        }
    }
    flat
}

/// Scales an image and puts its channels one after the other.
fn sample(image: Flat, recipe: &Recipe) -> Result<Vec<u8>, String> {
    let (width, height) = (f64::from(image.width), f64::from(image.height));
    let (to_width, to_height) = (recipe.width as f64, recipe.height as f64);
    let (scale_x, scale_y) = (to_width / width, to_height / height);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom))
        .use_alpha(false);
    let whole = [recipe.width, recipe.height];
    let (options, scaled) = match recipe.fit {
        Fit::Stretch => (options, whole),
        Fit::Pad => {
            let scale = scale_x.min(scale_y);
            let side =
                |length: f64, most: usize| ((length * scale).round() as usize).clamp(1, most);
            let scaled = [side(width, recipe.width), side(height, recipe.height)];
            (options, scaled)
        }
        Fit::Crop => {
            let scale = scale_x.max(scale_y);
            let [w, h] = [
                (to_width / scale).min(width),
                (to_height / scale).min(height),
            ];
            let options = options.crop((width - w) / 2.0, (height - h) / 2.0, w, h);
            (options, whole)
        }
    };
    let kind = match recipe.channels {
        1 => PixelType::U8,
        _ => PixelType::U8x3,
    };
    let bytes =
        if scaled == [image.width as usize, image.height as usize] && recipe.fit != Fit::Crop {
            image.bytes
        } else {
            let wrong = |error: &dyn std::fmt::Display| format!("cannot be scaled: {error}");
            let source = Image::from_vec_u8(image.width, image.height, image.bytes, kind);
            let source = source.map_err(|error| wrong(&error))?;
            let mut target = Image::new(scaled[0] as u32, scaled[1] as u32, kind);
            let mut resizer = Resizer::new();
            resizer
                .resize(&source, &mut target, &options)
                .map_err(|error| wrong(&error))?;
            target.into_vec()
        };
    Ok(planes(&bytes, scaled, recipe))
}

/// Puts an image of `scaled` columns and rows in the middle of the background, channel by channel.
fn planes(bytes: &[u8], scaled: [usize; 2], recipe: &Recipe) -> Vec<u8> {
    let (channels, plane) = (recipe.channels, recipe.height * recipe.width);
    let [left, top] = [
        (recipe.width - scaled[0]) / 2,
        (recipe.height - scaled[1]) / 2,
    ];
    let background = match channels {
        1 => image::Pixel::to_luma(&image::Rgb(recipe.background))
            .0
            .to_vec(),
        _ => recipe.background.to_vec(),
    };
    let mut sample: Vec<u8> = Vec::with_capacity(recipe.bytes());
    for colour in background {
        sample.resize(sample.len() + plane, colour);
    }
    for (row, pixels) in bytes.chunks_exact(scaled[0] * channels).enumerate() {
        for (column, pixel) in pixels.chunks_exact(channels).enumerate() {
            let place = (top + row) * recipe.width + left + column;
            for (channel, &colour) in pixel.iter().enumerate() {
                sample[channel * plane + place] = colour;
            }
        }
    }
    sample
}
