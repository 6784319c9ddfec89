//! Random changes of training images, and normalisation per channel.
//!
//! Images are `channels × height × width` numbers in rows, one after the other in a batch.

use topwork_engine::Stream;
use topwork_schema::Normalise;

/// Random changes of training images, drawn from a stream of their own. They are made before
/// [`normalise`], so that what comes in from outside an image is black.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Augment {
    settings: topwork_schema::Augment,
}

/// What chance decides for one image.
struct Change {
    /// Down and to the right, in pixels.
    shift: [isize; 2],
    /// Counter-clockwise, in degrees.
    angle: f64,
    mirrored: bool,
    /// Where the window of a crop lies in relation to the image, down and to the right.
    window: [isize; 2],
}

impl From<&topwork_schema::Augment> for Augment {
    fn from(settings: &topwork_schema::Augment) -> Self {
        Self {
            settings: *settings,
        }
    }
}

impl Augment {
    /// Changes every image of a batch: shifted, then rotated, mirrored and cropped.
    ///
    /// Each image takes the same number of words from the stream, whatever is switched on: what
    /// happens to an image depends on its place in the stream alone, and switching one change on
    /// leaves the others as they were.
    pub fn apply(&self, images: &mut [f32], shape: [usize; 3], stream: &mut Stream) {
        let [_, height, width] = shape;
        let mut before = vec![0.0; shape.iter().product()];
        for image in images.chunks_exact_mut(before.len().max(1)) {
            let change = self.draw(stream);
            let mut replace = |image: &mut [f32], make: &dyn Fn(&[f32], &mut [f32])| {
                before.copy_from_slice(image);
                let planes = image.chunks_exact_mut(height * width);
                for (plane, new) in before.chunks_exact(height * width).zip(planes) {
                    make(plane, new);
                }
            };
            if change.shift != [0, 0] {
                replace(image, &|plane, new| shift(plane, new, width, change.shift));
            }
            if change.angle != 0.0 {
                replace(image, &|plane, new| {
                    rotate(plane, new, [height, width], change.angle)
                });
            }
            if change.mirrored {
                for row in image.chunks_exact_mut(width) {
                    row.reverse();
                }
            }
            if change.window != [0, 0] {
                // A window further down shows the image further up.
                let moved = change.window.map(|offset| -offset);
                replace(image, &|plane, new| shift(plane, new, width, moved));
            }
        }
    }

    fn draw(&self, stream: &mut Stream) -> Change {
        let topwork_schema::Augment {
            shift,
            rotate,
            flip,
            crop,
        } = self.settings;
        Change {
            shift: [within(shift, stream), within(shift, stream)],
            angle: rotate * f64::from(stream.uniform(-1.0, 1.0)),
            mirrored: (stream.uniform(0.0, 1.0) < 0.5) && flip,
            window: [within(crop, stream), within(crop, stream)],
        }
    }
}

/// A whole number from `-most` to `most`, from one word of the stream.
///
/// Not [`Stream::below`], which takes further words now and then; how much likelier one number is
/// than another is at most `(2 × most + 1) / 2^24`.
fn within(most: usize, stream: &mut Stream) -> isize {
    let most = most as f64;
    let place = f64::from(stream.uniform(0.0, 1.0)) * (2.0 * most + 1.0);
    (place.floor() - most).min(most) as isize
}

/// Moves a plane down and to the right, with zeros where nothing comes from.
fn shift(plane: &[f32], moved: &mut [f32], width: usize, [down, right]: [isize; 2]) {
    moved.fill(0.0);
    let rows = moved.len() / width.max(1);
    let overlap = |by: isize, length: usize| {
        let size = length.saturating_sub(by.unsigned_abs());
        (by.min(0).unsigned_abs(), by.max(0).unsigned_abs(), size)
    };
    let (from_row, to_row, height) = overlap(down, rows);
    let (from_column, to_column, columns) = overlap(right, width);
    if columns == 0 {
        return;
    }
    for row in 0..height {
        let from = (from_row + row) * width + from_column;
        let to = (to_row + row) * width + to_column;
        moved[to..to + columns].copy_from_slice(&plane[from..from + columns]);
    }
}

