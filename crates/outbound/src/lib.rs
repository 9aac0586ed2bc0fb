//! The one client for everything that leaves the process.
//!
//! Today that is [`HubClient`], with which the command line talks to a hub's JSON API. Nothing else in the workspace
//! may name an HTTP client.
//!
//! Invariants:
//! - Credentials are bound to the hub they were given for. Redirects are never followed, so they cannot travel, and
//!   they are not sent over plain HTTP to another machine unless that was asked for by name.
//! - A path is built from segments. A segment can neither leave its place (`..`, empty) nor add another one.
//! - An answer is bounded in size and in time; a list is bounded in pages.
//! - Secrets do not appear in `Debug` output or in errors.
//!
//! What is not here: retries (the caller knows what may be repeated), caches, and the process-wide choice of a
//! cryptography provider (`main` makes it).

mod address;
mod endpoint;
mod error;
mod hub;

pub use address::{AddressError, HubAddress};
pub use endpoint::{Endpoint, Method};
pub use error::{Error, Problem};
pub use hub::{Credentials, HubClient, HubOptions, Page};
