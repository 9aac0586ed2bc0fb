//! Packages of the npm registry: names, metadata, and how Node finds a dependency.
//!
//! Follows npm's documentation of `package.json` and of package names, and Node's "Loading from `node_modules` folders".

use std::collections::BTreeMap;

use component::{Component, License, Location, PackageType, Scope};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::Findings;
use crate::ecosystems::documents::{Flag, Loose, Names, Text, document};
use crate::ecosystems::identity::{Finder, PurlParts, is_word, purl};
use crate::ecosystems::{digests, paths};

/// The largest package manifest. The largest in the registry are about a megabyte.
pub(crate) const MANIFEST_BYTES_MAX: u64 = 4 << 20;

/// The largest lockfile. Those of the largest public monorepos have 20 MB.
pub(crate) const LOCK_BYTES_MAX: u64 = 64 << 20;

/// The longest name that the registry admits.
const NAME_BYTES_MAX: usize = 214;

/// The longest version that npm's parser of versions admits.
const VERSION_BYTES_MAX: usize = 256;

/// The most folders around a package in which its dependencies are looked for, `node_modules` not counted. Real trees have about ten; the work for
/// each dependency grows with them.
const LEVELS_MAX: usize = 64;

/// The longest path of a folder in which dependencies are looked for; Linux admits none that is longer.
const LOCATION_BYTES_MAX: usize = 4096;

/// The most workspace patterns of one project.
const WORKSPACE_PATTERNS_MAX: usize = 1024;

document! {
    /// A `package.json`, or an entry of npm's lockfiles, which has the same fields and some more.
    pub(crate) struct Manifest {
        name: Text = "name",
        version: Text = "version",
        license: Loose = "license",
        licenses: Loose = "licenses",
        author: Loose = "author",
        authors: Loose = "authors",
        maintainers: Loose = "maintainers",
        dependencies: Names = "dependencies",
        dev_dependencies: Names = "devDependencies",
        optional_dependencies: Names = "optionalDependencies",
        peer_dependencies: Names = "peerDependencies",
        peer_dependencies_meta: Loose = "peerDependenciesMeta",
        bundle_dependencies: Loose = "bundleDependencies",
        bundled_dependencies: Loose = "bundledDependencies",
        workspaces: Loose = "workspaces",
        resolutions: Names = "resolutions",
        resolved: Text = "resolved",
        integrity: Text = "integrity",
        /// Where npm up to version 6 noted an installed package's address and digest.
        installed_resolved: Text = "_resolved",
        installed_integrity: Text = "_integrity",
        link: Flag = "link",
        dev: Flag = "dev",
        optional: Flag = "optional",
        dev_optional: Flag = "devOptional",
        in_bundle: Flag = "inBundle",
    }
}

/// Whether the development dependencies of a package are there: only a project's are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Someone works on it.
    Project,
    /// It was installed.
    Package,
}

/// Returns whether this can be the name of a package: `name` or `@scope/name`, of characters that need no escape in a URL.
pub(crate) fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!'()*+".contains(&byte))
    };
    name.len() <= NAME_BYTES_MAX
        && name != "node_modules"
        && match name.strip_prefix('@') {
            Some(rest) => rest.split_once('/').is_some_and(|(scope, name)| is_part(scope) && is_part(name)),
            None => is_part(name) && !name.starts_with('_'),
        }
}

/// Returns the version without the `v` or `=` that npm ignores, if it can be one: placeholders, ranges and addresses cannot.
pub(crate) fn clean_version(version: &str) -> Option<&str> {
    let version = version.trim().trim_start_matches(['v', '=', ' ']);
    let is_version = version.len() <= VERSION_BYTES_MAX
        && version.starts_with(|first: char| first.is_ascii_digit())
        && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+_~".contains(&byte));
    is_version.then_some(version)
}

/// Splits `name@rest`, where the name may have a scope.
pub(crate) fn split_at_version(text: &str) -> Option<(&str, &str)> {
    let from = usize::from(text.starts_with('@'));
    let at = text.get(from..)?.find('@')? + from;
    Some((&text[..at], &text[at + 1..]))
}

/// Makes the component of a package. `resolved` is the address that it came from, where the evidence has it: what came from anywhere but a
/// registry is told apart by its purl.
pub(crate) fn component(
    finder: Finder,
    name: &str,
    version: Option<&str>,
    resolved: Option<&str>,
) -> Option<Component> {
    if !is_name(name) {
        return None;
    }
    let version = version.and_then(clean_version);
    let qualifier = resolved.filter(|address| is_word(address)).and_then(source_qualifier);
    if version.is_none() && qualifier.is_none() {
        return None;
    }
    Some(with_purl(finder, name, version, qualifier))
}

