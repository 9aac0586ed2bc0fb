//! Extras of Python distributions: dependencies that are there only where someone asks for them.

use std::collections::{BTreeMap, VecDeque};

use component::Scope;

use crate::ecosystems::graph::{Graph, NodeId};

/// An extra: the normal name of the distribution, and its own.
pub(crate) type Extra = (String, String);

/// A dependency, and when it is there.
#[derive(Debug)]
pub(crate) struct Want {
    /// Who has it; `None` for what is asked for itself.
    pub(crate) from: Option<NodeId>,
    /// What it can mean.
    pub(crate) to: Vec<NodeId>,
    /// The extras that it asks for.
    pub(crate) asked: Vec<Extra>,
    /// The sets of extras that switch it on, one of them in full; none when it is always on.
    pub(crate) when: Vec<Vec<Extra>>,
    /// What it is for when it is on.
    pub(crate) scope: Scope,
}

/// Adds the edges of these dependencies. One that an extra switches on is for what the extra is asked for; one that nobody asks for is optional.
pub(crate) fn connect(graph: &mut Graph, projects: &[NodeId], wants: Vec<Want>) {
    let scopes = Reached::new(&wants).follow(projects);
    for (want, on) in wants.into_iter().zip(scopes) {
        let scope = match on {
            On::Always => want.scope,
            On::For(scope) => scope.max(want.scope),
            On::Never => want.scope.max(Scope::Optional),
        };
        for to in want.to {
            match want.from {
                Some(from) => graph.depends_on(from, to, scope),
                None => graph.direct(to, scope),
            }
        }
    }
}

/// When a dependency is there, seen from who has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum On {
    /// Whenever that is.
    Always,
    /// Only for less than that is there for.
    For(Scope),
    /// Nobody asks for it.
    Never,
}

#[derive(Debug, Clone, Copy)]
enum Item<'a> {
    Node(NodeId),
    Extra(&'a Extra),
}

/// For what each distribution and each extra is needed.
struct Reached<'a> {
    wants: &'a [Want],
    of_node: BTreeMap<NodeId, Vec<usize>>,
    /// The sets that an extra is in, as the dependency and the set.
    of_extra: BTreeMap<&'a Extra, Vec<(usize, usize)>>,
    /// How many extras of each set nobody asked for yet.
    missing: Vec<Vec<usize>>,
    nodes: BTreeMap<NodeId, Scope>,
    on: Vec<Option<Scope>>,
    queues: [VecDeque<Item<'a>>; SCOPES.len()],
}

/// Stronger ones first: what is reached for one is not looked at again for a weaker one.
const SCOPES: [Scope; 3] = [Scope::Runtime, Scope::Optional, Scope::Development];

impl<'a> Reached<'a> {
    fn new(wants: &'a [Want]) -> Self {
        let mut of_node: BTreeMap<NodeId, Vec<usize>> = BTreeMap::new();
        let mut of_extra: BTreeMap<&Extra, Vec<(usize, usize)>> = BTreeMap::new();
        let mut missing = Vec::with_capacity(wants.len());
        for (index, want) in wants.iter().enumerate() {
            if let (Some(from), true) = (want.from, want.when.is_empty()) {
                of_node.entry(from).or_default().push(index);
            }
            for (number, set) in want.when.iter().enumerate() {
                for extra in set {
                    of_extra.entry(extra).or_default().push((index, number));
                }
            }
            missing.push(want.when.iter().map(Vec::len).collect());
        }
        Self {
            wants,
            of_node,
            of_extra,
            missing,
            nodes: BTreeMap::new(),
            on: vec![None; wants.len()],
            queues: Default::default(),
        }
    }

    /// Follows what the projects and the root want, then what nobody was seen to want. Returns for each dependency when it is there.
    fn follow(mut self, projects: &[NodeId]) -> Vec<On> {
        for project in projects {
            self.push(Item::Node(*project), Scope::Runtime);
        }
        for index in (0..self.wants.len()).filter(|index| self.wants[*index].from.is_none()) {
            self.switch_on(index, Scope::Runtime);
        }
        self.drain();
        for want in self.wants {
            for node in want.from.into_iter().filter(|node| !self.nodes.contains_key(node)) {
                self.queues[0].push_back(Item::Node(node));
            }
        }
        self.drain();
        let wants = self.wants.iter().zip(&self.on);
        let when = |(want, on): (&Want, &Option<Scope>)| match (on, want.from.and_then(|from| self.nodes.get(&from))) {
            _ if want.when.is_empty() => On::Always,
            (Some(on), Some(from)) if on <= from => On::Always,
            (Some(on), _) => On::For(*on),
            (None, _) => On::Never,
        };
        wants.map(when).collect()
    }

    fn push(&mut self, item: Item<'a>, scope: Scope) {
        if let Some(place) = SCOPES.iter().position(|known| *known == scope) {
            self.queues[place].push_back(item);
        }
    }

