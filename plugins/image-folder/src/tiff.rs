//! TIFF files, by what TIFF 6.0 says of the meaning of their numbers, and libtiff where it says nothing.
//!
//! The `tiff` crate undoes compression, byte order, strips and tiles. What the numbers mean is decided here: in memory the file
//! is made to say that it holds nothing but plain channels, so that the crate hands them over as they are. What would need a
//! guess is refused in words.

mod directory;
mod numbers;

pub use directory::is_tiff;
pub use numbers::Floats;

use crate::decode::{check_size, is_whole_jpeg, most_bytes};
use crate::parameters::Recipe;
use directory::{Directory, tag};
use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer};
use numbers::Numbers;
use std::collections::BTreeSet;
use std::io::Cursor;
use tiff::decoder::{Decoder, DecodingResult, Limits};

/// The image of a file as it is stored.
pub struct Picture {
    /// 8 bits per channel.
    pub image: DynamicImage,
    /// How it is to be turned.
    pub orientation: Option<Orientation>,
    /// Whether colours are multiplied by opacity already.
    pub premultiplied: bool,
    /// What its numbers were taken for, where they were floats.
    pub floats: Option<Floats>,
}

/// What the numbers of a pixel stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Colours {
    Grey { white_is_zero: bool },
    Rgb,
    Palette,
    Cmyk,
    YCbCr,
}

impl Colours {
    fn channels(self) -> usize {
        match self {
            Colours::Grey { .. } | Colours::Palette => 1,
            Colours::Rgb | Colours::YCbCr => 3,
            Colours::Cmyk => 4,
        }
    }
}

/// Numbers of compressions that have a name here.
const PLAIN: u64 = 1;
const FAX4: u64 = 4;
const JPEG: u64 = 7;

/// What is known before anything is decoded.
struct Facts {
    width: usize,
    height: usize,
    bits: u64,
    channels: usize,
    colours: Colours,
    planar: bool,
    compression: u64,
    floats: bool,
    /// The channel that is opacity, and whether the colours are multiplied by it already.
    opacity: Option<(usize, bool)>,
    /// Whether the file says so of that channel.
    opacity_is_told: bool,
}

/// A form that is not read.
fn unread(form: &str) -> String {
    format!("is a TIFF {form}, which is not read: save it as PNG")
}

/// Reads the first image of a file.
pub fn read(mut file: Vec<u8>, recipe: &Recipe) -> Result<Picture, String> {
    let damaged = || "is a TIFF whose directory is damaged".to_owned();
    let mut directory = Directory::read(&file).ok_or_else(damaged)?;
    let facts = facts(&directory, &file, recipe)?;
    check_chunks(&directory, &mut file, facts.compression)?;
    let (orientation, palette, luma) = (
        directory.first(&file, tag::ORIENTATION),
        directory.numbers(&file, tag::COLOUR_MAP),
        Luma::read(&directory, &file),
    );
    let numbers = decode(&mut directory, file, &facts, recipe)?;
    let (bytes, floats) = match (facts.colours, palette) {
        (Colours::Palette, Some(map)) => (looked_up(&numbers, &facts, &map)?, None),
        (Colours::Palette, None) => return Err("is a TIFF without its list of colours".to_owned()),
        _ => numbers.into_bytes()?,
    };
    Ok(Picture {
        image: image(&bytes, &facts, &luma)?,
        orientation: orientation
            .and_then(|number| Orientation::from_exif(u8::try_from(number).ok()?)),
        premultiplied: facts
            .opacity
            .is_some_and(|(_, premultiplied)| premultiplied),
        floats,
    })
}

