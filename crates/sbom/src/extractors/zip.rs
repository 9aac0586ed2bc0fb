//! Reads zip archives by their central directory, through windows of a file, without extracting anything.
//!
//! Format: PKWARE APPNOTE 6.3. As Java does, only the central directory is believed; local headers say where data begins and nothing else. Archives that
//! lie stored in others are read in place.

use std::io::Read;

use flate2::read::DeflateDecoder;

use crate::{Content, Refusal};

/// The most entries of one archive. The largest jars have two hundred thousand.
pub(crate) const ENTRIES_MAX: u64 = 1 << 20;

/// The longest name that means anything to a cataloger; longer ones are passed over.
pub(crate) const NAME_BYTES_MAX: usize = 512;

/// The central directory is read so much at a time.
const STEP_BYTES: usize = 64 << 10;

/// The end record and the longest comment after it.
const END_BYTES_MAX: u64 = END_BYTES as u64 + 0xffff;

const END_BYTES: usize = 22;
const END_64_BYTES: usize = 56;
const LOCATOR_BYTES: u64 = 20;
const ENTRY_BYTES: usize = 46;
const LOCAL_BYTES: usize = 30;

/// Bytes of a file, by position: the whole, or an archive that lies stored in another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window<'a> {
    content: &'a Content,
    offset: u64,
    len: u64,
}

impl<'a> Window<'a> {
    pub(crate) fn whole(content: &'a Content) -> Self {
        Self { content, offset: 0, len: content.len() }
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    fn part(&self, offset: u64, len: u64) -> Option<Self> {
        let end = offset.checked_add(len)?;
        (end <= self.len).then(|| Self { content: self.content, offset: self.offset + offset, len })
    }

    /// Fills the buffer as far as there are bytes.
    pub(crate) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Refusal> {
        let rest = self.len.saturating_sub(offset);
        let wanted = buffer.len().min(usize::try_from(rest).unwrap_or(usize::MAX));
        if wanted == 0 {
            return Ok(0);
        }
        let read = self.content.read_at(self.offset + offset, &mut buffer[..wanted]);
        read.map_err(|error| Refusal::new(format!("the file cannot be read: {error}")))
    }

    fn exactly<const N: usize>(&self, offset: u64) -> Result<Option<[u8; N]>, Refusal> {
        let mut bytes = [0; N];
        Ok((self.read_at(offset, &mut bytes)? == N).then_some(bytes))
    }
}

/// A window as a stream.
struct Stream<'a> {
    window: Window<'a>,
    at: u64,
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.window.read_at(self.at, buffer).map_err(std::io::Error::other)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// What the central directory says of one entry.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    method: u16,
    is_encrypted: bool,
    /// The size in the archive.
    pub(crate) compressed_bytes: u64,
    /// The inflated size, as the directory claims it.
    pub(crate) size_bytes: u64,
    header_at: u64,
}

/// An archive whose end was found.
#[derive(Debug)]
pub(crate) struct Archive<'a> {
    window: Window<'a>,
    directory_at: u64,
    directory_bytes: u64,
    /// What stands before the archive proper: the script of a jar that can be executed.
    prefix_bytes: u64,
}

impl<'a> Archive<'a> {
    /// Finds the central directory.
    pub(crate) fn open(window: Window<'a>) -> Result<Self, Refusal> {
        let damaged = || Refusal::new("not a zip archive, or one that is cut off: it has no central directory");
        let tail_at = window.len.saturating_sub(END_BYTES_MAX);
        let mut tail = vec![0; usize::try_from(window.len - tail_at).unwrap_or(0)];
        let filled = window.read_at(tail_at, &mut tail)?;
        let tail = &tail[..filled];
        let at = (0..tail.len().saturating_sub(END_BYTES - 1))
            .rev()
            .find(|&at| {
                let end = &tail[at..];
                end.starts_with(b"PK\x05\x06") && END_BYTES + usize::from(u16_at(end, 20)) <= end.len()
            })
            .ok_or_else(damaged)?;
        let end = &tail[at..at + END_BYTES];
        let mut end_at = tail_at + at as u64;
        let (mut entries, mut size, mut offset) =
            (u64::from(u16_at(end, 10)), u64::from(u32_at(end, 12)), u64::from(u32_at(end, 16)));
        let is_wide = entries == 0xffff || size == 0xffff_ffff || offset == 0xffff_ffff;
        if is_wide && let Some((record_at, record)) = end_64(&window, end_at)? {
            (entries, size, offset) = (u64_at(&record, 32), u64_at(&record, 40), u64_at(&record, 48));
            end_at = record_at;
        }
        let directory_at = end_at.checked_sub(size).ok_or_else(damaged)?;
        let prefix_bytes = directory_at.checked_sub(offset).ok_or_else(damaged)?;
        if entries > ENTRIES_MAX {
            return Err(Refusal::new(format!("an archive of {entries} entries, the limit is {ENTRIES_MAX}")));
        }
        Ok(Self { window, directory_at, directory_bytes: size, prefix_bytes })
    }

