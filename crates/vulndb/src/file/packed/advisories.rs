//! Advisories without their texts, in columns. Which vulnerabilities each is about follows from their names.

use super::super::bytes::Corrupt;
use super::super::database::AdvisoryHead;
use super::super::section::Section;
use super::super::table::TableWriter;
use super::super::write::{FeedIndex, TooLarge};
use super::column::{Column, Values};
use crate::{Nature, Time};

const SECTION: Section = Section::Advisories;

const DAY_SECONDS: i64 = 86_400;

/// Columns of feeds, names, aliases and what is upstream (of each first how many), natures and ratings; then of each time its day and the
/// second in it.
pub(super) const COLUMNS: usize = 14;

pub(super) fn columns(heads: &[AdvisoryHead<'_>]) -> Result<[Column; COLUMNS], TooLarge> {
    let mut columns = [const { Column::new() }; COLUMNS];
    let [feeds, ids, alias_counts, aliases, upstream_counts, upstream, natures, ratings, times @ ..] = &mut columns;
    for head in heads {
        feeds.push_number(u64::from(head.feed.0));
        ids.push_text(head.id);
        push_names(&head.aliases, alias_counts, aliases);
        push_names(&head.upstream, upstream_counts, upstream);
        natures.push(SECTION, &head.nature)?;
        ratings.push(SECTION, &(&head.severities, &head.weaknesses))?;
        push_times([head.published, head.modified, head.withdrawn], times);
    }
    Ok(columns)
}

/// Reads all but which vulnerabilities they are about.
pub(super) fn heads(columns: &[Column; COLUMNS]) -> Result<Vec<AdvisoryHead<'_>>, Corrupt> {
    let mut columns = columns.each_ref().map(|column| column.values(SECTION));
    let [feeds, ids, alias_counts, aliases, upstream_counts, upstream, natures, ratings, times @ ..] = &mut columns;
    let mut heads = Vec::new();
    while !feeds.is_empty() {
        let feed = FeedIndex(u16::try_from(feeds.number()?).map_err(|_| Corrupt::Form { section: SECTION })?);
        let (id, nature) = (ids.text()?, natures.value::<Nature>()?);
        let (aliases, upstream) = (names(alias_counts, aliases)?, names(upstream_counts, upstream)?);
        let (severities, weaknesses) = ratings.value()?;
        let [published, modified, withdrawn] = self::times(times)?;
        let vulnerabilities = Vec::new();
        heads.push(AdvisoryHead {
            feed,
            id,
            aliases,
            upstream,
            nature,
            published,
            modified,
            withdrawn,
            severities,
            weaknesses,
            vulnerabilities,
        });
    }
    columns.iter().try_for_each(Values::end)?;
    Ok(heads)
}

/// Writes the section.
pub(super) fn section(heads: &[AdvisoryHead<'_>]) -> Result<Vec<u8>, TooLarge> {
    let mut table = TableWriter::default();
    for head in heads {
        table.push(SECTION, head)?;
    }
    table.finish(SECTION)
}

fn push_names(names: &[&str], counts: &mut Column, texts: &mut Column) {
    counts.push_number(names.len() as u64);
    for name in names {
        texts.push_text(name);
    }
}

fn names<'a>(counts: &mut Values<'_>, texts: &mut Values<'a>) -> Result<Vec<&'a str>, Corrupt> {
    (0..counts.number()?).map(|_| texts.text()).collect()
}

fn push_times(stated: [Option<Time>; 3], columns: &mut [Column]) {
    for (time, columns) in stated.into_iter().zip(columns.chunks_exact_mut(2)) {
        let [days, seconds] = columns else { continue };
        match time {
            None => days.push_number(0),
            Some(time) => {
                let day = time.div_euclid(DAY_SECONDS);
                days.push_number(super::fold(day) + 1);
                seconds.push_number(time.rem_euclid(DAY_SECONDS).unsigned_abs());
            }
        }
    }
}

fn times(columns: &mut [Values<'_>]) -> Result<[Option<Time>; 3], Corrupt> {
    let mut times = [None; 3];
    for (time, columns) in times.iter_mut().zip(columns.chunks_exact_mut(2)) {
        let [days, seconds] = columns else { continue };
        if let Some(folded) = days.number()?.checked_sub(1) {
            let second = i64::try_from(seconds.number()?).map_err(|_| Corrupt::Form { section: SECTION })?;
            // The earliest times of all are in a day that begins before them.
            *time = Some(super::unfold(folded).wrapping_mul(DAY_SECONDS).wrapping_add(second));
        }
    }
    Ok(times)
}
