//! Basic credentials: a user's password or a robot's secret.
//!
//! A password costs an Argon2, so one that was right is remembered for a minute under a hash with a key of this process;
//! it still counts only while the account is as it was. Many logins at once with one password cost one, too. A robot's secret has 256 random bits: it is found by its hash, and
//! guessing it is not throttled, because a pipeline with an outdated secret must not shut out its whole network.

use std::net::IpAddr;
use std::sync::PoisonError;

use identity::{PasswordError, Secret, SecretDigest, SecretKind, sha256};
use quick_cache::sync::Cache;

use crate::users::{self, User};
use crate::{AuthError, Caller, Error, Subject, Tenancy, robots};

/// How long a password that was right is taken without another Argon2.
pub const VERIFIED_LIFETIME_US: i64 = 60 * 1_000_000;

/// Passwords that are remembered: far more than people log in within a minute, at about 200 bytes each.
const VERIFIED_MAX: usize = 1024;

/// Robots whose last use was written within the minute; one that falls out costs one write more.
const LAST_USES_MAX: usize = 4096;

impl Tenancy {
    /// Tells who a name and a password or robot secret stand for, and what that account may do now. `source` is the
    /// address that wrong passwords are counted against.
    pub async fn authenticate_basic(
        &self,
        name: &str,
        secret: &Secret,
        source: IpAddr,
        now_us: i64,
    ) -> Result<Caller, AuthError> {
        if let Some(digest) = SecretKind::Robot.digest(secret.expose()) {
            return self.authenticate_robot(name, digest, now_us).await;
        }
        let remembered = &self.inner.remembered;
        let key = remembered.key(name, secret);
        if let Some(user) = remembered.find(key, now_us) {
            match self.user_as_verified(name, user, now_us).await {
                // No longer that user: what is remembered says nothing of who has the name now.
                Err(AuthError::Refused) => remembered.forget(key),
                answer => return answer,
            }
        }
        let look = async {
            let user = self.check_password(name, secret, source, now_us).await?.into();
            self.user_as_verified(name, user, now_us).await?;
            Ok(user)
        };
        let user = remembered.find_or_keep(key, now_us, look).await?;
        self.user_as_verified(name, user, now_us).await
    }

    /// Loads what a user may do, if its credentials are still those that were looked at.
    async fn user_as_verified(&self, name: &str, user: Verified, now_us: i64) -> Result<Caller, AuthError> {
        let subject = Subject::User { id: user.id, name: name.to_owned() };
        let grants = self.grants_for(&subject, now_us).await?;
        if grants.version() == user.version { Ok(Caller { subject, grants }) } else { Err(AuthError::Refused) }
    }

    /// Checks the password of a user, spaced out after failures. Does not look at whether the user is disabled.
    pub(crate) async fn check_password(
        &self,
        name: &str,
        password: &Secret,
        source: IpAddr,
        now_us: i64,
    ) -> Result<User, AuthError> {
        let at_ms = u64::try_from(now_us / 1000).unwrap_or_default();
        self.throttle()
            .attempt(name, source, at_ms)
            .map_err(|throttled| AuthError::Throttled { retry_after_s: throttled.retry_after_s })?;
        let wanted = name.to_owned();
        let stored = self.read(move |tx| Box::pin(async move { users::find(tx, &wanted).await })).await?;
        let (user, hash) = stored.map(|stored| (stored.user, stored.password_hash)).unzip();
        let is_right = self.inner.passwords.verify(hash.flatten().as_ref(), password).await.map_err(refusal)?;
        if let Some(user) = user.filter(|_| is_right) {
            self.throttle().succeeded(name, source);
            Ok(user)
        } else {
            self.throttle().failed(name, source, at_ms);
            Err(AuthError::Refused)
        }
    }

    async fn authenticate_robot(&self, name: &str, digest: SecretDigest, now_us: i64) -> Result<Caller, AuthError> {
        let found = self.read(move |tx| Box::pin(robots::find_by_secret(tx, digest))).await?;
        let holder = found.filter(|holder| holder.name == name).ok_or(AuthError::Refused)?;
        if holder.secret_expires_at_us <= now_us {
            return Err(AuthError::Expired);
        }
        let subject = Subject::Robot { id: holder.id, name: holder.name };
        let grants = self.grants_for(&subject, now_us).await?;
        self.note_use(holder.id, holder.last_used_at_us, now_us).await;
        Ok(Caller { subject, grants })
    }

    /// Writes the last use of a robot unless that was done within the minute. A login does not fail for it.
    async fn note_use(&self, id: i64, last_used_at_us: Option<i64>, now_us: i64) {
        let last_uses = &self.inner.last_uses;
        let last_us = last_uses.get(&id).into_iter().chain(last_used_at_us).max();
        if last_us.is_some_and(|last_us| now_us.saturating_sub(last_us) < robots::LAST_USE_EVERY_US) {
            return;
        }
        // Before the write, so that of many requests at once one writes.
        last_uses.insert(id, now_us);
        let written = self.write(move |tx| Box::pin(robots::set_last_used(tx, id, now_us))).await;
        if let Err(error) = written {
            tracing::warn!(robot = id, %error, "last use of a robot not written");
        }
    }

    fn throttle(&self) -> std::sync::MutexGuard<'_, identity::Throttle> {
        self.inner.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refusal(error: PasswordError) -> AuthError {
    match error {
        PasswordError::Busy => AuthError::Busy,
        error => AuthError::Unavailable(Error::Password(error)),
    }
}

pub(crate) fn last_uses() -> Cache<i64, i64> {
    Cache::new(LAST_USES_MAX)
}

/// A user whose password was right, and the state of its credentials at that time.
#[derive(Debug, Clone, Copy)]
struct Verified {
    id: i64,
    version: i64,
}

impl From<User> for Verified {
    fn from(user: User) -> Self {
        Self { id: user.id, version: user.credentials_changed_at_us }
    }
}

/// Passwords that were right within the last minute.
pub(crate) struct Remembered {
    // Known to this process alone, so that a look at its memory gives no hashes that could be guessed at elsewhere.
    salt: Secret,
    verified: Cache<[u8; 32], (Verified, i64)>,
}

impl Remembered {
    pub(crate) fn new() -> Result<Self, Error> {
        Ok(Self { salt: SecretKind::Session.generate()?, verified: Cache::new(VERIFIED_MAX) })
    }

    fn key(&self, name: &str, password: &Secret) -> [u8; 32] {
        let salt = self.salt.expose().as_bytes();
        let parts = [salt, &sha256(name.as_bytes()), &sha256(password.expose().as_bytes())];
        sha256(&parts.concat())
    }

    fn find(&self, key: [u8; 32], now_us: i64) -> Option<Verified> {
        let (verified, since_us) = self.verified.get(&key)?;
        (since_us..since_us.saturating_add(VERIFIED_LIFETIME_US)).contains(&now_us).then_some(verified)
    }

    /// Of many who come at once with the same password, one looks at it and the others wait; where it was wrong, the next one looks.
    async fn find_or_keep(
        &self,
        key: [u8; 32],
        now_us: i64,
        look: impl Future<Output = Result<Verified, AuthError>>,
    ) -> Result<Verified, AuthError> {
        let lifetime_us = VERIFIED_LIFETIME_US.unsigned_abs();
        self.verified.remove_if(&key, |(_, since_us)| since_us.abs_diff(now_us) >= lifetime_us);
        let kept = self.verified.get_or_insert_async(&key, async { look.await.map(|verified| (verified, now_us)) });
        Ok(kept.await?.0)
    }

    fn forget(&self, key: [u8; 32]) {
        self.verified.remove(&key);
    }
}
