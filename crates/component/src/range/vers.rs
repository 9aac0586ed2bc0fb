//! Ranges that are written the same way for every ecosystem: the specification VERS of package-url, "Core specification" and
//! "How to parse and validate VERS": `vers:npm/1.2.3|>=2.0.0|<5.0.0`.
//!
//! What the specification leaves open is decided so: constraints that are all `!=` leave every other version in, and a
//! branch of Composer is in no range but by its name.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Operator, RANGE_LENGTH_MAX, RANGE_TERMS_MAX};
use crate::version::{Parsed, Scheme, Unorderable, Version};

/// The types that are known, by the names of the specification and of package URLs. It names one more, `generic`, whose order it leaves open. Those
/// whose only range is `*` order nothing.
const TYPES: [(&str, Scheme); 27] = [
    (ALL, Scheme::Lexicographic),
    ("alpm", Scheme::Pacman),
    ("apk", Scheme::Apk),
    ("cargo", Scheme::Semver),
    ("composer", Scheme::Composer),
    ("conan", Scheme::Conan),
    ("cran", Scheme::Cran),
    ("datetime", Scheme::Datetime),
    ("deb", Scheme::Deb),
    ("gem", Scheme::Gem),
    ("gentoo", Scheme::Gentoo),
    ("golang", Scheme::Go),
    ("hackage", Scheme::Hackage),
    ("hex", Scheme::Hex),
    ("intdot", Scheme::Intdot),
    ("lexicographic", Scheme::Lexicographic),
    ("maven", Scheme::Maven),
    ("nginx", Scheme::Nginx),
    (NONE, Scheme::Lexicographic),
    ("npm", Scheme::Npm),
    ("nuget", Scheme::Nuget),
    ("opam", Scheme::Opam),
    ("openssl", Scheme::Openssl),
    ("pub", Scheme::Pub),
    ("pypi", Scheme::Pep440),
    ("rpm", Scheme::Rpm),
    ("semver", Scheme::Semver),
];

/// Every version, and none, of whatever scheme.
const ALL: &str = "all";
const NONE: &str = "none";

/// Other names of these types.
const TYPE_ALIASES: [(&str, &str); 3] = [("alpine", "apk"), ("dart", "pub"), ("ebuild", "gentoo")];

