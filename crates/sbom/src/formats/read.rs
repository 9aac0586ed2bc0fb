use std::borrow::Cow;
use std::collections::HashMap;

use component::{Inventory, Node};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::repairs::{Place, RepairKind};
use super::{Limits, Repairs, cyclonedx, purls, spdx, syft};
use crate::statement::{self, StatementError};

/// A document that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What it says.
    pub inventory: Inventory,
    /// Its format: `cyclonedx-json`, `spdx-json`, `syft-json`, `purls`.
    pub format: &'static str,
    /// The format's version, as the document states it.
    pub version: Option<String>,
    /// The tool that made it, as the document states it.
    pub tool: Option<String>,
    /// What was repaired or dropped.
    pub repairs: Repairs,
    /// By what other documents lead into it, where it has a name for that.
    pub address: Option<Address>,
}

/// By what a link from elsewhere leads into a document (CycloneDX, "BOM-Link"): `urn:cdx:SERIAL/VERSION#REFERENCE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The serial number, in lower case: `urn:uuid:…`.
    pub serial: String,
    /// Which version of the document with this number it is.
    pub version: u64,
    /// What its references stand for: its subject and its components.
    pub references: HashMap<String, Node>,
}

/// What becomes of a document that is wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Strictness {
    /// It is read as far as it makes sense, and what was repaired or dropped is told.
    #[default]
    Lenient,
    /// It is refused.
    Strict,
}

/// Why a document was refused.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is too large.
    #[error("the document is {actual} bytes, the limit is {limit}")]
    TooLarge {
        /// Its size.
        actual: usize,
        /// The limit.
        limit: usize,
    },
    /// It is not text.
    #[error("the document is not UTF-8")]
    NotUtf8,
    /// It is none of the formats that are read.
    #[error("the document is neither CycloneDX, SPDX or Syft-JSON, nor a list of purls")]
    Unrecognised,
    /// It is a statement, or an envelope around one, that holds no document.
    #[error("failed to take the document out of its statement")]
    Statement(#[source] StatementError),
    /// It is of a format that is known and not read.
    #[error("{format} is not read; convert the document to JSON first")]
    UnsupportedFormat {
        /// The format.
        format: &'static str,
    },
    /// It is of a version that is not read.
    #[error("{format} `{version}` is not read; versions {known} are")]
    UnsupportedVersion {
        /// The format.
        format: &'static str,
        /// The version that the document states.
        version: String,
        /// The versions that are read.
        known: &'static str,
    },
    /// It is not JSON, or its outermost members are of the wrong types.
    #[error("failed to read the document as JSON")]
    Json(#[source] serde_json::Error),
    /// It has more components than are read.
    #[error("the document has over {limit} components")]
    TooManyComponents {
        /// The limit.
        limit: usize,
    },
    /// It has more edges than are read.
    #[error("the document has over {limit} edges")]
    TooManyEdges {
        /// The limit.
        limit: usize,
    },
    /// Its components are inside each other deeper than is read.
    #[error("the document's components are nested over {limit} deep")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// It was to be read strictly, and breaks a rule of its format.
    #[error("{place}: {rule}")]
    Invalid {
        /// Where.
        place: String,
        /// The rule.
        rule: String,
    },
}

/// Reads a document of a stranger: the format is found from the contents, and what is wrong is repaired or dropped.
pub fn read(bytes: &[u8]) -> Result<Document, ReadError> {
    read_with(bytes, &Limits::default(), Strictness::Lenient)
}

/// Reads a document within limits.
pub fn read_with(bytes: &[u8], limits: &Limits, strictness: Strictness) -> Result<Document, ReadError> {
    if bytes.len() > limits.document_bytes {
        return Err(ReadError::TooLarge { actual: bytes.len(), limit: limits.document_bytes });
    }
    let text = std::str::from_utf8(bytes).map_err(|_| ReadError::NotUtf8)?;
    let (text, has_mark) = match text.strip_prefix('\u{feff}') {
        Some(text) => (text, true),
        None => (text, false),
    };
    let mut document = detect(text.trim_start(), limits, strictness)?;
    if has_mark {
        document.repairs.add(&Place::root("document"), RepairKind::ByteOrderMark, "");
    }
    if strictness == Strictness::Strict && document.repairs.wrong > 0 {
        let first = document.repairs.listed.iter().find(|repair| repair.kind.is_wrong());
        let (place, rule) = first.map_or_else(Default::default, |repair| {
            (repair.place.clone(), format!("{}: {}", repair.kind.words(), repair.found.escape_debug()))
        });
        return Err(ReadError::Invalid { place, rule });
    }
    Ok(document)
}

/// The members by which formats are told apart.
#[derive(Deserialize)]
struct Marks<'a> {
    #[serde(rename = "bomFormat", borrow)]
    bom_format: Option<&'a RawValue>,
    #[serde(rename = "spdxVersion", borrow)]
    spdx_version: Option<&'a RawValue>,
    #[serde(rename = "SPDXID", borrow)]
    spdx_id: Option<&'a RawValue>,
    #[serde(rename = "specVersion", borrow)]
    spec_version: Option<&'a RawValue>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    components: Option<&'a RawValue>,
    #[serde(borrow)]
    artifacts: Option<&'a RawValue>,
    #[serde(rename = "artifactRelationships", borrow)]
    artifact_relationships: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow)]
    descriptor: Option<&'a RawValue>,
    #[serde(borrow)]
    schema: Option<&'a RawValue>,
    #[serde(rename = "@context", borrow)]
    context: Option<&'a RawValue>,
    #[serde(borrow)]
    sbom: Option<&'a RawValue>,
    #[serde(rename = "dsseEnvelope", borrow)]
    dsse_envelope: Option<&'a RawValue>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    #[serde(rename = "predicateType", borrow)]
    predicate_type: Option<&'a RawValue>,
}

