//! People: local users with a password.

use std::net::IpAddr;

use access::{AccountName, Resource};
use db::{Tx, Value};
use identity::{PasswordHash, Secret};
use serde_json::json;

use crate::change::{record, record_as};
use crate::subject::Account;
use crate::{Error, Page, PageRequest, Subject, Tenancy, Thing, page, sessions, storable};

db::statements! {
    /// Both kinds of account, since they share one namespace.
    FIND_LOGIN = "SELECT id FROM users WHERE name = $1 UNION ALL SELECT id FROM robots WHERE name = $1";
    INSERT_USER = "INSERT INTO users (name, password_hash, administrator, disabled, created_at_us, credentials_changed_at_us)
        VALUES ($1, $2, $3, 0, $4, $4) RETURNING id";
    FIND_USER = "SELECT id, name, administrator, disabled, created_at_us, credentials_changed_at_us, password_hash
        FROM users WHERE name = $1";
    FIND_ANY_USER = "SELECT id FROM users LIMIT 1";
    LIST_USERS = "SELECT id, name, administrator, disabled, created_at_us, credentials_changed_at_us
        FROM users WHERE name > $1 ORDER BY name LIMIT $2";
    FIND_OTHER_ADMINISTRATOR = "SELECT id FROM users WHERE administrator = 1 AND disabled = 0 AND id <> $1 LIMIT 1";
    UPDATE_USER = "UPDATE users SET administrator = $2, disabled = $3 WHERE id = $1";
    UPDATE_PASSWORD = "UPDATE users SET password_hash = $2, credentials_changed_at_us = $3 WHERE id = $1";
    DELETE_USER = "DELETE FROM users WHERE id = $1";
    DELETE_MEMBERSHIPS = "DELETE FROM members WHERE user_id = $1";
}

/// Who stands in the audit record for a change that was made on the hub's own machine.
pub(crate) const OPERATOR: &str = "operator";

/// What is needed to make a user.
#[derive(Debug)]
pub struct NewUser {
    /// Unique among users and robots.
    pub name: AccountName,
    /// The first password.
    pub password: Secret,
    /// Whether the user administers the whole hub.
    pub administrator: bool,
}

/// A user as others may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Names the row. With [`User::credentials_changed_at_us`] it names this account and no later one.
    pub id: i64,
    /// The login.
    pub name: String,
    /// Whether the user administers the whole hub.
    pub administrator: bool,
    /// Whether every login and token is refused.
    pub disabled: bool,
    /// When the user was made, in microseconds since 1970.
    pub created_at_us: i64,
    /// When the password last changed; credentials from before count no more.
    pub credentials_changed_at_us: i64,
}

/// What of a user an administrator may change; `None` leaves a field as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UserUpdate {
    /// Makes or unmakes an administrator.
    pub administrator: Option<bool>,
    /// Shuts the user out or lets it in again.
    pub disabled: Option<bool>,
}

impl Tenancy {
    /// Makes a user. Whether `by` may do so was decided by the caller, as with every change in this crate.
    pub async fn create_user(&self, by: &Subject, new: NewUser) -> Result<User, Error> {
        let hash = self.hash_password(&new.password).await?;
        let by = by.clone();
        let (name, administrator) = (new.name, new.administrator);
        self.change(move |tx| {
            let (by, name, hash) = (by.clone(), name.clone(), hash.clone());
            Box::pin(async move {
                let user = insert(tx, &name, &hash, administrator).await?;
                record(
                    tx,
                    &by,
                    "user.create",
                    Resource::User(name.as_str()),
                    json!({ "administrator": administrator }),
                )
                .await?;
                Ok(user)
            })
        })
        .await
    }

    /// Returns users in the order of their names.
    pub async fn list_users(&self, page: &PageRequest) -> Result<Page<User>, Error> {
        let (limit, after) = (page.limit(), page.after());
        let users = self
            .read(move |tx| {
                Box::pin(async move {
                    let rows = tx.query(&LIST_USERS, &[after.into(), page::one_more(limit).into()]).await?;
                    rows.iter().map(user_from).collect::<Result<Vec<_>, _>>()
                })
            })
            .await?;
        Ok(Page::cut(users, limit, |user| user.name.clone()))
    }

