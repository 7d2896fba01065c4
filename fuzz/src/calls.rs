use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use agentmem_core::{
    AsOf, Change, Code, Error, GetAll, Memory, Mode, Options, Order, Record, Search, Select,
};
use arbitrary::{Arbitrary, Unstructured};

use crate::imports::{exported, taken_in};
use crate::model::{
    Changed, Few, Model, New, Past, Selected, WORDS, content, expiry, get_all, id, time,
};

const START: i64 = 1_800_000_000_000;

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

/// A sequence of calls is answered as the model answers it, and leaves what the model has.
pub fn calls(data: &[u8]) {
    // It costs as much as all the rest.
    let moves = data.first().is_some_and(|byte| byte % 8 == 0);
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
        model.remember();
    }
    compare_past(&memory, &model);
    compare(&memory, &model, clock.load(Ordering::Relaxed));
    if moves {
        move_to_another(&memory);
    }
}

/// What is exported, with history and without, is the same again from a memory that took it in.
fn move_to_another(memory: &Memory) {
    for history in [false, true] {
        let text = exported(memory, history);
        let other = Memory::new().expect("a memory of its own opens");
        let imported = taken_in(&other, &text);
        assert!(imported.is_ok(), "{imported:?}");
        assert_eq!(exported(&other, history), text);
        assert_eq!(other.verify().expect("it can be checked"), []);
    }
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
            assert_eq!(told(memory.purge(&id)), Ok(model.purge(&id, now)), "{op:?}");
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
        .map(|event| (event.seq, event.at, event.kind, event.id))
        .collect();
    let logged = model.log.iter();
    let expected: Vec<_> = logged
        .map(|it| (it.seq, time(it.at), it.kind, it.id.clone()))
        .collect();
    assert_eq!(log, expected);
    for id in (0..4).map(id) {
        let events = memory.history(&id).expect("it can be read").into_iter();
        let of = model.log.iter().filter(|event| event.id == id);
        assert!(
            events
                .map(|event| event.kind)
                .eq(of.map(|event| event.kind))
        );
        let record = model.live(now).find(|record| record.id == id).cloned();
        assert_eq!(told(memory.get(&id)), Ok(record));
    }
}

/// How many earlier states are looked at.
const STATES: usize = 12;

/// What the store was after some of the calls, by the event and by the time.
fn compare_past(memory: &Memory, model: &Model) {
    let seen = |past: &Past| {
        model
            .log
            .iter()
            .rev()
            .find(|event| event.seq <= past.seq)
            .map_or(0, |event| event.at)
    };
    for (place, past) in model
        .past
        .iter()
        .enumerate()
        .step_by(model.past.len() / STATES + 1)
    {
        let at = seen(past);
        compare_state(memory, past, AsOf::Seq(past.seq), at);
        let is_last_of_its_time = model.past.get(place + 1).is_none_or(|next| seen(next) > at);
        if is_last_of_its_time && model.log.iter().any(|event| event.seq == past.seq) {
            compare_state(memory, past, AsOf::Time(time(at)), at);
        }
    }
}

fn compare_state(memory: &Memory, past: &Past, as_of: AsOf, now: i64) {
    let expected = get_all(&past.rows, &EVERYTHING, true, now);
    let options = GetAll {
        order: Order::Asc,
        as_of: Some(as_of),
        ..GetAll::default()
    };
    assert_eq!(told(memory.get_all(options)).as_ref(), Ok(&expected));
    let count = memory.count_as_of(Select::default(), as_of);
    assert_eq!(told(count), Ok(expected.len()));
    for id in (0..4).map(id) {
        let record = expected.iter().find(|record| record.id == id).cloned();
        assert_eq!(told(memory.get_as_of(&id, as_of)), Ok(record));
    }
    let options = Search {
        limit: 1000,
        mode: Mode::Lexical,
        as_of: Some(as_of),
        ..Search::default()
    };
    let hits = memory
        .search(WORDS[0], options)
        .expect("it can be searched");
    let mut got: Vec<&str> = hits.iter().map(|hit| hit.record.id.as_str()).collect();
    let found = expected
        .iter()
        .filter(|record| record.content.ends_with(WORDS[0]));
    let mut wanted: Vec<&str> = found.map(|record| record.id.as_str()).collect();
    got.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(got, wanted);
}
