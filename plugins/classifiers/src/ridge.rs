//! Ridge regression on targets of 1 for a sample's own class and −1 for the others: a linear classifier in closed form.
//!
//! Minimised is Σ c (y − W z − b)² + l2 ‖W‖² over the samples, z the scaled features and c what a sample counts: T. Hastie et al.,
//! "The Elements of Statistical Learning" (2009), (3.41) and (3.44), and as `RidgeClassifier` of scikit-learn with
//! `alpha = l2`. With `constant` there is no bias but one more feature of that value, whose weight is penalised as any other.
//! So the few-shot probe of big_vision does it (`fewshot_lsr.py`; X. Zhai et al., "A large-scale study of representation
//! learning with the Visual Task Adaptation Benchmark" (2019)): `scale = "standardise"`, `deviation-floor = 1e-5`, `constant = 100`.
//!
//! Fitted to numbers, these stand in place of 1 and −1, column by column: what is minimised is that of scikit-learn's `Ridge` with
//! `alpha = l2`.
//!
//! With fewer samples than features the same is found by the products of samples: W = Zᵀ (Z Zᵀ + l2)⁻¹ Y. The matrix is made
//! once for all values of `l2`. A few of them have a Cholesky decomposition each; many share an eigendecomposition, which takes as
//! long as some thirty of the others.

use crate::linear::Linear;
use crate::matrix::{Cholesky, add_gram};
use crate::method::{ClassWeights, Fit, Method, Named, Numbers, Samples, Work};
use crate::scaling::{Scale, Scaling};
use nalgebra::{DMatrix, DVector, Dyn, SymmetricEigen};
use rayon::prelude::*;
use serde::Deserialize;
use topwork_sdk::{Error, Scores};

/// A matrix of more rows than this would need gigabytes.
const LARGEST: usize = 16_384;

/// With more penalties than this the matrix is decomposed once for all of them: of 800 features that takes 0.67 s, a
/// Cholesky decomposition and what it solves 15 to 25 ms on two threads.
const FEW: usize = 32;

/// Rows that are scaled at a time.
const CHUNK: usize = 2048;

/// Its parameters.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ridge {
    l2: f64,
    scale: Scale,
    deviation_floor: f64,
    constant: f64,
    class_weights: ClassWeights,
}

impl Named for Ridge {
    const ID: &str = "ridge";
    const ABOUT: &str =
        "ridge regression, of classes on targets of 1 and -1, or of numbers, in closed form";
    const SCHEMA: &str = r#"{"type": "object", "properties": {
        "l2": {"type": "number", "exclusiveMinimum": 0,
            "description": "weight of the penalty ‖W‖² beside the summed squares: alpha of scikit-learn's RidgeClassifier",
            "default": 1.0},
        "scale": {"enum": ["max", "standardise", "none"],
            "description": "what is done to each feature first: largest magnitude 1 (from its value nearest to 0 on), mean 0 and deviation 1, or nothing",
            "default": "none"},
        "deviation-floor": {"type": "number", "minimum": 0,
            "description": "what `standardise` adds to each deviation before it divides by it; 1e-5 in the few-shot probe of big_vision",
            "default": 0},
        "constant": {"type": "number", "minimum": 0,
            "description": "with 0 a bias without a penalty; otherwise a feature of this value with a weight like any other, 100 in the few-shot probe of big_vision",
            "default": 0},
        "class-weights": {"enum": ["none", "balanced"],
            "description": "whether each sample counts the same, or each class", "default": "none"}
    }, "additionalProperties": false}"#;
    // Regressed on 1 and −1, they are on a scale of their own.
    const SCORES: Scores = Scores::Ranking;

    const NUMBERS: bool = true;

    const PATH: &[&str] = &["l2"];

    fn fit_path(methods: &[&Self], samples: &Samples<'_>, work: &Work) -> Result<Vec<Fit>, Error> {
        // They differ in nothing but `l2`.
        let [first, ..] = methods else {
            return Ok(Vec::new());
        };
        let mut equations = first.equations(samples, work)?;
        if methods.len() > FEW {
            equations.decompose_for_all();
        }
        let solved = (0..).zip(methods).map(|(done, method)| {
            work.progress(done, methods.len() as u64, "penalties");
            equations.solve(method.l2, work)
        });
        solved.collect()
    }

    fn check(&self) -> Result<(), Error> {
        if self.deviation_floor > 0.0 && self.scale != Scale::Standardise {
            return Err(Error::parameters(format!(
                "`deviation-floor` is {}, expected 0 unless `scale` is \"standardise\"",
                self.deviation_floor
            )));
        }
        Ok(())
    }
}

