//! The paths under `/v2`, as in OCI distribution 1.1, "Endpoints".
//!
//! A path is read from its end, for a repository's name may itself hold `blobs`, `manifests`, `tags` or `uploads` as
//! segments. Every path has at most one reading.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::percent_decode_str;

use crate::digest::{Digest, DigestError};
use crate::error_code::ErrorCode;
use crate::name::{NameError, RepositoryName};
use crate::reference::{Reference, ReferenceError};
use crate::tag::TagError;

/// The longest path, in bytes: the longest name and digest with every byte percent-encoded fit well within it.
pub const PATH_LENGTH_MAX: usize = 2048;

/// The longest identifier of an upload, in bytes; ours are UUIDs.
pub const UPLOAD_ID_LENGTH_MAX: usize = 128;

/// What a path names. Its `Display` is the canonical path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// `/v2/`, which tells that this is a registry.
    Base,
    /// `/v2/_catalog`, the list of repositories.
    Catalog,
    /// `/v2/<name>/tags/list`.
    Tags {
        /// The repository, as sent: not [qualified](RepositoryName::qualified).
        name: RepositoryName,
    },
    /// `/v2/<name>/manifests/<reference>`.
    Manifest {
        /// The repository, as sent.
        name: RepositoryName,
        /// The manifest.
        reference: Reference,
    },
    /// `/v2/<name>/blobs/<digest>`.
    Blob {
        /// The repository, as sent.
        name: RepositoryName,
        /// The blob.
        digest: Digest,
    },
    /// `/v2/<name>/blobs/uploads/`, where uploads begin.
    UploadStart {
        /// The repository, as sent.
        name: RepositoryName,
    },
    /// `/v2/<name>/blobs/uploads/<id>`, an upload under way.
    Upload {
        /// The repository, as sent.
        name: RepositoryName,
        /// The upload: letters, digits, `-` and `_`.
        id: String,
    },
    /// `/v2/<name>/referrers/<digest>`.
    Referrers {
        /// The repository, as sent.
        name: RepositoryName,
        /// The manifest that is referred to.
        digest: Digest,
    },
}

