use std::io::{BufRead, Read, Write};

use serde::{Deserialize, Serialize};

use super::super::bytes::Corrupt;
use super::super::header::Header;
use super::super::section::Section;
use super::super::write::TooLarge;
use super::{PackedError, read_number, write_number};

/// What ends a text: no text in UTF-8 has this byte.
const END: u8 = 0xff;

/// Values of one meaning, one after another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column(Vec<u8>);

impl Column {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) const fn of(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Adds what is told apart by other means than a length or an end.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn push_number(&mut self, number: u64) {
        // Writing to memory does not fail.
        let _written = write_number(&mut self.0, number);
    }

    /// Adds a text, which has no byte that ends one.
    pub(super) fn push_text(&mut self, text: impl AsRef<[u8]>) {
        self.0.extend_from_slice(text.as_ref());
        self.0.push(END);
    }

    pub(super) fn push_bytes(&mut self, bytes: &[u8]) {
        self.push_number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn push<T: Serialize>(&mut self, section: Section, value: &T) -> Result<(), TooLarge> {
        let taken = std::mem::take(&mut self.0);
        self.0 = postcard::to_extend(value, taken).map_err(|_| TooLarge { section })?;
        Ok(())
    }

    pub(super) fn values(&self, section: Section) -> Values<'_> {
        Values { section, rest: &self.0 }
    }
}

pub(super) fn write_columns(columns: &[Column], to: &mut impl Write) -> Result<(), PackedError> {
    for Column(bytes) in columns {
        write_number(to, bytes.len() as u64)?;
        to.write_all(bytes)?;
    }
    Ok(())
}

/// How many bytes of columns are taken into memory.
pub(super) struct Budget(u64);

impl Budget {
    /// What is said in columns takes less than in the file. Only what is said once may take more, as it stands apart and is then pointed
    /// to, but not twice as much.
    pub(super) fn of_file(length: u64) -> Self {
        Self(length.saturating_mul(2))
    }

    pub(super) fn read_columns<const COUNT: usize>(
        &mut self,
        section: Section,
        from: &mut impl BufRead,
    ) -> Result<[Column; COUNT], PackedError> {
        let mut columns = [const { Column::new() }; COUNT];
        for Column(bytes) in &mut columns {
            let length = read_number(from)?;
            self.take(section, length)?;
            // The length is believed only as far as there are bytes.
            from.by_ref().take(length).read_to_end(bytes)?;
            if bytes.len() as u64 != length {
                return Err(PackedError::Truncated);
            }
        }
        Ok(columns)
    }

    pub(super) fn take(&mut self, section: Section, bytes: u64) -> Result<(), Corrupt> {
        self.0 = self.0.checked_sub(bytes).ok_or(Corrupt::Form { section })?;
        Ok(())
    }
}

/// How many bytes may still come of a section.
pub(super) struct Room {
    section: Section,
    left: u64,
}

impl Room {
    pub(super) fn of(header: &Header, section: Section) -> Self {
        Self { section, left: header.section_bytes(section) }
    }

    /// Returns the room of two sections that come of the same.
    pub(super) fn of_both(header: &Header, [one, other]: [Section; 2]) -> Self {
        let left = header.section_bytes(one).saturating_add(header.section_bytes(other));
        Self { section: other, left }
    }

    pub(super) fn take(&mut self, bytes: usize) -> Result<(), Corrupt> {
        self.left = self.left.checked_sub(bytes as u64).ok_or(Corrupt::Form { section: self.section })?;
        Ok(())
    }
}

/// Reads a column from its beginning.
pub(super) struct Values<'a> {
    section: Section,
    rest: &'a [u8],
}

impl<'a> Values<'a> {
    fn form(&self) -> Corrupt {
        Corrupt::Form { section: self.section }
    }

    pub(super) fn number(&mut self) -> Result<u64, Corrupt> {
        read_number(&mut self.rest).map_err(|_| self.form())
    }

    pub(super) fn place(&mut self) -> Result<u32, Corrupt> {
        u32::try_from(self.number()?).map_err(|_| self.form())
    }

