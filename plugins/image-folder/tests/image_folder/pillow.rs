//! The same bytes as Pillow 13 gives: noise scaled with `resize(…, BICUBIC)`, colours made grey with `convert("L")`.

use crate::{Place, encoded};
use image::{DynamicImage, GrayImage, ImageFormat, RgbImage};
use serde_json::{Value, json};

/// Width and height of an image, its number of channels, width and height of the sample, and the CRC-32 of Pillow's answer,
/// channel by channel. Odd sizes, enlarged, reduced, and one side each.
const SCALED: [(u32, [u32; 2], [u32; 2], u32); 24] = [
    (3, [7, 5], [16, 16], 0x0240_b63d),
    (3, [16, 8], [16, 8], 0x22d2_b14c),
    (3, [1, 1], [9, 4], 0x9ef0_d832),
    (3, [2, 1], [33, 17], 0x378b_ff80),
    (3, [3, 200], [50, 50], 0x4146_f1af),
    (3, [64, 48], [32, 24], 0x9ed2_73e3),
    (3, [65, 47], [31, 33], 0x475d_ea3a),
    (3, [40, 24], [224, 224], 0xed6a_b8f3),
    (3, [100, 100], [99, 101], 0xb98c_10a4),
    (3, [13, 13], [13, 26], 0x282a_aebe),
    (3, [13, 13], [26, 13], 0x48fa_8113),
    (3, [255, 3], [2, 64], 0x3e16_dd40),
    (3, [17, 251], [8, 8], 0x0cf8_4755),
    (3, [31, 31], [32, 32], 0x6a8d_b224),
    (3, [90, 60], [1, 1], 0x016e_fb90),
    (3, [5, 5], [6, 7], 0x6bdc_1297),
    (3, [33, 77], [77, 33], 0xf53e_669f),
    (3, [128, 96], [28, 28], 0x2962_3e04),
    (1, [7, 5], [16, 16], 0xedab_cbdb),
    (1, [2, 1], [33, 17], 0xde55_b072),
    (1, [65, 47], [31, 33], 0x49b7_6029),
    (1, [13, 13], [13, 26], 0xec6f_c1e2),
    (1, [17, 251], [8, 8], 0xb82e_e833),
    (1, [5, 5], [6, 7], 0x3e9e_bed3),
];

/// The same of the largest part from the middle, Pillow's `box`.
const CROPPED: [([u32; 2], [u32; 2], u32); 4] = [
    ([40, 24], [16, 16], 0xc0a3_0328),
    ([7, 5], [16, 16], 0x296b_1964),
    ([33, 77], [20, 10], 0x2f20_800f),
    ([101, 50], [31, 47], 0xdc98_da25),
];

/// Noise that the script which asked Pillow made in the same way.
fn noise([width, height]: [u32; 2], channels: u32) -> DynamicImage {
    let mut state = width * 1009 + height * 31 + channels;
    let bytes = (0..width * height * channels).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    let bytes = bytes.collect();
    match channels {
        1 => GrayImage::from_raw(width, height, bytes).unwrap().into(),
        _ => RgbImage::from_raw(width, height, bytes).unwrap().into(),
    }
}

fn crc(image: &DynamicImage, parameters: Value) -> u32 {
    let place = Place::empty();
    place.write("images/class/a.png", &encoded(image, ImageFormat::Png));
    let dataset = place.open(parameters).unwrap();
    crc32fast::hash(&dataset.read::<u8>("train", &[0]).unwrap())
}

#[test]
fn images_are_scaled_to_the_same_bytes() {
    for (channels, size, [width, height], expected) in SCALED {
        let parameters = json!({ "size": [height, width], "fit": "stretch", "channels": channels });
        let found = crc(&noise(size, channels), parameters);
        assert_eq!(
            found, expected,
            "{channels} × {size:?} to {width} × {height}"
        );
    }
    for (size, [width, height], expected) in CROPPED {
        let parameters = json!({ "size": [height, width], "fit": "crop" });
        let found = crc(&noise(size, 3), parameters);
        assert_eq!(
            found, expected,
            "the middle of {size:?} to {width} × {height}"
        );
    }
}

#[test]
fn colours_become_the_same_grey() {
    // All of 16 × 16 × 16 colours.
    let cube = RgbImage::from_fn(64, 64, |x, y| {
        let number = y * 64 + x;
        image::Rgb([number / 256, number / 16 % 16, number % 16].map(|part| (part * 17) as u8))
    });
    let grey = json!({ "size": 64, "channels": 1 });
    assert_eq!(crc(&cube.into(), grey.clone()), 0x88de_c716);
    assert_eq!(crc(&noise([64, 64], 3), grey), 0xa4dd_2356);
}
