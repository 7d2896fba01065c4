//! W1 to W7, as `worker.py` has them.

use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use agentmem_core::{Hit, Mode};
use serde_json::{Map, Value, json};

use crate::Failed;
use crate::agentmem::AgentMem;
use crate::data::{Kind, Question, Record, Task};
use crate::measure::{cpu, mean, median, memory, on_disk, repeated, timed};
use crate::sqlite::{Row, Rows, Sqlite};
use crate::{beside, growth, scan};

const BATCH: usize = 256;
const TOGETHER: usize = 64;
/// So many pages a log of SQLite has before it begins again.
const PAGES: u64 = 1000;
const SEARCHES: usize = 5000;
const GETS: usize = 2000;
const CHANGES: usize = 200;
const CATEGORY: &str = "c3";
const CHANGED: &str = "what was said is no longer true, and has been put in other words";

type Call = dyn Fn(&Record) -> Result<(), Failed>;

pub fn work(task: &Task) -> Result<Value, Failed> {
    let mut result = Map::new();
    let bare = match task.system.as_str() {
        "sqlite-rust" => Some(Rows::Least),
        "sqlite-log-rust" => Some(Rows::Logged),
        _ => None,
    };
    for name in &task.workloads {
        let found = match name.as_str() {
            "W1" if task.system == "disk" => disk(task)?,
            "W1" => adding(task, bare)?,
            "syncs" => syncs(task, bare)?,
            "W2" => filling(task, bare)?,
            "W4" if task.system == "scan-rust" => scan::scan(task)?,
            "W3" => searching(task, "own")?,
            "W4" if task.kind == Kind::Vectors128 => searching(task, "all128")?,
            "W4" => searching(task, "all")?,
            "W5" => searching(task, "tenth")?,
            "W7" => one_record(task, bare)?,
            "grow" => growth::grow(task)?,
            "ask-user" => growth::ask_user(task)?,
            "ask-all" => growth::ask_all(task)?,
            _ => return Err(format!("there is no workload {name}").into()),
        };
        result.insert(name.clone(), found);
    }
    if task.system == "agentmem-rust" {
        besides(task, &mut result)?;
    }
    Ok(Value::Object(result))
}

/// What is measured by turns comes last: it takes memory of its own.
fn besides(task: &Task, result: &mut Map<String, Value>) -> Result<(), Failed> {
    if let Some(found) = result.get_mut("W1") {
        found["beside"] = beside::adding(task)?;
    }
    if let Some(found) = result.get_mut("W2") {
        found["beside"] = beside::filling(task, BATCH)?;
    }
    if let Some(found) = result.get_mut("W4")
        && task.kind == Kind::Vectors
    {
        found["semantic"]["beside"] = scan::beside(task)?;
    }
    Ok(())
}

/// Adds one by one, 64 at once, and in batches of 64.
fn adding(task: &Task, bare: Option<Rows>) -> Result<Value, Failed> {
    let records = task.records()?.batch(task.adds)?;
    let (first, rest) = records.split_first().ok_or("there are no records")?;
    let fresh = |what: &str| -> Result<AgentMem, Failed> {
        let system = AgentMem::open(&task.store(what), task.kind)?;
        system.memory.add(system.item(first))?;
        Ok(system)
    };
    if let Some(rows) = bare {
        let fresh = |what: &str| Sqlite::open(&task.store(what), rows);
        let (first, rest) = (Row::of(first)?, Row::all(rest)?);
        let system = fresh("-one")?;
        system.add(&first)?;
        let add = timed(&rest, task.seconds, |row| system.add(row))?;
        let system = fresh("-batches")?;
        system.add(&first)?;
        let batch = batched(&rest, task.seconds, <[Row]>::to_vec, |batch| {
            system.add_many(&batch)
        })?;
        return Ok(json!({"add": add, "batch": batch}));
    }
    let system = fresh("-one")?;
    let add = timed(rest, task.seconds, |record| {
        Ok(system.memory.add(system.item(record)).map(drop)?)
    })?;
    system.memory.close();
    let system = fresh("-batches")?;
    let items = |batch: &[Record]| batch.iter().map(|one| system.item(one)).collect();
    let batch = batched(rest, task.seconds, items, |items: Vec<_>| {
        Ok(system.memory.add_many(items).map(drop)?)
    })?;
    system.memory.close();
    let records = task.records()?.batch(task.together)?;
    let system = fresh("-together")?;
    let rest = &records[1..];
    let (begun, before) = (Instant::now(), cpu());
    together(&system, rest)?;
    let (wall, spent) = (begun.elapsed().as_secs_f64(), cpu() - before);
    let count = rest.len() as f64;
    system.memory.close();
    Ok(
        json!({"add": add, "batch": batch, "together": {"rate": count / wall, "cpu": spent / count}}),
    )
}

