//! `GET /v2/`: the ping by which clients learn how to authenticate.

use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode};

use crate::endpoint::Call;
use crate::failure::Failure;

/// Header by which old clients recognise a registry.
pub(crate) const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

pub(crate) async fn ping(call: Call) -> Result<Response, Failure> {
    // OCI distribution 1.1, "Determining Support". A caller without an account is always challenged: clients decide by
    // this one answer whether to ask for tokens at all.
    if call.caller.access().actor().is_anonymous() {
        return Err(call.app.challenge(&call.head, &[], None));
    }
    let mut response = Failure::json(StatusCode::OK, &serde_json::json!({}))?;
    response.headers_mut().insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    Ok(response)
}
