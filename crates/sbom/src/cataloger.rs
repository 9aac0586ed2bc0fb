#![expect(clippy::cast_possible_truncation, reason = "components are below `COMPONENTS_MAX`")]

use std::fmt;

use component::{Component, Location, PackageType, Relation, Scope, Unknown};

use crate::{Content, View};

/// One cataloger: what it claims, and the pure function that turns what it claimed into components.
///
/// A cataloger is one file in `catalogers/` that ends in `pub(crate) const CATALOGER: Cataloger`; the list of all is made from the folder.
#[derive(Debug)]
pub struct Cataloger {
    /// The name, as `--select` takes it: `dpkg`, `npm-lock`.
    pub name: &'static str,
    /// What it finds, in one line.
    pub summary: &'static str,
    /// Whether its evidence says what is there or what is wanted.
    pub evidence: Evidence,
    /// The files it wants; [`View::files`] takes the index of one.
    pub claims: &'static [Claim],
    /// What a reader of the generated table learns about it.
    pub abilities: Abilities,
    /// Reads the visible files and reports what it finds. Never panics; what it cannot read it reports as unknown.
    pub catalog: fn(&View<'_>, &mut Findings),
}

/// What a cataloger's evidence says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Evidence {
    /// What is installed.
    Installed,
    /// What is declared or locked, whether or not it is installed: components say by their technique which of the two they are.
    Declared,
}

/// What a cataloger yields, for the table in the documentation.
#[derive(Debug, Clone, Copy)]
pub struct Abilities {
    /// The kinds of packages.
    pub packages: &'static [PackageType],
    /// Their versions.
    pub versions: Versions,
    /// The dependency edges.
    pub edges: Edges,
    /// Licences.
    pub licenses: bool,
    /// The files of each package.
    pub files: bool,
    /// Digests of packages or of their files.
    pub hashes: bool,
}

/// Which versions the evidence holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versions {
    /// That of what is there. What came from a repository or an address has that instead, where it has no version.
    Exact,
    /// What was written down, if anything was: a range or a property that nobody resolved is none.
    Stated,
}

/// How much of the dependency graph the evidence holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edges {
    /// All of it.
    Complete,
    /// Only which components the root holds.
    Flat,
    /// Nothing.
    None,
}

/// Files that a cataloger wants, and what is kept of them.
#[derive(Debug)]
pub struct Claim {
    /// Which files.
    pub pattern: Pattern,
    /// What is kept: the bytes, or what an extractor takes out of them.
    pub keep: Keep,
}

/// Which files a claim is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// Files whose path without the leading slash matches: `**/lib/dpkg/status`. `*` stays within a path component, `**/` crosses them.
    Path(&'static str),
    /// ELF, PE and Mach-O files, by their first bytes.
    Executable,
}

/// What is kept of a claimed file.
#[derive(Debug, Clone, Copy)]
pub enum Keep {
    /// All bytes, if there are at most this many; a larger file is reported as unknown.
    Bytes {
        /// The most bytes.
        limit_bytes: u64,
    },
    /// What the extractor returns.
    Record(&'static Extractor),
}

/// Takes what catalogers need out of a file too large to be kept.
pub struct Extractor {
    /// The name: `executable`, `java-archive`, `rpm-database`.
    pub name: &'static str,
    /// Raised with each change of what it returns, so that cached records of an older one are made anew.
    pub version: u32,
    /// The largest file it reads; a larger one is reported as unknown.
    pub limit_bytes: u64,
    /// Returns the record (serialised by the extractor, read by its catalogers), `None` when the file holds nothing of interest,
    /// or why the file was refused.
    pub extract: fn(&Content) -> Result<Option<Vec<u8>>, Refusal>,
}

impl fmt::Debug for Extractor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}@{}", self.name, self.version)
    }
}

/// Why a file was not read, in words that end up in the inventory's unknowns.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

impl Refusal {
    /// Makes a refusal.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// What an inventory still has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) components: usize,
    /// Files that packages list.
    pub(crate) files: usize,
    pub(crate) edges: usize,
}

