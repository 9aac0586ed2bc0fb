//! Robots: accounts of programs, with grants over repositories, an end, and secrets instead of a password.

use access::{AccountName, Glob, Resource, Role};
use db::{Row, Tx, Value};
use identity::{Secret, SecretDigest, SecretKind};
use serde_json::json;

use crate::change::record;
use crate::projects::{self, Project};
use crate::subject::Account;
use crate::{Error, Page, PageRequest, Subject, Tenancy, Thing, page, sessions, storable, users};

const DAY_US: i64 = 86_400 * 1_000_000;

/// Longest life of a robot, counted from now when it is made or prolonged: a year and its slack, so that every secret
/// in a pipeline is looked at once a year.
pub const ROBOT_LIFETIME_MAX_US: i64 = 366 * DAY_US;

/// Longest time that the old secret lives beside a new one: a week finds every pipeline that still has it.
pub const ROTATION_OVERLAP_MAX_US: i64 = 7 * DAY_US;

/// Secrets of a robot that may be used at the same time: the new one and the one that it replaces.
pub const LIVE_SECRETS_MAX: usize = 2;

/// Grants of one robot: each request of it looks at all of them.
pub const ROBOT_GRANTS_MAX: usize = 64;

/// How often the last use of a robot is written: often enough to find the unused, far from a write a request.
pub const LAST_USE_EVERY_US: i64 = 60 * 1_000_000;

db::statements! {
    INSERT_ROBOT = "INSERT INTO robots
        (name, project_id, disabled, created_at_us, expires_at_us, credentials_changed_at_us, last_used_at_us)
        VALUES ($1, $2, 0, $3, $4, $3, NULL) RETURNING id";
    FIND_ROBOT = "SELECT r.id, r.name, p.name, r.disabled, r.created_at_us, r.expires_at_us, r.last_used_at_us,
        r.credentials_changed_at_us, r.project_id FROM robots r LEFT JOIN projects p ON p.id = r.project_id
        WHERE r.name = $1";
    LIST_ROBOTS_OF_PROJECT = "SELECT r.id, r.name, p.name, r.disabled, r.created_at_us, r.expires_at_us, r.last_used_at_us,
        r.credentials_changed_at_us, r.project_id FROM robots r LEFT JOIN projects p ON p.id = r.project_id
        WHERE r.project_id = $1 AND r.name > $2 ORDER BY r.name LIMIT $3";
    LIST_ROBOTS_OF_HUB = "SELECT r.id, r.name, p.name, r.disabled, r.created_at_us, r.expires_at_us, r.last_used_at_us,
        r.credentials_changed_at_us, r.project_id FROM robots r LEFT JOIN projects p ON p.id = r.project_id
        WHERE r.project_id IS NULL AND r.name > $1 ORDER BY r.name LIMIT $2";
    LIST_GRANTS_OF_ROBOTS = "SELECT robot_id, repositories, role FROM robot_grants WHERE robot_id IN {list}
        ORDER BY robot_id, repositories";
    LIST_SECRETS_OF_ROBOTS = "SELECT robot_id, created_at_us, expires_at_us FROM robot_secrets
        WHERE robot_id IN {list} ORDER BY robot_id, id";
    UPDATE_ROBOT = "UPDATE robots SET disabled = $2, expires_at_us = $3 WHERE id = $1";
    DELETE_ROBOT = "DELETE FROM robots WHERE id = $1";
    INSERT_GRANTS = "INSERT INTO robot_grants (robot_id, repositories, role) VALUES {rows:3}";
    PUT_GRANT = "INSERT INTO robot_grants (robot_id, repositories, role) VALUES ($1, $2, $3)
        ON CONFLICT (robot_id, repositories) DO UPDATE SET role = excluded.role";
    COUNT_GRANTS = "SELECT COUNT(*) FROM robot_grants WHERE robot_id = $1 AND repositories <> $2";
    DELETE_GRANT = "DELETE FROM robot_grants WHERE robot_id = $1 AND repositories = $2";
    DELETE_GRANTS = "DELETE FROM robot_grants WHERE robot_id = $1";
    DELETE_GRANTS_BETWEEN = "DELETE FROM robot_grants WHERE repositories >= $1 AND repositories < $2";
    INSERT_SECRET = "INSERT INTO robot_secrets (robot_id, secret_sha256, created_at_us, expires_at_us)
        VALUES ($1, $2, $3, $4)";
    LIST_SECRETS = "SELECT id, expires_at_us FROM robot_secrets WHERE robot_id = $1 ORDER BY id DESC";
    SHORTEN_SECRET = "UPDATE robot_secrets SET expires_at_us = $2 WHERE id = $1";
    PROLONG_NEWEST_SECRET = "UPDATE robot_secrets SET expires_at_us = $2
        WHERE id = (SELECT MAX(id) FROM robot_secrets WHERE robot_id = $1)";
    DELETE_SECRET = "DELETE FROM robot_secrets WHERE id = $1";
    /// Lets no refresh token of a robot outlive the secrets that are being replaced.
    SHORTEN_SESSIONS = "UPDATE sessions SET expires_at_us = $2 WHERE robot_id = $1 AND expires_at_us > $2";
    DELETE_SECRETS = "DELETE FROM robot_secrets WHERE robot_id = $1";
    /// Grows with each change, whatever the clock does: it is what tells credentials of before from those of after.
    SET_CREDENTIALS_CHANGED = "UPDATE robots SET credentials_changed_at_us =
        CASE WHEN credentials_changed_at_us < $2 THEN $2 ELSE credentials_changed_at_us + 1 END WHERE id = $1";
    LIST_ROBOT_IDS_OF_PROJECT = "SELECT id FROM robots WHERE project_id = $1";
    FIND_SECRET = "SELECT r.id, r.name, s.expires_at_us, r.last_used_at_us FROM robot_secrets s
        JOIN robots r ON r.id = s.robot_id WHERE s.secret_sha256 = $1";
    SET_LAST_USED = "UPDATE robots SET last_used_at_us = $2
        WHERE id = $1 AND (last_used_at_us IS NULL OR last_used_at_us <= $3)";
}

