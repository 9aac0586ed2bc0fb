//! What Ruby projects ask for: `Gemfile` where no lockfile and nothing installed says what became of it.
//!
//! Follows Bundler's manual page "gemfile". A Gemfile is a program; what is read is what people write: one `gem` a line, in groups.

use component::{PackageType, Scope, Technique};

use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::{gem, paths, texts};
use crate::ecosystems::identity::Finder;
use crate::ecosystems::manifests::{self, Want};
use crate::unread::{UNDECIDED_IN_IMAGE, UNWRITTEN};
use crate::view::View;

/// Ruby projects without a lockfile.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "gem-manifest",
    summary: "what a Gemfile asks for and nothing locks or installs",
    evidence: Evidence::Declared,
    claims: &[Claim { pattern: Pattern::Path("**/{Gemfile,gems.rb}"), keep: Keep::Bytes { limit_bytes: 1 << 20 } }],
    abilities: Abilities { packages: &[PackageType::Gem], versions: Versions::Stated, edges: Edges::Flat, licenses: false, files: false, hashes: false },
    catalog,
};

const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Manifest };

/// Groups that are no part of what runs.
const DEVELOPMENT: [&str; 9] = ["development", "test", "ci", "doc", "docs", "lint", "debug", "tools", "rubocop"];

/// The deepest nesting of blocks that is told apart.
const DEPTH_MAX: usize = 64;

fn catalog(view: &View<'_>, findings: &mut Findings) {
    for file in view.files(0).filter(|file| manifests::is_of_project(file.path())) {
        let text = String::from_utf8_lossy(file.bytes());
        manifests::declare(FINDER, PackageType::Gem, file, wants(&text), findings);
        if let Some(line) = texts::conflict(&text) {
            findings.unknown(file.location(), format!("line {line} is the mark of an unresolved merge"));
        } else if !text.trim().is_empty() && !text.lines().any(is_of_bundler) {
            findings.unknown(file.location(), "a Gemfile in which nothing says what is needed");
        } else if let Some((line, text)) = unnamed(&text).filter(|_| !is_locked(view, file.path())) {
            let text: String = text.chars().take(TOLD_CHARACTERS_MAX).collect();
            let unknown = if file.location().layer.is_some() { UNDECIDED_IN_IMAGE } else { UNWRITTEN };
            findings.unknown(file.location(), format!("asks in line {line} for what it does not name, `{text}`{unknown}"));
        }
    }
}

/// The longest line that is told.
const TOLD_CHARACTERS_MAX: usize = 60;

/// Tells whether a lockfile beside a Gemfile says what it asks for.
fn is_locked(view: &View<'_>, path: &str) -> bool {
    ["Gemfile.lock", "gems.locked"].iter().any(|name| view.entry(&paths::join(paths::folder(path), name)).is_some())
}

/// Returns the first line, counted from one, that asks for a gem without writing its name out, or for what another file asks for.
fn unnamed(text: &str) -> Option<(usize, &str)> {
    let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, without_comment(line).trim()));
    lines.find(|(_, line)| {
        let (word, rest) = line.split_at(line.find([' ', '(', '\t']).unwrap_or(line.len()));
        let is_written = || quoted(rest).next().is_some_and(|(front, _)| front.trim_matches(['(', ' ', '\t']).is_empty());
        word == "eval_gemfile" || (word == "gem" && !rest.trim().is_empty() && !is_written())
    })
}

/// Tells whether a line is a comment, or says what a Gemfile says.
fn is_of_bundler(line: &str) -> bool {
    let word = line.trim_start().split([' ', '(', '\t']).next().unwrap_or_default();
    word.starts_with('#') || ["gem", "source", "gemspec", "group", "ruby", "eval_gemfile", "git_source", "git", "path", "plugin"].contains(&word.trim_end())
}

