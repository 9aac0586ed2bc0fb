//! Input: a byte that chooses the kind of file, and the file: `pom.xml`, Gradle's lock, `pom.properties` or a manifest.
//!
//! Whatever is read names components with names, and reading it again gives the same.

#![no_main]

use std::sync::LazyLock;

use garrison_fuzz::Catalogers;
use libfuzzer_sys::fuzz_target;

static CATALOGERS: LazyLock<[Catalogers; 3]> =
    LazyLock::new(|| ["java-pom", "gradle-lock", "java-archive"].map(|name| Catalogers::new(&[name])));

fuzz_target!(|input: &[u8]| {
    let Some((kind, text)) = input.split_first() else { return };
    let archive;
    let (place, path, bytes) = match kind % 4 {
        0 => (0, "/project/pom.xml", text),
        1 => (1, "/project/gradle.lockfile", text),
        2 => (2, "/app/META-INF/maven/g/a/pom.properties", text),
        _ => {
            archive = stored("META-INF/MANIFEST.MF", text);
            (2, "/app/lib.jar", archive.as_slice())
        }
    };
    let catalogers: &Catalogers = &CATALOGERS[place];
    let inventory = catalogers.read(&[(path, bytes)]);
    assert!(inventory.components.iter().all(|component| !component.name.is_empty()));
    assert_eq!(catalogers.read(&[(path, bytes)]), inventory);
});

/// Returns an archive with one member.
fn stored(name: &str, bytes: &[u8]) -> Vec<u8> {
    let len = (bytes.len() as u32).to_le_bytes();
    let fields = [
        [20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0].as_slice(),
        &len,
        &len,
        &(name.len() as u16).to_le_bytes(),
        &[0, 0],
    ]
    .concat();
    let mut archive = [b"PK\x03\x04", fields.as_slice(), name.as_bytes(), bytes].concat();
    let directory_at = (archive.len() as u32).to_le_bytes();
    let directory = [b"PK\x01\x02\x14\0", fields.as_slice(), &[0; 14], name.as_bytes()].concat();
    archive.extend(&directory);
    archive.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    archive.extend((directory.len() as u32).to_le_bytes());
    archive.extend(directory_at);
    archive.extend([0, 0]);
    archive
}
