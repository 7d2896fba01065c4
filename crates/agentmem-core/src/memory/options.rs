//! What a memory is opened with, and what its calls may be given.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::embed::Embedder;
use crate::error::{Code, Error, Result};
use crate::filter::Filter;
use crate::rank::{Mode, Recency};
use crate::record::Timestamp;
use crate::scope::ScopeMatch;
use crate::store::{AsOf, Durability, Order, Selection};

/// The greatest number that an option may be: 2^53 - 1.
const MAX_INTEGER: f64 = 9_007_199_254_740_991.0;

/// A function that gives milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// How a memory is opened; spec 3.3.
#[derive(Clone)]
pub struct Options {
    /// Makes the file if it is missing.
    pub create: bool,
    /// Refuses every write with `READ_ONLY`.
    pub read_only: bool,
    /// What an acknowledged write survives.
    pub durability: Durability,
    /// How long a call waits for another process before `BUSY`; 0 to 2147483647 ms.
    pub busy_timeout: Duration,
    /// About how many bytes loaded search indexes may take; the one in use is always held.
    pub cache_bytes: u64,
    /// Which superseded states `compact` leaves.
    pub history: History,
    /// What makes the vectors; none: what the store says, and in a new one the built-in table.
    pub embedder: Option<Embedder>,
    /// Gives the time; the system's clock if there is none.
    pub clock: Option<Clock>,
}

/// Which superseded states [`Memory::compact`](crate::Memory::compact) leaves; spec 11.4.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum History {
    /// All.
    #[default]
    Keep,
    /// Those that were superseded in so many days past; at least 0.
    Days(f64),
    /// None.
    Nothing,
}

