use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{License, Location, PackageType, Purl};

/// One package that was found: its identity, where the evidence is, and all that a matcher needs to know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Component {
    /// The kind of package.
    pub package_type: PackageType,
    /// The name, as its ecosystem writes it (a Maven component's is the artifact id).
    pub name: String,
    /// The version, as the evidence states it, epoch included. `None` when the evidence has none.
    pub version: Option<String>,
    /// The package URL. `None` when the evidence does not suffice for one.
    pub purl: Option<Purl>,
    /// CPE 2.3 names, only where the evidence itself holds them.
    pub cpes: Vec<String>,
    /// Declared licences.
    pub licenses: Vec<License>,
    /// Who supplies the package: its maintainer, vendor or author.
    pub supplier: Option<String>,
    /// Digests of the package as its source states them (not of the evidence).
    pub hashes: Vec<Hash>,
    /// The architecture, in the distribution's own words.
    pub architecture: Option<String>,
    /// The source package that it was built from, where that has a name or version of its own. One with the component's own name and without a version
    /// says that it has neither, where a document states that: in a document, nothing may say it.
    pub source: Option<SourcePackage>,
    /// The modularity label of an RPM: `name:stream:version:context`.
    pub module: Option<String>,
    /// What it is needed for.
    pub scope: Scope,
    /// Whether someone asked for this component itself. `None` when the evidence does not say.
    pub direct: Option<bool>,
    /// Whether it carries anything that runs.
    pub code: Code,
    /// The files that the package owns, in the order of their paths.
    pub files: Vec<OwnedFile>,
    /// Where the evidence is; the first is the primary one.
    pub locations: Vec<Location>,
    /// The cataloger that found it, or the tool that a document names.
    pub found_by: Cow<'static, str>,
    /// How it was recognised.
    pub technique: Technique,
    /// How sure the recognition is, in percent.
    pub confidence_percent: u8,
    /// Further facts, under names that the cataloger's page documents.
    pub properties: BTreeMap<Cow<'static, str>, String>,
}

impl Component {
    /// Makes a component of which only the kind, the name and the finder are known.
    pub fn new(
        package_type: PackageType,
        name: impl Into<String>,
        found_by: &'static str,
        technique: Technique,
    ) -> Self {
        Self {
            package_type,
            name: name.into(),
            version: None,
            purl: None,
            cpes: Vec::new(),
            licenses: Vec::new(),
            supplier: None,
            hashes: Vec::new(),
            architecture: None,
            source: None,
            module: None,
            scope: Scope::Runtime,
            direct: None,
            code: Code::Unknown,
            files: Vec::new(),
            locations: Vec::new(),
            found_by: Cow::Borrowed(found_by),
            technique,
            confidence_percent: technique.confidence_percent(),
            properties: BTreeMap::new(),
        }
    }

    /// Returns the source package where it has a name or version of its own.
    pub fn other_source(&self) -> Option<&SourcePackage> {
        self.source.as_ref().filter(|source| source.version.is_some() || source.name != self.name)
    }
}

/// The source package of a binary package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct SourcePackage {
    /// The name.
    pub name: String,
    /// The version, when it is not the binary package's.
    pub version: Option<String>,
}

/// A digest as a package's source states it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Hash {
    /// The algorithm, in the words of `CycloneDX`: `SHA-1`, `SHA-256`, `SHA-512`, `MD5`.
    pub algorithm: HashAlgorithm,
    /// The value, in lower-case hexadecimal.
    pub hex: String,
}

/// The algorithms that package sources use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum HashAlgorithm {
    /// MD5, as dpkg lists it.
    #[serde(rename = "MD5")]
    Md5,
    /// SHA-1, as apk and npm list it.
    #[serde(rename = "SHA-1")]
    Sha1,
    /// SHA-256.
    #[serde(rename = "SHA-256")]
    Sha256,
    /// SHA-384.
    #[serde(rename = "SHA-384")]
    Sha384,
    /// SHA-512.
    #[serde(rename = "SHA-512")]
    Sha512,
}

/// What a component or an edge is needed for. The order is from the strongest need to the weakest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// To run.
    Runtime,
    /// For a feature that works without it being there.
    Optional,
    /// To develop, build or test.
    Development,
}

/// Whether a component carries anything that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// Nobody looked, or the evidence does not say.
    Unknown,
    /// It owns at least one file that can run.
    Present,
    /// By its own file list nothing in it can run: documentation, headers, data, or no file at all.
    Absent,
}

/// A file that a package owns.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OwnedFile {
    /// The absolute path.
    pub path: Box<str>,
    /// The digest that the package's list states.
    pub hash: Option<Hash>,
}

/// How a component was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Technique {
    /// From a package manager's database of what is installed.
    PackageDatabase,
    /// From the metadata that an installed package carries.
    InstalledMetadata,
    /// From metadata inside a binary.
    Binary,
    /// From the contents of an archive.
    Archive,
    /// From a lockfile.
    Lockfile,
    /// From a manifest that states what is wanted, not what there is.
    Manifest,
    /// From a file's name alone.
    FileName,
    /// As another tool's document states it.
    Document,
}

impl Technique {
    /// Returns how sure a recognition by this technique is unless the cataloger knows better, in percent.
    pub fn confidence_percent(self) -> u8 {
        match self {
            Self::PackageDatabase | Self::InstalledMetadata | Self::Binary | Self::Lockfile => 100,
            Self::Archive => 90,
            Self::Document => 80,
            Self::Manifest => 70,
            Self::FileName => 40,
        }
    }
}
