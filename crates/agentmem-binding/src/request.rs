//! Calls as they come over the wire: the name of an operation and its arguments, turned into what the core takes.

use agentmem_core::{
    AsOf, Change, DEFAULT_IMPORTANCE, Error, Expiry, Export, GetAll, Import, MAX_ITEMS,
    MAX_ITEMS_BYTES, Memory, Metadata, Mode, NewRecord, OnExisting, Order, Recency, Request,
    Result, Search, Select, Timestamp,
};
use serde_json::{Map, Value};
use std::path::PathBuf;

use crate::added::{ADD, Defaults, Speaker, Speakers, expiry, new_record};
use crate::fields::{Fields, Floats, MAX_INTEGER, into_text};
use crate::given::Given;

const CLEAR: [&str; 7] = [
    "userId", "agentId", "runId", "filter", "since", "until", "purge",
];
const COUNT: [&str; 7] = [
    "userId", "agentId", "runId", "filter", "since", "until", "asOf",
];
const SEARCH: [&str; 15] = [
    "userId",
    "agentId",
    "runId",
    "filter",
    "since",
    "until",
    "limit",
    "mode",
    "minScore",
    "recency",
    "importanceWeight",
    "context",
    "explain",
    "embedding",
    "asOf",
];
const GET_ALL: [&str; 11] = [
    "userId", "agentId", "runId", "filter", "since", "until", "limit", "offset", "after", "order",
    "asOf",
];
const CHANGES: [&str; 7] = [
    "content",
    "metadata",
    "importance",
    "expiresAt",
    "ttl",
    "embedding",
    "ifVersion",
];

/// The operations that a binding may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Add,
    AddMany,
    Search,
    Get,
    GetAll,
    Update,
    Delete,
    Clear,
    Count,
    History,
    Changes,
    Compact,
    Stats,
    Verify,
    Backup,
}

impl Operation {
    pub fn named(name: &str) -> Result<Self> {
        Ok(match name {
            "add" => Operation::Add,
            "addMany" => Operation::AddMany,
            "search" => Operation::Search,
            "get" => Operation::Get,
            "getAll" => Operation::GetAll,
            "update" => Operation::Update,
            "delete" => Operation::Delete,
            "clear" => Operation::Clear,
            "count" => Operation::Count,
            "history" => Operation::History,
            "changes" => Operation::Changes,
            "compact" => Operation::Compact,
            "stats" => Operation::Stats,
            "verify" => Operation::Verify,
            "backup" => Operation::Backup,
            _ => return Err(Error::invalid("operation", "is unknown")),
        })
    }

    /// Tells whether it is done in a moment where what it needs is loaded.
    pub fn may_take_a_moment(self) -> bool {
        matches!(self, Operation::Search | Operation::Get)
    }

    /// Tells whether it takes a place in the queue of writes.
    pub fn writes(self) -> bool {
        matches!(
            self,
            Operation::Add
                | Operation::AddMany
                | Operation::Update
                | Operation::Delete
                | Operation::Clear
                | Operation::Compact
        )
    }
}

/// A call that was read.
pub(crate) enum Call {
    Search(String, Search),
    Get(String, Option<AsOf>),
    GetAll(GetAll),
    Count(Select, Option<AsOf>),
    History(String),
    Changes { after: i64, limit: Option<usize> },
    Stats,
    Verify,
    Backup(PathBuf),
    Write(Write),
}

/// A write that was read.
pub(crate) struct Write {
    request: Request,
    /// What `addMany` was given for all items; to be checked even if no item needs it.
    defaults: Option<Box<NewRecord>>,
    /// Which fields of what is added came in a message.
    speakers: Speakers,
}

/// The arguments of a call.
pub(crate) struct Arguments {
    members: Map<String, Value>,
    /// The vectors beside them.
    floats: Floats,
}

