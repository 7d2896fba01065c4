//! Taking an export in: the whole of it is checked, then it is written a part at a time (spec 13.5 to 13.9).

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Seek};
use std::path::Path;
use std::sync::Arc;

use crate::embed::Embedder;
use crate::error::{Code, Error, Result};
use crate::memory::engine::Write;
use crate::memory::exporting::check_path;
use crate::memory::lines::{self, Line};
use crate::memory::reading::{Ids, LineReader, Numbered};
use crate::memory::reembed::EMBEDDED_AT_ONCE;
use crate::memory::{Memory, Written, queue, registry};
use crate::record::Timestamp;
use crate::scope::ScopeMatch;
use crate::store::{Batch, Embedding, Fate, FileId, Logged, OnExisting, Snapshot, io_error, moved};

/// What is checked or written at once: so many lines, and bytes.
const PART: usize = 512;
const PART_BYTES: usize = 1 << 20;

/// How an export is taken in; spec 13.5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Import {
    /// What becomes of a record that is there already, with other fields.
    pub on_existing: OnExisting,
    /// Whether [`Importing::step`] will be given vectors for the texts that it asks for. Without, an import that needs them is
    /// `EMBEDDER_MISMATCH`, and writes nothing.
    pub embeds: bool,
}

/// What an import came to, in records or events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Those that were written.
    pub imported: usize,
    /// Those that were there already, or were left.
    pub skipped: usize,
    /// Records that took the place of others.
    pub replaced: usize,
}

impl Imported {
    pub(super) fn count(&mut self, fate: Fate) {
        match fate {
            Fate::Imported => self.imported += 1,
            Fate::Skipped => self.skipped += 1,
            Fate::Replaced => self.replaced += 1,
        }
    }

    fn add(&mut self, part: Imported) {
        self.imported += part.imported;
        self.skipped += part.skipped;
        self.replaced += part.replaced;
    }
}

/// An import that is under way; made by [`Memory::import_from`]. What it has written stays; another one of the same file goes on.
#[derive(Debug)]
pub struct Importing<R = BufReader<File>> {
    memory: Memory,
    import: Import,
    now: Timestamp,
    start: u64,
    reader: LineReader<R>,
    ids: Ids,
    phase: Phase,
    done: usize,
    total: usize,
    imported: Imported,
}

#[derive(Debug)]
enum Phase {
    /// Before anything is written; with history, the last event of the store that is the file's.
    Checking {
        seen: i64,
        seen_events: usize,
    },
    Writing(Writing),
    Done,
}

/// How far the writing is.
#[derive(Debug)]
struct Writing {
    embedding: Arc<Embedding>,
    /// Whether the caller's embedder makes the vectors.
    asks: bool,
    /// With history: how many events are still to be passed over, and the last event of the store.
    known: usize,
    last_seq: i64,
    /// Read, and not written yet.
    part: Vec<Numbered>,
    /// The lines of it for which the caller was asked for vectors.
    asked: Vec<u64>,
}

impl Memory {
    /// Begins to take in an export, by whichever implementation it was made; spec 13.5. Not for a view.
    ///
    /// The whole file is checked before anything is written. One that was interrupted is done again, and goes on.
    /// Errors: `IO` with field `path`; those of [`Importing::step`].
    pub fn import_from(&self, path: impl AsRef<Path>, import: Import) -> Result<Importing> {
        let path = path.as_ref();
        self.check_importable()?;
        check_path(path)?;
        let found = fs::metadata(path).map_err(|error| io_error("cannot be opened", error))?;
        if !found.is_file() {
            return Err(Error::new(Code::Io, "is not a regular file").at("path"));
        }
        // Closing any descriptor of a store drops the locks that this process has on it.
        if registry::is_open(FileId::of(&found)) {
            return Err(Error::new(Code::Io, "is a store that is open, or beside one").at("path"));
        }
        let file = File::open(path).map_err(|error| io_error("cannot be opened", error))?;
        self.import_reader(BufReader::new(file), import)
    }