/// Who owns a robot, and so who may change it and how far its grants may reach. A robot is found only at its owner:
/// under any other it does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// The hub: grants may lie in several projects.
    Hub,
    /// A project, by its name: grants lie within it.
    Project(String),
}

/// A role over all repositories that match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RobotGrant {
    /// Which repositories.
    pub repositories: Glob,
    /// What may be done there.
    pub role: &'static Role,
}

/// What is needed to make a robot.
#[derive(Debug, Clone)]
pub struct NewRobot {
    /// Unique among users and robots.
    pub name: AccountName,
    /// Who owns it.
    pub owner: Owner,
    /// What it may do; at most [`ROBOT_GRANTS_MAX`].
    pub grants: Vec<RobotGrant>,
    /// When it ends, in microseconds since 1970; at most [`ROBOT_LIFETIME_MAX_US`] from now.
    pub expires_at_us: i64,
}

/// A robot as its owner may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Robot {
    /// Stays with the account.
    pub id: i64,
    /// The login.
    pub name: String,
    /// Who owns it.
    pub owner: Owner,
    /// Whether every login and token is refused.
    pub disabled: bool,
    /// When it was made, in microseconds since 1970.
    pub created_at_us: i64,
    /// When it ends.
    pub expires_at_us: i64,
    /// When it last logged in, to the minute.
    pub last_used_at_us: Option<i64>,
    /// What it may do.
    pub grants: Vec<RobotGrant>,
    /// When its secrets were made and when they end, the newest last.
    pub secrets: Vec<RobotSecret>,
}

/// When a secret was made and when it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RobotSecret {
    /// When it was made, in microseconds since 1970.
    pub created_at_us: i64,
    /// When it ends.
    pub expires_at_us: i64,
}

