//! Calls that do everything that a store can be asked for, and what may be in it after them: the model.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::folder::Folder;
use crate::random::Random;
use agentmem_core::{
    Change, Code, Durability, Embedder, Error, GetAll, History, Memory, Mode, NewRecord, Options,
    Record, Scope, ScopeMatch, Search, Select, Timestamp,
};

/// What is in a store: its live records by their ids.
pub type State = BTreeMap<String, Record>;

/// A call.
#[derive(Clone, Debug)]
pub enum Op {
    Add(usize),
    /// So many records of a user of their own, `many`.
    AddMany(usize),
    Update(usize),
    Delete(usize),
    /// All records of `many`.
    Clear,
    Purge(usize),
    PurgeMany,
    Compact,
    /// To an embedder of our own, or back to the table.
    Reembed(Embedder),
    Backup,
    Checkpoint,
    Reopen,
}

/// What all of it is done with, twice, so that the log is begun anew in between.
pub fn everything() -> Vec<Op> {
    let own = Embedder::Own {
        id: "own".to_owned(),
        dimensions: 2,
    };
    vec![
        Op::Add(0),
        Op::Add(1),
        Op::Add(2),
        Op::AddMany(5),
        Op::Update(1),
        Op::Delete(2),
        Op::Checkpoint,
        Op::Add(3),
        Op::Update(0),
        Op::Purge(1),
        Op::Backup,
        Op::Add(4),
        Op::Reopen,
        Op::Add(5),
        Op::Clear,
        Op::AddMany(4),
        Op::Compact,
        Op::PurgeMany,
        Op::Add(6),
        Op::Reembed(own),
        Op::Reembed(Embedder::BuiltIn),
        Op::Add(7),
    ]
}

/// Twenty calls in any order; a backup at most once.
pub fn anything(random: &mut Random) -> Vec<Op> {
    let mut has_backup = false;
    let mut op = |_| match random.below(12) {
        0 => Op::AddMany(1 + random.below(5)),
        1 | 2 => Op::Update(random.below(6)),
        3 => Op::Delete(random.below(6)),
        4 => Op::Clear,
        5 => Op::Purge(random.below(6)),
        6 => [Op::PurgeMany, Op::Compact][random.below(2)].clone(),
        7 => Op::Checkpoint,
        8 => Op::Reopen,
        9 if !std::mem::replace(&mut has_backup, true) => Op::Backup,
        _ => Op::Add(random.below(6)),
    };
    (0..20).map(&mut op).collect()
}

fn id(n: usize) -> String {
    format!("record-{n}")
}

fn many(n: usize) -> String {
    format!("many-{n}")
}

fn content(id: &str, version: u64) -> String {
    format!(
        "{id} in version {version} is about tea, {}",
        "and so on ".repeat(20)
    )
}

fn time(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms).expect("it is in range")
}

fn select_many() -> Select {
    Select {
        scope: ScopeMatch {
            user_id: "many".into(),
            ..ScopeMatch::default()
        },
        ..Select::default()
    }
}

fn new_record(id: &str) -> NewRecord {
    NewRecord {
        id: Some(id.to_owned()),
        user_id: id.starts_with("many").then(|| "many".to_owned()),
        ..NewRecord::from(content(id, 1))
    }
}

fn stored(id: &str, now: i64) -> Record {
    let new = new_record(id);
    Record {
        id: id.to_owned(),
        content: new.content,
        scope: Scope {
            user_id: new.user_id,
            ..Scope::default()
        },
        role: None,
        name: None,
        metadata: agentmem_core::RecordMetadata::default(),
        importance: 0.5,
        created_at: time(now),
        updated_at: time(now),
        expires_at: None,
        version: 1,
    }
}

impl Op {
    /// What is in the store after it; nothing if it finds no record.
    pub fn after(&self, state: &State, now: i64) -> Option<State> {
        let mut state = state.clone();
        match self {
            Op::Add(n) => drop(state.entry(id(*n)).or_insert_with(|| stored(&id(*n), now))),
            Op::AddMany(count) => {
                for n in 0..*count {
                    state
                        .entry(many(n))
                        .or_insert_with(|| stored(&many(n), now));
                }
            }
            Op::Update(n) => {
                let record = state.get_mut(&id(*n))?;
                record.version += 1;
                record.content = content(&record.id, record.version);
                record.updated_at = time(now);
            }
            Op::Delete(n) | Op::Purge(n) => drop(state.remove(&id(*n))),
            Op::Clear | Op::PurgeMany => state.retain(|id, _| !id.starts_with("many")),
            Op::Compact | Op::Reembed(_) | Op::Backup | Op::Checkpoint | Op::Reopen => {}
        }
        Some(state)
    }
}

/// A store at work, and what may be in it by what was told.
pub struct Work {
    file: PathBuf,
    durability: Durability,
    memory: Option<Memory>,
    clock: Arc<AtomicI64>,
    /// What may be in it: one state as long as all calls worked, else one for each way in which the others may have ended.
    pub states: Vec<State>,
    /// What was in the backup that was made, if one was.
    pub backup: Option<Vec<State>>,
}

impl Work {
    pub fn new(folder: &Folder, durability: Durability, state: State) -> Self {
        Work {
            file: folder.file(),
            durability,
            memory: None,
            clock: Arc::new(AtomicI64::new(1_800_000_000_000)),
            states: vec![state],
            backup: None,
        }
    }

