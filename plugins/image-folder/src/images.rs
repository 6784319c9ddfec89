//! The images of a listing that can be read, decoded once.

use crate::cache::{Cache, Digest, Finding, MOST_BYTES, Outcome, Stamp, Writer};
use crate::decode::{Decoded, decode, decode_image, read};
use crate::listing::Listed;
use crate::parameters::Recipe;
use crate::tiff::Floats;
use sha2::Digest as _;
use sha2::Sha256;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use topwork_sdk::{Error, Host, Level};

/// Image files that can be read.
pub struct Images {
    host: Host,
    recipe: Recipe,
    files: Vec<Image>,
    cache: Option<Cache>,
    /// Whether damage of the cache was told.
    damage_told: AtomicBool,
}

struct Image {
    path: PathBuf,
    name: String,
    /// Position and CRC-32 of its sample in the cache.
    kept: Option<(u64, u32)>,
}

impl Image {
    fn unreadable(&self, reason: &str) -> Error {
        Error::data(format!("`{}` {reason}", self.path.display()))
            .with_hint(format!("leave it out: `exclude = [{:?}]`", self.name))
    }
}

/// What is known of a listed file once it was looked at.
pub struct Looked {
    /// Why it gives no sample.
    pub rejected: Option<String>,
    /// Its bytes, unless there was no time to look at them.
    pub digest: Option<Digest>,
    /// What its numbers were taken for, where they were floats.
    pub floats: Option<Floats>,
    /// The file itself, whatever paths lead to it.
    pub file: Option<FileId>,
}

/// What two paths to one file have in common.
#[cfg(unix)]
pub type FileId = (u64, u64);
/// What two paths to one file have in common.
#[cfg(not(unix))]
pub type FileId = PathBuf;

#[cfg(unix)]
fn file_id(_: &Path, data: &Metadata) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt;
    Some((data.dev(), data.ino()))
}

#[cfg(not(unix))]
fn file_id(path: &Path, _: &Metadata) -> Option<FileId> {
    std::fs::canonicalize(path).ok()
}

impl Images {
    /// Looks at every file, decoding those that the cache does not know, and says what each of them is. `place` tells the user's
    /// folders apart. When the host wishes to stop, the rest is taken for readable.
    pub fn open(
        host: Host,
        place: &str,
        recipe: Recipe,
        listed: &[Listed],
    ) -> (Images, Vec<Looked>) {
        let cache_path = cache_path(host, place, &recipe);
        let data: Vec<Option<Metadata>> =
            (listed.iter().map(|file| std::fs::metadata(&file.path).ok())).collect();
        let stamps: Vec<Option<Stamp>> =
            (data.iter().map(|data| data.as_ref().map(Stamp::of))).collect();
        let known = |cache: Option<&Cache>| -> Vec<Option<Finding>> {
            let files = listed.iter().zip(&stamps);
            files
                .map(|(file, stamp)| cache?.finding(&file.path, (*stamp)?).cloned())
                .collect()
        };
        let mut cache = cache_path
            .as_deref()
            .and_then(|p| Cache::open(p, recipe.bytes()));
        let old = known(cache.as_ref());
        let sure = |finding: &Option<Finding>| finding.clone().filter(|finding| !finding.doubtful);
        let mut findings: Vec<Option<Finding>> = old.iter().map(sure).collect();
        let unknown: Vec<usize> = (0..listed.len())
            .filter(|&file| findings[file].is_none())
            .collect();
        if !unknown.is_empty() {
            let work = Decoding {
                host,
                recipe: &recipe,
                listed,
                stamps: &stamps,
                unknown: &unknown,
                known: &old,
                cache_path: cache_path.as_deref(),
                old: cache.as_ref(),
                decoded: AtomicUsize::new(0),
                state: Mutex::new(State {
                    findings,
                    keeping: Keeping::Wanted,
                }),
            };
            let state = work.run();
            findings = state.findings;
            if let Keeping::Begun(writer) = state.keeping {
                match writer.finish() {
                    Ok(made) => {
                        cache = made;
                        // Positions in the new file are others.
                        for (finding, known) in findings.iter_mut().zip(known(cache.as_ref())) {
                            if finding.is_some() && known.is_some() {
                                *finding = known;
                            }
                        }
                    }
                    Err(error) => cannot_keep(host, cache_path.as_deref(), &error),
                }
            }
        }
        let mut files = Vec::new();
        let mut looked = Vec::new();
        for ((file, finding), data) in listed.iter().zip(findings).zip(&data) {
            let (kept, rejected) = match finding.as_ref().map(|finding| &finding.outcome) {
                Some(Outcome::Unreadable(reason)) => (None, Some(reason.clone())),
                Some(Outcome::Kept(position, crc)) => (Some((*position, *crc)), None),
                Some(Outcome::Decoded) | None => (None, None),
            };
            if rejected.is_none() {
                files.push(Image {
                    path: file.path.clone(),
                    name: file.name.clone(),
                    kept,
                });
            }
            looked.push(Looked {
                rejected,
                digest: finding.as_ref().and_then(|finding| finding.digest),
                floats: finding.and_then(|finding| finding.floats),
                file: data.as_ref().and_then(|data| file_id(&file.path, data)),
            });
        }
        let images = Images {
            host,
            recipe,
            files,
            cache,
            damage_told: AtomicBool::new(false),
        };
        (images, looked)
    }

