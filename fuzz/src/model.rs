//! What a store is by the specification, said simply: what `calls` compares the core with.

use agentmem_core::{
    Code, EventKind, Expiry, Match, NewRecord, Record, Scope, ScopeMatch, Select, Timestamp,
};
use arbitrary::{Arbitrary, Unstructured};

pub(crate) const WORDS: [&str; 4] = ["tea", "coffee", "cocoa", "milk"];
const USERS: [Option<&str>; 3] = [None, Some("ada"), Some("bob")];

/// What is added. Two of them are equal just if a retry of the one may be taken for the other.
#[derive(Arbitrary, Clone, Debug, PartialEq)]
pub(crate) struct New {
    pub id: Option<Few>,
    pub word: Few,
    pub user: Few,
    pub ttl: Option<u8>,
    pub is_important: bool,
    pub created: Option<u8>,
    pub dedupe: bool,
}

#[derive(Arbitrary, Clone, Debug, PartialEq)]
pub(crate) struct Changed {
    pub word: Option<Few>,
    /// None in it: it shall not expire any more.
    pub ttl: Option<Option<u8>>,
    pub if_version: Option<Few>,
}

#[derive(Arbitrary, Debug)]
pub(crate) struct Selected {
    pub user: Option<Few>,
    pub since: Option<u8>,
}

/// A small number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Few(pub usize);

impl<'a> Arbitrary<'a> for Few {
    fn arbitrary(data: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        data.int_in_range(0..=3).map(Few)
    }
}

pub(crate) fn id(number: usize) -> String {
    format!("record-{}", number % 4)
}

pub(crate) fn content(word: usize) -> String {
    format!("a cup of {}", WORDS[word % WORDS.len()])
}

pub(crate) fn user(number: usize) -> Option<String> {
    USERS[number % USERS.len()].map(str::to_owned)
}

pub(crate) fn time(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms).expect("it is in range")
}

pub(crate) fn expiry(ttl: Option<u8>) -> Expiry {
    ttl.map_or(Expiry::Never, |seconds| Expiry::Ttl(seconds.into()))
}

fn expires(ttl: Option<u8>, now: i64) -> Option<Timestamp> {
    ttl.map(|seconds| time(now + i64::from(seconds) * 1000))
}

impl New {
    pub fn to_record(&self) -> NewRecord {
        NewRecord {
            id: self.id.map(|Few(number)| id(number)),
            user_id: user(self.user.0),
            importance: self.is_important.then_some(0.75),
            created_at: self.created.map(|seconds| time(i64::from(seconds) * 1000)),
            expiry: expiry(self.ttl),
            dedupe: self.dedupe,
            ..NewRecord::from(content(self.word.0))
        }
    }

    /// Whether a record was added with the same fields; `dedupe` is none of them.
    fn is_retry_of(&self, other: &New) -> bool {
        let New { dedupe, .. } = *other;
        let user = |new: &New| user(new.user.0);
        let same = New {
            dedupe,
            user: other.user,
            ..self.clone()
        };
        same == *other && user(self) == user(other)
    }
}

impl Selected {
    pub fn to_select(&self) -> Select {
        let user = self.user.map(|Few(number)| Match::from(user(number)));
        Select {
            scope: ScopeMatch {
                user_id: user.unwrap_or_default(),
                ..ScopeMatch::default()
            },
            since: self.since.map(|seconds| time(i64::from(seconds) * 1000)),
            ..Select::default()
        }
    }

    fn selects(&self, record: &Record) -> bool {
        let select = self.to_select();
        select.scope.selects(&record.scope)
            && select.since.is_none_or(|since| record.created_at >= since)
    }
}

/// A record in one of its states.
#[derive(Clone)]
pub(crate) struct Row {
    record: Record,
    /// What it was added by.
    new: New,
    /// The event that wrote this state.
    began: i64,
}

/// An event of the log.
#[derive(Clone)]
pub(crate) struct Logged {
    pub seq: i64,
    pub at: i64,
    pub kind: EventKind,
    pub id: String,
}

/// What the store was after an event, less what has been erased since.
#[derive(Clone)]
pub(crate) struct Past {
    pub seq: i64,
    pub rows: Vec<Row>,
}

/// What the store is by the specification: records in the order of adding, deleted ones left out, and the log.
#[derive(Clone, Default)]
pub(crate) struct Model {
    rows: Vec<Row>,
    pub log: Vec<Logged>,
    last_seq: i64,
    /// The ids of all states that are kept, as often as there are.
    states: Vec<String>,
    /// What it was after each call that wrote something.
    pub past: Vec<Past>,
}

pub(crate) fn live(rows: &[Row], now: i64) -> impl Iterator<Item = &Record> {
    let records = rows.iter().map(|row| &row.record);
    records.filter(move |record| record.expires_at.is_none_or(|end| time(now) < end))
}

/// What `getAll` gives of some rows.
pub(crate) fn get_all(rows: &[Row], select: &Selected, ascending: bool, now: i64) -> Vec<Record> {
    let selected = live(rows, now).filter(|record| select.selects(record));
    let mut records: Vec<Record> = selected.cloned().collect();
    // Stable: what was made at the same time stays in the order of adding.
    records.sort_by_key(|record| record.created_at);
    if !ascending {
        records.reverse();
    }
    records
}

