//! What the fit of a classifier head has found, by name.

use crate::Classifier;
use crate::enter::{enter, give, instance};
use serde_json::{Map, Value};
use topwork_abi as abi;

/// What a fit has found, such as the number of support vectors: shown with the result, and kept in its JSON. Names have lower-case
/// letters, digits and hyphens; 32 are taken at most.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts(Map<String, Value>);

impl Facts {
    /// Adds a finite number.
    #[must_use]
    pub fn number(mut self, name: &str, value: f64) -> Self {
        // Whole numbers are written as such; what is not finite becomes a null, which the host refuses by its name.
        let whole = (value.fract() == 0.0 && value.abs() < 1e15).then_some(value as i64);
        let value = whole.map_or_else(|| Value::from(value), Value::from);
        self.0.insert(name.to_owned(), value);
        self
    }

    /// Adds a text of one line.
    #[must_use]
    pub fn text(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.insert(name.to_owned(), Value::String(value.into()));
        self
    }
}

impl From<Map<String, Value>> for Facts {
    fn from(facts: Map<String, Value>) -> Self {
        Self(facts)
    }
}

/// The table of the ability.
pub(crate) struct Table<C>(C);

impl<C: Classifier> Table<C> {
    pub(crate) const TABLE: &'static abi::ClassifierFactsTable = &abi::ClassifierFactsTable {
        size: size_of::<abi::ClassifierFactsTable>(),
        facts: Some(facts::<C>),
    };
}

unsafe extern "C" fn facts<C: Classifier>(
    pointer: abi::Instance,
    facts: *const abi::Sink,
    error: *const abi::Sink,
) -> abi::Status {
    let body = || {
        // SAFETY: the host hands back what `create` gave it, and no exclusive call is running.
        let classifier = unsafe { instance::<C>(pointer) }?;
        let text = Value::Object(classifier.facts()?.0).to_string();
        // SAFETY: the sink is valid during the call.
        unsafe { give("facts", facts, text.as_bytes()) }
    };
    // SAFETY: the sink is valid during the call.
    unsafe { enter(error, body) }
}
