//! A database as it is sent: what is stated, in a form that packs well, without what follows from it.
//!
//! ```text
//! magic "garrpck\n", format version u16, the file's header, then each section that is stated:
//! table     count u32, for each record its length, the records
//! scores    years: how many, of each the year and its rows; for each row its number, the first of a year from 0, the others from the
//!           one before; pairs of probability and percentile, ordered: how many, of each how much more the probability is than the one
//!           before's and how the percentile differs; for each row its pair, first all lowest bytes, then the middle ones, then the highest
//! ```
//!
//! Numbers without a width are of seven bits a byte, the lowest first; differences have their sign in the lowest bit. The header's
//! ranges and sums are those of the file that comes of it, and whatever does not fit them is refused; that it is the file that was meant, its
//! digest says. What is sent is this, compressed by whoever sends it.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Write};
use std::ops::Range;

use super::bytes::{BLOCK_BYTES, Corrupt};
use super::database::{AdvisoryHead, Database, PackageName};
use super::derive::{self, Derived, Said, Stated, Vulnerabilities};
use super::header::{ALIGNMENT, FIRST_SECTION, HEADER_BYTES, Header};
use super::section::Section;
use super::write::{Feed, SCORE_BYTES, ScoreRow, TooLarge};
use crate::Ecosystem;

/// The version of the form. Raised with each change of it; a reader takes its own version alone.
pub const PACKED_VERSION: u16 = 1;

const MAGIC: &[u8; 8] = b"garrpck\n";

/// The sections that are sent, in the order of the file.
const STATED: [Section; 11] = [
    Section::Feeds,
    Section::Ecosystems,
    Section::PackageNames,
    Section::StatementAdvisories,
    Section::Statements,
    Section::Advisories,
    Section::Summaries,
    Section::Details,
    Section::References,
    Section::Scores,
    Section::Exploited,
];

/// The sections that others follow from.
const KEPT: [Section; 6] = [
    Section::Feeds,
    Section::Ecosystems,
    Section::PackageNames,
    Section::StatementAdvisories,
    Section::Statements,
    Section::Advisories,
];

/// Why a database is not packed or not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum PackedError {
    /// It is something else.
    #[error("it is no packed database of Garrison")]
    NotPacked,
    /// It was written by another version of this program.
    #[error("it is packed in form {found}, this program reads {PACKED_VERSION}")]
    Version {
        /// The version that it says.
        found: u16,
    },
    /// The file would be larger than any that is read.
    #[error("it is of a file of more than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: u64,
    },
    /// It ends too early.
    #[error("it is cut off")]
    Truncated,
    /// It does not say what a database says.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    /// It cannot be read, or what comes of it cannot be written.
    #[error("it cannot be read, or what comes of it not be written")]
    Io(#[source] io::Error),
}

impl From<io::Error> for PackedError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Truncated } else { Self::Io(error) }
    }
}

/// More than a file has room for cannot come of one.
impl From<TooLarge> for PackedError {
    fn from(TooLarge { section }: TooLarge) -> Self {
        Self::Corrupt(Corrupt::Form { section })
    }
}

/// Writes a database as it is sent.
pub fn pack<B: AsRef<[u8]>>(database: &Database<B>, to: &mut impl Write) -> Result<(), PackedError> {
    let file = database.file_bytes();
    let header = Header::read(file)?;
    to.write_all(MAGIC)?;
    to.write_all(&PACKED_VERSION.to_le_bytes())?;
    to.write_all(&header.to_bytes())?;
    for section in STATED {
        if section == Section::Scores {
            pack_scores(&database.score_rows()?, to)?;
            continue;
        }
        let table = RawTable::parse(section, database.section(section)?)?;
        to.write_all(&table.count().to_le_bytes())?;
        for record in table.records() {
            write_number(to, record?.len() as u64)?;
        }
        to.write_all(table.bytes)?;
    }
    Ok(())
}

