//! A database as it is sent: what is stated, in a form that packs well, without what follows from it.
//!
//! ```text
//! magic "garrpck\n", format version u16, the file's header, then in this order, each as it is said below:
//! feeds, ecosystems         tables
//! packages, advisories      columns
//! texts                     columns, the last predicted
//! references                columns, the last predicted
//! scores
//! exploited                 a table
//!
//! table     count u32, for each record its length, the records
//! column    its length, values of one meaning: numbers, texts each ended by a byte 0xff, what has its length before it, or postcard
//! predicted a column's length, that of what is sent of it, and that: PPMd, or the column itself where the second length is 0
//! ```
//!
//! Numbers without a width are of seven bits a byte, the lowest first; differences have their sign in the lowest bit. Which columns there
//! are is said where they are written. The header's ranges and sums are those of the file that comes of it, and whatever does not fit them is
//! refused; that it is the file that was meant, its digest says. What is sent is this, compressed by whoever sends it.

mod advisories;
mod column;
mod packages;
mod prediction;
mod references;
mod repeats;
mod scores;
mod texts;

use std::io::{self, BufRead, Read, Write};
use std::ops::Range;

use super::bytes::{BLOCK_BYTES, Corrupt};
use super::database::{AdvisoryHead, Database, PackageName};
use super::derive::{self, Derived, Said, Stated, Vulnerabilities};
use super::header::{ALIGNMENT, FIRST_SECTION, FORMAT_VERSION, HEADER_BYTES, Header};
use super::section::Section;
use super::write::{Feed, SCORE_BYTES, TooLarge};
use crate::{Ecosystem, Reference};
use column::{Budget, write_columns};

/// The version of the form. Raised with each change of it; a reader takes its own version alone.
pub const PACKED_VERSION: u16 = 5;

