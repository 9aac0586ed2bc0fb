//! What the ecosystems' own tools say of programs and archives that they built, against what the catalogers say.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use component::{Inventory, Node, Relation, Subject};
use sbom::{Allowance, LayerBuilder, LayerScope, Matcher, Source, catalogers, inventory};

/// Returns what one cataloger finds in a file.
fn catalog(name: &str, file: &Path) -> Inventory {
    let cataloger = catalogers().iter().find(|cataloger| cataloger.name == name).expect("the cataloger is there");
    let matcher = Matcher::new(vec![cataloger]);
    let allowance = Allowance::new(tempfile::tempfile);
    let mut builder = LayerBuilder::new(&matcher, &allowance);
    let mut reader = File::open(file).expect("the file can be read");
    let size_bytes = reader.metadata().expect("the file can be read").len();
    let path = file.file_name().and_then(|name| name.to_str()).expect("the file has a name");
    builder.add_file(path, 0o755, size_bytes, &mut reader).expect("the file makes a layer");
    let record = builder.finish();
    let source = Source {
        subject: Subject::File { name: path.to_owned(), sha256: None },
        layers: Vec::new(),
        records: &[&record],
        created: None,
    };
    inventory(source, &matcher, LayerScope::Squashed)
}

fn names_and_versions(inventory: &Inventory) -> BTreeSet<(String, String)> {
    let named = inventory.components.iter();
    named.map(|component| (component.name.clone(), component.version.clone().unwrap_or_default())).collect()
}

