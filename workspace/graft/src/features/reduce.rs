//! What is done with activations at a cut before a head gets them: pooled and brought to unit
//! length, image by image.

use topwork_schema::{Dims, Pool, Reduction, plain_map, pyramid_cells};

/// Activations at a cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activations {
    /// Their shape per sample.
    pub shape: Vec<usize>,
    /// How they lie, where the shape does not say it.
    pub dims: Option<Dims>,
}

impl Activations {
    /// Of a network that is built here: channels come first.
    pub fn plain(shape: &[usize]) -> Self {
        Self {
            shape: shape.to_vec(),
            dims: None,
        }
    }

    /// How many numbers they are.
    pub fn numbers(&self) -> usize {
        self.shape.iter().product()
    }

    /// Channels, height and width. What has no channels that anybody knows is never pooled.
    fn map(&self) -> [usize; 3] {
        let dims = self.dims.as_ref().and_then(Dims::map);
        dims.unwrap_or_else(|| plain_map(&self.shape))
    }

    /// One image with its channels first; `sorted` has room for it where they are not.
    fn channels_first<'a>(&self, image: &'a [f32], sorted: &'a mut Vec<f32>) -> &'a [f32] {
        let dims = self.dims.as_ref();
        let Some((dims, at)) = dims.and_then(|dims| Some((dims, dims.channels?))) else {
            return image;
        };
        let channels = dims.sizes[at];
        let inner: usize = dims.sizes[at + 1..].iter().product();
        sorted.clear();
        for channel in 0..channels {
            for outer in image.chunks_exact(channels * inner) {
                sorted.extend_from_slice(&outer[channel * inner..(channel + 1) * inner]);
            }
        }
        sorted
    }
}

/// The shape of what comes out. A vector counts as channels of one pixel each.
pub fn shape(activations: &Activations, reduction: Reduction) -> Vec<usize> {
    let [channels, height, width] = activations.map();
    match reduction.pool {
        // No plan takes tokens of what has none: a vector stays what it is.
        Some(pool) if pool.is_of_tokens() && activations.shape.len() == 1 => {
            activations.shape.clone()
        }
        Some(Pool::Gap | Pool::Gmp | Pool::ClassToken | Pool::MeanTokens) => vec![channels],
        Some(Pool::ClassMean) => vec![2 * channels],
        Some(Pool::Flatten) => vec![channels * height * width],
        Some(Pool::Pyramid) => vec![channels * pyramid_cells(height, width).count()],
        // Lengths are those of vectors.
        None if reduction.l2 => vec![channels * height * width],
        None => activations.shape.clone(),
    }
}

/// Reduces the activations of several images, one after the other, into `out`, which has room for
/// as many results.
pub fn apply(activations: &Activations, reduction: Reduction, from: &[f32], out: &mut [f32]) {
    let [channels, height, width] = activations.map();
    let (plane, results) = (height * width, shape(activations, reduction));
    let len: usize = results.iter().product();
    let mut sorted = Vec::new();
    for (image, result) in from
        .chunks_exact(channels * plane)
        .zip(out.chunks_exact_mut(len))
    {
        let image = match reduction.pool {
            // All numbers stay in their order.
            Some(Pool::Flatten) | None => image,
            Some(pool) if pool.is_of_tokens() => image,
            Some(_) => activations.channels_first(image, &mut sorted),
        };
        match reduction.pool {
            Some(Pool::Gap) => {
                for (result, plane) in result.iter_mut().zip(image.chunks_exact(plane)) {
                    let sum: f64 = plane.iter().map(|value| f64::from(*value)).sum();
                    *result = (sum / plane.len() as f64) as f32;
                }
            }
            Some(Pool::Gmp) => {
                for (result, plane) in result.iter_mut().zip(image.chunks_exact(plane)) {
                    *result = largest(plane.iter());
                }
            }
            Some(Pool::Pyramid) => {
                let each = len / channels;
                for (results, plane) in result.chunks_exact_mut(each).zip(image.chunks_exact(plane))
                {
                    pyramid(plane, height, width, results);
                }
            }
            Some(pool) if pool.is_of_tokens() && activations.dims.is_some() => {
                let leading = activations.dims.as_ref().and_then(|dims| dims.leading);
                tokens(image, channels, leading.unwrap_or(0), pool, result);
            }
            Some(_) | None => result.copy_from_slice(image),
        }
        if reduction.l2 {
            let squares: f64 = result.iter().map(|value| f64::from(*value).powi(2)).sum();
            // A vector of zeros has no direction and stays.
            if squares > 0.0 {
                let length = squares.sqrt();
                for value in result {
                    *value = (f64::from(*value) / length) as f32;
                }
            }
        }
    }
}

