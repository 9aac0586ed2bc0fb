//! Scopes of registry tokens, in the words of the Docker token authentication specification.
//!
//! A client asks for scopes such as `repository:team/api:pull,push`; the hub signs a token with what of them the caller
//! may have ([`grant_scopes`]); each request with that token must be covered by it ([`Scopes::cover`]). How the four words
//! `pull`, `push`, `delete` and `*` relate to actions is fixed in [`ScopeAction::actions`] alone.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::action::{Action, ActionKind, ActionSet};
use crate::decision::{Request, allows};
use crate::grant::Access;
use crate::resource::{Resource, Visibility};

/// The most scopes of one token. A push needs two, with a mount in it; sixteen of the longest names still fit into a
/// token of 8 KiB, which is what proxies let through as one header.
pub const SCOPES_MAX: usize = 16;

/// The longest `scope` parameter, after decoding: all scopes of one token at full length, and as much again for repeats.
pub const SCOPE_TEXT_BYTES_MAX: usize = 16 * 1024;

const REPOSITORY_NAME_BYTES_MAX: usize = 255;

/// A word for what may be done, as clients ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ScopeAction {
    /// Everything that the caller may do.
    #[serde(rename = "*")]
    All,
    /// Take content away.
    #[serde(rename = "delete")]
    Delete,
    /// Read.
    #[serde(rename = "pull")]
    Pull,
    /// Add content and set tags. It takes nothing away: deleting is another word.
    #[serde(rename = "push")]
    Push,
}

impl ScopeAction {
    /// Every word.
    pub const ALL: [Self; 4] = [Self::All, Self::Delete, Self::Pull, Self::Push];

    /// Returns the word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "*",
            Self::Delete => "delete",
            Self::Pull => "pull",
            Self::Push => "push",
        }
    }

    /// Returns the word that is spelled so; words that the specification does not have are none.
    pub fn find(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == word)
    }

    /// Returns what the word covers on a repository.
    pub const fn actions(self) -> ActionSet {
        match self {
            Self::Pull => ActionSet::of(&[Action::RepositoryPull]),
            Self::Push => {
                ActionSet::of(&[Action::RepositoryPush, Action::RepositoryCreate, Action::TagCreate, Action::TagMove])
            }
            Self::Delete => ActionSet::of(&[Action::TagDelete, Action::ManifestDelete, Action::BlobDelete]),
            Self::All => ActionSet::of_kind(ActionKind::Repository),
        }
    }
}

/// What a scope is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScopeTarget {
    /// `registry:catalog`.
    Catalog,
    /// `repository:NAME`, as the client spelled the name. A name of one segment means the one in `library`.
    Repository(String),
}

/// What is asked or granted of one thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// Of what.
    pub target: ScopeTarget,
    /// What, sorted and without repeats.
    pub actions: Vec<ScopeAction>,
}

/// Scopes of one token: sorted, one a target, at most [`SCOPES_MAX`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scopes(Vec<Scope>);

/// Why scopes are refused. Words and kinds that are merely unknown are left out instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// Too many things are asked for at once.
    #[error("a token has at most {SCOPES_MAX} scopes")]
    TooMany,
    /// The parameter is longer than [`SCOPE_TEXT_BYTES_MAX`].
    #[error("a scope parameter has at most {SCOPE_TEXT_BYTES_MAX} bytes, not {actual}")]
    TooLong {
        /// Its length.
        actual: usize,
    },
}

