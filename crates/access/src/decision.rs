//! The decision, and how it is told.

use std::fmt;

use crate::action::{Action, ActionKind};
use crate::actor::Actor;
use crate::grant::{Access, Grant};
use crate::resource::{Resource, Visibility};
use crate::role::{ADMINISTRATOR, PROJECT_ROLES, PUBLIC_ACTIONS, Role};
use crate::scope::Scopes;

/// One thing that a request needs. A request may need several: a mount needs a push and a pull.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// What is to be done.
    pub action: Action,
    /// To what.
    pub resource: Resource<'a>,
    /// Whether the resource's project is public.
    pub visibility: Visibility,
}

/// Why an action is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because<'a> {
    /// The actor administers the hub.
    Administrator,
    /// This grant gives it.
    Grant(&'a Grant),
    /// The project is public.
    Public,
    /// Everyone may, or everyone who is logged in.
    Everyone,
}

impl fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Administrator => f.write_str("is an administrator"),
            Self::Grant(grant) => write!(f, "has {grant}"),
            Self::Public => f.write_str("may, as everyone: the project is public"),
            Self::Everyone => f.write_str("may, as everyone"),
        }
    }
}

/// What a denial rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// No grant covers the resource.
    NoGrant,
    /// A grant covers the resource, but its role does not hold the action.
    RoleTooSmall,
    /// The grants allow it, but the bearer token was made for less.
    TokenScope,
    /// No robot may ever do it.
    NotForRobots,
    /// The hub alone writes it.
    OfHub,
    /// The action does not apply to this kind of resource. The caller is wired wrongly.
    Misdirected,
}

/// Which answer a denial must become on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Response {
    /// 401 with a challenge: other credentials, or a token with more scope, may help.
    Challenge,
    /// The same answer, to the byte, as for a resource that does not exist.
    NotFound,
    /// 403 with [`Denial::message`].
    Forbidden,
}

/// A denial with all that its reader needs in order to open the door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// What was asked for.
    pub action: Action,
    /// Of what, in the form that [`Resource`] is displayed in.
    pub resource: String,
    /// What it rests on.
    pub cause: Cause,
    /// The strongest grant of the actor that covers the resource, such as `` `reader` on team/* ``.
    pub has: Option<String>,
    /// The roles that would be enough, the smallest first.
    pub needs: Vec<&'static Role>,
    /// The command that gives it, or what else to do.
    pub hint: Option<String>,
    /// Whether the actor may know that the resource exists.
    pub visible: bool,
    challenge: bool,
    subject: String,
    introduction: String,
    object: String,
    name: String,
    source: String,
    is_of_hub: bool,
}

/// The answer to "may this actor do this?".
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Decision<'a> {
    /// Yes, and why.
    Allow(Because<'a>),
    /// No, and why.
    Deny(Box<Denial>),
}

impl<'a> Decision<'a> {
    /// Returns whether the answer is yes.
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allow(_))
    }

    /// Returns whether the actor may know that the resource exists.
    pub fn visible(&self) -> bool {
        match self {
            Self::Allow(_) => true,
            Self::Deny(denial) => denial.visible,
        }
    }

    /// Returns the reason for a yes, or the denial as an error.
    pub fn into_result(self) -> Result<Because<'a>, Box<Denial>> {
        match self {
            Self::Allow(because) => Ok(because),
            Self::Deny(denial) => Err(denial),
        }
    }
}

/// Decides one request. `token` is the scope of the bearer token that carried it; `None` for every other credential.
pub fn decide<'a>(access: &'a Access, token: Option<&Scopes>, request: Request<'_>) -> Decision<'a> {
    match reason(access, request) {
        Ok(because) if covered(token, request) => Decision::Allow(because),
        Ok(_) => Decision::Deny(Box::new(deny(access, request, Cause::TokenScope))),
        Err(cause) => Decision::Deny(Box::new(deny(access, request, cause))),
    }
}

/// Returns whether [`decide`] would allow it, without putting a reason together. For filtering lists.
pub fn allows(access: &Access, token: Option<&Scopes>, request: Request<'_>) -> bool {
    reason(access, request).is_ok() && covered(token, request)
}

/// Decides all that one request needs. A denial that must look like a missing thing goes before one that says more, so that the
/// order of the needs never tells what exists; otherwise the first denial counts.
pub fn decide_all<'r>(
    access: &Access,
    token: Option<&Scopes>,
    requests: impl IntoIterator<Item = Request<'r>>,
) -> Result<(), Box<Denial>> {
    let mut first: Option<Box<Denial>> = None;
    for request in requests {
        if let Decision::Deny(denial) = decide(access, token, request)
            && first.as_ref().is_none_or(|first| first.visible && !denial.visible)
        {
            first = Some(denial);
        }
    }
    first.map_or(Ok(()), Err)
}

