//! The bytes of a file, unpacked if it is gzipped or in a ZIP archive of its own.

use crate::problem::Problem;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{BufReader, Cursor, ErrorKind, Read};
use std::path::Path;
use topwork_sdk::Error;
use topwork_sdk::sniff::{self, Kind};
use zip::ZipArchive;
use zip::read::{ArchiveOffset, Config};

/// First bytes of what gzip has packed: its mark and the only method there is.
const GZIP: &[u8] = &[0x1f, 0x8b, 8];

/// Some files are packed twice. More often is no accident.
const MOST_LAYERS: usize = 4;

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
            let way = sniff::way_to(path).filter(|_| error.kind() == ErrorKind::NotFound);
            let error = Error::data(format!("cannot open `{}`: {error}", path.display()));
            match way {
                Some(way) => error.with_hint(way),
                None => error,
            }
        };
        // Before it is opened: opening a pipe waits for somebody to write.
        let about = std::fs::metadata(path).map_err(wrong)?;
        if about.is_dir() {
            return Err(is_a_folder(path).in_file(path));
        }
        if !about.is_file() {
            return Err(Problem::from("is not a regular file").in_file(path));
        }
        let file = File::open(path).map_err(wrong)?;
        Ok(Unpacked::from(file, most))
    }

    /// Reads all that comes, through every layer of gzip.
    fn from<'a>(packed: impl Read + 'a, most: u64) -> Unpacked {
        let mut reader: Box<dyn Read + 'a> = Box::new(packed);
        let mut bytes = Vec::new();
        let mut outcome = Ok(0);
        for _ in 0..MOST_LAYERS {
            let mut begin = Vec::new();
            outcome = (&mut reader)
                .take(GZIP.len() as u64)
                .read_to_end(&mut begin);
            let is_packed = begin == GZIP;
            let whole = Cursor::new(begin).chain(reader);
            if !is_packed || outcome.is_err() {
                reader = Box::new(whole);
                break;
            }
            let buffered = BufReader::with_capacity(1 << 16, whole);
            reader = Box::new(MultiGzDecoder::new(buffered));
        }
        let outcome = outcome.and_then(|_| reader.take(most).read_to_end(&mut bytes));
        let problem = outcome.err().map(|error| match error.kind() {
            ErrorKind::UnexpectedEof => {
                format!("is truncated after {} unpacked bytes", bytes.len())
            }
            _ => format!("cannot be unpacked after {} bytes ({error})", bytes.len()),
        });
        Unpacked { bytes, problem }
    }

    /// All bytes, or what is wrong.
    fn complete(self) -> Result<Vec<u8>, Problem> {
        self.problem
            .map_or(Ok(self.bytes), |problem| Err(problem.into()))
    }

    /// The whole file.
    pub fn whole(path: &Path) -> Result<Vec<u8>, Error> {
        let unpacked = Unpacked::read(path, u64::MAX)?;
        unpacked.complete().map_err(|problem| problem.in_file(path))
    }

    /// The whole file; of a ZIP archive the only file in it.
    pub fn only(path: &Path) -> Result<Vec<u8>, Error> {
        let bytes = Unpacked::whole(path)?;
        if !is_archive(&bytes) {
            return Ok(bytes);
        }
        only_file(&bytes).map_err(|problem| problem.in_file(path))
    }
}

/// Whether these are the bytes of a ZIP archive.
pub fn is_archive(bytes: &[u8]) -> bool {
    sniff::kind(&bytes[..bytes.len().min(sniff::WANTED)]) == Some(Kind::Zip)
}

/// Opens a ZIP archive.
pub fn archive(bytes: &[u8]) -> Result<ZipArchive<Cursor<&[u8]>>, Problem> {
    // Where the library looks for the beginning itself, it takes some sound archives for damaged ones: those whose first entry has
    // a name of 30 bytes. Only archives with something before them, such as programs that unpack themselves, need its search.
    let config = Config {
        archive_offset: ArchiveOffset::Known(0),
    };
    ZipArchive::with_config(config, Cursor::new(bytes))
        .or_else(|_| ZipArchive::new(Cursor::new(bytes)))
        .map_err(|error| format!("is no sound ZIP archive ({error})").into())
}

/// The names of the files in an archive, without what macOS adds.
pub fn names_in(archive: &ZipArchive<Cursor<&[u8]>>) -> Vec<String> {
    let names = archive
        .file_names()
        .filter_map(|name| Some(name.ok()?.into_owned()));
    names
        .filter(|name| !name.ends_with('/') && !name.starts_with("__MACOSX/"))
        .collect()
}

/// The bytes of the only file in an archive.
fn only_file(bytes: &[u8]) -> Result<Vec<u8>, Problem> {
    let mut archive = archive(bytes)?;
    let names = names_in(&archive);
    let [name] = &*names else {
        let problem = format!(
            "is a ZIP archive that holds {}, expected one file",
            listed(&names)
        );
        let is_sheet = names.iter().any(|name| name == "[Content_Types].xml");
        return Err(Problem::from(problem).with_hint(match is_sheet {
            true => "save the spreadsheet as CSV",
            false => "unpack it first",
        }));
    };
    let wrong = |error: &dyn std::fmt::Display| {
        Problem::from(format!(
            "holds `{name}`, which cannot be unpacked ({error})"
        ))
    };
    let entry = archive.by_name(name).map_err(|error| wrong(&error))?;
    let unpacked = Unpacked::from(entry, u64::MAX);
    match &unpacked.problem {
        Some(problem) => Err(Problem::from(format!("holds `{name}`, which {problem}"))),
        None => unpacked.complete(),
    }
}

/// "`a`, `b` and 17 more"; nothing is "nothing".
pub fn listed(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<String> = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("`{name}`"))
        .collect();
    match names.len() {
        0 => "nothing".to_owned(),
        count if count > SHOWN => format!("{} and {} more", shown.join(", "), count - SHOWN),
        _ => shown.join(", "),
    }
}

fn is_a_folder(path: &Path) -> Problem {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        (entries.map(|entry| entry.file_name().to_string_lossy().into_owned())).collect();
    names.sort();
    let held = listed(&names);
    Problem::from(format!("is a folder with {held} in it, expected a file"))
        .with_hint("name the file in it")
}
