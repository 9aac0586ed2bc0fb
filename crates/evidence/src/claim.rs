use serde::{Deserialize, Serialize};

/// What a fact states of its subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Claim {
    /// What the subject is made of; the fact's source is the document.
    Sbom(Sbom),
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
        }
    }

    /// Returns what keeps different evidence of this kind apart: the tool of an SBOM.
    pub fn key(&self) -> &str {
        match self {
            Self::Sbom(sbom) => &sbom.tool,
        }
    }
}
