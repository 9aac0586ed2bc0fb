//! Signed text: C2SP `signed-note` with Ed25519 signatures.

use std::{fmt, str::FromStr, sync::Arc};

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use base64::{Engine, engine::general_purpose::STANDARD};

/// Longest accepted note. A checkpoint with a hundred cosignatures has about 20 KiB.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;
/// Most signature lines of a note: far more than a log has witnesses, few enough to check all.
pub const SIGNATURES_MAX: usize = 100;
/// Longest key name. Names are schema-less URLs, as origins are.
pub const NAME_BYTES_MAX: usize = 512;

/// Signature type of Ed25519 in key identifiers.
const ED25519_TYPE: u8 = 1;
const KEY_ID_BYTES: usize = 4;

/// The public half of a note key. Prints and parses as a C2SP verifier key, `name+hash+key`.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    public: [u8; 32],
}

/// Why text is not a [`VerifierKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifierKeyError {
    /// Empty, too long, or with a space or plus sign.
    #[error("a key name has 1 to {NAME_BYTES_MAX} bytes without spaces, plus signs and control characters")]
    Name,
    /// Not `name+hash+key`.
    #[error("a verifier key is written name+hash+key")]
    Form,
    /// Not an Ed25519 key.
    #[error("the key is not an Ed25519 key")]
    Algorithm,
    /// The hash is not the one of name and key.
    #[error("the key's hash does not match its name and bytes")]
    KeyId,
}

/// What signs notes: a verifier key and the function that holds the private half.
#[derive(Clone)]
pub struct Signer {
    key: VerifierKey,
    sign: Arc<SignFunction>,
}

type SignFunction = dyn Fn(&[u8]) -> [u8; 64] + Send + Sync;

/// A text with the signatures under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: String,
    key_id: [u8; KEY_ID_BYTES],
    signature: Vec<u8>,
}

/// Why a note is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Longer than [`NOTE_BYTES_MAX`].
    #[error("note has {actual} bytes, the limit is {NOTE_BYTES_MAX}")]
    TooLong {
        /// Its length.
        actual: usize,
    },
    /// More signatures than [`SIGNATURES_MAX`].
    #[error("note has more than {SIGNATURES_MAX} signatures")]
    TooManySignatures,
    /// No text, a control character, or no line feed at its end.
    #[error("a note's text is whole lines without control characters")]
    Text,
    /// Nothing after the empty line, or no empty line.
    #[error("note has no signature")]
    Unsigned,
    /// Not `— name base64`.
    #[error("signature line {line} of the note is malformed")]
    SignatureLine {
        /// Counted from one.
        line: usize,
    },
    /// A known key's signature is not of this text.
    #[error("the signature by `{name}` is not of this text")]
    BadSignature {
        /// The key's name.
        name: String,
    },
    /// None of the keys that are trusted has signed.
    #[error("note is signed by none of the trusted keys, but by {}", .names.join(", "))]
    UnknownKeys {
        /// Who has signed: name and key id.
        names: Vec<String>,
    },
}

impl VerifierKey {
    /// Returns the key of this name.
    pub fn new(name: &str, public: [u8; 32]) -> Result<Self, VerifierKeyError> {
        check_name(name)?;
        Ok(Self { name: name.to_owned(), public })
    }

    /// Returns the key's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the raw Ed25519 public key.
    pub fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// Returns the first four bytes of SHA-256 over name, line feed, signature type and key.
    pub fn key_id(&self) -> [u8; 4] {
        let mut hashed = Vec::with_capacity(self.name.len() + 34);
        hashed.extend_from_slice(self.name.as_bytes());
        hashed.extend_from_slice(&[b'\n', ED25519_TYPE]);
        hashed.extend_from_slice(&self.public);
        let hash = digest(&SHA256, &hashed);
        hash.as_ref()[..KEY_ID_BYTES].try_into().expect("SHA-256 gives 32 bytes")
    }

    fn verifies(&self, text: &str, signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.public).verify(text.as_bytes(), signature).is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut typed = [ED25519_TYPE; 33];
        typed[1..].copy_from_slice(&self.public);
        write!(f, "{}+{}+{}", self.name, hex::encode(self.key_id()), STANDARD.encode(typed))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

impl FromStr for VerifierKey {
    type Err = VerifierKeyError;

    fn from_str(text: &str) -> Result<Self, VerifierKeyError> {
        // Base64 has plus signs too, so only the first two separate.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(VerifierKeyError::Form);
        };
        let typed = STANDARD.decode(key).map_err(|_| VerifierKeyError::Form)?;
        let Some((&ED25519_TYPE, public)) = typed.split_first() else { return Err(VerifierKeyError::Algorithm) };
        let key = Self::new(name, public.try_into().map_err(|_| VerifierKeyError::Algorithm)?)?;
        if id == hex::encode(key.key_id()) { Ok(key) } else { Err(VerifierKeyError::KeyId) }
    }
}

