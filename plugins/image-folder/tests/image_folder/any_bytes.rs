//! Whatever bytes a file holds, it becomes a sample or is left out.

use crate::{BLUE, Place, RED, encoded, halves, splits};
use image::ImageFormat;
use proptest::prelude::*;
use serde_json::json;

const FORMATS: [ImageFormat; 6] = [
    ImageFormat::Png,
    ImageFormat::Jpeg,
    ImageFormat::WebP,
    ImageFormat::Gif,
    ImageFormat::Bmp,
    ImageFormat::Tiff,
];

/// Opens a folder with a good image and one of these bytes; reads all there is.
fn read(bytes: &[u8]) -> u64 {
    let place = Place::empty();
    place.plain("images/a/good.png", RED);
    place.write("images/a/other.png", bytes);
    let dataset = place.open(json!({ "max-pixels": 1_000_000 })).unwrap();
    let len = splits(&dataset)[0].1;
    let all: Vec<u64> = (0..len).collect();
    assert_eq!(
        dataset.read::<u8>("train", &all).unwrap().len() as u64,
        len * 12
    );
    len
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        read(&bytes);
    }

    #[test]
    fn damaged_images_are_survived(
        format in 0..FORMATS.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut bytes = encoded(&halves(16, 16, RED, BLUE).to_rgba8().into(), FORMATS[format]);
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        read(&bytes);
    }
}

#[test]
fn half_an_image_is_no_image() {
    // Noise, so that there is no long run at the end that one could do without.
    let mut state = 1_u32;
    let noise = image::RgbaImage::from_fn(32, 32, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [a, b, c, _] = state.to_le_bytes();
        image::Rgba([a, b, c, 255])
    });
    for format in FORMATS {
        let image = match format {
            ImageFormat::Jpeg => image::DynamicImage::from(noise.clone()).to_rgb8().into(),
            _ => image::DynamicImage::from(noise.clone()),
        };
        let bytes = encoded(&image, format);
        assert_eq!(read(&bytes), 2, "{format:?}");
        for part in 1..8 {
            let cut = &bytes[..bytes.len() * part / 8];
            assert_eq!(read(cut), 1, "{part}/8 of {format:?}");
        }
    }
}