/// Makes the component of a folder or archive of the project that is used as a package. Where neither the lockfile nor the folder's own manifest tells its version,
/// it has none.
pub(crate) fn local(
    finder: Finder,
    name: &str,
    version: Option<&str>,
    manifest: Option<&Manifest>,
) -> Option<Component> {
    let name = manifest.and_then(|manifest| manifest.name.get()).filter(|name| is_name(name)).unwrap_or(name);
    if !is_name(name) {
        return None;
    }
    let stated = version.or(manifest.and_then(|manifest| manifest.version.get()));
    Some(with_purl(finder, name, stated.and_then(clean_version), None))
}

fn with_purl(finder: Finder, name: &str, version: Option<&str>, qualifier: Option<(&'static str, &str)>) -> Component {
    let mut component = finder.component(PackageType::Npm, name, version);
    let (namespace, bare) = match name.split_once('/') {
        Some((scope, bare)) => (Some(scope), bare),
        None => (None, name),
    };
    let qualifiers: Vec<(&str, &str)> = qualifier.into_iter().collect();
    component.purl = purl(PackageType::Npm, PurlParts { namespace, name: bare, version, qualifiers: &qualifiers });
    component
}

/// Returns the purl qualifier that tells where a package came from, if that is no registry.
fn source_qualifier(address: &str) -> Option<(&'static str, &str)> {
    let is_git = address.starts_with("git")
        || address.split_once('#').is_some_and(|(repository, _)| repository.rsplit('.').next() == Some("git"));
    if is_git {
        return Some(("vcs_url", address));
    }
    let is_web = address.starts_with("https://") || address.starts_with("http://");
    // Every registry serves archives under `<name>/-/`; GitHub's under `/download/`.
    let is_registry = address.contains("/-/") || address.starts_with("https://npm.pkg.github.com/download/");
    (is_web && !is_registry).then_some(("download_url", address))
}

/// Returns the digests in an integrity field, and the SHA-1 that older lockfiles put behind the address.
pub(crate) fn hashes(integrity: Option<&str>, resolved: Option<&str>) -> Vec<component::Hash> {
    let found = integrity.map(digests::parse_integrity).unwrap_or_default();
    if !found.is_empty() {
        return found;
    }
    let fragment = resolved.filter(|address| address.contains("/-/")).and_then(|address| address.rsplit_once('#'));
    fragment.and_then(|(_, digits)| digests::from_hex("sha1", digits)).into_iter().collect()
}

impl Manifest {
    /// Returns the declared licences, of the present form and of the older ones.
    pub(crate) fn licenses(&self) -> Vec<License> {
        let words = [&self.license, &self.licenses].into_iter().flat_map(|value| value.texts(&["type", "name"]));
        let mut licenses: Vec<License> = words.filter_map(License::parse).collect();
        licenses.sort();
        licenses.dedup();
        licenses
    }

    /// Returns the author, or else a maintainer, as `Name <address>`.
    pub(crate) fn supplier(&self) -> Option<String> {
        [&self.author, &self.authors, &self.maintainers].into_iter().find_map(|value| {
            let person = match value {
                Loose::List(people) => people.first()?,
                person => person,
            };
            match person {
                Loose::Text(text) => {
                    let text = text.split('(').next().unwrap_or_default().trim();
                    (!text.is_empty()).then(|| text.to_owned())
                }
                Loose::Fields(fields) => {
                    let name = fields.get("name").and_then(Loose::as_str)?.trim();
                    match fields.get("email").and_then(Loose::as_str) {
                        Some(email) if !email.is_empty() => Some(format!("{name} <{email}>")),
                        _ => (!name.is_empty()).then(|| name.to_owned()),
                    }
                }
                _ => None,
            }
        })
    }

    /// Returns what the package depends on and for what. Of a name in several groups the group counts that counts for npm.
    pub(crate) fn needs(&self, role: Role) -> BTreeMap<&str, Need<'_>> {
        let mut needs = BTreeMap::new();
        for (name, range) in self.peer_dependencies.0.iter() {
            let is_optional =
                self.peer_dependencies_meta.get(name).and_then(|meta| meta.get("optional")) == Some(&Loose::Flag(true));
            let scope = if is_optional { Scope::Optional } else { Scope::Runtime };
            needs.insert(name, Need { range, scope, is_peer: true });
        }
        if role == Role::Project {
            for (name, range) in self.dev_dependencies.0.iter() {
                needs.insert(name, Need { range, scope: Scope::Development, is_peer: false });
            }
        }
        for (name, range) in self.dependencies.0.iter() {
            needs.insert(name, Need { range, scope: Scope::Runtime, is_peer: false });
        }
        for (name, range) in self.optional_dependencies.0.iter() {
            needs.insert(name, Need { range, scope: Scope::Optional, is_peer: false });
        }
        needs
    }

    /// Returns whether the package carries this dependency in its own archive.
    pub(crate) fn bundles(&self, name: &str) -> bool {
        [&self.bundle_dependencies, &self.bundled_dependencies].into_iter().any(|value| match value {
            Loose::Flag(all) => {
                *all && (self.dependencies.0.contains_key(name) || self.optional_dependencies.0.contains_key(name))
            }
            Loose::List(names) => names.iter().any(|bundled| bundled.as_str() == Some(name)),
            _ => false,
        })
    }

    /// Returns the patterns of the folders that are workspaces of this project.
    pub(crate) fn workspaces(&self) -> Workspaces {
        let list = self.workspaces.get("packages").unwrap_or(&self.workspaces);
        let patterns = if matches!(list, Loose::List(_)) { list.texts(&[]) } else { Vec::new() };
        Workspaces::new(&patterns)
    }

    /// Makes the component of the project that this manifest is of, if it has a name and a version.
    pub(crate) fn project(&self, finder: Finder) -> Option<Component> {
        let mut component = component(finder, self.name.get()?, self.version.get(), None)?;
        component.licenses = self.licenses();
        component.supplier = self.supplier();
        Some(component)
    }
}