fn wants(text: &str) -> Vec<Want> {
    let mut found = Vec::new();
    // For each open block whether it is of a group for development, or of what is in the project itself.
    let mut blocks: Vec<(bool, bool)> = Vec::new();
    for line in text.lines() {
        let line = without_comment(line).trim();
        let word = line.split([' ', '(', '\t']).next().unwrap_or_default();
        if word == "end" {
            blocks.pop();
            continue;
        }
        if let Some(rest) = line.strip_prefix("gem").filter(|rest| rest.starts_with([' ', '(', '\t'])) {
            let is_development = blocks.iter().any(|(is_development, _)| *is_development);
            let is_local = blocks.iter().any(|(_, is_local)| *is_local);
            found.extend(want(rest, is_development).filter(|_| !is_local));
        }
        let opens = line.ends_with(" do") || (line.contains(" do |") && line.ends_with('|')) || ["if", "unless", "case", "begin", "def"].contains(&word);
        if opens && blocks.len() < DEPTH_MAX {
            blocks.push((word == "group" && is_for_development(line), word == "path"));
        }
    }
    found
}

/// Cuts a comment off: a `#` that stands in no quotes.
fn without_comment(line: &str) -> &str {
    let mut quote = None;
    for (at, character) in line.char_indices() {
        match (quote, character) {
            (None, '#') => return &line[..at],
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), character) if open == character => quote = None,
            _ => {}
        }
    }
    line
}

/// Returns the texts in quotes of a line, and what stands in front of each.
fn quoted(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let open = rest.find(['"', '\''])?;
        let quote = rest[open..].chars().next()?;
        let close = open + 1 + rest[open + 1..].find(quote)?;
        let found = (&rest[..open], &rest[open + 1..close]);
        rest = &rest[close + 1..];
        Some(found)
    })
}

/// Tells whether all groups that a line names, as symbols, are for development.
fn is_for_development(line: &str) -> bool {
    let symbols = line.split(|character: char| !(character.is_ascii_alphanumeric() || "_:".contains(character))).filter_map(|word| word.strip_prefix(':'));
    let mut groups = symbols.filter(|symbol| !["group", "groups"].contains(symbol)).peekable();
    groups.peek().is_some() && groups.all(|group| DEVELOPMENT.contains(&group))
}

