//! Manifests: get, put, delete.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use oci::manifest::MANIFEST_BYTES_MAX;
use oci::{ErrorCode, Reference, RepositoryName, Route};
use registry::{ManifestEntry, ManifestPush, TagRule};

use super::{location, query_failure};
use crate::endpoint::Call;
use crate::failure::Failure;
use crate::room::{LARGE_BYTES, Place};

pub(crate) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
const TAG: HeaderName = HeaderName::from_static("oci-tag");

fn reference(call: &Call) -> Result<&Reference, Failure> {
    match &call.target.route {
        Some(Route::Manifest { reference, .. }) => Ok(reference),
        _ => Err(Failure::registry(ErrorCode::ManifestUnknown, "the path names no manifest")),
    }
}

/// OCI distribution 1.1, "Pulling manifests": never converted, whatever `Accept` says.
pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let (name, reference) = (call.repository()?, reference(&call)?);
    let (entry, place) = find(&call, name, reference).await?;
    let etag = format!("\"{}\"", entry.digest);
    let builder = Response::builder()
        .header(CONTENT_DIGEST, entry.digest.to_string())
        .header(header::ETAG, &etag)
        .header(header::CACHE_CONTROL, cache_control(reference));
    if matches_etag(&call, &etag) {
        return builder.status(StatusCode::NOT_MODIFIED).body(Body::empty()).map_err(Failure::internal);
    }
    let body = match place {
        _ if call.head.method == Method::HEAD => Body::empty(),
        Some(place) => place.body(entry.body.clone()),
        None => Body::from(entry.body.clone()),
    };
    builder
        .status(StatusCode::OK)
        .header(header::CONTENT_TYPE, &entry.media_type)
        .header(header::CONTENT_LENGTH, entry.body.len())
        .body(body)
        .map_err(Failure::internal)
}

/// Loads a manifest; a large one with room for it. How large it is shows only when it is there. Then room is taken at
/// once, or else the manifest is let go of until there is some: more than the database's readers never are there without.
async fn find(
    call: &Call,
    name: &RepositoryName,
    reference: &Reference,
) -> Result<(Arc<ManifestEntry>, Option<Place>), Failure> {
    let registry = &call.app.registry;
    let entry = registry.find_manifest(name, reference).await?;
    if entry.body.len() <= LARGE_BYTES {
        return Ok((entry, None));
    }
    if let Some(place) = call.app.answers.try_take(entry.body.len()) {
        return Ok((entry, Some(place)));
    }
    drop(entry);
    // The tag may point to another manifest by then, of any size.
    let mut place = call.app.answers.take(MANIFEST_BYTES_MAX).await?;
    let entry = registry.find_manifest(name, reference).await?;
    place.shrink_to(entry.body.len());
    Ok((entry, Some(place)))
}

fn cache_control(reference: &Reference) -> &'static str {
    match reference {
        Reference::Digest(_) => "private, max-age=31536000, immutable",
        Reference::Tag(_) => "private, no-cache",
    }
}

pub(crate) fn matches_etag(call: &Call, etag: &str) -> bool {
    call.header(&header::IF_NONE_MATCH).is_some_and(|wanted| {
        wanted.split(',').map(|one| one.trim().trim_start_matches("W/")).any(|one| one == "*" || one == etag)
    })
}

/// OCI distribution 1.1, "Pushing manifests"; the draft's `tag` parameters set several tags at once.
pub(crate) async fn put(mut call: Call) -> Result<Response, Failure> {
    let name = call.repository()?.clone();
    let reference = reference(&call)?.clone();
    let mut tags = call.target.registry_query.tags().map_err(query_failure)?;
    let digest = match reference {
        Reference::Digest(digest) => Some(digest),
        Reference::Tag(tag) => {
            tags.push(tag);
            None
        }
    };
    tags.sort_unstable();
    tags.dedup();
    let tag_rule = if call.may(access::Action::TagMove) { TagRule::MakeAndMove } else { TagRule::MakeOnly };
    let (body, _place) = read_manifest(&mut call).await?;
    let push = ManifestPush {
        repository: name.clone(),
        actor: call.actor(),
        digest,
        tags: tags.clone(),
        tag_rule,
        content_type: call.header(&header::CONTENT_TYPE).map(std::borrow::Cow::into_owned),
        body,
    };
    let pushed = call
        .in_project(name.project(), |registry| {
            let push = push.clone();
            async move { registry.push_manifest(push).await }
        })
        .await?;
    // Its inventory is ordered; the runner would look by itself within a second.
    call.app.jobs.notify();
    let mut response = Response::builder()
        .status(StatusCode::CREATED)
        .header(header::LOCATION, location(&name, &format!("manifests/{}", pushed.digest)))
        .header(CONTENT_DIGEST, pushed.digest.to_string())
        .header(header::CONTENT_LENGTH, 0)
        .body(Body::empty())
        .map_err(Failure::internal)?;
    let headers = response.headers_mut();
    if let Some(subject) = pushed.subject {
        headers.insert(SUBJECT, HeaderValue::from_str(&subject.to_string()).map_err(Failure::internal)?);
    }
    for tag in &tags {
        headers.append(TAG, HeaderValue::from_str(tag.as_str()).map_err(Failure::internal)?);
    }
    Ok(response)
}

/// Reads a manifest; a large one with room for it, which is held until the push is done.
async fn read_manifest(call: &mut Call) -> Result<(Bytes, Option<Place>), Failure> {
    let too_large = || {
        Failure::registry(
            ErrorCode::ManifestTooLarge,
            format!("manifest is larger than the limit of {MANIFEST_BYTES_MAX} bytes"),
        )
        .detail(serde_json::json!({ "limit": MANIFEST_BYTES_MAX }))
    };
    let announced = call.header(&header::CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    if announced.is_some_and(|length| length > MANIFEST_BYTES_MAX) {
        return Err(too_large());
    }
    let mut stream = call.body();
    let mut bytes = BytesMut::with_capacity(announced.unwrap_or(0).min(64 << 10));
    let mut place = None;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Failure::registry(ErrorCode::ManifestInvalid, "the body was cut off"))?;
        if bytes.len() + chunk.len() > MANIFEST_BYTES_MAX {
            return Err(too_large());
        }
        if place.is_none() && bytes.len() + chunk.len() > LARGE_BYTES {
            // A buffer that grows has its old bytes and its new ones for a moment; its end is given by the announcement.
            place = Some(call.app.requests.take(announced.unwrap_or(MANIFEST_BYTES_MAX)).await?);
            bytes.reserve(announced.unwrap_or(0).saturating_sub(bytes.len()));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok((bytes.freeze(), place))
}

/// OCI distribution 1.1, "Deleting tags" and "Deleting manifests".
pub(crate) async fn delete(call: Call) -> Result<Response, Failure> {
    let (name, actor) = (call.repository()?, call.actor());
    match reference(&call)? {
        Reference::Tag(tag) => call.app.registry.delete_tag(name, tag, &actor).await?,
        Reference::Digest(digest) => call.app.registry.delete_manifest(name, digest, &actor).await?,
    }
    Failure::empty(StatusCode::ACCEPTED)
}
