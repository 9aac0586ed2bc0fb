//! Bundler's lockfile.
//!
//! Sections stand without indentation, what they hold by two spaces, packages by four, what a package needs by six.

use std::collections::{BTreeMap, BTreeSet};

use component::{PackageType, Scope, Technique};

use crate::Refusal;
use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::digests;
use crate::ecosystems::gem;
use crate::ecosystems::graph::{Graph, NodeId};
use crate::ecosystems::identity::Finder;
use crate::view::View;

/// Bundler's lockfile.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "gemfile-lock",
    summary: "Gemfile.lock and gems.locked of Bundler",
    evidence: Evidence::Declared,
    claims: &[
        Claim { pattern: Pattern::Path("**/{Gemfile.lock,Gemfile.next.lock,gems.locked}"), keep: Keep::Bytes { limit_bytes: 16 << 20 } },
    ],
    abilities: Abilities { packages: &[PackageType::Gem], versions: Versions::Exact, edges: Edges::Complete, licenses: false, files: false, hashes: true },
    catalog,
};

const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Lockfile };

/// The most lines of one file.
const LINES_MAX: usize = 1_000_000;

/// The most builds of all gems. The largest applications have two thousand gems, some of them for ten platforms.
const BUILDS_MAX: usize = 100_000;

/// The most builds of one gem, one for each platform; there are about thirty platforms.
const PLATFORMS_MAX: usize = 128;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    /// From a registry.
    Gem,
    /// From a repository.
    Git,
    /// From a folder of the project.
    Path,
    /// What the Gemfile asks for.
    Dependencies,
    /// Digests of the archives.
    Checksums,
    /// Platforms, versions of Ruby and Bundler, and what is yet to come.
    Other,
}

#[derive(Debug)]
struct Locked<'a> {
    section: Section,
    /// Where a repository is, and its commit.
    source: (&'a str, &'a str),
    name: &'a str,
    version: &'a str,
    needs: Vec<&'a str>,
}

/// What a lockfile says.
#[derive(Debug, Default)]
struct Lock<'a> {
    locked: Vec<Locked<'a>>,
    asked: Vec<&'a str>,
    /// SHA-256 by name and version with platform.
    checksums: BTreeMap<(&'a str, &'a str), &'a str>,
}

fn catalog(view: &View<'_>, findings: &mut Findings) {
    for file in view.files(0).filter(|file| !file.bytes().is_empty()) {
        let parsed = std::str::from_utf8(file.bytes()).map_err(|_| Refusal::new("the lockfile is not UTF-8")).and_then(parse);
        match parsed {
            Ok(lock) => {
                let mut graph = graph(&lock);
                graph.locate(&file.location());
                graph.report(findings);
            }
            Err(refusal) => findings.unknown(file.location(), refusal.0),
        }
    }
}

/// Splits `name (rest)`; the rest may be absent.
fn name_and_rest(entry: &str) -> (&str, Option<&str>) {
    match entry.split_once(" (") {
        Some((name, rest)) => (name, rest.split_once(')').map(|(inside, _)| inside)),
        None => (entry, None),
    }
}

