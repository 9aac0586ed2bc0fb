//! The hub's own keys: one that signs bearer tokens and is rotated, and one that signs heads of the audit log and stays.
//!
//! Private keys are rows, sealed by the master key for their purpose and id. Several hubs on one database share them: a hub
//! that meets a token of a key it does not know reads them again, at most once in a while.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use access::Resource;
use db::{Row, Tx, Value};
use identity::{Keyring, KeyringKey, MasterKey, SigningKey, TokenIssuer};
use serde_json::json;
use uuid::Uuid;

use crate::change::record_as;
use crate::users::OPERATOR;
use crate::{Error, Tenancy};

/// The `aud` of tokens and the `service` of challenges.
pub const TOKEN_SERVICE: &str = "garrison";

/// How often unknown keys make the hub read its keys again: tokens with invented keys cost no more than that.
pub const KEYS_READ_EVERY_US: i64 = 5 * 1_000_000;

const TOKEN: &str = "token";
const AUDIT: &str = "audit";
/// Of an audit key whose private half was lost with a master key: what is sealed is the public half, so that nobody adds one.
const LOST_AUDIT: &str = "audit-lost";
/// Who stands in the audit record for what the hub does by itself.
pub(crate) const SYSTEM: &str = "system";
const NEVER_US: i64 = i64::MAX;
const INSTANCE: &str = "instance_id";

db::statements! {
    LIST_KEYS = "SELECT id, sealed, created_at_us, retires_at_us, expires_at_us FROM signing_keys WHERE purpose = $1
        ORDER BY created_at_us DESC, id";
    FIND_LIVE_KEY = "SELECT id FROM signing_keys WHERE purpose = $1 AND retires_at_us > $2 AND created_at_us > $3 LIMIT 1";
    INSERT_KEY = "INSERT INTO signing_keys
        (id, purpose, master_key_id, sealed, public, created_at_us, retires_at_us, expires_at_us)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    LIST_PUBLIC_KEYS = "SELECT id, sealed, public FROM signing_keys WHERE purpose = $1 ORDER BY created_at_us DESC, id";
    KEEP_PUBLIC_KEY = "UPDATE signing_keys SET purpose = $2, master_key_id = $3, sealed = $4 WHERE id = $1";
    DELETE_KEYS = "DELETE FROM signing_keys WHERE purpose = $1";
    DELETE_EXPIRED_KEYS = "DELETE FROM signing_keys WHERE purpose = $1 AND expires_at_us <= $2";
    FIND_SETTING = "SELECT value FROM settings WHERE name = $1";
    PUT_SETTING_ONCE = "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
}

/// The keys of the audit log.
#[derive(Debug)]
pub struct AuditKeys {
    /// Signs heads.
    pub signing: SigningKey,
    /// Public halves of every key that ever signed heads, the newest first.
    pub verifying: Vec<[u8; 32]>,
}

/// What [`Tenancy::recover_keys`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoveredKeys {
    /// Token keys that were dropped; every token has ended.
    pub token_keys: u64,
    /// Keys that signed heads of the audit log, and now only prove them.
    pub audit_keys: u64,
}

/// Keys for tokens as they were read, and who this hub is.
#[derive(Debug)]
pub(crate) struct TokenKeys {
    pub(crate) issuer: TokenIssuer,
    pub(crate) keyring: Keyring,
}

/// The keys that were read last.
#[derive(Debug, Default)]
pub(crate) struct LoadedKeys {
    current: RwLock<Option<Arc<TokenKeys>>>,
    read_at_us: AtomicI64,
}

impl Tenancy {
    /// Returns the id that this installation was given at its first start; the issuer of its tokens, and a name that no
    /// other has.
    pub async fn instance_id(&self) -> Result<String, Error> {
        self.read(|tx| Box::pin(instance_id(tx))).await
    }

    /// Returns the keys of the audit log.
    pub async fn audit_keys(&self) -> Result<AuditKeys, Error> {
        let mut keys = self.load_keys(AUDIT).await?;
        let mut verifying: Vec<[u8; 32]> = keys.iter().map(|key| *key.key.public()).collect();
        for row in self.load_public_keys(LOST_AUDIT).await? {
            verifying.push(row.open(&self.inner.master_key)?);
        }
        if keys.is_empty() {
            return Err(Error::NoSigningKey { purpose: AUDIT });
        }
        Ok(AuditKeys { signing: keys.swap_remove(0).key, verifying })
    }

