//! Datasets in Python.

use crate::instance::{Instance, read};
use crate::process::Number;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::OnceLock;
use topwork_sdk::{
    Component, Description, Element, Error, Host, NoParameters, Provenance, Split, Targets,
};

/// An object with `describe`, `read`, and `labels` or, where it may have `NUMBERS`, `numbers`, whose samples have numbers of type `E`.
pub struct Dataset<E, const NUMBERS: bool> {
    instance: Instance,
    described: OnceLock<(Description, Targets)>,
    element: PhantomData<E>,
}

/// What `describe` gives.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    shape: Vec<usize>,
    classes: Vec<String>,
    splits: BTreeMap<String, u64>,
    targets: Option<Targets>,
}

impl<E: Element + Number + Send + Sync, const NUMBERS: bool> Component for Dataset<E, NUMBERS> {
    const ID: &str = "python-dataset";
    const ABOUT: &str = "a dataset in Python";
    const SCHEMA: &str = NoParameters::SCHEMA;
    type Parameters = Map<String, Value>;

    fn read(written: Map<String, Value>) -> Result<Self::Parameters, Error> {
        Ok(written)
    }

    fn create(host: Host, written: Self::Parameters) -> Result<Self, Error> {
        Ok(Dataset {
            instance: Instance::create(host, written)?,
            described: OnceLock::new(),
            element: PhantomData,
        })
    }
}

impl<E: Element + Number + Send + Sync, const NUMBERS: bool> Dataset<E, NUMBERS> {
    fn described(&self) -> Result<&(Description, Targets), Error> {
        if let Some(described) = self.described.get() {
            return Ok(described);
        }
        let given: Described = read("describe", self.instance.ask_alone("describe", json!({}))?)?;
        let shape = match given.shape[..] {
            [numbers] => [1, 1, numbers],
            [channels, height, width] => [channels, height, width],
            _ => {
                return Err(Error::failed(format!(
                    "`describe` gave the shape {:?}, expected [channels, height, width]",
                    given.shape
                )));
            }
        };
        let targets = given.targets.unwrap_or(Targets::Classes);
        if targets != Targets::Classes && !NUMBERS {
            return Err(Error::failed(
                "`describe` gave targets other than classes, and there is no method `numbers`",
            ));
        }
        let splits = given.splits.into_iter();
        let description = Description {
            classes: given.classes,
            shape,
            splits: splits.map(|(name, len)| Split { name, len }).collect(),
        };
        Ok(self.described.get_or_init(|| (description, targets)))
    }

    fn split(&self, split: usize) -> Result<&Split, Error> {
        (self.described()?.0.splits.get(split))
            .ok_or_else(|| Error::failed(format!("there is no split {split}")))
    }

    fn texts(&self, method: &str, split: usize) -> Result<Option<Vec<String>>, Error> {
        let split = self.split(split)?;
        let arguments = json!({"method": method, "split": split.name, "count": split.len});
        read(method, self.instance.ask_alone("texts", arguments)?)
    }
}

impl<E: Element + Number + Send + Sync, const NUMBERS: bool> topwork_sdk::Dataset
    for Dataset<E, NUMBERS>
{
    type Element = E;

    const NUMBERS: bool = NUMBERS;
    const MULTILABEL: bool = NUMBERS;

    fn has_numbers(&self) -> Result<bool, Error> {
        Ok(self.described()?.1 == Targets::Numbers)
    }

    fn is_multilabel(&self) -> Result<bool, Error> {
        Ok(self.described()?.1 == Targets::Multilabel)
    }

    fn description(&self) -> Result<Description, Error> {
        Ok(self.described()?.0.clone())
    }

    fn labels(&self, split: usize) -> Result<Vec<u32>, Error> {
        let split = self.split(split)?;
        let len = usize::try_from(split.len)
            .map_err(|_| Error::failed(format!("a split of {} samples", split.len)))?;
        let mut labels = vec![0_u32; len];
        if self.described()?.1 != Targets::Classes {
            return Ok(labels);
        }
        let mut turn = self.instance.turn()?;
        let arguments = json!({"split": split.name, "count": split.len, "output": turn.output()});
        self.instance.ask(&mut turn, "labels", arguments)?;
        turn.written(&mut labels)?;
        Ok(labels)
    }

    fn numbers(&self, split: usize) -> Result<Vec<f32>, Error> {
        let columns = self.described()?.0.classes.len();
        let split = self.split(split)?;
        let len = usize::try_from(split.len).ok();
        let len = len.and_then(|len| len.checked_mul(columns));
        let len = len.ok_or_else(|| Error::failed(format!("a split of {} samples", split.len)))?;
        let mut numbers = vec![0.0_f32; len];
        let mut turn = self.instance.turn()?;
        let arguments = json!({
            "split": split.name,
            "count": split.len,
            "columns": columns,
            "output": turn.output(),
        });
        self.instance.ask(&mut turn, "numbers", arguments)?;
        turn.written(&mut numbers)?;
        Ok(numbers)
    }

    fn read(&self, split: usize, indices: &[u64], samples: &mut [E]) -> Result<(), Error> {
        let shape = self.described()?.0.shape;
        let split = self.split(split)?;
        if let Some(beyond) = indices.iter().find(|&&index| index >= split.len) {
            return Err(Error::failed(format!(
                "there is no sample {beyond}, the split has {}",
                split.len
            )));
        }
        let mut turn = self.instance.turn()?;
        let indices = turn.array(indices, &[indices.len()])?;
        let arguments = json!({
            "split": split.name,
            "indices": indices,
            "shape": shape,
            "output": turn.output(),
        });
        self.instance.ask(&mut turn, "read", arguments)?;
        turn.written(samples)
    }
}

impl<E: Element + Number + Send + Sync, const NUMBERS: bool> Provenance for Dataset<E, NUMBERS> {
    fn names(&self, split: usize) -> Result<Option<Vec<String>>, Error> {
        self.texts("names", split)
    }

    fn groups(&self, split: usize) -> Result<Option<Vec<String>>, Error> {
        self.texts("groups", split)
    }
}
