//! The words of the OCI distribution protocol: digests, names, tags, descriptors, manifests, image configurations,
//! the `/v2` paths and queries, byte ranges and error codes.
//!
//! This crate is pure: bytes and strings in, typed values or typed refusals out. It does no input or output, knows no
//! storage, no HTTP library and no permissions, and decides nothing about who may do what.
//!
//! Invariants, which everything above relies on:
//! - A [`Digest`] is of a known algorithm, of the exact length and in lower case; no other spelling of it exists.
//! - A [`RepositoryName`], a [`Tag`] and an upload identifier in a [`Route`] hold only the characters of their grammar:
//!   never `..`, a percent sign, a control character or anything outside ASCII.
//! - A [`Manifest`] came from a document that means the same to every client: no object names a key twice (nor once
//!   more in another case, where clients ignore case), and it is not an image and an index at once. The platform and the
//!   layers of an [`ImageConfig`] are as unambiguous.
//! - All work and memory are bounded by named limits, whatever is sent.
//!
//! The documents: OCI distribution specification 1.1.1 and its current draft, OCI image specification 1.1, Docker image
//! manifest version 2 schema 2.

pub mod descriptor;
pub mod digest;
pub mod error_code;
pub mod image_config;
mod json;
pub mod manifest;
pub mod media_type;
pub mod name;
pub mod query;
pub mod range;
pub mod reference;
pub mod route;
pub mod tag;

pub use descriptor::{Descriptor, Platform};
pub use digest::{Algorithm, Digest, DigestError};
pub use error_code::{ErrorCode, errors_json};
pub use image_config::{Execution, ImageConfig, ImageConfigError, ImageConfigLayer};
pub use manifest::{Manifest, ManifestError, ManifestKind, NoRootFileSystem};
pub use name::{NameError, RepositoryName};
pub use query::{Query, QueryError};
pub use range::{ByteRange, ContentRange, ContentRangeError};
pub use reference::{Reference, ReferenceError};
pub use route::{Route, RouteError};
pub use tag::{Tag, TagError};
