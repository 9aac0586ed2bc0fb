//! Bearer tokens of the registry: made for a caller, verified by the hub's keys, and worth what their account may do now.
//!
//! A token names its account by id and by the moment its credentials last changed, so that a later account of the same name
//! or id is somebody else, and a changed password or revoked secret ends every token of before.

use std::sync::Arc;

use access::Scopes;
use identity::{Token, TokenError, TokenFingerprint, VerifiedToken};
use quick_cache::sync::Cache;

use crate::subject::Account;
use crate::{AuthError, Bearer, Caller, Error, Subject, Tenancy, keys};

/// Verified tokens that are remembered, so that a client's many requests with one token cost one verification.
const VERIFIED_MAX: usize = 2048;

/// Longest token that is remembered: one of a few scopes. Bounds what is remembered to a few megabytes.
const REMEMBERED_BYTES_MAX: usize = 1024;

impl Tenancy {
    /// Makes a token for a caller and the scopes that were granted to it.
    pub async fn issue_token(&self, caller: &Caller, scopes: Scopes, now_us: i64) -> Result<Token, Error> {
        let subject = written(&caller.subject, caller.grants.version());
        let at_s = keys::seconds(now_us);
        let keys = self.token_keys(now_us).await?;
        match keys.issuer.issue(&keys.keyring, &subject, scopes.clone(), at_s) {
            Err(TokenError::NoSigningKey) => {
                self.rotate_keys(now_us).await?;
                let keys = self.token_keys(now_us).await?;
                keys.issuer.issue(&keys.keyring, &subject, scopes, at_s).map_err(Error::Token)
            }
            issued => issued.map_err(Error::Token),
        }
    }

    /// Tells who a bearer token stands for, what it was made for, and what its account may do now.
    pub async fn authenticate_bearer(&self, token: &str, now_us: i64) -> Result<Bearer, AuthError> {
        let verified = self.verify(token, now_us).await?;
        let (account, version) = read(&verified.subject).ok_or(AuthError::Refused)?;
        let Some(account) = account else {
            let caller = Caller { subject: Subject::Anonymous, grants: Arc::clone(&self.inner.anonymous) };
            return Ok(Bearer { caller, token: verified });
        };
        let grants = self.grants_of(account, now_us).await?;
        if grants.version() != version {
            return Err(AuthError::Refused);
        }
        let name = grants.actor().name().unwrap_or_default().to_owned();
        let subject = match account {
            Account::User(id) => Subject::User { id, name },
            Account::Robot(id) => Subject::Robot { id, name },
        };
        Ok(Bearer { caller: Caller { subject, grants }, token: verified })
    }

    async fn verify(&self, token: &str, now_us: i64) -> Result<Arc<VerifiedToken>, AuthError> {
        let at_s = keys::seconds(now_us);
        let fingerprint = TokenFingerprint::of(token);
        if let Some(verified) = self.inner.tokens.get(&fingerprint)
            && at_s < verified.expires_at_s
        {
            return Ok(verified);
        }
        let keys = self.token_keys(now_us).await?;
        let mut verified = keys.issuer.verify(&keys.keyring, token.as_bytes(), at_s);
        if matches!(verified, Err(TokenError::UnknownKey))
            && let Some(keys) = self.read_keys_again(now_us).await?
        {
            verified = keys.issuer.verify(&keys.keyring, token.as_bytes(), at_s);
        }
        let verified = Arc::new(verified.map_err(AuthError::Token)?);
        if token.len() <= REMEMBERED_BYTES_MAX {
            self.inner.tokens.insert(fingerprint, Arc::clone(&verified));
        }
        Ok(verified)
    }
}

pub(crate) fn verified_tokens() -> Cache<TokenFingerprint, Arc<VerifiedToken>> {
    Cache::new(VERIFIED_MAX)
}

/// The subject of a token: `ID.VERSION`.
fn written(subject: &Subject, version: i64) -> identity::Subject {
    match subject {
        Subject::Anonymous => identity::Subject::Anonymous,
        Subject::User { id, .. } => identity::Subject::User(format!("{id}.{version}")),
        Subject::Robot { id, .. } => identity::Subject::Robot(format!("{id}.{version}")),
    }
}

fn read(subject: &identity::Subject) -> Option<(Option<Account>, i64)> {
    let numbers = |text: &str| {
        let (id, version) = text.split_once('.')?;
        Some((id.parse::<i64>().ok()?, version.parse::<i64>().ok()?))
    };
    match subject {
        identity::Subject::Anonymous => Some((None, 0)),
        identity::Subject::User(text) => numbers(text).map(|(id, version)| (Some(Account::User(id)), version)),
        identity::Subject::Robot(text) => numbers(text).map(|(id, version)| (Some(Account::Robot(id)), version)),
    }
}
