//! Input: a file that may be a Java archive.
//!
//! Reading it twice gives the same record, and the cataloger takes whatever the record holds: what contains what is a tree.

#![no_main]

use std::sync::LazyLock;

use component::{Node, Relation};
use garrison_fuzz::{Catalogers, cataloger};
use libfuzzer_sys::fuzz_target;
use sbom::{Content, Keep};

static ARCHIVES: LazyLock<Catalogers> = LazyLock::new(|| Catalogers::new(&["java-archive"]));

fuzz_target!(|input: &[u8]| {
    let Keep::Record(extractor) = cataloger("java-archive").claims[0].keep else { unreachable!("it keeps records") };
    let read = || (extractor.extract)(&Content::from_bytes(input.to_vec()));
    let Ok(Some(record)) = read() else { return };
    assert_eq!(read(), Ok(Some(record)));
    let inventory = ARCHIVES.read(&[("/lib/archive-1.0.jar", input)]);
    assert!(!inventory.components.is_empty());
    for edge in inventory.edges.iter().filter(|edge| edge.relation == Relation::Contains) {
        assert_ne!(edge.from, Node::Component(edge.to));
    }
});
