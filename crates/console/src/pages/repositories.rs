//! All repositories, or one with its tags and manifests.

use api::{Call, Failure, PageParameters, decode_cursor, encode_cursor};
use askama::Template;
use axum::response::Response;
use http::StatusCode;
use oci::RepositoryName;
use registry::{ManifestSummary, TagSummary};

use crate::frame::{Frame, ROWS_MAX, Section, Viewer, answer};
use crate::href;
use crate::kind::Kind;
use crate::words::{Bytes, Hash, Moment, at_least, plural};

/// Tags beside a manifest.
const TAGS_PER_MANIFEST_MAX: usize = 5;

#[derive(Template)]
#[template(path = "repositories.html")]
struct RepositoriesPage {
    frame: Frame,
    counted: String,
    is_first_page: bool,
    rows: Vec<RepositoryRow>,
    next: Option<String>,
}

struct RepositoryRow {
    href: String,
    name: String,
    project_href: String,
    project: String,
    created: Moment,
}

#[derive(Template)]
#[template(path = "repository.html")]
struct RepositoryPage {
    frame: Frame,
    name: String,
    href: String,
    project: String,
    project_href: String,
    blobs: String,
    size: Bytes,
    counted: String,
    is_first_page: bool,
    list: List,
    next: Option<String>,
}

enum List {
    Tags(Vec<TagRow>),
    Manifests(Vec<ManifestRow>),
}

struct TagRow {
    href: String,
    tag: String,
    digest: Hash,
    digest_href: String,
    kind: Kind,
    updated: Moment,
}

struct ManifestRow {
    href: String,
    digest: Hash,
    kind: Kind,
    tags: Vec<(String, String)>,
    more_tags: usize,
    pushed: Moment,
    pushed_by: String,
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    match call.target.query("name") {
        Some(_) => one(&call).await,
        None => all(&call).await,
    }
}

async fn all(call: &Call) -> Result<Response, Failure> {
    let now_us = call.app.now_us();
    let after = PageParameters::of(&call.target)?.after.unwrap_or_default();
    let (repositories, more) = call.visible_repositories(None, &after, ROWS_MAX).await?;
    let next = repositories.last().filter(|_| more).map(|last| format!("/repositories?after={}", last.name));
    let page = RepositoriesPage {
        frame: Frame::new(call, Section::Images, "Images").command("garrison repo list"),
        counted: at_least(repositories.len(), more, "repository"),
        is_first_page: after.is_empty(),
        rows: repositories
            .iter()
            .map(|repository| RepositoryRow {
                href: href::repository(&repository.name),
                name: repository.name.to_string(),
                project_href: href::project(repository.name.project()),
                project: repository.name.project().to_owned(),
                created: Moment::new(repository.created_at_us, now_us),
            })
            .collect(),
        next,
    };
    answer(StatusCode::OK, &page)
}

async fn one(call: &Call) -> Result<Response, Failure> {
    let (name, after) = (call.named_repository()?, PageParameters::of(&call.target)?.after);
    let (blobs, size_bytes) = call.app.registry().repository_usage(&name).await?;
    let is_first_page = after.is_none();
    let shows_manifests = call.target.query("view") == Some("manifests");
    let (list, counted, next) = if shows_manifests {
        manifests(call, &name, after.as_deref()).await?
    } else {
        tags(call, &name, &after.unwrap_or_default()).await?
    };
    let command = if shows_manifests { "manifests" } else { "tags" };
    let page = RepositoryPage {
        frame: Frame::new(call, Section::Images, name.to_string())
            .command(format!("garrison repo show {name}"))
            .command(format!("garrison repo {command} {name}")),
        href: href::repository(&name),
        project: name.project().to_owned(),
        project_href: href::project(name.project()),
        blobs: plural(blobs, "blob"),
        size: Bytes(size_bytes),
        counted,
        is_first_page,
        list,
        next,
        name: name.to_string(),
    };
    answer(StatusCode::OK, &page)
}

async fn tags(call: &Call, name: &RepositoryName, after: &str) -> Result<(List, String, Option<String>), Failure> {
    let now_us = call.app.now_us();
    let found = call.app.registry().list_tag_summaries(name, after, ROWS_MAX).await?;
    let next =
        found.items.last().filter(|_| found.more).map(|last| format!("{}&after={}", href::repository(name), last.tag));
    let counted = at_least(found.items.len(), found.more, "tag");
    let row = |tag: TagSummary| TagRow {
        href: href::image(name, &tag.tag),
        digest: Hash(tag.digest),
        digest_href: href::image(name, tag.digest),
        kind: Kind::of_manifest(&tag.media_type, tag.artifact_type.as_deref(), false),
        updated: Moment::new(tag.updated_at_us, now_us),
        tag: tag.tag.to_string(),
    };
    Ok((List::Tags(found.items.into_iter().map(row).collect()), counted, next))
}

async fn manifests(
    call: &Call,
    name: &RepositoryName,
    after: Option<&str>,
) -> Result<(List, String, Option<String>), Failure> {
    let now_us = call.app.now_us();
    let before = after.map(decode_cursor).transpose()?;
    let found = call.app.registry().list_manifests(name, before, ROWS_MAX).await?;
    let next = found.items.last().filter(|_| found.more).map(|last| {
        let cursor = encode_cursor(last.pushed_at_us, &last.digest);
        format!("{}&view=manifests&after={cursor}", href::repository(name))
    });
    let counted = at_least(found.items.len(), found.more, "manifest");
    let row = |manifest: ManifestSummary| ManifestRow {
        href: href::image(name, manifest.digest),
        digest: Hash(manifest.digest),
        kind: Kind::of_manifest(&manifest.media_type, manifest.artifact_type.as_deref(), manifest.subject.is_some()),
        more_tags: manifest.tags.len().saturating_sub(TAGS_PER_MANIFEST_MAX),
        tags: manifest
            .tags
            .iter()
            .take(TAGS_PER_MANIFEST_MAX)
            .map(|tag| (href::image(name, tag), tag.to_string()))
            .collect(),
        pushed: Moment::new(manifest.pushed_at_us, now_us),
        pushed_by: crate::words::actor(&manifest.pushed_by),
    };
    Ok((List::Manifests(found.items.into_iter().map(row).collect()), counted, next))
}
