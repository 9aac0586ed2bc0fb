//! Keys that sign what the hub hands out.
//!
//! A key signs for [`KEY_SIGNS_SECONDS`] and verifies for [`KEY_VERIFIES_AFTER_SECONDS`] longer, so that rotation never refuses
//! a token that is still alive. The newest key that may sign does; its successor is made by whoever finds none or an old one.

use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use zeroize::Zeroizing;

use crate::secrets::sha256;

/// How long a key signs. A month bounds what a stolen key is good for, and is far above the life of any token.
pub const KEY_SIGNS_SECONDS: u64 = 30 * 24 * 3600;

/// How much longer it verifies: the longest life of a token, with as much again and more for clocks that differ.
pub const KEY_VERIFIES_AFTER_SECONDS: u64 = 3600;

const KEY_ID_CHARS: usize = 16;

/// Why a key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The bytes are no Ed25519 key in PKCS#8.
    #[error("the key is not an Ed25519 key in PKCS#8")]
    Malformed,
    /// A key could not be made.
    #[error("failed to make an Ed25519 key")]
    Generate,
}

/// The name of a key: the beginning of the SHA-256 of its public half, in hexadecimal. It names one key and no other.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(String);

impl KeyId {
    fn of(public: &[u8; 32]) -> Self {
        let mut id = hex::encode(sha256(public));
        id.truncate(KEY_ID_CHARS);
        Self(id)
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// An Ed25519 key pair.
pub struct SigningKey {
    id: KeyId,
    public: [u8; 32],
    pair: Ed25519KeyPair,
    pkcs8: Zeroizing<Vec<u8>>,
}

impl SigningKey {
    /// Makes a new key.
    pub fn generate() -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| KeyError::Generate)?;
        let pkcs8 = pair.to_pkcs8().map_err(|_| KeyError::Generate)?;
        Self::from_pkcs8(pkcs8.as_ref())
    }

    /// Reads a key that [`to_pkcs8`](Self::to_pkcs8) or `openssl genpkey` wrote.
    pub fn from_pkcs8(bytes: &[u8]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_pkcs8(bytes).map_err(|_| KeyError::Malformed)?;
        let public: [u8; 32] = pair.public_key().as_ref().try_into().map_err(|_| KeyError::Malformed)?;
        Ok(Self { id: KeyId::of(&public), public, pair, pkcs8: Zeroizing::new(bytes.to_vec()) })
    }

    /// Returns the private key, to be sealed by a [`MasterKey`](crate::MasterKey).
    pub fn to_pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// Returns the name of the key.
    pub const fn id(&self) -> &KeyId {
        &self.id
    }

    /// Returns the raw public key.
    pub const fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// Returns the signature of a message.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.pair.sign(message).as_ref());
        signature
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id.0).finish_non_exhaustive()
    }
}

/// A key with the times within which it is used, in seconds since 1970.
#[derive(Debug)]
pub struct KeyringKey {
    /// The key.
    pub key: SigningKey,
    /// When it was made.
    pub created_at_s: u64,
    /// When it stops signing.
    pub retires_at_s: u64,
    /// When it stops verifying.
    pub expires_at_s: u64,
}

impl KeyringKey {
    /// Gives a key that was made now the usual times.
    pub const fn starting(key: SigningKey, now_s: u64) -> Self {
        let retires_at_s = now_s.saturating_add(KEY_SIGNS_SECONDS);
        let expires_at_s = retires_at_s.saturating_add(KEY_VERIFIES_AFTER_SECONDS);
        Self { key, created_at_s: now_s, retires_at_s, expires_at_s }
    }
}

/// The keys of one purpose, the newest first.
#[derive(Debug, Default)]
pub struct Keyring {
    keys: Vec<KeyringKey>,
}

impl Keyring {
    /// Takes the keys in any order.
    pub fn new(mut keys: Vec<KeyringKey>) -> Self {
        keys.sort_by(|left, right| (right.created_at_s, right.key.id()).cmp(&(left.created_at_s, left.key.id())));
        Self { keys }
    }

    /// Returns the key that signs now: the newest that is not retired. None means that a key is to be made.
    ///
    /// A key that another hub made a moment ago, by a clock ahead of ours, signs as well: what it signs is dated by our clock.
    pub fn signing(&self, now_s: u64) -> Option<&SigningKey> {
        self.keys.iter().find(|entry| now_s < entry.retires_at_s).map(|entry| &entry.key)
    }

    /// Returns the key of that name if it still verifies.
    pub fn verifying(&self, id: &str, now_s: u64) -> Option<&SigningKey> {
        let entry = self.keys.iter().find(|entry| entry.key.id().as_str() == id)?;
        (now_s < entry.expires_at_s).then_some(&entry.key)
    }

    /// Returns whether a successor should be made now: nothing signs, or the signer has lived half its time.
    pub fn is_rotation_due(&self, now_s: u64) -> bool {
        let signer = self.keys.iter().find(|entry| now_s < entry.retires_at_s);
        signer.is_none_or(|entry| {
            let half = entry.retires_at_s.saturating_sub(entry.created_at_s) / 2;
            now_s >= entry.created_at_s.saturating_add(half)
        })
    }

    /// Returns the keys, the newest first.
    pub fn keys(&self) -> &[KeyringKey] {
        &self.keys
    }
}
