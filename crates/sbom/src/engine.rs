#![expect(
    clippy::cast_possible_truncation,
    reason = "components are below `Findings::COMPONENTS_MAX`; images have at most some hundred layers"
)]

use std::collections::BTreeSet;

use component::{
    Component, ComponentIndex, Edge, Inventory, Layer, Location, Node, PackageType, Relation, Subject, Unknown,
};
use hashbrown::{HashMap, HashSet};

use crate::cataloger::{Declared, Room};
use crate::ecosystems::manifests;
use crate::view::{Paths, Tree, View};
use crate::{Findings, LayerRecord, Matcher, early, links};

mod declared;

use declared::{Named, unanswered};

/// Which layers an inventory is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LayerScope {
    /// What a container sees: the layers merged.
    #[default]
    Squashed,
    /// What any layer holds, also what an upper one deletes or replaces.
    AllLayers,
}

/// What an inventory is made of.
pub struct Source<'a> {
    /// What it is.
    pub subject: Subject,
    /// The layers as the manifest and configuration describe them, lowest first; empty for a directory or file.
    pub layers: Vec<Layer>,
    /// What was read of each; of a directory, the one record.
    pub records: &'a [&'a LayerRecord],
    /// When the source was made.
    pub created: Option<String>,
}

/// The most unknowns of an inventory.
const UNKNOWNS_MAX: usize = 10_000;

/// Makes the inventory of a directory that was read.
///
/// `place` is its absolute path on this machine, without links: in a folder of installed packages, whatever it is called by, manifests are not a project's.
pub fn inventory_of_directory(
    name: String,
    place: &str,
    record: &LayerRecord,
    matcher: &Matcher,
    scope: LayerScope,
) -> Inventory {
    let subject = Subject::Directory { name };
    let source = Source { subject, layers: Vec::new(), records: &[record], created: None };
    fold(source, place, matcher, scope, Findings::COMPONENTS_MAX, early::FILES_MIN)
}

/// Makes the inventory of layers that were read, with the catalogers of the matcher that they were read with.
///
/// A pure fold: the same layers give an equal inventory, whether they were read now or come from a cache.
pub fn inventory(source: Source<'_>, matcher: &Matcher, scope: LayerScope) -> Inventory {
    inventory_within(source, matcher, scope, Findings::COMPONENTS_MAX)
}

/// As [`inventory`], with about so many components at most, if those are fewer: a kilobyte of an image may name a hundred, of which each takes a kilobyte.
/// What goes beyond is among the unknowns.
pub fn inventory_within(source: Source<'_>, matcher: &Matcher, scope: LayerScope, components_max: usize) -> Inventory {
    fold(source, "", matcher, scope, components_max, early::FILES_MIN)
}

/// As [`inventory_within`]; from so many files on, catalogers share the work with another thread.
fn fold(
    source: Source<'_>,
    place: &str,
    matcher: &Matcher,
    scope: LayerScope,
    components_max: usize,
    files_shared_min: usize,
) -> Inventory {
    let mut room = Room::new(components_max.min(Findings::COMPONENTS_MAX));
    let is_image = matches!(source.subject, Subject::Image { .. });
    let mut merge = Merge::default();
    let top = source.records.len();
    let heights = match scope {
        LayerScope::Squashed => top..=top,
        LayerScope::AllLayers => top.min(1)..=top,
    };
    let mut distribution = None;
    for height in heights {
        let records = &source.records[..height];
        let is_bare = |record: &&LayerRecord| record.kept().is_empty() && record.links_below().is_empty();
        let adds_nothing = height < top && records.last().is_some_and(is_bare);
        if adds_nothing {
            continue;
        }
        let paths = Paths::new(records);
        let tree = Tree::new(&paths, place, is_image, matcher);
        let is_shared = tree.len() >= files_shared_min;
        let mut early = if is_shared { early::early(&tree, records, matcher, room) } else { Vec::new() };
        for (index, cataloger) in matcher.catalogers().iter().enumerate() {
            let found = early.get_mut(index).and_then(Option::take).and_then(|early| early.within(room));
            let view = View { tree: &tree, paths: &paths, cataloger: index };
            let (mut findings, taken) = found.unwrap_or_else(|| {
                // What the others found early would take room beside it.
                early.clear();
                early::run(cataloger, &view, room)
            });
            findings.components.truncate(room.components);
            let before = merge.components.len();
            let declared = findings.declared_components();
            merge.add(findings);
            // What is found again takes no room again.
            let components = room.components.saturating_sub(merge.components.len() - before + declared);
            room = Room { components, ..room.without(taken) };
        }
        merge.unknowns.extend(links::unread(&tree, &paths, is_image));
        merge.unknowns.extend(tree.unkept().iter().cloned());
        distribution = tree.into_distribution();
    }
    for (index, record) in source.records.iter().enumerate() {
        for (path, reason) in record.unknowns() {
            let location = Location::new(format!("/{path}"), is_image.then_some(index as u16));
            merge.unknowns.insert(Unknown { location, reason: reason.to_string() });
        }
    }
    if manifests::is_of_packages(place) {
        merge.declared.clear();
    }
    let (components, edges, unknowns) = merge.finish(is_image);
    Inventory {
        subject: source.subject,
        distribution,
        layers: source.layers,
        components,
        edges,
        unknowns,
        created: source.created,
    }
}

