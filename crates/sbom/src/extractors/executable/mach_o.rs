//! Mach-O: load commands and sections; of universal files every part.

use super::fields::Fields;
use super::{Executable, Format, Kind, NAME_BYTES_MAX, auditable, bytes_at, go_build_info, hexadecimal};
use crate::{Content, Refusal};

/// The most parts of a universal file. Java class files begin with the same bytes, and where they have their version, at least 45, this has its count.
const PARTS_MAX: u32 = 30;

/// The most load commands, and the most bytes of them; real files have a hundred and ten kilobytes.
const COMMANDS_MAX: u32 = 4096;
const COMMANDS_BYTES_MAX: u32 = 1 << 20;

/// The most sections of a segment: the format has one byte for the number of a section.
const SECTIONS_MAX: u32 = 255;

/// The most libraries that are kept.
const NEEDED_MAX: usize = 256;

const LC_SEGMENT: u32 = 0x1;
const LC_LOAD_DYLIB: u32 = 0xc;
const LC_SEGMENT_64: u32 = 0x19;
const LC_UUID: u32 = 0x1b;
const LC_LOAD_WEAK_DYLIB: u32 = 0x8000_0018;
const READ_WRITE: u32 = 3;

struct Segment {
    address: u64,
    offset: u64,
    file_size: u64,
    is_data: bool,
}

struct Section {
    name: Vec<u8>,
    offset: u64,
    size: u64,
}

pub(super) fn read(content: &Content, magic: [u8; 4]) -> Result<Option<Executable>, Refusal> {
    let wide = match magic {
        [0xca, 0xfe, 0xba, 0xbe] => false,
        [0xca, 0xfe, 0xba, 0xbf] => true,
        _ => return read_part(content, 0),
    };
    let Ok(head) = content.bytes_at(4, 4) else { return Ok(None) };
    let count = Fields::new(&head, true).u32(0).unwrap_or(0);
    if count == 0 || count > PARTS_MAX {
        return Ok(None);
    }
    let entry_size: u8 = if wide { 32 } else { 20 };
    let table = bytes_at(content, 8, u64::from(count) * u64::from(entry_size), "the table of a universal Mach-O file")?;
    let mut whole: Option<Executable> = None;
    for entry in table.chunks_exact(entry_size.into()) {
        let fields = Fields::new(entry, true);
        let Some(offset) = fields.word(8, wide) else { continue };
        let Some(part) = read_part(content, offset)? else { continue };
        match &mut whole {
            None => whole = Some(part),
            // All parts are built from the same sources; the first that says something speaks for the others.
            Some(whole) => {
                whole.go = whole.go.take().or(part.go);
                whole.rust = whole.rust.take().or(part.rust);
                whole.damage.extend(part.damage);
            }
        }
    }
    Ok(whole)
}

