//! How images of other sizes become samples.

use crate::{BLACK, BLUE, Place, RED, encoded, halves, pixels};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use serde_json::json;

fn sample(image: &DynamicImage, size: [usize; 2], fit: &str) -> Vec<[u8; 3]> {
    let place = Place::empty();
    place.write("images/class/a.png", &encoded(image, ImageFormat::Png));
    let parameters = json!({ "size": size, "fit": fit, "background": "black" });
    pixels(&place.open(parameters).unwrap(), "train", 0)
}

#[test]
fn wide_and_tall_images_are_padded_in_the_middle() {
    // 4 columns, 2 rows.
    let wide = halves(4, 2, RED, BLUE);
    let row = [RED, RED, BLUE, BLUE];
    let expected = [[BLACK; 4], row, row, [BLACK; 4]].concat();
    assert_eq!(sample(&wide, [4, 4], "pad"), expected);
    // An odd rest goes to the end.
    let expected = [[BLACK; 4], row, row, [BLACK; 4], [BLACK; 4]].concat();
    assert_eq!(sample(&wide, [5, 4], "pad"), expected);
    let tall = wide.rotate90();
    let [a, b, c] = [BLACK, RED, BLUE];
    let expected = [a, b, b, a, a, b, b, a, a, c, c, a, a, c, c, a];
    assert_eq!(sample(&tall, [4, 4], "pad"), expected);
    // However thin it is, a line is left.
    let thread = sample(&halves(400, 1, RED, BLUE), [4, 4], "pad");
    assert_eq!(thread[..4], [BLACK; 4]);
    assert_eq!((thread[4], thread[7]), (RED, BLUE));
    assert_eq!(thread[8..], [BLACK; 8]);
}

#[test]
fn the_middle_is_what_crop_leaves() {
    // 8 columns in stripes of two: the middle four are green and blue.
    let green = [0, 255, 0];
    let stripes = [RED, green, BLUE, BLACK];
    let wide: DynamicImage = RgbImage::from_fn(8, 4, |x, _| Rgb(stripes[x as usize / 2])).into();
    let row = [green, green, BLUE, BLUE];
    assert_eq!(sample(&wide, [4, 4], "crop"), row.repeat(4));
    let tall = wide.rotate90();
    let expected = [[green; 8], [BLUE; 8]].concat();
    assert_eq!(sample(&tall, [4, 4], "crop"), expected);
    // Nothing is cut from an image of the right proportions.
    assert_eq!(
        sample(&wide, [4, 8], "crop"),
        stripes.map(|c| [c; 2]).concat().repeat(4)
    );
}

#[test]
fn stretching_shows_the_whole_image() {
    // Of the filter's weight on two columns, what lies beyond the one is its integral from 0.5 to 1.5, 0.0938, out of 0.9323
    // in all: 26 of 255.
    let thread = sample(&halves(400, 2, RED, BLUE), [2, 2], "stretch");
    let row = [[229, 0, 26], [26, 0, 229]];
    assert_eq!(thread, row.repeat(2));
}

#[test]
fn a_small_image_is_made_larger() {
    let large = sample(&halves(2, 1, RED, BLUE), [8, 16], "pad");
    assert_eq!((large[0], large[15]), (RED, BLUE));
    assert_eq!(large.len(), 128);
    assert!(!large.contains(&BLACK));
}

#[test]
fn every_pixel_counts_when_an_image_is_made_smaller() {
    // A fine chessboard is grey from afar: a filter that looked at a few pixels only would find black or white.
    let board: DynamicImage = RgbImage::from_fn(128, 128, |x, y| {
        Rgb([if (x + y) % 2 == 0 { 0 } else { 255 }; 3])
    })
    .into();
    for pixel in sample(&board, [4, 4], "stretch") {
        assert!((126..=129).contains(&pixel[0]), "{pixel:?}");
    }
}
