//! The packages whose sources a directory holds: products that VEX documents speak of, as they do of what a document describes.

use component::{Component, ComponentIndex, Inventory, Node, Subject, Technique};

/// For each component of a directory the project for which alone it is there, where there is one.
#[derive(Debug, Default)]
pub(crate) struct Projects(Vec<For>);

/// What a component is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    /// Nothing that is known.
    Nothing,
    One(ComponentIndex),
    /// Several projects, or the directory itself.
    Several,
}

impl For {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, known) | (known, Self::Nothing) => known,
            (left, right) if left == right => left,
            _ => Self::Several,
        }
    }
}

impl Projects {
    /// Finds the projects whose manifests or lockfiles lie in the directory itself, and follows what they need.
    pub(crate) fn of(inventory: &Inventory) -> Self {
        // A document may be of a directory.
        if !matches!(inventory.subject, Subject::Directory { .. } | Subject::Document { .. }) {
            return Self::default();
        }
        let len = inventory.components.len();
        let place = |index: ComponentIndex| usize::try_from(index.0).ok().filter(|place| *place < len);
        let mut needs: Vec<Vec<ComponentIndex>> = vec![Vec::new(); len];
        let mut roots: Vec<ComponentIndex> = Vec::new();
        for edge in &inventory.edges {
            match edge.from {
                Node::Root => roots.push(edge.to),
                Node::Component(from) => place(from).into_iter().for_each(|from| needs[from].push(edge.to)),
            }
        }
        let mut all = vec![For::Nothing; len];
        let mut is_project = vec![false; len];
        let mut next: Vec<usize> = Vec::new();
        for (index, at) in roots.iter().filter_map(|index| Some((*index, place(*index)?))) {
            is_project[at] = is_of_directory(&inventory.components[at]);
            all[at] = if is_project[at] { For::One(index) } else { For::Several };
            next.push(at);
        }
        // Each changes twice at most: from nothing to one, and from one to several.
        while let Some(from) = next.pop() {
            for to in needs[from].iter().filter_map(|index| place(*index)) {
                let both = all[to].and(all[from]);
                if !is_project[to] && both != all[to] {
                    all[to] = both;
                    next.push(to);
                }
            }
        }
        Self(all)
    }

    /// Returns the project for which alone a component is there.
    pub(crate) fn project(&self, component: ComponentIndex) -> Option<ComponentIndex> {
        match self.0.get(usize::try_from(component.0).ok()?)? {
            For::One(project) if *project != component => Some(*project),
            For::One(_) | For::Nothing | For::Several => None,
        }
    }
}

/// Tells whether a component to which the directory leads is one of its own projects, of which manifests tell: what such a one asks for is told by lockfiles
/// and by what is installed.
fn is_of_directory(component: &Component) -> bool {
    let is_at_top = |path: &str| !path.trim_start_matches('/').contains('/');
    component.technique == Technique::Manifest && component.locations.iter().any(|location| is_at_top(&location.path))
}

#[cfg(test)]
mod tests {
    use component::{Edge, Location, PackageType, Relation, Scope};

    use super::*;

    /// Components as name, path and technique, edges by names, of which the root has none; `expected` is whose each is.
    fn check(components: &[(&str, &str, Technique)], edges: &[(&str, &str)], expected: &[(&str, &str)]) {
        let index = |name: &str| {
            let at = components.iter().position(|(other, ..)| *other == name).expect("each end is a component");
            ComponentIndex(u32::try_from(at).unwrap())
        };
        let component = |(name, path, technique): &(&str, &str, Technique)| {
            let mut component = Component::new(PackageType::Npm, *name, "test", *technique);
            component.locations.push(Location::new(*path, None));
            component
        };
        let edge = |(from, to): &(&str, &str)| {
            let from = if from.is_empty() { Node::Root } else { Node::Component(index(from)) };
            Edge { from, to: index(to), relation: Relation::DependsOn(Scope::Runtime) }
        };
        let mut inventory = Inventory {
            subject: Subject::Directory { name: "test".to_owned() },
            distribution: None,
            layers: Vec::new(),
            components: components.iter().map(component).collect(),
            edges: edges.iter().map(edge).collect(),
            unknowns: Vec::new(),
            created: None,
        };
        let found = |inventory: &Inventory| -> Vec<(&str, &str)> {
            let projects = Projects::of(inventory);
            let name = |index: ComponentIndex| components[usize::try_from(index.0).unwrap()].0;
            let all = components.iter().map(|(name, ..)| *name);
            all.filter_map(|component| Some((component, name(projects.project(index(component))?)))).collect()
        };
        assert_eq!(found(&inventory), expected, "{edges:?}");
        inventory.subject = Subject::Image { name: String::new(), digest: String::new(), platform: None };
        assert_eq!(found(&inventory), []);
    }

    #[test]
    fn what_is_there_for_a_project_alone_is_its() {
        let (app, other) =
            (("app", "/package.json", Technique::Manifest), ("other", "/Cargo.lock", Technique::Manifest));
        let [a, b] = ["a", "b"].map(|name| (name, "/package-lock.json", Technique::Lockfile));
        check(&[], &[], &[]);
        check(&[app, a, b], &[("", "app"), ("app", "a"), ("a", "b")], &[("a", "app"), ("b", "app")]);
        // What nothing is known to need.
        check(&[app, a, b], &[("", "app"), ("app", "a")], &[("a", "app")]);
        // A circle.
        check(&[app, a, b], &[("", "app"), ("app", "a"), ("a", "b"), ("b", "a")], &[("a", "app"), ("b", "app")]);
        check(&[app, a], &[("", "app"), ("app", "a"), ("a", "app")], &[("a", "app")]);
        // Someone else needs it too: another project, the directory itself, what is not in the directory itself.
        check(
            &[app, other, a, b],
            &[("", "app"), ("", "other"), ("app", "a"), ("a", "b"), ("other", "b")],
            &[("a", "app")],
        );
        check(&[app, a, b], &[("", "app"), ("", "b"), ("app", "a"), ("a", "b")], &[("a", "app")]);
        let inner = ("inner", "/inner/package.json", Technique::Manifest);
        check(
            &[app, inner, a, b],
            &[("", "app"), ("", "inner"), ("app", "a"), ("a", "b"), ("inner", "b")],
            &[("a", "app")],
        );
        // A project that another one needs is one by itself.
        check(&[app, other, a], &[("", "app"), ("", "other"), ("app", "other"), ("other", "a")], &[("a", "other")]);
        // A project without a name asks for these itself.
        check(&[a, b], &[("", "a"), ("a", "b")], &[]);
        // A folder that the project's lies in.
        check(&[inner, b], &[("", "inner"), ("inner", "b")], &[]);
    }
}
