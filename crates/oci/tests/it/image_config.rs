use oci::image_config::{CREATED_BY_BYTES_MAX, IMAGE_CONFIG_BYTES_MAX, LAYERS_MAX, PLATFORM_WORD_BYTES_MAX};
use oci::manifest::{DEPTH_MAX, VALUES_MAX};
use oci::{Execution, ImageConfig, Platform};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{chain, sha256, sha512};

fn config() -> Value {
    json!({ "os": "linux", "architecture": "amd64", "rootfs": { "type": "layers", "diff_ids": [sha256('1'), sha256('2')] } })
}

fn with(pointer: &str, value: Value) -> String {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let mut document = config();
    document.pointer_mut(parent).unwrap()[key] = value;
    document.to_string()
}

fn parsed(text: &str) -> ImageConfig {
    ImageConfig::parse(text.as_bytes()).unwrap()
}

#[track_caller]
fn check(text: &str, expected: Result<(), &str>) {
    let found = ImageConfig::parse(text.as_bytes()).map(drop).map_err(|error| chain(&error));
    assert_eq!(found.as_ref().copied().map_err(String::as_str), expected, "{}", &text[..text.len().min(500)]);
}

#[test]
fn what_is_no_configuration_is_refused() {
    check("", Err("the configuration is not JSON: EOF while parsing a value at line 1 column 0"));
    check("[]", Err("the configuration's `document` must be an object"));
    check("{}", Err("the configuration's `rootfs` is missing"));
    check(r#"{"rootfs":null}"#, Err("the configuration's `rootfs` is missing"));
    let digest = "the configuration's `rootfs.diff_ids[1]` is not a digest";
    for (pointer, value, expected) in [
        ("/rootfs", json!(1), "the configuration's `rootfs` must be an object"),
        ("/rootfs/type", json!("whole"), "the configuration's `rootfs.type` must be `layers`"),
        ("/rootfs/type", json!(1), "the configuration's `rootfs.type` must be `layers`"),
        ("/rootfs/Type", json!("layers"), "the configuration has the key `Type`, which some clients read as `type`"),
        ("/rootfs/diff_ids", json!({}), "the configuration's `rootfs.diff_ids` must be a list"),
        ("/rootfs/diff_ids", json!([1]), "the configuration's `rootfs.diff_ids` must be a list of digests"),
        ("/os", json!(7), "the configuration's `os` must be a short word"),
        ("/architecture", json!(["amd64"]), "the configuration's `architecture` must be a short word"),
        ("/variant", json!("v\n8"), "the configuration's `variant` must be a short word"),
        ("/os.version", json!(10), "the configuration's `os.version` must be a short word"),
        ("/os.features", json!("win32k"), "the configuration's `os.features` must be a list of words"),
        ("/os.features", json!([1]), "the configuration's `os.features` must be a short word"),
        ("/rootFS", json!({}), "the configuration has the key `rootFS`, which some clients read as `rootfs`"),
        ("/o\u{17f}", json!("x"), "the configuration has the key `o\u{17f}`, which some clients read as `os`"),
    ] {
        check(&with(pointer, value), Err(expected));
    }
    for wrong in ["md5:0", "sha256:00", ""] {
        let error = ImageConfig::parse(with("/rootfs/diff_ids", json!([sha256('1'), wrong])).as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), digest);
    }
    let twice = config().to_string().replacen('{', r#"{"os":"windows","#, 1);
    assert!(matches!(ImageConfig::parse(twice.as_bytes()), Err(oci::ImageConfigError::DuplicateKey { .. })));
}

#[test]
fn what_is_absent_is_empty() {
    let empty = ImageConfig::default();
    for text in [
        r#"{"rootfs":{}}"#,
        r#"{"rootfs":{"type":"","diff_ids":null},"os":null,"architecture":null,"history":null,"config":null}"#,
        r#"{"rootfs":{"type":"layers","diff_ids":[]},"unknown":{"anything":[1.5,true]}}"#,
    ] {
        assert_eq!(parsed(text), empty, "{text}");
    }
}

#[test]
fn an_image_says_what_it_is_and_how_it_is_run() {
    let document = json!({
        "os": "windows", "architecture": "arm", "variant": "v7", "os.version": "10.0.14393", "os.features": ["win32k"],
        "created": "2026-01-02T03:04:05.678Z", "author": "ada",
        "rootfs": {"type": "layers", "diff_ids": [sha512('1')]},
        "history": [{"created_by": "ENV A=1", "empty_layer": true}, {"created_by": "COPY app /app", "empty_layer": false}],
        "config": {
            "User": "app", "ExposedPorts": {"80/tcp": {}, "443/tcp": {}}, "Env": ["A=1"], "Entrypoint": ["sh", "-c"],
            "Cmd": ["true"], "Volumes": {"/data": {}}, "WorkingDir": "/app", "Labels": {"a": "b"}, "StopSignal": "SIGINT",
        },
    });
    let config = parsed(&document.to_string());
    assert_eq!(
        config.platform,
        Platform {
            os: "windows".to_owned(),
            architecture: "arm".to_owned(),
            variant: "v7".to_owned(),
            os_version: "10.0.14393".to_owned(),
            os_features: vec!["win32k".to_owned()],
        }
    );
    assert_eq!(config.created.as_deref(), Some("2026-01-02T03:04:05.678Z"));
    assert_eq!(config.layers.len(), 1);
    assert_eq!(config.layers[0].diff_id.to_string(), sha512('1'));
    assert_eq!(config.layers[0].created_by.as_deref(), Some("COPY app /app"));
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        config.execution,
        Execution {
            user: "app".to_owned(),
            exposed_ports: words(&["443/tcp", "80/tcp"]),
            environment: words(&["A=1"]),
            entrypoint: words(&["sh", "-c"]),
            command: words(&["true"]),
            volumes: words(&["/data"]),
            working_directory: "/app".to_owned(),
            labels: [("a".to_owned(), "b".to_owned())].into(),
            stop_signal: "SIGINT".to_owned(),
        }
    );
}