fn parse(text: &str) -> Result<Lock<'_>, Refusal> {
    let mut lock = Lock::default();
    let mut section = None;
    let mut source = ("", "");
    for (index, line) in text.lines().enumerate() {
        if index == LINES_MAX {
            return Err(Refusal::new(format!("the lockfile has over {LINES_MAX} lines")));
        }
        let line = line.trim_end();
        if ["<<<<<<<", "=======", ">>>>>>>"].iter().any(|marker| line.starts_with(marker)) {
            return Err(Refusal::new(format!("the lockfile has an unresolved merge in line {}", index + 1)));
        }
        let entry = line.trim_start_matches(' ');
        if entry.is_empty() {
            continue;
        }
        match (line.len() - entry.len(), section) {
            (0, _) => {
                source = ("", "");
                section = Some(match entry {
                    "GEM" => Section::Gem,
                    "GIT" => Section::Git,
                    "PATH" => Section::Path,
                    "DEPENDENCIES" => Section::Dependencies,
                    "CHECKSUMS" => Section::Checksums,
                    _ => Section::Other,
                });
            }
            (2, Some(Section::Git)) => {
                if let Some(remote) = entry.strip_prefix("remote: ") {
                    source.0 = remote;
                } else if let Some(revision) = entry.strip_prefix("revision: ") {
                    source.1 = revision;
                }
            }
            (2, Some(Section::Dependencies)) => lock.asked.push(name_and_rest(entry).0.trim_end_matches('!')),
            (2, Some(Section::Checksums)) => {
                if let (name, Some(version)) = name_and_rest(entry)
                    && let Some((_, digits)) = entry.split_once("sha256=")
                {
                    lock.checksums.insert((name, version), digits.trim());
                }
            }
            (4, Some(section @ (Section::Gem | Section::Git | Section::Path))) => {
                if let (name, Some(version)) = name_and_rest(entry) {
                    if lock.locked.len() == BUILDS_MAX {
                        return Err(Refusal::new(format!("the lockfile has over {BUILDS_MAX} packages")));
                    }
                    lock.locked.push(Locked { section, source, name, version, needs: Vec::new() });
                }
            }
            (6, Some(Section::Gem | Section::Git | Section::Path)) => {
                if let Some(locked) = lock.locked.last_mut() {
                    locked.needs.push(name_and_rest(entry).0.trim_end_matches('!'));
                }
            }
            _ => {}
        }
    }
    if section.is_none() || (lock.locked.is_empty() && lock.asked.is_empty()) {
        return Err(Refusal::new("the lockfile has no section that Bundler writes"));
    }
    Ok(lock)
}

