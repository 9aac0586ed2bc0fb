//! Lockfiles and lists of Ruby, PHP, .NET, Cargo, Go and conda come from anyone. Whatever they hold, what is found has a name and a purl,
//! but for projects of one's own.
#![no_main]

use std::sync::LazyLock;

use garrison_fuzz::Family;
use libfuzzer_sys::fuzz_target;

static FAMILY: LazyLock<Family> = LazyLock::new(|| {
    Family::new(&[
        ("gemfile-lock", "/app/Gemfile.lock", "/app/x"),
        ("gemspec-installed", "/g/specifications/a.gemspec", "/g/specifications/b.gemspec"),
        ("composer-lock", "/app/composer.lock", "/app/composer.json"),
        ("composer-installed", "/app/vendor/composer/installed.json", "/app/composer.json"),
        ("dotnet-deps", "/app/a.deps.json", "/app/x"),
        ("nuget-lock", "/app/packages.lock.json", "/app/x"),
        ("cargo-lock", "/app/Cargo.lock", "/app/Cargo.toml"),
        ("go-mod", "/app/go.mod", "/app/go.sum"),
        ("go-mod", "/go.work", "/app/go.mod"),
        ("go-mod", "/app/vendor/modules.txt", "/app/go.mod"),
        ("conda-meta", "/env/conda-meta/a.json", "/env/conda-meta/b.json"),
        ("nuget-assets", "/app/obj/project.assets.json", "/app/x"),
    ])
});

fuzz_target!(|input: &[u8]| {
    let components = FAMILY.read(input).into_iter().flat_map(|inventory| inventory.components);
    for component in components {
        let is_own_project = component.found_by == "nuget-lock" && component.version.is_none();
        assert!(component.purl.is_some() || is_own_project, "{component:?}");
    }
});
