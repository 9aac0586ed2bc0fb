//! What an actor was given.

use std::fmt;

use crate::action::{Action, ActionKind, ActionSet};
use crate::actor::Actor;
use crate::glob::Glob;
use crate::resource::Resource;
use crate::role::{ROBOT_CEILING, Role};

/// Where a grant holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantScope {
    /// A project and all that it owns.
    Project(String),
    /// The repositories that match. Gives nothing of a project but to see it and to list those repositories.
    Repositories(Glob),
}

impl fmt::Display for GrantScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project(name) => write!(f, "project `{name}`"),
            Self::Repositories(glob) => glob.fmt(f),
        }
    }
}

/// A role at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// What may be done.
    pub role: &'static Role,
    /// Where.
    pub scope: GrantScope,
    /// Where the grant comes from, said after role and scope: ``from project `team` ``. May be empty.
    pub source: String,
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` on {}", self.role, self.scope)?;
        if self.source.is_empty() { Ok(()) } else { write!(f, " {}", self.source) }
    }
}

const PATTERN_CEILING: ActionSet =
    ActionSet::of_kind(ActionKind::Repository).union(ActionSet::of(&[Action::ProjectRead, Action::RepositoryList]));

/// An actor together with all that it was granted, ordered for looking up. Made once per load of the grants and shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    actor: Actor,
    // Grants with a project scope, sorted by the project's name.
    by_project: Vec<(String, Grant)>,
    by_pattern: Vec<Grant>,
}

impl Access {
    /// Orders the grants of an actor.
    pub fn new(actor: Actor, grants: Vec<Grant>) -> Self {
        let mut by_project = Vec::new();
        let mut by_pattern = Vec::new();
        for grant in grants {
            match &grant.scope {
                GrantScope::Project(name) => by_project.push((name.clone(), grant)),
                GrantScope::Repositories(_) => by_pattern.push(grant),
            }
        }
        by_project.sort_by(|(left, _), (right, _)| left.cmp(right));
        Self { actor, by_project, by_pattern }
    }

    /// Returns what a caller without credentials has.
    pub fn anonymous() -> Self {
        Self::new(Actor::Anonymous, Vec::new())
    }

    /// Returns who acts.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Returns all grants: those on projects by name, then those on patterns.
    pub fn grants(&self) -> impl Iterator<Item = &Grant> {
        self.by_project.iter().map(|(_, grant)| grant).chain(&self.by_pattern)
    }

    /// Returns the grants whose scope covers the resource, whatever their roles hold.
    pub(crate) fn covering(&self, resource: Resource<'_>) -> impl Iterator<Item = &Grant> {
        let confined = match (&self.actor, resource.project()) {
            (Actor::Robot { project: Some(own), .. }, Some(project)) => own == project,
            _ => true,
        };
        let project = resource.project().filter(|_| confined);
        let start = project.map_or(self.by_project.len(), |project| {
            self.by_project.partition_point(|(name, _)| name.as_str() < project)
        });
        let on_project = self.by_project[start..]
            .iter()
            .take_while(move |(name, _)| project.is_some_and(|project| name == project))
            .map(|(_, grant)| grant);
        let on_pattern = self.by_pattern.iter().filter(move |grant| match (&grant.scope, resource, project) {
            (_, _, None) | (GrantScope::Project(_), ..) => false,
            (GrantScope::Repositories(glob), Resource::Repository(name), _) => glob.matches(name),
            (GrantScope::Repositories(glob), Resource::Project(name), _) => glob.reaches_project(name),
            (GrantScope::Repositories(_), _, _) => false,
        });
        on_project.chain(on_pattern)
    }

    /// Returns what a grant of this actor gives, once the ceilings of its kind are applied.
    pub(crate) fn effective(&self, grant: &Grant) -> ActionSet {
        let mut actions = grant.role.actions;
        if matches!(grant.scope, GrantScope::Repositories(_)) {
            actions = actions.intersection(PATTERN_CEILING);
        }
        if matches!(self.actor, Actor::Robot { .. }) {
            actions = actions.intersection(ROBOT_CEILING);
        }
        actions
    }
}
