//! Documents about an image that others pushed beside it, and how they differ from what the hub found itself.
//!
//! Beside an image lies what refers to it (OCI distribution 1.1, "Listing Referrers"), what an index that lists it says to attest it (`BuildKit`, "Image
//! attestation storage"), and what has the tag that cosign gives to attestations. None of that says who made a document but who pushed it.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as StdError;
use std::sync::Arc;

use futures_util::StreamExt as _;
use oci::{Descriptor, Digest, Manifest, Reference, RepositoryName, media_type};
use registry::{ManifestEntry, SYSTEM};
use sbom::diff::{Diff, diff};
use sbom::formats::{CycloneDxVersion, Document, Format, Limits, Strictness, read_with};
use sbom::statement::{document_about, is_document_predicate, open_envelope};

use crate::pipeline::{Error, Pipeline};

/// Referrers that are looked at for documents. Signatures and attestations of many builds come to some dozens.
const REFERRERS_MAX: u64 = 200;

/// Indexes above an image that are looked at for attestations. A build that changes nothing makes a new one each time.
const INDEXES_MAX: usize = 50;

/// Attestations of indexes that are looked at.
const ATTESTATIONS_MAX: usize = 200;

/// Documents of others that are listed; the rest is counted. Who pushes one SBOM in each format that there is comes to six.
const DOCUMENTS_MAX: usize = 20;

/// The largest document that is compared, whatever the memory: ten times what the largest images come to.
pub(crate) const DOCUMENT_BYTES_MAX: u64 = 32 << 20;

/// A document takes about this many times its bytes once it is read, with the inventory that it is compared to.
pub(crate) const MEMORY_PER_BYTE: u64 = 4;

/// Types of documents that are read, as artifacts and as blobs.
const DOCUMENT_TYPES: [Format; 3] = [Format::CycloneDx(CycloneDxVersion::V1_6), Format::Spdx, Format::Syft];

/// A statement about an artifact (in-toto attestation framework, "Statement"), in which builders wrap their documents.
const IN_TOTO: &str = "application/vnd.in-toto+json";

/// A statement in an envelope whose type says that it is a document (in-toto attestation framework, "File naming conventions").
const IN_TOTO_DOCUMENTS: [&str; 2] = ["application/vnd.in-toto.spdx+dsse", "application/vnd.in-toto.cyclonedx+dsse"];

/// A statement in an envelope, as cosign stores it by a tag.
const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";

/// How the types of bundles of Sigstore begin, which hold an envelope or a bare signature.
const BUNDLE_PREFIX: &str = "application/vnd.dev.sigstore.bundle";

/// Annotations in which `BuildKit` and two versions of cosign tell the type of a statement's predicate.
const PREDICATE_TYPE: [&str; 3] = ["in-toto.io/predicate-type", "predicateType", "dev.sigstore.bundle.predicateType"];

/// A document beside an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// Digest of the manifest that refers to the image, or attests it.
    pub manifest: Digest,
    /// Size of that manifest in bytes.
    pub manifest_bytes: u64,
    /// Digest of the document itself: a manifest may hold several.
    pub blob: Digest,
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
    /// Whether there may be more: of what refers to an image the first 200 are looked at, and as many attestations of 50 indexes that list it.
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

/// What lies beside an image and may hold documents.
#[derive(Default)]
struct Candidates {
    manifests: BTreeSet<Digest>,
    is_cut: bool,
}

