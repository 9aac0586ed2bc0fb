//! What is read from a layer's blob, and what is refused.

use std::io::Write as _;

use oci::{Algorithm, Digest};
use sbom::{Allowance, Error, Matcher, ReadLayer, catalogers, read_layer, read_layer_ahead};

use crate::archive::{self, Entry, file, tar};

const OS_RELEASE: &str = "ID=test\nVERSION_ID=1\n";

fn matcher() -> Matcher {
    Matcher::new(catalogers().iter().collect())
}

fn read(blob: &[u8]) -> Result<ReadLayer, Error> {
    read_as(blob, None, None)
}

/// Reads a layer in each way that there is: they say the same.
fn read_as(blob: &[u8], digest: Option<&Digest>, diff_id: Option<&Digest>) -> Result<ReadLayer, Error> {
    let matcher = matcher();
    let allowance = || Allowance::new(tempfile::tempfile);
    let read: Result<_, Error> = read_layer(|| Ok(blob), digest, diff_id, &matcher, &allowance());
    let ahead: Result<_, Error> = read_layer_ahead(|| Ok(blob), digest, diff_id, &matcher, &allowance());
    match (&read, &ahead) {
        (Ok(read), Ok(ahead)) => assert_eq!(
            (read.record.to_bytes(), read.digest, read.diff_id, read.size_bytes, read.tar_bytes),
            (ahead.record.to_bytes(), ahead.digest, ahead.diff_id, ahead.size_bytes, ahead.tar_bytes)
        ),
        (Err(read), Err(ahead)) => assert_eq!(told(read), told(ahead)),
        _ => panic!("{read:?} but {ahead:?}"),
    }
    read
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory takes what is written");
    encoder.finish().expect("memory takes what is written")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory takes what is written")
}

/// The chain of errors, as a person would read it.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text = format!("{text}: {error}");
        next = error.source();
    }
    text
}

fn check_refused(blob: &[u8], expected: &str) {
    let error = read(blob).err().map(|error| told(&error));
    assert_eq!(error.as_deref(), Some(expected));
}

#[test]
fn every_compression_gives_the_same_layer_and_both_digests() {
    let plain = tar(&[file("etc/os-release", OS_RELEASE), Entry::Directory("usr/"), file("usr/a", "x")]);
    let members = [gzip(&plain[..700]), gzip(&plain[700..])].concat();
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3][..], &zstd(&plain)].concat();
    let chunked = [zstd(&plain), vec![0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]].concat();
    let expected = blobs_digest(&plain);
    for blob in [plain.clone(), gzip(&plain), members, zstd(&plain), skippable, chunked] {
        let layer = read(&blob).expect("the layer is whole");
        assert_eq!(layer.diff_id.to_string(), expected);
        assert_eq!(layer.digest.to_string(), blobs_digest(&blob));
        assert_eq!((layer.size_bytes, layer.tar_bytes), (blob.len() as u64, plain.len() as u64));
        assert_eq!(layer.record.len(), 3);
    }
}

fn blobs_digest(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    let hash = oci::Digest::new(oci::Algorithm::Sha256, digest.as_ref()).expect("a SHA-256 has its length");
    hash.to_string()
}

#[test]
fn a_blob_that_is_not_what_was_named_is_refused() {
    let blob = gzip(&tar(&[file("a", "x")]));
    let other: oci::Digest = blobs_digest(b"other").parse().expect("a digest");
    let by_digest = read_as(&blob, Some(&other), None);
    assert!(matches!(by_digest, Err(Error::Digest(mismatch)) if mismatch.expected == other));
    let by_diff_id = read_as(&blob, None, Some(&other));
    assert!(matches!(by_diff_id, Err(Error::DiffId(mismatch)) if mismatch.expected == other));
    let plain = tar(&[file("a", "x")]);
    let by_diff_id = read_as(&plain, None, Some(&other));
    assert!(matches!(by_diff_id, Err(Error::DiffId(mismatch)) if mismatch.expected == other));
}

