//! The turns around others in their conversations (spec 8.12).

use std::collections::HashMap;
use std::sync::Arc;

use super::{Document, View};
use crate::scope::Scope;

/// The turns before and after one, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Around<'a> {
    pub before: &'a [&'a Arc<Document>],
    pub after: &'a [&'a Arc<Document>],
}

/// Whole conversations, in order.
#[derive(Debug)]
pub(crate) struct Conversations<'a>(HashMap<&'a Scope, Vec<&'a Arc<Document>>>);

impl View {
    /// The conversations that some records are turns of, by one pass over all records.
    ///
    /// A view does not have the index's own order of turns, which changes with every write.
    pub fn conversations<'a>(
        &'a self,
        of: impl Iterator<Item = &'a Arc<Document>>,
    ) -> Conversations<'a> {
        let mut conversations: HashMap<&Scope, Vec<&Arc<Document>>> = of
            .filter(|document| document.is_turn())
            .map(|document| (&document.record.scope, Vec::new()))
            .collect();
        let documents = self.chunks.iter().flat_map(|chunk| chunk.documents());
        for turn in documents.filter(|document| document.is_turn()) {
            if let Some(conversation) = conversations.get_mut(&turn.record.scope) {
                conversation.push(turn);
            }
        }
        for turns in conversations.values_mut() {
            turns.sort_unstable_by_key(|turn| turn.moment());
        }
        Conversations(conversations)
    }
}

impl Conversations<'_> {
    /// At most `count` turns before a record and as many after it; none if it is no turn.
    pub fn around(&self, document: &Document, count: usize) -> Around<'_> {
        if !document.is_turn() {
            return Around::default();
        }
        let turns = self
            .0
            .get(&document.record.scope)
            .map_or(&[][..], Vec::as_slice);
        let (before, rest) =
            turns.split_at(turns.partition_point(|turn| turn.moment() < document.moment()));
        let after = rest.get(1..).unwrap_or_default();
        Around {
            before: &before[before.len().saturating_sub(count)..],
            after: &after[..count.min(after.len())],
        }
    }
}