    /// Returns the size of the central directory.
    pub(crate) fn directory_bytes(&self) -> u64 {
        self.directory_bytes
    }

    /// Offers each entry with its name; names longer than [`NAME_BYTES_MAX`] come cut to nothing.
    pub(crate) fn each_entry(&self, mut offer: impl FnMut(&[u8], Entry)) -> Result<(), Refusal> {
        let damaged = || Refusal::new("the central directory is damaged");
        let mut directory = Directory {
            window: self.window,
            at: self.directory_at,
            end: self.directory_at + self.directory_bytes,
            buffer: Vec::new(),
            used: 0,
        };
        // Sixteen bits of a count that is larger mean its remainder, so it only bounds, and the size decides.
        let mut count = 0;
        while directory.rest() >= ENTRY_BYTES as u64 {
            count += 1;
            if count > ENTRIES_MAX {
                return Err(Refusal::new(format!("an archive of more than {ENTRIES_MAX} entries")));
            }
            let header = directory
                .take(ENTRY_BYTES)?
                .and_then(|bytes| bytes.first_chunk::<ENTRY_BYTES>().copied())
                .ok_or_else(damaged)?;
            if !header.starts_with(b"PK\x01\x02") {
                return Err(damaged());
            }
            let (name_len, extra_len, comment_len) = (u16_at(&header, 28), u16_at(&header, 30), u16_at(&header, 32));
            let variable = usize::from(name_len) + usize::from(extra_len) + usize::from(comment_len);
            let bytes = directory.take(variable)?.ok_or_else(damaged)?;
            let (name, rest) = bytes.split_at(name_len.into());
            let entry = Entry::parse(&header, &rest[..extra_len.into()]);
            offer(if name.len() > NAME_BYTES_MAX { &[] } else { name }, entry);
        }
        Ok(())
    }

    /// Returns where the data of an entry lies, still compressed.
    fn data(&self, entry: &Entry) -> Result<Window<'a>, Refusal> {
        if entry.is_encrypted {
            return Err(Refusal::new("it is encrypted"));
        }
        let outside = || Refusal::new("its data lies outside of the archive");
        let at = self.prefix_bytes.checked_add(entry.header_at).ok_or_else(outside)?;
        let header = self
            .window
            .exactly::<LOCAL_BYTES>(at)?
            .filter(|header| header.starts_with(b"PK\x03\x04"))
            .ok_or_else(outside)?;
        let skipped = LOCAL_BYTES as u64 + u64::from(u16_at(&header, 26)) + u64::from(u16_at(&header, 28));
        self.window.part(at + skipped, entry.compressed_bytes).ok_or_else(outside)
    }

    /// Returns an entry that is stored as it is, in place; `None` for one that is compressed.
    pub(crate) fn stored(&self, entry: &Entry) -> Result<Option<Window<'a>>, Refusal> {
        if entry.method != STORED {
            return Ok(None);
        }
        self.data(entry).map(Some)
    }

    /// Returns the first bytes of an entry, at most `limit_bytes`.
    pub(crate) fn head(&self, entry: &Entry, limit_bytes: u64) -> Result<Vec<u8>, Refusal> {
        let stream = Stream { window: self.data(entry)?, at: 0 };
        let mut bytes = Vec::new();
        let read = match entry.method {
            STORED => stream.take(limit_bytes).read_to_end(&mut bytes),
            DEFLATED => DeflateDecoder::new(stream).take(limit_bytes).read_to_end(&mut bytes),
            other => return Err(Refusal::new(format!("it is compressed by method {other}"))),
        };
        read.map_err(|error| Refusal::new(format!("it cannot be decompressed: {error}")))?;
        Ok(bytes)
    }
}

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

