//! Projects: the owners of repositories, and their members.

use access::{Action, Glob, GrantScope, Request, Resource, Role, Visibility, allows};
use std::collections::BTreeMap;
use std::sync::Arc;

use db::{Row, Tx, Value};
use serde_json::json;

use crate::change::{record, record_as};
use crate::grants::Grants;
use crate::keys::SYSTEM;
use crate::{Caller, Error, Page, PageRequest, ProjectName, Subject, Tenancy, Thing, page, robots, users};

/// Rows looked at in one query while listing what a robot with a wide glob may see.
const SCAN_ROWS: i64 = 500;

db::statements! {
    INSERT_PROJECT = "INSERT INTO projects (name, public, created_at_us) VALUES ($1, $2, $3) RETURNING id";
    FIND_PROJECT = "SELECT id, name, public, created_at_us, sbom_documents FROM projects WHERE name = $1";
    LIST_PROJECTS = "SELECT id, name, public, created_at_us, sbom_documents FROM projects WHERE name > $1 ORDER BY name LIMIT $2";
    LIST_PUBLIC_PROJECTS = "SELECT id, name, public, created_at_us, sbom_documents FROM projects WHERE public = 1 AND name > $1
        ORDER BY name LIMIT $2";
    LIST_PROJECTS_OF_USER = "SELECT p.id, p.name, p.public, p.created_at_us, p.sbom_documents FROM members m
        JOIN projects p ON p.id = m.project_id WHERE m.user_id = $1 AND p.name > $2 ORDER BY p.name LIMIT $3";
    LIST_NAMED_PROJECTS = "SELECT id, name, public, created_at_us, sbom_documents FROM projects WHERE name IN {list}";
    UPDATE_PROJECT = "UPDATE projects SET public = $2, sbom_documents = $3 WHERE id = $1";
    DELETE_PROJECT = "DELETE FROM projects WHERE id = $1";
    FIND_REPOSITORY_OF_PROJECT = "SELECT id FROM repositories WHERE project_id = $1 LIMIT 1";
    LIST_MEMBERS = "SELECT u.name, m.role, m.granted_at_us FROM members m JOIN users u ON u.id = m.user_id
        WHERE m.project_id = $1 AND u.name > $2 ORDER BY u.name LIMIT $3";
    PUT_MEMBER = "INSERT INTO members (project_id, user_id, role, granted_at_us) VALUES ($1, $2, $3, $4)
        ON CONFLICT (project_id, user_id) DO UPDATE SET role = excluded.role, granted_at_us = excluded.granted_at_us";
    DELETE_MEMBER = "DELETE FROM members WHERE project_id = $1 AND user_id = $2";
    DELETE_MEMBERS = "DELETE FROM members WHERE project_id = $1";
}

/// What is needed to make a project.
#[derive(Debug, Clone)]
pub struct NewProject {
    /// The first segment of the names of its repositories.
    pub name: ProjectName,
    /// Whether anyone may pull from it without logging in.
    pub public: bool,
}

/// A project as those may see it who know that it exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Stays with the project.
    pub id: i64,
    /// The first segment of the names of its repositories.
    pub name: String,
    /// Whether anyone may pull from it without logging in.
    pub public: bool,
    /// Whether the hub puts its own SBOM documents beside its images.
    pub sbom_documents: bool,
    /// When it was made, in microseconds since 1970.
    pub created_at_us: i64,
}

/// What of a project may change; `None` leaves a field as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProjectUpdate {
    /// Lets anyone pull from it, or no longer.
    pub public: Option<bool>,
    /// Has the hub put its own SBOM documents beside its images, or no longer.
    pub sbom_documents: Option<bool>,
}

/// A user's role in a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The user's login.
    pub user: String,
    /// The name of the role.
    pub role: String,
    /// When the role was granted, in microseconds since 1970.
    pub granted_at_us: i64,
}

/// Who now has a role: members are users; a robot of the system gets a grant over the project's repositories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granted {
    /// A user became a member, or its role changed.
    Member,
    /// A robot's grants changed.
    Robot,
}

