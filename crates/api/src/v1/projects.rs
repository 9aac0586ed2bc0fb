//! Projects and their members.

use access::Role;
use axum::response::Response;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenancy::ProjectName;

use super::{refused, time};
use crate::endpoint::Call;
use crate::failure::Failure;
use crate::page::{Envelope, PageParameters};

/// A project.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Project {
    /// Name: the first segment of its repositories' names.
    name: String,
    /// Whether everyone may pull from it.
    public: bool,
    /// Whether the hub puts its own SBOM documents beside its images.
    sbom_documents: bool,
    /// When it was created.
    created_at: String,
}

/// A page of projects.
pub(crate) type ProjectPage = Envelope<Project>;

/// A project to create.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewProject {
    /// Its name.
    name: String,
    /// Whether everyone may pull from it.
    #[serde(default)]
    public: bool,
}

/// A change of a project.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProjectUpdate {
    /// Whether everyone may pull from it.
    public: Option<bool>,
    /// Whether the hub puts its own SBOM documents beside its images.
    sbom_documents: Option<bool>,
}

/// A member of a project.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Member {
    /// Login.
    account: String,
    /// Role in the project.
    role: String,
    /// Since when.
    granted_at: String,
}

/// A page of members.
pub(crate) type MemberPage = Envelope<Member>;

/// A role to give.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRole {
    /// `puller`, `reader`, `writer`, `maintainer` or `admin`.
    role: String,
}

impl From<tenancy::Project> for Project {
    fn from(project: tenancy::Project) -> Self {
        let tenancy::Project { name, public, sbom_documents, created_at_us, .. } = project;
        Self { name, public, sbom_documents, created_at: time(created_at_us) }
    }
}

pub(crate) async fn list(call: Call) -> Result<Response, Failure> {
    let page = PageParameters::of(&call.target)?;
    let found = call.app.tenancy.list_projects(call.caller.tenant(), &page.for_tenancy()).await?;
    Envelope::answer(&page, found.items.into_iter().map(Project::from).collect(), found.next)
}

pub(crate) async fn create(mut call: Call) -> Result<Response, Failure> {
    let new: NewProject = call.json().await?;
    let name: ProjectName = new.name.parse().map_err(|error: tenancy::NameError| refused("name", &error))?;
    let new = tenancy::NewProject { name, public: new.public };
    let project = call.app.tenancy.create_project(call.caller.subject(), new).await?;
    Failure::json(StatusCode::CREATED, &Project::from(project))
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let project = call.app.tenancy.get_project(call.target.parameter("project")).await?;
    Failure::json(StatusCode::OK, &Project::from(project))
}

pub(crate) async fn update(mut call: Call) -> Result<Response, Failure> {
    let update: ProjectUpdate = call.json().await?;
    let update = tenancy::ProjectUpdate { public: update.public, sbom_documents: update.sbom_documents };
    let (by, name) = (call.caller.subject(), call.target.parameter("project"));
    let wants_documents = update.sbom_documents == Some(true);
    let project = call.app.tenancy.update_project(by, name, update).await?;
    if wants_documents {
        // Should it not come to that, the hourly sweep orders the same.
        call.app.pipeline.order_documents().await?;
        call.app.jobs.notify();
    }
    Failure::json(StatusCode::OK, &Project::from(project))
}

pub(crate) async fn delete(call: Call) -> Result<Response, Failure> {
    call.app.tenancy.delete_project(call.caller.subject(), call.target.parameter("project")).await?;
    Failure::empty(StatusCode::NO_CONTENT)
}

pub(crate) async fn members(call: Call) -> Result<Response, Failure> {
    let page = PageParameters::of(&call.target)?;
    let found = call.app.tenancy.list_members(call.target.parameter("project"), &page.for_tenancy()).await?;
    let members = found.items.into_iter().map(|member| Member {
        account: member.user,
        role: member.role,
        granted_at: time(member.granted_at_us),
    });
    Envelope::answer(&page, members.collect(), found.next)
}

pub(crate) async fn grant(mut call: Call) -> Result<Response, Failure> {
    let new: NewRole = call.json().await?;
    let role = Role::parse(&new.role).map_err(|error| refused("role", &error))?;
    let (project, account) = (call.target.parameter("project"), call.target.parameter("account"));
    call.app.tenancy.grant(call.caller.subject(), project, account, role).await?;
    Failure::empty(StatusCode::NO_CONTENT)
}

pub(crate) async fn revoke(call: Call) -> Result<Response, Failure> {
    let (project, account) = (call.target.parameter("project"), call.target.parameter("account"));
    call.app.tenancy.revoke(call.caller.subject(), project, account).await?;
    Failure::empty(StatusCode::NO_CONTENT)
}
