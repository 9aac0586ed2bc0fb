//! Which components of an inventory need which: a tree from some of them on, and the ways that lead to one.
//!
//! Pure. Evidence draws circles and needs many things many times: each component is opened once in a tree, and what is cut is
//! counted.

use std::collections::{BTreeSet, VecDeque};

use component::{Component, Inventory, Node, Relation, Scope};

/// Levels of a tree: deeper ones do not fit a narrow screen, and begin anew at the component that is cut.
pub(crate) const LEVELS_MAX: usize = 8;

/// Ways to a component that are told; more say the same.
pub(crate) const WAYS_MAX: usize = 5;

/// Edges of an inventory, by what they begin and end at.
pub(crate) struct Graph {
    /// What each component needs, holds or installed.
    needs: Vec<Vec<(usize, Relation)>>,
    /// What needs, holds or installed each component.
    needed_by: Vec<Vec<(usize, Relation)>>,
    /// Whether the image asks for the component itself.
    asked: Vec<bool>,
}

/// A line of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) component: usize,
    /// How the line above it is related to it; none at a root.
    pub(crate) relation: Option<Relation>,
    /// How many lines lead to it.
    pub(crate) level: usize,
    /// Whether lines below it follow.
    pub(crate) is_open: bool,
    /// How many lists end behind it.
    pub(crate) ends: usize,
    pub(crate) end: End,
    /// How many components it needs that have no line here.
    pub(crate) left_out: usize,
}

/// Why nothing more follows on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// All that it needs follows, or is counted as left out.
    Whole,
    /// It needs what leads to it.
    Circle,
    /// What it needs stands at another line.
    Repeat,
}

/// Ways from components that were asked for to one that they bring.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ways {
    /// The shortest first, each with its steps.
    pub(crate) told: Vec<Vec<Step>>,
    /// From how many more components a way leads.
    pub(crate) more: usize,
}

/// A component on a way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) component: usize,
    /// How the one before is related to it; none at the first.
    pub(crate) relation: Option<Relation>,
}

/// A line while its tree grows.
struct Grown {
    component: usize,
    relation: Option<Relation>,
    above: Option<usize>,
    level: usize,
    below: Vec<usize>,
    end: End,
    left_out: usize,
}

impl Graph {
    pub(crate) fn new(inventory: &Inventory) -> Self {
        let count = inventory.components.len();
        let mut graph = Self {
            needs: vec![Vec::new(); count],
            needed_by: vec![Vec::new(); count],
            asked: inventory.components.iter().map(is_asked).collect(),
        };
        for edge in &inventory.edges {
            let to = edge.to.0 as usize;
            match edge.from {
                Node::Root => {
                    if let Some(asked) = graph.asked.get_mut(to) {
                        *asked = true;
                    }
                }
                Node::Component(from) => {
                    let from = from.0 as usize;
                    if from < count && to < count {
                        graph.needs[from].push((to, edge.relation));
                        graph.needed_by[to].push((from, edge.relation));
                    }
                }
            }
        }
        graph
    }

    /// Returns what a component needs, holds or installed, in the order of the inventory.
    pub(crate) fn needs(&self, component: usize) -> &[(usize, Relation)] {
        self.needs.get(component).map_or(&[], Vec::as_slice)
    }

    /// Returns what needs, holds or installed a component.
    pub(crate) fn needed_by(&self, component: usize) -> &[(usize, Relation)] {
        self.needed_by.get(component).map_or(&[], Vec::as_slice)
    }

    /// Returns whether the image asks for a component itself.
    pub(crate) fn is_asked(&self, component: usize) -> bool {
        self.asked.get(component).copied().unwrap_or(false)
    }

