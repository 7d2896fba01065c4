//! AgentMem through the core.

use std::path::Path;

use agentmem_core::{
    Change, Embedder, Filter, Hit, Match, Memory, Mode, NewRecord, Options, ScopeMatch, Search,
    Select,
};
use serde_json::json;

use crate::Failed;
use crate::data::{Kind, Question, Record};

pub struct AgentMem {
    pub memory: Memory,
    own: bool,
}

impl AgentMem {
    pub fn open(folder: &Path, kind: Kind) -> Result<AgentMem, Failed> {
        std::fs::create_dir_all(folder)?;
        let own = kind != Kind::Text;
        let embedder = own.then(|| Embedder::Own {
            id: "given".to_owned(),
            dimensions: kind.dimensions(),
        });
        let options = Options {
            embedder,
            ..Options::default()
        };
        let memory = Memory::open(folder.join("bench.agentmem"), options)?;
        Ok(AgentMem { memory, own })
    }

    pub fn item(&self, record: &Record) -> NewRecord {
        NewRecord {
            id: Some(record.id.clone()),
            user_id: Some(record.user.clone()),
            metadata: Some(record.metadata.clone()),
            embedding: self.own.then(|| record.vector.clone()),
            ..NewRecord::from(record.text.clone())
        }
    }

    pub fn search(
        &self,
        question: &Question,
        mode: Mode,
        user: Option<&str>,
        category: Option<&str>,
    ) -> Result<Vec<Hit>, Failed> {
        let scope = ScopeMatch {
            user_id: user.map_or(Match::Any, |user| Match::Is(user.to_owned())),
            ..ScopeMatch::default()
        };
        let filter = category
            .map(|category| Filter::parse(&json!({"category": category})))
            .transpose()?;
        let search = Search {
            mode,
            select: Select {
                scope,
                filter,
                ..Select::default()
            },
            embedding: self.own.then(|| question.vector.clone()),
            ..Search::default()
        };
        Ok(self.memory.search(&question.text, search)?)
    }

    pub fn update(&self, record: &Record, text: String) -> Result<(), Failed> {
        let change = Change {
            content: Some(text),
            embedding: self.own.then(|| record.vector.clone()),
            ..Change::default()
        };
        self.memory.update(&record.id, change)?;
        Ok(())
    }
}