/// What makes two findings the same component.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Identity {
    package_type: PackageType,
    name: String,
    version: Option<String>,
    purl: Option<String>,
}

/// Unites the findings of all catalogers.
#[derive(Default)]
struct Merge {
    by_identity: HashMap<Identity, usize>,
    components: Vec<(Identity, Component)>,
    edges: BTreeSet<(Option<usize>, usize, Relation)>,
    unknowns: BTreeSet<Unknown>,
    unidentified: BTreeSet<Unknown>,
    unless_owned: BTreeSet<Component>,
    declared: BTreeSet<Declared>,
}

impl Merge {
    fn add(&mut self, findings: Findings) {
        let places: Vec<usize> = findings.components.into_iter().map(|component| self.component(component)).collect();
        for (from, to, relation) in findings.edges {
            let (from, to) = (places[from as usize], places[to as usize]);
            if from != to {
                self.edges.insert((Some(from), to, relation));
            }
        }
        for (to, scope) in findings.direct {
            self.edges.insert((None, places[to as usize], Relation::DependsOn(scope)));
        }
        self.unknowns.extend(findings.unknowns);
        self.unidentified.extend(findings.unidentified);
        self.unless_owned.extend(findings.unless_owned);
        self.declared.extend(findings.declared);
    }

    fn component(&mut self, component: Component) -> usize {
        let identity = Identity {
            package_type: component.package_type,
            name: component.name.clone(),
            version: component.version.clone(),
            purl: component.purl.as_ref().map(ToString::to_string),
        };
        if let Some(at) = self.by_identity.get(&identity) {
            unite(&mut self.components[*at].1, component);
            return *at;
        }
        let at = self.components.len();
        self.by_identity.insert(identity.clone(), at);
        self.components.push((identity, component));
        at
    }

    /// Sorts everything, so that the order of work does not show.
    fn finish(mut self, is_image: bool) -> (Vec<Component>, Vec<Edge>, Vec<Unknown>) {
        self.settle_provisional();
        self.settle_declared(is_image);
        self.add_ownership();
        let mut order: Vec<usize> = (0..self.components.len()).collect();
        order.sort_by(|left, right| self.components[*left].0.cmp(&self.components[*right].0));
        let mut place = vec![0; order.len()];
        for (index, at) in order.iter().enumerate() {
            place[*at] = index as u32;
        }
        let mut components: Vec<Option<Component>> =
            self.components.into_iter().map(|(_, component)| Some(component)).collect();
        let sorted = order.iter().map(|at| {
            let mut component = components[*at].take().expect("each place is taken once");
            tidy(&mut component);
            component
        });
        let sorted: Vec<Component> = sorted.collect();
        let node = |at: Option<usize>| at.map_or(Node::Root, |at| Node::Component(ComponentIndex(place[at])));
        let strongest = strongest_edges(&self.edges);
        let mut edges: Vec<Edge> = strongest
            .into_iter()
            .map(|(from, to, relation)| Edge { from: node(from), to: ComponentIndex(place[to]), relation })
            .collect();
        edges.sort();
        (sorted, edges, self.unknowns.into_iter().take(UNKNOWNS_MAX).collect())
    }

