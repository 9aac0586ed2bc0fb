use std::sync::atomic::{AtomicU64, Ordering};

/// What the database did since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Reads that ended.
    pub reads: u64,
    /// Writes that ended, also those that were rolled back.
    pub writes: u64,
    /// Commits of writes. Fewer than writes when writes shared them.
    pub commits: u64,
    /// Most writes that shared a commit.
    pub group_size_max: u64,
    /// Reads and writes that are waiting or under way.
    pub queue_depth: u64,
    /// Attempts of writes that lost against another transaction or a broken connection and were run again.
    pub retries: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    reads: AtomicU64,
    writes: AtomicU64,
    commits: AtomicU64,
    group_size_max: AtomicU64,
    retries: AtomicU64,
}

impl Counters {
    pub(crate) fn read(&self) {
        self.reads.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn group(&self, writes: usize, committed: bool) {
        let writes = writes as u64;
        self.writes.fetch_add(writes, Ordering::Relaxed);
        if committed {
            self.commits.fetch_add(1, Ordering::Relaxed);
            self.group_size_max.fetch_max(writes, Ordering::Relaxed);
        }
    }

    pub(crate) fn retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self, queue_depth: u64) -> Metrics {
        Metrics {
            reads: self.reads.load(Ordering::Relaxed),
            writes: self.writes.load(Ordering::Relaxed),
            commits: self.commits.load(Ordering::Relaxed),
            group_size_max: self.group_size_max.load(Ordering::Relaxed),
            queue_depth,
            retries: self.retries.load(Ordering::Relaxed),
        }
    }
}
