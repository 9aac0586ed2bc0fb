//! One image, written in every form there is: what is in it is the same.

use std::path::Path;

use images::{Local, Select};
use serde_json::{Value, json};

use crate::build::{self, Built, Entry, Packing, file};
use crate::{any, inventory, open};

fn layers() -> Vec<Vec<Entry>> {
    let status = "Package: libc6\nStatus: install ok installed\nVersion: 2.36-9\nArchitecture: amd64\n\n";
    vec![
        vec![
            file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
            file("var/lib/dpkg/status", status),
            file("app/node_modules/gone/package.json", r#"{"name":"gone","version":"1.0.0"}"#),
        ],
        vec![
            file("app/.wh.node_modules", ""),
            Entry::Symlink("app/link", "/etc/os-release"),
            file(
                "app/package-lock.json",
                r#"{"name":"app","lockfileVersion":3,"packages":{"node_modules/a":{"version":"1.2.3"}}}"#,
            ),
        ],
    ]
}

/// Checks that what is at a place is the image, under each name that it may be opened by.
fn check(locals: &[Local], expected: &str, built: &Built) {
    for local in locals {
        let image = open(local, None).unwrap();
        assert_eq!(inventory(&image).as_deref(), Ok(expected), "{local:?}");
        assert_eq!(image.platform.to_string(), "linux/amd64");
        assert_eq!(image.created.as_deref(), Some("2024-05-06T07:08:09Z"));
        assert_eq!(image.layers[1].created_by.as_deref(), Some("COPY . /"));
        let has_manifest = image.layers.iter().all(|layer| layer.digest.is_some());
        let digest = if has_manifest { built.digest().to_owned() } else { build::sha256(&built.config) };
        assert_eq!(image.digest.to_string(), digest, "{local:?}");
    }
}

fn archives(path: &Path) -> [Local; 3] {
    let (any_path, select) = any(path);
    [
        Local::OciArchive(any_path.clone(), select),
        Local::OciArchive(any_path.clone(), Select::Name("1.0".to_owned())),
        Local::Path(any_path),
    ]
}

#[test]
fn every_source_of_an_image_gives_the_same_inventory() {
    let place = tempfile::tempdir().unwrap();
    let plain = build::image(&layers(), Packing::Plain, "linux/amd64");
    let mut expected = None;
    for packing in [Packing::Plain, Packing::Gzip, Packing::Zstd] {
        let built = build::image(&layers(), packing, "linux/amd64");
        let mut entry = built.descriptor.clone();
        entry["annotations"] = json!({"org.opencontainers.image.ref.name": "1.0"});
        let files = build::layout(&[entry], &built.blobs);

        let directory = place.path().join(format!("layout {packing:?}"));
        build::write_directory(&directory, &files);
        let in_directory = Local::OciLayout(directory.clone(), Select::Any);
        let expected = expected.get_or_insert_with(|| inventory(&open(&in_directory, None).unwrap()).unwrap());
        assert!(expected.contains("libc6@2.36-9") && expected.contains("npm a@1.2.3"), "{expected}");
        assert!(!expected.contains("gone"), "{expected}");
        let by_name = Local::OciLayout(directory.clone(), Select::Name("1.0".to_owned()));
        let by_digest = Local::OciLayout(directory.clone(), Select::Digest(built.digest().parse().unwrap()));
        check(&[in_directory, by_name, by_digest, Local::Path(directory)], expected, &built);

        let archive = build::archive(&files);
        for (name, bytes) in [("tar", archive.clone()), ("gz", build::gzip(&archive)), ("zst", build::zstd(&archive))] {
            let path = place.path().join(format!("archive {packing:?}.{name}"));
            std::fs::write(&path, bytes).unwrap();
            check(&archives(&path), expected, &built);
        }
        // As docker writes it today: both in one.
        let both = [files, build::docker(&[(&plain, &["team/api:1.0"])])].concat();
        let path = place.path().join(format!("both {packing:?}.tar"));
        std::fs::write(&path, build::archive(&both)).unwrap();
        let docker = Local::DockerArchive(path.clone(), Select::Name("1.0".to_owned()));
        check(&[docker, Local::Path(path)], expected, &built);
    }
    let expected = expected.unwrap();

    let docker = build::archive(&build::docker(&[(&plain, &["team/api:1.0"])]));
    for (name, bytes) in [("tar", docker.clone()), ("tar.gz", build::gzip(&docker))] {
        let path = place.path().join(format!("docker.{name}"));
        std::fs::write(&path, bytes).unwrap();
        let by_name = ["1.0", "api:1.0", "team/api:1.0"].map(|name| Select::Name(name.to_owned()));
        let by_digest = Select::Digest(build::sha256(&plain.config).parse().unwrap());
        for select in by_name.into_iter().chain([by_digest, Select::Any]) {
            check(&[Local::DockerArchive(path.clone(), select)], &expected, &plain);
        }
        check(&[Local::Path(path)], &expected, &plain);
    }
}

#[test]
fn a_layer_that_another_image_has_may_be_a_link_in_the_archive() {
    let plain = build::image(&layers(), Packing::Plain, "linux/amd64");
    let mut files = build::docker(&[(&plain, &["api:1"])]);
    let (first, body) = files.remove(0);
    let mut bytes = Vec::new();
    build::add(&mut bytes, "other/layer.tar", b'0', &body, "");
    build::add(&mut bytes, &first, b'2', &[], "../other/layer.tar");
    bytes.extend(build::archive(&files));
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("docker.tar");
    std::fs::write(&path, bytes).unwrap();
    let image = open(&Local::DockerArchive(path, Select::Any), None).unwrap();
    assert!(inventory(&image).unwrap().contains("libc6"));
}

fn written(place: &Path, entries: &[Value], images: &[&Built], more: &[(String, Vec<u8>)]) -> Local {
    let blobs: Vec<_> = images.iter().flat_map(|built| built.blobs.clone()).chain(more.iter().cloned()).collect();
    let directory = place.join("layout");
    build::write_directory(&directory, &build::layout(entries, &blobs));
    Local::OciLayout(directory, Select::Any)
}

#[test]
fn the_platform_decides_among_several() {
    let place = tempfile::tempdir().unwrap();
    let platforms = ["linux/amd64", "linux/arm64", "linux/arm/v6", "linux/arm/v7", "linux/s390x"];
    let images: Vec<Built> = platforms.map(|platform| build::image(&layers(), Packing::Gzip, platform)).into();
    let attestation = json!({
        "mediaType": build::OCI_MANIFEST, "digest": images[0].digest(), "size": 1, "platform": {"os": "unknown", "architecture": "unknown"},
    });
    let entries: Vec<Value> = images.iter().map(|built| built.descriptor.clone()).chain([attestation]).collect();
    let index = json!({"schemaVersion": 2, "mediaType": build::OCI_INDEX, "manifests": entries});
    let index = serde_json::to_vec(&index).unwrap();
    let root = build::descriptor(build::OCI_INDEX, &index);
    let local = written(place.path(), &[root], &images.iter().collect::<Vec<_>>(), &[(build::sha256(&index), index)]);
    for (wanted, expected) in
        [("linux/amd64", 0), ("linux/arm64/v8", 1), ("linux/arm/v6", 2), ("linux/arm", 3), ("linux/s390x", 4)]
    {
        let image = open(&local, Some(wanted)).unwrap();
        assert_eq!(image.digest.to_string(), images[expected].digest(), "{wanted}");
    }
    let host = images::host_platform();
    let expected = platforms.iter().position(|platform| *platform == host.to_string()).unwrap();
    assert_eq!(open(&local, None).unwrap().digest.to_string(), images[expected].digest());
    insta::assert_snapshot!(
        open(&local, Some("linux/riscv64")).unwrap_err().replace(&*place.path().to_string_lossy(), "~"),
        @"`~/layout` is not for linux/riscv64; hint: `--platform` takes one of: linux/amd64, linux/arm64, linux/arm/v6, linux/arm/v7, linux/s390x"
    );
}

#[test]
fn a_single_image_is_taken_for_whatever_platform_it_is() {
    let place = tempfile::tempdir().unwrap();
    let built = build::image(&layers(), Packing::Gzip, "linux/s390x");
    let local = written(place.path(), std::slice::from_ref(&built.descriptor), &[&built], &[]);
    assert_eq!(open(&local, None).unwrap().platform.to_string(), "linux/s390x");
    let refused = open(&local, Some("linux/amd64")).unwrap_err();
    assert!(refused.ends_with("is not for linux/amd64; hint: `--platform` takes one of: linux/s390x"), "{refused}");
}

#[test]
fn an_index_that_tells_no_platform_is_asked_for_configurations() {
    let place = tempfile::tempdir().unwrap();
    let images = ["linux/amd64", "linux/arm64"].map(|platform| build::image(&layers(), Packing::Gzip, platform));
    let entries = images.each_ref().map(|built| {
        let mut entry = built.descriptor.clone();
        entry.as_object_mut().unwrap().remove("platform");
        entry
    });
    let local = written(place.path(), &entries, &images.iter().collect::<Vec<_>>(), &[]);
    let image = open(&local, Some("linux/arm64")).unwrap();
    assert_eq!(image.digest.to_string(), images[1].digest());
}
