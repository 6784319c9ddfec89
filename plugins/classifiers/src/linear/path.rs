//! Minima for several penalties, from the strongest to the weakest: each is sought from where the others lie.
//!
//! The search is L-BFGS (J. Nocedal and S. J. Wright, "Numerical Optimization" (2006), algorithm 7.5) with three things that a
//! search for a single penalty does not have:
//!
//! - Its first guess of the inverse Hessian is (a · Σ c z zᵀ + l2 D)⁻¹ for each output, z being a row of features with a 1 for the
//!   bias, D what the penalty weighs, and a the mean curvature of the loss at the start. The sum is made once; for
//!   each penalty there is a Cholesky decomposition. With a mean in place of each sample's curvature this is the bound of
//!   D. Böhning, "Multinomial logistic regression algorithm" (1992), made smaller where scores are sure.
//! - What it remembers of the curvature serves the next penalty: of a step s the change of the gradient grows by
//!   (l2′ − l2) D s / n, exactly.
//! - It starts where the line through the last two minima, over ln l2, leads to.
//!
//! The criterion is that of a search for a single penalty: the largest component of the gradient.

use super::objective::{Biases, Evaluation, Objective};
use super::solve::{Ending, Limits, Solution, largest, minimise, not_finite};
use crate::matrix::{Cholesky, add_gram};
use crate::method::{Fit, Work};
use crate::scaling::{CHUNK, Scaling};
use std::collections::VecDeque;
use topwork_sdk::Error;

/// Steps that are remembered: over several penalties more of them stay useful than in one search.
const MEMORY: usize = 20;

/// The decomposition for more features than this would take longer than what it saves.
const MOST_FEATURES: usize = 4096;

/// A decrease that is this share of what the slope promises is enough.
const ENOUGH: f64 = 1e-4;

/// Times that a step is shortened before the search gives up.
const SHORTENED: usize = 40;

/// How far beyond the last minimum the line is followed, in distances of the last two.
const FARTHEST: f64 = 3.0;

/// The models at the objective's minima for these penalties, in their order. An error when the host asks to stop.
pub fn fit_path(
    mut objective: Objective<'_>,
    scaling: &Scaling,
    l2: &[f64],
    limits: Limits,
    work: &Work,
) -> Result<Vec<Fit>, Error> {
    let mut strongest_first: Vec<usize> = (0..l2.len()).collect();
    strongest_first.sort_by(|a, b| l2[*b].total_cmp(&l2[*a]));
    if let [only] = l2 {
        objective.l2 = *only;
        let solution = minimise(&objective, limits, work)?;
        return Ok(vec![solution.fit(&objective, scaling.clone(), limits)]);
    }
    let Some(first) = strongest_first.first() else {
        return Ok(Vec::new());
    };
    objective.l2 = l2[*first];
    let mut path = Path::new(objective, limits, work)?;
    let mut fits: Vec<Option<Fit>> = l2.iter().map(|_| None).collect();
    for (done, &place) in strongest_first.iter().enumerate() {
        work.progress(done as u64, l2.len() as u64, "penalties");
        let solution = path.minimise(l2[place])?;
        fits[place] = Some(solution.fit(&path.objective, scaling.clone(), limits));
    }
    Ok(fits.into_iter().flatten().collect())
}

/// A step and what it changed in the gradient.
struct Remembered {
    step: Vec<f64>,
    change: Vec<f64>,
    /// step · change
    product: f64,
}

/// Where the search is.
struct Place {
    parameters: Vec<f64>,
    found: Evaluation,
}

/// The search, from penalty to penalty.
struct Path<'a> {
    objective: Objective<'a>,
    limits: Limits,
    work: &'a Work,
    /// Σ c z zᵀ below its diagonal and on it, (dimensions + 1)²; nothing where it would not pay.
    gram: Option<Vec<f64>>,
    /// What the penalty weighs of each column of z.
    weighed: Vec<f64>,
    now: Place,
    memory: VecDeque<Remembered>,
    /// ln l2 and the minimum of the last two penalties, the latest last.
    minima: Vec<(f64, Vec<f64>)>,
}

impl<'a> Path<'a> {
    fn new(objective: Objective<'a>, limits: Limits, work: &'a Work) -> Result<Self, Error> {
        let parameters = vec![0.0; objective.parameters()];
        let mut weighed = vec![1.0; objective.dimensions + 1];
        weighed[objective.dimensions] = match &objective.biases {
            Biases::Free => 0.0,
            Biases::Penalised(origin) => origin.bias_counts,
        };
        let samples = objective.labels.len();
        let pays = objective.dimensions <= MOST_FEATURES && objective.dimensions <= samples;
        let gram = match pays {
            true => Some(gram(&objective, work)?),
            false => None,
        };
        let found = objective.evaluate(&parameters);
        if !is_finite(&found) {
            return Err(not_finite());
        }
        Ok(Path {
            gram,
            weighed,
            now: Place { parameters, found },
            memory: VecDeque::with_capacity(MEMORY + 1),
            minima: Vec::new(),
            objective,
            limits,
            work,
        })
    }

