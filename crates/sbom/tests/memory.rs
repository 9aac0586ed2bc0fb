//! What hostile images cost: each is read in a process of its own, whose peak of memory is compared with a limit.
//!
//! The input is not counted: the kernel's mark of the peak is set back (`/proc/self/clear_refs`, proc(5)) once it is made. A counting allocator would
//! need `unsafe`, and would not see what the allocator itself wastes.

#![expect(clippy::unwrap_used, reason = "a test's functions fail the test")]

use std::io::{self, Read, Write as _};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs};

use component::Subject;
use sbom::{Allowance, LayerScope, Matcher, Source, read_layer};

#[path = "it/archive.rs"]
#[expect(dead_code, reason = "the other binary uses all of it")]
mod archive;

/// What a hub gives an image where nobody sets it otherwise: half of what inventories have for layers, the other half for the fold over them.
const ALLOWANCE_BYTES: u64 = 96 << 20;

/// As many components as such a hub takes.
const COMPONENTS_MAX: usize = 32 << 10;

/// What all of it may take together, of which a case may have less.
const LIMIT_MIB: u64 = 192;

/// A layer, and what must come of it: components, or words of the error or of an unknown.
struct Case {
    name: &'static str,
    limit_mib: u64,
    layer: fn() -> Box<dyn Read>,
    expected: Expected,
}

