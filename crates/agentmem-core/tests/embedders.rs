//! Vectors that are not, or not yet, those of the built-in table: an older table, an embedder of the caller's own, a move between two.

#[path = "support/database.rs"]
mod database;
#[path = "support/folder.rs"]
mod folder;

use std::fs;

use agentmem_core::{Change, Code, Embedder, Error, Memory, Mode, NewRecord, Options, Search};
use folder::Folder;

fn own(id: &str, dimensions: usize) -> Embedder {
    Embedder::Own {
        id: id.to_owned(),
        dimensions,
    }
}

fn open(folder: &Folder, embedder: Option<Embedder>) -> Result<Memory, Error> {
    let options = Options {
        embedder,
        ..Options::default()
    };
    Memory::open(folder.file(), options)
}

fn sql(folder: &Folder, text: &str) {
    let connection = database::connect(&folder.file());
    connection.execute_batch(text).expect("it runs");
}

fn asked(folder: &Folder, question: &str) -> i64 {
    let connection = database::connect(&folder.file());
    connection
        .query_row(question, [], |row| row.get(0))
        .expect("it answers")
}

/// Components that tell texts apart.
fn embed(text: &str) -> Vec<f32> {
    let count = |letters: &str| text.chars().filter(|c| letters.contains(*c)).count() as f32;
    vec![count("aeiou"), count("bcdfghjklm"), text.len() as f32]
}

/// Moves on until the store has moved, or for so many steps.
fn go_on(
    memory: &Memory,
    target: &Embedder,
    steps: usize,
) -> Result<(usize, Option<usize>), Error> {
    let mut moving = memory.reembed(target.clone())?;
    let (mut vectors, mut texts_seen) = (Vec::new(), 0);
    for _ in 0..steps {
        let Some(texts) = moving.step(vectors)? else {
            break;
        };
        texts_seen += texts.len();
        vectors = texts.iter().map(|text| embed(text)).collect();
    }
    Ok((texts_seen, moving.moved()))
}

fn semantic(memory: &Memory, text: &str) -> Vec<String> {
    let search = Search {
        mode: Mode::Semantic,
        embedding: Some(embed(text)),
        limit: 1,
        ..Search::default()
    };
    let hits = memory.search("omega", search).expect("it searches");
    hits.into_iter().map(|hit| hit.record.content).collect()
}

fn note(n: usize) -> NewRecord {
    NewRecord {
        id: Some(n.to_string()),
        ..NewRecord::from(format!(
            "note {} {}",
            "a".repeat(n % 17),
            "b".repeat(n / 17)
        ))
    }
}

#[test]
fn vectors_of_an_older_table_are_derived_anew_at_the_first_opening_for_writing() {
    let folder = Folder::new("older");
    let memory = open(&folder, None).expect("it opens");
    let turn = NewRecord {
        id: Some("turn".into()),
        role: Some("user".into()),
        name: Some("Ada".into()),
        ..NewRecord::from("I like green tea")
    };
    memory.add(turn).expect("it is added");
    memory.add("The office is closed").expect("it is added");
    let content = Some("I like black coffee".to_owned());
    let change = Change {
        content,
        ..Change::default()
    };
    memory.update("turn", change).expect("it is updated");
    let before = memory
        .search("espresso", Search::default())
        .expect("it searches");
    assert!(!before.is_empty());
    memory.close();
    let age = "UPDATE header SET value = 'agentmem-static-128-v0' WHERE name = 'embedder'; \
        UPDATE record SET vector = zeroblob(64); UPDATE past SET vector = NULL";
    sql(&folder, age);

    let bytes = fs::read(folder.file()).expect("it is there");
    let options = Options {
        read_only: true,
        ..Options::default()
    };
    let refused = Memory::open(folder.file(), options).expect_err("it would have to write");
    assert_eq!(refused.code(), Code::UnsupportedFormat);
    let refused = open(&folder, Some(own("mine", 64))).expect_err("it is of another");
    assert_eq!(refused.code(), Code::EmbedderMismatch);
    assert_eq!(fs::read(folder.file()).expect("it is there"), bytes);

    let memory = open(&folder, Some(Embedder::BuiltIn)).expect("it opens");
    assert_eq!(
        memory
            .search("espresso", Search::default())
            .expect("it searches"),
        before
    );
    assert_eq!(memory.verify().expect("it verifies"), []);
    assert_eq!(
        asked(
            &folder,
            "SELECT count(*) FROM past WHERE length(vector) = 128"
        ),
        1
    );
    memory.close();

    sql(
        &folder,
        "UPDATE header SET value = 'agentmem-static-128-v1000' WHERE name = 'embedder'",
    );
    let bytes = fs::read(folder.file()).expect("it is there");
    let refused = open(&folder, None).expect_err("it is newer");
    assert_eq!(
        (refused.code(), refused.field()),
        (Code::UnsupportedFormat, Some("path"))
    );
    assert_eq!(fs::read(folder.file()).expect("it is there"), bytes);
}

