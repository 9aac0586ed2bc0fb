#![expect(
    clippy::cast_possible_truncation,
    reason = "indices are below `ENTRIES_MAX`; images have at most some hundred layers"
)]

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use component::{Distribution, Location, Unknown};
use hashbrown::HashMap;

use crate::Findings;
use crate::layer::{FileKind, KEPT_BYTES_MAX, Kept, LINK, LayerRecord, Record, join, split};
use crate::links;
use crate::matcher::Matcher;
use crate::os_release;

mod below;

/// The most symbolic links on the way to a file, as Linux has it.
const LINKS_MAX: usize = 40;

/// The most names of links under which files are shown once more: each is read as a file of its own. What goes beyond is told, link by link.
const FOLLOWED_FILES_MAX: usize = 100_000;

/// The most bytes of these together.
const FOLLOWED_BYTES_MAX: u64 = KEPT_BYTES_MAX;

/// About the most bytes of what is learned of paths. An image with 100,000 directories takes half of it; links of a hostile one name any number of directories
/// that are not there.
const LEARNED_BYTES_MAX: usize = 64 << 20;

/// About what a directory takes there beside its path, which is kept twice.
const LEARNED_OVERHEAD_BYTES: usize = 200;

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
    /// Of the tree's layers.
    pub(crate) paths: &'a Paths<'a>,
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
        let path = path.trim_start_matches('/');
        let find = |path: &str| {
            let (at, shown) = self.tree.find_shown(path)?;
            let (_, kept) = shown.claims.iter().find(|((cataloger, _), _)| *cataloger == self.cataloger)?;
            Some(self.tree.file(at, *kept))
        };
        // What is behind a link may be claimed by the link's name alone.
        find(&self.paths.resolve(path)?).or_else(|| find(path))
    }

    /// Returns what is visible at an absolute path; symbolic links are followed.
    pub fn entry(&self, path: &str) -> Option<Entry> {
        self.paths.place(path.trim_start_matches('/')).map(|place| {
            let record = self.paths.record(place);
            let is_file = record.kind == FileKind::File;
            Entry { kind: record.kind, mode: record.mode, size_bytes: if is_file { record.size_or_link } else { 0 } }
        })
    }

    /// Returns whether a symbolic link stands at an absolute path; those on the way to it are followed.
    pub(crate) fn is_link(&self, path: &str) -> bool {
        let place = self.paths.place_itself(path.trim_start_matches('/'));
        place.is_some_and(|place| self.paths.record(place).kind == FileKind::Symlink)
    }

    /// Returns the absolute path, on this machine, of the directory that is looked at; empty for anything else, and for its root.
    pub(crate) fn place(&self) -> &'a str {
        self.tree.place.trim_end_matches('/')
    }

    /// Returns the operating system that the image holds.
    pub fn distribution(&self) -> Option<&'a Distribution> {
        self.distribution_below("")
    }

    /// Returns the operating system below a root, without a slash at its end: nothing for that of the image. One that does not say what it is, is none.
    pub fn distribution_below(&self, root: &str) -> Option<&'a Distribution> {
        self.tree.distributions.get(root)
    }

    /// Tells of a database of packages below another root than the image's that nothing says which distribution they are of: they need not be of the image's.
    pub(crate) fn tell_unnamed(&self, root: &str, database: Location, findings: &mut Findings) {
        if !root.is_empty() && self.distribution_below(root).is_none() && self.distribution().is_some() {
            let reason = format!("nothing below `{root}` says which distribution its packages are of");
            findings.unknown(database, reason);
        }
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
    claims: Box<[((usize, usize), u32)]>,
}

impl Shown<'_> {
    fn is_link(&self) -> bool {
        self.kept.iter().any(|kept| kept.extractor.as_deref() == Some(LINK))
    }
}

/// What was kept of the layers of an image that are laid over each other, as far as no upper layer hides it.
pub(crate) struct Tree<'a> {
    /// In the order of their paths.
    shown: Vec<Shown<'a>>,
    /// For each claim of each cataloger: the file, and which of what was kept of it.
    claimed: HashMap<(usize, usize), Vec<(u32, u32)>>,
    /// By the roots, without a slash at their ends.
    distributions: HashMap<String, Distribution>,
    /// Hard links to files of lower layers, of which something is wanted that was not kept.
    unkept: Vec<Unknown>,
    /// Of a directory, where it is on this machine; else empty.
    place: &'a str,
}

