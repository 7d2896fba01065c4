//! Which embedder a call's vectors are of, and which it needs (spec 12.2, 12.3).

use std::borrow::Cow;
use std::sync::PoisonError;

use crate::embed::{self, Embedder};
use crate::error::{Code, Error, Result};
use crate::memory::engine::Basis;
use crate::memory::request::{Checked, check_record, check_records};
use crate::memory::{Memory, Request, Search, check_query};
use crate::rank::{self, Blend, Mode, Query};
use crate::record::{Timestamp, turn_text};
use crate::scope::check_id;
use crate::search_index::{QueryTerm, View, Vocabulary};
use crate::store::Embedding;
use crate::text;

impl Memory {
    /// What vectors are made for. The built-in table is taken on trust, since a write can still derive others when it is committed.
    pub(super) fn basis(&self, has_vectors: bool) -> Result<Basis> {
        let (engine, named) = (self.engine()?, self.named_embedder());
        let known = engine.embedding();
        let is_trusted = known.embedder == Embedder::BuiltIn
            && !has_vectors
            && known.check_named(named.as_ref()).is_ok();
        let embedding = if is_trusted {
            known
        } else {
            engine.refresh_embedding()?
        };
        embedding.check_named(named.as_ref())?;
        Ok(Basis {
            embedding,
            is_named: named.is_some(),
        })
    }

    /// The embedder that this handle insists on: that of its options, or the last that it moved the store to.
    pub fn named_embedder(&self) -> Option<Embedder> {
        let named = self.handle.embedder.lock();
        named.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn name_embedder(&self, embedder: Embedder) {
        let named = self.handle.embedder.lock();
        *named.unwrap_or_else(PoisonError::into_inner) = Some(embedder);
    }

    /// Makes of a query what ranking compares, by the store's embedder: a caller's own has the query as given, all else the mended one.
    pub(super) fn analyse(
        &self,
        [query, mended]: [&str; 2],
        terms: Vec<QueryTerm>,
        embedding: &Embedding,
        options: &Search,
        now: Timestamp,
    ) -> Result<Query> {
        embedding.check_named(self.named_embedder().as_ref())?;
        let embedder = &embedding.embedder;
        let given = options.embedding.as_deref();
        check_mode(options.mode, embedder)?;
        let (mut tokens, mut vector) = (Vec::new(), Vec::new());
        if needs_vector(query, options.mode) && *embedder != Embedder::BuiltIn {
            vector = embedder.vector(given, query)?;
        } else {
            given.map_or(Ok(()), |given| embedder.check_vector(given))?;
        }
        if *embedder == Embedder::BuiltIn {
            let all = embed::token_ids(mended);
            (tokens, vector) = (embed::distinct_tokens(&all), embed::embed_tokens(&all));
        }
        Ok(Query {
            terms,
            tokens,
            vector,
            vector_weight: rank::vector_weight(embedder),
            mode: options.mode,
            limit: options.limit,
            min_score: options.min_score,
            blend: Blend::new(options.recency, options.importance_weight, now),
            explain: options.explain,
        })
    }

    /// Gives the texts for which the caller's embedder is to be asked before a write, in order; spec 12.3, 12.4.
    ///
    /// None if the store has another embedder, or all vectors are given. The write is checked, and a record to update looked up.
    pub fn texts_of(&self, request: &Request) -> Result<Vec<String>> {
        let now = self.now()?;
        let basis = self.basis(true)?;
        if !basis.embedding.embedder.is_own() {
            return Ok(Vec::new());
        }
        let text =
            |(draft, given): Checked| given.is_none().then(|| draft.record.text().into_owned());
        match request {
            Request::Add(record) => {
                let checked = check_record((**record).clone(), &self.scope, now)?;
                Ok(text(checked).into_iter().collect())
            }
            Request::AddMany(items) => {
                let checked = check_records(items.clone(), &self.scope, now)?;
                Ok(checked.into_iter().filter_map(text).collect())
            }
            Request::Update(id, change) => {
                check_id(id, "id")?;
                change.clone().check(now, change.embedding.is_some())?;
                let (Some(content), None) = (&change.content, &change.embedding) else {
                    return Ok(Vec::new());
                };
                let found = self.at(now).get(id)?.ok_or_else(|| {
                    Error::new(Code::NotFound, "there is no record with this id").at("id")
                })?;
                let text = turn_text(found.role.as_deref(), found.name.as_deref(), content);
                Ok(vec![text.into_owned()])
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Gives the query if the caller's embedder is to be asked for it before a search, which is checked.
    pub fn text_of_query(&self, query: &str, options: &Search) -> Result<Option<String>> {
        check_query(query)?;
        options.check()?;
        options.select.clone().check(&self.scope)?;
        let basis = self.basis(true)?;
        let is_asked = basis.embedding.embedder.is_own()
            && options.embedding.is_none()
            && needs_vector(query, options.mode);
        Ok(is_asked.then(|| query.to_owned()))
    }
}

fn check_mode(mode: Mode, embedder: &Embedder) -> Result<()> {
    if mode == Mode::Semantic && *embedder == Embedder::Nothing {
        return Err(Error::invalid(
            "mode",
            "is semantic, but the store has no vectors",
        ));
    }
    Ok(())
}

/// Whether the words of a query count, or what the built-in table says that they mean: then misspelt ones are mended.
pub(super) fn needs_words(mode: Mode, embedder: &Embedder) -> bool {
    mode != Mode::Semantic || *embedder == Embedder::BuiltIn
}

/// The query of a search as it is mended where its words count, and its terms, which only meaning does without.
pub(super) fn words_of<'q>(
    query: &'q str,
    mode: Mode,
    embedder: &Embedder,
    vocabulary: &Vocabulary,
    view: &View,
    now: Timestamp,
) -> (Cow<'q, str>, Vec<QueryTerm>) {
    let mended = match needs_words(mode, embedder) {
        true => vocabulary.mend(query, view),
        false => Cow::Borrowed(query),
    };
    let terms = terms_of(&mended, mode, vocabulary, view, now);
    (mended, terms)
}

/// The terms of a query that is mended, or has nothing to be mended.
pub(super) fn terms_of(
    query: &str,
    mode: Mode,
    vocabulary: &Vocabulary,
    view: &View,
    now: Timestamp,
) -> Vec<QueryTerm> {
    match mode {
        Mode::Semantic => Vec::new(),
        Mode::Lexical | Mode::Hybrid => vocabulary.query_terms(query, view, now),
    }
}

fn needs_vector(query: &str, mode: Mode) -> bool {
    mode != Mode::Lexical && !text::is_blank(query)
}
