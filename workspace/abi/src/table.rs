//! Tables grow at their end from minor to minor: how one side reads and fills a table of the other, which may be older or newer.

use crate::{
    BackboneTable, ClassifierFactsTable, ClassifierLayersTable, ClassifierNumbersTable,
    ClassifierPathTable, ClassifierSaveTable, ClassifierScoresTable, ClassifierTable, Component,
    CutRuleTable, DatasetDecoderTable, DatasetDescription, DatasetImagesTable, DatasetNumbersTable,
    DatasetProvenanceTable, DatasetTable, Entry, ExtractorNetworkTable, ExtractorOnnxTable,
    ExtractorTable, FitOptions, FitReport, HostServices, NetworkHeadTable,
};
use core::fmt;
use core::mem::{MaybeUninit, offset_of};

/// A table that starts with `size`, the number of bytes its writer knew or has room for.
///
/// # Safety
///
/// The type is `#[repr(C)]`, begins with `size: usize`, and has no padding at its end, where a later field could not be told
/// from nothing. Zeros are a value of every field behind [`FIRST_SIZE`](Table::FIRST_SIZE): an optional function, a number.
pub unsafe trait Table: Copy {
    /// The bytes of the table in the first version that had it, counted to the end of the last field it had then. It stays
    /// as it is when fields are added, and nobody has a table that is shorter.
    const FIRST_SIZE: usize;
}

/// Each type with the last field that it had at first and that field's type.
macro_rules! tables {
    ($($table:ty, $last:ident: $type:ty;)+) => {
        $(
            // SAFETY: as the type is declared; the test below looks for padding.
            unsafe impl Table for $table {
                const FIRST_SIZE: usize = offset_of!($table, $last) + size_of::<$type>();
            }
        )+
    };
}

type Function = Option<unsafe extern "C" fn()>;

// As old as 1.0.
tables! {
    Entry, component_count: usize;
    Component, extension: Function;
    HostServices, cache_folder: Function;
    DatasetTable, read: Function;
    DatasetDescription, split_count: usize;
    BackboneTable, network: Function;
    NetworkHeadTable, network: Function;
    ClassifierTable, predict: Function;
    ClassifierSaveTable, load: Function;
    FitOptions, threads: usize;
    FitReport, reserved: u32;
}

// As old as 1.1.
tables! {
    ExtractorTable, forward: Function;
    CutRuleTable, cuts: Function;
}

// As old as 1.2.
tables! {
    ClassifierScoresTable, scores: Function;
    ClassifierFactsTable, facts: Function;
    ClassifierLayersTable, layers: Function;
    ClassifierPathTable, fit: Function;
    ExtractorOnnxTable, model: Function;
    ExtractorNetworkTable, network: Function;
    DatasetProvenanceTable, groups: Function;
    DatasetNumbersTable, numbers: Function;
    ClassifierNumbersTable, fit: Function;
    DatasetDecoderTable, destroy: Function;
    DatasetImagesTable, decode: Function;
}

/// A table says that it has fewer bytes than its first version had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooShort {
    /// The bytes it says it has.
    pub size: usize,
    /// The bytes it had at first.
    pub expected: usize,
}

impl fmt::Display for TooShort {
    /// Completes "the table …".
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TooShort { size, expected } = self;
        write!(
            formatter,
            "says that it has {size} bytes, expected at least {expected}"
        )
    }
}

impl core::error::Error for TooShort {}

/// The size that a table says it has, when that is enough.
///
/// # Safety
///
/// `table` is aligned, and the `size` it begins with can be read.
pub unsafe fn table_size<T: Table>(table: *const T) -> Result<usize, TooShort> {
    // SAFETY: the caller vouches for it.
    let size = unsafe { table.cast::<usize>().read() };
    if size < T::FIRST_SIZE {
        return Err(TooShort {
            size,
            expected: T::FIRST_SIZE,
        });
    }
    Ok(size)
}

/// A copy of what a table's writer knew; fields behind its `size` are zero.
///
/// # Safety
///
/// `table` is aligned and points to a `T`, as far as its `size` goes.
pub unsafe fn read_table<T: Table>(table: *const T) -> Result<T, TooShort> {
    // SAFETY: passed on.
    let size = unsafe { table_size(table) }?;
    let mut copy = MaybeUninit::<T>::zeroed();
    // SAFETY: the table covers `size` bytes, the copy all of its type.
    unsafe {
        let bytes = copy.as_mut_ptr().cast::<u8>();
        bytes.copy_from_nonoverlapping(table.cast(), size.min(size_of::<T>()));
    }
    // SAFETY: what was not copied is behind the first size, where zeros are values.
    Ok(unsafe { copy.assume_init() })
}

