use std::collections::Bound;
use std::io;
use std::ops::RangeBounds;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a store's file operations are to suffer in a test: they are counted, may be recorded, and chosen ones fail.
///
/// Clones share their state. Operations run one at a time while a store has faults, so that counts and records have an order.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    count: u64,
    failing: Option<Failing>,
    recorded: Option<Vec<Operation>>,
}

#[derive(Debug)]
struct Failing {
    range: (Bound<u64>, Bound<u64>),
    kind: io::ErrorKind,
}

/// A file operation that succeeded and changes what is on the disk. Paths are relative to the root; a file is named by its
/// inode, since its name may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A directory was made.
    MakeDirectory {
        /// The directory.
        path: String,
    },
    /// An empty file was made.
    Create {
        /// The file's name.
        path: String,
        /// Its inode.
        file: u64,
    },
    /// Bytes were written.
    Write {
        /// The file's inode.
        file: u64,
        /// Where in the file.
        offset: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// A file was cut.
    Truncate {
        /// The file's inode.
        file: u64,
        /// Its size from now on.
        size_bytes: u64,
    },
    /// A file's bytes and size were synced.
    SyncFile {
        /// The file's inode.
        file: u64,
    },
    /// A file was given a second name.
    Link {
        /// The name that it has.
        from: String,
        /// The new name.
        to: String,
    },
    /// A name was changed.
    Rename {
        /// The old name.
        from: String,
        /// The new name.
        to: String,
    },
    /// A name was removed.
    Remove {
        /// The name.
        path: String,
    },
    /// A directory's entries were synced.
    SyncDirectory {
        /// The directory.
        path: String,
    },
}

impl Faults {
    /// Makes faults that only count.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts from zero again, and makes the operations whose number is in `range` (the first is 0) fail with `kind`. A
    /// failing write writes the first half of its bytes.
    pub fn fail(&self, range: impl RangeBounds<u64>, kind: io::ErrorKind) {
        let mut state = self.lock();
        state.count = 0;
        state.failing = Some(Failing { range: (range.start_bound().cloned(), range.end_bound().cloned()), kind });
    }

    /// Makes no operation fail any more.
    pub fn heal(&self) {
        self.lock().failing = None;
    }

    /// Records operations from now on, forgetting earlier records.
    pub fn record(&self) {
        self.lock().recorded = Some(Vec::new());
    }

    /// Returns how many operations were tried, reading ones too.
    pub fn count(&self) -> u64 {
        self.lock().count
    }

    /// Returns what was recorded so far.
    pub fn recorded(&self) -> Vec<Operation> {
        self.lock().recorded.clone().unwrap_or_default()
    }

    /// Runs one operation, or makes it fail.
    pub(crate) fn run<T>(
        &self,
        run: impl FnOnce() -> io::Result<T>,
        run_half: impl FnOnce(),
        describe: impl FnOnce(&T) -> Option<Operation>,
    ) -> io::Result<T> {
        let mut state = self.lock();
        let number = state.count;
        state.count += 1;
        if let Some(failing) = &state.failing
            && failing.range.contains(&number)
        {
            run_half();
            return Err(failing.kind.into());
        }
        let value = run()?;
        if let Some(recorded) = &mut state.recorded {
            recorded.extend(describe(&value));
        }
        Ok(value)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
