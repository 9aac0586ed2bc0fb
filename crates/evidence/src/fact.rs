use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use oci::Digest;
use serde::{Deserialize, Serialize};

use crate::Claim;

/// The version of the canonical encoding that is written.
const ENCODING_VERSION: u32 = 1;

/// The longest encoding that is read: a claim is a few numbers and names.
const ENCODING_BYTES_MAX: usize = 64 * 1024;

/// For whom a fact counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// What the hub computed from the bytes alone: it counts wherever the digest is.
    Content,
    /// What someone asserted in one repository, by the repository's number: it counts there alone.
    Repository(i64),
    /// What someone asserted for all repositories of a project, by the project's number.
    Project(i64),
    /// What someone asserted for all repositories of a hub.
    Hub,
}

impl Scope {
    /// Returns the number that it is kept and found by, which no other has. Repositories and projects are numbered from 1.
    pub fn number(self) -> i64 {
        match self {
            Self::Content => 0,
            Self::Repository(number) => number,
            Self::Project(number) => -number,
            Self::Hub => i64::MIN,
        }
    }
}

/// One statement about a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// For whom it counts.
    pub scope: Scope,
    /// The manifest or file that it is about.
    pub subject: Digest,
    /// What it states.
    pub claim: Claim,
    /// Who states it.
    pub producer: String,
    /// When it was observed, in microseconds since 1970-01-01 UTC.
    pub observed_at_us: i64,
    /// From when it counts no more, in microseconds since 1970-01-01 UTC.
    pub expires_at_us: Option<i64>,
    /// The manifest of the raw evidence.
    pub source: Option<Digest>,
    /// The fact that it takes back.
    pub withdraws: Option<FactId>,
}

/// The name of a fact: the SHA-256 of its canonical encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FactId([u8; 32]);

/// What two facts have in common of which only the newer holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// For whom they count.
    pub scope: Scope,
    /// What they are about.
    pub subject: Digest,
    /// What kind of claim they make.
    pub claim: &'static str,
    /// What keeps different evidence of that kind apart.
    pub evidence: String,
    /// Who states them.
    pub producer: String,
}

/// Why bytes are not a fact.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// More bytes than any fact has.
    #[error("a fact of {actual} bytes is refused, the limit is {ENCODING_BYTES_MAX}")]
    TooLong {
        /// How many.
        actual: usize,
    },
    /// Another encoding than this program knows.
    #[error("the fact is in encoding {0}, this Garrison knows up to {ENCODING_VERSION}")]
    Version(u32),
    /// Not an encoding at all.
    #[error("the bytes are no fact")]
    Syntax(#[source] serde_json::Error),
    /// An encoding that is not the canonical one, so that its name would not be the fact's.
    #[error("the fact is not in its canonical encoding")]
    NotCanonical,
}

/// Version 1: JSON without white space, the keys in the order of their letters, numbers whole, absent as `null`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Encoded {
    claim: Claim,
    encoding: u32,
    expires_at_us: Option<i64>,
    observed_at_us: i64,
    producer: String,
    scope: Scope,
    source: Option<Digest>,
    subject: Digest,
    withdraws: Option<String>,
}

impl Fact {
    /// Returns the canonical encoding.
    pub fn encode(&self) -> Vec<u8> {
        let encoded = Encoded {
            claim: self.claim.clone(),
            encoding: ENCODING_VERSION,
            expires_at_us: self.expires_at_us,
            observed_at_us: self.observed_at_us,
            producer: self.producer.clone(),
            scope: self.scope,
            source: self.source,
            subject: self.subject,
            withdraws: self.withdraws.map(|id| id.to_string()),
        };
        serde_json::to_vec(&encoded).expect("texts and whole numbers have a spelling in JSON")
    }

