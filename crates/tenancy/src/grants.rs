//! What an account may do now, loaded for `access` to decide on, and remembered where this process is the only writer.
//!
//! The embedded cache is one number and a map: every change of this crate adds one to the number after its commit and
//! before its answer, and an entry counts only while the number is the one that its reader saw *before* it read. A reader
//! that was slow can therefore put back nothing that an answered change has made old. With PostgreSQL other hubs write
//! too, and nothing is remembered between two requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use access::{Access, Action, Actor, Grant, GrantScope, Request, Resource, Role, Visibility};
use db::{Row, Tx};
use quick_cache::sync::Cache;

use crate::subject::Account;
use crate::{AuthError, Error, Subject, Tenancy, Thing, projects, robots, users};

/// Accounts whose grants are remembered: more than act within the minutes between two changes, at about 1 KiB each.
pub(crate) const GRANTS_CACHED_MAX: usize = 4096;

/// Projects whose visibility is remembered. Names that do not exist are among them, so that guessing names costs no
/// reads; an entry is below 200 bytes.
pub(crate) const VISIBILITIES_CACHED_MAX: usize = 8192;

db::statements! {
    FIND_USER_BY_ID = "SELECT name, administrator, disabled, credentials_changed_at_us FROM users WHERE id = $1";
    LIST_MEMBERSHIPS = "SELECT p.name, m.role FROM members m JOIN projects p ON p.id = m.project_id
        WHERE m.user_id = $1 ORDER BY p.name";
    FIND_ROBOT_BY_ID = "SELECT r.name, p.name, r.disabled, r.credentials_changed_at_us, r.expires_at_us, r.project_id
        FROM robots r LEFT JOIN projects p ON p.id = r.project_id WHERE r.id = $1";
    LIST_ROBOT_GRANTS = "SELECT repositories, role FROM robot_grants WHERE robot_id = $1 ORDER BY repositories";
}

/// An account that may act, and all that it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    access: Access,
    /// Credentials from before count no more.
    credentials_changed_at_us: i64,
    expires_at_us: Option<i64>,
}

impl Grants {
    /// Returns the actor and its grants, for `access` to decide on.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Returns who acts.
    pub fn actor(&self) -> &Actor {
        self.access.actor()
    }

    /// With its id, names one account for as long as its credentials are the same.
    pub(crate) fn version(&self) -> i64 {
        self.credentials_changed_at_us
    }

    pub(crate) fn anonymous() -> Self {
        Self { access: Access::anonymous(), credentials_changed_at_us: 0, expires_at_us: None }
    }
}

impl Tenancy {
    /// Returns what a subject may do now. Fails for one that was deleted or disabled or has expired since it
    /// authenticated, so that whoever holds a token of it is out at once.
    ///
    /// With PostgreSQL this reads the database: call it once a request and hand the answer on.
    pub async fn grants_for(&self, subject: &Subject, now_us: i64) -> Result<Arc<Grants>, AuthError> {
        let Some(account) = subject.account() else {
            return Ok(Arc::clone(&self.inner.anonymous));
        };
        let grants = self.grants_of(account, now_us).await?;
        if subject.is(grants.actor()) { Ok(grants) } else { Err(AuthError::Refused) }
    }

    pub(crate) async fn grants_of(&self, account: Account, now_us: i64) -> Result<Arc<Grants>, AuthError> {
        let cache = &self.inner.cache;
        let grants = if let Some(grants) = cache.grants(account) {
            grants
        } else {
            let generation = cache.generation();
            let loaded = self.read(move |tx| Box::pin(load(tx, account))).await?;
            let grants = Arc::new(loaded.ok_or(AuthError::Refused)??);
            cache.keep_grants(generation, account, &grants);
            grants
        };
        match grants.expires_at_us {
            Some(expires_at_us) if expires_at_us <= now_us => Err(AuthError::Expired),
            _ => Ok(grants),
        }
    }