impl Tenancy {
    /// Makes a project with no members: whoever may make one administers the hub.
    pub async fn create_project(&self, by: &Subject, new: NewProject) -> Result<Project, Error> {
        let by = by.clone();
        self.change(move |tx| {
            let (by, new) = (by.clone(), new.clone());
            Box::pin(async move {
                let project = insert(tx, &new).await?;
                record(tx, &by, "project.create", Resource::Project(&project.name), json!({ "public": new.public }))
                    .await?;
                Ok(project)
            })
        })
        .await
    }

    /// Makes a private project of the hub itself, unless there is one of that name.
    pub async fn ensure_project(&self, name: &str) -> Result<(), Error> {
        if self.project_visibility(name).await?.is_some() {
            return Ok(());
        }
        let new = NewProject { name: name.parse()?, public: false };
        let made = self
            .change(move |tx| {
                let new = new.clone();
                Box::pin(async move {
                    let project = insert(tx, &new).await?;
                    record_as(
                        tx,
                        SYSTEM,
                        "project.create",
                        Resource::Project(&project.name),
                        json!({ "public": false }),
                    )
                    .await
                })
            })
            .await;
        match made {
            // Another replica was first.
            Err(Error::Exists { .. }) => Ok(()),
            made => made,
        }
    }

    /// Returns the projects that the caller may know of, in the order of their names.
    pub async fn list_projects(&self, caller: &Caller, page: &PageRequest) -> Result<Page<Project>, Error> {
        let (limit, after) = (page.limit(), page.after());
        let sight = Sight::of(&caller.subject, &caller.grants);
        let projects =
            self.read(move |tx| Box::pin(async move { sight.list(tx, after, page::one_more(limit)).await })).await?;
        Ok(Page::cut(projects, limit, |project| project.name.clone()))
    }

    /// Returns one project.
    pub async fn get_project(&self, name: &str) -> Result<Project, Error> {
        let name = name.to_owned();
        self.read(move |tx| Box::pin(async move { load(tx, &name).await })).await
    }

    /// Changes what may change of a project.
    pub async fn update_project(&self, by: &Subject, name: &str, update: ProjectUpdate) -> Result<Project, Error> {
        let (by, name) = (by.clone(), name.to_owned());
        self.change(move |tx| {
            let (by, name) = (by.clone(), name.clone());
            Box::pin(async move {
                let mut project = load(tx, &name).await?;
                project.public = update.public.unwrap_or(project.public);
                project.sbom_documents = update.sbom_documents.unwrap_or(project.sbom_documents);
                let parameters = [project.id.into(), project.public.into(), project.sbom_documents.into()];
                tx.execute(&UPDATE_PROJECT, &parameters).await?;
                let detail = json!({ "public": project.public, "sbom_documents": project.sbom_documents });
                record(tx, &by, "project.update", Resource::Project(&name), detail).await?;
                Ok(project)
            })
        })
        .await
    }

    /// Deletes a project without repositories, with its members and robots, and takes what other robots were granted
    /// in it: a later project of the same name starts with nobody.
    pub async fn delete_project(&self, by: &Subject, name: &str) -> Result<(), Error> {
        let (by, name) = (by.clone(), name.to_owned());
        self.change(move |tx| {
            let (by, name) = (by.clone(), name.clone());
            Box::pin(async move {
                let project = load(tx, &name).await?;
                if tx.find(&FIND_REPOSITORY_OF_PROJECT, &[project.id.into()]).await?.is_some() {
                    return Err(Error::ProjectNotEmpty { project: name });
                }
                robots::delete_all_of_project(tx, &project).await?;
                tx.execute(&DELETE_MEMBERS, &[project.id.into()]).await?;
                tx.execute(&DELETE_PROJECT, &[project.id.into()]).await?;
                record(tx, &by, "project.delete", Resource::Project(&name), json!({})).await
            })
        })
        .await
    }

