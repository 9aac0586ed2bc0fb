//! Which hub this is.

use axum::response::Response;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::time;
use crate::endpoint::Call;
use crate::failure::Failure;

/// The hub.
#[derive(Serialize, JsonSchema)]
pub(crate) struct System {
    /// Version of Garrison.
    version: &'static str,
    /// `sqlite` or `postgresql`.
    database: String,
    /// When it was started.
    started_at: String,
    /// Transactions committed since then, and the writes that they held.
    commits: u64,
    writes: u64,
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let figures = call.app.db.metrics();
    let system = System {
        version: call.app.options.version,
        database: if call.app.db.is_embedded() { "sqlite" } else { "postgresql" }.to_owned(),
        started_at: time(call.app.started_at_us),
        commits: figures.commits,
        writes: figures.writes,
    };
    Failure::json(StatusCode::OK, &system)
}
