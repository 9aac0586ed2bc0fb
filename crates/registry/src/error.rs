//! Why a registry operation failed.

use oci::{Digest, RepositoryName, Tag};

/// An error of the registry, named for what was refused or what failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The repository does not exist.
    #[error("repository `{0}` does not exist")]
    NameUnknown(RepositoryName),
    /// The project that a new repository would belong to does not exist.
    #[error("project `{0}` does not exist")]
    ProjectUnknown(String),
    /// The repository holds no such manifest or tag.
    #[error("manifest `{reference}` is not in repository `{repository}`")]
    ManifestUnknown {
        /// Where it was looked for.
        repository: RepositoryName,
        /// The tag or digest that was asked for.
        reference: String,
    },
    /// The repository holds no such blob.
    #[error("blob {digest} is not in repository `{repository}`")]
    BlobUnknown {
        /// Where it was looked for.
        repository: RepositoryName,
        /// The blob that was asked for.
        digest: Digest,
    },
    /// The stored bytes of a blob do not match its digest; it is served to nobody until it is pushed again.
    #[error("blob {0} is damaged in the store")]
    BlobDamaged(Digest),
    /// No such upload in this repository by this caller.
    #[error("upload is unknown: it was finished, cancelled or has expired")]
    UploadUnknown,
    /// Another request is writing to this upload.
    #[error("another request is writing to this upload")]
    UploadBusy,
    /// A chunk does not start where the upload ends.
    #[error("chunk starts at {start}, the upload is at {offset}")]
    UploadRange {
        /// First byte of the chunk.
        start: u64,
        /// Bytes that the upload holds.
        offset: u64,
    },
    /// The body ended early or late against what the request announced.
    #[error("body has {actual} bytes, the request announced {announced}")]
    SizeMismatch {
        /// Bytes announced by `Content-Length` or `Content-Range`.
        announced: u64,
        /// Bytes received.
        actual: u64,
    },
    /// The body could not be read to its end.
    #[error("the body was cut off after {received} bytes")]
    BodyInterrupted {
        /// Bytes received by this request.
        received: u64,
    },
    /// The caller has too many unfinished uploads.
    #[error("{actor} has {limit} unfinished uploads, which is the limit")]
    TooManyUploads {
        /// Who.
        actor: String,
        /// The limit.
        limit: u64,
    },
    /// The blob is larger than this registry takes.
    #[error("blob is larger than the limit of {limit} bytes")]
    BlobTooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The bytes do not have the digest that was named.
    #[error("content does not have the digest {expected}")]
    DigestMismatch {
        /// The digest that the client named.
        expected: Digest,
    },
    /// The manifest was refused.
    #[error("manifest refused")]
    ManifestInvalid(#[source] oci::ManifestError),
    /// The manifest names blobs that the repository does not hold.
    #[error("manifest refused: {} of its blobs are not in this repository, the first is {}", .0.len(), .0.first().map_or_else(String::new, ToString::to_string))]
    BlobsMissing(Vec<Digest>),
    /// The manifest says of something that it names another size than that has.
    #[error("manifest refused: it says that {digest} is {stated} bytes, what is stored here is {actual}")]
    DescriptorSize {
        /// What it names.
        digest: Digest,
        /// The size that it says.
        stated: u64,
        /// The size of what is stored.
        actual: u64,
    },
    /// The repository holds the same bytes as a manifest of another type.
    #[error("manifest refused: it is `{pushed}` in this request, and {digest} is in this repository as `{stored}`")]
    MediaTypeDiffers {
        /// The manifest.
        digest: Digest,
        /// The type that it has, for all who pull it.
        stored: String,
        /// The type of this push.
        pushed: String,
    },
    /// The tag exists and the caller may make tags but not move them.
    #[error("tag `{tag}` exists and points to another manifest")]
    TagExists {
        /// The tag.
        tag: Tag,
    },
    /// The manifest is a document that the hub made; it goes with its subject.
    #[error("{0} is the hub's own document about its subject; it goes when the subject goes")]
    OwnDocument(Digest),
    /// The blob is of a document that the hub made.
    #[error("blob {0} is of the hub's own document about an image; it goes when the image goes")]
    OwnBlob(Digest),
    /// Too many tags in one push.
    #[error("{actual} tags in one push, the limit is {limit}")]
    TooManyTags {
        /// Tags in the request.
        actual: usize,
        /// The limit.
        limit: usize,
    },
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] db::Error),
    /// The blob store failed.
    #[error("the blob store failed")]
    Blobs(#[from] blobs::Error),
    /// A job could not be made.
    #[error("a job could not be made")]
    Job(#[from] ledger::jobs::NewJobError),
    /// A stored value cannot be read back: the database holds what no Garrison wrote.
    #[error("stored {what} is not valid")]
    Stored {
        /// Which value.
        what: &'static str,
    },
    /// The task that ran the change ended before its answer.
    #[error("the hub is shutting down")]
    Stopping,
}
