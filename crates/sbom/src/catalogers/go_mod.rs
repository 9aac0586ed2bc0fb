//! Go's modules as projects state them: `go.mod`, the workspaces of `go.work`, and what `vendor/modules.txt` says is built.
//!
//! Follows "Go Modules Reference". Since Go 1.17 a `go.mod` lists every module of the build; what needs what none of these files says.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use component::{Component, Location, PackageType, Scheme, Scope, Technique};

use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::go_modules::{Coordinates, Directives, LINES_MAX, Require, Vendored, read_sums};
use crate::ecosystems::graph::Graph;
use crate::ecosystems::identity::{Finder, is_word};
use crate::ecosystems::{golang, manifests, paths};
use crate::unread::UNWRITTEN;
use crate::view::{File, View};

/// Go's modules.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "go-mod",
    summary: "go.mod, go.work and vendor/modules.txt, with the hashes of go.sum",
    evidence: Evidence::Declared,
    claims: &[
        Claim { pattern: Pattern::Path("**/go.mod"), keep: FILE },
        Claim { pattern: Pattern::Path("**/go.work"), keep: FILE },
        Claim { pattern: Pattern::Path("**/vendor/modules.txt"), keep: FILE },
        Claim { pattern: Pattern::Path("**/go.sum"), keep: SUMS },
        Claim { pattern: Pattern::Path("**/go.work.sum"), keep: SUMS },
    ],
    abilities: Abilities { packages: &[PackageType::GoModule], versions: Versions::Exact, edges: Edges::Flat, licenses: false, files: false, hashes: true },
    catalog,
};

const FILE: Keep = Keep::Bytes { limit_bytes: 16 << 20 };
const SUMS: Keep = Keep::Bytes { limit_bytes: 64 << 20 };
const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Manifest };

/// The most workspaces that one module counts in: each reads it again.
const WORKSPACES_MAX: usize = 8;

fn catalog(view: &View<'_>, findings: &mut Findings) {
    // What was fetched may carry the list of what its authors vendored.
    let lists = view.files(2).map(|file| (paths::folder(paths::folder(file.path())), file));
    let lists = lists.filter(|(folder, _)| manifests::is_of_project(&format!("{folder}/")));
    let mut lists: BTreeMap<(&str, bool), File<'_>> =
        lists.map(|(folder, file)| ((folder, Vendored::is_of_workspace(file.bytes())), file)).collect();
    let mut used: BTreeMap<&str, usize> = BTreeMap::new();
    for work in view.files(1).filter(|file| manifests::is_of_project(file.path())) {
        let build = Build::of_workspace(view, work, &mut used, findings);
        build.report(view, lists.remove(&(paths::folder(work.path()), true)), findings);
    }
    for file in view.files(0) {
        let list = lists.remove(&(paths::folder(file.path()), false));
        if list.is_some() || !used.contains_key(file.path()) {
            Build::of_module(file, findings).report(view, list, findings);
        }
    }
    // Of the others only the list is here.
    for list in lists.into_values() {
        Build::default().report(view, Some(list), findings);
    }
}

fn text(file: File<'_>) -> String {
    String::from_utf8_lossy(file.bytes()).into_owned()
}

/// Tells of a line that `go` would not read either.
fn tell_unread(file: File<'_>, directives: &Directives, findings: &mut Findings) {
    if let Some((line, text)) = directives.unread.as_ref().filter(|_| manifests::is_of_project(file.path())) {
        let text: String = text.chars().filter(|character| !character.is_control()).take(TOLD_CHARACTERS_MAX).collect();
        findings.unknown(file.location(), format!("line {line} is no directive: `{text}`"));
    }
}

/// The longest line that is told.
const TOLD_CHARACTERS_MAX: usize = 60;

/// What `go` builds together: a module, or those of a workspace.
#[derive(Debug, Default)]
struct Build<'a> {
    modules: Vec<(File<'a>, Directives)>,
    work: Option<(File<'a>, Directives)>,
}

/// The version of a module that is built, by what `go.mod` files require.
#[derive(Debug)]
struct Selected<'a> {
    version: &'a str,
    is_direct: bool,
    locations: Vec<Location>,
}

