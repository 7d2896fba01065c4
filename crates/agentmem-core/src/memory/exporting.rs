//! Writing a store as JSON Lines, as of one event and a page at a time (spec 13.2 to 13.4).

use std::io::Write;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::embed::Embedder;
use crate::error::{Code, Error, Result};
use crate::memory::Memory;
use crate::memory::lines::{self, Header};
use crate::scope::ScopeMatch;
use crate::store::{Embedding, Extent, NewFile, Snapshot, moved};

/// What is read in one transaction: so many records or events, and bytes of lines.
const PAGE: usize = 512;
const PAGE_BYTES: usize = 1 << 20;

/// How an export is made; spec 13.3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Export {
    /// Whether it has all events, with the earlier states of records.
    pub history: bool,
}

/// What an export goes through.
#[derive(Debug)]
enum Source {
    /// Records, by the events that added them: 8 bytes each, so that a view need not look at those of others.
    Records { added: Vec<i64>, next: usize },
    /// All events up to the last of the export, from the one after this.
    Events { after: i64 },
}

/// The lines of an export, made a page at a time.
#[derive(Debug)]
struct Pages {
    memory: Memory,
    scope: ScopeMatch,
    extent: Extent,
    embedding: Embedding,
    source: Source,
    /// How many lines there are so far.
    lines: usize,
    digest: Sha256,
}

/// An export to a file that is under way; made by [`Memory::export_to`]. Dropped before it is done, it leaves no file.
#[derive(Debug)]
pub struct Exporting {
    pages: Pages,
    file: NewFile,
    is_begun: bool,
    exported: Option<usize>,
}

impl Memory {
    /// Begins to write the records, or all that happened to them, to a new file as JSON Lines, lossless; spec chapter 13. Through a view
    /// those of its scope alone.
    ///
    /// It is of the state of now, while others go on. The file has its name once it is complete and synced.
    /// Errors: `IO` with field `path` if there is something at the path already.
    ///
    /// ```
    /// # let folder = std::env::temp_dir().join(format!("agentmem-export-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder).unwrap();
    /// # let path = folder.join("memory.jsonl");
    /// use agentmem_core::{Export, Import, Memory};
    ///
    /// let memory = Memory::new()?;
    /// memory.add("Ada likes green tea")?;
    /// assert_eq!(memory.export_to(&path, Export::default())?.finish()?, 1);
    ///
    /// let other = Memory::new()?;
    /// assert_eq!(other.import_from(&path, Import::default())?.finish()?.imported, 1);
    /// # std::fs::remove_dir_all(&folder).unwrap();
    /// # Ok::<(), agentmem_core::Error>(())
    /// ```
    pub fn export_to(&self, path: impl AsRef<Path>, export: Export) -> Result<Exporting> {
        let path = path.as_ref();
        let engine = self.engine()?;
        check_path(path)?;
        if engine.store().has_path(path) {
            return Err(Error::new(Code::Io, "is one of the store's own files").at("path"));
        }
        let file = NewFile::begin(path)?;
        Ok(Exporting {
            pages: Pages::begin(self, export)?,
            file,
            is_begun: false,
            exported: None,
        })
    }

    /// Writes an export to anything, and gives the number of records, or events. What was written before an error is no export: it lacks
    /// its last line. An error of `out` is `IO` without a field.
    ///
    /// ```
    /// use agentmem_core::{Export, Memory};
    ///
    /// let memory = Memory::new()?;
    /// memory.add("Ada likes green tea")?;
    /// let mut lines = Vec::new();
    /// assert_eq!(memory.export_into(&mut lines, Export { history: true })?, 1);
    /// assert_eq!(lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count(), 3);
    /// # Ok::<(), agentmem_core::Error>(())
    /// ```
    pub fn export_into(&self, out: &mut impl Write, export: Export) -> Result<usize> {
        let mut pages = Pages::begin(self, export)?;
        let mut write = |text: &str| {
            out.write_all(text.as_bytes()).map_err(|error| {
                Error::new(Code::Io, "the export could not be written").because(error)
            })
        };
        write(&pages.header())?;
        while let Some(page) = pages.next()? {
            write(&page)?;
        }
        write(&pages.footer()?)?;
        Ok(pages.lines)
    }
}

impl Exporting {
    /// Writes the next part, and gives the number of records, or events, once that was the last and the file has its name.
    ///
    /// Errors: `CONFLICT` if something of what is exported was erased meanwhile, `CLOSED`, `IO`. The file is then removed.
    pub fn step(&mut self) -> Result<Option<usize>> {
        if self.exported.is_some() {
            return Ok(self.exported);
        }
        if !self.is_begun {
            self.file.append(self.pages.header().as_bytes())?;
            self.is_begun = true;
        }
        if let Some(page) = self.pages.next()? {
            self.file.append(page.as_bytes())?;
            return Ok(None);
        }
        self.file.append(self.pages.footer()?.as_bytes())?;
        self.file.complete()?;
        self.exported = Some(self.pages.lines);
        Ok(self.exported)
    }

