//! Bytes that change on the disk: a store tells an error with a code, or answers as it did before; it does not panic, and it ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use agentmem_core::{
    Change, Code, Embedder, Error, GetAll, Memory, Mode, NewRecord, Options, Search, Select,
};

use crate::disk;
use crate::folder::Folder;
use crate::random::{Case, Random, setting};

const PAGE: usize = 4096;
/// What a disk can lose by itself.
const SECTOR: usize = 512;
/// A case that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(60);

/// What a store answers, each question by a name; equal stores give equal texts.
type Answers = Vec<(String, Result<String, Error>)>;

fn options(read_only: bool) -> Options {
    Options {
        read_only,
        busy_timeout: Duration::from_millis(100),
        clock: Some(Arc::new(|| 1_800_000_000_000)),
        ..Options::default()
    }
}

fn note(n: usize, of: &str) -> NewRecord {
    NewRecord {
        id: Some(format!("note-{n}")),
        user_id: Some(format!("user-{}", n % 2)),
        ..NewRecord::from(format!(
            "note {n} is about {of}, {}",
            "and so on ".repeat(n % 5)
        ))
    }
}

/// A store with something in every table and index, rows that are longer than a page, and free pages.
fn make(path: &Path, notes: usize) {
    let memory = Memory::open(path, options(false)).expect("it opens");
    let items = (0..notes).map(|n| note(n, "tea")).collect();
    memory.add_many(items).expect("they are added");
    let long = "word ".repeat(PAGE / 4);
    memory.add(note(notes, &long)).expect("it is added");
    for n in 0..notes / 4 {
        let content = Some(format!("note {n} is about coffee now"));
        let change = Change {
            content,
            ..Change::default()
        };
        memory
            .update(&format!("note-{n}"), change)
            .expect("it is updated");
    }
    memory.delete("note-2").expect("it is deleted");
    memory.purge("note-3").expect("it is purged");
    // The table of the move is dropped at its end, and leaves free pages.
    let mut moving = memory
        .reembed(Embedder::Own {
            id: "own".to_owned(),
            dimensions: 256,
        })
        .expect("it begins");
    let mut asked = moving.step(Vec::new()).expect("it is asked");
    while let Some(texts) = asked {
        let vectors = texts.iter().map(|_| vec![1.0; 256]).collect();
        asked = moving.step(vectors).expect("it moves");
    }
    let mut back = memory.reembed(Embedder::BuiltIn).expect("it begins");
    while back.step(Vec::new()).expect("it moves").is_some() {}
    memory.add(note(notes + 1, "tea")).expect("it is added");
    memory.close();
}

/// Asks everything that can be asked, and then for a write.
fn ask(path: &Path, ids: usize, read_only: bool) -> Answers {
    let mut answers = Answers::new();
    let memory = match Memory::open(path, options(read_only)) {
        Ok(memory) => memory,
        Err(error) => return vec![("open".to_owned(), Err(error))],
    };
    fn text<T: std::fmt::Debug>(answer: T) -> String {
        format!("{answer:?}")
    }
    let mut put = |name: String, answer: Result<String, Error>| answers.push((name, answer));
    // One that was changed, one that was deleted, one that was purged, the long one.
    for n in [0, 2, 3, ids] {
        let id = format!("note-{n}");
        put(format!("get {id}"), memory.get(&id).map(text));
        put(format!("history {id}"), memory.history(&id).map(text));
    }
    for mode in [Mode::Hybrid, Mode::Lexical] {
        let search = Search {
            mode,
            limit: 1000,
            ..Search::default()
        };
        put(
            format!("search {mode:?}"),
            memory.search("coffee or tea", search).map(text),
        );
    }
    put(
        "getAll".to_owned(),
        memory.get_all(GetAll::default()).map(text),
    );
    put("changes".to_owned(), memory.changes(0, None).map(text));
    put(
        "count".to_owned(),
        memory.count(Select::default()).map(text),
    );
    put(
        "stats".to_owned(),
        memory
            .stats()
            .map(|it| text((it.records, it.past, it.events))),
    );
    put("verify".to_owned(), memory.verify().map(text));
    if !read_only {
        put(
            "add".to_owned(),
            memory.add(note(ids + 2, "water")).map(text),
        );
        put(
            "getAll again".to_owned(),
            memory.get_all(GetAll::default()).map(text),
        );
        memory.close();
    }
    answers
}

