//! The words for what software is made of: package URLs, components and their edges, ecosystems, and the order of versions in each.
//!
//! This crate is pure: text and values in, values or typed refusals out. It does no input or output, reads no clock, knows
//! no file format and no advisory, and decides nothing about what is vulnerable.
//!
//! Invariants, which everything above relies on:
//! - A [`Purl`] is in canonical form: whatever spelling it came in, the same package is the same value and the same text.
//! - An [`Inventory`] is sorted and holds nothing twice, so that equal sources give equal documents.
//! - A version is ordered by its scheme's own rules or said to be unorderable; nothing is guessed.
//! - All work and memory are bounded by named limits, whatever is sent.

pub mod codename;
mod component;
mod distribution;
mod inventory;
mod license;
mod location;
mod package_type;
pub mod pattern;
mod plain;
pub mod purl;
pub mod range;
pub mod version;

pub use component::{Code, Component, Hash, HashAlgorithm, OwnedFile, Scope, SourcePackage, Technique};
pub use distribution::Distribution;
pub use inventory::{ComponentIndex, Edge, Inventory, Layer, Node, Relation, Subject, Unknown};
pub use license::{EXPRESSION_BYTES_MAX, License};
pub use location::Location;
pub use package_type::{PackageType, UnknownPackageType};
pub use pattern::{Pattern, PatternError};
pub use plain::{is_deceptive, plain};
pub use purl::{Purl, PurlBuilder, PurlError, PurlPattern, PurlType, TypeViolation};
pub use range::{Prereleases, Range, RangeError, Vers, VersError};
pub use version::{Scheme, Unorderable, Version};
