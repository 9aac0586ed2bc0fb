//! Input: the documents of an archive of an image, parted by bytes that no text has (0xff): its list of images, then blobs, whose digest and size
//! the documents before them name as `<1>` and `<1s>`, so that what is mutated is reached in spite of digests.
//!
//! Opening the archive twice gives the same image; its layers are within their limit, and each can be opened or says why not.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use images::{Local, Opened, Select};
use libfuzzer_sys::fuzz_target;
use oci::image_config::LAYERS_MAX;
use oci::{Algorithm, Digest};

/// One file for all inputs, in a directory of this process alone.
static ARCHIVE: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory = std::env::temp_dir().join(format!("garrison-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory can be made");
    directory.join("image.tar")
});

/// More would only make inputs slower.
const PARTS_MAX: usize = 8;

fuzz_target!(|input: &[u8]| {
    let mut parts: Vec<Vec<u8>> = input.split(|byte| *byte == 0xff).take(PARTS_MAX).map(<[u8]>::to_vec).collect();
    // From the last to the first: what is named must be whole before.
    let mut digests = vec![String::new(); parts.len()];
    for index in (0..parts.len()).rev() {
        for later in index + 1..parts.len() {
            let size = parts[later].len().to_string();
            parts[index] = replaced(&parts[index], &format!("<{later}>"), &digests[later]);
            parts[index] = replaced(&parts[index], &format!("<{later}s>"), &size);
        }
        let hash = digest(&SHA256, &parts[index]);
        digests[index] = Digest::new(Algorithm::Sha256, hash.as_ref()).expect("a hash has its length").to_string();
    }

    let list = parts.first().map_or(&[][..], Vec::as_slice);
    let mut tar = Vec::new();
    // A list is of Docker's kind where it is an array, as that demands; blobs are called by their number there.
    let is_docker = list.trim_ascii_start().first() == Some(&b'[');
    if is_docker {
        entry(&mut tar, "manifest.json", list);
    } else {
        entry(&mut tar, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
        entry(&mut tar, "index.json", list);
    }
    for (index, (blob, digest)) in parts.iter().zip(&digests).enumerate().skip(1) {
        let name = if is_docker { index.to_string() } else { format!("blobs/{}", digest.replace(':', "/")) };
        entry(&mut tar, &name, blob);
    }
    tar.extend([0; 1024]);
    std::fs::write(&*ARCHIVE, tar).expect("the archive can be written");

    let archives = [Local::OciArchive, Local::DockerArchive].map(|kind| kind(ARCHIVE.clone(), Select::Any));
    for archive in archives.into_iter().chain([Local::Path(ARCHIVE.clone())]) {
        let Ok(Opened::Image(image)) = archive.open(None) else { continue };
        let Ok(Opened::Image(again)) = archive.open(None) else { panic!("it was opened before") };
        assert_eq!(format!("{:?}", image.layers), format!("{:?}", again.layers));
        assert_eq!((&image.digest, &image.platform), (&again.digest, &again.platform));
        assert!(image.layers.len() <= LAYERS_MAX);
        for layer in &image.layers {
            let _may_be_absent = image.open_layer(layer);
        }
    }
});

fn replaced(bytes: &[u8], wanted: &str, by: &str) -> Vec<u8> {
    let mut result = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(wanted.len()).position(|window| window == wanted.as_bytes()) {
        result.extend(&rest[..at]);
        result.extend(by.as_bytes());
        rest = &rest[at + wanted.len()..];
    }
    result.extend(rest);
    result
}

/// Writes an entry of a ustar archive.
fn entry(tar: &mut Vec<u8>, path: &str, body: &[u8]) {
    let mut block = [0_u8; 512];
    block[..path.len()].copy_from_slice(path.as_bytes());
    block[100..107].copy_from_slice(b"0000644");
    block[124..135].copy_from_slice(format!("{:011o}", body.len()).as_bytes());
    block[148..156].fill(b' ');
    block[156] = b'0';
    block[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    tar.extend(block);
    tar.extend(body);
    tar.resize(tar.len().next_multiple_of(512), 0);
}