/// Turns a plane counter-clockwise about its middle: every pixel is interpolated between the four
/// pixels that lie where it comes from (bilinear), those outside being zero.
fn rotate(plane: &[f32], turned: &mut [f32], [height, width]: [usize; 2], degrees: f64) {
    let (sine, cosine) = degrees.to_radians().sin_cos();
    let middle = [(height as f64 - 1.0) / 2.0, (width as f64 - 1.0) / 2.0];
    let pixel = |row: f64, column: f64| {
        let inside = row >= 0.0 && column >= 0.0 && row < height as f64 && column < width as f64;
        let index = row as usize * width + column as usize;
        if inside { plane[index] } else { 0.0 }
    };
    for (index, new) in turned.iter_mut().enumerate() {
        let down = (index / width) as f64 - middle[0];
        let right = (index % width) as f64 - middle[1];
        // Backwards to where the pixel comes from; rows count downwards.
        let row = middle[0] + right * sine + down * cosine;
        let column = middle[1] + right * cosine - down * sine;
        let (top, left) = (row.floor(), column.floor());
        let (lower, righter) = ((row - top) as f32, (column - left) as f32);
        let above = pixel(top, left) * (1.0 - righter) + pixel(top, left + 1.0) * righter;
        let below =
            pixel(top + 1.0, left) * (1.0 - righter) + pixel(top + 1.0, left + 1.0) * righter;
        *new = above * (1.0 - lower) + below * lower;
    }
}

