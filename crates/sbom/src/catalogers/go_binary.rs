//! Go programs, by what the linker left in them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use component::{Component, Hash, HashAlgorithm, PackageType, Purl, Scope, Technique};

use crate::extractors::executable::{EXECUTABLE, Executable, GoBuildInfo, GoModule, ModuleInfo};
use crate::{Abilities, Cataloger, Claim, Edges, Evidence, File, Findings, Keep, Pattern, Versions, View};

const NAME: &str = "go-binary";

/// Finds the modules that Go programs were linked from.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: NAME,
    summary: "Go programs: their modules, by the build information in them",
    evidence: Evidence::Installed,
    claims: &[Claim { pattern: Pattern::Executable, keep: Keep::Record(&EXECUTABLE) }],
    abilities: Abilities { packages: &[PackageType::GoModule], versions: Versions::Exact, edges: Edges::Flat, licenses: false, files: false, hashes: true },
    catalog,
};

/// The longest version that is taken from a linker flag; release names are shorter.
const VERSION_BYTES_MAX: usize = 128;

fn catalog(view: &View<'_>, findings: &mut Findings) {
    for file in view.files(0) {
        let Some(executable) = Executable::from_record(file.bytes()) else { continue };
        if let Some(go) = &executable.go {
            program(&file, &executable, go, findings);
        }
    }
}

fn program(file: &File<'_>, executable: &Executable, go: &GoBuildInfo, findings: &mut Findings) {
    let none = ModuleInfo::default();
    let modules = go.modules.as_ref().unwrap_or(&none);
    let architecture = modules.setting("GOARCH").map(str::to_owned).or_else(|| executable.architecture.clone());
    let new = |name: &str, version: Option<&str>| {
        let mut component = Component::new(PackageType::GoModule, name, NAME, Technique::Binary);
        component.version = version.map(str::to_owned);
        component.purl = purl(name, version);
        component.architecture.clone_from(&architecture);
        component.locations.push(file.location());
        component
    };

    let main = modules.main.as_ref().filter(|main| !main.path.is_empty()).map(|main| {
        let version = MainVersion::of(main, modules);
        let mut component = new(&main.path, version.as_ref().map(|version| version.text.as_str()));
        component.hashes.extend(hash(main));
        if let Some(version) = version.filter(|version| version.is_from_flags) {
            component.confidence_percent = 80;
            component.properties.insert("go:version-source".into(), version.source);
        }
        for (property, setting) in
            [("go:vcs-revision", "vcs.revision"), ("go:vcs-time", "vcs.time"), ("go:vcs-modified", "vcs.modified"), ("go:cgo", "CGO_ENABLED")]
        {
            if let Some(value) = modules.setting(setting) {
                component.properties.insert(property.into(), value.to_owned());
            }
        }
        if let Some(path) = &modules.path {
            component.properties.insert("go:package".into(), path.clone());
        }
        let main = findings.add(component);
        findings.direct(main, Scope::Runtime);
        main
    });

    // As Syft has it: the version keeps its `go`, the purl's has none.
    let mut library = new("stdlib", go.go_version.split_whitespace().next());
    library.purl = purl("stdlib", library.version.as_deref().map(|version| version.strip_prefix("go").unwrap_or(version)));
    let library = findings.add(library);
    if let Some(main) = main {
        findings.depends_on(main, library, Scope::Runtime);
    }
    for dependency in &modules.dependencies {
        let linked = dependency.replacement.as_ref().unwrap_or(&dependency.module);
        // A module that was replaced by a directory keeps its own name, since the directory's path means nothing here, and has no version: what
        // was asked for is not what was built.
        let is_directory = module_version(linked).is_none() && dependency.replacement.is_some();
        let named = if is_directory { &dependency.module } else { linked };
        if named.path.is_empty() {
            continue;
        }
        let mut component = new(&named.path, module_version(linked));
        component.hashes.extend(hash(linked));
        if dependency.replacement.is_some() {
            let (key, value) = if is_directory { ("go:replaced-by", &linked.path) } else { ("go:replaces", &dependency.module.path) };
            component.properties.insert(key.into(), value.clone());
        }
        let dependency = findings.add(component);
        if let Some(main) = main {
            findings.depends_on(main, dependency, Scope::Runtime);
        }
    }
}

struct MainVersion {
    text: String,
    is_from_flags: bool,
    source: String,
}

impl MainVersion {
    /// The version that the build has, or else the one that its author gave to the linker.
    fn of(main: &GoModule, modules: &ModuleInfo) -> Option<Self> {
        if let Some(version) = module_version(main).filter(|version| !is_of_no_release(version)) {
            return Some(Self { text: version.to_owned(), is_from_flags: false, source: String::new() });
        }
        let (variable, text) = flag_version(modules.setting("-ldflags")?, &main.path)?;
        Some(Self { text, is_from_flags: true, source: format!("-ldflags {variable}") })
    }
}

