//! Who asks: credentials of a request, and challenges.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use access::{Access, Scope, ScopeAction, ScopeTarget, Scopes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode, header, request};
use identity::{Secret, VerifiedToken};
use oci::ErrorCode;
use tenancy::{AuthError, Subject};

use crate::app::App;
use crate::endpoint::{Call, Need, Target};
use crate::failure::{Failure, unavailable};

/// Name of the console's session cookie.
pub const SESSION_COOKIE: &str = "garrison_session";

/// Service name in challenges and tokens.
pub(crate) const SERVICE: &str = "garrison";

/// Path of the token endpoint.
pub(crate) const TOKEN_PATH: &str = "/token";

/// Bytes of an `Authorization` header: a token with the most scopes stays below.
const AUTHORIZATION_BYTES_MAX: usize = 32 << 10;

/// Where a connection comes from. The server puts it into each request's extensions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// Whether the connection is TLS.
    pub encrypted: bool,
}

/// Who asks, and how it was shown.
#[derive(Clone)]
pub struct Caller {
    inner: tenancy::Caller,
    /// The bearer token, whose scopes narrow what the caller may do; none for other credentials.
    token: Option<Arc<VerifiedToken>>,
    means: Means,
}

/// How a caller showed who it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Means {
    Nothing,
    Basic,
    Token,
    Cookie,
}

impl Caller {
    /// Returns the account.
    pub fn subject(&self) -> &Subject {
        &self.inner.subject
    }

    /// Returns the actor and its grants.
    pub fn access(&self) -> &Access {
        self.inner.grants.access()
    }

    /// Returns what a bearer token narrows the caller to.
    pub fn scopes(&self) -> Option<&Scopes> {
        self.token.as_deref().map(|token| &token.scopes)
    }

    /// Returns whether the caller came with the console's cookie, which a foreign page can make a browser send.
    pub fn is_by_cookie(&self) -> bool {
        self.means == Means::Cookie
    }

    /// Returns whether the caller showed a name and a secret.
    pub(crate) fn is_by_password(&self) -> bool {
        self.means == Means::Basic
    }

    /// Returns whether the caller showed nothing at all.
    pub(crate) fn is_without_credentials(&self) -> bool {
        self.means == Means::Nothing
    }

    /// Returns the account with its grants, as the services below take it.
    pub fn tenant(&self) -> &tenancy::Caller {
        &self.inner
    }
}

impl App {
    /// Returns the address that a request comes from, behind the proxies that the operator trusts.
    pub fn source(&self, head: &request::Parts) -> IpAddr {
        let peer = head.extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.address.ip());
        self.options.trusted_proxies.source(peer, &head.headers)
    }

    /// Finds out who asks. Credentials that are wrong are refused even where none are needed.
    pub(crate) async fn authenticate(&self, head: &request::Parts, target: &Target) -> Result<Caller, Failure> {
        let now_us = self.now_us();
        let Some(value) = head.headers.get(header::AUTHORIZATION) else {
            return self.authenticate_cookie(head, now_us).await;
        };
        let malformed =
            || self.challenge(head, &[], None).with_message("the `Authorization` header is neither Basic nor Bearer");
        let text = value.to_str().ok().filter(|text| text.len() <= AUTHORIZATION_BYTES_MAX).ok_or_else(malformed)?;
        let (scheme, credential) = text.split_once(' ').ok_or_else(malformed)?;
        let credential = credential.trim();
        if scheme.eq_ignore_ascii_case("basic") {
            let (name, secret) = parse_basic(credential).ok_or_else(malformed)?;
            let found = self.tenancy.authenticate_basic(&name, &secret, self.source(head), now_us).await;
            let inner = found.map_err(|error| self.refused(head, target, error))?;
            return Ok(Caller { inner, token: None, means: Means::Basic });
        }
        if scheme.eq_ignore_ascii_case("bearer") {
            return self.authenticate_token(head, target, credential, now_us).await;
        }
        Err(malformed())
    }

    async fn authenticate_token(
        &self,
        head: &request::Parts,
        target: &Target,
        token: &str,
        now_us: i64,
    ) -> Result<Caller, Failure> {
        let found = self.tenancy.authenticate_bearer(token, now_us).await;
        let bearer = found.map_err(|error| self.refused(head, target, error))?;
        Ok(Caller { inner: bearer.caller, token: Some(bearer.token), means: Means::Token })
    }

    async fn authenticate_cookie(&self, head: &request::Parts, now_us: i64) -> Result<Caller, Failure> {
        let anonymous = || Caller { inner: self.tenancy.anonymous(), token: None, means: Means::Nothing };
        let Some(secret) = cookie(&head.headers, SESSION_COOKIE) else { return Ok(anonymous()) };
        let found = self
            .tenancy
            .authenticate_session(&Secret::from(secret.to_owned()), tenancy::SessionKind::Browser, now_us)
            .await;
        match found {
            Ok(inner) => Ok(Caller { inner, token: None, means: Means::Cookie }),
            Err(AuthError::Unavailable(cause)) => Err(not_looked_at(cause)),
            // A session that has ended is a browser that is logged out.
            Err(_) => Ok(anonymous()),
        }
    }

    fn refused(&self, head: &request::Parts, target: &Target, error: AuthError) -> Failure {
        match error {
            error @ (AuthError::Throttled { .. } | AuthError::Busy | AuthError::Unavailable(_)) => postponed(error),
            // The token endpoint takes a name and a secret, so that is what it asks for.
            other if target.endpoint.path == TOKEN_PATH => refused_at_token(&other),
            other => {
                let needs = target.needs();
                self.challenge(head, &needs, Some("invalid_token")).with_message(other.to_string())
            }
        }
    }

    /// Answers 401 with what the client is to ask a token for.
    pub(crate) fn challenge(&self, head: &request::Parts, needs: &[Need<'_>], error: Option<&str>) -> Failure {
        let mut value = format!("Bearer realm=\"{}{TOKEN_PATH}\",service=\"{SERVICE}\"", self.base_url(head));
        let scopes = wanted_scopes(needs);
        if !scopes.is_empty() {
            let _infallible = write!(value, ",scope=\"{scopes}\"");
        }
        if let Some(error) = error {
            let _infallible = write!(value, ",error=\"{error}\"");
        }
        Failure::registry(ErrorCode::Unauthorized, "authentication is required")
            .hint("log in: garrison login, docker login or skopeo login")
            .header(header::WWW_AUTHENTICATE, &value)
    }

    /// Returns the address by which the client reaches the hub: as configured, else as the client says. A wrong `Host`
    /// only misleads the client that sends it.
    pub fn base_url(&self, head: &request::Parts) -> String {
        if let Some(url) = &self.options.external_url {
            return url.trim_end_matches('/').to_owned();
        }
        let encrypted = head.extensions.get::<Peer>().is_some_and(|peer| peer.encrypted);
        let scheme = if encrypted { "https" } else { "http" };
        let host = head
            .uri
            .authority()
            .map(ToString::to_string)
            .or_else(|| head.headers.get(header::HOST).and_then(|host| host.to_str().ok()).map(ToOwned::to_owned))
            .filter(|host| is_host(host))
            .unwrap_or_else(|| "localhost".to_owned());
        format!("{scheme}://{host}")
    }
}

