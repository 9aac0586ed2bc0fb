//! Gems: those that came with Ruby, those of Debian's packages, those that `gem install` put there, and what Bundler locked.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::Recipe;
use super::debian;
use super::referee::{Graph, Referee, Said, Scope};
use super::workshop::Workshop;
use crate::workspace::execute;

pub(super) const RECIPE: Recipe = Recipe {
    name: "ruby",
    holds: "gems of Ruby itself, of Debian's packages and of `gem install`, and what Bundler locked",
    needs: &["apt-get", "apt-cache", "dpkg-deb", "chroot", "unshare", "tar"],
    make,
    referees: &[
        Referee {
            asked: "gem list, and the best of what fulfils each dependency",
            cataloger: "gemspec-installed",
            is_alone: false,
            read: gems,
            label: |component| Some(component.at_version()),
            known: &[],
        },
        Referee {
            asked: "Bundler::LockfileParser",
            cataloger: "gemfile-lock",
            is_alone: true,
            read: |said| Ok(edges(&said.text("bundler.txt")?, Graph::default())),
            label: |component| {
                component.paths.iter().any(|path| path.starts_with("/srv/app/")).then(|| component.at_version())
            },
            known: &[],
        },
    ],
};

const PACKAGES: [&str; 7] =
    ["ruby", "ruby-rubygems", "ruby-bundler", "ruby-sinatra", "ruby-rspec", "ruby-activesupport", "ruby-nokogiri"];

/// A gem of our own, since what is on the other side of the network changes.
struct Gem {
    name: &'static str,
    version: &'static str,
    /// Names and requirements.
    needs: &'static [(&'static str, &'static str)],
}

const GEMS: [Gem; 4] = [
    Gem { name: "garrison-base", version: "1.2.0", needs: &[] },
    Gem { name: "garrison-base", version: "2.0.0.rc1", needs: &[] },
    Gem {
        name: "garrison-tools",
        version: "0.4.1",
        needs: &[("garrison-base", "~> 1.0"), ("rack", ">= 2, < 4"), ("json", ">= 0")],
    },
    Gem {
        name: "garrison-next",
        version: "3.0.0",
        needs: &[("garrison-base", ">= 2.0.0.rc1"), ("rack", "!= 1.0.0"), ("absent", ">= 0")],
    },
];

const GEMFILE: &str = "source \"https://rubygems.org\"\n\ngem \"garrison-tools\"\ngem \"sinatra\"\ngem \"nokogiri\"\ngroup :test do\n  gem \"rspec\", \"~> 3.0\"\nend\n";

/// RubyGems itself says what fulfils what.
const GEM_EDGES: &str = include_str!("ruby/gem_edges.rb");

const LOCK_EDGES: &str = include_str!("ruby/lock_edges.rb");

fn make(place: &Path) -> Result<()> {
    let workshop = Workshop::open(place)?;
    debian::unpack(&workshop, &PACKAGES, |_| true)?;
    // What dpkg's scripts would make.
    workshop.write("dev/null", "")?;
    workshop.write("srv/app/Gemfile", GEMFILE)?;
    for gem in &GEMS {
        let file = format!("{}-{}.gem", gem.name, gem.version);
        workshop.write("tmp/gem.gemspec", &specification(gem))?;
        execute(
            ruby(&workshop)?
                .arg("/usr/bin/gem")
                .args(["build", "--silent", "--output"])
                .arg(format!("/tmp/{file}"))
                .arg("/tmp/gem.gemspec"),
        )?;
        let quiet = ["install", "--silent", "--local", "--force", "--no-document"];
        execute(ruby(&workshop)?.arg("/usr/bin/gem").args(quiet).arg(format!("/tmp/{file}")))?;
    }
    std::fs::remove_dir_all(workshop.root("tmp")?)?;
    std::fs::create_dir_all(workshop.root("tmp")?)?;
    execute(ruby(&workshop)?.arg("/usr/bin/bundle").args(["lock", "--local", "--gemfile=/srv/app/Gemfile"]))?;
    workshop
        .ask("gem-list.txt", ruby(&workshop)?.arg("/usr/bin/gem").args(["list", "--local", "--all", "--prerelease"]))?;
    workshop.ask("gem-edges.txt", ruby(&workshop)?.args(["-e", GEM_EDGES]))?;
    workshop.ask("bundler.txt", ruby(&workshop)?.env("BUNDLE_GEMFILE", "/srv/app/Gemfile").args(["-e", LOCK_EDGES]))?;
    workshop.finish()
}

/// The image's Ruby. Its programs are given to it as scripts: the image has no `env`, by which they would find it.
fn ruby(workshop: &Workshop) -> Result<Command> {
    let mut ruby = workshop.inside("/usr/bin/ruby")?;
    // What it may write to, and no settings of this machine.
    ruby.env_clear().env("HOME", "/tmp").env("PATH", "/usr/bin:/usr/sbin").env("LANG", "C.UTF-8");
    Ok(ruby)
}

fn specification(gem: &Gem) -> String {
    let Gem { name, version, needs } = gem;
    let needs = needs.iter().map(|(name, requirement)| {
        let requirements: Vec<String> = requirement.split(", ").map(|text| format!("{text:?}")).collect();
        format!("  gem.add_runtime_dependency {name:?}, {}\n", requirements.join(", "))
    });
    let needs: String = needs.collect();
    format!(
        "Gem::Specification.new do |gem|\n  gem.name = {name:?}\n  gem.version = {version:?}\n  gem.summary = \"Of an image\"\n  gem.authors = [\"Nobody\"]\n  \
         gem.license = \"MIT\"\n  gem.homepage = \"https://example.org\"\n  gem.files = []\n{needs}end\n"
    )
}

fn gems(said: &Said) -> Result<Graph> {
    let mut graph = Graph::default();
    for line in said.text("gem-list.txt")?.lines() {
        for label in listed(line)? {
            graph.component(label);
        }
    }
    Ok(edges(&said.text("gem-edges.txt")?, graph))
}

/// Reads `bundler (2.3.15, default: 2.3.7)` and `nokogiri (1.13.10 x86_64-linux)`.
fn listed(line: &str) -> Result<Vec<String>> {
    let (name, versions) = line.split_once(" (").with_context(|| format!("`{line}` is no gem"))?;
    let versions = versions.trim_end_matches(')').split(", ").map(|version| version.trim_start_matches("default: "));
    Ok(versions.map(|version| format!("{name}@{}", version.split(' ').next().unwrap_or_default())).collect())
}

/// Reads a gem, or what needs what, a line each.
fn edges(text: &str, mut graph: Graph) -> Graph {
    for line in text.lines() {
        match line.split_once(' ') {
            Some((from, to)) => graph.edge(from, to, Scope::Unsaid),
            None => graph.component(line),
        }
    }
    graph
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_gem_list_has_all_versions() {
        let check = |line: &str, expected: &[&str]| assert_eq!(listed(line).unwrap(), expected);
        check("json (default: 2.6.1)", &["json@2.6.1"]);
        check("bundler (2.3.15, default: 2.3.7)", &["bundler@2.3.15", "bundler@2.3.7"]);
        check("nokogiri (1.13.10 x86_64-linux)", &["nokogiri@1.13.10"]);
        assert!(listed("*** LOCAL GEMS ***").is_err());
    }
}