#[test]
fn a_move_that_ends_early_leaves_the_store_as_it_was_and_the_next_one_goes_on() {
    let folder = Folder::new("early");
    let memory = open(&folder, None).expect("it opens");
    memory
        .add_many((0..200).map(note).collect())
        .expect("they are added");
    let before = memory
        .search("aaa bb", Search::default())
        .expect("it searches");
    let mine = own("mine", 3);
    // The third step would take the vectors of the second batch.
    assert_eq!(go_on(&memory, &mine, 2).expect("it moves on"), (128, None));
    assert_eq!(
        memory
            .search("aaa bb", Search::default())
            .expect("it searches"),
        before
    );
    assert_eq!(memory.verify().expect("it verifies"), []);
    memory.close();

    let memory = open(&folder, Some(Embedder::BuiltIn)).expect("it opens: nothing has moved");
    assert_eq!(
        go_on(&memory, &mine, 100).expect("it moves"),
        (136, Some(200))
    );
    assert_eq!(memory.verify().expect("it verifies"), []);
    assert_eq!(semantic(&memory, "note aaa bb"), [note(3 + 2 * 17).content]);
    assert_eq!(
        go_on(&memory, &mine, 100).expect("it is there"),
        (0, Some(0))
    );

    // The handle has the new one for its own.
    let error = memory.add("no vector").expect_err("it needs one");
    assert_eq!(
        (error.code(), error.field()),
        (Code::EmbedderFailed, Some("embedding"))
    );
    memory.close();
    let refused = open(&folder, Some(Embedder::BuiltIn)).expect_err("it has moved");
    assert_eq!(refused.code(), Code::EmbedderMismatch);
}

#[test]
fn what_is_written_while_a_store_moves_has_its_vector_when_it_has_moved() {
    let folder = Folder::new("meanwhile");
    let memory = open(&folder, None).expect("it opens");
    memory
        .add_many((0..100).map(note).collect())
        .expect("they are added");
    let mut moving = memory.reembed(own("mine", 3)).expect("it begins");
    let (mut vectors, mut step) = (Vec::new(), 0);
    while let Some(texts) = moving.step(vectors).expect("it moves on") {
        vectors = texts.iter().map(|text| embed(text)).collect();
        step += 1;
        if step <= 5 {
            memory.add(note(1000 + step)).expect("it is added");
            let content = Some(format!("changed at {step} {}", "e".repeat(step * 7)));
            let change = Change {
                content,
                ..Change::default()
            };
            memory
                .update(&step.to_string(), change)
                .expect("it is updated");
            assert!(
                memory
                    .delete(&(50 + step).to_string())
                    .expect("it is deleted")
            );
            assert!(
                memory
                    .purge(&(60 + step).to_string())
                    .expect("it is purged")
            );
        }
    }
    assert_eq!(moving.moved(), Some(95));
    assert_eq!(memory.verify().expect("it verifies"), []);
    for step in 1..=5 {
        let content = format!("changed at {step} {}", "e".repeat(step * 7));
        assert_eq!(semantic(&memory, &content), [content]);
    }
    assert_eq!(
        asked(
            &folder,
            "SELECT count(*) FROM past WHERE vector IS NOT NULL"
        ),
        0
    );
}

#[test]
fn a_store_moves_to_nothing_and_back_to_the_table() {
    let memory = Memory::new().expect("it opens");
    memory
        .add_many((0..1500).map(note).collect())
        .expect("they are added");
    memory.add("green tea").expect("it is added");
    let before = memory
        .search("espresso", Search::default())
        .expect("it searches");
    assert_eq!(
        go_on(&memory, &Embedder::Nothing, 1).expect("it moves"),
        (0, Some(1501))
    );
    assert_eq!(
        memory.stats().expect("it counts").embedder,
        Embedder::Nothing
    );
    assert_eq!(memory.verify().expect("it verifies"), []);
    assert_eq!(
        memory
            .search("espresso", Search::default())
            .expect("it searches"),
        []
    );
    assert_eq!(
        go_on(&memory, &Embedder::BuiltIn, 10).expect("it moves"),
        (0, Some(1501))
    );
    assert_eq!(memory.verify().expect("it verifies"), []);
    assert_eq!(
        memory
            .search("espresso", Search::default())
            .expect("it searches"),
        before
    );
}

#[test]
fn of_two_moves_to_different_embedders_the_later_one_goes_on() {
    let memory = Memory::new().expect("it opens");
    memory
        .add_many((0..100).map(note).collect())
        .expect("they are added");
    let mut first = memory.reembed(own("first", 3)).expect("it begins");
    let texts = first
        .step(Vec::new())
        .expect("it moves on")
        .expect("there is more");
    assert_eq!(
        go_on(&memory, &own("second", 3), 1).expect("it moves on"),
        (64, None)
    );
    let vectors = texts.iter().map(|text| embed(text)).collect();
    let error = first.step(vectors).expect_err("another has begun");
    assert_eq!(
        (error.code(), error.field()),
        (Code::EmbedderMismatch, Some("embedder"))
    );
    assert_eq!(
        go_on(&memory, &own("second", 3), 9).expect("it moves").1,
        Some(100)
    );
}

