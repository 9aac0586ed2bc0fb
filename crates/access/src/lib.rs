//! Who may do what: actor x action x resource -> allow or deny, with the reason.
//!
//! This crate is pure. It knows no database, no HTTP and no clock: the caller loads an [`Access`] (an actor and the
//! grants that it holds now), names an [`Action`] and a [`Resource`], and gets a [`Decision`]. Authentication, loading
//! and caching of grants, and turning a denial into an answer on the wire are the work of other crates.
//!
//! What always holds:
//! - **Deny by default.** An action is allowed by an administrator's account, by a grant whose role holds the action and
//!   whose scope covers the resource, by a project being public, or because everyone may do it. Nothing else allows; and what
//!   [`HUB_REPOSITORY`] holds nobody changes.
//! - **The sets are closed.** Every operation of the hub is one of [`Action::ALL`]; an action asked of a kind of resource
//!   that it does not apply to is denied to everyone, so that wrong wiring fails in the first test that meets it.
//! - **A robot never administers.** Whatever its grants say, a robot gets no more than [`ROBOT_CEILING`], and a robot of a
//!   project gets nothing from a grant outside that project. What is public to everyone is public to robots too.
//! - **A token only narrows.** With a bearer token, an action is allowed if the token's scope covers it *and* the grants
//!   allow it now. A revoked grant therefore counts at once.
//! - **What may not be known looks like what does not exist.** [`Denial::response`] says which answer tells nothing.
//!
//! Allowing allocates nothing; [`allows`] allocates nothing either way and is what filters lists.

mod account;
mod action;
mod actor;
mod decision;
mod glob;
mod grant;
mod matrix;
mod resource;
mod role;
mod scope;

pub use account::{ACCOUNT_NAME_CHARS_MAX, AccountName, AccountNameError, RESERVED_ACCOUNT_NAMES};
pub use action::{Action, ActionKind, ActionSet, UnknownAction};
pub use actor::Actor;
pub use decision::{
    Because, Cause, Decision, Denial, HUB_REPOSITORY, Request, Response, allows, decide, decide_all, explain,
};
pub use glob::{GLOB_BYTES_MAX, Glob, GlobError};
pub use grant::{Access, Grant, GrantScope};
pub use matrix::matrix;
pub use resource::{Resource, ResourceError, Visibility};
pub use role::{ADMINISTRATOR, PROJECT_ROLES, PUBLIC_ACTIONS, ROBOT_CEILING, Role, UnknownRole};
pub use scope::{SCOPE_TEXT_BYTES_MAX, SCOPES_MAX, Scope, ScopeAction, ScopeError, ScopeTarget, Scopes, grant_scopes};