impl Pipeline {
    /// Returns the documents that lie beside an image in a repository, the hub's own too; of one manifest alone, where one is named.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn documents(
        &self,
        repository: &RepositoryName,
        image: Digest,
        manifest: Option<Digest>,
    ) -> Result<Documents, Error> {
        let Candidates { manifests, is_cut } = match manifest {
            Some(manifest) if self.is_beside(repository, image, manifest).await? => {
                Candidates { manifests: BTreeSet::from([manifest]), is_cut: false }
            }
            Some(_) => Candidates::default(),
            None => self.candidates(repository, image).await?,
        };
        let mut documents = Documents { listed: Vec::new(), left_out: 0, may_be_more: is_cut };
        let mut of_others = 0;
        for manifest in manifests {
            for document in self.documents_in(repository, manifest).await? {
                if document.is_own() {
                    documents.listed.push(document);
                } else if of_others < DOCUMENTS_MAX {
                    of_others += 1;
                    documents.listed.push(document);
                } else {
                    documents.left_out += 1;
                }
            }
        }
        Ok(documents)
    }

    /// Compares the hub's own inventory of an image with a document beside it, named by what refers to the image, and the document where
    /// that holds several.
    ///
    /// # Errors
    /// [`CompareError`].
    pub async fn compare(
        &self,
        repository: &RepositoryName,
        image: Digest,
        (manifest, blob): (Digest, Option<Digest>),
    ) -> Result<Comparison, CompareError> {
        let is_beside = self.is_beside(repository, image, manifest).await?;
        let documents = if is_beside { self.documents_in(repository, manifest).await? } else { Vec::new() };
        let is_meant = |document: &Beside| blob.is_none_or(|blob| document.blob == blob);
        let beside = documents.into_iter().find(is_meant).ok_or(CompareError::Absent(manifest))?;
        let limit = self.inner.document_bytes_max;
        if beside.size_bytes > limit {
            return Err(CompareError::TooLarge { actual: beside.size_bytes, limit });
        }
        // One at a time: each may take all the memory that documents have.
        let _turn = self.inner.comparisons.acquire().await;
        let _memory = (self.inner.recent.borrow(), self.inner.viewed.borrow());
        let own = self.inventory(repository, image).await?.ok_or(CompareError::NoInventory(image))?;
        let bytes = self.read_blob(repository, beside.blob).await?;
        let work = tokio::task::spawn_blocking(move || {
            let document = read_document(bytes, &beside.media_type, image)?;
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

    /// Returns what lies beside an image, as far as it is looked at.
    async fn candidates(&self, repository: &RepositoryName, image: Digest) -> Result<Candidates, Error> {
        let registry = &self.inner.registry;
        let mut candidates = Candidates::default();
        let indexes = self.indexes_above(repository, image).await?;
        candidates.is_cut |= indexes.len() > INDEXES_MAX;
        for index in indexes.into_iter().take(INDEXES_MAX) {
            candidates.manifests.extend(self.attestations_in(repository, index, image).await?);
        }
        while candidates.manifests.len() > ATTESTATIONS_MAX {
            candidates.manifests.pop_last();
            candidates.is_cut = true;
        }
        candidates.manifests.extend(self.tagged_attestations(repository, image).await?);
        let referrers = registry.list_referrers(repository, &image, None, None, Some(REFERRERS_MAX)).await?;
        candidates.is_cut |= referrers.next.is_some();
        candidates.manifests.extend(referrers.descriptors.iter().map(|descriptor| descriptor.digest));
        Ok(candidates)
    }

    /// Returns whether a manifest lies beside an image.
    async fn is_beside(&self, repository: &RepositoryName, image: Digest, manifest: Digest) -> Result<bool, Error> {
        let Some(entry) = self.find_manifest(repository, &Reference::Digest(manifest)).await? else { return Ok(false) };
        if entry.subject == Some(image) {
            return Ok(true);
        }
        for index in self.indexes_above(repository, manifest).await?.into_iter().take(INDEXES_MAX) {
            if self.attestations_in(repository, index, image).await?.contains(&manifest) {
                return Ok(true);
            }
        }
        Ok(self.tagged_attestations(repository, image).await? == Some(manifest))
    }

    /// Returns what has the tag that cosign gives to the attestations of an image.
    async fn tagged_attestations(&self, repository: &RepositoryName, image: Digest) -> Result<Option<Digest>, Error> {
        // That of a sha512 is longer than a tag may be.
        let Ok(tag) = format!("{}.att", image.to_string().replace(':', "-")).parse() else { return Ok(None) };
        Ok(self.find_manifest(repository, &Reference::Tag(tag)).await?.map(|entry| entry.digest))
    }

    async fn indexes_above(&self, repository: &RepositoryName, manifest: Digest) -> Result<BTreeSet<Digest>, Error> {
        let registry = &self.inner.registry;
        let repository = match registry.repository_id(repository).await {
            Ok(id) => id,
            Err(registry::Error::NameUnknown(_)) => return Ok(BTreeSet::new()),
            Err(error) => return Err(error.into()),
        };
        let mut indexes = registry.with_indexes(repository, manifest).await?;
        indexes.remove(&manifest);
        Ok(indexes)
    }

    /// Returns what an index that lists an image says to attest it.
    async fn attestations_in(
        &self,
        repository: &RepositoryName,
        index: Digest,
        image: Digest,
    ) -> Result<BTreeSet<Digest>, Error> {
        let Some(entry) = self.find_manifest(repository, &Reference::Digest(index)).await? else {
            return Ok(BTreeSet::new());
        };
        let Ok(manifest) = Manifest::parse(Some(&entry.media_type), &entry.body) else { return Ok(BTreeSet::new()) };
        if manifest.manifests.iter().all(|entry| entry.digest != image) {
            return Ok(BTreeSet::new());
        }
        let attests = |entry: &&Descriptor| entry.attests() == Some(image);
        Ok(manifest.manifests.iter().filter(attests).map(|entry| entry.digest).collect())
    }

    async fn find_manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<Option<Arc<ManifestEntry>>, Error> {
        match self.inner.registry.find_manifest(repository, reference).await {
            Ok(entry) => Ok(Some(entry)),
            Err(registry::Error::ManifestUnknown { .. } | registry::Error::NameUnknown(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the documents that a manifest holds.
    async fn documents_in(&self, repository: &RepositoryName, manifest: Digest) -> Result<Vec<Beside>, Error> {
        let entry = self.find_manifest(repository, &Reference::Digest(manifest)).await?;
        Ok(entry.map_or_else(Vec::new, |entry| documents_of(&entry)))
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

fn documents_of(entry: &ManifestEntry) -> Vec<Beside> {
    let Ok(manifest) = Manifest::parse(Some(&entry.media_type), &entry.body) else { return Vec::new() };
    let mut known = BTreeSet::new();
    let documents = manifest.layers.iter().filter(|layer| is_document(layer, &manifest) && known.insert(layer.digest));
    let beside = |layer: &Descriptor| Beside {
        manifest: entry.digest,
        manifest_bytes: entry.body.len() as u64,
        blob: layer.digest,
        media_type: layer.media_type.clone(),
        size_bytes: layer.size,
        pushed_by: entry.pushed_by.clone(),
        pushed_at_us: entry.pushed_at_us,
    };
    documents.map(beside).collect()
}

/// Returns whether a layer is a document, as far as that is told without reading it.
fn is_document(layer: &Descriptor, manifest: &Manifest) -> bool {
    let told = |annotations: &BTreeMap<String, String>| {
        PREDICATE_TYPE.iter().find_map(|name| annotations.get(*name)).map(|told| is_document_predicate(told))
    };
    let told = told(&layer.annotations).or_else(|| told(&manifest.annotations));
    let media_type = media_type::without_parameters(&layer.media_type).to_ascii_lowercase();
    match &*media_type {
        IN_TOTO => told.unwrap_or(true),
        // Most of them are signatures.
        ENVELOPE => told.unwrap_or(false),
        bundle if bundle.starts_with(BUNDLE_PREFIX) => told.unwrap_or(false),
        other => IN_TOTO_DOCUMENTS.contains(&other) || DOCUMENT_TYPES.iter().any(|format| other == format.media_type()),
    }
}

/// Reads a document, also one that a statement makes about an image.
fn read_document(bytes: Vec<u8>, media_type: &str, image: Digest) -> Result<Document, CompareError> {
    let unreadable = |error: &dyn StdError| CompareError::Unreadable(crate::make::told(error));
    let read = |document: &[u8]| {
        read_with(document, &Limits::default(), Strictness::Lenient).map_err(|error| unreadable(&error))
    };
    let media_type = media_type::without_parameters(media_type);
    if DOCUMENT_TYPES.iter().any(|format| media_type.eq_ignore_ascii_case(format.media_type())) {
        return read(&bytes);
    }
    let statement = open_envelope(bytes).map_err(|error| unreadable(&error))?;
    read(document_about(&statement, image).map_err(|error| unreadable(&error))?)
}