impl<'a> Build<'a> {
    fn of_module(file: File<'a>, findings: &mut Findings) -> Self {
        let (module, _) = Directives::parse(&text(file), &mut LINES_MAX.clone());
        tell_unread(file, &module, findings);
        Self { modules: vec![(file, module)], work: None }
    }

    /// Reads the modules that a workspace uses, and counts them as used.
    fn of_workspace(view: &View<'a>, work: File<'a>, used: &mut BTreeMap<&'a str, usize>, findings: &mut Findings) -> Self {
        let mut lines_left = LINES_MAX;
        let (directives, mut is_whole) = Directives::parse(&text(work), &mut lines_left);
        tell_unread(work, &directives, findings);
        let mut modules = Vec::new();
        let folders: BTreeSet<&String> = directives.uses.iter().filter(|folder| is_word(folder)).collect();
        for folder in folders {
            let place = paths::join(paths::folder(work.path()), folder);
            let Some(file) = view.file(&format!("{place}/go.mod")) else {
                findings.unknown(work.location(), format!("uses `{folder}`, whose go.mod was not read"));
                continue;
            };
            let count = used.get(file.path()).copied().unwrap_or_default();
            if count == WORKSPACES_MAX {
                let reason = format!("uses `{folder}`, which {WORKSPACES_MAX} others use: it is not taken into this one");
                findings.unknown(work.location(), reason);
                continue;
            }
            let (module, is_read) = Directives::parse(&text(file), &mut lines_left);
            is_whole &= is_read;
            if is_read {
                tell_unread(file, &module, findings);
                used.insert(file.path(), count + 1);
                modules.push((file, module));
            }
        }
        if !is_whole {
            let reason = format!("the workspace has more than {LINES_MAX} lines; modules that go beyond are not taken into it");
            findings.unknown(work.location(), reason);
        }
        Self { modules, work: Some((work, directives)) }
    }

    /// Reports what is built: by the list of the vendor folder where `go` goes by that, else by what is required.
    fn report(&self, view: &View<'_>, list: Option<File<'_>>, findings: &mut Findings) {
        let mut listed: Vec<(Component, bool)> = Vec::new();
        let mut is_settled = false;
        if let Some(file) = list {
            let vendored = Vendored::parse(&text(file));
            let disagreement = self.disagreement(&vendored).filter(|_| self.goes_by_vendor());
            is_settled = self.goes_by_vendor() && disagreement.is_none();
            self.list_vendored(&vendored, &file.location(), &mut listed);
            if let Some(module) = disagreement {
                let other = if self.work.is_some() { "the workspace" } else { "the go.mod" };
                findings.unknown(file.location(), format!("does not agree with {other} on {module}: both are listed"));
            }
        }
        if !is_settled {
            self.list_required(&mut listed);
            self.tell_excluded(findings);
        }
        self.add_sums(view, &mut listed);
        let mut graph = Graph::default();
        for (component, is_direct) in listed {
            let node = graph.package(component);
            if is_direct {
                graph.direct(node, Scope::Runtime);
            }
        }
        graph.report(findings);
    }

    /// Returns whether `go` goes by the list of the vendor folder unless told otherwise.
    fn goes_by_vendor(&self) -> bool {
        let main = self.work.as_ref().or(self.modules.first());
        main.is_some_and(|(_, directives)| directives.is_since_vendoring())
    }

    /// Returns what is required of others: modules that are built together are their folders, whatever version is asked for.
    fn requires(&self) -> impl Iterator<Item = (&File<'a>, &Require)> {
        let own: BTreeSet<&str> = self.modules.iter().filter_map(|(_, module)| module.module.as_deref()).collect();
        let excluded: BTreeSet<(&str, &str)> = self.modules.iter().flat_map(|(_, module)| &module.excludes).map(|(path, version)| (&**path, &**version)).collect();
        let requires = self.modules.iter().flat_map(|(file, module)| module.requires.iter().map(move |require| (file, require)));
        requires.filter(move |(_, require)| {
            let (path, version) = (&*require.path, &*require.version);
            // Another version than the excluded one is built, and only the network knows which.
            golang::is_version(version) && !own.contains(path) && !excluded.contains(&(path, version))
        })
    }