impl Room {
    /// A few lines of a database may list a thousand files each, and everything may need everything else. Whole distributions have four files and four
    /// edges for each package, workstations a hundred files for each of five thousand.
    const OF_EACH: usize = 16;

    pub(crate) fn new(components: usize) -> Self {
        Self { components, files: Self::OF_EACH * components, edges: Self::OF_EACH * components }
    }

    /// Returns an equal part of it, one of so many.
    pub(crate) fn part(self, parts: usize) -> Self {
        Self { components: self.components / parts, files: self.files / parts, edges: self.edges / parts }
    }

    /// Returns what is left without some of it.
    pub(crate) fn without(self, taken: Self) -> Self {
        Self {
            components: self.components.saturating_sub(taken.components),
            files: self.files.saturating_sub(taken.files),
            edges: self.edges.saturating_sub(taken.edges),
        }
    }
}

/// What a cataloger reports.
#[derive(Debug)]
pub struct Findings {
    /// The most components; one more stands for all that go beyond, and is taken out in the end.
    pub(crate) components_max: usize,
    files_left: usize,
    edges_max: usize,
    has_too_many_files: bool,
    has_too_many_edges: bool,
    pub(crate) components: Vec<Component>,
    pub(crate) edges: Vec<(u32, u32, Relation)>,
    pub(crate) direct: Vec<(u32, Scope)>,
    pub(crate) unknowns: Vec<Unknown>,
    pub(crate) unidentified: Vec<Unknown>,
    pub(crate) unless_owned: Vec<Component>,
    pub(crate) declared: Vec<Declared>,
    declared_components: usize,
}

/// What a manifest asks for, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Declared {
    pub(crate) location: Location,
    /// What is needed to run or to develop, with the one version that will do where that is stated.
    pub(crate) components: Vec<Component>,
    /// Whether the cataloger lists these components itself, with their edges.
    pub(crate) is_listed: bool,
}

/// What is said where components are left out.
pub(crate) const TOO_MANY: &str = "more components than the limit allows; the rest is left out";

pub(crate) const TOO_MANY_FILES: &str = "more files of packages than the limit allows; the rest is left out";
pub(crate) const TOO_MANY_EDGES: &str = "more dependencies than the limit allows; the edges are not complete";

/// A component that was added to [`Findings`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(u32);

impl Default for Findings {
    fn default() -> Self {
        Self::within(Room::new(Self::COMPONENTS_MAX))
    }
}

impl Findings {
    /// The most components of one inventory, whatever the memory; what goes beyond is reported as one unknown. The largest images in use have 100,000;
    /// each takes two kilobytes.
    pub const COMPONENTS_MAX: usize = 250_000;

    /// The most unknowns of one cataloger, the first ones; more say nothing that these do not.
    pub(crate) const UNKNOWNS_MAX: usize = 10_000;

    /// Takes as much as there is room for.
    pub(crate) fn within(room: Room) -> Self {
        Self {
            components_max: room.components,
            files_left: room.files,
            edges_max: room.edges,
            has_too_many_files: false,
            has_too_many_edges: false,
            components: Vec::new(),
            edges: Vec::new(),
            direct: Vec::new(),
            unknowns: Vec::new(),
            unidentified: Vec::new(),
            unless_owned: Vec::new(),
            declared: Vec::new(),
            declared_components: 0,
        }
    }

    /// Adds a component. Equal components of all catalogers are merged later; their locations, hashes and licences are united.
    pub fn add(&mut self, mut component: Component) -> Handle {
        if self.components.len() >= self.components_max {
            if self.components.len() == self.components_max {
                self.tell(component.locations.first(), TOO_MANY);
                self.components.push(component);
            }
            return Handle(self.components_max as u32);
        }
        if component.files.len() > self.files_left {
            component.files.truncate(self.files_left);
            self.leave_out_files(component.locations.first());
        }
        self.files_left -= component.files.len();
        self.components.push(component);
        Handle(self.components.len() as u32 - 1)
    }

