//! One engine per file per process, whatever the number of handles and the spelling of the path.
//!
//! Closing any descriptor of a file drops all locks that the process holds on it (POSIX), so that two engines on one file, or a look
//! into it by other means, could corrupt a store that is in use.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::Duration;

use crate::embed::Embedder;
use crate::error::{Code, Error, Result};
use crate::memory::engine::Engine;
use crate::memory::options::{History, Options};
use crate::store::{Durability, FileId, Opening, Store, create_file, io_error};

static OPEN: LazyLock<Mutex<HashMap<FileId, Entry>>> = LazyLock::new(Mutex::default);

/// One page of SQLite's smallest size, in bytes.
const SMALLEST_DATABASE: u64 = 512;

struct Entry {
    engine: Weak<Engine>,
    shared: Shared,
}

/// The options that all handles of a file have in common.
#[derive(Clone, Copy, PartialEq)]
struct Shared {
    durability: Durability,
    busy_timeout: Duration,
    cache_bytes: u64,
    history: History,
}

impl Shared {
    /// Names an option that differs.
    fn differs_from(&self, other: &Shared) -> Option<&'static str> {
        if self.durability != other.durability {
            Some("durability")
        } else if self.busy_timeout != other.busy_timeout {
            Some("busyTimeout")
        } else if self.cache_bytes != other.cache_bytes {
            Some("cacheBytes")
        } else if self.history != other.history {
            Some("history")
        } else {
            None
        }
    }
}

/// Gives the engine of a file, opening it if no handle has.
pub(super) fn open(path: &Path, options: &Options) -> Result<Arc<Engine>> {
    let shared = Shared {
        durability: options.durability,
        busy_timeout: options.busy_timeout,
        cache_bytes: options.cache_bytes,
        history: options.history,
    };
    // Held throughout: a file is made and opened by one thread at a time.
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    open.retain(|_, entry| entry.engine.strong_count() > 0);
    let may_create = options.create && !options.read_only;
    let id = identify(path, may_create)?;
    if let Some((engine, entry)) = open
        .get(&id)
        .and_then(|entry| Some((entry.engine.upgrade()?, entry)))
    {
        if !engine.is_ours() {
            return Err(Error::new(
                Code::Closed,
                "the process was forked while the file was open: open it in a process of its own (spawn, not fork)",
            ));
        }
        return match shared.differs_from(&entry.shared) {
            Some(field) => Err(Error::invalid(
                field,
                "is another value than that of the handles already open on this file",
            )),
            None => {
                let embedding = engine.refresh_embedding()?;
                embedding.check_named(options.embedder.as_ref())?;
                Ok(engine)
            }
        };
    }
    let opening = Opening {
        create: may_create,
        read_only: options.read_only,
        durability: options.durability,
        busy_timeout: options.busy_timeout,
        embedder: options.embedder.clone(),
    };
    let store = Store::open(path, id, &opening)?;
    let engine = Arc::new(Engine::new(store, options.cache_bytes)?);
    open.insert(
        id,
        Entry {
            engine: Arc::downgrade(&engine),
            shared,
        },
    );
    Ok(engine)
}

/// Whether a file is that of a store which this process has open, or one beside it: closing a descriptor of it would drop the locks.
pub(super) fn is_open(file: FileId) -> bool {
    let open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut engines = open.values().filter_map(|entry| entry.engine.upgrade());
    engines.any(|engine| engine.store().has_file(file))
}

/// An engine for a store in memory, which nobody else can open.
pub(super) fn open_in_memory(options: &Options) -> Result<Arc<Engine>> {
    let embedder = options.embedder.as_ref().unwrap_or(&Embedder::BuiltIn);
    let store = Store::in_memory(embedder)?;
    Engine::new(store, options.cache_bytes).map(Arc::new)
}

/// Tells which file a path leads to, making it if that is allowed; the file is never opened for this.
fn identify(path: &Path, create: bool) -> Result<FileId> {
    let found = match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && create => {
            // That somebody else has made it meanwhile is as good.
            create_file(path)?;
            fs::metadata(path)
        }
        found => found,
    };
    let found = found.map_err(|error| io_error("cannot be opened", error))?;
    if found.is_dir() {
        return Err(Error::new(Code::Io, "is a folder").at("path"));
    }
    if !found.is_file() {
        return Err(Error::new(Code::Io, "is not a regular file").at("path"));
    }
    // SQLite takes a few stray bytes for an empty database and would write over them.
    if (1..SMALLEST_DATABASE).contains(&found.len()) {
        return Err(Error::new(Code::UnsupportedFormat, "is not a store").at("path"));
    }
    check_links(&found)?;
    Ok(FileId::of(&found))
}

#[cfg(unix)]
fn check_links(found: &fs::Metadata) -> Result<()> {
    if std::os::unix::fs::MetadataExt::nlink(found) > 1 {
        return Err(Error::new(
            Code::Io,
            "has several hard links: its log would be looked for beside the wrong name",
        )
        .at("path"));
    }
    Ok(())
}
