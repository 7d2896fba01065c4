//! Whose memory it is: the scope of a record, and what a call selects of it (spec chapter 4).

use crate::error::{Error, Result};
use crate::text;

/// The scope that a record was added with; fixed for its life.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The user whom the record belongs to.
    pub user_id: Option<String>,
    /// The agent.
    pub agent_id: Option<String>,
    /// The run, such as one conversation.
    pub run_id: Option<String>,
}

/// What a call selects by one scope id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Match {
    /// Records with any value, and those without one.
    #[default]
    Any,
    /// Records that have none.
    Null,
    /// Records that have just this value.
    Is(String),
}

impl Match {
    /// Tells whether a record with this value is selected.
    pub fn selects(&self, value: Option<&str>) -> bool {
        match self {
            Match::Any => true,
            Match::Null => value.is_none(),
            Match::Is(wanted) => value == Some(wanted),
        }
    }

    /// Narrows what a call selects to what a view fixes; another value is an error.
    fn within(&self, outer: &Match, field: &str) -> Result<Match> {
        match (outer, self) {
            (Match::Any, inner) => Ok(inner.clone()),
            (fixed, Match::Any) => Ok(fixed.clone()),
            (fixed, inner) if fixed == inner => Ok(fixed.clone()),
            _ => Err(Error::invalid(
                field,
                "is another value than the one that this view is limited to",
            )),
        }
    }

    /// The value that a record added through a view gets.
    fn fix(&self, given: Option<String>, field: &str) -> Result<Option<String>> {
        match (self, given) {
            (Match::Any, given) => Ok(given),
            (Match::Null, None) => Ok(None),
            (Match::Is(fixed), None) => Ok(Some(fixed.clone())),
            (Match::Is(fixed), Some(given)) if *fixed == given => Ok(Some(given)),
            _ => Err(Error::invalid(
                field,
                "is another value than the one that this view is limited to",
            )),
        }
    }
}

impl From<&str> for Match {
    fn from(value: &str) -> Self {
        Match::Is(value.to_owned())
    }
}

impl From<String> for Match {
    fn from(value: String) -> Self {
        Match::Is(value)
    }
}

impl From<Option<String>> for Match {
    /// `None` selects the records that have no value, as null does on the wire.
    fn from(value: Option<String>) -> Self {
        value.map_or(Match::Null, Match::Is)
    }
}

/// Selects records by the three scope ids; the default selects all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ScopeMatch {
    /// By user.
    pub user_id: Match,
    /// By agent.
    pub agent_id: Match,
    /// By run.
    pub run_id: Match,
}

impl ScopeMatch {
    /// Tells whether a record with this scope is selected.
    pub fn selects(&self, scope: &Scope) -> bool {
        self.user_id.selects(scope.user_id.as_deref())
            && self.agent_id.selects(scope.agent_id.as_deref())
            && self.run_id.selects(scope.run_id.as_deref())
    }

    pub(crate) fn check(&self) -> Result<()> {
        for (value, field) in [
            (&self.user_id, "userId"),
            (&self.agent_id, "agentId"),
            (&self.run_id, "runId"),
        ] {
            if let Match::Is(value) = value {
                check_name(value, field)?;
            }
        }
        Ok(())
    }

    pub(crate) fn is_any(&self) -> bool {
        *self == ScopeMatch::default()
    }

    pub(crate) fn within(&self, outer: &ScopeMatch) -> Result<ScopeMatch> {
        Ok(ScopeMatch {
            user_id: self.user_id.within(&outer.user_id, "userId")?,
            agent_id: self.agent_id.within(&outer.agent_id, "agentId")?,
            run_id: self.run_id.within(&outer.run_id, "runId")?,
        })
    }

    pub(crate) fn fix(&self, given: Scope) -> Result<Scope> {
        Ok(Scope {
            user_id: self.user_id.fix(given.user_id, "userId")?,
            agent_id: self.agent_id.fix(given.agent_id, "agentId")?,
            run_id: self.run_id.fix(given.run_id, "runId")?,
        })
    }
}

/// Largest size of an id, a scope id, a role or a name, in bytes of UTF-8.
pub(crate) const MAX_NAME_BYTES: usize = 256;

/// Checks a scope id, a role or a name: 1 to 256 bytes, not blank, no U+0000.
pub(crate) fn check_name(value: &str, field: &str) -> Result<()> {
    check_size(value, field)?;
    if text::is_blank(value) {
        return Err(Error::invalid(
            field,
            "is blank: white space alone is no name (leave it out, or pass null, for none)",
        ));
    }
    Ok(())
}

/// Checks the id of a record: 1 to 256 bytes, no U+0000.
pub(crate) fn check_id(value: &str, field: &str) -> Result<()> {
    check_size(value, field)
}

fn check_size(value: &str, field: &str) -> Result<()> {
    if value.is_empty() || value.len() > MAX_NAME_BYTES {
        return Err(Error::invalid(
            field,
            format!(
                "has {} bytes of UTF-8: 1 to {MAX_NAME_BYTES} are allowed",
                value.len()
            ),
        ));
    }
    check_characters(value, field)
}

/// Checks that a text has no U+0000.
pub(crate) fn check_characters(value: &str, field: &str) -> Result<()> {
    if value.contains('\0') {
        return Err(Error::invalid(field, "contains U+0000"));
    }
    Ok(())
}
