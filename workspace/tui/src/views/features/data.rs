//! A sample of features, prepared for drawing. Made by a background job.

use std::path::Path;

use topwork_measure::{Plane, class_separation, principal_plane};
use topwork_store::FeatureSample;

/// Share of the values beyond either end of the colour scale.
const BEYOND: f64 = 0.005;

/// A sample with what is worked out from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// As the worker kept it.
    pub sample: FeatureSample,
    /// The examples of each class, as rows of the sample.
    pub of_class: Vec<Vec<usize>>,
    /// The F statistic of every dimension kept.
    pub separation: Vec<f64>,
    /// The dimensions kept, those that separate the classes best first.
    pub by_separation: Vec<usize>,
    /// The same in the network's order.
    pub in_order: Vec<usize>,
    /// The class with the largest mean in every dimension kept: the one that it fires for.
    pub fires_for: Vec<usize>,
    /// What the ends of the colour scale stand for.
    pub scale: Scale,
    /// The same for every dimension by itself.
    pub own_scale: Vec<Scale>,
    /// Where each example lies in the plane of largest variance.
    pub plane: Option<Plane>,
}

/// A colour scale. A few values may lie beyond its ends, or one of them would take the
/// colours from all others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// The value at its low end.
    pub low: f32,
    /// The value at its high end.
    pub high: f32,
    /// Whether there are values below `low` and above `high`.
    pub beyond: [bool; 2],
}

impl Features {
    /// Reads and prepares; `None` when there is no such file.
    pub fn read(path: &Path) -> Result<Option<Self>, String> {
        let sample = FeatureSample::read(path).map_err(|error| error.to_string())?;
        Ok(sample.map(Self::of))
    }

    /// Prepares a sample.
    pub fn of(sample: FeatureSample) -> Self {
        let dims = sample.dimensions.len();
        let mut of_class = vec![Vec::new(); sample.classes.len()];
        for (row, label) in sample.labels.iter().enumerate() {
            if let Some(rows) = of_class.get_mut(*label as usize) {
                rows.push(row);
            }
        }
        let separation = class_separation(&sample.values, dims, &sample.labels);
        let mut by_separation: Vec<usize> = (0..dims).collect();
        by_separation.sort_by(|a, b| separation[*b].total_cmp(&separation[*a]));
        let fires_for = (0..dims).map(|dimension| {
            let mean = |rows: &Vec<usize>| {
                let values = rows.iter().map(|row| sample.values[row * dims + dimension]);
                let sum: f64 = values
                    .filter(|value| value.is_finite())
                    .map(f64::from)
                    .sum();
                sum / rows.len().max(1) as f64
            };
            let of_classes = of_class.iter().map(mean).enumerate();
            let known = of_classes.filter(|(class, _)| !of_class[*class].is_empty());
            let first = known.reduce(|best, next| if next.1 > best.1 { next } else { best });
            first.map_or(0, |(class, _)| class)
        });
        let own_scale = (0..dims).map(|dimension| {
            let values = sample.values.iter().skip(dimension).step_by(dims);
            Scale::of(&values.copied().collect::<Vec<f32>>())
        });
        Self {
            fires_for: fires_for.collect(),
            own_scale: own_scale.collect(),
            of_class,
            separation,
            by_separation,
            in_order: (0..dims).collect(),
            scale: Scale::of(&sample.values),
            plane: principal_plane(&sample.values, dims),
            sample,
        }
    }

    /// So many dimensions that separate the classes best, by the class that they fire for; within a class the best first.
    pub fn by_class(&self, count: usize) -> Vec<usize> {
        let mut best: Vec<usize> = self.by_separation.iter().copied().take(count).collect();
        best.sort_by_key(|dimension| self.fires_for.get(*dimension).copied());
        best
    }

    /// One value: row of the sample, column of the sample.
    pub fn value(&self, row: usize, dimension: usize) -> Option<f32> {
        let dims = self.sample.dimensions.len();
        self.sample.values.get(row * dims + dimension).copied()
    }
}

impl Scale {
    fn of(values: &[f32]) -> Self {
        let mut sorted: Vec<f32> = values.iter().copied().filter(|v| v.is_finite()).collect();
        sorted.sort_by(f32::total_cmp);
        let (Some(least), Some(largest)) = (sorted.first(), sorted.last()) else {
            return Self {
                low: 0.0,
                high: 1.0,
                beyond: [false; 2],
            };
        };
        let skipped = (sorted.len() as f64 * BEYOND) as usize;
        let (low, high) = (sorted[skipped], sorted[sorted.len() - 1 - skipped]);
        // Features that are nearly all zero: what little there is shall be seen.
        let (low, high) = if low < high {
            (low, high)
        } else {
            (*least, *largest)
        };
        Self {
            low,
            high,
            beyond: [*least < low, high < *largest],
        }
    }

    /// Where a value lies on the scale, from 0 to 1; what is no number lies at 0.
    pub fn position(&self, value: f32) -> f64 {
        let (low, high) = (f64::from(self.low), f64::from(self.high));
        let position = (f64::from(value) - low) / (high - low);
        if position.is_nan() {
            0.0
        } else {
            position.clamp(0.0, 1.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_by_the_class_they_fire_for() {
        // Of the first class three images, of the second two; the third dimension is the same for all.
        let sample = FeatureSample {
            cut: "features".to_owned(),
            weights: topwork_events::Start::Source,
            seed: 1,
            classes: vec!["a".to_owned(), "b".to_owned()],
            extracted: 5,
            examples: (0..5).collect(),
            labels: vec![0, 0, 0, 1, 1],
            dim: 4,
            dimensions: (0..4).collect(),
            values: vec![
                0.0, 9.0, 1.0, 5.0, //
                1.0, 8.0, 1.0, 1.0, //
                0.0, 9.0, 1.0, 5.0, //
                7.0, 0.0, 1.0, 2.0, //
                7.0, 1.0, 1.0, 3.0, //
            ],
        };
        let features = Features::of(sample);
        assert_eq!(features.fires_for, [1, 0, 0, 0]);
        assert_eq!(features.by_class(2), [1, 0]);
        assert_eq!(features.by_class(9).last(), Some(&0));
        let ends = |dimension: usize| {
            let scale = features.own_scale[dimension];
            (scale.low, scale.high)
        };
        assert_eq!(
            [ends(0), ends(1), ends(2)],
            [(0.0, 7.0), (0.0, 9.0), (1.0, 1.0)]
        );
    }

    #[test]
    fn scales() {
        let check = |values: &[f32], low: f32, high: f32, beyond: [bool; 2]| {
            assert_eq!(Scale::of(values), Scale { low, high, beyond }, "{values:?}");
        };
        check(&[0.0, 3.0, 1.0], 0.0, 3.0, [false; 2]);
        check(&[], 0.0, 1.0, [false; 2]);
        check(&[f32::NAN, 2.0, f32::INFINITY], 2.0, 2.0, [false; 2]);
        let mut many = vec![0.0; 500];
        many.extend([1.0; 499]);
        many.push(900.0);
        check(&many, 0.0, 1.0, [false, true]);
        let mut nearly_nothing = vec![0.0; 999];
        nearly_nothing.push(5.0);
        check(&nearly_nothing, 0.0, 5.0, [false; 2]);
        let scale = Scale::of(&[0.0, 4.0]);
        let positions = [-1.0, 0.0, 1.0, 9.0, f32::NAN].map(|value| scale.position(value));
        assert_eq!(positions, [0.0, 0.0, 0.25, 1.0, 0.0]);
        assert_eq!(Scale::of(&[2.0]).position(2.0), 0.0);
    }
}
