//! The registered types of packageurl.org: what each normalises and what each demands.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use super::parse::Parts;
use super::{Purl, PurlError};

/// A purl's type: a registered one, or another that is well formed.
#[derive(Clone)]
pub struct PurlType(Kind);

#[derive(Clone)]
enum Kind {
    Registered(&'static Definition),
    Other(Box<str>),
}

/// What a type's definition demands and a purl lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TypeViolation {
    /// The type's packages all have a namespace.
    #[error("a purl of type `{ty}` has a namespace")]
    NamespaceRequired {
        /// The type.
        ty: &'static str,
    },
    /// The type's packages have no namespace.
    #[error("a purl of type `{ty}` has no namespace")]
    NamespaceProhibited {
        /// The type.
        ty: &'static str,
    },
    /// The type's packages all have a certain qualifier.
    #[error("a purl of type `{ty}` has the qualifier `{key}`")]
    QualifierRequired {
        /// The type.
        ty: &'static str,
        /// The qualifier's key.
        key: &'static str,
    },
    /// The name is not one that the type allows.
    #[error("a purl of type `{ty}` has another form of name")]
    Name {
        /// The type.
        ty: &'static str,
    },
    /// The version is not one that the type allows.
    #[error("a purl of type `{ty}` has another form of version")]
    Version {
        /// The type.
        ty: &'static str,
    },
}

impl PurlType {
    /// Reads a type; letter case does not matter.
    pub(super) fn parse(text: &str) -> Result<Self, PurlError> {
        let begins_well = text.starts_with(|first: char| first.is_ascii_alphabetic());
        if !begins_well || !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')) {
            return Err(PurlError::Type);
        }
        let text = text.to_ascii_lowercase();
        Ok(Self(match DEFINITIONS.binary_search_by(|definition| definition.ty.cmp(&text)) {
            Ok(index) => Kind::Registered(&DEFINITIONS[index]),
            Err(_) => Kind::Other(text.into_boxed_str()),
        }))
    }

    /// Returns the type's text, in lower case.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Kind::Registered(definition) => definition.ty,
            Kind::Other(text) => text,
        }
    }

    /// Tells whether packageurl.org has a definition of it.
    pub fn is_registered(&self) -> bool {
        self.definition().is_some()
    }

    pub(super) fn definition(&self) -> Option<&'static Definition> {
        match &self.0 {
            Kind::Registered(definition) => Some(definition),
            Kind::Other(_) => None,
        }
    }

    /// Tells whether a name of this type is a path, whose slashes are written as they are.
    pub(super) fn name_is_path(&self) -> bool {
        self.definition().is_some_and(|definition| definition.name_is_path)
    }
}

impl fmt::Debug for PurlType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), formatter)
    }
}

impl fmt::Display for PurlType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl PartialEq for PurlType {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for PurlType {}

impl PartialOrd for PurlType {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PurlType {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for PurlType {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

/// Returns the registered types.
pub(super) fn registered() -> impl Iterator<Item = &'static str> {
    DEFINITIONS.iter().map(|definition| definition.ty)
}

/// One registered type.
pub(super) struct Definition {
    ty: &'static str,
    namespace: Requirement,
    namespace_case: Case,
    name_case: Case,
    version_case: Case,
    qualifier: Option<&'static str>,
    name_is_path: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Requirement {
    Optional,
    Required,
    Prohibited,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Kept,
    Lower,
    Upper,
}

use Requirement::{Optional, Prohibited, Required};

impl Definition {
    const fn new(ty: &'static str, namespace: Requirement) -> Self {
        Self {
            ty,
            namespace,
            namespace_case: Case::Kept,
            name_case: Case::Kept,
            version_case: Case::Kept,
            qualifier: None,
            name_is_path: false,
        }
    }

    const fn lower_namespace(mut self) -> Self {
        self.namespace_case = Case::Lower;
        self
    }

    const fn upper_namespace(mut self) -> Self {
        self.namespace_case = Case::Upper;
        self
    }

    const fn lower_name(mut self) -> Self {
        self.name_case = Case::Lower;
        self
    }

    const fn lower_version(mut self) -> Self {
        self.version_case = Case::Lower;
        self
    }

    const fn qualifier(mut self, key: &'static str) -> Self {
        self.qualifier = Some(key);
        self
    }

    const fn path_name(mut self) -> Self {
        self.name_is_path = true;
        self
    }

