//! Images in a registry that says what it is told to.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use images::{Image, ImageReference};
use outbound::RegistryOptions;
use serde_json::json;

use crate::build::{self, Built, Packing, file};
use crate::{inventory, told};

/// What a path answers: a content type and a body.
type Answers = HashMap<String, (String, Vec<u8>)>;

/// Serves answers until the process ends; returns the address.
fn serve(answers: Answers) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let answers = Arc::new(answers);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, answers) = (stream.unwrap(), Arc::clone(&answers));
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut request = String::new();
                reader.read_line(&mut request).unwrap();
                let mut line = String::new();
                while reader.read_line(&mut line).unwrap() > 2 {
                    line.clear();
                }
                let path = request.split(' ').nth(1).unwrap_or_default();
                let (status, kind, body) = match answers.get(path) {
                    Some((kind, body)) => ("200 OK", kind.as_str(), body.as_slice()),
                    None => (
                        "404 Not Found",
                        "application/json",
                        &b"{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"not here\"}]}"[..],
                    ),
                };
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                let mut stream = stream;
                // A client that has enough closes the connection.
                let _closed = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
            });
        }
    });
    address
}

fn answers(built: &Built) -> Answers {
    let (manifest, blobs) = built.blobs.split_last().unwrap();
    let mut answers = Answers::new();
    for reference in ["1.4", &manifest.0] {
        answers.insert(
            format!("/v2/team/api/manifests/{reference}"),
            (build::OCI_MANIFEST.to_owned(), manifest.1.clone()),
        );
    }
    for (digest, bytes) in blobs {
        let octets = "application/octet-stream".to_owned();
        answers.insert(format!("/v2/team/api/blobs/{digest}"), (octets, bytes.clone()));
    }
    answers
}

fn fetch(address: &str, reference: &str, platform: Option<&str>) -> Result<Image, String> {
    let reference: ImageReference = format!("{address}/{reference}").parse().unwrap();
    let options = RegistryOptions {
        address: address.parse().unwrap(),
        credentials: None,
        ca_file: None,
        plain_http: false,
        pause: Duration::ZERO,
    };
    let platform = platform.map(|text| images::parse_platform(text).unwrap());
    Image::fetch(&reference, options, platform.as_ref()).map_err(|error| told(&error).replace(address, "hub"))
}