    /// Reads a canonical encoding.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct Versioned {
            encoding: u32,
        }
        if bytes.len() > ENCODING_BYTES_MAX {
            return Err(DecodeError::TooLong { actual: bytes.len() });
        }
        let Versioned { encoding } = serde_json::from_slice(bytes).map_err(DecodeError::Syntax)?;
        if encoding != ENCODING_VERSION {
            return Err(DecodeError::Version(encoding));
        }
        let encoded: Encoded = serde_json::from_slice(bytes).map_err(DecodeError::Syntax)?;
        let withdraws =
            encoded.withdraws.map(|text| FactId::parse(&text).ok_or(DecodeError::NotCanonical)).transpose()?;
        let fact = Self {
            scope: encoded.scope,
            subject: encoded.subject,
            claim: encoded.claim,
            producer: encoded.producer,
            observed_at_us: encoded.observed_at_us,
            expires_at_us: encoded.expires_at_us,
            source: encoded.source,
            withdraws,
        };
        if fact.encode() == bytes { Ok(fact) } else { Err(DecodeError::NotCanonical) }
    }

    /// Returns its name.
    pub fn id(&self) -> FactId {
        let hash = digest(&SHA256, &self.encode());
        FactId(hash.as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }

    /// Returns what it has in common with the facts that it replaces.
    pub fn key(&self) -> Key {
        Key {
            scope: self.scope,
            subject: self.subject,
            claim: self.claim.kind(),
            evidence: self.evidence(),
            producer: self.producer.clone(),
        }
    }

    /// Returns what keeps it apart from other evidence of its kind.
    fn evidence(&self) -> String {
        match (&self.claim, self.source) {
            // Several that refer to one image may have one name, or none.
            (Claim::Vex(_), Some(source)) => source.to_string(),
            (claim, _) => claim.key().to_owned(),
        }
    }
}