    /// Returns one user.
    pub async fn get_user(&self, name: &str) -> Result<User, Error> {
        let name = name.to_owned();
        self.read(move |tx| Box::pin(async move { Ok(load(tx, &name).await?.user) })).await
    }

    /// Changes what an administrator may change of a user. The last administrator who can log in stays one.
    pub async fn update_user(&self, by: &Subject, name: &str, update: UserUpdate) -> Result<User, Error> {
        let (by, name) = (by.clone(), name.to_owned());
        self.change(move |tx| {
            let (by, name) = (by.clone(), name.clone());
            Box::pin(async move {
                let mut user = load(tx, &name).await?.user;
                user.administrator = update.administrator.unwrap_or(user.administrator);
                user.disabled = update.disabled.unwrap_or(user.disabled);
                if !user.administrator || user.disabled {
                    keep_an_administrator(tx, user.id).await?;
                }
                tx.execute(&UPDATE_USER, &[user.id.into(), user.administrator.into(), user.disabled.into()]).await?;
                if user.disabled {
                    sessions::end_all(tx, Account::User(user.id)).await?;
                }
                let detail = json!({ "administrator": user.administrator, "disabled": user.disabled });
                record(tx, &by, "user.update", Resource::User(&name), detail).await?;
                Ok(user)
            })
        })
        .await
    }

    /// Deletes a user with its memberships and sessions. Its name may be taken again; nothing of it comes back.
    pub async fn delete_user(&self, by: &Subject, name: &str) -> Result<(), Error> {
        let (by, name) = (by.clone(), name.to_owned());
        self.change(move |tx| {
            let (by, name) = (by.clone(), name.clone());
            Box::pin(async move {
                let user = load(tx, &name).await?.user;
                keep_an_administrator(tx, user.id).await?;
                sessions::end_all(tx, Account::User(user.id)).await?;
                tx.execute(&DELETE_MEMBERSHIPS, &[user.id.into()]).await?;
                tx.execute(&DELETE_USER, &[user.id.into()]).await?;
                record(tx, &by, "user.delete", Resource::User(&name), json!({})).await
            })
        })
        .await
    }

    /// Sets the password of another user, as an administrator does; its sessions end.
    pub async fn set_password(&self, by: &Subject, name: &str, new: &Secret) -> Result<(), Error> {
        self.replace_password(by.to_string(), name, new, None).await
    }

    /// Changes the password of the one who asks, who must know the old one; all its sessions end. Guesses at the old
    /// password count as attempts to log in.
    pub async fn change_own_password(
        &self,
        by: &Subject,
        old: &Secret,
        new: &Secret,
        source: IpAddr,
        now_us: i64,
    ) -> Result<(), Error> {
        let Subject::User { name, .. } = by else {
            return Err(Error::NoPassword);
        };
        let checked = self.check_password(name, old, source, now_us).await;
        let user = checked.map_err(|error| Error::OldPassword(Box::new(error)))?;
        self.replace_password(by.to_string(), name, new, Some(user)).await
    }

    /// Sets the password of a user on the hub's own machine, where no login is possible any more: the given one, or a
    /// random one. Returns the password.
    pub async fn reset_password(&self, name: &str, new: Option<Secret>) -> Result<Secret, Error> {
        let new = match new {
            Some(new) => new,
            None => identity::generate_password()?,
        };
        self.replace_password(OPERATOR.to_owned(), name, &new, None).await?;
        Ok(new)
    }

    pub(crate) async fn hash_password(&self, password: &Secret) -> Result<PasswordHash, Error> {
        self.inner.passwords.hash(password).await.map_err(Error::Password)
    }

