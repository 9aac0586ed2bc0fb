//! Documents that are the predicate of a statement (in-toto attestation framework, "Statement"), which may be in a DSSE envelope, which may be in a
//! bundle of Sigstore. No signature is verified.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oci::Digest;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The predicates that are documents, with a version after them or without.
const DOCUMENTS: [&str; 2] = ["https://spdx.dev/Document", "https://cyclonedx.org/bom"];

/// Subjects of a statement. Builders write one for each name of an image.
pub const SUBJECTS_MAX: usize = 1_000;

/// Characters of a predicate's type in an error.
const TYPE_CHARS_MAX: usize = 200;

/// Why there is no document in a statement.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// It is no statement.
    #[error("failed to read the statement as JSON")]
    Json(#[from] serde_json::Error),
    /// What is in the envelope is no base64.
    #[error("failed to read the payload of the envelope")]
    Payload(#[from] base64::DecodeError),
    /// It says something else.
    #[error("it is a statement of type `{0}`, and no SBOM")]
    Other(String),
    /// It is about something else.
    #[error("it is a statement about something else")]
    Subject,
}

/// Returns whether a predicate of this type is a document.
pub fn is_document_predicate(predicate_type: &str) -> bool {
    let rest = DOCUMENTS.iter().find_map(|known| predicate_type.strip_prefix(known));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Takes a statement out of the envelope that it may be in, and that out of the bundle that it may be in.
///
/// # Errors
/// When the envelope holds no base64.
pub fn open_envelope(bytes: Vec<u8>) -> Result<Vec<u8>, StatementError> {
    Ok(payload(&bytes)?.unwrap_or(bytes))
}

/// Returns what an envelope holds; nothing for what is none.
fn payload(bytes: &[u8]) -> Result<Option<Vec<u8>>, StatementError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Around<'a> {
        #[serde(borrow, default)]
        dsse_envelope: Option<Envelope<'a>>,
        #[serde(borrow, default)]
        payload: Option<Cow<'a, str>>,
    }
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow)]
        payload: Cow<'a, str>,
    }
    let payload = match from_json::<Around<'_>>(bytes) {
        Ok(around) => around.dsse_envelope.map(|envelope| envelope.payload).or(around.payload),
        // What is none of these forms its reader tells what is wrong with.
        Err(_) => None,
    };
    Ok(payload.map(|payload| STANDARD.decode(payload.as_bytes())).transpose()?)
}

/// A statement, as far as it matters here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement<'a> {
    #[serde(default)]
    subject: Option<Subjects>,
    #[serde(borrow)]
    predicate_type: Cow<'a, str>,
    #[serde(borrow)]
    predicate: &'a RawValue,
}

impl<'a> Statement<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, StatementError> {
        let statement: Self = from_json(bytes)?;
        if !is_document_predicate(&statement.predicate_type) {
            return Err(StatementError::Other(statement.predicate_type.chars().take(TYPE_CHARS_MAX).collect()));
        }
        Ok(statement)
    }
}

/// Returns the document that a statement makes about a thing. One that names no thing at all is about what it lies beside.
///
/// # Errors
/// When it is no statement, about something else, or says something else.
pub fn document_about(statement: &[u8], thing: Digest) -> Result<&[u8], StatementError> {
    let statement = Statement::parse(statement)?;
    let subjects = statement.subject.unwrap_or_default();
    if subjects.number > 0 && !subjects.digests.contains(&thing) {
        return Err(StatementError::Subject);
    }
    Ok(statement.predicate.get().as_bytes())
}

/// Returns the document that a statement makes, whatever it is about; the statement may be in an envelope, and that in a bundle.
///
/// # Errors
/// When it is no statement, or says something else.
pub fn document_in(text: &str) -> Result<Cow<'_, str>, StatementError> {
    let Some(statement) = payload(text.as_bytes())? else {
        return Ok(Cow::Borrowed(Statement::parse(text.as_bytes())?.predicate.get()));
    };
    Ok(Cow::Owned(Statement::parse(&statement)?.predicate.get().to_owned()))
}

