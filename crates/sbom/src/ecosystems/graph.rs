//! The dependency graph that a lockfile or a folder of installed packages holds, before it is reported.

use component::{Component, Location, Scope};

use crate::{File, Findings, Handle, Refusal};

/// The most edges of one file's graph: what an inventory of the largest size may have is four times that. The largest lockfiles have two hundred
/// thousand.
const EDGES_MAX: usize = 1 << 20;

/// Packages, the projects that want them, and who needs whom for what.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    nodes: Vec<Node>,
    direct: Vec<(NodeId, Scope)>,
    /// How many were added, and with the first too many one more.
    edges: usize,
}

/// A node of a [`Graph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeId(usize);

#[derive(Debug)]
struct Node {
    /// `None` for a project without a name and version of its own.
    component: Option<Component>,
    kind: Kind,
    edges: Vec<(NodeId, Scope)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// What someone works on: it is needed by itself.
    Project,
    /// Its scope follows from who needs it.
    Package,
    /// The evidence states its scope.
    Scoped(Scope),
}

/// The order in which scopes give way: what is needed to run is so whoever else needs it for less.
const SCOPES: [Scope; 3] = [Scope::Runtime, Scope::Optional, Scope::Development];

impl Graph {
    /// Adds a package whose scope follows from the edges to it.
    pub(crate) fn package(&mut self, component: Component) -> NodeId {
        self.push(Some(component), Kind::Package)
    }

    /// Adds a package whose scope the evidence states.
    pub(crate) fn scoped_package(&mut self, component: Component, scope: Scope) -> NodeId {
        self.push(Some(component), Kind::Scoped(scope))
    }

    /// Adds a project. One without a name and version of its own is `None`; what it depends on is then joined to the root.
    pub(crate) fn project(&mut self, component: Option<Component>) -> NodeId {
        self.push(component, Kind::Project)
    }

    fn push(&mut self, component: Option<Component>, kind: Kind) -> NodeId {
        self.nodes.push(Node { component, kind, edges: Vec::new() });
        NodeId(self.nodes.len() - 1)
    }

    /// Adds the edge `from` depends on `to`, up to the limit; what goes beyond is told.
    pub(crate) fn depends_on(&mut self, from: NodeId, to: NodeId, scope: Scope) {
        if from == to || self.edges > EDGES_MAX {
            return;
        }
        self.edges += 1;
        if self.edges <= EDGES_MAX {
            self.nodes[from.0].edges.push((to, scope));
        }
    }

    /// Says that someone asked for this package itself.
    pub(crate) fn direct(&mut self, to: NodeId, scope: Scope) {
        self.direct.push((to, scope));
    }

    /// Returns the component of a node for changes.
    pub(crate) fn component_mut(&mut self, node: NodeId) -> Option<&mut Component> {
        self.nodes[node.0].component.as_mut()
    }

    /// Says where the evidence for all nodes is.
    pub(crate) fn locate(&mut self, location: &Location) {
        for component in self.nodes.iter_mut().filter_map(|node| node.component.as_mut()) {
            component.locations.push(location.clone());
        }
    }

    /// Returns the strongest need that reaches each node: along a path the weakest edge counts, among paths the strongest path.
    fn scopes(&self) -> Vec<Option<Scope>> {
        let mut scopes: Vec<Option<Scope>> = vec![None; self.nodes.len()];
        for need in SCOPES {
            let projects = (0..self.nodes.len()).filter(|index| self.nodes[*index].kind == Kind::Project);
            let direct = self.direct.iter().filter(|(_, scope)| *scope <= need).map(|(node, _)| node.0);
            let mut queue: Vec<usize> = projects.chain(direct).collect();
            let mut seen = vec![false; self.nodes.len()];
            while let Some(index) = queue.pop() {
                if std::mem::replace(&mut seen[index], true) {
                    continue;
                }
                scopes[index].get_or_insert(need);
                queue.extend(self.nodes[index].edges.iter().filter(|(_, scope)| *scope <= need).map(|(to, _)| to.0));
            }
        }
        scopes
    }

