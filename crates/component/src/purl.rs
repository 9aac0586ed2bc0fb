//! Package URLs, as in ECMA-427 (package-url specification), clause 5, with the registered type definitions of
//! packageurl.org.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

mod definition;
mod encoding;
mod intended;
mod parse;
mod pattern;

pub use definition::{PurlType, TypeViolation};
pub use pattern::PurlPattern;

/// The longest purl, as it is given and as it is written, in bytes. Real ones stay under 600; one with a long download
/// address needs a few thousand.
pub const PURL_LENGTH_MAX: usize = 4096;

/// The most qualifiers of one purl. Conan, which states build settings in them, uses a dozen.
pub const PURL_QUALIFIERS_MAX: usize = 64;

/// A package URL in canonical form: whatever the spelling it came in, equal packages are equal values.
///
/// It obeys every rule of the specification itself and is normalised by its type's definition (letter case, underscores
/// of PyPI). What the definition moreover demands (a namespace, a qualifier) is told by [`Purl::check_type`], for purls
/// that break it are in wide use: `pkg:golang/stdlib@1.24.0` has no namespace.
///
/// Its order is by type, namespace, name, version (as text), qualifiers and subpath.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Purl {
    ty: PurlType,
    namespace: Option<Box<str>>,
    name: Box<str>,
    version: Option<Box<str>>,
    qualifiers: Box<[(Box<str>, Box<str>)]>,
    subpath: Option<Box<str>>,
}

/// Why something is not a purl.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PurlError {
    /// It does not begin with `pkg:`.
    #[error("a purl begins with `pkg:`")]
    Scheme,
    /// The type is absent, or holds what no type does.
    #[error("a purl's type is letters, digits, `.` and `-`, and begins with a letter")]
    Type,
    /// There is no name.
    #[error("a purl has a name")]
    NoName,
    /// A percent sign without two hexadecimal digits after it.
    #[error("a purl's `%` is followed by two hexadecimal digits")]
    Escape,
    /// What is escaped is not text.
    #[error("a purl's escaped bytes are UTF-8")]
    Utf8,
    /// A segment of namespace or subpath holds an escaped slash, or is one of `.` and `..`.
    #[error("a segment of a purl's namespace or subpath holds no slash, and is not `.` or `..`")]
    Segment,
    /// A qualifier's key holds what none does, or there is no value to it.
    #[error("a purl's qualifier is `key=value`; a key is letters, digits, `.`, `-` and `_`, and begins with a letter")]
    Qualifier,
    /// A qualifier stands twice.
    #[error("a purl has each qualifier once")]
    DuplicateQualifier,
    /// It is longer than [`PURL_LENGTH_MAX`], as given or as written.
    #[error("the purl is {actual} bytes, the limit is {PURL_LENGTH_MAX}")]
    TooLong {
        /// Its length in bytes.
        actual: usize,
    },
    /// It has more qualifiers than [`PURL_QUALIFIERS_MAX`].
    #[error("the purl has over {PURL_QUALIFIERS_MAX} qualifiers")]
    TooManyQualifiers,
    /// It breaks a rule of its type's definition.
    #[error("the purl breaks a rule of its type")]
    Definition(#[source] TypeViolation),
}

impl Purl {
    /// Returns a builder for a purl of this type and name, neither of them escaped.
    pub fn builder(ty: &str, name: &str) -> PurlBuilder {
        PurlBuilder {
            ty: ty.to_owned(),
            namespace: None,
            name: name.to_owned(),
            version: None,
            qualifiers: Vec::new(),
            subpath: None,
        }
    }

    /// Reads a purl that obeys the definition of its type as well.
    pub fn parse_strict(text: &str) -> Result<Self, PurlError> {
        let purl: Self = text.parse()?;
        purl.check_type().map_err(PurlError::Definition)?;
        Ok(purl)
    }

    /// Tells what the definition of the purl's type demands and the purl lacks. A type that is not registered demands
    /// nothing.
    pub fn check_type(&self) -> Result<(), TypeViolation> {
        self.ty.definition().map_or(Ok(()), |definition| definition.check(self))
    }

    /// Returns the type: `deb`, `npm`.
    pub fn ty(&self) -> &str {
        self.ty.as_str()
    }

    /// Returns the type as a value that knows whether it is registered.
    pub fn purl_type(&self) -> &PurlType {
        &self.ty
    }

    /// Returns the namespace, not escaped, its segments joined by slashes.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// Returns the name, not escaped.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the version, not escaped.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Returns the qualifiers, not escaped, in the order of their keys.
    pub fn qualifiers(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.qualifiers.iter().map(|(key, value)| (&**key, &**value))
    }