impl Entry {
    fn parse(header: &[u8; ENTRY_BYTES], extra: &[u8]) -> Self {
        let mut entry = Self {
            method: u16_at(header, 10),
            is_encrypted: u16_at(header, 8) & 1 != 0,
            compressed_bytes: u32_at(header, 20).into(),
            size_bytes: u32_at(header, 24).into(),
            header_at: u32_at(header, 42).into(),
        };
        // Fields that do not fit stand in an extra field, in this order and without those that do.
        let mut wide = extra_field(extra, 1).unwrap_or_default();
        for field in [&mut entry.size_bytes, &mut entry.compressed_bytes, &mut entry.header_at] {
            if *field == 0xffff_ffff
                && let Some((value, rest)) = wide.split_first_chunk()
            {
                *field = u64::from_le_bytes(*value);
                wide = rest;
            }
        }
        entry
    }
}

fn extra_field(mut extra: &[u8], wanted: u16) -> Option<&[u8]> {
    while extra.len() >= 4 {
        let (id, len) = (u16_at(extra, 0), usize::from(u16_at(extra, 2)));
        let field = extra.get(4..4 + len)?;
        if id == wanted {
            return Some(field);
        }
        extra = &extra[4 + len..];
    }
    None
}

/// Finds the end record with 64-bit fields: where its locator says, or, as that forgets what stands before the archive, right before the locator.
fn end_64(window: &Window<'_>, end_at: u64) -> Result<Option<(u64, [u8; END_64_BYTES])>, Refusal> {
    let Some(locator_at) = end_at.checked_sub(LOCATOR_BYTES) else { return Ok(None) };
    let Some(locator) = window.exactly::<20>(locator_at)?.filter(|locator| locator.starts_with(b"PK\x06\x07")) else {
        return Ok(None);
    };
    for at in [Some(u64_at(&locator, 8)), locator_at.checked_sub(END_64_BYTES as u64)].into_iter().flatten() {
        if let Some(record) = window.exactly::<END_64_BYTES>(at)?.filter(|record| record.starts_with(b"PK\x06\x06")) {
            return Ok(Some((at, record)));
        }
    }
    Ok(None)
}

/// The central directory, read step by step.
struct Directory<'a> {
    window: Window<'a>,
    at: u64,
    end: u64,
    buffer: Vec<u8>,
    used: usize,
}

impl Directory<'_> {
    fn rest(&self) -> u64 {
        self.end.saturating_sub(self.at) + (self.buffer.len() - self.used) as u64
    }

    /// Returns the next bytes; `None` when there are not so many.
    fn take(&mut self, len: usize) -> Result<Option<&[u8]>, Refusal> {
        let left = self.buffer.len() - self.used;
        if left < len {
            self.buffer.drain(..self.used);
            self.used = 0;
            let step = (len - left)
                .max(STEP_BYTES)
                .min(usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX));
            self.buffer.resize(left + step, 0);
            let filled = self.window.read_at(self.at, &mut self.buffer[left..])?;
            self.buffer.truncate(left + filled);
            self.at += filled as u64;
        }
        let Some(bytes) = self.buffer.get(self.used..self.used + len) else { return Ok(None) };
        self.used += len;
        Ok(Some(bytes))
    }
}

/// Reads a number of a record whose length was checked.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "samples are small")]
pub(crate) mod samples {
    use std::io::Write as _;

