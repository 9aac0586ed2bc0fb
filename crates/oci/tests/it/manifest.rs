use std::time::{Duration, Instant};

use oci::manifest::{DEPTH_MAX, DESCRIPTORS_MAX, MANIFEST_BYTES_MAX, REFERRER_ANNOTATION_BYTES_MAX, VALUES_MAX};
use oci::media_type::{
    DOCKER_MANIFEST, DOCKER_MANIFEST_LIST, DOCKER_SCHEMA_1, DOCKER_SCHEMA_1_SIGNED, OCI_ARTIFACT_MANIFEST, OCI_CONFIG,
    OCI_EMPTY, OCI_INDEX, OCI_MANIFEST,
};
use oci::{ErrorCode, Manifest, ManifestError, ManifestKind};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{chain, sha256, sha512};

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

fn descriptor(media_type: &str, digit: char) -> Value {
    json!({ "mediaType": media_type, "digest": sha256(digit), "size": 7 })
}

fn image() -> Value {
    json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor(OCI_CONFIG, 'c'),
        "layers": [descriptor(LAYER, '1'), descriptor(LAYER, '2')],
    })
}

fn index() -> Value {
    json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [descriptor(OCI_MANIFEST, 'a')] })
}

fn with(mut document: Value, pointer: &str, value: Value) -> Value {
    if let Some(present) = document.pointer_mut(pointer) {
        *present = value;
        return document;
    }
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    document.pointer_mut(parent).unwrap()[key] = value;
    document
}

fn without(mut document: Value, key: &str) -> Value {
    document.as_object_mut().unwrap().remove(key);
    document
}

fn parse(document: &Value) -> Result<Manifest, ManifestError> {
    Manifest::parse(None, document.to_string().as_bytes())
}

#[track_caller]
fn taken(document: &Value) -> Manifest {
    parse(document).unwrap_or_else(|error| panic!("{document}: {}", chain(&error)))
}

#[track_caller]
fn refused_text(content_type: Option<&str>, text: &str, expected: &str) {
    let error = Manifest::parse(content_type, text.as_bytes()).expect_err(text);
    assert_eq!(chain(&error), expected, "{text}");
    assert_eq!(error.code(), ErrorCode::ManifestInvalid);
}

#[track_caller]
fn refused(document: &Value, expected: &str) {
    refused_text(None, &document.to_string(), expected);
}

#[test]
fn what_is_not_one_json_object_is_refused() {
    for text in ["null", "true", "1", "\"a\"", "[]", "[{}]"] {
        refused_text(Some(OCI_MANIFEST), text, "the manifest's `document` must be an object");
    }
    for (text, why) in [
        ("", "EOF while parsing a value at line 1 column 0"),
        ("{", "EOF while parsing an object at line 1 column 1"),
        ("{}{}", "trailing characters at line 1 column 3"),
        ("{\"a\":1,}", "trailing comma at line 1 column 8"),
        ("{'a':1}", "key must be a string at line 1 column 2"),
        ("{\"a\":01}", "invalid number at line 1 column 7"),
        ("{\"a\":NaN}", "expected value at line 1 column 6"),
        ("{\"a\":\"\\ud800\"}", "unexpected end of hex escape at line 1 column 13"),
        ("{\"a\":\"\n\"}", "control character (\\u0000-\\u001F) found while parsing a string at line 2 column 0"),
        ("\u{feff}{}", "expected value at line 1 column 1"),
        ("// {}\n{}", "expected value at line 1 column 1"),
    ] {
        refused_text(Some(OCI_MANIFEST), text, &format!("the manifest is not JSON: {why}"));
    }
    let error = Manifest::parse(Some(OCI_MANIFEST), b"{\"a\":\"\xff\"}").unwrap_err();
    assert!(matches!(error, ManifestError::Syntax(_)), "{error}");
}

