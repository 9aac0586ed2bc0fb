//! Links that catalogers want by their names, to files whose own names nobody wants: hard links into pnpm's store beside a project or into repositories of
//! ostree, symbolic links to a lockfile that is called otherwise or to the folder of a package database. The bytes have passed when such a link is met, so that
//! a second walk over the same layer brings them.

#![expect(clippy::cast_possible_truncation, reason = "indices are below `ENTRIES_MAX`")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};

use crate::content::{Content, MEMORY_BYTES_MAX};
use crate::links::{self, Followed, Moved};
use crate::matcher::{HEAD_BYTES, Wants};
use crate::tar::{self, Filled, Header, Walk, text};
use crate::unread::UNKEPT;

use super::{Error, FileKind, LayerBuilder, Stands, fill, head_of, normal, too_many_holes};

/// The most files of a layer that a second walk reads for links to them. A large image of pnpm has 20,000, one of ostree some thousand; what goes beyond is
/// reported, link by link.
pub const LINKED_FILES_MAX: usize = 250_000;

/// The most bytes of these files together. Package files and archives of real images have some GiB; what goes beyond is reported, link by link.
pub const LINKED_BYTES_MAX: u64 = 32 << 30;

/// About what a file takes here beside its links: its place in a tree, and the list of links.
const FILE_OVERHEAD_BYTES: u64 = 64;

/// What each hard link takes, and each name that is wanted, in lists that grow to twice what is in them.
const LINK_BYTES: u64 = 2 * 2 * size_of::<u32>() as u64;
const NAME_BYTES: u64 = 2 * size_of::<Name>() as u64;

/// Another name of a file. Symbolic links are followed when the layers are folded, so that what is wanted by these is kept as the file's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    /// A hard link, by its record, with which its bytes are kept.
    Hard(u32),
    /// A symbolic link that leads to the file, by its record.
    Symbolic(u32),
    /// The file's place in a folder that leads to its own, by the folder's place among [`Linked::moved`].
    Moved(usize),
}

/// Links of the layer that is read.
#[derive(Debug, Default)]
pub(super) struct Linked {
    /// The record of each hard link, and that of the file whose name it is another of, in the order of links.
    origins: Vec<(u32, u32)>,
    /// The files whose bytes are wanted under other names, with these.
    wanted: BTreeMap<u32, Vec<Name>>,
    /// The folders of package databases that lead elsewhere.
    moved: Vec<Moved>,
    /// What the wanted files have together.
    wanted_bytes: u64,
    /// What was taken of the allowance for all this.
    taken_bytes: u64,
}

impl Linked {
    /// Returns the record of the file that a record is, or is another name of.
    fn origin(&self, record: u32) -> u32 {
        self.origins.binary_search_by_key(&record, |(link, _)| *link).map_or(record, |at| self.origins[at].1)
    }

    /// Notes what a link wants of a file, unless that is beyond the limits; returns whether it was.
    fn want(&mut self, origin: u32, name: Name, size_bytes: u64) -> bool {
        if let Some(names) = self.wanted.get_mut(&origin) {
            names.push(name);
            return true;
        }
        let bytes = self.wanted_bytes.saturating_add(size_bytes);
        if self.wanted.len() >= LINKED_FILES_MAX || bytes > LINKED_BYTES_MAX {
            return false;
        }
        self.wanted_bytes = bytes;
        self.wanted.insert(origin, vec![name]);
        true
    }
}