fn graph(lock: &Lock<'_>) -> Graph {
    let mut graph = Graph::default();
    let mut by_name: BTreeMap<&str, Vec<NodeId>> = BTreeMap::new();
    let mut nodes: Vec<(NodeId, &Locked<'_>)> = Vec::new();
    for locked in &lock.locked {
        let (version, platform) = gem::split_platform(locked.version);
        let repository = match locked.source {
            (remote, revision) if locked.section == Section::Git && !revision.is_empty() => Some(format!("git+{remote}@{revision}")),
            _ => None,
        };
        let finder = if locked.section == Section::Path { FINDER.with(Technique::Manifest) } else { FINDER };
        let Some(mut component) = gem::component(finder, locked.name, version, platform, repository.as_deref()) else {
            continue;
        };
        let checksum = lock.checksums.get(&(locked.name, locked.version));
        component.hashes = checksum.and_then(|digits| digests::from_hex("sha256", digits)).into_iter().collect();
        let node = if locked.section == Section::Path { graph.project(Some(component)) } else { graph.package(component) };
        let same = by_name.entry(locked.name).or_default();
        if same.len() < PLATFORMS_MAX {
            same.push(node);
        }
        nodes.push((node, locked));
    }
    for (node, locked) in nodes {
        // Nobody needs a gem twice.
        let needs: BTreeSet<&str> = locked.needs.iter().copied().collect();
        for need in needs {
            for target in by_name.get(need).into_iter().flatten() {
                graph.depends_on(node, *target, Scope::Runtime);
            }
        }
    }
    for asked in &lock.asked {
        for target in by_name.get(asked).into_iter().flatten() {
            graph.direct(*target, Scope::Runtime);
        }
    }
    graph
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::found;

    fn check(files: &[(&str, &str)]) -> String {
        found(&CATALOGER, files)
    }

    #[test]
    fn lines_and_builds_end_at_their_limits() {
        for (lines, is_read) in [(LINES_MAX - 1, true), (LINES_MAX, true), (LINES_MAX + 1, false)] {
            assert_eq!(parse(&format!("GEM\n  specs:\n    a (1.0)\n{}", "\n".repeat(lines - 3))).is_ok(), is_read, "{lines}");
        }
        for (builds, is_read) in [(BUILDS_MAX - 1, true), (BUILDS_MAX, true), (BUILDS_MAX + 1, false)] {
            assert_eq!(parse(&format!("GEM\n  specs:\n{}", "    a (1.0)\n".repeat(builds))).is_ok(), is_read, "{builds}");
        }
        for (written, edges) in [(PLATFORMS_MAX - 1, 127), (PLATFORMS_MAX, 128), (PLATFORMS_MAX + 1, 128)] {
            let builds = (0..written).map(|index| format!("    b (1.0-p{index}-linux)\n")).collect::<Vec<_>>().concat();
            let text = format!("GEM\n  specs:\n    a (1.0)\n      b\n{builds}");
            let found = check(&[("/Gemfile.lock", &text)]);
            // Builds of one version are told apart by nothing but their purls.
            assert_eq!(found.lines().filter(|line| line.starts_with("a@1.0 ->")).count(), edges, "{written}");
        }
    }

    #[test]
    fn what_is_no_lockfile_is_unknown() {
        insta::assert_snapshot!(
            check(&[
                ("/a/Gemfile.lock", r"bogus"),
                ("/b/Gemfile.lock", r""),
                ("/c/Gemfile.lock", r"GEM
<<<<<<< HEAD
"),
                ("/d/gems.locked", r"GEM
  specs:
    a ()
    #{x} (1)
"),
            ]),
            @r"
            unknown /a/Gemfile.lock: the lockfile has no section that Bundler writes
            unknown /c/Gemfile.lock: the lockfile has an unresolved merge in line 2
            "
        );
    }

    #[test]
    fn sources_platforms_and_edges() {
        insta::assert_snapshot!(
            check(&[
                ("/app/Gemfile.lock", r"GIT
  remote: https://example.org/o/forked.git
  revision: 0123abcd
  specs:
    forked (2.0)
      rack

PATH
  remote: .
  specs:
    own (0.1.0)
      rack (>= 2)

GEM
  remote: https://rubygems.org/
  specs:
    nokogiri (1.13.8)
      mini (~> 2.8.0)
    nokogiri (1.13.8-x86_64-linux)
    mini (2.8.0)
    rack (2.2.4)
    left (1.0.0)
      none (> 1)

PLATFORMS
  ruby
  x86_64-linux

DEPENDENCIES
  forked!
  nokogiri (>= 1)
  own!

CHECKSUMS
  rack (2.2.4) sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
  mini (2.8.0)

BUNDLED WITH
   2.5.0
"),
            ]),
            @r"
            gem forked@2.0 pkg:gem/forked@2.0?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fo%2Fforked.git%400123abcd direct at /app/Gemfile.lock
            gem left@1.0.0 pkg:gem/left@1.0.0 at /app/Gemfile.lock
            gem mini@2.8.0 pkg:gem/mini@2.8.0 transitive at /app/Gemfile.lock
            gem nokogiri@1.13.8 pkg:gem/nokogiri@1.13.8 direct at /app/Gemfile.lock
            gem nokogiri@1.13.8 pkg:gem/nokogiri@1.13.8?platform=x86_64-linux direct at /app/Gemfile.lock
            gem own@0.1.0 pkg:gem/own@0.1.0 direct at /app/Gemfile.lock
            gem rack@2.2.4 pkg:gem/rack@2.2.4 direct Sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 at /app/Gemfile.lock
            root -> forked@2.0
            root -> nokogiri@1.13.8
            root -> nokogiri@1.13.8
            root -> own@0.1.0
            forked@2.0 -> rack@2.2.4
            nokogiri@1.13.8 -> mini@2.8.0
            own@0.1.0 -> rack@2.2.4
            "
        );
    }
}