    /// Returns whether a project is public or private, or `None` when there is no such project.
    pub async fn project_visibility(&self, name: &str) -> Result<Option<Visibility>, Error> {
        let cache = &self.inner.cache;
        if let Some(known) = cache.visibility(name) {
            return Ok(known.visibility);
        }
        let generation = cache.generation();
        let wanted = name.to_owned();
        let project = self.read(move |tx| Box::pin(async move { projects::find(tx, &wanted).await })).await?;
        let visibility = project.map(|project| if project.public { Visibility::Public } else { Visibility::Private });
        cache.keep_visibility(generation, name, visibility);
        Ok(visibility)
    }

    /// Returns who logs in by a name.
    pub async fn find_subject(&self, login: &str) -> Result<Option<Subject>, Error> {
        let login = login.to_owned();
        self.read(move |tx| {
            Box::pin(async move {
                if let Some(stored) = users::find(tx, &login).await? {
                    return Ok(Some(Subject::User { id: stored.user.id, name: login }));
                }
                let robot = robots::find_any(tx, &login).await?;
                Ok(robot.map(|robot| Subject::Robot { id: robot.id, name: login }))
            })
        })
        .await
    }

    /// Says whether the user or robot of that login may do something now, and why.
    pub async fn explain(
        &self,
        login: &str,
        action: Action,
        resource: Resource<'_>,
        now_us: i64,
    ) -> Result<Explanation, Error> {
        let subject = self.find_subject(login).await?;
        let subject = subject.ok_or_else(|| Error::NotFound { thing: Thing::Login, name: login.to_owned() })?;
        let grants = match self.grants_for(&subject, now_us).await {
            Ok(grants) => grants,
            Err(AuthError::Unavailable(error)) => return Err(error),
            Err(AuthError::Disabled) => return Ok(Explanation::no(format!("No. {login} is disabled."))),
            Err(AuthError::Expired) => return Ok(Explanation::no(format!("No. {login} has expired."))),
            // Deleted since it was looked up.
            Err(_) => return Err(Error::NotFound { thing: Thing::Login, name: login.to_owned() }),
        };
        let visibility = match resource.project() {
            Some(project) => self.project_visibility(project).await?.unwrap_or_default(),
            None => Visibility::default(),
        };
        let request = Request { action, resource, visibility };
        Ok(Explanation {
            allowed: access::decide(grants.access(), None, request).is_allowed(),
            text: access::explain(grants.access(), None, request),
        })
    }
}

/// Whether someone may do something, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The answer.
    pub allowed: bool,
    /// The answer and its reason in words, with the next step on a line of its own.
    pub text: String,
}

impl Explanation {
    fn no(text: String) -> Self {
        Self { allowed: false, text }
    }
}

/// Loads an account: `None` when there is none, an error when it may not act.
async fn load(tx: &mut Tx, account: Account) -> Result<Option<Result<Grants, AuthError>>, Error> {
    match account {
        Account::User(id) => load_user(tx, id).await,
        Account::Robot(id) => load_robot(tx, id).await,
    }
}

async fn load_user(tx: &mut Tx, id: i64) -> Result<Option<Result<Grants, AuthError>>, Error> {
    let Some(row) = tx.find(&FIND_USER_BY_ID, &[id.into()]).await? else {
        return Ok(None);
    };
    if row.get(2)? {
        return Ok(Some(Err(AuthError::Disabled)));
    }
    let mut grants = Vec::new();
    for row in tx.query(&LIST_MEMBERSHIPS, &[id.into()]).await? {
        let project: String = row.get(0)?;
        let Some(role) = role_from(&row, 1)? else { continue };
        let source = "as a member".to_owned();
        grants.push(Grant { role, scope: GrantScope::Project(project), source });
    }
    let actor = Actor::User { name: row.get(0)?, administrator: row.get(1)? };
    Ok(Some(Ok(Grants {
        access: Access::new(actor, grants),
        credentials_changed_at_us: row.get(3)?,
        expires_at_us: None,
    })))
}

