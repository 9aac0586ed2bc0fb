//! The document `apiVersion: garrison.dev/v1`, `kind: Exceptions`.

use std::collections::HashSet;

use component::{Pattern, PatternError, PurlPattern};
use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::moment::DAY;
use crate::{Condition, Exception, Exceptions, Time, Versions, VersionsError, parse_moment, yaml};

/// The largest document that is read, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The most exceptions of a document. Whoever needs more has decided nothing.
pub const EXCEPTIONS_MAX: usize = 10_000;

/// The most patterns of one kind in an exception.
pub const PATTERNS_MAX: usize = 256;

/// The most bytes of an id, an owner or a reason.
pub const TEXT_BYTES_MAX: usize = 4096;

/// The most days that an exception lasts: a year. What is still right then is worth being said again.
pub const LIFETIME_DAYS_MAX: i64 = 366;

/// The version of the document's form.
pub(crate) const API_VERSION: &str = "garrison.dev/v1";

/// The kind of document.
pub(crate) const KIND: &str = "Exceptions";

/// Why a document is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It is larger than any that is read.
    #[error("the document is {actual} bytes, the limit is {limit}")]
    TooLarge {
        /// Its size in bytes.
        actual: usize,
        /// The limit of its kind.
        limit: usize,
    },
    /// It is no text.
    #[error("the document is not UTF-8")]
    Utf8,
    /// Something in it is wrong.
    #[error("line {line}, column {column}: {mistake}")]
    At {
        /// The line, from 1; 0 where nobody knows.
        line: u64,
        /// The column, from 1.
        column: u64,
        /// What is wrong.
        mistake: Mistake,
    },
}

impl ReadError {
    /// Returns the line and the column at fault, from 1; none where nobody knows.
    pub fn place(&self) -> Option<(u64, u64)> {
        match self {
            Self::At { line, column, .. } => Some((*line, *column)).filter(|(line, _)| *line > 0),
            Self::TooLarge { .. } | Self::Utf8 => None,
        }
    }

    /// Returns the name that was meant perhaps.
    pub fn nearest(&self) -> Option<&str> {
        match self {
            Self::At {
                mistake: Mistake::UnknownField { nearest, .. } | Mistake::UnknownWord { nearest, .. }, ..
            } => nearest.as_deref(),
            _ => None,
        }
    }
}

