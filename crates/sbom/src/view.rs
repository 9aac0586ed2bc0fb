#![expect(
    clippy::cast_possible_truncation,
    reason = "indices are below `ENTRIES_MAX`; images have at most some hundred layers"
)]

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use component::{Distribution, Location};

use crate::layer::{FileKind, Kept, LayerRecord};
use crate::matcher::Matcher;

/// The most symbolic links on the way to a file, as Linux has it.
const LINKS_MAX: usize = 40;

/// A file that a cataloger claimed and that the merged file system shows.
#[derive(Debug, Clone, Copy)]
pub struct File<'a>(&'a Shown<'a>, &'a [u8]);

impl<'a> File<'a> {
    /// Returns the absolute path.
    pub fn path(&self) -> &'a str {
        &self.0.path
    }

    /// Returns what was kept: the file's bytes, or its extractor's record.
    pub fn bytes(&self) -> &'a [u8] {
        self.1
    }

    /// Returns the file's location.
    pub fn location(&self) -> Location {
        Location::new(self.path(), self.0.layer)
    }

    /// Returns the size of the file itself.
    pub fn size_bytes(&self) -> u64 {
        self.0.size_bytes
    }

    /// Returns the file's permission bits.
    pub fn mode(&self) -> u16 {
        self.0.mode
    }
}

/// An entry of the merged file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: FileKind,
    /// Its permission bits.
    pub mode: u16,
    /// The size of a regular file.
    pub size_bytes: u64,
}

/// What one cataloger sees of the merged file system.
pub struct View<'a> {
    pub(crate) tree: &'a Tree<'a>,
    pub(crate) cataloger: usize,
}

impl<'a> View<'a> {
    /// Returns the visible files of this cataloger's claim with the given index, in the order of their paths.
    pub fn files(&self, claim: usize) -> impl Iterator<Item = File<'a>> {
        let shown: &'a [(u32, u32)] = self.tree.claimed.get(&(self.cataloger, claim)).map_or(&[], Vec::as_slice);
        let tree = self.tree;
        shown.iter().map(move |(at, kept)| tree.file(*at, *kept))
    }

    /// Returns a visible file that this cataloger claimed, by its absolute path; symbolic links are followed.
    pub fn file(&self, path: &str) -> Option<File<'a>> {
        let path = self.tree.resolve(path.trim_start_matches('/'))?;
        let (at, shown) = self.tree.find_shown(&path)?;
        let (_, kept) = shown.claims.iter().find(|((cataloger, _), _)| *cataloger == self.cataloger)?;
        Some(self.tree.file(at, *kept))
    }

    /// Returns what is visible at an absolute path; symbolic links are followed.
    pub fn entry(&self, path: &str) -> Option<Entry> {
        let path = self.tree.resolve(path.trim_start_matches('/'))?;
        self.tree.visible(&path).map(|(layer, record)| {
            let is_file = record.kind == FileKind::File;
            let _ = layer;
            Entry { kind: record.kind, mode: record.mode, size_bytes: if is_file { record.size_or_link } else { 0 } }
        })
    }

    /// Returns the operating system that the image holds.
    pub fn distribution(&self) -> Option<&'a Distribution> {
        self.tree.distribution.as_ref()
    }
}

/// A file of which something was kept and that no upper layer hides.
#[derive(Debug)]
struct Shown<'a> {
    path: String,
    layer: Option<u16>,
    size_bytes: u64,
    mode: u16,
    /// What was kept, and for whom.
    kept: Vec<&'a Kept>,
    claims: Vec<((usize, usize), u32)>,
}

/// The layers of an image laid over each other.
pub(crate) struct Tree<'a> {
    layers: &'a [&'a LayerRecord],
    shown: Vec<Shown<'a>>,
    by_path: HashMap<String, u32>,
    /// For each claim of each cataloger: the file, and which of what was kept of it.
    claimed: HashMap<(usize, usize), Vec<(u32, u32)>>,
    pub(crate) distribution: Option<Distribution>,
    directories: RefCell<HashMap<String, Option<String>>>,
}