/// Tells whether bytes begin as a packed database does.
pub fn is_packed(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

/// Writes the file of a database that was sent, if it is no longer than a limit. Whoever asks for it holds its digest against what it
/// should be.
///
/// What others follow from is kept in memory meanwhile; texts and scores are not.
pub fn unpack(from: &mut impl BufRead, to: &mut impl Write, bytes_max: u64) -> Result<(), PackedError> {
    let mut magic = [0; 10];
    from.read_exact(&mut magic)?;
    if !magic.starts_with(MAGIC) {
        return Err(PackedError::NotPacked);
    }
    let version = u16::from_le_bytes([magic[8], magic[9]]);
    if version != PACKED_VERSION {
        return Err(PackedError::Version { found: version });
    }
    let mut header_bytes = [0; HEADER_BYTES];
    from.read_exact(&mut header_bytes)?;
    let header = Header::read(&header_bytes)?;
    if header.length > bytes_max {
        return Err(PackedError::TooLong { limit: bytes_max });
    }
    let mut file = Output::begin_file(to, &header)?;
    for section in STATED {
        file.begin(section)?;
        if section == Section::Scores {
            let rows = file.length(section) / SCORE_BYTES as u64;
            unpack_scores(from, rows, &mut file)?;
        } else {
            unpack_table(from, section, &mut file)?;
        }
        file.end(section)?;
    }
    let Derived { packages, vulnerabilities, names } = derived(&file.kept)?;
    for (section, bytes) in
        [(Section::Packages, packages), (Section::Vulnerabilities, vulnerabilities), (Section::Names, names)]
    {
        file.begin(section)?;
        file.write(&bytes)?;
        file.end(section)?;
    }
    file.finish()?;
    if from.fill_buf()?.is_empty() { Ok(()) } else { Err(PackedError::NotPacked) }
}

/// A file that is being written, held against its header.
struct Output<'a, W> {
    to: &'a mut W,
    header: &'a Header,
    written: u64,
    /// The sum of the block that is not full.
    block: crc32fast::Hasher,
    sums: Vec<u8>,
    kept: BTreeMap<Section, Vec<u8>>,
}

impl<'a, W: Write> Output<'a, W> {
    /// The header has the first block to itself. It has a sum of its own, and the block's is that of an empty one.
    fn begin_file(to: &'a mut W, header: &'a Header) -> io::Result<Self> {
        let mut first = [0; FIRST_SECTION];
        let empty = crc32fast::hash(&first);
        first[..HEADER_BYTES].copy_from_slice(&header.to_bytes());
        to.write_all(&first)?;
        Ok(Self {
            to,
            header,
            written: FIRST_SECTION as u64,
            block: crc32fast::Hasher::new(),
            sums: empty.to_le_bytes().to_vec(),
            kept: BTreeMap::new(),
        })
    }

    fn range(&self, section: Section) -> Range<u64> {
        self.header.sections[section as usize].clone()
    }

    fn length(&self, section: Section) -> u64 {
        let range = self.range(section);
        range.end - range.start
    }

    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = usize::try_from(BLOCK_BYTES - self.written % BLOCK_BYTES).unwrap_or(usize::MAX);
            let (now, rest) = bytes.split_at(room.min(bytes.len()));
            self.to.write_all(now)?;
            self.block.update(now);
            self.written += now.len() as u64;
            if self.written.is_multiple_of(BLOCK_BYTES) {
                self.end_block();
            }
            bytes = rest;
        }
        Ok(())
    }

    fn end_block(&mut self) {
        let block = std::mem::take(&mut self.block);
        self.sums.extend_from_slice(&block.finalize().to_le_bytes());
    }

    /// Writes a part of a section, and keeps it where others follow from it.
    fn write_of(&mut self, section: Section, bytes: &[u8]) -> io::Result<()> {
        if KEPT.contains(&section) {
            self.kept.entry(section).or_default().extend_from_slice(bytes);
        }
        self.write(bytes)
    }

    fn begin(&mut self, section: Section) -> Result<(), PackedError> {
        let start = self.written.next_multiple_of(ALIGNMENT as u64);
        if self.range(section).start != start {
            return Err(Corrupt::Form { section }.into());
        }
        let gap = usize::try_from(start - self.written).unwrap_or_default();
        Ok(self.write(&[0; ALIGNMENT][..gap])?)
    }

    fn end(&self, section: Section) -> Result<(), PackedError> {
        if self.range(section).end == self.written { Ok(()) } else { Err(Corrupt::Form { section }.into()) }
    }

    fn finish(mut self) -> Result<(), PackedError> {
        self.begin(Section::Sums)?;
        if !self.written.is_multiple_of(BLOCK_BYTES) {
            self.end_block();
        }
        if crc32fast::hash(&self.sums) != self.header.sums_crc {
            return Err(Corrupt::Sum { offset: self.written }.into());
        }
        self.to.write_all(&self.sums)?;
        self.written += self.sums.len() as u64;
        self.end(Section::Sums)?;
        if self.written == self.header.length {
            Ok(())
        } else {
            Err(Corrupt::Truncated { expected: self.header.length }.into())
        }
    }
}

