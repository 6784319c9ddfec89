//! Minimises the objective with the L-BFGS of argmin and a Moré–Thuente line search.
//!
//! J. Nocedal and S. J. Wright, "Numerical Optimization" (2006), sections 7.2 and 3.5.

use super::Linear;
use super::objective::{Evaluation, Objective};
use crate::method::{Fit, Work};
use crate::scaling::Scaling;
use argmin::core::{CostFunction, Gradient, IterState, Problem, Solver, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use std::cell::RefCell;
use topwork_sdk::{Error, Facts};

/// When to end.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most iterations.
    pub iterations: u64,
    /// The largest component of the gradient at which the minimum counts as found.
    pub tolerance: f64,
}

/// Where the search ended.
pub struct Solution {
    /// Weights and biases.
    pub parameters: Vec<f64>,
    /// The iterations made.
    pub iterations: u64,
    /// The largest magnitude in the gradient there.
    pub largest_gradient: f64,
    /// Why it ended.
    pub ending: Ending,
}

/// Why a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The gradient is within the tolerance.
    Converged,
    /// The iterations are used up.
    OutOfIterations,
    /// The line search found no lower point: the minimum is as close as rounding lets one see.
    NoLowerPoint,
}

/// Corrections that L-BFGS remembers, as many as in scikit-learn (SciPy).
const MEMORY: usize = 10;

/// Evaluations after which a line search has failed; it usually needs one or two.
const EVALUATIONS_PER_SEARCH: u32 = 30;

type Vector = Vec<f64>;

/// The model at the objective's minimum over features that were scaled like this. An error when the host asks to stop.
pub fn fit(
    objective: &Objective<'_>,
    scaling: Scaling,
    limits: Limits,
    work: &Work,
) -> Result<Fit, Error> {
    let solution = minimise(objective, limits, work)?;
    Ok(solution.fit(objective, scaling, limits))
}

impl Solution {
    /// The model at the minimum, and what is said of it.
    pub fn fit(self, objective: &Objective<'_>, scaling: Scaling, limits: Limits) -> Fit {
        let Solution {
            parameters,
            iterations,
            largest_gradient,
            ending,
        } = self;
        let how_far = format!(
            "largest gradient {largest_gradient:.1e}, tolerance {:.1e}",
            limits.tolerance
        );
        let note = match ending {
            Ending::Converged => String::new(),
            Ending::OutOfIterations => {
                format!("not converged after {iterations} iterations: {how_far}")
            }
            Ending::NoLowerPoint => {
                format!("no lower point was found: {iterations} iterations, {how_far}")
            }
        };
        let (weights, biases) = objective.model(&parameters);
        Fit {
            model: Box::new(Linear::new(scaling, weights, biases)),
            scores: objective.loss.scores(),
            converged: ending == Ending::Converged,
            iterations,
            parameters: parameters.len() as u64,
            note,
            facts: Facts::default().number("largest-gradient", largest_gradient),
        }
    }
}

/// What a search says of an objective that it cannot follow.
pub fn not_finite() -> Error {
    Error::failed("the objective is not finite; try a stronger penalty or another `scale`")
}

/// Starts at zero and goes on until one of the limits.
pub fn minimise(objective: &Objective<'_>, limits: Limits, work: &Work) -> Result<Solution, Error> {
    let watched = Watched {
        objective,
        work,
        last: RefCell::new(None),
        left: RefCell::new(EVALUATIONS_PER_SEARCH),
    };
    let mut problem = Problem::new(&watched);
    let line_search = MoreThuenteLineSearch::new();
    let mut solver: LBFGS<_, Vector, Vector, f64> = LBFGS::new(line_search, MEMORY);
    let mut best = vec![0.0; objective.parameters()];
    let Evaluation { cost, gradient, .. } = objective.evaluate(&best);
    let mut largest_gradient = largest(&gradient);
    let mut state: IterState<Vector, Vector, (), (), (), f64> = IterState::new()
        .param(best.clone())
        .cost(cost)
        .gradient(gradient);
    // argmin's own loop ends by the Euclidean norm of the gradient; the criterion here is its largest component.
    let ending = loop {
        work.check_stop()?;
        work.progress(state.get_iter(), limits.iterations, "iterations");
        if largest_gradient <= limits.tolerance {
            break Ending::Converged;
        }
        if state.get_iter() >= limits.iterations {
            break Ending::OutOfIterations;
        }
        watched.left.replace(EVALUATIONS_PER_SEARCH);
        match solver.next_iter(&mut problem, state) {
            Ok((next, _)) => state = next,
            Err(_) => {
                return work.check_stop().and(Err(not_finite()));
            }
        }
        let (Some(parameters), Some(gradient), false) =
            (state.get_param(), state.get_gradient(), state.terminated())
        else {
            work.check_stop()?;
            break Ending::NoLowerPoint;
        };
        best.clone_from(parameters);
        largest_gradient = largest(gradient);
        state.increment_iter();
    };
    Ok(Solution {
        parameters: best,
        iterations: state.get_iter(),
        largest_gradient,
        ending,
    })
}

pub fn largest(gradient: &[f64]) -> f64 {
    gradient
        .iter()
        .fold(0.0, |most, slope| most.max(slope.abs()))
}

/// The objective as argmin asks for it: cost and gradient one after the other, often at the same place.
struct Watched<'a> {
    objective: &'a Objective<'a>,
    work: &'a Work,
    /// The place asked for last, and what was found there.
    last: RefCell<Option<(Vector, Evaluation)>>,
    /// Evaluations left to the present line search.
    left: RefCell<u32>,
}

/// Why an evaluation was refused. It ends the line search; nobody reads the text.
#[derive(Debug, thiserror::Error)]
#[error("the search cannot go on")]
struct Refused;

impl Watched<'_> {
    fn at<T>(
        &self,
        parameters: &Vector,
        pick: impl FnOnce(&Evaluation) -> T,
    ) -> Result<T, argmin::core::Error> {
        let mut last = self.last.borrow_mut();
        if let Some((place, evaluation)) = &*last
            && place == parameters
        {
            return Ok(pick(evaluation));
        }
        let mut left = self.left.borrow_mut();
        if *left == 0 || self.work.check_stop().is_err() {
            return Err(Refused.into());
        }
        *left -= 1;
        let evaluation = self.objective.evaluate(parameters);
        // A line search that is told NaN may look for ever.
        if !evaluation.cost.is_finite() || evaluation.gradient.iter().any(|g| !g.is_finite()) {
            return Err(Refused.into());
        }
        let picked = pick(&evaluation);
        *last = Some((parameters.clone(), evaluation));
        Ok(picked)
    }
}

impl CostFunction for &Watched<'_> {
    type Param = Vector;
    type Output = f64;

    fn cost(&self, parameters: &Vector) -> Result<f64, argmin::core::Error> {
        self.at(parameters, |evaluation| evaluation.cost)
    }
}

impl Gradient for &Watched<'_> {
    type Param = Vector;
    type Gradient = Vector;

    fn gradient(&self, parameters: &Vector) -> Result<Vector, argmin::core::Error> {
        self.at(parameters, |evaluation| evaluation.gradient.clone())
    }
}
