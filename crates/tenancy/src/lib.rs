//! Who there is and what they were given: users, projects, members, robots, sessions and the hub's signing keys.
//!
//! Everything lives in the database; this crate owns those tables and no other crate writes them. It authenticates
//! (passwords, robot secrets, sessions, bearer tokens), loads an account's grants for `access` to decide on, and makes
//! every change in one transaction with its audit record. It does *not* decide whether a caller may make a change: that is
//! done by `access` from the table of endpoints, before a function here is called. It knows no HTTP.
//!
//! What always holds:
//! - **One transaction, one record.** A change and its audit record are committed together or not at all, and go on to
//!   their end when the caller goes away.
//! - **Changed before the reply.** Where this process is the only writer, grants and visibilities are remembered; a change
//!   that was answered is never hidden by a memory of before it. With PostgreSQL nothing is remembered between requests.
//! - **An account that is gone is out at once.** Every credential, tokens included, names an account by id and by the
//!   moment its credentials last changed; deleted, disabled, expired and changed accounts fail at the next request.
//! - **Somebody administers the hub.** The last administrator who can log in is neither deleted, disabled nor demoted.
//! - **An owner is part of a robot's name.** A robot is found only at its owner; a robot of a project reaches nothing
//!   outside it, whatever its grants say.
//! - **Secrets are shown once.** Of robot secrets, sessions and refresh tokens only SHA-256 hashes are kept, of passwords
//!   argon2id hashes; private keys are sealed by the master key.

mod bootstrap;
mod change;
mod credentials;
mod error;
mod grants;
mod keys;
mod names;
mod page;
mod projects;
mod robots;
mod sessions;
mod subject;
mod tokens;
mod users;

use std::sync::{Arc, Mutex};

pub use bootstrap::{Bootstrap, FIRST_ADMINISTRATOR, FIRST_PROJECT};
pub use credentials::VERIFIED_LIFETIME_US;
pub use error::{AuthError, Error, Thing};
pub use grants::{Explanation, Grants};
pub use keys::{AuditKeys, KEYS_READ_EVERY_US, RecoveredKeys, TOKEN_SERVICE};
pub use names::{NameError, PROJECT_NAME_CHARS_MAX, ProjectName, RESERVED_PROJECT_NAMES};
pub use page::{PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX, Page, PageRequest};
pub use projects::{Granted, Member, NewProject, Project, ProjectUpdate};
pub use robots::{
    LAST_USE_EVERY_US, LIVE_SECRETS_MAX, NewRobot, Owner, ROBOT_GRANTS_MAX, ROBOT_LIFETIME_MAX_US,
    ROTATION_OVERLAP_MAX_US, Robot, RobotGrant, RobotSecret, RobotUpdate, RobotWithSecret,
};
pub use sessions::{
    BROWSER_SESSION_LIFETIME_US, EXPIRED_PER_WRITE_MAX, REFRESH_TOKEN_LIFETIME_US, SESSIONS_PER_ACCOUNT_MAX,
    SessionKind, expire_sessions,
};
pub use subject::Subject;
pub use users::{NewUser, User, UserUpdate};

use credentials::Remembered;
use grants::AccessCache;
use keys::LoadedKeys;

/// The accounts, projects and keys of a hub. A clone is a handle to the same.
#[derive(Clone)]
pub struct Tenancy {
    inner: Arc<Inner>,
}

struct Inner {
    database: db::Db,
    master_key: identity::MasterKey,
    passwords: identity::Passwords,
    throttle: Mutex<identity::Throttle>,
    cache: AccessCache,
    anonymous: Arc<Grants>,
    remembered: Remembered,
    last_uses: quick_cache::sync::Cache<i64, i64>,
    tokens: quick_cache::sync::Cache<identity::TokenFingerprint, Arc<identity::VerifiedToken>>,
    keys: LoadedKeys,
}

/// One who was authenticated, with what it may do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who it is.
    pub subject: Subject,
    /// What it may do; good for this request.
    pub grants: Arc<Grants>,
}

/// One who was authenticated by a bearer token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// Who it is and what it may do.
    pub caller: Caller,
    /// What the token was made for, which narrows that; its `subject` is of this crate's own form.
    pub token: Arc<identity::VerifiedToken>,
}

impl Tenancy {
    /// Makes a handle. [`Tenancy::bootstrap`] comes before anything else at each start of a hub.
    pub fn new(database: db::Db, master_key: identity::MasterKey) -> Result<Self, Error> {
        let cache = AccessCache::new(database.is_embedded());
        Ok(Self {
            inner: Arc::new(Inner {
                database,
                master_key,
                passwords: identity::Passwords::new(),
                throttle: Mutex::new(identity::Throttle::new()),
                cache,
                anonymous: Arc::new(Grants::anonymous()),
                remembered: Remembered::new()?,
                last_uses: credentials::last_uses(),
                tokens: tokens::verified_tokens(),
                keys: LoadedKeys::default(),
            }),
        })
    }

    /// Hides a number that counts what is everybody's from those who are told it, for one purpose and always in the same way.
    ///
    /// # Errors
    /// When it cannot be sealed.
    pub fn hide(&self, purpose: &str, number: i64) -> Result<String, Error> {
        self.inner.master_key.hide(purpose, number).map_err(Error::Seal)
    }

    /// Returns the number that this hub hid for a purpose; none for any other text.
    pub fn reveal(&self, purpose: &str, hidden: &str) -> Option<i64> {
        self.inner.master_key.reveal(purpose, hidden)
    }

    /// Returns the caller without credentials.
    pub fn anonymous(&self) -> Caller {
        Caller { subject: Subject::Anonymous, grants: Arc::clone(&self.inner.anonymous) }
    }
}

impl std::fmt::Debug for Tenancy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tenancy").field("database", &self.inner.database).finish_non_exhaustive()
    }
}

/// Returns every SQL statement of this crate, so that a test can prepare each on both databases.
pub fn statements() -> impl Iterator<Item = &'static db::Statement> {
    [
        users::STATEMENTS,
        projects::STATEMENTS,
        robots::STATEMENTS,
        sessions::STATEMENTS,
        grants::STATEMENTS,
        keys::STATEMENTS,
    ]
    .into_iter()
    .flatten()
}

/// Whether a text may be a login at all, which also keeps away what a database cannot hold.
fn storable(login: &str) -> bool {
    access::AccountName::parse(login).is_ok()
}

/// The day of a time, as people write it.
fn day(at_us: i64) -> String {
    jiff::Timestamp::from_microsecond(at_us)
        .map_or_else(|_| at_us.to_string(), |at| at.strftime("%Y-%m-%d").to_string())
}
