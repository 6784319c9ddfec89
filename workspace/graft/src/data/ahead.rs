//! Reading on a thread of its own while what was read before is computed with.
//!
//! Whoever reads may keep several threads busy itself, beside those that compute: the system shares the cores out, and few are idle
//! while there is anything to read or to compute.

use std::{
    sync::mpsc::{channel, sync_channel},
    thread,
};

/// Blocks in the making: one being computed with, one being read or waiting.
const BLOCKS: usize = 2;

/// Fills block after block with `read`, which says whether there was one more, and gives each to `take` in their order.
///
/// # Errors
///
/// The first one, in the order of the blocks: what `take` makes of a block comes before what `read` finds in the next.
pub fn read_ahead<T: Default + Send, E: Send>(
    mut read: impl FnMut(&mut T) -> Result<bool, E> + Send,
    mut take: impl FnMut(&mut T) -> Result<(), E>,
) -> Result<(), E> {
    thread::scope(|scope| {
        let (full, ready) = sync_channel::<Result<T, E>>(BLOCKS);
        let (empty, used) = channel();
        for _ in 0..BLOCKS {
            // The other end is held until the thread below starts.
            let _ = empty.send(T::default());
        }
        scope.spawn(move || {
            // Either end goes away when `take` has failed.
            while let Ok(mut block) = used.recv() {
                let read = match read(&mut block) {
                    Ok(true) => Ok(block),
                    Ok(false) => return,
                    Err(error) => Err(error),
                };
                let failed = read.is_err();
                if full.send(read).is_err() || failed {
                    return;
                }
            }
        });
        for block in ready {
            let mut block = block?;
            take(&mut block)?;
            // Nobody waits for it after the last one.
            let _ = empty.send(block);
        }
        Ok(())
    })
}

/// The same blocks one after the other, without reading ahead: for a `take` that calls plugins. In which call a process died is told by
/// the call that was entered last, and of two plugins at once the wrong one might be named.
///
/// # Errors
///
/// The first one.
pub fn read_in_turns<T: Default, E>(
    mut read: impl FnMut(&mut T) -> Result<bool, E>,
    mut take: impl FnMut(&mut T) -> Result<(), E>,
) -> Result<(), E> {
    let mut block = T::default();
    while read(&mut block)? {
        take(&mut block)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    /// What `take` gets of so many blocks, and how it ends, when either side takes its time.
    fn run(
        blocks: usize,
        bad: [usize; 2],
        [reading, computing]: [u64; 2],
    ) -> (Vec<usize>, Result<(), String>) {
        let (mut next, mut taken) = (0, Vec::new());
        let most_ahead = AtomicUsize::new(0);
        let (done, sleep) = (AtomicUsize::new(0), |milliseconds| {
            thread::sleep(Duration::from_millis(milliseconds));
        });
        let result = read_ahead(
            |block: &mut Vec<usize>| {
                if next == blocks {
                    return Ok(false);
                }
                let ahead = next + 1 - done.load(Ordering::SeqCst);
                most_ahead.fetch_max(ahead, Ordering::SeqCst);
                sleep(reading);
                block.clear();
                block.extend([2 * next, 2 * next + 1]);
                next += 1;
                match next - 1 == bad[0] {
                    true => Err(format!("block {} cannot be read", next - 1)),
                    false => Ok(true),
                }
            },
            |block| {
                sleep(computing);
                // It is not before this that its block can be read into again.
                done.fetch_add(1, Ordering::SeqCst);
                match block[0] == 2 * bad[1] {
                    true => return Err(format!("block {} cannot be computed", bad[1])),
                    false => taken.extend(block.iter().copied()),
                }
                Ok(())
            },
        );
        assert!(most_ahead.into_inner() <= BLOCKS);
        (taken, result)
    }

    const NONE: usize = usize::MAX / 2;

    #[test]
    fn blocks_come_in_order_whichever_side_is_slower() {
        for sides in [[0, 0], [3, 0], [0, 3]] {
            let (taken, result) = run(9, [NONE; 2], sides);
            result.unwrap();
            assert!(taken.into_iter().eq(0..18));
        }
        assert_eq!(run(0, [NONE; 2], [0, 0]), (Vec::new(), Ok(())));
    }

    #[test]
    fn in_turns_it_is_the_same() {
        let count = |most: usize| {
            let mut next = 0;
            move |block: &mut usize| {
                (*block, next) = (next, next + 1);
                match next > most {
                    true => Err(format!("no block {}", next - 1)),
                    false => Ok(next <= 5),
                }
            }
        };
        for most in [3, 9] {
            let (mut ahead, mut in_turns) = (Vec::new(), Vec::new());
            let ends = [
                read_ahead(count(most), |block| {
                    ahead.push(*block);
                    Ok(())
                }),
                read_in_turns(count(most), |block| {
                    in_turns.push(*block);
                    Ok(())
                }),
            ];
            assert_eq!(ends[0], ends[1]);
            assert_eq!((ahead.len(), ends[0].is_ok()), (most.min(5), most > 5));
            assert_eq!(ahead, in_turns);
        }
    }

    #[test]
    fn an_error_is_told_after_what_came_before_it() {
        for sides in [[0, 0], [3, 0], [0, 3]] {
            let (taken, result) = run(9, [4, NONE], sides);
            assert_eq!(result, Err("block 4 cannot be read".to_owned()));
            assert!(taken.into_iter().eq(0..8));
            let (taken, result) = run(9, [NONE, 4], sides);
            assert_eq!(result, Err("block 4 cannot be computed".to_owned()));
            assert!(taken.into_iter().eq(0..8));
            // The one after it may have been read by then.
            let (_, result) = run(9, [5, 4], sides);
            assert_eq!(result, Err("block 4 cannot be computed".to_owned()));
        }
    }
}
