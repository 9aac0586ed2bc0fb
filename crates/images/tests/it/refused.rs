//! What is broken, hostile or not there.

use std::os::unix::fs::symlink;
use std::path::Path;

use images::{ARCHIVE_ENTRIES_MAX, Local, Select};
use serde_json::{Value, json};

use crate::build::{self, Built, Packing, file};
use crate::{inventory, open};

fn built() -> Built {
    let layers = [vec![file("etc/os-release", "ID=alpine\n")], vec![file("app/a", "a")]];
    build::image(&layers, Packing::Gzip, "linux/amd64")
}

/// Opens a layout and reads the image in it; returns what a person would be told.
fn layout_says(entries: &[Value], blobs: &[(String, Vec<u8>)]) -> String {
    let place = tempfile::tempdir().unwrap();
    build::write_directory(place.path(), &build::layout(entries, blobs));
    says(&Local::OciLayout(place.path().to_owned(), Select::Any), place.path())
}

fn archive_says(bytes: &[u8]) -> String {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("x.tar");
    std::fs::write(&path, bytes).unwrap();
    says(&Local::DockerArchive(path, Select::Any), place.path())
}

fn says(local: &Local, place: &Path) -> String {
    let said = match open(local, None).and_then(|image| inventory(&image)) {
        Ok(_) => "taken".to_owned(),
        Err(error) => error,
    };
    shortened(&said.replace(&*place.to_string_lossy(), "~"))
}

/// Shortens digests: their beginning tells them apart.
pub(crate) fn shortened(text: &str) -> String {
    let mut parts = text.split("sha256:");
    let mut short = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|character: char| !character.is_ascii_hexdigit()).unwrap_or(part.len());
        short.push_str("sha256:");
        short.push_str(if end > 6 { "…" } else { &part[..end] });
        short.push_str(&part[end..]);
    }
    short
}

/// An image with a change in one of its blobs: the configuration is the first, then come the layers, the manifest is the last.
fn damaged(change: impl Fn(&mut Vec<(String, Vec<u8>)>)) -> String {
    let built = built();
    let mut blobs = built.blobs.clone();
    change(&mut blobs);
    layout_says(std::slice::from_ref(&built.descriptor), &blobs)
}