#[test]
fn a_key_that_stands_twice_is_refused_at_any_depth() {
    let text = image().to_string();
    for (place, doubled, key) in [
        ("{\"config\"", "{\"mediaType\":\"x\",\"config\"", "mediaType"),
        ("\"layers\":[", "\"layers\":[],\"layers\":[", "layers"),
        ("\"size\":7", "\"size\":7,\"size\":8", "size"),
        ("\"size\":7", "\"size\":7,\"x\":{\"y\":[1,{\"z\":1,\"z\":1}]}", "z"),
        ("\"size\":7", "\"size\":7,\"annotations\":{\"a\":\"1\",\"b\":\"2\",\"a\":\"1\"}", "a"),
        ("\"size\":7", "\"size\":7,\"platform\":{\"os\":\"linux\",\"o\\u0073\":\"windows\"}", "os"),
        ("{\"config\"", "{\"\":1,\"\":2,\"config\"", ""),
        ("{\"config\"", "{\"a\\u0000\":1,\"a\\u0000\":2,\"config\"", "a\u{fffd}"),
    ] {
        assert!(text.contains(place), "{text}");
        let error = Manifest::parse(None, text.replacen(place, doubled, 1).as_bytes()).unwrap_err();
        assert!(matches!(&error, ManifestError::DuplicateKey { key: found, .. } if found == key), "{doubled}: {error}");
    }
    refused_text(
        Some(OCI_MANIFEST),
        "{\n\"a\":{\"b\":1,\n\"b\":2}}",
        "the manifest has the key `b` twice in one object, which ends at line 3 column 6",
    );
    let long = "k".repeat(1000);
    let expected =
        format!("the manifest has the key `{}` twice in one object, which ends at line 1 column 2011", "k".repeat(64));
    refused_text(Some(OCI_MANIFEST), &format!("{{\"{long}\":1,\"{long}\":2}}"), &expected);
}

#[test]
fn a_key_that_differs_only_in_case_from_a_known_one_is_refused() {
    refused(
        &with(image(), "/Manifests", json!([])),
        "the manifest has the key `Manifests` in `document`, which some clients read as `manifests`",
    );
    refused(
        &with(image(), "/layer\u{17f}", json!([])),
        "the manifest has the key `layer\u{17f}` in `document`, which some clients read as `layers`",
    );
    refused(
        &with(index(), "/manifests/0/DIGEST", json!(sha256('b'))),
        "the manifest has the key `DIGEST` in `manifests[0]`, which some clients read as `digest`",
    );
    refused(
        &with(index(), "/manifests/0/platform", json!({ "OS": "linux" })),
        "the manifest has the key `OS` in `manifests[0].platform`, which some clients read as `os`",
    );
    // Where keys are free, so is their case.
    let document = with(image(), "/annotations", json!({ "Digest": "1", "digest": "2" }));
    assert_eq!(taken(&document).annotations.len(), 2);
}

// CVE-2021-41190
#[test]
fn an_image_that_is_also_an_index_is_refused() {
    for field in ["config", "layers", "blobs"] {
        for value in [json!(null), json!([]), json!({}), descriptor(OCI_CONFIG, 'c')] {
            for media_type in [OCI_INDEX, OCI_MANIFEST, OCI_ARTIFACT_MANIFEST] {
                let document =
                    with(with(index(), "/mediaType", json!(media_type)), &format!("/{field}"), value.clone());
                let expected = format!(
                    "the manifest has `manifests` and also `{field}`, so it is an image to some and an index to others"
                );
                refused(&document, &expected);
            }
        }
    }
    refused(
        &with(image(), "/manifests", json!(null)),
        "the manifest has `manifests` and also `config`, so it is an image to some and an index to others",
    );
}

#[test]
fn a_document_of_another_kind_than_its_type_is_refused() {
    for (media_type, document, field) in [
        (OCI_INDEX, image(), "config"),
        (DOCKER_MANIFEST_LIST, without(image(), "config"), "layers"),
        (OCI_MANIFEST, index(), "manifests"),
        (DOCKER_MANIFEST, index(), "manifests"),
        ("application/VND.oci.image.index.v1+json", image(), "config"),
    ] {
        let document = with(document, "/mediaType", json!(media_type));
        refused(&document, &format!("a manifest of type `{media_type}` must not have `{field}`"));
        let document = without(document, "mediaType").to_string();
        refused_text(
            Some(media_type),
            &document,
            &format!("a manifest of type `{media_type}` must not have `{field}`"),
        );
    }
}

