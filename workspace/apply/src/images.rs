//! Images in blocks, read on a thread of their own while those before are computed.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use topwork_graft::data::{SplitName, TaskExamples, read_ahead};
use topwork_host::{DatasetView, DecodeError, Decoder, Seen};
use topwork_measure::Targets;

use crate::{ApplyError, speaker::is_stopped};

/// What is known of an image before anything is computed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Item {
    /// The file, or what the dataset calls it.
    pub path: Option<String>,
    /// Its position in the dataset's split.
    pub position: Option<u64>,
    /// The split of the target it is of.
    pub split: Option<&'static str>,
    /// Its class, by its label.
    pub label: Option<u32>,
    /// Its numbers, or 0 and 1 for its labels, where the target has these in place of classes.
    pub numbers: Vec<f32>,
    /// The fold it was left out with, from 1.
    pub fold: Option<u32>,
    /// Why it could not be read; then it has no image.
    pub error: Option<String>,
}

/// Some images, one after the other: those of the items without an error.
#[derive(Default)]
pub struct Block {
    pub items: Vec<Item>,
    pub images: Vec<f32>,
}

/// Where images come from.
pub trait Source: Send {
    /// Puts the next images, at most so many, into `block`; none are left where it stays empty.
    fn next(&mut self, most: usize, block: &mut Block) -> Result<(), ApplyError>;

    /// How many there are, where that is known.
    fn total(&self) -> Option<u64>;
}

/// Files of images, by a list of their paths.
pub struct Files<'a> {
    decoder: &'a Decoder,
    seen: Option<Seen>,
    threads: usize,
    list: BufReader<File>,
    total: u64,
}

impl<'a> Files<'a> {
    /// Reads the list at `path`: paths, each ended by a zero byte. `seen` is how images become samples, where the decoder's own
    /// are not taken.
    pub fn new(
        decoder: &'a Decoder,
        seen: Option<Seen>,
        path: &Path,
        threads: usize,
    ) -> Result<Self, ApplyError> {
        let open = || File::open(path).map(BufReader::new);
        let fail = |error: std::io::Error| ApplyError::Other {
            message: format!(
                "cannot read `{}`: {}",
                path.display(),
                topwork_sniff::reason(&error)
            ),
            hint: None,
        };
        let mut total = 0;
        for byte in open().map_err(fail)?.bytes() {
            total += u64::from(byte.map_err(fail)? == 0);
        }
        Ok(Self {
            decoder,
            seen,
            threads,
            list: open().map_err(fail)?,
            total,
        })
    }
}

impl Source for Files<'_> {
    fn next(&mut self, most: usize, block: &mut Block) -> Result<(), ApplyError> {
        let mut paths: Vec<PathBuf> = Vec::with_capacity(most);
        while paths.len() < most {
            let mut path = Vec::new();
            let read = self.list.read_until(0, &mut path);
            let read = read.map_err(|error| ApplyError::Other {
                message: format!("cannot read the list of files: {error}"),
                hint: None,
            })?;
            if read == 0 {
                break;
            }
            path.pop();
            paths.push(path_of(path));
        }
        let shape = self.seen.map_or(self.decoder.shape(), |seen| seen.shape());
        let image: usize = shape.iter().product();
        block.images.resize(paths.len() * image, 0.0);
        let outcomes = decoded(
            (self.decoder, self.seen),
            &paths,
            &mut block.images,
            image,
            self.threads,
        )?;
        // The images of those that could be read move up.
        let mut kept = 0;
        for (index, (path, error)) in paths.iter().zip(outcomes).enumerate() {
            if error.is_none() {
                let from = index * image;
                block.images.copy_within(from..from + image, kept * image);
                kept += 1;
            }
            block.items.push(Item {
                path: Some(path.display().to_string()),
                error,
                ..Item::default()
            });
        }
        block.images.truncate(kept * image);
        Ok(())
    }

    fn total(&self) -> Option<u64> {
        Some(self.total)
    }
}

/// Decodes all of them, on several threads, each into its place; gives the reasons why some could not be.
fn decoded(
    (decoder, seen): (&Decoder, Option<Seen>),
    paths: &[PathBuf],
    images: &mut [f32],
    image: usize,
    threads: usize,
) -> Result<Vec<Option<String>>, ApplyError> {
    type Task<'a> = (usize, &'a Path, &'a mut [f32]);
    let tasks: Vec<std::sync::Mutex<Option<Task<'_>>>> = (paths.iter().enumerate())
        .zip(images.chunks_exact_mut(image.max(1)))
        .map(|((index, path), image)| std::sync::Mutex::new(Some((index, path.as_path(), image))))
        .collect();
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, String)>, ApplyError> {
        let mut failed = Vec::new();
        while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
            let taken = task.lock().ok().and_then(|mut task| task.take());
            let Some((index, path, image)) = taken else {
                continue;
            };
            let written = match &seen {
                Some(seen) => (decoder.image(path)).map(|own| seen.sample(&own, image)),
                None => decoder.decode(path, image).map(Ok),
            };
            match written {
                Ok(Ok(())) => {}
                Ok(Err(reason)) => failed.push((index, reason)),
                Err(DecodeError::File { reason, .. }) => failed.push((index, reason)),
                Err(DecodeError::Plugin(error)) => return Err(error.into()),
            }
        }
        Ok(failed)
    };
    let mut outcomes = vec![None; paths.len()];
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.clamp(1, paths.len().max(1)))
            .map(|_| scope.spawn(work))
            .collect();
        for worker in workers {
            let failed = worker.join().map_err(|_| ApplyError::Other {
                message: "a thread that decoded images panicked".to_owned(),
                hint: None,
            })??;
            for (index, reason) in failed {
                outcomes[index] = Some(reason);
            }
        }
        Ok(outcomes)
    })
}