/// Adds 64 at a time, each batch durable; what is made of a batch beforehand is not timed.
fn batched<R, T>(
    records: &[R],
    seconds: f64,
    prepare: impl Fn(&[R]) -> T,
    mut add: impl FnMut(T) -> Result<(), Failed>,
) -> Result<Value, Failed> {
    let (mut walls, mut spent) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    for batch in records.chunks(TOGETHER) {
        let given = prepare(batch);
        let (at, before) = (Instant::now(), cpu());
        add(given)?;
        walls.push(at.elapsed().as_secs_f64() / batch.len() as f64);
        spent.push((cpu() - before) / batch.len() as f64);
        if begun.elapsed().as_secs_f64() > seconds {
            break;
        }
    }
    Ok(json!({"rate": 1.0 / mean(&walls), "cpu": mean(&spent)}))
}

/// How long the disk takes: a page of 4,096 bytes is written and synced, as a log is, from the beginning again when it has a thousand.
fn disk(task: &Task) -> Result<Value, Failed> {
    let folder = task.store("-one");
    std::fs::create_dir_all(&folder)?;
    let file = std::fs::File::create(folder.join("pages"))?;
    let places: Vec<u64> = (0..task.adds as u64)
        .map(|page| page % PAGES * 4096)
        .collect();
    let add = timed(&places, task.seconds, |&place| {
        file.write_all_at(&[1; 4096], place)?;
        Ok(file.sync_data()?)
    })?;
    Ok(json!({"add": add}))
}

/// Adds with 64 threads.
fn together(system: &AgentMem, records: &[Record]) -> Result<(), Failed> {
    let left = Mutex::new(records.iter());
    let next = || left.lock().ok()?.next();
    let failed = std::thread::scope(|scope| {
        let work = || {
            while let Some(record) = next() {
                system.memory.add(system.item(record))?;
            }
            Ok::<(), agentmem_core::Error>(())
        };
        let threads: Vec<_> = (0..TOGETHER).map(|_| scope.spawn(work)).collect();
        let ends = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
        ends.flatten().find_map(Result::err)
    });
    failed.map_or(Ok(()), |error| Err(error.into()))
}

/// Counts syncs by the shim that the process was started with.
fn syncs(task: &Task, bare: Option<Rows>) -> Result<Value, Failed> {
    let log = std::env::var("AGENTMEM_SYNCS")?;
    let folder = task.store("-syncs");
    let records = task.records()?.batch(101)?;
    let (first, rest) = records.split_first().ok_or("there are no records")?;
    let add: Box<Call> = if let Some(rows) = bare {
        let system = Sqlite::open(&folder, rows)?;
        Box::new(move |record| system.add(&Row::of(record)?))
    } else {
        let system = AgentMem::open(&folder, task.kind)?;
        Box::new(move |record| Ok(system.memory.add(system.item(record)).map(drop)?))
    };
    add(first)?;
    std::fs::write(&log, "")?;
    rest.iter().try_for_each(&add)?;
    let count = std::fs::metadata(&log)?.len() as f64;
    Ok(json!({"count": count / rest.len() as f64}))
}