fn unpack_table<W: Write>(
    from: &mut impl BufRead,
    section: Section,
    file: &mut Output<'_, W>,
) -> Result<(), PackedError> {
    let form = || PackedError::Corrupt(Corrupt::Form { section });
    let mut count = [0; 4];
    from.read_exact(&mut count)?;
    let places = (u64::from(u32::from_le_bytes(count)) + 2) * 4;
    let records = file.length(section).checked_sub(places).ok_or_else(form)?;
    file.write_of(section, &count)?;
    let mut at = 0_u64;
    file.write_of(section, &[0; 4])?;
    for _ in 0..u32::from_le_bytes(count) {
        at = at.checked_add(read_number(from)?).filter(|at| *at <= records).ok_or_else(form)?;
        file.write_of(section, &u32::try_from(at).map_err(|_| form())?.to_le_bytes())?;
    }
    if at != records {
        return Err(form());
    }
    let mut left = records;
    while left > 0 {
        let bytes = from.fill_buf()?;
        if bytes.is_empty() {
            return Err(PackedError::Truncated);
        }
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        file.write_of(section, &bytes[..count])?;
        from.consume(count);
        left -= count as u64;
    }
    Ok(())
}

/// Makes what is not sent.
fn derived(kept: &BTreeMap<Section, Vec<u8>>) -> Result<Derived, PackedError> {
    let table = |section: Section| RawTable::parse(section, kept.get(&section).map_or(&[], Vec::as_slice));
    let feeds = table(Section::Feeds)?.parsed::<Feed>()?;
    let feeds: Vec<String> = feeds.into_iter().map(|feed| feed.name).collect();
    let ecosystems = table(Section::Ecosystems)?.parsed::<Ecosystem>()?;
    let heads = table(Section::Advisories)?.parsed::<AdvisoryHead<'_>>()?;
    let names = table(Section::PackageNames)?.parsed::<PackageName<'_>>()?;
    let (advisories, statements) = (table(Section::StatementAdvisories)?, table(Section::Statements)?);
    if advisories.count() != statements.count() || names.len() != advisories.records().count() {
        return Err(Corrupt::Form { section: Section::Statements }.into());
    }
    let mut packages = Vec::new();
    for ((name, advisories), statements) in names.iter().zip(advisories.records()).zip(statements.records()) {
        let advisories = places(advisories?, heads.len())?;
        if usize::from(name.ecosystem) >= ecosystems.len() {
            return Err(Corrupt::Form { section: Section::PackageNames }.into());
        }
        packages.push(Said { ecosystem: name.ecosystem, name: name.name, advisories, statements: statements? });
    }
    let about = derive::about(&heads);
    let vulnerabilities = Vulnerabilities::of(&about)?;
    let stated = Stated {
        feeds: &feeds,
        ecosystems: &ecosystems,
        heads: &heads,
        about: &about,
        vulnerabilities: &vulnerabilities,
        packages: &packages,
    };
    Ok(Derived::of(&stated)?)
}

/// Reads the places of advisories, each but the first from the one before.
fn places(mut gaps: &[u8], advisories: usize) -> Result<Vec<u32>, Corrupt> {
    let form = || Corrupt::Form { section: Section::StatementAdvisories };
    let (mut at, mut places) = (0_u32, Vec::new());
    while !gaps.is_empty() {
        let (gap, rest) = postcard::take_from_bytes::<u32>(gaps).map_err(|_| form())?;
        at = at.checked_add(gap).filter(|at| usize::try_from(*at).is_ok_and(|at| at < advisories)).ok_or_else(form)?;
        places.push(at);
        gaps = rest;
    }
    Ok(places)
}