/// A robot with a secret that is shown this once.
#[derive(Debug)]
pub struct RobotWithSecret {
    /// The robot as it is now.
    pub robot: Robot,
    /// The new secret; only its hash is kept.
    pub secret: Secret,
}

/// What of a robot may change; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct RobotUpdate {
    /// Shuts the robot out or lets it in again.
    pub disabled: Option<bool>,
    /// Replaces all grants.
    pub grants: Option<Vec<RobotGrant>>,
    /// Prolongs or shortens its life, and that of its newest secret with it.
    pub expires_at_us: Option<i64>,
}

impl Tenancy {
    /// Makes a robot and its first secret.
    pub async fn create_robot(&self, by: &Subject, new: NewRobot) -> Result<RobotWithSecret, Error> {
        check_grants(&new.owner, &new.grants)?;
        let (secret, hash) = new_secret()?;
        let by = by.clone();
        let robot = self
            .change(move |tx| {
                let (by, new) = (by.clone(), new.clone());
                Box::pin(async move {
                    users::claim_login(tx, &new.name).await?;
                    let now_us = tx.now_us().await?;
                    check_life(new.expires_at_us, now_us)?;
                    let project_id = owner_id(tx, &new.owner).await?;
                    let parameters: [Value; 4] =
                        [new.name.as_str().into(), project_id.into(), now_us.into(), new.expires_at_us.into()];
                    let inserted = tx.query(&INSERT_ROBOT, &parameters).await;
                    let rows =
                        inserted.map_err(|error| Error::from(error).or_exists(Thing::Login, new.name.as_str()))?;
                    let id: i64 = rows.first().ok_or(Error::Missing { thing: Thing::Robot })?.get(0)?;
                    insert_grants(tx, id, &new.grants).await?;
                    let secret: [Value; 4] =
                        [id.into(), hash.as_bytes().into(), now_us.into(), new.expires_at_us.into()];
                    tx.execute(&INSERT_SECRET, &secret).await?;
                    let detail = json!({ "grants": grants_detail(&new.grants), "expires_at_us": new.expires_at_us });
                    record(tx, &by, "robot.create", resource(&new.owner, new.name.as_str()), detail).await?;
                    load(tx, &new.owner, new.name.as_str()).await
                })
            })
            .await?;
        Ok(RobotWithSecret { robot, secret })
    }

    /// Returns the robots of an owner in the order of their names.
    pub async fn list_robots(&self, owner: &Owner, page: &PageRequest) -> Result<Page<Robot>, Error> {
        let (limit, after, owner) = (page.limit(), page.after(), owner.clone());
        let robots = self
            .read(move |tx| {
                Box::pin(async move {
                    let one_more = page::one_more(limit);
                    let rows = match owner_id(tx, &owner).await? {
                        Some(id) => {
                            tx.query(&LIST_ROBOTS_OF_PROJECT, &[id.into(), after.into(), one_more.into()]).await?
                        }
                        None => tx.query(&LIST_ROBOTS_OF_HUB, &[after.into(), one_more.into()]).await?,
                    };
                    let mut robots = rows.iter().map(robot_from).collect::<Result<Vec<_>, _>>()?;
                    complete(tx, &mut robots).await?;
                    Ok(robots)
                })
            })
            .await?;
        Ok(Page::cut(robots, limit, |robot| robot.name.clone()))
    }

    /// Returns one robot of an owner.
    pub async fn get_robot(&self, owner: &Owner, name: &str) -> Result<Robot, Error> {
        let (owner, name) = (owner.clone(), name.to_owned());
        self.read(move |tx| Box::pin(async move { load(tx, &owner, &name).await })).await
    }

