//! Rust programs that were built with `cargo auditable`.

use component::{Component, PackageType, Purl, Scope, Technique};

use crate::extractors::executable::{Auditable, AuditablePackage, EXECUTABLE, Executable};
use crate::{Abilities, Cataloger, Claim, Edges, Evidence, File, Findings, Keep, Pattern, Versions, View};

const NAME: &str = "rust-binary";

/// Finds the crates that Rust programs were built from.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: NAME,
    summary: "Rust programs: their crates, by the list that cargo auditable links into them",
    evidence: Evidence::Installed,
    claims: &[Claim { pattern: Pattern::Executable, keep: Keep::Record(&EXECUTABLE) }],
    abilities: Abilities { packages: &[PackageType::RustCrate], versions: Versions::Exact, edges: Edges::Complete, licenses: false, files: false, hashes: false },
    catalog,
};

fn catalog(view: &View<'_>, findings: &mut Findings) {
    for file in view.files(0) {
        let Some(executable) = Executable::from_record(file.bytes()) else { continue };
        if let Some(rust) = &executable.rust {
            program(&file, &executable, rust, findings);
        }
    }
}

fn program(file: &File<'_>, executable: &Executable, rust: &Auditable, findings: &mut Findings) {
    let handles: Vec<_> = rust
        .packages
        .iter()
        .map(|package| {
            let mut component = Component::new(PackageType::RustCrate, &package.name, NAME, Technique::Binary);
            component.version = Some(package.version.clone());
            component.purl = purl(package);
            component.scope = scope(package);
            component.architecture.clone_from(&executable.architecture);
            component.locations.push(file.location());
            if package.source != "crates.io" {
                component.properties.insert("rust:source".into(), package.source.clone());
            }
            findings.add(component)
        })
        .collect();
    for (package, &handle) in rust.packages.iter().zip(&handles) {
        if package.is_root {
            findings.direct(handle, Scope::Runtime);
        }
        for &dependency in &package.dependencies {
            let dependency = dependency as usize;
            // What only the build needs, and all that those crates need, never reaches the program.
            let edge = scope(package).max(scope(&rust.packages[dependency]));
            findings.depends_on(handle, handles[dependency], edge);
        }
    }
}

fn scope(package: &AuditablePackage) -> Scope {
    if package.is_build_only { Scope::Development } else { Scope::Runtime }
}

/// A purl without qualifiers means crates.io; crates from elsewhere have none that would be true, as the list does not say from where.
fn purl(package: &AuditablePackage) -> Option<Purl> {
    let is_public = package.source == "crates.io" || package.source == "local";
    is_public.then(|| Purl::builder("cargo", &package.name).version(&package.version).build().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::extractors::executable::samples::elf;
    use crate::testing::{catalog, render};

    fn check(json: &str) -> String {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(json.as_bytes()).expect("a vector takes what is written");
        let section = encoder.finish().expect("a vector takes what is written");
        render(&catalog(&CATALOGER, &[("/bin/program", &elf(&[(".dep-v0", &section)]))]))
    }

    #[test]
    fn crates_edges_and_scopes() {
        let json = r#"{"packages":[
            {"name":"app","version":"0.1.0","source":"local","root":true,"dependencies":[1,2,4]},
            {"name":"cc","version":"1.2.0","source":"crates.io","kind":"build","dependencies":[3]},
            {"name":"serde","version":"1.0.200","source":"crates.io"},
            {"name":"shlex","version":"1.3.0","source":"crates.io","kind":"build"},
            {"name":"forked","version":"2.0.0","source":"git","dependencies":[2]}]}"#;
        insta::assert_snapshot!(check(json), @r#"
        rust-crate app@0.1.0 pkg:cargo/app@0.1.0 direct arch=amd64 rust:source="local" at /bin/program
        rust-crate cc@1.2.0 pkg:cargo/cc@1.2.0 development arch=amd64 at /bin/program
        rust-crate forked@2.0.0 arch=amd64 rust:source="git" at /bin/program
        rust-crate serde@1.0.200 pkg:cargo/serde@1.0.200 arch=amd64 at /bin/program
        rust-crate shlex@1.3.0 pkg:cargo/shlex@1.3.0 development arch=amd64 at /bin/program
        root -> app@0.1.0
        app@0.1.0 -development-> cc@1.2.0
        app@0.1.0 -> forked@2.0.0
        app@0.1.0 -> serde@1.0.200
        cc@1.2.0 -development-> shlex@1.3.0
        forked@2.0.0 -> serde@1.0.200
        "#);
    }

    #[test]
    fn a_damaged_list_names_nothing() {
        insta::assert_snapshot!(check("{}"), @"");
    }
}