/// Checks what a damaged store has answered against what it would have; tells whether the damage was told.
fn check(answers: &Answers, right: &Answers) -> bool {
    let mut was_told = false;
    let was_added = answers
        .iter()
        .any(|(name, answer)| name == "add" && answer.is_ok());
    for (name, answer) in answers {
        match answer {
            Err(error) => {
                let code = error.code();
                assert!(
                    matches!(code, Code::Corrupt | Code::UnsupportedFormat),
                    "{name}: {error:?}"
                );
                assert_eq!(error.field(), Some("path"), "{name}: {error:?}");
                was_told = true;
            }
            Ok(answer) => {
                // What was not added is not there.
                let after = match (name.as_str(), was_added) {
                    ("getAll again", false) => "getAll",
                    _ => name,
                };
                let right = right.iter().find(|(other, _)| other == after);
                let right = right.and_then(|(_, answer)| answer.as_ref().ok());
                let is_told = name == "verify" && answer != "[]";
                was_told |= is_told;
                assert!(
                    is_told || right == Some(answer),
                    "{name}: wrong data taken for right"
                );
            }
        }
    }
    was_told
}

/// A store, and copies of it that get damaged.
struct Patient {
    _folder: Folder,
    path: PathBuf,
    bytes: Vec<u8>,
    ids: usize,
    right: Answers,
    tried: Arc<AtomicU64>,
    told: u64,
}

/// Ends the program if one case takes too long.
fn watch(tried: &Arc<AtomicU64>) {
    let watched = Arc::downgrade(tried);
    std::thread::spawn(move || {
        let mut last = u64::MAX;
        while let Some(tried) = watched.upgrade() {
            let now = tried.load(Ordering::Relaxed);
            if now == last {
                eprintln!("case {now} hangs");
                std::process::abort();
            }
            last = now;
            drop(tried);
            std::thread::sleep(LONGEST);
        }
    });
}

impl Patient {
    fn new(name: &str, notes: usize) -> Self {
        disk::install();
        let folder = Folder::new(name);
        let path = folder.file();
        make(&path, notes);
        let bytes = fs::read(&path).expect("it reads");
        let right = ask(&path, notes, false);
        for (name, answer) in &right {
            answer
                .as_ref()
                .unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        let tried = Arc::default();
        watch(&tried);
        Patient {
            _folder: folder,
            path,
            bytes,
            ids: notes,
            right,
            tried,
            told: 0,
        }
    }

    fn put(&self, bytes: &[u8]) {
        for end in ["db-wal", "db-shm"] {
            let _ = fs::remove_file(self.path.with_extension(end));
        }
        fs::write(&self.path, bytes).expect("it is written");
    }

    /// Asks a store of these bytes; true if it has told that they are damaged.
    fn try_bytes(&mut self, bytes: &[u8], read_only: bool, case: String) -> bool {
        let _case = Case(case);
        self.put(bytes);
        self.tried.fetch_add(1, Ordering::Relaxed);
        let was_told = check(&ask(&self.path, self.ids, read_only), &self.right);
        self.told += u64::from(was_told);
        was_told
    }

    fn row(&self, what: &str, of: &str) {
        let tried = self.tried.load(Ordering::Relaxed);
        println!("| {what} | {tried} | {of}, {} told |", self.told);
    }

    /// How many pages of the file are free: nobody reads what is in them.
    fn free_pages(&self) -> usize {
        let bytes: [u8; 4] = self.bytes[36..40].try_into().expect("it has a header");
        u32::from_be_bytes(bytes) as usize
    }
}

#[test]
fn every_byte_of_a_small_store_flipped_in_turn() {
    let mut patient = Patient::new("flips", 8);
    let mut random = Random(setting("AGENTMEM_SEED", 1));
    let bits = setting("AGENTMEM_BITS", 1);
    let mut untold = std::collections::BTreeSet::new();
    let mut bytes = patient.bytes.clone();
    for at in 0..bytes.len() {
        for n in 0..bits {
            let bit = if bits == 8 {
                n as usize
            } else {
                random.below(8)
            };
            bytes[at] ^= 1 << bit;
            let case = format!("byte {at}, bit {bit}");
            if !patient.try_bytes(&bytes, at % 4 != 0, case) {
                untold.insert(at / PAGE);
            }
            bytes[at] ^= 1 << bit;
        }
    }
    assert!(
        untold.len() <= patient.free_pages(),
        "in pages that are in use too: {untold:?}"
    );
    let pages = bytes.len() / PAGE;
    patient.row(
        "every byte of a small store",
        &format!("{pages} pages, {bits} bits of each byte"),
    );
}

#[test]
fn bits_of_a_larger_store_flipped_at_random() {
    let seed = setting("AGENTMEM_SEED", 1);
    let mut patient = Patient::new("random-flips", 1500);
    let mut random = Random(seed);
    for round in 0..100 * setting("AGENTMEM_ROUNDS", 1) {
        let mut bytes = patient.bytes.clone();
        for _ in 0..1 + random.below(3) {
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
        }
        patient.try_bytes(
            &bytes,
            round % 2 == 0,
            format!("seed {seed}, round {round}"),
        );
    }
    let pages = patient.bytes.len() / PAGE;
    patient.row(
        "bits of a larger store",
        &format!("{pages} pages, seed {seed}"),
    );
}

#[test]
fn sectors_and_pages_that_are_lost() {
    let mut patient = Patient::new("sectors", 12);
    for size in [SECTOR, PAGE] {
        for start in (0..patient.bytes.len()).step_by(size) {
            for filling in [0, 0xff] {
                let mut bytes = patient.bytes.clone();
                bytes[start..start + size].fill(filling);
                let case = format!("{size} bytes from {start} are {filling}");
                patient.try_bytes(&bytes, false, case);
            }
        }
    }
    patient.row(
        "sectors and pages lost",
        "each in turn, to zeros and to ones",
    );
}

#[test]
fn a_store_that_is_cut_off() {
    let mut patient = Patient::new("cut", 12);
    let mut random = Random(setting("AGENTMEM_SEED", 1));
    let whole = patient.bytes.len();
    // One of no bytes is a store that nobody has begun (spec 10.2).
    let mut sizes = vec![1, 15, 16, 99, 100, 511, 512, 513, 1024, 4095];
    for page in (PAGE..whole).step_by(PAGE) {
        sizes.extend([
            page,
            page - 1,
            page + 1,
            page + 512,
            page + 1 + random.below(PAGE - 1),
        ]);
    }
    sizes.retain(|size| *size < whole);
    for size in sizes {
        for read_only in [false, true] {
            let bytes = patient.bytes[..size].to_vec();
            patient.try_bytes(&bytes, read_only, format!("cut to {size}"));
        }
    }
    let mut longer = patient.bytes.clone();
    longer.extend([7; 3 * PAGE / 2]);
    patient.try_bytes(&longer, false, "more bytes at the end".to_owned());
    patient.row("cut off", "at every page and sizes between");
}

#[test]
fn pages_without_a_sum_are_read() {
    let mut patient = Patient::new("sums", 12);
    let mut bytes = patient.bytes.clone();
    for page in bytes.chunks_mut(PAGE) {
        page[PAGE - 8..].fill(0);
    }
    assert!(!patient.try_bytes(&bytes, false, "no sums".to_owned()));
}

/// A store whose process was killed: a file without records, and a log with a record in each transaction.
struct Killed {
    folder: Folder,
    log: Vec<u8>,
    index: Vec<u8>,
}

const LOG_HEADER: usize = 32;
const FRAME: usize = 24 + PAGE;

impl Killed {
    fn new(name: &str) -> Self {
        disk::install();
        let folder = Folder::new(name);
        let original = folder.0.join("original.db");
        let memory = Memory::open(&original, options(false)).expect("it opens");
        fs::copy(&original, folder.file()).expect("it copies");
        for n in 0..5 {
            memory.add(note(n, "tea")).expect("it is added");
        }
        let log = fs::read(original.with_extension("db-wal")).expect("it reads");
        let index = fs::read(original.with_extension("db-shm")).expect("it reads");
        memory.close();
        Killed { folder, log, index }
    }

