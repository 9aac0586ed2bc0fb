//! Documents about an image that others pushed beside it, and how they differ from what the hub found itself.

use std::borrow::Cow;
use std::error::Error as StdError;

use futures_util::StreamExt as _;
use oci::{Descriptor, Digest, Manifest, Reference, RepositoryName, media_type};
use registry::{ManifestEntry, SYSTEM};
use sbom::diff::{Diff, diff};
use sbom::formats::{CycloneDxVersion, Document, Format, Limits, Strictness, read_with};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::pipeline::{Error, Pipeline};

/// Referrers that are looked at for documents. Signatures and attestations of many builds come to some dozens.
const REFERRERS_MAX: u64 = 200;

/// Documents of others that are listed; the rest is counted. Who pushes one SBOM in each format that there is comes to six.
const DOCUMENTS_MAX: usize = 20;

/// The largest document that is compared, whatever the memory: ten times what the largest images come to.
pub(crate) const DOCUMENT_BYTES_MAX: u64 = 32 << 20;

/// A document takes about this many times its bytes once it is read, with the inventory that it is compared to.
pub(crate) const MEMORY_PER_BYTE: u64 = 4;

/// Types of documents that are read, as artifacts and as blobs.
const DOCUMENT_TYPES: [Format; 3] = [Format::CycloneDx(CycloneDxVersion::V1_6), Format::Spdx, Format::Syft];

/// Statements about an artifact (in-toto attestation framework, "Statement"), in which builders wrap their documents.
const IN_TOTO: &str = "application/vnd.in-toto+json";

/// The predicates that are documents: <https://spdx.dev/Document> and <https://cyclonedx.org/bom>, with a version or without.
const PREDICATES: [&str; 2] = ["https://spdx.dev/Document", "https://cyclonedx.org/bom"];

/// A document beside an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// Digest of the manifest that refers to the image.
    pub manifest: Digest,
    /// The document's media type.
    pub media_type: String,
    /// Size of the document in bytes.
    pub size_bytes: u64,
    /// Who pushed it last.
    pub pushed_by: String,
    /// When, in microseconds since 1970-01-01 UTC.
    pub pushed_at_us: i64,
}

impl Beside {
    /// Returns whether the hub itself made it.
    pub fn is_own(&self) -> bool {
        self.pushed_by == SYSTEM
    }
}

/// The documents beside an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Documents {
    /// The hub's own, and the first twenty of others, by the digest of what refers.
    pub listed: Vec<Beside>,
    /// How many of others there are beyond those.
    pub left_out: u64,
    /// Whether there may be more: no more is looked at than the first 200 that refer to the image.
    pub may_be_more: bool,
}

/// What someone else's document says, and how the hub's own inventory differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The document.
    pub document: Beside,
    /// Its format: `cyclonedx-json`.
    pub format: &'static str,
    /// The format's version, as it states it.
    pub version: Option<String>,
    /// The tool that made it, as it states it.
    pub tool: Option<String>,
    /// How many components it has.
    pub components: usize,
    /// How many edges.
    pub edges: usize,
    /// How many parts of it are wrong by its own format.
    pub wrong: u64,
    /// From the hub's inventory to the document: what is added, only the document has.
    pub diff: Diff,
}

/// Why there is no comparison.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// No document of another refers to the image by that digest.
    #[error("{0} is no SBOM beside that image")]
    Absent(Digest),
    /// The hub has no inventory of the image.
    #[error("the hub has no inventory of {0} to compare with")]
    NoInventory(Digest),
    /// The document is too large.
    #[error("the document is {actual} bytes, the limit is {limit} for this hub's `inventory_memory`")]
    TooLarge {
        /// Its size.
        actual: u64,
        /// The limit.
        limit: u64,
    },
    /// The document is not understood.
    #[error("the document is not understood: {0}")]
    Unreadable(String),
    /// Something failed that has nothing to do with the document.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// A document within a referrer.
struct Found {
    beside: Beside,
    blob: Digest,
}

