//! What is known to be wrong with what an inventory lists: the join of components and advisories, as one value that people and
//! programs read.
//!
//! This crate is pure: a database and an inventory in, a [`Report`] out, and a report in, documents out. It opens no file and reads no
//! clock; what a finding is, `vulndb` decides; here it is told with all that is asked about it.
//!
//! Invariants, which everything above relies on:
//! - A report is owned and complete: nobody needs the database again to read it, and its serialisation is the JSON document that
//!   `garrison scan` prints and the hub answers.
//! - The same database and inventory give the same report, in the same order.
//! - A finding that does not count is there, with who says so and why.

mod address;
mod advisories;
mod comparison;
mod component;
mod condition;
mod cyclonedx;
mod decision;
mod decisions;
mod explanation;
mod explanation_words;
mod facts;
mod finding;
mod fingerprint;
mod format;
mod grype;
mod not_counted;
mod not_known;
mod not_looked_into;
mod paths;
mod projects;
mod report;
pub mod sarif;
mod spoken;
mod standing;
mod table;
mod trust;
mod unchecked;
mod upgrade;

pub use address::address;
pub use advisories::{
    ADVISORIES_OLD_DAYS, ADVISORIES_UNSEEN_OLD_DAYS, Advisories, Covered, FeedState, OldFeed, are_old,
};
pub use comparison::{Comparison, DecidingPart};
pub use component::{AffectedComponent, Named};
pub use condition::{Condition, ConditionError};
pub use cyclonedx::cyclonedx;
pub use decision::{Beside, Deciders, ExceptionState, ExceptionUse, Origin, VexUse, VexWord};
pub use decisions::{Decisions, DocumentBeside, united};
pub use explanation::{
    Answer, Decided, ELSEWHERE_MAX, EXPLANATION_SCHEMA, Elsewhere, Explanation, Held, Otherwise, Present,
};
pub use explanation_words::{ExplanationWords, explanation_table, explanation_words};
pub use facts::names;
pub use finding::{
    Advised, ComponentRef, Exploitation, Exploited, Finding, Fix, FixState, Rating, Suppression, Suppressor,
};
pub use format::{DocumentOptions, Format, FormatError, Output, Written};
pub use grype::grype;
pub use not_counted::not_counted_in_words;
pub use not_known::{Doubted, not_known_in_words};
pub use not_looked_into::{not_inventoried_in_words, not_looked_into_in_words};
pub use report::{Counted, Matched, MatchedState, Options, Report, SCHEMA, SYSTEMS_TOLD_MAX, Support, System};
pub use sarif::{Sarif, sarif};
pub use standing::{Standing, standings};
pub use table::{TableOptions, table};
pub use trust::trust;
pub use unchecked::{NoCoverage, Told, UNCHECKED_TOLD_MAX, Unchecked, Uncovered};
pub use upgrade::Upgrade;

use serde::Serialize;

/// Writes a report as the JSON document that it is.
pub fn json(report: &Report) -> String {
    written(report)
}

/// Writes a document, indented, with a newline at its end.
fn written(document: &impl Serialize) -> String {
    // Nothing of ours has a key that is no text, and memory has room for what it holds already.
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}
