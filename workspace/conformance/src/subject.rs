//! What a case is tried on: an open plugin, one of its components, and parameters.

use crate::{Calls, Outcome, Request};
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use topwork_host::bare::{Bare, BareInstance};
use topwork_host::{
    Backbone, Classifier, ComponentInfo, CutRule, Dataset, Decoder, ErrorKind, Extractor,
    HostError, Kind, NetworkHead, Options, PluginInfo, Plugins,
};

/// A case ends early with an outcome that is not `Ok`.
pub type Tried<T> = Result<T, Outcome>;

pub struct Subject {
    plugins: Plugins,
    options: Options,
    library: PathBuf,
    call_path: PathBuf,
    component: Option<ComponentInfo>,
    parameters: Option<Map<String, Value>>,
}

/// An instance of any kind.
pub enum Instance {
    Dataset(Dataset),
    Backbone(Backbone),
    Extractor(Extractor),
    CutRule(CutRule),
    NetworkHead(NetworkHead),
    Classifier(Classifier),
}

impl Subject {
    pub fn new(request: &Request, options: Options) -> Result<Self, String> {
        let plugins = Plugins::load_file(&request.library, &options)?;
        let component = match &request.component {
            None => None,
            Some((kind, id)) => {
                let found = (plugins.list().iter())
                    .flat_map(|plugin| &plugin.components)
                    .find(|component| component.kind == *kind && component.id == *id);
                let found = found.ok_or_else(|| format!("offers no {} `{id}`", kind.words()))?;
                Some(found.clone())
            }
        };
        Ok(Subject {
            plugins,
            options,
            library: request.library.clone(),
            call_path: request.call_path.clone(),
            component,
            parameters: request.parameters.clone(),
        })
    }

    pub fn plugin(&self) -> Tried<&PluginInfo> {
        let first = self.plugins.list().first();
        first.ok_or_else(|| Outcome::Failed("offers nothing".to_owned()))
    }

    pub fn library(&self) -> &std::path::Path {
        &self.library
    }

    /// The same library opened once more, as a second host in this process does.
    pub fn open_again(&self) -> Tried<Plugins> {
        Plugins::load_file(&self.library, &self.options).map_err(Outcome::Failed)
    }

    /// As [`Subject::open_again`], by a host that wishes every call to end soon.
    pub fn open_stopping(&self) -> Tried<Plugins> {
        let options = Options {
            observer: Arc::new(Calls::note_in(&self.call_path, true)),
            ..self.options.clone()
        };
        Plugins::load_file(&self.library, &options).map_err(Outcome::Failed)
    }

    pub fn component(&self) -> Tried<&ComponentInfo> {
        (self.component.as_ref())
            .ok_or_else(|| Outcome::Failed("the case needs a component".to_owned()))
    }

    /// The parameters that the user has given, else none.
    pub fn parameters(&self) -> Map<String, Value> {
        self.parameters.clone().unwrap_or_default()
    }

    /// An error as an outcome. One that parameters or data may mend is not the plugin's fault where the user has not given
    /// any parameters.
    pub fn fault(&self, error: &HostError) -> Outcome {
        match error.kind() {
            ErrorKind::Parameters | ErrorKind::Data if self.parameters.is_none() => {
                Outcome::Skipped(format!("needs parameters or data: {error}"))
            }
            _ => Outcome::Failed(error.to_string()),
        }
    }

    /// Makes an instance with these parameters.
    pub fn create_with(&self, parameters: &Value) -> Result<Instance, HostError> {
        self.create_in(&self.plugins, parameters)
    }

    fn create_in(&self, plugins: &Plugins, parameters: &Value) -> Result<Instance, HostError> {
        let Some(component) = &self.component else {
            return plugins.dataset("", parameters).map(Instance::Dataset);
        };
        let id = &component.id;
        Ok(match component.kind {
            Kind::Dataset => Instance::Dataset(plugins.dataset(id, parameters)?),
            Kind::Backbone => Instance::Backbone(plugins.backbone(id, parameters)?),
            Kind::Extractor => Instance::Extractor(plugins.extractor(id, parameters)?),
            Kind::CutRule => Instance::CutRule(plugins.cut_rule(id, parameters)?),
            Kind::NetworkHead => Instance::NetworkHead(plugins.network_head(id, parameters)?),
            Kind::ClassifierHead => Instance::Classifier(plugins.classifier(id, parameters)?),
        })
    }

    pub fn create(&self) -> Tried<Instance> {
        self.create_with(&json!(self.parameters()))
            .map_err(|error| self.fault(&error))
    }

    pub fn create_of(&self, plugins: &Plugins) -> Tried<Instance> {
        self.create_in(plugins, &json!(self.parameters()))
            .map_err(|error| self.fault(&error))
    }

    pub fn bare(&self) -> Tried<Bare> {
        let component = self.component()?;
        (self.plugins.bare(component.kind, &component.id))
            .map_err(|error| Outcome::Failed(error.to_string()))
    }

    /// An instance to be called without care. A component that cannot be made in the usual way is skipped as ever.
    pub fn create_bare<'a>(&self, bare: &'a Bare) -> Tried<BareInstance<'a>> {
        self.create()?;
        let parameters = json!(self.parameters()).to_string();
        (bare.create(parameters.as_bytes(), true).1)
            .ok_or_else(|| Outcome::Failed("it can be made once, but not again".to_owned()))
    }

    pub fn dataset(&self) -> Tried<Dataset> {
        match self.create()? {
            Instance::Dataset(dataset) => Ok(dataset),
            _ => Err(not("dataset")),
        }
    }

    /// The dataset's decoder of files; `None` where it has none.
    pub fn decoder(&self, parameters: &Value) -> Result<Option<Decoder>, HostError> {
        let id = self.component.as_ref().map(|component| &*component.id);
        self.plugins.decoder(id.unwrap_or_default(), parameters)
    }

    pub fn backbone(&self) -> Tried<Backbone> {
        match self.create()? {
            Instance::Backbone(backbone) => Ok(backbone),
            _ => Err(not("backbone")),
        }
    }

    pub fn extractor(&self) -> Tried<Extractor> {
        match self.create()? {
            Instance::Extractor(extractor) => Ok(extractor),
            _ => Err(not("extractor")),
        }
    }

    pub fn cut_rule(&self) -> Tried<CutRule> {
        match self.create()? {
            Instance::CutRule(rule) => Ok(rule),
            _ => Err(not("cut rule")),
        }
    }

    pub fn network_head(&self) -> Tried<NetworkHead> {
        match self.create()? {
            Instance::NetworkHead(head) => Ok(head),
            _ => Err(not("network head")),
        }
    }

    pub fn classifier(&self) -> Tried<Classifier> {
        classifier(self.create()?)
    }
}

pub fn classifier(instance: Instance) -> Tried<Classifier> {
    match instance {
        Instance::Classifier(classifier) => Ok(classifier),
        _ => Err(not("classifier head")),
    }
}

fn not(kind: &str) -> Outcome {
    Outcome::Failed(format!("the component is no {kind}"))
}
