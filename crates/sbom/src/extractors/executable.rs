//! Takes the metadata out of programs and libraries: ELF, PE and Mach-O.
//!
//! Reads only headers and the sections that hold what it wants, so a program of hundreds of megabytes costs a few kilobytes. All offsets, counts and
//! sizes are an attacker's: each is checked against the file and against a limit before anything is read or allocated.
//!
//! Formats: System V ABI, "Object Files"; Microsoft PE and COFF; Apple `mach-o/loader.h`; Go `debug/buildinfo`; `cargo auditable`'s `PARSING.md`;
//! "Package Metadata for Executable Files" of the UAPI group.

mod auditable;
mod elf;
mod fields;
mod go_build_info;
mod mach_o;
mod package_note;
mod pe;
#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "samples are small")]
pub(crate) mod samples;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub(crate) use auditable::{Auditable, AuditablePackage};
pub(crate) use go_build_info::{GoBuildInfo, GoModule, ModuleInfo};
pub(crate) use package_note::PackageNote;
pub(crate) use pe::VersionInfo;

use crate::{Content, Extractor, Refusal};

/// Reads executables for the catalogers of what is inside of them.
pub(crate) static EXECUTABLE: Extractor = Extractor {
    name: "executable",
    version: 2,
    limit_bytes: FILE_BYTES_MAX,
    extract: |content| extract(content).map(encode),
};

/// The largest executable: nothing but headers is read, so this is only what the offsets of 32-bit formats can say.
const FILE_BYTES_MAX: u64 = 4 << 30;

/// The longest name or path that is taken from an executable: what file systems allow for one path component, doubled.
const NAME_BYTES_MAX: usize = 512;

/// What an executable says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Executable {
    /// The file format.
    pub(crate) format: Format,
    /// Whether it is started or loaded.
    pub(crate) kind: Kind,
    /// The processor, in the words of the Go toolchain and of OCI platforms: `amd64`. Of a universal Mach-O the first one.
    pub(crate) architecture: Option<String>,
    /// The dynamic linker that it asks for.
    pub(crate) interpreter: Option<String>,
    /// The libraries that it asks for, in their order.
    pub(crate) needed: Vec<String>,
    /// The build id (ELF) or UUID (Mach-O), in hexadecimal.
    pub(crate) build_id: Option<String>,
    /// What the Go linker left.
    pub(crate) go: Option<GoBuildInfo>,
    /// What `cargo auditable` left.
    pub(crate) rust: Option<Auditable>,
    /// What the distribution's linker left.
    pub(crate) package_note: Option<PackageNote>,
    /// The version resource of a PE file.
    pub(crate) version_info: Option<VersionInfo>,
    /// Whether it holds code for the .NET runtime.
    pub(crate) is_managed: bool,
    /// What was found and could not be read, in words.
    pub(crate) damage: Vec<String>,
}

/// A format of executables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Format {
    /// ELF.
    Elf,
    /// Portable Executable.
    Pe,
    /// Mach-O.
    MachO,
}

impl Format {
    /// Returns the name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Elf => "ELF",
            Self::Pe => "PE",
            Self::MachO => "Mach-O",
        }
    }
}

/// What an executable is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// It is started.
    Program,
    /// It is loaded by a program.
    Library,
}

impl Kind {
    /// Returns the name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Library => "library",
        }
    }
}

impl Executable {
    fn new(format: Format, kind: Kind) -> Self {
        Self {
            format,
            kind,
            architecture: None,
            interpreter: None,
            needed: Vec::new(),
            build_id: None,
            go: None,
            rust: None,
            package_note: None,
            version_info: None,
            is_managed: false,
            damage: Vec::new(),
        }
    }

    /// Reads the record that [`EXECUTABLE`] made. `None` for bytes that are none.
    pub(crate) fn from_record(record: &[u8]) -> Option<Self> {
        postcard::from_bytes(record).ok()
    }

    /// Keeps a part that could be read, or the reason why not.
    fn part<T>(&mut self, what: &str, part: Result<Option<T>, Refusal>) -> Option<T> {
        part.unwrap_or_else(|refusal| {
            self.damage.push(format!("{what}: {refusal}"));
            None
        })
    }
}

/// Reads an executable. `None` for what is none, and for object files and memory dumps, which nobody runs.
pub(crate) fn extract(content: &Content) -> Result<Option<Executable>, Refusal> {
    let mut magic = [0; 4];
    if read_at(content, 0, &mut magic)? < magic.len() {
        return Ok(None);
    }
    match magic {
        [0x7f, b'E', b'L', b'F'] => elf::read(content),
        [b'M', b'Z', ..] => pe::read(content),
        _ => mach_o::read(content, magic),
    }
}

fn encode(executable: Option<Executable>) -> Option<Vec<u8>> {
    executable.and_then(|executable| postcard::to_allocvec(&executable).ok())
}

fn read_at(content: &Content, offset: u64, buffer: &mut [u8]) -> Result<usize, Refusal> {
    content.read_at(offset, buffer).map_err(|error| Refusal::new(format!("the file cannot be read: {error}")))
}

/// Returns exactly the bytes of a range; a range outside of the file is the file's fault.
fn bytes_at<'a>(content: &'a Content, offset: u64, len: u64, what: &str) -> Result<Cow<'a, [u8]>, Refusal> {
    let bytes = usize::try_from(len).ok().and_then(|len| content.bytes_at(offset, len).ok());
    bytes.ok_or_else(|| Refusal::new(format!("{what} lies outside of the file")))
}

/// Returns a string that ends with a zero byte.
fn string_at(content: &Content, offset: u64) -> Option<String> {
    let mut buffer = [0; NAME_BYTES_MAX];
    let filled = content.read_at(offset, &mut buffer).ok()?;
    let end = buffer[..filled].iter().position(|&byte| byte == 0)?;
    std::str::from_utf8(&buffer[..end]).ok().map(str::to_owned)
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
