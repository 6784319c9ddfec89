//! A plugin of another ABI major: its first three fields are readable, everything behind them is a trap.
#![allow(
    unsafe_code,
    reason = "the name of the exported function must be the one that topwork looks for"
)]

/// Size and version, and then pointers that lead nowhere: a host that follows one before it has compared versions crashes.
#[repr(C)]
pub struct Entry {
    size: usize,
    abi_major: u32,
    abi_minor: u32,
    traps: [usize; 16],
}

static ENTRY: Entry = Entry {
    size: size_of::<Entry>(),
    abi_major: 2,
    abi_minor: 0,
    traps: [0xdead; 16],
};

/// The one symbol that topwork looks for.
#[unsafe(no_mangle)]
pub extern "C" fn topwork_plugin_entry() -> *const Entry {
    &raw const ENTRY
}