impl History {
    /// The time up to which superseded states are erased, in milliseconds.
    pub(super) fn erased_until(self, now: Timestamp) -> Option<i64> {
        match self {
            History::Keep => None,
            History::Days(days) => Some(now.as_millis() - (days * 86_400_000.0).min(1e15) as i64),
            // The log may be ahead of a clock that went back.
            History::Nothing => Some(i64::MAX),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Options {
            create: true,
            read_only: false,
            durability: Durability::Full,
            busy_timeout: Duration::from_secs(5),
            cache_bytes: 256 << 20,
            history: History::Keep,
            embedder: None,
            clock: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("create", &self.create)
            .field("read_only", &self.read_only)
            .field("durability", &self.durability)
            .field("busy_timeout", &self.busy_timeout)
            .field("cache_bytes", &self.cache_bytes)
            .field("history", &self.history)
            .field("embedder", &self.embedder)
            .field("clock", &self.clock.is_some())
            .finish()
    }
}

impl Options {
    pub(super) fn check(&self) -> Result<()> {
        if self.busy_timeout > Duration::from_millis(2_147_483_647) {
            return Err(Error::invalid(
                "busyTimeout",
                "is more than 2147483647 milliseconds",
            ));
        }
        if let History::Days(days) = self.history
            && !(0.0..=MAX_INTEGER).contains(&days)
        {
            return Err(Error::invalid(
                "history.days",
                "is not a number from 0 to 2^53 - 1",
            ));
        }
        self.embedder.as_ref().map_or(Ok(()), Embedder::check)
    }

    /// Reads the clock.
    pub(super) fn now(&self) -> Result<Timestamp> {
        let ms = match &self.clock {
            Some(clock) => clock(),
            None => {
                let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
                since_1970.map_or(-1, |elapsed| {
                    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
                })
            }
        };
        Timestamp::from_millis(ms)
            .map_err(|_| Error::invalid("clock", "gives a time outside the years 1970 to 9999"))
    }
}

/// Which records `count` and `clear` speak of; the default is all. Spec chapters 4 and 5.
#[derive(Clone, Debug, Default)]
pub struct Select {
    /// By user, agent and run.
    pub scope: ScopeMatch,
    /// By metadata.
    pub filter: Option<Filter>,
    /// Created at this time or later.
    pub since: Option<Timestamp>,
    /// Created before this time.
    pub until: Option<Timestamp>,
}

impl Select {
    pub(super) fn check(self, view: &ScopeMatch) -> Result<Selection> {
        self.scope.check()?;
        let scope = self.scope.within(view)?;
        Ok(Selection {
            scope,
            filter: self.filter,
            since: self.since,
            until: self.until,
        })
    }
}

/// What [`Memory::search`](crate::Memory::search) may be given; spec 8.1.
#[derive(Clone, Debug)]
pub struct Search {
    /// Which records may be found.
    pub select: Select,
    /// At most so many hits, 1 to 1000; 10.
    pub limit: usize,
    /// What counts as evidence.
    pub mode: Mode,
    /// Keeps the hits with at least this score, 0 to 1.
    pub min_score: f64,
    /// Lets newer records come first; without it age does not count.
    pub recency: Option<Recency>,
    /// How much the importance of a record counts, beside how well it answers, which counts 1; 0 to 100, 0.
    pub importance_weight: f64,
    /// How many turns of its conversation each hit brings from before it and from after it, 0 to 20; 0.
    pub context: usize,
    /// Whether each hit tells why it was found, in numbers.
    pub explain: bool,
    /// The query's vector, where the store's embedder is the caller's own, which a search needs that is not lexical.
    pub embedding: Option<Vec<f32>>,
    /// Searches the store as it was, at a cost that grows with what it searches; spec 8.14.
    pub as_of: Option<AsOf>,
}

impl Default for Search {
    fn default() -> Self {
        Search {
            select: Select::default(),
            limit: 10,
            mode: Mode::Hybrid,
            min_score: 0.0,
            recency: None,
            importance_weight: 0.0,
            context: 0,
            explain: false,
            embedding: None,
            as_of: None,
        }
    }
}

impl Search {
    /// Whether the words of records can matter, whatever the embedder.
    pub(super) fn wants_words(&self) -> bool {
        self.mode != Mode::Semantic
    }

    pub(super) fn check(&self) -> Result<()> {
        if !(1..=1000).contains(&self.limit) {
            return Err(Error::invalid("limit", "is not an integer from 1 to 1000"));
        }
        if !(0.0..=1.0).contains(&self.min_score) {
            return Err(Error::invalid("minScore", "is not a number from 0 to 1"));
        }
        if self.context > 20 {
            return Err(Error::invalid("context", "is not an integer from 0 to 20"));
        }
        check_weight("importanceWeight", self.importance_weight)?;
        self.as_of.map_or(Ok(()), AsOf::check)?;
        if let Some(Recency { weight, half_life }) = self.recency {
            check_weight("recency.weight", weight)?;
            if !(half_life > 0.0 && half_life <= MAX_INTEGER) {
                return Err(Error::invalid(
                    "recency.halfLife",
                    "is not a number above 0, and at most 2^53 - 1",
                ));
            }
        }
        Ok(())
    }
}

fn check_weight(field: &str, weight: f64) -> Result<()> {
    if (0.0..=100.0).contains(&weight) {
        Ok(())
    } else {
        Err(Error::invalid(field, "is not a number from 0 to 100"))
    }
}

/// What [`Memory::get_all`](crate::Memory::get_all) may be given; spec 7.3.
#[derive(Clone, Debug, Default)]
pub struct GetAll {
    /// Which records.
    pub select: Select,
    /// At most so many, at least 1; all if there is none.
    pub limit: Option<usize>,
    /// Skips so many.
    pub offset: Option<usize>,
    /// Begins behind the place of the record with this id.
    pub after: Option<String>,
    /// Newest first by default.
    pub order: Order,
    /// Asks of the store as it was; spec 7.6.
    pub as_of: Option<AsOf>,
}

impl GetAll {
    pub(super) fn check(&self) -> Result<()> {
        if self.limit == Some(0) {
            return Err(Error::invalid("limit", "is not an integer of at least 1"));
        }
        if self.after.is_some() && self.offset.is_some() {
            return Err(
                Error::new(Code::InvalidArgument, "cannot be given together with after")
                    .at("offset"),
            );
        }
        self.as_of.map_or(Ok(()), AsOf::check)?;
        self.after
            .as_deref()
            .map_or(Ok(()), |after| crate::scope::check_id(after, "after"))
    }
}