    /// Returns the value of a qualifier.
    pub fn qualifier(&self, key: &str) -> Option<&str> {
        let index = self.qualifiers.binary_search_by(|(candidate, _)| (**candidate).cmp(key)).ok()?;
        Some(&self.qualifiers[index].1)
    }

    /// Returns the path within the package, not escaped.
    pub fn subpath(&self) -> Option<&str> {
        self.subpath.as_deref()
    }

    /// Returns this purl without its version, qualifiers and subpath: what all versions of the package have in common.
    #[must_use]
    pub fn package(&self) -> Self {
        Self {
            ty: self.ty.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            version: None,
            qualifiers: Box::default(),
            subpath: None,
        }
    }

    /// Returns the beginning of a purl, up to within its name, as purls in canonical form begin: `PKG:npm/@babel/c` gives `pkg:npm/%40babel/c`.
    ///
    /// What depends on the whole of a part, such as the case of names, stays as it is written.
    pub fn canonical_beginning(text: &str) -> String {
        encoding::canonical_beginning(text)
    }

    /// Returns a builder that begins with all that this purl has.
    pub fn to_builder(&self) -> PurlBuilder {
        PurlBuilder {
            ty: self.ty().to_owned(),
            namespace: self.namespace().map(ToOwned::to_owned),
            name: self.name().to_owned(),
            version: self.version().map(ToOwned::to_owned),
            qualifiers: self.qualifiers().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            subpath: self.subpath().map(ToOwned::to_owned),
        }
    }

    /// Returns this purl with another version, not escaped; an empty one takes it away.
    pub fn with_version(&self, version: &str) -> Result<Self, PurlError> {
        self.to_builder().version(version).build()
    }

    /// Returns this purl with a qualifier set, not escaped; an empty value takes it away.
    pub fn with_qualifier(&self, key: &str, value: &str) -> Result<Self, PurlError> {
        let mut builder = self.to_builder();
        builder.qualifiers.retain(|(present, _)| !present.eq_ignore_ascii_case(key));
        builder.qualifier(key, value).build()
    }
}

/// The parts of a purl that is being made, none of them escaped.
#[derive(Clone, Debug)]
#[must_use]
pub struct PurlBuilder {
    ty: String,
    namespace: Option<String>,
    name: String,
    version: Option<String>,
    qualifiers: Vec<(String, String)>,
    subpath: Option<String>,
}

impl PurlBuilder {
    /// Sets the namespace, its segments joined by slashes; an empty one is none.
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    /// Sets the version; an empty one is none.
    pub fn version(mut self, version: &str) -> Self {
        self.version = Some(version.to_owned());
        self
    }

    /// Adds a qualifier; one with an empty value is none.
    pub fn qualifier(mut self, key: &str, value: &str) -> Self {
        self.qualifiers.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Sets the path within the package; an empty one is none.
    pub fn subpath(mut self, subpath: &str) -> Self {
        self.subpath = Some(subpath.to_owned());
        self
    }

    /// Returns the purl, normalised by its type's definition, or why there is none.
    pub fn build(self) -> Result<Purl, PurlError> {
        let ty = PurlType::parse(&self.ty)?;
        let segments = |text: &str| -> Result<Option<String>, PurlError> {
            let segments: Vec<&str> = text.split('/').filter(|segment| !segment.is_empty()).collect();
            Ok((!segments.is_empty()).then(|| segments.join("/")))
        };
        let subpath = match self.subpath.as_deref().map(segments).transpose()?.flatten() {
            Some(subpath) if subpath.split('/').any(|segment| matches!(segment, "." | "..")) => {
                return Err(PurlError::Segment);
            }
            subpath => subpath,
        };
        let parts = parse::Parts {
            namespace: self.namespace.as_deref().map(segments).transpose()?.flatten(),
            name: self.name,
            version: self.version,
            qualifiers: self.qualifiers,
            subpath,
        };
        parts.into_purl(ty)
    }
}

impl FromStr for Purl {
    type Err = PurlError;

    fn from_str(text: &str) -> Result<Self, PurlError> {
        parse::parse(text)
    }
}

impl fmt::Display for Purl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        encoding::write_purl(self, formatter)
    }
}

impl Serialize for Purl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Purl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PurlVisitor;

        impl Visitor<'_> for PurlVisitor {
            type Value = Purl;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a package URL")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Purl, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(PurlVisitor)
    }
}
