//! Against Pillow 13 and the geometry of torchvision: `bench/reference/images.py` made the arrays.

use proptest::prelude::*;
use serde_json::Value;
use topwork_images::{
    Filter, Geometry, GeometryError, Image, ImageError, Pixels, Plane, Resize, Span,
};

/// The noise of the script.
fn picture(shape: [usize; 3]) -> Vec<u8> {
    let mut state = 1_u32;
    let numbers = (0..shape.iter().product()).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    numbers.collect()
}

#[test]
fn bytes_are_those_of_pillow() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("reference/pillow.json")).unwrap();
    fn read<T: serde::de::DeserializeOwned>(case: &Value, key: &str) -> T {
        serde_json::from_value(case[key].clone()).unwrap()
    }
    let (mut compared, mut differing) = (0, 0);
    for case in &cases {
        let shape: [usize; 3] = read(case, "shape");
        let (resize, crop, filter): (Resize, [usize; 2], Filter) = (
            read(case, "resize"),
            read(case, "crop"),
            read(case, "filter"),
        );
        let geometry = Geometry::new(resize, crop, filter).unwrap();
        assert_eq!(
            geometry.scaled(shape[1], shape[2]),
            read::<[usize; 2]>(case, "scaled")
        );
        let expected: Vec<u8> = read(case, "bytes");
        let image = Image::new(shape, Pixels::Bytes(picture(shape))).unwrap();
        let mut sample = vec![f32::NAN; expected.len()];
        geometry.sample(&image, &mut sample).unwrap();
        for (found, expected) in sample.iter().zip(&expected) {
            compared += 1;
            differing += u32::from(*found != f32::from(*expected) / 255.0);
        }
    }
    assert_eq!((cases.len(), compared, differing), (52, 23_096, 0));
}

#[test]
fn floats_are_scaled_like_bytes_but_not_rounded() {
    let shape = [3, 20, 15];
    let bytes = picture(shape);
    let floats = bytes.iter().map(|byte| f32::from(*byte) / 255.0).collect();
    for filter in Filter::ALL {
        for channels in [1, 3] {
            let geometry = Geometry::new(Resize::Shorter(8), [7, 8], filter).unwrap();
            let of = |pixels| {
                let mut sample = vec![f32::NAN; channels * 7 * 8];
                let image = Image::new(shape, pixels).unwrap();
                geometry.sample(&image, &mut sample).unwrap();
                sample
            };
            let rounded = of(Pixels::Bytes(bytes.clone()));
            let exact = of(Pixels::Floats(Vec::clone(&floats)));
            for (rounded, exact) in rounded.iter().zip(&exact) {
                // Brightness, columns and rows are each rounded to half a step, and a filter with negative weights enlarges that.
                let levels = (rounded - exact.clamp(0.0, 1.0)).abs() * 255.0;
                assert!(levels < 2.5, "{filter:?}: {rounded} and {exact}");
            }
        }
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let crop = |resize, crop| Geometry::new(resize, crop, Filter::Bicubic).map(|_| ());
    assert_eq!(crop(Resize::Shorter(8), [8, 8]), Ok(()));
    let too_large = |crop, most| Err(GeometryError::CropTooLarge { crop, most });
    assert_eq!(crop(Resize::Shorter(8), [8, 9]), too_large(9, 8));
    assert_eq!(crop(Resize::Exactly([7, 9]), [8, 9]), too_large(8, 7));
    assert_eq!(
        crop(Resize::Exactly([0, 9]), [1, 9]),
        Err(GeometryError::Empty)
    );
    let image = |shape, numbers| Image::new(shape, Pixels::Bytes(vec![0; numbers])).map(|_| ());
    assert_eq!(image([2, 1, 1], 2), Err(ImageError::Channels(2)));
    let shape = [1, 2, 2];
    assert_eq!(
        image(shape, 3),
        Err(ImageError::Numbers { found: 3, shape })
    );
    assert!(image([3, 0, 2], 0).is_err());
    let geometry = Geometry::new(Resize::Shorter(2), [2, 2], Filter::Bicubic).unwrap();
    let grey = Image::new(shape, Pixels::Bytes(vec![0; 4])).unwrap();
    let room = geometry.sample(&grey, &mut [0.0; 8]);
    let (numbers, height, width) = (8, 2, 2);
    assert_eq!(
        room,
        Err(GeometryError::Room {
            numbers,
            height,
            width
        })
    );
}

proptest! {
    /// Every filter leaves a plain picture plain, whatever its size becomes, and nothing outside it is read.
    #[test]
    fn plain_pictures_stay_plain(
        (width, height) in (1_usize..40, 1_usize..40), (to_width, to_height) in (1_usize..40, 1_usize..40), byte: u8,
    ) {
        for filter in Filter::ALL {
            let plane = Plane { width, height, pixels: vec![byte; width * height] };
            let (columns, rows) = (Span::whole(width, to_width), Span::whole(height, to_height));
            let scaled = plane.resized(columns, rows, filter);
            prop_assert_eq!((scaled.width, scaled.height), (to_width, to_height));
            prop_assert!(scaled.pixels.iter().all(|&pixel| pixel == byte));
        }
    }

    /// The crop is the part of the whole that lies there.
    #[test]
    fn a_crop_is_part_of_the_whole(
        (height, width) in (1_usize..30, 1_usize..30), side in 1_usize..20, (less_high, less_wide) in (0_usize..20, 0_usize..20),
    ) {
        let crop = [side.saturating_sub(less_high).max(1), side.saturating_sub(less_wide).max(1)];
        let image = Image::new([1, height, width], Pixels::Bytes(picture([1, height, width]))).unwrap();
        for filter in Filter::ALL {
            let geometry = Geometry::new(Resize::Shorter(side), crop, filter).unwrap();
            let all = geometry.scaled(height, width);
            let of = |geometry: &Geometry| {
                let mut sample = vec![f32::NAN; geometry.size().iter().product()];
                geometry.sample(&image, &mut sample).unwrap();
                sample
            };
            let whole = of(&Geometry::new(Resize::Exactly(all), all, filter).unwrap());
            let cropped = of(&geometry);
            let found = (0..=all[0] - crop[0]).any(|top| (0..=all[1] - crop[1]).any(|left| {
                let rows = whole.chunks_exact(all[1]).skip(top);
                rows.zip(cropped.chunks_exact(crop[1])).all(|(whole, cropped)| whole[left..][..crop[1]] == *cropped)
            }));
            prop_assert!(found);
        }
    }
}
