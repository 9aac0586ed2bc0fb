//! The caller's own account.

use axum::response::Response;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::endpoint::Call;
use crate::failure::Failure;

/// Who the caller is.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Me {
    /// Login; null without credentials.
    name: Option<String>,
    /// `user`, `robot` or `anonymous`.
    kind: &'static str,
    /// Whether the account administers the hub.
    administrator: bool,
    /// What it was granted.
    grants: Vec<String>,
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let access = call.caller.access();
    let actor = access.actor();
    let kind = match actor {
        access::Actor::Anonymous => "anonymous",
        access::Actor::User { .. } => "user",
        access::Actor::Robot { .. } => "robot",
    };
    let me = Me {
        name: actor.name().map(ToOwned::to_owned),
        kind,
        administrator: actor.is_administrator(),
        grants: access.grants().map(ToString::to_string).collect(),
    };
    Failure::json(StatusCode::OK, &me)
}
