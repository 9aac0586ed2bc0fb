//! Browser sessions and `OAuth2` refresh tokens: a random secret in the client's hands, its hash here.

use db::{Tx, Value};
use identity::{Secret, SecretDigest, SecretKind};

use crate::subject::Account;
use crate::{AuthError, Caller, Error, Subject, Tenancy};

/// How long a browser stays logged in: a working day, so that a forgotten one is shut by the next.
pub const BROWSER_SESSION_LIFETIME_US: i64 = 12 * 3600 * 1_000_000;

/// How long a refresh token lives: a client that is used each month never asks again.
pub const REFRESH_TOKEN_LIFETIME_US: i64 = 30 * 86_400 * 1_000_000;

/// Sessions of one kind that an account may have; the oldest goes when another begins. Enough for each machine a
/// person or a pipeline works from, and an end to a client that asks for a new one with each pull.
pub const SESSIONS_PER_ACCOUNT_MAX: i64 = 64;

/// Expired sessions that one transaction deletes: well under the 20 ms that a write may hold the embedded writer.
pub const EXPIRED_PER_WRITE_MAX: i64 = 500;

db::statements! {
    INSERT_SESSION = "INSERT INTO sessions (secret_sha256, kind, user_id, robot_id, created_at_us, expires_at_us)
        VALUES ($1, $2, $3, $4, $5, $6)";
    FIND_SESSION = "SELECT s.expires_at_us, s.user_id, u.name, s.robot_id, r.name FROM sessions s
        LEFT JOIN users u ON u.id = s.user_id LEFT JOIN robots r ON r.id = s.robot_id
        WHERE s.secret_sha256 = $1 AND s.kind = $2";
    DELETE_SESSION = "DELETE FROM sessions WHERE secret_sha256 = $1";
    DELETE_USER_SESSIONS = "DELETE FROM sessions WHERE user_id = $1";
    DELETE_ROBOT_SESSIONS = "DELETE FROM sessions WHERE robot_id = $1";
    TRIM_USER_SESSIONS = "DELETE FROM sessions WHERE secret_sha256 IN (SELECT secret_sha256 FROM sessions
        WHERE user_id = $1 AND kind = $2 ORDER BY created_at_us DESC, secret_sha256 LIMIT 1000 OFFSET $3)";
    TRIM_ROBOT_SESSIONS = "DELETE FROM sessions WHERE secret_sha256 IN (SELECT secret_sha256 FROM sessions
        WHERE robot_id = $1 AND kind = $2 ORDER BY created_at_us DESC, secret_sha256 LIMIT 1000 OFFSET $3)";
    FIND_USER_VERSION = "SELECT credentials_changed_at_us FROM users WHERE id = $1 AND disabled = 0";
    FIND_ROBOT_VERSION = "SELECT credentials_changed_at_us FROM robots WHERE id = $1 AND disabled = 0";
    DELETE_EXPIRED = "DELETE FROM sessions WHERE secret_sha256 IN
        (SELECT secret_sha256 FROM sessions WHERE expires_at_us <= $1 ORDER BY expires_at_us LIMIT $2)";
}

/// What a session is for. A secret of one kind is never taken for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// A cookie in a browser.
    Browser,
    /// A refresh token of the token endpoint.
    Refresh,
}

impl SessionKind {
    fn name(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Refresh => "refresh",
        }
    }

    fn secret_kind(self) -> SecretKind {
        match self {
            Self::Browser => SecretKind::Session,
            Self::Refresh => SecretKind::Refresh,
        }
    }

    /// How long a session of this kind lives, in microseconds.
    pub fn lifetime_us(self) -> i64 {
        match self {
            Self::Browser => BROWSER_SESSION_LIFETIME_US,
            Self::Refresh => REFRESH_TOKEN_LIFETIME_US,
        }
    }
}

impl Tenancy {
    /// Begins a session for one who has just shown who it is, and returns its secret, which is not kept. Browser sessions
    /// are for people. Nothing begins if the account was changed since its credential was looked at.
    pub async fn begin_session(&self, caller: &Caller, kind: SessionKind, now_us: i64) -> Result<Secret, Error> {
        let account = match (caller.subject.account(), kind) {
            (None, _) | (Some(Account::Robot(_)), SessionKind::Browser) => return Err(Error::NoPassword),
            (Some(account), _) => account,
        };
        let version = caller.grants.version();
        let secret = kind.secret_kind().generate()?;
        let hash = kind.secret_kind().digest(secret.expose()).expect("a secret that was just made is well-formed");
        self.write(move |tx| Box::pin(insert(tx, account, version, kind, hash, now_us))).await?;
        Ok(secret)
    }

