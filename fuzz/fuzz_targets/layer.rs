//! Input: a layer's blob: a tar, or one that gzip or zstd compressed.
//!
//! Reading it twice gives the same record, which comes back whole from its bytes; its inventory is sorted and refers to nothing outside itself.
#![no_main]

use std::sync::LazyLock;

use component::{Node, Subject};
use libfuzzer_sys::fuzz_target;
use sbom::{LayerRecord, LayerScope, Matcher, Source, catalogers, inventory, read_layer};

static MATCHER: LazyLock<Matcher> = LazyLock::new(|| Matcher::new(catalogers().iter().collect()));

fuzz_target!(|input: &[u8]| {
    let read = || read_layer(input, None, None, &MATCHER, || Err(std::io::ErrorKind::Unsupported.into()));
    let Ok(layer) = read() else { return };
    let bytes = layer.record.to_bytes();
    let again = read().expect("it was read before");
    assert_eq!((again.record.to_bytes() == bytes, again.diff_id), (true, layer.diff_id));
    let stored = LayerRecord::from_bytes(&bytes).expect("what is stored is read");

    let found = |record: &LayerRecord| {
        let subject = Subject::Image { name: String::new(), digest: String::new(), platform: None };
        inventory(
            Source { subject, layers: Vec::new(), records: &[record], created: None },
            &MATCHER,
            LayerScope::AllLayers,
        )
    };
    let inventory = found(&layer.record);
    assert_eq!(found(&stored), inventory);
    assert!(inventory.edges.is_sorted());
    for edge in &inventory.edges {
        assert!((edge.to.0 as usize) < inventory.components.len());
        assert!(edge.from != Node::Component(edge.to));
    }
});
