//! Examples that are measured and whose features are nearly those of an example that is learnt from.

use crate::{GraftError, features::Rows};

/// Features with a larger cosine are nearly the same.
pub const NEAR: f32 = 0.999;

/// Multiplications that may be spent on looking: a few seconds.
const MOST: u64 = 1 << 33;

/// Directions that vectors are told apart by before they are compared in full.
const DIRECTIONS: usize = 8;

/// Where more of all pairs are near than this share, the features do not tell images apart.
const ORDINARY: f64 = 0.001;

/// So many measured and so many learnt examples, evenly spaced, tell how ordinary near pairs are.
const SAMPLED: [usize; 2] = [200, 1000];

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub enum NearFound {
    /// Each measured example that has a near one, ascending, with the nearest of those.
    Pairs(Vec<NearPair>),
    /// Near pairs are so common that they say nothing: the features do not tell images apart so finely, as
    /// those of random or of very early layers may.
    Ordinary,
    /// Looking would take too long.
    TooMany,
}

/// Two examples with nearly the same features.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NearPair {
    /// The one that is measured.
    pub measured: usize,
    /// The nearest one that is learnt from.
    pub learnt: usize,
    /// The cosine of their features.
    pub cosine: f32,
}

/// Looks for examples of `measured` that are near one of `learnt` to which `counts` says yes; it has the two
/// examples. `go_on` is asked now and then.
///
/// Every near pair is found: unit vectors with a cosine above 0.999 are closer than √0.002, and so are
/// their projections on any orthonormal directions, by which most pairs are passed over.
pub fn near(
    measured: &Rows,
    learnt: &Rows,
    counts: impl Fn(usize, usize) -> bool,
    mut go_on: impl FnMut() -> Result<(), GraftError>,
) -> Result<NearFound, GraftError> {
    let (dim, few) = (
        measured.dim.max(1),
        [measured, learnt].map(|rows| rows.examples.len()),
    );
    let mut left = Some(MOST);
    let mut spend = |multiplications: u64| {
        left = left.and_then(|left| left.checked_sub(multiplications));
        left.is_some()
    };
    let projecting = (few[0] + few[1]) as u64 * (dim * (DIRECTIONS + 1)) as u64;
    if few.contains(&0) || measured.dim != learnt.dim {
        return Ok(NearFound::Pairs(Vec::new()));
    }
    if !spend(projecting) {
        return Ok(NearFound::TooMany);
    }
    let near = |a: &[f32], b: &[f32]| cosine(a, b).filter(|cosine| *cosine > NEAR);
    let step = |rows: usize| few[rows].div_ceil(SAMPLED[rows]);
    let (mut pairs, mut ordinary) = (0_u64, 0_u64);
    for a in (0..few[0]).step_by(step(0)) {
        for b in (0..few[1]).step_by(step(1)) {
            if counts(measured.examples[a], learnt.examples[b]) {
                pairs += 1;
                ordinary += u64::from(near(measured.row(a), learnt.row(b)).is_some());
            }
        }
    }
    // Of few examples a single near one is a large share already.
    let most = ORDINARY.max(3.0 / few[1] as f64);
    if ordinary as f64 > most * pairs as f64 {
        return Ok(NearFound::Ordinary);
    }
    go_on()?;
    let directions = directions(learnt);
    let project = |rows: &Rows, row: usize| -> Option<[f32; DIRECTIONS]> {
        let vector = rows.row(row);
        let length = dot(vector, vector).sqrt();
        (length > 0.0).then(|| {
            let mut places = [0.0; DIRECTIONS];
            for (place, direction) in places.iter_mut().zip(&directions) {
                *place = dot(vector, direction) / length;
            }
            places
        })
    };
    let mut places: Vec<([f32; DIRECTIONS], usize)> = (0..few[1])
        .filter_map(|row| Some((project(learnt, row)?, row)))
        .collect();
    places.sort_unstable_by(|a, b| a.0[0].total_cmp(&b.0[0]).then(a.1.cmp(&b.1)));
    // The distance, and a little for rounding.
    let reach = (2.0 * (1.0 - NEAR)).sqrt() + 1e-3;
    let mut found = Vec::new();
    for row in 0..few[0] {
        if row % 256 == 0 {
            go_on()?;
        }
        let Some(place) = project(measured, row) else {
            continue;
        };
        let first = places.partition_point(|(other, _)| other[0] < place[0] - reach);
        let example = measured.examples[row];
        let mut best: Option<NearPair> = None;
        for (other, row_of_other) in &places[first..] {
            if other[0] > place[0] + reach {
                break;
            }
            if !spend(DIRECTIONS as u64) {
                return Ok(NearFound::TooMany);
            }
            let apart = place.iter().zip(other).map(|(a, b)| (a - b).powi(2));
            if apart.sum::<f32>() > reach * reach {
                continue;
            }
            if !spend(3 * dim as u64) {
                return Ok(NearFound::TooMany);
            }
            let other = learnt.examples[*row_of_other];
            let cosine = near(measured.row(row), learnt.row(*row_of_other));
            let better = |best: &NearPair, cosine| {
                cosine > best.cosine || (cosine == best.cosine && other < best.learnt)
            };
            if let Some(cosine) = cosine
                && counts(example, other)
                && best.as_ref().is_none_or(|best| better(best, cosine))
            {
                best = Some(NearPair {
                    measured: example,
                    learnt: other,
                    cosine,
                });
            }
        }
        found.extend(best);
    }
    Ok(NearFound::Pairs(found))
}

