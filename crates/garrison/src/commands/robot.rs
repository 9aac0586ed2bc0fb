use std::time::Duration;

use clap::Subcommand;
use outbound::{Endpoint, HubClient, Method};
use serde_json::{Value, json};

use super::Rows;
use crate::error::{CommandError, Kind};
use crate::output::{self, Format};
use crate::session::{Field, Session};
use crate::settings::Parsed as _;

/// Robots: accounts of programs, with a secret instead of a password.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:
  garrison robot create ci-web --project team --grant 'team/*=writer'
  garrison robot rotate ci-web --project team")]
pub(crate) enum Command {
    /// List the robots of a project, or those of no project.
    #[command(after_help = "Example:
  garrison robot list --project team")]
    List {
        #[command(flatten)]
        owner: Owner,
        #[command(flatten)]
        rows: Rows,
    },
    /// Make a robot; its secret is shown once.
    #[command(after_help = "Example:
  garrison robot create ci-web --project team --grant 'team/*=writer' --expires 90d")]
    Create {
        /// Name
        robot: String,
        #[command(flatten)]
        owner: Owner,
        /// Repositories and role, as 'team/*=writer'; may be repeated
        #[arg(long, value_name = "REPOSITORIES=ROLE", value_parser = parse_grant)]
        grant: Vec<Grant>,
        /// Time until it ends, at most 366d
        #[arg(long, value_name = "DURATION", default_value = "90d", value_parser = Duration::parse)]
        expires: Duration,
    },
    /// Show a robot and its grants.
    #[command(after_help = "Example:
  garrison robot show ci-web --project team")]
    Show {
        /// Robot
        robot: String,
        #[command(flatten)]
        owner: Owner,
    },
    /// Let a robot do something with repositories.
    #[command(after_help = "Example:
  garrison robot grant ci-web 'team/*' writer --project team")]
    Grant {
        /// Robot
        robot: String,
        /// Repositories: `*` is any part of a segment, `**` any segments
        repositories: String,
        /// puller, reader, writer, maintainer or admin
        role: String,
        #[command(flatten)]
        owner: Owner,
    },
    /// Take a grant, or every secret, from a robot.
    #[command(after_help = "Example:
  garrison robot revoke ci-web 'team/*' --project team
  garrison robot revoke ci-web --secrets --project team")]
    Revoke {
        /// Robot
        robot: String,
        /// Repositories, as they were granted
        #[arg(required_unless_present = "secrets")]
        repositories: Option<String>,
        /// End every secret at once; a rotation makes a new one
        #[arg(long, conflicts_with = "repositories")]
        secrets: bool,
        #[command(flatten)]
        owner: Owner,
    },
    /// Make a new secret; the old one lives on for a while.
    #[command(after_help = "Example:
  garrison robot rotate ci-web --project team
  garrison robot rotate ci-web --project team --overlap 1h")]
    Rotate {
        /// Robot
        robot: String,
        /// Time that the old secret lives on, at most 7d [default: 24h]
        #[arg(long, value_name = "DURATION", value_parser = Duration::parse)]
        overlap: Option<Duration>,
        #[command(flatten)]
        owner: Owner,
    },
    /// Let a robot end later, or sooner; one that has ended lives again.
    #[command(after_help = "Example:
  garrison robot renew ci-web --project team
  garrison robot renew ci-web --project team --expires 30d")]
    Renew {
        /// Robot
        robot: String,
        /// Time from now until it ends, at most 366d
        #[arg(long, value_name = "DURATION", default_value = "90d", value_parser = Duration::parse)]
        expires: Duration,
        #[command(flatten)]
        owner: Owner,
    },
    /// Delete a robot; its secrets and tokens end at once.
    #[command(after_help = "Example:
  garrison robot delete ci-web --project team")]
    Delete {
        /// Robot
        robot: String,
        #[command(flatten)]
        owner: Owner,
    },
}

/// Who owns a robot.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Owner {
    /// Project that owns it [default: the hub itself, which is for administrators]
    #[arg(long)]
    project: Option<String>,
}

impl Owner {
    /// Returns the endpoint of its robots, or below it.
    fn endpoint<'a>(&'a self, rest: impl IntoIterator<Item = &'a str>) -> Endpoint {
        let owner = self.project.as_deref().map_or(vec![], |project| vec!["projects", project]);
        Endpoint::api(owner.into_iter().chain(["robots"]).chain(rest))
    }

    /// Returns the flag that names it in a command.
    fn flag(&self) -> String {
        self.project.as_ref().map(|project| format!(" --project {project}")).unwrap_or_default()
    }
}

const LIST: &[Field] = &[
    Field::key("NAME", "name"),
    Field::text("DISABLED", "disabled", 4),
    Field::grants("GRANTS", "grants", 1),
    Field::time("EXPIRES", "expires_at", 2),
    Field::time("LAST USED", "last_used_at", 3),
];

/// A role on the repositories that a pattern matches.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub(crate) struct Grant {
    repositories: String,
    role: String,
}