impl Scopes {
    /// Reads all `scope` parameters of a request, each of which may hold several scopes between spaces. What is malformed, of an
    /// unknown kind or without a known word is left out: a client gets a token for the rest, and 401 names what is missing.
    pub fn parse<'a>(parameters: impl IntoIterator<Item = &'a str>) -> Result<Self, ScopeError> {
        let mut scopes = Self::default();
        let mut actual = 0;
        for parameter in parameters {
            actual += parameter.len();
            if actual > SCOPE_TEXT_BYTES_MAX {
                return Err(ScopeError::TooLong { actual });
            }
            for scope in parameter.split(' ').filter_map(Scope::find) {
                scopes.add(scope)?;
            }
        }
        Ok(scopes)
    }

    /// Adds a scope; one for the same target is widened.
    pub fn add(&mut self, scope: Scope) -> Result<(), ScopeError> {
        match self.0.binary_search_by(|other| other.target.cmp(&scope.target)) {
            Ok(index) => {
                self.0[index].actions.extend(scope.actions);
                self.0[index].actions.sort_unstable();
                self.0[index].actions.dedup();
            }
            Err(_) if self.0.len() == SCOPES_MAX => return Err(ScopeError::TooMany),
            Err(index) => self.0.insert(index, scope),
        }
        Ok(())
    }

    /// Returns the scopes, sorted by target.
    pub fn as_slice(&self) -> &[Scope] {
        &self.0
    }

    /// Returns whether nothing is covered.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns what is in both. `*` covers each word, and with it the other side's words stay.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let common = |scope: &Scope| {
            let theirs = other.0.iter().find(|theirs| theirs.target == scope.target)?;
            let narrow = |left: &Scope, right: &Scope| -> Vec<ScopeAction> {
                let covers = |action| right.actions.contains(&ScopeAction::All) || right.actions.contains(&action);
                left.actions.iter().copied().filter(|action| covers(*action)).collect()
            };
            let mut actions = narrow(scope, theirs);
            actions.extend(narrow(theirs, scope));
            actions.sort_unstable();
            actions.dedup();
            (!actions.is_empty()).then(|| Scope { target: scope.target.clone(), actions })
        };
        Self(self.0.iter().filter_map(common).collect())
    }

    /// Returns whether a token with these scopes may be used for the action. Only what is done under `/v2/` ever is covered, with
    /// the making of a project by a push into it.
    pub fn cover(&self, action: Action, resource: Resource<'_>) -> bool {
        self.0.iter().any(|scope| match (&scope.target, resource) {
            (ScopeTarget::Catalog, Resource::System) => {
                action == Action::CatalogList && scope.actions.contains(&ScopeAction::All)
            }
            (ScopeTarget::Repository(asked), Resource::Repository(name)) => {
                is_same_repository(asked, name) && scope.actions.iter().any(|word| word.actions().contains(action))
            }
            (ScopeTarget::Repository(asked), Resource::Project(name)) => {
                let pushes = |word: &ScopeAction| word.actions().contains(Action::RepositoryPush);
                action == Action::ProjectCreate && project_of(asked) == name && scope.actions.iter().any(pushes)
            }
            _ => false,
        })
    }
}

impl Scope {
    /// Returns the scope that a text asks for; none if it is malformed, of an unknown kind, or without a known word.
    pub fn find(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        // A name may hold a colon (`host:port/name`), actions may not.
        let (name, words) = rest.rsplit_once(':')?;
        let mut actions: Vec<_> = words.split(',').filter_map(ScopeAction::find).collect();
        actions.sort_unstable();
        actions.dedup();
        Self::new(ScopeTarget::find(kind, name)?, actions)
    }

    fn new(target: ScopeTarget, mut actions: Vec<ScopeAction>) -> Option<Self> {
        if target == ScopeTarget::Catalog {
            actions.retain(|action| *action == ScopeAction::All);
        }
        (!actions.is_empty()).then_some(Self { target, actions })
    }
}

impl ScopeTarget {
    fn find(kind: &str, name: &str) -> Option<Self> {
        // `repository(plugin)` is a repository like any other.
        let kind = match kind.split_once('(') {
            Some((kind, class)) if class.ends_with(')') => kind,
            Some(_) => return None,
            None => kind,
        };
        let is_name = |name: &str| {
            let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'/');
            (1..=REPOSITORY_NAME_BYTES_MAX).contains(&name.len())
                && name.bytes().all(allowed)
                && !name.split('/').any(str::is_empty)
        };
        match (kind, name) {
            ("registry", "catalog") => Some(Self::Catalog),
            ("repository", name) if is_name(name) => Some(Self::Repository(name.to_owned())),
            _ => None,
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Catalog => "registry",
            Self::Repository(_) => "repository",
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Catalog => "catalog",
            Self::Repository(name) => name,
        }
    }
}