#[test]
fn the_type_in_the_document_is_that_of_the_request() {
    let text = image().to_string();
    for content_type in
        [OCI_INDEX, DOCKER_MANIFEST, "application/json", "Application/vnd.oci.image.manifest.v1+json", "a\nb"]
    {
        let shown = content_type.replace('\n', "\u{fffd}");
        let expected = format!("the manifest's mediaType is `{OCI_MANIFEST}`, and it is given as `{shown}`");
        refused_text(Some(content_type), &text, &expected);
    }
    for content_type in [None, Some(""), Some(" ; a=b"), Some(OCI_MANIFEST)] {
        assert_eq!(Manifest::parse(content_type, text.as_bytes()).unwrap().media_type, OCI_MANIFEST);
    }
    for parameters in ["; charset=utf-8", ";charset=utf-8", " ; a=\"b;c\"", ";"] {
        let manifest = Manifest::parse(Some(&format!("{OCI_MANIFEST}{parameters}")), text.as_bytes()).unwrap();
        assert_eq!(manifest.media_type, OCI_MANIFEST);
    }
}

#[test]
fn a_missing_media_type_is_had_from_the_request_or_the_shape() {
    let (image, index) = (without(image(), "mediaType"), without(index(), "mediaType"));
    for content_type in [OCI_MANIFEST, DOCKER_MANIFEST] {
        let manifest = Manifest::parse(Some(content_type), image.to_string().as_bytes()).unwrap();
        assert_eq!((manifest.kind, manifest.media_type.as_str()), (ManifestKind::Image, content_type));
    }
    assert_eq!(taken(&image).media_type, OCI_MANIFEST);
    assert_eq!(taken(&index).media_type, OCI_INDEX);
    assert_eq!(taken(&with(image, "/mediaType", json!(""))).media_type, OCI_MANIFEST);
    for document in [json!({}), json!({ "schemaVersion": 2 }), json!({ "schemaVersion": 2, "layers": [] })] {
        refused(&document, "the manifest has neither a mediaType nor a Content-Type");
    }
}

#[test]
fn types_of_no_manifest_are_refused() {
    for media_type in [
        "application/json",
        "application/octet-stream",
        "text/plain",
        "application/x-www-form-urlencoded",
        "json",
        "/+json",
        "a/+json ",
        "application/a b+json",
        "application/é+json",
        "application/a+json/b",
        "application/+json",
        "application/a+xml",
        "+json",
    ] {
        let document = with(image(), "/mediaType", json!(media_type));
        refused(&document, &format!("the type `{media_type}` is not one of a manifest"));
    }
    let long = format!("application/{}+json", "a".repeat(123));
    refused(&with(image(), "/mediaType", json!(long)), &format!("the type `{}` is not one of a manifest", &long[..64]));
    for value in [json!(1), json!([]), json!({}), json!(true)] {
        refused(&with(image(), "/mediaType", value), "the manifest's `mediaType` must be a text");
    }
}

#[test]
fn schema_1_is_unsupported() {
    let expected = "manifests of schema version 1 are unsupported; push with a client that makes version 2";
    refused(&with(image(), "/schemaVersion", json!(1)), expected);
    refused(&with(image(), "/fsLayers", json!([])), expected);
    for content_type in [DOCKER_SCHEMA_1, DOCKER_SCHEMA_1_SIGNED] {
        refused_text(Some(content_type), "{\"schemaVersion\":1,\"name\":\"a\",\"fsLayers\":[]}", expected);
        refused_text(Some(content_type), "{}", expected);
    }
}

#[test]
fn the_schema_version_is_2() {
    for value in [json!(0), json!(3), json!(2.0), json!("2"), json!(null), json!([2]), json!(-2)] {
        refused(&with(image(), "/schemaVersion", value.clone()), "the manifest's `schemaVersion` must be 2");
        refused(&with(index(), "/schemaVersion", value), "the manifest's `schemaVersion` must be 2");
    }
    refused(&without(image(), "schemaVersion"), "the manifest's `schemaVersion` must be 2");
}