/// Says in one paragraph what [`decide`] decides: `Yes. ...` or `No. ...`, and for a no the hint as a line of its own.
pub fn explain(access: &Access, token: Option<&Scopes>, request: Request<'_>) -> String {
    match decide(access, token, request) {
        Decision::Allow(because) => format!("Yes. {} {because}.", access.actor().introduction()),
        Decision::Deny(denial) => match &denial.hint {
            Some(hint) => format!("No. {}\nhint: {hint}", denial.explanation()),
            None => format!("No. {}", denial.explanation()),
        },
    }
}

impl Denial {
    /// Returns the answer that this denial must become.
    pub const fn response(&self) -> Response {
        if self.challenge {
            Response::Challenge
        } else if self.visible {
            Response::Forbidden
        } else {
            Response::NotFound
        }
    }

    /// Returns the one line that a client shows. For a caller who may not know of the resource it is the same line whether the
    /// resource exists or not.
    pub fn message(&self) -> String {
        let mut line = if self.visible {
            let what = self.action.phrase().replace("{}", &self.object);
            format!("{} may not {what} ({})", self.subject, self.reason())
        } else {
            format!("{} does not exist, or {} may not know of it", self.name, self.subject)
        };
        if let Some(hint) = &self.hint {
            let lead = if hint.starts_with(GRANT_COMMAND) { "; grant it: " } else { "; " };
            line.push_str(lead);
            line.push_str(hint);
        }
        line
    }

    /// Returns the reason as a sentence, with where the actor's grant comes from and without the hint.
    pub fn explanation(&self) -> String {
        let source = if self.source.is_empty() { String::new() } else { format!(" {}", self.source) };
        let word = self.action.word();
        match (self.cause, &self.has) {
            (Cause::NoGrant | Cause::RoleTooSmall, Some(has)) => {
                format!("{} has {has}{source}; {word} needs {}.", self.introduction, self.needed())
            }
            (Cause::NoGrant | Cause::RoleTooSmall, None) if !self.is_of_hub => {
                format!("{} has no role on {}; {word} needs {}.", self.introduction, self.object, self.needed())
            }
            _ => format!("{}: {}.", self.introduction, self.reason()),
        }
    }

    fn reason(&self) -> String {
        let word = self.action.word();
        match (self.cause, &self.has) {
            (Cause::NotForRobots, _) => format!("{word} is not for robots"),
            (Cause::Misdirected, _) => format!("{word} does not apply to {}", self.resource),
            (Cause::TokenScope, _) => "the token was made for less".to_owned(),
            (Cause::OfHub, _) => "the hub alone writes it".to_owned(),
            (_, Some(has)) => format!("has {has}; {word} needs {}", self.needed()),
            (_, None) if self.is_of_hub => format!("{word} needs {}", self.needed()),
            (_, None) => format!("has no role here; {word} needs {}", self.needed()),
        }
    }

