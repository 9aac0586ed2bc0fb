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

    /// Tells whether one of our directories is in this one under the name.
    pub(crate) fn has_directory(self, name: &str) -> bool {
        match self {
            Self::Root => matches!(name, "uploads" | "blobs"),
            Self::Blobs => name.parse::<Algorithm>().is_ok(),
            Self::Algorithm(_) => name.len() == 2 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')),
            Self::Uploads | Self::Shard(..) => false,
        }
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
            Self::Algorithm(algorithm) => write!(formatter, "blobs/{algorithm}"),
            Self::Shard(algorithm, shard) => write!(formatter, "blobs/{algorithm}/{shard:02x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "0190163d8694739b9aea3e8e9c3a1b5f";
    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn every_directory_has_its_own_index_and_parent() {
        for (index, directory) in Directory::all().enumerate() {
            assert_eq!(directory.index(), index, "{directory}");
            if let Some((parent, name)) = directory.to_string().rsplit_once('/') {
                let parents = Directory::all().filter(|directory| directory.has_directory(name));
                assert!(parents.map(|parent| parent.to_string()).any(|path| path == parent), "{directory}");
            }
        }
        assert!(!Directory::Blobs.has_directory("md5") && !Directory::Algorithm(Algorithm::Sha256).has_directory("0A"));
    }

    #[test]
    fn upload_ids_have_one_spelling() {
        let check = |text: &str, is_valid: bool| assert_eq!(text.parse::<UploadId>().is_ok(), is_valid, "{text:?}");
        check(ID, true);
        check("", false);
        check(&ID[..31], false);
        check(&format!("{ID}0"), false);
        check(&ID.to_uppercase(), false);
        check("0190163d-8694-739b-9aea-3e8e9c3a1b5f", false);
        check("{0190163d-8694-739b-9aea-3e8e9c3a1b5f}", false);
        check("urn:uuid:0190163d-8694-739b-9aea-3e8e9c3a1b5f", false);
        check("0190163d8694439b9aea3e8e9c3a1b5f", false); // version 4
        check("0190163d8694739b1aea3e8e9c3a1b5f", false); // another variant
        check("00000000000000000000000000000000", false);
        check("../../../../../../../etc/shadow00", false);
    }

    #[test]
    fn locations_have_one_spelling() {
        let check = |text: &str, is_valid: bool| assert_eq!(text.parse::<Location>().is_ok(), is_valid, "{text:?}");
        check(&format!("blobs/sha256/e3/{HEX}.{ID}"), true);
        check(&format!("blobs/sha512/e3/{HEX}{HEX}.{ID}"), true);
        check(&format!("/blobs/sha256/e3/{HEX}.{ID}"), false);
        check(&format!("./blobs/sha256/e3/{HEX}.{ID}"), false);
        check(&format!("blobs//sha256/e3/{HEX}.{ID}"), false);
        check(&format!("blobs/sha256/e4/{HEX}.{ID}"), false);
        check(&format!("blobs/sha256/e/{HEX}.{ID}"), false);
        check(&format!("blobs/sha256//{HEX}.{ID}"), false);
        check(&format!("blobs/sha256/E3/{}.{ID}", HEX.to_uppercase()), false);
        check(&format!("blobs/sha512/e3/{HEX}.{ID}"), false);
        check(&format!("blobs/md5/e3/{HEX}.{ID}"), false);
        check(&format!("blobs/sha256/e3/{HEX}"), false);
        check(&format!("blobs/sha256/e3/{HEX}."), false);
        check(&format!("blobs/sha256/e3/{HEX}.{ID}.{ID}"), false);
        check(&format!("blobs/sha256/e3/{HEX}.{ID}/"), false);
        check(&format!("blobs/sha256/e3/{HEX}.{ID}\0"), false);
        check("blobs/sha256/../../etc/passwd", false);
        check("", false);
    }

    proptest! {
        #[test]
        fn what_parses_prints_as_it_was(text in "(/|\\.|blobs|sha256|sha512|e3|é|\\x00|[0-9a-f]{64}|[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}){0,9}") {
            if let Ok(location) = text.parse::<Location>() {
                prop_assert_eq!(location.to_string(), text);
            }
        }

        #[test]
        fn locations_round_trip(hash in proptest::array::uniform32(any::<u8>())) {
            let digest = Digest::new(Algorithm::Sha256, &hash).expect("32 bytes are a SHA-256");
            let location = Location::new(digest, UploadId::generate());
            prop_assert_eq!(location.to_string().parse(), Ok(location));
            prop_assert!(Place::Blob(location).to_string().starts_with(&Place::Blob(location).directory().to_string()));
        }
    }
}
