#![expect(
    clippy::cast_possible_truncation,
    reason = "indices and lengths are below `ENTRIES_MAX`, `NAME_BYTES_MAX` and the longest path"
)]

use std::collections::BTreeSet;
use std::fs::File;
use std::hash::BuildHasher as _;
use std::io::Read;
use std::ops::{Bound, Range};

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use serde::{Deserialize, Serialize};

use crate::allowance::{Allowance, TooMuchMemory};
use crate::content::{Content, MEMORY_BYTES_MAX};
use crate::matcher::{HEAD_BYTES, Matcher, Wants};
use crate::tar::{self, EntryKind, Filled, Header, Walk, text};
use crate::unread::SPARSE;
use crate::{Extractor, RATIO_FREE_BYTES, Refusal};

mod linked;

use linked::Linked;
pub(crate) use linked::unkept;
pub use linked::{LINKED_BYTES_MAX, LINKED_FILES_MAX};

/// The most paths of a layer: what a record has room for. How many there are is bounded by what they take ([`Allowance`]).
pub const ENTRIES_MAX: usize = 16 << 20;

/// The most bytes of all names of a layer together, so that offsets fit into 32 bits.
pub const NAME_BYTES_MAX: usize = 1 << 30;

/// The most files of a layer of which something is kept. A node image with everything in it has 100,000; what goes beyond is reported, file by file.
pub const KEPT_FILES_MAX: usize = 500_000;

/// The most bytes that are kept of a layer. A large node image keeps 60 MiB; what goes beyond is reported, file by file.
pub const KEPT_BYTES_MAX: u64 = 512 << 20;

/// The most bytes of holes that are filled in the sparse files of a layer: as many as a layer may have whatever its blob's size, since they cost the blob nothing. What
/// goes beyond is reported, file by file.
pub const HOLES_BYTES_MAX: u64 = RATIO_FREE_BYTES;

/// The most unknowns of a layer; more say nothing that these do not.
const UNKNOWNS_MAX: usize = 10_000;

/// What an entry of the merged file system is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileKind {
    /// A regular file, or a hard link to one.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A device, pipe or socket.
    Other,
}

/// One path of a layer.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Record {
    directory: u32,
    name_offset: u32,
    /// The size of a file; the index of a symbolic link's target.
    pub(crate) size_or_link: u64,
    name_len: u16,
    pub(crate) mode: u16,
    pub(crate) kind: FileKind,
}

/// What was kept of a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The file, as an index of its record.
    pub(crate) record: u32,
    /// Whose record the bytes are; the file's own bytes without one. [`LINK`] of a symbolic link, of which there are none.
    pub(crate) extractor: Option<Box<str>>,
    pub(crate) bytes: Box<[u8]>,
}

/// Stands in the place of an extractor where a symbolic link has a name that some cataloger wants: what it leads to is known when all layers are.
pub(crate) const LINK: &str = "link";

/// Everything of one layer that an inventory can need: which paths it has, what it deletes, and what catalogers want of its files.
///
/// It says nothing about other layers, so that it can be kept by diff-ID and used in every image that shares the layer.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct LayerRecord {
    directories: Vec<Box<str>>,
    names: String,
    records: Vec<Record>,
    links: Vec<Box<str>>,
    /// Hard links to what their layer does not have: the record, and the path of what lower layers have, in the order of records.
    links_below: Vec<(u32, Box<str>)>,
    kept: Vec<Kept>,
    /// Paths that a whiteout deletes from lower layers.
    whiteouts: BTreeSet<Box<str>>,
    /// Directories of which nothing of lower layers shows.
    opaque: BTreeSet<Box<str>>,
    unknowns: Vec<(Box<str>, Box<str>)>,
    #[serde(skip)]
    lookup: Lookup,
}

/// As a record is stored; what can be computed from it is.
#[derive(Deserialize)]
struct Stored {
    directories: Vec<Box<str>>,
    names: String,
    records: Vec<Record>,
    links: Vec<Box<str>>,
    links_below: Vec<(u32, Box<str>)>,
    kept: Vec<Kept>,
    whiteouts: BTreeSet<Box<str>>,
    opaque: BTreeSet<Box<str>>,
    unknowns: Vec<(Box<str>, Box<str>)>,
}

#[derive(Debug, Default)]
struct Lookup {
    directories: HashMap<Box<str>, u32>,
    records: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// What the texts other than names take, and the kept bytes.
    text_bytes: usize,
}

/// A stored record that refers to what it does not hold.
#[derive(Debug, thiserror::Error)]
#[error("the record refers to what it does not hold")]
struct Unsound;

impl TryFrom<Stored> for LayerRecord {
    type Error = Unsound;

