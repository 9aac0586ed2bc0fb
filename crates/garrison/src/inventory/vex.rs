//! VEX documents that lie beside an image in its registry: as themselves, or as the predicate of an in-toto statement.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use images::{Image, Source as Place};
use oci::Digest;
use serde_json::Value;

use super::{Reader, registry};
use crate::error::{CommandError, Kind};

/// The artifact types under which VEX lies beside images.
const VEX_TYPES: [&str; 9] = [
    "application/vnd.openvex+json",
    "application/openvex+json",
    "application/vnd.csaf+json",
    "application/csaf+json",
    "application/vnd.cyclonedx+json",
    "application/vnd.in-toto+json",
    "application/vnd.dsse.envelope.v1+json",
    "application/vnd.dev.sigstore.bundle.v0.3+json",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
];

/// The predicate types of statements that are VEX.
const PREDICATE_TYPES: [&str; 4] = [
    "https://openvex.dev/ns",
    "https://cyclonedx.org/vex",
    "https://cyclonedx.org/bom",
    "https://docs.oasis-open.org/csaf",
];

impl Reader {
    /// Fetches the VEX documents beside an image. No signature is verified: who may push beside it is believed.
    pub(crate) fn vex_beside(&self, place: &Place) -> Result<Vec<(Digest, Vec<u8>)>, CommandError> {
        let Place::Registry(reference) = place else {
            return Err(CommandError::new(Kind::Usage, "`--vex referrers` is for an image in a registry")
                .hint("name the documents as files: `--vex FILE`"));
        };
        let options = registry::options(reference, &self.access, &|text| self.note(text))?;
        let image = Image::fetch(reference, options, self.platform.as_ref())?;
        let beside =
            image.fetch_beside(|artifact_type| VEX_TYPES.contains(&artifact_type), vex::DOCUMENT_BYTES_MAX as u64)?;
        Ok(beside.into_iter().filter_map(|found| Some((found.digest, document(found.bytes)?))).collect())
    }
}

/// Returns the VEX document that an artifact is, or holds. None, where it holds something else.
fn document(bytes: Vec<u8>) -> Option<Vec<u8>> {
    let Ok(value) = serde_json::from_slice::<Value>(&bytes) else { return Some(bytes) };
    let Some(statement) = statement(&value) else { return Some(bytes) };
    let predicate_type = statement["predicateType"].as_str()?;
    if !PREDICATE_TYPES.iter().any(|known| predicate_type.starts_with(known)) {
        return None;
    }
    serde_json::to_vec(&statement["predicate"]).ok()
}

/// Returns an in-toto statement: as it is, in a DSSE envelope, or in a bundle of Sigstore around one.
fn statement(value: &Value) -> Option<Value> {
    let envelope = if value["dsseEnvelope"].is_object() { &value["dsseEnvelope"] } else { value };
    if let Some(payload) = envelope["payload"].as_str() {
        let bytes = STANDARD.decode(payload).ok()?;
        return serde_json::from_slice(&bytes).ok();
    }
    value["predicateType"].is_string().then(|| value.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_taken_out_of_what_is_around_it() {
        let openvex = json!({"@context": "https://openvex.dev/ns/v0.2.0"});
        let statement = |predicate_type: &str| json!({"predicateType": predicate_type, "predicate": openvex});
        let envelope = |statement: &Value| json!({"payload": STANDARD.encode(statement.to_string()), "signatures": []});
        let vex = statement("https://openvex.dev/ns/v0.2.0");
        for (value, expected) in [
            (openvex.clone(), Some(openvex.clone())),
            (vex.clone(), Some(openvex.clone())),
            (envelope(&vex), Some(openvex.clone())),
            (json!({"dsseEnvelope": envelope(&vex), "verificationMaterial": {}}), Some(openvex.clone())),
            (statement("https://slsa.dev/provenance/v1"), None),
            (envelope(&statement("https://slsa.dev/provenance/v1")), None),
        ] {
            let found = document(value.to_string().into_bytes());
            let found: Option<Value> = found.map(|bytes| serde_json::from_slice(&bytes).unwrap());
            assert_eq!(found, expected, "{value}");
        }
        assert_eq!(document(b"{".to_vec()).as_deref(), Some(&b"{"[..]), "its reader says what is wrong with it");
    }
}