    /// Returns what there is room for beyond what was added; who reads more makes work of what is left out.
    pub(crate) fn room(&self) -> Room {
        Room {
            components: self.components_max.saturating_sub(self.components.len() + self.declared_components),
            files: self.files_left,
            edges: self.edges_max - self.edges.len(),
        }
    }

    /// Returns whether findings that take so much meet no limit of this room, so that they are the same within any that is larger.
    pub(crate) fn is_below(&self, taken: Room, room: Room) -> bool {
        let asides = self.unless_owned.len().max(self.unidentified.len());
        taken.components.max(asides) < room.components && taken.files < room.files && taken.edges < room.edges
    }

    /// Says that files of packages are left out; once is enough.
    pub(crate) fn leave_out_files(&mut self, location: Option<&Location>) {
        if !std::mem::replace(&mut self.has_too_many_files, true) {
            self.tell(location, TOO_MANY_FILES);
        }
    }

    /// Says what a limit leaves out, however much else is told.
    pub(crate) fn tell(&mut self, location: Option<&Location>, reason: &str) {
        let location = location.cloned().unwrap_or_else(|| Location::new("/", None));
        self.unknowns.push(Unknown { location, reason: reason.to_owned() });
    }

    /// Returns an added component for changes.
    pub fn component_mut(&mut self, handle: Handle) -> &mut Component {
        &mut self.components[handle.0 as usize]
    }

    /// Adds the edge `from` depends on `to`.
    pub fn depends_on(&mut self, from: Handle, to: Handle, scope: Scope) {
        self.relate(from, to, Relation::DependsOn(scope));
    }

    /// Adds the edge `outer` contains `inner`.
    pub fn contains(&mut self, outer: Handle, inner: Handle) {
        self.relate(outer, inner, Relation::Contains);
    }

    fn relate(&mut self, from: Handle, to: Handle, relation: Relation) {
        if from == to || !self.is_kept(from) || !self.is_kept(to) {
            return;
        }
        if self.edges.len() < self.edges_max {
            self.edges.push((from.0, to.0, relation));
        } else {
            let location = self.components[from.0 as usize].locations.first().cloned();
            self.leave_out_edges(location.as_ref());
        }
    }

    /// Says that edges are left out; once is enough.
    pub(crate) fn leave_out_edges(&mut self, location: Option<&Location>) {
        if !std::mem::replace(&mut self.has_too_many_edges, true) {
            self.tell(location, TOO_MANY_EDGES);
        }
    }

    /// Says that someone asked for this component itself: the root depends on it.
    pub fn direct(&mut self, to: Handle, scope: Scope) {
        if self.is_kept(to) {
            self.component_mut(to).direct = Some(true);
            self.direct.push((to.0, scope));
        }
    }

    fn is_kept(&self, handle: Handle) -> bool {
        (handle.0 as usize) < self.components_max
    }

    /// Adds a component that counts only if no installed package lists the file that it was found in: such a package is the better evidence
    /// of itself.
    pub fn add_unless_owned(&mut self, component: Component) {
        if self.unless_owned.len() < self.components_max {
            self.unless_owned.push(component);
        }
    }

    /// Declares what a manifest asks for. What no component names, of whatever cataloger, becomes a component of its own in a source tree, and is told as
    /// undecided; a manifest that a package of the operating system lists is its matter.
    pub(crate) fn declare(&mut self, location: Location, mut components: Vec<Component>) {
        let left = self.room().components;
        if components.len() > left {
            components.truncate(left);
            self.tell(Some(&location), TOO_MANY);
        }
        self.declared_components += components.len();
        if !components.is_empty() {
            self.declared.push(Declared { location, components, is_listed: false });
        }
    }

    /// Declares what a manifest asks for and its cataloger adds as components. Where nothing that is locked or installed answers for it, what it needs in
    /// turn is told as undecided.
    pub(crate) fn declare_listed(&mut self, location: Location, mut components: Vec<Component>) {
        // No more than can be added.
        components.truncate(self.components_max);
        if !components.is_empty() {
            self.declared.push(Declared { location, components, is_listed: true });
        }
    }

