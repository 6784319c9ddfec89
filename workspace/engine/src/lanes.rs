//! Neighbouring values as vector registers hold them.

/// The values from `at` on; what lies behind the end is 0.
#[inline(always)]
pub(crate) fn lanes<const LANES: usize>(values: &[f32], at: usize) -> [f32; LANES] {
    let values = &values[at..];
    match values.first_chunk::<LANES>() {
        Some(values) => *values,
        None => {
            let mut filled = [0.0; LANES];
            filled[..values.len()].copy_from_slice(values);
            filled
        }
    }
}

/// Writes the lanes from `at` on, as far as there is room.
#[inline(always)]
pub(crate) fn store<const LANES: usize>(values: [f32; LANES], at: usize, to: &mut [f32]) {
    let count = LANES.min(to.len() - at);
    to[at..at + count].copy_from_slice(&values[..count]);
}

/// Partial sums of a long sum, as many as vector registers like to hold: one alone would wait for itself.
pub(crate) const STRANDS: usize = 16;

/// The sum of something of all pairs, in partial sums.
#[inline(always)]
pub(crate) fn add_up_pairs([left, right]: [&[f32]; 2], of: impl Fn(f32, f32) -> f32) -> f64 {
    let mut totals = [0.0; STRANDS];
    let (lefts, left) = left.as_chunks::<STRANDS>();
    let (rights, right) = right.as_chunks::<STRANDS>();
    for (left, right) in lefts.iter().zip(rights) {
        for strand in 0..STRANDS {
            totals[strand] += f64::from(of(left[strand], right[strand]));
        }
    }
    for (total, (&left, &right)) in totals.iter_mut().zip(left.iter().zip(right)) {
        *total += f64::from(of(left, right));
    }
    totals.iter().sum()
}
