//! Packages and what is said of them, in columns, packages in the order of their names: a distribution's releases say much alike.
//!
//! What a statement says but for versions is one of few forms. Which packages an advisory speaks of is told by the advisory, as it often
//! speaks of the same as others.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::bytes::Corrupt;
use super::super::database::PackageName;
use super::super::header::Header;
use super::super::section::Section;
use super::super::table::TableWriter;
use super::super::write::TooLarge;
use super::column::{Column, Room, Values};
use super::{PackedError, RawTable};
use crate::{End, Interval, Named, Qualifiers, Severity, Start, Verdict};

const SECTION: Section = Section::Statements;

/// Columns of names, ecosystems of each name (first how many), packages of each advisory (first how many), forms, the form of each
/// statement, where intervals begin and end, and versions.
pub(super) const COLUMNS: usize = 10;

/// The three sections.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sections {
    pub(super) names: Vec<u8>,
    pub(super) advisories: Vec<u8>,
    pub(super) statements: Vec<u8>,
}

/// What a statement says but for its versions, before its qualifiers.
#[derive(Serialize, Deserialize)]
struct Form {
    named: Named,
    verdict: Verdict,
    intervals: Vec<Interval<()>>,
    versions: u32,
}

/// The beginning of a statement.
#[derive(Serialize, Deserialize)]
struct Said<'a> {
    named: Named,
    verdict: Verdict,
    #[serde(borrow)]
    intervals: Vec<Interval<&'a str>>,
    #[serde(borrow)]
    versions: Vec<&'a str>,
}