    /// Returns how many components are declared.
    pub(crate) fn declared_components(&self) -> usize {
        self.declared_components
    }

    /// Reports a file in which nothing names what it is. It ends up among the unknowns if no component lists it or was found in it.
    pub fn unidentified(&mut self, location: Location, reason: impl Into<String>) {
        if self.unidentified.len() < self.components_max {
            self.unidentified.push(Unknown { location, reason: reason.into() });
        }
    }

    /// Reports what was seen and could not be named or read.
    pub fn unknown(&mut self, location: Location, reason: impl Into<String>) {
        if self.unknowns.len() < Self::UNKNOWNS_MAX {
            self.unknowns.push(Unknown { location, reason: reason.into() });
        }
    }
}

#[cfg(test)]
mod tests {
    use component::{OwnedFile, Technique};

    use super::*;

    #[test]
    fn components_end_at_the_limit_and_no_edge_leads_beyond() {
        for (added, kept, unknowns) in [(1, 1, 0), (2, 2, 0), (3, 3, 1), (9, 3, 1)] {
            let mut findings = Findings::within(Room::new(2));
            let component =
                |number: usize| Component::new(PackageType::Npm, format!("p{number}"), "test", Technique::Lockfile);
            let handles: Vec<Handle> = (0..added).map(|number| findings.add(component(number))).collect();
            for pair in handles.windows(2) {
                findings.depends_on(pair[0], pair[1], Scope::Runtime);
                findings.direct(pair[1], Scope::Runtime);
            }
            assert_eq!((findings.components.len(), findings.unknowns.len()), (kept, unknowns), "{added}");
            let edges = added.min(2) - 1;
            assert_eq!((findings.edges.len(), findings.direct.len()), (edges, edges), "{added}");
        }
    }

    fn added(findings: &mut Findings, files: usize) -> Handle {
        let mut component = Component::new(PackageType::Npm, "a", "test", Technique::Lockfile);
        component.files = (0..files).map(|number| OwnedFile { path: number.to_string().into(), hash: None }).collect();
        findings.add(component)
    }

    #[test]
    fn files_and_edges_end_at_their_limits() {
        for (first, second, kept, is_told) in [(4, 5, 9, false), (4, 6, 10, false), (4, 7, 10, true), (11, 1, 10, true)]
        {
            let mut findings = Findings::within(Room { components: 9, files: 10, edges: 0 });
            added(&mut findings, first);
            added(&mut findings, second);
            let files: usize = findings.components.iter().map(|component| component.files.len()).sum();
            assert_eq!((files, findings.unknowns.len()), (kept, usize::from(is_told)), "{first} {second}");
            assert_eq!(findings.room(), Room { components: 7, files: 10 - kept, edges: 0 });
        }
        for (written, kept, told) in [(2, 2, 0), (3, 3, 0), (4, 3, 1), (5, 3, 1)] {
            let mut findings = Findings::within(Room { components: 9, files: 0, edges: 3 });
            let handles: Vec<Handle> = (0..=written).map(|_| added(&mut findings, 0)).collect();
            handles.windows(2).for_each(|pair| findings.contains(pair[0], pair[1]));
            assert_eq!((findings.edges.len(), findings.unknowns.len()), (kept, told), "{written}");
        }
    }

    #[test]
    fn unknowns_end_at_the_limit_but_for_what_a_limit_leaves_out() {
        for (written, kept) in [(9_999, 9_999), (10_000, 10_000), (10_001, 10_000)] {
            let mut findings = Findings::default();
            (0..written).for_each(|_| findings.unknown(Location::new("/", None), "x"));
            assert_eq!(findings.unknowns.len(), kept);
            findings.leave_out_files(None);
            assert_eq!(findings.unknowns.len(), kept + 1);
        }
    }
}
