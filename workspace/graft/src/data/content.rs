//! Images compared by what they show: the same picture is found wherever it occurs, whatever
//! file, split or dataset it came by.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use topwork_host::{Dataset, HostError};
use topwork_keys::{Digest, Sha256};
use topwork_schema::{Component, Content, DatasetUse, Looked, SharedImages, SharedPlace};

use crate::{
    GraftError,
    data::{SplitName, TaskExamples},
    error::out_of_order,
};

/// Images read at once, fewer where they are large.
const BLOCK: usize = 256;

/// Numbers read at once, 16 MiB of them.
const NUMBERS: usize = 1 << 22;

/// For so many of the images that occur in the same places it is told where.
const FIRST: usize = 8;

/// And for each of them so many positions in a place.
const POSITIONS: usize = 3;

/// Half a SHA-256: among 2^31 images two different ones have the same with a chance of 2^-67.
pub type Fingerprint = [u8; 16];

/// The examples of a dataset that are compared.
pub struct ExamplesOf<'a> {
    /// The dataset as the experiment names it.
    pub component: Component,
    /// What reads them.
    pub dataset: &'a Dataset,
    /// The splits that stand for [`SplitName::ALL`], each with its examples by position, and the class of these.
    pub splits: [(&'a str, BTreeMap<u64, u32>); 2],
}

/// One example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Copy {
    /// Index among the datasets.
    pub dataset: usize,
    /// Index into [`SplitName::ALL`].
    pub split: usize,
    /// Position in the split.
    pub position: u64,
    /// Class, as the dataset counts them.
    pub class: u32,
}

/// What a comparison has found.
pub struct Comparison {
    /// For the rules on it.
    pub content: Content,
    /// The examples of every image that occurs more than once.
    pub copies: Vec<Vec<Copy>>,
    /// What every example shows: dataset by dataset and split by split, in the order of the positions.
    fingerprints: Vec<[Vec<(u64, Fingerprint)>; 2]>,
}

/// The examples of all tasks, those of one dataset together.
pub fn examples_of<'a>(tasks: &[(&'a TaskExamples, &DatasetUse)]) -> Vec<ExamplesOf<'a>> {
    let mut all: Vec<ExamplesOf<'a>> = Vec::new();
    for (task, used) in tasks {
        let known = all
            .iter()
            .position(|known| known.component == used.component);
        let known = known.unwrap_or_else(|| {
            let empty = |split: SplitName| (task.source_of(split), BTreeMap::new());
            all.push(ExamplesOf {
                component: used.component.clone(),
                dataset: task.dataset(),
                splits: SplitName::ALL.map(empty),
            });
            all.len() - 1
        });
        for split in task.splits() {
            let examples = task.examples(*split);
            let classes = examples
                .labels
                .iter()
                .map(|label| used.classes[*label as usize] as u32);
            all[known].splits[*split as usize]
                .1
                .extend(examples.positions.iter().copied().zip(classes));
        }
    }
    all
}

/// Reads all images and finds those that occur more than once. `go_on` hears how many images of
/// how many are done and says whether to go on; `None` when it said no.
pub fn compare(
    datasets: &[ExamplesOf<'_>],
    threads: usize,
    mut go_on: impl FnMut(u64, u64) -> Result<bool, GraftError>,
) -> Result<Option<Comparison>, GraftError> {
    let mut blocks = Vec::new();
    let mut copies = Vec::new();
    for (index, dataset) in datasets.iter().enumerate() {
        let numbers: usize = dataset.dataset.describe().shape.iter().product();
        let size = (NUMBERS / numbers.max(1)).clamp(1, BLOCK);
        for (split, (name, examples)) in dataset.splits.iter().enumerate() {
            let positions: Vec<u64> = examples.keys().copied().collect();
            blocks.extend(positions.chunks(size).map(|positions| Block {
                of: index,
                dataset: dataset.dataset,
                split: name,
                positions: positions.to_vec(),
            }));
            copies.extend(examples.iter().map(|(position, class)| Copy {
                dataset: index,
                split,
                position: *position,
                class: *class,
            }));
        }
    }
    let reading = Reading {
        blocks: &blocks,
        next: AtomicUsize::new(0),
        done: AtomicUsize::new(0),
        end: AtomicBool::new(false),
        seen: Mutex::new((0..blocks.len()).map(|_| None).collect()),
    };
    let all = copies.len() as u64;
    let went_on = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(blocks.len()))
            .map(|_| scope.spawn(|| reading.work(|_| Ok(true))))
            .collect();
        let ours = reading.work(|done| go_on(done, all));
        let joined = others.into_iter().map(|other| {
            other
                .join()
                .unwrap_or_else(|_| Err(out_of_order("a thread that compared images panicked")))
        });
        joined.fold(ours, |all, one| Ok(all? && one?))
    })?;
    if !went_on {
        return Ok(None);
    }
    let mut fingerprints = Vec::with_capacity(copies.len());
    let mut numbers = vec![(f32::INFINITY, f32::NEG_INFINITY); datasets.len()];
    let seen = reading
        .seen
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    for (block, seen) in blocks.iter().zip(seen) {
        let Seen { images, low, high } = seen.transpose()?.unwrap_or_default();
        fingerprints.extend(images);
        let (lowest, highest) = &mut numbers[block.of];
        *lowest = lowest.min(low);
        *highest = highest.max(high);
    }
    let mut by_split: Vec<[Vec<(u64, Fingerprint)>; 2]> =
        datasets.iter().map(|_| Default::default()).collect();
    for (copy, fingerprint) in copies.iter().zip(&fingerprints) {
        by_split[copy.dataset][copy.split].push((copy.position, *fingerprint));
    }
    let copies = grouped(&fingerprints, &copies);
    let datasets = datasets
        .iter()
        .zip(numbers)
        .map(|(dataset, numbers)| Looked {
            component: dataset.component.clone(),
            numbers,
        });
    Ok(Some(Comparison {
        content: Content {
            datasets: datasets.collect(),
            shared: shared(&copies),
        },
        copies,
        fingerprints: by_split,
    }))
}

