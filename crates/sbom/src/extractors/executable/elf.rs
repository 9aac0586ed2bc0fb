//! ELF: sections, program headers, notes and the dynamic table.

use super::fields::Fields;
use super::{
    Executable, Format, Kind, NAME_BYTES_MAX, auditable, bytes_at, go_build_info, hexadecimal, package_note, read_at,
    string_at,
};
use crate::{Content, Refusal};

/// The most section headers that are read. Linked programs have fifty; only object files have more than this.
const SECTIONS_MAX: u64 = 16_384;

/// The most program headers that are read; linkers write about a dozen.
const SEGMENTS_MAX: u16 = 1024;

/// The largest table of section names that is read.
const SECTION_NAMES_BYTES_MAX: u64 = 1 << 20;

/// The largest note section or segment that is read.
const NOTES_BYTES_MAX: u64 = 64 << 10;

/// The most entries of a dynamic table that are read.
const DYNAMIC_ENTRIES_MAX: u64 = 4096;

/// The most needed libraries that are kept.
const NEEDED_MAX: usize = 256;

const SHT_NOTE: u32 = 7;
const SHT_NOBITS: u32 = 8;
const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const PT_NOTE: u32 = 4;
const PF_X: u32 = 1;
const PF_W: u32 = 2;
const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
const NT_GNU_BUILD_ID: u32 = 3;
const NT_FDO_PACKAGING_METADATA: u32 = 0xcafe_1a7e;

struct Section {
    name: Vec<u8>,
    kind: u32,
    offset: u64,
    size: u64,
    align: u64,
}

#[derive(Clone, Copy)]
struct Segment {
    kind: u32,
    flags: u32,
    offset: u64,
    address: u64,
    file_size: u64,
    align: u64,
}

struct Header {
    is_64_bit: bool,
    is_big_endian: bool,
    kind: u16,
    machine: u16,
    segments_offset: u64,
    segment_size: u16,
    segment_count: u16,
    sections_offset: u64,
    section_size: u16,
    section_count: u16,
    names_index: u16,
}

pub(super) fn read(content: &Content) -> Result<Option<Executable>, Refusal> {
    let header = Header::read(content)?;
    let segments = header.segments(content)?;
    let interpreter = segments.iter().find(|segment| segment.kind == PT_INTERP);
    let kind = match header.kind {
        // ET_EXEC; ET_DYN is a library, or a program whose addresses are chosen when it starts.
        2 => Kind::Program,
        3 if interpreter.is_some() => Kind::Program,
        3 => Kind::Library,
        _ => return Ok(None),
    };
    let mut executable = Executable::new(Format::Elf, kind);
    executable.architecture = header.architecture().map(str::to_owned);
    executable.interpreter = interpreter.and_then(|segment| string_at(content, segment.offset));
    executable.needed = needed(content, &header, &segments);

    let sections = header.sections(content);
    let sections = executable.part("sections", sections.map(Some)).unwrap_or_default();
    for (offset, size, align) in note_ranges(&sections, &segments) {
        read_notes(content, &header, offset, size, align, &mut executable);
    }
    let section = |name: &[u8]| sections.iter().find(|section| section.name == name && section.kind != SHT_NOBITS);
    if let Some(section) = section(b".dep-v0") {
        let part = auditable::read(content, section.offset, section.size);
        executable.rust = executable.part("Rust dependency list", part);
    }
    // As Go's own reader: without the section, the first data segment may still hold it.
    let data = section(b".go.buildinfo").map(|section| (section.offset, section.size)).or_else(|| {
        let data = segments.iter().find(|segment| segment.kind == PT_LOAD && segment.flags & (PF_X | PF_W) == PF_W)?;
        may_be_go(&sections).then_some((data.offset, data.file_size))
    });
    if let Some((offset, size)) = data {
        let memory = |address| offset_of(&segments, address);
        let part = go_build_info::read(content, offset, size, &memory);
        executable.go = executable.part("Go build information", part);
    }
    Ok(Some(executable))
}

impl Header {
    fn read(content: &Content) -> Result<Self, Refusal> {
        let mut bytes = [0; 64];
        let filled = read_at(content, 0, &mut bytes)?;
        let is_64_bit = match bytes[4] {
            1 => false,
            2 => true,
            other => return Err(Refusal::new(format!("an ELF file of unknown class {other}"))),
        };
        let is_big_endian = match bytes[5] {
            1 => false,
            2 => true,
            other => return Err(Refusal::new(format!("an ELF file of unknown byte order {other}"))),
        };
        Self::parse(Fields::new(&bytes[..filled], is_big_endian), is_64_bit, is_big_endian)
            .ok_or_else(|| Refusal::new("an ELF file whose header is cut off"))
    }

