//! `/livez`, `/readyz`.

use axum::response::Response;
use http::StatusCode;
use serde_json::json;

use crate::endpoint::Call;
use crate::failure::Failure;

/// The process answers.
pub(crate) async fn live(_: Call) -> Result<Response, Failure> {
    Failure::json(StatusCode::OK, &json!({ "status": "live" }))
}

/// The process answers, is not draining, and its database does: the truth that load balancers need.
pub(crate) async fn ready(call: Call) -> Result<Response, Failure> {
    if !call.app.is_ready() {
        return Err(Failure::registry(oci::ErrorCode::Unavailable, "the hub is draining"));
    }
    call.app.registry.is_answering().await?;
    Failure::json(StatusCode::OK, &json!({ "status": "ready" }))
}
