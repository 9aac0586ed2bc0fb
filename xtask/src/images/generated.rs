//! Images of which only the size matters; the same bytes on every machine.

use std::fmt::Write as _;
use std::path::Path;

use super::layout::{Layout, Tar, end, entry};

/// How many empty files the image of nothing else has.
const EMPTY_FILES: usize = 3_000_000;

/// How many files a directory of it has.
const EMPTY_FILES_PER_DIRECTORY: usize = 1_000;

/// The parts of the big image, which together are 3 GB in 109,000 entries.
const LAYERS: usize = 13;
const PACKAGES_PER_LAYER: usize = 34;
const FILES_PER_PACKAGE: usize = 223;
const MODULES_PER_LAYER: usize = 60;
const DISTRIBUTIONS_PER_LAYER: usize = 10;
/// The mean size of a file.
const MEAN_BYTES: u32 = 28_000;

pub(super) fn empty(place: &Path) -> anyhow::Result<()> {
    let mut layout = Layout::new(place)?;
    layout.layer(|tar| {
        for number in 0..EMPTY_FILES {
            let directory = number / EMPTY_FILES_PER_DIRECTORY;
            if number % EMPTY_FILES_PER_DIRECTORY == 0 {
                entry(tar, &format!("d{directory}/"), 0o755, &[])?;
            }
            entry(tar, &format!("d{directory}/file{number}"), 0o644, &[])?;
        }
        end(tar)
    })?;
    layout.finish("amd64")
}

pub(super) fn big(place: &Path) -> anyhow::Result<()> {
    let mut layout = Layout::new(place)?;
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut status = String::new();
    for layer in 0..LAYERS {
        layout.layer(|tar| {
            if layer == 0 {
                entry(tar, "etc/os-release", 0o644, b"ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n")?;
            }
            for package in 0..PACKAGES_PER_LAYER {
                debian_package(tar, &format!("pkg{layer}x{package}"), &mut status, &mut random)?;
            }
            // As each step of a build leaves it: the database as a whole, with all packages so far.
            entry(tar, "var/lib/dpkg/status", 0o644, status.as_bytes())?;
            for module in 0..MODULES_PER_LAYER {
                node_module(tar, &format!("mod{layer}x{module}"), &mut random)?;
            }
            for distribution in 0..DISTRIBUTIONS_PER_LAYER {
                python_distribution(tar, &format!("dist{layer}x{distribution}"), &mut random)?;
            }
            end(tar)
        })?;
    }
    layout.finish("amd64")
}

fn debian_package(tar: Tar<'_>, name: &str, status: &mut String, random: &mut Random) -> anyhow::Result<()> {
    let mut list = String::from("/.\n/usr\n/usr/lib\n");
    for number in 0..FILES_PER_PACKAGE {
        let (path, mode) = match number {
            0..4 => (format!("usr/bin/{name}-{number}"), 0o755),
            4..200 => (format!("usr/lib/{name}/file{number}"), 0o644),
            _ => (format!("usr/share/doc/{name}/page{number}"), 0o644),
        };
        let _ = writeln!(list, "/{path}");
        entry(tar, &path, mode, &random.file())?;
    }
    entry(tar, &format!("var/lib/dpkg/info/{name}.list"), 0o644, list.as_bytes())?;
    let _ = write!(
        status,
        "Package: {name}\nStatus: install ok installed\nPriority: optional\nSection: libs\nInstalled-Size: 100\n\
         Maintainer: Nobody <nobody@example.org>\nArchitecture: amd64\nVersion: 1.{}-1\nDepends: pkg0x0 (>= 1.0)\n\
         Description: part of an image that only its size matters of\n\n",
        random.below(100)
    );
    Ok(())
}

fn node_module(tar: Tar<'_>, name: &str, random: &mut Random) -> anyhow::Result<()> {
    let version = format!("{}.{}.{}", random.below(9), random.below(20), random.below(20));
    let manifest =
        format!(r#"{{"name":"{name}","version":"{version}","license":"MIT","dependencies":{{"mod0x0":"*"}}}}"#);
    entry(tar, &format!("app/node_modules/{name}/package.json"), 0o644, manifest.as_bytes())?;
    for number in 0..10 {
        entry(tar, &format!("app/node_modules/{name}/lib/{number}.js"), 0o644, &random.file())?;
    }
    Ok(())
}

fn python_distribution(tar: Tar<'_>, name: &str, random: &mut Random) -> anyhow::Result<()> {
    let packages = "usr/lib/python3/dist-packages";
    let (mut record, version) = (String::new(), format!("{}.{}", random.below(9), random.below(20)));
    for number in 0..10 {
        let _ = writeln!(record, "{name}/{number}.py,,");
        entry(tar, &format!("{packages}/{name}/{number}.py"), 0o644, &random.file())?;
    }
    let about = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nLicense: MIT\n");
    let info = format!("{packages}/{name}-{version}.dist-info");
    entry(tar, &format!("{info}/METADATA"), 0o644, about.as_bytes())?;
    entry(tar, &format!("{info}/RECORD"), 0o644, record.as_bytes())?;
    Ok(())
}

/// Marsaglia's xorshift64*: fast, the same everywhere, and good enough for bytes that do not compress.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: u32) -> u32 {
        u32::try_from(self.next() % u64::from(end)).unwrap_or_default()
    }

    /// A file that compresses to about a half, as programs do, of a size from nothing to twice the mean.
    fn file(&mut self) -> Vec<u8> {
        /// Words that are new, and then come once more.
        const WORDS: usize = 24;
        let len = self.below(2 * MEAN_BYTES) as usize;
        let mut bytes = Vec::with_capacity(len + 16 * WORDS);
        while bytes.len() < len {
            let from = bytes.len();
            for _ in 0..WORDS {
                bytes.extend(self.next().to_le_bytes());
            }
            bytes.extend_from_within(from..);
        }
        bytes.truncate(len);
        bytes
    }
}
