//! The threads that compute, and the buffers they reuse.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use crate::denormals;
use crate::error::EngineError;
use crate::processor;

/// Threads with denormals switched off, and buffers that outlive a single step.
///
/// All arithmetic of the engine runs on these threads, never on the caller's: a unit that has died drives
/// Adam's moments denormal, and one slow operand makes a whole step slow. How work is cut depends on its
/// size alone, so every number of threads gives the same bits.
#[derive(Debug)]
pub struct Compute {
    pool: rayon::ThreadPool,
    buffers: Buffers,
}

impl Compute {
    /// Starts `threads` threads.
    ///
    /// # Errors
    /// When `threads` is 0 or the system refuses to start them.
    pub fn new(threads: usize) -> Result<Self, EngineError> {
        if threads == 0 {
            return Err(EngineError::NoThreads);
        }
        processor::wanted()?;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("compute-{index}"))
            .start_handler(|_| denormals::flush_to_zero())
            .build()
            .map_err(|error| EngineError::Threads {
                threads,
                reason: error.to_string(),
            })?;
        Ok(Self {
            pool,
            buffers: Buffers::default(),
        })
    }

    /// Number of threads.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    pub(crate) fn buffers(&self) -> &Buffers {
        &self.buffers
    }

    /// Runs `work` on the pool; rayon's parallel iterators within it stay on the pool.
    pub(crate) fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.pool.install(work)
    }
}

/// Shorter buffers are not kept: the allocator has them at hand, and those that come from elsewhere
/// ([`Buffers::adopt`]) would pile up and have to be looked through for ever.
const SHORTEST: usize = 1024;

/// Buffers of one kind that may wait at once.
const MOST: usize = 1024;

/// Buffers waiting to be used again. Fresh megabytes at every step cost as much as the arithmetic, because
/// the system has to map each page anew.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buffers {
    numbers: Arc<Shelf<f32>>,
    positions: Arc<Shelf<u32>>,
}

impl Buffers {
    /// `len` numbers with unspecified values: whatever their last user left. The first begins a line of the cache,
    /// since registers that lie across two lines take twice as long to read.
    pub(crate) fn take(&self, len: usize) -> Buffer<f32> {
        Buffer::take(&self.numbers, len, true)
    }

    /// The same for numbers that become a plain vector ([`Buffer::into_vec`]), which begins anywhere.
    pub(crate) fn take_to_give(&self, len: usize) -> Buffer<f32> {
        Buffer::take(&self.numbers, len, false)
    }

    /// `len` positions with unspecified values.
    pub(crate) fn take_positions(&self, len: usize) -> Buffer<u32> {
        Buffer::take(&self.positions, len, false)
    }

    /// Makes a plain vector a buffer, to be used again once it is dropped.
    ///
    /// It may be one of ours that was cut to what was asked for ([`Buffer::into_vec`]). It gets its whole length back:
    /// else it would serve ever smaller requests, and every step would need fresh ones for the large.
    pub(crate) fn adopt(&self, mut values: Vec<f32>) -> Buffer<f32> {
        let len = values.len();
        values.resize(values.capacity(), 0.0);
        Buffer {
            start: 0,
            len,
            values,
            shelf: Arc::clone(&self.numbers),
        }
    }
}

type Shelf<T> = Mutex<Vec<Vec<T>>>;

/// A borrowed buffer; dropping it puts it back.
#[derive(Debug)]
pub(crate) struct Buffer<T> {
    // May be longer than what was asked for: growing it again would mean filling it again.
    values: Vec<T>,
    start: usize,
    len: usize,
    shelf: Arc<Shelf<T>>,
}

/// Bytes in a line of the cache.
pub(crate) const LINE: usize = 64;

/// Where numbers begin a line of the cache; those before are fewer than fill one.
pub(crate) fn start_of_line<T>(values: &[T]) -> usize {
    let start = values.as_ptr().align_offset(LINE);
    start.min(LINE / size_of::<T>())
}

