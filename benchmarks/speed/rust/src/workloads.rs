//! W1 to W7, as `worker.py` has them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use agentmem_core::Mode;
use serde_json::{Map, Value, json};

use crate::Failed;
use crate::agentmem::AgentMem;
use crate::data::{Kind, Question, Record, Task};
use crate::measure::{cpu, mean, median, memory, on_disk, timed};
use crate::sqlite::{Rows, Sqlite};
use crate::{growth, scan};

const BATCH: usize = 256;
const TOGETHER: usize = 64;
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
    Ok(Value::Object(result))
}

fn adding(task: &Task, bare: Option<Rows>) -> Result<Value, Failed> {
    let records = task.records()?.batch(task.adds)?;
    let (first, rest) = records.split_first().ok_or("there are no records")?;
    let (one, many) = (task.store("-one"), task.store("-together"));
    if let Some(rows) = bare {
        let system = Sqlite::open(&one, rows)?;
        system.add(first)?;
        let add = timed(rest, task.seconds, |record| system.add(record))?;
        return Ok(json!({"add": add}));
    }
    let system = AgentMem::open(&one, task.kind)?;
    system.memory.add(system.item(first))?;
    let add = timed(rest, task.seconds, |record| {
        Ok(system.memory.add(system.item(record)).map(drop)?)
    })?;
    system.memory.close();
    let system = AgentMem::open(&many, task.kind)?;
    system.memory.add(system.item(first))?;
    let (begun, before) = (Instant::now(), cpu());
    together(&system, rest)?;
    let (wall, spent) = (begun.elapsed().as_secs_f64(), cpu() - before);
    let count = rest.len() as f64;
    system.memory.close();
    Ok(json!({"add": add, "together": {"rate": count / wall, "cpu": spent / count}}))
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
        Box::new(move |record| system.add(record))
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
        let (wall, before) = (Instant::now(), cpu());
        if let Some((system, items)) = items {
            system.memory.add_many(items)?;
        }
        if let Some(sqlite) = &sqlite {
            sqlite.add_many(&batch)?;
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
        let mut shares = Vec::new();
        let mut found = timed(&asked, task.seconds, |question| {
            let hits = search(question)?;
            let best = question.exact[exact].as_array().into_iter().flatten();
            let (mut of, mut among) = (0, 0);
            for id in best {
                of += 1;
                among += i32::from(hits.iter().any(|hit| id == &hit.record.id));
            }
            if of > 0 {
                shares.push(f64::from(among) / f64::from(of));
            }
            Ok(())
        })?;
        if task.kind != Kind::Text && !shares.is_empty() {
            found["recall"] = json!(mean(&shares));
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

fn one_record(task: &Task, bare: Option<Rows>) -> Result<Value, Failed> {
    let count = (task.records / 4).min(200);
    let wanted: BTreeSet<usize> = (0..3 * count)
        .map(|place| place * 7919 % task.records)
        .collect();
    let chosen = task.records_at(&wanted)?;
    let (read, rest) = chosen.split_at(chosen.len() / 3);
    let (changed, deleted) = rest.split_at(chosen.len() / 3);
    let text = |record: &Record| format!("{CHANGED}, {}", record.id);
    let seconds = task.seconds;
    if let Some(rows) = bare {
        let system = Sqlite::open(&task.store, rows)?;
        return Ok(json!({
            "get": timed(read, seconds, |record| system.get(record).map(drop))?,
            "again": timed(read, seconds, |record| system.get(record).map(drop))?,
            "update": timed(changed, seconds, |record| system.update(record, &text(record)))?,
            "delete": timed(deleted, seconds, |record| system.delete(record))?,
        }));
    }
    let system = opened(task)?;
    let memory = &system.memory;
    memory.get(&read[0].id)?;
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