    /// Does what [`Memory::import_from`] does, from anything that can be read twice.
    ///
    /// ```
    /// use std::io::Cursor;
    /// use agentmem_core::{Export, Import, Memory};
    ///
    /// let (memory, mut lines) = (Memory::new()?, Vec::new());
    /// memory.add("Ada likes green tea")?;
    /// memory.export_into(&mut lines, Export::default())?;
    ///
    /// let other = Memory::new()?;
    /// assert_eq!(other.import_reader(Cursor::new(&lines), Import::default())?.finish()?.imported, 1);
    /// assert_eq!(other.import_reader(Cursor::new(&lines), Import::default())?.finish()?.skipped, 1);
    /// # Ok::<(), agentmem_core::Error>(())
    /// ```
    pub fn import_reader<R: BufRead + Seek>(
        &self,
        mut source: R,
        import: Import,
    ) -> Result<Importing<R>> {
        self.check_importable()?;
        let now = self.now()?;
        let start = source
            .stream_position()
            .map_err(|error| io_error("cannot be read", error))?;
        Ok(Importing {
            memory: self.clone(),
            import,
            now,
            start,
            reader: LineReader::new(source),
            ids: Ids::default(),
            phase: Phase::Checking {
                seen: 0,
                seen_events: 0,
            },
            done: 0,
            total: 0,
            imported: Imported::default(),
        })
    }

    fn check_importable(&self) -> Result<()> {
        self.unscoped_engine()?;
        if self.handle.options.read_only {
            return Err(Error::new(
                Code::ReadOnly,
                "the memory was opened with readOnly",
            ));
        }
        Ok(())
    }
}

impl<R: BufRead + Seek> Importing<R> {
    /// Checks or writes the next part. Takes the vectors of the texts that the last step gave, in their order, and gives texts that need
    /// some, at most 64 and mostly none; nothing once all is written.
    ///
    /// Errors: `CORRUPT` and `UNSUPPORTED_FORMAT` with the line at fault (`lines[3]`), `ALREADY_EXISTS` with that or `history`,
    /// `EMBEDDER_MISMATCH`, `INVALID_ARGUMENT` with field `embedding` for vectors that cannot be used, and those of a write.
    pub fn step(&mut self, vectors: Vec<Vec<f32>>) -> Result<Option<Vec<String>>> {
        match self.phase {
            Phase::Checking { .. } => self.check().map(|()| Some(Vec::new())),
            Phase::Writing(_) => self.write(vectors),
            Phase::Done => Ok(None),
        }
    }

    /// How many lines are done, and of how many; of none while the file is checked.
    pub fn progress(&self) -> (usize, usize) {
        (self.done, self.total)
    }

    /// What it came to, once it is done.
    pub fn imported(&self) -> Option<Imported> {
        matches!(self.phase, Phase::Done).then_some(self.imported)
    }

    /// Does all steps that are left, where no vectors of the caller's are needed: else it is `EMBEDDER_MISMATCH`.
    pub fn finish(mut self) -> Result<Imported> {
        self.import.embeds = false;
        while self.step(Vec::new())?.is_some() {}
        Ok(self.imported)
    }

    /// Reads lines until there are enough for a part.
    fn read_part(&mut self, limit: usize, checks: bool) -> Result<Vec<Numbered>> {
        let (mut part, mut bytes) = (Vec::new(), 0);
        while part.len() < limit && bytes < PART_BYTES {
            let Some((numbered, size)) = self.reader.next()? else {
                break;
            };
            if checks {
                self.ids.take(&numbered)?;
            }
            bytes += size;
            part.push(numbered);
        }
        Ok(part)
    }

    fn check(&mut self) -> Result<()> {
        let engine = self.memory.unscoped_engine()?;
        let part = self.read_part(PART, true)?;
        self.total += part.len();
        let Phase::Checking { seen, seen_events } = &mut self.phase else {
            return Ok(());
        };
        let is_history = self.reader.header().is_some_and(|header| header.history);
        let (on_existing, now) = (self.import.on_existing, self.now);
        if !part.is_empty() {
            return engine.store().read(|snapshot| {
                if is_history {
                    compare(snapshot, &part, seen, seen_events)
                } else {
                    judge(snapshot, &part, on_existing, now).map(drop)
                }
            });
        }
        let known = *seen_events;
        let last_seq = *seen;
        self.ids.check_ends(
            self.reader
                .header()
                .is_some_and(|header| header.embedder.is_own()),
        )?;
        if is_history && self.import.on_existing != OnExisting::Error {
            return Err(Error::invalid(
                "onExisting",
                "is not for an export with history: it must be error",
            ));
        }
        self.begin_writing(known, last_seq, is_history)
    }

