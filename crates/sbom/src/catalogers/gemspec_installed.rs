//! Ruby gems that are installed: the `specifications` of a gem folder.
//!
//! RubyGems writes these files itself, one statement a line; nothing of them is run.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use component::{PackageType, License, Range, Scheme, Scope, Technique};

use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::gem;
use crate::ecosystems::identity::Finder;
use crate::ecosystems::paths;
use crate::view::View;
use crate::Handle;

/// Installed Ruby gems.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "gemspec-installed",
    summary: "Ruby gems in gem folders, by their specifications",
    evidence: Evidence::Installed,
    claims: &[Claim { pattern: Pattern::Path("**/specifications/**/*.gemspec"), keep: Keep::Bytes { limit_bytes: 4 << 20 } }],
    abilities: Abilities { packages: &[PackageType::Gem], versions: Versions::Exact, edges: Edges::Complete, licenses: true, files: false, hashes: false },
    catalog,
};

const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::InstalledMetadata };

/// The most text literals of one statement.
const LITERALS_MAX: usize = 10_000;

/// The most requirements of one gem; the largest have about fifty.
const NEEDS_MAX: usize = 1024;

/// The most gem folders that all gems share; Debian has four.
const SHARED_FOLDERS_MAX: usize = 16;

/// The most installed versions of one gem.
const VERSIONS_MAX: usize = 256;

/// What a specification says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Specification {
    name: String,
    version: String,
    platform: Option<String>,
    licenses: Vec<String>,
    authors: Vec<String>,
    emails: Vec<String>,
    /// Name and requirements, such as `>= 1`.
    needs: Vec<(String, Vec<String>)>,
}

fn catalog(view: &View<'_>, findings: &mut Findings) {
    let mut found: Vec<(Handle, String, Specification)> = Vec::new();
    // The folders that hold what came with a Ruby.
    let mut of_ruby: BTreeSet<String> = BTreeSet::new();
    for file in view.files(0).filter(|file| !file.bytes().is_empty()) {
        let specification = parse(&String::from_utf8_lossy(file.bytes()));
        let (name, version) = (&specification.name, &specification.version);
        let Some(mut component) = gem::component(FINDER, name, version, specification.platform.as_deref(), None) else {
            findings.unknown(file.location(), "the specification has no valid name and version");
            continue;
        };
        component.licenses = specification.licenses.iter().filter_map(|license| License::parse(license)).collect();
        component.supplier = supplier(&specification);
        component.locations.push(file.location());
        let folder = file.path().rfind("/specifications/").map_or("", |at| &file.path()[..at]).to_owned();
        if paths::folder(file.path()).ends_with("/specifications/default") {
            component.properties.insert("gem:default".into(), "true".to_owned());
            of_ruby.insert(folder.clone());
        }
        found.push((findings.add(component), folder, specification));
    }

    let mut places: BTreeMap<(&str, &str), Vec<(Handle, &str)>> = BTreeMap::new();
    for (handle, folder, specification) in &found {
        let versions = places.entry((folder, &specification.name)).or_default();
        if versions.len() < VERSIONS_MAX {
            versions.push((*handle, &specification.version));
        }
    }
    let shared = shared_folders(&found, &of_ruby);
    for (handle, folder, specification) in &found {
        let searched = std::iter::once(folder.as_str()).chain(shared.iter().copied().filter(|shared| shared != folder));
        let searched: Vec<&str> = searched.collect();
        for (name, requirements) in &specification.needs {
            let installed: Vec<(Handle, &str)> =
                searched.iter().filter_map(|folder| places.get(&(*folder, name.as_str()))).flatten().copied().collect();
            for target in activated(&installed, requirements) {
                findings.depends_on(*handle, target, Scope::Runtime);
            }
        }
    }
}

