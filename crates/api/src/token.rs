//! `/token`: the Docker registry token specification, GET with Basic and the `OAuth2` POST form.

use access::{Scopes, Visibility, grant_scopes};
use axum::response::Response;
use futures_util::StreamExt;
use http::StatusCode;
use identity::Secret;
use serde_json::json;
use tenancy::{AuthError, SessionKind};

use crate::auth::{postponed, refused_at_token};
use crate::endpoint::Call;
use crate::failure::Failure;

/// Bytes of the form: a password, a refresh token and the most scopes.
const FORM_BYTES_MAX: usize = 32 << 10;

/// Gives a token for what the caller asks and may do. A caller without credentials gets one for what is public; nobody
/// is refused here, a token may just be good for less than was asked.
pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    // A token that begot tokens would never end, and would widen what it was narrowed to; a cookie would make tokens that
    // outlive the logout.
    if !call.caller.is_by_password() && !call.caller.is_without_credentials() {
        return Err(refused_at_token(&AuthError::Refused)
            .with_message("a token is given for a name and a secret, not for another token or a session"));
    }
    let scopes =
        requested(call.target.query.iter().filter(|(key, _)| key == "scope").map(|(_, value)| value.as_str()))?;
    let wants_refresh = call.target.query("offline_token") == Some("true") && call.caller.is_by_password();
    answer(&call, call.caller.tenant(), &scopes, wants_refresh).await
}

/// Gives a token for a password or a refresh token in a form.
pub(crate) async fn post(mut call: Call) -> Result<Response, Failure> {
    let form = read_form(&mut call).await?;
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let scopes = requested(form.iter().filter(|(key, _)| key == "scope").map(|(_, value)| value.as_str()))?;
    let (app, now_us) = (&call.app, call.app.now_us());
    let (caller, wants_refresh) = match field("grant_type") {
        Some("password") => {
            let secret = Secret::from(field("password").unwrap_or_default().to_owned());
            let name = field("username").unwrap_or_default();
            let found = app.tenancy.authenticate_basic(name, &secret, app.source(&call.head), now_us).await;
            (found.map_err(refused)?, field("access_type") == Some("offline"))
        }
        Some("refresh_token") => {
            let secret = Secret::from(field("refresh_token").unwrap_or_default().to_owned());
            let found = app.tenancy.authenticate_session(&secret, SessionKind::Refresh, now_us).await;
            (found.map_err(refused)?, false)
        }
        other => {
            let message =
                format!("`grant_type={}` is neither `password` nor `refresh_token`", other.unwrap_or_default());
            return Err(Failure::bad_request("INPUT_INVALID", message));
        }
    };
    answer(&call, &caller, &scopes, wants_refresh).await
}

async fn answer(
    call: &Call,
    caller: &tenancy::Caller,
    requested: &Scopes,
    wants_refresh: bool,
) -> Result<Response, Failure> {
    let app = &call.app;
    let mut public = Vec::new();
    for scope in requested.as_slice() {
        if let access::ScopeTarget::Repository(name) = &scope.target {
            let project = name.split_once('/').map_or(oci::name::DEFAULT_PROJECT, |(project, _)| project);
            if app.visibility(project).await? == Visibility::Public {
                public.push(project.to_owned());
            }
        }
    }
    let visibility = |project: &str| {
        if public.iter().any(|name| name == project) { Visibility::Public } else { Visibility::Private }
    };
    let granted = grant_scopes(caller.grants.access(), requested, visibility);
    let token = app.tenancy.issue_token(caller, granted, app.now_us()).await?;
    let mut body = json!({
        "token": token.text.expose(),
        "access_token": token.text.expose(),
        "expires_in": token.expires_in_s,
        "issued_at": crate::v1::time(i64::try_from(token.issued_at_s).unwrap_or(0).saturating_mul(1_000_000)),
    });
    if wants_refresh {
        let refresh = app.tenancy.begin_session(caller, SessionKind::Refresh, app.now_us()).await?;
        body["refresh_token"] = json!(refresh.expose());
    }
    let mut response = Failure::json(StatusCode::OK, &body)?;
    response.headers_mut().insert(http::header::CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    Ok(response)
}

fn requested<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Scopes, Failure> {
    Scopes::parse(texts).map_err(|error| Failure::bad_request("INPUT_INVALID", format!("`scope` is refused: {error}")))
}

fn refused(error: AuthError) -> Failure {
    match error {
        AuthError::Throttled { .. } | AuthError::Busy | AuthError::Unavailable(_) => postponed(error),
        other => refused_at_token(&other),
    }
}

async fn read_form(call: &mut Call) -> Result<Vec<(String, String)>, Failure> {
    let mut stream = call.body();
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Failure::bad_request("BODY_INVALID", "the body was cut off"))?;
        if bytes.len() + chunk.len() > FORM_BYTES_MAX {
            let message = format!("the form is larger than the limit of {FORM_BYTES_MAX} bytes");
            return Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "BODY_INVALID", message));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(url::form_urlencoded::parse(&bytes).into_owned().collect())
}
