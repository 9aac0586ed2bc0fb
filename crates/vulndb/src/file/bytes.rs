use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use super::header::{FIRST_SECTION, HEADER_BYTES, Header};
use super::section::Section;

/// How much one sum is of: a page, so that looking at few records checks few bytes.
pub(crate) const BLOCK_BYTES: u64 = 4096;

/// Why a file, or a part of it, is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Corrupt {
    /// It is something else.
    #[error("it is no vulnerability database of Garrison")]
    NotADatabase,
    /// It was written by another version of this program.
    #[error("it has format {found}, this program reads {}", super::FORMAT_VERSION)]
    Version {
        /// The version that it says.
        found: u16,
    },
    /// It is shorter or longer than it says.
    #[error("it should be {expected} bytes long")]
    Truncated {
        /// The length that it says, in bytes.
        expected: u64,
    },
    /// Bytes in it were changed.
    #[error("the bytes at {offset} are not those that were written")]
    Sum {
        /// Where the block begins.
        offset: u64,
    },
    /// What its bytes say has no meaning.
    #[error("its section of {} says something impossible", section.as_str())]
    Form {
        /// Where.
        section: Section,
    },
}

/// A file's bytes, each of which is checked when it is first touched.
#[derive(Debug)]
pub(crate) struct Checked<B> {
    bytes: B,
    header: Header,
    /// One bit a block: set when its sum was found right.
    right: Vec<AtomicU64>,
}

impl<B: AsRef<[u8]>> Checked<B> {
    pub(crate) fn open(bytes: B) -> Result<Self, Corrupt> {
        let file = bytes.as_ref();
        let header = Header::parse(file)?;
        let sums = section_range(&header, Section::Sums);
        let blocks = sums.start.div_ceil(BLOCK_BYTES);
        let stored =
            usize_range(&sums).and_then(|range| file.get(range)).ok_or(Corrupt::Form { section: Section::Sums })?;
        if stored.len() as u64 != blocks * 4 || sums.end != header.length {
            return Err(Corrupt::Form { section: Section::Sums });
        }
        if crc32fast::hash(stored) != header.sums_crc {
            return Err(Corrupt::Sum { offset: sums.start });
        }
        let words = usize::try_from(blocks.div_ceil(64)).map_err(|_| Corrupt::Form { section: Section::Sums })?;
        let right = (0..words).map(|_| AtomicU64::new(0)).collect();
        Ok(Self { bytes, header, right })
    }

    pub(crate) fn file_bytes(&self) -> &[u8] {
        self.bytes.as_ref()
    }

    pub(crate) fn section_length(&self, section: Section) -> u64 {
        let range = section_range(&self.header, section);
        range.end - range.start
    }

    /// Returns a part of a section, of which every block was found right.
    pub(crate) fn get(&self, section: Section, part: Range<u64>) -> Result<&[u8], Corrupt> {
        let whole = section_range(&self.header, section);
        let form = || Corrupt::Form { section };
        let start = whole.start.checked_add(part.start).ok_or_else(form)?;
        let end =
            whole.start.checked_add(part.end).filter(|end| *end <= whole.end && *end >= start).ok_or_else(form)?;
        if start == end {
            return Ok(&[]);
        }
        for block in start / BLOCK_BYTES..=(end - 1) / BLOCK_BYTES {
            self.check(block)?;
        }
        usize_range(&(start..end)).and_then(|range| self.bytes.as_ref().get(range)).ok_or_else(form)
    }

    /// Checks every byte, also those that no section has.
    pub(crate) fn check_all(&self) -> Result<(), Corrupt> {
        // The header has a sum of its own, and nothing behind it.
        let rest = self.bytes.as_ref().get(HEADER_BYTES..FIRST_SECTION).unwrap_or_default();
        if rest.iter().any(|byte| *byte != 0) {
            return Err(Corrupt::Sum { offset: 0 });
        }
        let sums = section_range(&self.header, Section::Sums);
        (1..sums.start.div_ceil(BLOCK_BYTES)).try_for_each(|block| self.check(block))
    }

    fn check(&self, block: u64) -> Result<(), Corrupt> {
        let offset = block * BLOCK_BYTES;
        let wrong = || Corrupt::Sum { offset };
        let word = usize::try_from(block / 64).ok().and_then(|word| self.right.get(word)).ok_or_else(wrong)?;
        let bit = 1 << (block % 64);
        // Any order is right: at worst a block is checked twice.
        if word.load(Ordering::Relaxed) & bit != 0 {
            return Ok(());
        }
        let sums = section_range(&self.header, Section::Sums);
        let file = self.bytes.as_ref();
        let bytes = usize_range(&(offset..(offset + BLOCK_BYTES).min(sums.start))).and_then(|range| file.get(range));
        let stored = sums.start + block * 4;
        let sum = usize_range(&(stored..stored + 4)).and_then(|range| file.get(range));
        let is_right = bytes.zip(sum).is_some_and(|(bytes, sum)| crc32fast::hash(bytes).to_le_bytes() == sum);
        if !is_right {
            return Err(wrong());
        }
        word.fetch_or(bit, Ordering::Relaxed);
        Ok(())
    }
}

fn section_range(header: &Header, section: Section) -> Range<u64> {
    header.sections[section as usize].clone()
}

fn usize_range(range: &Range<u64>) -> Option<Range<usize>> {
    Some(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
}
