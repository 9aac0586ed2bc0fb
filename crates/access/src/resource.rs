//! What is acted on.

use std::fmt;

use crate::action::{Action, ActionKind};

/// What is acted on. Names are borrowed, and already checked by whoever parsed them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resource<'a> {
    /// The hub itself.
    System,
    /// A project, or what it owns as a whole: its members, its robots, its list of repositories.
    Project(&'a str),
    /// A repository by its full name, project included.
    Repository(&'a str),
    /// One user's account.
    User(&'a str),
    /// One robot, together with the project that owns it. The project comes from where the robot was found, never from
    /// the request alone: that is what keeps one project's identifiers useless in another.
    Robot {
        /// The project that owns it; `None` for a robot of the hub.
        project: Option<&'a str>,
        /// Its login name.
        name: &'a str,
    },
}

/// Whether a resource's project lets everyone pull. A project that does not exist is private.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Visibility {
    /// For members and granted robots alone.
    #[default]
    Private,
    /// For everyone to see and pull.
    Public,
}

/// A text that names no resource.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` names no resource; write `team/api`, `team`, `system`, `user:NAME` or `robot:[PROJECT/]NAME`")]
pub struct ResourceError {
    /// The text.
    pub text: String,
}

impl<'a> Resource<'a> {
    /// Reads what [`Display`](fmt::Display) writes, and bare names: with a slash a repository, without one a project.
    pub fn parse(text: &'a str) -> Result<Self, ResourceError> {
        let resource = match text.split_once(':') {
            None if text == "system" => Self::System,
            None if text.contains('/') => Self::Repository(text),
            None => Self::Project(text),
            Some(("project", name)) if !name.contains('/') => Self::Project(name),
            Some(("repository", name)) if name.contains('/') => Self::Repository(name),
            Some(("user", name)) => Self::User(name),
            Some(("robot", name)) => match name.split_once('/') {
                Some((project, name)) => Self::Robot { project: Some(project), name },
                None => Self::Robot { project: None, name },
            },
            Some(_) => return Err(ResourceError { text: text.to_owned() }),
        };
        if resource.words().all(|word| !word.is_empty() && !word.contains(':')) {
            Ok(resource)
        } else {
            Err(ResourceError { text: text.to_owned() })
        }
    }

    fn words(self) -> impl Iterator<Item = &'a str> {
        let (name, owner) = match self {
            Self::System => (None, None),
            Self::Project(name) | Self::Repository(name) | Self::User(name) => (Some(name), None),
            Self::Robot { project, name } => (Some(name), project),
        };
        name.into_iter().flat_map(|name| name.split('/')).chain(owner)
    }

    /// Returns the project that the resource belongs to.
    pub fn project(self) -> Option<&'a str> {
        match self {
            Self::System | Self::User(_) => None,
            Self::Project(name) => Some(name),
            Self::Repository(name) => name.split('/').next(),
            Self::Robot { project, .. } => project,
        }
    }

    /// Returns whether the action can be asked of this kind of resource at all.
    pub(crate) fn takes(self, action: Action) -> bool {
        match self {
            Self::Repository(_) => action.kind() == ActionKind::Repository,
            Self::Project(_) => action.kind() == ActionKind::Project || action == Action::ProjectCreate,
            Self::Robot { .. } => matches!(action, Action::RobotRead | Action::RobotWrite),
            Self::User(_) => matches!(action, Action::UserRead | Action::UserWrite),
            Self::System => match action.kind() {
                ActionKind::System | ActionKind::Own => true,
                ActionKind::Project => {
                    matches!(action, Action::RobotRead | Action::RobotWrite | Action::AuditRead | Action::AccessExplain)
                }
                ActionKind::Repository => false,
            },
        }
    }

    /// Returns the resource by its own name, as a sentence about it begins.
    pub(crate) fn title(self) -> String {
        match self {
            Self::User(name) => format!("user `{name}`"),
            Self::Robot { project: Some(project), name } => format!("robot `{name}` of project `{project}`"),
            Self::Robot { project: None, name } => format!("robot `{name}`"),
            Self::System | Self::Project(_) | Self::Repository(_) => self.object(),
        }
    }

    /// Returns what an action is done to or in, as it is named inside a sentence: users and robots by whom they belong to.
    pub(crate) fn object(self) -> String {
        match (self, self.project()) {
            (Self::Repository(name), _) => name.to_owned(),
            (_, Some(project)) => format!("project `{project}`"),
            (_, None) => "this hub".to_owned(),
        }
    }
}

/// Writes `repository:team/api`, `project:team`, `user:alice`, `robot:team/ci` or `system`: the form of audit records.
impl fmt::Display for Resource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::Project(name) => write!(f, "project:{name}"),
            Self::Repository(name) => write!(f, "repository:{name}"),
            Self::User(name) => write!(f, "user:{name}"),
            Self::Robot { project: Some(project), name } => write!(f, "robot:{project}/{name}"),
            Self::Robot { project: None, name } => write!(f, "robot:{name}"),
        }
    }
}