    /// Returns the members of a project in the order of their logins.
    pub async fn list_members(&self, project: &str, page: &PageRequest) -> Result<Page<Member>, Error> {
        let (limit, after, project) = (page.limit(), page.after(), project.to_owned());
        let members = self
            .read(move |tx| {
                Box::pin(async move {
                    let project = load(tx, &project).await?;
                    let parameters: [Value; 3] = [project.id.into(), after.into(), page::one_more(limit).into()];
                    let rows = tx.query(&LIST_MEMBERS, &parameters).await?;
                    rows.iter().map(member_from).collect::<Result<Vec<_>, _>>()
                })
            })
            .await?;
        Ok(Page::cut(members, limit, |member| member.user.clone()))
    }

    /// Gives a login a role in a project, instead of the one that it had there: a user becomes a member; a robot of
    /// the project or of the system gets the role on all repositories of the project.
    pub async fn grant(&self, by: &Subject, project: &str, login: &str, role: &'static Role) -> Result<Granted, Error> {
        let (by, project, login) = (by.clone(), project.to_owned(), login.to_owned());
        self.change(move |tx| {
            let (by, project, login) = (by.clone(), project.clone(), login.clone());
            Box::pin(async move {
                let project = load(tx, &project).await?;
                let now_us = tx.now_us().await?;
                let granted = if let Some(stored) = users::find(tx, &login).await? {
                    let parameters: [Value; 4] =
                        [project.id.into(), stored.user.id.into(), role.name.into(), now_us.into()];
                    tx.execute(&PUT_MEMBER, &parameters).await?;
                    Granted::Member
                } else {
                    robots::grant_in_project(tx, &project, &login, role).await?;
                    Granted::Robot
                };
                let detail = json!({ "login": login, "role": role.name });
                record(tx, &by, "member.grant", Resource::Project(&project.name), detail).await?;
                Ok(granted)
            })
        })
        .await
    }

    /// Takes the role in a project from a login that has one.
    pub async fn revoke(&self, by: &Subject, project: &str, login: &str) -> Result<Granted, Error> {
        let (by, project, login) = (by.clone(), project.to_owned(), login.to_owned());
        self.change(move |tx| {
            let (by, project, login) = (by.clone(), project.clone(), login.clone());
            Box::pin(async move {
                let project = load(tx, &project).await?;
                let (granted, revoked) = match users::find(tx, &login).await? {
                    Some(stored) => {
                        let parameters: [Value; 2] = [project.id.into(), stored.user.id.into()];
                        (Granted::Member, tx.execute(&DELETE_MEMBER, &parameters).await? > 0)
                    }
                    None => (Granted::Robot, robots::revoke_in_project(tx, &project, &login).await?),
                };
                if !revoked {
                    return Err(Error::NotFound { thing: Thing::Member, name: login });
                }
                record(tx, &by, "member.revoke", Resource::Project(&project.name), json!({ "login": login })).await?;
                Ok(granted)
            })
        })
        .await
    }
}

/// Which projects someone may know of.
#[derive(Debug, Clone)]
enum Sight {
    All,
    Public,
    /// Those that the user is a member of, and public ones.
    Member(i64),
    /// Those that a robot's globs reach, and public ones.
    Robot(Arc<Grants>),
}

impl Sight {
    fn of(subject: &Subject, grants: &Arc<Grants>) -> Self {
        match subject {
            _ if grants.actor().is_administrator() => Self::All,
            Subject::Anonymous => Self::Public,
            Subject::User { id, .. } => Self::Member(*id),
            Subject::Robot { .. } => Self::Robot(Arc::clone(grants)),
        }
    }

    /// Returns up to `wanted` projects after a name.
    async fn list(&self, tx: &mut Tx, after: String, wanted: i64) -> Result<Vec<Project>, Error> {
        let by_name: [Value; 2] = [after.as_str().into(), wanted.into()];
        let own = match self {
            Self::All => return rows(&tx.query(&LIST_PROJECTS, &by_name).await?),
            Self::Public => Vec::new(),
            Self::Member(user) => {
                rows(&tx.query(&LIST_PROJECTS_OF_USER, &[(*user).into(), after.into(), wanted.into()]).await?)?
            }
            Self::Robot(grants) => match named_projects(grants) {
                Some(names) => named(tx, &names, &after).await?,
                None => scan(tx, grants, after, wanted).await?,
            },
        };
        let public = rows(&tx.query(&LIST_PUBLIC_PROJECTS, &by_name).await?)?;
        let mut seen: BTreeMap<String, Project> = BTreeMap::new();
        seen.extend(own.into_iter().chain(public).map(|project| (project.name.clone(), project)));
        Ok(seen.into_values().take(usize::try_from(wanted).unwrap_or(usize::MAX)).collect())
    }
}

