//! What an index keeps of a record beside vector and postings, in few bytes: they are most of what a loaded store takes.
//!
//! A form of this process alone: it is never written to a file.

use std::sync::Arc;

use crate::record::{DEFAULT_IMPORTANCE, Record, RecordMetadata, Timestamp};
use crate::scope::Scope;
use crate::search_index::Document;

const HAS_UUID: u8 = 1;
const HAS_EXPIRY: u8 = 2;
const HAS_IMPORTANCE: u8 = 4;
const HAS_ROLE: u8 = 8;
const HAS_NAME: u8 = 16;
/// Most records are as they were when they happened.
const HAS_UPDATE: u8 = 32;

/// Appends a record and its words and tokens.
pub(super) fn pack(document: &Document, out: &mut Vec<u8>) {
    let record = &document.record;
    // First, since filters read it of many records.
    if record.metadata.is_empty() {
        write_bytes(out, b"");
    } else {
        write_bytes(out, record.metadata.as_json().as_bytes());
    }
    let uuid = parse_uuid(&record.id);
    let flags = [
        (HAS_UUID, uuid.is_some()),
        (HAS_EXPIRY, record.expires_at.is_some()),
        (HAS_IMPORTANCE, record.importance != DEFAULT_IMPORTANCE),
        (HAS_ROLE, record.role.is_some()),
        (HAS_NAME, record.name.is_some()),
        (HAS_UPDATE, record.updated_at != record.created_at),
    ];
    out.push(
        flags
            .iter()
            .map(|&(flag, is_set)| flag * u8::from(is_set))
            .sum(),
    );
    match uuid {
        Some(uuid) => out.extend(uuid),
        None => write_bytes(out, record.id.as_bytes()),
    }
    if record.importance != DEFAULT_IMPORTANCE {
        out.extend(record.importance.to_le_bytes());
    }
    if let Some(expires_at) = record.expires_at {
        out.extend(expires_at.as_millis().to_le_bytes());
    }
    if record.updated_at != record.created_at {
        out.extend(record.updated_at.as_millis().to_le_bytes());
    }
    write_number(out, record.version);
    for text in [&record.role, &record.name].into_iter().flatten() {
        write_bytes(out, text.as_bytes());
    }
    write_bytes(out, record.content.as_bytes());
    write_number(out, document.tokens.len() as u64);
    out.extend(document.tokens.iter().flat_map(|token| token.to_le_bytes()));
    write_number(out, document.speaker.len() as u64);
    for &term in &document.speaker {
        write_number(out, u64::from(term));
    }
    write_number(out, document.words.len() as u64);
    for &(term, count) in &document.words {
        write_number(out, u64::from(term) << 1 | u64::from(count > 1));
        if count > 1 {
            write_number(out, u64::from(count));
        }
    }
}

/// A packed record.
#[derive(Clone, Copy)]
pub(super) struct Packed<'a>(pub &'a [u8]);

impl<'a> Packed<'a> {
    pub fn id(self) -> String {
        let (flags, mut rest) = self.behind_metadata();
        rest.id(flags)
    }

    pub fn importance(self) -> f64 {
        let (flags, mut rest) = self.behind_metadata();
        rest.skip_id(flags);
        rest.importance(flags)
    }

    pub fn expires_at(self) -> Option<i64> {
        let (flags, mut rest) = self.behind_metadata();
        rest.skip_id(flags);
        rest.importance(flags);
        rest.expiry(flags)
    }

    /// The form of RFC 8785; nothing for an empty object.
    pub fn metadata_json(self) -> &'a [u8] {
        Reader(self.0).bytes()
    }

    /// How many bytes it takes; behind it others may follow.
    pub fn len(self) -> usize {
        let mut rest = self.behind_record();
        rest.tokens();
        for _ in 0..rest.number() {
            rest.number();
        }
        for _ in 0..rest.number() {
            if rest.number() & 1 == 1 {
                rest.number();
            }
        }
        self.0.len() - rest.0.len()
    }

    /// Gives the record; its scope and its time of happening are kept elsewhere.
    pub fn record(self, scope: &Arc<Scope>, created_at: i64) -> Record {
        let (flags, mut rest) = self.behind_metadata();
        let id = rest.id(flags);
        let importance = rest.importance(flags);
        let expires_at = rest.expiry(flags).map(time);
        let updated_at = time(rest.update(flags).unwrap_or(created_at));
        let version = rest.number();
        let mut name = |flag| (flags & flag != 0).then(|| rest.text().to_owned());
        let (role, name) = (name(HAS_ROLE), name(HAS_NAME));
        Record {
            id,
            content: rest.text().to_owned(),
            scope: (**scope).clone(),
            role,
            name,
            metadata: RecordMetadata::checked(Reader(self.0).text()),
            importance,
            created_at: time(created_at),
            updated_at,
            expires_at,
            version,
        }
    }

    /// Distinct tokens for the second stage of ranking.
    pub fn tokens(self) -> impl Iterator<Item = u16> + 'a {
        let tokens = self.behind_record().tokens();
        tokens.iter().map(|&token| u16::from_le_bytes(token))
    }

    /// The terms of the name of a turn's speaker.
    pub fn speaker(self) -> impl Iterator<Item = u32> + 'a {
        let mut rest = self.behind_record();
        rest.tokens();
        let count = rest.number();
        (0..count).map(move |_| rest.term())
    }

    /// The terms of its own text, each once with its count, in order of first appearance.
    pub fn words(self) -> impl Iterator<Item = (u32, u32)> + 'a {
        let mut rest = self.behind_record();
        rest.tokens();
        for _ in 0..rest.number() {
            rest.number();
        }
        let count = rest.number();
        (0..count).map(move |_| {
            let word = rest.number();
            let count = if word & 1 == 1 { rest.term() } else { 1 };
            let term = u32::try_from(word >> 1).expect("a term was packed as u32");
            (term, count)
        })
    }

    /// The flags, and what follows them.
    fn behind_metadata(self) -> (u8, Reader<'a>) {
        let mut rest = Reader(self.0);
        rest.bytes();
        (rest.byte(), rest)
    }

    fn behind_names(self) -> Reader<'a> {
        let (flags, mut rest) = self.behind_metadata();
        rest.skip_id(flags);
        rest.importance(flags);
        rest.expiry(flags);
        rest.update(flags);
        rest.number();
        for _ in 0..(flags & (HAS_ROLE | HAS_NAME)).count_ones() {
            rest.bytes();
        }
        rest
    }

    fn behind_record(self) -> Reader<'a> {
        let mut rest = self.behind_names();
        rest.bytes();
        rest
    }
}