async fn load_robot(tx: &mut Tx, id: i64) -> Result<Option<Result<Grants, AuthError>>, Error> {
    let Some(row) = tx.find(&FIND_ROBOT_BY_ID, &[id.into()]).await? else {
        return Ok(None);
    };
    if row.get(2)? {
        return Ok(Some(Err(AuthError::Disabled)));
    }
    let project: Option<String> = row.get(1)?;
    if project.is_none() && row.get::<Option<i64>>(5)?.is_some() {
        // Never taken for a robot of the hub, which may reach further.
        return Err(Error::Missing { thing: Thing::Project });
    }
    let expires_at_us: i64 = row.get(4)?;
    let source = project.as_ref().map_or_else(String::new, |project| format!("from project `{project}`"));
    let mut grants = Vec::new();
    for row in tx.query(&LIST_ROBOT_GRANTS, &[id.into()]).await? {
        let Some(role) = role_from(&row, 1)? else { continue };
        let glob = robots::stored_glob(&row, 0)?;
        grants.push(Grant { role, scope: GrantScope::Repositories(glob), source: source.clone() });
    }
    let note = Some(format!("expires {}", crate::day(expires_at_us)));
    let actor = Actor::Robot { name: row.get(0)?, project, note };
    Ok(Some(Ok(Grants {
        access: Access::new(actor, grants),
        credentials_changed_at_us: row.get(3)?,
        expires_at_us: Some(expires_at_us),
    })))
}

/// A role that this release does not know, left behind by a newer one, gives nothing.
fn role_from(row: &Row, column: usize) -> Result<Option<&'static Role>, Error> {
    let name: String = row.get(column)?;
    let role = Role::parse(&name);
    if role.is_err() {
        tracing::warn!(role = name, "grant of an unknown role gives nothing");
    }
    Ok(role.ok())
}

/// What is remembered of the database where this process is its only writer.
pub(crate) struct AccessCache {
    enabled: bool,
    generation: AtomicU64,
    grants: Cache<Account, (Generation, Arc<Grants>)>,
    visibilities: Cache<String, (Generation, KnownVisibility)>,
}

#[derive(Debug, Clone, Copy)]
struct KnownVisibility {
    visibility: Option<Visibility>,
}

/// How many changes there were when a read began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Generation(u64);

impl AccessCache {
    pub(crate) fn new(enabled: bool) -> Self {
        Self {
            enabled,
            generation: AtomicU64::new(0),
            grants: Cache::new(GRANTS_CACHED_MAX),
            visibilities: Cache::new(VISIBILITIES_CACHED_MAX),
        }
    }

    /// To be noted before the read whose result is to be kept.
    pub(crate) fn generation(&self) -> Generation {
        Generation(self.generation.load(Ordering::SeqCst))
    }

    /// To be called after a commit and before its answer.
    pub(crate) fn forget_all(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    fn grants(&self, account: Account) -> Option<Arc<Grants>> {
        let (read_at, grants) = self.enabled.then(|| self.grants.get(&account)).flatten()?;
        (read_at == self.generation()).then_some(grants)
    }

    fn keep_grants(&self, read_at: Generation, account: Account, grants: &Arc<Grants>) {
        if self.enabled {
            self.grants.insert(account, (read_at, Arc::clone(grants)));
        }
    }

    /// Returns what is remembered, whose `visibility` is `None` for a project that does not exist.
    fn visibility(&self, project: &str) -> Option<KnownVisibility> {
        let (read_at, known) = self.enabled.then(|| self.visibilities.get(project)).flatten()?;
        (read_at == self.generation()).then_some(known)
    }

    fn keep_visibility(&self, read_at: Generation, project: &str, visibility: Option<Visibility>) {
        if self.enabled {
            self.visibilities.insert(project.to_owned(), (read_at, KnownVisibility { visibility }));
        }
    }
}
