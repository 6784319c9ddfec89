//! TIFF files of all forms, built here number by number: what they must show follows from their numbers and from TIFF 6.0.

use crate::{Place, pixels};
use serde_json::json;

/// Sides of every image: no row but those of bytes ends with a byte.
const WIDTH: usize = 5;
const HEIGHT: usize = 3;

/// The entries that say how numbers are meant, beside sizes and places.
#[derive(Clone)]
struct Form {
    bits: u32,
    channels: usize,
    colours: u16,
    little: bool,
    planar: bool,
    /// Tag and values of further entries.
    more: Vec<(u16, Vec<u16>)>,
}

impl Form {
    fn new(bits: u32, channels: usize, colours: u16) -> Form {
        let more = Vec::new();
        let (little, planar) = (true, false);
        Form {
            bits,
            channels,
            colours,
            little,
            planar,
            more,
        }
    }

    fn with(mut self, tag: u16, values: &[u16]) -> Form {
        self.more.push((tag, values.to_vec()));
        self
    }

    fn short(&self, number: u16) -> [u8; 2] {
        if self.little {
            number.to_le_bytes()
        } else {
            number.to_be_bytes()
        }
    }

    fn long(&self, number: usize) -> [u8; 4] {
        let number = number as u32;
        if self.little {
            number.to_le_bytes()
        } else {
            number.to_be_bytes()
        }
    }

    /// Rows of numbers, each row beginning with a byte of its own.
    fn packed(&self, numbers: &[u16], per_row: usize) -> Vec<u8> {
        let row = |row: &[u16]| -> Vec<u8> {
            if self.bits == 16 {
                return row.iter().flat_map(|&number| self.short(number)).collect();
            }
            let bit = |number: u16, at: u32| number >> (self.bits - 1 - at) & 1;
            let bits: Vec<u16> = row
                .iter()
                .flat_map(|&n| (0..self.bits).map(move |at| bit(n, at)))
                .collect();
            let byte = |bits: &[u16]| {
                (0..8).fold(0, |byte, at| byte << 1 | *bits.get(at).unwrap_or(&0) as u8)
            };
            bits.chunks(8).map(byte).collect()
        };
        numbers.chunks(per_row).flat_map(row).collect()
    }

    /// The file of these numbers, channel by channel within a pixel.
    fn file(&self, numbers: &[u16]) -> Vec<u8> {
        let strips: Vec<Vec<u8>> = match self.planar {
            true => (0..self.channels)
                .map(|channel| {
                    numbers
                        .iter()
                        .skip(channel)
                        .step_by(self.channels)
                        .copied()
                        .collect::<Vec<u16>>()
                })
                .map(|plane| self.packed(&plane, WIDTH))
                .collect(),
            false => vec![self.packed(numbers, WIDTH * self.channels)],
        };
        self.around(&strips)
    }

    /// The file around these strips.
    fn around(&self, strips: &[Vec<u8>]) -> Vec<u8> {
        let mut entries: Vec<(u16, Vec<u16>)> = vec![
            (256, vec![WIDTH as u16]),
            (257, vec![HEIGHT as u16]),
            (258, vec![self.bits as u16; self.channels]),
            (259, vec![1]),
            (262, vec![self.colours]),
            (277, vec![self.channels as u16]),
            (278, vec![HEIGHT as u16]),
            (284, vec![if self.planar { 2 } else { 1 }]),
        ];
        entries.retain(|(tag, _)| !self.more.iter().any(|(other, _)| other == tag));
        entries.extend(self.more.clone());
        entries.push((273, Vec::new()));
        entries.push((279, Vec::new()));
        entries.sort();
        let mut data = Vec::new();
        let begin = 8 + 2 + 12 * entries.len() + 4;
        let mut keep = |bytes: Vec<u8>| {
            let place = begin + data.len();
            data.extend(bytes);
            data.resize(data.len().next_multiple_of(2), 0);
            place
        };
        let places: Vec<usize> = strips.iter().map(|strip| keep(strip.clone())).collect();
        let lengths: Vec<usize> = strips.iter().map(Vec::len).collect();
        let mut directory = self.short(entries.len() as u16).to_vec();
        for (tag, values) in &entries {
            let (kind, count, bytes): (u16, usize, Vec<u8>) = match tag {
                273 => (
                    4,
                    places.len(),
                    places.iter().flat_map(|&n| self.long(n)).collect(),
                ),
                279 => (
                    4,
                    lengths.len(),
                    lengths.iter().flat_map(|&n| self.long(n)).collect(),
                ),
                _ => (
                    3,
                    values.len(),
                    values.iter().flat_map(|&n| self.short(n)).collect(),
                ),
            };
            directory.extend(self.short(*tag));
            directory.extend(self.short(kind));
            directory.extend(self.long(count));
            match bytes.len() {
                0..=4 => directory.extend([bytes, vec![0; 4]].concat()[..4].iter()),
                _ => directory.extend(self.long(keep(bytes))),
            }
        }
        directory.extend([0; 4]);
        let mut file = if self.little {
            b"II".to_vec()
        } else {
            b"MM".to_vec()
        };
        file.extend(self.short(42));
        file.extend(self.long(8));
        [file, directory, data].concat()
    }
}

