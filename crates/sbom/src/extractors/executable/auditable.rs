//! The dependency list that `cargo auditable` links into a Rust program: zlib-compressed JSON.

use std::io::Read as _;

use flate2::read::ZlibDecoder;
use serde::{Deserialize, Serialize};

use super::bytes_at;
use crate::{Content, Refusal};

/// The largest compressed list; ten thousand crates need a tenth of it.
pub(super) const COMPRESSED_BYTES_MAX: u64 = 8 << 20;

/// The largest inflated list: the limit that the format's own reader recommends.
pub(super) const INFLATED_BYTES_MAX: u64 = 8 << 20;

/// The crates that a Rust program was built from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Auditable {
    /// The crates; dependencies are positions in this list.
    pub(crate) packages: Vec<AuditablePackage>,
}

/// One crate of a Rust program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AuditablePackage {
    /// The crate's name.
    pub(crate) name: String,
    /// The crate's version.
    pub(crate) version: String,
    /// Where it came from: `crates.io`, `git`, `local`, `registry`, or a word of a later version of the format.
    pub(crate) source: String,
    /// Whether only the build needed it.
    pub(crate) is_build_only: bool,
    /// Whether it is the crate that was built.
    pub(crate) is_root: bool,
    /// The crates that it depends on.
    pub(crate) dependencies: Vec<u32>,
}

#[derive(Deserialize)]
struct Document {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    source: String,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    dependencies: Vec<u32>,
    #[serde(default)]
    root: bool,
}

/// Reads the section that holds the list.
pub(super) fn read(content: &Content, offset: u64, size: u64) -> Result<Option<Auditable>, Refusal> {
    if size > COMPRESSED_BYTES_MAX {
        return Err(Refusal::new(format!("the section is {size} bytes, the limit is {COMPRESSED_BYTES_MAX}")));
    }
    parse(&bytes_at(content, offset, size, "the section")?).map(Some)
}

pub(super) fn parse(compressed: &[u8]) -> Result<Auditable, Refusal> {
    let mut json = Vec::new();
    ZlibDecoder::new(compressed)
        .take(INFLATED_BYTES_MAX + 1)
        .read_to_end(&mut json)
        .map_err(|error| Refusal::new(format!("it cannot be decompressed: {error}")))?;
    if json.len() as u64 > INFLATED_BYTES_MAX {
        return Err(Refusal::new(format!("it inflates to more than {INFLATED_BYTES_MAX} bytes")));
    }
    let document: Document =
        serde_json::from_slice(&json).map_err(|error| Refusal::new(format!("it is not the expected JSON: {error}")))?;
    let count = document.packages.len();
    let packages = document
        .packages
        .into_iter()
        .map(|mut package| {
            package.dependencies.retain(|&dependency| (dependency as usize) < count);
            AuditablePackage {
                name: package.name,
                version: package.version,
                source: package.source,
                is_build_only: package.kind.as_deref() == Some("build"),
                is_root: package.root,
                dependencies: package.dependencies,
            }
        })
        .collect();
    Ok(Auditable { packages })
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "samples are small")]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;

    fn compressed(json: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(json).expect("a vector takes what is written");
        encoder.finish().expect("a vector takes what is written")
    }

    #[test]
    fn damage_is_refused_in_words() {
        let cases: [(&[u8], &str); 4] = [
            (b"not zlib", "it cannot be decompressed: corrupt deflate stream"),
            (&compressed(b"{}"), "it is not the expected JSON: missing field `packages` at line 1 column 2"),
            (
                &compressed(b"[]"),
                "it is not the expected JSON: invalid length 0, expected struct Document with 1 element at line 1 column 2",
            ),
            (&compressed(&vec![b' '; INFLATED_BYTES_MAX as usize + 1]), "it inflates to more than 8388608 bytes"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(parse(bytes).expect_err("damaged").0, expected);
        }
    }

    #[test]
    fn a_list_as_large_as_the_limit_is_read() {
        let mut json = br#"{"packages":[]}"#.to_vec();
        json.resize(INFLATED_BYTES_MAX as usize, b' ');
        assert_eq!(parse(&compressed(&json)), Ok(Auditable { packages: Vec::new() }));
    }

    #[test]
    fn dependencies_outside_of_the_list_are_dropped() {
        let json = br#"{"packages":[{"name":"a","version":"1.0.0","source":"local","root":true,"dependencies":[1,2,9]},
            {"name":"b","version":"2.0.0","source":"crates.io","kind":"build"}],"format":8}"#;
        let auditable = parse(&compressed(json)).expect("valid");
        assert_eq!(auditable.packages[0].dependencies, [1]);
        assert!(auditable.packages[0].is_root && !auditable.packages[0].is_build_only);
        assert!(auditable.packages[1].is_build_only);
    }
}
