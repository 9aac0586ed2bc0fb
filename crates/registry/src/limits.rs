//! Limits of the registry, each with its reason.

/// Bytes of one blob unless configured otherwise: 128 GiB holds the largest model layers seen in practice.
pub const BLOB_SIZE_BYTES_MAX: u64 = 128 << 30;

/// Tags that one manifest push may set: the draft asks for at least ten; more than this in a request line is abuse.
pub const TAGS_PER_PUSH_MAX: usize = 64;

/// Tags in one answer when the client names no number. Some clients never follow `Link`, so it is high; the answer
/// stays under 14 MiB.
pub const TAGS_PER_PAGE_MAX: u64 = 100_000;

/// Repositories in one catalog answer.
pub const CATALOG_PER_PAGE_MAX: u64 = 10_000;

/// Descriptors in one referrers answer.
pub const REFERRERS_PER_PAGE_MAX: u64 = 1_000;

/// Bytes of descriptors in one referrers answer: clients read an index of at most 4 MiB.
pub const REFERRERS_PAGE_BYTES_MAX: usize = 3 << 20;

/// Unfinished uploads that one actor may hold: a node pulling through a cache and a CI farm stay far below, and a
/// client that opens sessions without end is stopped.
pub const UPLOADS_PER_ACTOR_MAX: u64 = 1_000;

/// Uploads that have begun and hold nothing, kept in memory with SQLite: some 300 bytes each. Further ones are rows from the
/// start.
pub const BEGUN_UPLOADS_MAX: usize = 4_096;

/// A body of at most this many bytes is stored in one step on the blocking pool instead of being streamed through it.
pub const SMALL_BODY_BYTES_MAX: u64 = 128 << 10;

/// Bytes of manifests that the embedded cache holds, and the largest manifest it takes.
pub const MANIFEST_CACHE_BYTES_MAX: u64 = 8 << 20;
/// The largest manifest that the embedded cache takes.
pub const MANIFEST_CACHE_ENTRY_BYTES_MAX: usize = 128 << 10;

/// Other repositories whose cached entry of a blob is forgotten one by one when it is pushed again: past this many, one pass
/// over the cache costs less than to name them.
pub const HOLDERS_FORGOTTEN_MAX: usize = 64;

/// Rows that one transaction of collection or erasure touches, so that no write holds the writer for much more than a
/// millisecond.
pub const COLLECT_BATCH_ROWS_MAX: i64 = 32;

/// Changes of usage that one transaction folds: about 2 ms.
pub const USAGE_BATCH_ROWS_MAX: i64 = 500;

/// Rows that one page of `fsck` reads.
pub const FSCK_PAGE_ROWS_MAX: i64 = 500;

/// Findings that `fsck` names one by one; the rest are counted.
pub const FSCK_FINDINGS_MAX: usize = 1_000;
