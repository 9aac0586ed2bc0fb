//! SBOMs beside an image, and how those of others differ from what the hub found.

use axum::response::Response;
use http::StatusCode;
use oci::{Digest, RepositoryName};
use pipeline::{Beside, CompareError, Comparison};
use sbom::diff::{Diff, Package};
use schemars::JsonSchema;
use serde::Serialize;

use super::{refused, time};
use crate::endpoint::Call;
use crate::failure::Failure;

/// Differences of one kind that are listed; all are counted. More say that one of the two is of something else.
const DIFFERENCES_MAX: usize = 1_000;

/// An SBOM beside an image.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Document {
    /// Digest of the manifest that refers to the image, or attests it in an index.
    digest: String,
    /// Digest of the blob that holds the document.
    blob: String,
    /// The document's media type.
    media_type: String,
    /// Size of the document.
    size_bytes: u64,
    /// Who pushed it last.
    pushed_by: String,
    /// When.
    pushed_at: String,
    /// Whether the hub made it.
    by_hub: bool,
}

/// SBOMs beside an image: what refers to it, what an index that lists it says to attest it, and what has the tag of its attestations.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Documents {
    /// The hub's own, and the first twenty of others.
    items: Vec<Document>,
    /// How many of others are left out.
    left_out: u64,
    /// Whether there may be more than that: of what refers to the image the first 200 are looked at, and as many attestations of 50 indexes.
    may_be_more: bool,
}

/// How an SBOM that someone pushed differs from what the hub found in the image.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Differences {
    /// The SBOM.
    document: Document,
    /// Its format: `cyclonedx-json`, `spdx-json`, `syft-json`.
    format: &'static str,
    /// The format's version, as the SBOM states it.
    format_version: Option<String>,
    /// The tool that made it, as it states it.
    tool: Option<String>,
    /// How many components it has.
    components: usize,
    /// How many dependencies between them it has.
    edges: usize,
    /// How many parts of it are wrong by its own format.
    wrong: u64,
    /// Whether both say the same.
    same: bool,
    /// What only the hub found.
    only_hub: Listed<Entry>,
    /// What only the SBOM has.
    only_document: Listed<Entry>,
    /// What both have in different versions.
    versions: Listed<Versions>,
    /// What else differs of components that both have in the same version, where both state it.
    properties: Listed<Stated>,
    /// The distribution that the image is of, where both state one and it is not the same.
    distribution: Option<Both>,
    /// Dependencies that only the hub found.
    edges_only_hub: usize,
    /// Dependencies that only the SBOM has.
    edges_only_document: usize,
}

/// Differences of one kind.
#[derive(Serialize, JsonSchema)]
struct Listed<T> {
    /// How many there are.
    count: usize,
    /// The first thousand.
    items: Vec<T>,
}

/// A component that one side has.
#[derive(Serialize, JsonSchema)]
struct Entry {
    /// Kind of package.
    #[serde(rename = "type")]
    package_type: &'static str,
    /// Name.
    name: String,
    /// Architecture.
    architecture: Option<String>,
    /// Version.
    version: Option<String>,
}

/// A component that both sides have.
#[derive(Serialize, JsonSchema)]
struct Versions {
    /// Kind of package.
    #[serde(rename = "type")]
    package_type: &'static str,
    /// Name.
    name: String,
    /// Architecture.
    architecture: Option<String>,
    /// Version that the hub found.
    hub: Option<String>,
    /// Version in the SBOM.
    document: Option<String>,
}

/// A component of which both sides state something else.
#[derive(Serialize, JsonSchema)]
struct Stated {
    /// Kind of package.
    #[serde(rename = "type")]
    package_type: &'static str,
    /// Name.
    name: String,
    /// Architecture.
    architecture: Option<String>,
    /// Version.
    version: Option<String>,
    /// What of it: `namespace`, `distribution`, `module`, `scope`, `licences`, `hashes`.
    property: &'static str,
    /// What the hub states, and what the SBOM does.
    #[serde(flatten)]
    values: Both,
}

/// What both sides state of the same; an empty text states that there is none.
#[derive(Serialize, JsonSchema)]
struct Both {
    /// The hub.
    hub: String,
    /// The SBOM.
    document: String,
}

impl<T> Listed<T> {
    fn new<F>(found: Vec<F>, item: impl Fn(F) -> T) -> Self {
        Self { count: found.len(), items: found.into_iter().take(DIFFERENCES_MAX).map(item).collect() }
    }
}