fn parse_grant(text: &str) -> Result<Grant, String> {
    match text.rsplit_once('=') {
        Some((repositories, role)) if !repositories.is_empty() && !role.is_empty() => {
            Ok(Grant { repositories: repositories.to_owned(), role: role.to_owned() })
        }
        _ => Err("a grant is REPOSITORIES=ROLE, as `team/*=writer`".to_owned()),
    }
}

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CommandError> {
        let hub = session.hub()?;
        match self {
            Self::List { owner, rows } => {
                let empty = format!("No robot yet; `garrison robot create NAME{}` makes one.", owner.flag());
                session.print_list(&hub, &owner.endpoint([]), Some(rows.limit), LIST, &empty).await
            }
            Self::Create { robot, owner, grant, expires } => {
                let body = json!({ "name": robot, "grants": grant, "expires_at": end(expires)? });
                let made: Value = hub.send(Method::Post, &owner.endpoint([]), Some(&body)).await?;
                let undo = format!("garrison robot delete {robot}{}", owner.flag());
                print_secret(session, &made, &format!("Robot {robot} made. Undo: {undo}"))
            }
            Self::Show { robot, owner } => session.print_one(&hub.get(&owner.endpoint([robot.as_str()])).await?),
            Self::Grant { robot, repositories, role, owner } => {
                let endpoint = owner.endpoint([robot.as_str()]);
                let mut grants = read_grants(&hub, &endpoint).await?;
                grants.retain(|grant| grant.repositories != repositories);
                grants.push(Grant { repositories: repositories.clone(), role: role.clone() });
                let changed: Value = hub.send(Method::Patch, &endpoint, Some(&json!({ "grants": grants }))).await?;
                let undo = format!("garrison robot revoke {robot} '{repositories}'{}", owner.flag());
                session.print_done(&changed, &format!("Robot {robot} has `{role}` on {repositories}. Undo: {undo}"))
            }
            Self::Revoke { robot, repositories: Some(repositories), owner, .. } => {
                let endpoint = owner.endpoint([robot.as_str()]);
                let mut grants = read_grants(&hub, &endpoint).await?;
                let Some(position) = grants.iter().position(|grant| grant.repositories == repositories) else {
                    let held = grants.iter().map(|grant| format!("'{}'", grant.repositories)).collect::<Vec<_>>();
                    return Err(CommandError::new(Kind::No, format!("robot {robot} has no grant on {repositories}"))
                        .hint(format!(
                            "it has: {}",
                            if held.is_empty() { "none".to_owned() } else { held.join(", ") }
                        )));
                };
                let role = grants.remove(position).role;
                let changed: Value = hub.send(Method::Patch, &endpoint, Some(&json!({ "grants": grants }))).await?;
                let undo = format!("garrison robot grant {robot} '{repositories}' {role}{}", owner.flag());
                session.print_done(
                    &changed,
                    &format!("Robot {robot} has no grant on {repositories} any more. Undo: {undo}"),
                )
            }
            Self::Revoke { robot, repositories: None, owner, .. } => {
                let endpoint = owner.endpoint([robot.as_str(), "secrets"]);
                let gone: Value = hub.send(Method::Delete, &endpoint, None::<&Value>).await?;
                let next = format!("garrison robot rotate {robot}{}", owner.flag());
                session.print_done(&gone, &format!("Every secret of robot {robot} has ended. A new one: {next}"))
            }
            Self::Rotate { robot, overlap, owner } => {
                let body = json!({ "overlap_seconds": overlap.map(|overlap| overlap.as_secs()) });
                let made: Value =
                    hub.send(Method::Post, &owner.endpoint([robot.as_str(), "rotate"]), Some(&body)).await?;
                let undo = format!("garrison robot revoke {robot} --secrets{}", owner.flag());
                let words =
                    format!("Robot {robot} has a new secret; the old one lives on for a while. To end all: {undo}");
                print_secret(session, &made, &words)
            }
            Self::Renew { robot, expires, owner } => {
                let (endpoint, expires_at) = (owner.endpoint([robot.as_str()]), end(expires)?);
                let before: Value = hub.get(&endpoint).await?;
                let changed: Value =
                    hub.send(Method::Patch, &endpoint, Some(&json!({ "expires_at": expires_at }))).await?;
                let was = before["expires_at"].as_str().unwrap_or_default();
                session.print_done(&changed, &format!("Robot {robot} ends at {expires_at}; it was to end at {was}."))
            }
            Self::Delete { robot, owner } => {
                let gone: Value = hub.send(Method::Delete, &owner.endpoint([robot.as_str()]), None::<&Value>).await?;
                let undo = format!("garrison robot create {robot}{}", owner.flag());
                session.print_done(&gone, &format!("Robot {robot} deleted. Undo: {undo}, with a new secret"))
            }
        }
    }
}

async fn read_grants(hub: &HubClient, robot: &Endpoint) -> Result<Vec<Grant>, CommandError> {
    #[derive(serde::Deserialize)]
    struct Robot {
        grants: Vec<Grant>,
    }
    Ok(hub.get::<Robot>(robot).await?.grants)
}

fn end(after: Duration) -> Result<String, CommandError> {
    let end = jiff::Timestamp::now().checked_add(after);
    end.map(|end| end.to_string()).map_err(|source| CommandError::new(Kind::Usage, source))
}

/// Prints a secret alone on standard output, so that it can be piped, and the rest beside it.
fn print_secret(session: &Session, made: &Value, words: &str) -> Result<(), CommandError> {
    if session.format() == Format::Json {
        return output::print_json(made);
    }
    output::note(&output::printable(words));
    output::note("Its secret is shown once:");
    output::print_line(&output::printable(made["secret"].as_str().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_repositories_and_a_role() {
        let table = [
            ("team/*=writer", Some(("team/*", "writer"))),
            ("a=b=writer", Some(("a=b", "writer"))),
            ("team/*", None),
            ("=writer", None),
            ("team/*=", None),
            ("", None),
        ];
        for (text, expected) in table {
            let actual = parse_grant(text).ok();
            let actual = actual.as_ref().map(|grant| (grant.repositories.as_str(), grant.role.as_str()));
            assert_eq!(actual, expected, "{text}");
        }
    }
}