fn output(command: &mut Command) -> String {
    let output = command.output().expect("the tool runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("the tool writes text")
}

/// `go version -m` prints what we read, from the same places by its own reader.
#[test]
fn go_programs_have_the_modules_that_go_says() {
    let Some(go) = testkit::program("go") else { return };
    let peers: Vec<PathBuf> = ["zot", "registry", "cosign"].into_iter().filter_map(testkit::program).collect();
    for program in peers.iter().chain([&go]) {
        let said = output(Command::new(&go).args(["version", "-m"]).arg(program));
        let mut expected: Vec<(String, String)> = Vec::new();
        for line in said.lines() {
            let columns: Vec<&str> = line.trim_start_matches('\t').split('\t').collect();
            let module = || (columns[1].to_owned(), columns.get(2).copied().unwrap_or_default().replace("(devel)", ""));
            match columns[0] {
                "mod" | "dep" => expected.push(module()),
                "=>" => *expected.last_mut().expect("something is replaced") = module(),
                _ => {}
            }
        }
        let version =
            said.lines().next().and_then(|line| line.rsplit_once(": ")).expect("the first line has the version");
        expected.push(("stdlib".to_owned(), version.1.split_whitespace().next().expect("there").to_owned()));

        let mut found = names_and_versions(&catalog("go-binary", program));
        // A version from linker flags is one that `go` does not look for.
        if let Some((main, _)) = expected.iter().find(|(_, version)| version.is_empty()).cloned() {
            found = found
                .into_iter()
                .map(|(name, version)| if name == main { (name, String::new()) } else { (name, version) })
                .collect();
        }
        assert_eq!(found, expected.into_iter().collect(), "{}", program.display());
    }
}

/// `cargo tree` prints the graph from the lockfile; `cargo auditable` linked it into the program.
#[test]
fn rust_programs_have_the_graph_that_cargo_says() {
    let Some(project) = testkit::peer_directory("projects/rust") else { return };
    let tree = |edges: &str| {
        let manifest = project.join("Cargo.toml");
        output(
            Command::new("cargo")
                .args(["tree", "--offline", "--no-dedupe", "--prefix", "depth", "--format", " {p}", "-e", edges])
                .arg("--manifest-path")
                .arg(manifest),
        )
    };
    let (all, normal) = (graph_of_depths(&tree("normal,build")), graph_of_depths(&tree("normal")));
    let found = catalog("rust-binary", &project.join("target/release/app"));
    let label = |index: u32| {
        let component = &found.components[index as usize];
        format!("{} v{}", component.name, component.version.clone().unwrap_or_default())
    };
    let edges: BTreeSet<(String, String)> = found
        .edges
        .iter()
        .filter_map(|edge| match edge.from {
            Node::Component(from) => Some((label(from.0), label(edge.to.0))),
            Node::Root => None,
        })
        .collect();
    assert_eq!(edges, all);
    let runtime: BTreeSet<String> = found
        .components
        .iter()
        .zip(0..)
        .filter(|(component, _)| component.scope == component::Scope::Runtime)
        .map(|(_, index)| label(index))
        .collect();
    let reached: BTreeSet<String> = normal.iter().flat_map(|(from, to)| [from.clone(), to.clone()]).collect();
    assert_eq!(runtime, reached);
}

/// Reads lines of a depth and a label.
fn graph_of_depths(text: &str) -> BTreeSet<(String, String)> {
    let mut path: Vec<String> = Vec::new();
    let mut edges = BTreeSet::new();
    for line in text.lines() {
        let Some((depth, label)) = line.split_once(' ') else { continue };
        let label = label.split(" (").next().unwrap_or_default().to_owned();
        path.truncate(depth.parse().expect("a depth"));
        if let Some(parent) = path.last() {
            edges.insert((parent.clone(), label.clone()));
        }
        path.push(label);
    }
    edges
}

/// `mvn dependency:list` names what the packaged application holds; the verbose tree has every edge, also those that lead to what is there already.
#[test]
fn an_application_of_maven_has_what_maven_says() {
    let Some(project) = testkit::peer_directory("projects/maven") else { return };
    let list = std::fs::read_to_string(project.join("list.txt")).expect("the project was prepared");
    let tree = std::fs::read_to_string(project.join("tree-verbose.txt")).expect("the project was prepared");
    let found = catalog("java-archive", &project.join("target/orders-1.4.2.jar"));

    // What only tests need is not packaged; the tools of the loader are, and no dependency.
    let mut expected: BTreeSet<String> = list
        .lines()
        .filter_map(|line| coordinates(line).filter(|(_, scope)| scope != "test"))
        .map(|(label, _)| label)
        .collect();
    expected.insert("org.example:orders:1.4.2".to_owned());
    let label = |index: usize| {
        let component = &found.components[index];
        let group = component.purl.as_ref().and_then(|purl| purl.namespace()).unwrap_or_default();
        format!("{group}:{}:{}", component.name, component.version.as_deref().unwrap_or_default())
    };
    let there: BTreeSet<String> = (0..found.components.len()).map(label).collect();
    let missing: Vec<_> = expected.difference(&there).filter(|label| !label.starts_with(ABSENT)).collect();
    let extra: Vec<_> = there.difference(&expected).filter(|label| !EXTRA.contains(&label.as_str())).collect();
    assert_eq!((missing, extra), (Vec::new(), Vec::new()));

    let said = verbose_edges(&tree);
    let edges: BTreeSet<(String, String)> = found
        .edges
        .iter()
        .filter(|edge| matches!(edge.relation, Relation::DependsOn(_)))
        .filter_map(|edge| match edge.from {
            Node::Component(from) => Some((label(from.0 as usize), label(edge.to.0 as usize))),
            Node::Root => None,
        })
        .collect();
    let invented: Vec<_> = edges.difference(&said).collect();
    assert_eq!(invented, Vec::<&(String, String)>::new());
    // Archives that are published without a `pom.xml`, and those that inherit their needs from a parent that is not there, say nothing
    // about them; all others say all.
    let silent = |from: &str| SILENT.iter().any(|prefix| from.starts_with(prefix));
    let missed: Vec<_> = said.difference(&edges).filter(|(from, to)| !silent(from) && there.contains(to)).collect();
    assert_eq!(missed, Vec::<&(String, String)>::new());
}

/// Dependencies that the packager leaves out: there is nothing in them.
const ABSENT: &str = "org.springframework.boot:spring-boot-starter";

/// What the packager adds, and what lies in a dependency.
const EXTRA: &[&str] = &["org.springframework.boot:spring-boot-jarmode-layertools:3.2.5", ":mavenEcjBootstrapAgent:"];

/// Whose archives do not state what they need.
const SILENT: &[&str] = &[
    "org.springframework",
    "io.micrometer",
    "org.apache.tomcat",
    "com.fasterxml.jackson.datatype",
    "com.fasterxml.jackson.module",
];

/// Reads `group:artifact:jar:version:scope` out of a line of a list or tree.
fn coordinates(line: &str) -> Option<(String, String)> {
    let start = line.find(|character: char| character.is_ascii_alphanumeric())?;
    let text = line[start..].split([' ', ')']).next()?;
    let parts: Vec<&str> = text.split(':').collect();
    match parts.as_slice() {
        [group, artifact, _, version] => Some((format!("{group}:{artifact}:{version}"), String::new())),
        [group, artifact, _, version, scope] | [group, artifact, _, _, version, scope] => {
            Some((format!("{group}:{artifact}:{version}"), (*scope).to_owned()))
        }
        _ => None,
    }
}

fn verbose_edges(tree: &str) -> BTreeSet<(String, String)> {
    let mut path: Vec<(String, bool)> = Vec::new();
    let mut edges = BTreeSet::new();
    for line in tree.lines() {
        let Some(start) = line.find(|character: char| character.is_ascii_alphanumeric()) else { continue };
        let Some((label, scope)) = coordinates(line) else { continue };
        let depth = line[..start].trim_end_matches('(').len() / 3;
        path.truncate(depth);
        let is_test = scope == "test" || path.last().is_some_and(|(_, is_test)| *is_test);
        if let Some((parent, _)) = path.last().filter(|_| !is_test) {
            edges.insert((parent.clone(), label.clone()));
        }
        path.push((label, is_test));
    }
    edges
}
