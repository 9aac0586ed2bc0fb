//! Python distributions: names, metadata, requirements and their markers.
//!
//! Follows the PyPA specifications "Names and normalization", "Core metadata specifications" and "Dependency specifiers" (PEP 503, 508, 566).

use std::cmp::Ordering;

use component::{Component, License, PackageType};

use crate::ecosystems::identity::{Finder, PurlParts, is_word, purl};
use crate::ecosystems::paths;

/// The largest metadata file; a long README is in it.
pub(crate) const METADATA_BYTES_MAX: u64 = 8 << 20;

/// The largest lockfile.
pub(crate) const LOCK_BYTES_MAX: u64 = 64 << 20;

/// The most header fields of one distribution; the largest declare a thousand optional requirements.
const FIELDS_MAX: usize = 65_536;

/// The longest requirement with its marker.
const REQUIREMENT_BYTES_MAX: usize = 8192;

/// The deepest nesting of a marker's parentheses.
const MARKER_DEPTH_MAX: usize = 32;

/// Returns whether this can be the name of a distribution: letters, digits, and `.`, `-`, `_` between them.
pub(crate) fn is_name(name: &str) -> bool {
    let is_end = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    is_word(name)
        && is_end(name.bytes().next())
        && is_end(name.bytes().last())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Tells whether a file of requirements is known as one by its path, so that it is read whoever names it.
pub(crate) fn is_called_requirements(path: &str) -> bool {
    let (folder, name) = paths::split(path);
    let is_called_so = |stem: &str| stem.contains("requirements") || paths::split(folder).1 == "requirements";
    name.strip_suffix(".txt").is_some_and(is_called_so)
}

/// Returns the one spelling by which indexes know a name: lower case, each run of `.`, `-` and `_` a hyphen.
pub(crate) fn normalize(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '.' | '-' | '_' if normal.ends_with('-') => {}
            '.' | '-' | '_' => normal.push('-'),
            character => normal.push(character.to_ascii_lowercase()),
        }
    }
    normal
}

/// Returns whether this can be a version: it begins with a digit or `v`, and holds what PEP 440 and older versions do.
pub(crate) fn is_version(version: &str) -> bool {
    is_word(version)
        && version.starts_with(|first: char| first.is_ascii_digit() || first == 'v')
        && version.bytes().any(|byte| byte.is_ascii_digit())
        && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_+!".contains(&byte))
}

/// Makes the component of a distribution. Its name is the normal one, so that it is the same whoever writes it.
pub(crate) fn component(
    finder: Finder,
    name: &str,
    version: Option<&str>,
    qualifiers: &[(&str, String)],
) -> Option<Component> {
    let (name, version) = (name.trim(), version.map(str::trim));
    if !is_name(name) || version.is_some_and(|version| !is_version(version)) {
        return None;
    }
    let normal = normalize(name);
    let mut component = finder.component(PackageType::Python, &normal, version);
    let qualifiers: Vec<(&str, &str)> = qualifiers.iter().map(|(key, value)| (*key, value.as_str())).collect();
    component.purl =
        purl(PackageType::Python, PurlParts { namespace: None, name: &normal, version, qualifiers: &qualifiers });
    Some(component)
}

/// Header fields: names in lower case, values with their line breaks.
#[derive(Debug, Default)]
pub(crate) struct Metadata(Vec<(String, String)>);

impl Metadata {
    /// Reads the header of a METADATA or PKG-INFO file; the description behind it is left.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in text.trim_start_matches('\u{feff}').lines() {
            if line.trim().is_empty() {
                break;
            }
            if line.starts_with([' ', '\t']) {
                if let Some((_, value)) = fields.last_mut() {
                    value.push('\n');
                    value.push_str(line.trim());
                }
                continue;
            }
            if fields.len() == FIELDS_MAX {
                break;
            }
            if let Some((name, value)) = line.split_once(':') {
                fields.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
        Self(fields)
    }

