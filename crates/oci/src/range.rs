//! Byte ranges: of a chunk that is pushed (OCI distribution 1.1, "Pushing a blob in chunks"), and of a blob that is
//! pulled (RFC 9110, section 14).

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Where the bytes of a chunk lie in the whole blob; both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContentRange {
    start: u64,
    end: u64,
}

/// Why a `Content-Range` header is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentRangeError {
    /// It has neither the form `0-99` nor `bytes 0-99/100`.
    #[error("a content range is written `<first>-<last>`")]
    Malformed,
    /// A number does not fit 63 bits, which no blob needs.
    #[error("a content range goes beyond the largest size there is")]
    TooLarge,
    /// The last byte is before the first.
    #[error("a content range's last byte is not before its first")]
    Reversed,
    /// The last byte is not within the size given after the slash.
    #[error("a content range's last byte is within the size it states")]
    BeyondSize,
}

impl ContentRange {
    /// Returns the offset of the first byte.
    pub const fn start(&self) -> u64 {
        self.start
    }

    /// Returns the offset of the last byte.
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// Returns how many bytes the chunk has; at least one.
    #[expect(clippy::len_without_is_empty, reason = "a content range always holds a byte")]
    pub const fn len(&self) -> u64 {
        self.end - self.start + 1
    }
}

impl fmt::Display for ContentRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.start, self.end)
    }
}

impl FromStr for ContentRange {
    type Err = ContentRangeError;

    fn from_str(header: &str) -> Result<Self, ContentRangeError> {
        let header = header.trim_ascii();
        // The specification's form has no unit; that of RFC 9110, which some clients send, has.
        let unitless = strip_unit(header, ' ').unwrap_or(header);
        let (range, size) = match unitless.split_once('/') {
            Some((_, _)) if unitless.len() == header.len() => return Err(ContentRangeError::Malformed),
            Some((range, "*")) => (range, None),
            Some((range, size)) => (range, Some(parse_offset(size)?)),
            None => (unitless, None),
        };
        let (start, end) = range.split_once('-').ok_or(ContentRangeError::Malformed)?;
        let (start, end) = (parse_offset(start)?, parse_offset(end)?);
        if end < start {
            return Err(ContentRangeError::Reversed);
        }
        if size.is_some_and(|size| end >= size) {
            return Err(ContentRangeError::BeyondSize);
        }
        Ok(Self { start, end })
    }
}

/// The part of a blob that a `Range` header asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ByteRange {
    /// All of it, with status 200: there is no header, or it is one that a server ignores.
    Whole,
    /// These bytes, with status 206; both ends belong to it and lie within the blob.
    Part(RangeInclusive<u64>),
    /// No byte of the blob, with status 416.
    Unsatisfiable,
}

impl ByteRange {
    /// Reads a `Range` header for a blob of `size_bytes`.
    ///
    /// Nothing is an error: a malformed header or another unit is ignored, as RFC 9110 has it, for clients take a 400
    /// as final. So are several ranges at once, which no registry client needs and which would multiply the work.
    pub fn parse(header: &str, size_bytes: u64) -> Self {
        Self::requested(header, size_bytes).unwrap_or(Self::Whole)
    }

    fn requested(header: &str, size_bytes: u64) -> Option<Self> {
        let range = strip_unit(header.trim_ascii(), '=')?.trim_ascii();
        let (first, last) = range.split_once('-')?;
        if first.is_empty() {
            let length = saturating_number(last)?;
            return Some(match (length, size_bytes) {
                (0, _) => Self::Unsatisfiable,
                // The last bytes of nothing are all of it, and no `Content-Range` could state them.
                (_, 0) => Self::Whole,
                _ => Self::Part(size_bytes.saturating_sub(length)..=size_bytes - 1),
            });
        }
        let first = saturating_number(first)?;
        let last = if last.is_empty() { u64::MAX } else { saturating_number(last)? };
        // RFC 9110, 14.2: a range that ends before it begins may be ignored or rejected; a client that sends it wants to
        // know.
        if last < first || first >= size_bytes {
            return Some(Self::Unsatisfiable);
        }
        Some(Self::Part(first..=last.min(size_bytes - 1)))
    }
}

fn strip_unit(header: &str, separator: char) -> Option<&str> {
    let (unit, rest) = header.split_once(separator)?;
    unit.eq_ignore_ascii_case("bytes").then_some(rest)
}

fn parse_offset(digits: &str) -> Result<u64, ContentRangeError> {
    let number = saturating_number(digits).ok_or(ContentRangeError::Malformed)?;
    // An end of `i64::MAX` would be a size of one more, which the database could not hold.
    if number >= i64::MAX.unsigned_abs() { Err(ContentRangeError::TooLarge) } else { Ok(number) }
}

// `str::parse` would take a leading plus sign.
fn saturating_number(digits: &str) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}