#[test]
fn blob_and_tar_may_be_named_by_different_hashes() {
    let plain = tar(&[file("a", "x")]);
    let names = |bytes: &[u8]| {
        let long = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, bytes);
        let long = Digest::new(Algorithm::Sha512, long.as_ref()).expect("a SHA-512 has its length");
        [blobs_digest(bytes).parse().expect("a digest"), long]
    };
    for blob in [plain.clone(), gzip(&plain)] {
        for digest in names(&blob) {
            for diff_id in names(&plain) {
                let layer = read_as(&blob, Some(&digest), Some(&diff_id)).expect("the layer is what it is named");
                assert_eq!((layer.digest, layer.diff_id), (digest, diff_id));
            }
        }
    }
}

#[test]
fn what_comes_before_damage_is_read_first() {
    // Larger than what is read at once, so that the damage is far behind the first entry that is wrong.
    let large: String =
        (0..600_000_u32).map(|number| char::from(b'a' + (number.wrapping_mul(7919) % 26) as u8)).collect();
    let mut archive = tar(&[file("a", &*large), file("b", &*large), file("c", &*large)]);
    let whole = gzip(&archive);
    check_refused(
        &whole[..whole.len() - whole.len() / 16],
        "failed to read the layer: failed to walk the archive: failed to read the tar stream: incomplete deflate stream",
    );
    archive[512 + 600_064] = b'x';
    let damaged = gzip(&archive);
    check_refused(
        &damaged[..damaged.len() - damaged.len() / 16],
        "failed to read the layer: failed to walk the archive: a tar header at byte 600576 is damaged: its checksum does not agree",
    );
}

#[test]
fn damaged_archives_are_refused() {
    let whole = tar(&[file("etc/os-release", OS_RELEASE)]);
    check_refused(
        &whole[..520],
        "failed to read the layer: failed to read `etc/os-release` in the archive: unexpected end of file",
    );
    check_refused(
        &whole[..100],
        "failed to read the layer: failed to walk the archive: failed to read the tar stream: unexpected end of file",
    );
    let mut sum = whole.clone();
    sum[0] = b'f';
    check_refused(
        &sum,
        "failed to read the layer: failed to walk the archive: a tar header at byte 0 is damaged: its checksum does not agree",
    );
    let mut number = whole.clone();
    number[124] = b'9';
    archive::seal(&mut number[..512]);
    check_refused(
        &number,
        "failed to read the layer: failed to walk the archive: a tar header at byte 0 holds a number that cannot be read",
    );
    let cut = gzip(&whole);
    check_refused(
        &cut[..cut.len() / 2],
        "failed to read the layer: failed to walk the archive: failed to read the tar stream: incomplete deflate stream",
    );
}

#[test]
fn a_path_may_have_4096_bytes() {
    let layer = |len: usize| {
        let path = "a".repeat(len);
        [archive::header(path.as_bytes(), b'0', 0, ""), vec![0; 1024]].concat()
    };
    assert_eq!(read(&layer(4095)).expect("fits").record.len(), 1);
    assert_eq!(read(&layer(4096)).expect("fits").record.len(), 1);
    check_refused(
        &layer(4097),
        "failed to read the layer: failed to walk the archive: a tar header at byte 5120 holds a path of more than 4096 bytes",
    );
}

#[test]
fn an_extended_header_may_have_a_mebibyte() {
    let layer = |len: usize| {
        let value = "v".repeat(len);
        [archive::pax(&[("comment", &value)]), archive::header(b"a", b'0', 0, ""), vec![0; 1024]].concat()
    };
    // The record's own length, key and line end take 17 bytes.
    assert_eq!(read(&layer((1 << 20) - 17)).expect("fits").record.len(), 1);
    check_refused(
        &layer((1 << 20) - 16),
        "failed to read the layer: failed to walk the archive: an extended tar header at byte 0 has 1048577 bytes, the limit is 1048576",
    );
}