/// What paths lead to in layers that are laid over each other, lowest first. It learns while it is asked, so that each thread has its own.
pub(crate) struct Paths<'a> {
    layers: &'a [&'a LayerRecord],
    /// What hard links to lower layers are other names of.
    origins: HashMap<Place, Place>,
    directories: RefCell<HashMap<String, Levels>>,
    /// Directories once links are followed; `None` where there are too many.
    followed: RefCell<HashMap<String, Option<Rc<Directory>>>>,
    /// About how many bytes all that takes.
    learned_bytes: Cell<usize>,
}

/// A record: the layer, and its index there.
type Place = (usize, u32);

/// One layer as far as it counts for what is in a directory.
struct Level {
    layer: usize,
    /// The layer's index of the directory, if it has anything in it.
    directory: Option<u32>,
    /// Whether a whiteout of the layer may be for something in the directory.
    has_whiteouts: bool,
}

/// The layers that count for what is in a directory, the topmost first.
struct Levels {
    levels: Rc<[Level]>,
    /// The lowest layer that may: it hides the directory from those below it, or is the lowest of all.
    bottom: usize,
}

/// What a directory means once links are followed.
struct Directory {
    path: String,
    /// How many links that took.
    links: usize,
    levels: Rc<[Level]>,
}

/// A name that is a link, or none.
struct LeadsElsewhere;

/// What a path means once links are followed.
struct Followed {
    path: String,
    /// The record there, if one is visible.
    place: Option<Place>,
}

