//! Manifests and lockfiles of JavaScript come from anyone. Whatever they hold, what is found has a name and a purl.
#![no_main]

use std::sync::LazyLock;

use garrison_fuzz::Family;
use libfuzzer_sys::fuzz_target;

static FAMILY: LazyLock<Family> = LazyLock::new(|| {
    Family::new(&[
        ("npm-installed", "/app/node_modules/a/package.json", "/app/package.json"),
        ("npm-lock", "/app/package-lock.json", "/app/package.json"),
        ("yarn-lock", "/app/yarn.lock", "/app/package.json"),
        ("pnpm-lock", "/app/pnpm-lock.yaml", "/app/package.json"),
        ("bun-lock", "/app/bun.lock", "/app/package.json"),
    ])
});

fuzz_target!(|input: &[u8]| {
    let components = FAMILY.read(input).into_iter().flat_map(|inventory| inventory.components);
    for component in components {
        assert!(component.purl.is_some(), "{component:?}");
    }
});