#[test]
fn what_is_only_told_is_left_out_where_it_has_the_wrong_form() {
    let plain = parsed(&config().to_string());
    for (pointer, value) in [
        ("/created", json!(5)),
        ("/history", json!({"a": 1})),
        ("/history", json!([{"created_by": 1}, {}])),
        ("/history", json!(["RUN a", "RUN b"])),
        ("/config", json!("sh")),
        ("/config", json!({"Labels": ["x"], "Env": {}, "Entrypoint": "sh", "Cmd": ["a", 1], "User": 5, "Volumes": 1})),
        ("/config", json!({"Labels": {"a": 1}, "ExposedPorts": ["80/tcp"], "WorkingDir": null, "StopSignal": 9})),
    ] {
        let text = with(pointer, value);
        assert_eq!(parsed(&text), plain, "{text}");
    }
}

#[test]
fn a_history_counts_only_if_it_counts_the_layers() {
    let steps = |history: Value| {
        let steps = parsed(&with("/history", history)).layers.into_iter().map(|layer| layer.created_by);
        steps.map(Option::unwrap_or_default).collect::<Vec<_>>().join(" | ")
    };
    let (one, two) = (json!({"created_by": "COPY a"}), json!({"created_by": "COPY b"}));
    let (empty, silent) = (json!({"created_by": "ENV", "empty_layer": true}), json!({"comment": "x"}));
    assert_eq!(steps(json!([one, empty, two])), "COPY a | COPY b");
    assert_eq!(steps(json!([one, silent])), "COPY a | ");
    assert_eq!(steps(json!([one, empty])), " | ");
    assert_eq!(steps(json!([one, two, silent])), " | ");
    assert_eq!(steps(json!([{"created_by": "a\0b"}, two])), "a\u{fffd}b | COPY b");
}

