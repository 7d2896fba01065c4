//! Reads of what the system has in memory, for who must not wait for the disk.
//!
//! On Linux a read can ask for what is in the page cache and nothing else (`preadv2` with `RWF_NOWAIT`). SQLite lets its calls of the system
//! be replaced (`xSetSystemCall`): the one that reads asks so while its thread does not want to wait. Elsewhere, and where the file system has
//! no such reads, all that is not at hand is waited for.
#![allow(
    unsafe_code,
    unsafe_op_in_unsafe_fn,
    reason = "a call of the system in the place of another: SQLite calls it as it calls `pread`"
)]

/// What a read without waiting has come to.
#[derive(Debug)]
#[cfg_attr(
    not(all(target_os = "linux", target_pointer_width = "64")),
    allow(dead_code, reason = "what is looked for is found on Linux alone")
)]
pub(super) enum Looked<T> {
    /// All that it read was in memory.
    Found(T),
    /// Something was not.
    Missed,
    /// The system or the file system cannot tell.
    Unsupported,
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
mod system {
    use super::Looked;

    pub(in crate::store) fn replace_reads(_: *mut rusqlite::ffi::sqlite3_vfs) {}

    pub(in crate::store) fn look<T>(_: u32, _: impl FnOnce() -> T) -> Looked<T> {
        Looked::Unsupported
    }

    pub(in crate::store) fn may_wait() -> bool {
        true
    }
}

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod system {
    use std::cell::Cell;
    use std::ffi::{c_int, c_void};
    use std::sync::OnceLock;

    use libc::{off_t, size_t, ssize_t};
    use rusqlite::ffi;

    use super::Looked;

    type Read = unsafe extern "C" fn(c_int, *mut c_void, size_t, off_t) -> ssize_t;

    /// What was in the place of [`read`].
    static BEFORE: OnceLock<Read> = OnceLock::new();

    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Wait {
        /// Reads wait, as they do by themselves.
        Allowed,
        /// They do not, and none had to; there may be so many more.
        Refused(u32),
        /// One would have had to, or something else went wrong with it.
        Missed,
        /// The system or the file system has no such reads.
        Unsupported,
    }

    thread_local! {
        static WAIT: Cell<Wait> = const { Cell::new(Wait::Allowed) };
    }

    /// Lets [`look`] work for the files of a VFS, if it is one of SQLite's own for Unix, or passes its calls on to one.
    pub(in crate::store) fn replace_reads(vfs: *mut ffi::sqlite3_vfs) {
        const NAME: *const std::ffi::c_char = c"pread".as_ptr();
        // SAFETY: the VFS is registered. Its table has for this name what takes and gives what `pread` does, or nothing.
        unsafe {
            let calls = vfs
                .as_ref()
                .filter(|vfs| vfs.iVersion >= 3)
                .and_then(|vfs| Some((vfs.xGetSystemCall?, vfs.xSetSystemCall?)));
            let Some((get, set)) = calls else { return };
            let Some(before) = get(vfs, NAME) else {
                return;
            };
            let before = std::mem::transmute::<unsafe extern "C" fn(), Read>(before);
            let ours = std::mem::transmute::<Read, unsafe extern "C" fn()>(read);
            // First: it is called as soon as it is set.
            if BEFORE.set(before).is_ok() {
                set(vfs, NAME, Some(ours));
            }
        }
    }

    /// Runs work that reads through SQLite in this thread: none of it waits for the disk, nor sleeps until somebody else is done.
    ///
    /// It reads so many pages at most. Unless all was found, what the work gave says nothing, be it an error, and is not given on.
    pub(in crate::store) fn look<T>(most_reads: u32, work: impl FnOnce() -> T) -> Looked<T> {
        if BEFORE.get().is_none() {
            return Looked::Unsupported;
        }
        /// Whatever happens, the thread reads as before in the end.
        struct Restored;
        impl Drop for Restored {
            fn drop(&mut self) {
                WAIT.set(Wait::Allowed);
            }
        }
        WAIT.set(Wait::Refused(most_reads));
        let restored = Restored;
        let answer = work();
        let wait = WAIT.get();
        drop(restored);
        match wait {
            Wait::Allowed | Wait::Refused(_) => Looked::Found(answer),
            Wait::Missed => Looked::Missed,
            Wait::Unsupported => Looked::Unsupported,
        }
    }

    /// Whether the thread may wait; else it is noted that it would have had to.
    pub(in crate::store) fn may_wait() -> bool {
        // In a thread that ends, whose values are gone already, nobody looks.
        let wait = WAIT.try_with(Cell::get).unwrap_or(Wait::Allowed);
        if let Wait::Refused(_) = wait {
            WAIT.set(Wait::Missed);
        }
        wait == Wait::Allowed
    }

    unsafe extern "C" fn read(file: c_int, to: *mut c_void, count: size_t, at: off_t) -> ssize_t {
        let wait = WAIT.try_with(Cell::get).unwrap_or(Wait::Allowed);
        match wait {
            Wait::Allowed => {
                return match BEFORE.get() {
                    Some(before) => before(file, to, count, at),
                    None => libc::pread(file, to, count, at),
                };
            }
            Wait::Refused(left) if left > 0 => WAIT.set(Wait::Refused(left - 1)),
            _ => {
                may_wait();
                *libc::__errno_location() = libc::EAGAIN;
                return -1;
            }
        }
        let space = libc::iovec {
            iov_base: to,
            iov_len: count,
        };
        // By its number, since not every C library has it. The offset has the lower half of two words, and here that is all.
        let [offset, upper] = [at, 0];
        let spaces: c_int = 1;
        let got = libc::syscall(
            libc::SYS_preadv2,
            file,
            &raw const space,
            spaces,
            offset,
            upper,
            libc::RWF_NOWAIT,
        );
        if got < 0 {
            let missed = match *libc::__errno_location() {
                // SQLite tries again.
                libc::EINTR => WAIT.get(),
                libc::EOPNOTSUPP | libc::ENOSYS | libc::EINVAL => Wait::Unsupported,
                _ => Wait::Missed,
            };
            WAIT.set(missed);
        }
        got as ssize_t
    }
}

pub(super) use system::{look, may_wait, replace_reads};
