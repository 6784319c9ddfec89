//! A penalised bias, and features that lie far from the origin.
//!
//! LIBLINEAR's machines penalise ½ (‖w‖² + b²) with b the score of the origin. Around the features' mean m, where scores are
//! w·x + c and nothing cancels, that is ½ (‖w‖² + (c − w·m)²): a narrow valley when m is large. With M = ‖m‖, u = m / M and
//! R² = 1 + M², the same in other coordinates v and c is round:
//!
//! - w = v + (c M / R² − (1 − 1/R) v·u) u
//! - ‖w‖² + (c − w·m)² = ‖v‖² + c² / R²

/// Where the origin is, seen from the mean.
#[derive(Clone, Debug)]
pub struct Origin {
    /// u
    direction: Vec<f64>,
    /// 1 − 1/R
    along: f64,
    /// M / R²
    by_bias: f64,
    /// 1 / R²
    pub bias_counts: f64,
}

impl Origin {
    /// With the mean as it is seen from the origin.
    pub fn new(mut mean: Vec<f64>) -> Self {
        let squares: f64 = mean.iter().map(|x| x * x).sum();
        let (length, radius) = (squares.sqrt(), (1.0 + squares).sqrt());
        if length > 0.0 {
            mean.iter_mut().for_each(|x| *x /= length);
        }
        Origin {
            direction: mean,
            along: 1.0 - 1.0 / radius,
            by_bias: length / radius / radius,
            bias_counts: 1.0 / radius / radius,
        }
    }

    /// From v to w, for the bias c.
    pub fn turn(&self, weights: &mut [f64], bias: f64) {
        let step = self.by_bias * bias - self.along * self.product(weights);
        self.add(weights, step);
    }

    /// From the slopes by w and c to those by v and c; what is to be added to the latter is returned.
    pub fn turn_back(&self, slopes: &mut [f64]) -> f64 {
        let product = self.product(slopes);
        self.add(slopes, -self.along * product);
        self.by_bias * product
    }

    /// A row of features x as the coordinates v and c see it, so that w·x + c is v·(what becomes of x) + c · (what is returned).
    pub fn turn_row(&self, row: &mut [f64]) -> f64 {
        let product = self.product(row);
        self.add(row, -self.along * product);
        1.0 + self.by_bias * product
    }

    fn product(&self, numbers: &[f64]) -> f64 {
        let columns = numbers.iter().zip(&self.direction);
        columns.map(|(x, u)| x * u).sum()
    }

    fn add(&self, numbers: &mut [f64], step: f64) {
        for (x, u) in numbers.iter_mut().zip(&self.direction) {
            *x += step * u;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_penalty_is_that_of_the_origin() {
        for length in [0.0, 0.3, 20.0, 1e6] {
            let mean: Vec<f64> = [0.6, 0.0, -0.8].map(|x| length * x).to_vec();
            let origin = Origin::new(mean.clone());
            for (v, c) in [
                ([0.0; 3], 1.5),
                ([0.5, -1.0, 0.25], 0.0),
                ([3.0, 2.0, -1.0], -4.0),
            ] {
                let mut w = v;
                origin.turn(&mut w, c);
                let of_origin = c - w.iter().zip(&mean).map(|(w, m)| w * m).sum::<f64>();
                let squares = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>();
                let expected = squares(&w) + of_origin * of_origin;
                let found = squares(&v) + origin.bias_counts * c * c;
                assert!(
                    (found - expected).abs() < 1e-6 * expected,
                    "{length}: {found}, {expected}"
                );
            }
        }
    }
}
