//! VEX documents as they lie beside images: as themselves, or as the predicate of an in-toto statement (in-toto attestation framework,
//! "Statement"), which may be in a DSSE envelope, which may be in a bundle of Sigstore.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The predicate types of statements that are VEX.
const PREDICATE_TYPES: [&str; 4] = [
    "https://openvex.dev/ns",
    "https://cyclonedx.org/vex",
    "https://cyclonedx.org/bom",
    "https://docs.oasis-open.org/csaf",
];

/// What is around a document, or the document itself. What is in its other fields is nobody's business here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Around<'a> {
    #[serde(borrow, default)]
    dsse_envelope: Option<Envelope<'a>>,
    #[serde(borrow, default)]
    payload: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    predicate_type: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    predicate: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    payload: Cow<'a, str>,
}

/// Returns the VEX document that an artifact is, or holds. None, where it holds something else. No signature is verified.
pub fn enclosed(bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    // What is none of these forms its reader tells what is wrong with.
    let Some(around) = parse(bytes) else { return Some(Cow::Borrowed(bytes)) };
    let payload = around.dsse_envelope.map(|envelope| envelope.payload).or(around.payload);
    let Some(payload) = payload else {
        return match around.predicate_type {
            None => Some(Cow::Borrowed(bytes)),
            Some(predicate_type) => predicate(&predicate_type, around.predicate?).map(Cow::Borrowed),
        };
    };
    let statement = STANDARD.decode(payload.as_bytes()).ok()?;
    let around = parse(&statement)?;
    predicate(&around.predicate_type?, around.predicate?).map(|document| Cow::Owned(document.to_vec()))
}

/// What nobody asks for is skipped without a look at its bytes, which must be UTF-8 too.
fn parse(bytes: &[u8]) -> Option<Around<'_>> {
    serde_json::from_str(std::str::from_utf8(bytes).ok()?).ok()
}

fn predicate<'a>(predicate_type: &str, predicate: &'a RawValue) -> Option<&'a [u8]> {
    let is_vex = PREDICATE_TYPES.iter().any(|known| predicate_type.starts_with(known));
    is_vex.then(|| predicate.get().as_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_document_is_taken_out_of_what_is_around_it() {
        let openvex = json!({"@context": "https://openvex.dev/ns/v0.2.0"});
        let statement = |predicate_type: &str| json!({"predicateType": predicate_type, "predicate": openvex});
        let envelope = |statement: &Value| json!({"payload": STANDARD.encode(statement.to_string()), "signatures": []});
        let bundle = |envelope: &Value| json!({"dsseEnvelope": envelope, "verificationMaterial": {}});
        let (vex, other) = (statement("https://openvex.dev/ns/v0.2.0"), statement("https://slsa.dev/provenance/v1"));
        for (value, expected) in [
            (openvex.clone(), Some(openvex.clone())),
            (vex.clone(), Some(openvex.clone())),
            (envelope(&vex), Some(openvex.clone())),
            (bundle(&envelope(&vex)), Some(openvex.clone())),
            (statement("https://cyclonedx.org/bom/v1.6"), Some(openvex.clone())),
            (other.clone(), None),
            (envelope(&other), None),
            (bundle(&envelope(&other)), None),
            // An envelope in an envelope is none of the forms.
            (envelope(&envelope(&vex)), None),
            (json!({"payload": "no base64!"}), None),
            (json!({"predicateType": "https://openvex.dev/ns/v0.2.0"}), None),
            (json!({"messageSignature": {}}), Some(json!({"messageSignature": {}}))),
        ] {
            let text = value.to_string();
            let found: Option<Value> = enclosed(text.as_bytes()).map(|bytes| serde_json::from_slice(&bytes).unwrap());
            assert_eq!(found, expected, "{value}");
        }
    }

    #[test]
    fn what_is_no_json_is_left_to_its_reader() {
        let deep = format!("{{\"predicateType\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        for text in ["{", "", "[]", "\u{feff}{}", "{\"payload\": {}}", &deep] {
            assert_eq!(enclosed(text.as_bytes()).as_deref(), Some(text.as_bytes()));
        }
        let deep = format!(
            "{{\"predicateType\": \"https://openvex.dev/ns\", \"predicate\": {}1{}}}",
            "[".repeat(5_000),
            "]".repeat(5_000)
        );
        assert!(enclosed(deep.as_bytes()).is_none_or(|document| crate::read(&document).is_err()));
    }

    /// Also in what nobody asks for: JSON is UTF-8 (RFC 8259, section 8.1).
    #[test]
    fn what_is_no_json_is_given_as_it_is() {
        let statement = br#"{"_type": "?", "predicateType": "https://openvex.dev/ns/v0.2.0", "predicate": {}}"#;
        assert_eq!(enclosed(statement).as_deref(), Some(&b"{}"[..]));
        let mut wrong = statement.to_vec();
        wrong[11] = 0xff;
        assert_eq!(enclosed(&wrong).as_deref(), Some(wrong.as_slice()));
        let envelope = format!("{{\"payload\": \"{}\"}}", STANDARD.encode(&wrong));
        assert_eq!(enclosed(envelope.as_bytes()), None);
    }
}
