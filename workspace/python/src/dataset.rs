//! Datasets in Python.

use crate::instance::{Instance, read};
use crate::process::Number;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::OnceLock;
use topwork_sdk::{Component, Description, Element, Error, Host, NoParameters, Provenance, Split};

/// An object with `describe`, `labels` and `read`, whose samples have numbers of type `E`.
pub struct Dataset<E> {
    instance: Instance,
    described: OnceLock<Description>,
    element: PhantomData<E>,
}

/// What `describe` gives.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    shape: Vec<usize>,
    classes: Vec<String>,
    splits: BTreeMap<String, u64>,
}

impl<E: Element + Number + Send + Sync> Component for Dataset<E> {
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

impl<E: Element + Number + Send + Sync> Dataset<E> {
    fn described(&self) -> Result<&Description, Error> {
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
        let splits = given.splits.into_iter();
        let description = Description {
            classes: given.classes,
            shape,
            splits: splits.map(|(name, len)| Split { name, len }).collect(),
        };
        Ok(self.described.get_or_init(|| description))
    }

    fn split(&self, split: usize) -> Result<&Split, Error> {
        (self.described()?.splits.get(split))
            .ok_or_else(|| Error::failed(format!("there is no split {split}")))
    }

    fn texts(&self, method: &str, split: usize) -> Result<Option<Vec<String>>, Error> {
        let split = self.split(split)?;
        let arguments = json!({"method": method, "split": split.name, "count": split.len});
        read(method, self.instance.ask_alone("texts", arguments)?)
    }
}

impl<E: Element + Number + Send + Sync> topwork_sdk::Dataset for Dataset<E> {
    type Element = E;

    fn description(&self) -> Result<Description, Error> {
        self.described().cloned()
    }

    fn labels(&self, split: usize) -> Result<Vec<u32>, Error> {
        let split = self.split(split)?;
        let len = usize::try_from(split.len)
            .map_err(|_| Error::failed(format!("a split of {} samples", split.len)))?;
        let mut labels = vec![0_u32; len];
        let mut turn = self.instance.turn()?;
        let arguments = json!({"split": split.name, "count": split.len, "output": turn.output()});
        self.instance.ask(&mut turn, "labels", arguments)?;
        turn.written(&mut labels)?;
        Ok(labels)
    }

    fn read(&self, split: usize, indices: &[u64], samples: &mut [E]) -> Result<(), Error> {
        let shape = self.described()?.shape;
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

impl<E: Element + Number + Send + Sync> Provenance for Dataset<E> {
    fn names(&self, split: usize) -> Result<Option<Vec<String>>, Error> {
        self.texts("names", split)
    }

    fn groups(&self, split: usize) -> Result<Option<Vec<String>>, Error> {
        self.texts("groups", split)
    }
}
