//! The key that seals secrets at rest.
//!
//! AES-256-GCM with a random nonce. What is sealed is bound to its purpose and identifier, so that a sealed value copied into
//! another row does not open there. The form is one version byte, 12 bytes of nonce, then ciphertext and tag.
//!
//! Numbers that go out to those who may not know what is between them are hidden by AES-256-GCM-SIV (RFC 8452) with a key of their own. It takes the same
//! nonce each time: of what is hidden nothing is told but which are equal, and that is what is wanted.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::random::{self, RandomnessError};
use crate::secrets::sha256;

/// How many bytes a master key has.
pub const MASTER_KEY_BYTES: usize = 32;

const VERSION: u8 = 1;
const KEY_ID_CHARS: usize = 16;
// A number and a tag.
const HIDDEN_BYTES: usize = 8 + 16;
// 64 digits and a line's end; a longer file is not a key.
const FILE_BYTES_MAX: usize = 66;

/// Why a master key cannot be used, or does not open a value.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The file cannot be read.
    #[error("failed to read the master key `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file cannot be made.
    #[error("failed to make the master key `{}`", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Others than its owner may read or change the file.
    #[error("the master key `{}` has mode {mode:04o}; only its owner may have access: chmod 600", path.display())]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The file is neither 32 bytes nor 64 hexadecimal digits, or all its bytes are the same.
    #[error("the master key `{}` is not 32 random bytes or 64 hexadecimal digits", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// No random bytes were to be had.
    #[error("failed to make a key or a nonce")]
    Randomness(#[from] RandomnessError),
    /// Sealing failed.
    #[error("failed to seal a secret")]
    Seal,
    /// The value was sealed by another key, for something else, or was altered.
    #[error("the sealed `{purpose}` `{id}` does not open with this master key")]
    Open {
        /// What it is for.
        purpose: String,
        /// Which one.
        id: String,
    },
}

/// The name of a master key, kept beside what it sealed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MasterKeyId(String);

impl MasterKeyId {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MasterKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The key that seals secrets at rest.
pub struct MasterKey {
    id: MasterKeyId,
    key: LessSafeKey,
    numbers: LessSafeKey,
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey").field("id", &self.id.0).finish_non_exhaustive()
    }
}

