//! Names, versions and purls as package metadata states them.

use component::{Component, PackageType, Purl, Technique};

/// The longest name or version. The longest that any registry admits is below; what is longer is no name.
pub(crate) const NAME_BYTES_MAX: usize = 512;

/// Returns whether the text can stand for a name or a version: of bounded length, without white space and control characters.
pub(crate) fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= NAME_BYTES_MAX
        && !text.chars().any(|character| character.is_whitespace() || character.is_control())
}

/// What a purl is made of.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PurlParts<'a> {
    /// The namespace, its segments separated by slashes.
    pub(crate) namespace: Option<&'a str>,
    /// The name.
    pub(crate) name: &'a str,
    /// The version.
    pub(crate) version: Option<&'a str>,
    /// The qualifiers.
    pub(crate) qualifiers: &'a [(&'a str, &'a str)],
}

/// Makes the purl of a package of this kind.
pub(crate) fn purl(package_type: PackageType, parts: PurlParts<'_>) -> Option<Purl> {
    let mut builder = Purl::builder(package_type.purl_type(), parts.name);
    if let Some(namespace) = parts.namespace {
        builder = builder.namespace(namespace);
    }
    if let Some(version) = parts.version {
        builder = builder.version(version);
    }
    for (key, value) in parts.qualifiers {
        builder = builder.qualifier(key, value);
    }
    builder.build().ok()
}

/// Who found a component, and how: the same for all components of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Finder {
    /// The cataloger's name.
    pub(crate) name: &'static str,
    /// How it recognises.
    pub(crate) technique: Technique,
}

impl Finder {
    /// Starts a component with this finder.
    pub(crate) fn component(self, package_type: PackageType, name: &str, version: Option<&str>) -> Component {
        let mut component = Component::new(package_type, name, self.name, self.technique);
        component.version = version.map(str::to_owned);
        component
    }

    /// Returns the same finder with another technique.
    pub(crate) fn with(self, technique: Technique) -> Self {
        Self { technique, ..self }
    }
}
