//! What the Go linker leaves in every program: the version of Go and, for module builds, the modules and the settings of the build.
//!
//! Since Go 1.18 the two strings follow the header; before, the header points to them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::fields::Fields;
use super::{bytes_at, read_at};
use crate::{Content, Refusal};

const MAGIC: &[u8] = b"\xff Go buildinf:";

/// Where the linker may put the header within its section or segment.
const ALIGN: usize = 16;

const HEADER_BYTES: usize = 32;

/// How much of a data segment is searched for the header; only files whose section table was removed are searched at all.
const SEARCH_BYTES_MAX: u64 = 64 << 20;

/// The search reads so much at a time.
const SEARCH_STEP_BYTES: usize = 64 << 10;

/// The largest list of modules; the programs with the most modules that we know have 200 KB.
const MODULES_BYTES_MAX: u64 = 8 << 20;

/// The longest version of Go; development versions name a commit.
const VERSION_BYTES_MAX: u64 = 512;

/// The sentinels around the list of modules.
const SENTINEL_BYTES: usize = 16;

/// The most modules of one program.
const DEPENDENCIES_MAX: usize = 100_000;

/// What the Go linker says about a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GoBuildInfo {
    /// The version of Go: `go1.26.1`, or `devel` and words.
    pub(crate) go_version: String,
    /// The modules; `None` for what was built without modules.
    pub(crate) modules: Option<ModuleInfo>,
}

/// The modules and settings of a Go build.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ModuleInfo {
    /// The import path of the package that was built.
    pub(crate) path: Option<String>,
    /// The module that the package is in.
    pub(crate) main: Option<GoModule>,
    /// The modules that packages were linked from, in their order.
    pub(crate) dependencies: Vec<GoDependency>,
    /// The settings: `GOARCH`, `-ldflags`, `vcs.revision`.
    pub(crate) settings: Vec<(String, String)>,
}

/// A Go module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GoModule {
    /// Its path.
    pub(crate) path: String,
    /// Its version; `(devel)` or empty where the build had none.
    pub(crate) version: String,
    /// Its hash as `go.sum` has it: `h1:` and base64.
    pub(crate) sum: Option<String>,
}

/// A module that a program was linked from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GoDependency {
    /// The module that was asked for.
    pub(crate) module: GoModule,
    /// The module that was taken in its place.
    pub(crate) replacement: Option<GoModule>,
}