/// The projects of a robot whose globs each name one; `None` when one of them has a wildcard in its first segment.
fn named_projects(grants: &Grants) -> Option<Vec<String>> {
    let globs = grants.access().grants().map(|grant| match &grant.scope {
        GrantScope::Project(name) => Some(name.clone()),
        GrantScope::Repositories(glob) => literal_project(glob).map(str::to_owned),
    });
    globs.collect()
}

fn literal_project(glob: &Glob) -> Option<&str> {
    let (first, _) = glob.as_str().split_once('/')?;
    (!first.contains('*')).then_some(first)
}

async fn named(tx: &mut Tx, names: &[String], after: &str) -> Result<Vec<Project>, Error> {
    let names: Vec<Value> = names.iter().filter(|name| name.as_str() > after).map(Value::from).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    rows(&tx.query_list(&LIST_NAMED_PROJECTS, &[], &names).await?)
}

/// Looks at all projects in turn: only for robots of the hub with a wildcard where the project stands.
async fn scan(tx: &mut Tx, grants: &Grants, mut after: String, wanted: i64) -> Result<Vec<Project>, Error> {
    let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
    let mut seen = Vec::new();
    loop {
        let projects = rows(&tx.query(&LIST_PROJECTS, &[after.as_str().into(), SCAN_ROWS.into()]).await?)?;
        let Some(last) = projects.last() else { return Ok(seen) };
        after.clone_from(&last.name);
        seen.extend(projects.into_iter().filter(|project| {
            let (resource, visibility) = (Resource::Project(&project.name), Visibility::Private);
            allows(grants.access(), None, Request { action: Action::ProjectRead, resource, visibility })
        }));
        if seen.len() >= wanted {
            seen.truncate(wanted);
            return Ok(seen);
        }
    }
}

pub(crate) async fn find(tx: &mut Tx, name: &str) -> Result<Option<Project>, Error> {
    // Also keeps away text that the database cannot hold.
    if name.parse::<ProjectName>().is_err() {
        return Ok(None);
    }
    tx.find(&FIND_PROJECT, &[name.into()]).await?.as_ref().map(project_from).transpose()
}

pub(crate) async fn load(tx: &mut Tx, name: &str) -> Result<Project, Error> {
    find(tx, name).await?.ok_or_else(|| Error::NotFound { thing: Thing::Project, name: name.to_owned() })
}

pub(crate) async fn insert(tx: &mut Tx, new: &NewProject) -> Result<Project, Error> {
    if find(tx, new.name.as_str()).await?.is_some() {
        return Err(Error::Exists { thing: Thing::Project, name: new.name.to_string() });
    }
    let now_us = tx.now_us().await?;
    let inserted = tx.query(&INSERT_PROJECT, &[new.name.as_str().into(), new.public.into(), now_us.into()]).await;
    let rows = inserted.map_err(|error| Error::from(error).or_exists(Thing::Project, new.name.as_str()))?;
    let id = rows.first().ok_or(Error::Missing { thing: Thing::Project })?.get(0)?;
    Ok(Project { id, name: new.name.to_string(), public: new.public, sbom_documents: true, created_at_us: now_us })
}

fn rows(rows: &[Row]) -> Result<Vec<Project>, Error> {
    rows.iter().map(project_from).collect()
}

fn project_from(row: &Row) -> Result<Project, Error> {
    Ok(Project {
        id: row.get(0)?,
        name: row.get(1)?,
        public: row.get(2)?,
        created_at_us: row.get(3)?,
        sbom_documents: row.get(4)?,
    })
}

fn member_from(row: &Row) -> Result<Member, Error> {
    Ok(Member { user: row.get(0)?, role: row.get(1)?, granted_at_us: row.get(2)? })
}
