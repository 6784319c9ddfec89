//! SHA-256, as everything in a run folder is recognised by it.

use std::{fs::File, io::Read, path::Path};

use topwork_keys::{Digest, Sha256, hexadecimal};

use crate::StoreError;

/// Bytes read at once: a file of weights need not fit into memory.
const BLOCK: usize = 1 << 20;

/// SHA-256 of the file at `path`, in hexadecimal.
pub fn sha256_of_file(path: &Path) -> Result<String, StoreError> {
    let fail = |error: &std::io::Error| StoreError::io("read", path, error);
    let mut file = File::open(path).map_err(|error| fail(&error))?;
    let mut hash = Sha256::new();
    let mut block = vec![0; BLOCK];
    loop {
        match file.read(&mut block).map_err(|error| fail(&error))? {
            0 => return Ok(hexadecimal(&hash.finalize())),
            read => hash.update(&block[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_digest_of_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        let content = vec![7; 2 * BLOCK + 3];
        std::fs::write(&path, &content).unwrap();
        let expected = topwork_keys::sha256(&content);
        assert_eq!(sha256_of_file(&path).unwrap(), expected);
    }
}
