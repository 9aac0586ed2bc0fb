use serde::{Deserialize, Serialize};

/// What a fact states of its subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Claim {
    /// What the subject is made of; the fact's source is the document.
    Sbom(Sbom),
    /// What is known to be wrong with the subject.
    Scan(Scan),
    /// That an owner decided that some findings do not count; the subject is the document that says so, as a file.
    Exempted(Exempted),
    /// That a VEX document counts. The subject is the document, as a file; or, where it lies beside an image, what it refers to, and the
    /// fact's source is what refers.
    Vex(Vex),
    /// Whose VEX counts. The subject is the document that says so, as a file.
    VexTrust(VexTrust),
}

/// A document that says whose VEX counts. What it says stands in the document alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VexTrust {
    /// How many patterns of authors it has.
    pub authors: u64,
    /// Whether the word of authors counts that no pattern names.
    pub others_count: bool,
    /// How many patterns of those who may state VEX by pushing it beside images.
    pub pushers: u64,
    /// Who set it.
    pub set_by: String,
}

/// A VEX document. What it says stands in the document alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vex {
    /// Who makes the statements, as the document says.
    pub author: String,
    /// The name that its author gave it.
    pub document: String,
    /// The format that it is written in.
    pub format: String,
    /// How many statements it makes.
    pub statements: u64,
}

/// What a database of advisories says of the subject, whatever anyone decides about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scan {
    /// How many critical findings it has.
    pub critical: u64,
    /// The SHA-256 of the database by which it was matched, in hexadecimal.
    pub database_sha256: String,
    /// The SHA-256 of what was found, scores aside, in hexadecimal.
    pub findings_sha256: String,
    /// How many high ones.
    pub high: u64,
    /// How many low ones.
    pub low: u64,
    /// The version of the matcher.
    pub matcher: u64,
    /// How many medium ones.
    pub medium: u64,
    /// How many of no consequence.
    pub negligible: u64,
    /// How many that do not count by their publisher's word.
    pub suppressed: u64,
    /// The tool that matched.
    pub tool: String,
    /// How many whose severity nobody states.
    pub unknown: u64,
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
            Self::Scan(_) => "scan",
            Self::Exempted(_) => "exempted",
            Self::Vex(_) => "vex",
            Self::VexTrust(_) => "vex-trust",
        }
    }

    /// Returns what keeps different evidence of this kind apart: the tool of an SBOM or scan, the name of an exception or of a VEX
    /// document; nothing where one document holds at a time. What lies beside an image is kept apart by what refers instead
    /// ([`Fact::key`](crate::Fact::key)).
    pub fn key(&self) -> &str {
        match self {
            Self::Sbom(sbom) => &sbom.tool,
            Self::Scan(scan) => &scan.tool,
            Self::Exempted(exempted) => &exempted.id,
            Self::Vex(vex) => &vex.document,
            Self::VexTrust(_) => "",
        }
    }
}