/// Writes the fields of `filled` that the other side's table has room for; its `size` stays.
///
/// # Safety
///
/// `table` is aligned, and as many bytes as its `size` says are the caller's to be written.
pub unsafe fn fill_table<T: Table>(table: *mut T, filled: &T) -> Result<(), TooShort> {
    // SAFETY: passed on.
    let size = unsafe { table_size(table) }?;
    let start = size_of::<usize>();
    // SAFETY: both cover these bytes, which begin behind `size`, and a reference to a value overlaps nothing that is written.
    unsafe {
        let fields = core::ptr::from_ref(filled).cast::<u8>().add(start);
        let place = table.cast::<u8>().add(start);
        place.copy_from_nonoverlapping(fields, size.min(size_of::<T>()) - start);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table as a later minor might have it: its first version ended with `first`.
    #[repr(C)]
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Grown {
        size: usize,
        first: u64,
        later: Option<&'static u64>,
        latest: u64,
    }

    // SAFETY: as the trait asks.
    unsafe impl Table for Grown {
        const FIRST_SIZE: usize = 16;
    }

    const NEW: Grown = Grown {
        size: size_of::<Grown>(),
        first: 1,
        later: Some(&3),
        latest: 2,
    };

    #[test]
    fn the_first_sizes_stay_as_they_were() {
        macro_rules! rows {
            ($($table:ty),+) => {
                [$((
                    stringify!($table),
                    <$table>::FIRST_SIZE,
                    size_of::<$table>(),
                    align_of::<$table>(),
                )),+]
            };
        }
        let rows = rows!(
            Entry,
            Component,
            HostServices,
            DatasetTable,
            DatasetDescription,
            BackboneTable,
            NetworkHeadTable,
            ClassifierTable,
            ClassifierSaveTable,
            FitOptions,
            FitReport,
            ExtractorTable,
            CutRuleTable,
            ClassifierScoresTable,
            ClassifierFactsTable,
            ClassifierLayersTable,
            ExtractorOnnxTable,
            ExtractorNetworkTable,
            DatasetProvenanceTable,
            DatasetNumbersTable,
            ClassifierNumbersTable,
            DatasetDecoderTable,
            ClassifierPathTable,
            DatasetImagesTable
        );
        // On machines with 64 bits. These numbers never change; a table that has grown has a second one.
        let grown = [("Component", 112)];
        let sizes = [
            96, 96, 64, 32, 72, 16, 16, 24, 24, 24, 32, 24, 16, 16, 16, 16, 16, 16, 24, 24, 16, 40,
            32, 24,
        ];
        assert_eq!(rows.len(), sizes.len());
        for ((name, first, now, aligned), size) in rows.into_iter().zip(sizes) {
            let (_, grown) =
                (grown.into_iter().find(|(of, _)| *of == name)).unwrap_or((name, size));
            assert_eq!((first, now), (size, grown), "{name}");
            assert_eq!(first % aligned, 0, "{name} ends in padding");
        }
    }

    #[test]
    fn a_table_is_read_as_far_as_its_writer_knew_it() {
        let first = Grown {
            later: None,
            latest: 0,
            ..NEW
        };
        let second = Grown { latest: 0, ..NEW };
        for (size, expected) in [(16, first), (24, second), (32, NEW), (4096, NEW)] {
            let table = Grown { size, ..NEW };
            // SAFETY: all of it is there, and what lies behind is not to be read.
            let read = unsafe { read_table(&raw const table) };
            assert_eq!(read, Ok(Grown { size, ..expected }));
        }
        // Exactly the memory that a writer of the first version has.
        let old = [16_usize, 1];
        // SAFETY: the size says that no more is there.
        let read = unsafe { read_table(old.as_ptr().cast::<Grown>()) };
        assert_eq!(read, Ok(Grown { size: 16, ..first }));
    }

    #[test]
    fn a_table_is_filled_as_far_as_there_is_room() {
        const UNTOUCHED: u64 = u64::MAX;
        for (size, expected) in [
            (16, [16, 1, UNTOUCHED, UNTOUCHED, UNTOUCHED]),
            (32, [32, 1, 0, 2, UNTOUCHED]),
            (40, [40, 1, 0, 2, UNTOUCHED]),
        ] {
            let mut place = [size, 0, UNTOUCHED, UNTOUCHED, UNTOUCHED];
            let filled = Grown { later: None, ..NEW };
            // SAFETY: there is room for the largest of the sizes.
            unsafe { fill_table(place.as_mut_ptr().cast(), &filled) }.unwrap();
            assert_eq!(place, expected);
        }
    }

    #[test]
    fn a_table_shorter_than_the_first_is_refused() {
        for size in [0, 8, 15] {
            let mut table = Grown { size, ..NEW };
            let refused = TooShort { size, expected: 16 };
            // SAFETY: all of it is there.
            let (read, filled) = unsafe {
                (
                    read_table(&raw const table),
                    fill_table(&raw mut table, &Grown { first: 9, ..NEW }),
                )
            };
            assert_eq!((read, filled), (Err(refused), Err(refused)));
            assert_eq!(table.first, 1);
            let sentence = format!("says that it has {size} bytes, expected at least 16");
            assert_eq!(refused.to_string(), sentence);
        }
    }
}