#[test]
fn names_and_sizes_of_extended_headers_count() {
    let body = OS_RELEASE.as_bytes();
    let size = body.len().to_string();
    let mut blob = archive::pax(&[("path", "etc/os-release"), ("size", &size)]);
    blob.extend(archive::header(b"short", b'0', 0, ""));
    archive::append(&mut blob, body);
    blob.extend(archive::header(b"next", b'0', 0, ""));
    blob.extend([0; 1024]);
    assert_eq!(read(&blob).expect("the layer is whole").record.len(), 2);
}

#[test]
fn a_path_that_leaves_the_image_is_reported_and_left_out() {
    let layer = read(&tar(&[file("../etc/os-release", "x"), file("a/../../b", "x"), file("./a//b/../c", "x")]))
        .expect("the layer is whole");
    assert_eq!(layer.record.len(), 1);
}

/// A file in the old form of GNU's tar, of a size, of which some bytes are stored at an offset.
fn old_sparse(path: &[u8], mode: &[u8], size: &str, offset: &str, stored: &[u8]) -> Vec<u8> {
    let mut block = archive::header(path, b'S', stored.len() as u64, "");
    block[100..107].copy_from_slice(mode);
    block[257..265].copy_from_slice(b"ustar  \0");
    block[386..397].copy_from_slice(offset.as_bytes());
    block[398..409].copy_from_slice(format!("{:011o}", stored.len()).as_bytes());
    block[483..494].copy_from_slice(size.as_bytes());
    archive::seal(&mut block);
    archive::append(&mut block, stored);
    block
}

/// A file with an extended header.
fn extended(records: &[(&str, &str)], path: &[u8], stored: &[u8]) -> Vec<u8> {
    let mut bytes = archive::pax(records);
    bytes.extend(archive::header(path, b'0', stored.len() as u64, ""));
    archive::append(&mut bytes, stored);
    bytes
}

/// Reads a layer; returns how many bytes are kept, and what is told.
#[track_caller]
fn check_sparse(entries: &[Vec<u8>], kept_bytes: u64, told: &[&str]) {
    let bytes = [entries.concat(), tar(&[])].concat();
    let record = read(&bytes).expect("the layer is whole").record;
    let subject = component::Subject::Image { name: String::new(), digest: String::new(), platform: None };
    let source = sbom::Source { subject, layers: Vec::new(), records: &[&record], created: None };
    let unknowns = sbom::inventory(source, &matcher(), sbom::LayerScope::Squashed).unknowns;
    let reasons: Vec<String> =
        unknowns.iter().map(|unknown| format!("{}: {}", unknown.location.path, unknown.reason)).collect();
    assert_eq!(
        (record.kept_bytes(), &*reasons),
        (kept_bytes, &*told.iter().map(ToString::to_string).collect::<Vec<_>>())
    );
    assert!(unknowns.iter().all(sbom::hides_packages));
}

