//! The bytes of a file, unpacked if it is gzipped.

use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;
use topwork_sdk::Error;

/// What was read of a file.
pub struct Unpacked {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Why there are no more, where that is not because the file ends.
    pub problem: Option<String>,
}

impl Unpacked {
    /// Reads a file, but no more than `most` unpacked bytes, however much it unpacks to.
    pub fn read(path: &Path, most: u64) -> Result<Unpacked, Error> {
        let wrong = |error: std::io::Error| {
            Error::data(format!("cannot open `{}`: {error}", path.display()))
        };
        // Before it is opened: opening a pipe waits for somebody to write.
        if !std::fs::metadata(path).map_err(wrong)?.is_file() {
            let message = format!("`{}` is not a regular file", path.display());
            return Err(Error::data(message));
        }
        let mut file = BufReader::with_capacity(1 << 16, File::open(path).map_err(wrong)?);
        let is_packed = file.fill_buf().map_err(wrong)?.starts_with(&[0x1f, 0x8b]);
        let mut bytes = Vec::new();
        let read = if is_packed {
            MultiGzDecoder::new(file).take(most).read_to_end(&mut bytes)
        } else {
            file.take(most).read_to_end(&mut bytes)
        };
        let problem = read.err().map(|error| match error.kind() {
            ErrorKind::UnexpectedEof => {
                format!("is truncated after {} unpacked bytes", bytes.len())
            }
            _ => format!("cannot be unpacked after {} bytes ({error})", bytes.len()),
        });
        Ok(Unpacked { bytes, problem })
    }

    /// The whole file.
    pub fn whole(path: &Path) -> Result<Vec<u8>, Error> {
        let unpacked = Unpacked::read(path, u64::MAX)?;
        match unpacked.problem {
            Some(problem) => Err(Error::data(format!("`{}` {problem}", path.display()))),
            None => Ok(unpacked.bytes),
        }
    }
}
