//! The stores of `conformance/stores`, made by this release and those before it: each is read as it is, brought up, and answers the same.

#[path = "support/database.rs"]
mod database;
#[path = "support/folder.rs"]
mod folder;

use std::fs;
use std::path::PathBuf;

use agentmem_core::{
    Code, EventKind, Export, GetAll, Memory, NewRecord, Options, Order, Record, Search,
};
use folder::Folder;
use serde_json::{Value, json};

/// A kept store: its name, whether it may be read as it is, and whether it was made before there was `purge`.
const STORES: [(&str, bool, bool); 5] = [
    ("format-1-first", false, true),
    ("format-1", false, false),
    ("format-2-first", false, false),
    ("format-2", true, false),
    ("format-3", true, false),
];

fn kept(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../../conformance/stores/{name}"))
}

/// A copy of a kept store in a folder of its own.
fn copy(name: &str, test: &str) -> Folder {
    let folder = Folder::new(&format!("kept-{name}-{test}"));
    fs::copy(kept(&format!("{name}.agentmem")), folder.file()).expect("it copies");
    folder
}

fn open(folder: &Folder, read_only: bool) -> Result<Memory, agentmem_core::Error> {
    let options = Options {
        read_only,
        ..Options::default()
    };
    Memory::open(folder.file(), options)
}

/// A record as it stands on the wire.
fn wire(record: &Record) -> Value {
    let scope = &record.scope;
    json!({
        "id": record.id, "content": record.content, "userId": scope.user_id, "agentId": scope.agent_id, "runId": scope.run_id,
        "role": record.role, "name": record.name, "metadata": *record.metadata, "importance": record.importance,
        "createdAt": record.created_at.to_string(), "updatedAt": record.updated_at.to_string(),
        "expiresAt": record.expires_at.map(|time| time.to_string()), "version": record.version,
    })
}

/// The records of an export, or of what `reader.py` prints.
fn records_of(lines: &str) -> Vec<Value> {
    let record = |line| serde_json::from_str::<Value>(line).expect("it is JSON")["record"].take();
    lines.lines().map(record).collect()
}

/// What `reader.py` has read of a kept store, in the order of adding.
fn read_by_sqlite(name: &str) -> Vec<Value> {
    let lines = fs::read_to_string(kept(&format!("{name}.jsonl"))).expect("it reads");
    records_of(&lines)
}

fn sorted(mut records: Vec<Value>) -> Vec<Value> {
    records.sort_by_key(|record| record["id"].to_string());
    records
}

/// Asks a store everything that is written down of it.
fn check(memory: &Memory, name: &str, is_before_purge: bool) {
    let all = memory
        .get_all(GetAll {
            order: Order::Asc,
            ..GetAll::default()
        })
        .expect("it lists");
    assert_eq!(
        sorted(all.iter().map(wire).collect()),
        sorted(read_by_sqlite(name)),
        "{name}"
    );
    assert_eq!(memory.verify().expect("it checks"), [], "{name}");
    // The reader's lines are those of an export.
    let mut export = Vec::new();
    memory
        .export_into(&mut export, Export::default())
        .expect("it is exported");
    let export = String::from_utf8(export).expect("it is text");
    let lines: Vec<&str> = export.lines().collect();
    let exported = lines[1..lines.len() - 1].join("\n");
    assert_eq!(records_of(&exported), read_by_sqlite(name), "{name}");
    let history = |id: &str| -> Vec<(EventKind, Option<String>)> {
        let events = memory.history(id).expect("it has one");
        let state = |record: Record| record.content;
        events
            .into_iter()
            .map(|event| (event.kind, event.record.map(state)))
            .collect()
    };
    let told = |kind, content: &str| (kind, Some(content.to_owned()));
    assert_eq!(
        history("turn-3"),
        [
            told(EventKind::Add, "She is called Comet"),
            told(EventKind::Update, "She is called Comet, like the star"),
            told(EventKind::Update, "She is called Halley"),
        ],
        "{name}"
    );
    assert_eq!(
        history("turn-4"),
        [
            told(EventKind::Add, "What a lovely name"),
            (EventKind::Delete, None),
            told(EventKind::Add, "It is lovely all the same"),
        ],
        "{name}"
    );
    assert_eq!(
        history("brief"),
        [
            told(EventKind::Add, "Back in a second"),
            told(EventKind::Add, "Here again"),
        ],
        "{name}"
    );
    let last = if is_before_purge {
        told(EventKind::Update, "note 7 about coffee")
    } else {
        (EventKind::Purge, None)
    };
    assert_eq!(history("note-7").last(), Some(&last), "{name}");
    let full = memory.history("full").expect("it has one");
    let first = full[0].record.as_ref().expect("it is kept");
    assert_eq!(first.metadata["nested"], json!({"a": [1, 2.5, null, true]}));
    let hits = memory
        .search("Which pet did Lin adopt?", Search::default())
        .expect("it searches");
    assert_eq!(hits[0].record.id, "turn-1", "{name}");
}