/// What nobody asks for is skipped without a look at its bytes, which must be UTF-8 too.
fn from_json<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, serde_json::Error> {
    serde_json::from_str(std::str::from_utf8(bytes).map_err(serde_json::Error::custom)?)
}

/// What a statement is about, as far as it is named by digests that are known here.
#[derive(Default)]
struct Subjects {
    number: usize,
    digests: Vec<Digest>,
}

impl<'de> Deserialize<'de> for Subjects {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Subjects;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "at most {SUBJECTS_MAX} subjects")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Subjects, A::Error> {
                let mut subjects = Subjects::default();
                while let Some(Subject { digest }) = sequence.next_element()? {
                    subjects.number += 1;
                    if subjects.number > SUBJECTS_MAX {
                        return Err(A::Error::invalid_length(subjects.number, &self));
                    }
                    let named = [("sha256", digest.sha256), ("sha512", digest.sha512)];
                    let named = named.into_iter().filter_map(|(algorithm, hex)| Some(format!("{algorithm}:{}", hex?)));
                    subjects.digests.extend(named.filter_map(|digest| digest.parse::<Digest>().ok()));
                }
                Ok(subjects)
            }
        }
        deserializer.deserialize_seq(Each)
    }
}

#[derive(Deserialize)]
struct Subject<'a> {
    #[serde(borrow, default)]
    digest: Hashes<'a>,
}