const MAGIC: &[u8; 8] = b"garrpck\n";

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
    /// It is a file of an earlier form: another would come of what is sent of it.
    #[error(
        "it was built by an earlier version of this program, in form {found}, and is to be built again before it is sent"
    )]
    Earlier {
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

/// Writes a database as it is sent. One of which another file would come is refused.
pub fn pack<B: AsRef<[u8]>>(database: &Database<B>, to: &mut impl Write) -> Result<(), PackedError> {
    let header = Header::read(database.file_bytes())?;
    if header.version < FORMAT_VERSION {
        return Err(PackedError::Earlier { found: header.version });
    }
    let table = |section| RawTable::parse(section, database.section(section)?);
    to.write_all(MAGIC)?;
    to.write_all(&PACKED_VERSION.to_le_bytes())?;
    to.write_all(&header.to_bytes())?;
    pack_table(&table(Section::Feeds)?, to)?;
    pack_table(&table(Section::Ecosystems)?, to)?;

    let mut heads = table(Section::Advisories)?.parsed::<AdvisoryHead<'_>>()?;
    let names = table(Section::PackageNames)?.parsed::<PackageName<'_>>()?;
    let said_by = said_by(&table(Section::StatementAdvisories)?, heads.len())?;
    if said_by.len() != names.len() {
        return Err(Corrupt::Form { section: Section::StatementAdvisories }.into());
    }
    let columns = packages::columns(&names, &said_by, &table(Section::Statements)?, heads.len())?;
    let packages::Sections { names, advisories, statements } = packages::sections(&columns, &header)?;
    comes_of_it(database, Section::PackageNames, &names)?;
    comes_of_it(database, Section::StatementAdvisories, &advisories)?;
    comes_of_it(database, Section::Statements, &statements)?;
    write_columns(&columns, to)?;

    let columns = advisories::columns(&heads)?;
    let about = derive::about(&heads);
    Vulnerabilities::of(&about)?.tell(&mut heads, &about);
    comes_of_it(database, Section::Advisories, &advisories::section(&heads)?)?;
    write_columns(&columns, to)?;

    let texts = texts::of(&table(Section::Summaries)?, &table(Section::Details)?)?;
    let texts::Sections { summaries, details } = texts::sections(&texts, &header)?;
    comes_of_it(database, Section::Summaries, &summaries)?;
    comes_of_it(database, Section::Details, &details)?;
    texts::write(&texts, to)?;

    let columns = references::columns(&heads, &table(Section::References)?.parsed::<Vec<Reference>>()?);
    comes_of_it(database, Section::References, &references::section(&columns, &heads, &header)?)?;
    references::write(&columns, to)?;
    scores::pack(&database.score_rows()?, to)?;
    pack_table(&table(Section::Exploited)?, to)
}

/// Makes sure that a section comes of what is sent.
fn comes_of_it<B: AsRef<[u8]>>(database: &Database<B>, section: Section, made: &[u8]) -> Result<(), PackedError> {
    if database.section(section)? == made { Ok(()) } else { Err(Corrupt::Form { section }.into()) }
}

fn pack_table(table: &RawTable<'_>, to: &mut impl Write) -> Result<(), PackedError> {
    to.write_all(&table.count().to_le_bytes())?;
    for record in table.records() {
        write_number(to, record?.len() as u64)?;
    }
    Ok(to.write_all(table.bytes)?)
}

/// Tells whether bytes begin as a packed database does.
pub fn is_packed(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

/// Writes the file of a database that was sent, if it is no longer than a limit. Whoever asks for it holds its digest against what it
/// should be.
///
/// What others follow from is kept in memory meanwhile, and texts and addresses are for a while, with 128 MiB of what was seen of them;
/// scores are not.
pub fn unpack(from: &mut impl BufRead, to: &mut impl Write, bytes_max: u64) -> Result<(), PackedError> {
    let header = read_head(from, bytes_max)?;
    let mut budget = Budget::of_file(header.length);
    let mut file = Output::begin_file(to, &header)?;
    let feeds = unpack_kept(from, Section::Feeds, &mut file)?;
    let ecosystems = unpack_kept(from, Section::Ecosystems, &mut file)?;

    let columns = budget.read_columns(Section::Statements, from)?;
    let packages::Sections { names, advisories, statements } = packages::sections(&columns, &header)?;
    drop(columns);
    file.write_whole(Section::PackageNames, &names)?;
    file.write_whole(Section::StatementAdvisories, &advisories)?;
    file.write_whole(Section::Statements, &statements)?;

    let columns = budget.read_columns(Section::Advisories, from)?;
    let mut heads = advisories::heads(&columns)?;
    let about = derive::about(&heads);
    let vulnerabilities = Vulnerabilities::of(&about)?;
    vulnerabilities.tell(&mut heads, &about);
    file.write_whole(Section::Advisories, &advisories::section(&heads)?)?;

    let texts = texts::read(&mut budget, from)?;
    let texts::Sections { summaries, details } = texts::sections(&texts, &header)?;
    drop(texts);
    file.write_whole(Section::Summaries, &summaries)?;
    file.write_whole(Section::Details, &details)?;
    drop(details);
    let references = references::read(&mut budget, from)?;
    file.write_whole(Section::References, &references::section(&references, &heads, &header)?)?;
    drop(references);
    file.begin(Section::Scores)?;
    scores::unpack(from, header.section_bytes(Section::Scores) / SCORE_BYTES as u64, &mut file)?;
    file.end(Section::Scores)?;
    unpack_table(from, Section::Exploited, &mut file)?;

    let feeds = RawTable::parse(Section::Feeds, &feeds)?.parsed::<Feed>()?;
    let feeds: Vec<String> = feeds.into_iter().map(|feed| feed.name).collect();
    let ecosystems = RawTable::parse(Section::Ecosystems, &ecosystems)?.parsed::<Ecosystem>()?;
    let names = RawTable::parse(Section::PackageNames, &names)?.parsed::<PackageName<'_>>()?;
    if names.iter().any(|name| usize::from(name.ecosystem) >= ecosystems.len()) {
        return Err(Corrupt::Form { section: Section::PackageNames }.into());
    }
    let said_by = said_by(&RawTable::parse(Section::StatementAdvisories, &advisories)?, heads.len())?;
    let statements = RawTable::parse(Section::Statements, &statements)?;
    let mut packages = Vec::with_capacity(names.len());
    for ((name, advisories), statements) in names.iter().zip(said_by).zip(statements.records()) {
        packages.push(Said { ecosystem: name.ecosystem, name: name.name, advisories, statements: statements? });
    }
    let derived = Derived::of(&Stated {
        feeds: &feeds,
        ecosystems: &ecosystems,
        heads: &heads,
        about: &about,
        vulnerabilities: &vulnerabilities,
        packages: &packages,
    })?;
    file.write_whole(Section::Packages, &derived.packages)?;
    file.write_whole(Section::Vulnerabilities, &derived.vulnerabilities)?;
    file.write_whole(Section::Names, &derived.names)?;
    file.finish()?;
    if from.fill_buf()?.is_empty() { Ok(()) } else { Err(PackedError::NotPacked) }
}

fn read_head(from: &mut impl BufRead, bytes_max: u64) -> Result<Header, PackedError> {
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
    Ok(header)
}

/// A file that is being written, held against its header.
struct Output<'a, W> {
    to: &'a mut W,
    header: &'a Header,
    written: u64,
    /// The sum of the block that is not full.
    block: crc32fast::Hasher,
    sums: Vec<u8>,
    /// What is written, where it is wanted again.
    kept: Option<Vec<u8>>,
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
            kept: None,
        })
    }

    fn range(&self, section: Section) -> Range<u64> {
        self.header.sections[section as usize].clone()
    }

    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(bytes);
        }
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

    fn write_whole(&mut self, section: Section, bytes: &[u8]) -> Result<(), PackedError> {
        self.begin(section)?;
        self.write(bytes)?;
        self.end(section)
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
    file.begin(section)?;
    unpack_records(from, section, file)?;
    file.end(section)
}