    pub(super) fn normalise(&self, parts: &mut Parts) {
        if let Some(namespace) = &mut parts.namespace {
            self.namespace_case.apply(namespace);
        }
        self.name_case.apply(&mut parts.name);
        if let Some(version) = &mut parts.version {
            self.version_case.apply(version);
        }
        match self.ty {
            "pypi" | "hackage" => parts.name = parts.name.replace('_', "-"),
            "pub" => {
                let is_kept = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
                parts.name = parts.name.replace(|character| !is_kept(character), "_");
            }
            // The definition: names of models at Databricks have no letter case, those at Azure do.
            "mlflow" => {
                let is_databricks = |(key, value): &(String, String)| {
                    key == "repository_url" && value.to_ascii_lowercase().contains("databricks")
                };
                if parts.qualifiers.iter().any(is_databricks) {
                    Case::Lower.apply(&mut parts.name);
                }
            }
            _ => {}
        }
    }

    pub(super) fn check(&self, purl: &Purl) -> Result<(), TypeViolation> {
        let ty = self.ty;
        match (self.namespace, purl.namespace()) {
            (Required, None) => return Err(TypeViolation::NamespaceRequired { ty }),
            (Prohibited, Some(_)) => return Err(TypeViolation::NamespaceProhibited { ty }),
            _ => {}
        }
        if let Some(key) = self.qualifier
            && purl.qualifier(key).is_none()
        {
            return Err(TypeViolation::QualifierRequired { ty, key });
        }
        let name_is_allowed = match ty {
            "chrome-extension" => {
                purl.name().len() == 32 && purl.name().bytes().all(|byte| matches!(byte, b'a'..=b'p'))
            }
            "cpan" => !purl.name().contains("::"),
            "cocoapods" => {
                !purl.name().starts_with('.')
                    && !purl.name().contains(|character: char| character == '+' || character.is_whitespace())
            }
            _ => true,
        };
        if !name_is_allowed {
            return Err(TypeViolation::Name { ty });
        }
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let version_is_allowed = match (ty, purl.version()) {
            ("chrome-extension", Some(version)) => version.split('.').count() <= 4 && version.split('.').all(is_number),
            _ => true,
        };
        if version_is_allowed { Ok(()) } else { Err(TypeViolation::Version { ty }) }
    }
}

impl Case {
    fn apply(self, text: &mut String) {
        match self {
            Self::Kept => {}
            Self::Lower if text.is_ascii() => text.make_ascii_lowercase(),
            Self::Lower => *text = text.to_lowercase(),
            Self::Upper => *text = text.to_uppercase(),
        }
    }
}

/// In the order of their names.
static DEFINITIONS: [Definition; 42] = [
    Definition::new("alpm", Required).lower_namespace().lower_name(),
    Definition::new("apk", Required).lower_namespace().lower_name(),
    Definition::new("bazel", Prohibited),
    Definition::new("bitbucket", Required).lower_namespace().lower_name(),
    Definition::new("bitnami", Prohibited).lower_name(),
    Definition::new("brew", Optional).lower_namespace().lower_name(),
    Definition::new("cargo", Prohibited),
    Definition::new("chrome-extension", Prohibited).lower_name(),
    Definition::new("cocoapods", Prohibited),
    Definition::new("composer", Required).lower_namespace().lower_name(),
    Definition::new("conan", Optional),
    Definition::new("conda", Prohibited),
    Definition::new("cpan", Optional).upper_namespace(),
    Definition::new("cran", Prohibited),
    Definition::new("deb", Required).lower_namespace().lower_name(),
    Definition::new("docker", Optional),
    Definition::new("gem", Prohibited),
    Definition::new("generic", Optional),
    Definition::new("git", Required).path_name(),
    Definition::new("github", Required).lower_namespace().lower_name(),
    Definition::new("golang", Required).lower_namespace().lower_name(),
    Definition::new("hackage", Prohibited),
    Definition::new("hex", Optional).lower_namespace().lower_name(),
    Definition::new("huggingface", Required).lower_version(),
    Definition::new("julia", Prohibited).qualifier("uuid"),
    Definition::new("luarocks", Optional).lower_namespace().lower_name(),
    Definition::new("maven", Required),
    Definition::new("mlflow", Prohibited),
    Definition::new("npm", Optional),
    Definition::new("nuget", Prohibited),
    Definition::new("oci", Prohibited).lower_name().lower_version(),
    Definition::new("opam", Prohibited),
    Definition::new("otp", Prohibited).lower_name(),
    Definition::new("pub", Prohibited).lower_name(),
    Definition::new("pypi", Prohibited).lower_name().lower_version(),
    Definition::new("qpkg", Required).lower_namespace(),
    Definition::new("rpm", Required).lower_namespace(),
    Definition::new("swid", Optional).qualifier("tag_id"),
    Definition::new("swift", Required),
    Definition::new("vcpkg", Prohibited),
    Definition::new("vscode-extension", Required).lower_namespace().lower_name().lower_version(),
    Definition::new("yocto", Optional).lower_namespace(),
];