fn filling(task: &Task, bare: Option<Rows>) -> Result<Value, Failed> {
    let mut records = task.records()?;
    let (mut walls, mut spent, mut texts) = (Vec::new(), Vec::new(), 0);
    let sqlite = bare
        .map(|rows| Sqlite::open(&task.store, rows))
        .transpose()?;
    let system = match bare {
        None => Some(AgentMem::open(&task.store, task.kind)?),
        Some(_) => None,
    };
    loop {
        let batch = records.batch(BATCH)?;
        if batch.is_empty() {
            break;
        }
        for record in &batch {
            texts += record.text.len() + serde_json::to_string(&record.metadata)?.len();
        }
        let items = system.as_ref().map(|system| {
            let items = batch.iter().map(|record| system.item(record));
            (system, items.collect::<Vec<_>>())
        });
        let rows = sqlite
            .as_ref()
            .map(|sqlite| Ok::<_, Failed>((sqlite, Row::all(&batch)?)))
            .transpose()?;
        let (wall, before) = (Instant::now(), cpu());
        if let Some((system, items)) = items {
            system.memory.add_many(items)?;
        }
        if let Some((sqlite, rows)) = rows {
            sqlite.add_many(&rows)?;
        }
        walls.push(wall.elapsed().as_secs_f64() / batch.len() as f64);
        spent.push((cpu() - before) / batch.len() as f64);
    }
    let peak = memory("VmHWM:");
    if let Some(system) = system {
        system.memory.close();
    }
    drop(sqlite);
    let part = (spent.len() / 10).max(1);
    let last = spent.len() - part;
    let (rate, mean_cpu) = (1.0 / mean(&walls), mean(&spent));
    let disk = on_disk(&task.store)?;
    Ok(json!({
        "rate": rate, "cpu": mean_cpu, "first": median(&mut spent[..part].to_vec()), "last": median(&mut spent[last..]),
        "peak": peak, "disk": disk, "bytes": (disk as f64 - texts as f64) / task.records as f64,
    }))
}

/// Opens the store; where there is none yet it is made, which nobody times.
pub fn opened(task: &Task) -> Result<AgentMem, Failed> {
    if !task.store.exists() {
        filling(task, None)?;
    }
    AgentMem::open(&task.store, task.kind)
}

fn searching(task: &Task, exact: &str) -> Result<Value, Failed> {
    let (system, asked) = (opened(task)?, task.questions()?);
    let modes: &[(&str, Mode)] = match task.kind {
        Kind::Text => &[("lexical", Mode::Lexical), ("hybrid", Mode::Hybrid)],
        _ => &[("semantic", Mode::Semantic)],
    };
    let mut result = Map::new();
    for &(name, mode) in modes {
        let search = |question: &Question| {
            let user = (exact == "own").then_some(question.user.as_str());
            system.search(question, mode, user, (exact == "tenth").then_some(CATEGORY))
        };
        let users: BTreeMap<&str, &Question> =
            asked.iter().map(|one| (one.user.as_str(), one)).collect();
        let (begun, mut firsts) = (Instant::now(), Vec::new());
        for question in users.values() {
            let at = Instant::now();
            search(question)?;
            firsts.push(at.elapsed().as_secs_f64());
            if begun.elapsed().as_secs_f64() > task.seconds {
                break;
            }
        }
        let mut found = repeated(&asked, task.seconds, SEARCHES, |question| {
            search(question).map(drop)
        })?;
        if task.kind != Kind::Text
            && let Some(share) = recall(&asked, exact, search)?
        {
            found["recall"] = json!(share);
        }
        let one_user = exact == "own" && firsts.len() > 1;
        let first = if one_user {
            median(&mut firsts[1..])
        } else {
            firsts[0]
        };
        found["first"] = json!(first);
        result.insert(name.to_owned(), found);
    }
    result.insert("peak".to_owned(), memory("VmHWM:"));
    Ok(Value::Object(result))
}

