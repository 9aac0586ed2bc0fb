//! What is known to be wrong with what an inventory lists: the join of components and advisories, as one value that people and
//! programs read.
//!
//! This crate is pure: a database and an inventory in, a [`Report`] out. It opens no file and reads no clock; what a finding is,
//! `vulndb` decides; here it is told with all that is asked about it.
//!
//! Invariants, which everything above relies on:
//! - A report is owned and complete: nobody needs the database again to read it, and its serialisation is the JSON document that
//!   `garrison scan` prints and the hub answers.
//! - The same database and inventory give the same report, in the same order.
//! - A finding that does not count is there, with who says so and why.

mod address;
mod component;
mod facts;
mod finding;
mod paths;
mod report;
mod spoken;
mod upgrade;

pub use address::address;
pub use component::{AffectedComponent, Named};
pub use finding::{
    Advised, ComponentRef, Exploitation, Exploited, Finding, Fix, FixState, Rating, Suppression, Suppressor,
};
pub use report::{Advisories, Counted, FeedState, Options, Report, SCHEMA, Support};
pub use upgrade::Upgrade;