fn facts(directory: &Directory, file: &[u8], recipe: &Recipe) -> Result<Facts, String> {
    let first = |name, default| directory.first(file, name).unwrap_or(default);
    let side = |name| {
        u32::try_from(first(name, 0)).map_err(|_| "is a TIFF of no possible size".to_owned())
    };
    let (width, height) = (side(tag::WIDTH)?, side(tag::HEIGHT)?);
    check_size(width, height, recipe)?;
    let colours = match first(tag::COLOURS, u64::MAX) {
        number @ (0 | 1) => Colours::Grey {
            white_is_zero: number == 0,
        },
        2 => Colours::Rgb,
        3 => Colours::Palette,
        4 => return Err(unread("that is a mask of transparency")),
        5 => Colours::Cmyk,
        6 => Colours::YCbCr,
        8..=10 => return Err(unread("of L*a*b* colours")),
        32_803 | 34_892 => return Err(unread("of a camera's raw data")),
        32_844 | 32_845 => return Err(unread("of logarithmic light")),
        u64::MAX => return Err(unread("that does not say what its numbers stand for")),
        other => {
            return Err(unread(&format!(
                "of unknown colours (photometric interpretation {other})"
            )));
        }
    };
    let compression = first(tag::COMPRESSION, PLAIN);
    if !matches!(compression, PLAIN | FAX4 | 5 | JPEG | 8 | 32_773 | 32_946) {
        let name = match compression {
            2 | 3 => "as an old fax (CCITT, one-dimensional or Group 3)",
            6 => "as old-style JPEG",
            34_712 | 33_003 | 33_005 => "as JPEG 2000",
            34_887 => "by LERC",
            34_925 => "by LZMA",
            50_000 => "by Zstandard",
            50_001 => "as WebP",
            50_002 | 52_546 => "as JPEG XL",
            _ => &format!("in a way that is not known (compression {compression})"),
        };
        return Err(unread(&format!("compressed {name}")));
    }
    let all_bits = directory
        .numbers(file, tag::BITS)
        .unwrap_or_else(|| vec![1]);
    let bits = all_bits.first().copied().unwrap_or(1);
    if all_bits.iter().any(|&other| other != bits) {
        return Err(unread("whose channels have different numbers of bits"));
    }
    let formats = directory.numbers(file, tag::FORMAT).unwrap_or_default();
    // 4 is "not known", which everybody takes for whole numbers.
    let format = formats
        .first()
        .map_or(1, |&format| if format == 4 { 1 } else { format });
    match (format, bits) {
        (1, 1..=16) | (3, 16 | 32 | 64) => {}
        (1, _) => {
            return Err(unread(&format!(
                "of {bits}-bit whole numbers, whose white is not known"
            )));
        }
        (2, _) => {
            return Err(unread(
                "of numbers with a sign, whose black and white are not known",
            ));
        }
        (3, _) => return Err(unread(&format!("of {bits}-bit floats"))),
        _ => return Err(unread("of complex numbers")),
    }
    let plain = |number: u64| matches!(number, 8 | 16 | 32 | 64);
    if first(tag::PREDICTOR, 1) != 1 && !plain(bits) {
        return Err(unread(&format!("of differences of {bits} bits")));
    }
    let channels = usize::try_from(first(tag::CHANNELS, 1)).unwrap_or(usize::MAX);
    let beyond = channels.checked_sub(colours.channels()).ok_or_else(|| {
        let expected = colours.channels();
        unread(&format!(
            "with {channels} channels where its colours need {expected}"
        ))
    })?;
    let planar = first(tag::PLANAR, 1) == 2;
    // Here the crate fails, or gives something else.
    if planar && directory.first(file, tag::TILE_WIDTH).is_some() {
        return Err(unread("of tiles with a plane for every channel"));
    }
    if compression == JPEG && !planar && !matches!(channels, 1 | 3 | 4) {
        return Err(unread(&format!("of {channels} channels as JPEG")));
    }
    if colours == Colours::YCbCr {
        // JPEG brings its own, and undoes it.
        let halved = directory
            .numbers(file, tag::SUBSAMPLING)
            .unwrap_or_else(|| vec![2, 2]);
        if compression != JPEG && halved.iter().any(|&factor| factor != 1) {
            return Err(unread(
                "that stores colours more coarsely than brightness (YCbCr)",
            ));
        }
        if bits != 8 {
            return Err(unread(&format!("of YCbCr colours with {bits} bits")));
        }
    }
    if colours == Colours::Cmyk && first(tag::INKS, 1) != 1 {
        return Err(unread("of inks other than cyan, magenta, yellow and black"));
    }
    let told = directory.numbers(file, tag::EXTRA);
    let opacity_is_told = told.is_some();
    let extra = told.unwrap_or_else(|| match (colours, beyond) {
        // libtiff and Pillow take the fourth number of a colour for its opacity where nothing is said of it.
        (Colours::Rgb, 1) => vec![2],
        _ => Vec::new(),
    });
    // 999 is what an old drawing program writes for opacity.
    let opacity = extra
        .iter()
        .take(beyond)
        .position(|kind| matches!(kind, 1 | 2 | 999));
    let opacity = opacity.map(|at| (colours.channels() + at, extra[at] == 1));
    if matches!(colours, Colours::Grey { .. }) && beyond > 1 && opacity.is_none() {
        return Err(unread(&format!(
            "with {channels} channels that are not said to be colours"
        )));
    }
    let inverted = colours
        == (Colours::Grey {
            white_is_zero: true,
        });
    if opacity.is_some_and(|(_, premultiplied)| premultiplied)
        && (inverted || colours == Colours::Cmyk)
    {
        return Err(unread("of inks multiplied by opacity"));
    }
    Ok(Facts {
        width: width as usize,
        height: height as usize,
        bits,
        channels,
        colours,
        planar,
        compression,
        floats: format == 3,
        opacity,
        opacity_is_told,
    })
}