impl Pipeline {
    /// Returns the documents that refer to an image in a repository, the hub's own too.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn documents(&self, repository: &RepositoryName, image: Digest) -> Result<Documents, Error> {
        let registry = &self.inner.registry;
        let referrers = registry.list_referrers(repository, &image, None, None, Some(REFERRERS_MAX)).await?;
        let mut documents =
            Documents { listed: Vec::new(), left_out: 0, may_be_more: referrers.next.is_some() };
        let mut of_others = 0;
        for descriptor in referrers.descriptors {
            let Some(Found { beside, .. }) = self.document_in(repository, &descriptor.digest, image).await? else {
                continue;
            };
            if beside.is_own() {
                documents.listed.push(beside);
            } else if of_others < DOCUMENTS_MAX {
                of_others += 1;
                documents.listed.push(beside);
            } else {
                documents.left_out += 1;
            }
        }
        Ok(documents)
    }

    /// Compares the hub's own inventory of an image with a document that refers to it, named by what refers.
    ///
    /// # Errors
    /// [`CompareError`].
    pub async fn compare(
        &self,
        repository: &RepositoryName,
        image: Digest,
        manifest: Digest,
    ) -> Result<Comparison, CompareError> {
        let found = self.document_in(repository, &manifest, image).await?.ok_or(CompareError::Absent(manifest))?;
        let limit = self.inner.document_bytes_max;
        if found.beside.size_bytes > limit {
            return Err(CompareError::TooLarge { actual: found.beside.size_bytes, limit });
        }
        // One at a time: each may take all the memory that documents have.
        let _turn = self.inner.comparisons.acquire().await;
        let _memory = (self.inner.recent.borrow(), self.inner.viewed.borrow());
        let own = self.inventory(repository, image).await?.ok_or(CompareError::NoInventory(image))?;
        let bytes = self.read_blob(repository, found.blob).await?;
        let Found { beside, .. } = found;
        let work = tokio::task::spawn_blocking(move || {
            let document = read_document(&bytes, &beside.media_type)?;
            let inventory = &document.inventory;
            Ok(Comparison {
                components: inventory.components.len(),
                edges: inventory.edges.len(),
                wrong: document.repairs.wrong,
                diff: diff(&own, inventory),
                document: beside,
                format: document.format,
                version: document.version,
                tool: document.tool,
            })
        });
        work.await.unwrap_or_else(|_| Err(CompareError::Unreadable("reading it failed".to_owned())))
    }

    /// Returns the document that a manifest holds, if it is one about that image.
    async fn document_in(
        &self,
        repository: &RepositoryName,
        manifest: &Digest,
        image: Digest,
    ) -> Result<Option<Found>, Error> {
        let entry = match self.inner.registry.find_manifest(repository, &Reference::Digest(*manifest)).await {
            Ok(entry) => entry,
            Err(registry::Error::ManifestUnknown { .. } | registry::Error::NameUnknown(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(if entry.subject == Some(image) { document_of(&entry) } else { None })
    }

    async fn read_blob(&self, repository: &RepositoryName, digest: Digest) -> Result<Vec<u8>, CompareError> {
        let registry = &self.inner.registry;
        let entry = registry.find_blob(repository, &digest).await.map_err(Error::from)?;
        let blob = registry.open_blob(repository, &entry).await.map_err(Error::from)?;
        let mut bytes = Vec::new();
        let mut stream = blob.stream(0..blob.size_bytes());
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|error| Error::from(registry::Error::from(error)))?;
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

fn document_of(entry: &ManifestEntry) -> Option<Found> {
    let manifest = Manifest::parse(Some(&entry.media_type), &entry.body).ok()?;
    let is_document = |layer: &&Descriptor| is_document_type(&layer.media_type);
    let layer = manifest.layers.iter().find(is_document)?;
    let beside = Beside {
        manifest: entry.digest,
        media_type: layer.media_type.clone(),
        size_bytes: layer.size,
        pushed_by: entry.pushed_by.clone(),
        pushed_at_us: entry.pushed_at_us,
    };
    Some(Found { beside, blob: layer.digest })
}

fn is_document_type(text: &str) -> bool {
    let text = media_type::without_parameters(text);
    text.eq_ignore_ascii_case(IN_TOTO)
        || DOCUMENT_TYPES.iter().any(|format| text.eq_ignore_ascii_case(format.media_type()))
}

/// Reads a document, also one within a statement.
fn read_document(bytes: &[u8], media_type: &str) -> Result<Document, CompareError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Statement<'a> {
        #[serde(borrow)]
        predicate_type: Cow<'a, str>,
        #[serde(borrow)]
        predicate: &'a RawValue,
    }
    let unreadable = |error: &dyn StdError| CompareError::Unreadable(crate::make::told(error));
    let limits = Limits::default();
    if !media_type::without_parameters(media_type).eq_ignore_ascii_case(IN_TOTO) {
        return read_with(bytes, &limits, Strictness::Lenient).map_err(|error| unreadable(&error));
    }
    let statement: Statement<'_> = serde_json::from_slice(bytes).map_err(|error| unreadable(&error))?;
    if !PREDICATES.iter().any(|known| statement.predicate_type.starts_with(known)) {
        return Err(CompareError::Unreadable(format!(
            "it is a statement of type `{}`, and no SBOM",
            statement.predicate_type.chars().take(200).collect::<String>()
        )));
    }
    read_with(statement.predicate.get().as_bytes(), &limits, Strictness::Lenient).map_err(|error| unreadable(&error))
}
