//! What every component has, and how a plugin's list of them is exported.

use crate::enter::{enter, host_table, text};
use crate::parameters::{parameters, without_place};
use crate::{Error, Host};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::any::Any;
use std::ffi::c_void;
use topwork_abi as abi;

/// What every component has; a second trait, such as [`Dataset`](crate::Dataset), makes it one of a kind.
pub trait Component: Sized + Send + Sync {
    /// The id after `use =`: 1 to 64 of `a-z`, `0-9` and `-`.
    const ID: &str;
    /// One line for people.
    const ABOUT: &str;
    /// The JSON Schema of the parameters: an object with `"additionalProperties": false`, and for every parameter a description,
    /// bounds and a default. Defaults and bounds need be said nowhere else: see [`parameters`].
    const SCHEMA: &str;
    /// The parameters. Those without a default are an `Option`, or required.
    type Parameters: DeserializeOwned;
    /// Reads the parameters, as a JSON object; only a component whose schema does not tell their defaults does it itself.
    fn read(written: Map<String, Value>) -> Result<Self::Parameters, Error> {
        parameters(Self::SCHEMA, written)
    }
    /// Makes an instance. Quick: heavy work belongs to the first call that needs it.
    fn create(host: Host, parameters: Self::Parameters) -> Result<Self, Error>;
}

/// The parameters of a component that has none.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoParameters {}

impl NoParameters {
    /// The schema that allows no parameter.
    pub const SCHEMA: &str =
        r#"{"type": "object", "properties": {}, "additionalProperties": false}"#;
}

/// Exports a plugin from a `cdylib` and defines `PLUGIN`, a [`Plugin`], for tests in the same process.
///
/// The version is that of the package. Every component is an expression such as `backbone::<LeNet>()`.
#[macro_export]
macro_rules! export_plugin {
    (id: $id:expr, licence: $licence:expr, components: [$($component:expr),+ $(,)?] $(,)?) => {
        /// The plugin.
        pub static PLUGIN: $crate::Plugin =
            $crate::Plugin::new($id, env!("CARGO_PKG_VERSION"), $licence, &[$(&$component),+]);

        /// The one symbol that topwork looks for.
        #[allow(unsafe_code, reason = "the name must be the one that topwork looks for")]
        #[unsafe(no_mangle)]
        pub extern "C" fn topwork_plugin_entry() -> *const $crate::abi::Entry {
            PLUGIN.entry()
        }
    };
}

/// A plugin's table, whose pointers all lead where they should: safe code cannot make another.
#[repr(transparent)]
pub struct Plugin(abi::Entry);

impl Plugin {
    /// A plugin without start-up code; [`export_plugin!`] calls it.
    pub const fn new(
        id: &'static str,
        version: &'static str,
        licence: &'static str,
        components: &'static [&'static ExportedComponent],
    ) -> Self {
        Plugin(abi::Entry {
            size: size_of::<abi::Entry>(),
            abi_major: abi::ABI_MAJOR,
            abi_minor: abi::ABI_MINOR,
            id: abi::Text::new(id),
            version: abi::Text::new(version),
            licence: abi::Text::new(licence),
            init: None,
            deinit: None,
            // References to the transparent type have the layout of pointers to what it holds.
            components: components.as_ptr().cast(),
            component_count: components.len(),
        })
    }

    /// A plugin that is put together while the program runs, and stays until it ends.
    pub fn leaked(
        id: String,
        version: String,
        licence: String,
        components: Vec<ExportedComponent>,
    ) -> &'static Self {
        let components: &'static [ExportedComponent] = components.leak();
        let components: Vec<&'static ExportedComponent> = components.iter().collect();
        Box::leak(Box::new(Plugin::new(
            id.leak(),
            version.leak(),
            licence.leak(),
            components.leak(),
        )))
    }

    /// What the host reads.
    pub const fn entry(&self) -> &abi::Entry {
        &self.0
    }

    /// What it was made from.
    pub(crate) fn components(&self) -> &'static [&'static ExportedComponent] {
        // SAFETY: `new` took pointer and count from such a slice.
        unsafe { std::slice::from_raw_parts(self.0.components.cast(), self.0.component_count) }
    }
}

/// A component's table for [`export_plugin!`], as [`dataset`](crate::dataset), [`backbone`](crate::backbone) and their like
/// make it.
#[repr(transparent)]
pub struct ExportedComponent(abi::Component);

