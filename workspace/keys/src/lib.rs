//! What bits are recognised by: SHA-256, and the keys of results and features as they stand in manifests and caches.

mod features;
mod results;

pub use features::FeatureKey;
pub use results::{Adopted, AdoptedRow, AdoptedSource, Cells, KeyedCell, KeyedSource};
pub use sha2::{Digest, Sha256};

/// SHA-256 of `data`, in hexadecimal.
pub fn sha256(data: &[u8]) -> String {
    hexadecimal(&Sha256::digest(data))
}

/// Bytes in hexadecimal.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_example_of_fips_180() {
        // FIPS 180-2, B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(super::sha256(b"abc"), expected);
    }
}
