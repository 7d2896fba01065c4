//! The lines of a file one after the other, none of them held longer than it is needed, and what may follow what (spec 13.6).

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, Seek, SeekFrom};

use sha2::{Digest, Sha256};

use crate::error::{Code, Error, Result};
use crate::memory::lines::{self, Body, Footer, Header, Line, MAX_LINE_BYTES, damaged};
use crate::store::{EventKind, io_error};

/// A line, and its number in the file.
#[derive(Clone, Debug)]
pub(super) struct Numbered {
    pub line: Line,
    pub number: u64,
}

/// Reads an export line by line.
#[derive(Debug)]
pub(super) struct LineReader<R> {
    source: R,
    /// The line that was read last.
    line: Vec<u8>,
    number: u64,
    header: Option<Header>,
    is_over: bool,
    digest: Sha256,
}

impl<R: BufRead + Seek> LineReader<R> {
    pub fn new(source: R) -> Self {
        LineReader {
            source,
            line: Vec::new(),
            number: 0,
            header: None,
            is_over: false,
            digest: Sha256::new(),
        }
    }

    /// What the first line said, once it was read.
    pub fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// Goes back to where the file begins.
    pub fn restart(&mut self, start: u64) -> Result<()> {
        self.source
            .seek(SeekFrom::Start(start))
            .map_err(unreadable)?;
        (self.number, self.is_over, self.digest) = (0, false, Sha256::new());
        Ok(())
    }

    /// Gives the next line between header and footer, and its bytes; nothing behind the last one, if all is as the footer says.
    pub fn next(&mut self) -> Result<Option<(Numbered, usize)>> {
        if self.is_over {
            return Ok(None);
        }
        if self.number == 0 {
            self.read_line()?;
            self.header = Some(lines::read_header(&self.line)?);
            self.digest_line();
        }
        let is_there = self.read_line()?;
        let Some(header) = self.header.as_ref().filter(|_| is_there) else {
            return Err(damaged(self.number, "is missing: the file was cut"));
        };
        match lines::read_body(&self.line, self.number, header)? {
            Body::Line(line) => {
                self.digest_line();
                let numbered = Numbered {
                    line: *line,
                    number: self.number,
                };
                Ok(Some((numbered, self.line.len())))
            }
            Body::Footer(footer) => self.check_footer(&footer).map(|()| None),
        }
    }

    fn digest_line(&mut self) {
        self.digest.update(&self.line);
        self.digest.update(b"\n");
    }

    fn check_footer(&mut self, footer: &Footer) -> Result<()> {
        let digest: [u8; 32] = self.digest.clone().finalize().into();
        if footer.lines != self.number - 2 || footer.sha256 != digest {
            return Err(damaged(
                self.number,
                "does not agree with the lines before it: the file was changed",
            ));
        }
        self.is_over = true;
        if self.read_line()? {
            return Err(damaged(self.number, "stands behind the footer"));
        }
        Ok(())
    }

    /// Reads a line without its line feed, and no more than one may have; false at the end of the file. The number goes on all the same.
    fn read_line(&mut self) -> Result<bool> {
        self.line.clear();
        self.number += 1;
        loop {
            let bytes = self.source.fill_buf().map_err(unreadable)?;
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let part = &bytes[..end.unwrap_or(bytes.len())];
            if self.line.len() + part.len() > MAX_LINE_BYTES {
                return Err(damaged(self.number, "has more than 8 MiB"));
            }
            let is_empty = bytes.is_empty();
            self.line.extend_from_slice(part);
            let taken = part.len() + usize::from(end.is_some());
            self.source.consume(taken);
            if end.is_some() {
                return Ok(true);
            }
            if is_empty {
                return Ok(!self.line.is_empty());
            }
        }
    }
}

fn unreadable(error: std::io::Error) -> Error {
    io_error("cannot be read", error)
}

/// The ids of a file by hashes of 128 bits, some 20 to 40 bytes for each, and what may follow what.
#[derive(Debug, Default)]
pub(super) struct Ids {
    hashers: [RandomState; 2],
    last: HashMap<[u32; 4], u32>,
    /// The time of the event above.
    at: i64,
}

/// What is known of the last line of an id, beside its number.
const LIVES: u32 = 1 << 31;
const HAS_STATE: u32 = 1 << 30;
const HAS_VECTOR: u32 = 1 << 29;
const NUMBER: u32 = HAS_VECTOR - 1;

impl Ids {
    fn key(&self, id: &str) -> [u32; 4] {
        let [a, b] = [0, 1].map(|i: usize| self.hashers[i].hash_one(id));
        [a as u32, (a >> 32) as u32, b as u32, (b >> 32) as u32]
    }

    /// Takes a line, if it can follow those before it.
    pub fn take(&mut self, numbered: &Numbered) -> Result<()> {
        let Numbered { line, number } = numbered;
        let key = self.key(&line.id);
        let before = self.last.get(&key).copied();
        if let Some((kind, at)) = line.event {
            if at.as_millis() < self.at {
                return Err(damaged(
                    *number,
                    "is of a time before that of the line above",
                ));
            }
            self.at = at.as_millis();
            let is_possible = match kind {
                EventKind::Add => true,
                EventKind::Purge => before.is_none(),
                _ => before.is_some_and(|before| before & LIVES != 0),
            };
            if !is_possible {
                return Err(damaged(
                    *number,
                    "is an event that cannot follow those of its id",
                ));
            }
        } else if before.is_some() {
            return Err(damaged(*number, "has an id that an earlier line has"));
        }
        let lives = line
            .event
            .is_some_and(|(kind, _)| matches!(kind, EventKind::Add | EventKind::Update));
        let short = u32::try_from(*number)
            .ok()
            .filter(|number| number & !NUMBER == 0);
        let mut last = short.ok_or_else(|| {
            Error::new(Code::Limit, "is beyond the lines that an import can have")
                .at(lines::field(*number))
        })?;
        let has_vector = line
            .state
            .as_ref()
            .is_some_and(|state| !state.vector.is_empty());
        for (flag, is_set) in [
            (LIVES, lives),
            (HAS_STATE, line.state.is_some()),
            (HAS_VECTOR, has_vector),
        ] {
            last |= if is_set { flag } else { 0 };
        }
        self.last.insert(key, last);
        Ok(())
    }

    /// Whether a line is the last one of its id.
    pub fn is_last(&self, numbered: &Numbered) -> bool {
        let last = self.last.get(&self.key(&numbered.line.id));
        last.is_some_and(|last| u64::from(last & NUMBER) == numbered.number)
    }

    /// Checks that each record which lives at the end of a history has its state, and that its vector.
    pub fn check_ends(&self, needs_vector: bool) -> Result<()> {
        let lacks = |flag: u32| {
            let lacking = self
                .last
                .values()
                .filter(|last| **last & LIVES != 0 && **last & flag == 0);
            lacking.map(|last| u64::from(last & NUMBER)).min()
        };
        if let Some(line) = lacks(HAS_STATE) {
            return Err(damaged(
                line,
                "is the last one of its id, and lacks the record",
            ));
        }
        match lacks(HAS_VECTOR).filter(|_| needs_vector) {
            Some(line) => Err(damaged(line, "lacks the vector of its record")),
            None => Ok(()),
        }
    }
}
