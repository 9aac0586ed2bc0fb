//! What others say about vulnerabilities in their products: VEX statements of OpenVEX, CSAF and CycloneDX, read into one form, and which of
//! them speaks of a component.
//!
//! This crate is pure: bytes and values in, values or typed refusals out. It fetches nothing, opens no file, reads no clock and verifies no
//! signature; who an author is, and how far one is trusted, is the caller's to say ([`Trust`]).
//!
//! Invariants, which everything above relies on:
//! - A statement is about what its author named, and about nothing more: a product that is named by nothing that can be compared matches
//!   nothing, and is counted.
//! - What a reader does not understand is counted by reason, never passed over in silence. A document that contradicts itself is refused as a
//!   whole.
//! - Which of several statements holds depends on trust, time and their order alone.
//! - What was read may be handed on as JSON, and decides alike there; what in it was not understood stays behind.
//! - All work and memory are bounded by named limits, whatever is sent.

mod cpe;
mod document;
mod enclosed;
mod image;
mod matching;
mod present;
mod problem;
mod product;
mod readers;
mod statements;
mod subject;
mod trust;
mod wording;

pub use cpe::{Cpe, CpeError};
pub use document::{Document, Format, Justification, Statement, Status, Time, Vulnerability};
pub use enclosed::enclosed;
pub use image::ImageName;
pub use present::Present;
pub use problem::{Problem, Problems, Refusal};
pub use product::{Element, Identity, Package, Target};
pub use readers::{DEPTH_MAX, DOCUMENT_BYTES_MAX, NAMES_MAX, STATEMENTS_MAX, TARGETS_MAX, read, recognize};
pub use statements::{Found, Statements};
pub use subject::{Place, Subject};
pub use trust::{Others, Trust};
pub use wording::{NAME_BYTES_MAX, TEXT_BYTES_MAX};
