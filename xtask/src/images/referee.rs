//! What an ecosystem's own tool says of an image, against what Garrison finds in it.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::found::{Component, Inventory};

/// The directory of an image that has what the tools said of it.
const SAID: &str = "said";

/// A tool that was asked about an image when that was made.
pub(super) struct Referee {
    /// The question, as a person would type it.
    pub(super) asked: &'static str,
    /// The cataloger whose components the answer is about.
    pub(super) cataloger: &'static str,
    /// Whether it works alone for this: what it finds is otherwise joined with what another one finds of the same name and version.
    pub(super) is_alone: bool,
    /// Reads the answer.
    pub(super) read: fn(&Said) -> Result<Graph>,
    /// Returns a component in the tool's words; `None` for one that the tool was not asked about.
    pub(super) label: fn(&Component) -> Option<String>,
    pub(super) known: &'static [Known],
}

/// Differences that stay, since the tool speaks about something else; docs/sbom.md says why.
pub(super) struct Known {
    /// Fits the lines of these differences; `*` is for any text.
    pub(super) line: &'static str,
    pub(super) reason: &'static str,
}

/// What the tools said, in files.
pub(super) struct Said(PathBuf);

impl Said {
    pub(super) fn of(image: &Path) -> Self {
        Self(image.join(SAID))
    }

    pub(super) fn text(&self, file: &str) -> Result<String> {
        let path = self.0.join(file);
        fs::read_to_string(&path).with_context(|| format!("failed to read `{}`", path.display()))
    }

    pub(super) fn json(&self, file: &str) -> Result<Value> {
        serde_json::from_str(&self.text(file)?).with_context(|| format!("`{file}` is not JSON"))
    }

    pub(super) fn record(&self, file: &str, text: &str) -> Result<()> {
        fs::create_dir_all(&self.0)?;
        let path = self.0.join(file);
        fs::write(&path, text).with_context(|| format!("failed to write `{}`", path.display()))
    }
}

/// Why a component is needed, as far as it is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scope {
    Unsaid,
    Runtime,
    Optional,
    Development,
}

impl Scope {
    fn name(self) -> &'static str {
        match self {
            Self::Unsaid => "",
            Self::Runtime => ", runtime",
            Self::Optional => ", optional",
            Self::Development => ", development",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) scope: Scope,
}

/// Components by label, and what they need.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Graph {
    pub(super) components: BTreeSet<String>,
    /// `None`, if the tool does not speak about edges.
    pub(super) edges: Option<BTreeSet<Edge>>,
}

impl Graph {
    pub(super) fn component(&mut self, label: impl Into<String>) {
        self.components.insert(label.into());
    }

    pub(super) fn edge(&mut self, from: impl Into<String>, to: impl Into<String>, scope: Scope) {
        self.edges.get_or_insert_default().insert(Edge { from: from.into(), to: to.into(), scope });
    }

    /// Returns how much the tool said, in words.
    fn size(&self) -> String {
        match &self.edges {
            Some(edges) => format!("{} components, {} edges", self.components.len(), edges.len()),
            None => format!("{} components", self.components.len()),
        }
    }
}

/// What one side has and the other has not.
#[derive(Debug, PartialEq, Eq)]
struct Difference {
    side: Side,
    what: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Ours,
    Theirs,
}

impl Display for Difference {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let side = match self.side {
            Side::Ours => "only Garrison",
            Side::Theirs => "only the tool",
        };
        write!(formatter, "{side}: {}", self.what)
    }
}

/// What came of a comparison.
pub(super) struct Verdict {
    pub(super) compared: String,
    /// How many differences are known.
    pub(super) known: usize,
    /// What is wrong, a line each.
    pub(super) wrong: Vec<String>,
}

impl Referee {
    pub(super) fn judge(&self, said: &Said, inventory: &Inventory) -> Result<Verdict> {
        let theirs = (self.read)(said).with_context(|| format!("what `{}` said cannot be read", self.asked))?;
        ensure!(!theirs.components.is_empty(), "`{}` named nothing", self.asked);
        ensure!(theirs.edges.as_ref().is_none_or(|edges| !edges.is_empty()), "`{}` named no edge", self.asked);
        let ours = inventory.graph(self.cataloger, self.label, &theirs);
        let mut used = vec![false; self.known.len()];
        let mut wrong = Vec::new();
        let differences = differences(&ours, &theirs);
        let all = differences.len();
        for difference in differences {
            let line = difference.to_string();
            match self.known.iter().position(|known| fits(known.line, &line)) {
                Some(index) => used[index] = true,
                None => wrong.push(line),
            }
        }
        let known = all - wrong.len();
        let stale = self.known.iter().zip(used).filter(|(_, used)| !used);
        wrong.extend(
            stale.map(|(known, _)| {
                format!("listed as a difference, and there is none: {} ({})", known.line, known.reason)
            }),
        );
        Ok(Verdict { compared: theirs.size(), known, wrong })
    }
}

