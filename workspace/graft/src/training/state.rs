//! Where a training stands between two steps, and the same as bytes, from which it goes on as if
//! there had been no break.
//!
//! The bytes are one safetensors file. Networks and the trainer's own state are safetensors
//! files within it; what is a number or a list of figures is JSON in its metadata.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};
use topwork_engine::{Network, Part, Stream, Trainer};
use topwork_measure::EpochFigures;
use topwork_tensors::{File, TensorsError, Writer};

/// Where a training stands, beside what its [`Trainer`] knows.
pub struct TrainingState {
    /// The epoch that is running, from 1; one more than there are when all have ended.
    pub epoch: usize,
    /// Examples of it that were learnt from: whole batches.
    pub done: usize,
    /// All examples to learn from, in the order of the running epoch.
    pub order: Arc<Vec<usize>>,
    /// Shuffles them before every epoch.
    pub shuffle: Stream,
    /// Varies the inputs: as it was after the last batch learnt from, whatever was read ahead.
    pub vary: Stream,
    /// What the running epoch has come to so far.
    pub sums: Sums,
    /// The loss that is shown.
    pub shown_loss: Option<f64>,
    /// Wall-clock time of the training so far, over all sessions.
    pub seconds: f64,
    /// The epochs that have ended.
    pub figures: Vec<EpochFigures>,
    /// The best epoch so far, by validation loss.
    pub best: Option<Best>,
}

/// What an epoch has come to so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    /// Sum of the examples' losses.
    pub loss: f64,
    /// Examples classified correctly.
    pub correct: usize,
    /// Of each column of standardised numbers the sum of the squared errors.
    #[serde(default, deserialize_with = "one_or_several")]
    pub squares: Vec<f64>,
    /// Wall-clock time, over all sessions.
    pub seconds: f64,
}

/// Checkpoints were written when there was one column alone: its sum, 0 where classes are learnt.
fn one_or_several<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Sums {
        One(f64),
        Several(Vec<f64>),
    }
    Ok(match Sums::deserialize(from)? {
        Sums::One(sum) => vec![sum],
        Sums::Several(sums) => sums,
    })
}

/// The best epoch so far.
pub struct Best {
    pub loss: f64,
    pub epoch: usize,
    pub networks: Vec<Network>,
}

/// What is kept as JSON. Numbers of JSON are read back to the bit as long as they are finite,
/// and only the loss on samples held out may not be.
#[derive(Serialize, Deserialize)]
struct Facts {
    training: String,
    epoch: usize,
    done: usize,
    sums: Sums,
    shown_loss: Option<f64>,
    seconds: f64,
    figures: Vec<EpochFigures>,
    /// The bits of the loss, and the epoch.
    best: Option<(u64, usize)>,
}

/// The one entry of the metadata.
const FACTS: &str = "topwork-training";

impl TrainingState {
    /// Before the first step.
    pub fn new(mut order: Vec<usize>, mut shuffle: Stream, vary: Stream) -> Self {
        shuffle.shuffle(&mut order);
        Self {
            epoch: 1,
            done: 0,
            order: Arc::new(order),
            shuffle,
            vary,
            sums: Sums::default(),
            shown_loss: None,
            seconds: 0.0,
            figures: Vec::new(),
            best: None,
        }
    }

    /// Examples learnt from, over all epochs.
    pub fn learnt(&self) -> u64 {
        ((self.epoch - 1) * self.order.len() + self.done) as u64
    }

    /// Closes the running epoch and makes ready for the next.
    pub fn end_epoch(&mut self, figures: EpochFigures) {
        self.figures.push(figures);
        self.epoch += 1;
        self.done = 0;
        self.sums = Sums::default();
        let order = Arc::make_mut(&mut self.order);
        self.shuffle.shuffle(order.as_mut_slice());
    }