impl LayerBuilder<'_> {
    /// Returns whether a second walk over the same layer has anything to bring.
    pub(crate) fn wants_more(&mut self) -> Result<bool, Error> {
        self.want_followed()?;
        Ok(!self.linked.wanted.is_empty())
    }

    /// Walks once more over the tar that [`LayerBuilder::read_tar`] walked over, for the bytes of files that links want.
    pub(crate) fn read_linked<R: Read>(&mut self, reader: R) -> Result<R, Error> {
        let mut walk = Walk::new(reader);
        // What this walk keeps stands behind what the first one did, until both are put in order.
        let known = self.layer.kept.len();
        let mut record = 0;
        while let Some(header) = walk.next()? {
            let Stands::For(path) = Stands::of(&header) else { continue };
            if let Some(names) = self.linked.wanted.remove(&record) {
                let filled = Filled::open(&header, walk.body());
                let filled = filled.map_err(|source| Error::Entry { path: path.clone(), source })?;
                match filled.filter(|_| header.size_bytes == self.size_of(record)) {
                    Some(mut filled) => {
                        let (size_bytes, holes_bytes) = (header.size_bytes, filled.holes_bytes);
                        let file = Again { path: &path, origin: record, size_bytes, holes_bytes, known };
                        self.read_for(file, names, &mut filled)?;
                    }
                    None => self.tell_unkept(record, &names),
                }
            }
            record += 1;
        }
        self.layer.kept.sort_by_key(|kept| kept.record);
        walk.drain().map_err(|source| Error::Walk(tar::Error::Read(source)))
    }

    /// Opens, by their paths, the files of a directory that links want, and keeps what is wanted of them. One that cannot be read is reported.
    ///
    /// # Errors
    /// What would refuse the layer.
    pub fn read_linked_files(&mut self, mut open: impl FnMut(&str) -> io::Result<File>) -> Result<(), Error> {
        self.want_followed()?;
        let known = self.layer.kept.len();
        for (origin, names) in std::mem::take(&mut self.linked.wanted) {
            let path = self.layer.path(origin);
            let opened = open(&path).and_then(|file| Ok((file.metadata()?.len(), file)));
            let read = match opened {
                Ok((size_bytes, mut file)) => {
                    let again = Again { path: &path, origin, size_bytes, holes_bytes: 0, known };
                    self.read_for(again, names, &mut file)
                }
                Err(source) => Err(Error::Entry { path: path.clone(), source }),
            };
            match read {
                Err(Error::Entry { source, .. }) => self.report(&path, format!("cannot be read: {source}")),
                read => read?,
            }
        }
        self.layer.kept.sort_by_key(|kept| kept.record);
        Ok(())
    }

    /// Notes the files that symbolic links with wanted names lead to, and those in folders that links put where package managers have their databases.
    fn want_followed(&mut self) -> Result<(), Error> {
        let Followed { files, moved } = links::followed(&self.layer);
        for (link, origin) in files {
            self.want_followed_as(Name::Symbolic(link), origin)?;
        }
        self.linked.moved = moved;
        for folder in 0..self.linked.moved.len() {
            let directories = self.layer.directories_below(&self.linked.moved[folder].target);
            for origin in 0..self.layer.len() as u32 {
                if self.layer.is_file_in(&directories, origin) {
                    self.want_followed_as(Name::Moved(folder), origin)?;
                }
            }
        }
        Ok(())
    }

    fn want_followed_as(&mut self, name: Name, origin: u32) -> Result<(), Error> {
        // What is left out is so whatever leads to it, and what is in lower layers is not here.
        if self.matcher.excluded().contains(&self.layer.path(origin)) || self.layer.link_below(origin).is_some() {
            return Ok(());
        }
        self.want_unkept(&self.path_of(name, origin), origin, name)
    }

    fn read_for(&mut self, file: Again<'_>, names: Vec<Name>, body: &mut impl Read) -> Result<(), Error> {
        let Again { path, origin, size_bytes, holes_bytes, known } = file;
        let failed = |source| Error::Entry { path: path.to_owned(), source };
        let mut head = [0; HEAD_BYTES];
        let head_len = fill(body, head_of(&mut head, size_bytes)).map_err(failed)?;
        let head = &head[..head_len];
        let mut wanted: Vec<(u32, Wants)> = Vec::new();
        let mut followed = Wants::default();
        for name in names {
            let path = self.path_of(name, origin);
            let Some(mut wants) = self.wants(&path, head, size_bytes)? else { continue };
            self.leave_out_shared(&mut wants, origin, known);
            match name {
                Name::Hard(link) => wanted.push((link, wants)),
                Name::Symbolic(_) | Name::Moved(_) => followed.add_all(wants),
            }
        }
        wanted.push((origin, followed));
        wanted.retain(|(_, wants)| !wants.is_empty());
        if wanted.is_empty() {
            return Ok(());
        }
        if !self.take_holes(holes_bytes) {
            for (record, _) in &wanted {
                self.unknown_at(*record, too_many_holes());
            }
            return Ok(());
        }
        let _room = (size_bytes > MEMORY_BYTES_MAX).then(|| self.allowance.room(size_bytes));
        let content = Content::read(head, body, size_bytes, self.allowance.spill()).map_err(failed)?;
        self.keep(&wanted, content)
    }

    /// A hard link is another name of an earlier entry of the same layer, and shares what was kept of it.
    pub(super) fn hard_link(&mut self, path: &str, header: &Header) -> Result<(), Error> {
        let Some(target) = normal(&header.link) else {
            let record = self.insert(path, FileKind::File, header.mode, 0)?;
            if self.matcher.is_claimed(path, &mut self.scratch) {
                self.unknown_at(record, unkept(&text(&header.link)));
            }
            return Ok(());
        };
        let Some(found) = self.layer.find(&target) else { return self.hard_link_below(path, header.mode, &target) };
        let origin = self.linked.origin(found);
        if let Some(below) = self.layer.link_below(origin).map(str::to_owned) {
            return self.hard_link_below(path, header.mode, &below);
        }
        let file = *self.layer.record_at(origin);
        match file.kind {
            FileKind::File => {}
            FileKind::Symlink => {
                let link = self.layer.link(&file).map(str::to_owned);
                return self.add(path, FileKind::Symlink, file.mode, link.as_deref());
            }
            kind @ (FileKind::Directory | FileKind::Other) => return self.add(path, kind, file.mode, None),
        }
        let record = self.insert(path, FileKind::File, file.mode, file.size_or_link)?;
        self.take_for_links(LINK_BYTES)?;
        self.linked.origins.push((record, origin));
        for at in self.layer.kept_of(origin, self.layer.kept.len()) {
            self.allowance.admit(self.layer.kept[at].bytes.len() as u64)?;
            let kept = self.layer.kept[at].clone();
            self.push(record, kept.extractor.as_deref(), kept.bytes.into_vec())?;
        }
        self.want_unkept(path, origin, Name::Hard(record))
    }

    /// A hard link to a file of a lower layer: what that is, is known when the layers are folded.
    fn hard_link_below(&mut self, path: &str, mode: u16, target: &str) -> Result<(), Error> {
        let record = self.insert(path, FileKind::File, mode, 0)?;
        self.layer.count(target.len());
        self.take()?;
        self.layer.links_below.push((record, target.into()));
        Ok(())
    }

    /// Notes what is wanted of a file under another name and was not kept of it.
    fn want_unkept(&mut self, path: &str, origin: u32, name: Name) -> Result<(), Error> {
        let origin_path = self.layer.path(origin);
        // Of a file that was left out it is not even known whether it is a program.
        let is_left_out = self.matcher.excluded().contains(&origin_path) && !self.matcher.excluded().contains(path);
        let mut wants = self.matcher.wants(path, &[], &mut self.scratch);
        if wants.is_empty() && !is_left_out {
            return Ok(());
        }
        self.leave_out_shared(&mut wants, origin, self.layer.kept.len());
        // Whatever was looked for under the file's own name is not there, or that it could not be read is told there.
        let own = self.matcher.wants(&origin_path, &[], &mut self.scratch);
        wants.leave_out(&own);
        if wants.is_empty() && !is_left_out {
            return Ok(());
        }
        let is_new = !self.linked.wanted.contains_key(&origin);
        self.take_for_links(NAME_BYTES + if is_new { FILE_OVERHEAD_BYTES } else { 0 })?;
        let is_hard = matches!(name, Name::Hard(_));
        // Of a symbolic link it is told in the fold that it leads to what is not read.
        if !self.linked.want(origin, name, self.size_of(origin)) && is_hard {
            self.unknown(path, unkept(&origin_path));
        }
        Ok(())
    }

    /// Leaves out of what is wanted what a file shares with its other names.
    fn leave_out_shared(&self, wants: &mut Wants, origin: u32, known: usize) {
        wants.leave_out_kept(&self.layer.kept[self.layer.kept_of(origin, known)]);
    }

    fn size_of(&self, record: u32) -> u64 {
        self.layer.record_at(record).size_or_link
    }

    fn take_for_links(&mut self, bytes: u64) -> Result<(), Error> {
        self.linked.taken_bytes += bytes;
        Ok(self.allowance.take(bytes)?)
    }

    /// Tells of what no second walk brought, and gives back what was taken for it.
    pub(super) fn tell_linked(&mut self) {
        for (origin, names) in std::mem::take(&mut self.linked.wanted) {
            self.tell_unkept(origin, &names);
        }
        self.allowance.give_back(std::mem::take(&mut self.linked.taken_bytes));
    }

    fn tell_unkept(&mut self, origin: u32, names: &[Name]) {
        let reason = unkept(&self.layer.path(origin));
        for name in names {
            if let Name::Hard(link) = name {
                self.unknown_at(*link, reason.as_str());
            }
        }
    }

    fn path_of(&self, name: Name, origin: u32) -> String {
        match name {
            Name::Hard(link) | Name::Symbolic(link) => self.layer.path(link),
            Name::Moved(folder) => {
                let path = self.layer.path(origin);
                self.linked.moved[folder].other_name(&path).expect("a file is noted only where it is in the folder")
            }
        }
    }
}