impl Comparison {
    /// What the examples of a split of a dataset show, given their positions; `None` where one was not
    /// looked at.
    pub(super) fn shown(
        &self,
        dataset: &Component,
        split: SplitName,
        positions: &[u64],
    ) -> Option<Vec<Fingerprint>> {
        let seen = &self.content.datasets;
        let dataset = seen.iter().position(|seen| seen.component == *dataset)?;
        let all = &self.fingerprints[dataset][split as usize];
        let of = |position: &u64| {
            let found = all
                .binary_search_by_key(position, |(known, _)| *known)
                .ok()?;
            Some(all[found].1)
        };
        positions.iter().map(of).collect()
    }
}

/// Images that are read at once.
struct Block<'a> {
    of: usize,
    dataset: &'a Dataset,
    split: &'a str,
    positions: Vec<u64>,
}

/// What was seen in a block.
#[derive(Default)]
struct Seen {
    images: Vec<Fingerprint>,
    low: f32,
    high: f32,
}

/// Blocks being read by several threads.
struct Reading<'a> {
    blocks: &'a [Block<'a>],
    next: AtomicUsize,
    /// Images.
    done: AtomicUsize,
    end: AtomicBool,
    seen: Mutex<Vec<Option<Result<Seen, HostError>>>>,
}

impl Reading<'_> {
    /// Reads blocks until there are no more; false when `go_on` said so.
    fn work(
        &self,
        mut go_on: impl FnMut(u64) -> Result<bool, GraftError>,
    ) -> Result<bool, GraftError> {
        let mut images = Vec::new();
        let mut bytes = Vec::new();
        while !self.end.load(Ordering::Relaxed) {
            let next = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(block) = self.blocks.get(next) else {
                break;
            };
            let seen = block.read(&mut images, &mut bytes);
            let done = self
                .done
                .fetch_add(block.positions.len(), Ordering::Relaxed);
            let going = match &seen {
                Ok(_) => go_on((done + block.positions.len()) as u64),
                Err(_) => Ok(true),
            };
            if seen.is_err() || !matches!(going, Ok(true)) {
                self.end.store(true, Ordering::Relaxed);
            }
            let mut all = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            all[next] = Some(seen);
            drop(all);
            if !going? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Block<'_> {
    fn read(&self, images: &mut Vec<f32>, bytes: &mut Vec<u8>) -> Result<Seen, HostError> {
        let numbers: usize = self.dataset.describe().shape.iter().product();
        images.resize(self.positions.len() * numbers, 0.0);
        self.dataset.read(self.split, &self.positions, images)?;
        let (low, high) = range(images);
        let fingerprints = images
            .chunks_exact(numbers.max(1))
            .map(|image| fingerprint(image, bytes));
        Ok(Seen {
            images: fingerprints.collect(),
            low,
            high,
        })
    }
}

fn range(numbers: &[f32]) -> (f32, f32) {
    (numbers.iter()).fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), number| {
        (low.min(*number), high.max(*number))
    })
}

/// Names what an image shows. Bytes are the same picture whether they were stored as such, as
/// their 255th parts, or as whole numbers in floating point.
fn fingerprint(image: &[f32], bytes: &mut Vec<u8>) -> Fingerprint {
    let written = as_bytes(image, 255.0, bytes) || as_bytes(image, 1.0, bytes);
    if !written {
        bytes.clear();
        // Zero has two signs.
        bytes.extend(image.iter().flat_map(|number| (number + 0.0).to_le_bytes()));
    }
    let digest = Sha256::digest(&*bytes);
    let mut half = Fingerprint::default();
    half.copy_from_slice(&digest[..16]);
    half
}

/// The numbers times `scale` as bytes; false when they are none. Who divides with other rounding
/// is off by a unit in the last place.
fn as_bytes(image: &[f32], scale: f32, bytes: &mut Vec<u8>) -> bool {
    bytes.resize(image.len(), 0);
    let mut far = false;
    for (byte, number) in bytes.iter_mut().zip(image) {
        let scaled = number * scale;
        // What is no byte becomes 0 or 255, and is far from it.
        *byte = (scaled + 0.5) as u8;
        let whole = f32::from(*byte);
        far |= (scaled - whole).abs() > whole * 2.5e-7;
    }
    !far
}

