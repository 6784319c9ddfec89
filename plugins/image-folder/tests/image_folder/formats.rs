//! Every format, every kind of pixel.

use crate::{BLACK, BLUE, Place, RED, WHITE, encoded, halves, pixels};
use image::codecs::gif::GifEncoder;
use image::{DynamicImage, Frame, ImageFormat, RgbImage, Rgba, RgbaImage};
use serde_json::{Value, json};

/// The pixels of one file, 4 columns and 2 rows.
fn read(name: &str, bytes: &[u8], parameters: Value) -> Vec<[u8; 3]> {
    let place = Place::empty();
    place.write(&format!("images/class/{name}"), bytes);
    let mut all = json!({ "size": [2, 4], "fit": "stretch" });
    all.as_object_mut()
        .unwrap()
        .extend(parameters.as_object().unwrap().clone());
    pixels(&place.open(all).unwrap(), "train", 0)
}

fn row_of_halves(left: [u8; 3], right: [u8; 3]) -> Vec<[u8; 3]> {
    [left, left, right, right, left, left, right, right].to_vec()
}

#[test]
fn all_six_formats_are_read() {
    let image = halves(4, 2, RED, BLUE);
    let lossless = [
        ("a.png", ImageFormat::Png),
        ("a.webp", ImageFormat::WebP),
        ("a.gif", ImageFormat::Gif),
        ("a.bmp", ImageFormat::Bmp),
        ("a.tiff", ImageFormat::Tiff),
        // The bytes decide, not the name.
        ("a.jpg", ImageFormat::Png),
    ];
    for (name, format) in lossless {
        // GIF knows no image without transparency.
        let image = match format {
            ImageFormat::Gif => image.to_rgba8().into(),
            _ => image.clone(),
        };
        let found = read(name, &encoded(&image, format), json!({}));
        assert_eq!(found, row_of_halves(RED, BLUE), "{name}");
    }
    let large = encoded(&halves(32, 16, RED, BLUE), ImageFormat::Jpeg);
    let found = read("a.jpg", &large, json!({}));
    for (found, expected) in found.iter().zip(row_of_halves(RED, BLUE)) {
        let off = found.iter().zip(expected).map(|(a, b)| a.abs_diff(b));
        assert!(off.max().unwrap() < 40, "{found:?}");
    }
}

#[test]
fn of_an_animation_the_first_frame_counts() {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    for colour in [[255, 0, 0, 255], [0, 0, 255, 255]] {
        let frame = RgbaImage::from_pixel(4, 2, Rgba(colour));
        encoder.encode_frame(Frame::new(frame)).unwrap();
    }
    drop(encoder);
    assert_eq!(read("a.gif", &bytes, json!({})), [RED; 8]);
}

#[test]
fn every_kind_of_pixel_becomes_three_bytes() {
    let image = halves(4, 2, [10, 20, 30], [200, 100, 50]);
    let expected = row_of_halves([10, 20, 30], [200, 100, 50]);
    let deep: DynamicImage = image.to_rgb16().into();
    assert_eq!(
        read("a.png", &encoded(&deep, ImageFormat::Png), json!({})),
        expected
    );
    let deep = encoded(&deep, ImageFormat::Tiff);
    assert_eq!(read("a.tif", &deep, json!({})), expected);
    let grey: DynamicImage = halves(4, 2, [7; 3], [70; 3]).to_luma8().into();
    assert_eq!(
        read("a.png", &encoded(&grey, ImageFormat::Png), json!({})),
        row_of_halves([7; 3], [70; 3])
    );
    assert_eq!(read("a.png", &palette(), json!({})), expected);
}

/// A PNG file of 4 × 2 pixels that are positions in a list of two colours.
fn palette() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 4, 2);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::One);
    encoder.set_palette(vec![10, 20, 30, 200, 100, 50]);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[0b0011_0000; 2]).unwrap();
    writer.finish().unwrap();
    bytes
}

#[test]
fn a_jpeg_for_printing_is_read() {
    // 8 × 8 pixels of cyan, magenta, yellow and black: the left half red, the right half cyan.
    let found = read("a.jpg", include_bytes!("cmyk.jpg"), json!({}));
    for (found, expected) in found.iter().zip(row_of_halves(RED, [0, 255, 255])) {
        let off = found.iter().zip(expected).map(|(a, b)| a.abs_diff(b));
        assert!(off.max().unwrap() < 20, "{found:?}");
    }
}