fn read_part(content: &Content, base: u64) -> Result<Option<Executable>, Refusal> {
    let Ok(header) = content.bytes_at(base, 28) else { return Ok(None) };
    let (is_64_bit, is_big_endian) = match header[..4] {
        [0xfe, 0xed, 0xfa, 0xce] => (false, true),
        [0xce, 0xfa, 0xed, 0xfe] => (false, false),
        [0xfe, 0xed, 0xfa, 0xcf] => (true, true),
        [0xcf, 0xfa, 0xed, 0xfe] => (true, false),
        _ => return Ok(None),
    };
    let fields = Fields::new(&header, is_big_endian);
    let (Some(processor), Some(kind), Some(count), Some(size)) =
        (fields.u32(4), fields.u32(12), fields.u32(16), fields.u32(20))
    else {
        return Ok(None);
    };
    let kind = match kind {
        2 => Kind::Program,
        // MH_DYLIB, MH_BUNDLE.
        6 | 8 => Kind::Library,
        _ => return Ok(None),
    };
    if count > COMMANDS_MAX || size > COMMANDS_BYTES_MAX {
        return Err(Refusal::new(format!(
            "a Mach-O file of {count} load commands in {size} bytes, the limits are {COMMANDS_MAX} and {COMMANDS_BYTES_MAX}"
        )));
    }
    let mut executable = Executable::new(Format::MachO, kind);
    executable.architecture = architecture(processor).map(str::to_owned);
    let commands = bytes_at(content, base + if is_64_bit { 32 } else { 28 }, size.into(), "the load commands")?;
    let mut segments = Vec::new();
    let mut sections = Vec::new();
    let mut rest: &[u8] = &commands;
    for _ in 0..count {
        let fields = Fields::new(rest, is_big_endian);
        let (Some(command), Some(len)) = (fields.u32(0), fields.u32(4)) else { break };
        let Some(bytes) = rest.get(..len as usize).filter(|bytes| bytes.len() >= 8) else { break };
        let fields = Fields::new(bytes, is_big_endian);
        match command {
            LC_SEGMENT | LC_SEGMENT_64 => segment(fields, command == LC_SEGMENT_64, &mut segments, &mut sections),
            LC_UUID => executable.build_id = bytes.get(8..24).map(hexadecimal),
            LC_LOAD_DYLIB | LC_LOAD_WEAK_DYLIB if executable.needed.len() < NEEDED_MAX => {
                executable.needed.extend(library(fields, bytes));
            }
            _ => {}
        }
        rest = &rest[len as usize..];
    }

    let section = |name: &[u8]| sections.iter().find(|section: &&Section| section.name == name);
    if let Some(section) = section(b".dep-v0") {
        let part = auditable::read(content, base.saturating_add(section.offset), section.size);
        executable.rust = executable.part("Rust dependency list", part);
    }
    // As Go's own reader: without the section, the data segment of a file without any sections may still hold it.
    let data = section(b"__go_buildinfo").map(|section| (section.offset, section.size)).or_else(|| {
        segments
            .iter()
            .find(|segment| segment.is_data && sections.is_empty())
            .map(|segment| (segment.offset, segment.file_size))
    });
    if let Some((offset, size)) = data {
        let memory = |address: u64| {
            let segment = segments
                .iter()
                .find(|segment| address >= segment.address && address - segment.address < segment.file_size)?;
            base.checked_add(segment.offset)?.checked_add(address - segment.address)
        };
        let part = go_build_info::read(content, base.saturating_add(offset), size, &memory);
        executable.go = executable.part("Go build information", part);
    }
    Ok(Some(executable))
}

fn architecture(processor: u32) -> Option<&'static str> {
    Some(match processor {
        7 => "386",
        0x0100_0007 => "amd64",
        12 => "arm",
        0x0100_000c => "arm64",
        18 => "ppc",
        0x0100_0012 => "ppc64",
        _ => return None,
    })
}

fn segment(fields: Fields<'_>, is_64_bit: bool, segments: &mut Vec<Segment>, sections: &mut Vec<Section>) {
    let word = if is_64_bit { 8 } else { 4 };
    let parse = || {
        let after = 24 + 4 * word;
        let segment = Segment {
            address: fields.word(24, is_64_bit)?,
            offset: fields.word(24 + 2 * word, is_64_bit)?,
            file_size: fields.word(24 + 3 * word, is_64_bit)?,
            is_data: fields.u32(after)? == READ_WRITE && fields.u32(after + 4)? == READ_WRITE,
        };
        Some((segment, fields.u32(after + 8)?.min(SECTIONS_MAX)))
    };
    let Some((segment, count)) = parse() else { return };
    if segment.file_size != 0 {
        segments.push(segment);
    }
    let section_size = if is_64_bit { 80 } else { 68 };
    for index in 0..count as usize {
        let at = 24 + 4 * word + 16 + index * section_size;
        let section = || {
            Some(Section {
                name: fields.name(at, 16)?.to_vec(),
                size: fields.word(at + 32 + word, is_64_bit)?,
                offset: fields.u32(at + 32 + 2 * word)?.into(),
            })
        };
        let Some(section) = section() else { return };
        sections.push(section);
    }
}

