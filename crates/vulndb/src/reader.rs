use std::fmt;

use crate::Records;

/// One reader: which documents of a feed it wants, and the pure function that turns one into records.
///
/// A reader is one file in `readers/` that ends in `pub(crate) const READER: Reader`; the list of all is made from the folder.
pub struct Reader {
    /// The name of the feed's format, as configuration has it: `osv`, `debian-tracker`.
    pub name: &'static str,
    /// What it reads, in one line.
    pub summary: &'static str,
    /// Which files of an archive it wants, by their path; of a feed that is one document, that document is wanted always.
    pub claims: fn(path: &str) -> bool,
    /// The largest document that is read, in bytes; a larger one is counted as refused.
    pub document_bytes_max: u64,
    /// Reads one document. Never panics; what it cannot read it counts in [`Records::problems`].
    pub read: fn(&Document<'_>, &mut Records),
}

/// A document of a feed.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// Its path in the archive, or the last part of its address.
    pub path: &'a str,
    /// Its bytes, unpacked.
    pub bytes: &'a [u8],
}

impl Reader {
    /// Reads one document, unless it is larger than the limit.
    pub fn read(&self, document: &Document<'_>, records: &mut Records) {
        if document.bytes.len() as u64 > self.document_bytes_max {
            records.refuse(crate::Problem::TooLarge(self.document_bytes_max), document.path);
            return;
        }
        (self.read)(document, records);
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}