    /// Writes the samples of these images, positions among those that can be read, one after the other.
    pub fn read(&self, positions: &[u64], samples: &mut [u8]) -> Result<(), Error> {
        let mut missing = Vec::new();
        for (sample, &position) in samples.chunks_exact_mut(self.recipe.bytes()).zip(positions) {
            let image = &self.files[position as usize];
            if !self.read_kept(image, sample) {
                missing.push((image, sample));
            }
        }
        let threads = self.host.threads().min(missing.len());
        if threads <= 1 {
            return self.decode_all(missing);
        }
        let share = missing.len().div_ceil(threads);
        std::thread::scope(|scope| {
            let mut running = Vec::new();
            while !missing.is_empty() {
                let rest = missing.split_off(share.min(missing.len()));
                let part = std::mem::replace(&mut missing, rest);
                running.push(scope.spawn(move || self.decode_all(part)));
            }
            for thread in running {
                thread
                    .join()
                    .unwrap_or_else(|_| Err(Error::failed("a thread panicked")))?;
            }
            Ok(())
        })
    }

    fn read_kept(&self, image: &Image, sample: &mut [u8]) -> bool {
        let (Some(cache), Some((position, crc))) = (&self.cache, image.kept) else {
            return false;
        };
        if cache.read(position, crc, sample) {
            return true;
        }
        if !self.damage_told.swap(true, Ordering::Relaxed) {
            cache.discard();
            let text = "the file of decoded images is damaged; it will be made again";
            self.host.log(Level::Warning, text);
        }
        false
    }

    /// One of these images at its own size.
    pub fn image(&self, position: u64) -> Result<topwork_sdk::images::Image, Error> {
        self.host.check_stop()?;
        let image = &self.files[position as usize];
        let decoded =
            read(&image.path, &self.recipe).and_then(|bytes| decode_image(bytes, &self.recipe));
        decoded.map_err(|reason| image.unreadable(&reason))
    }

    fn decode_all(&self, images: Vec<(&Image, &mut [u8])>) -> Result<(), Error> {
        for (image, sample) in images {
            self.host.check_stop()?;
            let decoded =
                read(&image.path, &self.recipe).and_then(|bytes| decode(bytes, &self.recipe));
            let decoded = decoded.map_err(|reason| image.unreadable(&reason))?;
            sample.copy_from_slice(&decoded.sample);
        }
        Ok(())
    }
}