    /// How many whole transactions a log has before one of its bytes; a frame that ends one has the size of the file in it.
    fn whole_before(&self, at: usize) -> usize {
        let frames = self.log[LOG_HEADER..].chunks_exact(FRAME);
        let ends = frames
            .enumerate()
            .filter(|(_, frame)| frame[4..8] != [0; 4]);
        ends.filter(|(n, _)| LOG_HEADER + (n + 1) * FRAME <= at)
            .count()
    }

    /// Opens the store with a log and an index of these bytes, and gives how many records it has, or an error.
    fn count_with(&self, log: &[u8], index: &[u8]) -> Result<usize, Error> {
        let file = self.folder.file();
        let copy = self.folder.0.join("copy.db");
        fs::copy(&file, &copy).expect("it copies");
        fs::write(copy.with_extension("db-wal"), log).expect("it is written");
        fs::write(copy.with_extension("db-shm"), index).expect("it is written");
        let memory = Memory::open(&copy, options(false))?;
        let count = memory.count(Select::default())?;
        assert_eq!(memory.verify()?, []);
        let all = memory.get_all(GetAll::default())?;
        assert_eq!(all.len(), count);
        memory.add(note(9, "water"))?;
        Ok(count)
    }

    /// Expects the records of the transactions before the first byte that is not as it was written.
    fn expect(&self, log: &[u8], index: &[u8], damaged_at: usize, case: String) {
        let _case = Case(case);
        let count = self
            .count_with(log, index)
            .expect("what is left is a store");
        assert_eq!(count, self.whole_before(damaged_at));
    }
}

#[test]
fn bytes_of_the_log_that_change_cost_the_transactions_from_there_on() {
    let killed = Killed::new("log");
    let mut random = Random(setting("AGENTMEM_SEED", 1));
    let bits = setting("AGENTMEM_BITS", 1);
    let mut log = killed.log.clone();
    let mut tried = 0;
    for at in 0..log.len() {
        let place = at.saturating_sub(LOG_HEADER) % FRAME;
        // Of what is in the pages only some.
        if bits < 8 && place >= 24 && place % 64 != at % 61 {
            continue;
        }
        let bit = random.below(8);
        log[at] ^= 1 << bit;
        killed.expect(&log, &killed.index, at, format!("byte {at}, bit {bit}"));
        log[at] ^= 1 << bit;
        tried += 1;
    }
    println!(
        "| bytes of the log | {tried} | {} frames, the heads whole |",
        log.len() / FRAME
    );
    let sizes = (0..log.len()).step_by(FRAME / 5);
    println!(
        "| the log cut off | {} | at every fifth of a frame |",
        sizes.len()
    );
    for size in sizes {
        killed.expect(&log[..size], &killed.index, size, format!("cut to {size}"));
    }
}

#[test]
fn the_index_of_the_log_is_made_anew_whatever_a_killed_process_left() {
    let killed = Killed::new("index");
    let mut random = Random(setting("AGENTMEM_SEED", 1));
    let rounds = 100 * setting("AGENTMEM_ROUNDS", 1);
    for round in 0..rounds {
        let mut index = killed.index.clone();
        // Most of it is unused.
        let at = random.below(if round % 2 == 0 { 136 } else { index.len() });
        index[at] ^= 1 << random.below(8);
        killed.expect(
            &killed.log,
            &index,
            usize::MAX,
            format!("byte {at} of the index"),
        );
    }
    for size in [0, 1, 136, killed.index.len() - 1] {
        let index = &killed.index[..size];
        killed.expect(
            &killed.log,
            index,
            usize::MAX,
            format!("an index of {size}"),
        );
    }
    println!("| bytes of the index of the log | {rounds} | at random |");
}

#[test]
fn files_of_other_programs_are_refused_and_left_as_they_are() {
    disk::install();
    let folder = Folder::new("others");
    let mut random = Random(setting("AGENTMEM_SEED", 1));
    let mut noise = |count: usize| (0..count).map(|_| random.next() as u8).collect::<Vec<u8>>();
    let database = |sql: &str| {
        let path = folder.0.join("other.db");
        let _ = fs::remove_file(&path);
        let connection = rusqlite::Connection::open(&path).expect("it opens");
        connection.execute_batch(sql).expect("it runs");
        drop(connection);
        fs::read(&path).expect("it reads")
    };
    let mut zip = b"PK\x03\x04\x14\0\0\0\x08\0".to_vec();
    zip.extend(noise(9000));
    let mut like_ours = database("CREATE TABLE t(x); PRAGMA user_version = 3");
    like_ours[20] = 8;
    let others = [
        ("text", b"Dear diary, today I met Ada. ".repeat(400)),
        ("short text", b"Dear diary".to_vec()),
        ("zip", zip),
        ("zeros", vec![0; 3 * PAGE]),
        ("noise", noise(5 * PAGE)),
        ("an empty database", database("VACUUM")),
        (
            "a database",
            database("CREATE TABLE t(x); INSERT INTO t VALUES('tea')"),
        ),
        (
            "one of an application",
            database(
                "PRAGMA application_id = 252006673; PRAGMA user_version = 3; CREATE TABLE t(x)",
            ),
        ),
        ("one with room in its pages", like_ours),
        (
            "one with our id",
            database(
                "PRAGMA application_id = 1097289069; PRAGMA user_version = 2; CREATE TABLE t(x)",
            ),
        ),
        (
            "one with our id and format",
            database(
                "PRAGMA application_id = 1097289069; PRAGMA user_version = 3; CREATE TABLE t(x)",
            ),
        ),
        (
            "one of a newer format",
            database(
                "PRAGMA application_id = 1097289069; PRAGMA user_version = 4; CREATE TABLE t(x)",
            ),
        ),
    ];
    for (name, bytes) in &others {
        for read_only in [false, true] {
            fs::write(folder.file(), bytes).expect("it is written");
            let error = Memory::open(folder.file(), options(read_only)).expect_err(name);
            assert!(
                matches!(error.code(), Code::UnsupportedFormat | Code::Corrupt),
                "{name}: {error:?}"
            );
            assert_eq!(error.field(), Some("path"), "{name}");
            assert!(
                fs::read(folder.file()).expect("it reads") == *bytes,
                "{name}"
            );
        }
    }
    println!(
        "| files of other programs | {} | left byte for byte |",
        others.len()
    );
}
