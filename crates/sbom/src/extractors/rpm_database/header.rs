//! Package headers: an index of tags, and the data that it points to. All numbers are big-endian. The format is described in rpm's
//! `docs/manual/format_header.md` and `docs/manual/hregions.md`, the tags in `docs/manual/tags.md`.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{Error, Package, PackagedFile, Relation, be_u32};

/// As in rpm: the most entries of the index.
const TAGS_MAX: usize = 0xffff;

/// The most values of one tag. The largest packages have 200,000 files.
const VALUES_MAX: usize = 500_000;

const INDEX_ENTRY_BYTES: usize = 16;

pub(crate) const TYPE_INT16: u32 = 3;
pub(crate) const TYPE_INT32: u32 = 4;
pub(crate) const TYPE_STRING: u32 = 6;
pub(crate) const TYPE_BIN: u32 = 7;
pub(crate) const TYPE_STRING_ARRAY: u32 = 8;
pub(crate) const TYPE_I18N_STRING: u32 = 9;

pub(crate) const TAG_SIGMD5: u32 = 261;
pub(crate) const TAG_NAME: u32 = 1000;
pub(crate) const TAG_VERSION: u32 = 1001;
pub(crate) const TAG_RELEASE: u32 = 1002;
pub(crate) const TAG_EPOCH: u32 = 1003;
pub(crate) const TAG_VENDOR: u32 = 1011;
pub(crate) const TAG_LICENSE: u32 = 1014;
pub(crate) const TAG_ARCH: u32 = 1022;
pub(crate) const TAG_OLD_FILE_NAMES: u32 = 1027;
pub(crate) const TAG_FILE_MODES: u32 = 1030;
pub(crate) const TAG_FILE_DIGESTS: u32 = 1035;
pub(crate) const TAG_FILE_FLAGS: u32 = 1037;
pub(crate) const TAG_SOURCE_RPM: u32 = 1044;
pub(crate) const TAG_PROVIDE_NAME: u32 = 1047;
pub(crate) const TAG_REQUIRE_FLAGS: u32 = 1048;
pub(crate) const TAG_REQUIRE_NAME: u32 = 1049;
pub(crate) const TAG_REQUIRE_VERSION: u32 = 1050;
pub(crate) const TAG_PROVIDE_FLAGS: u32 = 1112;
pub(crate) const TAG_PROVIDE_VERSION: u32 = 1113;
pub(crate) const TAG_DIR_INDEXES: u32 = 1116;
pub(crate) const TAG_BASE_NAMES: u32 = 1117;
pub(crate) const TAG_DIR_NAMES: u32 = 1118;
pub(crate) const TAG_FILE_DIGEST_ALGORITHM: u32 = 5011;
pub(crate) const TAG_RECOMMEND_NAME: u32 = 5046;
pub(crate) const TAG_RECOMMEND_VERSION: u32 = 5047;
pub(crate) const TAG_RECOMMEND_FLAGS: u32 = 5048;
pub(crate) const TAG_MODULARITY_LABEL: u32 = 5096;

/// MD5, by its number in `OpenPGP`: what files' digests are when the header does not say.
const DIGEST_MD5: u32 = 1;

#[derive(Debug, Clone, Copy)]
struct Entry {
    kind: u32,
    offset: usize,
    count: usize,
}

struct Header<'a> {
    entries: HashMap<u32, Entry>,
    data: &'a [u8],
}

/// Reads the header of an installed package.
pub(super) fn parse(bytes: &[u8]) -> Result<Package<'_>, Error> {
    let header = Header::new(bytes)?;
    let name = header.string(TAG_NAME).ok_or(Error::Malformed("a header without a name"))?;
    let folders = header.strings(TAG_DIR_NAMES);
    Ok(Package {
        name,
        version: header.string(TAG_VERSION).unwrap_or_default(),
        release: header.string(TAG_RELEASE).unwrap_or_default(),
        epoch: header.numbers(TAG_EPOCH).first().copied(),
        architecture: header.string(TAG_ARCH),
        source_rpm: header.string(TAG_SOURCE_RPM),
        vendor: header.string(TAG_VENDOR),
        license: header.string(TAG_LICENSE),
        module: header.string(TAG_MODULARITY_LABEL),
        md5: header.binary(TAG_SIGMD5).filter(|bytes| bytes.len() == 16).map(hex::encode),
        provides: header.relations(TAG_PROVIDE_NAME, TAG_PROVIDE_FLAGS, TAG_PROVIDE_VERSION),
        requires: header.relations(TAG_REQUIRE_NAME, TAG_REQUIRE_FLAGS, TAG_REQUIRE_VERSION),
        recommends: header.relations(TAG_RECOMMEND_NAME, TAG_RECOMMEND_FLAGS, TAG_RECOMMEND_VERSION),
        digest_algorithm: header.numbers(TAG_FILE_DIGEST_ALGORITHM).first().copied().unwrap_or(DIGEST_MD5),
        files: header.files(&folders),
        folders,
    })
}