/// Looks whether all parts of the image are in the file, and sets bits in the usual order.
fn check_chunks(directory: &Directory, file: &mut [u8], compression: u64) -> Result<(), String> {
    let (strips, tiles) = (
        (tag::STRIP_OFFSETS, tag::STRIP_BYTES),
        (tag::TILE_OFFSETS, tag::TILE_BYTES),
    );
    let mut chunks = BTreeSet::new();
    for (offsets, lengths) in [strips, tiles] {
        let offsets = directory.numbers(file, offsets).unwrap_or_default();
        let lengths = directory.numbers(file, lengths).unwrap_or_default();
        chunks.extend(offsets.into_iter().zip(lengths));
    }
    let reversed = directory.first(file, tag::FILL_ORDER) == Some(2) && compression != JPEG;
    if compression == PLAIN && !reversed {
        // Here lengths are often wrong, and nobody needs them.
        return Ok(());
    }
    let mut left = file.len() as u64;
    for (offset, length) in chunks {
        let end = offset
            .checked_add(length)
            .filter(|&end| end <= file.len() as u64);
        let end = end.ok_or("ends in the middle of the image")?;
        let chunk = &mut file[offset as usize..end as usize];
        if compression == JPEG && !is_whole_jpeg(chunk) {
            return Err("ends in the middle of the image".to_owned());
        }
        if reversed {
            // Parts that share their bytes would be turned twice.
            left = left
                .checked_sub(length)
                .ok_or_else(|| unread("whose parts overlap"))?;
            chunk
                .iter_mut()
                .for_each(|byte| *byte = byte.reverse_bits());
        }
    }
    Ok(())
}