/// What is wrong at a place of a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// It is no YAML, or not the kind of value that stands there.
    #[error("{0}")]
    Form(String),
    /// There is no such field.
    #[error("there is no field `{field}` here")]
    UnknownField {
        /// The field.
        field: String,
        /// The one that is most like it.
        nearest: Option<String>,
    },
    /// There is no such word.
    #[error("`{word}` is no {what}")]
    UnknownWord {
        /// The word.
        word: String,
        /// What it should be.
        what: &'static str,
        /// The one that is most like it.
        nearest: Option<String>,
    },
    /// A field is missing.
    #[error("the field `{0}` is missing")]
    Missing(&'static str),
    /// A field holds nothing.
    #[error("`{0}` is empty")]
    Empty(&'static str),
    /// A text holds a character that does not print.
    #[error("`{0}` holds a control character")]
    Control(&'static str),
    /// A text is longer than [`TEXT_BYTES_MAX`].
    #[error("`{0}` has more than {TEXT_BYTES_MAX} bytes")]
    TooLong(&'static str),
    /// There is more of something than a limit allows.
    #[error("there are more `{what}` than {limit}")]
    TooMany {
        /// What.
        what: &'static str,
        /// How many are read.
        limit: usize,
    },
    /// An id stands twice.
    #[error("the id `{0}` stands twice")]
    Twice(String),
    /// A pattern is none.
    #[error("{0}")]
    Pattern(#[from] PatternError),
    /// A purl pattern does not begin as purls do.
    #[error("`{0}` is no purl: those begin with `pkg:`, a type and a slash")]
    Purl(String),
    /// A range of versions is none.
    #[error("`versions` cannot be read: {0}")]
    Versions(#[from] VersionsError),
    /// A moment is none.
    #[error("`{0}` is no date (`2027-01-31`) and no time of RFC 3339 (`2027-01-31T12:00:00Z`)")]
    Moment(String),
    /// It ends before it begins.
    #[error("it expires before it was created")]
    Order,
    /// It lasts longer than [`LIFETIME_DAYS_MAX`].
    #[error("it lasts {days} days, the limit is {LIFETIME_DAYS_MAX}")]
    Lifetime {
        /// How many days.
        days: i64,
    },
}

impl Mistake {
    pub(crate) fn unknown_field(field: &str, known: &[&str]) -> Self {
        Self::UnknownField { field: field.to_owned(), nearest: nearest(field, known) }
    }

    pub(crate) fn unknown_word(word: &str, what: &'static str, known: &[&str]) -> Self {
        Self::UnknownWord { word: word.to_owned(), what, nearest: nearest(word, known) }
    }
}

/// Returns the word that is most like another, if any is.
fn nearest(word: &str, known: &[&str]) -> Option<String> {
    const LIKENESS_MIN: f64 = 0.7;
    let likeness = |known: &&str| strsim::jaro_winkler(&word.to_lowercase(), &known.to_lowercase());
    let best = known.iter().map(|known| (likeness(known), *known)).max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(likeness, _)| *likeness >= LIKENESS_MIN).map(|(_, known)| known.to_owned())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Stated {
    api_version: Spanned<String>,
    kind: Spanned<String>,
    exceptions: Vec<Spanned<StatedException>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StatedException {
    id: Spanned<String>,
    vulnerabilities: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    purls: Vec<Spanned<String>>,
    #[serde(default)]
    versions: Option<Spanned<String>>,
    #[serde(default)]
    paths: Vec<Spanned<String>>,
    #[serde(default)]
    scope: Vec<Spanned<String>>,
    owner: Spanned<String>,
    reason: Spanned<String>,
    created: Spanned<String>,
    expires: Spanned<String>,
    #[serde(default)]
    condition: Option<Spanned<String>>,
}

impl Exceptions {
    /// Reads a document, as YAML or JSON.
    pub fn read(bytes: &[u8]) -> Result<Self, ReadError> {
        if bytes.len() > DOCUMENT_BYTES_MAX {
            return Err(ReadError::TooLarge { actual: bytes.len(), limit: DOCUMENT_BYTES_MAX });
        }
        let text = std::str::from_utf8(bytes).map_err(|_| ReadError::Utf8)?;
        let stated: Stated = yaml::read(text)?;
        expect(&stated.api_version, API_VERSION, "version of this document")?;
        expect(&stated.kind, KIND, "kind of this document")?;
        if let Some(first) = stated.exceptions.get(EXCEPTIONS_MAX) {
            return Err(at(first, Mistake::TooMany { what: "exceptions", limit: EXCEPTIONS_MAX }));
        }
        let mut ids = HashSet::new();
        let mut entries = Vec::with_capacity(stated.exceptions.len());
        for one in &stated.exceptions {
            let entry = one.value.read()?;
            if !ids.insert(entry.id.clone()) {
                return Err(at(&one.value.id, Mistake::Twice(entry.id)));
            }
            entries.push(entry);
        }
        Ok(Self::new(entries))
    }
}

pub(crate) fn at<T>(place: &Spanned<T>, mistake: Mistake) -> ReadError {
    ReadError::At { line: place.referenced.line(), column: place.referenced.column(), mistake }
}

pub(crate) fn expect(found: &Spanned<String>, expected: &'static str, what: &'static str) -> Result<(), ReadError> {
    if found.value == expected {
        return Ok(());
    }
    let (word, nearest) = (found.value.clone(), Some(expected.to_owned()));
    Err(at(found, Mistake::UnknownWord { word, what, nearest }))
}

impl StatedException {
    fn read(&self) -> Result<Exception, ReadError> {
        let vulnerabilities = patterns(&self.vulnerabilities.value, "vulnerabilities")?;
        if vulnerabilities.is_empty() {
            return Err(at(&self.vulnerabilities, Mistake::Empty("vulnerabilities")));
        }
        let purls = patterns(&self.purls, "purls")?;
        for (purl, stated) in purls.iter().zip(&self.purls) {
            check_purl(purl.as_str()).map_err(|mistake| at(stated, mistake))?;
        }
        let parse = |stated: &Spanned<String>| {
            Versions::parse(&stated.value, purls.iter().map(Pattern::as_str)).map_err(|error| at(stated, error.into()))
        };
        let versions = self.versions.as_ref().map(parse).transpose()?;
        let condition = self.condition.as_ref().map(read_condition).transpose()?;
        let (created, expires) = (moment(&self.created)?, moment(&self.expires)?);
        check_lifetime(created, expires).map_err(|mistake| at(&self.expires, mistake))?;
        Ok(Exception {
            id: text(&self.id, "id")?,
            vulnerabilities,
            purls: purls.into_iter().map(PurlPattern::new).collect(),
            versions,
            paths: patterns(&self.paths, "paths")?,
            scope: patterns(&self.scope, "scope")?,
            owner: text(&self.owner, "owner")?,
            reason: text(&self.reason, "reason")?,
            created,
            expires,
            condition,
        })
    }
}

fn read_condition(stated: &Spanned<String>) -> Result<Condition, ReadError> {
    if stated.value == Condition::OnlyWithoutFix.name() {
        return Ok(Condition::OnlyWithoutFix);
    }
    let nearest = Some(Condition::OnlyWithoutFix.name().to_owned());
    Err(at(stated, Mistake::UnknownWord { word: stated.value.clone(), what: "condition", nearest }))
}

/// Tells why an exception may not last from one moment to the other.
pub(crate) fn check_lifetime(created: Time, expires: Time) -> Result<(), Mistake> {
    let lifetime = expires.saturating_sub(created);
    if lifetime <= 0 {
        return Err(Mistake::Order);
    }
    if lifetime > LIFETIME_DAYS_MAX * DAY {
        return Err(Mistake::Lifetime { days: (lifetime + DAY - 1) / DAY });
    }
    Ok(())
}

fn check_purl(text: &str) -> Result<(), Mistake> {
    let is_purl = text == "**" || text.strip_prefix("pkg:").is_some_and(|rest| rest.contains(['/', '*']));
    if is_purl { Ok(()) } else { Err(Mistake::Purl(text.to_owned())) }
}

fn moment(stated: &Spanned<String>) -> Result<Time, ReadError> {
    parse_moment(&stated.value).ok_or_else(|| at(stated, Mistake::Moment(stated.value.clone())))
}

fn text(stated: &Spanned<String>, field: &'static str) -> Result<String, ReadError> {
    let text = stated.value.trim();
    if text.is_empty() {
        return Err(at(stated, Mistake::Empty(field)));
    }
    if text.len() > TEXT_BYTES_MAX {
        return Err(at(stated, Mistake::TooLong(field)));
    }
    if text.contains(is_unprintable) {
        return Err(at(stated, Mistake::Control(field)));
    }
    Ok(text.to_owned())
}

/// Tells whether a character does not print; ends of lines and tabs part words. YAML and JSON differ in what they take of the others.
pub(crate) fn is_unprintable(character: char) -> bool {
    let is_space = matches!(character, '\n' | '\t');
    !is_space && (character.is_control() || matches!(character, '\u{feff}' | '\u{fffe}' | '\u{ffff}'))
}

pub(crate) fn patterns(stated: &[Spanned<String>], field: &'static str) -> Result<Vec<Pattern>, ReadError> {
    if let Some(first) = stated.get(PATTERNS_MAX) {
        return Err(at(first, Mistake::TooMany { what: field, limit: PATTERNS_MAX }));
    }
    stated.iter().map(|one| Pattern::parse(one.value.trim()).map_err(|error| at(one, error.into()))).collect()
}
