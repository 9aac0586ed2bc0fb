//! Columns of texts, each byte predicted from those before it: `PPMd`, variant H, as 7-Zip writes it (`DOC/7zFormat.txt`, method 03 04 01),
//! with its end marked. It takes a sixth less than zstd does for the same texts, and ten times as long to read.

use std::io::{BufRead, Read, Write};

use ppmd_rust::{Ppmd7Decoder, Ppmd7Encoder};

use super::super::bytes::Corrupt;
use super::super::section::Section;
use super::column::{Budget, Column};
use super::{PackedError, read_number, write_number};

/// How many bytes are looked at. With what memory there is, more take more.
const ORDER: u32 = 10;

/// The most memory of what was seen, in bytes. When it is full it is begun anew, after some 15 MB of texts.
const MEMORY_BYTES_MAX: u64 = 128 << 20;

/// The least memory: texts that short need no more.
const MEMORY_BYTES_MIN: u64 = 64 << 10;

/// More than what is seen of each byte takes.
const MEMORY_PER_BYTE: u64 = 32;

/// The most bytes that come of each that is sent, so that few cannot keep a reader busy. Texts come to some ten; a column of which more
/// would come is sent as it is.
const BYTES_PER_BYTE_MAX: u64 = 256;

/// More than the decoder takes at a time.
const BEHIND_BYTES: usize = 8;

/// Writes a column: its length, the length of what is sent of it (0 when that is the column itself), and that.
pub(super) fn write_predicted(column: &Column, to: &mut impl Write) -> Result<(), PackedError> {
    let plain = column.as_bytes();
    write_number(to, plain.len() as u64)?;
    let mut encoder =
        Ppmd7Encoder::new(Vec::new(), ORDER, memory(plain.len() as u64)).map_err(std::io::Error::other)?;
    encoder.write_all(plain)?;
    let packed = encoder.finish(true)?;
    let is_worth_it = packed.len() < plain.len() && is_in_proportion(plain.len() as u64, packed.len() as u64);
    write_number(to, if is_worth_it { packed.len() as u64 } else { 0 })?;
    Ok(to.write_all(if is_worth_it { &packed } else { plain })?)
}

/// Reads a column, whose length counts.
pub(super) fn read_predicted(
    budget: &mut Budget,
    section: Section,
    from: &mut impl BufRead,
) -> Result<Column, PackedError> {
    let form = || PackedError::Corrupt(Corrupt::Form { section });
    let plain_length = read_number(from)?;
    budget.take(section, plain_length)?;
    let packed_length = read_number(from)?;
    if packed_length == 0 {
        return Ok(Column::of(read_whole(from, plain_length)?));
    }
    if packed_length >= plain_length || !is_in_proportion(plain_length, packed_length) {
        return Err(form());
    }
    let mut packed = read_whole(from, packed_length)?;
    // The decoder takes an early end for the marked one. Where it comes to this, what was sent was cut off.
    packed.extend([0; BEHIND_BYTES]);
    let mut decoder = Ppmd7Decoder::new(packed.as_slice(), ORDER, memory(plain_length)).map_err(|_| form())?;
    let mut plain = Vec::new();
    // Behind the last byte stands the mark of the end, and nothing else.
    let mut behind = [0];
    let read = decoder.by_ref().take(plain_length).read_to_end(&mut plain).and_then(|_| decoder.read(&mut behind));
    let is_whole =
        matches!(read, Ok(0)) && plain.len() as u64 == plain_length && decoder.into_inner().len() == BEHIND_BYTES;
    if is_whole { Ok(Column::of(plain)) } else { Err(form()) }
}

/// A length is believed only as far as there are bytes.
fn read_whole(from: &mut impl BufRead, length: u64) -> Result<Vec<u8>, PackedError> {
    let mut bytes = Vec::new();
    from.by_ref().take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(PackedError::Truncated) }
}

