//! Who a credential stands for.

use std::fmt;

use access::Actor;

/// Who a credential stands for: an account by its id, so that a later account of the same name is somebody else.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Nobody in particular: no credentials were given.
    Anonymous,
    /// A person.
    User {
        /// The user's id.
        id: i64,
        /// The user's login.
        name: String,
    },
    /// A program.
    Robot {
        /// The robot's id.
        id: i64,
        /// The robot's login.
        name: String,
    },
}

/// An account by its kind and id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Account {
    User(i64),
    Robot(i64),
}

impl Account {
    pub(crate) fn id(self) -> i64 {
        match self {
            Self::User(id) | Self::Robot(id) => id,
        }
    }
}

impl Subject {
    /// Returns the login, if there is one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Anonymous => None,
            Self::User { name, .. } | Self::Robot { name, .. } => Some(name),
        }
    }

    /// Returns whether no credentials were given.
    pub fn is_anonymous(&self) -> bool {
        *self == Self::Anonymous
    }

    pub(crate) fn account(&self) -> Option<Account> {
        match self {
            Self::Anonymous => None,
            Self::User { id, .. } => Some(Account::User(*id)),
            Self::Robot { id, .. } => Some(Account::Robot(*id)),
        }
    }

    pub(crate) fn is(&self, actor: &Actor) -> bool {
        match (self, actor) {
            (Self::Anonymous, Actor::Anonymous) => true,
            (Self::User { name, .. }, Actor::User { name: known, .. })
            | (Self::Robot { name, .. }, Actor::Robot { name: known, .. }) => name == known,
            _ => false,
        }
    }
}

/// Writes `user:alice`, `robot:ci-web` or `anonymous`, as [`Actor`] does: the form kept in audit records.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::User { name, .. } => write!(f, "user:{name}"),
            Self::Robot { name, .. } => write!(f, "robot:{name}"),
        }
    }
}
