//! Repositories, tags and manifests as people look at them. A repository is named by a query parameter, so that its
//! slashes need no double encoding.

use axum::response::Response;
use http::StatusCode;
use oci::{Descriptor, Manifest, Reference, RepositoryName};
use registry::{ManifestSummary, RepositorySummary, TagSummary};
use schemars::JsonSchema;
use serde::Serialize;

use super::{refused, time};
use crate::endpoint::Call;
use crate::failure::Failure;
use crate::page::{Envelope, PageParameters, decode_cursor, encode_cursor};

/// A repository in a list.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RepositoryItem {
    /// Full name.
    name: String,
    /// When it was created.
    created_at: String,
}

/// A page of repositories.
pub(crate) type RepositoryPage = Envelope<RepositoryItem>;

/// A repository.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Repository {
    /// Full name.
    name: String,
    /// Blobs that it holds.
    blobs: u64,
    /// Their bytes, each blob once.
    size_bytes: u64,
}

/// A tag.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Tag {
    /// Name.
    #[serde(rename = "tag")]
    name: String,
    /// Manifest that it points to.
    digest: String,
    /// The manifest's media type.
    media_type: String,
    /// The manifest's artifact type, or the media type of an image's config.
    artifact_type: Option<String>,
    /// The manifest's own size.
    size_bytes: u64,
    /// When the tag was made.
    created_at: String,
    /// When the tag was last set.
    updated_at: String,
}

/// A page of tags.
pub(crate) type TagPage = Envelope<Tag>;

/// A manifest in a list.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ManifestItem {
    /// Digest.
    digest: String,
    /// Media type.
    media_type: String,
    /// Artifact type, or the media type of an image's config.
    artifact_type: Option<String>,
    /// Subject that it refers to.
    subject: Option<String>,
    /// Its own size.
    size_bytes: u64,
    /// When it was last pushed.
    pushed_at: String,
    /// Who pushed it last.
    pushed_by: String,
    /// Its tags, up to a hundred.
    tags: Vec<String>,
}

/// A page of manifests.
pub(crate) type ManifestPage = Envelope<ManifestItem>;

/// A manifest with what it is made of.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ManifestDetail {
    /// Digest.
    digest: String,
    /// Media type.
    media_type: String,
    /// Artifact type, or the media type of an image's config.
    artifact_type: Option<String>,
    /// Subject that it refers to.
    subject: Option<String>,
    /// When it was last pushed.
    pushed_at: String,
    /// Who pushed it last.
    pushed_by: String,
    /// Bytes of config and layers, as the manifest says.
    size_bytes: u64,
    /// Config of an image.
    config: Option<Part>,
    /// Layers of an image, the lowest first.
    layers: Vec<Part>,
    /// Manifests that an index lists.
    manifests: Vec<Part>,
    /// Manifests whose subject this one is, up to a thousand.
    referrers: Vec<Part>,
}

/// A part of a manifest.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Part {
    /// Digest.
    digest: String,
    /// Media type.
    media_type: String,
    /// Artifact type.
    artifact_type: Option<String>,
    /// Size.
    size_bytes: u64,
    /// `os/architecture[/variant]`, where it is said.
    platform: Option<String>,
}

impl From<&Descriptor> for Part {
    fn from(descriptor: &Descriptor) -> Self {
        Self {
            digest: descriptor.digest.to_string(),
            media_type: descriptor.media_type.clone(),
            artifact_type: descriptor.artifact_type.clone(),
            size_bytes: descriptor.size,
            platform: descriptor.platform.as_ref().map(ToString::to_string),
        }
    }
}

impl Call {
    /// Returns the repository that the query parameter `name` names.
    ///
    /// # Errors
    /// `NAME_INVALID`.
    pub fn named_repository(&self) -> Result<RepositoryName, Failure> {
        let named = self.target.named.clone();
        named.ok_or_else(|| Failure::bad_request("NAME_INVALID", "the query names no repository: `?name=team/api`"))
    }
}

fn items(repositories: Vec<RepositorySummary>) -> Vec<RepositoryItem> {
    let item = |repository: RepositorySummary| RepositoryItem {
        name: repository.name.to_string(),
        created_at: time(repository.created_at_us),
    };
    repositories.into_iter().map(item).collect()
}