    fn parse(fields: Fields<'_>, is_64_bit: bool, is_big_endian: bool) -> Option<Self> {
        let word = if is_64_bit { 8 } else { 4 };
        // After the three words from byte 24 on, both classes have the same fields.
        let rest = 24 + 3 * word;
        Some(Self {
            is_64_bit,
            is_big_endian,
            kind: fields.u16(16)?,
            machine: fields.u16(18)?,
            segments_offset: fields.word(24 + word, is_64_bit)?,
            sections_offset: fields.word(24 + 2 * word, is_64_bit)?,
            segment_size: fields.u16(rest + 6)?,
            segment_count: fields.u16(rest + 8)?,
            section_size: fields.u16(rest + 10)?,
            section_count: fields.u16(rest + 12)?,
            names_index: fields.u16(rest + 14)?,
        })
    }

    fn architecture(&self) -> Option<&'static str> {
        Some(match (self.machine, self.is_64_bit, self.is_big_endian) {
            (3, ..) => "386",
            (8, true, false) => "mips64le",
            (8, true, true) => "mips64",
            (8, false, false) => "mipsle",
            (8, false, true) => "mips",
            (20, ..) => "ppc",
            (21, _, false) => "ppc64le",
            (21, _, true) => "ppc64",
            (22, ..) => "s390x",
            (40, ..) => "arm",
            (62, ..) => "amd64",
            (183, ..) => "arm64",
            (243, true, _) => "riscv64",
            (258, ..) => "loong64",
            _ => return None,
        })
    }

    fn segments(&self, content: &Content) -> Result<Vec<Segment>, Refusal> {
        let size: u16 = if self.is_64_bit { 56 } else { 32 };
        if self.segment_count == 0 {
            return Ok(Vec::new());
        }
        if self.segment_count > SEGMENTS_MAX {
            return Err(Refusal::new(format!(
                "an ELF file of {} program headers, the limit is {SEGMENTS_MAX}",
                self.segment_count
            )));
        }
        if self.segment_size != size {
            return Err(Refusal::new("an ELF file whose program headers have an unknown size"));
        }
        let table = bytes_at(
            content,
            self.segments_offset,
            u64::from(size) * u64::from(self.segment_count),
            "the table of program headers",
        )?;
        Ok(table
            .chunks_exact(size.into())
            .filter_map(|entry| self.segment(Fields::new(entry, self.is_big_endian)))
            .collect())
    }

    fn segment(&self, fields: Fields<'_>) -> Option<Segment> {
        Some(if self.is_64_bit {
            Segment {
                kind: fields.u32(0)?,
                flags: fields.u32(4)?,
                offset: fields.u64(8)?,
                address: fields.u64(16)?,
                file_size: fields.u64(32)?,
                align: fields.u64(48)?,
            }
        } else {
            Segment {
                kind: fields.u32(0)?,
                flags: fields.u32(24)?,
                offset: fields.u32(4)?.into(),
                address: fields.u32(8)?.into(),
                file_size: fields.u32(16)?.into(),
                align: fields.u32(28)?.into(),
            }
        })
    }

    fn sections(&self, content: &Content) -> Result<Vec<Section>, Refusal> {
        let size: u16 = if self.is_64_bit { 64 } else { 40 };
        if self.sections_offset == 0 {
            return Ok(Vec::new());
        }
        if self.section_size != size {
            return Err(Refusal::new("section headers of an unknown size"));
        }
        // Counts that do not fit into the header stand in the first section.
        let first = bytes_at(content, self.sections_offset, size.into(), "the table of section headers")?;
        let first = Fields::new(&first, self.is_big_endian);
        let count = match self.section_count {
            0 => first.word(if self.is_64_bit { 32 } else { 20 }, self.is_64_bit).unwrap_or(0),
            count => count.into(),
        };
        let names_index = match self.names_index {
            u16::MAX => first.u32(if self.is_64_bit { 40 } else { 24 }).unwrap_or(0),
            index => index.into(),
        };
        if count > SECTIONS_MAX {
            return Err(Refusal::new(format!("{count} sections, the limit is {SECTIONS_MAX}")));
        }
        let table = bytes_at(content, self.sections_offset, u64::from(size) * count, "the table of section headers")?;
        let mut sections: Vec<(u32, Section)> = table
            .chunks_exact(size.into())
            .filter_map(|entry| self.section(Fields::new(entry, self.is_big_endian)))
            .collect();
        if let Some((_, names)) = sections.get(names_index as usize) {
            if names.size > SECTION_NAMES_BYTES_MAX {
                return Err(Refusal::new(format!(
                    "section names of {} bytes, the limit is {SECTION_NAMES_BYTES_MAX}",
                    names.size
                )));
            }
            let names = bytes_at(content, names.offset, names.size, "the table of section names")?;
            for (at, section) in &mut sections {
                let name = names.get(*at as usize..).unwrap_or_default();
                let end = name.iter().take(NAME_BYTES_MAX).position(|&byte| byte == 0).unwrap_or(0);
                // Only these names mean something here; the others would cost an allocation each.
                if end != 0 && name[0] == b'.' && end <= 32 {
                    section.name = name[..end].to_vec();
                }
            }
        }
        Ok(sections.into_iter().map(|(_, section)| section).collect())
    }

    fn section(&self, fields: Fields<'_>) -> Option<(u32, Section)> {
        let section = if self.is_64_bit {
            Section {
                name: Vec::new(),
                kind: fields.u32(4)?,
                offset: fields.u64(24)?,
                size: fields.u64(32)?,
                align: fields.u64(48)?,
            }
        } else {
            Section {
                name: Vec::new(),
                kind: fields.u32(4)?,
                offset: fields.u32(16)?.into(),
                size: fields.u32(20)?.into(),
                align: fields.u32(32)?.into(),
            }
        };
        Some((fields.u32(0)?, section))
    }
}