    /// Gives the token key a successor once half of its time is over, and deletes keys whose last token has ended. Tokens
    /// of the old key are accepted until they end. Returns whether a key was made; to be called by a job, often.
    pub async fn rotate_keys(&self, now_us: i64) -> Result<bool, Error> {
        let at_s = seconds(now_us);
        let keyring = Keyring::new(self.load_keys(TOKEN).await?);
        let is_due = keyring.is_rotation_due(at_s);
        let newest_us = keyring.keys().first().map_or(-1, |key| microseconds(key.created_at_s));
        let successor = Arc::new(SealedKey::new(TOKEN, &self.inner.master_key, now_us)?);
        let made = self
            .write(move |tx| {
                let successor = Arc::clone(&successor);
                Box::pin(async move {
                    tx.execute(&DELETE_EXPIRED_KEYS, &[TOKEN.into(), now_us.into()]).await?;
                    // Another hub may have made one since.
                    let newer: [Value; 3] = [TOKEN.into(), now_us.into(), newest_us.into()];
                    if !is_due || tx.find(&FIND_LIVE_KEY, &newer).await?.is_some() {
                        return Ok(false);
                    }
                    successor.insert(tx).await?;
                    Ok(true)
                })
            })
            .await?;
        self.read_keys(now_us).await?;
        Ok(made)
    }

    /// Replaces every token key at once: no token that was given until now is accepted any more. For a key that somebody
    /// else may have; what else the hub keeps is as it was. Hubs that run go on with the old keys until they read them
    /// again. Returns how many keys are gone.
    pub async fn replace_token_keys(&self, now_us: i64) -> Result<u64, Error> {
        // Under another master key the hub would have keys that it cannot open.
        self.audit_keys().await?;
        let successor = Arc::new(SealedKey::new(TOKEN, &self.inner.master_key, now_us)?);
        let replaced = self
            .write(move |tx| {
                let successor = Arc::clone(&successor);
                Box::pin(async move {
                    let keys = tx.execute(&DELETE_KEYS, &[TOKEN.into()]).await?;
                    successor.insert(tx).await?;
                    let detail = json!({ "purpose": TOKEN, "keys": keys });
                    record_as(tx, OPERATOR, "key.replace", Resource::System, detail).await?;
                    Ok(keys)
                })
            })
            .await?;
        self.read_keys(now_us).await?;
        Ok(replaced)
    }

    /// Goes on with another master key when the one that sealed the keys is lost: drops token keys, makes new ones, and
    /// keeps of keys that signed the audit log the public halves, so that it can be proved as before. Accounts, passwords
    /// and secrets of robots rest on no sealed key. `None`, and nothing is changed, when the master key opens them all.
    ///
    /// The public halves are taken from the database as they stand there: nothing else is left of them.
    pub async fn recover_keys(&self, now_us: i64) -> Result<Option<RecoveredKeys>, Error> {
        self.instance_id().await?;
        let master_key = &self.inner.master_key;
        let token_keys_open = opens(self.load_keys(TOKEN).await)?;
        let mut lost = Vec::new();
        for purpose in [AUDIT, LOST_AUDIT] {
            for row in self.load_public_keys(purpose).await? {
                if master_key.unseal(purpose, &row.id, &row.sealed).is_err() {
                    lost.push(row.kept(master_key)?);
                }
            }
        }
        if token_keys_open && lost.is_empty() {
            return Ok(None);
        }
        let keys = [SealedKey::new(TOKEN, master_key, now_us)?, SealedKey::new(AUDIT, master_key, now_us)?];
        let (keys, lost, id) = (Arc::new(keys), Arc::new(lost), master_key.id().to_string());
        let recovered = self
            .write(move |tx| {
                let (keys, lost, id) = (Arc::clone(&keys), Arc::clone(&lost), id.clone());
                Box::pin(async move {
                    let token_keys = tx.execute(&DELETE_KEYS, &[TOKEN.into()]).await?;
                    for key in lost.iter() {
                        let parameters: [Value; 4] =
                            [(&key.id).into(), LOST_AUDIT.into(), (&id).into(), (&key.sealed).into()];
                        tx.execute(&KEEP_PUBLIC_KEY, &parameters).await?;
                    }
                    for key in keys.iter() {
                        key.insert(tx).await?;
                    }
                    let recovered = RecoveredKeys { token_keys, audit_keys: lost.len() as u64 };
                    let detail = json!({ "token_keys": recovered.token_keys, "audit_keys": recovered.audit_keys });
                    record_as(tx, OPERATOR, "key.recover", Resource::System, detail).await?;
                    Ok(recovered)
                })
            })
            .await?;
        self.read_keys(now_us).await?;
        Ok(Some(recovered))
    }