fn time(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).expect("it was packed from a timestamp")
}

/// Numbers of 7 bits a byte, the least first; the top bit says that more come (LEB128).
fn write_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_number(out, bytes.len() as u64);
    out.extend(bytes);
}

/// What has not been read yet of a packed record.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn byte(&mut self) -> u8 {
        self.take(1)[0]
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        self.take(N).try_into().expect("as many were taken")
    }

    fn number(&mut self) -> u64 {
        let mut number = 0;
        for shift in (0..).step_by(7) {
            let byte = self.byte();
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        number
    }

    fn term(&mut self) -> u32 {
        u32::try_from(self.number()).expect("it was packed as u32")
    }

    fn bytes(&mut self) -> &'a [u8] {
        let count = self.number() as usize;
        self.take(count)
    }

    fn text(&mut self) -> &'a str {
        std::str::from_utf8(self.bytes()).expect("it was packed as text")
    }

    fn id(&mut self, flags: u8) -> String {
        if flags & HAS_UUID != 0 {
            format_uuid(self.array())
        } else {
            self.text().to_owned()
        }
    }

    fn skip_id(&mut self, flags: u8) {
        if flags & HAS_UUID != 0 {
            self.take(16);
        } else {
            self.bytes();
        }
    }

    fn importance(&mut self, flags: u8) -> f64 {
        if flags & HAS_IMPORTANCE != 0 {
            f64::from_le_bytes(self.array())
        } else {
            DEFAULT_IMPORTANCE
        }
    }

    fn expiry(&mut self, flags: u8) -> Option<i64> {
        (flags & HAS_EXPIRY != 0).then(|| i64::from_le_bytes(self.array()))
    }

    fn update(&mut self, flags: u8) -> Option<i64> {
        (flags & HAS_UPDATE != 0).then(|| i64::from_le_bytes(self.array()))
    }

    fn tokens(&mut self) -> &'a [[u8; 2]] {
        let count = self.number() as usize;
        self.take(2 * count).as_chunks().0
    }
}

/// Where a UUID has its hyphens (RFC 9562).
const HYPHENS: [usize; 4] = [8, 13, 18, 23];
const HEX: &[u8; 16] = b"0123456789abcdef";

/// Reads a UUID in the one form that [`format_uuid`] writes.
fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    if text.len() != 36 {
        return None;
    }
    let mut uuid = [0; 16];
    let mut digits = 0;
    for (at, byte) in text.bytes().enumerate() {
        if HYPHENS.contains(&at) {
            if byte != b'-' {
                return None;
            }
            continue;
        }
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        uuid[digits / 2] |= if digits % 2 == 0 { digit << 4 } else { digit };
        digits += 1;
    }
    Some(uuid)
}

fn format_uuid(uuid: [u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for byte in uuid {
        if HYPHENS.contains(&text.len()) {
            text.push('-');
        }
        text.push(char::from(HEX[usize::from(byte >> 4)]));
        text.push(char::from(HEX[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_packed_as_a_uuid_only_in_its_one_form() {
        let uuid = "018bcfe5-6801-7abc-8def-0123456789ab";
        assert_eq!(parse_uuid(uuid).map(format_uuid).as_deref(), Some(uuid));
        for id in [
            "",
            "018BCFE5-6801-7ABC-8DEF-0123456789AB",
            "018bcfe5-6801-7abc-8def-0123456789a",
            "018bcfe5-6801-7abc-8def-0123456789abc",
            "018bcfe5-6801-7abc-8def_0123456789ab",
            "018bcfe5-6801-7abc-8def-0123456789-b",
            "ä18bcfe5-6801-7abc-8def-0123456789a",
        ] {
            assert_eq!(parse_uuid(id), None, "{id}");
        }
    }
}
