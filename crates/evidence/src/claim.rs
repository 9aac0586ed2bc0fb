use serde::{Deserialize, Serialize};

/// What a fact states of its subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Claim {
    /// What the subject is made of; the fact's source is the document.
    Sbom(Sbom),
    /// That an owner decided that some findings do not count; the subject is the document that says so, as a file.
    Exempted(Exempted),
}

/// An exception of a document. What it covers stands in the document alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exempted {
    /// From when on it counts, in microseconds since 1970-01-01 UTC; the end is the fact's.
    pub begins_at_us: i64,
    /// Its name in the document.
    pub id: String,
    /// Who decided.
    pub owner: String,
    /// Why.
    pub reason: String,
}

/// An inventory that was made of the subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sbom {
    /// How many components it lists.
    pub components: u64,
    /// What the tool is made of where it can give another answer: the fingerprint of its catalogers.
    pub engine: String,
    /// The SHA-256 of the packed inventory, in hexadecimal.
    pub inventory_sha256: String,
    /// The tool that made it.
    pub tool: String,
    /// How many things it saw and could not name.
    pub unknowns: u64,
}

impl Claim {
    /// Returns the name of its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Sbom(_) => "sbom",
            Self::Exempted(_) => "exempted",
        }
    }

    /// Returns what keeps different evidence of this kind apart: the tool of an SBOM, the name of an exception.
    pub fn key(&self) -> &str {
        match self {
            Self::Sbom(sbom) => &sbom.tool,
            Self::Exempted(exempted) => &exempted.id,
        }
    }
}