    /// Returns the values of a field, by its name in lower case.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// Returns the first value of a field that says something.
    pub(crate) fn first<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).find(|value| !value.is_empty() && !value.eq_ignore_ascii_case("unknown"))
    }

    /// Returns the declared licences: an expression alone where there is one, else what the licence field and the classifiers say.
    pub(crate) fn licenses(&self) -> Vec<License> {
        if let Some(license) = self.first("license-expression").and_then(License::parse) {
            return vec![license];
        }
        let field = self.first("license").filter(|text| !text.contains('\n')).and_then(License::parse);
        if let Some(License::Expression(_)) = field {
            return field.into_iter().collect();
        }
        let mut licenses: Vec<License> = self.all("classifier").filter_map(classified).collect();
        if licenses.is_empty() {
            licenses.extend(field);
        }
        licenses.sort();
        licenses.dedup();
        licenses
    }

    /// Returns the author, or else the maintainer, as `Name <address>`.
    pub(crate) fn supplier(&self) -> Option<String> {
        for (name, email) in [("author", "author-email"), ("maintainer", "maintainer-email")] {
            let (name, email) = (self.first(name), self.first(email));
            let one_line = |text: &str| text.lines().collect::<Vec<_>>().join(" ");
            match (name, email) {
                (Some(name), Some(email)) if !email.contains('<') => {
                    return Some(format!("{} <{}>", one_line(name), one_line(email)));
                }
                (_, Some(email)) if email.contains('<') => return Some(one_line(email)),
                (Some(name), _) => return Some(one_line(name)),
                (None, Some(email)) => return Some(one_line(email)),
                (None, None) => {}
            }
        }
        None
    }
}

/// The licence classifiers that mean one SPDX licence. A family without a version (`BSD License`, `Apache Software License`) means none: PEP 639,
/// "Appendix: License Classifiers", lists those.
const CLASSIFIERS: &[(&str, &str)] = &[
    ("Boost Software License 1.0 (BSL-1.0)", "BSL-1.0"),
    ("CC0 1.0 Universal (CC0 1.0) Public Domain Dedication", "CC0-1.0"),
    ("CEA CNRS Inria Logiciel Libre License, version 2.1 (CeCILL-2.1)", "CECILL-2.1"),
    ("Eclipse Public License 1.0 (EPL-1.0)", "EPL-1.0"),
    ("Eclipse Public License 2.0 (EPL-2.0)", "EPL-2.0"),
    ("European Union Public Licence 1.1 (EUPL 1.1)", "EUPL-1.1"),
    ("European Union Public Licence 1.2 (EUPL 1.2)", "EUPL-1.2"),
    ("GNU Affero General Public License v3", "AGPL-3.0-only"),
    ("GNU Affero General Public License v3 or later (AGPLv3+)", "AGPL-3.0-or-later"),
    ("GNU General Public License v2 (GPLv2)", "GPL-2.0-only"),
    ("GNU General Public License v2 or later (GPLv2+)", "GPL-2.0-or-later"),
    ("GNU General Public License v3 (GPLv3)", "GPL-3.0-only"),
    ("GNU General Public License v3 or later (GPLv3+)", "GPL-3.0-or-later"),
    ("GNU Lesser General Public License v2 (LGPLv2)", "LGPL-2.0-only"),
    ("GNU Lesser General Public License v2 or later (LGPLv2+)", "LGPL-2.0-or-later"),
    ("GNU Lesser General Public License v3 (LGPLv3)", "LGPL-3.0-only"),
    ("GNU Lesser General Public License v3 or later (LGPLv3+)", "LGPL-3.0-or-later"),
    ("Historical Permission Notice and Disclaimer (HPND)", "HPND"),
    ("ISC License (ISCL)", "ISC"),
    ("MIT License", "MIT"),
    ("MIT No Attribution License (MIT-0)", "MIT-0"),
    ("Mozilla Public License 1.1 (MPL 1.1)", "MPL-1.1"),
    ("Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"),
    ("Python Software Foundation License", "PSF-2.0"),
    ("SIL Open Font License 1.1 (OFL-1.1)", "OFL-1.1"),
    ("The Unlicense (Unlicense)", "Unlicense"),
    ("Universal Permissive License (UPL)", "UPL-1.0"),
    ("University of Illinois/NCSA Open Source License", "NCSA"),
    ("W3C License", "W3C"),
    ("zlib/libpng License", "Zlib"),
];

