//! SPDX 2.3 JSON, as in the SPDX specification 2.3 (ISO/IEC 5962 is its 2.2.1): written in 2.3, read in 2.2 and 2.3.

mod read;
mod write;

pub(super) use read::read;
pub(super) use write::write;

const DOCUMENT_ID: &str = "SPDXRef-DOCUMENT";

/// The package that is the subject in documents of ours.
const SUBJECT_ID: &str = "SPDXRef-Subject";

/// The package that is the operating system in documents of ours.
const DISTRIBUTION_ID: &str = "SPDXRef-Distribution";

/// What begins the comment of a relationship that the format has no type for.
const OWNS_COMMENT: &str = "garrison:owns: the first package's file list has the second's evidence";

const CONTAINS_COMMENT: &str = "garrison:contains: the subject itself holds it";
