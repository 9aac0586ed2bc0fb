use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::{Document, Format, Refusal};

mod csaf;
mod cyclonedx;
mod openvex;

/// The largest document that is read, in bytes. Red Hat's largest have some 40 MB.
pub const DOCUMENT_BYTES_MAX: usize = 128 * 1024 * 1024;

/// The most statements of a document. Those that a vendor keeps for all its images have some 10,000.
pub const STATEMENTS_MAX: usize = 200_000;

/// The most products of all statements of a document. Red Hat's errata have up to 70,000.
pub const TARGETS_MAX: usize = 1_000_000;

/// The most names of one product or vulnerability.
pub const NAMES_MAX: usize = 256;

/// The deepest nesting of a CSAF product tree (CSAF 2.1, 6.1.34), of its relationships, and of components in CycloneDX.
pub const DEPTH_MAX: usize = 30;

/// Tells which format a document is in, by what stands at its top; none for no VEX document. It may be refused when it is read.
pub fn recognize(bytes: &[u8]) -> Option<Format> {
    #[derive(Deserialize)]
    struct Top {
        #[serde(rename = "@context", default)]
        context: Option<Context>,
        #[serde(rename = "bomFormat", default)]
        bom_format: Option<String>,
        #[serde(default)]
        document: Option<Csaf>,
    }

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Context {
        One(String),
        Other(IgnoredAny),
    }

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Csaf {
        Versioned {
            #[serde(rename = "csaf_version")]
            _version: String,
        },
        Other(IgnoredAny),
    }

    let top: Top = serde_json::from_slice(json(bytes)).ok()?;
    match top {
        Top { context: Some(Context::One(context)), .. } if context.starts_with(openvex::CONTEXT) => {
            Some(Format::OpenVex)
        }
        Top { bom_format: Some(name), .. } if name == "CycloneDX" => Some(Format::CycloneDx),
        Top { document: Some(Csaf::Versioned { .. }), .. } => Some(Format::Csaf),
        _ => None,
    }
}

/// Reads a document in any of the formats.
pub fn read(bytes: &[u8]) -> Result<Document, Refusal> {
    if bytes.len() > DOCUMENT_BYTES_MAX {
        return Err(Refusal::TooLarge { actual: bytes.len() });
    }
    let format = recognize(bytes).ok_or(Refusal::Unknown)?;
    let bytes = json(bytes);
    match format {
        Format::OpenVex => openvex::read(bytes),
        Format::Csaf => csaf::read(bytes),
        Format::CycloneDx => cyclonedx::read(bytes),
    }
}

/// Some tools begin JSON with a byte order mark.
fn json(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

fn form(error: &serde_json::Error) -> Refusal {
    Refusal::Form(error.to_string())
}