    /// Changes what may change of a robot.
    pub async fn update_robot(
        &self,
        by: &Subject,
        owner: &Owner,
        name: &str,
        update: RobotUpdate,
    ) -> Result<Robot, Error> {
        if let Some(grants) = &update.grants {
            check_grants(owner, grants)?;
        }
        let (by, owner, name) = (by.clone(), owner.clone(), name.to_owned());
        self.change(move |tx| {
            let (by, owner, name, update) = (by.clone(), owner.clone(), name.clone(), update.clone());
            Box::pin(async move {
                let robot = load(tx, &owner, &name).await?;
                let disabled = update.disabled.unwrap_or(robot.disabled);
                let expires_at_us = update.expires_at_us.unwrap_or(robot.expires_at_us);
                if update.expires_at_us.is_some() {
                    check_life(expires_at_us, tx.now_us().await?)?;
                    tx.execute(&PROLONG_NEWEST_SECRET, &[robot.id.into(), expires_at_us.into()]).await?;
                }
                if let Some(grants) = &update.grants {
                    tx.execute(&DELETE_GRANTS, &[robot.id.into()]).await?;
                    insert_grants(tx, robot.id, grants).await?;
                }
                tx.execute(&UPDATE_ROBOT, &[robot.id.into(), disabled.into(), expires_at_us.into()]).await?;
                if disabled {
                    sessions::end_all(tx, Account::Robot(robot.id)).await?;
                }
                let detail = json!({
                    "disabled": disabled,
                    "expires_at_us": expires_at_us,
                    "grants": update.grants.as_deref().map(grants_detail),
                });
                record(tx, &by, "robot.update", resource(&owner, &name), detail).await?;
                load(tx, &owner, &name).await
            })
        })
        .await
    }

    /// Makes a new secret; the one before lives on for `overlap_us`, at most [`ROTATION_OVERLAP_MAX_US`], and an older
    /// one ends now. With no overlap everything that was authenticated by an older secret ends too.
    pub async fn rotate_robot(
        &self,
        by: &Subject,
        owner: &Owner,
        name: &str,
        overlap_us: i64,
    ) -> Result<RobotWithSecret, Error> {
        if !(0..=ROTATION_OVERLAP_MAX_US).contains(&overlap_us) {
            return Err(Error::Overlap { actual_us: overlap_us });
        }
        let (secret, hash) = new_secret()?;
        let (by, owner, name) = (by.clone(), owner.clone(), name.to_owned());
        let robot = self
            .change(move |tx| {
                let (by, owner, name) = (by.clone(), owner.clone(), name.clone());
                Box::pin(async move {
                    let robot = load(tx, &owner, &name).await?;
                    let now_us = tx.now_us().await?;
                    if robot.expires_at_us <= now_us {
                        return Err(Error::RobotExpired { robot: name });
                    }
                    if overlap_us == 0 {
                        end_secrets(tx, robot.id, now_us).await?;
                    } else {
                        shorten_secrets(tx, robot.id, now_us, now_us + overlap_us).await?;
                    }
                    let secret: [Value; 4] =
                        [robot.id.into(), hash.as_bytes().into(), now_us.into(), robot.expires_at_us.into()];
                    tx.execute(&INSERT_SECRET, &secret).await?;
                    let detail = json!({ "overlap_us": overlap_us });
                    record(tx, &by, "robot.rotate", resource(&owner, &name), detail).await?;
                    load(tx, &owner, &name).await
                })
            })
            .await?;
        Ok(RobotWithSecret { robot, secret })
    }

    /// Ends every secret of a robot and all that was authenticated by one; rotating it gives it a new one.
    pub async fn revoke_robot(&self, by: &Subject, owner: &Owner, name: &str) -> Result<(), Error> {
        let (by, owner, name) = (by.clone(), owner.clone(), name.to_owned());
        self.change(move |tx| {
            let (by, owner, name) = (by.clone(), owner.clone(), name.clone());
            Box::pin(async move {
                let robot = load(tx, &owner, &name).await?;
                let now_us = tx.now_us().await?;
                end_secrets(tx, robot.id, now_us).await?;
                record(tx, &by, "robot.revoke", resource(&owner, &name), json!({})).await
            })
        })
        .await
    }