impl ModuleInfo {
    /// Returns a setting of the build.
    pub(crate) fn setting(&self, key: &str) -> Option<&str> {
        self.settings.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

/// Searches a section or segment for the header and reads what it leads to. `offset_of` turns addresses of the loaded program into offsets.
pub(super) fn read(
    content: &Content,
    offset: u64,
    size: u64,
    offset_of: &dyn Fn(u64) -> Option<u64>,
) -> Result<Option<GoBuildInfo>, Refusal> {
    let Some(at) = find_header(content, offset, size)? else { return Ok(None) };
    let header = bytes_at(content, at, HEADER_BYTES as u64, "the header")?;
    let pointer_bytes = header[14];
    let flags = header[15];
    let (version, modules) = if flags & 2 != 0 {
        let (version, end) = inline_string(content, at + HEADER_BYTES as u64, VERSION_BYTES_MAX)?;
        let (modules, _) = inline_string(content, end, MODULES_BYTES_MAX)?;
        (version, modules)
    } else {
        let pointers = Pointers { content, is_big_endian: flags & 1 != 0, is_64_bit: pointer_bytes == 8, offset_of };
        if pointer_bytes != 4 && pointer_bytes != 8 {
            return Err(Refusal::new(format!("pointers of {pointer_bytes} bytes")));
        }
        let fields = Fields::new(&header, pointers.is_big_endian);
        let pointer =
            |index: usize| fields.word(16 + index * usize::from(pointer_bytes), pointers.is_64_bit).unwrap_or(0);
        (pointers.string(pointer(0), VERSION_BYTES_MAX)?, pointers.string(pointer(1), MODULES_BYTES_MAX)?)
    };
    if version.is_empty() {
        return Ok(None);
    }
    let go_version = String::from_utf8(version).map_err(|_| Refusal::new("a version of Go that is no text"))?;
    Ok(Some(GoBuildInfo { go_version, modules: module_text(&modules).map(parse) }))
}

fn find_header(content: &Content, offset: u64, size: u64) -> Result<Option<u64>, Refusal> {
    let size = size.min(SEARCH_BYTES_MAX);
    let mut buffer = vec![0; SEARCH_STEP_BYTES];
    let mut searched = 0;
    while searched < size {
        let step = usize::try_from(size - searched).unwrap_or(usize::MAX).min(SEARCH_STEP_BYTES);
        let Some(at) = offset.checked_add(searched) else { return Ok(None) };
        let filled = read_at(content, at, &mut buffer[..step])?;
        // A header is aligned and shorter than its alignment's double, so none is cut by a step.
        if let Some(index) = buffer[..filled].chunks(ALIGN).position(|chunk| chunk.starts_with(MAGIC)) {
            return Ok(Some(at + (index * ALIGN) as u64));
        }
        if filled < step {
            return Ok(None);
        }
        searched += step as u64;
    }
    Ok(None)
}

fn inline_string(content: &Content, at: u64, limit_bytes: u64) -> Result<(Vec<u8>, u64), Refusal> {
    let mut buffer = [0; 10];
    let filled = read_at(content, at, &mut buffer)?;
    let (len, len_bytes) = varint(&buffer[..filled]).ok_or_else(|| Refusal::new("a string without a length"))?;
    let bytes = string_bytes(content, at + len_bytes, len, limit_bytes)?;
    Ok((bytes, at + len_bytes + len))
}

fn string_bytes(content: &Content, at: u64, len: u64, limit_bytes: u64) -> Result<Vec<u8>, Refusal> {
    if len > limit_bytes {
        return Err(Refusal::new(format!("a string of {len} bytes, the limit is {limit_bytes}")));
    }
    bytes_at(content, at, len, "a string").map(Cow::into_owned)
}

fn varint(bytes: &[u8]) -> Option<(u64, u64)> {
    let mut value = 0_u64;
    for (index, &byte) in (0_u32..).zip(bytes) {
        let part = u64::from(byte & 0x7f);
        value |= part.checked_shl(7 * index).filter(|shifted| shifted >> (7 * index) == part)?;
        if byte & 0x80 == 0 {
            return Some((value, u64::from(index) + 1));
        }
    }
    None
}

/// The format before Go 1.18: the header has the addresses of two string headers.
struct Pointers<'a> {
    content: &'a Content,
    is_big_endian: bool,
    is_64_bit: bool,
    offset_of: &'a dyn Fn(u64) -> Option<u64>,
}

impl Pointers<'_> {
    fn string(&self, address: u64, limit_bytes: u64) -> Result<Vec<u8>, Refusal> {
        if address == 0 {
            return Ok(Vec::new());
        }
        let outside = || Refusal::new("a pointer to outside of the loaded file");
        let word = if self.is_64_bit { 8 } else { 4 };
        let header_at = (self.offset_of)(address).ok_or_else(outside)?;
        let header = bytes_at(self.content, header_at, 2 * word as u64, "a string header")?;
        let fields = Fields::new(&header, self.is_big_endian);
        let (Some(data), Some(len)) = (fields.word(0, self.is_64_bit), fields.word(word, self.is_64_bit)) else {
            return Err(outside());
        };
        if len == 0 {
            return Ok(Vec::new());
        }
        string_bytes(self.content, (self.offset_of)(data).ok_or_else(outside)?, len, limit_bytes)
    }
}

/// Takes the sentinels off.
fn module_text(bytes: &[u8]) -> Option<&str> {
    let inner = bytes.get(SENTINEL_BYTES..bytes.len().checked_sub(SENTINEL_BYTES)?)?;
    std::str::from_utf8(inner).ok().filter(|text| text.ends_with('\n'))
}

fn parse(text: &str) -> ModuleInfo {
    let mut info = ModuleInfo::default();
    // Whether the last dependency was kept: what replaces it follows it.
    let mut is_kept = false;
    for line in text.lines() {
        let Some((word, rest)) = line.split_once('\t') else { continue };
        match word {
            "path" => info.path = Some(rest.to_owned()),
            "mod" => info.main = Some(module(rest)),
            "dep" => {
                is_kept = info.dependencies.len() < DEPENDENCIES_MAX;
                if is_kept {
                    info.dependencies.push(GoDependency { module: module(rest), replacement: None });
                }
            }
            "=>" if is_kept => {
                if let Some(last) = info.dependencies.last_mut() {
                    last.replacement = Some(module(rest));
                }
            }
            "build" => info.settings.extend(setting(rest)),
            _ => {}
        }
    }
    info
}