/// Numbers of so many bits that look like none in particular, the darkest and the brightest among them.
fn numbers(bits: u32, channels: usize) -> Vec<u16> {
    let most = (1_u32 << bits) - 1;
    let mut numbers: Vec<u16> = (0..(WIDTH * HEIGHT * channels) as u32)
        .map(|at| (at.wrapping_mul(40_503).wrapping_add(977) >> 3 & most) as u16)
        .collect();
    numbers[0] = 0;
    numbers[channels] = most as u16;
    numbers
}

fn byte(number: u16, bits: u32) -> u8 {
    (f64::from(number) * 255.0 / f64::from((1_u32 << bits) - 1)).round() as u8
}

/// What a file shows over white; an `Err` is the line about it.
fn shown(file: &[u8]) -> Result<Vec<[u8; 3]>, String> {
    let place = Place::empty();
    place.plain("images/a/good.png", [1, 2, 3]);
    place.write("images/b/b.tif", file);
    let dataset = place
        .open(json!({ "size": [HEIGHT, WIDTH], "fit": "stretch" }))
        .unwrap();
    match dataset.labels("train").unwrap().len() {
        2 => Ok(pixels(&dataset, "train", 1)),
        _ => Err(place.lines().join("\n")),
    }
}

/// Compares all channels of all pixels; `within` allows for rounding.
fn check(form: &Form, numbers: &[u16], within: u8, expected: impl Fn(&[u8]) -> [u8; 3]) {
    let bytes: Vec<u8> = numbers
        .iter()
        .map(|&number| byte(number, form.bits))
        .collect();
    let expected: Vec<[u8; 3]> = bytes.chunks(form.channels).map(expected).collect();
    let found = shown(&form.file(numbers)).unwrap();
    for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
        let Form {
            bits,
            channels,
            colours,
            little,
            planar,
            more,
        } = form;
        let what = format!(
            "{bits} bits, {channels} channels, colours {colours}, {little} {planar} {more:?}"
        );
        assert!(
            found.abs_diff(*expected) <= within,
            "{what}: {found}, expected {expected}"
        );
    }
}

/// The byte orders, and channels together or apart.
fn forms(bits: u32, channels: usize, colours: u16) -> impl Iterator<Item = Form> {
    let form = Form::new(bits, channels, colours);
    [(true, false), (true, true), (false, false), (false, true)]
        .into_iter()
        .map(move |(little, planar)| Form {
            little,
            planar,
            ..form.clone()
        })
}

fn over_white(colour: u8, opacity: u8) -> u8 {
    let (colour, opacity) = (f64::from(colour), f64::from(opacity) / 255.0);
    (colour * opacity + 255.0 * (1.0 - opacity)).round() as u8
}

#[test]
fn numbers_of_all_widths_become_bytes() {
    for bits in 1..=16 {
        for form in forms(bits, 1, 1) {
            check(&form, &numbers(bits, 1), 0, |pixel| [pixel[0]; 3]);
        }
        for form in forms(bits, 1, 0) {
            check(&form, &numbers(bits, 1), 0, |pixel| [255 - pixel[0]; 3]);
        }
        for form in forms(bits, 3, 2) {
            check(&form, &numbers(bits, 3), 0, |pixel| {
                [pixel[0], pixel[1], pixel[2]]
            });
        }
    }
}

