//! Records of TensorFlow: bytes with their length and masked checksums.

/// One record: the length as 8 bytes, its checksum, the bytes, theirs; numbers little-endian.
///
/// Source: `tensorflow/core/lib/io/record_writer.h` of TensorFlow, class `RecordWriter`.
pub fn record(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u64).to_le_bytes();
    let mut record = length.to_vec();
    record.extend(masked(crc32c(&length)).to_le_bytes());
    record.extend(bytes);
    record.extend(masked(crc32c(bytes)).to_le_bytes());
    record
}

/// A checksum of bytes that hold checksums says little; turned and shifted it says as much as ever.
///
/// Source: `tensorflow/core/lib/hash/crc32c.h` of TensorFlow, function `Mask`.
fn masked(checksum: u32) -> u32 {
    checksum.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C, the Castagnoli polynomial, bit by bit: event files of runs are small.
///
/// Source: RFC 3720, section 12.1.
fn crc32c(bytes: &[u8]) -> u32 {
    const REVERSED: u32 = 0x82f6_3b78;
    let mut register = u32::MAX;
    for byte in bytes {
        register ^= u32::from(*byte);
        for _ in 0..8 {
            let out = register & 1;
            register >>= 1;
            if out == 1 {
                register ^= REVERSED;
            }
        }
    }
    !register
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 3720, section B.4.
    #[test]
    fn checksums_of_the_rfc() {
        let check = |bytes: &[u8], expected: u32| assert_eq!(crc32c(bytes), expected);
        check(&[0; 32], 0x8a91_36aa);
        check(&[0xff; 32], 0x62a8_ab43);
        check(&(0..32).collect::<Vec<u8>>(), 0x46dd_794e);
        check(&(0..32).rev().collect::<Vec<u8>>(), 0x113f_db5c);
        check(b"123456789", 0xe306_9283);
    }

    #[test]
    fn records_hold_their_bytes() {
        let found = record(b"abc");
        assert_eq!(found.len(), 8 + 4 + 3 + 4);
        assert_eq!(
            (&found[..8], &found[12..15]),
            (&3_u64.to_le_bytes()[..], &b"abc"[..])
        );
    }
}