#[test]
fn times_are_of_rfc_3339() {
    let created = |text: &str| parsed(&with("/created", json!(text))).created;
    for text in [
        "2026-01-02T03:04:05Z",
        "2026-01-02T03:04:05.123456789+01:00",
        "1970-01-01T00:00:00-00:00",
        "2016-12-31T23:59:60Z",
    ] {
        assert_eq!(created(text).as_deref(), Some(text));
    }
    for text in [
        "",
        "yesterday",
        "0001-01-01T00:00:00Z",
        "2026-01-02",
        "2026-01-02 03:04:05Z",
        "2026-01-02T03:04:05",
        "2026-01-02T03:04:05Zx",
        "2026-01-02T03:04:05.Z",
        "2026-01-02T03:04:05+1:000",
        "2026-01-02T03:04:05+01:60",
        "2026-13-02T03:04:05Z",
        "2026-01-32T03:04:05Z",
        "2026-01-02T24:04:05Z",
        "2026-01-02T03:04:61Z",
        "2026-01-02T03:04:05.1111111111111111111111Z",
        "2026-01-02T03:04:0\u{e9}Z",
        "2026-01-02T03:04:05+\u{e9}1:0",
    ] {
        assert_eq!(created(text), None, "{text}");
    }
}

#[test]
fn limits_hold_at_their_edges() {
    let text = config().to_string();
    for (len, expected) in [
        (IMAGE_CONFIG_BYTES_MAX - 1, Ok(())),
        (IMAGE_CONFIG_BYTES_MAX, Ok(())),
        (IMAGE_CONFIG_BYTES_MAX + 1, Err("the configuration is 8388609 bytes, the limit is 8388608")),
    ] {
        check(&format!("{text}{}", " ".repeat(len - text.len())), expected);
    }
    for (layers, expected) in [
        (LAYERS_MAX - 1, Ok(())),
        (LAYERS_MAX, Ok(())),
        (LAYERS_MAX + 1, Err("the configuration lists 1025 layers, the limit is 1024")),
    ] {
        check(&with("/rootfs/diff_ids", json!(vec![sha256('1'); layers])), expected);
    }
    for (bytes, expected) in [
        (PLATFORM_WORD_BYTES_MAX - 1, Ok(())),
        (PLATFORM_WORD_BYTES_MAX, Ok(())),
        (PLATFORM_WORD_BYTES_MAX + 1, Err("the configuration's `os` must be a short word")),
    ] {
        check(&with("/os", json!("x".repeat(bytes))), expected);
    }
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    for (depth, expected) in
        [(DEPTH_MAX - 1, Ok(())), (DEPTH_MAX, Err("the configuration is nested deeper than 32 levels"))]
    {
        check(&format!(r#"{{"rootfs":{{}},"x":{}}}"#, nested(depth)), expected);
    }
    // The document, three keys, and an object and a list beside what is counted.
    for (values, expected) in
        [(VALUES_MAX - 5, Ok(())), (VALUES_MAX - 4, Err("the configuration has more than 150000 values"))]
    {
        check(&format!(r#"{{"rootfs":{{}},"x":[1{}]}}"#, ",1".repeat(values - 1)), expected);
    }
    for (bytes, kept) in [
        (CREATED_BY_BYTES_MAX - 1, CREATED_BY_BYTES_MAX - 1),
        (CREATED_BY_BYTES_MAX, CREATED_BY_BYTES_MAX),
        (CREATED_BY_BYTES_MAX + 1, CREATED_BY_BYTES_MAX),
    ] {
        let config = parsed(&with("/history", json!([{"created_by": "x".repeat(bytes)}, {}])));
        assert_eq!(config.layers[0].created_by.as_ref().unwrap().len(), kept);
    }
}

#[test]
fn a_platform_is_stated_if_system_and_processor_are() {
    for (os, architecture, expected) in
        [("", "", false), ("linux", "", false), ("", "amd64", false), ("linux", "amd64", true)]
    {
        let platform = Platform { os: os.to_owned(), architecture: architecture.to_owned(), ..Platform::default() };
        assert_eq!(platform.is_stated(), expected, "{os}/{architecture}");
    }
}

proptest! {
    #[test]
    fn whatever_is_sent_is_taken_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = ImageConfig::parse(&bytes);
    }
}
