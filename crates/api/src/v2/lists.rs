//! Tags, the catalog and referrers.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode, header};
use oci::{Digest, ErrorCode, Route};
use registry::CATALOG_PER_PAGE_MAX;
use serde_json::json;

use super::{next_link, query_failure};
use crate::endpoint::Call;
use crate::failure::Failure;

const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

/// OCI distribution 1.1, "Listing tags". A number too large is cut and a link given, as without one.
pub(crate) async fn tags(call: Call) -> Result<Response, Failure> {
    let name = call.repository()?;
    let query = &call.target.registry_query;
    let wanted = query.n().map_err(query_failure)?;
    let last = query.last().map_err(query_failure)?.unwrap_or_default();
    let page = call.app.registry.list_tags(name, last, wanted).await?;
    let mut response = Failure::json(StatusCode::OK, &json!({ "name": name.as_str(), "tags": page.items }))?;
    if let Some(last) = page.items.last().filter(|_| page.more) {
        let n = page.items.len().to_string();
        link(&mut response, &next_link(&format!("/v2/{name}/tags/list"), &[("n", &n), ("last", last)]))?;
    }
    Ok(response)
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
    let (names, more) = call.visible_repositories(None, last, wanted).await?;
    let names: Vec<String> = names.into_iter().map(|repository| repository.name.to_string()).collect();
    let mut response = Failure::json(StatusCode::OK, &json!({ "repositories": names }))?;
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
