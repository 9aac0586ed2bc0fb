//! rpm's own format since 4.12: slots that say where a header is, and the headers in blocks of 16 bytes. All numbers are little-endian. The format
//! is described by its implementation in rpm, `lib/backend/ndb/rpmpkg.c`.

#![expect(
    clippy::cast_possible_truncation,
    reason = "lengths are bounded by the number of slot pages and by `HEADER_BYTES_MAX`"
)]

use super::{Error, HEADER_BYTES_MAX, Visit};
use crate::Content;

pub(super) const MAGIC: &[u8; 4] = b"RpmP";
const SLOT_MAGIC: &[u8; 4] = b"Slot";
const BLOB_MAGIC: &[u8; 4] = b"BlbS";

const VERSION: u32 = 0;
const PAGE_BYTES: u64 = 4096;
const SLOT_BYTES: usize = 16;
const BLOCK_BYTES: u64 = 16;
const BLOB_HEADER_BYTES: u64 = 16;

/// The database's header takes the place of two slots.
const SLOTS_IN_HEADER: u64 = 2;

/// The most pages of slots: 262,144 packages.
const SLOT_PAGES_MAX: u32 = 1024;

/// Gives each slot's header to `visit`.
pub(super) fn headers(content: &Content, visit: Visit<'_>) -> Result<(), Error> {
    let head = content.bytes_at(0, 16)?;
    if number(&head, 4) != VERSION {
        return Err(Error::Malformed("an ndb database of a later version"));
    }
    let slot_pages = number(&head, 12);
    if slot_pages == 0 || slot_pages > SLOT_PAGES_MAX {
        return Err(Error::Malformed("an ndb database with no pages of slots, or more than the limit"));
    }
    let slots_from = SLOTS_IN_HEADER * SLOT_BYTES as u64;
    let slots = content.bytes_at(slots_from, (u64::from(slot_pages) * PAGE_BYTES - slots_from) as usize)?;
    // Blobs do not overlap, so all together are no larger than the file.
    let mut bytes_left = content.len();
    for slot in slots.chunks_exact(SLOT_BYTES) {
        if slot[..4] != *SLOT_MAGIC {
            return Err(Error::Malformed("a slot without its mark"));
        }
        let package = number(slot, 4);
        if package == 0 {
            continue;
        }
        let (offset_blocks, blocks) = (number(slot, 8), number(slot, 12));
        visit_blob(content, package, offset_blocks, blocks, &mut bytes_left, visit)?;
    }
    Ok(())
}

fn visit_blob(
    content: &Content,
    package: u32,
    offset_blocks: u32,
    blocks: u32,
    bytes_left: &mut u64,
    visit: Visit<'_>,
) -> Result<(), Error> {
    let offset = u64::from(offset_blocks) * BLOCK_BYTES;
    let head = match content.bytes_at(offset, BLOB_HEADER_BYTES as usize) {
        Ok(head) => head,
        Err(error) => {
            visit(Err(error.into()));
            return Ok(());
        }
    };
    let length = u64::from(number(&head, 12));
    if head[..4] != *BLOB_MAGIC || number(&head, 4) != package || length > u64::from(blocks) * BLOCK_BYTES {
        visit(Err(Error::Malformed("a slot that leads to no header of its package")));
    } else if length > HEADER_BYTES_MAX {
        visit(Err(Error::HeaderTooLarge { actual_bytes: length }));
    } else {
        *bytes_left =
            bytes_left.checked_sub(length).ok_or(Error::Malformed("headers that are larger than the database"))?;
        match content.bytes_at(offset + BLOB_HEADER_BYTES, length as usize) {
            Ok(header) => visit(Ok(&header)),
            Err(error) => visit(Err(error.into())),
        }
    }
    Ok(())
}

/// The four bytes at an offset that the caller knows to be there.
fn number(bytes: &[u8], offset: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[offset..offset + 4]);
    u32::from_le_bytes(number)
}
