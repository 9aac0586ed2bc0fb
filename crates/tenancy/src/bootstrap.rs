//! The first start: keys, then user `admin` and project `library`.

use std::time::{SystemTime, UNIX_EPOCH};

use access::{AccountName, Resource};
use db::Tx;
use identity::{PasswordHash, Secret};
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
    /// start, by any number of hubs at once; a start that was cut short anywhere is completed by the next.
    ///
    /// The first start is the one that finds no user: it makes `admin`, with the given password or a random one, and a
    /// private project `library`, as the last thing it does. **A password given at a later start is not looked at**;
    /// `garrison user reset-password` sets a lost one, also after a crash between the making and the showing of it.
    pub async fn bootstrap(&self, admin_password: Option<Secret>) -> Result<Bootstrap, Error> {
        let now_us = now_us();
        self.make_missing_keys(now_us).await?;
        self.read_keys(now_us).await?;
        if !self.read(|tx| Box::pin(users::none_exists(tx))).await? {
            return Ok(Bootstrap { made_admin: false, generated_password: None });
        }
        let (password, is_generated) = match admin_password {
            Some(password) => (password, false),
            None => (identity::generate_password()?, true),
        };
        let hash = self.hash_password(&password).await?;
        let made_admin = self
            .change(move |tx| {
                let hash = hash.clone();
                Box::pin(async move { make_first(tx, &hash).await })
            })
            .await?;
        Ok(Bootstrap { made_admin, generated_password: (made_admin && is_generated).then_some(password) })
    }
}

/// Makes the first user and project, unless another hub has made the first start meanwhile.
async fn make_first(tx: &mut Tx, hash: &PasswordHash) -> Result<bool, Error> {
    if !users::none_exists(tx).await? {
        return Ok(false);
    }
    let name: AccountName = FIRST_ADMINISTRATOR.parse()?;
    users::insert(tx, &name, hash, true).await?;
    let detail = json!({ "administrator": true });
    record_as(tx, SYSTEM, "user.create", Resource::User(name.as_str()), detail).await?;
    let library = NewProject { name: FIRST_PROJECT.parse()?, public: false };
    projects::insert(tx, &library).await?;
    record_as(tx, SYSTEM, "project.create", Resource::Project(FIRST_PROJECT), json!({ "public": false })).await?;
    Ok(true)
}

/// The one place of this crate that reads a clock: a start has no request that brings the time.
fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
