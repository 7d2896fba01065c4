//! A folder for the files of one test.

use std::fs;
use std::path::PathBuf;

/// A folder of its own, empty at first and gone at the end.
pub struct Folder(pub PathBuf);

impl Folder {
    /// Makes one; names are unique within a process.
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("agentmem-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a temporary folder can be made");
        Folder(path)
    }

    /// Where the store of the test is.
    #[allow(
        dead_code,
        reason = "each test is a crate of its own, and some have other files"
    )]
    pub fn file(&self) -> PathBuf {
        self.0.join("memory.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