    /// Takes in what counts only if nothing better is known of its file.
    fn settle_provisional(&mut self) {
        let components = std::mem::take(&mut self.unless_owned);
        let unidentified = std::mem::take(&mut self.unidentified);
        let evidence = components.iter().flat_map(|component| &component.locations);
        let evidence = evidence.chain(unidentified.iter().map(|unknown| &unknown.location));
        let paths: HashSet<String> = evidence.map(|location| merged_usr(&location.path).to_owned()).collect();
        let wanted = |path: &&str| paths.contains(*path);

        // Images without programs of unknown origin have nothing to settle, and hundreds of thousands of files.
        let listing = if paths.is_empty() { &[][..] } else { self.components.as_slice() };
        let files = listing.iter().flat_map(|(_, component)| &component.files);
        let mut known: HashSet<String> =
            files.map(|file| merged_usr(&file.path)).filter(wanted).map(str::to_owned).collect();
        for component in components {
            if !component.locations.iter().any(|location| known.contains(merged_usr(&location.path))) {
                self.component(component);
            }
        }
        let locations = self.components.iter().flat_map(|(_, component)| &component.locations);
        known.extend(locations.map(|location| merged_usr(&location.path)).filter(wanted).map(str::to_owned));
        let unnamed = unidentified.into_iter().filter(|unknown| !known.contains(merged_usr(&unknown.location.path)));
        self.unknowns.extend(unnamed);
    }

    /// Tells what manifests ask for that nothing names. In a source tree that is a component all the same, by what is asked for, if it is not listed yet.
    fn settle_declared(&mut self, is_image: bool) {
        let declared = std::mem::take(&mut self.declared);
        let declared = unanswered(declared, &self.components.iter().map(|(_, component)| component), is_image);
        let manifests = declared.iter().map(|declared| merged_usr(&declared.location.path).to_owned());
        let manifests: HashSet<String> = manifests.collect();
        let listing = if manifests.is_empty() { &[][..] } else { self.components.as_slice() };
        let mut package_files: HashSet<String> = HashSet::new();
        let mut projects: HashMap<(PackageType, String), usize> = HashMap::new();
        for (at, (_, component)) in listing.iter().enumerate() {
            let files =
                component.files.iter().map(|file| merged_usr(&file.path)).filter(|path| manifests.contains(*path));
            package_files.extend(files.map(str::to_owned));
            for location in component.locations.iter().filter(|location| manifests.contains(merged_usr(&location.path)))
            {
                projects.insert((component.package_type, location.path.clone()), at);
            }
        }
        let is_project: HashSet<usize> = projects.values().copied().collect();
        let needs = self.edges.iter().filter_map(|(from, to, relation)| {
            let from = from.filter(|from| is_project.contains(from) && matches!(relation, Relation::DependsOn(_)))?;
            Some((from, Named::of(&self.components[*to].1)?))
        });
        // A lockfile above that knows the project says itself what became of its needs, whatever was asked for.
        let needs: HashSet<(usize, Named)> = needs.collect();
        let is_joined = |component: &Component, location: &Location| {
            let project = projects.get(&(component.package_type, location.path.clone()));
            project.copied().zip(Named::of(component)).is_some_and(|need| needs.contains(&need))
        };
        for Declared { location, mut components, is_listed } in declared {
            components.retain(|component| is_listed || !is_joined(component, &location));
            if components.is_empty() || package_files.contains(merged_usr(&location.path)) {
                continue;
            }
            let reason = manifests::undecided(&components.iter().collect::<Vec<_>>(), is_image);
            for component in components.into_iter().filter(|_| !is_image && !is_listed) {
                let project = projects.get(&(component.package_type, location.path.clone())).copied();
                let relation = Relation::DependsOn(component.scope);
                let to = self.component(component);
                self.edges.insert((project, to, relation));
            }
            self.unknowns.insert(Unknown { location, reason });
        }
    }

    /// Joins each package of the operating system, and of conda, to the language packages whose evidence is among its files.
    fn add_ownership(&mut self) {
        let is_system = |component: &Component| {
            matches!(component.package_type, PackageType::Deb | PackageType::Apk | PackageType::Rpm)
        };
        let mut owners: HashMap<&str, Vec<usize>> = HashMap::new();
        let evidence: HashMap<&str, Vec<usize>> = {
            let mut evidence: HashMap<&str, Vec<usize>> = HashMap::new();
            for (at, (_, component)) in
                self.components.iter().enumerate().filter(|(_, (_, component))| !is_system(component))
            {
                for location in &component.locations {
                    evidence.entry(&location.path).or_default().push(at);
                }
            }
            evidence
        };
        let is_owner = |component: &Component| is_system(component) || component.package_type == PackageType::Conda;
        for (at, (_, component)) in self.components.iter().enumerate().filter(|(_, (_, component))| is_owner(component))
        {
            for file in component.files.iter().filter(|file| evidence.contains_key(&*file.path)) {
                owners.entry(&file.path).or_default().push(at);
            }
        }
        let mut owned = Vec::new();
        for (path, at) in &evidence {
            for owner in owners.get(path).into_iter().flatten() {
                owned.extend(at.iter().map(|at| (Some(*owner), *at, Relation::Owns)));
            }
        }
        self.edges.extend(owned);
    }
}

