//! Archives that somebody damaged at random: what they hold is refused or read, and nothing else happens.

use images::Local;
use proptest::prelude::*;

use crate::build::{self, Packing, file};
use crate::{inventory, open};

/// An archive of both kinds, so that a change may hit either.
fn archive() -> Vec<u8> {
    let built = build::image(&[vec![file("etc/os-release", "ID=alpine\n")]], Packing::Plain, "linux/amd64");
    let files = [
        build::layout(std::slice::from_ref(&built.descriptor), &built.blobs),
        build::docker(&[(&built, &["team/api:1.0"])]),
    ];
    build::archive(&files.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_damaged_archive_is_refused_or_read(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
        packing in 0..3,
    ) {
        let mut bytes = archive();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            // Checksums agree, so that the change is looked at.
            let block = at / 512 * 512;
            if bytes[block + 257..block + 262] == *b"ustar" {
                build::seal(&mut bytes[block..block + 512]);
            }
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let bytes = match packing {
            0 => bytes,
            1 => build::gzip(&bytes),
            _ => build::zstd(&bytes),
        };
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("x.tar");
        std::fs::write(&path, bytes).unwrap();
        for local in [
            Local::Path(path.clone()),
            Local::OciArchive(path.clone(), images::Select::Any),
            Local::DockerArchive(path, images::Select::Any),
        ] {
            // Either is right; a panic is not.
            let _read_or_refused = open(&local, None).and_then(|image| inventory(&image));
        }
    }
}
