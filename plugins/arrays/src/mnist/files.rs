//! The four published files: found, unpacked once, and compared with their published digests.

use crate::problem::Problem;
use crate::unpack::Unpacked;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use topwork_sdk::{Error, Host, sniff};

/// Bytes before the first pixel of an IDX file of images: magic number, count, rows, columns.
pub const HEADER_OF_IMAGES: usize = 16;

/// Bytes before the first label of an IDX file of labels: magic number, count.
pub const HEADER_OF_LABELS: usize = 8;

/// What is known of a published file.
pub struct Published {
    /// Its name.
    pub name: &'static str,
    /// The length of its unpacked bytes.
    pub bytes: usize,
    /// Their SHA-256.
    pub sha256: &'static str,
}

/// Images and labels to train on.
pub static TRAIN: [Published; 2] = [
    Published {
        name: "train-images-idx3-ubyte.gz",
        bytes: HEADER_OF_IMAGES + 60_000 * 28 * 28,
        sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    },
    Published {
        name: "train-labels-idx1-ubyte.gz",
        bytes: HEADER_OF_LABELS + 60_000,
        sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    },
];

/// Images and labels to test on.
pub static TEST: [Published; 2] = [
    Published {
        name: "t10k-images-idx3-ubyte.gz",
        bytes: HEADER_OF_IMAGES + 10_000 * 28 * 28,
        sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    },
    Published {
        name: "t10k-labels-idx1-ubyte.gz",
        bytes: HEADER_OF_LABELS + 10_000,
        sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
];

/// A file that was found. Nothing of it is read before it is needed.
pub struct File {
    path: PathBuf,
    published: &'static Published,
    unpacked: OnceLock<Result<Vec<u8>, Error>>,
}

impl File {
    /// Finds a file in `folder`, or in `mnist` in one of the host's data folders.
    pub fn find(
        host: Host,
        folder: Option<&Path>,
        published: &'static Published,
    ) -> Result<File, Error> {
        // Some have them unpacked.
        let plain = published.name.trim_end_matches(".gz");
        let path = match folder {
            Some(folder) => {
                let mut paths = [published.name, plain]
                    .map(|name| folder.join(name))
                    .into_iter();
                paths.find(|path| path.is_file()).ok_or_else(|| {
                    let path = folder.join(published.name);
                    let message = format!("there is no file `{}`", path.display());
                    Error::data(message).with_hint(
                        "`folder` must hold the four files of MNIST; `use = \"idx\"` reads files of other names",
                    )
                })?
            }
            None => {
                let found = host.find_data(&format!("mnist/{}", published.name));
                let found = found
                    .or_else(|error| host.find_data(&format!("mnist/{plain}")).map_err(|_| error));
                found.map_err(|error| {
                    error.with_hint("give the folder with the files of MNIST as `folder`")
                })?
            }
        };
        Ok(File {
            path,
            published,
            unpacked: OnceLock::new(),
        })
    }

    /// The unpacked bytes, with the length and the digest that were published.
    pub fn unpacked(&self) -> Result<&[u8], Error> {
        let unpacked = self.unpacked.get_or_init(|| self.unpack());
        match unpacked {
            Ok(bytes) => Ok(bytes),
            Err(error) => Err(error.clone()),
        }
    }

    fn unpack(&self) -> Result<Vec<u8>, Error> {
        // One byte more than expected is enough to see that a file is not the published one, however much it unpacks to.
        let Unpacked { bytes, problem } =
            Unpacked::read(&self.path, self.published.bytes as u64 + 1)?;
        let found = hexadecimal(&Sha256::digest(&bytes));
        // Also with a broken checksum behind them: these are the bytes.
        if found == self.published.sha256 {
            return Ok(bytes);
        }
        let begin = &bytes[..bytes.len().min(sniff::WANTED)];
        if sniff::kind(begin).is_some_and(|kind| kind != sniff::Kind::Text) {
            return Err(Problem::other_file(&bytes, "an IDX file").in_file(&self.path));
        }
        let path = self.path.display();
        let problem = problem.unwrap_or_else(|| "is not the published file".to_owned());
        Err(Error::data(format!(
            "`{path}` {problem}: the SHA-256 of its unpacked bytes is {found}, expected {}",
            self.published.sha256
        ))
        .with_hint("get the file again"))
    }
}

fn hexadecimal(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
