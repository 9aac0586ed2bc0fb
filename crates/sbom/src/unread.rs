//! Which of an inventory's unknowns were not read, and which of those may hide packages.

use std::sync::LazyLock;

use component::Unknown;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::cataloger::{Evidence, Pattern, TOO_MANY, TOO_MANY_EDGES, TOO_MANY_FILES};
use crate::catalogers;
use crate::ecosystems::manifests;
use crate::extractors::rpm_database::TOO_MANY_VALUES;

/// How the reason ends for a program that was read to its end and that nothing names.
pub(crate) const UNNAMED: &str = "no package owns it and nothing in it names it";

/// How the reason goes on for a manifest of a project of which nothing says what became of what it asks for, and how it ends: in between is what nothing
/// says, the versions or what all that needs.
pub(crate) const NOTHING_SAYS: &str = ": nothing here says ";
pub(crate) const IN_TURN: &str = " need in turn";

/// How it ends in an image, in which what is installed counts, not what is asked for.
pub(crate) const UNDECIDED_IN_IMAGE: &str = ": nothing that is installed here says what became of it";

/// How the reason ends for a build script that asks for what it does not name.
pub(crate) const UNWRITTEN: &str = ": nothing here says which packages these are";

/// How it ends for what a manifest asks for in some builds alone.
pub(crate) const UNCONDITIONED: &str = ": nothing here says whether it is built so";

/// How the reason ends for a lockfile or manifest that is known by its name alone.
pub(crate) const UNCATALOGED: &str = ": no cataloger reads such a file";

/// The same in an image.
pub(crate) const UNCATALOGED_IN_IMAGE: &str = ": no cataloger reads such a file, and what is installed here counts";

/// How the reason ends for a hard link that would be read, to something that was not.
pub(crate) const UNKEPT: &str = ", whose bytes were not kept";

/// How the reason begins for a sparse file that would be read, and whose holes were not filled.
pub(crate) const SPARSE: &str = "a sparse file";

/// Where package managers keep what is installed, by the ends of paths: the files, and the folders that may be refused as a whole.
const DATABASES: [&str; 16] = [
    "/lib/dpkg/status",
    "/lib/dpkg/status.d",
    "/lib/dpkg",
    "/lib/opkg/status",
    "/lib/opkg",
    "/lib/apk/db/installed",
    "/lib/apk/db",
    "/lib/apk",
    "/rpm/rpmdb.sqlite",
    "/rpm/rpmdb.sqlite-wal",
    "/rpm/Packages",
    "/rpm/Packages.db",
    "/lib/rpm",
    "/sysimage/rpm",
    "/rpmmanifest/container-manifest-2",
    "/var/lib",
];

/// Folders of package managers that have a file for each package.
const PARTS: [&str; 3] = ["/lib/dpkg/status.d/", "/lib/opkg/info/", "/conda-meta/"];

/// Of what catalogers claim, what says more of packages that other files list.
const DETAILS: [&str; 11] = [
    "**/etc/apk/world",
    "**/lib/{dpkg,opkg}/info/*.{list,md5sums,conffiles}",
    "**/lib/apt/extended_states",
    "**/usr/share/doc/*/copyright",
    "**/META-INF/maven/**/pom.{xml,properties}",
    "**/*{dist-info,DIST-INFO}/{RECORD,REQUESTED,INSTALLER,direct_url.json}",
    "**/*{egg-info,EGG-INFO}/{requires.txt,installed-files.txt}",
    "**/{go.sum,go.work.sum}",
    "**/gradle.properties",
    "**/.yarnrc.yml",
    // Others than Java's are called so too.
    "**/*.{rar,par,sar,nar,kar,lpkg,zap,far}",
];

/// How the reason ends for what a list of requirements asks for without its name.
pub(crate) const NO_PACKAGE: &str = " does not say which package it is";

/// What is in the reason where a file was read, and what is missing of it is no package.
const BESIDE: [&str; 9] = [
    "the package.json has no valid name and version",
    " packages are not followed: ",
    "the archives of one class path need each other in more than ",
    "does not agree with ",
    "the lockfile has more sets of peers than ",
    TOO_MANY_EDGES,
    TOO_MANY_FILES,
    TOO_MANY_VALUES,
    UNDECIDED_IN_IMAGE,
];