#[test]
fn malformed_descriptors_are_refused_with_their_place() {
    for (pointer, value, expected) in [
        ("/config", json!([]), "`config` must be a descriptor"),
        ("/config", json!("sha256:x"), "`config` must be a descriptor"),
        ("/config", json!(null), "`config` is missing"),
        ("/config", json!({}), "`config.mediaType` is missing"),
        ("/config/mediaType", json!(null), "`config.mediaType` is missing"),
        ("/config/mediaType", json!(""), "`config.mediaType` is missing"),
        ("/config/mediaType", json!(7), "`config.mediaType` must be a text"),
        ("/config/mediaType", json!("a\r\nb"), "`config.mediaType` must be without control characters"),
        ("/config/digest", json!(null), "`config.digest` is missing"),
        ("/config/digest", json!(7), "`config.digest` must be a text"),
        ("/config/size", json!(null), "`config.size` must be a whole number of bytes"),
        ("/config/size", json!(-1), "`config.size` must be a whole number of bytes"),
        ("/config/size", json!(i64::MIN), "`config.size` must be a whole number of bytes"),
        ("/config/size", json!(7.0), "`config.size` must be a whole number of bytes"),
        ("/config/size", json!(1e30), "`config.size` must be a whole number of bytes"),
        ("/config/size", json!(i64::MAX as u64 + 1), "`config.size` must be a whole number of bytes"),
        ("/config/size", json!(u64::MAX), "`config.size` must be a whole number of bytes"),
        ("/config/size", json!("7"), "`config.size` must be a whole number of bytes"),
        ("/layers", json!({}), "`layers` must be a list"),
        ("/layers", json!("a"), "`layers` must be a list"),
        ("/layers", json!([null]), "`layers[0]` must be a descriptor"),
        ("/layers", json!([[]]), "`layers[0]` must be a descriptor"),
        ("/layers/1", json!({ "mediaType": "a/b", "digest": sha256('1') }), "`layers[1].size` is missing"),
        ("/layers/1/urls", json!("https://a"), "`layers[1].urls` must be a list of texts"),
        ("/layers/1/urls", json!([1]), "`layers[1].urls` must be a list of texts"),
        ("/layers/1/annotations", json!([]), "`layers[1].annotations` must be an object of texts"),
        ("/layers/1/annotations", json!({ "a": 1 }), "`layers[1].annotations` must be an object of texts"),
        ("/layers/1/annotations", json!({ "a": null }), "`layers[1].annotations` must be an object of texts"),
        ("/layers/1/data", json!([1]), "`layers[1].data` must be a text"),
        ("/layers/1/platform", json!("linux/amd64"), "`layers[1].platform` must be an object"),
        ("/layers/1/platform", json!({ "os": 1 }), "`layers[1].platform.os` must be a text"),
        (
            "/layers/1/platform",
            json!({ "os.features": {} }),
            "`layers[1].platform.os.features` must be a list of texts",
        ),
        ("/subject", json!(sha256('a')), "`subject` must be a descriptor"),
        ("/subject", json!({ "mediaType": "a/b" }), "`subject.digest` is missing"),
        ("/annotations", json!("a"), "`annotations` must be an object of texts"),
        ("/annotations", json!({ "a": ["b"] }), "`annotations` must be an object of texts"),
        ("/artifactType", json!({}), "`artifactType` must be a text"),
        ("/artifactType", json!("a\0"), "`artifactType` must be without control characters"),
    ] {
        refused(&with(image(), pointer, value), &format!("the manifest's {expected}"));
    }
    for (digest, why) in [
        (String::new(), "a digest is an algorithm, a colon and a hash; there is no colon"),
        (sha256('A'), "a digest's hash is written in lower-case hexadecimal"),
        (sha256('a')[..70].to_owned(), "a sha256 hash is 64 characters, this one is 63"),
        (sha512('a')[..71].to_owned(), "a sha512 hash is 128 characters, this one is 64"),
        ("sha256:../".to_owned(), "a sha256 hash is 64 characters, this one is 3"),
        (format!("md5:{}", "a".repeat(32)), "the digest's algorithm is not one of sha256, sha512"),
    ] {
        let expected = format!("the manifest's `manifests[0].digest` is not a digest: {why}");
        refused(&with(index(), "/manifests/0/digest", json!(digest)), &expected);
    }
}

#[test]
fn bytes_are_limited() {
    let padded = |length: usize| {
        let mut text = image().to_string();
        text.push_str(&" ".repeat(length - text.len()));
        Manifest::parse(None, text.as_bytes())
    };
    assert!(padded(MANIFEST_BYTES_MAX - 1).is_ok());
    assert!(padded(MANIFEST_BYTES_MAX).is_ok());
    let error = padded(MANIFEST_BYTES_MAX + 1).unwrap_err();
    assert_eq!(error.to_string(), "the manifest is 4194305 bytes, the limit is 4194304");
    assert_eq!(error.code().status(), 413);
}

