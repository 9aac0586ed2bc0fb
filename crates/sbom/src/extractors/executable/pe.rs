//! PE: sections, the .NET header and the version resource.

use serde::{Deserialize, Serialize};

use super::fields::Fields;
use super::{Executable, Format, Kind, auditable, bytes_at, go_build_info, read_at};
use crate::{Content, Refusal};

/// The most sections that are read; the loader of Windows takes 96.
const SECTIONS_MAX: u16 = 96;

/// The largest version resource that is read; real ones have one kilobyte.
const VERSION_BYTES_MAX: u32 = 64 << 10;

/// The most entries of a resource directory that are looked at.
const RESOURCE_ENTRIES_MAX: u16 = 1024;

/// The most strings of a version resource, and the deepest nesting of its blocks (the format has four levels).
const VERSION_STRINGS_MAX: usize = 64;
const VERSION_DEPTH_MAX: usize = 4;

/// The longest string of a version resource that is kept, in UTF-16 units.
const VERSION_STRING_UNITS_MAX: usize = 512;

const RESOURCE_DIRECTORY: usize = 2;
const CLR_DIRECTORY: usize = 14;
const RT_VERSION: u32 = 16;
const IS_DLL: u16 = 0x2000;
const INITIALIZED_READ_WRITE: u32 = 0xc000_0040;
const ALIGN_32_BYTES: u32 = 0x0060_0000;

/// The strings of a version resource, by their names: `ProductName`, `FileVersion`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VersionInfo {
    /// Names and values, in their order.
    pub(crate) strings: Vec<(String, String)>,
}

impl VersionInfo {
    /// Returns a string, without the spaces and zeros around it; `None` when nothing is left.
    pub(crate) fn string(&self, name: &str) -> Option<&str> {
        let (_, value) = self.strings.iter().find(|(key, _)| key == name)?;
        Some(value.trim_matches(|character: char| character.is_whitespace() || character == '\0'))
            .filter(|value| !value.is_empty())
    }
}

struct Section {
    name: [u8; 8],
    address: u32,
    virtual_size: u32,
    offset: u32,
    size: u32,
    characteristics: u32,
}

pub(super) fn read(content: &Content) -> Result<Option<Executable>, Refusal> {
    let mut dos = [0; 64];
    let filled = read_at(content, 0, &mut dos)?;
    // Programs for DOS alone begin alike.
    let Some(at) = Fields::little(&dos[..filled]).u32(60).map(u64::from) else { return Ok(None) };
    let mut coff = [0; 24];
    if read_at(content, at, &mut coff)? < coff.len() || !coff.starts_with(b"PE\0\0") {
        return Ok(None);
    }
    let coff = Fields::little(&coff);
    let (Some(machine), Some(section_count), Some(optional_len), Some(flags)) =
        (coff.u16(4), coff.u16(6), coff.u16(20), coff.u16(22))
    else {
        return Ok(None);
    };
    if section_count > SECTIONS_MAX {
        return Err(Refusal::new(format!("a PE file of {section_count} sections, the limit is {SECTIONS_MAX}")));
    }
    let optional = bytes_at(content, at + 24, optional_len.into(), "the PE header")?;
    let optional = Fields::little(&optional);
    let table = bytes_at(
        content,
        at + 24 + u64::from(optional_len),
        u64::from(section_count) * 40,
        "the table of PE sections",
    )?;
    let sections: Vec<Section> = table.chunks_exact(40).filter_map(Section::parse).collect();

    let is_64_bit = optional.u16(0) == Some(0x20b);
    let mut executable = Executable::new(Format::Pe, if flags & IS_DLL == 0 { Kind::Program } else { Kind::Library });
    executable.architecture = architecture(machine).map(str::to_owned);
    executable.is_managed = directory(optional, is_64_bit, CLR_DIRECTORY).is_some();
    if let Some((address, size)) = directory(optional, is_64_bit, RESOURCE_DIRECTORY) {
        executable.version_info = Resources { content, sections: &sections, address, size }.version();
    }
    if let Some(section) = sections.iter().find(|section| section.name == *b".dep-v0\0") {
        let size = if section.virtual_size == 0 { section.size } else { section.virtual_size.min(section.size) };
        let part = auditable::read(content, section.offset.into(), size.into());
        executable.rust = executable.part("Rust dependency list", part);
    }
    // Go has no section of its own here: its header is at the start of the data.
    let data = sections.iter().find(|section| {
        section.address != 0 && section.size != 0 && section.characteristics & !ALIGN_32_BYTES == INITIALIZED_READ_WRITE
    });
    if let Some(data) = data.filter(|_| !executable.is_managed) {
        let image_base = if is_64_bit { optional.u64(24) } else { optional.u32(28).map(u64::from) }.unwrap_or(0);
        let memory = |address: u64| offset_of(&sections, u32::try_from(address.checked_sub(image_base)?).ok()?);
        let part =
            go_build_info::read(content, data.offset.into(), u64::from(data.size).min(GO_SEARCH_BYTES_MAX), &memory);
        executable.go = executable.part("Go build information", part);
    }
    Ok(Some(executable))
}