    /// The state as bytes. `training` is what the training is recognised by.
    pub fn to_bytes(&self, training: &str, trainer: &Trainer<'_>) -> Result<Vec<u8>, String> {
        let mut file = Writer::default();
        file.bytes("trainer", trainer.state().map_err(words)?)
            .bytes("shuffle", self.shuffle.position().to_vec())
            .bytes("vary", self.vary.position().to_vec());
        let order: Vec<u64> = self.order.iter().map(|&example| example as u64).collect();
        file.array("order", &[order.len()], &order);
        let of_trainer = trainer.parts().iter().map(|part| &part.network);
        let of_best = self.best.iter().flat_map(|best| &best.networks);
        let named = (of_trainer.enumerate().map(|(part, of)| (network(part), of)))
            .chain(of_best.enumerate().map(|(part, of)| (best(part), of)));
        for (name, network) in named {
            file.bytes(name, network.to_safetensors().map_err(words)?);
        }
        let facts = Facts {
            training: training.to_owned(),
            epoch: self.epoch,
            done: self.done,
            sums: self.sums.clone(),
            shown_loss: self.shown_loss,
            seconds: self.seconds,
            figures: self.figures.clone(),
            best: (self.best.as_ref()).map(|best| (best.loss.to_bits(), best.epoch)),
        };
        file.words(FACTS, &facts)?;
        Ok(file.finish()?)
    }

    /// The state that [`TrainingState::to_bytes`] has written, with the parts as they were and
    /// the trainer's own state. `parts` are those the training began with, `examples` those it
    /// learns from in any order. Otherwise the reason why it cannot go on from there.
    pub fn from_bytes(
        bytes: &[u8],
        training: &str,
        parts: &[Part],
        examples: &[usize],
    ) -> Result<(Self, Vec<Part>, Vec<u8>), String> {
        let file = File::read(bytes)?;
        let facts: Facts = match file.words(FACTS) {
            Err(TensorsError::NoWords(_)) => {
                return Err("it holds no state of a training".to_owned());
            }
            facts => facts?,
        };
        if facts.training != training {
            return Err("it belongs to another training".to_owned());
        }
        let array =
            |name: &str| -> Result<Vec<u8>, String> { Ok(file.array(name)?.data().to_vec()) };
        let stream = |name: &str| {
            let position = array(name)?;
            let position = position.as_slice().try_into();
            Ok::<_, String>(Stream::at(position.map_err(words)?))
        };
        let networks = |name: fn(usize) -> String| {
            let parts = parts.iter().enumerate().map(|(index, part)| {
                let mut part = part.clone();
                let weights = array(&name(index))?;
                part.network.load_safetensors(&weights).map_err(words)?;
                Ok(part)
            });
            parts.collect::<Result<Vec<Part>, String>>()
        };
        let best = match facts.best {
            Some((loss, epoch)) => Some(Best {
                loss: f64::from_bits(loss),
                epoch,
                networks: networks(best)?.into_iter().map(|of| of.network).collect(),
            }),
            None => None,
        };
        let order: Vec<usize> = (array("order")?.as_chunks().0.iter())
            .map(|&example| u64::from_le_bytes(example) as usize)
            .collect();
        let mut sorted = order.clone();
        sorted.sort_unstable();
        let whole = sorted == examples
            && facts.done <= order.len()
            && facts.figures.len() + 1 == facts.epoch;
        if !whole {
            return Err("it does not fit the examples of the training".to_owned());
        }
        let state = Self {
            epoch: facts.epoch,
            done: facts.done,
            order: Arc::new(order),
            shuffle: stream("shuffle")?,
            vary: stream("vary")?,
            sums: facts.sums,
            shown_loss: facts.shown_loss,
            seconds: facts.seconds,
            figures: facts.figures,
            best,
        };
        Ok((state, networks(network)?, array("trainer")?))
    }
}

fn network(part: usize) -> String {
    format!("network/{part}")
}

fn best(part: usize) -> String {
    format!("best/{part}")
}

fn words(error: impl ToString) -> String {
    error.to_string()
}
