//! Input: a document of any format that inventories are read from.
//!
//! Whatever is taken is sorted, holds nothing twice and refers to nothing outside itself; written again, it comes back the same from every format.

#![no_main]

use component::Node;
use libfuzzer_sys::fuzz_target;
use sbom::formats::{CycloneDxVersion, Format, Limits, Strictness, WriteOptions, read_with, write};

fuzz_target!(|input: &[u8]| {
    let limits = Limits { components: 1_000, edges: 10_000, ..Limits::default() };
    let Ok(document) = read_with(input, &limits, Strictness::Lenient) else { return };
    let mut inventory = document.inventory;
    assert!(inventory.components.is_sorted() && inventory.edges.is_sorted());
    assert!(inventory.components.windows(2).all(|pair| pair[0] != pair[1]));
    assert!(inventory.edges.windows(2).all(|pair| pair[0] != pair[1]));
    for edge in &inventory.edges {
        assert!((edge.to.0 as usize) < inventory.components.len());
        assert!(edge.from != Node::Component(edge.to));
    }

    check(&inventory, Format::Syft);
    for component in &mut inventory.components {
        component.files.clear();
    }
    // Components that differed in their files alone would be one.
    if inventory.components.windows(2).all(|pair| pair[0] < pair[1]) {
        for version in CycloneDxVersion::ALL {
            check(&inventory, Format::CycloneDx(version));
        }
        check(&inventory, Format::Spdx);
    }
    let _ = diff(&inventory);
});

fn check(inventory: &component::Inventory, format: Format) {
    let bytes = write(inventory, &WriteOptions::new(format));
    assert_eq!(bytes, write(inventory, &WriteOptions::new(format)));
    let again = read_with(&bytes, &Limits::default(), Strictness::Lenient).expect("what is written is read");
    assert_eq!(&again.inventory, inventory, "{format}");
}

fn diff(inventory: &component::Inventory) -> String {
    let diff = sbom::diff::diff(inventory, inventory);
    assert!(diff.is_empty());
    String::from_utf8(write(inventory, &WriteOptions::new(Format::Table))).expect("a table is text")
}
