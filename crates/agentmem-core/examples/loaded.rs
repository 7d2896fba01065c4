//! Prints what a record costs in memory when all are loaded: `cargo run --release -p agentmem-core --example loaded -- FOLDER [RECORDS] [USERS]`.
//!
//! What the heap holds is counted, so that the figures are exact and the same in every run; memory is what the system has given the process. Each row
//! is of a process of its own, with records that have what its name says. The files are made in the folder and removed.

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use agentmem_core::{Memory, Mode, NewRecord, Options, Search};
use peak_alloc::PeakAlloc;

/// Counts what is asked of the system's allocator.
#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// What records have, each kind more than the one before.
const KINDS: [&str; 5] = [
    "one word",
    "and metadata",
    "and 25 more words",
    "and a word of their own",
    "and are turns",
];

const WORDS: &str = "Ada Bob Chloe Dmitri Eva likes bought recommends postponed remembers green tea folding bicycle office in Lyon cello type theory yearly audit \
                     train to Porto old maps grey armchair database backups rye bread trumpet since it takes less time evening after talking with two people from sales \
                     because flat has become too small although price gone up again wants be told day before while on way customer never before ten morning";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let usage = "usage: loaded FOLDER [RECORDS] [USERS]";
    let folder = PathBuf::from(arguments.first().ok_or(usage)?);
    let number = |at: usize, other: usize| arguments.get(at).map_or(Ok(other), |it| it.parse());
    let records = number(1, 100_000)?;
    let users = number(2, (records / 100).max(1))?;
    if arguments.len() > 3 {
        return load(&folder, records, users, number(3, 0)?);
    }
    println!("{records} records of {users} users, each row a process; bytes a record\n");
    println!(
        "| records have | text | metadata | heap | heap, at most | memory | memory, at most |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (kind, name) in KINDS.iter().enumerate() {
        let path = folder.join(format!("loaded-{kind}.db"));
        if path.exists() {
            return Err(format!("{} exists already", path.display()).into());
        }
        write(&path, records, users, kind)?;
        let child = Command::new(std::env::current_exe()?)
            .arg(&path)
            .args([records, users, kind].map(|it| it.to_string()))
            .output()?;
        std::fs::remove_file(&path)?;
        let shown = String::from_utf8(child.stdout)?;
        if !child.status.success() {
            return Err(String::from_utf8_lossy(&child.stderr).into());
        }
        println!("| {name} {}", shown.trim_end());
    }
    Ok(())
}

fn text(kind: usize, number: usize) -> String {
    if kind < 2 {
        return "tea".to_owned();
    }
    let words: Vec<&str> = WORDS.split_ascii_whitespace().collect();
    let mut random = number as u64;
    let mut text = String::new();
    for _ in 0..26 {
        // Knuth's linear congruential generator: the same records in every run.
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        text.push_str(words[(random >> 33) as usize % words.len()]);
        text.push(' ');
    }
    match kind {
        2 => text.push_str("(entry)."),
        _ => write!(text, "(entry {number}).").expect("text takes whatever is written"),
    }
    text
}

fn record(kind: usize, number: usize, users: usize) -> NewRecord {
    let metadata = serde_json::json!({
        "n": number, "category": format!("c{}", number % 10), "source": "chat", "rank": number % 5,
    });
    NewRecord {
        user_id: Some(format!("user-{}", number % users)),
        metadata: metadata.as_object().filter(|_| kind > 0).cloned(),
        role: (kind > 3).then(|| "user".to_owned()),
        name: (kind > 3).then(|| "Ada".to_owned()),
        ..NewRecord::from(text(kind, number))
    }
}

fn write(path: &Path, records: usize, users: usize, kind: usize) -> Result<(), Box<dyn Error>> {
    let memory = Memory::open(path, Options::default())?;
    for batch in 0..records.div_ceil(1000) {
        let numbers = batch * 1000..records.min((batch + 1) * 1000);
        memory.add_many(numbers.map(|it| record(kind, it, users)).collect())?;
    }
    memory.close();
    Ok(())
}

/// Asks all records, and prints the rest of the row.
fn load(path: &Path, records: usize, users: usize, kind: usize) -> Result<(), Box<dyn Error>> {
    let of = |bytes: usize| bytes as f64 / records as f64;
    let numbers = (0..records).map(|it| record(kind, it, users));
    let (text, metadata) = numbers.fold((0, 0), |(text, metadata), it| {
        let json = it
            .metadata
            .map(|it| serde_json::Value::from(it).to_string());
        (
            text + it.content.len(),
            metadata + json.map_or(0, |json| json.len()),
        )
    });
    let options = Options {
        cache_bytes: u64::MAX >> 11,
        ..Options::default()
    };
    let memory = Memory::open(path, options)?;
    HEAP.reset_peak_usage();
    let (heap, given) = (HEAP.current_usage(), resident("VmRSS:"));
    for mode in [Mode::Hybrid, Mode::Semantic, Mode::Lexical] {
        let search = Search {
            mode,
            ..Search::default()
        };
        memory.search("What did Ada say about tea, and why?", search)?;
    }
    let shown = |bytes: Option<usize>| {
        let more = bytes.zip(given).map(|(bytes, given)| bytes - given);
        more.map_or("-".to_owned(), |more| format!("{:.0}", of(more)))
    };
    println!(
        "| {:.0} | {:.0} | {:.0} | {:.0} | {} | {} |",
        of(text),
        of(metadata),
        of(HEAP.current_usage() - heap),
        of(HEAP.peak_usage() - heap),
        shown(resident("VmRSS:")),
        shown(resident("VmHWM:")),
    );
    Ok(())
}

/// A number of `/proc/self/status` in bytes, where there is one.
fn resident(name: &str) -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: usize = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib * 1024)
}