    /// Deletes a robot with its grants, secrets and refresh tokens.
    pub async fn delete_robot(&self, by: &Subject, owner: &Owner, name: &str) -> Result<(), Error> {
        let (by, owner, name) = (by.clone(), owner.clone(), name.to_owned());
        self.change(move |tx| {
            let (by, owner, name) = (by.clone(), owner.clone(), name.clone());
            Box::pin(async move {
                let robot = load(tx, &owner, &name).await?;
                delete(tx, robot.id).await?;
                record(tx, &by, "robot.delete", resource(&owner, &name), json!({})).await
            })
        })
        .await
    }
}

/// A robot as one of its secrets finds it.
pub(crate) struct SecretHolder {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) secret_expires_at_us: i64,
    pub(crate) last_used_at_us: Option<i64>,
}

pub(crate) async fn find_by_secret(tx: &mut Tx, hash: SecretDigest) -> Result<Option<SecretHolder>, Error> {
    let Some(row) = tx.find(&FIND_SECRET, &[hash.as_bytes().into()]).await? else {
        return Ok(None);
    };
    Ok(Some(SecretHolder {
        id: row.get(0)?,
        name: row.get(1)?,
        secret_expires_at_us: row.get(2)?,
        last_used_at_us: row.get(3)?,
    }))
}

pub(crate) async fn set_last_used(tx: &mut Tx, id: i64, now_us: i64) -> Result<(), Error> {
    tx.execute(&SET_LAST_USED, &[id.into(), now_us.into(), (now_us - LAST_USE_EVERY_US).into()]).await?;
    Ok(())
}

/// Returns the id of a robot whoever owns it: for its own login, never for a change that someone asks for.
pub(crate) async fn find_any(tx: &mut Tx, name: &str) -> Result<Option<Robot>, Error> {
    if !storable(name) {
        return Ok(None);
    }
    tx.find(&FIND_ROBOT, &[name.into()]).await?.as_ref().map(robot_from).transpose()
}

/// Gives a robot of the hub or of this project a role on the whole project.
pub(crate) async fn grant_in_project(
    tx: &mut Tx,
    project: &Project,
    login: &str,
    role: &'static Role,
) -> Result<(), Error> {
    let robot = robot_for_project(tx, project, login).await?;
    let glob = Glob::whole_project(&project.name).map_err(|source| Error::StoredGlob { source })?;
    let others: i64 = match tx.find(&COUNT_GRANTS, &[robot.id.into(), glob.as_str().into()]).await? {
        Some(row) => row.get(0)?,
        None => 0,
    };
    let count = usize::try_from(others).unwrap_or(usize::MAX).saturating_add(1);
    if count > ROBOT_GRANTS_MAX {
        return Err(Error::TooManyGrants { actual: count });
    }
    tx.execute(&PUT_GRANT, &[robot.id.into(), glob.as_str().into(), role.name.into()]).await?;
    Ok(())
}

/// Takes the role on the whole project from a robot, and returns whether it had one.
pub(crate) async fn revoke_in_project(tx: &mut Tx, project: &Project, login: &str) -> Result<bool, Error> {
    let robot = robot_for_project(tx, project, login).await?;
    let glob = Glob::whole_project(&project.name).map_err(|source| Error::StoredGlob { source })?;
    Ok(tx.execute(&DELETE_GRANT, &[robot.id.into(), glob.as_str().into()]).await? > 0)
}

/// Deletes the robots of a project, and every grant of other robots that lies within it.
pub(crate) async fn delete_all_of_project(tx: &mut Tx, project: &Project) -> Result<(), Error> {
    for row in tx.query(&LIST_ROBOT_IDS_OF_PROJECT, &[project.id.into()]).await? {
        delete(tx, row.get(0)?).await?;
    }
    // Text keys are compared byte by byte on both databases, and `0` is the byte after `/`.
    let (from, to) = (format!("{}/", project.name), format!("{}0", project.name));
    tx.execute(&DELETE_GRANTS_BETWEEN, &[from.into(), to.into()]).await?;
    Ok(())
}