/// A path from its bytes.
#[cfg(unix)]
fn path_of(bytes: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    std::ffi::OsString::from_vec(bytes).into()
}

/// Examples of a task.
pub struct Examples<'a> {
    task: &'a TaskExamples,
    /// Split by split: which, and what each is called where the dataset says it.
    splits: Vec<Called>,
    /// How many were given.
    given: usize,
}

struct Called {
    split: SplitName,
    examples: Vec<(usize, Option<u32>)>,
    called: Option<Vec<String>>,
}

/// Examples of a split, ascending, each with the fold it was left out with.
pub type OfSplit = (SplitName, Vec<(usize, Option<u32>)>);

impl<'a> Examples<'a> {
    /// These examples of these splits, in this order.
    pub fn new(task: &'a TaskExamples, splits: Vec<OfSplit>) -> Result<Self, ApplyError> {
        let splits: Result<Vec<Called>, ApplyError> = splits
            .into_iter()
            .map(|(split, examples)| {
                Ok(Called {
                    split,
                    examples,
                    called: task.called(split)?,
                })
            })
            .collect();
        let splits = splits?;
        Ok(Self {
            task,
            splits,
            given: 0,
        })
    }

    /// What is known of all of them.
    pub fn items(&self) -> impl Iterator<Item = Item> {
        self.splits.iter().flat_map(|of| {
            let examples = self.task.examples(of.split);
            let targets = examples.targets();
            of.examples.iter().map(move |&(example, fold)| Item {
                path: of.called.as_ref().map(|called| called[example].clone()),
                position: Some(examples.positions[example]),
                split: Some(of.split.name()),
                label: Some(examples.labels[example]),
                numbers: targets.numbers_of(example),
                fold,
                error: None,
            })
        })
    }
}

impl Source for Examples<'_> {
    fn next(&mut self, most: usize, block: &mut Block) -> Result<(), ApplyError> {
        let mut before = 0;
        for of in &self.splits {
            let at = self.given.saturating_sub(before).min(of.examples.len());
            before += of.examples.len();
            let some = &of.examples[at..(at + most).min(of.examples.len())];
            if some.is_empty() {
                continue;
            }
            let examples: Vec<usize> = some.iter().map(|(example, _)| *example).collect();
            self.task.read_raw(of.split, &examples, &mut block.images)?;
            block.items = (self.items().skip(self.given).take(some.len())).collect();
            self.given += some.len();
            return Ok(());
        }
        Ok(())
    }

    fn total(&self) -> Option<u64> {
        Some(self.splits.iter().map(|of| of.examples.len() as u64).sum())
    }
}

/// Some examples of a split of a dataset.
pub struct OfDataset<'a> {
    pub view: &'a DatasetView,
    pub split: String,
    /// Their positions and labels.
    pub examples: Vec<(u64, Option<u32>)>,
    pub names: Option<Vec<String>>,
    /// What is true of them, where that is known.
    pub truth: Targets<'a>,
    pub given: usize,
}

impl Source for OfDataset<'_> {
    fn next(&mut self, most: usize, block: &mut Block) -> Result<(), ApplyError> {
        let some = &self.examples[self.given..(self.given + most).min(self.examples.len())];
        let from = self.given;
        self.given += some.len();
        let positions: Vec<u64> = some.iter().map(|(position, _)| *position).collect();
        let image: usize = self.view.shape().iter().product();
        block.images.resize(positions.len() * image, 0.0);
        if !positions.is_empty() {
            self.view.read(&self.split, &positions, &mut block.images)?;
        }
        block.items = (some.iter().zip(from..))
            .map(|(&(position, label), example)| Item {
                path: (self.names.as_ref()).map(|names| names[position as usize].clone()),
                position: Some(position),
                label,
                numbers: self.truth.numbers_of(example),
                ..Item::default()
            })
            .collect();
        Ok(())
    }

    fn total(&self) -> Option<u64> {
        Some(self.examples.len() as u64)
    }
}

/// Gives `take` all images of a source, at most `most` at a time, in their order. They are read on a thread of their own.
pub fn each_block(
    source: &mut dyn Source,
    most: usize,
    mut take: impl FnMut(Block) -> Result<(), ApplyError>,
) -> Result<(), ApplyError> {
    read_ahead(
        |block: &mut Block| {
            *block = Block::default();
            source.next(most, block)?;
            Ok(!block.items.is_empty())
        },
        |block| match is_stopped() {
            true => Err(ApplyError::Stopped),
            false => take(std::mem::take(block)),
        },
    )
}