    fn try_from(stored: Stored) -> Result<Self, Unsound> {
        let Stored { directories, names, records, links, links_below, kept, whiteouts, opaque, unknowns } = stored;
        let lookup = Lookup::default();
        let mut layer =
            Self { directories, names, records, links, links_below, kept, whiteouts, opaque, unknowns, lookup };
        layer.lookup.directories =
            layer.directories.iter().enumerate().map(|(index, path)| (path.clone(), index as u32)).collect();
        if !layer.is_sound() {
            return Err(Unsound);
        }
        let (records, names, hasher) = (&layer.records, &layer.names, &layer.lookup.hasher);
        let rehash = |at: &u32| hasher.hash_one(key(records, names, *at));
        layer.lookup.records.reserve(records.len(), rehash);
        for index in 0..layer.records.len() as u32 {
            layer.index(index);
        }
        let mut texts = 0;
        let mut count = |bytes: usize| texts += bytes + TEXT_OVERHEAD_BYTES;
        layer.directories.iter().for_each(|path| count(2 * path.len()));
        layer.links.iter().chain(&layer.whiteouts).chain(&layer.opaque).for_each(|text| count(text.len()));
        layer.links_below.iter().for_each(|(_, target)| count(target.len()));
        layer.unknowns.iter().for_each(|(path, reason)| count(path.len() + reason.len()));
        layer.kept.iter().for_each(|kept| count(kept.bytes.len() + KEPT_OVERHEAD_BYTES));
        layer.lookup.text_bytes = texts;
        Ok(layer)
    }
}