    /// Makes the keys and the id of this installation, as far as they are missing.
    pub(crate) async fn make_missing_keys(&self, now_us: i64) -> Result<(), Error> {
        let is_ready = self
            .read(move |tx| {
                Box::pin(async move {
                    let has_id = tx.find(&FIND_SETTING, &[INSTANCE.into()]).await?.is_some();
                    Ok(has_id && is_live(tx, TOKEN, now_us).await? && is_live(tx, AUDIT, now_us).await?)
                })
            })
            .await?;
        if is_ready {
            return Ok(());
        }
        let master_key = &self.inner.master_key;
        let keys = [SealedKey::new(TOKEN, master_key, now_us)?, SealedKey::new(AUDIT, master_key, now_us)?];
        let (keys, instance) = (Arc::new(keys), Uuid::now_v7().to_string());
        self.write(move |tx| {
            let (keys, instance) = (Arc::clone(&keys), instance.clone());
            Box::pin(async move {
                for key in keys.iter() {
                    if !is_live(tx, key.purpose, now_us).await? {
                        key.insert(tx).await?;
                    }
                }
                tx.execute(&PUT_SETTING_ONCE, &[INSTANCE.into(), instance.as_bytes().into()]).await?;
                Ok(())
            })
        })
        .await
    }

    /// Returns the keys that were read last, or reads them.
    pub(crate) async fn token_keys(&self, now_us: i64) -> Result<Arc<TokenKeys>, Error> {
        match self.inner.keys.current() {
            Some(keys) => Ok(keys),
            None => self.read_keys(now_us).await,
        }
    }

    /// Reads the keys again, unless that was done a moment ago.
    pub(crate) async fn read_keys_again(&self, now_us: i64) -> Result<Option<Arc<TokenKeys>>, Error> {
        let keys = &self.inner.keys;
        let read_at_us = keys.read_at_us.load(Ordering::SeqCst);
        let may_read = now_us.saturating_sub(read_at_us) >= KEYS_READ_EVERY_US;
        let exchanged = keys.read_at_us.compare_exchange(read_at_us, now_us, Ordering::SeqCst, Ordering::SeqCst);
        if may_read && exchanged.is_ok() { self.read_keys(now_us).await.map(Some) } else { Ok(None) }
    }

    pub(crate) async fn read_keys(&self, now_us: i64) -> Result<Arc<TokenKeys>, Error> {
        let instance = self.instance_id().await?;
        let keyring = Keyring::new(self.load_keys(TOKEN).await?);
        let keys = Arc::new(TokenKeys { issuer: TokenIssuer::new(instance, TOKEN_SERVICE), keyring });
        self.inner.keys.replace(&keys);
        self.inner.keys.read_at_us.store(now_us, Ordering::SeqCst);
        Ok(keys)
    }

    async fn load_keys(&self, purpose: &'static str) -> Result<Vec<KeyringKey>, Error> {
        let rows =
            self.read(move |tx| Box::pin(async move { Ok(tx.query(&LIST_KEYS, &[purpose.into()]).await?) })).await?;
        rows.iter().map(|row| unseal(&self.inner.master_key, purpose, row)).collect()
    }

    async fn load_public_keys(&self, purpose: &'static str) -> Result<Vec<PublicKey>, Error> {
        let rows = self
            .read(move |tx| Box::pin(async move { Ok(tx.query(&LIST_PUBLIC_KEYS, &[purpose.into()]).await?) }))
            .await?;
        rows.iter().map(|row| Ok(PublicKey { id: row.get(0)?, sealed: row.get(1)?, public: row.get(2)? })).collect()
    }
}

impl LoadedKeys {
    fn current(&self) -> Option<Arc<TokenKeys>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, keys: &Arc<TokenKeys>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(keys));
    }
}

/// A key of which only the public half is wanted.
#[derive(Debug)]
struct PublicKey {
    id: String,
    sealed: Vec<u8>,
    public: Vec<u8>,
}