fn module_version(module: &GoModule) -> Option<&str> {
    Some(module.version.as_str()).filter(|version| !version.is_empty() && *version != "(devel)")
}

/// Tells whether a version is a pseudo-version of a commit before which nothing was tagged: `v0.0.0-20261130215758-255e6584aa36`. Go gives it also to what is
/// built where tags were not fetched, and it is older than every release. <https://go.dev/ref/mod#pseudo-versions>
fn is_of_no_release(version: &str) -> bool {
    let version = version.split('+').next().unwrap_or_default();
    let mut parts = version.split('-');
    let [Some(base), Some(time), Some(commit), None] = [(); 4].map(|()| parts.next()) else { return false };
    let major = base.strip_prefix('v').and_then(|base| base.strip_suffix(".0.0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    major.is_some_and(is_number)
        && (time.len() == 14 && is_number(time))
        && (commit.len() == 12 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Finds `-X importpath.version=v1.2.3` in linker flags: in package `main` or in one of the module's own, and only what looks like a version.
fn flag_version(flags: &str, module: &str) -> Option<(String, String)> {
    let words = words(flags);
    let mut candidates = words.iter().enumerate().filter_map(|(at, word)| {
        let assignment = match word.as_str() {
            "-X" | "--X" => words.get(at + 1)?.as_str(),
            word => word.strip_prefix("-X=").or_else(|| word.strip_prefix("--X="))?,
        };
        let (variable, value) = assignment.split_once('=')?;
        let (package, name) = variable.rsplit_once('.')?;
        let is_own = package == "main" || package == module || package.strip_prefix(module).is_some_and(|rest| rest.starts_with('/'));
        let is_version = ["version", "appversion", "buildversion", "gitversion", "release", "tag", "gittag"].contains(&name.to_ascii_lowercase().as_str());
        let rank = (package != "main", !name.eq_ignore_ascii_case("version"));
        (is_own && is_version && looks_like_a_version(value)).then(|| (rank, variable.to_owned(), value.to_owned()))
    });
    let mut best = candidates.next()?;
    for candidate in candidates {
        if candidate.0 < best.0 {
            best = candidate;
        }
    }
    Some((best.1, best.2))
}

fn looks_like_a_version(text: &str) -> bool {
    let digits = text.strip_prefix('v').unwrap_or(text);
    text.len() <= VERSION_BYTES_MAX
        && digits.starts_with(|character: char| character.is_ascii_digit())
        && digits.contains('.')
        && digits.chars().all(|character| character.is_ascii_alphanumeric() || ".-+_~".contains(character))
}

/// Splits flags at spaces, except within quotes.
fn words(flags: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for character in flags.chars() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (None, space) if space.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            (_, other) => word.push(other),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Returns the purl of a module. The type's definition has the whole path in namespace and name.
fn purl(path: &str, version: Option<&str>) -> Option<Purl> {
    let (namespace, name) = path.rsplit_once('/').unwrap_or(("", path));
    Purl::builder("golang", name).namespace(namespace).version(version.unwrap_or_default()).build().ok()
}

/// Returns the hash of a module's tree, which `go.sum` calls `h1`: the SHA-256 of the list of its files' SHA-256.
fn hash(module: &GoModule) -> Option<Hash> {
    let digest = STANDARD.decode(module.sum.as_deref()?.strip_prefix("h1:")?).ok().filter(|digest| digest.len() == 32)?;
    Some(Hash { algorithm: HashAlgorithm::Sha256, hex: hex::encode(digest) })
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "samples are small")]
mod tests {
    use super::*;
    use crate::extractors::executable::samples::elf;
    use crate::testing::{catalog, render};

    /// A smallest ELF file with one section `.go.buildinfo`.
    fn program(modules: &str) -> Vec<u8> {
        let framed = if modules.is_empty() { String::new() } else { format!("{:016}{modules}{:016}", 0, 0) };
        let mut data = b"\xff Go buildinf:\x08\x02".to_vec();
        data.resize(32, 0);
        for text in ["go1.22.3", &framed] {
            let mut len = text.len();
            while len >= 0x80 {
                data.push(len as u8 | 0x80);
                len >>= 7;
            }
            data.push(len as u8);
            data.extend(text.as_bytes());
        }
        elf(&[(".go.buildinfo", &data)])
    }

    fn check(modules: &str) -> String {
        render(&catalog(&CATALOGER, &[("/bin/program", &program(modules))]))
    }

    #[test]
    fn a_program_without_modules_has_a_standard_library() {
        insta::assert_snapshot!(check(""), @"go-module stdlib@go1.22.3 pkg:golang/stdlib@1.22.3 arch=amd64 at /bin/program");
    }

    #[test]
    fn modules_replacements_and_the_version_of_the_main_module() {
        let modules = "path\texample.org/Team/app/cmd/x\nmod\texample.org/Team/app\t(devel)\t\n\
            dep\texample.org/b/v2\tv2.0.0\th1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\
            dep\texample.org/c\tv1.0.0\n=>\texample.org/fork\tv1.0.1\th1:broken\n\
            dep\texample.org/d\tv0.0.0\n=>\t../d\t\t\n\
            dep\texample.org/e\tv1.2.0\n=>\t./e\t(devel)\t\n\
            build\t-ldflags=\"-s -w -X main.commit=abc -X 'main.Version=v1.4.0-rc.1'\"\nbuild\tGOARCH=arm64\nbuild\tvcs.revision=0123\n";
        insta::assert_snapshot!(check(modules), @r#"
        go-module example.org/Team/app@v1.4.0-rc.1 pkg:golang/example.org/team/app@v1.4.0-rc.1 direct arch=arm64 go:package="example.org/Team/app/cmd/x" go:vcs-revision="0123" go:version-source="-ldflags main.Version" at /bin/program
        go-module example.org/b/v2@v2.0.0 pkg:golang/example.org/b/v2@v2.0.0 arch=arm64 Sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 at /bin/program
        go-module example.org/d pkg:golang/example.org/d arch=arm64 go:replaced-by="../d" at /bin/program
        go-module example.org/e pkg:golang/example.org/e arch=arm64 go:replaced-by="./e" at /bin/program
        go-module example.org/fork@v1.0.1 pkg:golang/example.org/fork@v1.0.1 arch=arm64 go:replaces="example.org/c" at /bin/program
        go-module stdlib@go1.22.3 pkg:golang/stdlib@1.22.3 arch=arm64 at /bin/program
        root -> example.org/Team/app@v1.4.0-rc.1
        example.org/Team/app@v1.4.0-rc.1 -> example.org/b/v2@v2.0.0
        example.org/Team/app@v1.4.0-rc.1 -> example.org/d
        example.org/Team/app@v1.4.0-rc.1 -> example.org/e
        example.org/Team/app@v1.4.0-rc.1 -> example.org/fork@v1.0.1
        example.org/Team/app@v1.4.0-rc.1 -> stdlib@go1.22.3
        "#);
    }

    #[test]
    fn a_commit_without_a_tag_is_no_version_of_the_main_module() {
        let found = |version: &str, flags: &str| {
            let text = check(&format!("mod\texample.org/m\t{version}\t\ndep\texample.org/b\tv0.0.0-20261130215758-255e6584aa36\n{flags}"));
            let of = |name: &str| {
                let line = text.lines().find(|line| line.starts_with(&format!("go-module {name}"))).unwrap_or_default();
                line.split(' ').nth(1).unwrap_or_default().to_owned()
            };
            assert_eq!(of("example.org/b"), "example.org/b@v0.0.0-20261130215758-255e6584aa36");
            of("example.org/m")
        };
        let flags = "build\t-ldflags=\"-X main.version=v2.0.1\"\n";
        for (version, flags, expected) in [
            ("v0.0.0-20261130215758-255e6584aa36", "", "example.org/m"),
            ("v0.0.0-20261130215758-255e6584aa36+dirty", "", "example.org/m"),
            ("v2.0.0-20261130215758-255e6584aa36+incompatible", "", "example.org/m"),
            ("v0.0.0-20261130215758-255e6584aa36", flags, "example.org/m@v2.0.1"),
            // After a tag it lies between two releases.
            ("v1.2.4-0.20261130215758-255e6584aa36", flags, "example.org/m@v1.2.4-0.20261130215758-255e6584aa36"),
            ("v1.0.0-rc1.0.20261130215758-255e6584aa36", "", "example.org/m@v1.0.0-rc1.0.20261130215758-255e6584aa36"),
            ("v1.0.0-2026-255e6584aa36", "", "example.org/m@v1.0.0-2026-255e6584aa36"),
            ("v1.2.3+dirty", "", "example.org/m@v1.2.3+dirty"),
            ("v0.0.0", "", "example.org/m@v0.0.0"),
        ] {
            assert_eq!(found(version, flags), expected, "{version}");
        }
    }

    #[test]
    fn versions_in_linker_flags() {
        let cases = [
            ("-X main.version=1.2.3", Some("1.2.3")),
            ("-X=example.org/m/build.Version=v2.0.0", Some("v2.0.0")),
            ("-X example.org/m/build.Version=v2.0.0 -X main.version=1.0.0", Some("1.0.0")),
            ("-X 'main.version=1.0.0 beta'", None),
            ("-X main.version=unknown", None),
            ("-X main.goVersion=1.2.3", None),
            ("-X example.org/module.Version=v2.0.0", None),
            ("-X", None),
            ("", None),
        ];
        for (flags, expected) in cases {
            assert_eq!(flag_version(flags, "example.org/m").map(|(_, version)| version).as_deref(), expected, "{flags}");
        }
    }
}
