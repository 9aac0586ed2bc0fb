//! The SQLite database file format (<https://sqlite.org/fileformat2.html>), as far as reading all rows of one table goes. rpm keeps its headers in
//! `Packages(hnum INTEGER PRIMARY KEY, blob BLOB)`.

#![expect(clippy::cast_possible_truncation, reason = "lengths were compared with `HEADER_BYTES_MAX` or a page")]

use std::borrow::Cow;

use super::{Error, HEADER_BYTES_MAX, Pages, Visit, be_u16, be_u32};
use crate::Content;

pub(super) const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// The database header, which the first page begins with.
const DATABASE_HEADER_BYTES: usize = 100;

const PAGE_TABLE_INTERIOR: u8 = 0x05;
const PAGE_TABLE_LEAF: u8 = 0x0d;

/// The schema's own rows have five columns, `Packages` has two.
const COLUMNS_MAX: usize = 5;

struct Database<'a> {
    content: &'a Content,
    page_bytes: usize,
    /// The bytes of a page that hold data.
    usable_bytes: usize,
    pages: Pages,
}

/// Gives each row's blob to `visit`.
pub(super) fn headers(content: &Content, visit: Visit<'_>) -> Result<(), Error> {
    let head = content.bytes_at(0, DATABASE_HEADER_BYTES)?;
    let page_bytes = match be_u16(&head, 16)? {
        1 => 65_536,
        bytes => usize::from(bytes),
    };
    let usable_bytes = page_bytes.saturating_sub(usize::from(head[20]));
    if !page_bytes.is_power_of_two() || page_bytes < 512 || usable_bytes < 480 {
        return Err(Error::Malformed("a page size that SQLite does not have"));
    }
    let pages = Pages::new(content.len() / page_bytes as u64);
    let mut database = Database { content, page_bytes, usable_bytes, pages };

    let mut root = None;
    database.rows(1, &mut |row| {
        let row = row?;
        let columns = columns(row)?;
        if let [Column::Text(b"table"), Column::Text(b"Packages"), _, Column::Integer(page), ..] = columns[..] {
            root = u32::try_from(page).ok();
        }
        Ok(())
    })?;
    let root = root.ok_or(Error::Malformed("no table `Packages`"))?;
    database.rows(root, &mut |row| {
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                visit(Err(error));
                return Ok(());
            }
        };
        visit(columns(row).and_then(|columns| match columns[..] {
            [_, Column::Blob(blob), ..] => Ok(blob),
            _ => Err(Error::Malformed("a row of `Packages` without a blob")),
        }));
        Ok(())
    })
}

/// Takes a row, or what is wrong with it.
type RowVisit<'v> = dyn FnMut(Result<&[u8], Error>) -> Result<(), Error> + 'v;

impl<'a> Database<'a> {
    /// Gives each row of the table with this root page to `visit`, in the order of the table. What is wrong with one row goes to `visit` too;
    /// what is wrong with the tree ends the walk.
    fn rows(&mut self, root: u32, visit: &mut RowVisit<'_>) -> Result<(), Error> {
        let mut pending = vec![root];
        while let Some(number) = pending.pop() {
            let page = self.page(number)?;
            let start = if number == 1 { DATABASE_HEADER_BYTES } else { 0 };
            let kind = *page.get(start).ok_or(Error::Malformed("a page without a header"))?;
            let cells = usize::from(be_u16(&page, start + 3)?);
            let cell =
                |index: usize, header_bytes: usize| be_u16(&page, start + header_bytes + 2 * index).map(usize::from);
            match kind {
                PAGE_TABLE_INTERIOR => {
                    // The last child comes first on the stack, so that the first one is next.
                    pending.push(be_u32(&page, start + 8)?);
                    for index in (0..cells).rev() {
                        pending.push(be_u32(&page, cell(index, 12)?)?);
                    }
                }
                PAGE_TABLE_LEAF => {
                    for index in 0..cells {
                        let row = cell(index, 8).and_then(|offset| self.payload(&page, offset));
                        match row {
                            Ok(row) => visit(Ok(&row))?,
                            Err(error) => visit(Err(error))?,
                        }
                    }
                }
                _ => return Err(Error::Malformed("a page that belongs to no table")),
            }
        }
        Ok(())
    }

