//! Who acts.

use std::fmt;

/// Who acts, once authentication has said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Nobody in particular: no credentials were given.
    Anonymous,
    /// A person.
    User {
        /// The name by which it logs in.
        name: String,
        /// Whether it administers the hub, and so may do everything.
        administrator: bool,
    },
    /// A program.
    Robot {
        /// The name by which it logs in.
        name: String,
        /// The project that owns it. `None` is a robot of the hub, whose grants may lie in several projects.
        project: Option<String>,
        /// Said of it in explanations, such as `expires 2027-01-01`.
        note: Option<String>,
    },
}

impl Actor {
    /// Returns the login name, which users and robots share one namespace of.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Anonymous => None,
            Self::User { name, .. } | Self::Robot { name, .. } => Some(name),
        }
    }

    /// Returns whether no credentials were given.
    pub const fn is_anonymous(&self) -> bool {
        matches!(self, Self::Anonymous)
    }

    /// Returns whether it is a user who administers the hub.
    pub const fn is_administrator(&self) -> bool {
        matches!(self, Self::User { administrator: true, .. })
    }

    /// Returns the actor as a sentence begins with it: ``robot `ci-web` ``.
    pub(crate) fn subject(&self) -> String {
        match self {
            Self::Anonymous => "an anonymous caller".to_owned(),
            Self::User { name, .. } => format!("user `{name}`"),
            Self::Robot { name, .. } => format!("robot `{name}`"),
        }
    }

    /// Returns the actor as an explanation begins with it: `ci-web (robot, expires 2027-01-01)`.
    pub(crate) fn introduction(&self) -> String {
        match self {
            Self::Anonymous => "An anonymous caller".to_owned(),
            Self::User { name, administrator: false } => format!("{name} (user)"),
            Self::User { name, administrator: true } => format!("{name} (user, administrator)"),
            Self::Robot { name, note: None, .. } => format!("{name} (robot)"),
            Self::Robot { name, note: Some(note), .. } => format!("{name} (robot, {note})"),
        }
    }
}

/// Writes `user:alice`, `robot:ci-web` or `anonymous`: the form kept in audit records and upload rows.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::User { name, .. } => write!(f, "user:{name}"),
            Self::Robot { name, .. } => write!(f, "robot:{name}"),
        }
    }
}
