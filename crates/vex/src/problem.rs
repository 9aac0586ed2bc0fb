use std::collections::BTreeMap;

use crate::wording;

/// What of a document was not understood: how often, and one example of each.
pub type Problems = BTreeMap<Problem, (u64, String)>;

/// Why a statement, or a part of one, was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Problem {
    /// A product is named by nothing that can be compared: no purl, CPE, hash or digest.
    #[error("a product is named by nothing that can be compared")]
    Unidentified,
    /// Something that should be a purl is none.
    #[error("a purl cannot be read")]
    Purl,
    /// Something that should be a CPE is none.
    #[error("a CPE cannot be read")]
    Cpe,
    /// Something that should be a hash is none that components have.
    #[error("a hash cannot be read")]
    Hash,
    /// A range of versions cannot be read, so that nobody knows which versions are meant.
    #[error("a range of versions cannot be read")]
    Range,
    /// A statement names no product.
    #[error("a statement names no product")]
    NoProduct,
    /// A statement names no vulnerability.
    #[error("a statement names no vulnerability")]
    NoVulnerability,
    /// It says that something is not affected, and not why; the formats require a reason.
    #[error("it says that something is not affected, and not why")]
    NoReason,
    /// It refers to something that is not in the document.
    #[error("it refers to something that is not in the document")]
    Reference,
    /// It holds a word that the format does not have there.
    #[error("it has an unknown {0}")]
    Word(&'static str),
    /// It says of itself that it is a draft: it may change, or never be published. What it says counts.
    #[error("it says of itself that it is a draft, and counts all the same")]
    Draft,
    /// A moment in it is none.
    #[error("a time cannot be read")]
    Time,
}

impl Problem {
    /// The most bytes of an example that are kept: enough to find the place again.
    pub const EXAMPLE_BYTES_MAX: usize = 200;
}

/// Counts something that was not taken; `example` says where.
pub(crate) fn count(problems: &mut Problems, problem: Problem, example: &str) {
    let (count, _) = problems.entry(problem).or_insert_with(|| (0, wording::shown(example)));
    *count += 1;
}

/// Why a document is not taken at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is none of the formats.
    #[error("it is no VEX document: neither OpenVEX nor CSAF nor CycloneDX, as JSON")]
    Unknown,
    /// It is larger than is read.
    #[error("the document is {actual} bytes, the limit is {}", crate::DOCUMENT_BYTES_MAX)]
    TooLarge {
        /// Its size in bytes.
        actual: usize,
    },
    /// It is a version of the format that is not read.
    #[error("version `{0}` of the format is not read")]
    Version(String),
    /// It is no JSON, or not the JSON that the format requires.
    #[error("it is not written as the format requires: {0}")]
    Form(String),
    /// Something in it is more than a limit allows.
    #[error("it has more {what} than are read, {limit}")]
    TooMany {
        /// What.
        what: &'static str,
        /// How many are read.
        limit: usize,
    },
    /// It breaks a rule of its format, so that nobody knows what it says.
    #[error("it breaks rule {rule} of its format, {title}: {example}")]
    Rule {
        /// The rule's number in the format's document: `6.1.6` of CSAF.
        rule: &'static str,
        /// What it demands.
        title: &'static str,
        /// What breaks it.
        example: String,
    },
}
