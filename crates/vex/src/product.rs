use std::sync::Arc;

use component::{Hash, Purl, Vers};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Cpe;

/// What a statement is about: a thing, and what it has to be in.
///
/// OpenVEX's product with subcomponents, CSAF's relationship and a component of a CycloneDX document are the same: the thing is the
/// subcomponent, and it has to be in the product. A product without subcomponents stands for all that is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "VexTarget")]
pub struct Target {
    /// The thing.
    pub item: Arc<Identity>,
    /// What it has to be in, all of it. Empty: wherever it is.
    pub within: Vec<Arc<Identity>>,
}

/// By what a document names a thing. Each name stands for all of it: one that agrees suffices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "VexIdentity")]
#[serde(default)]
pub struct Identity {
    /// What the document calls it.
    pub label: String,
    /// Packages.
    pub packages: Vec<Package>,
    /// CPE names.
    #[schemars(with = "Vec<String>")]
    pub cpes: Vec<Cpe>,
    /// Hashes of it.
    pub hashes: Vec<Hash>,
    /// Digests of images (`sha256:…`).
    pub digests: Vec<String>,
    /// Name and version, only where it has no other name: they are held against the name of what is asked about, never against a component.
    pub named: Option<(String, Option<String>)>,
    /// Serial numbers of CycloneDX documents (`urn:uuid:…`) that describe it.
    pub serials: Vec<String>,
    /// What it is in CycloneDX documents.
    pub elements: Vec<Element>,
}

impl Identity {
    /// Tells whether it has a name that can be compared.
    pub fn is_comparable(&self) -> bool {
        !(self.packages.is_empty()
            && self.cpes.is_empty()
            && self.hashes.is_empty()
            && self.digests.is_empty()
            && self.serials.is_empty()
            && self.elements.is_empty()
            && self.named.is_none())
    }
}

/// Something in a CycloneDX document (CycloneDX, "BOM-Link": `urn:cdx:SERIAL/VERSION#REFERENCE`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "VexElement")]
pub struct Element {
    /// The document's serial number, in lower case: `urn:uuid:…`.
    pub serial: String,
    /// Which version of the document: references may mean something else in another.
    pub version: u64,
    /// The reference in it (`bom-ref`).
    pub reference: String,
}

/// A package, some or all of its versions.
///
/// A purl without a version means all versions, and each qualifier that it has must agree (OpenVEX, "Product matching"). With `arch=src` or
/// `arch=source` it is a source package, and means what is built from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "VexPackage")]
pub struct Package {
    /// The package.
    #[schemars(with = "String")]
    pub purl: Purl,
    /// The versions, where the purl has none and the document gives a range.
    #[schemars(with = "Option<String>")]
    pub range: Option<Vers>,
}
