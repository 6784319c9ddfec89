//! Decoded samples in one file, so that image files are decoded once and not in every run.
//!
//! The file holds a mark, the samples one after the other, and then what is known of each image file: JSON, its length and its
//! CRC-32. It is written beside its name and renamed, so that it is never there by halves; what became of it later is noticed by
//! the CRC-32 of the list when it is opened and by that of a sample when this is read. It knows files by path and [`Stamp`].

use crate::tiff::Floats;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use sha2::Sha256;
use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::NamedTempFile;

/// First bytes of the file; another layout of the file, or another way to decode, needs another mark.
const MARK: [u8; 16] = *b"topwork images 2";

/// Bytes behind the list: its length and its CRC-32.
const TAIL: u64 = 12;

/// The most bytes of samples in one file. What does not fit is decoded whenever it is read.
pub const MOST_BYTES: u64 = 4 << 30;

/// The most bytes of all such files together; those that were not used for longest go first.
const MOST_BYTES_TOGETHER: u64 = 8 << 30;

/// A file that was not renamed within this time belongs to a process that is gone.
const UNFINISHED: Duration = Duration::from_secs(24 * 3600);

/// A file changed so shortly before it was looked at may have changed once more without another time: clocks of file systems
/// are that coarse.
const DOUBTFUL: Duration = Duration::from_secs(2);

/// By what an image file is recognised, beside its path.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Stamp {
    bytes: u64,
    /// Seconds and nanoseconds of the last change of its contents, which programs may set as they like.
    changed: (i64, i64),
    /// The same of the last change of anything about it, which they cannot, and its number on its disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    inode: Option<((i64, i64), u64)>,
}

impl Stamp {
    /// The stamp of a file.
    pub fn of(data: &Metadata) -> Stamp {
        #[cfg(unix)]
        let (changed, inode) = {
            use std::os::unix::fs::MetadataExt;
            let inode = ((data.ctime(), data.ctime_nsec()), data.ino());
            ((data.mtime(), data.mtime_nsec()), Some(inode))
        };
        #[cfg(not(unix))]
        let (changed, inode) = {
            let since = data.modified().ok();
            let since = since.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            let since = since.unwrap_or_default();
            ((since.as_secs() as i64, since.subsec_nanos().into()), None)
        };
        Stamp {
            bytes: data.len(),
            changed,
            inode,
        }
    }

    /// Whether the file may change once more without another stamp.
    pub fn is_doubtful(&self) -> bool {
        let Some((touched, _)) = self.inode else {
            return true;
        };
        let last = self.changed.max(touched);
        let last = UNIX_EPOCH + Duration::from_secs(u64::try_from(last.0).unwrap_or(0));
        // Times to come do not count up from anything either.
        last.elapsed()
            .map_or(true, |age| age < DOUBTFUL + Duration::from_secs(1))
    }
}

/// The first half of the SHA-256 of a file's bytes.
#[derive(Clone, Copy, Debug, Deserialize, Hash, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Digest([u64; 2]);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        let hash = Sha256::digest(bytes);
        let word = |from| hash.iter().skip(from).take(8);
        Digest([0, 8].map(|from| word(from).fold(0, |sum, &byte| sum << 8 | u64::from(byte))))
    }
}

/// What is known of an image file.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The bytes that were looked at, where they could be read.
    pub digest: Option<Digest>,
    /// Whether they are to be compared by their digest, as their stamp may not tell others from them.
    pub doubtful: bool,
    /// What its numbers were taken for, where they were floats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floats: Option<Floats>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of an image file.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Its sample stands at this position, counted in samples, and has this CRC-32.
    Kept(u64, u32),
    /// It can be decoded, but there was no room for its sample.
    Decoded,
    /// It cannot be decoded, for this reason.
    Unreadable(String),
}

type Known = HashMap<String, (Stamp, Finding)>;

/// A file of samples.
pub struct Cache {
    path: PathBuf,
    file: File,
    sample: usize,
    known: Known,
}

impl Cache {
    /// The samples of `sample` bytes in this file; `None` where there is no such file or it is damaged.
    pub fn open(path: &Path, sample: usize) -> Option<Cache> {
        let mut file = File::open(path).ok()?;
        // The time tells which files are in use; where it cannot be set, the order of making must do.
        let _ = file.set_modified(SystemTime::now());
        let known = read_list(&mut file, sample as u64).ok()??;
        Some(Cache {
            path: path.to_owned(),
            file,
            sample,
            known,
        })
    }

    /// What is known of a file, unless it has changed since.
    pub fn finding(&self, path: &Path, stamp: Stamp) -> Option<&Finding> {
        let (known, finding) = self.known.get(path.to_str()?)?;
        (*known == stamp).then_some(finding)
    }

    /// Copies the sample at a position; `false` when it is not what was written.
    pub fn read(&self, position: u64, crc: u32, sample: &mut [u8]) -> bool {
        let start = MARK.len() as u64 + position * self.sample as u64;
        read_at(&self.file, sample, start).is_ok() && crc32fast::hash(sample) == crc
    }

