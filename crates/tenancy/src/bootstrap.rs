//! The first start: keys, user `admin` and project `library`, all in one transaction.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use access::{AccountName, Resource};
use identity::Secret;
use serde_json::json;

use crate::change::record_as;
use crate::keys::SYSTEM;
use crate::projects::{self, NewProject};
use crate::{Error, Tenancy, users};

/// The user that the first start makes.
pub const FIRST_ADMINISTRATOR: &str = "admin";

/// The project that the first start makes: where repositories with a name of one segment live.
pub const FIRST_PROJECT: &str = "library";

/// What a start made.
#[derive(Debug)]
pub struct Bootstrap {
    /// Whether this was the first start, which made user `admin`.
    pub made_admin: bool,
    /// The random password of `admin`, to be shown this once; none if one was given.
    pub generated_password: Option<Secret>,
}

impl Tenancy {
    /// Makes what a hub needs before it can serve, as far as it is not there, and reads the keys. To be called at every
    /// start, by any number of hubs at once.
    ///
    /// The first start is the one that finds no user: it makes `admin`, with the given password or a random one, and a
    /// private project `library`. **A password given at a later start is not looked at**; `garrison user reset-password` sets
    /// a lost one, also after a crash between this transaction and the showing of the password.
    pub async fn bootstrap(&self, admin_password: Option<Secret>) -> Result<Bootstrap, Error> {
        let is_first = self.read(|tx| Box::pin(users::none_exists(tx))).await?;
        let (hash, generated_password) = match (is_first, admin_password) {
            (false, _) => (None, None),
            (true, Some(password)) => (Some(self.hash_password(&password).await?), None),
            (true, None) => {
                let password = identity::generate_password()?;
                (Some(self.hash_password(&password).await?), Some(password))
            }
        };
        let now_us = now_us();
        let keys = Arc::new(self.new_keys(now_us)?);
        let made_admin = self
            .change(move |tx| {
                let (hash, keys) = (hash.clone(), Arc::clone(&keys));
                Box::pin(async move {
                    Self::make_missing_keys(tx, &keys.0, &keys.1, now_us).await?;
                    // Another hub may have made the first start meanwhile.
                    let Some(hash) = hash.filter(|_| is_first) else { return Ok(false) };
                    if !users::none_exists(tx).await? {
                        return Ok(false);
                    }
                    let name = FIRST_ADMINISTRATOR.parse::<AccountName>()?;
                    users::insert(tx, &name, &hash, true).await?;
                    let detail = json!({ "administrator": true });
                    record_as(tx, SYSTEM, "user.create", Resource::User(name.as_str()), detail).await?;
                    let library = NewProject { name: FIRST_PROJECT.parse()?, public: false };
                    projects::insert(tx, &library).await?;
                    let detail = json!({ "public": false });
                    record_as(tx, SYSTEM, "project.create", Resource::Project(FIRST_PROJECT), detail).await?;
                    Ok(true)
                })
            })
            .await?;
        self.read_keys(now_us).await?;
        Ok(Bootstrap { made_admin, generated_password: generated_password.filter(|_| made_admin) })
    }
}

/// The one place of this crate that reads a clock: a start has no request that brings the time.
fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
