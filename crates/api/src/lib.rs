//! The HTTP surface of the hub: `/v2` (OCI distribution), `/token`, `/api/v1`, health and metrics.
//!
//! Every endpoint is one row of a table: method, path, name, the permissions it needs as a pure function of the request,
//! schemas and handler. Router, authorization, `OpenAPI` document and audit names are derived from the rows; pages of the
//! console are rows too. There is no other way to reach a handler.
//!
//! It owns no state that outlives a request except caches of verified tokens, and it touches neither the database nor
//! the blob store but through the services below it.
//!
//! Invariants:
//! - A handler runs only after every permission of its row was granted to an authenticated or anonymous caller.
//! - What a caller may not know of answers exactly as what does not exist.
//! - `Host` is never trusted for anything but the address in a challenge, and only while no external URL is configured.
//!   `X-Forwarded-For` is believed from proxies that the operator named, for the throttle of logins alone.
//! - Every failure has a stable code, says what was refused and what to do next.

mod app;
mod auth;
mod dispatch;
mod endpoint;
mod failure;
mod health;
mod metrics;
mod openapi;
mod page;
mod proxies;
mod room;
mod table;
mod token;
mod v1;
mod v2;

pub use app::{App, Options, PROJECTS_LOOKED_UP_MAX, Parts, TimedBody};
pub use auth::{Caller, Peer, SESSION_COOKIE, cookie};
pub use dispatch::router;
pub use endpoint::{Call, Endpoint, Guard, Handler, Need, Needs, Schema, Surface, Target};
pub use failure::{ERROR_CODES, Failure};
pub use metrics::Metrics;
pub use openapi::openapi;
pub use page::{PageParameters, decode_cursor, encode_cursor};
pub use proxies::{TrustedProxies, TrustedProxiesError};
pub use table::endpoints;
