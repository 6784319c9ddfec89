//! Features of frozen trunks, kept across strategies, seeds and runs.
//!
//! An entry is found by everything its content depends on ([`FeatureKey`]), so an entry is
//! either right or not found: nothing is ever invalidated. Entries are safetensors files,
//! written under a temporary name and renamed, read through a memory map, and removed, the
//! longest unused first, when they take more room than allowed. Several processes may use one
//! folder at once: each file appears and disappears as a whole, and a map outlives its name.

mod entry;
mod map;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

pub use entry::CacheEntry;
pub use map::MappedFeatures;

use topwork_keys::FeatureKey;

use crate::StoreError;

/// Files of crashed writers are removed when they are older than this.
const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 3600);

/// A folder of cached features.
#[derive(Clone, Debug)]
pub struct FeatureCache {
    folder: PathBuf,
    limit: u64,
}

/// What a look into the cache gave.
#[derive(Debug)]
pub enum Lookup {
    /// The features, and what their extraction took.
    Hit(MappedFeatures, f64),
    /// There is no such entry.
    Miss,
    /// There was one, but its content was not what was written: it has been removed.
    Damaged(String),
}

impl FeatureCache {
    /// The cache in `folder`, which need not exist yet, holding at most `limit` bytes.
    pub fn at(folder: impl Into<PathBuf>, limit: u64) -> Self {
        Self {
            folder: folder.into(),
            limit,
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The most bytes the entries may take together.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Looks for the features with this key, and notes that they were used.
    pub fn get(&self, key: &FeatureKey) -> Result<Lookup, StoreError> {
        let path = self.path(key);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Lookup::Miss),
            Err(error) => return Err(StoreError::io("read", path, &error)),
        };
        match entry::open(&file, key) {
            Ok((features, seconds)) => {
                // What was used last is what eviction goes by; a folder that only may be read
                // serves all the same.
                let _ = file.set_modified(SystemTime::now());
                Ok(Lookup::Hit(features, seconds))
            }
            Err(reason) => {
                let _ = fs::remove_file(&path);
                Ok(Lookup::Damaged(reason))
            }
        }
    }

    /// Whether there may be an entry whose key differs from this one in nothing but the images: what cannot be read may be one.
    pub fn may_hold(&self, key: &FeatureKey) -> bool {
        self.files("safetensors").any(|path| {
            entry::describe(&path).is_none_or(|entry| {
                let differences = entry.key.differences(key);
                differences.iter().all(|part| *part == FeatureKey::IMAGES)
            })
        })
    }

    /// Keeps features: `values` is examples × dim, row-major; `seconds` is what they took.
    /// Features that are larger than the whole cache may be are not kept.
    pub fn put(&self, key: &FeatureKey, values: &[f32], seconds: f64) -> Result<(), StoreError> {
        if size_of_val(values) as u64 > self.limit {
            return Ok(());
        }
        fs::create_dir_all(&self.folder)
            .map_err(|error| StoreError::io("create", &self.folder, &error))?;
        let path = self.path(key);
        // One name per writer, in this process and in others.
        static WRITERS: AtomicU64 = AtomicU64::new(0);
        let writer = WRITERS.fetch_add(1, Ordering::Relaxed);
        let partial = path.with_extension(format!("partial-{}-{writer}", std::process::id()));
        let written = File::create(&partial)
            .and_then(|file| entry::write(&file, key, values, seconds))
            .and_then(|()| fs::rename(&partial, &path));
        if let Err(error) = written {
            let _ = fs::remove_file(&partial);
            return Err(StoreError::io("write", path, &error));
        }
        self.evict(&path);
        Ok(())
    }

    /// All entries, the one used last first. Files that cannot be read are left out.
    pub fn entries(&self) -> Vec<CacheEntry> {
        let mut entries: Vec<_> = self
            .files("safetensors")
            .filter_map(|path| entry::describe(&path))
            .collect();
        entries.sort_by(|a, b| b.used_at.cmp(&a.used_at).then_with(|| a.path.cmp(&b.path)));
        entries
    }

