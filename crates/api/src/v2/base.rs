//! `GET /v2/`: the ping by which clients learn how to authenticate.

use axum::response::Response;
use http::{HeaderName, StatusCode};

use crate::endpoint::Call;
use crate::failure::Failure;

/// Header by which old clients recognise a registry.
pub(crate) const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

pub(crate) async fn ping(call: Call) -> Result<Response, Failure> {
    // OCI distribution 1.1, "Determining Support". A caller without credentials is always challenged: clients decide
    // by this one answer whether to ask for tokens at all. Who shows a token, be it an anonymous one, has asked already.
    if call.caller.is_without_credentials() {
        return Err(call.app.challenge(&call.head, &[], None));
    }
    Failure::json(StatusCode::OK, &serde_json::json!({}))
}