/// Returns the gem folders that every gem finds beside its own: Ruby's, if there is one Ruby alone, and with Debian's Ruby those of Debian's
/// packages.
fn shared_folders<'a>(found: &'a [(Handle, String, Specification)], of_ruby: &'a BTreeSet<String>) -> Vec<&'a str> {
    let mut rubies = of_ruby.iter();
    let (Some(ruby), None) = (rubies.next(), rubies.next()) else {
        return Vec::new();
    };
    let mut shared = BTreeSet::from([ruby.as_str()]);
    if ruby.contains("/usr/lib/ruby/gems/") {
        let is_debian = |folder: &str| folder.contains("/rubygems-integration/") || folder.contains("/var/lib/gems/");
        shared.extend(found.iter().map(|(_, folder, _)| folder.as_str()).filter(|folder| is_debian(folder)));
    }
    shared.into_iter().take(SHARED_FOLDERS_MAX).collect()
}

fn supplier(specification: &Specification) -> Option<String> {
    let author = specification.authors.iter().find(|author| !author.is_empty())?;
    match specification.emails.first().filter(|email| !email.is_empty()) {
        Some(email) if specification.authors.len() == 1 => Some(format!("{author} <{email}>")),
        _ => Some(specification.authors.join(", ")),
    }
}

/// Returns what RubyGems activates for a requirement: the highest installed version that fulfils it, in all its builds.
fn activated(installed: &[(Handle, &str)], requirements: &[String]) -> Vec<Handle> {
    let Ok(range) = Range::parse(Scheme::Gem, &requirements.join(", ")) else {
        return Vec::new();
    };
    let mut best: Option<&str> = None;
    for (_, version) in installed.iter().filter(|(_, version)| range.contains(version).unwrap_or(false)) {
        if best.is_none_or(|best| Scheme::Gem.compare(version, best).is_ok_and(Ordering::is_gt)) {
            best = Some(version);
        }
    }
    installed.iter().filter(|(_, version)| Some(*version) == best).map(|(handle, _)| *handle).collect()
}