fn pack_scores(rows: &[ScoreRow], to: &mut impl Write) -> Result<(), PackedError> {
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
        write_number(to, ((difference << 1) ^ (difference >> 63)).cast_unsigned())?;
    }
    let place = |row: &ScoreRow| pairs.binary_search(&(row.probability, row.percentile)).unwrap_or_default();
    let places: Vec<[u8; 4]> =
        rows.iter().map(|row| u32::try_from(place(row)).unwrap_or_default().to_le_bytes()).collect();
    for byte in 0..PAIR_BYTES {
        to.write_all(&places.iter().map(|place| place[byte]).collect::<Vec<u8>>())?;
    }
    Ok(())
}

/// The bytes of the place of a pair.
const PAIR_BYTES: usize = 3;

/// The most scores that are sent: there are some hundred thousand CVEs, and no more pairs than scores.
const SCORES_MAX: u64 = 1 << 24;

fn unpack_scores<W: Write>(from: &mut impl BufRead, rows: u64, file: &mut Output<'_, W>) -> Result<(), PackedError> {
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
        let folded = read_number(from)?;
        let difference = (folded >> 1).cast_signed() ^ -(folded & 1).cast_signed();
        percentile = percentile.checked_add(difference).ok_or_else(form)?;
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

fn write_number(to: &mut impl Write, number: u64) -> io::Result<()> {
    let mut bytes = [0; 10];
    let written = postcard::to_slice(&number, &mut bytes).map_err(io::Error::other)?;
    to.write_all(written)
}

fn read_number(from: &mut impl Read) -> Result<u64, PackedError> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let mut byte = [0];
        from.read_exact(&mut byte)?;
        let low = u64::from(byte[0] & 0x7f);
        if low << shift >> shift != low {
            break;
        }
        number |= low << shift;
        if byte[0] & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(PackedError::NotPacked)
}

/// A table of which the whole section is at hand.
struct RawTable<'a> {
    section: Section,
    places: &'a [u8],
    bytes: &'a [u8],
}

impl<'a> RawTable<'a> {
    fn parse(section: Section, whole: &'a [u8]) -> Result<Self, Corrupt> {
        let form = || Corrupt::Form { section };
        let (count, rest) = whole.split_at_checked(4).ok_or_else(form)?;
        let places = (u64::from(number(count)) + 1) * 4;
        let places = usize::try_from(places).map_err(|_| form())?;
        let (places, bytes) = rest.split_at_checked(places).ok_or_else(form)?;
        Ok(Self { section, places, bytes })
    }

    fn count(&self) -> u32 {
        u32::try_from(self.places.len() / 4 - 1).unwrap_or(u32::MAX)
    }

    fn records(&self) -> impl Iterator<Item = Result<&'a [u8], Corrupt>> {
        let Self { section, places, bytes } = *self;
        let place = |bytes: &[u8]| usize::try_from(number(bytes)).unwrap_or(usize::MAX);
        let ends = places.chunks_exact(4).skip(1);
        places
            .chunks_exact(4)
            .zip(ends)
            .map(move |(start, end)| bytes.get(place(start)..place(end)).ok_or(Corrupt::Form { section }))
    }

    fn parsed<T: serde::Deserialize<'a>>(&self) -> Result<Vec<T>, Corrupt> {
        let parsed = |record| postcard::from_bytes(record).map_err(|_| Corrupt::Form { section: self.section });
        self.records().map(|record| parsed(record?)).collect()
    }
}

/// Reads four bytes; the caller has taken exactly these.
fn number(bytes: &[u8]) -> u32 {
    bytes.try_into().map_or(0, u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_of_64_bits() {
        let check = |number: u64| {
            let mut bytes = Vec::new();
            write_number(&mut bytes, number).unwrap();
            assert_eq!(read_number(&mut bytes.as_slice()).unwrap(), number);
        };
        for number in [0, 1, 127, 128, 16_384, u64::from(u32::MAX), u64::MAX] {
            check(number);
        }
        for wrong in [[0xff; 11].as_slice(), &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02]] {
            assert!(matches!(read_number(&mut &*wrong), Err(PackedError::NotPacked)), "{wrong:?}");
        }
        assert!(matches!(read_number(&mut [0x80].as_slice()), Err(PackedError::Truncated)));
    }
}