/// Whether a search of the data segment may be worth its reads: the program has no sections at all, or has one of Go's.
fn may_be_go(sections: &[Section]) -> bool {
    let is_of_go = |section: &Section| section.name.starts_with(b".gopclntab") || section.name.starts_with(b".note.go");
    sections.len() <= 1 || sections.iter().any(is_of_go)
}

fn offset_of(segments: &[Segment], address: u64) -> Option<u64> {
    segments
        .iter()
        .filter(|segment| segment.kind == PT_LOAD)
        .find(|segment| address >= segment.address && address - segment.address < segment.file_size)
        .and_then(|segment| segment.offset.checked_add(address - segment.address))
}

fn needed(content: &Content, header: &Header, segments: &[Segment]) -> Vec<String> {
    let entry_size: u8 = if header.is_64_bit { 16 } else { 8 };
    let Some(dynamic) = segments.iter().find(|segment| segment.kind == PT_DYNAMIC) else { return Vec::new() };
    let count = (dynamic.file_size / u64::from(entry_size)).min(DYNAMIC_ENTRIES_MAX);
    let len = count * u64::from(entry_size);
    let Ok(table) = bytes_at(content, dynamic.offset, len, "the dynamic table") else { return Vec::new() };
    let entries: Vec<(u64, u64)> = table
        .chunks_exact(entry_size.into())
        .map_while(|entry| {
            let fields = Fields::new(entry, header.is_big_endian);
            let tag = fields.word(0, header.is_64_bit)?;
            Some((tag, fields.word(entry.len() / 2, header.is_64_bit)?)).filter(|_| tag != 0)
        })
        .collect();
    let Some(strings) =
        entries.iter().find(|(tag, _)| *tag == DT_STRTAB).and_then(|(_, address)| offset_of(segments, *address))
    else {
        return Vec::new();
    };
    entries
        .iter()
        .filter(|(tag, _)| *tag == DT_NEEDED)
        .take(NEEDED_MAX)
        .filter_map(|(_, at)| string_at(content, strings.checked_add(*at)?))
        .collect()
}

/// Returns where notes are: by the sections, or by the segments of a file without sections.
fn note_ranges(sections: &[Section], segments: &[Segment]) -> Vec<(u64, u64, u64)> {
    let by_section: Vec<_> = sections
        .iter()
        .filter(|section| section.kind == SHT_NOTE)
        .map(|note| (note.offset, note.size, note.align))
        .collect();
    let by_segment = || {
        segments
            .iter()
            .filter(|segment| segment.kind == PT_NOTE)
            .map(|note| (note.offset, note.file_size, note.align))
            .collect()
    };
    let mut ranges: Vec<_> = if by_section.is_empty() { by_segment() } else { by_section };
    ranges.truncate(64);
    ranges
}