/// Why a layer could not be read at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The archive is damaged or asks for too much.
    #[error("failed to walk the archive")]
    Walk(#[from] tar::Error),
    /// The bytes of an entry could not be read or put aside.
    #[error("failed to read `{path}` in the archive")]
    Entry {
        /// The entry.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// More entries than [`ENTRIES_MAX`].
    #[error("the layer has more than {ENTRIES_MAX} entries")]
    TooManyEntries,
    /// More memory than there is for the layer and those that are read beside it.
    #[error(transparent)]
    TooMuchMemory(#[from] TooMuchMemory),
    /// Names of more than [`NAME_BYTES_MAX`] together.
    #[error("the names in the layer have more than {NAME_BYTES_MAX} bytes together")]
    NamesTooLong,
}

/// Makes a [`LayerRecord`], entry by entry.
pub struct LayerBuilder<'m> {
    matcher: &'m Matcher,
    layer: LayerRecord,
    kept_bytes: u64,
    holes_bytes: u64,
    allowance: &'m Allowance,
    /// What was taken of it.
    taken_bytes: u64,
    linked: Linked,
    scratch: Vec<usize>,
}

/// About what a directory or another text takes beside its bytes: its place in a list and in a table.
const TEXT_OVERHEAD_BYTES: usize = 64;

/// About what a kept file takes beside its bytes, here and in the fold.
const KEPT_OVERHEAD_BYTES: usize = 256;

impl<'m> LayerBuilder<'m> {
    /// Starts an empty layer, which may take what is left of the allowance.
    pub fn new(matcher: &'m Matcher, allowance: &'m Allowance) -> Self {
        let layer = LayerRecord::default();
        Self {
            matcher,
            layer,
            kept_bytes: 0,
            holes_bytes: 0,
            allowance,
            taken_bytes: 0,
            linked: Linked::default(),
            scratch: Vec::new(),
        }
    }

    /// Walks a tar stream to the end of the archive and returns the stream, of which the rest is for the caller to read.
    pub fn read_tar<R: Read>(&mut self, reader: R) -> Result<R, Error> {
        let mut walk = Walk::new(reader);
        while let Some(header) = walk.next()? {
            self.entry(&header, &mut walk.body())?;
        }
        walk.drain().map_err(|source| Error::Walk(tar::Error::Read(source)))
    }

    /// Adds a directory, symbolic link or special file.
    pub fn add(&mut self, path: &str, kind: FileKind, mode: u16, link: Option<&str>) -> Result<(), Error> {
        let link = link.map(|target| {
            self.layer.count(target.len());
            self.layer.links.push(target.into());
            self.layer.links.len() as u64 - 1
        });
        let record = self.insert(path, kind, mode, link.unwrap_or(0))?;
        if kind == FileKind::Symlink && self.matcher.is_claimed(path, &mut self.scratch) {
            self.push(record, Some(LINK), Vec::new())?;
        }
        Ok(())
    }

    /// Adds a regular file. Its bytes are read only if a cataloger wants them; returns whether they were.
    pub fn add_file(&mut self, path: &str, mode: u16, size_bytes: u64, stream: &mut impl Read) -> Result<bool, Error> {
        self.add_filled(path, mode, size_bytes, 0, stream)
    }

    /// As [`LayerBuilder::add_file`], where so many of the bytes are those of holes.
    fn add_filled(
        &mut self,
        path: &str,
        mode: u16,
        size_bytes: u64,
        holes_bytes: u64,
        stream: &mut impl Read,
    ) -> Result<bool, Error> {
        let record = self.insert(path, FileKind::File, mode, size_bytes)?;
        let failed = |source| Error::Entry { path: path.to_owned(), source };
        let mut head = [0; HEAD_BYTES];
        let head_len = fill(stream, head_of(&mut head, size_bytes)).map_err(failed)?;
        let head = &head[..head_len];
        let Some(wants) = self.wants(path, head, size_bytes)? else { return Ok(false) };
        if !self.take_holes(holes_bytes) {
            self.unknown_at(record, too_many_holes());
            return Ok(false);
        }
        let _room = (size_bytes > MEMORY_BYTES_MAX).then(|| self.allowance.room(size_bytes));
        let content = Content::read(head, stream, size_bytes, self.allowance.spill()).map_err(failed)?;
        self.keep(&[(record, wants)], content)?;
        Ok(true)
    }

    /// Adds a regular file of a directory, as [`LayerBuilder::add_file`]. A large one is read where it is.
    pub fn add_open_file(&mut self, path: &str, mode: u16, size_bytes: u64, file: File) -> Result<bool, Error> {
        let record = self.insert(path, FileKind::File, mode, size_bytes)?;
        let failed = |source| Error::Entry { path: path.to_owned(), source };
        let mut head = [0; HEAD_BYTES];
        let head_len = fill(&mut &file, head_of(&mut head, size_bytes)).map_err(failed)?;
        let head = &head[..head_len];
        let Some(wants) = self.wants(path, head, size_bytes)? else { return Ok(false) };
        let content = if size_bytes <= MEMORY_BYTES_MAX {
            Content::read(head, &mut &file, size_bytes, self.allowance.spill())
        } else {
            Content::from_file(file)
        };
        self.keep(&[(record, wants)], content.map_err(failed)?)?;
        Ok(true)
    }

    /// Reports what could not be read, and why.
    pub fn report(&mut self, path: &str, reason: impl Into<Box<str>>) {
        self.unknown(path, reason);
    }

    /// Returns the finished layer. Hard links whose bytes no second walk brought are told.
    pub fn finish(mut self) -> LayerRecord {
        self.tell_linked();
        self.layer
    }

    /// Returns what is wanted of a file; `None` when that is nothing, or when the file is too large for all who want it.
    fn wants(&mut self, path: &str, head: &[u8], size_bytes: u64) -> Result<Option<Wants>, Error> {
        let wants = self.matcher.wants(path, head, &mut self.scratch);
        if wants.is_empty() {
            return Ok(None);
        }
        let limits = wants.records.iter().map(|extractor| extractor.limit_bytes).chain(wants.bytes_limit);
        let limit = limits.max().unwrap_or(0);
        if size_bytes > limit {
            self.unknown(path, format!("{size_bytes} bytes, the limit for such a file is {limit}"));
            return Ok(None);
        }
        // What will be kept as it is must have room before it is read.
        let is_kept = wants.bytes_limit.is_some_and(|limit| size_bytes <= limit) && self.refusal(size_bytes).is_none();
        if is_kept {
            self.allowance.admit(size_bytes)?;
        }
        Ok(Some(wants))
    }

    /// Keeps what is wanted of a file's bytes, for each record that has them. Whatever takes something out of them does it once.
    fn keep(&mut self, wanted: &[(u32, Wants)], content: Content) -> Result<(), Error> {
        let mut extractors: Vec<&'static Extractor> = Vec::new();
        for extractor in wanted.iter().flat_map(|(_, wants)| &wants.records) {
            if !extractors.iter().any(|known| known.name == extractor.name) {
                extractors.push(extractor);
            }
        }
        let len = content.len();
        for extractor in extractors {
            let is_wanted = |wants: &Wants| wants.records.iter().any(|wanted| wanted.name == extractor.name);
            let records = wanted.iter().filter(|(_, wants)| is_wanted(wants)).map(|(record, _)| *record);
            let limit = extractor.limit_bytes;
            let extracted = if len > limit {
                Err(Refusal::new(format!("{len} bytes, the limit of `{}` is {limit}", extractor.name)))
            } else {
                (extractor.extract)(&content)
            };
            match extracted {
                Ok(Some(bytes)) => self.push_each(records, Some(extractor.name), bytes)?,
                Ok(None) => {}
                Err(refusal) => records.for_each(|record| self.unknown_at(record, refusal.0.as_str())),
            }
        }
        let limits = || wanted.iter().filter_map(|(record, wants)| Some((*record, wants.bytes_limit?)));
        let (wide, narrow): (Vec<_>, Vec<_>) = limits().partition(|(_, limit)| len <= *limit);
        for (record, limit) in narrow {
            self.unknown_at(record, format!("{len} bytes, the limit for such a file is {limit}"));
        }
        let Some((first, _)) = wide.first() else { return Ok(()) };
        let failed = |source| Error::Entry { path: self.layer.path(*first), source };
        if let Some(bytes) = content.into_bytes(len).map_err(failed)? {
            self.push_each(wide.iter().map(|(record, _)| *record), None, bytes)?;
        }
        Ok(())
    }

    /// Keeps the same bytes for each of the records.
    fn push_each(
        &mut self,
        records: impl Iterator<Item = u32>,
        extractor: Option<&str>,
        bytes: Vec<u8>,
    ) -> Result<(), Error> {
        let mut records = records.peekable();
        let mut bytes = Some(bytes);
        while let Some(record) = records.next() {
            let taken = if records.peek().is_some() {
                self.allowance.admit(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))?;
                bytes.clone()
            } else {
                bytes.take()
            };
            self.push(record, extractor, taken.unwrap_or_default())?;
        }
        Ok(())
    }

    fn push(&mut self, record: u32, extractor: Option<&str>, bytes: Vec<u8>) -> Result<(), Error> {
        if let Some(refusal) = self.refusal(bytes.len() as u64) {
            self.unknown_at(record, refusal);
            return Ok(());
        }
        self.kept_bytes += bytes.len() as u64;
        self.layer.count(bytes.len() + KEPT_OVERHEAD_BYTES);
        self.take()?;
        self.layer.kept.push(Kept { record, extractor: extractor.map(Into::into), bytes: bytes.into_boxed_slice() });
        Ok(())
    }

    /// Returns why so many more bytes of a file are not kept.
    fn refusal(&self, bytes: u64) -> Option<String> {
        if self.kept_bytes + bytes > KEPT_BYTES_MAX {
            return Some(format!("its layer holds more than {KEPT_BYTES_MAX} bytes of such files"));
        }
        (self.layer.kept.len() >= KEPT_FILES_MAX)
            .then(|| format!("its layer holds more than {KEPT_FILES_MAX} such files"))
    }

    fn insert(&mut self, path: &str, kind: FileKind, mode: u16, size_or_link: u64) -> Result<u32, Error> {
        let record = self.layer.insert(path, kind, mode, size_or_link)?;
        self.take()?;
        Ok(record)
    }

    /// Takes what the layer has grown by.
    fn take(&mut self) -> Result<(), TooMuchMemory> {
        let bytes = self.layer.memory_bytes();
        self.allowance.take(bytes - self.taken_bytes)?;
        self.taken_bytes = bytes;
        Ok(())
    }

    fn unknown(&mut self, path: &str, reason: impl Into<Box<str>>) {
        if self.layer.unknowns.len() < UNKNOWNS_MAX {
            let (path, reason): (Box<str>, Box<str>) = (path.into(), reason.into());
            self.layer.count(path.len() + reason.len());
            self.layer.unknowns.push((path, reason));
        }
    }

    fn unknown_at(&mut self, record: u32, reason: impl Into<Box<str>>) {
        let path = self.layer.path(record);
        self.unknown(&path, reason);
    }

    fn entry(&mut self, header: &Header, body: &mut impl Read) -> Result<(), Error> {
        let path = match Stands::of(header) {
            Stands::Outside => {
                self.unknown(&text(&header.path), "a path that leaves the image");
                return Ok(());
            }
            Stands::ForTheRoot => return Ok(()),
            Stands::ForWhiteout(path) => return self.whiteout(&path),
            Stands::For(path) => path,
        };
        match header.kind {
            EntryKind::File if header.sparse.is_some() => self.sparse_file(&path, header, body),
            EntryKind::File => self.add_file(&path, header.mode, header.size_bytes, body).map(drop),
            EntryKind::Directory => self.add(&path, FileKind::Directory, header.mode, None),
            EntryKind::Symlink => self.add(&path, FileKind::Symlink, header.mode, Some(&text(&header.link))),
            EntryKind::HardLink => self.hard_link(&path, header),
            EntryKind::Other => self.add(&path, FileKind::Other, header.mode, None),
        }
    }

    /// A sparse file is put together from its map. One whose map is not understood is told where it would be read: by its path, or as what may be a program.
    fn sparse_file(&mut self, path: &str, header: &Header, body: &mut impl Read) -> Result<(), Error> {
        let filled = Filled::open(header, body).map_err(|source| Error::Entry { path: path.to_owned(), source })?;
        if let Some(mut filled) = filled {
            let holes_bytes = filled.holes_bytes;
            return self.add_filled(path, header.mode, header.size_bytes, holes_bytes, &mut filled).map(drop);
        }
        let record = self.insert(path, FileKind::File, header.mode, header.size_bytes)?;
        let may_be_program = header.mode & 0o111 != 0
            && !self.matcher.executable_claims().is_empty()
            && !self.matcher.excluded().contains(path);
        if may_be_program || self.matcher.is_claimed(path, &mut self.scratch) {
            self.unknown_at(record, format!("{SPARSE} whose map of holes is not understood"));
        }
        Ok(())
    }

    /// Notes holes that are to be filled, unless that is beyond the limit; returns whether it was.
    fn take_holes(&mut self, bytes: u64) -> bool {
        let taken = self.holes_bytes.saturating_add(bytes);
        let is_taken = taken <= HOLES_BYTES_MAX;
        if is_taken {
            self.holes_bytes = taken;
        }
        is_taken
    }

    /// OCI image specification, "Whiteouts".
    fn whiteout(&mut self, path: &str) -> Result<(), Error> {
        let (directory, name) = split(path);
        let hidden = name.strip_prefix(WHITEOUT).unwrap_or(name);
        self.layer.count(path.len());
        self.take()?;
        if hidden == ".wh..opq" {
            self.layer.opaque.insert(directory.into());
        } else if !hidden.is_empty() && !hidden.starts_with(WHITEOUT) {
            self.layer.whiteouts.insert(join(directory, hidden).into());
        }
        Ok(())
    }
}

