//! Why somebody may or may not do something.

use access::{Action, Resource};
use axum::response::Response;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::refused;
use crate::endpoint::Call;
use crate::failure::Failure;

/// A decision with its reason.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Explanation {
    /// Whether it is allowed.
    allowed: bool,
    /// Why, in one sentence.
    reason: String,
    /// What would allow it.
    hint: Option<String>,
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let action: Action = match call.target.query("action").unwrap_or_default() {
        "pull" => Action::RepositoryPull,
        "push" => Action::RepositoryPush,
        other => other.parse().map_err(|error: access::UnknownAction| refused("action", &error))?,
    };
    let text = call.target.query("resource").unwrap_or_default();
    let resource = Resource::parse(text).map_err(|error| refused("resource", &error))?;
    let login = match call.target.query("as") {
        Some(login) => login.to_owned(),
        None => call.caller.subject().name().unwrap_or_default().to_owned(),
    };
    let told = call.app.tenancy.explain(&login, action, resource, call.app.now_us()).await?;
    let (reason, hint) = match told.text.split_once("\nhint: ") {
        Some((reason, hint)) => (reason.to_owned(), Some(hint.to_owned())),
        None => (told.text, None),
    };
    Failure::json(StatusCode::OK, &Explanation { allowed: told.allowed, reason, hint })
}