    /// Returns an archive of these members, deflated unless `stored`.
    pub(crate) fn zip(stored: bool, members: &[(&str, &[u8])]) -> Vec<u8> {
        let (mut bytes, mut directory) = (Vec::new(), Vec::new());
        for (name, data) in members {
            let at = bytes.len() as u32;
            let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(data).expect("a vector takes what is written");
            let packed = if stored { data.to_vec() } else { encoder.finish().expect("a vector takes what is written") };
            let mut fields = [20_u16, 0, if stored { 0 } else { 8 }, 0, 0].map(u16::to_le_bytes).concat();
            fields.extend([0, packed.len() as u32, data.len() as u32].map(u32::to_le_bytes).concat());
            fields.extend([name.len() as u16, 0].map(u16::to_le_bytes).concat());
            bytes.extend([b"PK\x03\x04", fields.as_slice(), name.as_bytes(), &packed].concat());
            directory.extend(
                [b"PK\x01\x02\x14\0", fields.as_slice(), &[0; 10], &at.to_le_bytes(), name.as_bytes()].concat(),
            );
        }
        let count = members.len() as u16;
        let at = bytes.len() as u32;
        bytes.extend(&directory);
        bytes.extend([b"PK\x05\x06\0\0\0\0".as_slice(), &count.to_le_bytes(), &count.to_le_bytes()].concat());
        bytes.extend([directory.len() as u32, at].map(u32::to_le_bytes).concat());
        bytes.extend([0, 0]);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::samples::zip;
    use super::*;

    fn names(bytes: Vec<u8>) -> Result<Vec<(String, Vec<u8>)>, String> {
        let content = Content::from_bytes(bytes);
        let read = || {
            let archive = Archive::open(Window::whole(&content))?;
            let mut entries = Vec::new();
            archive.each_entry(|name, entry| entries.push((String::from_utf8_lossy(name).into_owned(), entry)))?;
            entries
                .into_iter()
                .map(|(name, entry)| Ok((name, archive.head(&entry, 100)?)))
                .collect::<Result<Vec<_>, Refusal>>()
        };
        read().map_err(|refusal| refusal.0)
    }

    #[test]
    fn damage_is_refused_in_words() {
        let whole = zip(false, &[("a", b"text")]);
        let with = |at: usize, byte: u8| {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            bytes
        };
        let directory = whole.len() - END_BYTES - ENTRY_BYTES - 1;
        let cases = [
            (Vec::new(), "not a zip archive, or one that is cut off: it has no central directory"),
            (
                whole[..whole.len() - 1].to_vec(),
                "not a zip archive, or one that is cut off: it has no central directory",
            ),
            (with(directory, b'X'), "the central directory is damaged"),
            (with(directory + 8, 1), "it is encrypted"),
            (with(directory + 10, 12), "it is compressed by method 12"),
            (with(directory + 42, 9), "its data lies outside of the archive"),
            (with(directory + 22, 9), "its data lies outside of the archive"),
            (with(directory + 28, 9), "the central directory is damaged"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(names(bytes), Err(expected.to_owned()));
        }
    }

    #[test]
    fn members_are_read_behind_a_prefix_and_before_a_comment() {
        for stored in [false, true] {
            let mut bytes = b"#!/bin/sh\nexec java -jar \"$0\"\n".to_vec();
            bytes.extend(zip(stored, &[("a", b"text"), ("b/c", b"")]));
            let comment = bytes.len() - 2;
            bytes[comment] = 3;
            bytes.extend(b"end");
            assert_eq!(names(bytes), Ok(vec![("a".to_owned(), b"text".to_vec()), ("b/c".to_owned(), Vec::new())]));
        }
    }

    #[test]
    fn fields_of_64_bits() {
        let whole = zip(true, &[("a", b"text")]);
        let directory = whole.len() - END_BYTES - ENTRY_BYTES - 1;
        let mut bytes = whole[..whole.len() - END_BYTES].to_vec();
        bytes[directory + 20..directory + 28].fill(0xff);
        bytes[directory + 42..directory + 46].fill(0xff);
        bytes[directory + 30] = 28;
        bytes.extend([1_u16, 24].map(u16::to_le_bytes).concat());
        bytes.extend([4_u64, 4, 0].map(u64::to_le_bytes).concat());
        let size = (bytes.len() - directory) as u64;
        let end_at = bytes.len() as u64;
        bytes.extend([b"PK\x06\x06".as_slice(), &44_u64.to_le_bytes(), &[0; 12]].concat());
        bytes.extend([1, 1, size, directory as u64].map(u64::to_le_bytes).concat());
        bytes.extend([b"PK\x06\x07\0\0\0\0".as_slice(), &end_at.to_le_bytes(), &1_u32.to_le_bytes()].concat());
        bytes.extend(b"PK\x05\x06\0\0\0\0");
        bytes.extend([0xff; 12]);
        bytes.extend([0, 0]);
        assert_eq!(names(bytes), Ok(vec![("a".to_owned(), b"text".to_vec())]));
    }

    #[test]
    fn names_around_the_limit() {
        let kept = |len: usize| {
            let name = "n".repeat(len);
            names(zip(true, &[(name.as_str(), b"x")])).expect("whole")[0].0.len()
        };
        assert_eq!([NAME_BYTES_MAX - 1, NAME_BYTES_MAX, NAME_BYTES_MAX + 1].map(kept), [511, 512, 0]);
    }

    proptest::proptest! {
        #[test]
        fn changed_bytes_never_panic(changes in proptest::collection::vec((0_usize..400, proptest::num::u8::ANY), 0..8)) {
            let mut bytes = zip(false, &[("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0"), ("a.jar", b"x")]);
            for (at, byte) in changes {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            let _ = names(bytes);
        }
    }
}