impl Arguments {
    pub fn parse<'a>(given: impl Into<Given<'a>>, vectors: Vec<f32>) -> Result<Self> {
        Ok(Arguments {
            members: given.into().members()?,
            floats: Floats::new(vectors),
        })
    }

    /// The time that the caller's clock gave, if it has one.
    pub fn now(&mut self) -> Result<Option<Timestamp>> {
        let Some(now) = self.take("now") else {
            return Ok(None);
        };
        let ms = now
            .as_i64()
            .ok_or_else(|| Error::invalid("clock", "gives no milliseconds since 1970"))?;
        read_now(ms).map(Some)
    }

    pub fn read(mut self, operation: Operation) -> Result<Call> {
        Ok(match operation {
            Operation::Add => Call::Write(self.add()?),
            Operation::AddMany => Call::Write(self.add_many()?),
            Operation::Search => {
                let query = self.text("query")?;
                let fields = self.options(&SEARCH)?;
                Call::Search(query, search(fields, &mut self.floats)?)
            }
            Operation::Get => {
                let id = self.text("id")?;
                Call::Get(id, as_of(&mut self.options(&["asOf"])?)?)
            }
            Operation::GetAll => Call::GetAll(get_all(self.options(&GET_ALL)?)?),
            Operation::Count => {
                let mut fields = self.options(&COUNT)?;
                Call::Count(fields.select()?, as_of(&mut fields)?)
            }
            Operation::Update => {
                let id = self.text("id")?;
                let fields = self.options(&CHANGES)?;
                Call::write(Request::Update(id, change(fields, &mut self.floats)?))
            }
            Operation::Delete => {
                let id = self.text("id")?;
                let purges = self.options(&["purge"])?.boolean("purge")?;
                Call::write(match purges.unwrap_or(false) {
                    true => Request::Purge(id),
                    false => Request::Delete(id),
                })
            }
            Operation::Clear => {
                let mut fields = self.options(&CLEAR)?;
                let purges = fields.boolean("purge")?;
                let select = fields.select()?;
                Call::write(match purges.unwrap_or(false) {
                    true => Request::PurgeAll(select),
                    false => Request::Clear(select),
                })
            }
            Operation::History => {
                let id = self.text("id")?;
                self.options(&[])?;
                Call::History(id)
            }
            Operation::Changes => {
                let mut fields = self.options(&["after", "limit"])?;
                let after = fields.integer("after", 0, MAX_INTEGER)?.unwrap_or(0);
                Call::Changes {
                    after: after.cast_signed(),
                    limit: fields.count("limit", 1, MAX_INTEGER)?,
                }
            }
            Operation::Compact => {
                self.options(&[])?;
                Call::write(Request::Compact)
            }
            Operation::Stats => {
                self.options(&[])?;
                Call::Stats
            }
            Operation::Verify => {
                self.options(&[])?;
                Call::Verify
            }
            Operation::Backup => {
                let path = self.path()?;
                self.options(&[])?;
                Call::Backup(path)
            }
        })
    }

    /// Reads what `exportTo` is given: the path and the options.
    pub fn export(mut self) -> Result<(PathBuf, Export)> {
        let path = self.path()?;
        let mut fields = self.options(&["history"])?;
        let history = fields.boolean("history")?.unwrap_or(false);
        Ok((path, Export { history }))
    }

    /// Reads what `importFrom` is given: the path and the options.
    pub fn import(mut self, embeds: bool) -> Result<(PathBuf, Import)> {
        let path = self.path()?;
        let mut fields = self.options(&["onExisting"])?;
        let choices = [
            ("error", OnExisting::Error),
            ("skip", OnExisting::Skip),
            ("replace", OnExisting::Replace),
        ];
        let on_existing = fields.choice("onExisting", &choices)?.unwrap_or_default();
        Ok((
            path,
            Import {
                on_existing,
                embeds,
            },
        ))
    }

    fn path(&mut self) -> Result<PathBuf> {
        let path = self.text("path")?;
        if path.is_empty() || path.contains('\0') {
            return Err(Error::invalid("path", "is empty or contains U+0000"));
        }
        Ok(PathBuf::from(path))
    }

    fn take(&mut self, key: &str) -> Option<Value> {
        self.members.remove(key).filter(|value| !value.is_null())
    }

    fn text(&mut self, key: &str) -> Result<String> {
        self.take(key)
            .and_then(into_text)
            .ok_or_else(|| Error::invalid(key, "is not text"))
    }

    fn options(&mut self, known: &[&str]) -> Result<Fields> {
        Fields::options(self.take("options"), known)
    }

    fn add(mut self) -> Result<Write> {
        let content = self.take("content");
        let fields = self.options(ADD)?;
        let (record, speaker) = new_record(content, fields, &mut self.floats)?;
        Ok(Write {
            request: Request::Add(Box::new(record)),
            defaults: None,
            speakers: vec![speaker],
        })
    }

    /// Reads items; an item gets those defaults for which it has no key (spec 6.6).
    fn add_many(mut self) -> Result<Write> {
        let Some(Value::Array(items)) = self.take("items") else {
            return Err(Error::invalid("items", "is not an array"));
        };
        if items.len() > MAX_ITEMS {
            return Err(Error::invalid(
                "items",
                format!("are {}: {MAX_ITEMS} are the most", items.len()),
            ));
        }
        let defaults = match self.take("defaults") {
            Some(defaults) => Defaults::read(defaults)?,
            None => Defaults::default(),
        };
        let mut records = Vec::with_capacity(items.len());
        let mut speakers = Vec::with_capacity(items.len());
        let mut bytes = 0;
        for (index, item) in items.into_iter().enumerate() {
            let (record, speaker) = defaults.fill(item, index, &mut self.floats)?;
            bytes += record.content.len() + defaults.least_bytes;
            // The core counts exactly; this keeps a large default from being copied without end.
            if bytes > MAX_ITEMS_BYTES {
                return Err(Error::invalid(
                    "items",
                    format!(
                        "have more than 256 MiB ({MAX_ITEMS_BYTES} bytes) of content and metadata"
                    ),
                ));
            }
            records.push(record);
            speakers.push(speaker);
        }
        Ok(Write {
            request: Request::AddMany(records),
            defaults: defaults.record.map(Box::new),
            speakers,
        })
    }
}