/// Orthonormal directions between examples far apart in the list, in which they are likely to differ.
fn directions(rows: &Rows) -> Vec<Vec<f32>> {
    let count = rows.examples.len();
    let mut found: Vec<Vec<f32>> = Vec::new();
    for number in 0..DIRECTIONS {
        let a = number * count / (2 * DIRECTIONS);
        let b = count / 2 + a;
        let mut direction: Vec<f32> = (unit(rows.row(a)).iter())
            .zip(unit(rows.row(b.min(count - 1))))
            .map(|(a, b)| a - b)
            .collect();
        // Twice, since the first time leaves what rounding leaves.
        for _ in 0..2 {
            for known in &found {
                let part = dot(&direction, known);
                for (number, known) in direction.iter_mut().zip(known) {
                    *number -= part * known;
                }
            }
        }
        let length = dot(&direction, &direction).sqrt();
        if length > 1e-3 {
            direction.iter_mut().for_each(|number| *number /= length);
            found.push(direction);
        }
    }
    found
}

/// The cosine of two vectors; `None` where one is zero.
fn cosine(a: &[f32], b: &[f32]) -> Option<f32> {
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    (lengths > 0.0).then(|| dot(a, b) / lengths)
}

fn unit(vector: &[f32]) -> Vec<f32> {
    let length = dot(vector, vector).sqrt().max(f32::MIN_POSITIVE);
    vector.iter().map(|number| number / length).collect()
}

