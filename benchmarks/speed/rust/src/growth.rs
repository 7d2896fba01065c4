//! What each call costs as a store grows.

use std::time::Instant;

use agentmem_core::{Mode, NewRecord};
use serde_json::{Value, json};

use crate::Failed;
use crate::agentmem::AgentMem;
use crate::data::Task;
use crate::measure::{mean, median, memory, on_disk, timed};
use crate::scan;
use crate::workloads::opened;

const BATCH: usize = 1000;
/// The batches of the first ten thousand records.
const BEGINNING: usize = 10;
const SINGLE: usize = 200;
const GETS: usize = 2000;
/// A vector of the built-in table has so many bytes.
const OWN_DIMENSIONS: usize = 128;

/// Fills the store in batches of 1,000, then adds some one by one.
pub fn grow(task: &Task) -> Result<Value, Failed> {
    let mut records = task.records()?;
    let system = AgentMem::open(&task.store, task.kind)?;
    let (mut spent, mut walls, mut texts, mut last) = (Vec::new(), Vec::new(), 0, Vec::new());
    loop {
        let batch = records.batch(BATCH)?;
        if batch.is_empty() {
            break;
        }
        for record in &batch {
            texts += record.text.len() + serde_json::to_string(&record.metadata)?.len();
        }
        let items: Vec<NewRecord> = batch.iter().map(|record| system.item(record)).collect();
        let (at, before) = (Instant::now(), crate::measure::cpu());
        system.memory.add_many(items)?;
        walls.push(at.elapsed().as_secs_f64() / batch.len() as f64);
        spent.push((crate::measure::cpu() - before) / batch.len() as f64);
        last = batch;
    }
    let peak = memory("VmHWM:");
    last.truncate(SINGLE);
    let singles: Vec<NewRecord> = last
        .iter()
        .map(|record| NewRecord {
            id: None,
            ..system.item(record)
        })
        .collect();
    let add = timed(&singles, task.seconds, |record| {
        Ok(system.memory.add(record.clone()).map(drop)?)
    })?;
    system.memory.close();
    let disk = on_disk(&task.store)?;
    let part = (spent.len() / 10).max(1);
    let of = |batches: &[f64]| median(&mut batches.to_vec());
    let (first, end) = (of(&spent[..part]), of(&spent[spent.len() - part..]));
    let begin = of(&spent[..spent.len().min(BEGINNING)]);
    Ok(json!({
        "addMany": {"cpu": mean(&spent), "wall": mean(&walls), "begin": begin, "first": first, "last": end},
        "add": add, "peak": peak, "disk": disk,
        "bytes": (disk as f64 - texts as f64) / task.records as f64, "text": texts as f64 / task.records as f64,
    }))
}

/// Opens the store, asks one user's question, again, another's, and gets records by their ids.
pub fn ask_user(task: &Task) -> Result<Value, Failed> {
    let begun = Instant::now();
    let system = opened(task)?;
    let opening = begun.elapsed().as_secs_f64();
    let asked = task.questions()?;
    let ask = |place: usize| -> Result<f64, Failed> {
        let (at, question) = (Instant::now(), &asked[place]);
        system.search(question, Mode::Hybrid, Some(&question.user), None)?;
        Ok(at.elapsed().as_secs_f64())
    };
    let first = ask(0)?;
    let peak = memory("VmHWM:");
    let other = ask(1)?;
    let warm = timed(&asked, task.seconds, |question| {
        // One user's questions: what is loaded stays so.
        let user = Some(asked[0].user.as_str());
        system.search(question, Mode::Hybrid, user, None).map(drop)
    })?;
    let places: Vec<usize> = (0..GETS.min(task.records))
        .map(|place| place * 7919 % task.records)
        .collect();
    let records = task.records_at(&places)?;
    let get = timed(&records, task.seconds, |record| {
        Ok(system.memory.get(&record.id).map(drop)?)
    })?;
    Ok(
        json!({"open": opening, "first": first, "other": other, "warm": warm, "get": get, "peak": peak}),
    )
}

/// Opens the store and asks questions of all.
pub fn ask_all(task: &Task) -> Result<Value, Failed> {
    let (system, asked) = (opened(task)?, task.questions()?);
    let at = Instant::now();
    system.search(&asked[0], Mode::Hybrid, None, None)?;
    let first = at.elapsed().as_secs_f64();
    let warm = |mode| {
        timed(&asked, task.seconds, |question| {
            system.search(question, mode, None, None).map(drop)
        })
    };
    let (hybrid, lexical) = (warm(Mode::Hybrid)?, warm(Mode::Lexical)?);
    let (peak, now) = (memory("VmHWM:"), memory("VmRSS:"));
    let each = now.as_f64().map(|bytes| bytes / task.records as f64);
    one_core()?;
    let semantic = warm(Mode::Semantic)?;
    Ok(json!({
        "first": first, "hybrid": hybrid, "semantic": semantic, "lexical": lexical,
        "reading": scan::reading(task.records * OWN_DIMENSIONS), "peak": peak, "now": now, "each": each,
    }))
}

/// Holds this thread, and those that it starts, to the processor that it runs on.
#[cfg(target_os = "linux")]
fn one_core() -> Result<(), Failed> {
    use rustix::thread::{CpuSet, sched_getcpu, sched_setaffinity};
    let mut one = CpuSet::new();
    one.set(sched_getcpu());
    Ok(sched_setaffinity(None, &one)?)
}

/// Other systems have no such call; CPU time is of all threads there too.
#[cfg(not(target_os = "linux"))]
fn one_core() -> Result<(), Failed> {
    Ok(())
}