#[test]
fn sparse_files_are_read_with_their_holes() {
    let list = "var/lib/dpkg/info/a.list";
    // The old form of GNU's tar, of a file of a kilobyte of which four bytes are stored.
    let old = old_sparse(list.as_bytes(), b"0000644", "00000002000", "00000001000", b"text");
    check_sparse(std::slice::from_ref(&old), 1024, &[]);
    // Its map goes on behind the header.
    let mut long = old[..512].to_vec();
    long[482] = 1;
    long[483..494].copy_from_slice(b"00000010000");
    long[124..135].copy_from_slice(b"00000000006");
    archive::seal(&mut long);
    let mut more = [0; 512];
    more[..11].copy_from_slice(b"00000007776");
    more[12..23].copy_from_slice(b"00000000002");
    long.extend(more);
    archive::append(&mut long, b"text..");
    check_sparse(&[long], 4096, &[]);
    // The forms of extended headers: 0.0 and 0.1 have the map there, 1.0 before the bytes, which may so be as many as the file has.
    let zero_zero = [
        ("GNU.sparse.size", "1024"),
        ("GNU.sparse.numblocks", "2"),
        ("GNU.sparse.offset", "512"),
        ("GNU.sparse.numbytes", "2"),
        ("GNU.sparse.offset", "1022"),
        ("GNU.sparse.numbytes", "2"),
    ];
    check_sparse(&[extended(&zero_zero, list.as_bytes(), b"text")], 1024, &[]);
    let zero_one = [("GNU.sparse.size", "1024"), ("GNU.sparse.numblocks", "1"), ("GNU.sparse.map", "512,4")];
    check_sparse(&[extended(&zero_one, list.as_bytes(), b"text")], 1024, &[]);
    let map_before = [b"1\n0\n4\n".as_slice(), &[0; 506], b"text"].concat();
    let one_zero = [
        ("GNU.sparse.major", "1"),
        ("GNU.sparse.minor", "0"),
        ("GNU.sparse.name", list),
        ("GNU.sparse.realsize", "516"),
    ];
    check_sparse(&[extended(&one_zero, b"var/lib/dpkg/info/GNUSparseFile.0/a.list", &map_before)], 516, &[]);
    // Nobody wants it, unless by the name of a link.
    let disk = old_sparse(b"disk.img", b"0000644", "00000002000", "00000001000", b"text");
    check_sparse(std::slice::from_ref(&disk), 0, &[]);
    let link = tar(&[Entry::HardLink(list, "disk.img")]);
    check_sparse(&[disk, link], 1024, &[]);
}

#[test]
fn sparse_files_that_cannot_be_put_together_are_told() {
    // The stored bytes lie beyond the file's end.
    let old = |path: &[u8], mode: &[u8]| old_sparse(path, mode, "00000001003", "00000001000", b"text");
    let unclear = |version: &str, path: &str, stored: &[u8]| {
        let records = [
            ("GNU.sparse.major", version),
            ("GNU.sparse.minor", "0"),
            ("GNU.sparse.name", path),
            ("GNU.sparse.realsize", "516"),
        ];
        extended(&records, b"GNUSparseFile.0/x", stored)
    };
    // Of what no header says where it belongs.
    let no_map = extended(&[("GNU.sparse.size", "1024")], b"lib/apk/db/installed", b"text");
    let link = tar(&[Entry::HardLink("app/package-lock.json", "app/disk.img")]);
    check_sparse(
        &[
            old(b"app/library.jar", b"0000644"),
            old(b"app/program", b"0000755"),
            old(b"app/disk.img", b"0000644"),
            unclear("1", "app/Cargo.lock", b"1\n0\n4\n"),
            unclear("2", "app/yarn.lock", b"text"),
            no_map,
            link,
        ],
        0,
        &[
            "/app/Cargo.lock: a sparse file whose map of holes is not understood",
            "/app/library.jar: a sparse file whose map of holes is not understood",
            "/app/package-lock.json: a hard link to `app/disk.img`, whose bytes were not kept",
            "/app/program: a sparse file whose map of holes is not understood",
            "/app/yarn.lock: a sparse file whose map of holes is not understood",
            "/lib/apk/db/installed: a sparse file whose map of holes is not understood",
        ],
    );
}

#[test]
fn a_sparse_file_takes_no_more_than_another() {
    let claimed = |path: &str, size: &str| {
        let records = [("GNU.sparse.size", size), ("GNU.sparse.numblocks", "1"), ("GNU.sparse.map", "0,4")];
        extended(&records, path.as_bytes(), b"text")
    };
    // 2^60 bytes cost four.
    check_sparse(
        &[claimed("app/Cargo.lock", "1152921504606846976"), claimed("disk.img", "1152921504606846976")],
        0,
        &["/app/Cargo.lock: 1152921504606846976 bytes, the limit for such a file is 33554432"],
    );
}

const LOCK: &str = "version = 3\n\n[[package]]\nname = \"a\"\nversion = \"0.1.0\"\n";

