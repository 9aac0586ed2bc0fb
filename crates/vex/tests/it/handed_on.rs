//! What of a document is handed on to whoever may know an image: what may be about it, and nothing else.

use component::PackageType;
use serde_json::{Value, json};
use vex::{Document, Present};

use crate::matching::{component, curl, image};

const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Returns the products of a document of `OpenVEX` that are handed on.
fn handed_on(products: &Value) -> Vec<String> {
    let document = json!({
        "@context": "https://openvex.dev/ns/v0.2.0", "@id": "d", "author": "a", "timestamp": "2024-01-01T00:00:00Z",
        "statements": [{"vulnerability": {"name": "CVE-1"}, "products": products, "status": "fixed"}],
    });
    let document = vex::read(document.to_string().as_bytes()).unwrap();
    let npm = component(PackageType::Npm, "pkg:npm/here@1.0.0");
    let subject = image();
    let about = document.about(&Present::new(&subject, &[curl(), npm]));
    assert_eq!((&about.id, &about.author, &about.version), (&document.id, &document.author, &document.version));
    let text = serde_json::to_string(&about).unwrap();
    let read: Document = serde_json::from_str(&text).unwrap();
    assert_eq!(read, Document { problems: vex::Problems::new(), ..about });
    let targets = read.statements.iter().flat_map(|statement| &statement.targets);
    targets
        .map(|target| {
            let outer = target.within.iter().map(|outer| format!(" in {}", outer.label));
            format!("{}{}", target.item.label, outer.collect::<String>())
        })
        .collect()
}

#[test]
fn what_is_about_others_is_left_out() {
    let other = "pkg:oci/secret@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    let this = format!("pkg:oci/api@{DIGEST}");
    let parts = |names: &[&str]| names.iter().map(|name| json!({"@id": name})).collect::<Vec<_>>();
    for (products, expected) in [
        (json!([{"@id": other}]), vec![]),
        (json!([{"@id": other, "subcomponents": parts(&["pkg:npm/here"])}]), vec![]),
        (json!([{"@id": "pkg:oci/api?repository_url=elsewhere.example"}]), vec![]),
        (json!([{"@id": "pkg:npm/absent"}, {"@id": "pkg:deb/debian/libcurl"}]), vec![]),
        (json!([{"@id": "pkg:npm/here"}, {"@id": "pkg:npm/absent"}]), vec!["pkg:npm/here"]),
        // What it is called decides, versions are looked at by whoever asks.
        (json!([{"@id": "pkg:npm/here@2.0.0"}]), vec!["pkg:npm/here@2.0.0"]),
        (json!([{"@id": "pkg:rpm/redhat/curl?arch=src"}]), vec!["pkg:rpm/redhat/curl?arch=src"]),
        (
            json!([{"@id": "pkg:oci/api?repository_url=registry.example/team&tag=1.4"}]),
            vec!["pkg:oci/api?repository_url=registry.example/team&tag=1.4"],
        ),
    ] {
        assert_eq!(handed_on(&products), expected, "{products}");
    }
    let whole = json!([{"@id": this}, {"@id": this, "subcomponents": parts(&["pkg:npm/here", "pkg:npm/absent"])}]);
    assert_eq!(handed_on(&whole), [this.clone(), format!("pkg:npm/here in {this}")]);
}

#[test]
fn what_is_no_document_is_not_taken() {
    for text in ["", "{}", r#"{"format": "other"}"#] {
        assert!(serde_json::from_str::<Document>(text).is_err(), "{text}");
    }
    let statement = |item: Value| {
        json!({
            "format": "open-vex", "id": "", "author": "", "version": "", "published": null, "modified": null,
            "statements": [{
                "vulnerability": {"id": "CVE-1", "aliases": []}, "status": "fixed", "time": null, "text": null,
                "targets": [{"item": item, "within": []}],
            }],
        })
    };
    let range = |range: &str| json!({"packages": [{"purl": "pkg:npm/a", "range": range}]});
    for (item, is_read) in [
        (json!({"cpes": ["cpe:nothing"]}), false),
        (json!({"packages": [{"purl": "npm/a", "range": null}]}), false),
        (range("<1"), false),
        (range("vers:npm/<1.0.0"), true),
        (json!({"cpes": ["cpe:/a:b:c%21d"]}), true),
        (json!({}), true),
    ] {
        let read = serde_json::from_value::<Document>(statement(item.clone()));
        assert_eq!(read.is_ok(), is_read, "{item}: {read:?}");
    }
}
