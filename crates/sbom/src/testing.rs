//! For tests of catalogers: files in, text out.

use std::fmt::Write as _;

use component::{Code, Component, Inventory, Node, Relation, Scope};

use crate::content::Spill;
use crate::{Allowance, Cataloger, LayerBuilder, LayerScope, Matcher, catalogers, inventory_of_directory};

/// No test writes more than fits into memory.
const NO_SPILL: Spill = || Err(std::io::ErrorKind::Unsupported.into());

/// Returns what one cataloger finds in a directory that holds the files (absolute path, bytes; mode 0755 for what is in a `bin`, else 0644).
///
/// # Panics
/// When the files do not make a layer.
pub fn catalog(cataloger: &'static Cataloger, files: &[(&str, &[u8])]) -> Inventory {
    catalog_at("", cataloger, files)
}

/// The same in a directory that is at a place.
fn catalog_at(place: &str, cataloger: &'static Cataloger, files: &[(&str, &[u8])]) -> Inventory {
    let release = catalogers().iter().find(|known| known.name == "os-release").expect("the cataloger is there");
    let matcher = Matcher::new(vec![cataloger, release]);
    let allowance = Allowance::new(NO_SPILL);
    let mut builder = LayerBuilder::new(&matcher, &allowance);
    for (path, bytes) in files {
        let path = path.trim_start_matches('/');
        let mode = if path.split('/').any(|part| part == "bin") { 0o755 } else { 0o644 };
        builder.add_file(path, mode, bytes.len() as u64, &mut &**bytes).expect("the files make a layer");
    }
    let record = builder.finish();
    inventory_of_directory("test".to_owned(), place, &record, &matcher, LayerScope::Squashed)
}

/// Returns what one cataloger finds in a directory that holds texts (absolute path, text), as text.
#[cfg(test)]
pub(crate) fn found(cataloger: &'static Cataloger, files: &[(&str, &str)]) -> String {
    found_at("", cataloger, files)
}

/// The same in a directory that is at a place.
#[cfg(test)]
pub(crate) fn found_at(place: &str, cataloger: &'static Cataloger, files: &[(&str, &str)]) -> String {
    let files: Vec<(&str, &[u8])> = files.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
    render(&catalog_at(place, cataloger, &files))
}

/// Returns an inventory as text: a line for each component, edge and unknown.
pub fn render(inventory: &Inventory) -> String {
    let mut text = String::new();
    for component in &inventory.components {
        line(&mut text, component);
    }
    let name = |node: Node| match node {
        Node::Root => "root".to_owned(),
        Node::Component(index) => short(&inventory.components[index.0 as usize]),
    };
    for edge in &inventory.edges {
        let relation = match edge.relation {
            Relation::DependsOn(Scope::Runtime) => "->",
            Relation::DependsOn(Scope::Optional) => "-optional->",
            Relation::DependsOn(Scope::Development) => "-development->",
            Relation::Contains => "-contains->",
            Relation::Owns => "-owns->",
        };
        let _ = writeln!(text, "{} {relation} {}", name(edge.from), name(Node::Component(edge.to)));
    }
    for unknown in &inventory.unknowns {
        let _ = writeln!(text, "unknown {}: {}", unknown.location, unknown.reason);
    }
    text
}

fn short(component: &Component) -> String {
    match &component.version {
        Some(version) => format!("{}@{version}", component.name),
        None => component.name.clone(),
    }
}

fn line(text: &mut String, component: &Component) {
    let _ = write!(text, "{} {}", component.package_type, short(component));
    if let Some(purl) = &component.purl {
        let _ = write!(text, " {purl}");
    }
    match component.scope {
        Scope::Runtime => {}
        Scope::Optional => text.push_str(" optional"),
        Scope::Development => text.push_str(" development"),
    }
    match component.direct {
        Some(true) => text.push_str(" direct"),
        Some(false) => text.push_str(" transitive"),
        None => {}
    }
    match component.code {
        Code::Unknown | Code::Present => {}
        Code::Absent => text.push_str(" no-code"),
    }
    if let Some(architecture) = &component.architecture {
        let _ = write!(text, " arch={architecture}");
    }
    if let Some(source) = &component.source {
        let _ = write!(text, " source={}@{}", source.name, source.version.as_deref().unwrap_or("="));
    }
    if let Some(module) = &component.module {
        let _ = write!(text, " module={module}");
    }
    for license in &component.licenses {
        let _ = write!(text, " license={:?}", license.text());
    }
    if let Some(supplier) = &component.supplier {
        let _ = write!(text, " supplier={supplier:?}");
    }
    for hash in &component.hashes {
        let _ = write!(text, " {:?}={}", hash.algorithm, hash.hex);
    }
    if !component.files.is_empty() {
        let _ = write!(text, " files={}", component.files.len());
    }
    for (name, value) in &component.properties {
        let _ = write!(text, " {name}={value:?}");
    }
    for location in &component.locations {
        let _ = write!(text, " at {location}");
    }
    text.push('\n');
}