fn too_many_holes() -> String {
    format!("{SPARSE}: its layer holds more than {HOLES_BYTES_MAX} bytes of holes in such files")
}

/// What the name of an entry begins with that deletes something of lower layers.
const WHITEOUT: &str = ".wh.";

/// What an entry of a layer stands for.
enum Stands {
    /// Nothing in the image.
    Outside,
    ForTheRoot,
    /// Something of lower layers that is deleted, by the path of the entry.
    ForWhiteout(String),
    /// What is at this path; it gets a record.
    For(String),
}

impl Stands {
    fn of(header: &Header) -> Self {
        match normal(&header.path) {
            None => Self::Outside,
            Some(path) if path.is_empty() => Self::ForTheRoot,
            Some(path) if split(&path).1.starts_with(WHITEOUT) => Self::ForWhiteout(path),
            Some(path) => Self::For(path),
        }
    }
}

impl LayerRecord {
    /// Returns how many paths the layer has.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Returns about how much memory the layer takes.
    pub fn memory_bytes(&self) -> u64 {
        let per_record = size_of::<Record>() + 2 * size_of::<u32>();
        (self.names.len() + self.records.len() * per_record + self.lookup.text_bytes) as u64
    }

    /// Returns whether the layer has no path.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Returns how many bytes are kept of the layer's files.
    pub fn kept_bytes(&self) -> u64 {
        self.kept.iter().map(|kept| kept.bytes.len() as u64).sum()
    }

