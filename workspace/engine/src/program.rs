//! A blueprint compiled into operations: what follows one another and can be done in one go is fused,
//! what only renames shapes disappears, and what is not trained is done in its simplest form.

use std::sync::{Arc, OnceLock};

use crate::blueprint::Blueprint;
use crate::compute::{LINE, start_of_line};
use crate::fuse::{ANOTHER, Follower, Node, RULES, Rule};
use crate::layers::Site;
use crate::layout::{Draft, Layout};
use crate::operation::{Named, Operation};
use crate::shape::Shape;

/// The operations of a network in order, for arrays that do not change unless they learn: where they do,
/// [`Program::renewed`] gives the same program for the new ones.
/// Values are numbered as in
/// [`LayerSpec::inputs`](crate::LayerSpec::inputs); behind them come those that are turned for their users.
pub(crate) struct Program {
    pub(crate) steps: Vec<Step>,
    /// How many values there are.
    pub(crate) values: usize,
    /// The value that is the result; 0 where there is nothing to do.
    pub(crate) result: usize,
    /// Where the numbers of each value that was to be seen are found.
    pub(crate) seen: Vec<usize>,
}

/// One operation, where its operands come from and what becomes of them.
pub(crate) struct Step {
    pub(crate) operation: Arc<dyn Operation>,
    /// Layers whose arrays it takes: its own, then the one fused into it.
    pub(crate) layers: Vec<usize>,
    pub(crate) inputs: Vec<usize>,
    pub(crate) output: usize,
    /// Values that no later step needs.
    pub(crate) finished: Vec<usize>,
    /// Whether arrays of its own layer learn.
    pub(crate) learns: bool,
    /// Whether its own layer has statistics that a forward pass brings up to date.
    pub(crate) observes: bool,
    /// What the operation has made of arrays that do not learn.
    prepared: OnceLock<Option<Prepared>>,
}

/// Numbers that begin a line of the cache.
struct Prepared {
    values: Vec<f32>,
    start: usize,
}

impl Prepared {
    fn new(mut values: Vec<f32>) -> Self {
        let len = values.len();
        // Room to move them by less than a line.
        values.resize(len + LINE / size_of::<f32>(), 0.0);
        let start = start_of_line(&values);
        values.copy_within(..len, start);
        values.truncate(start + len);
        Self { values, start }
    }
}

impl Step {
    /// A step without arrays.
    pub(crate) fn of(operation: Box<dyn Operation>, input: usize, output: usize) -> Self {
        Self {
            operation: operation.into(),
            layers: Vec::new(),
            inputs: vec![input],
            output,
            finished: Vec::new(),
            learns: false,
            prepared: OnceLock::new(),
            observes: false,
        }
    }

    /// What the operation makes of these arrays, which are the same at every call.
    pub(crate) fn prepared(&self, weights: &[Named<'_>]) -> Option<&[f32]> {
        if self.prepared.get().is_none() {
            // Made before it is kept, not while others wait for it: work for the pool may be that of another
            // pass over the same network. Should both make it, one of two equals is dropped.
            let made = self.operation.prepare(weights).map(Prepared::new);
            self.prepared.set(made).ok();
        }
        let prepared = self.prepared.get()?.as_ref()?;
        Some(&prepared.values[prepared.start..])
    }
}

/// What is trained.
#[derive(Clone, Copy)]
pub(crate) struct Training<'a> {
    /// One per layer.
    pub(crate) learns: &'a [bool],
    /// Whether something before the network learns, so that its input wants a gradient.
    pub(crate) input: bool,
}

struct Compiler<'a> {
    blueprint: &'a Blueprint,
    /// One per layer.
    learns: Vec<bool>,
    /// One per layer: what computes it by itself; nothing where it only renames.
    operations: Vec<Option<Box<dyn Operation>>>,
    /// One per value: whether anything up to it learns.
    gradient: Vec<bool>,
    /// One per value: the layers that use it.
    users: Vec<Vec<usize>>,
    /// Values whose numbers are wanted besides the result's, so that none may vanish in a fused operation.
    to_see: &'a [usize],
    /// One per value: the value that holds its numbers, once it is computed.
    held_in: Vec<Option<usize>>,
}

impl Program {
    /// For evaluation, where `training` is nothing. With `fuse`, layers may become one operation; see
    /// [`fuse`](crate::fuse) for what is the same either way.
    pub(crate) fn compile(
        blueprint: &Blueprint,
        training: Option<Training<'_>>,
        fuse: bool,
    ) -> Self {
        Self::compile_to_see(blueprint, training, fuse, &[])
    }

    /// The same, where the numbers of some values are wanted besides the result's.
    pub(crate) fn compile_to_see(
        blueprint: &Blueprint,
        training: Option<Training<'_>>,
        fuse: bool,
        to_see: &[usize],
    ) -> Self {
        let mut compiler = Compiler::new(blueprint, training, to_see);
        let shapes = |value| blueprint.shape_of(value);
        let mut layout = Layout::new(&shapes, blueprint.layers().len() + 1);
        for index in 0..blueprint.layers().len() {
            if compiler.held_in[index + 1].is_none()
                && let Some(draft) = compiler.layer(index, fuse)
            {
                let output = draft.step.output;
                layout.add(draft);
                // At once, so that it is there as soon as it can be.
                if to_see.contains(&output) {
                    layout.shown(output);
                }
            }
        }
        let held_in = compiler.held_in;
        let result = layout.shown(held_in.last().copied().flatten().unwrap_or(0));
        let seen = to_see.iter();
        let seen = seen.map(|&value| layout.shown(held_in[value].unwrap_or(0)));
        let seen = seen.collect();
        let (mut steps, values) = layout.end();
        let mut needed = vec![false; values];
        needed[result] = true;
        for step in steps.iter_mut().rev() {
            for &input in &step.inputs {
                if !needed[input] {
                    needed[input] = true;
                    step.finished.push(input);
                }
            }
        }
        Self {
            seen,
            steps,
            values,
            result,
        }
    }