impl Call {
    fn write(request: Request) -> Self {
        Call::Write(Write {
            request,
            defaults: None,
            speakers: Vec::new(),
        })
    }
}

/// Reads the options of `update`, where null clears (spec 6.8).
fn change(mut fields: Fields, floats: &mut Floats) -> Result<Change> {
    let clears = |fields: &Fields, key: &str| fields.has(key);
    if fields.has("expiresAt") && fields.has("ttl") {
        return Err(Error::invalid(
            "ttl",
            "cannot be given together with expiresAt",
        ));
    }
    let has_content = clears(&fields, "content");
    let content = fields.text("content")?;
    if has_content && content.is_none() {
        return Err(Error::invalid(
            "content",
            "is null: content cannot be cleared",
        ));
    }
    let metadata = clears(&fields, "metadata").then(Metadata::new);
    let importance = clears(&fields, "importance").then_some(DEFAULT_IMPORTANCE);
    let ends = (clears(&fields, "expiresAt") || clears(&fields, "ttl")).then_some(Expiry::Never);
    Ok(Change {
        content,
        metadata: fields.metadata("metadata")?.or(metadata),
        importance: fields.number("importance")?.or(importance),
        expiry: expiry(&mut fields)?.or(ends),
        embedding: fields.vector("embedding", floats)?,
        if_version: fields.integer("ifVersion", 1, MAX_INTEGER)?,
    })
}

/// Reads the options of a search alone.
pub(crate) fn read_search(options: &str, embedding: Vec<f32>) -> Result<Search> {
    let options = serde_json::from_str(options).ok();
    let fields = Fields::read(options.unwrap_or_default(), "options", "", &SEARCH)?;
    search(fields, &mut Floats::new(embedding))
}

fn search(mut fields: Fields, floats: &mut Floats) -> Result<Search> {
    let defaults = Search::default();
    let modes = [
        ("hybrid", Mode::Hybrid),
        ("lexical", Mode::Lexical),
        ("semantic", Mode::Semantic),
    ];
    Ok(Search {
        select: fields.select()?,
        limit: fields.count("limit", 1, 1000)?.unwrap_or(defaults.limit),
        mode: fields.choice("mode", &modes)?.unwrap_or(defaults.mode),
        min_score: fields.number("minScore")?.unwrap_or(defaults.min_score),
        embedding: fields.vector("embedding", floats)?,
        recency: fields.take("recency").map(recency).transpose()?,
        importance_weight: fields
            .number("importanceWeight")?
            .unwrap_or(defaults.importance_weight),
        context: fields.count("context", 0, 20)?.unwrap_or(defaults.context),
        explain: fields.boolean("explain")?.unwrap_or(defaults.explain),
        as_of: as_of(&mut fields)?,
    })
}

