//! A row of the endpoint table.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use access::{Action, Resource};
use axum::body::Body;
use axum::response::Response;
use db::BoxFuture;
use http::Method;
use oci::Route;

use crate::app::{App, TimedBody};
use crate::auth::Caller;
use crate::failure::Failure;

/// One endpoint. The table of them is the only way to a handler.
pub struct Endpoint {
    /// Method. `HEAD` is answered by the row of `GET` unless it has one of its own.
    pub method: Method,
    /// Path with parameters in braces.
    pub path: &'static str,
    /// Stable name: operation id, audit name, metric label.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// What it needs.
    pub guard: Guard,
    /// How its failures look.
    pub surface: Surface,
    /// Query parameters that it reads.
    pub parameters: &'static [&'static str],
    /// Schema of the request's JSON body.
    pub request: Option<Schema>,
    /// Status and schema of the answer.
    pub answer: (u16, Option<Schema>),
    /// What it does.
    pub handler: Handler,
}

/// A JSON schema, generated from a type.
pub type Schema = fn(&mut schemars::SchemaGenerator) -> schemars::Schema;

/// Runs an endpoint.
pub type Handler = fn(Call) -> BoxFuture<'static, Result<Response, Failure>>;

/// What a row needs of its caller.
#[derive(Clone, Copy)]
pub enum Guard {
    /// Nothing: it tells nothing and changes nothing that is anybody's.
    Open,
    /// Permissions, all of them, as a pure function of the request.
    Needs(for<'a> fn(&'a Target) -> Needs<'a>),
}

/// How failures are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Surface {
    /// As the OCI distribution specification says, section "Error codes".
    Registry,
    /// As RFC 9457 problem details.
    Api,
    /// As a page for a person.
    Page,
}

/// Permissions of one request.
pub type Needs<'a> = Vec<Need<'a>>;

/// One permission.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Need<'a> {
    /// The action.
    pub action: Action,
    /// On what.
    pub resource: Resource<'a>,
    /// Whether the request goes on without it. The handler then asks [`Call::may`].
    pub optional: bool,
}

impl<'a> Need<'a> {
    /// A permission without which the request is refused.
    pub fn required(action: Action, resource: Resource<'a>) -> Self {
        Self { action, resource, optional: false }
    }

    /// A permission that widens what the request may do.
    pub fn optional(action: Action, resource: Resource<'a>) -> Self {
        Self { action, resource, optional: true }
    }
}

/// What a request is aimed at, parsed and not yet authorized.
pub struct Target {
    /// The row.
    pub endpoint: &'static Endpoint,
    /// The route, under `/v2`.
    pub route: Option<Route>,
    /// Path parameters elsewhere.
    pub parameters: Vec<(String, String)>,
    /// The query, under `/v2`.
    pub registry_query: oci::Query,
    /// The source of a mount, under its full name.
    pub mount_source: Option<oci::RepositoryName>,
    /// Query parameters elsewhere, decoded.
    pub query: Vec<(String, String)>,
    /// The repository that the query parameter `name` names, under its full name.
    pub named: Option<oci::RepositoryName>,
}

impl Target {
    /// Returns a path parameter; empty when the row has none of that name, which no resource matches.
    pub fn parameter(&self, name: &str) -> &str {
        find(&self.parameters, name).unwrap_or_default()
    }

    /// Returns a query parameter.
    pub fn query(&self, name: &str) -> Option<&str> {
        find(&self.query, name)
    }

    /// Returns what the row needs for this target.
    pub(crate) fn needs(&self) -> Needs<'_> {
        match self.endpoint.guard {
            Guard::Open => Vec::new(),
            Guard::Needs(needs) => needs(self),
        }
    }

    /// Returns the full name of the repository that the request is about, by route or by the query parameter `name`;
    /// empty when it names none, which no resource matches.
    pub fn repository(&self) -> &str {
        match &self.route {
            Some(route) => route.name().map_or("", |name| name.as_str()),
            None => self.named.as_ref().map_or("", |name| name.as_str()),
        }
    }
}

fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// An authorized request.
pub struct Call {
    /// The hub.
    pub app: Arc<App>,
    /// Who asks.
    pub caller: Caller,
    /// What for.
    pub target: Target,
    /// Head of the request.
    pub head: http::request::Parts,
    /// Its body, until it is taken; in a mutex because a body cannot be shared between threads.
    pub(crate) body: Mutex<Body>,
    /// Optional permissions that were granted.
    pub granted: Vec<Action>,
}

impl Call {
    /// Takes the body. It ends with an error when the client is silent for too long; a second time it is empty.
    pub fn body(&mut self) -> TimedBody {
        TimedBody::new(std::mem::take(self.body.get_mut().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Returns whether an optional permission of the row was granted.
    pub fn may(&self, action: Action) -> bool {
        self.granted.contains(&action)
    }

    /// Returns who acts, as the audit log names them.
    pub fn actor(&self) -> String {
        self.caller.access().actor().to_string()
    }

    /// Returns a header as text.
    pub fn header(&self, name: &http::HeaderName) -> Option<Cow<'_, str>> {
        self.head.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()))
    }
}