    /// Removes the file, so that it is made again; this process can go on with what of it is sound.
    pub fn discard(&self) {
        // Where it cannot be removed, the next process notices the damage as this one did.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The list at the end of the file; `None` when the file is not one of ours or damaged.
fn read_list(file: &mut File, sample: u64) -> io::Result<Option<Known>> {
    let length = file.metadata()?.len();
    let mut mark = [0; MARK.len()];
    let begin = mark.len() as u64;
    if length < begin + TAIL {
        return Ok(None);
    }
    file.read_exact(&mut mark)?;
    file.seek(SeekFrom::End(-(TAIL as i64)))?;
    let (mut bytes, mut crc) = ([0; 8], [0; 4]);
    file.read_exact(&mut bytes)?;
    file.read_exact(&mut crc)?;
    let bytes = u64::from_le_bytes(bytes);
    if mark != MARK || bytes > length - begin - TAIL {
        return Ok(None);
    }
    let end = length - TAIL - bytes;
    file.seek(SeekFrom::Start(end))?;
    let mut list = Vec::new();
    file.take(bytes).read_to_end(&mut list)?;
    if crc32fast::hash(&list) != u32::from_le_bytes(crc) {
        return Ok(None);
    }
    let known: Option<Known> = serde_json::from_slice(&list).ok();
    let inside = |known: &Known| {
        known.values().all(|(_, finding)| match finding.outcome {
            Outcome::Kept(position, _) => begin + (position + 1).saturating_mul(sample) <= end,
            _ => true,
        })
    };
    Ok(known.filter(inside))
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], start: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, start)
}

#[cfg(windows)]
fn read_at(file: &File, mut bytes: &mut [u8], mut start: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, start)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                bytes = &mut bytes[read..];
                start += read as u64;
            }
        }
    }
    Ok(())
}

/// A new file that takes the place of an old one.
pub struct Writer {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
    sample: usize,
    most: u64,
    known: Known,
    kept: u64,
}

impl Writer {
    /// Begins a file with what `old` knows. It will hold at most `most` bytes of samples.
    pub fn begin(path: &Path, sample: usize, most: u64, old: Option<&Cache>) -> io::Result<Writer> {
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let file = tempfile::Builder::new()
            .prefix(UNFINISHED_PREFIX)
            .tempfile_in(folder)?;
        let mut writer = Writer {
            path: path.to_owned(),
            file: BufWriter::with_capacity(1 << 20, file),
            sample,
            most,
            known: HashMap::new(),
            kept: 0,
        };
        writer.file.write_all(&MARK)?;
        let mut buffer = vec![0; sample];
        for (path, (stamp, finding)) in old.iter().flat_map(|old| &old.known) {
            // What has changed or gone since is not carried on.
            let now = std::fs::metadata(path).ok().map(|data| Stamp::of(&data));
            if now != Some(*stamp) {
                continue;
            }
            let sample = match finding.outcome {
                Outcome::Kept(position, crc) => {
                    if !old.is_some_and(|old| old.read(position, crc, &mut buffer)) {
                        continue;
                    }
                    Some(&*buffer)
                }
                Outcome::Decoded | Outcome::Unreadable(_) => None,
            };
            writer.keep(Path::new(path), *stamp, finding.clone(), sample)?;
        }
        Ok(writer)
    }

    /// Adds what is known of a file, with its sample where it was decoded.
    pub fn keep(
        &mut self,
        path: &Path,
        stamp: Stamp,
        mut finding: Finding,
        sample: Option<&[u8]>,
    ) -> io::Result<()> {
        // Paths of other bytes would get the same name in JSON.
        let Some(path) = path.to_str() else {
            return Ok(());
        };
        if let Some(sample) = sample {
            finding.outcome = if (self.kept + 1) * self.sample as u64 > self.most {
                Outcome::Decoded
            } else {
                self.file.write_all(sample)?;
                self.kept += 1;
                Outcome::Kept(self.kept - 1, crc32fast::hash(sample))
            };
        }
        self.known.insert(path.to_owned(), (stamp, finding));
        Ok(())
    }

    /// Puts the file in its place and opens it. Makes room first, among all files of the folder.
    pub fn finish(mut self) -> io::Result<Option<Cache>> {
        let list = serde_json::to_vec(&self.known)?;
        self.file.write_all(&list)?;
        self.file.write_all(&(list.len() as u64).to_le_bytes())?;
        self.file.write_all(&crc32fast::hash(&list).to_le_bytes())?;
        let file = self
            .file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        let bytes = file.as_file().metadata()?.len();
        make_room(&self.path, MOST_BYTES_TOGETHER.saturating_sub(bytes));
        file.persist(&self.path).map_err(|error| error.error)?;
        Ok(Cache::open(&self.path, self.sample))
    }
}

/// How the names of files begin that are being written.
const UNFINISHED_PREFIX: &str = "unfinished-";

/// Removes the files that were not used for longest until those beside `path` have at most `most` bytes.
fn make_room(path: &Path, most: u64) {
    let entries = path
        .parent()
        .and_then(|folder| std::fs::read_dir(folder).ok());
    let mut files: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
    for entry in entries.into_iter().flatten().flatten() {
        let (other, Ok(data)) = (entry.path(), entry.metadata()) else {
            continue;
        };
        let unfinished = entry
            .file_name()
            .to_string_lossy()
            .starts_with(UNFINISHED_PREFIX);
        let used = data.modified().unwrap_or(UNIX_EPOCH);
        let age = used.elapsed().unwrap_or_default();
        if unfinished && age > UNFINISHED {
            // Somebody else's; if it stays, nothing is lost but room.
            let _ = std::fs::remove_file(other);
        } else if !unfinished && data.is_file() && other != path {
            files.push((used, data.len(), other));
        }
    }
    files.sort();
    let mut bytes: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
    for (_, length, file) in files {
        if bytes > most && std::fs::remove_file(file).is_ok() {
            bytes -= length;
        }
    }
}
