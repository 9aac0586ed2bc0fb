//! Collection.

use axum::response::Response;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::endpoint::Call;
use crate::failure::Failure;

/// What is stored, what waits for collection, and what it has freed.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Collection {
    /// Blobs stored, each once for all repositories.
    stored: Amount,
    /// Blobs that are looked at when their lease ends. Those that a manifest references by then stay.
    leased: Amount,
    /// Files that nothing names any more and that are about to be unlinked.
    discarded: Amount,
    /// How long bytes that nothing references are kept at most.
    grace_seconds: i64,
    /// All that was ever freed here.
    freed: Freed,
}

/// A number of things and their bytes.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Amount {
    /// How many.
    count: u64,
    /// Their bytes.
    bytes: u64,
}

/// What was freed.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Freed {
    /// Files and their bytes.
    files: Amount,
    /// Blobs taken out of a repository.
    blobs: u64,
    /// Referrers whose subject was deleted.
    referrers: u64,
    /// Uploads that expired.
    uploads: u64,
    /// Files that no row named, left behind by a crash.
    orphans: u64,
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let status = call.app.registry.collection_status().await?;
    let amount = |(count, bytes)| Amount { count, bytes };
    let collection = Collection {
        stored: amount(status.stored),
        leased: amount(status.leased),
        discarded: amount(status.discarded),
        grace_seconds: status.grace_seconds,
        freed: Freed {
            files: amount((status.freed.files, status.freed.bytes)),
            blobs: status.freed.links,
            referrers: status.freed.manifests,
            uploads: status.freed.uploads,
            orphans: status.freed.orphans,
        },
    };
    Failure::json(StatusCode::OK, &collection)
}
