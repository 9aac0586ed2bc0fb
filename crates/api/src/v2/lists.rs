//! Tags, the catalog and referrers.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use oci::{Digest, ErrorCode, RepositoryName, Route};
use registry::{CATALOG_PER_PAGE_MAX, Page, Registry, TAGS_PER_PAGE_MAX};
use serde::Serialize;
use serde_json::json;

use super::{next_link, query_failure};
use crate::endpoint::Call;
use crate::failure::Failure;
use crate::room::{LARGE_BYTES, Place};

const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

/// Tags that are read at once while all are listed: a few dozen kilobytes.
const TAGS_STREAMED_AT_ONCE: u64 = 1_000;

/// What a name takes at most on its way from the database into an answer: as text twice, with what a text takes besides.
/// The longest tag has 128 characters.
const TAG_BYTES: usize = 384;
/// As [`TAG_BYTES`], for names of repositories of up to 255 characters.
const REPOSITORY_BYTES: usize = 640;

#[derive(Serialize)]
struct Tags<'a> {
    name: &'a str,
    tags: &'a [String],
}

#[derive(Serialize)]
struct Catalog<'a> {
    repositories: &'a [&'a str],
}

/// OCI distribution 1.1, "Listing tags". Without a number all are listed, as many as there are; a number too large is cut
/// and a link given.
pub(crate) async fn tags(call: Call) -> Result<Response, Failure> {
    let name = call.repository()?;
    let query = &call.target.registry_query;
    let wanted = query.n().map_err(query_failure)?;
    let last = query.last().map_err(query_failure)?.unwrap_or_default();
    let Some(wanted) = wanted else { return all_tags(&call, name, last).await };
    let wanted = wanted.min(TAGS_PER_PAGE_MAX);
    let place = room_for(&call, wanted, TAG_BYTES).await?;
    let page = call.app.registry.list_tags(name, last, Some(wanted)).await?;
    let mut response = answer(&Tags { name: name.as_str(), tags: &page.items }, place)?;
    if let Some(last) = page.items.last().filter(|_| page.more) {
        let n = page.items.len().to_string();
        link(&mut response, &next_link(&format!("/v2/{name}/tags/list"), &[("n", &n), ("last", last)]))?;
    }
    Ok(response)
}

/// Answers with all tags after a name. Many clients never follow a link, so there is none; what does not fit into one
/// read of the database is written as it is read, in the memory of one read.
async fn all_tags(call: &Call, name: &RepositoryName, last: &str) -> Result<Response, Failure> {
    let registry = call.app.registry.clone();
    let first = registry.list_tags(name, last, Some(TAGS_STREAMED_AT_ONCE)).await?;
    if !first.more {
        return Failure::json(StatusCode::OK, &Tags { name: name.as_str(), tags: &first.items });
    }
    let head = format!("{{\"name\":{},\"tags\":[", serde_json::to_string(name.as_str()).map_err(Failure::internal)?);
    let name = name.clone();
    let pieces = futures_util::stream::try_unfold(Listing::Begun { head, first }, move |listing| {
        let (registry, name) = (registry.clone(), name.clone());
        async move { listing.next(&registry, &name).await }
    });
    Response::builder()
        .status(StatusCode::OK)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from_stream(pieces))
        .map_err(Failure::internal)
}

/// How far a list of all tags has got.
enum Listing {
    Begun { head: String, first: Page<String> },
    After(String),
    Ended,
}

impl Listing {
    /// Returns the next piece of JSON. A list that cannot be read to its end breaks off, so that nobody takes it for whole.
    async fn next(self, registry: &Registry, name: &RepositoryName) -> Result<Option<(Bytes, Self)>, registry::Error> {
        let (mut text, mut separator, page) = match self {
            Self::Ended => return Ok(None),
            Self::Begun { head, first } => (head, "", first),
            Self::After(last) => match registry.list_tags(name, &last, Some(TAGS_STREAMED_AT_ONCE)).await {
                Ok(page) => (String::new(), ",", page),
                Err(error) => {
                    tracing::error!(repository = %name, cause = %error, "tags could not be read to their end");
                    return Err(error);
                }
            },
        };
        for tag in &page.items {
            // A tag has no character that JSON escapes.
            text.extend([separator, "\"", tag.as_str(), "\""]);
            separator = ",";
        }
        let next = match page.items.last() {
            Some(last) if page.more => Self::After(last.clone()),
            _ => {
                text.push_str("]}");
                Self::Ended
            }
        };
        Ok(Some((Bytes::from(text), next)))
    }
}

