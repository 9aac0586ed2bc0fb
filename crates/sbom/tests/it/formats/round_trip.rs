use component::{Component, ComponentIndex, Inventory, Node};
use proptest::prelude::*;
use sbom::Matcher;
use sbom::formats::{CycloneDxVersion, Format, Layout, WriteOptions, read, write};

use super::generate::inventory;
use crate::inventory::inventories;

/// Takes away what a format has no place for. Components that differed in their files alone become one.
fn without_files(mut inventory: Inventory) -> Inventory {
    let bare: Vec<_> =
        inventory.components.iter().map(|component| Component { files: Vec::new(), ..component.clone() }).collect();
    let mut sorted = bare.clone();
    sorted.sort();
    sorted.dedup();
    let place = |index: ComponentIndex| {
        let place = sorted.binary_search(&bare[index.0 as usize]).unwrap();
        ComponentIndex(u32::try_from(place).unwrap())
    };
    for edge in &mut inventory.edges {
        edge.to = place(edge.to);
        if let Node::Component(from) = &mut edge.from {
            *from = place(*from);
        }
    }
    inventory.edges.retain(|edge| edge.from != Node::Component(edge.to));
    inventory.edges.sort();
    inventory.edges.dedup();
    inventory.components = sorted;
    inventory
}

fn check(inventory: &Inventory, format: Format, expected: &Inventory) -> Result<(), TestCaseError> {
    let bytes = write(inventory, &WriteOptions::new(format));
    let found = read(&bytes).map_err(|error| TestCaseError::fail(format!("{error:?}")))?;
    prop_assert_eq!(found.repairs.wrong, 0, "{}: {:?}", format, found.repairs);
    prop_assert_eq!(found.format, format.name());
    prop_assert_eq!(&found.inventory, expected, "{} {}", format, String::from_utf8_lossy(&bytes));
    let again = write(&found.inventory, &WriteOptions::new(format));
    if expected == inventory {
        prop_assert_eq!(again, bytes, "{}", format);
    }
    Ok(())
}

#[test]
fn every_format_keeps_what_fixtures_hold() {
    let Some(bundle) = testkit::bundle("inventory/syft-cataloger-inputs") else { return };
    let matcher = Matcher::new(sbom::catalogers().iter().collect());
    for (ecosystem, fixture, inventory) in inventories(bundle.path(), &matcher) {
        let fails = |error: TestCaseError| panic!("{ecosystem} {fixture}: {error}");
        check(&inventory, Format::Syft, &inventory).unwrap_or_else(fails);
        let expected = without_files(inventory.clone());
        for format in CycloneDxVersion::ALL.map(Format::CycloneDx).into_iter().chain([Format::Spdx]) {
            check(&inventory, format, &expected).unwrap_or_else(fails);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn cyclonedx_keeps_all_but_owned_files(inventory in inventory()) {
        let expected = without_files(inventory.clone());
        for version in CycloneDxVersion::ALL {
            check(&inventory, Format::CycloneDx(version), &expected)?;
        }
    }

    #[test]
    fn spdx_keeps_all_but_owned_files(inventory in inventory()) {
        check(&inventory, Format::Spdx, &without_files(inventory.clone()))?;
    }

    #[test]
    fn syft_json_keeps_all(inventory in inventory()) {
        check(&inventory, Format::Syft, &inventory)?;
    }

    #[test]
    fn formats_translate_into_each_other(inventory in inventory()) {
        let mut found = without_files(inventory);
        let expected = found.clone();
        for format in [Format::Syft, Format::Spdx, Format::default(), Format::Spdx, Format::Syft] {
            let bytes = write(&found, &WriteOptions { layout: Layout::Indented, ..WriteOptions::new(format) });
            found = read(&bytes).map_err(|error| TestCaseError::fail(format!("{error:?}")))?.inventory;
        }
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn a_purl_list_keeps_the_purls(inventory in inventory()) {
        // A source package that a component names beside its purl is put into it.
        let without_source = |component: &Component| component.purl.as_ref()?.with_qualifier("upstream", "").ok();
        let purls = |components: &[Component]| {
            let mut purls: Vec<_> = components.iter().filter_map(without_source).collect();
            purls.sort();
            purls.dedup();
            purls
        };
        let bytes = write(&inventory, &WriteOptions::new(Format::Purls));
        let expected = purls(&inventory.components);
        if !expected.is_empty() {
            let found = read(&bytes).map_err(|error| TestCaseError::fail(format!("{error:?}")))?;
            prop_assert!(found.repairs.is_empty(), "{:?}", found.repairs);
            prop_assert_eq!(purls(&found.inventory.components), expected);
        }
    }
}