    pub fn copy(&self) -> PathBuf {
        self.file.with_file_name("copy.db")
    }

    fn now(&self) -> i64 {
        self.clock.load(Ordering::Relaxed)
    }

    pub fn options(&self) -> Options {
        let clock = Arc::clone(&self.clock);
        Options {
            durability: self.durability,
            busy_timeout: Duration::from_millis(5),
            history: History::Nothing,
            clock: Some(Arc::new(move || clock.load(Ordering::Relaxed))),
            ..Options::default()
        }
    }

    pub fn open(&mut self) -> Result<(), Error> {
        if self.memory.is_none() {
            self.memory = Some(Memory::open(&self.file, self.options())?);
        }
        Ok(())
    }

    pub fn close(&mut self) {
        self.memory = None;
    }

    /// Does a call, and takes in what it told.
    pub fn run(&mut self, op: &Op) -> Result<(), Error> {
        self.clock.fetch_add(1000, Ordering::Relaxed);
        let outcome = self.call(op);
        let now = self.now();
        let after = |state: &State| op.after(state, now);
        match &outcome {
            Ok(()) => self.states = self.states.iter().filter_map(after).collect(),
            Err(error) if error.code() == Code::NotFound => {
                self.states.retain(|state| after(state).is_none());
            }
            Err(_) => {
                let mut states: Vec<State> = self.states.iter().filter_map(after).collect();
                states.append(&mut self.states);
                self.states = states;
            }
        }
        let mut states = Vec::new();
        for state in std::mem::take(&mut self.states) {
            if !states.contains(&state) {
                states.push(state);
            }
        }
        self.states = states;
        assert!(!self.states.is_empty(), "{op:?} told what cannot be");
        if outcome.is_ok() && matches!(op, Op::Backup) {
            self.backup = Some(self.states.clone());
        }
        outcome
    }

    fn call(&mut self, op: &Op) -> Result<(), Error> {
        if matches!(op, Op::Reopen) {
            self.close();
        }
        self.open()?;
        let memory = self.memory.as_ref().expect("it was just opened");
        match op {
            Op::Add(n) => memory.add(new_record(&id(*n))).map(drop),
            Op::AddMany(count) => {
                let items = (0..*count).map(|n| new_record(&many(n))).collect();
                memory.add_many(items).map(drop)
            }
            Op::Update(n) => {
                let before = memory.get(&id(*n))?.map_or(0, |record| record.version);
                let change = Change {
                    content: Some(content(&id(*n), before + 1)),
                    ..Change::default()
                };
                memory.update(&id(*n), change).map(drop)
            }
            Op::Delete(n) => memory.delete(&id(*n)).map(drop),
            Op::Clear => memory.clear(select_many()).map(drop),
            Op::Purge(n) => memory.purge(&id(*n)).map(drop),
            Op::PurgeMany => memory.purge_all(select_many()).map(drop),
            Op::Compact => memory.compact().map(drop),
            Op::Reembed(target) => {
                let mut moving = memory.reembed(target.clone())?;
                // A step that failed is tried again, and asks anew for what it lacks.
                let mut step = |vectors: Vec<Vec<f32>>| match moving.step(vectors) {
                    Err(_) => moving.step(Vec::new()),
                    done => done,
                };
                let mut asked = step(Vec::new())?;
                while let Some(texts) = asked {
                    asked = step(texts.iter().map(|_| vec![1.0, 0.5]).collect())?;
                }
                assert_eq!(memory.stats()?.embedder, *target, "the store has moved");
                Ok(())
            }
            Op::Backup => memory.backup(self.copy()).map(drop),
            Op::Checkpoint => {
                // As another process may do it at any time: what it tells is nobody's business.
                let _ = rusqlite::Connection::open(&self.file).and_then(|connection| {
                    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
                });
                Ok(())
            }
            Op::Reopen => Ok(()),
        }
    }

    /// Reads the store in every way; it must be in a state that it may be in, and is known to be in that one then.
    pub fn check(&mut self) {
        self.open().expect("nothing fails now");
        let memory = self.memory.as_ref().expect("it was just opened");
        let seen = read(memory);
        assert!(
            self.states.contains(&seen),
            "what is in the store was never written so"
        );
        self.states = vec![seen];
    }
}

/// Reads all of a store in several ways, which must agree.
pub fn read(memory: &Memory) -> State {
    let problems = memory.verify().expect("it can be read");
    assert_eq!(problems, []);
    let all = memory.get_all(GetAll::default()).expect("it can be read");
    let seen: State = all
        .into_iter()
        .map(|record| (record.id.clone(), record))
        .collect();
    let search = Search {
        mode: Mode::Lexical,
        limit: 1000,
        ..Search::default()
    };
    let hits = memory.search("tea", search).expect("it can be searched");
    let found: State = hits
        .into_iter()
        .map(|hit| (hit.record.id.clone(), hit.record))
        .collect();
    assert_eq!(found, seen, "search and getAll");
    let mut told = State::new();
    for event in memory.changes(0, None).expect("it can be read") {
        match event.record {
            Some(record) => drop(told.insert(event.id, record)),
            None => drop(told.remove(&event.id)),
        }
    }
    assert_eq!(told, seen, "changes and getAll");
    assert_eq!(
        memory.count(Select::default()).expect("it can be read"),
        seen.len()
    );
    seen
}