/// Takes room for a page of names if it is a large one.
async fn room_for(call: &Call, names: u64, name_bytes: usize) -> Result<Option<Place>, Failure> {
    let bytes = usize::try_from(names).unwrap_or(usize::MAX).saturating_mul(name_bytes);
    if bytes <= LARGE_BYTES { Ok(None) } else { call.app.answers.take(bytes).await.map(Some) }
}

/// Answers with JSON that takes no more than it needs of its place.
fn answer<T: Serialize>(value: &T, place: Option<Place>) -> Result<Response, Failure> {
    let Some(mut place) = place else { return Failure::json(StatusCode::OK, value) };
    let body = serde_json::to_vec(value).map_err(Failure::internal)?;
    place.shrink_to(body.len());
    Response::builder()
        .status(StatusCode::OK)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONTENT_LENGTH, body.len())
        .body(place.body(Bytes::from(body.into_boxed_slice())))
        .map_err(Failure::internal)
}

/// The catalog: repositories that the caller may pull from. A caller without credentials is challenged, as at `/v2/`:
/// clients that have a login show it only when they are asked. Who has none comes back with an anonymous token, and sees
/// what is public.
pub(crate) async fn catalog(call: Call) -> Result<Response, Failure> {
    if call.caller.is_without_credentials() {
        return Err(call.app.challenge(&call.head, &call.target.needs(), None));
    }
    let query = &call.target.registry_query;
    let wanted = query.n().map_err(query_failure)?.unwrap_or(CATALOG_PER_PAGE_MAX).min(CATALOG_PER_PAGE_MAX);
    let last = query.last().map_err(query_failure)?.unwrap_or_default();
    let place = room_for(&call, wanted, REPOSITORY_BYTES).await?;
    let (repositories, more) = call.visible_repositories(None, last, wanted).await?;
    let names: Vec<&str> = repositories.iter().map(|repository| repository.name.as_str()).collect();
    let mut response = answer(&Catalog { repositories: &names }, place)?;
    if let Some(last) = names.last().filter(|_| more) {
        let n = names.len().to_string();
        link(&mut response, &next_link("/v2/_catalog", &[("n", &n), ("last", last)]))?;
    }
    Ok(response)
}

/// OCI distribution 1.1, "Listing referrers".
pub(crate) async fn referrers(call: Call) -> Result<Response, Failure> {
    let name = call.repository()?;
    let Some(Route::Referrers { digest, .. }) = &call.target.route else {
        return Err(Failure::registry(ErrorCode::DigestInvalid, "the path names no digest"));
    };
    let query = &call.target.registry_query;
    let artifact_type = query.artifact_type().map_err(query_failure)?;
    let after = query
        .last()
        .map_err(query_failure)?
        .map(str::parse::<Digest>)
        .transpose()
        .map_err(|error| Failure::registry(ErrorCode::DigestInvalid, format!("`last` is refused: {error}")))?;
    let limit = query.n().map_err(query_failure)?;
    let found = call.app.registry.list_referrers(name, digest, artifact_type, after.as_ref(), limit).await?;
    let index = json!({ "schemaVersion": 2, "mediaType": oci::media_type::OCI_INDEX, "manifests": found.descriptors });
    let body = serde_json::to_vec(&index).map_err(Failure::internal)?;
    let mut response = Response::builder()
        .status(StatusCode::OK)
        .header(header::CONTENT_TYPE, oci::media_type::OCI_INDEX)
        .header(header::CONTENT_LENGTH, body.len())
        .body(Body::from(body))
        .map_err(Failure::internal)?;
    if artifact_type.is_some() {
        response.headers_mut().insert(FILTERS_APPLIED, HeaderValue::from_static("artifactType"));
    }
    if let Some(next) = found.next {
        let next = next.to_string();
        let n = limit.map(|n| n.to_string());
        let mut parameters = Vec::new();
        parameters.extend(artifact_type.map(|artifact_type| ("artifactType", artifact_type)));
        parameters.extend(n.as_deref().map(|n| ("n", n)));
        parameters.push(("last", &next));
        link(&mut response, &next_link(&format!("/v2/{name}/referrers/{digest}"), &parameters))?;
    }
    Ok(response)
}

fn link(response: &mut Response, value: &str) -> Result<(), Failure> {
    response.headers_mut().insert(header::LINK, HeaderValue::from_str(value).map_err(Failure::internal)?);
    Ok(())
}
