//! Exports and imports: what happens to others meanwhile, and what a file may be (docs/spec chapter 13).

#[path = "support/folder.rs"]
mod folder;

use std::fs;
use std::io::{self, BufRead, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use agentmem_core::{
    Change, Code, Embedder, Error, Export, History, Import, Imported, MAX_LINE_BYTES, Memory,
    NewRecord, OnExisting, Options, ScopeMatch, Timestamp,
};
use folder::Folder;

const HISTORY: Export = Export { history: true };
const RECORDS: Export = Export { history: false };

fn notes(memory: &Memory, user: &str, count: usize) {
    let note = |n: usize| NewRecord {
        id: Some(format!("{user}-{n}")),
        user_id: Some(user.to_owned()),
        ..NewRecord::from(format!("note {n} of {user}"))
    };
    memory
        .add_many((0..count).map(note).collect())
        .expect("it works");
}

fn text(memory: &Memory, export: Export) -> String {
    let mut out = Vec::new();
    memory.export_into(&mut out, export).expect("it works");
    String::from_utf8(out).expect("it works")
}

fn import(memory: &Memory, text: &str) -> Result<Imported, Error> {
    memory
        .import_reader(Cursor::new(text), Import::default())?
        .finish()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("it works")
        .map(|entry| {
            entry
                .expect("it works")
                .file_name()
                .into_string()
                .expect("it works")
        })
        .collect();
    names.sort();
    names
}

#[test]
fn an_export_is_of_the_state_at_its_beginning() {
    for export in [RECORDS, HISTORY] {
        let folder = Folder::new("transport-1");
        let memory = Memory::open(folder.0.join("memory"), Options::default()).expect("it works");
        notes(&memory, "ada", 2000);
        let before = text(&memory, export);

        let path = folder.0.join("export");
        let mut exporting = memory.export_to(&path, export).expect("it works");
        assert_eq!(exporting.step().expect("it works"), None);
        let (done, total) = exporting.progress();
        assert!(0 < done && done < total && total == 2000);
        let change = Change {
            content: Some("changed".into()),
            ..Change::default()
        };
        for id in ["ada-0", "ada-1999"] {
            memory.update(id, change.clone()).expect("it works");
        }
        memory.delete("ada-1998").expect("it works");
        memory.add("another").expect("it works");
        assert!(!path.exists());
        assert_eq!(exporting.finish().expect("it works"), 2000);
        assert_eq!(fs::read_to_string(&path).expect("it works"), before);
    }
}

#[test]
fn an_export_that_an_erasure_has_met_fails_and_leaves_no_file() {
    let erase: [fn(&Memory); 3] = [
        |memory| assert!(memory.purge("ada-0").expect("it works")),
        |memory| assert!(memory.purge("ada-1999").expect("it works")),
        |memory| {
            let change = Change {
                content: Some("changed".into()),
                ..Change::default()
            };
            memory.update("ada-1999", change).expect("it works");
            assert_eq!(memory.compact().expect("it works"), 1);
        },
    ];
    for export in [RECORDS, HISTORY] {
        for erase in erase {
            let folder = Folder::new("transport-2");
            let options = Options {
                history: History::Nothing,
                ..Options::default()
            };
            let memory = Memory::open(folder.0.join("memory"), options).expect("it works");
            notes(&memory, "ada", 2000);
            let mut exporting = memory
                .export_to(folder.0.join("export"), export)
                .expect("it works");
            exporting.step().expect("it works");
            erase(&memory);
            assert_eq!(
                exporting.finish().expect_err("it is refused").code(),
                Code::Conflict
            );
            memory.close();
            assert_eq!(names(&folder.0), ["memory"]);
        }
    }
}

#[test]
fn an_erasure_of_what_others_have_does_not_touch_the_export_of_a_view() {
    let memory = Memory::new().expect("it works");
    notes(&memory, "ada", 1500);
    notes(&memory, "bob", 10);
    let view = ScopeMatch {
        user_id: "ada".into(),
        ..ScopeMatch::default()
    };
    let ada = memory.scoped(view).expect("it works");
    let before = text(&ada, RECORDS);
    let folder = Folder::new("transport-3");
    let mut exporting = ada
        .export_to(folder.0.join("export"), RECORDS)
        .expect("it works");
    exporting.step().expect("it works");
    memory.purge("bob-3").expect("it works");
    assert_eq!(exporting.finish().expect("it works"), 1500);
    assert_eq!(
        fs::read_to_string(folder.0.join("export")).expect("it works"),
        before
    );
    assert!(!before.contains("bob"));
}

#[test]
fn an_export_that_is_given_up_leaves_no_file() {
    let folder = Folder::new("transport-4");
    let memory = Memory::new().expect("it works");
    notes(&memory, "ada", 2000);
    let mut exporting = memory
        .export_to(folder.0.join("export"), RECORDS)
        .expect("it works");
    exporting.step().expect("it works");
    assert_eq!(names(&folder.0).len(), 1);
    drop(exporting);
    assert!(names(&folder.0).is_empty());
}

#[test]
fn an_export_takes_no_name_that_somebody_else_took_meanwhile() {
    let folder = Folder::new("transport-5");
    let memory = Memory::new().expect("it works");
    notes(&memory, "ada", 3);
    let mut exporting = memory
        .export_to(folder.0.join("export"), RECORDS)
        .expect("it works");
    assert_eq!(exporting.step().expect("it works"), None);
    fs::write(folder.0.join("export"), "mine").expect("it works");
    let error = exporting.step().expect_err("it is refused");
    assert_eq!((error.code(), error.field()), (Code::Io, Some("path")));
    drop(exporting);
    assert_eq!(
        fs::read_to_string(folder.0.join("export")).expect("it works"),
        "mine"
    );
    assert_eq!(names(&folder.0), ["export"]);
}

#[test]
fn an_import_does_not_read_beyond_what_a_line_may_have() {
    /// The beginning of a file, and then 1 GiB of spaces.
    struct Long {
        begin: Vec<u8>,
        read: u64,
    }
    const SIZE: u64 = 1 << 30;
    impl Read for Long {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            unreachable!("it is read through its buffer")
        }
    }
    impl BufRead for Long {
        fn fill_buf(&mut self) -> io::Result<&[u8]> {
            static SPACES: [u8; 8192] = [b' '; 8192];
            let read = usize::try_from(self.read).expect("it works");
            Ok(match self.begin.get(read..) {
                Some(rest) if !rest.is_empty() => rest,
                _ if self.read >= SIZE => &[],
                _ => &SPACES,
            })
        }
        fn consume(&mut self, count: usize) {
            self.read += count as u64;
        }
    }
    impl Seek for Long {
        fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
            Ok(self.read)
        }
    }
    let memory = Memory::new().expect("it works");
    let whole = text(&memory, RECORDS);
    let begin = format!("{}\n", whole.lines().next().expect("it works"));
    let mut long = Long {
        begin: begin.into_bytes(),
        read: 0,
    };
    let importing = memory.import_reader(&mut long, Import::default());
    let error = importing
        .expect("it works")
        .finish()
        .expect_err("it is refused");
    assert_eq!(
        (error.code(), error.field()),
        (Code::Corrupt, Some("lines[2]"))
    );
    assert!(long.read <= (MAX_LINE_BYTES + 16_384) as u64);
}