    fn needed(&self) -> String {
        match self.needs.first() {
            None => "an account".to_owned(),
            Some(role) if role.name == ADMINISTRATOR.name => "an administrator".to_owned(),
            Some(role) => format!("`{role}`"),
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl std::error::Error for Denial {}

const GRANT_COMMAND: &str = "garrison project grant";

fn covered(token: Option<&Scopes>, request: Request<'_>) -> bool {
    token.is_none_or(|scopes| scopes.cover(request.action, request.resource))
}

fn reason<'a>(access: &'a Access, request: Request<'_>) -> Result<Because<'a>, Cause> {
    let Request { action, resource, visibility } = request;
    if !resource.takes(action) {
        return Err(Cause::Misdirected);
    }
    let actor = access.actor();
    let is_of_hub = resource == Resource::Repository(HUB_REPOSITORY);
    if is_of_hub && writes(action) {
        return Err(Cause::OfHub);
    }
    if actor.is_administrator() {
        return Ok(Because::Administrator);
    }
    let everyone = match action {
        Action::RepositoryPull => is_of_hub && !actor.is_anonymous(),
        Action::CatalogList | Action::ProjectList => true,
        Action::SelfRead => !actor.is_anonymous(),
        Action::SelfUpdate => matches!(actor, Actor::User { .. }),
        _ => false,
    };
    if everyone {
        return Ok(Because::Everyone);
    }
    let mut is_covered = false;
    for grant in access.covering(resource) {
        if access.effective(grant).contains(action) {
            return Ok(Because::Grant(grant));
        }
        is_covered = true;
    }
    let is_public = visibility == Visibility::Public
        && PUBLIC_ACTIONS.contains(action)
        && matches!(resource, Resource::Project(_) | Resource::Repository(_));
    if is_public {
        return Ok(Because::Public);
    }
    if matches!(actor, Actor::Robot { .. }) && !robots_ever(action) {
        return Err(Cause::NotForRobots);
    }
    Err(if is_covered { Cause::RoleTooSmall } else { Cause::NoGrant })
}

/// A repository that the hub alone writes, and from which everyone may pull who is logged in: its database of advisories.
pub const HUB_REPOSITORY: &str = "garrison/advisories";

/// What changes what a repository holds; an administrator may still delete it as a whole.
fn writes(action: Action) -> bool {
    matches!(
        action,
        Action::RepositoryPush
            | Action::RepositoryCreate
            | Action::TagCreate
            | Action::TagMove
            | Action::TagDelete
            | Action::ManifestDelete
            | Action::BlobDelete
    )
}

fn robots_ever(action: Action) -> bool {
    crate::role::ROBOT_CEILING.contains(action)
        || matches!(action, Action::CatalogList | Action::ProjectList | Action::SelfRead)
}

fn deny(access: &Access, request: Request<'_>, cause: Cause) -> Denial {
    let Request { action, resource, visibility } = request;
    let actor = access.actor();
    let strongest = access.covering(resource).max_by_key(|grant| access.effective(grant).len());
    let visible = match resource {
        Resource::System => true,
        Resource::User(name) => {
            actor.is_administrator() || matches!(actor, Actor::User { name: own, .. } if own == name)
        }
        Resource::Robot { name, .. } => {
            let is_itself = matches!(actor, Actor::Robot { name: own, .. } if own == name);
            is_itself || allows(access, None, Request { action: Action::RobotRead, ..request })
        }
        Resource::Project(_) | Resource::Repository(_) => {
            let is_of_hub = resource == Resource::Repository(HUB_REPOSITORY) && !actor.is_anonymous();
            actor.is_administrator() || strongest.is_some() || visibility == Visibility::Public || is_of_hub
        }
    };
    let has = match strongest {
        Some(grant) => Some(format!("`{}` on {}", grant.role, grant.scope)),
        None if visibility == Visibility::Public => Some("pull, as everyone".to_owned()),
        None => None,
    };
    let needs = roles_enough(action, resource);
    let hint = hint(access, request, cause, &needs);
    Denial {
        action,
        resource: resource.to_string(),
        cause,
        has,
        needs,
        hint,
        visible,
        challenge: actor.is_anonymous() || cause == Cause::TokenScope,
        subject: actor.subject(),
        introduction: actor.introduction(),
        object: resource.object(),
        name: resource.title(),
        is_of_hub: resource.project().is_none(),
        source: strongest.map(|grant| grant.source.clone()).unwrap_or_default(),
    }
}

fn roles_enough(action: Action, resource: Resource<'_>) -> Vec<&'static Role> {
    if action.kind() == ActionKind::Own {
        return Vec::new();
    }
    let is_of_project = resource.project().is_some() && action.kind() != ActionKind::System;
    let roles = PROJECT_ROLES.iter().filter(|role| is_of_project && role.permits(action));
    roles.chain([&ADMINISTRATOR]).collect()
}

fn hint(access: &Access, request: Request<'_>, cause: Cause, needs: &[&Role]) -> Option<String> {
    let actor = access.actor();
    match cause {
        Cause::OfHub if actor.is_administrator() => {
            return Some("`garrison db import --hub FILE` brings the hub a database".to_owned());
        }
        Cause::Misdirected | Cause::OfHub => return None,
        Cause::NotForRobots => return Some("do it as a user".to_owned()),
        Cause::TokenScope => return Some("ask for a token with that scope".to_owned()),
        Cause::NoGrant | Cause::RoleTooSmall => {}
    }
    let Some(name) = actor.name() else {
        return Some("log in: garrison login, or your client's own login command".to_owned());
    };
    let role = needs.first()?;
    let project = request.resource.project()?;
    match actor {
        Actor::Robot { project: Some(own), .. } if own != project => Some(format!(
            "a robot of project `{own}` reaches nothing else; make one there: garrison robot create NAME --project {project}"
        )),
        _ if request.action == Action::ProjectCreate => Some(format!(
            "an administrator makes it: garrison project create {project} && {GRANT_COMMAND} {project} {name} writer"
        )),
        _ => Some(format!("{GRANT_COMMAND} {project} {name} {role}")),
    }
}
