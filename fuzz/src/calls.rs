use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use agentmem_core::{
    Change, Code, Error, EventKind, Expiry, GetAll, Match, Memory, Mode, NewRecord, Options, Order,
    Record, Scope, ScopeMatch, Search, Select, Timestamp,
};
use arbitrary::{Arbitrary, Unstructured};

const START: i64 = 1_800_000_000_000;
const WORDS: [&str; 4] = ["tea", "coffee", "cocoa", "milk"];
const USERS: [Option<&str>; 3] = [None, Some("ada"), Some("bob")];

/// A call, with numbers that stand for ids, users and words.
#[derive(Arbitrary, Debug)]
enum Op {
    Add(New),
    AddMany(Vec<New>),
    Update {
        id: u8,
        change: Changed,
    },
    Delete(u8),
    Purge(u8),
    Clear(Selected),
    Compact,
    Advance(u16),
    GetAll {
        select: Selected,
        ascending: bool,
        limit: Option<u8>,
        offset: Option<u8>,
    },
    After {
        id: u8,
        ascending: bool,
    },
    Search {
        word: u8,
        user: u8,
    },
}

/// What is added. Two of them are equal just if a retry of the one may be taken for the other.
#[derive(Arbitrary, Clone, Debug, PartialEq)]
struct New {
    id: Option<Few>,
    word: Few,
    user: Few,
    ttl: Option<u8>,
    is_important: bool,
    created: Option<u8>,
    dedupe: bool,
}

#[derive(Arbitrary, Clone, Debug, PartialEq)]
struct Changed {
    word: Option<Few>,
    /// None in it: it shall not expire any more.
    ttl: Option<Option<u8>>,
    if_version: Option<Few>,
}

#[derive(Arbitrary, Debug)]
struct Selected {
    user: Option<Few>,
    since: Option<u8>,
}

/// A small number.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Few(usize);

impl<'a> Arbitrary<'a> for Few {
    fn arbitrary(data: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        data.int_in_range(0..=3).map(Few)
    }
}

fn id(number: usize) -> String {
    format!("record-{}", number % 4)
}

fn content(word: usize) -> String {
    format!("a cup of {}", WORDS[word % WORDS.len()])
}

fn user(number: usize) -> Option<String> {
    USERS[number % USERS.len()].map(str::to_owned)
}

fn time(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms).expect("it is in range")
}

fn expiry(ttl: Option<u8>) -> Expiry {
    ttl.map_or(Expiry::Never, |seconds| Expiry::Ttl(seconds.into()))
}

fn expires(ttl: Option<u8>, now: i64) -> Option<Timestamp> {
    ttl.map(|seconds| time(now + i64::from(seconds) * 1000))
}