#[test]
fn every_way_to_cut_or_change_a_file_is_told_and_imports_nothing() {
    let memory = Memory::new().expect("it works");
    notes(&memory, "ada", 3);
    memory.purge("ada-1").expect("it works");
    for export in [RECORDS, HISTORY] {
        let whole = text(&memory, export);
        let other = Memory::new().expect("it works");
        for end in 0..whole.len() - 1 {
            let error = import(&other, &whole[..end]).expect_err("it is refused");
            assert!(matches!(
                error.code(),
                Code::Corrupt | Code::UnsupportedFormat
            ));
        }
        for at in 0..whole.len() - 1 {
            for bit in [0, 5] {
                let mut bytes = whole.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let importing = other.import_reader(Cursor::new(&bytes), Import::default());
                let error = importing
                    .expect("it works")
                    .finish()
                    .expect_err("it is refused");
                assert!(
                    matches!(error.code(), Code::Corrupt | Code::UnsupportedFormat),
                    "byte {at}: {error}"
                );
                assert!(error.field().expect("it works").starts_with("lines["));
            }
        }
        assert_eq!(other.changes(0, None).expect("it works"), []);
        // The last line feed is not missed.
        assert!(import(&other, whole.trim_end()).is_ok());
    }
}

#[test]
fn an_import_that_meets_others_goes_on_or_tells() {
    let from = Memory::new().expect("it works");
    notes(&from, "ada", 2000);
    let whole = text(&from, RECORDS);

    let memory = Memory::new().expect("it works");
    let mut importing = memory
        .import_reader(Cursor::new(&whole), Import::default())
        .expect("it works");
    while importing.progress().0 == 0 {
        importing.step(Vec::new()).expect("it works");
    }
    memory
        .add(NewRecord {
            id: Some("ada-1999".into()),
            ..NewRecord::from("mine")
        })
        .expect("it works");
    let error = importing.finish().expect_err("it is refused");
    assert_eq!(
        (error.code(), error.field()),
        (Code::AlreadyExists, Some("lines[2001]"))
    );
    let skip = Import {
        on_existing: OnExisting::Skip,
        ..Import::default()
    };
    let importing = memory
        .import_reader(Cursor::new(&whole), skip)
        .expect("it works");
    let imported = importing.finish().expect("it works");
    assert!(imported.skipped > 500 && imported.imported > 400);
    assert_eq!(imported.skipped + imported.imported, 2000);
    assert_eq!(
        memory
            .get("ada-1999")
            .expect("it works")
            .expect("it works")
            .content,
        "mine"
    );

    let history = text(&from, HISTORY);
    let memory = Memory::new().expect("it works");
    let mut importing = memory
        .import_reader(Cursor::new(&history), Import::default())
        .expect("it works");
    while importing.progress().0 == 0 {
        importing.step(Vec::new()).expect("it works");
    }
    memory.add("mine").expect("it works");
    let error = importing.finish().expect_err("it is refused");
    assert_eq!(
        (error.code(), error.field()),
        (Code::AlreadyExists, Some("history"))
    );
}

