//! The closed set of actions.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which kind of thing an action is done to, and so which roles may hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActionKind {
    /// Done to one repository.
    Repository,
    /// Done to a project or to what it owns besides repositories.
    Project,
    /// Done to the hub.
    System,
    /// Done by an account to itself.
    Own,
}

macro_rules! actions {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $kind:ident, $phrase:literal;)+) => {
        /// One thing that can be done to the hub. The dotted name is what the API, the CLI and the audit log show.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Action {
            /// Every action, in the order of the permission matrix.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Returns the dotted name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Returns what the action is done to.
            pub const fn kind(self) -> ActionKind {
                match self { $(Self::$variant => ActionKind::$kind,)+ }
            }

            /// Returns what the action covers, as one line for the documentation.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc,)+).trim_ascii(),)+ }
            }

            /// Returns how to say it after "may not", with `{}` where the resource goes.
            pub(crate) const fn phrase(self) -> &'static str {
                match self { $(Self::$variant => $phrase,)+ }
            }
        }
    };
}

actions! {
    /// Read manifests, blobs, tags and referrers; also the source of a mount.
    RepositoryPull = "repository.pull", Repository, "pull from {}";
    /// Add content: uploads, mounts, and manifests by digest. A tag needs `tag.create` or `tag.move` as well.
    RepositoryPush = "repository.push", Repository, "push to {}";
    /// Bring a repository into being by the first push to it.
    RepositoryCreate = "repository.create", Repository, "create {}";
    /// Delete a repository with all that it holds.
    RepositoryDelete = "repository.delete", Repository, "delete {}";
    /// Give a manifest a tag that does not exist yet, or push again what the tag already names.
    TagCreate = "tag.create", Repository, "make a tag in {}";
    /// Make an existing tag name another manifest.
    TagMove = "tag.move", Repository, "move a tag in {}";
    /// Delete a tag and leave its manifest.
    TagDelete = "tag.delete", Repository, "delete a tag in {}";
    /// Delete a manifest by digest, with the tags that name it.
    ManifestDelete = "manifest.delete", Repository, "delete a manifest in {}";
    /// Take a blob out of a repository.
    BlobDelete = "blob.delete", Repository, "delete a blob in {}";
    /// List the repositories of a project, each only if it may be pulled from.
    RepositoryList = "repository.list", Project, "list repositories of {}";
    /// See a project, its visibility and its usage.
    ProjectRead = "project.read", Project, "see {}";
    /// Make a project public or private.
    ProjectUpdate = "project.update", Project, "change {}";
    /// Delete a project that holds no repositories.
    ProjectDelete = "project.delete", Project, "delete {}";
    /// List the members of a project and their roles.
    MemberRead = "member.read", Project, "see members of {}";
    /// Give, change and take away membership of a project.
    MemberWrite = "member.write", Project, "change members of {}";
    /// List robots and what they may reach. Secrets are never shown again.
    RobotRead = "robot.read", Project, "see robots of {}";
    /// Create, change, rotate, disable and delete robots.
    RobotWrite = "robot.write", Project, "change robots of {}";
    /// Read and verify audit records: those of one project, or all of them.
    AuditRead = "audit.read", Project, "read the audit log of {}";
    /// Ask what another actor may do: within one project, or anywhere.
    AccessExplain = "access.explain", Project, "ask about the access of others to {}";
    /// List repositories across projects, each only if it may be pulled from.
    CatalogList = "catalog.list", System, "list the catalog of {}";
    /// List projects, each only if it may be seen.
    ProjectList = "project.list", System, "list projects of {}";
    /// Create a project, also by pushing to one that does not exist.
    ProjectCreate = "project.create", System, "create projects on {}";
    /// List users and see their accounts.
    UserRead = "user.read", System, "see users of {}";
    /// Create, change, disable and delete users, and reset their passwords.
    UserWrite = "user.write", System, "change users of {}";
    /// See jobs, their progress and their errors.
    JobRead = "job.read", System, "see jobs of {}";
    /// See what collection freed, what waits for it, and why.
    GcRead = "gc.read", System, "see collection on {}";
    /// Start fsck, with or without repair, and read its report.
    FsckRun = "fsck.run", System, "run fsck on {}";
    /// Read metrics.
    MetricsRead = "metrics.read", System, "read metrics of {}";
    /// Read settings, versions and totals of the hub.
    SystemRead = "system.read", System, "read settings of {}";
    /// Change settings of the hub and rotate its keys.
    SystemUpdate = "system.update", System, "change settings of {}";
    /// See one's own account, grants and sessions.
    SelfRead = "self.read", Own, "see an account on {}";
    /// Change one's own password and end one's own sessions.
    SelfUpdate = "self.update", Own, "change an account on {}";
}

impl Action {
    /// Returns the word for it in a sentence: `push` and `pull` as people say them, else the dotted name.
    pub const fn word(self) -> &'static str {
        match self {
            Self::RepositoryPull => "pull",
            Self::RepositoryPush => "push",
            _ => self.name(),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that names no action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown action `{name}`")]
pub struct UnknownAction {
    /// The word.
    pub name: String,
}

impl FromStr for Action {
    type Err = UnknownAction;

    /// Reads a dotted name, or `push` or `pull`.
    fn from_str(text: &str) -> Result<Self, UnknownAction> {
        Self::ALL
            .iter()
            .copied()
            .find(|action| action.name() == text || action.word() == text)
            .ok_or_else(|| UnknownAction { name: text.to_owned() })
    }
}

impl Serialize for Action {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Action {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A set of actions, as one word of memory.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct ActionSet(u64);

const _: () = assert!(Action::ALL.len() <= 64, "an action set has 64 bits");

impl ActionSet {
    /// The set without actions.
    pub const EMPTY: Self = Self(0);

    /// Returns the set of these actions.
    pub const fn of(actions: &[Action]) -> Self {
        let mut bits = 0;
        let mut index = 0;
        while index < actions.len() {
            bits |= 1 << actions[index] as u64;
            index += 1;
        }
        Self(bits)
    }

    /// Returns the set of all actions.
    pub const fn all() -> Self {
        Self::of(Action::ALL)
    }

    /// Returns the set of all actions of one kind.
    pub const fn of_kind(kind: ActionKind) -> Self {
        let mut bits = 0;
        let mut index = 0;
        while index < Action::ALL.len() {
            let action = Action::ALL[index];
            if action.kind() as u8 == kind as u8 {
                bits |= 1 << action as u64;
            }
            index += 1;
        }
        Self(bits)
    }

    /// Returns what is in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns what is in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns whether the action is in the set.
    pub const fn contains(self, action: Action) -> bool {
        self.0 & (1 << action as u64) != 0
    }

    /// Returns whether every action of `other` is in the set.
    pub const fn contains_all(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns how many actions the set has.
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Returns whether the set has no actions.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the actions in the order of [`Action::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Action> {
        Action::ALL.iter().copied().filter(move |action| self.contains(*action))
    }
}

impl fmt::Debug for ActionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Action::name)).finish()
    }
}