    /// The same, with nothing made of any arrays; nothing where that is so already.
    pub(crate) fn renewed(&self) -> Option<Self> {
        let mut steps = self.steps.iter();
        steps.find(|step| step.prepared.get().is_some())?;
        let steps = self.steps.iter().map(|step| Step {
            operation: Arc::clone(&step.operation),
            layers: step.layers.clone(),
            inputs: step.inputs.clone(),
            finished: step.finished.clone(),
            prepared: OnceLock::new(),
            ..*step
        });
        Some(Self {
            steps: steps.collect(),
            values: self.values,
            result: self.result,
            seen: self.seen.clone(),
        })
    }
}

impl<'a> Compiler<'a> {
    fn new(blueprint: &'a Blueprint, training: Option<Training<'_>>, to_see: &'a [usize]) -> Self {
        let layers = blueprint.layers();
        let learns: Vec<bool> = (0..layers.len())
            .map(|layer| training.is_some_and(|training| training.learns[layer]))
            .collect();
        let mut gradient = vec![training.is_some_and(|training| training.input)];
        let mut users = vec![Vec::new(); layers.len() + 1];
        let mut operations = Vec::new();
        for (index, layer) in layers.iter().enumerate() {
            let weights = learns[index] && layer.can_learn();
            gradient.push(weights || layer.inputs.iter().any(|&input| gradient[input]));
            for &input in &layer.inputs {
                users[input].push(index);
            }
            let inputs = layer.inputs.iter().map(|&input| blueprint.shape_of(input));
            operations.push(layer.op.layer().operation(&Site {
                inputs: &inputs.collect::<Vec<Shape>>(),
                output: layer.output,
                learns: learns[index],
            }));
        }
        let mut held_in = vec![None; layers.len() + 1];
        held_in[0] = Some(0);
        Self {
            blueprint,
            learns,
            operations,
            gradient,
            users,
            to_see,
            held_in,
        }
    }

    /// What takes the output of layer `index`, where nothing else does and nobody wants to see it.
    fn follower(&self, index: usize) -> Option<Follower<'_>> {
        let &[layer] = self.users[index + 1].as_slice() else {
            return None;
        };
        if self.to_see.contains(&(index + 1)) {
            return None;
        }
        let inputs = &self.blueprint.layers()[layer].inputs;
        let others = inputs.iter().filter(|&&input| input != index + 1);
        Some(Follower {
            layer,
            operation: self.operations[layer].as_deref()?,
            others: others.filter_map(|&other| self.held_in[other]).collect(),
            inputs: inputs.len(),
            gradient: self.gradient[layer + 1],
        })
    }

    /// The operation for a layer and those fused with it; nothing where it only renames.
    fn layer(&mut self, index: usize, fuse: bool) -> Option<Draft> {
        let layer = &self.blueprint.layers()[index];
        let inputs = layer.inputs.iter();
        let mut sees: Vec<Shape> = inputs
            .clone()
            .map(|&input| self.blueprint.shape_of(input))
            .collect();
        let inputs: Vec<usize> = inputs.filter_map(|&input| self.held_in[input]).collect();
        let Some(operation) = self.operations[index].take() else {
            self.held_in[index + 1] = inputs.first().copied();
            return None;
        };
        let arrays = layer.arrays();
        let mut node = Node {
            operation,
            layers: match arrays.is_empty() {
                true => Vec::new(),
                false => vec![index],
            },
            inputs,
        };
        let mut fused = vec![index];
        let mut last = index;
        let mut takes_over = |rule: &Rule| {
            let next = self.follower(last).filter(|_| fuse);
            let took = next.filter(|next| rule(&mut node, next));
            if let Some(next) = &took {
                last = next.layer;
                fused.push(last);
            }
            took.is_some()
        };
        loop {
            for rule in &RULES {
                takes_over(rule);
            }
            if !takes_over(&ANOTHER) {
                break;
            }
        }
        // What lies within a fused operation is never seen; it only must not be compiled again.
        for layer in fused {
            self.held_in[layer + 1] = Some(last + 1);
        }
        let learns = self.learns[index];
        // What is added behind it has the shape of what it gives.
        sees.resize(node.inputs.len(), self.blueprint.layers()[last].output);
        let step = Step {
            operation: Arc::from(node.operation),
            layers: node.layers,
            inputs: node.inputs,
            output: last + 1,
            finished: Vec::new(),
            learns: learns && arrays.iter().any(|array| array.learned),
            prepared: OnceLock::new(),
            observes: learns && arrays.iter().any(|array| !array.learned),
        };
        Some(Draft { step, sees })
    }
}