#[test]
fn descriptors_are_limited() {
    let count = |count: usize| {
        let layers: Vec<Value> = (0..count).map(|_| descriptor("a/b", '1')).collect();
        parse(&with(image(), "/layers", json!(layers))).map(|manifest| manifest.layers.len())
    };
    assert_eq!(count(DESCRIPTORS_MAX - 1).unwrap(), DESCRIPTORS_MAX - 1);
    assert_eq!(count(DESCRIPTORS_MAX).unwrap(), DESCRIPTORS_MAX);
    assert_eq!(
        count(DESCRIPTORS_MAX + 1).unwrap_err().to_string(),
        "the manifest lists 10001 descriptors, the limit is 10000"
    );
}

#[test]
fn nesting_is_limited() {
    // One level is the document itself.
    let nested = |depth: usize| {
        let value = format!("{}{}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        Manifest::parse(None, image().to_string().replacen('{', &format!("{{\"x\":{value},"), 1).as_bytes())
    };
    assert!(nested(DEPTH_MAX - 1).is_ok());
    assert!(nested(DEPTH_MAX).is_ok());
    assert_eq!(nested(DEPTH_MAX + 1).unwrap_err().to_string(), "the manifest is nested deeper than 32 levels");
    for opening in ["[", "{\"a\":", "[{\"a\":"] {
        let deep = opening.repeat(MANIFEST_BYTES_MAX / opening.len());
        assert!(matches!(Manifest::parse(None, deep.as_bytes()), Err(ManifestError::TooDeep)));
    }
}

#[test]
fn values_are_limited() {
    // The document, its four keys with their values, three descriptors of three, and the list.
    let base = 1 + 2 * 4 + 3 * 6 + 2;
    let values = |count: usize| {
        let list = vec!["0"; count - base - 2].join(",");
        Manifest::parse(None, image().to_string().replacen('{', &format!("{{\"x\":[{list}],"), 1).as_bytes())
    };
    assert!(values(VALUES_MAX - 1).is_ok());
    assert!(values(VALUES_MAX).is_ok());
    assert_eq!(values(VALUES_MAX + 1).unwrap_err().to_string(), "the manifest has more than 150000 values");
}

#[test]
fn annotations_of_referrers_are_limited() {
    let annotated = |length: usize, subject: Value| {
        let document = with(image(), "/annotations", json!({ "key": "v".repeat(length - 3) }));
        parse(&with(document, "/subject", subject))
    };
    let subject = descriptor(OCI_MANIFEST, 'e');
    assert!(annotated(REFERRER_ANNOTATION_BYTES_MAX - 1, subject.clone()).is_ok());
    assert!(annotated(REFERRER_ANNOTATION_BYTES_MAX, subject.clone()).is_ok());
    let error = annotated(REFERRER_ANNOTATION_BYTES_MAX + 1, subject).unwrap_err();
    assert_eq!(error.to_string(), "the annotations of a manifest with a subject are 262145 bytes, the limit is 262144");
    assert!(annotated(REFERRER_ANNOTATION_BYTES_MAX + 1, json!(null)).is_ok());
}

#[test]
fn types_are_limited() {
    let typed = |pointer: &str, length: usize| parse(&with(image(), pointer, json!("a".repeat(length))));
    for pointer in ["/artifactType", "/config/mediaType", "/config/artifactType"] {
        assert!(typed(pointer, 254).is_ok());
        assert!(typed(pointer, 255).is_ok());
        let error = typed(pointer, 256).unwrap_err();
        assert!(matches!(error, ManifestError::TypeTooLong { actual: 256, .. }), "{error}");
    }
}

// Time is bounded by the input's size, whatever its shape; the bound here is for an unoptimised build on a busy machine.
#[test]
fn a_hostile_document_costs_no_more_than_its_bytes() {
    let fill = |unit: &str| unit.repeat(MANIFEST_BYTES_MAX / unit.len() - 20);
    let keys: String = (0..70_000).map(|number| format!("\"{number:0>48}\":1,")).collect::<Vec<_>>().concat();
    let descriptors = format!("{{\"schemaVersion\":2,\"layers\":[{}{{}}]}}", "{},".repeat(1_000_000));
    for document in [
        descriptors,
        format!("{{{keys}\"a\":1}}"),
        format!("[{}0]", fill("0,")),
        format!("[{}0]", fill("{},")),
        format!("{{\"a\":\"{}\"}}", fill("\\u0061")),
        format!("{{\"a\":{}}}", fill("9")),
        format!("{{{}\"a\":1}}", fill("\"\":0,")),
        fill(" "),
        fill("\""),
        fill("-"),
    ] {
        let started = Instant::now();
        assert!(Manifest::parse(Some(OCI_MANIFEST), document.as_bytes()).is_err());
        assert!(started.elapsed() < Duration::from_secs(30), "{} took {:?}", &document[..40], started.elapsed());
    }
}