impl Marks<'_> {
    /// Many programs write lists that they call artifacts: a document of Syft says what it was made of or by as well.
    fn is_syft(&self) -> bool {
        let others = [self.artifact_relationships, self.source, self.descriptor, self.schema];
        self.artifacts.is_some_and(|artifacts| artifacts.get().starts_with('[')) && others.iter().any(Option::is_some)
    }

    fn kind(&self) -> Result<Kind, ReadError> {
        if self.bom_format.is_some() {
            return Ok(Kind::CycloneDx);
        }
        if self.spdx_version.is_some() {
            return Ok(Kind::Spdx);
        }
        if self.is_syft() {
            return Ok(Kind::Syft);
        }
        if self.context.is_some_and(|context| context.get().contains("spdx.org/rdf/3")) {
            return Err(ReadError::UnsupportedVersion {
                format: "spdx-json",
                version: "3".to_owned(),
                known: "2.2 and 2.3",
            });
        }
        if self.is_unnamed_cyclonedx() {
            return Ok(Kind::CycloneDx);
        }
        Err(ReadError::Unrecognised)
    }

    /// What holds a document as the predicate of a statement.
    fn is_around(&self) -> bool {
        [self.dsse_envelope, self.payload, self.predicate_type].iter().any(Option::is_some)
    }

    /// Written by hand or by a tool that forgot its first line.
    fn is_unnamed_cyclonedx(&self) -> bool {
        self.spec_version.is_some() && self.spdx_id.is_none() && (self.metadata.is_some() || self.components.is_some())
    }
}

/// Returns whether a document that [`read`] knows may begin with these bytes, so that other files need not be read to their end.
pub fn may_be_document(start: &[u8]) -> bool {
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    text.starts_with(b"{") || is_list(text)
}

/// Returns whether bytes are a document that [`read`] knows by its marks, whole and right or not.
///
/// It costs a walk over the JSON, and no memory that grows with it.
pub fn is_document(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    kind(text.strip_prefix('\u{feff}').unwrap_or(text).trim_start()).is_ok()
}

/// The formats that are told apart by their contents.
#[derive(Clone, Copy)]
enum Kind {
    CycloneDx,
    Spdx,
    Syft,
    Purls,
}

fn detect(text: &str, limits: &Limits, strictness: Strictness) -> Result<Document, ReadError> {
    let (kind, text) = kind(text)?;
    match kind {
        Kind::CycloneDx => cyclonedx::read(&text, limits, strictness),
        Kind::Spdx => spdx::read(&text, limits),
        Kind::Syft => syft::read(&text, limits),
        Kind::Purls => purls::read(&text, limits),
    }
}

/// Returns the format, and the document itself: GitHub's interface answers with one as the member `sbom` of an object, and attestations hold one as the
/// predicate of a statement.
fn kind(text: &str) -> Result<(Kind, Cow<'_, str>), ReadError> {
    if text.starts_with('{') {
        let marks: Marks<'_> = serde_json::from_str(text).map_err(ReadError::Json)?;
        let kind = marks.kind();
        return match (kind, marks.sbom) {
            (Err(ReadError::Unrecognised), Some(inner)) => {
                let marks: Marks<'_> = serde_json::from_str(inner.get()).map_err(|_| ReadError::Unrecognised)?;
                Ok((marks.kind()?, Cow::Borrowed(inner.get())))
            }
            (Err(ReadError::Unrecognised), None) if marks.is_around() => {
                let inner = statement::document_in(text).map_err(ReadError::Statement)?;
                let marks: Marks<'_> = serde_json::from_str(&inner).map_err(|_| ReadError::Unrecognised)?;
                Ok((marks.kind()?, inner))
            }
            (kind, _) => Ok((kind?, Cow::Borrowed(text))),
        };
    }
    if text.starts_with("SPDXVersion:") {
        return Err(ReadError::UnsupportedFormat { format: "SPDX tag-value" });
    }
    if text.starts_with('<') {
        return Err(ReadError::UnsupportedFormat { format: "XML" });
    }
    if is_list(text.as_bytes()) {
        return Ok((Kind::Purls, Cow::Borrowed(text)));
    }
    Err(ReadError::Unrecognised)
}

/// Tells whether the first line that is no comment begins as a purl does.
fn is_list(text: &[u8]) -> bool {
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_start);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with(b"#"));
    first.and_then(|line| line.get(..4)).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"pkg:"))
}
