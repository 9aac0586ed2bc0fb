use std::fmt;
use std::str::FromStr;

use oci::{Algorithm, Digest};
use uuid::{Uuid, Variant, Version};

/// An upload's identity: a version 7 UUID, written as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UploadId(Uuid);

impl UploadId {
    /// Makes an id that no other upload has, from the clock and 74 random bits.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(formatter)
    }
}

impl fmt::Debug for UploadId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for UploadId {
    type Err = ParseUploadIdError;

    fn from_str(text: &str) -> Result<Self, ParseUploadIdError> {
        let id = Uuid::try_parse(text).map_err(|_| ParseUploadIdError)?;
        let is_version_7 = id.get_version() == Some(Version::SortRand) && id.get_variant() == Variant::RFC4122;
        // The parser also takes hyphens, braces, `urn:uuid:` and capitals; one id must have one spelling.
        let is_canonical = id.simple().encode_lower(&mut Uuid::encode_buffer()) == text;
        if is_version_7 && is_canonical { Ok(Self(id)) } else { Err(ParseUploadIdError) }
    }
}

/// The text is no upload id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an upload id (a version 7 UUID as 32 lower-case hexadecimal digits)")]
pub struct ParseUploadIdError;

/// Where a blob's file is: its path relative to the root, `blobs/<algorithm>/<two hex digits>/<hex>.<upload id>`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Location {
    digest: Digest,
    id: UploadId,
}

impl Location {
    /// Returns where the blob that an upload makes will be.
    pub fn new(digest: Digest, id: UploadId) -> Self {
        Self { digest, id }
    }

    /// Returns the digest that the file was stored under.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Returns the upload that made the file.
    pub fn upload_id(&self) -> UploadId {
        self.id
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = self.digest.hex();
        write!(formatter, "blobs/{}/{}/{hex}.{}", self.digest.algorithm(), &hex[..2], self.id)
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Location {
    type Err = ParseLocationError;

    fn from_str(text: &str) -> Result<Self, ParseLocationError> {
        let parse = || {
            let mut segments = text.split('/');
            let (Some("blobs"), Some(algorithm), Some(shard), Some(name), None) =
                (segments.next(), segments.next(), segments.next(), segments.next(), segments.next())
            else {
                return None;
            };
            let (hex, id) = name.split_once('.')?;
            let digest = format!("{algorithm}:{hex}").parse::<Digest>().ok()?;
            let id = id.parse().ok()?;
            hex.starts_with(shard).then_some(Self { digest, id })
        };
        // Only what prints as it was read: a file must have one name.
        parse().filter(|location| location.to_string() == text).ok_or(ParseLocationError)
    }
}

/// The text is no location of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the location of a blob")]
pub struct ParseLocationError;

/// A file that this crate makes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Upload(UploadId),
    Blob(Location),
}

impl Place {
    pub(crate) fn directory(&self) -> Directory {
        match self {
            Self::Upload(_) => Directory::Uploads,
            Self::Blob(location) => Directory::Shard(location.digest.algorithm(), location.digest.hash()[0]),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upload(id) => write!(formatter, "uploads/{id}"),
            Self::Blob(location) => location.fmt(formatter),
        }
    }
}

/// A directory that this crate makes. All are made when the store is opened, so that a push makes none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Directory {
    Root,
    Uploads,
    Blobs,
    Algorithm(Algorithm),
    Shard(Algorithm, u8),
}

impl Directory {
    /// Lists all directories, each after the one that it is in.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        [Self::Root, Self::Uploads, Self::Blobs].into_iter().chain(Algorithm::ALL.into_iter().flat_map(|algorithm| {
            std::iter::once(Self::Algorithm(algorithm))
                .chain((0..=u8::MAX).map(move |shard| Self::Shard(algorithm, shard)))
        }))
    }

    /// Returns this directory's place in [`Self::all`].
    pub(crate) fn index(self) -> usize {
        match self {
            Self::Root => 0,
            Self::Uploads => 1,
            Self::Blobs => 2,
            Self::Algorithm(Algorithm::Sha256) => 3,
            Self::Shard(Algorithm::Sha256, shard) => 4 + usize::from(shard),
            Self::Algorithm(Algorithm::Sha512) => 260,
            Self::Shard(Algorithm::Sha512, shard) => 261 + usize::from(shard),
        }
    }
}

impl fmt::Display for Directory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => formatter.write_str("."),
            Self::Uploads => formatter.write_str("uploads"),
            Self::Blobs => formatter.write_str("blobs"),
            Self::Algorithm(algorithm) => write!(formatter, "blobs/{}", algorithm),
            Self::Shard(algorithm, shard) => write!(formatter, "blobs/{}/{shard:02x}", algorithm),
        }
    }
}