/// Why a request's method and path name nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// No endpoint has such a path.
    #[error("there is no such endpoint")]
    NotFound,
    /// The endpoint is there, but not for this method.
    #[error("the endpoint does not have this method")]
    MethodNotAllowed {
        /// The methods that it has, for the `Allow` header.
        allowed: &'static [&'static str],
    },
    /// It is longer than [`PATH_LENGTH_MAX`].
    #[error("the path is {actual} bytes, the limit is {PATH_LENGTH_MAX}")]
    TooLong {
        /// The length of what was sent, in bytes.
        actual: usize,
    },
    /// The repository's name is malformed.
    #[error("the repository name is malformed")]
    Name(#[source] NameError),
    /// The digest is malformed.
    #[error("the digest is malformed")]
    Digest(#[source] DigestError),
    /// The tag to be made is malformed.
    #[error("the tag is malformed")]
    Tag(#[source] TagError),
    /// The tag that is asked for is malformed, so no manifest has it.
    #[error("no manifest has a tag of this form")]
    ManifestUnknown(#[source] TagError),
    /// The upload's identifier is malformed, so no upload has it.
    #[error("no upload has an identifier of this form")]
    UploadUnknown,
}

impl RouteError {
    /// Returns the code that the client is told.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound | Self::MethodNotAllowed { .. } => ErrorCode::Unsupported,
            Self::TooLong { .. } | Self::Name(_) => ErrorCode::NameInvalid,
            Self::Digest(_) => ErrorCode::DigestInvalid,
            Self::Tag(_) => ErrorCode::TagInvalid,
            Self::ManifestUnknown(_) => ErrorCode::ManifestUnknown,
            Self::UploadUnknown => ErrorCode::BlobUploadUnknown,
        }
    }

    /// Returns the HTTP status, which is that of the code, except that a path without endpoint is 404.
    pub const fn status(&self) -> u16 {
        match self {
            Self::NotFound => 404,
            _ => self.code().status(),
        }
    }
}

impl Route {
    /// Reads a request's method and its path as it stands in the request: still percent-encoded, without query.
    ///
    /// Each segment is decoded once. What is encoded twice, or decodes to a slash, is refused with the part it is in.
    pub fn parse(method: &str, path: &str) -> Result<Self, RouteError> {
        let route = Self::parse_path(method, path)?;
        let allowed = route.methods();
        if allowed.contains(&method) { Ok(route) } else { Err(RouteError::MethodNotAllowed { allowed }) }
    }

    /// Returns the methods that the endpoint has.
    pub const fn methods(&self) -> &'static [&'static str] {
        match self {
            Self::Base | Self::Catalog | Self::Tags { .. } | Self::Referrers { .. } => &["GET", "HEAD"],
            Self::Manifest { .. } => &["GET", "HEAD", "PUT", "DELETE"],
            Self::Blob { .. } => &["GET", "HEAD", "DELETE"],
            Self::UploadStart { .. } => &["POST"],
            Self::Upload { .. } => &["GET", "PATCH", "PUT", "DELETE"],
        }
    }

    /// Returns the repository that the endpoint is about, as sent.
    pub const fn name(&self) -> Option<&RepositoryName> {
        match self {
            Self::Base | Self::Catalog => None,
            Self::Tags { name }
            | Self::Manifest { name, .. }
            | Self::Blob { name, .. }
            | Self::UploadStart { name }
            | Self::Upload { name, .. }
            | Self::Referrers { name, .. } => Some(name),
        }
    }

    fn parse_path(method: &str, path: &str) -> Result<Self, RouteError> {
        if path == "/v2" {
            return Ok(Self::Base);
        }
        let rest = path.strip_prefix("/v2/").ok_or(RouteError::NotFound)?;
        if rest.is_empty() {
            return Ok(Self::Base);
        }
        if path.len() > PATH_LENGTH_MAX {
            return Err(RouteError::TooLong { actual: path.len() });
        }
        let segments: Vec<Cow<'_, str>> = rest.split('/').map(decode).collect();
        let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        match segments.as_slice() {
            ["_catalog"] => Ok(Self::Catalog),
            [name @ .., "tags", "list"] => Ok(Self::Tags { name: parse_name(name)? }),
            [name @ .., "manifests", reference] => {
                let name = parse_name(name)?;
                Ok(Self::Manifest { name, reference: parse_reference(method, reference)? })
            }
            [name @ .., "blobs", "uploads"] | [name @ .., "blobs", "uploads", ""] => {
                Ok(Self::UploadStart { name: parse_name(name)? })
            }
            [name @ .., "blobs", "uploads", id] => {
                let name = parse_name(name)?;
                if is_upload_id(id) {
                    Ok(Self::Upload { name, id: (*id).to_owned() })
                } else {
                    Err(RouteError::UploadUnknown)
                }
            }
            [name @ .., "blobs", digest] => {
                let name = parse_name(name)?;
                Ok(Self::Blob { name, digest: digest.parse().map_err(RouteError::Digest)? })
            }
            [name @ .., "referrers", digest] => {
                let name = parse_name(name)?;
                Ok(Self::Referrers { name, digest: digest.parse().map_err(RouteError::Digest)? })
            }
            _ => Err(RouteError::NotFound),
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base => formatter.write_str("/v2/"),
            Self::Catalog => formatter.write_str("/v2/_catalog"),
            Self::Tags { name } => write!(formatter, "/v2/{name}/tags/list"),
            Self::Manifest { name, reference } => write!(formatter, "/v2/{name}/manifests/{reference}"),
            Self::Blob { name, digest } => write!(formatter, "/v2/{name}/blobs/{digest}"),
            Self::UploadStart { name } => write!(formatter, "/v2/{name}/blobs/uploads/"),
            Self::Upload { name, id } => write!(formatter, "/v2/{name}/blobs/uploads/{id}"),
            Self::Referrers { name, digest } => write!(formatter, "/v2/{name}/referrers/{digest}"),
        }
    }
}

// Bytes that are not UTF-8 become characters which no part of a path may have, and so are refused with that part.
fn decode(segment: &str) -> Cow<'_, str> {
    percent_decode_str(segment).decode_utf8_lossy()
}

fn parse_name(segments: &[&str]) -> Result<RepositoryName, RouteError> {
    // A slash that was percent-encoded must not become a separator.
    if segments.iter().any(|segment| segment.contains('/')) {
        return Err(RouteError::Name(NameError::BadCharacter));
    }
    segments.join("/").parse().map_err(RouteError::Name)
}

fn parse_reference(method: &str, text: &str) -> Result<Reference, RouteError> {
    text.parse().map_err(|error| match error {
        ReferenceError::Digest(source) => RouteError::Digest(source),
        ReferenceError::Tag(source) if method == "PUT" => RouteError::Tag(source),
        // Asking for a tag that cannot be is asking for one that is not: clients expect 404.
        ReferenceError::Tag(source) => RouteError::ManifestUnknown(source),
    })
}

fn is_upload_id(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !text.is_empty() && text.len() <= UPLOAD_ID_LENGTH_MAX && text.bytes().all(is_allowed)
}
