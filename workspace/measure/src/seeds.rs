//! One figure out of several seeds.

/// Mean and spread of a figure over seeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanStd {
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation (divisor n − 1); `None` for a single value, which has no spread.
    pub std: Option<f64>,
}

/// Mean and sample standard deviation; `None` without values.
pub fn mean_std(values: &[f64]) -> Option<MeanStd> {
    if values.is_empty() {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let std = (values.len() > 1).then(|| {
        (values
            .iter()
            .map(|value| (value - mean).powi(2))
            .sum::<f64>()
            / (n - 1.0))
            .sqrt()
    });
    Some(MeanStd { mean, std })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_samples() {
        assert_eq!(mean_std(&[]), None);
        assert_eq!(
            mean_std(&[0.5]),
            Some(MeanStd {
                mean: 0.5,
                std: None
            })
        );
        let found = mean_std(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).unwrap();
        assert_eq!(found.mean, 5.0);
        assert!((found.std.unwrap() - (32.0f64 / 7.0).sqrt()).abs() < 1e-12);
    }
}