    /// Tells of each directory whether it is a folder or one below it.
    fn directories_below(&self, folder: &str) -> Vec<bool> {
        let is_below =
            |path: &str| path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.directories.iter().map(|path| is_below(path)).collect()
    }

    /// Tells whether a record is a file in one of some directories, and the one of its path.
    fn is_file_in(&self, directories: &[bool], at: u32) -> bool {
        let record = self.record_at(at);
        record.kind == FileKind::File
            && directories[record.directory as usize]
            && self.find_in(record.directory, self.name(record)) == Some(at)
            && self.link_below(at).is_none()
    }

    pub(crate) fn kept(&self) -> &[Kept] {
        &self.kept
    }

    /// Returns the hard links to what lower layers have: the record, and the path there.
    pub(crate) fn links_below(&self) -> &[(u32, Box<str>)] {
        &self.links_below
    }

    /// Returns what a record is a hard link to, if that is in lower layers.
    fn link_below(&self, record: u32) -> Option<&str> {
        let at = self.links_below.binary_search_by_key(&record, |(link, _)| *link).ok()?;
        Some(&self.links_below[at].1)
    }

    /// Returns what is kept of one record.
    pub(crate) fn kept_of_record(&self, record: u32) -> &[Kept] {
        &self.kept[self.kept_of(record, self.kept.len())]
    }

    /// Returns where that of one record is among the first so many, which stand in the order of their records.
    fn kept_of(&self, record: u32, known: usize) -> Range<usize> {
        let from = self.kept[..known].partition_point(|kept| kept.record < record);
        from..from + self.kept[from..known].iter().take_while(|kept| kept.record == record).count()
    }

    pub(crate) fn unknowns(&self) -> &[(Box<str>, Box<str>)] {
        &self.unknowns
    }

    pub(crate) fn record_at(&self, at: u32) -> &Record {
        &self.records[at as usize]
    }

    pub(crate) fn link(&self, record: &Record) -> Option<&str> {
        match record.kind {
            FileKind::Symlink => self.links.get(usize::try_from(record.size_or_link).ok()?).map(|target| &**target),
            _ => None,
        }
    }

    /// Returns the record's path, without a leading slash.
    pub(crate) fn path(&self, record: u32) -> String {
        let record = &self.records[record as usize];
        join(&self.directories[record.directory as usize], self.name(record))
    }

