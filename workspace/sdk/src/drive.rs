//! Calls a plugin through its own tables in the same process: for tests that need no shared library.
//!
//! ```
//! # use topwork_sdk::*;
//! # struct Small;
//! # impl Component for Small {
//! #     const ID: &str = "small";
//! #     const ABOUT: &str = "one convolution";
//! #     const SCHEMA: &str = NoParameters::SCHEMA;
//! #     type Parameters = NoParameters;
//! #     fn create(_: Host, _: NoParameters) -> Result<Self, Error> { Ok(Small) }
//! # }
//! # impl Backbone for Small {
//! #     fn blueprint(&self) -> Result<Blueprint, Error> { Ok(Blueprint::new(&[4]).layer("relu", Layer::Relu)) }
//! # }
//! # export_plugin! { id: "my-plugin", licence: "MIT", components: [backbone::<Small>()] }
//! use serde_json::json;
//! use topwork_sdk::drive::{Driver, TestHost};
//!
//! # fn main() -> Result<(), Error> {
//! let driver = Driver::new(&PLUGIN, &TestHost::new());
//! let blueprint = driver.backbone("small", &json!({}))?.blueprint()?;
//! assert_eq!(blueprint["layers"][0]["op"], "relu");
//! # Ok(())
//! # }
//! ```
//!
//! Unlike the host, a driver takes the plugin's word for everything: pointers and counts are not checked.

mod classifier;
mod decoder;
mod instance;
mod test_host;

pub use classifier::DrivenClassifier;
pub use decoder::DrivenDecoder;
pub use instance::{
    DrivenBackbone, DrivenCutRule, DrivenDataset, DrivenExtractor, DrivenNetworkHead,
};
pub use test_host::TestHost;

use crate::{Error, ExportedComponent, Plugin};
use instance::Driven;
use serde_json::Value;
use topwork_abi as abi;

/// A plugin of this process and the host it is shown.
pub struct Driver {
    plugin: &'static Plugin,
    services: &'static abi::HostServices,
}

/// What a plugin says about a component.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// What it is.
    pub kind: abi::Kind,
    /// Its id.
    pub id: String,
    /// One line about it.
    pub about: String,
    /// The JSON Schema of its parameters.
    pub schema: Value,
}

impl Driver {
    /// Drives a plugin: the `PLUGIN` that [`export_plugin!`](crate::export_plugin) defines.
    ///
    /// A table that anyone may have put together is not taken, as nothing is known of where its pointers lead:
    ///
    /// ```compile_fail,E0308
    /// # use topwork_sdk::{abi, drive::{Driver, TestHost}};
    /// fn drive(entry: &'static abi::Entry) -> Driver {
    ///     Driver::new(entry, &TestHost::new())
    /// }
    /// ```
    pub fn new(plugin: &'static Plugin, host: &TestHost) -> Self {
        Driver {
            plugin,
            services: host.services(),
        }
    }

    /// The plugin's components. An error when a schema is not JSON.
    pub fn list(&self) -> Result<Vec<Listed>, Error> {
        let listed = |component: &&'static ExportedComponent| {
            let component = component.table();
            let schema = own(component.parameter_schema);
            let schema = serde_json::from_str(&schema)
                .map_err(|error| Error::failed(format!("the schema is not JSON: {error}")))?;
            Ok(Listed {
                kind: component.kind,
                id: own(component.id),
                about: own(component.about),
                schema,
            })
        };
        self.plugin.components().iter().map(listed).collect()
    }

    /// Makes a dataset.
    pub fn dataset(&self, id: &str, parameters: &Value) -> Result<DrivenDataset, Error> {
        let driven = self.create(abi::Kind::DATASET, id, parameters)?;
        DrivenDataset::new(driven)
    }

    /// Makes a decoder of a dataset's files; an error where it decodes none.
    pub fn decoder(&self, id: &str, parameters: &Value) -> Result<DrivenDecoder, Error> {
        let component = self.find(abi::Kind::DATASET, id)?;
        DrivenDecoder::create(component, self.services, parameters)
    }

    /// Makes a backbone.
    pub fn backbone(&self, id: &str, parameters: &Value) -> Result<DrivenBackbone, Error> {
        let driven = self.create(abi::Kind::BACKBONE_BLUEPRINT, id, parameters)?;
        Ok(DrivenBackbone::new(driven))
    }

    /// Makes an extractor.
    pub fn extractor(&self, id: &str, parameters: &Value) -> Result<DrivenExtractor, Error> {
        let driven = self.create(abi::Kind::BACKBONE_EXTRACTOR, id, parameters)?;
        DrivenExtractor::new(driven)
    }

    /// Makes a cut rule.
    pub fn cut_rule(&self, id: &str, parameters: &Value) -> Result<DrivenCutRule, Error> {
        let driven = self.create(abi::Kind::CUT_RULE, id, parameters)?;
        Ok(DrivenCutRule::new(driven))
    }

    /// Makes a network head.
    pub fn network_head(&self, id: &str, parameters: &Value) -> Result<DrivenNetworkHead, Error> {
        let driven = self.create(abi::Kind::NETWORK_HEAD, id, parameters)?;
        Ok(DrivenNetworkHead::new(driven))
    }

    /// Makes a classifier head.
    pub fn classifier(&self, id: &str, parameters: &Value) -> Result<DrivenClassifier, Error> {
        let driven = self.create(abi::Kind::CLASSIFIER_HEAD, id, parameters)?;
        Ok(DrivenClassifier::new(driven))
    }

    fn create(&self, kind: abi::Kind, id: &str, parameters: &Value) -> Result<Driven, Error> {
        Driven::create(self.find(kind, id)?, self.services, parameters)
    }

    fn find(&self, kind: abi::Kind, id: &str) -> Result<&'static abi::Component, Error> {
        let mut components = (self.plugin.components().iter()).map(|component| component.table());
        components
            .find(|component| component.kind == kind && own(component.id) == id)
            .ok_or_else(|| Error::failed(format!("no component `{id}` of kind {}", kind.0)))
    }
}

/// A copy of a text; what is not UTF-8 is replaced.
fn own(text: abi::Text) -> String {
    if text.data.is_null() {
        return String::new();
    }
    // SAFETY: texts of a plugin's tables live until the process ends.
    let bytes = unsafe { std::slice::from_raw_parts(text.data, text.len) };
    String::from_utf8_lossy(bytes).into_owned()
}
