//! Every target on its corpus, and on bytes that a seed gives: `AGENTMEM_SEED=7 AGENTMEM_ROUNDS=100000 cargo test`.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use agentmem_fuzz::TARGETS;

/// Numbers that look like chance and are the same for the same seed (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Mostly short: what is wrong is often wrong with little.
    fn bytes(&mut self) -> Vec<u8> {
        let length = self.next() % (1 << (3 + self.next() % 9));
        (0..length).map(|_| self.next() as u8).collect()
    }
}

fn setting(name: &str, otherwise: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(otherwise, |text| text.parse().expect("it is a number"))
}

#[test]
fn what_was_found_before_holds() {
    for (name, target) in TARGETS {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("corpus")
            .join(name);
        let files = fs::read_dir(&corpus).expect("each target has a corpus");
        let mut count = 0;
        for file in files {
            let path = file.expect("it can be read").path();
            let data = fs::read(&path).expect("it can be read");
            assert!(catch_unwind(|| target(&data)).is_ok(), "{}", path.display());
            count += 1;
        }
        assert!(count > 0, "the corpus of {name} is empty");
        println!("| {name} | {count} of the corpus | |");
    }
}

#[test]
fn what_a_seed_gives_holds() {
    let seed = setting("AGENTMEM_SEED", 1);
    let rounds = setting("AGENTMEM_ROUNDS", 20_000);
    for (name, target) in TARGETS {
        for round in 0..rounds {
            // A seed of its own for each, so that one alone can be run again.
            let seed = seed.wrapping_add(round);
            let data = Random(seed).bytes();
            assert!(
                catch_unwind(|| target(&data)).is_ok(),
                "{name} fails: AGENTMEM_SEED={seed} AGENTMEM_ROUNDS=1 does so again"
            );
        }
        println!("| {name} | {rounds} | seeds {seed} and on |");
    }
}
