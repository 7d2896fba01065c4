//! Prints what exports and imports of a large store cost: `cargo run --release -p agentmem-core --example export -- FOLDER [RECORDS]`.
//!
//! The records are made up: turns of 25 words, of users with a hundred each, ten of each thousand changed once. Each part runs in a process of its own, whose
//! greatest memory is told (of Linux: `VmHWM`). The folder must not exist; it is removed at the end.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use agentmem_core::{Change, Export, Import, Memory, NewRecord, Options};

/// Records that are added at once.
const BATCH: usize = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = PathBuf::from(arguments.first().ok_or("usage: export FOLDER [RECORDS]")?);
    let records: usize = arguments
        .get(1)
        .map_or(Ok(1_000_000), |text| text.parse())?;
    if let Some(part) = arguments.get(2) {
        return run(part, &folder, records);
    }
    std::fs::create_dir(&folder)?;
    println!(
        "{records} records\n\n| | seconds | file, MB | greatest memory, MB |\n|---|---|---|---|"
    );
    for part in [
        "add",
        "backup",
        "exportTo",
        "importFrom",
        "exportTo, history",
        "importFrom, history",
    ] {
        let process = std::env::current_exe()?;
        let status = Command::new(process)
            .arg(&folder)
            .args([records.to_string().as_str(), part])
            .status()?;
        if !status.success() {
            return Err("a part failed".into());
        }
    }
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

fn run(part: &str, folder: &Path, records: usize) -> Result<(), Box<dyn Error>> {
    let (store, begun) = (folder.join("memory.db"), Instant::now());
    let export = Export {
        history: part.ends_with("history"),
    };
    let file = folder.join(if export.history {
        "all.jsonl"
    } else {
        "records.jsonl"
    });
    let written = match part {
        "add" => {
            add(&open(&store)?, records)?;
            store
        }
        "backup" => {
            let copy = folder.join("backup.db");
            open(&store)?.backup(&copy)?;
            copy
        }
        _ if part.starts_with("exportTo") => {
            open(&store)?.export_to(&file, export)?.finish()?;
            file
        }
        _ => {
            let copy = folder.join(if export.history {
                "all.db"
            } else {
                "records.db"
            });
            open(&copy)?
                .import_from(&file, Import::default())?
                .finish()?;
            copy
        }
    };
    let seconds = begun.elapsed().as_secs_f64();
    let megabytes = std::fs::metadata(written)?.len() as f64 / 1e6;
    println!(
        "| {part} | {seconds:.1} | {megabytes:.0} | {} |",
        greatest_memory()
    );
    Ok(())
}

fn open(path: &Path) -> Result<Memory, agentmem_core::Error> {
    Memory::open(path, Options::default())
}

fn add(memory: &Memory, records: usize) -> Result<(), agentmem_core::Error> {
    let record = |n: usize| NewRecord {
        id: Some(format!("record-{n}")),
        user_id: Some(format!("user-{}", n / 100)),
        role: Some("user".to_owned()),
        ..NewRecord::from(words(n))
    };
    for begin in (0..records).step_by(BATCH) {
        let end = records.min(begin + BATCH);
        memory.add_many((begin..end).map(record).collect())?;
        for n in (begin..end).step_by(BATCH / 10) {
            let change = Change {
                content: Some(words(n + 1)),
                ..Change::default()
            };
            memory.update(&format!("record-{n}"), change)?;
        }
    }
    Ok(())
}

fn words(n: usize) -> String {
    let word = |k: usize| format!("word{}", n.wrapping_mul(31).wrapping_add(k * k * 17) % 3000);
    (0..25).map(word).collect::<Vec<_>>().join(" ")
}

/// What Linux says of this process.
fn greatest_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"))
        .and_then(|text| text.parse::<f64>().ok());
    kilobytes.map_or_else(
        || "?".to_owned(),
        |it| format!("{:.0}", it * 1.024 / 1000.0),
    )
}