/// What each comparison is written with; of two where one begins the other, the longer stands first.
const COMPARATORS: [(&str, Operator); 5] = [
    (">=", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("!=", Operator::NotEqual),
    (">", Operator::Greater),
    ("<", Operator::Less),
];

/// What a version has in percent-encoding only.
const ENCODED: &str = "><=!*|%";

/// How much of an unknown type's name an error holds, in characters.
const TYPE_SHOWN_MAX: usize = 64;

/// A range of VERS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vers {
    ty: &'static str,
    scheme: Scheme,
    /// In the order of their versions; none if every version is in the range.
    constraints: Box<[Constraint]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Constraint {
    operator: Operator,
    version: Box<str>,
}

/// Why a text is no range of VERS.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VersError {
    /// It is longer than [`RANGE_LENGTH_MAX`].
    #[error("the range is {actual} bytes, the limit is {RANGE_LENGTH_MAX}")]
    TooLong {
        /// Its length in bytes.
        actual: usize,
    },
    /// It has more constraints than [`RANGE_TERMS_MAX`].
    #[error("the range has over {RANGE_TERMS_MAX} constraints")]
    TooManyConstraints,
    /// It holds a character that has no place in it.
    #[error("no range of vers holds {0:?}")]
    Character(char),
    /// A part of it is missing or is not what stands there.
    #[error("the range is not written as vers:TYPE/CONSTRAINT|CONSTRAINT: {expected}")]
    Form {
        /// What stands there in a range.
        expected: &'static str,
    },
    /// Its type is not known here.
    #[error("there is no vers type `{name}` here")]
    UnknownType {
        /// The type; of one that is too long, its beginning.
        name: Box<str>,
    },
    /// A version of it is none, or has no order.
    #[error("a version of the range has no order")]
    Bound(#[source] Unorderable),
    /// A version stands in two constraints.
    #[error("`{version}` stands in two constraints")]
    Repeated {
        /// The version.
        version: Box<str>,
    },
    /// Two constraints in a row that make no range.
    #[error("`{next}` has no meaning after `{first}`")]
    Sequence {
        /// The constraint with the lower version.
        first: Box<str>,
        /// The one after it.
        next: Box<str>,
    },
    /// It is a range, but not written as the specification requires.
    #[error("the range is written `{canonical}`")]
    NotCanonical {
        /// The one way to write it.
        canonical: Box<str>,
    },
}

impl Vers {
    /// Reads a range, whose constraints may stand in any order.
    pub fn parse(text: &str) -> Result<Self, VersError> {
        if text.len() > RANGE_LENGTH_MAX {
            return Err(VersError::TooLong { actual: text.len() });
        }
        if let Some(character) = text.chars().find(|character| !character.is_ascii_graphic()) {
            return Err(VersError::Character(character));
        }
        let specifier = text.strip_prefix("vers:").ok_or(VersError::Form { expected: "it begins with `vers:`" })?;
        let (name, constraints) =
            specifier.split_once('/').ok_or(VersError::Form { expected: "a slash follows the type" })?;
        let (ty, scheme) = find_type(name)?;
        if constraints == "*" {
            return Ok(Self { ty, scheme, constraints: Box::default() });
        }
        if matches!(ty, ALL | NONE) {
            return Err(VersError::Form { expected: "after `vers:all/` and `vers:none/` stands `*`" });
        }
        if constraints.split('|').count() > RANGE_TERMS_MAX {
            return Err(VersError::TooManyConstraints);
        }
        let mut sorted = Vec::new();
        for text in constraints.split('|') {
            insert(scheme, &mut sorted, Constraint::parse(scheme, text)?)?;
        }
        check_sequence(&sorted)?;
        Ok(Self { ty, scheme, constraints: sorted.into() })
    }

    /// Reads a range that is written as the specification requires, and in no other way.
    pub fn parse_canonical(text: &str) -> Result<Self, VersError> {
        let vers = Self::parse(text)?;
        let canonical = vers.to_string();
        if canonical == text { Ok(vers) } else { Err(VersError::NotCanonical { canonical: canonical.into() }) }
    }

    /// Returns the type, as in `npm`.
    pub fn ty(&self) -> &'static str {
        self.ty
    }

    /// Returns the scheme whose order it goes by.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Tells whether it is a range of a scheme's versions: `vers:all/*` and `vers:none/*` are of every one's.
    pub fn is_of(&self, scheme: Scheme) -> bool {
        self.scheme == scheme || matches!(self.ty, ALL | NONE)
    }

    /// Tells whether a version lies in the range.
    pub fn contains(&self, version: &str) -> Result<bool, Unorderable> {
        let version = Version::parse(self.scheme, version)?;
        let is_branch = matches!(&version.parsed, Parsed::Composer(composer) if composer.is_branch());
        let mut orders = Vec::with_capacity(self.constraints.len());
        for constraint in &self.constraints {
            let order = match version.order(&Version::parse(self.scheme, &constraint.version)?) {
                Err(_) if is_branch => Ordering::Less,
                order => order?,
            };
            orders.push((constraint.operator, order));
        }
        if self.ty == NONE {
            return Ok(false);
        }
        if let Some(is_in) = decide_equal(&orders) {
            return Ok(is_in);
        }
        if orders.iter().all(|(operator, _)| *operator == Operator::NotEqual) {
            return Ok(true);
        }
        let mut bounds =
            orders.iter().filter(|(operator, _)| !matches!(operator, Operator::Equal | Operator::NotEqual));
        let is_upper = |operator: Operator| matches!(operator, Operator::Less | Operator::LessOrEqual);
        Ok(!is_branch
            && match bounds.clone().find(|(_, order)| order.is_lt()) {
                Some((next, _)) => is_upper(*next),
                None => bounds.next_back().is_some_and(|(last, _)| !is_upper(*last)),
            })
    }
}

impl FromStr for Vers {
    type Err = VersError;

    fn from_str(text: &str) -> Result<Self, VersError> {
        Self::parse(text)
    }
}

/// The canonical text.
impl fmt::Display for Vers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "vers:{}/", self.ty)?;
        if self.constraints.is_empty() {
            return formatter.write_str("*");
        }
        for (index, constraint) in self.constraints.iter().enumerate() {
            write!(formatter, "{}{constraint}", if index > 0 { "|" } else { "" })?;
        }
        Ok(())
    }
}

