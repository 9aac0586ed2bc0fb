//! What can go wrong, with what to do about it.

use access::{AccountNameError, GlobError};

use crate::NameError;
use crate::robots::{LIVE_SECRETS_MAX, ROBOT_GRANTS_MAX, ROBOT_LIFETIME_MAX_US, ROTATION_OVERLAP_MAX_US};

const DAY_US: i64 = 86_400 * 1_000_000;

/// A kind of thing that can be missing or already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    /// A person's account.
    User,
    /// A program's account.
    Robot,
    /// Either account.
    Login,
    /// A project.
    Project,
    /// A role of an account in a project.
    Member,
}

impl std::fmt::Display for Thing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::User => "user",
            Self::Robot => "robot",
            Self::Login => "user or robot",
            Self::Project => "project",
            Self::Member => "member",
        })
    }
}

/// Why something about users, projects, robots, sessions or keys could not be done. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A project's name is refused.
    #[error("project name is refused")]
    ProjectName(#[from] NameError),
    /// A login is refused.
    #[error("login is refused")]
    AccountName(#[from] AccountNameError),
    /// There is no such thing, or not at this owner.
    #[error("there is no {thing} `{name}`")]
    NotFound {
        /// What was looked for.
        thing: Thing,
        /// By which name.
        name: String,
    },
    /// The name is taken.
    #[error("there is a {thing} `{name}` already")]
    Exists {
        /// What has the name.
        thing: Thing,
        /// The name.
        name: String,
    },
    /// Nobody would be left who administers the hub.
    #[error("this is the last administrator who can log in")]
    LastAdministrator,
    /// A project with repositories is not deleted.
    #[error("project `{project}` holds repositories")]
    ProjectNotEmpty {
        /// The project.
        project: String,
    },
    /// A password is refused.
    #[error("password is refused")]
    Password(#[source] identity::PasswordError),
    /// A password could not be changed because the old one did not hold.
    #[error("old password was not accepted")]
    OldPassword(#[source] Box<AuthError>),
    /// The account has no password or session: it is a robot, or nobody.
    #[error("this account has no password of its own")]
    NoPassword,
    /// The account changed between the login and what was to rest on it.
    #[error("account changed while it logged in")]
    AccountChanged,
    /// A robot would reach beyond its project.
    #[error("`{repositories}` reaches outside project `{project}`")]
    OutsideProject {
        /// The glob.
        repositories: String,
        /// The project that owns the robot.
        project: String,
    },
    /// Two grants of a robot name the same repositories.
    #[error("`{repositories}` is granted twice")]
    GrantTwice {
        /// The glob.
        repositories: String,
    },
    /// A robot would have more grants than its limit.
    #[error("a robot has at most {ROBOT_GRANTS_MAX} grants, not {actual}")]
    TooManyGrants {
        /// How many.
        actual: usize,
    },
    /// A robot would end in the past or too far ahead.
    #[error("a robot ends within {} days from now", ROBOT_LIFETIME_MAX_US / DAY_US)]
    RobotLifetime {
        /// When it was to end, in microseconds since 1970.
        expires_at_us: i64,
    },
    /// A robot that has ended gets no new secret.
    #[error("robot `{robot}` has expired")]
    RobotExpired {
        /// The robot.
        robot: String,
    },
    /// The old secret would live too long beside the new one.
    #[error("the old secret of a robot lives on for at most {} days", ROTATION_OVERLAP_MAX_US / DAY_US)]
    Overlap {
        /// How long it was to live on, in microseconds.
        actual_us: i64,
    },
    /// A sealed key does not open: another master key sealed it, or it was changed.
    #[error("signing key `{key}` does not open with master key `{master_key}`")]
    Unseal {
        /// The signing key.
        key: String,
        /// The id of the master key that is in use.
        master_key: String,
        /// What the cipher said.
        #[source]
        source: identity::MasterKeyError,
    },
    /// A private key could not be sealed.
    #[error("failed to seal a signing key")]
    Seal(#[source] identity::MasterKeyError),
    /// A key could not be made or read.
    #[error("failed to make or read a signing key")]
    Key(#[from] identity::KeyError),
    /// A token could not be made.
    #[error("failed to make a token")]
    Token(#[source] identity::TokenError),
    /// No random bytes were to be had.
    #[error("failed to make a secret")]
    Randomness(#[from] identity::RandomnessError),
    /// The database was never started with.
    #[error("this database has no hub yet")]
    NotBootstrapped,
    /// There is no signing key of a purpose.
    #[error("there is no `{purpose}` signing key")]
    NoSigningKey {
        /// What the key is for.
        purpose: &'static str,
    },
    /// A stored glob is none.
    #[error("database holds a repository pattern that is none")]
    StoredGlob {
        /// What is wrong with it.
        #[source]
        source: GlobError,
    },
    /// A row that was just written or that must be there is not.
    #[error("database lacks a {thing} that must be there")]
    Missing {
        /// What.
        thing: Thing,
    },
    /// The process is on its way out.
    #[error("the hub is stopping")]
    Stopping,
    /// The database failed.
    #[error("failed to reach what the database holds")]
    Database(#[from] db::Error),
}

impl Error {
    /// Tells of a name that another transaction took at the same moment as of one that was there before.
    pub(crate) fn or_exists(self, thing: Thing, name: &str) -> Self {
        match self {
            Self::Database(error) if error.is_conflict() => Self::Exists { thing, name: name.to_owned() },
            error => error,
        }
    }

    /// Returns what to do about it, when there is something to do.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::LastAdministrator => "make another user an administrator first".to_owned(),
            Self::ProjectNotEmpty { project } => {
                format!("delete its repositories first: garrison repo list {project}")
            }
            Self::RobotExpired { robot } => {
                format!("prolong it first: `garrison robot renew {robot}`, with `--project` if a project owns it")
            }
            Self::OutsideProject { project, .. } => {
                format!("begin the pattern with `{project}/`, or make a robot of the hub")
            }
            Self::TooManyGrants { .. } => "join grants with a pattern such as `team/**`".to_owned(),
            Self::Unseal { .. } => "start with the master key that this database was made with; if it is lost, \
                                    `garrison keys recover` goes on with another one"
                .to_owned(),
            Self::NotFound { .. }
            | Self::Exists { .. }
            | Self::ProjectName(_)
            | Self::AccountName(_)
            | Self::Password(_)
            | Self::OldPassword(_)
            | Self::NoPassword
            | Self::AccountChanged
            | Self::GrantTwice { .. }
            | Self::RobotLifetime { .. }
            | Self::Overlap { .. }
            | Self::Seal(_)
            | Self::Key(_)
            | Self::Token(_)
            | Self::Randomness(_)
            | Self::NoSigningKey { .. }
            | Self::NotBootstrapped
            | Self::StoredGlob { .. }
            | Self::Missing { .. }
            | Self::Stopping => return None,
            Self::Database(error) => return error.hint().map(str::to_owned),
        })
    }
}

/// Why a credential was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The name is unknown, the secret is wrong, or what it stood for is gone: one answer, in the same time, for all.
    #[error("credentials are wrong or no longer valid")]
    Refused,
    /// The account is disabled. Told only to who has shown its credential.
    #[error("account is disabled")]
    Disabled,
    /// The robot or its secret has expired. Told only to who has shown its credential.
    #[error("robot or its secret has expired")]
    Expired,
    /// Too many wrong passwords for this account or from this address.
    #[error("too many failed logins; try again in {retry_after_s} s")]
    Throttled {
        /// Seconds until the next attempt is looked at.
        retry_after_s: u64,
    },
    /// More passwords wait to be looked at than the hub takes on.
    #[error("too many logins at once; try again in a moment")]
    Busy,
    /// The bearer token is not one of this hub's that is valid now.
    #[error("token is not accepted")]
    Token(#[source] identity::TokenError),
    /// The credential could not be looked at.
    #[error("failed to look at the credential")]
    Unavailable(#[from] Error),
}

impl From<db::Error> for AuthError {
    fn from(error: db::Error) -> Self {
        Self::Unavailable(error.into())
    }
}

const _: () = assert!(LIVE_SECRETS_MAX == 2, "rotation leaves the new secret and the one before");
