//! First lines and texts of the advisories, one after another, each ended by a byte 0xff.
//!
//! Lines of texts that are broken at a width are joined, so that a text that one publisher breaks and another does not is one: Ubuntu breaks
//! those of CVEs.

use std::borrow::Cow;
use std::io::{BufRead, Write};

use super::super::bytes::Corrupt;
use super::super::header::Header;
use super::super::section::Section;
use super::super::table::TableWriter;
use super::column::{Budget, Column, Room, Values, write_columns};
use super::prediction::{read_predicted, write_predicted};
use super::repeats::{self, Repeats};
use super::{PackedError, RawTable};

const SECTION: Section = Section::Details;

/// The widths at which most texts are broken that are.
const USUAL_WIDTHS: [usize; 2] = [74, 75];

/// The width of each text, 0 where its lines are as they are; and all of them without what repeats.
pub(super) struct Texts {
    widths: Column,
    repeats: Repeats,
}

/// The two sections.
pub(super) struct Sections {
    pub(super) summaries: Vec<u8>,
    pub(super) details: Vec<u8>,
}

pub(super) fn of(summaries: &RawTable<'_>, details: &RawTable<'_>) -> Result<Texts, PackedError> {
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| Corrupt::Form { section: SECTION });
    if summaries.count() != details.count() {
        return Err(Corrupt::Form { section: SECTION }.into());
    }
    let (mut widths, mut whole) = (Column::new(), Column::new());
    for (summary, details) in summaries.records().zip(details.records()) {
        let (width, joined) = joined(text(details?)?);
        whole.push_text(text(summary?)?);
        whole.push_text(joined.as_bytes());
        widths.push_number(width as u64);
    }
    Ok(Texts { widths, repeats: repeats::find(whole.as_bytes())? })
}

pub(super) fn write(texts: &Texts, to: &mut impl Write) -> Result<(), PackedError> {
    let Texts { widths, repeats: Repeats { left, lengths, places } } = texts;
    for column in [widths, lengths, places] {
        write_columns(std::slice::from_ref(column), to)?;
    }
    write_predicted(left, to)
}

pub(super) fn read(budget: &mut Budget, from: &mut impl BufRead) -> Result<Texts, PackedError> {
    let [widths, lengths, places] = budget.read_columns(SECTION, from)?;
    let left = read_predicted(budget, SECTION, from)?;
    Ok(Texts { widths, repeats: Repeats { left, lengths, places } })
}

/// Writes the sections. No more comes of what repeats than the file has room for: places of records in their sections take more than ends.
pub(super) fn sections(texts: &Texts, header: &Header) -> Result<Sections, PackedError> {
    let room = Room::of_both(header, [Section::Summaries, Section::Details]);
    let whole = Column::of(repeats::whole(&texts.repeats, room)?);
    let mut columns = [texts.widths.values(SECTION), whole.values(SECTION)];
    let [widths, whole] = &mut columns;
    let [mut summaries, mut details] = [const { TableWriter::new() }; 2];
    while !widths.is_empty() {
        let width = widths.place()?;
        summaries.push_bytes(Section::Summaries, whole.text()?.as_bytes())?;
        let text = whole.text()?;
        let broken = match usize::try_from(width) {
            Ok(0) | Err(_) => Cow::Borrowed(text),
            Ok(width) => Cow::Owned(broken(text, width)),
        };
        details.push_bytes(SECTION, broken.as_bytes())?;
    }
    columns.iter().try_for_each(Values::end)?;
    Ok(Sections { summaries: summaries.finish(Section::Summaries)?, details: details.finish(SECTION)? })
}

/// Joins the lines of a text, and returns the width at which they are broken again; 0 for one that is not broken at any.
fn joined(text: &str) -> (usize, Cow<'_, str>) {
    let as_it_is = (0, Cow::Borrowed(text));
    if !text.contains('\n') {
        return as_it_is;
    }
    let lines: Vec<&str> = text.split('\n').collect();
    let least = lines.iter().map(|line| line.chars().count()).max().unwrap_or_default();
    let first_word = |line: &str| line.split(' ').next().unwrap_or_default().chars().count();
    // One more, and the first word of the next line would have stood in this one.
    let most = lines.windows(2).map(|pair| pair[0].chars().count() + first_word(pair[1])).min().unwrap_or_default();
    let width = USUAL_WIDTHS.into_iter().find(|width| (least..=most).contains(width)).unwrap_or(least);
    let joined = text.replace('\n', " ");
    if width > 0 && broken(&joined, width) == text { (width, Cow::Owned(joined)) } else { as_it_is }
}

/// Breaks a text at spaces, so that lines are no longer than a width unless a word is.
fn broken(text: &str, width: usize) -> String {
    let mut broken = String::with_capacity(text.len());
    let mut length = 0_usize;
    for (place, word) in text.split(' ').enumerate() {
        let more = word.chars().count();
        if place > 0 {
            let is_room = length.saturating_add(1).saturating_add(more) <= width;
            broken.push(if is_room { ' ' } else { '\n' });
            length = if is_room { length + 1 } else { 0 };
        }
        broken.push_str(word);
        length += more;
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_broken_at_a_width_are_joined() {
        let check = |text: &str, expected: (usize, &str)| {
            let (width, joined) = joined(text);
            assert_eq!((width, joined.as_ref()), expected);
            if width > 0 {
                assert_eq!(broken(&joined, width), text);
            }
        };
        check("", (0, ""));
        check("one line", (0, "one line"));
        check("aa bb\ncc", (5, "aa bb cc"));
        check("aa bb\ncc dd ee", (0, "aa bb\ncc dd ee"));
        check("aa bb\nccccccc dd\nee", (10, "aa bb ccccccc dd ee"));
        // A word that is longer than the width has a line of its own.
        check("aa\nbbbbbb\ncc", (6, "aa bbbbbb cc"));
        // Paragraphs, and spaces at the end of a line.
        check("aa\n\nbb", (2, "aa  bb"));
        check("aaa bbb\n\nccc", (0, "aaa bbb\n\nccc"));
        check("aaaa \nbb", (5, "aaaa  bb"));
        check("\n", (0, "\n"));
        check("\na", (1, " a"));
        // Characters are counted, not bytes.
        check("\u{e9}\u{e9}\u{e9}\u{e9} b\nccc", (6, "\u{e9}\u{e9}\u{e9}\u{e9} b ccc"));
        // Of several widths at which it may have been broken the usual one, else the least.
        let (forty, long) = ("a".repeat(40), "b".repeat(60));
        check(&format!("{forty}\n{long}"), (74, &format!("{forty} {long}")));
        check("aaaa\nbbbbb", (5, "aaaa bbbbb"));
    }

    #[test]
    fn any_width_breaks_any_text() {
        for text in ["", " ", "  a  b ", "aaa", "a b c"] {
            for width in [1, 2, usize::MAX] {
                assert_eq!(broken(text, width).replace('\n', " "), text);
            }
        }
    }
}