#[derive(Deserialize, Default)]
struct Hashes<'a> {
    #[serde(borrow, default)]
    sha256: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    sha512: Option<Cow<'a, str>>,
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use serde_json::{Value, json};

    use super::*;

    fn digest(byte: &str) -> String {
        byte.repeat(32)
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let thing: Digest = format!("sha256:{}", digest("aa")).parse().unwrap();
        let found = open_envelope(text.as_bytes().to_vec()).and_then(|statement| {
            document_about(&statement, thing).map(|document| String::from_utf8(document.to_vec()).unwrap())
        });
        let found = found.unwrap_or_else(|error| match error.source() {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        });
        assert_eq!(found, expected, "{}", text.chars().take(300).collect::<String>());
    }

    fn statement(predicate_type: &str, subject: &Value) -> Value {
        json!({"predicateType": predicate_type, "predicate": {"a": 1}, "subject": subject})
    }

    fn envelope(statement: &Value) -> Value {
        json!({"payloadType": "application/vnd.in-toto+json", "payload": STANDARD.encode(statement.to_string()), "signatures": []})
    }

    #[test]
    fn a_document_is_taken_out_of_what_is_around_it() {
        let spdx = statement("https://spdx.dev/Document", &json!(null));
        let document = r#"{"a":1}"#;
        for value in [
            spdx.clone(),
            statement("https://spdx.dev/Document/v2.3", &json!([])),
            statement("https://cyclonedx.org/bom", &json!(null)),
            statement("https://cyclonedx.org/bom/v1.6", &json!(null)),
            envelope(&spdx),
            json!({"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "dsseEnvelope": envelope(&spdx)}),
        ] {
            check(&value.to_string(), document);
        }
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for other in ["https://slsa.dev/provenance/v1", "https://spdx.dev/Documents", "https://cyclonedx.org/vex", ""] {
            let expected = format!("it is a statement of type `{other}`, and no SBOM");
            check(&statement(other, &json!(null)).to_string(), &expected);
            check(&envelope(&statement(other, &json!(null))).to_string(), &expected);
        }
        let long = "x".repeat(TYPE_CHARS_MAX + 1);
        let told = format!("it is a statement of type `{}`, and no SBOM", &long[1..]);
        check(&statement(&long, &json!(null)).to_string(), &told);
        check(
            &json!({"payload": "no base64!"}).to_string(),
            "failed to read the payload of the envelope: Invalid symbol 32, offset 2.",
        );
        // An envelope in an envelope is none of the forms.
        let twice = envelope(&envelope(&statement("https://spdx.dev/Document", &json!(null))));
        check(
            &twice.to_string(),
            &format!(
                "failed to read the statement as JSON: missing field `predicateType` at line 1 column {}",
                envelope(&statement("https://spdx.dev/Document", &json!(null))).to_string().len()
            ),
        );
        check(
            r#"{"messageSignature": {}}"#,
            "failed to read the statement as JSON: missing field `predicateType` at line 1 column 24",
        );
        check("", "failed to read the statement as JSON: EOF while parsing a value at line 1 column 0");
        check(
            r#"{"predicateType": "https://spdx.dev/Document"}"#,
            "failed to read the statement as JSON: missing field `predicate` at line 1 column 46",
        );
    }

    #[test]
    fn a_statement_is_about_what_it_names() {
        let (aa, bb) = (digest("aa"), digest("bb"));
        let (document, other) = (r#"{"a":1}"#, "it is a statement about something else");
        for (subject, expected) in [
            (json!([{"name": "_", "digest": {"sha256": aa}}]), document),
            (json!([{"digest": {"sha256": bb}}, {"digest": {"sha256": aa}}]), document),
            (json!([{"digest": {"sha512": digest("cc").repeat(2), "sha256": aa, "gitCommit": "x"}}]), document),
            (json!([{"digest": {"sha256": bb}}]), other),
            (json!([{"digest": {"sha1": aa}}]), other),
            (json!([{"digest": {"sha512": aa}}]), other),
            (json!([{"digest": {"sha256": "aa"}}]), other),
            (json!([{"digest": {}}]), other),
            (json!([{"name": format!("sha256:{aa}")}]), other),
        ] {
            check(&statement("https://spdx.dev/Document", &subject).to_string(), expected);
        }
    }

    #[test]
    fn a_statement_has_a_largest_number_of_subjects() {
        let aa = json!({"digest": {"sha256": digest("aa")}});
        for number in [SUBJECTS_MAX - 1, SUBJECTS_MAX, SUBJECTS_MAX + 1] {
            let text = statement("https://spdx.dev/Document", &json!(vec![&aa; number])).to_string();
            let thing: Digest = format!("sha256:{}", digest("aa")).parse().unwrap();
            let found = document_about(text.as_bytes(), thing);
            assert_eq!(found.is_ok(), number <= SUBJECTS_MAX, "{number} {found:?}");
        }
    }

    /// Also in what nobody asks for: JSON is UTF-8 (RFC 8259, section 8.1).
    #[test]
    fn what_is_no_json_is_refused() {
        let thing: Digest = format!("sha256:{}", digest("aa")).parse().unwrap();
        let good = br#"{"_type": "?", "predicateType": "https://spdx.dev/Document", "predicate": {}}"#;
        assert_eq!(document_about(good, thing).unwrap(), b"{}");
        let mut wrong = good.to_vec();
        wrong[11] = 0xff;
        assert!(matches!(document_about(&wrong, thing), Err(StatementError::Json(_))));
        let mut envelope = br#"{"_type": "?", "payload": "e30="}"#.to_vec();
        assert_eq!(open_envelope(envelope.clone()).unwrap(), b"{}");
        envelope[11] = 0xff;
        assert_eq!(open_envelope(envelope.clone()).unwrap(), envelope);
    }

    #[test]
    fn nesting_ends_where_the_reader_of_json_does() {
        let deep = format!("{{\"subject\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(open_envelope(deep.clone().into_bytes()).is_ok_and(|bytes| bytes == deep.as_bytes()));
        let thing: Digest = format!("sha256:{}", digest("aa")).parse().unwrap();
        assert!(document_about(deep.as_bytes(), thing).is_err());
    }
}