/// The files that list packages, by what catalogers claim: those of which it counts that they are there, and those that say what is wanted.
static LISTS: LazyLock<[GlobSet; 2]> = LazyLock::new(|| {
    [Evidence::Installed, Evidence::Declared].map(|evidence| {
        let claims = catalogers()
            .iter()
            .filter(|cataloger| cataloger.evidence == evidence && cataloger.name != "os-release")
            .flat_map(|cataloger| cataloger.claims);
        let patterns = claims.filter_map(|claim| match claim.pattern {
            Pattern::Path(pattern) => Some(pattern),
            Pattern::Executable => None,
        });
        globs(patterns)
    })
});

static DETAILED: LazyLock<GlobSet> = LazyLock::new(|| globs(DETAILS.into_iter()));

fn globs(patterns: impl Iterator<Item = &'static str>) -> GlobSet {
    let mut builder = GlobSetBuilder::new();
    for pattern in patterns {
        builder.add(GlobBuilder::new(pattern).literal_separator(true).build().expect("a pattern of ours is a glob"));
    }
    builder.build().expect("our patterns make a set")
}

/// Tells whether a file is one that lists packages. What is wanted by a package that was installed or fetched is its own matter.
fn lists_packages(path: &str) -> bool {
    let relative = path.trim_start_matches('/');
    let [installed, declared] = &*LISTS;
    let is_list = installed.is_match(relative) || (declared.is_match(relative) && manifests::is_of_project(path));
    is_list && !DETAILED.is_match(relative)
}

/// Tells whether a reason is about what else a file says than which packages there are.
fn is_beside(reason: &str) -> bool {
    let place = reason
        .strip_prefix('`')
        .filter(|reason| reason.ends_with(NO_PACKAGE))
        .and_then(|reason| reason.split_whitespace().next());
    let is_of_place = place.is_some_and(|place| place.contains('/') && !place.contains("://"));
    let is_constraint = reason.starts_with("refers to `") && reason.ends_with("`, which was not read");
    // What lies at a place is read there.
    is_of_place
        || is_constraint
        || reason.ends_with(UNCATALOGED_IN_IMAGE)
        || BESIDE.iter().any(|beside| reason.contains(beside))
}

/// Tells whether something was not read, wholly or in part, or not understood. What was read and is named by nothing is none of this.
pub fn is_unread(unknown: &Unknown) -> bool {
    !unknown.reason.ends_with(UNNAMED)
}

/// Tells whether packages may be missing for it: what lists packages was not read to its end or not understood, a limit left components out, or nothing says
/// what became of what a project asks for or locks. What a limit leaves out of edges and of files that packages own hides no package.
pub fn hides_packages(unknown: &Unknown) -> bool {
    let path = unknown.location.path.as_str();
    let reason = unknown.reason.as_str();
    let is_of_database =
        DATABASES.iter().any(|end| path.ends_with(end)) || PARTS.iter().any(|folder| path.contains(folder));
    reason == TOO_MANY
        || (reason.starts_with(SPARSE) && !DETAILED.is_match(path.trim_start_matches('/')))
        || (reason.ends_with(IN_TURN) && reason.contains(NOTHING_SAYS))
        || [UNWRITTEN, UNCONDITIONED, UNCATALOGED].iter().any(|end| reason.ends_with(end))
        || ((is_of_database || lists_packages(path)) && is_unread(unknown) && !is_beside(reason))
}

#[cfg(test)]
mod tests {
    use component::Location;

    use super::*;