/// Returns what of the requested scopes the caller may have now: fewer words, never more, never an error. `*` becomes the words
/// that the caller holds. `visibility` tells whether a project is public.
pub fn grant_scopes(access: &Access, requested: &Scopes, visibility: impl Fn(&str) -> Visibility) -> Scopes {
    let granted = requested.0.iter().filter_map(|scope| {
        let actions = match &scope.target {
            ScopeTarget::Catalog => {
                let (action, resource) = (Action::CatalogList, Resource::System);
                let request = Request { action, resource, visibility: Visibility::Private };
                if allows(access, None, request) { scope.actions.clone() } else { Vec::new() }
            }
            ScopeTarget::Repository(asked) => {
                let full_name = qualified(asked);
                let (resource, visibility) = (Resource::Repository(&full_name), visibility(project_of(asked)));
                let may = |action| allows(access, None, Request { action, resource, visibility });
                let is_asked = |word| scope.actions.contains(&word) || scope.actions.contains(&ScopeAction::All);
                let mut words = Vec::with_capacity(3);
                if is_asked(ScopeAction::Delete) && ScopeAction::Delete.actions().iter().any(may) {
                    words.push(ScopeAction::Delete);
                }
                if is_asked(ScopeAction::Pull) && may(Action::RepositoryPull) {
                    words.push(ScopeAction::Pull);
                }
                if is_asked(ScopeAction::Push) && may(Action::RepositoryPush) {
                    words.push(ScopeAction::Push);
                }
                words
            }
        };
        Scope::new(scope.target.clone(), actions)
    });
    Scopes(granted.collect())
}

const LIBRARY: &str = "library";

fn qualified(asked: &str) -> String {
    if asked.contains('/') { asked.to_owned() } else { format!("{LIBRARY}/{asked}") }
}

fn project_of(asked: &str) -> &str {
    asked.split_once('/').map_or(LIBRARY, |(project, _)| project)
}

fn is_same_repository(asked: &str, full_name: &str) -> bool {
    if asked.contains('/') {
        return asked == full_name;
    }
    full_name.strip_prefix(LIBRARY).and_then(|rest| rest.strip_prefix('/')) == Some(asked)
}

/// Writes `repository:team/api:pull,push`.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.target.kind(), self.target.name())?;
        for (index, action) in self.actions.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(f, "{separator}{}", action.as_str())?;
        }
        Ok(())
    }
}

/// Writes the scopes with spaces between them, as a challenge and a token request hold them.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { " " };
            write!(f, "{separator}{scope}")?;
        }
        Ok(())
    }
}

// One entry of the `access` claim.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry<'a> {
    #[serde(rename = "type")]
    kind: std::borrow::Cow<'a, str>,
    name: std::borrow::Cow<'a, str>,
    actions: Vec<ScopeAction>,
}

/// Writes the `access` claim of the token specification.
impl Serialize for Scopes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|scope| Entry {
            kind: scope.target.kind().into(),
            name: scope.target.name().into(),
            actions: scope.actions.clone(),
        }))
    }
}

/// Reads the `access` claim, strictly: it was written by this crate and signed, so anything unknown in it is a fault.
impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let mut scopes = Self::default();
        for entry in Vec::<Entry<'_>>::deserialize(deserializer)? {
            let target = ScopeTarget::find(&entry.kind, &entry.name)
                .ok_or_else(|| D::Error::custom("unknown kind or malformed name in `access`"))?;
            let scope = Scope::new(target, entry.actions).ok_or_else(|| D::Error::custom("no action in `access`"))?;
            scopes.add(scope).map_err(D::Error::custom)?;
        }
        for scope in &mut scopes.0 {
            scope.actions.sort_unstable();
            scope.actions.dedup();
        }
        Ok(scopes)
    }
}