/// In eight sums, which the processor adds at once.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a8, b8) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0_f32; 8];
    for (a, b) in a8.0.iter().zip(b8.0) {
        for place in 0..8 {
            sums[place] += a[place] * b[place];
        }
    }
    let rest: f32 = a8.1.iter().zip(b8.1).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::Values;
    use proptest::prelude::*;

    fn rows(vectors: &[Vec<f32>]) -> Rows {
        Rows {
            examples: (0..vectors.len()).map(|row| row * 2 + 1).collect(),
            values: Values::Computed(vectors.concat()),
            dim: vectors.first().map_or(1, Vec::len),
            seconds: 0.0,
        }
    }

    fn found(measured: &[Vec<f32>], learnt: &[Vec<f32>]) -> NearFound {
        near(&rows(measured), &rows(learnt), |_, _| true, || Ok(())).unwrap()
    }

    /// What a comparison of every pair finds, in double precision.
    fn plainly(measured: &[Vec<f32>], learnt: &[Vec<f32>]) -> Vec<usize> {
        let product = |a: &[f32], b: &[f32]| -> f64 {
            a.iter()
                .zip(b)
                .map(|(a, b)| f64::from(*a) * f64::from(*b))
                .sum()
        };
        let is_near = |a: &[f32]| {
            let cosine = |b: &Vec<f32>| product(a, b) / (product(a, a) * product(b, b)).sqrt();
            learnt.iter().any(|b| cosine(b) > f64::from(NEAR))
        };
        let near = measured.iter().enumerate().filter(|(_, a)| is_near(a));
        near.map(|(row, _)| row * 2 + 1).collect()
    }

    proptest! {
        #[test]
        fn every_near_pair_is_found_and_no_other(
            base in prop::collection::vec(prop::collection::vec(-1.0_f32..1.0, 11), 4..60),
            near in prop::collection::vec((0_usize..60, 0.5_f32..4.0, 0.0_f32..0.06, prop::collection::vec(-1.0_f32..1.0, 11)), 1..6),
        ) {
            // Some of the measured ones are learnt ones, scaled and shifted a little.
            let shifted = near.iter().map(|(row, scale, far, shift)| -> Vec<f32> {
                let row = &base[row % base.len()];
                row.iter().zip(shift).map(|(number, shift)| scale * (number + far * shift)).collect()
            });
            let others = base.iter().step_by(3).map(|row| row.iter().map(|number| number.powi(3) - 0.1).collect());
            let measured: Vec<Vec<f32>> = shifted.chain(others).collect();
            if let NearFound::Pairs(pairs) = found(&measured, &base) {
                let found: Vec<usize> = pairs.iter().map(|pair| pair.measured).collect();
                // Where rounding decides nobody can say.
                let doubtful = |row: usize| {
                    let mut near = measured[row / 2].clone();
                    near[0] += 1e-6;
                    plainly(&[near], &base).is_empty()
                };
                for row in plainly(&measured, &base) {
                    prop_assert!(found.contains(&row) || doubtful(row), "{} is missing", row);
                }
                for pair in &pairs {
                    let (a, b) = (&measured[pair.measured / 2], &base[pair.learnt / 2]);
                    prop_assert!(cosine(a, b).unwrap() > NEAR - 1e-6);
                }
            }
        }
    }

    /// Vectors that are far from one another: of numbers that look random.
    fn apart(count: usize) -> Vec<Vec<f32>> {
        let mut state = 1_u32;
        let mut number = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        let mut vector = || (0..16).map(|_| number()).collect();
        (0..count).map(|_| vector()).collect()
    }

    #[test]
    fn what_is_ordinary_is_not_told() {
        let learnt = apart(400);
        assert_eq!(
            found(&apart(3)[1..], &learnt[5..]),
            NearFound::Pairs(Vec::new())
        );
        let twice: Vec<f32> = learnt[7].iter().map(|number| number * 2.0).collect();
        let one = found(&[twice, vec![0.0; 16]], &learnt);
        let NearFound::Pairs(pairs) = one else {
            panic!("{one:?}");
        };
        assert_eq!(
            (pairs[0].measured, pairs[0].learnt, pairs.len()),
            (1, 15, 1)
        );
        // Features that are nearly constant.
        let alike: Vec<Vec<f32>> = (0..400)
            .map(|row| vec![1.0, 1.0, row as f32 * 1e-5])
            .collect();
        assert_eq!(found(&alike, &alike), NearFound::Ordinary);
        assert_eq!(found(&[], &alike), NearFound::Pairs(Vec::new()));
    }

    #[test]
    fn pairs_that_do_not_count_are_passed_over() {
        let (a, b) = (rows(&apart(30)), rows(&apart(30)));
        let other = near(&a, &b, |measured, learnt| measured != learnt, || Ok(())).unwrap();
        assert_eq!(other, NearFound::Pairs(Vec::new()));
        let NearFound::Pairs(all) = near(&a, &b, |_, _| true, || Ok(())).unwrap() else {
            panic!("each is near itself alone");
        };
        assert_eq!(all.len(), 30);
    }
}
