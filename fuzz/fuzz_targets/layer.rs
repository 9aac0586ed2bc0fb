//! Input: a layer's blob: a tar, or one that gzip or zstd compressed.
//!
//! Reading it in each way gives the same record or error, which comes back whole from its bytes; its inventory is sorted and refers to nothing outside itself.
#![no_main]

use std::sync::LazyLock;

use component::{Node, Subject};
use libfuzzer_sys::fuzz_target;
use sbom::{Allowance, Error, LayerRecord, LayerScope, Matcher, Source, catalogers, inventory, read_layer, read_layer_ahead};

static MATCHER: LazyLock<Matcher> = LazyLock::new(|| Matcher::new(catalogers().iter().collect()));

fuzz_target!(|input: &[u8]| {
    let allowance = || Allowance::new(|| Err(std::io::ErrorKind::Unsupported.into()));
    let open = || Ok::<_, Error>(input);
    let layer = read_layer(open, None, None, &MATCHER, &allowance());
    let again = read_layer_ahead(open, None, None, &MATCHER, &allowance());
    let (layer, again) = match (layer, again) {
        (Ok(layer), Ok(again)) => (layer, again),
        (Err(error), Err(again)) => return assert_eq!(format!("{error:?}"), format!("{again:?}")),
        _ => panic!("it is read in one way and refused in the other"),
    };
    let bytes = layer.record.to_bytes();
    assert_eq!((again.record.to_bytes() == bytes, again.diff_id), (true, layer.diff_id));
    let stored = LayerRecord::from_bytes(&bytes).expect("what is stored is read");

    let found = |records: &[&LayerRecord]| {
        let subject = Subject::Image { name: String::new(), digest: String::new(), platform: None };
        inventory(
            Source { subject, layers: Vec::new(), records, created: None },
            &MATCHER,
            LayerScope::AllLayers,
        )
    };
    let inventory = found(&[&layer.record]);
    assert_eq!(found(&[&stored]), inventory);
    // Laid over itself its links have a lower layer.
    assert_eq!(found(&[&stored, &layer.record]), found(&[&layer.record, &stored]));
    assert!(inventory.edges.is_sorted());
    for edge in &inventory.edges {
        assert!((edge.to.0 as usize) < inventory.components.len());
        assert!(edge.from != Node::Component(edge.to));
    }
});