/// The numbers of all pixels, channel by channel within a pixel.
fn decode(
    directory: &mut Directory,
    mut file: Vec<u8>,
    facts: &Facts,
    recipe: &Recipe,
) -> Result<Numbers, String> {
    let at_once = if facts.planar { 1 } else { facts.channels };
    let row_bytes = |width: usize| {
        (width * at_once)
            .saturating_mul(facts.bits as usize)
            .div_ceil(8)
    };
    directory.set(&mut file, tag::COLOURS, 1);
    directory.set(&mut file, tag::FILL_ORDER, 1);
    if directory
        .first(&file, tag::ROWS_PER_STRIP)
        .is_some_and(|rows| rows > facts.height as u64)
    {
        directory.set(&mut file, tag::ROWS_PER_STRIP, facts.height as u32);
    }
    if matches!(facts.bits, 9..=15) {
        // The crate knows no such numbers: it shall take their bytes for pixels.
        let tile = directory.first(&file, tag::TILE_WIDTH);
        let narrow =
            |width: usize| u32::try_from(row_bytes(width)).map_err(|_| unread("that is too wide"));
        directory.set(&mut file, tag::WIDTH, narrow(facts.width)?);
        if let Some(tile) = tile {
            directory.set(
                &mut file,
                tag::TILE_WIDTH,
                narrow(usize::try_from(tile).unwrap_or(usize::MAX))?,
            );
        }
        directory.set(&mut file, tag::BITS, 8);
        if !facts.planar {
            directory.set(&mut file, tag::CHANNELS, 1);
        }
    }
    directory.forget(&mut file, tag::EXTRA);
    let wrong = |error: tiff::TiffError| format!("cannot be decoded: {error}");
    let most = usize::try_from(most_bytes(recipe)).unwrap_or(usize::MAX);
    let mut limits = Limits::default();
    (
        limits.decoding_buffer_size,
        limits.intermediate_buffer_size,
        limits.ifd_value_size,
    ) = (most, most, most);
    let mut decoder = Decoder::new(Cursor::new(file))
        .map_err(wrong)?
        .with_limits(limits);
    let mut decoded = DecodingResult::U8(Vec::new());
    let layout = decoder.read_image_to_buffer(&mut decoded).map_err(wrong)?;
    if decoded.as_buffer(0).byte_len() < layout.complete_len {
        return Err("cannot be decoded: not enough memory for its channels".to_owned());
    }
    let numbers = Numbers::new(decoded, facts.bits as u32, facts.width * at_once)?;
    let planes = if facts.planar { facts.channels } else { 1 };
    let numbers = numbers.interleaved(planes, facts.width * facts.height);
    let expected = facts.width * facts.height * facts.channels;
    match numbers.len() == expected {
        true => Ok(numbers),
        false => Err(format!(
            "cannot be decoded: {} numbers, expected {expected}",
            numbers.len()
        )),
    }
}

/// The colours of a list that the numbers are positions in, with opacity where there is one.
fn looked_up(numbers: &Numbers, facts: &Facts, map: &[u64]) -> Result<Vec<u8>, String> {
    let colours = 1_usize << facts.bits;
    if map.len() < 3 * colours || facts.floats {
        return Err("is a TIFF whose list of colours is too short".to_owned());
    }
    // As libtiff does: some programs write bytes where words belong.
    let shift = if map.iter().all(|&value| value < 256) {
        0
    } else {
        8
    };
    let mut bytes = Vec::new();
    for pixel in 0..numbers.len() / facts.channels {
        let at = numbers.whole(pixel * facts.channels);
        bytes.extend([0, 1, 2].map(|channel| (map[channel * colours + at] >> shift) as u8));
        if let Some((channel, _)) = facts.opacity {
            bytes.push(numbers.byte(pixel * facts.channels + channel));
        }
    }
    Ok(bytes)
}

