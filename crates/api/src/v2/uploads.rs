//! Uploads: begin, append, finish, ask, cancel, mount.

use axum::body::Body as HttpBody;
use axum::response::Response;
use http::{HeaderName, StatusCode, header};
use oci::{Algorithm, ContentRange, Digest, ErrorCode, RepositoryName, Route};
use registry::{Body, UploadStatus, UploadTarget};

use super::manifests::CONTENT_DIGEST;
use super::{location, query_failure};
use crate::app::TimedBody;
use crate::endpoint::Call;
use crate::failure::Failure;

const UPLOAD_ID: HeaderName = HeaderName::from_static("docker-upload-uuid");

/// OCI distribution 1.1, "Pushing blobs": begins an upload, takes a whole blob, or mounts one.
pub(crate) async fn start(mut call: Call) -> Result<Response, Failure> {
    let name = call.repository()?.clone();
    let query = &call.target.registry_query;
    if let Some(digest) = query.mount().map_err(query_failure)? {
        return mount(&call, &name, digest).await;
    }
    if let Some(digest) = query.digest().map_err(query_failure)? {
        let body = request_body(&mut call)?;
        let actor = call.actor();
        call.ensure_project(name.project()).await?;
        let entry = call.app.registry.push_blob(&name, &actor, &digest, body).await?;
        return created(&name, &entry.digest);
    }
    let algorithm = query.digest_algorithm().map_err(query_failure)?.unwrap_or(Algorithm::Sha256);
    begin(&call, &name, algorithm).await
}

async fn begin(call: &Call, name: &RepositoryName, algorithm: Algorithm) -> Result<Response, Failure> {
    let actor = call.actor();
    let status = call
        .in_project(name.project(), |registry| {
            let (name, actor) = (name.clone(), actor.clone());
            async move { registry.start_upload(&name, &actor, algorithm).await }
        })
        .await?;
    progress(StatusCode::ACCEPTED, name, &status)
}

/// A mount that cannot be done, for whatever reason, begins an upload: the answer never tells whether the source exists.
async fn mount(call: &Call, name: &RepositoryName, digest: Digest) -> Result<Response, Failure> {
    if let Some(source) = call.target.mount_source.clone().filter(|_| call.may(access::Action::RepositoryPull)) {
        let actor = call.actor();
        let mounted = call
            .in_project(name.project(), |registry| {
                let (name, source, actor) = (name.clone(), source.clone(), actor.clone());
                async move { registry.mount(&name, &source, &digest, &actor).await }
            })
            .await?;
        if mounted.is_some() {
            return created(name, &digest);
        }
    }
    begin(call, name, digest.algorithm()).await
}

/// OCI distribution 1.1, "Pushing a blob in chunks".
pub(crate) async fn append(mut call: Call) -> Result<Response, Failure> {
    let target = target(&call)?;
    let body = request_body(&mut call)?;
    let outcome = call.app.registry.append(&target, body).await;
    let status = outcome.map_err(|error| refused(&target, error))?;
    progress(StatusCode::ACCEPTED, &target.repository, &status)
}

/// OCI distribution 1.1, "Pushing a blob in chunks": closes the session.
pub(crate) async fn finish(mut call: Call) -> Result<Response, Failure> {
    let target = target(&call)?;
    let digest = call.target.registry_query.digest().map_err(query_failure)?.ok_or_else(|| {
        Failure::registry(ErrorCode::DigestInvalid, "the request that ends an upload names its digest: `?digest=…`")
    })?;
    let body = request_body(&mut call)?;
    let outcome = call.app.registry.finish_upload(&target, &digest, body).await;
    outcome.map_err(|error| refused(&target, error))?;
    created(&target.repository, &digest)
}

/// OCI distribution 1.1, "Pushing a blob in chunks": where the upload stands.
pub(crate) async fn status(call: Call) -> Result<Response, Failure> {
    let target = target(&call)?;
    let status = call.app.registry.upload_status(&target).await?;
    progress(StatusCode::NO_CONTENT, &target.repository, &status)
}

/// OCI distribution 1.1, "Cancel a blob upload".
pub(crate) async fn cancel(call: Call) -> Result<Response, Failure> {
    call.app.registry.cancel_upload(&target(&call)?).await?;
    Failure::empty(StatusCode::NO_CONTENT)
}

fn target(call: &Call) -> Result<UploadTarget, Failure> {
    match &call.target.route {
        Some(Route::Upload { name, id }) => {
            Ok(UploadTarget { repository: name.clone(), id: id.clone(), actor: call.actor() })
        }
        _ => Err(Failure::registry(ErrorCode::BlobUploadUnknown, "the path names no upload")),
    }
}

fn request_body(call: &mut Call) -> Result<Body<TimedBody>, Failure> {
    let length = match call.header(&header::CONTENT_LENGTH) {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| {
            Failure::registry(ErrorCode::SizeInvalid, format!("`Content-Length: {text}` is not a number"))
        })?),
    };
    let range = match call.header(&header::CONTENT_RANGE) {
        None => None,
        Some(text) => Some(text.parse::<ContentRange>().map_err(|error| {
            Failure::registry(ErrorCode::BlobUploadInvalid, format!("`Content-Range: {text}` is refused: {error}"))
        })?),
    };
    Ok(Body { length, range, stream: call.body() })
}

/// A chunk out of order is told where to go on.
fn refused(target: &UploadTarget, error: registry::Error) -> Failure {
    let offset = match &error {
        registry::Error::UploadRange { offset, .. } => Some(*offset),
        _ => None,
    };
    let failure = Failure::from(error);
    match offset {
        Some(offset) => failure
            .header(header::LOCATION, &location(&target.repository, &format!("blobs/uploads/{}", target.id)))
            .header(header::RANGE, &held(offset)),
        None => failure,
    }
}

/// The range that an upload holds. An empty one is `0-0`: docker expects it.
fn held(offset_bytes: u64) -> String {
    format!("0-{}", offset_bytes.saturating_sub(1))
}

fn progress(code: StatusCode, name: &RepositoryName, status: &UploadStatus) -> Result<Response, Failure> {
    let mut builder = Response::builder()
        .status(code)
        .header(header::LOCATION, location(name, &format!("blobs/uploads/{}", status.id)))
        .header(header::RANGE, held(status.offset_bytes))
        .header(UPLOAD_ID, status.id.to_string());
    if code != StatusCode::NO_CONTENT {
        builder = builder.header(header::CONTENT_LENGTH, 0);
    }
    builder.body(HttpBody::empty()).map_err(Failure::internal)
}

fn created(name: &RepositoryName, digest: &Digest) -> Result<Response, Failure> {
    Response::builder()
        .status(StatusCode::CREATED)
        .header(header::LOCATION, location(name, &format!("blobs/{digest}")))
        .header(CONTENT_DIGEST, digest.to_string())
        .header(header::CONTENT_LENGTH, 0)
        .body(HttpBody::empty())
        .map_err(Failure::internal)
}