pub(crate) async fn list(call: Call) -> Result<Response, Failure> {
    let (name, image) = call.named_image().await?;
    let of = call.named_digest("document")?;
    let pipeline::Documents { listed, left_out, may_be_more } = call.app.pipeline.documents(&name, image, of).await?;
    if let Some(manifest) = of.filter(|_| listed.is_empty()) {
        return Err(unknown(&CompareError::Absent(manifest)));
    }
    let items = listed.into_iter().map(document).collect();
    Failure::json(StatusCode::OK, &Documents { items, left_out, may_be_more })
}

pub(crate) async fn compare(call: Call) -> Result<Response, Failure> {
    let (_, _, comparison) = call.named_comparison().await?;
    Failure::json(StatusCode::OK, &differences(comparison))
}

impl Call {
    /// Compares the SBOM that `document` of the query names, and `blob` where that holds several, with the inventory of the image that the
    /// query names.
    ///
    /// # Errors
    /// `DOCUMENT_UNKNOWN` and `DOCUMENT_INVALID`, and as for any inventory.
    pub async fn named_comparison(&self) -> Result<(RepositoryName, Digest, Comparison), Failure> {
        let missing = || refused("document", &oci::DigestError::NoAlgorithm);
        let named = (self.named_digest("document")?.ok_or_else(missing)?, self.named_digest("blob")?);
        let (name, image) = self.named_image().await?;
        match self.app.pipeline.compare(&name, image, named).await {
            Ok(comparison) => Ok((name, image, comparison)),
            Err(CompareError::Failed(error)) => Err(error.into()),
            Err(CompareError::NoInventory(image)) => Err(self.no_inventory(&name, image).await?),
            Err(error @ CompareError::Absent(_)) => Err(unknown(&error)),
            Err(error @ (CompareError::TooLarge { .. } | CompareError::Unreadable(_))) => {
                Err(Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "DOCUMENT_INVALID", error.to_string()))
            }
        }
    }

    fn named_digest(&self, parameter: &'static str) -> Result<Option<Digest>, Failure> {
        let named = self.target.query(parameter).map(str::parse).transpose();
        named.map_err(|error: oci::DigestError| refused(parameter, &error))
    }
}

fn unknown(error: &CompareError) -> Failure {
    let hint = "`garrison sbom compare REFERENCE` lists those that there are";
    Failure::not_found("DOCUMENT_UNKNOWN", error.to_string()).hint(hint)
}

fn document(beside: Beside) -> Document {
    Document {
        digest: beside.manifest.to_string(),
        blob: beside.blob.to_string(),
        by_hub: beside.is_own(),
        media_type: beside.media_type,
        size_bytes: beside.size_bytes,
        pushed_by: beside.pushed_by,
        pushed_at: time(beside.pushed_at_us),
    }
}

fn differences(comparison: Comparison) -> Differences {
    let same = comparison.diff.is_empty();
    let Diff { added, removed, changed, distribution, altered, edges_added, edges_removed } = comparison.diff;
    let entry = |entry: sbom::diff::Entry| {
        let Package { package_type, name, architecture } = entry.package;
        Entry { package_type: package_type.name(), name, architecture, version: entry.version }
    };
    let versions = |change: sbom::diff::Change| {
        let Package { package_type, name, architecture } = change.package;
        Versions { package_type: package_type.name(), name, architecture, hub: change.from, document: change.to }
    };
    let both = |sbom::diff::Pair { from, to }| Both { hub: from, document: to };
    let stated = |alteration: sbom::diff::Alteration| {
        let Package { package_type, name, architecture } = alteration.package;
        let (property, values) = (alteration.property.name(), both(alteration.values));
        Stated { package_type: package_type.name(), name, architecture, version: alteration.version, property, values }
    };
    Differences {
        document: document(comparison.document),
        format: comparison.format,
        format_version: comparison.version,
        tool: comparison.tool,
        components: comparison.components,
        edges: comparison.edges,
        wrong: comparison.wrong,
        same,
        only_hub: Listed::new(removed, entry),
        only_document: Listed::new(added, entry),
        versions: Listed::new(changed, versions),
        properties: Listed::new(altered, stated),
        distribution: distribution.map(both),
        edges_only_hub: edges_removed.len(),
        edges_only_document: edges_added.len(),
    }
}