impl Method for Ridge {
    fn fit(&self, samples: &Samples<'_>, work: &Work) -> Result<Fit, Error> {
        self.equations(samples, work)?.solve(self.l2, work)
    }

    fn fit_numbers(
        &self,
        samples: &Samples<'_>,
        numbers: Numbers<'_>,
        work: &Work,
    ) -> Result<Fit, Error> {
        self.class_weights.check_numbers()?;
        let mut equations = self.equations(samples, work)?;
        equations.regress_on(numbers);
        equations.solve(self.l2, work)
    }
}

/// The normal equations for any penalty.
struct Equations<'a> {
    samples: &'a Samples<'a>,
    scaling: Scaling,
    /// The value of one more feature; 0 for none.
    constant: f64,
    /// What a sample of each class counts.
    counts: Vec<f64>,
    /// The mean of the targets of each class, or each column of numbers, which is the bias where there is one.
    targets: Vec<f64>,
    /// Zᵀ Z or Z Zᵀ, below its diagonal and on it.
    matrix: Vec<f64>,
    /// Its rows.
    size: usize,
    /// Zᵀ Y, targets × size, or the rows of Z, samples × width.
    other: Other,
    /// Of the matrix, where it serves many penalties.
    eigen: Option<SymmetricEigen<f64, Dyn>>,
    /// The targets of each sample, where they are numbers.
    numbers: Option<Numbers<'a>>,
}

/// The inverse of the matrix with a penalty on its diagonal.
enum Inverse<'a> {
    Cholesky(Cholesky),
    /// With the penalty.
    Eigen(&'a SymmetricEigen<f64, Dyn>, f64),
}

impl Inverse<'_> {
    fn solve(&self, right: &[f64]) -> Vec<f64> {
        match self {
            Inverse::Cholesky(decomposed) => decomposed.solve(right),
            Inverse::Eigen(eigen, l2) => {
                let mut along = eigen
                    .eigenvectors
                    .tr_mul(&DVector::from_column_slice(right));
                for (x, value) in along.iter_mut().zip(&eigen.eigenvalues) {
                    // What is below 0 is rounding.
                    *x /= value.max(0.0) + l2;
                }
                (&eigen.eigenvectors * along).as_slice().to_vec()
            }
        }
    }
}

/// What is multiplied with the inverse, or by it.
enum Other {
    /// Zᵀ Y, target by target.
    Right(Vec<f64>),
    /// Z, sample by sample.
    Rows(Vec<f64>),
}

impl Ridge {
    fn equations<'a>(&self, samples: &'a Samples<'a>, work: &Work) -> Result<Equations<'a>, Error> {
        let width = samples.dimensions + usize::from(self.constant > 0.0);
        let size = width.min(samples.count());
        if size > LARGEST {
            return Err(Error::parameters(format!(
                "{} samples of {} features, ridge takes at most {LARGEST} of one of them",
                samples.count(),
                samples.dimensions
            ))
            .with_hint("its matrix has features × features numbers: pool first, cut later, or use `linear-svm`"));
        }
        let counts = self.class_weights.of(samples);
        let priors = self.class_weights.priors(samples);
        let mut equations = Equations {
            scaling: self.scaling(samples),
            constant: self.constant,
            targets: priors.iter().map(|prior| 2.0 * prior - 1.0).collect(),
            counts,
            matrix: Vec::new(),
            size,
            other: Other::Right(Vec::new()),
            eigen: None,
            numbers: None,
            samples,
        };
        if self.constant == 0.0 {
            equations.centre();
        }
        match size < width {
            true => equations.multiply_samples(work)?,
            false => equations.multiply_features(work)?,
        }
        Ok(equations)
    }

    fn scaling(&self, samples: &Samples<'_>) -> Scaling {
        let mut scaling = self.scale.measure(samples.features, samples.dimensions);
        if self.deviation_floor > 0.0 {
            for factor in &mut scaling.factor {
                *factor = 1.0 / (1.0 / *factor + self.deviation_floor);
            }
        }
        // Around the mean nothing cancels. Without a bias, where 0 is counts.
        match self.constant == 0.0 {
            true => scaling.centred(samples.features).0,
            false => scaling,
        }
    }
}