fn built() -> Built {
    // What does not compress.
    let big: Vec<u8> = (0..500_000_u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    let layers = [vec![file("etc/os-release", "ID=alpine\nVERSION_ID=3.20\n")], vec![file("big", big)]];
    build::image(&layers, Packing::Gzip, "linux/amd64")
}

#[test]
fn an_image_is_fetched_by_tag_and_by_digest() {
    let built = built();
    let address = serve(answers(&built));
    let by_digest = format!("team/api@{}", built.digest());
    for reference in ["team/api:1.4", &by_digest] {
        let image = fetch(&address, reference, None).unwrap();
        assert_eq!(image.digest.to_string(), built.digest());
        assert_eq!(image.layers.len(), 2);
        inventory(&image).unwrap();
    }
    assert_eq!(fetch(&address, "team/api:1.4", None).unwrap().name, format!("{address}/team/api:1.4"));
}

/// OCI distribution 1.1, "Pulling manifests": `Docker-Content-Digest` is the digest by which the registry has it, of whatever algorithm.
#[test]
fn an_image_of_a_tag_has_the_digest_that_the_registry_has_it_by() {
    let built = built();
    let manifest = &built.blobs.last().unwrap().1;
    let (sha256, sha512) = (built.digest().to_owned(), build::sha512(manifest));
    let check = |stated: &str, expected: Result<&str, &str>| {
        let mut answers = answers(&built);
        answers.remove(&format!("/v2/team/api/manifests/{sha256}"));
        // One line of a header after another.
        let kind = format!("{}\r\nDocker-Content-Digest: {stated}", build::OCI_MANIFEST);
        answers.insert("/v2/team/api/manifests/1.4".to_owned(), (kind, manifest.clone()));
        let found = fetch(&serve(answers), "team/api:1.4", None).map(|image| image.digest.to_string());
        match expected {
            Ok(expected) => assert_eq!(found.as_deref(), Ok(expected), "{stated}"),
            Err(expected) => assert!(found.is_err_and(|error| error.contains(expected)), "{stated}"),
        }
    };
    check(&sha512, Ok(&sha512));
    check(&sha256, Ok(&sha256));
    check("nonsense", Ok(&sha256));
    check(&build::sha512(b"other"), Err("in the place of"));
}

#[test]
fn the_image_of_a_platform_is_fetched_from_an_index() {
    let images = ["linux/amd64", "linux/arm64"]
        .map(|platform| build::image(&[vec![file("a", platform)]], Packing::Zstd, platform));
    let mut all: Answers = images.iter().flat_map(answers).collect();
    let entries = images.each_ref().map(|built| built.descriptor.clone());
    let index = json!({"schemaVersion": 2, "mediaType": build::OCI_INDEX, "manifests": entries});
    all.insert(
        "/v2/team/api/manifests/1.4".to_owned(),
        (build::OCI_INDEX.to_owned(), serde_json::to_vec(&index).unwrap()),
    );
    let address = serve(all);
    for (platform, built) in ["linux/amd64", "linux/arm64"].iter().zip(&images) {
        let image = fetch(&address, "team/api:1.4", Some(platform)).unwrap();
        assert_eq!(image.digest.to_string(), built.digest());
        inventory(&image).unwrap();
    }
    let refused = fetch(&address, "team/api:1.4", Some("linux/s390x")).unwrap_err();
    assert_eq!(
        refused,
        "`hub/team/api:1.4` is not for linux/s390x; hint: `--platform` takes one of: linux/amd64, linux/arm64"
    );
}

#[test]
fn what_a_registry_gets_wrong_is_refused() {
    let built = built();
    let says = |reference: &str, change: &dyn Fn(&mut Answers)| {
        let mut answers = answers(&built);
        change(&mut answers);
        let address = serve(answers);
        let said = match fetch(&address, reference, None).and_then(|image| inventory(&image)) {
            Ok(_) => "taken".to_owned(),
            Err(error) => error,
        };
        crate::refused::shortened(&said.replace(&address, "hub"))
    };
    let by_digest = format!("team/api@{}", built.digest());
    let body = |answers: &mut Answers, end: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let path = answers.keys().find(|path| path.ends_with(end)).unwrap().clone();
        change(&mut answers.get_mut(&path).unwrap().1);
    };
    let config = built.manifest["config"]["digest"].as_str().unwrap();
    let layer = built.manifest["layers"][1]["digest"].as_str().unwrap();
    let damage = |bytes: &mut Vec<u8>| *bytes.last_mut().unwrap() ^= 1;
    let said = [
        ("nothing", says("team/api:2.0", &|_| ())),
        (
            "another manifest",
            says(&by_digest, &|answers| body(answers, built.digest(), &|bytes| bytes.insert(0, b' '))),
        ),
        ("no manifest", says("team/api:1.4", &|answers| body(answers, "1.4", &|bytes| bytes.truncate(10)))),
        (
            "another type",
            says("team/api:1.4", &|answers| {
                answers.get_mut("/v2/team/api/manifests/1.4").unwrap().0 = "text/html".to_owned();
            }),
        ),
        ("another configuration", says("team/api:1.4", &|answers| body(answers, config, &damage))),
        ("a longer configuration", says("team/api:1.4", &|answers| body(answers, config, &|bytes| bytes.push(b' ')))),
        ("no configuration", says("team/api:1.4", &|answers| answers.retain(|path, _| !path.ends_with(config)))),
        ("another layer", says("team/api:1.4", &|answers| body(answers, layer, &|bytes| bytes[1_000_000] ^= 1))),
        ("a shorter layer", says("team/api:1.4", &|answers| body(answers, layer, &|bytes| bytes.truncate(1000)))),
        ("a longer layer", says("team/api:1.4", &|answers| body(answers, layer, &|bytes| bytes.push(0)))),
        ("no layer", says("team/api:1.4", &|answers| answers.retain(|path, _| !path.ends_with(layer)))),
    ];
    let said: Vec<String> = said.into_iter().map(|(what, said)| format!("{what}: {said}")).collect();
    insta::assert_snapshot!(said.join("\n"), @"
    nothing: failed to fetch `hub/team/api:2.0`; hub refused with status 404: not here; hint: nobody is logged in to hub: `garrison login hub`, `docker login hub` and `podman login hub` all count
    another manifest: `hub/team/api` has sha256:… in the place of sha256:…
    no manifest: failed to understand the manifest of `hub/team/api:1.4`; the manifest is not JSON; EOF while parsing a value at line 1 column 10
    another type: failed to understand the manifest of `hub/team/api:1.4`; the manifest's mediaType is `application/vnd.oci.image.manifest.v1+json`, and it is given as `text/html`
    another configuration: `hub/team/api:1.4` has sha256:… in the place of sha256:…
    a longer configuration: failed to fetch sha256:…; hub sent 336 bytes of a blob that has 335
    no configuration: failed to fetch sha256:…; hub refused with status 404: not here; hint: nobody is logged in to hub: `garrison login hub`, `docker login hub` and `podman login hub` all count
    another layer: the layer's blob has the digest sha256:…, not sha256:…
    a shorter layer: failed to read the layer; failed to walk the archive; failed to read the tar stream; hub sent 1000 bytes of a blob that has 2109451
    a longer layer: failed to read the layer; failed to walk the archive; failed to read the tar stream; hub sent 2109452 bytes of a blob that has 2109451
    no layer: failed to fetch sha256:…; hub refused with status 404: not here; hint: nobody is logged in to hub: `garrison login hub`, `docker login hub` and `podman login hub` all count
    ");
}

/// A registry in which a document of a type lies beside the image.
fn with_beside(built: &Built, artifact_type: &str, path: &str) -> Answers {
    let document = b"{\"statements\":[]}".to_vec();
    let blob = build::sha256(&document);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": build::OCI_MANIFEST, "artifactType": artifact_type,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": build::sha256(b"{}"), "size": 2},
        "layers": [{"mediaType": artifact_type, "digest": blob, "size": document.len()}],
        "subject": {"mediaType": build::OCI_MANIFEST, "digest": built.digest(), "size": 1},
    });
    let manifest = serde_json::to_vec(&manifest).unwrap();
    let digest = build::sha256(&manifest);
    let entry = json!({
        "mediaType": build::OCI_MANIFEST, "digest": digest, "size": manifest.len(), "artifactType": artifact_type,
    });
    let index = json!({"schemaVersion": 2, "mediaType": build::OCI_INDEX, "manifests": [entry]});
    let mut answers = answers(built);
    answers.insert(path.to_owned(), (build::OCI_INDEX.to_owned(), serde_json::to_vec(&index).unwrap()));
    answers.insert(format!("/v2/team/api/manifests/{digest}"), (build::OCI_MANIFEST.to_owned(), manifest));
    answers.insert(format!("/v2/team/api/blobs/{blob}"), ("application/octet-stream".to_owned(), document));
    answers
}

