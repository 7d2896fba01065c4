//! Moving a store to another embedder, in batches that the caller embeds (spec 12.7, 12.8).

use std::sync::Arc;

use crate::embed::{self, Embedder};
use crate::error::{Code, Error, Result};
use crate::memory::Memory;
use crate::store::{Batch, Lacking, moved};

/// Texts that the caller is asked for at once.
pub const EMBEDDED_AT_ONCE: usize = 64;
/// Those that the built-in table embeds in one transaction.
const DERIVED_AT_ONCE: usize = 1024;

/// A store on its way to another embedder; made by [`Memory::reembed`].
///
/// What it has made is kept in the store. Dropping it leaves the store with the old embedder, and the next one to the same goes on.
#[derive(Debug)]
pub struct Reembedding {
    memory: Memory,
    target: Embedder,
    /// Whether the store holds the vectors of this target, and none of another.
    has_begun: bool,
    /// Those whose vectors come next.
    asked: Vec<Lacking>,
    /// All records up to this one had their vector when they were looked at.
    after: i64,
    done: usize,
    total: usize,
    moved: Option<usize>,
}

/// What a step has come to.
enum Next {
    /// The store has moved, with so many records.
    Moved(usize),
    /// These lack their vector, which the caller is asked for; none with the built-in table.
    Asked(Vec<Lacking>),
}

impl Memory {
    /// Begins to move the store to another embedder; spec 12.7. Not for a view.
    ///
    /// Searches and writes go on with the old embedder until the last step. Afterwards this handle has the new one as its own.
    ///
    /// ```
    /// use agentmem_core::{Embedder, Memory};
    ///
    /// let memory = Memory::new()?;
    /// memory.add("Ada likes green tea")?;
    /// let embed = |text: &String| vec![text.len() as f32, 1.0];
    ///
    /// let mut moving = memory.reembed(Embedder::Own { id: "mine".into(), dimensions: 2 })?;
    /// let mut vectors = Vec::new();
    /// while let Some(texts) = moving.step(vectors)? {
    ///     vectors = texts.iter().map(embed).collect();
    /// }
    /// assert_eq!(moving.moved(), Some(1));
    /// # Ok::<(), agentmem_core::Error>(())
    /// ```
    pub fn reembed(&self, target: Embedder) -> Result<Reembedding> {
        self.unscoped_engine()?;
        target.check()?;
        if self.handle.options.read_only {
            return Err(read_only());
        }
        Ok(Reembedding {
            memory: self.clone(),
            target,
            has_begun: false,
            asked: Vec::new(),
            after: 0,
            done: 0,
            total: 0,
            moved: None,
        })
    }
}

impl Reembedding {
    /// Takes the vectors of the texts that the last step gave, in their order, and gives the next ones, at most 64.
    ///
    /// None: the store has moved. With the built-in table the texts are always none in number, and with no embedder there is one step.
    /// Errors: `INVALID_ARGUMENT` with field `embedding` for vectors that cannot be used, `EMBEDDER_MISMATCH` if another move has begun.
    pub fn step(&mut self, vectors: Vec<Vec<f32>>) -> Result<Option<Vec<String>>> {
        if self.moved.is_some() {
            return Ok(None);
        }
        let asked = std::mem::take(&mut self.asked);
        if vectors.len() != asked.len() {
            return Err(Error::invalid(
                "embedding",
                format!("is needed for {} texts, not {}", asked.len(), vectors.len()),
            ));
        }
        let quantised = vectors
            .iter()
            .map(|vector| self.target.vector(Some(vector), ""))
            .collect::<Result<Vec<_>>>()?;
        let engine = self.memory.unscoped_engine()?;
        let (next, embedding) = engine.store().write(|batch| {
            let next = if batch.embedding().embedder == self.target {
                Next::Moved(self.done)
            } else {
                self.begin(batch)?;
                batch.count_next()?;
                for (lacking, vector) in asked.iter().zip(&quantised) {
                    batch.keep_next(lacking.seq, lacking.began, vector)?;
                }
                self.done += asked.len();
                self.advance(batch)?
            };
            Ok((next, Arc::clone(batch.embedding())))
        })?;
        // Only now that it is committed; and not read anew, since what is committed must not end in an error.
        engine.note_embedding(&embedding);
        match next {
            Next::Moved(count) => {
                self.moved = Some(count);
                self.memory.name_embedder(self.target.clone());
                Ok(None)
            }
            Next::Asked(asked) => {
                let texts = asked.iter().map(|lacking| lacking.text.clone()).collect();
                self.asked = asked;
                Ok(Some(texts))
            }
        }
    }

    /// How many records have their new vector, and how many there were when they were counted.
    pub fn progress(&self) -> (usize, usize) {
        (self.done, self.total.max(self.done))
    }

    /// How many records were moved, once all are; 0 if the store had this embedder already.
    pub fn moved(&self) -> Option<usize> {
        self.moved
    }

    /// The embedder that the store moves to.
    pub fn target(&self) -> &Embedder {
        &self.target
    }

    fn begin(&mut self, batch: &mut Batch<'_>) -> Result<()> {
        if !batch.aims_at(&self.target)? {
            if self.has_begun {
                return Err(moved());
            }
            batch.aim_at(&self.target)?;
        }
        if !self.has_begun {
            (self.done, self.total) = batch.count_moved()?;
            self.has_begun = true;
        }
        Ok(())
    }

    /// Looks for what lacks a vector; where nothing does, moves.
    fn advance(&mut self, batch: &mut Batch<'_>) -> Result<Next> {
        let limit = match self.target {
            Embedder::Nothing => 0,
            Embedder::BuiltIn => DERIVED_AT_ONCE,
            Embedder::Own { .. } => EMBEDDED_AT_ONCE,
        };
        let mut lacking = batch.lacking(self.after, limit)?;
        if lacking.is_empty() && limit > 0 {
            // What others have written meanwhile stands anywhere.
            lacking = batch.lacking(0, limit)?;
            self.total += lacking.len();
        }
        let Some(last) = lacking.last() else {
            return batch.finish_move(&self.target).map(Next::Moved);
        };
        self.after = last.seq;
        if self.target == Embedder::BuiltIn {
            for one in &lacking {
                batch.keep_next(one.seq, one.began, &embed::embed(&one.text))?;
            }
            self.done += lacking.len();
            lacking.clear();
        }
        Ok(Next::Asked(lacking))
    }
}

fn read_only() -> Error {
    Error::new(Code::ReadOnly, "the memory was opened with readOnly")
}