impl Signer {
    /// Returns a signer whose private key is behind `sign`, which must sign with `key`'s private half.
    pub fn new(key: VerifierKey, sign: impl Fn(&[u8]) -> [u8; 64] + Send + Sync + 'static) -> Self {
        Self { key, sign: Arc::new(sign) }
    }

    /// Returns a signer from an Ed25519 private key in PKCS#8 form.
    pub fn from_pkcs8(name: &str, pkcs8: &[u8]) -> Result<Self, VerifierKeyError> {
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| VerifierKeyError::Algorithm)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| VerifierKeyError::Algorithm)?;
        let sign = move |message: &[u8]| -> [u8; 64] {
            pair.sign(message).as_ref().try_into().expect("an Ed25519 signature has 64 bytes")
        };
        Ok(Self::new(VerifierKey::new(name, public)?, sign))
    }

    /// Returns the public half.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.key)
    }
}

impl Note {
    /// Signs `text`, which ends with a line feed.
    pub fn sign(text: &str, signer: &Signer) -> Result<Self, NoteError> {
        check_text(text)?;
        let signature = NoteSignature {
            name: signer.key.name.clone(),
            key_id: signer.key.key_id(),
            signature: (signer.sign)(text.as_bytes()).to_vec(),
        };
        let note = Self { text: text.to_owned(), signatures: vec![signature] };
        match note.to_string().len() {
            actual if actual > NOTE_BYTES_MAX => Err(NoteError::TooLong { actual }),
            _ => Ok(note),
        }
    }

    /// Parses a note; says nothing yet of its signatures.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong { actual: note.len() });
        }
        // The text may have empty lines of its own: the last one separates.
        let separator = note.rfind("\n\n").ok_or(NoteError::Unsigned)?;
        let (text, signatures) = (&note[..=separator], &note[separator + 2..]);
        check_text(text)?;
        let lines = signatures.strip_suffix('\n').ok_or(NoteError::Unsigned)?;
        let signatures = lines
            .split('\n')
            .enumerate()
            .take(SIGNATURES_MAX + 1)
            .map(|(index, line)| parse_signature(line).ok_or(NoteError::SignatureLine { line: index + 1 }))
            .collect::<Result<Vec<_>, _>>()?;
        if signatures.len() > SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures);
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// Returns the text that is signed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the signature lines.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Returns those of `keys` that have signed. Signatures by other keys count for nothing; a wrong signature by one
    /// of these keys, or none by any, is an error.
    pub fn verify<'k>(&self, keys: &'k [VerifierKey]) -> Result<Vec<&'k VerifierKey>, NoteError> {
        let mut signed: Vec<&VerifierKey> = Vec::new();
        for line in &self.signatures {
            let known = keys.iter().find(|key| key.name == line.name && key.key_id() == line.key_id);
            let Some(key) = known else { continue };
            if !key.verifies(&self.text, &line.signature) {
                return Err(NoteError::BadSignature { name: line.name.clone() });
            }
            if !signed.contains(&key) {
                signed.push(key);
            }
        }
        if signed.is_empty() {
            return Err(NoteError::UnknownKeys { names: self.signatures.iter().map(NoteSignature::label).collect() });
        }
        Ok(signed)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl NoteSignature {
    /// Returns the name of the key that is said to have signed.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the identifier of that key.
    pub fn key_id(&self) -> [u8; 4] {
        self.key_id
    }

    fn label(&self) -> String {
        format!("`{}` ({})", self.name, hex::encode(self.key_id))
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.key_id[..], &self.signature[..]].concat();
        write!(f, "\u{2014} {} {}", self.name, STANDARD.encode(bytes))
    }
}

fn parse_signature(line: &str) -> Option<NoteSignature> {
    let (name, encoded) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    check_name(name).ok()?;
    let bytes = STANDARD.decode(encoded).ok()?;
    let (key_id, signature) = bytes.split_first_chunk::<KEY_ID_BYTES>()?;
    if signature.is_empty() {
        return None;
    }
    Some(NoteSignature { name: name.to_owned(), key_id: *key_id, signature: signature.to_vec() })
}

fn check_name(name: &str) -> Result<(), VerifierKeyError> {
    let refused = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    let fits = (1..=NAME_BYTES_MAX).contains(&name.len());
    if fits && !name.contains(refused) { Ok(()) } else { Err(VerifierKeyError::Name) }
}

fn check_text(text: &str) -> Result<(), NoteError> {
    let refused = |c: char| c.is_ascii_control() && c != '\n';
    if text.len() > 1 && text.ends_with('\n') && !text.contains(refused) { Ok(()) } else { Err(NoteError::Text) }
}
