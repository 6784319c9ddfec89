//! Every call into a plugin goes through here: the observer hears of it, the error text is collected, the status is read.

use crate::floats::FloatMode;
use crate::library::Opened;
use crate::open;
use crate::streams;
use crate::text::clean;
use crate::{Ending, HostError, Observer};
use serde_json::Value;
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use topwork_abi as abi;

/// What a plugin writes to explain an error is cut off here, in bytes.
const LONGEST_ERROR: usize = 16 * 1024;

/// Tells the observer of a call for as long as it lives, and undoes what the call does to the rounding of numbers
/// and to the standard streams.
pub(crate) struct Entered<'a> {
    observer: &'a dyn Observer,
    _mode: FloatMode,
}

impl<'a> Entered<'a> {
    pub(crate) fn new(observer: &'a dyn Observer, plugin: &str, call: &str) -> Self {
        observer.call(plugin, call);
        Entered {
            observer,
            _mode: FloatMode::keep(),
        }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        streams::keep_taken();
        self.observer.returned();
    }
}

/// What a plugin wrote to a sink.
pub(crate) struct Written {
    pub(crate) bytes: Vec<u8>,
    limit: usize,
    /// Whether it wrote more than the limit; the rest is not kept.
    pub(crate) overflowed: bool,
}

/// Gives `call` a sink that keeps up to `limit` bytes, and returns what was written to it.
pub(crate) fn collect<T>(limit: usize, call: impl FnOnce(*const abi::Sink) -> T) -> (T, Written) {
    let mut written = Written {
        bytes: Vec::new(),
        limit,
        overflowed: false,
    };
    let sink = abi::Sink {
        context: (&raw mut written).cast(),
        write,
    };
    let result = call(&raw const sink);
    (result, written)
}

/// As [`collect`], with `count` sinks that stand one after the other, each with the limit.
pub(crate) fn collect_several<T>(
    count: usize,
    limit: usize,
    call: impl FnOnce(*const abi::Sink) -> T,
) -> (T, Vec<Written>) {
    let mut written: Vec<Written> = (0..count)
        .map(|_| Written {
            bytes: Vec::new(),
            limit,
            overflowed: false,
        })
        .collect();
    let sinks: Vec<abi::Sink> = (written.iter_mut())
        .map(|written| abi::Sink {
            context: std::ptr::from_mut(written).cast(),
            write,
        })
        .collect();
    let result = call(sinks.as_ptr());
    (result, written)
}

unsafe extern "C" fn write(context: *mut c_void, data: *const u8, len: usize) {
    if context.is_null() || data.is_null() || len == 0 {
        return;
    }
    // SAFETY: the context is the `Written` of the call that is running, used on its thread only.
    let written = unsafe { &mut *context.cast::<Written>() };
    let room = written.limit - written.bytes.len();
    written.overflowed |= len > room;
    // SAFETY: the plugin says that `len` bytes stand there; only as many as fit are read.
    let bytes = unsafe { std::slice::from_raw_parts(data, len.min(room)) };
    written.bytes.extend_from_slice(bytes);
}

/// Runs one call and turns what it says into a `Result`.
pub(crate) fn run(
    observer: &dyn Observer,
    plugin: &str,
    call: &str,
    function: impl FnOnce(*const abi::Sink) -> abi::Status,
) -> Result<(), HostError> {
    let (status, written) = {
        let _entered = Entered::new(observer, plugin, call);
        collect(LONGEST_ERROR, function)
    };
    let ending = match status {
        abi::Status::OK => return Ok(()),
        abi::Status::BAD_PARAMETERS => Ending::BadParameters,
        abi::Status::BAD_DATA => Ending::BadData,
        abi::Status::STOPPED => Ending::Stopped,
        abi::Status::PANICKED => Ending::Panicked,
        abi::Status::UNSUPPORTED => Ending::Unsupported,
        abi::Status::BAD_CALL => Ending::BadCall,
        _ => Ending::Failed,
    };
    // The text of an error is shown as far as it can be: a broken character must not hide the rest.
    let text = String::from_utf8_lossy(&written.bytes);
    let (message, hint) = text.split_once('\n').unwrap_or((&text, ""));
    let hint = clean(hint);
    Err(HostError::Call {
        plugin: plugin.to_owned(),
        call: call.to_owned(),
        ending,
        text: clean(message),
        hint: (!hint.is_empty()).then_some(hint),
    })
}

/// An instance of a component, destroyed when dropped.
pub(crate) struct Instance {
    plugin: Arc<Opened>,
    component: abi::Component,
    pointer: abi::Instance,
    /// Held during every call: shared by those that may overlap, alone by the others.
    turn: RwLock<()>,
    /// After a panic the contract allows nothing but to destroy the instance.
    panicked: AtomicBool,
}

// SAFETY: the contract allows calls from any thread, and `turn` keeps apart those that must not overlap.
unsafe impl Send for Instance {}
// SAFETY: as above.
unsafe impl Sync for Instance {}

impl Instance {
    pub(crate) fn create(
        plugin: &Arc<Opened>,
        component: usize,
        parameters: &Value,
    ) -> Result<Instance, HostError> {
        let info = &plugin.info.components[component];
        let call = format!("creating {} \"{}\"", info.kind.words(), info.id);
        Instance::create_of(plugin, plugin.components[component], &call, parameters)
    }