#[test]
fn damaged_blobs() {
    let said = [
        ("manifest", damaged(|blobs| blobs.last_mut().unwrap().1.push(b' '))),
        ("configuration", damaged(|blobs| blobs[0].1.push(b' '))),
        ("layer", damaged(|blobs| blobs[1].1.push(0))),
        ("layer cut", damaged(|blobs| blobs[1].1.truncate(30))),
        ("no manifest", damaged(|blobs| drop(blobs.pop()))),
        ("no configuration", damaged(|blobs| drop(blobs.remove(0)))),
        ("no layer", damaged(|blobs| drop(blobs.remove(2)))),
    ];
    let said: Vec<String> = said.into_iter().map(|(what, said)| format!("{what}: {said}")).collect();
    insta::assert_snapshot!(said.join("\n"), @"
    manifest: `~` has sha256:… in the place of sha256:…
    configuration: `~` has sha256:… in the place of sha256:…
    layer: failed to read the layer; failed to walk the archive; failed to read the tar stream; unexpected end of file
    layer cut: failed to read the layer; failed to walk the archive; failed to read the tar stream; incomplete deflate stream
    no manifest: sha256:… is not in `~`
    no configuration: sha256:… is not in `~`
    no layer: sha256:… is not in `~`
    ");
}

#[test]
fn documents_that_disagree() {
    let with = |change: &dyn Fn(&mut Value, &mut Value)| {
        let mut built = built();
        let mut config: Value = serde_json::from_slice(&built.config).unwrap();
        change(&mut built.manifest, &mut config);
        let config = serde_json::to_vec(&config).unwrap();
        built.blobs.push((build::sha256(&config), config.clone()));
        let media_type = built.manifest["config"]["mediaType"].as_str().unwrap().to_owned();
        built.manifest["config"] = build::descriptor(&media_type, &config);
        let built = built.sealed("linux/amd64");
        layout_says(std::slice::from_ref(&built.descriptor), &built.blobs)
    };
    let other = format!("sha256:{}", "0".repeat(64));
    let said = [
        ("as it was", with(&|_, _| ())),
        ("wrong diff-ID", with(&|_, config| config["rootfs"]["diff_ids"][1] = other.clone().into())),
        ("a layer too many", with(&|_, config| config["rootfs"]["diff_ids"] = json!([other]))),
        ("no root file system", with(&|_, config| drop(config.as_object_mut().unwrap().remove("rootfs")))),
        (
            "an artifact",
            with(&|manifest, _| manifest["config"]["mediaType"] = "application/vnd.cncf.helm.config.v1+json".into()),
        ),
        (
            "an attestation",
            with(&|manifest, _| {
                for layer in manifest["layers"].as_array_mut().unwrap() {
                    layer["mediaType"] = "application/vnd.in-toto+json".into();
                }
            }),
        ),
        ("schema 1", with(&|manifest, _| manifest["schemaVersion"] = 1.into())),
        (
            "too many layers",
            with(&|manifest, config| {
                let layer = manifest["layers"][0].clone();
                manifest["layers"] = vec![layer; oci::image_config::LAYERS_MAX + 1].into();
                config["rootfs"]["diff_ids"] = vec![other.clone(); oci::image_config::LAYERS_MAX + 1].into();
            }),
        ),
    ];
    let said: Vec<String> = said.into_iter().map(|(what, said)| format!("{what}: {said}")).collect();
    insta::assert_snapshot!(said.join("\n"), @"
    as it was: taken
    wrong diff-ID: the layer's tar has the digest sha256:…, not sha256:…
    a layer too many: the manifest sha256:… lists 2 layers and its configuration 1
    no root file system: failed to understand the configuration sha256:…; the configuration's `rootfs` is missing
    an artifact: sha256:… is no image but an artifact of type `application/vnd.cncf.helm.config.v1+json`; hint: it holds no root file system, so that there is nothing to look into; what an artifact holds is listed once it lies here as files
    an attestation: sha256:… is no image but a list of blobs of type `application/vnd.in-toto+json`; hint: it holds no root file system, so that there is nothing to look into; what an artifact holds is listed once it lies here as files
    schema 1: failed to understand the manifest sha256:…; manifests of schema version 1 are unsupported; push with a client that makes version 2
    too many layers: failed to understand the configuration sha256:…; the configuration lists 1025 layers, the limit is 1024
    ");
}

#[test]
fn indexes_that_lead_nowhere() {
    let built = built();
    let entry = built.descriptor.clone();
    let named = |name: &str| {
        let mut entry = build::image(&[vec![file("a", name)]], Packing::Plain, "linux/amd64");
        entry.descriptor["annotations"] = json!({"org.opencontainers.image.ref.name": name});
        entry
    };
    let (one, two) = (named("1"), named("2"));
    let both = [one.blobs.clone(), two.blobs.clone()].concat();
    // Indexes inside each other, one deeper than is followed.
    let mut blobs = built.blobs.clone();
    let mut inner = entry.clone();
    for _ in 0..=images::INDEX_DEPTH_MAX {
        let index = json!({"schemaVersion": 2, "mediaType": build::OCI_INDEX, "manifests": [inner]});
        let bytes = serde_json::to_vec(&index).unwrap();
        inner = build::descriptor(build::OCI_INDEX, &bytes);
        blobs.push((build::sha256(&bytes), bytes));
    }
    let many: Vec<Value> = (0..=images::DOCUMENTS_MAX)
        .map(|number| {
            let digest = build::sha256(number.to_string().as_bytes());
            json!({"mediaType": build::OCI_INDEX, "digest": digest, "size": 2})
        })
        .collect();
    let said = [
        ("empty", layout_says(&[], &[])),
        ("two names", layout_says(&[one.descriptor, two.descriptor], &both)),
        ("deep", layout_says(&[inner], &blobs)),
        ("absent", layout_says(&many, &[])),
    ];
    let said: Vec<String> = said.into_iter().map(|(what, said)| format!("{what}: {said}")).collect();
    insta::assert_snapshot!(said.join("\n"), @"
    empty: `~` holds no image
    two names: `~` holds 2 images; hint: say which, as `oci:PATH:NAME`, `oci-archive:PATH:NAME`, `docker-archive:PATH:NAME` or `stdin:NAME`, or with `@DIGEST` for the name; there: 1, 2
    deep: `~` holds indexes more than 4 deep
    absent: sha256:… is not in `~`
    ");
}

/// An index of images that are not there, with the numbers as their digests.
fn index(numbers: std::ops::Range<usize>) -> (Value, (String, Vec<u8>)) {
    let entry = |number: usize| {
        json!({
            "mediaType": build::OCI_MANIFEST, "digest": format!("sha256:{number:064x}"), "size": 1,
            "platform": {"os": "plan9", "architecture": "386"},
        })
    };
    let entries: Vec<Value> = numbers.map(entry).collect();
    let index = json!({"schemaVersion": 2, "mediaType": build::OCI_INDEX, "manifests": entries});
    let bytes = serde_json::to_vec(&index).unwrap();
    (build::descriptor(build::OCI_INDEX, &bytes), (build::sha256(&bytes), bytes))
}

#[test]
fn images_to_choose_among_are_limited() {
    let half = images::CANDIDATES_MAX / 2;
    for (count, is_looked_at) in
        [(images::CANDIDATES_MAX - 1, true), (images::CANDIDATES_MAX, true), (images::CANDIDATES_MAX + 1, false)]
    {
        // The same one twice is one.
        let (entries, blobs): (Vec<_>, Vec<_>) = [index(0..half), index(half - 1..count)].into_iter().unzip();
        let said = layout_says(&entries, &blobs);
        assert_eq!(said.contains("is not for"), is_looked_at, "{count}: {said}");
        assert_eq!(said.contains("lists more than 10000 images"), !is_looked_at, "{count}: {said}");
    }
}

#[test]
fn documents_to_find_an_image_in_are_limited() {
    for (count, is_looked_at) in
        [(images::DOCUMENTS_MAX - 1, true), (images::DOCUMENTS_MAX, true), (images::DOCUMENTS_MAX + 1, false)]
    {
        let (entries, blobs): (Vec<_>, Vec<_>) = (0..count).map(|number| index(number..number + 2)).unzip();
        let said = layout_says(&entries, &blobs);
        assert_eq!(said.contains("is not for"), is_looked_at, "{count}: {said}");
        assert_eq!(said.contains("takes more than 256 documents"), !is_looked_at, "{count}: {said}");
    }
}

#[test]
fn a_layout_has_a_mark_and_no_link_leads_out_of_it() {
    let built = built();
    let files = build::layout(std::slice::from_ref(&built.descriptor), &built.blobs);
    let with = |change: &dyn Fn(&Path)| {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().join("layout");
        build::write_directory(&directory, &files);
        change(&directory);
        says(&Local::OciLayout(directory, Select::Any), place.path())
    };
    let outside = |name: &'static str| {
        move |directory: &Path| {
            let outside = directory.parent().unwrap().join("outside");
            std::fs::rename(directory.join(name), &outside).unwrap();
            symlink(&outside, directory.join(name)).unwrap();
        }
    };
    let said = [
        ("no mark", with(&|directory| std::fs::remove_file(directory.join("oci-layout")).unwrap())),
        ("another mark", with(&|directory| std::fs::write(directory.join("oci-layout"), "{}").unwrap())),
        (
            "a mark of another version",
            with(&|directory| {
                std::fs::write(directory.join("oci-layout"), r#"{"imageLayoutVersion":"2.0.0"}"#).unwrap();
            }),
        ),
        ("no index", with(&|directory| std::fs::remove_file(directory.join("index.json")).unwrap())),
        ("an index elsewhere", with(&outside("index.json"))),
        ("blobs elsewhere", with(&outside("blobs"))),
        (
            "blobs beside",
            with(&|directory| {
                std::fs::rename(directory.join("blobs"), directory.join("real")).unwrap();
                symlink("real", directory.join("blobs")).unwrap();
            }),
        ),
        (
            "an index that is a directory",
            with(&|directory| {
                std::fs::remove_file(directory.join("index.json")).unwrap();
                std::fs::create_dir(directory.join("index.json")).unwrap();
            }),
        ),
    ];
    let said: Vec<String> = said.into_iter().map(|(what, said)| format!("{what}: {said}")).collect();
    insta::assert_snapshot!(said.join("\n"), @"
    no mark: `~/layout` is no OCI layout: it has no file `oci-layout` that says so; hint: `dir:~/layout` takes it as a plain directory
    another mark: `~/layout` is no OCI layout: it has no file `oci-layout` that says so; hint: `dir:~/layout` takes it as a plain directory
    a mark of another version: `~/layout` is no OCI layout: it has no file `oci-layout` that says so; hint: `dir:~/layout` takes it as a plain directory
    no index: `index.json` is not in `~/layout`
    an index elsewhere: failed to read `~/layout/index.json`; a link leads out of the directory, or in a circle
    blobs elsewhere: failed to read `~/layout/blobs/sha256/15f3c006f312b8e37b3fc066808b95fa4dcaf99f420cc86ac48aac20f9ab5387`; a link leads out of the directory, or in a circle
    blobs beside: taken
    an index that is a directory: failed to read `~/layout/index.json`; is a directory
    ");
}

#[test]
fn archives_that_are_none() {
    let plain = build::image(&[vec![file("a", "a")]], Packing::Plain, "linux/amd64");
    let whole = build::archive(&build::docker(&[(&plain, &["api:1"])]));
    let link = |name: &str, kind: u8, target: &str| {
        let mut files = build::docker(&[(&plain, &["api:1"])]);
        let (layer, _) = files.remove(0);
        let mut bytes = Vec::new();
        build::add(&mut bytes, &name.replace("LAYER", &layer), kind, &[], &target.replace("LAYER", &layer));
        bytes.extend(build::archive(&files));
        archive_says(&bytes)
    };
    let mut files = build::docker(&[(&plain, &["api:1"])]);
    files[1].1.push(b' ');
    let said = [
        ("whole", archive_says(&whole)),
        ("empty", archive_says(&[])),
        ("no tar", archive_says(&[b'x'; 2000])),
        ("a document", archive_says(&build::gzip(b"{}"))),
        ("cut in a header", archive_says(&whole[..300])),
        ("cut in a layer", archive_says(&whole[..1024])),
        ("cut in its compression", archive_says(&build::gzip(&whole)[..100])),
        ("no list", archive_says(&build::archive(&vec![("a".to_owned(), b"a".to_vec())]))),
        ("a list of nothing", archive_says(&build::archive(&vec![("manifest.json".to_owned(), b"[]".to_vec())]))),
        ("a list of another form", archive_says(&build::archive(&vec![("manifest.json".to_owned(), b"{}".to_vec())]))),
        ("another configuration", archive_says(&build::archive(&files))),
        ("two images", {
            let other = build::image(&[vec![file("b", "b")]], Packing::Plain, "linux/amd64");
            archive_says(&build::archive(&build::docker(&[(&plain, &["api:1"]), (&other, &["api:2"])])))
        }),
        ("a name that leaves", link("../LAYER", b'0', "")),
        ("a link out", link("LAYER", b'2', "../../etc/passwd")),
        ("an absolute link", link("LAYER", b'2', "/etc/passwd")),
        ("a link to itself", link("LAYER", b'2', "layer.tar")),
        ("a hard link to nothing", link("LAYER", b'1', "nothing")),
    ];
    let said: Vec<String> = said.into_iter().map(|(what, said)| format!("{what}: {said}")).collect();
    insta::assert_snapshot!(said.join("\n"), @"
    whole: taken
    empty: `~/x.tar` is no archive of an image: it has no `manifest.json`
    no tar: failed to walk the archive `~/x.tar`; a tar header at byte 0 is damaged: its checksum does not agree
    a document: failed to walk the archive `~/x.tar`; failed to read the tar stream; unexpected end of file
    cut in a header: failed to walk the archive `~/x.tar`; failed to read the tar stream; unexpected end of file
    cut in a layer: the archive `~/x.tar` ends inside of `3bfcb63916cc3ed0ce9e94e3099ba0243dd42e82ae967b9ee57b709e669d7f16/layer.tar`
    cut in its compression: failed to copy `~/x.tar` into a temporary file; incomplete deflate stream
    no list: `~/x.tar` is no archive of an image: it has no `manifest.json`
    a list of nothing: `~/x.tar` holds no image
    a list of another form: failed to understand `manifest.json` in `~/x.tar`; invalid type: map, expected a sequence at line 1 column 0
    another configuration: `903b604224e918e4b1a3ff8007effd4f85fbf43ebe329fc2202b4c1811800907.json` in `~/x.tar` has sha256:… in the place of sha256:…
    two images: `~/x.tar` holds 2 images; hint: say which, as `oci:PATH:NAME`, `oci-archive:PATH:NAME`, `docker-archive:PATH:NAME` or `stdin:NAME`, or with `@DIGEST` for the name; there: api:1, api:2
    a name that leaves: the archive `~/x.tar` holds `../3bfcb63916cc3ed0ce9e94e3099ba0243dd42e82ae967b9ee57b709e669d7f16/layer.tar`, which leaves it
    a link out: `3bfcb63916cc3ed0ce9e94e3099ba0243dd42e82ae967b9ee57b709e669d7f16/layer.tar` is not in `~/x.tar`
    an absolute link: `3bfcb63916cc3ed0ce9e94e3099ba0243dd42e82ae967b9ee57b709e669d7f16/layer.tar` is not in `~/x.tar`
    a link to itself: `3bfcb63916cc3ed0ce9e94e3099ba0243dd42e82ae967b9ee57b709e669d7f16/layer.tar` is not in `~/x.tar`
    a hard link to nothing: `3bfcb63916cc3ed0ce9e94e3099ba0243dd42e82ae967b9ee57b709e669d7f16/layer.tar` is not in `~/x.tar`
    ");
}

#[test]
fn entries_of_an_archive_are_limited() {
    let plain = build::image(&[vec![file("a", "a")]], Packing::Plain, "linux/amd64");
    let files = build::docker(&[(&plain, &["api:1"])]);
    let mut bytes = Vec::new();
    for number in files.len()..=ARCHIVE_ENTRIES_MAX {
        build::add(&mut bytes, &number.to_string(), b'0', &[], "");
    }
    bytes.extend(build::archive(&files));
    // An entry without bytes is one block.
    for (left_out, is_taken) in [(2, true), (1, true), (0, false)] {
        let said = archive_says(&bytes[512 * left_out..]);
        assert_eq!(said == "taken", is_taken, "{left_out}: {said}");
    }
}

#[test]
fn what_is_not_there_or_closed_is_told() {
    let place = tempfile::tempdir().unwrap();
    let absent = place.path().join("absent");
    for local in [
        Local::Path(absent.clone()),
        Local::Directory(absent.clone()),
        Local::File(absent.clone()),
        Local::OciLayout(absent.clone(), Select::Any),
        Local::OciArchive(absent, Select::Any),
    ] {
        assert_eq!(says(&local, place.path()), "failed to read `~/absent`; No such file or directory (os error 2)");
    }
    let directory = Local::OciArchive(place.path().to_owned(), Select::Any);
    assert_eq!(says(&directory, place.path()), "failed to read `~`; is a directory");
}

#[test]
fn names_and_digests_that_are_not_there() {
    let place = tempfile::tempdir().unwrap();
    let mut built = built();
    built.descriptor["annotations"] = json!({"org.opencontainers.image.ref.name": "1.0"});
    build::write_directory(place.path(), &build::layout(std::slice::from_ref(&built.descriptor), &built.blobs));
    let with = |select| says(&Local::OciLayout(place.path().to_owned(), select), place.path());
    assert_eq!(with(Select::Name("2.0".to_owned())), "`~` holds no image `2.0`; hint: there: 1.0");
    let other = format!("sha256:{}", "0".repeat(64)).parse().unwrap();
    assert_eq!(with(Select::Digest(other)), "`~` holds no image `sha256:…`; hint: there: 1.0");
}
