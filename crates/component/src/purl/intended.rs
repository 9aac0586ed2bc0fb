//! What is written in the place of a purl's type: names of registries, tools and languages.

use super::PurlType;
use super::definition::registered;

impl PurlType {
    /// Returns the registered type that was probably meant by one that is not: `gem` by `rubygems`, `cargo` by `carg`.
    pub fn intended(&self) -> Option<&'static str> {
        // Of shorter ones too many are one letter apart: `hub` is no `pub`.
        const LIKE_LENGTH_MIN: usize = 4;
        if self.is_registered() {
            return None;
        }
        let text = self.as_str();
        let called = CALLED.iter().find(|(names, _)| names.contains(&text)).map(|(_, ty)| *ty);
        let is_alike = |ty: &&str| text.len() >= LIKE_LENGTH_MIN && strsim::osa_distance(text, ty) == 1;
        called.or_else(|| registered().find(is_alike))
    }
}

const CALLED: [(&[&str], &str); 18] = [
    (&["arch", "archlinux", "pacman"], "alpm"),
    (&["alpine", "wolfi"], "apk"),
    (&["homebrew"], "brew"),
    (&["crate", "crates", "crates-io", "crates.io", "rust", "rust-crate"], "cargo"),
    (&["pod", "pods"], "cocoapods"),
    (&["packagist", "php", "php-composer"], "composer"),
    (&["perl"], "cpan"),
    (&["debian", "dpkg", "ubuntu"], "deb"),
    (&["ruby", "rubygem", "rubygems"], "gem"),
    (&["go", "go-module", "gomod", "gomodule"], "golang"),
    (&["haskell"], "hackage"),
    (&["elixir", "erlang"], "hex"),
    (&["gradle", "java", "java-archive", "mvn"], "maven"),
    (&["javascript", "js", "nmp", "node", "nodejs", "pnpm", "yarn"], "npm"),
    (&["dotnet", "nupkg"], "nuget"),
    (&["pip", "pipy", "python", "wheel"], "pypi"),
    (&["almalinux", "centos", "fedora", "opensuse", "redhat", "rhel", "rocky", "suse"], "rpm"),
    (&["spm", "swiftpm"], "swift"),
];
