//! Blobs: get with ranges, delete.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use blobs::BlobStream;
use bytes::Bytes;
use futures_util::Stream;
use http::{Method, StatusCode, header};
use http_body::{Frame, SizeHint};
use oci::{ByteRange, Digest, ErrorCode, Route};
use registry::{BlobEntry, Registry};

use super::manifests::{CONTENT_DIGEST, matches_etag};
use crate::endpoint::Call;
use crate::failure::Failure;

fn digest(call: &Call) -> Result<&Digest, Failure> {
    match &call.target.route {
        Some(Route::Blob { digest, .. }) => Ok(digest),
        _ => Err(Failure::registry(ErrorCode::BlobUnknown, "the path names no blob")),
    }
}

/// OCI distribution 1.1, "Pulling blobs"; ranges as RFC 9110, section 14.
pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let (name, digest) = (call.repository()?, digest(&call)?);
    let registry = &call.app.registry;
    let etag = format!("\"{digest}\"");
    let builder = Response::builder()
        .header(CONTENT_DIGEST, digest.to_string())
        .header(header::ETAG, &etag)
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::CACHE_CONTROL, "private, max-age=31536000, immutable");
    let is_head = call.head.method == Method::HEAD;
    let entry = if is_head {
        registry.find_blob_to_reference(name, digest).await?
    } else {
        registry.find_blob(name, digest).await?
    };
    if matches_etag(&call, &etag) {
        return builder.status(StatusCode::NOT_MODIFIED).body(Body::empty()).map_err(Failure::internal);
    }
    if is_head {
        return builder
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .header(header::CONTENT_LENGTH, entry.size_bytes)
            .body(Body::empty())
            .map_err(Failure::internal);
    }
    let range = match call.header(&header::RANGE) {
        Some(wanted) if if_range_holds(&call, &etag) => ByteRange::parse(&wanted, entry.size_bytes),
        _ => ByteRange::Whole,
    };
    let (status, part, length) = match range {
        ByteRange::Unsatisfiable => {
            return Err(Failure::registry(
                ErrorCode::RangeInvalid,
                format!("the range lies outside the blob's {} bytes", entry.size_bytes),
            )
            .header(header::CONTENT_RANGE, &format!("bytes */{}", entry.size_bytes)));
        }
        ByteRange::Whole => (StatusCode::OK, 0..entry.size_bytes, entry.size_bytes),
        ByteRange::Part(part) => {
            (StatusCode::PARTIAL_CONTENT, *part.start()..*part.end() + 1, *part.end() - *part.start() + 1)
        }
    };
    let blob = registry.open_blob(name, &entry).await?;
    let mut builder = builder
        .status(status)
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::CONTENT_LENGTH, length);
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {}-{}/{}", part.start, part.end - 1, entry.size_bytes);
        builder = builder.header(header::CONTENT_RANGE, range);
    }
    let body = BlobBody { stream: blob.stream(part), left_bytes: length, registry: registry.clone(), entry };
    builder.body(Body::new(body)).map_err(Failure::internal)
}

fn if_range_holds(call: &Call, etag: &str) -> bool {
    call.header(&header::IF_RANGE).is_none_or(|wanted| wanted == etag)
}

/// A blob on its way out. One that turns out damaged breaks the connection off before its last bytes, so that no client
/// takes it for whole, and is withdrawn.
struct BlobBody {
    stream: BlobStream,
    left_bytes: u64,
    registry: Registry,
    entry: BlobEntry,
}

impl http_body::Body for BlobBody {
    type Data = Bytes;
    type Error = blobs::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let next = Pin::new(&mut self.stream).poll_next(context);
        Poll::Ready(match std::task::ready!(next) {
            Some(Ok(bytes)) => {
                self.left_bytes = self.left_bytes.saturating_sub(bytes.len() as u64);
                Some(Ok(Frame::data(bytes)))
            }
            Some(Err(error)) => {
                let damaged = matches!(
                    error,
                    blobs::Error::Corrupt { .. } | blobs::Error::WrongSize { .. } | blobs::Error::Missing { .. }
                );
                tracing::error!(digest = %self.entry.digest, cause = %error, "blob could not be read to its end");
                if damaged {
                    let (registry, entry) = (self.registry.clone(), self.entry.clone());
                    tokio::spawn(async move {
                        if let Err(cause) = registry.mark_damaged(&entry).await {
                            tracing::error!(digest = %entry.digest, %cause, "damaged blob could not be withdrawn");
                        }
                    });
                }
                Some(Err(error))
            }
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left_bytes == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left_bytes)
    }
}

/// OCI distribution 1.1, "Deleting blobs": from this repository alone.
pub(crate) async fn delete(call: Call) -> Result<Response, Failure> {
    call.app.registry.delete_blob(call.repository()?, digest(&call)?, &call.actor()).await?;
    Failure::empty(StatusCode::ACCEPTED)
}
