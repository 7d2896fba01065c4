//! A new file that has its name only once it is complete.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::{Code, Error, Result};
use crate::store::files::{io_error, sync_folder};

/// A file that is being written under another name in the same folder; dropped before it is complete, it is removed.
#[derive(Debug)]
pub(crate) struct NewFile {
    path: PathBuf,
    written: PathBuf,
    file: BufWriter<File>,
    is_complete: bool,
}

impl NewFile {
    /// Begins a file where there is nothing yet; its owner alone may read it.
    pub fn begin(path: &Path) -> Result<Self> {
        if fs::symlink_metadata(path).is_ok() {
            return Err(exists());
        }
        let Some(name) = path.file_name() else {
            return Err(Error::new(Code::Io, "is no name of a file").at("path"));
        };
        // Without random numbers there may be an older one of the same name, which then stays.
        let random = getrandom::u64().unwrap_or_else(|_| std::process::id().into());
        let mut part = OsString::from(name);
        part.push(format!(".{random:016x}.part"));
        let written = path.with_file_name(part);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&written).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => io_error("is in a folder that does not exist", error),
            _ => io_error("cannot be made", error),
        })?;
        Ok(NewFile {
            path: path.to_owned(),
            written,
            file: BufWriter::new(file),
            is_complete: false,
        })
    }

    /// Appends bytes.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file
            .write_all(bytes)
            .map_err(|error| io_error("cannot be written", error))
    }

    /// Syncs the file and gives it its name, if that is still free.
    pub fn complete(&mut self) -> Result<()> {
        let failed = |error| io_error("cannot be written", error);
        self.file.flush().map_err(failed)?;
        self.file.get_ref().sync_all().map_err(failed)?;
        match fs::hard_link(&self.written, &self.path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(exists()),
            // Some file systems have no second names: there nobody is kept from making the file in between.
            Err(_) if fs::symlink_metadata(&self.path).is_ok() => return Err(exists()),
            Err(_) => fs::rename(&self.written, &self.path).map_err(failed)?,
        }
        // The second name goes; of a renamed file there is none.
        let _ = fs::remove_file(&self.written);
        self.is_complete = true;
        sync_folder(&self.path)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_complete {
            // What cannot be removed is left: it has another name than anybody asked for.
            let _ = fs::remove_file(&self.written);
        }
    }
}

fn exists() -> Error {
    Error::new(Code::Io, "exists already: an export goes to a new file").at("path")
}