fn differences(ours: &Graph, theirs: &Graph) -> Vec<Difference> {
    let only = |side, left: &Graph, right: &Graph| -> Vec<Difference> {
        let components = left.components.difference(&right.components).map(|label| format!("component {label}"));
        let none = BTreeSet::new();
        let (left, right) = (left.edges.as_ref().unwrap_or(&none), right.edges.as_ref().unwrap_or(&none));
        let edges =
            left.difference(right).map(|Edge { from, to, scope }| format!("edge {from} -> {to}{}", scope.name()));
        components.chain(edges).map(|what| Difference { side, what }).collect()
    };
    let mut all = only(Side::Ours, ours, theirs);
    all.extend(only(Side::Theirs, theirs, ours));
    all
}

/// Tells whether a pattern, in which `*` is any text, is for all of a line.
fn fits(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(components: &[&str], edges: &[(&str, &str, Scope)]) -> Graph {
        let mut graph = Graph::default();
        for label in components {
            graph.component(*label);
        }
        for (from, to, scope) in edges {
            graph.edge(*from, *to, *scope);
        }
        graph
    }

    #[test]
    fn each_side_is_told_what_only_it_has() {
        let check = |ours: Graph, theirs: Graph, expected: &[&str]| {
            let lines: Vec<String> = differences(&ours, &theirs).iter().map(ToString::to_string).collect();
            assert_eq!(lines, expected);
        };
        check(graph(&["a"], &[]), graph(&["a"], &[]), &[]);
        check(
            graph(&["a", "b"], &[]),
            graph(&["a", "c"], &[]),
            &["only Garrison: component b", "only the tool: component c"],
        );
        check(
            graph(&["a", "b"], &[("a", "b", Scope::Optional)]),
            graph(&["a", "b"], &[("a", "b", Scope::Runtime)]),
            &["only Garrison: edge a -> b, optional", "only the tool: edge a -> b, runtime"],
        );
    }

    #[test]
    fn a_known_difference_is_a_whole_line() {
        let check =
            |pattern: &str, line: &str, expected: bool| assert_eq!(fits(pattern, line), expected, "{pattern}: {line}");
        check("component a", "component ab", false);
        check("component a", "component a", true);
        check("component a*", "component ab", true);
        check("*-> b", "edge a -> b, runtime", false);
        check("edge * -> b*", "edge a -> b, runtime", true);
        check("edge *x* -> b", "edge a -> b", false);
        check("*", "anything", true);
        check("", "anything", false);
    }

    const NOTHING: &str = r#"{"metadata":{"component":{"bom-ref":"subject"}},"components":[],"dependencies":[]}"#;
    const TWO: &str = r#"{"metadata":{"component":{"bom-ref":"subject"}},"components":[
        {"bom-ref":"a","name":"a","version":"1","properties":[{"name":"garrison:found-by","value":"dpkg"}]},
        {"bom-ref":"b","name":"b","version":"2","properties":[{"name":"garrison:found-by","value":"dpkg"}]}],
        "dependencies":[{"ref":"a","dependsOn":["b"]}]}"#;

    fn judged(answer: &str, document: &str, known: &'static [Known]) -> Result<Vec<String>> {
        let directory = tempfile::tempdir()?;
        let said = Said::of(directory.path());
        said.record("answer", answer)?;
        let read = |said: &Said| {
            let mut graph = Graph::default();
            for line in said.text("answer")?.lines() {
                match line.split_once(" -> ") {
                    Some((from, to)) => graph.edge(from, to, Scope::Unsaid),
                    None => graph.component(line),
                }
            }
            Ok(graph)
        };
        let label = |component: &Component| Some(component.at_version());
        let referee = Referee { asked: "a tool", cataloger: "dpkg", is_alone: false, read, label, known };
        Ok(referee.judge(&said, &Inventory::read(document)?)?.wrong)
    }

    #[test]
    fn a_comparison_of_nothing_is_no_comparison() {
        judged("", NOTHING, &[]).unwrap_err();
        assert_eq!(judged("a@1", NOTHING, &[]).unwrap(), ["only the tool: component a@1"]);
    }

    #[test]
    fn a_referee_judges_by_what_the_tool_said() {
        assert!(judged("a@1\nb@2\na@1 -> b@2", TWO, &[]).unwrap().is_empty());
        assert!(judged("a@1\nb@2", TWO, &[]).unwrap().is_empty(), "a tool that names no edge is not asked for any");
        assert_eq!(judged("a@1\na@1 -> b@2", TWO, &[]).unwrap(), ["only Garrison: component b@2"]);
        let known = &[Known { line: "only Garrison: component b*", reason: "a test" }];
        assert!(judged("a@1\na@1 -> b@2", TWO, known).unwrap().is_empty());
        let stale = judged("a@1\nb@2\na@1 -> b@2", TWO, known).unwrap();
        assert_eq!(stale, ["listed as a difference, and there is none: only Garrison: component b* (a test)"]);
    }
}
