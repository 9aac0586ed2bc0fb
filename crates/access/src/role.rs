//! Built-in roles, as data.

use std::fmt;

use crate::action::{Action, ActionKind, ActionSet};

/// A named, closed set of actions.
#[derive(Debug, PartialEq, Eq)]
pub struct Role {
    /// The word by which it is granted.
    pub name: &'static str,
    /// What it is for, in one line.
    pub title: &'static str,
    /// The role of Harbor whose place it takes.
    pub harbor: Option<&'static str>,
    /// What its holder may do.
    pub actions: ActionSet,
}

/// What everyone may do in a public project.
pub const PUBLIC_ACTIONS: ActionSet =
    ActionSet::of(&[Action::ProjectRead, Action::RepositoryList, Action::RepositoryPull]);

/// The most that any robot may do, whatever was granted to it. A robot's secret lies in a pipeline; it must not be able
/// to make itself members, robots or a public project.
pub const ROBOT_CEILING: ActionSet =
    ActionSet::of_kind(ActionKind::Repository).union(ActionSet::of(&[Action::ProjectRead, Action::RepositoryList]));

const PULLER: ActionSet = PUBLIC_ACTIONS;
const READER: ActionSet = PULLER.union(ActionSet::of(&[Action::MemberRead, Action::RobotRead]));
const WRITER: ActionSet = READER.union(ActionSet::of(&[
    Action::RepositoryPush,
    Action::RepositoryCreate,
    Action::TagCreate,
    Action::TagMove,
]));
const MAINTAINER: ActionSet = WRITER.union(ActionSet::of(&[
    Action::TagDelete,
    Action::ManifestDelete,
    Action::BlobDelete,
    Action::RepositoryDelete,
]));
const ADMIN: ActionSet = MAINTAINER.union(ActionSet::of(&[
    Action::ProjectUpdate,
    Action::ProjectDelete,
    Action::MemberWrite,
    Action::RobotWrite,
    Action::AuditRead,
    Action::AccessExplain,
]));

/// The roles that can be granted in a project, each a superset of the one before.
pub static PROJECT_ROLES: [Role; 5] = [
    Role { name: "puller", title: "pulls", harbor: Some("limitedGuest"), actions: PULLER },
    Role { name: "reader", title: "pulls, and sees members and robots", harbor: Some("guest"), actions: READER },
    Role {
        name: "writer",
        title: "pushes, makes and moves tags; deletes nothing",
        harbor: Some("developer"),
        actions: WRITER,
    },
    Role {
        name: "maintainer",
        title: "deletes tags, manifests, blobs and repositories",
        harbor: Some("maintainer"),
        actions: MAINTAINER,
    },
    Role {
        name: "admin",
        title: "changes the project, its members and robots, and reads its audit log",
        harbor: Some("projectAdmin"),
        actions: ADMIN,
    },
];

/// The one role over the whole hub; held by an account, not granted in a project.
pub static ADMINISTRATOR: Role = Role {
    name: "administrator",
    title: "does everything",
    harbor: Some("system administrator"),
    actions: ActionSet::all(),
};

/// A word that names no role of a project.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown role `{name}`; roles are `puller`, `reader`, `writer`, `maintainer` and `admin`")]
pub struct UnknownRole {
    /// The word.
    pub name: String,
}

impl Role {
    /// Returns the project role of that name.
    pub fn parse(name: &str) -> Result<&'static Self, UnknownRole> {
        PROJECT_ROLES.iter().find(|role| role.name == name).ok_or_else(|| UnknownRole { name: name.to_owned() })
    }

    /// Returns whether the role holds the action.
    pub const fn permits(&self, action: Action) -> bool {
        self.actions.contains(action)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}