impl<'a> Tree<'a> {
    /// Takes what the layers show. Outside of images the only layer is a directory.
    pub(crate) fn new(paths: &Paths<'a>, place: &'a str, is_image: bool, matcher: &Matcher) -> Self {
        let layers = paths.layers;
        let (claimed, distributions) = (HashMap::new(), HashMap::new());
        let mut tree = Self { shown: Vec::new(), claimed, distributions, unkept: Vec::new(), place };
        let mut shown: Vec<(String, Place, &'a Kept)> = Vec::new();
        for (index, layer) in layers.iter().enumerate() {
            for kept in layer.kept() {
                let path = layer.path(kept.record);
                if paths.visible(&path) != Some((index, kept.record)) {
                    continue;
                }
                shown.push((format!("/{path}"), (index, kept.record), kept));
            }
        }
        tree.unkept = paths.show_below(matcher, is_image, &mut shown);
        // What is kept of one file stands in the order in which it was kept.
        shown.sort_by(|(left, ..), (right, ..)| left.cmp(right));
        tree.shown.reserve_exact(shown.len());
        for (path, place, kept) in shown {
            match tree.shown.last_mut() {
                Some(file) if file.path == path => file.kept.push(kept),
                _ => {
                    let Record { size_or_link: size_bytes, mode, .. } = *paths.record(place);
                    let layer = is_image.then_some(place.0 as u16);
                    tree.shown.push(Shown { path, layer, size_bytes, mode, kept: vec![kept], claims: Box::default() });
                }
            }
        }
        tree.follow(paths, matcher);
        let mut scratch = Vec::new();
        for (at, file) in tree.shown.iter_mut().enumerate() {
            let is_program = |kept: &&&Kept| kept.extractor.is_some();
            let path_claims: Vec<_> = matcher.path_claims(&file.path[1..], &mut scratch).collect();
            let programs =
                if file.kept.iter().any(|kept| is_program(&kept)) { matcher.executable_claims() } else { &[] };
            let mut claims = Vec::new();
            for reference in path_claims.iter().chain(programs) {
                let wanted = match reference.keep {
                    crate::Keep::Bytes { .. } => None,
                    crate::Keep::Record(extractor) => Some(extractor.name),
                };
                let Some(kept) = file.kept.iter().position(|kept| kept.extractor.as_deref() == wanted) else {
                    continue;
                };
                let claim = (reference.cataloger, reference.claim);
                claims.push((claim, kept as u32));
                tree.claimed.entry(claim).or_default().push((at as u32, kept as u32));
            }
            file.claims = claims.into_boxed_slice();
        }
        tree.distributions = tree.find_distributions(paths);
        tree
    }

    /// Returns which operating system is below each root that has one.
    fn find_distributions(&self, paths: &Paths<'_>) -> HashMap<String, Distribution> {
        let root_of = |path: &str, own: &str| path.strip_suffix(own)?.strip_suffix('/').map(str::to_owned);
        let roots: BTreeSet<String> = os_release::PATHS
            .iter()
            .flat_map(|own| self.shown.iter().filter_map(|shown| root_of(&shown.path, own)))
            .chain([String::new()])
            .collect();
        let below = |root: &str, own: &str| {
            let below = [root, "/", own].concat();
            let path = paths.resolve(below.trim_start_matches('/'))?;
            // A link that begins with a slash leads below the image's own root, which is another.
            let is_own = root.is_empty() || path.strip_prefix(&root[1..]).is_some_and(|rest| rest.starts_with('/'));
            os_release::parse(self.bytes(&path).filter(|_| is_own)?)
        };
        roots
            .into_iter()
            .filter_map(|root| {
                let found = os_release::PATHS.iter().find_map(|own| below(&root, own))?;
                Some((root, found))
            })
            .collect()
    }

    /// Shows files also under the names of links that lead to them, where a cataloger that does not read the file by its own name wants such a name.
    fn follow(&mut self, paths: &Paths<'a>, matcher: &Matcher) {
        let mut added = Vec::new();
        for (name, at) in self.followed(paths, matcher) {
            let file = &self.shown[at];
            let (layer, size_bytes, mode, kept) = (file.layer, file.size_bytes, file.mode, file.kept.clone());
            if let Some(at) = self.find_shown(&name).map(|(at, _)| at as usize) {
                // It stays known as a link.
                let link = &mut self.shown[at];
                link.kept.extend(kept);
                (link.size_bytes, link.mode) = (size_bytes, mode);
            } else {
                let path = format!("/{name}");
                added.push(Shown { path, layer, size_bytes, mode, kept, claims: Box::default() });
            }
        }
        if !added.is_empty() {
            self.shown.extend(added);
            self.shown.sort_by(|left, right| left.path.cmp(&right.path));
        }
    }

    /// Returns the names under which files are shown once more, with these files.
    fn followed(&self, paths: &Paths<'a>, matcher: &Matcher) -> Vec<(String, usize)> {
        let moved = links::moved_folders(paths);
        let others = self.shown.iter().enumerate().flat_map(|(at, shown)| {
            let path = &shown.path[1..];
            let link = shown.is_link().then(|| Some((path.to_owned(), self.find_target(paths, path)?))).flatten();
            let is_file = !shown.is_link();
            let moved =
                moved.iter().filter(move |_| is_file).filter_map(move |moved| Some((moved.other_name(path)?, at)));
            link.into_iter().chain(moved)
        });
        let (mut scratch, mut bytes) = (Vec::new(), 0);
        let is_followed = |(name, at): &(String, usize)| {
            let file = &self.shown[*at];
            let own: Vec<usize> =
                matcher.path_claims(&file.path[1..], &mut scratch).map(|claim| claim.cataloger).collect();
            let is_wanted = matcher.path_claims(name, &mut scratch).any(|claim| !own.contains(&claim.cataloger));
            // A layer may have a link and also what would be behind it.
            let is_taken = self.find_shown(name).is_some_and(|(_, shown)| !shown.is_link());
            let kept_bytes: u64 = file.kept.iter().map(|kept| kept.bytes.len() as u64).sum();
            let is_followed = is_wanted
                && !is_taken
                && !matcher.excluded().contains(name)
                && bytes + kept_bytes <= FOLLOWED_BYTES_MAX;
            if is_followed {
                bytes += kept_bytes;
            }
            is_followed
        };
        others.filter(is_followed).take(FOLLOWED_FILES_MAX).collect()
    }

    fn find_target(&self, paths: &Paths<'a>, path: &str) -> Option<usize> {
        let target = paths.resolve(path).filter(|target| target != path)?;
        self.find_shown(&target).map(|(at, _)| at as usize)
    }

    fn file(&'a self, at: u32, kept: u32) -> File<'a> {
        let shown = &self.shown[at as usize];
        File(shown, &shown.kept[kept as usize].bytes)
    }

    fn find_shown(&self, path: &str) -> Option<(u32, &Shown<'a>)> {
        let at = self.shown.binary_search_by(|shown| shown.path[1..].cmp(path)).ok()?;
        Some((at as u32, &self.shown[at]))
    }

    /// Returns the bytes of a kept file, whoever claimed it.
    fn bytes(&self, path: &str) -> Option<&'a [u8]> {
        let (_, shown) = self.find_shown(path)?;
        shown.kept.iter().find(|kept| kept.extractor.is_none()).map(|kept| &*kept.bytes)
    }

    /// Returns the links that are wanted by their names, with their layers.
    pub(crate) fn links(&self) -> impl Iterator<Item = (&str, Option<u16>)> {
        self.shown.iter().filter(|shown| shown.is_link()).map(|shown| (shown.path.as_str(), shown.layer))
    }

    /// Returns whether a cataloger reads what is behind a link, under the link's path or its own, both without a leading slash.
    pub(crate) fn is_read(&self, link: &str, target: &str) -> bool {
        [link, target].iter().any(|path| self.find_shown(path).is_some_and(|(_, shown)| !shown.claims.is_empty()))
    }

    /// Returns the operating system that the layers hold.
    pub(crate) fn into_distribution(mut self) -> Option<Distribution> {
        self.distributions.remove("")
    }

    /// Returns the hard links to files of lower layers, of which something is wanted that was not kept.
    pub(crate) fn unkept(&self) -> &[Unknown] {
        &self.unkept
    }

    /// Returns how many files there are of which something was kept.
    pub(crate) fn len(&self) -> usize {
        self.shown.len()
    }
}

impl<'a> Paths<'a> {
    pub(crate) fn new(layers: &'a [&'a LayerRecord]) -> Self {
        Self::with(layers, below::origins(layers))
    }

