//! The threads that calls run on: few, started when there is work, gone when there has been none for a while.
//!
//! They are detached, so that none keeps a process alive, and belong to one process: a forked child, which inherits no threads, makes
//! a pool of its own and leaves the locks of the inherited one alone.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

type Job = Box<dyn FnOnce() + Send>;

/// How long a thread waits for work before it ends.
const IDLE: Duration = Duration::from_secs(5);

struct Pool {
    process: u32,
    most_threads: usize,
    state: Mutex<State>,
    work: Condvar,
    /// That of a child which was forked after this one was made.
    next: OnceLock<Box<Pool>>,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

static FIRST: OnceLock<Pool> = OnceLock::new();

/// Runs a job on some thread, soon; jobs start in the order in which they come.
pub(crate) fn spawn(job: impl FnOnce() + Send + 'static) {
    let pool = Pool::of_this_process();
    let mut state = pool.lock();
    state.jobs.push_back(Box::new(job));
    let grows = state.idle < state.jobs.len() && state.threads < pool.most_threads;
    state.threads += usize::from(grows);
    drop(state);
    pool.work.notify_one();
    if grows {
        pool.start_thread();
    }
}

impl Pool {
    fn of_this_process() -> &'static Pool {
        let process = std::process::id();
        let mut pool = FIRST.get_or_init(|| Pool::new(process));
        while pool.process != process {
            pool = pool.next.get_or_init(|| Box::new(Pool::new(process)));
        }
        pool
    }

    fn new(process: u32) -> Self {
        // Jobs wait for the disk more than they compute.
        let most_threads =
            thread::available_parallelism().map_or(4, |count| count.get().clamp(4, 8));
        Pool {
            process,
            most_threads,
            state: Mutex::default(),
            work: Condvar::new(),
            next: OnceLock::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start_thread(&'static self) {
        let started = thread::Builder::new()
            .name("agentmem".into())
            .spawn(|| self.work());
        if started.is_err() {
            let mut state = self.lock();
            state.threads -= 1;
            // The system gives no more threads: what nobody else can do is done here.
            if state.threads == 0 {
                let jobs = std::mem::take(&mut state.jobs);
                drop(state);
                jobs.into_iter().for_each(run);
            }
        }
    }

    fn work(&self) {
        while let Some(job) = self.next_job() {
            run(job);
        }
    }

    /// Waits for a job; nothing means that the thread shall end.
    fn next_job(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            state.idle += 1;
            let waited = self
                .work
                .wait_timeout(state, IDLE)
                .unwrap_or_else(PoisonError::into_inner);
            state = waited.0;
            state.idle -= 1;
            if waited.1.timed_out() && state.jobs.is_empty() {
                state.threads -= 1;
                return None;
            }
        }
    }
}

/// A job that panics has told its caller so while it unwound; its thread goes on.
fn run(job: Job) {
    drop(catch_unwind(AssertUnwindSafe(job)));
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_job_that_panics_takes_no_thread_with_it() {
        let (sender, receiver) = mpsc::channel();
        for number in 0..200 {
            let sender = sender.clone();
            spawn(move || {
                sender.send(number).unwrap();
                assert!(number % 2 == 0, "told to panic");
            });
        }
        drop(sender);
        let mut numbers: Vec<i32> = receiver.iter().collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..200).collect::<Vec<_>>());
        let pool = Pool::of_this_process();
        assert!((1..=pool.most_threads).contains(&pool.lock().threads));
    }
}