#[test]
fn lists_of_colours_are_looked_up() {
    for bits in [1, 2, 4, 8] {
        let colours = 1_u16 << bits;
        let map: Vec<u16> = (0..3 * colours)
            .map(|at| (at.wrapping_mul(113) & 255) << 8)
            .collect();
        let colour = |number: u16| {
            [0, 1, 2].map(|channel| (map[usize::from(channel * colours + number)] >> 8) as u8)
        };
        // Some programs write bytes where words belong.
        let small: Vec<u16> = map.iter().map(|value| value >> 8).collect();
        for (map, form) in forms(bits, 1, 3).flat_map(|form| [(&map, form.clone()), (&small, form)])
        {
            let numbers = numbers(bits, 1);
            let expected: Vec<[u8; 3]> = numbers.iter().map(|&number| colour(number)).collect();
            assert_eq!(
                shown(&form.with(320, map).file(&numbers)).unwrap(),
                expected,
                "{bits} bits"
            );
        }
    }
}

#[test]
fn opacity_is_what_the_file_calls_so() {
    for bits in [4, 8, 12, 16] {
        for form in forms(bits, 2, 1) {
            let numbers = numbers(bits, 2);
            check(&form.clone().with(338, &[2]), &numbers, 0, |pixel| {
                [over_white(pixel[0], pixel[1]); 3]
            });
            check(&form.with(338, &[0]), &numbers, 0, |pixel| [pixel[0]; 3]);
        }
        for form in forms(bits, 4, 2) {
            let numbers = numbers(bits, 4);
            let over = |pixel: &[u8]| [0, 1, 2].map(|channel| over_white(pixel[channel], pixel[3]));
            check(&form.clone().with(338, &[2]), &numbers, 0, over);
            check(&form, &numbers, 0, over);
            let opaque = |pixel: &[u8]| [pixel[0], pixel[1], pixel[2]];
            check(&form.clone().with(338, &[0]), &numbers, 0, opaque);
            // Not said to be opacity, and then nothing could be seen.
            let unseen: Vec<u16> = (numbers.chunks(4))
                .flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 0])
                .collect();
            check(&form, &unseen, 0, opaque);
            let multiplied: Vec<u16> = (numbers.chunks(4))
                .flat_map(|pixel| {
                    let most = (1_u32 << bits) - 1;
                    let part =
                        |at: usize| (u32::from(pixel[at]) * u32::from(pixel[3]) / most) as u16;
                    [part(0), part(1), part(2), pixel[3]]
                })
                .collect();
            let premultiplied = |pixel: &[u8]| {
                [0, 1, 2].map(|channel| pixel[channel].saturating_add(255 - pixel[3]))
            };
            check(&form.with(338, &[1]), &multiplied, 1, premultiplied);
        }
    }
}

#[test]
fn inks_and_colour_differences_become_colours() {
    for bits in [8, 16] {
        for form in forms(bits, 4, 5) {
            let light = |ink: u8, black: u8| {
                let light = |ink: u8| 1.0 - f64::from(ink) / 255.0;
                (255.0 * light(ink) * light(black)).round() as u8
            };
            let expected = |pixel: &[u8]| [0, 1, 2].map(|ink| light(pixel[ink], pixel[3]));
            check(&form, &numbers(bits, 4), 1, expected);
        }
    }
    for form in forms(8, 3, 6) {
        // As in JFIF.
        let expected = |pixel: &[u8]| {
            let [y, cb, cr] = [0, 1, 2].map(|at| f64::from(pixel[at]));
            let (cb, cr) = (cb - 128.0, cr - 128.0);
            [
                y + 1.402 * cr,
                y - 0.344_136 * cb - 0.714_136 * cr,
                y + 1.772 * cb,
            ]
            .map(|c| c.round().clamp(0.0, 255.0) as u8)
        };
        check(&form.with(530, &[1, 1]), &numbers(8, 3), 1, expected);
    }
}

#[test]
fn bits_may_come_in_the_other_order() {
    for bits in [1, 4, 8] {
        let form = Form::new(bits, 1, 1);
        let numbers = numbers(bits, 1);
        let reversed: Vec<u8> = form
            .packed(&numbers, WIDTH)
            .iter()
            .map(|byte| byte.reverse_bits())
            .collect();
        let expected: Vec<[u8; 3]> = numbers
            .iter()
            .map(|&number| [byte(number, bits); 3])
            .collect();
        assert_eq!(
            shown(&form.with(266, &[2]).around(&[reversed])).unwrap(),
            expected,
            "{bits} bits"
        );
    }
}

