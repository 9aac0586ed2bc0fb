//! Hard links that catalogers want by their names, to files whose own names nobody wants: pnpm's store beside a project, repositories of ostree. The bytes
//! have passed when such a link is met, so that a second walk over the same layer brings them.

use std::collections::BTreeMap;
use std::io::Read;

use crate::content::{Content, MEMORY_BYTES_MAX};
use crate::matcher::{HEAD_BYTES, Wants};
use crate::tar::{self, Header, Walk, text};
use crate::unread::UNKEPT;

use super::{Error, FileKind, LayerBuilder, Stands, fill, head_of, normal};

/// The most files of a layer that a second walk reads for links to them. A large image of pnpm has 20,000, one of ostree some thousand; what goes beyond is
/// reported, link by link.
pub const LINKED_FILES_MAX: usize = 250_000;

/// The most bytes of these files together. Package files and archives of real images have some GiB; what goes beyond is reported, link by link.
pub const LINKED_BYTES_MAX: u64 = 32 << 30;

/// About what a file takes here beside its links: its place in a tree, and the list of links.
const FILE_OVERHEAD_BYTES: u64 = 64;

/// What each link takes, in lists that grow to twice what is in them.
const LINK_BYTES: u64 = 2 * 2 * size_of::<u32>() as u64;

/// Hard links of the layer that is read.
#[derive(Debug, Default)]
pub(super) struct Linked {
    /// The record of each hard link, and that of the file whose name it is another of, in the order of links.
    origins: Vec<(u32, u32)>,
    /// The files whose bytes are wanted under other names, with these.
    wanted: BTreeMap<u32, Vec<u32>>,
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
    fn want(&mut self, origin: u32, link: u32, size_bytes: u64) -> bool {
        if let Some(links) = self.wanted.get_mut(&origin) {
            links.push(link);
            return true;
        }
        let bytes = self.wanted_bytes.saturating_add(size_bytes);
        if self.wanted.len() >= LINKED_FILES_MAX || bytes > LINKED_BYTES_MAX {
            return false;
        }
        self.wanted_bytes = bytes;
        self.wanted.insert(origin, vec![link]);
        true
    }
}