    /// Returns from where all components that have an edge are reached: those that the image asks for, then those that
    /// nothing needs, then one of each circle that is left. What is asked for and needed by another that is asked for too is
    /// found below that.
    pub(crate) fn roots(&self) -> Vec<usize> {
        let count = self.needs.len();
        let is_joined = |component: usize| !(self.needs[component].is_empty() && self.needed_by[component].is_empty());
        let mut reached = vec![false; count];
        let mut roots = Vec::new();
        let is_asked_first = |component: &usize| self.asked[*component] && self.needed_by[*component].is_empty();
        let is_asked = |component: &usize| self.asked[*component];
        let is_top = |component: &usize| self.needed_by[*component].is_empty();
        let is_any = |_: &usize| true;
        let ranks: [&dyn Fn(&usize) -> bool; 4] = [&is_asked_first, &is_asked, &is_top, &is_any];
        for rank in ranks {
            for component in (0..count).filter(rank) {
                if is_joined(component) && !reached[component] {
                    roots.push(component);
                    self.reach(component, &mut reached);
                }
            }
        }
        roots
    }

    fn reach(&self, from: usize, reached: &mut [bool]) {
        let mut waiting = vec![from];
        reached[from] = true;
        while let Some(component) = waiting.pop() {
            for (to, _) in &self.needs[component] {
                if !std::mem::replace(&mut reached[*to], true) {
                    waiting.push(*to);
                }
            }
        }
    }

    /// Draws what some components need, in at most `lines_max` lines. Each of them gets its share of the lines, the nearest
    /// first, so that a large one does not hide the others.
    pub(crate) fn tree(&self, roots: &[usize], lines_max: usize) -> Vec<Line> {
        let mut opened = BTreeSet::new();
        let (mut lines, mut left) = (Vec::new(), lines_max);
        for (at, root) in roots.iter().enumerate() {
            let share = left / (roots.len() - at);
            if share == 0 {
                continue;
            }
            let grown = self.grow(*root, share, &mut opened);
            left -= grown.len();
            flatten(&grown, &mut lines);
        }
        lines
    }

    fn grow(&self, root: usize, lines_max: usize, opened: &mut BTreeSet<usize>) -> Vec<Grown> {
        let first = Grown {
            component: root,
            relation: None,
            above: None,
            level: 0,
            below: Vec::new(),
            end: End::Whole,
            left_out: 0,
        };
        let mut grown = vec![first];
        let mut at = 0;
        while at < grown.len() {
            let (component, level) = (grown[at].component, grown[at].level);
            let needs = self.needs(component);
            if !needs.is_empty() && !opened.insert(component) {
                grown[at].end = if leads_to_itself(&grown, at) { End::Circle } else { End::Repeat };
            } else if level + 1 == LEVELS_MAX {
                grown[at].left_out = needs.len();
            } else {
                let free = lines_max - grown.len();
                for (to, relation) in needs.iter().take(free) {
                    let line = Grown {
                        component: *to,
                        relation: Some(*relation),
                        above: Some(at),
                        level: level + 1,
                        below: Vec::new(),
                        end: End::Whole,
                        left_out: 0,
                    };
                    let number = grown.len();
                    grown[at].below.push(number);
                    grown.push(line);
                }
                grown[at].left_out = needs.len().saturating_sub(free);
            }
            at += 1;
        }
        grown
    }

    /// Finds the shortest ways to a component from those that the image asks for; when it asks for none of them, from those
    /// that nothing needs.
    pub(crate) fn ways(&self, component: usize) -> Ways {
        if component >= self.needs.len() {
            return Ways::default();
        }
        // From the component backwards: each one that is met knows the next step towards it.
        let mut next: Vec<Option<(usize, Relation)>> = vec![None; self.needs.len()];
        let mut met = vec![component];
        let mut seen = BTreeSet::from([component]);
        let mut waiting = VecDeque::from([component]);
        while let Some(to) = waiting.pop_front() {
            // What was asked for is reason enough: who else brings it says no more.
            if to != component && self.asked[to] {
                continue;
            }
            for (from, relation) in &self.needed_by[to] {
                if seen.insert(*from) {
                    next[*from] = Some((to, *relation));
                    met.push(*from);
                    waiting.push_back(*from);
                }
            }
        }
        let asked: Vec<usize> = met.iter().copied().filter(|one| self.asked[*one]).collect();
        let begins = if asked.is_empty() {
            met.into_iter().filter(|one| self.needed_by[*one].is_empty()).collect()
        } else {
            asked
        };
        let way = |begin: &usize| {
            let mut steps = vec![Step { component: *begin, relation: None }];
            let mut at = *begin;
            while let Some((to, relation)) = next[at] {
                steps.push(Step { component: to, relation: Some(relation) });
                at = to;
            }
            steps
        };
        Ways { told: begins.iter().take(WAYS_MAX).map(way).collect(), more: begins.len().saturating_sub(WAYS_MAX) }
    }
}