#[test]
fn floats_are_read_up_to_1_and_up_to_255() {
    let file = |white: f64, width: u32, little: bool| {
        let mut form = Form::new(width, 1, 1).with(339, &[3]);
        form.little = little;
        let bytes = (0..WIDTH * HEIGHT).flat_map(|at| {
            let number = at as f64 / 14.0 * white;
            let mut bytes = match width {
                32 => (number as f32).to_le_bytes().to_vec(),
                _ => number.to_le_bytes().to_vec(),
            };
            if !little {
                bytes.reverse();
            }
            bytes
        });
        form.around(&[bytes.collect()])
    };
    let ramp: Vec<[u8; 3]> = (0..15)
        .map(|at| [(f64::from(at) / 14.0 * 255.0).round() as u8; 3])
        .collect();
    for (width, little) in [(32, true), (32, false), (64, true), (64, false)] {
        for white in [1.0, 255.0] {
            assert_eq!(
                shown(&file(white, width, little)).unwrap(),
                ramp,
                "{white} {width} {little}"
            );
        }
    }
    let told = |white| shown(&file(white, 32, true)).unwrap_err();
    assert!(
        told(256.0).contains("`b/b.tif`: holds floats from 0 to 256, expected 0 to 1 or 0 to 255")
    );
    assert!(told(-1.0).contains("holds floats from -1 to"));
    assert!(told(f64::NAN).contains("some of which are no numbers (NaN)"));
}

#[test]
fn forms_that_need_a_guess_are_refused_in_words() {
    let grey = || Form::new(8, 1, 1);
    let zeros = |form: Form| form.around(&[vec![0; 4 * WIDTH * HEIGHT * form.channels]]);
    let cases = [
        grey().with(258, &[32]),
        grey().with(258, &[16]).with(339, &[2]),
        grey().with(258, &[24]).with(339, &[3]),
        grey().with(339, &[6]),
        grey().with(259, &[3]),
        grey().with(259, &[6]),
        grey().with(259, &[34_712]),
        grey().with(259, &[50_000]),
        grey().with(259, &[4242]),
        grey().with(262, &[4]),
        grey().with(262, &[3]),
        Form::new(8, 3, 8),
        Form::new(8, 3, 32_803),
        Form::new(8, 3, 1),
        Form::new(8, 2, 2),
        Form::new(8, 3, 6),
        Form::new(8, 3, 2).with(258, &[5, 6, 5]),
        Form::new(8, 4, 5).with(332, &[2]),
        Form::new(8, 2, 0).with(338, &[1]),
        Form::new(4, 1, 1).with(317, &[2]),
        Form::new(8, 2, 1).with(259, &[7]),
        grey().with(256, &[0]),
        grey().with(256, &[60_000]).with(257, &[60_000]),
    ];
    let told: Vec<String> = (cases.into_iter())
        .map(|form| shown(&zeros(form)).unwrap_err())
        .map(|line| line.split_once("`b/b.tif`: ").unwrap().1.to_owned())
        .map(|line| line.split('\n').next().unwrap().to_owned())
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

/// Files that libtiff compressed, by how.
pub const COMPRESSED: [(&str, &[u8]); 5] = [
    ("lzw with differences", include_bytes!("tiff/lzw.tif")),
    ("deflate", include_bytes!("tiff/deflate.tif")),
    ("packbits", include_bytes!("tiff/packbits.tif")),
    ("jpeg", include_bytes!("tiff/jpeg.tif")),
    ("fax", include_bytes!("tiff/fax.tif")),
];

#[test]
fn files_that_libtiff_compressed_are_read() {
    // 16 × 16 pixels, made by Pillow: the left half red, the right half blue; and black and white in the same halves.
    let coloured = [[255, 0, 0], [0, 0, 255]];
    let black_and_white = [[0; 3], [255; 3]];
    let halves = [coloured, coloured, coloured, coloured, black_and_white];
    for ((name, file), [left, right]) in COMPRESSED.iter().zip(halves) {
        let place = Place::empty();
        place.write("images/a/a.tif", file);
        let dataset = place.open(json!({ "size": 16 })).unwrap();
        let found = pixels(&dataset, "train", 0);
        assert_eq!([found[0], found[15]], [left, right], "{name}");
    }
}