/// How much of the data section is searched for Go's header: linkers put it at the start, and every other PE file would be read in vain.
const GO_SEARCH_BYTES_MAX: u64 = 1 << 20;

impl Section {
    fn parse(entry: &[u8]) -> Option<Self> {
        let fields = Fields::little(entry);
        Some(Self {
            name: *entry.first_chunk()?,
            virtual_size: fields.u32(8)?,
            address: fields.u32(12)?,
            size: fields.u32(16)?,
            offset: fields.u32(20)?,
            characteristics: fields.u32(36)?,
        })
    }
}

fn architecture(machine: u16) -> Option<&'static str> {
    Some(match machine {
        0x014c => "386",
        0x8664 => "amd64",
        0xaa64 => "arm64",
        0x01c0 | 0x01c4 => "arm",
        _ => return None,
    })
}

/// Returns the address and size of a data directory that is there.
fn directory(optional: Fields<'_>, is_64_bit: bool, index: usize) -> Option<(u32, u32)> {
    let count_at = if is_64_bit { 108 } else { 92 };
    if index >= optional.u32(count_at)? as usize {
        return None;
    }
    let at = count_at + 4 + index * 8;
    Some((optional.u32(at)?, optional.u32(at + 4)?)).filter(|&(address, size)| address != 0 && size != 0)
}

fn offset_of(sections: &[Section], address: u32) -> Option<u64> {
    sections
        .iter()
        .find(|section| address >= section.address && address - section.address < section.size)
        .map(|section| u64::from(section.offset) + u64::from(address - section.address))
}

/// The resource tree: type, name, language, data.
struct Resources<'a> {
    content: &'a Content,
    sections: &'a [Section],
    address: u32,
    size: u32,
}

impl Resources<'_> {
    fn version(&self) -> Option<VersionInfo> {
        let root = offset_of(self.sections, self.address)?;
        let by_type = self.entry(root, 0, Some(RT_VERSION))?;
        let by_name = self.entry(root, by_type, None)?;
        let mut data = self.entry(root, by_name, None)?;
        // Two or three levels: the flag says whether another directory follows.
        if data & DIRECTORY_FLAG != 0 {
            data = self.entry(root, data, None)?;
        }
        if data & DIRECTORY_FLAG != 0 {
            return None;
        }
        let entry = self.content.bytes_at(root + u64::from(data), 16).ok()?;
        let fields = Fields::little(&entry);
        let (address, size) = (fields.u32(0)?, fields.u32(4)?.min(VERSION_BYTES_MAX));
        let bytes = self.content.bytes_at(offset_of(self.sections, address)?, size as usize).ok()?;
        Some(version_info(&bytes))
    }

    /// Returns what the entry of a directory leads to: of the given id, or the first.
    fn entry(&self, root: u64, directory: u32, id: Option<u32>) -> Option<u32> {
        let directory = directory & !DIRECTORY_FLAG;
        if directory >= self.size {
            return None;
        }
        let at = root + u64::from(directory);
        let header = self.content.bytes_at(at, 16).ok()?;
        let header = Fields::little(&header);
        let count = header.u16(12)?.saturating_add(header.u16(14)?).min(RESOURCE_ENTRIES_MAX);
        let entries = self.content.bytes_at(at + 16, usize::from(count) * 8).ok()?;
        let found = entries.chunks_exact(8).map(Fields::little).find(|entry| id.is_none() || entry.u32(0) == id)?;
        found.u32(4)
    }
}