    /// Returns the highest version of each module that is required.
    fn selected(&self) -> BTreeMap<&str, Selected<'_>> {
        let mut selected: BTreeMap<&str, Selected<'_>> = BTreeMap::new();
        for (file, Require { path, version, is_indirect }) in self.requires() {
            let known = selected.entry(path).or_insert_with(|| Selected { version, is_direct: false, locations: Vec::new() });
            if Scheme::Go.compare(version, known.version) == Ok(Ordering::Greater) {
                known.version = version;
            }
            known.is_direct |= !is_indirect;
            known.locations.push(file.location());
        }
        selected
    }

    /// Returns what stands for modules of a path, by the version where it is for one alone.
    fn replacements(&self) -> Replacements<'_> {
        let mut of_modules: BTreeMap<(&str, Option<&str>), BTreeSet<&Coordinates>> = BTreeMap::new();
        for ((path, version), new) in self.modules.iter().flat_map(|(_, module)| &module.replaces) {
            of_modules.entry((path, version.as_deref())).or_default().insert(new);
        }
        Replacements { work: self.work.as_ref().map(|(_, work)| work), of_modules }
    }

    /// Tells of what is required in a version that is excluded: `go` takes a higher one, and only the network knows which.
    fn tell_excluded(&self, findings: &mut Findings) {
        let selected = self.selected();
        let excluded: BTreeSet<(&str, &str)> = self.modules.iter().flat_map(|(_, module)| &module.excludes).map(|(path, version)| (&**path, &**version)).collect();
        for (file, module) in &self.modules {
            let lost = module.requires.iter().find(|require| excluded.contains(&(&*require.path, &*require.version)) && !selected.contains_key(&*require.path));
            if let Some(Require { path, version, .. }) = lost.filter(|_| manifests::is_of_project(file.path())) {
                findings.unknown(file.location(), format!("requires and excludes {path} {version}{UNWRITTEN}"));
            }
        }
    }

    fn list_required(&self, listed: &mut Vec<(Component, bool)>) {
        let replacements = self.replacements();
        for (path, Selected { version, is_direct, mut locations }) in self.selected() {
            let new = replacements.of(path, version);
            let by_work = self.work.as_ref().filter(|(_, work)| work.replacement(path, version).is_some());
            locations.extend(by_work.map(|(file, _)| file.location()));
            let each = if new.is_empty() { vec![None] } else { new.into_iter().map(Some).collect() };
            for mut component in each.into_iter().filter_map(|new| component(path, version, new)) {
                component.direct = Some(is_direct);
                component.locations.clone_from(&locations);
                listed.push((component, is_direct));
            }
        }
    }

    /// Lists the modules of which something is built.
    fn list_vendored(&self, vendored: &Vendored, location: &Location, listed: &mut Vec<(Component, bool)>) {
        let direct: BTreeSet<&str> = self.requires().filter(|(_, require)| !require.is_indirect).map(|(_, require)| &*require.path).collect();
        for ((path, version), module) in vendored.modules.iter().filter(|(_, module)| module.has_packages) {
            let Some(mut component) = component(path, version, module.replacement.as_ref()) else { continue };
            let is_direct = direct.contains(&**path);
            // What is marked as explicit may be required for others alone.
            let is_unknown = self.modules.is_empty() && module.is_explicit;
            component.direct = Some(is_direct).filter(|_| !is_unknown);
            component.locations.push(location.clone());
            listed.push((component, is_direct));
        }
    }

    /// Returns a module about which the list of the vendor folder and the `go.mod` files disagree: `go` refuses to build then.
    fn disagreement<'b>(&'b self, vendored: &'b Vendored) -> Option<&'b str> {
        let stated = self.modules.iter().flat_map(|(_, module)| &module.requires);
        let required: BTreeSet<(&str, &str)> = stated.map(|require| (&*require.path, &*require.version)).collect();
        let explicit = vendored.modules.iter().filter(|(_, module)| module.is_explicit);
        let explicit: BTreeSet<(&str, &str)> = explicit.map(|((path, version), _)| (&**path, &**version)).collect();
        if let Some((path, _)) = required.symmetric_difference(&explicit).next() {
            return Some(path);
        }
        let replacements = self.replacements();
        let is_other = |(path, version): &(String, String), stated: Option<&Coordinates>| match (replacements.of(path, version).first(), stated) {
            // Folders are written as seen from the one or the other.
            (None, None) | (Some((_, None)), Some((_, None))) => false,
            (new, stated) => new.copied() != stated,
        };
        let mut built = vendored.modules.iter().filter(|(_, module)| module.has_packages);
        built.find(|(module, stated)| is_other(module, stated.replacement.as_ref())).map(|((path, _), _)| &**path)
    }

    fn add_sums(&self, view: &View<'_>, listed: &mut [(Component, bool)]) {
        let mut files: Vec<String> = self.modules.iter().map(|(file, _)| format!("{}/go.sum", paths::folder(file.path()))).collect();
        files.extend(self.work.iter().map(|(file, _)| format!("{}/go.work.sum", paths::folder(file.path()))));
        let key = |component: &Component| Some((component.name.clone(), component.version.clone()?));
        let wanted: BTreeSet<(String, String)> = listed.iter().filter_map(|(component, _)| key(component)).collect();
        let mut sums = BTreeMap::new();
        for file in files.iter().filter_map(|path| view.file(path)) {
            read_sums(&text(file), &wanted, &mut sums);
        }
        for (component, _) in listed {
            let sum = key(component).and_then(|key| sums.get(&key));
            component.hashes = sum.cloned().into_iter().collect();
        }
    }
}