fn library(fields: Fields<'_>, bytes: &[u8]) -> Option<String> {
    let name = bytes.get(fields.u32(8)? as usize..)?;
    let end = name.iter().take(NAME_BYTES_MAX).position(|&byte| byte == 0)?;
    std::str::from_utf8(&name[..end]).ok().map(str::to_owned)
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "samples are small")]
mod tests {
    use super::*;

    /// Returns a program for arm64 with these load commands, of which the header says so many in so many bytes.
    fn program(count: u32, size: u32, commands: &[u8]) -> Vec<u8> {
        let header = [0xfeed_facf_u32, 0x0100_000c, 0, 2, count, size, 0, 0].map(u32::to_le_bytes).concat();
        [&header, commands].concat()
    }

    fn read_bytes(bytes: Vec<u8>) -> Result<Option<Executable>, String> {
        let magic = [bytes[0], bytes[1], bytes[2], bytes[3]];
        read(&Content::from_bytes(bytes), magic).map_err(|refusal| refusal.0)
    }

    #[test]
    fn parts_end_at_the_limit() {
        for (wide, entry_bytes) in [(false, 20), (true, 32)] {
            let universal = |count: u32| {
                let magic = if wide { 0xcafe_babf_u32 } else { 0xcafe_babe };
                let mut bytes = [magic, count].map(u32::to_be_bytes).concat();
                let table = count * entry_bytes;
                for _ in 0..count {
                    let at = 8 + table;
                    let words = if wide { vec![0, 0, 0, at, 0, 0, 0, 0] } else { vec![0, 0, at, 0, 0] };
                    bytes.extend(words.into_iter().flat_map(u32::to_be_bytes));
                }
                bytes.extend(program(0, 0, &[]));
                read_bytes(bytes).expect("it is whole").is_some()
            };
            assert_eq!([PARTS_MAX - 1, PARTS_MAX, PARTS_MAX + 1].map(universal), [true, true, false]);
            assert!(!universal(0));
        }
    }

    #[test]
    fn load_commands_end_at_their_limits() {
        let command = [0_u32, 8].map(u32::to_le_bytes).concat();
        let many = |count: u32| read_bytes(program(count, count * 8, &command.repeat(count as usize))).is_ok();
        assert_eq!([COMMANDS_MAX - 1, COMMANDS_MAX, COMMANDS_MAX + 1].map(many), [true, true, false]);
        let large = |size: u32| read_bytes(program(0, size, &vec![0; size as usize])).is_ok();
        assert_eq!(
            [COMMANDS_BYTES_MAX - 1, COMMANDS_BYTES_MAX, COMMANDS_BYTES_MAX + 1].map(large),
            [true, true, false]
        );
    }

    #[test]
    fn libraries_and_sections_end_at_their_limits() {
        let needed = |count: usize| {
            let command = [[LC_LOAD_DYLIB, 16, 12].map(u32::to_le_bytes).concat(), b"a\0\0\0".to_vec()].concat();
            let bytes = program(count as u32, count as u32 * 16, &command.repeat(count));
            read_bytes(bytes).expect("it is whole").expect("a program").needed.len()
        };
        assert_eq!([NEEDED_MAX - 1, NEEDED_MAX, NEEDED_MAX + 1].map(needed), [255, 256, 256]);
        let sections = |count: u32| {
            let mut bytes = vec![0; 72 + 80 * count as usize];
            bytes[64..68].copy_from_slice(&count.to_le_bytes());
            let (mut segments, mut sections) = (Vec::new(), Vec::new());
            segment(Fields::new(&bytes, false), true, &mut segments, &mut sections);
            sections.len()
        };
        assert_eq!([SECTIONS_MAX - 1, SECTIONS_MAX, SECTIONS_MAX + 1].map(sections), [254, 255, 255]);
    }
}
