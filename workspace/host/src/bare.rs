//! Calls that topwork itself never makes, for checking how a plugin takes them: text that is no JSON, an index beyond the end, a
//! sink that is not there. Nothing that comes back is checked, and a crash is a possible answer: only for a process that is
//! made for it.

use crate::call::{Entered, collect, create};
use crate::library::Opened;
use crate::{HostError, Kind, Plugins};
use std::sync::Arc;
use topwork_abi as abi;

/// What a call may write is cut off here, in bytes.
const MOST_WRITTEN: usize = 1 << 24;

/// A component, called without care.
pub struct Bare {
    plugin: Arc<Opened>,
    kind: Kind,
    component: abi::Component,
}

/// How such a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The number of the status.
    pub status: u32,
    /// What the plugin wrote to the error sink, as it stands.
    pub error: Vec<u8>,
}

impl Said {
    /// Whether the status is that of success.
    pub fn is_ok(&self) -> bool {
        self.status == abi::Status::OK.0
    }

    /// Whether the plugin says that it panicked.
    pub fn is_panic(&self) -> bool {
        self.status == abi::Status::PANICKED.0
    }

    /// Whether the plugin says that the parameters are wrong.
    pub fn is_bad_parameters(&self) -> bool {
        self.status == abi::Status::BAD_PARAMETERS.0
    }
}

/// An instance of it, destroyed when dropped.
pub struct BareInstance<'a> {
    bare: &'a Bare,
    pointer: abi::Instance,
}

impl Plugins {
    /// The component that `use_` names, to be called without care.
    pub fn bare(&self, kind: Kind, use_: &str) -> Result<Bare, HostError> {
        let (plugin, component) = self.pick(kind, use_)?;
        Ok(Bare {
            plugin: Arc::clone(plugin),
            kind,
            component: plugin.components[component],
        })
    }
}

impl Bare {
    /// Makes an instance with these bytes for parameters; without a sink for errors unless one is wanted.
    pub fn create(&self, parameters: &[u8], sink: bool) -> (Said, Option<BareInstance<'_>>) {
        let mut pointer: abi::Instance = std::ptr::null_mut();
        let said = self.call("creating an instance", sink, |error| {
            let text = abi::Text {
                data: parameters.as_ptr(),
                len: parameters.len(),
            };
            let services = self.plugin.services;
            // SAFETY: services live until the process ends, everything else during the call.
            unsafe { create(&self.component, services, text, &raw mut pointer, error) }
        });
        // Not even made for a moment where there is none, as dropping it would release it.
        let made = said.is_ok() && !pointer.is_null();
        let instance = made.then(|| BareInstance {
            bare: self,
            pointer,
        });
        (said, instance)
    }

    /// Whether it has a table for the ability with this id; `None` when it has no abilities at all.
    pub fn offers(&self, ability: &str) -> Option<bool> {
        let extension = self.component.extension?;
        let _entered = self.entered("asking for an ability");
        // SAFETY: the text lives during the call.
        Some(!unsafe { extension(abi::Text::new(ability)) }.is_null())
    }

    fn entered(&self, call: &str) -> Entered<'_> {
        Entered::new(&*self.plugin.observer, &self.plugin.info.id, call)
    }

    fn call(
        &self,
        call: &str,
        sink: bool,
        function: impl FnOnce(*const abi::Sink) -> abi::Status,
    ) -> Said {
        let _entered = self.entered(call);
        let (status, written) = collect(MOST_WRITTEN, |error| {
            function(if sink { error } else { std::ptr::null() })
        });
        Said {
            status: status.0,
            error: written.bytes,
        }
    }

    /// The table of its kind, zeros where the plugin's is shorter.
    fn table<T: abi::Table>(&self, kind: Kind) -> Option<T> {
        if self.kind != kind {
            return None;
        }
        // SAFETY: the kind decides the table's type, which the host has checked on opening.
        unsafe { crate::open::table(self.component.table) }.ok()
    }
}

/// For a component of another kind, or one without the function.
const NO_SUCH_FUNCTION: abi::Status = abi::Status::UNSUPPORTED;