/// The file for what is decoded from this place by this recipe; `None` without a folder for such files.
fn cache_path(host: Host, place: &str, recipe: &Recipe) -> Option<PathBuf> {
    let folder = host
        .cache_folder()
        .ok()
        .filter(|folder| !folder.as_os_str().is_empty());
    let Some(folder) = folder else {
        let text =
            "there is no folder to keep decoded images in: they are decoded whenever they are read";
        host.log_once(Level::Info, text);
        return None;
    };
    let key = Sha256::digest(format!("{place}\n{recipe:?}"));
    let name: String = key[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    Some(folder.join("image-folder").join(name))
}

fn cannot_keep(host: Host, path: Option<&Path>, error: &io::Error) {
    let folder = path.and_then(Path::parent).unwrap_or(Path::new("."));
    let text = format!(
        "decoded images cannot be kept in `{}` ({error}): they are decoded whenever they are read",
        folder.display()
    );
    host.log_once(Level::Warning, &text);
}

/// Files being looked at.
struct Decoding<'a> {
    host: Host,
    recipe: &'a Recipe,
    listed: &'a [Listed],
    stamps: &'a [Option<Stamp>],
    unknown: &'a [usize],
    /// What the cache says of every listed file, doubtful or not.
    known: &'a [Option<Finding>],
    cache_path: Option<&'a Path>,
    old: Option<&'a Cache>,
    decoded: AtomicUsize,
    state: Mutex<State>,
}

struct State {
    /// What is known of every listed file.
    findings: Vec<Option<Finding>>,
    keeping: Keeping,
}

/// The new file of decoded images.
enum Keeping {
    /// There is none, or no more.
    No,
    /// It will be begun once there is something to keep.
    Wanted,
    /// It is being written.
    Begun(Writer),
}

impl Decoding<'_> {
    fn run(self) -> State {
        let begun = Instant::now();
        let next = AtomicUsize::new(0);
        let threads = self.host.threads().min(self.unknown.len());
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(|| self.work(&next));
            }
            self.work(&next);
        });
        let decoded = self.decoded.into_inner();
        if decoded > 0 {
            let seconds = begun.elapsed().as_secs_f64();
            let text = format!("decoded {decoded} images in {seconds:.1} s");
            self.host.log(Level::Info, &text);
        }
        self.state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, next: &AtomicUsize) {
        while self.host.check_stop().is_ok() {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(&file) = self.unknown.get(number) else {
                return;
            };
            self.look(file);
            let total = self.unknown.len() as u64;
            self.host
                .progress(number as u64 + 1, total, "images looked at");
        }
    }

    fn look(&self, file: usize) {
        let (finding, sample) = self.found(file);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // What could not be read now may be read next time, and what the cache had it has.
        let stamp = self.stamps[file].filter(|_| finding.digest.is_some());
        let is_new = self.known[file].as_ref() != Some(&finding);
        if let Some(stamp) = stamp.filter(|_| is_new)
            && let Err(error) =
                self.keep(&mut state.keeping, file, stamp, &finding, sample.as_deref())
        {
            cannot_keep(self.host, self.cache_path, &error);
            state.keeping = Keeping::No;
        }
        state.findings[file] = Some(finding);
    }

    /// What a file is, and its sample where it was decoded just now.
    fn found(&self, file: usize) -> (Finding, Option<Vec<u8>>) {
        let bytes = read(&self.listed[file].path, self.recipe);
        let digest = bytes.as_deref().ok().map(Digest::of);
        let known = self.known[file].as_ref();
        if let Some(known) = known.filter(|known| known.digest.is_some() && known.digest == digest)
        {
            return (known.clone(), None);
        }
        self.decoded.fetch_add(1, Ordering::Relaxed);
        let mut finding = Finding {
            digest,
            doubtful: self.stamps[file].is_some_and(|stamp| stamp.is_doubtful()),
            floats: None,
            outcome: Outcome::Decoded,
        };
        match bytes.and_then(|bytes| decode(bytes, self.recipe)) {
            Ok(Decoded { sample, floats }) => {
                finding.floats = floats;
                (finding, Some(sample))
            }
            Err(reason) => {
                finding.outcome = Outcome::Unreadable(reason);
                (finding, None)
            }
        }
    }

    fn keep(
        &self,
        keeping: &mut Keeping,
        file: usize,
        stamp: Stamp,
        finding: &Finding,
        sample: Option<&[u8]>,
    ) -> io::Result<()> {
        if let (Keeping::Wanted, Some(path)) = (&keeping, self.cache_path) {
            let writer = Writer::begin(path, self.recipe.bytes(), MOST_BYTES, self.old)?;
            *keeping = Keeping::Begun(writer);
        }
        match keeping {
            Keeping::Begun(writer) => {
                writer.keep(&self.listed[file].path, stamp, finding.clone(), sample)
            }
            _ => Ok(()),
        }
    }
}
