//! A file decoded alone is the file as a sample of the folder.

use crate::{BLUE, Place, RED, encoded, halves, tiffs};
use image::{DynamicImage, ImageEncoder, ImageFormat, Rgba, RgbaImage};
use serde_json::{Value, json};
use topwork_plugin_image_folder::PLUGIN;
use topwork_sdk::ErrorKind;
use topwork_sdk::drive::{DrivenDecoder, Driver, TestHost};

fn decoder(parameters: Value) -> DrivenDecoder {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    driver.decoder("image-folder", &parameters).unwrap()
}

/// A JPEG whose camera was held on its side.
fn turned() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new(&mut bytes);
    // A TIFF header and one entry: orientation 6, one short number.
    let mut note = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0".to_vec();
    note.extend([0; 4]);
    encoder.set_exif_metadata(note).unwrap();
    let image = halves(32, 16, RED, BLUE).to_rgb8();
    let colour = image::ExtendedColorType::Rgb8;
    encoder.write_image(image.as_raw(), 32, 16, colour).unwrap();
    bytes
}

/// Files of every format and kind of pixel, by name.
fn files() -> Vec<(String, Vec<u8>)> {
    let image = halves(7, 4, [10, 20, 30], [200, 100, 50]);
    let clear: DynamicImage = RgbaImage::from_fn(5, 3, |x, y| {
        Rgba([x as u8 * 50, 9, 200, (x + y) as u8 * 36])
    })
    .into();
    let mut files: Vec<(String, Vec<u8>)> = [
        ("a.png", &image, ImageFormat::Png),
        ("a.webp", &image, ImageFormat::WebP),
        ("a.bmp", &image, ImageFormat::Bmp),
        ("a.jpg", &image, ImageFormat::Jpeg),
        ("a.tiff", &image, ImageFormat::Tiff),
        ("deep.png", &image.to_rgb16().into(), ImageFormat::Png),
        ("deep.tif", &image.to_rgb16().into(), ImageFormat::Tiff),
        ("grey.png", &image.to_luma8().into(), ImageFormat::Png),
        ("deep-grey.png", &image.to_luma16().into(), ImageFormat::Png),
        ("clear.png", &clear, ImageFormat::Png),
        ("clear.gif", &clear, ImageFormat::Gif),
        ("clear.tif", &clear, ImageFormat::Tiff),
    ]
    .map(|(name, image, format)| (name.to_owned(), encoded(image, format)))
    .into();
    files.push(("turned.jpg".to_owned(), turned()));
    files.push(("cmyk.jpg".to_owned(), include_bytes!("cmyk.jpg").to_vec()));
    let tiffs = tiffs::COMPRESSED.iter();
    files.extend(tiffs.map(|(name, bytes)| (format!("{name}.tif"), bytes.to_vec())));
    files
}

#[test]
fn every_file_becomes_the_bits_that_it_has_in_the_folder() {
    let place = Place::empty();
    let files = files();
    for (name, bytes) in &files {
        place.write(&format!("images/class/{name}"), bytes);
    }
    for how in [
        json!({"size": 16}),
        json!({"size": [9, 5], "fit": "crop", "background": "#10ff80"}),
        json!({"size": [3, 8], "channels": 1, "fit": "stretch", "background": "black"}),
    ] {
        let dataset = place.open(how.clone()).unwrap();
        let decoder = &decoder(how.clone());
        assert_eq!(decoder.shape(), dataset.description().shape, "{how}");
        let names = dataset.names("train").unwrap().unwrap();
        assert_eq!(names.len(), files.len(), "{:?}", place.lines());
        std::thread::scope(|scope| {
            for (index, name) in names.iter().enumerate() {
                let (dataset, place, how) = (&dataset, &place, &how);
                scope.spawn(move || {
                    let bytes: Vec<u8> = dataset.read("train", &[index as u64]).unwrap();
                    let expected: Vec<f32> = bytes.iter().map(|b| f32::from(*b) / 255.0).collect();
                    let path = place.path("images").join(name);
                    assert_eq!(decoder.decode(&path).unwrap(), expected, "{name}, {how}");
                });
            }
        });
    }
}

#[test]
fn what_is_no_image_is_told_with_the_reason_of_the_folder() {
    let place = Place::empty();
    let decoder = decoder(json!({"size": 4, "max-pixels": 100}));
    let large = encoded(&halves(11, 10, RED, BLUE), ImageFormat::Png);
    let cut = encoded(&halves(8, 8, RED, BLUE), ImageFormat::Jpeg);
    let good = encoded(&halves(10, 10, RED, BLUE), ImageFormat::Png);
    let cases: [(&str, &[u8], Option<&str>); 5] = [
        ("empty.png", b"", Some("is empty")),
        ("text.png", b"some text", Some("is text")),
        (
            "large.png",
            &large,
            Some("has 11 × 10 pixels, more than 100 (`max-pixels`)"),
        ),
        (
            "cut.jpg",
            &cut[..cut.len() - 2],
            Some("ends in the middle of the image"),
        ),
        ("good.png", &good, None),
    ];
    for (name, bytes, reason) in cases {
        let path = place.write(name, bytes);
        let error = decoder.decode(&path).err();
        let told = error
            .as_ref()
            .map(|error| (error.kind(), error.to_string()));
        let expected = reason.map(|reason| (ErrorKind::Data, reason.to_owned()));
        assert_eq!(told, expected, "{name}");
    }
    let folder = decoder.decode(&place.path("")).unwrap_err();
    assert_eq!(folder.kind(), ErrorKind::Data, "{folder}");
}

#[test]
fn parameters_that_say_where_data_lies_are_ignored() {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let made = |parameters| driver.decoder("image-folder", &parameters);
    for parameters in [
        json!({"size": 4}),
        json!({"size": 4, "folder": "/no/such/folder", "list": "/no/such/list.csv"}),
        json!({"size": 4, "folder": "/no", "train-folder": "/no", "classes-from": {"a": ["b"]}}),
        json!({"size": 4, "test-fraction": 0.5, "test-folder": "/no", "groups": "("}),
    ] {
        assert_eq!(made(parameters).unwrap().shape(), [3, 4, 4]);
    }
    for (parameters, expected) in [
        (json!({}), "missing field `size`"),
        (json!({"size": 0}), "`size` is 0, expected 1 to 8192"),
        (
            json!({"size": 4, "background": "blue"}),
            "`background`: \"blue\", expected `white`, `black` or `#rrggbb`",
        ),
    ] {
        let error = made(parameters).err().unwrap();
        assert_eq!(
            (error.kind(), &*error.to_string()),
            (ErrorKind::Parameters, expected)
        );
    }
}
