use clap::Subcommand;
use outbound::{Endpoint, Method};
use serde_json::{Value, json};

use super::Rows;
use crate::error::CommandError;
use crate::session::{Field, Session};

/// Projects: who may do what with which repositories.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:
  garrison project create team
  garrison project grant team ada writer")]
pub(crate) enum Command {
    /// List the projects that you may see.
    #[command(after_help = "Example:
  garrison project list")]
    List(Rows),
    /// Make a project.
    #[command(after_help = "Example:
  garrison project create team")]
    Create {
        /// Name, the first segment of its repositories
        project: String,
        /// Let everyone pull without a login
        #[arg(long)]
        public: bool,
    },
    /// Show a project.
    #[command(after_help = "Example:
  garrison project show team")]
    Show {
        /// Project
        project: String,
    },
    /// Delete a project that has no repository left.
    #[command(after_help = "Example:
  garrison project delete team")]
    Delete {
        /// Project
        project: String,
    },
    /// Give a user or robot a role in a project, instead of the one it had there.
    #[command(after_help = "Example:
  garrison project grant team ada writer
  garrison project grant team ci-web writer")]
    Grant {
        /// Project
        project: String,
        /// User or robot
        account: String,
        /// puller, reader, writer, maintainer or admin
        role: String,
    },
    /// Take the role in a project from a user or robot.
    #[command(after_help = "Example:
  garrison project revoke team ada")]
    Revoke {
        /// Project
        project: String,
        /// User or robot
        account: String,
    },
    /// List the members of a project.
    #[command(after_help = "Example:
  garrison project members team")]
    Members {
        /// Project
        project: String,
        #[command(flatten)]
        rows: Rows,
    },
    /// Change a property of a project.
    #[command(after_help = "Example:
  garrison project set team public true")]
    Set {
        /// Project
        project: String,
        /// Property
        #[command(subcommand)]
        property: Property,
    },
}

/// What can be set.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Property {
    /// Whether everyone may pull without a login.
    #[command(after_help = "Example:
  garrison project set team public false")]
    Public {
        /// true or false
        #[arg(action = clap::ArgAction::Set)]
        public: bool,
    },
    /// Whether the hub puts its own SBOM documents beside images.
    #[command(after_help = "Example:
  garrison project set team sbom-documents false")]
    SbomDocuments {
        /// true or false
        #[arg(action = clap::ArgAction::Set)]
        sbom_documents: bool,
    },
}

const LIST: &[Field] =
    &[Field::key("NAME", "name"), Field::text("PUBLIC", "public", 1), Field::time("CREATED", "created_at", 2)];

const MEMBERS: &[Field] =
    &[Field::key("ACCOUNT", "account"), Field::key("ROLE", "role"), Field::time("SINCE", "granted_at", 1)];

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CommandError> {
        let hub = session.hub()?;
        let none = None::<&Value>;
        match self {
            Self::List(rows) => {
                let empty = "No project yet; `garrison project create NAME` makes one.";
                session.print_list(&hub, &Endpoint::api(["projects"]), Some(rows.limit), LIST, empty).await
            }
            Self::Create { project, public } => {
                let body = json!({ "name": project, "public": public });
                let made: Value = hub.send(Method::Post, &Endpoint::api(["projects"]), Some(&body)).await?;
                let kind = if public { "public" } else { "private" };
                let words = format!("Project {project} made, {kind}. Undo: garrison project delete {project}");
                session.print_done(&made, &words)
            }
            Self::Show { project } => session.print_one(&hub.get(&Endpoint::api(["projects", &project])).await?),
            Self::Delete { project } => {
                let gone: Value = hub.send(Method::Delete, &Endpoint::api(["projects", &project]), none).await?;
                let words = format!("Project {project} deleted. Undo: garrison project create {project}");
                session.print_done(&gone, &words)
            }
            Self::Grant { project, account, role } => {
                let endpoint = Endpoint::api(["projects", &project, "members", &account]);
                let member: Value = hub.send(Method::Put, &endpoint, Some(&json!({ "role": role }))).await?;
                let undo = format!("garrison project revoke {project} {account}");
                session.print_done(&member, &format!("{account} has `{role}` on {project}. Undo: {undo}"))
            }
            Self::Revoke { project, account } => {
                let endpoint = Endpoint::api(["projects", &project, "members", &account]);
                let gone: Value = hub.send(Method::Delete, &endpoint, none).await?;
                let undo = format!("garrison project grant {project} {account} ROLE");
                session.print_done(&gone, &format!("{account} has no role on {project} any more. Undo: {undo}"))
            }
            Self::Members { project, rows } => {
                let endpoint = Endpoint::api(["projects", &project, "members"]);
                let empty = format!("No member yet; `garrison project grant {project} USER ROLE` adds one.");
                session.print_list(&hub, &endpoint, Some(rows.limit), MEMBERS, &empty).await
            }
            Self::Set { project, property } => {
                let (body, words, undo) = match property {
                    Property::Public { public } => (
                        json!({ "public": public }),
                        format!("Project {project} is {}", if public { "public" } else { "private" }),
                        format!("garrison project set {project} public {}", !public),
                    ),
                    Property::SbomDocuments { sbom_documents } => (
                        json!({ "sbom_documents": sbom_documents }),
                        format!(
                            "The hub {} SBOM documents beside images of {project}",
                            if sbom_documents { "puts" } else { "no longer puts" }
                        ),
                        format!("garrison project set {project} sbom-documents {}", !sbom_documents),
                    ),
                };
                let changed: Value =
                    hub.send(Method::Patch, &Endpoint::api(["projects", &project]), Some(&body)).await?;
                session.print_done(&changed, &format!("{words}. Undo: {undo}"))
            }
        }
    }
}
