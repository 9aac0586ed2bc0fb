//! Input: a VEX document.
//!
//! Reading takes time by the document's size; what is read is within its limits; each product can be compared; the same document gives the same
//! statements; a statement that is found speaks of the vulnerability that was asked about.

#![no_main]

use component::{Component, PackageType, Technique};
use libfuzzer_sys::fuzz_target;
use vex::{Document, NAME_BYTES_MAX, Place, Problem, Statements, Subject, TEXT_BYTES_MAX, Trust};

fuzz_target!(|input: &[u8]| {
    let Ok(document) = vex::read(input) else { return };
    assert_eq!(vex::recognize(input), Some(document.format));
    check(&document);
    assert_eq!(vex::read(input).as_ref(), Ok(&document));
    let purls =
        document.statements.iter().flat_map(|statement| &statement.targets).flat_map(|target| &target.item.packages);
    let components: Vec<Component> = purls.take(4).map(|package| component(&package.purl)).collect();
    let names: Vec<String> =
        document.statements.iter().take(4).map(|statement| statement.vulnerability.id.to_lowercase()).collect();
    let statements = Statements::new(vec![document], &Trust::in_all());
    let subject = Subject::default().with_image("registry.example/team/api:1");
    for component in &components {
        let place = Place { subject: &subject, component, containers: &[component] };
        for name in &names {
            let all = statements.all_about(&place, &[name]);
            assert_eq!(statements.about(&place, &[name]), all.first().copied());
            for found in all {
                assert!(found.statement.vulnerability.names().any(|known| known.eq_ignore_ascii_case(name)));
                assert!(found.statement.targets.iter().any(|target| target == found.target));
            }
        }
    }
});

fn check(document: &Document) {
    for statement in &document.statements {
        assert!(!statement.targets.is_empty());
        let names = &statement.vulnerability;
        assert!(names.names().all(|name| !name.is_empty() && name.len() <= NAME_BYTES_MAX));
        assert!(statement.text.as_ref().is_none_or(|text| text.len() <= TEXT_BYTES_MAX));
        for target in &statement.targets {
            assert!(target.item.is_comparable());
            assert!(target.within.iter().all(|outer| outer.is_comparable()));
        }
    }
    for (count, example) in document.problems.values() {
        assert!(*count > 0 && example.len() <= Problem::EXAMPLE_BYTES_MAX);
    }
}

fn component(purl: &component::Purl) -> Component {
    let mut component = Component::new(PackageType::Unknown, purl.name(), "fuzz", Technique::Document);
    component.version = purl.version().map(ToOwned::to_owned);
    component.architecture = purl.qualifier("arch").map(ToOwned::to_owned);
    component.purl = Some(purl.clone());
    component
}
