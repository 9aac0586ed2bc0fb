//! Inventories from the command line.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::Home;
use crate::build::{self, Built, Packing, file};
use crate::hub::{Hub, login};

fn app() -> Vec<Vec<build::Entry>> {
    let lock = r#"{"name":"app","lockfileVersion":3,"packages":{"":{"name":"app","dependencies":{"a":"^1"}},"node_modules/a":{"version":"1.2.3","license":"MIT","dependencies":{"b":"^2"}},"node_modules/b":{"version":"2.0.1"}}}"#;
    let status =
        "Package: libc6\nStatus: install ok installed\nVersion: 2.36-9\nArchitecture: amd64\nSource: glibc\n\n";
    vec![
        vec![file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"), file("var/lib/dpkg/status", status)],
        vec![file("app/package-lock.json", lock), file("app/old/package-lock.json", lock.replace("2.0.1", "1.9.9"))],
    ]
}

/// Puts an image into a home, as a layout `layout` and an archive `docker.tar.gz`.
pub(crate) fn image(home: &Home) -> Built {
    let built = build::image(&app(), Packing::Plain, "linux/amd64");
    let mut entry = built.descriptor.clone();
    entry["annotations"] = json!({"org.opencontainers.image.ref.name": "1.4"});
    build::write_directory(&home.path().join("layout"), &build::layout(&[entry], &built.blobs));
    let docker = build::archive(&build::docker(&[(&built, &["team/api:1.4"])]));
    std::fs::write(home.path().join("docker.tar.gz"), build::gzip(&docker)).unwrap();
    built
}

/// Puts the files of an image into a directory `app`.
fn directory(home: &Home) {
    for entry in app().into_iter().flatten() {
        let build::Entry::File(path, bytes) = entry else { continue };
        let path = home.path().join("tree").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

#[test]
fn an_output_to_a_stream_replaces_no_file() {
    let home = Home::new();
    directory(&home);
    let binary = env!("CARGO_BIN_EXE_garrison");
    let told = |script: &str| {
        let script = script.replace("LIST", &format!("{binary} sbom --quiet tree/app -o purls"));
        let status = std::process::Command::new("/bin/sh")
            .args(["-c", &script])
            .env_clear()
            .env("HOME", home.path())
            .current_dir(home.path())
            .status();
        assert!(status.unwrap().success(), "{script}");
        std::fs::read_to_string(home.path().join("out")).unwrap()
    };
    let listed = "pkg:npm/a@1.2.3\npkg:npm/b@1.9.9\npkg:npm/b@2.0.1\n";
    let between = format!("before\n{listed}after\n");
    assert_eq!(told("(echo before; LIST=/dev/stdout; echo after) > out"), between);
    assert_eq!(told("(echo before; LIST=/dev/fd/1; echo after) > out"), between);
    assert_eq!(told("(echo before >&2; LIST=/dev/stderr; echo after >&2) 2> out"), between);
    assert_eq!(told("rm out; (echo before; LIST=/dev/fd/3 3>&1; echo after) >> out"), between);
    assert_eq!(told("ln -s out link; LIST=link; test -L link"), listed);
}

#[test]
fn a_directory_is_listed_as_a_table() {
    let home = Home::new();
    directory(&home);
    insta::assert_snapshot!(home.run(&["sbom", "tree"]), @"
    exit 0
    --- stdout
    NAME   VERSION  TYPE  WHERE
    libc6  2.36-9   deb   /var/lib/dpkg/status
    a      1.2.3    npm   /app/old/package-lock.json +1
    b      1.9.9    npm   /app/old/package-lock.json
    b      2.0.1    npm   /app/package-lock.json
    --- stderr
    Taken as `dir:tree`; write `dir:tree` to be exact.
    tree: 4 components, 3 edges
    ");
    let exact = home.run(&["sbom", "dir:tree", "--quiet", "-o", "table"]);
    assert!(exact.starts_with("exit 0\n--- stdout\nNAME") && exact.ends_with("--- stderr\n"), "{exact}");
}

#[test]
fn links_in_a_directory_are_followed_and_never_out_of_it() {
    let home = Home::new();
    let place = |path: &str| {
        let path = home.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    };
    let lock =
        |version: &str| format!(r#"{{"lockfileVersion":3,"packages":{{"node_modules/a":{{"version":"{version}"}}}}}}"#);
    std::fs::write(place("tree/locks/prod.json"), lock("1.2.3")).unwrap();
    std::fs::write(place("outside/lock.json"), lock("6.6.6")).unwrap();
    for (link, target) in [("app", "../locks/prod.json"), ("b", "../../outside/lock.json"), ("c", "package-lock.json")]
    {
        std::os::unix::fs::symlink(target, place(&format!("tree/{link}/package-lock.json"))).unwrap();
    }
    std::os::unix::fs::symlink(place("outside/lock.json"), place("tree/d/package-lock.json")).unwrap();
    assert_eq!(home.run(&["sbom", "-q", "tree", "-o", "purls"]), "exit 0\n--- stdout\npkg:npm/a@1.2.3\n--- stderr\n");
    let unknowns = home.run(&["sbom", "-q", "tree", "-o", "syft-json"]);
    assert_eq!(unknowns.matches("which is outside and not read").count(), 2, "{unknowns}");
    assert_eq!(
        home.run(&["sbom", "-q", "tree", "--exclude", "locks", "-o", "purls"]),
        "exit 0\n--- stdout\n--- stderr\n"
    );
}

#[test]
fn a_document_that_is_packed_is_read() {
    let home = Home::new();
    directory(&home);
    home.run(&["sbom", "-q", "tree", "-o", "cyclonedx-json=tree.cdx.json"]);
    let document = std::fs::read(home.path().join("tree.cdx.json")).unwrap();
    std::fs::write(home.path().join("tree.cdx.json.gz"), build::gzip(&document)).unwrap();
    assert_eq!(
        home.run(&["sbom", "diff", "-q", "tree.cdx.json", "tree.cdx.json.gz"]),
        "exit 0\n--- stdout\n--- stderr\n"
    );
    let converted = |file: &str| home.run(&["sbom", "convert", "-q", file, "-o", "purls"]);
    assert_eq!(converted("tree.cdx.json.gz"), converted("tree.cdx.json"));
    let mut command = home.garrison(&["sbom", "convert", "-q", "-", "-o", "purls"]);
    let piped = command.stdin(File::open(home.path().join("tree.cdx.json.gz")).unwrap()).output().unwrap();
    assert_eq!(home.told(&piped), converted("tree.cdx.json"));
    // What is cut off is no document.
    std::fs::write(home.path().join("cut.gz"), &build::gzip(&document)[..100]).unwrap();
    assert!(converted("cut.gz").starts_with("exit 3\n"));
}

#[test]
fn an_image_is_named_by_its_digest() {
    let home = Home::new();
    image(&home);
    insta::assert_snapshot!(home.run(&["sbom", "oci:layout:1.4", "-o", "purls"]), @"
    exit 0
    --- stdout
    pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12&upstream=glibc
    pkg:npm/a@1.2.3
    pkg:npm/b@1.9.9
    pkg:npm/b@2.0.1
    --- stderr
    layout (329d7f2bd87d, linux/amd64, 2 layers): 4 components, 3 edges
    ");
    insta::assert_snapshot!(home.run(&["sbom", "docker.tar.gz", "-o", "purls"]), @"
    exit 0
    --- stdout
    pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12&upstream=glibc
    pkg:npm/a@1.2.3
    pkg:npm/b@1.9.9
    pkg:npm/b@2.0.1
    --- stderr
    Taken as `docker-archive:docker.tar.gz`; write `docker-archive:docker.tar.gz` to be exact.
    docker.tar.gz (1d929b58b088, linux/amd64, 2 layers): 4 components, 3 edges
    ");
    let mut command = home.garrison(&["sbom", "-", "-o", "purls"]);
    let stream = command.stdin(File::open(home.path().join("docker.tar.gz")).unwrap()).output().unwrap();
    let by_path = home.run(&["sbom", "docker-archive:docker.tar.gz", "-o", "purls"]);
    assert_eq!(home.told(&stream).replace("\n-:", "\ndocker.tar.gz:").replace("\n- (", "\ndocker.tar.gz ("), by_path);
}

#[test]
fn what_is_left_out_is_not_there() {
    let home = Home::new();
    image(&home);
    directory(&home);
    for source in ["oci:layout", "dir:tree"] {
        let run = |flags: &[&str]| {
            let arguments: Vec<&str> =
                ["sbom", source, "--quiet", "-o", "purls"].iter().chain(flags).copied().collect();
            home.run(&arguments)
        };
        assert!(run(&[]).contains("npm/b@1.9.9"), "{source}");
        assert!(!run(&["--exclude", "old"]).contains("npm/b@1.9.9"), "{source}");
        assert!(!run(&["--exclude", "/app/old/*"]).contains("npm/b@1.9.9"), "{source}");
        let selected = run(&["--select", "dpkg"]);
        assert!(selected.contains("pkg:deb/debian/libc6@2.36-9") && !selected.contains("npm"), "{source}: {selected}");
    }
}

#[test]
fn one_run_writes_all_formats_and_every_run_the_same() {
    let home = Home::new();
    image(&home);
    let write = |suffix: &str, flags: &[&str]| {
        let formats = ["cyclonedx-json@1.4", "cyclonedx-json", "spdx-json", "syft-json", "purls", "table"];
        let files: Vec<String> = (0..formats.len()).map(|number| format!("{number}.{suffix}")).collect();
        let outputs =
            formats.iter().zip(&files).flat_map(|(format, file)| ["-o".to_owned(), format!("{format}={file}")]);
        let mut arguments: Vec<String> = ["sbom", "oci:layout"].iter().map(ToString::to_string).collect();
        arguments.extend(outputs.chain(flags.iter().map(ToString::to_string)));
        let told = home.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(told.starts_with("exit 0\n--- stdout\n--- stderr\n"), "{told}");
        files.into_iter().map(|file| std::fs::read(home.path().join(file)).unwrap()).collect::<Vec<_>>()
    };
    let first = write("first", &["--no-cache"]);
    assert!(!home.path().join(".cache").exists());
    assert_eq!(write("second", &[]), first);
    assert!(home.path().join(".cache/garrison/layers").exists());
    assert_eq!(write("third", &[]), first, "from the cache");
    let document: Value = serde_json::from_slice(&first[1]).unwrap();
    assert_eq!(document["metadata"]["timestamp"], "2024-05-06T07:08:09Z", "the image's own");
}

#[test]
fn a_layer_that_is_known_is_not_read_again() {
    let home = Home::new();
    let built = image(&home);
    let blobs = home.path().join("layout/blobs/sha256");
    let layer = built.manifest["layers"][0]["digest"].as_str().unwrap().split_once(':').unwrap().1.to_owned();
    let run = |flags: &[&str]| {
        let arguments: Vec<&str> = ["sbom", "oci:layout", "-o", "purls"].iter().chain(flags).copied().collect();
        home.run(&arguments)
    };
    let first = run(&[]);
    std::fs::remove_file(blobs.join(&layer)).unwrap();
    assert_eq!(run(&[]), first);
    assert!(run(&["--no-cache"]).starts_with("exit 3\n"));
    assert!(run(&["--exclude", "x"]).starts_with("exit 3\n"), "other claims are other records");
    for record in records(&home.path().join(".cache/garrison/layers")) {
        std::fs::write(record, "damaged").unwrap();
    }
    assert!(run(&[]).starts_with("exit 3\n"), "what is damaged is read again");
}

fn records(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = |path: &Path| std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    entries(directory).iter().flat_map(|directory| entries(directory)).collect()
}

#[test]
fn a_build_may_state_its_time() {
    let home = Home::new();
    directory(&home);
    let time = |value: &str| {
        let mut command = home.garrison(&["sbom", "dir:tree", "-o", "cyclonedx-json"]);
        let output = command.env("SOURCE_DATE_EPOCH", value).output().unwrap();
        (output.status.code(), serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default())
    };
    assert_eq!(time("1700000000").1["metadata"]["timestamp"], "2023-11-14T22:13:20Z");
    assert_eq!(time("").1["metadata"]["timestamp"], Value::Null);
    assert_eq!(time("yesterday").0, Some(2));
}

#[test]
fn mistakes_are_told_before_anything_is_read() {
    let home = Home::new();
    image(&home);
    let mistakes: [&[&str]; 13] = [
        &["sbom"],
        &["sbom", "api:1.4"],
        &["sbom", "./absent"],
        &["sbom", "docker:api:1.4"],
        &["sbom", "oci:layout:2.0"],
        &["sbom", "oci:layout", "--platform", "linux/riscv64"],
        &["sbom", "oci:layout", "--platform", "linux"],
        &["sbom", "oci:layout", "--select", "dpgk"],
        &["sbom", "oci:layout", "--exclude", "["],
        &["sbom", "oci:layout", "-o", "cylonedx"],
        &["sbom", "oci:layout", "-o", "cyclonedx-json@1.7"],
        &["sbom", "oci:layout", "-o", "purls", "-o", "table"],
        &["sbom", "./absent", "-o", "purls=nowhere/list"],
    ];
    let told: Vec<String> =
        mistakes.iter().map(|words| format!("$ garrison {}\n{}", words.join(" "), home.run(words))).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn an_image_of_what_lies_here_is_told_with_its_scheme() {
    let home = Home::new();
    image(&home);
    directory(&home);
    let archive = |text: &str| {
        format!(
            "hint:  `oci-archive:{text}` takes an image of the archive that lies here (`docker-archive:{text}` if `docker save` wrote it)"
        )
    };
    for (source, expected) in [
        ("layout:1.4", "hint:  `oci:layout:1.4` takes an image of the layout that lies here".to_owned()),
        ("docker.tar.gz:1.4", archive("docker.tar.gz:1.4")),
        ("docker.tar.gz:team/api:1.4", archive("docker.tar.gz:team/api:1.4")),
        ("./docker.tar.gz:team/api:1.4", archive("./docker.tar.gz:team/api:1.4")),
        ("docker.tar.gz@sha256:00", archive("docker.tar.gz@sha256:00")),
    ] {
        let run = home.run(&["sbom", source]);
        assert!(run.lines().any(|line| line == expected), "{source}: {run}");
    }
    // A directory of the image's name need not be what is meant.
    let run = home.run(&["sbom", "tree:1.4"]);
    assert!(!run.contains("lies here"), "{run}");
}

#[test]
fn a_mistake_is_told_with_what_is_meant_or_not_at_all() {
    let home = Home::new();
    image(&home);
    for (mistake, expected) in [
        (["-o", "xml"], "error: no format is called `xml`"),
        (
            ["--select", "pip"],
            "hint:  catalogers of `python` packages: pdm-lock, pipfile-lock, pixi-lock, poetry-lock, pylock-toml, python-archive, python-installed, python-manifest, python-requirements, uv-lock",
        ),
        (["--select", "maven"], "hint:  catalogers of `maven` packages: "),
    ] {
        let run = home.run(&[&["sbom", "oci:layout"], mistake.as_slice()].concat());
        assert!(run.lines().any(|line| line.starts_with(expected) && !line.contains("did you mean")), "{run}");
    }
}

#[test]
fn documents_of_others_are_converted() {
    let home = Home::new();
    let document = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "metadata": {"tools": [{"name": "other"}]},
        "components": [
            {"type": "library", "name": "a", "version": "1.0", "purl": "pkg:npm/a@1.0", "bom-ref": "a"},
            {"type": "library", "name": "b", "purl": "not a purl"},
        ],
        "dependencies": [{"ref": "a", "dependsOn": ["nothing"]}],
    });
    std::fs::write(home.path().join("other.json"), document.to_string()).unwrap();
    insta::assert_snapshot!(home.run(&["sbom", "convert", "other.json", "-o", "purls"]), @"
    exit 0
    --- stdout
    pkg:npm/a@1.0
    --- stderr
    other.json: cyclonedx-json 1.5 by other: 2 components, 0 edges
      components[1].purl: not a purl, dropped: not a purl
      dependencies[0].dependsOn[0]: refers to nothing in the document, dropped: nothing
    The list of purls leaves out 1 of 2 components, which have none.
    ");
    let mut command = home.garrison(&["sbom", "convert", "-", "--quiet", "-o", "spdx-json=a.json"]);
    let output = command.stdin(File::open(home.path().join("other.json")).unwrap()).output().unwrap();
    assert_eq!(home.told(&output), "exit 0\n--- stdout\n--- stderr\n");
    let back = home.run(&["sbom", "convert", "a.json", "-o", "table"]);
    assert!(back.contains("a     1.0      npm"), "{back}");
    std::fs::write(home.path().join("text"), "text").unwrap();
    insta::assert_snapshot!(home.run(&["sbom", "convert", "text"]), @"
    exit 3
    --- stdout
    --- stderr
    error: failed to understand the document `text`
    cause: the document is neither CycloneDX, SPDX or Syft-JSON, nor a list of purls
    hint:  `garrison sbom convert` reads CycloneDX, SPDX and Syft-JSON, and lists of purls
    ");
}

#[test]
fn a_document_is_not_taken_for_a_file_to_look_into() {
    let home = Home::new();
    let document = r#"{"components": [], "bomFormat": "CycloneDX", "specVersion": "1.5"}"#;
    std::fs::write(home.path().join("bom.cdx.json"), document).unwrap();
    std::fs::write(home.path().join("package-lock.json"), r#"{"lockfileVersion":3,"packages":{}}"#).unwrap();
    insta::assert_snapshot!(home.run(&["sbom", "bom.cdx.json"]), @"
    exit 2
    --- stdout
    --- stderr
    error: `bom.cdx.json` is an SBOM, not something to list the components of
    hint:  `garrison sbom convert bom.cdx.json` reads it
    hint:  `garrison sbom file:bom.cdx.json` looks into it as into any file
    ");
    for taken in ["file:bom.cdx.json", "package-lock.json"] {
        let told = home.run(&["sbom", taken, "-o", "purls"]);
        assert!(told.starts_with("exit 0\n"), "{told}");
    }
    let mut command = home.garrison(&["sbom", "-"]);
    let output = command.stdin(File::open(home.path().join("bom.cdx.json")).unwrap()).output().unwrap();
    insta::assert_snapshot!(home.told(&output), @"
    exit 3
    --- stdout
    --- stderr
    error: `-` holds a document, not an image
    hint:  `garrison sbom convert -` reads it, and `garrison scan -` scans what it lists
    ");
}

#[test]
fn differences_end_as_those_of_diff() {
    let home = Home::new();
    image(&home);
    directory(&home);
    home.run(&["sbom", "dir:tree", "-o", "cyclonedx-json=tree.json"]);
    let same = home.run(&["sbom", "diff", "tree.json", "oci:layout"]);
    assert!(same.starts_with("exit 0\n--- stdout\n--- stderr\n") && same.ends_with("No difference.\n"), "{same}");
    home.run(&["sbom", "dir:tree", "--exclude", "old", "-o", "spdx-json=less.json"]);
    insta::assert_snapshot!(home.run(&["sbom", "diff", "tree.json", "less.json"]), @"
    exit 1
    --- stdout
    - npm b 1.9.9
    - npm a needs npm b
    --- stderr
    ");
    let json = home.run(&["sbom", "diff", "less.json", "tree.json", "-o", "json"]);
    assert!(json.starts_with("exit 1\n--- stdout\n{\"added\":[{\"type\":\"npm\",\"name\":\"b\""), "{json}");
    let lock =
        r#"{"lockfileVersion":3,"packages":{"":{"dependencies":{"b":"1"}},"node_modules/b":{"version":"1.9.9"}}}"#;
    let files =
        [("package-lock.json", lock), ("artifacts.json", r#"{"artifacts":[{"name":"build"}]}"#), ("list.json", "[]")];
    for (name, text) in files {
        std::fs::write(home.path().join(name), text).unwrap();
    }
    insta::assert_snapshot!(home.run(&["sbom", "diff", "list.json", "package-lock.json"]), @"
    exit 3
    --- stdout
    --- stderr
    Taken as `file:list.json`; write `file:list.json` to be exact.
    error: failed to understand the document `list.json`
    cause: the document is neither CycloneDX, SPDX or Syft-JSON, nor a list of purls
    hint:  `garrison sbom convert` reads CycloneDX, SPDX and Syft-JSON, and lists of purls
    hint:  `garrison sbom diff file:list.json ...` compares it as a file in which nothing is
    ");
    insta::assert_snapshot!(home.run(&["sbom", "diff", "file:list.json", "package-lock.json"]), @"
    exit 1
    --- stdout
    + npm b 1.9.9
    + the subject needs npm b
    --- stderr
    Taken as `file:package-lock.json`; write `file:package-lock.json` to be exact.
    ");
    insta::assert_snapshot!(home.run(&["sbom", "diff", "artifacts.json", "artifacts.json"]), @"
    exit 3
    --- stdout
    --- stderr
    Taken as `file:artifacts.json`; write `file:artifacts.json` to be exact.
    error: failed to understand the document `artifacts.json`
    cause: the document is neither CycloneDX, SPDX or Syft-JSON, nor a list of purls
    hint:  `garrison sbom convert` reads CycloneDX, SPDX and Syft-JSON, and lists of purls
    hint:  `garrison sbom diff file:artifacts.json ...` compares it as a file in which nothing is
    ");
    insta::assert_snapshot!(home.run(&["sbom", "convert", "artifacts.json"]), @"
    exit 3
    --- stdout
    --- stderr
    error: failed to understand the document `artifacts.json`
    cause: the document is neither CycloneDX, SPDX or Syft-JSON, nor a list of purls
    hint:  `garrison sbom convert` reads CycloneDX, SPDX and Syft-JSON, and lists of purls
    ");
    assert!(home.run(&["sbom", "diff", "less.json", "absent"]).starts_with("exit 3\n"));
    assert!(home.run(&["sbom", "diff", "less.json", "./absent"]).starts_with("exit 3\n"));
}

#[test]
fn catalogers_are_listed() {
    let home = Home::new();
    let table = home.run(&["sbom", "catalogers"]);
    assert!(table.starts_with("exit 0\n--- stdout\napk ") && table.contains("\nnpm-lock "), "{table}");
    let json = home.run(&["sbom", "catalogers", "-o", "json"]);
    assert!(json.contains("\"name\": \"dpkg\"") && json.contains("\"edges\": \"complete\""), "{json}");
}

/// Sends one request as `admin` and returns the `Location` of the answer.
fn send(hub: &Hub, method: &str, path: &str, kind: &str, body: &[u8]) -> String {
    let user = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("admin:{}", hub.password()));
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Basic {user}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        hub.address,
        body.len()
    );
    let mut stream = TcpStream::connect(&hub.address).unwrap();
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 20"), "{method} {path}: {answer}");
    let location =
        answer.lines().find_map(|line| line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("location")));
    location.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
}

fn push_blob(hub: &Hub, name: &str, digest: &str, bytes: &[u8]) {
    let upload = send(hub, "POST", &format!("/v2/{name}/blobs/uploads/"), "application/octet-stream", b"");
    let upload = upload.split_once(&*hub.address).map_or(upload.as_str(), |(_, path)| path);
    let separator = if upload.contains('?') { '&' } else { '?' };
    send(hub, "PUT", &format!("{upload}{separator}digest={digest}"), "application/octet-stream", bytes);
}

pub(crate) fn push(hub: &Hub, built: &Built, name: &str, tag: &str) {
    let (manifest, blobs) = built.blobs.split_last().unwrap();
    for (digest, bytes) in blobs {
        push_blob(hub, name, digest, bytes);
    }
    send(hub, "PUT", &format!("/v2/{name}/manifests/{tag}"), build::OCI_MANIFEST, &manifest.1);
}

/// Pushes a document beside an image.
pub(crate) fn refer(hub: &Hub, built: &Built, name: &str, media_type: &str, document: &[u8]) {
    for blob in [&b"{}"[..], document] {
        push_blob(hub, name, &build::sha256(blob), blob);
    }
    let mut subject = built.descriptor.clone();
    subject.as_object_mut().unwrap().remove("platform");
    let manifest = json!({
        "schemaVersion": 2, "mediaType": build::OCI_MANIFEST, "artifactType": media_type, "subject": subject,
        "config": build::descriptor("application/vnd.oci.empty.v1+json", b"{}"),
        "layers": [build::descriptor(media_type, document)],
    });
    let manifest = manifest.to_string();
    let digest = build::sha256(manifest.as_bytes());
    send(hub, "PUT", &format!("/v2/{name}/manifests/{digest}"), build::OCI_MANIFEST, manifest.as_bytes());
}

#[test]
fn an_image_of_a_hub_is_read_by_whoever_may() {
    let home = Home::new();
    let built = image(&home);
    let hub = Hub::start(&home, &[]);
    push(&hub, &built, "team/api", "1.4");
    let local = home.run(&["sbom", "oci:layout", "-q", "-o", "purls"]);
    let reference = format!("{}/team/api:1.4", hub.address);
    let digest = format!("{}/team/api@{}", hub.address, built.digest());
    let run = |environment: &[(&str, &str)], arguments: &[&str]| {
        let arguments: Vec<&str> = ["sbom", "-o", "purls"].iter().chain(arguments).copied().collect();
        let output = home.garrison(&arguments).envs(environment.iter().copied()).output().unwrap();
        home.told(&output).replace(&hub.address, "HUB")
    };

    // Nobody, then who docker and podman know, in a file and by a helper.
    insta::assert_snapshot!(run(&[], &[&reference]), @"
    exit 3
    --- stdout
    --- stderr
    error: failed to fetch `HUB/team/api:1.4`
    cause: HUB refused with status 401: authentication is required; log in: garrison login, docker login or skopeo login
    hint:  nobody is logged in to HUB: `garrison login HUB`, `docker login HUB` and `podman login HUB` all count
    ");
    let secret =
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("admin:{}", hub.password()));
    let entry = json!({"auths": {&hub.address: {"auth": secret}}}).to_string();
    std::fs::write(home.path().join("auth.json"), &entry).unwrap();
    let file = home.path().join("auth.json");
    assert_eq!(run(&[("REGISTRY_AUTH_FILE", file.to_str().unwrap())], &["-q", &reference]), local);
    std::fs::create_dir_all(home.path().join(".docker")).unwrap();
    std::fs::write(home.path().join(".docker/config.json"), &entry).unwrap();
    assert_eq!(run(&[], &["-q", "--no-cache", &digest]), local);

    let helper = |script: &str| {
        let path = home.path().join("docker-credential-test");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::write(home.path().join(".docker/config.json"), r#"{"credsStore":"test"}"#).unwrap();
        let path = format!("{}:/usr/bin:/bin", home.path().display());
        run(&[("PATH", &path)], &["-q", &reference])
    };
    let answer = json!({"ServerURL": hub.address, "Username": "admin", "Secret": hub.password()});
    let script = format!("read server; test \"$1 $server\" = \"get {}\" && echo '{answer}'", hub.address);
    assert_eq!(helper(&script), local);
    assert!(helper("echo 'credentials not found in native keychain'; exit 1").starts_with("exit 3\n"));
    assert!(helper("echo 'no JSON'").starts_with("exit 3\n"));
    std::fs::remove_dir_all(home.path().join(".docker")).unwrap();

    // Who is logged in here; then the host may be left out.
    assert!(login(&home, &hub, "admin", &hub.password()).starts_with("exit 0\n"));
    for source in
        [&reference, &digest, &format!("registry:{reference}"), &format!("docker://{reference}"), "team/api:1.4"]
    {
        assert_eq!(run(&[], &["-q", "--no-cache", source]), local, "{source}");
    }
    insta::assert_snapshot!(run(&[], &["--no-cache", &reference]), @"
    exit 0
    --- stdout
    pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12&upstream=glibc
    pkg:npm/a@1.2.3
    pkg:npm/b@1.9.9
    pkg:npm/b@2.0.1
    --- stderr
    HUB/team/api:1.4 (329d7f2bd87d, linux/amd64, 2 layers): 4 components, 3 edges
    ");
    insta::assert_snapshot!(run(&[], &["team/api:2.0"]), @"
    exit 3
    --- stdout
    --- stderr
    error: failed to fetch `HUB/team/api:2.0`
    cause: HUB refused with status 404: manifest `2.0` is not in repository `team/api`
    hint:  `garrison repo tags team/api` lists the tags that there are
    ");
    let absent = run(&[], &["team/other:1"]);
    assert!(absent.contains("hint:  `garrison repo list` lists the repositories that you may pull from\n"), "{absent}");
    let absent = run(&[], &["team/other"]);
    assert!(absent.contains("hint:  there is no file or directory `team/other` here\n"), "{absent}");
    let diff = home.run(&["sbom", "diff", "oci:layout", "team/api:1.4"]);
    assert!(diff.starts_with("exit 0\n"), "{diff}");
}

#[test]
fn what_skopeo_writes_is_read() {
    let Some(skopeo) = testkit::program("skopeo") else { return };
    let home = Home::new();
    image(&home);
    let expected = home.run(&["sbom", "oci:layout", "-q", "-o", "purls"]);
    let targets: [(&str, &[&str]); 5] = [
        ("docker-archive:docker.tar:team/api:1.4", &[]),
        ("oci-archive:oci.tar:1.4", &[]),
        ("oci:gzip:1.4", &["--dest-compress"]),
        ("oci:zstd:1.4", &["--dest-compress", "--dest-compress-format", "zstd"]),
        ("oci-archive:chunked.tar:1.4", &["--dest-compress", "--dest-compress-format", "zstd:chunked"]),
    ];
    for (target, flags) in targets {
        let mut command = std::process::Command::new(&skopeo);
        command.args(["--insecure-policy", "copy"]).args(flags).args(["oci:layout:1.4", target]);
        let output = command.current_dir(home.path()).env("HOME", home.path()).output().unwrap();
        if !output.status.success() && target.contains("chunked") {
            testkit::announce("this skopeo writes no zstd:chunked");
            continue;
        }
        assert!(output.status.success(), "{target}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(home.run(&["sbom", target, "-q", "--no-cache", "-o", "purls"]), expected, "{target}");
        let path = target.split(':').nth(1).unwrap();
        assert_eq!(home.run(&["sbom", path, "-q", "--no-cache", "-o", "purls"]), expected, "{path}");
    }
}

#[test]
fn a_hub_is_asked_for_what_it_knows() {
    let home = Home::new();
    let built = image(&home);
    let hub = Hub::start(&home, &["--inventory-memory", "64MiB"]);
    push(&hub, &built, "team/api", "1.4");
    assert!(login(&home, &hub, "admin", &hub.password()).starts_with("exit 0\n"));
    let run = |arguments: &[&str]| {
        let arguments: Vec<&str> = ["sbom", "team/api:1.4"].iter().chain(arguments).copied().collect();
        home.run(&arguments).replace(&hub.address, "HUB")
    };
    // The hub works on it beside; until it is done, the layers are read.
    let note = "Taken from the hub's inventory; `--no-cache` reads the layers.\n";
    let waiting = "Reading the layers: ";
    let known = loop {
        let answer = run(&["-o", "syft-json"]);
        if answer.contains(note) {
            break answer;
        }
        assert!(answer.contains(waiting), "{answer}");
    };
    let read = run(&["--no-cache", "-o", "syft-json"]);
    // It may have been at work still.
    let waited = "The hub has the inventory of the image still to make; waiting for it.\n";
    assert_eq!(known.replace(note, "").replace(waited, ""), read);
    for asked in [&["--scope", "all-layers"][..], &["--select", "dpkg"], &["--exclude", "/app"]] {
        assert!(!run(asked).contains(note), "{asked:?}");
    }
    let diff = home.run(&["sbom", "diff", "oci:layout", "team/api:1.4"]);
    assert!(diff.starts_with("exit 0\n") && diff.contains(note), "{diff}");

    let off = Home::new();
    let hub = Hub::start(&off, &["--inventory-memory", "off"]);
    push(&hub, &built, "team/api", "1.4");
    assert!(login(&off, &hub, "admin", &hub.password()).starts_with("exit 0\n"));
    insta::assert_snapshot!(off.run(&["sbom", "team/api:1.4", "-o", "purls"]).replace(&hub.address, "HUB"), @"
    exit 0
    --- stdout
    pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12&upstream=glibc
    pkg:npm/a@1.2.3
    pkg:npm/b@1.9.9
    pkg:npm/b@2.0.1
    --- stderr
    Reading the layers: sha256:329d7f2bd87d1058b891f75df28dafc56cbf1f6c344331d522bcb2beded6f37f has no inventory: this hub makes none.
    HUB/team/api:1.4 (329d7f2bd87d, linux/amd64, 2 layers): 4 components, 3 edges
    ");
}

#[test]
fn what_holds_no_root_file_system_is_told_as_such() {
    let home = Home::new();
    let hub = Hub::start(&home, &[]);
    assert!(login(&home, &hub, "admin", &hub.password()).starts_with("exit 0\n"));
    let config =
        json!({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}).to_string();
    let described = |media_type: &str, bytes: &[u8]| {
        push_blob(&hub, "team/api", &build::sha256(bytes), bytes);
        json!({"mediaType": media_type, "digest": build::sha256(bytes), "size": bytes.len()})
    };
    let empty = described("application/vnd.oci.empty.v1+json", b"{}");
    let chart = json!({
        "schemaVersion": 2, "mediaType": build::OCI_MANIFEST, "artifactType": "application/vnd.cncf.helm.config.v1+json",
        "config": empty, "layers": [empty],
    });
    let config = described("application/vnd.oci.image.config.v1+json", config.as_bytes());
    let without_layers = json!({"schemaVersion": 2, "mediaType": build::OCI_MANIFEST, "config": config, "layers": []});
    for (tag, manifest) in [("chart", chart), ("empty", without_layers)] {
        let path = format!("/v2/team/api/manifests/{tag}");
        send(&hub, "PUT", &path, build::OCI_MANIFEST, manifest.to_string().as_bytes());
    }
    let run = |command: &str, tag: &str| home.run(&[command, &format!("team/api:{tag}")]).replace(&hub.address, "HUB");
    let chart = run("sbom", "chart");
    insta::assert_snapshot!(chart, @"
    exit 3
    --- stdout
    --- stderr
    error: sha256:8a247857d7e95892110e347160148cd9b80102837e5c8281fe3176a7ee7eda79 is no image but an artifact of type `application/vnd.cncf.helm.config.v1+json`
    hint:  it holds no root file system, so that there is nothing to look into; what an artifact holds is listed once it lies here as files
    ");
    assert_eq!(run("scan", "chart"), chart);
    insta::assert_snapshot!(run("sbom", "empty"), @"
    exit 0
    --- stdout
    No components found.
    --- stderr
    HUB/team/api:empty (d16134930618, linux/amd64, 0 layers): 0 components, 0 edges
    ");
    insta::assert_snapshot!(run("scan", "empty"), @"
    exit 3
    --- stdout
    --- stderr
    error: `HUB/team/api:empty` has no layers, so that there is nothing to scan
    hint:  nothing in it can run: it may be another tag that is meant, or an image that was built of nothing
    ");
}

#[test]
fn what_others_say_is_compared_with_what_the_hub_found() {
    let home = Home::new();
    let built = image(&home);
    let hub = Hub::start(&home, &[]);
    push(&hub, &built, "team/api", "1.4");
    assert!(login(&home, &hub, "admin", &hub.password()).starts_with("exit 0\n"));
    assert_eq!(
        home.run(&["sbom", "compare", "team/api:1.4"]),
        "exit 0\n--- stdout\nNobody pushed an SBOM beside it.\n--- stderr\n"
    );
    while !home.run(&["sbom", "team/api:1.4", "-o", "purls"]).contains("Taken from the hub") {}

    let written = home.run(&["sbom", "oci:layout", "-q", "-o", "cyclonedx-json"]);
    let ours = written.split_once("--- stdout\n").unwrap().1.split("--- stderr").next().unwrap();
    // Their digests, by which they are listed, stay the same in every version.
    let ours = &ours.replace(env!("CARGO_PKG_VERSION"), "9");
    let theirs = ours.replace("2.0.1", "2.0.2").replace("libc6", "musl");
    let beside = |tag: &str, document: &str| {
        let kind = "application/vnd.cyclonedx+json";
        for bytes in [b"{}", document.as_bytes()] {
            push_blob(&hub, "team/api", &build::sha256(bytes), bytes);
        }
        let manifest = json!({
            "schemaVersion": 2, "mediaType": build::OCI_MANIFEST, "artifactType": kind, "subject": built.descriptor,
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": build::sha256(b"{}"), "size": 2},
            "layers": [{"mediaType": kind, "digest": build::sha256(document.as_bytes()), "size": document.len()}],
        });
        let path = format!("/v2/team/api/manifests/{tag}");
        send(&hub, "PUT", &path, build::OCI_MANIFEST, manifest.to_string().as_bytes());
        build::sha256(manifest.to_string().as_bytes())
    };
    for (tag, document) in [("b", &*theirs), ("c", "{}")] {
        beside(tag, document);
    }
    let same = beside("a", ours);
    insta::assert_snapshot!(home.run(&["sbom", "compare", "team/api:1.4"]), @"
    exit 1
    --- stdout
    12bad51c6eab by user:admin: the document is not understood: the document is neither CycloneDX, SPDX or Syft-JSON, nor a list of purls

    a69c55b9a8c8 by user:admin, cyclonedx-json, made by garrison 9: 4 components, 3 edges; 1 only the hub found, 1 only it has, 1 in other versions, 0 otherwise different; edges: 0 only the hub found, 0 only it has
    - deb libc6 (amd64) 2.36-9
    + deb musl (amd64) 2.36-9
    ~ npm b 2.0.1 -> 2.0.2

    f204a36385d0 by user:admin, cyclonedx-json, made by garrison 9: 4 components, 3 edges; says what the hub found
    --- stderr
    ");
    insta::assert_snapshot!(home.run(&["sbom", "compare", "team/api:1.5"]), @"
    exit 1
    --- stdout
    --- stderr
    error: manifest `1.5` is not in repository `team/api`
    hint:  `garrison help MANIFEST_UNKNOWN` says more
    ");
    let listed = home.run(&["sbom", "compare", "team/api:1.4", "--platform", "linux/amd64", "-o", "json"]);
    assert!(listed.starts_with("exit 1\n") && listed.contains("\"only_document\""), "{listed}");
    // One alone; and with more than are compared, how many are not.
    let one = home.run(&["sbom", "compare", "team/api:1.4", "--document", &same]);
    assert!(one.starts_with("exit 0\n") && one.contains("says what the hub found"), "{one}");
    let none = home.run(&["sbom", "compare", "team/api:1.4", "--document", &build::sha256(b"{}")]);
    assert!(none.starts_with("exit 1\n") && none.contains("is no SBOM beside that image"), "{none}");
    for number in 4..=20 {
        beside("more", &theirs.replace("2.0.2", &format!("3.0.{number}")));
    }
    let compared = home.run(&["sbom", "compare", "team/api:1.4"]);
    assert!(!compared.contains("not compared"), "{compared}");
    beside("more", &theirs.replace("2.0.2", "3.0.21"));
    let compared = home.run(&["sbom", "compare", "team/api:1.4"]);
    assert!(
        compared.contains("\n1 more SBOM beside it is not compared; `--document DIGEST` compares one.\n"),
        "{compared}"
    );
    let listed = home.run(&["sbom", "compare", "team/api:1.4", "-o", "json"]);
    assert!(listed.contains("\"left_out\": 1,") && listed.contains("\"may_be_more\": false"), "{listed}");
}