/// Normalises a batch: `(x - mean) / std` for every channel.
pub fn normalise(images: &mut [f32], shape: [usize; 3], settings: &Normalise) {
    let [channels, height, width] = shape;
    let planes = images.chunks_exact_mut((height * width).max(1));
    for (index, plane) in planes.enumerate() {
        let channel = index % channels.max(1);
        if let (Some(mean), Some(std)) = (settings.mean.get(channel), settings.std.get(channel)) {
            let (mean, std) = (*mean as f32, *std as f32);
            plane.iter_mut().for_each(|x| *x = (*x - mean) / std);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OFF: topwork_schema::Augment = topwork_schema::Augment {
        shift: 0,
        rotate: 0.0,
        flip: false,
        crop: 0,
    };

    #[test]
    fn a_shift_moves_and_fills_with_zeros() {
        // Two rows of three: 1 2 3 / 4 5 6.
        let plane = [1., 2., 3., 4., 5., 6.];
        let cases: [([isize; 2], [f32; 6]); 8] = [
            ([0, 0], plane),
            ([1, 0], [0., 0., 0., 1., 2., 3.]),
            ([-1, 0], [4., 5., 6., 0., 0., 0.]),
            ([0, 1], [0., 1., 2., 0., 4., 5.]),
            ([0, -2], [3., 0., 0., 6., 0., 0.]),
            ([1, -1], [0., 0., 0., 2., 3., 0.]),
            ([2, 0], [0.; 6]),
            ([0, -5], [0.; 6]),
        ];
        for (by, expected) in cases {
            let mut moved = [9.0; 6];
            shift(&plane, &mut moved, 3, by);
            assert_eq!(moved, expected, "{by:?}");
        }
    }

    #[test]
    fn a_rotation_turns_counter_clockwise_and_fills_with_zeros() {
        // Three rows of three: 1 2 3 / 4 5 6 / 7 8 9.
        let plane: [f32; 9] = [1., 2., 3., 4., 5., 6., 7., 8., 9.];
        let half = std::f32::consts::FRAC_1_SQRT_2;
        let corner = 2. - 2. * half;
        let cases: [(f64, [f32; 9]); 5] = [
            (0., plane),
            (90., [3., 6., 9., 2., 5., 8., 1., 4., 7.]),
            (180., [9., 8., 7., 6., 5., 4., 3., 2., 1.]),
            (-90., [7., 4., 1., 8., 5., 2., 9., 6., 3.]),
            // By hand: an edge's pixel comes from (half, half) off the middle, between the middle,
            // two edges and a corner; a corner's from an edge, sqrt(2) off the middle, of which
            // only the share 2 - sqrt(2) lies inside.
            (
                45.,
                [
                    corner * 2.,
                    5. + half * (2. - 5. + 6. - 5.) + half * half * (5. - 2. - 6. + 3.),
                    corner * 6.,
                    5. + half * (2. - 5. + 4. - 5.) + half * half * (5. - 2. - 4. + 1.),
                    5.,
                    5. + half * (8. - 5. + 6. - 5.) + half * half * (5. - 8. - 6. + 9.),
                    corner * 4.,
                    5. + half * (8. - 5. + 4. - 5.) + half * half * (5. - 8. - 4. + 7.),
                    corner * 8.,
                ],
            ),
        ];
        for (degrees, expected) in cases {
            let mut turned = [9.0; 9];
            rotate(&plane, &mut turned, [3, 3], degrees);
            for (found, expected) in turned.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-5, "{degrees}: {turned:?}");
            }
        }
        // Two rows of four: a quarter turn shows the middle two columns.
        let mut turned = [9.0; 8];
        let plane = [1., 2., 3., 4., 5., 6., 7., 8.];
        rotate(&plane, &mut turned, [2, 4], 90.);
        let expected = [0., 3., 7., 0., 0., 2., 6., 0.];
        for (found, expected) in turned.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{turned:?}");
        }
    }

    /// What a batch of equal images becomes.
    fn changed(
        settings: topwork_schema::Augment,
        image: &[f32],
        shape: [usize; 3],
        count: usize,
    ) -> Vec<Vec<f32>> {
        let mut images = image.repeat(count);
        Augment::from(&settings).apply(&mut images, shape, &mut Stream::new(1, "augment"));
        images.chunks(image.len()).map(<[f32]>::to_vec).collect()
    }

    /// How often each of the images expected comes out, all together all of them.
    fn counted(found: &[Vec<f32>], expected: &[&[f32]]) -> Vec<usize> {
        let counts: Vec<usize> = expected
            .iter()
            .map(|image| found.iter().filter(|found| found == image).count())
            .collect();
        assert_eq!(counts.iter().sum::<usize>(), found.len(), "{found:?}");
        counts
    }

    #[test]
    fn nothing_asked_for_is_nothing_done() {
        let image = [1., 2., 3., 4., 5., 6., 7., 8.];
        assert_eq!(changed(OFF, &image, [2, 2, 2], 3), vec![image.to_vec(); 3]);
    }

    #[test]
    fn a_flip_mirrors_every_channel_of_about_half_of_the_images() {
        let image = [1., 2., 3., 4., 5., 6., 7., 8.];
        let flip = topwork_schema::Augment { flip: true, ..OFF };
        let found = changed(flip, &image, [2, 2, 2], 1000);
        let counts = counted(&found, &[&image, &[2., 1., 4., 3., 6., 5., 8., 7.]]);
        // Standard deviation 16; five of them either way.
        assert!(counts[0].abs_diff(500) < 80, "{counts:?}");
    }

    #[test]
    fn shift_and_crop_reach_every_place_about_equally_often() {
        // One row of three with one bright pixel in the middle.
        let shift = topwork_schema::Augment { shift: 1, ..OFF };
        let crop = topwork_schema::Augment { crop: 1, ..OFF };
        for settings in [shift, crop] {
            let found = changed(settings, &[0., 1., 0.], [1, 1, 3], 2700);
            let counts = counted(
                &found,
                &[&[0., 0., 0.], &[1., 0., 0.], &[0., 1., 0.], &[0., 0., 1.]],
            );
            // Up and down moves the only row away, in two of three cases. Standard deviations of
            // 24 and 16; five of them either way.
            assert!(counts[0].abs_diff(1800) < 120, "{settings:?}: {counts:?}");
            for count in &counts[1..] {
                assert!(count.abs_diff(300) < 80, "{settings:?}: {counts:?}");
            }
        }
    }

    #[test]
    fn a_crop_shows_a_window_of_the_padded_image() {
        // Two rows of two, padded with two pixels: rows and columns of 0 0 x x 0 0.
        let crop = topwork_schema::Augment { crop: 2, ..OFF };
        let padded = |row: usize, column: usize| match (row, column) {
            (2, 2) => 1.,
            (2, 3) => 2.,
            (3, 2) => 3.,
            (3, 3) => 4.,
            _ => 0.,
        };
        let windows: Vec<[f32; 4]> = (0..5)
            .flat_map(|row| (0..5).map(move |column| (row, column)))
            .map(|(row, column)| {
                [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(y, x)| padded(row + y, column + x))
            })
            .collect();
        let found = changed(crop, &[1., 2., 3., 4.], [1, 2, 2], 500);
        assert!(
            found
                .iter()
                .all(|image| windows.iter().any(|w| w == &image[..]))
        );
        assert!(
            windows
                .iter()
                .all(|window| found.iter().any(|image| window == &image[..]))
        );
    }

    #[test]
    fn rotations_stay_within_their_angle() {
        // A bright pixel three to the right of the middle, in seven rows of seven.
        let mut image = [0.0; 49];
        image[3 * 7 + 6] = 1.0;
        let rotate = topwork_schema::Augment {
            rotate: 30.0,
            ..OFF
        };
        let found = changed(rotate, &image, [1, 7, 7], 200);
        let heights: Vec<f32> = found
            .iter()
            .map(|image| {
                let mass: f32 = image.iter().sum();
                let rows = image.chunks(7).enumerate();
                rows.map(|(row, pixels)| (3.0 - row as f32) * pixels.iter().sum::<f32>())
                    .sum::<f32>()
                    / mass
            })
            .collect();
        // At 30 degrees it stands 1.5 pixels higher or lower, spread over at most one more.
        assert!(
            heights.iter().all(|height| height.abs() < 2.2),
            "{heights:?}"
        );
        assert!(heights.iter().any(|height| *height > 1.0));
        assert!(heights.iter().any(|height| *height < -1.0));
    }

    #[test]
    fn normalised_channels_have_their_own_mean_and_deviation() {
        let mut images = [1., 2., 10., 20., 3., 4., 30., 40.];
        let settings = Normalise {
            mean: vec![1., 10.],
            std: vec![0.5, 10.],
        };
        normalise(&mut images, [2, 1, 2], &settings);
        assert_eq!(images, [0., 2., 0., 1., 4., 6., 2., 3.]);
    }

    fn settings() -> impl Strategy<Value = topwork_schema::Augment> {
        (0..4usize, 0.0..=180.0f64, any::<bool>(), 0..4usize).prop_map(
            |(shift, rotate, flip, crop)| topwork_schema::Augment {
                shift,
                rotate,
                flip,
                crop,
            },
        )
    }

    proptest! {
        #[test]
        fn an_image_s_change_depends_on_its_place_in_the_stream_alone(
            settings in settings(),
            before in settings(),
            shape in [1..3usize, 1..6usize, 1..6usize],
            seed in any::<u64>(),
        ) {
            let size: usize = shape.iter().product();
            let image: Vec<f32> = (1..=size).map(|pixel| pixel as f32).collect();
            let mut batch = image.repeat(3);
            Augment::from(&settings).apply(&mut batch, shape, &mut Stream::new(seed, "augment"));

            let mut stream = Stream::new(seed, "augment");
            let mut others = vec![0.0; 2 * size];
            Augment::from(&before).apply(&mut others, shape, &mut stream);
            let mut third = image.clone();
            Augment::from(&settings).apply(&mut third, shape, &mut stream);
            prop_assert_eq!(&batch[2 * size..], &third[..]);
            // Nothing brighter than the brightest comes out of it, up to rounding.
            prop_assert!(batch.iter().all(|pixel| (0.0..=size as f32 * 1.00001).contains(pixel)));
        }

        #[test]
        fn switching_a_change_on_leaves_the_others_as_they_were(
            settings in settings(),
            seed in any::<u64>(),
        ) {
            let draw = |settings| Augment::from(&settings).draw(&mut Stream::new(seed, "augment"));
            let (all, alone) = (draw(settings), draw(topwork_schema::Augment { shift: settings.shift, ..OFF }));
            prop_assert_eq!(all.shift, alone.shift);
            let alone = draw(topwork_schema::Augment { crop: settings.crop, ..OFF });
            prop_assert_eq!(all.window, alone.window);
        }
    }
}
