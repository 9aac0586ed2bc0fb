use serde::{Deserialize, Serialize};

use super::bytes::{Checked, Corrupt};
use super::section::Section;
use super::write::TooLarge;

/// Records one after another, with where each begins.
#[derive(Default)]
pub(crate) struct TableWriter {
    offsets: Vec<u32>,
    records: Vec<u8>,
}

impl TableWriter {
    pub(crate) const fn new() -> Self {
        Self { offsets: Vec::new(), records: Vec::new() }
    }

    pub(crate) fn push<T: Serialize>(&mut self, section: Section, record: &T) -> Result<(), TooLarge> {
        self.push_with(section, |records| {
            let taken = std::mem::take(records);
            *records = postcard::to_extend(record, taken).map_err(|_| TooLarge { section })?;
            Ok(())
        })
    }

    pub(crate) fn push_bytes(&mut self, section: Section, record: &[u8]) -> Result<(), TooLarge> {
        self.push_with(section, |records| {
            records.extend_from_slice(record);
            Ok(())
        })
    }

    fn push_with(
        &mut self,
        section: Section,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), TooLarge>,
    ) -> Result<(), TooLarge> {
        self.offsets.push(u32::try_from(self.records.len()).map_err(|_| TooLarge { section })?);
        write(&mut self.records)
    }

    pub(crate) fn finish(mut self, section: Section) -> Result<Vec<u8>, TooLarge> {
        let too_large = |_| TooLarge { section };
        let count = u32::try_from(self.offsets.len()).map_err(too_large)?;
        self.offsets.push(u32::try_from(self.records.len()).map_err(too_large)?);
        let mut bytes = Vec::with_capacity(4 + self.offsets.len() * 4 + self.records.len());
        bytes.extend_from_slice(&count.to_le_bytes());
        for offset in &self.offsets {
            bytes.extend_from_slice(&offset.to_le_bytes());
        }
        bytes.append(&mut self.records);
        Ok(bytes)
    }
}

/// A section that is a table.
#[derive(Debug)]
pub(crate) struct Table<'a, B> {
    file: &'a Checked<B>,
    section: Section,
    count: u32,
}

impl<'a, B: AsRef<[u8]>> Table<'a, B> {
    pub(crate) fn open(file: &'a Checked<B>, section: Section) -> Result<Self, Corrupt> {
        let count = number(file.get(section, 0..4)?);
        if file.section_length(section) < 8 + u64::from(count) * 4 {
            return Err(Corrupt::Form { section });
        }
        Ok(Self { file, section, count })
    }

    pub(crate) fn len(&self) -> u32 {
        self.count
    }

    pub(crate) fn bytes(&self, index: u32) -> Result<&'a [u8], Corrupt> {
        let form = Corrupt::Form { section: self.section };
        if index >= self.count {
            return Err(form);
        }
        let at = 4 + u64::from(index) * 4;
        let offsets = self.file.get(self.section, at..at + 8)?;
        let (start, end) = (u64::from(number(&offsets[..4])), u64::from(number(&offsets[4..])));
        let records = 8 + u64::from(self.count) * 4;
        self.file.get(self.section, records + start..records + end)
    }

    pub(crate) fn record<T: Deserialize<'a>>(&self, index: u32) -> Result<T, Corrupt> {
        postcard::from_bytes(self.bytes(index)?).map_err(|_| Corrupt::Form { section: self.section })
    }

    pub(crate) fn records<T: Deserialize<'a>>(&self) -> impl Iterator<Item = Result<T, Corrupt>> {
        (0..self.count).map(|index| self.record(index))
    }

    /// Finds a record by its text in a table that is ordered by that.
    pub(crate) fn find<T: Deserialize<'a>>(
        &self,
        name: &str,
        text: impl Fn(&T) -> &str,
    ) -> Result<Option<(u32, T)>, Corrupt> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            let record: T = self.record(middle)?;
            match text(&record).cmp(name) {
                std::cmp::Ordering::Equal => return Ok(Some((middle, record))),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(None)
    }
}

/// Reads four bytes; the caller has taken exactly these.
fn number(bytes: &[u8]) -> u32 {
    bytes.try_into().map_or(0, u32::from_le_bytes)
}
