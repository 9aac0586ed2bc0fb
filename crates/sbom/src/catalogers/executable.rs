//! Executables themselves: what their package notes say, and which of them nothing names.

use component::{Component, PackageType, Purl, Technique};

use crate::extractors::executable::{EXECUTABLE, Executable, Kind, PackageNote};
use crate::unread::UNNAMED;
use crate::{Abilities, Cataloger, Claim, Edges, Evidence, File, Findings, Keep, Pattern, Versions, View};

const NAME: &str = "executable";

/// Finds packages by the notes that distributions link into executables.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: NAME,
    summary: "executables: the package that a distribution's note names, and programs that nothing names",
    evidence: Evidence::Installed,
    claims: &[Claim { pattern: Pattern::Executable, keep: Keep::Record(&EXECUTABLE) }],
    abilities: Abilities { packages: &[PackageType::Apk, PackageType::Deb, PackageType::Rpm, PackageType::Binary], versions: Versions::Exact, edges: Edges::None, licenses: true, files: false, hashes: false },
    catalog,
};

fn catalog(view: &View<'_>, findings: &mut Findings) {
    for file in view.files(0) {
        let Some(executable) = Executable::from_record(file.bytes()) else { continue };
        for damage in &executable.damage {
            findings.unknown(file.location(), format!("{} {}: {damage}", executable.format.name(), executable.kind.name()));
        }
        let is_named = executable.package_note.as_ref().is_some_and(|note| package(&file, note, findings));
        if !is_named && !is_named_elsewhere(&executable) {
            findings.unidentified(file.location(), description(&executable));
        }
    }
}

/// Whether another cataloger reads a name out of it.
fn is_named_elsewhere(executable: &Executable) -> bool {
    executable.go.is_some() || executable.rust.is_some() || (executable.is_managed && executable.version_info.is_some())
}

fn description(executable: &Executable) -> String {
    let mut text = format!("{} {}", executable.format.name(), executable.kind.name());
    if let Some(architecture) = &executable.architecture {
        text = format!("{text} for {architecture}");
    }
    match (executable.kind, &executable.interpreter, executable.needed.is_empty()) {
        (Kind::Program, None, true) => text.push_str(", statically linked"),
        (_, _, false) => {
            text.push_str(", needs ");
            text.push_str(&executable.needed.iter().take(NEEDED_SHOWN).map(String::as_str).collect::<Vec<_>>().join(" "));
            if executable.needed.len() > NEEDED_SHOWN {
                text.push_str(" …");
            }
        }
        _ => {}
    }
    if let Some(build_id) = &executable.build_id {
        text.push_str(", build id ");
        text.push_str(build_id);
    }
    text.push_str(": ");
    text.push_str(UNNAMED);
    text
}

/// A reader recognises a program by its first libraries.
const NEEDED_SHOWN: usize = 8;

fn package(file: &File<'_>, note: &PackageNote, findings: &mut Findings) -> bool {
    let Some(name) = note.name.as_deref().filter(|name| !name.is_empty()) else { return false };
    let package_type = match note.kind.as_deref() {
        Some("deb") => PackageType::Deb,
        Some("rpm") => PackageType::Rpm,
        Some("apk") => PackageType::Apk,
        _ => PackageType::Binary,
    };
    let mut component = Component::new(package_type, name, NAME, Technique::Binary);
    component.version.clone_from(&note.version);
    component.purl = purl(package_type, name, note);
    component.cpes.extend(note.app_cpe.clone());
    component.licenses.extend(note.license.as_deref().and_then(component::License::parse));
    component.supplier.clone_from(&note.maintainer);
    component.architecture.clone_from(&note.architecture);
    // One program of a package is not the whole package, and not all of it need be there.
    component.confidence_percent = 80;
    component.locations.push(file.location());
    component.properties.insert("executable:package-note".into(), note.kind.clone().unwrap_or_default());
    findings.add_unless_owned(component);
    true
}

fn purl(package_type: PackageType, name: &str, note: &PackageNote) -> Option<Purl> {
    let stated = note.version.as_deref().unwrap_or_default();
    // In a purl of the type an RPM's epoch stands by itself (package-url, "rpm").
    let (epoch, version) = match stated.split_once(':') {
        Some((epoch, version)) if package_type == PackageType::Rpm => (epoch, version),
        _ => ("", stated),
    };
    let builder = Purl::builder(package_type.purl_type(), name).version(version).qualifier("epoch", epoch);
    let os = note.os.as_deref().unwrap_or_default();
    if package_type == PackageType::Binary {
        return builder.build().ok();
    }
    let distribution = match &note.os_version {
        Some(version) if !os.is_empty() => format!("{os}-{version}"),
        _ => os.to_owned(),
    };
    let builder = builder.namespace(os).qualifier("arch", note.architecture.as_deref().unwrap_or_default()).qualifier("distro", &distribution);
    builder.build().ok()
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "samples are small")]
mod tests {
    use super::*;
    use crate::extractors::executable::samples::elf;
    use crate::testing::{catalog, render};

    fn note(json: &str) -> Vec<u8> {
        let mut bytes = [4_u32, json.len() as u32, 0xcafe_1a7e].map(u32::to_le_bytes).concat();
        bytes.extend(b"FDO\0");
        bytes.extend(json.as_bytes());
        bytes
    }

    fn check(sections: &[(&str, &[u8])]) -> String {
        render(&catalog(&CATALOGER, &[("/opt/program", &elf(sections))]))
    }

    #[test]
    fn packages_that_notes_name() {
        let json = r#"{"type":"rpm","name":"coreutils","version":"9.1-2.fc38","architecture":"x86_64","os":"fedora","osVersion":"38"}"#;
        insta::assert_snapshot!(check(&[(".note.package", &note(json))]), @r#"rpm coreutils@9.1-2.fc38 pkg:rpm/fedora/coreutils@9.1-2.fc38?arch=x86_64&distro=fedora-38 arch=x86_64 executable:package-note="rpm" at /opt/program"#);
        let json = r#"{"type":"rpm","name":"openssl","version":"1:3.0.1-1.el9","os":"almalinux","osVersion":"9.4"}"#;
        insta::assert_snapshot!(check(&[(".note.package", &note(json))]), @r#"rpm openssl@1:3.0.1-1.el9 pkg:rpm/almalinux/openssl@3.0.1-1.el9?distro=almalinux-9.4&epoch=1 executable:package-note="rpm" at /opt/program"#);
        insta::assert_snapshot!(check(&[(".note.package", &note(r#"{"type":"pkg","name":"tool","version":"1","appCpe":"cpe:2.3:a:x:tool:1:*:*:*:*:*:*:*"}"#))]), @r#"binary tool@1 pkg:generic/tool@1 executable:package-note="pkg" at /opt/program"#);
    }

    #[test]
    fn what_nothing_names_is_reported() {
        insta::assert_snapshot!(check(&[]), @"unknown /opt/program: ELF program for amd64, statically linked: no package owns it and nothing in it names it");
        insta::assert_snapshot!(check(&[(".note.package", &note("{"))]), @r"
        unknown /opt/program: ELF program for amd64, statically linked: no package owns it and nothing in it names it
        unknown /opt/program: ELF program: package note: it is not the expected JSON: EOF while parsing an object at line 1 column 1
        ");
        insta::assert_snapshot!(check(&[(".note.package", &note(r#"{"type":"rpm"}"#))]), @"unknown /opt/program: ELF program for amd64, statically linked: no package owns it and nothing in it names it");
    }
}