impl Model {
    pub fn live(&self, now: i64) -> impl Iterator<Item = &Record> {
        live(&self.rows, now)
    }

    fn place(&self, id: &str, now: i64) -> Option<usize> {
        let live = self.live(now).any(|record| record.id == id);
        let place = || self.rows.iter().position(|row| row.record.id == id);
        live.then(place).flatten()
    }

    /// Writes an event, and gives its number.
    pub fn log(&mut self, kind: EventKind, id: &str, now: i64) -> i64 {
        self.last_seq += 1;
        self.log.push(Logged {
            seq: self.last_seq,
            at: now,
            kind,
            id: id.to_owned(),
        });
        self.last_seq
    }

    /// Keeps what the store is after a call.
    pub fn remember(&mut self) {
        if self.past.last().map_or(0, |past| past.seq) != self.last_seq {
            self.past.push(Past {
                seq: self.last_seq,
                rows: self.rows.clone(),
            });
        }
    }

    /// Adds, where `got` tells the id if none was given.
    pub fn add(&mut self, new: &New, now: i64, got: Option<&Record>) -> Result<Record, Code> {
        let given = new.id.map(|Few(number)| id(number));
        if let Some(place) = given.as_ref().and_then(|id| self.place(id, now)) {
            let row = &self.rows[place];
            return new
                .is_retry_of(&row.new)
                .then(|| row.record.clone())
                .ok_or(Code::AlreadyExists);
        }
        let equal = |record: &&Record| {
            record.content == content(new.word.0) && record.scope.user_id == user(new.user.0)
        };
        if let Some(equal) = self.live(now).find(equal).filter(|_| new.dedupe) {
            return Ok(equal.clone());
        }
        let made = || got.map_or_else(|| "missing".to_owned(), |record| record.id.clone());
        let record = Record {
            id: given.unwrap_or_else(made),
            content: content(new.word.0),
            scope: Scope {
                user_id: user(new.user.0),
                ..Scope::default()
            },
            role: None,
            name: None,
            metadata: agentmem_core::RecordMetadata::default(),
            importance: if new.is_important { 0.75 } else { 0.5 },
            created_at: time(new.created.map_or(now, |seconds| i64::from(seconds) * 1000)),
            updated_at: time(now),
            expires_at: expires(new.ttl, now),
            version: 1,
        };
        self.rows.retain(|row| row.record.id != record.id);
        let began = self.log(EventKind::Add, &record.id, now);
        self.rows.push(Row {
            record: record.clone(),
            new: new.clone(),
            began,
        });
        self.states.push(record.id.clone());
        Ok(record)
    }

    pub fn update(&mut self, id: &str, change: &Changed, now: i64) -> Result<Record, Code> {
        if change.word.is_none() && change.ttl.is_none() {
            return Err(Code::InvalidArgument);
        }
        let place = self.place(id, now).ok_or(Code::NotFound)?;
        let record = &mut self.rows[place].record;
        if change
            .if_version
            .is_some_and(|Few(version)| version as u64 + 1 != record.version)
        {
            return Err(Code::Conflict);
        }
        if let Some(Few(word)) = change.word {
            record.content = content(word);
        }
        if let Some(ttl) = change.ttl {
            record.expires_at = expires(ttl, now);
        }
        record.updated_at = time(now);
        record.version += 1;
        let record = record.clone();
        self.rows[place].began = self.log(EventKind::Update, id, now);
        self.states.push(id.to_owned());
        Ok(record)
    }

    pub fn delete(&mut self, id: &str, now: i64) -> bool {
        let Some(place) = self.place(id, now) else {
            return false;
        };
        self.rows.remove(place);
        self.log(EventKind::Delete, id, now);
        true
    }

    pub fn purge(&mut self, id: &str, now: i64) -> bool {
        let erases = self.states.iter().any(|of| of == id);
        if erases {
            self.rows.retain(|row| row.record.id != id);
            self.log.retain(|event| event.id != id);
            self.states.retain(|of| of != id);
            for past in &mut self.past {
                past.rows.retain(|row| row.record.id != id);
            }
            self.log(EventKind::Purge, id, now);
        }
        erases
    }

    pub fn clear(&mut self, select: &Selected, now: i64) -> usize {
        let selected = self.live(now).filter(|record| select.selects(record));
        let ids: Vec<String> = selected.map(|record| record.id.clone()).collect();
        for id in &ids {
            self.delete(id, now);
        }
        ids.len()
    }

    pub fn compact(&mut self, now: i64) {
        let (live, expired): (Vec<_>, Vec<_>) = std::mem::take(&mut self.rows)
            .into_iter()
            .partition(|row| row.record.expires_at.is_none_or(|end| time(now) < end));
        self.rows = live;
        for row in expired {
            let state = self.states.iter().position(|of| *of == row.record.id);
            self.states.remove(state.expect("it has one"));
            for past in &mut self.past {
                past.rows.retain(|of| of.began != row.began);
            }
            self.log(EventKind::Delete, &row.record.id, now);
        }
    }

    pub fn get_all(&self, select: &Selected, ascending: bool, now: i64) -> Vec<Record> {
        get_all(&self.rows, select, ascending, now)
    }
}