    /// The minimum for the next penalty.
    fn minimise(&mut self, l2: f64) -> Result<Solution, Error> {
        self.change_penalty(l2);
        let mut iterations = 0;
        let ending = if self.gradient() <= self.limits.tolerance {
            Ending::Converged
        } else {
            let guess = self.decompose();
            self.extrapolate(l2)?;
            loop {
                self.work.check_stop()?;
                if self.gradient() <= self.limits.tolerance {
                    break Ending::Converged;
                }
                if iterations >= self.limits.iterations {
                    break Ending::OutOfIterations;
                }
                let moved = self.step(guess.as_ref())?;
                if !moved && self.memory.is_empty() {
                    break Ending::NoLowerPoint;
                }
                // What is remembered may mislead where the curvature has changed much.
                match moved {
                    true => iterations += 1,
                    false => self.memory.clear(),
                }
            }
        };
        if self.minima.len() == 2 {
            self.minima.remove(0);
        }
        self.minima.push((l2.ln(), self.now.parameters.clone()));
        Ok(Solution {
            parameters: self.now.parameters.clone(),
            iterations,
            largest_gradient: self.gradient(),
            ending,
        })
    }

    fn gradient(&self) -> f64 {
        largest(&self.now.found.gradient)
    }

    /// How many times a parameter's place in the vector is weighed by the penalty.
    fn weight_of(weighed: &[f64], weights: usize, place: usize) -> f64 {
        match place < weights {
            true => 1.0,
            false => weighed[weighed.len() - 1],
        }
    }

    /// Brings cost, gradient and memory to another penalty, which needs no look at the samples.
    fn change_penalty(&mut self, l2: f64) {
        let more = (l2 - self.objective.l2) / self.objective.labels.len() as f64;
        let weights = self.objective.dimensions * self.objective.outputs();
        let weighed = &self.weighed;
        let Place { parameters, found } = &mut self.now;
        for (place, (slope, x)) in found.gradient.iter_mut().zip(&*parameters).enumerate() {
            let part = more * Self::weight_of(weighed, weights, place) * x;
            *slope += part;
            found.cost += 0.5 * part * x;
        }
        for remembered in &mut self.memory {
            let columns = remembered.change.iter_mut().zip(&remembered.step);
            for (place, (change, step)) in columns.enumerate() {
                *change += more * Self::weight_of(weighed, weights, place) * step;
            }
            remembered.product = dot(&remembered.step, &remembered.change);
        }
        // Of a convex loss alone; only rounding can make it otherwise.
        self.memory.retain(|remembered| remembered.product > 0.0);
        self.objective.l2 = l2;
    }

    /// n times the Hessian as it is guessed for one output, decomposed.
    fn decompose(&self) -> Option<Cholesky> {
        let gram = self.gram.as_ref()?;
        let size = self.weighed.len();
        let curvature = self.now.found.curvature.max(1e-9);
        let mut matrix: Vec<f64> = gram.iter().map(|x| curvature * x).collect();
        let trace: f64 = (0..size).map(|place| matrix[place * size + place]).sum();
        for (place, weighed) in self.weighed.iter().enumerate() {
            // A little more, for features that never vary and have no penalty.
            matrix[place * size + place] += self.objective.l2 * weighed + 1e-10 * trace;
        }
        Cholesky::new(matrix, size)
    }

    /// Goes on along the line through the last two minima, where that leads down.
    fn extrapolate(&mut self, l2: f64) -> Result<(), Error> {
        let [(before, other), (last, minimum)] = &self.minima[..] else {
            return Ok(());
        };
        let share = ((l2.ln() - last) / (last - before)).min(FARTHEST);
        if !share.is_finite() || share <= 0.0 {
            return Ok(());
        }
        let line = minimum.iter().zip(other).map(|(x, before)| x - before);
        let step: Vec<f64> = line.map(|apart| share * apart).collect();
        if let Some(there) = self.at(&step, 1.0)?
            && there.found.cost < self.now.found.cost
        {
            self.move_to(step, there);
        }
        Ok(())
    }

    /// One step of the search; whether a lower point was found.
    fn step(&mut self, guess: Option<&Cholesky>) -> Result<bool, Error> {
        let direction = self.direction(guess);
        let slope = dot(&direction, &self.now.found.gradient);
        if slope >= 0.0 {
            return Ok(false);
        }
        // Without any knowledge of the curvature, a step of length 1 at most.
        let unknown = guess.is_none() && self.memory.is_empty();
        let length = dot(&direction, &direction).sqrt();
        let mut share = if unknown && length > 1.0 {
            1.0 / length
        } else {
            1.0
        };
        for _ in 0..SHORTENED {
            let Some(there) = self.at(&direction, share)? else {
                share *= 0.1;
                continue;
            };
            let cost = self.now.found.cost;
            let lower = there.found.cost <= cost + ENOUGH * share * slope;
            // Close to the minimum, costs are all the same and slopes tell more: W. W. Hager and H. Zhang, "A new conjugate
            // gradient method with guaranteed descent and an efficient line search" (2005), (4.1).
            let there_slope = dot(&direction, &there.found.gradient);
            let close = there.found.cost <= cost + 1e-12 * cost.abs()
                && there_slope.abs() <= (1.0 - 2.0 * ENOUGH) * slope.abs();
            if lower || close {
                let step = direction.iter().map(|x| share * x).collect();
                self.move_to(step, there);
                return Ok(true);
            }
            // To the minimum of the parabola through what is known, as far as that is to be trusted.
            let excess = there.found.cost - cost - share * slope;
            let parabola = -0.5 * slope * share / excess;
            share *= if parabola.is_finite() {
                parabola.clamp(0.1, 0.5)
            } else {
                0.1
            };
        }
        Ok(false)
    }