/// What a package depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Need<'a> {
    /// The range or address that is wanted.
    pub(crate) range: &'a str,
    /// What for.
    pub(crate) scope: Scope,
    /// Whether whoever uses the package must provide it.
    pub(crate) is_peer: bool,
}

/// The folders that belong to a project as its workspaces.
#[derive(Debug)]
pub(crate) struct Workspaces {
    included: GlobSet,
    excluded: GlobSet,
}

impl Workspaces {
    fn new(patterns: &[&str]) -> Self {
        let mut sets = [GlobSetBuilder::new(), GlobSetBuilder::new()];
        for pattern in patterns.iter().take(WORKSPACE_PATTERNS_MAX) {
            let (set, pattern) = match pattern.strip_prefix('!') {
                Some(pattern) => (1, pattern),
                None => (0, *pattern),
            };
            let pattern = pattern.trim_start_matches("./").trim_matches('/');
            if let Ok(glob) = GlobBuilder::new(pattern).literal_separator(true).build() {
                sets[set].add(glob);
            }
        }
        let [included, excluded] = sets.map(|set| set.build().unwrap_or_else(|_| GlobSet::empty()));
        Self { included, excluded }
    }

    /// Returns whether a folder, relative to the project's, is a workspace.
    pub(crate) fn contains(&self, folder: &str) -> bool {
        self.included.is_match(folder)
            && !self.excluded.is_match(folder)
            && !folder.split('/').any(|part| part == "node_modules")
    }
}

/// Returns where Node looks for a dependency of what is in `folder`, in its order: the `node_modules` of the folder and of those around it, up
/// to the one in `root`, which is `/`, or empty for folders that are relative to a project.
pub(crate) fn candidates<'a>(root: &'a str, folder: &'a str, name: &'a str) -> impl Iterator<Item = String> + 'a {
    paths::ancestors(folder).filter_map(move |folder| {
        let is_modules = folder == "node_modules" || folder.ends_with("/node_modules");
        match folder {
            "" => Some(format!("{root}node_modules/{name}")),
            _ => (!is_modules).then(|| format!("{folder}/node_modules/{name}")),
        }
    })
}

/// Returns whether the dependencies of what is in this folder are looked for. Deeper and longer ones are counted in [`Unsearched`].
pub(crate) fn is_searched(folder: &str) -> bool {
    let levels = folder.split('/').filter(|part| !part.is_empty() && *part != "node_modules");
    folder.len() <= LOCATION_BYTES_MAX && levels.count() <= LEVELS_MAX
}

/// How many packages of a file have dependencies that nobody looked for.
#[derive(Debug, Default)]
pub(crate) struct Unsearched(usize);

