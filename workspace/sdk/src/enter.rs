//! The one door through which the host enters a plugin, and the checks of what it brings along.

use crate::{Error, ErrorKind};
use std::any::Any;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use topwork_abi as abi;

/// Runs the body of a function of the C interface. A panic ends here, and errors become a status and a text in `error`.
///
/// # Safety
///
/// `error` is null or a sink that is valid during the call.
pub(crate) unsafe fn enter(
    error: *const abi::Sink,
    body: impl FnOnce() -> Result<(), Error>,
) -> abi::Status {
    // What a panic leaves half done is seen by nobody: the contract allows only to destroy the instance after one.
    let result = catch_unwind(AssertUnwindSafe(body))
        .unwrap_or_else(|panic| Err(Error::new(ErrorKind::Panicked, panic_text(panic))));
    match result {
        Ok(()) => abi::Status::OK,
        Err(failure) => {
            // SAFETY: passed on.
            unsafe { write(error, failure.text().as_bytes()) };
            failure.status()
        }
    }
}

/// What a panic said. The payload is not dropped, as its own destructor might panic again, outside of every guard.
fn panic_text(panic: Box<dyn Any + Send>) -> String {
    let text = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (None, Some(text)) => text.clone(),
        (None, None) => "without a message".to_owned(),
    };
    std::mem::forget(panic);
    text
}

/// Writes to a sink; a null one takes nothing.
///
/// # Safety
///
/// `sink` is null or valid during the call.
pub(crate) unsafe fn write(sink: *const abi::Sink, bytes: &[u8]) {
    if !sink.is_null() {
        // SAFETY: a valid sink may be written to with any bytes.
        unsafe { ((*sink).write)((*sink).context, bytes.as_ptr(), bytes.len()) };
    }
}

/// Writes a result to a sink that must be there.
///
/// # Safety
///
/// `sink` is null or valid during the call.
pub(crate) unsafe fn give(what: &str, sink: *const abi::Sink, bytes: &[u8]) -> Result<(), Error> {
    if sink.is_null() {
        return Err(Error::call(format!("the sink for the {what} is null")));
    }
    // SAFETY: passed on.
    unsafe { write(sink, bytes) };
    Ok(())
}

/// The instance behind a pointer that `create` gave out.
///
/// # Safety
///
/// `instance` is null or came from the `create` of the same component and is neither destroyed nor used exclusively.
pub(crate) unsafe fn instance<'a, T>(instance: abi::Instance) -> Result<&'a T, Error> {
    // SAFETY: passed on.
    unsafe { instance.cast::<T>().as_ref() }.ok_or_else(|| Error::call("the instance is null"))
}

/// As [`instance`], for calls that the contract makes exclusive.
///
/// # Safety
///
/// As [`instance`]; no other call on it is running.
pub(crate) unsafe fn instance_mut<'a, T>(instance: abi::Instance) -> Result<&'a mut T, Error> {
    // SAFETY: passed on.
    unsafe { instance.cast::<T>().as_mut() }.ok_or_else(|| Error::call("the instance is null"))
}

/// The elements behind a pointer and a length.
///
/// # Safety
///
/// `data` is null or points to `len` elements that live and do not change during the call.
pub(crate) unsafe fn slice<'a, T>(
    what: &str,
    data: *const T,
    len: usize,
) -> Result<&'a [T], Error> {
    check_place(what, data, len)?;
    if len == 0 {
        return Ok(&[]);
    }
    // SAFETY: not null, aligned, and the caller vouches for the rest.
    Ok(unsafe { std::slice::from_raw_parts(data, len) })
}

/// The elements behind a pointer and a length, to be written.
///
/// # Safety
///
/// `data` is null or points to `len` initialised elements that nobody else touches during the call.
pub(crate) unsafe fn slice_mut<'a, T>(
    what: &str,
    data: *mut T,
    len: usize,
) -> Result<&'a mut [T], Error> {
    check_place(what, data, len)?;
    if len == 0 {
        return Ok(&mut []);
    }
    // SAFETY: not null, aligned, and the caller vouches for the rest.
    Ok(unsafe { std::slice::from_raw_parts_mut(data, len) })
}

/// A copy of a table that the host lends for a call.
///
/// # Safety
///
/// `table` is null or points to a table of as many bytes as its first field says, valid during the call.
pub(crate) unsafe fn host_table<T: abi::Table>(what: &str, table: *const T) -> Result<T, Error> {
    check_place(what, table, 1)?;
    // SAFETY: not null, aligned, and the caller vouches for the rest.
    unsafe { abi::read_table(table) }.map_err(|short| too_short(what, short))
}

/// Checks a table that the host wants filled, of which only the size can be read.
///
/// # Safety
///
/// As [`host_table`].
pub(crate) unsafe fn check_host_table<T: abi::Table>(
    what: &str,
    table: *mut T,
) -> Result<(), Error> {
    check_place(what, table, 1)?;
    // SAFETY: not null, aligned, and the caller vouches for the rest.
    unsafe { abi::table_size(table) }.map_err(|short| too_short(what, short))?;
    Ok(())
}