#[test]
fn an_import_ends_where_the_store_moves_to_another_embedder_and_can_be_done_again() {
    let from = Memory::new().expect("it works");
    notes(&from, "ada", 2000);
    let whole = text(&from, RECORDS);
    let memory = Memory::new().expect("it works");
    let mut importing = memory
        .import_reader(Cursor::new(&whole), Import::default())
        .expect("it works");
    while importing.progress().0 == 0 {
        importing.step(Vec::new()).expect("it works");
    }
    let mut moving = memory.reembed(Embedder::Nothing).expect("it works");
    while moving.step(Vec::new()).expect("it works").is_some() {}
    assert_eq!(
        importing.finish().expect_err("it is refused").code(),
        Code::EmbedderMismatch
    );
    assert!(import(&memory, &whole).expect("it works").imported > 0);
    assert_eq!(memory.verify().expect("it works"), []);
}

#[test]
fn vectors_that_are_asked_for_are_taken_and_checked() {
    let from = Memory::new().expect("it works");
    notes(&from, "ada", 100);
    let own = Options {
        embedder: Some(Embedder::Own {
            id: "mine".into(),
            dimensions: 2,
        }),
        ..Options::default()
    };
    let memory = Memory::in_memory(own).expect("it works");
    let whole = text(&from, RECORDS);
    assert_eq!(
        import(&memory, &whole).expect_err("it is refused").code(),
        Code::EmbedderMismatch
    );
    let embeds = Import {
        embeds: true,
        ..Import::default()
    };
    let mut importing = memory
        .import_reader(Cursor::new(&whole), embeds)
        .expect("it works");
    let mut asked = Vec::new();
    let mut vectors = Vec::new();
    while let Some(texts) = importing
        .step(std::mem::take(&mut vectors))
        .expect("it works")
    {
        assert!(texts.len() <= 64);
        vectors = texts
            .iter()
            .map(|text| vec![text.len() as f32, 1.0])
            .collect();
        asked.extend(texts);
    }
    assert_eq!(asked.len(), 100);
    assert_eq!(importing.imported().expect("it works").imported, 100);
    assert_eq!(memory.verify().expect("it works"), []);

    let other = Memory::in_memory(Options {
        embedder: memory.named_embedder(),
        ..Options::default()
    });
    let other = other.expect("it works");
    let mut importing = other
        .import_reader(Cursor::new(&whole), embeds)
        .expect("it works");
    while importing
        .step(Vec::new())
        .expect("it works")
        .is_some_and(|texts| texts.is_empty())
    {}
    for wrong in [
        vec![vec![1.0]; 64],
        vec![vec![0.0, 0.0]; 64],
        vec![vec![1.0, 1.0]; 63],
    ] {
        let error = importing.step(wrong).expect_err("it is refused");
        assert_eq!(
            (error.code(), error.field()),
            (Code::InvalidArgument, Some("embedding"))
        );
    }
    assert_eq!(other.count(Default::default()).expect("it works"), 0);
    let taken = other.import_reader(Cursor::new(text(&memory, RECORDS)), Import::default());
    assert_eq!(
        taken
            .expect("it works")
            .finish()
            .expect("it works")
            .imported,
        100
    );
    assert_eq!(text(&other, RECORDS), text(&memory, RECORDS));
}

