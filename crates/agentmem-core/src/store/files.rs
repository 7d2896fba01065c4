//! The file of a store and those beside it: making it, telling it from others, and telling when one of them is replaced.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::{Code, Error, Result};
use crate::store::lock;

/// The steps in which a kernel notes times: 10 ms at most, and with a margin as long.
const TICK: Duration = Duration::from_millis(20);
/// The steps of a file system that keeps no fractions of a second: 2 s at most, and with a margin.
const COARSE_TICK: Duration = Duration::from_millis(2_500);

/// What tells a file from every other on a machine: device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FileId(u64, u64);

impl FileId {
    /// Reads it from what the file system says of a file, which is not opened for this.
    #[cfg(unix)]
    pub fn of(found: &fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        FileId(found.dev(), found.ino())
    }

    fn at(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().as_ref().map(Self::of)
    }
}

/// A folder as it is: every name that comes, goes or changes hands in it is another state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FolderState {
    file: FileId,
    /// When it has last changed, since 1970.
    changed: Duration,
}

impl FolderState {
    #[cfg(unix)]
    fn at(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let found = fs::metadata(path).ok()?;
        let seconds = u64::try_from(found.ctime()).ok()?;
        let nanoseconds = u32::try_from(found.ctime_nsec()).ok()?;
        Some(FolderState {
            file: FileId::of(&found),
            changed: Duration::new(seconds, nanoseconds),
        })
    }

    /// Whether a change after this moment is sure to make another state: times are kept in steps.
    fn is_settled(&self, now: SystemTime) -> bool {
        let is_fine = !self.changed.subsec_nanos().is_multiple_of(1_000_000);
        let step = if is_fine { TICK } else { COARSE_TICK };
        now.duration_since(UNIX_EPOCH)
            .is_ok_and(|now| now.saturating_sub(self.changed) > step)
    }
}

/// Where an open store is.
#[derive(Debug)]
pub(super) struct Files {
    path: PathBuf,
    /// Where all the names are, unless the path ends in a link, which leads elsewhere.
    folder: Option<PathBuf>,
    /// What the folder was when each name was found to be right.
    right: Mutex<Option<FolderState>>,
    /// The file that the path led to when it was opened.
    file: FileId,
    /// The log, `-wal`.
    pub log: PathBuf,
    /// The index of the log, `-shm`, by which processes see each other's writes.
    index: PathBuf,
    /// Where SQLite would look for a rollback journal.
    pub journal: PathBuf,
    /// The log and its index since the store is open.
    sides: [Option<FileId>; 2],
}

impl Files {
    /// The names of the files of the store that a path leads to.
    pub fn new(path: &Path, file: FileId) -> Result<Self> {
        // SQLite follows links, and puts the rest beside the file that it has found.
        let found = fs::canonicalize(path).map_err(|error| io_error("cannot be opened", error))?;
        let beside = |end: &str| {
            let mut name = found.clone().into_os_string();
            name.push(end);
            PathBuf::from(name)
        };
        let is_link = fs::symlink_metadata(path).map_or(true, |found| found.is_symlink());
        Ok(Files {
            path: path.to_owned(),
            folder: (!is_link).then(|| folder_of(path).to_owned()),
            right: Mutex::default(),
            file,
            log: beside("-wal"),
            index: beside("-shm"),
            journal: beside("-journal"),
            sides: [None; 2],
        })
    }

    /// Whether a file is one of these.
    pub fn has(&self, file: FileId) -> bool {
        file == self.file || self.sides.contains(&Some(file))
    }