/// The examples of each image that occurs more than once, in their order.
fn grouped(fingerprints: &[Fingerprint], copies: &[Copy]) -> Vec<Vec<Copy>> {
    let mut all: Vec<(Fingerprint, Copy)> = fingerprints
        .iter()
        .copied()
        .zip(copies.iter().copied())
        .collect();
    all.sort_unstable();
    let mut groups: Vec<Vec<Copy>> = all
        .chunk_by(|a, b| a.0 == b.0)
        .filter(|group| group.len() > 1)
        .map(|group| group.iter().map(|(_, copy)| *copy).collect())
        .collect();
    groups.sort_unstable();
    groups
}

/// The images counted by the places they occur in.
fn shared(groups: &[Vec<Copy>]) -> Vec<SharedImages> {
    type Key = (usize, usize, u32, bool);
    let mut kinds: BTreeMap<Vec<Key>, SharedImages> = BTreeMap::new();
    for group in groups {
        let mut places: BTreeMap<(usize, usize, u32), Vec<u64>> = BTreeMap::new();
        for copy in group {
            let place = places.entry((copy.dataset, copy.split, copy.class));
            place.or_default().push(copy.position);
        }
        let key = places.iter().map(|(place, positions)| {
            let (dataset, split, class) = *place;
            (dataset, split, class, positions.len() > 1)
        });
        let kind = kinds.entry(key.collect()).or_insert_with(|| SharedImages {
            images: 0,
            places: (places.iter())
                .map(|((dataset, split, class), positions)| SharedPlace {
                    dataset: *dataset,
                    split: SplitName::ALL[*split].name().to_owned(),
                    class: *class as usize,
                    several: positions.len() > 1,
                    examples: 0,
                    first: Vec::new(),
                })
                .collect(),
        });
        kind.images += 1;
        for (place, positions) in kind.places.iter_mut().zip(places.values()) {
            place.examples += positions.len() as u64;
            if place.first.len() < FIRST {
                let first = positions.iter().take(POSITIONS).copied();
                place.first.push(first.collect());
            }
        }
    }
    kinds.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(image: &[f32]) -> Fingerprint {
        fingerprint(image, &mut Vec::new())
    }

    #[test]
    fn a_picture_is_the_same_at_any_scale_of_bytes() {
        let bytes: Vec<u8> = (0..=255).collect();
        let wide: Vec<f32> = bytes.iter().map(|byte| f32::from(*byte)).collect();
        let narrow: Vec<f32> = wide.iter().map(|number| number / 255.0).collect();
        let multiplied: Vec<f32> = wide.iter().map(|number| number * (1.0 / 255.0)).collect();
        assert_eq!(of(&wide), of(&narrow));
        assert_eq!(of(&narrow), of(&multiplied));
        let mut other = narrow.clone();
        other[7] += 1.0 / 255.0;
        assert_ne!(of(&narrow), of(&other));
    }

    #[test]
    fn small_numbers_are_not_all_nothing() {
        assert_ne!(of(&[1e-9, 2e-9]), of(&[2e-9, 1e-9]));
        assert_ne!(of(&[1e-9, 2e-9]), of(&[0.0, 0.0]));
        assert_eq!(of(&[0.0, 0.3]), of(&[-0.0, 0.3]));
    }

    proptest! {
        #[test]
        fn equal_images_and_no_others_have_one_fingerprint(images in prop::collection::vec(prop::collection::vec(prop_oneof![0.0_f32..1.0, (0_u8..4).prop_map(|byte| f32::from(byte) / 255.0), Just(f32::MIN_POSITIVE)], 3), 2..20)) {
            for a in &images {
                for b in &images {
                    prop_assert_eq!(of(a) == of(b), a == b, "{:?} {:?}", a, b);
                }
            }
        }

        #[test]
        fn every_copy_is_found(pictures in prop::collection::vec((0_u8..30, 0_usize..2, 0_u32..3), 1..120)) {
            let prints: Vec<Fingerprint> = pictures.iter().map(|(picture, ..)| [*picture; 16]).collect();
            let copies: Vec<Copy> = (0..).zip(&pictures).map(|(position, (_, split, class))| Copy { dataset: 0, split: *split, position, class: *class }).collect();
            let groups = grouped(&prints, &copies);
            let grouped: usize = groups.iter().map(Vec::len).sum();
            let twice = |picture: u8| pictures.iter().filter(|(other, ..)| *other == picture).count() > 1;
            prop_assert_eq!(grouped, pictures.iter().filter(|(picture, ..)| twice(*picture)).count());
            for group in &groups {
                let first = pictures[group[0].position as usize].0;
                prop_assert!(group.len() > 1 && group.iter().all(|copy| pictures[copy.position as usize].0 == first));
            }
            let shared = shared(&groups);
            prop_assert_eq!(shared.iter().map(|kind| kind.images).sum::<u64>(), groups.len() as u64);
            let places = || shared.iter().flat_map(|kind| &kind.places);
            prop_assert_eq!(places().map(|place| place.examples).sum::<u64>(), grouped as u64);
        }
    }
}