/// Reads a layer; returns how often it was opened, of how many bytes something was kept, and what is told.
#[track_caller]
fn check_links(entries: &[Entry], opened: usize, kept_bytes: usize, told: &[&str]) {
    let blob = gzip(&tar(entries));
    let matcher = matcher();
    let allowance = Allowance::new(tempfile::tempfile);
    let mut times = 0;
    let open = || {
        times += 1;
        Ok::<_, Error>(&*blob)
    };
    let record = read_layer(open, None, None, &matcher, &allowance).expect("the layer is whole").record;
    assert_eq!(read(&blob).expect("the layer is whole").record.to_bytes(), record.to_bytes());
    let subject = component::Subject::Image { name: String::new(), digest: String::new(), platform: None };
    let source = sbom::Source { subject, layers: Vec::new(), records: &[&record], created: None };
    let unknowns = sbom::inventory(source, &matcher, sbom::LayerScope::Squashed).unknowns;
    let reasons: Vec<String> =
        unknowns.iter().map(|unknown| format!("{}: {}", unknown.location.path, unknown.reason)).collect();
    assert_eq!(
        (times, record.kept_bytes(), &*reasons),
        (opened, kept_bytes as u64, &*told.iter().map(ToString::to_string).collect::<Vec<_>>())
    );
    let mut links = unknowns.iter().filter(|unknown| unknown.reason.starts_with("a hard link"));
    assert!(links.all(sbom::hides_packages));
}

#[test]
fn a_hard_link_has_the_bytes_of_what_nobody_wants_by_its_own_name() {
    let store = file("store/5b", LOCK);
    let link = |path, target| Entry::HardLink(path, target);
    let lock = LOCK.len();
    // Nothing of it is wanted twice.
    check_links(&[file("a/Cargo.lock", LOCK)], 1, lock, &[]);
    check_links(
        &[file("a/Cargo.lock", LOCK), link("b/Cargo.lock", "a/Cargo.lock"), link("c", "a/Cargo.lock")],
        1,
        3 * lock,
        &[],
    );
    check_links(&[store.clone(), link("b/5b", "store/5b")], 1, 0, &[]);
    // What its own name brought to nothing is not tried again.
    check_links(
        &[file("a.jar", "x"), link("b.jar", "a.jar")],
        1,
        0,
        &["/a.jar: not a zip archive, or one that is cut off: it has no central directory"],
    );
    // The bytes have passed.
    check_links(&[store.clone(), link("a/Cargo.lock", "store/5b")], 2, lock, &[]);
    check_links(&[store.clone(), link("./a/Cargo.lock", "/store/./5b")], 2, lock, &[]);
    check_links(&[store.clone(), link("a/Cargo.lock", "store/5b"), link("b/Cargo.lock", "store/5b")], 2, 2 * lock, &[]);
    // Links to links.
    check_links(&[store.clone(), link("c", "store/5b"), link("a/Cargo.lock", "c")], 2, lock, &[]);
    check_links(
        &[store.clone(), link("a/Cargo.lock", "store/5b"), link("b/Cargo.lock", "a/Cargo.lock")],
        2,
        2 * lock,
        &[],
    );
    // It is what stood there when the link was made, and whiteouts stand for nothing.
    check_links(
        &[
            file(".wh.gone", ""),
            Entry::Directory("./"),
            store.clone(),
            link("a/Cargo.lock", "store/5b"),
            file("store/5b", "other"),
        ],
        2,
        lock,
        &[],
    );
    check_links(&[file("store/5b", "other"), store.clone(), link("a/Cargo.lock", "store/5b")], 2, lock, &[]);
    check_links(&[store.clone(), link("store/5b", "store/5b"), link("a/Cargo.lock", "store/5b")], 2, lock, &[]);
    // A link to a link is that.
    check_links(&[Entry::Symlink("l", "/store/5b"), store.clone(), link("a/Cargo.lock", "l")], 2, lock, &[]);
    // What is not there cannot be read.
    check_links(
        &[
            link("a/Cargo.lock", "store/5b"),
            store,
            link("b/Cargo.lock", "../x"),
            Entry::Directory("d"),
            link("c/Cargo.lock", "d"),
        ],
        1,
        0,
        &[
            "/a/Cargo.lock: a hard link to `store/5b`, whose bytes were not kept",
            "/b/Cargo.lock: a hard link to `../x`, whose bytes were not kept",
        ],
    );
}

