//! Where to read more, in columns. Much is addressed by one of the advisory's own names, which is not said again; nor is what followed the
//! same address before, as advisories of one vulnerability say the same. Digests of commits stand apart: nothing predicts them.

use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::rc::Rc;

use super::super::bytes::Corrupt;
use super::super::database::AdvisoryHead;
use super::super::header::Header;
use super::super::section::Section;
use super::super::table::TableWriter;
use super::PackedError;
use super::column::{Budget, Column, Room, Values, write_columns};
use super::prediction::{read_predicted, write_predicted};
use crate::Reference;

const SECTION: Section = Section::References;

/// Columns of the kinds that there are, how many each advisory has, the kind of each, the digests in addresses, and the addresses.
pub(super) const COLUMNS: usize = 5;

/// The first of the bytes that stand for the advisory's names: its own, its aliases and what is upstream, as many as there are bytes. No
/// text in UTF-8 has any of them.
const FIRST_NAME: u8 = 0xf8;

/// The last of them; the one behind it ends a text.
const LAST_NAME: u8 = 0xfe;

/// What stands for an address: the one that last followed the one before it, or that an advisory last began with.
const AS_BEFORE: u8 = 0xf7;

/// What stands for a digest in hexadecimal, which has so many bytes.
const DIGEST: u8 = 0xf6;
const DIGEST_BYTES: usize = 20;