    async fn replace_password(&self, by: String, name: &str, new: &Secret, checked: Option<User>) -> Result<(), Error> {
        let hash = self.hash_password(new).await?;
        let name = name.to_owned();
        self.change(move |tx| {
            let (by, name, hash, checked) = (by.clone(), name.clone(), hash.clone(), checked.clone());
            Box::pin(async move {
                let user = load(tx, &name).await?.user;
                let version = |user: &User| (user.id, user.credentials_changed_at_us);
                if checked.is_some_and(|checked| version(&checked) != version(&user)) {
                    return Err(Error::AccountChanged);
                }
                set_password_hash(tx, &user, &hash).await?;
                record_as(tx, &by, "user.set-password", Resource::User(&name), json!({})).await
            })
        })
        .await
    }
}

pub(crate) struct StoredUser {
    pub(crate) user: User,
    pub(crate) password_hash: Option<PasswordHash>,
}

pub(crate) async fn find(tx: &mut Tx, name: &str) -> Result<Option<StoredUser>, Error> {
    if !storable(name) {
        return Ok(None);
    }
    let Some(row) = tx.find(&FIND_USER, &[name.into()]).await? else {
        return Ok(None);
    };
    let password_hash = row.get::<Option<String>>(6)?.map(|hash| hash.parse()).transpose().map_err(Error::Password)?;
    Ok(Some(StoredUser { user: user_from(&row)?, password_hash }))
}

pub(crate) async fn load(tx: &mut Tx, name: &str) -> Result<StoredUser, Error> {
    find(tx, name).await?.ok_or_else(|| Error::NotFound { thing: Thing::User, name: name.to_owned() })
}

pub(crate) async fn none_exists(tx: &mut Tx) -> Result<bool, Error> {
    Ok(tx.find(&FIND_ANY_USER, &[]).await?.is_none())
}

/// Fails when a user or a robot has the name.
pub(crate) async fn claim_login(tx: &mut Tx, name: &AccountName) -> Result<(), Error> {
    if tx.query(&FIND_LOGIN, &[name.as_str().into()]).await?.is_empty() {
        Ok(())
    } else {
        Err(Error::Exists { thing: Thing::Login, name: name.to_string() })
    }
}

pub(crate) async fn insert(
    tx: &mut Tx,
    name: &AccountName,
    hash: &PasswordHash,
    administrator: bool,
) -> Result<User, Error> {
    claim_login(tx, name).await?;
    let now_us = tx.now_us().await?;
    let parameters: [Value; 4] = [name.as_str().into(), hash.as_str().into(), administrator.into(), now_us.into()];
    let inserted = tx.query(&INSERT_USER, &parameters).await;
    let row = inserted.map_err(|error| Error::from(error).or_exists(Thing::Login, name.as_str()))?;
    Ok(User {
        id: row.first().ok_or(Error::Missing { thing: Thing::User })?.get(0)?,
        name: name.to_string(),
        administrator,
        disabled: false,
        created_at_us: now_us,
        credentials_changed_at_us: now_us,
    })
}

async fn set_password_hash(tx: &mut Tx, user: &User, hash: &PasswordHash) -> Result<(), Error> {
    let changed_at_us = tx.now_us().await?.max(user.credentials_changed_at_us + 1);
    let parameters: [Value; 3] = [user.id.into(), hash.as_str().into(), changed_at_us.into()];
    tx.execute(&UPDATE_PASSWORD, &parameters).await?;
    sessions::end_all(tx, Account::User(user.id)).await
}

/// Fails unless an administrator other than `id` can log in, or `id` was none whose going would matter.
async fn keep_an_administrator(tx: &mut Tx, id: i64) -> Result<(), Error> {
    match tx.find(&FIND_OTHER_ADMINISTRATOR, &[id.into()]).await? {
        Some(_) => Ok(()),
        None => Err(Error::LastAdministrator),
    }
}

fn user_from(row: &db::Row) -> Result<User, Error> {
    Ok(User {
        id: row.get(0)?,
        name: row.get(1)?,
        administrator: row.get(2)?,
        disabled: row.get(3)?,
        created_at_us: row.get(4)?,
        credentials_changed_at_us: row.get(5)?,
    })
}
