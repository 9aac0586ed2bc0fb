//! JavaScript packages that are installed: the `package.json` of each.

use std::collections::BTreeMap;

use component::{PackageType, Location, Scope, Technique};

use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::documents::{Loose, from_json, refusal};
use crate::ecosystems::graph::{Graph, NodeId};
use crate::ecosystems::identity::Finder;
use crate::ecosystems::npm::{self, Manifest, Role, Unsearched};
use crate::ecosystems::paths;
use crate::view::View;

/// Installed JavaScript packages.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "npm-installed",
    summary: "JavaScript packages in node_modules, and projects with a package.json",
    evidence: Evidence::Installed,
    claims: &[Claim { pattern: Pattern::Path("**/package.json"), keep: Keep::Bytes { limit_bytes: npm::MANIFEST_BYTES_MAX } }],
    abilities: Abilities { packages: &[PackageType::Npm], versions: Versions::Exact, edges: Edges::Complete, licenses: true, files: false, hashes: true },
    catalog,
};

const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::InstalledMetadata };

/// Where Debian's packages of Node modules are: Node looks there last.
const SYSTEM_FOLDERS: [&str; 2] = ["/usr/share/nodejs", "/usr/lib/nodejs"];

/// What a `package.json` stands for, by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place<'a> {
    /// Directly in a `node_modules`.
    Package,
    /// Somewhere inside the package in this folder: a part of it, or another package's copy.
    Inside(&'a str),
    /// Outside of any `node_modules`.
    Project,
}

impl<'a> Place<'a> {
    fn of(folder: &'a str) -> Self {
        let modules = folder.rfind("/node_modules/").map(|at| at + "/node_modules/".len());
        let system = SYSTEM_FOLDERS.iter().find(|system| folder.strip_prefix(**system).is_some_and(|rest| rest.starts_with('/')));
        let Some(from) = modules.or(system.map(|system| system.len() + 1)) else {
            return Self::Project;
        };
        let parts = if folder[from..].starts_with('@') { 2 } else { 1 };
        match folder[from..].match_indices('/').nth(parts - 1) {
            Some((at, _)) => Self::Inside(&folder[..from + at]),
            None => Self::Package,
        }
    }
}

/// Returns what stands in front of the paths for Node: where the directory is that is looked at, if that is in a folder of packages.
fn base(place: &str) -> &str {
    let folder = format!("{place}/");
    let is_of_packages = folder.contains("/node_modules/") || SYSTEM_FOLDERS.iter().any(|system| folder.starts_with(&format!("{system}/")));
    if is_of_packages { place } else { "" }
}

struct Installed {
    location: Location,
    manifest: Manifest,
    node: NodeId,
}

