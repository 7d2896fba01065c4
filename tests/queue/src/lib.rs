//! The queue of writes under [loom](https://docs.rs/loom), which runs each test once for every order in which its threads can meet.
//!
//! A thread that would wait for ever is found as a deadlock, so each of these tests says too that every call is answered.
#![cfg(test)]

#[allow(dead_code, reason = "the queue uses a part of it")]
#[path = "../../../crates/agentmem-core/src/error.rs"]
mod error;
#[path = "../../../crates/agentmem-core/src/memory/queue.rs"]
mod queue;

use std::panic::resume_unwind;

use error::{Code, Result};
use loom::sync::{Arc, Mutex};
use loom::thread;
use queue::{Commit, Group, Place, Queue, take_place};

/// A write that its leader cannot survive.
const FAULT: u32 = 99;

/// Keeps what is committed; the answer to a write is the write itself.
#[derive(Default)]
struct Log {
    queue: Queue<u32, u32>,
    committed: Mutex<Vec<u32>>,
    answered: Mutex<Vec<u32>>,
}

impl Commit for Log {
    type Write = u32;
    type Answer = u32;

    fn queue(&self) -> &Queue<u32, u32> {
        &self.queue
    }

    fn commit(&self, group: Group<u32, u32>) {
        assert!(!group.is_empty());
        for (write, outcome) in group {
            if write == FAULT {
                // A panic without its message, which would be told a thousand times.
                resume_unwind(Box::new("the fault that the test wants"));
            }
            self.committed.lock().expect("no panic").push(write);
            outcome.tell(Ok(write));
        }
    }
}

type Written = thread::JoinHandle<Result<u32>>;

fn write(place: Place<Log>, write: u32) -> Written {
    thread::spawn(move || place.write(write))
}

/// Hands in a write whose outcome a callback hears.
fn submit(log: &Arc<Log>, place: Place<Log>, write: u32) {
    let heard = Arc::clone(log);
    let done = move |outcome: Result<u32>| {
        let outcome = outcome.expect("it is committed");
        heard.answered.lock().expect("no panic").push(outcome);
    };
    place.submit(write, Box::new(done));
}

fn answer(written: Written) -> Result<u32> {
    written.join().expect("a write gives an outcome, no panic")
}

fn committed(log: &Log) -> Vec<u32> {
    log.committed.lock().expect("no panic").clone()
}

#[test]
fn writes_are_committed_in_the_order_of_their_places_and_each_gets_its_own_answer() {
    loom::model(|| {
        let log = Arc::new(Log::default());
        let [first, second, third] = [(); 3].map(|()| take_place(&log));
        let third = write(third, 3);
        let second = write(second, 2);
        assert_eq!(first.write(1).expect("it is committed"), 1);
        assert_eq!(answer(second).expect("it is committed"), 2);
        assert_eq!(answer(third).expect("it is committed"), 3);
        assert_eq!(committed(&log), [1, 2, 3]);
    });
}

#[test]
fn places_that_are_taken_at_once_are_all_written() {
    loom::model(|| {
        let log = Arc::new(Log::default());
        let other = Arc::clone(&log);
        let thread = thread::spawn(move || {
            take_place(&other).write(1)?;
            take_place(&other).write(2)
        });
        take_place(&log).write(3).expect("it is committed");
        answer(thread).expect("it is committed");
        let committed = committed(&log);
        assert_eq!(committed.len(), 3);
        assert!(
            committed.iter().position(|&write| write == 1)
                < committed.iter().position(|&write| write == 2)
        );
    });
}

#[test]
fn callbacks_hear_of_each_write_while_others_wait_for_theirs() {
    loom::model(|| {
        let log = Arc::new(Log::default());
        let [first, second, third] = [(); 3].map(|()| take_place(&log));
        let second = write(second, 2);
        submit(&log, first, 1);
        submit(&log, third, 3);
        assert_eq!(answer(second).expect("it is committed"), 2);
        assert_eq!(committed(&log), [1, 2, 3]);
        // Whoever led told both before the last of these threads ended.
        assert_eq!(*log.answered.lock().expect("no panic"), [1, 3]);
    });
}

#[test]
fn a_place_that_is_given_up_holds_nobody_up() {
    loom::model(|| {
        let log = Arc::new(Log::default());
        let [first, second, third] = [(); 3].map(|()| take_place(&log));
        let third = write(third, 3);
        let giving_up = thread::spawn(move || drop(second));
        assert_eq!(first.write(1).expect("it is committed"), 1);
        assert_eq!(answer(third).expect("it is committed"), 3);
        giving_up.join().expect("no panic");
        assert_eq!(committed(&log), [1, 3]);
    });
}

#[test]
fn a_write_that_is_withdrawn_is_written_or_cancelled_as_it_is_told_and_holds_nobody_up() {
    loom::model(|| {
        let log = Arc::new(Log::default());
        let [first, second, third] = [(); 3].map(|()| take_place(&log));
        let (withdrawing, number) = (Arc::clone(second.owner()), second.number());
        let second = write(second, 2);
        let withdrawn = thread::spawn(move || withdrawing.queue.withdraw(number));
        submit(&log, third, 3);
        assert_eq!(first.write(1).expect("it is committed"), 1);
        if withdrawn.join().expect("no panic") {
            let cancelled = answer(second).expect_err("it is cancelled");
            assert_eq!(cancelled.code(), Code::Cancelled);
            assert_eq!(committed(&log), [1, 3]);
        } else {
            assert_eq!(answer(second).expect("it is committed"), 2);
            assert_eq!(committed(&log), [1, 2, 3]);
        }
    });
}

#[test]
fn a_fault_while_committing_is_told_and_holds_nobody_else_up() {
    loom::model(|| {
        let log = Arc::new(Log::default());
        let [first, second, third] = [(); 3].map(|()| take_place(&log));
        let second = write(second, 2);
        let submitting = Arc::clone(&log);
        let third = thread::spawn(move || {
            let heard = Arc::clone(&submitting);
            let done = move |_: Result<u32>| heard.answered.lock().expect("no panic").push(3);
            third.submit(3, Box::new(done));
        });
        let fault = first.write(FAULT).expect_err("it is not committed");
        assert_eq!(fault.code(), Code::Io);
        // In one group with the fault it has the same outcome.
        match answer(second) {
            Ok(write) => assert_eq!(write, 2),
            Err(error) => assert_eq!(error.code(), Code::Io),
        }
        third.join().expect("no panic");
        assert_eq!(*log.answered.lock().expect("no panic"), [3]);
    });
}