    /// Goes back to the beginning of the file, which was found to be right.
    fn begin_writing(&mut self, known: usize, seen: i64, is_history: bool) -> Result<()> {
        let engine = self.memory.unscoped_engine()?;
        let last_seq = if is_history {
            engine.store().read(|snapshot| {
                let all = ScopeMatch::default();
                snapshot.replay((seen, i64::MAX), usize::MAX, &all, |_| Err(in_use()))?;
                snapshot.last_seq()
            })?
        } else {
            0
        };
        let embedding = self.memory.basis(true)?.embedding;
        let header = self.reader.header();
        let taken = header.is_some_and(|header| header.has_vectors_of(&embedding.embedder));
        let asks = embedding.embedder.is_own() && !taken;
        if asks && !self.import.embeds {
            return Err(Error::new(
                Code::EmbedderMismatch,
                format!(
                    "is {}, and the file's is another: without embed its records cannot have vectors",
                    embedding.embedder.name()
                ),
            )
            .at("embedder"));
        }
        self.reader.restart(self.start)?;
        self.phase = Phase::Writing(Writing {
            embedding,
            asks,
            known,
            last_seq,
            part: Vec::new(),
            asked: Vec::new(),
        });
        Ok(())
    }

    fn write(&mut self, vectors: Vec<Vec<f32>>) -> Result<Option<Vec<String>>> {
        let engine = self.memory.unscoped_engine()?;
        let Phase::Writing(writing) = &self.phase else {
            return Ok(None);
        };
        let (asks, is_read) = (writing.asks, !writing.part.is_empty());
        if !is_read {
            let part = self.read_part(if asks { EMBEDDED_AT_ONCE } else { PART }, false)?;
            if part.is_empty() {
                self.phase = Phase::Done;
                return Ok(None);
            }
            let Phase::Writing(writing) = &mut self.phase else {
                return Ok(None);
            };
            writing.part = part;
            if asks {
                let (ids, import, now) = (&self.ids, self.import, self.now);
                let part = &writing.part;
                let needing = engine
                    .store()
                    .read(|snapshot| needing(snapshot, part, ids, import, now))?;
                let texts: Vec<String> = needing.iter().map(|one| text_of(&one.line)).collect();
                writing.asked = needing.iter().map(|one| one.number).collect();
                if !texts.is_empty() {
                    return Ok(Some(texts));
                }
            }
        }
        self.write_part(&vectors)?;
        Ok(Some(Vec::new()))
    }

    fn write_part(&mut self, vectors: &[Vec<f32>]) -> Result<()> {
        let engine = self.memory.unscoped_engine()?;
        let Phase::Writing(writing) = &mut self.phase else {
            return Ok(());
        };
        let embedder = &writing.embedding.embedder;
        if vectors.len() != writing.asked.len() {
            let wanted = writing.asked.len();
            return Err(Error::invalid(
                "embedding",
                format!("is needed for {wanted} texts, not {}", vectors.len()),
            ));
        }
        let made = vectors
            .iter()
            .map(|vector| embedder.vector(Some(vector), ""))
            .collect::<Result<Vec<_>>>()?;
        let mut asked = writing.asked.drain(..).zip(made).peekable();
        let takes = self
            .reader
            .header()
            .is_some_and(|header| header.has_vectors_of(embedder));
        let mut lines = std::mem::take(&mut writing.part);
        let count = lines.len();
        for one in &mut lines {
            let Some(state) = &mut one.line.state else {
                continue;
            };
            if let Some((_, vector)) = asked.next_if(|(number, _)| *number == one.number) {
                state.vector = vector;
            } else if !takes {
                state.vector = match embedder {
                    Embedder::Own { .. } => Vec::new(),
                    _ => embedder.vector(None, &state.record.text())?,
                };
            }
        }
        drop(asked);
        let known = writing.known.min(count);
        writing.known -= known;
        let mut written = Imported {
            skipped: known,
            ..Imported::default()
        };
        lines.drain(..known);
        if !lines.is_empty() {
            let part = Part {
                needs_vectors: writing.asks,
                lines,
                embedding: Arc::clone(&writing.embedding),
                on_existing: self.import.on_existing,
                last_seq: writing.last_seq,
            };
            let place = queue::take_place(&engine);
            let answer = place.write((Write::Import(Box::new(part)), self.now))?;
            let (imported, last_seq) = answer.into_imported();
            written.add(imported);
            writing.last_seq = last_seq;
        }
        self.imported.add(written);
        self.done += count;
        Ok(())
    }
}

/// A part of an export, with all vectors.
#[derive(Debug)]
pub(super) struct Part {
    pub lines: Vec<Numbered>,
    pub embedding: Arc<Embedding>,
    /// Whether a record without a vector cannot be written.
    pub needs_vectors: bool,
    pub on_existing: OnExisting,
    /// With history: the last event of the store, after which these come.
    pub last_seq: i64,
}

