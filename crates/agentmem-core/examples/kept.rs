//! Makes the store of `conformance/stores` that every later release must open: `cargo run -p agentmem-core --example kept -- FILE`.
//!
//! It has something in every column and an event of every kind. The file must not exist. It compiles with older releases too, which
//! made the stores of the older formats (`conformance/stores/README.md`).

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use agentmem_core::{Change, Expiry, Memory, NewRecord, Options, Timestamp};

/// The first of June 2026; each call is a second after the one before.
const START: i64 = 1_780_272_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: kept FILE")?;
    if Path::new(&path).exists() {
        return Err("the file exists already".into());
    }
    let now = Arc::new(AtomicI64::new(START));
    let clock = Arc::clone(&now);
    let options = Options {
        clock: Some(Arc::new(move || clock.fetch_add(1000, Ordering::Relaxed))),
        ..Options::default()
    };
    let memory = Memory::open(&path, options)?;
    add(&memory)?;
    change(&memory)?;
    erase(&memory)?;
    memory.close();
    Ok(())
}

fn turn(id: &str, name: &str, content: &str) -> NewRecord {
    NewRecord {
        id: Some(id.to_owned()),
        user_id: Some("ada".to_owned()),
        run_id: Some("monday".to_owned()),
        role: Some("user".to_owned()),
        name: Some(name.to_owned()),
        ..NewRecord::from(content)
    }
}

fn add(memory: &Memory) -> Result<(), Box<dyn Error>> {
    memory.add(turn("turn-1", "Ada", "My sister Lin adopted a greyhound"))?;
    memory.add(turn("turn-2", "Zoë", "Как её зовут? 彼女の名前は? 🐕"))?;
    memory.add_many(vec![
        turn("turn-3", "Ada", "She is called Comet"),
        turn("turn-4", "Zoë", "What a lovely name"),
        NewRecord::from("A note of nobody, without an id of its own"),
    ])?;
    let metadata = serde_json::json!({"kind": "preference", "nested": {"a": [1, 2.5, null, true]}, "ключ": "значение"});
    memory.add(NewRecord {
        id: Some("full".to_owned()),
        user_id: Some("bob".to_owned()),
        agent_id: Some("helper".to_owned()),
        run_id: Some("tuesday".to_owned()),
        role: Some("assistant".to_owned()),
        name: Some("Hal".to_owned()),
        metadata: metadata.as_object().cloned(),
        importance: Some(0.875),
        created_at: Some(Timestamp::from_millis(START - 86_400_000)?),
        expiry: Expiry::At(Timestamp::from_millis(4_102_444_800_000)?),
        ..NewRecord::from("Prefers short answers")
    })?;
    memory.add(NewRecord {
        id: Some("kept".to_owned()),
        metadata: metadata.as_object().cloned(),
        importance: Some(0.1),
        expiry: Expiry::At(Timestamp::from_millis(253_402_300_799_999)?),
        ..NewRecord::from("Never changed")
    })?;
    // Longer than a page.
    let long: String = (0..900).map(|n| format!("word{n} ")).collect();
    memory.add(NewRecord {
        id: Some("long".to_owned()),
        user_id: Some("bob".to_owned()),
        ..NewRecord::from(long.trim_end())
    })?;
    for n in 0..30 {
        memory.add(NewRecord {
            id: Some(format!("note-{n}")),
            user_id: Some(format!("user-{}", n % 3)),
            ..NewRecord::from(format!("note {n} about tea number {n}"))
        })?;
    }
    Ok(())
}

fn change(memory: &Memory) -> Result<(), Box<dyn Error>> {
    let content = |text: &str| Change {
        content: Some(text.to_owned()),
        ..Change::default()
    };
    memory.update("turn-3", content("She is called Comet, like the star"))?;
    memory.update("turn-3", content("She is called Halley"))?;
    memory.update(
        "full",
        Change {
            metadata: Some(serde_json::Map::new()),
            importance: Some(0.25),
            expiry: Some(Expiry::Never),
            ..Change::default()
        },
    )?;
    memory.delete("turn-4")?;
    memory.add(turn("turn-4", "Zoë", "It is lovely all the same"))?;
    // It expires at once, and another takes its id.
    memory.add(NewRecord {
        expiry: Expiry::At(Timestamp::from_millis(START + 1)?),
        ..turn("brief", "Ada", "Back in a second")
    })?;
    memory.add(turn("brief", "Ada", "Here again"))?;
    for n in 0..5 {
        memory.delete(&format!("note-{n}"))?;
    }
    memory.update("note-7", content("note 7 about coffee"))?;
    Ok(())
}

fn erase(memory: &Memory) -> Result<(), Box<dyn Error>> {
    memory.purge("note-7")?;
    memory.purge("note-4")?;
    Ok(())
}