impl<'a> Equations<'a> {
    /// Puts numbers in place of the targets of the one class that all samples are in.
    fn regress_on(&mut self, numbers: Numbers<'a>) {
        self.numbers = Some(numbers);
        self.targets = numbers.means();
        let Other::Right(right) = &mut self.other else {
            return;
        };
        *right = Vec::with_capacity(self.size * numbers.columns);
        for (column, mean) in self.targets.iter().enumerate() {
            // Rows are around their mean where there is a bias: what the numbers' own adds is rounding, and taken off.
            let bias = if self.constant > 0.0 { 0.0 } else { *mean };
            let mut sums = vec![0.0; self.size];
            let rows = self.samples.features.chunks_exact(self.samples.dimensions);
            for (row, number) in rows.zip(numbers.column(column)) {
                let target = number - bias;
                for (sum, x) in sums.iter_mut().zip(self.scaling.row(row)) {
                    *sum += target * x;
                }
                if self.constant > 0.0
                    && let Some(sum) = sums.last_mut()
                {
                    *sum += target * self.constant;
                }
            }
            right.extend(sums);
        }
    }
}

impl Equations<'_> {
    /// Moves the scaling so that the weighted mean of the rows is 0: what is left of the bias is the targets' mean.
    fn centre(&mut self) {
        let mut mean = vec![0.0; self.samples.dimensions];
        for (class, sums) in self.sums().iter().enumerate() {
            for (mean, sum) in mean.iter_mut().zip(sums) {
                *mean += self.counts[class] * sum;
            }
        }
        let all = self.samples.count() as f64;
        mean.iter_mut().for_each(|sum| *sum /= all);
        self.scaling = self.scaling.around(&mean);
    }

    /// The sum of each class's scaled rows.
    fn sums(&self) -> Vec<Vec<f64>> {
        let mut sums = vec![vec![0.0; self.samples.dimensions]; self.samples.classes];
        for (row, label) in self.samples.rows() {
            for (sum, x) in sums[label].iter_mut().zip(self.scaling.row(row)) {
                *sum += x;
            }
        }
        sums
    }

    /// Some rows of Z: scaled, with the constant, times the root of what they count.
    fn rows(&self, features: &[f32], labels: &[u32]) -> Vec<f64> {
        let size = self.samples.dimensions;
        let mut rows = Vec::with_capacity(features.len() + labels.len());
        for (row, &label) in features.chunks_exact(size).zip(labels) {
            let root = self.counts[label as usize].sqrt();
            rows.extend(self.scaling.row(row).map(|x| root * x));
            if self.constant > 0.0 {
                rows.push(root * self.constant);
            }
        }
        rows
    }

    /// Zᵀ Z and Zᵀ Y. Targets are 2 − 1 in the class and −1 elsewhere, so sums by class are all that Y adds.
    fn multiply_features(&mut self, work: &Work) -> Result<(), Error> {
        let (size, samples) = (self.size, self.samples);
        self.matrix = vec![0.0; size * size];
        let blocks = samples.features.chunks(CHUNK * samples.dimensions);
        for (features, labels) in blocks.zip(samples.labels.chunks(CHUNK)) {
            work.check_stop()?;
            let rows = self.rows(features, labels);
            add_gram(&mut self.matrix, &rows, size);
        }
        let mut sums = self.sums();
        let per_class = samples.per_class();
        for ((sums, counts), per_class) in sums.iter_mut().zip(&self.counts).zip(per_class) {
            if self.constant > 0.0 {
                sums.push(per_class as f64 * self.constant);
            }
            sums.iter_mut().for_each(|sum| *sum *= counts);
        }
        let mut all = vec![0.0; size];
        for sums in &sums {
            for (all, sum) in all.iter_mut().zip(sums) {
                *all += sum;
            }
        }
        let right = sums.iter().flat_map(|sums| {
            let columns = sums.iter().zip(&all);
            columns.map(|(sum, all)| 2.0 * sum - all)
        });
        self.other = Other::Right(right.collect());
        Ok(())
    }

    /// Z and Z Zᵀ.
    fn multiply_samples(&mut self, work: &Work) -> Result<(), Error> {
        let size = self.size;
        let rows = self.rows(self.samples.features, self.samples.labels);
        let width = rows.len() / size;
        self.matrix = vec![0.0; size * size];
        for first in (0..width).step_by(CHUNK) {
            work.check_stop()?;
            let columns = first..width.min(first + CHUNK);
            let turned: Vec<f64> = columns
                .flat_map(|column| rows.iter().skip(column).step_by(width))
                .copied()
                .collect();
            add_gram(&mut self.matrix, &turned, size);
        }
        self.other = Other::Rows(rows);
        Ok(())
    }

    /// The model for this penalty.
    fn solve(&self, l2: f64, work: &Work) -> Result<Fit, Error> {
        work.check_stop()?;
        let (decomposed, note) = self.inverse(l2)?;
        let targets = 0..self.targets.len();
        let solutions: Vec<Vec<f64>> = targets
            .into_par_iter()
            .map(|target| match &self.other {
                Other::Right(right) => decomposed.solve(&right[target * self.size..][..self.size]),
                Other::Rows(rows) => self.by_samples(&decomposed, rows, target),
            })
            .collect();
        let dimensions = self.samples.dimensions;
        let biases = (solutions.iter().zip(&self.targets)).map(|(solution, target)| {
            let of_constant = solution.get(dimensions);
            of_constant.map_or(*target, |weight| weight * self.constant)
        });
        let biases = biases.collect();
        let weights = solutions
            .iter()
            .flat_map(|solution| &solution[..dimensions]);
        let weights: Vec<f64> = weights.copied().collect();
        let parameters = (dimensions + 1) * self.targets.len();
        let model = Linear::new(self.scaling.clone(), weights, biases);
        Ok(Fit {
            note,
            ..Fit::closed(model, Ridge::SCORES, parameters)
        })
    }

    /// Zᵀ (Z Zᵀ + l2)⁻¹ y for the targets of a class or a column of numbers.
    fn by_samples(&self, decomposed: &Inverse<'_>, rows: &[f64], place: usize) -> Vec<f64> {
        // Where there is a bias, it is the targets' mean, and the rest is regressed on.
        let bias = match self.constant > 0.0 {
            true => 0.0,
            false => self.targets[place],
        };
        let targets: Vec<f64> = match self.numbers {
            Some(numbers) => numbers.column(place).map(|number| number - bias).collect(),
            None => (self.samples.labels.iter())
                .map(|&label| {
                    let target = if label as usize == place { 1.0 } else { -1.0 };
                    self.counts[label as usize].sqrt() * (target - bias)
                })
                .collect(),
        };
        let shares = decomposed.solve(&targets);
        let mut weights = vec![0.0; rows.len() / self.size];
        for (row, share) in rows.chunks_exact(weights.len()).zip(shares) {
            for (weight, x) in weights.iter_mut().zip(row) {
                *weight += share * x;
            }
        }
        weights
    }

    /// One decomposition of the matrix for any penalty.
    fn decompose_for_all(&mut self) {
        let size = self.size;
        let mut matrix = DMatrix::from_row_slice(size, size, &self.matrix);
        matrix.fill_upper_triangle_with_lower_triangle();
        // What is not finite has no eigenvalues, and they would be looked for without an end.
        if matrix.iter().all(|x| x.is_finite()) {
            self.eigen = Some(SymmetricEigen::new(matrix));
        }
    }

    /// By the eigendecomposition where there is one and the penalty is well above its rounding.
    fn inverse(&self, l2: f64) -> Result<(Inverse<'_>, String), Error> {
        if let Some(eigen) = &self.eigen {
            let largest = eigen.eigenvalues.max();
            if l2 > 1e3 * self.size as f64 * f64::EPSILON * largest {
                return Ok((Inverse::Eigen(eigen, l2), String::new()));
            }
        }
        let (decomposed, note) = self.decompose(l2)?;
        Ok((Inverse::Cholesky(decomposed), note))
    }

    /// The matrix with the penalty on its diagonal. Where that is too small to be seen beside the rest, more is added, and the
    /// note says so.
    fn decompose(&self, l2: f64) -> Result<(Cholesky, String), Error> {
        let size = self.size;
        let raised = |added: f64| {
            let mut matrix = self.matrix.clone();
            for place in 0..size {
                matrix[place * size + place] += added;
            }
            Cholesky::new(matrix, size)
        };
        if let Some(decomposed) = raised(l2) {
            return Ok((decomposed, String::new()));
        }
        let trace: f64 = (0..size)
            .map(|place| self.matrix[place * size + place])
            .sum();
        let mean = trace / size as f64;
        let mut share = 1e-12;
        while mean.is_finite() && share < 1.0 {
            let added = share * mean;
            if added > l2
                && let Some(decomposed) = raised(added)
            {
                let note = format!(
                    "an l2 of {l2:e} is lost in rounding: {added:.1e} was taken in its place"
                );
                return Ok((decomposed, note));
            }
            share *= 10.0;
        }
        Err(Error::failed(
            "the normal equations have no solution; try a larger `l2` or another `scale`",
        ))
    }
}