fn catalog(view: &View<'_>, findings: &mut Findings) {
    let base = base(view.place());
    let mut graph = Graph::default();
    let mut installed: BTreeMap<String, Installed> = BTreeMap::new();
    let mut copies: Vec<(String, NodeId)> = Vec::new();

    for file in view.files(0) {
        let folder = format!("{base}{}", paths::folder(file.path()));
        let place = Place::of(&folder);
        let manifest: Manifest = match from_json(file.bytes()) {
            Ok(manifest) => manifest,
            Err(error) => {
                // Inside of packages there are templates and broken samples for tests, which are nobody's metadata.
                if !matches!(place, Place::Inside(_)) && !file.bytes().is_empty() {
                    findings.unknown(file.location(), refusal("package.json", &error).0);
                }
                continue;
            }
        };
        let finder = match place {
            Place::Package => FINDER,
            Place::Inside(_) | Place::Project => FINDER.with(Technique::Manifest),
        };
        let component = manifest.project(finder).map(|mut component| {
            component.locations.push(file.location());
            component.hashes = npm::hashes(manifest.installed_integrity.get(), manifest.installed_resolved.get());
            component
        });
        match (place, component) {
            (Place::Package, Some(component)) => {
                let node = graph.package(component);
                installed.insert(folder, Installed { location: file.location(), manifest, node });
            }
            (Place::Inside(outer), Some(component)) => copies.push((outer.to_owned(), graph.package(component))),
            (Place::Project, component) => {
                let node = graph.project(component);
                installed.insert(folder, Installed { location: file.location(), manifest, node });
            }
            (Place::Package, None) => {
                if manifest.name.get().is_some() || manifest.version.get().is_some() {
                    findings.unknown(file.location(), "the package.json has no valid name and version");
                }
            }
            (Place::Inside(_), None) => {}
        }
    }

    let members = members(&installed);
    let mut bundled: Vec<NodeId> = Vec::new();
    for (folder, package) in &installed {
        let folder = folder.as_str();
        let role = if Place::of(folder) == Place::Project { Role::Project } else { Role::Package };
        let needs = package.manifest.needs(role);
        let mut unsearched = Unsearched::default();
        if needs.is_empty() || !unsearched.admits(folder) {
            unsearched.report(package.location.clone(), findings);
            continue;
        }
        for (name, need) in needs {
            if !npm::is_name(name) {
                continue;
            }
            let Some((target, place)) = find(view, base, &installed, folder, name) else {
                // A member of the workspace, of which nothing is installed yet.
                if let (true, Some([member])) = (need.range.starts_with("workspace:"), members.get(name).map(Vec::as_slice)) {
                    graph.depends_on(package.node, *member, need.scope);
                }
                continue;
            };
            graph.depends_on(package.node, target, need.scope);
            let is_inside = place.strip_prefix(folder).is_some_and(|rest| rest.starts_with("/node_modules/"));
            if is_inside && role == Role::Package && package.manifest.bundles(name) {
                bundled.push(target);
            }
        }
    }
    for (folder, project) in &installed {
        let is_root = Place::of(folder) == Place::Project && project.manifest.workspaces != Loose::Nothing;
        if !is_root {
            continue;
        }
        let workspaces = project.manifest.workspaces();
        let inner = format!("{folder}/");
        for (place, workspace) in installed.range(inner.clone()..).take_while(|(place, _)| place.starts_with(&inner)) {
            let inside = place.strip_prefix(folder.as_str()).and_then(|rest| rest.strip_prefix('/'));
            if inside.is_some_and(|inside| workspaces.contains(inside)) {
                graph.depends_on(project.node, workspace.node, Scope::Runtime);
            }
        }
    }
    for node in bundled {
        if let Some(component) = graph.component_mut(node) {
            component.properties.insert("npm:bundled".into(), "true".to_owned());
        }
    }

    let outer: Vec<(Option<NodeId>, NodeId)> =
        copies.into_iter().map(|(outer, copy)| (installed.get(&outer).map(|outer| outer.node), copy)).collect();
    let reported = graph.report(findings);
    for (outer, copy) in outer {
        if let (Some(outer), Some(copy)) = (outer.and_then(|outer| reported.handle(outer)), reported.handle(copy)) {
            findings.contains(outer, copy);
        }
    }
}

/// Returns the projects by their names.
fn members(installed: &BTreeMap<String, Installed>) -> BTreeMap<&str, Vec<NodeId>> {
    let mut members: BTreeMap<&str, Vec<NodeId>> = BTreeMap::new();
    for (_, package) in installed.iter().filter(|(folder, _)| Place::of(folder) == Place::Project) {
        if let Some(name) = package.manifest.name.get() {
            members.entry(name).or_default().push(package.node);
        }
    }
    members
}

/// Looks for a dependency as Node does. Returns it and its folder.
fn find(view: &View<'_>, base: &str, installed: &BTreeMap<String, Installed>, folder: &str, name: &str) -> Option<(NodeId, String)> {
    let system = SYSTEM_FOLDERS.iter().map(|system| format!("{system}/{name}"));
    npm::candidates("/", folder, name).chain(system).find_map(|candidate| {
        if let Some(target) = installed.get(candidate.as_str()) {
            return Some((target.node, candidate));
        }
        let real = format!("{base}{}", followed(view, candidate.strip_prefix(base)?)?);
        installed.get(&real).map(|target| (target.node, real))
    })
}