/// Fills a table of the host's as far as it has room.
///
/// # Safety
///
/// As [`host_table`]; nobody else touches the table during the call.
pub(crate) unsafe fn fill_host_table<T: abi::Table>(
    what: &str,
    table: *mut T,
    filled: &T,
) -> Result<(), Error> {
    check_place(what, table, 1)?;
    // SAFETY: not null, aligned, and the caller vouches for the rest.
    unsafe { abi::fill_table(table, filled) }.map_err(|short| too_short(what, short))
}

fn too_short(what: &str, short: abi::TooShort) -> Error {
    Error::call(format!("the table of the {what} {short}"))
}

/// Text that the host lends for a call.
///
/// # Safety
///
/// The pointer is null or points to as many bytes as the length says, valid during the call.
pub(crate) unsafe fn text<'a>(what: &str, text: abi::Text) -> Result<&'a str, Error> {
    // SAFETY: passed on.
    let bytes = unsafe { slice(what, text.data, text.len) }?;
    std::str::from_utf8(bytes).map_err(|error| Error::call(format!("the {what}: {error}")))
}

fn check_place<T>(what: &str, data: *const T, len: usize) -> Result<(), Error> {
    if len > 0 && data.is_null() {
        return Err(Error::call(format!("the pointer to the {what} is null")));
    }
    if len > 0 && !data.is_aligned() {
        return Err(Error::call(format!(
            "the pointer to the {what} is not aligned"
        )));
    }
    match len.checked_mul(size_of::<T>()) {
        Some(bytes) if isize::try_from(bytes).is_ok() => Ok(()),
        _ => Err(Error::call(format!(
            "{len} {what} are more than memory has"
        ))),
    }
}

/// The context of a sink that appends to a vector: what a caller in the same process hands to a plugin.
///
/// # Safety
///
/// `context` points to a `Vec<u8>` that nobody else uses during the call, and `data` to `len` bytes.
pub(crate) unsafe extern "C" fn append(context: *mut c_void, data: *const u8, len: usize) {
    if !context.is_null() && !data.is_null() && len > 0 {
        // SAFETY: the caller vouches for both.
        unsafe {
            (*context.cast::<Vec<u8>>()).extend_from_slice(std::slice::from_raw_parts(data, len));
        }
    }
}

/// Gives `call` a sink and returns what was written to it.
pub(crate) fn collect<T>(call: impl FnOnce(*const abi::Sink) -> T) -> (T, Vec<u8>) {
    let mut bytes: Vec<u8> = Vec::new();
    let sink = abi::Sink {
        context: (&raw mut bytes).cast(),
        write: append,
    };
    let result = call(&raw const sink);
    (result, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use topwork_abi::Table;

    /// A description as a later minor might have it.
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Later {
        known: abi::DatasetDescription,
        added: usize,
    }

    // SAFETY: it begins with the size of the table it continues, and zeros are a value of what was added.
    unsafe impl Table for Later {
        const FIRST_SIZE: usize = abi::DatasetDescription::FIRST_SIZE;
    }

    fn later(size: usize) -> Later {
        Later {
            known: abi::DatasetDescription {
                size,
                channels: 3,
                height: 0,
                width: 0,
                element: abi::Element::U8,
                abilities: 0,
                classes: std::ptr::null(),
                class_count: 0,
                splits: std::ptr::null(),
                split_count: 0,
            },
            added: 7,
        }
    }

    #[test]
    fn a_host_of_another_minor_is_understood_as_far_as_its_tables_go() {
        let (first, now) = (Later::FIRST_SIZE, size_of::<Later>());
        for (size, added) in [(first, 0), (now, 7), (now + 64, 7)] {
            let mut lent = later(size);
            let place = &raw mut lent;
            // SAFETY: a `Later` is there, whatever it says.
            let read = unsafe { host_table("description", place) }.unwrap();
            assert_eq!((read.known.channels, read.added), (3, added));
            let mut filled = later(now);
            (filled.known.channels, filled.added) = (4, 8);
            // SAFETY: as above.
            unsafe {
                check_host_table("description", place).unwrap();
                fill_host_table("description", place, &filled).unwrap();
            }
            let expected = (size, 4, if size == first { 7 } else { 8 });
            let found = (lent.known.size, lent.known.channels, lent.added);
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_table_shorter_than_the_first_is_refused() {
        let mut lent = later(Later::FIRST_SIZE - 8);
        let place = &raw mut lent;
        // SAFETY: a `Later` is there, whatever it says.
        let refused = unsafe {
            [
                host_table("description", place).err(),
                check_host_table("description", place).err(),
                fill_host_table("description", place, &later(0)).err(),
            ]
        };
        let sentence =
            "the table of the description says that it has 64 bytes, expected at least 72";
        assert_eq!(
            refused.map(|error| error.unwrap().to_string()),
            [sentence; 3]
        );
    }
}
