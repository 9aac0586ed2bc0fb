//! Patterns over purls.

use super::Purl;
use super::definition::PurlType;
use super::parse::Parts;
use crate::pattern::Pattern;

/// A pattern over purls. One without `*` is a purl and means the package that its canonical form does: `pkg:pypi/Zope_Interface` is
/// `pkg:pypi/zope-interface`. One with wildcards is normalised as far as that can be told: its type, and the letter case and spelling that the type's
/// definition gives names and namespaces.
///
/// It is held against as much of a purl as it speaks of: the package alone; with a version package and version; with qualifiers all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurlPattern {
    written: Pattern,
    extent: Extent,
    meant: Meant,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Meant {
    Purl(Purl),
    Wildcards(Pattern),
}

/// How much of a purl a pattern speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    Package,
    Version,
    Whole,
}

impl PurlPattern {
    /// Keeps a pattern and makes it ready to be matched.
    pub fn new(written: Pattern) -> Self {
        let text = written.as_str();
        // Without `=` after it a `?` is any one character.
        let has_qualifiers = text.contains('?') && text.contains('=');
        let has_wildcards = text.contains('*') || text.contains('?') && !has_qualifiers;
        if let Some(purl) = text.parse::<Purl>().ok().filter(|_| !has_wildcards) {
            let extent = match () {
                () if purl.qualifiers().len() > 0 || purl.subpath().is_some() => Extent::Whole,
                () if purl.version().is_some() => Extent::Version,
                () => Extent::Package,
            };
            return Self { written, extent, meant: Meant::Purl(purl) };
        }
        let extent = match () {
            () if has_qualifiers => Extent::Whole,
            () if text.contains('@') => Extent::Version,
            () => Extent::Package,
        };
        let meant = Meant::Wildcards(normalised(text, has_qualifiers).unwrap_or_else(|| written.clone()));
        Self { written, extent, meant }
    }

    /// Returns the pattern as it was written.
    pub fn written(&self) -> &Pattern {
        &self.written
    }

    /// Tells whether it means a purl.
    pub fn matches(&self, purl: &Purl) -> bool {
        match (&self.meant, self.extent) {
            (Meant::Purl(meant), Extent::Whole) => meant == purl,
            (Meant::Purl(meant), Extent::Version) => is_same_package(meant, purl) && meant.version() == purl.version(),
            (Meant::Purl(meant), Extent::Package) => is_same_package(meant, purl),
            (Meant::Wildcards(meant), Extent::Whole) => meant.matches(&purl.to_string()),
            (Meant::Wildcards(meant), Extent::Version) => {
                let package = purl.package();
                let versioned = purl.version().and_then(|version| package.with_version(version).ok());
                meant.matches(&versioned.unwrap_or(package).to_string())
            }
            (Meant::Wildcards(meant), Extent::Package) => meant.matches(&purl.package().to_string()),
        }
    }
}

fn is_same_package(left: &Purl, right: &Purl) -> bool {
    (&left.ty, &left.namespace, &left.name) == (&right.ty, &right.namespace, &right.name)
}

/// Returns a pattern with wildcards whose type, namespace and name are as the type's definition has them.
fn normalised(text: &str, has_qualifiers: bool) -> Option<Pattern> {
    let (ty, rest) = text.strip_prefix("pkg:")?.split_once('/')?;
    let ty = PurlType::parse(ty).ok()?;
    let end = rest.find('@').or_else(|| rest.find('?').filter(|_| has_qualifiers)).unwrap_or(rest.len());
    let (path, after) = rest.split_at(end);
    let slash = path.rfind('/').map_or(0, |slash| slash + 1);
    let (namespace, name) = path.split_at(slash);
    let definition = ty.definition();
    let normalise = |namespace: &str, name: &str| {
        let mut parts = Parts {
            namespace: Some(namespace.to_owned()),
            name: name.to_owned(),
            version: None,
            qualifiers: Vec::new(),
            subpath: None,
        };
        if let Some(definition) = definition {
            definition.normalise(&mut parts);
        }
        parts.namespace.unwrap_or_default() + &parts.name
    };
    let namespace = literals(namespace, |literal| normalise(literal, ""));
    let name = literals(name, |literal| normalise("", literal));
    Pattern::parse(&format!("pkg:{ty}/{namespace}{name}{after}")).ok()
}

/// Changes what is neither a wildcard nor escaped.
fn literals(text: &str, change: impl Fn(&str) -> String) -> String {
    let mut changed = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (literal, special) = rest.split_at(rest.find(['*', '?', '%']).unwrap_or(rest.len()));
        changed += &change(literal);
        let length = if special.starts_with('%') { 3 } else { 1 };
        let end = special.char_indices().nth(length).map_or(special.len(), |(end, _)| end);
        let (special, after) = special.split_at(end);
        changed += &special.to_ascii_uppercase();
        rest = after;
    }
    changed
}
