//! The files of Go's module system: `go.mod`, `go.work`, `go.sum` and `vendor/modules.txt`.
//!
//! Follows "Go Modules Reference": "go.mod files", "Workspaces", "go.sum files" and "Vendoring".

use std::collections::{BTreeMap, BTreeSet};

use component::Hash;

use crate::ecosystems::golang;

/// The most lines of one file, or of all that one workspace consists of.
pub(crate) const LINES_MAX: usize = 200_000;

/// A module: its path, and the version where there is one.
pub(crate) type Coordinates = (String, Option<String>);

/// What a `go.mod` or a `go.work` says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Directives {
    /// The module's own path.
    pub(crate) module: Option<String>,
    /// The version of Go that it is written for.
    pub(crate) go: Option<String>,
    pub(crate) requires: Vec<Require>,
    /// By the old path, and the old version where only that one is replaced: the new path, and the new version where that is no folder.
    pub(crate) replaces: BTreeMap<Coordinates, Coordinates>,
    pub(crate) excludes: BTreeSet<(String, String)>,
    /// The folders of a workspace's modules.
    pub(crate) uses: Vec<String>,
    /// The first line, counted from one, that is no directive, and what stands there.
    pub(crate) unread: Option<(usize, String)>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Require {
    pub(crate) path: String,
    pub(crate) version: String,
    pub(crate) is_indirect: bool,
}

impl Directives {
    /// Reads as many lines as are left, and takes them off. Returns also whether these were all.
    pub(crate) fn parse(text: &str, lines_left: &mut usize) -> (Self, bool) {
        let mut directives = Self::default();
        let mut block: Option<String> = None;
        let mut lines = text.lines();
        for (at, line) in lines.by_ref().take(*lines_left).enumerate() {
            *lines_left -= 1;
            let (content, comment) =
                line.split_once("//").map_or((line, ""), |(content, comment)| (content, comment.trim()));
            let mut words: Vec<String> = words(content);
            if words.is_empty() {
                continue;
            }
            if words == [")"] {
                block = None;
                continue;
            }
            let directive = match &block {
                Some(block) => block.clone(),
                None => words.remove(0),
            };
            if words.first().is_some_and(|word| word == "(") {
                block = Some(directive);
                continue;
            }
            if directives.take(&directive, &words, comment).is_none() {
                directives.unread.get_or_insert_with(|| (at + 1, content.trim().to_owned()));
            }
        }
        (directives, lines.next().is_none())
    }

    /// Takes a directive, if it is one.
    fn take(&mut self, directive: &str, words: &[String], comment: &str) -> Option<()> {
        match (directive, words) {
            ("module", [path]) => self.module = Some(path.clone()),
            ("go", [version]) => self.go = Some(version.clone()),
            ("use", [folder]) => self.uses.push(folder.clone()),
            ("require", [path, version]) if golang::is_version(version) => {
                let is_indirect = comment == "indirect" || comment.starts_with("indirect;");
                self.requires.push(Require { path: path.clone(), version: version.clone(), is_indirect });
            }
            ("exclude", [path, version]) => {
                self.excludes.insert((path.clone(), version.clone()));
            }
            ("replace", words) => {
                let arrow = words.iter().position(|word| word == "=>")?;
                let (old, new) = (&words[..arrow], &words[arrow + 1..]);
                if let ([old, from @ ..], [new, to @ ..]) = (old, new) {
                    self.replaces.insert((old.clone(), from.first().cloned()), (new.clone(), to.first().cloned()));
                }
            }
            // What they say is of no package.
            ("toolchain" | "godebug" | "retract" | "tool" | "ignore", _) => {}
            _ => return None,
        }
        Some(())
    }

    /// Returns what stands for a module: what replaces this version counts before what replaces any.
    pub(crate) fn replacement(&self, path: &str, version: &str) -> Option<&Coordinates> {
        let replaced = |version: Option<String>| self.replaces.get(&(path.to_owned(), version));
        replaced(Some(version.to_owned())).or_else(|| replaced(None))
    }

    /// Returns whether `go` builds by the vendor folder beside it without being told so: what is written for Go 1.14 or later, and says so.
    pub(crate) fn is_since_vendoring(&self) -> bool {
        let mut numbers = self.go.as_deref().unwrap_or_default().split('.').map(str::parse::<u32>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(1)), Some(Ok(minor))) => minor >= 14,
            (Some(Ok(major)), _) => major > 1,
            _ => false,
        }
    }
}

/// Splits a line into words, of which some may stand in quotes.
fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(|word| word.trim_matches(['"', '`']).to_owned()).collect()
}

