//! Work on many things by all cores, the outcomes in their order.

use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread::{self, Builder, ScopedJoinHandle};

/// Fewer things than this are done by the calling thread alone: to start another one takes as long as some ten of them.
const FEWEST: usize = 64;
/// So many a thread takes at a time.
const TAKEN: usize = 16;
/// More threads would wait for the one that writes what they have made.
const MOST_THREADS: usize = 8;

/// To ask for it reads files of the system.
static CORES: LazyLock<usize> =
    LazyLock::new(|| thread::available_parallelism().map_or(1, |cores| cores.get()));

/// How many threads may share work, the caller's among them.
pub(super) fn threads() -> usize {
    (*CORES).min(MOST_THREADS)
}

/// Does `work` on each thing with its place, by this thread and others that have ended when it returns.
pub(super) fn each<T: Send, R: Send>(
    things: Vec<T>,
    work: impl Fn((usize, T)) -> R + Sync,
) -> Vec<R> {
    let threads = threads().min(things.len() / (FEWEST / 2));
    if threads < 2 {
        return things.into_iter().enumerate().map(work).collect();
    }
    let count = things.len();
    let left = Mutex::new(things.into_iter().enumerate());
    let take = || -> Vec<(usize, T)> {
        let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
        left.by_ref().take(TAKEN).collect()
    };
    let share = || {
        let mut done: Vec<(usize, Vec<R>)> = Vec::new();
        loop {
            let taken = take();
            let Some((first, _)) = taken.first() else {
                return done;
            };
            done.push((*first, taken.into_iter().map(&work).collect()));
        }
    };
    let mut parts = thread::scope(|scope| {
        // Where no thread can be had, the others do its share.
        let others: Vec<ScopedJoinHandle<'_, _>> = (1..threads)
            .filter_map(|_| Builder::new().spawn_scoped(scope, share).ok())
            .collect();
        let mut parts = share();
        for other in others {
            match other.join() {
                Ok(done) => parts.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        parts
    });
    parts.sort_unstable_by_key(|(first, _)| *first);
    let mut all = Vec::with_capacity(count);
    all.extend(parts.into_iter().flat_map(|(_, done)| done));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_in_the_order_of_what_they_are_of() {
        for count in [0, 1, 63, 64, 65, 1000] {
            let things: Vec<usize> = (0..count).map(|it| it * 7).collect();
            let found = each(things, |(place, thing)| {
                assert_eq!(place * 7, thing);
                thing.to_string()
            });
            let expected: Vec<String> = (0..count).map(|it| (it * 7).to_string()).collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_panic_on_any_thread_reaches_the_caller() {
        let found = std::panic::catch_unwind(|| {
            each(vec![0; 1000], |(place, _)| assert!(place != 777, "at 777"))
        });
        let panic = found.expect_err("one of them panics");
        assert!(
            panic
                .downcast_ref::<&str>()
                .is_some_and(|it| it.contains("777"))
        );
    }
}