impl Unsearched {
    /// Returns whether the dependencies of what is in this folder are looked for, and counts it if not.
    pub(crate) fn admits(&mut self, folder: &str) -> bool {
        let is_searched = is_searched(folder);
        self.0 += usize::from(!is_searched);
        is_searched
    }

    /// Reports what was counted.
    pub(crate) fn report(&self, location: Location, findings: &mut Findings) {
        if self.0 > 0 {
            findings.unknown(
                location,
                format!(
                    "the dependencies of {} packages are not followed: their folders are more than {LEVELS_MAX} deep or {LOCATION_BYTES_MAX} bytes long",
                    self.0
                ),
            );
        }
    }
}

#[cfg(test)]
pub(crate) mod depths {
    //! Folders at the limits, for tests of whoever looks for dependencies.

    use super::{LEVELS_MAX, LOCATION_BYTES_MAX};

    /// Returns folders whose last name is `name`, each with whether it is searched: one below, at and beyond the limit of levels and of bytes.
    pub(crate) fn edges(first: &str, joint: &str, name: &str) -> Vec<(String, bool)> {
        let levels = |count: usize| {
            let outer: Vec<String> = (1..count).map(|level| format!("p{level}")).collect();
            format!("{first}{}{joint}{name}", outer.join(joint))
        };
        let long = |bytes: usize| {
            let ends = first.len() + joint.len() + name.len();
            format!("{first}{}{joint}{name}", "x".repeat(bytes - ends))
        };
        vec![
            (levels(LEVELS_MAX - 1), true),
            (levels(LEVELS_MAX), true),
            (levels(LEVELS_MAX + 1), false),
            (long(LOCATION_BYTES_MAX - 1), true),
            (long(LOCATION_BYTES_MAX), true),
            (long(LOCATION_BYTES_MAX + 1), false),
        ]
    }
}

#[cfg(test)]
mod tests {
    use component::Technique;

    use super::*;
    use crate::ecosystems::documents::from_json;

    const FINDER: Finder = Finder { name: "test", technique: Technique::Lockfile };

    #[test]
    fn workspaces_end_at_the_limit() {
        for (before, is_read) in
            [(WORKSPACE_PATTERNS_MAX - 2, true), (WORKSPACE_PATTERNS_MAX - 1, true), (WORKSPACE_PATTERNS_MAX, false)]
        {
            let mut patterns: Vec<String> = (0..before).map(|index| format!("p{index}")).collect();
            patterns.push("last".to_owned());
            let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
            assert_eq!(Workspaces::new(&patterns).contains("last"), is_read, "{before}");
        }
    }

    #[test]
    fn names_and_versions() {
        let long = "a".repeat(NAME_BYTES_MAX);
        for name in [
            "",
            "@",
            "@a",
            "@a/",
            "@/b",
            "a/b",
            "@a/b/c",
            ".a",
            "_a",
            "a b",
            "a%20",
            "ä",
            "node_modules",
            &format!("{long}a"),
            "{{name}}",
            "../a",
        ] {
            assert!(!is_name(name), "{name}");
        }
        for name in ["a", "@a/b", "@a/_b", "JSONStream", "is-odd", "lodash.get", &long] {
            assert!(is_name(name), "{name}");
        }
        for version in [
            "",
            "v",
            "latest",
            "*",
            "^1.0.0",
            "{{version}}",
            "1.0.0 || 2",
            "git+https://a/b#c",
            "file:..",
            &"1".repeat(VERSION_BYTES_MAX + 1),
        ] {
            assert_eq!(clean_version(version), None, "{version}");
        }
        for (version, expected) in [
            ("1.0.0", "1.0.0"),
            ("v1.0.0-rc.1+b", "1.0.0-rc.1+b"),
            (" =2.0", "2.0"),
            ("0.0.0-use.local", "0.0.0-use.local"),
        ] {
            assert_eq!(clean_version(version), Some(expected));
        }
        for (text, expected) in [
            ("a@1", Some(("a", "1"))),
            ("@a/b@npm:^1", Some(("@a/b", "npm:^1"))),
            ("@a/b", None),
            ("a", None),
            ("", None),
            ("@", None),
        ] {
            assert_eq!(split_at_version(text), expected);
        }
    }