impl MasterKey {
    /// Reads the key from a file that only its owner may read.
    pub fn open(path: &Path) -> Result<Self, MasterKeyError> {
        let failed = |source| MasterKeyError::Read { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        // Asked of the open file: the path may name another by now.
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(MasterKeyError::Malformed { path: path.to_owned() });
        }
        let mode = metadata.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(MasterKeyError::Permissions { path: path.to_owned(), mode });
        }
        let mut content = Zeroizing::new(Vec::with_capacity(FILE_BYTES_MAX + 1));
        file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut content).map_err(failed)?;
        let malformed = || MasterKeyError::Malformed { path: path.to_owned() };
        let bytes = read_key(&content).ok_or_else(malformed)?;
        Self::from_bytes(&bytes).ok_or_else(malformed)
    }

    /// Reads the key, or makes one if there is no file. A file that exists is never replaced.
    pub fn open_or_create(path: &Path) -> Result<Self, MasterKeyError> {
        match Self::open(path) {
            Err(MasterKeyError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            result => return result,
        }
        let random = Zeroizing::new(random::bytes::<MASTER_KEY_BYTES>()?);
        create(path, random.as_slice()).map_err(|source| MasterKeyError::Create { path: path.to_owned(), source })?;
        Self::open(path)
    }

    /// Takes a key; none if all its bytes are the same, which no random key is.
    pub fn from_bytes(bytes: &[u8; MASTER_KEY_BYTES]) -> Option<Self> {
        if bytes.iter().all(|byte| *byte == bytes[0]) {
            return None;
        }
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).ok()?);
        let mut id = hex::encode(of_key(b"garrison master key\0", bytes).as_slice());
        id.truncate(KEY_ID_CHARS);
        let numbers = of_key(b"garrison key of numbers\0", bytes);
        let numbers = LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, numbers.as_slice()).ok()?);
        Some(Self { id: MasterKeyId(id), key, numbers })
    }

    /// Returns the name of the key.
    pub const fn id(&self) -> &MasterKeyId {
        &self.id
    }

    /// Hides a number for one purpose. The same number is hidden in the same way each time.
    pub fn hide(&self, purpose: &str, number: i64) -> Result<String, MasterKeyError> {
        let mut text = number.to_be_bytes().to_vec();
        let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
        self.numbers
            .seal_in_place_append_tag(nonce, Aad::from(associated(purpose, "")), &mut text)
            .map_err(|_| MasterKeyError::Seal)?;
        Ok(hex::encode(text))
    }

    /// Returns the number that was hidden for this purpose; none for what this key did not hide.
    pub fn reveal(&self, purpose: &str, hidden: &str) -> Option<i64> {
        let mut text = [0; HIDDEN_BYTES];
        hex::decode_to_slice(hidden, &mut text).ok()?;
        let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
        let opened = self.numbers.open_in_place(nonce, Aad::from(associated(purpose, "")), &mut text).ok()?;
        Some(i64::from_be_bytes(<[u8; 8]>::try_from(&*opened).ok()?))
    }

    /// Seals a secret for one purpose and identifier.
    pub fn seal(&self, purpose: &str, id: &str, secret: &[u8]) -> Result<Vec<u8>, MasterKeyError> {
        let nonce = random::bytes::<NONCE_LEN>()?;
        let mut text = secret.to_vec();
        self.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(associated(purpose, id)),
                &mut text,
            )
            .map_err(|_| MasterKeyError::Seal)?;
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + text.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&text);
        Ok(sealed)
    }

    /// Opens what was sealed for this purpose and identifier.
    pub fn unseal(&self, purpose: &str, id: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, MasterKeyError> {
        let refused = || MasterKeyError::Open { purpose: purpose.to_owned(), id: id.to_owned() };
        let (version, rest) = sealed.split_first().ok_or_else(refused)?;
        let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(refused)?;
        if *version != VERSION {
            return Err(refused());
        }
        let mut text = Zeroizing::new(text.to_vec());
        let opened = self
            .key
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(associated(purpose, id)), &mut text)
            .map_err(|_| refused())?
            .len();
        text.truncate(opened);
        Ok(text)
    }
}

fn of_key(purpose: &[u8], key: &[u8; MASTER_KEY_BYTES]) -> Zeroizing<[u8; 32]> {
    let mut named = Zeroizing::new(purpose.to_vec());
    named.extend_from_slice(key);
    Zeroizing::new(sha256(&named))
}

// With its length before it no purpose can run into the identifier.
fn associated(purpose: &str, id: &str) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&(purpose.len() as u64).to_be_bytes());
    bytes.extend_from_slice(purpose.as_bytes());
    bytes.extend_from_slice(id.as_bytes());
    bytes
}

fn read_key(content: &[u8]) -> Option<Zeroizing<[u8; MASTER_KEY_BYTES]>> {
    if let Ok(raw) = <[u8; MASTER_KEY_BYTES]>::try_from(content) {
        return Some(Zeroizing::new(raw));
    }
    let digits = content.strip_suffix(b"\n").unwrap_or(content);
    let digits = digits.strip_suffix(b"\r").unwrap_or(digits);
    let mut bytes = Zeroizing::new([0; MASTER_KEY_BYTES]);
    hex::decode_to_slice(digits, bytes.as_mut_slice()).ok()?;
    Some(bytes)
}

// Written whole under another name and then linked, so that a crash leaves no half of a key and no key is ever replaced.
fn create(path: &Path, key: &[u8]) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let text = Zeroizing::new(format!("{}\n", Zeroizing::new(hex::encode(key)).as_str()));
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::hard_link(&draft, path)?;
    fs::remove_file(&draft)?;
    File::open(directory)?.sync_all()
}