impl Serialize for Vers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Vers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl Constraint {
    fn parse(scheme: Scheme, text: &str) -> Result<Self, VersError> {
        if text.is_empty() {
            return Err(VersError::Form { expected: "a constraint stands on each side of `|`" });
        }
        let found = COMPARATORS.iter().find(|(symbol, _)| text.starts_with(symbol)).copied();
        let (symbol, operator) = found.unwrap_or(("", Operator::Equal));
        let version = decode(&text[symbol.len()..])?;
        Version::parse(scheme, &version).map_err(VersError::Bound)?;
        Ok(Self { operator, version: version.into() })
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let symbol = COMPARATORS.iter().find(|(_, operator)| *operator == self.operator);
        formatter.write_str(symbol.map_or("", |(symbol, _)| symbol))?;
        for byte in self.version.bytes() {
            if ENCODED.as_bytes().contains(&byte) || !byte.is_ascii() {
                write!(formatter, "%{byte:02X}")?;
            } else {
                write!(formatter, "{}", char::from(byte))?;
            }
        }
        Ok(())
    }
}

fn find_type(name: &str) -> Result<(&'static str, Scheme), VersError> {
    let lower = name.to_ascii_lowercase();
    let name_of_spec = TYPE_ALIASES.iter().find(|(alias, _)| *alias == lower).map_or(&*lower, |(_, name)| name);
    TYPES
        .into_iter()
        .find(|(known, _)| *known == name_of_spec)
        .ok_or_else(|| VersError::UnknownType { name: name.chars().take(TYPE_SHOWN_MAX).collect() })
}

/// Puts a constraint where its version belongs. Not by a sort of the library, which may panic at an order with circles.
fn insert(scheme: Scheme, sorted: &mut Vec<Constraint>, constraint: Constraint) -> Result<(), VersError> {
    let mut place = sorted.len();
    while let Some(before) = place.checked_sub(1).map(|index| &sorted[index]) {
        match scheme.compare(&before.version, &constraint.version).map_err(VersError::Bound)? {
            Ordering::Less => break,
            Ordering::Equal => return Err(VersError::Repeated { version: constraint.version }),
            Ordering::Greater => place -= 1,
        }
    }
    sorted.insert(place, constraint);
    Ok(())
}

/// Without `!=`, a lower bound is followed by an upper one, all else by a version or a lower bound.
fn check_sequence(sorted: &[Constraint]) -> Result<(), VersError> {
    let mut bounds = sorted.iter().filter(|constraint| constraint.operator != Operator::NotEqual);
    let Some(mut first) = bounds.next() else { return Ok(()) };
    let is_upper = |operator| matches!(operator, Operator::Less | Operator::LessOrEqual);
    let is_lower = |operator| matches!(operator, Operator::Greater | Operator::GreaterOrEqual);
    for next in bounds {
        if is_lower(first.operator) != is_upper(next.operator) {
            return Err(VersError::Sequence { first: first.to_string().into(), next: next.to_string().into() });
        }
        first = next;
    }
    Ok(())
}

/// Decides about a version that is one of those in the constraints.
fn decide_equal(orders: &[(Operator, Ordering)]) -> Option<bool> {
    let mut equal = orders.iter().filter(|(_, order)| order.is_eq()).peekable();
    equal.peek()?;
    Some(equal.any(|(operator, _)| operator.allows(Ordering::Equal)))
}

const ENCODING: &str = "two digits of a printing character follow `%`";

fn decode(text: &str) -> Result<String, VersError> {
    let form = |expected| VersError::Form { expected };
    if text.is_empty() {
        return Err(form("a version follows the comparison"));
    }
    let mut parts = text.split('%');
    let mut decoded = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let byte = byte.filter(|byte| byte.is_ascii_graphic() || !byte.is_ascii());
        decoded.push(byte.ok_or(form(ENCODING))?);
        decoded.extend(&part.as_bytes()[2..]);
    }
    if text.contains(['>', '<', '=', '!', '*']) {
        return Err(form("in a version, each of > < = ! * | % is percent-encoded"));
    }
    String::from_utf8(decoded).map_err(|_| form(ENCODING))
}