#[test]
fn an_image_is_understood() {
    let document = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": descriptor(OCI_CONFIG, 'c'),
        "layers": [{
            "mediaType": LAYER, "digest": sha512('1'), "size": i64::MAX, "urls": ["https://example.org/a"],
            "annotations": { "b": "2", "a": "1" }, "data": "e30=", "artifactType": "a/b",
            "platform": { "architecture": "arm64", "os": "linux", "os.version": "1", "os.features": ["x"], "variant": "v8" },
        }],
        "subject": descriptor(OCI_MANIFEST, 'e'),
        "annotations": { "org.example": "yes" },
    });
    let manifest = taken(&document);
    assert_eq!(manifest.kind, ManifestKind::Image);
    assert_eq!(manifest.artifact_type.as_deref(), Some(OCI_CONFIG));
    assert_eq!(serde_json::to_value(&manifest.layers[0]).unwrap(), document["layers"][0]);
    assert_eq!(serde_json::to_value(&manifest.config).unwrap(), document["config"]);
    assert_eq!(serde_json::to_value(&manifest.subject).unwrap(), document["subject"]);
    assert_eq!(manifest.annotations["org.example"], "yes");
    assert_eq!(manifest.layers[0].platform.as_ref().unwrap().to_string(), "linux/arm64/v8");
    assert_eq!(
        manifest.contents().map(|content| content.digest.short()).collect::<Vec<_>>(),
        ["cccccccccccc", "111111111111"]
    );
}

#[test]
fn what_honest_clients_send_is_taken() {
    for document in [
        image(),
        index(),
        // Go writes an empty list as null.
        with(image(), "/layers", json!(null)),
        with(image(), "/layers", json!([])),
        without(image(), "layers"),
        with(index(), "/manifests", json!(null)),
        with(index(), "/manifests", json!([])),
        with(image(), "/annotations", json!(null)),
        with(image(), "/subject", json!(null)),
        with(image(), "/artifactType", json!("anything at all")),
        with(image(), "/artifactType", json!("")),
        with(image(), "/org.example.unknown", json!({ "a": [1.5, -1, null, true, { "Layers": [] }] })),
        with(index(), "/manifests/0/unknown", json!(1e300)),
        with(index(), "/manifests/0/platform", json!({ "architecture": "unknown", "os": "unknown" })),
        with(index(), "/manifests/0/platform", json!({})),
        with(index(), "/manifests/0/platform", json!(null)),
        with(image(), "/config/size", json!(0)),
        with(image(), "/mediaType", json!(DOCKER_MANIFEST)),
        with(index(), "/mediaType", json!(DOCKER_MANIFEST_LIST)),
        // Non-manifests in images may be called as they like.
        with(image(), "/blobs", json!("unknown")),
    ] {
        taken(&document);
    }
}

// moby/buildkit exports its cache as an index whose entries are layers and a configuration.
#[test]
fn an_index_may_list_layers() {
    let document = json!({
        "schemaVersion": 2, "mediaType": OCI_INDEX,
        "manifests": [descriptor(LAYER, '1'), descriptor("application/vnd.buildkit.cacheconfig.v0", '2'), descriptor(OCI_INDEX, '3')],
    });
    let manifest = taken(&document);
    let are_manifests: Vec<bool> = manifest.manifests.iter().map(oci::Descriptor::is_manifest).collect();
    assert_eq!(are_manifests, [false, false, true]);
    assert_eq!(manifest.artifact_type, None);
}

