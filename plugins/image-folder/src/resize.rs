//! Scaling, to the bit as `resize(…, BICUBIC)` of Pillow 13 does it.
//!
//! The filter is the cubic of R. G. Keys with a = -0.5 ("Cubic convolution interpolation for digital image processing", IEEE
//! Transactions on Acoustics, Speech, and Signal Processing 29 (6), 1981). Its support grows when an image is made smaller, so
//! that every pixel counts. Columns and rows are scaled one after the other and rounded to bytes in between, which cuts off
//! what overshoots: the order matters by up to 25 of 255, and is Pillow's.

/// Bits behind the point of a weight. A sum of products with bytes fits into 32 bits: that of the weights' amounts is below 2.
const PRECISION: u32 = 32 - 8 - 2;

/// The filter reaches two pixels to either side.
const SUPPORT: f64 = 2.0;

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
}

/// One channel of an image, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plane {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width` × `height` of them.
    pub bytes: Vec<u8>,
}

impl Plane {
    /// The plane scaled.
    pub fn resized(self, columns: Span, rows: Span) -> Plane {
        let less = |from: usize, to: usize| from as i64 - to as i64;
        let (narrower, lower) = (
            less(self.width, columns.pixels),
            less(self.height, rows.pixels),
        );
        // Older versions of Pillow begin with the columns always.
        if lower > 0 && lower > 2 * narrower {
            self.rows(rows).columns(columns)
        } else {
            self.columns(columns).rows(rows)
        }
    }

    fn columns(self, span: Span) -> Plane {
        if !span.changes(self.width) {
            return self;
        }
        let taps = taps(self.width, span);
        let mut bytes = Vec::with_capacity(span.pixels * self.height);
        for row in self.bytes.chunks_exact(self.width) {
            bytes.extend(taps.iter().map(|tap| {
                let pixels = &row[tap.first..][..tap.weights.len()];
                let products = pixels.iter().zip(&tap.weights);
                rounded(
                    products
                        .map(|(&pixel, weight)| i32::from(pixel) * weight)
                        .sum(),
                )
            }));
        }
        Plane {
            width: span.pixels,
            height: self.height,
            bytes,
        }
    }

    fn rows(self, span: Span) -> Plane {
        if !span.changes(self.height) {
            return self;
        }
        let mut bytes = Vec::with_capacity(span.pixels * self.width);
        let mut sums = vec![0; self.width];
        for tap in taps(self.height, span) {
            sums.fill(0);
            for (row, weight) in (tap.first..).zip(&tap.weights) {
                let pixels = &self.bytes[row * self.width..][..self.width];
                for (sum, &pixel) in sums.iter_mut().zip(pixels) {
                    *sum += i32::from(pixel) * weight;
                }
            }
            bytes.extend(sums.iter().copied().map(rounded));
        }
        Plane {
            width: self.width,
            height: span.pixels,
            bytes,
        }
    }
}

/// The pixels that make up one pixel of the outcome.
struct Tap {
    first: usize,
    weights: Vec<i32>,
}

fn taps(length: usize, span: Span) -> Vec<Tap> {
    let scale = f64::from(span.to - span.from) / span.pixels as f64;
    let stretch = scale.max(1.0);
    let (support, per_pixel) = (SUPPORT * stretch, 1.0 / stretch);
    let tap = |pixel: usize| {
        let centre = f64::from(span.from) + (pixel as f64 + 0.5) * scale;
        // A cast cuts off, and what is below 0 becomes 0.
        let first = ((centre - support + 0.5) as usize).min(length);
        let end = ((centre + support + 0.5) as usize).clamp(first, length);
        let weight = |at: usize| cubic((at as f64 - centre + 0.5) * per_pixel);
        let weights: Vec<f64> = (first..end).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        let fixed = |weight: &f64| {
            let exact = weight / sum * f64::from(1 << PRECISION);
            (exact + 0.5_f64.copysign(exact)) as i32
        };
        Tap {
            first,
            weights: weights.iter().map(fixed).collect(),
        }
    };
    (0..span.pixels).map(tap).collect()
}

fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

fn rounded(sum: i32) -> u8 {
    ((sum + (1 << (PRECISION - 1))) >> PRECISION).clamp(0, 255) as u8
}
