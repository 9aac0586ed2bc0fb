//! Python distributions that lie packed: wheels (`*.whl`) and zipped eggs. Python imports them as they are, and pip installs from them.
//!
//! Follows the PyPA specification "Binary distribution format", and setuptools' documentation of eggs.

use component::{PackageType, Technique};

use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::identity::Finder;
use crate::ecosystems::pypi::{self, Metadata};
use crate::extractors::python_archive::PYTHON_ARCHIVE;
use crate::view::View;

/// Wheels and zipped eggs.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "python-archive",
    summary: "Python distributions that lie packed: wheels and zipped eggs",
    evidence: Evidence::Installed,
    claims: &[Claim { pattern: Pattern::Path("**/*.{whl,egg}"), keep: Keep::Record(&PYTHON_ARCHIVE) }],
    abilities: Abilities { packages: &[PackageType::Python], versions: Versions::Exact, edges: Edges::None, licenses: true, files: false, hashes: false },
    catalog,
};

const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Archive };

fn catalog(view: &View<'_>, findings: &mut Findings) {
    for file in view.files(0) {
        let metadata = Metadata::parse(file.bytes());
        let version = metadata.first("version").filter(|version| pypi::is_version(version));
        let component = version.and_then(|version| pypi::component(FINDER, metadata.first("name")?, Some(version), &[]));
        let Some(mut component) = component else {
            findings.unknown(file.location(), "the metadata has no valid name and version");
            continue;
        };
        component.licenses = metadata.licenses();
        component.supplier = metadata.supplier();
        component.locations.push(file.location());
        findings.add(component);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extractors::zip::samples::zip;
    use crate::testing::{catalog, render};

    #[test]
    fn what_lies_packed() {
        let metadata: &[u8] = b"Metadata-Version: 2.1\nName: Django\nVersion: 3.2\nLicense: BSD\nAuthor: A\nClassifier: License :: OSI Approved :: BSD License\n\nName: not this\n";
        let egg: &[u8] = b"Metadata-Version: 1.0\r\nName: old_egg\r\nVersion: 0.1\r\n\r\ntext";
        let copied: &[u8] = b"Name: copied\nVersion: 1\n";
        let wheel = zip(false, &[("pip/_vendor/copied-1.dist-info/METADATA", copied), ("Django-3.2.dist-info/METADATA", metadata), ("django/__init__.py", b"")]);
        let packed_egg = zip(true, &[("EGG-INFO/PKG-INFO", egg)]);
        let nothing = zip(true, &[("a/b", b"")]);
        let nameless = zip(true, &[("a-1.dist-info/METADATA", b"Name: a\nVersion: ?\n")]);
        let files: &[(&str, &[u8])] = &[
            ("/wheels/Django-3.2-py3-none-any.whl", &wheel),
            ("/lib/python3/site-packages/old_egg-0.1-py3.egg", &packed_egg),
            ("/bad/empty.whl", b""),
            ("/bad/nameless.whl", &nameless),
            ("/bad/no.whl", b"no archive"),
            ("/bad/nothing.egg", &nothing),
        ];
        insta::assert_snapshot!(render(&catalog(&CATALOGER, files)), @r#"
            python django@3.2 pkg:pypi/django@3.2 license="BSD License" supplier="A" at /wheels/Django-3.2-py3-none-any.whl
            python old-egg@0.1 pkg:pypi/old-egg@0.1 at /lib/python3/site-packages/old_egg-0.1-py3.egg
            unknown /bad/nameless.whl: the metadata has no valid name and version
            unknown /bad/no.whl: not a zip archive, or one that is cut off: it has no central directory
            unknown /bad/nothing.egg: the archive has no metadata of a Python distribution
            "#);
    }
}