    /// Returns the index of a directory, if the layer has anything in it.
    pub(crate) fn directory(&self, path: &str) -> Option<u32> {
        self.lookup.directories.get(path).copied()
    }

    /// Returns the index of the record of a name in a directory: of several entries of the same path the last.
    pub(crate) fn find_in(&self, directory: u32, name: &str) -> Option<u32> {
        let hash = self.lookup.hasher.hash_one((directory, name));
        self.lookup.records.find(hash, |at| self.is(*at, directory, name)).copied()
    }

    /// Whether the layer deletes what lower layers have at a path.
    pub(crate) fn has_whiteout(&self, path: &str) -> bool {
        self.whiteouts.contains(path)
    }

    /// Whether the layer deletes anything that lower layers have in a directory or deeper.
    pub(crate) fn has_whiteouts_below(&self, directory: &str) -> bool {
        if directory.is_empty() || self.whiteouts.is_empty() {
            return !self.whiteouts.is_empty();
        }
        let prefix = format!("{directory}/");
        let mut following = self.whiteouts.range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded));
        following.next().is_some_and(|path| path.starts_with(&prefix))
    }

    /// Whether the layer hides all that lower layers have in a directory: by a whiteout or as opaque, of itself or on the way, or by
    /// something other than a directory there.
    pub(crate) fn hides_below(&self, directory: &str) -> bool {
        if self.opaque.contains("") {
            return true;
        }
        let ends = directory.bytes().enumerate().filter(|(_, byte)| *byte == b'/').map(|(at, _)| at);
        let ends = ends.chain((!directory.is_empty()).then_some(directory.len()));
        let mut ancestors = ends.map(|at| &directory[..at]);
        ancestors.any(|ancestor| self.hides_in(ancestor))
    }

    /// As [`LayerRecord::hides_below`], for a directory of which the layer does not hide the parent.
    pub(crate) fn hides_in(&self, directory: &str) -> bool {
        let is_no_directory = |at: u32| self.record_at(at).kind != FileKind::Directory;
        self.whiteouts.contains(directory)
            || self.opaque.contains(directory)
            || self.find(directory).is_some_and(is_no_directory)
    }

    /// Notes the memory of a text that is about to be kept.
    fn count(&mut self, bytes: usize) {
        self.lookup.text_bytes += bytes + TEXT_OVERHEAD_BYTES;
    }

    fn is_sound(&self) -> bool {
        let is_record = |record: &Record| {
            let (from, len) = (record.name_offset as usize, record.name_len as usize);
            (record.directory as usize) < self.directories.len() && self.names.get(from..from + len).is_some()
        };
        self.records.len() <= ENTRIES_MAX
            && self.records.iter().all(is_record)
            && self.kept.iter().all(|kept| (kept.record as usize) < self.records.len())
            && self.links_below.iter().all(|(record, _)| (*record as usize) < self.records.len())
    }

    fn name(&self, record: &Record) -> &str {
        let from = record.name_offset as usize;
        &self.names[from..from + record.name_len as usize]
    }

    fn find(&self, path: &str) -> Option<u32> {
        let (directory, name) = split(path);
        self.find_in(self.directory(directory)?, name)
    }

    fn is(&self, at: u32, directory: u32, name: &str) -> bool {
        let record = &self.records[at as usize];
        record.directory == directory && self.name(record) == name
    }

    fn insert(&mut self, path: &str, kind: FileKind, mode: u16, size_or_link: u64) -> Result<u32, Error> {
        let (directory, name) = split(path);
        if self.records.len() >= ENTRIES_MAX {
            return Err(Error::TooManyEntries);
        }
        if self.names.len() + name.len() > NAME_BYTES_MAX {
            return Err(Error::NamesTooLong);
        }
        let directory = if let Some(index) = self.lookup.directories.get(directory) {
            *index
        } else {
            let index = self.directories.len() as u32;
            self.count(2 * directory.len());
            self.directories.push(directory.into());
            self.lookup.directories.insert(directory.into(), index);
            index
        };
        let name_offset = self.names.len() as u32;
        self.names.push_str(name);
        let at = self.records.len() as u32;
        let name_len = name.len() as u16;
        self.records.push(Record { directory, name_offset, size_or_link, name_len, mode, kind });
        self.index(at);
        Ok(at)
    }

    /// Makes a record the one of its path: the last entry of an archive counts.
    fn index(&mut self, at: u32) {
        let (records, names, hasher) = (&self.records, &self.names, &self.lookup.hasher);
        let key = |at: u32| key(records, names, at);
        let hash = hasher.hash_one(key(at));
        let table = &mut self.lookup.records;
        let entry = table.entry(hash, |known| key(*known) == key(at), |known| hasher.hash_one(key(*known)));
        match entry {
            hashbrown::hash_table::Entry::Occupied(mut known) => *known.get_mut() = at,
            hashbrown::hash_table::Entry::Vacant(place) => {
                place.insert(at);
            }
        }
    }
}