    fn page(&mut self, number: u32) -> Result<Cow<'a, [u8]>, Error> {
        let index = number.checked_sub(1).ok_or(Error::Malformed("page zero, which there is not"))?;
        self.pages.visit(index)?;
        Ok(self.content.bytes_at(u64::from(index) * self.page_bytes as u64, self.page_bytes)?)
    }

    /// Returns the payload of a leaf's cell: what is in the cell, and what went over to pages of its own.
    fn payload(&mut self, page: &[u8], offset: usize) -> Result<Vec<u8>, Error> {
        let mut rest = page.get(offset..).ok_or(Error::Malformed("a cell that is outside of its page"))?;
        let length = varint(&mut rest)?;
        let _row_id = varint(&mut rest)?;
        if length > HEADER_BYTES_MAX {
            return Err(Error::HeaderTooLarge { actual_bytes: length });
        }
        if length > self.content.len() {
            return Err(Error::Malformed("a row that is larger than its database"));
        }
        let length = length as usize;
        let local = self.local_bytes(length);
        let mut payload = Vec::with_capacity(length);
        payload.extend_from_slice(rest.get(..local).ok_or(Error::Malformed("a cell that is outside of its page"))?);
        let mut next = if local < length { be_u32(rest, local)? } else { 0 };
        while payload.len() < length {
            let page = self.page(next)?;
            next = be_u32(&page, 0)?;
            let count = (length - payload.len()).min(self.usable_bytes - 4);
            payload.extend_from_slice(&page[4..4 + count]);
        }
        Ok(payload)
    }

    /// How much of a payload is in the cell itself ("Cell Payload Overflow Pages").
    fn local_bytes(&self, length: usize) -> usize {
        let usable = self.usable_bytes;
        let most = usable - 35;
        if length <= most {
            return length;
        }
        let least = (usable - 12) * 32 / 255 - 23;
        let wanted = least + (length - least) % (usable - 4);
        if wanted <= most { wanted } else { least }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column<'a> {
    Integer(i64),
    Text(&'a [u8]),
    Blob(&'a [u8]),
    Other,
}

/// Returns the first columns of a row ("Record Format").
fn columns(row: &[u8]) -> Result<Vec<Column<'_>>, Error> {
    let outside = || Error::Malformed("a column that is outside of its row");
    let mut types = row;
    let header_bytes = usize::try_from(varint(&mut types)?).map_err(|_| outside())?;
    let mut values = row.get(header_bytes..).ok_or_else(outside)?;
    types = &types[..header_bytes.saturating_sub(row.len() - types.len()).min(types.len())];
    let mut columns = Vec::with_capacity(COLUMNS_MAX);
    while !types.is_empty() && columns.len() < COLUMNS_MAX {
        let kind = varint(&mut types)?;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind as usize,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return Err(Error::Malformed("a column of a type that SQLite does not have")),
            _ => usize::try_from((kind - 12) / 2).map_err(|_| outside())?,
        };
        let (value, rest) = values.split_at_checked(length).ok_or_else(outside)?;
        values = rest;
        columns.push(match kind {
            1..=6 => Column::Integer(integer(value)),
            8 => Column::Integer(0),
            9 => Column::Integer(1),
            0 | 7 => Column::Other,
            _ if kind % 2 == 0 => Column::Blob(value),
            _ => Column::Text(value),
        });
    }
    Ok(columns)
}

/// Big-endian in two's complement, of one to eight bytes.
fn integer(bytes: &[u8]) -> i64 {
    let sign = if bytes.first().is_some_and(|byte| byte & 0x80 != 0) { -1 } else { 0 };
    bytes.iter().fold(sign, |value: i64, byte| value << 8 | i64::from(*byte))
}

/// Takes a variable-length integer: seven bits a byte, and all eight of a ninth.
fn varint(bytes: &mut &[u8]) -> Result<u64, Error> {
    let mut value: u64 = 0;
    for position in 0..9 {
        let (byte, rest) = bytes.split_first().ok_or(Error::Malformed("a number that ends early"))?;
        *bytes = rest;
        if position == 8 {
            return Ok(value << 8 | u64::from(*byte));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_variable_length_are_read() {
        let table: &[(&[u8], Option<u64>)] = &[
            (&[], None),
            (&[0x81], None),
            (&[0], Some(0)),
            (&[0x7f], Some(127)),
            (&[0x81, 0], Some(128)),
            (&[0xff; 9], Some(u64::MAX)),
            (&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1], Some(1)),
        ];
        for (bytes, expected) in table {
            assert_eq!(varint(&mut &bytes[..]).ok(), *expected, "{bytes:?}");
        }
    }

    #[test]
    fn integers_have_a_sign() {
        for (bytes, expected) in [(&[0xff][..], -1), (&[0x7f], 127), (&[0x80, 0], -32768), (&[], 0), (&[0, 0, 1], 1)] {
            assert_eq!(integer(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_row_that_is_not_whole_is_refused() {
        for row in
            [&[][..], &[9], &[2, 0x81], &[2, 16, 1], &[2, 10], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]]
        {
            assert!(columns(row).is_err(), "{row:?}");
        }
    }

    #[test]
    fn columns_of_each_type_are_read() {
        let row = [6, 0, 1, 9, 17, 14, 5, b'a', b'b', 7];
        let expected = [Column::Other, Column::Integer(5), Column::Integer(1), Column::Text(b"ab"), Column::Blob(&[7])];
        assert_eq!(columns(&row).expect("the row is whole"), expected);
    }
}