    /// How many lines are written, and of how many; of events of a view how many were looked at.
    pub fn progress(&self) -> (usize, usize) {
        self.pages.progress()
    }

    /// Does all steps that are left.
    pub fn finish(mut self) -> Result<usize> {
        loop {
            if let Some(exported) = self.step()? {
                return Ok(exported);
            }
        }
    }
}

impl Pages {
    fn begin(memory: &Memory, export: Export) -> Result<Self> {
        let engine = memory.engine()?;
        let (extent, embedding, source) = engine.store().read(|snapshot| {
            let source = if export.history {
                Source::Events { after: 0 }
            } else {
                Source::Records {
                    added: snapshot.added_in(&memory.scope)?,
                    next: 0,
                }
            };
            Ok((snapshot.extent()?, snapshot.embedding()?, source))
        })?;
        Ok(Pages {
            memory: memory.clone(),
            scope: memory.scope.clone(),
            extent,
            embedding,
            source,
            lines: 0,
            digest: Sha256::new(),
        })
    }

    fn header(&mut self) -> String {
        let mut text = String::new();
        let header = Header {
            history: matches!(self.source, Source::Events { .. }),
            embedder: self.embedding.embedder.clone(),
        };
        header.write(&mut text);
        self.digest.update(&text);
        text
    }

    /// Gives the next lines; nothing if there are no more.
    fn next(&mut self) -> Result<Option<String>> {
        let engine = self.memory.engine()?;
        let embedder = self.embedding.embedder.clone();
        let mut text = String::new();
        let is_over = engine.store().read(|snapshot| {
            // Vectors of another embedder than the header names would be wrong ones.
            if embedder.is_own() && snapshot.embedding()? != self.embedding {
                return Err(moved());
            }
            self.read(snapshot, &embedder, &mut text)
        })?;
        self.digest.update(&text);
        Ok((!is_over).then_some(text))
    }

    /// Reads a page; true if there was nothing left.
    fn read(
        &mut self,
        snapshot: &Snapshot<'_>,
        embedder: &Embedder,
        text: &mut String,
    ) -> Result<bool> {
        let last_seq = self.extent.last_seq;
        match &mut self.source {
            Source::Records { added, next } => {
                let begin = *next;
                while *next < added.len() && *next < begin + PAGE && text.len() < PAGE_BYTES {
                    let stored = snapshot
                        .state_at(added[*next], last_seq)?
                        .ok_or_else(erased)?;
                    lines::write_stored(&stored, embedder, text);
                    *next += 1;
                }
                self.lines = *next;
                Ok(*next == begin)
            }
            Source::Events { after } => {
                let count = &mut self.lines;
                let looked = snapshot.replay((*after, last_seq), PAGE, &self.scope, |event| {
                    *count += 1;
                    lines::write_event(&event, embedder, text);
                    Ok(text.len() < PAGE_BYTES)
                })?;
                *after = looked.unwrap_or(last_seq);
                Ok(looked.is_none())
            }
        }
    }

    /// Makes the last line, if all that was exported is still there.
    fn footer(&mut self) -> Result<String> {
        let engine = self.memory.engine()?;
        let extent = self.extent;
        if engine.store().read(|snapshot| snapshot.may_lack(extent))? && !self.is_whole()? {
            return Err(erased());
        }
        let mut text = String::new();
        lines::write_footer(self.lines, self.digest.clone(), &mut text);
        Ok(text)
    }

    /// Looks at all records again: something was erased, perhaps of what others have.
    fn is_whole(&self) -> Result<bool> {
        let engine = self.memory.engine()?;
        let last_seq = self.extent.last_seq;
        match &self.source {
            Source::Records { added, .. } => {
                for page in added.chunks(PAGE) {
                    let is_there = engine.store().read(|snapshot| {
                        let mut is_there = true;
                        for &seq in page {
                            is_there &= snapshot.state_at(seq, last_seq)?.is_some();
                        }
                        Ok(is_there)
                    })?;
                    if !is_there {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            // Which events a state is missing of cannot be told.
            Source::Events { .. } => Ok(false),
        }
    }

    fn progress(&self) -> (usize, usize) {
        match &self.source {
            Source::Records { added, next } => (*next, added.len()),
            Source::Events { after } => {
                let count = |seq: i64| usize::try_from(seq).unwrap_or(0);
                (count(*after), count(self.extent.last_seq))
            }
        }
    }
}

/// Checks what every path must be.
pub(super) fn check_path(path: &Path) -> Result<()> {
    let bytes = path.as_os_str().as_encoded_bytes();
    if bytes.is_empty() || bytes.contains(&0) {
        return Err(Error::invalid("path", "is empty or contains U+0000"));
    }
    Ok(())
}

fn erased() -> Error {
    Error::new(
        Code::Conflict,
        "something of what is exported was erased meanwhile: export again",
    )
}
