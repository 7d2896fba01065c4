//! AgentMem and SQLite by itself, by turns in one process: the machine's speed may change between two processes.

use std::time::Instant;

use serde_json::{Value, json};

use crate::Failed;
use crate::agentmem::AgentMem;
use crate::data::{Record, Task};
use crate::measure::{cpu, mean, median};
use crate::sqlite::{Row, Rows, Sqlite};

/// The three that write the same records, each to a folder of its own.
struct Three {
    own: AgentMem,
    bare: Sqlite,
    logged: Sqlite,
}

impl Three {
    fn open(task: &Task, what: &str) -> Result<Three, Failed> {
        let folder = task.store("-beside").join(what);
        Ok(Three {
            own: AgentMem::open(&folder.join("own"), task.kind)?,
            bare: Sqlite::open(&folder.join("bare"), Rows::Least)?,
            logged: Sqlite::open(&folder.join("logged"), Rows::Logged)?,
        })
    }

    /// Adds a batch to each; what is made of it beforehand is not timed. One record is added by a call for one.
    fn add(&self, batch: &[Record], times: &mut [Times; 3]) -> Result<(), Failed> {
        let mut items: Vec<_> = batch.iter().map(|record| self.own.item(record)).collect();
        let rows = Row::all(batch)?;
        times[0].take(batch.len(), || {
            let memory = &self.own.memory;
            match items.pop() {
                Some(item) if batch.len() == 1 => Ok(memory.add(item).map(drop)?),
                last => {
                    items.extend(last);
                    Ok(memory.add_many(std::mem::take(&mut items)).map(drop)?)
                }
            }
        })?;
        for (sqlite, times) in [&self.bare, &self.logged].into_iter().zip(&mut times[1..]) {
            times.take(batch.len(), || match &rows[..] {
                [row] => sqlite.add(row),
                rows => sqlite.add_many(rows),
            })?;
        }
        Ok(())
    }
}

/// Seconds a record, by the clock and of all processors.
#[derive(Default)]
struct Times {
    walls: Vec<f64>,
    spent: Vec<f64>,
}

impl Times {
    fn take(
        &mut self,
        records: usize,
        work: impl FnOnce() -> Result<(), Failed>,
    ) -> Result<(), Failed> {
        let (at, before) = (Instant::now(), cpu());
        work()?;
        self.spent.push((cpu() - before) / records as f64);
        self.walls.push(at.elapsed().as_secs_f64() / records as f64);
        Ok(())
    }

    fn told(mut self) -> Value {
        json!({"rate": 1.0 / mean(&self.walls), "cpu": mean(&self.spent), "median": median(&mut self.walls)})
    }
}

/// Adds one by one.
pub fn adding(task: &Task) -> Result<Value, Failed> {
    let records = task.records()?.batch(task.adds)?;
    let begun = Instant::now();
    let ones = records.chunks(1).map(|one| Ok(one.to_vec()));
    written(
        task,
        "one",
        ones.take_while(|_| begun.elapsed().as_secs_f64() < task.seconds),
    )
}

/// Adds all records, so many at a time.
pub fn filling(task: &Task, size: usize) -> Result<Value, Failed> {
    let mut records = task.records()?;
    let batches = std::iter::from_fn(|| match records.batch(size) {
        Ok(batch) if batch.is_empty() => None,
        batch => Some(batch),
    });
    written(task, "batches", batches)
}

fn written(
    task: &Task,
    what: &str,
    batches: impl Iterator<Item = Result<Vec<Record>, Failed>>,
) -> Result<Value, Failed> {
    let three = Three::open(task, what)?;
    let mut times: [Times; 3] = Default::default();
    for batch in batches {
        three.add(&batch?, &mut times)?;
    }
    three.own.memory.close();
    let [own, bare, logged] = times.map(Times::told);
    Ok(json!({"own": own, "bare": bare, "logged": logged}))
}