impl<'a> Tree<'a> {
    /// Lays layers over each other, lowest first. `first_layer` is `None` outside of images, where the only layer is a directory.
    pub(crate) fn new(layers: &'a [&'a LayerRecord], is_image: bool, matcher: &Matcher) -> Self {
        let mut shown: BTreeMap<String, Shown<'a>> = BTreeMap::new();
        for (index, layer) in layers.iter().enumerate() {
            let upper = &layers[index + 1..];
            for kept in layer.kept() {
                let path = layer.path(kept.record);
                if layer.is_replaced(kept.record, &path) || upper.iter().any(|upper| upper.hides(&path)) {
                    continue;
                }
                let (size_bytes, mode) = layer.size_and_mode(kept.record);
                shown
                    .entry(path)
                    .or_insert_with_key(|path| Shown {
                        path: format!("/{path}"),
                        layer: is_image.then_some(index as u16),
                        size_bytes,
                        mode,
                        kept: Vec::new(),
                        claims: Vec::new(),
                    })
                    .kept
                    .push(kept);
            }
        }
        let mut tree = Self {
            layers,
            shown: Vec::with_capacity(shown.len()),
            by_path: HashMap::with_capacity(shown.len()),
            claimed: HashMap::new(),
            distribution: None,
            directories: RefCell::default(),
        };
        let mut scratch = Vec::new();
        for (path, mut file) in shown {
            let at = tree.shown.len() as u32;
            let is_program = |kept: &&&Kept| kept.extractor.is_some();
            let path_claims: Vec<_> = matcher.path_claims(&path, &mut scratch).collect();
            let programs =
                if file.kept.iter().any(|kept| is_program(&kept)) { matcher.executable_claims() } else { &[] };
            for reference in path_claims.iter().chain(programs) {
                let wanted = match reference.keep {
                    crate::Keep::Bytes { .. } => None,
                    crate::Keep::Record(extractor) => Some(extractor.name),
                };
                let Some(kept) = file.kept.iter().position(|kept| kept.extractor.as_deref() == wanted) else {
                    continue;
                };
                let claim = (reference.cataloger, reference.claim);
                file.claims.push((claim, kept as u32));
                tree.claimed.entry(claim).or_default().push((at, kept as u32));
            }
            tree.shown.push(file);
            tree.by_path.insert(path, at);
        }
        tree
    }

    fn file(&'a self, at: u32, kept: u32) -> File<'a> {
        let shown = &self.shown[at as usize];
        File(shown, &shown.kept[kept as usize].bytes)
    }

    fn find_shown(&self, path: &str) -> Option<(u32, &Shown<'a>)> {
        let at = *self.by_path.get(path)?;
        Some((at, &self.shown[at as usize]))
    }

    /// Returns the bytes of a kept file, whoever claimed it.
    pub(crate) fn bytes(&self, path: &str) -> Option<&'a [u8]> {
        let (_, shown) = self.find_shown(&self.resolve(path)?)?;
        shown.kept.iter().find(|kept| kept.extractor.is_none()).map(|kept| &*kept.bytes)
    }

    /// Returns the topmost record at a path that no upper layer hides.
    fn visible(&self, path: &str) -> Option<(&'a LayerRecord, &'a crate::layer::Record)> {
        for layer in self.layers.iter().rev() {
            if let Some(record) = layer.record(path) {
                return Some((layer, record));
            }
            if layer.hides(path) {
                return None;
            }
        }
        None
    }

    /// Follows symbolic links to the path that they mean. Paths have no leading slash; a link never leaves the root.
    pub(crate) fn resolve(&self, path: &str) -> Option<String> {
        self.resolve_counted(path, &mut 0)
    }

    fn resolve_counted(&self, path: &str, links: &mut usize) -> Option<String> {
        let mut done = String::new();
        let mut rest: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
        while let Some(part) = rest.pop() {
            match part.as_str() {
                "" | "." => continue,
                ".." => {
                    done.truncate(done.rfind('/').unwrap_or(0));
                    continue;
                }
                _ => {}
            }
            let candidate = if done.is_empty() { part } else { format!("{done}/{part}") };
            let is_last = rest.is_empty();
            if !is_last {
                let known = self.directories.borrow().get(&candidate).cloned();
                if let Some(known) = known {
                    done = known?;
                    continue;
                }
            }
            let link = self.visible(&candidate).and_then(|(layer, record)| layer.link(record));
            let Some(target) = link else {
                if !is_last {
                    self.directories.borrow_mut().insert(candidate.clone(), Some(candidate.clone()));
                }
                done = candidate;
                continue;
            };
            *links += 1;
            if *links > LINKS_MAX {
                return None;
            }
            if target.starts_with('/') {
                done.clear();
            }
            rest.extend(target.split('/').rev().map(str::to_owned));
        }
        Some(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LayerBuilder;

    #[test]
    fn links_are_followed_to_the_limit() {
        let matcher = Matcher::new(Vec::new());
        for (links, is_found) in [(LINKS_MAX - 1, true), (LINKS_MAX, true), (LINKS_MAX + 1, false)] {
            let mut builder = LayerBuilder::new(&matcher, || unreachable!("nothing is read"));
            for link in 0..links {
                let target = format!("l{}", link + 1);
                builder.add(&format!("l{link}"), FileKind::Symlink, 0o777, Some(&target)).expect("a layer");
            }
            let layer = builder.finish();
            let layers = [&layer];
            let expected = is_found.then(|| format!("l{links}"));
            assert_eq!(Tree::new(&layers, true, &matcher).resolve("l0"), expected, "{links}");
        }
    }
}