/// What stands for modules: what a workspace says counts before all that its modules say.
struct Replacements<'a> {
    work: Option<&'a Directives>,
    of_modules: BTreeMap<(&'a str, Option<&'a str>), BTreeSet<&'a Coordinates>>,
}

impl<'a> Replacements<'a> {
    /// Returns what stands for a module. Modules of a workspace have to agree; where they do not, `go` builds nothing, and each is returned.
    fn of(&self, path: &str, version: &str) -> Vec<&'a Coordinates> {
        if let Some(new) = self.work.and_then(|work| work.replacement(path, version)) {
            return vec![new];
        }
        let of_modules = |version| self.of_modules.get(&(path, version));
        of_modules(Some(version)).or_else(|| of_modules(None)).into_iter().flatten().copied().collect()
    }
}

/// Makes the component of what is built for a module.
fn component(path: &str, version: &str, replacement: Option<&Coordinates>) -> Option<Component> {
    let (mut component, property) = match replacement {
        None => (golang::component(FINDER, path, Some(version))?, None),
        Some((new, Some(version))) => {
            (golang::component(FINDER, new, Some(version))?, (new != path).then_some(("go:replaces", path)))
        }
        // The folder is what is built, and says nothing of its version.
        Some((folder, None)) => (golang::component(FINDER, path, None)?, Some(("go:replaced-by", folder.as_str()))),
    };
    if let Some((name, value)) = property {
        component.properties.insert(name.into(), value.to_owned());
    }
    Some(component)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::found;

    fn check(files: &[(&str, &str)]) -> String {
        found(&CATALOGER, files)
    }

    #[test]
    fn sides_of_a_merge_and_excluded_versions_are_told() {
        insta::assert_snapshot!(
            check(&[
                ("/app/go.mod", "module a\nrequire (\n<<<<<<< HEAD\n\tx.org/text v0.3.0\n=======\n\tx.org/text v0.39.0\n>>>>>>> b\n)\n"),
                ("/ex/go.mod", "require (\n\tx.org/jwt v3.2.0+incompatible\n\tx.org/b v1.0.0\n)\nexclude x.org/jwt v3.2.0+incompatible\n"),
                ("/w/go.work", "go 1.22\n>>>>>>> b\n"),
                ("/vendor/x/go.mod", "future x"),
                ("/good/go.mod", "// Deprecated: no\nmodule (\n\tgood\n)\ngo 1.24\ntoolchain go1.24.1\ngodebug default=go1.21\nretract [v1.0.0, v1.1.0] // why\ntool x.org/tool\nignore ./node_modules\n"),
            ]),
            @r"
            go-module x.org/b@v1.0.0 pkg:golang/x.org/b@v1.0.0 direct at /ex/go.mod
            go-module x.org/text@v0.39.0 pkg:golang/x.org/text@v0.39.0 direct at /app/go.mod
            root -> x.org/b@v1.0.0
            root -> x.org/text@v0.39.0
            unknown /app/go.mod: line 3 is no directive: `<<<<<<< HEAD`
            unknown /ex/go.mod: requires and excludes x.org/jwt v3.2.0+incompatible: nothing here says which packages these are
            unknown /w/go.work: line 2 is no directive: `>>>>>>> b`
            "
        );
    }

    #[test]
    fn what_is_no_module_is_nothing() {
        insta::assert_snapshot!(
            check(&[
                ("/a/go.mod", r"bogus"),
                ("/b/go.mod", r""),
                ("/c/go.mod", r"require (
	a b
	../x v1.0.0
	https://x v1.0.0
)
require x
replace y =>
replace => z
"),
            ]),
            @r"
            unknown /a/go.mod: line 1 is no directive: `bogus`
            unknown /c/go.mod: line 2 is no directive: `a b`
            "
        );
    }

    #[test]
    fn requires_replaces_and_excludes() {
        insta::assert_snapshot!(
            check(&[
                ("/app/go.mod", r#"module example.org/app

go 1.22

toolchain go1.23.2

require example.org/one v1.0.0

require (
	example.org/Two/v2 v2.1.0 // indirect
	"example.org/three" v0.0.0-20200624184116-66aa578126db // why
	//example.org/none v9.9.9
	example.org/four v1.0.0 // indirect; for tests
	example.org/five v1.0.0
	example.org/six v1.0.0
)

replace (
	example.org/four v1.0.0 => example.org/fork v1.5.0
	example.org/four v0.9.0 => example.org/wrong v1.0.0
	example.org/five => ../five
)

replace example.org/one => example.org/one v1.0.1

exclude example.org/six v1.0.0
"#),
                ("/app/go.sum", r"example.org/one v1.0.1 h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
example.org/one v1.0.1/go.mod h1:X7DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
example.org/three h1:x
broken
"),
            ]),
            @r#"
            go-module example.org/Two/v2@v2.1.0 pkg:golang/example.org/two/v2@v2.1.0 transitive at /app/go.mod
            go-module example.org/five pkg:golang/example.org/five direct go:replaced-by="../five" at /app/go.mod
            go-module example.org/fork@v1.5.0 pkg:golang/example.org/fork@v1.5.0 transitive go:replaces="example.org/four" at /app/go.mod
            go-module example.org/one@v1.0.1 pkg:golang/example.org/one@v1.0.1 direct Sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 at /app/go.mod
            go-module example.org/three@v0.0.0-20200624184116-66aa578126db pkg:golang/example.org/three@v0.0.0-20200624184116-66aa578126db direct at /app/go.mod
            root -> example.org/five
            root -> example.org/one@v1.0.1
            root -> example.org/three@v0.0.0-20200624184116-66aa578126db
            unknown /app/go.mod: requires and excludes example.org/six v1.0.0: nothing here says which packages these are
            "#
        );
    }

    /// As `go list -m all` and `go version -m` of Go 1.26 say it of such files.
    #[test]
    fn a_workspace_is_built_together() {
        let lib = "module example.org/lib\n\ngo 1.22\n\nrequire golang.org/x/text v0.13.0\n\nreplace golang.org/x/text v0.13.0 => golang.org/x/text v0.3.2\n";
        let app = "module example.org/app\n\ngo 1.22\n\nrequire rsc.io/quote v1.5.2\n\nrequire (\n\tgolang.org/x/text v0.3.0 // indirect\n\trsc.io/sampler v1.3.0 // indirect\n\texample.org/lib v1.0.0\n)\n";
        let work = "go 1.22\n\nuse (\n\t./app\n\t./lib\n)\n";
        insta::assert_snapshot!(
            check(&[
                ("/replaced/go.work", &format!("{work}replace golang.org/x/text => golang.org/x/text v0.3.8\n")),
                ("/replaced/go.work.sum", "golang.org/x/text v0.3.8 h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"),
                ("/replaced/app/go.mod", app),
                ("/replaced/lib/go.mod", lib),
                ("/replaced/alone/go.mod", "module example.org/alone\nrequire golang.org/x/text v0.3.1\n"),
            ]),
            @"
            go-module golang.org/x/text@v0.3.1 pkg:golang/golang.org/x/text@v0.3.1 direct at /replaced/alone/go.mod
            go-module golang.org/x/text@v0.3.8 pkg:golang/golang.org/x/text@v0.3.8 direct Sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 at /replaced/app/go.mod at /replaced/go.work at /replaced/lib/go.mod
            go-module rsc.io/quote@v1.5.2 pkg:golang/rsc.io/quote@v1.5.2 direct at /replaced/app/go.mod
            go-module rsc.io/sampler@v1.3.0 pkg:golang/rsc.io/sampler@v1.3.0 transitive at /replaced/app/go.mod
            root -> golang.org/x/text@v0.3.1
            root -> golang.org/x/text@v0.3.8
            root -> rsc.io/quote@v1.5.2
            "
        );
        insta::assert_snapshot!(
            check(&[
                ("/by-module/go.work", work),
                ("/by-module/app/go.mod", &format!("{app}replace golang.org/x/text => ./text\n")),
                ("/by-module/lib/go.mod", lib),
                ("/lost/go.work", "go 1.22\nuse ./lost\nuse .\n"),
                ("/lost/go.mod", "module example.org/lost\nrequire example.org/a v1.0.0\nexclude example.org/a v1.0.0\n"),
                ("/root/go/pkg/mod/example.org/m@v1.0.0/go.work", "use ./other\n"),
            ]),
            @r"
            go-module golang.org/x/text@v0.3.2 pkg:golang/golang.org/x/text@v0.3.2 direct at /by-module/app/go.mod at /by-module/lib/go.mod
            go-module rsc.io/quote@v1.5.2 pkg:golang/rsc.io/quote@v1.5.2 direct at /by-module/app/go.mod
            go-module rsc.io/sampler@v1.3.0 pkg:golang/rsc.io/sampler@v1.3.0 transitive at /by-module/app/go.mod
            root -> golang.org/x/text@v0.3.2
            root -> rsc.io/quote@v1.5.2
            unknown /lost/go.mod: requires and excludes example.org/a v1.0.0: nothing here says which packages these are
            unknown /lost/go.work: uses `./lost`, whose go.mod was not read
            "
        );
    }

    #[test]
    fn a_module_counts_in_so_many_workspaces() {
        for (written, told) in [(WORKSPACES_MAX - 1, 0), (WORKSPACES_MAX, 0), (WORKSPACES_MAX + 1, 1)] {
            let works: Vec<String> = (0..written).map(|number| format!("/{number}/go.work")).collect();
            let mut files = vec![("/m/go.mod", "require example.org/a v1.0.0\n")];
            files.extend(works.iter().map(|path| (path.as_str(), "go 1.22\nuse ../m\n")));
            let found = check(&files);
            assert_eq!(found.matches("unknown").count(), told, "{written} {found}");
        }
    }

    #[test]
    fn lines_of_a_workspace_end_at_the_limit() {
        for (blank, is_together) in [(LINES_MAX - 3, true), (LINES_MAX - 2, true), (LINES_MAX - 1, false)] {
            let module = format!("{}require example.org/a v1.0.0", "\n".repeat(blank - 1));
            let found = check(&[("/go.work", "use ./m\nreplace example.org/a => example.org/a v1.0.1\n"), ("/m/go.mod", &module)]);
            assert_eq!(found.contains("example.org/a@v1.0.1"), is_together, "{blank} {found}");
            assert_eq!(found.contains("unknown /go.work"), !is_together, "{blank} {found}");
        }
    }

    #[test]
    fn what_is_vendored_is_what_is_built() {
        let module = "module example.org/app\n\ngo 1.22\n\nrequire rsc.io/quote v1.5.2\n\nrequire (\n\tgolang.org/x/text v0.13.0 // indirect\n\tgolang.org/x/mod v0.17.0\n\trsc.io/sampler v1.3.0 // indirect\n)\nreplace golang.org/x/text => golang.org/x/text v0.3.8\nreplace rsc.io/sampler => ./sampler\n";
        let list = "# golang.org/x/mod v0.17.0\n## explicit; go 1.18\n# golang.org/x/text v0.13.0 => golang.org/x/text v0.3.8\n## explicit; go 1.17\ngolang.org/x/text/language\n# rsc.io/quote v1.5.2\n## explicit\nrsc.io/quote\n# rsc.io/sampler v1.3.0 => ./sampler\n## explicit\nrsc.io/sampler\n# rsc.io/other v1.0.0\n## go 1.17\nrsc.io/other\n# golang.org/x/text => golang.org/x/text v0.3.8\n# rsc.io/sampler => ./sampler\n";
        let stale = list.replace("v1.5.2", "v1.5.1");
        let unlike = list.replace("v0.3.8", "v0.3.7");
        let workspace = format!("## workspace\n{list}");
        insta::assert_snapshot!(
            check(&[
                ("/app/go.mod", module),
                ("/app/vendor/modules.txt", list),
                ("/app/go.sum", "rsc.io/quote v1.5.2 h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"),
            ]),
            @r#"
            go-module golang.org/x/text@v0.3.8 pkg:golang/golang.org/x/text@v0.3.8 transitive at /app/vendor/modules.txt
            go-module rsc.io/other@v1.0.0 pkg:golang/rsc.io/other@v1.0.0 transitive at /app/vendor/modules.txt
            go-module rsc.io/quote@v1.5.2 pkg:golang/rsc.io/quote@v1.5.2 direct Sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 at /app/vendor/modules.txt
            go-module rsc.io/sampler pkg:golang/rsc.io/sampler transitive go:replaced-by="./sampler" at /app/vendor/modules.txt
            root -> rsc.io/quote@v1.5.2
            "#
        );
        // `go` refuses to build what does not agree.
        insta::assert_snapshot!(check(&[("/stale/go.mod", module), ("/stale/vendor/modules.txt", &stale)]), @r#"
        go-module golang.org/x/mod@v0.17.0 pkg:golang/golang.org/x/mod@v0.17.0 direct at /stale/go.mod
        go-module golang.org/x/text@v0.3.8 pkg:golang/golang.org/x/text@v0.3.8 transitive at /stale/go.mod at /stale/vendor/modules.txt
        go-module rsc.io/other@v1.0.0 pkg:golang/rsc.io/other@v1.0.0 transitive at /stale/vendor/modules.txt
        go-module rsc.io/quote@v1.5.1 pkg:golang/rsc.io/quote@v1.5.1 direct at /stale/vendor/modules.txt
        go-module rsc.io/quote@v1.5.2 pkg:golang/rsc.io/quote@v1.5.2 direct at /stale/go.mod
        go-module rsc.io/sampler pkg:golang/rsc.io/sampler transitive go:replaced-by="./sampler" at /stale/go.mod at /stale/vendor/modules.txt
        root -> golang.org/x/mod@v0.17.0
        root -> rsc.io/quote@v1.5.1
        root -> rsc.io/quote@v1.5.2
        unknown /stale/vendor/modules.txt: does not agree with the go.mod on rsc.io/quote: both are listed
        "#);
        insta::assert_snapshot!(check(&[("/unlike/go.mod", module), ("/unlike/vendor/modules.txt", &unlike)]), @r#"
        go-module golang.org/x/mod@v0.17.0 pkg:golang/golang.org/x/mod@v0.17.0 direct at /unlike/go.mod
        go-module golang.org/x/text@v0.3.7 pkg:golang/golang.org/x/text@v0.3.7 transitive at /unlike/vendor/modules.txt
        go-module golang.org/x/text@v0.3.8 pkg:golang/golang.org/x/text@v0.3.8 transitive at /unlike/go.mod
        go-module rsc.io/other@v1.0.0 pkg:golang/rsc.io/other@v1.0.0 transitive at /unlike/vendor/modules.txt
        go-module rsc.io/quote@v1.5.2 pkg:golang/rsc.io/quote@v1.5.2 direct at /unlike/go.mod at /unlike/vendor/modules.txt
        go-module rsc.io/sampler pkg:golang/rsc.io/sampler transitive go:replaced-by="./sampler" at /unlike/go.mod at /unlike/vendor/modules.txt
        root -> golang.org/x/mod@v0.17.0
        root -> rsc.io/quote@v1.5.2
        unknown /unlike/vendor/modules.txt: does not agree with the go.mod on golang.org/x/text: both are listed
        "#);
        // Before Go 1.14 the folder is used only where that is asked for.
        insta::assert_snapshot!(check(&[("/old/go.mod", "go 1.13\nrequire rsc.io/quote v1.5.3\n"), ("/old/vendor/modules.txt", "# rsc.io/quote v1.5.2\nrsc.io/quote\n")]), @"
        go-module rsc.io/quote@v1.5.2 pkg:golang/rsc.io/quote@v1.5.2 direct at /old/vendor/modules.txt
        go-module rsc.io/quote@v1.5.3 pkg:golang/rsc.io/quote@v1.5.3 direct at /old/go.mod
        root -> rsc.io/quote@v1.5.2
        root -> rsc.io/quote@v1.5.3
        ");
        insta::assert_snapshot!(
            check(&[
                ("/work/go.work", "go 1.22\nuse .\n"),
                ("/work/go.mod", module),
                ("/work/vendor/modules.txt", &workspace),
                // A list that is of a module alone, or of a workspace, is nothing to the other.
                ("/other/go.mod", "go 1.22\nrequire example.org/a v1.0.0\n"),
                ("/other/vendor/modules.txt", "## workspace\n# example.org/b v1.0.0\n## explicit\nexample.org/b\n# example.org/c v1.0.0\nexample.org/c\n"),
                ("/root/go/pkg/mod/example.org/m@v1.0.0/vendor/modules.txt", "# example.org/d v1.0.0\nexample.org/d\n"),
                ("/work/vendor/example.org/e/vendor/modules.txt", "# example.org/f v1.0.0\nexample.org/f\n"),
                ("/bad/vendor/modules.txt", "# a\n## explicit\nx\n# b c\nx\n# d v1.0.0 => \n\nx y\n"),
            ]),
            @r#"
            go-module d@v1.0.0 pkg:golang/d@v1.0.0 transitive at /bad/vendor/modules.txt
            go-module example.org/a@v1.0.0 pkg:golang/example.org/a@v1.0.0 direct at /other/go.mod
            go-module example.org/b@v1.0.0 pkg:golang/example.org/b@v1.0.0 at /other/vendor/modules.txt
            go-module example.org/c@v1.0.0 pkg:golang/example.org/c@v1.0.0 transitive at /other/vendor/modules.txt
            go-module golang.org/x/text@v0.3.8 pkg:golang/golang.org/x/text@v0.3.8 transitive at /work/vendor/modules.txt
            go-module rsc.io/other@v1.0.0 pkg:golang/rsc.io/other@v1.0.0 transitive at /work/vendor/modules.txt
            go-module rsc.io/quote@v1.5.2 pkg:golang/rsc.io/quote@v1.5.2 direct at /work/vendor/modules.txt
            go-module rsc.io/sampler pkg:golang/rsc.io/sampler transitive go:replaced-by="./sampler" at /work/vendor/modules.txt
            root -> example.org/a@v1.0.0
            root -> rsc.io/quote@v1.5.2
            "#
        );
    }
}
