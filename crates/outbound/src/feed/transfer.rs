use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reqwest::Response;
use reqwest::header::{CONTENT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, LAST_MODIFIED};
use tokio::time::Instant;

use super::FeedError;

/// The longest validator that is kept and sent back.
const VALIDATOR_BYTES_MAX: usize = 1024;

/// By what a publisher tells whether a document is the same (RFC 9110, "Validator Fields").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// The `ETag`.
    pub etag: Option<String>,
    /// The `Last-Modified`.
    pub last_modified: Option<String>,
}

impl Validators {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let own = |name: &HeaderName| {
            let text = text(headers, name)?;
            (text.len() <= VALIDATOR_BYTES_MAX).then(|| text.to_owned())
        };
        Self { etag: own(&ETAG), last_modified: own(&LAST_MODIFIED) }
    }

    /// Returns what proves that a part and the rest of it are of one document: only a strong validator does (RFC 9110, "If-Range").
    pub fn strong(&self) -> Option<&str> {
        self.etag.as_deref().filter(|etag| etag.starts_with('"'))
    }
}

/// A sum of a whole document, by its publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sum {
    /// CRC-32C, as Google's storage states it.
    Crc32c(u32),
    /// SHA-256 (RFC 9530, `Repr-Digest`).
    Sha256([u8; 32]),
}

impl Sum {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let named = |name: &str, key: &str| {
            let all = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
            let found = all.flat_map(|value| value.split(',')).find_map(|part| part.trim().strip_prefix(key))?;
            STANDARD.decode(found.trim_matches(':')).ok()
        };
        // What a storage packs on its way has other bytes than those that it has the sum of.
        let is_as_stored = text(headers, &CONTENT_ENCODING).unwrap_or("identity")
            == headers
                .get("x-goog-stored-content-encoding")
                .and_then(|value| value.to_str().ok())
                .unwrap_or("identity");
        let sha256 = || named("repr-digest", "sha-256=")?.try_into().ok().map(Self::Sha256);
        let crc = || named("x-goog-hash", "crc32c=")?.try_into().ok().map(u32::from_be_bytes).map(Self::Crc32c);
        sha256().or_else(|| is_as_stored.then(crc).flatten())
    }
}

/// A document on its way.
#[derive(Debug)]
pub struct FeedTransfer {
    host: String,
    response: Response,
    validators: Validators,
    sum: Option<Sum>,
    begins_at: u64,
    position: u64,
    end: Option<u64>,
    bytes_max: u64,
    time_max: Duration,
    deadline: Instant,
}

impl FeedTransfer {
    pub(super) fn new(
        host: String,
        response: Response,
        wanted_from: u64,
        bytes_max: u64,
        time_max: Duration,
    ) -> Result<Self, FeedError> {
        let is_part = response.status() == reqwest::StatusCode::PARTIAL_CONTENT;
        let (begins_at, end) = if is_part {
            let range = text(response.headers(), &CONTENT_RANGE).and_then(content_range);
            let range = range.filter(|(begin, _)| *begin == wanted_from && wanted_from > 0);
            range.ok_or_else(|| FeedError::Answer { host: host.clone(), what: "another part than was asked for" })?
        } else {
            (0, response.content_length())
        };
        if end.is_some_and(|end| end > bytes_max) {
            return Err(FeedError::TooLong { host, limit: bytes_max });
        }
        let (validators, sum) = (Validators::of(response.headers()), Sum::of(response.headers()));
        let deadline = Instant::now() + time_max;
        Ok(Self { host, response, validators, sum, begins_at, position: begins_at, end, bytes_max, time_max, deadline })
    }

    /// Returns where the bytes that come begin: at 0, or where a part that is kept ends.
    pub fn begins_at(&self) -> u64 {
        self.begins_at
    }

    /// Returns how long the whole document is, where the publisher says so.
    pub fn total_bytes(&self) -> Option<u64> {
        self.end
    }

    /// Returns by what the document can be told from others.
    pub fn validators(&self) -> &Validators {
        &self.validators
    }