#[test]
fn a_symbolic_link_has_the_bytes_of_what_nobody_wants_by_its_own_name() {
    let store = file("store/5b", LOCK);
    let link = |path, target| Entry::Symlink(path, target);
    let lock = LOCK.len();
    check_links(&[store.clone(), link("a/Cargo.lock", "../store/5b")], 2, lock, &[]);
    check_links(&[link("a/Cargo.lock", "/store/5b"), store.clone()], 2, lock, &[]);
    // It is kept once, as the file's own, whatever leads to it.
    check_links(
        &[store.clone(), link("a/Cargo.lock", "../store/5b"), link("b", "store"), link("c/Cargo.lock", "../b/5b")],
        2,
        lock,
        &[],
    );
    check_links(
        &[store.clone(), link("a/Cargo.lock", "../store/5b"), Entry::HardLink("b/Cargo.lock", "store/5b")],
        2,
        2 * lock,
        &[],
    );
    check_links(&[file("b/Cargo.lock", LOCK), link("a/Cargo.lock", "../b/Cargo.lock")], 1, lock, &[]);
    // What the path means once all is unpacked.
    check_links(&[file("store/5b", "other"), link("a/Cargo.lock", "../store/5b"), store.clone()], 2, lock, &[]);
    // What another cataloger reads by its own name.
    let lock_too = "{\"name\": \"a\", \"lockfileVersion\": 3}";
    check_links(
        &[file("a/package.json", lock_too), link("package-lock.json", "a/package.json")],
        1,
        lock_too.len(),
        &[],
    );
    // A folder that package managers know by another name.
    let status = "Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n";
    let moved = [file("opt/dp/status", status), file("opt/dp/info/a.list", "/.\n"), file("opt/dp/lock", "")];
    let folder = |target| [&moved[..], &[link("var/lib/dpkg", target)]].concat();
    check_links(&folder("../../opt/dp"), 2, status.len() + 3, &[]);
    check_links(&folder("/opt/../opt/dp/"), 2, status.len() + 3, &[]);
    // Nobody wants it, it leads nowhere, to a folder, in a circle.
    check_links(&[store.clone(), link("a/lock", "../store/5b")], 1, 0, &[]);
    check_links(&[store.clone(), link("a/Cargo.lock", "../gone")], 1, 0, &[]);
    check_links(&[store.clone(), link("a/Cargo.lock", "../store")], 1, 0, &[]);
    check_links(&[store, link("a/Cargo.lock", "../b/Cargo.lock"), link("b/Cargo.lock", "../a/Cargo.lock")], 1, 0, &[]);
    check_links(&[link("var/lib/dpkg", "."), file("var/lib/status", "")], 2, 0, &[]);
    check_links(&[link("var/lib/dpkg", "dpkg/x"), file("var/lib/status", "")], 1, 0, &[]);
    let root = "/var/lib/dpkg/status: it leads to `/status`, which is not read";
    check_links(&[link("var/lib/dpkg", "/"), file("status", "")], 1, 0, &[root]);
}

#[test]
fn a_layer_that_changes_before_it_is_read_again_is_refused() {
    let blobs =
        [LOCK, "version = 3\n"].map(|text| gzip(&tar(&[file("store", text), Entry::HardLink("Cargo.lock", "store")])));
    let allowance = Allowance::new(tempfile::tempfile);
    let mut blobs = blobs.iter();
    let open = || Ok::<_, Error>(&**blobs.next().expect("it is opened twice"));
    let error = read_layer(open, None, None, &matcher(), &allowance).err().map(|error| told(&error));
    assert!(error.as_deref().is_some_and(|error| error.starts_with("the layer's blob has the digest")), "{error:?}");
}