#[test]
fn artifacts_of_any_type_are_taken() {
    let artifact = json!({
        "mediaType": OCI_ARTIFACT_MANIFEST, "artifactType": "application/vnd.example.sbom",
        "blobs": [descriptor("text/plain", 'b')], "subject": descriptor(OCI_MANIFEST, 'e'),
    });
    let manifest = taken(&artifact);
    assert_eq!(manifest.kind, ManifestKind::Other);
    assert_eq!(manifest.layers.len(), 1);
    assert_eq!(manifest.artifact_type.as_deref(), Some("application/vnd.example.sbom"));

    let custom = |document: Value| taken(&with(document, "/mediaType", json!("application/vnd.example.thing.v2+JSON")));
    assert_eq!(custom(image()).kind, ManifestKind::Other);
    assert_eq!(custom(image()).artifact_type, None);
    assert_eq!(custom(index()).manifests.len(), 1);
    assert_eq!(custom(json!({ "anything": "else" })).contents().count(), 0);
    refused(&with(artifact, "/blobs", json!({})), "the manifest's `blobs` must be a list");
}

// OCI distribution 1.1, "Listing Referrers"
#[test]
fn the_artifact_type_is_that_of_the_document_or_of_an_images_configuration() {
    let of = |document: &Value| taken(document).artifact_type;
    let helm = "application/vnd.cncf.helm.config.v1+json";
    assert_eq!(of(&with(image(), "/artifactType", json!("a/b"))).as_deref(), Some("a/b"));
    assert_eq!(of(&with(image(), "/config/mediaType", json!(OCI_EMPTY))).as_deref(), Some(OCI_EMPTY));
    assert_eq!(of(&with(image(), "/config/mediaType", json!(helm))).as_deref(), Some(helm));
    assert_eq!(of(&with(image(), "/artifactType", json!(""))).as_deref(), Some(OCI_CONFIG));
    assert_eq!(of(&with(index(), "/artifactType", json!("a/b"))).as_deref(), Some("a/b"));
    assert_eq!(of(&index()), None);
}

#[test]
fn foreign_layers_are_known() {
    let is_foreign = |media_type: &str, urls: Value| {
        let layer = with(json!({ "a": descriptor(media_type, '1') }), "/a/urls", urls)["a"].take();
        taken(&with(image(), "/layers", json!([layer]))).layers[0].is_foreign()
    };
    let nondistributable = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
    assert!(is_foreign(nondistributable, json!(null)));
    assert!(is_foreign("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", json!([])));
    assert!(is_foreign(LAYER, json!(["https://example.org/layer"])));
    assert!(!is_foreign(LAYER, json!([])));
    assert!(!is_foreign("application/vnd.docker.image.rootfs.diff.tar.gzip", json!(null)));
}