/// Returns what a record is found by.
fn key<'a>(records: &[Record], names: &'a str, at: u32) -> (u32, &'a str) {
    let record = &records[at as usize];
    let from = record.name_offset as usize;
    (record.directory, &names[from..from + record.name_len as usize])
}

/// Brings an archive's path into the one form that is used: no leading slash, no `.`, no empty parts. `None` when a `..` leaves the root.
fn normal(path: &[u8]) -> Option<String> {
    let path = text(path);
    let is_normal =
        !path.starts_with(['/', '.']) && !path.ends_with('/') && !path.contains("//") && !path.contains("/.");
    if is_normal {
        return Some(path);
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

pub(crate) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

pub(crate) fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { [directory, "/", name].concat() }
}

/// Returns the part of a buffer that the first bytes of a file fill.
fn head_of(buffer: &mut [u8; HEAD_BYTES], size_bytes: u64) -> &mut [u8] {
    let len = usize::try_from(size_bytes).unwrap_or(HEAD_BYTES).min(HEAD_BYTES);
    &mut buffer[..len]
}

/// Reads until the buffer is full or the stream ends.
fn fill(stream: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match stream.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds an entry of each kind to a layer of its own, with so much memory less or more than it takes.
    #[test]
    fn entries_of_every_kind_end_at_the_memory() {
        let matcher =
            Matcher::new(crate::catalogers().iter().filter(|cataloger| cataloger.name == "cargo-lock").collect());
        let header = |kind: EntryKind, path: &str, link: &str, size_bytes: u64| Header {
            path: path.into(),
            link: link.into(),
            kind,
            mode: 0,
            size_bytes,
            stored_bytes: size_bytes,
            sparse: None,
        };
        let headers = [
            header(EntryKind::File, "a", "", 0),
            header(EntryKind::File, "folder/a", "", 0),
            header(EntryKind::File, "Cargo.lock", "", 4),
            header(EntryKind::Symlink, "a", "target", 0),
            header(EntryKind::HardLink, "a", "target", 0),
            header(EntryKind::Directory, "folder/a", "", 0),
            header(EntryKind::Other, "a", "", 0),
            header(EntryKind::File, "folder/.wh.a", "", 0),
            header(EntryKind::File, "folder/.wh..wh..opq", "", 0),
        ];
        let add = |header: &Header, memory_bytes_max: u64| {
            let allowance =
                Allowance::new(|| unreachable!("four bytes fit into memory")).memory_bytes_max(memory_bytes_max);
            let mut builder = LayerBuilder::new(&matcher, &allowance);
            builder.entry(header, &mut &b"text"[..]).map(|()| builder.finish().memory_bytes())
        };
        for header in &headers {
            let bytes = add(header, u64::MAX).expect("there is memory");
            let path = text(&header.path);
            assert!(bytes > header.path.len() as u64 + header.link.len() as u64 + header.size_bytes, "{path}");
            assert!(add(header, bytes + 1).is_ok(), "{path}");
            assert!(add(header, bytes).is_ok(), "{path}");
            assert!(matches!(add(header, bytes - 1), Err(Error::TooMuchMemory(_))), "{path}");
        }
    }

    #[test]
    fn holes_that_are_filled_end_at_their_bytes() {
        let matcher =
            Matcher::new(crate::catalogers().iter().filter(|cataloger| cataloger.name == "cargo-lock").collect());
        for (before, kept, unknown) in
            [(HOLES_BYTES_MAX - 6, 1, 0), (HOLES_BYTES_MAX - 5, 1, 0), (HOLES_BYTES_MAX - 4, 0, 1)]
        {
            let allowance = Allowance::new(|| unreachable!("nine bytes fit into memory"));
            let mut builder = LayerBuilder::new(&matcher, &allowance);
            builder.holes_bytes = before;
            builder.add_filled("Cargo.lock", 0o644, 9, 5, &mut &b"text....."[..]).expect("a layer");
            // What has none is read all the same.
            builder.add_file("a/Cargo.lock", 0o644, 4, &mut &b"text"[..]).expect("a layer");
            let layer = builder.finish();
            assert_eq!((layer.kept.len(), layer.unknowns.len()), (kept + 1, unknown), "{before}");
        }
    }

    /// What GNU's tar writes of a file with holes, in each of its forms, is read as the file.
    #[test]
    fn sparse_files_are_read_as_tar_writes_them() {
        let Some(program) = testkit::program("tar") else { return };
        let version = std::process::Command::new(&program).arg("--version").output().expect("tar runs").stdout;
        if !version.starts_with(b"tar (GNU tar)") {
            return testkit::announce("the `tar` on PATH is not GNU's");
        }
        let folder = tempfile::tempdir().expect("there is room");
        let mut expected = vec![0; 3 << 20];
        expected[..5].copy_from_slice(b"begin");
        // More pieces than a header has places for, so that it goes on behind.
        for at in 1..40 {
            expected[at << 16] = b'x';
        }
        let file = std::fs::File::create(folder.path().join("Cargo.lock")).expect("there is room");
        file.set_len(expected.len() as u64).expect("there is room");
        for (at, block) in expected.chunks(4096).enumerate().filter(|(_, block)| block.iter().any(|byte| *byte != 0)) {
            std::os::unix::fs::FileExt::write_all_at(&file, block, at as u64 * 4096).expect("there is room");
        }
        let matcher =
            Matcher::new(crate::catalogers().iter().filter(|cataloger| cataloger.name == "cargo-lock").collect());
        for form in ["gnu", "posix --sparse-version=0.0", "posix --sparse-version=0.1", "posix --sparse-version=1.0"] {
            let tar = std::process::Command::new(&program)
                .args(["--create", "--sparse", "--hole-detection=raw", "--directory"])
                .arg(folder.path())
                .args(format!("--format={form}").split(' '))
                .arg("Cargo.lock")
                .output()
                .expect("tar runs")
                .stdout;
            assert!(!tar.is_empty() && tar.len() < expected.len(), "{form}: GNU's tar leaves out holes");
            let allowance = Allowance::new(|| unreachable!("three megabytes fit into memory"));
            let mut builder = LayerBuilder::new(&matcher, &allowance);
            builder.read_tar(&*tar).expect("a layer");
            let layer = builder.finish();
            assert!(layer.kept.len() == 1 && *layer.kept[0].bytes == *expected, "{form}: {:?}", layer.unknowns);
        }
    }

    #[test]
    fn layers_that_are_read_beside_each_other_share_the_memory() {
        let matcher = Matcher::new(Vec::new());
        let read = |memory_bytes_max: u64| {
            let allowance = Allowance::new(|| unreachable!("nothing is read")).memory_bytes_max(memory_bytes_max);
            let mut builders = [(); 2].map(|()| LayerBuilder::new(&matcher, &allowance));
            let added = builders.each_mut().map(|builder| builder.add("a", FileKind::Directory, 0, None).is_ok());
            (added, builders.map(|builder| builder.finish().memory_bytes()).iter().sum::<u64>())
        };
        let (_, bytes) = read(u64::MAX);
        assert_eq!(read(bytes + 1).0, [true, true]);
        assert_eq!(read(bytes).0, [true, true]);
        assert_eq!(read(bytes - 1).0, [true, false]);
    }

    #[test]
    fn what_is_kept_and_what_is_unknown_end_at_their_limits() {
        let matcher =
            Matcher::new(crate::catalogers().iter().filter(|cataloger| cataloger.name == "cargo-lock").collect());
        for (before, kept, unknown) in
            [(KEPT_BYTES_MAX - 5, 1, 0), (KEPT_BYTES_MAX - 4, 1, 0), (KEPT_BYTES_MAX - 3, 0, 1)]
        {
            let allowance = Allowance::new(|| unreachable!("four bytes fit into memory"));
            let mut builder = LayerBuilder::new(&matcher, &allowance);
            builder.kept_bytes = before;
            builder.add_file("Cargo.lock", 0o644, 4, &mut &b"text"[..]).expect("a layer");
            let layer = builder.finish();
            assert_eq!((layer.kept.len(), layer.unknowns.len()), (kept, unknown), "{before}");
        }
        for (before, is_kept) in [(KEPT_FILES_MAX - 2, true), (KEPT_FILES_MAX - 1, true), (KEPT_FILES_MAX, false)] {
            let allowance = Allowance::new(|| unreachable!("nothing is read"));
            let mut builder = LayerBuilder::new(&matcher, &allowance);
            builder.layer.kept = vec![Kept { record: 0, extractor: None, bytes: Box::default() }; before];
            builder.add_file("Cargo.lock", 0o644, 0, &mut std::io::empty()).expect("a layer");
            let layer = builder.finish();
            let told = (layer.kept.len() - before, layer.unknowns.len());
            assert_eq!(told, (usize::from(is_kept), usize::from(!is_kept)), "{before}");
        }
        for (written, kept) in [(UNKNOWNS_MAX - 1, 9_999), (UNKNOWNS_MAX, 10_000), (UNKNOWNS_MAX + 1, 10_000)] {
            let allowance = Allowance::new(|| unreachable!("nothing is read"));
            let mut builder = LayerBuilder::new(&matcher, &allowance);
            (0..written).for_each(|_| builder.unknown("a", "b"));
            assert_eq!(builder.finish().unknowns.len(), kept, "{written}");
        }
    }
}
