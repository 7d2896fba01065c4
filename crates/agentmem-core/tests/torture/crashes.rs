//! A power loss at every moment: the files that it leaves are a store in which no acknowledged write is missing and none is there by half.

use std::fs;

use crate::disk::{self, Step};
use crate::folder::Folder;
use crate::power::{Image, images};
use crate::random::{Case, Random, setting};
use crate::workload::{Op, State, Work, anything, everything, read};
use agentmem_core::{Code, Durability, Memory};

/// What a workload left behind.
struct Recording {
    steps: Vec<Step>,
    /// What is in the store after each call, from none on.
    states: Vec<State>,
    /// The call that made the backup.
    backup: Option<usize>,
}

fn record(folder: &Folder, ops: &[Op], durability: Durability) -> Recording {
    disk::install();
    disk::record(&folder.0);
    let mut work = Work::new(folder, durability, State::new());
    let mut states = work.states.clone();
    for (n, op) in ops.iter().enumerate() {
        disk::note(Step::Begun(n + 1));
        if let Err(error) = work.run(op) {
            assert_eq!(error.code(), Code::NotFound, "nothing fails: {error}");
        }
        disk::note(Step::Done(n + 1));
        states.append(&mut work.states.clone());
    }
    work.close();
    Recording {
        steps: disk::recorded(),
        states,
        backup: ops
            .iter()
            .position(|op| matches!(op, Op::Backup))
            .map(|n| n + 1),
    }
}

/// Puts the files of an image where they were.
pub fn put(image: &Image, folder: &Folder) {
    let _ = fs::remove_dir_all(&folder.0);
    fs::create_dir_all(&folder.0).expect("it is made");
    for (path, bytes) in image {
        fs::write(path, bytes).expect("it is written");
    }
}

fn run(name: &str, ops: &[Op], durability: Durability, seed: u64) -> usize {
    let folder = Folder::new(name);
    let recording = record(&folder, ops, durability);
    let mut random = Random(seed);
    let mut number = 0;
    images(&recording.steps, &mut random, |image, begun, done| {
        number += 1;
        let _case = Case(format!(
            "{name}, seed {seed}, image {number}, {done} of {begun} calls done"
        ));
        put(image, &folder);
        let first = match durability {
            Durability::Full => done,
            Durability::Normal => 0,
        };
        let mut work = Work::new(&folder, durability, State::new());
        work.states = recording.states[first..=begun].to_vec();
        work.check();
        // It can be written to, and closed, and is whole then too.
        if let Err(error) = work.run(&Op::Add(99)) {
            assert_eq!(error.code(), Code::EmbedderFailed, "{error}");
        }
        work.close();
        work.check();
        // Elsewhere the sync of its folder is not seen.
        let is_seen = |call: &usize| cfg!(target_os = "linux") && *call <= done;
        if let Some(backup) = recording.backup.filter(is_seen) {
            let copy = Memory::open(work.copy(), work.options()).expect("it opens");
            assert_eq!(read(&copy), recording.states[backup]);
        }
    })
}

/// Runs the workload that does everything, and then others, made by chance.
fn run_rounds(name: &str, durability: Durability) {
    let seed = setting("AGENTMEM_SEED", 1);
    let rounds = setting("AGENTMEM_ROUNDS", 1);
    let mut count = 0;
    for round in 0..rounds {
        let ops = match round {
            0 => everything(),
            _ => anything(&mut Random(seed + round)),
        };
        count += run(name, &ops, durability, seed + round);
    }
    println!("| crash images, {name} | {count} | {rounds} workloads, seed {seed} |");
}

#[test]
fn after_a_power_loss_all_that_was_acknowledged_is_there_and_nothing_by_half() {
    run_rounds("durability full", Durability::Full);
}

#[test]
fn with_durability_normal_the_last_writes_may_be_missing_each_of_them_whole() {
    run_rounds("durability normal", Durability::Normal);
}
