//! Manifests and lockfiles of JavaScript come from anyone. Whatever they hold, what is found has a name and a purl.
#![no_main]

use libfuzzer_sys::fuzz_target;

/// Catalogers, and the files that each of them claims: one with the bytes in question, one beside it.
const CATALOGERS: &[(&str, &str, &str)] = &[
    ("npm-installed", "/app/node_modules/a/package.json", "/app/package.json"),
    ("npm-lock", "/app/package-lock.json", "/app/package.json"),
    ("yarn-lock", "/app/yarn.lock", "/app/package.json"),
    ("pnpm-lock", "/app/pnpm-lock.yaml", "/app/package.json"),
    ("bun-lock", "/app/bun.lock", "/app/x"),
];

fuzz_target!(|data: &[u8]| {
    let Some((choice, data)) = data.split_first() else {
        return;
    };
    let (name, file, beside) = CATALOGERS[usize::from(*choice) % CATALOGERS.len()];
    let cataloger = sbom::catalogers().iter().find(|known| known.name == name).expect("the cataloger is there");
    // What stands behind a zero byte is the other file.
    let split = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let other = data.get(split + 1..).unwrap_or_default();
    let inventory = sbom::testing::catalog(cataloger, &[(file, &data[..split]), (beside, other)]);
    for component in &inventory.components {
        assert!(!component.name.is_empty() && component.name.len() <= 512);
        assert!(component.version.as_ref().is_none_or(|version| !version.is_empty() && version.len() <= 512));
        assert!(component.purl.is_some(), "{component:?}");
    }
    for edge in &inventory.edges {
        assert!((edge.to.0 as usize) < inventory.components.len());
    }
});