/// Unpacks a table, and returns it.
fn unpack_kept<W: Write>(
    from: &mut impl BufRead,
    section: Section,
    file: &mut Output<'_, W>,
) -> Result<Vec<u8>, PackedError> {
    file.begin(section)?;
    file.kept = Some(Vec::new());
    unpack_records(from, section, file)?;
    file.end(section)?;
    Ok(file.kept.take().unwrap_or_default())
}

fn unpack_records<W: Write>(
    from: &mut impl BufRead,
    section: Section,
    file: &mut Output<'_, W>,
) -> Result<(), PackedError> {
    let form = || PackedError::Corrupt(Corrupt::Form { section });
    let mut count = [0; 4];
    from.read_exact(&mut count)?;
    let places = (u64::from(u32::from_le_bytes(count)) + 2) * 4;
    let records = file.header.section_bytes(section).checked_sub(places).ok_or_else(form)?;
    file.write(&count)?;
    let mut at = 0_u64;
    file.write(&[0; 4])?;
    for _ in 0..u32::from_le_bytes(count) {
        at = at.checked_add(read_number(from)?).filter(|at| *at <= records).ok_or_else(form)?;
        file.write(&u32::try_from(at).map_err(|_| form())?.to_le_bytes())?;
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
        file.write(&bytes[..count])?;
        from.consume(count);
        left -= count as u64;
    }
    Ok(())
}

/// Reads whose statements there are about each package, of so many advisories.
fn said_by(table: &RawTable<'_>, advisories: usize) -> Result<Vec<Vec<u32>>, Corrupt> {
    table.records().map(|gaps| places(gaps?, advisories)).collect()
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

/// Puts the sign into the lowest bit.
fn fold(difference: i64) -> u64 {
    ((difference << 1) ^ (difference >> 63)).cast_unsigned()
}

fn unfold(folded: u64) -> i64 {
    (folded >> 1).cast_signed() ^ -(folded & 1).cast_signed()
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
        // Nothing is said in more bytes than it takes.
        let is_needless = byte[0] == 0 && shift > 0;
        if low << shift >> shift != low || is_needless {
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
        for wrong in
            [[0xff; 11].as_slice(), &[0x80, 0x00], &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02]]
        {
            assert!(matches!(read_number(&mut &*wrong), Err(PackedError::NotPacked)), "{wrong:?}");
        }
        assert!(matches!(read_number(&mut [0x80].as_slice()), Err(PackedError::Truncated)));
    }
}