async fn answer(call: &Call, project: Option<&str>) -> Result<Response, Failure> {
    let page = PageParameters::of(&call.target)?;
    let after = page.after.clone().unwrap_or_default();
    let (repositories, more) = call.visible_repositories(project, &after, page.limit).await?;
    let next = repositories.last().filter(|_| more).map(|last| last.name.to_string());
    Envelope::answer(&page, items(repositories), next)
}

pub(crate) async fn list(call: Call) -> Result<Response, Failure> {
    answer(&call, None).await
}

pub(crate) async fn list_in_project(call: Call) -> Result<Response, Failure> {
    answer(&call, Some(call.target.parameter("project"))).await
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let name = call.named_repository()?;
    let (blobs, size_bytes) = call.app.registry.repository_usage(&name).await?;
    Failure::json(StatusCode::OK, &Repository { name: name.to_string(), blobs, size_bytes })
}

pub(crate) async fn delete(call: Call) -> Result<Response, Failure> {
    let name = call.named_repository()?;
    call.app.registry.delete_repository(&name, &call.actor()).await?;
    Failure::empty(StatusCode::NO_CONTENT)
}

pub(crate) async fn tags(call: Call) -> Result<Response, Failure> {
    let (name, page) = (call.named_repository()?, PageParameters::of(&call.target)?);
    let after = page.after.clone().unwrap_or_default();
    let found = call.app.registry.list_tag_summaries(&name, &after, page.limit).await?;
    let next = found.items.last().filter(|_| found.more).map(|last| last.tag.to_string());
    let item = |tag: TagSummary| Tag {
        name: tag.tag.to_string(),
        digest: tag.digest.to_string(),
        media_type: tag.media_type,
        artifact_type: tag.artifact_type,
        size_bytes: tag.size_bytes,
        created_at: time(tag.created_at_us),
        updated_at: time(tag.updated_at_us),
    };
    Envelope::answer(&page, found.items.into_iter().map(item).collect(), next)
}

pub(crate) async fn manifests(call: Call) -> Result<Response, Failure> {
    let (name, page) = (call.named_repository()?, PageParameters::of(&call.target)?);
    let before = page.after.as_deref().map(decode_cursor).transpose()?;
    let found = call.app.registry.list_manifests(&name, before, page.limit).await?;
    let next = found.items.last().filter(|_| found.more).map(|last| encode_cursor(last.pushed_at_us, &last.digest));
    let item = |manifest: ManifestSummary| ManifestItem {
        digest: manifest.digest.to_string(),
        media_type: manifest.media_type,
        artifact_type: manifest.artifact_type,
        subject: manifest.subject.map(|subject| subject.to_string()),
        size_bytes: manifest.size_bytes,
        pushed_at: time(manifest.pushed_at_us),
        pushed_by: manifest.pushed_by,
        tags: manifest.tags.iter().map(ToString::to_string).collect(),
    };
    Envelope::answer(&page, found.items.into_iter().map(item).collect(), next)
}

pub(crate) async fn manifest(call: Call) -> Result<Response, Failure> {
    let name = call.named_repository()?;
    let text = call.target.query("reference").unwrap_or_default();
    let reference: Reference = text.parse().map_err(|error: oci::ReferenceError| refused("reference", &error))?;
    let registry = &call.app.registry;
    let entry = registry.find_manifest(&name, &reference).await?;
    let parsed = Manifest::parse(Some(&entry.media_type), &entry.body).map_err(registry::Error::ManifestInvalid)?;
    let referrers = registry.list_referrers(&name, &entry.digest, None, None, None).await?;
    let detail = ManifestDetail {
        digest: entry.digest.to_string(),
        media_type: entry.media_type.clone(),
        artifact_type: entry.artifact_type.clone(),
        subject: entry.subject.map(|subject| subject.to_string()),
        pushed_at: time(entry.pushed_at_us),
        pushed_by: entry.pushed_by.clone(),
        size_bytes: parsed.config.iter().chain(&parsed.layers).map(|part| part.size).sum(),
        config: parsed.config.as_ref().map(Part::from),
        layers: parsed.layers.iter().map(Part::from).collect(),
        manifests: parsed.manifests.iter().map(Part::from).collect(),
        referrers: referrers.descriptors.iter().map(Part::from).collect(),
    };
    Failure::json(StatusCode::OK, &detail)
}