impl<'a> Header<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, Error> {
        let tags = be_u32(bytes, 0)? as usize;
        let data_bytes = be_u32(bytes, 4)? as usize;
        if tags > TAGS_MAX {
            return Err(Error::Malformed("a header with more tags than the limit"));
        }
        let rest = &bytes[8..];
        let (index, data) = rest
            .split_at_checked(tags * INDEX_ENTRY_BYTES)
            .ok_or(Error::Malformed("a header that ends inside of its index"))?;
        let data = data.get(..data_bytes).ok_or(Error::Malformed("a header that ends inside of its data"))?;
        let mut entries = HashMap::new();
        for entry in index.chunks_exact(INDEX_ENTRY_BYTES) {
            let (tag, kind) = (be_u32(entry, 0)?, be_u32(entry, 4)?);
            let (offset, count) = (be_u32(entry, 8)? as usize, be_u32(entry, 12)? as usize);
            // Tags that were added after the package was built come later, and replace those from it.
            if offset <= data.len() && count <= VALUES_MAX {
                entries.insert(tag, Entry { kind, offset, count });
            }
        }
        Ok(Self { entries, data })
    }

    /// Returns where a tag's values begin if it is of one of the types.
    fn find(&self, tag: u32, kinds: &[u32]) -> Option<(Entry, &'a [u8])> {
        let entry = self.entries.get(&tag).filter(|entry| kinds.contains(&entry.kind))?;
        Some((*entry, &self.data[entry.offset..]))
    }

    /// Returns a tag's first text, if there is any: some packagers' tools write `(none)`, as rpm shows what is not there.
    fn string(&self, tag: u32) -> Option<Cow<'a, str>> {
        let (_, data) = self.find(tag, &[TYPE_STRING, TYPE_STRING_ARRAY, TYPE_I18N_STRING])?;
        let text = data.split(|byte| *byte == 0).next().unwrap_or_default();
        Some(String::from_utf8_lossy(text)).filter(|text| !text.is_empty() && text != "(none)")
    }

    /// Returns a tag's texts, as far as the data goes.
    fn strings(&self, tag: u32) -> Vec<Cow<'a, str>> {
        let Some((entry, data)) = self.find(tag, &[TYPE_STRING_ARRAY, TYPE_STRING, TYPE_I18N_STRING]) else {
            return Vec::new();
        };
        let count = if entry.kind == TYPE_STRING { 1 } else { entry.count };
        data.split_inclusive(|byte| *byte == 0)
            .take(count)
            .map(|text| String::from_utf8_lossy(text.strip_suffix(&[0]).unwrap_or(text)))
            .collect()
    }

    fn numbers(&self, tag: u32) -> Vec<u32> {
        let Some((entry, data)) = self.find(tag, &[TYPE_INT32]) else { return Vec::new() };
        data.chunks_exact(4)
            .take(entry.count)
            .filter_map(|number| number.try_into().ok().map(u32::from_be_bytes))
            .collect()
    }

    fn short_numbers(&self, tag: u32) -> Vec<u16> {
        let Some((entry, data)) = self.find(tag, &[TYPE_INT16]) else { return Vec::new() };
        data.chunks_exact(2)
            .take(entry.count)
            .filter_map(|number| number.try_into().ok().map(u16::from_be_bytes))
            .collect()
    }

    fn binary(&self, tag: u32) -> Option<&'a [u8]> {
        let (entry, data) = self.find(tag, &[TYPE_BIN])?;
        data.get(..entry.count)
    }

    fn relations(&self, name: u32, flags: u32, version: u32) -> Vec<Relation<'a>> {
        let mut flags = self.numbers(flags).into_iter();
        let mut versions = self.strings(version).into_iter();
        let names = self.strings(name).into_iter();
        let relations = names.map(|name| Relation {
            name,
            flags: flags.next().unwrap_or_default(),
            version: versions.next().unwrap_or_default(),
        });
        relations.collect()
    }

    fn files(&self, folders: &[Cow<'a, str>]) -> Vec<PackagedFile<'a>> {
        let mut names = self.strings(TAG_BASE_NAMES);
        let mut indexes = self.numbers(TAG_DIR_INDEXES);
        if names.is_empty() {
            // Before rpm 4 a header had whole paths.
            names = self.strings(TAG_OLD_FILE_NAMES);
            indexes = vec![u32::MAX; names.len()];
        }
        let mut modes = self.short_numbers(TAG_FILE_MODES).into_iter();
        let mut flags = self.numbers(TAG_FILE_FLAGS).into_iter();
        let mut digests = self.strings(TAG_FILE_DIGESTS).into_iter();
        let mut files = Vec::with_capacity(names.len());
        for (name, folder) in names.into_iter().zip(indexes) {
            let file = PackagedFile {
                folder,
                name,
                mode: modes.next().unwrap_or_default(),
                flags: flags.next().unwrap_or_default(),
                digest: digests.next().unwrap_or_default(),
            };
            if folder == u32::MAX || (folder as usize) < folders.len() {
                files.push(file);
            }
        }
        files
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixtures::{Value, header, package};
    use super::*;

    #[test]
    fn bytes_that_are_no_header_are_refused() {
        let whole = package("a", Vec::new());
        for length in 0..whole.len() {
            assert!(parse(&whole[..length]).is_err(), "{length} bytes");
        }
        assert!(parse(&header(&[(TAG_VERSION, Value::Text("1"))])).is_err());
        assert!(parse(&header(&[(TAG_NAME, Value::Numbers(&[1]))])).is_err());
        assert!(parse(&[0xff; 64]).is_err());
    }

    #[test]
    fn tags_end_at_the_limit() {
        for (count, expected) in [(TAGS_MAX - 1, true), (TAGS_MAX, true), (TAGS_MAX + 1, false)] {
            let mut tags = vec![(TAG_NAME, Value::Text("a"))];
            tags.extend((1..count).map(|_| (1, Value::Numbers(&[]))));
            assert_eq!(parse(&header(&tags)).is_ok(), expected, "{count} tags");
        }
    }

    #[test]
    fn values_end_at_the_limit() {
        for (count, expected) in [(VALUES_MAX - 1, true), (VALUES_MAX, true), (VALUES_MAX + 1, false)] {
            let texts = vec![""; count];
            let header = package("a", vec![(TAG_REQUIRE_NAME, Value::Texts(&texts))]);
            let requires = parse(&header).expect("the header is whole").requires.len();
            assert_eq!(requires, if expected { count } else { 0 }, "{count} values");
        }
    }

    #[test]
    fn a_tag_that_comes_again_replaces_the_first() {
        let twice = header(&[(TAG_NAME, Value::Text("a")), (TAG_NAME, Value::Text("b"))]);
        assert_eq!(parse(&twice).expect("the header is whole").name, "b");
    }

    #[test]
    fn lists_of_unequal_length_are_read_as_far_as_they_go() {
        let header = package(
            "a",
            vec![
                (TAG_DIR_NAMES, Value::Texts(&["/usr/bin/"])),
                (TAG_BASE_NAMES, Value::Texts(&["a", "b", "c"])),
                (TAG_DIR_INDEXES, Value::Numbers(&[0, 7])),
                (TAG_FILE_MODES, Value::ShortNumbers(&[0o100_755])),
                (TAG_REQUIRE_NAME, Value::Texts(&["x", "y"])),
                (TAG_REQUIRE_VERSION, Value::Texts(&["1"])),
                (TAG_SIGMD5, Value::Bytes(&[7; 15])),
            ],
        );
        let package = parse(&header).expect("the header is whole");
        let files: Vec<_> = package.files.iter().map(|file| (&*file.name, file.mode)).collect();
        assert_eq!(files, [("a", 0o100_755)]);
        let requires: Vec<_> = package.requires.iter().map(|relation| (&*relation.name, &*relation.version)).collect();
        assert_eq!(requires, [("x", "1"), ("y", "")]);
        assert_eq!(package.md5, None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(index in proptest::collection::vec(any::<[u8; 16]>(), 0..8), data in proptest::collection::vec(any::<u8>(), 0..64)) {
            let header = [&(index.len() as u32).to_be_bytes()[..], &(data.len() as u32).to_be_bytes(), &index.concat(), &data].concat();
            let _ = parse(&header);
        }

        #[test]
        fn any_values_of_known_tags_are_read(tags in proptest::collection::vec((1000_u32..1120, 0_u32..10, 0_u32..64, 0_u32..70), 0..20), data in proptest::collection::vec(0_u8..4, 64)) {
            let index: Vec<u8> = tags.iter().flat_map(|(tag, kind, offset, count)| [*tag, *kind, *offset, *count]).flat_map(u32::to_be_bytes).collect();
            let header = [&(tags.len() as u32).to_be_bytes()[..], &64_u32.to_be_bytes(), &index, &data].concat();
            let _ = parse(&header);
        }
    }
}
