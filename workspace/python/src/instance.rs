//! An instance of a class, which lives in the file's process.

use crate::Class;
use crate::process::Turn;
use serde_json::{Map, Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use topwork_sdk::{Error, Host, parameters};

/// An object in Python.
pub struct Instance {
    pub class: &'static Class,
    host: Host,
    /// Which process it lives in, and its number there.
    generation: u64,
    number: u64,
}

impl Instance {
    /// Makes an object of the class that the component was declared for.
    pub fn create(host: Host, written: Map<String, Value>) -> Result<Self, Error> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let class: &'static Class = host.made_for().ok_or_else(|| {
            Error::unsupported("only a program that knows components with a context makes it")
        })?;
        let parameters: Map<String, Value> = parameters(&class.schema, written)?;
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let mut turn = class.process.turn(host)?;
        turn.ask(
            "create",
            json!({
                "component": [class.offered.kind, class.offered.id],
                "instance": number,
                "parameters": parameters,
                "host": {
                    "threads": host.threads(),
                    "cache_folder": host.cache_folder()?,
                },
            }),
        )?;
        Ok(Instance {
            class,
            host,
            generation: turn.generation(),
            number,
        })
    }

    pub fn turn(&self) -> Result<Turn<'_>, Error> {
        self.class.process.turn_in(self.generation, self.host)
    }

    /// Makes a call on the object.
    pub fn ask(
        &self,
        turn: &mut Turn<'_>,
        call: &str,
        mut arguments: Value,
    ) -> Result<Value, Error> {
        arguments["instance"] = self.number.into();
        turn.ask(call, arguments)
    }

    /// Makes a call on the object that neither takes nor gives arrays.
    pub fn ask_alone(&self, call: &str, arguments: Value) -> Result<Value, Error> {
        self.ask(&mut self.turn()?, call, arguments)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // Where its process has ended, so has it.
        let _ = self.ask_alone("destroy", json!({}));
    }
}

/// What Python gave, as the type it should be of.
pub fn read<T: serde::de::DeserializeOwned>(method: &str, given: Value) -> Result<T, Error> {
    serde_json::from_value(given)
        .map_err(|error| Error::failed(format!("`{method}` gave what it should not: {error}")))
}
