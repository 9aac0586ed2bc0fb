//! Where images, directories and files come from: registries, OCI layouts, archives, this machine's file system, a stream.
//!
//! A [`Source`] says where something is; [`Local::open`] and [`Image::fetch`] find one image of one platform in it ([`Image`]), or a [`Directory`] or [`SingleFile`].
//! What comes out are names, digests and streams of layers. What is in a layer, and what that means, is the business of `sbom`.
//!
//! # Invariants
//!
//! - Every document (index, manifest, configuration) has the digest by which it was named, or is refused. The bytes of layers are checked by who reads
//!   them, against the digests that stand in [`ImageLayer`].
//! - Nothing is extracted. What has to be put aside (a stream, a compressed archive) goes into a file without a name, of bounded size.
//! - No link leads out of a layout, an archive or a directory; devices, pipes and sockets in one are never opened. A pipe that is named itself is read as a stream.
//! - Nothing that is found in a source is run, and nothing but the source is asked. The user's own credential helpers are run, with a time limit.

mod archive;
mod beneath;
mod beside;
mod credentials;
mod digest;
mod directory;
mod docker;
mod error;
mod file;
mod image;
mod layout;
mod open;
mod platform;
mod registry;
mod select;
mod source;
mod spool;
mod store;

pub use archive::ARCHIVE_ENTRIES_MAX;
pub use beneath::is_pipe;
pub use beside::{BESIDE_MAX, Beside};
pub use credentials::{
    CREDENTIAL_FILE_BYTES_MAX, CredentialError, CredentialFiles, CredentialText, CredentialTextError, HELPER_TIME_MAX,
    Known, parse_helper_answer,
};
pub use directory::{DEPTH_MAX, Directory, Enter, FileSystems, Found, FoundFile, Skipped};
pub use docker::DOCKER_MANIFEST_BYTES_MAX;
pub use error::Error;
pub use file::SingleFile;
pub use image::{Image, ImageLayer};
pub use open::{Opened, open_stream};
pub use platform::{PlatformError, host_platform, parse_platform};
pub use select::{CANDIDATES_MAX, DOCUMENTS_MAX, INDEX_DEPTH_MAX};
pub use source::{ImageReference, Local, Select, Source, SourceError};
pub use spool::{SPOOL_BYTES_MAX, temporary_file};
pub use store::LayerReader;