fn classified(classifier: &str) -> Option<License> {
    let path = classifier.strip_prefix("License ::")?;
    let name = path.rsplit("::").next()?.trim();
    if name.is_empty() || name == "OSI Approved" {
        return None;
    }
    match CLASSIFIERS.iter().find(|(classifier, _)| *classifier == name) {
        Some((_, license)) => Some(License::Expression((*license).to_owned())),
        None => Some(License::Named(name.to_owned())),
    }
}

/// A dependency as it is declared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Requirement<'a> {
    /// The normal name.
    pub(crate) name: String,
    /// The extras that are wanted of it.
    pub(crate) extras: Vec<&'a str>,
    /// The versions that will do.
    pub(crate) specifier: &'a str,
    /// Where it is to come from, if that is said.
    pub(crate) url: Option<&'a str>,
    /// When it is wanted.
    pub(crate) marker: Option<&'a str>,
}

impl<'a> Requirement<'a> {
    /// Reads `name[extra] (>=1,<2); marker` or `name @ address ; marker`.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        if text.len() > REQUIREMENT_BYTES_MAX {
            return None;
        }
        let text = text.trim();
        let end = text
            .find(|character: char| !(character.is_ascii_alphanumeric() || "._-".contains(character)))
            .unwrap_or(text.len());
        let name = text[..end].trim_end_matches(['.', '-', '_']);
        if !is_name(name) {
            return None;
        }
        let mut rest = text[end..].trim_start();
        let mut extras = Vec::new();
        if let Some(inside) = rest.strip_prefix('[') {
            let (list, behind) = inside.split_once(']')?;
            extras = list.split(',').map(str::trim).filter(|extra| !extra.is_empty()).collect();
            rest = behind.trim_start();
        }
        let (specifier, url, marker) = if let Some(address) = rest.strip_prefix('@') {
            // An address ends at white space, for a semicolon may be part of it.
            let address = address.trim_start();
            let end = address.find(char::is_whitespace).unwrap_or(address.len());
            let marker = address[end..].trim_start().strip_prefix(';');
            ("", Some(&address[..end]), marker)
        } else {
            match rest.split_once(';') {
                Some((specifier, marker)) => (specifier, None, Some(marker)),
                None => (rest, None, None),
            }
        };
        // Seen in the wild: an address behind the version.
        let (specifier, url) = match specifier.split_once(" @ ") {
            Some((specifier, address)) if url.is_none() => (specifier, Some(address.trim())),
            _ => (specifier, url),
        };
        let specifier = specifier.trim();
        let specifier =
            specifier.strip_prefix('(').and_then(|inside| inside.strip_suffix(')')).unwrap_or(specifier).trim();
        if !(specifier.is_empty() || specifier.starts_with(['<', '>', '=', '!', '~'])) {
            return None;
        }
        let marker = marker.map(str::trim).filter(|marker| !marker.is_empty());
        Some(Self { name: normalize(name), extras, specifier, url, marker })
    }

    /// Returns the version if the requirement admits that one alone.
    pub(crate) fn pinned(&self) -> Option<&'a str> {
        pinned(self.specifier)
    }
}

/// Returns the version that a specifier admits alone: that of its one clause `==`, whatever its other clauses leave out.
pub(crate) fn pinned(specifier: &str) -> Option<&str> {
    let mut clauses = specifier.split(',').map(str::trim).filter(|clause| clause.starts_with("=="));
    let (clause, None) = (clauses.next()?, clauses.next()) else { return None };
    let version = clause.trim_start_matches('=').trim();
    is_version(version).then_some(version)
}

/// What is known of where the distributions run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Environment {
    /// Major and minor version of Python.
    pub(crate) python: Option<(u32, u32)>,
    /// Whether it is known to be the usual interpreter.
    pub(crate) is_cpython: bool,
    /// The system.
    pub(crate) platform: Option<Platform>,
}

/// A system that Python runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Platform {
    Linux,
    Windows,
    MacOs,
}

/// When a requirement holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Always, or as far as one can tell.
    Always,
    /// When one of the distribution's extras is asked for.
    ForExtra,
    /// Surely not here.
    Never,
}

impl Environment {
    /// Tells when a requirement with this marker holds. What cannot be told for sure counts as holding.
    pub(crate) fn evaluate(&self, marker: Option<&str>) -> Wanted {
        marker.and_then(Marker::parse).map_or(Wanted::Always, |marker| marker.evaluate(self))
    }
}

