//! All plugins of a process: load them once, list them, ask for components.

use crate::library::{Opened, open_file, open_folders};
use crate::{
    Backbone, Classifier, CutRule, Dataset, Extractor, ExtractorKind, HostError, NetworkHead,
    Observer, find,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use topwork_kinds::Kind;

/// Where plugins come from and what they get to see of this process.
#[derive(Clone)]
pub struct Options {
    /// Trusted folders, searched in this order and not below. A folder that does not exist is passed over; folders and
    /// libraries that anybody may write to are skipped.
    pub folders: Vec<PathBuf>,
    /// Where plugins' data files are looked for, in this order.
    pub data_folders: Vec<PathBuf>,
    /// Where plugins may keep what can be made again.
    pub cache_folder: PathBuf,
    /// How many threads one call may keep busy.
    pub threads: usize,
    /// Who hears of calls, log lines and progress.
    pub observer: Arc<dyn Observer>,
}

/// The opened plugins. A library stays in memory until the process ends, also after this is dropped.
pub struct Plugins {
    opened: Vec<Arc<Opened>>,
    infos: Vec<PluginInfo>,
    skipped: Vec<Skipped>,
}

impl Plugins {
    /// Opens every file with a plugin's name in the trusted folders. This runs their code.
    ///
    /// A library that cannot be opened or breaks the contract is skipped with its reason. Of two plugins with one id the
    /// first counts; a file reachable through two of the folders is opened once.
    pub fn load(options: Options) -> Plugins {
        let (opened, skipped) = open_folders(&options);
        Plugins::from_opened(opened, skipped)
    }

    /// Opens one library, whatever its name and place, and returns its plugin alone; an `Err` says why it cannot be used. The
    /// folders of `options` are passed over.
    pub fn load_file(path: &Path, options: &Options) -> Result<Plugins, String> {
        let opened = open_file(path, options)?;
        Ok(Plugins::from_opened(vec![Arc::new(opened)], Vec::new()))
    }

    pub(crate) fn from_opened(opened: Vec<Arc<Opened>>, skipped: Vec<Skipped>) -> Plugins {
        let infos = opened.iter().map(|plugin| plugin.info.clone()).collect();
        Plugins {
            opened,
            infos,
            skipped,
        }
    }

    /// The plugins in use, in the order of loading.
    pub fn list(&self) -> &[PluginInfo] {
        &self.infos
    }

    /// The libraries that are not used, and why.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// The component that `use_` names among those of the given kinds: `id`, or `plugin-id/id` where several plugins have it.
    pub fn find(
        &self,
        kinds: &[Kind],
        use_: &str,
    ) -> Result<(&PluginInfo, &ComponentInfo), HostError> {
        let (plugin, component) = find::find(&self.infos, &self.skipped, kinds, use_)?;
        let info = &self.infos[plugin];
        Ok((info, &info.components[component]))
    }

    /// Makes the dataset that `use_` names. `parameters` is a JSON object that fits its schema.
    pub fn dataset(&self, use_: &str, parameters: &Value) -> Result<Dataset, HostError> {
        let (plugin, component) = self.pick(Kind::Dataset, use_)?;
        Dataset::create(plugin, component, parameters)
    }

    /// Makes the backbone that `use_` names.
    pub fn backbone(&self, use_: &str, parameters: &Value) -> Result<Backbone, HostError> {
        let (plugin, component) = self.pick(Kind::Backbone, use_)?;
        Backbone::create(plugin, component, parameters)
    }

    /// Makes the extractor backbone that `use_` names.
    pub fn extractor(&self, use_: &str, parameters: &Value) -> Result<Extractor, HostError> {
        let (plugin, component) = self.pick(Kind::Extractor, use_)?;
        Extractor::create(plugin, component, parameters)
    }

    /// The same, as the network that it is where it is one.
    pub fn network_or_extractor(
        &self,
        use_: &str,
        parameters: &Value,
    ) -> Result<ExtractorKind, HostError> {
        let (plugin, component) = self.pick(Kind::Extractor, use_)?;
        Extractor::open(plugin, component, parameters)
    }

    /// Makes the cut rule that `use_` names.
    pub fn cut_rule(&self, use_: &str, parameters: &Value) -> Result<CutRule, HostError> {
        let (plugin, component) = self.pick(Kind::CutRule, use_)?;
        CutRule::create(plugin, component, parameters)
    }

    /// Makes the network head that `use_` names.
    pub fn network_head(&self, use_: &str, parameters: &Value) -> Result<NetworkHead, HostError> {
        let (plugin, component) = self.pick(Kind::NetworkHead, use_)?;
        NetworkHead::create(plugin, component, parameters)
    }

    /// Makes the classifier head that `use_` names.
    pub fn classifier(&self, use_: &str, parameters: &Value) -> Result<Classifier, HostError> {
        let (plugin, component) = self.pick(Kind::ClassifierHead, use_)?;
        Classifier::create(plugin, component, parameters)
    }

    pub(crate) fn pick(&self, kind: Kind, use_: &str) -> Result<(&Arc<Opened>, usize), HostError> {
        let (plugin, component) = find::find(&self.infos, &self.skipped, &[kind], use_)?;
        Ok((&self.opened[plugin], component))
    }
}

/// A plugin in use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PluginInfo {
    /// Its id.
    pub id: String,
    /// Its version, for people.
    pub version: String,
    /// Its licence as an SPDX expression.
    pub licence: String,
    /// The library's file, or the one in Python.
    pub path: PathBuf,
    /// The SHA-256 of that file, in hexadecimal; of a plugin in Python, that of its files and of the versions of Python and of the
    /// packages that it imports.
    pub sha256: String,
    /// What it offers.
    pub components: Vec<ComponentInfo>,
    /// What of it is not used, and why: components of a kind from a newer ABI.
    pub notes: Vec<String>,
}

/// A component of a plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComponentInfo {
    /// What it is.
    pub kind: Kind,
    /// Its id, as written after `use =`.
    pub id: String,
    /// One line about it.
    pub about: String,
    /// The JSON Schema of its parameters, an object.
    pub schema: Value,
    /// Whether it is a head that can be fitted to numbers.
    #[serde(default)]
    pub numbers: bool,
}

/// A library that is not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Its file.
    pub path: PathBuf,
    /// Why, as one sentence.
    pub reason: String,
}
