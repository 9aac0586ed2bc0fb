//! Metadata and lockfiles of Python come from anyone. Whatever they hold, what is found has a name and a purl.
#![no_main]

use std::sync::LazyLock;

use garrison_fuzz::Family;
use libfuzzer_sys::fuzz_target;

static FAMILY: LazyLock<Family> = LazyLock::new(|| {
    Family::new(&[
        (
            "python-installed",
            "/lib/python3.11/site-packages/a.dist-info/METADATA",
            "/lib/python3.11/site-packages/a.dist-info/RECORD",
        ),
        (
            "python-installed",
            "/lib/python3.11/site-packages/a.egg-info/PKG-INFO",
            "/lib/python3.11/site-packages/a.egg-info/requires.txt",
        ),
        ("python-requirements", "/app/requirements.txt", "/app/x"),
        ("poetry-lock", "/app/poetry.lock", "/app/pyproject.toml"),
        ("uv-lock", "/app/uv.lock", "/app/x"),
        ("pdm-lock", "/app/pdm.lock", "/app/pyproject.toml"),
        ("pipfile-lock", "/app/Pipfile.lock", "/app/Pipfile"),
        ("pylock-toml", "/app/pylock.toml", "/app/pyproject.toml"),
        ("pixi-lock", "/app/pixi.lock", "/app/pyproject.toml"),
    ])
});

fuzz_target!(|input: &[u8]| {
    let components = FAMILY.read(input).into_iter().flat_map(|inventory| inventory.components);
    for component in components {
        assert!(component.purl.is_some(), "{component:?}");
    }
});
