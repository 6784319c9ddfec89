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
    parameters: Map<String, Value>,
    /// Which process it lives in, and its number there.
    generation: AtomicU64,
    number: u64,
}

impl Instance {
    /// Makes an object of the class that the component was declared for.
    pub fn create(host: Host, written: Map<String, Value>) -> Result<Self, Error> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let class: &'static Class = host.made_for().ok_or_else(|| {
            Error::unsupported("only a program that knows components with a context makes it")
        })?;
        let parameters = parameters(&class.schema, written)?;
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let mut turn = class.process.turn(host)?;
        make(&mut turn, class, host, number, &parameters)?;
        let generation = AtomicU64::new(turn.generation());
        Ok(Instance {
            class,
            host,
            parameters,
            generation,
            number,
        })
    }

    /// A turn with the process that the object lives in. Another instance may have ended it; one that is as it was made is then made
    /// again, in another process. What a classifier has learnt is gone.
    pub fn turn(&self) -> Result<Turn<'_>, Error> {
        let mut turn = self.class.process.turn(self.host)?;
        if turn.generation() != self.generation.load(Ordering::Relaxed) {
            if self.class.offered.kind.learns() {
                return Err(Error::failed(
                    "its Python process has ended, and what was fitted is gone with it",
                ));
            }
            make(
                &mut turn,
                self.class,
                self.host,
                self.number,
                &self.parameters,
            )?;
            (self.generation).store(turn.generation(), Ordering::Relaxed);
        }
        Ok(turn)
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

fn make(
    turn: &mut Turn<'_>,
    class: &Class,
    host: Host,
    number: u64,
    parameters: &Map<String, Value>,
) -> Result<(), Error> {
    let arguments = json!({
        "component": [class.offered.kind, class.offered.id],
        "instance": number,
        "parameters": parameters,
        "host": {
            "threads": host.threads(),
            "cache_folder": host.cache_folder()?,
        },
    });
    turn.ask("create", arguments).map(|_| ())
}

impl Drop for Instance {
    fn drop(&mut self) {
        let generation = self.generation.load(Ordering::Relaxed);
        // Where its process has ended, so has the object.
        if let Some(mut turn) = self.class.process.turn_in(generation, self.host) {
            let _ = turn.ask("destroy", json!({"instance": self.number}));
        }
    }
}

/// What Python gave, as the type it should be of.
pub fn read<T: serde::de::DeserializeOwned>(method: &str, given: Value) -> Result<T, Error> {
    serde_json::from_value(given)
        .map_err(|error| Error::failed(format!("`{method}` gave what it should not: {error}")))
}