    #[test]
    fn purls() {
        let check = |name: &str, version: Option<&str>, resolved: Option<&str>, expected: Option<&str>| {
            let purl = component(FINDER, name, version, resolved).map(|component| component.purl.unwrap().to_string());
            assert_eq!(purl.as_deref(), expected);
        };
        check("a b", Some("1.0.0"), None, None);
        check("a", Some("latest"), None, None);
        check("a", None, Some("https://registry.npmjs.org/a/-/a-1.tgz"), None);
        check("a", Some("1.0.0"), Some("https://registry.npmjs.org/a/-/a-1.0.0.tgz"), Some("pkg:npm/a@1.0.0"));
        check("@s/a", Some("v1.0.0"), None, Some("pkg:npm/%40s/a@1.0.0"));
        check(
            "a",
            None,
            Some("git+ssh://git@example.org/o/a.git#9f2d"),
            Some("pkg:npm/a?vcs_url=git%2Bssh:%2F%2Fgit%40example.org%2Fo%2Fa.git%239f2d"),
        );
        check(
            "a",
            Some("1.0.0"),
            Some("https://example.org/a.tgz"),
            Some("pkg:npm/a@1.0.0?download_url=https:%2F%2Fexample.org%2Fa.tgz"),
        );
    }

    #[test]
    fn old_forms_of_metadata() {
        let check = |json: &str, licenses: &[&str], supplier: Option<&str>| {
            let manifest: Manifest = from_json(json.as_bytes()).unwrap();
            let found = manifest.licenses();
            assert_eq!(found.iter().map(License::text).collect::<Vec<_>>(), licenses, "{json}");
            assert_eq!(manifest.supplier().as_deref(), supplier, "{json}");
        };
        check("{}", &[], None);
        check(r#"{"license": 1, "author": 2}"#, &[], None);
        check(
            r#"{"license": "(MIT OR Apache-2.0)", "author": "A B <a@b.c> (http://d.e)"}"#,
            &["(MIT OR Apache-2.0)"],
            Some("A B <a@b.c>"),
        );
        check(
            r#"{"license": {"type": "ISC"}, "author": {"name": "A", "email": "a@b.c"}}"#,
            &["ISC"],
            Some("A <a@b.c>"),
        );
        check(
            r#"{"licenses": [{"type": "MIT"}, {"type": "Apache-2.0"}, "MIT"], "maintainers": [{"name": "M"}]}"#,
            &["Apache-2.0", "MIT"],
            Some("M"),
        );
        check(r#"{"license": "UNLICENSED", "author": ""}"#, &[], None);
    }

    #[test]
    fn groups_of_dependencies() {
        let json = r#"{"dependencies": {"a": "1", "o": "1"}, "optionalDependencies": {"o": "2"}, "devDependencies": {"d": "1", "p": "1", "a": "1"},
            "peerDependencies": {"p": "1", "q": "1"}, "peerDependenciesMeta": {"q": {"optional": true}}, "bundleDependencies": ["a"]}"#;
        let manifest: Manifest = from_json(json.as_bytes()).unwrap();
        let check = |role: Role, expected: &[(&str, Scope)]| {
            assert_eq!(
                manifest.needs(role).into_iter().map(|(name, need)| (name, need.scope)).collect::<Vec<_>>(),
                expected
            );
        };
        check(
            Role::Package,
            &[("a", Scope::Runtime), ("o", Scope::Optional), ("p", Scope::Runtime), ("q", Scope::Optional)],
        );
        check(
            Role::Project,
            &[
                ("a", Scope::Runtime),
                ("d", Scope::Development),
                ("o", Scope::Optional),
                ("p", Scope::Development),
                ("q", Scope::Optional),
            ],
        );
        assert!(manifest.bundles("a") && !manifest.bundles("o"));
    }

    #[test]
    fn node_looks_outwards() {
        let found: Vec<String> = candidates("/", "/app/node_modules/@s/a", "b").collect();
        assert_eq!(
            found,
            [
                "/app/node_modules/@s/a/node_modules/b",
                "/app/node_modules/@s/node_modules/b",
                "/app/node_modules/b",
                "/node_modules/b"
            ]
        );
        let found: Vec<String> = candidates("", "packages/a", "b").collect();
        assert_eq!(found, ["packages/a/node_modules/b", "packages/node_modules/b", "node_modules/b"]);
    }

    #[test]
    fn workspaces_are_globs() {
        let manifest: Manifest =
            from_json(br#"{"workspaces": {"packages": ["packages/*", "./tools/", "!packages/no", "[bad"]}}"#).unwrap();
        let workspaces = manifest.workspaces();
        for (folder, expected) in [
            ("packages/a", true),
            ("packages/a/b", false),
            ("tools", true),
            ("packages/no", false),
            ("", false),
            ("node_modules/packages/a", false),
        ] {
            assert_eq!(workspaces.contains(folder), expected, "{folder}");
        }
    }
}