/// A file that is read again.
#[derive(Clone, Copy)]
struct Again<'f> {
    path: &'f str,
    /// Its record.
    origin: u32,
    size_bytes: u64,
    holes_bytes: u64,
    /// How many files were kept before, in order.
    known: usize,
}

/// Returns the reason for a hard link whose bytes were not kept.
pub(crate) fn unkept(target: &str) -> String {
    format!("a hard link to `{target}`{UNKEPT}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tar::EntryKind;
    use crate::{Allowance, Matcher};

    #[test]
    fn files_that_are_read_again_end_at_their_number_and_bytes() {
        for (before, is_read) in [(LINKED_FILES_MAX - 2, true), (LINKED_FILES_MAX - 1, true), (LINKED_FILES_MAX, false)]
        {
            let wanted = (0..before).map(|record| (record as u32, Vec::new())).collect();
            let mut linked = Linked { wanted, ..Linked::default() };
            assert_eq!(linked.want(u32::MAX, Name::Hard(0), 0), is_read, "{before}");
            // Another name of a file costs no other file.
            assert!(linked.want(0, Name::Hard(1), 1), "{before}");
        }
        for (size_bytes, is_read) in [
            (LINKED_BYTES_MAX - 6, true),
            (LINKED_BYTES_MAX - 5, true),
            (LINKED_BYTES_MAX - 4, false),
            (u64::MAX, false),
        ] {
            let mut linked = Linked { wanted_bytes: 5, ..Linked::default() };
            assert_eq!(linked.want(0, Name::Hard(1), size_bytes), is_read, "{size_bytes}");
        }
    }

    fn header(kind: EntryKind, path: &str, link: &str, size_bytes: u64) -> Header {
        let (path, link) = (path.into(), link.into());
        Header { path, link, kind, mode: 0, size_bytes, stored_bytes: size_bytes, sparse: None }
    }

    #[test]
    fn links_that_no_second_walk_brings_are_told() {
        let matcher =
            Matcher::new(crate::catalogers().iter().filter(|cataloger| cataloger.name == "cargo-lock").collect());
        let told = |wanted_bytes: u64| {
            let allowance = Allowance::new(|| unreachable!("four bytes fit into memory"));
            let mut builder = LayerBuilder::new(&matcher, &allowance);
            builder.linked.wanted_bytes = wanted_bytes;
            let entries =
                [header(EntryKind::File, "store", "", 4), header(EntryKind::HardLink, "Cargo.lock", "store", 0)];
            for header in &entries {
                builder.entry(header, &mut &b"text"[..]).expect("a layer");
            }
            let wants_more = builder.wants_more().expect("a layer");
            let (taken, taken_for_links) = (allowance.memory_bytes(), builder.linked.taken_bytes);
            let layer = builder.finish();
            assert_eq!(taken - allowance.memory_bytes(), taken_for_links);
            assert!(taken_for_links > 0);
            (wants_more, layer.unknowns.iter().map(|(path, reason)| format!("{path}: {reason}")).collect::<Vec<_>>())
        };
        let told_of = vec!["Cargo.lock: a hard link to `store`, whose bytes were not kept".to_owned()];
        assert_eq!(told(0), (true, told_of.clone()));
        assert_eq!(told(LINKED_BYTES_MAX - 4), (true, told_of.clone()));
        assert_eq!(told(LINKED_BYTES_MAX - 3), (false, told_of));
    }

    #[test]
    fn what_a_file_has_under_other_names_is_kept_in_the_order_of_these() {
        let matcher = Matcher::new(crate::catalogers().iter().collect());
        let allowance = Allowance::new(|| unreachable!("all fits into memory"));
        let mut builder = LayerBuilder::new(&matcher, &allowance);
        let layer = testkit::layer([("store", "{}"), ("z/package.json", "{}")]);
        builder.read_tar(&*layer).expect("a layer");
        for link in ["a/package.json", "b/package-lock.json"] {
            builder.entry(&header(EntryKind::HardLink, link, "store", 0), &mut std::io::empty()).expect("a layer");
        }
        builder.read_linked(&*layer).expect("a layer");
        let layer = builder.finish();
        let kept: Vec<String> = layer.kept().iter().map(|kept| layer.path(kept.record)).collect();
        assert_eq!(kept, ["z/package.json", "a/package.json", "b/package-lock.json"]);
    }
}
