//! The one client for everything that leaves the process.
//!
//! [`HubClient`] is how the command line talks to a hub's JSON API, [`RegistryClient`] how images are read from any
//! registry, [`FeedClient`] how publishers' documents are. What strangers answer is understood by pure functions: [`Challenge::parse_all`], [`parse_token`],
//! [`Problem::parse`]. Nothing else in the workspace may name an HTTP client.
//!
//! Invariants:
//! - Credentials are bound to the host they were given for: a hub's redirects are never followed, a registry's are
//!   followed without them, and only to where it is as well protected and not nearer to this machine. They are not sent
//!   over plain HTTP to another machine unless that was asked for by name. The one exception is the protocol's own: a
//!   registry says where its tokens are made.
//! - A publisher's document comes from the internet and encrypted, or from a host that was named as one that may be nearer or
//!   without encryption; no redirect and no name leads elsewhere.
//! - A path is built from segments. A segment can neither leave its place (`..`, empty) nor add another one.
//! - An answer is bounded in size and in time; a list is bounded in pages.
//! - Secrets do not appear in `Debug` output or in errors.
//!
//! What is not here: repeated requests to a hub (the caller knows what may be repeated), digests, caches, and the process-wide choice of a
//! cryptography provider (`main` makes it).

mod address;
mod client;
mod distance;
mod endpoint;
mod error;
mod feed;
mod hub;
mod registry;

pub use address::{AddressError, HubAddress};
pub use endpoint::{Endpoint, Method};
pub use error::{Error, Problem};
pub use feed::{
    FeedAddress, FeedAddressError, FeedClient, FeedError, FeedOptions, FeedRequest, FeedTransfer, Measured,
    PrivateHost, Sum, Validators,
};
pub use hub::{Credentials, HubClient, HubOptions, Page, Told};
pub use registry::{
    Blob, Challenge, FetchedManifest, REFERRER_PAGES_MAX, RegistryClient, RegistryCredentials, RegistryError,
    RegistryOptions, TokenError, parse_token,
};
