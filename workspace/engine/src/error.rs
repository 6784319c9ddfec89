//! What can go wrong in the engine.

use crate::problem::BlueprintError;
use crate::shape::Shape;

/// Why the engine could not do what was asked. [`EngineError::hint`] tells the way out where one is known.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A pool of no threads was asked for.
    #[error("cannot compute with 0 threads, expected 1 or more")]
    NoThreads,
    /// The system did not give the threads.
    #[error("cannot start {threads} threads: {reason}")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// What the system said.
        reason: String,
    },
    /// The environment asks for vector instructions that are not there.
    #[error(
        "`{variable}` is {name:?}, expected instructions that this processor has: avx2 or scalar"
    )]
    Processor {
        /// The variable of the environment.
        variable: &'static str,
        /// What it says.
        name: String,
    },
    /// A blueprint was broken or asked for something impossible.
    #[error(transparent)]
    Blueprint(#[from] BlueprintError),
    /// Inputs are not a whole number of samples.
    #[error("inputs hold {found} values, expected a multiple of {}", sized(shape))]
    InputLength {
        /// Values given.
        found: usize,
        /// Shape of one sample.
        shape: Shape,
    },
    /// The room for outputs is not what the inputs give.
    #[error(
        "outputs hold {found} values, expected {samples} samples of {}",
        sized(shape)
    )]
    OutputLength {
        /// Values given.
        found: usize,
        /// Samples in the inputs.
        samples: usize,
        /// Shape of one sample.
        shape: Shape,
    },
    /// Not one output per cut.
    #[error("{found} outputs for {cuts} cuts, expected one each")]
    OutputCount {
        /// Outputs given.
        found: usize,
        /// Cuts there are.
        cuts: usize,
    },
    /// A batch without samples.
    #[error("batch is empty, expected one sample or more")]
    EmptyBatch,
    /// Not one label per sample.
    #[error("batch has {found} labels for {samples} samples, expected one each")]
    LabelCount {
        /// Labels given.
        found: usize,
        /// Samples given.
        samples: usize,
    },
    /// Not as many numbers per sample as outputs.
    #[error("batch has {found} numbers, expected {outputs} for each sample, one for each output")]
    NumberOutputs {
        /// Numbers given.
        found: usize,
        /// Outputs of each sample.
        outputs: usize,
    },
    /// A label the network has no logit for.
    #[error("sample {sample} of the batch has label {label}, expected 0 to {}", classes - 1)]
    Label {
        /// Place in the batch, from 0.
        sample: usize,
        /// The label found.
        label: u32,
        /// Number of logits.
        classes: usize,
    },
    /// A training setting outside its range.
    #[error("{name} is {value}, expected {expected}")]
    Setting {
        /// Which setting.
        name: &'static str,
        /// Its value.
        value: f32,
        /// What is allowed.
        expected: &'static str,
    },
    /// Not one weight per class.
    #[error("{found} class weights for {classes} classes, expected one each")]
    ClassWeights {
        /// Weights given.
        found: usize,
        /// Number of logits.
        classes: usize,
    },
    /// Not one multiplier per layer.
    #[error("{found} learning-rate multipliers for {layers} layers, expected one each")]
    Multipliers {
        /// Multipliers given.
        found: usize,
        /// Layers of the part's blueprint.
        layers: usize,
    },
    /// A part that does not exist.
    #[error("there is no part {part}, expected 0 to {}", parts - 1)]
    NoPart {
        /// The number asked for, from 0.
        part: usize,
        /// How many there are.
        parts: usize,
    },
    /// A saved state that belongs to another training, or is none.
    #[error("training state does not fit: {reason}")]
    State {
        /// What does not fit.
        reason: String,
    },
    /// Two neighbouring parts do not fit.
    #[error("part {part} takes {takes}, but the part before it gives {gives}")]
    PartsDoNotFit {
        /// The later of the two, counted from 1.
        part: usize,
        /// Shape it takes.
        takes: Shape,
        /// Shape it is given.
        gives: Shape,
    },
    /// Training needs one logit per class at the end.
    #[error("the last part gives {gives}, expected a flat vector with one logit per class")]
    NoLogits {
        /// Shape it gives.
        gives: Shape,
    },
    /// There is nothing to train.
    #[error("no part with weights is to be trained, expected one or more")]
    NothingTrained,
    /// The loss left the numbers.
    #[error("loss is {loss} at step {step} with learning rate {learning_rate}")]
    Diverged {
        /// Infinite or not a number.
        loss: f32,
        /// Steps are counted from 1.
        step: u64,
        /// The learning rate in use.
        learning_rate: f32,
    },
    /// Weights do not belong to this network.
    #[error("weights do not fit the network:\n  {}", beginning(problems))]
    Weights {
        /// Every weight that is missing, unexpected or of another shape or type.
        problems: Vec<String>,
    },
    /// Bytes that are no safetensors file, or weights that cannot be written as one.
    #[error("safetensors: {0}")]
    SafeTensors(#[from] topwork_tensors::TensorsError),
    /// The tensor core ran out of memory.
    #[error("the tensor core failed: {reason}")]
    Tensor {
        /// What it said.
        reason: String,
    },
}

impl EngineError {
    /// What would put it right, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Diverged { .. } => {
                Some("lower the learning rate, or check the inputs for values that are not finite")
            }
            Self::NoLogits { .. } => Some("end the head with a `linear` layer"),
            _ => None,
        }
    }
}

/// A wrong file has hundreds of problems, of which the first tell enough.
fn beginning(problems: &[String]) -> String {
    const MOST: usize = 24;
    let told = &problems[..problems.len().min(MOST)];
    let rest = match problems.len() - told.len() {
        0 => String::new(),
        rest => format!("\n  and {rest} more"),
    };
    told.join("\n  ") + &rest
}

/// `784 (1×28×28)`, or `800` where the shape says no more than that.
fn sized(shape: &Shape) -> String {
    match shape.as_image() {
        Some(_) => format!("{} ({shape})", shape.elements()),
        None => shape.to_string(),
    }
}

impl From<dfdx::tensor::CpuError> for EngineError {
    fn from(error: dfdx::tensor::CpuError) -> Self {
        let reason = match error {
            dfdx::tensor::CpuError::OutOfMemory => "out of memory",
            dfdx::tensor::CpuError::WrongNumElements => "wrong number of values for a tensor",
        };
        Self::Tensor {
            reason: reason.to_owned(),
        }
    }
}