    /// Whether a path is one of those that SQLite uses, be there something or not.
    pub fn has_path(&self, path: &Path) -> bool {
        let Some(name) = path.file_name() else {
            return false;
        };
        let Ok(folder) = fs::canonicalize(folder_of(path)) else {
            return false;
        };
        let path = folder.join(name);
        [&self.log, &self.index, &self.journal].contains(&&path)
            || fs::canonicalize(&self.path).is_ok_and(|own| own == path)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the log and its index, where an opening has left them that could only read, the permissions of the file again.
    ///
    /// What cannot be changed is left: SQLite tells then what it cannot do.
    #[cfg(unix)]
    pub fn share_permissions(&self) {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let Ok(file) = fs::metadata(&self.path) else {
            return;
        };
        for side in [&self.log, &self.index] {
            // Where a link lies, its target is none of ours.
            let found = fs::symlink_metadata(side).ok();
            let lacks = |found: &fs::Metadata| file.mode() & !found.mode() & 0o666 != 0;
            if found
                .is_some_and(|found| found.is_file() && found.uid() == file.uid() && lacks(&found))
            {
                let permissions = fs::Permissions::from_mode(file.mode() & 0o666);
                let _ = fs::set_permissions(side, permissions);
            }
        }
    }

    /// Notes which log and index SQLite has opened.
    pub fn note_sides(&mut self) {
        self.sides = self.found_sides();
    }

    fn found_sides(&self) -> [Option<FileId>; 2] {
        [FileId::at(&self.log), FileId::at(&self.index)]
    }

    /// Checks that the names still lead to the files that are open: what is written to others is lost for everybody else.
    ///
    /// Where no name in their folder has changed since, to look at that is enough.
    pub fn check(&self) -> Result<()> {
        let now = SystemTime::now();
        let state = self.folder.as_deref().and_then(FolderState::at);
        if state.is_some() && *lock(&self.right) == state {
            return Ok(());
        }
        self.check_names()?;
        *lock(&self.right) = state.filter(|state| state.is_settled(now));
        Ok(())
    }

    fn check_names(&self) -> Result<()> {
        let message = if FileId::at(&self.path) != Some(self.file) {
            "has been moved, replaced or deleted since it was opened: close the memory and open it anew"
        } else if self.found_sides() != self.sides {
            "has lost the files beside it (-wal, -shm), which were moved, replaced or deleted while it was open: \
             close it in all processes, then open it anew"
        } else {
            return Ok(());
        };
        Err(Error::new(Code::Io, message).at("path"))
    }

    /// Whether the last one out may move the log that is open into the file: not if others can have written since the names were taken away.
    ///
    /// Where the log alone is gone, all that have the store open still have it, and the index tells them of each other; nobody can open the
    /// store anew and write before they have left, so that what the log holds is saved by the last one.
    pub fn may_move_log(&self) -> bool {
        let [log, index] = self.found_sides();
        let log_is_gone = fs::metadata(&self.log).map_or(true, |found| found.len() == 0);
        FileId::at(&self.path) == Some(self.file)
            && index == self.sides[1]
            && (log == self.sides[0] || log_is_gone)
    }

    /// The bytes of all of them.
    pub fn bytes(&self) -> u64 {
        let size = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
        size(&self.path) + size(&self.log) + size(&self.index)
    }
}

/// The folder that a path names its last part in.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Makes a file that is missing, readable by its owner alone; false if there is something at the path already.
pub(crate) fn create_file(path: &Path) -> Result<bool> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(io_error("is in a folder that does not exist", error))
        }
        Err(error) => Err(io_error("cannot be made", error)),
    }
}

/// Makes the disk keep which files there are beside a new one, and that itself.
pub(super) fn sync_folder(path: &Path) -> Result<()> {
    let synced = fs::File::open(folder_of(path)).and_then(|folder| folder.sync_all());
    match synced {
        // Some file systems have no such thing.
        Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => Ok(()),
        synced => synced.map_err(|error| io_error("is in a folder that cannot be synced", error)),
    }
}

/// The error for a path that the operating system refuses.
pub(crate) fn io_error(what: &str, cause: std::io::Error) -> Error {
    Error::new(Code::Io, format!("{what} ({})", cause.kind()))
        .at("path")
        .because(cause)
}
