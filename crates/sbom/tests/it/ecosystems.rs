//! The table of what catalogers find, made from what they declare, and their declarations against what they find in fixtures.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use component::{Node, Relation};
use sbom::{Abilities, Cataloger, Edges, Evidence, Matcher, Versions};

use crate::inventory::inventories;

/// The order of the table: the kinds of packages as they are declared, installed evidence first.
fn table() -> String {
    let mut rows: BTreeMap<(&[component::PackageType], Evidence, &str), String> = BTreeMap::new();
    for cataloger in sbom::catalogers().iter().filter(|cataloger| !cataloger.abilities.packages.is_empty()) {
        let Cataloger { name, summary, evidence, abilities, .. } = cataloger;
        let Abilities { packages, versions, edges, licenses, files, hashes } = abilities;
        let types = packages.iter().map(|package| format!("`{package}`")).collect::<Vec<_>>().join(", ");
        let evidence_words = match evidence {
            Evidence::Installed => "installed",
            Evidence::Declared => "declared",
        };
        let versions = match versions {
            Versions::Exact => "exact",
            Versions::Stated => "where stated",
        };
        let edges = match edges {
            Edges::Complete => "complete",
            Edges::Flat => "direct ones",
            Edges::None => "no",
        };
        let [licenses, files, hashes] = [licenses, files, hashes].map(|is_read| if *is_read { "yes" } else { "no" });
        let row = format!(
            "| {types} | [`{name}`](catalogers/{name}.md): {summary} | {evidence_words} | {versions} | {edges} | {licenses} | {files} | {hashes} |\n"
        );
        rows.insert((packages, *evidence, name), row);
    }
    let mut text = String::from(
        "# What is found\n\nThis page is made from what the catalogers declare of themselves; a test holds them to it. Each has a page with its files, facts and limits.\n\n\
         - **Evidence**: *installed* says what is there, *declared* what is wanted or locked.\n\
         - **Version**: *exact* is that of what is there; *where stated* leaves out ranges and properties that nobody resolved.\n\
         - **Edges**: who needs whom. *Complete* is the graph that the evidence holds, *direct ones* only what the project itself asks for.\n\
         - **Files**: which files a package owns. **Digests**: those of packages or of their files, as their source states them.\n\n\
         | Package type | Found by | Evidence | Version | Edges | Licences | Files | Digests |\n|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows.values() {
        text.push_str(row);
    }
    text
}

#[test]
fn the_table_in_the_documentation_is_what_catalogers_declare() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sbom-ecosystems.md");
    if std::env::var_os("UPDATE_DOCUMENTATION").is_some() {
        fs::write(&path, table()).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let hint = "`UPDATE_DOCUMENTATION=1 cargo test -p garrison-sbom --test it ecosystems` writes it anew";
    assert!(written == table(), "docs/sbom-ecosystems.md is not what catalogers declare; {hint}");
}

#[test]
fn every_cataloger_has_a_page() {
    for cataloger in sbom::catalogers().iter().filter(|cataloger| !cataloger.abilities.packages.is_empty()) {
        let path = format!("{}/../../docs/catalogers/{}.md", env!("CARGO_MANIFEST_DIR"), cataloger.name);
        let page = fs::read_to_string(&path).unwrap_or_default();
        assert!(page.starts_with(&format!("# {}\n", cataloger.name)), "{path}");
    }
}

#[test]
fn nothing_is_found_that_is_not_declared() {
    let Some(bundle) = testkit::bundle("inventory/syft-cataloger-inputs") else { return };
    let mut undeclared = String::new();
    for cataloger in sbom::catalogers() {
        let abilities = cataloger.abilities;
        let matcher = Matcher::new(vec![cataloger]);
        for (_, fixture, inventory) in inventories(bundle.path(), &matcher) {
            let depends = inventory.edges.iter().filter(|edge| matches!(edge.relation, Relation::DependsOn(_)));
            let mut depends = depends.filter_map(|edge| match edge.from {
                Node::Component(from) => Some(&inventory.components[from.0 as usize]),
                Node::Root => None,
            });
            // A project's own needs are what is direct.
            let has_edges = depends.any(|from| from.technique != component::Technique::Manifest);
            let components = &inventory.components;
            let facts = [
                ("package type", components.iter().any(|found| !abilities.packages.contains(&found.package_type))),
                ("edges", has_edges && abilities.edges != Edges::Complete),
                ("licences", !abilities.licenses && components.iter().any(|found| !found.licenses.is_empty())),
                ("files", !abilities.files && components.iter().any(|found| !found.files.is_empty())),
                ("digests", !abilities.hashes && components.iter().any(|found| !found.hashes.is_empty())),
            ];
            for (fact, is_undeclared) in facts {
                if is_undeclared {
                    writeln!(undeclared, "{}: {fact} in {fixture}", cataloger.name).unwrap();
                }
            }
        }
    }
    assert!(undeclared.is_empty(), "{undeclared}");
}
