//! The images of a listing that can be read, decoded once.

use crate::cache::{Cache, MOST_BYTES, Outcome, Stamp, Writer};
use crate::decode::{Problem, decode};
use crate::listing::{Listed, Rejected};
use crate::parameters::Recipe;
use sha2::{Digest, Sha256};
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

impl Images {
    /// Looks at every file, decoding those that the cache does not know, and sorts out what cannot be read. Gives for each
    /// listed file whether it is one of the images. `place` tells the user's folders apart. When the host wishes to stop, the
    /// rest is taken for readable.
    pub fn open(
        host: Host,
        place: &str,
        recipe: Recipe,
        listed: &[Listed],
        rejected: &mut Vec<Rejected>,
    ) -> (Images, Vec<bool>) {
        let cache_path = cache_path(host, place, &recipe);
        let stamps: Vec<Option<Stamp>> = listed
            .iter()
            .map(|file| {
                std::fs::metadata(&file.path)
                    .ok()
                    .map(|data| Stamp::of(&data))
            })
            .collect();
        let known = |cache: Option<&Cache>| -> Vec<Option<Outcome>> {
            let files = listed.iter().zip(&stamps);
            files
                .map(|(file, stamp)| cache?.outcome(&file.path, (*stamp)?).cloned())
                .collect()
        };
        let mut cache = cache_path
            .as_deref()
            .and_then(|p| Cache::open(p, recipe.bytes()));
        let mut outcomes = known(cache.as_ref());
        let unknown: Vec<usize> = (0..listed.len())
            .filter(|&file| outcomes[file].is_none())
            .collect();
        if !unknown.is_empty() {
            let work = Decoding {
                host,
                recipe: &recipe,
                listed,
                stamps: &stamps,
                unknown: &unknown,
                old: cache.as_ref(),
                state: Mutex::new(State {
                    outcomes,
                    keeping: cache_path.as_deref().map_or(Keeping::No, Keeping::At),
                }),
            };
            let State {
                outcomes: decoded,
                keeping,
            } = work.run();
            outcomes = decoded;
            if let Keeping::Begun(writer) = keeping {
                match writer.finish() {
                    Ok(made) => {
                        cache = made;
                        // Positions in the new file are others.
                        for (outcome, known) in outcomes.iter_mut().zip(known(cache.as_ref())) {
                            if known.is_some() {
                                *outcome = known;
                            }
                        }
                    }
                    Err(error) => cannot_keep(host, &error),
                }
            }
        }
        let mut files = Vec::new();
        let mut is_readable = Vec::new();
        for (file, outcome) in listed.iter().zip(outcomes) {
            is_readable.push(!matches!(outcome, Some(Outcome::Unreadable(_))));
            let kept = match outcome {
                Some(Outcome::Unreadable(reason)) => {
                    rejected.push(Rejected {
                        name: file.name.clone(),
                        reason,
                    });
                    continue;
                }
                Some(Outcome::Kept(position, crc)) => Some((position, crc)),
                Some(Outcome::Decoded) | None => None,
            };
            files.push(Image {
                path: file.path.clone(),
                name: file.name.clone(),
                kept,
            });
        }
        let images = Images {
            host,
            recipe,
            files,
            cache,
            damage_told: AtomicBool::new(false),
        };
        (images, is_readable)
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

    fn decode_all(&self, images: Vec<(&Image, &mut [u8])>) -> Result<(), Error> {
        for (image, sample) in images {
            self.host.check_stop()?;
            let decoded = decode(&image.path, &self.recipe).map_err(|problem| {
                let reason = problem.reason();
                Error::data(format!("`{}` {reason}", image.path.display()))
                    .with_hint(format!("leave it out: `exclude = [{:?}]`", image.name))
            })?;
            sample.copy_from_slice(&decoded);
        }
        Ok(())
    }
}

/// The file for what is decoded from this place by this recipe; `None` without a folder for such files.
fn cache_path(host: Host, place: &str, recipe: &Recipe) -> Option<PathBuf> {
    let folder = host
        .cache_folder()
        .ok()
        .filter(|folder| !folder.as_os_str().is_empty())?;
    let key = Sha256::digest(format!("{place}\n{recipe:?}"));
    let name: String = key[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    Some(folder.join("image-folder").join(name))
}

fn cannot_keep(host: Host, error: &io::Error) {
    let text =
        format!("decoded images cannot be kept ({error}): they are decoded whenever they are read");
    host.log(Level::Warning, &text);
}

/// Files being decoded.
struct Decoding<'a> {
    host: Host,
    recipe: &'a Recipe,
    listed: &'a [Listed],
    stamps: &'a [Option<Stamp>],
    unknown: &'a [usize],
    old: Option<&'a Cache>,
    state: Mutex<State<'a>>,
}

struct State<'a> {
    /// What is known of every listed file.
    outcomes: Vec<Option<Outcome>>,
    keeping: Keeping<'a>,
}

/// The new file of decoded images.
enum Keeping<'a> {
    /// There is none, or no more.
    No,
    /// It will be here, once there is something to keep.
    At(&'a Path),
    /// It is being written.
    Begun(Writer),
}

impl<'a> Decoding<'a> {
    fn run(self) -> State<'a> {
        let begun = Instant::now();
        let next = AtomicUsize::new(0);
        let threads = self.host.threads().min(self.unknown.len());
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(|| self.work(&next));
            }
            self.work(&next);
        });
        let done = next.into_inner().min(self.unknown.len());
        let seconds = begun.elapsed().as_secs_f64();
        let text = format!("decoded {done} images in {seconds:.1} s");
        self.host.log(Level::Info, &text);
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
            let result = decode(&self.listed[file].path, self.recipe);
            self.note(file, result);
            let total = self.unknown.len() as u64;
            self.host
                .progress(number as u64 + 1, total, "images decoded");
        }
    }

    fn note(&self, file: usize, result: Result<Vec<u8>, Problem>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stamp) = self.stamps[file].filter(|_| !matches!(result, Err(Problem::File(_))))
        {
            let result = result.as_deref().map_err(Problem::reason);
            if let Err(error) = self.keep(&mut state.keeping, file, stamp, result) {
                cannot_keep(self.host, &error);
                state.keeping = Keeping::No;
            }
        }
        state.outcomes[file] = Some(match result {
            Ok(_) => Outcome::Decoded,
            Err(problem) => Outcome::Unreadable(problem.reason().to_owned()),
        });
    }

    fn keep(
        &self,
        keeping: &mut Keeping<'_>,
        file: usize,
        stamp: Stamp,
        result: Result<&[u8], &str>,
    ) -> io::Result<()> {
        if let Keeping::At(path) = keeping {
            let writer = Writer::begin(path, self.recipe.bytes(), MOST_BYTES, self.old)?;
            *keeping = Keeping::Begun(writer);
        }
        match keeping {
            Keeping::Begun(writer) => writer.keep(&self.listed[file].path, stamp, result),
            _ => Ok(()),
        }
    }
}