fn module(line: &str) -> GoModule {
    let mut columns = line.split('\t');
    let mut next = || columns.next().unwrap_or_default().to_owned();
    let (path, version, sum) = (next(), next(), next());
    GoModule { path, version, sum: Some(sum).filter(|sum| !sum.is_empty()) }
}

fn setting(line: &str) -> Option<(String, String)> {
    let (key, rest) = if let Some(quoted) = unquote(line) {
        quoted
    } else {
        let (key, rest) = line.split_at(line.find('=')?);
        (key.to_owned(), rest)
    };
    let value = rest.strip_prefix('=')?;
    Some((key, unquote(value).map_or_else(|| value.to_owned(), |(text, _)| text)))
}

/// Reads a Go string literal at the start of a line and returns what follows it.
fn unquote(line: &str) -> Option<(String, &str)> {
    if let Some(raw) = line.strip_prefix('`') {
        let (text, rest) = raw.split_once('`')?;
        return Some((text.to_owned(), rest));
    }
    let mut characters = line.strip_prefix('"')?.chars();
    let mut text = String::new();
    loop {
        match characters.next()? {
            '"' => return Some((text, characters.as_str())),
            '\\' => text.push(escape(&mut characters)?),
            other => text.push(other),
        }
    }
}

fn escape(characters: &mut std::str::Chars<'_>) -> Option<char> {
    let digits = match characters.next()? {
        'a' => return Some('\x07'),
        'b' => return Some('\x08'),
        'f' => return Some('\x0c'),
        'n' => return Some('\n'),
        'r' => return Some('\r'),
        't' => return Some('\t'),
        'v' => return Some('\x0b'),
        'x' => 2,
        'u' => 4,
        'U' => 8,
        other => return Some(other),
    };
    let mut value = 0_u32;
    for _ in 0..digits {
        value = value.checked_mul(16)?.checked_add(characters.next()?.to_digit(16)?)?;
    }
    char::from_u32(value)
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "samples are small")]
mod tests {
    use super::*;