#[test]
fn handles_that_named_another_embedder_are_told_and_others_go_on() {
    let folder = Folder::new("handles");
    let named = open(&folder, Some(Embedder::BuiltIn)).expect("it opens");
    let open_to_all = open(&folder, None).expect("it opens");
    let mover = open(&folder, None).expect("it opens");
    named.add(note(1)).expect("it is added");
    assert_eq!(
        go_on(&mover, &Embedder::Nothing, 1).expect("it moves").1,
        Some(1)
    );
    let search = || Search::default();
    for error in [
        named.add(note(2)).expect_err("it is told"),
        named.add_many(vec![note(2)]).expect_err("it is told"),
        named
            .update(
                "1",
                Change {
                    importance: Some(1.0),
                    ..Change::default()
                },
            )
            .expect_err("it is told"),
        named.search("a", search()).expect_err("it is told"),
    ] {
        assert_eq!(
            (error.code(), error.field()),
            (Code::EmbedderMismatch, Some("embedder"))
        );
        assert!(error.message().contains("none") && error.message().contains("built-in"));
    }
    assert!(named.get("1").expect("it reads").is_some());
    open_to_all.add(note(2)).expect("it goes on");
    assert_eq!(open_to_all.search("bb", search()).expect("it searches"), []);
    assert_eq!(open_to_all.verify().expect("it verifies"), []);
}

#[test]
fn verify_finds_vectors_of_the_wrong_size_and_none_of_a_wrong_value() {
    let folder = Folder::new("sizes");
    let memory = open(&folder, Some(own("mine", 3))).expect("it opens");
    for n in 1..=3 {
        let embedding = Some(vec![1.0, 0.0, 0.0]);
        memory
            .add(NewRecord {
                embedding,
                ..note(n)
            })
            .expect("it is added");
    }
    memory.close();
    let damage = "UPDATE record SET vector = x'0102' WHERE id = '1'; UPDATE record SET vector = NULL WHERE id = '2'; \
        UPDATE record SET vector = x'010203' WHERE id = '3'; INSERT INTO header VALUES('next_embedder', ''); \
        CREATE TABLE next_vector(seq INTEGER PRIMARY KEY, vector BLOB NOT NULL) STRICT; \
        INSERT INTO next_vector VALUES(77, x'01')";
    sql(&folder, damage);
    let memory = open(&folder, None).expect("it opens");
    let problems = memory.verify().expect("it verifies");
    let found: Vec<_> = problems
        .iter()
        .map(|problem| (problem.kind, problem.seq))
        .collect();
    assert_eq!(
        found,
        [
            ("vector", Some(1)),
            ("vector", Some(2)),
            ("vector", Some(77))
        ]
    );
    let error = memory.search(
        "a",
        Search {
            mode: Mode::Lexical,
            ..Search::default()
        },
    );
    assert_eq!(error.expect_err("it is damaged").code(), Code::Corrupt);
}

#[test]
fn a_store_that_an_older_release_ranked_is_moved_and_a_newer_one_keeps_this_one_away() {
    let folder = Folder::new("ranking");
    let embedder = || Some(own("mine", 2));
    let memory = open(&folder, embedder()).expect("it opens");
    let record = NewRecord {
        embedding: Some(vec![1.0, 0.5]),
        ..NewRecord::from("green tea")
    };
    memory.add(record).expect("it is added");
    memory.close();
    let vectors = "SELECT count(*) FROM record WHERE hex(vector) = '7F40'";
    assert_eq!(asked(&folder, vectors), 1);
    sql(
        &folder,
        "UPDATE header SET value = 0 WHERE name = 'ranking'",
    );
    let bytes = fs::read(folder.file()).expect("it is there");
    let options = Options {
        read_only: true,
        ..Options::default()
    };
    let lexical = || Search {
        mode: Mode::Lexical,
        ..Search::default()
    };
    let reader = Memory::open(folder.file(), options).expect("nothing need be derived");
    assert_eq!(
        reader.search("tea", lexical()).expect("it searches").len(),
        1
    );
    reader.close();
    assert_eq!(fs::read(folder.file()).expect("it is there"), bytes);

    let memory = open(&folder, embedder()).expect("it opens");
    let ranking = "SELECT value FROM header WHERE name = 'ranking'";
    assert_eq!(asked(&folder, ranking), 2);
    assert_eq!(asked(&folder, vectors), 1);
    assert_eq!(
        memory.search("tea", lexical()).expect("it searches").len(),
        1
    );
    // A newer release opens it meanwhile.
    sql(
        &folder,
        "UPDATE header SET value = 3 WHERE name = 'ranking'",
    );
    let refused = memory
        .search("tea", lexical())
        .expect_err("it ranks otherwise");
    assert_eq!(refused.code(), Code::UnsupportedFormat);
    let refused = memory.delete("a").expect_err("it is another's now");
    assert_eq!(refused.code(), Code::UnsupportedFormat);
    memory.close();
    let refused = open(&folder, embedder()).expect_err("it ranks otherwise");
    assert_eq!(refused.code(), Code::UnsupportedFormat);
}