/// The share of the exact answers that is found; nothing if there are none, since not all of the data is used.
fn recall(
    asked: &[Question],
    exact: &str,
    search: impl Fn(&Question) -> Result<Vec<Hit>, Failed>,
) -> Result<Option<f64>, Failed> {
    let mut shares = Vec::new();
    for question in asked {
        let best: Vec<&Value> = question.exact[exact]
            .as_array()
            .into_iter()
            .flatten()
            .collect();
        if !best.is_empty() {
            let hits = search(question)?;
            let is_found = |id: &&Value| hits.iter().any(|hit| **id == hit.record.id);
            let among = best.iter().copied().filter(is_found).count();
            shares.push(among as f64 / best.len() as f64);
        }
    }
    Ok((!shares.is_empty()).then(|| mean(&shares)))
}

fn one_record(task: &Task, bare: Option<Rows>) -> Result<Value, Failed> {
    let gets = (task.records / 10).clamp(1, GETS);
    let changes = (task.records / 10).clamp(1, CHANGES);
    let places: Vec<usize> = (0..gets + 2 * changes)
        .map(|place| place * 7919 % task.records)
        .collect();
    let chosen = task.records_at(&places)?;
    let (changed, rest) = chosen.split_at(changes);
    let (deleted, read) = rest.split_at(changes);
    let text = |record: &Record| format!("{CHANGED}, {}", record.id);
    let seconds = task.seconds;
    if let Some(rows) = bare {
        if !task.store.exists() {
            filling(task, bare)?;
        }
        let system = Sqlite::open(&task.store, rows)?;
        system.get(&changed[0])?;
        return Ok(json!({
            "get": timed(read, seconds, |record| system.get(record).map(drop))?,
            "again": timed(read, seconds, |record| system.get(record).map(drop))?,
            "update": timed(changed, seconds, |record| system.update(record, &text(record)))?,
            "delete": timed(deleted, seconds, |record| system.delete(record))?,
        }));
    }
    let system = opened(task)?;
    let memory = &system.memory;
    memory.get(&changed[0].id)?;
    Ok(json!({
        "get": timed(read, seconds, |record| Ok(memory.get(&record.id).map(drop)?))?,
        "again": timed(read, seconds, |record| Ok(memory.get(&record.id).map(drop)?))?,
        "update": timed(changed, seconds, |record| system.update(record, text(record)))?,
        "delete": timed(deleted, seconds, |record| Ok(memory.delete(&record.id).map(drop)?))?,
    }))
}

/// Opens the store, asks one question of one user, and prints seconds and memory, as `cold.py` does.
pub fn cold(store: &str, kind: &str, mode: &str, question: &str) -> Result<(), Failed> {
    let begun = Instant::now();
    let text = std::fs::read_to_string(question)?;
    let mut lines = text.splitn(3, '\n');
    let mut line = || lines.next().ok_or("the question is cut short");
    let (user, text, numbers) = (line()?.to_owned(), line()?.to_owned(), line()?);
    let numbers = numbers.split_whitespace().map(str::parse);
    let question = Question {
        text,
        user,
        vector: numbers.collect::<Result<_, _>>()?,
        exact: Value::Null,
    };
    let mode = match mode {
        "semantic" => Mode::Semantic,
        "lexical" => Mode::Lexical,
        _ => Mode::Hybrid,
    };
    let opened = Instant::now();
    let system = AgentMem::open(Path::new(store), Kind::named(kind)?)?;
    let hits = system.search(&question, mode, Some(&question.user), None)?;
    let (whole, open) = (begun.elapsed(), opened.elapsed());
    let (whole, open) = (whole.as_secs_f64(), open.as_secs_f64());
    println!("{whole} {open} {} {}", memory("VmHWM:"), hits.len());
    Ok(())
}