/// Returns a path as it is without `/usr` where distributions made links of what was beside it: packages list files by either.
fn merged_usr(path: &str) -> &str {
    let places = ["/bin/", "/sbin/", "/lib/", "/lib32/", "/lib64/", "/libx32/"];
    let rest = path.strip_prefix("/usr").filter(|rest| places.iter().any(|place| rest.starts_with(place)));
    rest.unwrap_or(path)
}

/// Of several needs between the same two, the strongest.
fn strongest_edges(edges: &BTreeSet<(Option<usize>, usize, Relation)>) -> Vec<(Option<usize>, usize, Relation)> {
    let mut kept: Vec<(Option<usize>, usize, Relation)> = Vec::with_capacity(edges.len());
    for edge in edges {
        let repeats = kept.last().is_some_and(|last| {
            (last.0, last.1) == (edge.0, edge.1)
                && matches!((last.2, edge.2), (Relation::DependsOn(_), Relation::DependsOn(_)))
        });
        if !repeats {
            kept.push(*edge);
        }
    }
    kept
}

fn unite(into: &mut Component, other: Component) {
    into.cpes.extend(other.cpes);
    into.licenses.extend(other.licenses);
    into.hashes.extend(other.hashes);
    into.files.extend(other.files);
    into.locations.extend(other.locations);
    into.scope = into.scope.min(other.scope);
    into.direct = match (into.direct, other.direct) {
        (Some(left), Some(right)) => Some(left || right),
        (known, None) | (None, known) => known,
    };
    into.code = match (into.code, other.code) {
        (component::Code::Present, _) | (_, component::Code::Present) => component::Code::Present,
        (component::Code::Absent, component::Code::Absent) => component::Code::Absent,
        // What the list of one place leaves out says nothing of another place.
        _ => component::Code::Unknown,
    };
    if (other.technique, &other.found_by) < (into.technique, &into.found_by) {
        into.technique = other.technique;
        into.found_by = other.found_by;
    }
    into.confidence_percent = into.confidence_percent.max(other.confidence_percent);
    keep_least(&mut into.supplier, other.supplier);
    keep_least(&mut into.architecture, other.architecture);
    keep_least(&mut into.source, other.source);
    keep_least(&mut into.module, other.module);
    for (name, value) in other.properties {
        let place = into.properties.entry(name).or_insert_with(|| value.clone());
        if value < *place {
            *place = value;
        }
    }
}

/// Of two different values the lesser, so that the order of findings does not show.
fn keep_least<T: Ord>(into: &mut Option<T>, other: Option<T>) {
    let least = match (into.take(), other) {
        (Some(left), Some(right)) => Some(left.min(right)),
        (known, None) | (None, known) => known,
    };
    *into = least;
}

fn tidy(component: &mut Component) {
    order(&mut component.cpes);
    order(&mut component.licenses);
    order(&mut component.hashes);
    order(&mut component.files);
    order(&mut component.locations);
}

/// Sorts a list and removes what is in it twice. Most are in order, and a package may list a hundred thousand files.
fn order<T: Ord>(list: &mut Vec<T>) {
    if !list.is_sorted_by(|left, right| left < right) {
        list.sort();
        list.dedup();
    }
}

#[cfg(test)]
mod tests {
    use component::{OwnedFile, Technique};

    use std::fmt::Write as _;

    use super::*;

    fn component(name: &str, at: &str) -> Component {
        let mut component = Component::new(PackageType::Rpm, name, "test", Technique::PackageDatabase);
        component.locations.push(Location::new(at, None));
        component
    }

    /// Returns the names of the components and the paths of the unknowns.
    fn settled(findings: Findings) -> (Vec<String>, Vec<String>) {
        let mut merge = Merge::default();
        merge.add(findings);
        let (components, _, unknowns) = merge.finish(true);
        let paths = unknowns.into_iter().map(|unknown| unknown.location.path);
        (components.into_iter().map(|component| component.name).collect(), paths.collect())
    }