/// Of tokens of so many numbers, `leading` of which are none of patches, the class token, the mean of the patches, or both.
fn tokens(image: &[f32], width: usize, leading: usize, pool: Pool, result: &mut [f32]) {
    let class = match pool {
        Pool::MeanTokens => 0,
        _ => width.min(result.len()),
    };
    let (class, mean) = result.split_at_mut(class);
    class.copy_from_slice(&image[..class.len()]);
    let patches = &image[leading * width..];
    let count = patches.len() / width;
    for (column, mean) in mean.iter_mut().enumerate() {
        let values = patches[column..].iter().step_by(width);
        let sum: f64 = values.map(|value| f64::from(*value)).sum();
        *mean = (sum / count as f64) as f32;
    }
}

/// The maxima of one channel over the cells of every grid.
fn pyramid(plane: &[f32], height: usize, width: usize, out: &mut [f32]) {
    for (out, (rows, columns)) in out.iter_mut().zip(pyramid_cells(height, width)) {
        let values = rows.flat_map(|y| &plane[y * width..][columns.clone()]);
        *out = largest(values);
    }
}

fn largest<'a>(values: impl Iterator<Item = &'a f32>) -> f32 {
    values.copied().fold(f32::NEG_INFINITY, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reduction(pool: Option<Pool>, l2: bool) -> Reduction {
        Reduction {
            pool,
            l2,
            pca: None,
        }
    }

    #[test]
    fn activations_are_reduced() {
        let ramp = |count: usize| -> Vec<f32> { (0..count).map(|n| n as f32).collect() };
        type Case<'a> = (&'a [usize], Option<Pool>, bool, &'a [usize], &'a [f32]);
        let cases: &[Case<'_>] = &[
            (&[2, 1, 2], None, false, &[2, 1, 2], &[0.0, 1.0, 2.0, 3.0]),
            (&[2, 1, 2], Some(Pool::Gap), false, &[2], &[0.5, 2.5]),
            (&[2, 1, 2], Some(Pool::Gmp), false, &[2], &[1.0, 3.0]),
            (
                &[2, 1, 2],
                Some(Pool::Flatten),
                false,
                &[4],
                &[0.0, 1.0, 2.0, 3.0],
            ),
            (&[2, 1, 2], Some(Pool::Pyramid), false, &[2], &[1.0, 3.0]),
            (
                &[1, 2, 3],
                Some(Pool::Pyramid),
                false,
                &[5],
                &[5.0, 1.0, 2.0, 4.0, 5.0],
            ),
            (&[3], Some(Pool::Gap), false, &[3], &[0.0, 1.0, 2.0]),
            (&[2, 1, 1], None, true, &[2], &[0.0, 1.0]),
            (&[1, 1, 1], Some(Pool::Gap), true, &[1], &[0.0]),
        ];
        for (activations, pool, l2, expected, values) in cases {
            let reduction = reduction(*pool, *l2);
            let activations = &Activations::plain(activations);
            assert_eq!(
                shape(activations, reduction),
                *expected,
                "{activations:?} {pool:?}"
            );
            let mut out = vec![f32::NAN; values.len()];
            let from = ramp(activations.numbers());
            apply(activations, reduction, &from, &mut out);
            assert_eq!(out, *values, "{activations:?} {pool:?}");
        }
    }

    /// Two images of 2×2 pixels and 3 channels, and the same numbers as four tokens of 3.
    #[test]
    fn channels_are_pooled_wherever_they_lie() {
        let from: Vec<f32> = (0..24).map(|n| n as f32).collect();
        let lain = |shape: &[usize], sizes: &[usize], channels| Activations {
            shape: shape.to_vec(),
            dims: Some(Dims {
                sizes: sizes.to_vec(),
                channels,
                leading: None,
            }),
        };
        let last = lain(&[2, 2, 3], &[2, 2, 3], Some(2));
        let tokens = lain(&[12], &[4, 3], Some(1));
        let first = lain(&[12], &[3, 4], Some(0));
        let unknown = lain(&[12], &[3, 4], None);
        let mean = [4.5, 5.5, 6.5, 16.5, 17.5, 18.5];
        let cases: [(&Activations, Option<Pool>, &[f32]); 5] = [
            (&last, Some(Pool::Gap), &mean),
            (&tokens, Some(Pool::Gap), &mean),
            (&first, Some(Pool::Gap), &[1.5, 5.5, 9.5, 13.5, 17.5, 21.5]),
            (&last, Some(Pool::Flatten), &from),
            (&unknown, None, &from),
        ];
        for (activations, pool, expected) in cases {
            let mut out = vec![f32::NAN; expected.len()];
            apply(activations, reduction(pool, false), &from, &mut out);
            assert_eq!(out, expected, "{activations:?} {pool:?}");
        }
        let pyramid = reduction(Some(Pool::Pyramid), false);
        let mut out = vec![f32::NAN; 30];
        apply(&last, pyramid, &from, &mut out);
        assert_eq!(
            out[..10],
            [9.0, 0.0, 3.0, 6.0, 9.0, 10.0, 1.0, 4.0, 7.0, 10.0]
        );
    }

    /// A class token, a register and three patches of two numbers each, of two images.
    #[test]
    fn tokens_are_taken_by_what_they_are() {
        let from: Vec<f32> = (0..20).map(|n| n as f32).collect();
        let sequence = Activations {
            shape: vec![5, 2],
            dims: Some(Dims::tokens(5, 2, 2)),
        };
        let cases: [(Pool, &[f32]); 5] = [
            (Pool::ClassToken, &[0.0, 1.0, 10.0, 11.0]),
            (Pool::MeanTokens, &[6.0, 7.0, 16.0, 17.0]),
            (
                Pool::ClassMean,
                &[0.0, 1.0, 6.0, 7.0, 10.0, 11.0, 16.0, 17.0],
            ),
            (Pool::Gap, &[4.0, 5.0, 14.0, 15.0]),
            (Pool::Gmp, &[8.0, 9.0, 18.0, 19.0]),
        ];
        for (pool, expected) in cases {
            let reduction = reduction(Some(pool), false);
            let mut out = vec![f32::NAN; expected.len()];
            assert_eq!(shape(&sequence, reduction), [expected.len() / 2]);
            apply(&sequence, reduction, &from, &mut out);
            assert_eq!(out, expected, "{pool:?}");
        }
    }

    #[test]
    fn a_finer_grid_needs_a_larger_map() {
        for (side, expected) in [(1, 1), (2, 5), (3, 5), (4, 21), (7, 21)] {
            let map = Activations::plain(&[3, side, side]);
            let shape = shape(&map, reduction(Some(Pool::Pyramid), false));
            assert_eq!(shape, [3 * expected], "{side}");
        }
    }

    #[test]
    fn images_do_not_mix_and_have_length_one() {
        let from = [3.0, 4.0, 0.0, 0.0, 0.0, -2.0];
        let mut out = [f32::NAN; 6];
        apply(
            &Activations::plain(&[2]),
            reduction(None, true),
            &from,
            &mut out,
        );
        assert_eq!(out, [0.6, 0.8, 0.0, 0.0, 0.0, -1.0]);
    }
}
