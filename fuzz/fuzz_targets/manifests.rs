//! Input: a line with the request's `Content-Type`, empty for none, and then the manifest.
//!
//! Whatever is taken means the same to a plain JSON reader, is not an image and an index at once, and stays within the
//! limits.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oci::manifest::DESCRIPTORS_MAX;
use oci::{Descriptor, Manifest, ManifestKind};
use serde_json::Value;

fuzz_target!(|input: &[u8]| {
    let Some(end) = input.iter().position(|byte| *byte == b'\n') else { return };
    let Ok(content_type) = std::str::from_utf8(&input[..end]) else { return };
    let content_type = (!content_type.is_empty()).then_some(content_type);
    let bytes = &input[end + 1..];
    let Ok(manifest) = Manifest::parse(content_type, bytes) else { return };

    let document: Value = serde_json::from_slice(bytes).expect("what was taken is JSON");
    let stated = document["mediaType"].as_str().filter(|text| !text.is_empty());
    assert!(stated.is_none_or(|stated| stated == manifest.media_type));
    assert!(manifest.media_type.bytes().all(|byte| byte.is_ascii_graphic()));

    let is_image_like = manifest.config.is_some() || !manifest.layers.is_empty();
    assert!(!is_image_like || manifest.manifests.is_empty());
    match manifest.kind {
        ManifestKind::Image => assert!(manifest.config.is_some() && document.get("manifests").is_none()),
        ManifestKind::Index => assert!(!is_image_like && document.get("config").is_none()),
        ManifestKind::Other => assert!(manifest.media_type.to_ascii_lowercase().ends_with("+json")),
    }
    assert!(manifest.contents().count() <= DESCRIPTORS_MAX + 1);

    assert_same(manifest.config.iter(), &document["config"]);
    assert_same(manifest.subject.iter(), &document["subject"]);
    assert_same(manifest.manifests.iter(), &document["manifests"]);
    let from_layers = document["layers"].as_array().map_or(0, Vec::len);
    assert_same(manifest.layers[..from_layers].iter(), &document["layers"]);
});

// The digests and sizes, in order, as a reader without any of our checks finds them.
fn assert_same<'a>(understood: impl Iterator<Item = &'a Descriptor>, plain: &Value) {
    let plain = match plain {
        Value::Array(list) => list.as_slice(),
        Value::Null => &[],
        one => std::slice::from_ref(one),
    };
    let understood: Vec<_> = understood.map(|found| (found.digest.to_string(), found.size)).collect();
    let plain: Vec<_> = plain
        .iter()
        .map(|one| (one["digest"].as_str().unwrap_or_default().to_owned(), one["size"].as_u64().unwrap_or(u64::MAX)))
        .collect();
    assert_eq!(understood, plain);
}