pub(crate) fn stored_glob(row: &Row, column: usize) -> Result<Glob, Error> {
    let text: String = row.get(column)?;
    Glob::parse(&text).map_err(|source| Error::StoredGlob { source })
}

async fn robot_for_project(tx: &mut Tx, project: &Project, login: &str) -> Result<Robot, Error> {
    let robot = find_any(tx, login).await?.filter(|robot| match &robot.owner {
        Owner::Hub => true,
        Owner::Project(name) => *name == project.name,
    });
    robot.ok_or_else(|| Error::NotFound { thing: Thing::Login, name: login.to_owned() })
}

async fn load(tx: &mut Tx, owner: &Owner, name: &str) -> Result<Robot, Error> {
    let robot = find_any(tx, name).await?.filter(|robot| robot.owner == *owner);
    let mut robots = [robot.ok_or_else(|| Error::NotFound { thing: Thing::Robot, name: name.to_owned() })?];
    complete(tx, &mut robots).await?;
    let [robot] = robots;
    Ok(robot)
}

/// Fills in grants and secrets.
async fn complete(tx: &mut Tx, robots: &mut [Robot]) -> Result<(), Error> {
    let ids: Vec<Value> = robots.iter().map(|robot| robot.id.into()).collect();
    if ids.is_empty() {
        return Ok(());
    }
    for row in tx.query_list(&LIST_GRANTS_OF_ROBOTS, &[], &ids).await? {
        let id: i64 = row.get(0)?;
        let name: String = row.get(2)?;
        let (Ok(role), Some(robot)) = (Role::parse(&name), robots.iter_mut().find(|robot| robot.id == id)) else {
            continue;
        };
        robot.grants.push(RobotGrant { repositories: stored_glob(&row, 1)?, role });
    }
    for row in tx.query_list(&LIST_SECRETS_OF_ROBOTS, &[], &ids).await? {
        let id: i64 = row.get(0)?;
        if let Some(robot) = robots.iter_mut().find(|robot| robot.id == id) {
            robot.secrets.push(RobotSecret { created_at_us: row.get(1)?, expires_at_us: row.get(2)? });
        }
    }
    Ok(())
}

async fn owner_id(tx: &mut Tx, owner: &Owner) -> Result<Option<i64>, Error> {
    match owner {
        Owner::Hub => Ok(None),
        Owner::Project(name) => Ok(Some(projects::load(tx, name).await?.id)),
    }
}

async fn insert_grants(tx: &mut Tx, id: i64, grants: &[RobotGrant]) -> Result<(), Error> {
    let rows: Vec<Vec<Value>> = grants
        .iter()
        .map(|grant| vec![id.into(), grant.repositories.as_str().into(), grant.role.name.into()])
        .collect();
    tx.execute_rows(&INSERT_GRANTS, &[], &rows).await?;
    Ok(())
}

/// Leaves the newest live secret until `until_us` and deletes all others.
async fn shorten_secrets(tx: &mut Tx, id: i64, now_us: i64, until_us: i64) -> Result<(), Error> {
    let mut live = 1;
    for row in tx.query(&LIST_SECRETS, &[id.into()]).await? {
        let (secret, expires_at_us): (i64, i64) = (row.get(0)?, row.get(1)?);
        if expires_at_us > now_us && live < LIVE_SECRETS_MAX {
            live += 1;
            tx.execute(&SHORTEN_SECRET, &[secret.into(), until_us.min(expires_at_us).into()]).await?;
        } else {
            tx.execute(&DELETE_SECRET, &[secret.into()]).await?;
        }
    }
    // Which secret a refresh token came by is not known; a client of the new secret logs in again.
    tx.execute(&SHORTEN_SESSIONS, &[id.into(), until_us.into()]).await?;
    Ok(())
}