pub(super) fn columns(
    names: &[PackageName<'_>],
    said_by: &[Vec<u32>],
    statements: &RawTable<'_>,
    advisories: usize,
) -> Result<[Column; COLUMNS], PackedError> {
    let mut columns = [const { Column::new() }; COLUMNS];
    let [
        name_texts,
        ecosystem_counts,
        ecosystems,
        package_counts,
        packages,
        forms,
        form_places,
        starts,
        ends,
        versions,
    ] = &mut columns;
    let order = by_name(names);
    for of_name in order.chunk_by(|one, other| names[*one].name == names[*other].name) {
        name_texts.push_text(names[of_name[0]].name);
        ecosystem_counts.push_number(of_name.len() as u64);
        for place in of_name {
            ecosystems.push_number(u64::from(names[*place].ecosystem));
        }
    }

    let mut spoken_of = vec![Vec::new(); advisories];
    for (place, package) in order.iter().enumerate() {
        for advisory in &said_by[*package] {
            let of_advisory = usize::try_from(*advisory).ok().and_then(|advisory| spoken_of.get_mut(advisory));
            of_advisory.ok_or(Corrupt::Form { section: Section::StatementAdvisories })?.push(place);
        }
    }
    for of_advisory in spoken_of {
        package_counts.push_number(of_advisory.len() as u64);
        let mut before = 0;
        for place in of_advisory {
            packages.push_number((place - std::mem::replace(&mut before, place)) as u64);
        }
    }

    let all: Vec<&[u8]> = statements.records().collect::<Result<_, _>>()?;
    let mut used: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
    let mut count = 0;
    for package in &order {
        let mut rest = all.get(*package).copied().unwrap_or_default();
        while !rest.is_empty() {
            let form = take_form(&mut rest, starts, ends, versions)?;
            used.entry(form).or_default().push(count);
            count += 1;
        }
    }
    let mut used: Vec<_> = used.into_iter().collect();
    used.sort_by_key(|(_, places)| Reverse(places.len()));
    let mut form_of = vec![0; count];
    for (place, (form, statements)) in used.iter().enumerate() {
        forms.push_bytes(form);
        for statement in statements {
            form_of[*statement] = place;
        }
    }
    for place in form_of {
        form_places.push_number(place as u64);
    }
    Ok(columns)
}

/// Takes a statement apart: returns its form, and adds its versions to the columns.
fn take_form(
    rest: &mut &[u8],
    starts: &mut Column,
    ends: &mut Column,
    versions: &mut Column,
) -> Result<Vec<u8>, PackedError> {
    let unread = |_| Corrupt::Form { section: SECTION };
    let (said, behind) = postcard::take_from_bytes::<Said<'_>>(rest).map_err(unread)?;
    let (_, other) = postcard::take_from_bytes::<(Qualifiers, Vec<Severity>)>(behind).map_err(unread)?;
    let qualifiers = &behind[..behind.len() - other.len()];
    *rest = other;
    for Interval { start, end } in &said.intervals {
        if let Start::At(version) | Start::After(version) = start {
            starts.push_text(version);
        }
        if let End::Fixed(version) | End::Before(version) | End::Through(version) = end {
            ends.push_text(version);
        }
    }
    for version in &said.versions {
        versions.push_text(version);
    }
    let form = Form {
        named: said.named,
        verdict: said.verdict,
        intervals: said.intervals.iter().map(|interval| interval.map(|_| ())).collect(),
        versions: u32::try_from(said.versions.len()).map_err(|_| TooLarge { section: SECTION })?,
    };
    let head = postcard::to_stdvec(&form).map_err(|_| TooLarge { section: SECTION })?;
    Ok([&head, qualifiers].concat())
}

/// Writes the sections. What is said once and pointed to often may come to no more than the file has room for.
pub(super) fn sections(columns: &[Column; COLUMNS], header: &Header) -> Result<Sections, PackedError> {
    let mut columns = columns.each_ref().map(|column| column.values(SECTION));
    let [
        name_texts,
        ecosystem_counts,
        ecosystems,
        package_counts,
        packages,
        forms,
        form_places,
        starts,
        ends,
        versions,
    ] = &mut columns;
    let form = |section| Corrupt::Form { section };
    let mut names = Vec::new();
    let mut room = Room::of(header, Section::PackageNames);
    while !name_texts.is_empty() {
        let name = name_texts.text()?;
        for _ in 0..ecosystem_counts.number()? {
            room.take(name.len())?;
            let ecosystem = u16::try_from(ecosystems.number()?).map_err(|_| form(Section::PackageNames))?;
            let is_next =
                names.last().is_none_or(|before: &PackageName<'_>| (before.name, before.ecosystem) < (name, ecosystem));
            if !is_next {
                return Err(form(Section::PackageNames).into());
            }
            names.push(PackageName { ecosystem, name });
        }
    }
    let mut said_by: Vec<Vec<u32>> = vec![Vec::new(); names.len()];
    let mut advisory = 0_u32;
    while !package_counts.is_empty() {
        let mut place = 0_u32;
        for _ in 0..package_counts.number()? {
            place = place.checked_add(packages.place()?).ok_or(form(Section::StatementAdvisories))?;
            let package = usize::try_from(place).ok().and_then(|place| said_by.get_mut(place));
            package.ok_or(form(Section::StatementAdvisories))?.push(advisory);
        }
        advisory = advisory.checked_add(1).ok_or(form(Section::StatementAdvisories))?;
    }

    let mut known = Vec::new();
    while !forms.is_empty() {
        let whole = forms.bytes()?;
        let (head, qualifiers) = postcard::take_from_bytes::<Form>(whole).map_err(|_| form(SECTION))?;
        known.push((head, qualifiers));
    }
    let mut statements = Vec::with_capacity(names.len());
    let mut room = Room::of(header, SECTION);
    for advisories in &said_by {
        let mut said = Vec::new();
        for _ in advisories {
            let before = said.len();
            let place = usize::try_from(form_places.number()?).ok();
            let (head, qualifiers) = place.and_then(|place| known.get(place)).ok_or(form(SECTION))?;
            said = write_statement(head, [starts, ends, versions], said)?;
            said.extend_from_slice(qualifiers);
            room.take(said.len() - before)?;
        }
        statements.push(said);
    }
    columns.iter().try_for_each(Values::end)?;
    tables(&names, &said_by, &statements)
}

fn write_statement(
    form: &Form,
    [starts, ends, versions]: [&mut Values<'_>; 3],
    to: Vec<u8>,
) -> Result<Vec<u8>, PackedError> {
    let mut said = Said { named: form.named, verdict: form.verdict, intervals: Vec::new(), versions: Vec::new() };
    for Interval { start, end } in &form.intervals {
        let start = match start {
            Start::Unbounded => Start::Unbounded,
            Start::At(()) => Start::At(starts.text()?),
            Start::After(()) => Start::After(starts.text()?),
        };
        let end = match end {
            End::Unbounded => End::Unbounded,
            End::Fixed(()) => End::Fixed(ends.text()?),
            End::Before(()) => End::Before(ends.text()?),
            End::Through(()) => End::Through(ends.text()?),
        };
        said.intervals.push(Interval { start, end });
    }
    for _ in 0..form.versions {
        said.versions.push(versions.text()?);
    }
    Ok(postcard::to_extend(&said, to).map_err(|_| TooLarge { section: SECTION })?)
}

/// Writes the tables, in the order of ecosystems and names.
fn tables(names: &[PackageName<'_>], said_by: &[Vec<u32>], statements: &[Vec<u8>]) -> Result<Sections, PackedError> {
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_unstable_by_key(|place| (names[*place].ecosystem, names[*place].name));
    let [mut name_table, mut advisory_table, mut statement_table] = [const { TableWriter::new() }; 3];
    for place in order {
        name_table.push(Section::PackageNames, &names[place])?;
        let (mut gaps, mut before) = (Vec::new(), 0);
        for advisory in &said_by[place] {
            let gap = advisory - std::mem::replace(&mut before, *advisory);
            gaps = postcard::to_extend(&gap, gaps).map_err(|_| TooLarge { section: Section::StatementAdvisories })?;
        }
        advisory_table.push_bytes(Section::StatementAdvisories, &gaps)?;
        statement_table.push_bytes(SECTION, &statements[place])?;
    }
    Ok(Sections {
        names: name_table.finish(Section::PackageNames)?,
        advisories: advisory_table.finish(Section::StatementAdvisories)?,
        statements: statement_table.finish(SECTION)?,
    })
}

/// Returns the places of packages in the order of their names.
fn by_name(names: &[PackageName<'_>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by_key(|place| (names[*place].name, names[*place].ecosystem));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name_bytes: u64, statement_bytes: u64) -> Header {
        let mut sections = [const { 0..0 }; Section::ALL.len()];
        sections[Section::PackageNames as usize] = 0..name_bytes;
        sections[SECTION as usize] = 0..statement_bytes;
        Header { version: 0, sums_crc: 0, length: 0, sections }
    }

    /// Two packages of one name, of which as many advisories as there are numbers say the same, each of so many of them.
    fn columns(packages: &[u64], ecosystems: &[u64]) -> [Column; COLUMNS] {
        let mut columns = [const { Column::new() }; COLUMNS];
        let [names, ecosystem_counts, ecosystem_numbers, package_counts, gaps, forms, form_places, _, ends, _] =
            &mut columns;
        names.push_text("zlib");
        ecosystem_counts.push_number(ecosystems.len() as u64);
        for ecosystem in ecosystems {
            ecosystem_numbers.push_number(*ecosystem);
        }
        let form = Form {
            named: Named::Binary,
            verdict: Verdict::NotAffected,
            intervals: vec![Interval { start: Start::Unbounded, end: End::Fixed(()) }],
            versions: 0,
        };
        let qualifiers = (Qualifiers::default(), Vec::<Severity>::new());
        forms.push_bytes(&postcard::to_stdvec(&(form, qualifiers)).unwrap());
        for count in packages {
            package_counts.push_number(*count);
            for place in 0..*count {
                gaps.push_number(u64::from(place > 0));
                form_places.push_number(0);
                ends.push_text("1.3");
            }
        }
        columns
    }

    fn told(columns: &[Column; COLUMNS], name_bytes: u64, statement_bytes: u64) -> String {
        match sections(columns, &header(name_bytes, statement_bytes)) {
            Ok(Sections { advisories, .. }) => format!("{:?}", &advisories[advisories.len() - 4..]),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn no_more_comes_of_them_than_a_file_has_room_for() {
        let check = |name_bytes, statement_bytes, expected: &str| {
            assert_eq!(told(&columns(&[2, 2], &[0, 7]), name_bytes, statement_bytes), expected);
        };
        // Each statement takes 17 bytes, and each package says the name.
        check(8, 68, "[0, 1, 0, 1]");
        check(8, 67, "its section of statements says something impossible");
        check(7, 68, "its section of package names says something impossible");
    }

    #[test]
    fn what_has_no_meaning_is_refused() {
        let check = |packages: &[u64], ecosystems: &[u64], expected: &str| {
            assert_eq!(told(&columns(packages, ecosystems), 1000, 1000), expected);
        };
        check(&[3], &[0, 7], "its section of statement advisories says something impossible");
        check(&[2], &[7, 0], "its section of package names says something impossible");
        check(&[2], &[7, 7], "its section of package names says something impossible");
        check(&[2], &[0, 65_536], "its section of package names says something impossible");
        let mut more = columns(&[1], &[0]);
        more[9].push_text("a version that nobody names");
        assert_eq!(told(&more, 1000, 1000), "its section of statements says something impossible");
        let mut other = columns(&[1], &[0]);
        other[6] = Column::new();
        other[6].push_number(1);
        assert_eq!(told(&other, 1000, 1000), "its section of statements says something impossible");
    }
}
