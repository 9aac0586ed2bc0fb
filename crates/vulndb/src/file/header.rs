use std::ops::Range;

use super::bytes::{BLOCK_BYTES, Corrupt};
use super::section::Section;

/// The version of the file's form, raised with each change of it. 3 has what 2 has, and SUSE's long-term support as a channel; in 4 other names are those of
/// the same vulnerability; 5 has what 4 has, and every ecosystem of OSV's schema.
pub const FORMAT_VERSION: u16 = 5;

/// The oldest version that is read: what is in such a file is in one of today as well.
const FORMAT_VERSION_OLDEST: u16 = 2;

const MAGIC: &[u8; 8] = b"garrvdb\n";

/// Magic, version, count, sum of the sums, length.
const FIXED_BYTES: usize = 8 + 2 + 2 + 4 + 8;

/// The header's length in bytes, its own sum included.
pub(crate) const HEADER_BYTES: usize = FIXED_BYTES + Section::ALL.len() * 16 + 4;

/// Where the first section begins: the header has the first block to itself.
pub(crate) const FIRST_SECTION: usize = 4096;

/// Each section begins at a multiple of this.
pub(crate) const ALIGNMENT: usize = 8;

const _: () = assert!(FIRST_SECTION as u64 == BLOCK_BYTES && HEADER_BYTES <= FIRST_SECTION);

/// Where the sections are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    /// The version of the form: what an older one came from has that version for good.
    pub(crate) version: u16,
    /// The CRC-32 of the section of sums.
    pub(crate) sums_crc: u32,
    /// The file's length in bytes.
    pub(crate) length: u64,
    /// The places of the sections, in their order.
    pub(crate) sections: [Range<u64>; Section::ALL.len()],
}

impl Header {
    pub(crate) fn section_bytes(&self, section: Section) -> u64 {
        let range = &self.sections[section as usize];
        range.end - range.start
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&self.version.to_le_bytes());
        bytes.extend_from_slice(&u16::try_from(Section::ALL.len()).unwrap_or(u16::MAX).to_le_bytes());
        bytes.extend_from_slice(&self.sums_crc.to_le_bytes());
        bytes.extend_from_slice(&self.length.to_le_bytes());
        for section in &self.sections {
            bytes.extend_from_slice(&section.start.to_le_bytes());
            bytes.extend_from_slice(&(section.end - section.start).to_le_bytes());
        }
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    /// Reads the header of a file and checks that it is as long as it says.
    pub(crate) fn parse(file: &[u8]) -> Result<Self, Corrupt> {
        let header = Self::read(file)?;
        if header.length != file.len() as u64 {
            return Err(Corrupt::Truncated { expected: header.length });
        }
        Ok(header)
    }

    /// Reads what a file begins with and checks that every section lies in it.
    pub(crate) fn read(file: &[u8]) -> Result<Self, Corrupt> {
        if !file.starts_with(MAGIC) {
            return Err(Corrupt::NotADatabase);
        }
        let version = file.get(8..10).map_or(0, |bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
        if !(FORMAT_VERSION_OLDEST..=FORMAT_VERSION).contains(&version) {
            return Err(Corrupt::Version { found: version });
        }
        let header = file.get(..HEADER_BYTES).ok_or(Corrupt::Truncated { expected: HEADER_BYTES as u64 })?;
        let (body, sum) = header.split_at(HEADER_BYTES - 4);
        if crc32fast::hash(body).to_le_bytes() != sum {
            return Err(Corrupt::Sum { offset: 0 });
        }
        let number =
            |at: usize| body.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes);
        let length = number(16);
        let sums_crc = u32::from_le_bytes([body[12], body[13], body[14], body[15]]);
        let mut sections = [const { 0..0 }; Section::ALL.len()];
        for (at, section) in sections.iter_mut().enumerate() {
            let (start, bytes) = (number(FIXED_BYTES + at * 16), number(FIXED_BYTES + at * 16 + 8));
            let end = start.checked_add(bytes).filter(|end| *end <= length && start >= BLOCK_BYTES);
            *section = start..end.ok_or(Corrupt::Form { section: Section::ALL[at] })?;
        }
        Ok(Self { version, sums_crc, length, sections })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file says for good of which form it is.
    #[test]
    fn the_form_stays_what_it_was() {
        for version in 0..=FORMAT_VERSION + 1 {
            let sections = [const { BLOCK_BYTES..BLOCK_BYTES }; Section::ALL.len()];
            let bytes = Header { version, sums_crc: 7, length: BLOCK_BYTES, sections }.to_bytes();
            let told = Header::read(&bytes).map(|header| (header.version, header.to_bytes() == bytes));
            let is_read = (2..=5).contains(&version);
            let expected = if is_read { Ok((version, true)) } else { Err(Corrupt::Version { found: version }) };
            assert_eq!(told, expected);
        }
    }
}
