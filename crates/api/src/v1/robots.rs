//! Robots, of a project or of the hub: the path says whose, and a robot is found only there.

use access::{AccountName, Glob, Role};
use axum::response::Response;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tenancy::{Owner, RobotGrant};

use super::{parse_time, refused, time};
use crate::endpoint::Call;
use crate::failure::Failure;
use crate::page::{Envelope, PageParameters};

/// How long the old secret of a rotated robot lives on unless the caller says otherwise: a day to bring the new one
/// everywhere.
const OVERLAP_SECONDS_DEFAULT: i64 = 86_400;

/// A robot.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Robot {
    /// Login.
    name: String,
    /// The project that it belongs to; null for a robot of the hub.
    project: Option<String>,
    /// Whether it is kept out.
    disabled: bool,
    /// When it was created.
    created_at: String,
    /// When it ends.
    expires_at: String,
    /// When it last logged in, to the minute.
    last_used_at: Option<String>,
    /// What it may do where.
    grants: Vec<Grant>,
    /// Its live secrets, the newest first.
    secrets: Vec<LiveSecret>,
}

/// A page of robots.
pub(crate) type RobotPage = Envelope<Robot>;

/// A role on the repositories that a pattern matches.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Grant {
    /// Pattern of repository names: `*` within a segment, `**` across segments.
    repositories: String,
    /// `puller`, `reader`, `writer` or `maintainer`.
    role: String,
}

/// A secret that a robot can log in with. The secret itself is not kept.
#[derive(Serialize, JsonSchema)]
pub(crate) struct LiveSecret {
    /// When it was made.
    created_at: String,
    /// When it ends.
    expires_at: String,
}

/// A robot to create.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRobot {
    /// Login.
    name: String,
    /// What it may do where.
    grants: Vec<Grant>,
    /// When it ends, as RFC 3339.
    expires_at: String,
}

/// A change of a robot.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RobotUpdate {
    /// Whether it is kept out.
    disabled: Option<bool>,
    /// What it may do where, instead of what it could until now.
    grants: Option<Vec<Grant>>,
    /// When it ends, as RFC 3339.
    expires_at: Option<String>,
}

/// A rotation.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rotation {
    /// How long the old secret lives on: at most seven days, 0 ends it now.
    overlap_seconds: Option<i64>,
}

/// A robot with a secret that is shown this once.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RobotWithSecret {
    /// The robot.
    robot: Robot,
    /// Its secret: the password for its login.
    secret: String,
}

impl From<tenancy::Robot> for Robot {
    fn from(robot: tenancy::Robot) -> Self {
        Self {
            name: robot.name,
            project: match robot.owner {
                Owner::Hub => None,
                Owner::Project(project) => Some(project),
            },
            disabled: robot.disabled,
            created_at: time(robot.created_at_us),
            expires_at: time(robot.expires_at_us),
            last_used_at: robot.last_used_at_us.map(time),
            grants: robot
                .grants
                .into_iter()
                .map(|grant| Grant { repositories: grant.repositories.to_string(), role: grant.role.name.to_owned() })
                .collect(),
            secrets: robot
                .secrets
                .into_iter()
                .map(|secret| LiveSecret {
                    created_at: time(secret.created_at_us),
                    expires_at: time(secret.expires_at_us),
                })
                .collect(),
        }
    }
}

impl From<tenancy::RobotWithSecret> for RobotWithSecret {
    fn from(made: tenancy::RobotWithSecret) -> Self {
        Self { secret: made.secret.expose().to_owned(), robot: made.robot.into() }
    }
}

fn owner(call: &Call) -> Owner {
    match call.target.parameter("project") {
        "" => Owner::Hub,
        project => Owner::Project(project.to_owned()),
    }
}

fn parse_grants(grants: Vec<Grant>) -> Result<Vec<RobotGrant>, Failure> {
    grants
        .into_iter()
        .map(|grant| {
            let repositories: Glob = grant
                .repositories
                .parse()
                .map_err(|error: access::GlobError| refused("grants.repositories", &error))?;
            let role = Role::parse(&grant.role).map_err(|error| refused("grants.role", &error))?;
            Ok(RobotGrant { repositories, role })
        })
        .collect()
}

pub(crate) async fn list(call: Call) -> Result<Response, Failure> {
    let page = PageParameters::of(&call.target)?;
    let found = call.app.tenancy.list_robots(&owner(&call), &page.for_tenancy()).await?;
    Envelope::answer(&page, found.items.into_iter().map(Robot::from).collect(), found.next)
}

pub(crate) async fn create(mut call: Call) -> Result<Response, Failure> {
    let new: NewRobot = call.json().await?;
    let name: AccountName = new.name.parse().map_err(|error: access::AccountNameError| refused("name", &error))?;
    let new = tenancy::NewRobot {
        name,
        owner: owner(&call),
        grants: parse_grants(new.grants)?,
        expires_at_us: parse_time("expires_at", &new.expires_at)?,
    };
    let made = call.app.tenancy.create_robot(call.caller.subject(), new).await?;
    Failure::json(StatusCode::CREATED, &RobotWithSecret::from(made))
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    let robot = call.app.tenancy.get_robot(&owner(&call), call.target.parameter("robot")).await?;
    Failure::json(StatusCode::OK, &Robot::from(robot))
}

pub(crate) async fn update(mut call: Call) -> Result<Response, Failure> {
    let update: RobotUpdate = call.json().await?;
    let update = tenancy::RobotUpdate {
        disabled: update.disabled,
        grants: update.grants.map(parse_grants).transpose()?,
        expires_at_us: update.expires_at.map(|text| parse_time("expires_at", &text)).transpose()?,
    };
    let (by, robot) = (call.caller.subject(), call.target.parameter("robot"));
    let robot = call.app.tenancy.update_robot(by, &owner(&call), robot, update).await?;
    Failure::json(StatusCode::OK, &Robot::from(robot))
}

pub(crate) async fn rotate(mut call: Call) -> Result<Response, Failure> {
    let rotation: Rotation = call.json().await?;
    let seconds = rotation.overlap_seconds.unwrap_or(OVERLAP_SECONDS_DEFAULT);
    let (by, robot) = (call.caller.subject(), call.target.parameter("robot"));
    let overlap_us = seconds.saturating_mul(1_000_000);
    let made = call.app.tenancy.rotate_robot(by, &owner(&call), robot, overlap_us).await?;
    Failure::json(StatusCode::OK, &RobotWithSecret::from(made))
}

pub(crate) async fn revoke(call: Call) -> Result<Response, Failure> {
    let (by, robot) = (call.caller.subject(), call.target.parameter("robot"));
    call.app.tenancy.revoke_robot(by, &owner(&call), robot).await?;
    Failure::empty(StatusCode::NO_CONTENT)
}

pub(crate) async fn delete(call: Call) -> Result<Response, Failure> {
    let (by, robot) = (call.caller.subject(), call.target.parameter("robot"));
    call.app.tenancy.delete_robot(by, &owner(&call), robot).await?;
    Failure::empty(StatusCode::NO_CONTENT)
}