    /// Down the slope, by what is remembered of the curvature.
    fn direction(&self, guess: Option<&Cholesky>) -> Vec<f64> {
        let mut direction: Vec<f64> = self.now.found.gradient.iter().map(|g| -g).collect();
        let mut factors = Vec::with_capacity(self.memory.len());
        for Remembered {
            step,
            change,
            product,
        } in self.memory.iter().rev()
        {
            let factor = dot(step, &direction) / product;
            add(&mut direction, -factor, change);
            factors.push(factor);
        }
        match (guess, self.memory.back()) {
            (Some(guess), _) => self.solve(guess, &mut direction),
            (None, Some(last)) => {
                let scale = last.product / dot(&last.change, &last.change);
                direction.iter_mut().for_each(|x| *x *= scale);
            }
            (None, None) => {}
        }
        for (remembered, factor) in self.memory.iter().zip(factors.into_iter().rev()) {
            let known = dot(&remembered.change, &direction) / remembered.product;
            add(&mut direction, factor - known, &remembered.step);
        }
        direction
    }

    /// Multiplies by the inverse of the Hessian as it is guessed.
    fn solve(&self, guess: &Cholesky, direction: &mut [f64]) {
        let size = self.objective.dimensions;
        let samples = self.objective.labels.len() as f64;
        let (weights, biases) = direction.split_at_mut(size * self.objective.outputs());
        for (weights, bias) in weights.chunks_exact_mut(size).zip(biases) {
            let mut right: Vec<f64> = weights.iter().map(|x| samples * x).collect();
            right.push(samples * *bias);
            let solved = guess.solve(&right);
            weights.copy_from_slice(&solved[..size]);
            *bias = solved[size];
        }
    }

    /// What is found some way along a direction; nothing where it is not finite.
    fn at(&self, direction: &[f64], share: f64) -> Result<Option<Place>, Error> {
        self.work.check_stop()?;
        let columns = self.now.parameters.iter().zip(direction);
        let parameters: Vec<f64> = columns.map(|(x, step)| x + share * step).collect();
        let found = self.objective.evaluate(&parameters);
        Ok(is_finite(&found).then_some(Place { parameters, found }))
    }

    fn move_to(&mut self, step: Vec<f64>, there: Place) {
        let slopes = there.found.gradient.iter().zip(&self.now.found.gradient);
        let change: Vec<f64> = slopes.map(|(there, here)| there - here).collect();
        let product = dot(&step, &change);
        if product > 0.0 {
            self.memory.push_back(Remembered {
                step,
                change,
                product,
            });
            if self.memory.len() > MEMORY {
                self.memory.pop_front();
            }
        }
        self.now = there;
    }
}

fn is_finite(found: &Evaluation) -> bool {
    found.cost.is_finite() && found.gradient.iter().all(|slope| slope.is_finite())
}

/// Σ c z zᵀ over the samples, z as the objective's parameters see a row.
fn gram(objective: &Objective<'_>, work: &Work) -> Result<Vec<f64>, Error> {
    let (size, wide) = (objective.dimensions, objective.dimensions + 1);
    let mut gram = vec![0.0; wide * wide];
    let rows = objective.features.chunks(8 * CHUNK * size);
    for (rows, labels) in rows.zip(objective.labels.chunks(8 * CHUNK)) {
        work.check_stop()?;
        let mut turned = Vec::with_capacity(labels.len() * wide);
        for (row, &label) in rows.chunks_exact(size).zip(labels) {
            let start = turned.len();
            turned.extend(row.iter().map(|&x| f64::from(x)));
            let bias = match &objective.biases {
                Biases::Free => 1.0,
                Biases::Penalised(origin) => origin.turn_row(&mut turned[start..]),
            };
            turned.push(bias);
            let counts = objective.class_weights[label as usize];
            if counts != 1.0 {
                let root = counts.sqrt();
                turned[start..].iter_mut().for_each(|x| *x *= root);
            }
        }
        add_gram(&mut gram, &turned, wide);
    }
    Ok(gram)
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter()
        .zip(right)
        .map(|(left, right)| left * right)
        .sum()
}

fn add(numbers: &mut [f64], factor: f64, others: &[f64]) {
    for (x, other) in numbers.iter_mut().zip(others) {
        *x += factor * other;
    }
}