/// Reads the `path version h1:hash` lines of a `go.sum` that are of these modules; those of `go.mod` files themselves are left.
pub(crate) fn read_sums(text: &str, wanted: &BTreeSet<(String, String)>, sums: &mut BTreeMap<(String, String), Hash>) {
    for line in text.lines().take(LINES_MAX) {
        let mut words = line.split_whitespace();
        let (Some(path), Some(version), Some(hash)) = (words.next(), words.next(), words.next()) else { continue };
        let module = (path.to_owned(), version.to_owned());
        if let Some(hash) = golang::parse_hash(hash).filter(|_| wanted.contains(&module)) {
            sums.insert(module, hash);
        }
    }
}

/// What a `vendor/modules.txt` says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Vendored {
    /// By path and version.
    pub(crate) modules: BTreeMap<(String, String), VendoredModule>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct VendoredModule {
    /// What stands for it: a path with a version, or a folder.
    pub(crate) replacement: Option<Coordinates>,
    /// Whether a `go.mod` requires it.
    pub(crate) is_explicit: bool,
    /// Whether something of it is built.
    pub(crate) has_packages: bool,
}

impl Vendored {
    /// Returns whether a list is that of a workspace.
    pub(crate) fn is_of_workspace(bytes: &[u8]) -> bool {
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        std::str::from_utf8(line).is_ok_and(|line| is_marked(line.trim_end(), "workspace"))
    }

    /// Reads the file as `cmd/go/internal/modload/vendor.go` does; replacements of any version, of which nothing is built, are left.
    pub(crate) fn parse(text: &str) -> Self {
        let mut vendored = Self::default();
        let mut current: Option<(String, String)> = None;
        for line in text.lines().take(LINES_MAX) {
            if let Some(module) = line.strip_prefix("# ") {
                current = None;
                let words: Vec<&str> = module.split_whitespace().collect();
                let [path, version, rest @ ..] = words.as_slice() else { continue };
                if *version == "=>" {
                    continue;
                }
                let key = ((*path).to_owned(), (*version).to_owned());
                let module = vendored.modules.entry(key.clone()).or_default();
                if let ["=>", new, to @ ..] = rest {
                    module.replacement = Some(((*new).to_owned(), to.first().map(|version| (*version).to_owned())));
                }
                current = Some(key);
                continue;
            }
            let Some(module) = current.as_ref().and_then(|key| vendored.modules.get_mut(key)) else { continue };
            if line.starts_with("##") {
                module.is_explicit |= is_marked(line, "explicit");
            } else if !line.trim().is_empty() {
                module.has_packages = true;
            }
        }
        vendored
    }
}

/// Returns whether a line of a list of vendored modules has a mark.
fn is_marked(line: &str, mark: &str) -> bool {
    line.strip_prefix("## ").is_some_and(|marks| marks.split(';').any(|one| one.trim() == mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_the_limit() {
        for (before, expected, is_whole) in [(LINES_MAX - 2, 2, true), (LINES_MAX - 1, 1, false), (LINES_MAX, 0, false)]
        {
            let blank = "\n".repeat(before);
            let text = format!("{blank}require example.org/a v1.0.0\nrequire example.org/b v1.0.0\n");
            let (directives, was_whole) = Directives::parse(&text, &mut LINES_MAX.clone());
            assert_eq!((directives.requires.len(), was_whole), (expected, is_whole), "{before}");
            let hash = "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
            let wanted = ["example.org/a", "example.org/b"].map(|path| (path.to_owned(), "v1.0.0".to_owned())).into();
            let mut sums = BTreeMap::new();
            read_sums(
                &format!("{blank}example.org/a v1.0.0 {hash}\nexample.org/b v1.0.0 {hash}\n"),
                &wanted,
                &mut sums,
            );
            assert_eq!(sums.len(), expected, "{before}");
            let vendored = Vendored::parse(&format!("{blank}# example.org/a v1.0.0\n# example.org/b v1.0.0\n"));
            assert_eq!(vendored.modules.len(), expected, "{before}");
        }
    }

    #[test]
    fn vendor_counts_from_go_1_14_on() {
        for (text, expected) in [
            ("", false),
            ("go 1.13", false),
            ("go 1.14", true),
            ("go 1.22.3", true),
            ("go 1.9", false),
            ("go 2", true),
            ("go x", false),
        ] {
            assert_eq!(Directives::parse(text, &mut LINES_MAX.clone()).0.is_since_vendoring(), expected, "{text}");
        }
    }
}