    /// Returns the sum that the whole document must have, where the publisher says so.
    pub fn sum(&self) -> Option<Sum> {
        self.sum
    }

    /// Returns the next bytes; `None` at the end of the whole document.
    ///
    /// # Errors
    /// When the connection breaks, or when more comes, or slower, than is taken.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, FeedError> {
        let host = || self.host.clone();
        let arrived = tokio::time::timeout_at(self.deadline, self.response.chunk()).await;
        let arrived = arrived.map_err(|_| FeedError::TooSlow { host: host(), limit: self.time_max })?;
        let unreachable =
            |source: reqwest::Error| FeedError::Unreachable { host: host(), source: Box::new(source.without_url()) };
        let Some(bytes) = arrived.map_err(unreachable)? else {
            return match self.end {
                Some(end) if end != self.position => {
                    let source = format!("{} of {end} bytes came", self.position).into();
                    Err(FeedError::Unreachable { host: host(), source })
                }
                _ => Ok(None),
            };
        };
        self.position += bytes.len() as u64;
        if self.position > self.end.unwrap_or(u64::MAX).min(self.bytes_max) {
            return Err(FeedError::TooLong { host: host(), limit: self.bytes_max });
        }
        Ok(Some(bytes))
    }
}

/// Reads `bytes 100-199/200`: where the part begins, and how long the whole is.
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, whole) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (begin, last) = range.split_once('-')?;
    let (begin, last): (u64, u64) = (begin.parse().ok()?, last.parse().ok()?);
    let whole = if whole == "*" { None } else { Some(whole.parse::<u64>().ok()?) };
    // Only a part up to the end makes a document whole.
    (begin <= last && whole.is_none_or(|whole| whole.checked_sub(1) == Some(last))).then_some((begin, whole))
}

pub(super) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_strictly() {
        let table = [
            ("bytes 100-199/200", Some((100, Some(200)))),
            ("bytes 0-0/1", Some((0, Some(1)))),
            ("bytes 100-199/*", Some((100, None))),
            ("bytes 100-198/200", None),
            ("bytes 100-99/100", None),
            ("bytes 5-4/0", None),
            ("bytes */200", None),
            ("items 0-1/2", None),
            ("bytes 0-18446744073709551616/2", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(content_range(text), expected, "{text}");
        }
    }

    #[test]
    fn sums_are_read_as_publishers_state_them() {
        let sha256 = STANDARD.encode([7; 32]);
        let table = [
            (vec![("x-goog-hash", "crc32c=AAAAAQ==,md5=AAAA".to_owned())], Some(Sum::Crc32c(1))),
            (
                vec![("x-goog-hash", "md5=AAAA".to_owned()), ("x-goog-hash", "crc32c=AAAAAQ==".to_owned())],
                Some(Sum::Crc32c(1)),
            ),
            (vec![("x-goog-hash", "crc32c=AAAA".to_owned())], None),
            (vec![("x-goog-hash", "crc32c=AAAAAQ==".to_owned()), ("content-encoding", "gzip".to_owned())], None),
            (vec![("repr-digest", format!("sha-256=:{sha256}:"))], Some(Sum::Sha256([7; 32]))),
            (vec![("repr-digest", "sha-256=:AA:".to_owned())], None),
            (vec![], None),
        ];
        for (headers, expected) in table {
            let mut map = HeaderMap::new();
            for (name, value) in &headers {
                map.append(*name, value.parse().unwrap());
            }
            assert_eq!(Sum::of(&map), expected, "{headers:?}");
        }
    }

    #[test]
    fn only_a_strong_validator_joins_parts() {
        let etag = |etag: &str| Validators { etag: Some(etag.to_owned()), last_modified: Some("x".to_owned()) };
        assert_eq!(etag("\"a\"").strong(), Some("\"a\""));
        assert_eq!(etag("W/\"a\"").strong(), None);
        assert_eq!(Validators::default().strong(), None);
    }
}