    fn inline(version: &str, modules: &str) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([8, 2]);
        bytes.resize(HEADER_BYTES, 0);
        let framed = if modules.is_empty() { String::new() } else { format!("{:016}{modules}{:016}", 0, 0) };
        for text in [version, &framed] {
            let mut len = text.len();
            while len >= 0x80 {
                bytes.push(len as u8 | 0x80);
                len >>= 7;
            }
            bytes.push(len as u8);
            bytes.extend(text.as_bytes());
        }
        bytes
    }

    fn read_all(bytes: Vec<u8>) -> Result<Option<GoBuildInfo>, String> {
        let content = Content::from_bytes(bytes);
        read(&content, 0, content.len(), &|address| address.checked_sub(0x1000)).map_err(|refusal| refusal.0)
    }

    #[test]
    fn dependencies_end_at_the_limit() {
        for (written, kept, replaced) in [
            (DEPENDENCIES_MAX - 1, 99_999, true),
            (DEPENDENCIES_MAX, 100_000, true),
            (DEPENDENCIES_MAX + 1, 100_000, false),
        ] {
            let info = parse(&format!("{}=>\tb\tv2\n", "dep\ta\tv1\n".repeat(written)));
            let last = info.dependencies.last().expect("there are some");
            assert_eq!((info.dependencies.len(), last.replacement.is_some()), (kept, replaced), "{written}");
        }
    }

    #[test]
    fn what_is_no_header_or_damaged() {
        let cut = |len: usize| inline("go1.22", "path\tx\n")[..len].to_vec();
        let long = inline(&"v".repeat(VERSION_BYTES_MAX as usize + 1), "");
        let cases: [(Vec<u8>, &str); 6] = [
            (vec![], "Ok(None)"),
            ([b"x".as_slice(), &inline("go1.22", "")].concat(), "Ok(None)"),
            (cut(20), "Err(\"the header lies outside of the file\")"),
            (cut(32), "Err(\"a string without a length\")"),
            (cut(36), "Err(\"a string lies outside of the file\")"),
            (long, "Err(\"a string of 513 bytes, the limit is 512\")"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(format!("{:?}", read_all(bytes)), expected);
        }
    }

    #[test]
    fn versions_around_the_limit() {
        let accepts = |len: u64| read_all(inline(&"v".repeat(len as usize), "")).is_ok();
        assert_eq!([VERSION_BYTES_MAX - 1, VERSION_BYTES_MAX, VERSION_BYTES_MAX + 1].map(accepts), [true, true, false]);
    }

    #[test]
    fn modules_replacements_and_settings() {
        let text = "path\texample.org/a/cmd/x\nmod\texample.org/a\t(devel)\t\ndep\texample.org/b\tv1.0.0\th1:AAAA\n\
            dep\texample.org/c\tv2.0.0\n=>\texample.org/d\tv2.1.0\th1:BBBB\nbuild\t-ldflags=\"-X \\\"main.v=1 2\\\"\\u0041\"\nbuild\tGOARCH=arm64\n\
            build\tbroken\n";
        let info = read_all(inline("go1.22.3", text)).expect("whole").expect("there");
        insta::assert_debug_snapshot!(info, @r#"
        GoBuildInfo {
            go_version: "go1.22.3",
            modules: Some(
                ModuleInfo {
                    path: Some(
                        "example.org/a/cmd/x",
                    ),
                    main: Some(
                        GoModule {
                            path: "example.org/a",
                            version: "(devel)",
                            sum: None,
                        },
                    ),
                    dependencies: [
                        GoDependency {
                            module: GoModule {
                                path: "example.org/b",
                                version: "v1.0.0",
                                sum: Some(
                                    "h1:AAAA",
                                ),
                            },
                            replacement: None,
                        },
                        GoDependency {
                            module: GoModule {
                                path: "example.org/c",
                                version: "v2.0.0",
                                sum: None,
                            },
                            replacement: Some(
                                GoModule {
                                    path: "example.org/d",
                                    version: "v2.1.0",
                                    sum: Some(
                                        "h1:BBBB",
                                    ),
                                },
                            ),
                        },
                    ],
                    settings: [
                        (
                            "-ldflags",
                            "-X \"main.v=1 2\"A",
                        ),
                        (
                            "GOARCH",
                            "arm64",
                        ),
                    ],
                },
            ),
        }
        "#);
    }

    #[test]
    fn the_format_before_go_1_18() {
        for (is_big_endian, is_64_bit) in [(false, true), (true, true), (false, false), (true, false)] {
            let word = |value: u64| -> Vec<u8> {
                match (is_64_bit, is_big_endian) {
                    (true, false) => value.to_le_bytes().to_vec(),
                    (true, true) => value.to_be_bytes().to_vec(),
                    (false, false) => (value as u32).to_le_bytes().to_vec(),
                    (false, true) => (value as u32).to_be_bytes().to_vec(),
                }
            };
            let modules = format!("{:016}path\tx\n{:016}", 0, 0);
            let mut bytes = MAGIC.to_vec();
            bytes.extend([if is_64_bit { 8 } else { 4 }, u8::from(is_big_endian)]);
            bytes.extend([word(0x1000 + 64), word(0x1000 + 96)].concat());
            bytes.resize(64, 0);
            bytes.extend([word(0x1000 + 128), word(8)].concat());
            bytes.resize(96, 0);
            bytes.extend([word(0x1000 + 160), word(modules.len() as u64)].concat());
            bytes.resize(128, 0);
            bytes.extend(b"go1.16.9");
            bytes.resize(160, 0);
            bytes.extend(modules.as_bytes());
            let info = read_all(bytes.clone()).expect("whole").expect("there");
            assert_eq!(info.go_version, "go1.16.9");
            assert_eq!(info.modules.and_then(|modules| modules.path).as_deref(), Some("x"));

            bytes[14] = 7;
            assert_eq!(read_all(bytes), Err("pointers of 7 bytes".to_owned()));
        }
    }

    #[test]
    fn the_header_is_found_at_every_step() {
        for at in [0, SEARCH_STEP_BYTES - ALIGN, SEARCH_STEP_BYTES, 3 * SEARCH_STEP_BYTES + ALIGN] {
            let mut bytes = vec![0; at];
            bytes.extend(inline("go1.20", ""));
            assert_eq!(read_all(bytes).expect("whole").map(|info| info.go_version).as_deref(), Some("go1.20"), "{at}");
        }
    }
}