impl PublicKey {
    /// Opens the sealed public half of a key that was lost.
    fn open(&self, master_key: &MasterKey) -> Result<[u8; 32], Error> {
        let opened = master_key.unseal(LOST_AUDIT, &self.id, &self.sealed);
        let public = opened.map_err(|source| Error::Unseal {
            key: self.id.clone(),
            master_key: master_key.id().to_string(),
            source,
        })?;
        public.as_slice().try_into().map_err(|_| Error::NoSigningKey { purpose: LOST_AUDIT })
    }

    /// Returns the key with its public half sealed.
    fn kept(self, master_key: &MasterKey) -> Result<Self, Error> {
        let sealed = master_key.seal(LOST_AUDIT, &self.id, &self.public).map_err(Error::Seal)?;
        Ok(Self { sealed, ..self })
    }
}

/// Tells whether keys were opened, if nothing else was in the way.
fn opens<T>(loaded: Result<T, Error>) -> Result<bool, Error> {
    match loaded {
        Ok(_) => Ok(true),
        Err(Error::Unseal { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A new key as it is stored.
#[derive(Debug)]
pub(crate) struct SealedKey {
    purpose: &'static str,
    id: String,
    master_key_id: String,
    sealed: Vec<u8>,
    public: [u8; 32],
    created_at_us: i64,
    retires_at_us: i64,
    expires_at_us: i64,
}

impl SealedKey {
    fn new(purpose: &'static str, master_key: &MasterKey, now_us: i64) -> Result<Self, Error> {
        let key = KeyringKey::starting(SigningKey::generate()?, seconds(now_us));
        let id = key.key.id().to_string();
        let sealed = master_key.seal(purpose, &id, key.key.to_pkcs8()).map_err(Error::Seal)?;
        // The audit key signs and verifies for good: a log must be provable years later.
        let is_token = purpose == TOKEN;
        Ok(Self {
            purpose,
            id,
            master_key_id: master_key.id().to_string(),
            sealed,
            public: *key.key.public(),
            created_at_us: microseconds(key.created_at_s),
            retires_at_us: if is_token { microseconds(key.retires_at_s) } else { NEVER_US },
            expires_at_us: if is_token { microseconds(key.expires_at_s) } else { NEVER_US },
        })
    }

    async fn insert(&self, tx: &mut Tx) -> Result<(), Error> {
        let parameters: [Value; 8] = [
            (&self.id).into(),
            self.purpose.into(),
            (&self.master_key_id).into(),
            (&self.sealed).into(),
            self.public.into(),
            self.created_at_us.into(),
            self.retires_at_us.into(),
            self.expires_at_us.into(),
        ];
        tx.execute(&INSERT_KEY, &parameters).await?;
        let detail = json!({ "purpose": self.purpose, "key": self.id });
        record_as(tx, SYSTEM, "key.create", Resource::System, detail).await
    }
}

fn unseal(master_key: &MasterKey, purpose: &str, row: &Row) -> Result<KeyringKey, Error> {
    let id: String = row.get(0)?;
    let sealed: Vec<u8> = row.get(1)?;
    let pkcs8 = master_key.unseal(purpose, &id, &sealed).map_err(|source| Error::Unseal {
        key: id,
        master_key: master_key.id().to_string(),
        source,
    })?;
    Ok(KeyringKey {
        key: SigningKey::from_pkcs8(&pkcs8)?,
        created_at_s: seconds(row.get(2)?),
        retires_at_s: seconds(row.get(3)?),
        expires_at_s: seconds(row.get(4)?),
    })
}

async fn is_live(tx: &mut Tx, purpose: &str, now_us: i64) -> Result<bool, Error> {
    Ok(tx.find(&FIND_LIVE_KEY, &[purpose.into(), now_us.into(), (-1).into()]).await?.is_some())
}

async fn instance_id(tx: &mut Tx) -> Result<String, Error> {
    let row = tx.find(&FIND_SETTING, &[INSTANCE.into()]).await?.ok_or(Error::NotBootstrapped)?;
    let value: Vec<u8> = row.get(0)?;
    String::from_utf8(value).map_err(|_| Error::NotBootstrapped)
}

pub(crate) fn seconds(us: i64) -> u64 {
    u64::try_from(us / 1_000_000).unwrap_or_default()
}

fn microseconds(s: u64) -> i64 {
    i64::try_from(s).unwrap_or(i64::MAX).saturating_mul(1_000_000)
}