    #[test]
    fn unknowns_end_at_the_limit() {
        for (written, kept) in [(UNKNOWNS_MAX - 1, 9_999), (UNKNOWNS_MAX, 10_000), (UNKNOWNS_MAX + 1, 10_000)] {
            let mut findings = Findings::default();
            (0..written).for_each(|index| findings.unknown(Location::new(format!("/{index}"), None), "x"));
            assert_eq!(settled(findings).1.len(), kept, "{written}");
        }
    }

    #[test]
    fn code_that_one_place_has_not_may_be_at_another() {
        use component::Code::{Absent, Present, Unknown};
        for (left, right, expected) in [
            (Absent, Absent, Absent),
            (Absent, Unknown, Unknown),
            (Absent, Present, Present),
            (Unknown, Unknown, Unknown),
            (Unknown, Present, Present),
            (Present, Present, Present),
        ] {
            for (first, second) in [(left, right), (right, left)] {
                let mut findings = Findings::default();
                for (at, code) in [("/a", first), ("/b", second)] {
                    findings.add(Component { code, ..component("library", at) });
                }
                let mut merge = Merge::default();
                merge.add(findings);
                let (components, ..) = merge.finish(true);
                assert_eq!((components.len(), components[0].code), (1, expected), "{first:?} {second:?}");
            }
        }
    }

    #[test]
    fn what_is_provisional_counts_where_nothing_better_is_known() {
        let mut findings = Findings::default();
        let mut package = component("coreutils", "/var/lib/rpm/rpmdb.sqlite");
        // As the package lists it, whereas the file is found behind the link that `/bin` is.
        package.files.push(OwnedFile { path: "/bin/ls".into(), hash: None });
        package.files.push(OwnedFile { path: "/opt/bin/tool".into(), hash: None });
        findings.add(package);
        findings.add(component("program", "/opt/program"));
        for at in ["/usr/bin/ls", "/opt/bin/tool", "/opt/other"] {
            findings.add_unless_owned(component(&format!("note of {at}"), at));
        }
        for at in ["/usr/bin/ls", "/opt/program", "/opt/other", "/opt/unknown", "/usr/opt/bin/tool"] {
            findings.unidentified(Location::new(at, None), "nothing names it");
        }
        let (names, unknown) = settled(findings);
        assert_eq!(names, ["coreutils", "note of /opt/other", "program"]);
        assert_eq!(unknown, ["/opt/unknown", "/usr/opt/bin/tool"]);
    }