/// Ends all secrets and what was authenticated by them.
async fn end_secrets(tx: &mut Tx, id: i64, now_us: i64) -> Result<(), Error> {
    tx.execute(&DELETE_SECRETS, &[id.into()]).await?;
    tx.execute(&SET_CREDENTIALS_CHANGED, &[id.into(), now_us.into()]).await?;
    sessions::end_all(tx, Account::Robot(id)).await
}

async fn delete(tx: &mut Tx, id: i64) -> Result<(), Error> {
    sessions::end_all(tx, Account::Robot(id)).await?;
    for statement in [&DELETE_SECRETS, &DELETE_GRANTS, &DELETE_ROBOT] {
        tx.execute(statement, &[id.into()]).await?;
    }
    Ok(())
}

fn new_secret() -> Result<(Secret, SecretDigest), Error> {
    let secret = SecretKind::Robot.generate()?;
    let digest = SecretKind::Robot.digest(secret.expose());
    Ok((secret, digest.expect("a secret that was just made is well-formed")))
}

fn check_grants(owner: &Owner, grants: &[RobotGrant]) -> Result<(), Error> {
    if grants.len() > ROBOT_GRANTS_MAX {
        return Err(Error::TooManyGrants { actual: grants.len() });
    }
    for (index, grant) in grants.iter().enumerate() {
        if grants[..index].iter().any(|earlier| earlier.repositories == grant.repositories) {
            return Err(Error::GrantTwice { repositories: grant.repositories.to_string() });
        }
        if let Owner::Project(project) = owner
            && !grant.repositories.is_within_project(project)
        {
            let repositories = grant.repositories.to_string();
            return Err(Error::OutsideProject { repositories, project: project.clone() });
        }
    }
    Ok(())
}

fn check_life(expires_at_us: i64, now_us: i64) -> Result<(), Error> {
    let life_us = expires_at_us.saturating_sub(now_us);
    if (1..=ROBOT_LIFETIME_MAX_US).contains(&life_us) { Ok(()) } else { Err(Error::RobotLifetime { expires_at_us }) }
}

fn resource<'a>(owner: &'a Owner, name: &'a str) -> Resource<'a> {
    let project = match owner {
        Owner::Hub => None,
        Owner::Project(project) => Some(project.as_str()),
    };
    Resource::Robot { project, name }
}

fn grants_detail(grants: &[RobotGrant]) -> Vec<String> {
    grants.iter().map(|grant| format!("{} on {}", grant.role, grant.repositories)).collect()
}

fn robot_from(row: &Row) -> Result<Robot, Error> {
    let project: Option<String> = row.get(2)?;
    if project.is_none() && row.get::<Option<i64>>(8)?.is_some() {
        // Never taken for a robot of the hub, which may reach further.
        return Err(Error::Missing { thing: Thing::Project });
    }
    Ok(Robot {
        id: row.get(0)?,
        name: row.get(1)?,
        owner: project.map_or(Owner::Hub, Owner::Project),
        disabled: row.get(3)?,
        created_at_us: row.get(4)?,
        expires_at_us: row.get(5)?,
        last_used_at_us: row.get(6)?,
        grants: Vec::new(),
        secrets: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_ends_after_now_and_within_its_limit() {
        let now_us = 1_000;
        for (life_us, allowed) in [
            (i64::MIN + now_us, false),
            (-1, false),
            (0, false),
            (1, true),
            (ROBOT_LIFETIME_MAX_US - 1, true),
            (ROBOT_LIFETIME_MAX_US, true),
            (ROBOT_LIFETIME_MAX_US + 1, false),
            (i64::MAX - now_us, false),
        ] {
            assert_eq!(check_life(now_us + life_us, now_us).is_ok(), allowed, "{life_us}");
        }
    }
}