impl Part {
    /// Writes it (spec 13.7, 13.9), if the store has the embedder that its vectors are of.
    pub fn write(
        &self,
        batch: &mut Batch<'_>,
        now: Timestamp,
        embedding: &Embedding,
    ) -> Result<Written> {
        if *embedding != *self.embedding {
            return Err(moved());
        }
        let mut imported = Imported::default();
        for Numbered { line, number } in &self.lines {
            match (line.event, &line.state) {
                (Some((kind, at)), state) => {
                    if imported == Imported::default() && batch.last_event() != self.last_seq {
                        return Err(in_use());
                    }
                    batch.take_in(kind, at, &line.id, state.as_ref())?;
                    imported.count(Fate::Imported);
                }
                (None, Some(state)) => {
                    let fate = batch
                        .import(state, self.on_existing, now)
                        .map_err(|error| located(error, *number))?;
                    if fate != Fate::Skipped && self.needs_vectors && state.vector.is_empty() {
                        return Err(Error::new(
                            Code::Conflict,
                            "a record was changed by others while it was imported: import again",
                        ));
                    }
                    imported.count(fate);
                }
                (None, None) => {}
            }
        }
        Ok(Written::Imported(imported, batch.last_event()))
    }
}

/// The text of which a line needs the vector.
fn text_of(line: &Line) -> String {
    let text = line
        .state
        .as_ref()
        .map(|state| state.record.text().into_owned());
    text.unwrap_or_default()
}

/// Tells what will become of records, and finds those that are in the way.
fn judge(
    snapshot: &Snapshot<'_>,
    part: &[Numbered],
    on_existing: OnExisting,
    now: Timestamp,
) -> Result<Vec<Fate>> {
    let fate = |one: &Numbered| match &one.line.state {
        Some(state) => snapshot
            .fate_of(&state.record, on_existing, now)
            .map(|(fate, _)| fate)
            .map_err(|error| located(error, one.number)),
        None => Ok(Fate::Skipped),
    };
    part.iter().map(fate).collect()
}

/// Gives an error about a line its number.
fn located(error: Error, line: u64) -> Error {
    if error.code() == Code::AlreadyExists && error.field().is_none() {
        error.at(lines::field(line))
    } else {
        error
    }
}

/// The lines that will be written, of each record the last state.
fn needing<'a>(
    snapshot: &Snapshot<'_>,
    part: &'a [Numbered],
    ids: &Ids,
    import: Import,
    now: Timestamp,
) -> Result<Vec<&'a Numbered>> {
    if part.first().is_some_and(|one| one.line.event.is_some()) {
        let is_last = |one: &&Numbered| one.line.state.is_some() && ids.is_last(one);
        return Ok(part.iter().filter(is_last).collect());
    }
    let fates = judge(snapshot, part, import.on_existing, now)?;
    let pairs = part.iter().zip(fates);
    let written = pairs.filter(|(_, fate)| *fate != Fate::Skipped);
    Ok(written.map(|(one, _)| one).collect())
}

/// Compares the events of a file with those that the store has in their place.
fn compare(
    snapshot: &Snapshot<'_>,
    part: &[Numbered],
    seen: &mut i64,
    seen_events: &mut usize,
) -> Result<()> {
    let mut lines = part.iter().peekable();
    while lines.peek().is_some() {
        let looked = snapshot.replay(
            (*seen, i64::MAX),
            part.len(),
            &ScopeMatch::default(),
            |known| {
                let Some(one) = lines.next() else {
                    return Ok(false);
                };
                *seen_events += 1;
                if is_same(&one.line, &known) {
                    Ok(lines.peek().is_some())
                } else {
                    Err(in_use())
                }
            },
        )?;
        match looked {
            Some(looked) => *seen = looked,
            None => return Ok(()),
        }
    }
    Ok(())
}

fn is_same(line: &Line, known: &Logged) -> bool {
    let is_same_state = match (&line.state, &known.state) {
        (None, None) => true,
        (Some(state), Some(stored)) => {
            state.record == stored.record && state.request == stored.request
        }
        _ => false,
    };
    line.id == known.id && line.event == Some((known.kind, known.at)) && is_same_state
}

/// The error of a history that has no place.
fn in_use() -> Error {
    Error::new(
        Code::AlreadyExists,
        "has no place in this store, which has events of its own: import it into an empty one",
    )
    .at("history")
}