    /// Removes every entry and gives how many there were, and their bytes.
    pub fn clear(&self) -> Result<(usize, u64), StoreError> {
        let mut removed = (0, 0);
        for path in self.files("safetensors") {
            let bytes = fs::metadata(&path).map_or(0, |metadata| metadata.len());
            match fs::remove_file(&path) {
                Ok(()) => removed = (removed.0 + 1, removed.1 + bytes),
                // Another process was faster.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(StoreError::io("remove", path, &error)),
            }
        }
        Ok(removed)
    }

    fn path(&self, key: &FeatureKey) -> PathBuf {
        self.folder.join(format!("{}.safetensors", key.digest()))
    }

    fn files(&self, extension: &str) -> impl Iterator<Item = PathBuf> {
        (fs::read_dir(&self.folder).into_iter().flatten().flatten())
            .map(|entry| entry.path())
            .filter(move |path| {
                path.extension()
                    .is_some_and(|found| found.to_string_lossy().starts_with(extension))
            })
    }

    /// Makes room: the longest unused entries go first, `newest` never.
    fn evict(&self, newest: &Path) {
        let now = SystemTime::now();
        let age = |path: &Path| {
            fs::metadata(path)
                .and_then(|m| m.modified())
                .ok()
                .and_then(|at| now.duration_since(at).ok())
        };
        for abandoned in self
            .files("partial-")
            .filter(|path| age(path).is_some_and(|age| age > ABANDONED_AFTER))
        {
            let _ = fs::remove_file(abandoned);
        }
        let mut files: Vec<_> = (self.files("safetensors"))
            .filter_map(|path| {
                let metadata = fs::metadata(&path).ok()?;
                Some((metadata.modified().ok()?, metadata.len(), path))
            })
            .collect();
        files.sort();
        let mut total: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, path) in files {
            if total <= self.limit {
                break;
            }
            if path != newest && fs::remove_file(&path).is_ok() {
                total -= bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(weights: &str, examples: u64) -> FeatureKey {
        FeatureKey {
            backbone: "lenet/lenet".into(),
            plugin: "p".into(),
            weights: weights.into(),
            cut: "features".into(),
            layers: 7,
            images: "i".into(),
            split: "train".into(),
            examples,
            dim: 4,
            dtype: "f32".into(),
            engine: "0".into(),
        }
    }

    fn hit(lookup: Lookup) -> Option<(Vec<f32>, f64)> {
        match lookup {
            Lookup::Hit(features, seconds) => Some((features.to_vec(), seconds)),
            _ => None,
        }
    }

    #[test]
    fn what_was_put_is_found_by_its_key_alone() {
        let temp = tempfile::tempdir().unwrap();
        let cache = FeatureCache::at(temp.path().join("features"), 1 << 20);
        let values: Vec<f32> = (0..8).map(|i| i as f32 - 3.5).collect();
        assert!(hit(cache.get(&key("a", 2)).unwrap()).is_none());
        cache.put(&key("a", 2), &values, 1.5).unwrap();
        assert_eq!(hit(cache.get(&key("a", 2)).unwrap()), Some((values, 1.5)));
        assert!(hit(cache.get(&key("b", 2)).unwrap()).is_none());
        let of_other_images = FeatureKey {
            images: String::new(),
            ..key("a", 2)
        };
        assert!(cache.may_hold(&of_other_images) && !cache.may_hold(&key("b", 2)));
        let entries = cache.entries();
        assert_eq!(
            (entries.len(), &entries[0].key, entries[0].seconds),
            (1, &key("a", 2), 1.5)
        );
        assert_eq!(cache.clear().unwrap().0, 1);
        assert!(cache.entries().is_empty());
    }

    #[test]
    fn no_features_at_all_are_features_too() {
        let temp = tempfile::tempdir().unwrap();
        let cache = FeatureCache::at(temp.path(), 1 << 20);
        cache.put(&key("a", 0), &[], 0.0).unwrap();
        assert_eq!(
            hit(cache.get(&key("a", 0)).unwrap()),
            Some((Vec::new(), 0.0))
        );
    }

    #[test]
    fn altered_and_torn_entries_are_noticed_and_removed() {
        let temp = tempfile::tempdir().unwrap();
        let cache = FeatureCache::at(temp.path(), 1 << 20);
        let path = cache.path(&key("a", 2));
        let damage = |change: fn(&mut Vec<u8>)| {
            cache.put(&key("a", 2), &[1.0; 8], 1.0).unwrap();
            let mut content = fs::read(&path).unwrap();
            change(&mut content);
            fs::write(&path, content).unwrap();
            match cache.get(&key("a", 2)).unwrap() {
                Lookup::Damaged(reason) => reason,
                other => panic!("{other:?}"),
            }
        };
        let altered = damage(|content| *content.last_mut().unwrap() ^= 1);
        assert!(altered.contains("SHA-256"), "{altered}");
        assert!(
            damage(|content| content.truncate(content.len() - 4)).contains("bytes"),
            "torn"
        );
        damage(|content| content.truncate(3));
        damage(|content| content[9] = 0xff);
        fs::write(&path, b"?").unwrap();
        assert!(cache.may_hold(&key("b", 2)), "nobody knows what it was");
        damage(|content| content[..8].copy_from_slice(&u64::MAX.to_le_bytes()));
        assert!(!path.exists());
    }

    #[test]
    fn the_longest_unused_goes_first() {
        let temp = tempfile::tempdir().unwrap();
        let one = {
            let cache = FeatureCache::at(temp.path(), 1 << 20);
            cache.put(&key("a", 250), &[0.0; 1000], 1.0).unwrap();
            let bytes = cache.entries()[0].bytes;
            cache.clear().unwrap();
            bytes
        };
        let cache = FeatureCache::at(temp.path(), 2 * one + one / 2);
        let age = |weights: &str, seconds| {
            let file = File::options()
                .write(true)
                .open(cache.path(&key(weights, 250)))
                .unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(seconds))
                .unwrap();
        };
        for weights in ["a", "b"] {
            cache.put(&key(weights, 250), &[0.0; 1000], 1.0).unwrap();
        }
        age("a", 20);
        age("b", 30);
        assert!(
            hit(cache.get(&key("b", 250)).unwrap()).is_some(),
            "using it makes it the youngest"
        );
        cache.put(&key("c", 250), &[0.0; 1000], 1.0).unwrap();
        let left: Vec<_> = ["a", "b", "c"]
            .map(|weights| cache.path(&key(weights, 250)).exists())
            .to_vec();
        assert_eq!(left, [false, true, true]);
        cache.put(&key("d", 2500), &[0.0; 10_000], 1.0).unwrap();
        assert!(
            !cache.path(&key("d", 2500)).exists(),
            "larger than the whole cache"
        );
    }

    #[test]
    fn two_writers_and_a_reader_agree() {
        let temp = tempfile::tempdir().unwrap();
        let cache = FeatureCache::at(temp.path(), 1 << 16);
        std::thread::scope(|scope| {
            for writer in 0..2 {
                let cache = &cache;
                scope.spawn(move || {
                    for round in 0..40 {
                        let weights = (round % 5).to_string();
                        cache
                            .put(
                                &key(&weights, 250),
                                &[(round % 5) as f32; 1000],
                                f64::from(writer),
                            )
                            .unwrap();
                    }
                });
            }
            let cache = &cache;
            scope.spawn(move || {
                for round in 0..200 {
                    let value = round % 5;
                    if let Some((values, _)) =
                        hit(cache.get(&key(&value.to_string(), 250)).unwrap())
                    {
                        assert!(values.iter().all(|found| *found == value as f32));
                    }
                }
            });
        });
    }
}