    #[test]
    fn what_was_not_read_may_hide_packages() {
        let limit = "71303168 bytes, the limit for such a file is 67108864";
        for (path, reason, unread, hides) in [
            (
                "/opt/tool",
                "ELF program, statically linked: no package owns it and nothing in it names it",
                false,
                false,
            ),
            ("/opt/tool", "ELF program: a section lies outside of the file", true, false),
            ("/app/package.json", "the package.json has no valid name and version", true, false),
            ("/app/package.json", TOO_MANY, true, true),
            (
                "/app/package.json",
                &format!("asks for lodash{NOTHING_SAYS}which versions these get and what they{IN_TURN}"),
                true,
                true,
            ),
            ("/app/build.gradle", &format!("asks for h2 1.0{NOTHING_SAYS}what these{IN_TURN}"), true, true),
            ("/app/package.json", &format!("asks for lodash{UNDECIDED_IN_IMAGE}"), true, false),
            ("/app/build.gradle", &format!("asks in line 3 for what it does not name, `api x`{UNWRITTEN}"), true, true),
            ("/app/pom.xml", &format!("asks for h2 in the profile `x`{UNCONDITIONED}"), true, true),
            ("/app/mix.lock", &format!("a lockfile of Elixir{UNCATALOGED}"), true, true),
            ("/app/mix.lock", &format!("a lockfile of Elixir{UNCATALOGED_IN_IMAGE}"), true, false),
            ("/app/a.jar", &format!("a hard link to `/store/a`{UNKEPT}"), true, true),
            ("/app/program", &format!("{SPARSE} whose map of holes is not understood"), true, true),
            ("/usr/share/doc/x/copyright", &format!("{SPARSE} whose map of holes is not understood"), true, false),
            ("/", TOO_MANY, true, true),
            ("/", TOO_MANY_FILES, true, false),
            ("/var/lib/dpkg/status", limit, true, true),
            ("/var/lib/dpkg/status", TOO_MANY_EDGES, true, false),
            ("/var/lib/dpkg/status.d/base", limit, true, true),
            ("/var/lib/dpkg/info/base.list", limit, true, false),
            ("/var/lib/dpkg", "permission denied", true, true),
            (
                "/srv/var/lib/dpkg/status",
                "nothing below `/srv` says which distribution its packages are of",
                true,
                true,
            ),
            (
                "/srv/var/lib/rpm/rpmdb.sqlite",
                "nothing below `/srv` says which distribution its packages are of",
                true,
                true,
            ),
            (
                "/srv/lib/apk/db/installed",
                "nothing below `/srv` says which distribution its packages are of",
                true,
                true,
            ),
            ("/usr/lib/sysimage/rpm/Packages.db", "a page that is used twice", true, true),
            ("/var/lib/rpm/Packages", "more than 9 files and relations, so that not all are known", true, false),
            ("/srv/Packages", limit, true, false),
            ("/app/package-lock.json", "the lockfile is not JSON (line 1)", true, true),
            ("/app/deep/Cargo.lock", limit, true, true),
            ("/app/Gemfile.lock", "it leads to `/locks/one`, which is not read", true, true),
            ("/app/node_modules/x/Cargo.lock", "the lockfile is not TOML (line 1)", true, false),
            ("/app/node_modules/x/package.json", "the package.json is not JSON (line 1)", true, true),
            ("/app/lib/x.jar", "no end of a central directory", true, true),
            (
                "/usr/lib/python3/dist-packages/x-1.dist-info/METADATA",
                "the metadata has no valid name and version",
                true,
                true,
            ),
            ("/usr/lib/python3/dist-packages/x-1.dist-info/RECORD", limit, true, false),
            ("/usr/share/doc/x/copyright", limit, true, false),
            ("/app/go.sum", limit, true, false),
            ("/app/pnpm-lock.yaml", TOO_MANY_EDGES, true, false),
            (
                "/app/yarn.lock",
                "the lockfile has more sets of peers than the limit allows; who provides them is left out",
                true,
                false,
            ),
            ("/app/requirements.txt", "`git+https://example.org/x` does not say which package it is", true, true),
            ("/app/requirements.txt", "`./own` does not say which package it is", true, false),
            ("/app/requirements.txt", "`file:packages/own` does not say which package it is", true, false),
            ("/app/requirements.txt", "`<<<<<<< a/b` does not say which package it is", true, true),
            ("/app/vendor/modules.txt", "does not agree with the go.mod on x: both are listed", true, false),
            ("/app/Makefile", limit, true, false),
            ("/lib/apk/db/installed", "2 entries without a name, or with one longer than the limit", true, true),
        ] {
            let unknown = Unknown { location: Location::new(path, None), reason: reason.to_owned() };
            assert_eq!((is_unread(&unknown), hides_packages(&unknown)), (unread, hides), "{path}: {reason}");
        }
    }
}