// The largest manifest of the conformance suite: 3.9 MB of annotations.
#[test]
fn a_manifest_of_nearly_four_megabytes_of_annotations_is_taken() {
    let annotations: serde_json::Map<String, Value> =
        (0..390).map(|number| (format!("large-annotation-{number}"), "A".repeat(10_000).into())).collect();
    assert_eq!(taken(&with(image(), "/annotations", annotations.into())).annotations.len(), 390);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        Just(json!(sha256('a'))),
    ];
    let key = prop_oneof![
        Just("layers"),
        Just("manifests"),
        Just("config"),
        Just("digest"),
        Just("size"),
        Just("mediaType"),
        Just("x"),
        Just("subject")
    ];
    leaf.prop_recursive(4, 32, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(key.clone().prop_map(str::to_owned), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_document_is_an_image_and_an_index(document in any_json(), media_type in "application/vnd\\.(oci\\.image\\.(index|manifest)\\.v1|x)\\+json") {
        if let Ok(manifest) = Manifest::parse(Some(&media_type), document.to_string().as_bytes()) {
            let is_image_like = manifest.config.is_some() || !manifest.layers.is_empty();
            prop_assert!(!is_image_like || manifest.manifests.is_empty());
            prop_assert_eq!(manifest.media_type, media_type);
        }
    }

    #[test]
    fn an_unknown_field_changes_nothing(value in any_json()) {
        prop_assert_eq!(taken(&with(image(), "/org.example", value)), taken(&image()));
    }

    #[test]
    fn doubling_any_key_is_refused(value in any_json(), key in "[a-z]{1,4}") {
        let fields = format!("{{\"{key}\":{value},\"other\":{value},\"{key}\":{value},");
        let document = image().to_string().replacen('{', &fields, 1);
        let error = Manifest::parse(None, document.as_bytes()).unwrap_err();
        prop_assert!(matches!(error, ManifestError::DuplicateKey { .. }), "{}", error);
    }

    #[test]
    fn descriptors_round_trip(size in 0..=i64::MAX, media_type in "[a-z]{1,9}/[a-z+.]{1,9}", annotations in proptest::collection::btree_map("\\PC{0,9}", "\\PC{0,9}", 0..4)) {
        let mut descriptor = json!({ "mediaType": media_type, "digest": sha256('d'), "size": size });
        if !annotations.is_empty() {
            descriptor["annotations"] = json!(annotations);
        }
        let manifest = taken(&with(index(), "/manifests", json!([descriptor])));
        prop_assert_eq!(serde_json::to_value(&manifest.manifests[0]).unwrap(), descriptor);
    }
}

#[test]
fn only_images_of_tars_are_root_file_systems() {
    const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    let check = |config: &str, layers: &[&str], expected: &str| {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let described = |media_type: &str| json!({"mediaType": media_type, "digest": digest, "size": 1});
        let layers: Vec<Value> = layers.iter().map(|layer| described(layer)).collect();
        let document = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": described(config), "layers": layers,
        });
        let manifest = Manifest::parse(None, document.to_string().as_bytes()).unwrap();
        let told = manifest.root_file_system().map_or_else(|why_not| why_not.to_string(), |()| String::new());
        assert_eq!(told, expected, "{config} {layers:?}");
        assert_eq!(manifest.is_root_file_system(), expected.is_empty(), "{config} {layers:?}");
    };
    let tar = "application/vnd.oci.image.layer.v1.tar";
    check(CONFIG, &[], "it has no layers");
    check(
        "application/vnd.cncf.helm.config.v1+json",
        &[tar],
        "it is an artifact of type `application/vnd.cncf.helm.config.v1+json`, not an image of a container",
    );
    check(
        "application/vnd.oci.empty.v1+json",
        &[tar],
        "it is an artifact of type `application/vnd.oci.empty.v1+json`, not an image of a container",
    );
    check(
        CONFIG,
        &["application/vnd.in-toto+json"],
        "it has a layer of type `application/vnd.in-toto+json`, which is no part of a file system",
    );
    check(
        CONFIG,
        &[tar, "application/vnd.in-toto+json"],
        "it has a layer of type `application/vnd.in-toto+json`, which is no part of a file system",
    );
    check(
        CONFIG,
        &["application/vnd.oci.image.layer.v1.squashfs"],
        "it has a layer of type `application/vnd.oci.image.layer.v1.squashfs`, which is no part of a file system",
    );
    check(
        CONFIG,
        &["application/vnd.cncf.helm.chart.content.v1.tar+gzip"],
        "it has a layer of type `application/vnd.cncf.helm.chart.content.v1.tar+gzip`, which is no part of a file system",
    );
    check(CONFIG, &[tar], "");
    check("Application/vnd.OCI.image.config.v1+json", &[tar], "");
    check(
        CONFIG,
        &[tar, "application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.oci.image.layer.v1.tar+zstd"],
        "",
    );
    check("application/vnd.docker.container.image.v1+json", &["application/vnd.docker.image.rootfs.diff.tar.gzip"], "");
    check(CONFIG, &["application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"], "");
    check(CONFIG, &["application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"], "");
    let index = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []});
    let index = Manifest::parse(None, index.to_string().as_bytes()).unwrap();
    assert_eq!(index.root_file_system().unwrap_err().to_string(), "it is an index");
}

#[test]
fn an_index_says_what_its_entries_attest() {
    let (image, text) = (sha256('a'), "not a digest".to_owned());
    for (annotations, is_attestation, attests) in [
        (json!({}), false, None),
        (json!({"vnd.docker.reference.digest": image}), false, None),
        (json!({"vnd.docker.reference.type": "attestation-manifest"}), true, None),
        (json!({"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": text}), true, None),
        (json!({"vnd.docker.reference.type": "other", "vnd.docker.reference.digest": image}), true, None),
        (
            json!({"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image}),
            true,
            Some(image.clone()),
        ),
    ] {
        let mut entry =
            json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": sha256('d'), "size": 1});
        entry["annotations"] = annotations;
        let manifest = taken(&with(index(), "/manifests", json!([entry])));
        let found = &manifest.manifests[0];
        assert_eq!(
            (found.is_attestation(), found.attests().map(|digest| digest.to_string())),
            (is_attestation, attests)
        );
    }
}