fn is_in_proportion(plain_length: u64, packed_length: u64) -> bool {
    plain_length <= packed_length.saturating_mul(BYTES_PER_BYTE_MAX)
}

fn memory(plain_length: u64) -> u32 {
    let wanted = plain_length.saturating_mul(MEMORY_PER_BYTE).clamp(MEMORY_BYTES_MIN, MEMORY_BYTES_MAX);
    u32::try_from(wanted).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECTION: Section = Section::Details;

    fn written(plain: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        write_predicted(&Column::of(plain.to_vec()), &mut packed).unwrap();
        packed
    }

    fn read(mut packed: &[u8], file_length: u64) -> Result<Vec<u8>, PackedError> {
        let column = read_predicted(&mut Budget::of_file(file_length), SECTION, &mut packed)?;
        assert_eq!(packed, b"");
        Ok(column.as_bytes().to_vec())
    }

    fn text() -> Vec<u8> {
        (0..200).flat_map(|number| format!("A flaw was found in version {number} of it.\u{e9}").into_bytes()).collect()
    }

    #[test]
    fn what_is_predicted_is_read() {
        for plain in [b"".as_slice(), b"a", &[0xff; 10], &text(), &vec![b'a'; 1 << 20]] {
            assert!(read(&written(plain), 1 << 20).unwrap() == plain);
        }
        assert!(written(&text()).len() * 8 < text().len());
    }

    #[test]
    fn what_few_bytes_come_to_is_sent_as_it_is() {
        let lengths = |plain: &[u8]| {
            let packed = written(plain);
            let mut rest = packed.as_slice();
            (read_number(&mut rest).unwrap(), read_number(&mut rest).unwrap(), rest.len() as u64)
        };
        assert_eq!(lengths(b"abc"), (3, 0, 3));
        assert_eq!(lengths(&vec![b'a'; 1 << 20]), (1 << 20, 0, 1 << 20));
        let (plain, packed, sent) = lengths(&text());
        assert!(packed == sent && packed > 0 && packed < plain);
    }

    #[test]
    fn no_more_comes_of_a_byte_than_may() {
        let head = |plain: u64, packed: u64| {
            let mut bytes = Vec::new();
            write_number(&mut bytes, plain).unwrap();
            write_number(&mut bytes, packed).unwrap();
            bytes
        };
        let is_cut_off = |plain, packed| matches!(read(&head(plain, packed), 1 << 20), Err(PackedError::Truncated));
        assert!(is_cut_off(255 + 256, 2));
        assert!(is_cut_off(512, 2));
        assert!(!is_cut_off(513, 2));
        // What is predicted takes less than the column.
        assert!(is_cut_off(3, 2));
        assert!(!is_cut_off(2, 2));
    }

    #[test]
    fn a_column_has_room_as_others_have() {
        let packed = written(&text());
        let half = text().len() as u64 / 2;
        assert!(read(&packed, half).is_ok());
        assert!(read(&packed, half - 1).is_err());
    }

    #[test]
    fn whatever_is_changed_is_another_column_or_none() {
        let (plain, good) = (text(), written(&text()));
        let mut bytes = good.clone();
        for at in 0..bytes.len() {
            for mask in [0x01, 0x10, 0x80] {
                bytes[at] ^= mask;
                let mut from = bytes.as_slice();
                let read = read_predicted(&mut Budget::of_file(1 << 20), SECTION, &mut from);
                assert!(read.map_or(true, |column| column.as_bytes() != plain), "the byte at {at}");
                bytes[at] = good[at];
            }
        }
    }

    #[test]
    fn memory_is_that_of_the_length_within_limits() {
        let check = |length, expected| assert_eq!(memory(length), expected);
        check(0, 64 << 10);
        check(2 << 10, 64 << 10);
        check((2 << 10) + 1, (64 << 10) + 32);
        check((4 << 20) - 1, (128 << 20) - 32);
        check(4 << 20, 128 << 20);
        check(u64::MAX, 128 << 20);
    }
}
