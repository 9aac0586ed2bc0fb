//! Logging in and out with a browser.

use api::{Call, Failure, SESSION_COOKIE, cookie};
use askama::Template;
use axum::response::Response;
use futures_util::StreamExt as _;
use http::{HeaderValue, StatusCode, header};
use identity::Secret;
use tenancy::{AuthError, BROWSER_SESSION_LIFETIME_US, SessionKind};
use url::form_urlencoded;

use crate::frame::{Frame, Section, Viewer, answer, redirect};
use crate::href;

/// Bytes of the largest form: a name, a password and an address to go on to.
const FORM_BYTES_MAX: usize = 8 << 10;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    frame: Frame,
    next: String,
    name: String,
    problem: Option<String>,
}

impl LoginPage {
    fn new(call: &Call, next: &str, name: &str, problem: Option<String>) -> Self {
        let host = call.app.base_url(&call.head);
        let host = host.split_once("://").map_or(host.as_str(), |(_, host)| host);
        let mut frame = Frame::new(call, Section::Elsewhere, "Log in").command(format!("garrison login {host}"));
        frame.login = href::login(next);
        Self { frame, next: next.to_owned(), name: crate::words::foreign(name, 100), problem }
    }
}

/// Shows the form; who is logged in goes on at once.
pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let next = href::local(call.target.query("next").unwrap_or("/"));
    if call.caller.is_by_cookie() {
        return redirect(next);
    }
    answer(StatusCode::OK, &LoginPage::new(&call, next, "", None))
}

/// Begins a session. A form on a foreign page could otherwise log a person in as somebody else, without a cookie to check.
pub(crate) async fn post(mut call: Call) -> Result<Response, Failure> {
    if !call.is_from_this_site() {
        return Err(Failure::new(
            StatusCode::FORBIDDEN,
            "CSRF_REFUSED",
            "the login did not come from a page of this hub",
        )
        .hint("open the hub's login page and log in there"));
    }
    let form = read_form(&mut call).await?;
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let (name, next) = (field("name"), href::local(field("next")));
    let password = Secret::from(field("password").to_owned());
    let (tenancy, now_us) = (call.app.tenancy(), call.app.now_us());
    let found = tenancy.authenticate_basic(name, &password, call.app.source(&call.head), now_us).await;
    let problem = match found {
        Ok(account) => match tenancy.begin_session(&account, SessionKind::Browser, now_us).await {
            Ok(session) => {
                end_session(&call).await?;
                let lifetime_s = BROWSER_SESSION_LIFETIME_US / 1_000_000;
                return with_cookie(redirect(next)?, &call, session.expose(), lifetime_s);
            }
            Err(tenancy::Error::NoPassword) => {
                (StatusCode::FORBIDDEN, "Robots log in with `docker login` or `garrison login`, not here.".to_owned())
            }
            Err(tenancy::Error::AccountChanged) => {
                (StatusCode::FORBIDDEN, "The account changed during the login. Log in again.".to_owned())
            }
            Err(error) => return Err(error.into()),
        },
        Err(AuthError::Refused) => {
            (StatusCode::FORBIDDEN, "No account has this name and password. Nothing was changed.".to_owned())
        }
        Err(AuthError::Unavailable(error)) => return Err(error.into()),
        Err(error @ (AuthError::Throttled { .. } | AuthError::Busy)) => {
            (StatusCode::TOO_MANY_REQUESTS, capital(&error.to_string()))
        }
        Err(error) => (StatusCode::FORBIDDEN, capital(&error.to_string())),
    };
    let (status, problem) = problem;
    answer(status, &LoginPage::new(&call, next, name, Some(problem)))
}

/// Ends the session; the browser forgets it in any case.
pub(crate) async fn logout(call: Call) -> Result<Response, Failure> {
    if !call.is_from_this_site() {
        return Err(Failure::new(
            StatusCode::FORBIDDEN,
            "CSRF_REFUSED",
            "the logout did not come from a page of this hub",
        ));
    }
    end_session(&call).await?;
    with_cookie(redirect("/")?, &call, "", 0)
}

async fn end_session(call: &Call) -> Result<(), Failure> {
    if let Some(session) = cookie(&call.head.headers, SESSION_COOKIE) {
        call.app.tenancy().end_session(&Secret::from(session.to_owned()), SessionKind::Browser).await?;
    }
    Ok(())
}

/// Sets the session's cookie. `Lax`, not `Strict`, so that a link in a message opens the page that it names; what changes
/// anything asks where a request comes from besides.
fn with_cookie(mut response: Response, call: &Call, value: &str, lifetime_s: i64) -> Result<Response, Failure> {
    let secure = if call.app.base_url(&call.head).starts_with("https://") { "; Secure" } else { "" };
    let text = format!("{SESSION_COOKIE}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={lifetime_s}{secure}");
    let value = HeaderValue::from_str(&text).map_err(Failure::internal)?;
    response.headers_mut().append(header::SET_COOKIE, value);
    Ok(response)
}

async fn read_form(call: &mut Call) -> Result<Vec<(String, String)>, Failure> {
    let mut stream = call.body();
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Failure::bad_request("BODY_INVALID", "the form was cut off"))?;
        if bytes.len() + chunk.len() > FORM_BYTES_MAX {
            let message = format!("the form is larger than the limit of {FORM_BYTES_MAX} bytes");
            return Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "BODY_INVALID", message));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(form_urlencoded::parse(&bytes).into_owned().collect())
}

fn capital(message: &str) -> String {
    let mut characters = message.chars();
    characters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), characters.as_str()))
}