const DIRECTORY_FLAG: u32 = 0x8000_0000;

fn version_info(bytes: &[u8]) -> VersionInfo {
    let mut info = VersionInfo::default();
    blocks(bytes, 0, &mut info);
    info
}

/// Walks blocks of `VS_VERSIONINFO`: length, length of the value, type, name, padding, value, padding, blocks within.
fn blocks(mut bytes: &[u8], depth: usize, info: &mut VersionInfo) {
    while let Some(block) =
        Fields::little(bytes).u16(0).map(usize::from).filter(|&len| len >= 6).and_then(|len| bytes.get(..len))
    {
        let name: Vec<u16> = units(&block[6..]).take_while(|&unit| unit != 0).take(VERSION_STRING_UNITS_MAX).collect();
        let value_at = (6 + (name.len() + 1) * 2).next_multiple_of(4);
        let value_len = Fields::little(block).u16(2).map_or(0, usize::from);
        let name = String::from_utf16_lossy(&name);
        let value = block.get(value_at..).unwrap_or_default();
        match depth {
            // The root's value is binary, of `value_len` bytes.
            0 => blocks(value.get(value_len.next_multiple_of(4)..).unwrap_or_default(), 1, info),
            1 if name == "StringFileInfo" => blocks(value, 2, info),
            2 => blocks(value, 3, info),
            // The lengths of string values count units or bytes, depending on who wrote them; the zero at the end does not.
            3 if info.strings.len() < VERSION_STRINGS_MAX => {
                let value: Vec<u16> =
                    units(value).take_while(|&unit| unit != 0).take(VERSION_STRING_UNITS_MAX).collect();
                info.strings.push((name, String::from_utf16_lossy(&value)));
            }
            _ => {}
        }
        debug_assert!(depth < VERSION_DEPTH_MAX, "the match above ends at the strings");
        bytes = bytes.get(block.len().next_multiple_of(4)..).unwrap_or_default();
    }
}

fn units(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]))
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "samples are small")]
pub(super) mod samples {
    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
    }

    fn block(name: &str, value_len: usize, value: &[u8], inner: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = [0_u16, value_len as u16, 1].map(u16::to_le_bytes).concat();
        bytes.extend(utf16(name));
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend(value);
        for block in inner {
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes.extend(block);
        }
        let len = (bytes.len() as u16).to_le_bytes();
        bytes[..2].copy_from_slice(&len);
        bytes
    }

    /// Returns a version resource with these strings.
    pub(in super::super) fn version_resource(strings: &[(&str, &str)]) -> Vec<u8> {
        let strings: Vec<_> =
            strings.iter().map(|(name, value)| block(name, value.len() + 1, &utf16(value), &[])).collect();
        let table = block("000004b0", 0, &[], &strings);
        let translation = block("VarFileInfo", 0, &[], &[block("Translation", 4, &[0, 0, 0xb0, 4], &[])]);
        block("VS_VERSION_INFO", 52, &[0; 52], &[translation, block("StringFileInfo", 0, &[], &[table])])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_a_version_resource() {
        let root =
            samples::version_resource(&[("ProductName", "Example"), ("FileVersion", " 1.2.3.4 "), ("Comments", "")]);
        let info = version_info(&root);
        let strings = ["ProductName", "FileVersion", "Comments", "CompanyName"].map(|name| info.string(name));
        assert_eq!(strings, [Some("Example"), Some("1.2.3.4"), None, None]);
        for len in 0..root.len() {
            version_info(&root[..len]);
        }
    }

    #[test]
    fn the_resource_of_a_library_is_found() {
        let pe = super::super::samples::assembly(&[("ProductName", "Example")]);
        let whole = read(&Content::from_bytes(pe.clone())).expect("whole").expect("a PE file");
        assert_eq!((whole.kind, whole.is_managed, whole.architecture.as_deref()), (Kind::Library, true, Some("386")));
        assert_eq!(whole.version_info.expect("there").string("ProductName"), Some("Example"));
        for len in 0..pe.len() {
            let _ = read(&Content::from_bytes(pe[..len].to_vec()));
        }
    }
}
