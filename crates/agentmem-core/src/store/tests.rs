use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

use super::embedding::OUR_RANKING;
use super::page_cache::{Looked, look};
use super::{Durability, EventKind, FileId, Opening, Snapshot, Store, create_file};
use crate::embed::Embedder;
use crate::error::Result;
use crate::record::Timestamp;

#[test]
fn a_transaction_that_panics_is_undone_and_the_next_one_works() {
    let store = Store::in_memory(&Embedder::BuiltIn).expect("it is made");
    let last_seq = |store: &Store| store.read(|snapshot| snapshot.last_seq());
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        store.write(|batch| -> Result<()> {
            let sql = "INSERT INTO event VALUES(1, 0, 3, NULL, 'a')";
            batch.connection().execute(sql, []).expect("it runs");
            resume_unwind(Box::new("a fault"))
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(last_seq(&store).expect("it reads"), 0);
    store.write(|_| Ok(())).expect("it begins and ends");
}

#[test]
fn the_ranking_has_another_version_when_it_gives_other_answers() {
    use sha2::{Digest, Sha256};
    let vectors = include_bytes!("../../../../conformance/vectors/ranking.json");
    let begin = Sha256::digest(vectors)[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>();
    // Who changes an order or a score that a release has given raises the version (docs/spec/file-format.md, F.14); who only adds
    // vectors, or changes what no release has given, writes the new hash.
    assert_eq!((OUR_RANKING, begin.as_str()), (2, "1963e051be20ce84"));
}

#[test]
fn a_read_that_would_have_to_wait_leaves_its_connection_as_it_was() {
    let (folder, path) = new_file("look");
    let store = open(&path);
    let add = |seq: i64| {
        let sql = format!("INSERT INTO event VALUES({seq}, 0, 3, NULL, 'a')");
        let insert = |batch: &mut super::Batch<'_>| {
            batch.connection().execute(&sql, []).expect("it runs");
            Ok(())
        };
        store.write(insert).expect("it is written");
    };
    let last_seq = |most_reads: u32| {
        let read = |reader: &rusqlite::Connection| {
            Ok(look(most_reads, || Snapshot::new(reader).last_seq()))
        };
        store.read_by(read).expect("a connection is there")
    };
    add(1);
    let is_supported = matches!(last_seq(100), Looked::Found(Ok(1)));
    for seq in 2..20 {
        // What the connection has in its cache is out of date then.
        add(seq);
        for _ in 0..2 {
            let looked = last_seq(0);
            assert_eq!(matches!(looked, Looked::Missed), is_supported, "{looked:?}");
        }
        if is_supported {
            assert!(matches!(last_seq(100), Looked::Found(Ok(found)) if found == seq));
            // Now it is in the cache.
            assert!(matches!(last_seq(0), Looked::Found(Ok(found)) if found == seq));
        }
        let read = store.read(|snapshot| snapshot.last_seq());
        assert_eq!(read.expect("it reads"), seq);
        assert_eq!(idle_readers(&store), 1);
    }
    drop(store);
    std::fs::remove_dir_all(&folder).expect("it can be removed");
}

#[test]
fn a_write_and_a_call_know_what_others_have_written_since_the_last_one() {
    let (folder, path) = new_file("others");
    let (one, other) = (open(&path), open(&path));
    let own = Embedder::Own {
        id: "own".to_owned(),
        dimensions: 2,
    };
    let begun_at = |store: &Store| {
        let append = |batch: &mut super::Batch<'_>| {
            let before = batch.last_event();
            batch.append(EventKind::Delete, None, Timestamp::from_millis(0)?)?;
            Ok(before)
        };
        store.write(append).expect("it is written")
    };
    let embedder = |store: &Store| {
        let embedding = store.embedding().expect("it is read");
        embedding.embedder.clone()
    };
    for (before, store) in [&one, &one, &other, &one, &other, &other, &one]
        .into_iter()
        .enumerate()
    {
        assert_eq!(begun_at(store), before as i64);
        assert!(
            left(store).is_some(),
            "the next write of its own reads nothing"
        );
        assert_eq!(embedder(&one), Embedder::BuiltIn);
        assert_eq!(embedder(&other), Embedder::BuiltIn);
    }
    let moved = other.write(|batch| {
        batch.aim_at(&own)?;
        batch.finish_move(&own)
    });
    assert_eq!(moved.expect("it moves"), 0);
    assert_eq!(embedder(&other), own);
    assert_eq!(embedder(&one), own);
    assert_eq!(begun_at(&one), 7);
    drop((one, other));
    std::fs::remove_dir_all(&folder).expect("it can be removed");
}

/// What the last write has left for the next one, if nobody else has written since.
fn left(store: &Store) -> Option<super::Version> {
    let writer = super::lock(&store.writer);
    let (version, _) = writer.left.as_ref()?;
    (store.version_within(&writer) == Some(*version)).then_some(*version)
}

/// A folder with an empty file.
fn new_file(name: &str) -> (PathBuf, PathBuf) {
    let folder = std::env::temp_dir().join(format!("agentmem-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let path = folder.join("store");
    create_file(&path).expect("it is made");
    (folder, path)
}

fn open(path: &Path) -> Store {
    let file = FileId::of(&std::fs::metadata(path).expect("it is there"));
    let opening = Opening {
        create: true,
        read_only: false,
        durability: Durability::Normal,
        busy_timeout: std::time::Duration::ZERO,
        embedder: None,
    };
    Store::open(path, file, &opening).expect("it opens")
}

/// How many connections wait for the next read.
fn idle_readers(store: &Store) -> usize {
    super::lock(&store.readers).len()
}