fn format(folder: &Folder) -> i64 {
    let connection = database::connect(&folder.file());
    let query = "SELECT user_version FROM pragma_user_version";
    connection
        .query_row(query, [], |row| row.get(0))
        .expect("it answers")
}

#[test]
fn stores_of_every_format_are_brought_up_and_answer_as_they_did() {
    for (name, _, is_before_purge) in STORES {
        let folder = copy(name, "risen");
        let memory = open(&folder, false).expect("it opens");
        check(&memory, name, is_before_purge);
        let copied = folder.0.join("backup.db");
        memory.backup(&copied).expect("it copies");
        memory
            .add(NewRecord::from("a new note"))
            .expect("it is added");
        assert_eq!(memory.verify().expect("it checks"), [], "{name}");
        memory.close();
        assert_eq!(format(&folder), 3, "{name}");
        // Room for sums, and a sum, in every page.
        for path in [folder.file(), copied] {
            let bytes = fs::read(&path).expect("it reads");
            assert_eq!(bytes[20], 8, "{name}");
            assert!(
                bytes.chunks(4096).all(|page| page[4088..] != [0; 8]),
                "{name}"
            );
        }
        let memory = open(&folder, true).expect("it opens");
        assert_eq!(memory.verify().expect("it checks"), [], "{name}");
    }
}

#[test]
fn a_store_that_may_only_be_read_stays_byte_for_byte() {
    for (name, is_readable, is_before_purge) in STORES {
        let folder = copy(name, "read");
        let before = fs::read(folder.file()).expect("it reads");
        match open(&folder, true) {
            Ok(memory) => check(&memory, name, is_before_purge),
            Err(error) => {
                assert_eq!(error.code(), Code::UnsupportedFormat, "{name}");
                assert_eq!(error.field(), Some("path"), "{name}");
                assert!(!is_readable, "{name}");
            }
        }
        assert!(
            fs::read(folder.file()).expect("it reads") == before,
            "{name}"
        );
    }
}

#[test]
fn a_store_that_others_have_open_is_read_and_written_as_it_is_and_brought_up_later() {
    let folder = copy("format-2", "shared");
    let other = rusqlite::Connection::open(folder.file()).expect("it opens");
    other
        .execute_batch("PRAGMA journal_mode = wal; SELECT count(*) FROM record")
        .expect("it reads");
    let memory = open(&folder, false).expect("it opens");
    check(&memory, "format-2", false);
    memory
        .add(NewRecord::from("a new note"))
        .expect("it is added");
    memory.purge("turn-1").expect("it is purged");
    assert_eq!(memory.verify().expect("it checks"), []);
    memory.close();
    assert_eq!(format(&folder), 2);
    drop(other);
    let memory = open(&folder, false).expect("it opens");
    assert_eq!(memory.verify().expect("it checks"), []);
    memory.close();
    assert_eq!(format(&folder), 3);
}