    /// Reads what ends as a text does.
    pub(super) fn coded(&mut self) -> Result<&'a [u8], Corrupt> {
        let end = self.rest.iter().position(|byte| *byte == END).ok_or_else(|| self.form())?;
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest.get(1..).unwrap_or_default();
        Ok(text)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Corrupt> {
        std::str::from_utf8(self.coded()?).map_err(|_| self.form())
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Corrupt> {
        let length = usize::try_from(self.number()?).map_err(|_| self.form())?;
        self.next(length)
    }

    /// Reads as many bytes as are known to be of one value.
    pub(super) fn next(&mut self, length: usize) -> Result<&'a [u8], Corrupt> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(|| self.form())?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Passes over a byte that stands for a whole value, if that is next.
    pub(super) fn pass(&mut self, byte: u8) -> bool {
        let rest = self.rest.strip_prefix(&[byte]);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    pub(super) fn value<T: Deserialize<'a>>(&mut self) -> Result<T, Corrupt> {
        let (value, rest) = postcard::take_from_bytes(self.rest).map_err(|_| self.form())?;
        self.rest = rest;
        Ok(value)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Makes sure that nothing is left.
    pub(super) fn end(&self) -> Result<(), Corrupt> {
        if self.is_empty() { Ok(()) } else { Err(self.form()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECTION: Section = Section::Advisories;

    #[test]
    fn values_are_read_as_they_were_added() {
        let mut column = Column::new();
        column.push_text("a\n\u{10ffff}\0");
        column.push_text("");
        column.push_number(u64::MAX);
        column.push_bytes(&[0xff, 0]);
        column.push(SECTION, &Some("x")).unwrap();
        let mut values = column.values(SECTION);
        assert_eq!(values.text(), Ok("a\n\u{10ffff}\0"));
        assert_eq!(values.text(), Ok(""));
        assert_eq!(values.number(), Ok(u64::MAX));
        assert_eq!(values.bytes(), Ok([0xff, 0].as_slice()));
        assert!(values.end().is_err());
        assert_eq!(values.value(), Ok(Some("x")));
        assert_eq!(values.end(), Ok(()));
    }

    #[test]
    fn what_no_value_is_is_refused() {
        let values = |bytes: &[u8]| Column(bytes.to_vec());
        let form = Corrupt::Form { section: SECTION };
        assert_eq!(values(b"no end").values(SECTION).text(), Err(form.clone()));
        assert_eq!(values(b"\x80\xff").values(SECTION).text(), Err(form.clone()));
        assert_eq!(values(b"\x80").values(SECTION).number(), Err(form.clone()));
        assert_eq!(values(b"\x80\x80\x80\x80\x10").values(SECTION).place(), Err(form.clone()));
        assert_eq!(values(b"\x02x").values(SECTION).bytes(), Err(form.clone()));
        assert_eq!(values(b"\x02").values(SECTION).value::<Option<u8>>(), Err(form));
    }

    #[test]
    fn columns_have_room_for_twice_a_file() {
        let check = |length: usize| {
            let mut packed = Vec::new();
            write_columns(&[Column(vec![0; length]), Column(vec![0; 10])], &mut packed).unwrap();
            Budget::of_file(100).read_columns::<2>(SECTION, &mut packed.as_slice()).map(|columns| columns[0].0.len())
        };
        assert_eq!(check(189).unwrap(), 189);
        assert_eq!(check(190).unwrap(), 190);
        assert!(matches!(check(191), Err(PackedError::Corrupt(Corrupt::Form { section: SECTION }))));
    }

    #[test]
    fn a_length_is_believed_only_as_far_as_there_are_bytes() {
        let mut packed = Vec::new();
        write_number(&mut packed, u64::MAX / 2).unwrap();
        let read = Budget::of_file(u64::MAX).read_columns::<1>(SECTION, &mut packed.as_slice());
        assert!(matches!(read, Err(PackedError::Truncated)));
    }
}