    /// Files, what they are in, the edges, and what is unknown.
    type Case<'a> = (&'a [(&'a str, &'a str)], Subject, &'a [&'a str], Option<String>);

    /// Returns the components with their edges from whom, and the reasons of the unknowns.
    fn asked_for(files: &[(&str, &str)], subject: Subject) -> (Vec<String>, Vec<String>) {
        let matcher = Matcher::new(crate::catalogers().iter().collect());
        let allowance = crate::Allowance::new(|| unreachable!("all fits into memory"));
        let mut builder = crate::LayerBuilder::new(&matcher, &allowance);
        for (path, text) in files {
            builder.add_file(path, 0o644, text.len() as u64, &mut text.as_bytes()).expect("the files make a layer");
        }
        let record = builder.finish();
        let found = match subject {
            // Those of these tests are called by where they are.
            Subject::Directory { name } => {
                inventory_of_directory(name.clone(), &name, &record, &matcher, LayerScope::Squashed)
            }
            subject => {
                let source = Source { subject, layers: Vec::new(), records: &[&record], created: None };
                inventory(source, &matcher, LayerScope::Squashed)
            }
        };
        let name = |component: &Component| match &component.version {
            Some(version) => format!("{}@{version}", component.name),
            None => component.name.clone(),
        };
        let edge = |edge: &Edge| {
            let to = name(&found.components[edge.to.0 as usize]);
            match edge.from {
                Node::Root => to,
                Node::Component(from) => format!("{} -> {to}", name(&found.components[from.0 as usize])),
            }
        };
        (found.edges.iter().map(edge).collect(), found.unknowns.iter().map(|unknown| unknown.reason.clone()).collect())
    }

    #[track_caller]
    fn check_asked_for(cases: &[Case<'_>]) {
        let mut wrong = String::new();
        for (files, subject, edges, unknown) in cases {
            let found = asked_for(files, subject.clone());
            let expected = (edges.iter().map(|edge| (*edge).to_owned()).collect(), unknown.iter().cloned().collect());
            if found != expected {
                let paths: Vec<&str> = files.iter().map(|(path, _)| *path).collect();
                let _infallible = writeln!(wrong, "{paths:?} in {subject:?}: {found:?} instead of {expected:?}");
            }
        }
        assert!(wrong.is_empty(), "{wrong}");
    }

    #[test]
    fn what_is_asked_for_counts_where_nothing_names_it() {
        let asked = r#"{"name": "app", "version": "1.0.0", "dependencies": {"x": "1.0.0", "Y": "^2"}, "devDependencies": {"z": "3"}}"#;
        let lock = r#"{"lockfileVersion": 3, "packages": {"": {"dependencies": {"x": "1"}}, "node_modules/x": {"version": "1.2.0"}}}"#;
        let installed = |name: &str| format!(r#"{{"name": "{name}", "version": "2.0.0"}}"#);
        let (y, z) = (installed("Y"), installed("z"));
        let manifest = ("app/package.json", asked);
        let listed = ("var/lib/dpkg/info/app.list", "/app/package.json\n");
        let package =
            ("var/lib/dpkg/status", "Package: app\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n");
        let has_y = ("app/node_modules/Y/package.json", y.as_str());
        let has_z = ("node_modules/z/package.json", z.as_str());
        let has_x = ("app/package-lock.json", lock);
        let (other, far) = (("other/package-lock.json", lock), ("lib/node_modules/z/package.json", z.as_str()));
        let above = ("package-lock.json", lock);
        let workspace = (
            "package-lock.json",
            r#"{"lockfileVersion": 3, "packages": {"": {"workspaces": ["b"]}, "node_modules/b": {"resolved": "b", "link": true},
                "b": {"name": "b", "version": "1.0.0", "dependencies": {"x": "1.0.0"}}, "node_modules/x": {"version": "1.2.0"}}}"#,
        );
        let member = ("b/package.json", r#"{"name": "b", "version": "1.0.0", "dependencies": {"x": "1.0.0"}}"#);
        let named_by_address = ("app/package.json", r#"{"dependencies": {"tar": "https://example.org/ms-2.1.1.tgz"}}"#);
        let locked_by_address = (
            "app/package-lock.json",
            r#"{"lockfileVersion": 3, "packages": {"": {"dependencies": {"tar": "https://example.org/ms-2.1.1.tgz"}}, "node_modules/tar": {"name": "ms", "version": "2.1.1"}}}"#,
        );
        let build = ("a/build.gradle", "dependencies {\n    implementation 'g:h:1'\n}\n");
        let (build_lock, other_build_lock) =
            (("a/gradle.lockfile", "g:h:2=runtimeClasspath\n"), ("b/gradle.lockfile", "g:h:2=runtimeClasspath\n"));
        let project = ("a/pyproject.toml", "[project]\nname = \"a\"\ndependencies = [\"p==1\"]\n");
        let metadata = "Metadata-Version: 2.1\nName: p\nVersion: 2\n";
        let shared_python = ("usr/lib/python3/dist-packages/p-2.dist-info/METADATA", metadata);
        let own_python = ("a/env/lib/python3.13/site-packages/p-2.dist-info/METADATA", metadata);
        let other_python = ("b/env/lib/python3.13/site-packages/p-2.dist-info/METADATA", metadata);
        let directory = || Subject::Directory { name: "test".to_owned() };
        let image = || Subject::Image { name: "test".to_owned(), digest: String::new(), platform: None };
        let tree = ": nothing here says which versions these get and what they need in turn";
        let needs = ": nothing here says what these need in turn";
        let mixed = ": nothing here says which versions these get and what they and 1 more need in turn";
        let in_image = ": nothing that is installed here says what became of it";
        let cases: &[Case<'_>] = &[
            (
                &[manifest],
                directory(),
                &["app@1.0.0", "app@1.0.0 -> Y", "app@1.0.0 -> x@1.0.0", "app@1.0.0 -> z"],
                Some(format!("asks for Y and z{mixed}")),
            ),
            (&[manifest], image(), &["app@1.0.0"], Some(format!("asks for Y and x{in_image}"))),
            (&[manifest, has_x, has_y], image(), &["app@1.0.0", "app@1.0.0 -> Y@2.0.0", "app@1.0.0 -> x@1.2.0"], None),
            (
                &[manifest, has_x, has_y],
                directory(),
                &["app@1.0.0", "app@1.0.0 -> Y@2.0.0", "app@1.0.0 -> x@1.2.0", "app@1.0.0 -> z"],
                Some(format!("asks for z{tree}")),
            ),
            (
                &[manifest, has_x, has_y, has_z],
                directory(),
                &["app@1.0.0", "app@1.0.0 -> Y@2.0.0", "app@1.0.0 -> x@1.2.0", "app@1.0.0 -> z@2.0.0"],
                None,
            ),
            (&[manifest, package, listed], directory(), &["app@1.0.0", "app@1 -> app@1.0.0"], None),
            // What others have is no answer.
            (
                &[manifest, other, far, has_y],
                directory(),
                &["app@1.0.0", "x@1.2.0", "app@1.0.0 -> Y@2.0.0", "app@1.0.0 -> x@1.0.0", "app@1.0.0 -> z"],
                Some(format!("asks for z{mixed}")),
            ),
            (
                &[manifest, other, far, has_y],
                image(),
                &["app@1.0.0", "x@1.2.0", "app@1.0.0 -> Y@2.0.0"],
                Some(format!("asks for x{in_image}")),
            ),
            // Nor is a lockfile above that says something else.
            (
                &[manifest, above, has_y, has_z],
                directory(),
                &["app@1.0.0", "x@1.2.0", "app@1.0.0 -> Y@2.0.0", "app@1.0.0 -> x@1.0.0", "app@1.0.0 -> z@2.0.0"],
                Some(format!("asks for x 1.0.0{needs}")),
            ),
            // But one that lists the project, with what it was made to get.
            (&[workspace, member], directory(), &["b@1.0.0", "b@1.0.0 -> x@1.2.0"], None),
            (&[named_by_address, locked_by_address], directory(), &["ms@2.1.1"], None),
            (&[named_by_address], directory(), &["tar"], Some(format!("asks for tar{tree}"))),
            (&[build, other_build_lock], directory(), &["h@1"], Some(format!("asks for h 1{needs}"))),
            (&[build, build_lock], directory(), &[], None),
            (&[project, shared_python], directory(), &[], None),
            (&[project, own_python], directory(), &[], None),
            (&[project, other_python], directory(), &["p@1"], Some(format!("asks for p 1{needs}"))),
            (&[project, other_python], image(), &[], None),
            (&[("x/package.json", asked)], Subject::Directory { name: "/usr/lib/node_modules/".to_owned() }, &[], None),
        ];
        check_asked_for(cases);
    }

    #[test]
    fn what_nuget_resolved_answers_for_the_project_beside_it() {
        let net = r#"<Project><ItemGroup><PackageReference Include="N" Version="1.0.0"/></ItemGroup></Project>"#;
        let resolved = r#"{"targets": {"net8.0": {"N/1.0.0": {"type": "package"}}}, "project": {"frameworks": {"net8.0": {"dependencies": {"N": {}}}}}}"#;
        let directory = || Subject::Directory { name: "test".to_owned() };
        let told = "asks for N 1.0.0: nothing here says what these need in turn".to_owned();
        check_asked_for(&[
            (&[("n/n.csproj", net), ("n/obj/project.assets.json", resolved)], directory(), &["N@1.0.0"], None),
            (&[("n/n.csproj", net), ("m/obj/project.assets.json", resolved)], directory(), &["N@1.0.0"], Some(told)),
        ]);
    }

    #[test]
    fn what_a_cataloger_lists_itself_is_told_with_what_it_needs() {
        let project = ("a/pyproject.toml", "[project]\nname = \"a\"\ndependencies = [\"p==1\"]\n");
        let metadata = "Metadata-Version: 2.1\nName: p\nVersion: 2\n";
        let own_python = ("a/env/lib/python3.13/site-packages/p-2.dist-info/METADATA", metadata);
        let other_python = ("b/env/lib/python3.13/site-packages/p-2.dist-info/METADATA", metadata);
        let directory = || Subject::Directory { name: "test".to_owned() };
        let image = || Subject::Image { name: "test".to_owned(), digest: String::new(), platform: None };
        let needs = ": nothing here says what these need in turn";
        let mixed = ": nothing here says which versions these get and what they and 1 more need in turn";
        let in_image = ": nothing that is installed here says what became of it";
        let cases: &[Case<'_>] = &[
            (&[("a/requirements.txt", "p==1\nq\n")], directory(), &["p@1", "q"], Some(format!("asks for q{mixed}"))),
            (&[("a/requirements.txt", "p==1\n"), own_python], directory(), &["p@1"], None),
            (
                &[("a/requirements.txt", "p==1\n"), other_python],
                directory(),
                &["p@1"],
                Some(format!("asks for p 1{needs}")),
            ),
            (&[("a/requirements.txt", "p==1\n"), project], directory(), &["p@1"], Some(format!("asks for p 1{needs}"))),
            (&[("a/requirements.txt", "p==1\n")], image(), &["p@1"], Some(format!("asks for p{in_image}"))),
            (&[("a/requirements.txt", "p==1\nq==2 # via p\n")], directory(), &["p@1 -> q@2"], None),
        ];
        check_asked_for(cases);
    }

    #[test]
    fn a_package_of_conda_owns_what_it_installed() {
        let site = "opt/conda/lib/python3.12/site-packages/numpy-1.26.4.dist-info";
        let record = r#"{"name": "numpy", "version": "1.26.4", "depends": ["python >=3.12"], "files": ["lib/python3.12/site-packages/numpy-1.26.4.dist-info/METADATA", "bin/f2py"]}"#;
        let metadata = format!("{site}/METADATA");
        let files = [
            ("opt/conda/conda-meta/numpy-1.26.4-py312.json", record),
            ("opt/conda/conda-meta/python-3.12.0-0.json", r#"{"name": "python", "version": "3.12.0"}"#),
            (metadata.as_str(), "Metadata-Version: 2.1\nName: numpy\nVersion: 1.26.4\n"),
        ];
        let (edges, unknowns) = asked_for(&files, Subject::Directory { name: "test".to_owned() });
        // The package of conda, and the distribution.
        assert_eq!(edges, ["numpy@1.26.4 -> numpy@1.26.4", "numpy@1.26.4 -> python@3.12.0"]);
        assert!(unknowns.is_empty(), "{unknowns:?}");
    }

    #[test]
    fn catalogers_that_share_the_work_find_the_same_within_any_room() {
        let status = |name: &str| {
            format!(
                "Package: {name}\nStatus: install ok installed\nVersion: 1\nDepends: a, b, c\nArchitecture: all\n\n"
            )
        };
        let lock = r#"{"name": "app", "version": "1.0.0", "lockfileVersion": 3, "packages": {
            "": {"name": "app", "version": "1.0.0", "dependencies": {"x": "1", "y": "1"}},
            "node_modules/x": {"version": "1.0.0", "dependencies": {"y": "1"}}, "node_modules/y": {"version": "1.0.0"}}}"#;
        let files = [
            ("var/lib/dpkg/status", ["a", "b", "c"].map(status).concat()),
            ("var/lib/dpkg/info/a.list", "/opt\n/opt/a\n/opt/app/package-lock.json\n".to_owned()),
            (
                "var/lib/dpkg/info/b.list",
                (0..64).map(|number| format!("/opt/b{number}")).collect::<Vec<_>>().join("\n"),
            ),
            ("var/lib/dpkg/info/c.list", "/opt/c\n".to_owned()),
            ("opt/app/package-lock.json", lock.to_owned()),
            ("opt/app/requirements.txt", "p==1\nq==2\nr==3\ns==4\n".to_owned()),
            (
                "opt/app/Gemfile.lock",
                "GEM\n  remote: https://rubygems.org/\n  specs:\n    g (1)\n      h\n    h (2)\n".to_owned(),
            ),
            ("opt/app/Cargo.toml", "[dependencies]\nd = \"1\"\ne = \"=1.0.0\"\n".to_owned()),
            ("opt/b3", "#!/bin/sh\n".to_owned()),
        ];
        let matcher = Matcher::new(crate::catalogers().iter().collect());
        let allowance = crate::Allowance::new(|| unreachable!("all fits into memory"));
        let mut builder = crate::LayerBuilder::new(&matcher, &allowance);
        for (path, text) in &files {
            builder.add_file(path, 0o644, text.len() as u64, &mut text.as_bytes()).expect("the files make a layer");
        }
        let record = builder.finish();
        let inventory = |components_max: usize, files_shared_min: usize| {
            let source = Source {
                subject: Subject::Directory { name: "test".to_owned() },
                layers: Vec::new(),
                records: &[&record],
                created: None,
            };
            fold(source, "", &matcher, LayerScope::Squashed, components_max, files_shared_min)
        };
        let all = inventory(usize::MAX, usize::MAX);
        assert_eq!(all.components.len(), 14);
        for components_max in (0..2 * all.components.len() + 2).chain([usize::MAX]) {
            assert_eq!(inventory(components_max, 0), inventory(components_max, usize::MAX), "{components_max}");
        }
    }
}