#[test]
fn what_lies_beside_an_image_is_found_by_its_type() {
    const WANTED: &str = "application/vnd.openvex+json";
    let built = built();
    let found = |answers: Answers, bytes_max: u64| {
        let address = serve(answers);
        let image = fetch(&address, "team/api:1.4", None).unwrap();
        let beside = image.fetch_beside(|artifact_type| artifact_type == WANTED, bytes_max);
        beside
            .map(|beside| beside.into_iter().map(|one| String::from_utf8(one.bytes).unwrap()).collect::<Vec<_>>())
            .map_err(|error| told(&error).replace(&address, "hub"))
    };
    let listed = format!("/v2/team/api/referrers/{}", built.digest());
    let tagged = format!("/v2/team/api/manifests/{}", built.digest().replacen(':', "-", 1));
    let document = "{\"statements\":[]}".to_owned();
    assert_eq!(found(answers(&built), 100), Ok(Vec::new()));
    assert_eq!(found(with_beside(&built, "application/json", &listed), 100), Ok(Vec::new()));
    assert_eq!(found(with_beside(&built, WANTED, &listed), 17), Ok(vec![document.clone()]));
    assert_eq!(found(with_beside(&built, WANTED, &tagged), 17), Ok(vec![document]));
    assert!(found(with_beside(&built, WANTED, &listed), 16).unwrap_err().contains("the limit is 16"));
    let mut damaged = with_beside(&built, WANTED, &listed);
    for (path, (_, bytes)) in &mut damaged {
        if path.contains("/blobs/") && bytes.len() == 17 {
            bytes[0] = b'[';
        }
    }
    assert!(found(damaged, 100).is_err());
}