#[test]
fn what_a_store_has_open_is_never_opened_by_other_means() {
    let folder = Folder::new("transport-6");
    let store = Memory::open(folder.0.join("memory"), Options::default()).expect("it works");
    store.add("one").expect("it works");
    let other = Memory::new().expect("it works");
    fs::create_dir(folder.0.join("folder")).expect("it works");
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.0.join("memory-shm"), folder.0.join("link"))
        .expect("it works");
    for name in [
        "memory",
        "memory-wal",
        "memory-shm",
        "folder",
        "missing",
        "link",
    ] {
        let error = other
            .import_from(folder.0.join(name), Import::default())
            .expect_err("it is refused");
        assert_eq!(
            (error.code(), error.field()),
            (Code::Io, Some("path")),
            "{name}"
        );
    }
    for name in [
        "memory",
        "memory-wal",
        "memory-shm",
        "memory-journal",
        "folder",
        "folder/.",
        "none/export",
    ] {
        let error = store
            .export_to(folder.0.join(name), RECORDS)
            .expect_err("it is refused");
        assert_eq!(
            (error.code(), error.field()),
            (Code::Io, Some("path")),
            "{name}"
        );
    }
    store.close();
    // Closed, it is a file like another.
    let error = other
        .import_from(folder.0.join("memory"), Import::default())
        .expect("it works")
        .finish();
    assert_eq!(
        error.expect_err("it is refused").code(),
        Code::UnsupportedFormat
    );
}

#[test]
fn a_view_and_a_handle_that_only_reads_import_nothing() {
    let folder = Folder::new("transport-7");
    let memory = Memory::open(folder.0.join("memory"), Options::default()).expect("it works");
    notes(&memory, "ada", 1);
    let view = ScopeMatch {
        user_id: "ada".into(),
        ..ScopeMatch::default()
    };
    let whole = text(&memory, RECORDS);
    let error = import(&memory.scoped(view).expect("it works"), &whole).expect_err("it is refused");
    assert_eq!(error.code(), Code::InvalidArgument);
    let reading = Options {
        read_only: true,
        ..Options::default()
    };
    let reading = Memory::open(folder.0.join("memory"), reading).expect("it works");
    assert_eq!(
        import(&reading, &whole).expect_err("it is refused").code(),
        Code::ReadOnly
    );
    assert_eq!(text(&reading, RECORDS), whole);
    let now = Timestamp::from_millis(5).expect("it works");
    assert_eq!(text(&reading.at(now), RECORDS), whole);
}
