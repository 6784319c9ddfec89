//! Scaling, to the bit as `resize` of Pillow 13 does it.
//!
//! Columns and rows are scaled one after the other and rounded to bytes in between, which cuts off what overshoots: with
//! [`Filter::Bicubic`] the order matters by up to 25 of 255, and is Pillow's. Floats are weighed in 64 bits and not cut off, as
//! Pillow does it in its mode `F`.

use crate::Filter;
use std::ops::Range;

/// Bits behind the point of a weight for bytes. A sum of products with bytes fits into 32 bits: that of the weights' amounts is
/// below 2.
const PRECISION: u32 = 32 - 8 - 2;

/// What of an image is scaled: from where to where, in pixels of its plane.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Where it begins, as precisely as Pillow knows it.
    pub from: f32,
    /// Where it ends.
    pub to: f32,
    /// How many pixels it becomes.
    pub pixels: usize,
}

impl Span {
    /// All of `length` pixels.
    pub fn whole(length: usize, pixels: usize) -> Span {
        Span {
            from: 0.0,
            to: length as f32,
            pixels,
        }
    }

    fn changes(&self, length: usize) -> bool {
        self.pixels != length || self.from != 0.0 || self.to != length as f32
    }

    /// Pixels of the plane for each one of the outcome.
    fn scale(&self) -> f64 {
        f64::from(self.to - self.from) / self.pixels as f64
    }
}

/// One channel of an image, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plane<T> {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width` × `height` of them.
    pub pixels: Vec<T>,
}

/// A part of what a plane becomes along one side.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub span: Span,
    /// Which of the span's pixels are wanted.
    pub wanted: Range<usize>,
}

impl From<Span> for Part {
    fn from(span: Span) -> Part {
        Part {
            span,
            wanted: 0..span.pixels,
        }
    }
}

/// The type of a pixel: `u8`, or `f32` where the image has floats.
pub trait Number: Copy + sealed::Sealed {}

impl Number for u8 {}
impl Number for f32 {}

mod sealed {
    /// How products of pixels and weights are added up.
    pub trait Sealed: Sized {
        type Weight: Copy;
        type Sum: Copy;
        const NOTHING: Self::Sum;
        fn weight(exact: f64) -> Self::Weight;
        fn add(sum: Self::Sum, pixel: Self, weight: Self::Weight) -> Self::Sum;
        fn rounded(sum: Self::Sum) -> Self;
    }
}

impl sealed::Sealed for u8 {
    type Weight = i32;
    type Sum = i32;
    const NOTHING: i32 = 0;

    fn weight(exact: f64) -> i32 {
        let fixed = exact * f64::from(1 << PRECISION);
        (fixed + 0.5_f64.copysign(fixed)) as i32
    }

    fn add(sum: i32, pixel: u8, weight: i32) -> i32 {
        sum + i32::from(pixel) * weight
    }

    fn rounded(sum: i32) -> u8 {
        ((sum + (1 << (PRECISION - 1))) >> PRECISION).clamp(0, 255) as u8
    }
}

impl sealed::Sealed for f32 {
    type Weight = f64;
    type Sum = f64;
    const NOTHING: f64 = 0.0;

    fn weight(exact: f64) -> f64 {
        exact
    }

    fn add(sum: f64, pixel: f32, weight: f64) -> f64 {
        sum + f64::from(pixel) * weight
    }

    fn rounded(sum: f64) -> f32 {
        sum as f32
    }
}

impl<T: Number> Plane<T> {
    /// The plane scaled.
    pub fn resized(self, columns: Span, rows: Span, filter: Filter) -> Plane<T> {
        self.part(&columns.into(), &rows.into(), filter)
    }

    /// A part of the plane as [`Plane::resized`] would give it.
    pub(crate) fn part(self, columns: &Part, rows: &Part, filter: Filter) -> Plane<T> {
        if filter == Filter::Nearest {
            return self.nearest(columns, rows);
        }
        let less = |from: usize, to: usize| from as i64 - to as i64;
        let (narrower, lower) = (
            less(self.width, columns.span.pixels),
            less(self.height, rows.span.pixels),
        );
        // Older versions of Pillow begin with the columns always.
        if lower > 0 && lower > 2 * narrower {
            self.rows(rows, filter).columns(columns, filter)
        } else {
            self.columns(columns, filter).rows(rows, filter)
        }
    }

