//! Datasets whose parameter schemas lie.

use serde::Deserialize;
use serde_json::{Map, Value};
use topwork_sdk::{Component, Dataset, Description, Error, Host, Split};

/// A dataset with a schema of its own; what it holds is beside the point.
macro_rules! liar {
    ($(#[doc = $about:literal])+ $name:ident, $id:literal, $schema:literal) => {
        $(#[doc = $about])+
        pub struct $name(u32);

        impl Component for $name {
            const ID: &str = $id;
            const ABOUT: &str = concat!($($about),+);
            const SCHEMA: &str = $schema;
            type Parameters = Parameters;

            fn read(written: Map<String, Value>) -> Result<Parameters, Error> {
                // Whatever the schema says.
                serde_json::from_value(written.into())
                    .map_err(|error| Error::parameters(error.to_string()))
            }

            fn create(_: Host, parameters: Parameters) -> Result<Self, Error> {
                Ok($name(parameters.count))
            }
        }

        impl Dataset for $name {
            type Element = u8;

            fn description(&self) -> Result<Description, Error> {
                Ok(Description {
                    classes: (0..self.0).map(|class| class.to_string()).collect(),
                    shape: [1, 28, 28],
                    splits: ["train", "test"]
                        .map(|name| Split { name: name.to_owned(), len: 30 })
                        .to_vec(),
                })
            }

            fn labels(&self, _: usize) -> Result<Vec<u32>, Error> {
                Ok((0..30).map(|sample| sample % self.0).collect())
            }

            fn read(&self, _: usize, _: &[u64], samples: &mut [u8]) -> Result<(), Error> {
                samples.fill(1);
                Ok(())
            }
        }
    };
}

/// What the liars really take.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    count: u32,
}

impl std::default::Default for Parameters {
    fn default() -> Self {
        Parameters { count: 3 }
    }
}

liar!(
    /// a default that is not of the type it names
    Default,
    "liar-default",
    r#"{"type": "object", "properties": {"count": {"type": "integer", "default": "many"}}, "additionalProperties": false}"#
);
liar!(
    /// a type that is none
    Type,
    "liar-type",
    r#"{"type": "object", "properties": {"count": {"type": "heap"}}, "additionalProperties": false}"#
);
liar!(
    /// a schema that refers to itself without end
    Recursion,
    "liar-recursion",
    r##"{"$ref": "#"}"##
);
liar!(
    /// a schema that lies on another computer
    Elsewhere,
    "liar-elsewhere",
    r#"{"type": "object", "properties": {"count": {"$ref": "https://example.org/count.json"}}, "additionalProperties": false}"#
);
liar!(
    /// a schema with a parameter that the component does not take
    Promise,
    "liar-promise",
    r#"{"type": "object", "properties": {"colour": {"type": "string", "default": "red"}}, "additionalProperties": false}"#
);