enum Expected {
    Components(usize),
    Error(&'static str),
    Unknown(&'static str),
    /// Nothing but that it ends.
    End,
}

const CASES: &[Case] = &[
    Case {
        name: "zeros of a thousand times the blob's size",
        limit_mib: 16,
        layer: || zstd(entry("zeros", 9 << 27, io::repeat(0))),
        expected: Expected::Error("more than 1100 times larger"),
    },
    Case {
        name: "a million packages of dpkg",
        limit_mib: LIMIT_MIB,
        layer: || file("var/lib/dpkg/status", rows(1_000_000, |index| format!("Package: a{index}\nVersion: 1\n\n"))),
        expected: Expected::Unknown("more components than the limit"),
    },
    Case {
        name: "as many packages of rpm as an ndb database can have",
        limit_mib: LIMIT_MIB,
        layer: || file("var/lib/rpm/Packages.db", ndb(262_142)),
        expected: Expected::Unknown("more components than the limit"),
    },
    Case {
        name: "zeros that gzip makes small",
        limit_mib: 16,
        layer: || gzip(entry("var/lib/dpkg/status", 1 << 28, io::repeat(0))),
        expected: Expected::Unknown("the limit for such a file is"),
    },
    Case {
        name: "a million packages of apk",
        limit_mib: LIMIT_MIB,
        layer: || file("lib/apk/db/installed", rows(1_000_000, |index| format!("P:a{index}\nV:1-r0\n\n"))),
        expected: Expected::Unknown("more components than the limit"),
    },
    Case {
        name: "a million packages of yarn",
        limit_mib: LIMIT_MIB,
        layer: || file("yarn.lock", rows(1_000_000, |index| format!("a{index}@1:\n  version \"1\"\n"))),
        expected: Expected::Unknown("the lockfile has over 100000 packages"),
    },
    Case {
        name: "a million packages of yarn in YAML",
        limit_mib: LIMIT_MIB,
        layer: || {
            let row = |index| format!("a{index}@npm:1:\n  version: 1\n  resolution: a{index}@npm:1\n");
            file("yarn.lock", [b"__metadata:\n  version: 6\n".to_vec(), rows(1_000_000, row)].concat())
        },
        expected: Expected::Unknown("not YAML of the expected form"),
    },
    Case {
        name: "a million packages of pnpm",
        limit_mib: LIMIT_MIB,
        layer: || {
            let row = |index| format!("  a{index}@1: {{}}\n");
            file("pnpm-lock.yaml", [b"lockfileVersion: 9.0\npackages:\n".to_vec(), rows(1_000_000, row)].concat())
        },
        expected: Expected::Unknown("not YAML of the expected form"),
    },
    Case {
        name: "packages of pnpm that need much",
        limit_mib: LIMIT_MIB,
        layer: || {
            let needs = String::from_utf8(rows(30, |index| format!("b{index}: 1, "))).unwrap();
            let row = move |index| format!("  a{index}@1: {{dependencies: {{{needs}}}}}\n");
            file("pnpm-lock.yaml", [b"lockfileVersion: 9.0\npackages:\n".to_vec(), rows(50_000, row)].concat())
        },
        expected: Expected::Unknown("not YAML of the expected form"),
    },
    Case {
        name: "a million crates of a lockfile",
        limit_mib: LIMIT_MIB,
        layer: || file("Cargo.lock", rows(1_000_000, |index| format!("[[package]]\nname=\"a{index}\"\n"))),
        expected: Expected::Unknown("it holds more than the limits allow"),
    },
    Case {
        name: "a million gems",
        limit_mib: LIMIT_MIB,
        layer: || {
            file(
                "Gemfile.lock",
                [b"GEM\n  specs:\n".to_vec(), rows(900_000, |index| format!("    a{index} (1)\n"))].concat(),
            )
        },
        expected: Expected::Unknown("the lockfile has over 100000 packages"),
    },
    Case {
        name: "gems that need each other on each platform",
        limit_mib: LIMIT_MIB,
        layer: || {
            let row = |index| format!("    g (1.0-p{index})\n{}", "      g\n".repeat(5));
            file("Gemfile.lock", [b"GEM\n  specs:\n".to_vec(), rows(90_000, row)].concat())
        },
        expected: Expected::Unknown("the edges are not complete"),
    },
    Case {
        name: "projects that ask for much",
        limit_mib: LIMIT_MIB,
        layer: || {
            let gems = rows(20_000, |index| format!("gem 'a{index}'\n"));
            let files = (0..100).map(|number| file(&format!("d{number}/Gemfile"), gems.clone()));
            files.fold(Box::new(io::empty()), |tar, list| Box::new(tar.chain(list)))
        },
        expected: Expected::Unknown("more components than the limit"),
    },
    Case {
        name: "packages of JSON that need much",
        limit_mib: LIMIT_MIB,
        layer: || {
            let needs = String::from_utf8(rows(90_000, |index| format!("\"{index}\":\"\","))).unwrap();
            let row = move |index| format!("\"{index}\":{{\"dependencies\":{{{needs}\"\":\"\"}}}},");
            file("package-lock.json", [br#"{"packages":{"#.to_vec(), rows(40, row), br#""a":{}}}"#.to_vec()].concat())
        },
        expected: Expected::Unknown("it holds more than the limits allow"),
    },
    Case {
        name: "packages of JSON in packages",
        limit_mib: LIMIT_MIB,
        layer: || {
            let nested = [br#"{"dependencies":{"a":"#.repeat(60), b"{}".to_vec(), b"}}".repeat(60)].concat();
            let nested = String::from_utf8(nested).unwrap();
            let row = move |index| format!("\"{index}\":{nested},");
            file(
                "package-lock.json",
                [br#"{"dependencies":{"#.to_vec(), rows(20_000, row), br#""a":{}}}"#.to_vec()].concat(),
            )
        },
        expected: Expected::Unknown("it holds more than the limits allow"),
    },
    Case {
        name: "packages of JSON that are nothing but empty",
        limit_mib: LIMIT_MIB,
        layer: || file("composer.lock", [&br#"{"packages":["#[..], &b"{},".repeat(10_000_000), b"{}]}"].concat()),
        expected: Expected::Unknown("not JSON of the expected form"),
    },
    Case {
        name: "values of JSON",
        limit_mib: LIMIT_MIB,
        layer: || {
            let values = br#"{"":1},"#.repeat(7_000_000);
            file(
                "composer.lock",
                [&br#"{"packages":[{"name":"a/a","version":"1","license":["#[..], &values, b"1]}]}"].concat(),
            )
        },
        expected: Expected::Unknown("not JSON of the expected form"),
    },
    Case {
        name: "values of JSON in a list of either kind",
        limit_mib: LIMIT_MIB,
        layer: || file("vendor/composer/installed.json", [&b"[1"[..], &b",1".repeat(20_000_000), b"]"].concat()),
        expected: Expected::Unknown("not JSON of the expected form"),
    },
    Case {
        name: "tables of TOML",
        limit_mib: LIMIT_MIB,
        layer: || file("Cargo.lock", [&b"a = ["[..], &b"{},".repeat(10_000_000), b"{}]"].concat()),
        expected: Expected::Unknown("it holds more than the limits allow"),
    },
    Case {
        name: "as many tables of TOML as there may be",
        limit_mib: LIMIT_MIB,
        layer: || file("Cargo.lock", [&b"a = ["[..], &b"{},".repeat(499_990), b"{}]"].concat()),
        expected: Expected::Components(0),
    },
    Case {
        name: "a million names that a package of apk provides",
        limit_mib: LIMIT_MIB,
        layer: || {
            file("lib/apk/db/installed", {
                [&b"P:a\nV:1\np:"[..], &rows(1_000_000, |index| format!(" {index:x}")), b"\n"].concat()
            })
        },
        expected: Expected::Unknown("the edges are not complete"),
    },
    Case {
        name: "packages of apk that need each other",
        limit_mib: LIMIT_MIB,
        layer: || {
            let row = |index| format!("P:a{index}\nV:1\np:x\nD:x\n\n");
            file("lib/apk/db/installed", rows(1_500, row))
        },
        expected: Expected::Unknown("the edges are not complete"),
    },
    Case {
        name: "files of a package of apk",
        limit_mib: LIMIT_MIB,
        layer: || file("lib/apk/db/installed", [&b"P:a\nV:1\n"[..], &b"R:\n".repeat(5_000_000)].concat()),
        expected: Expected::Unknown("more files of packages than the limit"),
    },
    Case {
        name: "files of packages of dpkg",
        limit_mib: LIMIT_MIB,
        layer: || {
            let status = file("var/lib/dpkg/status", rows(6, |index| format!("Package: a{index}\nVersion: 1\n\n")));
            let lists = (0..6).map(|number| {
                let row = move |index| format!("/{number}{index}\n");
                file(&format!("var/lib/dpkg/info/a{number}.list"), rows(100_000, row))
            });
            lists.fold(status, |tar, list| Box::new(tar.chain(list)))
        },
        expected: Expected::Unknown("more files of packages than the limit"),
    },
    Case {
        name: "a hundred thousand empty files",
        limit_mib: 24,
        layer: || {
            entries(100_000, |index| archive::header(format!("d{}/f{index}", index / 100).as_bytes(), b'0', 0, ""))
        },
        expected: Expected::Components(0),
    },
    Case {
        name: "as many empty files that are claimed as there is memory for",
        limit_mib: LIMIT_MIB,
        layer: || entries(220_000, |index| archive::header(format!("d{index}/package.json").as_bytes(), b'0', 0, "")),
        expected: Expected::Components(0),
    },
    Case {
        name: "names without end",
        limit_mib: LIMIT_MIB,
        layer: || entries(26_000, |index| archive::header(long(index).as_bytes(), b'0', 0, "")),
        expected: Expected::Error("need more than 100663296 bytes of memory"),
    },
    Case {
        name: "folders without end",
        limit_mib: LIMIT_MIB,
        layer: || entries(26_000, |index| archive::header(format!("{}/a", long(index)).as_bytes(), b'0', 0, "")),
        expected: Expected::Error("need more than 100663296 bytes of memory"),
    },
    Case {
        name: "whiteouts without end",
        limit_mib: LIMIT_MIB,
        layer: || entries(26_000, |index| archive::header(format!(".wh.{}", long(index)).as_bytes(), b'0', 0, "")),
        expected: Expected::Error("need more than 100663296 bytes of memory"),
    },
    Case {
        name: "links to a large file",
        limit_mib: LIMIT_MIB,
        layer: || {
            let names =
                |index: usize| archive::header(format!("d{index}/package.json").as_bytes(), b'1', 0, "package.json");
            Box::new(entry("package.json", 4 << 20, io::repeat(b' ')).chain(entries(1_000, names)))
        },
        expected: Expected::Error("need more than 100663296 bytes of memory"),
    },
    Case {
        name: "links that lead to each other",
        limit_mib: 32,
        layer: || {
            let link = |index: usize| {
                archive::header(format!("d{index}").as_bytes(), b'2', 0, &format!("d{}", (index + 1) % 10_000))
            };
            Box::new(entries(10_000, link).chain(io::Cursor::new(archive::header(
                b"etc/os-release",
                b'2',
                0,
                "../d0/../../x",
            ))))
        },
        expected: Expected::Components(0),
    },
    Case {
        name: "a jar of jars that are nothing but zeros",
        limit_mib: LIMIT_MIB,
        layer: || {
            let mut jar = zip(&[("zeros", &vec![0; 100 << 20])]);
            for _ in 0..6 {
                jar = zip(&[("a.jar", &jar), ("b.jar", &jar)]);
            }
            file("app.jar", jar)
        },
        expected: Expected::End,
    },
    Case {
        name: "JSON of nothing but brackets",
        limit_mib: LIMIT_MIB,
        layer: || Box::new(entry("package-lock.json", 64 << 20, io::repeat(b'['))),
        expected: Expected::Unknown("the lockfile is not JSON"),
    },
    Case {
        name: "JSON of objects in objects",
        limit_mib: LIMIT_MIB,
        layer: || file("package-lock.json", [&b"{"[..], &br#""dependencies":{"a":{"#.repeat(1 << 20)].concat()),
        expected: Expected::Unknown("nested too deeply"),
    },
    Case {
        name: "JSON of nothing but empty objects",
        limit_mib: LIMIT_MIB,
        layer: || file("bun.lock", [&br#"{"packages": {"a": ["#[..], &b"{},".repeat(5_000_000), b"{}]}}"].concat()),
        expected: Expected::End,
    },
    Case {
        name: "YAML of nothing but brackets",
        limit_mib: LIMIT_MIB,
        layer: || Box::new(entry("pnpm-lock.yaml", 8 << 20, io::repeat(b'['))),
        expected: Expected::Unknown("not YAML of the expected form"),
    },
    Case {
        name: "TOML of nothing but brackets",
        limit_mib: LIMIT_MIB,
        layer: || file("Cargo.lock", [&b"a = "[..], &b"[".repeat(2 << 20)].concat()),
        expected: Expected::Unknown("it holds more than the limits allow"),
    },
    Case {
        name: "TOML of nothing but dots",
        limit_mib: LIMIT_MIB,
        layer: || file("Cargo.lock", [&b"a"[..], &b".a".repeat(2 << 20), b" = 1"].concat()),
        expected: Expected::Unknown("it holds more than the limits allow"),
    },
    Case {
        name: "XML of nothing but elements",
        limit_mib: 64,
        layer: || file("pom.xml", b"<a>".repeat(1 << 20)),
        expected: Expected::Unknown("nested more than 64 deep"),
    },
    Case {
        name: "requirements files that include each other and name constraints",
        limit_mib: 128,
        layer: || {
            let row = |index: usize| {
                let body =
                    format!("-r requirements{}.txt\n-c requirements-constraints{index}.txt\na\n", (index + 1) % 6_000);
                let header =
                    archive::header(format!("requirements{index}.txt").as_bytes(), b'0', body.len() as u64, "");
                let constraints =
                    archive::header(format!("requirements-constraints{index}.txt").as_bytes(), b'0', 4, "");
                let mut bytes = header;
                archive::append(&mut bytes, body.as_bytes());
                bytes.extend(constraints);
                archive::append(&mut bytes, b"b==1");
                bytes
            };
            entries(6_000, row)
        },
        expected: Expected::Unknown("more constraints than the limits allow"),
    },
    Case {
        name: "hard links to what is not there",
        limit_mib: LIMIT_MIB,
        layer: || {
            entries(50_000, |index| {
                archive::header(format!("d{index}/package.json").as_bytes(), b'1', 0, "../../etc/passwd")
            })
        },
        expected: Expected::Unknown("whose bytes were not kept"),
    },
    Case {
        name: "hard links of many names to one file that nobody wants",
        limit_mib: LIMIT_MIB,
        layer: || {
            let file = entry("store", 64 << 10, io::repeat(b' '));
            let link = |index: usize| archive::header(format!("d{index}/package.json").as_bytes(), b'1', 0, "store");
            Box::new(file.take(512 + (64 << 10)).chain(entries(20_000, link)))
        },
        expected: Expected::Error("bytes of memory"),
    },
    Case {
        name: "symbolic links of many names to one file that nobody wants",
        limit_mib: LIMIT_MIB,
        layer: || {
            let file = entry("store", 64 << 10, io::repeat(b' '));
            let link =
                |index: usize| archive::header(format!("d{index}/requirements.txt").as_bytes(), b'2', 0, "../store");
            Box::new(file.take(512 + (64 << 10)).chain(entries(20_000, link)))
        },
        expected: Expected::Unknown("which is not read"),
    },
    Case {
        name: "links to directories that are not there",
        limit_mib: 128,
        layer: || {
            entries(200, |index| {
                let target = format!("{index}{}", "/a".repeat(2_000));
                let mut bytes = archive::header(b"././@LongLink", b'K', target.len() as u64 + 1, "");
                archive::append(&mut bytes, format!("{target}\0").as_bytes());
                bytes.extend(archive::header(format!("d{index}/Cargo.lock").as_bytes(), b'2', 0, ""));
                bytes
            })
        },
        expected: Expected::Components(0),
    },
    Case {
        name: "links that double on the way",
        limit_mib: 16,
        layer: || {
            let link = |index: usize| {
                let target = format!("l{0}/../l{0}", index + 1);
                archive::header(format!("l{index}").as_bytes(), b'2', 0, &target)
            };
            Box::new(
                entries(200, link).chain(file("lib/apk/db/installed", b"P:a\nV:1\nF:l0\nR:x\na:0:0:777\n".to_vec())),
            )
        },
        expected: Expected::Components(1),
    },
    Case {
        name: "a jar in a jar, a hundred deep",
        limit_mib: 32,
        layer: || file("app.jar", (0..100).fold(zip(&[("a", b"")]), |jar, _| zip(&[("a.jar", &jar)]))),
        expected: Expected::Unknown("nested"),
    },
    Case {
        name: "a jar that lists one member ten thousand times",
        limit_mib: LIMIT_MIB,
        layer: || {
            let bomb = zip(&[("zeros.jar", &vec![0; 64 << 20])]);
            file("app.jar", overlapping(&bomb, 10_000))
        },
        expected: Expected::End,
    },
    Case {
        name: "a header whose size is negative",
        limit_mib: 16,
        layer: || sized([0xff; 12]),
        expected: Expected::Error("number"),
    },
    Case {
        name: "a header whose size has eleven bytes",
        limit_mib: 16,
        layer: || sized([0x80, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        expected: Expected::Error("number"),
    },
    Case {
        name: "a header whose size is more than there is",
        limit_mib: 16,
        layer: || sized([0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        expected: Expected::Error("failed to walk the archive"),
    },
    Case {
        name: "an extended header of a terabyte",
        limit_mib: 16,
        layer: || {
            Box::new(io::Cursor::new(archive::header(b"pax", b'x', 0o77_777_777_777, "")).chain(io::repeat(b'1')))
        },
        expected: Expected::Error("the limit is 1048576"),
    },
    Case {
        name: "extended headers without an entry",
        limit_mib: 16,
        layer: || {
            let pax = archive::pax(&[("comment", &"x".repeat(900_000))]);
            Box::new(io::Cursor::new(pax.repeat(200)).chain(io::Cursor::new([0; 1024])))
        },
        expected: Expected::End,
    },
];

/// Returns an entry of a tar and its body.
fn entry(path: &str, size: u64, body: impl Read + 'static) -> Box<dyn Read> {
    let padding = io::repeat(0).take(size.next_multiple_of(512) - size);
    Box::new(io::Cursor::new(archive::header(path.as_bytes(), b'0', size, "")).chain(body.take(size)).chain(padding))
}

fn file(path: &str, body: Vec<u8>) -> Box<dyn Read> {
    entry(path, body.len() as u64, io::Cursor::new(body))
}

/// Returns entries without bodies, each made when it is read.
fn entries(count: usize, header: impl Fn(usize) -> Vec<u8> + 'static) -> Box<dyn Read> {
    struct Entries<F>(io::Cursor<Vec<u8>>, std::ops::Range<usize>, F);
    impl<F: Fn(usize) -> Vec<u8>> Read for Entries<F> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            loop {
                let filled = self.0.read(buffer)?;
                if filled > 0 {
                    return Ok(filled);
                }
                match self.1.next() {
                    Some(index) => self.0 = io::Cursor::new((self.2)(index)),
                    None => return Ok(0),
                }
            }
        }
    }
    Box::new(Entries(io::Cursor::default(), 0..count, header))
}

fn sized(size: [u8; 12]) -> Box<dyn Read> {
    let mut header = archive::header(b"a", b'0', 0, "");
    header[124..136].copy_from_slice(&size);
    archive::seal(&mut header);
    Box::new(io::Cursor::new(header).chain(io::repeat(0).take(1 << 20)))
}

/// Returns a path of nearly the most bytes that one may have.
fn long(index: usize) -> String {
    format!("{index:04000}")
}

fn rows(count: usize, row: impl Fn(usize) -> String) -> Vec<u8> {
    let mut bytes = Vec::new();
    for index in 0..count {
        bytes.extend(row(index).into_bytes());
    }
    bytes
}

fn zstd(mut tar: Box<dyn Read>) -> Box<dyn Read> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    io::copy(&mut tar, &mut encoder).unwrap();
    Box::new(io::Cursor::new(encoder.finish().unwrap()))
}

fn gzip(mut tar: Box<dyn Read>) -> Box<dyn Read> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    io::copy(&mut tar, &mut encoder).unwrap();
    Box::new(io::Cursor::new(encoder.finish().unwrap()))
}

/// Returns a deflated archive of these members.
fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    let number = |value: usize| u32::try_from(value).unwrap().to_le_bytes();
    for (name, data) in members {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(data).unwrap();
        let packed = encoder.finish().unwrap();
        let fields = [
            &[20, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0][..],
            &number(packed.len()),
            &number(data.len()),
            &number(name.len()),
        ]
        .concat();
        let at = number(bytes.len());
        bytes.extend([b"PK\x03\x04", fields.as_slice(), name.as_bytes(), &packed].concat());
        directory.extend([b"PK\x01\x02\x14\0", fields.as_slice(), &[0; 10], &at, name.as_bytes()].concat());
    }
    let at = number(bytes.len());
    let count = &number(members.len())[..2];
    bytes.extend(&directory);
    bytes.extend([b"PK\x05\x06\0\0\0\0", count, count, &number(directory.len()), &at, &[0, 0]].concat());
    bytes
}

/// Returns an archive whose directory lists its one member many times.
fn overlapping(archive: &[u8], count: usize) -> Vec<u8> {
    let number = |value: usize| u32::try_from(value).unwrap().to_le_bytes();
    let at = archive.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
    let end = archive.len() - 22;
    let directory = archive[at..end].repeat(count);
    let counts = &number(count)[..2];
    [&archive[..at], &directory, b"PK\x05\x06\0\0\0\0", counts, counts, &number(directory.len()), &number(at), &[0, 0]]
        .concat()
}

/// Returns an rpm database in ndb's format: slots on pages of 4096 bytes, then the packages.
fn ndb(count: usize) -> Vec<u8> {
    let number = |value: usize| u32::try_from(value).unwrap();
    let pages = (32 + 16 * count).div_ceil(4096);
    let (mut slots, mut blobs) = (Vec::new(), Vec::new());
    for index in 0..count {
        let name = format!("a{index}\0");
        let tags = [(1000, 0), (1001, name.len()), (1002, name.len())];
        let data = [name.as_bytes(), b"1\0"].concat();
        let entries = tags.map(|(tag, at)| [tag, 6, number(at), 1].map(u32::to_be_bytes).concat()).concat();
        let sizes = [number(tags.len()), number(data.len())].map(u32::to_be_bytes).concat();
        let header = [sizes, entries, data].concat();
        let package = number(index + 1);
        let at = number((4096 * pages + blobs.len()) / 16);
        let blocks = number((16 + header.len() + 12).div_ceil(16));
        slots.extend([b"Slot".to_vec(), [package, at, blocks].map(u32::to_le_bytes).concat()].concat());
        blobs.extend(
            [b"BlbS".to_vec(), [package, 0, number(header.len())].map(u32::to_le_bytes).concat(), header].concat(),
        );
        blobs.resize(blobs.len().next_multiple_of(16) + 16, 0);
    }
    while slots.len() < 4096 * pages - 32 {
        slots.extend(b"Slot\0\0\0\0\0\0\0\0\0\0\0\0");
    }
    let head = [0, 1, number(pages), number(count + 1), 0, 0, 0].map(u32::to_le_bytes).concat();
    [b"RpmP".to_vec(), head, slots, blobs].concat()
}

/// Returns a value of `/proc/self/status`, in KiB.
fn status_kib(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim_matches(|character: char| !character.is_ascii_digit()).parse().unwrap()
}

/// Reads a case's layer and makes its inventory; returns by how many KiB the peak of memory is above what there was before.
fn run(case: &Case) -> u64 {
    let matcher = Matcher::new(sbom::catalogers().iter().collect());
    let mut layer = Some((case.layer)());
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = status_kib("VmRSS:");
    let allowance = Allowance::new(tempfile::tempfile).memory_bytes_max(ALLOWANCE_BYTES);
    let open = || Ok::<_, sbom::Error>(layer.take().unwrap_or_else(case.layer));
    let read = read_layer(open, None, None, &matcher, &allowance);
    match read {
        Err(error) => {
            let Expected::Error(words) = case.expected else { panic!("{}", told(&error)) };
            assert!(told(&error).contains(words), "{}", told(&error));
        }
        Ok(read) => {
            let subject = Subject::Directory { name: String::new() };
            let source = Source { subject, layers: Vec::new(), records: &[&read.record], created: None };
            let inventory = sbom::inventory_within(source, &matcher, LayerScope::Squashed, COMPONENTS_MAX);
            let unknowns = || inventory.unknowns.iter().map(|unknown| &unknown.reason).take(3).collect::<Vec<_>>();
            match case.expected {
                Expected::Components(count) => assert_eq!(inventory.components.len(), count, "{:?}", unknowns()),
                Expected::Unknown(words) => {
                    assert!(
                        inventory.unknowns.iter().any(|unknown| unknown.reason.contains(words)),
                        "{:?}",
                        unknowns()
                    );
                }
                Expected::Error(words) => panic!("it was read, but {words}: {:?}", unknowns()),
                Expected::End => {}
            }
        }
    }
    status_kib("VmHWM:").saturating_sub(before)
}

fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Reads a case's layer in a process of its own; returns what it took, and what was wrong with that.
fn check(case: &Case) -> Result<String, String> {
    let started = std::time::Instant::now();
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "one_case", "--ignored", "--nocapture"])
        .env("GARRISON_MEMORY_CASE", case.name)
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&child.stdout).into_owned() + &String::from_utf8_lossy(&child.stderr);
    let peak = output.lines().find_map(|line| line.split_once("peak_kib=")?.1.parse::<u64>().ok());
    match peak.filter(|_| child.status.success()) {
        Some(peak) if peak > case.limit_mib * 1024 => {
            Err(format!("{}: {} MiB, the limit is {}", case.name, peak / 1024, case.limit_mib))
        }
        Some(peak) => Ok(format!("{}: {} MiB of {}, {:?}", case.name, peak / 1024, case.limit_mib, started.elapsed())),
        None => Err(format!("{}: {}: {output}", case.name, child.status)),
    }
}

#[test]
fn hostile_images_stay_within_their_memory() {
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    let work = || {
        while let Some(case) = CASES.get(next.fetch_add(1, Ordering::Relaxed)) {
            match check(case) {
                Ok(told) => println!("{told}"),
                Err(failure) => failures.lock().unwrap().push(failure),
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
#[ignore = "one case, in a process of its own that the other test starts"]
fn one_case() {
    let name = env::var("GARRISON_MEMORY_CASE").unwrap();
    let case = CASES.iter().find(|case| case.name == name).unwrap();
    println!("\npeak_kib={}", run(case));
}
