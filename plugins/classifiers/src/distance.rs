//! Distances, from differences in double precision: ‖a‖² − 2 a·b + ‖b‖² loses the digits of what two rows have in common.

use crate::state::Reader;
use serde::Deserialize;
use topwork_sdk::Error;

/// How distances are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// ‖a − b‖
    Euclidean,
    /// 1 − a·b / (‖a‖ ‖b‖); 1 where one of them is 0. That is ½ ‖a − b‖² for rows of unit length.
    Cosine,
}

impl Metric {
    /// Its name in parameters and states.
    pub fn word(self) -> &'static str {
        match self {
            Metric::Euclidean => "euclidean",
            Metric::Cosine => "cosine",
        }
    }

    /// The same for those who are told the layers.
    pub fn said(self) -> topwork_sdk::Metric {
        match self {
            Metric::Euclidean => topwork_sdk::Metric::Euclidean,
            Metric::Cosine => topwork_sdk::Metric::Cosine,
        }
    }

    /// The one whose name was written to a state.
    pub fn read(state: &Reader<'_>) -> Result<Self, Error> {
        let word = state.word("metric")?;
        let known = [Metric::Euclidean, Metric::Cosine];
        let metric = known.into_iter().find(|metric| metric.word() == word);
        metric.ok_or_else(|| {
            Error::data(format!(
                "the state has the metric {word}, expected euclidean or cosine"
            ))
        })
    }

    /// Brings a row to where distances are straight: to unit length for the cosine, unless all of it is 0.
    pub fn prepare(self, row: &mut [f64]) {
        if self == Metric::Cosine {
            let largest = row.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
            if largest > 0.0 {
                // By the largest first, as squares of very small numbers would be 0.
                row.iter_mut().for_each(|x| *x /= largest);
                let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
                row.iter_mut().for_each(|x| *x /= length);
            }
        }
    }
}

/// The mean of rows, row-major, and what they are around it.
pub fn centred(rows: &[f64], size: usize) -> (Vec<f64>, Vec<f64>) {
    let mut centre = vec![0.0; size];
    for row in rows.chunks_exact(size) {
        for (sum, x) in centre.iter_mut().zip(row) {
            *sum += x;
        }
    }
    let count = (rows.len() / size) as f64;
    centre.iter_mut().for_each(|sum| *sum /= count);
    let around = rows.iter().zip(centre.iter().cycle());
    let around = around.map(|(x, centre)| x - centre).collect();
    (centre, around)
}

/// A number that rows are made of.
pub trait Real: Copy + Into<f64> {}

impl Real for f32 {}
impl Real for f64 {}

/// ‖a − b‖², in eight strands that can share an instruction.
pub fn square(a: &[impl Real], b: &[impl Real]) -> f64 {
    let (a_lanes, a_rest) = a.as_chunks::<8>();
    let (b_lanes, b_rest) = b.as_chunks::<8>();
    let mut strands = [0.0; 8];
    for (a, b) in a_lanes.iter().zip(b_lanes) {
        for lane in 0..8 {
            let apart: f64 = a[lane].into() - b[lane].into();
            strands[lane] += apart * apart;
        }
    }
    let rest = a_rest.iter().zip(b_rest).map(|(&a, &b)| {
        let apart: f64 = a.into() - b.into();
        apart * apart
    });
    strands.iter().sum::<f64>() + rest.sum::<f64>()
}
