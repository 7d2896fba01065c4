use std::io::Cursor;
use std::sync::{LazyLock, OnceLock};

use agentmem_core::{
    Change, Code, Error, Expiry, Export, Import, Imported, Memory, NewRecord, OnExisting,
};
use arbitrary::{Arbitrary, Unstructured};
use serde_json::json;
use sha2::{Digest, Sha256};

/// What is done to a file that was right.
#[derive(Arbitrary, Debug)]
enum Edit {
    Put { at: u16, byte: u8 },
    Insert { at: u16, bytes: Vec<u8> },
    Cut { at: u16, count: u8 },
    Swap { one: u8, other: u8 },
    Repeat { line: u8 },
    Drop { line: u8 },
}

/// Any file is imported or refused, wholly. What was imported is sound, and can be moved on.
pub fn imports(data: &[u8]) {
    // Hardly anything is right by chance: one memory serves, as long as it is empty.
    if data.starts_with(b"{\"agentmem") {
        check(&Memory::new().expect("a memory of its own opens"), data);
    } else {
        static EMPTY: LazyLock<Memory> =
            LazyLock::new(|| Memory::new().expect("a memory of its own opens"));
        let importing = EMPTY.import_reader(Cursor::new(data), Import::default());
        let error = importing.and_then(|importing| importing.finish()).err();
        assert!(error.is_some_and(|error| error.code() == Code::UnsupportedFormat));
    }
    let mut data = Unstructured::new(data);
    let Ok((history, mends, edits)) = <(bool, bool, Vec<Edit>)>::arbitrary(&mut data) else {
        return;
    };
    let mut file = sample(history).to_vec();
    edits.iter().for_each(|edit| apply(edit, &mut file));
    if mends {
        mend(&mut file);
    }
    check(&Memory::new().expect("a memory of its own opens"), &file);
}

fn check(memory: &Memory, file: &[u8]) {
    let importing = memory.import_reader(Cursor::new(file), Import::default());
    match importing.and_then(|importing| importing.finish()) {
        Err(error) => {
            let code = error.code();
            assert!(
                matches!(code, Code::Corrupt | Code::UnsupportedFormat),
                "{error}"
            );
            assert!(
                error
                    .field()
                    .is_some_and(|field| field.starts_with("lines["))
            );
            assert_eq!(memory.changes(0, None).expect("it can be read"), []);
        }
        Ok(_) => {
            assert_eq!(memory.verify().expect("it can be checked"), []);
            for history in [false, true] {
                let text = exported(memory, history);
                let other = Memory::new().expect("a memory of its own opens");
                assert!(taken_in(&other, &text).is_ok());
                assert_eq!(exported(&other, history), text);
            }
            let replace = Import {
                on_existing: OnExisting::Replace,
                ..Import::default()
            };
            let again = memory.import_reader(Cursor::new(file), replace);
            let again = again.and_then(|importing| importing.finish());
            assert!(
                again.is_ok_and(|again| again.imported + again.replaced == 0) || is_history(file)
            );
        }
    }
}

fn is_history(file: &[u8]) -> bool {
    let header = file.split(|byte| *byte == b'\n').next().unwrap_or_default();
    serde_json::from_slice::<serde_json::Value>(header)
        .is_ok_and(|header| header["history"] == true)
}

/// An export as text.
pub fn exported(memory: &Memory, history: bool) -> String {
    let mut out = Vec::new();
    memory
        .export_into(&mut out, Export { history })
        .expect("a vector takes all that is written");
    String::from_utf8(out).expect("JSON is UTF-8")
}

pub fn taken_in(memory: &Memory, text: &str) -> Result<Imported, Error> {
    memory
        .import_reader(Cursor::new(text), Import::default())?
        .finish()
}

fn sample(history: bool) -> &'static [u8] {
    static SAMPLES: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    &SAMPLES.get_or_init(|| {
        let memory = Memory::new().expect("a memory of its own opens");
        let add = |id: &str, expiry: Expiry| {
            let record = NewRecord {
                id: Some(id.to_owned()),
                role: Some("user".to_owned()),
                metadata: json!({ "a": [1, null, { "b": 0.5 }] }).as_object().cloned(),
                expiry,
                ..NewRecord::from("tea \u{e9}")
            };
            memory.add(record).expect("it is added");
        };
        add("1", Expiry::Never);
        add("2", Expiry::Ttl(0.0));
        add("2", Expiry::Never);
        let change = Change {
            content: Some("coffee".to_owned()),
            ..Change::default()
        };
        memory.update("1", change).expect("it is changed");
        memory.delete("2").expect("it is deleted");
        add("3", Expiry::Never);
        memory.purge("3").expect("it is erased");
        add("3", Expiry::Never);
        [false, true].map(|history| exported(&memory, history).into_bytes())
    })[usize::from(history)]
}

fn apply(edit: &Edit, file: &mut Vec<u8>) {
    if file.is_empty() {
        return;
    }
    let place = |at: u16, file: &[u8]| usize::from(at) % file.len();
    match edit {
        Edit::Put { at, byte } => {
            let at = place(*at, file);
            file[at] = *byte;
        }
        Edit::Insert { at, bytes } => {
            let at = place(*at, file);
            file.splice(at..at, bytes.iter().copied());
        }
        Edit::Cut { at, count } => {
            let at = place(*at, file);
            let end = file.len().min(at + usize::from(*count));
            file.drain(at..end);
        }
        Edit::Swap { .. } | Edit::Repeat { .. } | Edit::Drop { .. } => {
            let mut lines: Vec<Vec<u8>> = file
                .split_inclusive(|byte| *byte == b'\n')
                .map(<[u8]>::to_vec)
                .collect();
            let line = |n: u8| usize::from(n) % lines.len();
            match *edit {
                Edit::Swap { one, other } => {
                    let (one, other) = (line(one), line(other));
                    lines.swap(one, other);
                }
                Edit::Repeat { line: n } => {
                    let n = line(n);
                    lines.insert(n, lines[n].clone());
                }
                Edit::Drop { line: n } => {
                    let n = line(n);
                    lines.remove(n);
                }
                _ => {}
            }
            *file = lines.concat();
        }
    }
}

/// Makes the last line right for what stands before it.
fn mend(file: &mut Vec<u8>) {
    let end = file.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
    let begin = file[..end]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    file.truncate(begin);
    let lines = file.iter().filter(|byte| **byte == b'\n').count();
    let digest: String = Sha256::digest(&*file)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let footer = json!({ "agentmem": "end", "lines": lines.saturating_sub(1), "sha256": digest });
    file.extend(format!("{footer}\n").into_bytes());
}
