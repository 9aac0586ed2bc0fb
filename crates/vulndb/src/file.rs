//! The database: one immutable file, made to be mapped into memory.
//!
//! ```text
//! header    magic "garrvdb\n", format version u16, sections u16, sum of the sums u32, length u64,
//!           for each section: offset u64, length u64; then the header's sum u32
//! sections  each begins at a multiple of eight; see `Section`
//! ```
//!
//! All numbers are little-endian; sums are CRC-32. Most sections are a `Table`: a count (u32), count + 1 offsets (u32) into what
//! follows, and the records, each in postcard but for texts. Packages are found by a hash, in a sorted array with a table of where each
//! prefix of hashes begins. What is alike stands together: a database is [packed](pack) to a tenth of its length.
//!
//! Sums are of blocks of 4 KiB and are checked when a block is first touched: opening reads the header and the sums alone, and
//! yet no damaged byte is ever believed. That the file is the one that was meant is checked once, where it is imported, by its
//! digest. Nothing in a file can make a reader panic or work without bound: every offset and count is checked when it is used.
//!
//! The same records give the same bytes, in whatever order they were added.

mod bytes;
mod database;
mod derive;
mod header;
mod packed;
mod section;
mod shares;
mod table;
mod write;

pub use bytes::Corrupt;
pub use database::{
    AdvisoryHead, AdvisoryIndex, Database, PackageEntry, Statement, Text, Vulnerability, VulnerabilityIndex,
};
pub use derive::package_hash;
pub use header::FORMAT_VERSION;
pub use packed::{PACKED_VERSION, PackedError, is_packed, pack, unpack};
pub use section::Section;
pub(crate) use write::ScoreRow;
pub use write::{Builder, Feed, FeedIndex, TooLarge};