/// Reads `{"weight": …, "halfLife": …}`.
fn recency(value: Value) -> Result<Recency> {
    let mut members = Fields::read(value, "recency", "recency.", &["weight", "halfLife"])?;
    Ok(Recency {
        weight: members.needed_number("weight")?,
        half_life: members.needed_number("halfLife")?,
    })
}

fn get_all(mut fields: Fields) -> Result<GetAll> {
    Ok(GetAll {
        select: fields.select()?,
        limit: fields.count("limit", 1, MAX_INTEGER)?,
        offset: fields.count("offset", 0, MAX_INTEGER)?,
        after: fields.text("after")?,
        order: fields
            .choice("order", &[("asc", Order::Asc), ("desc", Order::Desc)])?
            .unwrap_or_default(),
        as_of: as_of(&mut fields)?,
    })
}

/// Reads which state of the store is asked of: a time, or `{"seq": …}` (spec 7.6).
fn as_of(fields: &mut Fields) -> Result<Option<AsOf>> {
    match fields.given("asOf") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(time)) => {
            let time = Timestamp::parse(&time).map_err(|error| error.at("asOf"))?;
            Ok(Some(AsOf::Time(time)))
        }
        Some(value @ Value::Object(_)) => {
            let mut members = Fields::read(value, "asOf", "asOf.", &["seq"])?;
            let seq = members
                .integer("seq", 0, MAX_INTEGER)?
                .ok_or_else(|| Error::invalid("asOf.seq", "is missing"))?;
            Ok(Some(AsOf::Seq(seq.cast_signed())))
        }
        Some(_) => Err(Error::invalid(
            "asOf",
            "is neither a time nor {\"seq\": an integer}",
        )),
    }
}

impl Write {
    /// Checks the defaults, and gives the request with what is needed to locate its errors.
    pub fn checked(self, memory: &Memory) -> Result<(Request, Speakers)> {
        if let Some(defaults) = self.defaults {
            check_defaults(memory, *defaults)?;
        }
        Ok((self.request, self.speakers))
    }

    /// Gives an error of the core the field of where the caller wrote it: in a message, `role` is `content.role`.
    pub fn locate(speakers: &[Speaker], error: Error) -> Error {
        let Some(field) = error.field() else {
            return error;
        };
        let (item, path, name) = match field
            .strip_prefix("items[")
            .and_then(|rest| rest.split_once("]."))
        {
            Some((index, name)) => (
                index.parse().unwrap_or(usize::MAX),
                format!("items[{index}]."),
                name,
            ),
            None => (0, String::new(), field),
        };
        let speaker = speakers.get(item).copied().unwrap_or_default();
        let is_said = match name {
            "content" | "role" => speaker.role,
            "name" => speaker.name,
            _ => false,
        };
        if is_said {
            let field = format!("{path}content.{name}");
            error.at(field)
        } else {
            error
        }
    }
}

/// Checks the time of a call, as the caller's clock gave it.
pub(crate) fn read_now(ms: i64) -> Result<Timestamp> {
    Timestamp::from_millis(ms)
        .map_err(|_| Error::invalid("clock", "gives a time outside the years 1970 to 9999"))
}

/// Checks the defaults of `addMany` by themselves, so that a fault of theirs is not reported at an item.
///
/// The core checks records only where it adds them: these two are never added, since the second is blank.
fn check_defaults(memory: &Memory, defaults: NewRecord) -> Result<()> {
    let error = match memory.add_many(vec![
        NewRecord {
            content: "x".into(),
            ..defaults
        },
        NewRecord::from(""),
    ]) {
        Ok(_) => unreachable!("a blank record is refused"),
        Err(error) => error,
    };
    match error.field().map(str::to_owned) {
        Some(field) if field == "items[1].content" => Ok(()),
        Some(field) => Err(error.at(field.replacen("items[0]", "defaults", 1))),
        None => Err(error),
    }
}
