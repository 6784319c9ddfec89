//! A curve that never grows beyond a fixed size: its latest points as they came, the rest thinned.

use std::collections::VecDeque;

/// Points kept as they came.
const RECENT: usize = 512;

/// Buckets of the thinned curve; each tells its lowest and its highest point.
const BUCKETS: usize = 512;

/// Points `(x, y)` with x ascending.
///
/// The whole curve is kept as the lowest and the highest point of up to 512 buckets of equally
/// many points; when all are used, neighbours are merged. So no peak is ever lost, and memory
/// does not grow with time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    recent: VecDeque<(f64, f64)>,
    buckets: Vec<Bucket>,
    /// Points a bucket holds before the next one is begun.
    size: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Bucket {
    low: (f64, f64),
    high: (f64, f64),
    points: u64,
}

impl Curve {
    /// Adds the next point. One that is no number, or not to the right of the last, changes
    /// nothing: a run that was taken up again tells what was known a second time.
    pub fn push(&mut self, x: f64, y: f64) {
        let known = self.recent.back().is_some_and(|last| x <= last.0);
        if !x.is_finite() || !y.is_finite() || known {
            return;
        }
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((x, y));
        self.size = self.size.max(1);
        match self.buckets.last_mut() {
            Some(last) if last.points < self.size => {
                last.take(Bucket::of(x, y));
            }
            _ => self.buckets.push(Bucket::of(x, y)),
        }
        if self.buckets.len() > BUCKETS {
            self.buckets = (self.buckets.chunks(2))
                .map(|pair| {
                    let mut merged = pair[0];
                    if let Some(second) = pair.get(1) {
                        merged.take(*second);
                    }
                    merged
                })
                .collect();
            self.size *= 2;
        }
    }

    /// The latest points as they came, at most 512.
    pub fn recent(&self) -> impl Iterator<Item = (f64, f64)> {
        self.recent.iter().copied()
    }

    /// The whole curve, thinned to at most 1,024 points.
    pub fn whole(&self) -> impl Iterator<Item = (f64, f64)> {
        self.buckets.iter().flat_map(|bucket| {
            let (low, high) = (bucket.low, bucket.high);
            let (first, second) = if low.0 <= high.0 {
                (low, high)
            } else {
                (high, low)
            };
            [Some(first), (second.0 > first.0).then_some(second)]
                .into_iter()
                .flatten()
        })
    }
}

impl Bucket {
    fn of(x: f64, y: f64) -> Self {
        Self {
            low: (x, y),
            high: (x, y),
            points: 1,
        }
    }

    fn take(&mut self, other: Self) {
        if other.low.1 < self.low.1 {
            self.low = other.low;
        }
        if other.high.1 > self.high.1 {
            self.high = other.high;
        }
        self.points += other.points;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_short_curve_is_kept_as_it_is() {
        let mut curve = Curve::default();
        let points = [(1.0, 0.5), (2.0, 0.7), (3.0, 0.1)];
        for (x, y) in points {
            curve.push(x, y);
        }
        curve.push(2.0, 9.0);
        curve.push(4.0, f64::NAN);
        assert_eq!(curve.whole().collect::<Vec<_>>(), points);
        assert_eq!(curve.recent().collect::<Vec<_>>(), points);
    }

    #[test]
    fn memory_is_bounded_and_peaks_stay() {
        let mut curve = Curve::default();
        for x in 0..1_000_000 {
            let y = if x == 123_457 { 99.0 } else { f64::from(x % 7) };
            curve.push(f64::from(x), y);
        }
        let whole: Vec<_> = curve.whole().collect();
        assert!(whole.len() <= 2 * BUCKETS, "{}", whole.len());
        assert!(whole.contains(&(123_457.0, 99.0)));
        assert_eq!(curve.recent().count(), RECENT);
        assert_eq!(
            curve.recent().last(),
            Some((999_999.0, f64::from(999_999 % 7)))
        );
    }

    proptest! {
        #[test]
        fn x_ascends(steps in prop::collection::vec((0.0..10.0f64, -5.0..5.0f64), 0..3000)) {
            let mut curve = Curve::default();
            let mut x = 0.0;
            for (step, y) in steps {
                x += step;
                curve.push(x, y);
            }
            let whole: Vec<_> = curve.whole().collect();
            prop_assert!(whole.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
    }
}