#[test]
fn what_is_transparent_shows_the_background() {
    // Opaque red, half transparent red, and nothing that would be blue; one pixel each, and opaque blue.
    let row = [
        Rgba([255, 0, 0, 255]),
        Rgba([255, 0, 0, 51]),
        Rgba([0, 0, 255, 0]),
        Rgba([0, 0, 255, 255]),
    ];
    let image: DynamicImage = RgbaImage::from_fn(4, 2, |x, _| row[x as usize]).into();
    // The second pixel is 255 × 0.2 and the background × 0.8.
    let cases = [
        ("white", [RED, [255, 204, 204], WHITE, BLUE]),
        ("black", [RED, [51, 0, 0], BLACK, BLUE]),
        ("#10ff80", [RED, [64, 204, 102], [16, 255, 128], BLUE]),
    ];
    for (background, expected) in cases {
        let parameters = json!({ "background": background });
        for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff] {
            let found = read("a.png", &encoded(&image, format), parameters.clone());
            assert_eq!(found[..4], expected, "{background} {format:?}");
        }
    }
    let row = [255, 0, 128, 7].map(|grey| image::LumaA([grey, 51]));
    let grey = image::ImageBuffer::from_fn(4, 2, |x, _| row[x as usize]);
    let bytes = encoded(&DynamicImage::ImageLumaA8(grey), ImageFormat::Png);
    let found = read("a.png", &bytes, json!({ "background": "black" }));
    assert_eq!(found[..4], [[51; 3], [0; 3], [26; 3], [1; 3]]);
}

#[test]
fn grey_samples_have_one_channel() {
    let place = Place::empty();
    let image = encoded(&halves(4, 2, WHITE, [0, 255, 0]), ImageFormat::Png);
    place.write("images/class/a.png", &image);
    let parameters = json!({ "size": [4, 4], "channels": 1, "background": "#ff0000" });
    let dataset = place.open(parameters).unwrap();
    assert_eq!(dataset.description().shape, [1, 4, 4]);
    let bytes: Vec<u8> = dataset.read("train", &[0]).unwrap();
    // The share of green and of red in the brightness (ITU-R BT.601).
    let (green, red) = (150, 76);
    let image = [255, 255, green, green];
    assert_eq!(bytes, [[red; 4], image, image, [red; 4]].concat());
}

#[test]
fn a_camera_that_lay_on_its_side_is_set_upright() {
    // 16 columns and 32 rows whose upper half is red.
    let upright: DynamicImage =
        RgbImage::from_fn(16, 32, |_, y| image::Rgb(if y < 16 { RED } else { BLUE })).into();
    // The numbers of the orientations, and how the camera stored the picture.
    let stored = [
        (1, upright.clone()),
        (3, upright.rotate180()),
        (6, upright.rotate270()),
        (8, upright.rotate90()),
    ];
    for (orientation, image) in stored {
        let mut bytes = encoded(&image, ImageFormat::Jpeg);
        // An EXIF segment with one entry, behind the marker that begins the file.
        let mut segment =
            b"\xff\xe1\x00\x22Exif\0\0II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
        segment.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
        bytes.splice(2..2, segment);
        let place = Place::empty();
        place.write("images/class/a.jpg", &bytes);
        let dataset = place.open(json!({ "size": [4, 2] })).unwrap();
        let found = pixels(&dataset, "train", 0);
        for (found, expected) in found
            .iter()
            .zip([RED, RED, RED, RED, BLUE, BLUE, BLUE, BLUE])
        {
            let off = found.iter().zip(expected).map(|(a, b)| a.abs_diff(b));
            assert!(off.max().unwrap() < 30, "{orientation}: {found:?}");
        }
    }
}

#[test]
fn a_bitmap_of_nothing_but_transparency_is_opaque() {
    let file = |opacity: u8| {
        let mut bytes = b"BM".to_vec();
        let head = 14 + 108;
        // Length of the file, where the pixels begin; length of this header, columns, rows, planes and bits, masks in use.
        let numbers = [
            head + 32,
            0,
            head,
            108,
            4,
            2,
            1 | 32 << 16,
            3,
            32,
            0,
            0,
            0,
            0,
        ];
        bytes.extend(numbers.iter().flat_map(|number: &u32| number.to_le_bytes()));
        let masks = [0x00ff_0000_u32, 0x0000_ff00, 0x0000_00ff, 0xff00_0000];
        bytes.extend(masks.iter().flat_map(|mask| mask.to_le_bytes()));
        bytes.resize(head as usize, 0);
        let pixels = [
            [0, 0, 255, opacity],
            [0, 0, 255, opacity],
            [255, 0, 0, opacity],
            [255, 0, 0, 0],
        ];
        bytes.extend([pixels, pixels].as_flattened().as_flattened());
        bytes
    };
    assert_eq!(read("a.bmp", &file(0), json!({})), row_of_halves(RED, BLUE));
    assert_eq!(
        read("a.bmp", &file(255), json!({}))[..4],
        [RED, RED, BLUE, WHITE]
    );
}