fn read_notes(content: &Content, header: &Header, offset: u64, size: u64, align: u64, executable: &mut Executable) {
    let Ok(notes) = bytes_at(content, offset, size.min(NOTES_BYTES_MAX), "a note") else { return };
    let align = if align == 8 { 8 } else { 4 };
    let mut rest: &[u8] = &notes;
    while let Some((kind, owner, description, after)) = next_note(rest, header.is_big_endian, align) {
        match (kind, owner) {
            (NT_GNU_BUILD_ID, b"GNU\0") if description.len() <= 64 => {
                executable.build_id = Some(hexadecimal(description));
            }
            (NT_FDO_PACKAGING_METADATA, b"FDO\0") => {
                let note = package_note::parse(description).map(Some);
                executable.package_note = executable.part("package note", note);
            }
            _ => {}
        }
        rest = after;
    }
}

#[expect(clippy::type_complexity, reason = "the four parts of a note, used once")]
fn next_note(notes: &[u8], is_big_endian: bool, align: usize) -> Option<(u32, &[u8], &[u8], &[u8])> {
    let fields = Fields::new(notes, is_big_endian);
    let owner_len = fields.u32(0)? as usize;
    let description_len = fields.u32(4)? as usize;
    let kind = fields.u32(8)?;
    let owner_end = 12_usize.checked_add(owner_len)?;
    let description_at = owner_end.checked_next_multiple_of(align)?;
    let description_end = description_at.checked_add(description_len)?;
    let owner = notes.get(12..owner_end)?;
    let description = notes.get(description_at..description_end)?;
    // The last note need not be padded.
    let after = notes.get(description_end.checked_next_multiple_of(align)?..).unwrap_or_default();
    Some((kind, owner, description, after))
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "samples are small")]
mod tests {
    use super::super::samples::elf;
    use super::*;

    /// Returns what is read of a program after some bytes of its header were replaced.
    fn changed(mut bytes: Vec<u8>, at: usize, with: &[u8]) -> Result<Vec<String>, String> {
        bytes[at..at + with.len()].copy_from_slice(with);
        read(&Content::from_bytes(bytes)).map(|found| found.expect("a program").damage).map_err(|refusal| refusal.0)
    }

    #[test]
    fn program_headers_end_at_the_limit() {
        let table = |count: u16| {
            let mut bytes = elf(&[]);
            let at = bytes.len() as u64;
            bytes.resize(bytes.len() + 56 * usize::from(count), 0);
            bytes[32..40].copy_from_slice(&at.to_le_bytes());
            changed(bytes, 54, &[56_u16, count].map(u16::to_le_bytes).concat()).is_ok()
        };
        assert_eq!([SEGMENTS_MAX - 1, SEGMENTS_MAX, SEGMENTS_MAX + 1].map(table), [true, true, false]);
    }

    #[test]
    fn sections_end_at_the_limit() {
        // The table that they state lies outside of the file, which is found only if they are not too many.
        let damage = |count: u16| changed(elf(&[]), 60, &count.to_le_bytes()).expect("a program").join(" ");
        for count in [SECTIONS_MAX - 1, SECTIONS_MAX] {
            assert!(!damage(count as u16).contains("the limit is"), "{count}");
        }
        assert!(damage(SECTIONS_MAX as u16 + 1).contains("16385 sections, the limit is 16384"));
    }

    #[test]
    fn section_names_end_at_the_limit() {
        let damage = |size: u64| {
            let mut bytes = elf(&[(".a", b"x")]);
            let sections = u64::from_le_bytes(bytes[40..48].try_into().expect("eight bytes")) as usize;
            let names = sections + 64 * 2;
            let at = bytes.len() as u64;
            bytes.resize(bytes.len() + size as usize, 0);
            bytes[names + 24..names + 32].copy_from_slice(&at.to_le_bytes());
            changed(bytes, names + 32, &size.to_le_bytes()).expect("a program").join(" ")
        };
        for size in [SECTION_NAMES_BYTES_MAX - 1, SECTION_NAMES_BYTES_MAX] {
            assert_eq!(damage(size), "", "{size}");
        }
        assert!(damage(SECTION_NAMES_BYTES_MAX + 1).contains("the limit is 1048576"));
    }
}
