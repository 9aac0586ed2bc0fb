//! Passwords of people.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use argon2::password_hash::PasswordHasher as _;
use argon2::{Algorithm, Argon2, Params, PasswordVerifier as _, Version};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::random::{self, RandomnessError};
use crate::secrets::Secret;

/// The shortest password. Below eight characters even a throttled guesser gets through common ones.
pub const PASSWORD_CHARS_MIN: usize = 8;

/// The longest password. Room for any phrase, and a bound on what one attempt costs to receive and hash.
pub const PASSWORD_CHARS_MAX: usize = 128;

/// How many hashes are computed at once: what they take in memory ([`MEMORY_KIB`] each) and from other requests in time.
pub const HASHES_AT_ONCE: usize = 2;

/// How many attempts may wait for their turn; the next is refused at once. At some 30 ms a hash the last waits about a second.
pub const HASHES_WAITING_MAX: usize = 64;

// Argon2id at 12 MiB and three passes is one of the equal choices of the OWASP password storage guide, and the one that
// two at once still fit into a hub of 64 MB with.
const MEMORY_KIB: u32 = 12 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;

// A stored hash names its own cost. One that was altered must not be able to exhaust memory.
const STORED_MEMORY_KIB_MAX: u32 = 64 * 1024;
const STORED_PASSES_MAX: u32 = 16;

/// Why a password is refused or cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// It is too short or too long.
    #[error("a password has {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters, not {actual}")]
    Length {
        /// How many characters it has.
        actual: usize,
    },
    /// It holds a control character, which no header and no form carries.
    #[error("a password holds no control characters")]
    ControlCharacter,
    /// Too many attempts wait already.
    #[error("too many logins at once")]
    Busy,
    /// The stored text is no Argon2 hash that this hub writes.
    #[error("the stored password hash is not usable")]
    StoredHash,
    /// Hashing failed.
    #[error("failed to hash a password")]
    Hash,
    /// No random bytes were to be had.
    #[error("failed to make a password or its salt")]
    Randomness(#[from] RandomnessError),
}

/// A stored password: a PHC string of Argon2id.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Returns the string to store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PasswordHash {
    type Err = PasswordError;

    fn from_str(text: &str) -> Result<Self, PasswordError> {
        let hash = argon2::PasswordHash::new(text).map_err(|_| PasswordError::StoredHash)?;
        let params = Params::try_from(&hash).map_err(|_| PasswordError::StoredHash)?;
        let is_usable = hash.algorithm == Algorithm::Argon2id.ident()
            && hash.hash.is_some()
            && params.m_cost() <= STORED_MEMORY_KIB_MAX
            && params.t_cost() <= STORED_PASSES_MAX;
        if is_usable { Ok(Self(text.to_owned())) } else { Err(PasswordError::StoredHash) }
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// Hashes and verifies passwords, a bounded number at a time. Clones share the bound.
#[derive(Debug, Clone)]
pub struct Passwords {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

impl Passwords {
    /// Makes the bound. One a process is enough.
    pub fn new() -> Self {
        Self {
            running: Arc::new(Semaphore::new(HASHES_AT_ONCE)),
            waiting: Arc::new(Semaphore::new(HASHES_AT_ONCE + HASHES_WAITING_MAX)),
        }
    }

    /// Hashes a new password.
    pub async fn hash(&self, password: &Secret) -> Result<PasswordHash, PasswordError> {
        check_password(password.expose())?;
        let password = password.clone();
        self.bounded(move || Ok(PasswordHash(hash(&password)?))).await
    }

    /// Returns whether the password is the stored one. Without a stored one the answer is no, after the same work: how long
    /// it takes does not tell whether the user exists.
    pub async fn verify(&self, stored: Option<&PasswordHash>, password: &Secret) -> Result<bool, PasswordError> {
        // No stored password is that long, whoever it belongs to.
        if password.expose().chars().count() > PASSWORD_CHARS_MAX {
            return Ok(false);
        }
        let (stored, password) = (stored.cloned(), password.clone());
        self.bounded(move || match stored {
            None => hash(&password).map(|_| false),
            Some(stored) => {
                let stored = argon2::PasswordHash::new(&stored.0).map_err(|_| PasswordError::StoredHash)?;
                Ok(Argon2::default().verify_password(password.expose().as_bytes(), &stored).is_ok())
            }
        })
        .await
    }

    async fn bounded<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let _waiting = self.waiting.try_acquire().map_err(|_| PasswordError::Busy)?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| PasswordError::Busy)?;
        // The permit goes along: a caller who hangs up must not free a place whose work still runs.
        let task = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(running);
            result
        });
        task.await.map_err(|_| PasswordError::Hash)?
    }
}

fn check_password(password: &str) -> Result<(), PasswordError> {
    let actual = password.chars().count();
    if !(PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX).contains(&actual) {
        return Err(PasswordError::Length { actual });
    }
    if password.chars().any(char::is_control) {
        return Err(PasswordError::ControlCharacter);
    }
    Ok(())
}

fn hash(password: &Secret) -> Result<String, PasswordError> {
    let salt = random::bytes::<SALT_BYTES>()?;
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| PasswordError::Hash)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password_with_salt(password.expose().as_bytes(), &salt).map_err(|_| PasswordError::Hash)?;
    Ok(hash.to_string())
}

// No 0, 1, I and O, which are read as one another. 32 characters, so that a random byte picks one without bias.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
const GROUPS: usize = 4;
const GROUP_CHARS: usize = 4;

/// Makes a password such as `7Q4M-XK2P-ZD9W-H3TV`: 80 random bits, typed without doubt.
pub fn generate_password() -> Result<Secret, RandomnessError> {
    let random = Zeroizing::new(random::bytes::<{ GROUPS * GROUP_CHARS }>()?);
    let mut password = String::with_capacity(GROUPS * (GROUP_CHARS + 1));
    for (index, byte) in random.iter().enumerate() {
        if index > 0 && index % GROUP_CHARS == 0 {
            password.push('-');
        }
        password.push(char::from(ALPHABET[usize::from(byte % 32)]));
    }
    Ok(Secret::new(password))
}