/// Tells a caller whose credentials could not be looked at when to come again; whether they are right is not said.
pub(crate) fn postponed(error: AuthError) -> Failure {
    let retry_after_s = match error {
        AuthError::Throttled { retry_after_s } => retry_after_s,
        AuthError::Unavailable(cause) => return not_looked_at(cause),
        _ => 1,
    };
    Failure::registry(ErrorCode::TooManyRequests, error.to_string())
        .header(header::RETRY_AFTER, &retry_after_s.max(1).to_string())
}

/// A credential is not refused because it cannot be looked at, whatever the reason.
fn not_looked_at(cause: tenancy::Error) -> Failure {
    match Failure::from(cause) {
        failure if failure.status == StatusCode::INSUFFICIENT_STORAGE => failure,
        Failure { cause, .. } => Failure { cause, ..unavailable() },
    }
}

/// Refuses credentials at the token endpoint, whose own challenge is Basic: a token comes from nowhere else.
pub(crate) fn refused_at_token(error: &AuthError) -> Failure {
    Failure::registry(ErrorCode::Unauthorized, error.to_string())
        .header(header::WWW_AUTHENTICATE, &format!("Basic realm=\"{SERVICE}\""))
}

impl Failure {
    pub(crate) fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }
}

fn is_host(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']' | b'_');
    (1..=255).contains(&text.len()) && text.bytes().all(allowed)
}

/// Returns the scopes that a token needs for these permissions, as the client will send them to the token endpoint.
fn wanted_scopes(needs: &[Need<'_>]) -> Scopes {
    let mut scopes = Scopes::default();
    for need in needs {
        let scope = match need.resource {
            access::Resource::Repository(name) if !name.is_empty() => {
                let words = [ScopeAction::Pull, ScopeAction::Push, ScopeAction::Delete];
                let Some(word) = words.into_iter().find(|word| word.actions().contains(need.action)) else { continue };
                // Who pushes reads too: clients ask what is there before they push.
                let actions = match word {
                    ScopeAction::Push => vec![ScopeAction::Pull, ScopeAction::Push],
                    other => vec![other],
                };
                Scope { target: ScopeTarget::Repository(name.to_owned()), actions }
            }
            access::Resource::System if need.action == access::Action::CatalogList => {
                Scope { target: ScopeTarget::Catalog, actions: vec![ScopeAction::All] }
            }
            _ => continue,
        };
        // A request has a handful of needs; a challenge that leaves some out still lets the client go on.
        let _ = scopes.add(scope);
    }
    scopes
}

fn parse_basic(credential: &str) -> Option<(String, Secret)> {
    let decoded = STANDARD.decode(credential).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (name, secret) = text.split_once(':')?;
    Some((name.to_owned(), Secret::from(secret.to_owned())))
}

/// Returns a cookie's value.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

impl Call {
    /// Refuses a change that a foreign page may have made a browser send: with a cookie, the request must say that it
    /// comes from this site.
    pub(crate) fn may_change(&self) -> bool {
        !self.caller.is_by_cookie() || self.is_from_this_site()
    }

    /// Returns whether a browser says that a page of this hub made it send the request.
    pub fn is_from_this_site(&self) -> bool {
        if let Some(site) = self.head.headers.get("sec-fetch-site") {
            return site == "same-origin";
        }
        let origin = self.header(&header::ORIGIN);
        origin.is_some_and(|origin| origin == self.app.base_url(&self.head))
    }
}