impl<T: Copy + Default> Buffer<T> {
    fn take(shelf: &Arc<Shelf<T>>, len: usize, in_line: bool) -> Self {
        if len < SHORTEST {
            return Self {
                values: vec![T::default(); len],
                start: 0,
                len,
                shelf: Arc::clone(shelf),
            };
        }
        let mut waiting = shelf.lock().unwrap_or_else(PoisonError::into_inner);
        // The smallest that is large enough, and none much larger: a request for a few numbers must not
        // tie up megabytes.
        let room = match in_line {
            true => len + LINE / size_of::<T>(),
            false => len,
        };
        let fitting = room..=room.saturating_mul(2);
        let best = (0..waiting.len())
            .filter(|&index| fitting.contains(&waiting[index].len()))
            .min_by_key(|&index| waiting[index].len());
        let values = best.map(|index| waiting.swap_remove(index));
        drop(waiting);
        let values = values.unwrap_or_else(|| vec![T::default(); room]);
        Self {
            start: if in_line { start_of_line(&values) } else { 0 },
            values,
            len,
            shelf: Arc::clone(shelf),
        }
    }

    /// The values as a plain vector, for owners who do not know buffers; see [`Buffers::adopt`].
    pub(crate) fn into_vec(mut self) -> Vec<T> {
        let mut values = std::mem::take(&mut self.values);
        if self.start > 0 {
            values.copy_within(self.start..self.start + self.len, 0);
        }
        values.truncate(self.len);
        values
    }
}

impl<T> Drop for Buffer<T> {
    fn drop(&mut self) {
        if self.values.len() >= SHORTEST {
            let mut waiting = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.len() < MOST {
                waiting.push(std::mem::take(&mut self.values));
            }
        }
    }
}

impl<T> Deref for Buffer<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.values[self.start..self.start + self.len]
    }
}

impl<T> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.values[self.start..self.start + self.len]
    }
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;

    #[test]
    fn denormals_are_zero_on_every_thread_of_the_pool_and_on_no_other() {
        let halved = || black_box(f32::MIN_POSITIVE) * black_box(0.5);
        let compute = Compute::new(3).unwrap();
        assert_eq!(compute.threads(), 3);
        for result in compute.pool.broadcast(|_| halved()) {
            assert_eq!(result, 0.0);
        }
        assert_eq!(compute.run(halved), 0.0);
        assert!(halved() > 0.0);
    }

    #[test]
    fn no_threads_are_refused() {
        let error = Compute::new(0).unwrap_err().to_string();
        assert_eq!(error, "cannot compute with 0 threads, expected 1 or more");
    }

    #[test]
    fn buffers_come_back_to_those_who_need_their_size() {
        let buffers = Buffers::default();
        let large = buffers.take(10_000);
        let small = buffers.take(2_000);
        let (large_at, small_at) = (large.as_ptr(), small.as_ptr());
        drop((large, small));
        let small = buffers.take(1_800);
        assert_eq!((small.as_ptr(), small.len()), (small_at, 1_800));
        let another = buffers.take(1_800);
        assert_ne!(another.as_ptr(), large_at);
        let large = buffers.take(9_000);
        assert_eq!((large.as_ptr(), large.len()), (large_at, 9_000));
        assert_eq!(large_at as usize % LINE, 0);
        let numbers = 3.5;
        let mut given = buffers.take(20_000);
        given.fill(numbers);
        assert_eq!(given.into_vec(), vec![numbers; 20_000]);
        let given = buffers.take_to_give(20_000);
        let given_at = given.as_ptr();
        let adopted = buffers.adopt(given.into_vec());
        assert_eq!((adopted.as_ptr(), adopted.len()), (given_at, 20_000));
        drop(adopted);
        assert_eq!(buffers.take_to_give(20_000).as_ptr(), given_at);
    }

    #[test]
    fn what_is_adopted_does_not_pile_up() {
        let buffers = Buffers::default();
        for len in [20, SHORTEST, SHORTEST + 1].repeat(2 * MOST) {
            drop(buffers.adopt(vec![0.0; len]));
        }
        let waiting = buffers.numbers.lock().unwrap();
        assert_eq!(waiting.len(), MOST);
        assert!(waiting.iter().all(|values| values.len() >= SHORTEST));
    }
}
