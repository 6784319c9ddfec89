//! Numbers in a file as numbers in memory.
#![allow(unsafe_code, reason = "a memory map is only as immutable as its file")]

use std::{fs::File, ops::Deref};

use memmap2::{Mmap, MmapOptions};

/// Features in a file, paged in as they are used and shared with other processes.
#[derive(Debug)]
pub struct MappedFeatures(Option<Mmap>);

impl MappedFeatures {
    /// Maps `bytes` bytes from `start`; `start` is a multiple of 4.
    pub(super) fn map(file: &File, start: u64, bytes: u64) -> Result<Self, String> {
        if bytes == 0 {
            return Ok(Self(None)); // a map of nothing is refused by the system
        }
        let length =
            usize::try_from(bytes).map_err(|_| "it does not fit into memory".to_owned())?;
        // SAFETY: the file's content must not change while it is mapped. Entries are written under
        // another name and renamed, replaced and removed as a whole, never written in place; a map
        // keeps the content it was made from.
        let map = unsafe { MmapOptions::new().offset(start).len(length).map(file) };
        let map = map.map_err(|error| format!("it cannot be mapped: {error}"))?;
        match bytemuck::try_cast_slice::<u8, f32>(&map) {
            Ok(_) => Ok(Self(Some(map))),
            Err(error) => Err(format!("its numbers are misplaced: {error}")),
        }
    }
}

impl Deref for MappedFeatures {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // The cast was tried when the map was made.
        self.0
            .as_ref()
            .map_or(&[], |map| bytemuck::try_cast_slice(map).unwrap_or(&[]))
    }
}