/// What is asked for of a lockfile.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Selection<'a> {
    /// Whether each of its extras is, or none.
    pub(crate) has_extras: bool,
    /// The groups; `None` for all.
    pub(crate) groups: Option<&'a [String]>,
}

/// A marker that was read.
#[derive(Debug)]
pub(crate) struct Marker<'a>(Vec<Token<'a>>);

impl<'a> Marker<'a> {
    /// Reads a marker; `None` when it is none.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        tokens(text).map(Self)
    }

    /// Tells when a requirement with this marker holds there. What cannot be told for sure counts as holding.
    pub(crate) fn evaluate(&self, environment: &Environment) -> Wanted {
        match self.truth(environment, false, None) {
            None | Some(Truth::True | Truth::Unknown) => Wanted::Always,
            Some(Truth::False) => match self.truth(environment, true, None) {
                Some(Truth::False) => Wanted::Never,
                _ => Wanted::ForExtra,
            },
        }
    }

    /// Tells whether what has this marker in a `pylock.toml` may be installed there when so much of it is asked for.
    pub(crate) fn may_hold(&self, environment: &Environment, selection: Selection<'_>) -> bool {
        self.truth(environment, selection.has_extras, Some(selection)) != Some(Truth::False)
    }

    fn truth(&self, environment: &Environment, extras: bool, selection: Option<Selection<'_>>) -> Option<Truth> {
        let mut parser = MarkerParser { tokens: &self.0, at: 0, environment, extras, selection };
        let truth = parser.any_of(0)?;
        (parser.at == self.0.len()).then_some(truth)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Truth {
    True,
    False,
    Unknown,
}

impl From<bool> for Truth {
    fn from(truth: bool) -> Self {
        if truth { Self::True } else { Self::False }
    }
}

impl Truth {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::True, Self::True) => Self::True,
            _ => Self::Unknown,
        }
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::True, _) | (_, Self::True) => Self::True,
            (Self::False, Self::False) => Self::False,
            _ => Self::Unknown,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Quoted(&'a str),
    Operator(&'a str),
    Open,
    Close,
}

/// Splits a marker; `None` when it is none.
fn tokens(marker: &str) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    let mut rest = marker.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, len) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '"' | '\'' => {
                let end = rest[1..].find(first)?;
                (Token::Quoted(&rest[1..=end]), end + 2)
            }
            '<' | '>' | '=' | '!' | '~' => {
                let len = rest.find(|character: char| !"<>=!~".contains(character)).unwrap_or(rest.len());
                (Token::Operator(&rest[..len]), len)
            }
            _ => {
                let len = rest
                    .find(|character: char| !(character.is_ascii_alphanumeric() || "_.".contains(character)))
                    .unwrap_or(rest.len());
                if len == 0 {
                    return None;
                }
                (Token::Word(&rest[..len]), len)
            }
        };
        tokens.push(token);
        rest = rest[len..].trim_start();
    }
    Some(tokens)
}

struct MarkerParser<'a> {
    tokens: &'a [Token<'a>],
    at: usize,
    environment: &'a Environment,
    /// Whether any extra counts as asked for.
    extras: bool,
    /// What is asked for, where markers speak of that.
    selection: Option<Selection<'a>>,
}

