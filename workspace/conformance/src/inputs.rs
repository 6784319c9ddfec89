//! What cases feed to components: numbers that look like data, the same in every process.

/// Numbers from -1 to 1 (xorshift: Marsaglia, 2003).
pub fn numbers(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Features of several classes, with labels: clouds around one corner for each class.
pub struct Clouds {
    pub data: Vec<f32>,
    pub labels: Vec<u32>,
    pub dimensions: usize,
    pub classes: usize,
}

impl Clouds {
    /// `each` samples of every class, the classes taking turns. Clouds do not overlap.
    pub fn new(seed: u64, classes: usize, each: usize, dimensions: usize) -> Self {
        let samples = classes * each;
        let mut data = numbers(seed, samples * dimensions);
        let labels: Vec<u32> = (0..samples)
            .map(|sample| (sample % classes) as u32)
            .collect();
        for (row, &label) in data.chunks_exact_mut(dimensions).zip(&labels) {
            for (dimension, number) in row.iter_mut().enumerate() {
                let far = dimension % classes == label as usize;
                *number = 0.5 * *number + if far { 3.0 } else { 0.0 };
            }
        }
        Clouds {
            data,
            labels,
            dimensions,
            classes,
        }
    }

    pub fn samples(&self) -> usize {
        self.labels.len()
    }
}
