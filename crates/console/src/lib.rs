//! The console: pages for people, rendered on the server.
//!
//! Every page is a row of the endpoint table of `api`, with its permissions as a pure function of the request, so that a
//! page shows nothing that the API would not. Pages read through `registry`, `pipeline` and `tenancy`; today they change nothing but
//! the browser's own session.
//!
//! It is not an application in the browser: each page works without JavaScript, and each state has an address. The script
//! adds keys, copying, answers while one types and paging without a reload: it shows the main part of pages that the hub
//! renders, and makes none. It holds no state of its own.
//!
//! Invariants:
//! - What others wrote (names in configs, annotations, labels) is text, never markup: templates escape everything except
//!   what [`words`] writes from numbers and digests, and control and direction characters are made visible.
//! - A page asks for nothing outside this hub and carries no inline script or style; the policy in its headers says so.
//! - A page stays below [`PAGE_BYTES_MAX`], whatever was pushed: tables end at a number of rows and say how many more.
//! - A login or logout comes from a page of this hub, and goes on only to a path of this hub.

mod assets;
mod component_row;
mod failure;
mod frame;
mod graph;
mod href;
mod image_config;
mod kind;
mod pages;
mod severity;
mod strip;
mod table;
mod tagged;
mod words;

pub use failure::render_failure;
pub use frame::{CONTENT_SECURITY_POLICY, PAGE_BYTES_MAX};
pub use table::endpoints;
