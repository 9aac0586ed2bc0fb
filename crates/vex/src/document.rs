use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Problems, Target};

/// A moment, in seconds since 1970 (UTC).
pub type Time = i64;

/// One document: who says what, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "VexDocument")]
pub struct Document {
    /// The format that it is written in.
    pub format: Format,
    /// The name that its author gave it: an IRI, a tracking id, a serial number. Empty when it has none.
    pub id: String,
    /// Who makes the statements, as the document says; nothing proves it. Empty when it does not say.
    pub author: String,
    /// Which version of the document it is. Empty when it does not say.
    pub version: String,
    /// When its first version was published.
    pub published: Option<Time>,
    /// When this version was.
    pub modified: Option<Time>,
    /// The statements, in the order of the document.
    pub statements: Vec<Statement>,
    /// What in it was not understood. That is told where it was read, and not handed on.
    #[serde(skip)]
    pub problems: Problems,
}

/// The formats of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "VexFormat")]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// OpenVEX, up to 0.2.0.
    OpenVex,
    /// The Common Security Advisory Framework, 2.0 and 2.1.
    Csaf,
    /// CycloneDX as JSON: a VEX document, or an SBOM that holds vulnerabilities.
    CycloneDx,
}

impl Format {
    /// Returns the format's name: `openvex`, `csaf`, `cyclonedx`.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenVex => "openvex",
            Self::Csaf => "csaf",
            Self::CycloneDx => "cyclonedx",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What is said about one vulnerability in some products.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "VexStatement")]
pub struct Statement {
    /// The vulnerability.
    pub vulnerability: Vulnerability,
    /// In what.
    pub targets: Vec<Target>,
    /// How they stand to it.
    pub status: Status,
    /// When it was said: the statement's own time, else the document's.
    pub time: Option<Time>,
    /// What the author has to say besides.
    pub text: Option<String>,
}

/// A vulnerability by all names that a statement gives it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "VexVulnerability")]
pub struct Vulnerability {
    /// The name: `CVE-2024-3094`.
    pub id: String,
    /// Other names.
    pub aliases: Vec<String>,
}

impl Vulnerability {
    /// Returns all its names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&*self.id).chain(self.aliases.iter().map(|alias| &**alias))
    }
}

/// How a product stands to a vulnerability.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "VexStatus")]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It cannot be exploited there.
    NotAffected {
        /// Why, in one of the agreed words.
        justification: Option<Justification>,
        /// Why, in the author's words.
        impact: Option<String>,
    },
    /// It can.
    Affected {
        /// What to do about it.
        action: Option<String>,
    },
    /// It was mended there.
    Fixed,
    /// Nobody knows yet.
    UnderInvestigation,
}

impl Status {
    /// Returns the status in OpenVEX's words: `not_affected`, `affected`, `fixed`, `under_investigation`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NotAffected { .. } => "not_affected",
            Self::Affected { .. } => "affected",
            Self::Fixed => "fixed",
            Self::UnderInvestigation => "under_investigation",
        }
    }

    /// Tells whether a finding does not count for this: not affected, or mended.
    pub fn clears(&self) -> bool {
        matches!(self, Self::NotAffected { .. } | Self::Fixed)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

macro_rules! justifications {
    ($($(#[$doc:meta])* $variant:ident = $name:literal $(| $other:literal)*;)*) => {
        /// Why a product is not affected: the words of OpenVEX and CSAF, and those of CycloneDX that they have no word for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Justification {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl Justification {
            /// Every justification, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Returns the word that documents have: `vulnerable_code_not_present`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// Returns the justification that a word names, in any of the formats.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($name $(| $other)* => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

justifications! {
    /// The vulnerable component is not there.
    ComponentNotPresent = "component_not_present";
    /// The component is there, the vulnerable code in it is not.
    VulnerableCodeNotPresent = "vulnerable_code_not_present" | "code_not_present";
    /// The vulnerable code is never run.
    VulnerableCodeNotInExecutePath = "vulnerable_code_not_in_execute_path" | "code_not_reachable";
    /// An attacker cannot reach what would exploit it.
    VulnerableCodeCannotBeControlledByAdversary = "vulnerable_code_cannot_be_controlled_by_adversary";
    /// Protections in the product prevent it.
    InlineMitigationsAlreadyExist = "inline_mitigations_already_exist";
    /// Only another configuration can be exploited.
    RequiresConfiguration = "requires_configuration";
    /// Only with a dependency that is not there.
    RequiresDependency = "requires_dependency";
    /// Only in another environment.
    RequiresEnvironment = "requires_environment";
    /// A flag of the compiler prevents it.
    ProtectedByCompiler = "protected_by_compiler";
    /// Something prevents it while it runs.
    ProtectedAtRuntime = "protected_at_runtime";
    /// Something at the perimeter prevents it.
    ProtectedAtPerimeter = "protected_at_perimeter";
    /// Something else prevents it.
    ProtectedByMitigatingControl = "protected_by_mitigating_control";
}

impl fmt::Display for Justification {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