impl BareInstance<'_> {
    /// Reads samples of the split with this position, into room for this many bytes.
    pub fn read(&self, split: usize, indices: &[u64], bytes: usize) -> (Said, Vec<u8>) {
        // Words, so that the room is aligned for every type.
        let mut room = vec![0_u64; bytes.div_ceil(8)];
        let table: Option<abi::DatasetTable> = self.bare.table(Kind::Dataset);
        let said = self.bare.call("reading samples", true, |error| {
            match table.and_then(|table| table.read) {
                // SAFETY: there is room for as many bytes as said, and everything lives during the call.
                Some(read) => unsafe {
                    read(
                        self.pointer,
                        split,
                        indices.as_ptr(),
                        indices.len(),
                        room.as_mut_ptr().cast(),
                        bytes,
                        error,
                    )
                },
                None => NO_SUCH_FUNCTION,
            }
        });
        let read = room.iter().flat_map(|word| word.to_ne_bytes());
        (said, read.take(bytes).collect())
    }

    /// Reads the labels of the split with this position, into room for this many.
    pub fn labels(&self, split: usize, capacity: usize) -> (Said, usize) {
        let mut labels = vec![0_u32; capacity];
        let mut count = 0;
        let table: Option<abi::DatasetTable> = self.bare.table(Kind::Dataset);
        let said = self.bare.call("reading labels", true, |error| {
            match table.and_then(|table| table.labels) {
                // SAFETY: there is room for `capacity`, and everything lives during the call.
                Some(read) => unsafe {
                    read(
                        self.pointer,
                        split,
                        labels.as_mut_ptr(),
                        capacity,
                        &raw mut count,
                        error,
                    )
                },
                None => NO_SUCH_FUNCTION,
            }
        });
        (said, count)
    }

    /// What is written as the names of the split with this position; `None` where no names are offered.
    pub fn names(&self, split: usize) -> Option<(Said, Vec<u8>)> {
        let table = crate::call::extension(&self.bare.component, abi::DATASET_PROVENANCE);
        // SAFETY: the id decides the type of the table.
        let table = unsafe { crate::open::table::<abi::DatasetProvenanceTable>(table) };
        let names = table.ok()?.names?;
        let mut written = Vec::new();
        let said = self.bare.call("telling names", true, |error| {
            // SAFETY: both sinks live during the call.
            let (status, texts) = collect(MOST_WRITTEN, |texts| unsafe {
                names(self.pointer, split, texts, error)
            });
            written = texts.bytes;
            status
        });
        Some((said, written))
    }

    /// Features of samples at the cut with this position, over what `features` holds.
    pub fn forward(&self, cut: usize, samples: &[f32], count: usize, features: &mut [f32]) -> Said {
        let table: Option<abi::ExtractorTable> = self.bare.table(Kind::Extractor);
        self.bare.call("extracting features", true, |error| {
            match table.and_then(|table| table.forward) {
                // SAFETY: everything lives during the call.
                Some(forward) => unsafe {
                    let (from, to) = (samples.as_ptr(), features.as_mut_ptr());
                    forward(self.pointer, cut, from, count, to, error)
                },
                None => NO_SUCH_FUNCTION,
            }
        })
    }

    /// Cuts for a backbone that this text describes.
    pub fn cuts(&self, backbone: &str) -> Said {
        let table: Option<abi::CutRuleTable> = self.bare.table(Kind::CutRule);
        self.bare.call("choosing where to cut", true, |error| {
            match table.and_then(|table| table.cuts) {
                // SAFETY: everything lives during the call.
                Some(cuts) => unsafe {
                    let backbone = abi::Text::new(backbone);
                    collect(MOST_WRITTEN, |sink| {
                        cuts(self.pointer, backbone, sink, error)
                    })
                    .0
                },
                None => NO_SUCH_FUNCTION,
            }
        })
    }

    /// What describes it, written to a sink that is not there: the blueprint of a backbone or of a head for ten features and
    /// two classes, the description of an extractor, the cuts of a rule.
    pub fn describe_to_nobody(&self) -> Said {
        let nobody = std::ptr::null();
        let (bare, pointer) = (self.bare, self.pointer);
        bare.call("describing itself to nobody", true, |error| {
            // SAFETY: the sink is what is tried here; everything else lives during the call.
            unsafe {
                match bare.kind {
                    Kind::Backbone => bare
                        .table::<abi::BackboneTable>(bare.kind)
                        .and_then(|table| table.network)
                        .map(|network| network(pointer, nobody, error)),
                    Kind::NetworkHead => bare
                        .table::<abi::NetworkHeadTable>(bare.kind)
                        .and_then(|table| table.network)
                        .map(|network| network(pointer, &10, 1, 2, nobody, error)),
                    Kind::Extractor => bare
                        .table::<abi::ExtractorTable>(bare.kind)
                        .and_then(|table| table.describe)
                        .map(|describe| describe(pointer, nobody, error)),
                    _ => None,
                }
            }
            .unwrap_or(NO_SUCH_FUNCTION)
        })
    }

    /// Fits without a sink for the note.
    pub fn fit_without_note(
        &self,
        data: &[f32],
        dimensions: usize,
        labels: &[u32],
        classes: usize,
    ) -> Said {
        let features = abi::Features {
            data: data.as_ptr(),
            samples: labels.len(),
            dimensions,
        };
        let options = abi::FitOptions {
            size: size_of::<abi::FitOptions>(),
            seed: 1,
            threads: 1,
        };
        let mut report = abi::FitReport {
            size: size_of::<abi::FitReport>(),
            iterations: 0,
            parameters: 0,
            converged: 0,
            reserved: 0,
        };
        let table: Option<abi::ClassifierTable> = self.bare.table(Kind::ClassifierHead);
        self.bare.call("fitting without a note", true, |error| {
            match table.and_then(|table| table.fit) {
                // SAFETY: the note's sink is what is tried here; everything else lives during the call.
                Some(fit) => unsafe {
                    fit(
                        self.pointer,
                        &raw const features,
                        labels.as_ptr(),
                        classes,
                        &raw const options,
                        &raw mut report,
                        std::ptr::null(),
                        error,
                    )
                },
                None => NO_SUCH_FUNCTION,
            }
        })
    }
}

impl Drop for BareInstance<'_> {
    fn drop(&mut self) {
        if let Some(destroy) = self.bare.component.destroy {
            let _entered = self.bare.entered("cleaning up");
            // SAFETY: the pointer came from `create`, nobody else holds it, and no call is running.
            unsafe { destroy(self.pointer) };
        }
    }
}