fn parse(text: &str) -> Specification {
    let mut specification = Specification::default();
    // Older versions of RubyGems wrote, for still older ones, every dependency once more in a branch that is never taken.
    let mut in_else = false;
    for line in text.lines() {
        let line = line.trim();
        match line {
            "else" => in_else = true,
            "end" => in_else = false,
            _ => {}
        }
        if in_else {
            continue;
        }
        if let Some(stub) = line.strip_prefix("# stub: ") {
            let mut words = stub.split(' ');
            if let (Some(name), Some(version)) = (words.next(), words.next()) {
                name.clone_into(&mut specification.name);
                version.clone_into(&mut specification.version);
                specification.platform = words.next().filter(|platform| *platform != "ruby").map(str::to_owned);
            }
            continue;
        }
        // `s.name = …`: the variable may have any name.
        let Some((_, statement)) = line.split_once('.').filter(|(variable, _)| variable.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
        else {
            continue;
        };
        if let Some((key, value)) = statement.split_once('=').filter(|(key, _)| key.trim().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')) {
            let mut values = literals(value);
            match key.trim() {
                "name" if specification.name.is_empty() => specification.name = values.pop().unwrap_or_default(),
                "version" if specification.version.is_empty() => specification.version = values.pop().unwrap_or_default(),
                "license" | "licenses" => specification.licenses = values,
                "author" | "authors" => specification.authors = values,
                "email" => specification.emails = values,
                "platform" if specification.platform.is_none() => specification.platform = values.pop(),
                _ => {}
            }
        } else if let Some(arguments) = ["add_runtime_dependency", "add_dependency"].iter().find_map(|name| statement.strip_prefix(name)) {
            let mut values = literals(arguments).into_iter();
            if let Some(name) = values.next() {
                let need = (name, values.collect());
                if !specification.needs.contains(&need) && specification.needs.len() < NEEDS_MAX {
                    specification.needs.push(need);
                }
            }
        }
    }
    specification
}

/// Returns the texts in a Ruby statement: `"…"`, `'…'` and `%q<…>`.
fn literals(statement: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = statement;
    while let Some(at) = rest.find(['"', '\'', '%', '#']) {
        if found.len() == LITERALS_MAX {
            break;
        }
        let (quote, behind) = match &rest.as_bytes()[at..] {
            [b'%', b'q', b'<', ..] => ('>', &rest[at + 3..]),
            [b'"', ..] => ('"', &rest[at + 1..]),
            [b'\'', ..] => ('\'', &rest[at + 1..]),
            [b'#', ..] => break,
            _ => {
                rest = &rest[at + 1..];
                continue;
            }
        };
        let mut text = String::new();
        let mut characters = behind.char_indices();
        let mut end = behind.len();
        while let Some((at, character)) = characters.next() {
            if character == quote {
                end = at + character.len_utf8();
                break;
            }
            match character {
                '\\' => escaped(&mut characters, &mut text, quote == '"'),
                character => text.push(character),
            }
        }
        found.push(text);
        rest = &behind[end..];
    }
    found
}

/// Reads what stands behind a backslash; of the escapes RubyGems writes `\uXXXX` and the quotes.
fn escaped(characters: &mut std::str::CharIndices<'_>, text: &mut String, is_double: bool) {
    let Some((_, character)) = characters.next() else {
        return;
    };
    if character == 'u' && is_double {
        let rest = characters.as_str();
        if let Some(code) = rest.get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32) {
            text.push(code);
            characters.nth(3);
            return;
        }
    }
    text.push(character);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::found;

    fn check(files: &[(&str, &str)]) -> String {
        found(&CATALOGER, files)
    }

    #[test]
    fn lists_end_at_their_limits() {
        for (written, kept) in [(NEEDS_MAX - 1, 1023), (NEEDS_MAX, 1024), (NEEDS_MAX + 1, 1024)] {
            let needs = (0..written).map(|index| format!("  s.add_dependency(\"n{index}\")\n")).collect::<Vec<_>>().concat();
            let text = format!("Gem::Specification.new do |s|\n  s.name = \"a\"\n  s.version = \"1\"\n{needs}end\n");
            assert_eq!(parse(&text).needs.len(), kept, "{written}");
        }
        for (written, kept) in [(LITERALS_MAX - 1, 9_999), (LITERALS_MAX, 10_000), (LITERALS_MAX + 1, 10_000)] {
            assert_eq!(literals(&"'x', ".repeat(written)).len(), kept, "{written}");
        }
    }

    #[test]
    fn versions_and_folders_end_at_their_limits() {
        let gem = |name: &str, version: &str, need: &str| {
            format!("Gem::Specification.new do |s|\n  s.name = \"{name}\"\n  s.version = \"{version}\"\n{need}end\n")
        };
        for (written, highest) in [(VERSIONS_MAX - 1, 255), (VERSIONS_MAX, 256), (VERSIONS_MAX + 1, 256)] {
            // In the order of their names, which is that of their versions.
            let mut files: Vec<(String, String)> = (1..=written)
                .map(|version| (format!("/g/specifications/b-{version:04}.gemspec"), gem("b", &version.to_string(), "")))
                .collect();
            files.push(("/g/specifications/a.gemspec".to_owned(), gem("a", "1", "  s.add_dependency(\"b\")\n")));
            let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
            let edges: Vec<String> = check(&files).lines().filter(|line| line.starts_with("a@1 ->")).map(str::to_owned).collect();
            assert_eq!(edges, [format!("a@1 -> b@{highest}")], "{written}");
        }
        let handle = Findings::default().add(component::Component::new(component::PackageType::Gem, "a", "test", Technique::InstalledMetadata));
        let of_ruby = BTreeSet::from(["/usr/lib/ruby/gems/3.1.0".to_owned()]);
        for (written, kept) in [(SHARED_FOLDERS_MAX - 2, 15), (SHARED_FOLDERS_MAX - 1, 16), (SHARED_FOLDERS_MAX, 16)] {
            let found: Vec<_> = (0..written)
                .map(|index| (handle, format!("/usr/share/rubygems-integration/{index}"), Specification::default()))
                .collect();
            assert_eq!(shared_folders(&found, &of_ruby).len(), kept, "{written}");
        }
    }

    #[test]
    fn what_is_no_specification_is_unknown() {
        insta::assert_snapshot!(
            check(&[
                ("/g/specifications/a.gemspec", r"bogus"),
                ("/g/specifications/b.gemspec", r""),
                ("/g/specifications/c.gemspec", r"# stub: #{name} 1 ruby lib"),
                ("/g/d.gemspec", r"# stub: d 1 ruby lib"),
            ]),
            @r"
            unknown /g/specifications/a.gemspec: the specification has no valid name and version
            unknown /g/specifications/c.gemspec: the specification has no valid name and version
            "
        );
    }

    #[test]
    fn the_highest_version_that_fulfils_is_activated() {
        insta::assert_snapshot!(
            check(&[
                ("/g/specifications/a-1.0.gemspec", r#"# -*- encoding: utf-8 -*-
# stub: a 1.0 ruby lib

Gem::Specification.new do |s|
  s.name = "a".freeze
  s.version = "1.0"
  s.authors = ["Andr\u00E9".freeze]
  s.email = "a@b.c".freeze
  s.licenses = ["MIT".freeze, "Ruby".freeze]
  s.add_runtime_dependency(%q<b>.freeze, ["~> 2.8".freeze, ">= 2.8.1".freeze])
  s.add_dependency(%q<c>, [">= 0"]) # "none"
  if s.respond_to? :add_runtime_dependency then
    s.add_development_dependency(%q<d>.freeze, [">= 0"])
  else
    s.add_dependency(%q<d>.freeze, [">= 0"])
  end
  s.add_dependency(%q<b>.freeze, ["~> 2.8".freeze, ">= 2.8.1".freeze])
end
"#),
                ("/g/specifications/b-2.8.gemspec", r"# stub: b 2.8 ruby lib
"),
                ("/g/specifications/b-2.9.gemspec", r"# stub: b 2.9 ruby lib
"),
                ("/g/specifications/b-2.10.gemspec", r"# stub: b 2.10 x86_64-linux lib
"),
                ("/g/specifications/b-3.0.gemspec", r"# stub: b 3.0 ruby lib
"),
                ("/g/specifications/default/c-1.0.gemspec", r"Gem::Specification.new do |spec|
  spec.name = 'c'
  spec.version = '1.0'
end
"),
                ("/g/specifications/d-1.0.gemspec", r"# stub: d 1.0 ruby lib
"),
                (
                    "/h/specifications/e-1.0.gemspec",
                    "# stub: e 1.0 ruby lib\ns.add_dependency(%q<c>.freeze, [\">= 0\"])\ns.add_dependency(%q<b>.freeze, [\">= 0\"])\n",
                ),
                ("/h/specifications/c-0.5.gemspec", r"# stub: c 0.5 ruby lib
"),
            ]),
            @r#"
            gem a@1.0 pkg:gem/a@1.0 license="MIT" license="Ruby" supplier="André <a@b.c>" at /g/specifications/a-1.0.gemspec
            gem b@2.10 pkg:gem/b@2.10?platform=x86_64-linux at /g/specifications/b-2.10.gemspec
            gem b@2.8 pkg:gem/b@2.8 at /g/specifications/b-2.8.gemspec
            gem b@2.9 pkg:gem/b@2.9 at /g/specifications/b-2.9.gemspec
            gem b@3.0 pkg:gem/b@3.0 at /g/specifications/b-3.0.gemspec
            gem c@0.5 pkg:gem/c@0.5 at /h/specifications/c-0.5.gemspec
            gem c@1.0 pkg:gem/c@1.0 gem:default="true" at /g/specifications/default/c-1.0.gemspec
            gem d@1.0 pkg:gem/d@1.0 at /g/specifications/d-1.0.gemspec
            gem e@1.0 pkg:gem/e@1.0 at /h/specifications/e-1.0.gemspec
            a@1.0 -> b@2.10
            a@1.0 -> c@1.0
            e@1.0 -> b@3.0
            e@1.0 -> c@1.0
            "#
        );
    }
}
