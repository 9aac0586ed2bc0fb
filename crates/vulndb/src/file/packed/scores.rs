//! Scores: years (how many, of each the year and its rows); for each row its number, the first of a year from 0, the others from the one
//! before; pairs of probability and percentile, ordered (how many, of each how much more the probability is than the one before's and how
//! the percentile differs); for each row its pair, first all lowest bytes, then the middle ones, then the highest.

use std::io::{BufRead, Write};

use super::super::bytes::Corrupt;
use super::super::section::Section;
use super::super::write::{ScoreRow, TooLarge};
use super::{Output, PackedError, fold, read_number, unfold, write_number};

/// The bytes of the place of a pair.
const PAIR_BYTES: usize = 3;

/// The most scores that are sent: there are some hundred thousand CVEs, and no more pairs than scores.
const SCORES_MAX: u64 = 1 << 24;

pub(super) fn pack(rows: &[ScoreRow], to: &mut impl Write) -> Result<(), PackedError> {
    if rows.len() as u64 > SCORES_MAX {
        return Err(TooLarge { section: Section::Scores }.into());
    }
    let years: Vec<&[ScoreRow]> = rows.chunk_by(|one, other| one.year == other.year).collect();
    write_number(to, years.len() as u64)?;
    for year in &years {
        write_number(to, year.first().map_or(0, |row| u64::from(row.year)))?;
        write_number(to, year.len() as u64)?;
    }
    for year in &years {
        let mut before = 0;
        for row in *year {
            write_number(to, u64::from(row.number - std::mem::replace(&mut before, row.number)))?;
        }
    }
    let mut pairs: Vec<(u32, u32)> = rows.iter().map(|row| (row.probability, row.percentile)).collect();
    pairs.sort_unstable();
    pairs.dedup();
    write_number(to, pairs.len() as u64)?;
    let (mut probability, mut percentile) = (0, 0);
    for pair in &pairs {
        write_number(to, u64::from(pair.0 - std::mem::replace(&mut probability, pair.0)))?;
        let difference = i64::from(pair.1) - i64::from(std::mem::replace(&mut percentile, pair.1));
        write_number(to, fold(difference))?;
    }
    let place = |row: &ScoreRow| pairs.binary_search(&(row.probability, row.percentile)).unwrap_or_default();
    let places: Vec<[u8; 4]> =
        rows.iter().map(|row| u32::try_from(place(row)).unwrap_or_default().to_le_bytes()).collect();
    for byte in 0..PAIR_BYTES {
        to.write_all(&places.iter().map(|place| place[byte]).collect::<Vec<u8>>())?;
    }
    Ok(())
}

/// Writes the section, of so many rows.
pub(super) fn unpack<W: Write>(
    from: &mut impl BufRead,
    rows: u64,
    file: &mut Output<'_, W>,
) -> Result<(), PackedError> {
    let form = || PackedError::Corrupt(Corrupt::Form { section: Section::Scores });
    let small = |number: u64| u32::try_from(number).map_err(|_| form());
    if rows > SCORES_MAX {
        return Err(form());
    }
    let mut years: Vec<(u16, u64)> = Vec::new();
    let mut counted = 0_u64;
    for _ in 0..read_number(from)? {
        let (year, count) = (u16::try_from(read_number(from)?).map_err(|_| form())?, read_number(from)?);
        counted = counted.checked_add(count).filter(|counted| *counted <= rows && count > 0).ok_or_else(form)?;
        years.push((year, count));
    }
    if counted != rows {
        return Err(form());
    }
    let mut names: Vec<(u16, u32)> = Vec::new();
    for (year, count) in years {
        let mut number = 0_u32;
        for _ in 0..count {
            number = number.checked_add(small(read_number(from)?)?).ok_or_else(form)?;
            names.push((year, number));
        }
    }
    let count = read_number(from)?;
    if count > rows {
        return Err(form());
    }
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    let (mut probability, mut percentile) = (0_u32, 0_i64);
    for _ in 0..count {
        probability = probability.checked_add(small(read_number(from)?)?).ok_or_else(form)?;
        percentile = percentile.checked_add(unfold(read_number(from)?)).ok_or_else(form)?;
        pairs.push((probability, u32::try_from(percentile).map_err(|_| form())?));
    }
    let mut places = vec![0_u32; names.len()];
    let mut bytes = vec![0; names.len()];
    for byte in 0..PAIR_BYTES {
        from.read_exact(&mut bytes)?;
        for (place, part) in places.iter_mut().zip(&bytes) {
            *place |= u32::from(*part) << (8 * byte);
        }
    }
    for ((year, number), place) in names.into_iter().zip(places) {
        let pair = usize::try_from(place).ok().and_then(|place| pairs.get(place)).ok_or_else(form)?;
        file.write(&ScoreRow { year, number, probability: pair.0, percentile: pair.1 }.to_bytes())?;
    }
    Ok(())
}