    /// Tells who a session belongs to, if it is of this kind, has not ended, and its account may still act.
    pub async fn authenticate_session(
        &self,
        secret: &Secret,
        kind: SessionKind,
        now_us: i64,
    ) -> Result<Caller, AuthError> {
        let hash = kind.secret_kind().digest(secret.expose()).ok_or(AuthError::Refused)?;
        let found = self.read(move |tx| Box::pin(find(tx, kind, hash))).await?;
        let (subject, expires_at_us) = found.ok_or(AuthError::Refused)?;
        if expires_at_us <= now_us {
            return Err(AuthError::Refused);
        }
        let grants = self.grants_for(&subject, now_us).await?;
        Ok(Caller { subject, grants })
    }

    /// Ends one session; one that has ended already is no error.
    pub async fn end_session(&self, secret: &Secret, kind: SessionKind) -> Result<(), Error> {
        let Some(hash) = kind.secret_kind().digest(secret.expose()) else {
            return Ok(());
        };
        self.write(move |tx| {
            Box::pin(async move {
                tx.execute(&DELETE_SESSION, &[hash.as_bytes().into()]).await?;
                Ok(())
            })
        })
        .await
    }
}

/// Deletes up to [`EXPIRED_PER_WRITE_MAX`] sessions that ended by the database's clock, and returns how many; fewer
/// than that means that none is left.
pub async fn expire_sessions(tx: &mut Tx) -> Result<u64, Error> {
    let now_us = tx.now_us().await?;
    Ok(tx.execute(&DELETE_EXPIRED, &[now_us.into(), EXPIRED_PER_WRITE_MAX.into()]).await?)
}

async fn insert(
    tx: &mut Tx,
    account: Account,
    version: i64,
    kind: SessionKind,
    hash: SecretDigest,
    now_us: i64,
) -> Result<(), Error> {
    let (user, robot, version_now, trim) = match account {
        Account::User(id) => (Some(id), None, &FIND_USER_VERSION, &TRIM_USER_SESSIONS),
        Account::Robot(id) => (None, Some(id), &FIND_ROBOT_VERSION, &TRIM_ROBOT_SESSIONS),
    };
    let id = account.id();
    match tx.find(version_now, &[id.into()]).await? {
        Some(row) if row.get::<i64>(0)? == version => {}
        _ => return Err(Error::AccountChanged),
    }
    let ends_at_us = now_us.saturating_add(kind.lifetime_us());
    let parameters: [Value; 6] =
        [hash.as_bytes().into(), kind.name().into(), user.into(), robot.into(), now_us.into(), ends_at_us.into()];
    tx.execute(&INSERT_SESSION, &parameters).await?;
    tx.execute(trim, &[id.into(), kind.name().into(), SESSIONS_PER_ACCOUNT_MAX.into()]).await?;
    Ok(())
}

async fn find(tx: &mut Tx, kind: SessionKind, hash: SecretDigest) -> Result<Option<(Subject, i64)>, Error> {
    let Some(row) = tx.find(&FIND_SESSION, &[hash.as_bytes().into(), kind.name().into()]).await? else {
        return Ok(None);
    };
    let user = row.get::<Option<i64>>(1)?.zip(row.get::<Option<String>>(2)?);
    let robot = row.get::<Option<i64>>(3)?.zip(row.get::<Option<String>>(4)?);
    let subject = match (user, robot) {
        (Some((id, name)), None) => Subject::User { id, name },
        (None, Some((id, name))) => Subject::Robot { id, name },
        _ => return Ok(None),
    };
    Ok(Some((subject, row.get(0)?)))
}

pub(crate) async fn end_all(tx: &mut Tx, account: Account) -> Result<(), Error> {
    match account {
        Account::User(id) => tx.execute(&DELETE_USER_SESSIONS, &[id.into()]).await?,
        Account::Robot(id) => tx.execute(&DELETE_ROBOT_SESSIONS, &[id.into()]).await?,
    };
    Ok(())
}