pub(super) fn columns(heads: &[AdvisoryHead<'_>], references: &[Vec<Reference>]) -> [Column; COLUMNS] {
    let mut columns = [const { Column::new() }; COLUMNS];
    let [kind_names, counts, kinds, digests, addresses] = &mut columns;
    let all = || references.iter().flatten();
    let mut known: Vec<&str> = all().map(|reference| reference.kind.as_str()).collect();
    known.sort_unstable();
    known.dedup();
    for kind in &known {
        kind_names.push_text(kind);
    }
    let mut order = Order::default();
    for (head, references) in heads.iter().zip(references) {
        counts.push_number(references.len() as u64);
        order.begin();
        for Reference { kind, url } in references {
            kinds.push_number(known.binary_search(&kind.as_str()).unwrap_or_default() as u64);
            let address: Rc<[u8]> = coded(url, head).into();
            if order.next().is_some_and(|expected| expected == address) {
                addresses.extend(&[AS_BEFORE]);
            } else {
                addresses.push_text(without_digests(&address, digests));
            }
            order.follow(address);
        }
    }
    columns
}

pub(super) fn write(columns: &[Column; COLUMNS], to: &mut impl Write) -> Result<(), PackedError> {
    let [plain @ .., addresses] = columns;
    write_columns(plain, to)?;
    write_predicted(addresses, to)
}

pub(super) fn read(budget: &mut Budget, from: &mut impl BufRead) -> Result<[Column; COLUMNS], PackedError> {
    let [kind_names, counts, kinds, digests] = budget.read_columns(SECTION, from)?;
    Ok([kind_names, counts, kinds, digests, read_predicted(budget, SECTION, from)?])
}

/// Writes the section. What is said once and pointed to often may come to no more than the file has room for.
pub(super) fn section(
    columns: &[Column; COLUMNS],
    heads: &[AdvisoryHead<'_>],
    header: &Header,
) -> Result<Vec<u8>, PackedError> {
    let mut columns = columns.each_ref().map(|column| column.values(SECTION));
    let [kind_names, counts, kinds, digests, addresses] = &mut columns;
    let form = Corrupt::Form { section: SECTION };
    let mut known = Vec::new();
    while !kind_names.is_empty() {
        known.push(kind_names.text()?);
    }
    let mut table = TableWriter::default();
    let mut room = Room::of(header, SECTION);
    let mut order = Order::default();
    for head in heads {
        let mut references = Vec::new();
        order.begin();
        for _ in 0..counts.number()? {
            let kind = usize::try_from(kinds.number()?).ok().and_then(|kind| known.get(kind)).ok_or(form.clone())?;
            let address = if addresses.pass(AS_BEFORE) {
                order.next().ok_or(form.clone())?
            } else {
                with_digests(addresses.coded()?, digests)?.into()
            };
            let url = decoded(&address, head).ok_or(form.clone())?;
            room.take(kind.len() + url.len())?;
            references.push(Reference { kind: (*kind).to_owned(), url });
            order.follow(address);
        }
        table.push(SECTION, &references)?;
    }
    columns.iter().try_for_each(Values::end)?;
    Ok(table.finish(SECTION)?)
}

/// Which address last followed which; the first of each advisory follows none.
#[derive(Default)]
struct Order {
    followed: HashMap<Option<Rc<[u8]>>, Rc<[u8]>>,
    before: Option<Rc<[u8]>>,
}

impl Order {
    fn begin(&mut self) {
        self.before = None;
    }

    fn next(&self) -> Option<Rc<[u8]>> {
        self.followed.get(&self.before).cloned()
    }

    fn follow(&mut self, address: Rc<[u8]>) {
        let before = self.before.replace(address.clone());
        self.followed.insert(before, address);
    }
}

/// Takes the digests out of an address, and adds them to a column.
fn without_digests(address: &[u8], digests: &mut Column) -> Vec<u8> {
    let is_digit = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    let mut left = Vec::with_capacity(address.len());
    for run in address.chunk_by(|one, other| is_digit(one) == is_digit(other)) {
        let digest = if run.len() == 2 * DIGEST_BYTES { digest(run) } else { None };
        match digest {
            Some(digest) => {
                left.push(DIGEST);
                digests.extend(&digest);
            }
            None => left.extend_from_slice(run),
        }
    }
    left
}

/// Returns the bytes of a digest in hexadecimal, in small letters.
fn digest(run: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
    let byte = |pair: &[u8]| u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok();
    run.chunks_exact(2).map(byte).collect()
}

fn with_digests(left: &[u8], digests: &mut Values<'_>) -> Result<Vec<u8>, Corrupt> {
    let mut address = Vec::with_capacity(left.len());
    for byte in left {
        if *byte == DIGEST {
            for byte in digests.next(DIGEST_BYTES)? {
                address.extend([byte >> 4, byte & 0xf].map(|digit| b"0123456789abcdef"[usize::from(digit)]));
            }
        } else {
            address.push(*byte);
        }
    }
    Ok(address)
}

/// Returns the names that have a byte.
fn names<'a>(head: &'a AdvisoryHead<'_>) -> impl Iterator<Item = (u8, &'a str)> {
    let names = std::iter::once(head.id).chain(head.aliases.iter().copied()).chain(head.upstream.iter().copied());
    (FIRST_NAME..=LAST_NAME).zip(names)
}

fn coded(url: &str, head: &AdvisoryHead<'_>) -> Vec<u8> {
    let mut names = names(head).filter(|(_, name)| !name.is_empty());
    match names.find_map(|(byte, name)| Some((byte, url.split_once(name)?))) {
        Some((byte, (before, behind))) => [before.as_bytes(), &[byte], behind.as_bytes()].concat(),
        None => url.as_bytes().to_vec(),
    }
}

fn decoded(coded: &[u8], head: &AdvisoryHead<'_>) -> Option<String> {
    let Some(at) = coded.iter().position(|byte| *byte >= FIRST_NAME) else {
        return String::from_utf8(coded.to_vec()).ok();
    };
    let (before, behind) = (coded.get(..at)?, coded.get(at + 1..)?);
    let (_, name) = names(head).find(|(byte, _)| *byte == coded[at])?;
    String::from_utf8([before, name.as_bytes(), behind].concat()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::FeedIndex;

    fn head<'a>(id: &'a str, aliases: &[&'a str]) -> AdvisoryHead<'a> {
        AdvisoryHead {
            feed: FeedIndex(0),
            id,
            aliases: aliases.to_vec(),
            upstream: Vec::new(),
            nature: crate::Nature::Vulnerability,
            published: None,
            modified: None,
            withdrawn: None,
            severities: Vec::new(),
            weaknesses: Vec::new(),
            vulnerabilities: Vec::new(),
        }
    }

    #[test]
    fn a_name_is_not_said_again() {
        let check = |id: &str, aliases: &[&str], url: &str, expected: &[u8]| {
            let head = head(id, aliases);
            assert_eq!(coded(url, &head), expected);
            assert_eq!(decoded(expected, &head).as_deref(), Some(url));
        };
        check("CVE-1", &[], "https://a/CVE-1.html", b"https://a/\xf8.html");
        check("GHSA-1", &["CVE-1"], "https://a/CVE-1", b"https://a/\xf9");
        check("A", &["B", "C", "D", "E", "F", "G"], "G", b"\xfe");
        check("A", &["B", "C", "D", "E", "F", "G", "H"], "H", b"H");
        check("", &["", "CVE-1"], "https://a/", b"https://a/");
        check("CVE-1", &[], "CVE-1/CVE-1", b"\xf8/CVE-1");
        check("CVE-1", &[], "https://\u{10ffff}/CVE-1", b"https://\xf4\x8f\xbf\xbf/\xf8");
    }

    #[test]
    fn no_more_comes_of_them_than_a_file_has_room_for() {
        let heads = [head("CVE-2026-0001", &[])];
        let reference = |url: &str| Reference { kind: "WEB".to_owned(), url: url.to_owned() };
        let stated = vec![reference("https://a/CVE-2026-0001"), reference("https://a/")];
        let check = |bytes: u64| {
            let mut sections = [const { 0..0 }; Section::ALL.len()];
            sections[SECTION as usize] = 0..bytes;
            let header = Header { version: 0, sums_crc: 0, length: 0, sections };
            section(&columns(&heads, std::slice::from_ref(&stated)), &heads, &header).is_ok()
        };
        assert!(check(39));
        assert!(!check(38));
    }

    /// What is sent of addresses of advisories, and how many bytes of digests.
    fn sent(stated: &[&[&str]]) -> (Vec<u8>, usize) {
        let heads: Vec<_> = stated.iter().map(|_| head("CVE-1", &[])).collect();
        let reference = |url: &&str| Reference { kind: "WEB".to_owned(), url: (*url).to_owned() };
        let references: Vec<Vec<_>> = stated.iter().map(|urls| urls.iter().map(reference).collect()).collect();
        let columns = columns(&heads, &references);
        let mut sections = [const { 0..0 }; Section::ALL.len()];
        sections[SECTION as usize] = 0..10_000;
        let header = Header { version: 0, sums_crc: 0, length: 0, sections };
        let mut expected = TableWriter::default();
        for references in &references {
            expected.push(SECTION, references).unwrap();
        }
        assert_eq!(section(&columns, &heads, &header).unwrap(), expected.finish(SECTION).unwrap());
        let [.., digests, addresses] = columns;
        (addresses.as_bytes().to_vec(), digests.as_bytes().len())
    }

    #[test]
    fn what_followed_an_address_before_is_not_said_again() {
        let check = |stated: &[&[&str]], expected: &[u8]| assert_eq!(sent(stated).0, expected);
        check(&[&["a", "b"], &["a", "b"]], b"a\xffb\xff\xf7\xf7");
        check(&[&["a", "b"], &["c", "a", "b"], &["c"]], b"a\xffb\xffc\xffa\xff\xf7\xf7");
        check(&[&["a", "a", "a"]], b"a\xffa\xff\xf7");
        check(&[&["a", "b", "a", "c", "a", "c"]], b"a\xffb\xffa\xffc\xffa\xff\xf7");
        check(&[&[], &["a"], &[], &["a"]], b"a\xff\xf7");
    }

    #[test]
    fn digests_stand_apart() {
        let digest = "0123456789abcdef0123456789abcdef01234567";
        let check = |url: &str, expected: &[u8], bytes: usize| {
            assert_eq!(sent(&[&[url]]), ([expected, b"\xff"].concat(), bytes), "{url}");
        };
        check(&format!("https://x/{digest}"), b"https://x/\xf6", 20);
        check(&format!("{digest}...{digest}/"), b"\xf6...\xf6/", 40);
        check(&digest[1..], &digest.as_bytes()[1..], 0);
        check(&format!("{digest}0"), format!("{digest}0").as_bytes(), 0);
        check(&digest.to_uppercase(), digest.to_uppercase().as_bytes(), 0);
        check(&format!("CVE-1/{digest}"), b"\xf8/\xf6", 20);
    }

    #[test]
    fn what_nothing_stands_for_is_refused() {
        let told = |digests: &[u8], addresses: &[u8]| {
            let (heads, header) = ([head("CVE-1", &[])], {
                let mut sections = [const { 0..0 }; Section::ALL.len()];
                sections[SECTION as usize] = 0..1000;
                Header { version: 0, sums_crc: 0, length: 0, sections }
            });
            let mut columns = columns(&heads, &[vec![Reference { kind: "WEB".to_owned(), url: "a".to_owned() }]]);
            (columns[3], columns[4]) = (Column::of(digests.to_vec()), Column::of(addresses.to_vec()));
            section(&columns, &heads, &header).is_ok()
        };
        assert!(told(b"", b"a\xff"));
        assert!(told(&[0; 20], b"a\xf6\xff"));
        assert!(!told(&[0; 19], b"a\xf6\xff"));
        assert!(!told(&[0; 20], b"a\xff"));
        assert!(!told(b"", b"\xf7"));
        assert!(!told(b"", b"a\xff\xf7"));
    }

    #[test]
    fn a_name_that_there_is_not_is_refused() {
        assert_eq!(decoded(b"https://a/\xf9", &head("CVE-1", &[])), None);
        assert_eq!(decoded(b"\xf8\xf8", &head("CVE-1", &[])), None);
        assert_eq!(decoded(b"\x80", &head("CVE-1", &[])), None);
    }
}