impl LayerBuilder<'_> {
    /// Returns whether a second walk over the same layer has anything to bring.
    pub(crate) fn wants_more(&self) -> bool {
        !self.linked.wanted.is_empty()
    }

    /// Walks once more over the tar that [`LayerBuilder::read_tar`] walked over, for the bytes of files that hard links want.
    pub(crate) fn read_linked<R: Read>(&mut self, reader: R) -> Result<R, Error> {
        let mut walk = Walk::new(reader);
        // What this walk keeps stands behind what the first one did, until both are put in order.
        let known = self.layer.kept.len();
        let mut record = 0;
        while let Some(header) = walk.next()? {
            let Stands::For(path) = Stands::of(&header) else { continue };
            if let Some(links) = self.linked.wanted.remove(&record) {
                let has_bytes = !header.is_sparse && header.size_bytes == self.size_of(record);
                if has_bytes {
                    self.read_for(&path, &header, (record, links), known, &mut walk.body())?;
                } else {
                    self.tell_unkept(record, &links);
                }
            }
            record += 1;
        }
        self.layer.kept.sort_by_key(|kept| kept.record);
        walk.drain().map_err(|source| Error::Walk(tar::Error::Read(source)))
    }

    fn read_for(
        &mut self,
        path: &str,
        header: &Header,
        (origin, links): (u32, Vec<u32>),
        known: usize,
        body: &mut impl Read,
    ) -> Result<(), Error> {
        let failed = |source| Error::Entry { path: path.to_owned(), source };
        let mut head = [0; HEAD_BYTES];
        let head_len = fill(body, head_of(&mut head, header.size_bytes)).map_err(failed)?;
        let head = &head[..head_len];
        let mut wanted = Vec::new();
        for link in links {
            let path = self.layer.path(link);
            if let Some(mut wants) = self.wants(&path, head, header.size_bytes)? {
                self.leave_out_shared(&mut wants, origin, known);
                wanted.push((link, wants));
            }
        }
        if wanted.iter().all(|(_, wants)| wants.is_empty()) {
            return Ok(());
        }
        let _room = (header.size_bytes > MEMORY_BYTES_MAX).then(|| self.allowance.room(header.size_bytes));
        let content = Content::read(head, body, header.size_bytes, self.allowance.spill()).map_err(failed)?;
        self.keep(&wanted, content)
    }

    /// A hard link is another name of an earlier entry of the same layer, and shares what was kept of it.
    pub(super) fn hard_link(&mut self, path: &str, header: &Header) -> Result<(), Error> {
        let target = normal(&header.link).and_then(|target| self.layer.find(&target));
        let Some(target) = target else {
            let record = self.insert(path, FileKind::File, header.mode, 0)?;
            if self.matcher.is_claimed(path, &mut self.scratch) {
                self.unknown_at(record, unkept(&text(&header.link)));
            }
            return Ok(());
        };
        let origin = self.linked.origin(target);
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
        self.want_unkept(path, origin, record, file.size_or_link)
    }

    /// Notes what is wanted of a file under another name and was not kept of it.
    fn want_unkept(&mut self, path: &str, origin: u32, link: u32, size_bytes: u64) -> Result<(), Error> {
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
        wants.records.retain(|extractor| !own.records.iter().any(|own| own.name == extractor.name));
        wants.bytes_limit = wants.bytes_limit.filter(|limit| own.bytes_limit.is_none_or(|own| own < *limit));
        if wants.is_empty() && !is_left_out {
            return Ok(());
        }
        let is_new = !self.linked.wanted.contains_key(&origin);
        self.take_for_links(if is_new { FILE_OVERHEAD_BYTES } else { 0 })?;
        if !self.linked.want(origin, link, size_bytes) {
            self.unknown(path, unkept(&origin_path));
        }
        Ok(())
    }

    /// Leaves out of what is wanted what a file shares with its other names.
    fn leave_out_shared(&self, wants: &mut Wants, origin: u32, known: usize) {
        let kept = &self.layer.kept[self.layer.kept_of(origin, known)];
        let has = |name: Option<&str>| kept.iter().any(|kept| kept.extractor.as_deref() == name);
        wants.records.retain(|extractor| !has(Some(extractor.name)));
        wants.bytes_limit = wants.bytes_limit.filter(|_| !has(None));
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
        for (origin, links) in std::mem::take(&mut self.linked.wanted) {
            self.tell_unkept(origin, &links);
        }
        self.allowance.give_back(std::mem::take(&mut self.linked.taken_bytes));
    }

    fn tell_unkept(&mut self, origin: u32, links: &[u32]) {
        let reason = unkept(&self.layer.path(origin));
        for link in links {
            self.unknown_at(*link, reason.as_str());
        }
    }
}

fn unkept(target: &str) -> String {
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
            assert_eq!(linked.want(u32::MAX, 0, 0), is_read, "{before}");
            // Another name of a file costs no other file.
            assert!(linked.want(0, 1, 1), "{before}");
        }
        for (size_bytes, is_read) in [
            (LINKED_BYTES_MAX - 6, true),
            (LINKED_BYTES_MAX - 5, true),
            (LINKED_BYTES_MAX - 4, false),
            (u64::MAX, false),
        ] {
            let mut linked = Linked { wanted_bytes: 5, ..Linked::default() };
            assert_eq!(linked.want(0, 1, size_bytes), is_read, "{size_bytes}");
        }
    }

    fn header(kind: EntryKind, path: &str, link: &str, size_bytes: u64) -> Header {
        let (path, link) = (path.into(), link.into());
        Header { path, link, kind, mode: 0, size_bytes, stored_bytes: size_bytes, is_sparse: false }
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
            let wants_more = builder.wants_more();
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