    fn with(layers: &'a [&'a LayerRecord], origins: HashMap<Place, Place>) -> Self {
        let (directories, followed) = (RefCell::default(), RefCell::default());
        Self { layers, origins, directories, followed, learned_bytes: Cell::default() }
    }

    /// Returns what is at a path in which no link is left.
    pub(crate) fn kind(&self, path: &str) -> Option<FileKind> {
        self.visible(path).map(|place| self.record(place).kind)
    }

    /// Returns the record of the file that a path means in the only layer, once links are followed.
    pub(crate) fn file(&self, path: &str) -> Option<u32> {
        let place = self.place(path)?;
        (self.record(place).kind == FileKind::File).then_some(place.1)
    }

    /// Returns what a link says where it leads.
    pub(crate) fn link(&self, path: &str) -> Option<&'a str> {
        self.link_at(self.visible(path)?)
    }

    fn link_at(&self, place: Place) -> Option<&'a str> {
        let (layer, _) = self.origin(place);
        self.layers[layer].link(self.record(place))
    }

    fn record(&self, place: Place) -> &'a Record {
        let (layer, record) = self.origin(place);
        self.layers[layer].record_at(record)
    }

    /// Returns the record of the file that a hard link to a lower layer is another name of; of all else itself.
    fn origin(&self, place: Place) -> Place {
        self.origins.get(&place).copied().unwrap_or(place)
    }

    /// Returns the topmost record at a path that no upper layer hides.
    fn visible(&self, path: &str) -> Option<Place> {
        let (directory, name) = split(path);
        self.visible_in(directory, &self.levels(directory), name)
    }

    fn visible_in(&self, directory: &str, levels: &[Level], name: &str) -> Option<Place> {
        for level in levels {
            let layer = self.layers[level.layer];
            if let Some(record) = level.directory.and_then(|directory| layer.find_in(directory, name)) {
                return Some((level.layer, record));
            }
            if level.has_whiteouts && layer.has_whiteout(&join(directory, name)) {
                return None;
            }
        }
        None
    }

    /// Returns the layers that count for what is in a directory, the topmost first: down to one that hides it from those below.
    /// Most layers have nothing in most directories, and most questions are about few of them.
    fn levels(&self, directory: &str) -> Rc<[Level]> {
        if let Some(known) = self.directories.borrow().get(directory) {
            return Rc::clone(&known.levels);
        }
        // What hides the parent hides this too; what does not, is asked about this alone.
        let (parent, _) = split(directory);
        let parent_bottom = match directory {
            "" => None,
            _ => self.directories.borrow().get(parent).map(|known| known.bottom),
        };
        let (mut levels, mut bottom) = (Vec::new(), 0);
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let level = Level {
                layer: index,
                directory: layer.directory(directory),
                has_whiteouts: layer.has_whiteouts_below(directory),
            };
            if level.directory.is_some() || level.has_whiteouts {
                levels.push(level);
            }
            let is_bottom = match parent_bottom {
                Some(parent_bottom) => index == parent_bottom || layer.hides_in(directory),
                None => layer.hides_below(directory),
            };
            if is_bottom {
                bottom = index;
                break;
            }
        }
        let levels: Rc<[Level]> = levels.into();
        let known = Levels { levels: Rc::clone(&levels), bottom };
        self.make_room_for(directory);
        self.directories.borrow_mut().insert(directory.to_owned(), known);
        levels
    }

    /// Follows symbolic links to the path that they mean. Paths have no leading slash; a link never leaves the root.
    pub(crate) fn resolve(&self, path: &str) -> Option<String> {
        self.follow(path).map(|followed| followed.path)
    }

    /// Returns the record that a path means once links are followed, without spelling out where that is: package managers know of
    /// tens of thousands of files, each of which is looked for.
    fn place(&self, path: &str) -> Option<Place> {
        let (directory, name) = split(path);
        let directory = self.follow_directory(directory)?;
        match self.at_once(&directory, name) {
            Ok(place) => place,
            Err(LeadsElsewhere) => self.follow_from(&directory, name)?.0.place,
        }
    }

    /// As [`Paths::place`], for a link at the end of the path the link itself.
    fn place_itself(&self, path: &str) -> Option<Place> {
        let (directory, name) = split(path);
        let directory = self.follow_directory(directory)?;
        self.visible_in(&directory.path, &directory.levels, name)
    }

    fn follow(&self, path: &str) -> Option<Followed> {
        let (directory, name) = split(path);
        let directory = self.follow_directory(directory)?;
        match self.at_once(&directory, name) {
            Ok(place) => Some(Followed { path: join(&directory.path, name), place }),
            Err(LeadsElsewhere) => self.follow_from(&directory, name).map(|(followed, _)| followed),
        }
    }

    /// Returns what is in a directory under a name, unless that leads elsewhere.
    fn at_once(&self, directory: &Directory, name: &str) -> Result<Option<Place>, LeadsElsewhere> {
        if matches!(name, "" | "." | "..") {
            return Err(LeadsElsewhere);
        }
        let place = self.visible_in(&directory.path, &directory.levels, name);
        let is_link = place.is_some_and(|place| self.record(place).kind == FileKind::Symlink);
        if is_link { Err(LeadsElsewhere) } else { Ok(place) }
    }

    fn follow_directory(&self, path: &str) -> Option<Rc<Directory>> {
        if let Some(known) = self.followed.borrow().get(path) {
            return known.clone();
        }
        // Mostly the parent is known, since lists are in order. It is not followed here: paths may be as deep as they are long.
        let (parent, name) = split(path);
        let known_parent = if path.is_empty() { None } else { self.followed.borrow().get(parent).cloned() };
        let found = match known_parent {
            Some(None) => None,
            Some(Some(parent)) => self.follow_from(&parent, name),
            None => {
                let root = Directory { path: String::new(), links: 0, levels: self.levels("") };
                self.follow_from(&root, path)
            }
        };
        let found = found.map(|(followed, links)| {
            Rc::new(Directory { levels: self.levels(&followed.path), path: followed.path, links })
        });
        self.make_room_for(path);
        self.followed.borrow_mut().insert(path.to_owned(), found.clone());
        found
    }

    /// Forgets all where more would be too much: it is learned again when it is asked for.
    fn make_room_for(&self, path: &str) {
        let bytes = self.learned_bytes.get() + 2 * path.len() + LEARNED_OVERHEAD_BYTES;
        if bytes > LEARNED_BYTES_MAX {
            self.directories.take();
            self.followed.take();
        }
        self.learned_bytes.set(if bytes > LEARNED_BYTES_MAX { 0 } else { bytes });
    }

    /// Follows a path from a directory in which no link is left. Returns also how many links that took, with those before it.
    fn follow_from(&self, from: &Directory, path: &str) -> Option<(Followed, usize)> {
        let (mut done, mut links) = (from.path.clone(), from.links);
        let mut rest: Vec<&str> = path.split('/').rev().collect();
        let mut place = None;
        while let Some(part) = rest.pop() {
            place = None;
            match part {
                "" | "." => continue,
                ".." => {
                    done.truncate(done.rfind('/').unwrap_or(0));
                    continue;
                }
                _ => {}
            }
            let end = done.len();
            if end > 0 {
                done.push('/');
            }
            done.push_str(part);
            place = self.visible(&done);
            let Some(target) = place.and_then(|place| self.link_at(place)) else { continue };
            links += 1;
            if links > LINKS_MAX {
                return None;
            }
            done.truncate(if target.starts_with('/') { 0 } else { end });
            rest.extend(target.split('/').rev());
        }
        let place = place.or_else(|| self.visible(&done));
        Some((Followed { path: done, place }, links))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Allowance;
    use crate::LayerBuilder;

    #[test]
    fn links_are_followed_to_the_limit() {
        let matcher = Matcher::new(Vec::new());
        for (links, is_found) in [(LINKS_MAX - 1, true), (LINKS_MAX, true), (LINKS_MAX + 1, false)] {
            let allowance = Allowance::new(|| unreachable!("nothing is read"));
            let mut builder = LayerBuilder::new(&matcher, &allowance);
            for link in 0..links {
                let target = format!("l{}", link + 1);
                builder.add(&format!("l{link}"), FileKind::Symlink, 0o777, Some(&target)).expect("a layer");
            }
            let layer = builder.finish();
            let layers = [&layer];
            let paths = Paths::new(&layers);
            assert_eq!(paths.resolve("l0"), is_found.then(|| format!("l{links}")), "{links}");
            // What is asked for below a link counts the links on the way to it.
            assert_eq!(paths.resolve("l0/file"), is_found.then(|| format!("l{links}/file")), "{links}");
        }
    }

    #[test]
    fn links_are_followed_within_the_root() {
        let matcher = Matcher::new(Vec::new());
        let allowance = Allowance::new(|| unreachable!("nothing is read"));
        let mut builder = LayerBuilder::new(&matcher, &allowance);
        for (link, target) in [
            ("bin", "usr/bin"),
            ("usr/bin/up", "../.."),
            ("out", "../../etc"),
            ("abs", "/usr/./bin/"),
            ("a/b", "../abs/x"),
        ] {
            builder.add(link, FileKind::Symlink, 0o777, Some(target)).expect("a layer");
        }
        let layer = builder.finish();
        let layers = [&layer];
        let paths = Paths::new(&layers);
        for (path, expected) in [
            ("", ""),
            ("bin/sh", "usr/bin/sh"),
            ("bin/up/etc", "etc"),
            ("bin/../lib", "usr/lib"),
            ("out/passwd", "etc/passwd"),
            ("abs/sh/", "usr/bin/sh"),
            ("a/b/../y", "usr/bin/y"),
            ("./none//file", "none/file"),
        ] {
            assert_eq!(paths.resolve(path).as_deref(), Some(expected), "{path}");
        }
    }

    /// What a layer says of a path.
    #[derive(Debug, Clone, Copy)]
    enum Said {
        Is(FileKind),
        Deleted,
        Opaque,
    }

    /// Looks at one layer after the other, as the image specification tells it ("Applying Changesets").
    fn is_visible_in(layers: &[Vec<(String, Said)>], path: &str) -> Option<usize> {
        let below = |path: &str, other: &str| other.is_empty() || path.starts_with(&format!("{other}/"));
        for (index, layer) in layers.iter().enumerate().rev() {
            if layer.iter().any(|(at, said)| at == path && matches!(said, Said::Is(_))) {
                return Some(index);
            }
            let hides = |(at, said): &(String, Said)| match said {
                Said::Is(kind) => *kind != FileKind::Directory && below(path, at),
                Said::Deleted => at == path || below(path, at),
                Said::Opaque => below(path, at),
            };
            if layer.iter().any(hides) {
                return None;
            }
        }
        None
    }

    proptest! {
        /// What a path leads to does not depend on what was asked for before it.
        #[test]
        fn paths_are_followed_alike_in_any_order(
            layers in prop::collection::vec(
                prop::collection::btree_map("[abc](/[abc]){0,2}", prop::option::of("(/|\\.\\./)?[abc](/([abc]|\\.\\.)){0,2}"), 0..6), 1..4),
            paths in prop::collection::vec("([abc]|\\.\\.|)(/([abc]|\\.|\\.\\.|)){0,4}", 1..20),
        ) {
            let matcher = Matcher::new(Vec::new());
            let records: Vec<LayerRecord> = layers.iter().map(|layer| {
                let allowance = Allowance::new(|| unreachable!("nothing is read"));
                let mut builder = LayerBuilder::new(&matcher, &allowance);
                for (path, link) in layer {
                    let kind = if link.is_some() { FileKind::Symlink } else { FileKind::Directory };
                    builder.add(path, kind, 0o755, link.as_deref()).expect("a layer");
                }
                builder.finish()
            }).collect();
            let records: Vec<&LayerRecord> = records.iter().collect();
            let asked = Paths::new(&records);
            for path in &paths {
                let fresh = Paths::new(&records);
                let root = Directory { path: String::new(), links: 0, levels: fresh.levels("") };
                let expected = fresh.follow_from(&root, path).map(|(followed, _)| (followed.path, followed.place));
                let found = asked.follow(path).map(|followed| (followed.path, followed.place));
                prop_assert_eq!(&found, &expected, "{}", path);
                prop_assert_eq!(asked.place(path), expected.and_then(|(_, place)| place), "{}", path);
            }
        }

        #[test]
        fn what_is_visible_is_what_layers_one_by_one_leave(
            layers in prop::collection::vec(
                prop::collection::btree_map("[ab](/[ab]){0,2}", 0_u8..5, 0..6), 0..5),
        ) {
            let said = |number: &u8| match number {
                0 => Said::Deleted,
                1 => Said::Opaque,
                2 => Said::Is(FileKind::File),
                _ => Said::Is(FileKind::Directory),
            };
            let layers: Vec<Vec<(String, Said)>> =
                layers.iter().map(|layer| layer.iter().map(|(path, number)| (path.clone(), said(number))).collect()).collect();
            let matcher = Matcher::new(Vec::new());
            let records: Vec<LayerRecord> = layers.iter().map(|layer| {
                let allowance = Allowance::new(|| unreachable!("nothing is read"));
                let mut builder = LayerBuilder::new(&matcher, &allowance);
                for (path, said) in layer {
                    let (directory, name) = path.rsplit_once('/').map_or((String::new(), path.as_str()), |(directory, name)| (format!("{directory}/"), name));
                    let whiteout = match said {
                        Said::Is(kind) => { builder.add(path, *kind, 0o755, None).expect("a layer"); continue }
                        Said::Deleted => format!("{directory}.wh.{name}"),
                        Said::Opaque => format!("{path}/.wh..wh..opq"),
                    };
                    builder.read_tar(&*testkit::layer([(whiteout.as_str(), "")])).expect("a layer");
                }
                builder.finish()
            }).collect();
            let records: Vec<&LayerRecord> = records.iter().collect();
            let paths = Paths::new(&records);
            for first in ["a", "b"] {
                for rest in ["", "/a", "/b", "/a/a", "/a/b", "/b/a", "/b/b"] {
                    let path = format!("{first}{rest}");
                    prop_assert_eq!(paths.visible(&path).map(|place| place.0), is_visible_in(&layers, &path), "{}", path);
                }
            }
        }
    }
}