fn is_asked(component: &Component) -> bool {
    component.direct == Some(true)
}

fn leads_to_itself(grown: &[Grown], at: usize) -> bool {
    let mut above = grown[at].above;
    while let Some(line) = above {
        if grown[line].component == grown[at].component {
            return true;
        }
        above = grown[line].above;
    }
    false
}

/// Puts a tree's lines in the order in which they are read.
fn flatten(grown: &[Grown], lines: &mut Vec<Line>) {
    let mut waiting = vec![0];
    while let Some(at) = waiting.pop() {
        let line = &grown[at];
        let ends = match (line.below.is_empty(), waiting.last()) {
            (false, _) => 0,
            (true, Some(next)) => line.level - grown[*next].level,
            (true, None) => line.level,
        };
        lines.push(Line {
            component: line.component,
            relation: line.relation,
            level: line.level,
            is_open: !line.below.is_empty(),
            ends,
            end: line.end,
            left_out: line.left_out,
        });
        waiting.extend(line.below.iter().rev());
    }
}

/// Returns the word for how a component is related to the one above it; needed to run goes without saying.
pub(crate) fn relation_word(relation: Relation) -> &'static str {
    match relation {
        Relation::DependsOn(Scope::Runtime) => "",
        Relation::DependsOn(Scope::Optional) => "optional",
        Relation::DependsOn(Scope::Development) => "to develop",
        Relation::Contains => "inside",
        Relation::Owns => "installed by it",
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use component::{ComponentIndex, Edge, PackageType, Subject, Technique};

    use super::*;

    /// An inventory of components `a`, `b` and so on; an edge is two letters, `.a` says that the image asks for `a`.
    fn inventory(count: u8, edges: &str) -> Inventory {
        let index = |letter: u8| ComponentIndex(u32::from(letter - b'a'));
        let edge = |text: &str| {
            let [from, to] = text.as_bytes() else { panic!("an edge is two letters: {text}") };
            let from = if *from == b'.' { Node::Root } else { Node::Component(index(*from)) };
            Edge { from, to: index(*to), relation: Relation::DependsOn(Scope::Runtime) }
        };
        let component = |letter: u8| {
            Component::new(PackageType::Npm, char::from(b'a' + letter).to_string(), "test", Technique::Lockfile)
        };
        Inventory {
            subject: Subject::Directory { name: String::new() },
            distribution: None,
            layers: Vec::new(),
            components: (0..count).map(component).collect(),
            edges: edges.split_whitespace().map(edge).collect(),
            unknowns: Vec::new(),
            created: None,
        }
    }

    fn letter(component: usize) -> char {
        char::from(b'a' + u8::try_from(component).unwrap_or(0))
    }

    /// Writes lists as they are nested on a page: `a(b c)`; `~` is a circle, `^` a repeat, `+2` what is left out.
    fn drawn(lines: &[Line]) -> String {
        let mut text = String::new();
        for line in lines {
            if !text.is_empty() && !text.ends_with('(') {
                text.push(' ');
            }
            text.push(letter(line.component));
            match line.end {
                End::Circle => text.push('~'),
                End::Repeat => text.push('^'),
                End::Whole => {}
            }
            if line.left_out > 0 {
                let _infallible = write!(text, "+{}", line.left_out);
            }
            text.push_str(if line.is_open { "(" } else { "" });
            text.push_str(&")".repeat(line.ends));
        }
        text
    }

    #[track_caller]
    fn check(count: u8, edges: &str, lines_max: usize, expected: &str) {
        let graph = Graph::new(&inventory(count, edges));
        assert_eq!(drawn(&graph.tree(&graph.roots(), lines_max)), expected, "{edges}");
    }

    #[test]
    fn trees_begin_at_what_was_asked_for_and_open_each_component_once() {
        check(0, "", 9, "");
        check(3, "", 9, "");
        check(1, ".a", 9, "");
        check(3, ".a ab bc", 9, "a(b(c))");
        check(4, ".a .d ab db", 9, "a(b) d(b)");
        check(4, ".a .d ab bc db", 9, "a(b(c)) d(b^)");
        check(3, ".b ab bc", 9, "b(c) a(b^)");
        check(4, ".a .b ab bc", 9, "a(b(c))");
        check(2, "ab ba", 9, "a(b(a~))");
        check(3, ".a ab ba bc", 9, "a(b(a~ c))");
        check(1, ".a aa", 9, "a(a~)");
        check(5, "ab cd de", 9, "a(b) c(d(e))");
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let edges = ".a ab ac ad bc be";
        check(5, edges, 0, "");
        check(5, edges, 1, "a+3");
        check(5, edges, 2, "a+2(b+2)");
        check(5, edges, 5, "a(b+1(c) c d)");
        check(5, edges, 6, "a(b(c e) c d)");
        check(5, edges, 7, "a(b(c e) c d)");
        check(6, ".a ab ac .d de df", 4, "a+1(b) d+1(e)");
        check(6, ".a ab ac .d de df", 1, "d+2");
    }

    #[test]
    fn a_tree_has_so_many_levels() {
        let chain = |length: u8| {
            let edges: Vec<String> =
                (1..length).map(|at| format!("{}{}", char::from(b'a' + at - 1), char::from(b'a' + at))).collect();
            let graph = Graph::new(&inventory(length, &edges.join(" ")));
            let lines = graph.tree(&[0], 99);
            (lines.len(), lines.last().map_or(0, |line| line.left_out))
        };
        let levels = u8::try_from(LEVELS_MAX).unwrap_or(u8::MAX);
        assert_eq!(chain(levels - 1), (LEVELS_MAX - 1, 0));
        assert_eq!(chain(levels), (LEVELS_MAX, 0));
        assert_eq!(chain(levels + 1), (LEVELS_MAX, 1));
    }

    #[track_caller]
    fn check_ways(count: u8, edges: &str, to: usize, expected: &str) {
        let ways = Graph::new(&inventory(count, edges)).ways(to);
        let told: Vec<String> =
            ways.told.iter().map(|steps| steps.iter().map(|step| letter(step.component)).collect()).collect();
        assert_eq!(format!("{} +{}", told.join(" "), ways.more), expected, "{edges} to {to}");
    }

    #[test]
    fn the_shortest_way_leads_from_each_component_that_was_asked_for() {
        check_ways(1, "", 0, "a +0");
        check_ways(1, "", 1, " +0");
        check_ways(3, ".a ab bc", 2, "abc +0");
        check_ways(4, ".a .d ab bc ac dc", 2, "ac dc +0");
        check_ways(3, "ab bc", 2, "abc +0");
        check_ways(3, ".b ab bc", 2, "bc +0");
        check_ways(3, ".a .b ab bc", 2, "bc +0");
        check_ways(2, ".a .b ab", 1, "b ab +0");
        check_ways(2, ".b ab ba", 1, "b +0");
        check_ways(2, "ab ba", 1, " +0");
        check_ways(7, ".a .b .c .d .e ag bg cg dg eg", 6, "ag bg cg dg eg +0");
        check_ways(7, ".a .b .c .d .e .f ag bg cg dg eg fg", 6, "ag bg cg dg eg +1");
    }
}