impl New {
    fn to_record(&self) -> NewRecord {
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
    fn to_select(&self) -> Select {
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

/// What the store is by the specification: records in the order of adding, deleted ones left out, and the log.
#[derive(Clone, Default)]
struct Model {
    rows: Vec<(Record, New)>,
    log: Vec<(EventKind, String)>,
    /// The ids of all states that are kept, as often as there are.
    states: Vec<String>,
}

impl Model {
    fn live(&self, now: i64) -> impl Iterator<Item = &Record> {
        let rows = self.rows.iter().map(|(record, _)| record);
        rows.filter(move |record| record.expires_at.is_none_or(|end| time(now) < end))
    }

    fn place(&self, id: &str, now: i64) -> Option<usize> {
        let live = self.live(now).any(|record| record.id == id);
        let place = || self.rows.iter().position(|(record, _)| record.id == id);
        live.then(place).flatten()
    }

    /// Adds, where `got` tells the id if none was given.
    fn add(&mut self, new: &New, now: i64, got: Option<&Record>) -> Result<Record, Code> {
        let given = new.id.map(|Few(number)| id(number));
        if let Some(place) = given.as_ref().and_then(|id| self.place(id, now)) {
            let (record, added) = &self.rows[place];
            return new
                .is_retry_of(added)
                .then(|| record.clone())
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
            metadata: agentmem_core::Metadata::new(),
            importance: if new.is_important { 0.75 } else { 0.5 },
            created_at: time(new.created.map_or(now, |seconds| i64::from(seconds) * 1000)),
            updated_at: time(now),
            expires_at: expires(new.ttl, now),
            version: 1,
        };
        self.rows.retain(|(row, _)| row.id != record.id);
        self.rows.push((record.clone(), new.clone()));
        self.log.push((EventKind::Add, record.id.clone()));
        self.states.push(record.id.clone());
        Ok(record)
    }

    fn update(&mut self, id: &str, change: &Changed, now: i64) -> Result<Record, Code> {
        if change.word.is_none() && change.ttl.is_none() {
            return Err(Code::InvalidArgument);
        }
        let place = self.place(id, now).ok_or(Code::NotFound)?;
        let record = &mut self.rows[place].0;
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
        self.log.push((EventKind::Update, id.to_owned()));
        self.states.push(id.to_owned());
        Ok(record.clone())
    }

    fn delete(&mut self, id: &str, now: i64) -> bool {
        let Some(place) = self.place(id, now) else {
            return false;
        };
        self.rows.remove(place);
        self.log.push((EventKind::Delete, id.to_owned()));
        true
    }

    fn purge(&mut self, id: &str) -> bool {
        let erases = self.states.iter().any(|of| of == id);
        if erases {
            self.rows.retain(|(record, _)| record.id != id);
            self.log.retain(|(_, of)| of != id);
            self.states.retain(|of| of != id);
            self.log.push((EventKind::Purge, id.to_owned()));
        }
        erases
    }

    fn clear(&mut self, select: &Selected, now: i64) -> usize {
        let selected = self.live(now).filter(|record| select.selects(record));
        let ids: Vec<String> = selected.map(|record| record.id.clone()).collect();
        for id in &ids {
            self.delete(id, now);
        }
        ids.len()
    }

    fn compact(&mut self, now: i64) {
        let (live, expired): (Vec<_>, Vec<_>) = std::mem::take(&mut self.rows)
            .into_iter()
            .partition(|(record, _)| record.expires_at.is_none_or(|end| time(now) < end));
        self.rows = live;
        for (record, _) in expired {
            let state = self.states.iter().position(|of| *of == record.id);
            self.states.remove(state.expect("it has one"));
            self.log.push((EventKind::Delete, record.id));
        }
    }

    fn get_all(&self, select: &Selected, ascending: bool, now: i64) -> Vec<Record> {
        let selected = self.live(now).filter(|record| select.selects(record));
        let mut records: Vec<Record> = selected.cloned().collect();
        // Stable: what was made at the same time stays in the order of adding.
        records.sort_by_key(|record| record.created_at);
        if !ascending {
            records.reverse();
        }
        records
    }
}

/// A sequence of calls is answered as the model answers it, and leaves what the model has.
pub fn calls(data: &[u8]) {
    let mut data = Unstructured::new(data);
    let clock = Arc::new(AtomicI64::new(START));
    let ticking = Arc::clone(&clock);
    let options = Options {
        clock: Some(Arc::new(move || ticking.load(Ordering::Relaxed))),
        ..Options::default()
    };
    let memory = Memory::in_memory(options).expect("a memory of its own opens");
    let mut model = Model::default();
    for _ in 0..MOST_CALLS {
        if data.is_empty() {
            break;
        }
        let Ok(op) = Op::arbitrary(&mut data) else {
            break;
        };
        if let Op::Advance(ms) = op {
            clock.fetch_add(ms.into(), Ordering::Relaxed);
        }
        call(&memory, &mut model, &op, clock.load(Ordering::Relaxed));
    }
    compare(&memory, &model, clock.load(Ordering::Relaxed));
}

/// An outcome as it is compared: of an error its code.
fn told<T>(outcome: Result<T, Error>) -> Result<T, Code> {
    outcome.map_err(|error| error.code())
}

const MOST_CALLS: usize = 200;

/// Does a call on both, and compares the answers.
fn call(memory: &Memory, model: &mut Model, op: &Op, now: i64) {
    match op {
        Op::Add(new) => {
            let got = told(memory.add(new.to_record()));
            assert_eq!(got, model.add(new, now, got.as_ref().ok()), "{op:?}");
        }
        Op::AddMany(items) => {
            let given = items.iter().map(New::to_record).collect();
            let got = told(memory.add_many(given));
            let mut after = model.clone();
            let added = items.iter().enumerate().map(|(i, new)| {
                after.add(
                    new,
                    now,
                    got.as_ref().ok().and_then(|records| records.get(i)),
                )
            });
            let expected: Result<Vec<Record>, Code> = added.collect();
            assert_eq!(got, expected, "{op:?}");
            if expected.is_ok() {
                *model = after; // all, or none
            }
        }
        Op::Update { id: number, change } => {
            let id = id((*number).into());
            let asked = Change {
                content: change.word.map(|Few(word)| content(word)),
                expiry: change.ttl.map(expiry),
                if_version: change.if_version.map(|Few(version)| version as u64 + 1),
                ..Change::default()
            };
            let got = told(memory.update(&id, asked));
            assert_eq!(got, model.update(&id, change, now), "{op:?}");
        }
        Op::Delete(number) => {
            let id = id((*number).into());
            assert_eq!(
                told(memory.delete(&id)),
                Ok(model.delete(&id, now)),
                "{op:?}"
            );
        }
        Op::Purge(number) => {
            let id = id((*number).into());
            assert_eq!(told(memory.purge(&id)), Ok(model.purge(&id)), "{op:?}");
        }
        Op::Clear(select) => {
            assert_eq!(
                told(memory.clear(select.to_select())),
                Ok(model.clear(select, now)),
                "{op:?}"
            );
        }
        Op::Compact => {
            memory.compact().expect("nothing keeps it from that");
            model.compact(now);
        }
        Op::Advance(_) => {}
        Op::GetAll {
            select,
            ascending,
            limit,
            offset,
        } => {
            let (limit, offset) = (limit.map(usize::from), offset.map(usize::from));
            let options = GetAll {
                select: select.to_select(),
                limit,
                offset,
                order: order(*ascending),
                ..GetAll::default()
            };
            let got = told(memory.get_all(options));
            let all = model.get_all(select, *ascending, now).into_iter();
            let some = all
                .skip(offset.unwrap_or(0))
                .take(limit.unwrap_or(usize::MAX));
            let expected = if limit == Some(0) {
                Err(Code::InvalidArgument)
            } else {
                Ok(some.collect())
            };
            assert_eq!(got, expected, "{op:?}");
        }
        Op::After {
            id: number,
            ascending,
        } => {
            let id = id((*number).into());
            let all = model.get_all(&EVERYTHING, *ascending, now);
            // Of what is deleted the model does not know the place.
            let Some(place) = all.iter().position(|record| record.id == id) else {
                return;
            };
            let options = GetAll {
                after: Some(id),
                order: order(*ascending),
                ..GetAll::default()
            };
            assert_eq!(
                told(memory.get_all(options)),
                Ok(all[place + 1..].to_vec()),
                "{op:?}"
            );
        }
        Op::Search { word, user: number } => {
            let select = Selected {
                user: Some(Few((*number).into())),
                since: None,
            };
            let options = Search {
                select: select.to_select(),
                limit: 1000,
                mode: Mode::Lexical,
                ..Search::default()
            };
            let word = WORDS[usize::from(*word) % WORDS.len()];
            let hits = memory.search(word, options).expect("it can be searched");
            let mut got: Vec<Record> = hits.into_iter().map(|hit| hit.record).collect();
            let mut expected = model.get_all(&select, true, now);
            expected.retain(|record| record.content.ends_with(word));
            for records in [&mut got, &mut expected] {
                records.sort_by(|a, b| a.id.cmp(&b.id));
            }
            assert_eq!(got, expected, "{op:?}");
        }
    }
}

const EVERYTHING: Selected = Selected {
    user: None,
    since: None,
};

fn order(ascending: bool) -> Order {
    if ascending { Order::Asc } else { Order::Desc }
}

/// What the store has in the end, and that it agrees with itself.
fn compare(memory: &Memory, model: &Model, now: i64) {
    let all = model.get_all(&EVERYTHING, true, now);
    let options = GetAll {
        order: Order::Asc,
        ..GetAll::default()
    };
    assert_eq!(told(memory.count(Select::default())), Ok(all.len()));
    assert_eq!(told(memory.get_all(options)), Ok(all));
    assert_eq!(told(memory.verify()), Ok(Vec::new()));
    let changes = memory.changes(0, None).expect("it has a log");
    let log: Vec<_> = changes
        .into_iter()
        .map(|event| (event.kind, event.id))
        .collect();
    assert_eq!(log, model.log);
    for id in (0..4).map(id) {
        let events = memory.history(&id).expect("it can be read").into_iter();
        let of = model.log.iter().filter(|(_, of)| *of == id);
        assert!(events.map(|event| event.kind).eq(of.map(|(kind, _)| *kind)));
        let record = model.live(now).find(|record| record.id == id).cloned();
        assert_eq!(told(memory.get(&id)), Ok(record));
    }
}
