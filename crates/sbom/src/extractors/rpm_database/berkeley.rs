//! Berkeley DB's hash format, in which rpm kept headers until 4.16, as far as reading all values goes. The format is described by Berkeley DB's
//! `dbinc/db_page.h`; its numbers are in the order of the machine that made the file.

#![expect(clippy::cast_possible_truncation, reason = "the length was compared with `HEADER_BYTES_MAX`")]

use super::{Error, HEADER_BYTES_MAX, Pages, Visit};
use crate::Content;

const HASH_MAGIC: u32 = 0x0006_1561;

/// The part of the first page that all access methods have in common.
const META_BYTES: usize = 72;
const PAGE_HEADER_BYTES: usize = 26;
const OFF_PAGE_ITEM_BYTES: usize = 12;

const PAGE_HASH_UNSORTED: u8 = 2;
const PAGE_OVERFLOW: u8 = 7;
const PAGE_HASH_META: u8 = 8;
const PAGE_HASH: u8 = 13;

const ITEM_KEY_DATA: u8 = 1;
const ITEM_OFF_PAGE: u8 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// Returns the order of a hash database from its first 16 bytes; `None` if it is none.
    pub(super) fn of(head: &[u8; 16]) -> Option<Self> {
        let orders = [Self::Little, Self::Big];
        orders.into_iter().find(|order| order.u32(head, 12).is_ok_and(|magic| magic == HASH_MAGIC))
    }

    fn u32(self, bytes: &[u8], offset: usize) -> Result<u32, Error> {
        let bytes = bytes.get(offset..offset + 4).and_then(|bytes| bytes.try_into().ok());
        let bytes = bytes.ok_or(Error::Malformed("a number that is outside of its page"))?;
        Ok(if self == Self::Little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn u16(self, bytes: &[u8], offset: usize) -> Result<u16, Error> {
        let bytes = bytes.get(offset..offset + 2).and_then(|bytes| bytes.try_into().ok());
        let bytes = bytes.ok_or(Error::Malformed("a number that is outside of its page"))?;
        Ok(if self == Self::Little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }
}

struct Database<'a> {
    content: &'a Content,
    order: ByteOrder,
    page_bytes: usize,
    overflow: Pages,
}

/// Gives each header to `visit`, in the order of the pages. Pages that hold no entries, or none any more, say so in their type.
pub(super) fn headers(content: &Content, order: ByteOrder, visit: Visit<'_>) -> Result<(), Error> {
    let meta = content.bytes_at(0, META_BYTES)?;
    let page_bytes = order.u32(&meta, 20)? as usize;
    if !page_bytes.is_power_of_two() || !(512..=65_536).contains(&page_bytes) || meta[25] != PAGE_HASH_META {
        return Err(Error::Malformed("a first page that Berkeley DB does not have"));
    }
    // An algorithm for encryption, and the flag for checksums, which change the pages' layout. rpm sets neither.
    if meta[24] != 0 || meta[26] & 1 != 0 {
        return Err(Error::Malformed("a Berkeley DB with encryption or checksums, which rpm does not make"));
    }
    let pages = content.len() / page_bytes as u64;
    let last = u64::from(order.u32(&meta, 32)?);
    let mut database = Database { content, order, page_bytes, overflow: Pages::new(pages) };
    for number in 1..=last.min(pages.saturating_sub(1)) {
        let page = content.bytes_at(number * page_bytes as u64, page_bytes)?;
        if matches!(page[25], PAGE_HASH | PAGE_HASH_UNSORTED) {
            database.visit_page(&page, visit)?;
        }
    }
    if last < pages { Ok(()) } else { Err(Error::Malformed("a database that ends before its last page")) }
}

impl Database<'_> {
    /// Keys and values alternate. The key zero is not a package: under it stands the number that the next one gets.
    fn visit_page(&mut self, page: &[u8], visit: Visit<'_>) -> Result<(), Error> {
        let entries = usize::from(self.order.u16(page, 20)?);
        let item = |index: usize| -> Result<&[u8], Error> {
            let offset = |index: usize| self.order.u16(page, PAGE_HEADER_BYTES + 2 * index).map(usize::from);
            // Items lie from the page's end downwards, so that one ends where the one before begins.
            let end = if index == 0 { self.page_bytes } else { offset(index - 1)? };
            let item = page.get(offset(index)?..end).filter(|item| !item.is_empty());
            item.ok_or(Error::Malformed("an item that is outside of its page"))
        };
        let mut pairs = Vec::with_capacity(entries / 2);
        for index in (0..entries / 2 * 2).step_by(2) {
            pairs.push((item(index)?, item(index + 1)?));
        }
        for (key, value) in pairs {
            if key[0] == ITEM_KEY_DATA && key[1..] == [0; 4] {
                continue;
            }
            match value[0] {
                ITEM_KEY_DATA => visit(Ok(&value[1..])),
                ITEM_OFF_PAGE => match self.overflow_value(value) {
                    Ok(header) => visit(Ok(&header)),
                    Err(error) => visit(Err(error)),
                },
                _ => visit(Err(Error::Malformed("a value of a kind that rpm does not use"))),
            }
        }
        Ok(())
    }

    fn overflow_value(&mut self, item: &[u8]) -> Result<Vec<u8>, Error> {
        if item.len() < OFF_PAGE_ITEM_BYTES {
            return Err(Error::Malformed("an item that is outside of its page"));
        }
        let mut next = self.order.u32(item, 4)?;
        let length = u64::from(self.order.u32(item, 8)?);
        if length > HEADER_BYTES_MAX {
            return Err(Error::HeaderTooLarge { actual_bytes: length });
        }
        if length > self.content.len() {
            return Err(Error::Malformed("a value that is larger than its database"));
        }
        let length = length as usize;
        let mut value = Vec::with_capacity(length);
        while value.len() < length {
            self.overflow.visit(next)?;
            let page = self.content.bytes_at(u64::from(next) * self.page_bytes as u64, self.page_bytes)?;
            if page[25] != PAGE_OVERFLOW {
                return Err(Error::Malformed("a value that goes on in a page of another kind"));
            }
            // On pages of this kind the field holds how many bytes there are.
            let count = usize::from(self.order.u16(&page, 22)?).min(length - value.len());
            let bytes = page.get(PAGE_HEADER_BYTES..PAGE_HEADER_BYTES + count);
            value.extend_from_slice(bytes.ok_or(Error::Malformed("a page with more bytes than it has room for"))?);
            next = self.order.u32(&page, 16)?;
        }
        Ok(value)
    }
}