impl ExportedComponent {
    /// A component whose functions are not those of this crate, or not all.
    ///
    /// # Safety
    ///
    /// The table keeps the contract of [`abi::Component`]: its texts and tables live until the process ends, the table of
    /// functions is that of its kind, complete and of this ABI, and every function may be called as the contract says.
    /// A dataset reads in parallel.
    pub const unsafe fn from_table(table: abi::Component) -> Self {
        ExportedComponent(table)
    }

    /// The same functions under words that are known only while the program runs. [`Host::made_for`] gives what every instance
    /// is made for, `context`.
    pub fn declared(
        self,
        id: String,
        about: String,
        schema: String,
        context: impl Any + Send + Sync,
    ) -> Self {
        let context: Box<dyn Any + Send + Sync> = Box::new(context);
        ExportedComponent(abi::Component {
            id: abi::Text::new(id.leak()),
            about: abi::Text::new(about.leak()),
            parameter_schema: abi::Text::new(schema.leak()),
            context: std::ptr::from_ref(Box::leak(Box::new(context))).cast(),
            ..self.0
        })
    }

    /// What the host reads.
    pub const fn table(&self) -> &abi::Component {
        &self.0
    }
}

/// The table of a component whose instances are of type `I`, made from a `C`.
pub(crate) const fn component<C: Component, I: From<C>>(
    kind: abi::Kind,
    table: *const c_void,
) -> ExportedComponent {
    ExportedComponent(abi::Component {
        size: size_of::<abi::Component>(),
        kind,
        id: abi::Text::new(C::ID),
        about: abi::Text::new(C::ABOUT),
        parameter_schema: abi::Text::new(C::SCHEMA),
        create: Some(create::<C, I>),
        destroy: Some(destroy::<I>),
        table,
        extension: None,
        context: std::ptr::null(),
        create_in_context: Some(create_in_context::<C, I>),
    })
}

unsafe extern "C" fn create<C: Component, I: From<C>>(
    host: *const abi::HostServices,
    parameters: abi::Text,
    instance: *mut abi::Instance,
    error: *const abi::Sink,
) -> abi::Status {
    // SAFETY: passed on.
    unsafe { create_in_context::<C, I>(std::ptr::null(), host, parameters, instance, error) }
}

unsafe extern "C" fn create_in_context<C: Component, I: From<C>>(
    context: *const c_void,
    host: *const abi::HostServices,
    parameters: abi::Text,
    instance: *mut abi::Instance,
    error: *const abi::Sink,
) -> abi::Status {
    // SAFETY: null, or what `declared` has leaked.
    let made_for = unsafe { context.cast::<Box<dyn Any + Send + Sync>>().as_ref() };
    // SAFETY: passed on.
    unsafe {
        make::<C, I>(host, parameters, instance, error, |host, parameters| {
            C::create(host.with(made_for.map(|any| &**any)), parameters).map(I::from)
        })
    }
}

/// Reads the parameters of a component, makes something of them and hands it to the host.
///
/// # Safety
///
/// The pointers are those of a call of the host.
pub(crate) unsafe fn make<C: Component, I>(
    host: *const abi::HostServices,
    parameters: abi::Text,
    instance: *mut abi::Instance,
    error: *const abi::Sink,
    of: impl FnOnce(Host, C::Parameters) -> Result<I, Error>,
) -> abi::Status {
    let body = || {
        if instance.is_null() {
            return Err(Error::call("the place for the instance is null"));
        }
        // SAFETY: the host promises that its services live until the process ends.
        let host = unsafe { host_table("host services", host) }?;
        // SAFETY: the text lives during the call.
        let parameters = unsafe { text("parameters", parameters) }?;
        let parameters = if parameters.is_empty() {
            "{}"
        } else {
            parameters
        };
        // An object first, since serde takes a list for a structure as well.
        let written = serde_json::from_str(parameters)
            .map_err(|error| Error::parameters(without_place(&error)))?;
        let made = Box::into_raw(Box::new(of(Host::new(host), C::read(written)?)?));
        // SAFETY: not null, and the host's to be written.
        unsafe { *instance = made.cast() };
        Ok(())
    };
    // SAFETY: the sink is valid during the call.
    unsafe { enter(error, body) }
}

/// Drops what [`make`] made.
pub(crate) unsafe extern "C" fn destroy<I>(instance: abi::Instance) {
    let body = || {
        if !instance.is_null() {
            // SAFETY: it came from `make`, which made it as a box of this type, and it is not used any more.
            drop(unsafe { Box::from_raw(instance.cast::<I>()) });
        }
        Ok(())
    };
    // SAFETY: a null sink takes nothing; there is nobody to tell.
    unsafe { enter(std::ptr::null(), body) };
}