    fn drain(&mut self) {
        while let Some((scope, item)) =
            (0..SCOPES.len()).find_map(|place| Some((SCOPES[place], self.queues[place].pop_front()?)))
        {
            match item {
                Item::Node(node) => {
                    if self.nodes.contains_key(&node) {
                        continue;
                    }
                    self.nodes.insert(node, scope);
                    for index in self.of_node.remove(&node).unwrap_or_default() {
                        self.switch_on(index, scope);
                    }
                }
                Item::Extra(extra) => {
                    // What is taken out was asked for.
                    for (index, set) in self.of_extra.remove(extra).unwrap_or_default() {
                        self.missing[index][set] -= 1;
                        if self.missing[index][set] == 0 {
                            self.switch_on(index, scope);
                        }
                    }
                }
            }
        }
    }

    fn switch_on(&mut self, index: usize, scope: Scope) {
        if self.on[index].is_some() {
            return;
        }
        self.on[index] = Some(scope);
        let want = &self.wants[index];
        let scope = scope.max(want.scope);
        for to in &want.to {
            self.push(Item::Node(*to), scope);
        }
        for extra in &want.asked {
            self.push(Item::Extra(extra), scope);
        }
    }
}

#[cfg(test)]
mod tests {
    use component::{Component, PackageType, Technique};

    use super::*;
    use crate::Findings;

    /// What a distribution asks for: the other, its extra, the set of own extras that this takes, and what for.
    type Asked<'a> = (&'a str, &'a str, Option<&'a str>, &'a [&'a str], Scope);

    fn check(asked: &[Asked<'_>], expected: &[(&str, &str, Scope)]) {
        let mut graph = Graph::default();
        let component = |name: &str| Component::new(PackageType::Python, name, "test", Technique::Lockfile);
        let names = ["app", "a", "b", "c"];
        let app = graph.project(Some(component("app")));
        let mut nodes: BTreeMap<&str, NodeId> =
            names[1..].iter().map(|name| (*name, graph.package(component(name)))).collect();
        nodes.insert("app", app);
        let wants = asked.iter().map(|(from, to, extra, when, scope)| Want {
            from: Some(nodes[from]),
            to: vec![nodes[to]],
            asked: extra.iter().map(|extra| ((*to).to_owned(), (*extra).to_owned())).collect(),
            when: if when.is_empty() {
                Vec::new()
            } else {
                vec![when.iter().map(|extra| ((*from).to_owned(), (*extra).to_owned())).collect()]
            },
            scope: *scope,
        });
        connect(&mut graph, &[app], wants.collect());
        let mut findings = Findings::default();
        graph.report(&mut findings);
        let name = |index: u32| findings.components[index as usize].name.as_str();
        let edges = findings.edges.iter().filter_map(|(from, to, relation)| match relation {
            component::Relation::DependsOn(scope) => Some((name(*from), name(*to), *scope)),
            _ => None,
        });
        assert_eq!(edges.collect::<std::collections::BTreeSet<_>>(), expected.iter().copied().collect(), "{asked:?}");
    }

    #[test]
    fn a_dependency_is_there_for_what_its_extra_is_asked_for() {
        use Scope::{Development, Optional, Runtime};
        let needed = ("app", "a", None, &[][..], Runtime);
        check(&[needed, ("a", "b", None, &["x"], Runtime)], &[("app", "a", Runtime), ("a", "b", Optional)]);
        for scope in [Runtime, Optional, Development] {
            let wanted: &[Asked<'_>] =
                &[needed, ("app", "a", Some("x"), &[], scope), ("a", "b", None, &["x"], Runtime)];
            check(wanted, &[("app", "a", Runtime), ("app", "a", scope), ("a", "b", scope)]);
        }
        // One who is there for development alone asks for it: seen from there it is no less.
        let tool: &[Asked<'_>] = &[
            ("app", "c", None, &[], Development),
            ("c", "a", Some("x"), &[], Runtime),
            ("a", "b", None, &["x"], Runtime),
        ];
        check(tool, &[("app", "c", Development), ("c", "a", Runtime), ("a", "b", Runtime)]);
        // Both of a set, for the weaker of the two; one alone is not enough.
        let both: &[Asked<'_>] = &[
            ("app", "a", Some("x"), &[], Runtime),
            ("app", "a", Some("y"), &[], Development),
            ("a", "b", None, &["x", "y"], Runtime),
        ];
        check(both, &[("app", "a", Runtime), ("app", "a", Development), ("a", "b", Development)]);
        check(&[("app", "a", Some("x"), &[], Runtime), both[2]], &[("app", "a", Runtime), ("a", "b", Optional)]);
    }

    #[test]
    fn extras_that_ask_for_each_other_end() {
        use Scope::Runtime;
        let asked: &[Asked<'_>] = &[
            ("app", "a", Some("x"), &[], Runtime),
            ("a", "b", Some("y"), &["x"], Runtime),
            ("b", "a", Some("x"), &["y"], Runtime),
            ("b", "c", None, &["y"], Runtime),
        ];
        check(asked, &[("app", "a", Runtime), ("a", "b", Runtime), ("b", "a", Runtime), ("b", "c", Runtime)]);
    }
}
