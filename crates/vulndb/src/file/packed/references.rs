//! Where to read more, in columns. Much is addressed by one of the advisory's own names, which is not said again.

use super::super::bytes::Corrupt;
use super::super::database::AdvisoryHead;
use super::super::header::Header;
use super::super::section::Section;
use super::super::table::TableWriter;
use super::PackedError;
use super::column::{Column, Room, Values};
use crate::Reference;

const SECTION: Section = Section::References;

/// Columns of the kinds that there are, how many each advisory has, the kind of each, and the addresses.
pub(super) const COLUMNS: usize = 4;

/// The first of the bytes that stand for the advisory's names: its own, its aliases and what is upstream, as many as there are bytes. No
/// text in UTF-8 has any of them.
const FIRST_NAME: u8 = 0xf8;

/// The last of them; the one behind it ends a text.
const LAST_NAME: u8 = 0xfe;

pub(super) fn columns(heads: &[AdvisoryHead<'_>], references: &[Vec<Reference>]) -> [Column; COLUMNS] {
    let mut columns = [const { Column::new() }; COLUMNS];
    let [kind_names, counts, kinds, addresses] = &mut columns;
    let all = || references.iter().flatten();
    let mut known: Vec<&str> = all().map(|reference| reference.kind.as_str()).collect();
    known.sort_unstable();
    known.dedup();
    for kind in &known {
        kind_names.push_text(kind);
    }
    for (head, references) in heads.iter().zip(references) {
        counts.push_number(references.len() as u64);
        for Reference { kind, url } in references {
            kinds.push_number(known.binary_search(&kind.as_str()).unwrap_or_default() as u64);
            addresses.push_text(coded(url, head));
        }
    }
    columns
}

/// Writes the section. What is said once and pointed to often may come to no more than the file has room for.
pub(super) fn section(
    columns: &[Column; COLUMNS],
    heads: &[AdvisoryHead<'_>],
    header: &Header,
) -> Result<Vec<u8>, PackedError> {
    let mut columns = columns.each_ref().map(|column| column.values(SECTION));
    let [kind_names, counts, kinds, addresses] = &mut columns;
    let form = Corrupt::Form { section: SECTION };
    let mut known = Vec::new();
    while !kind_names.is_empty() {
        known.push(kind_names.text()?);
    }
    let mut table = TableWriter::default();
    let mut room = Room::of(header, SECTION);
    for head in heads {
        let mut references = Vec::new();
        for _ in 0..counts.number()? {
            let kind = usize::try_from(kinds.number()?).ok().and_then(|kind| known.get(kind)).ok_or(form.clone())?;
            let url = decoded(addresses.coded()?, head).ok_or(form.clone())?;
            room.take(kind.len() + url.len())?;
            references.push(Reference { kind: (*kind).to_owned(), url });
        }
        table.push(SECTION, &references)?;
    }
    columns.iter().try_for_each(Values::end)?;
    Ok(table.finish(SECTION)?)
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
            let header = Header { sums_crc: 0, length: 0, sections };
            section(&columns(&heads, std::slice::from_ref(&stated)), &heads, &header).is_ok()
        };
        assert!(check(39));
        assert!(!check(38));
    }

    #[test]
    fn a_name_that_there_is_not_is_refused() {
        assert_eq!(decoded(b"https://a/\xf9", &head("CVE-1", &[])), None);
        assert_eq!(decoded(b"\xf8\xf8", &head("CVE-1", &[])), None);
        assert_eq!(decoded(b"\x80", &head("CVE-1", &[])), None);
    }
}
