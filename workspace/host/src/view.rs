//! A dataset as a backbone sees it: the same splits, labels, groups and names, other samples.

use crate::{Dataset, HostError, Pixel};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use topwork_images::{Geometry, Image, Pixels};

/// Images that one thread brings to their size before it takes the next: enough that reading fixed samples block by block pays,
/// few enough that threads finish together.
const AT_ONCE: usize = 8;

/// A dataset with the samples that one backbone takes. Views share the dataset, and with it the images it keeps.
#[derive(Clone)]
pub struct DatasetView {
    dataset: Arc<Dataset>,
    seen: Option<Seen>,
}

/// How a backbone sees the images of a dataset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// The part of an image, and its size.
    pub geometry: Geometry,
    /// Channels of a sample, 1 or 3.
    pub channels: usize,
    /// Whether the floats of a dataset must be 0 to 1, as bytes are: the normalisation is meant for that.
    pub unit: bool,
    /// How many threads a read may keep busy.
    pub threads: usize,
}

impl From<Arc<Dataset>> for DatasetView {
    /// The dataset with its own samples.
    fn from(dataset: Arc<Dataset>) -> Self {
        DatasetView {
            dataset,
            seen: None,
        }
    }
}

impl DatasetView {
    /// The dataset as it is seen so.
    pub fn new(dataset: Arc<Dataset>, seen: Seen) -> Self {
        let seen = Some(seen);
        DatasetView { dataset, seen }
    }

    /// The dataset itself.
    pub fn dataset(&self) -> &Arc<Dataset> {
        &self.dataset
    }

    /// Channels, height and width of every sample.
    pub fn shape(&self) -> [usize; 3] {
        match &self.seen {
            Some(seen) => seen.shape(),
            None => self.dataset.describe().shape,
        }
    }

    /// Reads the samples with these indices into `out`, one after the other: `indices.len()` × channels × height × width. Bytes
    /// become 0 to 1 (divided by 255) after they were scaled; floats are finite.
    ///
    /// # Errors
    ///
    /// Those of [`Dataset::read`] and [`Dataset::image`]; a float that must be 0 to 1 and is not.
    pub fn read(&self, split: &str, indices: &[u64], out: &mut [f32]) -> Result<(), HostError> {
        let Some(seen) = &self.seen else {
            return self.dataset.read(split, indices, out);
        };
        let numbers: usize = self.shape().iter().product();
        let call = format!("reading split \"{split}\"");
        if out.len() != indices.len() * numbers {
            let problem = format!(
                "room for {} numbers, expected {} × {numbers}",
                out.len(),
                indices.len()
            );
            return Err(self.dataset.request(&call, problem));
        }
        self.dataset.check_indices(split, indices, &call)?;
        type Task<'a> = (&'a [u64], &'a mut [f32]);
        let tasks: Vec<Mutex<Option<Task<'_>>>> = (indices.chunks(AT_ONCE))
            .zip(out.chunks_mut(AT_ONCE * numbers))
            .map(|task| Mutex::new(Some(task)))
            .collect();
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        // Of several the one that comes first: tasks before it were taken before it, and are still carried out.
        let error: Mutex<Option<(usize, HostError)>> = Mutex::new(None);
        let work = || {
            while !failed.load(Ordering::Relaxed) {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(task) = tasks.get(number) else {
                    break;
                };
                let taken = task.lock().unwrap_or_else(PoisonError::into_inner).take();
                let Some((indices, out)) = taken else {
                    continue;
                };
                if let Err(problem) = self.read_some(seen, split, indices, out) {
                    failed.store(true, Ordering::Relaxed);
                    let mut first = error.lock().unwrap_or_else(PoisonError::into_inner);
                    if first.as_ref().is_none_or(|(first, _)| number < *first) {
                        *first = Some((number, problem));
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..seen.threads.min(tasks.len()) {
                scope.spawn(work);
            }
            work();
        });
        match error.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some((_, error)) => Err(error),
            None => Ok(()),
        }
    }

    fn read_some(
        &self,
        seen: &Seen,
        split: &str,
        indices: &[u64],
        out: &mut [f32],
    ) -> Result<(), HostError> {
        let numbers: usize = self.shape().iter().product();
        let fixed = match self.dataset.has_images() {
            true => Vec::new(),
            false => self.dataset.samples(split, indices)?,
        };
        for (at, (index, out)) in indices
            .iter()
            .zip(out.chunks_exact_mut(numbers))
            .enumerate()
        {
            let own;
            let image = match fixed.get(at) {
                Some(image) => image,
                None => {
                    own = self.dataset.image(split, *index)?;
                    &*own
                }
            };
            let written = seen.sample(image, out);
            written.map_err(|problem| {
                let call = format!("reading sample {index} of split \"{split}\"");
                self.dataset.request(&call, problem)
            })?;
        }
        Ok(())
    }
}

impl Seen {
    /// Channels, height and width of a sample.
    pub fn shape(&self) -> [usize; 3] {
        let [height, width] = self.geometry.size();
        [self.channels, height, width]
    }

    /// Writes the sample that an image becomes to `out`; an `Err` says why it becomes none.
    pub fn sample(&self, image: &Image, out: &mut [f32]) -> Result<(), String> {
        if let Pixels::Floats(floats) = image.pixels()
            && self.unit
            && let Some(beyond) = floats.iter().find(|float| !(0.0..=1.0).contains(*float))
        {
            return Err(format!(
                "a number is {beyond}, expected 0 to 1: the backbone's `input` normalises images as if they had been bytes"
            ));
        }
        self.geometry.sample(image, out).map_err(|e| e.to_string())
    }
}

impl Dataset {
    fn request(&self, call: &str, problem: impl Into<String>) -> HostError {
        self.instance().request(call, problem)
    }

    /// Whether samples are floats.
    pub fn has_floats(&self) -> bool {
        self.describe().pixel == Pixel::F32 && !self.has_images()
    }
}
