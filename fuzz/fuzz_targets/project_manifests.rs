//! What projects ask for comes from anyone. Whatever they hold, what is found has a name and a purl.
#![no_main]

use std::sync::LazyLock;

use garrison_fuzz::Family;
use libfuzzer_sys::fuzz_target;

static FAMILY: LazyLock<Family> = LazyLock::new(|| {
    Family::new(&[
        ("npm-manifest", "/app/package.json", "/app/x"),
        ("cargo-manifest", "/app/a/Cargo.toml", "/app/Cargo.toml"),
        ("composer-manifest", "/app/composer.json", "/app/x"),
        ("gem-manifest", "/app/Gemfile", "/app/gems.rb"),
        ("python-manifest", "/app/pyproject.toml", "/app/Pipfile"),
        ("dotnet-project", "/app/a.csproj", "/Directory.Packages.props"),
        ("dotnet-project", "/app/packages.config", "/app/x"),
        ("gradle-build", "/app/build.gradle", "/app/gradle/libs.versions.toml"),
        ("gradle-build", "/app/build.gradle", "/gradle.properties"),
        ("dotnet-project", "/app/a.csproj", "/app/common.props"),
        ("python-manifest", "/app/setup.py", "/app/setup.cfg"),
        ("github-actions", "/.github/workflows/a.yml", "/a/action.yml"),
    ])
});

fuzz_target!(|input: &[u8]| {
    let components = FAMILY.read(input).into_iter().flat_map(|inventory| inventory.components);
    for component in components {
        assert!(component.purl.is_some(), "{component:?}");
    }
});