    /// Makes what `create` of this table makes and `destroy` releases.
    pub(crate) fn create_of(
        plugin: &Arc<Opened>,
        table: abi::Component,
        call: &str,
        parameters: &Value,
    ) -> Result<Instance, HostError> {
        let parameters = parameters.to_string();
        let mut pointer: abi::Instance = std::ptr::null_mut();
        run(&*plugin.observer, &plugin.info.id, call, |error| {
            let parameters = abi::Text::new(&parameters);
            // SAFETY: services live until the process ends, everything else during the call.
            unsafe { create(&table, plugin.services, parameters, &raw mut pointer, error) }
        })?;
        if pointer.is_null() {
            return Err(HostError::Broken {
                plugin: plugin.info.id.clone(),
                call: call.to_owned(),
                problem: "the instance is a null pointer".to_owned(),
            });
        }
        Ok(Instance {
            plugin: Arc::clone(plugin),
            component: table,
            pointer,
            turn: RwLock::new(()),
            panicked: AtomicBool::new(false),
        })
    }

    /// A call that overlaps with no other on this instance.
    pub(crate) fn call(
        &self,
        call: &str,
        function: impl FnOnce(abi::Instance, *const abi::Sink) -> abi::Status,
    ) -> Result<(), HostError> {
        let _alone = self.turn.write().unwrap_or_else(PoisonError::into_inner);
        self.enter(call, function)
    }

    /// A call that the plugin allows to overlap with others of its sort.
    pub(crate) fn call_in_parallel(
        &self,
        call: &str,
        function: impl FnOnce(abi::Instance, *const abi::Sink) -> abi::Status,
    ) -> Result<(), HostError> {
        let _shared = self.turn.read().unwrap_or_else(PoisonError::into_inner);
        self.enter(call, function)
    }

    fn enter(
        &self,
        call: &str,
        function: impl FnOnce(abi::Instance, *const abi::Sink) -> abi::Status,
    ) -> Result<(), HostError> {
        let plugin = &self.plugin;
        if self.panicked.load(Ordering::Acquire) {
            return Err(HostError::Call {
                plugin: plugin.info.id.clone(),
                call: call.to_owned(),
                ending: Ending::Panicked,
                text: "it panicked in an earlier call and is not asked again".to_owned(),
                hint: None,
            });
        }
        let result = run(&*plugin.observer, &plugin.info.id, call, |error| {
            function(self.pointer, error)
        });
        if matches!(
            result,
            Err(HostError::Call {
                ending: Ending::Panicked,
                ..
            })
        ) {
            self.panicked.store(true, Ordering::Release);
        }
        result
    }

    /// What the plugin knows it by, for a call on several instances.
    pub(crate) fn pointer(&self) -> abi::Instance {
        self.pointer
    }

    /// The error of a plugin that broke the contract.
    pub(crate) fn broken(&self, call: &str, problem: impl Into<String>) -> HostError {
        HostError::Broken {
            plugin: self.plugin.info.id.clone(),
            call: call.to_owned(),
            problem: problem.into(),
        }
    }

    /// The error of a caller who asked for what cannot be.
    pub(crate) fn request(&self, call: &str, problem: impl Into<String>) -> HostError {
        HostError::Request {
            plugin: self.plugin.info.id.clone(),
            call: call.to_owned(),
            problem: problem.into(),
            hint: None,
        }
    }

    /// The functions of its kind.
    ///
    /// # Safety
    ///
    /// `T` is the table type of the component's kind.
    pub(crate) unsafe fn table<T: abi::Table>(&self) -> Result<T, HostError> {
        // SAFETY: passed on.
        unsafe { open::table(self.component.table) }.map_err(|problem| {
            let problem = format!("a table of functions that {problem}");
            self.broken("offering its functions", problem)
        })
    }

    /// The table of an ability, null when it is not offered.
    pub(crate) fn extension(&self, id: &str) -> *const c_void {
        extension(&self.component, id)
    }
}

/// Asks a component for an instance.
///
/// # Safety
///
/// The services live until the process ends, everything else during the call.
pub(crate) unsafe fn create(
    component: &abi::Component,
    services: &'static abi::HostServices,
    parameters: abi::Text,
    instance: *mut abi::Instance,
    error: *const abi::Sink,
) -> abi::Status {
    // SAFETY: passed on; the context is the component's own.
    unsafe {
        match (component.create_in_context, component.create) {
            (Some(create), _) => create(component.context, services, parameters, instance, error),
            (None, Some(create)) => create(services, parameters, instance, error),
            (None, None) => abi::Status::UNSUPPORTED,
        }
    }
}

/// The table of an ability of a component, null when it is not offered.
pub(crate) fn extension(component: &abi::Component, id: &str) -> *const c_void {
    match component.extension {
        // SAFETY: the text lives during the call.
        Some(extension) => unsafe { extension(abi::Text::new(id)) },
        None => std::ptr::null(),
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Some(destroy) = self.component.destroy {
            let plugin = &self.plugin;
            let _entered = Entered::new(&*plugin.observer, &plugin.info.id, "cleaning up");
            // SAFETY: the pointer came from `create`, nobody else holds it, and no call is running.
            unsafe { destroy(self.pointer) };
        }
    }
}
