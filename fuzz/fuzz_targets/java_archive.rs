//! Input: a file that may be a Java archive.
//!
//! Reading it twice gives the same record, and the cataloger takes whatever the record holds: what contains what is a tree.

#![no_main]

use component::{Node, Relation};
use libfuzzer_sys::fuzz_target;
use sbom::testing::catalog;
use sbom::{Content, Keep, catalogers};

fuzz_target!(|input: &[u8]| {
    let cataloger = catalogers().iter().find(|cataloger| cataloger.name == "java-archive").expect("the cataloger is there");
    let Keep::Record(extractor) = cataloger.claims[0].keep else { unreachable!("it keeps records") };
    let read = || (extractor.extract)(&Content::from_bytes(input.to_vec()));
    let Ok(Some(record)) = read() else { return };
    assert_eq!(read(), Ok(Some(record)));
    let inventory = catalog(cataloger, &[("/lib/archive-1.0.jar", input)]);
    assert!(!inventory.components.is_empty());
    for edge in inventory.edges.iter().filter(|edge| edge.relation == Relation::Contains) {
        assert_ne!(edge.from, Node::Component(edge.to));
    }
});