/// Returns the folder that a link to a package leads to, if there is a package.
fn followed<'a>(view: &View<'a>, folder: &str) -> Option<&'a str> {
    view.file(&format!("{folder}/package.json")).map(|file| paths::folder(file.path()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{found, found_at};

    fn check(files: &[(&str, &str)]) -> String {
        found(&CATALOGER, files)
    }

    #[test]
    fn malformed_names_and_versions_are_no_packages() {
        insta::assert_snapshot!(
            check(&[
                ("/app/node_modules/a/package.json", r#"{"name": "a b", "version": "1.0.0"}"#),
                ("/app/node_modules/b/package.json", r#"{"name": "b", "version": "{{version}}"}"#),
                ("/app/node_modules/c/package.json", r"not json"),
                ("/app/node_modules/d/package.json", r"{}"),
                ("/app/node_modules/e/test/package.json", r"not json"),
                ("/app/node_modules/f/package.json", r""),
            ]),
            @r"
            unknown /app/node_modules/a/package.json: the package.json has no valid name and version
            unknown /app/node_modules/b/package.json: the package.json has no valid name and version
            unknown /app/node_modules/c/package.json: the package.json is not JSON (line 1)
            "
        );
    }

    #[test]
    fn dependencies_are_followed_to_the_limits() {
        // A path's own limit leaves the bytes to the lockfiles' tests.
        for (folder, is_searched) in npm::depths::edges("/node_modules/", "/node_modules/", "deep").into_iter().take(3) {
            let found = check(&[
                ("/node_modules/a/package.json", r#"{"name": "a", "version": "1.0.0"}"#),
                (&format!("{folder}/package.json"), r#"{"name": "deep", "version": "2.0.0", "dependencies": {"a": "1"}}"#),
            ]);
            assert!(found.contains("npm deep@2.0.0"), "{found}");
            assert_eq!(found.contains("deep@2.0.0 -> a@1.0.0"), is_searched, "{} bytes", folder.len());
            assert_eq!(found.contains("the dependencies of 1 packages are not followed"), !is_searched, "{} bytes", folder.len());
        }
    }

    #[test]
    fn dependencies_are_found_as_node_finds_them() {
        insta::assert_snapshot!(
            check(&[
                ("/app/package.json", r#"{"name": "app", "version": "2.0.0", "dependencies": {"a": "^1", "none": "1"}, "devDependencies": {"d": "1"}}"#),
                ("/app/node_modules/a/package.json", r#"{"name": "a", "version": "1.0.0", "license": "MIT", "author": "A", "dependencies": {"b": "2"}, "optionalDependencies": {"o": "1"}, "peerDependencies": {"p": "1"}, "devDependencies": {"d": "1"}, "bundleDependencies": ["b"]}"#),
                ("/app/node_modules/a/node_modules/b/package.json", r#"{"name": "b", "version": "2.0.0", "dependencies": {"@s/c": "1"}}"#),
                ("/app/node_modules/b/package.json", r#"{"name": "b", "version": "1.0.0"}"#),
                ("/app/node_modules/@s/c/package.json", r#"{"name": "@s/c", "version": "1.0.0"}"#),
                ("/app/node_modules/@s/c/vendor/v/package.json", r#"{"name": "v", "version": "0.1.0"}"#),
                ("/app/node_modules/o/package.json", r#"{"name": "o", "version": "1.0.0"}"#),
                ("/app/node_modules/p/package.json", r#"{"name": "p", "version": "1.0.0"}"#),
                ("/app/node_modules/d/package.json", r#"{"name": "d", "version": "1.0.0", "dependencies": {"b": "1"}}"#),
            ]),
            @r#"
            npm @s/c@1.0.0 pkg:npm/%40s/c@1.0.0 transitive at /app/node_modules/@s/c/package.json
            npm a@1.0.0 pkg:npm/a@1.0.0 direct license="MIT" supplier="A" at /app/node_modules/a/package.json
            npm app@2.0.0 pkg:npm/app@2.0.0 direct at /app/package.json
            npm b@1.0.0 pkg:npm/b@1.0.0 development transitive at /app/node_modules/b/package.json
            npm b@2.0.0 pkg:npm/b@2.0.0 transitive npm:bundled="true" at /app/node_modules/a/node_modules/b/package.json
            npm d@1.0.0 pkg:npm/d@1.0.0 development direct at /app/node_modules/d/package.json
            npm o@1.0.0 pkg:npm/o@1.0.0 optional transitive at /app/node_modules/o/package.json
            npm p@1.0.0 pkg:npm/p@1.0.0 transitive at /app/node_modules/p/package.json
            npm v@0.1.0 pkg:npm/v@0.1.0 at /app/node_modules/@s/c/vendor/v/package.json
            root -> app@2.0.0
            @s/c@1.0.0 -contains-> v@0.1.0
            a@1.0.0 -> b@2.0.0
            a@1.0.0 -optional-> o@1.0.0
            a@1.0.0 -> p@1.0.0
            app@2.0.0 -> a@1.0.0
            app@2.0.0 -development-> d@1.0.0
            b@2.0.0 -> @s/c@1.0.0
            d@1.0.0 -> b@1.0.0
            "#
        );
    }

    #[test]
    fn without_a_project_nothing_is_said_of_being_direct() {
        insta::assert_snapshot!(
            check(&[
                ("/usr/lib/node_modules/npm/package.json", r#"{"name": "npm", "version": "11.0.0", "dependencies": {"x": "1"}, "bundleDependencies": ["x"], "_integrity": "sha1-rqdNXmHB+JlhO/ZL2mbUx48v0X0="}"#),
                ("/usr/lib/node_modules/npm/node_modules/x/package.json", r#"{"name": "x", "version": "1.0.0"}"#),
                ("/usr/share/nodejs/y/package.json", r#"{"name": "y", "version": "1.0.0", "dependencies": {"z": "1"}}"#),
                ("/usr/share/nodejs/z/package.json", r#"{"name": "z", "version": "1.0.0"}"#),
            ]),
            @r#"
            npm npm@11.0.0 pkg:npm/npm@11.0.0 Sha1=aea74d5e61c1f899613bf64bda66d4c78f2fd17d at /usr/lib/node_modules/npm/package.json
            npm x@1.0.0 pkg:npm/x@1.0.0 npm:bundled="true" at /usr/lib/node_modules/npm/node_modules/x/package.json
            npm y@1.0.0 pkg:npm/y@1.0.0 at /usr/share/nodejs/y/package.json
            npm z@1.0.0 pkg:npm/z@1.0.0 at /usr/share/nodejs/z/package.json
            npm@11.0.0 -> x@1.0.0
            y@1.0.0 -> z@1.0.0
            "#
        );
    }

    #[test]
    fn a_folder_of_packages_is_one_by_where_it_is() {
        let files = [
            ("/a/package.json", r#"{"name": "a", "version": "1.0.0", "dependencies": {"b": "1"}, "devDependencies": {"@s/d": "1", "c": "1"}}"#),
            ("/a/node_modules/c/package.json", r#"{"name": "c", "version": "1.0.0"}"#),
            ("/a/lib/package.json", r#"{"name": "part", "version": "1.0.0"}"#),
            ("/b/package.json", r#"{"name": "b", "version": "1.0.0"}"#),
            ("/@s/d/package.json", r#"{"name": "@s/d", "version": "1.0.0"}"#),
        ];
        let edges = |place: &str| {
            let found = found_at(place, &CATALOGER, &files);
            let edges: Vec<&str> = found.lines().filter(|line| line.contains('>')).collect();
            edges.join(", ")
        };
        let inside = "a@1.0.0 -> b@1.0.0, a@1.0.0 -contains-> part@1.0.0";
        assert_eq!(edges("/srv/app/node_modules"), inside);
        assert_eq!(edges("/node_modules/"), inside);
        assert_eq!(edges("/usr/share/nodejs"), inside);
        assert_eq!(edges("/srv/app/node_modules/outer/deps"), "");
        let project = "root -> @s/d@1.0.0, root -> a@1.0.0, root -> b@1.0.0, root -> part@1.0.0, a@1.0.0 -development-> c@1.0.0";
        assert_eq!(edges("/srv/my_node_modules"), project);
        assert_eq!(edges("/"), project);
    }

    #[test]
    fn members_of_a_workspace_need_each_other_before_they_are_installed() {
        let found = check(&[
            ("/w/x/package.json", r#"{"name": "@y/x", "version": "1.0.0", "dependencies": {"@y/z": "workspace:*", "twice": "workspace:^", "other": "^1"}, "devDependencies": {"dev": "workspace:~1.0.0"}}"#),
            ("/w/z/package.json", r#"{"name": "@y/z", "version": "1.0.0"}"#),
            ("/w/dev/package.json", r#"{"name": "dev", "version": "1.0.0"}"#),
            ("/w/a/package.json", r#"{"name": "twice", "version": "1.0.0"}"#),
            ("/w/b/package.json", r#"{"name": "twice", "version": "1.0.0"}"#),
            ("/w/other/package.json", r#"{"name": "other", "version": "1.0.0"}"#),
        ]);
        let edges: Vec<&str> = found.lines().filter(|line| line.starts_with('@') && line.contains('>')).collect();
        assert_eq!(edges, ["@y/x@1.0.0 -> @y/z@1.0.0", "@y/x@1.0.0 -development-> dev@1.0.0"]);
    }

    #[test]
    fn a_project_depends_on_its_workspaces() {
        insta::assert_snapshot!(
            check(&[
                ("/app/package.json", r#"{"name": "app", "version": "1.0.0", "workspaces": ["packages/*"]}"#),
                ("/app/packages/one/package.json", r#"{"name": "one", "version": "0.1.0", "dependencies": {"a": "1"}}"#),
                ("/app/other/package.json", r#"{"name": "other", "version": "0.1.0"}"#),
                ("/app/node_modules/a/package.json", r#"{"name": "a", "version": "1.0.0"}"#),
            ]),
            @"
            npm a@1.0.0 pkg:npm/a@1.0.0 direct at /app/node_modules/a/package.json
            npm app@1.0.0 pkg:npm/app@1.0.0 direct at /app/package.json
            npm one@0.1.0 pkg:npm/one@0.1.0 direct at /app/packages/one/package.json
            npm other@0.1.0 pkg:npm/other@0.1.0 direct at /app/other/package.json
            root -> app@1.0.0
            root -> one@0.1.0
            root -> other@0.1.0
            app@1.0.0 -> one@0.1.0
            one@0.1.0 -> a@1.0.0
            "
        );
    }
}