    /// Reports the graph. A package that no project reaches keeps the scope that it was added with and says nothing of being direct.
    pub(crate) fn report(self, findings: &mut Findings) -> Reported {
        let scopes = self.scopes();
        let mut is_direct = vec![false; self.nodes.len()];
        for (to, _) in &self.direct {
            is_direct[to.0] = true;
        }
        for node in self.nodes.iter().filter(|node| node.kind == Kind::Project) {
            for (to, _) in &node.edges {
                is_direct[to.0] = true;
            }
        }

        if self.edges > EDGES_MAX {
            let location = self.nodes.iter().find_map(|node| node.component.as_ref()?.locations.first());
            findings.leave_out_edges(location);
        }
        let mut handles: Vec<Option<Handle>> = Vec::with_capacity(self.nodes.len());
        let mut edges = Vec::with_capacity(self.nodes.len());
        for (index, node) in self.nodes.into_iter().enumerate() {
            handles.push(node.component.map(|mut component| {
                component.scope = match node.kind {
                    Kind::Scoped(scope) => scope,
                    Kind::Project | Kind::Package => scopes[index].unwrap_or(component.scope),
                };
                if is_direct[index] {
                    component.direct = Some(true);
                } else if scopes[index].is_some() {
                    component.direct.get_or_insert(false);
                }
                findings.add(component)
            }));
            edges.push((node.kind, node.edges));
        }
        for (index, (kind, edges)) in edges.into_iter().enumerate() {
            if let (Some(handle), Kind::Project) = (handles[index], kind) {
                findings.direct(handle, Scope::Runtime);
            }
            for (to, scope) in edges {
                match (handles[index], handles[to.0]) {
                    (Some(from), Some(to)) => findings.depends_on(from, to, scope),
                    (None, Some(to)) => findings.direct(to, scope),
                    (_, None) => {}
                }
            }
        }
        for (to, scope) in self.direct {
            if let Some(handle) = handles[to.0] {
                findings.direct(handle, scope);
            }
        }
        Reported(handles)
    }
}

/// Reports the graph that each file holds, or why it was not read. What is empty holds none.
pub(crate) fn report_each<'a>(
    files: impl Iterator<Item = File<'a>>,
    findings: &mut Findings,
    read: impl Fn(&[u8]) -> Result<Graph, Refusal>,
) {
    for file in files.filter(|file| !file.bytes().is_empty()) {
        match read(file.bytes()) {
            Ok(mut graph) => {
                graph.locate(&file.location());
                graph.report(findings);
            }
            Err(refusal) => findings.unknown(file.location(), refusal.0),
        }
    }
}

/// The handles of a graph's nodes.
#[derive(Debug)]
pub(crate) struct Reported(Vec<Option<Handle>>);

impl Reported {
    /// Returns the handle of a node; `None` for a project without a name.
    pub(crate) fn handle(&self, node: NodeId) -> Option<Handle> {
        self.0.get(node.0).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use component::{PackageType, Technique};

    use super::*;
    use crate::cataloger::TOO_MANY_EDGES;

    #[test]
    fn edges_end_at_the_limit() {
        for (added, told) in [(EDGES_MAX - 1, 0), (EDGES_MAX, 0), (EDGES_MAX + 1, 1), (EDGES_MAX + 9, 1)] {
            let mut graph = Graph::default();
            let component = |name: &str| Component::new(PackageType::Gem, name, "test", Technique::Lockfile);
            let (from, to) = (graph.package(component("a")), graph.package(component("b")));
            (0..added).for_each(|_| graph.depends_on(from, to, Scope::Runtime));
            assert_eq!(graph.nodes[from.0].edges.len(), added.min(EDGES_MAX), "{added}");
            let mut findings = Findings::default();
            graph.report(&mut findings);
            let is_told = |unknown: &&component::Unknown| unknown.reason == TOO_MANY_EDGES;
            assert_eq!(findings.unknowns.iter().filter(is_told).count(), told, "{added}");
        }
    }
}