/// The image of these bytes, as many per pixel as it has channels.
fn image(bytes: &[u8], facts: &Facts, luma: &Luma) -> Result<DynamicImage, String> {
    let (width, height) = (facts.width as u32, facts.height as u32);
    let channels = match (facts.colours, facts.opacity) {
        (Colours::Palette, None) => 3,
        (Colours::Palette, Some(_)) => 4,
        _ => facts.channels,
    };
    let opaque = || {
        bytes
            .chunks_exact(channels)
            .all(|pixel| pixel.last() == Some(&0))
    };
    let opacity = match facts.opacity {
        // Said to be opacity by nobody, and then nothing could be seen.
        Some(_) if !facts.opacity_is_told && opaque() => None,
        Some(_) if facts.colours == Colours::Palette => Some(3),
        Some((channel, _)) => Some(channel),
        None => None,
    };
    let grey = matches!(facts.colours, Colours::Grey { .. });
    let mut pixels = Vec::new();
    for pixel in bytes.chunks_exact(channels) {
        match facts.colours {
            Colours::Grey {
                white_is_zero: true,
            } => pixels.push(255 - pixel[0]),
            Colours::Grey { .. } => pixels.push(pixel[0]),
            Colours::Rgb | Colours::Palette => pixels.extend(&pixel[..3]),
            Colours::Cmyk => pixels.extend(rgb_of_inks([pixel[0], pixel[1], pixel[2], pixel[3]])),
            Colours::YCbCr => pixels.extend(luma.rgb([pixel[0], pixel[1], pixel[2]])),
        }
        if let Some(channel) = opacity {
            pixels.push(pixel[channel]);
        }
    }
    let image = match (grey, opacity) {
        (true, None) => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8),
        (true, Some(_)) => {
            ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageLumaA8)
        }
        (false, None) => ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8),
        (false, Some(_)) => {
            ImageBuffer::from_raw(width, height, pixels).map(DynamicImage::ImageRgba8)
        }
    };
    image.ok_or_else(|| "cannot be decoded: it has fewer numbers than pixels".to_owned())
}

/// As Pillow does it, without a colour profile.
fn rgb_of_inks([cyan, magenta, yellow, black]: [u8; 4]) -> [u8; 3] {
    let light = u32::from(255 - black);
    [cyan, magenta, yellow].map(|ink| {
        let absorbed = (u32::from(ink) * light + 127) / 255;
        (light - absorbed) as u8
    })
}

/// How brightness and colour differences become red, green and blue.
struct Luma {
    /// The shares of red, green and blue in brightness.
    weights: [f64; 3],
    /// For each of the three numbers the value of black (or no colour) and of white (or full colour).
    ranges: [[f64; 2]; 3],
}

impl Luma {
    fn read(directory: &Directory, file: &[u8]) -> Luma {
        let fractions = |name, count: usize| {
            let found = directory.fractions(file, name)?;
            (found.len() >= count && found.iter().all(|x| x.is_finite())).then_some(found)
        };
        let weights = fractions(tag::WEIGHTS, 3).map(|w| [w[0], w[1], w[2]]);
        let weights = weights.filter(|weights| weights[1] > 0.0);
        let ranges =
            fractions(tag::BLACK_AND_WHITE, 6).map(|r| [[r[0], r[1]], [r[2], r[3]], [r[4], r[5]]]);
        let ranges = ranges.filter(|ranges| ranges.iter().all(|[from, to]| from < to));
        Luma {
            weights: weights.unwrap_or([0.299, 0.587, 0.114]),
            ranges: ranges.unwrap_or([[0.0, 255.0], [128.0, 255.0], [128.0, 255.0]]),
        }
    }

    fn rgb(&self, [y, cb, cr]: [u8; 3]) -> [u8; 3] {
        let spread = |value: u8, [from, to]: [f64; 2], over: f64| {
            (f64::from(value) - from) * over / (to - from)
        };
        let [of_red, of_green, of_blue] = self.weights;
        let y = spread(y, self.ranges[0], 255.0);
        let red = y + spread(cr, self.ranges[2], 127.0) * (2.0 - 2.0 * of_red);
        let blue = y + spread(cb, self.ranges[1], 127.0) * (2.0 - 2.0 * of_blue);
        let green = (y - of_red * red - of_blue * blue) / of_green;
        [red, green, blue].map(|colour| colour.round().clamp(0.0, 255.0) as u8)
    }
}