    fn nearest(self, columns: &Part, rows: &Part) -> Plane<T> {
        let (from_columns, from_rows) = (places(self.width, columns), places(self.height, rows));
        let mut pixels = Vec::with_capacity(from_columns.len() * from_rows.len());
        for row in &from_rows {
            let row = &self.pixels[row * self.width..][..self.width];
            pixels.extend(from_columns.iter().map(|&column| row[column]));
        }
        Plane {
            width: from_columns.len(),
            height: from_rows.len(),
            pixels,
        }
    }

    fn columns(self, part: &Part, filter: Filter) -> Plane<T> {
        if !part.span.changes(self.width) {
            let rows = 0..self.height;
            return self.cut(part.wanted.clone(), rows);
        }
        let taps = taps::<T>(self.width, part, filter);
        let mut pixels = Vec::with_capacity(taps.len() * self.height);
        for row in self.pixels.chunks_exact(self.width) {
            pixels.extend(taps.iter().map(|tap| {
                let of = &row[tap.first..][..tap.weights.len()];
                let products = of.iter().zip(&tap.weights);
                T::rounded(products.fold(T::NOTHING, |sum, (&pixel, &weight)| {
                    T::add(sum, pixel, weight)
                }))
            }));
        }
        Plane {
            width: taps.len(),
            height: self.height,
            pixels,
        }
    }

    fn rows(self, part: &Part, filter: Filter) -> Plane<T> {
        if !part.span.changes(self.height) {
            let columns = 0..self.width;
            return self.cut(columns, part.wanted.clone());
        }
        let mut pixels = Vec::with_capacity(part.wanted.len() * self.width);
        let mut sums = vec![T::NOTHING; self.width];
        for tap in taps::<T>(self.height, part, filter) {
            sums.fill(T::NOTHING);
            for (row, &weight) in (tap.first..).zip(&tap.weights) {
                let of = &self.pixels[row * self.width..][..self.width];
                for (sum, &pixel) in sums.iter_mut().zip(of) {
                    *sum = T::add(*sum, pixel, weight);
                }
            }
            pixels.extend(sums.iter().copied().map(T::rounded));
        }
        Plane {
            width: self.width,
            height: part.wanted.len(),
            pixels,
        }
    }

    fn cut(self, columns: Range<usize>, rows: Range<usize>) -> Plane<T> {
        if columns.len() == self.width && rows.len() == self.height {
            return self;
        }
        let (width, height) = (columns.len(), rows.len());
        let kept = rows.flat_map(|row| &self.pixels[row * self.width..][columns.clone()]);
        Plane {
            width,
            height,
            pixels: kept.copied().collect(),
        }
    }
}

/// The pixels that make up one pixel of the outcome.
struct Tap<W> {
    first: usize,
    weights: Vec<W>,
}

fn taps<T: Number>(length: usize, part: &Part, filter: Filter) -> Vec<Tap<T::Weight>> {
    let scale = part.span.scale();
    let stretch = scale.max(1.0);
    let (support, per_pixel) = (filter.support() * stretch, 1.0 / stretch);
    let tap = |pixel: usize| {
        let centre = f64::from(part.span.from) + (pixel as f64 + 0.5) * scale;
        // A cast cuts off, and what is below 0 becomes 0.
        let first = ((centre - support + 0.5) as usize).min(length);
        let end = ((centre + support + 0.5) as usize).clamp(first, length);
        let weight = |at: usize| filter.weight((at as f64 - centre + 0.5) * per_pixel);
        let weights: Vec<f64> = (first..end).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        Tap {
            first,
            weights: weights
                .iter()
                .map(|weight| T::weight(weight / sum))
                .collect(),
        }
    };
    part.wanted.clone().map(tap).collect()
}

/// The pixel that each one of the outcome is, found step by step as Pillow does: the sums of a product and of steps differ.
fn places(length: usize, part: &Part) -> Vec<usize> {
    let step = part.span.scale();
    let mut at = f64::from(part.span.from) + step * 0.5;
    let mut places = Vec::with_capacity(part.wanted.len());
    for pixel in 0..part.wanted.end {
        if pixel >= part.wanted.start {
            places.push((at as usize).min(length - 1));
        }
        at += step;
    }
    places
}