impl<'a> MarkerParser<'a> {
    fn next(&mut self) -> Option<Token<'a>> {
        let token = self.tokens.get(self.at).copied();
        self.at += 1;
        token
    }

    fn takes(&mut self, token: Token<'_>) -> bool {
        let takes = self.tokens.get(self.at) == Some(&token);
        self.at += usize::from(takes);
        takes
    }

    fn any_of(&mut self, depth: usize) -> Option<Truth> {
        let mut truth = self.all_of(depth)?;
        while self.takes(Token::Word("or")) {
            truth = truth.or(self.all_of(depth)?);
        }
        Some(truth)
    }

    fn all_of(&mut self, depth: usize) -> Option<Truth> {
        let mut truth = self.one(depth)?;
        while self.takes(Token::Word("and")) {
            truth = truth.and(self.one(depth)?);
        }
        Some(truth)
    }

    fn one(&mut self, depth: usize) -> Option<Truth> {
        if self.takes(Token::Open) {
            if depth == MARKER_DEPTH_MAX {
                return None;
            }
            let truth = self.any_of(depth + 1)?;
            return self.takes(Token::Close).then_some(truth);
        }
        let left = self.next()?;
        let operator = match self.next()? {
            Token::Operator(operator) => operator,
            Token::Word("in") => "in",
            Token::Word("not") if self.takes(Token::Word("in")) => "not in",
            _ => return None,
        };
        let right = self.next()?;
        match (left, right) {
            (Token::Word(variable), Token::Quoted(value)) => Some(self.compare(variable, operator, value)),
            (Token::Quoted(value), Token::Word("extras" | "dependency_groups")) if operator.ends_with("in") => {
                let Some(selection) = self.selection else { return Some(Truth::Unknown) };
                let is_group = right == Token::Word("dependency_groups");
                let is_in_groups = || selection.groups.is_none_or(|groups| groups.iter().any(|group| group == value));
                let is_in = if is_group { is_in_groups() } else { selection.has_extras };
                Some((is_in == (operator == "in")).into())
            }
            (Token::Quoted(value), Token::Word(variable)) => Some(match operator {
                "<" => self.compare(variable, ">", value),
                "<=" => self.compare(variable, ">=", value),
                ">" => self.compare(variable, "<", value),
                ">=" => self.compare(variable, "<=", value),
                "==" | "!=" => self.compare(variable, operator, value),
                // Whether a value is part of a variable: `'linux' in sys_platform`.
                "in" => self.known(variable).map_or(Truth::Unknown, |known| known.contains(value).into()),
                "not in" => self.known(variable).map_or(Truth::Unknown, |known| (!known.contains(value)).into()),
                _ => Truth::Unknown,
            }),
            (Token::Quoted(_), Token::Quoted(_)) => Some(Truth::Unknown),
            _ => None,
        }
    }

    fn known(&self, variable: &str) -> Option<&'static str> {
        let environment = self.environment;
        match variable {
            "sys_platform" | "sys.platform" => Some(match environment.platform? {
                Platform::Linux => "linux",
                Platform::Windows => "win32",
                Platform::MacOs => "darwin",
            }),
            "platform_system" => Some(match environment.platform? {
                Platform::Linux => "Linux",
                Platform::Windows => "Windows",
                Platform::MacOs => "Darwin",
            }),
            "os_name" | "os.name" => Some(match environment.platform? {
                Platform::Linux | Platform::MacOs => "posix",
                Platform::Windows => "nt",
            }),
            "platform_python_implementation" | "platform.python_implementation" | "python_implementation"
                if environment.is_cpython =>
            {
                Some("CPython")
            }
            "implementation_name" if environment.is_cpython => Some("cpython"),
            _ => None,
        }
    }

    fn compare(&self, variable: &str, operator: &str, value: &str) -> Truth {
        match variable {
            "extra" => match operator {
                "==" => self.extras.into(),
                "!=" => (!self.extras).into(),
                _ => Truth::Unknown,
            },
            "python_version" => self.compare_python(operator, value, true),
            "python_full_version" | "implementation_version" => self.compare_python(operator, value, false),
            variable => match (self.known(variable), operator) {
                (Some(known), "==" | "===") => (known == value).into(),
                (Some(known), "!=") => (known != value).into(),
                (Some(known), "in") => value.contains(known).into(),
                (Some(known), "not in") => (!value.contains(known)).into(),
                _ => Truth::Unknown,
            },
        }
    }

    /// Compares the version of Python, of which two numbers are known: all of `python_version`, the beginning of the full one.
    fn compare_python(&self, operator: &str, value: &str, is_whole: bool) -> Truth {
        let Some((major, minor)) = self.environment.python else {
            return Truth::Unknown;
        };
        if let "in" | "not in" = operator {
            let own = format!("{major}.{minor}");
            let is_in = value.split([' ', ',']).any(|version| version == own);
            return if is_whole { (is_in == (operator == "in")).into() } else { Truth::Unknown };
        }
        let value = value.trim();
        let is_prefix = value.ends_with(".*");
        let numbers: Option<Vec<u32>> =
            value.trim_end_matches(".*").split('.').map(|number| number.parse().ok()).collect();
        let Some(numbers) = numbers.filter(|numbers| !numbers.is_empty()) else {
            return Truth::Unknown;
        };
        if is_prefix && numbers.len() == 1 {
            return match operator {
                "==" => (numbers[0] == major).into(),
                "!=" => (numbers[0] != major).into(),
                _ => Truth::Unknown,
            };
        }
        let front = (numbers[0], numbers.get(1).copied().unwrap_or(0));
        let order = (major, minor).cmp(&front);
        let is_decided = order != Ordering::Equal || is_prefix;
        let order = if is_decided {
            order
        } else if is_whole {
            // `3.8` is less than `3.8.1`.
            if numbers.iter().skip(2).any(|number| *number > 0) { Ordering::Less } else { Ordering::Equal }
        } else {
            // The known beginning is equal; whether the rest is less or greater nobody knows, but it is not less than nothing.
            let is_rest_zero = numbers.iter().skip(2).all(|number| *number == 0);
            return match operator {
                ">=" if is_rest_zero => Truth::True,
                "<" if is_rest_zero => Truth::False,
                _ => Truth::Unknown,
            };
        };
        match operator {
            "<" => (order == Ordering::Less).into(),
            "<=" => (order != Ordering::Greater).into(),
            ">" => (order == Ordering::Greater).into(),
            ">=" => (order != Ordering::Less).into(),
            "==" | "===" => (order == Ordering::Equal).into(),
            "!=" => (order != Ordering::Equal).into(),
            _ => Truth::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use component::Technique;

    use super::*;

    #[test]
    fn fields_end_at_the_limit() {
        for (before, is_read) in [(FIELDS_MAX - 2, true), (FIELDS_MAX - 1, true), (FIELDS_MAX, false)] {
            let metadata = Metadata::parse(format!("{}Name: a\n", "x: y\n".repeat(before)).as_bytes());
            assert_eq!(metadata.first("name").is_some(), is_read, "{before}");
        }
    }

    #[test]
    fn names_and_versions() {
        for name in ["", "-a", "a-", "a b", "a/b", "ä", "==1", "{{name}}"] {
            assert!(!is_name(name), "{name}");
        }
        for (name, expected) in
            [("Flask", "flask"), ("FrIeNdLy-_-bArD", "friendly-bard"), ("zope.interface", "zope-interface"), ("a", "a")]
        {
            assert!(is_name(name));
            assert_eq!(normalize(name), expected);
        }
        for version in ["", "latest", "2.8.*", "1 2", "{{version}}", "v", ">=1"] {
            assert!(!is_version(version), "{version}");
        }
        for version in ["1", "1.2.3+gcr.2", "2!1.0.post1", "1.0rc1", "2004d"] {
            assert!(is_version(version), "{version}");
        }
        let finder = Finder { name: "test", technique: Technique::Lockfile };
        let found = component(finder, " Zope.Interface ", Some("5.0"), &[]).unwrap();
        assert_eq!(found.purl.unwrap().to_string(), "pkg:pypi/zope-interface@5.0");
        assert_eq!(component(finder, "a", Some("*"), &[]), None);
    }

    #[test]
    fn requirements() {
        type Parts<'a> = (&'a str, &'a [&'a str], &'a str, Option<&'a str>, Option<&'a str>);
        let check = |text: &str, expected: Option<Parts<'_>>| {
            let found = Requirement::parse(text);
            let found = found
                .as_ref()
                .map(|found| (found.name.as_str(), found.extras.as_slice(), found.specifier, found.url, found.marker));
            assert_eq!(found, expected, "{text}");
        };
        check("", None);
        check("==2.3.4", None);
        check("a[b", None);
        check("example archive", None);
        check("a == 3.7.1 @ git+https://b/c@d", Some(("a", &[], "== 3.7.1", Some("git+https://b/c@d"), None)));
        check("soupsieve (>1.2)", Some(("soupsieve", &[], ">1.2", None, None)));
        check("html5lib ; extra == 'html5lib'", Some(("html5lib", &[], "", None, Some("extra == 'html5lib'"))));
        check("Celery[redis, pytest] == 4.4.7", Some(("celery", &["redis", "pytest"], "== 4.4.7", None, None)));
        check("a @ https://b/c;d ; x", Some(("a", &[], "", Some("https://b/c;d"), Some("x"))));
        check("a>=1,<2;", Some(("a", &[], ">=1,<2", None, None)));
        check(&"a".repeat(REQUIREMENT_BYTES_MAX + 1), None);
        for (text, expected) in [
            ("a==1.0", Some("1.0")),
            ("a===1.0", Some("1.0")),
            ("a == 1.*", None),
            ("a>=1", None),
            ("a==1,<2", Some("1")),
            ("a>=2.0, == 2.19.0", Some("2.19.0")),
            ("a==1,==2", None),
            ("a", None),
        ] {
            assert_eq!(Requirement::parse(text).unwrap().pinned(), expected, "{text}");
        }
    }

    #[test]
    fn markers() {
        let linux = Environment { python: Some((3, 11)), is_cpython: true, platform: Some(Platform::Linux) };
        let unknown = Environment::default();
        let check = |environment: &Environment, marker: &str, expected: Wanted| {
            assert_eq!(environment.evaluate(Some(marker)), expected, "{marker}");
        };
        for marker in [
            "",
            "nonsense",
            "python_version >",
            "(python_version < '3'",
            "'a' == 'b'",
            "a == b",
            "python_version < '3' x",
            "extra ~= 'x'",
        ] {
            check(&linux, marker, Wanted::Always);
        }
        for marker in [
            "python_version < '3.8'",
            "'3.8' > python_version",
            "sys_platform == 'win32'",
            "platform_system == 'Windows' or os_name == 'nt'",
            "python_version in '2.6 2.7'",
            "python_full_version < '3.11'",
            "extra == 'x' and sys_platform == 'darwin'",
            "implementation_name != 'cpython'",
            "python_version == '2.*'",
            "python_version > '3.11'",
        ] {
            check(&linux, marker, Wanted::Never);
        }
        for marker in [
            "python_version >= '3'",
            "python_version >= \"3.8\" and (sys_platform == 'linux' or sys_platform == 'win32')",
            "python_version < '3.11.1'",
            "python_full_version <= '3.11.2'",
            "python_full_version >= '3.11'",
            "platform_machine == 'x86_64'",
            "'linux' in sys_platform",
            "python_version not in '2.7, 3.0'",
            "extra != 'x'",
            "extra == 'x' or python_version > '3'",
        ] {
            check(&linux, marker, Wanted::Always);
        }
        check(&linux, "extra == 'x'", Wanted::ForExtra);
        check(&linux, "(extra == 'x' or extra == 'y') and python_version < '4'", Wanted::ForExtra);
        check(&unknown, "sys_platform == 'win32'", Wanted::Always);
        check(&unknown, "sys_platform == 'win32' and extra == 'x'", Wanted::ForExtra);
        assert_eq!(unknown.evaluate(None), Wanted::Always);

        let nested = |depth: usize| format!("{}python_version < '3'{}", "(".repeat(depth), ")".repeat(depth));
        check(&linux, &nested(MARKER_DEPTH_MAX), Wanted::Never);
        check(&linux, &nested(MARKER_DEPTH_MAX + 1), Wanted::Always);
    }

    #[test]
    fn metadata() {
        let check = |text: &str, licenses: &[&str], supplier: Option<&str>| {
            let metadata = Metadata::parse(text.as_bytes());
            let found = metadata.licenses();
            assert_eq!(found.iter().map(License::text).collect::<Vec<_>>(), licenses, "{text}");
            assert_eq!(metadata.supplier().as_deref(), supplier, "{text}");
        };
        check("", &[], None);
        check("License: UNKNOWN\nAuthor: UNKNOWN\n", &[], None);
        check("License-Expression: MIT AND PSF-2.0\nLicense: other\n", &["MIT AND PSF-2.0"], None);
        check(
            "License: Copyright\n  lots of text\nClassifier: License :: OSI Approved :: MIT License\n",
            &["MIT"],
            None,
        );
        check("License: Dual\nClassifier: License :: OSI Approved :: BSD License\n", &["BSD License"], None);
        check("Author: A\nAuthor-email: a@b.c\n\nLicense: MIT\n", &[], Some("A <a@b.c>"));
        check("Author-email: A <a@b.c>\n", &[], Some("A <a@b.c>"));
        check("Maintainer: M\r\nLicense: MIT\r\n", &["MIT"], Some("M"));
    }
}