fn want(rest: &str, is_development: bool) -> Option<Want> {
    let mut texts = quoted(rest);
    let (_, name) = texts.next().filter(|(front, name)| front.trim_matches(['(', ' ', '\t']).is_empty() && gem::is_name(name))?;
    // Requirements follow the name; options have keys.
    let ranges: Vec<&str> = texts.take_while(|(front, _)| front.trim_matches([',', ' ', '\t', '[']).is_empty()).map(|(_, range)| range).collect();
    let options = rest.replace(' ', "");
    if ["path:", ":path=>"].iter().any(|option| options.contains(option)) {
        return None;
    }
    let groups = ["group:", "groups:", ":group=>", ":groups=>"].iter().find_map(|option| options.split_once(option));
    let is_development = is_development || groups.is_some_and(|(_, groups)| is_for_development(groups.split(']').next().unwrap_or_default()));
    let exact = match ranges.as_slice() {
        [range] => Some(range.trim().trim_start_matches('=').trim()).filter(|version| gem::is_version(version)),
        _ => None,
    };
    Some(Want {
        name: name.to_owned(),
        version: exact.map(str::to_owned),
        range: ranges.join(", "),
        scope: if is_development { Scope::Development } else { Scope::Runtime },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{catalog, render};

    #[test]
    fn what_a_project_asks_for() {
        let files: &[(&str, &[u8])] = &[
            (
                "/app/Gemfile",
                br#"source "https://rubygems.org"
ruby "3.2.0"
gemspec
gem "rack", "2.0.1" # a comment, "x"
gem 'rails', '~> 7.0', '>= 7.0.4'
gem("puma", "= 5.0")
gem "plain"
gem "own", path: "../own"
gem "spec", group: :test
gem "both", groups: [:default, :test], require: false
gem "hooked", "1.0", require: "hook"
gem "from", git: "https://example.org/from.git", tag: "v1"
gem "bad name"
gem name
# gem "commented"
group :development, :test do
  gem "rspec"
  platforms :mri do
    gem "byebug"
  end
end
path "vendored" do
  gem "inside"
end
if ENV["X"]
  gem "last"
end
"#,
            ),
            ("/usr/local/bundle/gems/a-1.0/Gemfile", b"gem 'gone'\n"),
            ("/b/gems.rb", b"gem 'other', '1.0.0.pre'\n"),
        ];
        insta::assert_snapshot!(render(&catalog(&CATALOGER, files)), @r#"
            gem both pkg:gem/both direct at /app/Gemfile
            gem byebug pkg:gem/byebug development direct at /app/Gemfile
            gem from pkg:gem/from direct at /app/Gemfile
            gem hooked@1.0 pkg:gem/hooked@1.0 direct at /app/Gemfile
            gem last pkg:gem/last direct at /app/Gemfile
            gem other@1.0.0.pre pkg:gem/other@1.0.0.pre direct at /b/gems.rb
            gem plain pkg:gem/plain direct at /app/Gemfile
            gem puma@5.0 pkg:gem/puma@5.0 direct at /app/Gemfile
            gem rack@2.0.1 pkg:gem/rack@2.0.1 direct at /app/Gemfile
            gem rails pkg:gem/rails direct manifest:range="~> 7.0, >= 7.0.4" at /app/Gemfile
            gem rspec pkg:gem/rspec development direct at /app/Gemfile
            gem spec pkg:gem/spec development direct at /app/Gemfile
            root -> both
            root -development-> byebug
            root -> from
            root -> hooked@1.0
            root -> last
            root -> other@1.0.0.pre
            root -> plain
            root -> puma@5.0
            root -> rack@2.0.1
            root -> rails
            root -development-> rspec
            root -development-> spec
            unknown /app/Gemfile: asks for both, byebug, from and 5 more: nothing here says which versions these get and what they and 3 more need in turn
            unknown /app/Gemfile: asks in line 14 for what it does not name, `gem name`: nothing here says which packages these are
            unknown /b/gems.rb: asks for other 1.0.0.pre: nothing here says what these need in turn
            "#);
    }

    #[test]
    fn what_is_not_understood_is_told() {
        let files: &[(&str, &[u8])] = &[
            ("/merge/Gemfile", b"<<<<<<< HEAD\ngem 'a', '1.0'\n"),
            ("/garbage/Gemfile", b"something else\n"),
            ("/other/Gemfile", b"source 'x'\neval_gemfile 'other'\n"),
            ("/list/Gemfile", b"%w[a b].each do |name|\n  gem name\nend\n"),
            ("/locked/Gemfile", b"gem name\n"),
            ("/locked/Gemfile.lock", b"GEM\n"),
            ("/empty/Gemfile", b"\n"),
            ("/comment/Gemfile", b"# frozen_string_literal: true\n"),
        ];
        insta::assert_snapshot!(render(&catalog(&CATALOGER, files)), @r"
            gem a@1.0 pkg:gem/a@1.0 direct at /merge/Gemfile
            root -> a@1.0
            unknown /garbage/Gemfile: a Gemfile in which nothing says what is needed
            unknown /list/Gemfile: asks in line 2 for what it does not name, `gem name`: nothing here says which packages these are
            unknown /merge/Gemfile: asks for a 1.0: nothing here says what these need in turn
            unknown /merge/Gemfile: line 1 is the mark of an unresolved merge
            unknown /other/Gemfile: asks in line 2 for what it does not name, `eval_gemfile 'other'`: nothing here says which packages these are
            ");
    }

    #[test]
    fn blocks_end_at_the_limit() {
        for (depth, is_development) in [(DEPTH_MAX - 1, true), (DEPTH_MAX, false)] {
            let text = format!("{}group :test do\ngem 'a'\n", "if x\n".repeat(depth));
            assert_eq!(wants(&text)[0].scope == Scope::Development, is_development, "{depth}");
        }
    }
}