impl FactId {
    /// Returns its 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for FactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Returns the facts that hold at a time: of each key the newest, unless it has expired, or was withdrawn by a fact of the
/// same producer and scope.
pub fn holding(facts: impl IntoIterator<Item = Fact>, now_us: i64) -> Vec<Fact> {
    let facts: Vec<Fact> = facts.into_iter().collect();
    let withdrawn: Vec<(FactId, Scope, &str)> =
        facts.iter().filter_map(|fact| Some((fact.withdraws?, fact.scope, &*fact.producer))).collect();
    let mut newest: BTreeMap<Key, (i64, FactId, &Fact)> = BTreeMap::new();
    for fact in &facts {
        let candidate = (fact.observed_at_us, fact.id(), fact);
        let place = newest.entry(fact.key()).or_insert(candidate);
        if (candidate.0, candidate.1) > (place.0, place.1) {
            *place = candidate;
        }
    }
    let holds = |(_, id, fact): &(i64, FactId, &Fact)| {
        fact.expires_at_us.is_none_or(|expires_at_us| now_us < expires_at_us)
            && !withdrawn.contains(&(*id, fact.scope, &*fact.producer))
    };
    newest.into_values().filter(holds).map(|(_, _, fact)| fact.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Exempted, Sbom, Scan, Vex, VexTrust};

    fn fact(at_us: i64) -> Fact {
        let hex = "9f".repeat(32);
        Fact {
            scope: Scope::Content,
            subject: format!("sha256:{hex}").parse().unwrap(),
            claim: Claim::Sbom(Sbom {
                components: 212,
                engine: "abc".to_owned(),
                inventory_sha256: "00".repeat(32),
                tool: "garrison".to_owned(),
                unknowns: 1,
            }),
            producer: "hub".to_owned(),
            observed_at_us: at_us,
            expires_at_us: None,
            source: None,
            withdraws: None,
        }
    }

    #[test]
    fn version_1_is_as_it_was_written() {
        let golden = include_bytes!("../tests/golden/sbom-1.json").trim_ascii_end();
        let id = include_str!("../tests/golden/sbom-1.id").trim_ascii_end();
        let fact = Fact {
            scope: Scope::Repository(7),
            expires_at_us: Some(9),
            source: Some(fact(0).subject),
            withdraws: Some(fact(1).id()),
            ..fact(1_764_000_000_000_000)
        };
        assert_eq!(String::from_utf8_lossy(&fact.encode()), String::from_utf8_lossy(golden));
        assert_eq!(fact.id().to_string(), id);
        assert_eq!(Fact::decode(golden).unwrap(), fact);
    }

    #[test]
    fn an_exception_is_as_it_was_written() {
        let golden = include_bytes!("../tests/golden/exempted-1.json").trim_ascii_end();
        let id = include_str!("../tests/golden/exempted-1.id").trim_ascii_end();
        let fact = Fact {
            scope: Scope::Project(3),
            claim: Claim::Exempted(Exempted {
                begins_at_us: 1_763_000_000_000_000,
                id: "openssl-2026".to_owned(),
                owner: "team-a@example.com".to_owned(),
                reason: "not reached".to_owned(),
            }),
            producer: "user:ann".to_owned(),
            expires_at_us: Some(1_780_000_000_000_000),
            ..fact(1_764_000_000_000_000)
        };
        assert_eq!(String::from_utf8_lossy(&fact.encode()), String::from_utf8_lossy(golden));
        assert_eq!(fact.id().to_string(), id);
        assert_eq!(Fact::decode(golden).unwrap(), fact);
        let hub = Fact { scope: Scope::Hub, ..fact };
        assert_eq!(Fact::decode(&hub.encode()).unwrap(), hub);
    }

    #[test]
    fn a_vex_document_is_as_it_was_written() {
        let golden = include_bytes!("../tests/golden/vex-1.json").trim_ascii_end();
        let id = include_str!("../tests/golden/vex-1.id").trim_ascii_end();
        let fact = Fact {
            scope: Scope::Hub,
            claim: Claim::Vex(Vex {
                author: "Vendor".to_owned(),
                document: "https://vendor.example/vex/1".to_owned(),
                format: "openvex".to_owned(),
                statements: 3,
            }),
            ..fact(1_764_000_000_000_000)
        };
        assert_eq!(String::from_utf8_lossy(&fact.encode()), String::from_utf8_lossy(golden));
        assert_eq!(fact.id().to_string(), id);
        assert_eq!(Fact::decode(golden).unwrap(), fact);
    }

    #[test]
    fn whose_vex_counts_is_as_it_was_written() {
        let golden = include_bytes!("../tests/golden/vex-trust-1.json").trim_ascii_end();
        let id = include_str!("../tests/golden/vex-trust-1.id").trim_ascii_end();
        let fact = Fact {
            scope: Scope::Hub,
            claim: Claim::VexTrust(VexTrust {
                authors: 2,
                others_count: false,
                pushers: 1,
                set_by: "user:ann".to_owned(),
            }),
            ..fact(1_764_000_000_000_000)
        };
        assert_eq!(String::from_utf8_lossy(&fact.encode()), String::from_utf8_lossy(golden));
        assert_eq!(fact.id().to_string(), id);
        assert_eq!(Fact::decode(golden).unwrap(), fact);
    }

    #[test]
    fn a_scan_is_as_it_was_written() {
        let golden = include_bytes!("../tests/golden/scan-1.json").trim_ascii_end();
        let id = include_str!("../tests/golden/scan-1.id").trim_ascii_end();
        let fact = Fact {
            claim: Claim::Scan(Scan {
                critical: 1,
                database_sha256: "11".repeat(32),
                findings_sha256: "22".repeat(32),
                high: 2,
                low: 3,
                matcher: 4,
                medium: 5,
                negligible: 6,
                suppressed: 7,
                tool: "garrison".to_owned(),
                unknown: 8,
            }),
            ..fact(1_764_000_000_000_000)
        };
        assert_eq!(String::from_utf8_lossy(&fact.encode()), String::from_utf8_lossy(golden));
        assert_eq!(fact.id().to_string(), id);
        assert_eq!(Fact::decode(golden).unwrap(), fact);
    }

    #[test]
    fn scopes_have_numbers_of_their_own() {
        let scopes = [Scope::Content, Scope::Repository(1), Scope::Project(1), Scope::Repository(7), Scope::Hub];
        assert_eq!(scopes.map(Scope::number), [0, 1, -1, 7, i64::MIN]);
    }

    #[track_caller]
    fn refused(bytes: &[u8], expected: &str) {
        assert_eq!(Fact::decode(bytes).unwrap_err().to_string(), expected);
    }

    #[test]
    fn what_is_not_canonical_is_no_fact() {
        let text = String::from_utf8(fact(1).encode()).unwrap();
        refused(b"", "the bytes are no fact");
        refused(b"{}", "the bytes are no fact");
        refused(br#"{"encoding":2}"#, "the fact is in encoding 2, this Garrison knows up to 1");
        refused(text.replace(':', ": ").as_bytes(), "the bytes are no fact");
        refused(format!("{text} ").as_bytes(), "the fact is not in its canonical encoding");
        refused(
            text.replace("\"withdraws\":null", "\"withdraws\":\"0G\"").as_bytes(),
            "the fact is not in its canonical encoding",
        );
        refused(
            text.replace("\"scope\":\"content\"", "\"scope\":\"content\",\"x\":1").as_bytes(),
            "the bytes are no fact",
        );
        let long = |bytes: usize| {
            let spare = bytes - fact(1).encode().len() + "hub".len();
            Fact { producer: "h".repeat(spare), ..fact(1) }.encode()
        };
        assert!(Fact::decode(&long(ENCODING_BYTES_MAX)).is_ok());
        refused(&long(ENCODING_BYTES_MAX + 1), "a fact of 65537 bytes is refused, the limit is 65536");
    }

    #[track_caller]
    fn check(facts: &[Fact], now_us: i64, expected: &[i64]) {
        let found: Vec<i64> = holding(facts.to_vec(), now_us).iter().map(|fact| fact.observed_at_us).collect();
        assert_eq!(found, expected);
        let reversed = facts.iter().rev().cloned();
        assert_eq!(holding(reversed, now_us).len(), expected.len());
    }

    #[test]
    fn vex_documents_of_one_name_are_kept_apart_by_what_refers() {
        let vex = |source: Option<u8>, at_us| Fact {
            claim: Claim::Vex(Vex {
                author: "Vendor".to_owned(),
                document: String::new(),
                format: "openvex".to_owned(),
                statements: 3,
            }),
            source: source.map(|byte| format!("sha256:{}", format!("{byte:02x}").repeat(32)).parse().unwrap()),
            ..fact(at_us)
        };
        let withdrawal = |of: Fact, at_us| Fact {
            withdraws: Some(of.id()),
            observed_at_us: at_us,
            expires_at_us: Some(at_us),
            ..of
        };
        check(&[vex(Some(1), 1), vex(Some(2), 2)], 10, &[1, 2]);
        check(&[vex(Some(1), 1), vex(Some(1), 2)], 10, &[2]);
        check(&[vex(Some(1), 1), vex(Some(2), 2), withdrawal(vex(Some(2), 2), 3)], 10, &[1]);
        check(&[vex(None, 1), vex(None, 2)], 10, &[2]);
    }

    #[test]
    fn of_one_key_the_newest_holds() {
        let here = |at_us| Fact { scope: Scope::Repository(1), ..fact(at_us) };
        let withdrawal = |of: &Fact| Fact { withdraws: Some(of.id()), ..fact(9) };
        check(&[], 10, &[]);
        check(&[fact(1), fact(2)], 10, &[2]);
        check(&[fact(2), here(1)], 10, &[2, 1]);
        check(&[Fact { expires_at_us: Some(10), ..fact(2) }], 9, &[2]);
        check(&[Fact { expires_at_us: Some(10), ..fact(2) }], 10, &[]);
        // An older fact does not come back when a newer one expires.
        check(&[fact(1), Fact { expires_at_us: Some(10), ..fact(2) }], 10, &[]);
        let other = Fact { producer: "ci".to_owned(), ..fact(3) };
        check(&[other.clone(), withdrawal(&other)], 10, &[3, 9]);
        check(
            &[other.clone(), Fact { producer: "ci".to_owned(), withdraws: Some(other.id()), ..here(4) }],
            10,
            &[3, 4],
        );
    }
}
